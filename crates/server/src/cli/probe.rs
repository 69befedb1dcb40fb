//! `safelight probe`: whether a proxy or CDN leaves alone what privacy rests on.
//!
//! Pictures are made by the API, asked for through the public URL as viewers do, and deleted again.

use super::Surroundings;
use super::client::Connection;
use super::output::Printer;
use super::probe_checks::Checks;
use super::probe_made::{Made, Stop};
use super::probe_verdict::{Finding, Verdict};
use super::probe_web::Web;
use super::serve::stop_signal;
use anyhow::{Context, anyhow, ensure};
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::runtime::Runtime;
use url::Url;

#[derive(Args)]
pub(super) struct Probe {
    /// Start of the URLs that viewers use: http or https, host and port
    public_url: Url,
    /// Connect to this address in the place of the URL's host, for a proxy that the name does not lead to yet
    #[arg(long, value_name = "IP:PORT")]
    connect: Option<SocketAddr>,
    /// File of the authorities to trust in PEM, in the place of Mozilla's list
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

impl Probe {
    pub(super) fn run(self, surroundings: &Surroundings, out: &mut Printer) -> anyhow::Result<ExitCode> {
        let web = Web::new(&self.public_url, self.connect, self.ca.as_deref())?;
        let client = self.connection.client(&surroundings.environment)?;
        let own = client.whoami()?;
        ensure!(
            client.account_given().is_none_or(|account| *account == own.account),
            "the pictures are made in the token's own account: give no --account"
        );
        let clock = surroundings.clock.clone();
        let runtime = Runtime::new().context("the probe cannot start")?;
        runtime.block_on(async {
            let mut interrupted = std::pin::pin!(stop_signal()?);
            let stop = Stop::default();
            let making = {
                let stop = stop.clone();
                tokio::task::spawn_blocking(move || Made::make(client, &stop))
            };
            let mut making = std::pin::pin!(making);
            let (made, fault) = tokio::select! {
                made = &mut making => made?,
                () = &mut interrupted => {
                    stop.now();
                    let (made, fault) = making.await?;
                    (made, fault.or_else(|| Some(anyhow!("interrupted"))))
                }
            };
            let findings = match fault {
                Some(fault) => Err(fault),
                None => {
                    let checks = Checks { web: &web, made: &made, clock: &clock };
                    tokio::select! {
                        findings = checks.findings() => Ok(findings),
                        () = &mut interrupted => Err(anyhow!("interrupted")),
                    }
                }
            };
            tokio::task::spawn_blocking(move || made.remove()).await?;
            report(&findings?, out)
        })
    }
}

/// One line for each finding, and what to change below those that failed.
fn report(findings: &[Finding], out: &mut Printer) -> anyhow::Result<ExitCode> {
    for Finding { check, verdict } in findings {
        match verdict {
            Verdict::Pass => out.line(&format!("pass  {check}"))?,
            Verdict::Skip { why } => out.line(&format!("skip  {check}: {why}"))?,
            Verdict::Fail { seen, change } => {
                out.line(&format!("FAIL  {check}: {seen}"))?;
                out.line(&format!("      {change}"))?;
            }
        }
    }
    let count = |is: fn(&Verdict) -> bool| findings.iter().filter(|finding| is(&finding.verdict)).count();
    let failed = count(|verdict| matches!(verdict, Verdict::Fail { .. }));
    let passed = count(|verdict| matches!(verdict, Verdict::Pass));
    out.line(&format!("{passed} passed, {failed} failed, {} skipped", findings.len() - passed - failed))?;
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
