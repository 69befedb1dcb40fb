//! One line of the durable job table: its jobs are leased, run, and finished or given back.

use crate::catalog::{Catalog, CatalogError, Job, JobLine};
use crate::clock::Clock;
use crate::trouble::Trouble;
use futures_util::stream::{self, TryStreamExt};
use std::time::Duration;
use tokio::time::sleep;

/// A line, and on what terms its jobs are run.
pub(crate) struct Line<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) clock: &'a Clock,
    pub(crate) line: JobLine,
    /// Jobs that run at once.
    pub(crate) at_once: usize,
    /// How long a job is its runner's alone. When the runner died, it is leased again after that.
    pub(crate) lease_ms: i64,
}

/// What becomes of a job that has run.
pub(crate) enum Outcome {
    /// It is done with, for good or ill.
    Finished,
    /// It is due again after that.
    Again { wait_ms: i64 },
}

impl Line<'_> {
    /// Runs jobs until none is due.
    pub(crate) async fn run_due<F>(&self, run: impl Fn(Job) -> F) -> Result<(), CatalogError>
    where
        F: Future<Output = Result<Outcome, CatalogError>>,
    {
        let lease = |()| async {
            let now_ms = self.clock.now_ms();
            let until_ms = now_ms.saturating_add(self.lease_ms);
            Ok(self.catalog.lease_job(self.line, now_ms, until_ms).await?.map(|job| (job, ())))
        };
        let run = &run;
        let settle = |job: Job| async move {
            let id = job.id;
            match run(job).await? {
                Outcome::Finished => self.catalog.finish_job(id).await,
                Outcome::Again { wait_ms } => {
                    self.catalog.retry_job(id, self.clock.now_ms().saturating_add(wait_ms)).await
                }
            }
        };
        stream::try_unfold((), lease).try_for_each_concurrent(self.at_once, settle).await
    }
}

/// Runs what is due again and again, with a pause in between. It does not end.
pub(crate) async fn keep_running<F>(pause: Duration, line: JobLine, run_due: impl Fn(JobLine) -> F)
where
    F: Future<Output = Result<(), CatalogError>>,
{
    let trouble = Trouble::default();
    loop {
        match run_due(line).await {
            Ok(()) if trouble.ends() => tracing::info!(?line, "the job queue works again"),
            Err(error) if trouble.begins() => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(?line, error, "the job queue failed, and is tried again and again");
            }
            Ok(()) | Err(_) => {}
        }
        sleep(pause).await;
    }
}
