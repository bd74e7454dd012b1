//! Drawings of the kept numbers, as SVG with text as text. Whoever looks at one
//! in the dark gets light text: its colours come with it, as a style.

use anyhow::Result;
use plotters::{
    coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged},
    prelude::*,
};

use crate::report::{Plot, digits};

const SIZE: (u32, u32) = (760, 400);
const FONT: &str = "system-ui, sans-serif";
/// Told apart also by those who see colours differently.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];
/// What is drawn in black is drawn in what can be read.
const STYLE: &str = "<style>text{fill:#24292f}[stroke=\"#000000\"]{stroke:#57606a}\
                     @media(prefers-color-scheme:dark){text{fill:#e6edf3}[stroke=\"#000000\"]{stroke:#8b949e}}</style>";

/// The drawing as the text of an SVG file.
pub(crate) fn svg(plot: &Plot) -> Result<String> {
    let mut text = String::new();
    let root = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
    let drawn = if plot.bars.is_empty() { lines(plot, &root) } else { bars(plot, &root) };
    drawn.and_then(|()| root.present().map_err(|error| error.to_string())).map_err(anyhow::Error::msg)?;
    drop(root);
    let head = text.find('>').map_or(0, |at| at + 1);
    text.insert_str(head, STYLE);
    Ok(text)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

/// Both axes by factors, as sizes and times are.
fn lines(plot: &Plot, root: &Area<'_>) -> Result<(), String> {
    let said = |error: DrawingAreaErrorKind<_>| error.to_string();
    let points =
        || plot.lines.iter().flat_map(|line| &line.points).filter(|(_, y)| y.is_finite() && *y > 0.0);
    let (left, right) = ends(points().map(|(x, _)| *x));
    let (low, high) = ends(points().map(|(_, y)| *y));
    let mut chart = ChartBuilder::on(root)
        .caption(&plot.title, (FONT, 18))
        .margin(10)
        .set_label_area_size(LabelAreaPosition::Left, 60)
        .set_label_area_size(LabelAreaPosition::Bottom, 42)
        .build_cartesian_2d((left..right).log_scale(), (low / 1.5..high * 40.0).log_scale())
        .map_err(said)?;
    let mut mesh = chart.configure_mesh();
    mesh.disable_mesh().x_desc(&plot.x).y_desc(&plot.y).label_style((FONT, 13));
    let label = |value: &f64| digits(*value);
    mesh.x_label_formatter(&label).y_label_formatter(&label).draw().map_err(said)?;
    for (line, colour) in plot.lines.iter().zip(COLOURS.iter().cycle()) {
        let colour = *colour;
        let points: Vec<(f64, f64)> = line.points.iter().copied().filter(|(_, y)| *y > 0.0).collect();
        let series = LineSeries::new(points.clone(), colour.stroke_width(2)).point_size(3);
        let drawn = chart.draw_series(series).map_err(said)?.label(&line.name);
        drawn.legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(3)));
    }
    let mut legend = chart.configure_series_labels();
    legend.position(SeriesLabelPosition::UpperLeft).label_font((FONT, 13)).draw().map_err(said)
}

/// One below the other, each with its name and its number.
fn bars(plot: &Plot, root: &Area<'_>) -> Result<(), String> {
    let said = |error: DrawingAreaErrorKind<_>| error.to_string();
    let (low, high) = ends(plot.bars.iter().map(|(_, value)| *value).filter(|value| *value > 0.0));
    let low = low / 3.0;
    let count = f64::from(u32::try_from(plot.bars.len()).unwrap_or(u32::MAX));
    let mut chart = ChartBuilder::on(root)
        .caption(&plot.title, (FONT, 18))
        .margin(10)
        .margin_right(70)
        .set_label_area_size(LabelAreaPosition::Left, 250)
        .set_label_area_size(LabelAreaPosition::Bottom, 42)
        .build_cartesian_2d((low..high).log_scale(), Rows(count))
        .map_err(said)?;
    let label = |value: &f64| digits(*value);
    let name = |row: &f64| named(plot, *row);
    let mut mesh = chart.configure_mesh();
    mesh.disable_mesh().x_desc(&plot.x).label_style((FONT, 13)).y_labels(plot.bars.len());
    mesh.x_label_formatter(&label).y_label_formatter(&name).draw().map_err(said)?;
    for (row, (name, value)) in (0_u32..).map(f64::from).zip(&plot.bars) {
        let colour = if name.starts_with("portlease") { COLOURS[0] } else { RGBColor(140, 149, 159) };
        let middle = count - row - 0.5;
        let bar = Rectangle::new([(low, middle - 0.35), (*value, middle + 0.35)], colour.filled());
        let number = Text::new(format!(" {}", digits(*value)), (*value, middle + 0.15), (FONT, 13));
        chart.draw_series(std::iter::once(bar)).map_err(said)?;
        chart.draw_series(std::iter::once(number)).map_err(said)?;
    }
    Ok(())
}

/// The name of the bar whose middle is here.
fn named(plot: &Plot, middle: f64) -> String {
    let rows = (0_u32..).map(f64::from).zip(plot.bars.iter().rev());
    let found = rows.into_iter().find(|(row, _)| (row + 0.5 - middle).abs() < 0.01);
    found.map(|(_, (name, _))| name.clone()).unwrap_or_default()
}

fn ends(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) =
        values.fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), value| (low.min(value), high.max(value)));
    if low < high { (low, high) } else { (low.min(1.0), high.max(2.0)) }
}

/// An axis with a label in the middle of each row.
struct Rows(f64);

impl Ranged for Rows {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let along = f64::from(to - from) * value / self.0;
        #[expect(clippy::cast_possible_truncation, reason = "a pixel of a small drawing")]
        let along = along.round() as i32;
        from + along
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        (0_u32..).map(|row| f64::from(row) + 0.5).take_while(|middle| *middle < self.0).collect()
    }

    fn range(&self) -> std::ops::Range<f64> {
        0.0..self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Line;

    #[test]
    fn lines_are_drawn_with_their_names_as_text() {
        let mut plot = Plot::new("a", "p50 as leases grow");
        for name in ["get", "a <b> & c"] {
            let points = vec![(10.0, 50.0), (1000.0, 60.0), (9000.0, f64::NAN)];
            plot.lines.push(Line { name: name.to_owned(), points });
        }
        let svg = svg(&plot).unwrap();
        for part in
            ["<svg", "prefers-color-scheme:dark", "p50 as leases grow", "a &lt;b&gt; &amp; c", "</svg>"]
        {
            assert!(svg.contains(part), "{part} in {svg}");
        }
        // A line and its legend, each.
        for colour in ["#0072B2", "#D55E00"] {
            let drawn = svg.lines().filter(|line| line.starts_with("<polyline") && line.contains(colour));
            assert_eq!(drawn.count(), 2, "{svg}");
        }
    }

    #[test]
    fn bars_are_drawn_with_names_and_numbers() {
        let mut plot = Plot::new("a", "ports per second");
        plot.bars = vec![("portlease".to_owned(), 9000.0), ("portserver".to_owned(), 700.0)];
        let svg = svg(&plot).unwrap();
        for part in ["portlease", "portserver", "9000", "700"] {
            assert!(svg.contains(part), "{part} in {svg}");
        }
        assert!(svg.find("portlease").unwrap() < svg.len());
    }
}
