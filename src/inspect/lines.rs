//! Tones of machines, and the band in which a leak is best looked for.

use ndarray::Array2;

use crate::channelise::Band;
use crate::units::power_db;

/// A tone stands so far above its surroundings, decibels.
const TONE_DB: f64 = 6.0;
/// Width of the surroundings.
const SURROUNDINGS_HZ: f64 = 8e3;
/// Tones that are listed, loudest first.
const MOST: usize = 24;
/// Bins into which the window spreads an offset.
const OFFSET_BINS: usize = 4;
/// Where the floor falls so far below that of the band, the recorder has rolled off.
const ROLLED_OFF_DB: f64 = 10.0;
/// Where the floor rises so far above that of the band, machines rumble.
const RUMBLE_DB: f64 = 12.0;
/// The band in which leaks through air are usually looked for.
const USUAL_HZ: [f64; 2] = [20e3, 80e3];

/// A machine's tone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tone {
    /// Where it is strongest.
    pub frequency_hz: f64,
    /// How far it stands above its surroundings in the channel in which it stands highest, decibels.
    pub above_db: f64,
    /// Number of channels in which it stands out.
    pub channels: usize,
}

/// A band, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestion {
    /// Lower and upper edge.
    pub band_hz: [f64; 2],
    /// In words.
    pub reasons: Vec<String>,
}

/// Running median over `reach` bins to either side.
fn floor(density: &[f64], reach: usize) -> Vec<f64> {
    // A median of a few dozen bins spread over the window is as good here as that of all.
    let step = (reach / 16).max(1);
    (0..density.len())
        .map(|k| {
            let near = k.saturating_sub(reach)..(k + reach + 1).min(density.len());
            let mut window: Vec<f64> = density[near].iter().copied().step_by(step).collect();
            window.sort_by(f64::total_cmp);
            window[window.len() / 2]
        })
        .collect()
}

/// The tones in `density`, `[channel, bin]`, of bins `spacing_hz` apart, loudest first.
///
/// `averages` is the number of independent averages that the densities rest on: fewer need a higher step.
pub fn tones(density: &Array2<f64>, spacing_hz: f64, averages: f64) -> Vec<Tone> {
    let reach = ((SURROUNDINGS_HZ / spacing_hz / 2.0) as usize).max(16);
    let least_db = TONE_DB.max(power_db(1.0 + 6.0 / averages.max(1.0).sqrt()));
    let bins = density.ncols();
    let (mut above, mut counts) = (vec![0.0f64; bins], vec![0; bins]);
    for row in density.rows() {
        let row = row.to_vec();
        for (k, (power, floor)) in row.iter().zip(floor(&row, reach)).enumerate().skip(OFFSET_BINS) {
            let db = power_db(power / floor);
            if db > least_db && db.is_finite() {
                above[k] = above[k].max(db);
                counts[k] += 1;
            }
        }
    }
    let mut tones = Vec::new();
    let mut bin = 1;
    while bin < bins {
        let end = (bin..bins).find(|k| above[*k] == 0.0).unwrap_or(bins);
        if let Some(peak) = (bin..end).max_by(|a, b| above[*a].total_cmp(&above[*b])) {
            let channels = (bin..end).map(|k| counts[k]).max().unwrap_or(0);
            tones.push(Tone { frequency_hz: peak as f64 * spacing_hz, above_db: above[peak], channels });
        }
        bin = end.max(bin) + 1;
    }
    tones.sort_by(|a, b| b.above_db.total_cmp(&a.above_db));
    tones.truncate(MOST);
    tones
}

/// The band in which to look for a leak, by the median density over channels; none where the recorder is too slow.
pub fn suggestion(density: &Array2<f64>, spacing_hz: f64, tones: &[Tone]) -> Option<Suggestion> {
    let bins = density.ncols();
    let rate_hz = 2.0 * (bins - 1) as f64 * spacing_hz;
    let usual = Band::usual(USUAL_HZ, rate_hz).ok()?;
    let median: Vec<f64> = (0..bins)
        .map(|k| {
            let mut column = density.column(k).to_vec();
            column.sort_by(f64::total_cmp);
            column[column.len() / 2]
        })
        .collect();
    let reach = ((SURROUNDINGS_HZ / spacing_hz / 4.0) as usize).max(8);
    let smooth = floor(&median, reach);
    let inside = usual.bins(spacing_hz);
    let mut levels: Vec<f64> = smooth[inside.clone()].to_vec();
    levels.sort_by(f64::total_cmp);
    let middle = *levels.get(levels.len() / 2)?;
    let relative_db = |k: usize| power_db(smooth[k] / middle);
    let (mut low, mut high) = (inside.start, inside.end - 1);
    while high > low + inside.len() / 4 && relative_db(high) < -ROLLED_OFF_DB {
        high -= 1;
    }
    while low < high.saturating_sub(inside.len() / 4) && relative_db(low) > RUMBLE_DB {
        low += 1;
    }
    let low_hz = if low > inside.start { low as f64 * spacing_hz } else { usual.low_hz() };
    let high_hz = if high + 1 < inside.end { high as f64 * spacing_hz } else { usual.high_hz() };
    let mut reasons = Vec::new();
    reasons.push(if low > inside.start {
        format!("below {:.1} kHz machines rumble more than {RUMBLE_DB:.0} dB over the rest", low_hz / 1e3)
    } else {
        format!("below {:.1} kHz machines are usually louder than leaks", low_hz / 1e3)
    });
    reasons.push(if high + 1 < inside.end {
        format!("above {:.1} kHz the recorder has rolled off by {ROLLED_OFF_DB:.0} dB", high_hz / 1e3)
    } else if usual.high_hz() < USUAL_HZ[1] {
        format!("above {:.1} kHz recorders at this rate roll off", high_hz / 1e3)
    } else {
        format!("above {:.1} kHz air absorbs", high_hz / 1e3)
    });
    let band_hz = [low_hz, high_hz];
    let within = tones.iter().filter(|tone| (band_hz[0]..=band_hz[1]).contains(&tone.frequency_hz)).count();
    if within > 0 {
        let plural = if within == 1 { "tone" } else { "tones" };
        reasons.push(format!("{within} {plural} inside it will be left out"));
    }
    Some(Suggestion { band_hz, reasons })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_and_a_roll_off_are_found() {
        // A floor of one that falls from 60 kHz on, a tone of 20 dB at 31 kHz in the second channel.
        let (bins, spacing_hz) = (1921, 50.0);
        let density = Array2::from_shape_fn((2, bins), |(c, k)| {
            let hz = k as f64 * spacing_hz;
            let floor = if hz > 60e3 { 1e-3 } else { 1.0 };
            if c == 1 && k == 620 { 100.0 } else { floor }
        });
        let tones = tones(&density, spacing_hz, 1000.0);
        assert_eq!(tones, [Tone { frequency_hz: 31e3, above_db: 20.0, channels: 1 }]);
        let suggested = suggestion(&density, spacing_hz, &tones).unwrap();
        assert_eq!(suggested.band_hz[0], 20e3);
        assert!((suggested.band_hz[1] - 60e3).abs() < 2.1e3, "{:?}", suggested.band_hz);
        assert!(suggested.reasons.iter().any(|r| r.contains("rolled off")), "{:?}", suggested.reasons);
    }
}
