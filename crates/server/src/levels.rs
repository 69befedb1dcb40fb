//! Use case: levels. They are made of each original soon after its upload, in the background, and made anew
//! when the setting or the program's way of making them changes.
//!
//! What is to do is found in the catalog each time, so that nothing is lost when the program ends, and
//! everything may be done twice.

use crate::app::App;
use crate::blobs::{BlobError, BlobKey};
use crate::catalog::{CatalogError, StoredLevel};
use crate::config::Levels;
use crate::random;
use crate::renderer::{Input, RenderError};
use crate::trouble::Trouble;
use safelight_domain::access::authorize_upkeep;
use safelight_domain::image::Image;
use safelight_pixels::{Cost, LEVELS_VERSION, Level, divisors};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::time::sleep;

/// Between two looks for images without levels, and after the pool was too busy.
const PACE: Duration = Duration::from_millis(500);

/// How long the levels of an image stay with the node that makes them, in milliseconds: longer than it may take.
const LONGEST_MS: i64 = 120_000;

/// Why the work pauses.
#[derive(Debug, Error)]
enum LevelError {
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Blobs(#[from] BlobError),
    #[error(transparent)]
    Render(#[from] RenderError),
}

impl Levels {
    /// What the catalog notes for images whose levels are those of this setting.
    fn mark(self) -> String {
        match self {
            Levels::Off => "off".to_owned(),
            Levels::Small => format!("small-{LEVELS_VERSION}"),
            Levels::Full => format!("full-{LEVELS_VERSION}"),
        }
    }

    /// What the first level is divided by.
    fn first(self) -> Option<u32> {
        match self {
            Levels::Off => None,
            Levels::Small => Some(4),
            Levels::Full => Some(2),
        }
    }
}

/// Makes levels until `shutdown` completes.
pub async fn run(app: Arc<App>, shutdown: impl Future<Output = ()> + Send) {
    tokio::select! {
        () = shutdown => {}
        () = keep_making(&app) => {}
    }
}

async fn keep_making(app: &App) {
    let trouble = Trouble::default();
    loop {
        let made = make_some(app).await;
        match &made {
            Ok(_) if trouble.ends() => tracing::info!("levels are made again"),
            Err(error) if trouble.begins() => {
                tracing::warn!(error = error as &dyn std::error::Error, "levels have to wait");
            }
            Ok(_) | Err(_) => {}
        }
        if !made.is_ok_and(|images| images > 0) {
            sleep(PACE).await;
        }
    }
}

/// How many images got theirs.
async fn make_some(app: &App) -> Result<usize, LevelError> {
    let made_by = app.config.levels.mark();
    let images = app.catalog.images_for_levels(&made_by).await?;
    let mut made = 0;
    for image in &images {
        let duty = format!("levels of {}", image.blob.as_str());
        let now_ms = app.clock.now_ms();
        if !app.catalog.take_duty(&duty, &app.node, now_ms, now_ms.saturating_add(LONGEST_MS)).await? {
            continue;
        }
        let levels = match app.config.levels.first() {
            Some(first) if !divisors(&image.source, first).is_empty() => make(app, image, first).await?,
            _ => Vec::new(),
        };
        replace(app, image, levels, &made_by).await?;
        app.catalog.leave_duty(&duty, &app.node).await?;
        made += 1;
    }
    Ok(made)
}

/// The levels of an original. One that cannot be decoded has none, and is not tried again before the next
/// version.
async fn make(app: &App, image: &Image, first: u32) -> Result<Vec<Level>, LevelError> {
    let granted = authorize_upkeep(image);
    let Ok(_admission) = app.flights.admit(image.bytes) else { return Err(app.renderer.busy().into()) };
    let original = match app.blobs.unread_original(&granted).await {
        Ok(original) => original,
        // The image was deleted since.
        Err(BlobError::Missing) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    match app.renderer.levels(Input::Stored(original), first, Cost::of_levels(&image.source)).await {
        Ok(levels) => Ok(levels),
        Err(error @ (RenderError::Busy(_) | RenderError::NoWorker(_))) => Err(error.into()),
        Err(error) => {
            tracing::info!(%error, blob = image.blob.as_str(), "an image has no levels");
            Ok(Vec::new())
        }
    }
}

/// Bytes first, rows second; and the other way round for those that go.
async fn replace(app: &App, image: &Image, levels: Vec<Level>, made_by: &str) -> Result<(), LevelError> {
    let granted = authorize_upkeep(image);
    let mut stored = Vec::with_capacity(levels.len());
    for Level { divisor, bytes } in levels {
        let level = StoredLevel { divisor, name: random::hex_id(), bytes: bytes.len() as u64 };
        app.blobs.put_level(&granted, &level.name, bytes.into()).await?;
        stored.push(level);
    }
    let names: Vec<String> = stored.iter().map(|level| level.name.clone()).collect();
    let unused = app.catalog.set_levels(&image.blob, stored, made_by).await?.unwrap_or(names);
    for name in unused {
        app.blobs.delete(&BlobKey::Level { blob: image.blob.clone(), name }).await?;
    }
    Ok(())
}
