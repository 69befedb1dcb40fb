//! What a worker may take: memory, time, jobs. Whoever exceeds it is replaced, and nobody else notices.

use crate::inject::{Argument, Outcome, call};
use crate::{config, png, pool, render, stop, worker};
use nix::errno::Errno;
use nix::libc;
use safelight::config::RenderConfig;
use safelight::renderer::RenderError;
use std::time::Duration;

#[tokio::test]
async fn a_picture_that_takes_too_much_memory_fails_alone() {
    let pool = pool(&RenderConfig { memory: 256 << 20, ..config() });
    assert_eq!(render(&pool, png(8, 6)).await, Ok((8, 6)));
    let pid = worker(&pool).await;
    // 64 megapixels, within the limits on pictures.
    assert_eq!(render(&pool, png(8000, 8000)).await, Err(RenderError::WorkerDied));
    assert_eq!(render(&pool, png(8, 6)).await, Ok((8, 6)));
    assert_ne!(worker(&pool).await, pid);
    assert_eq!((pool.counters().signals, pool.counters().starts), (1, 2));
    let enough = crate::pool(&config());
    assert_eq!(render(&enough, png(8000, 8000)).await, Ok((8000, 8000)));
}

#[tokio::test]
async fn memory_and_files_beyond_the_limit_are_refused() {
    let pool = pool(&config());
    let pid = worker(&pool).await;
    let map = |bytes: i64| {
        let (use_of_it, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        [0, bytes, use_of_it.into(), (kind | libc::MAP_NORESERVE).into(), -1, 0].map(Argument::Number)
    };
    assert!(matches!(call(pid, libc::SYS_mmap, &map(1 << 30)), Outcome::Returned(_)));
    assert_eq!(call(pid, libc::SYS_mmap, &map(8 << 30)), Outcome::Failed(Errno::ENOMEM));
    let file = [Argument::text("f"), Argument::Number(0)];
    let Outcome::Returned(result) = call(pid, libc::SYS_memfd_create, &file) else { panic!("no file") };
    let write = |end: i64| {
        let place = [result, end - 1, libc::SEEK_SET.into()].map(Argument::Number);
        assert_eq!(call(pid, libc::SYS_lseek, &place), Outcome::Returned(end - 1));
        let byte = [Argument::Number(result), Argument::Bytes(vec![0]), Argument::Number(1)];
        call(pid, libc::SYS_write, &byte)
    };
    assert_eq!(write(512 << 20), Outcome::Returned(1));
    let mut made = (0..1000).map(|_| call(pid, libc::SYS_memfd_create, &file));
    let full = made.find(|outcome| !matches!(outcome, Outcome::Returned(_)));
    assert_eq!(full, Some(Outcome::Failed(Errno::EMFILE)));
    assert_eq!(write((512 << 20) + 1), Outcome::Failed(Errno::EFBIG));
}

#[tokio::test]
async fn a_worker_that_hangs_is_killed_and_replaced() {
    let timeout = Duration::from_millis(300);
    let pool = pool(&RenderConfig { timeout, ..config() });
    let pid = worker(&pool).await;
    stop(pid).await;
    let hangs = tokio::spawn({
        let pool = pool.clone();
        async move { render(&pool, png(8, 6)).await }
    });
    tokio::time::sleep(timeout / 3).await;
    let waits = render(&pool, png(9, 6)).await;
    assert_eq!(hangs.await.expect("no panic"), Err(RenderError::TimedOut(timeout)));
    assert_eq!(waits, Ok((9, 6)));
    let counters = pool.counters();
    assert_eq!((counters.timeouts, counters.signals, counters.starts), (1, 0, 2));
    assert_eq!((counters.jobs, counters.workers, counters.waiting), (2, 1, 0));
}

#[tokio::test]
async fn a_worker_is_replaced_after_its_share() {
    let pool = pool(&RenderConfig { worker_jobs: 3, ..config() });
    for _ in 0..7 {
        assert_eq!(render(&pool, png(8, 6)).await, Ok((8, 6)));
    }
    let counters = pool.counters();
    assert_eq!((counters.jobs, counters.starts, counters.retired), (7, 3, 2));
    assert_eq!((counters.signals, counters.failures), (0, 0));
}
