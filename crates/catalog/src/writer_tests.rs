use super::*;
use crate::rows::{change, first};
use crate::sqlite::Sqlite;
use std::sync::mpsc as std_mpsc;

fn table() -> Box<dyn Connection + Send> {
    let connection = Sqlite::in_memory().expect("a database");
    connection
        .batch("CREATE TABLE t (x INTEGER PRIMARY KEY REFERENCES t (x) DEFERRABLE INITIALLY DEFERRED) STRICT; PRAGMA foreign_keys = ON")
        .expect("a table");
    Box::new(connection)
}

fn insert(x: i64) -> impl FnOnce(&dyn Connection) -> Result<usize, CatalogError> + Send + 'static {
    move |connection| Ok(change(connection, "INSERT INTO t VALUES (?1)", [x])?)
}

async fn rows(writer: &Writer) -> i64 {
    let count = |connection: &dyn Connection| -> Result<i64, CatalogError> {
        Ok(first(connection, "SELECT count(*) FROM t", (), |row| Ok(row.get(0)?))?.unwrap_or(0))
    };
    writer.write(count, |_| ()).await.expect("counts")
}

/// Holds the writer until the returned sender is dropped, so that what is sent meanwhile is
/// committed as one group.
async fn hold(writer: &Writer) -> std_mpsc::Sender<()> {
    let (release, held) = std_mpsc::channel::<()>();
    let (entered, entering) = oneshot::channel();
    writer.note(move |_| {
        let _ = entered.send(());
        let _ = held.recv();
        Ok(())
    });
    entering.await.expect("the writer runs");
    release
}

#[tokio::test]
async fn a_step_that_fails_undoes_only_itself() {
    let writer = Writer::start(table(), Arc::new(Knowledge::alone())).expect("a thread");
    let release = hold(&writer).await;
    let half = |connection: &dyn Connection| -> Result<(), CatalogError> {
        connection.batch("INSERT INTO t VALUES (50)")?;
        Err(CatalogError::Damaged { table: "t", why: "on purpose".to_owned() })
    };
    let (one, two, twin, three, ()) = tokio::join!(
        writer.write(insert(1), |_| ()),
        writer.write(half, |_| panic!("published without a commit")),
        writer.write(insert(1), |_| panic!("published without a commit")),
        writer.write(insert(3), |_| ()),
        async { drop(release) },
    );
    assert!(one.is_ok() && three.is_ok());
    assert!(matches!(two, Err(CatalogError::Damaged { .. })), "{two:?}");
    assert!(matches!(twin, Err(CatalogError::Database(_))), "{twin:?}");
    assert_eq!(rows(&writer).await, 2);
}

#[tokio::test]
async fn a_commit_that_fails_is_told_to_every_step_of_its_group_and_the_next_group_works() {
    let writer = Writer::start(table(), Arc::new(Knowledge::alone())).expect("a thread");
    writer
        .write(
            |connection| -> Result<(), CatalogError> {
                connection.batch(
                    "CREATE TABLE c (x INTEGER REFERENCES t (x) DEFERRABLE INITIALLY DEFERRED) STRICT",
                )?;
                Ok(())
            },
            |()| (),
        )
        .await
        .expect("a table");
    let release = hold(&writer).await;
    // The missing parent is noticed at the commit alone.
    let dangling = |connection: &dyn Connection| -> Result<usize, CatalogError> {
        Ok(connection.change("INSERT INTO c VALUES (99)", &[])?)
    };
    let (good, bad, ()) = tokio::join!(
        writer.write(insert(1), |_| panic!("published without a commit")),
        writer.write(dangling, |_| panic!("published without a commit")),
        async { drop(release) },
    );
    assert!(matches!(good, Err(CatalogError::Database(_))), "{good:?}");
    assert!(matches!(bad, Err(CatalogError::Database(_))), "{bad:?}");
    writer.write(insert(2), |_| ()).await.expect("works again");
    assert_eq!(rows(&writer).await, 1);
}

#[tokio::test]
async fn publishing_happens_after_the_commit_and_before_the_return() {
    let writer = Writer::start(table(), Arc::new(Knowledge::alone())).expect("a thread");
    let (tell, told) = std_mpsc::channel();
    writer.write(insert(1), move |inserted| tell.send(*inserted).expect("heard")).await.expect("works");
    assert_eq!(told.try_recv(), Ok(1));
}
