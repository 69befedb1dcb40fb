//! Use case: originals of an account as one zip archive, written while it is sent. It knows no HTTP.

mod names;

use crate::app::App;
use crate::blobs::BlobError;
use crate::catalog::CatalogError;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use names::Names;
use safelight_domain::access::{Granted, authorize_owner};
use safelight_domain::image::{Creator, Image, ImageId, Privacy};
use safelight_domain::token::{Caller, Refusal};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;
use time::OffsetDateTime;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, DateTime, ZipWriter};

/// Most images in one archive.
pub const MAX_IMAGES: usize = 1_000;

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

/// The pieces of an archive, each made when it is asked for. After an error there are no more, and what
/// came is no whole archive.
pub type Pieces = BoxStream<'static, io::Result<Bytes>>;

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
    let pieces = stream::try_unfold(Archive::new(Arc::clone(app), entries), Archive::next_piece);
    let said = pieces.inspect_err(|error| {
        tracing::warn!(error = error.to_string(), "an archive was broken off");
    });
    Ok(said.boxed())
}

struct Entry {
    name: String,
    image: Arc<Image>,
    granted: Granted,
}

/// An archive on its way. It holds no thread while its reader is slow, since those are few, and what
/// reads originals and the catalog needs them too.
struct Archive {
    app: Arc<App>,
    entries: Vec<Entry>,
    /// How many of the entries were begun.
    begun: usize,
    reading: Option<Reading>,
    /// `None` once the archive is whole.
    writer: Option<ZipWriter<StreamWriter<Sink>>>,
    sink: Sink,
}

/// The original that is being written.
struct Reading {
    bytes: BoxStream<'static, Result<Bytes, object_store::Error>>,
    /// Bytes that are yet to come.
    left: u64,
}

impl Archive {
    fn new(app: Arc<App>, entries: Vec<Entry>) -> Archive {
        let sink = Sink::default();
        let writer = Some(ZipWriter::new_stream(sink.clone()));
        Archive { app, entries, begun: 0, reading: None, writer, sink }
    }

    /// The next piece, if there is one, and what is left. After an error both are gone: when it is dropped
    /// the writer ends its archive as if it were whole, in a sink that nobody reads.
    async fn next_piece(mut self) -> io::Result<Option<(Bytes, Archive)>> {
        while self.writer.is_some() && self.sink.len() < PIECE_BYTES {
            self.step().await?;
        }
        let piece = self.sink.take();
        Ok((!piece.is_empty()).then(|| (Bytes::from(piece), self)))
    }

    /// Writes some bytes of an original, or begins the next, or ends the archive.
    async fn step(&mut self) -> io::Result<()> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        if let Some(reading) = &mut self.reading {
            match reading.bytes.try_next().await.map_err(io::Error::other)? {
                Some(bytes) => {
                    let left = reading.left.checked_sub(bytes.len() as u64);
                    reading.left = left.ok_or_else(other_length)?;
                    writer.write_all(&bytes)?;
                }
                None if reading.left == 0 => self.reading = None,
                None => return Err(other_length()),
            }
        } else if let Some(Entry { name, image, granted }) = self.entries.get(self.begun) {
            writer.start_file(name.as_str(), options(image.uploaded_ms))?;
            let bytes = self.app.blobs.original_stream(granted).await.map_err(failed)?;
            self.reading = Some(Reading { bytes, left: image.bytes });
            self.begun += 1;
        } else {
            writer.start_file(MANIFEST, options(self.app.clock.now_ms()))?;
            writer.write_all(manifest(&self.entries).to_string().as_bytes())?;
            if let Some(writer) = self.writer.take() {
                writer.finish()?;
            }
        }
        Ok(())
    }
}

/// Stored as it is, since pictures do not shrink, with a time in UTC. Before 1980 zip has none.
fn options(modified_ms: i64) -> SimpleFileOptions {
    let modified = OffsetDateTime::from_unix_timestamp(modified_ms.div_euclid(1000)).ok();
    let modified = modified.and_then(|at| {
        let year = u16::try_from(at.year()).ok()?;
        DateTime::from_date_and_time(year, at.month().into(), at.day(), at.hour(), at.minute(), at.second())
            .ok()
    });
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(modified.unwrap_or_default())
}

fn failed(error: BlobError) -> io::Error {
    io::Error::other(error)
}

fn other_length() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "an original has another length than its row says")
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

/// What was written and not yet read.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
