//! More than a server can bear: ten times the renders, and less memory than they want.

use crate::server::{ACCOUNT, HASH, Server, children, free_address, say, serve, signed};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Nobody waits longer for a picture that is stored, on however slow a machine.
const BOUND: Duration = Duration::from_secs(5);

/// What all processes may take together.
const MOST_KILOBYTES: u64 = 600 << 10;

/// A path of the management API.
fn images(rest: &str) -> String {
    format!("/client/v4/accounts/{ACCOUNT}/images/v1{rest}")
}

fn start(data: &Path, wrap: impl Fn(Command) -> Command) -> Server {
    let address = free_address();
    let mut command = serve(data, &address);
    command.args(["--refine", "off", "--levels", "off", "--render-workers", "1", "--render-queue", "4"]);
    let server = Server::spawn(wrap(command), &address);
    let flexible = br#"{"flexible_variants":true}"#;
    let answer = server.send("PATCH", &images("/config"), "application/json", flexible);
    assert_eq!(answer.status, 200, "{}", answer.text());
    server
}

/// A PNG of stripes, small as a file.
fn striped(width: u32, height: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().expect("a header");
    let mut stream = writer.stream_writer().expect("a stream");
    for row in 0..height {
        let shade = u8::try_from(row % 251).expect("small");
        stream.write_all(&[shade, 128, 255 - shade].repeat(width as usize)).expect("pixels");
    }
    stream.finish().expect("an end");
    drop(writer);
    file
}

/// Resident kilobytes of a process and of all that it started.
fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let own = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0);
    let others = children(process);
    own + others.iter().filter_map(|child| child.parse().ok()).map(resident).sum::<u64>()
}

/// Times of stored views until told to stop.
fn views(server: &Server, link: &str, stop: &AtomicBool) -> Vec<Duration> {
    let mut times = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let begun = Instant::now();
        let answer = server.get(link);
        assert!(answer.status == 200 && answer.is_stored(), "{} {}", answer.status, answer.text());
        times.push(begun.elapsed());
        assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
    }
    times.sort_unstable();
    times
}

#[test]
fn ten_times_the_load_is_refused_and_stored_pictures_are_served_on() {
    let data = tempfile::tempdir().expect("a folder");
    let server = start(data.path(), |command| command);
    let id = server.upload(&striped(1_600, 1_200), &[("requireSignedURLs", "true")]);
    let link = signed(&format!("/{HASH}/{id}/public"));
    while !server.get(&link).is_stored() {}
    let (alone, flooded, next) = (AtomicBool::new(false), AtomicBool::new(false), AtomicU32::new(100));
    let (made, refused, most) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
    let flood = || {
        while !flooded.load(Ordering::SeqCst) {
            let width = next.fetch_add(1, Ordering::SeqCst);
            let answer = server.get(&signed(&format!("/{HASH}/{id}/w={},h={}", width % 1_500 + 1, width)));
            match answer.status {
                200 => made.fetch_add(1, Ordering::SeqCst),
                503 => {
                    assert!(answer.headers.contains_key("retry-after"));
                    // Whoever obeys waits for a second; these are in a hurry.
                    std::thread::sleep(Duration::from_millis(20));
                    refused.fetch_add(1, Ordering::SeqCst)
                }
                status => panic!("{status} {}", answer.text()),
            };
        }
    };
    let [before, during] = std::thread::scope(|scope| {
        let before = scope.spawn(|| views(&server, &link, &alone));
        std::thread::sleep(Duration::from_secs(2));
        alone.store(true, Ordering::SeqCst);
        let before = before.join().expect("served");
        let floods: Vec<_> = (0..40).map(|_| scope.spawn(flood)).collect();
        let during = scope.spawn(|| views(&server, &link, &flooded));
        let begun = Instant::now();
        let enough = || made.load(Ordering::SeqCst) >= 10 && refused.load(Ordering::SeqCst) >= 100;
        while begun.elapsed() < Duration::from_secs(5)
            || !enough() && begun.elapsed() < Duration::from_secs(60)
        {
            let kilobytes = u32::try_from(resident(server.process.id())).expect("fits");
            most.fetch_max(kilobytes, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(50));
        }
        flooded.store(true, Ordering::SeqCst);
        floods.into_iter().for_each(|flood| flood.join().expect("200 or 503"));
        [before, during.join().expect("served")]
    });
    let (made, refused, most) = (made.into_inner(), refused.into_inner(), most.into_inner());
    let at = |times: &[Duration], part: usize| times[(times.len() - 1) * part / 100];
    say(&format!(
        "ten times the load: {made} made, {refused} refused with Retry-After; stored views p50 {:?}, p99 {:?} (alone \
         {:?}, {:?}); at most {} MB in all processes",
        at(&during, 50),
        at(&during, 99),
        at(&before, 50),
        at(&before, 99),
        most >> 10
    ));
    assert!(made >= 10 && refused >= 100, "{made} made, {refused} refused");
    assert!(u64::from(most) < MOST_KILOBYTES, "{most} kB");
}

/// A group of processes with a limit of memory; `None` where groups cannot be made, which is said.
struct Group(PathBuf);

impl Group {
    fn new(bytes: u64) -> Option<Group> {
        let name = format!("safelight-test-{}", std::process::id());
        let groups = [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")];
        for (root, limit) in groups {
            let group = Group(Path::new(root).join(&name));
            if std::fs::create_dir(&group.0).is_err() {
                continue;
            }
            if std::fs::write(group.0.join(limit), bytes.to_string()).is_ok() {
                return Some(group);
            }
        }
        say("\nSKIPPED: no group with a limit of memory can be made here (it takes root and its controller)");
        None
    }
}

impl Group {
    /// How often its processes wanted more.
    fn times_met(&self) -> u64 {
        let read = |name: &str| std::fs::read_to_string(self.0.join(name)).unwrap_or_default();
        let (counter, events) = (read("memory.failcnt"), read("memory.events"));
        let event = events.lines().find_map(|line| line.strip_prefix("max "));
        event.unwrap_or(&counter).trim().parse().expect("a number")
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while std::fs::remove_dir(&self.0).is_err() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn a_render_that_takes_the_last_memory_ends_alone() {
    let Some(group) = Group::new(256 << 20) else { return };
    let data = tempfile::tempdir().expect("a folder");
    let join = format!("echo $$ > {}/cgroup.procs && exec \"$0\" \"$@\"", group.0.display());
    let server = start(data.path(), |command| {
        let mut joined = Command::new("/bin/sh");
        joined.args(["-c", &join]).arg(command.get_program()).args(command.get_args()).env_clear();
        joined.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        joined.stdout(Stdio::null()).stderr(Stdio::null());
        joined
    });
    let small = server.upload(&striped(400, 300), &[("requireSignedURLs", "true")]);
    // 230 MB of pixels as they are decoded, and more to scale them.
    let large = server.upload(&striped(9_000, 8_500), &[("requireSignedURLs", "true")]);
    for round in 0..3 {
        let answer = server.get(&signed(&format!("/{HASH}/{large}/w={},fit=pad,h=8000", 7_000 + round)));
        // The picture is blamed: the server cannot tell who took the memory.
        assert_eq!(answer.status, 422, "{}", answer.text());
        let link = signed(&format!("/{HASH}/{small}/w={}", 100 + round));
        let shown = (0..50).map(|_| server.get(&link).status).find(|status| *status == 200);
        assert_eq!(shown, Some(200), "small pictures are made");
    }
    assert!(server.get(&images(&format!("/{large}/blob"))).body == striped(9_000, 8_500));
    let met = group.times_met();
    assert!(met > 0, "the limit was never met");
    say(&format!("renders beyond a limit of memory ended alone; the limit was met {met} times"));
    drop(server);
}
