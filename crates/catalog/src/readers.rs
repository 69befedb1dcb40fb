//! A few connections that only read.

use super::CatalogError;
use super::database::{Connection, DatabaseError};
use super::follower::Knowledge;
use std::sync::Arc;
use std::time::Duration;

/// How long a reader waits for a connection.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Lends each connection to one reader at a time; further readers wait.
pub(super) struct Readers {
    idle: async_channel::Receiver<Box<dyn Connection + Send>>,
    give_back: async_channel::Sender<Box<dyn Connection + Send>>,
    knowledge: Arc<Knowledge>,
}

/// A lent connection. It goes back when this is dropped, also when the reader panics.
struct Lent {
    connection: Option<Box<dyn Connection + Send>>,
    give_back: async_channel::Sender<Box<dyn Connection + Send>>,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            if let Err(error) = connection.leave() {
                tracing::error!(%error, "the catalog could not end a reader's transaction");
            }
            // There is a place for every connection; and when nobody can take one any more, the
            // catalog is closed and so is this connection.
            let _ = self.give_back.try_send(connection);
        }
    }
}

impl Readers {
    /// Lends these connections.
    pub(super) fn new(connections: Vec<Box<dyn Connection + Send>>, knowledge: Arc<Knowledge>) -> Readers {
        let (give_back, idle) = async_channel::bounded(connections.len().max(1));
        for connection in connections {
            // The channel was made as long as the list.
            let _ = give_back.try_send(connection);
        }
        Readers { idle, give_back, knowledge }
    }

    /// Runs a query away from the async threads.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&dyn Connection) -> Result<T, CatalogError> + Send + 'static,
    ) -> Result<T, CatalogError> {
        self.knowledge.reached()?;
        let idle = tokio::time::timeout(LONGEST_WAIT, self.idle.recv()).await;
        let idle = idle.map_err(|_| DatabaseError::unreachable("every connection is in use"))?;
        let connection = idle.map_err(|_| CatalogError::Stopped)?;
        let lent = Lent { connection: Some(connection), give_back: self.give_back.clone() };
        let run = move || match &lent.connection {
            Some(connection) => query(&**connection),
            None => Err(CatalogError::Stopped),
        };
        tokio::task::spawn_blocking(run).await.map_err(|_| CatalogError::Stopped)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::any;
    use crate::sqlite::Sqlite;

    #[tokio::test]
    async fn a_reader_that_panics_gives_its_connection_back() {
        let readers = Readers::new(
            vec![Box::new(Sqlite::in_memory().expect("a database"))],
            Arc::new(Knowledge::alone()),
        );
        let panicked = readers.read(|_| -> Result<(), CatalogError> { panic!("on purpose") }).await;
        assert!(matches!(panicked, Err(CatalogError::Stopped)));
        let works = readers.read(|connection| any(connection, "SELECT 1", ())).await;
        assert!(works.expect("works"));
    }
}
