//! Background work from the durable job table.

use crate::app::App;
use std::sync::Arc;

/// Runs due jobs and the sweeper until `shutdown` completes.
#[allow(unused_variables)]
pub async fn run(app: Arc<App>, shutdown: impl Future<Output = ()> + Send) {
    unimplemented!()
}
