//! Work that one of several nodes does at a time. It may still be done twice: by a node that was too slow to renew its
//! duty, for instance.

use super::database::{Connection, Dialect};
use super::rows::change;
use super::{Catalog, CatalogError};

impl Catalog {
    /// Takes a duty until `until_ms`, or renews it. Whether `holder` has it now; false while another one does. With
    /// SQLite there is no other one.
    pub async fn take_duty(
        &self,
        name: &str,
        holder: &str,
        now_ms: i64,
        until_ms: i64,
    ) -> Result<bool, CatalogError> {
        if self.inner.knowledge.is_alone() {
            return Ok(true);
        }
        let (name, holder) = (name.to_owned(), holder.to_owned());
        let take = move |connection: &dyn Connection| {
            let sql = "INSERT INTO duties (name, holder, until_ms) VALUES (?1, ?2, ?4)
                       ON CONFLICT (name) DO UPDATE SET holder = ?2, until_ms = ?4
                       WHERE duties.holder = ?2 OR duties.until_ms <= ?3";
            Ok::<_, CatalogError>(change(connection, sql, (&name, &holder, now_ms, until_ms))? > 0)
        };
        self.inner.writer.write(take, |_| ()).await
    }

    /// Leaves a duty to others, if `holder` has it.
    pub async fn leave_duty(&self, name: &str, holder: &str) -> Result<(), CatalogError> {
        if self.inner.knowledge.is_alone() {
            return Ok(());
        }
        let (name, holder) = (name.to_owned(), holder.to_owned());
        let leave = move |connection: &dyn Connection| {
            change(connection, "DELETE FROM duties WHERE name = ?1 AND holder = ?2", (&name, &holder))?;
            Ok(())
        };
        self.inner.writer.write(leave, |()| ()).await
    }

    /// Deletes duties whose time was over before `before_ms` (for the sweeper).
    pub async fn delete_old_duties(&self, before_ms: i64) -> Result<(), CatalogError> {
        let delete = move |connection: &dyn Connection| {
            if connection.dialect() == Dialect::Postgres {
                change(connection, "DELETE FROM duties WHERE until_ms < ?1", [before_ms])?;
            }
            Ok(())
        };
        self.inner.writer.write(delete, |()| ()).await
    }
}

#[cfg(test)]
mod tests {
    use crate::fixtures::{Place, new_file};

    #[tokio::test]
    async fn one_node_has_a_duty_until_it_leaves_it_or_its_time_is_over() {
        let Some(place) = Place::on_server().await else { return };
        let (one, other) = (place.open().await, place.open().await);
        assert!(one.take_duty("sweep", "one", 0, 10).await.expect("works"));
        assert!(!other.take_duty("sweep", "other", 9, 20).await.expect("works"));
        assert!(one.take_duty("sweep", "one", 9, 20).await.expect("renews it"));
        assert!(!other.take_duty("sweep", "other", 10, 20).await.expect("works"));
        assert!(other.take_duty("else", "other", 10, 20).await.expect("another duty"));
        other.leave_duty("sweep", "other").await.expect("works");
        assert!(!other.take_duty("sweep", "other", 10, 30).await.expect("it was not its own"));
        assert!(other.take_duty("sweep", "other", 20, 30).await.expect("works"));
        other.leave_duty("sweep", "other").await.expect("works");
        assert!(one.take_duty("sweep", "one", 21, 30).await.expect("works"));
        one.delete_old_duties(31).await.expect("works");
        assert!(other.take_duty("sweep", "other", 0, 1).await.expect("works"));
    }

    #[tokio::test]
    async fn whoever_is_alone_has_every_duty() {
        let (_folder, catalog) = new_file();
        for holder in ["one", "other"] {
            assert!(catalog.take_duty("sweep", holder, 0, 10).await.expect("works"));
        }
    }
}
