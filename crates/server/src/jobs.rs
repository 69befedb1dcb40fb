//! Background work from the durable job table.

mod line;

pub(crate) use line::{Line, Outcome, keep_running};

use crate::app::App;
use crate::blobs::{BlobError, Blobs};
use crate::catalog::{Catalog, CatalogError, Job, JobKind, JobLine};
use crate::clock::Clock;
use crate::fetch::Client;
use crate::sweep::{Limits, ORPHAN_AGE, SweepError, sweep};
use crate::webhooks::{Message, TellError, tell};
use safelight_domain::account::AccountId;
use safelight_domain::direct_upload::UploadEvent;
use safelight_domain::image::BlobId;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::time::sleep;

/// Jobs of each line that run at once.
const CONCURRENT: usize = 4;

/// See [`Line::lease_ms`].
const LEASE_MS: i64 = 60_000;

/// The wait after the first failure; it doubles with each further one, up to [`LONGEST_WAIT_MS`].
const FIRST_WAIT_MS: i64 = 5_000;

/// The longest wait after a failure.
const LONGEST_WAIT_MS: i64 = 3_600_000;

/// How often a webhook is called with one event.
const MOST_CALLS: u32 = 12;

/// How long an event is worth telling. The calls above take two and a half hours, waits included.
const EVENT_LIFE_MS: i64 = 3 * 3_600_000;

/// When background work is looked for.
#[derive(Clone, Copy)]
struct Pace {
    /// Between two looks for due jobs.
    jobs: Duration,
    /// From the start to the first sweep: what a crash left should not wait an hour.
    first_sweep: Duration,
    /// Between two sweeps.
    sweeps: Duration,
}

const PACE: Pace = Pace {
    jobs: Duration::from_secs(1),
    first_sweep: Duration::from_secs(30),
    sweeps: Duration::from_secs(60 * 60),
};

/// Runs due jobs and the sweeper until `shutdown` completes. A job that is cut short is leased
/// again after its lease.
pub async fn run(app: Arc<App>, shutdown: impl Future<Output = ()> + Send) {
    let limits = Limits { orphan_age: ORPHAN_AGE, rendition_bytes: app.config.rendition_bytes };
    let App { catalog, blobs, fetch, clock, node, .. } = &*app;
    let work = Work { catalog, blobs, fetch, clock, node, limits };
    work.run(PACE, shutdown).await;
}

/// What background work is done with.
struct Work<'a> {
    catalog: &'a Catalog,
    blobs: &'a Blobs,
    fetch: &'a Client,
    clock: &'a Clock,
    /// See [`App::node`].
    node: &'a str,
    limits: Limits,
}

/// Why a job is to be tried again.
#[derive(Debug, Error)]
enum JobError {
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Blobs(#[from] BlobError),
    #[error(transparent)]
    Tell(#[from] TellError),
}

impl Work<'_> {
    async fn run(&self, pace: Pace, shutdown: impl Future<Output = ()> + Send) {
        tokio::select! {
            () = shutdown => {}
            () = keep_running(pace.jobs, JobLine::Storage, |line| self.run_due_jobs(line)) => {}
            () = keep_running(pace.jobs, JobLine::Notices, |line| self.run_due_jobs(line)) => {}
            () = self.keep_sweeping(pace) => {}
        }
    }

    async fn keep_sweeping(&self, pace: Pace) {
        sleep(pace.first_sweep).await;
        loop {
            if let Err(error) = self.sweep_in_turn(pace).await {
                tracing::error!(error = &error as &dyn std::error::Error, "a sweep failed");
            }
            sleep(pace.sweeps).await;
        }
    }

    /// Sweeps, unless another node has done so since.
    async fn sweep_in_turn(&self, pace: Pace) -> Result<(), SweepError> {
        let now_ms = self.clock.now_ms();
        // A little less than the pause, so that the node that has it comes in time.
        let lasts_ms = i64::try_from(pace.sweeps.as_millis()).unwrap_or(i64::MAX) / 10 * 9;
        if self.catalog.take_duty("sweep", self.node, now_ms, now_ms.saturating_add(lasts_ms)).await? {
            let swept = sweep(self.catalog, self.blobs, self.limits, now_ms).await?;
            tracing::info!(?swept, "swept");
        }
        Ok(())
    }

    /// Runs jobs of a line until none is due.
    async fn run_due_jobs(&self, line: JobLine) -> Result<(), CatalogError> {
        let Work { catalog, clock, .. } = *self;
        let line = Line { catalog, clock, line, at_once: CONCURRENT, lease_ms: LEASE_MS };
        line.run_due(|job| self.run_job(job)).await
    }

    async fn run_job(&self, job: Job) -> Result<Outcome, CatalogError> {
        let result = match &job.kind {
            JobKind::DeleteBlob(blob) => self.delete_blob(blob).await,
            // In a line of its own, which this never leases.
            JobKind::RenderVariants(_) => Ok(()),
            JobKind::Notify { account, event } => self.tell(account, event).await,
        };
        match result {
            Ok(()) => Ok(Outcome::Finished),
            Err(error @ JobError::Tell(_)) if job.attempts >= MOST_CALLS => {
                tracing::warn!(?job, error = &error as &dyn std::error::Error, "an event is lost");
                Ok(Outcome::Finished)
            }
            Err(error) => {
                let wait_ms = wait_ms(job.attempts);
                tracing::warn!(?job, wait_ms, error = &error as &dyn std::error::Error, "a job failed");
                if let JobKind::Notify { account, .. } = &job.kind {
                    let until_ms = self.clock.now_ms().saturating_add(wait_ms);
                    self.catalog.postpone_events(account, until_ms).await?;
                }
                Ok(Outcome::Again { wait_ms })
            }
        }
    }

    async fn delete_blob(&self, blob: &BlobId) -> Result<(), JobError> {
        // Nothing puts such a job in the queue; if one is there all the same, the bytes win.
        if self.catalog.blob_in_use(blob).await? {
            tracing::error!(blob = blob.as_str(), "a blob that has an image is not deleted");
            return Ok(());
        }
        Ok(self.blobs.delete_blob(blob).await?)
    }

    /// A webhook that was deleted meanwhile is told nothing, and no webhook what is old.
    async fn tell(&self, account: &AccountId, event: &UploadEvent) -> Result<(), JobError> {
        if self.clock.now_ms().saturating_sub(event.at_ms) > EVENT_LIFE_MS {
            tracing::warn!(account = account.as_str(), event = event.event, "an event is lost");
            return Ok(());
        }
        let Some(webhook) = self.catalog.webhook(account).await? else { return Ok(()) };
        Ok(tell(self.fetch, &webhook, &Message::of_event(account, event)).await?)
    }
}

/// How long a job waits after its `attempts`-th failure.
fn wait_ms(attempts: u32) -> i64 {
    let doublings = attempts.saturating_sub(1).min(30);
    FIRST_WAIT_MS.saturating_mul(1_i64 << doublings).min(LONGEST_WAIT_MS)
}

#[cfg(test)]
#[path = "jobs_tests.rs"]
mod tests;
