//! Images that pass filters, page by page.
//!
//! One condition leads: its index gives candidates in the order of the list, and each is looked up in
//! the indices of the other conditions. The condition with the fewest images leads, as far as that can
//! be counted in a moment. Where candidates are many and matches rare, a page ends early and the next
//! one goes on behind it, so that no page takes long.

use super::conditions::{Condition, List, RangeLead, Sql};
use super::images::find;
use super::metadata::{find_field, stored};
use super::{Catalog, CatalogError, CreatorFilter, ListCursor, MAX_LIST, SortOrder};
use rusqlite::{CachedStatement, Connection, Rows, params_from_iter};
use safelight_domain::account::AccountId;
use safelight_domain::image::{Image, ImageId};
use safelight_domain::metadata_filter::{MetadataFilter, MetadataTest};

/// Bounds on the work for one page.
#[derive(Clone, Copy)]
struct Bounds {
    /// Images that each condition is counted up to, and that a range is sorted up to.
    few: u32,
    /// Candidates looked at before a page ends early.
    examined: usize,
}

/// Each of the two takes some tenths of a second at most.
const BOUNDS: Bounds = Bounds { few: 50_000, examined: 50_000 };

/// A page of images that match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matching {
    /// In the order of the list. Maybe fewer than asked for, even none, also when there are more.
    pub images: Vec<Image>,
    /// Where the next page begins; `None` when nothing is left.
    pub next: Option<ListCursor>,
}

impl Catalog {
    /// The images after `after` that have the creator and pass every filter, at most `limit` and
    /// [`MAX_LIST`]. Paging is as exact as that of [`Catalog::images_after`].
    pub async fn images_matching(
        &self,
        account: &AccountId,
        creator: CreatorFilter,
        filters: Vec<MetadataFilter>,
        order: SortOrder,
        after: Option<ListCursor>,
        limit: u32,
    ) -> Result<Matching, CatalogError> {
        let list = List { account: account.clone(), order, after };
        let limit = usize::try_from(limit.min(MAX_LIST)).unwrap_or(usize::MAX);
        let read =
            move |connection: &Connection| matching(connection, &list, creator, &filters, limit, BOUNDS);
        self.inner.readers.read(read).await
    }
}

fn matching(
    connection: &Connection,
    list: &List,
    creator: CreatorFilter,
    filters: &[MetadataFilter],
    limit: usize,
    bounds: Bounds,
) -> Result<Matching, CatalogError> {
    // All queries of a page see the same moment.
    let moment = connection.unchecked_transaction()?;
    let Some(conditions) = conditions(&moment, &list.account, creator, filters)? else {
        return Ok(Matching { images: Vec::new(), next: None });
    };
    let queries = plan(&moment, list, conditions, bounds.few)?;
    let (places, next) = search(&moment, queries, list.order, limit, bounds)?;
    let mut images = Vec::with_capacity(places.len());
    for place in places {
        images.extend(find(&moment, &(list.account.clone(), place.id))?);
    }
    Ok(Matching { images, next })
}

/// `None` when a filter is for a field that no image has.
fn conditions(
    connection: &Connection,
    account: &AccountId,
    creator: CreatorFilter,
    filters: &[MetadataFilter],
) -> Result<Option<Vec<Condition>>, CatalogError> {
    let mut conditions = Vec::with_capacity(filters.len() + 1);
    for filter in filters {
        let Some(field) = find_field(connection, account, &filter.path)? else { return Ok(None) };
        conditions.push(match &filter.test {
            MetadataTest::AnyOf(values) => {
                Condition::AnyOf { field, values: values.iter().map(stored).collect() }
            }
            MetadataTest::Range { low, high } => Condition::Range { field, low: *low, high: *high },
        });
    }
    match creator {
        CreatorFilter::Any => {}
        CreatorFilter::Unset => conditions.push(Condition::Creator(None)),
        CreatorFilter::Is(creator) => conditions.push(Condition::Creator(Some(creator))),
    }
    Ok(Some(conditions))
}

/// The queries whose rows, merged, are the candidates in the order of the list.
fn plan(
    connection: &Connection,
    list: &List,
    mut conditions: Vec<Condition>,
    few: u32,
) -> Result<Vec<Sql>, CatalogError> {
    // A lone value or creator leads however many images have it.
    let only = matches!(conditions[..], [Condition::AnyOf { .. } | Condition::Creator(_)]);
    let most = if only { 0 } else { few.saturating_add(1) };
    let mut best = None;
    for (index, condition) in conditions.iter().enumerate() {
        // Of conditions with many images a range leads last: it is walked past what it leaves out.
        let rank = match condition {
            Condition::AnyOf { .. } => 0,
            Condition::Creator(_) => 1,
            Condition::Range { .. } => 2,
        };
        let choice = (condition.count(connection, &list.account, most)?, rank, index);
        if best.is_none_or(|best| choice < best) {
            best = Some(choice);
        }
    }
    let Some((count, _, index)) = best else { return Ok(Vec::new()) };
    let leader = conditions.swap_remove(index);
    let range = if count <= few { RangeLead::Sorted } else { RangeLead::Walked };
    Ok(leader.lead(&conditions, list, range))
}

/// The places of the images of a page, and where the next one begins.
fn search(
    connection: &Connection,
    queries: Vec<Sql>,
    order: SortOrder,
    limit: usize,
    bounds: Bounds,
) -> Result<(Vec<ListCursor>, Option<ListCursor>), CatalogError> {
    let mut statements = Vec::with_capacity(queries.len());
    for query in &queries {
        statements.push(connection.prepare_cached(&query.text)?);
    }
    let mut merged = Merged::start(&mut statements, queries, order)?;
    let (mut found, mut examined) = (Vec::new(), 0);
    while let Some((place, matches)) = merged.next()? {
        examined += 1;
        if matches && found.len() >= limit {
            let next = found.last().cloned();
            return Ok((found, next));
        }
        if matches {
            found.push(place.clone());
        }
        if examined >= bounds.examined {
            return Ok((found, Some(place)));
        }
    }
    Ok((found, None))
}

/// A place and whether its image has all conditions.
type Candidate = (ListCursor, bool);

/// The rows of several queries, each in the order of the list, as one list.
struct Merged<'a> {
    /// The next row of each query, and the rows after it.
    heads: Vec<(Option<Candidate>, Rows<'a>)>,
    order: SortOrder,
}

impl<'a> Merged<'a> {
    fn start(
        statements: &'a mut [CachedStatement<'_>],
        queries: Vec<Sql>,
        order: SortOrder,
    ) -> Result<Merged<'a>, CatalogError> {
        let mut heads = Vec::with_capacity(queries.len());
        for (statement, query) in statements.iter_mut().zip(queries) {
            let mut rows = statement.query(params_from_iter(query.values))?;
            heads.push((candidate(&mut rows)?, rows));
        }
        Ok(Merged { heads, order })
    }

    fn next(&mut self) -> Result<Option<Candidate>, CatalogError> {
        let mut first: Option<&mut (Option<Candidate>, Rows<'a>)> = None;
        for head in &mut self.heads {
            let earlier = match (&head.0, first.as_ref().and_then(|first| first.0.as_ref())) {
                (None, _) => false,
                (Some(_), None) => true,
                (Some((this, _)), Some((that, _))) => match self.order {
                    SortOrder::Ascending => place(this) < place(that),
                    SortOrder::Descending => place(this) > place(that),
                },
            };
            if earlier {
                first = Some(head);
            }
        }
        let Some((head, rows)) = first else { return Ok(None) };
        let following = candidate(rows)?;
        Ok(std::mem::replace(head, following))
    }
}

fn place(cursor: &ListCursor) -> (i64, &str) {
    (cursor.uploaded_ms, cursor.id.as_str())
}

fn candidate(rows: &mut Rows<'_>) -> Result<Option<Candidate>, CatalogError> {
    let Some(row) = rows.next()? else { return Ok(None) };
    let id: String = row.get(1)?;
    Ok(Some((ListCursor { uploaded_ms: row.get(0)?, id: ImageId::named(&id) }, row.get(2)?)))
}

#[cfg(test)]
#[path = "matching_tests.rs"]
mod tests;
