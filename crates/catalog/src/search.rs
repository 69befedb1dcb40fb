//! Images that are searched and sorted, page by page.
//!
//! Where few images have the text, the index of texts names them, and they are sorted. Where many have
//! it, or it is too short for the index, the index of the sort is walked and each image looked at: then a
//! page is soon full, and where it is not it ends early and the next one goes on behind it, so that no
//! page takes long.

use super::conditions::{CHUNK_GROWTH, LARGEST_CHUNK};
use super::database::{Connection, Dialect, Value};
use super::images::{COLUMNS, parse};
use super::rows::{all, at_one_moment, first};
use super::search_index::{fields, numbers_of, trigrams};
use super::sql::Sql;
use super::{Catalog, CatalogError, MAX_LIST, SortOrder};
use safelight_domain::account::AccountId;
use safelight_domain::image::{Image, ImageId, Privacy};
use safelight_domain::image_search::{SearchIn, SearchText};

/// Characters of a text that the index can find.
const SHORTEST_INDEXED: usize = 3;

/// Bounds on the work for one page.
#[derive(Clone, Copy)]
struct Bounds {
    /// Images with the text that are sorted.
    few: u32,
    /// Images looked at before a page ends early.
    examined: usize,
}

/// Each of the two takes some tenths of a second at most.
const BOUNDS: Bounds = Bounds { few: 5_000, examined: 50_000 };

/// What a list is sorted by, then by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageSort {
    /// Upload time.
    Uploaded,
    /// Id, byte by byte.
    Id,
    /// File name, byte by byte but for the case of ASCII letters; those without one are first.
    Filename,
    /// Bytes of the original.
    Bytes,
}

/// A place in a sorted list: the last image that was looked at. It belongs to one sort.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchCursor {
    /// In [`ImageSort::Uploaded`].
    Uploaded(i64, ImageId),
    /// In [`ImageSort::Id`].
    Id(ImageId),
    /// In [`ImageSort::Filename`].
    Filename(String, ImageId),
    /// In [`ImageSort::Bytes`].
    Bytes(u64, ImageId),
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct ImageSearch {
    /// What stands in an image's texts, and where; `None` for every image.
    pub text: Option<(SearchText, SearchIn)>,
    /// Only those that are public, or private.
    pub privacy: Option<Privacy>,
    /// In which order.
    pub sort: ImageSort,
    /// In which direction.
    pub order: SortOrder,
    /// From where on; of the same sort.
    pub after: Option<SearchCursor>,
}

/// A page of what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundImages {
    /// In the order of the list. Maybe fewer than asked for, even none, also when there are more.
    pub images: Vec<Image>,
    /// Where the next page begins; `None` when nothing is left.
    pub next: Option<SearchCursor>,
}

impl SearchCursor {
    /// The place of an image.
    pub fn of(image: &Image, sort: ImageSort) -> SearchCursor {
        let id = image.id.clone();
        match sort {
            ImageSort::Uploaded => SearchCursor::Uploaded(image.uploaded_ms, id),
            ImageSort::Id => SearchCursor::Id(id),
            ImageSort::Filename => SearchCursor::Filename(image.filename.clone().unwrap_or_default(), id),
            ImageSort::Bytes => SearchCursor::Bytes(image.bytes, id),
        }
    }

    /// Of which sort it is.
    pub fn sort(&self) -> ImageSort {
        match self {
            SearchCursor::Uploaded(..) => ImageSort::Uploaded,
            SearchCursor::Id(_) => ImageSort::Id,
            SearchCursor::Filename(..) => ImageSort::Filename,
            SearchCursor::Bytes(..) => ImageSort::Bytes,
        }
    }

    /// A value for each column of the sort.
    fn values(&self) -> Vec<Value> {
        let text = |id: &ImageId| Value::Text(id.as_str().to_owned());
        match self {
            SearchCursor::Uploaded(ms, id) => vec![Value::Integer(*ms), text(id)],
            SearchCursor::Id(id) => vec![text(id)],
            SearchCursor::Filename(name, id) => vec![Value::Text(name.to_ascii_lowercase()), text(id)],
            // No stored count is larger.
            SearchCursor::Bytes(bytes, id) => {
                vec![Value::Integer(i64::try_from(*bytes).unwrap_or(i64::MAX)), text(id)]
            }
        }
    }
}

impl ImageSort {
    /// The columns behind the account in the index that has this order.
    fn columns(self) -> &'static [&'static str] {
        match self {
            ImageSort::Uploaded => &["uploaded_ms", "id"],
            ImageSort::Id => &["id"],
            ImageSort::Filename => &["sorted_filename", "id"],
            ImageSort::Bytes => &["bytes", "id"],
        }
    }
}

impl Catalog {
    /// The images after the cursor that have the text and the privacy, at most `limit` and
    /// [`MAX_LIST`]. Each image that is there and unchanged all the while is listed exactly once.
    pub async fn search_images(
        &self,
        account: &AccountId,
        search: ImageSearch,
        limit: u32,
    ) -> Result<FoundImages, CatalogError> {
        let account = account.clone();
        let limit = usize::try_from(limit.min(MAX_LIST)).unwrap_or(usize::MAX);
        let read = move |connection: &dyn Connection| {
            at_one_moment(connection, || page(connection, &account, &search, limit, BOUNDS))
        };
        self.inner.readers.read(read).await
    }
}

fn page(
    connection: &dyn Connection,
    account: &AccountId,
    search: &ImageSearch,
    limit: usize,
    bounds: Bounds,
) -> Result<FoundImages, CatalogError> {
    let named = match &search.text {
        Some((text, within)) if text.folded().chars().count() >= SHORTEST_INDEXED => {
            let Some(numbers) = numbers_of(connection, account)? else {
                return Ok(FoundImages { images: Vec::new(), next: None });
            };
            let (text, within) = (text.clone(), *within);
            let named = Named { text, within, low: *numbers.start(), high: *numbers.end() };
            (named.count(connection, bounds.few.saturating_add(1))? <= bounds.few).then_some(named)
        }
        _ => None,
    };
    let (mut images, mut examined) = (Vec::new(), 0);
    let mut after = search.after.clone();
    let mut chunk = limit.saturating_add(1);
    loop {
        let candidates =
            candidates(account, search, after.as_ref(), named.as_ref(), chunk, connection.dialect());
        let found = all(connection, &candidates.text, &candidates.values[..], parse)?;
        let ends = found.len() < chunk;
        after = found.last().map(|last| SearchCursor::of(last, search.sort));
        for image in found {
            examined += 1;
            let matches = search.privacy.is_none_or(|privacy| privacy == image.privacy)
                && search.text.as_ref().is_none_or(|(text, within)| fields(&image).have(text, *within));
            if matches && images.len() >= limit {
                let next = images.last().map(|last| SearchCursor::of(last, search.sort));
                return Ok(FoundImages { images, next });
            }
            let place = (examined >= bounds.examined).then(|| SearchCursor::of(&image, search.sort));
            if matches {
                images.push(image);
            }
            if place.is_some() {
                return Ok(FoundImages { images, next: place });
            }
        }
        if ends {
            return Ok(FoundImages { images, next: None });
        }
        chunk = chunk.saturating_mul(CHUNK_GROWTH).min(LARGEST_CHUNK);
    }
}

/// Images of an account that the index of texts names; with PostgreSQL maybe more than have the text.
pub(super) struct Named {
    /// What they have.
    pub text: SearchText,
    /// Where.
    pub within: SearchIn,
    /// Of the account's numbers.
    pub low: i64,
    /// The same.
    pub high: i64,
}

impl Named {
    /// How many there are, counted no further than `most`.
    fn count(&self, connection: &dyn Connection, most: u32) -> Result<u32, CatalogError> {
        let mut sql = Sql::default();
        sql.add("SELECT count(*) FROM (SELECT 1 FROM image_search WHERE ");
        sql.append(self.condition(connection.dialect()));
        sql.add(" LIMIT ").bind(Value::Integer(i64::from(most))).add(") AS named");
        let count = first(connection, &sql.text, &sql.values[..], |row| Ok(row.get(0)?))?;
        Ok(count.unwrap_or(0))
    }

    /// What a row of the index must be like.
    pub(super) fn condition(&self, dialect: Dialect) -> Sql {
        let mut sql = Sql::default();
        match dialect {
            Dialect::Sqlite => {
                sql.add("image_search MATCH ").bind(Value::Text(expression(&self.text, self.within)));
                sql.add(" AND rowid BETWEEN ");
            }
            Dialect::Postgres => {
                let fields = ["id", "filename", "creator", "metadata"].into_iter();
                let fields =
                    fields.filter(|field| self.within == SearchIn::Any || self.within.as_str() == *field);
                for (index, field) in fields.enumerate() {
                    sql.add(if index == 0 { "(" } else { " OR " }).add(field);
                    sql.add(" @> CAST(string_to_array(").bind(Value::Text(trigrams(self.text.folded())));
                    sql.add(", ',') AS BIGINT[])");
                }
                sql.add(") AND number BETWEEN ");
            }
        }
        sql.bind(Value::Integer(self.low)).add(" AND ").bind(Value::Integer(self.high));
        sql
    }
}

/// A text as one phrase, so that nothing in it is syntax.
fn expression(text: &SearchText, within: SearchIn) -> String {
    let phrase = format!("\"{}\"", text.folded().replace('"', "\"\""));
    match within {
        SearchIn::Any => phrase,
        column => format!("{} : {phrase}", column.as_str()),
    }
}

/// The next candidates of a page in the order of the list.
fn candidates(
    account: &AccountId,
    search: &ImageSearch,
    after: Option<&SearchCursor>,
    named: Option<&Named>,
    most: usize,
    dialect: Dialect,
) -> Sql {
    let columns = search.sort.columns();
    let (direction, beyond) = match search.order {
        SortOrder::Ascending => ("ASC", ">"),
        SortOrder::Descending => ("DESC", "<"),
    };
    let index = if named.is_some() { "INDEXED BY images_by_number" } else { "" };
    let mut sql = Sql::default();
    sql.add(&format!("SELECT {COLUMNS} FROM images {index} WHERE account = "));
    sql.bind(Value::Text(account.as_str().to_owned()));
    if let Some(named) = named {
        let number = dialect.pick("rowid", "number");
        sql.add(&format!(" AND number IN (SELECT {number} FROM image_search WHERE "));
        sql.append(named.condition(dialect)).add(")");
    }
    if let Some(after) = after {
        sql.add(&format!(" AND ({}) {beyond} (", columns.join(", ")));
        sql.list(after.values()).add(")");
    }
    let order: Vec<String> = columns.iter().map(|column| format!("{column} {direction}")).collect();
    sql.add(&format!(" ORDER BY {} LIMIT ", order.join(", "))).bind_count(most);
    sql
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
