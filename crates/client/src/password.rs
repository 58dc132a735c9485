//! The password rule (K03), checked on the device, since the server never sees a password: at least 11 characters with
//! upper and lower case, a digit and a special character. Beyond the rule, passwords that everyone tries first are
//! refused from a small list, and the rest get a hint of how strong they are.

use zeroize::Zeroizing;

/// Fewest characters.
pub const MIN_CHARS: usize = 11;
/// Most bytes: more would only be a way to make the hash slow.
pub const MAX_BYTES: usize = 1024;

/// What a password lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Lack {
    /// Too few characters.
    #[error("at least {MIN_CHARS} characters")]
    Length,
    /// More than a kilobyte.
    #[error("at most {MAX_BYTES} bytes")]
    TooLong,
    /// No upper-case letter.
    #[error("an upper-case letter")]
    Upper,
    /// No lower-case letter.
    #[error("a lower-case letter")]
    Lower,
    /// No digit.
    #[error("a digit")]
    Digit,
    /// No special character.
    #[error("a special character")]
    Special,
    /// Among the first that anyone tries, or the login name itself.
    #[error("not a word that everyone tries first, nor your own name")]
    Common,
}

impl Lack {
    /// A stable word for message catalogues.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::TooLong => "too-long",
            Self::Upper => "upper",
            Self::Lower => "lower",
            Self::Digit => "digit",
            Self::Special => "special",
            Self::Common => "common",
        }
    }
}

/// How long it would hold, roughly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// Keeps the rule, not more.
    Fair,
    /// Hard to guess.
    Good,
    /// Out of reach.
    Strong,
}

/// A password that keeps the rule. Wiped when dropped.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password([REDACTED])")
    }
}

impl Password {
    /// Checks the rule; on refusal everything that is lacking, so that one more try is enough.
    pub fn new(text: Zeroizing<String>, login_name: &str) -> Result<Self, Vec<Lack>> {
        let mut lacks = Vec::new();
        let mut need = |fulfilled: bool, lack| {
            if !fulfilled {
                lacks.push(lack);
            }
        };
        need(text.chars().count() >= MIN_CHARS, Lack::Length);
        need(text.len() <= MAX_BYTES, Lack::TooLong);
        need(text.chars().any(char::is_uppercase), Lack::Upper);
        need(text.chars().any(char::is_lowercase), Lack::Lower);
        need(text.chars().any(|c| c.is_ascii_digit()), Lack::Digit);
        need(text.chars().any(|c| !c.is_alphanumeric()), Lack::Special);
        need(!is_common(&text, login_name), Lack::Common);
        if lacks.is_empty() { Ok(Self(text)) } else { Err(lacks) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A hint, by variety and length: nothing that a password has to pass.
    pub fn strength(&self) -> Strength {
        let mut distinct: Vec<char> = self.0.to_lowercase().chars().collect();
        let chars = distinct.len();
        distinct.sort_unstable();
        distinct.dedup();
        match chars + distinct.len() {
            ..=24 => Strength::Fair,
            25..=33 => Strength::Good,
            _ => Strength::Strong,
        }
    }
}

/// The word that is left without digits, signs and the usual replacements of letters.
fn bare(text: &str) -> String {
    text.to_lowercase()
        .chars()
        .map(|c| match c {
            '0' => 'o',
            '1' | '!' => 'i',
            '3' => 'e',
            '4' | '@' => 'a',
            '5' | '$' => 's',
            '7' => 't',
            other => other,
        })
        .filter(|c| c.is_alphabetic())
        .collect()
}

/// Whether hardly more than a common word or the login name is left of it: `P@ssw0rd2026!` is `password` with
/// decoration, a sentence that holds one of the words is not.
fn is_common(text: &str, login_name: &str) -> bool {
    let letters: String = text.to_lowercase().chars().filter(|c| c.is_alphabetic()).collect();
    let name = bare(login_name);
    [letters, bare(text)].iter().any(|left| {
        let mostly = |word: &str| left.contains(word) && left.chars().count() < word.chars().count() + 4;
        COMMON.iter().any(|word| mostly(word)) || (name.chars().count() >= 3 && mostly(&name))
    })
}

/// Words at the head of published lists of leaked passwords, German and English, and those of this field.
const COMMON: &[&str] = &[
    "password",
    "passwort",
    "kennwort",
    "passwd",
    "qwertz",
    "qwerty",
    "qwertzuiop",
    "qwertyuiop",
    "asdfgh",
    "yxcvbn",
    "zxcvbn",
    "abcdef",
    "abcabc",
    "aaaaaa",
    "hallo",
    "hallohallo",
    "hello",
    "welcome",
    "willkommen",
    "admin",
    "administrator",
    "letmein",
    "iloveyou",
    "ichliebedich",
    "schatz",
    "liebling",
    "monkey",
    "dragon",
    "master",
    "sunshine",
    "princess",
    "football",
    "fussball",
    "bayern",
    "bayernmuenchen",
    "schalke",
    "dortmund",
    "berlin",
    "hamburg",
    "muenchen",
    "münchen",
    "sommer",
    "winter",
    "fruehling",
    "frühling",
    "herbst",
    "summer",
    "spring",
    "autumn",
    "januar",
    "februar",
    "oktober",
    "november",
    "dezember",
    "montag",
    "freitag",
    "geheim",
    "secret",
    "test",
    "testtest",
    "login",
    "user",
    "start",
    "computer",
    "internet",
    "samsung",
    "michael",
    "daniel",
    "thomas",
    "andreas",
    "stefan",
    "sabine",
    "claudia",
    "nicole",
    "julia",
    "superman",
    "batman",
    "pokemon",
    "starwars",
    "shadow",
    "killer",
    "trustno",
    "whatever",
    "freedom",
    "changeme",
    "aendern",
    "praxis",
    "arzt",
    "doktor",
    "klinik",
    "krankenhaus",
    "hospital",
    "doctor",
    "patient",
    "labor",
    "herzzentrum",
    "custo",
    "siegel",
    "medizin",
    "gesundheit",
    "ekg",
    "ecg",
    "langzeit",
    "schwester",
    "pfleger",
    "empfang",
    "anmeldung",
    "sprechstunde",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn lacks(text: &str) -> Vec<Lack> {
        Password::new(Zeroizing::new(text.to_owned()), "anna.bell").err().unwrap_or_default()
    }

    /// K03: at least 11 characters with upper and lower case, digit and special character.
    #[test]
    fn k03_each_part_of_the_rule_is_named() {
        assert_eq!(lacks("Gruen7-Kiesel"), []);
        assert_eq!(lacks("Gruen7-Kie"), [Lack::Length], "ten characters");
        assert_eq!(lacks("Gruen7-Kies"), [], "eleven");
        assert_eq!(lacks("gruen7-kiesel"), [Lack::Upper]);
        assert_eq!(lacks("GRUEN7-KIESEL"), [Lack::Lower]);
        assert_eq!(lacks("Gruen-Kiesel-"), [Lack::Digit]);
        assert_eq!(lacks("Gruen7Kiesel9"), [Lack::Special]);
        assert_eq!(lacks(""), [Lack::Length, Lack::Upper, Lack::Lower, Lack::Digit, Lack::Special]);
        assert_eq!(lacks("Äpfel7 Öl ßü"), [], "letters of any script count, and a space is special");
        assert_eq!(lacks(&format!("Aa1-{}", "x".repeat(MAX_BYTES))), [Lack::TooLong]);
    }

    #[test]
    fn decoration_does_not_make_a_common_word_good() {
        for common in
            ["Password123!", "P@ssw0rd2026!", "Passwort!2026", "Qwertz12345!", "Sommer-2026!!", "Anna.Bell-2026"]
        {
            assert_eq!(lacks(common), [Lack::Common], "{common}");
        }
        assert_eq!(lacks("Im Sommer 7 Kiesel gesammelt"), [], "a sentence with such a word in it is fine");
    }

    #[test]
    fn strength_grows_with_length_and_variety() {
        let strength = |text: &str| Password::new(Zeroizing::new(text.to_owned()), "x").unwrap().strength();
        assert_eq!(strength("Aa1-aaaaaaaaaa"), Strength::Fair);
        assert!(strength("Gruen7-Kiesel-Topf") >= Strength::Good);
        assert_eq!(strength("Im Sommer 7 Kiesel gesammelt"), Strength::Strong);
        let shown = format!("{:?}", Password::new(Zeroizing::new("Gruen7-Kiesel".to_owned()), "x"));
        assert!(!shown.contains("Kiesel"));
    }
}
