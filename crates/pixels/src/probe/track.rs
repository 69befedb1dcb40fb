//! Sequences of pictures in HEIF files: tracks of ISO base media files.

use super::boxes::{Boxes, Part, Reader};
use super::heif::{Codec, Look, codec, is_alpha, look};
use super::items::corrupt;
use crate::Fault;

/// Bytes of a visual sample entry before its boxes.
const SAMPLE_ENTRY: usize = 78;

/// Boxes of a file's header that are looked at, on each level.
const MAX_BOXES: usize = 256;

/// A track of pictures.
#[derive(Clone, Debug)]
pub(crate) struct Track<'a> {
    /// Pixels.
    pub(crate) width: u32,
    /// Pixels.
    pub(crate) height: u32,
    /// Pictures; at least one.
    pub(crate) frames: u32,
    /// How often it is shown; 0 is for ever.
    pub(crate) plays: u32,
    /// Ticks a second; at least 1.
    pub(crate) timescale: u32,
    /// The decoder's configuration.
    pub(crate) config: Option<&'a [u8]>,
    pub(crate) look: Look<'a>,
    samples: Tables<'a>,
    /// The samples of the transparency, as many.
    pub(crate) alpha: Option<Tables<'a>>,
}

/// Where the samples of a track are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tables<'a> {
    file: &'a [u8],
    times: &'a [u8],
    sizes: &'a [u8],
    chunks: &'a [u8],
    offsets: &'a [u8],
    wide: bool,
}

struct Found<'a> {
    id: u32,
    kind: [u8; 4],
    codec: Codec,
    width: u32,
    height: u32,
    frames: u32,
    plays: u32,
    timescale: u32,
    properties: Vec<Part<'a>>,
    references: &'a [u8],
    samples: Tables<'a>,
}

/// Reads the first track of pictures; `None` if there is none.
pub(super) fn read(file: &[u8]) -> Result<Option<(Codec, Track<'_>)>, Fault> {
    let Some(movie) = Boxes(file).body(b"moov") else { return Ok(None) };
    let mut main: Option<Found<'_>> = None;
    let mut alpha: Option<Found<'_>> = None;
    for part in Boxes(movie).take(MAX_BOXES).filter(|part| &part.name == b"trak") {
        let Some(found) = found(file, part.body)? else { continue };
        match &found.kind {
            b"auxv" => alpha = alpha.or(Some(found)),
            _ => main = main.or(Some(found)),
        }
    }
    let Some(main) = main else { return Ok(None) };
    let alpha = alpha.filter(|alpha| {
        let leads = Boxes(alpha.references).body(b"auxl").unwrap_or_default();
        leads.starts_with(&main.id.to_be_bytes()) && is_alpha(&alpha.properties)
    });
    if let Some(alpha) = &alpha
        && ((alpha.width, alpha.height) != (main.width, main.height) || alpha.frames < main.frames)
    {
        return Err(corrupt("its transparency does not fit its colours"));
    }
    let premultiplied = Boxes(main.references).body(b"prem").is_some();
    let config = main.properties.iter().find(|part| matches!(&part.name, b"av1C" | b"hvcC"));
    let track = Track {
        width: main.width,
        height: main.height,
        frames: main.frames,
        plays: main.plays,
        timescale: main.timescale,
        config: config.map(|part| part.body),
        look: look(&main.properties, (main.width, main.height), premultiplied)?,
        samples: main.samples,
        alpha: alpha.map(|alpha| alpha.samples),
    };
    Ok(Some((main.codec, track)))
}

/// Reads a track; `None` if it has no pictures.
fn found<'a>(file: &'a [u8], track: &'a [u8]) -> Result<Option<Found<'a>>, Fault> {
    let body = |whole: &'a [u8], name: &[u8; 4]| Boxes(whole).body(name).unwrap_or_default();
    let media = body(track, b"mdia");
    let kind = body(media, b"hdlr").get(8..12);
    let Some(kind) = kind.filter(|kind| matches!(*kind, b"pict" | b"vide" | b"auxv")) else {
        return Ok(None);
    };
    let kind = if kind == b"auxv" { *b"auxv" } else { *b"pict" };
    let mut header = Reader(body(track, b"tkhd"));
    let (version, _) = header.version()?;
    header.take(if version == 1 { 16 } else { 8 })?;
    let id = header.u32()?;
    header.u32()?;
    let duration = if version == 1 { header.u64()? } else { u64::from(header.u32()?) };
    let endless = if version == 1 { u64::MAX } else { u64::from(u32::MAX) };
    let mut clock = Reader(body(media, b"mdhd"));
    let (version, _) = clock.version()?;
    clock.take(if version == 1 { 16 } else { 8 })?;
    let timescale = clock.u32()?.max(1);
    let table = body(body(media, b"minf"), b"stbl");
    let mut entries = Reader(body(table, b"stsd"));
    entries.take(8)?;
    let entry = Boxes(entries.0).next().ok_or_else(|| corrupt("its sequence has no codec"))?;
    let mut sides = Reader(entry.body.get(24..SAMPLE_ENTRY).unwrap_or_default());
    let (width, height) = (u32::from(sides.u16()?), u32::from(sides.u16()?));
    let properties = Boxes(entry.body.get(SAMPLE_ENTRY..).unwrap_or_default()).take(MAX_BOXES).collect();
    let short = body(table, b"stco");
    let wide = short.is_empty();
    let samples = Tables {
        file,
        times: body(table, b"stts"),
        sizes: body(table, b"stsz"),
        chunks: body(table, b"stsc"),
        offsets: if wide { body(table, b"co64") } else { short },
        wide,
    };
    let mut sizes = Reader(samples.sizes);
    sizes.take(8)?;
    let frames = sizes.u32()?;
    if frames == 0 {
        return Err(corrupt("its sequence has no pictures"));
    }
    let plays = plays(body(body(track, b"edts"), b"elst"), duration, endless)?;
    Ok(Some(Found {
        id,
        kind,
        codec: codec(&entry.name)?,
        width,
        height,
        frames,
        plays,
        timescale,
        properties,
        references: body(track, b"tref"),
        samples,
    }))
}

/// How often the edit list says that the track is shown.
fn plays(list: &[u8], duration: u64, endless: u64) -> Result<u32, Fault> {
    if list.is_empty() {
        return Ok(1);
    }
    let mut reader = Reader(list);
    let (version, flags) = reader.version()?;
    if flags & 1 == 0 || reader.u32()? != 1 {
        return Ok(1);
    }
    let once = if version == 1 { reader.u64()? } else { u64::from(reader.u32()?) };
    if duration == endless || once == 0 {
        return Ok(0);
    }
    Ok(u32::try_from(duration.div_ceil(once)).unwrap_or(0).max(1))
}

impl<'a> Track<'a> {
    /// The samples and how long each is shown, in ticks.
    pub(crate) fn samples(&self) -> Samples<'a> {
        Samples::new(self.samples)
    }

    /// Milliseconds of a number of ticks, rounded.
    pub(crate) fn milliseconds(&self, ticks: u32) -> u32 {
        let scale = u64::from(self.timescale);
        u32::try_from((u64::from(ticks) * 1000 + scale / 2) / scale).unwrap_or(u32::MAX)
    }
}

/// The samples of a track in their order. Each is checked to lie in the file.
#[derive(Clone, Debug)]
pub(crate) struct Samples<'a> {
    file: &'a [u8],
    wide: bool,
    size: u32,
    sizes: Reader<'a>,
    times: Reader<'a>,
    ticks: (u32, u32),
    chunks: Reader<'a>,
    offsets: Reader<'a>,
    chunk: u32,
    left: u32,
    in_chunk: u32,
    next_change: Option<(u32, u32)>,
    at: u64,
}

impl<'a> Samples<'a> {
    pub(crate) fn new(tables: Tables<'a>) -> Samples<'a> {
        // Behind version, flags and count; of sizes the one that all have comes before the count.
        let behind = |table: &'a [u8], start: usize| Reader(table.get(start..).unwrap_or_default());
        let size = behind(tables.sizes, 4).u32().unwrap_or(0);
        Samples {
            file: tables.file,
            wide: tables.wide,
            size,
            sizes: behind(tables.sizes, 12),
            times: behind(tables.times, 8),
            ticks: (0, 0),
            chunks: behind(tables.chunks, 8),
            offsets: behind(tables.offsets, 8),
            chunk: 0,
            left: 0,
            in_chunk: 0,
            next_change: None,
            at: 0,
        }
    }

    /// The next sample and its duration in ticks. Asking for more than there are is a fault.
    pub(crate) fn next(&mut self) -> Result<(&'a [u8], u32), Fault> {
        if self.left == 0 {
            self.next_chunk()?;
        }
        self.left -= 1;
        let size = if self.size == 0 { self.sizes.u32()? } else { self.size };
        let start = usize::try_from(self.at).map_err(|_| missing())?;
        let end = start.checked_add(size as usize).ok_or_else(missing)?;
        let sample = self.file.get(start..end).ok_or_else(missing)?;
        self.at += u64::from(size);
        if self.ticks.0 == 0 {
            // A table that ends early leaves the last duration.
            if let (Ok(count), Ok(ticks)) = (self.times.u32(), self.times.u32()) {
                self.ticks = (count, ticks);
            }
        }
        self.ticks.0 = self.ticks.0.saturating_sub(1);
        Ok((sample, self.ticks.1))
    }

    fn next_chunk(&mut self) -> Result<(), Fault> {
        self.at = if self.wide { self.offsets.u64()? } else { u64::from(self.offsets.u32()?) };
        self.chunk += 1;
        if self.next_change.is_none() {
            self.next_change = self.change();
        }
        while let Some((first, count)) = self.next_change
            && first <= self.chunk
        {
            self.in_chunk = count;
            self.next_change = self.change();
        }
        self.left = self.in_chunk;
        if self.left == 0 { Err(missing()) } else { Ok(()) }
    }

    /// From which chunk on there are how many samples in each.
    fn change(&mut self) -> Option<(u32, u32)> {
        let entry = (self.chunks.u32().ok()?, self.chunks.u32().ok()?);
        self.chunks.u32().ok()?;
        Some(entry)
    }
}

fn missing() -> Fault {
    corrupt("a picture of its sequence is missing")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edit_list_says_how_often_it_is_shown() {
        let list =
            |flags: u32, once: u32| [flags.to_be_bytes(), 1_u32.to_be_bytes(), once.to_be_bytes()].concat();
        let endless = u64::from(u32::MAX);
        for (list, duration, expected) in [
            (Vec::new(), 100, 1),
            (list(0, 100), 300, 1),
            (list(1, 100), 300, 3),
            (list(1, 100), 250, 3),
            (list(1, 100), endless, 0),
            (list(1, 0), 300, 0),
            (list(1, 100), 0, 1),
        ] {
            assert_eq!(plays(&list, duration, endless), Ok(expected), "{list:?} {duration}");
        }
        assert!(plays(&[0, 0, 0, 1], 300, endless).is_err());
    }

    #[test]
    fn samples_are_found_chunk_by_chunk() {
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
        // Two chunks of two samples, then chunks of one; sizes 1 to 5.
        let (sizes, chunks) = (words(&[0, 0, 5, 1, 2, 3, 4, 5]), words(&[0, 2, 1, 2, 1, 3, 1, 1]));
        let (offsets, times) = (words(&[0, 3, 10, 20, 25]), words(&[0, 2, 3, 7, 9, 8]));
        let file: Vec<u8> = (0..29).collect();
        let tables = Tables {
            file: &file,
            times: &times,
            sizes: &sizes,
            chunks: &chunks,
            offsets: &offsets,
            wide: false,
        };
        let mut samples = Samples::new(tables);
        let found: Vec<(Vec<u8>, u32)> =
            (0..4).map(|_| samples.next().expect("a sample")).map(|(s, t)| (s.to_vec(), t)).collect();
        let expected = [(vec![10], 7), (vec![11, 12], 7), (vec![20, 21, 22], 7), (vec![23, 24, 25, 26], 8)];
        assert_eq!(found, expected);
        assert!(samples.next().is_err(), "five bytes from 25 on are not all there");
    }
}
