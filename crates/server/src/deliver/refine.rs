//! Better renditions than the first: in formats that took too long for it, and by thorough encoders from the
//! original. They are made one at a time, when nothing else is to do, from a queue in memory: what is lost
//! of it, the next request brings back.

use super::decision::{Decision, Wanted};
use super::{DeliverError, Request, make, store};
use crate::app::App;
use crate::catalog::RenditionKey;
use crate::config::{Config, Refine};
use crate::renderer::RenderError;
use lru::LruCache;
use safelight_domain::access::Granted;
use safelight_domain::caching::Standing;
use safelight_domain::transform::Effort;
use safelight_pixels::output_area;
use std::collections::{HashSet, VecDeque};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::sleep;

/// Most renditions that wait to be made; further ones wait for another request.
const MOST_WAITING: usize = 1_000;

/// Renditions of which it is remembered that they could not be made.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(1_000).unwrap();

/// The wait before another try when the pool is too busy.
const PACE: Duration = Duration::from_millis(500);

/// Better renditions that are to be made.
pub struct Refinements {
    state: Mutex<State>,
    more: Notify,
}

struct State {
    waiting: VecDeque<Better>,
    /// The keys of those that wait, and of the one that is being made.
    known: HashSet<RenditionKey>,
    hopeless: LruCache<RenditionKey, ()>,
}

/// One of them, and leave to read what it is made of.
struct Better {
    granted: Granted,
    wanted: Wanted,
}

impl Default for Refinements {
    fn default() -> Refinements {
        let hopeless = LruCache::new(REMEMBERED);
        let state = State { waiting: VecDeque::new(), known: HashSet::new(), hopeless };
        Refinements { state: Mutex::new(state), more: Notify::new() }
    }
}

impl Refinements {
    /// Leaves those renditions that can be hoped for, and says what that makes of the one that is there.
    pub(super) fn standing(&self, config: &Config, better: &mut Vec<Wanted>) -> Standing {
        if config.refine == Refine::Off {
            better.clear();
        }
        if !better.is_empty() {
            let state = self.lock();
            better.retain(|wanted| !state.hopeless.contains(&wanted.key));
        }
        if better.is_empty() { Standing::Settled } else { Standing::Provisional }
    }

    /// Puts a rendition in the queue, unless it is there already or there is no room.
    pub(super) fn add(&self, granted: &Granted, wanted: Wanted) {
        let mut state = self.lock();
        if state.waiting.len() < MOST_WAITING && state.known.insert(wanted.key.clone()) {
            state.waiting.push_back(Better { granted: granted.clone(), wanted });
            drop(state);
            self.more.notify_one();
        }
    }

    async fn next(&self) -> Better {
        loop {
            let more = self.more.notified();
            if let Some(better) = self.lock().waiting.pop_front() {
                return better;
            }
            more.await;
        }
    }

    fn put_back(&self, better: Better) {
        self.lock().waiting.push_front(better);
    }

    fn made(&self, key: &RenditionKey) {
        self.lock().known.remove(key);
    }

    fn cannot_be_made(&self, key: RenditionKey) {
        let mut state = self.lock();
        state.known.remove(&key);
        state.hopeless.put(key, ());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes better renditions until `shutdown` completes.
pub async fn refine(app: Arc<App>, shutdown: impl Future<Output = ()> + Send) {
    tokio::select! {
        () = shutdown => {}
        () = keep_refining(&app) => {}
    }
}

async fn keep_refining(app: &App) {
    loop {
        let better = app.refinements.next().await;
        match make_better(app, &better.granted, &better.wanted).await {
            // The image was deleted since, or an overlay.
            Ok(()) | Err(DeliverError::UnknownImage) => app.refinements.made(&better.wanted.key),
            Err(DeliverError::Render(RenderError::Busy(_) | RenderError::NoWorker(_))) => {
                app.refinements.put_back(better);
                sleep(PACE).await;
            }
            Err(error @ DeliverError::Internal(_)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a better rendition is not stored");
                app.refinements.made(&better.wanted.key);
            }
            Err(error) => {
                let blob = better.wanted.key.blob.as_str();
                tracing::info!(%error, blob, "a better rendition cannot be made");
                app.refinements.cannot_be_made(better.wanted.key);
            }
        }
    }
}

/// Makes a rendition by a thorough encoder, unless that was done.
pub(super) async fn make_better(app: &App, granted: &Granted, wanted: &Wanted) -> Result<(), DeliverError> {
    let stored = app.catalog.find_rendition(&wanted.key, app.clock.now_ms()).await?;
    if stored.is_some_and(|stored| stored.rendition.effort == Effort::Thorough) {
        return Ok(());
    }
    let admission = app.flights.admit(wanted.lengths.iter().sum());
    let _admission = admission.map_err(|_| app.renderer.busy())?;
    let made = make(app, granted, wanted, Effort::Thorough).await?;
    store(app, granted, &wanted.key, &made).await.map_err(|error| DeliverError::Internal(error.into()))
}

/// What a request is answered with.
pub(super) struct Choice {
    pub(super) wanted: Wanted,
    /// The same in formats that suit better, which take too long to be waited for.
    pub(super) better: Vec<Wanted>,
}

/// Chooses the best format that is stored or soon made.
pub(super) async fn choose(
    app: &App,
    decision: &Decision,
    request: &Request<'_>,
) -> Result<Choice, DeliverError> {
    let formats = decision.formats(request)?;
    let mut wanted = decision.wanted(app, formats.last()).await?;
    let mut better = Vec::new();
    for format in formats.better() {
        wanted.key.format = format;
        let is_quick = match app.config.refine {
            Refine::Off => true,
            Refine::On(budget) => {
                let Wanted { source, recipe, .. } = &wanted;
                let area = output_area(source, recipe.transform(), format, &app.config.source_limits);
                // What cannot be is not waited for.
                budget.allows(format, formats.last(), area.unwrap_or(0))
            }
        };
        if is_quick || is_stored(app, &wanted.key).await? {
            return Ok(Choice { wanted, better });
        }
        better.push(wanted.clone());
    }
    wanted.key.format = formats.last();
    Ok(Choice { wanted, better })
}

async fn is_stored(app: &App, key: &RenditionKey) -> Result<bool, DeliverError> {
    match app.catalog.find_rendition(key, app.clock.now_ms()).await.map_err(DeliverError::from) {
        Ok(found) => Ok(found.is_some()),
        // The plainest format may be in memory.
        Err(DeliverError::Unsure) => Ok(false),
        Err(error) => Err(error),
    }
}
