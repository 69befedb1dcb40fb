//! Images that pass filters, page by page.
//!
//! One condition leads: its index gives candidates in the order of the list, and each is looked up in
//! the indices of the other conditions. The condition with the fewest images leads, as far as that can
//! be counted in a moment. Where candidates are many and matches rare, a page ends early and the next
//! one goes on behind it, so that no page takes long.

use super::conditions::{CHUNK_GROWTH, Condition, LARGEST_CHUNK, List, RangeLead};
use super::database::{Connection, Row};
use super::images::find_all;
use super::metadata::{find_field, stored};
use super::rows::{all, at_one_moment};
use super::{Catalog, CatalogError, CreatorFilter, ListCursor, MAX_LIST, SortOrder};
use safelight_domain::account::AccountId;
use safelight_domain::image::{Image, ImageId};
use safelight_domain::metadata_filter::{MetadataFilter, MetadataTest};
use std::collections::VecDeque;

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
        let read = move |connection: &dyn Connection| {
            at_one_moment(connection, || matching(connection, &list, creator, &filters, limit, BOUNDS))
        };
        self.inner.readers.read(read).await
    }
}

fn matching(
    connection: &dyn Connection,
    list: &List,
    creator: CreatorFilter,
    filters: &[MetadataFilter],
    limit: usize,
    bounds: Bounds,
) -> Result<Matching, CatalogError> {
    let Some(conditions) = conditions(connection, &list.account, creator, filters)? else {
        return Ok(Matching { images: Vec::new(), next: None });
    };
    let Some(plan) = plan(connection, list, conditions, bounds.few)? else {
        return Ok(Matching { images: Vec::new(), next: None });
    };
    let (places, next) = search(connection, list, &plan, limit, bounds)?;
    let ids: Vec<&str> = places.iter().map(|place| place.id.as_str()).collect();
    Ok(Matching { images: find_all(connection, &list.account, &ids)?, next })
}

/// `None` when a filter is for a field that no image has.
fn conditions(
    connection: &dyn Connection,
    account: &AccountId,
    creator: CreatorFilter,
    filters: &[MetadataFilter],
) -> Result<Option<Vec<Condition>>, CatalogError> {
    let mut conditions = Vec::with_capacity(filters.len() + 1);
    for filter in filters {
        let Some(field) = find_field(connection, account, &filter.path)? else { return Ok(None) };
        conditions.push(match &filter.test {
            MetadataTest::AnyOf(values) => Condition::AnyOf {
                field,
                values: values.iter().map(|value| stored(value, connection.dialect())).collect(),
            },
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

/// How the candidates are found.
struct Plan {
    /// Its index gives them in the order of the list.
    leader: Condition,
    /// They are looked up in these.
    others: Vec<Condition>,
    /// How the leader leads where it is a range.
    range: RangeLead,
}

/// `None` without conditions.
fn plan(
    connection: &dyn Connection,
    list: &List,
    mut conditions: Vec<Condition>,
    few: u32,
) -> Result<Option<Plan>, CatalogError> {
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
    Ok(best.map(|(count, _, index)| {
        let leader = conditions.swap_remove(index);
        let range = if count <= few { RangeLead::Sorted } else { RangeLead::Walked };
        Plan { leader, others: conditions, range }
    }))
}

/// The places of the images of a page, and where the next one begins.
fn search(
    connection: &dyn Connection,
    list: &List,
    plan: &Plan,
    limit: usize,
    bounds: Bounds,
) -> Result<(Vec<ListCursor>, Option<ListCursor>), CatalogError> {
    let first_chunk = match (&plan.leader, plan.range) {
        // Each chunk would sort them all again.
        (Condition::Range { .. }, RangeLead::Sorted) => usize::MAX,
        _ => limit.saturating_add(1),
    };
    let leads = 0..plan.leader.leads();
    let mut leads: Vec<Lead> = leads.map(|which| Lead::new(which, list, first_chunk)).collect();
    let (mut found, mut examined) = (Vec::new(), 0);
    while let Some((place, matches)) = next(connection, plan, list.order, &mut leads)? {
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

/// The candidates of one query of the leader, read a chunk at a time.
struct Lead {
    which: usize,
    /// Begins after the candidates that were read.
    list: List,
    read: VecDeque<Candidate>,
    chunk: usize,
    ended: bool,
}

impl Lead {
    fn new(which: usize, list: &List, chunk: usize) -> Lead {
        Lead { which, list: list.clone(), read: VecDeque::new(), chunk, ended: false }
    }

    /// The next candidate, which stays.
    fn peek(&mut self, connection: &dyn Connection, plan: &Plan) -> Result<Option<&Candidate>, CatalogError> {
        if self.read.is_empty() && !self.ended {
            let query = plan.leader.lead(
                self.which,
                &plan.others,
                &self.list,
                plan.range,
                self.chunk,
                connection.dialect(),
            );
            self.read = all(connection, &query.text, &query.values[..], candidate)?.into();
            self.ended = self.read.len() < self.chunk;
            if let Some((last, _)) = self.read.back() {
                self.list.after = Some(last.clone());
            }
            self.chunk = self.chunk.saturating_mul(CHUNK_GROWTH).min(LARGEST_CHUNK);
        }
        Ok(self.read.front())
    }
}

/// The next candidate of several queries, each in the order of the list, as of one list.
fn next(
    connection: &dyn Connection,
    plan: &Plan,
    order: SortOrder,
    leads: &mut [Lead],
) -> Result<Option<Candidate>, CatalogError> {
    let mut first: Option<(ListCursor, usize)> = None;
    for (index, lead) in leads.iter_mut().enumerate() {
        let Some((this, _)) = lead.peek(connection, plan)? else { continue };
        let earlier = first.as_ref().is_none_or(|(that, _)| match order {
            SortOrder::Ascending => place(this) < place(that),
            SortOrder::Descending => place(this) > place(that),
        });
        if earlier {
            first = Some((this.clone(), index));
        }
    }
    Ok(first.and_then(|(_, index)| leads.get_mut(index)?.read.pop_front()))
}

fn place(cursor: &ListCursor) -> (i64, &str) {
    (cursor.uploaded_ms, cursor.id.as_str())
}

fn candidate(row: &Row<'_>) -> Result<Candidate, CatalogError> {
    let id: String = row.get(1)?;
    Ok((ListCursor { uploaded_ms: row.get(0)?, id: ImageId::named(&id) }, row.get(2)?))
}

#[cfg(test)]
#[path = "matching_tests.rs"]
mod tests;
