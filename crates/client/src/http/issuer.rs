//! Who issued a certificate, in its own words: enough of DER (X.690) to find the common name or the organisation of
//! the issuer. Only ever shown to people ("your connection is opened by …"), never trusted.

/// `O` or `CN` of the issuer.
pub(super) fn of(certificate: &[u8]) -> Option<String> {
    let (_, certificate, _) = element(certificate)?;
    let (_, mut fields, _) = element(certificate)?;
    // version [0] is optional; then serial number, signature algorithm, issuer.
    let mut skipped = 0;
    let issuer = loop {
        let (tag, value, rest) = element(fields)?;
        fields = rest;
        match (tag, skipped) {
            (0xa0, 0) => {}
            (_, 2) => break value,
            _ => skipped += 1,
        }
    };
    let mut names = [None, None];
    let mut sets = issuer;
    while let Some((_, set, rest)) = element(sets) {
        sets = rest;
        let Some((_, pair, _)) = element(set) else { continue };
        let Some((_, oid, value)) = element(pair) else { continue };
        // 2.5.4.10 organisation, 2.5.4.3 common name (X.520)
        let place = match oid {
            [0x55, 4, 10] => 0,
            [0x55, 4, 3] => 1,
            _ => continue,
        };
        names[place] = element(value).map(|(_, text, _)| clean(text));
    }
    match names {
        [Some(organisation), Some(name)] if organisation != name => Some(format!("{name} ({organisation})")),
        [organisation, name] => name.or(organisation),
    }
}

/// Tag, value and what follows.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(length)?;
    Some((tag, value, rest))
}

/// At most 80 printable characters: this text comes from whoever is in between.
fn clean(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    siegel_domain::text::line(&text, 80).unwrap_or_else(|_| "?".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_issuer_is_found_and_nonsense_is_not() {
        // SEQ { SEQ { [0]{2}, 1, SEQ{}, SEQ { SET{ SEQ{2.5.4.10,"Box"} }, SET{ SEQ{2.5.4.3,"Opens TLS"} } } } }
        let name = |oid: u8, text: &str| {
            let mut pair = vec![6, 3, 0x55, 4, oid, 12, text.len() as u8];
            pair.extend(text.bytes());
            [vec![0x31, pair.len() as u8 + 2, 0x30, pair.len() as u8], pair].concat()
        };
        let issuer = [name(10, "Box"), name(3, "Opens TLS")].concat();
        let tbs = [vec![0xa0, 1, 2, 2, 1, 1, 0x30, 0, 0x30, issuer.len() as u8], issuer].concat();
        let certificate = [vec![0x30, tbs.len() as u8 + 2, 0x30, tbs.len() as u8], tbs].concat();
        assert_eq!(of(&certificate).as_deref(), Some("Opens TLS (Box)"));
        for cut in 0..certificate.len() {
            let _ = of(&certificate[..cut]);
        }
        assert_eq!(of(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
