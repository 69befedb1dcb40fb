use super::*;
use crate::account::AccountId;
use crate::image::{ImageId, Metadata, SourceFormat, SourceInfo};
use crate::signature::KeyName;
use crate::token::{Role, TokenHash, TokenRecord, authenticate};
use crate::transform::Transform;
use crate::variant::VariantName;

fn account(digit: char) -> AccountId {
    AccountId::parse(&digit.to_string().repeat(32)).expect("32 hexadecimal digits")
}

fn image(privacy: Privacy) -> Image {
    Image {
        account: account('a'),
        id: ImageId::named("i"),
        blob: BlobId::from_random([7; 16]),
        source: SourceInfo { format: SourceFormat::Jpeg, width: 1, height: 1, has_alpha: false, frames: 1 },
        bytes: 1,
        filename: None,
        metadata: Metadata::default(),
        creator: None,
        privacy,
        uploaded_ms: 0,
    }
}

fn variant(access: VariantAccess) -> Variant {
    Variant {
        name: VariantName::parse("v").expect("a name"),
        transform: Transform::default(),
        browser_ttl: None,
        access,
    }
}

fn tokens() -> Vec<Token> {
    let key = KeyName::parse("default").expect("a name");
    vec![
        Token::Absent,
        Token::Malformed(Malformed::Repeated),
        Token::Mismatch,
        Token::Expired { since: UnixTime(1), key: key.clone() },
        Token::Valid { until: Some(UnixTime(9)), key: key.clone() },
        Token::Valid { until: None, key },
    ]
}

#[test]
fn a_private_image_opens_to_a_valid_token_alone() {
    let image = image(Privacy::RequireSigned);
    let variant = variant(VariantAccess::FollowImage);
    for token in tokens() {
        let decision = authorize_delivery(Some(&image), &variant, &token, UnknownImagePolicy::AsPrivate);
        match token {
            Token::Valid { until, .. } => {
                let granted = decision.expect("a valid token opens it");
                assert_eq!(granted.blob(), &image.blob);
                assert_eq!(granted.exposure(), Exposure::Private { until });
            }
            other => assert!(matches!(decision, Err(Denied::Token(_))), "{other:?}"),
        }
    }
}

#[test]
fn public_images_and_always_public_variants_ignore_the_token() {
    for (privacy, access) in [
        (Privacy::Public, VariantAccess::FollowImage),
        (Privacy::Public, VariantAccess::AlwaysPublic),
        (Privacy::RequireSigned, VariantAccess::AlwaysPublic),
    ] {
        for token in tokens() {
            let decision = authorize_delivery(
                Some(&image(privacy)),
                &variant(access),
                &token,
                UnknownImagePolicy::AsPrivate,
            );
            assert_eq!(decision.map(|granted| granted.exposure()), Ok(Exposure::Public));
        }
    }
}

#[test]
fn without_a_valid_token_unknown_and_private_look_the_same() {
    let private = image(Privacy::RequireSigned);
    let variant = variant(VariantAccess::FollowImage);
    for token in tokens() {
        let decide = |image| authorize_delivery(image, &variant, &token, UnknownImagePolicy::AsPrivate);
        match token {
            Token::Valid { .. } => assert_eq!(decide(None), Err(Denied::UnknownImage)),
            _ => assert_eq!(decide(None), decide(Some(&private))),
        }
        let as_cloudflare = authorize_delivery(None, &variant, &token, UnknownImagePolicy::NotFound);
        assert_eq!(as_cloudflare, Err(Denied::UnknownImage));
    }
}

#[test]
fn a_grant_ends_with_its_url() {
    let image = image(Privacy::RequireSigned);
    let token = Token::Valid { until: Some(UnixTime(9)), key: KeyName::parse("k").expect("a name") };
    let granted = authorize_delivery(
        Some(&image),
        &variant(VariantAccess::FollowImage),
        &token,
        UnknownImagePolicy::AsPrivate,
    )
    .expect("valid");
    assert!(granted.holds(UnixTime(8)));
    assert!(!granted.holds(UnixTime(9)));
}

#[test]
fn an_owner_reads_originals_of_its_own_account_with_the_read_scope() {
    let record = |scopes: &[Scope]| TokenRecord {
        id: String::new(),
        account: account('a'),
        name: String::new(),
        hash: TokenHash::of("t"),
        scopes: scopes.to_vec(),
        role: Role::InstanceAdmin,
        created_ms: 0,
    };
    let image = image(Privacy::RequireSigned);
    let caller = |scopes: &[Scope], of| authenticate("t", Some(&record(scopes)), &of).expect("known token");
    assert!(authorize_owner(&image, &caller(&[Scope::Read], account('a'))).is_ok());
    assert_eq!(
        authorize_owner(&image, &caller(&[Scope::Write], account('a'))),
        Err(Refusal::MissingScope(Scope::Read))
    );
    assert_eq!(authorize_owner(&image, &caller(&[Scope::Read], account('b'))), Err(Refusal::OtherAccount));
}
