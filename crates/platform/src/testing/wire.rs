//! A wire between a client and a server that can be cut at a byte, for one test and no other.
#![expect(clippy::unwrap_used, reason = "in what tests share, it is an assertion")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Carries bytes to a server until it is cut. Dropped, it carries nothing.
pub struct Wire {
    pub(super) address: SocketAddr,
    carries: Arc<AtomicI64>,
    loses: Arc<AtomicBool>,
    _tasks: JoinSet<()>,
}

impl Wire {
    pub(super) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, carries) = (listener.local_addr().unwrap(), Arc::new(AtomicI64::new(i64::MAX)));
        let loses = Arc::new(AtomicBool::new(false));
        let (mut tasks, budget, losing) = (JoinSet::new(), carries.clone(), loses.clone());
        tasks.spawn(async move {
            let mut wires = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (budget, losing) = (budget.clone(), losing.clone());
                wires.spawn(async move {
                    if let Ok(far) = TcpStream::connect(server).await {
                        carry(client, far, &budget, &losing).await;
                    }
                });
            }
        });
        Self { address, carries, loses, _tasks: tasks }
    }

    /// Breaks after so many more bytes towards the server, then for every new connection, too.
    pub fn cut_after(&self, bytes: i64) {
        self.carries.store(bytes, Ordering::SeqCst);
    }

    /// Breaks once, when the server next says something.
    pub fn lose_an_answer(&self) {
        self.loses.store(true, Ordering::SeqCst);
    }

    /// Whether it did.
    pub fn lost_it(&self) -> bool {
        !self.loses.load(Ordering::SeqCst)
    }

    /// Carries again.
    pub fn mend(&self) {
        self.carries.store(i64::MAX, Ordering::SeqCst);
    }
}

async fn carry(client: TcpStream, server: TcpStream, budget: &AtomicI64, loses: &AtomicBool) {
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let upwards = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
            let left = budget.fetch_sub(i64::try_from(read).unwrap(), Ordering::SeqCst);
            let whole = usize::try_from(left).unwrap_or(0).min(read);
            if to_server.write_all(&buffer[..whole]).await.is_err() || whole < read {
                return;
            }
        }
    };
    let downwards = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
            if loses.swap(false, Ordering::SeqCst) || to_client.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    };
    // Either end closes both.
    tokio::select! {
        () = upwards => {}
        () = downwards => {}
    }
}
