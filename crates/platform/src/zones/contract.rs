//! What every zone keeps, whatever lies behind it: new objects only, whole or not at all, gone when deleted, apart by
//! tenant. Runs on local directories and on S3.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use futures::future::join_all;
use siegel_domain::time::HOUR_MS;
use siegel_domain::{TenantId, Timestamp};

use super::{Bucket, ObjectName, Zone, ZoneError};
use crate::clock::Clock;
use crate::rng::Rng;

/// Runs the whole suite on a zone whose clock agrees with `clock` to the hour; makes and deletes two buckets in it.
pub async fn run(zone: &Zone, clock: &dyn Clock, rng: &dyn Rng) -> Result<()> {
    let [ours, other] = [0, 1].map(|_| Bucket::of(TenantId::from_bytes(rng.bytes()), &[7; 32]));
    for bucket in [&ours, &other] {
        ensure!(!zone.has_bucket(bucket).await?, "there before it was made");
        zone.make_bucket(bucket).await?;
        zone.make_bucket(bucket).await.context("making a bucket twice is fine")?;
        ensure!(zone.has_bucket(bucket).await?, "a bucket that was made is not there");
    }
    zone.health().await?;
    objects_are_new_and_whole(zone, &ours, rng).await.context("objects are new and whole")?;
    one_of_many_wins(zone, &ours, rng).await.context("one of many wins")?;
    pieces(zone, &ours, rng).await.context("pieces")?;
    tenants_are_apart(zone, [&ours, &other], rng).await.context("tenants are apart")?;
    deletion(zone, &ours, rng).await.context("deletion")?;
    listing(zone, &ours, clock, rng).await.context("listing")?;
    for bucket in [&ours, &other] {
        zone.delete_bucket(bucket).await?;
        zone.delete_bucket(bucket).await.context("deleting a bucket twice is fine")?;
        ensure!(!zone.has_bucket(bucket).await?, "a deleted bucket is there");
        // Nothing, or that there is no such bucket.
        let left = listed(zone, bucket, END).await.unwrap_or_default();
        ensure!(left.is_empty(), "a deleted bucket holds something");
    }
    Ok(())
}

/// Runs on a zone with room for at least one and at most 64 MiB; makes and deletes a bucket in it.
pub async fn full(zone: &Zone, rng: &dyn Rng) -> Result<()> {
    let bucket = Bucket::of(TenantId::from_bytes(rng.bytes()), &[7; 32]);
    zone.make_bucket(&bucket).await?;
    let (bytes, mut written) = (some_bytes(1 << 20), Vec::new());
    let refused = loop {
        ensure!(written.len() < 64, "the zone does not get full");
        let name = ObjectName::part(rng, 0);
        match zone.put_new(&bucket, &name, bytes.clone()).await {
            Ok(()) => written.push(name),
            Err(ZoneError::Full(_)) => break name,
            Err(error) => return Err(error).context("a full zone is called something else"),
        }
    };
    ensure!(!zone.exists(&bucket, &refused).await?, "a write that found no room left something");
    let mut left = listed(zone, &bucket, END).await?;
    written.sort();
    left.sort();
    ensure!(left == written, "a full zone forgets, or lists what it refused");
    let oldest = written.first().context("no room for a single object")?;
    ensure!(zone.get(&bucket, oldest).await? == bytes, "a full zone does not read");
    zone.delete(&bucket, oldest).await.context("a full zone does not delete")?;
    zone.put_new(&bucket, &ObjectName::part(rng, 0), bytes)
        .await
        .context("the room of what was deleted is not free")?;
    Ok(zone.delete_bucket(&bucket).await?)
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

async fn one_of_many_wins(zone: &Zone, bucket: &Bucket, rng: &dyn Rng) -> Result<()> {
    let name = &ObjectName::part(rng, 4);
    let results = join_all((1..=64).map(async |size| (size, zone.put_new(bucket, name, some_bytes(size)).await))).await;
    let won: Vec<_> = results.iter().filter(|(_, result)| result.is_ok()).map(|(size, _)| *size).collect();
    ensure!(won.len() == 1, "{} of 64 writers of one name were told that they made it", won.len());
    let told = results.iter().filter(|(_, result)| matches!(result, Err(ZoneError::Exists))).count();
    ensure!(told == 63, "only {told} of 63 writers were told that there is such an object");
    ensure!(zone.get(bucket, name).await?.len() == won[0], "it is not the winner's");
    zone.delete(bucket, name).await?;
    Ok(())
}

async fn pieces(zone: &Zone, bucket: &Bucket, rng: &dyn Rng) -> Result<()> {
    let (name, bytes) = (ObjectName::part(rng, 0), some_bytes(100_000));
    zone.put_new(bucket, &name, bytes.clone()).await?;
    let read = zone.get_ranges(bucket, &name, &[0..32, 50_000..60_000, 99_000..100_000]).await?;
    ensure!(read == [bytes.slice(0..32), bytes.slice(50_000..60_000), bytes.slice(99_000..)], "pieces differ");
    for beyond in [99_999..100_001, 100_000..100_001, 200_000..200_010] {
        let read = zone.get_ranges(bucket, &name, &[0..32, beyond]).await;
        ensure!(read.is_err() || read.is_ok_and(|read| read[1].len() < 2), "bytes from beyond the end");
        zone.get(bucket, &name).await.context("asking for too much spoils what is there")?;
    }
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

async fn listing(zone: &Zone, bucket: &Bucket, clock: &dyn Clock, rng: &dyn Rng) -> Result<()> {
    let mut names = [ObjectName::part(rng, 0), ObjectName::part(rng, 1), ObjectName::tombstone(rng)];
    for name in &names {
        zone.put_new(bucket, name, some_bytes(10)).await?;
    }
    let mut found = listed(zone, bucket, END).await?;
    names.sort();
    found.sort();
    ensure!(found == names, "not what was written: {found:?}");
    let now = clock.now();
    ensure!(listed(zone, bucket, now.plus_ms(-HOUR_MS)).await?.is_empty(), "new objects pass for old ones");
    ensure!(listed(zone, bucket, now.plus_ms(HOUR_MS)).await?.len() == 3, "old objects pass for new ones");
    ensure!(zone.clean(bucket, END..=END).await?.leftovers == 0, "a write left something behind");
    ensure!(listed(zone, bucket, END).await?.len() == 3, "cleaning took objects");
    Ok(())
}

/// Everything in a bucket that was written before `before`, in no order.
pub async fn listed(zone: &Zone, bucket: &Bucket, before: Timestamp) -> Result<Vec<ObjectName>, ZoneError> {
    let (mut listing, mut all) = (zone.list_outside(bucket, before..=END).await?, Vec::new());
    while let Some(page) = listing.next_page().await? {
        all.extend(page.into_iter().map(|object| object.name));
    }
    Ok(all)
}

fn some_bytes(size: usize) -> Bytes {
    (0..size).map(|at| (at * 31 % 251) as u8).collect()
}
