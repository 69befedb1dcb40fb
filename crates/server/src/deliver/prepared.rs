//! Named variants of new images, rendered before anybody asks: jobs, worked off one at a time in the background.

use super::DeliverError;
use super::decision::Wanted;
use super::refine::make_better;
use crate::app::App;
use crate::catalog::{CatalogError, Job, JobKind, JobLine};
use crate::jobs::{Line, Outcome, keep_running};
use crate::renderer::RenderError;
use safelight_domain::access::authorize_upkeep;
use safelight_domain::image::{BlobId, Image};
use safelight_domain::negotiate::{FormatChoice, OutputFormat, output_format};
use safelight_domain::options::Recipe;
use std::sync::Arc;
use std::time::Duration;

/// Between two looks for jobs.
const PACE: Duration = Duration::from_secs(1);

/// How long a job is its runner's alone.
const LEASE_MS: i64 = 15 * 60 * 1000;

/// The wait after a failure that is none of the image's.
const WAIT_MS: i64 = 10_000;

/// How often a job is tried: what it does is a favour.
const MOST_ATTEMPTS: u32 = 10;

/// Renders the variants of new images until `shutdown` completes.
pub async fn render_variants(app: Arc<App>, shutdown: impl Future<Output = ()> + Send) {
    let App { catalog, clock, .. } = &*app;
    let line = Line { catalog, clock, line: JobLine::Variants, at_once: 1, lease_ms: LEASE_MS };
    tokio::select! {
        () = shutdown => {}
        () = keep_running(PACE, JobLine::Variants, |_| line.run_due(|job| run_job(&app, job))) => {}
    }
}

async fn run_job(app: &App, job: Job) -> Result<Outcome, CatalogError> {
    // The line has no others.
    let JobKind::RenderVariants(blob) = job.kind else { return Ok(Outcome::Finished) };
    Ok(match render_all(app, &blob).await {
        Err(error) if job.attempts < MOST_ATTEMPTS => {
            tracing::info!(%error, blob = blob.as_str(), "variants have to wait");
            Outcome::Again { wait_ms: WAIT_MS }
        }
        Ok(()) | Err(_) => Outcome::Finished,
    })
}

/// Renders every variant that can be. What is stored already is not made again.
async fn render_all(app: &App, blob: &BlobId) -> Result<(), DeliverError> {
    let Some(image) = app.catalog.image_of_blob(blob).await? else { return Ok(()) };
    for variant in app.catalog.variants(&image.account).await? {
        let recipe = Recipe::new(variant.transform);
        let mut formats: Vec<OutputFormat> = Vec::new();
        for prepared in &app.config.prepared_formats {
            let accept = prepared.accept();
            // An SVG is delivered as it is, in any variant.
            let format = output_format(FormatChoice::Auto, accept, &image.source, recipe.transform())?;
            if !formats.contains(&format) {
                formats.push(format);
            }
        }
        for format in formats {
            match render_one(app, &image, &recipe, format).await {
                Err(error @ DeliverError::Render(RenderError::Busy(_) | RenderError::NoWorker(_)))
                | Err(error @ DeliverError::Internal(_)) => return Err(error),
                Err(error) => tracing::info!(%error, blob = blob.as_str(), "a variant is not rendered"),
                Ok(()) => {}
            }
        }
    }
    Ok(())
}

async fn render_one(
    app: &App,
    image: &Image,
    recipe: &Recipe,
    format: OutputFormat,
) -> Result<(), DeliverError> {
    let granted = authorize_upkeep(image);
    let wanted = Wanted::of(app, &granted, image, recipe, format).await?;
    make_better(app, &granted, &wanted).await
}
