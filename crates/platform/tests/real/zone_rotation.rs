//! A tenant's credentials in a zone are replaced while others work with them: nobody is refused, and the old ones open nothing
//! afterwards.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use siegel_platform::parts::{S3Accounts, S3Part};
use siegel_platform::secrets::Secret;
use siegel_platform::testing::gateway::{self, Gateway, Keys};
use siegel_platform::zones::{Bucket, Replaced, Zone, ZoneError, contract};

use crate::zones::{END, bucket_in, name};

fn kept(keys: &Keys) -> Secret {
    keys.0.lock().unwrap().values().next().unwrap().clone()
}

fn keep(keys: &Keys, text: String) {
    keys.0.lock().unwrap().values_mut().for_each(|secret| *secret = text.clone().into_bytes().into());
}

fn secret_of(kept: &[u8]) -> String {
    let kept: serde_json::Value = serde_json::from_slice(kept).unwrap();
    assert!(kept.get("former").is_none(), "a secret that was replaced is still kept");
    kept["secret"].as_str().unwrap().to_owned()
}

/// Whoever still has the secrets of another time.
async fn refused(gateway: &Gateway, then: Secret, keys: &Keys, bucket: &Bucket) -> bool {
    let old = Keys::default();
    old.0.lock().unwrap().extend(keys.0.lock().unwrap().keys().map(|name| (name.clone(), then.clone())));
    let put = gateway.zone(&old).put_new(bucket, &name(), Bytes::from_static(b"x")).await;
    matches!(put, Err(ZoneError::Refused(_)))
}

async fn works(zone: &Zone, bucket: &Bucket) {
    let name = name();
    zone.put_new(bucket, &name, Bytes::from_static(b"meanwhile")).await.unwrap();
    assert_eq!(zone.get(bucket, &name).await.unwrap(), "meanwhile");
    assert!(contract::listed(zone, bucket, END).await.unwrap().contains(&name));
    zone.delete(bucket, &name).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_of_a_bucket_rotate_under_load_and_nothing_fails() {
    let Some(gateway) = Gateway::start().await else { return };
    let keys = Keys::default();
    let admin = gateway.zone(&keys);
    let bucket = bucket_in(&admin).await;
    let first = kept(&keys);
    let (ended, worked) = (AtomicBool::new(false), AtomicUsize::new(0));
    // One process that knows the credentials for long, and one that has just started, again and again.
    let long = async || {
        let zone = gateway.zone(&keys);
        while !ended.load(Ordering::Relaxed) {
            works(&zone, &bucket).await;
            worked.fetch_add(1, Ordering::Relaxed);
        }
    };
    let fresh = async || {
        while !ended.load(Ordering::Relaxed) {
            works(&gateway.zone(&keys), &bucket).await;
            worked.fetch_add(1, Ordering::Relaxed);
        }
    };
    let rotations = async {
        for _ in 0..5 {
            let before = kept(&keys);
            assert_eq!(admin.replace_credentials(&bucket).await.unwrap(), Replaced::Credentials);
            assert_ne!(secret_of(&kept(&keys)), secret_of(&before));
            assert!(refused(&gateway, before, &keys, &bucket).await, "the old ones go on");
            let after = worked.load(Ordering::Relaxed) + 4; // some begin and end after it
            while worked.load(Ordering::Relaxed) < after {
                tokio::task::yield_now().await;
            }
        }
        ended.store(true, Ordering::Relaxed);
    };
    tokio::join!(long(), long(), fresh(), rotations);
    assert!(refused(&gateway, first, &keys, &bucket).await);
    assert!(admin.has_bucket(&bucket).await.unwrap(), "provisioning finds nothing to mend");
}

#[tokio::test]
async fn a_rotation_that_was_interrupted_harms_nobody_and_goes_on_where_it_was() {
    let Some(gateway) = Gateway::start().await else { return };
    let keys = Keys::default();
    let zone = gateway.zone(&keys);
    let bucket = bucket_in(&zone).await;
    let (access, old) = (bucket.as_str(), secret_of(&kept(&keys)));
    // Killed before the zone was told: it takes the old one, and the new one is written down.
    let both = |new: &str, former: &str| format!(r#"{{"access":"{access}","secret":"{new}","former":"{former}"}}"#);
    keep(&keys, both("new", &old));
    works(&zone, &bucket).await;
    works(&gateway.zone(&keys), &bucket).await;
    zone.replace_credentials(&bucket).await.unwrap();
    assert_eq!(secret_of(&kept(&keys)), "new", "it goes on with the one that was drawn");
    works(&zone, &bucket).await;
    // Killed after that: the zone takes the new one, and the old one is still written down.
    keep(&keys, both("new", &old));
    works(&gateway.zone(&keys), &bucket).await;
    zone.replace_credentials(&bucket).await.unwrap();
    assert_eq!(secret_of(&kept(&keys)), "new");
    let then = format!(r#"{{"access":"{access}","secret":"{old}"}}"#);
    assert!(refused(&gateway, then.into_bytes().into(), &keys, &bucket).await);
}

#[tokio::test]
async fn one_account_for_all_has_no_credentials_of_tenants() {
    let Some(gateway) = Gateway::start().await else { return };
    let keys = Keys::default();
    let zone = gateway::zone(gateway.s3_as(&S3Part { accounts: S3Accounts::One, ..gateway.part() }, &keys));
    let bucket = bucket_in(&zone).await;
    assert_eq!(zone.replace_credentials(&bucket).await.unwrap(), Replaced::Nothing);
    works(&zone, &bucket).await;
}
