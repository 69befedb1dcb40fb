//! `safelight migrate`: brings a catalog to this program's version before a server is started on it.

use super::Surroundings;
use super::output::Printer;
use super::serve::SettingFlags;
use crate::bootstrap::{catalog_version, migrate};
use crate::catalog::SCHEMA_VERSION;
use crate::settings::{Sources, load};
use anyhow::{Context, ensure};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::runtime::Runtime;

#[derive(Args)]
pub(super) struct Migrate {
    /// Change nothing and say whether it is needed, by the exit code 1
    #[arg(long)]
    check: bool,
    /// Configuration file, as of `safelight serve` [or SAFELIGHT_CONFIG]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: SettingFlags,
}

impl Migrate {
    pub(super) fn run(self, surroundings: &Surroundings, out: &mut Printer) -> anyhow::Result<ExitCode> {
        let config = load(&Sources {
            flags: self.flags.0,
            config_file: self.config,
            environment: surroundings.environment.clone(),
            program: surroundings.program.clone(),
            parallelism: surroundings.parallelism,
        })?
        .config;
        Runtime::new().context("it cannot start")?.block_on(async {
            let found = catalog_version(&config).await?;
            ensure!(
                found <= SCHEMA_VERSION,
                "the catalog has version {found}, this program knows up to {SCHEMA_VERSION}: use the newer program"
            );
            if self.check {
                let needed = found < SCHEMA_VERSION;
                out.line(&match needed {
                    true => format!("the catalog has version {found} and is to be brought to {SCHEMA_VERSION}"),
                    false => format!("the catalog has version {found}: nothing is to be done"),
                })?;
                return Ok(if needed { ExitCode::FAILURE } else { ExitCode::SUCCESS });
            }
            migrate(&config).await?;
            out.line(&match found {
                SCHEMA_VERSION => format!("the catalog has version {found}: nothing was to be done"),
                _ => format!("the catalog was brought from version {found} to {SCHEMA_VERSION}"),
            })?;
            Ok(ExitCode::SUCCESS)
        })
    }
}
