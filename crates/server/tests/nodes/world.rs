//! Three nodes that share a database and a store, one of them by a way that can be cut.

use crate::cut::Cut;
use crate::radosgw::radosgw;
use crate::server::{ACCOUNT, Server, free_address, serve};
use safelight::catalog::fixtures::Place;
use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub(crate) const SAMPLE: &[u8] = include_bytes!("../../assets/sample.jpg");

pub(crate) struct World {
    /// The last one is reached by the way that can be cut.
    pub(crate) nodes: Vec<Server>,
    pub(crate) cut: Cut,
    starts: Vec<Start>,
    _place: Place,
}

/// What a node is started with.
struct Start {
    folder: TempDir,
    address: String,
    flags: Vec<String>,
    variables: BTreeMap<String, String>,
}

impl Start {
    fn spawn(&self) -> Server {
        let mut command = serve(self.folder.path(), &self.address);
        command.args(["--log-level", "error", "--render-workers", "1"]).args(&self.flags);
        command.envs(&self.variables).stderr(Stdio::inherit());
        Server::spawn(command, &self.address)
    }
}

impl World {
    /// `None` where this machine has no server or no store, which is said; in CI it has both.
    pub(crate) fn new(flags: &[&str]) -> Option<World> {
        let store = radosgw()?.place();
        let runtime = tokio::runtime::Runtime::new().expect("threads");
        let place = runtime.block_on(Place::on_server())?;
        let Place::Server { server, database } = &place else { return None };
        let (user, address) = server.rsplit_once('@').expect("a user");
        let cut = Cut::before(address.parse().expect("an address"));
        let ways = [address.to_owned(), address.to_owned(), cut.address.to_string()];
        let starts: Vec<Start> = ways
            .iter()
            .map(|way| {
                let mut variables = store.clone();
                variables.insert("SAFELIGHT_DATABASE".to_owned(), format!("{user}@{way}/{database}"));
                let flags = flags.iter().map(ToString::to_string).collect();
                let folder = tempfile::tempdir().expect("a folder");
                Start { folder, address: free_address(), flags, variables }
            })
            .collect();
        let nodes = starts.iter().map(Start::spawn).collect();
        Some(World { nodes, cut, starts, _place: place })
    }

    /// A node that has ended is started again, where it was and with what it had.
    pub(crate) fn start_again(&self, node: usize) -> Server {
        self.starts[node].spawn()
    }

    /// Sends a change to the first node.
    pub(crate) fn change(&self, method: &str, path: &str, body: &str) {
        let target = format!("/client/v4/accounts/{ACCOUNT}/images/v1/{path}");
        let answer = self.nodes[0].send(method, &target, "application/json", body.as_bytes());
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text());
    }
}

/// Waits until a node refuses what it served, and sees that it stays so. How long it served on.
pub(crate) fn served_on(node: &Server, target: &str, since: Instant, bound: Duration) -> Duration {
    let mut last = Duration::ZERO;
    loop {
        let asked = since.elapsed();
        let status = node.get(target).status;
        if status != 200 {
            break;
        }
        last = asked;
        assert!(asked < bound, "{target} is served after {asked:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
    for _ in 0..50 {
        assert_ne!(node.get(target).status, 200, "{target} is served again");
        std::thread::sleep(Duration::from_millis(2));
    }
    last
}

/// A PNG of one color, which is a number below 2^24.
pub(crate) fn colored(number: u32) -> Vec<u8> {
    let [_, red, green, blue] = number.to_be_bytes();
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 24, 24);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&[red, green, blue].repeat(24 * 24)).expect("pixels");
    writer.finish().expect("an end");
    file
}

/// The number of a picture that was made of such a file.
pub(crate) fn color_of(file: &[u8]) -> u32 {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(file));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let shape = reader.next_frame(&mut pixels).expect("pixels");
    match shape.color_type {
        png::ColorType::Grayscale => u32::from_be_bytes([0, pixels[0], pixels[0], pixels[0]]),
        _ => u32::from_be_bytes([0, pixels[0], pixels[1], pixels[2]]),
    }
}
