//! The rules of the house that a machine can check: package edges, arrows between modules, file
//! lengths, leftovers.

// The whole file is a test, also the functions that Clippy does not take for one.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

const MAX_LINES: usize = 500;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace")
}

/// Every Rust file below a folder of the workspace, with its path from the root and its text.
fn rust_files(folder: &str) -> Vec<(String, String)> {
    let root = root();
    let mut files = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).expect("below the root").to_string_lossy().into_owned();
                files.push((name, std::fs::read_to_string(path).expect("UTF-8")));
            }
        }
    }
    assert!(!files.is_empty(), "no files below {folder}");
    files
}

/// Code lines, without comments and what is quoted in them.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.starts_with("//"))
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version=1", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// What a package needs to run, by name.
fn dependencies<'a>(metadata: &'a Value, package: &'a str) -> impl Iterator<Item = &'a str> {
    let packages = metadata["packages"].as_array().expect("packages");
    let found = packages.iter().find(|found| found["name"] == package).expect(package);
    let all = found["dependencies"].as_array().expect("dependencies");
    all.iter()
        .filter(|dependency| dependency["kind"].is_null())
        .map(|dependency| dependency["name"].as_str().expect("a name"))
}

/// What the packages may depend on.
const ALLOWED: [(&str, &[&str]); 8] = [
    ("safelight-domain", &["csscolorparser", "hmac", "sha2", "subtle", "thiserror"]),
    ("safelight-webp", &["libwebp-sys", "thiserror"]),
    ("safelight-aom", &["libaom-sys", "thiserror"]),
    ("safelight-mozjpeg", &["mozjpeg-sys", "thiserror"]),
    ("safelight-rav1d", &["re_rav1d", "thiserror"]),
    (
        "safelight-pixels",
        &[
            "safelight-domain",
            "safelight-webp",
            "safelight-rav1d",
            "safelight-aom",
            "safelight-mozjpeg",
            "heic-decoder",
            "jxl-oxide",
            "thiserror",
            "zune-jpeg",
            "zune-core",
            "png",
            "gif",
            "image-webp",
            "jpeg-encoder",
            "moxcms",
            "pulp",
            "quantizr",
            "svg-hush",
            "tiff",
        ],
    ),
    (
        "safelight-catalog",
        &[
            "safelight-domain",
            "async-channel",
            "bytes",
            "futures-util",
            "lru",
            "rusqlite",
            "rustls",
            "serde",
            "serde_json",
            "tempfile",
            "thiserror",
            "tokio",
            "tokio-postgres",
            "tokio-postgres-rustls",
            "webpki-roots",
            "tracing",
            "url",
        ],
    ),
    (
        "safelight-fuzzing",
        &["safelight", "safelight-domain", "safelight-pixels", "kamadak-exif", "roxmltree", "rustix"],
    ),
];

#[test]
fn packages_depend_on_what_they_may() {
    let metadata = metadata();
    for (package, allowed) in ALLOWED {
        for name in dependencies(&metadata, package) {
            assert!(allowed.contains(&name), "{package} may not depend on {name}");
        }
    }
    // SQL belongs to the catalog.
    assert!(!dependencies(&metadata, "safelight").any(|name| name == "rusqlite"));
    // Nobody goes past the engine to C.
    for name in dependencies(&metadata, "safelight") {
        let codecs = [
            "safelight-webp",
            "libwebp-sys",
            "safelight-aom",
            "libaom-sys",
            "safelight-mozjpeg",
            "mozjpeg-sys",
            "safelight-rav1d",
            "re_rav1d",
        ];
        assert!(!codecs.contains(&name), "the server may not depend on {name}");
    }
}

#[test]
fn arrows_between_modules() {
    let rules: [(&str, &[&str]); 18] = [
        // The use cases know no HTTP.
        ("crates/server/src/ingest", &["axum", "hyper", "crate::http", "crate::cli"]),
        ("crates/server/src/direct", &["axum", "hyper", "crate::http", "crate::cli"]),
        ("crates/server/src/import", &["axum", "hyper", "crate::http", "crate::cli"]),
        ("crates/server/src/logins", &["axum", "hyper", "crate::http", "crate::cli"]),
        ("crates/server/src/webhooks", &["axum", "crate::http", "crate::cli", "crate::app"]),
        ("crates/server/src/deliver", &["axum", "hyper", "crate::http", "crate::cli"]),
        ("crates/server/src/levels", &["axum", "crate::http", "crate::cli"]),
        ("crates/server/src/usage", &["axum", "crate::http", "crate::cli"]),
        (
            "crates/server/src/remote",
            &["axum", "hyper", "crate::http", "crate::cli", "crate::blobs", "crate::catalog"],
        ),
        ("crates/server/src/blobs", &["axum", "crate::http", "crate::cli", "crate::app", "crate::deliver"]),
        (
            "crates/server/src/renderer",
            &["axum", "crate::http", "crate::cli", "crate::app", "crate::catalog"],
        ),
        // What a URL of a stranger leads to knows nothing of keys, rows and blobs.
        (
            "crates/server/src/fetch",
            &["axum", "crate::http", "crate::cli", "crate::app", "crate::catalog", "crate::blobs"],
        ),
        // A worker reaches neither keys nor rows nor the network.
        (
            "crates/server/src/worker",
            &["axum", "tokio", "crate::http", "crate::app", "crate::catalog", "crate::blobs"],
        ),
        ("crates/server/src/doctor", &["axum", "crate::http", "crate::cli", "crate::app", "crate::deliver"]),
        ("crates/server/src/copy", &["axum", "crate::http", "crate::cli", "crate::app", "crate::deliver"]),
        ("crates/server/src/http", &["object_store", "crate::cli"]),
        ("crates/server/src/cli", &["object_store"]),
        ("crates/server/src/jobs", &["axum", "crate::http", "crate::cli"]),
    ];
    let files = rust_files("crates/server/src");
    for (place, forbidden) in rules {
        let mut seen = false;
        for (name, text) in files.iter().filter(|(name, _)| {
            name.strip_prefix(place).is_some_and(|rest| rest.starts_with('.') || rest.starts_with('/'))
        }) {
            seen = true;
            for prefix in forbidden {
                let used = code(text)
                    .any(|line| line.contains(&format!("{prefix}::")) || line == format!("use {prefix};"));
                assert!(!used, "{name} may not use {prefix}");
            }
        }
        assert!(seen, "no file is {place}: mend this test");
    }
    for (name, text) in &files {
        let pixels = code(text).any(|line| {
            let engine = ["render", "render_level", "levels", "probe"];
            engine.iter().any(|name| line.contains(&format!("safelight_pixels::{name}(")))
        });
        assert!(!pixels || name.contains("/worker"), "{name}: hostile bytes belong to the worker process");
    }
}

/// Nothing but the command that runs it can let anyone in.
#[test]
fn one_command_alone_leads_to_the_emulator() {
    let mut named = Vec::new();
    for (name, text) in rust_files("crates/server/src") {
        let own = name.starts_with("crates/server/src/emulator");
        if !own && code(&text).any(|line| line.contains("emulator::") || line.contains("made_by(")) {
            named.push(name);
        }
    }
    named.sort();
    assert_eq!(named, ["crates/server/src/cli/dev.rs", "crates/server/src/random.rs"]);
}

#[test]
fn pixels_name_codecs_in_their_own_files_only() {
    // Every other package that the engine needs is a codec.
    let elsewhere: [(&str, &[&str]); 5] = [
        ("safelight-domain", &[""]),
        ("thiserror", &[""]),
        ("moxcms", &["/color"]),
        ("pulp", &["/steps/scale.rs"]),
        ("svg-hush", &["/svg.rs"]),
    ];
    let metadata = metadata();
    let files = rust_files("crates/pixels/src");
    let mut unknown: Vec<&str> = elsewhere.iter().map(|(package, _)| *package).collect();
    for package in dependencies(&metadata, "safelight-pixels") {
        unknown.retain(|known| *known != package);
        let found = elsewhere.iter().find(|(known, _)| *known == package);
        let places = found.map_or(&["/decode", "/encode", "/probe"][..], |(_, places)| places);
        let mut used = false;
        for (name, _) in files.iter().filter(|(_, text)| code(text).any(|line| names(line, package))) {
            used = true;
            let place = name.trim_start_matches("crates/pixels/src");
            let may = place.ends_with("_tests.rs") || places.iter().any(|part| place.starts_with(part));
            assert!(may, "{name} may not name {package}");
        }
        assert!(used, "the engine does not name {package}");
    }
    assert_eq!(unknown, [""; 0], "the engine does not need these");
}

/// Whether a line of code has a path that begins with a package, or takes one of its names into use.
fn names(line: &str, package: &str) -> bool {
    let package = package.replace('-', "_");
    let word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(&package).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + package.len()..]);
        // A module may have the name of a package, as `decode::gif` has; an absolute path has none before.
        let inner = before.strip_suffix("::").is_some_and(|path| path.ends_with(|c| word(c) || c == '>'));
        let whole = !inner && !before.ends_with(word);
        let import = before.trim_start_matches("pub ").starts_with("use ") && !before.contains("::");
        whole && (after.starts_with("::") || import && !after.starts_with(word))
    })
}

#[test]
fn a_package_is_seen_wherever_it_is_named() {
    for line in [
        "use gif::Encoder;",
        "use gif;",
        "use gif as other;",
        "use {gif, png};",
        "pub use gif::Frame;",
        "let frame = gif::Frame::default();",
        "fn write(to: &mut gif::Encoder<W>) {}",
        "let all: Vec<::gif::Frame> = Vec::new();",
    ] {
        assert!(names(line, "gif"), "{line}");
    }
    for line in [
        "use crate::decode::gif::Frames;",
        "crate::probe::gif::header(file)",
        "use crate::decode::{gif, png};",
        "use gifs::Encoder;",
        "my_gif::encode()",
        "mod gif;",
        "let gif = read();",
    ] {
        assert!(!names(line, "gif"), "{line}");
    }
    assert!(names("let filter = svg_hush::Filter::new();", "svg-hush"));
}

#[test]
fn files_are_short_and_finished() {
    let macros = ["todo", "dbg", "unimplemented"].map(|name| format!("{name}!("));
    for (name, text) in ["crates", "crates/server/tests"].into_iter().flat_map(rust_files) {
        assert!(text.lines().count() <= MAX_LINES, "{name} has {} lines", text.lines().count());
        for left in &macros {
            assert!(!code(&text).any(|line| line.contains(left)), "{name}: {left}");
        }
        assert!(!code(&text).any(|line| line.starts_with("#[ignore")), "{name}: an ignored test");
        let module = Path::new(&name).file_stem().expect("a name").to_string_lossy().into_owned();
        assert!(!["util", "utils", "helpers", "common", "misc"].contains(&module.as_str()), "{name}");
    }
}

#[test]
fn folders_are_one_level_deep_and_unsafe_is_around_codecs() {
    let mut packages: Vec<String> = std::fs::read_dir(root().join("crates"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    packages.sort();
    // A package more is judged here too.
    assert_eq!(
        packages,
        ["aom", "catalog", "domain", "fuzzing", "mozjpeg", "pixels", "rav1d", "server", "webp"]
    );
    for package in packages {
        for (name, text) in rust_files(&format!("crates/{package}/src")) {
            let depth = name.split('/').count() - "crates/x/src/file.rs".split('/').count();
            assert!(depth <= 1, "{name}");
            let uses_unsafe =
                code(&text).any(|line| line.contains("unsafe ") || line.contains("allow(unsafe_code"));
            // The calls into a codec, and no other file.
            let native = CODECS.iter().any(|codec| name == format!("crates/{codec}/src/native.rs"));
            assert_eq!(uses_unsafe, native, "{name}");
        }
        let manifest =
            std::fs::read_to_string(root().join(format!("crates/{package}/Cargo.toml"))).expect("a manifest");
        let lints =
            if CODECS.contains(&package.as_str()) { CODEC_LINTS } else { "[lints]\nworkspace = true" };
        assert!(manifest.contains(lints), "{package} has its lints");
    }
}

/// The packages with `unsafe`, each around one codec.
const CODECS: [&str; 4] = ["aom", "mozjpeg", "rav1d", "webp"];

/// What they have instead of `unsafe_code = "forbid"`.
const CODEC_LINTS: &str = "[lints.rust]\nunsafe_op_in_unsafe_fn = \"deny\"\n";
