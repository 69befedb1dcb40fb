//! Use case: answer a request for a remote image. It knows no HTTP server.
//!
//! Sources are fetched without anything of the viewer, and what is made of them is kept in memory alone,
//! by URL and options. Nothing here reads a stored image: a source on this very server is fetched like
//! any other, and needs its signature.

mod cache;
mod flights;
mod shared;
mod source;

pub use flights::Flights;

use crate::app::App;
use crate::deliver::{Answer, Origin, Transformed, Varies};
use crate::fetch::{DownloadError, Target};
use crate::metrics::Span;
use crate::protocol::Base;
use crate::remote::source::{Age, Source};
use crate::renderer::{Demand, RenderError, Urgency};
use bytes::Bytes;
use safelight_domain::conditional::ETag;
use safelight_domain::image::SourceInfo;
use safelight_domain::negotiate::{FormatChoice, FormatError, OutputFormat, accept_key, output_format};
use safelight_domain::options::{ClientHints, Dpr, OnError, Options, OptionsError};
use safelight_domain::origin::{Lifetime, is_at_or_below};
use safelight_domain::remote_url::{self, RemotePath, RemotePathError, RemoteSource};
use safelight_domain::transform::Transform;
use safelight_domain::warning::{Warning, warnings};
use safelight_pixels::{Cost, Fault};
use sha2::{Digest, Sha256};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use url::Url;

/// What `Via` of every request for a source says, after the version of HTTP. Cloudflare's has the word
/// in brackets, and origins look for it.
pub const VIA: &str = "safelight (image-resizing)";

/// A request for a remote image, as far as the answer depends on it.
pub struct Request<'a> {
    /// Path and query exactly as received.
    pub target: &'a str,
    /// All `Accept` headers, joined with commas.
    pub accept: Option<&'a str>,
    /// All `If-None-Match` headers, joined with commas.
    pub none_match: Option<&'a str>,
    /// All `Via` headers, joined with commas.
    pub via: Option<&'a str>,
    /// The value of a header by its lower-case name, for [`ClientHints`].
    pub header: &'a (dyn Fn(&str) -> Option<&'a str> + Send + Sync),
}

/// Why there is no picture, and where the viewer may be sent instead.
#[derive(Debug)]
pub struct Refusal {
    /// The reason.
    pub error: RemoteError,
    /// The source, with `onerror=redirect` and on the zone: an absolute path or URL.
    pub redirect: Option<String>,
}

/// Why a request gets no picture. `Clone`, since all who wait for one rendition get it.
#[derive(Clone, Debug, Error)]
pub enum RemoteError {
    /// No path of a remote image.
    #[error(transparent)]
    Path(#[from] RemotePathError),
    /// Options that make no sense.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// Not on the list of allowed origins.
    #[error("the origin is not allowed")]
    NotAllowed,
    /// A path, and no setting that says of which zone.
    #[error("there is no zone")]
    NoZone,
    /// The request comes from a server like this one, or would lead to it.
    #[error("the source is a resized image")]
    Loop,
    /// A URL with user and password, which would be public.
    #[error("the source has a user or password")]
    Credentials,
    /// It was not fetched.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// It is no image, and does not claim to be one.
    #[error("the source is not an image")]
    NotAnImage,
    /// It cannot be had in the format asked for.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// It cannot be rendered.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// Our fault.
    #[error(transparent)]
    Internal(Arc<dyn Error + Send + Sync>),
}

/// Answers a request: its shape, its origin, what is kept, and only then the network.
pub async fn remote(app: &Arc<App>, request: Request<'_>) -> Result<Answer, Refusal> {
    let parsed = parse(app, &request).map_err(|error| Refusal { error, redirect: None })?;
    let began = app.clock.now_ms();
    let stale = match app.remote.kept(&parsed.wanted.key) {
        Some(kept) if kept.age.holds(began) => {
            return Ok(answer(&kept, &parsed, &request, (began, began), Origin::Stored));
        }
        other => other,
    };
    match app.remote.make(app, &parsed.wanted, stale).await {
        Ok((kept, origin)) => Ok(answer(&kept, &parsed, &request, (began, app.clock.now_ms()), origin)),
        Err(error) => Err(Refusal { error, redirect: parsed.redirect }),
    }
}

/// A request that may be answered.
struct Parsed {
    wanted: Wanted,
    dpr: Dpr,
    varies: Varies,
    redirect: Option<String>,
}

/// One rendition of one source.
#[derive(Clone)]
struct Wanted {
    key: Key,
    target: Target,
    transform: Transform,
}

fn parse(app: &App, request: &Request<'_>) -> Result<Parsed, RemoteError> {
    if request.via.is_some_and(|via| via.contains(VIA)) {
        return Err(RemoteError::Loop);
    }
    let path = RemotePath::parse(request.target)?;
    let options = Options::parse(&path.options)?;
    let source = Allowed::of(app, &path.source)?;
    let transform = options.resolve(&ClientHints::read(request.header));
    let negotiated = options.gives_format() && options.format == FormatChoice::Auto;
    let key = Key {
        url: source.target.url().as_str().to_owned(),
        transform: transform.canonical(),
        format: options.format,
        accept: accept_key(request.accept.filter(|_| negotiated)),
    };
    let varies = match () {
        () if options.uses_hints() => Varies::ByHints,
        () if negotiated => Varies::ByAccept,
        () => Varies::No,
    };
    let redirect = source.redirect.filter(|_| options.on_error == OnError::Redirect);
    Ok(Parsed {
        wanted: Wanted { key, target: source.target, transform },
        dpr: options.dpr,
        varies,
        redirect,
    })
}

/// Names a rendition: nothing of the viewer but what its format was chosen by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    /// Of the source, with its query.
    url: String,
    /// See `Transform::canonical`.
    transform: String,
    format: FormatChoice,
    /// See `accept_key`.
    accept: Option<&'static str>,
}

/// A rendition, and how long it holds.
#[derive(Clone)]
struct Kept {
    info: SourceInfo,
    format: OutputFormat,
    bytes: Bytes,
    /// How long the render was in the queue.
    waited: Duration,
    etag: ETag,
    source_sha256: [u8; 32],
    age: Age,
}

/// A source that may be fetched.
struct Allowed {
    target: Target,
    /// How the viewer would get it from the zone.
    redirect: Option<String>,
}

impl Allowed {
    fn of(app: &App, source: &RemoteSource) -> Result<Allowed, RemoteError> {
        let zone = app.config.remote.zone.as_ref();
        let (target, redirect) = match source {
            RemoteSource::Path(path) => {
                let url = below(zone.ok_or(RemoteError::NoZone)?, path);
                let target = Target::parse(url.as_str()).map_err(DownloadError::from)?;
                // The zone's own address may be one that viewers do not reach, so the path alone. With
                // a second slash it would name another host.
                let path = url[url::Position::BeforePath..].to_owned();
                (target, (!path.starts_with("//")).then_some(path))
            }
            RemoteSource::Url(text) => {
                let target = Target::parse(text).map_err(DownloadError::from)?;
                if target.authorization().is_some() {
                    return Err(RemoteError::Credentials);
                }
                let host = target.url().host_str().unwrap_or_default();
                let of_zone = |zone: &Url| zone.host_str().is_some_and(|zone| is_at_or_below(host, zone));
                let is_zone = zone.is_some_and(|zone| zone.origin() == target.url().origin());
                let stored = app.catalog.remote_origins();
                let mut allowed =
                    app.config.remote.origins.iter().chain(stored.iter().map(|(_, origin)| origin));
                if !is_zone && !allowed.any(|entry| entry.allows(host, target.url().path())) {
                    return Err(RemoteError::NotAllowed);
                }
                let redirect = zone.is_some_and(of_zone).then(|| target.url().as_str().to_owned());
                (target, redirect)
            }
        };
        let ours = [zone, Some(&app.config.public_url)];
        let is_ours = ours.into_iter().flatten().any(|url| url.host_str() == target.url().host_str());
        if is_ours && target.url().path().starts_with(remote_url::PREFIX) {
            return Err(RemoteError::Loop);
        }
        Ok(Allowed { target, redirect })
    }
}

/// A path of a zone, dot segments resolved, and its query.
fn below(zone: &Url, source: &str) -> Url {
    let (path, query) = match source.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (source, None),
    };
    let mut url = zone.clone();
    url.set_path(path);
    url.set_query(query);
    url
}

fn answer(
    kept: &Kept,
    parsed: &Parsed,
    request: &Request<'_>,
    (began, now): (i64, i64),
    origin: Origin,
) -> Answer {
    let current = request.none_match.is_some_and(|header| kept.etag.matches_none_match(header));
    let Wanted { key, transform, .. } = &parsed.wanted;
    let mut warnings = warnings(key.format, key.accept, &kept.info, transform, parsed.dpr);
    if kept.age.lifetime == Lifetime::Raised {
        warnings.push(Warning::RestrictiveCacheControl);
    }
    let waited = if origin == Origin::Rendered { kept.waited } else { Duration::ZERO };
    let took = Duration::from_millis(u64::try_from(now.saturating_sub(began)).unwrap_or(0));
    Answer {
        format: kept.format,
        etag: kept.etag.clone(),
        cache_control: kept.age.lifetime.cache_control(kept.age.seconds_left(now)),
        varies: parsed.varies,
        body: (!current).then(|| kept.bytes.clone()),
        transformed: (kept.format != OutputFormat::Svg).then_some(Transformed { waited, took }),
        origin,
        warnings,
    }
}

async fn render(app: &App, wanted: &Wanted, source: &Source) -> Result<Kept, RemoteError> {
    let info = app.renderer.probe(source.file.bytes.clone()).await.map_err(|error| match error {
        RenderError::Refused { fault: Fault::Unsupported } if !source.claims_image => RemoteError::NotAnImage,
        error => error.into(),
    })?;
    let format = output_format(wanted.key.format, wanted.key.accept, &info, &wanted.transform)?;
    let files = vec![source.file.bytes.clone()];
    let cost = Cost::of_render(&info, &wanted.transform, format.into(), None, &app.config.source_limits);
    let demand = Demand::new(Urgency::Awaited, cost);
    let rendered =
        app.renderer.render(Base::Original, files, wanted.transform.clone(), format, demand).await?;
    app.metrics.spent(Span::Queue, rendered.waited);
    app.metrics.spent(Span::Processing, rendered.worked);
    let tag = source.tag.as_ref().and_then(|tag| tag.to_str().ok());
    Ok(Kept {
        info,
        format,
        waited: rendered.waited,
        etag: ETag::of_remote(&Sha256::digest(&rendered.bytes).into(), tag),
        bytes: rendered.bytes,
        source_sha256: source.file.sha256,
        age: source.age,
    })
}

fn internal<E: Error + Send + Sync + 'static>(error: E) -> RemoteError {
    RemoteError::Internal(Arc::new(error))
}
