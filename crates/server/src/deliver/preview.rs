//! Use case: show an account its own pictures, also those that are private.

use super::decision::decide_preview;
use super::{Answer, Answered, DeliverError, Request, answer};
use crate::app::App;
use safelight_domain::caching::OWNER;
use safelight_domain::delivery_url::VariantSegment;
use safelight_domain::image::ImageId;
use safelight_domain::negotiate::FormatChoice;
use safelight_domain::token::{Caller, Refusal};
use std::sync::Arc;
use thiserror::Error;

/// What is to be shown, and to whom.
pub struct Preview<'a> {
    /// Who asks, for an account.
    pub caller: &'a Caller,
    /// An image of that account.
    pub image: &'a ImageId,
    /// How it is to be shown.
    pub variant: &'a VariantSegment,
    /// In the place of the format that options ask for.
    pub format: Option<FormatChoice>,
}

/// Why nothing is shown.
#[derive(Debug, Error)]
pub enum PreviewError {
    /// The caller may not see the image.
    #[error("the caller may not see the image")]
    Refused(Refusal),
    /// As for a delivery.
    #[error(transparent)]
    Deliver(#[from] DeliverError),
}

/// Answers with a picture for its owner: the rendition that viewers get, out of the same store, without a
/// signature and for no cache but the owner's browser, which asks again each time. It is no delivery,
/// and nothing that counts those counts it.
pub async fn preview(
    app: &Arc<App>,
    preview: Preview<'_>,
    request: Request<'_>,
) -> Result<Answer, PreviewError> {
    let Answered { answer, .. } = answer(app, &request, || decide_preview(app, &preview, &request)).await?;
    Ok(Answer { cache_control: OWNER.to_owned(), ..answer })
}
