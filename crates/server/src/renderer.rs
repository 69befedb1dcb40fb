//! The pool of worker processes that alone touch hostile bytes.

use crate::config::RenderConfig;
use bytes::Bytes;
use safelight_domain::image::{SourceInfo, SourceLimits};
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::Transform;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

/// Handle to the pool; clones share it.
#[derive(Clone)]
pub struct Renderer {}

/// A finished rendition.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The encoded file.
    pub bytes: Bytes,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// Why there is no result. `Clone`, since all who wait for one rendition get it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RenderError {
    /// The queue is full.
    #[error("too many images are waiting to be processed")]
    Busy,
    /// The file is at fault; `fault` says how.
    #[error("{fault}")]
    Refused {
        /// From the image engine.
        fault: safelight_pixels::Fault,
    },
    /// It took longer than the limit, and the worker was killed.
    #[error("processing took longer than {0:?}")]
    TimedOut(Duration),
    /// The worker died of it.
    #[error("the worker process died")]
    WorkerDied,
    /// No worker could be started, or it does not speak our protocol.
    #[error("no worker process: {0}")]
    NoWorker(Arc<str>),
}

#[allow(unused_variables)]
impl Renderer {
    /// Starts the pool. Workers are started when first needed and again after they die.
    pub fn start(config: &RenderConfig, limits: SourceLimits) -> Renderer {
        unimplemented!()
    }

    /// Reads the header of a file.
    pub async fn probe(&self, file: Bytes) -> Result<SourceInfo, RenderError> {
        unimplemented!()
    }

    /// Renders a file.
    pub async fn render(
        &self,
        file: Bytes,
        transform: Transform,
        format: OutputFormat,
    ) -> Result<Rendered, RenderError> {
        unimplemented!()
    }

    /// Whether a worker answers (for readiness).
    pub async fn check(&self) -> Result<(), RenderError> {
        unimplemented!()
    }
}
