//! Where data may lie (C12). A jurisdiction is a short code such as `EU`, or a part of one such as `EU-DE`; a zone
//! suits a tenant if it lies in the tenant's jurisdiction or in a part of it.

/// Most characters of a code.
pub const MAX_CHARS: usize = 20;

/// Whether `text` is a code: groups of `A-Z` and `0-9` joined by single hyphens.
pub fn is_jurisdiction(text: &str) -> bool {
    text.len() <= MAX_CHARS
        && text
            .split('-')
            .all(|group| !group.is_empty() && group.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()))
}

/// Whether what lies in `zone` lies inside `tenant`. `EU` holds `EU` and `EU-DE`; `EU-DE` does not hold `EU`.
pub fn holds(tenant: &str, zone: &str) -> bool {
    zone.strip_prefix(tenant).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_lies_inside_its_whole_and_never_the_other_way() {
        assert!(holds("EU", "EU") && holds("EU", "EU-DE") && holds("EU-DE", "EU-DE-BY"));
        for (tenant, zone) in [("EU-DE", "EU"), ("EU", "EUX"), ("EU", "US"), ("DE", "EU-DE"), ("EU", "")] {
            assert!(!holds(tenant, zone), "{zone} passed as a part of {tenant}");
        }
    }

    #[test]
    fn codes_are_plain() {
        assert!(is_jurisdiction("EU") && is_jurisdiction("EU-DE") && is_jurisdiction("CH"));
        for bad in ["", "eu", "EU-", "-EU", "EU--DE", "EU/DE", "EU DE", "EU\u{202e}", "A-VERY-LONG-JURISDICTION"] {
            assert!(!is_jurisdiction(bad), "{bad}");
        }
    }
}
