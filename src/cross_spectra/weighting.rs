//! Cross-spectra to unit scale: what each bin and pair may contribute.

use std::sync::Arc;

use ndarray::Array2;
use realfft::num_complex::Complex;

use super::mask::BinFate;
use super::matrix::{Layout, Sums};
use crate::channelise::LagWindow;

/// How a cross-spectrum is scaled before it is steered (Knapp & Carter 1976).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Weighting {
    /// By the powers of both channels, bin by bin: bounded by 1, and nothing is left of a bin that holds only noise.
    #[default]
    Scot,
    /// By its own magnitude: phase alone. Chance bins count like any other.
    Phat,
    /// By the band's mean powers: loud bins count more.
    Plain,
}

/// Weighted cross-spectra of the used bins, ready to be steered.
#[derive(Debug, Clone)]
pub struct Coherence {
    /// Frequencies of the columns, hertz.
    pub frequency_hz: Vec<f64>,
    /// Channels of each row.
    pub pairs: Vec<(usize, usize)>,
    /// Clock group of each channel.
    pub groups: Vec<usize>,
    /// What segments leave of it, over the lag between two channels.
    pub lag_window: Arc<LagWindow>,
    /// Weighted cross-spectrum; `[pair, used bin]`. For SCOT the complex coherence.
    pub value: Array2<Complex<f64>>,
}

impl Weighting {
    /// Scales the cross-spectra of `numerator` by the powers of `powers` (the same matrix, or the capture's own where
    /// the numerator is an excess over a background) and keeps the used bins.
    pub fn apply(self, numerator: &Sums, powers: &Sums, layout: &Layout, fates: &[BinFate]) -> Coherence {
        let used: Vec<usize> = (0..layout.bins).filter(|&k| fates[k] == BinFate::Used).collect();
        let all_hz = layout.frequencies_hz();
        let band_power: Vec<f64> = powers
            .auto
            .rows()
            .into_iter()
            .map(|row| used.iter().map(|&k| row[k]).sum::<f64>() / used.len().max(1) as f64)
            .collect();
        let value = Array2::from_shape_fn((layout.pairs.len(), used.len()), |(row, column)| {
            let (m, n) = layout.pairs[row];
            let k = used[column];
            let g = numerator.cross[[row, k]];
            let scale = match self {
                Self::Scot => (powers.auto[[m, k]] * powers.auto[[n, k]]).sqrt(),
                Self::Phat => g.norm(),
                Self::Plain => (band_power[m] * band_power[n]).sqrt(),
            };
            if scale > 0.0 { g / scale } else { Complex::default() }
        });
        let frequency_hz = used.iter().map(|&k| all_hz[k]).collect();
        let (pairs, groups, lag_window) = (layout.pairs.clone(), layout.groups.clone(), Arc::clone(&layout.lag_window));
        Coherence { frequency_hz, pairs, groups, lag_window, value }
    }
}

impl Coherence {
    /// Magnitude of the coherence of one pair over its bins, corrected for chance: `(|γ|² − 1/K)/(1 − 1/K)`.
    pub fn pair_magnitude(&self, row: usize, averages: f64) -> f64 {
        let row = self.value.row(row);
        let mean = row.iter().map(Complex::norm_sqr).sum::<f64>() / row.len().max(1) as f64;
        unbiased_coherence2(mean, averages).sqrt()
    }
}

/// Squared coherence without its bias from `averages` independent averages, not below zero.
pub(super) fn unbiased_coherence2(mean: f64, averages: f64) -> f64 {
    // One average says nothing of coherence: it is always 1.
    if averages <= 1.0 { mean } else { ((mean - 1.0 / averages) / (1.0 - 1.0 / averages)).clamp(0.0, 1.0) }
}
