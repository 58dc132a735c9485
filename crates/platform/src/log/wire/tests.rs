//! Messages as we write them, as somebody else might, and as a fuzzer does.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use siegel_proto::events::KINDS;

use super::*;

fn message() -> Message {
    let tenant = TenantId::from_bytes([7; 16]);
    let event = Event { tenant: tenant.to_string(), subject: "rec_1".into(), time_ms: 1_000, ..Event::default() };
    Message { tenant, after: 3, stored: Stored { position: 5, event } }
}

fn again(headers: &[(&str, String)], payload: &[u8]) -> Result<Message, WireError> {
    Message::decode(headers.iter().map(|(name, value)| (*name, value.as_bytes())), payload)
}

#[test]
fn what_was_written_is_read() {
    let message = message();
    assert_eq!(again(&message.headers(), &message.payload()), Ok(message.clone()));
    assert_eq!(message.key(), format!("{}/rec_1", message.tenant));
    let headers = message.headers();
    let time = headers.iter().find(|(name, _)| *name == "ce_time").unwrap();
    assert_eq!(time.1, "1970-01-01T00:00:01Z");
}

#[test]
fn what_we_did_not_write_is_refused() {
    let message = message();
    assert_eq!(again(&message.headers(), &vec![0; LARGEST_BYTES + 1]), Err(WireError::TooLarge));
    assert_eq!(again(&message.headers(), b"\xff\xff"), Err(WireError::NotAnEvent));
    assert_eq!(again(&message.headers(), &Event::default().encode_to_vec()), Err(WireError::NoTenant));
    assert_eq!(again(&[], &message.payload()), Err(WireError::NoPosition));
    let backwards = Message { after: 5, ..message.clone() };
    assert_eq!(again(&backwards.headers(), &message.payload()), Err(WireError::NoPosition));
    let before_all = Message { after: -1, ..message.clone() };
    assert_eq!(again(&before_all.headers(), &message.payload()), Err(WireError::NoPosition));
}

/// Seeds of the fuzz target `message`.
fn corpus() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/message");
    fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect()
}

#[test]
fn the_corpus_is_replayed_with_every_cut_and_every_flipped_bit() {
    let seeds = corpus();
    assert!(seeds.iter().any(|seed| read(seed).is_ok()), "no seed is a message");
    assert!(seeds.iter().any(|seed| read(seed).is_err()), "every seed is a message");
    for seed in seeds {
        (0..=seed.len()).for_each(|cut| check(&seed[..cut]));
        for (at, bit) in (0..seed.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut bad = seed.clone();
            bad[at] ^= 1 << bit;
            check(&bad);
        }
    }
}

fn any_message() -> impl Strategy<Value = Message> {
    let texts = prop::array::uniform4(".{0,40}");
    (any::<[u8; 16]>(), texts, any::<i64>(), prop::option::of(0..KINDS.len()), 0..i64::MAX, 1..i64::MAX).prop_map(
        |(tenant, [id, subject, source, traceparent], time_ms, kind, after, further)| {
            let tenant = TenantId::from_bytes(tenant);
            let data = kind.map(|kind| (KINDS[kind].filled)());
            let r#type = data.as_ref().map_or("", crate::log::type_of).to_owned();
            let event = Event { id, r#type, source, subject, time_ms, tenant: tenant.to_string(), traceparent, data };
            let position = after.saturating_add(further);
            Message { tenant, after, stored: Stored { position, event } }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        check(&bytes);
    }

    #[test]
    fn any_payload_behind_good_headers_is_read_without_a_panic(payload in prop::collection::vec(any::<u8>(), 0..600)) {
        check(&[b"ce_position: 5\nce_after: 3\n\n".to_vec(), payload].concat());
    }

    #[test]
    fn any_message_reads_as_it_was_written(message in any_message()) {
        prop_assert_eq!(again(&message.headers(), &message.payload()), Ok(message));
    }
}
