use super::*;
use proptest::prelude::*;

const KEY: &str = "Oix0bbNaT8Rge9PuyxUBrjI6zrgnsyJ5=";
const PATH: &str = "/cheeW4oKsx5ljh8e8BoL2A/bc27a117-9509-446b-8c69-c81bfeac0a01/mobile";
const EXP: u64 = 1_631_289_275;
const WITH_EXP: &str = "72411885ee02134d38662f3e70ac8ff694f408e9d14b05125f6b022c3f403efa";
const PATH_ALONE: &str = "f650d16a54309cc5560ccf74ba805cd33c92ba5edaa7f09abeebfaf7e3f5895e";

fn key(name: &str, value: &str) -> SigningKey {
    SigningKey::new(KeyName::parse(name).expect("a name"), value.to_owned()).expect("a key")
}

fn keys() -> Vec<SigningKey> {
    vec![key("other", "unrelated"), key("default", KEY)]
}

fn at(raw: &str, now: u64) -> Token {
    verify(raw, &keys(), UnixTime(now))
}

fn valid(until: Option<u64>) -> Token {
    Token::Valid { until: until.map(UnixTime), key: KeyName::parse("default").expect("a name") }
}

fn signed(signed_string: &str) -> String {
    key("default", KEY).sign(signed_string)
}

#[test]
fn known_answers() {
    assert_eq!(signed(&format!("{PATH}?exp={EXP}")), WITH_EXP);
    assert_eq!(signed(PATH), PATH_ALONE);
    let key = key("default", KEY);
    assert_eq!(sign_target(PATH, "", Some(UnixTime(EXP)), &key), format!("{PATH}?exp={EXP}&sig={WITH_EXP}"));
    assert_eq!(sign_target(PATH, "", None, &key), format!("{PATH}?sig={PATH_ALONE}"));
}

#[test]
fn served_while_now_is_before_exp() {
    let url = format!("{PATH}?exp={EXP}&sig={WITH_EXP}");
    assert_eq!(at(&url, EXP - 1), valid(Some(EXP)));
    for late in [EXP, EXP + 1, u64::MAX] {
        assert!(matches!(at(&url, late), Token::Expired { since: UnixTime(EXP), .. }), "{late}");
    }
}

#[test]
fn pairs_in_any_place_and_digits_in_either_case() {
    for url in [
        format!("{PATH}?sig={WITH_EXP}&exp={EXP}"),
        format!("{PATH}?exp={EXP}&sig={}", WITH_EXP.to_uppercase()),
    ] {
        assert_eq!(at(&url, 0), valid(Some(EXP)), "{url}");
    }
    let middle = signed(&format!("{PATH}?a=1&exp={EXP}&b=%20+%7E~"));
    for url in [
        format!("{PATH}?a=1&sig={middle}&exp={EXP}&b=%20+%7E~"),
        format!("{PATH}?a=1&exp={EXP}&b=%20+%7E~&sig={middle}"),
    ] {
        assert_eq!(at(&url, 0), valid(Some(EXP)), "{url}");
    }
}

#[test]
fn nothing_is_decoded_sorted_or_encoded_anew() {
    let sig = signed(&format!("{PATH}?a=%20&b=~&exp={EXP}"));
    for changed in ["a=+&b=~", "a=%20&b=%7E", "b=~&a=%20", "a=%20&b=%7e", "A=%20&b=~", "a=%20&b=~&"] {
        assert_eq!(at(&format!("{PATH}?{changed}&exp={EXP}&sig={sig}"), 0), Token::Mismatch, "{changed}");
    }
}

#[test]
fn without_exp_the_path_alone_or_with_a_bare_question_mark() {
    assert_eq!(at(&format!("{PATH}?sig={PATH_ALONE}"), u64::MAX), valid(None));
    let bare = signed(&format!("{PATH}?"));
    assert_eq!(at(&format!("{PATH}?sig={bare}"), u64::MAX), valid(None));
    for url in [
        format!("{PATH}?exp={EXP}&sig={PATH_ALONE}"),
        format!("{PATH}?exp={EXP}&sig={bare}"),
        format!("{PATH}?a=1&sig={PATH_ALONE}"),
        format!("{PATH}?EXP={EXP}&sig={PATH_ALONE}"),
        format!("{PATH}?exp[]={EXP}&sig={PATH_ALONE}"),
        format!("{PATH}?exp;={EXP}&sig={PATH_ALONE}"),
        format!("{PATH}?sig={WITH_EXP}"),
    ] {
        assert_eq!(at(&url, 0), Token::Mismatch, "{url}");
    }
}

#[test]
fn other_forms_of_exp_are_never_no_expiry() {
    for exp in [
        "",
        "0",
        "01631289275",
        "+1631289275",
        " 1631289275",
        "%201631289275",
        "1631289275 ",
        "1e12",
        "0x61",
        "1.0",
        "-1",
        "1631289275s",
        "1631289275,0",
        "1234567890123456789",
        "99999999999999999999",
        "١٦٣١",
        "NaN",
        "1631289275%00",
        "1631289275;",
        "[1631289275]",
    ] {
        let sig = signed(&format!("{PATH}?exp={exp}"));
        let url = format!("{PATH}?exp={exp}&sig={sig}");
        assert_eq!(at(&url, 0), Token::Malformed(Malformed::Expiry), "{exp:?}");
    }
    let longest = "9".repeat(18);
    let url = format!("{PATH}?exp={longest}&sig={}", signed(&format!("{PATH}?exp={longest}")));
    assert_eq!(at(&url, EXP), valid(Some(999_999_999_999_999_999)));
}

#[test]
fn repeated_encoded_or_empty_names_and_values() {
    let exp = format!("exp={EXP}");
    for (query, why) in [
        (format!("{exp}&{exp}&sig={WITH_EXP}"), Malformed::Repeated),
        (format!("{exp}&exp=1&sig={WITH_EXP}"), Malformed::Repeated),
        (format!("{exp}&sig={WITH_EXP}&sig={WITH_EXP}"), Malformed::Repeated),
        (format!("{exp}&%73ig={WITH_EXP}"), Malformed::EncodedName),
        (format!("{exp}&s%69g={WITH_EXP}"), Malformed::EncodedName),
        (format!("%65xp=1&sig={WITH_EXP}"), Malformed::EncodedName),
        (format!("ex%70&sig={WITH_EXP}"), Malformed::EncodedName),
        (exp.clone(), Malformed::NoSignature),
        (format!("{exp}&sig="), Malformed::Signature),
        (format!("{exp}&sig"), Malformed::Signature),
        (format!("exp&sig={WITH_EXP}"), Malformed::Expiry),
        (format!("{exp}&sig={}", &WITH_EXP[1..]), Malformed::Signature),
        (format!("{exp}&sig={WITH_EXP}0"), Malformed::Signature),
        (format!("{exp}&sig={}g", &WITH_EXP[1..]), Malformed::Signature),
        (format!("{exp}&sig={}é", &WITH_EXP[2..]), Malformed::Signature),
    ] {
        assert_eq!(at(&format!("{PATH}?{query}"), 0), Token::Malformed(why), "{query}");
    }
}

#[test]
fn absent_means_neither_pair() {
    for raw in [PATH.to_owned(), format!("{PATH}?"), format!("{PATH}?a=1"), format!("{PATH}?SIG={WITH_EXP}")]
    {
        assert_eq!(at(&raw, 0), Token::Absent, "{raw}");
    }
}

#[test]
fn with_the_prefix_both_paths_are_taken_and_without_it_only_one() {
    let prefixed = format!("/cdn-cgi/imagedelivery{PATH}");
    let over_prefixed = signed(&format!("{prefixed}?exp={EXP}"));
    assert_eq!(at(&format!("{prefixed}?exp={EXP}&sig={WITH_EXP}"), 0), valid(Some(EXP)));
    assert_eq!(at(&format!("{prefixed}?exp={EXP}&sig={over_prefixed}"), 0), valid(Some(EXP)));
    assert_eq!(at(&format!("{PATH}?exp={EXP}&sig={over_prefixed}"), 0), Token::Mismatch);
    let twice = format!("/cdn-cgi/imagedelivery{prefixed}");
    assert_eq!(at(&format!("{twice}?exp={EXP}&sig={WITH_EXP}"), 0), Token::Mismatch);
}

#[test]
fn no_key_no_signature() {
    assert_eq!(verify(&format!("{PATH}?exp={EXP}&sig={WITH_EXP}"), &[], UnixTime(0)), Token::Mismatch);
    assert!(SigningKey::new(KeyName::parse("a").expect("a name"), String::new()).is_err());
}

#[test]
fn secrets_stay_out_of_logs() {
    assert!(!format!("{:?}", key("default", KEY)).contains("Oix0"));
    for (raw, logged) in [
        ("/a?exp=1&sig=abc&b=2", "/a?exp=1&sig=…&b=2"),
        ("/a?%73ig=abc", "/a?%73ig=…"),
        ("/a?SIG=abc&b", "/a?SIG=…&b"),
        ("/a?signature=abc", "/a?signature=…"),
        ("/a?%zz=abc", "/a?%zz=…"),
        ("/a?exp=1;sig=abc&b=2", "/a?exp=1;sig=…&b=2"),
        ("/a?exp=1%26sig=abc", "/a?exp=1%26sig=…"),
        ("/a?exp=1?sig=abc", "/a?exp=1?sig=…"),
        ("/a&exp=1&sig=abc&b=2", "/a&exp=1&sig=…&b=2"),
        ("/a%3Fexp=1%26SIG%3Dabc", "/a%3Fexp=1%26SIG%3D…"),
        ("/a%3Fsig=abc?b=2&sig=abc", "/a%3Fsig=…?b=2&sig=…"),
        ("/ü&sig=ü&sig=", "/ü&sig=…&sig=…"),
        ("/a", "/a"),
    ] {
        assert_eq!(redact(raw), logged);
    }
}

#[test]
fn old_tokens_are_stripped_before_signing() {
    assert_eq!(without_token("a=1&exp=5&sig=x&b=%20"), "a=1&b=%20");
    assert_eq!(without_token("%65xp=5&sig"), "");
}

proptest! {
    #[test]
    fn a_signed_target_verifies_and_any_changed_byte_does_not(
        segment in "[a-zA-Z0-9._~%-]{1,20}", rest in "([a-z]{1,2}(=[a-z0-9%+~]{0,4})?(&[a-z]{1,2}=[a-z]{0,3})?)?",
        exp in 1u64..999_999_999, position in any::<prop::sample::Index>(), byte in 0x21u8..0x7f,
    ) {
        let path = format!("/cheeW4oKsx5ljh8e8BoL2A/{segment}/public");
        let url = sign_target(&path, &rest, Some(UnixTime(exp)), &key("default", KEY));
        prop_assert_eq!(at(&url, exp - 1), valid(Some(exp)));

        let mut changed = url.clone().into_bytes();
        let place = position.index(changed.len());
        let same_digit = changed[place].eq_ignore_ascii_case(&byte) && place > url.len() - 65;
        prop_assume!(changed[place] != byte && !same_digit);
        changed[place] = byte;
        let changed = String::from_utf8(changed).expect("ASCII");
        let opened = matches!(at(&changed, exp - 1), Token::Valid { .. });
        prop_assert!(!opened, "{} became {}", url, changed);
    }

    #[test]
    fn no_input_panics(raw in "\\PC{0,80}") {
        let _ = at(&raw, 0);
        let _ = redact(&raw);
        let _ = crate::delivery_url::DeliveryPath::parse(&raw);
    }
}
