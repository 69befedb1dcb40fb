//! The settings of where blobs are: in files, or on an S3-compatible store, which is reached as the usual variables of
//! AWS say.

use super::limits;
use super::table::{Fallback, Form, Row, Setting, in_range, public_url};
use super::{Environment, SettingsError, Values, variable};
use crate::config::{S3Config, S3Credentials, StoreConfig};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::fs::File;
use std::io::Read;
use std::net::IpAddr;
use std::path::PathBuf;
use url::{Host, Url};

const KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET_KEY: &str = "AWS_SECRET_ACCESS_KEY";
const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";
const REGION: &str = "AWS_REGION";
const DEFAULT_REGION: &str = "AWS_DEFAULT_REGION";
const S3_ENDPOINT: &str = "AWS_ENDPOINT_URL_S3";
const ENDPOINT: &str = "AWS_ENDPOINT_URL";
const ALLOW_HTTP: &str = "AWS_ALLOW_HTTP";
const CA_BUNDLE: &str = "AWS_CA_BUNDLE";

/// The variables of other programs that are read.
pub(super) const VARIABLES: [&str; 9] =
    [KEY_ID, SECRET_KEY, SESSION_TOKEN, REGION, DEFAULT_REGION, S3_ENDPOINT, ENDPOINT, ALLOW_HTTP, CA_BUNDLE];

/// Longest file of certificates in bytes.
const MAX_BUNDLE_BYTES: u64 = 4 << 20;

/// Longest text of a key or region, in bytes; session tokens have some thousands.
const MAX_BYTES: usize = 16_384;

/// A bucket, and the start of every name in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    bucket: String,
    prefix: String,
}

pub(super) const STORE: Setting<Place> = Setting {
    row: Row {
        name: "store",
        default: Fallback::Derived { example: "s3://bucket/prefix" },
        form: Form::Text,
        allowed: "s3://, the name of a bucket (3 to 63 of a-z, 0-9, '-' and '.'), and if wanted / and a prefix of \
                  A-Z, a-z, 0-9, '-', '_', '.' and '/'",
        about: "S3-compatible store for originals and what is made of them; the variables AWS_ACCESS_KEY_ID, \
                AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL say how it is reached (docs/stores.md). Files \
                in the data folder unless given.",
    },
    parse: place,
};

pub(super) const STORE_CACHE_BYTES: Setting<u64> = Setting {
    row: Row {
        name: "store-cache-bytes",
        default: Fallback::Is("10737418240"),
        form: Form::Number,
        allowed: "a whole number of bytes from 0 to 1000000000000000",
        about: "Most bytes of an S3-compatible store that are kept in the data folder's cache too; 0 keeps none.",
    },
    parse: |text| in_range(text, 0..=1_000_000_000_000_000),
};

/// Where blobs are. What the variables say is read only where a store is given.
pub(super) fn store(values: &Values, environment: &Environment) -> Result<StoreConfig, SettingsError> {
    let cache_bytes = values.required(&STORE_CACHE_BYTES)?;
    let Some(Place { bucket, prefix }) = values.get(&STORE)? else { return Ok(StoreConfig::Files) };
    let key_id = given(environment, KEY_ID, is_visible, "visible ASCII characters without spaces")?;
    let secret_key = given(environment, SECRET_KEY, is_visible, "visible ASCII characters without spaces")?;
    let token = given(environment, SESSION_TOKEN, is_visible, "visible ASCII characters without spaces")?;
    let needed = |missing| SettingsError::Alone { given: STORE.row.name, missing };
    let credentials = S3Credentials {
        key_id: key_id.ok_or_else(|| needed(KEY_ID))?,
        secret_key: secret_key.ok_or_else(|| needed(SECRET_KEY))?,
        token,
    };
    let endpoint = endpoint(environment)?;
    let region = match given(environment, REGION, is_region, "letters, digits and '-'")? {
        Some(region) => Some(region),
        None => given(environment, DEFAULT_REGION, is_region, "letters, digits and '-'")?,
    };
    let region = match (region, &endpoint) {
        (Some(region), _) => region,
        // Most stores that are not AWS take any, and this is what clients send them.
        (None, Some(_)) => "us-east-1".to_owned(),
        (None, None) => return Err(needed("AWS_REGION, or AWS_ENDPOINT_URL for a store that is not AWS")),
    };
    let authorities = authorities(environment)?;
    let free_bytes = values.required(&limits::MIN_FREE_BYTES)?;
    let config =
        S3Config { bucket, prefix, endpoint, region, authorities, credentials, cache_bytes, free_bytes };
    Ok(StoreConfig::S3(Box::new(config)))
}

/// The certificates of the file that a variable names.
fn authorities(environment: &Environment) -> Result<Vec<CertificateDer<'static>>, SettingsError> {
    let Some(path) = given(environment, CA_BUNDLE, |_| true, "")?.map(PathBuf::from) else {
        return Ok(Vec::new());
    };
    let mut pem = Vec::new();
    let read = File::open(&path).and_then(|file| file.take(MAX_BUNDLE_BYTES).read_to_end(&mut pem));
    if let Err(source) = read {
        return Err(SettingsError::File { from: variable(CA_BUNDLE), path, source });
    }
    let certificates: Option<Vec<_>> = CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().ok();
    let allowed = "the path of a file of certificates in PEM";
    certificates
        .filter(|certificates| !certificates.is_empty())
        .ok_or_else(|| SettingsError::Secret { from: variable(CA_BUNDLE), allowed })
}

/// Where the store is, unless it is AWS.
fn endpoint(environment: &Environment) -> Result<Option<Url>, SettingsError> {
    let allow_http =
        given(environment, ALLOW_HTTP, |text| matches!(text, "true" | "false"), "true or false")?;
    let name = match given(environment, S3_ENDPOINT, |_| true, "")? {
        Some(_) => S3_ENDPOINT,
        None => ENDPOINT,
    };
    let is_allowed = |text: &str| {
        public_url(text).is_some_and(|url| {
            url.scheme() == "https" || is_loopback(&url) || allow_http.as_deref() == Some("true")
        })
    };
    let allowed = "https:// with host and port, without user, path and query; http:// only to this machine, or with \
                   AWS_ALLOW_HTTP=true";
    Ok(given(environment, name, is_allowed, allowed)?.as_deref().and_then(public_url))
}

/// The text of a variable; one that is empty counts as not set, as it does for AWS's own programs.
fn given(
    environment: &Environment,
    name: &str,
    is_good: impl Fn(&str) -> bool,
    allowed: &'static str,
) -> Result<Option<String>, SettingsError> {
    let text = environment.text(name)?.filter(|text| !text.is_empty());
    match text {
        // An endpoint may hold a password by mistake, so no value is shown.
        Some(text) if text.len() > MAX_BYTES || !is_good(&text) => {
            Err(SettingsError::Secret { from: variable(name), allowed })
        }
        text => Ok(text),
    }
}

fn is_visible(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_region(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(v4)) => IpAddr::V4(v4).is_loopback(),
        Some(Host::Ipv6(v6)) => IpAddr::V6(v6).is_loopback(),
        None => false,
    }
}

fn place(text: &str) -> Option<Place> {
    let rest = text.strip_prefix("s3://")?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let in_bucket = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    let at_edge = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let bytes = bucket.as_bytes();
    let is_bucket = (3..=63).contains(&bytes.len())
        && bytes.iter().copied().all(in_bucket)
        && at_edge(bytes.first())
        && at_edge(bytes.last());
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    let in_segment = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_segment = |segment: &str| {
        !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(in_segment)
    };
    let is_prefix = prefix.is_empty() || prefix.len() <= 256 && prefix.split('/').all(is_segment);
    (is_bucket && is_prefix).then(|| Place { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        for (text, bucket, prefix) in [
            ("s3://abc", "abc", ""),
            ("s3://abc/", "abc", ""),
            ("s3://a-b.c/x", "a-b.c", "x"),
            ("s3://abc/x/Y_1.z/", "abc", "x/Y_1.z"),
        ] {
            let expected = Place { bucket: bucket.to_owned(), prefix: prefix.to_owned() };
            assert_eq!(place(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "abc",
            "s3:abc",
            "s3://",
            "s3://ab",
            "s3://Abc",
            "s3://-abc",
            "s3://abc.",
            "s3://a b c",
            "s3://abc//x",
            "s3://abc/x//y",
            "s3://abc/../x",
            "s3://abc/x y",
            "s3://abc/%2e",
            "s3://u:p@abc",
            "s3://abc?x",
            "S3://abc",
            "https://abc",
        ] {
            assert_eq!(place(text), None, "{text}");
        }
    }
}
