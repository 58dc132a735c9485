//! Each promise (C01 … K08) has a row in docs/requirements.md, and each row names tests that exist.
//!
//! A row is `| C05 | … | … | `c05_report_goes_back_to_the_sender` |`; tests that show a promise begin with its id. Both
//! ways: a row without such a test says "not yet", a test without a row is refused.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, anyhow, bail};

use crate::tree;
use crate::work::Work;

const TABLE: &str = "docs/requirements.md";

pub(crate) fn run(_: &mut Work) -> Result<String> {
    if !tree::root().join(TABLE).is_file() {
        bail!("{TABLE} is missing: it says where each promise is kept, and which test shows it");
    }
    let table = tree::text(TABLE)?.ok_or_else(|| anyhow!("{TABLE} is not text"))?;
    let mut tests = BTreeSet::new();
    for file in tree::files()?.iter().filter(|file| file.ends_with(".rs") && !file.starts_with("crates/xtask/")) {
        tests.extend(test_names(&tree::text(file)?.unwrap_or_default()));
    }
    let rows = rows(&table);
    let wrong = judge(&rows, &tests);
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

/// Test functions (the attribute stands on one of the few lines before) whose names begin with a promise's id.
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
            if attributed && names_a_promise(name) {
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
    fn only_functions_that_are_tests_count() {
        let source = "fn c01_helper() {}\n#[test]\nfn c02_one() {}\n#[tokio::test]\n#[ignore]\nasync fn c03_two() {}\n\
            #[test]\nfn other() {}\nfn c04_not_a_test() {}\n";
        assert_eq!(test_names(source), names(&["c02_one", "c03_two"]));
    }
}
