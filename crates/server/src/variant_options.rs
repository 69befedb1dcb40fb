//! The options of named variants as JSON has them, from requests and from other servers.

use crate::config::Compat;
use safelight_domain::options::parse_overlay;
use safelight_domain::transform::{MAX_OVERLAYS, Overlay, Transform};
use safelight_domain::variant::{BrowserTtl, BrowserTtlError, VariantAccess, require_cloudflare_option};
use serde_json::{Map, Value};
use std::fmt::Display;
use thiserror::Error;

/// What is wrong with options, in words for the public.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct OptionsError(String);

/// `neverRequireSignedURLs` as a type.
pub fn access(never_require_signed_urls: bool) -> VariantAccess {
    if never_require_signed_urls { VariantAccess::AlwaysPublic } else { VariantAccess::FollowImage }
}

/// Parses options; what is left out takes its default. With `compat = "strict"` only Cloudflare's own pass.
///
/// # Errors
/// What is wrong, and what is allowed.
pub fn parse(
    options: &Map<String, Value>,
    compat: Compat,
) -> Result<(Transform, Option<BrowserTtl>), OptionsError> {
    let mut fields = Vec::new();
    let mut overlays = Vec::new();
    let mut browser_ttl = None;
    for (key, value) in options {
        if compat == Compat::Strict && !value.is_null() {
            let text = value.as_str().unwrap_or_default();
            require_cloudflare_option(key, text).map_err(wrong)?;
        }
        match (key.as_str(), value) {
            (_, Value::Null) => {}
            ("browser_ttl", value) => {
                let seconds = value.as_u64().ok_or_else(|| wrong(BrowserTtlError))?;
                browser_ttl = Some(BrowserTtl::parse(seconds).map_err(wrong)?);
            }
            ("draw", Value::Array(list)) if list.len() <= MAX_OVERLAYS => {
                overlays = list.iter().map(parse_draw).collect::<Result<_, _>>()?;
            }
            ("draw", _) => {
                return Err(wrong(format!("draw must be a list of at most {MAX_OVERLAYS} overlays")));
            }
            (key, value) => fields.push((key, scalar(key, value)?)),
        }
    }
    let fields = fields.iter().map(|(key, value)| (*key, value.as_str()));
    let mut transform = Transform::from_fields(fields).map_err(wrong)?;
    transform.draw = overlays;
    Ok((transform, browser_ttl))
}

fn parse_draw(overlay: &Value) -> Result<Overlay, OptionsError> {
    let object = overlay.as_object().ok_or_else(|| wrong("an overlay must be an object"))?;
    let mut fields = Vec::new();
    for (key, value) in object {
        if key == "image" && !value.is_string() {
            // Of the number 1.50, the image 1.5 would be drawn.
            return Err(wrong("draw: image must be a text"));
        }
        fields.push((key.as_str(), scalar(key, value)?));
    }
    let fields = fields.iter().map(|(key, value)| (*key, value.as_str()));
    parse_overlay(fields).map_err(|error| wrong(format!("draw: {error}")))
}

/// A value as it would be written in a URL.
fn scalar(key: &str, value: &Value) -> Result<String, OptionsError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(switch) => Ok(switch.to_string()),
        _ => Err(wrong(format!("{key} must be a text, a number, true or false"))),
    }
}

fn wrong(why: impl Display) -> OptionsError {
    OptionsError(why.to_string())
}
