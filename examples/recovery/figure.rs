//! The tables as one figure: what is said where nothing leaks and where something does, how many leaks are told, which faults
//! are named.

use plotters::prelude::*;

const WIDTH: u32 = 980;
const ROW: i32 = 24;
const LABELS: i32 = 400;
const RIGHT: i32 = 940;

const LEAK: RGBColor = RGBColor(213, 94, 0);
const UNSURE: RGBColor = RGBColor(190, 190, 196);
const QUIET: RGBColor = RGBColor(0, 114, 178);
const INK: RGBColor = RGBColor(34, 34, 38);

/// A bar: its label and the shares of its parts, per cent.
struct Bar {
    label: String,
    parts: Vec<f64>,
}

/// A heading, the parts' names with their colours, and bars.
struct Panel {
    heading: &'static str,
    parts: Vec<(&'static str, RGBColor)>,
    bars: Vec<Bar>,
}

/// An SVG of tables that the other commands print, as many as there are.
pub fn figure(tables: &str) -> String {
    let panels = [verdicts(tables), leaks(tables), faults(tables)];
    let shown: Vec<&Panel> = panels.iter().filter(|panel| !panel.bars.is_empty()).collect();
    let height: i32 = shown.iter().map(|panel| 74 + ROW * panel.bars.len() as i32).sum();
    let mut svg = String::new();
    {
        let sheet = SVGBackend::with_string(&mut svg, (WIDTH, height.max(80) as u32)).into_drawing_area();
        sheet.fill(&WHITE).expect("a string grows");
        let mut top = 30;
        for panel in shown {
            draw(&sheet, panel, top);
            top += 74 + ROW * panel.bars.len() as i32;
        }
        sheet.present().expect("a string grows");
    }
    svg
}

fn draw(sheet: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>, panel: &Panel, top: i32) {
    let text = |words: &str, at: (i32, i32), size: i32, colour: RGBColor| {
        let style = TextStyle::from(("DejaVu Sans, Verdana, sans-serif", size)).color(&colour);
        sheet.draw(&Text::new(words.to_owned(), at, style)).expect("a string grows");
    };
    let block = |from: (i32, i32), to: (i32, i32), colour: RGBColor| {
        sheet.draw(&Rectangle::new([from, to], colour.filled())).expect("a string grows");
    };
    text(panel.heading, (20, top - 16), 17, INK);
    let mut x = LABELS;
    for (name, colour) in &panel.parts {
        block((x, top + 7), (x + 12, top + 19), *colour);
        text(name, (x + 18, top + 7), 13, INK);
        x += 46 + 8 * name.len() as i32;
    }
    for (i, bar) in panel.bars.iter().enumerate() {
        let y = top + 28 + ROW * i as i32;
        text(&bar.label, (20, y + 4), 13, INK);
        let scale = f64::from(RIGHT - LABELS) / 100.0;
        let mut from = 0.0;
        for (share, (_, colour)) in bar.parts.iter().zip(&panel.parts) {
            let [left, right] = [from, from + share].map(|x: f64| LABELS + (x * scale).round() as i32);
            block((left, y), (right, y + ROW - 5), *colour);
            if *share >= 4.0 {
                let light = if *colour == UNSURE { INK } else { WHITE };
                text(&format!("{share}"), (left + 5, y + 4), 12, light);
            }
            from += share;
        }
    }
}

/// Rows of the tables whose head has this column, as cells.
fn rows<'t>(tables: &'t str, column: &str) -> Vec<Vec<&'t str>> {
    let mut found = Vec::new();
    let mut inside = false;
    for line in tables.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if line.starts_with("|   |") {
            inside = cells.contains(&column);
        } else if inside && cells.get(1).is_some_and(|number| number.parse::<u32>().is_ok()) {
            found.push(cells);
        }
    }
    found.sort_by_key(|cells| cells[1].parse::<u32>().unwrap_or(0));
    found
}

fn per_cent(cell: &str) -> f64 {
    cell.trim_end_matches('%').trim().parse().unwrap_or(0.0)
}

fn verdicts(tables: &str) -> Panel {
    let bar = |cells: Vec<&str>| {
        let level = if cells[3].parse::<f64>().is_ok() { format!(", {} dB", cells[3]) } else { String::new() };
        Bar { label: format!("{}{level}", cells[2]), parts: cells[4..7].iter().map(|c| per_cent(c)).collect() }
    };
    Panel {
        heading: "What is said, per cent of captures (8 sensors, 0.25 s)",
        parts: vec![("leak", LEAK), ("inconclusive", UNSURE), ("no leak", QUIET)],
        bars: rows(tables, "in the room").into_iter().map(bar).collect(),
    }
}

/// The sum of two whole numbers as a table has them.
fn sum(first: &str, second: &str) -> i64 {
    [first, second].iter().map(|number| number.parse::<i64>().expect("levels are whole decibels")).sum()
}

fn leaks(tables: &str) -> Panel {
    let bar = |cells: Vec<&str>| {
        // Of a second leak the table has its distance and how much louder it is than the first.
        let second = cells[6].strip_suffix(" dB").and_then(|second| second.split_once(", "));
        let told = match second {
            None => format!("one leak, {} dB", cells[4]),
            Some((apart, louder)) => format!("{} dB and {} dB, {apart} apart", cells[4], sum(cells[4], louder)),
        };
        let off = if cells[2] == "0" { String::new() } else { format!(", sensors {} mm off", cells[2]) };
        let echo = if cells[3] == "0.0" { String::new() } else { format!(", walls reflect {}", cells[3]) };
        let heard = if cells[5] == "0.25" { String::new() } else { format!(", {} s", cells[5]) };
        Bar { label: format!("{told}{off}{echo}{heard}"), parts: cells[7..10].iter().map(|c| per_cent(c)).collect() }
    };
    Panel {
        heading: "How many leaks are told, per cent of captures",
        parts: vec![("one", QUIET), ("two", LEAK), ("more", UNSURE)],
        bars: rows(tables, "second leak").into_iter().map(bar).collect(),
    }
}

fn faults(tables: &str) -> Panel {
    let bar = |cells: Vec<&str>| Bar { label: format!("{}: {}", cells[2], cells[3]), parts: vec![per_cent(cells[4])] };
    Panel {
        heading: "Sensors that lie: named rightly, per cent of captures",
        parts: vec![("named, or with no fault nobody accused", QUIET)],
        bars: rows(tables, "fault").into_iter().map(bar).collect(),
    }
}
