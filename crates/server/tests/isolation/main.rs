//! The walls around real worker processes of a real pool: what code that has taken one over can do.
//!
//! The attempts are made by a tracer in the worker's own place, so the program needs no door for
//! them. Their registers are those of x86-64.

#![cfg(target_arch = "x86_64")]
// The whole program is a test, also the functions that Clippy does not take for one.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod acts;
mod codecs;
mod fewer_walls;
mod inject;
mod limits;
mod walls;

use bytes::Bytes;
use rustix::process::{Pid, Signal, kill_process};
use safelight::config::{RenderConfig, Sandbox};
use safelight::protocol::Base;
use safelight::renderer::{Demand, RenderError, Renderer, Urgency};
use safelight_domain::image::SourceLimits;
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::Transform;
use safelight_pixels::Cost;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// No test waits as long as this for something that is to happen.
const LONG: Duration = Duration::from_secs(60);

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

fn pool(config: &RenderConfig) -> Renderer {
    Renderer::start(config, SourceLimits::CLOUDFLARE)
}

/// A black PNG of this size.
fn png(width: u32, height: u32) -> Bytes {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&vec![0; width as usize * height as usize]).expect("pixels");
    writer.finish().expect("finished");
    file.into()
}

async fn render(pool: &Renderer, file: Bytes) -> Result<(u32, u32), RenderError> {
    let rendered = pool
        .render(
            Base::Original,
            vec![file],
            Transform::default(),
            OutputFormat::WebP,
            Demand::new(Urgency::Awaited, Cost::default()),
        )
        .await?;
    Ok((rendered.width, rendered.height))
}

/// The pool's one worker, started if need be.
async fn worker(pool: &Renderer) -> i32 {
    pool.check().await.expect("a worker");
    let pids = pool.worker_pids();
    assert_eq!(pids.len(), 1);
    pids[0].cast_signed()
}

fn process(pid: i32) -> Pid {
    Pid::from_raw(pid).expect("a number")
}

/// Stops a process, so that jobs for it wait.
async fn stop(pid: i32) {
    kill_process(process(pid), Signal::STOP).expect("stopped");
    let begin = Instant::now();
    while !std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process").contains(") T ") {
        assert!(begin.elapsed() < LONG, "the worker does not stop");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
