//! Signed URLs made and explained for their account, below `/safelight/v1`.

use crate::app::App;
use crate::catalog::{DeliveryAccount, FlexibleVariants};
use crate::deliver::{self, DeliverError, UrlOrPath, verify};
use crate::http::auth::AnyCaller;
use crate::http::delivery::refusal;
use crate::http::envelope::{Success, json_body};
use crate::http::error::ApiError;
use crate::http::images::{public_origin, rfc3339};
use axum::body::Body;
use axum::extract::State;
use http::StatusCode;
use safelight_domain::account::AccountId;
use safelight_domain::delivery_url::{PREFIX, VariantSegment, delivery_path, options_path};
use safelight_domain::image::{ImageId, Privacy};
use safelight_domain::options::Options;
use safelight_domain::signature::{KeyName, SigningKey, Token, sign_target};
use safelight_domain::time::UnixTime;
use safelight_domain::token::{Refusal, Scope};
use safelight_domain::variant::VariantName;
use safelight_domain::verify::Check;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Longest URL that is explained, in bytes; longer ones do not fit a request's head.
const MAX_URL_BYTES: usize = 16 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignBody {
    image: String,
    variant: String,
    expires: Option<u64>,
    key: Option<String>,
    domain: Option<String>,
}

/// `result` of [`sign`].
#[derive(Serialize)]
pub(super) struct Signed {
    url: String,
    key: String,
    expires: Option<u64>,
    /// The text whose signature was taken.
    signed: String,
}

/// `POST /safelight/v1/accounts/{account_id}/sign`: needs the scope `sign` alone. The image must exist:
/// whoever signs for images to come has the key.
pub(super) async fn sign(
    State(app): State<Arc<App>>,
    AnyCaller(caller): AnyCaller,
    body: Body,
) -> Result<Success<Signed>, ApiError> {
    caller.require(Scope::Sign)?;
    let body: SignBody = json_body(body).await?;
    let found = app.catalog.own_delivery_account(caller.account()).await?;
    let (account, delivery) = found.ok_or(Refusal::OtherAccount)?;
    let key = signing_key(&delivery, body.key.as_deref())?;
    let expires = body.expires.map(|seconds| expiry(seconds, app.clock.now())).transpose()?;
    let (origin, prefix) = match &body.domain {
        None => (public_origin(&app), ""),
        Some(domain) => (own_domain(&app, caller.account(), domain).await?, PREFIX),
    };
    let id = ImageId::named(&body.image);
    if app.catalog.find_image(caller.account(), &id).await?.is_none() {
        return Err(ApiError::image_not_found());
    }
    let path = match segment(&body.variant, &delivery)? {
        VariantSegment::Options(options) => options_path(&account.hash, &id, &options),
        VariantSegment::Named(name) => delivery_path(&account.hash, &id, &name),
        VariantSegment::Impossible => return Err(ApiError::variant_not_found()),
    };
    let target = sign_target(&format!("{prefix}{path}"), "", expires, key);
    // A link that opens nothing is not given out: where an overlay is gone, say.
    let refused = |error: DeliverError| ApiError::from(refusal(error, &target));
    if let Some(error) = deliver::refusal(&app, &target).await.map_err(refused)? {
        return Err(refused(error));
    }
    let signed = target.rsplit_once("sig=").map_or("", |(signed, _)| signed.trim_end_matches(['?', '&']));
    Ok(Success(Signed {
        url: format!("{origin}{target}"),
        key: key.name().as_str().to_owned(),
        expires: expires.map(|expires| expires.0),
        signed: signed.to_owned(),
    }))
}

fn signing_key<'a>(account: &'a DeliveryAccount, name: Option<&str>) -> Result<&'a SigningKey, ApiError> {
    let name = name.unwrap_or(KeyName::DEFAULT);
    let key = account.keys.iter().find(|key| key.name().as_str() == name);
    key.ok_or_else(ApiError::key_not_found)
}

fn expiry(seconds: u64, now: UnixTime) -> Result<UnixTime, ApiError> {
    let expires = UnixTime(seconds);
    if expires >= UnixTime::LIKELY_MILLISECONDS {
        return Err(ApiError::bad_request("expires counts seconds since 1970; this looks like milliseconds"));
    }
    if expires <= now {
        return Err(ApiError::bad_request(
            "expires must lie in the future: seconds since 1970, or null for a link that never expires",
        ));
    }
    Ok(expires)
}

async fn own_domain(app: &App, account: &AccountId, domain: &str) -> Result<String, ApiError> {
    let domains = app.catalog.domains(account).await?;
    domains
        .into_iter()
        .find(|known| known == domain)
        .ok_or_else(|| ApiError::bad_request("domain must be one of the account's domains"))
}

fn segment(variant: &str, account: &DeliveryAccount) -> Result<VariantSegment, ApiError> {
    if let Ok(name) = VariantName::parse(variant) {
        let known = account.variants.contains_key(&name);
        return if known { Ok(VariantSegment::Named(name)) } else { Err(ApiError::variant_not_found()) };
    }
    if !variant.contains('=') {
        return Err(ApiError::variant_not_found());
    }
    if account.config.flexible_variants == FlexibleVariants::Off {
        return Err(refusal(DeliverError::FlexibleVariant, "").into());
    }
    Options::parse(variant).map_err(|error| ApiError::from(refusal(error.into(), "")))?;
    Ok(VariantSegment::Options(variant.to_owned()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VerifyBody {
    url: String,
}

/// `result` of [`explain`].
#[derive(Serialize)]
pub(super) struct Explained {
    accepted: bool,
    /// As delivery answers; `null` where that is not told.
    status: Option<u16>,
    code: Option<u32>,
    message: String,
    image: Option<String>,
    variant: Option<String>,
    token: Option<TokenBody>,
    #[serde(rename = "requireSignedURLs")]
    require_signed_urls: Option<bool>,
    checks: Vec<CheckBody>,
}

#[derive(Serialize)]
struct TokenBody {
    state: &'static str,
    key: Option<String>,
    expires: Option<String>,
    /// The text that has to be signed.
    expected: Option<String>,
}

#[derive(Serialize)]
struct CheckBody {
    name: &'static str,
    state: &'static str,
    text: String,
}

/// `POST /safelight/v1/accounts/{account_id}/verify`: needs the scope `read`, since it changes nothing.
pub(super) async fn explain(
    State(app): State<Arc<App>>,
    AnyCaller(caller): AnyCaller,
    body: Body,
) -> Result<Success<Explained>, ApiError> {
    caller.require(Scope::Read)?;
    let body: VerifyBody = json_body(body).await?;
    let target = target(&body.url)?;
    let told = |error: &DeliverError| ApiError::from(refusal(error.clone(), &target));
    let say = |error: &DeliverError| told(error).public_text().to_owned();
    let verdict = verify(&app, caller.account(), &target, say).await.map_err(|error| told(&error))?;
    let checks = verdict.checks.into_iter().map(check_body).collect();
    let mut explained = Explained {
        accepted: false,
        status: None,
        code: None,
        message: String::new(),
        image: None,
        variant: None,
        token: None,
        require_signed_urls: None,
        checks,
    };
    let Some(path) = verdict.path else {
        explained.status = Some(StatusCode::FORBIDDEN.as_u16());
        explained.message = "This is no delivery URL".to_owned();
        return Ok(Success(explained));
    };
    explained.image = Some(path.id.as_str().to_owned());
    explained.variant = variant_text(&path.variant);
    let Some(seen) = verdict.of_account else {
        explained.message = "The URL is not of this account".to_owned();
        return Ok(Success(explained));
    };
    let refused = seen.refusal.as_ref().map(told);
    explained.accepted = refused.is_none();
    let (status, code, message) = match &refused {
        None => (StatusCode::OK, None, "The picture is served".to_owned()),
        Some(error) => (error.status(), Some(error.code()), error.public_text().to_owned()),
    };
    (explained.status, explained.code, explained.message) = (Some(status.as_u16()), code, message);
    explained.token = Some(token_body(&seen.token, seen.expected));
    explained.require_signed_urls = seen.image.map(|image| image.privacy == Privacy::RequireSigned);
    Ok(Success(explained))
}

/// Path and query of a URL or a path, as a browser would send them.
fn target(text: &str) -> Result<String, ApiError> {
    let short = Some(text.trim()).filter(|text| text.len() <= MAX_URL_BYTES);
    let parsed = short.and_then(|text| UrlOrPath::parse(text).ok());
    parsed.map(|parsed| parsed.target).ok_or_else(|| {
        ApiError::bad_request(format!(
            "url must be an http or https URL, or its path, of at most {MAX_URL_BYTES} bytes"
        ))
    })
}

fn variant_text(segment: &VariantSegment) -> Option<String> {
    match segment {
        VariantSegment::Named(name) => Some(name.as_str().to_owned()),
        VariantSegment::Options(text) => Some(text.clone()),
        VariantSegment::Impossible => None,
    }
}

fn token_body(token: &Token, expected: Option<String>) -> TokenBody {
    let moment = |time: UnixTime| rfc3339(i64::try_from(time.0).unwrap_or(i64::MAX).saturating_mul(1000));
    let (state, key, expires) = match token {
        Token::Absent => ("absent", None, None),
        Token::Valid { until, key } => ("valid", Some(key), *until),
        Token::Expired { since, key } => ("expired", Some(key), Some(*since)),
        Token::Malformed(_) => ("malformed", None, None),
        Token::Mismatch => ("mismatch", None, None),
    };
    // What lies beyond the calendar has no text.
    let expires = expires.map(moment).filter(|text| !text.is_empty());
    TokenBody { state, key: key.map(|key| key.as_str().to_owned()), expires, expected }
}

fn check_body(check: Check) -> CheckBody {
    CheckBody { name: check.name.as_str(), state: check.state.as_str(), text: check.text }
}
