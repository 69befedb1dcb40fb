//! A way to the database that can be cut.

use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// What stands between a node and the database.
pub(crate) struct Cut {
    pub(crate) address: SocketAddr,
    way: watch::Sender<Way>,
    _runtime: Runtime,
}

/// How bytes fare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Well.
    Open,
    /// Connections end, and new ones end at once.
    Closed,
    /// Nothing passes, and nobody is told.
    Silent,
}

impl Cut {
    pub(crate) fn before(upstream: SocketAddr) -> Cut {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("threads");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("an address");
        let (way, seen) = watch::channel(Way::Open);
        runtime.spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(pass(near, upstream, seen.clone()));
            }
        });
        Cut { address, way, _runtime: runtime }
    }

    pub(crate) fn set(&self, way: Way) {
        self.way.send(way).expect("is seen");
    }
}

async fn pass(near: TcpStream, upstream: SocketAddr, mut way: watch::Receiver<Way>) {
    if *way.borrow_and_update() == Way::Closed {
        return;
    }
    let Ok(far) = TcpStream::connect(upstream).await else { return };
    let (near, far) = (Arc::new(near), Arc::new(far));
    let seen = way.clone();
    tokio::select! {
        _ = way.wait_for(|way| *way == Way::Closed) => {}
        () = copy(Arc::clone(&near), Arc::clone(&far), seen.clone()) => {}
        () = copy(far, near, seen) => {}
    }
}

async fn copy(from: Arc<TcpStream>, to: Arc<TcpStream>, mut way: watch::Receiver<Way>) {
    let mut buffer = vec![0; 65_536];
    loop {
        if from.readable().await.is_err() || way.wait_for(|way| *way != Way::Silent).await.is_err() {
            return;
        }
        let mut rest = match from.try_read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => &buffer[..count],
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(_) => return,
        };
        while !rest.is_empty() {
            if to.writable().await.is_err() {
                return;
            }
            match to.try_write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    }
}
