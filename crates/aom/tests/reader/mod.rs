//! Reads AVIF files back, by boxes as they stand and by an AV1 decoder that shares no code with the
//! encoder.

pub(crate) mod av1;

/// What a file holds, in the terms of its boxes.
pub(crate) struct File {
    pub(crate) size: (u32, u32),
    /// The content of `av1C`, `pixi` and `colr`.
    pub(crate) coding: Vec<u8>,
    pub(crate) channels: u8,
    pub(crate) colr: Vec<u8>,
    pub(crate) picture: av1::Picture,
    pub(crate) opacity: Option<av1::Picture>,
}

/// A picture in pixels of four bytes.
pub(crate) struct Pixels {
    pub(crate) size: (u32, u32),
    pub(crate) alpha: bool,
    pub(crate) rgba: Vec<u8>,
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

/// The boxes that lie side by side in `bytes`, which they must fill: type and content.
fn boxes(mut bytes: &[u8]) -> Vec<(String, &[u8])> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (this, rest) = bytes.split_at(number(&bytes[..4]));
        found.push((String::from_utf8(this[4..8].to_vec()).expect("a type"), &this[8..]));
        bytes = rest;
    }
    found
}

/// The content of the only box of this type.
fn only<'a>(boxes: &[(String, &'a [u8])], kind: &str) -> &'a [u8] {
    let all: Vec<_> = boxes.iter().filter(|(found, _)| found == kind).collect();
    assert_eq!(all.len(), 1, "{kind}");
    all[0].1
}

/// The properties of an item, in the order of their association.
fn properties(iprp: &[u8], item: usize) -> Vec<(String, &[u8])> {
    let parts = boxes(iprp);
    let (all, uses) = (boxes(only(&parts, "ipco")), only(&parts, "ipma"));
    let mut at = 8;
    for _ in 0..number(&uses[4..8]) {
        let (found, count) = (number(&uses[at..at + 2]), usize::from(uses[at + 2]));
        let list = &uses[at + 3..at + 3 + count];
        if found == item {
            let essential = |index: &u8| all[usize::from(index & 0x7f) - 1].0 == "av1C" && index & 0x80 == 0;
            assert!(!list.iter().any(essential), "av1C is essential");
            return list.iter().map(|index| all[usize::from(index & 0x7f) - 1].clone()).collect();
        }
        at += 3 + count;
    }
    panic!("no properties of item {item}")
}

pub(crate) fn open(file: &[u8]) -> File {
    let top = boxes(file);
    let order: Vec<&str> = top.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(order, ["ftyp", "meta", "mdat"]);
    assert_eq!(&top[0].1[..4], b"avif");
    let meta = boxes(&top[1].1[4..]);
    assert_eq!(&only(&meta, "hdlr")[8..12], b"pict");
    let primary = number(&only(&meta, "pitm")[4..6]);
    // One extent for each item, with an offset from the start of the file.
    let places = only(&meta, "iloc");
    let data = |item: usize| {
        let entry = places[8..].chunks(14).find(|entry| number(&entry[..2]) == item).expect("a place");
        let offset = number(&entry[6..10]);
        &file[offset..offset + number(&entry[10..14])]
    };
    let (all, iprp) = (boxes(&only(&meta, "iinf")[6..]), only(&meta, "iprp"));
    assert!(all.iter().all(|(kind, entry)| kind == "infe" && &entry[8..12] == b"av01"));
    let own = properties(iprp, primary);
    let size = |own: &[(String, &[u8])]| {
        let ispe = only(own, "ispe");
        (number(&ispe[4..8]) as u32, number(&ispe[8..12]) as u32)
    };
    let opacity = meta.iter().find(|(kind, _)| kind == "iref").map(|(_, references)| {
        let reference = boxes(&references[4..]);
        let auxl = only(&reference, "auxl");
        assert_eq!((number(&auxl[2..4]), number(&auxl[4..6])), (1, primary));
        let item = number(&auxl[..2]);
        let its = properties(iprp, item);
        assert_eq!(&only(&its, "auxC")[4..], b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0");
        assert_eq!((size(&its), only(&its, "pixi")), (size(&own), &[0, 0, 0, 0, 1, 8][..]));
        let picture = av1::decode(data(item));
        assert_eq!(only(&its, "av1C"), picture.coding());
        picture
    });
    assert_eq!(all.len(), 1 + usize::from(opacity.is_some()));
    File {
        size: size(&own),
        coding: only(&own, "av1C").to_vec(),
        channels: only(&own, "pixi")[4],
        colr: only(&own, "colr").to_vec(),
        picture: av1::decode(data(primary)),
        opacity,
    }
}

/// Opens a file and converts its samples to colours, chroma of the nearest sample.
pub(crate) fn pixels(file: &[u8]) -> Pixels {
    let File { size: (width, height), picture, opacity, .. } = open(file);
    let mut rgba = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let luma = f64::from(picture.luma(x, y));
            let [blue, red] = picture.chroma(x, y).map(|sample| f64::from(sample) - 128.0);
            let green = luma - (0.114 * 1.772 * blue + 0.299 * 1.402 * red) / 0.587;
            let colour = [luma + 1.402 * red, green, luma + 1.772 * blue];
            rgba.extend(colour.map(|sample| sample.round().clamp(0.0, 255.0) as u8));
            rgba.push(opacity.as_ref().map_or(255, |picture| picture.luma(x, y)));
        }
    }
    Pixels { size: (width, height), alpha: opacity.is_some(), rgba }
}
