//! What a request asks for, and whether it may have it.

use super::{DeliverError, Preview, PreviewError, Request, Varies};
use crate::app::App;
use crate::catalog::{DeliveryAccount, FlexibleVariants, RenditionKey};
use crate::config::Compat;
use crate::refusals::Cause;
use safelight_domain::access::{
    Denied, Granted, Knowledge, OptionsPolicy, Segment, authorize_delivery, authorize_overlay,
    authorize_owner,
};
use safelight_domain::account::AccountId;
use safelight_domain::delivery_url::{DeliveryPath, VariantSegment};
use safelight_domain::image::{Image, ImageId, SourceInfo};
use safelight_domain::negotiate::{FormatChoice, FormatError, Formats, OutputFormat, output_formats};
use safelight_domain::options::{Dpr, Recipe};
use safelight_domain::quota::{Bound, OwnQuota};
use safelight_domain::rate_limit::Client;
use safelight_domain::signature::{self, KeyName, Token};
use safelight_domain::transform::Transform;
use safelight_domain::variant::{BrowserTtl, VariantName};
use safelight_domain::warning::{Warning, warnings};
use safelight_pixels::ENGINE_VERSION;
use std::sync::{Arc, OnceLock};

/// A decision in favour, and what it was about.
pub(super) struct Decision {
    pub(super) granted: Granted,
    pub(super) browser_ttl: BrowserTtl,
    pub(super) varies: Varies,
    image: Arc<Image>,
    recipe: Recipe,
    format: FormatChoice,
    dpr: Dpr,
    quota: OwnQuota,
}

impl Decision {
    /// Whose renditions are counted, and how many there may be in a minute.
    pub(super) fn renders(&self, app: &App) -> (&AccountId, Bound) {
        (&self.image.account, self.quota.over(app.config.limits.quota).renders_per_minute)
    }

    /// The formats that the answer may have.
    pub(super) fn formats(&self, request: &Request<'_>) -> Result<Formats, FormatError> {
        output_formats(self.format, request.accept, &self.image.source, self.recipe.transform())
    }

    /// The rendition of that format.
    pub(super) async fn wanted(&self, app: &App, format: OutputFormat) -> Result<Wanted, DeliverError> {
        Wanted::of(app, &self.granted, &self.image, &self.recipe, format).await
    }

    /// What the answer warns of.
    pub(super) fn warnings(&self, request: &Request<'_>) -> Vec<Warning> {
        warnings(self.format, request.accept, &self.image.source, self.recipe.transform(), self.dpr)
    }
}

/// Whose picture a request is for, and the key of a valid signature, for whoever counts; filled in by
/// [`decide`], whatever it decides.
pub(super) type Seen = OnceLock<(Arc<DeliveryAccount>, Option<KeyName>)>;

/// Decides a request.
pub(super) async fn decide(app: &App, request: &Request<'_>, seen: &Seen) -> Result<Decision, DeliverError> {
    let path = request.target.split_once('?').map_or(request.target, |(path, _)| path);
    let path = DeliveryPath::parse(path)?;
    let account = app.catalog.delivery_account(&path.hash).await?;
    let account = account.ok_or(DeliverError::UnknownAccount)?;
    let token = signature::verify(request.target, &account.keys, app.clock.now());
    seen.get_or_init(|| (Arc::clone(&account), signer(&token)));
    let asked = Asked::of(&path.variant, &account, app, request)?;

    let knowledge = Knowledge::of_age(app.catalog.age_of_knowledge(), app.config.public_without_catalog);
    let authorize = |image: Option<&Image>| {
        authorize_delivery(image, asked.segment, &token, app.config.unknown_images, knowledge)
    };
    if let Some(image) = app.catalog.remembered_image(&account.id, &path.id)
        && let Ok(granted) = authorize(Some(&image))
    {
        return Ok(asked.granted(granted, image));
    }
    if knowledge != Knowledge::Current {
        return Err(DeliverError::Unsure);
    }
    let forged = forged(app, request, &token)?;
    // An image that does not exist is never in memory. Were private ones refused from there, the
    // time it takes would tell them apart, so every refusal waits for one read of the database.
    let image = Box::pin(app.catalog.stored_image(&account.id, &path.id)).await?;
    let granted = authorize(image.as_deref()).map_err(|denied| match denied {
        Denied::Token(fault) => DeliverError::Token(fault),
        Denied::OptionsOnPrivate => DeliverError::OptionsOnPrivate,
        Denied::UnknownImage => DeliverError::UnknownImage,
        Denied::Unsure => DeliverError::Unsure,
    })?;
    if let Some(viewer) = forged {
        // A picture that is open to anyone is so with any signature.
        app.signatures.take_back(viewer);
    }
    // A grant is for an image that was found.
    let image = image.ok_or(DeliverError::UnknownImage)?;
    Ok(asked.granted(granted, image))
}

/// Counts a wrong signature before anything is looked up for it; whose it is. Expired ones were right once, and a
/// page may have many.
fn forged(app: &App, request: &Request<'_>, token: &Token) -> Result<Option<Client>, DeliverError> {
    let Some(viewer) = request.viewer else { return Ok(None) };
    match token {
        Token::Valid { .. } | Token::Absent | Token::Expired { .. } => Ok(None),
        Token::Malformed(_) | Token::Mismatch => {
            let viewer = viewer();
            app.signatures.begin(viewer, app.clock.now_ms()).map_err(|wait| {
                app.refusals.count(Cause::Signatures);
                DeliverError::TooManyForged(wait)
            })?;
            Ok(Some(viewer))
        }
    }
}

fn signer(token: &Token) -> Option<KeyName> {
    match token {
        Token::Valid { key, .. } => Some(key.clone()),
        Token::Absent | Token::Expired { .. } | Token::Malformed(_) | Token::Mismatch => None,
    }
}

/// Decides a preview: what is shown is found as for delivery, and shown to the image's owner alone.
/// Options are served also where the account serves them to nobody else, since whoever makes a variant
/// of them must see it first.
pub(super) async fn decide_preview(
    app: &App,
    preview: &Preview<'_>,
    request: &Request<'_>,
) -> Result<Decision, PreviewError> {
    let id = preview.caller.account();
    let found = app.catalog.own_delivery_account(id).await.map_err(DeliverError::from)?;
    let (_, account) = found.ok_or(DeliverError::UnknownAccount)?;
    let asked = match preview.variant {
        VariantSegment::Named(name) => Asked::variant(name, &account)?,
        VariantSegment::Options(text) => Asked::options(text, &account, app, request)?,
        VariantSegment::Impossible => return Err(DeliverError::UnknownVariant.into()),
    };
    let image = app.catalog.find_image(id, preview.image).await.map_err(DeliverError::from)?;
    let image = image.ok_or(DeliverError::UnknownImage)?;
    let granted = authorize_owner(&image, preview.caller).map_err(PreviewError::Refused)?;
    Ok(asked.in_format(preview.format).granted(granted, image))
}

/// What the last segment of the path stands for.
pub(super) struct Asked {
    recipe: Recipe,
    format: FormatChoice,
    dpr: Dpr,
    segment: Segment,
    browser_ttl: BrowserTtl,
    varies: Varies,
    quota: OwnQuota,
}

impl Asked {
    pub(super) fn of(
        segment: &VariantSegment,
        account: &DeliveryAccount,
        app: &App,
        request: &Request<'_>,
    ) -> Result<Asked, DeliverError> {
        match segment {
            VariantSegment::Named(name) => Asked::variant(name, account),
            VariantSegment::Options(_) if account.config.flexible_variants == FlexibleVariants::Off => {
                Err(DeliverError::FlexibleVariant)
            }
            VariantSegment::Options(text) => Asked::options(text, account, app, request),
            VariantSegment::Impossible => Err(DeliverError::UnknownVariant),
        }
    }

    /// What access depends on.
    pub(super) fn segment(&self) -> Segment {
        self.segment
    }

    fn variant(name: &VariantName, account: &DeliveryAccount) -> Result<Asked, DeliverError> {
        let variant = account.variants.get(name).ok_or(DeliverError::UnknownVariant)?;
        Ok(Asked {
            recipe: variant.recipe.clone(),
            format: FormatChoice::Auto,
            dpr: Dpr::ONE,
            segment: Segment::Variant(variant.access),
            browser_ttl: variant.browser_ttl.unwrap_or(account_ttl(account)),
            varies: Varies::ByAccept,
            quota: account.config.quota,
        })
    }

    fn options(
        text: &str,
        account: &DeliveryAccount,
        app: &App,
        request: &Request<'_>,
    ) -> Result<Asked, DeliverError> {
        let known = app.options.read(text)?;
        let options = &known.options;
        Ok(Asked {
            recipe: known.recipe(request.header),
            format: options.format,
            dpr: options.dpr,
            segment: Segment::Options(match app.config.compat {
                Compat::Extended => OptionsPolicy::FollowImage,
                Compat::Strict => OptionsPolicy::PublicImages,
            }),
            browser_ttl: account_ttl(account),
            varies: match options.format {
                _ if options.uses_hints() => Varies::ByHints,
                FormatChoice::Auto => Varies::ByAccept,
                FormatChoice::Only(_) => Varies::No,
            },
            quota: account.config.quota,
        })
    }

    /// With another format in the place of its own, if one is given.
    fn in_format(self, format: Option<FormatChoice>) -> Asked {
        let Some(format) = format else { return self };
        let varies = match (self.varies, format) {
            (Varies::ByHints, _) => Varies::ByHints,
            (_, FormatChoice::Auto) => Varies::ByAccept,
            (_, FormatChoice::Only(_)) => Varies::No,
        };
        Asked { format, varies, ..self }
    }

    fn granted(self, granted: Granted, image: Arc<Image>) -> Decision {
        let Asked { recipe, format, dpr, browser_ttl, varies, quota, segment: _ } = self;
        Decision { granted, browser_ttl, varies, image, recipe, format, dpr, quota }
    }
}

fn account_ttl(account: &DeliveryAccount) -> BrowserTtl {
    account.config.browser_ttl.unwrap_or(BrowserTtl::DEFAULT)
}

/// One rendition, and leave to read what it is made of.
#[derive(Clone)]
pub(super) struct Wanted {
    pub(super) key: RenditionKey,
    pub(super) recipe: Recipe,
    /// For the transform's overlays, in its order.
    pub(super) overlays: Vec<Granted>,
    /// What the original is.
    pub(super) source: SourceInfo,
    /// Bytes of the original and of each overlay.
    pub(super) lengths: Vec<u64>,
}

impl Wanted {
    /// Finds the overlays. In the key an overlay is named by its blob, so that a watermark that was
    /// replaced is drawn anew.
    pub(super) async fn of(
        app: &App,
        granted: &Granted,
        image: &Image,
        recipe: &Recipe,
        format: OutputFormat,
    ) -> Result<Wanted, DeliverError> {
        let mut recipe = recipe.clone();
        let mut draw = recipe.transform().draw.clone();
        let mut overlays = Vec::with_capacity(draw.len());
        let mut lengths = vec![image.bytes];
        for drawn in &mut draw {
            let found = match app.catalog.remembered_image(&image.account, &drawn.image) {
                Some(found) => Some(found),
                None => {
                    let stored = app.catalog.stored_image(&image.account, &drawn.image);
                    Box::pin(stored).await?
                }
            };
            let found = found.ok_or(DeliverError::UnknownOverlay)?;
            let allowed = authorize_overlay(granted, image, &found).ok_or(DeliverError::UnknownOverlay)?;
            lengths.push(found.bytes);
            drawn.image = ImageId::named(allowed.blob().as_str());
            overlays.push(allowed);
        }
        if !draw.is_empty() {
            recipe = Recipe::new(Transform { draw, ..recipe.transform().clone() });
        }
        let key = RenditionKey {
            blob: granted.blob().clone(),
            transform: Arc::clone(recipe.canonical()),
            format,
            engine: ENGINE_VERSION,
        };
        Ok(Wanted { key, recipe, overlays, source: image.source, lengths })
    }
}
