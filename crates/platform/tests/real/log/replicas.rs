//! Several replicas of a consumer share the partitions of a topic, and one takes over what another one left.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use siegel_domain::TenantId;
use siegel_platform::db::{DbError, Tx};
use siegel_platform::log::{HandleError, Handler};
use siegel_proto::events::v1::Event;

use super::{Ground, PATIENCE, Seen};

/// A replica whose databases are away until they are not.
#[derive(Default)]
struct Away {
    back: AtomicBool,
    tried: AtomicUsize,
    seen: Seen,
}

#[async_trait]
impl Handler for Away {
    async fn handle(&self, tx: &mut Tx<'_>, tenant: TenantId, event: &Event) -> Result<(), HandleError> {
        self.tried.fetch_add(1, Ordering::Relaxed);
        if !self.back.load(Ordering::Relaxed) {
            return Err(DbError::corrupt("a database", "that is", "away").into());
        }
        self.seen.handle(tx, tenant, event).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_a_partition_over_does_what_the_one_before_left_undone() {
    let Some(ground) = Ground::new().await else { return };
    let (ours, relay) = (ground.tenants[0], ground.relay());
    let handlers = [(); 2].map(|()| Arc::new(Away::default()));
    let mut replicas = Vec::from(handlers.clone().map(|handler| ground.consumer(handler)));
    for replica in &replicas {
        replica.run_once().await.unwrap(); // its first look at the outboxes finds nothing
    }
    let id = ground.emit(ours, "left").await;
    relay.run_once().await.unwrap();
    let tried = async {
        loop {
            for (n, replica) in replicas.iter().enumerate() {
                replica.run_once().await.unwrap();
                if handlers[n].tried.load(Ordering::Relaxed) > 0 {
                    return n;
                }
            }
            let [one, other] = &replicas[..] else { unreachable!("there are two") };
            tokio::select! {
                () = one.wait() => {}
                () = other.wait() => {}
            }
        }
    };
    let holder = tokio::time::timeout(PATIENCE, tried).await.expect("nobody was sent the event");
    assert_eq!(handlers[1 - holder].tried.load(Ordering::Relaxed), 0, "both were sent the event");

    // It has told Kafka that the message need not come again, and dies before its databases are back. No further event comes.
    drop(replicas.remove(holder));
    handlers[1 - holder].back.store(true, Ordering::Relaxed);
    ground.hear(&replicas[0], ours, &[id]).await;
    drop(replicas);
    ground.end().await;
}
