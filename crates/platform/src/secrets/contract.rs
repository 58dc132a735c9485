//! What every store of secrets keeps, whatever lies behind it. Runs on the sealed file and on OpenBao.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use siegel_domain::TenantId;

use super::cache::OPEN_MS;
use super::{Secrets, SecretsError};
use crate::clock::ManualClock;
use crate::rng::Rng;

/// What the suite runs on: one store, opened by several programs.
pub struct Subject {
    /// Two of the operator: these may make and destroy tenant keys.
    pub operators: [Arc<Secrets>; 2],
    /// A service: opens what is under tenant keys.
    pub service: Arc<Secrets>,
    /// The time of all three.
    pub clock: ManualClock,
}

/// Runs the whole suite, on tenants of its own; nothing of them is left.
pub async fn run(subject: &Subject, rng: &dyn Rng) -> Result<()> {
    let tenants = || [0, 1].map(|_| TenantId::from_bytes(rng.bytes()));
    let folder = format!("tenant/{}/", tenants()[0]);
    named(subject, &folder).await.context("named secrets")?;
    one_wins(subject, &folder).await.context("of two at once one wins")?;
    recent(subject, &format!("{folder}credential")).await.context("recent secrets")?;
    ensure!(subject.operators[0].names(&folder).await?.is_empty(), "the suite left something");
    bound(subject, tenants()).await.context("wrapped values are bound to tenant and place")?;
    one_key_each(subject, tenants()).await.context("of two keys at once one is made")?;
    destroyed(subject, tenants()).await.context("a destroyed key opens nothing")?;
    rotated(subject, tenants()).await.context("a rotated key opens what it did")?;
    Ok(())
}

async fn named(subject: &Subject, folder: &str) -> Result<()> {
    let [one, other] = &subject.operators;
    let [name, below] = ["a", "below/b"].map(|name| format!("{folder}{name}"));
    ensure!(one.get(&name).await?.is_none(), "there before it was put");
    for secret in [&b"first"[..], &[0, 255, 10, 13], b"", &[7; 20_000]] {
        one.put(&name, secret).await?;
        let read = other.get(&name).await?.context("what one put the other does not see")?;
        ensure!(read.as_slice() == secret, "{} bytes came back changed", secret.len());
    }
    one.put(&below, b"b").await?;
    ensure!(other.names(folder).await? == [name.as_str(), &below], "not the names that there are");
    ensure!(other.names(&format!("{folder}below/")).await? == [below.as_str()], "not the names of a folder");
    for name in [&name, &below] {
        other.delete(name).await?;
        other.delete(name).await.context("deleting twice is fine")?;
        ensure!(one.get(name).await?.is_none(), "there after it was deleted");
    }
    one.put_new(&name, b"anew").await.context("what was deleted can be made anew")?;
    one.delete(&name).await?;
    Ok(())
}

async fn one_wins(subject: &Subject, folder: &str) -> Result<()> {
    let [one, other] = &subject.operators;
    for n in 0..8 {
        let name = format!("{folder}drawn-{n}");
        let (first, second) = futures::join!(one.get_or_create(&name, 32), other.get_or_create(&name, 32));
        let (first, second) = (first?, second?);
        ensure!(first == second && first.len() == 32, "each of two has a secret of its own");
        ensure!(one.put_new(&name, b"late").await? == first, "a secret was replaced by a new one");
        one.delete(&name).await?;
    }
    Ok(())
}

async fn recent(subject: &Subject, name: &str) -> Result<()> {
    let [one, other] = &subject.operators;
    one.put(name, b"old").await?;
    let seen = async || anyhow::Ok(other.recent(name).await?.context("it is not there")?.to_vec());
    ensure!(seen().await? == b"old", "not what was put");
    one.put(name, b"new").await?;
    other.forget(name);
    ensure!(seen().await? == b"new", "asked anew, and got the old one");
    one.put(name, b"newest").await?;
    subject.clock.advance_ms(OPEN_MS);
    ensure!(seen().await? == b"newest", "older than five minutes");
    other.put(name, b"own").await?;
    ensure!(seen().await? == b"own", "not what it put itself");
    one.delete(name).await?;
    Ok(())
}

const PLACE: [&str; 3] = ["shred_keys", "rec_1", "wrapped"];

async fn bound(subject: &Subject, [ours, other]: [TenantId; 2]) -> Result<()> {
    let (operator, service) = (&subject.operators[0], &subject.service);
    for tenant in [ours, other] {
        let none = service.wrap(tenant, &PLACE, b"k").await;
        ensure!(matches!(none, Err(SecretsError::NoTenantKey)), "wrapped without a key");
        ensure!(!operator.has_tenant_key(tenant).await?, "a key before it was made");
        operator.create_tenant_key(tenant).await?;
        ensure!(operator.has_tenant_key(tenant).await?, "no key after it was made");
    }
    let wrapped = service.wrap(ours, &PLACE, b"shred key").await?;
    ensure!(service.unwrap(ours, &PLACE, &wrapped).await?.as_slice() == b"shred key", "changed");
    operator.create_tenant_key(ours).await.context("making it twice is fine")?;
    ensure!(service.unwrap(ours, &PLACE, &wrapped).await.is_ok(), "made anew");
    ensure!(service.unwrap(other, &PLACE, &wrapped).await.is_err(), "opened for another tenant");
    let moved = service.unwrap(ours, &["shred_keys", "rec_2", "wrapped"], &wrapped).await;
    ensure!(moved.is_err(), "opened at another place");
    for at in 0..wrapped.len() {
        let mut changed = wrapped.clone();
        changed[at] ^= 1;
        ensure!(service.unwrap(ours, &PLACE, &changed).await.is_err(), "byte {at} was changed, and it opened");
    }
    destroy(subject, [ours, other]).await
}

async fn one_key_each(subject: &Subject, tenants: [TenantId; 2]) -> Result<()> {
    let [one, other] = &subject.operators;
    for tenant in tenants {
        let (first, second) = futures::join!(one.create_tenant_key(tenant), other.create_tenant_key(tenant));
        first.and(second)?;
        let wrapped = subject.service.wrap(tenant, &PLACE, b"k").await?;
        subject.clock.advance_ms(OPEN_MS);
        ensure!(subject.service.unwrap(tenant, &PLACE, &wrapped).await.is_ok(), "the loser's key was kept for a while");
    }
    destroy(subject, tenants).await
}

async fn destroyed(subject: &Subject, [ours, other]: [TenantId; 2]) -> Result<()> {
    let (operator, service) = (&subject.operators[0], &subject.service);
    operator.destroy_tenant_key(ours).await.context("destroying what is not there is fine")?;
    for tenant in [ours, other] {
        operator.create_tenant_key(tenant).await?;
    }
    let wrapped = service.wrap(ours, &PLACE, b"k").await?;
    let kept = service.wrap(other, &PLACE, b"k").await?;
    operator.destroy_tenant_key(ours).await?;
    operator.destroy_tenant_key(ours).await.context("destroying twice is fine")?;
    ensure!(!operator.has_tenant_key(ours).await?, "there after it was destroyed");
    // In the process that destroyed it at once, in others at the latest when what they have open has had its time.
    ensure!(operator.unwrap(ours, &PLACE, &wrapped).await.is_err(), "whoever destroyed it opens it still");
    subject.clock.advance_ms(OPEN_MS);
    let gone = service.unwrap(ours, &PLACE, &wrapped).await;
    ensure!(matches!(gone, Err(SecretsError::NoTenantKey)), "five minutes after it was destroyed");
    ensure!(matches!(service.wrap(ours, &PLACE, b"k").await, Err(SecretsError::NoTenantKey)), "sealed under nothing");
    ensure!(!operator.has_tenant_key(ours).await?, "asking for it made it anew");
    ensure!(service.unwrap(other, &PLACE, &kept).await.is_ok(), "another tenant's went with it");
    operator.create_tenant_key(ours).await?;
    ensure!(service.wrap(ours, &PLACE, b"k").await.is_ok(), "a tenant can't have a key again");
    ensure!(service.unwrap(ours, &PLACE, &wrapped).await.is_err(), "a new key opens what was under the old one");
    destroy(subject, [ours, other]).await
}

async fn rotated(subject: &Subject, [ours, unknown]: [TenantId; 2]) -> Result<()> {
    let (operator, service) = (&subject.operators[0], &subject.service);
    let none = operator.rotate_tenant_key(unknown).await;
    ensure!(matches!(none, Err(SecretsError::NoTenantKey)), "rotated what is not there");
    ensure!(!operator.has_tenant_key(unknown).await?, "rotating made a key");
    operator.create_tenant_key(ours).await?;
    let before = service.wrap(ours, &PLACE, b"before").await?;
    let opens = async |wrapped: &[u8]| service.unwrap(ours, &PLACE, wrapped).await.is_ok();
    for _ in 0..2 {
        operator.rotate_tenant_key(ours).await?;
        ensure!(opens(&before).await, "the process that has it open");
        subject.clock.advance_ms(OPEN_MS);
        ensure!(opens(&before).await, "a process that opens it anew");
        operator.trim_tenant_key(ours).await?;
        operator.trim_tenant_key(ours).await.context("trimming twice is fine")?;
        subject.clock.advance_ms(OPEN_MS);
        ensure!(opens(&before).await, "after the old version went");
    }
    destroy(subject, [ours, unknown]).await?;
    subject.clock.advance_ms(OPEN_MS);
    ensure!(!opens(&before).await, "an older version outlived the key");
    Ok(())
}

async fn destroy(subject: &Subject, tenants: [TenantId; 2]) -> Result<()> {
    for tenant in tenants {
        subject.operators[0].destroy_tenant_key(tenant).await?;
    }
    Ok(())
}
