//! `report.html`: one file that holds the answer, the evidence to be explored, and a form for paper.
//!
//! Figures are plotly.js', whose script stands in the file. What is explored is data (`data`), drawn by `page.js`; what is
//! printed are the plots that stand beside it.

mod data;

use std::fmt::Write;

use super::json::word;
use super::plots;
use super::text::summary;
use super::words::{headline, printable};
use crate::locate::Outcome;
use crate::site::Site;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The page.
pub fn report_html(site: &Site, outcome: &Outcome) -> String {
    let headline = escaped(&headline(site, outcome));
    let name = if site.name.is_empty() { "pinhole".to_owned() } else { escaped(&printable(&site.name)) };
    let files: Vec<String> = outcome.capture.files.iter().map(|file| escaped(&printable(file))).collect();
    let text = summary(site, outcome, false);
    let mut page = PAGE.to_owned();
    let parts = [
        ("css", STYLE.to_owned()),
        ("title", format!("{name}: {headline}")),
        ("verdict", word(outcome.verdict).to_owned()),
        ("headline", headline),
        ("of", format!("{name} · {}", files.join(", "))),
        ("facts", facts(&text)),
        ("warnings", warnings(outcome)),
        ("map", plots::svg(plots::Plots::Map, site, outcome)),
        ("module", plots::image(plots::Plots::Module, site, outcome)),
        ("sensors", sensors(outcome)),
        ("settings", settings(outcome)),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("data", in_script(&data::data(site, outcome).to_string())),
        ("library", library()),
        ("js", SCRIPT.to_owned()),
    ];
    // Last first: what is put in is not looked through again.
    for (key, text) in parts.iter().rev() {
        let mark = format!("{{{{{key}}}}}");
        let places: Vec<usize> = page.match_indices(&mark).map(|(at, _)| at).collect();
        places.into_iter().rev().for_each(|at| page.replace_range(at..at + mark.len(), text));
    }
    page
}

/// plotly.js as a script element; what the crate holds beside it (for formulas) is left out.
fn library() -> String {
    let all = plotly::Plot::offline_js_sources();
    let end = all.find("</script>").map_or(all.len(), |at| at + "</script>".len());
    all[..end].to_owned()
}

/// Words of the summary with a minus before a number as the figures have it.
fn with_minus(text: &str) -> String {
    (0..10).fold(text.to_owned(), |text, digit| text.replace(&format!(" -{digit}"), &format!(" −{digit}")))
}

/// The rows of the summary, as a list of terms.
fn facts(summary: &str) -> String {
    let mut out = String::new();
    let summary = with_minus(summary);
    for line in summary.lines().skip(1).filter(|line| !line.trim_start().starts_with("warning:")) {
        match line.strip_prefix("  ").map(|line| line.split_at_checked(11)) {
            Some(Some((label, text))) if !label.trim().is_empty() => {
                write!(out, "<dt>{}</dt><dd>{}</dd>", escaped(label.trim()), escaped(text.trim()))
            }
            Some(Some((_, text))) => write!(out, "<dt></dt><dd>{}</dd>", escaped(text.trim())),
            _ => write!(out, "<dt></dt><dd><strong>{}</strong></dd>", escaped(line.trim())),
        }
        .expect("a string grows");
        out.push('\n');
    }
    out
}

fn warnings(outcome: &Outcome) -> String {
    if outcome.warnings.is_empty() {
        return String::new();
    }
    let items: String =
        outcome.warnings.iter().map(|w| format!("<li>{}</li>\n", escaped(&with_minus(&printable(w))))).collect();
    format!("<h2>Warnings</h2>\n<ul class=\"warnings\">\n{items}</ul>")
}

fn sensors(outcome: &Outcome) -> String {
    let number =
        |x: Option<f64>| x.filter(|x| x.is_finite()).map_or("–".to_owned(), |x| format!("{x:.1}").replace('-', "−"));
    let row = |s: &crate::locate::SensorReport| {
        format!(
            "<tr><td>{}</td><td class=\"number\">{}</td><td>{}</td><td>{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td></tr>\n",
            escaped(&printable(&s.id)),
            s.channel,
            if s.used { "yes" } else { "no" },
            s.faults.join(", "),
            number(Some(s.level_db)),
            number(s.snr_db)
        )
    };
    outcome.sensors.iter().map(row).collect()
}

fn settings(outcome: &Outcome) -> String {
    let capture = &outcome.capture;
    let [low, high] = outcome.band_hz.map(|hz| hz / 1e3);
    let rows = [
        ("band", format!("{low:.3} to {high:.3} kHz")),
        ("sample rate", format!("{} Hz", capture.sample_rate_hz)),
        ("stretch", format!("{:.3} s from {:.3} s on", capture.duration_s, capture.from_s)),
        ("segments", format!("{} samples, {:.0} averages", capture.segment_samples, capture.averages)),
        ("background", capture.background_files.join(", ")),
        ("false alarms allowed", format!("{} %", 100.0 * outcome.chance.allowed)),
    ];
    let shown = rows.into_iter().filter(|(_, text)| !text.is_empty());
    shown.map(|(label, text)| format!("<dt>{label}</dt><dd>{}</dd>\n", escaped(&printable(&text)))).collect()
}

/// Text as HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('{', "&#123;")
}

/// JSON that cannot end the script element it stands in.
fn in_script(json: &str) -> String {
    json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}
