//! A collector of traces that keeps everything it is sent, for searching.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::IntoResponse;
use tokio::net::TcpListener;

/// Takes OTLP over gRPC.
pub struct Collector {
    address: SocketAddr,
    kept: Arc<Mutex<Vec<u8>>>,
}

impl Collector {
    /// Listens on a port of its own.
    pub async fn listen() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, kept) = (listener.local_addr()?, Arc::<Mutex<Vec<u8>>>::default());
        let app = Router::new().fallback(keep).with_state(kept.clone());
        #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Self { address, kept })
    }

    /// What to configure as the endpoint.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every byte of every export so far: protobuf, in which texts stand as they are.
    pub fn kept(&self) -> Vec<u8> {
        self.kept.lock().expect("nothing panics while it is held").clone()
    }
}

async fn keep(State(kept): State<Arc<Mutex<Vec<u8>>>>, body: Bytes) -> impl IntoResponse {
    kept.lock().expect("nothing panics while it is held").extend_from_slice(&body);
    // An answer of gRPC without a message: the status stands in the head, where a reader looks if no trailer comes.
    ([("content-type", "application/grpc"), ("grpc-status", "0")], vec![0_u8; 0])
}
