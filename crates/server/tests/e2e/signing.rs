//! Other people's signers: openssl, Python and Node each sign on their own, and the server accepts.

use crate::server::{HASH, KEY, Server};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

const SAMPLE: &[u8] = include_bytes!("../../assets/sample.jpg");

const PYTHON: &str = "\
import hashlib, hmac, sys
key, text = sys.argv[1:]
print(hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest())";

const NODE: &str = "\
const [key, text] = process.argv.slice(1);
console.log(require('node:crypto').createHmac('sha256', key).update(text).digest('hex'));";

/// The signature that each of the three makes.
fn signatures(text: &str) -> Vec<(&'static str, String)> {
    let openssl = "printf %s \"$TEXT\" | openssl dgst -sha256 -hmac \"$KEY\" -r | cut -c1-64";
    [
        ("openssl", Command::new("sh").args(["-c", openssl]).env("TEXT", text).env("KEY", KEY).output()),
        ("python3", Command::new("python3").args(["-c", PYTHON, KEY, text]).output()),
        ("node", Command::new("node").args(["-e", NODE, KEY, text]).output()),
    ]
    .into_iter()
    .map(|(program, output)| {
        let output =
            output.unwrap_or_else(|error| panic!("{program} is needed (make setup installs it): {error}"));
        let signature = String::from_utf8(output.stdout).expect("text").trim().to_owned();
        assert_eq!(signature.len(), 64, "{program}: {}", String::from_utf8_lossy(&output.stderr));
        (program, signature)
    })
    .collect()
}

#[test]
fn links_signed_elsewhere_open_private_images() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::start(data.path());
    server.upload(SAMPLE, &[("id", "a b/ü.jpg"), ("requireSignedURLs", "true")]);
    let path = format!("/{HASH}/a%20b/%C3%BC.jpg/public");
    assert_eq!(server.get(&path).status, 403);

    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    for (exp, status) in [(now + 600, 200), (now - 1, 403)] {
        for (program, signature) in signatures(&format!("{path}?exp={exp}")) {
            let answer = server.get(&format!("{path}?exp={exp}&sig={signature}"));
            assert_eq!(answer.status, status, "{program}: {}", answer.text());
        }
    }
    for (program, signature) in signatures(&path) {
        assert_eq!(server.get(&format!("{path}?sig={signature}")).status, 200, "{program}, without expiry");
        assert_eq!(server.get(&format!("{path}?exp={}&sig={signature}", now + 600)).status, 403, "{program}");
    }
}

#[test]
fn the_three_agree_with_the_known_answer() {
    let path = "/cheeW4oKsx5ljh8e8BoL2A/bc27a117-9509-446b-8c69-c81bfeac0a01/mobile";
    for (program, signature) in signatures(&format!("{path}?exp=1631289275")) {
        assert_eq!(
            signature, "72411885ee02134d38662f3e70ac8ff694f408e9d14b05125f6b022c3f403efa",
            "{program}"
        );
    }
}
