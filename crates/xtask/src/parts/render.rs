//! Fills in the templates of `infra/`: `{{name}}` becomes a value. Nothing else: a template stays readable as what it is.

use anyhow::{Context, Result, bail};

use crate::tree;

/// A template of the tree, filled in. A placeholder without a value and a value without a placeholder are errors: either is
/// a setting that somebody believes to be in force.
pub(crate) fn template(file: &str, values: &[(&str, &str)]) -> Result<String> {
    let text = std::fs::read_to_string(tree::root().join(file)).with_context(|| format!("read {file}"))?;
    fill(&text, values).with_context(|| format!("fill in {file}"))
}

fn fill(text: &str, values: &[(&str, &str)]) -> Result<String> {
    let mut unused: Vec<_> = values.iter().map(|(name, _)| *name).collect();
    let (mut filled, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").context("{{ without }}")?;
        filled.push_str(before);
        // An ellipsis is how a comment speaks of placeholders.
        if name == "…" {
            filled.push_str("{{…}}");
        } else {
            let Some((_, value)) = values.iter().find(|(known, _)| *known == name) else {
                bail!("nothing is given for {{{{{name}}}}}");
            };
            filled.push_str(value);
            unused.retain(|known| *known != name);
        }
        rest = after;
    }
    if !unused.is_empty() {
        bail!("no placeholder for {}", unused.join(", "));
    }
    filled.push_str(rest);
    Ok(filled)
}

/// `NAME=value` lines, for programs that are set up by variables; lines that begin with # say why.
pub(crate) fn variables(text: &str) -> Result<Vec<(String, String)>> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let pairs = lines.map(|line| line.split_once('=').with_context(|| format!("no = in {line}")));
    pairs.map(|pair| pair.map(|(name, value)| (name.to_owned(), value.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_is_filled_and_every_value_used() {
        assert_eq!(fill("a {{x}} b {{y}}{{x}}", &[("x", "1"), ("y", "2")]).unwrap(), "a 1 b 21");
        assert!(fill("{{x}} {{z}}", &[("x", "1")]).unwrap_err().to_string().contains("{{z}}"));
        assert!(fill("{{x}}", &[("x", "1"), ("y", "2")]).unwrap_err().to_string().contains('y'));
        assert!(fill("{{x", &[("x", "1")]).is_err());
        assert_eq!(fill("# {{…}} is filled in", &[]).unwrap(), "# {{…}} is filled in");
    }

    #[test]
    fn variables_keep_their_equals_signs_and_lose_their_comments() {
        let read = variables("# why\nA=1\n\n B=x=y \n").unwrap();
        assert_eq!(read, [("A".into(), "1".into()), ("B".into(), "x=y".into())]);
        assert!(variables("A").is_err());
    }
}
