//! Runs a script of `clients/` beside the installed packages, and reads what it checked.

use crate::server::{ACCOUNT, HASH, KEY, Server, TOKEN};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Longest that one script may take, in seconds; those with a browser and screenshots take half a minute.
const SECONDS: &str = "240";

/// The root of the repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository")
}

/// Where `make setup` has put the clients, in the versions that `clients/` names now.
fn installed() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target folder");
    let clients = target.join("clients");
    for file in ["package-lock.json", "requirements.txt"] {
        let wanted = std::fs::read(repository().join("clients").join(file)).expect(file);
        let there = std::fs::read(clients.join(format!("installed-{file}"))).ok();
        assert!(there == Some(wanted), "the clients of {file} are not installed: run `make setup`");
    }
    clients
}

/// A client script about to run.
pub(crate) struct Script {
    /// Holds copies of the scripts, since Node looks for packages from a script's own folder upwards.
    _folder: tempfile::TempDir,
    command: Command,
    name: String,
}

impl Script {
    /// The script `name` of `clients/`: `.mjs` for Node, `.py` for Python.
    pub(crate) fn new(name: &str, server: &Server) -> Script {
        let clients = installed();
        let folder = tempfile::tempdir_in(&clients).expect("a folder");
        for entry in std::fs::read_dir(repository().join("clients")).expect("a folder").flatten() {
            if entry.path().extension().is_some_and(|extension| extension != "json" && extension != "txt") {
                std::fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("a copy");
            }
        }
        let mut command = Command::new("timeout");
        command.arg(SECONDS);
        match name.ends_with(".py") {
            true => command.arg(clients.join("venv/bin/python")),
            false => command.arg("node"),
        };
        command
            .arg(folder.path().join(name))
            .env("SAFELIGHT_ORIGIN", &server.origin)
            .env("SAFELIGHT_ACCOUNT", ACCOUNT)
            .env("SAFELIGHT_HASH", HASH)
            .env("SAFELIGHT_TOKEN", TOKEN)
            .env("SAFELIGHT_KEY", KEY)
            // For people to look at: the folder is beside what is built, and in no repository.
            .env("SAFELIGHT_SCREENSHOTS", clients.join("../screenshots"))
            .env("SAFELIGHT_PICTURE", concat!(env!("CARGO_MANIFEST_DIR"), "/assets/sample.jpg"));
        Script { _folder: folder, command, name: name.to_owned() }
    }

    /// Adds an argument.
    pub(crate) fn arg(mut self, argument: impl AsRef<std::ffi::OsStr>) -> Script {
        self.command.arg(argument);
        self
    }

    /// Runs it. It must end well, and say at the end how many things it checked: no fewer than `least`.
    pub(crate) fn checks_at_least(mut self, least: usize) {
        let output = self.command.output().expect("timeout, of coreutils");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        println!("{}:\n{out}{err}", self.name);
        assert!(output.status.success(), "{}: {}", self.name, output.status);
        let said = out.lines().last().and_then(|line| line.strip_prefix("checked ")).expect("a last line");
        let checked: usize = said.parse().expect("a number");
        assert!(checked >= least, "{} checked {checked} things, not {least}", self.name);
    }
}
