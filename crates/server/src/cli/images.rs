//! `safelight images`: the images of an account.

use super::client::{Client, Connection, items, segment};
use super::output::{Printer, cell, harmless};
use super::{note, upload};
use crate::settings::Environment;
use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

/// Most images in one answer of the API.
const PAGE: usize = 1000;

#[derive(Args)]
pub(super) struct Images {
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
    /// List the newest images first
    List(List),
    /// Show an image
    Get {
        /// Of the image
        id: String,
    },
    /// Change an image; what is not given stays
    Update(Update),
    /// Delete images
    Delete {
        /// Of the images
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Fetch an original as it was uploaded
    Download {
        /// Of the image
        id: String,
        /// Where to; standard output unless given
        #[arg(long, short)]
        output: Option<PathBuf>,
    },
}

#[derive(Args)]
struct List {
    /// Those of one creator alone; empty for those without
    #[arg(long)]
    creator: Option<String>,
    /// Most images
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
}

#[derive(Args)]
struct Update {
    /// Of the image
    id: String,
    /// Require signed URLs
    #[arg(long, conflicts_with = "public")]
    private: bool,
    /// Serve it to anyone
    #[arg(long)]
    public: bool,
    /// Replace the metadata by this JSON object
    #[arg(long, value_name = "JSON", value_parser = upload::metadata)]
    metadata: Option<Value>,
    /// Set the creator; empty for none
    #[arg(long)]
    creator: Option<String>,
}

impl Images {
    pub(super) fn run(self, environment: &Environment, out: &mut Printer) -> anyhow::Result<()> {
        let client = self.connection.client(environment)?;
        let path = |id: &str| client.images_path(&format!("/v1/{}", segment(id)));
        match self.action {
            Action::List(list) => {
                let images = list.fetch(&client)?;
                if self.json {
                    return Ok(out.json(&json!({"images": images}))?);
                }
                let row = |image: &Value| {
                    [
                        cell(image, "id"),
                        access(image).to_owned(),
                        cell(image, "uploaded"),
                        cell(image, "creator"),
                        cell(image, "filename"),
                    ]
                };
                let rows: Vec<_> = images.iter().map(row).collect();
                Ok(out.table(["ID", "ACCESS", "UPLOADED", "CREATOR", "FILE"], &rows)?)
            }
            Action::Get { id } => show(&client.call(Method::GET, &path(&id)?, None)?, self.json, out),
            Action::Update(update) => {
                let body = update.body()?;
                show(&client.call(Method::PATCH, &path(&update.id)?, Some(&body))?, self.json, out)
            }
            Action::Delete { ids } => {
                let mut failed = 0;
                for id in &ids {
                    match client.call(Method::DELETE, &path(id)?, None) {
                        Ok(result) if self.json => out.json(&result)?,
                        Ok(_) => out.line(&format!("deleted {id}"))?,
                        Err(error) => {
                            failed += 1;
                            note(&harmless(&format!("{id}: {error:#}")));
                        }
                    }
                }
                ensure!(failed == 0, "{failed} of {} images were not deleted", ids.len());
                Ok(())
            }
            Action::Download { id, output } => {
                download(&client, &format!("{}/blob", path(&id)?), output.as_deref(), out)
            }
        }
    }
}

impl List {
    fn fetch(&self, client: &Client) -> anyhow::Result<Vec<Value>> {
        let limit = self.limit as usize;
        let mut images = Vec::new();
        let mut after = String::new();
        loop {
            let mut query = format!("/v2?per_page={}", (limit - images.len()).clamp(10, PAGE));
            if let Some(creator) = &self.creator {
                query.push_str(&format!("&creator={}", segment(creator)));
            }
            if !after.is_empty() {
                query.push_str(&format!("&continuation_token={}", segment(&after)));
            }
            let result = client.call(Method::GET, &client.images_path(&query)?, None)?;
            let page = items(&result, "images");
            images.extend(page.iter().cloned());
            let next = result.get("continuation_token").and_then(Value::as_str).unwrap_or_default();
            if images.len() >= limit && (images.len() > limit || !next.is_empty()) {
                note(&format!("only the newest {limit} images are shown: give a higher --limit for more"));
                images.truncate(limit);
            }
            if images.len() >= limit || next.is_empty() || next == after || page.is_empty() {
                return Ok(images);
            }
            after = next.to_owned();
        }
    }
}

impl Update {
    fn body(&self) -> anyhow::Result<Value> {
        let mut body = json!({});
        if self.private || self.public {
            body["requireSignedURLs"] = json!(self.private);
        }
        if let Some(metadata) = &self.metadata {
            body["metadata"] = metadata.clone();
        }
        if let Some(creator) = &self.creator {
            body["creator"] = json!(creator);
        }
        if body == json!({}) {
            bail!("there is nothing to change: give --private, --public, --metadata or --creator");
        }
        Ok(body)
    }
}

fn access(image: &Value) -> &'static str {
    match image.get("requireSignedURLs").and_then(Value::as_bool) {
        Some(true) => "private",
        _ => "public",
    }
}

fn show(image: &Value, json: bool, out: &mut Printer) -> anyhow::Result<()> {
    if json {
        return Ok(out.json(image)?);
    }
    out.line(&format!("id        {}", cell(image, "id")))?;
    out.line(&format!("access    {}", access(image)))?;
    for (label, field) in
        [("uploaded", "uploaded"), ("file", "filename"), ("creator", "creator"), ("metadata", "meta")]
    {
        out.line(&format!("{label:<9} {}", cell(image, field)))?;
    }
    for url in items(image, "variants").iter().filter_map(Value::as_str) {
        out.line(&format!("url       {url}"))?;
    }
    Ok(())
}

/// A file gets its name only once it is whole.
fn download(client: &Client, path: &str, output: Option<&Path>, out: &mut Printer) -> anyhow::Result<()> {
    let Some(output) = output else {
        ensure!(!std::io::stdout().is_terminal(), "an image is nothing for a terminal: give --output FILE");
        let mut bytes = client.download(path)?;
        let mut piece = vec![0; 64 * 1024];
        loop {
            let read = bytes.read(&mut piece).context("the download broke off")?;
            // `read` is at most the length of the piece.
            match piece.get(..read) {
                None | Some([]) => return Ok(()),
                Some(piece) => out.bytes(piece)?,
            }
        }
    };
    let mut bytes = client.download(path)?;
    let mut unfinished = output.as_os_str().to_owned();
    unfinished.push(".part");
    let unfinished = PathBuf::from(unfinished);
    let named = || format!("the file {} cannot be written", output.display());
    let mut file = File::create_new(&unfinished).with_context(named)?;
    let written = std::io::copy(&mut bytes, &mut file).and_then(|_| std::fs::rename(&unfinished, output));
    if written.is_err() {
        // The error that counts is the first one.
        drop(std::fs::remove_file(&unfinished));
    }
    written.with_context(named)
}
