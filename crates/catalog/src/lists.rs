//! Images, many at a time.

use super::images::{COLUMNS, parse};
use super::rows::all;
use super::{Catalog, CatalogError, CreatorFilter, ListCursor, SortOrder};
use safelight_domain::account::AccountId;
use safelight_domain::image::{Creator, Image};

/// Most images in one list, whatever was asked for (Cloudflare's limit).
pub const MAX_LIST: u32 = 10_000;

impl Catalog {
    /// Page `page` (from 1) of the newest images first, at most [`MAX_LIST`]. Late pages cost more
    /// than early ones, and an upload in between moves every page; see [`Catalog::images_after`].
    pub async fn image_page(
        &self,
        account: &AccountId,
        filter: CreatorFilter,
        page: u64,
        per_page: u32,
    ) -> Result<Vec<Image>, CatalogError> {
        let account = account.clone();
        let limit = per_page.min(MAX_LIST);
        let offset = page.saturating_sub(1).saturating_mul(u64::from(limit));
        let offset = i64::try_from(offset).unwrap_or(i64::MAX);
        let (filter, creator) = filter_sql(filter);
        let sql = format!(
            "SELECT {COLUMNS} FROM images WHERE account = ?1 AND {filter}
             ORDER BY uploaded_ms DESC, id DESC LIMIT ?3 OFFSET ?4"
        );
        self.inner
            .readers
            .read(move |connection| {
                let creator = creator.as_ref().map(Creator::as_str);
                all(connection, &sql, (account.as_str(), creator, limit, offset), parse)
            })
            .await
    }

    /// The images after `after`, at most `limit` and [`MAX_LIST`]. Each image that is there all the
    /// while is listed exactly once, whatever is inserted and deleted between the pages.
    pub async fn images_after(
        &self,
        account: &AccountId,
        filter: CreatorFilter,
        order: SortOrder,
        after: Option<ListCursor>,
        limit: u32,
    ) -> Result<Vec<Image>, CatalogError> {
        let account = account.clone();
        let (filter, creator) = filter_sql(filter);
        let (direction, beyond) = match order {
            SortOrder::Ascending => ("ASC", ">"),
            SortOrder::Descending => ("DESC", "<"),
        };
        let start = match after {
            Some(_) => format!("(uploaded_ms, id) {beyond} (?4, ?5)"),
            None => "?4 IS NULL AND ?5 IS NULL".to_owned(),
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM images WHERE account = ?1 AND {filter} AND {start}
             ORDER BY uploaded_ms {direction}, id {direction} LIMIT ?3"
        );
        self.inner
            .readers
            .read(move |connection| {
                let creator = creator.as_ref().map(Creator::as_str);
                let uploaded_ms = after.as_ref().map(|after| after.uploaded_ms);
                let id = after.as_ref().map(|after| after.id.as_str());
                let limit = limit.min(MAX_LIST);
                all(connection, &sql, (account.as_str(), creator, limit, uploaded_ms, id), parse)
            })
            .await
    }
}

/// A condition that uses parameter 2 in every case, and that parameter.
fn filter_sql(filter: CreatorFilter) -> (&'static str, Option<Creator>) {
    match filter {
        CreatorFilter::Any => ("?2 IS NULL", None),
        CreatorFilter::Unset => ("creator IS ?2", None),
        CreatorFilter::Is(creator) => ("creator = ?2", Some(creator)),
    }
}

#[cfg(test)]
#[path = "lists_tests.rs"]
mod tests;
