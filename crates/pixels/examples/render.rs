//! Renders what standard input asks for, for the tools that judge the engine from outside of it.
//!
//! Each line has fields with tabs between: where to write, options as in URLs (or a canonical text,
//! which may have overlays), the format where the options say `auto`, the file, and one file for each
//! overlay. Each answer is a line too: `rendered` with width, height, media type, and the source's media
//! type, width and height; `refused` with the media type as far as it is known and a reason;
//! or `invalid` with a reason, for options that are none.
#![allow(clippy::disallowed_methods, reason = "a tool reads and writes files")]

use safelight_domain::image::SourceLimits;
use safelight_domain::negotiate::{FormatChoice, OutputFormat};
use safelight_domain::options::{ClientHints, Options};
use safelight_domain::transform::Transform;
use safelight_pixels::{Source, probe, render};
use std::error::Error;
use std::io::{BufRead, Write};

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        writeln!(out, "{}", answer(&line?)?)?;
        out.flush()?;
    }
    Ok(())
}

fn answer(line: &str) -> Result<String, Box<dyn Error>> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [to, text, auto, file, overlays @ ..] = fields.as_slice() else {
        return Err("a line has at least four fields".into());
    };
    let auto = OutputFormat::parse(auto).ok_or("there is no such format")?;
    let (transform, format) = match parse(text, auto) {
        Ok(parsed) => parsed,
        Err(error) => return Ok(format!("invalid\t{error}")),
    };
    let file = std::fs::read(file)?;
    let overlays = overlays.iter().map(std::fs::read).collect::<Result<Vec<Vec<u8>>, _>>()?;
    let overlays: Vec<&[u8]> = overlays.iter().map(Vec::as_slice).collect();
    let limits = SourceLimits::CLOUDFLARE;
    let known = probe(&file, &limits);
    let media_type = known.as_ref().map_or("-", |info| info.format.media_type());
    let source = Source { file: &file, overlays: &overlays };
    Ok(match (render(&source, &transform, format, &limits), &known) {
        (Ok(made), Ok(info)) => {
            std::fs::write(to, &made.bytes)?;
            let (width, height) = (made.width, made.height);
            let kind = format.media_type();
            format!("rendered\t{width}\t{height}\t{kind}\t{media_type}\t{}\t{}", info.width, info.height)
        }
        (Ok(_), Err(fault)) => return Err(format!("rendered what cannot be probed: {fault}").into()),
        (Err(fault), _) => format!("refused\t{media_type}\t{}", fault.to_string().replace(['\t', '\n'], " ")),
    })
}

fn parse(text: &str, auto: OutputFormat) -> Result<(Transform, OutputFormat), Box<dyn Error>> {
    // Overlays belong to named variants and have no form in URLs.
    if text.contains("draw=") {
        return Ok((Transform::from_canonical(text)?, auto));
    }
    let options = if text.is_empty() { Options::parse("fit=scale-down") } else { Options::parse(text) }?;
    let format = match options.format {
        FormatChoice::Only(format) => format,
        FormatChoice::Auto => auto,
    };
    Ok((options.resolve(&ClientHints::default()), format))
}
