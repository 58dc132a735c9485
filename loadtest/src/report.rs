//! The result: a table for a terminal, rows for docs/performance.md, or JSON.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::outcome::{Outcome, Ratio};

/// The head of the table in docs/performance.md.
const HEAD: &str = "| goal | what | baseline | figure, median (min-max) | goal's bound | CPU ours / baseline | verdict | seen |\n\
                    |---|---|---|---|---|---|---|---|";

/// The table for people at a terminal.
#[expect(clippy::print_stdout, reason = "printing the result is what this program is for")]
pub(crate) fn table(outcomes: &[Outcome]) {
    println!("\n{:<4} {:<62} {:>24} {:>12} {:>8}  verdict", "goal", "what", "median (min-max)", "bound", "CPU");
    for o in outcomes {
        let cpu = o.cpu_ratio.map_or_else(|| "-".to_owned(), |cpu| figure(cpu.median));
        let verdict = o.verdict.text();
        println!("{:<4} {:<62} {:>24} {:>12} {cpu:>8}  {verdict}", o.goal, o.what, range(o.ratio), o.target.text());
        println!("     beside: {}{}", o.baseline, seen(o).map_or_else(String::new, |seen| format!("; {seen}")));
    }
}

/// The rows for docs/performance.md.
#[expect(clippy::print_stdout, reason = "printing the result is what this program is for")]
pub(crate) fn markdown(outcomes: &[Outcome]) {
    println!("{HEAD}");
    for o in outcomes {
        let cpu = o.cpu_ratio.map_or_else(|| "-".to_owned(), range);
        let (target, verdict, seen) = (o.target.text(), o.verdict.text(), seen(o).unwrap_or_default());
        let (goal, what, baseline, ratio) = (o.goal, &o.what, &o.baseline, range(o.ratio));
        println!("| {goal} | {what} | {baseline} | {ratio} | {target} | {cpu} | {verdict} | {seen} |");
    }
}

/// An outcome in one line, for progress.
pub(crate) fn line(outcome: &Outcome) -> String {
    let cpu = outcome.cpu_ratio.map_or_else(String::new, |cpu| format!(", CPU {}", figure(cpu.median)));
    let (target, verdict, seen) = (outcome.target.text(), outcome.verdict.text(), seen(outcome).unwrap_or_default());
    format!("{}{cpu}; {target}: {verdict}; {seen}", range(outcome.ratio))
}

/// Everything, for programs.
pub(crate) fn json(outcomes: &[Outcome], file: &Path) -> Result<()> {
    let text = serde_json::to_string_pretty(outcomes)?;
    std::fs::write(file, text + "\n").with_context(|| format!("write {}", file.display()))
}

fn seen(outcome: &Outcome) -> Option<String> {
    let spread = outcome.baseline_spread.map(|spread| format!("baseline spread {:.0} %", spread * 100.0));
    let said: Vec<_> =
        [Some(outcome.note.clone()).filter(|note| !note.is_empty()), spread].into_iter().flatten().collect();
    (!said.is_empty()).then(|| said.join("; "))
}

fn range(ratio: Ratio) -> String {
    format!("{} ({}-{})", figure(ratio.median), figure(ratio.low), figure(ratio.high))
}

/// Three digits that count.
fn figure(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        1.0.. => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_three_digits() {
        assert_eq!([0.9714, 1.3049, 47.96, 312.4].map(figure), ["0.971", "1.30", "48.0", "312"]);
    }
}
