//! The pool of worker processes that alone touch hostile bytes.
//!
//! Each worker is driven by one thread, which hands it one job at a time and kills it when the job
//! takes too long. No job is tried twice: a file that kills one worker must not get at the next.

mod counters;
mod driver;
mod process;
mod queue;

pub use crate::renderer::counters::Counters;

use crate::blobs::Unread;
use crate::config::RenderConfig;
use crate::protocol::sealed::MAX_BYTES;
use crate::protocol::{Base, Walls};
use crate::renderer::counters::{Event, Tally};
use crate::renderer::driver::{Driver, Job};
use crate::renderer::process::Slot;
use crate::renderer::queue::{Bounds, Lane, Queue};
use bytes::Bytes;
use safelight_domain::image::{SourceInfo, SourceLimits};
use safelight_domain::transform::Transform;
use safelight_pixels::{Cost, Level, Output};
use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::sync::oneshot;

/// Handle to the pool; clones share it. The last one to go takes the workers with it.
#[derive(Clone)]
pub struct Renderer {
    pool: Arc<Pool>,
}

struct Pool {
    queue: Arc<Queue<Job>>,
    slots: Vec<Arc<Slot>>,
    tally: Arc<Tally>,
}

/// A file for a worker.
#[derive(Clone, Debug)]
pub enum Input {
    /// In memory.
    Held(Bytes),
    /// In the store, and not read before a worker is free.
    Stored(Unread),
}

impl Input {
    /// Length in bytes.
    fn bytes(&self) -> u64 {
        match self {
            Input::Held(bytes) => bytes.len() as u64,
            Input::Stored(unread) => unread.bytes(),
        }
    }

    /// Writes all of it. Blocks.
    fn write_to(&self, file: &mut File) -> std::io::Result<()> {
        match self {
            Input::Held(bytes) => file.write_all(bytes),
            Input::Stored(unread) => unread.write_to(file),
        }
    }
}

impl From<Bytes> for Input {
    fn from(bytes: Bytes) -> Input {
        Input::Held(bytes)
    }
}

/// A finished rendition.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The encoded file.
    pub bytes: Bytes,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// How long it was in the queue.
    pub waited: Duration,
    /// How long its files were read.
    pub read: Duration,
    /// How long a worker was at it.
    pub worked: Duration,
}

/// Whether someone waits for a render.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// A viewer does.
    Awaited,
    /// Nobody: it is done when nothing else is to do, and never by the last idle worker of several.
    Background,
}

/// How a render is waited for, and what it takes.
#[derive(Clone, Copy, Debug)]
pub struct Demand {
    urgency: Urgency,
    cost: Cost,
}

impl Demand {
    /// Of a render that takes so much by estimate.
    pub fn new(urgency: Urgency, cost: Cost) -> Demand {
        Demand { urgency, cost }
    }
}

/// Why there is no result. `Clone`, since all who wait for one rendition get it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RenderError {
    /// The queue is full, or too long by estimate. There may be room after that time. Or what was to be rendered
    /// is gone since it was put there, or its store fails.
    #[error("too many images are waiting to be processed")]
    Busy(Duration),
    /// The file is at fault; `fault` says how.
    #[error("{fault}")]
    Refused {
        /// From the image engine.
        fault: safelight_pixels::Fault,
    },
    /// The files are more than what is passed to a worker.
    #[error("the image has {0} bytes, with all that is drawn on it; allowed are {MAX_BYTES}")]
    FilesTooLarge(u64),
    /// It took longer than the limit, and the worker was killed.
    #[error("processing took longer than {0:?}")]
    TimedOut(Duration),
    /// The worker died of it.
    #[error("the worker process died")]
    WorkerDied,
    /// No worker could be started, or it does not speak our protocol.
    #[error("no worker process: {0}")]
    NoWorker(Arc<str>),
}

impl Renderer {
    /// Starts the pool: at least one worker. Workers are started when first needed and again after
    /// they die. A machine that gives no thread leaves a pool that answers `NoWorker`.
    pub fn start(config: &RenderConfig, limits: SourceLimits) -> Renderer {
        let bounds = Bounds { jobs: config.queue, wait: config.wait, bytes: config.total_memory };
        let queue = Arc::new(Queue::new(bounds));
        let tally = Arc::new(Tally::default());
        let mut slots = Vec::new();
        for number in 0..config.workers.max(1) {
            let slot = Arc::new(Slot::default());
            let (tally, queue) = (Arc::clone(&tally), Arc::clone(&queue));
            let driver = Driver::new(config, limits, tally, queue, Arc::clone(&slot));
            let thread = std::thread::Builder::new().name(format!("render-{number}"));
            match thread.spawn(move || driver.run()) {
                Ok(_) => slots.push(slot),
                Err(error) => tracing::error!(%error, "a thread for a render worker cannot be started"),
            }
        }
        queue.open(slots.len());
        Renderer { pool: Arc::new(Pool { queue, slots, tally }) }
    }

    /// Reads the header of a file of at most 512 MiB. Probes go before renders.
    pub async fn probe(&self, file: Bytes) -> Result<SourceInfo, RenderError> {
        check_bytes([file.len() as u64])?;
        self.submit(Lane::Short, |reply| Job::Probe { file, reply }).await
    }

    /// The same of a file that begins so, where that alone tells; `None` where it does not.
    pub async fn probe_beginning(&self, beginning: Bytes) -> Result<Option<SourceInfo>, RenderError> {
        self.submit(Lane::Short, |reply| Job::ProbeBeginning { beginning, reply }).await
    }

    /// Renders an original, or a level that [`level_for`](safelight_pixels::level_for) chose. `files` are its bytes
    /// and those of the transform's overlays, at most 512 MiB together. Dropping the future takes the job out of
    /// the queue; once a worker has begun, it goes on.
    pub async fn render(
        &self,
        base: Base,
        files: Vec<impl Into<Input>>,
        transform: Transform,
        output: impl Into<Output>,
        Demand { urgency, cost }: Demand,
    ) -> Result<Rendered, RenderError> {
        let files: Vec<Input> = files.into_iter().map(Into::into).collect();
        check_bytes(files.iter().map(Input::bytes))?;
        let (queued, output) = (Instant::now(), output.into());
        let lane = match urgency {
            Urgency::Awaited => Lane::Awaited,
            Urgency::Background => Lane::Background,
        };
        self.submit(lane, |reply| Job::Render { base, files, transform, output, cost, queued, reply }).await
    }

    /// Makes the levels of an original, those of [`divisors`](safelight_pixels::divisors); nobody waits.
    pub async fn levels(
        &self,
        file: impl Into<Input>,
        first: u32,
        cost: Cost,
    ) -> Result<Vec<Level>, RenderError> {
        let file = file.into();
        check_bytes([file.bytes()])?;
        self.submit(Lane::Relief, |reply| Job::Levels { file, first, cost, reply }).await
    }

    /// Says that something else than the queue is full, and how long it may be until there is room.
    pub(crate) fn busy(&self) -> RenderError {
        RenderError::Busy(self.pool.queue.wait())
    }

    /// Whether a worker answers, and from behind which walls. It waits for a free worker, before any
    /// render.
    pub async fn check(&self) -> Result<Walls, RenderError> {
        self.submit(Lane::Short, |reply| Job::Check { reply }).await
    }

    /// How the pool has fared and stands.
    pub fn counters(&self) -> Counters {
        let Pool { queue, slots, tally } = &*self.pool;
        tally.read(queue.waiting(), self.worker_pids().len(), queue.taken_out(), slots.len())
    }

    /// The processes that are running.
    pub fn worker_pids(&self) -> Vec<u32> {
        self.pool.slots.iter().filter_map(|slot| slot.pid()).collect()
    }

    async fn submit<T>(
        &self,
        lane: Lane,
        job: impl FnOnce(oneshot::Sender<Result<T, RenderError>>) -> Job,
    ) -> Result<T, RenderError> {
        let (reply, answer) = oneshot::channel();
        self.pool.queue.push(lane, job(reply)).inspect_err(|error| {
            if matches!(error, RenderError::Busy(_)) {
                self.pool.tally.count(Event::Busy);
            }
        })?;
        answer.await.unwrap_or_else(|_| Err(RenderError::NoWorker(Arc::from("the pool has ended"))))
    }
}

/// Checks the lengths of the files of one job, in bytes: together they may have 512 MiB.
pub(crate) fn check_bytes(lengths: impl IntoIterator<Item = u64>) -> Result<(), RenderError> {
    let bytes = lengths.into_iter().fold(0, u64::saturating_add);
    if bytes > MAX_BYTES { Err(RenderError::FilesTooLarge(bytes)) } else { Ok(()) }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.queue.close();
        // Nobody waits for what they are at. Killing them also wakes the threads that wait for them.
        for slot in &self.slots {
            slot.kill();
        }
    }
}
