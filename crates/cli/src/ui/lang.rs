//! German and English, from one Fluent catalogue in `locales/`. Texts are compiled in; tests hold both languages complete
//! and every key that the code uses present.

use std::borrow::Cow;
use std::collections::HashMap;

use fluent_templates::fluent_bundle::FluentValue;
use fluent_templates::{Loader as _, static_loader};
use unic_langid::{LanguageIdentifier, langid};

static_loader! {
    static CATALOGUE = {
        locales: "./locales",
        fallback_language: "en",
        customise: |bundle| bundle.set_use_isolating(false),
    };
}

static GERMAN: LanguageIdentifier = langid!("de");
static ENGLISH: LanguageIdentifier = langid!("en");

/// Values for a text's places.
pub(crate) type Args<'a> = &'a [(&'static str, &'a dyn std::fmt::Display)];

/// A language of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lang {
    /// Deutsch
    De,
    /// English
    En,
}

impl Lang {
    /// From `de`, `de-AT`, `de_DE.UTF-8`, `german` …; nothing for languages that are not there.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        match text.split(['-', '_', '.', '@']).next().unwrap_or_default() {
            "de" | "german" | "deutsch" => Some(Self::De),
            "en" | "english" | "englisch" => Some(Self::En),
            _ => None,
        }
    }

    /// What the options, the environment, the configuration and the system say, in this order; English otherwise.
    /// The options are read from the raw arguments, since `--help` has to speak the language too.
    pub(crate) fn choose(arguments: &[String], configured: Option<Self>) -> Self {
        let mut option = None;
        let mut arguments = arguments.iter().map(String::as_str).take_while(|argument| *argument != "--");
        while let Some(argument) = arguments.next() {
            if argument == "--lang" {
                option = arguments.next().or(option);
            } else if let Some(value) = argument.strip_prefix("--lang=") {
                option = Some(value);
            }
        }
        let environment = std::env::var("SIEGEL_LANG").ok();
        option
            .and_then(Self::parse)
            .or_else(|| environment.as_deref().and_then(Self::parse))
            .or(configured)
            .or_else(|| crate::os::locale().as_deref().and_then(Self::parse))
            .unwrap_or(Self::En)
    }

    fn id(self) -> &'static LanguageIdentifier {
        match self {
            Self::De => &GERMAN,
            Self::En => &ENGLISH,
        }
    }

    /// The text of a key, with its places filled; nothing if there is none.
    pub(crate) fn find(self, key: &str, args: Args<'_>) -> Option<String> {
        let values: HashMap<Cow<'static, str>, FluentValue<'_>> = args
            .iter()
            .map(|(name, value)| {
                let text = value.to_string();
                // Whole numbers choose between singular and plural; everything else is text as it is.
                let value = match text.parse::<u32>() {
                    Ok(number) if text == number.to_string() => FluentValue::from(number),
                    _ => FluentValue::from(text),
                };
                (Cow::Borrowed(*name), value)
            })
            .collect();
        CATALOGUE.try_lookup_with_args(self.id(), key, &values)
    }

    /// The text of a key that has to be there.
    pub(crate) fn text(self, key: &str, args: Args<'_>) -> String {
        self.find(key, args).unwrap_or_else(|| format!("[{key}]"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn keys(language: &str) -> BTreeSet<String> {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("locales").join(language);
        let mut keys = BTreeSet::new();
        for file in std::fs::read_dir(dir).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            for line in text.lines() {
                let message = line.split_once('=').filter(|_| line.starts_with(|c: char| c.is_ascii_lowercase()));
                if let Some((key, _)) = message {
                    assert!(keys.insert(key.trim().to_owned()), "{language}: `{}` twice", key.trim());
                }
            }
        }
        keys
    }

    fn sources(dir: &Path, out: &mut Vec<String>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, out);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                out.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }

    #[test]
    fn both_languages_have_the_same_texts_with_the_same_places() {
        let (german, english) = (keys("de"), keys("en"));
        let missing: Vec<_> = german.symmetric_difference(&english).collect();
        assert!(missing.is_empty(), "in one language only: {missing:?}");
        assert!(german.len() > 100);
        let places = |language: &str| -> BTreeSet<String> {
            let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("locales").join(language);
            let mut places = BTreeSet::new();
            for file in std::fs::read_dir(dir).unwrap() {
                let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
                let mut key = String::new();
                for line in text.lines() {
                    if let Some((name, _)) =
                        line.split_once('=').filter(|_| line.starts_with(|c: char| c.is_ascii_lowercase()))
                    {
                        key = name.trim().to_owned();
                    }
                    for piece in line.split('$').skip(1) {
                        let name: String =
                            piece.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                        places.insert(format!("{key}:{name}"));
                    }
                }
            }
            places
        };
        let (german, english) = (places("de"), places("en"));
        let different: Vec<_> = german.symmetric_difference(&english).collect();
        assert!(different.is_empty(), "places that differ: {different:?}");
    }

    /// Every key that stands in the code as `say("key"`, `text("key"` … is in the catalogue.
    #[test]
    fn every_key_the_code_names_exists() {
        let known = keys("en");
        let mut code = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut code);
        let calls = [
            "say(\"",
            "note(\"",
            "warn(\"",
            "text(\"",
            "usage(\"",
            "step(\"",
            "done(\"",
            "fact(\"",
            "secret(\"",
            "confirm(\"",
        ];
        let mut missing = BTreeSet::new();
        for text in &code {
            let production = text.split("#[cfg(test)]").next().unwrap_or_default();
            for call in calls {
                for piece in production.split(call).skip(1) {
                    let key = piece.split('"').next().unwrap_or_default();
                    if key.contains('-') && !key.contains(' ') && !known.contains(key) {
                        missing.insert(key.to_owned());
                    }
                }
            }
        }
        assert!(missing.is_empty(), "not in the catalogue: {missing:?}");
    }

    /// All problem codes of the platform and all error words of the SDK have a sentence and a next step.
    #[test]
    fn every_error_has_a_sentence_and_a_next_step() {
        let known = keys("en");
        let codes = siegel_client::Code::ALL.iter().map(|code| format!("problem-{}", code.as_str()));
        let own = siegel_client::Error::KEYS.iter().map(|key| (*key).to_owned());
        for key in codes.chain(own) {
            assert!(known.contains(&format!("error-{key}")), "error-{key} is missing");
            assert!(known.contains(&format!("next-{key}")), "next-{key} is missing");
        }
    }

    #[test]
    fn languages_are_recognised_however_the_system_writes_them() {
        for german in ["de", "de-AT", "de_DE.UTF-8", "DE", "german"] {
            assert_eq!(Lang::parse(german), Some(Lang::De), "{german}");
        }
        assert_eq!(Lang::parse("en_GB"), Some(Lang::En));
        assert_eq!(Lang::parse("C.UTF-8"), None);
        let arguments = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(Lang::choose(&arguments("siegel --lang de ls"), Some(Lang::En)), Lang::De);
        assert_eq!(Lang::choose(&arguments("siegel ls --lang=en"), Some(Lang::De)), Lang::En);
        assert_eq!(Lang::choose(&arguments("siegel put -- --lang=en"), Some(Lang::De)), Lang::De);
    }
}
