//! The pool with real worker processes: the program itself, started again.

// Helpers of tests may panic as tests do.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use bytes::Bytes;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::{Pid, Signal, kill_process};
use safelight::config::{RenderConfig, Sandbox};
use safelight::protocol::{self, Base, Request, Response};
use safelight::renderer::{Demand, RenderError, Renderer, Urgency};
use safelight_domain::image::{SourceFormat, SourceInfo, SourceLimits, Turn};
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::{Blur, Fit, Side, Transform};
use safelight_pixels::Cost;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// No test waits as long as this for something that is to happen.
const LONG: Duration = Duration::from_secs(30);
/// A time limit that a stopped worker runs into.
const SHORT: Duration = Duration::from_millis(300);

fn pool(workers: usize, queue: usize, timeout: Duration) -> Renderer {
    Renderer::start(&RenderConfig { workers, queue, timeout, ..config() }, SourceLimits::CLOUDFLARE)
}

fn config() -> RenderConfig {
    RenderConfig {
        program: PathBuf::from(env!("CARGO_BIN_EXE_safelight")),
        workers: 1,
        queue: 8,
        wait: Duration::from_secs(60),
        held_bytes: 512 << 20,
        total_memory: 2 << 30,
        timeout: LONG,
        memory: 8 << 30,
        worker_jobs: 500,
        sandbox: Sandbox::Required,
    }
}

/// A PNG of this size, grey with a gradient.
fn png(width: u32, height: u32) -> Bytes {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().expect("a header");
    let pixels: Vec<u8> = (0..height * width).flat_map(|n| [(n % 251) as u8; 3]).collect();
    writer.write_image_data(&pixels).expect("pixels");
    writer.finish().expect("finished");
    file.into()
}

fn to_width(width: u64) -> Transform {
    Transform { fit: Fit::Contain, width: Side::parse(width).ok(), ..Transform::default() }
}

fn awaited() -> Demand {
    Demand::new(Urgency::Awaited, Cost::default())
}

async fn render(pool: &Renderer, file: Bytes) -> Result<(u32, u32), RenderError> {
    let rendered = pool.render(Base::Original, vec![file], to_width(4), OutputFormat::Png, awaited()).await?;
    Ok((rendered.width, rendered.height))
}

/// The pool's one worker, started if need be.
async fn worker(pool: &Renderer) -> Pid {
    pool.check().await.expect("a worker");
    let pids = pool.worker_pids();
    assert_eq!(pids.len(), 1);
    Pid::from_raw(pids[0].cast_signed()).expect("a number")
}

async fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !happened() {
        assert!(begin.elapsed() < LONG, "still not: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn exists(pid: Pid) -> bool {
    PathBuf::from(format!("/proc/{pid}")).exists()
}

/// Whether the process has work that it does not do because it is stopped.
async fn stop(pid: Pid) {
    kill_process(pid, Signal::STOP).expect("stopped");
    until("the worker is stopped", || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
        stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T'))
    })
    .await;
}

#[tokio::test]
async fn files_are_probed_and_rendered() {
    let pool = pool(2, 8, LONG);
    let info = pool.probe(png(8, 6)).await.expect("a picture");
    assert_eq!(
        info,
        SourceInfo {
            format: SourceFormat::Png,
            width: 8,
            height: 6,
            has_alpha: false,
            frames: 1,
            turn: Turn::Upright
        }
    );
    let rendered = pool
        .render(Base::Original, vec![png(8, 6)], to_width(4), OutputFormat::Png, awaited())
        .await
        .expect("a rendition");
    assert_eq!((rendered.width, rendered.height), (4, 3));
    let decoded = png::Decoder::new(std::io::Cursor::new(rendered.bytes)).read_info().expect("a PNG");
    assert_eq!(decoded.info().size(), (4, 3));
}

#[tokio::test]
async fn a_beginning_is_probed_where_it_tells() {
    let pool = pool(1, 8, LONG);
    let jpeg = include_bytes!("../../pixels/tests/golden/inputs/orientation-6.jpg");
    let whole = pool.probe(Bytes::from_static(jpeg)).await.expect("a picture");
    let scan = jpeg.windows(2).position(|marker| marker == b"\xFF\xDA").expect("a scan");
    for (length, expected) in [(scan, None), (scan + 2, Some(whole)), (jpeg.len(), Some(whole))] {
        assert_eq!(pool.probe_beginning(Bytes::from_static(&jpeg[..length])).await, Ok(expected), "{length}");
    }
    for unclear in [png(8, 6), Bytes::new(), Bytes::from_static(b"no picture")] {
        assert_eq!(pool.probe_beginning(unclear).await, Ok(None));
    }
    assert_eq!(pool.counters().jobs, 7, "one worker took them all");
}

#[tokio::test]
async fn many_at_once_are_all_answered() {
    let pool = pool(2, 64, LONG);
    let jobs = (1..=32).map(|width| {
        let pool = pool.clone();
        tokio::spawn(async move { (width, pool.probe(png(width, 2)).await.expect("a picture").width) })
    });
    for job in futures_util::future::join_all(jobs).await {
        let (sent, found) = job.expect("no panic");
        assert_eq!(sent, found);
    }
    assert!(pool.worker_pids().len() <= 2);
}

#[tokio::test]
async fn garbage_is_refused_and_the_worker_lives() {
    let pool = pool(1, 8, LONG);
    let before = worker(&pool).await;
    for file in [&b""[..], b"no picture at all", b"\x89PNG\r\n\x1a\n"] {
        let file = Bytes::from_static(file);
        assert!(matches!(pool.probe(file.clone()).await, Err(RenderError::Refused { .. })));
        assert!(matches!(render(&pool, file).await, Err(RenderError::Refused { .. })));
    }
    assert_eq!(worker(&pool).await, before);
}

#[tokio::test]
async fn a_worker_that_dies_fails_its_job_alone() {
    let pool = pool(1, 8, LONG);
    let pid = worker(&pool).await;
    stop(pid).await;
    let job = tokio::spawn({
        let pool = pool.clone();
        async move { render(&pool, png(8, 6)).await }
    });
    tokio::time::sleep(SHORT / 3).await;
    kill_process(pid, Signal::KILL).expect("killed");
    assert_eq!(job.await.expect("no panic"), Err(RenderError::WorkerDied));
    assert!(!exists(pid), "it was waited for");
    assert_eq!(render(&pool, png(8, 6)).await, Ok((4, 3)));
    assert_ne!(worker(&pool).await, pid);
}

#[tokio::test]
async fn a_worker_that_dies_between_jobs_costs_none() {
    let pool = pool(1, 8, LONG);
    let pid = worker(&pool).await;
    kill_process(pid, Signal::KILL).expect("killed");
    until("it has died", || {
        std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "))
    })
    .await;
    assert_eq!(pool.probe(png(8, 6)).await.map(|info| info.width), Ok(8));
    assert!(!exists(pid), "it was waited for");
}

#[tokio::test]
async fn a_stopped_worker_is_killed_after_the_time_limit() {
    let pool = pool(1, 8, SHORT);
    let pid = worker(&pool).await;
    stop(pid).await;
    assert_eq!(render(&pool, png(8, 6)).await, Err(RenderError::TimedOut(SHORT)));
    assert!(!exists(pid), "it was waited for");
    assert_eq!(pool.probe(png(8, 6)).await.map(|info| info.width), Ok(8));
}

#[tokio::test]
async fn a_render_longer_than_the_time_limit_is_ended() {
    let limit = Duration::from_millis(1);
    let pool = pool(1, 8, limit);
    let heavy = Transform { blur: Blur::parse(250.0).expect("in range"), ..Transform::default() };
    let result =
        pool.render(Base::Original, vec![png(2000, 2000)], heavy, OutputFormat::WebP, awaited()).await;
    assert_eq!(result.map(|rendered| rendered.width), Err(RenderError::TimedOut(limit)));
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_forgets_those_who_left() {
    let pool = pool(1, 2, LONG);
    let pid = worker(&pool).await;
    stop(pid).await;
    let spawn = || {
        let pool = pool.clone();
        tokio::spawn(async move { render(&pool, png(8, 6)).await })
    };
    let mut jobs = vec![spawn()];
    tokio::time::sleep(SHORT / 3).await;
    jobs.extend([spawn(), spawn()]);
    tokio::time::sleep(SHORT / 3).await;
    assert_eq!(render(&pool, png(8, 6)).await, Err(RenderError::Busy(Duration::ZERO)));
    jobs.pop().expect("the last one").abort();
    tokio::time::sleep(SHORT / 3).await;
    jobs.push(spawn());
    tokio::time::sleep(SHORT / 3).await;
    assert_eq!(render(&pool, png(8, 6)).await, Err(RenderError::Busy(Duration::ZERO)));
    kill_process(pid, Signal::CONT).expect("goes on");
    for job in jobs {
        assert_eq!(job.await.expect("no panic"), Ok((4, 3)));
    }
}

#[tokio::test]
async fn probes_go_before_renders() {
    let pool = pool(1, 8, LONG);
    let pid = worker(&pool).await;
    stop(pid).await;
    let (done, order) = std::sync::mpsc::channel();
    let mut jobs = Vec::new();
    for kind in ["first", "render", "probe"] {
        let (pool, done) = (pool.clone(), done.clone());
        jobs.push(tokio::spawn(async move {
            match kind {
                "probe" => drop(pool.probe(png(8, 6)).await.expect("a picture")),
                _ => drop(render(&pool, png(8, 6)).await.expect("a rendition")),
            }
            done.send(kind).expect("heard");
        }));
        tokio::time::sleep(SHORT / 3).await;
    }
    kill_process(pid, Signal::CONT).expect("goes on");
    for job in jobs {
        job.await.expect("no panic");
    }
    assert_eq!(order.try_iter().collect::<Vec<_>>(), ["first", "probe", "render"]);
}

#[tokio::test]
async fn a_worker_inherits_no_environment_and_no_descriptors_but_three() {
    let pool = pool(1, 8, LONG);
    assert!(std::env::vars().next().is_some(), "there is something to inherit");
    pool.probe(png(8, 6)).await.expect("a picture");
    let pid = worker(&pool).await;
    let environment = std::fs::read(format!("/proc/{pid}/environ")).expect("readable");
    let entries = environment.split(|&byte| byte == 0).filter(|entry| !entry.is_empty());
    for entry in entries {
        assert!(entry.starts_with(b"MALLOC_"), "{}", String::from_utf8_lossy(entry));
    }
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("readable");
    let mut open: Vec<_> = open
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a number").to_string_lossy().into_owned();
            let target = std::fs::read_link(&path).expect("a link").to_string_lossy().into_owned();
            (name, target)
        })
        .collect();
    open.sort();
    let names: Vec<_> = open.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["0", "1", "2"], "{open:?}");
    assert!(open[0].1.starts_with("socket:"), "{open:?}");
    assert_eq!(open[1].1, "/dev/null");
    assert!(open[2].1.starts_with("pipe:"), "{open:?}");
    let folder = std::fs::read_link(format!("/proc/{pid}/cwd")).expect("a link");
    assert_eq!(folder, PathBuf::from("/"));
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("readable");
    assert!(status.contains("NoNewPrivs:\t1\n"), "{status}");
}

#[tokio::test]
async fn a_worker_is_replaced_after_many_jobs() {
    let pool = pool(1, 8, LONG);
    let pid = worker(&pool).await;
    for _ in 1..500 {
        pool.check().await.expect("a worker");
    }
    assert_eq!(pool.worker_pids(), [pid.as_raw_nonzero().get().cast_unsigned()]);
    assert_ne!(worker(&pool).await, pid);
    assert!(!exists(pid), "it was waited for");
}

#[tokio::test]
async fn workers_end_with_the_last_handle() {
    let pool = pool(1, 8, LONG);
    let other = pool.clone();
    let pid = worker(&pool).await;
    drop(pool);
    other.check().await.expect("still there");
    assert!(exists(pid));
    drop(other);
    until("the worker has ended", || !exists(pid)).await;
}

#[tokio::test]
async fn a_busy_worker_ends_with_the_last_handle() {
    let pool = pool(1, 8, LONG);
    let pid = worker(&pool).await;
    stop(pid).await;
    let job = tokio::spawn(async move { render(&pool, png(8, 6)).await });
    tokio::time::sleep(SHORT / 3).await;
    job.abort();
    until("the worker has ended", || !exists(pid)).await;
}

/// A worker started by hand, greeted, and then stopped, with the server's end of its socket.
fn stopped_worker() -> (Child, OwnedFd) {
    let flags = SocketFlags::CLOEXEC;
    let (socket, theirs) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).expect("a pair");
    let child = worker_command(theirs).spawn().expect("started");
    protocol::send(socket.as_fd(), &Request::Hello(SourceLimits::CLOUDFLARE), None).expect("sent");
    let answer = protocol::receive::<Response>(socket.as_fd()).expect("an answer").expect("not closed");
    assert!(matches!(answer.0, Response::Ready(_)));
    kill_process(Pid::from_child(&child), Signal::STOP).expect("stopped");
    (child, socket)
}

fn worker_command(socket: OwnedFd) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_safelight"));
    command
        .args(["render-worker", "8589934592"])
        .env_clear()
        .stdin(Stdio::from(socket))
        .stdout(Stdio::null());
    command.stderr(Stdio::null());
    command
}

#[test]
fn a_worker_that_is_at_work_dies_with_its_server() {
    // The system sees a parent's death in the death of the thread that started the child.
    let server = std::thread::spawn(stopped_worker);
    let (mut child, _socket) = server.join().expect("no panic");
    assert_eq!(end_of(&mut child).signal(), Some(Signal::KILL.as_raw()));
}

/// How a process ends, which it is to do soon.
fn end_of(child: &mut Child) -> ExitStatus {
    let begin = Instant::now();
    while begin.elapsed() < LONG {
        if let Some(status) = child.try_wait().expect("a child") {
            return status;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().expect("killed");
    panic!("the worker goes on");
}

#[test]
fn a_worker_whose_server_died_first_ends() {
    let flags = SocketFlags::CLOEXEC;
    let (socket, theirs) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).expect("a pair");
    drop(socket);
    let mut child = worker_command(theirs).spawn().expect("started");
    assert_eq!(end_of(&mut child).code(), Some(1));
}

#[tokio::test]
async fn a_program_that_is_none_of_ours_is_no_worker() {
    for program in ["/nowhere/safelight", "/bin/true"] {
        let config = RenderConfig { program: program.into(), ..config() };
        let pool = Renderer::start(&config, SourceLimits::CLOUDFLARE);
        for _ in 0..3 {
            assert!(matches!(pool.check().await, Err(RenderError::NoWorker(_))));
        }
        assert!(pool.worker_pids().is_empty());
    }
}

#[tokio::test]
async fn files_beyond_what_a_worker_takes_do_not_end_it() {
    let pool = pool(1, 8, LONG);
    let before = worker(&pool).await;
    // Zeros that are never read take no memory.
    let (large, half) = (Bytes::from(vec![0; (512 << 20) + 1]), Bytes::from(vec![0; 300 << 20]));
    assert_eq!(pool.probe(large).await, Err(RenderError::FilesTooLarge((512 << 20) + 1)));
    let overlay = pool
        .render(Base::Original, vec![half.clone(), half], Transform::default(), OutputFormat::Png, awaited())
        .await;
    assert!(matches!(overlay, Err(RenderError::FilesTooLarge(bytes)) if bytes == 600 << 20));
    assert_eq!(worker(&pool).await, before);
    assert_eq!(pool.counters().starts, 1);
}
