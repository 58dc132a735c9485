//! Whether a tenant can be as it was asked for. Pure: the rules of its fields are in `siegel_crds::rules`; here they
//! meet the platform's zones (C12).

use siegel_crds::condition::reason;
use siegel_crds::{TenantSpec, rules};
use siegel_domain::jurisdiction;

use super::ZoneFact;

/// Why a spec is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The word of the condition's reason.
    pub reason: &'static str,
    /// A sentence that says what to change.
    pub message: String,
}

/// Nothing is made for a tenant whose spec breaks a rule, or whose data would lie outside its jurisdiction.
pub fn validate(spec: &TenantSpec, zones: &[ZoneFact]) -> Result<(), Refusal> {
    if let Some(outside) = outside(&spec.jurisdiction, zones) {
        return Err(Refusal { reason: reason::JURISDICTION, message: outside });
    }
    match rules::validate(spec).first() {
        None => Ok(()),
        Some(violation) => {
            let message = format!("{} {}", violation.field, violation.reason);
            Err(Refusal { reason: reason::INVALID, message })
        }
    }
}

/// A sentence about the first zone that lies outside, if there is one.
pub fn outside(jurisdiction: &str, zones: &[ZoneFact]) -> Option<String> {
    let zone = zones.iter().find(|zone| !jurisdiction::holds(jurisdiction, &zone.jurisdiction))?;
    // A jurisdiction is a code by the rules, but this also runs on what was refused: never repeat what came from outside.
    Some(format!("zone {} lies in {}, outside the jurisdiction asked for", zone.name, zone.jurisdiction))
}
