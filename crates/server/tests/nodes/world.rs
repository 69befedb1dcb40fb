//! Three nodes that share a database and a store, one of them by a way that can be cut.

use crate::cut::Cut;
use crate::radosgw::radosgw;
use crate::server::{ACCOUNT, KEY, Server, free_address, serve};
use safelight::catalog::fixtures::Place;
use safelight_domain::signature::{KeyName, SigningKey, sign_target};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub(crate) const SAMPLE: &[u8] = include_bytes!("../../assets/sample.jpg");

pub(crate) struct World {
    /// The last one is reached by the way that can be cut.
    pub(crate) nodes: Vec<Server>,
    pub(crate) cut: Cut,
    _folders: Vec<TempDir>,
    _place: Place,
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
        let folders: Vec<TempDir> = ways.iter().map(|_| tempfile::tempdir().expect("a folder")).collect();
        let start = |way: &String, folder: &TempDir| {
            let address = free_address();
            let mut command = serve(folder.path(), &address);
            command.args(["--log-level", "error", "--render-workers", "1"]).args(flags).envs(&store);
            command.env("SAFELIGHT_DATABASE", format!("{user}@{way}/{database}")).stderr(Stdio::inherit());
            Server::spawn(command, &address)
        };
        let nodes = ways.iter().zip(&folders).map(|(way, folder)| start(way, folder)).collect();
        Some(World { nodes, cut, _folders: folders, _place: place })
    }

    /// Sends a change to the first node.
    pub(crate) fn change(&self, method: &str, path: &str, body: &str) {
        let target = format!("/client/v4/accounts/{ACCOUNT}/images/v1/{path}");
        let answer = self.nodes[0].send(method, &target, "application/json", body.as_bytes());
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text());
    }
}

/// Signed with the first key.
pub(crate) fn signed(path: &str) -> String {
    signed_with(path, "default", KEY)
}

/// Signed with another.
pub(crate) fn signed_with(path: &str, name: &str, value: &str) -> String {
    let name = KeyName::parse(name).expect("a name");
    sign_target(path, "", None, &SigningKey::new(name, value.to_owned()).expect("a key"))
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

/// Says what was measured, also where the test passes.
pub(crate) fn say(text: &str) {
    use std::io::Write;
    std::io::stderr().write_all(format!("{text}\n").as_bytes()).expect("written");
}
