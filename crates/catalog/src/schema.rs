//! The schema's version, and the way from an older one to this program's.

use super::OpenError;
use crate::database::{Connection, Purpose};
use crate::rows::first;

/// One text for each version, in order; a published one never changes.
pub(super) const MIGRATIONS: [&str; 15] = [
    include_str!("../migrations/sqlite/0001_accounts.sql"),
    include_str!("../migrations/sqlite/0002_images.sql"),
    include_str!("../migrations/sqlite/0003_jobs.sql"),
    include_str!("../migrations/sqlite/0004_options.sql"),
    include_str!("../migrations/sqlite/0005_config.sql"),
    include_str!("../migrations/sqlite/0006_drafts.sql"),
    include_str!("../migrations/sqlite/0007_metadata_index.sql"),
    include_str!("../migrations/sqlite/0008_sessions.sql"),
    include_str!("../migrations/sqlite/0009_usage.sql"),
    include_str!("../migrations/sqlite/0010_search.sql"),
    include_str!("../migrations/sqlite/0011_history.sql"),
    include_str!("../migrations/sqlite/0012_imports.sql"),
    include_str!("../migrations/sqlite/0013_origins.sql"),
    include_str!("../migrations/sqlite/0014_turn.sql"),
    include_str!("../migrations/sqlite/0015_levels.sql"),
];

/// Brings a database to the version that `migrations` leads to, each step in a transaction of its
/// own. A database of a newer version is refused untouched.
pub(super) fn migrate(connection: &dyn Connection, migrations: &[&str]) -> Result<(), OpenError> {
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

fn step(connection: &dyn Connection, migrations: &[&str]) -> Result<Step, OpenError> {
    let known = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    let found: u32 = first(connection, "PRAGMA user_version", (), |row| Ok(row.get(0)?))?.unwrap_or(0);
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    let Some(migration) = usize::try_from(found).ok().and_then(|index| migrations.get(index)) else {
        return Ok(Step::Last);
    };
    connection.batch(migration)?;
    connection.batch(&format!("PRAGMA user_version = {}; COMMIT", found + 1))?;
    Ok(Step::Taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::change;
    use crate::sqlite::Sqlite;
    use crate::{Catalog, JobKind, JobLine};
    use safelight_domain::image::BlobId;

    fn version(connection: &Sqlite) -> u32 {
        let found = first(connection, "PRAGMA user_version", (), |row| Ok(row.get(0)?));
        found.expect("works").expect("a version")
    }

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
        assert_eq!(version(&Sqlite::writer(&path).expect("a database")) as usize, MIGRATIONS.len());
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
        let broken = ["CREATE TABLE a (x TEXT) STRICT;", "CREATE TABLE b (x TEXT) STRICT; nonsense;"];
        assert!(migrate(&connection, &broken).is_err());
        let tables =
            first(&connection, "SELECT count(*) FROM sqlite_schema", (), |row| Ok(row.get::<_, u32>(0)?))
                .expect("a count");
        assert_eq!((tables, version(&connection)), (Some(1), 1));
    }

    #[test]
    fn a_file_that_is_no_database_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("catalog.sqlite");
        std::fs::write(&path, vec![b'x'; 8192]).expect("a file");
        assert!(matches!(Catalog::open(&path).err(), Some(OpenError::Database(_))));
    }
}
