//! A whole server on a throwaway data folder, without a socket, and clients for it.

use crate::judge::Judge;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use safelight::accept::Answers;
use safelight::app::App;
use safelight::bootstrap;
use safelight::catalog::Account;
use safelight::catalog::fixtures::Place;
use safelight::clock::Clock;
use safelight::config::{
    Compat, Config, ConnectionLimits, Dashboard, Database, FetchConfig, FirstAccount, Levels, Limits, Refine,
    RemoteConfig, RenderConfig, Sandbox, StoreConfig,
};
use safelight::http::Site;
use safelight_domain::access::UnknownImagePolicy;
use safelight_domain::image::SourceLimits;
use safelight_domain::quota::{Bound, Quota};
use safelight_domain::signature::{KeyName, SigningKey, sign_target};
use safelight_domain::time::UnixTime;
use serde_json::Value;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tempfile::TempDir;

/// Made once: its documents are long, and the same for all tests.
static JUDGE: LazyLock<Judge> = LazyLock::new(Judge::new);

/// The signing key of every test app.
pub(crate) const KEY: &str = "Oix0bbNaT8Rge9PuyxUBrjI6zrgnsyJ5=";
/// Who asks, unless a request says otherwise.
const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);
/// The clock of every test app stands at this second until it is set.
pub(crate) const NOW: u64 = 1_800_000_000;

pub(crate) struct TestApp {
    pub(crate) app: Arc<App>,
    pub(crate) account: Account,
    pub(crate) token: String,
    site: Site,
    clock_ms: Arc<AtomicI64>,
    _data: TempDir,
    _catalog: Place,
}

/// A whole answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {:?}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("a readable header"))
    }

    /// Asserts success and returns `result`.
    pub(crate) fn result(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text());
        let json = self.json();
        assert_eq!(json["success"], true);
        assert_eq!(json["errors"], serde_json::json!([]));
        assert_eq!(json["messages"], serde_json::json!([]));
        json["result"].clone()
    }

    /// Asserts a refusal in the envelope and returns its message.
    pub(crate) fn refused(&self, status: u16, code: u32) -> String {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        let json = self.json();
        assert_eq!(json["success"], false);
        assert_eq!(json["result"], Value::Null);
        assert_eq!(json["errors"][0]["code"], code, "{json}");
        json["errors"][0]["message"].as_str().expect("a message").to_owned()
    }

    /// Asserts a refusal of delivery: plain text that no cache keeps.
    pub(crate) fn error(&self, status: u16, code: u32) {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        assert!(self.text().starts_with(&format!("ERROR {code}: ")), "{}", self.text());
        assert_eq!(self.header("cache-control"), Some("no-store"));
        assert_eq!(self.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(self.header("cf-resized"), Some(format!("err={code}").as_str()));
        assert_eq!(self.header("warning"), None);
    }
}

impl TestApp {
    pub(crate) async fn new() -> TestApp {
        TestApp::with(|_| {}).await
    }

    /// An app whose clock stands still at [`NOW`], with a changed configuration.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> TestApp {
        let clock_ms = Arc::new(AtomicI64::new(NOW as i64 * 1000));
        let read = Arc::clone(&clock_ms);
        TestApp::start(change, Clock::from_millis(move || read.load(Ordering::SeqCst)), clock_ms).await
    }

    /// An app in which a second passes at each look at the clock.
    pub(crate) async fn with_passing_time() -> TestApp {
        let clock_ms = Arc::new(AtomicI64::new(NOW as i64 * 1000));
        let read = Arc::clone(&clock_ms);
        TestApp::start(|_| {}, Clock::from_millis(move || read.fetch_add(1000, Ordering::SeqCst)), clock_ms)
            .await
    }

    async fn start(change: impl FnOnce(&mut Config), clock: Clock, clock_ms: Arc<AtomicI64>) -> TestApp {
        let data = tempfile::tempdir().expect("a folder");
        let mut config = config(data.path().join("data"));
        let catalog = Place::new().await;
        if let Some(address) = catalog.address() {
            config.database = Database::Postgres(address);
        }
        change(&mut config);
        let started = bootstrap::start(config, clock).await.expect("it starts");
        TestApp {
            site: safelight::http::site(Arc::clone(&started.app)),
            app: started.app,
            account: started.first_account.account,
            token: started.first_account.token.expect("a token at the first start"),
            clock_ms,
            _data: data,
            _catalog: catalog,
        }
    }

    pub(crate) fn set_clock(&self, seconds: u64) {
        self.clock_ms.store(seconds as i64 * 1000, Ordering::SeqCst);
    }

    pub(crate) fn clock(&self) -> u64 {
        self.clock_ms.load(Ordering::SeqCst) as u64 / 1000
    }

    /// Sends a request, and has the answer judged by the documents of the API.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let peer = request.extensions().get().copied();
        let response = self.site.answer(request, peer.unwrap_or(PEER)).await;
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.expect("a whole body");
        let answer = Answer { status: parts.status, headers: parts.headers, body };
        let faults = JUDGE.faults(&method, &path, &answer);
        assert!(faults.is_empty(), "{method} {path}: {faults:#?}\n{}", answer.text());
        answer
    }

    /// A request without a token.
    pub(crate) async fn fetch(&self, method: Method, target: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::empty()).expect("a request")).await
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.fetch(Method::GET, target, &[]).await
    }

    /// The answer from the stored rendition, which is stored only after the first answer.
    pub(crate) async fn get_stored(&self, target: &str) -> Answer {
        for _ in 0..500 {
            let answer = self.get(target).await;
            let resized = answer.header("cf-resized").expect("a picture");
            if resized.starts_with("internal=ok/h ") {
                return answer;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("{target} is never stored");
    }

    /// A management request with `token` and a JSON body, `path` below the account's images.
    pub(crate) async fn call_as(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(self.path(path))
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json");
        let body = body.map_or(Body::empty(), |body| Body::from(body.to_string()));
        self.send(request.body(body).expect("a request")).await
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.call_as(&self.token, method, path, body).await
    }

    fn path(&self, path: &str) -> String {
        match path.strip_prefix("~") {
            Some(path) => format!("/client/v4/accounts/{}/images{path}", self.account.id.as_str()),
            None => path.to_owned(),
        }
    }

    /// Sends a form of text fields and, if given, a file with its name.
    pub(crate) async fn upload_as(
        &self,
        token: &str,
        path: &str,
        file: Option<(&str, &[u8])>,
        fields: &[(&str, &str)],
    ) -> Answer {
        let request = Request::post(self.path(path))
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b");
        self.send(request.body(Body::from(form(file, fields))).expect("a request")).await
    }

    pub(crate) async fn upload(&self, file: &[u8], fields: &[(&str, &str)]) -> Answer {
        self.upload_as(&self.token, "~/v1", Some(("photo.png", file)), fields).await
    }

    /// The id of a freshly uploaded image.
    pub(crate) async fn uploaded(&self, fields: &[(&str, &str)]) -> String {
        let answer = self.upload(&png(40, 30, [200, 30, 30, 255]), fields).await;
        answer.result()["id"].as_str().expect("an id").to_owned()
    }

    pub(crate) async fn private_image(&self) -> String {
        self.uploaded(&[("requireSignedURLs", "true")]).await
    }

    pub(crate) fn target(&self, id: &str, variant: &str) -> String {
        format!("/{}/{id}/{variant}", self.account.hash.as_str())
    }

    /// `target` signed with the default key.
    pub(crate) fn signed(&self, target: &str, exp: Option<u64>) -> String {
        sign_target(target, "", exp.map(UnixTime), &key(KEY))
    }
}

pub(crate) fn key(value: &str) -> SigningKey {
    SigningKey::new(KeyName::parse("default").expect("a name"), value.to_owned()).expect("a key")
}

/// A form with the boundary `b`: text fields and, if given, a file with its name.
pub(crate) fn form(file: Option<(&str, &[u8])>, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend(
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes(),
        );
    }
    if let Some((filename, bytes)) = file {
        let head = format!(
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{filename}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
        );
        body.extend(head.bytes());
        body.extend(bytes);
        body.extend(b"\r\n");
    }
    body.extend(b"--b--\r\n");
    body
}

/// A PNG of one colour.
pub(crate) fn png(width: u32, height: u32, rgba: [u8; 4]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&rgba.repeat((width * height) as usize)).expect("pixels");
    writer.finish().expect("an end");
    file
}

/// Width, height and first pixel of a PNG of up to 8 bits.
pub(crate) fn decode_png(file: &[u8]) -> (u32, u32, Vec<u8>) {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(file));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut pixels).expect("pixels");
    let channels = info.color_type.samples();
    (info.width, info.height, pixels[..channels].to_vec())
}

fn config(data: std::path::PathBuf) -> Config {
    Config {
        store: StoreConfig::Files,
        listen: "127.0.0.1:0".parse().expect("an address"),
        admin_listen: None,
        dashboard: Dashboard::WithManagement,
        metrics_listen: None,
        tls: None,
        data,
        public_url: "https://images.example".parse().expect("a URL"),
        max_upload_bytes: 1_000_000,
        direct_upload_time: Duration::from_secs(10),
        source_limits: SourceLimits::CLOUDFLARE,
        compat: Compat::Extended,
        unknown_images: UnknownImagePolicy::AsPrivate,
        database: Database::File,
        public_without_catalog: Duration::from_secs(60),
        trusted_proxies: Vec::new(),
        connections: ConnectionLimits {
            connections: 100,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            headers: 100,
            head_bytes: 64 * 1024,
            shutdown_timeout: Duration::from_secs(5),
        },
        render: RenderConfig {
            program: env!("CARGO_BIN_EXE_safelight").into(),
            workers: 1,
            queue: 50,
            wait: Duration::from_secs(60),
            held_bytes: 512 << 20,
            total_memory: 2 << 30,
            timeout: Duration::from_secs(20),
            memory: 8 << 30,
            worker_jobs: 500,
            sandbox: Sandbox::Required,
        },
        fetch: FetchConfig {
            private_networks: Vec::new(),
            ports: vec![80, 443],
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(5),
            concurrent: 8,
        },
        remote: RemoteConfig {
            origins: Vec::new(),
            zone: None,
            max_bytes: 1_000_000,
            cache_bytes: 1_000_000,
        },
        levels: Levels::Small,
        refine: Refine::Off,
        prepared_formats: Vec::new(),
        rendition_bytes: 100_000_000,
        rendition_memory_bytes: 1_000_000,
        limits: limits(),
        first_account: FirstAccount { signing_key: Some(KEY.to_owned()), ..FirstAccount::default() },
    }
}

fn limits() -> Limits {
    Limits {
        quota: Quota::OFF,
        failed_logins_per_minute: Bound::At(10),
        failed_signatures_per_minute: Bound::At(600),
        free_bytes: 0,
    }
}
