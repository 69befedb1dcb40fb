//! What other nodes change, and how much of it this one knows.
//!
//! Every change of what nodes keep in memory leaves a row in the same transaction. Since changes are made one
//! after the other, also by different nodes, the numbers of the rows are in the order of the commits. A node reads
//! the rows twice a second, and at once when the server gives it notice; so it knows at each moment since when it
//! may not know of a change, whether notices arrive or not.

use crate::accounts;
use crate::database::{Connection, DatabaseError, Dialect, Row};
use crate::origins;
use crate::postgres::{Notices, Postgres};
use crate::rows::{all, at_one_moment, change, damaged, first, inserted};
use crate::{Catalog, CatalogError, ImageKey, Inner};
use safelight_domain::account::AccountId;
use safelight_domain::image::ImageId;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Longest pause between two looks at the rows.
const PAUSE: Duration = Duration::from_millis(500);

/// How long a start waits for the first look at the changes.
const LONGEST_START: Duration = Duration::from_secs(10);

/// See [`Knowledge::reached`].
const LOST: Duration = Duration::from_secs(2);

/// Rows that are read at once.
const BATCH: u32 = 1_000;

/// How long rows are kept, far longer than a node that falls behind so long serves anything.
const KEPT: &str = "1 hour";

/// Something that nodes keep in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// An image.
    Image(ImageKey),
    /// What delivery needs of an account.
    Account(AccountId),
    /// Origins of remote images.
    RemoteOrigins,
}

/// The number of the last change that is known.
pub(crate) type Number = i64;

/// Leaves word for the other nodes that something has changed. With SQLite there are none.
pub(crate) fn tell(connection: &dyn Connection, kept: &Kept) -> Result<Number, CatalogError> {
    if connection.dialect() == Dialect::Sqlite {
        return Ok(0);
    }
    let (kind, account, image) = match kept {
        Kept::Image((account, image)) => ("image", Some(account.as_str()), Some(image.as_str())),
        Kept::Account(account) => ("account", Some(account.as_str()), None),
        Kept::RemoteOrigins => ("remote-origins", None, None),
    };
    let sql = "INSERT INTO changes (kind, account, image) VALUES (?1, ?2, ?3) RETURNING number";
    let number = inserted(connection, sql, (kind, account, image))?;
    connection.batch("NOTIFY safelight_changes")?;
    Ok(number)
}

/// Since when there may be changes that this node does not know of.
pub(crate) struct Knowledge {
    /// `None` where there is nobody else who changes anything.
    since: Option<Mutex<Instant>>,
}

impl Knowledge {
    /// Of a node that has its database to itself.
    pub(crate) fn alone() -> Knowledge {
        Knowledge { since: None }
    }

    /// Of one that is about to read everything.
    pub(crate) fn starting() -> Knowledge {
        Knowledge { since: Some(Mutex::new(Instant::now())) }
    }

    /// Waits until the changes were looked at once: reading everything may have taken long.
    pub(crate) fn await_first(&self) -> Result<(), DatabaseError> {
        let begun = Instant::now();
        while self.age() > 2 * PAUSE {
            if begun.elapsed() > LONGEST_START {
                return Err(DatabaseError::unreachable("its changes cannot be followed"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn renew(&self, moment: Instant) {
        if let Some(since) = &self.since {
            *since.lock().unwrap_or_else(PoisonError::into_inner) = moment;
        }
    }

    /// Whether nobody else changes anything.
    pub(crate) fn is_alone(&self) -> bool {
        self.since.is_none()
    }

    /// Refuses at once where the database was not reached for long, since whoever asked it would wait for nothing.
    /// The one that follows the changes finds out when it is back.
    pub(crate) fn reached(&self) -> Result<(), DatabaseError> {
        let lost = self.age() > LOST;
        if lost { Err(DatabaseError::unreachable("it was not reached for a while")) } else { Ok(()) }
    }

    /// How old it is.
    pub(crate) fn age(&self) -> Duration {
        let since = self.since.as_ref().map(|since| *since.lock().unwrap_or_else(PoisonError::into_inner));
        since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

impl Catalog {
    /// For how long this node may not know what others have committed; nothing with SQLite. It grows while the
    /// database cannot be reached.
    pub fn age_of_knowledge(&self) -> Duration {
        self.inner.knowledge.age()
    }

    /// Deletes the word of changes that every node has long known (for the sweeper).
    pub async fn delete_old_changes(&self) -> Result<(), CatalogError> {
        let delete = |connection: &dyn Connection| {
            if connection.dialect() == Dialect::Postgres {
                // The last one stays, so that numbers tell whether rows are missing.
                let sql = format!(
                    "DELETE FROM changes WHERE at < now() - INTERVAL '{KEPT}'
                     AND number < (SELECT max(number) FROM changes)"
                );
                change(connection, &sql, ())?;
            }
            Ok(())
        };
        self.inner.writer.write(delete, |()| ()).await
    }
}

/// The number of the last change so far.
pub(crate) fn last(connection: &dyn Connection) -> Result<Number, CatalogError> {
    if connection.dialect() == Dialect::Sqlite {
        return Ok(0);
    }
    Ok(first(connection, "SELECT coalesce(max(number), 0) FROM changes", (), |row| Ok(row.get(0)?))?
        .unwrap_or(0))
}

/// Follows the changes from the last known one on, on a thread of its own, until the catalog is gone.
pub(crate) fn follow(
    connection: Postgres,
    notices: Arc<Notices>,
    inner: Weak<Inner>,
    known: Number,
) -> std::io::Result<()> {
    let run = move || {
        let mut known = known;
        let mut reached = true;
        while let Some(inner) = inner.upgrade() {
            let begun = Instant::now();
            match catch_up(&connection, &inner, &mut known) {
                Ok(()) => {
                    inner.knowledge.renew(begun);
                    if !std::mem::replace(&mut reached, true) {
                        tracing::info!("the catalog is reached again");
                    }
                }
                Err(error) => {
                    connection.forget();
                    if std::mem::replace(&mut reached, false) {
                        let cause = &error as &dyn std::error::Error;
                        tracing::error!(
                            cause,
                            "the changes of other nodes cannot be read: what is private is not served"
                        );
                    }
                }
            }
            drop(inner);
            notices.wait(PAUSE);
        }
    };
    std::thread::Builder::new().name("catalog-follower".to_owned()).spawn(run).map(drop)
}

/// Takes what has changed out of memory, or reads it anew.
fn catch_up(connection: &Postgres, inner: &Inner, known: &mut Number) -> Result<(), CatalogError> {
    connection.batch("LISTEN safelight_changes")?;
    loop {
        let (seen, more) = at_one_moment(connection, || look(connection, inner, *known))?;
        *known = seen;
        if !more {
            return Ok(());
        }
    }
}

/// The number of the last change that was looked at, and whether there are more.
fn look(connection: &dyn Connection, inner: &Inner, known: Number) -> Result<(Number, bool), CatalogError> {
    let sql = "SELECT coalesce(min(number), 0), coalesce(max(number), 0) FROM changes";
    let bounds = first(connection, sql, (), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
    let (oldest, newest) = bounds.unwrap_or_default();
    if newest < known || oldest > known + 1 {
        // Rows between are gone, or the database is another than it was.
        tracing::warn!("changes of other nodes were missed: everything is read anew");
        inner.images.clear();
        inner.renditions.clear();
        inner.accounts.replace(accounts::load_all(connection)?, newest);
        inner.remote_origins.replace(origins::load(connection)?, newest);
        return Ok((newest, false));
    }
    let sql = "SELECT number, kind, account, image FROM changes WHERE number > ?1 ORDER BY number LIMIT ?2";
    let changes = all(connection, sql, (known, BATCH), parse)?;
    for (_, kept) in &changes {
        match kept {
            Kept::Image(key) => inner.images.forget(key),
            Kept::Account(id) => {
                if let Some((hash, account)) = accounts::load(connection, id)? {
                    inner.accounts.put(hash, account, newest);
                }
            }
            Kept::RemoteOrigins => inner.remote_origins.put(origins::load(connection)?, newest),
        }
    }
    let seen = changes.last().map_or(known, |(number, _)| *number);
    Ok((seen, changes.len() == BATCH as usize))
}

fn parse(row: &Row<'_>) -> Result<(Number, Kept), CatalogError> {
    let kind: String = row.get("kind")?;
    let (account, image): (Option<String>, Option<String>) = (row.get("account")?, row.get("image")?);
    let account = account.map(|account| AccountId::parse(&account)).transpose();
    let account = account.map_err(|why| damaged("changes", why))?;
    let kept = match (kind.as_str(), account, image) {
        ("image", Some(account), Some(image)) => Kept::Image((account, ImageId::named(&image))),
        ("account", Some(account), _) => Kept::Account(account),
        ("remote-origins", ..) => Kept::RemoteOrigins,
        _ => return Err(damaged("changes", format!("kind {kind}"))),
    };
    Ok((row.get("number")?, kept))
}

#[cfg(test)]
#[path = "follower_tests.rs"]
mod tests;
