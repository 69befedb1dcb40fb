//! `safelight copy`, `backup` and `restore` with real servers on both sides.

use crate::server::{ACCOUNT, HASH, Server, free_address, serve, signed};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

const SAMPLE: &[u8] = include_bytes!("../../assets/sample.jpg");

/// Images of the copy that is killed.
const MANY: usize = 150;

fn command(arguments: &[&str], places: &[(&str, &Path)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_safelight"));
    command.args(arguments).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (flag, place) in places {
        command.args([*flag].iter().filter(|flag| !flag.is_empty())).arg(place);
    }
    command
}

fn run(arguments: &[&str], places: &[(&str, &Path)]) -> Output {
    command(arguments, places).output().expect("it runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

fn succeed(arguments: &[&str], places: &[(&str, &Path)]) -> String {
    let output = run(arguments, places);
    assert!(output.status.success(), "{}", said(&output));
    said(&output)
}

fn stop(mut server: Server) {
    server.signal("-TERM");
    assert!(server.process.wait().expect("it ends").success());
}

fn images(rest: &str) -> String {
    format!("/client/v4/accounts/{ACCOUNT}/images/v1{rest}")
}

fn numbered_png(n: usize) -> Vec<u8> {
    let mut file = Vec::new();
    let mut writer = png::Encoder::new(&mut file, 1, 2).write_header().expect("a header");
    writer.write_image_data(&[(n / 256) as u8, (n % 256) as u8]).expect("pixels");
    writer.finish().expect("an end");
    file
}

/// What clients see of a server, but for what depends on its address.
fn seen(server: &Server, ids: &[&str]) -> Vec<Vec<u8>> {
    let mut seen = Vec::new();
    for id in ids {
        for path in [
            images(&format!("/{id}/blob")),
            images(&format!("/{id}")),
            signed(&format!("/{HASH}/{id}/thumb")),
        ] {
            let answer = server.get(&path);
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            seen.push(answer.text().replace(&server.origin, "").into_bytes());
        }
        seen.push(server.get(&format!("/{HASH}/{id}/public")).status.to_string().into_bytes());
    }
    let filtered = format!("/client/v4/accounts/{ACCOUNT}/images/v2?meta.n%5Beq:number%5D=1");
    for path in [filtered, images("/keys"), images("/variants"), images("/stats")] {
        let answer = server.get(&path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        seen.push(answer.text().replace(&server.origin, "").into_bytes());
    }
    seen
}

/// A server that makes each rendition once, so that its answers stay as they are.
pub(crate) fn start_plain(data: &Path) -> Server {
    let address = free_address();
    let mut command = serve(data, &address);
    command.args(["--refine", "off"]);
    Server::spawn(command, &address)
}

#[test]
fn everything_goes_to_another_place_and_is_served_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, other) = (folder.path().join("one"), folder.path().join("other"));
    let server = start_plain(&one);
    let private = server.upload(SAMPLE, &[("requireSignedURLs", "true"), ("metadata", r#"{"n":1}"#)]);
    server.upload(&numbered_png(7), &[("id", "a/b"), ("metadata", r#"{"n":"2"}"#)]);
    let thumb = br#"{"id":"thumb","options":{"width":100},"neverRequireSignedURLs":false}"#;
    assert_eq!(server.send("POST", &images("/variants"), "application/json", thumb).status, 200);
    assert_eq!(server.send("PUT", &images("/keys/second"), "application/json", b"").status, 200);
    let ids = [private.as_str(), "a%2Fb"];
    let before = seen(&server, &ids);
    let running = run(&["copy"], &[("--from", &one), ("--to", &other)]);
    assert!(!running.status.success() && said(&running).contains("stop the server"), "{}", said(&running));
    stop(server);

    std::fs::remove_dir_all(&other).ok();
    succeed(&["copy"], &[("--from", &one), ("--to", &other)]);
    assert!(!other.join("copy").exists(), "nothing unfinished is left");
    let server = start_plain(&other);
    for (now, before) in seen(&server, &ids).iter().zip(&before) {
        assert!(now == before, "{}", String::from_utf8_lossy(now));
    }
    stop(server);
    let again = run(&["copy"], &[("--from", &one), ("--to", &other)]);
    assert!(!again.status.success() && said(&again).contains("not empty"), "{}", said(&again));
    let same = run(&["copy"], &[("--from", &one), ("--to", &one)]);
    assert!(!same.status.success(), "{}", said(&same));
    let nothing =
        run(&["copy"], &[("--from", &folder.path().join("none")), ("--to", &folder.path().join("x"))]);
    assert!(!nothing.status.success() && said(&nothing).contains("no catalog"), "{}", said(&nothing));
}

/// Lines of objects that were read back; none when there is no unfinished copy.
fn verified(target: &Path) -> Option<usize> {
    let text = std::fs::read_to_string(target.join("copy/verified")).ok()?;
    Some(text.lines().filter(|line| line.len() > 64).count())
}

/// Whether it was killed before its end.
fn kill_in_the_middle(mut copy: Child, target: &Path) -> bool {
    while copy.try_wait().expect("it can be asked").is_none() {
        if verified(target).is_some_and(|count| count >= MANY / 10) {
            copy.kill().expect("killed");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    verified(target).is_some_and(|count| count < MANY)
}

#[test]
fn a_copy_that_is_killed_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let one = folder.path().join("one");
    let server = Server::start(&one);
    for n in 0..MANY {
        server.upload(&numbered_png(n), &[("id", &format!("i{n}"))]);
    }
    stop(server);
    let killed = (0..20).map(|attempt| folder.path().join(attempt.to_string())).find(|target| {
        let copy = command(&["copy"], &[("--from", &one), ("--to", target)]).spawn().expect("it runs");
        kill_in_the_middle(copy, target)
    });
    let target = killed.expect("one was killed in time");
    assert!(!target.join("catalog.sqlite").exists(), "no row before its bytes");
    let early = serve(&target, &free_address()).stderr(Stdio::piped()).output().expect("it ends");
    assert!(!early.status.success() && said(&early).contains("beginning of a copy"), "{}", said(&early));
    let text = succeed(&["copy"], &[("--from", &one), ("--to", &target)]);
    assert!(!text.contains(" 0 there before"), "{text}");
    let server = Server::start(&target);
    for n in 0..MANY {
        assert!(server.get(&images(&format!("/i{n}/blob"))).body == numbered_png(n), "i{n}");
    }
    let stats = server.get(&images("/stats")).json();
    assert_eq!(stats["result"]["count"]["current"], MANY);
}

#[test]
fn a_running_server_is_backed_up_and_restored() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let (data, backup, restored) = (path("data"), path("backup"), path("restored"));
    let server = Server::start(&data);
    server.upload(&numbered_png(1), &[("id", "first")]);
    server.upload(SAMPLE, &[("id", "second"), ("requireSignedURLs", "true")]);
    let text = succeed(&["backup"], &[("--from", &data), ("", &backup)]);
    assert!(text.contains("2 files written"), "{text}");
    server.upload(&numbered_png(3), &[("id", "third")]);
    assert_eq!(server.send("DELETE", &images("/first"), "text/plain", b"").status, 200);
    let text = succeed(&["backup"], &[("--from", &data), ("", &backup)]);
    assert!(text.contains("1 files written") && text.contains("1 there before"), "{text}");
    stop(server);
    let checked =
        Command::new("sha256sum").args(["--check", "--quiet", "SHA256SUMS"]).current_dir(&backup).output();
    let checked = checked.expect("sha256sum runs");
    assert!(checked.status.success(), "{}", said(&checked));

    succeed(&["restore"], &[("", &backup), ("--to", &restored)]);
    let server = Server::start(&restored);
    assert_eq!(server.get(&images("/first")).status, 404);
    assert!(server.get(&images("/third/blob")).body == numbered_png(3));
    assert_eq!(server.get(&format!("/{HASH}/second/public")).status, 403);
    assert_eq!(server.get(&signed(&format!("/{HASH}/second/public"))).status, 200);
    stop(server);
    let refused = run(&["restore"], &[("", &backup), ("--to", &restored)]);
    assert!(!refused.status.success() && said(&refused).contains("not empty"), "{}", said(&refused));
    let refused = run(&["restore"], &[("", &data), ("--to", &path("x"))]);
    assert!(!refused.status.success() && said(&refused).contains("no finished backup"), "{}", said(&refused));
    let refused = run(&["backup"], &[("--from", &restored), ("", &data)]);
    assert!(!refused.status.success() && said(&refused).contains("not empty"), "{}", said(&refused));
}

#[test]
fn a_backup_that_has_rotted_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let server = Server::start(&path("data"));
    server.upload(&numbered_png(1), &[("id", "first")]);
    server.upload(&numbered_png(2), &[("id", "second")]);
    succeed(&["backup"], &[("--from", &path("data")), ("", &path("backup"))]);
    stop(server);
    let sums = std::fs::read_to_string(path("backup").join("SHA256SUMS")).expect("hashes");
    let object = sums.lines().find_map(|line| line.split_once("  ")).expect("a line").1;
    let mut bytes = std::fs::read(path("backup").join(object)).expect("an original");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(path("backup").join(object), bytes).expect("written");
    let restored = run(&["restore"], &[("", &path("backup")), ("--to", &path("restored"))]);
    let text = said(&restored);
    assert!(!restored.status.success() && text.contains("damaged: image "), "{text}");
    let server = Server::start(&path("restored"));
    for id in ["first", "second"] {
        assert_eq!(server.get(&images(&format!("/{id}"))).status, 200, "all else was restored");
    }
}
