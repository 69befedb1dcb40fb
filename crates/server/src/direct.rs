//! Use case: uploads by one-time link (direct creator uploads). It knows no HTTP.

use crate::app::App;
use crate::catalog::{CatalogError, FulfilError, InsertError};
use crate::config::Compat;
use crate::ingest::{IngestError, over_quota, prepare_variants, store_original};
use crate::random;
use crate::staging::Staged;
use safelight_domain::account::{AccountHash, AccountId};
use safelight_domain::direct_upload::{
    Draft, ExpiryError, LinkError, LinkUse, UploadEvent, UploadLink, UploadOutcome, expiry_ms, upload_path,
};
use safelight_domain::image::{Creator, Image, ImageId, Metadata, Privacy};
use safelight_domain::token::TokenHash;
use thiserror::Error;

/// Most drafts of an account. Each stays for its life and up to two hours more, so at the longest
/// life that is 34 links a second without end.
const MAX_DRAFTS: u64 = 1_000_000;

/// Longest text of a refusal that an event keeps, in characters.
const MAX_EVENT_CHARS: usize = 300;

/// What a link is asked for with.
pub struct NewDraft {
    /// Chosen by the account; `None` makes one.
    pub id: Option<ImageId>,
    /// The user's JSON object.
    pub metadata: Metadata,
    /// See [`Creator`].
    pub creator: Option<Creator>,
    /// Who may see the image.
    pub privacy: Privacy,
    /// When the link shall die, in milliseconds since 1970-01-01T00:00:00Z; `None` for the usual
    /// time.
    pub expires_ms: Option<i64>,
}

/// A new link.
pub struct NewLink {
    /// That the image will have.
    pub id: ImageId,
    /// Below the public URL. Nobody can read its secret back.
    pub path: String,
}

/// Why there is no link.
#[derive(Debug, Error)]
pub enum DraftError {
    /// See [`ExpiryError`].
    #[error(transparent)]
    Expiry(#[from] ExpiryError),
    /// Private with a custom id, under `compat = "strict"`.
    #[error("an image with a custom id cannot be private")]
    PrivateCustomId,
    /// An image or a live draft has the id.
    #[error("an image has this id")]
    Exists,
    /// The account has a million drafts.
    #[error("an account may have at most {MAX_DRAFTS} upload URLs, used ones of the last hours included")]
    Full,
    /// Our fault.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

/// Promises an image and makes the link for it. When this returns both are durable.
pub async fn promise(
    app: &App,
    account: &AccountId,
    hash: &AccountHash,
    new: NewDraft,
) -> Result<NewLink, DraftError> {
    let NewDraft { id, metadata, creator, privacy, expires_ms } = new;
    if id.is_some() && privacy == Privacy::RequireSigned && app.config.compat == Compat::Strict {
        return Err(DraftError::PrivateCustomId);
    }
    let created_ms = app.clock.now_ms();
    let id = id.unwrap_or_else(|| app.image_ids.next());
    let draft = Draft {
        account: account.clone(),
        id: id.clone(),
        metadata,
        creator,
        privacy,
        created_ms,
        expires_ms: expiry_ms(expires_ms, created_ms)?,
        link: LinkUse::Fresh,
    };
    let secret = random::secret();
    match app.catalog.insert_draft(draft, TokenHash::of(&secret), MAX_DRAFTS).await {
        Ok(()) => Ok(NewLink { id, path: upload_path(hash, &secret) }),
        Err(InsertError::Exists) => Err(DraftError::Exists),
        Err(InsertError::Full) => Err(DraftError::Full),
        Err(InsertError::Catalog(error)) => Err(error.into()),
    }
}

/// Why an upload by link was not accepted; its draft is as it was.
#[derive(Debug, Error)]
pub enum DirectError {
    /// See [`LinkError`].
    #[error(transparent)]
    Link(#[from] LinkError),
    /// See [`IngestError`].
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// Our fault.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

/// The draft of a link that takes an upload now. To be asked before a byte of it is read.
pub async fn draft_of(app: &App, link: &UploadLink) -> Result<Draft, DirectError> {
    let draft = app.catalog.draft_of_link(&link.secret).await?.ok_or(LinkError::Unknown)?;
    let account = app.catalog.find_account(&draft.account).await?;
    if account.is_none_or(|account| account.hash != link.hash) {
        return Err(LinkError::Unknown.into());
    }
    draft.accepts(app.clock.now_ms())?;
    Ok(draft)
}

/// Checks an upload, stores its bytes, then makes the image of the draft. When this returns the
/// image is durable and the link used up. Of many uploads at once one succeeds.
pub async fn upload(
    app: &App,
    link: &UploadLink,
    draft: &Draft,
    staged: Staged,
    filename: Option<String>,
) -> Result<Image, DirectError> {
    let original = store_original(app, &draft.account, &staged, filename).await?;
    let now_ms = app.clock.now_ms();
    // The bytes of one that fails from here on are an orphan, which the sweeper removes.
    let fulfilled = app.catalog.fulfil_draft(&link.secret, original, random::hex_id(), now_ms).await;
    let image = fulfilled.map_err(|error| match error {
        FulfilError::Link(error) => DirectError::Link(error),
        FulfilError::Exists => IngestError::Exists.into(),
        FulfilError::Quota(error) => over_quota(app, error).into(),
        FulfilError::Catalog(error) => error.into(),
    })?;
    prepare_variants(app, &image.blob).await;
    Ok(image)
}

/// Notes that what came by a link was refused, for the account's webhook.
pub async fn note_refusal(app: &App, link: &UploadLink, draft: &Draft, code: u32, text: &str) {
    let text = text.chars().take(MAX_EVENT_CHARS).collect();
    let event = UploadEvent {
        event: random::hex_id(),
        id: draft.id.clone(),
        at_ms: app.clock.now_ms(),
        outcome: UploadOutcome::Refused { code, text },
    };
    if let Err(error) = app.catalog.note_refusal(&link.secret, event).await {
        // The uploader has their answer either way.
        tracing::error!(error = &error as &dyn std::error::Error, "a refused upload was not noted");
    }
}
