//! The settings of the processes that decode and encode, and of what they make.

use super::sources::Values;
use super::table::{Fallback, Form, Row, Setting, in_range, up_to_an_hour};
use super::{SettingsError, Sources};
use crate::config::{RenderConfig, Sandbox};
use crate::protocol::sealed::MAX_BYTES;
use std::time::Duration;

/// As many as a single rendition may draw on: 512 MiB.
const HELD_BYTES: u32 = MAX_BYTES as u32;

pub(super) fn render(values: &Values, sources: &Sources) -> Result<RenderConfig, SettingsError> {
    Ok(RenderConfig {
        program: sources.program.clone(),
        workers: values.get(&RENDER_WORKERS)?.unwrap_or(sources.parallelism.max(1)),
        queue: values.required(&RENDER_QUEUE)?,
        wait: values.required(&RENDER_WAIT)?,
        held_bytes: HELD_BYTES,
        total_memory: values.required(&RENDER_TOTAL_MEMORY_BYTES)?,
        timeout: values.required(&RENDER_TIMEOUT)?,
        memory: values.required(&RENDER_MEMORY_BYTES)?,
        worker_jobs: values.required(&RENDER_WORKER_JOBS)?,
        sandbox: values.required(&RENDER_SANDBOX)?,
    })
}

pub(super) const RENDER_WORKERS: Setting<usize> = Setting {
    row: Row {
        name: "render-workers",
        default: Fallback::Derived { example: "2" },
        form: Form::Number,
        allowed: "a whole number from 1 to 256",
        about: "Processes that decode and encode images. Unless given, one for each processor.",
    },
    parse: |text| in_range(text, 1..=256),
};

pub(super) const RENDER_QUEUE: Setting<usize> = Setting {
    row: Row {
        name: "render-queue",
        default: Fallback::Is("64"),
        form: Form::Number,
        allowed: "a whole number from 1 to 100000",
        about: "Images that may wait for a free process, with those that are drawn on them; further ones are refused with 503.",
    },
    parse: |text| in_range(text, 1..=100_000),
};

pub(super) const RENDER_WAIT: Setting<Duration> = Setting {
    row: Row {
        name: "render-wait",
        default: Fallback::Is("10s"),
        form: Form::Text,
        allowed: "a duration of 1s to 1h",
        about: "Longest wait for a free process, by estimate; viewers who would wait longer are refused with 503 and told when to come back.",
    },
    parse: up_to_an_hour,
};

pub(super) const RENDER_TOTAL_MEMORY_BYTES: Setting<u64> = Setting {
    row: Row {
        name: "render-total-memory-bytes",
        default: Fallback::Is("2147483648"),
        form: Form::Number,
        allowed: "a whole number of bytes from 268435456 to 1099511627776",
        about: "Memory for all images that are decoded at once, by estimate; more of them wait for each other. A single image may take more.",
    },
    parse: |text| in_range(text, 268_435_456..=1_099_511_627_776),
};

pub(super) const RENDER_TIMEOUT: Setting<Duration> = Setting {
    row: Row {
        name: "render-timeout",
        default: Fallback::Is("30s"),
        form: Form::Text,
        allowed: "a duration of 1s to 1h",
        about: "Time for one image, after which its process is killed.",
    },
    parse: up_to_an_hour,
};

pub(super) const RENDER_MEMORY_BYTES: Setting<u64> = Setting {
    row: Row {
        name: "render-memory-bytes",
        default: Fallback::Is("8589934592"),
        form: Form::Number,
        allowed: "a whole number of bytes from 268435456 to 1099511627776",
        about: "Address space of one process that decodes and encodes, which ends when it wants more. The largest images take 60 bytes a pixel at the worst.",
    },
    parse: |text| in_range(text, 268_435_456..=1_099_511_627_776),
};

pub(super) const RENDER_WORKER_JOBS: Setting<u32> = Setting {
    row: Row {
        name: "render-worker-jobs",
        default: Fallback::Is("500"),
        form: Form::Number,
        allowed: "a whole number from 1 to 1000000",
        about: "Images after which a process is replaced by a fresh one.",
    },
    parse: |text| in_range(text, 1..=1_000_000),
};

pub(super) const RENDER_SANDBOX: Setting<Sandbox> = Setting {
    row: Row {
        name: "render-sandbox",
        default: Fallback::Is("required"),
        form: Form::Text,
        allowed: "required or best-effort",
        about: "Whether the server starts where the kernel cannot filter the system calls of a process that decodes (no seccomp, as under some emulators): required does not.",
    },
    parse: sandbox,
};

pub(super) const RENDITION_CACHE_BYTES: Setting<u64> = Setting {
    row: Row {
        name: "rendition-cache-bytes",
        default: Fallback::Is("10000000000"),
        form: Form::Number,
        allowed: "a whole number of bytes from 1000000 to 1000000000000000",
        about: "Space for finished renditions; the least recently used go first.",
    },
    parse: |text| in_range(text, 1_000_000..=1_000_000_000_000_000),
};

pub(super) const RENDITION_MEMORY_BYTES: Setting<usize> = Setting {
    row: Row {
        name: "rendition-memory-bytes",
        default: Fallback::Is("67108864"),
        form: Form::Number,
        allowed: "a whole number of bytes from 0 to 1000000000000",
        about: "Most bytes of renditions that are kept in memory; one may take an eighth of it.",
    },
    parse: |text| in_range(text, 0..=1_000_000_000_000),
};

fn sandbox(text: &str) -> Option<Sandbox> {
    match text {
        "required" => Some(Sandbox::Required),
        "best-effort" => Some(Sandbox::BestEffort),
        _ => None,
    }
}
