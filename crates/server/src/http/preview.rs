//! Pictures as their owner sees them, below `/safelight/v1`.

use crate::app::App;
use crate::deliver::{DeliverError, Preview, PreviewError, Request, preview};
use crate::http::auth::AccountCaller;
use crate::http::delivery::{joined, refusal, respond};
use crate::http::error::ApiError;
use axum::extract::{Request as HttpRequest, State};
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use safelight_domain::delivery_url::VariantSegment;
use safelight_domain::image::ImageId;
use safelight_domain::negotiate::FormatChoice;
use safelight_domain::variant::VariantName;
use std::sync::Arc;

/// `GET /safelight/v1/accounts/{account_id}/preview`: one variant of one image, or the image with
/// options. It is whole: ranges are not served.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    request: HttpRequest,
) -> Result<Response, ApiError> {
    let Query { image, variant, format } = Query::parse(request.uri().query().unwrap_or(""))?;
    let headers = request.headers();
    let accept = joined(headers, &header::ACCEPT);
    let none_match = joined(headers, &header::IF_NONE_MATCH);
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (accept, none_match) = (accept.as_deref(), none_match.as_deref());
    let target = request.uri().path();
    let wanted = Request { target, accept, none_match, header: &header, viewer: None };
    let asked = Preview { caller: &caller, image: &image, variant: &variant, format };
    match preview(&app, asked, wanted).await {
        Ok(answer) => Ok(for_owner(respond(answer, request.method(), HeaderMap::new()))),
        Err(PreviewError::Refused(refusal)) => Err(refusal.into()),
        Err(PreviewError::Deliver(error)) => Err(refused(error)),
    }
}

/// Without what lets pages of other origins read or show it.
fn for_owner(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for name in
        [header::ACCESS_CONTROL_ALLOW_ORIGIN, header::ACCESS_CONTROL_EXPOSE_HEADERS, header::ACCEPT_RANGES]
    {
        headers.remove(name);
    }
    let policy = HeaderName::from_static("cross-origin-resource-policy");
    headers.insert(policy, HeaderValue::from_static("same-origin"));
    response
}

/// Delivery's refusal in the envelope of the API, and what is not there as the API says it elsewhere.
fn refused(error: DeliverError) -> ApiError {
    match error {
        DeliverError::UnknownVariant => ApiError::variant_not_found(),
        error => refusal(error, "").into(),
    }
}

/// The segment that `variant` means.
fn named(variant: &str) -> VariantSegment {
    VariantName::parse(variant).map_or(VariantSegment::Impossible, VariantSegment::Named)
}

struct Query {
    image: ImageId,
    variant: VariantSegment,
    format: Option<FormatChoice>,
}

impl Query {
    fn parse(query: &str) -> Result<Query, ApiError> {
        let (mut image, mut variant, mut format) = (None, None, None);
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let given_before = match &*name {
                "image" => image.replace(ImageId::named(&value)).is_some(),
                "variant" => variant.replace(named(&value)).is_some(),
                "options" => variant.replace(VariantSegment::Options(value.into_owned())).is_some(),
                "format" => {
                    format.replace(FormatChoice::parse(&value).map_err(ApiError::bad_request)?).is_some()
                }
                _ => false,
            };
            if given_before {
                return Err(ApiError::bad_request(
                    "image and format may be given once, and of variant and options one",
                ));
            }
        }
        match (image, variant) {
            (Some(image), Some(variant)) => Ok(Query { image, variant, format }),
            _ => Err(ApiError::bad_request("image must be given, and variant or options")),
        }
    }
}
