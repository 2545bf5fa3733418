//! Does every pair of sensors hear the sound arrive when the answer says it should?

use super::axes::{Axes, decimals, number, ticks};
use super::font;
use super::look::{self, AXIS_PX, BLUE, GREY, INK, LEAK, PALE, faded};
use super::picture::{Align, Frame, Label, Level, Picture, Stroke};
use crate::locate::{Outcome, PairCorrelation, Verdict};
use crate::site::Site;

/// More panels than this are too small to judge.
const PANELS_MOST: usize = 36;

/// Half the window around the expected delay, in units of one over the bandwidth: the peak is about one unit wide.
const WINDOW_WIDTHS: f64 = 14.0;

pub(super) fn draw(site: &Site, outcome: &Outcome) -> Picture {
    let drawable = |c: &PairCorrelation| c.value.len() > 1 && c.step_s > 0.0 && c.implied_s.is_finite();
    let mut shown: Vec<usize> = (0..outcome.pairs.len().min(outcome.evidence.correlations.len()))
        .filter(|i| drawable(&outcome.evidence.correlations[*i]))
        .collect();
    if shown.is_empty() {
        return look::note("Correlations: nothing to show", "no pair of sensors on one clock was correlated");
    }
    let all = shown.len();
    let width_s = 1.0 / (outcome.band_hz[1] - outcome.band_hz[0]).max(1.0);
    let window_s = WINDOW_WIDTHS * width_s;
    let agree = shown
        .iter()
        .filter(|i| peak_s(&outcome.evidence.correlations[**i], window_s).is_some_and(|off_s| off_s.abs() <= width_s))
        .count();
    shown.sort_by(|a, b| outcome.pairs[*b].coherence.total_cmp(&outcome.pairs[*a].coherence));
    shown.truncate(PANELS_MOST);
    let answer = match outcome.leaks.len() {
        _ if outcome.verdict != Verdict::Leak => "the best candidate",
        1 => "the leak",
        _ => "leak 1",
    };
    let title = match (agree, all) {
        (1, 1) => format!("The only pair peaks at the delay that {answer} implies"),
        (_, 1) => format!("The only pair does not peak at the delay that {answer} implies"),
        _ => format!("{agree} of {all} pairs peak at the delay that {answer} implies"),
    };
    let which =
        if all > PANELS_MOST { format!("The {PANELS_MOST} most coherent of {all} pairs. ") } else { String::new() };
    let subtitle = format!(
        "{which}Correlation (blue) and its envelope (grey) over delay; vermillion: the delay implied. \
         Each panel has its own height; number: the pair’s coherence."
    );
    let mut picture = look::sheet(&title, &subtitle);
    let (columns, rows) = grid(shown.len());
    let area = Frame::new(look::MARGIN_PX, look::TOP_PX - 4.0, 1564.0, 946.0);
    let (cell_w, cell_h) = (area.width() / columns as f64, area.height() / rows as f64);
    for (i, pair) in shown.into_iter().enumerate() {
        let (left, top) = (area.left + (i % columns) as f64 * cell_w, area.top + (i / columns) as f64 * cell_h);
        let frame = Frame::new(left + 7.0, top + 30.0, left + cell_w - 7.0, top + cell_h - 26.0);
        panel(&mut picture, site, outcome, pair, frame, window_s);
    }
    let middle = [(area.left + area.right) / 2.0, 958.0];
    let name = "delay, arrival at the first sensor minus arrival at the second (ms)";
    picture.label(Label::new(name, middle, AXIS_PX).align(Align::Middle, Level::Top).colour(GREY));
    picture
}

/// Columns and rows of panels about twice as wide as high.
fn grid(count: usize) -> (usize, usize) {
    let columns = ((count as f64 * 0.9).sqrt().ceil() as usize).clamp(1, 6).min(count);
    (columns, count.div_ceil(columns))
}

/// Where the envelope peaks within the window, relative to the implied delay, seconds.
fn peak_s(correlation: &PairCorrelation, window_s: f64) -> Option<f64> {
    let offset_s = |i: usize| correlation.first_s + i as f64 * correlation.step_s - correlation.implied_s;
    let envelope =
        correlation.envelope.iter().enumerate().filter(|(i, e)| e.is_finite() && offset_s(*i).abs() <= window_s);
    envelope.max_by(|a, b| a.1.total_cmp(b.1)).map(|(i, _)| offset_s(i))
}

fn panel(picture: &mut Picture, site: &Site, outcome: &Outcome, pair: usize, frame: Frame, window_s: f64) {
    let correlation = &outcome.evidence.correlations[pair];
    let PairCorrelation { first_s, step_s, implied_s, .. } = *correlation;
    let x = [(implied_s - window_s) * 1e3, (implied_s + window_s) * 1e3];
    let inside = |i: usize| (first_s + i as f64 * step_s - implied_s).abs() <= window_s + step_s;
    let view = |values: &[f32]| -> Vec<[f64; 2]> {
        let visible = values.iter().enumerate().filter(|(i, _)| inside(*i));
        visible.map(|(i, v)| [(first_s + i as f64 * step_s) * 1e3, f64::from(*v)]).collect()
    };
    let (value, envelope) = (view(&correlation.value), view(&correlation.envelope));
    let highest = value.iter().chain(&envelope).map(|p| p[1].abs()).filter(|y| y.is_finite()).fold(1e-9, f64::max);
    let axes = Axes { frame, x, y: [-1.08 * highest, 1.08 * highest] };
    let zero = axes.y_px(0.0);
    picture.line([[frame.left, zero], [frame.right, zero]], Stroke::new(PALE, 1.0));
    let implied = axes.x_px(implied_s * 1e3);
    picture.line([[implied, frame.top], [implied, frame.bottom]], Stroke::new(faded(LEAK, 0.85), 2.0));
    for sign in [1.0, -1.0] {
        let side = envelope.iter().map(|p| [p[0], sign * p[1]]);
        axes.curve(picture, side, Stroke::new(faded(GREY, 0.75), 1.2));
    }
    axes.curve(picture, value, Stroke::new(BLUE, 1.5));
    picture.rectangle(frame, None, Some(Stroke::new(faded(GREY, 0.6), 1.0)));
    let marks = ticks(x, (frame.width() / 46.0) as usize);
    let places = decimals(&marks);
    for mark in &marks {
        let x_px = axes.x_px(*mark);
        picture.line([[x_px, frame.bottom], [x_px, frame.bottom + 4.0]], Stroke::new(INK, 1.0));
        let text = number(*mark, places);
        // A number at the very edge would run into its neighbour's.
        let half = font::width_px(&text, 12.5, false) / 2.0;
        if x_px - half > frame.left - 4.0 && x_px + half < frame.right + 4.0 {
            let label = Label::new(text, [x_px, frame.bottom + 8.0], 12.5);
            picture.label(label.align(Align::Middle, Level::Top).colour(GREY));
        }
    }
    heading(picture, site, outcome, pair, frame);
}

/// The pair's names, the coherence, and the correlation at the panel's top.
fn heading(picture: &mut Picture, site: &Site, outcome: &Outcome, pair: usize, frame: Frame) {
    let record = &outcome.pairs[pair];
    let coherence = if record.used { format!("{:.2}", record.coherence) } else { "not used".to_owned() };
    let size = 14.5;
    let room = frame.width() - font::width_px(&coherence, size, false) - 34.0;
    let id = |i: usize| site.sensors.get(i).map_or("", |s| &s.id);
    let [a, b] = [record.a, record.b].map(|i| font::name_within(id(i), size, room / 2.0, true));
    let names = format!("{a} – {b}");
    picture.label(Label::new(names, [frame.left, frame.top - 8.0], size).bold());
    let label = Label::new(coherence, [frame.right, frame.top - 8.0], size);
    picture.label(label.align(Align::End, Level::Baseline).colour(GREY));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_panel_has_a_cell() {
        for count in 1..=PANELS_MOST {
            let (columns, rows) = grid(count);
            assert!(columns * rows >= count && columns * (rows - 1) < count, "{count}");
        }
    }

    #[test]
    fn the_peak_is_looked_for_inside_the_window_only() {
        let mut envelope = vec![0.0f32; 100];
        envelope[52] = 0.5;
        envelope[90] = 0.9;
        let correlation =
            PairCorrelation { first_s: -0.5, step_s: 0.01, value: envelope.clone(), envelope, implied_s: 0.0 };
        assert!((peak_s(&correlation, 0.1).unwrap() - 0.02).abs() < 1e-9);
    }
}
