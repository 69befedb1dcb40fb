//! `safelight doctor`: whether an installation is sound.

use super::output::Printer;
use super::{Surroundings, place};
use crate::bootstrap::{lock, require_store};
use crate::copy::{catalog_place, open};
use crate::doctor::{Depth, Finding, Patient, Treatment, examine};
use crate::random;
use anyhow::{Context, ensure};
use clap::Args;
use safelight_domain::image::BlobId;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::runtime::Runtime;

#[derive(Args)]
pub(super) struct Doctor {
    /// A data folder, or the configuration file of a server, which must be stopped
    place: PathBuf,
    /// File of variables for it (NAME=value), in the place of the environment
    #[arg(long, value_name = "FILE")]
    env: Option<PathBuf>,
    /// Make right what can be without loss; no image is ever deleted
    #[arg(long)]
    repair: bool,
    /// Read all bytes, and compare those of renditions with their hashes
    #[arg(long)]
    hash: bool,
}

impl Doctor {
    pub(super) fn run(self, surroundings: &Surroundings, out: &mut Printer) -> anyhow::Result<ExitCode> {
        let config = place::settings(surroundings, &self.place, self.env.as_deref())?;
        ensure!(config.data.is_dir(), "there is no data folder {}", config.data.display());
        require_store(&config)?;
        let treatment = if self.repair { Treatment::Repair } else { Treatment::Tell };
        let depth = if self.hash { Depth::Hash } else { Depth::Length };
        let mut open_files = close(&config.data, treatment)?;
        let _lock = lock(&config.data).context("stop the server first")?;
        let fresh = BlobId::from_random(random::bytes());
        let patient = Patient { catalog: catalog_place(&config), blobs: open(&config)?, fresh };
        let (mut findings, mut left) = (Vec::new(), 0);
        let now_ms = || surroundings.clock.now_ms();
        let mut tell = |finding: &Finding| {
            let is_repaired = treatment == Treatment::Repair && finding.is_repairable();
            left += usize::from(!is_repaired);
            findings.push(line(&finding.to_string(), is_repaired));
        };
        let examined = Runtime::new()?.block_on(examine(&patient, treatment, depth, now_ms, &mut tell));
        if treatment == Treatment::Tell {
            left += open_files.len();
        }
        open_files.append(&mut findings);
        for finding in &open_files {
            out.line(finding)?;
        }
        examined?;
        if open_files.is_empty() {
            out.line("all is well")?;
        }
        Ok(if left == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn line(finding: &str, is_repaired: bool) -> String {
    if is_repaired { format!("repaired: {finding}") } else { finding.to_owned() }
}

/// What of the folder other users may read or enter, closed to them if it is to be.
fn close(data: &Path, treatment: Treatment) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for (path, mode) in [(data.to_owned(), 0o700)]
        .into_iter()
        .chain(["catalog.sqlite", "api-token"].map(|name| (data.join(name), 0o600)))
        .filter(|(path, _)| path.exists())
    {
        let named = || format!("{} cannot be looked at", path.display());
        if path.metadata().with_context(named)?.permissions().mode() & 0o077 != 0 {
            if treatment == Treatment::Repair {
                std::fs::set_permissions(&path, Permissions::from_mode(mode)).with_context(named)?;
            }
            let finding = format!("{} is open to other users: chmod {mode:o}", path.display());
            found.push(line(&finding, treatment == Treatment::Repair));
        }
    }
    Ok(found)
}
