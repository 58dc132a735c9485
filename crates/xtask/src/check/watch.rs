//! What on-call people look at: alerts that are right by themselves (`promtool`), a page for each, a dashboard that can be
//! drawn. That the numbers in them exist is for a test of the running server to say (`tests/e2e/tests/it/numbers.rs`).

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::tree;
use crate::work::Work;

const RULES: &str = "infra/alerts/siegel.rules.yml";
const TESTS: &str = "infra/alerts/siegel.tests.yml";
const RUNBOOKS: &str = "infra/runbooks/";
const DASHBOARDS: &str = "infra/dashboards/";

pub(crate) fn run(work: &mut Work) -> Result<String> {
    work.run(tree::program("promtool").args(["check", "rules", "--lint=all", "--lint-fatal", RULES]))?;
    work.run(tree::program("promtool").args(["test", "rules", TESTS]))?;
    let alerts = alerts(work)?;
    let panels = dashboards(work)?;
    Ok(format!("{alerts} alerts, {panels} panels"))
}

/// Each alert has a page and cases in which it fires and doesn't; each page has an alert. Answers with how many there are.
fn alerts(work: &mut Work) -> Result<usize> {
    let (rules, tests) = (tree::text(RULES)?.unwrap_or_default(), tree::text(TESTS)?.unwrap_or_default());
    let named: BTreeSet<&str> = after(&rules, "- alert: ").collect();
    let pointed: BTreeSet<&str> = after(&rules, "runbook: ").collect();
    let written: BTreeSet<_> = tree::files()?
        .into_iter()
        .filter(|file| file.starts_with(RUNBOOKS) && file.ends_with(".md") && !file.ends_with("README.md"))
        .collect();
    let written: BTreeSet<&str> = written.iter().map(String::as_str).collect();
    let mut wrong: Vec<_> = pointed.difference(&written).map(|page| format!("{page} is not there")).collect();
    wrong.extend(written.difference(&pointed).map(|page| format!("{page} belongs to no alert")));
    let (alerts, pages) = (rules.matches("- alert: ").count(), rules.matches("runbook: ").count());
    if alerts != pages {
        wrong.push(format!("{RULES}: {alerts} rules and {pages} lines `runbook:`"));
    }
    for alert in &named {
        let cases = after(&tests, "alertname: ").filter(|case| case.split([',', ' ', '}']).next() == Some(*alert));
        let quiet = cases.clone().filter(|case| case.contains("exp_alerts: []")).count();
        let fires = cases.count() - quiet;
        if fires == 0 || quiet == 0 {
            wrong.push(format!(
                "{TESTS}: {alert} fires in {fires} cases and keeps quiet in {quiet}; both have to be shown"
            ));
        }
    }
    work.say(&format!("alerts: {named:?}"))?;
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    Ok(named.len())
}

/// What follows `key` on the lines that have it.
fn after<'a>(text: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> + Clone {
    text.lines().filter_map(move |line| Some(line.split_once(key)?.1.trim()))
}

/// Every panel says what it shows, in which unit, and asks something that Prometheus can read. Answers with how many.
fn dashboards(work: &mut Work) -> Result<usize> {
    let (mut wrong, mut rules, mut panels) = (Vec::new(), Vec::new(), 0);
    for file in tree::files()?.iter().filter(|file| file.starts_with(DASHBOARDS) && file.ends_with(".json")) {
        let dashboard: Value = serde_json::from_str(&tree::text(file)?.unwrap_or_default())
            .with_context(|| format!("{file} is not JSON"))?;
        let all = dashboard["panels"].as_array().with_context(|| format!("{file} has no panels"))?;
        let mut ids = BTreeSet::new();
        for panel in all {
            let title = panel["title"].as_str().unwrap_or_default();
            let mut want = |what: &str, there: bool| {
                if !there {
                    wrong.push(format!("{file}: panel \"{title}\" {what}"));
                }
            };
            want("needs a title", !title.is_empty());
            want("has the number of another one", ids.insert(panel["id"].to_string()));
            if panel["type"] == "row" {
                continue;
            }
            panels += 1;
            let said = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
            want("says nothing of what it shows (description)", said(&panel["description"]));
            want("has no unit", said(&panel["fieldConfig"]["defaults"]["unit"]));
            want("names a source of its own instead of $datasource", panel["datasource"]["uid"] == "${datasource}");
            let asked = panel["targets"].as_array().map(Vec::as_slice).unwrap_or_default();
            want("asks nothing", !asked.is_empty());
            for target in asked {
                want("has a line without a name", said(&target["legendFormat"]));
                let query = target["expr"].as_str().unwrap_or_default();
                // What Grafana puts in.
                let query = query.replace("$__rate_interval", "5m").replace("$instance", ".*");
                want("uses a variable that nobody fills", !query.contains('$'));
                rules.push(json!({ "record": format!("panel:{}", rules.len()), "expr": query }));
            }
        }
    }
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    // promtool reads queries in rules only; JSON is YAML.
    let scratch = tree::target().join("xtask").join("dashboards.rules.yml");
    std::fs::write(&scratch, json!({ "groups": [{ "name": "dashboards", "rules": rules }] }).to_string())?;
    work.run(tree::program("promtool").args(["check", "rules"]).arg(scratch))?;
    Ok(panels)
}

#[cfg(test)]
mod tests {
    use super::after;

    #[test]
    fn values_are_read_from_both_ways_of_writing_yaml() {
        let text = "  - alert: One\n    # - none\n  - { alertname: One, exp_alerts: [] }\n  - alertname: Two\n";
        assert_eq!(after(text, "- alert: ").collect::<Vec<_>>(), ["One"]);
        assert_eq!(after(text, "alertname: ").collect::<Vec<_>>(), ["One, exp_alerts: [] }", "Two"]);
    }
}
