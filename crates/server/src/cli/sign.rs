//! `safelight sign` and `safelight verify`: signed URLs, with the rules of `domain::signature`.

use super::client::{Client, Connection};
use super::keys;
use super::note;
use super::output::Printer;
use crate::deliver::{UrlOrPath, UrlOrPathError};
use crate::settings::{Environment, Secret, parse_duration, secret};
use anyhow::{Context, bail, ensure};
use clap::Args;
use safelight_domain::delivery_url::DeliveryPath;
use safelight_domain::signature::{self, KeyName, SigningKey, Target, Token, sign_target, without_token};
use safelight_domain::time::UnixTime;
use std::process::ExitCode;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Unless the caller says otherwise: one day.
const DEFAULT_LIFE: Duration = Duration::from_secs(86_400);

#[derive(Args)]
pub(super) struct Sign {
    /// Delivery URL, absolute or from the slash on; an old exp and sig are replaced
    url: String,
    /// How long it shall be valid: 90s, 15m, 1h, 1d or 2w [default: 1d]
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with_all = ["expires_at", "no_expiry"])]
    expires_in: Option<Duration>,
    /// First moment at which it is not valid any more: seconds since 1970 or RFC 3339
    #[arg(long, value_name = "TIME", value_parser = moment, conflicts_with = "no_expiry")]
    expires_at: Option<UnixTime>,
    /// Valid until the key is deleted
    #[arg(long)]
    no_expiry: bool,
    /// Round the expiry up to a multiple of this, so that the URL stays the same for a while and
    /// browsers can keep the image
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with_all = ["expires_at", "no_expiry"])]
    window: Option<Duration>,
    /// Name of the signing key
    #[arg(long, default_value = KeyName::DEFAULT, value_parser = key_name)]
    key: KeyName,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args)]
pub(super) struct Verify {
    /// Delivery URL, absolute or from the slash on
    url: String,
    #[command(flatten)]
    connection: Connection,
}

impl Sign {
    pub(super) fn run(
        self,
        environment: &Environment,
        now: UnixTime,
        out: &mut Printer,
    ) -> anyhow::Result<()> {
        // Nothing is asked of a server for a URL that cannot be signed.
        let place = Place::parse(&self.url)?;
        let keys = known_keys(&self.connection, environment, &place, Some(&self.key))?;
        let key = keys.iter().find(|key| *key.name() == self.key);
        let key = key.with_context(|| format!("the account has no key named {}", self.key.as_str()))?;
        let expiry = self.expiry(now);
        if expiry.is_some_and(|expiry| expiry <= now) {
            note("warning: the link has expired already");
        }
        Ok(out.line(&place.signed(expiry, key))?)
    }

    fn expiry(&self, now: UnixTime) -> Option<UnixTime> {
        if self.no_expiry {
            return None;
        }
        let life = self.expires_in.unwrap_or(DEFAULT_LIFE).as_secs();
        let exact = self.expires_at.unwrap_or_else(|| now.plus(life));
        Some(self.window.map_or(exact, |window| rounded_up(exact, window)))
    }
}

impl Verify {
    pub(super) fn run(
        self,
        environment: &Environment,
        now: UnixTime,
        out: &mut Printer,
    ) -> anyhow::Result<ExitCode> {
        let place = Place::parse(&self.url)?;
        let keys = known_keys(&self.connection, environment, &place, None)?;
        let token = explain(&place.target, &keys, now, out)?;
        Ok(if matches!(token, Token::Valid { .. }) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// A delivery URL in the form that browsers send.
pub(super) struct Place {
    /// Scheme and host; empty for a bare path.
    origin: String,
    /// Path and query.
    target: String,
    hash: String,
}

impl Place {
    /// Parses an absolute URL or a path.
    pub(super) fn parse(text: &str) -> anyhow::Result<Place> {
        let UrlOrPath { origin, target } = match UrlOrPath::parse(text) {
            Ok(parsed) => parsed,
            Err(UrlOrPathError::Scheme) => bail!("{text:?} is no http or https URL"),
            Err(UrlOrPathError::NoUrl(error)) => {
                return Err(error).with_context(|| {
                    format!(
                        "{text:?} is no URL and no path: write https://<host>/<account hash>/<image id>/<variant>"
                    )
                });
            }
        };
        let path = target.split_once('?').map_or(target.as_str(), |(path, _)| path);
        let path = DeliveryPath::parse(path).with_context(|| format!("{text:?} is no delivery URL"))?;
        Ok(Place { origin: origin.unwrap_or_default(), hash: path.hash.as_str().to_owned(), target })
    }

    /// The URL with a fresh token in place of any old one.
    pub(super) fn signed(&self, exp: Option<UnixTime>, key: &SigningKey) -> String {
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        format!("{}{}", self.origin, sign_target(path, &without_token(query), exp, key))
    }
}

/// The least multiple of `window` that is not before `exact`.
fn rounded_up(exact: UnixTime, window: Duration) -> UnixTime {
    let window = window.as_secs().max(1);
    UnixTime(exact.0.checked_next_multiple_of(window).unwrap_or(exact.0))
}

/// The signing key of the environment, if it is the one that is `wanted` (`None` wants all), and else
/// the keys that the server lists.
fn known_keys(
    connection: &Connection,
    environment: &Environment,
    place: &Place,
    wanted: Option<&KeyName>,
) -> anyhow::Result<Vec<SigningKey>> {
    if wanted.is_none_or(|name| name.as_str() == KeyName::DEFAULT)
        && let Some((value, _)) = secret(environment, Secret::SigningKey)?
    {
        return Ok(vec![SigningKey::new(KeyName::parse(KeyName::DEFAULT)?, value)?]);
    }
    let client = connection.client(environment)?;
    if client.account_given().is_none() {
        let own = &client.whoami()?.hash;
        ensure!(
            *own == place.hash,
            "the URL is of the account with the hash {}, and the token of the one with {own}: give --account",
            place.hash
        );
    }
    fetched(&client)
}

/// The keys that the server lists.
pub(super) fn fetched(client: &Client) -> anyhow::Result<Vec<SigningKey>> {
    let key = |(name, value): (String, String)| Ok(SigningKey::new(KeyName::parse(&name)?, value)?);
    keys::fetch(client)?.into_iter().map(key).collect()
}

/// Prints what each step of the check sees, and judges.
fn explain(raw: &str, keys: &[SigningKey], now: UnixTime, out: &mut Printer) -> anyhow::Result<Token> {
    out.line(&format!("target    {raw}"))?;
    let names: Vec<&str> = keys.iter().map(|key| key.name().as_str()).collect();
    out.line(&format!("keys      {}", names.join(", ")))?;
    if let Ok(target) = Target::parse(raw) {
        let given = given_signature(raw);
        for text in target.signed_strings() {
            let signer =
                keys.iter().find(|key| given.as_ref().is_some_and(|given| *given == key.sign(&text)));
            let verdict = signer.map_or("no key made sig for this".to_owned(), |key| {
                format!("sig is of the key {}", key.name().as_str())
            });
            out.line(&format!("signed    {text}"))?;
            out.line(&format!("          {verdict}"))?;
        }
        match target.expiry() {
            None => out.line("expiry    never")?,
            Some(exp) => {
                let left = i128::from(exp.0) - i128::from(now.0);
                let words = if left > 0 { format!("in {left} s") } else { format!("{} s ago", -left) };
                out.line(&format!("expiry    {} ({words})", exp.0))?;
                if exp >= UnixTime::LIKELY_MILLISECONDS {
                    out.line("warning   exp looks like milliseconds, but counts seconds")?;
                }
            }
        }
    }
    let token = signature::verify(raw, keys, now);
    out.line(&format!("verdict   {}", verdict(&token)))?;
    Ok(token)
}

fn verdict(token: &Token) -> String {
    match token {
        Token::Valid { key, .. } => format!("valid, signed with the key {}", key.as_str()),
        Token::Absent => "not valid: there is no sig".to_owned(),
        Token::Expired { key, .. } => format!("not valid: signed with the key {}, but expired", key.as_str()),
        Token::Malformed(malformed) => format!("not valid: {malformed}"),
        Token::Mismatch => "not valid: no key made this signature for this URL".to_owned(),
    }
}

/// The digits of `sig` in lower case. This runs where the keys are known, so its time tells nobody
/// anything.
fn given_signature(raw: &str) -> Option<String> {
    let (_, query) = raw.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix("sig=")).map(str::to_ascii_lowercase)
}

fn duration(text: &str) -> Result<Duration, &'static str> {
    parse_duration(text).ok_or("a duration is a number with s, m, h, d or w, such as 90s or 2w")
}

fn key_name(text: &str) -> Result<KeyName, String> {
    KeyName::parse(text).map_err(|error| error.to_string())
}

fn moment(text: &str) -> Result<UnixTime, &'static str> {
    let seconds = match text.parse::<u64>() {
        Ok(seconds) => Some(seconds),
        Err(_) => OffsetDateTime::parse(text, &Rfc3339)
            .ok()
            .and_then(|moment| u64::try_from(moment.unix_timestamp()).ok()),
    };
    match seconds.map(UnixTime) {
        Some(UnixTime(0)) | None => {
            Err("a time is seconds since 1970 or RFC 3339, such as 2030-01-31T12:00:00Z")
        }
        Some(time) if time >= UnixTime::LIKELY_MILLISECONDS => {
            Err("this looks like milliseconds; a time is in seconds")
        }
        Some(time) => Ok(time),
    }
}

#[cfg(test)]
#[path = "sign_tests.rs"]
mod tests;
