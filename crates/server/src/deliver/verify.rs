//! Use case: explain to an account why a delivery URL is or is not accepted.

use super::decision::{Asked, Seen, Wanted, decide};
use super::{DeliverError, Request};
use crate::app::App;
use safelight_domain::account::AccountId;
use safelight_domain::delivery_url::DeliveryPath;
use safelight_domain::image::Image;
use safelight_domain::signature::{self, Target, Token};
use safelight_domain::verify::{Check, Facts, FoundVariant, checks, no_delivery_url, other_account};
use std::sync::Arc;

/// What delivery thinks of a URL.
pub struct Verdict {
    /// Its parts, where it is a delivery URL.
    pub path: Option<DeliveryPath>,
    /// `None` where it is none, or none of the account.
    pub of_account: Option<OfAccount>,
    /// The steps.
    pub checks: Vec<Check>,
}

/// What is known of a URL of the account.
pub struct OfAccount {
    /// The token in it.
    pub token: Token,
    /// The image, if there is one.
    pub image: Option<Arc<Image>>,
    /// What delivery refuses it with.
    pub refusal: Option<DeliverError>,
    /// The text that has to be signed.
    pub expected: Option<String>,
}

/// Judges a request target, path and query as a browser sends them, by the very decision that delivery makes.
/// `say` is the text of a refusal.
///
/// # Errors
/// When the catalog fails.
pub async fn verify(
    app: &App,
    account: &AccountId,
    target: &str,
    say: impl Fn(&DeliverError) -> String,
) -> Result<Verdict, DeliverError> {
    let found = app.catalog.own_delivery_account(account).await?;
    let (account, delivery) = found.ok_or(DeliverError::UnknownAccount)?;
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    let path = match DeliveryPath::parse(path) {
        Ok(path) => path,
        Err(error) => return Ok(Verdict { path: None, of_account: None, checks: no_delivery_url(error) }),
    };
    if path.hash != account.hash {
        return Ok(Verdict { path: Some(path), of_account: None, checks: other_account() });
    }
    let now = app.clock.now();
    let request = Request { target, accept: None, none_match: None, header: &|_| None, viewer: None };
    let token = signature::verify(target, &delivery.keys, now);
    let image = app.catalog.find_image(&account.id, &path.id).await?;
    let variant = match Asked::of(&path.variant, &delivery, app, &request) {
        Ok(asked) => FoundVariant::Served(asked.segment()),
        Err(error) => FoundVariant::Refused(say(&error)),
    };
    let refusal = refusal_of(app, &request).await?;
    let told = refusal.as_ref().map(&say);
    let facts =
        Facts { token: &token, variant: &variant, image: image.as_deref(), refusal: told.as_deref(), now };
    let checks = checks(&facts);
    let expected = Target::parse(target).ok().and_then(|target| target.signed_strings().into_iter().next());
    Ok(Verdict { path: Some(path), of_account: Some(OfAccount { token, image, refusal, expected }), checks })
}

/// What delivery refuses a target with, short of making the picture: by its signature, image and variant, by
/// an overlay that is gone, and by a format that the image cannot have.
///
/// # Errors
/// When the catalog fails.
pub async fn refusal(app: &App, target: &str) -> Result<Option<DeliverError>, DeliverError> {
    refusal_of(app, &Request { target, accept: None, none_match: None, header: &|_| None, viewer: None })
        .await
}

async fn refusal_of(app: &App, request: &Request<'_>) -> Result<Option<DeliverError>, DeliverError> {
    match wanted(app, request).await {
        Ok(_) => Ok(None),
        Err(DeliverError::Internal(error)) => Err(DeliverError::Internal(error)),
        Err(error) => Ok(Some(error)),
    }
}

async fn wanted(app: &App, request: &Request<'_>) -> Result<Wanted, DeliverError> {
    let decision = decide(app, request, &Seen::default()).await?;
    let formats = decision.formats(request)?;
    decision.wanted(app, formats.last()).await
}
