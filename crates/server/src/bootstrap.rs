//! Starting up: the data folder and its lock, the first account, and the parts put together.

use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;
use std::sync::Arc;

/// A started server's parts, with the lock on the data folder.
pub struct Started {
    /// The parts.
    pub app: Arc<App>,
    /// The account of the first start, with its token if this is the first start.
    pub first_account: FirstStart,
}

/// What the first start made.
pub struct FirstStart {
    /// The first account.
    pub account: crate::catalog::Account,
    /// The new token; `None` on every later start.
    pub token: Option<String>,
}

/// Opens the data folder (mode 0700, one process at a time), the catalog and the stores, makes the
/// first account if there is none, and starts the worker pool.
#[allow(unused_variables)]
pub async fn start(config: Config, clock: Clock) -> anyhow::Result<Started> {
    unimplemented!()
}

/// stub
#[allow(unused_variables)]
pub fn new_account(
    name: String,
    role: safelight_domain::token::Role,
    first: &crate::config::FirstAccount,
    now_ms: i64,
) -> anyhow::Result<(crate::catalog::NewAccount, String)> {
    unimplemented!()
}
