//! The SDK on a wire: a small server of the test answers as a platform might, in good times and bad.

#![expect(clippy::unwrap_used, reason = "the helpers of these tests assert as the tests do")]

mod fake;
mod retries;
mod tls;
mod tokens;

/// Programs spawn these; a future that can't move between threads would be of no use to them.
#[test]
fn the_futures_of_the_sdk_can_be_spawned() {
    fn sendable<T: Send>(_: T) {}
    fn all(session: &siegel_client::Session, opened: &siegel_client::Opened) {
        let meter = siegel_client::Meter::default();
        sendable(session.upload("x").send());
        sendable(session.open_record(siegel_client::domain::RecordId::from_bytes([0; 16])));
        sendable(opened.save("x".as_ref(), siegel_client::Overwrite::No, &meter));
        sendable(opened.range(0..1, &meter));
        sendable(session.confirm_member(siegel_client::domain::MemberId::from_bytes([0; 16])));
        sendable(session.remove_sender(siegel_client::domain::SenderId::from_bytes([0; 16])));
        sendable(session.events(None).next());
    }
    let _ = all;
}
