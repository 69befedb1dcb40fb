//! Use case: answer a delivery request. It knows no HTTP.

mod decision;
mod flights;
mod known_options;
mod prepared;
mod preview;
mod refine;
mod renders;
mod url_or_path;
mod verify;

pub use flights::{Admission, Busy, Flights};
pub use known_options::KnownOptions;
pub use prepared::render_variants;
pub use preview::{Preview, PreviewError, preview};
pub use refine::{Refinements, refine};
pub use renders::Renders;
pub use url_or_path::{UrlOrPath, UrlOrPathError};
pub use verify::{OfAccount, Verdict, refusal, verify};

use crate::app::App;
use crate::blobs::{BlobError, BlobKey, Unread};
use crate::catalog::{CatalogError, DatabaseError, Rendition, RenditionKey};
use crate::deliver::decision::{Decision, Seen, Wanted, decide};
use crate::deliver::refine::{Choice, choose};
use crate::metrics::{Failure, Span};
use crate::protocol::Base;
use crate::random;
use crate::renderer::{Demand, Input, RenderError, Urgency, check_bytes};
use crate::usage::{Event, Measure};
use bytes::Bytes;
use safelight_domain::access::{Granted, TokenFault};
use safelight_domain::caching::cache_control;
use safelight_domain::conditional::ETag;
use safelight_domain::delivery_url::DeliveryPathError;
use safelight_domain::negotiate::{FormatError, OutputFormat};
use safelight_domain::options::OptionsError;
use safelight_domain::rate_limit::{Client, Wait};
use safelight_domain::time::UnixTime;
use safelight_domain::transform::Effort;
use safelight_domain::warning::Warning;
use safelight_pixels::{Cost, Output, has_thorough, level_for};
use sha2::{Digest, Sha256};
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};
use thiserror::Error;

/// A delivery request, as far as the answer depends on it.
pub struct Request<'a> {
    /// Path and query exactly as received.
    pub target: &'a str,
    /// All `Accept` headers, joined with commas.
    pub accept: Option<&'a str>,
    /// All `If-None-Match` headers, joined with commas.
    pub none_match: Option<&'a str>,
    /// The value of a header by its lower-case name. Only options in URLs ask, for [`ClientHints`](safelight_domain::options::ClientHints).
    pub header: &'a (dyn Fn(&str) -> Option<&'a str> + Send + Sync),
    /// Whose wrong signatures are counted. `None` where the owner asks what a viewer would be told.
    pub viewer: Option<&'a (dyn Fn() -> Client + Send + Sync)>,
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
    /// Which request headers have had a say.
    pub varies: Varies,
    /// `None` when the client's copy is the current one.
    pub body: Option<Bytes>,
    /// See [`Origin`].
    pub origin: Origin,
    /// `None` where nothing was transformed, as of an SVG.
    pub transformed: Option<Transformed>,
    /// Soft problems.
    pub warnings: Vec<Warning>,
}

/// How a picture came about. It is told to whoever gets the picture, and to nobody else.
#[derive(Clone, Copy, Debug)]
pub struct Transformed {
    /// Time in the queue for workers; none for a stored rendition.
    pub waited: Duration,
    /// From the decision until the bytes were there.
    pub took: Duration,
}

/// Where a rendition comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was made for this request, or for another at the same time.
    Rendered,
    /// It was stored.
    Stored,
}

/// Which request headers an answer depends on, the conditional ones apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Varies {
    /// None.
    No,
    /// `Accept`.
    ByAccept,
    /// `Accept` and those of [`ClientHints::HEADERS`](safelight_domain::options::ClientHints::HEADERS).
    ByHints,
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
    /// Options in the URL, which the account does not serve.
    #[error("flexible variants are not enabled")]
    FlexibleVariant,
    /// Options in the URL that make no sense.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// The variant draws an image that is not there.
    #[error("an overlay of the variant does not exist")]
    UnknownOverlay,
    /// See [`Denied::Token`](safelight_domain::access::Denied::Token).
    #[error("the token does not open the image")]
    Token(TokenFault),
    /// The viewer presented too many wrong signatures.
    #[error("too many wrong signatures")]
    TooManyForged(Wait),
    /// See [`Denied::OptionsOnPrivate`](safelight_domain::access::Denied::OptionsOnPrivate).
    #[error("options are for public images alone")]
    OptionsOnPrivate,
    /// See [`Denied::UnknownImage`](safelight_domain::access::Denied::UnknownImage).
    #[error("there is no such image")]
    UnknownImage,
    /// See [`Denied::Unsure`](safelight_domain::access::Denied::Unsure); also where the catalog would have to be
    /// asked and cannot be.
    #[error("the catalog cannot be reached")]
    Unsure,
    /// The image cannot be had in the format asked for.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// As many were made for the account as may be, in this minute.
    #[error("the account's quota of renditions is used up")]
    Quota(Wait),
    /// The picture could not be made.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// Our fault.
    #[error(transparent)]
    Internal(Arc<dyn Error + Send + Sync>),
}

impl DeliverError {
    /// As what it is counted.
    pub fn failure(&self) -> Failure {
        match self {
            DeliverError::Token(_) | DeliverError::TooManyForged(_) | DeliverError::OptionsOnPrivate => {
                Failure::Security
            }
            DeliverError::Quota(_) => Failure::Queue,
            DeliverError::Path(_)
            | DeliverError::UnknownAccount
            | DeliverError::UnknownVariant
            | DeliverError::FlexibleVariant
            | DeliverError::Options(_)
            | DeliverError::UnknownOverlay
            | DeliverError::UnknownImage
            | DeliverError::Format(_) => Failure::Request,
            DeliverError::Unsure => Failure::Catalog,
            DeliverError::Render(error) => match error {
                RenderError::Busy(_) => Failure::Queue,
                RenderError::TimedOut(_) => Failure::Timeout,
                RenderError::Refused { .. } | RenderError::FilesTooLarge(_) | RenderError::WorkerDied => {
                    Failure::Processing
                }
                RenderError::NoWorker(_) => Failure::Internal,
            },
            DeliverError::Internal(_) => Failure::Internal,
        }
    }
}

/// Answers a request. Signature, image and variant, access, format, conditional request, bytes: in
/// this order, so that nothing is looked up before the signature is judged, and nothing is told
/// before access is granted. And how long it took.
pub async fn deliver(app: &Arc<App>, request: Request<'_>) -> (Result<Answer, DeliverError>, Duration) {
    let began = Instant::now();
    let seen = Seen::default();
    let result: Result<_, DeliverError> = answer(app, &request, || decide(app, &request, &seen)).await;
    let took = began.elapsed();
    if let Some((account, signer)) = seen.get() {
        let event = Event { outcome: outcome(&result), bytes: sent_bytes(&result), took };
        app.usage.record(&account.id, signer.as_ref(), event);
    }
    let answer = result.map(|Answered { answer, granted, better }| {
        better.into_iter().for_each(|wanted| app.refinements.add(&granted, wanted));
        answer
    });
    (answer, took)
}

/// An answer and how it came about.
struct Answered {
    answer: Answer,
    granted: Granted,
    /// Renditions that are better, and not there yet.
    better: Vec<Wanted>,
}

/// What a request is counted as.
fn outcome(result: &Result<Answered, DeliverError>) -> Measure {
    match result {
        Ok(Answered { answer: Answer { body: None, .. }, .. }) => Measure::NotModified,
        Ok(Answered { answer: Answer { origin: Origin::Rendered, .. }, .. }) => Measure::Renders,
        Ok(Answered { answer: Answer { origin: Origin::Stored, .. }, .. }) => Measure::Hits,
        Err(DeliverError::Token(TokenFault::Absent)) => Measure::RefusedNoToken,
        Err(DeliverError::Token(TokenFault::Expired)) => Measure::RefusedExpired,
        Err(DeliverError::Token(TokenFault::Mismatch) | DeliverError::TooManyForged(_)) => {
            Measure::RefusedSignature
        }
        Err(DeliverError::Token(TokenFault::Malformed(_))) => Measure::RefusedMalformed,
        Err(DeliverError::Render(_) | DeliverError::Unsure | DeliverError::Internal(_)) => Measure::Failed,
        Err(_) => Measure::RefusedOther,
    }
}

fn sent_bytes(result: &Result<Answered, DeliverError>) -> u64 {
    result.as_ref().ok().and_then(|done| done.answer.body.as_ref()).map_or(0, |body| body.len() as u64)
}

/// Answers as one who is asked twice decides: before a picture is looked for, and after one was made.
async fn answer<E, F>(app: &Arc<App>, request: &Request<'_>, decide: impl Fn() -> F) -> Result<Answered, E>
where
    E: From<DeliverError>,
    F: Future<Output = Result<Decision, E>>,
{
    let decision = decide().await?;
    let began = app.clock.now_ms();
    let Choice { wanted, mut better } = choose(app, &decision, request).await?;
    let format = wanted.key.format;
    let warnings = decision.warnings(request);
    let (granted, Found { etag, body, effort }, origin, waited) =
        match stored(app, &decision.granted, &wanted.key, request).await? {
            Some(found) => (decision.granted, found, Origin::Stored, Duration::ZERO),
            // Boxed, so that an answer that is ready takes no room for one that is not.
            None => Box::pin(rendered(app, request, &decision, &wanted, &decide)).await?,
        };
    let now_ms = app.clock.now_ms();
    let now = UnixTime::from_millis(now_ms);
    if !granted.holds(now) {
        return Err(DeliverError::Token(TokenFault::Expired).into());
    }
    if effort != Effort::Thorough {
        better.push(wanted);
    }
    let standing = app.refinements.standing(&app.config, &mut better);
    let cache_control = cache_control(granted.exposure(), decision.browser_ttl, standing, now);
    let took = Duration::from_millis(u64::try_from(now_ms.saturating_sub(began)).unwrap_or(0));
    let transformed = (format != OutputFormat::Svg).then_some(Transformed { waited, took });
    let varies = decision.varies;
    let answer = Answer { format, etag, cache_control, varies, body, origin, transformed, warnings };
    Ok(Answered { answer, granted, better })
}

/// A rendition that was not stored, by what holds once it is made, and how long it was waited for.
async fn rendered<E, F>(
    app: &Arc<App>,
    request: &Request<'_>,
    decision: &Decision,
    wanted: &Wanted,
    decide: impl Fn() -> F,
) -> Result<(Granted, Found, Origin, Duration), E>
where
    E: From<DeliverError>,
    F: Future<Output = Result<Decision, E>>,
{
    let format = wanted.key.format;
    let made = app.flights.make(app, decision, wanted).await?;
    // That took its time, in which the link may have expired, or the image, a key or an
    // overlay may have been changed or deleted: what holds now counts.
    let now = decide().await?;
    let formats = now.formats(request).map_err(DeliverError::from)?;
    if !formats.contain(format) || now.wanted(app, format).await?.key != wanted.key {
        return Err(DeliverError::from(RenderError::Busy(Duration::ZERO)).into());
    }
    let waited = made.waited;
    Ok((now.granted, made.found(&wanted.key, request), Origin::Rendered, waited))
}

/// A rendition, without its bytes when the client has them.
struct Found {
    etag: ETag,
    body: Option<Bytes>,
    effort: Effort,
}

async fn stored(
    app: &App,
    granted: &Granted,
    key: &RenditionKey,
    request: &Request<'_>,
) -> Result<Option<Found>, DeliverError> {
    // A second time, since a better one may take its place between the row and the bytes.
    for _ in 0..2 {
        let row = app.catalog.find_rendition(key, app.clock.now_ms()).await?;
        let Some(row) = row else { return Ok(None) };
        let Rendition { name, bytes: length, sha256, effort } = &row.rendition;
        let found = |body| Found { etag: row.etag.clone(), body, effort: *effort };
        if request.none_match.is_some_and(|header| row.etag.matches_none_match(header)) {
            return Ok(Some(found(None)));
        }
        match app.blobs.rendition(granted, name, sha256).await {
            Ok(bytes) if bytes.len() as u64 == *length => return Ok(Some(found(Some(bytes)))),
            // Lost, for instance in a restored backup without renditions: it is made again.
            Ok(_) | Err(BlobError::Missing) => {
                app.catalog.delete_rendition(key, name).await?;
            }
            Err(error) => return Err(internal(error)),
        }
    }
    Ok(None)
}

/// A rendition as made just now.
#[derive(Clone, Debug)]
pub struct Made {
    bytes: Bytes,
    sha256: [u8; 32],
    waited: Duration,
    effort: Effort,
}

impl Made {
    fn found(self, key: &RenditionKey, request: &Request<'_>) -> Found {
        let etag = ETag::of_rendition(&self.sha256, &key.blob);
        let current = request.none_match.is_some_and(|header| etag.matches_none_match(header));
        Found { etag, body: (!current).then_some(self.bytes), effort: self.effort }
    }
}

/// Makes a rendition.
async fn make(app: &App, granted: &Granted, wanted: &Wanted, effort: Effort) -> Result<Made, DeliverError> {
    // Before any is read.
    check_bytes(wanted.lengths.iter().copied())?;
    let transform = wanted.recipe.transform();
    let output = Output { format: wanted.key.format, effort };
    let (base, divisor, mut files) = match level(app, granted, wanted, output).await? {
        Some((divisor, level)) => (Base::Level, Some(divisor), vec![Input::Stored(level)]),
        None => (Base::Original, None, Vec::new()),
    };
    let cost = Cost::of_render(&wanted.source, transform, output, divisor, &app.config.source_limits);
    for granted in std::iter::once(granted).chain(&wanted.overlays).skip(files.len()) {
        files.push(match app.blobs.unread_original(granted).await {
            Ok(original) => Input::Stored(original),
            // Deleted since it was granted.
            Err(BlobError::Missing) => return Err(DeliverError::UnknownImage),
            Err(error) => return Err(internal(error)),
        });
    }
    let urgency = match effort {
        Effort::Quick | Effort::Standard => Urgency::Awaited,
        Effort::Thorough => Urgency::Background,
    };
    let demand = Demand::new(urgency, cost);
    let can_be_better = divisor.is_some() || has_thorough(transform, output.format);
    let rendered = app.renderer.render(base, files, transform.clone(), output, demand).await?;
    if urgency == Urgency::Awaited {
        app.metrics.spent(Span::Queue, rendered.waited);
        app.metrics.spent(Span::Downloading, rendered.read);
        app.metrics.spent(Span::Processing, rendered.worked);
    }
    let sha256 = Sha256::digest(&rendered.bytes).into();
    let effort = if can_be_better { effort } else { Effort::Thorough };
    Ok(Made { sha256, bytes: rendered.bytes, waited: rendered.waited, effort })
}

/// The level that will do in the original's place, if there is one, and its divisor.
async fn level(
    app: &App,
    granted: &Granted,
    wanted: &Wanted,
    output: Output,
) -> Result<Option<(u32, Unread)>, DeliverError> {
    let stored = app.catalog.levels(granted.blob()).await?;
    let divisors: Vec<u32> = stored.iter().map(|level| level.divisor).collect();
    let limits = &app.config.source_limits;
    let chosen = level_for(&wanted.source, wanted.recipe.transform(), output, limits, &divisors);
    let Some(chosen) = stored.iter().find(|level| Some(level.divisor) == chosen) else { return Ok(None) };
    match app.blobs.unread_level(granted, &chosen.name).await {
        Ok(level) if level.bytes() == chosen.bytes => Ok(Some((chosen.divisor, level))),
        // Replaced since, or lost: the original is there.
        Ok(_) | Err(BlobError::Missing) => Ok(None),
        Err(error) => Err(internal(error)),
    }
}

async fn store(
    app: &App,
    granted: &Granted,
    key: &RenditionKey,
    made: &Made,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let name = random::hex_id();
    app.blobs.put_rendition(granted, &name, made.bytes.clone()).await?;
    let row = Rendition { name, bytes: made.bytes.len() as u64, sha256: made.sha256, effort: made.effort };
    if let Some(name) = app.catalog.insert_rendition(key.clone(), row, app.clock.now_ms()).await? {
        app.blobs.delete(&BlobKey::Rendition { blob: key.blob.clone(), name }).await?;
    }
    Ok(())
}

impl From<CatalogError> for DeliverError {
    fn from(error: CatalogError) -> DeliverError {
        match error {
            CatalogError::Database(DatabaseError::Unreachable(cause)) => {
                tracing::warn!(%cause, "the catalog cannot be reached");
                DeliverError::Unsure
            }
            error => internal(error),
        }
    }
}

fn internal<E: Error + Send + Sync + 'static>(error: E) -> DeliverError {
    DeliverError::Internal(Arc::new(error))
}
