//! `safelight dev`: a throwaway server for trying clients against.

use super::output::Printer;
use super::serve::{dashboard_url, listener, start_log, stop_signal};
use super::throwaway::ThrowawayFolder;
use super::{Surroundings, note};
use crate::bootstrap::{self, Started};
use crate::emulator::{self, DevClock};
use crate::random::ImageIds;
use crate::serve_sites;
use crate::settings::{LogFormat, LogSettings, Settings, Sources, load};
use anyhow::{Context, ensure};
use clap::Args;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use safelight_domain::signature::KeyName;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use tokio::runtime::Runtime;
use tracing::level_filters::LevelFilter;

/// The only settings that reach it: a data folder of a server on the same machine must not.
const VARIABLES: [&str; 7] = [
    "SAFELIGHT_ACCOUNT_ID",
    "SAFELIGHT_ACCOUNT_HASH",
    "SAFELIGHT_SIGNING_KEY",
    "SAFELIGHT_SIGNING_KEY_FILE",
    "SAFELIGHT_COMPAT",
    "SAFELIGHT_UNKNOWN_IMAGES",
    "SAFELIGHT_RENDER_SANDBOX",
];

#[derive(Args)]
pub(super) struct Dev {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8787")]
    listen: SocketAddr,
    /// Count the ids of images up from 00000000-0000-4000-8000-000000000001
    #[arg(long)]
    deterministic_ids: bool,
    /// Listen on an address that other machines reach, and let all of them in
    #[arg(long)]
    allow_remote: bool,
}

impl Dev {
    pub(super) fn run(self, surroundings: &Surroundings, out: &mut Printer) -> anyhow::Result<()> {
        ensure!(
            self.listen.ip().is_loopback() || self.allow_remote,
            "the emulator lets anyone in, so it listens on 127.0.0.1 or [::1] alone, not on {}; \
             --allow-remote overrides this",
            self.listen
        );
        set_dumpable_behavior(DumpableBehavior::NotDumpable)
            .context("the process cannot be closed to other processes")?;
        let folder = ThrowawayFolder::make(&std::env::temp_dir(), "dev")?;
        let settings = settings(&folder.0.join("data"), surroundings)?;
        start_log(settings.log)?;
        Runtime::new().context("the emulator cannot start")?.block_on(self.serve(settings, surroundings, out))
    }

    async fn serve(
        self,
        mut settings: Settings,
        surroundings: &Surroundings,
        out: &mut Printer<'_>,
    ) -> anyhow::Result<()> {
        let stop = stop_signal()?;
        let listener = listener(self.listen).await?;
        let address = listener.local_addr()?;
        settings.bound_to(address);
        let key_is_given = settings.config.first_account.signing_key.is_some();
        let clock = DevClock::over(surroundings.clock.clone());
        let ids = if self.deterministic_ids { emulator::counted_ids() } else { ImageIds::random() };
        let started = bootstrap::start_with(settings.config, clock.reader(), ids).await?;
        banner(address);
        // Who set the key has it; it may be one that also opens a real server.
        let told = facts(&started, (!key_is_given).then_some(KeyName::DEFAULT)).await?;
        out.line(&told.to_string())?;
        let Started { app, first_account, lock } = started;
        let token = first_account.token.context("the emulator has no token")?;
        let router = emulator::router(app.clone(), first_account.account, token, clock);
        serve_sites(vec![(listener, router)], None, app, stop).await.context("the emulator failed")?;
        drop(lock);
        Ok(())
    }
}

fn settings(data: &Path, surroundings: &Surroundings) -> anyhow::Result<Settings> {
    let mut settings = load(&Sources {
        // The first answer is the only one, so that tests know what comes. A folder of tests is small, and so may be its
        // disk.
        flags: [("shutdown-timeout", "1s"), ("refine", "off"), ("min-free-bytes", "0")]
            .map(|(name, value)| (name, value.to_owned()))
            .to_vec(),
        config_file: None,
        environment: surroundings.environment.only(&VARIABLES),
        program: surroundings.program.clone(),
        parallelism: surroundings.parallelism,
    })?;
    settings.config.data = data.to_owned();
    settings.log = LogSettings { format: LogFormat::Text, level: LevelFilter::INFO };
    Ok(settings)
}

fn banner(address: SocketAddr) {
    note("***************************************************************************");
    note("*  SAFELIGHT EMULATOR: LETS ANYONE IN WITH ANY TOKEN, AND KEEPS NOTHING.  *");
    note("*  For trying clients. Never for pictures that matter.                    *");
    note("***************************************************************************");
    note(&format!("It listens on http://{address}; its clock is set at http://{address}/_dev/clock."));
    note(&format!("The dashboard needs no login: {}", dashboard_url(address, None)));
}

/// What a client needs to know, on one line that programs can read.
async fn facts(started: &Started, key: Option<&str>) -> anyhow::Result<Value> {
    let account = &started.first_account.account;
    let mut facts = json!({
        "url": started.app.config.public_url.as_str().trim_end_matches('/'),
        "account_id": account.id.as_str(),
        "account_hash": account.hash.as_str(),
    });
    if let Some(name) = key {
        let keys = started.app.catalog.keys(&account.id).await?;
        let key = keys.iter().find(|key| key.name().as_str() == name).context("there is no key")?;
        facts["signing_key"] = key.value().into();
    }
    Ok(facts)
}
