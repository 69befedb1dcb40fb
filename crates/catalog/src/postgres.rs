//! The catalog's database on a server, PostgreSQL 15 or newer.

use crate::CatalogError;
use crate::database::{Columns, Connection, DatabaseError, Dialect, Purpose, Row, ValueRef};
use bytes::BytesMut;
use futures_util::{TryStreamExt, pin_mut};
use lru::LruCache;
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::future::Future;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{AsyncMessage, Client, Config, Socket, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long an answer may take. The server gives up a second before.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(11);

/// That the server gave notice of something, since it was last asked.
#[derive(Default)]
pub(crate) struct Notices {
    given: Mutex<bool>,
    told: Condvar,
}

impl Notices {
    fn tell(&self) {
        // A poisoned flag is still one.
        *self.given.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.told.notify_one();
    }

    /// Waits for a notice, at most so long.
    pub(crate) fn wait(&self, longest: Duration) {
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.told.wait_timeout_while(given, longest, |given| !*given);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }
}

/// What every connection begins with. A node that stops in the middle of a transaction holds up the others
/// for as long as the server lets it.
const SETTINGS: &str = "SET statement_timeout = '10s'; SET lock_timeout = '10s';
    SET idle_in_transaction_session_timeout = '5s'; SET default_transaction_isolation = 'read committed'";

/// What connections that can change nothing begin with beside.
const READ_ONLY: &str = "SET default_transaction_read_only = on";

/// In which order conditions are best looked at depends on the values: how many images have a text or a number. A plan
/// that is kept for all values looks through every image for some.
const PLANS: &str = "SET LOCAL plan_cache_mode = force_custom_plan";

/// Whoever has it makes changes: `safelight` in ASCII, of which eight letters fit.
const WRITERS_LOCK: i64 = i64::from_be_bytes(*b"safeligh");

/// Queries that a connection keeps prepared.
const PREPARED: NonZeroUsize = NonZeroUsize::new(256).expect("256 is not zero");

/// Where a server is and how it is spoken to.
pub(crate) struct Server {
    /// Address, names and password.
    config: Config,
    /// With the authorities that are trusted.
    tls: MakeRustlsConnect,
    /// Sends and receives, however long the program's own one lives.
    runtime: Option<Runtime>,
}

impl Server {
    /// Nothing is sent yet.
    pub(crate) fn new(config: Config, tls: MakeRustlsConnect) -> std::io::Result<Server> {
        let mut runtime = Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().thread_name("catalog-io").build()?;
        Ok(Server { config, tls, runtime: Some(runtime) })
    }

    fn block_on<T>(&self, call: impl Future<Output = Result<T, DatabaseError>>) -> Result<T, DatabaseError> {
        match &self.runtime {
            Some(runtime) => runtime.block_on(call),
            None => Err(DatabaseError::unreachable("nothing sends any more")),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting for it is not allowed everywhere.
            runtime.shutdown_background();
        }
    }
}

/// A connection to it, which is made when it is needed, and anew when it was lost. Not to be used on the
/// runtime's own threads: it blocks them.
pub(crate) struct Postgres {
    server: Arc<Server>,
    /// What it begins with beside what all do.
    settings: &'static str,
    /// Told of every notice that the server sends.
    notices: Option<Arc<Notices>>,
    live: RefCell<Option<Live>>,
    in_transaction: Cell<bool>,
}

struct Live {
    client: Client,
    prepared: LruCache<String, Statement>,
}

impl Postgres {
    /// A connection for changes.
    pub(crate) fn writer(server: Arc<Server>) -> Postgres {
        Postgres::new(server, "")
    }

    /// A connection that can change nothing.
    pub(crate) fn reader(server: Arc<Server>) -> Postgres {
        Postgres::new(server, READ_ONLY)
    }

    /// The same, and `notices` is told whenever the server sends one.
    pub(crate) fn listening(server: Arc<Server>, notices: Arc<Notices>) -> Postgres {
        Postgres { notices: Some(notices), ..Postgres::reader(server) }
    }

    fn new(server: Arc<Server>, settings: &'static str) -> Postgres {
        let (live, in_transaction) = (RefCell::new(None), Cell::new(false));
        Postgres { server, settings, notices: None, live, in_transaction }
    }

    /// Lets go of the connection: nothing is known of its state.
    pub(crate) fn forget(&self) {
        self.live.take();
        self.in_transaction.set(false);
    }

    /// Runs a call on a connection that is there. It is lost when the call shows that it does not work.
    fn call<T>(
        &self,
        call: impl AsyncFnOnce(&mut Live) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, DatabaseError> {
        let mut live = self.live.borrow_mut();
        if live.as_ref().is_none_or(|live| live.client.is_closed()) {
            if self.in_transaction.get() {
                return Err(DatabaseError::unreachable("the connection was lost"));
            }
            *live = Some(self.server.block_on(connect(&self.server, self.settings, self.notices.clone()))?);
        }
        let Some(there) = live.as_mut() else {
            return Err(DatabaseError::unreachable("there is no connection"));
        };
        let answer = self
            .server
            .block_on(async { within(ANSWER_TIMEOUT, call(there)).await?.map_err(DatabaseError::from) });
        if let Err(DatabaseError::Unreachable(_)) = answer {
            *live = None;
        }
        answer
    }
}

async fn within<T>(limit: Duration, call: impl Future<Output = T>) -> Result<T, DatabaseError> {
    let answer = tokio::time::timeout(limit, call).await;
    answer.map_err(|_| DatabaseError::unreachable(format!("no answer within {} seconds", limit.as_secs())))
}

async fn connect(
    server: &Server,
    settings: &str,
    notices: Option<Arc<Notices>>,
) -> Result<Live, DatabaseError> {
    let connecting = within(CONNECT_TIMEOUT, server.config.connect(server.tls.clone()));
    let (client, connection) = connecting.await?.map_err(DatabaseError::from)?;
    tokio::spawn(attend(connection, notices));
    let settings = format!("{SETTINGS}; {settings}");
    within(CONNECT_TIMEOUT, client.batch_execute(&settings)).await?.map_err(DatabaseError::from)?;
    Ok(Live { client, prepared: LruCache::new(PREPARED) })
}

/// Sends and receives until the connection ends.
async fn attend<S>(mut connection: tokio_postgres::Connection<Socket, S>, notices: Option<Arc<Notices>>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    while let Some(Ok(message)) = std::future::poll_fn(|context| connection.poll_message(context)).await {
        if let (AsyncMessage::Notification(_), Some(notices)) = (message, &notices) {
            notices.tell();
        }
    }
    // Whoever waits for one finds that there is no connection any more.
    if let Some(notices) = notices {
        notices.tell();
    }
}

impl Live {
    async fn prepare(&mut self, sql: &str) -> Result<Statement, tokio_postgres::Error> {
        if let Some(statement) = self.prepared.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(&numbered(sql)).await?;
        self.prepared.put(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

impl Connection for Postgres {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn each(
        &self,
        sql: &str,
        values: &[ValueRef<'_>],
        row: &mut dyn FnMut(&Row<'_>) -> Result<ControlFlow<()>, CatalogError>,
    ) -> Result<(), CatalogError> {
        let mut shown = Ok(());
        self.call(async |live| {
            let statement = live.prepare(sql).await?;
            let values = values.iter().map(|value| value as &(dyn ToSql + Sync));
            let rows = live.client.query_raw(&statement, values).await?;
            pin_mut!(rows);
            while let Some(found) = rows.try_next().await? {
                match row(&Row(&found)) {
                    Ok(ControlFlow::Continue(())) => {}
                    Ok(ControlFlow::Break(())) => break,
                    Err(error) => {
                        shown = Err(error);
                        break;
                    }
                }
            }
            Ok(())
        })?;
        shown
    }

    fn change(&self, sql: &str, values: &[ValueRef<'_>]) -> Result<usize, DatabaseError> {
        let changed = self.call(async |live| {
            let statement = live.prepare(sql).await?;
            let values = values.iter().map(|value| value as &(dyn ToSql + Sync));
            live.client.execute_raw(&statement, values).await
        })?;
        usize::try_from(changed).map_err(DatabaseError::failed)
    }

    fn batch(&self, sql: &str) -> Result<(), DatabaseError> {
        self.call(async |live| live.client.batch_execute(sql).await)
    }

    fn begin(&self, purpose: Purpose) -> Result<(), DatabaseError> {
        let begin = match purpose {
            Purpose::Read => format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {PLANS}"),
            Purpose::Write => format!("BEGIN; SELECT pg_advisory_xact_lock({WRITERS_LOCK})"),
        };
        let begun = match self.batch(&begin) {
            // Lost while nothing was asked of it; nothing was changed yet.
            Err(DatabaseError::Unreachable(_)) => self.batch(&begin),
            begun => begun,
        };
        match begun {
            Ok(()) => self.in_transaction.set(true),
            // Half of it may have happened.
            Err(_) => self.forget(),
        }
        begun
    }

    fn commit(&self) -> Result<(), DatabaseError> {
        let committed = self.batch("COMMIT");
        match &committed {
            Ok(()) => self.in_transaction.set(false),
            Err(_) => self.forget(),
        }
        committed
    }

    fn leave(&self) -> Result<(), DatabaseError> {
        if self.in_transaction.get() && self.batch("ROLLBACK").is_err() {
            // The server undoes what a lost connection had begun.
            self.forget();
        }
        self.in_transaction.set(false);
        Ok(())
    }
}

/// The text as PostgreSQL has it: `$1` in the place of `?1`, and no hints of indices.
fn numbered(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len() + 16);
    let mut count = 0;
    let mut quoted = false;
    let mut rest = sql.chars().peekable();
    while let Some(char) = rest.next() {
        quoted ^= char == '\'';
        if quoted || char != '?' {
            text.push(char);
            continue;
        }
        text.push('$');
        if !rest.peek().is_some_and(char::is_ascii_digit) {
            count += 1;
            text.push_str(&count.to_string());
        }
    }
    while let Some((before, after)) = text.split_once("INDEXED BY ") {
        let after = after.trim_start_matches(|char: char| char.is_ascii_alphanumeric() || char == '_');
        text = format!("{before}{after}");
    }
    text
}

impl Columns for tokio_postgres::Row {
    fn position(&self, name: &str) -> Option<usize> {
        self.columns().iter().position(|column| column.name() == name)
    }

    fn value(&self, position: usize) -> Result<ValueRef<'_>, DatabaseError> {
        self.try_get(position).map(|Found(value)| value).map_err(DatabaseError::failed)
    }
}

struct Found<'a>(ValueRef<'a>);

type Mismatch = Box<dyn Error + Sync + Send>;

impl<'a> FromSql<'a> for Found<'a> {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Found<'a>, Mismatch> {
        Ok(Found(match *kind {
            Type::INT8 => ValueRef::Integer(i64::from_sql(kind, raw)?),
            Type::INT4 => ValueRef::Integer(i32::from_sql(kind, raw)?.into()),
            Type::BOOL => ValueRef::Integer(bool::from_sql(kind, raw)?.into()),
            Type::FLOAT8 => ValueRef::Real(f64::from_sql(kind, raw)?),
            Type::TEXT => ValueRef::Text(<&str>::from_sql(kind, raw)?),
            Type::BYTEA => ValueRef::Bytes(raw),
            _ => return Err(format!("a column of type {kind}").into()),
        }))
    }

    fn from_sql_null(_kind: &Type) -> Result<Found<'a>, Mismatch> {
        Ok(Found(ValueRef::Null))
    }

    fn accepts(_kind: &Type) -> bool {
        true
    }
}

impl ToSql for ValueRef<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Mismatch> {
        match (*self, kind) {
            (ValueRef::Null, _) => Ok(IsNull::Yes),
            (ValueRef::Integer(number), &Type::INT8) => number.to_sql(kind, out),
            (ValueRef::Integer(number), &Type::INT4) => i32::try_from(number)?.to_sql(kind, out),
            (ValueRef::Real(number), &Type::FLOAT8) => number.to_sql(kind, out),
            // The server's texts have no NUL, and no text that is stored has a control character in its
            // place: what is looked up by such a text is not found.
            (ValueRef::Text(text), &Type::TEXT) => text.replace('\0', "\u{1}").to_sql(kind, out),
            (ValueRef::Bytes(bytes), &Type::BYTEA) => bytes.to_sql(kind, out),
            (value, kind) => Err(format!("{value:?} for a parameter of type {kind}").into()),
        }
    }

    fn accepts(_kind: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl From<tokio_postgres::Error> for DatabaseError {
    fn from(error: tokio_postgres::Error) -> DatabaseError {
        let code = error.code().cloned();
        match code {
            Some(SqlState::UNIQUE_VIOLATION) => DatabaseError::Taken(Arc::new(error)),
            Some(SqlState::PROGRAM_LIMIT_EXCEEDED) => DatabaseError::TooLong(Arc::new(error)),
            Some(code) if lost(&code) => DatabaseError::unreachable(error),
            Some(_) => DatabaseError::failed(error),
            // A value that cannot be sent is no failure of the connection.
            None if error.is_closed() || error.source().is_some_and(|cause| cause.is::<std::io::Error>()) => {
                DatabaseError::unreachable(error)
            }
            None => DatabaseError::failed(error),
        }
    }
}

/// Whether the server says that it cannot be asked now.
fn lost(code: &SqlState) -> bool {
    // Connection exceptions, resources, interventions of an operator, and waits that took too long.
    ["08", "53", "57"].iter().any(|class| code.code().starts_with(class))
        || [
            SqlState::LOCK_NOT_AVAILABLE,
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
            SqlState::READ_ONLY_SQL_TRANSACTION,
            // What is prepared was for tables that a newer program has changed.
            SqlState::FEATURE_NOT_SUPPORTED,
        ]
        .contains(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_and_hints_dropped() {
        for (sql, expected) in [
            (
                "SELECT ?2, ?1 FROM t WHERE a = '?' AND b = ?10",
                "SELECT $2, $1 FROM t WHERE a = '?' AND b = $10",
            ),
            ("a = ? AND b IN (?, ?)", "a = $1 AND b IN ($2, $3)"),
            ("FROM t INDEXED BY t_by_x WHERE a", "FROM t  WHERE a"),
        ] {
            assert_eq!(numbered(sql), expected);
        }
    }
}
