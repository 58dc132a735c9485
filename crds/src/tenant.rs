//! An institution, as its dealer asked for it and as it stands.

use serde::{Deserialize, Serialize};
use siegel_domain::limits::QUOTA_PERCENT_DEFAULT;
use siegel_domain::{DealerId, TenantId};

use crate::condition::Condition;

/// An institution. In a cluster `id`, `generation` and `createdMs` are the object's name and metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Counts changes of the spec; conditions say which one they speak of.
    pub generation: i64,
    /// When it was asked for.
    pub created_ms: i64,
    /// What it should be.
    pub spec: TenantSpec,
    /// How it stands.
    #[serde(default)]
    pub status: TenantStatus,
}

/// What an institution should be. Business data only: no person, no key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TenantSpec {
    /// The part after `@` in login names; unique on the platform, never changed.
    pub handle: String,
    /// The institution's name.
    pub display_name: String,
    /// Who set it up, and sees it in the dealer's administration.
    pub dealer: DealerId,
    /// The dealer's comment, for example a customer number (C08).
    #[serde(default)]
    pub comment: String,
    /// Where its data may lie (C12); never changed.
    pub jurisdiction: String,
    /// What happens while a zone is lost.
    #[serde(default)]
    pub durability: Durability,
    /// What it may take of each process, in hundredths of the configured standard.
    #[serde(default = "quota_percent_default")]
    pub quota_percent: u32,
    /// BLAKE3 of HKDF(code, "auth") of the first owner's code, 64 lower-case hex digits. The code itself never comes
    /// here; the hash opens nothing but the one enrolment.
    pub owner_auth_hash: String,
    /// When that code ends, in milliseconds since 1970.
    #[serde(default)]
    pub owner_code_expires_ms: i64,
}

const fn quota_percent_default() -> u32 {
    QUOTA_PERCENT_DEFAULT
}

/// What happens to uploads while a zone is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    /// Accepted by the other zone, and healed later (R08).
    #[default]
    Available,
    /// Refused until both zones hold it.
    Strict,
}

impl Durability {
    /// The word in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Strict => "strict",
        }
    }

    /// The durability of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Available, Self::Strict].into_iter().find(|durability| durability.as_str() == text)
    }
}

/// How an institution stands. Holds no wall clock: a pass that changes nothing writes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TenantStatus {
    /// The one-word summary.
    pub phase: Phase,
    /// One condition per resource class and zone.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// The first owner has used the code.
    #[serde(default)]
    pub owner_enrolled: bool,
}

/// The one-word summary of the conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Something is still missing and is being made.
    #[default]
    Provisioning,
    /// Everything is there.
    Ready,
    /// Its members and senders are locked out; nothing is deleted.
    Suspended,
    /// It can't be made as asked for; the conditions say why, and someone has to change something.
    Failed,
}

impl Phase {
    /// The word in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "provisioning",
            Self::Ready => "ready",
            Self::Suspended => "suspended",
            Self::Failed => "failed",
        }
    }

    /// The phase of that name.
    pub fn parse(text: &str) -> Option<Self> {
        use Phase::*;
        [Provisioning, Ready, Suspended, Failed].into_iter().find(|phase| phase.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_reads_as_an_administrator_writes_it() {
        let text = r#"{
            "id": "tnt_00000000000000000000000001", "generation": 1, "createdMs": 1767225600000,
            "spec": {
                "handle": "herzzentrum-nord", "displayName": "Herzzentrum Nord",
                "dealer": "dlr_00000000000000000000000002", "comment": "K-4711", "jurisdiction": "EU",
                "ownerAuthHash": "0000000000000000000000000000000000000000000000000000000000000000"
            }
        }"#;
        let tenant: Tenant = serde_json::from_str(text).unwrap();
        assert_eq!(tenant.spec.durability, Durability::Available);
        assert_eq!(tenant.status.phase, Phase::Provisioning);
        assert_eq!(serde_json::from_str::<Tenant>(&serde_json::to_string(&tenant).unwrap()).unwrap(), tenant);
        let misspelt = text.replace("comment", "coment");
        assert!(serde_json::from_str::<Tenant>(&misspelt).is_err());
    }

    #[test]
    fn words_survive_the_round_trip() {
        for phase in [Phase::Provisioning, Phase::Ready, Phase::Suspended, Phase::Failed] {
            assert_eq!(Phase::parse(phase.as_str()), Some(phase));
            assert_eq!(serde_json::to_string(&phase).unwrap(), format!("\"{}\"", phase.as_str()));
        }
        for durability in [Durability::Available, Durability::Strict] {
            assert_eq!(Durability::parse(durability.as_str()), Some(durability));
        }
    }
}
