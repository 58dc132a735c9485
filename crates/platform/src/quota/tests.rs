//! Shares under a clock that stands still unless told to move.

use axum::response::IntoResponse as _;
use futures::stream;
use http_body_util::BodyExt as _;
use siegel_domain::{DealerId, Timestamp};

use super::*;
use crate::clock::ManualClock;

const QUOTA: Quota = Quota {
    requests_per_second: 2,
    requests_burst: 4,
    bytes_per_second: 100,
    bytes_burst: 1_000,
    requests_in_flight: 3,
    records_in_flight: 10,
};
const SMALL: Whose = Whose::Tenant(TenantId::from_bytes([1; 16]));
const LARGE: Whose = Whose::Tenant(TenantId::from_bytes([2; 16]));

struct Case {
    clock: ManualClock,
    metrics: Metrics,
    quotas: Quotas,
}

/// The large institution may do twice as much.
fn case(standard: Quota) -> Case {
    let (clock, metrics) = (ManualClock::new(Timestamp(0)), Metrics::new());
    let percent = |tenant| if Whose::Tenant(tenant) == LARGE { 200 } else { 100 };
    let quotas = Quotas::new(standard, percent, Arc::new(clock.clone()), &metrics);
    Case { clock, metrics, quotas }
}

impl Case {
    /// Seconds to wait; none if it got in, and was answered at once.
    fn asks(&self, whose: Whose) -> Option<u32> {
        match self.quotas.enter(whose, &Body::empty()) {
            Ok(_) => None,
            Err(problem) => {
                assert_eq!(problem.reason(), Reason::RateLimited);
                Some(problem.wait_s().expect("a 429 says when to come back"))
            }
        }
    }
}

#[test]
fn whoever_asks_too_much_waits_and_nobody_else_does() {
    let case = case(QUOTA);
    let let_in = |whose| std::iter::repeat_with(|| case.asks(whose)).take_while(Option::is_none).count();
    assert_eq!(let_in(SMALL), 4);
    assert_eq!(case.asks(SMALL), Some(1));
    assert_eq!(let_in(LARGE), 8, "an institution's own setting counts");
    assert_eq!(let_in(Whose::Principal(Principal::Dealer(DealerId::from_bytes([3; 16])))), 4);
    case.clock.advance_ms(499);
    assert_eq!(case.asks(SMALL), Some(1));
    case.clock.advance_ms(1);
    assert_eq!(let_in(SMALL), 1);
    case.clock.advance_ms(1_000_000);
    assert_eq!(let_in(SMALL), 4, "a rest gives back a burst and no more");
    let text = case.metrics.render();
    assert!(text.contains("siegel_quota_refusals_total{name=\"requests\"}"), "{text}");
    assert!(!text.contains("tnt_"), "{text}");
}

#[test]
fn requests_that_are_not_answered_are_bounded() {
    let case = case(QUOTA);
    let mut waiting: Vec<Place> = (0..3).map(|_| case.quotas.enter(SMALL, &Body::empty()).unwrap()).collect();
    assert_eq!(case.asks(SMALL), Some(1));
    assert_eq!(case.asks(LARGE), None);
    drop(waiting.pop());
    assert_eq!(case.asks(SMALL), None, "as soon as one is answered; the refused one cost nothing");
    let answered = waiting.pop().unwrap().outgoing("a stream that goes on".into_response());
    case.clock.advance_ms(1_000);
    assert_eq!(case.asks(SMALL), None, "an answer that is on its way is no request in flight");
    drop(answered);
}

#[tokio::test]
async fn bytes_count_in_both_directions_and_what_did_not_come_is_given_back() {
    let case = case(Quota { requests_burst: 1_000, ..QUOTA });
    let used = || case.quotas.account(SMALL).bytes_used();
    let (announced, unannounced) =
        (vec![0; 300], stream::iter([Ok::<_, std::io::Error>(vec![0; 50]), Ok(vec![0; 50])]));

    let body = Body::from(announced);
    let place = case.quotas.enter(SMALL, &body).unwrap();
    assert_eq!(used(), 300, "what is announced counts before it comes");
    let body = place.incoming(body);
    drop(body);
    assert_eq!(used(), 0, "it was refused unread");

    let body = Body::from_stream(unannounced);
    let place = case.quotas.enter(SMALL, &body).unwrap();
    let body = place.incoming(body);
    assert_eq!(used(), 0);
    body.collect().await.unwrap();
    assert_eq!(used(), 100, "what was not announced counts as it comes");

    let answer = place.outgoing(vec![0_u8; 2_000].into_response());
    assert_eq!(case.asks(SMALL), Some(12), "an answer may be larger than what is left, and is paid for afterwards");
    assert_eq!(case.asks(LARGE), None);
    answer.into_body().collect().await.unwrap();
    case.clock.advance_ms(11_000);
    assert_eq!(case.asks(SMALL), Some(1));
    case.clock.advance_ms(1_000);
    assert_eq!(case.asks(SMALL), None);
}

#[test]
fn whoever_has_used_nothing_for_a_while_is_forgotten() {
    let case = case(QUOTA);
    let tenant = |n: u8| Whose::Tenant(TenantId::from_bytes([n; 16]));
    for n in 10..110 {
        assert_eq!(case.asks(tenant(n)), None);
    }
    let _stays = case.quotas.enter(tenant(10), &Body::empty()).unwrap();
    case.clock.advance_ms(FORGET_EVERY_MS);
    assert_eq!(case.asks(SMALL), None);
    assert_eq!(case.quotas.accounts.lock().unwrap().by.len(), 2, "who has a request in flight stays");
    assert!(case.metrics.render().contains("siegel_quota_accounts 2"));
}

#[test]
fn a_quota_of_nothing_is_a_mistake_and_the_default_is_none() {
    assert!(Quota::default().mistakes().is_empty());
    let closed = Quota { bytes_burst: 0, records_in_flight: 0, ..QUOTA };
    let fields: Vec<_> = closed.mistakes().into_iter().map(|mistake| mistake.field).collect();
    assert_eq!(fields, ["quota.bytes_burst", "quota.records_in_flight"]);
    assert_eq!(QUOTA.percent(1).requests_per_second, 1, "a small share is still one");
}
