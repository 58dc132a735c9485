//! Each promise (C01 … K08) has a row in docs/requirements.md, and each row names tests that exist.
//!
//! A row is `| C05 | … | … | `c05_report_goes_back_to_the_sender` |`; tests that show a promise begin with its id. Both
//! ways: a row without such a test says "not yet", a test without a row is refused. docs/threat-model.md names tests, too:
//! each exists, and each row of its table of attacks names one or says what is to come.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, anyhow, bail};

use crate::tree;
use crate::work::Work;

const TABLE: &str = "docs/requirements.md";
const THREATS: &str = "docs/threat-model.md";
/// The heading above the table whose rows are held to it.
const ATTACKS: &str = "## Attack classes";

pub(crate) fn run(_: &mut Work) -> Result<String> {
    if !tree::root().join(TABLE).is_file() {
        bail!("{TABLE} is missing: it says where each promise is kept, and which test shows it");
    }
    let table = tree::text(TABLE)?.ok_or_else(|| anyhow!("{TABLE} is not text"))?;
    let mut all = BTreeSet::new();
    for file in tree::files()?.iter().filter(|file| file.ends_with(".rs") && !file.starts_with("crates/xtask/")) {
        all.extend(test_names(&tree::text(file)?.unwrap_or_default()));
    }
    let tests: BTreeSet<_> = all.iter().filter(|name| names_a_promise(name)).cloned().collect();
    let rows = rows(&table);
    let mut wrong = judge(&rows, &tests);
    wrong.extend(judge_threats(&tree::text(THREATS)?.unwrap_or_default(), &all));
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    let shown = rows.values().filter(|row| !row.tests.is_empty()).count();
    Ok(format!("{shown} of {} promises shown by {} tests", rows.len(), tests.len()))
}

#[derive(Default)]
struct Row {
    tests: BTreeSet<String>,
    not_yet: bool,
}

fn rows(table: &str) -> BTreeMap<String, Row> {
    let mut rows = BTreeMap::<String, Row>::new();
    for line in table.lines().filter(|line| line.starts_with('|')) {
        let id = line.trim_start_matches('|').split('|').next().unwrap_or_default().trim().trim_matches('*');
        if !is_id(&id.to_ascii_lowercase()) {
            continue;
        }
        let row = rows.entry(id.to_owned()).or_default();
        row.not_yet |= line.contains("not yet");
        // Between backticks: every second piece. Paths and types stand there too, so only names like tests count.
        let quoted = line.split('`').skip(1).step_by(2);
        row.tests.extend(quoted.filter(|name| names_a_promise(name)).map(String::from));
    }
    rows
}

fn judge(rows: &BTreeMap<String, Row>, tests: &BTreeSet<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    if rows.is_empty() {
        wrong.push(format!("{TABLE} has no row that begins with an id such as C01"));
    }
    for (id, row) in rows {
        let gone = row.tests.iter().filter(|name| !tests.contains(*name));
        wrong.extend(gone.map(|name| format!("{TABLE}: {id} names {name}, which is no test in the tree")));
        if row.tests.is_empty() && !row.not_yet {
            wrong.push(format!("{TABLE}: {id} names no test; name one, or say \"not yet\""));
        }
    }
    for name in tests {
        let id = name[..3].to_ascii_uppercase();
        if !rows.get(&id).is_some_and(|row| row.tests.contains(name)) {
            wrong.push(format!("{name} is a test for {id}, but {TABLE} does not name it there"));
        }
    }
    wrong
}

/// Tests that the threat model names and nobody wrote, and attacks that it shows by nothing.
fn judge_threats(text: &str, tests: &BTreeSet<String>) -> Vec<String> {
    let looks_like_a_test = |name: &&str| {
        name.matches('_').count() >= 3 && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
    };
    let named = |line: &str| -> Vec<String> {
        line.split('`').skip(1).step_by(2).filter(looks_like_a_test).map(String::from).collect()
    };
    let gone = named(text).into_iter().filter(|name| !tests.contains(name));
    let mut wrong: Vec<String> = gone.map(|name| format!("{THREATS} names {name}, which is no test")).collect();
    let section = text.split(ATTACKS).nth(1).unwrap_or_default().split("\n## ").next().unwrap_or_default();
    let rows: Vec<_> = section.lines().filter(|line| line.starts_with('|')).skip(2).collect();
    if rows.is_empty() {
        wrong.push(format!("{THREATS} has no table below \"{ATTACKS}\""));
    }
    let unshown = rows.iter().filter(|row| named(row).is_empty() && !row.contains("to come"));
    wrong.extend(unshown.map(|row| format!("{THREATS}: no test, and not \"to come\": {row}")));
    wrong
}

/// Test functions: the attribute stands on one of the few lines before.
fn test_names(source: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut attributed = false;
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[") {
            attributed |= line.contains("test");
            continue;
        }
        let signature = line.trim_start_matches("pub ").trim_start_matches("async ");
        if let Some(rest) = signature.strip_prefix("fn ") {
            let name = rest.split(['(', '<']).next().unwrap_or_default();
            if attributed {
                names.insert(name.to_owned());
            }
        }
        if !line.starts_with("//") {
            attributed = false;
        }
    }
    names
}

fn names_a_promise(name: &str) -> bool {
    name.len() > 4
        && name.is_ascii()
        && is_id(&name[..3])
        && name.as_bytes()[3] == b'_'
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

/// `c01`: the letter of a list of promises and two digits.
fn is_id(text: &str) -> bool {
    matches!(text.as_bytes(), [b'c' | b'r' | b'm' | b'i' | b'k', b'0'..=b'9', b'0'..=b'9'])
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "| id | promise | kept in | shown by |\n|---|---|---|---|\n\
        | C05 | back to the sender | `services/upload` | `c05_report_goes_back`, `c05_only_if_wished` |\n\
        | K08 | lost device | – | not yet |\n";

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn rows_and_tests_that_agree_are_fine() {
        assert_eq!(judge(&rows(TABLE), &names(&["c05_report_goes_back", "c05_only_if_wished"])), Vec::<String>::new());
    }

    #[test]
    fn a_named_test_that_is_gone_and_a_test_nobody_names_are_found() {
        let wrong = judge(&rows(TABLE), &names(&["c05_report_goes_back", "r01_sealed_before_it_leaves"]));
        assert_eq!(wrong.len(), 2, "{wrong:?}");
    }

    #[test]
    fn a_row_without_a_test_has_to_say_so() {
        assert_eq!(judge(&rows("| C01 | x | y | |\n"), &BTreeSet::new()).len(), 1);
    }

    #[test]
    fn the_threat_model_names_what_there_is_and_leaves_no_attack_unshown() {
        let text = "## Attack classes\n| a | b |\n|---|---|\n| swap | `f31_keys_are_not_swapped` |\n| links | to come |\n\
            | cut | |\n| flip | `f29_bits_are_not_flipped` |\n\n## Other\n| x | |\n";
        let wrong = judge_threats(text, &names(&["f31_keys_are_not_swapped"]));
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        assert!(wrong[0].contains("f29_bits_are_not_flipped") && wrong[1].contains("| cut"), "{wrong:?}");
        assert_eq!(judge_threats("", &BTreeSet::new()).len(), 1, "the table can't go unnoticed");
    }

    #[test]
    fn only_functions_that_are_tests_count() {
        let source = "fn c01_helper() {}\n#[test]\nfn c02_one() {}\n#[tokio::test]\n#[ignore]\nasync fn c03_two() {}\n\
            #[test]\nfn other() {}\nfn c04_not_a_test() {}\n";
        assert_eq!(test_names(source), names(&["c02_one", "c03_two", "other"]));
    }
}
