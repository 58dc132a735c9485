//! Where a stream is: a position in the log of each service. As text it is opaque to clients, and the same for every
//! replica, so that whoever answers next goes on exactly behind the last event.

use std::collections::BTreeMap;

use siegel_api::Bytes;

/// The services whose events are streamed, each with the letter that stands for it in a position. A letter is never used
/// for another service: positions of yesterday are sent back tomorrow.
pub const SOURCES: [(&str, char); 4] = [("key-directory", 'k'), ("upload", 'u'), ("retention", 'r'), ("operator", 'o')];

/// Longest text of a position.
const TEXT_BYTES: usize = 256;

/// A place in all logs of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Position(BTreeMap<char, i64>);

/// A text that is no position of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a position of this stream; leave it out to hear what comes")]
pub struct NotAPosition;

impl Position {
    /// The position in the log that `letter` stands for. A log that the position does not know is read from the start:
    /// it had no event yet when the position was made.
    pub fn of(&self, letter: char) -> i64 {
        self.0.get(&letter).copied().unwrap_or(0)
    }

    /// Moves on in one log.
    pub fn set(&mut self, letter: char, position: i64) {
        self.0.insert(letter, position);
    }

    /// The text form: base64url of `k12.u7`.
    pub fn to_text(&self) -> String {
        let parts: Vec<String> = self.0.iter().map(|(letter, position)| format!("{letter}{position}")).collect();
        Bytes(parts.join(".").into_bytes()).to_text()
    }

    /// Reads a text form strictly; letters of later versions are skipped.
    pub fn from_text(text: &str) -> Result<Self, NotAPosition> {
        if text.len() > TEXT_BYTES {
            return Err(NotAPosition);
        }
        let bytes = Bytes::from_text(text).ok_or(NotAPosition)?;
        let plain = std::str::from_utf8(&bytes).map_err(|_| NotAPosition)?;
        let mut position = Self::default();
        for part in plain.split('.').filter(|part| !part.is_empty()) {
            let letter = part.chars().next().filter(char::is_ascii_lowercase).ok_or(NotAPosition)?;
            let digits = &part[1..];
            let plain_digits = (1..=19).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
            let at = plain_digits.then(|| digits.parse().ok()).flatten().ok_or(NotAPosition)?;
            if SOURCES.iter().any(|(_, known)| *known == letter) {
                position.0.insert(letter, at);
            }
        }
        Ok(position)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_position_survives_the_round_trip() {
        let mut position = Position::default();
        assert_eq!(Position::from_text(&position.to_text()), Ok(position.clone()));
        position.set('u', 17);
        position.set('k', i64::MAX);
        assert_eq!(Position::from_text(&position.to_text()), Ok(position.clone()));
        assert_eq!((position.of('u'), position.of('r')), (17, 0));
    }

    #[test]
    fn everything_else_is_refused() {
        let text = |plain: &str| Bytes(plain.as_bytes().to_vec()).to_text();
        for bad in ["u", "u-1", "u1x", "U1", "1", "uu1", "u99999999999999999999", "ü1"] {
            assert_eq!(Position::from_text(&text(bad)), Err(NotAPosition), "{bad}");
        }
        for bad in ["%", "a b", &"A".repeat(257)] {
            assert_eq!(Position::from_text(bad), Err(NotAPosition), "{bad}");
        }
        assert_eq!(Position::from_text(&text("z7")), Ok(Position::default()), "a service of a later version");
    }

    #[test]
    fn letters_stand_for_one_service_each() {
        let letters: BTreeSet<_> = SOURCES.iter().map(|(_, letter)| letter).collect();
        assert_eq!(letters.len(), SOURCES.len());
    }
}
