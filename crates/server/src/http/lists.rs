//! Lists of images and their count.

use crate::app::App;
use crate::catalog::{CreatorFilter, ListCursor, Matching, SortOrder};
use crate::http::auth::AccountCaller;
use crate::http::envelope::Success;
use crate::http::error::ApiError;
use crate::http::images::{ImageBody, VariantUrls};
use axum::extract::{RawQuery, State};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use safelight_domain::account::AccountId;
use safelight_domain::image::{Creator, Image, ImageId};
use safelight_domain::metadata_filter::{MetadataFilter, is_filter, parse_filters};
use safelight_domain::quota::Bound;
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Page size when none is asked for (Cloudflare's).
const DEFAULT_PER_PAGE: u32 = 1000;

/// `result` of the list v1.
#[derive(Serialize)]
pub(super) struct Page {
    images: Vec<ImageBody>,
}

/// `result` of the list v2; the token is null on the last page.
#[derive(Serialize)]
pub(super) struct Continued {
    images: Vec<ImageBody>,
    continuation_token: Option<String>,
}

/// `GET …/v1`: pages of the newest images first.
pub(super) async fn v1(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    RawQuery(query): RawQuery,
) -> Result<Success<Page>, ApiError> {
    let query = ListQuery::parse(query.as_deref().unwrap_or(""), &["page"])?;
    let page = query.page.unwrap_or(1);
    let images = app.catalog.image_page(caller.account(), query.creator, page, query.per_page).await?;
    Ok(Success(Page { images: bodies(&app, caller.account(), &images).await? }))
}

/// `GET …/v2`: all images in order, page by page, each once also while others are uploaded. With
/// filters by metadata a page may have fewer images than asked for, even none, and a token all the
/// same: it is the last page when the token is null.
pub(super) async fn v2(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    RawQuery(query): RawQuery,
) -> Result<Success<Continued>, ApiError> {
    let query = query.as_deref().unwrap_or("");
    let filters = filters(query)?;
    let query = ListQuery::parse(query, &["sort_order", "continuation_token", FILTERS])?;
    let account = caller.account();
    let Matching { images, next } = if filters.is_empty() {
        let limit = query.per_page + 1;
        let mut images =
            app.catalog.images_after(account, query.creator, query.order, query.after, limit).await?;
        let more = images.len() > query.per_page as usize;
        images.truncate(query.per_page as usize);
        let next = images.last().filter(|_| more).map(place);
        Matching { images, next }
    } else {
        let ListQuery { creator, order, after, per_page, .. } = query;
        app.catalog.images_matching(account, creator, filters, order, after, per_page).await?
    };
    let continuation_token = next.as_ref().map(continuation_token);
    Ok(Success(Continued { images: bodies(&app, account, &images).await?, continuation_token }))
}

/// `GET …/v1/stats`. Without a quota `allowed` is the largest that one could be.
pub(super) async fn stats(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
) -> Result<Success<Value>, ApiError> {
    let room = app.catalog.room(caller.account()).await?;
    let allowed = room.quota.images.most().unwrap_or(Bound::MAX);
    Ok(Success(json!({"count": {"current": room.kept.images, "allowed": allowed}})))
}

async fn bodies(app: &App, account: &AccountId, images: &[Image]) -> Result<Vec<ImageBody>, ApiError> {
    let urls = VariantUrls::of(app, account).await?;
    images.iter().map(|image| ImageBody::new(image, &urls)).collect()
}

/// The parameters of both lists.
struct ListQuery {
    per_page: u32,
    page: Option<u64>,
    creator: CreatorFilter,
    order: SortOrder,
    after: Option<ListCursor>,
}

impl ListQuery {
    fn parse(query: &str, own: &[&str]) -> Result<ListQuery, ApiError> {
        let mut parsed = ListQuery {
            per_page: DEFAULT_PER_PAGE,
            page: None,
            creator: CreatorFilter::Any,
            order: SortOrder::Descending,
            after: None,
        };
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "per_page" => parsed.per_page = per_page(&value)?,
                "creator" => parsed.creator = creator(&value)?,
                "page" if own.contains(&"page") => parsed.page = Some(page(&value)?),
                "sort_order" if own.contains(&"sort_order") => parsed.order = order(&value)?,
                "continuation_token" if own.contains(&"continuation_token") => {
                    parsed.after = (!value.is_empty()).then(|| cursor(&value)).transpose()?;
                }
                name if is_filter(name) && !own.contains(&FILTERS) => {
                    return Err(ApiError::bad_request("metadata filters are for the list /images/v2 alone"));
                }
                _ => {}
            }
        }
        Ok(parsed)
    }
}

/// Stands for every filter by metadata among the parameters that a list has.
const FILTERS: &str = "meta.";

/// The filters by metadata of a query.
pub(super) fn filters(query: &str) -> Result<Vec<MetadataFilter>, ApiError> {
    let parameters: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).collect();
    let parameters: Vec<_> = parameters.iter().map(|(name, value)| (&**name, &**value)).collect();
    parse_filters(&parameters).map_err(ApiError::bad_request)
}

fn per_page(text: &str) -> Result<u32, ApiError> {
    text.parse()
        .ok()
        .filter(|n| (10..=10_000).contains(n))
        .ok_or_else(|| ApiError::bad_request("per_page must be a whole number from 10 to 10000"))
}

fn page(text: &str) -> Result<u64, ApiError> {
    text.parse()
        .ok()
        .filter(|n| (1..=1_000_000_000).contains(n))
        .ok_or_else(|| ApiError::bad_request("page must be a whole number from 1"))
}

fn creator(text: &str) -> Result<CreatorFilter, ApiError> {
    if text.is_empty() {
        return Ok(CreatorFilter::Unset);
    }
    Creator::parse(text).map(CreatorFilter::Is).map_err(|error| ApiError::bad_request(error.to_string()))
}

/// The direction of a list.
pub(super) fn order(text: &str) -> Result<SortOrder, ApiError> {
    match text {
        "asc" => Ok(SortOrder::Ascending),
        "desc" => Ok(SortOrder::Descending),
        _ => Err(ApiError::bad_request("sort_order must be asc or desc")),
    }
}

fn place(image: &Image) -> ListCursor {
    ListCursor { uploaded_ms: image.uploaded_ms, id: image.id.clone() }
}

fn continuation_token(last: &ListCursor) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}:{}", last.uploaded_ms, last.id.as_str()))
}

fn cursor(token: &str) -> Result<ListCursor, ApiError> {
    let refused = || ApiError::bad_request("continuation_token must be one that an earlier page gave");
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| refused())?;
    let text = String::from_utf8(bytes).map_err(|_| refused())?;
    let (uploaded, id) = text.split_once(':').ok_or_else(refused)?;
    Ok(ListCursor { uploaded_ms: uploaded.parse().map_err(|_| refused())?, id: ImageId::named(id) })
}
