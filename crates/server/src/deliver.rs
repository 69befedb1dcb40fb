//! Use case: answer a delivery request. It knows no HTTP.

mod flights;

pub use flights::{Admission, Busy, Flights};

use crate::app::App;
use crate::blobs::{BlobError, BlobKey};
use crate::catalog::{Rendition, RenditionKey};
use crate::random;
use crate::renderer::RenderError;
use bytes::Bytes;
use safelight_domain::access::{Denied, Granted, TokenFault, authorize_delivery};
use safelight_domain::caching::cache_control;
use safelight_domain::conditional::ETag;
use safelight_domain::delivery_url::{DeliveryPath, DeliveryPathError, VariantSegment};
use safelight_domain::image::Image;
use safelight_domain::negotiate::{FormatChoice, FormatError, OutputFormat, output_format};
use safelight_domain::signature;
use safelight_domain::variant::{BrowserTtl, Variant};
use safelight_pixels::ENGINE_VERSION;
use sha2::{Digest, Sha256};
use std::error::Error;
use std::sync::Arc;
use thiserror::Error;

/// A delivery request, as far as the answer depends on it.
pub struct Request<'a> {
    /// Path and query exactly as received.
    pub target: &'a str,
    /// All `Accept` headers, joined with commas.
    pub accept: Option<&'a str>,
    /// All `If-None-Match` headers, joined with commas.
    pub none_match: Option<&'a str>,
}

/// An answer with a picture, or leave to use the one that the client has.
#[derive(Debug)]
pub struct Answer {
    /// The type of the picture.
    pub format: OutputFormat,
    /// Of the whole picture.
    pub etag: ETag,
    /// `Cache-Control` value.
    pub cache_control: String,
    /// `None` when the client's copy is the current one.
    pub body: Option<Bytes>,
}

/// Why a request gets no picture. `Clone`, since all who wait for one rendition get it.
#[derive(Clone, Debug, Error)]
pub enum DeliverError {
    /// No delivery path.
    #[error(transparent)]
    Path(#[from] DeliveryPathError),
    /// No account has this hash.
    #[error("no account has this hash")]
    UnknownAccount,
    /// The account has no variant of this name.
    #[error("the account has no variant of this name")]
    UnknownVariant,
    /// Options in the URL, which are not available.
    #[error("flexible variants are not enabled")]
    FlexibleVariant,
    /// See [`Denied::Token`].
    #[error("the token does not open the image")]
    Token(TokenFault),
    /// See [`Denied::UnknownImage`].
    #[error("there is no such image")]
    UnknownImage,
    /// The image cannot be had in the format asked for.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The picture could not be made.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// Our fault.
    #[error(transparent)]
    Internal(Arc<dyn Error + Send + Sync>),
}

/// Answers a request. Signature, image and variant, access, format, conditional request, bytes: in
/// this order, so that nothing is looked up before the signature is judged, and nothing is told
/// before access is granted.
pub async fn deliver(app: &Arc<App>, request: Request<'_>) -> Result<Answer, DeliverError> {
    let Decision { granted, image, variant } = decide(app, &request).await?;
    let format = output_format(FormatChoice::Auto, request.accept, &image.source, &variant.transform)?;
    let key = RenditionKey {
        blob: granted.blob().clone(),
        transform: variant.transform.canonical(),
        format,
        engine: ENGINE_VERSION,
        effort: 0,
    };
    let (granted, etag, body) = match stored(app, &granted, &key, &request).await? {
        Some((etag, body)) => (granted, etag, body),
        None => {
            let made = app.flights.make(app, &granted, &key, variant.transform.clone()).await?;
            // That took its time, in which the link may have expired, or the image or a key may
            // have been changed or deleted: what holds now counts.
            let now = decide(app, &request).await?.granted;
            if now.blob() != granted.blob() {
                return Err(RenderError::Busy.into());
            }
            let etag = ETag::of_sha256(&made.sha256);
            let current = request.none_match.is_some_and(|header| etag.matches_none_match(header));
            (now, etag, (!current).then_some(made.bytes))
        }
    };
    let now = app.clock.now();
    if !granted.holds(now) {
        return Err(DeliverError::Token(TokenFault::Expired));
    }
    let browser_ttl = variant.browser_ttl.unwrap_or(BrowserTtl::DEFAULT);
    Ok(Answer { format, etag, cache_control: cache_control(granted.exposure(), browser_ttl, now), body })
}

/// A decision in favour, and what it was about.
struct Decision {
    granted: Granted,
    image: Arc<Image>,
    variant: Arc<Variant>,
}

async fn decide(app: &App, request: &Request<'_>) -> Result<Decision, DeliverError> {
    let path = request.target.split_once('?').map_or(request.target, |(path, _)| path);
    let path = DeliveryPath::parse(path)?;
    let account = app.catalog.delivery_account(&path.hash).await.map_err(internal)?;
    let account = account.ok_or(DeliverError::UnknownAccount)?;
    let token = signature::verify(request.target, &account.keys, app.clock.now());

    let variant = match &path.variant {
        VariantSegment::Named(name) => account.variants.get(name).ok_or(DeliverError::UnknownVariant)?,
        VariantSegment::Options(_) => return Err(DeliverError::FlexibleVariant),
        VariantSegment::Impossible => return Err(DeliverError::UnknownVariant),
    };
    let authorize =
        |image: Option<&Image>| authorize_delivery(image, variant, &token, app.config.unknown_images);
    if let Some(image) = app.catalog.remembered_image(&account.id, &path.id)
        && let Ok(granted) = authorize(Some(&image))
    {
        return Ok(Decision { granted, image, variant: Arc::clone(variant) });
    }
    // An image that does not exist is never in memory. Were private ones refused from there, the
    // time it takes would tell them apart, so every refusal waits for one read of the database.
    let image = app.catalog.stored_image(&account.id, &path.id).await.map_err(internal)?;
    let granted = authorize(image.as_deref()).map_err(|denied| match denied {
        Denied::Token(fault) => DeliverError::Token(fault),
        Denied::UnknownImage => DeliverError::UnknownImage,
    })?;
    // A grant is for an image that was found.
    let image = image.ok_or(DeliverError::UnknownImage)?;
    Ok(Decision { granted, image, variant: Arc::clone(variant) })
}

/// The stored rendition, without its bytes when the client has them.
async fn stored(
    app: &App,
    granted: &Granted,
    key: &RenditionKey,
    request: &Request<'_>,
) -> Result<Option<(ETag, Option<Bytes>)>, DeliverError> {
    let row = app.catalog.find_rendition(key, app.clock.now_ms()).await.map_err(internal)?;
    let Some(row) = row else { return Ok(None) };
    let etag = ETag::of_sha256(&row.sha256);
    if request.none_match.is_some_and(|header| etag.matches_none_match(header)) {
        return Ok(Some((etag, None)));
    }
    match app.blobs.rendition(granted, &row.name).await {
        Ok(bytes) if bytes.len() as u64 == row.bytes => Ok(Some((etag, Some(bytes)))),
        // Lost, for instance in a restored backup without renditions: it is made again.
        Ok(_) | Err(BlobError::Missing) => {
            app.catalog.delete_rendition(key, &row.name).await.map_err(internal)?;
            Ok(None)
        }
        Err(error) => Err(internal(error)),
    }
}

/// A rendition as made just now.
#[derive(Clone, Debug)]
pub struct Made {
    bytes: Bytes,
    sha256: [u8; 32],
}

async fn make(
    app: &App,
    granted: &Granted,
    key: &RenditionKey,
    transform: safelight_domain::transform::Transform,
) -> Result<Made, DeliverError> {
    let original = match app.blobs.original(granted).await {
        Ok(original) => original,
        // Deleted since it was granted.
        Err(BlobError::Missing) => return Err(DeliverError::UnknownImage),
        Err(error) => return Err(internal(error)),
    };
    let rendered = app.renderer.render(vec![original], transform, key.format).await?;
    Ok(Made { sha256: Sha256::digest(&rendered.bytes).into(), bytes: rendered.bytes })
}

async fn store(
    app: &App,
    granted: &Granted,
    key: &RenditionKey,
    made: &Made,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let name = random::hex_id();
    app.blobs.put_rendition(granted, &name, made.bytes.clone()).await?;
    let row = Rendition { name, bytes: made.bytes.len() as u64, sha256: made.sha256 };
    let stored = app.catalog.insert_rendition(key.clone(), row.clone(), app.clock.now_ms()).await?;
    if stored.as_ref() != Some(&row) {
        // The image is gone, or another has stored the same rendition.
        let unused = BlobKey::Rendition { blob: key.blob.clone(), name: row.name };
        app.blobs.delete(&unused).await?;
    }
    Ok(())
}

fn internal<E: Error + Send + Sync + 'static>(error: E) -> DeliverError {
    DeliverError::Internal(Arc::new(error))
}
