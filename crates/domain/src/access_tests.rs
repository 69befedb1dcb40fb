use super::*;
use crate::account::AccountId;
use crate::image::{ImageId, Metadata, SourceFormat, SourceInfo, Turn};
use crate::signature::KeyName;
use crate::token::{Role, TokenHash, TokenRecord, authenticate};

const FOLLOWING: Segment = Segment::Variant(VariantAccess::FollowImage);

fn account(digit: char) -> AccountId {
    AccountId::parse(&digit.to_string().repeat(32)).expect("32 hexadecimal digits")
}

fn image(privacy: Privacy) -> Image {
    Image {
        account: account('a'),
        id: ImageId::named("i"),
        blob: BlobId::from_random([7; 16]),
        source: SourceInfo {
            format: SourceFormat::Jpeg,
            width: 1,
            height: 1,
            has_alpha: false,
            frames: 1,
            turn: Turn::Upright,
        },
        bytes: 1,
        filename: None,
        metadata: Metadata::default(),
        creator: None,
        privacy,
        uploaded_ms: 0,
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
    let variant = FOLLOWING;
    for token in tokens() {
        let decision = authorize_delivery(
            Some(&image),
            variant,
            &token,
            UnknownImagePolicy::AsPrivate,
            Knowledge::Current,
        );
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
                Segment::Variant(access),
                &token,
                UnknownImagePolicy::AsPrivate,
                Knowledge::Current,
            );
            assert_eq!(decision.map(|granted| granted.exposure()), Ok(Exposure::Public));
        }
    }
}

#[test]
fn without_a_valid_token_unknown_and_private_look_the_same() {
    let private = image(Privacy::RequireSigned);
    let variant = FOLLOWING;
    for token in tokens() {
        let decide = |image| {
            authorize_delivery(image, variant, &token, UnknownImagePolicy::AsPrivate, Knowledge::Current)
        };
        match token {
            Token::Valid { .. } => assert_eq!(decide(None), Err(Denied::UnknownImage)),
            _ => assert_eq!(decide(None), decide(Some(&private))),
        }
        let as_cloudflare =
            authorize_delivery(None, variant, &token, UnknownImagePolicy::NotFound, Knowledge::Current);
        assert_eq!(as_cloudflare, Err(Denied::UnknownImage));
    }
}

#[test]
fn knowledge_that_is_past_serves_what_was_public_and_lost_one_nothing() {
    for token in tokens() {
        for (image, segment, may) in [
            (Some(image(Privacy::Public)), FOLLOWING, true),
            (Some(image(Privacy::RequireSigned)), Segment::Variant(VariantAccess::AlwaysPublic), true),
            (Some(image(Privacy::RequireSigned)), FOLLOWING, false),
            (None, FOLLOWING, false),
        ] {
            let decide = |knowledge| {
                authorize_delivery(image.as_ref(), segment, &token, UnknownImagePolicy::NotFound, knowledge)
            };
            assert_eq!(decide(Knowledge::Past).is_ok(), may, "{token:?}");
            assert_eq!(decide(Knowledge::Lost), Err(Denied::Unsure));
            if !may {
                assert_eq!(decide(Knowledge::Past), Err(Denied::Unsure), "it tells nothing of the image");
            }
        }
    }
}

#[test]
fn knowledge_has_an_age() {
    let of = |ms| Knowledge::of_age(Duration::from_millis(ms), Duration::from_secs(60));
    assert_eq!([of(0), of(1_500)], [Knowledge::Current; 2]);
    assert_eq!([of(1_501), of(60_000)], [Knowledge::Past; 2]);
    assert_eq!(of(60_001), Knowledge::Lost);
    assert_eq!(Knowledge::of_age(Duration::from_millis(1_501), Duration::ZERO), Knowledge::Lost);
}

#[test]
fn a_grant_ends_with_its_url() {
    let image = image(Privacy::RequireSigned);
    let token = Token::Valid { until: Some(UnixTime(9)), key: KeyName::parse("k").expect("a name") };
    let granted = authorize_delivery(
        Some(&image),
        FOLLOWING,
        &token,
        UnknownImagePolicy::AsPrivate,
        Knowledge::Current,
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
        used_ms: None,
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

#[test]
fn an_overlay_is_of_the_same_account() {
    let base = image(Privacy::Public);
    let token = Token::Absent;
    let policy = UnknownImagePolicy::AsPrivate;
    let granted =
        authorize_delivery(Some(&base), FOLLOWING, &token, policy, Knowledge::Current).expect("public");
    let mut overlay = Image { blob: BlobId::from_random([8; 16]), ..image(Privacy::RequireSigned) };
    let allowed = authorize_overlay(&granted, &base, &overlay).expect("the account's own");
    assert_eq!((allowed.blob(), allowed.exposure()), (&overlay.blob, Exposure::Public));
    overlay.account = account('b');
    assert_eq!(authorize_overlay(&granted, &base, &overlay), None);
    assert_eq!(authorize_overlay(&granted, &overlay, &base), None, "another image than was granted");
}

#[test]
fn options_open_private_images_unless_they_are_for_public_ones() {
    for privacy in [Privacy::Public, Privacy::RequireSigned] {
        for token in tokens() {
            let decide = |segment| {
                authorize_delivery(
                    Some(&image(privacy)),
                    segment,
                    &token,
                    UnknownImagePolicy::AsPrivate,
                    Knowledge::Current,
                )
            };
            let as_variant = decide(FOLLOWING);
            assert_eq!(decide(Segment::Options(OptionsPolicy::FollowImage)), as_variant);
            let opened = matches!(as_variant, Ok(Granted { exposure: Exposure::Private { .. }, .. }));
            let expected = if opened { Err(Denied::OptionsOnPrivate) } else { as_variant };
            // Without a valid token it reads as for a variant, and so as for no image.
            assert_eq!(decide(Segment::Options(OptionsPolicy::PublicImages)), expected);
        }
    }
}
