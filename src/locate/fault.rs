//! What can be wrong with a sensor, what it is called, and how it is undone.

use super::array::Array;
use crate::cross_spectra::CrossSpectra;

/// What is wrong with a sensor; sensors are numbered as in the array.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// Its wires are crossed.
    Polarity(usize),
    /// Each of two shows what the other's place should hear, whose ranges to the leak differ by so much, metres.
    Swapped(usize, usize, f64),
    /// It is nearer to or farther from the leak than the site says, metres.
    Misplaced(usize, f64),
    /// Two channels show the same; one of them may be right.
    Copy {
        /// The one whose place fits.
        kept: usize,
        /// The other.
        dropped: usize,
    },
    /// Each of two shows some of the other, without delay.
    Crosstalk(usize, usize),
    /// It is so many decibels louder than the others, and shares nothing with them.
    Noisy(usize, f64),
}

impl Fault {
    /// The word for it in a report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Polarity(_) => "polarity",
            Self::Swapped(..) => "swapped",
            Self::Misplaced(..) => "misplaced",
            Self::Copy { .. } => "duplicate",
            Self::Crosstalk(..) => "crosstalk",
            Self::Noisy(..) => "noisy",
        }
    }

    /// The sensors that it concerns.
    pub fn sensors(self) -> Vec<usize> {
        match self {
            Self::Polarity(m) | Self::Misplaced(m, _) | Self::Noisy(m, _) => vec![m],
            Self::Swapped(m, n, _) | Self::Crosstalk(m, n) => vec![m, n],
            Self::Copy { dropped, .. } => vec![dropped],
        }
    }

    /// The sensor that is left out for it.
    pub fn left_out(self) -> Option<usize> {
        match self {
            Self::Misplaced(m, _) | Self::Noisy(m, _) | Self::Copy { dropped: m, .. } => Some(m),
            Self::Polarity(_) | Self::Swapped(..) | Self::Crosstalk(..) => None,
        }
    }

    /// Takes it out of a matrix; a sensor that is not where the site says stays as it is.
    pub fn undo(self, matrix: &mut CrossSpectra) {
        match self {
            Self::Polarity(m) => matrix.invert(m),
            Self::Swapped(m, n, _) => matrix.swap(m, n),
            Self::Crosstalk(m, n) => matrix.take_out_zero_lag(m, n),
            Self::Misplaced(..) | Self::Copy { .. } | Self::Noisy(..) => {}
        }
    }

    /// In a sentence; `after_s` is the root mean square delay residual when it is mended.
    pub fn told(self, array: &Array<'_>, after_s: f64) -> String {
        let sensor = |m: usize| {
            let sensor = &array.site.sensors[array.sensors[m]];
            format!("sensor '{}' (channel {})", sensor.id, sensor.channel)
        };
        let channel = |m: usize| array.site.sensors[array.sensors[m]].channel;
        // So many sensors are off by so much: as a root mean square over all.
        let fell = |sensors: f64, by_m: f64| {
            let before_s = array.group_speed().time_s(by_m.abs() * (sensors / array.len() as f64).sqrt());
            format!("residual {:.1} → {:.1} µs", before_s * 1e6, after_s * 1e6)
        };
        match self {
            Self::Polarity(m) => {
                format!("{} has its polarity inverted: turned back here, mend its wiring", sensor(m))
            }
            Self::Swapped(m, n, by_m) => format!(
                "channels {} and {} look swapped: {}; taken as swapped here, mend the site or the cables",
                channel(m.min(n)),
                channel(m.max(n)),
                fell(2.0, by_m)
            ),
            Self::Misplaced(m, by_m) => format!(
                "{} is {:.0} mm {} the leak than the site says: left out, {}; measure its place again",
                sensor(m),
                by_m.abs() * 1e3,
                if by_m > 0.0 { "farther from" } else { "nearer to" },
                fell(1.0, by_m)
            ),
            Self::Copy { kept, dropped } => format!(
                "{} shows the same as {}: left out; check the recorder's routing",
                sensor(dropped),
                sensor(kept)
            ),
            Self::Crosstalk(m, n) => format!(
                "{} and {} share a signal without delay, through their cables: taken out; part the cables",
                sensor(m),
                sensor(n)
            ),
            Self::Noisy(m, by_db) => format!(
                "{} is {by_db:.0} dB louder than the others and shares nothing with them: left out; check its amplifier",
                sensor(m)
            ),
        }
    }
}
