//! Was the sound steady, or did something happen during the capture?

use super::axes::Axes;
use super::colour_map;
use super::look;
use super::picture::{Frame, Picture, Stroke};
use crate::locate::{Outcome, Spectrogram};
use crate::units::power_db;

pub(super) fn draw(outcome: &Outcome) -> Picture {
    of(&outcome.evidence.spectrogram, outcome.band_hz, "the channels used", "analysed")
}

/// Of any sound; `channels` and `band` say in words what the mean is over and what the band is.
pub(super) fn of(spectrogram: &Spectrogram, band_hz: [f64; 2], channels: &str, band: &str) -> Picture {
    let (rows, columns) = spectrogram.power.dim();
    let [start_s, end_s] = spectrogram.time_s;
    let [low_hz, high_hz] = spectrogram.frequency_hz;
    if rows == 0 || columns == 0 || end_s <= start_s || high_hz <= low_hz {
        return look::note("Spectrogram: nothing to show", "no spectrogram was kept in this analysis");
    }
    let subtitle = format!("Power over time and frequency, mean over {channels}; dashed: edges of the {band} band.");
    let mut picture = look::sheet(&title(spectrogram, band_hz), &subtitle);
    let frame = Frame::new(118.0, look::TOP_PX, 1440.0, 920.0);
    let axes = Axes { frame, x: [start_s, end_s], y: [low_hz * 1e-3, high_hz * 1e-3] };
    let range = range_db(spectrogram);
    // No finer than the picture, and no coarser than it need be.
    let (width, height) = (columns.min(frame.width() as usize), rows.min(frame.height() as usize));
    picture.image(
        frame,
        colour_map::image(width, height, |x, y| {
            let row = span(height - 1 - y, height, rows);
            let column = span(x, width, columns);
            let count = row.len() * column.len();
            let cells = row.flat_map(|r| column.clone().map(move |c| f64::from(spectrogram.power[[r, c]])));
            let mean = cells.sum::<f64>() / count as f64;
            (power_db(mean) - range[0]) / (range[1] - range[0])
        }),
    );
    for hz in band_hz.into_iter().filter(|hz| (low_hz..=high_hz).contains(hz)) {
        let y = axes.y_px(hz * 1e-3);
        picture.line([[frame.left, y], [frame.right, y]], Stroke::new(look::faded(look::INK, 0.55), 3.0));
        picture.line([[frame.left, y], [frame.right, y]], Stroke::dashed(look::WHITE, 2.0));
    }
    axes.scales(&mut picture, "time (s)", "frequency (kHz)");
    let bar = Frame::new(1478.0, frame.top + 40.0, 1502.0, frame.bottom - 40.0);
    look::colour_bar(&mut picture, bar, range, "dB re FS²/Hz");
    picture
}

/// The source cells that one of `shown` cells stands for.
fn span(index: usize, shown: usize, cells: usize) -> std::ops::Range<usize> {
    index * cells / shown..((index + 1) * cells / shown).max(index * cells / shown + 1)
}

fn title(spectrogram: &Spectrogram, band_hz: [f64; 2]) -> String {
    let [start_s, end_s] = spectrogram.time_s;
    match spread_db(spectrogram, band_hz) {
        Some(db) if db <= 3.0 => {
            format!("Steady sound: the band’s level stays within {db:.1} dB over {:.2} s", end_s - start_s)
        }
        Some(db) => format!("Unsteady sound: the band’s level varies by {db:.0} dB over {:.2} s", end_s - start_s),
        None => format!("Sound over {:.2} s", end_s - start_s),
    }
}

/// Span of the in-band level between its 5th and 95th percentile over time, decibels.
fn spread_db(spectrogram: &Spectrogram, band_hz: [f64; 2]) -> Option<f64> {
    let Spectrogram { frequency_hz: [low, high], power, .. } = spectrogram;
    let rows = power.nrows();
    let frequency = |row: usize| low + (high - low) * (row as f64 + 0.5) / rows as f64;
    let inside: Vec<usize> = (0..rows).filter(|r| (band_hz[0]..=band_hz[1]).contains(&frequency(*r))).collect();
    let mut levels: Vec<f64> = power
        .columns()
        .into_iter()
        .map(|column| power_db(inside.iter().map(|r| f64::from(column[*r])).sum()))
        .filter(|db| db.is_finite())
        .collect();
    levels.sort_by(f64::total_cmp);
    let last = levels.len().checked_sub(1).filter(|last| *last >= 3)?;
    Some(levels[last * 19 / 20] - levels[last / 20])
}

/// From the median floor to the brightest line, 20 to 70 dB apart.
fn range_db(spectrogram: &Spectrogram) -> [f64; 2] {
    let mut db: Vec<f64> =
        spectrogram.power.iter().map(|p| power_db(f64::from(*p))).filter(|db| db.is_finite()).collect();
    if db.is_empty() {
        return [-160.0, -60.0];
    }
    db.sort_by(f64::total_cmp);
    let at = |share: f64| db[(share * (db.len() - 1) as f64) as usize];
    let high = at(0.999).ceil();
    let low = at(0.02).floor().max(high - 70.0).min(high - 20.0);
    [low, high]
}
