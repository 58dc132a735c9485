//! Lists as columns. In a pipe the columns are separated by tabs, so that `cut` and `awk` can read them.

use std::io::IsTerminal as _;

use super::Ui;

/// Rows under headings.
pub(crate) struct Table {
    headings: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings, by their keys.
    pub(crate) fn new(ui: &Ui, headings: &[&str]) -> Self {
        let headings = headings.iter().map(|key| ui.text(key, &[])).collect();
        Self { headings, rows: Vec::new() }
    }

    /// Adds a row, a cell for each heading.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        // A cell may come from a sender: no line break or escape code reaches the terminal.
        let clean = |cell: String| cell.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        self.rows.push(cells.into_iter().map(clean).collect());
    }

    /// Prints it; `empty` is said when there are no rows.
    pub(crate) fn print(&self, ui: &Ui, empty: &str) {
        if ui.json {
            return;
        }
        if self.rows.is_empty() {
            ui.note(empty, &[]);
            return;
        }
        if !std::io::stdout().is_terminal() {
            for row in &self.rows {
                ui.line(&row.join("\t"));
            }
            return;
        }
        for line in self.lines() {
            ui.line(&line);
        }
    }

    fn lines(&self) -> Vec<String> {
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.chain([self.headings[column].chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.headings.len()).map(width).collect();
        let line = |cells: &[String]| {
            let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        std::iter::once(line(&self.headings)).chain(self.rows.iter().map(|row| line(row))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::Lang;

    #[test]
    fn columns_line_up_and_control_characters_do_not_pass() {
        let ui = Ui::new(Lang::En, false, true);
        let mut table = Table::new(&ui, &["head-name", "head-state"]);
        table.row(["Praxis Müller".to_owned(), "active".to_owned()]);
        table.row(["x\u{1b}[2J".to_owned(), "y\nz".to_owned()]);
        let lines = table.lines();
        assert_eq!(lines[1], "Praxis Müller  active");
        assert!(!lines.join("").contains(['\u{1b}', '\n']));
        let column = |line: &str, text: &str| line.split(text).next().map(|before| before.chars().count());
        assert_eq!(column(&lines[2], "y"), column(&lines[1], "active"));
    }
}
