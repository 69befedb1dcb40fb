//! `safelight variants`: the named presets of an account.

use super::client::{Client, Connection, segment};
use super::output::{Printer, cell};
use crate::settings::Environment;
use anyhow::{Context, ensure};
use clap::{Args, Subcommand};
use http::Method;
use safelight_domain::variant::VariantName;
use serde_json::{Map, Value, json};

#[derive(Args)]
pub(super) struct Variants {
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
    /// List the variants
    List,
    /// Show a variant
    Get {
        /// Of the variant
        name: String,
    },
    /// Make a variant
    Create {
        /// 1 to 99 letters and digits
        name: String,
        #[command(flatten)]
        options: Options,
    },
    /// Change a variant; what is not given stays
    Update {
        /// Of the variant
        name: String,
        #[command(flatten)]
        options: Options,
    },
    /// Delete a variant and so end every URL that uses it
    Delete {
        /// Of the variant
        name: String,
    },
}

#[derive(Args)]
struct Options {
    /// scale-down, contain, cover, crop or pad
    #[arg(long)]
    fit: Option<String>,
    /// Pixels
    #[arg(long)]
    width: Option<u32>,
    /// Pixels
    #[arg(long)]
    height: Option<u32>,
    /// 0 to 250
    #[arg(long)]
    blur: Option<f64>,
    /// keep, copyright or none
    #[arg(long)]
    metadata: Option<String>,
    /// Seconds that browsers may keep an answer
    #[arg(long)]
    browser_ttl: Option<u32>,
    /// Serve it to anyone, also of private images
    #[arg(long, conflicts_with = "follow_image")]
    always_public: bool,
    /// Ask for a signed URL if the image is private
    #[arg(long)]
    follow_image: bool,
}

impl Variants {
    pub(super) fn run(self, environment: &Environment, out: &mut Printer) -> anyhow::Result<()> {
        let client = self.connection.client(environment)?;
        let path = |name: &str| client.images_path(&format!("/v1/variants/{}", segment(name)));
        let collection = || client.images_path("/v1/variants");
        let result = match &self.action {
            Action::List => client.call(Method::GET, &collection()?, None)?,
            Action::Get { name } => client.call(Method::GET, &path(name)?, None)?,
            Action::Create { name, options } => {
                let mut body = options.over(Map::new());
                body["id"] = json!(VariantName::parse(name)?.as_str());
                client.call(Method::POST, &collection()?, Some(&body))?
            }
            Action::Update { name, options } => update(&client, &path(name)?, options)?,
            Action::Delete { name } => client.call(Method::DELETE, &path(name)?, None)?,
        };
        match self.action {
            _ if self.json => out.json(&result)?,
            Action::Delete { name } => out.line(&format!("deleted {name}"))?,
            _ => {
                out.table(["NAME", "FIT", "WIDTH", "HEIGHT", "BLUR", "METADATA", "ACCESS"], &rows(&result))?
            }
        }
        Ok(())
    }
}

impl Options {
    /// The body of a request: these options over the ones there were.
    fn over(&self, mut options: Map<String, Value>) -> Value {
        let given = [
            ("fit", self.fit.as_ref().map(|v| json!(v))),
            ("width", self.width.map(|v| json!(v))),
            ("height", self.height.map(|v| json!(v))),
            ("blur", self.blur.map(|v| json!(v))),
            ("metadata", self.metadata.as_ref().map(|v| json!(v))),
            ("browser_ttl", self.browser_ttl.map(|v| json!(v))),
        ];
        for (name, value) in given {
            if let Some(value) = value {
                options.insert(name.to_owned(), value);
            }
        }
        let mut body = json!({"options": options});
        if self.always_public || self.follow_image {
            body["neverRequireSignedURLs"] = json!(self.always_public);
        }
        body
    }
}

/// The API replaces all options at once, so those that are to stay are read first.
fn update(client: &Client, path: &str, options: &Options) -> anyhow::Result<Value> {
    let now = client.call(Method::GET, path, None)?;
    let old = now.pointer("/variant/options").and_then(Value::as_object);
    let body = options.over(old.cloned().context("the answer has no options")?);
    ensure!(
        body["options"] != now["variant"]["options"] || body.get("neverRequireSignedURLs").is_some(),
        "there is nothing to change"
    );
    client.call(Method::PATCH, path, Some(&body))
}

fn rows(result: &Value) -> Vec<[String; 7]> {
    let many = result.get("variants").and_then(Value::as_object);
    let variants = many
        .map_or_else(|| result.get("variant").into_iter().collect::<Vec<_>>(), |all| all.values().collect());
    let row = |variant: &Value| {
        let option = |name| cell(&variant["options"], name);
        let access = match variant.get("neverRequireSignedURLs").and_then(Value::as_bool) {
            Some(true) => "always public",
            _ => "as the image",
        };
        let name = cell(variant, "id");
        [
            name,
            option("fit"),
            option("width"),
            option("height"),
            option("blur"),
            option("metadata"),
            access.to_owned(),
        ]
    };
    variants.into_iter().map(row).collect()
}
