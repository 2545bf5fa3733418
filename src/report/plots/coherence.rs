//! How much of what the channels hear do they hear in common, over frequency and pair by pair?

use ndarray::Array2;

use super::axes::Axes;
use super::colour_map;
use super::font;
use super::levels::shade_dropped;
use super::look::{self, AXIS_PX, BLUE, GREY, INK, PALE, SMALL_PX, faded};
use super::picture::{Align, Frame, Label, Level, Picture, Stroke};
use crate::locate::Outcome;
use crate::site::Site;

pub(super) fn draw(site: &Site, outcome: &Outcome) -> Picture {
    let evidence = &outcome.evidence;
    if outcome.pairs.is_empty() || evidence.coherence2.len() < 2 {
        return look::note("Coherence: nothing to show", "no two sensors on one clock were compared");
    }
    let mut coherences: Vec<f64> = outcome.pairs.iter().map(|p| p.coherence).filter(|c| c.is_finite()).collect();
    coherences.sort_by(f64::total_cmp);
    let median = coherences.get(coherences.len() / 2).copied().unwrap_or(f64::NAN);
    let title = match median {
        m if m < 0.1 => format!("The channels share little sound: median pair coherence {m:.2}"),
        m => format!("The channels share sound: median pair coherence {m:.2}"),
    };
    let subtitle = "Left: mean squared coherence of all pairs over the band (purple: bins dropped). Right: coherence of \
                    every pair.";
    let mut picture = look::sheet(&title, subtitle);
    over_frequency(&mut picture, outcome);
    by_pair(&mut picture, site, outcome);
    picture
}

fn over_frequency(picture: &mut Picture, outcome: &Outcome) {
    let evidence = &outcome.evidence;
    let count = evidence.band_frequency_hz.len().min(evidence.coherence2.len());
    let highest = evidence.coherence2.iter().copied().filter(|c| c.is_finite()).fold(0.0, f64::max);
    let top = (highest * 1.1).clamp(0.02, 1.0);
    let lowest = evidence.coherence2.iter().copied().filter(|c| c.is_finite()).fold(0.0, f64::min);
    let x = [evidence.band_frequency_hz[0] * 1e-3, evidence.band_frequency_hz[count - 1] * 1e-3];
    let axes = Axes { frame: Frame::new(118.0, look::TOP_PX + 8.0, 740.0, 920.0), x, y: [lowest * 1.1, top] };
    axes.grid(picture);
    let used = (&evidence.band_frequency_hz[..], &evidence.bin_used[..]);
    shade_dropped(picture, &axes, used, axes.frame.top, axes.frame.bottom, 0.35);
    let points = (0..count).map(|k| [evidence.band_frequency_hz[k] * 1e-3, evidence.coherence2[k]]);
    axes.curve(picture, points, Stroke::new(BLUE, 1.5));
    axes.scales(picture, "frequency (kHz)", "mean squared coherence");
}

fn by_pair(picture: &mut Picture, site: &Site, outcome: &Outcome) {
    let count = site.sensors.len();
    let mut coherence = Array2::from_elem((count, count), f64::NAN);
    for pair in outcome.pairs.iter().filter(|p| p.a < count && p.b < count) {
        coherence[[pair.a, pair.b]] = pair.coherence;
        coherence[[pair.b, pair.a]] = pair.coherence;
    }
    let names: Vec<&str> = site.sensors.iter().map(|s| s.id.as_str()).collect();
    matrix(picture, &names, &coherence, 800.0);
}

/// The coherence of every pair, from `left` to the right edge of the sheet; not a number where two were not compared.
pub(super) fn matrix(picture: &mut Picture, names: &[&str], coherence: &Array2<f64>, left: f64) {
    let count = names.len();
    let highest = coherence.iter().copied().filter(|c| c.is_finite()).fold(0.0, f64::max);
    let top = (highest * 1.02).clamp(0.05, 1.0);
    let matrix: Vec<f64> = coherence.iter().map(|c| c / top).collect();
    let ids: Vec<String> = names.iter().map(|id| font::name_within(id, SMALL_PX, 96.0, false)).collect();
    let longest = ids.iter().map(|id| font::width_px(id, SMALL_PX, false)).fold(0.0, f64::max);
    let (left, right) = (left + longest + 14.0, 1478.0);
    let side = (right - left).min(920.0 - look::TOP_PX - 40.0);
    let frame = Frame::new(left, look::TOP_PX + 40.0, left + side, look::TOP_PX + 40.0 + side);
    picture.rectangle(frame, Some(PALE), None);
    picture.image(frame, colour_map::image(count, count, |x, y| matrix[y * count + x]));
    picture.rectangle(frame, None, Some(Stroke::new(INK, 1.0)));
    let cell = side / count as f64;
    // Every second, third, … name where a row is lower than a line of text.
    let skip = (1.25 * SMALL_PX / cell).ceil().max(1.0) as usize;
    let turned = longest > cell - 6.0;
    for (i, id) in ids.iter().enumerate().step_by(skip) {
        let middle = (i as f64 + 0.5) * cell;
        let beside = [frame.left - 8.0, frame.top + middle];
        picture.label(Label::new(id.clone(), beside, SMALL_PX).align(Align::End, Level::Middle));
        let below = [frame.left + middle, frame.bottom + 10.0];
        let label = Label::new(id.clone(), below, SMALL_PX);
        picture.label(if turned {
            label.align(Align::End, Level::Middle).turned()
        } else {
            label.align(Align::Middle, Level::Top)
        });
        if cell > 46.0 {
            write_values(picture, &matrix[i * count..(i + 1) * count], frame, cell, i, top);
        }
    }
    let name = "coherence of each pair (grey: not compared)";
    picture.label(Label::new(name, [frame.left, frame.top - 14.0], AXIS_PX).colour(GREY));
    let bar = Frame::new(frame.right + 24.0, frame.top + 30.0, frame.right + 42.0, frame.top + 330.0);
    look::colour_bar(picture, bar, [0.0, top], "0…1");
}

fn write_values(picture: &mut Picture, row: &[f64], frame: Frame, cell: f64, i: usize, top: f64) {
    for (j, share) in row.iter().enumerate().filter(|(_, s)| s.is_finite()) {
        let at = [frame.left + (j as f64 + 0.5) * cell, frame.top + (i as f64 + 0.5) * cell];
        let colour = if *share > 0.55 { INK } else { faded(look::WHITE, 0.95) };
        let label = Label::new(format!("{:.2}", share * top), at, SMALL_PX);
        picture.label(label.align(Align::Middle, Level::Middle).colour(colour));
    }
}
