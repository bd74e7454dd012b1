//! A soak's samples as a picture: one panel a quantity, time from left to right.

use std::{fmt::Write as _, fs::File, io::Write as _, path::PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// What to draw.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What `torture --only soak --report` has kept.
    report: PathBuf,
    /// The picture, an SVG.
    picture: PathBuf,
}

/// Key of a sample, and what it is called.
const PANELS: [(&str, &str); 4] = [
    ("rss_kib", "resident memory, KiB"),
    ("files", "open files"),
    ("p50_us", "median answer, µs"),
    ("p99_us", "99th percentile of answers, µs"),
];
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 110.0;
const LEFT: f64 = 80.0;
const GAP: f64 = 40.0;

/// Draws the picture.
///
/// # Errors
/// When the report has no samples of a soak.
pub(crate) fn draw(args: &Args) -> Result<()> {
    let report: Value = serde_json::from_reader(File::open(&args.report)?)?;
    let samples = report["parts"]["soak"]["figures"]["samples"].as_array().context("no samples of a soak")?;
    let picture = svg(samples)?;
    Ok(File::create(&args.picture)?.write_all(picture.as_bytes())?)
}

fn svg(samples: &[Value]) -> Result<String> {
    let column = |key: &str| -> Result<Vec<f64>> {
        samples.iter().map(|sample| sample[key].as_f64().with_context(|| format!("no {key}"))).collect()
    };
    let seconds = column("at_s")?;
    ensure!(seconds.len() > 1, "a line takes two samples");
    let height = (HEIGHT + GAP) * PANELS.len() as f64 + GAP;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        LEFT + WIDTH + 20.0
    );
    for (number, (key, title)) in PANELS.iter().enumerate() {
        let top = GAP + (HEIGHT + GAP) * number as f64;
        panel(&mut text, title, &seconds, &column(key)?, top)?;
    }
    text.push_str("</svg>\n");
    Ok(text)
}

fn panel(text: &mut String, title: &str, seconds: &[f64], values: &[f64], top: f64) -> Result<()> {
    let most = values.iter().copied().fold(1.0, f64::max);
    let last = seconds.last().copied().unwrap_or(1.0).max(1.0);
    let bottom = top + HEIGHT;
    let points = seconds
        .iter()
        .zip(values)
        .map(|(at, value)| format!("{:.1},{:.1}", LEFT + at / last * WIDTH, bottom - value / most * HEIGHT));
    let points: Vec<String> = points.collect();
    writeln!(text, "<text x=\"{LEFT}\" y=\"{}\">{title}</text>", top - 8.0)?;
    writeln!(text, "<path d=\"M{LEFT} {top}V{bottom}H{}\" fill=\"none\" stroke=\"#999\"/>", LEFT + WIDTH)?;
    writeln!(text, "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{most:.0}</text>", LEFT - 6.0, top + 10.0)?;
    writeln!(text, "<text x=\"{}\" y=\"{bottom}\" text-anchor=\"end\">0</text>", LEFT - 6.0)?;
    let right = LEFT + WIDTH;
    writeln!(
        text,
        "<text x=\"{right}\" y=\"{}\" text-anchor=\"end\">{:.0} min</text>",
        bottom + 14.0,
        last / 60.0
    )?;
    writeln!(text, "<polyline fill=\"none\" stroke=\"#06c\" points=\"{}\"/>", points.join(" "))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_quantity_has_its_line() {
        let sample = |at: u64| serde_json::json!({"at_s": at, "rss_kib": 9000 + at, "files": 20, "p50_us": 90, "p99_us": 300});
        let picture = svg(&[sample(0), sample(60), sample(120)]).unwrap();
        assert_eq!(picture.matches("<polyline").count(), PANELS.len());
        assert!(picture.contains("2 min"), "{picture}");
        assert!(svg(&[sample(0)]).is_err());
    }
}
