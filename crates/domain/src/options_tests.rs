use super::*;
use crate::negotiate::OutputFormat;
use crate::transform::{
    Anchor, Animation, Color, Compression, Factor, Fit, Flip, Gamut, Gravity, MetadataPolicy, Ratio, Rotate,
    Trim, TrimEnd,
};
use proptest::prelude::*;

fn canonical(text: &str) -> String {
    Options::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).transform.canonical()
}

fn refused(text: &str) -> String {
    Options::parse(text).expect_err(text).to_string()
}

#[test]
fn order_and_names_make_no_difference() {
    for same in ["width=400,height=300", "h=300,w=400", "fit=scale-down,w=400,h=300", "w=200,dpr=2,h=150"] {
        assert_eq!(canonical(same), "fit=scale-down,width=400,height=300", "{same}");
    }
    // Nothing is cut, so gravity changes nothing.
    assert_eq!(canonical("w=400,gravity=face,zoom=0.5"), "fit=scale-down,width=400");
    assert_eq!(canonical("brightness=0,contrast=1,gamma=0,blur=0,sharpen=0,dpr=3"), "fit=scale-down");
    assert_eq!(canonical("saturation=0"), "fit=scale-down,saturation=0");
    assert_eq!(canonical("background=red"), canonical("background=%23f00"));
    assert_eq!(
        canonical("background=rgb%28240%2C40%2C145%29"),
        canonical("background=rgb(240,40,145),rotate=360")
    );
}

#[test]
fn every_option_is_understood() {
    let options = Options::parse(
        "w=10,h=20,fit=cover,g=face,zoom=0.25,trim=1;2;3;4,flip=hv,rotate=90,blur=1.5,sharpen=2,\
         brightness=1.1,contrast=0.9,gamma=2,saturation=0.5,q=medium-low,f=avif,compression=fast,anim=false,\
         metadata=none,background=%23fff8,upscale=interpolate,onerror=redirect,scq=30,gamut=display-p3",
    )
    .expect("all known");
    let transform = &options.transform;
    assert_eq!(options.format, FormatChoice::Only(OutputFormat::Avif));
    assert_eq!(options.on_error, OnError::Redirect);
    assert_eq!(options.slow_connection_quality, Quality::number(30).ok());
    assert_eq!(transform.fit, Fit::Cover);
    assert_eq!(transform.gravity, Gravity::Face(Ratio::parse("zoom", 0.25).expect("in range")));
    let trim = Trim::Rectangle { left: 4, top: 1, right: TrimEnd::Before(2), bottom: TrimEnd::Before(3) };
    assert_eq!(transform.trim, Some(trim));
    assert_eq!((transform.flip, transform.rotate), (Flip::Both, Rotate::By90));
    assert_eq!(transform.gamma, Factor::parse("gamma", 2.0).expect("in range"));
    assert_eq!(transform.background, Some(Color { alpha: 0x88, ..Color::WHITE }));
    assert_eq!((transform.compression, transform.animation), (Compression::Fast, Animation::FirstFrame));
    assert_eq!((transform.metadata, transform.gamut), (MetadataPolicy::None, Gamut::DisplayP3));
    assert_eq!(Transform::from_canonical(&transform.canonical()).as_ref(), Ok(transform));
}

#[test]
fn trim_has_many_forms() {
    for (text, expected) in [
        (
            "trim.left=5,trim.width=100",
            Trim::Rectangle { left: 5, top: 0, right: TrimEnd::Length(100), bottom: TrimEnd::Before(0) },
        ),
        (
            "trim.top=7,trim.height=30,trim.right=1,dpr=2,w=9",
            Trim::Rectangle { left: 0, top: 14, right: TrimEnd::Before(2), bottom: TrimEnd::Length(60) },
        ),
        ("trim=border", Trim::Border { color: None, tolerance: 10, keep: 0 }),
        (
            "trim.border.color=white,trim.border.tolerance=0,trim.border.keep=3",
            Trim::Border { color: Some(Color::WHITE), tolerance: 0, keep: 3 },
        ),
    ] {
        let transform = Options::parse(text).expect(text).transform;
        assert_eq!(transform.trim, Some(expected), "{text}");
        assert_eq!(Transform::from_canonical(&transform.canonical()), Ok(transform), "{text}");
    }
    for bad in [
        "trim=1;2;3",
        "trim=1;2;3;4;5",
        "trim=border,trim.top=1",
        "trim.right=1,trim.width=2",
        "trim=-1;0;0;0",
    ] {
        assert!(Options::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn refusals_name_the_option_and_its_range() {
    for (text, expected) in [
        ("w=0", "width must be auto or a whole number from 1 to 12000"),
        ("w=10.5", "width must be auto or"),
        ("h=auto", "height must be a whole number from 1 to 12000"),
        ("w=12000,dpr=2", "width and height must be whole numbers from 1 to 12000"),
        ("fit=stretch", "fit must be one of scale-down, contain"),
        ("blur=251", "blur must be a number from 0 to 250"),
        ("blur=-1", "blur must be a number from 0 to 250"),
        ("blur=1e2", "blur must be a number from 0 to 250"),
        ("sharpen=11", "sharpen must be a number from 0 to 10"),
        ("gamma=nan", "gamma must be a number from 0 to 255"),
        ("q=0", "quality must be a whole number from 1 to 100, or one of high"),
        ("scq=great", "slow-connection-quality must be a whole number"),
        ("f=mp4", "format must be one of auto, avif"),
        ("g=2x0", "gravity must be one of auto, face"),
        ("rotate=45", "rotate must be one of 0, 90"),
        ("background=notacolour", "background must be a CSS colour"),
        ("dpr=11", "dpr must be a number from 0.1 to 10"),
        ("segment=foreground", "segment is not available: no model"),
        ("upscale=generate", "upscale is not available"),
        ("draw=image:x", "draw is not available: overlays are a part of named variants"),
        ("border=3", "border is not available"),
        ("wdith=3", "there is no option 'wdith'"),
        ("w=3,width=4", "width is given twice"),
        ("w=3,", "'' is not of the form option=value"),
        ("w", "'w' is not of the form"),
        ("w=%zz", "'w=%zz' is not of the form"),
    ] {
        let error = refused(text);
        assert!(error.starts_with(expected), "{text}: {error}");
    }
    assert_eq!(Options::parse(&"w=1,".repeat(1000)), Err(OptionsError::TooLong));
}

fn hints(headers: &[(&str, &str)]) -> ClientHints {
    ClientHints::read(|name| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value))
}

#[test]
fn client_hints_decide_the_width_and_the_quality() {
    let auto = Options::parse("width=auto,fit=cover,h=9,q=80,scq=20").expect("good");
    assert!(auto.uses_hints());
    let desktop = [("user-agent", "Mozilla/5.0 (X11; Linux x86_64)")];
    let phone = [("user-agent", "Mozilla/5.0 (Linux; Android 10; K) Mobile Safari")];
    for (headers, width) in [
        (&desktop[..], 1200),
        (&phone, 768),
        (&[("sec-ch-ua-mobile", "?1")], 768),
        (&[("sec-ch-viewport-width", "300")], 320),
        (&[("sec-ch-viewport-width", "300"), ("sec-ch-dpr", "2")], 768),
        (&[("sec-ch-viewport-width", "4000")], 1200),
        (&[("sec-ch-viewport-width", "x")], 1200),
    ] {
        let transform = auto.resolve(&hints(headers));
        assert_eq!(transform.width.map(Side::pixels), Some(width), "{headers:?}");
        assert_eq!(transform.quality, Quality::number(80).ok());
    }
    for slow in [("rtt", "151"), ("save-data", "on"), ("ect", "3g"), ("downlink", "4.9")] {
        assert_eq!(auto.resolve(&hints(&[slow])).quality, Quality::number(20).ok(), "{slow:?}");
    }
    for fast in [("rtt", "150"), ("save-data", "off"), ("ect", "4g"), ("downlink", "5")] {
        assert_eq!(auto.resolve(&hints(&[fast])).quality, Quality::number(80).ok(), "{fast:?}");
    }
    let own =
        Options::parse("width=auto,wbreakpoints=900;100;500,wmobile=50,wdesktop=60,dpr=1").expect("good");
    assert_eq!(own.resolve(&hints(&[("viewport-width", "101"), ("dpr", "9")])).width, Side::parse(500).ok());
    assert_eq!(own.resolve(&hints(&[])).width, Side::parse(60).ok());
}

#[test]
fn what_changes_nothing_beside_an_automatic_width_is_left_out() {
    let resolved = |text| Options::parse(text).expect("good").resolve(&hints(&[])).canonical();
    for (same, as_this) in [
        ("w=auto,g=left", "w=auto"),
        ("w=auto,fit=cover,g=left", "w=auto,fit=cover"),
        ("w=auto,h=9,fit=contain,g=auto", "w=auto,h=9,fit=contain"),
    ] {
        assert_eq!(resolved(same), resolved(as_this), "{same}");
    }
    assert_ne!(resolved("w=auto,h=9,fit=cover,g=left"), resolved("w=auto,h=9,fit=cover"));
}

#[test]
fn overlays_survive_their_canonical_text() {
    let fields = [
        ("image", "a b/c,d;e=1.png"),
        ("width", "0.25"),
        ("height", "40"),
        ("opacity", "0.5"),
        ("repeat", "x"),
        ("right", "10"),
        ("top", "0"),
        ("rotate", "90"),
        ("composite", "atop"),
        ("background", "#0008"),
    ];
    let overlay = parse_overlay(fields).expect("good");
    assert_eq!((overlay.x, overlay.y), (Anchor::End(10), Anchor::Start(0)));
    let transform = Transform { draw: vec![overlay.clone(), overlay], ..Transform::default() };
    assert_eq!(Transform::from_canonical(&transform.canonical()), Ok(transform));
    for (bad, expected) in [
        (&[("width", "3")][..], "draw must be given with an image"),
        (&[("image", "x"), ("left", "1"), ("right", "1")], "left or right is given twice"),
        (&[("image", "x"), ("gravity", "face")], "gravity must be a side or a point"),
        (&[("image", "x"), ("width", "1.5")], "width must be a whole number of pixels"),
        (&[("image", "x"), ("colour", "red")], "there is no option 'colour'"),
    ] {
        let error = parse_overlay(bad.iter().copied()).expect_err("bad").to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn a_variant_without_a_value_asks_for_nothing() {
    let plain = Options::parse("w=200");
    for text in ["public=undefined,w=200", "w=200,thumb=undefined", "public=undefined,w=200,public=undefined"]
    {
        assert_eq!(Options::parse(text), plain, "{text}");
    }
    for bad in ["w=200,h=undefined", "w=200,public=", "w=200,public=1", "w=200,a-b=undefined", "w=200,public"]
    {
        assert!(Options::parse(bad).is_err(), "{bad}");
    }
    assert!(Transform::from_canonical("fit=cover,public=undefined").is_err());
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,80}") {
        let _ = Options::parse(&text);
        let _ = Transform::from_canonical(&text);
    }

    #[test]
    fn whatever_is_accepted_survives_its_canonical_text(
        parts in proptest::collection::vec(prop_oneof![
            "(w|h|blur|sharpen|gamma|q|trim\\.top|trim\\.width|dpr|trim\\.border\\.keep)=[0-9]{1,3}(\\.[0-9]{1,3})?",
            "(fit)=(cover|crop|aspect-crop|pad|squeeze|scale-up)",
            "(g)=(auto|face|left|0\\.[0-9]{1,5}x0\\.[0-9]{1,5})",
            "(background|trim\\.border\\.color)=(%23[0-9a-f]{3,8}|hsl\\([0-9]{1,3},50%25,50%25\\))",
        ], 0..6)
    ) {
        if let Ok(options) = Options::parse(&parts.join(",")) {
            let text = options.transform.canonical();
            prop_assert_eq!(Transform::from_canonical(&text), Ok(options.transform));
        }
    }
}
