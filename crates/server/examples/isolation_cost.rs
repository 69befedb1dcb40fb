//! What the walls around render workers cost: renders of one file through two pools in turns, one
//! with walls and one without, and the start of a worker.
//!
//! `cargo run --release --example isolation_cost -- target/release/safelight picture.jpg 200`
//!
//! The pool without walls runs under a filter that answers as a kernel does that has neither seccomp
//! nor Landlock; its workers inherit that one filter, which looks at two calls that they never repeat.

use anyhow::{Context, ensure};
use bytes::Bytes;
use safelight::config::{RenderConfig, Sandbox};
use safelight::protocol::{Base, Wall, Walls};
use safelight::renderer::{Demand, Renderer, Urgency};
use safelight_domain::image::SourceLimits;
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::{Side, Transform};
use safelight_pixels::Cost;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch, apply_filter};
use std::time::{Duration, Instant};

/// Renders before the first that counts.
const WARM_UP: usize = 5;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().context("usage: isolation_cost PROGRAM PICTURE ROUNDS");
    // A worker is started from the root folder.
    let program = std::fs::canonicalize(next()?)?;
    let (picture, rounds) = (next()?, next()?.parse::<usize>()?);
    let file = Bytes::from(std::fs::read(&picture)?);

    let config = |worker_jobs| RenderConfig {
        program: program.clone(),
        workers: 1,
        queue: 8,
        wait: Duration::from_secs(60),
        held_bytes: 512 << 20,
        total_memory: 2 << 30,
        timeout: Duration::from_secs(60),
        memory: 8 << 30,
        worker_jobs,
        sandbox: Sandbox::BestEffort,
    };
    for (what, worker_jobs) in [("render", u32::MAX), ("render by a new worker", 1)] {
        let walled = Renderer::start(&config(worker_jobs), SourceLimits::CLOUDFLARE);
        let open = unwalled(&config(worker_jobs))?;
        let (whole, none) = (Wall::Whole, Wall::Missing);
        ensure!(walled.check().await? == Walls { seccomp: whole, landlock: whole }, "walls are missing");
        ensure!(open.check().await? == Walls { seccomp: none, landlock: none }, "there are walls");
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for round in 0..WARM_UP + rounds {
            let mut turns = [(&walled, &mut with), (&open, &mut without)];
            // Who comes second finds other things in the caches.
            turns.rotate_left(round % 2);
            for (pool, times) in turns {
                let took = render(pool, file.clone()).await?;
                if round >= WARM_UP {
                    times.push(took);
                }
            }
        }
        let (with, without) = (median(&mut with), median(&mut without));
        let ratio = with.as_secs_f64() / without.as_secs_f64();
        println!("{what}: {with:?} with walls, {without:?} without, ratio {ratio:.3} (medians of {rounds})");
    }
    Ok(())
}

async fn render(pool: &Renderer, file: Bytes) -> anyhow::Result<Duration> {
    let transform = Transform { width: Some(Side::parse(800)?), ..Transform::default() };
    let begin = Instant::now();
    pool.render(
        Base::Original,
        vec![file],
        transform,
        OutputFormat::WebP,
        Demand::new(Urgency::Awaited, Cost::default()),
    )
    .await?;
    Ok(begin.elapsed())
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// A pool whose threads, and so its workers, know neither wall.
fn unwalled(config: &RenderConfig) -> anyhow::Result<Renderer> {
    let calls = [libc::SYS_seccomp, libc::SYS_landlock_create_ruleset];
    let rules = calls.into_iter().map(|call| (call, Vec::new())).collect();
    let unknown = SeccompAction::Errno(libc::ENOSYS as u32);
    let architecture = TargetArch::try_from(std::env::consts::ARCH)?;
    let filter: BpfProgram =
        SeccompFilter::new(rules, SeccompAction::Allow, unknown, architecture)?.try_into()?;
    std::thread::scope(|threads| {
        let started = threads.spawn(|| {
            apply_filter(&filter)?;
            Ok(Renderer::start(config, SourceLimits::CLOUDFLARE))
        });
        started.join().unwrap_or_else(|_| anyhow::bail!("the thread panicked"))
    })
}
