//! From names to addresses.

use futures_util::future::BoxFuture;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Look-ups that the system does at once, also those that nobody waits for any more: each holds a thread
/// of those that files are read with.
const CONCURRENT: usize = 16;

/// Resolves names. Tests make one that answers as they say.
#[derive(Clone)]
pub struct Resolver(Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>);

impl Resolver {
    /// The system's: its hosts file and its name servers.
    pub fn system() -> Resolver {
        let permits = Arc::new(Semaphore::new(CONCURRENT));
        Resolver::from_fn(move |host| {
            let permits = Arc::clone(&permits);
            Box::pin(async move {
                let permit = permits.acquire_owned().await.map_err(io::Error::other)?;
                let lookup = tokio::task::spawn_blocking(move || {
                    let _held = permit;
                    // The port is of no meaning to a look-up.
                    Ok((host.as_str(), 0).to_socket_addrs()?.map(|address| address.ip()).collect())
                });
                lookup.await.map_err(io::Error::other)?
            })
        })
    }

    /// Answers what `resolve` returns for a host name.
    pub fn from_fn(
        resolve: impl Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync + 'static,
    ) -> Resolver {
        Resolver(Arc::new(resolve))
    }

    pub(super) async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        (self.0)(host.to_owned()).await
    }
}
