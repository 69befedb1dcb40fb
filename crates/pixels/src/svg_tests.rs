use super::*;

fn clean(body: &str) -> String {
    let file = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\">{body}</svg>"
    );
    let out = sanitise(file.as_bytes()).unwrap_or_else(|fault| panic!("{body}: {fault}"));
    let again = sanitise(&out).expect("a clean file is clean");
    assert_eq!(again, out, "sanitising twice changes something: {body}");
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn drawings_survive() {
    let kept = clean(
        "<defs><linearGradient id=\"g\"><stop offset=\"0\" stop-color=\"red\"/></linearGradient></defs>\
         <style>.a { fill: url(#g) }</style><rect class=\"a\" width=\"3\" height=\"4\" fill=\"url(#g)\"/>\
         <use href=\"#g\"/><text>a &lt; b ü</text>\
         <image href=\"data:image/png;base64,iVBORw0KGgo=\"/>",
    );
    for part in [
        "<linearGradient",
        "fill: url(#g)",
        "fill=\"url(#g)\"",
        "href=\"#g\"",
        "a &lt; b ü",
        "data:image/png;base64,iVBORw0KGgo=",
    ] {
        assert!(kept.contains(part), "{part} is missing in {kept}");
    }
}

#[test]
fn nothing_runs_and_nothing_is_loaded() {
    let attacks = [
        "<script>alert(1)</script>",
        "<SCRIPT>alert(1)</SCRIPT>",
        "<script xlink:href=\"https://evil.example/x.js\"/>",
        "<script href=\"data:text/javascript,alert(1)\"/>",
        "<x:script xmlns:x=\"http://www.w3.org/2000/svg\">alert(1)</x:script>",
        "<x:script xmlns:x=\"http://www.w3.org/1999/xhtml\">alert(1)</x:script>",
        "<rect onload=\"alert(1)\" onclick=\"alert(1)\"/>",
        "<a xlink:href=\"javascript:alert(1)\"><text>x</text></a>",
        "<a href=\" java&#10;script:alert(1)\"><text>x</text></a>",
        "<a href=\"https://evil.example/\"><text>x</text></a>",
        "<foreignObject><iframe xmlns=\"http://www.w3.org/1999/xhtml\" src=\"javascript:alert(1)\"/></foreignObject>",
        "<image href=\"https://evil.example/x.png\"/>",
        "<image xlink:href=\"//evil.example/x.png\"/>",
        "<image href=\"/hash/private-image/public\"/>",
        "<image href=\"other.png\"/>",
        "<image href=\"data:image/svg+xml,&lt;svg onload='alert(1)'/>\"/>",
        "<image href=\"data:text/html,alert(1)\"/>",
        "<use href=\"data:image/svg+xml,&lt;svg id='x'/>#x\"/>",
        "<use href=\"https://evil.example/x.svg#x\"/>",
        "<feImage href=\"https://evil.example/x.png\"/>",
        "<a><set attributeName=\"href\" to=\"javascript:alert(1)\"/></a>",
        "<a><animate attributeName=\"xlink:href\" values=\"javascript:alert(1)\"/></a>",
        "<set attributeName=\"onmouseover\" to=\"alert(1)\"/>",
        "<style>@import url(https://evil.example/x.css);</style>",
        "<style>@import 'https://evil.example/x.css';</style>",
        "<style>rect { fill: url(https://evil.example/x.svg#y) }</style>",
        "<style>rect { fill: u\\72l(https://evil.example/x.svg#y) }</style>",
        "<style><![CDATA[ @import 'https://evil.example/x.css'; ]]></style>",
        "<style>rect { -moz-binding: url(https://evil.example/x.xml#y) }</style>",
        "<rect style=\"fill: url('https://evil.example/x.svg#y')\"/>",
        "<rect fill=\"url(https://evil.example/x.svg#y)\"/>",
        "<rect filter=\"url(x.svg#y)\"/>",
        "<handler xmlns:ev=\"http://www.w3.org/2001/xml-events\" ev:event=\"load\">alert(1)</handler>",
        "<?xml-stylesheet href=\"https://evil.example/x.css\"?>",
        "<iframe src=\"https://evil.example/\"/>",
        "<svg onload=\"alert(1)\"><script>alert(1)</script></svg>",
    ];
    for attack in attacks {
        let out = clean(attack).to_ascii_lowercase();
        for word in [
            "alert",
            "script",
            "evil",
            "iframe",
            "import",
            "binding",
            "onload",
            "private",
            "other.png",
            "x.svg",
            "foreign",
        ] {
            assert!(!out.contains(word), "{word} survives of {attack}: {out}");
        }
    }
}

#[test]
fn bombs_and_broken_files_are_refused() {
    let entities: String =
        (1..12).map(|n| format!("<!ENTITY e{n} \"&e{0};&e{0};&e{0};&e{0};\">", n - 1)).collect();
    let laughs = format!(
        "<!DOCTYPE svg [<!ENTITY e0 \"ha\">{entities}]><svg xmlns=\"http://www.w3.org/2000/svg\"><text>&e11;</text></svg>"
    );
    let external = "<!DOCTYPE svg [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>\
                    <svg xmlns=\"http://www.w3.org/2000/svg\"><text>&x;</text></svg>";
    let deep = format!("<svg xmlns=\"http://www.w3.org/2000/svg\">{}", "<g>".repeat(100_000));
    for (name, file) in [
        ("laughs", laughs.as_str()),
        ("deep", &deep),
        ("open", "<svg xmlns=\"http://www.w3.org/2000/svg\"><g>"),
        (
            "two roots",
            "<svg xmlns=\"http://www.w3.org/2000/svg\"/><svg xmlns=\"http://www.w3.org/2000/svg\"/>",
        ),
        ("no namespace", "<svg><rect/></svg>"),
    ] {
        let fault = sanitise(file.as_bytes()).expect_err(name);
        assert!(matches!(fault, Fault::Corrupt(_)), "{name}");
    }
    let out = sanitise(external.as_bytes()).expect("an unknown entity is nothing");
    assert!(!String::from_utf8_lossy(&out).contains("root:"));
    assert!(matches!(sanitise(&vec![b' '; SVG_BYTES + 1]), Err(Fault::Corrupt(_))));
}
