//! The same limits for HTTP/2, by a client that keeps to the rules and by frames written by hand.

use super::{LONG, SHORT, SOON, Server, limits, start};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use safelight::config::ConnectionLimits;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// Kinds of frames, and flags.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

type Client = SendRequest<Full<Bytes>>;

async fn client(server: &Server) -> Client {
    let (client, connection) =
        handshake(TokioExecutor::new(), TokioIo::new(server.connect().await)).await.expect("HTTP/2");
    tokio::spawn(connection);
    client
}

fn request(path: &str) -> Request<Full<Bytes>> {
    Request::get(format!("http://h{path}")).body(Full::default()).expect("a request")
}

async fn ask(client: &Client, request: Request<Full<Bytes>>) -> Response<Incoming> {
    let answer = client.clone().send_request(request);
    timeout(SOON, answer).await.expect("in time").expect("an answer")
}

/// Frames by hand.
struct Raw(TcpStream);

impl Raw {
    async fn connect(server: &Server) -> Raw {
        let mut raw = Raw(server.connect().await);
        raw.0.write_all(PREFACE).await.expect("sent");
        raw.send(SETTINGS, 0, 0, &[]).await;
        raw
    }

    async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.0.write_all(&frame(kind, flags, stream, payload)).await.expect("sent");
    }

    async fn get(&mut self, stream: u32, path: &str) {
        self.send(HEADERS, END_HEADERS | END_STREAM, stream, &head(path)).await;
    }

    /// The next frame that is of one of these kinds: kind, flags, stream and payload; `None` at the end.
    async fn next(&mut self, kinds: &[u8]) -> Option<(u8, u8, u32, Vec<u8>)> {
        loop {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).await.ok()?;
            let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
            self.0.read_exact(&mut payload).await.ok()?;
            if kinds.contains(&head[3]) {
                let stream = u32::from_be_bytes(head[5..].try_into().expect("four bytes"));
                return Some((head[3], head[4], stream, payload));
            }
        }
    }

    /// Sends `keeping` every so often until the server closes, which is to be soon but not before `least`.
    async fn closed(self, keeping: &[u8], least: Duration) {
        let begin = Instant::now();
        let (mut reader, mut writer) = self.0.into_split();
        let keeping = keeping.to_vec();
        let sending = tokio::spawn(async move {
            while writer.write_all(&keeping).await.is_ok() {
                sleep(SHORT / 10).await;
            }
        });
        let _ = timeout(SOON, reader.read_to_end(&mut Vec::new())).await.expect("closed soon");
        assert!(begin.elapsed() >= least, "closed after {:?}", begin.elapsed());
        sending.abort();
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn ping() -> Vec<u8> {
    frame(PING, 0, 0, &[7; 8])
}

/// The head of a GET (RFC 7541: two fields of the static table, and two with values of their own).
fn head(path: &str) -> Vec<u8> {
    let length = u8::try_from(path.len()).expect("short");
    [&[0x82, 0x86, 0x04, length], path.as_bytes(), &[0x01, 1, b'h']].concat()
}

#[tokio::test]
async fn many_requests_share_a_connection() {
    let server = start(limits()).await;
    let client = client(&server).await;
    let asked = (0..50).map(|_| ask(&client, request("/peer")));
    let mut peers = Vec::new();
    for answer in futures_util::future::join_all(asked).await {
        assert_eq!((answer.status(), answer.version()), (StatusCode::OK, http::Version::HTTP_2));
        peers.push(answer.into_body().collect().await.expect("whole").to_bytes());
    }
    assert!(peers[0].starts_with(b"127.0.0.1:"));
    assert!(peers.iter().all(|peer| *peer == peers[0]));
    assert_eq!(ask(&client, request("/panic")).await.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(ask(&client, request("/peer")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn streams_of_a_connection_are_bounded() {
    let server = start(limits()).await;
    let mut raw = Raw::connect(&server).await;
    for stream in 0..101 {
        raw.get(2 * stream + 1, "/wait").await;
    }
    let refused = timeout(SOON, raw.next(&[RST_STREAM])).await.expect("in time");
    // REFUSED_STREAM
    assert_eq!(refused, Some((RST_STREAM, 0, 201, vec![0, 0, 0, 7])));
}

#[tokio::test]
async fn requests_of_all_connections_are_bounded_as_connections_are() {
    let server = start(ConnectionLimits { connections: 2, ..limits() }).await;
    let client = client(&server).await;
    let held = [request("/wait"), request("/wait")].map(|request| {
        let client = client.clone();
        tokio::spawn(async move { ask(&client, request).await.status() })
    });
    sleep(SHORT).await;
    let third = ask(&client, request("/peer"));
    let mut third = std::pin::pin!(third);
    assert!(timeout(SHORT, &mut third).await.is_err());
    server.gate.notify_one();
    assert_eq!(third.await.status(), StatusCode::OK);
    server.gate.notify_one();
    for held in held {
        assert_eq!(held.await.expect("no panic"), StatusCode::OK);
    }
}

#[tokio::test]
async fn without_a_request_a_connection_lasts_for_the_header_timeout() {
    let server = start(ConnectionLimits { header_timeout: SHORT, ..limits() }).await;
    Raw::connect(&server).await.closed(&ping(), SHORT / 2).await;
    let mut stream = server.connect().await;
    stream.write_all(&PREFACE[..20]).await.expect("sent");
    Raw(stream).closed(b"", SHORT / 2).await;
}

#[tokio::test]
async fn pings_do_not_keep_a_connection_from_being_idle() {
    let server = start(ConnectionLimits { idle_timeout: SHORT, ..limits() }).await;
    let mut raw = Raw::connect(&server).await;
    raw.get(1, "/peer").await;
    let (_, flags, ..) = raw.next(&[DATA]).await.expect("an answer");
    assert_eq!(flags, END_STREAM);
    raw.closed(&ping(), SHORT / 2).await;
}

#[tokio::test]
async fn a_handler_may_take_longer_than_the_idle_timeout() {
    let server = start(ConnectionLimits { header_timeout: SHORT, idle_timeout: SHORT, ..limits() }).await;
    let client = client(&server).await;
    assert_eq!(ask(&client, request("/slow")).await.status(), StatusCode::OK);
    sleep(SHORT / 2).await;
    assert_eq!(ask(&client, request("/peer")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_head_in_drops_is_closed_after_the_header_timeout() {
    let server = start(ConnectionLimits { header_timeout: SHORT, ..limits() }).await;
    for other in [false, true] {
        let mut raw = Raw::connect(&server).await;
        if other {
            raw.get(1, "/wait").await;
        }
        raw.send(HEADERS, END_STREAM, 3, &head("/peer")).await;
        raw.0.write_all(&frame(CONTINUATION, END_HEADERS, 3, &[0; 4000])[..9]).await.expect("sent");
        raw.closed(&[0], SHORT / 2).await;
    }
    let mut raw = Raw::connect(&server).await;
    raw.get(1, "/wait").await;
    raw.0.write_all(&frame(HEADERS, 0, 3, &[0; 100])[..50]).await.expect("sent");
    raw.closed(b"", SHORT / 2).await;
}

#[tokio::test]
async fn heads_are_bounded_in_number_and_bytes() {
    let server = start(limits()).await;
    let client = client(&server).await;
    let with = |headers: usize, value: usize| {
        let mut request = request("/peer");
        for number in 0..headers {
            let name = http::HeaderName::try_from(format!("x-{number}")).expect("a name");
            request.headers_mut().insert(name, "v".repeat(value).parse().expect("a value"));
        }
        ask(&client, request)
    };
    assert_eq!(with(20, 10).await.status(), StatusCode::OK);
    assert_eq!(with(21, 10).await.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!(with(1, 3000).await.status(), StatusCode::OK);
    assert_eq!(with(1, 4096).await.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!(ask(&client, request("/peer")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_pause_in_a_body_fails_the_body_alone() {
    let server = start(ConnectionLimits { body_timeout: SHORT, ..limits() }).await;
    let mut raw = Raw::connect(&server).await;
    // 0x83 makes it a POST.
    let post = [&[0x83], &head("/body")[1..]].concat();
    raw.send(HEADERS, END_HEADERS, 1, &post).await;
    raw.send(DATA, 0, 1, b"abc").await;
    let (_, _, stream, answer) = timeout(SOON, raw.next(&[HEADERS])).await.expect("in time").expect("one");
    // The first field is the status: an index into the static table, or one that has 8 for its name.
    assert_eq!((stream, answer[0]), (1, 0x48));
    assert!(answer.windows(3).any(|text| text == b"408") || answer[1] & 0x80 != 0, "{answer:?}");
    raw.get(3, "/peer").await;
    let (_, _, stream, answer) = timeout(SOON, raw.next(&[HEADERS])).await.expect("in time").expect("one");
    assert_eq!((stream, answer[0]), (3, 0x88));
}

#[tokio::test]
async fn a_body_is_read() {
    let server = start(limits()).await;
    let client = client(&server).await;
    let sent = Bytes::from(vec![7; 1 << 20]);
    let request = Request::post("http://h/body").body(Full::new(sent.clone())).expect("a request");
    let answer = ask(&client, request).await;
    assert_eq!(answer.into_body().collect().await.expect("whole").to_bytes(), sent);
    let request = Request::post("http://h/refuse").body(Full::new(sent)).expect("a request");
    assert_eq!(ask(&client, request).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_reader_that_stalls_is_cut_off() {
    let server = start(ConnectionLimits { idle_timeout: SHORT, ..limits() }).await;
    for window in [0, 10, 65_535_u32] {
        let mut raw = Raw::connect(&server).await;
        let initial_window = [&[0, 4][..], &window.to_be_bytes()].concat();
        raw.send(SETTINGS, 0, 0, &initial_window).await;
        raw.get(1, "/large").await;
        raw.get(3, "/peer").await;
        raw.closed(&ping(), SHORT / 2).await;
    }
}

#[tokio::test]
async fn a_reader_that_is_only_slow_is_not_cut_off() {
    let server = start(ConnectionLimits { idle_timeout: SHORT, ..limits() }).await;
    let mut raw = Raw::connect(&server).await;
    raw.get(1, "/large").await;
    let (mut open, mut taken) = (65_535, 0);
    for _ in 0..8 {
        while taken < open {
            taken += raw.next(&[DATA]).await.expect("more").3.len();
        }
        sleep(SHORT / 3).await;
        for stream in [0, 1] {
            raw.send(WINDOW_UPDATE, 0, stream, &[0, 0, 0, 100]).await;
        }
        open += 100;
    }
}

#[tokio::test]
async fn a_flood_of_resets_ends_the_connection() {
    let server = start(limits()).await;
    let mut raw = Raw::connect(&server).await;
    let mut flood = Vec::new();
    for stream in (1..2000).step_by(2) {
        flood.extend(frame(HEADERS, END_HEADERS | END_STREAM, stream, &head("/wait")));
        flood.extend(frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]));
    }
    raw.0.write_all(&flood).await.expect("sent");
    let (.., payload) = timeout(SOON, raw.next(&[GOAWAY])).await.expect("in time").expect("an end");
    // ENHANCE_YOUR_CALM
    assert_eq!(payload[4..8], [0, 0, 0, 11]);
}

#[tokio::test]
async fn shutdown_lets_a_request_finish() {
    let server = start(limits()).await;
    let (idle, silent) = (client(&server).await, server.connect().await);
    assert_eq!(ask(&idle, request("/peer")).await.status(), StatusCode::OK);
    let busy = client(&server).await;
    let waiting = tokio::spawn(async move { ask(&busy, request("/wait")).await.status() });
    sleep(SHORT).await;
    server.stop.send(()).expect("running");
    Raw(silent).closed(b"", Duration::ZERO).await;
    assert!(TcpStream::connect(server.address).await.is_err());
    assert!(!server.task.is_finished());
    server.gate.notify_one();
    assert_eq!(waiting.await.expect("no panic"), StatusCode::OK);
    timeout(SOON, server.task).await.expect("ended soon").expect("no panic").expect("no error");
    timeout(LONG, idle.clone().ready()).await.expect("in time").expect_err("it was closed");
}
