//! `safelight keys`: the signing keys of an account.

use super::client::{Client, Connection, items, segment};
use super::output::{Printer, cell};
use crate::settings::Environment;
use clap::{Args, Subcommand};
use http::Method;
use safelight_domain::signature::KeyName;
use serde_json::Value;

#[derive(Args)]
pub(super) struct Keys {
    #[command(subcommand)]
    action: Action,
    /// Print the result as JSON, values of keys included
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Subcommand)]
enum Action {
    /// List the keys
    List {
        /// Show the secret values
        #[arg(long)]
        values: bool,
    },
    /// Make a key; one of that name stays as it is
    Create {
        /// 1 to 20 letters and digits
        name: String,
    },
    /// Delete a key and so end every URL signed with it; a new default is made when it is the last
    Delete {
        /// Of the key
        name: String,
    },
}

impl Keys {
    pub(super) fn run(self, environment: &Environment, out: &mut Printer) -> anyhow::Result<()> {
        let client = self.connection.client(environment)?;
        let (method, name) = match &self.action {
            Action::List { .. } => (Method::GET, String::new()),
            Action::Create { name } => (Method::PUT, format!("/{}", KeyName::parse(name)?.as_str())),
            Action::Delete { name } => (Method::DELETE, format!("/{}", segment(name))),
        };
        let result = client.call(method, &client.images_path(&format!("/v1/keys{name}"))?, None)?;
        if self.json {
            return Ok(out.json(&result)?);
        }
        let shown = matches!(self.action, Action::List { values: true });
        let value = |key: &Value| if shown { cell(key, "value") } else { "(hidden)".to_owned() };
        let rows: Vec<_> = items(&result, "keys").iter().map(|key| [cell(key, "name"), value(key)]).collect();
        Ok(out.table(["NAME", "VALUE"], &rows)?)
    }
}

/// The names and values of an account's keys. Needs the scope `sign`.
pub(super) fn fetch(client: &Client) -> anyhow::Result<Vec<(String, String)>> {
    let result = client.call(Method::GET, &client.images_path("/v1/keys")?, None)?;
    Ok(items(&result, "keys").iter().map(|key| (cell(key, "name"), cell(key, "value"))).collect())
}
