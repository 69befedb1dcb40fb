//! The accept loop: connections under limits, and an orderly end.

use crate::config::ConnectionLimits;
use axum::Router;
use tokio::net::TcpListener;

/// Serves `router` until `shutdown` completes, then lets requests in flight finish. The peer's
/// address is a request extension of type [`std::net::SocketAddr`].
#[allow(unused_variables)]
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    unimplemented!()
}
