//! An account on a server that speaks Cloudflare's API.

use super::step::{StepError, get};
use crate::app::App;
use crate::catalog::{ImportFailure, ImportItem, ImportPage, RemoteAccount};
use crate::fetch::{FetchError, Target};
use crate::ingest::shortened;
use safelight_domain::image::{Creator, ImageId, Metadata, Privacy};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Images that a page is asked for. With a hundred variants and ids of a thousand characters, their URLs
/// still fit into [`MAX_ANSWER_BYTES`].
const PER_PAGE: usize = 100;

/// Longest answer in bytes; one for each fetch of an import may be in memory.
const MAX_ANSWER_BYTES: u64 = 32 << 20;

/// Longest token of a page in bytes. Ours hold an id of 1,024 characters.
const MAX_CONTINUATION_BYTES: usize = 16 * 1024;

/// Longest source of a failure in characters.
const MAX_SHOWN_CHARS: usize = 1024;

/// The API of an account.
pub(super) struct Source<'a> {
    app: &'a App,
    /// `…/accounts/{id}/images`, with the token.
    images: Target,
}

#[derive(Deserialize)]
struct Envelope<T> {
    result: T,
}

#[derive(Deserialize)]
struct Stats {
    count: Count,
}

#[derive(Deserialize)]
struct Count {
    current: u64,
}

#[derive(Deserialize)]
struct Variants {
    variants: BTreeMap<String, RemoteVariant>,
}

/// A variant as the source has it.
#[derive(Deserialize)]
pub(super) struct RemoteVariant {
    #[serde(default)]
    pub(super) options: Map<String, Value>,
    #[serde(default, rename = "neverRequireSignedURLs")]
    pub(super) never_require_signed_urls: bool,
}

#[derive(Deserialize)]
struct Page {
    images: Vec<RemoteImage>,
    continuation_token: Option<String>,
}

#[derive(Deserialize)]
struct RemoteImage {
    id: String,
    filename: Option<String>,
    meta: Option<Value>,
    #[serde(rename = "requireSignedURLs")]
    require_signed_urls: Option<bool>,
    creator: Option<String>,
    draft: Option<bool>,
}

impl Source<'_> {
    /// The API of a remote account.
    pub(super) fn new<'a>(app: &'a App, remote: &RemoteAccount) -> Result<Source<'a>, FetchError> {
        let api = Target::parse(remote.api.as_str())?.bearing(&remote.token)?;
        Ok(Source { app, images: api.below(&["accounts", remote.account.as_str(), "images"], &[]) })
    }

    /// How many images there are.
    pub(super) async fn total(&self) -> Result<u64, StepError> {
        let stats: Stats = self.call(&["v1", "stats"], &[]).await?;
        Ok(stats.count.current)
    }

    /// The variants, by name.
    pub(super) async fn variants(&self) -> Result<BTreeMap<String, RemoteVariant>, StepError> {
        let variants: Variants = self.call(&["v1", "variants"], &[]).await?;
        Ok(variants.variants)
    }

    /// A page of the images, the oldest first.
    pub(super) async fn page(&self, continuation: Option<&str>) -> Result<ImportPage, StepError> {
        let per_page = PER_PAGE.to_string();
        let mut query = vec![("per_page", per_page.as_str()), ("sort_order", "asc")];
        query.extend(continuation.map(|token| ("continuation_token", token)));
        let page: Page = self.call(&["v2"], &query).await?;
        let next = page.continuation_token.filter(|token| !token.is_empty());
        if next.as_ref().is_some_and(|token| token.len() > MAX_CONTINUATION_BYTES) {
            return Err(StepError::Answer("its continuation_token is too long"));
        }
        if next.is_some() && next.as_deref() == continuation {
            return Err(StepError::Answer("its list does not go on"));
        }
        if page.images.len() > PER_PAGE {
            return Err(StepError::Answer("its page has more images than were asked for"));
        }
        let mut listed = ImportPage { items: Vec::new(), failures: Vec::new(), continuation: next };
        for image in page.images.into_iter().filter(|image| image.draft != Some(true)) {
            match item(image) {
                Ok(item) => listed.items.push(item),
                Err(failure) => listed.failures.push(failure),
            }
        }
        Ok(listed)
    }

    /// Where the original of an image is.
    pub(super) fn original(&self, id: &str) -> Target {
        self.images.below(&["v1", id, "blob"], &[])
    }

    async fn call<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, &str)]) -> Result<T, StepError> {
        let target = self.images.below(path, query);
        let fetched = get(self.app, target, "application/json", MAX_ANSWER_BYTES).await?;
        let bytes = fetched.body.whole().await?;
        let envelope: Envelope<T> = serde_json::from_slice(&bytes)
            .map_err(|_| StepError::Answer("its answer is not that of Cloudflare's API"))?;
        Ok(envelope.result)
    }
}

/// What is to be brought of an image, if it can be stored here.
fn item(image: RemoteImage) -> Result<ImportItem, ImportFailure> {
    let failure =
        |message: String| ImportFailure { source: image.id.chars().take(MAX_SHOWN_CHARS).collect(), message };
    let id = ImageId::of_other_server(&image.id);
    let id = id.map_err(|error| failure(format!("the ID is invalid: {error}")))?;
    let metadata = match &image.meta {
        None | Some(Value::Null) => Ok(Metadata::default()),
        Some(object @ Value::Object(_)) => {
            Metadata::from_json_object(object.to_string()).map_err(|error| failure(error.to_string()))
        }
        Some(_) => Err(failure("metadata must be a JSON object".to_owned())),
    }?;
    let creator = image.creator.as_deref().filter(|text| !text.is_empty()).map(Creator::parse).transpose();
    Ok(ImportItem {
        number: 0,
        image: id,
        filename: image.filename.as_deref().map(shortened).filter(|name| !name.is_empty()),
        metadata,
        creator: creator.map_err(|error| failure(error.to_string()))?,
        // What does not say that it is public is not.
        privacy: match image.require_signed_urls {
            Some(false) => Privacy::Public,
            Some(true) | None => Privacy::RequireSigned,
        },
        source: image.id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn item_of(image: Value) -> Result<ImportItem, ImportFailure> {
        item(serde_json::from_value(image).expect("an image"))
    }

    #[test]
    fn an_image_keeps_what_the_source_says_of_it() {
        let image = json!({"id": "a/b", "filename": "x\u{7}.png", "meta": {"z": 1, "a": 1.50},
                           "requireSignedURLs": false, "creator": "c", "variants": ["https://x"]});
        let item = item_of(image).expect("an item");
        assert_eq!((item.source.as_str(), item.image.as_str()), ("a/b", "a/b"));
        assert_eq!(
            (item.filename.as_deref(), item.metadata.as_json()),
            (Some("x.png"), r#"{"z":1,"a":1.5}"#)
        );
        assert_eq!((item.privacy, item.creator), (Privacy::Public, Creator::parse("c").ok()));
        // A generated id, and nothing else: private, since nothing says otherwise.
        let item =
            item_of(json!({"id": "2cdc28f0-017a-49c4-9ed7-87056c839010", "creator": ""})).expect("an item");
        assert_eq!((item.privacy, item.creator, item.filename), (Privacy::RequireSigned, None, None));
        assert_eq!(item.metadata, Metadata::default());
    }

    #[test]
    fn what_cannot_be_stored_is_named() {
        for (image, why) in [
            (json!({"id": "a//b"}), "the ID is invalid"),
            (json!({"id": ".."}), "the ID is invalid"),
            (json!({"id": "x".repeat(1025)}), "1 to 1024 characters"),
            (json!({"id": "a", "meta": [1]}), "JSON object"),
            (json!({"id": "a", "meta": {"k": "x".repeat(1024)}}), "at most 1024 bytes"),
            (json!({"id": "a", "creator": "a\nb"}), "creator"),
        ] {
            let failure = item_of(image.clone()).expect_err("refused");
            assert!(failure.message.contains(why), "{image}: {}", failure.message);
            assert!(failure.source.chars().count() <= MAX_SHOWN_CHARS);
        }
    }
}
