//! One radosgw for all tests of this program, each with a prefix of its own.

use safelight::config::{S3Config, StoreConfig};
use safelight::settings::{Environment, Sources, load};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How it is reached.
pub(crate) struct Radosgw {
    pub(crate) variables: BTreeMap<String, String>,
    /// It ends with its standard input, and so with this process, in whatever way that ends.
    _script: Child,
}

static STARTED: OnceLock<Option<Radosgw>> = OnceLock::new();
static PREFIXES: AtomicUsize = AtomicUsize::new(0);

/// The store, if this machine has the programs. In CI it must.
pub(crate) fn radosgw() -> Option<&'static Radosgw> {
    STARTED.get_or_init(start).as_ref()
}

fn start() -> Option<Radosgw> {
    let has = |program: &str| Path::new("/usr/bin").join(program).exists();
    if !["ceph-mon", "ceph-osd", "radosgw"].into_iter().all(has) {
        assert!(std::env::var_os("CI").is_none(), "there is no radosgw: run `make setup`");
        // Not by a macro, whose output is shown for failures alone.
        let said = b"\nSKIPPED: there is no radosgw, so nothing is tested on S3; `make setup` installs it\n";
        std::io::stderr().write_all(said).expect("written");
        return None;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/radosgw");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("radosgw-{}", std::process::id()));
    let mut script = Command::new(script)
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the script starts");
    let lines = BufReader::new(script.stdout.take().expect("is piped")).lines();
    let said = lines.map(|line| line.expect("UTF-8")).take_while(|line| !line.is_empty());
    let pair = |line: String| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let variables: BTreeMap<String, String> = said.filter_map(pair).collect();
    assert!(variables.contains_key("AWS_ENDPOINT_URL"), "the store does not start");
    Some(Radosgw { variables, _script: script })
}

impl Radosgw {
    /// Variables for a place in the bucket that nothing else has, reached at an endpoint.
    pub(crate) fn place_at(&self, endpoint: &str) -> BTreeMap<String, String> {
        let mut variables = self.variables.clone();
        let bucket = &self.variables["SAFELIGHT_STORE"];
        let prefix = format!("{bucket}/test/{}", PREFIXES.fetch_add(1, Ordering::Relaxed));
        variables.insert("SAFELIGHT_STORE".to_owned(), prefix);
        variables.insert("AWS_ENDPOINT_URL".to_owned(), endpoint.to_owned());
        variables
    }

    /// The same at its own endpoint.
    pub(crate) fn place(&self) -> BTreeMap<String, String> {
        self.place_at(&self.variables["AWS_ENDPOINT_URL"])
    }
}

/// What these variables mean.
pub(crate) fn config(variables: &BTreeMap<String, String>) -> S3Config {
    let sources = Sources {
        flags: Vec::new(),
        config_file: None,
        environment: Environment::new(variables.iter().map(|(name, value)| (name.into(), value.into()))),
        program: PathBuf::new(),
        parallelism: 1,
    };
    match load(&sources).expect("good settings").config.store {
        StoreConfig::S3(config) => *config,
        StoreConfig::Files => panic!("no store"),
    }
}
