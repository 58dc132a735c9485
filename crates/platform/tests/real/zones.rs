//! Zones on S3: the contract, whose bucket is whose, versions and locks.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use siegel_domain::{TenantId, Timestamp};
use siegel_platform::clock::SystemClock;
use siegel_platform::parts::{Parts, S3Accounts, S3Part};
use siegel_platform::rng::{Rng, SystemRng};
use siegel_platform::secrets::Secrets;
use siegel_platform::zones::s3::{BucketKeys, S3OpenError};
use siegel_platform::zones::{Bucket, NAMES, ObjectName, Zone, ZoneError, ZoneMetrics, Zones, contract};

use siegel_platform::testing::gateway::{self, Gateway, Keys};

pub(crate) const RNG: &dyn Rng = &SystemRng;
pub(crate) const END: Timestamp = Timestamp(i64::MAX);

pub(crate) fn name() -> ObjectName {
    ObjectName::part(RNG, 0)
}

fn a_bucket() -> Bucket {
    Bucket::of(TenantId::from_bytes(RNG.bytes()), &[1; 32])
}

pub(crate) async fn bucket_in(zone: &Zone) -> Bucket {
    let bucket = a_bucket();
    zone.make_bucket(&bucket).await.unwrap();
    bucket
}

/// A whole part, as large as they come.
pub(crate) fn part() -> Bytes {
    vec![7; 8 << 20].into()
}

fn zones(parts: &Parts) -> Zones {
    opened(&parts.s3, &parts.ca_file).unwrap()
}

fn opened(parts: &[S3Part], ca_file: &Path) -> Result<Zones, S3OpenError> {
    let (keys, rng) = (Arc::new(Keys::default()), Arc::new(SystemRng));
    Zones::open_s3(parts, ca_file, keys, RNG.bytes(), SystemClock::shared(), rng, ZoneMetrics::default())
}

#[tokio::test]
async fn both_s3_zones_keep_the_contract_of_a_zone() {
    let Some(parts) = Parts::for_tests() else { return };
    let zones = zones(&parts);
    for zone in zones.both() {
        contract::run(zone, &SystemClock::new(), RNG).await.unwrap();
    }
}

#[tokio::test]
async fn one_account_for_all_buckets_keeps_the_contract_too() {
    let Some(gateway) = Gateway::start().await else { return };
    let part = S3Part { accounts: S3Accounts::One, ..gateway.part() };
    let keys = Keys::default();
    let zone = gateway::zone(gateway.s3_as(&part, &keys));
    contract::run(&zone, &SystemClock::new(), RNG).await.unwrap();
    assert!(keys.0.lock().unwrap().is_empty(), "no credentials of tenants");
}

#[tokio::test]
async fn both_s3_zones_hold_what_was_put_once() {
    let Some(parts) = Parts::for_tests() else { return };
    let zones = zones(&parts);
    let (bucket, name) = (zones.bucket(TenantId::from_bytes(RNG.bytes())), name());
    for zone in zones.both() {
        zone.make_bucket(&bucket).await.unwrap();
    }
    let outcome = zones.put_both(&bucket, &name, part()).await;
    assert_eq!(outcome.held_by(), NAMES, "{outcome:?}");
    for zone in zones.both() {
        assert_eq!(zone.get(&bucket, &name).await.unwrap(), part());
        zone.delete_bucket(&bucket).await.unwrap();
    }
    assert!(zones.outside("EU").is_empty());
    assert_eq!(zones.outside("CH"), NAMES, "as the parts file says where they are");
}

#[tokio::test]
async fn zones_that_are_not_two_https_places_are_not_opened() {
    let Some(gateway) = Gateway::start().await else { return };
    let open = |parts: &[_]| opened(parts, &gateway.ca()).err().map_or_else(String::new, |error| error.to_string());
    let (a, mut b) = (gateway.part(), gateway.part());
    assert!(open(std::slice::from_ref(&a)).contains("exactly one [[s3]]"));
    b.name = NAMES[1].to_owned();
    assert!(open(&[a.clone(), b.clone()]).contains("two copies in one place"));
    b.endpoint = b.endpoint.replace("https:", "http:");
    assert!(open(&[a.clone(), b.clone()]).contains("TLS"));
    b.endpoint = "https://127.0.0.1:1".to_owned();
    assert_eq!(open(&[b, a]), "", "in any order, and one may be away");
}

#[tokio::test]
async fn deleting_erases_every_version_and_not_only_the_last() {
    let Some(gateway) = Gateway::start().await else { return };
    let keys = Keys::default();
    let (s3, zone) = (gateway.s3(&keys), gateway.zone(&keys));
    let (bucket, name, hidden) = (bucket_in(&zone).await, name(), ObjectName::tombstone(RNG));
    let path = format!("/{}", bucket.as_str());
    let on = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    assert_eq!(s3.ask(Method::PUT, &path, &[("versioning", "")], &[], on).await.unwrap().0, 200);
    assert!(zone.has_bucket(&bucket).await.unwrap(), "versions can be erased");

    for name in [&name, &hidden] {
        zone.put_new(&bucket, name, Bytes::from_static(b"sealed")).await.unwrap();
        let object = format!("{path}/{name}");
        s3.ask(Method::PUT, &object, &[], &[], "another version").await.unwrap();
        s3.ask(Method::DELETE, &object, &[], &[], "").await.unwrap(); // as an administrator's tool would
        assert_eq!(s3.versions(&bucket, name).await.unwrap(), 3, "two versions behind a marker");
        assert!(!zone.exists(&bucket, name).await.unwrap(), "and looks as if it were gone");
    }
    let seen = zone.delete(&bucket, &name).await.unwrap();
    assert!(seen.deleted <= seen.absent);
    assert_eq!(s3.versions(&bucket, &name).await.unwrap(), 0);

    zone.delete_bucket(&bucket).await.unwrap();
    assert_eq!(s3.ask(Method::HEAD, &path, &[], &[], "").await.unwrap().0, 404, "with what was hidden in it");
    assert!(keys.0.lock().unwrap().is_empty(), "no credentials are left of a bucket that is gone");
}

#[tokio::test]
async fn a_bucket_that_locks_its_objects_is_refused() {
    let Some(gateway) = Gateway::start().await else { return };
    let keys = Keys::default();
    let (s3, zone, bucket) = (gateway.s3(&keys), gateway.zone(&keys), a_bucket());
    zone.make_bucket(&bucket).await.unwrap();
    zone.delete_bucket(&bucket).await.unwrap();
    let path = format!("/{}", bucket.as_str());
    let user = format!("<Account><Access>{}</Access><Secret>s</Secret><Role>user</Role></Account>", bucket.as_str());
    s3.ask(Method::PATCH, "/create-user", &[], &[], &user).await.unwrap();
    let headers = [("x-vgw-owner", bucket.as_str()), ("x-amz-bucket-object-lock-enabled", "true")];
    assert_eq!(s3.ask(Method::PATCH, &format!("{path}/create"), &[], &headers, "").await.unwrap().0, 201);

    zone.make_bucket(&bucket).await.expect("a lock that no object gets is in nobody's way");
    for mode in ["COMPLIANCE", "GOVERNANCE"] {
        let rule = format!(
            "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>\
             <Mode>{mode}</Mode><Days>1</Days></DefaultRetention></Rule></ObjectLockConfiguration>"
        );
        assert_eq!(s3.ask(Method::PUT, &path, &[("object-lock", "")], &[], &rule).await.unwrap().0, 200);
        assert!(!zone.has_bucket(&bucket).await.unwrap(), "not as it should be");
        let refused = zone.make_bucket(&bucket).await.unwrap_err();
        assert!(matches!(refused, ZoneError::Refused(_)), "{refused:?}");
        assert!(refused.to_string().contains("default retention"), "{refused}");
    }
}

#[tokio::test]
async fn a_bucket_of_another_account_is_not_taken_over() {
    let Some(gateway) = Gateway::start().await else { return };
    let keys = Keys::default();
    let (s3, zone, bucket) = (gateway.s3(&keys), gateway.zone(&keys), a_bucket());
    let path = format!("/{}", bucket.as_str());
    assert_eq!(s3.ask(Method::PUT, &path, &[], &[], "").await.unwrap().0, 200, "the administrator's own");
    assert!(!zone.has_bucket(&bucket).await.unwrap());
    let refused = zone.make_bucket(&bucket).await.unwrap_err();
    assert!(refused.to_string().contains("belongs to another account"), "{refused}");
    assert!(!zone.has_bucket(&bucket).await.unwrap());
    assert!(matches!(zone.delete_bucket(&bucket).await, Err(ZoneError::Refused(_))), "nor emptied");
    let put = zone.put_new(&bucket, &name(), Bytes::from_static(b"sealed")).await;
    assert!(matches!(put, Err(ZoneError::Refused(_))), "{put:?}");
}

#[tokio::test]
async fn one_tenants_credentials_open_nothing_of_another_and_cut_nobody_off() {
    let Some(gateway) = Gateway::start().await else { return };
    let keys = Keys::default();
    let zone = gateway.zone(&keys);
    let (ours, other, name) = (bucket_in(&zone).await, bucket_in(&zone).await, name());
    zone.put_new(&ours, &name, Bytes::from_static(b"sealed")).await.unwrap();

    let mixed_up = Keys::default();
    let at = |bucket: &Bucket| format!("zones/{}/{}", NAMES[0], bucket.as_str());
    let others = keys.0.lock().unwrap()[&at(&other)].clone();
    mixed_up.0.lock().unwrap().extend([(at(&ours), others.clone()), (at(&other), others)]);
    let thief = gateway.zone(&mixed_up);
    for _ in 0..4 {
        assert!(matches!(thief.get(&ours, &name).await, Err(ZoneError::Refused(_))));
        assert!(matches!(thief.exists(&ours, &name).await, Err(ZoneError::Refused(_))));
        assert!(matches!(thief.delete(&ours, &name).await, Err(ZoneError::Refused(_))));
        assert!(matches!(contract::listed(&thief, &ours, END).await, Err(ZoneError::Refused(_))));
        let put = thief.put_new(&ours, &self::name(), Bytes::from_static(b"x")).await;
        assert!(matches!(put, Err(ZoneError::Refused(_))), "{put:?}");
    }
    thief.put_new(&other, &self::name(), Bytes::from_static(b"x")).await.expect("the zone itself is well");
    assert_eq!(zone.get(&ours, &name).await.unwrap(), "sealed");
}

#[tokio::test]
async fn new_credentials_count_without_a_restart() {
    let Some(gateway) = Gateway::start().await else { return };
    let keys = Keys::default();
    let (s3, zone) = (gateway.s3(&keys), gateway.zone(&keys));
    let (bucket, name) = (bucket_in(&zone).await, name());
    zone.put_new(&bucket, &name, Bytes::from_static(b"sealed")).await.unwrap();

    let query = [("access", bucket.as_str())];
    let changed = "<MutableProps><Secret>another</Secret></MutableProps>";
    assert_eq!(s3.ask(Method::PATCH, "/update-user", &query, &[], changed).await.unwrap().0, 200);
    assert!(matches!(zone.get(&bucket, &name).await, Err(ZoneError::Refused(_))), "the old ones are refused");
    let kept = format!("{{\"access\":\"{}\",\"secret\":\"another\"}}", bucket.as_str());
    for secret in keys.0.lock().unwrap().values_mut() {
        *secret = kept.clone().into_bytes().into();
    }
    assert_eq!(zone.get(&bucket, &name).await.unwrap(), "sealed");
    assert_eq!(contract::listed(&zone, &bucket, END).await.unwrap(), [name]);
}

#[tokio::test]
async fn credentials_lie_among_the_secrets_and_are_made_anew_if_they_are_lost() {
    let Some(gateway) = Gateway::start().await else { return };
    let (files, name) = (tempfile::tempdir().unwrap(), name());
    let secrets = || {
        let [sealed, key] = ["sealed", "key"].map(|file| files.path().join(file));
        Arc::new(Secrets::open(&sealed, &key, SystemClock::shared(), Arc::new(SystemRng)).unwrap())
    };
    let zone = |keys: Arc<dyn BucketKeys>| gateway::zone(gateway.s3_with(&gateway.part(), keys));
    let bucket = bucket_in(&zone(secrets())).await;
    zone(secrets()).put_new(&bucket, &name, Bytes::from_static(b"sealed")).await.unwrap();

    let empty = Arc::new(Keys::default());
    let lost = zone(empty.clone());
    assert!(matches!(lost.get(&bucket, &name).await, Err(ZoneError::Refused(_))));
    assert!(!lost.has_bucket(&bucket).await.unwrap());
    lost.make_bucket(&bucket).await.unwrap();
    assert_eq!(lost.get(&bucket, &name).await.unwrap(), "sealed");
    assert_eq!(empty.0.lock().unwrap().keys().collect::<Vec<_>>(), [&format!("zones/zone-a/{}", bucket.as_str())]);
}

#[tokio::test]
async fn a_bucket_that_is_gone_is_no_proof_that_an_object_is() {
    let Some(gateway) = Gateway::start().await else { return };
    let keys = Keys::default();
    let zone = gateway.zone(&keys);
    let (bucket, name) = (bucket_in(&zone).await, name());
    zone.put_new(&bucket, &name, Bytes::from_static(b"sealed")).await.unwrap();
    let (there, away) = (gateway.root().join(bucket.as_str()), gateway.ca().with_file_name("away"));
    std::fs::rename(&there, &away).unwrap(); // as if its disk were not mounted
    assert!(matches!(zone.get(&bucket, &name).await, Err(ZoneError::Refused(_))));
    assert!(matches!(zone.exists(&bucket, &name).await, Err(ZoneError::Refused(_))));
    assert!(matches!(zone.delete(&bucket, &name).await, Err(ZoneError::Refused(_))));
    assert!(matches!(contract::listed(&zone, &bucket, END).await, Err(ZoneError::Refused(_))));
    assert!(!zone.has_bucket(&bucket).await.unwrap());
    std::fs::rename(&away, &there).unwrap();
    assert_eq!(zone.get(&bucket, &name).await.unwrap(), "sealed");
}

#[tokio::test]
async fn uploads_in_parts_that_nobody_ended_are_cleaned_when_they_are_old() {
    let Some(gateway) = Gateway::start().await else { return };
    let keys = Keys::default();
    let (s3, zone) = (gateway.s3(&keys), gateway.zone(&keys));
    let bucket = bucket_in(&zone).await;
    let object = format!("/{}/{}", bucket.as_str(), name());
    assert_eq!(s3.ask(Method::POST, &object, &[("uploads", "")], &[], "").await.unwrap().0, 200);
    assert_eq!(zone.clean(&bucket, Timestamp(0)..=END).await.unwrap().leftovers, 0);
    assert_eq!(zone.clean(&bucket, END..=END).await.unwrap().leftovers, 1);
    assert_eq!(zone.clean(&bucket, END..=END).await.unwrap().leftovers, 0);
}
