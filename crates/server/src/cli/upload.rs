//! `safelight upload`: files to images, streamed from disk.

use super::client::{Client, Connection, items};
use super::note;
use super::output::{Printer, cell, harmless};
use crate::random;
use crate::settings::Environment;
use anyhow::{Context, ensure};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use safelight_domain::image::SourceFormat;
use serde_json::Value;
use std::fs::File;
use std::io::{Cursor, Read, Seek};
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(super) struct Upload {
    /// JPEG, PNG, WebP or GIF files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Require signed URLs
    #[arg(long)]
    private: bool,
    /// Name of the image; made at random unless given
    #[arg(long)]
    id: Option<String>,
    /// Whom the image is for
    #[arg(long)]
    creator: Option<String>,
    /// A JSON object to keep with the image
    #[arg(long, value_name = "JSON", value_parser = metadata)]
    metadata: Option<Value>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

impl Upload {
    pub(super) fn run(self, environment: &Environment, out: &mut Printer) -> anyhow::Result<()> {
        ensure!(self.id.is_none() || self.files.len() == 1, "--id names one image: give one file");
        let client = self.connection.client(environment)?;
        let fields = self.fields();
        let mut failed = 0;
        for file in &self.files {
            match send(&client, file, &fields) {
                Ok(image) if self.json => out.json(&image)?,
                Ok(image) => {
                    out.line(&cell(&image, "id"))?;
                    for url in items(&image, "variants").iter().filter_map(Value::as_str) {
                        out.line(&format!("  {url}"))?;
                    }
                }
                Err(error) => {
                    failed += 1;
                    note(&harmless(&format!("{}: {error:#}", file.display())));
                }
            }
        }
        if self.private && failed < self.files.len() && !self.json {
            note("private: `safelight sign <URL>` makes a link that opens it");
        }
        ensure!(failed == 0, "{failed} of {} files were not uploaded", self.files.len());
        Ok(())
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        let given = [
            ("requireSignedURLs", self.private.then(|| "true".to_owned())),
            ("id", self.id.clone()),
            ("creator", self.creator.clone()),
            ("metadata", self.metadata.as_ref().map(Value::to_string)),
        ];
        given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// Parses a JSON object from an argument.
pub(super) fn metadata(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err("metadata must be a JSON object".to_owned()),
        Err(error) => Err(format!("metadata must be a JSON object: {error}")),
    }
}

/// Uploads a file with further form fields and returns the image.
pub(super) fn send(client: &Client, path: &Path, fields: &[(&str, String)]) -> anyhow::Result<Value> {
    let mut file = File::open(path).context("it cannot be opened")?;
    let about = file.metadata()?;
    ensure!(about.is_file(), "it is not a file");
    let mut start = Vec::new();
    file.by_ref().take(12).read_to_end(&mut start).context("it cannot be read")?;
    file.rewind()?;

    let boundary = format!("safelight-{}", random::hex_id());
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let head = form_head(&boundary, fields, &name, media_type(&start));
    let tail = format!("\r\n--{boundary}--\r\n");
    let length = (head.len() + tail.len()) as u64 + about.len();
    let bar = progress_bar(length, &name);
    let form = bar.wrap_read(Cursor::new(head).chain(file.take(about.len())).chain(Cursor::new(tail)));
    let content_type = format!("multipart/form-data; boundary={boundary}");
    let image = client.send_form(&client.images_path("/v1")?, &content_type, length, form);
    bar.finish_and_clear();
    image
}

fn progress_bar(length: u64, name: &str) -> ProgressBar {
    let bar = ProgressBar::new(length).with_message(harmless(name));
    // Only a template that does not parse is refused, and then the plain bar is good enough.
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:30} {bytes}/{total_bytes} {eta}") {
        bar.set_style(style);
    }
    bar
}

/// The head of a form: fields, and the head of a file.
pub(super) fn form_head(
    boundary: &str,
    fields: &[(&str, String)],
    file_name: &str,
    media_type: &str,
) -> String {
    let mut head = String::new();
    for (name, value) in fields {
        head.push_str(&format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        ));
    }
    let file_name = file_name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
    head.push_str(&format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{file_name}\"\r\n\
         Content-Type: {media_type}\r\n\r\n"
    ));
    head
}

/// What the first twelve bytes promise; the server looks closer.
fn media_type(start: &[u8]) -> &'static str {
    let format = match start {
        [0xFF, 0xD8, 0xFF, ..] => SourceFormat::Jpeg,
        [0x89, b'P', b'N', b'G', ..] => SourceFormat::Png,
        [b'G', b'I', b'F', b'8', ..] => SourceFormat::Gif,
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => SourceFormat::WebP,
        _ => return "application/octet-stream",
    };
    format.media_type()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_content() {
        assert_eq!(media_type(b"\xFF\xD8\xFF\xE0"), "image/jpeg");
        assert_eq!(media_type(b"\x89PNG\r\n"), "image/png");
        assert_eq!(media_type(b"GIF89a"), "image/gif");
        assert_eq!(media_type(b"RIFF\0\0\0\0WEBP"), "image/webp");
        assert_eq!(media_type(b"<svg"), "application/octet-stream");
        assert_eq!(media_type(b""), "application/octet-stream");
    }

    #[test]
    fn a_file_name_cannot_leave_its_quotes() {
        let head = form_head("b", &[("id", "x".to_owned())], "a\"\r\nb.jpg", "image/jpeg");
        assert_eq!(
            head,
            "--b\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\nx\r\n--b\r\n\
             Content-Disposition: form-data; name=\"file\"; filename=\"a%22%0D%0Ab.jpg\"\r\n\
             Content-Type: image/jpeg\r\n\r\n"
        );
    }

    #[test]
    fn metadata_is_an_object() {
        assert!(metadata("{\"a\":1}").is_ok());
        for bad in ["", "[]", "1", "{"] {
            assert!(metadata(bad).is_err(), "{bad}");
        }
    }
}
