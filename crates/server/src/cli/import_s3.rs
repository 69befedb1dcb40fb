//! `safelight import s3`: a source and a migration of the Sourcing Kit, from beginning to end.

use super::client::{Client, items};
use super::import::{LOOK, progress_bar};
use super::note;
use super::output::{Printer, cell, harmless};
use crate::settings::Environment;
use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};
use http::Method;
use serde_json::{Value, json};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Largest file of credentials in bytes.
const MAX_FILE_BYTES: u64 = 64 << 10;

/// Entries of the log that are shown, and that are asked for at a time.
const SHOWN_LOGS: u64 = 100;

#[derive(Args)]
pub(super) struct S3 {
    /// Bucket
    #[arg(long)]
    bucket: String,
    /// Its region [default: what AWS says; us-east-1 with an endpoint]
    #[arg(long)]
    region: Option<String>,
    /// Store that is not AWS, as https://host:port
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// Folder of the bucket; ids are keys below it [default: the whole bucket]
    #[arg(long, value_name = "DIR")]
    root_directory: Option<String>,
    /// Folder that the ids begin with
    #[arg(long, value_name = "DIR")]
    prefix: Option<String>,
    /// What becomes of objects whose id an image has
    #[arg(long, value_enum, default_value_t = Conflict::Skip)]
    conflict: Conflict,
    /// Let anyone see the images; without this they require signed URLs
    #[arg(long)]
    public: bool,
    /// File of credentials as AWS's programs have it, of which the first is taken [default: the variables]
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Conflict {
    /// The image stays
    Skip,
    /// Its bytes are replaced
    Overwrite,
}

/// What opens a bucket, by the names of AWS's variables.
const NAMES: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

impl S3 {
    pub(super) fn run(
        &self,
        client: &Client,
        environment: &Environment,
        as_json: bool,
        out: &mut Printer,
    ) -> anyhow::Result<()> {
        let path = |rest: &str| client.images_path(&format!("/v2/sourcingkit{rest}"));
        let source = json!({
            "name": format!("import of {}", self.bucket),
            "vendor": "s3",
            "bucket": self.bucket,
            "region": self.region,
            "endpoint": self.endpoint,
            "secret": self.secret(environment)?,
        });
        let source = client.call(Method::POST, &path("/sources")?, Some(&source))?;
        let source_path = path(&format!("/sources/{}", cell(&source, "id")))?;
        let ended = self.migrate(client, &source);
        // It was for this migration alone, and holds a secret.
        let deleted = client.call(Method::DELETE, &source_path, None);
        let (migration, progress) = ended?;
        deleted?;
        let path = path(&format!("/migrations/{}/logs?limit={SHOWN_LOGS}", cell(&migration, "id")))?;
        let logs = client.call(Method::GET, &path, None)?;
        let counts = counts(&progress);
        if as_json {
            out.json(&progress)?;
        } else {
            out.line(&counts.map(|(name, count)| format!("{name} {count}")).join(", "))?;
        }
        let is_of_object = |entry: &&Value| !cell(entry, "logType").starts_with("migration");
        for entry in items(&logs, "logs").iter().filter(is_of_object) {
            note(&harmless(&cell(entry, "msg")));
        }
        let status = cell(&progress, "status");
        ensure!(status != "error", "the migration failed: {}", harmless(&end(client, &path, logs)?));
        ensure!(status == "success", "the migration was aborted");
        let failed = cell(&progress, "importErrorsCount");
        ensure!(failed == "0", "{failed} objects were not imported");
        Ok(())
    }

    /// Makes a migration, starts it and shows how far it has come until it has ended.
    fn migrate(&self, client: &Client, source: &Value) -> anyhow::Result<(Value, Value)> {
        let path = |rest: &str| client.images_path(&format!("/v2/sourcingkit/migrations{rest}"));
        let migration = json!({
            "sourceId": cell(source, "id"),
            "rootDirectory": self.root_directory,
            "pathPrefix": self.prefix,
            "conflictBehaviour": match self.conflict {
                Conflict::Skip => "skip",
                Conflict::Overwrite => "overwrite",
            },
            "requireSignedURLs": !self.public,
        });
        let migration = client.call(Method::POST, &path("")?, Some(&migration))?;
        let lifecycle = path(&format!("/{}/lifecycle", cell(&migration, "id")))?;
        client.call(Method::PATCH, &format!("{lifecycle}/start"), None)?;
        let bar = progress_bar(&self.bucket);
        loop {
            let progress = client
                .call(Method::GET, &lifecycle, None)
                .context("the migration may go on without this command")?;
            if cell(&progress, "status") != "processing" {
                bar.finish_and_clear();
                return Ok((migration, progress));
            }
            bar.set_length(progress.get("scannedCount").and_then(Value::as_u64).unwrap_or_default());
            bar.set_position(counts(&progress).iter().map(|(_, count)| count).sum());
            std::thread::sleep(LOOK);
        }
    }

    fn secret(&self, environment: &Environment) -> anyhow::Result<Value> {
        let [id, key, token] = match &self.secret_file {
            Some(file) => credentials(&read(file)?),
            None => {
                let mut found = [None, None, None];
                for (place, name) in found.iter_mut().zip(NAMES) {
                    *place = environment.text(name)?.filter(|text| !text.is_empty());
                }
                found
            }
        };
        let missing = || {
            let [id, key, _] = NAMES;
            match &self.secret_file {
                Some(file) => format!("{} has not both {id} and {key}", file.display()),
                None => format!("nothing opens the bucket: set {id} and {key}, or give --secret-file"),
            }
        };
        let (id, key) = id.zip(key).with_context(missing)?;
        Ok(json!({"accessKeyId": id, "secretAccessKey": key, "sessionToken": token}))
    }
}

/// The last entry of a log, whose first page is at hand.
fn end(client: &Client, path: &str, mut page: Value) -> anyhow::Result<String> {
    let (mut last, mut offset) = (String::new(), 0);
    while let Some(entry) = items(&page, "logs").last() {
        last = cell(entry, "msg");
        offset += SHOWN_LOGS;
        page = client.call(Method::GET, &format!("{path}&offset={offset}"), None)?;
    }
    Ok(last)
}

/// Imported, skipped and failed objects.
fn counts(progress: &Value) -> [(&'static str, u64); 3] {
    let count = |name: &str| progress.get(name).and_then(Value::as_u64).unwrap_or_default();
    let skipped = progress.as_object().into_iter().flatten().filter(|(name, _)| name.starts_with("skipped"));
    [
        ("imported", count("importSuccessCount")),
        ("skipped", skipped.filter_map(|(_, count)| count.as_u64()).sum()),
        ("failed", count("importErrorsCount")),
    ]
}

fn read(file: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let opened = File::open(file).with_context(|| format!("{} cannot be opened", file.display()))?;
    let read = opened.take(MAX_FILE_BYTES).read_to_string(&mut text);
    read.with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(text)
}

/// The first value of each name in lines of `name = value`.
fn credentials(text: &str) -> [Option<String>; 3] {
    NAMES.map(|name| {
        let mut pairs = text.lines().filter_map(|line| line.split_once('='));
        let (_, value) = pairs.find(|(key, _)| key.trim().eq_ignore_ascii_case(name))?;
        Some(value.trim().to_owned()).filter(|value| !value.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_read_as_awss_programs_have_them() {
        let text = "[default]\naws_access_key_id = AK\n# secret\naws_secret_access_key=a/b+c==\n\n[other]\n\
                    aws_access_key_id = XX\n";
        let expected = [Some("AK".to_owned()), Some("a/b+c==".to_owned()), None];
        assert_eq!(credentials(text), expected);
        assert_eq!(credentials("nothing"), [None, None, None]);
    }

    #[test]
    fn skipped_objects_are_counted_together() {
        let progress = json!({"importSuccessCount": 3, "importErrorsCount": 1, "scannedCount": 9,
                              "skippedConflictCount": 2, "skippedOversizeCount": 3, "isAccurate": true});
        assert_eq!(counts(&progress), [("imported", 3), ("skipped", 5), ("failed", 1)]);
    }
}
