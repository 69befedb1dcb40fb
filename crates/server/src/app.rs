//! The composition root: what the use cases are given.

use crate::blobs::Blobs;
use crate::catalog::Catalog;
use crate::clock::Clock;
use crate::config::Config;
use crate::deliver::{Flights, KnownOptions, Refinements, Renders};
use crate::failures::Failures;
use crate::fetch::Client;
use crate::metrics::Metrics;
use crate::random::{ImageIds, RequestIds};
use crate::refusals::Refusals;
use crate::remote;
use crate::renderer::Renderer;
use crate::staging::Staging;
use crate::usage::Usage;

/// The parts of a running server. It knows no HTTP.
pub struct App {
    /// As parsed at start.
    pub config: Config,
    /// Rows.
    pub catalog: Catalog,
    /// Bytes.
    pub blobs: Blobs,
    /// Uploads on their way in.
    pub staging: Staging,
    /// Worker processes.
    pub renderer: Renderer,
    /// What is fetched from elsewhere, by all parts.
    pub fetch: Client,
    /// The time.
    pub clock: Clock,
    /// Remote images being made, and those that are kept.
    pub remote: remote::Flights,
    /// Tokens that are not known, presented by browsers at login and by programs.
    pub logins: Failures,
    /// What was refused to keep within a limit.
    pub refusals: Refusals,
    /// Signatures that are wrong.
    pub signatures: Failures,
    /// The ids of new images.
    pub image_ids: ImageIds,
    /// The ids of requests.
    pub request_ids: RequestIds,
    /// The name of this node among those that share the catalog, another one at each start.
    pub node: String,
    /// When it was started, in milliseconds since 1970-01-01T00:00:00Z.
    pub started_ms: i64,
    /// What is measured of every request.
    pub metrics: Metrics,
    /// What is counted of delivery.
    pub usage: Usage,
    /// Options in URLs that were read before.
    pub options: KnownOptions,
    /// Renditions being made.
    pub flights: Flights,
    /// Those that are to be made better.
    pub refinements: Refinements,
    /// How many were made for each account.
    pub renders: Renders,
}
