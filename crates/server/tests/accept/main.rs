//! Every limit on connections is provoked over real sockets.

// Helpers of tests may panic as tests do.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod http2;
mod tls;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Extension;
use axum::routing::{get, post};
use futures_util::stream;
use http::StatusCode;
use safelight::accept::{Tls, serve};
use safelight::config::ConnectionLimits;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Longer than anything here may take.
const LONG: Duration = Duration::from_secs(20);
/// The limit under test.
const SHORT: Duration = Duration::from_millis(300);
/// The server has answered or closed well before this, if it waits for `SHORT` only.
const SOON: Duration = Duration::from_secs(5);

const GET: &[u8] = b"GET /peer HTTP/1.1\r\nhost: h\r\n\r\n";

fn limits() -> ConnectionLimits {
    ConnectionLimits {
        connections: 100,
        header_timeout: LONG,
        body_timeout: LONG,
        idle_timeout: LONG,
        headers: 20,
        head_bytes: 4096,
        shutdown_timeout: LONG,
    }
}

struct Server {
    address: SocketAddr,
    /// Lets the handler of `/wait` go on.
    gate: Arc<Notify>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

async fn start(limits: ConnectionLimits) -> Server {
    start_with(None, limits).await
}

async fn start_with(tls: Option<Arc<Tls>>, limits: ConnectionLimits) -> Server {
    let gate = Arc::new(Notify::new());
    let at_gate = Arc::clone(&gate);
    let router = Router::new()
        .route("/peer", get(|Extension(peer): Extension<SocketAddr>| async move { peer.to_string() }))
        .route("/wait", get(|| async move { at_gate.notified().await }))
        .route("/slow", get(|| sleep(SHORT * 4)))
        .route("/large", get(|| async { large_body() }))
        .route("/panic", get(|| async { panic!("on purpose") as () }))
        .route("/refuse", post(|| async { StatusCode::PAYLOAD_TOO_LARGE }))
        .route(
            "/body",
            post(|body: Body| async {
                match axum::body::to_bytes(body, 1 << 20).await {
                    Ok(bytes) => (StatusCode::OK, bytes),
                    Err(error) => (StatusCode::REQUEST_TIMEOUT, Bytes::from(error.to_string())),
                }
            }),
        );
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel();
    let shutdown = async move {
        let _ = stopped.await;
    };
    let task = tokio::spawn(serve(listener, tls, router, limits, shutdown));
    Server { address, gate, stop, task }
}

/// 64 MiB: more than the system buffers of a connection.
fn large_body() -> Body {
    const PART: &[u8] = &[b'x'; 64 << 10];
    let parts = std::iter::repeat_n(Ok::<_, Infallible>(Bytes::from_static(PART)), 1024);
    Body::from_stream(stream::iter(parts))
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("connected")
    }

    async fn answers(&self) -> bool {
        let mut stream = self.connect().await;
        stream.write_all(GET).await.expect("sent");
        matches!(timeout(SHORT, read_head(&mut stream)).await, Ok(head) if head.contains(" 200 "))
    }
}

/// Everything up to the first empty line, or up to the end.
async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).expect("text")
}

/// Everything up to the end, which is to come soon but not before `least`.
async fn read_to_end(stream: &mut TcpStream, least: Duration) -> String {
    let begin = Instant::now();
    let mut all = Vec::new();
    let end = timeout(SOON, stream.read_to_end(&mut all)).await.expect("closed soon");
    assert!(begin.elapsed() >= least, "closed after {:?}", begin.elapsed());
    if let Err(error) = end {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    String::from_utf8(all).expect("text")
}

async fn exchange(server: &Server, request: &[u8]) -> String {
    let mut stream = server.connect().await;
    stream.write_all(request).await.expect("sent");
    timeout(SOON, read_head(&mut stream)).await.expect("an answer")
}

#[tokio::test]
async fn a_request_is_answered_and_knows_its_peer() {
    let server = start(limits()).await;
    let mut stream = server.connect().await;
    let request = [&GET[..GET.len() - 2], b"connection: close\r\n\r\n"].concat();
    stream.write_all(&request).await.expect("sent");
    let answer = read_to_end(&mut stream, Duration::ZERO).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with(&stream.local_addr().expect("an address").to_string()), "{answer}");
}

#[tokio::test]
async fn a_silent_connection_is_closed_after_the_header_timeout() {
    let server = start(ConnectionLimits { header_timeout: SHORT, ..limits() }).await;
    assert_eq!(read_to_end(&mut server.connect().await, SHORT / 2).await, "");
}

#[tokio::test]
async fn a_silent_connection_is_closed_after_the_idle_timeout() {
    let server = start(ConnectionLimits { idle_timeout: SHORT, ..limits() }).await;
    assert_eq!(read_to_end(&mut server.connect().await, SHORT / 2).await, "");
}

#[tokio::test]
async fn a_head_in_drops_is_closed_after_the_header_timeout() {
    let server = start(ConnectionLimits { header_timeout: SHORT, ..limits() }).await;
    for answered in [0, 1] {
        let mut stream = server.connect().await;
        for _ in 0..answered {
            stream.write_all(b"GET /wait HTTP/1.1\r\nhost: h\r\n\r\n").await.expect("sent");
            server.gate.notify_one();
            assert!(read_head(&mut stream).await.contains(" 200 "));
        }
        let (mut reader, mut writer) = stream.into_split();
        let drops = tokio::spawn(async move {
            for byte in GET.iter().cycle().take(10_000).filter(|byte| **byte != b'\r' && **byte != b'\n') {
                if writer.write_all(&[*byte]).await.is_err() {
                    return;
                }
                sleep(SHORT / 20).await;
            }
        });
        let begin = Instant::now();
        let mut rest = Vec::new();
        let _ = timeout(SOON, reader.read_to_end(&mut rest)).await.expect("closed soon");
        assert!(begin.elapsed() >= SHORT / 2, "closed after {:?}", begin.elapsed());
        assert_eq!(rest, b"");
        drops.abort();
    }
}

#[tokio::test]
async fn an_idle_connection_is_kept_for_the_idle_timeout() {
    let server = start(ConnectionLimits { header_timeout: SHORT / 3, idle_timeout: SHORT, ..limits() }).await;
    let mut stream = server.connect().await;
    for _ in 0..3 {
        stream.write_all(GET).await.expect("sent");
        assert!(read_head(&mut stream).await.contains(" 200 "));
        let mut address = vec![0; stream.local_addr().expect("an address").to_string().len()];
        stream.read_exact(&mut address).await.expect("the body");
        sleep(SHORT / 2).await;
    }
    assert_eq!(read_to_end(&mut stream, Duration::from_millis(50)).await, "");
}

#[tokio::test]
async fn a_handler_may_take_longer_than_the_idle_timeout() {
    let server = start(ConnectionLimits { header_timeout: SHORT, idle_timeout: SHORT, ..limits() }).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /slow HTTP/1.1\r\nhost: h\r\n\r\n").await.expect("sent");
    let answer = read_to_end(&mut stream, SHORT * 4).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

#[tokio::test]
async fn a_pause_in_a_body_fails_the_body() {
    let server = start(ConnectionLimits { body_timeout: SHORT, ..limits() }).await;
    let mut stream = server.connect().await;
    stream.write_all(b"POST /body HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\n").await.expect("sent");
    for byte in b"abc" {
        stream.write_all(&[*byte]).await.expect("sent");
        sleep(SHORT / 2).await;
    }
    let answer = read_to_end(&mut stream, Duration::ZERO).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn a_slow_body_without_long_pauses_is_fine() {
    let server = start(ConnectionLimits { body_timeout: SHORT, idle_timeout: SHORT, ..limits() }).await;
    let mut stream = server.connect().await;
    stream.write_all(b"POST /body HTTP/1.1\r\nhost: h\r\ncontent-length: 6\r\n\r\n").await.expect("sent");
    for byte in b"abcdef" {
        sleep(SHORT / 3).await;
        stream.write_all(&[*byte]).await.expect("sent");
    }
    let answer = read_to_end(&mut stream, Duration::ZERO).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("abcdef"), "{answer}");
}

#[tokio::test]
async fn a_reader_that_stalls_is_cut_off() {
    let server = start(ConnectionLimits { idle_timeout: SHORT, ..limits() }).await;
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let mut stream = socket.connect(server.address).await.expect("connected");
    stream.write_all(b"GET /large HTTP/1.1\r\nhost: h\r\n\r\n").await.expect("sent");
    stream.readable().await.expect("an answer has begun");
    sleep(SHORT * 3).await;
    let mut rest = Vec::new();
    let _ = timeout(SOON, stream.read_to_end(&mut rest)).await.expect("closed soon");
    assert!(!rest.is_empty() && rest.len() < 32 << 20, "{} bytes", rest.len());
}

#[tokio::test]
async fn a_reader_that_is_only_slow_gets_everything() {
    let server = start(ConnectionLimits { idle_timeout: SHORT, ..limits() }).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /large HTTP/1.1\r\nhost: h\r\n\r\n").await.expect("sent");
    let _ = read_head(&mut stream).await;
    let mut part = vec![0; 8 << 20];
    // The chunks' lengths make it a little more than 64 MiB.
    for _ in 0..8 {
        stream.read_exact(&mut part).await.expect("more");
        sleep(SHORT / 4).await;
    }
}

#[tokio::test]
async fn heads_are_bounded_in_number_and_bytes() {
    let server = start(limits()).await;
    let with = |headers: usize, value: usize| {
        let headers: String = (0..headers).map(|n| format!("x-{n}: {}\r\n", "v".repeat(value))).collect();
        format!("GET /peer HTTP/1.1\r\nhost: h\r\n{headers}\r\n").into_bytes()
    };
    assert!(exchange(&server, &with(19, 10)).await.starts_with("HTTP/1.1 200 "));
    assert!(exchange(&server, &with(20, 10)).await.starts_with("HTTP/1.1 431 "));
    assert!(exchange(&server, &with(1, 4000)).await.starts_with("HTTP/1.1 200 "));
    assert!(exchange(&server, &with(1, 4096)).await.starts_with("HTTP/1.1 431 "));
}

#[tokio::test]
async fn an_endless_head_is_refused() {
    let server = start(limits()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /peer HTTP/1.1\r\nx: ").await.expect("sent");
    stream.write_all(&[b'v'; 4096]).await.expect("sent");
    assert!(timeout(SOON, read_head(&mut stream)).await.expect("an answer").starts_with("HTTP/1.1 431 "));
}

#[tokio::test]
async fn a_connection_beyond_the_bound_waits_for_a_place() {
    let server = start(ConnectionLimits { connections: 2, ..limits() }).await;
    let (first, _second) = (server.connect().await, server.connect().await);
    assert!(!server.answers().await);
    drop(first);
    let answered = async { while !server.answers().await {} };
    timeout(SOON, answered).await.expect("a place is free");
}

#[tokio::test]
async fn a_panic_is_one_requests_matter() {
    let server = start(limits()).await;
    let answer = exchange(&server, b"GET /panic HTTP/1.1\r\nhost: h\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    assert!(server.answers().await);
}

#[tokio::test]
async fn shutdown_lets_a_request_finish_and_refuses_new_ones() {
    let server = start(limits()).await;
    let mut idle = server.connect().await;
    idle.write_all(GET).await.expect("sent");
    assert!(read_head(&mut idle).await.contains(" 200 "));
    let mut stream = server.connect().await;
    stream.write_all(b"GET /wait HTTP/1.1\r\nhost: h\r\n\r\n").await.expect("sent");
    sleep(SHORT).await;
    server.stop.send(()).expect("running");
    // The idle connection is closed at once: then the listener is gone too.
    read_to_end(&mut idle, Duration::ZERO).await;
    assert!(TcpStream::connect(server.address).await.is_err());
    assert!(!server.task.is_finished());
    server.gate.notify_one();
    let answer = read_to_end(&mut stream, Duration::ZERO).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    timeout(SOON, server.task).await.expect("ended soon").expect("no panic").expect("no error");
}

/// A balancer does not send an upload again that it has sent to a connection.
#[tokio::test]
async fn whoever_connected_before_shutdown_is_answered() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let address = listener.local_addr().expect("an address");
    let mut waiting = [TcpStream::connect(address).await, TcpStream::connect(address).await]
        .map(|connection| connection.expect("connected"));
    waiting[0].write_all(GET).await.expect("sent");
    let router = Router::new().route("/peer", get(|| async { "here" }));
    let task = tokio::spawn(serve(listener, None, router, limits(), std::future::ready(())));
    sleep(SHORT).await;
    assert!(TcpStream::connect(address).await.is_err());
    waiting[1].write_all(GET).await.expect("sent");
    for mut connection in waiting {
        let answer = read_to_end(&mut connection, Duration::ZERO).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer:?}");
    }
    timeout(SOON, task).await.expect("ended soon").expect("no panic").expect("no error");
}

#[tokio::test]
async fn shutdown_waits_no_longer_than_its_limit() {
    let server = start(ConnectionLimits { shutdown_timeout: SHORT, ..limits() }).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /wait HTTP/1.1\r\nhost: h\r\n\r\n").await.expect("sent");
    sleep(SHORT).await;
    server.stop.send(()).expect("running");
    timeout(SOON, server.task).await.expect("ended soon").expect("no panic").expect("no error");
    assert_eq!(read_to_end(&mut stream, Duration::ZERO).await, "");
}

/// Clients that send all before they read would find the connection reset instead of the answer.
#[tokio::test]
async fn a_refused_body_is_taken_so_that_the_answer_arrives() {
    let server = start(limits()).await;
    let mut stream = server.connect().await;
    let head = "POST /refuse HTTP/1.1\r\nhost: h\r\ncontent-length: 16777216\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("sent");
    assert!(read_head(&mut stream).await.contains(" 413 "));
    for _ in 0..256 {
        stream.write_all(&[b'x'; 64 << 10]).await.expect("taken");
    }
    stream.write_all(GET).await.expect("sent");
    assert!(timeout(SOON, read_head(&mut stream)).await.expect("in time").contains(" 200 "));
}

#[tokio::test]
async fn of_a_refused_body_only_so_much_is_taken() {
    let server = start(limits()).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"POST /refuse HTTP/1.1\r\nhost: h\r\ncontent-length: 999999999\r\n\r\n")
        .await
        .expect("sent");
    let sending = async {
        for sent in 0.. {
            if stream.write_all(&[b'x'; 64 << 10]).await.is_err() {
                return sent;
            }
        }
        unreachable!()
    };
    let sent: u32 = timeout(LONG, sending).await.expect("cut off");
    assert!(sent < 1024, "{sent} pieces were taken");
}

#[tokio::test]
async fn a_client_that_waits_for_leave_to_send_a_refused_body_gets_none() {
    let server = start(limits()).await;
    let request = b"POST /refuse HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n";
    let mut stream = server.connect().await;
    stream.write_all(request).await.expect("sent");
    assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 413 "));
    let end = timeout(SOON, stream.read_u8()).await.expect("closed in time");
    assert!(end.is_err());
}
