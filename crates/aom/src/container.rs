//! The file around AV1 data: boxes of ISO/IEC 14496-12 and 23008-12, as the AVIF specification wants
//! them. Written here since what the file says of the data must agree with them, down to the level.

use crate::{Color, Stream};

/// Bytes of a box before its content: length and type.
const BOX_HEAD: usize = 8;
/// The picture and its opacity, as the items of the file are numbered.
const PICTURE: u16 = 1;
const OPACITY: u16 = 2;
/// Marks a property that a reader must understand.
const ESSENTIAL: u8 = 0x80;

/// Writes a file with a picture and its opacity. Nothing if it is longer than its offsets can say.
pub(crate) fn write(
    (width, height): (u32, u32),
    color: Color,
    picture: &Stream,
    opacity: Option<&Stream>,
) -> Option<Vec<u8>> {
    // The opacity comes first: a viewer that has half of the file can then show half of the picture.
    let opacity_data = opacity.map_or(&[][..], |stream| &stream.data);
    let lengths = [opacity_data.len(), picture.data.len()];
    let head = boxed(b"ftyp", &[b"avif", &[0; 4], b"avif", b"mif1", b"miaf"]);
    let properties = properties((width, height), color, picture, opacity);
    let meta = |start: usize| -> Option<Vec<u8>> {
        let start = u32::try_from(start).ok()?;
        let [opacity_length, length] = lengths.map(u32::try_from);
        let (opacity_length, length) = (opacity_length.ok()?, length.ok()?);
        let mut places = vec![(PICTURE, start.checked_add(opacity_length)?, length)];
        if opacity.is_some() {
            places.push((OPACITY, start, opacity_length));
        }
        // The end of the data, too, is a number of 32 bits.
        places[0].1.checked_add(length)?;
        Some(meta_box(&places, &properties))
    };
    // Offsets have a fixed width, so that the box for a start of 0 has the length of the final one.
    let start = head.len() + meta(0)?.len() + BOX_HEAD;
    Some([head, meta(start)?, boxed(b"mdat", &[opacity_data, &picture.data])].concat())
}

/// What is in the file, and where: the number, offset and length of each item.
fn meta_box(places: &[(u16, u32, u32)], properties: &[u8]) -> Vec<u8> {
    let count = [0, places.len() as u8];
    let mut locations = vec![0x44, 0];
    let mut entries = Vec::new();
    locations.extend(count);
    for (item, offset, length) in places {
        // The item's number, the file itself as the source, and one extent.
        locations.extend([&item.to_be_bytes()[..], &[0, 0, 0, 1]].concat());
        locations.extend([offset.to_be_bytes(), length.to_be_bytes()].concat());
        entries.push(full_box(b"infe", 2, &[&item.to_be_bytes(), &[0, 0], b"av01\0"]));
    }
    let handler = full_box(b"hdlr", 0, &[&[0; 4], b"pict", &[0; 13]]);
    let primary = full_box(b"pitm", 0, &[&PICTURE.to_be_bytes()]);
    let locations = full_box(b"iloc", 0, &[&locations]);
    let items = full_box(b"iinf", 0, &[&count, &entries.concat()]);
    let mut content = vec![handler, primary, locations, items];
    if places.len() > 1 {
        let reference = [OPACITY.to_be_bytes(), [0, 1], PICTURE.to_be_bytes()].concat();
        content.push(full_box(b"iref", 0, &[&boxed(b"auxl", &[&reference])]));
    }
    content.push(properties.to_vec());
    full_box(b"meta", 0, &[&content.concat()])
}

/// Size, channels, coding and colours, and which item has which.
fn properties(
    (width, height): (u32, u32),
    color: Color,
    picture: &Stream,
    opacity: Option<&Stream>,
) -> Vec<u8> {
    let primaries = match color {
        Color::Srgb => 1,
        Color::DisplayP3 => 12,
    };
    let mut all = vec![
        full_box(b"ispe", 0, &[&width.to_be_bytes(), &height.to_be_bytes()]),
        channels(picture),
        coding(picture),
        // The curve of sRGB, luma as in BT.601, full range.
        boxed(b"colr", &[b"nclx", &[0, primaries, 0, 13, 0, 6, 0x80]]),
    ];
    let mut uses = vec![0, 0, 0, 1, 0, 1, 4, 1, 2, 3 | ESSENTIAL, 4];
    if let Some(opacity) = opacity {
        all.push(channels(opacity));
        all.push(coding(opacity));
        all.push(full_box(b"auxC", 0, &[b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0"]));
        uses[3] = 2;
        uses.extend([0, 2, 4, 1, 5, 6 | ESSENTIAL, 7]);
    }
    boxed(b"iprp", &[&boxed(b"ipco", &[&all.concat()]), &full_box(b"ipma", 0, &[&uses])])
}

/// How many channels there are, of 8 bits each.
fn channels(stream: &Stream) -> Vec<u8> {
    let depths: &[u8] = if stream.monochrome { &[1, 8] } else { &[3, 8, 8, 8] };
    full_box(b"pixi", 0, &[depths])
}

/// What a reader of the data must be able to do: it repeats their sequence header.
fn coding(stream: &Stream) -> Vec<u8> {
    let kind = match (stream.monochrome, stream.profile) {
        (true, _) => 0b0001_1100,
        (false, 0) => 0b0000_1100,
        (false, _) => 0,
    };
    boxed(b"av1C", &[&[0x81, stream.profile << 5 | stream.level, kind, 0]])
}

/// A box with a version, and no flags.
fn full_box(kind: &[u8; 4], version: u8, content: &[&[u8]]) -> Vec<u8> {
    boxed(kind, &[&[version, 0, 0, 0], &content.concat()])
}

fn boxed(kind: &[u8; 4], content: &[&[u8]]) -> Vec<u8> {
    let length = BOX_HEAD + content.iter().map(|part| part.len()).sum::<usize>();
    // The longest box is that of the data, and `write` has seen that its end is a number of 32 bits.
    let mut all = (length as u32).to_be_bytes().to_vec();
    all.reserve_exact(length - all.len());
    all.extend(kind);
    content.iter().for_each(|part| all.extend(*part));
    all
}
