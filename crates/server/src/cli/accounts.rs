//! `safelight accounts`: the accounts of an instance.

use super::client::{Connection, items};
use super::output::{Printer, cell};
use crate::settings::Environment;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

const PATH: &str = "/safelight/v1/accounts";

#[derive(Args)]
pub(super) struct Accounts {
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
    /// List the accounts
    List,
    /// Make an account with a token of its own, which is shown this once
    Create {
        /// For people
        name: String,
    },
}

impl Accounts {
    pub(super) fn run(self, environment: &Environment, out: &mut Printer) -> anyhow::Result<()> {
        let client = self.connection.client(environment)?;
        let result = match &self.action {
            Action::List => client.call(Method::GET, PATH, None)?,
            Action::Create { name } => client.call(Method::POST, PATH, Some(&json!({"name": name})))?,
        };
        match self.action {
            _ if self.json => out.json(&result)?,
            Action::List => {
                let accounts = result.as_array().map_or_else(|| items(&result, "accounts"), Vec::as_slice);
                let row =
                    |account: &Value| [cell(account, "id"), cell(account, "hash"), cell(account, "name")];
                out.table(["ID", "HASH", "NAME"], &accounts.iter().map(row).collect::<Vec<_>>())?;
            }
            Action::Create { .. } => {
                for field in ["id", "hash", "name", "token"] {
                    out.line(&format!("{field:<6} {}", cell(&result, field)))?;
                }
            }
        }
        Ok(())
    }
}
