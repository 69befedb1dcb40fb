//! The thread that drives one worker process: takes jobs, asks, judges the answers.

use crate::config::RenderConfig;
use crate::protocol::sealed;
use crate::protocol::{Base, Request, Response, Walls};
use crate::renderer::counters::{Event, Tally};
use crate::renderer::process::{AskError, Launch, Process, Slot};
use crate::renderer::queue::{Queue, Work};
use crate::renderer::{Input, RenderError, Rendered};
use bytes::Bytes;
use safelight_domain::image::{SourceInfo, SourceLimits};
use safelight_domain::transform::Transform;
use safelight_pixels::{Cost, Level, Output};
use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Pause after a worker failed to start; doubled each time, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

type Reply<T> = oneshot::Sender<Result<T, RenderError>>;

/// What someone waits for.
pub(super) enum Job {
    /// See `Renderer::check`.
    Check { reply: Reply<Walls> },
    /// See `Renderer::probe`.
    Probe { file: Bytes, reply: Reply<SourceInfo> },
    /// See `Renderer::probe_beginning`.
    ProbeBeginning { beginning: Bytes, reply: Reply<Option<SourceInfo>> },
    /// See `Renderer::levels`.
    Levels { file: Input, first: u32, cost: Cost, reply: Reply<Vec<Level>> },
    /// See `Renderer::render`.
    Render {
        base: Base,
        files: Vec<Input>,
        transform: Transform,
        output: Output,
        cost: Cost,
        queued: Instant,
        reply: Reply<Rendered>,
    },
}

impl Work for Job {
    fn cost(&self) -> Cost {
        match self {
            Job::Check { .. } | Job::Probe { .. } | Job::ProbeBeginning { .. } => Cost::default(),
            Job::Levels { cost, .. } | Job::Render { cost, .. } => *cost,
        }
    }

    fn is_abandoned(&self) -> bool {
        match self {
            Job::Check { reply } => reply.is_closed(),
            Job::Probe { reply, .. } => reply.is_closed(),
            Job::ProbeBeginning { reply, .. } => reply.is_closed(),
            Job::Levels { reply, .. } => reply.is_closed(),
            Job::Render { reply, .. } => reply.is_closed(),
        }
    }
}

/// The state of one driving thread.
pub(super) struct Driver {
    launch: Launch,
    timeout: Duration,
    worker_jobs: u32,
    queue: Arc<Queue<Job>>,
    slot: Arc<Slot>,
    worker: Option<Process>,
    jobs: u32,
    pause: Duration,
}

impl Driver {
    /// A driver without a worker yet.
    pub(super) fn new(
        config: &RenderConfig,
        limits: SourceLimits,
        tally: Arc<Tally>,
        queue: Arc<Queue<Job>>,
        slot: Arc<Slot>,
    ) -> Driver {
        let program = config.program.clone();
        let launch = Launch { program, memory: config.memory, sandbox: config.sandbox, limits, tally };
        Driver {
            launch,
            timeout: config.timeout,
            worker_jobs: config.worker_jobs,
            queue,
            slot,
            worker: None,
            jobs: 0,
            pause: FIRST_PAUSE,
        }
    }

    /// Does jobs until the queue is closed.
    pub(super) fn run(mut self) {
        while let Some(job) = self.queue.take() {
            let cost = job.cost();
            match self.ready_worker() {
                Ok(worker) => {
                    self.jobs += 1;
                    self.worker = self.perform(worker, job);
                    self.queue.done(cost);
                }
                Err(error) => {
                    job.fail(error);
                    // Still counted as busy: it takes no job before the pause is over.
                    self.queue.rest(self.pause);
                    self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                    self.queue.done(cost);
                }
            }
        }
    }

    /// The worker for the next job: the one there is, if it is still good, or a new one.
    fn ready_worker(&mut self) -> Result<Process, RenderError> {
        // Whether it is alive is asked first, so that a death is not taken for the end of its share.
        if let Some(mut worker) = self.worker.take()
            && worker.is_waiting()
            && self.jobs < self.worker_jobs
        {
            return Ok(worker);
        }
        let worker = Process::start(&self.launch, &self.slot).map_err(|error| {
            tracing::error!(%error, program = %self.launch.program.display(), "no render worker");
            RenderError::NoWorker(error.to_string().into())
        })?;
        self.jobs = 0;
        self.pause = FIRST_PAUSE;
        Ok(worker)
    }

    /// Does a job and replies. Gives the worker back if it may get another job.
    fn perform(&self, mut worker: Process, job: Job) -> Option<Process> {
        match job {
            Job::Check { reply } => {
                let answer = self.ask(&mut worker, &Request::Hello(self.launch.limits), Vec::new());
                self.settle(worker, reply, answer.and_then(accept_ready))
            }
            Job::Probe { file, reply } => {
                let answer = self.ask(&mut worker, &Request::Probe, vec![file.into()]);
                let limits = &self.launch.limits;
                self.settle(worker, reply, answer.and_then(|answer| accept_probed(answer, limits)))
            }
            Job::ProbeBeginning { beginning, reply } => {
                let answer = self.ask(&mut worker, &Request::ProbeBeginning, vec![beginning.into()]);
                let limits = &self.launch.limits;
                self.settle(worker, reply, answer.and_then(|answer| accept_beginning(answer, limits)))
            }
            Job::Levels { file, first, reply, .. } => {
                let answer = self.ask(&mut worker, &Request::Levels { first }, vec![file]);
                self.settle(worker, reply, answer.and_then(accept_levels))
            }
            Job::Render { base, files, transform, output, queued, reply, .. } => {
                let waited = queued.elapsed();
                // All together have at most 512 MiB.
                let lengths =
                    files.iter().map(|file| u32::try_from(file.bytes()).unwrap_or(u32::MAX)).collect();
                let request = Request::Render { base, transform, output, lengths };
                let begun = Instant::now();
                let result = self.send(&mut worker, &request, files).and_then(|(answer, read)| {
                    let rendered = accept_rendered(answer)?;
                    Ok(Rendered { waited, read, worked: begun.elapsed().saturating_sub(read), ..rendered })
                });
                self.settle(worker, reply, result)
            }
        }
    }

    fn ask(
        &self,
        worker: &mut Process,
        request: &Request,
        files: Vec<Input>,
    ) -> Result<(Response, Option<OwnedFd>), RenderError> {
        self.send(worker, request, files).map(|(answer, _)| answer)
    }

    /// The answer, and how long the files were read.
    fn send(
        &self,
        worker: &mut Process,
        request: &Request,
        files: Vec<Input>,
    ) -> Result<((Response, Option<OwnedFd>), Duration), RenderError> {
        let begun = Instant::now();
        let write = |file: &mut File| files.iter().try_for_each(|part| part.write_to(file));
        let file = if files.is_empty() { None } else { Some(sealed::seal_written(write).map_err(unread)?) };
        // While the worker is at it, nobody needs what it has a copy of.
        drop(files);
        let read = begun.elapsed();
        let answer = worker.ask(request, file, self.timeout).map_err(|error| match error {
            AskError::TimedOut => RenderError::TimedOut(self.timeout),
            AskError::Died => RenderError::WorkerDied,
            AskError::NotSent(_) | AskError::Frame(_) => no_worker(error),
        })?;
        Ok((answer, read))
    }

    /// Replies, and keeps the worker only after an answer of its own. A worker that is given up is
    /// gone before anyone is told.
    fn settle<T>(&self, worker: Process, reply: Reply<T>, result: Result<T, RenderError>) -> Option<Process> {
        let kept = match &result {
            Ok(_) | Err(RenderError::Refused { .. }) => {
                self.launch.tally.count(Event::Job);
                Some(worker)
            }
            // It was asked nothing.
            Err(RenderError::Busy(_)) => Some(worker),
            Err(error) => {
                tracing::warn!(%error, "a render worker is given up");
                worker.discard();
                None
            }
        };
        drop(reply.send(result));
        kept
    }
}

impl Job {
    fn fail(self, error: RenderError) {
        // Whoever does not wait any more does not miss it.
        match self {
            Job::Check { reply } => drop(reply.send(Err(error))),
            Job::Probe { reply, .. } => drop(reply.send(Err(error))),
            Job::ProbeBeginning { reply, .. } => drop(reply.send(Err(error))),
            Job::Levels { reply, .. } => drop(reply.send(Err(error))),
            Job::Render { reply, .. } => drop(reply.send(Err(error))),
        }
    }
}

fn accept_ready(answer: (Response, Option<OwnedFd>)) -> Result<Walls, RenderError> {
    match answer {
        (Response::Ready(walls), None) => Ok(walls),
        _ => Err(unexpected()),
    }
}

fn accept_probed(
    answer: (Response, Option<OwnedFd>),
    limits: &SourceLimits,
) -> Result<SourceInfo, RenderError> {
    match answer {
        (Response::Probed(info), None) if limits.allow(info.width, info.height) => Ok(info),
        (Response::Refused(fault), None) => Err(RenderError::Refused { fault }),
        _ => Err(unexpected()),
    }
}

fn accept_beginning(
    answer: (Response, Option<OwnedFd>),
    limits: &SourceLimits,
) -> Result<Option<SourceInfo>, RenderError> {
    match answer {
        (Response::Unclear, None) => Ok(None),
        answer => accept_probed(answer, limits).map(Some),
    }
}

/// Its times are not known here.
fn accept_rendered(answer: (Response, Option<OwnedFd>)) -> Result<Rendered, RenderError> {
    match answer {
        (Response::Rendered { width: width @ 1.., height: height @ 1.. }, Some(file)) => {
            let bytes = sealed::read(file).map_err(no_worker)?;
            let none = Duration::ZERO;
            Ok(Rendered { bytes: bytes.into(), width, height, waited: none, read: none, worked: none })
        }
        (Response::Refused(fault), None) => Err(RenderError::Refused { fault }),
        _ => Err(unexpected()),
    }
}

fn accept_levels(answer: (Response, Option<OwnedFd>)) -> Result<Vec<Level>, RenderError> {
    match answer {
        (Response::Levels(lengths), Some(file)) => {
            let mut files = sealed::read(file).map_err(no_worker)?;
            let mut levels = Vec::with_capacity(lengths.len());
            for (divisor, length) in lengths {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                if divisor == 0 || length == 0 || length > files.len() {
                    return Err(unexpected());
                }
                let rest = files.split_off(length);
                levels.push(Level { divisor, bytes: files });
                files = rest;
            }
            if files.is_empty() { Ok(levels) } else { Err(unexpected()) }
        }
        (Response::Refused(fault), None) => Err(RenderError::Refused { fault }),
        _ => Err(unexpected()),
    }
}

/// Why the files of a job were not put together.
fn unread(error: std::io::Error) -> RenderError {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::UnexpectedEof | ErrorKind::ConnectionAborted => {
            RenderError::Busy(Duration::ZERO)
        }
        _ => no_worker(error),
    }
}

fn unexpected() -> RenderError {
    no_worker("it answered something else than asked")
}

fn no_worker(why: impl ToString) -> RenderError {
    RenderError::NoWorker(why.to_string().into())
}
