//! Whether counters and indices agree with the rows that they are made of, and the way back where they do not.

use super::copy::{drop_rows, fill_backlog, index, writer};
use super::database::{Connection, Dialect, Purpose, Row};
use super::images::{COLUMNS, parse};
use super::rows::{all, any, change, first};
use super::{CatalogError, CatalogPlace, CopyRowsError, StoredRow, metadata};
use safelight_domain::image::Image;

/// Images that are looked at together.
const PAGE: usize = 500;

/// The counters of an account, and what each counts.
const COUNTERS: [(&str, &str); 7] = [
    ("images", "SELECT count(*) FROM images"),
    ("original_bytes", "SELECT CAST(coalesce(sum(bytes), 0) AS BIGINT) FROM images"),
    ("renditions", "SELECT count(*) FROM renditions"),
    ("rendition_bytes", "SELECT CAST(coalesce(sum(bytes), 0) AS BIGINT) FROM renditions"),
    ("levels", "SELECT count(*) FROM levels"),
    ("level_bytes", "SELECT CAST(coalesce(sum(bytes), 0) AS BIGINT) FROM levels"),
    ("drafts", "SELECT count(*) FROM drafts"),
];

/// A catalog that nobody else has open.
pub struct Examiner(Box<dyn Connection + Send>);

/// A counter that does not agree with the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongCounter {
    /// Whose.
    pub account: String,
    /// Its column.
    pub counter: &'static str,
    /// What it says.
    pub kept: i64,
    /// What there is.
    pub counted: i64,
}

/// What the indices lack, and what they have of images that are not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexFaults {
    /// Images that no search finds.
    pub unsearchable: i64,
    /// Entries of searches without an image.
    pub search_surplus: i64,
    /// Values of metadata that no filter finds.
    pub unfilterable: i64,
    /// Values of metadata without an image.
    pub filter_surplus: i64,
}

impl Examiner {
    /// Opens a catalog of this program's version. Blocks, as everything here does.
    ///
    /// # Errors
    /// When there is none.
    pub fn open(place: &CatalogPlace) -> Result<Examiner, CopyRowsError> {
        Ok(Examiner(writer(place)?))
    }

    /// What the database's clock says in milliseconds since 1970; `None` where it has none of its own.
    ///
    /// # Errors
    /// When the database fails.
    pub fn clock_ms(&self) -> Result<Option<i64>, CatalogError> {
        if self.0.dialect() == Dialect::Sqlite {
            return Ok(None);
        }
        let sql = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)";
        first(&*self.0, sql, (), |row| Ok(row.get(0)?))
    }

    /// Every counter that is wrong.
    ///
    /// # Errors
    /// When the database fails.
    pub fn wrong_counters(&self) -> Result<Vec<WrongCounter>, CatalogError> {
        let mut wrong = Vec::new();
        for (counter, counts) in COUNTERS {
            let sql =
                format!("SELECT account, {counter}, ({}) FROM counters ORDER BY account", of_account(counts));
            let found = all(&*self.0, &sql, (), counts_of)?;
            let differs = found.into_iter().filter(|(_, kept, counted)| kept != counted);
            wrong.extend(differs.map(|(account, kept, counted)| WrongCounter {
                account,
                counter,
                kept,
                counted,
            }));
        }
        Ok(wrong)
    }

    /// Counts anew.
    ///
    /// # Errors
    /// When the database fails; nothing was changed then.
    pub fn recount(&self) -> Result<(), CatalogError> {
        self.changing(|connection| {
            for (counter, counts) in COUNTERS {
                change(connection, &format!("UPDATE counters SET {counter} = ({})", of_account(counts)), ())?;
            }
            Ok(())
        })
    }

    /// Compares the indices with every image. That an image's texts are in the index is seen, and not which.
    ///
    /// # Errors
    /// When the database fails.
    pub fn index_faults(&self) -> Result<IndexFaults, CatalogError> {
        let connection = &*self.0;
        let (mut faults, mut indexed, mut values) = (IndexFaults::default(), 0, 0);
        let sql = format!(
            "SELECT {COLUMNS}, number FROM images WHERE (account, id) > (?1, ?2) ORDER BY account, id LIMIT {PAGE}"
        );
        let (mut account, mut id) = (String::new(), String::new());
        loop {
            let page = all(connection, &sql, (&account, &id), numbered_image)?;
            let Some((last, _)) = page.last() else { break };
            (account, id) = (last.account.as_str().to_owned(), last.id.as_str().to_owned());
            for (image, number) in &page {
                match number {
                    Some(number) if is_searchable(connection, *number)? => indexed += 1,
                    _ => faults.unsearchable += 1,
                }
                let (there, lacking) = metadata::compare(connection, image)?;
                values += there;
                faults.unfilterable += lacking;
            }
        }
        faults.search_surplus = count(connection, "image_search")? - indexed;
        faults.filter_surplus = count(connection, "metadata_values")? - values;
        Ok(faults)
    }

    /// Makes the indices anew. Killed in between, it is ended by the next start of the server.
    ///
    /// # Errors
    /// When the database fails.
    pub fn reindex(&self) -> Result<(), CopyRowsError> {
        self.changing(|connection| {
            for table in
                ["metadata_values", "metadata_zones", "metadata_fields", "metadata_backlog", "image_search"]
            {
                change(connection, &format!("DELETE FROM {table}"), ())?;
            }
            change(connection, "UPDATE images SET number = NULL", ())?;
            fill_backlog(connection)
        })?;
        index(&*self.0)
    }

    /// Drops rows of renditions and levels, which are made again.
    ///
    /// # Errors
    /// When the database fails; nothing was changed then.
    pub fn drop_derived(&self, rows: &[StoredRow]) -> Result<(), CatalogError> {
        let derived = rows.iter().filter(|row| !row.kind.is_original());
        self.changing(|connection| drop_rows(connection, derived))
    }

    fn changing(
        &self,
        changes: impl FnOnce(&dyn Connection) -> Result<(), CatalogError>,
    ) -> Result<(), CatalogError> {
        self.0.begin(Purpose::Write)?;
        let changed = changes(&*self.0).and_then(|()| Ok(self.0.commit()?));
        self.0.leave()?;
        changed
    }
}

impl IndexFaults {
    /// Whether there is none.
    pub fn is_none(self) -> bool {
        self == IndexFaults::default()
    }
}

fn of_account(counts: &str) -> String {
    format!("{counts} WHERE account = counters.account")
}

fn counts_of(row: &Row<'_>) -> Result<(String, i64, i64), CatalogError> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
}

fn numbered_image(row: &Row<'_>) -> Result<(Image, Option<i64>), CatalogError> {
    Ok((parse(row)?, row.get("number")?))
}

fn is_searchable(connection: &dyn Connection, number: i64) -> Result<bool, CatalogError> {
    let sql = connection
        .dialect()
        .pick("SELECT 1 FROM image_search WHERE rowid = ?1", "SELECT 1 FROM image_search WHERE number = ?1");
    any(connection, sql, [number])
}

fn count(connection: &dyn Connection, table: &str) -> Result<i64, CatalogError> {
    let sql = format!("SELECT count(*) FROM {table}");
    Ok(first(connection, &sql, (), |row| Ok(row.get(0)?))?.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{Place, blob, image, new_account};

    #[tokio::test]
    async fn counters_and_indices_that_are_wrong_are_found_and_made_right() {
        let place = Place::new().await;
        let catalog = place.open().await;
        catalog.create_account(new_account('a')).await.expect("a new account");
        for number in 0..3 {
            catalog.insert_image(image('a', &format!("i{number}"), blob(number), 5)).await.expect("new");
        }
        drop(catalog);
        let at = place.catalog();
        let test = move || {
            let examiner = Examiner::open(&at).expect("opens");
            assert_eq!(examiner.wrong_counters().expect("works"), []);
            assert_eq!(examiner.index_faults().expect("works"), IndexFaults::default());
            for damage in [
                "UPDATE counters SET images = 7, original_bytes = 0",
                "DELETE FROM metadata_values WHERE image = 'i1'",
                "UPDATE metadata_values SET image = 'gone' WHERE image = 'i2'",
                "UPDATE images SET number = NULL WHERE id = 'i0'",
            ] {
                change(&*examiner.0, damage, ()).expect("damages");
            }
            let wrong = examiner.wrong_counters().expect("works");
            let seen: Vec<_> = wrong.iter().map(|wrong| (wrong.counter, wrong.kept, wrong.counted)).collect();
            assert_eq!(seen, [("images", 7, 3), ("original_bytes", 0, 3 << 40)]);
            let faults = examiner.index_faults().expect("works");
            let expected =
                IndexFaults { unsearchable: 1, search_surplus: 1, unfilterable: 2, filter_surplus: 1 };
            assert_eq!(faults, expected);
            examiner.recount().expect("works");
            examiner.reindex().expect("works");
            assert_eq!(examiner.wrong_counters().expect("works"), []);
            assert!(examiner.index_faults().expect("works").is_none());
        };
        tokio::task::spawn_blocking(test).await.expect("ends");
    }
}
