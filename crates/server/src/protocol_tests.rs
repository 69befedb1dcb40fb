use super::*;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use safelight_domain::options::parse_overlay;
use safelight_domain::transform::{Blur, Fit, MetadataPolicy, Overlay, Side};

fn pair() -> (OwnedFd, OwnedFd) {
    socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).expect("a socket pair")
}

fn round_trip<M: Message>(message: &M) -> M {
    let (here, there) = pair();
    send(here.as_fd(), message, None).expect("sent");
    receive(there.as_fd()).expect("a message").expect("not closed").0
}

/// What a receiver makes of a frame of these bytes.
fn receive_bytes(frame: &[u8]) -> Result<Option<(Request, Option<OwnedFd>)>, FrameError> {
    let (here, there) = pair();
    rustix::net::send(&here, frame, SendFlags::empty()).expect("sent");
    receive(there.as_fd())
}

fn frame(version: u16, kind: u16, length: u32, payload: &[u8]) -> Vec<u8> {
    [&MAGIC[..], &version.to_le_bytes(), &kind.to_le_bytes(), &length.to_le_bytes(), payload].concat()
}

#[test]
fn requests_round_trip() {
    let mut requests =
        vec![Request::Hello(SourceLimits::CLOUDFLARE), Request::Probe, Request::Levels { first: 4 }];
    requests.push(Request::ProbeBeginning);
    for format in OutputFormat::ALL {
        for (fit, metadata) in Fit::ALL.into_iter().zip(MetadataPolicy::ALL.into_iter().cycle()) {
            let transform = Transform {
                fit,
                width: Side::parse(12_000).ok(),
                blur: Blur::parse(2.57).expect("in range"),
                metadata,
                draw: vec![overlay("-"); MAX_OVERLAYS],
                ..Transform::default()
            };
            for base in [Base::Original, Base::Level] {
                requests.push(Request::Render {
                    base,
                    transform: transform.clone(),
                    output: format.into(),
                    lengths: vec![7; 1 + MAX_OVERLAYS],
                });
            }
        }
    }
    for request in requests {
        assert_eq!(round_trip(&request), request);
    }
}

fn overlay(image: &str) -> Overlay {
    parse_overlay([("image", image), ("width", "0.1234"), ("right", "12000")]).expect("good")
}

#[test]
fn a_worker_is_not_told_names() {
    let mut transform = Transform { draw: vec![overlay("secret")], ..Transform::default() };
    let sent = |transform: &Transform| Request::Render {
        base: Base::Level,
        transform: transform.clone(),
        output: OutputFormat::Png.into(),
        lengths: vec![1, 2],
    };
    let received = round_trip(&sent(&transform));
    transform.draw[0].image = ImageId::named("-");
    assert_eq!(received, sent(&transform));
}

#[test]
fn responses_round_trip() {
    let info = SourceInfo {
        format: SourceFormat::WebP,
        width: 3,
        height: 4,
        has_alpha: true,
        frames: 7,
        turn: Turn::Sideways,
    };
    for (seccomp, landlock) in Wall::ALL.into_iter().zip(Wall::ALL.into_iter().rev()) {
        let response = Response::Ready(Walls { seccomp, landlock });
        assert_eq!(round_trip(&response), response);
    }
    for response in [
        Response::Probed(info),
        Response::Unclear,
        Response::Rendered { width: 1, height: 2 },
        Response::Refused(Fault::Unsupported),
        Response::Refused(Fault::Corrupt("no end".to_owned())),
        Response::Refused(Fault::TooLarge { width: 1, height: 2, side: 3, area: 4 }),
        Response::Refused(Fault::CannotEncode("too wide".to_owned())),
        Response::Refused(Fault::TooMuchAnimation { width: 1, height: 2, frames: 3, max_frames: 4, area: 5 }),
        Response::Refused(Fault::SvgConversion),
        Response::Refused(Fault::OutputTooLarge { width: 1 << 40, height: 2, side: 3, area: 4 }),
        Response::Refused(Fault::NothingLeft { width: 1, height: 2 }),
        Response::Refused(Fault::OverlaysTooLarge { area: 1 }),
        Response::Levels(Vec::new()),
        Response::Levels(vec![(4, 70_000), (8, 1)]),
    ] {
        assert_eq!(round_trip(&response), response);
    }
}

#[test]
fn texts_are_cut_and_carry_no_control_characters() {
    let sent = Response::Refused(Fault::Corrupt(format!("a\r\n{}é", "x".repeat(wire::MAX_TEXT - 4))));
    let Response::Refused(Fault::Corrupt(text)) = round_trip(&sent) else { panic!("another message") };
    assert_eq!(text, format!("a{}", "x".repeat(wire::MAX_TEXT - 4)));
}

#[test]
fn files_travel_beside_the_frame() {
    let (here, there) = pair();
    let file = sealed::seal(&[b"bytes"]).expect("sealed");
    send(here.as_fd(), &Request::Probe, Some(file.as_fd())).expect("sent");
    let (_, file) = receive::<Request>(there.as_fd()).expect("a message").expect("not closed");
    assert_eq!(sealed::read(file.expect("a file")).expect("read"), b"bytes");
}

#[test]
fn a_closed_peer_is_the_end() {
    let (here, there) = pair();
    drop(here);
    assert!(matches!(receive::<Request>(there.as_fd()), Ok(None)));
}

#[test]
fn frames_that_are_not_ours_are_refused() {
    assert!(matches!(receive_bytes(&frame(VERSION, 2, 0, b"")), Ok(Some((Request::Probe, None)))));
    assert!(matches!(receive_bytes(b"GET / HTTP/1.1\r\n\r\n"), Err(FrameError::NotAFrame)));
    assert!(matches!(receive_bytes(b"SFLW"), Err(FrameError::NotAFrame)));
    assert!(
        matches!(receive_bytes(&frame(VERSION + 1, 2, 0, b"")), Err(FrameError::Version(v)) if v == VERSION + 1)
    );
    assert!(matches!(receive_bytes(&frame(VERSION, 9, 0, b"")), Err(FrameError::Kind(9))));
}

#[test]
fn lengths_are_not_believed() {
    for (length, payload) in [(1, &b""[..]), (0, b"x"), (u32::MAX, b"x"), (5000, &[0; 5000])] {
        let result = receive_bytes(&frame(VERSION, 2, length, payload));
        assert!(matches!(result, Err(FrameError::Length)), "{length}: {result:?}");
    }
}

#[test]
fn fields_are_checked() {
    let hello = Request::Hello(SourceLimits::CLOUDFLARE).encode().1;
    for payload in [&hello[..hello.len() - 1], &[&hello[..], b"x"].concat()] {
        assert!(matches!(Request::decode(1, payload), Err(FrameError::Field(_))));
    }
    let with_effort = |effort: u32, transform: &str, format: &str, lengths: u32| {
        let payload = Payload::default().text(transform).text(format).u32(effort).u32(0);
        Request::decode(3, &(0..lengths).fold(payload, |payload, _| payload.u32(1)).done())
    };
    let render = |transform: &str, format: &str, lengths: u32| with_effort(0, transform, format, lengths);
    assert!(render("fit=crop", "png", 1).is_ok());
    assert!(with_effort(2, "fit=crop", "png", 1).is_ok());
    for effort in [3, 256, u32::MAX] {
        assert!(matches!(with_effort(effort, "fit=crop", "png", 1), Err(FrameError::Field(_))));
    }
    assert!(render("draw=image:x", "png", 2).is_ok());
    for (transform, format, lengths) in [
        ("fit=crop,width=12001", "png", 1),
        ("fit=crop", "bmp", 1),
        ("fit=crop", "png", 0),
        ("fit=crop", "png", 2),
        ("draw=image:x", "png", 1),
    ] {
        assert!(matches!(render(transform, format, lengths), Err(FrameError::Field(_))));
    }
    let many =
        (0..2 * MAX_LEVELS + 2).fold(Payload::default().u32(MAX_LEVELS + 1), |payload, _| payload.u32(4));
    assert!(matches!(Response::decode(13, &many.done()), Err(FrameError::Field(_))));
    let ready = |seccomp: &str| Response::decode(1, &Payload::default().text(seccomp).text("whole").done());
    assert!(ready("partial").is_ok());
    assert!(matches!(ready("high"), Err(FrameError::Field(_))));
    let long = [&(wire::MAX_TEXT as u16 + 1).to_le_bytes()[..], &[b'x'; wire::MAX_TEXT + 1]].concat();
    assert!(matches!(Response::decode(5, &long), Err(FrameError::Field(_))));
}

#[test]
fn two_descriptors_are_too_many() {
    let (here, there) = pair();
    let file = sealed::seal(&[b""]).expect("sealed");
    let frame = frame(VERSION, 2, 0, b"");
    send_bytes(here.as_fd(), &frame, &[file.as_fd(), file.as_fd()]).expect("sent");
    assert!(matches!(receive::<Request>(there.as_fd()), Err(FrameError::Descriptors)));
}
