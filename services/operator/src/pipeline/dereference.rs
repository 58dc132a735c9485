//! Reads what is there, of every target, before anything is decided. Never writes.

use siegel_crds::Resource;
use siegel_domain::TenantId;
use siegel_platform::Ctx;
use siegel_platform::db::Found;
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
    let key = match ctx.secrets.has_tenant_key(tenant).await {
        Ok(true) => Seen::Ours,
        Ok(false) => Seen::Missing,
        Err(_) => Seen::Unreachable,
    };
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
    let (database, mark) = match ctx.databases().found(tenant).await {
        Ok(Found::Ready) => (Seen::Ours, Seen::Ours),
        Ok(Found::Made) => (Seen::Ours, Seen::Missing),
        Ok(Found::Missing) => (Seen::Missing, Seen::Missing),
        // Neither adopted nor deleted.
        Ok(Found::Foreign) => (Seen::Foreign, Seen::Missing),
        Err(_) => (Seen::Unreachable, Seen::Missing),
    };
    actual.insert(Target::new(Resource::Database), database);
    actual.insert(Target::new(Resource::ReadyMark), mark);
    actual
}
