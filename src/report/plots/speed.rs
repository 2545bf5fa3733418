//! How fast the FFT core is over lengths, and how near each stage comes to what the machine allows.

use super::axes::{Axes, decimals, number, ticks};
use super::look::{self, AXIS_PX, CURVES, GREY, INK, LEAK, PALE, SKY, SMALL_PX, TICK_PX};
use super::picture::{Align, Frame, Label, Level, Picture, Stroke};
use crate::report::speed::{of_pass, totals};
use crate::speed::{CoreRow, FloorRow, Spread};

/// The length that titles speak of: that of most captures.
const USUAL: usize = 8192;

/// Name of a candidate, and its time.
type Candidate = (&'static str, fn(&CoreRow) -> &Spread);

/// In the order of the legend at the right end of the curves.
const CANDIDATES: [Candidate; 4] = [
    ("16 channels at once", |row| &row.across_channels),
    ("realfft", |row| &row.realfft),
    ("rustfft, complex", |row| &row.complex),
    ("two in one", |row| &row.two_in_one),
];

pub(super) fn draw_core(core: &[CoreRow]) -> Picture {
    let ratio = |row: &CoreRow| 100.0 * row.across_channels.median_s / row.realfft.median_s;
    let (least, most) = core.iter().map(ratio).fold((f64::INFINITY, 0.0), |(a, b), x| (x.min(a), x.max(b)));
    let usual = core.iter().find(|row| row.length == USUAL).or(core.last());
    let usual = usual.map_or(String::new(), |row| format!(", {:.0} % at {} points", ratio(row), row.length));
    let title = format!("16 channels at once take {least:.0} to {most:.0} % of realfft's time a channel{usual}");
    let subtitle = "One thread; median of nine rounds, bars from least to most. Window and telling channels apart included at once, realfft and complex bare.";
    let mut picture = look::sheet(&title, subtitle);
    let log = |row: &CoreRow| (row.length as f64).log2();
    let ns = |row: &CoreRow, seconds: f64| seconds * 1e9 / row.length as f64;
    let highest = core.iter().flat_map(|row| CANDIDATES.map(|(_, time)| ns(row, time(row).most_s)));
    // One round of a busy machine must not flatten all curves.
    let typical = core.iter().flat_map(|row| CANDIDATES.map(|(_, time)| ns(row, time(row).median_s)));
    let top = (1.4 * typical.fold(0.0, f64::max)).min(1.08 * highest.fold(0.0, f64::max)).max(1e-3);
    let (first, last) = (core.first().map_or(0.0, log), core.last().map_or(1.0, log));
    let frame = Frame::new(128.0, look::TOP_PX + 10.0, 1330.0, 900.0);
    let axes = Axes { frame, x: [first - 0.2, last + 0.2], y: [0.0, top] };
    for row in core {
        let x_px = axes.x_px(log(row));
        picture.line([[x_px, frame.top], [x_px, frame.bottom]], Stroke::new(PALE, 1.0));
        // Neighbours an eighth of a factor apart would run into each other.
        let (at, level) = ([x_px, frame.bottom + 11.0], Level::Top);
        let lowered = row.length.is_power_of_two();
        let at = if lowered { at } else { [at[0], at[1] + 22.0] };
        picture.label(Label::new(row.length.to_string(), at, TICK_PX).align(Align::Middle, level));
    }
    let mut ends = Vec::new();
    for ((name, time), colour) in CANDIDATES.into_iter().zip([LEAK, CURVES[0], CURVES[2], CURVES[5]]) {
        let points = core.iter().map(|row| [log(row), ns(row, time(row).median_s)]);
        axes.curve(&mut picture, points, Stroke::new(colour, 3.0));
        for row in core {
            let [low, high] = [time(row).least_s, time(row).most_s].map(|s| axes.y_px(ns(row, s).min(top)));
            let [x, y] = axes.px(log(row), ns(row, time(row).median_s));
            picture.line([[x, low], [x, high]], Stroke::new(colour, 1.4));
            picture.disc([x, y], 5.0, Some(colour), None);
        }
        let end = core.last().map_or(0.0, |row| ns(row, time(row).median_s));
        ends.push((axes.y_px(end), name, colour));
    }
    // Names beside the ends of their curves, apart from each other.
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut above = f64::NEG_INFINITY;
    for (y, name, colour) in ends {
        above = y.max(above + 24.0);
        let label = Label::new(name, [frame.right + 14.0, above], AXIS_PX).bold().colour(colour);
        picture.label(label.align(Align::Start, Level::Middle));
    }
    vertical(&mut picture, &axes, "time for each sample of a channel (ns)");
    let below = [(frame.left + frame.right) / 2.0, frame.bottom + 58.0];
    let label = Label::new("points of a transform", below, AXIS_PX).align(Align::Middle, Level::Top);
    picture.label(label.colour(GREY));
    picture
}

/// Frame, numbers and name of the left-hand scale.
fn vertical(picture: &mut Picture, axes: &Axes, name: &str) {
    let frame = axes.frame;
    picture.rectangle(frame, None, Some(Stroke::new(INK, 1.2)));
    let marks = ticks(axes.y, (frame.height() / 55.0) as usize);
    let places = decimals(&marks);
    for y in marks {
        let y_px = axes.y_px(y);
        picture.line([[frame.left, y_px], [frame.right, y_px]], Stroke::new(PALE, 1.0));
        let text = number(y, places);
        let text = Label::new(text, [frame.left - 11.0, y_px], TICK_PX);
        picture.label(text.align(Align::End, Level::Middle));
    }
    let beside = [frame.left - 72.0, (frame.top + frame.bottom) / 2.0];
    let name = Label::new(name, beside, AXIS_PX).align(Align::Middle, Level::Baseline);
    picture.label(name.turned().colour(GREY));
}

pub(super) fn draw_floor(floor: &[FloorRow]) -> Picture {
    let pass = of_pass(floor);
    let [least_s, took_s] = totals(pass);
    let lost = |row: &FloorRow| row.measured.median_s - row.floor_s;
    let most = pass.iter().max_by(|a, b| lost(a).total_cmp(&lost(b)));
    let title = match most {
        None => "no stage was measured".into(),
        Some(row) => {
            format!("The pass takes {:.1} times this machine's least; most is lost in {}", took_s / least_s, row.name)
        }
    };
    let subtitle = "One thread, medians. Dark: the least, by bytes and operations needed and limits of the same run; of the verdict it is one map alone. Pale: as it took.";
    let mut picture = look::sheet(&title, subtitle);
    let frame = Frame::new(430.0, look::TOP_PX + 20.0, 1480.0, 880.0);
    let most_ms = floor.iter().map(|row| 1e3 * row.measured.median_s.max(row.floor_s)).fold(1e-6, f64::max);
    let axes = Axes { frame, x: [0.0, 1.18 * most_ms], y: [floor.len().max(1) as f64, 0.0] };
    for x in ticks(axes.x, 12) {
        picture.line([[axes.x_px(x), frame.top], [axes.x_px(x), frame.bottom]], Stroke::new(PALE, 1.0));
    }
    for (i, row) in floor.iter().enumerate() {
        let [top, bottom] = [0.25, 0.75].map(|part| axes.y_px(i as f64 + part));
        let [least, took] = [row.floor_s, row.measured.median_s].map(|s| axes.x_px(1e3 * s));
        picture.rectangle(Frame::new(frame.left, top, took, bottom), Some(SKY), None);
        picture.rectangle(Frame::new(frame.left, top, least, bottom), Some(CURVES[0]), None);
        let middle = (top + bottom) / 2.0;
        let name = Label::new(row.name, [frame.left - 14.0, middle], AXIS_PX).align(Align::End, Level::Middle);
        picture.label(name);
        if i < pass.len() {
            let times = format!("{:.1} ×", row.measured.median_s / row.floor_s);
            let at = [took.max(least) + 12.0, middle - 10.0];
            picture.label(Label::new(times, at, AXIS_PX).bold().align(Align::Start, Level::Middle));
        }
        let took_ms = 1e3 * row.measured.median_s;
        let (figures, down) = match i < pass.len() {
            true => (format!("{:.0} of {took_ms:.0} ms", 1e3 * row.floor_s), 14.0),
            false => (format!("{took_ms:.0} ms"), 0.0),
        };
        let at = [took.max(least) + 12.0, middle + down];
        picture.label(Label::new(figures, at, SMALL_PX).colour(GREY).align(Align::Start, Level::Middle));
    }
    picture.rectangle(frame, None, Some(Stroke::new(INK, 1.2)));
    let marks = ticks(axes.x, 12);
    let places = decimals(&marks);
    for x in marks {
        let text = Label::new(number(x, places), [axes.x_px(x), frame.bottom + 11.0], TICK_PX);
        picture.label(text.align(Align::Middle, Level::Top));
    }
    let below = [(frame.left + frame.right) / 2.0, frame.bottom + 40.0];
    picture.label(Label::new("time (ms)", below, AXIS_PX).align(Align::Middle, Level::Top).colour(GREY));
    picture
}
