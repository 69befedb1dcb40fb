//! Images as their owner looks for them: searched, sorted, and with everything that is known of them.

use crate::app::App;
use crate::catalog::{CreatorFilter, FoundImages, ImageSearch, ImageSort, ListCursor, Matching};
use crate::catalog::{SearchCursor, SortOrder};
use crate::http::auth::AccountCaller;
use crate::http::envelope::Success;
use crate::http::error::ApiError;
use crate::http::images::{VariantUrls, meta, privacy, rfc3339};
use crate::http::lists::{filters, order};
use axum::extract::{RawQuery, State};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use safelight_domain::image::{Image, ImageId, Privacy};
use safelight_domain::image_search::{SearchIn, SearchText};
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

/// Images in an answer when no number is asked for.
const DEFAULT_PER_PAGE: u32 = 100;

/// Longest continuation token in characters: id and file name of four bytes a character fit.
const MAX_TOKEN: usize = 8_192;

/// `result` of [`list`]; the token is null on the last page.
#[derive(Serialize)]
pub(super) struct Page {
    images: Vec<KnownImage>,
    continuation_token: Option<String>,
}

/// An image with what is known of its original.
#[derive(Serialize)]
pub(super) struct KnownImage {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<String>,
    meta: Value,
    uploaded: String,
    #[serde(rename = "requireSignedURLs")]
    require_signed_urls: bool,
    creator: Option<String>,
    bytes: u64,
    width: u32,
    height: u32,
    format: &'static str,
    frames: u32,
    /// For one image alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    variants: Option<Vec<String>>,
}

impl KnownImage {
    fn new(image: &Image) -> Result<KnownImage, ApiError> {
        Ok(KnownImage {
            id: image.id.as_str().to_owned(),
            filename: image.filename.clone(),
            meta: meta(&image.metadata)?,
            uploaded: rfc3339(image.uploaded_ms),
            require_signed_urls: image.privacy == Privacy::RequireSigned,
            creator: image.creator.as_ref().map(|creator| creator.as_str().to_owned()),
            bytes: image.bytes,
            width: image.source.width,
            height: image.source.height,
            format: image.source.format.media_type(),
            frames: image.source.frames,
            variants: None,
        })
    }
}

/// `GET …/images`: a page may have fewer images than asked for, even none, and a token all the same: it
/// is the last page when the token is null.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    RawQuery(query): RawQuery,
) -> Result<Success<Page>, ApiError> {
    let text = query.as_deref().unwrap_or("");
    let filters = filters(text)?;
    let query = SearchQuery::parse(text)?;
    let account = caller.account();
    let FoundImages { images, next } = if filters.is_empty() {
        app.catalog.search_images(account, query.search, query.per_page).await?
    } else {
        let ImageSearch { privacy, order, .. } = query.search;
        let after = query.search.after.clone().map(list_cursor).transpose()?;
        if query.search.text.is_some() || query.search.sort != ImageSort::Uploaded {
            return Err(metadata_filters_stand_alone());
        }
        let any = CreatorFilter::Any;
        let Matching { mut images, next } =
            app.catalog.images_matching(account, any, filters, order, after, query.per_page).await?;
        images.retain(|image| privacy.is_none_or(|privacy| privacy == image.privacy));
        FoundImages { images, next: next.map(|next| SearchCursor::Uploaded(next.uploaded_ms, next.id)) }
    };
    let images = images.iter().map(KnownImage::new).collect::<Result<_, _>>()?;
    Ok(Success(Page { images, continuation_token: next.as_ref().map(token) }))
}

/// `GET …/image?id=`
pub(super) async fn one(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    RawQuery(query): RawQuery,
) -> Result<Success<KnownImage>, ApiError> {
    let id = image_parameter(query.as_deref().unwrap_or(""), "id")?;
    let image = app.catalog.find_image(caller.account(), &id).await?.ok_or_else(ApiError::image_not_found)?;
    let urls = VariantUrls::of(&app, caller.account()).await?;
    Ok(Success(KnownImage { variants: Some(urls.of_image(&id)), ..KnownImage::new(&image)? }))
}

/// The image that a query names.
pub(super) fn image_parameter(query: &str, parameter: &str) -> Result<ImageId, ApiError> {
    url::form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == parameter)
        .map(|(_, id)| ImageId::named(&id))
        .ok_or_else(|| ApiError::bad_request(format!("{parameter} must be the id of an image")))
}

struct SearchQuery {
    search: ImageSearch,
    per_page: u32,
}

impl SearchQuery {
    fn parse(query: &str) -> Result<SearchQuery, ApiError> {
        let (mut text, mut within, mut after) = (None, SearchIn::Any, None);
        let mut search = ImageSearch {
            text: None,
            privacy: None,
            sort: ImageSort::Uploaded,
            order: SortOrder::Descending,
            after: None,
        };
        let mut wanted = DEFAULT_PER_PAGE;
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "search" => text = Some(SearchText::parse(&value).map_err(ApiError::bad_request)?),
                "in" => within = search_in(&value)?,
                "sort" => search.sort = sort(&value)?,
                "sort_order" => search.order = order(&value)?,
                "requireSignedURLs" => search.privacy = Some(privacy(flag(&value)?)),
                "per_page" => wanted = per_page(&value)?,
                "continuation_token" => after = (!value.is_empty()).then(|| cursor(&value)).transpose()?,
                _ => {}
            }
        }
        if after.as_ref().is_some_and(|after| after.sort() != search.sort) {
            return Err(ApiError::bad_request("continuation_token must be one of a list with the same sort"));
        }
        search.text = text.map(|text| (text, within));
        Ok(SearchQuery { search: ImageSearch { after, ..search }, per_page: wanted })
    }
}

fn metadata_filters_stand_alone() -> ApiError {
    ApiError::bad_request(
        "metadata filters cannot be combined with search, nor with a sort other than uploaded",
    )
}

fn list_cursor(cursor: SearchCursor) -> Result<ListCursor, ApiError> {
    match cursor {
        SearchCursor::Uploaded(uploaded_ms, id) => Ok(ListCursor { uploaded_ms, id }),
        _ => Err(metadata_filters_stand_alone()),
    }
}

fn search_in(word: &str) -> Result<SearchIn, ApiError> {
    SearchIn::parse(word).ok_or_else(|| {
        let words = SearchIn::ALL.map(SearchIn::as_str).join(", ");
        ApiError::bad_request(format!("in must be one of {words}"))
    })
}

fn sort(word: &str) -> Result<ImageSort, ApiError> {
    match word {
        "uploaded" => Ok(ImageSort::Uploaded),
        "id" => Ok(ImageSort::Id),
        "filename" => Ok(ImageSort::Filename),
        "bytes" => Ok(ImageSort::Bytes),
        _ => Err(ApiError::bad_request("sort must be one of uploaded, id, filename, bytes")),
    }
}

fn flag(word: &str) -> Result<bool, ApiError> {
    word.parse().map_err(|_| ApiError::bad_request("requireSignedURLs must be true or false"))
}

fn per_page(text: &str) -> Result<u32, ApiError> {
    text.parse()
        .ok()
        .filter(|n| (10..=1_000).contains(n))
        .ok_or_else(|| ApiError::bad_request("per_page must be a whole number from 10 to 1000"))
}

/// The sort, what the last image is sorted by, and its id. A file name may have any character, so its
/// length in bytes comes first.
fn token(last: &SearchCursor) -> String {
    URL_SAFE_NO_PAD.encode(match last {
        SearchCursor::Uploaded(ms, id) => format!("uploaded:{ms}:{}", id.as_str()),
        SearchCursor::Id(id) => format!("id:{}", id.as_str()),
        SearchCursor::Filename(name, id) => format!("filename:{}:{name}{}", name.len(), id.as_str()),
        SearchCursor::Bytes(bytes, id) => format!("bytes:{bytes}:{}", id.as_str()),
    })
}

fn cursor(token: &str) -> Result<SearchCursor, ApiError> {
    let parsed = (token.len() <= MAX_TOKEN)
        .then(|| URL_SAFE_NO_PAD.decode(token).ok())
        .flatten()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| cursor_of(&text));
    parsed.ok_or_else(|| ApiError::bad_request("continuation_token must be one that an earlier page gave"))
}

fn cursor_of(text: &str) -> Option<SearchCursor> {
    let (sort, rest) = text.split_once(':')?;
    if sort == "id" {
        return Some(SearchCursor::Id(ImageId::named(rest)));
    }
    let (number, rest) = rest.split_once(':')?;
    match sort {
        "uploaded" => Some(SearchCursor::Uploaded(number.parse().ok()?, ImageId::named(rest))),
        "bytes" => Some(SearchCursor::Bytes(number.parse().ok()?, ImageId::named(rest))),
        "filename" => {
            let (name, id) = rest.split_at_checked(number.parse().ok()?)?;
            Some(SearchCursor::Filename(name.to_owned(), ImageId::named(id)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_bring_back_the_place_that_they_were_made_of() {
        let long = ImageId::named(&"\u{1F5BC}".repeat(ImageId::MAX_CHARS));
        for place in [
            SearchCursor::Uploaded(-5, ImageId::named("a:b")),
            SearchCursor::Id(ImageId::named("a:b/c")),
            SearchCursor::Filename("ü: 5:x\u{202E}".to_owned(), ImageId::named("i")),
            SearchCursor::Filename(String::new(), ImageId::named("i")),
            SearchCursor::Filename("\u{1F5BC}".repeat(255), long.clone()),
            SearchCursor::Bytes(u64::MAX, long),
        ] {
            let token = token(&place);
            assert!(token.len() <= MAX_TOKEN, "{}", token.len());
            assert_eq!(cursor(&token).expect("is read"), place);
        }
    }

    #[test]
    fn other_tokens_are_refused() {
        let encoded = |text: &str| URL_SAFE_NO_PAD.encode(text);
        for token in [
            "%".to_owned(),
            encoded(""),
            encoded("uploaded:x:i"),
            encoded("bytes:-1:i"),
            encoded("colour:1:i"),
            encoded("filename:1:ü"),
            encoded("filename:9:x"),
            URL_SAFE_NO_PAD.encode([0xFF]),
            encoded(&format!("id:{}", "x".repeat(MAX_TOKEN))),
        ] {
            assert!(cursor(&token).is_err(), "{token}");
        }
    }
}
