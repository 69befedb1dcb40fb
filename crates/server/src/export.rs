//! Use case: originals of an account as one zip archive, written while it is sent. It knows no HTTP.

mod names;

use crate::app::App;
use crate::blobs::BlobError;
use crate::catalog::CatalogError;
use bytes::Bytes;
use futures_util::StreamExt;
use names::Names;
use safelight_domain::access::{Granted, authorize_owner};
use safelight_domain::image::{Creator, Image, ImageId, Privacy};
use safelight_domain::token::{Caller, Refusal};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::sync::Arc;
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// Most images in one archive.
pub const MAX_IMAGES: usize = 1_000;

/// Pieces of an archive that wait for a slow reader.
const WAITING_PIECES: usize = 8;

/// Bytes in a piece, about.
const PIECE_BYTES: usize = 64 * 1024;

/// The name of the list in an archive.
const MANIFEST: &str = "manifest.json";

/// Why there is no archive.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The account has no such image.
    #[error("there is no image {}", .0.as_str())]
    Unknown(ImageId),
    /// The caller may not read it.
    #[error("the caller may not read the image")]
    Refused(Refusal),
    /// See [`CatalogError`].
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

/// The pieces of an archive. After an error there are no more, and what came is no whole archive.
pub type Pieces = mpsc::Receiver<io::Result<Bytes>>;

/// Begins an archive of at most [`MAX_IMAGES`] images, each with its original under its file name, and of a
/// `manifest.json` that lists them. That all are there is known before the first byte; one that is deleted
/// after that breaks the archive off.
///
/// # Errors
/// When an image is missing, or not the caller's to read.
pub async fn export(app: &Arc<App>, caller: &Caller, ids: &[ImageId]) -> Result<Pieces, ExportError> {
    let mut names = Names::new([MANIFEST]);
    let mut entries = Vec::with_capacity(ids.len());
    for id in ids {
        let image = app.catalog.find_image(caller.account(), id).await?;
        let image = image.ok_or_else(|| ExportError::Unknown(id.clone()))?;
        let granted = authorize_owner(&image, caller).map_err(ExportError::Refused)?;
        let wanted = image.filename.as_deref().unwrap_or(image.id.as_str());
        let name = names.take(wanted, image.source.format.extension());
        entries.push(Entry { name, image, granted });
    }
    let (pieces, receiver) = mpsc::channel(WAITING_PIECES);
    let (app, runtime) = (Arc::clone(app), Handle::current());
    tokio::task::spawn_blocking(move || {
        let mut sink = Sink { pieces, piece: Vec::with_capacity(PIECE_BYTES) };
        if let Err(error) = write(&app, &runtime, &entries, &mut sink) {
            tracing::warn!(error = error.to_string(), "an archive was broken off");
            // A reader who has gone needs no reason.
            let _ = sink.pieces.blocking_send(Err(error));
        }
    });
    Ok(receiver)
}

struct Entry {
    name: String,
    image: Arc<Image>,
    granted: Granted,
}

fn write(app: &App, runtime: &Handle, entries: &[Entry], sink: &mut Sink) -> io::Result<()> {
    let mut archive = ZipWriter::new_stream(&mut *sink);
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default());
    for entry in entries {
        archive.start_file(entry.name.as_str(), options)?;
        let mut original = runtime.block_on(app.blobs.original_stream(&entry.granted)).map_err(failed)?;
        while let Some(bytes) = runtime.block_on(original.next()) {
            archive.write_all(&bytes.map_err(io::Error::other)?)?;
        }
    }
    archive.start_file(MANIFEST, options)?;
    archive.write_all(manifest(entries).to_string().as_bytes())?;
    archive.finish()?;
    sink.flush()
}

fn failed(error: BlobError) -> io::Error {
    io::Error::other(error)
}

fn manifest(entries: &[Entry]) -> Value {
    let images = entries.iter().map(|Entry { name, image, .. }| {
        json!({
            "id": image.id.as_str(),
            "name": name,
            "filename": image.filename,
            "meta": serde_json::from_str::<Value>(image.metadata.as_json()).unwrap_or_default(),
            "creator": image.creator.as_ref().map(Creator::as_str),
            "requireSignedURLs": image.privacy == Privacy::RequireSigned,
            "uploaded_ms": image.uploaded_ms,
            "bytes": image.bytes,
            "format": image.source.format.media_type(),
        })
    });
    json!({ "images": images.collect::<Vec<_>>() })
}

/// Collects what is written into pieces for the reader.
struct Sink {
    pieces: mpsc::Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PIECE_BYTES);
        self.piece.extend_from_slice(bytes.get(..taken).unwrap_or(bytes));
        if self.piece.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = Bytes::from(std::mem::take(&mut self.piece));
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the reader has gone");
        self.pieces.blocking_send(Ok(piece)).map_err(gone)
    }
}
