use super::*;

const KEY: &str = "Oix0bbNaT8Rge9PuyxUBrjI6zrgnsyJ5=";
const PATH: &str = "/cheeW4oKsx5ljh8e8BoL2A/bc27a117-9509-446b-8c69-c81bfeac0a01/mobile";
const EXP: u64 = 1_631_289_275;
const WITH_EXP: &str = "72411885ee02134d38662f3e70ac8ff694f408e9d14b05125f6b022c3f403efa";
const PATH_ALONE: &str = "f650d16a54309cc5560ccf74ba805cd33c92ba5edaa7f09abeebfaf7e3f5895e";

fn key() -> SigningKey {
    SigningKey::new(KeyName::parse("default").expect("a name"), KEY.to_owned()).expect("a key")
}

fn signed(url: &str, exp: Option<u64>) -> String {
    Place::parse(url).expect("a delivery URL").signed(exp.map(UnixTime), &key())
}

#[test]
fn known_answers_for_paths_and_absolute_urls() {
    for origin in ["", "https://imagedelivery.net", "http://127.0.0.1:8787"] {
        let url = format!("{origin}{PATH}");
        assert_eq!(signed(&url, Some(EXP)), format!("{url}?exp={EXP}&sig={WITH_EXP}"));
        assert_eq!(signed(&url, None), format!("{url}?sig={PATH_ALONE}"));
    }
}

#[test]
fn an_old_token_is_replaced_and_other_pairs_stay() {
    let old = signed(PATH, Some(5));
    assert_eq!(signed(&old, Some(EXP)), format!("{PATH}?exp={EXP}&sig={WITH_EXP}"));
    assert_eq!(signed(&format!("{PATH}?%65xp=1&s%69g=2#part"), None), format!("{PATH}?sig={PATH_ALONE}"));
    assert!(signed(&format!("{PATH}?a=1&exp=5&b=2"), Some(EXP)).contains("?a=1&b=2&exp=1631289275&sig="));
}

#[test]
fn paths_are_signed_as_browsers_send_them() {
    let url = signed("https://Example.COM/cheeW4oKsx5ljh8e8BoL2A/a b/ü/public?q=ü", None);
    assert!(
        url.starts_with("https://example.com/cheeW4oKsx5ljh8e8BoL2A/a%20b/%C3%BC/public?q=%C3%BC&sig="),
        "{url}"
    );
}

#[test]
fn other_urls_are_refused() {
    for url in [
        "",
        "a/b/c",
        "//host/a/b",
        "ftp://a/b",
        "https://example.com/",
        "/short/a/public",
        "/cheeW4oKsx5ljh8e8BoL2A/a",
    ] {
        assert!(Place::parse(url).is_err(), "{url}");
    }
}

#[test]
fn windows_round_up_to_multiples() {
    let hour = Duration::from_secs(3_600);
    for (exact, rounded) in [(1, 3_600), (3_599, 3_600), (3_600, 3_600), (3_601, 7_200), (u64::MAX, u64::MAX)]
    {
        assert_eq!(rounded_up(UnixTime(exact), hour), UnixTime(rounded), "{exact}");
    }
}

fn expiry(arguments: &[&str]) -> Option<UnixTime> {
    use clap::Parser;
    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        sign: Sign,
    }
    let given = ["sign", PATH].iter().chain(arguments);
    Alone::try_parse_from(given).expect("good arguments").sign.expiry(UnixTime(1_000_000))
}

#[test]
fn expiries() {
    assert_eq!(expiry(&[]), Some(UnixTime(1_086_400)));
    assert_eq!(expiry(&["--expires-in", "15m"]), Some(UnixTime(1_000_900)));
    assert_eq!(expiry(&["--expires-in", "15m", "--window", "1h"]), Some(UnixTime(1_004_400)));
    assert_eq!(expiry(&["--expires-at", "1631289275"]), Some(UnixTime(EXP)));
    assert_eq!(expiry(&["--expires-at", "2021-09-10T15:54:35Z"]), Some(UnixTime(EXP)));
    assert_eq!(expiry(&["--expires-at", "2021-09-10T17:54:35+02:00"]), Some(UnixTime(EXP)));
    assert_eq!(expiry(&["--no-expiry"]), None);
}

#[test]
fn moments_that_are_none() {
    for text in ["", "0", "-5", "tomorrow", "2021-09-10", "1969-01-01T00:00:00Z"] {
        assert!(moment(text).is_err(), "{text}");
    }
    assert!(moment("1631289275000").is_err_and(|why| why.contains("milliseconds")));
}

fn explained(raw: &str, now: u64) -> (Token, String) {
    let mut out = Vec::new();
    let token = explain(raw, &[key()], UnixTime(now), &mut Printer::new(&mut out)).expect("written");
    (token, String::from_utf8(out).expect("UTF-8"))
}

#[test]
fn verify_says_which_string_which_key_and_how_long() {
    let prefixed = format!("/cdn-cgi/imagedelivery{PATH}?exp={EXP}&sig={WITH_EXP}");
    let (token, text) = explained(&prefixed, EXP - 10);
    assert!(matches!(token, Token::Valid { .. }));
    for part in [
        format!("signed    /cdn-cgi/imagedelivery{PATH}?exp={EXP}\n          no key made sig for this\n"),
        format!("signed    {PATH}?exp={EXP}\n          sig is of the key default\n"),
        "(in 10 s)".to_owned(),
        "verdict   valid, signed with the key default".to_owned(),
    ] {
        assert!(text.contains(&part), "{part} is not in\n{text}");
    }
}

#[test]
fn verify_says_why_not() {
    for (raw, now, part) in [
        (PATH.to_owned(), 0, "there is no sig"),
        (format!("{PATH}?exp={EXP}&sig={WITH_EXP}"), EXP + 5, "(5 s ago)"),
        (format!("{PATH}?exp={EXP}&sig={WITH_EXP}"), EXP, "but expired"),
        (format!("{PATH}?exp={EXP}1&sig={WITH_EXP}"), 0, "no key made this signature"),
        (format!("{PATH}?exp=x&sig={WITH_EXP}"), 0, "exp must be"),
        (format!("{PATH}?exp={EXP}000&sig={WITH_EXP}"), 0, "looks like milliseconds"),
    ] {
        let (token, text) = explained(&raw, now);
        assert!(!matches!(token, Token::Valid { .. }), "{raw}");
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}
