//! The schema's version, and the way from an older one to this program's.

use super::{CatalogError, OpenError};
use crate::database::{Connection, Dialect, Purpose};
use crate::rows::{change, first};

/// The way from one version to the next, which never changes once it is published.
#[derive(Clone, Copy)]
pub(super) struct Migration {
    /// For SQLite.
    pub sqlite: &'static str,
    /// For PostgreSQL.
    pub postgres: &'static str,
}

macro_rules! migrations {
    ($($name:literal)*) => { [$(Migration {
        sqlite: include_str!(concat!("../migrations/sqlite/", $name, ".sql")),
        postgres: include_str!(concat!("../migrations/postgres/", $name, ".sql")),
    }),*] };
}

/// One for each version, in order.
pub(super) const MIGRATIONS: [Migration; 19] = migrations!(
    "0001_accounts"
    "0002_images"
    "0003_jobs"
    "0004_options"
    "0005_config"
    "0006_drafts"
    "0007_metadata_index"
    "0008_sessions"
    "0009_usage"
    "0010_search"
    "0011_history"
    "0012_imports"
    "0013_origins"
    "0014_turn"
    "0015_levels"
    "0016_changes"
    "0017_duties"
    "0018_sourcing"
    "0019_quotas"
);

/// The version that this program brings a catalog to.
pub const SCHEMA_VERSION: u32 = MIGRATIONS.len() as u32;

/// Brings a database to the version that `migrations` leads to, each step in a transaction of its
/// own. A database of a newer version is refused untouched.
pub(super) fn migrate(connection: &dyn Connection, migrations: &[Migration]) -> Result<(), OpenError> {
    loop {
        // For writing, so that two programs that start at once do not both take the same step.
        connection.begin(Purpose::Write)?;
        let taken = step(connection, migrations);
        connection.leave()?;
        if let Step::Last = taken? {
            return Ok(());
        }
    }
}

enum Step {
    Taken,
    Last,
}

fn step(connection: &dyn Connection, migrations: &[Migration]) -> Result<Step, OpenError> {
    let known = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    let found = version(connection)?;
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    let Some(migration) = usize::try_from(found).ok().and_then(|index| migrations.get(index)) else {
        return Ok(Step::Last);
    };
    match connection.dialect() {
        Dialect::Sqlite => {
            connection.batch(migration.sqlite)?;
            connection.batch(&format!("PRAGMA user_version = {}", found + 1))?;
        }
        Dialect::Postgres => {
            connection.batch(migration.postgres)?;
            change(connection, "INSERT INTO schema_versions (version) VALUES (?1)", [found + 1])?;
        }
    }
    connection.commit()?;
    Ok(Step::Taken)
}

/// The version of a database that is only looked at, 0 for a new one.
pub(super) fn found(connection: &dyn Connection) -> Result<u32, CatalogError> {
    if connection.dialect() == Dialect::Postgres {
        let sql = "SELECT count(*) FROM pg_class WHERE oid = to_regclass('schema_versions')";
        let tables = first(connection, sql, (), |row| Ok(row.get::<_, u32>(0)?))?;
        if tables != Some(1) {
            return Ok(0);
        }
        let sql = "SELECT coalesce(max(version), 0) FROM schema_versions";
        return Ok(first(connection, sql, (), |row| Ok(row.get(0)?))?.unwrap_or(0));
    }
    version(connection)
}

/// The version of a database, 0 for a new one.
fn version(connection: &dyn Connection) -> Result<u32, CatalogError> {
    let sql = match connection.dialect() {
        Dialect::Sqlite => "PRAGMA user_version",
        Dialect::Postgres => {
            connection.batch(
                "CREATE TABLE IF NOT EXISTS schema_versions (
                     version BIGINT NOT NULL PRIMARY KEY, since TIMESTAMPTZ NOT NULL DEFAULT now())",
            )?;
            "SELECT coalesce(max(version), 0) FROM schema_versions"
        }
    };
    Ok(first(connection, sql, (), |row| Ok(row.get(0)?))?.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::Place;
    use crate::sqlite::Sqlite;
    use crate::{Catalog, JobKind, JobLine};
    use safelight_domain::image::BlobId;

    #[tokio::test]
    async fn an_older_catalog_is_migrated_with_its_rows() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("catalog.sqlite");
        let id = "a".repeat(32);
        let old = Sqlite::writer(&path).expect("a database");
        migrate(&old, &MIGRATIONS[..1]).expect("version 1");
        change(&old, "INSERT INTO accounts VALUES (?1, 'cheeW4oKsx5ljh8e8BoL2A', 'old', 7)", [&id])
            .expect("a row");
        migrate(&old, &MIGRATIONS[..3]).expect("version 3");
        let variants = "INSERT INTO variants VALUES
                        (?1, 'hero', 'pad', 12, NULL, 2.5, 'none', NULL, 'always-public'),
                        (?1, 'public', 'scale-down', NULL, NULL, 0.0, 'copyright', 3600, 'follow-image')";
        change(&old, variants, [&id]).expect("rows");
        let job = "INSERT INTO jobs (kind, payload, due_ms) VALUES ('delete-blob', ?1, 4)";
        change(&old, job, [&id]).expect("a row");
        drop(old);

        let catalog = Catalog::open(&path).expect("migrates");
        let accounts = catalog.accounts().await.expect("works");
        assert_eq!(accounts.iter().map(|a| a.name.as_str()).collect::<Vec<_>>(), ["old"]);
        assert_eq!(catalog.image_count(&accounts[0].id).await.expect("has a counter"), 0);
        let variants = catalog.variants(&accounts[0].id).await.expect("works");
        let texts: Vec<String> = variants.iter().map(|variant| variant.transform.canonical()).collect();
        assert_eq!(texts, ["fit=pad,width=12,blur=2.5,metadata=none", "fit=scale-down"]);
        let job = catalog.lease_job(JobLine::Storage, 4, 5).await.expect("works").expect("is due");
        assert_eq!(job.kind, JobKind::DeleteBlob(BlobId::parse(&id).expect("32 digits")));
        assert_eq!(
            version(&Sqlite::writer(&path).expect("a database")).expect("works") as usize,
            MIGRATIONS.len()
        );
    }

    #[tokio::test]
    async fn a_catalog_is_looked_at_without_a_change() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("catalog.sqlite");
        assert_eq!(Catalog::version_of_file(&path).expect("there is none"), 0);
        assert!(!path.exists());
        let old = Sqlite::writer(&path).expect("a database");
        migrate(&old, &MIGRATIONS[..3]).expect("version 3");
        drop(old);
        for _ in 0..2 {
            assert_eq!(Catalog::version_of_file(&path).expect("works"), 3);
        }
        drop(Catalog::open(&path).expect("migrates"));
        assert_eq!(Catalog::version_of_file(&path).expect("works"), SCHEMA_VERSION);
        let Some(place) = Place::on_server().await else { return };
        let address = place.address().expect("of a server");
        assert_eq!(Catalog::version_on(&address).await.expect("there is none"), 0);
        let (one, other) = (place.open().await, place.open().await);
        assert_eq!(Catalog::version_on(&address).await.expect("works"), SCHEMA_VERSION);
        drop((one, other));
    }

    #[test]
    fn a_newer_catalog_is_refused_with_both_versions() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("catalog.sqlite");
        drop(Catalog::open(&path).expect("a new catalog"));
        let newer = Sqlite::writer(&path).expect("a database");
        newer.batch("PRAGMA user_version = 99").expect("a version");
        drop(newer);
        let refused = Catalog::open(&path).err().expect("is refused");
        let known = MIGRATIONS.len() as u32;
        assert!(matches!(refused, OpenError::Newer { found: 99, known: k } if k == known), "{refused:?}");
        let text = refused.to_string();
        assert!(text.contains("version 99") && text.contains(&format!("up to {known}")), "{text}");
    }

    #[test]
    fn a_failed_step_leaves_the_version_before_it() {
        let connection = Sqlite::in_memory().expect("a database");
        let broken = ["CREATE TABLE a (x TEXT) STRICT;", "CREATE TABLE b (x TEXT) STRICT; nonsense;"]
            .map(|sqlite| Migration { sqlite, postgres: "" });
        assert!(migrate(&connection, &broken).is_err());
        let tables =
            first(&connection, "SELECT count(*) FROM sqlite_schema", (), |row| Ok(row.get::<_, u32>(0)?))
                .expect("a count");
        assert_eq!((tables, version(&connection).expect("works")), (Some(1), 1));
    }

    #[test]
    fn a_file_that_is_no_database_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("catalog.sqlite");
        std::fs::write(&path, vec![b'x'; 8192]).expect("a file");
        assert!(matches!(Catalog::open(&path).err(), Some(OpenError::Database(_))));
    }
}
