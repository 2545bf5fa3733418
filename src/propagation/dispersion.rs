//! How fast each frequency travels: one speed for all, a plate's guided wave, or a measured curve.

use std::f64::consts::TAU;

use super::lamb::guided;
use crate::site::{Mode, Solid};

/// Speed of a wave's crests, metres per second: what steering phases follow.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct PhaseSpeed(pub f64);

/// Speed of a wave's envelope, metres per second: what travel times follow.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct GroupSpeed(pub f64);

impl GroupSpeed {
    /// Time that an envelope takes for `range_m`, seconds.
    pub fn time_s(self, range_m: f64) -> f64 {
        range_m / self.0
    }
}

/// The law by which wavenumber follows frequency.
#[derive(Debug, Clone, PartialEq)]
pub enum Dispersion {
    /// One speed for every frequency, metres per second.
    None(f64),
    /// A guided wave of a free plate.
    Lamb {
        /// Its material.
        solid: Solid,
        /// Its thickness, metres.
        thickness_m: f64,
        /// The wave.
        mode: Mode,
    },
    /// A measured curve.
    Measured(Curve),
}

impl Dispersion {
    /// Phase turned per metre (rad/m) and group speed at `frequency_hz > 0`.
    pub fn at(&self, frequency_hz: f64) -> (f64, GroupSpeed) {
        match self {
            Self::None(speed_m_s) => (TAU * frequency_hz / speed_m_s, GroupSpeed(*speed_m_s)),
            Self::Lamb { solid, thickness_m, mode } => {
                let (k, group_m_s) = guided(solid, *thickness_m, *mode, frequency_hz);
                (k, GroupSpeed(group_m_s))
            }
            Self::Measured(curve) => curve.at(frequency_hz),
        }
    }

    /// The same law where the wall is thicker by the factor `1 + by` (a Lamb wave), or every wavenumber larger by it.
    ///
    /// A plate's `k·h` is a function of `f·h` alone; for A0 in a thin plate an error of the modulus looks like one of the
    /// thickness.
    pub fn stretched(&self, by: f64) -> Self {
        match self {
            Self::None(speed_m_s) => Self::None(speed_m_s / (1.0 + by)),
            Self::Lamb { solid, thickness_m, mode } => {
                Self::Lamb { solid: *solid, thickness_m: thickness_m * (1.0 + by), mode: *mode }
            }
            Self::Measured(curve) => Self::Measured(Curve { k_scale: curve.k_scale * (1.0 + by), ..curve.clone() }),
        }
    }

    /// Relative change of the wavenumber at `frequency_hz` per relative change of what [`Self::stretched`] changes.
    pub fn stretch_gain(&self, frequency_hz: f64) -> f64 {
        match self {
            // From k h = K(f h): d ln k/d ln h = c_p/c_g − 1.
            Self::Lamb { .. } => {
                let (k, group) = self.at(frequency_hz);
                TAU * frequency_hz / k / group.0 - 1.0
            }
            _ => 1.0,
        }
    }
}

/// A measured dispersion curve: wavenumber over frequency, interpolated by monotone cubics.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    frequency_hz: Vec<f64>,
    wavenumber_rad_m: Vec<f64>,
    /// Slope of the wavenumber at each frequency, rad/m/Hz.
    slope: Vec<f64>,
    k_scale: f64,
}

impl Curve {
    /// From rows of frequency (Hz, growing, positive) and phase speed (m/s); at least two.
    ///
    /// # References
    /// Slopes by Fritsch & Butland, SIAM J. Sci. Stat. Comput. 5:300 (1984): no overshoot between rows.
    pub fn new(rows: &[[f64; 2]]) -> Self {
        let frequency_hz: Vec<f64> = rows.iter().map(|row| row[0]).collect();
        let wavenumber_rad_m: Vec<f64> = rows.iter().map(|[hz, speed_m_s]| TAU * hz / speed_m_s).collect();
        let chords: Vec<[f64; 2]> = (1..rows.len())
            .map(|i| {
                let width = frequency_hz[i] - frequency_hz[i - 1];
                [width, (wavenumber_rad_m[i] - wavenumber_rad_m[i - 1]) / width]
            })
            .collect();
        let inner = chords.windows(2).map(|pair| {
            let [[left_width, left], [right_width, right]] = [pair[0], pair[1]];
            let (w1, w2) = (2.0 * right_width + left_width, right_width + 2.0 * left_width);
            if left * right > 0.0 { (w1 + w2) / (w1 / left + w2 / right) } else { 0.0 }
        });
        let slope = std::iter::once(chords[0][1]).chain(inner).chain([chords[chords.len() - 1][1]]).collect();
        Self { frequency_hz, wavenumber_rad_m, slope, k_scale: 1.0 }
    }

    /// First and last frequency, hertz.
    pub fn span_hz(&self) -> [f64; 2] {
        [self.frequency_hz[0], self.frequency_hz[self.frequency_hz.len() - 1]]
    }

    fn at(&self, frequency_hz: f64) -> (f64, GroupSpeed) {
        let right = self.frequency_hz.partition_point(|f| *f < frequency_hz).clamp(1, self.frequency_hz.len() - 1);
        let left = right - 1;
        let width = self.frequency_hz[right] - self.frequency_hz[left];
        let t = (frequency_hz - self.frequency_hz[left]) / width;
        let (k0, k1) = (self.wavenumber_rad_m[left], self.wavenumber_rad_m[right]);
        let (s0, s1) = (self.slope[left] * width, self.slope[right] * width);
        // Hermite's cubic k0 + s0 t + b t² + a t³.
        let (a, b) = (2.0 * (k0 - k1) + s0 + s1, 3.0 * (k1 - k0) - 2.0 * s0 - s1);
        let k = k0 + t * (s0 + t * (b + t * a));
        let slope = (s0 + t * (2.0 * b + 3.0 * t * a)) / width;
        (k * self.k_scale, GroupSpeed(TAU / (slope * self.k_scale)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lamb(thickness_m: f64) -> Dispersion {
        let solid = Solid::named("AMg6").unwrap();
        Dispersion::Lamb { solid, thickness_m, mode: Mode::A0 }
    }

    #[test]
    fn a_measured_curve_follows_the_wave_it_was_measured_on() {
        let exact = lamb(3e-3);
        let rows: Vec<[f64; 2]> = (4..=44).map(|i| 10e3 * f64::from(i)).map(|f| [f, TAU * f / exact.at(f).0]).collect();
        let curve = Dispersion::Measured(Curve::new(&rows));
        for f in [65e3, 123e3, 251e3, 389e3] {
            let ((k, group), (k_exact, group_exact)) = (curve.at(f), exact.at(f));
            // Cubics with slopes of second order: (10 kHz/f)³ of the wavenumber, (10 kHz/f)² of its slope, and less.
            assert!((k / k_exact - 1.0).abs() < (10e3 / f).powi(3) / 2.0, "{f}: {k} {k_exact}");
            assert!((group.0 / group_exact.0 - 1.0).abs() < (10e3 / f).powi(2), "{f}: {group:?} {group_exact:?}");
        }
    }

    #[test]
    fn stretching_changes_the_wavenumber_as_its_gain_says() {
        let curve = Dispersion::Measured(Curve::new(&[[50e3, 1500.0], [200e3, 2200.0], [400e3, 2400.0]]));
        for law in [Dispersion::None(5000.0), lamb(2e-3), curve] {
            let (f, by) = (180e3, 1e-5);
            let change = (law.stretched(by).at(f).0 / law.stretched(-by).at(f).0).ln() / (2.0 * by);
            assert!((change - law.stretch_gain(f)).abs() < 1e-7, "{law:?}: {change}");
        }
    }
}
