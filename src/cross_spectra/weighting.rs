//! Cross-spectra to unit scale: what each bin and pair may contribute.

use std::sync::Arc;

use ndarray::{Array2, ArrayView1};
use rayon::prelude::*;
use realfft::num_complex::Complex;

use super::mask::BinFate;
use super::matrix::Layout;
use super::means::{Means, narrow, wide};
use crate::channelise::{LagWindow, Left};

/// What counts how much when cross-spectra are steered (Knapp & Carter 1976).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Weighting {
    /// By the powers of both channels, bin by bin: bounded by 1, and nothing is left of a bin that holds only noise.
    #[default]
    Scot,
    /// Phase alone. Chance bins count like any other.
    Phat,
    /// By the band's mean powers: loud bins count more.
    Plain,
}

/// Coherence of the used bins, ready to be steered.
#[derive(Debug, Clone)]
pub struct Coherence {
    /// Frequencies of the columns, hertz.
    pub frequency_hz: Vec<f64>,
    /// Channels of each row.
    pub pairs: Vec<(usize, usize)>,
    /// Clock group of each channel.
    pub groups: Vec<usize>,
    /// Independent segments that each value is the mean of.
    pub averages: f64,
    /// What segments leave of it, over the lag between two channels.
    pub lag_window: Arc<LagWindow>,
    /// Complex coherence; `[pair, used bin]`.
    pub value: Array2<Complex<f32>>,
    /// How much each counts where it is steered, alike where absent: of unit effect on the mean square.
    pub emphasis: Option<Array2<f32>>,
}

impl Weighting {
    /// Scales the cross-spectra of `numerator` by the powers of `powers` (the same matrix, or the capture's own where
    /// the numerator is an excess over a background) and keeps the used bins.
    ///
    /// That is the coherence whatever the weighting, for whoever asks how probable the data are; PHAT and plain weighting are an emphasis
    /// on top.
    pub fn apply(self, numerator: &Means, powers: &Means, layout: &Layout, fates: &[BinFate]) -> Coherence {
        let used: Vec<usize> = (0..layout.bins).filter(|&k| fates[k] == BinFate::Used).collect();
        let all_hz = layout.frequencies_hz();
        let inverse = |x: f64| if x > 0.0 { 1.0 / x } else { 0.0 };
        // Roots are taken of channels, which are fewer than pairs.
        let channels = (layout.groups.len(), used.len());
        let amplitude = Array2::from_shape_fn(channels, |(m, column)| powers.auto[[m, used[column]]].sqrt());
        let scale = amplitude.mapv(inverse);
        let mut value = Array2::zeros((layout.pairs.len(), used.len()));
        let mut rows: Vec<_> = value.rows_mut().into_iter().zip(numerator.cross.rows()).zip(&layout.pairs).collect();
        rows.par_iter_mut().for_each(|((row, cross), (m, n))| {
            let scales = scale.row(*m).into_iter().zip(scale.row(*n));
            let of_bin =
                |((to, &k), (a, b)): ((&mut Complex<f32>, &usize), (&f64, &f64))| *to = scaled(cross[k], a * b);
            row.iter_mut().zip(&used).zip(scales).for_each(of_bin);
        });
        drop(rows);
        let emphasis = match self {
            Self::Scot => None,
            Self::Phat => Some(value.mapv(|g| inverse(g.norm().into()))),
            Self::Plain => {
                let power = |row: ArrayView1<'_, f64>| used.iter().map(|&k| row[k]).sum::<f64>();
                let of_band: Vec<f64> = powers.auto.rows().into_iter().map(power).collect();
                Some(Array2::from_shape_fn(value.dim(), |(row, column)| {
                    let (m, n) = layout.pairs[row];
                    amplitude[[m, column]] * amplitude[[n, column]] * inverse((of_band[m] * of_band[n]).sqrt())
                }))
            }
        };
        Coherence {
            frequency_hz: used.iter().map(|&k| all_hz[k]).collect(),
            pairs: layout.pairs.clone(),
            groups: layout.groups.clone(),
            averages: layout.segmentation.averages(numerator.segments),
            lag_window: Arc::clone(&layout.lag_window),
            emphasis: emphasis.map(|emphasis| of_unit_effect(emphasis, &value)),
            value,
        }
    }
}

/// Scaled so that the mean square of what it is put on stays: thresholds hold whatever the weighting.
fn of_unit_effect(emphasis: Array2<f64>, value: &Array2<Complex<f32>>) -> Array2<f32> {
    let before: f64 = value.iter().map(|g| f64::from(g.norm_sqr())).sum();
    let after: f64 = value.iter().zip(&emphasis).map(|(g, e)| f64::from(g.norm_sqr()) * e * e).sum();
    let scale = if after > 0.0 { (before / after).sqrt() } else { 1.0 };
    emphasis.mapv(|e| (e * scale) as f32)
}

/// Scaled before it is rounded: powers of a quiet recorder are small numbers.
fn scaled(g: Complex<f32>, scale: f64) -> Complex<f32> {
    narrow(wide(g) * scale)
}

impl Coherence {
    /// What segments leave of a pair where a sound reaches its channels through paths of this difference, metres, at a speed in m/s.
    pub fn left(&self, difference_m: f64, speed_m_s: f64) -> Left {
        self.lag_window.at(difference_m / speed_m_s)
    }

    /// What one pair contributes where it is steered, bin by bin.
    pub fn emphasised(&self, row: usize) -> impl ExactSizeIterator<Item = Complex<f32>> {
        let emphasis = self.emphasis.as_ref().map(|emphasis| emphasis.row(row));
        let of_bin = move |(bin, g): (usize, &Complex<f32>)| emphasis.map_or(*g, |emphasis| g * emphasis[bin]);
        self.value.row(row).into_iter().enumerate().map(of_bin)
    }

    /// Magnitude of the coherence of one pair over its bins, corrected for chance: `(|γ|² − 1/K)/(1 − 1/K)`.
    pub fn pair_magnitude(&self, row: usize, averages: f64) -> f64 {
        let row = self.value.row(row);
        let mean = row.iter().map(|g| f64::from(g.norm_sqr())).sum::<f64>() / row.len().max(1) as f64;
        unbiased_coherence2(mean, averages).sqrt()
    }
}

/// Squared coherence without its bias from `averages` independent averages, not below zero.
pub(super) fn unbiased_coherence2(mean: f64, averages: f64) -> f64 {
    // One average says nothing of coherence: it is always 1.
    if averages <= 1.0 { mean } else { ((mean - 1.0 / averages) / (1.0 - 1.0 / averages)).clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channelise::{Segmentation, Taper};

    fn matrix() -> (Layout, Means) {
        let segmentation = Segmentation { segment_samples: 64, hop_samples: 32, fft_samples: 64, taper: Taper::Hann };
        let layout = Layout::new(segmentation, 1e3, 4..10, vec![0; 3]);
        let mut mean = Means::zero(&layout);
        mean.auto = Array2::from_shape_fn((3, 6), |(m, k)| 1.0 + m as f64 + 10.0 * k as f64);
        mean.cross = Array2::from_shape_fn((3, 6), |(row, k)| {
            Complex::from_polar(0.3 + 0.1 * row as f32 + k as f32, 0.7 * (row + 2 * k) as f32)
        });
        (layout, mean)
    }

    #[test]
    fn weighting_shapes_what_is_steered_and_leaves_the_coherence() {
        let (layout, mean) = matrix();
        let fates = [BinFate::Used; 6];
        let of = |weighting: Weighting| weighting.apply(&mean, &mean, &layout, &fates);
        let [scot, phat, plain] = [Weighting::Scot, Weighting::Phat, Weighting::Plain].map(of);
        assert_eq!(phat.value, scot.value);
        assert_eq!(plain.value, scot.value);
        let steered = |c: &Coherence| (0..3).flat_map(|row| c.emphasised(row).collect::<Vec<_>>()).collect::<Vec<_>>();
        let power = |c: &Coherence| steered(c).iter().map(|g| f64::from(g.norm_sqr())).sum::<f64>();
        assert_eq!(steered(&scot), scot.value.iter().copied().collect::<Vec<_>>());
        // A value, its emphasis, their product and its magnitude are rounded, and so is what they are compared with.
        let rounding = 8.0 * f32::EPSILON;
        for other in [&phat, &plain] {
            assert!((power(other) / power(&scot) - 1.0).abs() < rounding.into());
        }
        let one = steered(&phat)[0].norm();
        for (x, g) in steered(&phat).iter().zip(&scot.value) {
            assert!((x.norm() / one - 1.0).abs() < rounding, "phase alone");
            assert!((x.arg() - g.arg()).abs() < rounding);
        }
        // Plain: in proportion to the cross-spectrum, pair by pair.
        let ratio = |row: usize, k: usize| steered(&plain)[6 * row + k].norm() / mean.cross[[row, k]].norm();
        assert!((0..3).all(|row| (0..6).all(|k| (ratio(row, k) / ratio(row, 0) - 1.0).abs() < rounding)));
    }
}
