//! `safelight import`: images from elsewhere, which the server brings.

use super::client::{Client, Connection, items, read_token};
use super::import_s3::S3;
use super::note;
use super::output::{Printer, cell, harmless};
use crate::settings::Environment;
use anyhow::{Context, ensure};
use clap::{Args, Subcommand};
use http::Method;
use indicatif::{ProgressBar, ProgressStyle};
use safelight_domain::account::AccountId;
use serde_json::{Value, json};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Largest list of URLs in bytes; what the server takes.
const MAX_LIST_BYTES: u64 = 4 << 20;

/// Between two looks at how far it has come.
pub(super) const LOOK: Duration = Duration::from_millis(500);

#[derive(Args)]
pub(super) struct Import {
    #[command(subcommand)]
    action: Action,
    /// Print the result as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Subcommand)]
enum Action {
    /// Bring the images behind the URLs of a file
    Urls {
        /// One URL a line, and after a space the id that it gets, if any; - is the standard input
        file: PathBuf,
        /// Require signed URLs
        #[arg(long)]
        private: bool,
    },
    /// Bring the images and variants of an account of Cloudflare Images, or of another Safelight
    Cloudflare {
        /// Account there
        #[arg(long, value_name = "ID")]
        from_account: String,
        /// File that holds a token that may read the images there
        #[arg(long, value_name = "FILE")]
        from_token_file: PathBuf,
        /// Its API [default: https://api.cloudflare.com/client/v4]
        #[arg(long, value_name = "URL")]
        from_api: Option<String>,
    },
    /// Bring the images of a bucket; AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a file, open it
    S3(Box<S3>),
}

impl Import {
    pub(super) fn run(self, environment: &Environment, out: &mut Printer) -> anyhow::Result<()> {
        let client = self.connection.client(environment)?;
        let body = match self.action {
            Action::Urls { file, private } => of_urls(&file, private)?,
            Action::Cloudflare { from_account, from_token_file, from_api } => json!({
                "kind": "cloudflare",
                "api": from_api,
                "account_id": AccountId::parse(&from_account)?.as_str(),
                "token": read_token(&from_token_file)?,
            }),
            Action::S3(s3) => return s3.run(&client, environment, self.json, out),
        };
        let import = client.call(Method::POST, &client.imports_path("")?, Some(&body))?;
        let ended = follow(&client, import)?;
        if self.json {
            out.json(&ended)?;
        } else {
            let count = |name: &str| format!("{name} {}", cell(&ended, name));
            out.line(&["imported", "skipped", "failed"].map(count).join(", "))?;
        }
        for failure in items(&ended, "failures").iter().rev() {
            note(&harmless(&format!("{}: {}", cell(failure, "source"), cell(failure, "message"))));
        }
        let (state, failed) = (cell(&ended, "state"), cell(&ended, "failed"));
        ensure!(state != "failed", "the import failed: {}", harmless(&cell(&ended, "message")));
        ensure!(state == "done", "the import was stopped");
        ensure!(failed == "0", "{failed} images were not imported");
        Ok(())
    }
}

/// The body of the request that begins an import of a list.
fn of_urls(file: &Path, private: bool) -> anyhow::Result<Value> {
    let urls: Vec<Value> = read_list(file)?.lines().filter_map(entry).collect();
    ensure!(!urls.is_empty(), "there is no URL in {}", file.display());
    Ok(json!({"kind": "urls", "urls": urls, "requireSignedURLs": private}))
}

fn read_list(file: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let reader: Box<dyn Read> = match file.to_str() {
        Some("-") => Box::new(std::io::stdin()),
        _ => Box::new(File::open(file).with_context(|| format!("{} cannot be opened", file.display()))?),
    };
    reader
        .take(MAX_LIST_BYTES + 1)
        .read_to_string(&mut text)
        .with_context(|| format!("{} cannot be read", file.display()))?;
    let fits = u64::try_from(text.len()).is_ok_and(|length| length <= MAX_LIST_BYTES);
    ensure!(fits, "a list of URLs may have at most {MAX_LIST_BYTES} bytes");
    Ok(text)
}

/// The URL of a line and its id; `None` for an empty line.
fn entry(line: &str) -> Option<Value> {
    let line = line.trim();
    let (url, id) = line.split_once(char::is_whitespace).map_or((line, ""), |(url, id)| (url, id.trim()));
    match (url, id) {
        ("", _) => None,
        (url, "") => Some(json!({"url": url})),
        (url, id) => Some(json!({"url": url, "id": id})),
    }
}

/// A bar for what comes from a source.
pub(super) fn progress_bar(source: &str) -> ProgressBar {
    let bar = ProgressBar::no_length();
    // Only a template that does not parse is refused, and then the plain bar is good enough.
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len}") {
        bar.set_style(style);
    }
    bar.set_message(harmless(source));
    bar
}

/// Shows how far it has come until it has ended.
fn follow(client: &Client, mut import: Value) -> anyhow::Result<Value> {
    let path = client.imports_path(&format!("/{}", cell(&import, "id")))?;
    let bar = progress_bar(&cell(&import, "source"));
    while cell(&import, "state") == "running" {
        if let Some(total) = import.get("total").and_then(Value::as_u64) {
            bar.set_length(total);
        }
        let counts = ["imported", "skipped", "failed"];
        bar.set_position(counts.iter().filter_map(|name| import.get(name)?.as_u64()).sum());
        std::thread::sleep(LOOK);
        import =
            client.call(Method::GET, &path, None).context("the import may go on without this command")?;
    }
    bar.finish_and_clear();
    Ok(import)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_urls_with_or_without_ids() {
        for (line, expected) in [
            ("https://a.example/b.png", Some(json!({"url": "https://a.example/b.png"}))),
            (
                "  https://a.example/b.png\tphotos/b c \r",
                Some(json!({"url": "https://a.example/b.png", "id": "photos/b c"})),
            ),
            ("", None),
            ("   ", None),
        ] {
            assert_eq!(entry(line), expected, "{line:?}");
        }
    }
}
