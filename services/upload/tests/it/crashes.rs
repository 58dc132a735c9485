//! The process dies at any moment. Each story runs on a runtime of its own that is dropped in the middle of a step, with
//! whatever was under way; then another process starts on the same directory. What was acknowledged is there, once;
//! the rest goes on or is swept, and nothing is half done (FAULTS F3, F4, F23).

use std::pin::Pin;
use std::task::{Context, Poll};

use siegel_api::records::{CommitAnswer, PartAck, UploadStatus};
use siegel_platform::rng::{Rng, SeededRng};
use siegel_platform::zones::NAMES;
use siegel_proto::events::v1::event::Data;
use siegel_upload::{inventory, sweep};
use tokio::runtime::{Builder, Runtime};

use crate::people::{Person, Sealed};
use crate::world::{Answer, HOUR, World, world};

/// Runs a future for so many turns; then the process is dead.
struct Dies<F>(Pin<Box<F>>, u64);

impl<F: Future> Future for Dies<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<F::Output>> {
        match self.0.as_mut().poll(context) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending if self.1 == 0 => Poll::Ready(None),
            Poll::Pending => {
                self.1 -= 1;
                Poll::Pending
            }
        }
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// One process: does `work` until it is done or dead. Dropping the runtime drops every task in it.
fn process<T>(world: &mut World, turns: u64, work: impl AsyncFnOnce(&World) -> T) -> Option<T> {
    let runtime = runtime();
    let done = runtime.block_on(async {
        world.restart().await;
        Dies(Box::pin(work(world)), turns).await
    });
    runtime.shutdown_background();
    done
}

#[test]
fn f23_what_was_acknowledged_survives_and_nothing_is_half_done() {
    let mut world = runtime().block_on(world());
    let dice = SeededRng::new(23);
    let (mut acked, mut deaths) = (0, 0);
    // How many turns it takes differs with the machine, the build and the moment: the span from which deaths are drawn
    // follows, so that about half of the processes die, and deaths fall into all of it.
    let mut span = 40;
    for story in 0..25 {
        let sealed = world.recording(20_000 + story * 1_000);
        let sender = world.sender.clone();
        let (mut part, mut receipt) = (None, None);
        for _ in 0..4 {
            let turns = (&dice as &dyn Rng).below(span) as u64;
            let mut seen = (None, None);
            let ended = process(&mut world, turns, async |world| send(world, &sender, &sealed, &mut seen).await);
            deaths += usize::from(ended.is_none());
            span = if ended.is_none() { span + span / 8 + 1 } else { (span - span / 8).max(4) };
            check(&mut world, &sender, &sealed, &seen);
            // What was promised once is promised for good.
            if let (Some(before), Some(now)) = (&part, &seen.0) {
                assert_eq!(before, now);
            }
            if let (Some(before), Some(now)) = (&receipt, &seen.1) {
                assert_eq!(before, now);
            }
            (part, receipt) = (seen.0.or(part), seen.1.or(receipt));
        }
        acked += usize::from(receipt.is_some());
    }
    assert!(
        deaths > 25 && acked > 5,
        "{deaths} deaths, {acked} of 25 committed: the test kills too much or too little"
    );
    settle(&mut world, acked);
}

/// Opens, sends and commits, and remembers what was acknowledged on the way.
async fn send(world: &World, who: &Person, sealed: &Sealed, seen: &mut (Option<PartAck>, Option<Vec<u8>>)) {
    let status: UploadStatus = insist(async || world.open(who, sealed).await).await.into();
    if status.state == siegel_domain::upload::RecordState::Open {
        seen.0 = Some(insist(async || world.put(who, sealed, 0).await).await.into());
    }
    let answer: CommitAnswer = insist(async || world.commit(who, sealed).await).await.into();
    seen.1 = Some(answer.receipt.0);
}

/// Asks until it is answered. Threads of the process that died may hold a database for a moment longer: 503, come again.
async fn insist(ask: impl AsyncFn() -> Answer) -> Answer {
    loop {
        let answer = ask().await;
        if answer.status != 503 {
            return answer;
        }
    }
}

/// After each death: what was acknowledged is there.
fn check(world: &mut World, who: &Person, sealed: &Sealed, seen: &(Option<PartAck>, Option<Vec<u8>>)) {
    process(world, u64::MAX, async |world: &World| {
        if seen.0.is_some() {
            let path = format!("/v1/records/{}/upload", sealed.id());
            let status: UploadStatus = insist(async || world.get(who, &path).await).await.into();
            assert_eq!(status.parts.len(), 1, "an acknowledged part is lost");
            assert_eq!(status.parts[0].zones, NAMES);
        }
        if seen.1.is_some() {
            let part = insist(async || world.get_part(&world.member, sealed.id(), 0).await).await;
            assert!(part.bytes == sealed.parts[0]);
        }
    });
}

/// At the end: what is not committed is swept, orphans are cleared away, and the zones hold the committed parts alone.
fn settle(world: &mut World, acked: usize) {
    for _ in 0..26 {
        world.clock.advance_ms(HOUR);
        process(world, u64::MAX, async |world: &World| while sweep::run_once(&world.app).await.unwrap() > 0 {});
    }
    world.clock.advance_ms(60 * 24 * HOUR); // every file's real date lies before this
    process(world, u64::MAX, async |world: &World| {
        inventory::check_tenant(&world.app, world.ours).await.unwrap();
        let committed = world.count("SELECT count(*) FROM records WHERE state = 'committed'").await;
        assert!(committed as usize >= acked);
        assert_eq!(world.count("SELECT count(*) FROM records WHERE state NOT IN ('committed', 'gone')").await, 0);
        for zone in [0, 1] {
            assert_eq!(world.objects(zone).len() as i64, committed, "each committed part once, and nothing else");
        }
        let told = world.told().await;
        let times = told.iter().filter(|data| matches!(data, Data::RecordCommitted(_))).count();
        assert_eq!(times as i64, committed, "each commit is told once");
    });
}
