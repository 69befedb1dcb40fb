//! What the targets start from: the engine's own fixtures, and texts.

use crate::Subject;
use crate::render::{LIMITS, PREFIX, TRANSFORMS};
use safelight::protocol::{Base, Message, Request, Response, Wall, Walls};
use safelight_domain::image::{SourceFormat, SourceInfo, SourceLimits, Turn};
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::Transform;
use safelight_pixels::{Fault, Source, levels, probe, render};
use std::path::{Path, PathBuf};

/// Larger files are mutated too slowly to be worth it, in bytes.
const LARGEST: u64 = 64 << 10;

/// Texts that no transform is written in.
const OPTIONS: [&str; 7] = [
    "w=400,h=300,f=webp,q=80,dpr=2",
    "width=auto,wbreakpoints=320;768,wmobile=300,wdesktop=900,scq=20",
    "trim=1;2;3;4,background=rgb%28240%2C40%2C145%29",
    "trim.border.color=white,trim.border.tolerance=0",
    "background=rgb(1,2,3),gravity=left,onerror=redirect",
    "fit=scale-down,draw=image:x;width:0.25;right:10;bottom:0;repeat:y;background:%230008",
    "/cheeW4oKsx5ljh8e8BoL2A/a%2Fb/public",
];

/// What a sanitiser has to leave, and what it has to take out.
const SVGS: [&str; 5] = [
    r##"<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9" height="9"><defs><linearGradient id="g"><stop offset="0" stop-color="red"/></linearGradient></defs><rect width="9" height="9" fill="url(#g)"/><use xlink:href="#g"/></svg>"##,
    r##"<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><style>rect{fill:url(http://x/y)}@import 'z';</style><image href="data:image/png;base64,AAAA"/><text x="1" style="fill:url( 'a' )">t&amp;u</text></svg>"##,
    r##"<svg xmlns="http://www.w3.org/2000/svg" onload="a()"><script>b()</script><a href="javascript:c()"><circle r="1"/></a><foreignObject><b xmlns="http://www.w3.org/1999/xhtml">d</b></foreignObject></svg>"##,
    r##"<!DOCTYPE svg [<!ENTITY e "f">]><svg xmlns="http://www.w3.org/2000/svg"><text>&e;</text><image href="//x/y"/></svg>"##,
    r##"<svg xmlns="http://www.w3.org/2000/svg"><a id="q"/><set href="#q" attributeName="href" to="javascript:g()"/><animate attributeName="xlink:href" values="h;i"/><![CDATA[<script>]]></svg>"##,
];

/// The folder of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Inputs for a target, made of texts and of the small files in `folders`.
///
/// # Errors
/// When a folder or a file in it cannot be read.
pub fn seeds(subject: Subject, folders: &[PathBuf]) -> std::io::Result<Vec<Vec<u8>>> {
    Ok(match subject {
        Subject::Options => TRANSFORMS.iter().chain(&OPTIONS).map(|text| text.as_bytes().to_vec()).collect(),
        Subject::Probe => files(folders)?,
        Subject::Svg => {
            let drawn = SVGS.iter().map(|text| text.as_bytes().to_vec());
            // Some may be refused by their heads.
            let drawn = drawn.filter(|file| is(SourceFormat::Svg, file));
            of_format(SourceFormat::Svg, folders)?.into_iter().chain(drawn).collect()
        }
        Subject::Render(format) => {
            let prefixed = of_format(format, folders)?.into_iter().enumerate();
            prefixed.map(|(number, file)| [&choices(number)[..], &file].concat()).collect()
        }
        Subject::Level => {
            let prefixed = files(folders)?.into_iter().filter_map(|file| level(&file)).enumerate();
            prefixed.map(|(number, file)| [&choices(number)[..], &file].concat()).collect()
        }
        Subject::Metadata => files(folders)?.iter().filter_map(|file| exif_block(file)).collect(),
        Subject::Protocol => messages(),
    })
}

/// The smallest level of a JPEG or a PNG that was made just as large as an original with levels is.
fn level(file: &[u8]) -> Option<Vec<u8>> {
    let format = match probe(file, &LIMITS).ok()?.format {
        SourceFormat::Jpeg => OutputFormat::Jpeg,
        SourceFormat::Png => OutputFormat::Png,
        _ => return None,
    };
    let larger = Transform::from_canonical("fit=squeeze,width=2000,height=500,metadata=keep").ok()?;
    let original = render(&Source { file, overlays: &[] }, &larger, format, &LIMITS).ok()?;
    levels(&original.bytes, 8, &LIMITS).ok()?.pop().map(|level| level.bytes)
}

/// Different ones for neighbours, so that a few files reach many choices.
fn choices(number: usize) -> [u8; PREFIX] {
    // Small numbers, cut where they are not.
    [(number % OutputFormat::ALL.len()) as u8, (number % TRANSFORMS.len()) as u8]
}

fn of_format(format: SourceFormat, folders: &[PathBuf]) -> std::io::Result<Vec<Vec<u8>>> {
    Ok(files(folders)?.into_iter().filter(|file| is(format, file)).collect())
}

fn is(format: SourceFormat, file: &[u8]) -> bool {
    probe(file, &SourceLimits::CLOUDFLARE).is_ok_and(|info| info.format == format)
}

fn files(folders: &[PathBuf]) -> std::io::Result<Vec<Vec<u8>>> {
    let mut paths = Vec::new();
    for folder in folders {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let about = entry.metadata()?;
            if about.is_file() && about.len() <= LARGEST {
                paths.push(entry.path());
            }
        }
    }
    paths.sort();
    paths.iter().map(std::fs::read).collect()
}

/// What follows the mark of an EXIF segment. A seed only: too much of it does no harm.
fn exif_block(file: &[u8]) -> Option<Vec<u8>> {
    let mark = b"Exif\0\0";
    let at = file.windows(mark.len()).position(|window| window == mark)?;
    file.get(at + mark.len()..).map(|rest| rest.iter().copied().take(2048).collect())
}

fn messages() -> Vec<Vec<u8>> {
    let mut messages = vec![
        bytes(&Request::Hello(SourceLimits::CLOUDFLARE)),
        bytes(&Request::Probe),
        bytes(&Request::ProbeBeginning),
        bytes(&Response::Ready(Walls { seccomp: Wall::Whole, landlock: Wall::Whole })),
        bytes(&Response::Rendered { width: 1, height: 2 }),
        bytes(&Response::Levels(vec![(4, 70_000), (8, 1)])),
        bytes(&Response::Refused(Fault::Corrupt("no end".to_owned()))),
        bytes(&Response::Refused(Fault::TooLarge { width: 1, height: 2, side: 3, area: 4 })),
    ];
    for (text, format) in TRANSFORMS.into_iter().zip(OutputFormat::ALL.into_iter().cycle()) {
        if let Ok(transform) = Transform::from_canonical(text) {
            let lengths = vec![7; 1 + transform.draw.len()];
            for base in [Base::Original, Base::Level] {
                let (transform, lengths) = (transform.clone(), lengths.clone());
                messages.push(bytes(&Request::Render { base, transform, output: format.into(), lengths }));
            }
        }
    }
    for format in SourceFormat::ALL {
        let info =
            SourceInfo { format, width: 3, height: 4, has_alpha: true, frames: 7, turn: Turn::Sideways };
        messages.push(bytes(&Response::Probed(info)));
    }
    messages
}

fn bytes<M: Message>(message: &M) -> Vec<u8> {
    let (kind, payload) = message.encode();
    [&kind.to_le_bytes()[..], &payload].concat()
}
