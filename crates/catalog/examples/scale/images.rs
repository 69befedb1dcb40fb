//! The made-up images: some that are inserted, and copies of them with other ids.

use safelight_catalog::{Account, NewAccount};
use safelight_domain::account::{AccountHash, AccountId};
use safelight_domain::image::{BlobId, Creator, Image, ImageId, Metadata};
use safelight_domain::image::{Privacy, SourceFormat, SourceInfo, Turn};
use safelight_domain::signature::{KeyName, SigningKey};
use safelight_domain::token::{Role, Scope, TokenHash, TokenRecord};
use safelight_domain::transform::Transform;
use safelight_domain::variant::{Variant, VariantAccess, VariantName};

/// Images that are inserted as an upload would be. All others are copies.
pub(crate) const SEEDS: u64 = 10_000;

/// Between one upload and the next, in milliseconds.
pub(crate) const BETWEEN_MS: i64 = 50;

/// What the number of a copy is multiplied with, for the first digits of its id, which are without order then.
pub(crate) const MIX: u64 = 2_654_435_761;

/// The account of all images.
pub(crate) fn account() -> AccountId {
    AccountId::from_random([7; 16])
}

/// Numbers without a pattern, always the same ones (the finalizer of SplitMix64).
pub(crate) fn scattered(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// The price of a seed, from 0 to 1,000,000.
pub(crate) fn price(seed: u64) -> f64 {
    let hundredths = u32::try_from(scattered(scattered(seed)) % 100_000_000).unwrap_or(u32::MAX);
    f64::from(hundredths) / 100.0
}

/// The metadata of a seed: `status` is one of three, `album` one of a thousand, and `rare` has one seed in 2,000.
pub(crate) fn metadata(seed: u64) -> serde_json::Value {
    let random = scattered(seed);
    let mut metadata = serde_json::json!({
        "status": (["new", "old", "lost"][(random >> 8) as usize % 3]),
        "album": format!("a{}", (random >> 16) % 1_000),
        "price": price(seed),
    });
    if seed.is_multiple_of(2_000) {
        metadata["rare"] = "yes".into();
    }
    metadata
}

/// The id of an image in the catalogs. [`fill`](super::fill) says the same in SQL.
pub(crate) fn id(number: u64) -> ImageId {
    let seed = ImageId::from_random(bytes(number % SEEDS));
    if number < SEEDS {
        return seed;
    }
    let first = number.wrapping_mul(MIX) & 0xFFFF_FFFF;
    ImageId::named(&format!("{first:08x}{}{number:012x}", &seed.as_str()[8..24]))
}

/// Milliseconds since 1970-01-01T00:00:00Z.
pub(crate) fn uploaded_ms(number: u64) -> i64 {
    1_700_000_000_000 + i64::try_from(number).unwrap_or(i64::MAX / BETWEEN_MS) * BETWEEN_MS
}

fn bytes(number: u64) -> [u8; 16] {
    (u128::from(scattered(number)) << 64 | u128::from(number)).to_be_bytes()
}

/// A private photograph.
pub(crate) fn image(number: u64) -> anyhow::Result<Image> {
    let random = scattered(number);
    Ok(Image {
        account: account(),
        id: ImageId::from_random(bytes(number)),
        blob: BlobId::from_random(bytes(number)),
        source: SourceInfo {
            format: SourceFormat::Jpeg,
            width: 4000,
            height: 3000,
            has_alpha: false,
            frames: 1,
            turn: Turn::Upright,
        },
        bytes: 1_000_000 + (random >> 20) % 3_000_000,
        filename: Some(format!("img_{number:08}.jpg")),
        metadata: Metadata::from_json_object(metadata(number).to_string())?,
        creator: Some(Creator::parse(&format!("user-{}", random % 1_000))?),
        privacy: Privacy::RequireSigned,
        uploaded_ms: uploaded_ms(number),
    })
}

pub(crate) fn new_account() -> anyhow::Result<NewAccount> {
    let id = account();
    Ok(NewAccount {
        account: Account {
            id: id.clone(),
            hash: AccountHash::from_random([7; 22]),
            name: "made up".to_owned(),
            created_ms: 0,
        },
        key: SigningKey::new(KeyName::parse(KeyName::DEFAULT)?, "none".to_owned())?,
        variant: Variant {
            name: VariantName::parse(VariantName::PUBLIC)?,
            transform: Transform::default(),
            browser_ttl: None,
            access: VariantAccess::FollowImage,
        },
        token: TokenRecord {
            id: "none".to_owned(),
            account: id,
            name: "none".to_owned(),
            hash: TokenHash::of("none"),
            scopes: vec![Scope::Read],
            role: Role::Member,
            created_ms: 0,
            used_ms: None,
        },
    })
}
