//! Texts from outside that are stored or shown: bounded, trimmed, one line, no control or direction characters
//! (FAULTS F36, F39).

/// Why a text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing is left after trimming.
    #[error("must not be empty")]
    Empty,
    /// Longer than its bound.
    #[error("is longer than {max} characters")]
    TooLong {
        /// The bound, in characters.
        max: usize,
    },
    /// A control character, a line break or a character that changes the direction of writing.
    #[error("holds a character that is not allowed (line break, control or direction character)")]
    Character,
    /// A spreadsheet would take it for a formula.
    #[error("must not start with =, +, - or @: a spreadsheet would run it as a formula")]
    Formula,
}

/// A trimmed single line of at most `max` characters; may be empty.
pub fn line(text: &str, max: usize) -> Result<String, TextError> {
    let text = text.trim();
    if text.chars().count() > max {
        return Err(TextError::TooLong { max });
    }
    let bad = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}' | '\u{2066}'..='\u{2069}')
    };
    if text.chars().any(bad) {
        return Err(TextError::Character);
    }
    Ok(text.to_owned())
}

/// The same, but not empty.
pub fn non_empty_line(text: &str, max: usize) -> Result<String, TextError> {
    let text = line(text, max)?;
    if text.is_empty() { Err(TextError::Empty) } else { Ok(text) }
}

/// The same as [`line`], and nothing that a spreadsheet runs when a list with it is exported (FAULTS F39).
pub fn cell(text: &str, max: usize) -> Result<String, TextError> {
    let text = line(text, max)?;
    if text.starts_with(['=', '+', '-', '@']) { Err(TextError::Formula) } else { Ok(text) }
}

/// A tenant's handle, the part after `@` of a login name: 3-40 characters of `a-z`, `0-9` and single inner hyphens.
pub fn is_handle(text: &str) -> bool {
    (3..=40).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
}

/// The local part of a login name: 1-64 characters of `a-z`, `0-9`, `.`, `_`, `-`.
pub fn is_login_local(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded_and_plain() {
        assert_eq!(line("  K-4711 ", 200).as_deref(), Ok("K-4711"));
        assert_eq!(line("a\nb", 200), Err(TextError::Character));
        assert_eq!(line("a\u{202e}b", 200), Err(TextError::Character));
        assert_eq!(line(&"x".repeat(201), 200), Err(TextError::TooLong { max: 200 }));
        assert_eq!(non_empty_line(" ", 5), Err(TextError::Empty));
        assert_eq!(cell(" K-4711", 200).as_deref(), Ok("K-4711"));
        for formula in ["=1+1", " =cmd|' /C calc'!A0", "+49", "-1", "@SUM(A1)"] {
            assert_eq!(cell(formula, 200), Err(TextError::Formula), "{formula}");
        }
    }

    #[test]
    fn handles_are_plain_host_like_words() {
        assert!(is_handle("herzzentrum-nord"));
        for bad in ["", "ab", "-ab", "ab-", "a--b", "Ab1", "ä-b", "a/b"] {
            assert!(!is_handle(bad), "{bad}");
        }
    }
}
