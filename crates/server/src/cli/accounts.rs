//! `safelight accounts`: the accounts of an instance.

use super::client::{Client, Connection, items};
use super::output::{Printer, cell};
use crate::settings::Environment;
use clap::{Args, Subcommand};
use http::Method;
use safelight_domain::account::AccountId;
use safelight_domain::quota;
use serde_json::{Map, Value, json};
use std::str::FromStr;

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
    /// Show how much an account has and may have, and change that
    Quota(Box<Quota>),
}

#[derive(Args)]
struct Quota {
    /// The account's id
    #[arg(value_parser = AccountId::parse)]
    id: AccountId,
    /// Images: a number, off, or default for what the instance gives
    #[arg(long)]
    images: Option<Bound>,
    /// Bytes of originals: the same
    #[arg(long)]
    bytes: Option<Bound>,
    /// Renditions made for viewers in a minute, on each node: the same
    #[arg(long)]
    renders_per_minute: Option<Bound>,
}

/// As the API takes it.
#[derive(Clone, Debug, PartialEq)]
struct Bound(Value);

impl FromStr for Bound {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Bound, &'static str> {
        match text {
            "default" => Ok(Bound(Value::Null)),
            "off" => Ok(Bound(json!("off"))),
            number => match quota::Bound::parse(number).and_then(quota::Bound::most) {
                Some(most) => Ok(Bound(json!(most))),
                None => Err("it must be a whole number, off or default"),
            },
        }
    }
}

impl Quota {
    fn call(&self, client: &Client) -> anyhow::Result<Value> {
        let path = format!("{PATH}/{}/quota", self.id.as_str());
        let given = [
            ("images", &self.images),
            ("bytes", &self.bytes),
            ("renders_per_minute", &self.renders_per_minute),
        ];
        let changes: Map<String, Value> = given
            .into_iter()
            .filter_map(|(name, bound)| Some((name.to_owned(), bound.as_ref()?.0.clone())))
            .collect();
        if changes.is_empty() {
            return client.call(Method::GET, &path, None);
        }
        client.call(Method::PATCH, &path, Some(&Value::Object(changes)))
    }
}

impl Accounts {
    pub(super) fn run(self, environment: &Environment, out: &mut Printer) -> anyhow::Result<()> {
        let client = self.connection.client(environment)?;
        let result = match &self.action {
            Action::List => client.call(Method::GET, PATH, None)?,
            Action::Create { name } => client.call(Method::POST, PATH, Some(&json!({"name": name})))?,
            Action::Quota(quota) => quota.call(&client)?,
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
            Action::Quota(_) => {
                let rows = ["images", "bytes", "renders_per_minute"].map(|name| {
                    let figure =
                        |part: &str| result.get(part).map(|part| cell(part, name)).unwrap_or_default();
                    let own = result.pointer(&format!("/own/{name}")).is_some_and(|own| !own.is_null());
                    let from = if own { "the account's own" } else { "the instance's" };
                    [name.to_owned(), figure("used"), figure("allowed"), from.to_owned()]
                });
                out.table(["QUOTA", "USED", "ALLOWED", "FROM"], &rows)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_numbers_or_words() {
        for (text, value) in [
            ("12", Some(json!(12))),
            ("off", Some(json!("off"))),
            ("default", Some(Value::Null)),
            ("-1", None),
        ] {
            assert_eq!(text.parse().ok(), value.map(Bound), "{text}");
        }
    }
}
