//! `safelight tokens`: the API tokens of an account.

use super::client::{Connection, segment};
use super::note;
use super::output::{Printer, cell};
use crate::settings::Environment;
use anyhow::Context;
use clap::{Args, Subcommand};
use http::Method;
use safelight_domain::token::Scope;
use serde_json::{Value, json};

#[derive(Args)]
pub(super) struct Tokens {
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
    /// List the tokens
    List,
    /// Make a token and print it: it is shown this once
    Create {
        /// For people
        name: String,
        /// What it may do: read, write, sign, joined by commas; sign alone is enough to sign URLs
        #[arg(long, value_delimiter = ',', required = true, value_parser = scope)]
        scopes: Vec<Scope>,
    },
    /// Delete a token
    Delete {
        /// As in the list
        id: String,
    },
}

impl Tokens {
    pub(super) fn run(self, environment: &Environment, out: &mut Printer) -> anyhow::Result<()> {
        let client = self.connection.client(environment)?;
        let result = match &self.action {
            Action::List => client.call(Method::GET, &client.tokens_path("")?, None)?,
            Action::Create { name, scopes } => {
                let scopes: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
                let body = json!({"name": name, "scopes": scopes});
                client.call(Method::POST, &client.tokens_path("")?, Some(&body))?
            }
            Action::Delete { id } => {
                client.call(Method::DELETE, &client.tokens_path(&format!("/{}", segment(id)))?, None)?
            }
        };
        match self.action {
            _ if self.json => out.json(&result)?,
            Action::List => out.table(["ID", "NAME", "SCOPES", "CREATED"], &rows(&result))?,
            Action::Create { .. } => {
                note(&format!("token {} is shown this once:", cell(&result, "id")));
                out.line(result.get("token").and_then(Value::as_str).context("the answer has no token")?)?;
            }
            Action::Delete { id } => out.line(&format!("deleted {id}"))?,
        }
        Ok(())
    }
}

fn rows(result: &Value) -> Vec<[String; 4]> {
    // A bare list, or one under the name that lists have in this API.
    let tokens = result.as_array().map_or_else(|| super::client::items(result, "tokens"), Vec::as_slice);
    let scopes = |token: &Value| {
        let words: Vec<&str> =
            super::client::items(token, "scopes").iter().filter_map(Value::as_str).collect();
        words.join(",")
    };
    let row = |token: &Value| [cell(token, "id"), cell(token, "name"), scopes(token), cell(token, "created")];
    tokens.iter().map(row).collect()
}

fn scope(text: &str) -> Result<Scope, &'static str> {
    Scope::parse(text).ok_or("a scope is read, write or sign")
}
