//! What a tenant's fields may hold: every bound and rule once, for the dealer API, the operator and, later, the CEL
//! rules of the custom resource. Nothing here touches the world; whether the zones suit is the plan's business.

use siegel_domain::{jurisdiction, limits, text};

use crate::tenant::TenantSpec;

/// A field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field's name in the API (`display_name`).
    pub field: &'static str,
    /// What is wrong with it; never its value.
    pub reason: String,
}

/// Everything that is wrong with a spec; empty if nothing is.
pub fn validate(spec: &TenantSpec) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut refuse = |field, reason: String| found.push(Violation { field, reason });
    if !text::is_handle(&spec.handle) {
        refuse("handle", "must be 3-40 characters of a-z, 0-9 and single inner hyphens".into());
    }
    match text::cell(&spec.display_name, limits::DISPLAY_NAME_CHARS) {
        Err(error) => refuse("display_name", error.to_string()),
        Ok(name) if name.is_empty() => refuse("display_name", text::TextError::Empty.to_string()),
        Ok(name) if name != spec.display_name => refuse("display_name", "must not begin or end with blanks".into()),
        Ok(_) => {}
    }
    match text::cell(&spec.comment, limits::COMMENT_CHARS) {
        Err(error) => refuse("comment", error.to_string()),
        Ok(comment) if comment != spec.comment => refuse("comment", "must not begin or end with blanks".into()),
        Ok(_) => {}
    }
    if !jurisdiction::is_jurisdiction(&spec.jurisdiction) {
        refuse("jurisdiction", "must be a code such as EU or EU-DE".into());
    }
    if !limits::QUOTA_PERCENT.contains(&spec.quota_percent) {
        let (least, most) = limits::QUOTA_PERCENT.into_inner();
        refuse("quota_percent", format!("must be {least}-{most}"));
    }
    if !is_hash(&spec.owner_auth_hash) {
        refuse("owner_auth_hash", "must be 32 bytes".into());
    }
    found
}

/// Everything that is wrong with turning `old` into `new`.
pub fn validate_change(old: &TenantSpec, new: &TenantSpec, owner_enrolled: bool) -> Vec<Violation> {
    let mut found = validate(new);
    let fixed = [
        ("handle", old.handle != new.handle),
        ("dealer", old.dealer != new.dealer),
        ("jurisdiction", old.jurisdiction != new.jurisdiction),
    ];
    for (field, _) in fixed.into_iter().filter(|(_, changed)| *changed) {
        found.push(Violation { field, reason: "can't be changed".into() });
    }
    if owner_enrolled && old.owner_auth_hash != new.owner_auth_hash {
        // A dealer who could make a second first owner would be a way into a running institution (R05).
        found.push(Violation { field: "owner_auth_hash", reason: "the first owner has enrolled already".into() });
    }
    found
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use siegel_domain::DealerId;

    use super::*;
    use crate::tenant::Durability;

    fn spec() -> TenantSpec {
        TenantSpec {
            handle: "herzzentrum-nord".into(),
            display_name: "Herzzentrum Nord".into(),
            dealer: DealerId::from_bytes([1; 16]),
            comment: "K-4711".into(),
            jurisdiction: "EU".into(),
            durability: Durability::Available,
            quota_percent: limits::QUOTA_PERCENT_DEFAULT,
            owner_auth_hash: "ab".repeat(32),
            owner_code_expires_ms: 1,
        }
    }

    fn fields(violations: &[Violation]) -> Vec<&'static str> {
        violations.iter().map(|violation| violation.field).collect()
    }

    #[test]
    fn c08_a_comment_is_one_plain_line_of_at_most_200_characters() {
        assert!(validate(&spec()).is_empty());
        let longest = TenantSpec { comment: "ä".repeat(200), ..spec() };
        assert!(validate(&longest).is_empty());
        for bad in ["ä".repeat(201), "a\r\nX-Evil: 1".into(), "=HYPERLINK(1)".into(), "\u{1b}[31m".into(), " a".into()]
        {
            assert_eq!(fields(&validate(&TenantSpec { comment: bad, ..spec() })), ["comment"]);
        }
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let wrong = TenantSpec {
            handle: "Nord".into(),
            display_name: String::new(),
            jurisdiction: "Europe".into(),
            quota_percent: 0,
            owner_auth_hash: "xy".into(),
            ..spec()
        };
        assert_eq!(
            fields(&validate(&wrong)),
            ["handle", "display_name", "jurisdiction", "quota_percent", "owner_auth_hash"]
        );
    }

    #[test]
    fn what_decides_where_and_whose_never_changes() {
        let moved = TenantSpec {
            handle: "other".into(),
            dealer: DealerId::from_bytes([2; 16]),
            jurisdiction: "US".into(),
            ..spec()
        };
        assert_eq!(fields(&validate_change(&spec(), &moved, false)), ["handle", "dealer", "jurisdiction"]);
    }

    #[test]
    fn a_new_code_is_possible_until_the_owner_is_there() {
        let again = TenantSpec { owner_auth_hash: "cd".repeat(32), ..spec() };
        assert!(validate_change(&spec(), &again, false).is_empty());
        assert_eq!(fields(&validate_change(&spec(), &again, true)), ["owner_auth_hash"]);
    }
}
