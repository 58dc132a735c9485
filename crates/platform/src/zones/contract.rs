//! What every zone keeps, whatever lies behind it: new objects only, whole or not at all, gone when deleted, apart by
//! tenant. Runs on local directories today and on S3 when it comes.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use siegel_domain::{TenantId, Timestamp};

use super::{Bucket, ObjectName, Zone, ZoneError};
use crate::rng::Rng;

/// Runs the whole suite on a zone; makes and deletes two buckets in it.
pub async fn run(zone: &Zone, rng: &dyn Rng) -> Result<()> {
    let [ours, other] = [0, 1].map(|_| Bucket::of(TenantId::from_bytes(rng.bytes()), &[7; 32]));
    for bucket in [&ours, &other] {
        ensure!(!zone.has_bucket(bucket).await?, "there before it was made");
        zone.make_bucket(bucket).await?;
        zone.make_bucket(bucket).await.context("making a bucket twice is fine")?;
        ensure!(zone.has_bucket(bucket).await?, "a bucket that was made is not there");
    }
    zone.health().await?;
    objects_are_new_and_whole(zone, &ours, rng).await.context("objects are new and whole")?;
    pieces(zone, &ours, rng).await.context("pieces")?;
    tenants_are_apart(zone, [&ours, &other], rng).await.context("tenants are apart")?;
    deletion(zone, &ours, rng).await.context("deletion")?;
    listing(zone, &ours, rng).await.context("listing")?;
    for bucket in [&ours, &other] {
        zone.delete_bucket(bucket).await?;
        zone.delete_bucket(bucket).await.context("deleting a bucket twice is fine")?;
        ensure!(!zone.has_bucket(bucket).await?, "a deleted bucket is there");
        ensure!(listed(zone, bucket, END).await?.is_empty(), "a deleted bucket holds something");
    }
    Ok(())
}

/// Later than any object.
const END: Timestamp = Timestamp(i64::MAX);

async fn objects_are_new_and_whole(zone: &Zone, bucket: &Bucket, rng: &dyn Rng) -> Result<()> {
    for size in [0, 1, 80, 300_000] {
        let name = ObjectName::part(rng, 3);
        let bytes = some_bytes(size);
        ensure!(!zone.exists(bucket, &name).await?, "there before it was written");
        zone.put_new(bucket, &name, bytes.clone()).await?;
        ensure!(zone.get(bucket, &name).await? == bytes, "{size} bytes came back changed");
        let again = zone.put_new(bucket, &name, some_bytes(size + 1)).await;
        ensure!(matches!(again, Err(ZoneError::Exists)), "an object was overwritten: {again:?}");
        ensure!(zone.get(bucket, &name).await? == bytes, "a refused write changed the object");
        zone.delete(bucket, &name).await?;
    }
    Ok(())
}

async fn pieces(zone: &Zone, bucket: &Bucket, rng: &dyn Rng) -> Result<()> {
    let (name, bytes) = (ObjectName::part(rng, 0), some_bytes(100_000));
    zone.put_new(bucket, &name, bytes.clone()).await?;
    let read = zone.get_ranges(bucket, &name, &[0..32, 50_000..60_000, 99_000..100_000]).await?;
    ensure!(read == [bytes.slice(0..32), bytes.slice(50_000..60_000), bytes.slice(99_000..)], "pieces differ");
    let beyond = zone.get_ranges(bucket, &name, std::slice::from_ref(&(99_999..100_001))).await;
    ensure!(beyond.is_err() || beyond.is_ok_and(|read| read[0].len() < 2), "bytes from beyond the end");
    zone.delete(bucket, &name).await?;
    Ok(())
}

async fn tenants_are_apart(zone: &Zone, [ours, other]: [&Bucket; 2], rng: &dyn Rng) -> Result<()> {
    let name = ObjectName::part(rng, 0);
    zone.put_new(ours, &name, some_bytes(10)).await?;
    ensure!(matches!(zone.get(other, &name).await, Err(ZoneError::Absent)), "read through another tenant's bucket");
    zone.delete(other, &name).await?;
    ensure!(zone.exists(ours, &name).await?, "deleted through another tenant's bucket");
    zone.delete(ours, &name).await?;
    Ok(())
}

async fn deletion(zone: &Zone, bucket: &Bucket, rng: &dyn Rng) -> Result<()> {
    let name = ObjectName::tombstone(rng);
    zone.put_new(bucket, &name, some_bytes(10)).await?;
    let seen = zone.delete(bucket, &name).await?;
    ensure!(seen.deleted <= seen.absent, "absent before it was deleted");
    ensure!(!zone.exists(bucket, &name).await?, "there after its deletion");
    ensure!(matches!(zone.get(bucket, &name).await, Err(ZoneError::Absent)), "read after its deletion");
    zone.delete(bucket, &name).await.context("nothing to delete is fine")?;
    Ok(())
}

async fn listing(zone: &Zone, bucket: &Bucket, rng: &dyn Rng) -> Result<()> {
    let mut names = [ObjectName::part(rng, 0), ObjectName::part(rng, 1), ObjectName::tombstone(rng)];
    for name in &names {
        zone.put_new(bucket, name, some_bytes(10)).await?;
    }
    let mut found = listed(zone, bucket, END).await?;
    names.sort();
    found.sort();
    ensure!(found == names, "not what was written: {found:?}");
    ensure!(listed(zone, bucket, Timestamp(0)).await?.is_empty(), "older than everything");
    ensure!(zone.clean(bucket, END).await?.leftovers == 0, "a write left something behind");
    ensure!(listed(zone, bucket, END).await?.len() == 3, "cleaning took objects");
    Ok(())
}

async fn listed(zone: &Zone, bucket: &Bucket, before: Timestamp) -> Result<Vec<ObjectName>, ZoneError> {
    let (mut listing, mut all) = (zone.list_older(bucket, before).await?, Vec::new());
    while let Some(page) = listing.next_page().await? {
        all.extend(page);
    }
    Ok(all)
}

fn some_bytes(size: usize) -> Bytes {
    (0..size).map(|at| (at * 31 % 251) as u8).collect()
}
