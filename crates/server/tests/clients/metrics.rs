//! The metrics, read by Prometheus' own client.

use crate::script::Script;
use crate::server::{Server, free_address, serve};

#[test]
fn prometheus_client_reads_every_metric() {
    let data = tempfile::tempdir().expect("a folder");
    let (address, metrics) = (free_address(), free_address());
    let mut command = serve(data.path(), &address);
    command
        .env("SAFELIGHT_METRICS_LISTEN", &metrics)
        .env("SAFELIGHT_LEVELS", "off")
        .env("SAFELIGHT_REFINE", "off");
    Script::new("metrics.py", &Server::spawn(command, &address)).arg(metrics).checks_at_least(250);
}
