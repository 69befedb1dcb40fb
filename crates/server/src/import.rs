//! Use case: bring images from elsewhere, in the background and over restarts. It knows no HTTP of our own.
//!
//! An import is a row, and so is each image that is still to come; migrations from buckets have rows of their own.
//! Every step ends in one transaction, and may be begun again: at a start, running imports go on where their rows are.

mod bucket;
mod item;
mod migration;
mod source;
mod step;

pub use bucket::{Unreadable, aws_endpoint, check_bucket, region_of_bucket};

use crate::app::App;
use crate::catalog::{CatalogError, ImportFailure, ImportWork, InsertError, Listed};
use crate::trouble::Trouble;
use crate::variant_options;
use futures_util::future::{AbortHandle, abortable};
use futures_util::stream::{self, FuturesUnordered, StreamExt, TryStreamExt};
use item::Halt;
use safelight_domain::import::{ImportState, Patience, Setback};
use safelight_domain::sourcing::SourcingId;
use safelight_domain::variant::{MAX_VARIANTS, Variant, VariantName};
use source::{RemoteVariant, Source};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use step::StepError;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, sleep_until};

/// Imports of all accounts that are worked on at once, and as many migrations; further ones wait.
const MOST_AT_ONCE: u32 = 64;

/// Images of one import that are brought at once.
const ITEMS_AT_ONCE: usize = 4;

/// Items that are read at a time.
const ITEMS_READ: u32 = 64;

/// Pages of a source: ten million images.
const MAX_PAGES: u32 = 100_000;

/// Repetitions of what a whole import fails with: some four minutes with the usual first wait.
const LISTING_REPETITIONS: u32 = 9;

/// Repetitions of what one image fails with.
const ITEM_REPETITIONS: u32 = 3;

/// When imports are looked for, and their sources asked again.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Between two looks for new and stopped imports.
    pub look: Duration,
    /// Milliseconds before the first repetition; see [`Patience::first_wait_ms`].
    pub first_wait_ms: u64,
}

impl Pace {
    /// Of a server.
    pub const USUAL: Pace = Pace { look: Duration::from_secs(1), first_wait_ms: 500 };
}

/// Works on running imports until `shutdown` completes. What is cut short is begun again at the next start.
pub async fn run(app: Arc<App>, pace: Pace, shutdown: impl Future<Output = ()> + Send) {
    tokio::select! {
        () = shutdown => {}
        () = keep_importing(&app, pace) => {}
    }
}

async fn keep_importing(app: &App, pace: Pace) {
    let slots = Semaphore::new(slots(app.config.fetch.concurrent));
    let mut working = FuturesUnordered::new();
    let mut handles: HashMap<Work, AbortHandle> = HashMap::new();
    let (unread, untaken) = (Trouble::default(), Trouble::default());
    loop {
        match running(app).await {
            Ok(running) => {
                if unread.ends() {
                    tracing::info!("imports can be read again");
                }
                // Those that were stopped: what they fetch is of no use.
                handles
                    .iter()
                    .filter(|(work, _)| !running.contains(work))
                    .for_each(|(_, handle)| handle.abort());
                for work in running {
                    if !is_ours(app, &work, &untaken).await {
                        // Another node took it up, since this one was too slow.
                        handles.get(&work).into_iter().for_each(AbortHandle::abort);
                        continue;
                    }
                    if let Entry::Vacant(place) = handles.entry(work) {
                        let work = place.key().clone();
                        let runner = Runner {
                            app,
                            pace,
                            slots: &slots,
                            id: work.id().to_owned(),
                            quiet: Quiet::default(),
                        };
                        let (running, handle) = abortable(runner.run(work.clone()));
                        place.insert(handle);
                        working.push(async move { (work, running.await) });
                    }
                }
            }
            Err(error) if unread.begins() => {
                tracing::error!(error = &error as &dyn std::error::Error, "imports cannot be read");
            }
            Err(_) => {}
        }
        let mut pause = std::pin::pin!(sleep(pace.look));
        loop {
            tokio::select! {
                () = &mut pause => break,
                Some((work, ended)) = working.next() => {
                    if let Ok(Err(error)) = ended {
                        tracing::error!(import = work.id(), error = &error as &dyn std::error::Error, "an import halted");
                    }
                    handles.remove(&work);
                }
            }
        }
    }
}

/// What a runner works on, by its id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Work {
    Import(String),
    Migration(String),
}

impl Work {
    fn id(&self) -> &str {
        let (Work::Import(id) | Work::Migration(id)) = self;
        id
    }

    /// The name of the duty to work on it.
    fn duty(&self) -> String {
        match self {
            Work::Import(id) => format!("import {id}"),
            Work::Migration(id) => format!("migration {id}"),
        }
    }
}

async fn running(app: &App) -> Result<Vec<Work>, CatalogError> {
    let imports = app.catalog.running_imports(MOST_AT_ONCE).await?;
    let migrations = app.catalog.processing_migrations(MOST_AT_ONCE).await?;
    Ok(imports.into_iter().map(Work::Import).chain(migrations.into_iter().map(Work::Migration)).collect())
}

/// How long an import stays with the node that looks after it, in milliseconds: many looks.
const DUTY_MS: i64 = 30_000;

/// Takes an import, or renews that it was taken: one node works on it at a time.
async fn is_ours(app: &App, work: &Work, trouble: &Trouble) -> bool {
    let now_ms = app.clock.now_ms();
    match app.catalog.take_duty(&work.duty(), &app.node, now_ms, now_ms.saturating_add(DUTY_MS)).await {
        Ok(ours) => {
            if trouble.ends() {
                tracing::info!("imports can be taken again");
            }
            ours
        }
        Err(error) => {
            if trouble.begins() {
                tracing::error!(error = &error as &dyn std::error::Error, "imports cannot be taken");
            }
            false
        }
    }
}

/// Fetches of all imports at once: an eighth of what the server fetches at most, so that uploads by URL and
/// remote images always find room.
fn slots(fetches: usize) -> usize {
    (fetches / 8).clamp(1, ITEMS_AT_ONCE)
}

/// Works on one import, or one migration.
struct Runner<'a> {
    app: &'a App,
    pace: Pace,
    slots: &'a Semaphore,
    id: String,
    quiet: Quiet,
}

/// Until when a source wants to be asked nothing.
#[derive(Default)]
struct Quiet(Mutex<Option<Instant>>);

impl Quiet {
    fn keep_for(&self, wait: Duration) {
        let until = Instant::now() + wait;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some(kept.map_or(until, |kept| kept.max(until)));
    }

    async fn over(&self) {
        let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = until {
            sleep_until(until).await;
        }
    }
}

impl Runner<'_> {
    async fn run(self, work: Work) -> Result<(), CatalogError> {
        match work {
            Work::Import(_) => self.import().await,
            Work::Migration(id) => self.migrate(&SourcingId::named(&id)).await,
        }
    }

    async fn import(&self) -> Result<(), CatalogError> {
        while let Some(work) = self.app.catalog.import_work(&self.id, ITEMS_READ).await? {
            let source = match work.remote.as_ref().map(|remote| Source::new(self.app, remote)).transpose() {
                Ok(source) => source,
                Err(error) => return self.fail(format!("the source cannot be read: {error}")).await,
            };
            match (source, &work.listed) {
                (source, _) if !work.items.is_empty() => self.bring(&work, source.as_ref()).await?,
                (_, Listed::All) => self.end(ImportState::Done, None).await?,
                (Some(source), Listed::Nothing) => self.begin(&work, &source).await?,
                (Some(source), Listed::Pages { count, continuation }) => {
                    self.list(&source, *count, continuation.as_deref()).await?;
                }
                (None, _) => self.fail("the source is not known".to_owned()).await?,
            }
        }
        Ok(())
    }

    async fn end(&self, state: ImportState, message: Option<String>) -> Result<(), CatalogError> {
        tracing::info!(import = self.id, state = state.as_str(), "an import has ended");
        self.app.catalog.end_import(&self.id, state, message, self.app.clock.now_ms()).await
    }

    async fn fail(&self, message: String) -> Result<(), CatalogError> {
        self.end(ImportState::Failed, Some(message)).await
    }

    /// Takes a step within the bounds on fetches, and again where that makes sense.
    async fn repeated<T, F: Future<Output = Result<T, StepError>>>(
        &self,
        repetitions: u32,
        step: impl Fn() -> F,
    ) -> Result<T, StepError> {
        let patience = Patience { repetitions, first_wait_ms: self.pace.first_wait_ms };
        let mut setbacks = 0;
        loop {
            self.quiet.over().await;
            let result = {
                let _slot = self.slots.acquire().await.map_err(|_| StepError::Busy)?;
                step().await
            };
            let Err(error) = result else { return result };
            setbacks += 1;
            let setback = error.setback();
            let Some(wait_ms) = patience.wait_ms(setback, setbacks) else { return Err(error) };
            tracing::info!(
                import = self.id,
                wait_ms,
                error = &error as &dyn std::error::Error,
                "a step waits"
            );
            let wait = Duration::from_millis(wait_ms);
            match setback {
                Setback::Busy { .. } => self.quiet.keep_for(wait),
                Setback::Passing | Setback::Final => sleep(wait).await,
            }
        }
    }

    /// Brings images, some at once.
    async fn bring(&self, work: &ImportWork, source: Option<&Source<'_>>) -> Result<(), CatalogError> {
        let bring = |item| self.bring_one(&work.import, source, item);
        match stream::iter(&work.items).map(Ok).try_for_each_concurrent(ITEMS_AT_ONCE, bring).await {
            Ok(()) => Ok(()),
            Err(Halt::Token(error)) => self.fail(refused_token(&error)).await,
            Err(Halt::Catalog(error)) => Err(error),
        }
    }

    /// Counts a source's images, and makes its variants.
    async fn begin(&self, work: &ImportWork, source: &Source<'_>) -> Result<(), CatalogError> {
        let total = match self.repeated(ITEM_REPETITIONS, || source.total()).await {
            Err(error) if error.is_of_the_token() => return self.fail(refused_token(&error)).await,
            total => total.ok(),
        };
        let mut failures = Vec::new();
        match self.repeated(ITEM_REPETITIONS, || source.variants()).await {
            Err(error) => failures.push(of_variant("", &error)),
            Ok(variants) => {
                if variants.len() > MAX_VARIANTS {
                    failures.push(of_variant("", &format!("there are more than {MAX_VARIANTS}")));
                }
                for (name, variant) in variants.into_iter().take(MAX_VARIANTS) {
                    failures.extend(self.make_variant(work, &name, &variant).await?);
                }
            }
        }
        self.app.catalog.begin_import(&self.id, total, failures).await
    }

    async fn make_variant(
        &self,
        work: &ImportWork,
        name: &str,
        remote: &RemoteVariant,
    ) -> Result<Option<ImportFailure>, CatalogError> {
        let account = &work.import.account;
        let parsed = variant_options::parse(&remote.options, self.app.config.compat);
        let (name, (transform, browser_ttl)) = match (VariantName::parse(name), parsed) {
            (Ok(parsed_name), Ok(options)) => (parsed_name, options),
            (Err(error), _) => return Ok(Some(of_variant(name, &error))),
            (_, Err(error)) => return Ok(Some(of_variant(name, &error))),
        };
        let access = variant_options::access(remote.never_require_signed_urls);
        let variant = Variant { name: name.clone(), transform, browser_ttl, access };
        let message = match self.app.catalog.insert_variant(account, variant.clone()).await {
            Ok(()) => return Ok(None),
            Err(InsertError::Catalog(error)) => return Err(error),
            Err(InsertError::Full) => format!("an account may have at most {MAX_VARIANTS} variants"),
            Err(InsertError::Exists) => match self.app.catalog.find_variant(account, &name).await? {
                Some(here) if here != variant => {
                    "one of this name is here with other options, and stays".to_owned()
                }
                _ => return Ok(None),
            },
        };
        Ok(Some(of_variant(name.as_str(), &message)))
    }

    /// Lists a page of the source.
    async fn list(
        &self,
        source: &Source<'_>,
        pages: u32,
        continuation: Option<&str>,
    ) -> Result<(), CatalogError> {
        if pages >= MAX_PAGES {
            return self.fail(format!("the source has more than {MAX_PAGES} pages")).await;
        }
        match self.repeated(LISTING_REPETITIONS, || source.page(continuation)).await {
            Ok(page) => self.app.catalog.insert_import_page(&self.id, pages, page).await,
            Err(error) if error.is_of_the_token() => self.fail(refused_token(&error)).await,
            Err(error) => self.fail(format!("the images of the source cannot be listed: {error}")).await,
        }
    }
}

/// The end of an import whose token opens nothing.
fn refused_token(error: &StepError) -> String {
    format!("the source does not accept the token: {error}")
}

fn of_variant(name: &str, why: &dyn std::fmt::Display) -> ImportFailure {
    let source = if name.is_empty() { "variants".to_owned() } else { format!("variant {name}") };
    ImportFailure { source, message: why.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_leave_most_fetches_to_others() {
        for (fetches, expected) in [(1, 1), (8, 1), (16, 2), (32, 4), (1_000, 4)] {
            assert_eq!(slots(fetches), expected, "{fetches}");
        }
    }
}
