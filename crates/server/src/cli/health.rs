//! `safelight health`: whether a server is ready, for the health checks of containers and supervisors.

use super::Surroundings;
use super::output::{Printer, harmless};
use crate::settings::{Sources, load, url_of};
use anyhow::{Context, bail, ensure};
use clap::Args;
use std::time::Duration;
use ureq::Agent;
use ureq::tls::TlsConfig;
use url::{Host, Url};

/// Containers wait for five seconds, which is to be enough for an answer.
const LONGEST: Duration = Duration::from_secs(4);

/// Longest answer that is read.
const MAX_BYTES: u64 = 1024;

#[derive(Args)]
pub(super) struct Health {
    /// Start of the URLs of the server's management [or SAFELIGHT_URL; default: where a server with the same
    /// settings listens on this machine]
    url: Option<String>,
}

impl Health {
    pub(super) fn run(self, surroundings: &Surroundings, out: &mut Printer) -> anyhow::Result<()> {
        let given = match self.url {
            Some(url) => Some(url),
            None => surroundings.environment.text("SAFELIGHT_URL")?,
        };
        let base = match given {
            Some(url) => Url::parse(&url).with_context(|| format!("{url:?} is no URL"))?,
            None => own(surroundings)?,
        };
        ensure!(matches!(base.scheme(), "http" | "https"), "{base} is no http or https URL");
        let url = base.join("/health/ready")?;
        let mut answer =
            agent(&base).get(url.as_str()).call().with_context(|| format!("no answer from {url}"))?;
        let text = answer.body_mut().with_config().limit(MAX_BYTES).lossy_utf8(true).read_to_string();
        let text = harmless(text.unwrap_or_default().trim_end());
        match answer.status().as_u16() {
            200 => Ok(out.line(&text)?),
            status => bail!("{url} answers {status}: {text}"),
        }
    }
}

/// Where a server listens that has the settings of this environment.
fn own(surroundings: &Surroundings) -> anyhow::Result<Url> {
    let config = load(&Sources {
        flags: Vec::new(),
        config_file: None,
        environment: surroundings.environment.clone(),
        program: surroundings.program.clone(),
        parallelism: surroundings.parallelism,
    })?
    .config;
    Ok(url_of(config.admin_listen.unwrap_or(config.listen), config.tls.as_ref()))
}

fn agent(url: &Url) -> Agent {
    let is_here = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_global(Some(LONGEST));
    if is_here {
        // A certificate is for the name that viewers use. Nothing secret is sent, and nothing leaves this machine.
        let unjudged = TlsConfig::builder().disable_verification(true).build();
        config = config.proxy(None).tls_config(unjudged);
    }
    config.build().into()
}
