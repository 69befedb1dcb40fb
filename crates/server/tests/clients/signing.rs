//! The snippets of `docs/signing`: each is run over the known answers, and opens a private image.

use crate::script::repository;
use crate::server::{HASH, KEY, Server};
use safelight_domain::signature::{KeyName, SigningKey, sign_target};
use safelight_domain::time::UnixTime;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

const SAMPLE: &[u8] = include_bytes!("../../assets/sample.jpg");

// Written for readers, who may have it at the root of a crate.
#[allow(unreachable_pub)]
#[path = "../../../../docs/signing/sign.rs"]
mod rust_snippet;

/// A known answer of `docs/signing/vectors.json`.
#[derive(Deserialize)]
struct Vector {
    name: String,
    path: String,
    exp: Option<u64>,
    key: String,
    signature: String,
}

impl Vector {
    fn signed(&self) -> String {
        let exp = self.exp.map_or_else(|| "?".to_owned(), |exp| format!("?exp={exp}&"));
        format!("{}{exp}sig={}", self.path, self.signature)
    }
}

/// A snippet, ready to sign.
enum Signer {
    Program(Vec<String>),
    Rust,
}

impl Signer {
    fn sign(&self, path: &str, key: &str, expires: Option<u64>) -> String {
        let Signer::Program(program) = self else { return rust_snippet::sign(path, key, expires) };
        let mut command = needed(&program[0]);
        command.args(&program[1..]).arg(path).args(expires.map(|expires| expires.to_string()));
        // Java reads variables in the encoding of the locale.
        let output = command.env("SIGNING_KEY", key).env("LC_ALL", "C.UTF-8").output();
        let output = output.unwrap_or_else(|error| panic!("{program:?} (run `make setup`): {error}"));
        assert!(output.status.success(), "{program:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
    }
}

/// A program that may run for a minute.
fn needed(program: &str) -> Command {
    let mut command = Command::new("timeout");
    command.args(["60", program]);
    command
}

fn build(mut command: Command) {
    let output = command.output().expect("timeout, of coreutils");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Every snippet by its file's name, built below `folder` where its language is compiled.
fn signers(folder: &Path) -> Vec<(String, Signer)> {
    let snippets: PathBuf = repository().join("docs/signing");
    let go = folder.join("go");
    let mut compile = needed("go");
    compile.args(["build", "-o"]).arg(&go).arg(snippets.join("sign.go")).env("GOCACHE", folder.join("cache"));
    build(compile);
    let mut compile = needed("javac");
    compile.arg("-d").arg(folder).arg(snippets.join("Sign.java"));
    build(compile);

    let mut signers = Vec::new();
    for entry in std::fs::read_dir(&snippets).expect("a folder").flatten() {
        let name = entry.file_name().into_string().expect("UTF-8");
        let file = entry.path().to_string_lossy().into_owned();
        let folder = folder.to_string_lossy().into_owned();
        let program = match Path::new(&name).extension().and_then(|extension| extension.to_str()) {
            Some("mjs") => vec!["node".to_owned(), file],
            Some("py") => vec!["python3".to_owned(), file],
            Some("php") => vec!["php".to_owned(), file],
            Some("rb") => vec!["ruby".to_owned(), file],
            Some("sh") => vec!["sh".to_owned(), file],
            Some("go") => vec![go.to_string_lossy().into_owned()],
            Some("java") => vec!["java".to_owned(), "-cp".to_owned(), folder, "Sign".to_owned()],
            Some("rs") => vec![],
            Some("md" | "json") => continue,
            _ => panic!("{name} is in a language that this test does not know"),
        };
        let signer = if program.is_empty() { Signer::Rust } else { Signer::Program(program) };
        signers.push((name, signer));
    }
    assert!(signers.len() >= 8, "eight languages");
    signers
}

#[test]
fn every_snippet_gives_the_known_answers_and_opens_private_images() {
    let text = std::fs::read_to_string(repository().join("docs/signing/vectors.json")).expect("a file");
    let vectors: Vec<Vector> = serde_json::from_str(&text).expect("vectors");
    assert!(vectors.len() > 10);
    for vector in &vectors {
        let name = KeyName::parse(KeyName::DEFAULT).expect("a name");
        let key = SigningKey::new(name, vector.key.clone()).expect("a key");
        let signed = sign_target(&vector.path, "", vector.exp.map(UnixTime), &key);
        assert_eq!(signed, vector.signed(), "the program itself: {}", vector.name);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder.path().join("data"));
    server.upload(SAMPLE, &[("id", "ü 50%.jpg"), ("requireSignedURLs", "true")]);
    let path = format!("/{HASH}/%C3%BC%2050%25.jpg/public");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();

    for (name, signer) in signers(folder.path()) {
        for vector in &vectors {
            let signed = signer.sign(&vector.path, &vector.key, vector.exp);
            assert_eq!(signed, vector.signed(), "{name}: {}", vector.name);
        }
        for (path, expires, key, status) in [
            (path.as_str(), Some(now + 600), KEY, 200),
            (&path, None, KEY, 200),
            (&format!("/cdn-cgi/imagedelivery{path}"), Some(now + 600), KEY, 200),
            (&path, Some(now - 1), KEY, 403),
            (&path, Some(now + 600), "another key", 403),
        ] {
            let link = signer.sign(path, key, expires);
            assert_eq!(server.get(&link).status, status, "{name}: {link}");
        }
    }
}
