//! The one connection that writes, on a thread of its own.

use super::CatalogError;
use super::database::{Connection, DatabaseError, Purpose};
use super::follower::Knowledge;
use std::sync::Arc;
use std::thread;
use tokio::sync::{mpsc, oneshot};

/// Changes that may wait; further ones wait for a place.
const QUEUE: usize = 256;

/// Most changes committed together, with one sync to disk.
const GROUP: usize = 64;

/// Hands changes to the writing thread, which ends when this is dropped.
pub(super) struct Writer {
    queue: mpsc::Sender<Box<dyn Step>>,
    knowledge: Arc<Knowledge>,
}

/// One change in the queue.
trait Step: Send {
    /// Makes the change within the open transaction.
    fn run(&mut self, connection: &dyn Connection) -> Verdict;
    /// Learns whether the transaction was committed.
    fn settle(self: Box<Self>, committed: Result<(), &DatabaseError>);
}

/// What becomes of a step's own changes.
enum Verdict {
    Keep,
    Undo,
}

/// A change that someone waits for.
struct Change<F, P, T, E> {
    change: Option<F>,
    publish: P,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<F, P, T, E> Step for Change<F, P, T, E>
where
    F: FnOnce(&dyn Connection) -> Result<T, E> + Send,
    P: FnOnce(&T) + Send,
    T: Send,
    E: From<CatalogError> + Send,
{
    fn run(&mut self, connection: &dyn Connection) -> Verdict {
        self.result = self.change.take().map(|change| change(connection));
        match self.result {
            Some(Ok(_)) => Verdict::Keep,
            Some(Err(_)) | None => Verdict::Undo,
        }
    }

    fn settle(self: Box<Self>, committed: Result<(), &DatabaseError>) {
        let result = match (self.result, committed) {
            (Some(Err(error)), _) => Err(error),
            (_, Err(failure)) => Err(CatalogError::from(failure.clone()).into()),
            (None, Ok(())) => Err(CatalogError::Stopped.into()),
            (Some(Ok(value)), Ok(())) => {
                (self.publish)(&value);
                Ok(value)
            }
        };
        // Whoever asked may have gone away; the change stands all the same.
        let _ = self.reply.send(result);
    }
}

/// A change that nobody waits for.
struct Note<F>(Option<F>);

impl<F: FnOnce(&dyn Connection) -> Result<(), DatabaseError> + Send> Step for Note<F> {
    fn run(&mut self, connection: &dyn Connection) -> Verdict {
        match self.0.take().map(|note| note(connection)) {
            Some(Ok(())) => Verdict::Keep,
            Some(Err(_)) | None => Verdict::Undo,
        }
    }

    fn settle(self: Box<Self>, committed: Result<(), &DatabaseError>) {
        if let Err(error) = committed {
            tracing::warn!(%error, "a note in the catalog was lost");
        }
    }
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(
        connection: Box<dyn Connection + Send>,
        knowledge: Arc<Knowledge>,
    ) -> std::io::Result<Writer> {
        let (queue, steps) = mpsc::channel(QUEUE);
        thread::Builder::new().name("catalog-writer".to_owned()).spawn(move || serve(&*connection, steps))?;
        Ok(Writer { queue, knowledge })
    }

    /// Makes a change, all or nothing, and returns once it is on disk. `publish` is called on the
    /// writing thread between commit and return, in the order of the commits.
    pub(super) async fn write<T, E>(
        &self,
        change: impl FnOnce(&dyn Connection) -> Result<T, E> + Send + 'static,
        publish: impl FnOnce(&T) + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<CatalogError> + Send + 'static,
    {
        self.knowledge.reached().map_err(CatalogError::from)?;
        let (reply, answer) = oneshot::channel();
        let step = Change { change: Some(change), publish, result: None, reply };
        self.queue.send(Box::new(step)).await.map_err(|_| CatalogError::Stopped)?;
        answer.await.map_err(|_| CatalogError::Stopped)?
    }

    /// Makes a change that may be lost, without waiting; when the queue is full it is.
    pub(super) fn note(
        &self,
        note: impl FnOnce(&dyn Connection) -> Result<(), DatabaseError> + Send + 'static,
    ) {
        if self.knowledge.reached().is_err() || self.queue.try_send(Box::new(Note(Some(note)))).is_err() {
            tracing::debug!("a note in the catalog was skipped");
        }
    }

    /// Whether the thread still takes changes.
    pub(super) fn check(&self) -> Result<(), CatalogError> {
        if self.queue.is_closed() { Err(CatalogError::Stopped) } else { Ok(()) }
    }
}

fn serve(connection: &dyn Connection, mut queue: mpsc::Receiver<Box<dyn Step>>) {
    let mut group = Vec::with_capacity(GROUP);
    while queue.blocking_recv_many(&mut group, GROUP) > 0 {
        let committed = run_group(connection, &mut group);
        for step in group.drain(..) {
            step.settle(committed.as_ref().copied());
        }
    }
}

/// Runs the steps in one transaction, each in a savepoint, so that one that fails undoes nothing of
/// the others.
fn run_group(connection: &dyn Connection, group: &mut [Box<dyn Step>]) -> Result<(), DatabaseError> {
    let last = group.len().saturating_sub(1);
    let committed = connection.begin(Purpose::Write).and_then(|()| {
        connection.batch("SAVEPOINT step")?;
        for (index, step) in group.iter_mut().enumerate() {
            match step.run(connection) {
                Verdict::Keep if index == last => {}
                Verdict::Keep => connection.batch("RELEASE step; SAVEPOINT step")?,
                // After a full disk and the like SQLite has undone the whole transaction by itself;
                // then this fails, and with it the group.
                Verdict::Undo => connection.batch("ROLLBACK TO step")?,
            }
        }
        // PostgreSQL would let a transaction be committed that it has given up, and undo it; it does not
        // let go of a savepoint in one.
        connection.batch("RELEASE step")?;
        connection.commit()
    });
    committed.inspect_err(|_| {
        if let Err(error) = connection.leave() {
            tracing::error!(%error, "the catalog could not undo a transaction");
        }
    })
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
