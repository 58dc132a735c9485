//! Reads what is there, of every target, before anything is decided. Never writes.

use siegel_crds::Resource;
use siegel_domain::TenantId;
use siegel_platform::Ctx;
use siegel_platform::db::{READY, tenant_directory};
use siegel_platform::zones::{Zone, Zones};

use super::plan::Actual;
use super::{Seen, Target, ZoneFact};

/// The zones, as the plan sees them.
pub fn zone_facts(zones: &Zones) -> Vec<ZoneFact> {
    let fact = |zone: &Zone| ZoneFact { name: zone.name.to_owned(), jurisdiction: zone.jurisdiction.clone() };
    zones.both().map(fact).into()
}

/// What a tenant has.
pub async fn actual(ctx: &Ctx, tenant: TenantId) -> Actual {
    let mut actual = Actual::new();
    let key = if ctx.secrets.has_tenant_key(tenant) { Seen::Ours } else { Seen::Missing };
    actual.insert(Target::new(Resource::TenantKey), key);
    let bucket = ctx.zones.bucket(tenant);
    for (index, zone) in ctx.zones.both().into_iter().enumerate() {
        let seen = match zone.has_bucket(&bucket).await {
            Ok(true) => Seen::Ours,
            Ok(false) => Seen::Missing,
            Err(_) => Seen::Unreachable,
        };
        actual.insert(Target::bucket(index), seen);
    }
    let (database, mark) = directory(ctx, tenant);
    actual.insert(Target::new(Resource::Database), database);
    actual.insert(Target::new(Resource::ReadyMark), mark);
    actual
}

/// The tenant's directory and the mark in it. A directory with something in it and no mark is not one we made: ids are
/// drawn at random, so it was left or put there by someone, and is neither adopted nor deleted.
fn directory(ctx: &Ctx, tenant: TenantId) -> (Seen, Seen) {
    let directory = tenant_directory(&ctx.state_dir, tenant);
    if directory.join(READY).exists() {
        return (Seen::Ours, Seen::Ours);
    }
    let database = match std::fs::read_dir(&directory) {
        Ok(mut entries) => {
            if entries.next().is_none() {
                Seen::Ours
            } else {
                Seen::Foreign
            }
        }
        Err(error) => match error.kind() {
            std::io::ErrorKind::NotFound => Seen::Missing,
            std::io::ErrorKind::NotADirectory => Seen::Foreign,
            _ => Seen::Unreachable,
        },
    };
    (database, Seen::Missing)
}
