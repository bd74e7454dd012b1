//! What was measured, and what was to be reached, as they are kept and printed.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::{machine, series::Series};

/// What one command measured.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Section {
    pub(crate) title: String,
    /// What was asked, and how.
    pub(crate) about: String,
    pub(crate) machine: String,
    pub(crate) rows: Vec<Row>,
    pub(crate) goals: Vec<Goal>,
    /// What has columns of its own.
    #[serde(default)]
    pub(crate) tables: Vec<Table>,
    #[serde(default)]
    pub(crate) plots: Vec<Plot>,
    /// What could not be measured, and why.
    pub(crate) skipped: Vec<String>,
}

/// One contender doing one thing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) what: String,
    /// How it is reached, and by how many.
    pub(crate) way: String,
    pub(crate) who: String,
    /// Microseconds.
    pub(crate) p50: Series,
    /// Microseconds.
    pub(crate) p99: Series,
    pub(crate) per_second: Series,
    /// Ports that were given twice, where that is counted.
    pub(crate) duplicates: Option<Series>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Table {
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

/// What is drawn beside the page: lines or bars.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Plot {
    /// Its name, without an end.
    pub(crate) file: String,
    pub(crate) title: String,
    pub(crate) x: String,
    pub(crate) y: String,
    pub(crate) lines: Vec<Line>,
    pub(crate) bars: Vec<(String, f64)>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

impl Plot {
    pub(crate) fn new(file: &str, title: &str) -> Self {
        Self { file: file.to_owned(), title: title.to_owned(), ..Self::default() }
    }
}

/// A number to reach.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Goal {
    pub(crate) what: String,
    pub(crate) bound: Bound,
    pub(crate) unit: String,
    pub(crate) got: Series,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    pub(crate) fn new(what: impl Into<String>, bound: Bound, unit: &str, got: Series) -> Self {
        Self { what: what.into(), bound, unit: unit.to_owned(), got }
    }

    /// By the median of the rounds.
    pub(crate) fn is_reached(&self) -> bool {
        match self.bound {
            Bound::AtLeast(bound) => self.got.median() >= bound,
            Bound::AtMost(bound) => self.got.median() <= bound,
        }
    }
}

impl Section {
    /// Nothing yet, on this machine, now.
    pub(crate) fn new(title: &str) -> Self {
        Self { title: title.to_owned(), machine: machine::described(), ..Self::default() }
    }

    pub(crate) fn row(&self, what: &str, way: &str, who: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.what == what && row.way == way && row.who == who)
    }

    /// The row of a contender, made at its first round.
    pub(crate) fn row_mut(&mut self, what: &str, way: &str, who: &str) -> &mut Row {
        let is_it = |row: &Row| row.what == what && row.way == way && row.who == who;
        let index = self.rows.iter().position(is_it).unwrap_or_else(|| {
            let (what, way, who) = (what.to_owned(), way.to_owned(), who.to_owned());
            self.rows.push(Row { what, way, who, ..Row::default() });
            self.rows.len() - 1
        });
        &mut self.rows[index]
    }

    /// Bars of all who did the same thing.
    pub(crate) fn draw_rows(
        &mut self,
        file: &str,
        title: &str,
        x: &str,
        (what, way): (&str, &str),
        of: fn(&Row) -> &Series,
    ) {
        let mut plot = Plot::new(file, title);
        plot.x = x.to_owned();
        let rows = self.rows.iter().filter(|row| row.what == what && row.way == way);
        plot.bars = rows.map(|row| (row.who.clone(), of(row).median())).collect();
        self.plots.push(plot);
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("## {}\n\n{}\n\n{}.\n\n", self.title, self.about, self.machine);
        if !self.goals.is_empty() {
            text.push_str("| goal | asked for | median | min–max | reached |\n|---|---|---|---|---|\n");
            self.goals.iter().for_each(|goal| text.push_str(&goal.markdown()));
            text.push('\n');
        }
        for plot in &self.plots {
            let _infallible = writeln!(text, "![{}](performance/{}.svg)\n", plot.title, plot.file);
        }
        self.tables.iter().for_each(|table| text.push_str(&table.markdown()));
        if !self.rows.is_empty() {
            text.push_str(
                "| what | way | who | p50 µs (min–max) | p99 µs | per second (min–max) | duplicates |\n",
            );
            text.push_str("|---|---|---|---|---|---|---|\n");
        }
        self.rows.iter().for_each(|row| text.push_str(&row.markdown()));
        for skipped in &self.skipped {
            let _infallible = write!(text, "\nNot measured: {skipped}.\n");
        }
        text
    }
}

impl Goal {
    fn markdown(&self) -> String {
        let Self { what, unit, got, .. } = self;
        let bound = match self.bound {
            Bound::AtLeast(bound) => format!("≥ {}{unit}", digits(bound)),
            Bound::AtMost(bound) => format!("≤ {}{unit}", digits(bound)),
        };
        let (median, least, most) = (digits(got.median()), digits(got.least()), digits(got.most()));
        let reached = if self.is_reached() { "yes" } else { "**no**" };
        format!("| {what} | {bound} | {median}{unit} | {least}–{most} | {reached} |\n")
    }
}

impl Row {
    fn markdown(&self) -> String {
        let spread = |series: &Series| match series.0.len() {
            0 => "–".to_owned(),
            _ => {
                format!("{} ({}–{})", digits(series.median()), digits(series.least()), digits(series.most()))
            }
        };
        let p99 = if self.p99.0.is_empty() { "–".to_owned() } else { digits(self.p99.median()) };
        let duplicates = self.duplicates.as_ref().map_or_else(|| "–".to_owned(), |all| digits(all.sum()));
        let Self { what, way, who, .. } = self;
        let (p50, per_second) = (spread(&self.p50), spread(&self.per_second));
        format!("| {what} | {way} | {who} | {p50} | {p99} | {per_second} | {duplicates} |\n")
    }
}

impl Table {
    fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        format!("{}{}\n{rows}\n", line(&self.head), "|---".repeat(self.head.len()) + "|")
    }
}

/// With a comma between thousands.
pub(crate) fn thousands(number: usize) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", thousands(number / 1000), number % 1000),
    }
}

/// Three digits of a small number, all of a large one.
pub(crate) fn digits(number: f64) -> String {
    let decimals = match number.abs() {
        0.0 => 0,
        size if size < 1.0 => 3,
        size if size < 10.0 => 2,
        size if size < 100.0 => 1,
        _ => 0,
    };
    format!("{number:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_judged_by_its_median() {
        let got = || Series(vec![1.0, 2.0, 30.0]);
        assert!(Goal::new("", Bound::AtMost(2.0), "", got()).is_reached());
        assert!(!Goal::new("", Bound::AtMost(1.9), "", got()).is_reached());
        assert!(Goal::new("", Bound::AtLeast(2.0), "", got()).is_reached());
        assert!(!Goal::new("", Bound::AtLeast(2.1), "", got()).is_reached());
        // Nothing measured is nothing reached.
        assert!(!Goal::new("", Bound::AtMost(1.0), "", Series::default()).is_reached());
    }

    #[test]
    fn numbers_have_three_digits() {
        assert_eq!([0, 999, 1000, 50_020].map(thousands), ["0", "999", "1,000", "50,020"]);
        let table = [(0.0, "0"), (0.1234, "0.123"), (1.234, "1.23"), (12.34, "12.3"), (12345.6, "12346")];
        for (number, text) in table {
            assert_eq!(digits(number), text);
        }
    }

    #[test]
    fn a_row_is_kept_over_rounds() {
        let mut section = Section::default();
        section.row_mut("get", "Unix", "x").p50.push(1.0);
        section.row_mut("get", "TCP", "x").p50.push(2.0);
        section.row_mut("get", "Unix", "x").p50.push(3.0);
        assert_eq!(section.row("get", "Unix", "x").unwrap().p50, Series(vec![1.0, 3.0]));
        assert_eq!(section.rows.len(), 2);
        assert!(section.markdown().contains("| get | Unix | x | 2.00 (1.00–3.00) | – | – | – |"));
    }
}
