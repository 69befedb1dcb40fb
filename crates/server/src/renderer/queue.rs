//! The bounded queue between requests and workers, with four lanes.

use crate::renderer::RenderError;
use safelight_pixels::Cost;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Which jobs go before which. Within a lane, the oldest goes first.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lane {
    /// Before everything else: short work that someone waits for.
    Short,
    /// What someone waits for.
    Awaited,
    /// What makes later work shorter.
    Relief,
    /// What nobody waits for, and takes long: it never takes the last idle taker of several.
    Background,
}

/// One for each lane.
const LANES: usize = 4;

/// A job that knows whether anyone still waits for it, and what it takes.
pub(crate) trait Work {
    /// Whether the result would go nowhere.
    fn is_abandoned(&self) -> bool;
    /// By estimate.
    fn cost(&self) -> Cost;
}

/// What a queue lets in and out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Jobs that it holds more than there are idle takers.
    pub(crate) jobs: usize,
    /// The longest wait, by estimate, of a job that someone waits for.
    pub(crate) wait: Duration,
    /// Bytes that jobs may take together that were taken out. One alone may take more.
    pub(crate) bytes: u64,
}

/// The queue.
pub(crate) struct Queue<J> {
    bounds: Bounds,
    state: Mutex<State<J>>,
    changed: Condvar,
}

struct State<J> {
    lanes: [VecDeque<J>; LANES],
    takers: Takers,
    /// What those at a job take, in bytes.
    taken: u64,
}

/// Who takes jobs out.
#[derive(Clone, Copy)]
enum Takers {
    /// The queue is closed, or nobody ever came.
    None,
    /// So many of them are not at a job.
    Some {
        /// Those.
        idle: usize,
        /// With those that are.
        all: usize,
    },
}

impl<J: Work> Queue<J> {
    /// A queue without takers.
    pub(crate) fn new(bounds: Bounds) -> Queue<J> {
        let state = State { lanes: Default::default(), takers: Takers::Some { idle: 0, all: 0 }, taken: 0 };
        Queue { bounds, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Tells how many takers there are. None closes the queue.
    pub(crate) fn open(&self, takers: usize) {
        let mut state = self.lock();
        state.takers = if takers == 0 { Takers::None } else { Takers::Some { idle: takers, all: takers } };
    }

    /// Ends it: jobs in it are dropped, and takers get none any more.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.takers = Takers::None;
        state.lanes.iter_mut().for_each(VecDeque::clear);
        drop(state);
        self.changed.notify_all();
    }

    /// Puts a job in.
    pub(crate) fn push(&self, lane: Lane, job: J) -> Result<(), RenderError> {
        let mut state = self.lock();
        let Takers::Some { idle, all } = state.takers else {
            return Err(RenderError::NoWorker(Arc::from("the pool has ended")));
        };
        let room = self.bounds.jobs.saturating_add(idle);
        if state.waiting() >= room {
            state.lanes.iter_mut().for_each(|lane| lane.retain(|job| !job.is_abandoned()));
        }
        let wait = state.wait(all);
        if state.waiting() >= room || (matches!(lane, Lane::Awaited) && wait > self.bounds.wait) {
            return Err(RenderError::Busy(wait));
        }
        // In bounds: there is one for each.
        state.lanes[lane as usize].push_back(job);
        drop(state);
        self.changed.notify_all();
        Ok(())
    }

    /// Waits for a job; `None` when the queue is closed. The taker counts as busy until [`done`].
    ///
    /// [`done`]: Queue::done
    pub(crate) fn take(&self) -> Option<J> {
        let mut state = self.lock();
        loop {
            let Takers::Some { idle, all } = state.takers else { return None };
            let lanes = if idle > 1 || all == 1 { LANES } else { Lane::Background as usize };
            if let Some(job) = state.next(lanes, self.bounds.bytes) {
                state.takers = Takers::Some { idle: idle.saturating_sub(1), all };
                state.taken = state.taken.saturating_add(job.cost().bytes);
                return Some(job);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends what [`take`] began, of a job of this cost.
    ///
    /// [`take`]: Queue::take
    pub(crate) fn done(&self, cost: Cost) {
        let mut state = self.lock();
        state.taken = state.taken.saturating_sub(cost.bytes);
        if let Takers::Some { idle, all } = state.takers {
            state.takers = Takers::Some { idle: idle + 1, all };
        }
        drop(state);
        // Another taker may do work in the background now, or work that takes more memory.
        self.changed.notify_all();
    }

    /// Sleeps, but not longer than the queue lives.
    pub(crate) fn rest(&self, pause: Duration) {
        let end = Instant::now() + pause;
        let mut state = self.lock();
        while let Takers::Some { .. } = state.takers {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// How long a job that someone waits for would wait, by estimate.
    pub(crate) fn wait(&self) -> Duration {
        let state = self.lock();
        match state.takers {
            Takers::Some { all, .. } => state.wait(all),
            Takers::None => Duration::ZERO,
        }
    }

    /// How many jobs wait, those included that nobody waits for any more.
    pub(crate) fn waiting(&self) -> usize {
        self.lock().waiting()
    }

    /// How many jobs were taken out and are not done.
    pub(crate) fn taken_out(&self) -> usize {
        match self.lock().takers {
            Takers::Some { idle, all } => all.saturating_sub(idle),
            Takers::None => 0,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J: Work> State<J> {
    fn waiting(&self) -> usize {
        self.lanes.iter().map(VecDeque::len).sum()
    }

    /// The next job of the first so many lanes, if it may be taken out now. One that takes too much at the
    /// moment is not overtaken, or it would never be done.
    fn next(&mut self, lanes: usize, bytes: u64) -> Option<J> {
        for lane in self.lanes.iter_mut().take(lanes) {
            while lane.front().is_some_and(Work::is_abandoned) {
                lane.pop_front();
            }
            if let Some(job) = lane.front() {
                let fits = self.taken == 0 || self.taken.saturating_add(job.cost().bytes) <= bytes;
                return if fits { lane.pop_front() } else { None };
            }
        }
        None
    }

    /// How long those that someone waits for keep so many takers at work.
    fn wait(&self, takers: usize) -> Duration {
        let awaited = self.lanes.iter().take(Lane::Relief as usize).flatten();
        let time = awaited.fold(Duration::ZERO, |sum, job| sum.saturating_add(job.cost().time));
        time / u32::try_from(takers.max(1)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::{Bounds, Cost, Lane, Queue, RenderError};
    use std::sync::Arc;
    use std::time::Duration;

    #[derive(Debug, PartialEq)]
    enum Work {
        Wanted(u8),
        Abandoned,
    }

    impl super::Work for Work {
        fn is_abandoned(&self) -> bool {
            *self == Work::Abandoned
        }

        /// As many bytes and seconds as its number.
        fn cost(&self) -> Cost {
            match self {
                Work::Wanted(number) => Cost { bytes: (*number).into(), time: SECOND * (*number).into() },
                Work::Abandoned => Cost::default(),
            }
        }
    }

    const SECOND: Duration = Duration::from_secs(1);
    const AMPLE: Bounds = Bounds { jobs: 0, wait: Duration::MAX, bytes: u64::MAX };

    fn queue(jobs: usize, takers: usize) -> Queue<Work> {
        let queue = Queue::new(Bounds { jobs, ..AMPLE });
        queue.open(takers);
        queue
    }

    #[test]
    fn lanes_go_one_after_the_other_and_each_in_order() {
        let queue = queue(6, 1);
        for (lane, number) in [
            (Lane::Background, 6),
            (Lane::Relief, 5),
            (Lane::Awaited, 1),
            (Lane::Awaited, 2),
            (Lane::Short, 3),
            (Lane::Short, 4),
        ] {
            queue.push(lane, Work::Wanted(number)).expect("room");
        }
        for number in [3, 4, 1, 2, 5, 6] {
            assert_eq!(queue.take(), Some(Work::Wanted(number)));
        }
    }

    #[test]
    fn the_last_idle_taker_of_several_does_no_work_in_the_background() {
        let queue = Arc::new(queue(9, 2));
        for (lane, number) in [(Lane::Background, 1), (Lane::Background, 2), (Lane::Relief, 3)] {
            queue.push(lane, Work::Wanted(number)).expect("room");
        }
        assert_eq!(queue.take(), Some(Work::Wanted(3)));
        let taker = std::thread::spawn({
            let queue = Arc::clone(&queue);
            move || (queue.take(), queue.take())
        });
        queue.push(Lane::Awaited, Work::Wanted(4)).expect("room");
        // The first of the two takes ends; the second waits, since nobody else is idle.
        while queue.waiting() > 2 {
            std::thread::yield_now();
        }
        queue.done(Cost::default());
        queue.done(Cost::default());
        assert_eq!(taker.join().expect("no panic"), (Some(Work::Wanted(4)), Some(Work::Wanted(1))));
    }

    #[test]
    fn it_holds_its_bound_and_what_idle_takers_are_about_to_take() {
        let queue = queue(1, 1);
        queue.push(Lane::Awaited, Work::Wanted(1)).expect("for the taker");
        queue.push(Lane::Awaited, Work::Wanted(2)).expect("within the bound");
        assert_eq!(queue.push(Lane::Short, Work::Wanted(3)), Err(RenderError::Busy(SECOND * 3)));
        assert_eq!(queue.take(), Some(Work::Wanted(1)));
        assert_eq!(queue.taken_out(), 1);
        assert_eq!(queue.push(Lane::Short, Work::Wanted(4)), Err(RenderError::Busy(SECOND * 2)));
        queue.done(Cost::default());
        assert_eq!(queue.taken_out(), 0);
        queue.push(Lane::Short, Work::Wanted(5)).expect("the taker is idle again");
    }

    #[test]
    fn a_job_that_would_wait_too_long_is_refused_and_told_how_long() {
        let queue = Queue::new(Bounds { jobs: 9, wait: SECOND * 3, ..AMPLE });
        queue.open(2);
        queue.push(Lane::Background, Work::Wanted(200)).expect("nobody waits for it");
        queue.push(Lane::Awaited, Work::Wanted(6)).expect("at once");
        queue.push(Lane::Awaited, Work::Wanted(1)).expect("after three seconds");
        assert_eq!(queue.push(Lane::Awaited, Work::Wanted(1)), Err(RenderError::Busy(SECOND * 7 / 2)));
        queue.push(Lane::Short, Work::Wanted(0)).expect("short work is let in");
        queue.push(Lane::Background, Work::Wanted(1)).expect("as is what nobody waits for");
        assert_eq!(queue.wait(), SECOND * 7 / 2);
    }

    #[test]
    fn jobs_that_take_too_much_together_wait_for_each_other() {
        let queue = Arc::new(Queue::new(Bounds { jobs: 9, bytes: 10, ..AMPLE }));
        queue.open(3);
        for number in [7, 4, 2] {
            queue.push(Lane::Awaited, Work::Wanted(number)).expect("room");
        }
        assert_eq!(queue.take(), Some(Work::Wanted(7)));
        let taker = std::thread::spawn({
            let queue = Arc::clone(&queue);
            move || (queue.take(), queue.take())
        });
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(queue.waiting(), 2, "the third does not overtake the second");
        queue.done(super::Work::cost(&Work::Wanted(7)));
        assert_eq!(taker.join().expect("no panic"), (Some(Work::Wanted(4)), Some(Work::Wanted(2))));
        queue.done(super::Work::cost(&Work::Wanted(4)));
        queue.done(super::Work::cost(&Work::Wanted(2)));
        queue.push(Lane::Awaited, Work::Wanted(11)).expect("room");
        assert_eq!(queue.take(), Some(Work::Wanted(11)), "alone it may take more");
    }

    #[test]
    fn abandoned_jobs_take_no_room_and_are_not_done() {
        let queue = queue(2, 0);
        queue.open(1);
        for work in [Work::Abandoned, Work::Abandoned, Work::Abandoned, Work::Wanted(1)] {
            queue.push(Lane::Awaited, work).expect("room");
        }
        assert_eq!(queue.take(), Some(Work::Wanted(1)));
        queue.push(Lane::Awaited, Work::Abandoned).expect("room");
        queue.push(Lane::Awaited, Work::Wanted(2)).expect("room");
        assert_eq!(queue.take(), Some(Work::Wanted(2)));
    }

    #[test]
    fn closing_ends_every_wait() {
        let queue = Arc::new(queue(1, 2));
        let taker = std::thread::spawn({
            let queue = Arc::clone(&queue);
            move || queue.take()
        });
        let sleeper = std::thread::spawn({
            let queue = Arc::clone(&queue);
            move || queue.rest(Duration::from_secs(3600))
        });
        queue.close();
        assert_eq!(taker.join().expect("no panic"), None);
        sleeper.join().expect("no panic");
        assert!(matches!(queue.push(Lane::Short, Work::Wanted(1)), Err(RenderError::NoWorker(_))));
    }

    #[test]
    fn a_queue_that_nobody_takes_from_is_closed() {
        let queue = queue(1, 0);
        assert!(matches!(queue.push(Lane::Short, Work::Wanted(1)), Err(RenderError::NoWorker(_))));
    }
}
