//! How loud is each channel at each frequency, and which part of that was used?

use ndarray::Array2;

use super::axes::Axes;
use super::font;
use super::look::{self, CURVES, DOUBT, GREY, INK, SKY, SMALL_PX, TICK_PX, faded};
use super::picture::{Align, Frame, Label, Level, Picture, Stroke};
use crate::locate::Outcome;
use crate::report::words::{printable, shortened};
use crate::site::Site;
use crate::units::power_db;

/// More curves than this are drawn without a legend.
const LEGEND_MOST: usize = 16;

/// What is drawn.
pub(super) struct Levels<'t> {
    pub title: String,
    pub subtitle: String,
    /// One a row of `density`.
    pub names: Vec<String>,
    pub frequency_hz: Vec<f64>,
    /// `[channel, bin]`.
    pub density: &'t Array2<f64>,
    pub band_hz: [f64; 2],
    /// Frequency of each bin of the band, and whether it was used.
    pub used: (&'t [f64], &'t [bool]),
}

pub(super) fn draw(site: &Site, outcome: &Outcome) -> Picture {
    let evidence = &outcome.evidence;
    let rows = evidence.levels.nrows();
    let kept = evidence.bin_used.iter().filter(|used| **used).count();
    let subtitle = format!(
        "Power spectral density of {rows} channels. Blue: analysed band, {kept} of {} bins used. Purple: bins dropped. {}",
        evidence.bin_used.len(),
        printable(&evidence.dropped.join("; ")),
    );
    let name = |row: usize| evidence.level_sensors.get(row).and_then(|i| site.sensors.get(*i)).map(|s| s.id.clone());
    of(&Levels {
        title: title(outcome, rows),
        subtitle,
        names: (0..rows).map(|row| name(row).unwrap_or_default()).collect(),
        frequency_hz: evidence.frequency_hz.clone(),
        density: &evidence.levels,
        band_hz: outcome.band_hz,
        used: (&evidence.band_frequency_hz, &evidence.bin_used),
    })
}

/// Of any channels.
pub(super) fn of(levels: &Levels<'_>) -> Picture {
    let (rows, bins) = levels.density.dim();
    let bins = bins.min(levels.frequency_hz.len());
    if rows == 0 || bins < 2 {
        return look::note("Levels: nothing to show", "no spectra were kept in this analysis");
    }
    let mut picture = look::sheet(&levels.title, &levels.subtitle);
    let legend = rows <= LEGEND_MOST;
    let right = if legend { 1390.0 } else { 1564.0 };
    let x = [levels.frequency_hz[0] * 1e-3, levels.frequency_hz[bins - 1] * 1e-3];
    let axes = Axes { frame: Frame::new(128.0, look::TOP_PX, right, 920.0), x, y: range_db(levels.density, bins) };
    axes.grid(&mut picture);
    shade_band(&mut picture, &axes, levels.band_hz);
    shade_dropped(&mut picture, &axes, levels.used, axes.frame.top, axes.frame.bottom, 0.30);
    let width = if legend { 1.5 } else { 0.8 };
    // Beyond one point a pixel column a curve only gets slower to draw.
    let group = bins.div_ceil(if legend { 2400 } else { 600 });
    for row in 0..rows {
        let colour = CURVES[row % CURVES.len()];
        let colour = if legend { colour } else { faded(colour, 0.45) };
        let dashed = legend && row >= CURVES.len();
        let stroke = if dashed { Stroke::dashed(colour, width) } else { Stroke::new(colour, width) };
        let points = (0..bins).step_by(group).map(|start| {
            let cells = start..(start + group).min(bins);
            // The maximum of a group keeps lines visible that a mean would drown.
            let power = cells.map(|k| levels.density[[row, k]]).fold(f64::NAN, f64::max);
            [levels.frequency_hz[start] * 1e-3, power_db(power)]
        });
        axes.curve(&mut picture, points, stroke);
        if legend {
            let y = axes.frame.top + 14.0 + row as f64 * 28.0;
            picture.line([[right + 22.0, y], [right + 58.0, y]], Stroke { width_px: 3.0, ..stroke });
            let id = font::name_within(&levels.names[row], TICK_PX, 130.0, false);
            picture.label(Label::new(id, [right + 66.0, y], TICK_PX).align(Align::Start, Level::Middle));
        }
    }
    axes.scales(&mut picture, "frequency (kHz)", "level (dB re full scale² / Hz)");
    picture
}

fn title(outcome: &Outcome, rows: usize) -> String {
    let faulty: Vec<String> = outcome
        .sensors
        .iter()
        .filter(|s| !s.faults.is_empty())
        .map(|s| format!("{} {}", shortened(&s.id, 16), s.faults.join(" and ")))
        .collect();
    match faulty.len() {
        0 => format!("All {rows} channels are alive and in order"),
        1..=3 => format!("Levels: {}; {rows} channels used", faulty.join(", ")),
        n => format!("Levels: {n} sensors faulty; {rows} channels used"),
    }
}

/// From a little under the quiet floor to a little over the loudest line; dead channels do not stretch the scale.
fn range_db(levels: &Array2<f64>, bins: usize) -> [f64; 2] {
    let mut db: Vec<f64> = levels
        .rows()
        .into_iter()
        .flat_map(|row| row.iter().take(bins).copied().map(power_db).collect::<Vec<_>>())
        .filter(|db| db.is_finite())
        .collect();
    if db.is_empty() {
        return [-160.0, -60.0];
    }
    db.sort_by(f64::total_cmp);
    let low = db[db.len() / 50];
    let high = db[db.len() - 1];
    let margin = 0.08 * (high - low).max(10.0);
    [low - 2.0 * margin, high + margin]
}

/// The analysed band in blue, with its edges named at the top.
fn shade_band(picture: &mut Picture, axes: &Axes, band_hz: [f64; 2]) {
    let [low, high] = band_hz.map(|hz| axes.x_px((hz * 1e-3).clamp(axes.x[0], axes.x[1])));
    let band = Frame::new(low, axes.frame.top, high, axes.frame.bottom);
    picture.rectangle(band, Some(faded(SKY, 0.16)), None);
    for (x, align, shift, hz) in [(low, Align::Start, 6.0, band_hz[0]), (high, Align::End, -6.0, band_hz[1])] {
        picture.line([[x, band.top], [x, band.bottom]], Stroke::dashed(faded(INK, 0.6), 1.2));
        if high - low > 140.0 {
            let text = format!("{:.1} kHz", hz * 1e-3);
            let at = [x + shift, band.top + 8.0];
            picture.label(Label::new(text, at, SMALL_PX).align(align, Level::Top).colour(GREY));
        }
    }
}

/// Stretches of bins that were not used, between two heights.
pub(super) fn shade_dropped(
    picture: &mut Picture,
    axes: &Axes,
    (frequency, used): (&[f64], &[bool]),
    top: f64,
    bottom: f64,
    opacity: f64,
) {
    let count = frequency.len().min(used.len());
    let half_hz = if count > 1 { (frequency[1] - frequency[0]) / 2.0 } else { 0.0 };
    let mut start = 0;
    for run in used[..count].chunk_by(|a, b| a == b) {
        let end = start + run.len();
        if !run[0] {
            let [left, right] = [frequency[start] - half_hz, frequency[end - 1] + half_hz]
                .map(|hz| axes.x_px((hz * 1e-3).clamp(axes.x[0], axes.x[1])));
            // A single bin may be thinner than a pixel, but must not vanish.
            let spare = (1.5 - (right - left)).max(0.0) / 2.0;
            let stripe = Frame::new(left - spare, top, right + spare, bottom);
            picture.rectangle(stripe, Some(faded(DOUBT, opacity)), None);
        }
        start = end;
    }
}
