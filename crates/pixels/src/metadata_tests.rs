use super::*;

/// A block with Make, Orientation 6, Copyright, a thumbnail directory, Exif with exposure, maker
/// note and colour space, and GPS; in the given byte order.
fn sample(order: Order) -> Vec<u8> {
    let ascii = |tag, text: &[u8]| Entry { tag, kind: 2, count: text.len() as u32, value: text.to_vec() };
    let short = |tag, value: u16| Entry { tag, kind: SHORT, count: 1, value: order.put16(value).to_vec() };
    let writer = Exif { order, block: &[], first: 0 };
    let first = vec![
        ascii(0x010F, b"Maker\0"),
        short(ORIENTATION, 6),
        short(0x0201, 99),
        ascii(COPYRIGHT, b"(c) A. Person\0"),
    ];
    let rational: Vec<u8> = [1_u32, 250].iter().flat_map(|&n| order.put32(n)).collect();
    let exif = vec![
        Entry { tag: 0x829A, kind: 5, count: 1, value: rational },
        Entry {
            tag: 0x927C,
            kind: 7,
            count: 40,
            value: b"secret serial number, face boxes and more".to_vec(),
        },
        short(COLOR_SPACE, 0xFFFF),
    ];
    writer.write(first, exif, vec![ascii(1, b"N\0")])
}

fn tags(block: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let exif = Exif::parse(block).expect("a TIFF header");
    let mut budget = usize::MAX;
    let mut all = exif.entries(exif.first, &mut budget, |_| true);
    for pointer in [EXIF_DIRECTORY, GPS_DIRECTORY] {
        if let Some(at) = exif.pointer(pointer) {
            all.extend(exif.entries(at, &mut budget, |_| true));
        }
    }
    all.into_iter().map(|entry| (entry.tag, entry.value)).collect()
}

fn find(block: &[u8], tag: u16) -> Option<Vec<u8>> {
    tags(block).into_iter().find(|(found, _)| *found == tag).map(|(_, value)| value)
}

#[test]
fn the_orientation_is_read_in_both_byte_orders() {
    for order in [Order::Little, Order::Big] {
        let block = sample(order);
        let with_prefix = [b"Exif\0\0", block.as_slice()].concat();
        for block in [&block, &with_prefix] {
            assert_eq!(Exif::parse(block).map(|exif| exif.orientation()), Some(Orientation::Rotate90));
        }
    }
    assert!(Exif::parse(b"").is_none());
    assert!(Exif::parse(b"II\x2B\0\x08\0\0\0").is_none());
}

#[test]
fn copyright_keeps_the_copyright_alone() {
    for order in [Order::Little, Order::Big] {
        let block = sample(order);
        let kept = Exif::parse(&block)
            .and_then(|exif| exif.kept(MetadataPolicy::Copyright, Space::Srgb))
            .expect("kept");
        assert_eq!(tags(&kept), [(COPYRIGHT, b"(c) A. Person\0".to_vec())]);
    }
}

#[test]
fn keep_keeps_the_camera_and_the_place_but_no_thumbnail_and_no_maker_note() {
    for order in [Order::Little, Order::Big] {
        let block = sample(order);
        let kept =
            Exif::parse(&block).and_then(|exif| exif.kept(MetadataPolicy::Keep, Space::Srgb)).expect("kept");
        assert_eq!(find(&kept, 0x010F).as_deref(), Some(b"Maker\0".as_slice()));
        assert_eq!(find(&kept, 0x829A).map(|value| value.len()), Some(8));
        assert_eq!(find(&kept, 1).as_deref(), Some(b"N\0".as_slice()));
        assert_eq!(find(&kept, COLOR_SPACE), Some(order.put16(1).to_vec()));
        assert_eq!(Exif::parse(&kept).map(|exif| exif.orientation()), Some(Orientation::AsStored));
        assert_eq!(find(&kept, ORIENTATION), Some(order.put16(1).to_vec()));
        assert_eq!((find(&kept, 0x0201), find(&kept, 0x927C)), (None, None));
        assert!(!kept.windows(6).any(|window| window == b"secret"));
    }
}

#[test]
fn an_orientation_of_an_odd_form_is_not_applied_twice() {
    for order in [Order::Little, Order::Big] {
        let odd = Entry { tag: ORIENTATION, kind: SHORT, count: 2, value: [order.put16(6); 2].concat() };
        let block = Exif { order, block: &[], first: 0 }.write(vec![odd], Vec::new(), Vec::new());
        let exif = Exif::parse(&block).expect("a TIFF header");
        assert_eq!(exif.orientation(), Orientation::Rotate90);
        let kept = exif.kept(MetadataPolicy::Keep, Space::Srgb).expect("kept");
        assert_eq!(find(&kept, ORIENTATION), Some(order.put16(1).to_vec()));
    }
}

#[test]
fn what_describes_the_pixels_of_a_tiff_is_not_kept() {
    let writer = Exif { order: Order::Big, block: &[], first: 0 };
    let entry = |tag| Entry { tag, kind: SHORT, count: 1, value: vec![0, 4] };
    let described = [0x0102, 0x0111, 0x013D, 0x0140, 0x0142, 0x0145, 0x0152, 0x0153, 0x015B];
    let mut first: Vec<Entry> = described.map(entry).into();
    first.push(Entry { tag: 0x010F, kind: 2, count: 6, value: b"Maker\0".to_vec() });
    let block = writer.write(first, Vec::new(), Vec::new());
    let kept =
        Exif::parse(&block).and_then(|exif| exif.kept(MetadataPolicy::Keep, Space::Srgb)).expect("the maker");
    assert_eq!(tags(&kept), [(0x010F, b"Maker\0".to_vec())]);
}

#[test]
fn what_programs_keep_for_themselves_is_not_kept() {
    let writer = Exif { order: Order::Little, block: &[], first: 0 };
    let entry = |tag| Entry { tag, kind: 7, count: 6, value: b"secret".to_vec() };
    // Photoshop, printing, raw converters, scanners, Windows' padding, and numbers that nobody has taken.
    let first = [0x8649, 0x80A4, 0x935C, 0xC4A5, 0xC44F, 0xC634, 0xEA1C, 0x0001, 0x1000, 0xFFFF];
    let exif = [0x927C, 0x935C, 0xA005, 0xC44F, 0xEA1C, 0xEA1D, 0xFE00, 0x0005];
    let gps = [0x0020, 0x0110, 0x9286, 0xC44F];
    let mut named = first.map(entry).to_vec();
    named.push(Entry { tag: 0x010F, kind: 2, count: 6, value: b"Maker\0".to_vec() });
    let block = writer.write(named, exif.map(entry).to_vec(), gps.map(entry).to_vec());
    let kept =
        Exif::parse(&block).and_then(|exif| exif.kept(MetadataPolicy::Keep, Space::Srgb)).expect("the maker");
    assert_eq!(tags(&kept), [(0x010F, b"Maker\0".to_vec())]);
}

#[test]
fn the_color_space_is_that_of_the_rendition() {
    for order in [Order::Little, Order::Big] {
        let block = sample(order);
        for (space, number) in [(Space::Srgb, 1), (Space::Profile, 0xFFFF)] {
            let kept = Exif::parse(&block).and_then(|exif| exif.kept(MetadataPolicy::Keep, space));
            assert_eq!(find(&kept.expect("kept"), COLOR_SPACE), Some(order.put16(number).to_vec()));
        }
    }
}

#[test]
fn none_keeps_nothing() {
    let block = sample(Order::Big);
    assert_eq!(Exif::parse(&block).and_then(|exif| exif.kept(MetadataPolicy::None, Space::Srgb)), None);
}

#[test]
fn entries_that_share_bytes_do_not_multiply_them() {
    let mut block = b"II\x2A\0\x08\0\0\0".to_vec();
    block.extend_from_slice(&400_u16.to_le_bytes());
    for tag in 1..=400_u16 {
        block.extend_from_slice(&(0x9000 + tag).to_le_bytes());
        block.extend_from_slice(&2_u16.to_le_bytes());
        block.extend_from_slice(&50_000_u32.to_le_bytes());
        block.extend_from_slice(&8_u32.to_le_bytes());
    }
    block.resize(60_000, b'x');
    let kept =
        Exif::parse(&block).and_then(|exif| exif.kept(MetadataPolicy::Keep, Space::Srgb)).expect("one fits");
    assert!(kept.len() < 65_000, "{}", kept.len());
}

#[test]
fn broken_blocks_are_survived() {
    let block = sample(Order::Little);
    for end in 0..block.len() {
        if let Some(exif) = Exif::parse(&block[..end]) {
            exif.orientation();
            for policy in MetadataPolicy::ALL {
                exif.kept(policy, Space::Srgb);
            }
        }
    }
    for at in 0..block.len() {
        let mut bent = block.clone();
        bent[at] = 0xFF;
        if let Some(kept) = Exif::parse(&bent).and_then(|exif| exif.kept(MetadataPolicy::Keep, Space::Srgb)) {
            assert!(Exif::parse(&kept).is_some());
        }
    }
}

#[test]
fn a_rendition_in_display_p3_does_not_say_srgb() {
    let wide = include_bytes!("../tests/golden/inputs/display-p3.jpg");
    let exif = [b"\xFF\xE1\0\0Exif\0\0".as_slice(), &sample(Order::Big)].concat();
    let mut file = [&wide[..2], &exif, &wide[2..]].concat();
    file[4..6].copy_from_slice(&(exif.len() as u16 - 2).to_be_bytes());
    for (options, number) in
        [("fit=scale-down,metadata=keep", 1), ("fit=scale-down,gamut=display-p3,metadata=keep", 0xFFFF)]
    {
        let transform = safelight_domain::transform::Transform::from_canonical(options).expect("options");
        let limits = safelight_domain::image::SourceLimits::CLOUDFLARE;
        let format = safelight_domain::negotiate::OutputFormat::Jpeg;
        let made = crate::render(&crate::Source { file: &file, overlays: &[] }, &transform, format, &limits);
        let made = made.expect("a rendition").bytes;
        let header = crate::probe::header(&made, &limits).expect("sound");
        let found =
            find(header.exif.expect("EXIF").strip_prefix(b"Exif\0\0").expect("a prefix"), COLOR_SPACE);
        assert_eq!(found, Some(Order::Big.put16(number).to_vec()), "{options}");
    }
}
