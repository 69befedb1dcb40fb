//! Images, many at a time.

use super::database::Value;
use super::images::{COLUMNS, parse};
use super::rows::all;
use super::sql::Sql;
use super::{Catalog, CatalogError, CreatorFilter, ListCursor, SortOrder};
use safelight_domain::account::AccountId;
use safelight_domain::image::Image;

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
        let limit = per_page.min(MAX_LIST);
        let offset = page.saturating_sub(1).saturating_mul(u64::from(limit));
        let mut sql = query(account, filter, SortOrder::Descending, None, limit);
        sql.add(" OFFSET ").bind(Value::Integer(i64::try_from(offset).unwrap_or(i64::MAX)));
        self.listed(sql).await
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
        self.listed(query(account, filter, order, after, limit.min(MAX_LIST))).await
    }

    async fn listed(&self, sql: Sql) -> Result<Vec<Image>, CatalogError> {
        self.inner.readers.read(move |connection| all(connection, &sql.text, &sql.values[..], parse)).await
    }
}

/// The first `limit` images of a list.
fn query(
    account: &AccountId,
    filter: CreatorFilter,
    order: SortOrder,
    after: Option<ListCursor>,
    limit: u32,
) -> Sql {
    let mut sql = Sql::default();
    sql.add(&format!("SELECT {COLUMNS} FROM images WHERE account = "));
    sql.bind(Value::Text(account.as_str().to_owned()));
    match filter {
        CreatorFilter::Any => &mut sql,
        CreatorFilter::Unset => sql.add(" AND creator IS NULL"),
        CreatorFilter::Is(creator) => {
            sql.add(" AND creator = ").bind(Value::Text(creator.as_str().to_owned()))
        }
    };
    let (direction, beyond) = match order {
        SortOrder::Ascending => ("ASC", ">"),
        SortOrder::Descending => ("DESC", "<"),
    };
    if let Some(after) = after {
        let place = vec![Value::Integer(after.uploaded_ms), Value::Text(after.id.as_str().to_owned())];
        sql.add(&format!(" AND (uploaded_ms, id) {beyond} (")).list(place).add(")");
    }
    sql.add(&format!(" ORDER BY uploaded_ms {direction}, id {direction} LIMIT "));
    sql.bind(Value::Integer(i64::from(limit)));
    sql
}

#[cfg(test)]
#[path = "lists_tests.rs"]
mod tests;
