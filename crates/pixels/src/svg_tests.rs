use super::*;

fn clean(body: &str) -> String {
    let file = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' width='9'>{body}</svg>"
    );
    safe(&file)
}

/// Sanitises twice, and demands that the second time changes nothing.
fn safe(file: &str) -> String {
    let once = sanitised(file.as_bytes()).unwrap_or_else(|fault| panic!("{file}: {fault}"));
    assert_eq!(sanitised(&once).as_ref(), Ok(&once), "{file}");
    String::from_utf8(once).expect("UTF-8")
}

/// One black pixel.
const PNG: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABAQAAAAA3bvkkAAAACklEQVR4AWNgAAAAAgABc3UBGAAAAABJRU5ErkJggg";

#[test]
fn pictures_stay_as_they_are() {
    for body in [
        r##"<defs><linearGradient id="a"><stop offset="0" stop-color="#fff"/></linearGradient></defs><path d="M0 0L9 9" fill="url(#a)"/>"##,
        r##"<g id="b" transform="scale(2)"><circle cx="1" cy="2" r="3"/></g><use href="#b" x="4"/>"##,
        "<style>.a{fill:#123}\n@media print{.a{fill:url(#g)}}</style><rect class=\"a\" height=\"4\" width=\"4\"/>",
        "<text x=\"1\">one <tspan>two</tspan><tspan>three</tspan>\n\tfour &lt;&amp;&gt; 画像</text>",
        r#"<title>A &amp; B</title><desc>c</desc>"#,
        r#"<animate attributeName="opacity" dur="1s" from="0" to="1"/>"#,
    ] {
        let made = clean(body);
        assert_eq!(made, format!("<svg xmlns=\"{NAMESPACE}\" width=\"9\">{body}</svg>"));
    }
    let imported = "<style>@import url('https://fonts.example/css?a=b');.a{fill:red}</style>";
    assert!(clean(imported).contains("<style>.a{fill:red}</style>"));
    let image = format!("<image height=\"4\" href=\"{PNG}\" width=\"4\"/>");
    assert!(clean(&image).contains(&image));
    let linked = format!("<image xlink:href=\"{PNG}\" width=\"4\"/>");
    assert!(clean(&linked).contains(&format!("<image href=\"{PNG}\" width=\"4\"/>")));
}

/// What attacks are made of; none of it is left of any of them.
const SIGNS: [&str; 18] = [
    "script",
    "alert",
    "evil",
    "onload",
    "onclick",
    "onbegin",
    "foreignobject",
    "iframe",
    "<!",
    "<?",
    "import",
    "javascript",
    "xhtml",
    "binding",
    "expression",
    "svg+xml",
    "text/html",
    "\\",
];

#[test]
fn nothing_of_an_attack_is_left() {
    let attacks = [
        "<script>alert(1)</script>",
        "<script href='http://evil/x.js'/><script xlink:href='data:text/javascript,alert(1)'/>",
        "<script xmlns='http://www.w3.org/1999/xhtml'>alert(1)</script>",
        "<x:script xmlns:x='http://www.w3.org/2000/svg'>alert(1)</x:script>",
        "<x:script xmlns:x='http://www.w3.org/1999/xhtml'>alert(1)</x:script>",
        "<g xmlns='http://www.w3.org/1999/xhtml'><script>alert(1)</script></g>",
        "<x:g xmlns:x='http://www.w3.org/2000/svg' xmlns='http://www.w3.org/1999/xhtml'><x:rect/><script/></x:g>",
        "<rect onload='alert(1)' onclick='alert(1)' ONLOAD='alert(1)'/>",
        "<animate onbegin='alert(1)' attributeName='x'/>",
        "<foreignObject><iframe xmlns='http://www.w3.org/1999/xhtml' src='javascript:alert(1)'/></foreignObject>",
        "<a href='javascript:alert(1)'><text>t</text></a>",
        "<a xlink:href='javascript:alert(1)'><text>t</text></a>",
        "<a xlink:href='http://evil/'><text>t</text></a>",
        "<a href='java&#x09;script:alert(1)'/>",
        "<a href=' JaVaScRiPt:alert(1)'/>",
        "<use href='javascript:alert(1)'/><image href='javascript:alert(1)'/><pattern href='javascript:alert(1)'/>",
        "<use href='data:image/svg+xml,&lt;svg id=\"x\" onload=\"alert(1)\"/>#x'/>",
        "<use href='http://evil/x.svg#a'/><use href='evil.svg#a'/><use href='//evil/x.svg#a'/>",
        "<image href='http://evil/x.png'/><image href='/evil.png'/><image href='evil.png'/>",
        "<image href='data:image/svg+xml;base64,PHN2Zy8+'/>",
        "<image href='data:text/html,alert(1)'/>",
        "<feImage href='http://evil/x.png'/><feImage xlink:href='http://evil/x.png'/>",
        "<set attributeName='href' to='javascript:alert(1)'/>",
        "<set attributeName='xlink:href' to='javascript:alert(1)'/>",
        "<a id='l'><animate attributeName='href' values='javascript:alert(1)'/></a>",
        "<animate attributeName='href' from='javascript:alert(1)' to='http://evil/'/>",
        "<animate href='#l' attributeName='onload' to='alert(1)'/>",
        "<rect style='fill:url(http://evil/x)'/><rect fill='url(http://evil/x)'/><rect fill='url(//evil/x)'/>",
        "<rect filter='url( \"http://evil/x\" )'/><rect mask='URL(evil.svg#a)'/>",
        "<style>@import 'http://evil/x.css';</style><style>@import url(http://evil/x.css);</style>",
        "<style>@\\69mport 'http://evil/x.css';</style>",
        "<style>a{background:u\\72l(http://evil/x)}</style>",
        "<style>a{background:url(http://evil/x)}b{background:url('//evil/x')}</style>",
        "<style>a{background:image-set('http://evil/x' 1x)}</style>",
        "<style>a{src:src('http://evil/x')}</style>",
        "<style><![CDATA[a{background:url(http://evil/x)}]]></style>",
        "<style>a{-moz-binding:url(http://evil/x#a)}</style><rect style='-moz-binding:url(evil)'/>",
        "<rect style='width:expression(alert(1))'/><style>a{behavior:url(evil.htc)}</style>",
        "<style>@font-face{src:url(http://evil/x.woff)}</style>",
        "<style>/*</style><style>*/a{}</style><rect/>",
        "<style xmlns='http://www.w3.org/1999/xhtml'>@import 'evil';</style>",
        "<g xml:base='http://evil/'/><rect xlink:show='evil'/>",
        "<?xml-stylesheet href='http://evil/x.css'?><!-- <script>alert(1)</script> -->",
        "<iframe src='http://evil/'/><embed src='http://evil/'/><object data='http://evil/'/><video src='evil'/>",
        "<handler>alert(1)</handler><listener handler='#x'/>",
        "<image href='data:image/png;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg=='/>",
    ];
    for attack in attacks {
        let made = clean(attack).to_lowercase();
        let body = made.split_once('>').map_or("", |(_, body)| body);
        for sign in SIGNS {
            assert!(!body.contains(sign), "{sign} is left of {attack}: {made}");
        }
        assert!(!body.contains("http"), "{attack}: {made}");
    }
}

#[test]
fn text_that_looks_like_markup_stays_text() {
    for (body, expected) in [
        ("<text>&lt;script&gt;</text>", "<text>&lt;script&gt;</text>"),
        ("<text><![CDATA[<script>x</script>]]></text>", "<text>&lt;script&gt;x&lt;/script&gt;</text>"),
        ("<text aria-label='&quot;&gt;&lt;b'>x</text>", "<text aria-label=\"&quot;&gt;&lt;b\">x</text>"),
    ] {
        assert_eq!(clean(body), format!("<svg xmlns=\"{NAMESPACE}\" width=\"9\">{expected}</svg>"));
    }
}

#[test]
fn a_file_without_a_namespace_gets_it() {
    assert_eq!(safe("<svg><rect/></svg>"), format!("<svg xmlns=\"{NAMESPACE}\"><rect/></svg>"));
    let prefixed = "<s:svg xmlns:s='http://www.w3.org/2000/svg'><s:rect width='2'/></s:svg>";
    assert_eq!(safe(prefixed), format!("<svg xmlns=\"{NAMESPACE}\"><rect width=\"2\"/></svg>"));
    assert!(sanitised(b"<svg xmlns='http://www.w3.org/1999/xhtml'><script/></svg>").is_err());
}

#[test]
fn document_types_are_dropped_or_refused() {
    let plain = "<?xml version=\"1.0\"?><!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"http://evil/svg11.dtd\"><svg/>";
    assert_eq!(safe(plain), format!("<svg xmlns=\"{NAMESPACE}\"/>"));
    for bomb in [
        "<!DOCTYPE svg [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]><svg><text>&b;</text></svg>",
        "<!DOCTYPE svg [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><svg><text>&x;</text></svg>",
        "<!DOCTYPE svg [<!ATTLIST svg onload CDATA 'alert(1)'>]><svg/>",
        "<!ENTITY a 'ha'><svg/>",
        "<svg>&b;</svg>",
    ] {
        assert!(matches!(sanitised(bomb.as_bytes()), Err(Fault::Corrupt(_))), "{bomb}");
    }
}

#[test]
fn what_is_too_much_is_refused_before_it_is_parsed() {
    let nested = |depth: usize| format!("{}{}", "<g>".repeat(depth), "</g>".repeat(depth));
    assert!(!clean(&nested(MAX_DEPTH - 1)).is_empty());
    let attributes: String = (0..=MAX_ATTRIBUTES).map(|n| format!(" a{n}=''")).collect();
    for body in [nested(MAX_DEPTH), format!("<g{attributes}/>"), format!("<{}/>", "g".repeat(1001))] {
        let file = format!("<svg>{body}</svg>");
        assert!(matches!(root(&file), Err(Fault::Corrupt(_))), "{}", body.len());
    }
    assert!(text(&vec![b' '; MAX_BYTES + 1]).is_err());
    for broken in ["<svg>", "<svg></g>", "<svg/><svg/>", "<svg><a></svg></a>", "", "<svg", "<svg a=b/>"] {
        assert!(root(broken).is_err(), "{broken}");
    }
}

#[test]
fn other_encodings_become_utf_8_or_are_refused() {
    let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><svg><text>\xE9</text></svg>";
    let made = sanitised(latin).map(|made| String::from_utf8(made).expect("UTF-8"));
    assert_eq!(made, Ok(format!("<svg xmlns=\"{NAMESPACE}\"><text>é</text></svg>")));
    assert!(sanitised(b"<svg><text>\xE9</text></svg>").is_err());
    let wide: Vec<u8> = "<svg/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(sanitised(&wide).is_err());
}

/// Pieces of markup that are joined at random, so that quotes, comments, styles and ends meet where
/// nobody meant them to.
const PIECES: [&str; 34] = [
    "<g>",
    "</g>",
    "<g ",
    ">",
    "/>",
    "<style>",
    "</style>",
    "<style><![CDATA[",
    "]]>",
    "<!--",
    "-->",
    "'",
    "\"",
    "=",
    "href='",
    "xlink:href=\"",
    "javascript:x",
    "http://evil/x",
    "style='",
    "fill=\"url(",
    "url(#a)",
    ")",
    "/*",
    "*/",
    "@import ",
    ";",
    "{",
    "}",
    "\\",
    "<script>",
    "</script>",
    "&lt;",
    "&#60;",
    " onload='x' ",
];

#[test]
fn markup_joined_at_random_is_refused_or_becomes_stable() {
    let mut dice = 20_261_124_u64;
    let mut below = |end: usize| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) as usize % end
    };
    let (mut made, mut refused) = (0, 0);
    for _ in 0..30_000 {
        let body: String = (0..1 + below(9)).map(|_| PIECES[below(PIECES.len())]).collect();
        let file = format!("<svg xmlns:xlink='http://www.w3.org/1999/xlink'>{body}</svg>");
        let Ok(once) = sanitised(file.as_bytes()) else {
            refused += 1;
            continue;
        };
        made += 1;
        assert_eq!(sanitised(&once).as_ref(), Ok(&once), "{file}");
        let text = String::from_utf8(once).expect("UTF-8");
        for token in Tokens::new(&text).map(|token| token.expect("sound")) {
            if let Token::Start { name, attributes, .. } = token {
                assert!(!name.eq_ignore_ascii_case("script"), "{file}");
                for (name, value) in Attributes::new(attributes).map(|attribute| attribute.expect("sound")) {
                    assert!(!name.starts_with("on") && !value.contains("javascript:"), "{file}");
                    assert!(name == "xmlns" || !value.contains("//"), "{file}: {text}");
                }
            }
        }
    }
    assert!(made > 1_000 && refused > 1_000, "{made} made, {refused} refused");
}

#[test]
fn elements_within_a_style_hide_nothing() {
    for style in [
        "r<set/>ect{fill:url(http://evil/y)}",
        "a{}<g><text>b</text></g>rect{fill:url(http://evil/y)}",
        "rect{fill:u<set/>rl(http://evil/y)}",
        "@imp<g/>ort 'http://evil/y';",
    ] {
        let made = clean(&format!("<style>{style}</style><rect/>"));
        assert!(!made.contains("evil") && !made.contains("@import") && made.contains("<rect/>"), "{made}");
    }
}

/// A PNG of one pixel, with a comment and more behind its end, in a data URL.
fn talkative() -> String {
    let dot = DataUrl::process(PNG).expect("a data URL").decode_to_vec().expect("base64").0;
    let (head, rest) = dot.split_at(33);
    let file = [head, b"\0\0\0\x06tEXtsecret\0\0\0\0", rest, b"secret"].concat();
    let written: String = file.iter().map(|byte| format!("%{byte:02X}")).collect();
    format!("data:image/png;by=secret,{written}#secret")
}

#[test]
fn pictures_within_lose_what_they_tell() {
    let url = talkative();
    for (body, expected) in [
        (format!("<image href='{url}'/>"), format!("<image href=\"{PNG}\"/>")),
        (format!("<feImage href='{url}'/>"), format!("<feImage href=\"{PNG}\"/>")),
        (format!("<rect fill='url({url})'/>"), format!("<rect fill=\"url({PNG})\"/>")),
        (format!("<style>a{{fill:url({url})}}</style>"), format!("<style>a{{fill:url({PNG})}}</style>")),
        ("<image href='data:image/png;base64,iVBORw0KGgo='/>".to_owned(), "<image/>".to_owned()),
    ] {
        let made = clean(&body);
        assert!(made.contains(&expected), "{made}");
        assert!(!made.contains("secret"), "{made}");
    }
}
