//! What a capture will tell of a leak, before it is recorded: how well its place will be known, how weak it may be, and which
//! other place explains it as well.

use std::sync::Arc;

use nalgebra::{DMatrix, Matrix2};
use ndarray::Array2;
use realfft::num_complex::Complex;

use super::array::Array;
use super::gls::{RangeError, solve_place};
use super::views::View;
use crate::cross_spectra::{Coherence, narrow};
use crate::site::WallPoint;
use crate::units::power_from_db;

/// Frequencies at which signal-to-noise ratios are asked for: they change slowly.
const BINS: usize = 48;

/// Frequencies of a correlation table a metre of range difference and wavenumber: its copies stay out of reach.
const FINEST: usize = 4096;

/// Standard deviations by which nine leaks in ten exceed their expectation less this: the 10 % point of a normal.
const NINE_IN_TEN: f64 = 1.281_55;

/// Fine places count as one where they are nearer than this share of the middle wavelength.
const INDEPENDENT_WAVES: f64 = 0.5;

/// What the search needs over the ideal detector, decibels: it pools cells, and pairs shift with their sensors. Measured: 2.2 dB
/// with an exact site, 3.6 dB with positions known to a millimetre, 1.3 dB on a shell.
const OVER_IDEAL_DB: f64 = 3.0;

/// An array that is to listen for so long; noise is white and alike in all sensors, leaks are white.
#[derive(Debug)]
pub struct Foreseen<'t, 'a> {
    array: &'t Array<'a>,
    frequency_hz: Vec<f64>,
    wavenumber_rad_m: Vec<f64>,
    /// Independent samples in one of the frequencies.
    samples_per_bin: f64,
}

/// What will be known of a leak's place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    /// Covariance in the tangent plane, metres².
    pub covariance_m2: Matrix2<f64>,
    /// The parts of it that noise, sensor positions and wave speed bring.
    pub parts_m2: [Matrix2<f64>; 3],
}

impl Expected {
    /// Root mean square error along the worst direction, metres.
    pub fn sigma_m(&self) -> f64 {
        let [a, b, d] = [(0, 0), (0, 1), (1, 1)].map(|at| self.covariance_m2[at]);
        ((a + d) / 2.0 + ((a - d) / 2.0).hypot(b)).max(0.0).sqrt()
    }
}

impl<'t, 'a> Foreseen<'t, 'a> {
    /// `array` listening for `duration_s`.
    pub fn new(array: &'t Array<'a>, duration_s: f64) -> Self {
        let [low_hz, high_hz] = array.band_hz;
        let spacing_hz = (high_hz - low_hz) / BINS as f64;
        let frequency_hz: Vec<f64> = (0..BINS).map(|i| low_hz + (i as f64 + 0.5) * spacing_hz).collect();
        let wavenumber_rad_m = frequency_hz.iter().map(|hz| array.medium.wavenumber_rad_m(*hz)).collect();
        Self { array, frequency_hz, wavenumber_rad_m, samples_per_bin: duration_s * spacing_hz }
    }

    /// Power that arrives at each sensor of a leak of power 1 at 1 m; `[sensor, frequency]`.
    pub fn arriving(&self, place: &WallPoint) -> Array2<f64> {
        let (ranges_m, medium) = (self.array.ranges_m(place), &self.array.medium);
        Array2::from_shape_fn((self.array.len(), self.frequency_hz.len()), |(m, bin)| {
            let absorbed_db = medium.absorption_db_m(self.frequency_hz[bin]) * ranges_m[m];
            medium.spreading(ranges_m[m]) * power_from_db(-absorbed_db)
        })
    }

    /// Signal-to-noise ratio in the band at the median sensor of a leak whose power at 1 m is that of the noise.
    pub fn at_median_sensor(&self, place: &WallPoint) -> f64 {
        let mut shares: Vec<f64> =
            self.arriving(place).rows().into_iter().map(|row| row.mean().unwrap_or(0.0)).collect();
        shares.sort_by(f64::total_cmp);
        (shares[(shares.len() - 1) / 2] + shares[shares.len() / 2]) / 2.0
    }

    /// What will be known of the place of a leak whose power at 1 m is `level` times that of the noise in one sensor: the
    /// Cramér–Rao bound with what the site says of its own errors. `None` where the sensors do not fix a place.
    pub fn expected(&self, place: &WallPoint, level: f64) -> Option<Expected> {
        let ranges_m = self.array.ranges_m(place);
        let error = RangeError::of(self.array, place, &ranges_m, &self.information(place, level), 1.0);
        let solution = solve_place(&error, &nalgebra::DVector::zeros(self.array.len()))?;
        Some(Expected { covariance_m2: solution.covariance_m2, parts_m2: solution.parts_m2 })
    }

    /// The bound by noise alone, metres²; `None` where the sensors do not fix a place.
    pub fn bound_m2(&self, place: &WallPoint, level: f64) -> Option<Matrix2<f64>> {
        let gradient = self.array.range_gradient(place);
        let normal = gradient.transpose() * self.information(place, level) * gradient;
        Matrix2::new(normal[(0, 0)], normal[(0, 1)], normal[(1, 0)], normal[(1, 1)]).try_inverse()
    }

    /// Expected information on the ranges, 1/m²: `F_mn = −2 T ∫ k² S_m S_n / (1 + ΣS) df` over each clock group.
    pub fn information(&self, place: &WallPoint, level: f64) -> DMatrix<f64> {
        let (count, groups, arriving) = (self.array.len(), self.array.groups(), self.arriving(place));
        let mut information = DMatrix::zeros(count, count);
        for (k, shares) in self.wavenumber_rad_m.iter().zip(arriving.columns()) {
            let snr = shares.map(|share| level * share);
            for m in 0..count {
                let total = 1.0 + (0..count).filter(|&n| groups[n] == groups[m]).map(|n| snr[n]).sum::<f64>();
                for n in (0..count).filter(|&n| groups[n] == groups[m]) {
                    let weight = 2.0 * self.samples_per_bin * k * k * snr[m] * snr[n] / total;
                    information[(m, m)] += weight;
                    information[(m, n)] -= weight;
                }
            }
        }
        information
    }

    /// The weakest leak at a place that is found nine times in ten with this probability of a false alarm: its power at 1 m
    /// over that of the noise in one sensor.
    ///
    /// The steered coherence, a mean over pairs and frequencies, must stand over the largest of as many normal values as the
    /// walls have places.
    pub fn weakest(&self, place: &WallPoint, alarm: f64) -> f64 {
        let (arriving, groups) = (self.arriving(place), self.array.groups());
        let pairs: Vec<(usize, usize)> = (0..self.array.len())
            .flat_map(|m| (m + 1..groups.len()).map(move |n| (m, n)))
            .filter(|&(m, n)| groups[m] == groups[n])
            .collect();
        let products = (pairs.len() * self.frequency_hz.len()) as f64;
        let sigma = (2.0 * self.samples_per_bin * products).sqrt().recip();
        let places = (self.array.extent_m() / (INDEPENDENT_WAVES * self.wavelength_m())).powi(2).max(1.0);
        let needed = ((2.0 * (places / alarm).ln()).sqrt() + NINE_IN_TEN) * sigma * power_from_db(OVER_IDEAL_DB);
        let heard = |level: f64| {
            let share = arriving.map(|share| level * share / (1.0 + level * share));
            let of_pair = |&(m, n): &(usize, usize)| {
                share.row(m).iter().zip(share.row(n)).map(|(x, y)| (x * y).sqrt()).sum::<f64>()
            };
            pairs.iter().map(of_pair).sum::<f64>() / products
        };
        // Monotonic in the level; sixty halvings of 240 dB leave nothing.
        let [mut low, mut high] = [-12.0f64, 12.0];
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if heard(10f64.powf(middle)) < needed { low = middle } else { high = middle }
        }
        10f64.powf(high)
    }

    /// Middle wavelength, metres.
    pub fn wavelength_m(&self) -> f64 {
        std::f64::consts::TAU / self.array.medium.wavenumber_rad_m(self.array.middle_hz())
    }

    /// The separate place that explains a leak at `place` best, however loud it is, and its score beside the leak's own.
    pub fn rival(&self, place: &WallPoint, separation_m: f64) -> Option<(WallPoint, f64)> {
        let (array, ranges_m) = (self.array, self.array.ranges_m(place));
        let [low_hz, high_hz] = array.band_hz;
        let k = |hz: f64| array.medium.wavenumber_rad_m(hz);
        // So many turns between the ends of the band, at the largest range difference there is.
        let turns = (k(high_hz) - k(low_hz)) * array.longest_way().0 / std::f64::consts::TAU;
        let bins = (4.0 * turns).ceil().clamp(BINS as f64, FINEST as f64) as usize;
        let frequency_hz: Vec<f64> =
            (0..bins).map(|i| low_hz + (i as f64 + 0.5) / bins as f64 * (high_hz - low_hz)).collect();
        let groups = array.groups().to_vec();
        let pairs: Vec<(usize, usize)> = (0..array.len())
            .flat_map(|m| (m + 1..array.len()).map(move |n| (m, n)))
            .filter(|&(m, n)| groups[m] == groups[n])
            .collect();
        let value = Array2::from_shape_fn((pairs.len(), bins), |(row, bin)| {
            let (m, n) = pairs[row];
            narrow(Complex::cis(-k(frequency_hz[bin]) * (ranges_m[m] - ranges_m[n])))
        });
        let coherence = Coherence {
            frequency_hz,
            pairs,
            groups,
            averages: f64::INFINITY,
            lag_window: Arc::default(),
            value,
            emphasis: None,
        };
        let standing = View::new("a leak without noise", array, Arc::new(coherence)).survey(array, separation_m);
        let away = |point: &WallPoint| (point.position_m - place.position_m).norm() > separation_m;
        let own = standing.places.iter().filter(|p| !away(&p.point)).map(|p| p.value).fold(f32::MIN, f32::max);
        let other = standing.places.iter().filter(|p| away(&p.point)).max_by(|x, y| x.value.total_cmp(&y.value))?;
        // Where the leak's own place is not even found, the other one explains it better.
        let own = if own > 0.0 { own } else { other.value };
        Some((other.point, f64::from(other.value / own)))
    }
}
