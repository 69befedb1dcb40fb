//! A bucket whose owner is a stranger: what it has, and its objects.
//!
//! Its endpoint is named by a request, so everything goes through the guard of [`crate::fetch`], and nothing is followed.
//! Keys are asked for as they are listed, also those that `object_store` would not write.

use super::step::StepError;
use crate::app::App;
use crate::catalog::{BucketPlace, MigrationObject, MigrationPage};
use crate::fetch::{Body, FetchError, Fetched, Target};
use http::{HeaderMap, Request, StatusCode, header};
use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::client::HttpRequestBody;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use safelight_domain::import::Setback;
use safelight_domain::sourcing::{ListedObject, Plan};
use serde::Deserialize;
use url::Url;

/// Keys of a page; stores give no more.
const PAGE: usize = 1_000;

/// Longest list in bytes: as many keys of 1,024 bytes, each encoded, fit.
const MAX_LIST_BYTES: u64 = 8 << 20;

/// Bytes that are read of a refusal.
const MAX_REFUSAL_BYTES: usize = 16 << 10;

/// What stores say of a refusal. Other words are not repeated: the endpoint may be anything.
const CODES: [&str; 18] = [
    "AccessDenied",
    "AllAccessDisabled",
    "AuthorizationHeaderMalformed",
    "ExpiredToken",
    "IllegalLocationConstraintException",
    "InternalError",
    "InvalidAccessKeyId",
    "InvalidBucketName",
    "InvalidObjectState",
    "InvalidToken",
    "NoSuchBucket",
    "NoSuchKey",
    "PermanentRedirect",
    "RequestTimeTooSkewed",
    "ServiceUnavailable",
    "SignatureDoesNotMatch",
    "SlowDown",
    "TemporaryRedirect",
];

/// Those that no other request of the same bucket would fare better with.
const OF_THE_BUCKET: [&str; 9] = [
    "AllAccessDisabled",
    "AuthorizationHeaderMalformed",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "NoSuchBucket",
    "PermanentRedirect",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
];

/// Everything that signatures have encoded.
const ENCODED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Why a bucket cannot be read. All of it is for the public.
#[derive(Debug)]
pub struct Unreadable {
    /// For programs.
    pub code: &'static str,
    /// For people.
    pub reason: String,
    /// Whether it is this server that has too much to do.
    pub is_busy: bool,
}

/// Where the buckets of a region of AWS are.
pub fn aws_endpoint(region: &str) -> Option<Url> {
    Url::parse(&format!("https://s3.{region}.amazonaws.com")).ok()
}

/// The region in which AWS has a bucket, if it tells.
pub async fn region_of_bucket(app: &App, bucket: &str) -> Option<String> {
    let url = format!("https://s3.amazonaws.com/{}", utf8_percent_encode(bucket, &ENCODED));
    let answer =
        app.fetch.get_here(&Target::parse(&url).ok()?, &HeaderMap::new(), MAX_LIST_BYTES).await.ok()?;
    Some(answer.headers.get("x-amz-bucket-region")?.to_str().ok()?.to_owned())
}

/// Asks a bucket for its list.
///
/// # Errors
/// When there is none.
pub async fn check_bucket(app: &App, place: &BucketPlace) -> Result<(), Unreadable> {
    let bucket = Bucket { app, place };
    bucket.list("", None, 1).await.map(drop).map_err(|error| Unreadable {
        code: match &error {
            StepError::Store { code: Some(code), .. } => code,
            StepError::Store { .. } | StepError::Status { .. } => "UnexpectedStatus",
            StepError::Fetch(FetchError::Busy) | StepError::Busy => "Busy",
            StepError::Fetch(_) => "Unreachable",
            _ => "UnexpectedAnswer",
        },
        reason: error.to_string(),
        is_busy: matches!(error, StepError::Fetch(FetchError::Busy) | StepError::Busy),
    })
}

/// A bucket, and what opens it.
#[derive(Clone, Copy)]
pub(super) struct Bucket<'a> {
    pub(super) app: &'a App,
    pub(super) place: &'a BucketPlace,
}

#[derive(Deserialize)]
struct List {
    #[serde(rename = "IsTruncated")]
    is_truncated: bool,
    #[serde(rename = "EncodingType")]
    encoding: Option<String>,
    #[serde(default, rename = "Contents")]
    contents: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "Key")]
    key: String,
    #[serde(rename = "Size")]
    bytes: u64,
    #[serde(rename = "StorageClass")]
    storage_class: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(rename = "Code")]
    code: String,
}

impl Bucket<'_> {
    /// The page of a plan's objects that follows a key.
    pub(super) async fn page(&self, plan: &Plan, after: Option<&str>) -> Result<MigrationPage, StepError> {
        let prefix = plan.listing_prefix();
        let list = self.list(&prefix, after, PAGE).await?;
        judged(list, plan, &prefix, after, self.app.config.max_upload_bytes)
    }

    /// An object of at most `max_bytes`.
    pub(super) async fn object(&self, key: &str, max_bytes: u64) -> Result<Fetched, StepError> {
        self.get(key, "", max_bytes).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, most: usize) -> Result<List, StepError> {
        let encoded = |text| utf8_percent_encode(text, &ENCODED);
        let mut query = format!("list-type=2&encoding-type=url&max-keys={most}&prefix={}", encoded(prefix));
        if let Some(after) = after {
            query.push_str(&format!("&start-after={}", encoded(after)));
        }
        let answer = self.get("", &query, MAX_LIST_BYTES).await?;
        parse_list(&answer.body.whole().await?)
    }

    /// Gets a key, or the bucket itself, by a signed request.
    async fn get(&self, key: &str, query: &str, max_bytes: u64) -> Result<Fetched, StepError> {
        let target = target(self.place, key, query)?;
        let headers = signed(self.place, target.url())?;
        let answer = self.app.fetch.get_here(&target, &headers, max_bytes).await?;
        if answer.status == StatusCode::OK {
            return Ok(answer);
        }
        let (status, code) = (answer.status, code(answer.body).await);
        let retry_after = answer.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let setback = match code {
            Some("SlowDown") => Setback::Busy { retry_after: None },
            _ => Setback::of_status(status.as_u16(), retry_after),
        };
        Err(StepError::Store { status, code, setback })
    }
}

/// Whether an error is of the bucket or its secret, so that nothing more can be brought.
pub(super) fn is_of_the_bucket(error: &StepError) -> bool {
    matches!(error, StepError::Store { code: Some(code), .. } if OF_THE_BUCKET.contains(code))
}

/// Where a key is, every segment as it is.
fn target(place: &BucketPlace, key: &str, query: &str) -> Result<Target, StepError> {
    let encoded = |text| utf8_percent_encode(text, &ENCODED).to_string();
    let mut path = format!("/{}", encoded(&place.bucket));
    if !key.is_empty() {
        key.split('/').for_each(|segment| path.extend(["/", &encoded(segment)]));
    }
    let origin = place.endpoint.as_str().trim_end_matches('/');
    let question = if query.is_empty() { "" } else { "?" };
    let target = Target::parse(&format!("{origin}{path}{question}{query}"))?;
    // Such as '.' and '..': they would lead elsewhere.
    if target.url().path() != path {
        return Err(StepError::Answer("its key cannot be a path"));
    }
    Ok(target)
}

/// The headers that open a URL, signed at the time of this machine.
fn signed(place: &BucketPlace, url: &Url) -> Result<HeaderMap, StepError> {
    let credential = AwsCredential {
        key_id: place.access_key_id.clone(),
        secret_key: place.secret_access_key.clone(),
        token: place.session_token.clone(),
    };
    let internal = |error: Box<dyn std::error::Error + Send + Sync>| StepError::Internal(error);
    let request = Request::get(url.as_str()).body(HttpRequestBody::empty());
    let mut request = request.map_err(|error| internal(error.into()))?;
    AwsAuthorizer::new(&credential, "s3", &place.region)
        .try_authorize(&mut request, None)
        .map_err(|error| internal(error.into()))?;
    Ok(request.into_parts().0.headers)
}

/// The known word of a refusal.
async fn code(mut body: Body) -> Option<&'static str> {
    let mut text = Vec::new();
    while text.len() < MAX_REFUSAL_BYTES
        && let Ok(Some(piece)) = body.next().await
    {
        text.extend_from_slice(&piece);
    }
    let refusal: Refusal = quick_xml::de::from_str(std::str::from_utf8(&text).ok()?).ok()?;
    CODES.into_iter().find(|known| *known == refusal.code)
}

fn parse_list(bytes: &[u8]) -> Result<List, StepError> {
    let refused = StepError::Answer("its answer is no list of a bucket");
    let Ok(text) = std::str::from_utf8(bytes) else { return Err(refused) };
    let Ok(mut list) = quick_xml::de::from_str::<List>(text) else { return Err(refused) };
    if list.contents.len() > PAGE {
        return Err(StepError::Answer("its list has more keys than were asked for"));
    }
    if list.encoding.as_deref() == Some("url") {
        for listed in &mut list.contents {
            // As in forms, where a plus is a space.
            let spaced = listed.key.replace('+', " ");
            let decoded = percent_decode_str(&spaced).decode_utf8();
            let decoded = decoded.map_err(|_| StepError::Answer("its list has a key that is not UTF-8"))?;
            listed.key = decoded.into_owned();
        }
    }
    Ok(list)
}

/// What is to be brought of a list, and what is not.
fn judged(
    list: List,
    plan: &Plan,
    prefix: &str,
    after: Option<&str>,
    max_bytes: u64,
) -> Result<MigrationPage, StepError> {
    let mut page = MigrationPage::default();
    let mut last = after.unwrap_or_default().to_owned();
    for Listed { key, bytes, storage_class } in list.contents {
        if !key.starts_with(prefix) {
            return Err(StepError::Answer("its list has keys that were not asked for"));
        }
        // Or the next page would not be the next one.
        if key <= last {
            return Err(StepError::Answer("its list is not in order"));
        }
        let object = ListedObject { key: &key, bytes, storage_class: storage_class.as_deref() };
        match plan.judge(object, max_bytes) {
            Ok(image) => page.objects.push(MigrationObject { number: 0, key: key.clone(), image }),
            Err(why) => page.left_out.push((why.skipped(), format!("{key}: {why}"))),
        }
        last = key;
    }
    if list.is_truncated {
        if page.objects.is_empty() && page.left_out.is_empty() {
            return Err(StepError::Answer("its list does not go on"));
        }
        page.after = Some(last);
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use safelight_domain::image::Privacy;
    use safelight_domain::sourcing::{ConflictBehaviour, Folder, Skipped};

    fn place() -> BucketPlace {
        BucketPlace {
            endpoint: Url::parse("https://s3.example:8443").expect("a URL"),
            region: "r".to_owned(),
            bucket: "b.c".to_owned(),
            access_key_id: "AK".to_owned(),
            secret_access_key: "s3cret".to_owned(),
            session_token: Some("s3ssion".to_owned()),
        }
    }

    fn plan(root: Option<&str>) -> Plan {
        Plan {
            root_directory: root.map(|root| Folder::parse(root).expect("a folder")),
            path_prefix: None,
            conflict: ConflictBehaviour::Skip,
            excluded: Vec::new(),
            privacy: Privacy::RequireSigned,
        }
    }

    #[test]
    fn every_key_has_its_own_url() {
        for (key, path) in [
            ("a/b c+d.png", "/b.c/a/b%20c%2Bd.png"),
            ("50%/é/ü", "/b.c/50%25/%C3%A9/%C3%BC"),
            ("a//b", "/b.c/a//b"),
            ("a%2Fb", "/b.c/a%252Fb"),
            ("a?b#c", "/b.c/a%3Fb%23c"),
            ("dir/", "/b.c/dir/"),
            ("", "/b.c"),
        ] {
            let target = target(&place(), key, "").expect(key);
            assert_eq!(target.url().as_str(), format!("https://s3.example:8443{path}"));
        }
        for key in ["../x", "a/../../x", "a/./b", ".."] {
            assert!(target(&place(), key, "").is_err(), "{key}");
        }
    }

    #[test]
    fn signatures_hold_no_secret() {
        let url = target(&place(), "a", "x=1").expect("a URL");
        let headers = signed(&place(), url.url()).expect("signed");
        let authorization = headers["authorization"].to_str().expect("text");
        assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AK/"), "{authorization}");
        assert!(
            authorization.contains("/r/s3/aws4_request") && authorization.contains("host;"),
            "{authorization}"
        );
        assert!(!format!("{headers:?}").contains("s3cret"));
        assert_eq!(headers["x-amz-security-token"], "s3ssion");
    }

    const LIST: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
        <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix>p/</Prefix>
        <IsTruncated>true</IsTruncated><EncodingType>url</EncodingType>
        <Contents><Key>p/a+b%2Bc.png</Key><LastModified>x</LastModified><ETag>"e"</ETag><Size>5</Size>
        <StorageClass>STANDARD</StorageClass><Owner><ID>o</ID></Owner></Contents>
        <Contents><Key>p/big.png</Key><Size>101</Size></Contents>
        <Contents><Key>p/deep</Key><Size>5</Size><StorageClass>DEEP_ARCHIVE</StorageClass></Contents>
        </ListBucketResult>"#;

    #[test]
    fn a_list_is_judged_key_by_key() {
        let list = parse_list(LIST.as_bytes()).expect("a list");
        let page = judged(list, &plan(Some("p")), "p/", None, 100).expect("in order");
        assert_eq!(page.objects.len(), 1);
        assert_eq!(
            (page.objects[0].key.as_str(), page.objects[0].image.as_str()),
            ("p/a b+c.png", "a b+c.png")
        );
        let left_out: Vec<Skipped> = page.left_out.iter().map(|(skipped, _)| *skipped).collect();
        assert_eq!(left_out, [Skipped::Oversize, Skipped::StorageClass]);
        assert_eq!(page.after.as_deref(), Some("p/deep"));
    }

    #[test]
    fn lists_that_lead_nowhere_are_refused() {
        let list = |text: &str| parse_list(text.as_bytes());
        for text in ["", "<html></html>", "{}", "<ListBucketResult/>", &LIST.replace("a+b", "%FF")] {
            assert!(list(text).is_err(), "{text}");
        }
        let refused = |root: Option<&str>, prefix: &str, after: Option<&str>| {
            judged(list(LIST).expect("a list"), &plan(root), prefix, after, 100).is_err()
        };
        assert!(refused(Some("q"), "q/", None), "keys of another folder");
        assert!(refused(None, "", Some("p/a b+c.png")), "a key that was there before");
        let empty = "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>";
        assert!(judged(list(empty).expect("a list"), &plan(None), "", None, 100).is_err(), "no end");
        let many = "<Contents><Key>k</Key><Size>1</Size></Contents>".repeat(PAGE + 1);
        assert!(
            list(&format!("<ListBucketResult><IsTruncated>false</IsTruncated>{many}</ListBucketResult>"))
                .is_err()
        );
    }
}
