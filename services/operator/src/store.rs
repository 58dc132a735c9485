//! The local tenant store: rows of `tenants` in the provider database as [`siegel_crds::Tenant`] objects, and back.
//! `version` of a row is the object's generation: it counts changes of the spec, never of the status.

use siegel_crds::{Condition, Phase, Tenant, TenantSpec, TenantStatus};
use siegel_domain::TenantId;
use siegel_platform::db::{self, DbError, Tx};
use siegel_platform::tenants::{TenantState, TenantView};

use crate::pipeline::status::Verdict;

/// The row as the object.
pub fn object(view: &TenantView) -> Result<Tenant, DbError> {
    let conditions: Vec<Condition> =
        serde_json::from_str(&view.conditions).map_err(|_| DbError::corrupt("tenants", "conditions", view.id))?;
    Ok(Tenant {
        id: view.id,
        generation: view.version,
        created_ms: view.created_ms,
        spec: spec(view),
        status: TenantStatus { phase: phase(view.state), conditions, owner_enrolled: view.owner_enrolled },
    })
}

/// What the tenant should be.
pub fn spec(view: &TenantView) -> TenantSpec {
    TenantSpec {
        handle: view.handle.clone(),
        display_name: view.display_name.clone(),
        dealer: view.dealer,
        comment: view.comment.clone(),
        jurisdiction: view.jurisdiction.clone(),
        durability: durability(view.durability),
        quota_percent: view.quota_percent,
        owner_auth_hash: hex::encode(&view.owner_invite_auth_hash),
        owner_code_expires_ms: view.owner_code_expires_ms,
    }
}

/// Between the platform's word for a state and the object's phase.
pub const fn phase(state: TenantState) -> Phase {
    match state {
        TenantState::Provisioning => Phase::Provisioning,
        TenantState::Ready => Phase::Ready,
        TenantState::Suspended => Phase::Suspended,
        TenantState::Failed => Phase::Failed,
    }
}

/// Between the API's word and the object's.
pub const fn durability(api: siegel_api::tenants::Durability) -> siegel_crds::Durability {
    match api {
        siegel_api::tenants::Durability::Available => siegel_crds::Durability::Available,
        siegel_api::tenants::Durability::Strict => siegel_crds::Durability::Strict,
    }
}

/// Writes a verdict on the generation it speaks of. False: the spec has moved on, and the next pass will judge that; or
/// another pass came to the same verdict first, and has told of it.
pub async fn write_status(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    generation: i64,
    verdict: &Verdict,
) -> Result<bool, DbError> {
    let conditions =
        serde_json::to_string(&verdict.conditions).map_err(|_| DbError::corrupt("tenants", "conditions", tenant))?;
    let written = db::query(
        "UPDATE tenants SET state = $3, conditions = $4
         WHERE id = $1 AND version = $2 AND (state <> $3 OR conditions <> $4)",
    )
    .bind(tenant.to_string())
    .bind(generation)
    .bind(verdict.phase.as_str())
    .bind(conditions)
    .execute(&mut **tx)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// What a dealer may change; compare-and-set on the generation. False: someone else was faster.
pub async fn write_spec(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    generation: i64,
    spec: &TenantSpec,
) -> Result<bool, DbError> {
    let hash =
        hex::decode(&spec.owner_auth_hash).map_err(|_| DbError::corrupt("tenants", "owner_auth_hash", tenant))?;
    let written = db::query(
        "UPDATE tenants SET comment = $3, durability = $4, owner_auth_hash = $5, owner_code_expires_ms = $6,
                quota_percent = $7, version = version + 1
         WHERE id = $1 AND version = $2 AND (owner_enrolled = 0 OR owner_auth_hash = $5)",
    )
    .bind(tenant.to_string())
    .bind(generation)
    .bind(&spec.comment)
    .bind(spec.durability.as_str())
    .bind(hash)
    .bind(spec.owner_code_expires_ms)
    .bind(spec.quota_percent)
    .execute(&mut **tx)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// The first owner is there. False: that was known.
pub async fn owner_enrolled(tx: &mut Tx<'_>, tenant: TenantId) -> Result<bool, DbError> {
    let written = db::query("UPDATE tenants SET owner_enrolled = 1 WHERE id = $1 AND owner_enrolled = 0")
        .bind(tenant.to_string())
        .execute(&mut **tx)
        .await?;
    Ok(written.rows_affected() == 1)
}
