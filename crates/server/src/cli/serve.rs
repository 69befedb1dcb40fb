//! `safelight serve`: settings to a running server.

use super::Surroundings;
use crate::accept::Tls;
use crate::bootstrap::{self, FirstStart, TOKEN_FILE};
use crate::config::{Config, Dashboard, TlsFiles};
use crate::settings::{Fallback, LogFormat, LogSettings, ROWS, Sources, load, url_of};
use crate::{Listeners, run};
use anyhow::Context;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

#[derive(Args)]
pub(super) struct Serve {
    /// Configuration file; `safelight config` prints one [or SAFELIGHT_CONFIG]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: SettingFlags,
}

/// One flag for each row of the settings.
pub(super) struct SettingFlags(pub(super) Vec<(&'static str, String)>);

impl Serve {
    pub(super) fn run(self, surroundings: &Surroundings) -> anyhow::Result<()> {
        // Workers run as the same user: they may not read keys out of this process's memory.
        set_dumpable_behavior(DumpableBehavior::NotDumpable)
            .context("the process cannot be closed to other processes")?;
        let mut settings = load(&Sources {
            flags: self.flags.0,
            config_file: self.config,
            environment: surroundings.environment.clone(),
            program: surroundings.program.clone(),
            parallelism: surroundings.parallelism,
        })?;
        start_log(settings.log)?;
        let clock = surroundings.clock.clone();
        Runtime::new().context("the server cannot start")?.block_on(async move {
            let stop = stop_signal()?;
            let listeners = bind(&settings.config).await?;
            let addresses = addresses(&listeners, &settings.config)?;
            settings.bound_to(addresses.delivery);
            let started = bootstrap::start(settings.config, clock).await?;
            announce(&started.first_account, &started.app.config, &addresses);
            let stop = async {
                stop.await;
                tracing::info!("stopping: requests in flight may finish");
            };
            run(listeners, started.app, stop).await.context("the server failed")?;
            tracing::info!("stopped");
            drop(started.lock);
            Ok(())
        })
    }
}

/// Completes at the first SIGTERM or SIGINT (Ctrl-C), which from now on do not end the process by
/// themselves.
pub(super) fn stop_signal() -> std::io::Result<impl Future<Output = ()> + Send + use<>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

async fn bind(config: &Config) -> anyhow::Result<Listeners> {
    let delivery = listener(config.listen).await?;
    let admin = match config.admin_listen {
        None => None,
        Some(address) => Some(listener(address).await?),
    };
    let dashboard = match config.dashboard {
        Dashboard::Off | Dashboard::WithManagement => None,
        Dashboard::Apart(address) => Some(listener(address).await?),
    };
    let metrics = match config.metrics_listen {
        None => None,
        Some(address) => Some(listener(address).await?),
    };
    let tls = config.tls.as_ref().map(Tls::load).transpose()?.map(Arc::new);
    Ok(Listeners { delivery, admin, dashboard, metrics, tls })
}

/// Listens on an address.
pub(super) async fn listener(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("the address {address} cannot be listened on"))
}

/// Where the listeners really are.
struct Addresses {
    delivery: SocketAddr,
    admin: SocketAddr,
    /// `None` when it is off.
    dashboard: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
}

fn addresses(listeners: &Listeners, config: &Config) -> std::io::Result<Addresses> {
    let Listeners { delivery, admin, dashboard, metrics, tls: _ } = listeners;
    let delivery = delivery.local_addr()?;
    let admin = admin.as_ref().map_or(Ok(delivery), TcpListener::local_addr)?;
    let dashboard = match config.dashboard {
        Dashboard::Off => None,
        Dashboard::WithManagement => Some(admin),
        Dashboard::Apart(address) => Some(dashboard.as_ref().map_or(Ok(address), TcpListener::local_addr)?),
    };
    let metrics = metrics.as_ref().map(TcpListener::local_addr).transpose()?;
    Ok(Addresses { delivery, admin, dashboard, metrics })
}

/// Says where everything is. A new token is shown to a person at a terminal, never to a log.
fn announce(first: &FirstStart, config: &Config, addresses: &Addresses) {
    let dashboard = addresses.dashboard.map(|address| dashboard_url(address, config.tls.as_ref()));
    tracing::info!(
        listen = %config.listen,
        admin_listen = %addresses.admin,
        public_url = %config.public_url,
        dashboard = dashboard.as_deref().unwrap_or("off"),
        metrics_listen = addresses.metrics.map(tracing::field::display),
        account_id = first.account.id.as_str(),
        account_hash = first.account.hash.as_str(),
        token_file = %config.data.join(TOKEN_FILE).display(),
        "serving"
    );
    if !std::io::stderr().is_terminal() {
        return;
    }
    if let Some(url) = &dashboard {
        super::note(&format!("dashboard: {url}"));
    }
    if let Some(token) = &first.token {
        super::note(&format!("API token of the new account: {token}"));
    }
}

/// Where a browser on this machine finds the dashboard of a listener.
pub(super) fn dashboard_url(address: SocketAddr, tls: Option<&TlsFiles>) -> String {
    format!("{}dashboard/", url_of(address, tls))
}

/// Starts the log, on standard error.
pub(super) fn start_log(log: LogSettings) -> anyhow::Result<()> {
    // What libraries say below a warning is about themselves.
    let others = log.level.min(LevelFilter::WARN);
    let filter = EnvFilter::try_new(format!("{others},safelight={}", log.level))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match log.format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("the log cannot be started: {error}"))
}

impl Args for SettingFlags {
    fn augment_args(command: Command) -> Command {
        ROWS.iter().fold(command, |command, row| {
            let default = match row.default {
                Fallback::Is("") | Fallback::Derived { .. } => String::new(),
                Fallback::Is(text) => format!("; default: {text}"),
            };
            let help = format!("{} [or {}{default}]", row.about, row.variable());
            command.arg(Arg::new(row.name).long(row.name).value_name("VALUE").help(help))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        SettingFlags::augment_args(command)
    }
}

impl FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<SettingFlags, clap::Error> {
        let given =
            |row: &crate::settings::Row| Some((row.name, matches.get_one::<String>(row.name)?.clone()));
        Ok(SettingFlags(ROWS.iter().filter_map(given).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = SettingFlags::from_arg_matches(matches)?;
        Ok(())
    }
}
