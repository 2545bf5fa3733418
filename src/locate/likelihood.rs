//! How probable the data are for given ranges: the Gaussian likelihood of one source in independent noise.
//!
//! For `M` channels that hear one Gaussian source at signal-to-noise ratio `S_m(f)` through ranges `r_m`, the likelihood
//! depends on the ranges through `L(r) = 2 n Σ_f Σ_{m<n} A_mn Re{γ_mn exp(i k (r_m − r_n))}` with the coherence `γ`,
//! `A_mn = sqrt(S_m S_n (1+S_m)(1+S_n)) / (1 + ΣS)` and `n` independent samples a bin. Its expected curvature is the
//! graph Laplacian `F_mn = −2 n Σ_f k² S_m S_n / (1 + ΣS)`: a range common to a clock group is free, as it must be.
//! For two channels this is Knapp & Carter (1976).

use nalgebra::{DMatrix, DVector};
use ndarray::Array2;
use rayon::prelude::*;
use realfft::num_complex::Complex;

use super::lateness::Clocks;
use crate::channelise::Left;
use crate::cross_spectra::{Coherence, wide};

/// Frequency is cut into this many blocks for scores and signal-to-noise ratios.
const BLOCKS: usize = 48;

/// Relative error of a sensor's amplitude coherence that a block of bins must reach: fewer, wider blocks at low signal,
/// since noisy weights claim more information than there is.
const BLOCK_PRECISION: f64 = 0.1;

/// The share of a channel's power that a leak can plausibly be; keeps `S` finite.
pub(super) const MAX_SHARE: f64 = 0.98;

/// The likelihood of ranges, with signal-to-noise ratios fitted at some ranges.
#[derive(Debug, Clone)]
pub struct Likelihood<'a> {
    pub(super) coherence: &'a Coherence,
    clocks: Clocks<'a>,
    pub(super) wavenumber_rad_m: &'a [f64],
    samples_per_bin: f64,
    /// Sensors on each clock of which nobody knows how late it is; `[sensor, clock]`, 1 or 0.
    pub(super) free: DMatrix<f64>,
    /// First bin of each block, and one past the last.
    edges: Vec<usize>,
    /// What segments leave of each pair at its lag; `[pair, block]`.
    left: Array2<Left>,
    /// Share of each channel's power that is the leak; `[sensor, block]`.
    pub(super) share: Array2<f64>,
}

/// One block's part of the likelihood and of its gradient by range, 1/m.
#[derive(Debug, Clone)]
pub struct BlockScore {
    /// Part of `L`.
    pub value: f64,
    /// Part of `∂L/∂r`.
    pub gradient: DVector<f64>,
}

impl<'a> Likelihood<'a> {
    /// Fits the signal-to-noise ratios that explain the coherence along `ranges_m`.
    ///
    /// The real part of the coherence, steered along the ranges, has no bias from chance however few the averages;
    /// what is common to all pairs of a sensor is its own amplitude: `Re γ_mn = q_m q_n`, `q² = S/(1+S)`.
    pub fn fit(
        coherence: &'a Coherence,
        wavenumber_rad_m: &'a [f64],
        samples_per_bin: f64,
        ranges_m: &DVector<f64>,
    ) -> Self {
        let clocks = Clocks { of: &coherence.groups, shared: 1.0 };
        Self::on_clocks(coherence, clocks, wavenumber_rad_m, samples_per_bin, ranges_m)
    }

    /// The same, where pairs were formed across clocks that are late by nothing but what the ranges say.
    pub(super) fn at(
        coherence: &'a Coherence,
        clocks: Clocks<'a>,
        wavenumber_rad_m: &'a [f64],
        samples_per_bin: f64,
        ranges_m: &DVector<f64>,
    ) -> Self {
        let bins = wavenumber_rad_m.len();
        let blocks = BLOCKS.min(bins);
        let edges: Vec<usize> = (0..=blocks).map(|b| b * bins / blocks).collect();
        let sensors = coherence.groups.len();
        let left = left_at(coherence, wavenumber_rad_m, &edges, ranges_m);
        let share = Array2::zeros((sensors, blocks));
        let free = clocks.free(&coherence.groups);
        let mut fitted = Self { coherence, clocks, wavenumber_rad_m, samples_per_bin, free, edges, left, share };
        let aligned = fitted.aligned(ranges_m);
        let band_mean: Vec<f64> = aligned.rows().into_iter().map(|row| row.sum() / blocks as f64).collect();
        let amplitude = rank_one(&coherence.pairs, sensors, &band_mean);
        // One pair's coherence over the band has this standard error; a sensor's amplitude rests on its own pairs.
        let error = (2.0 * samples_per_bin * bins as f64).sqrt().recip();
        let typical = amplitude.iter().map(|q| q * q).sum::<f64>() / sensors as f64;
        let partners = 2.0 * coherence.pairs.len() as f64 / sensors.max(1) as f64;
        let precision = error / (typical * partners.max(1.0).sqrt());
        let wanted = ((BLOCK_PRECISION / precision).powi(2) as usize).clamp(1, blocks);
        for group in 0..wanted {
            let of_group = group * blocks / wanted..(group + 1) * blocks / wanted;
            let mean: Vec<f64> = aligned
                .rows()
                .into_iter()
                .map(|row| of_group.clone().map(|b| row[b]).sum::<f64>() / of_group.len() as f64)
                .collect();
            for (sensor, q) in rank_one(&coherence.pairs, sensors, &mean).into_iter().enumerate() {
                of_group.clone().for_each(|b| fitted.share[[sensor, b]] = (q * q).min(MAX_SHARE));
            }
        }
        fitted
    }

    /// Share of each channel's power that is the leak; `[sensor, block]`, blocks of equal numbers of bins.
    pub fn share(&self) -> &Array2<f64> {
        &self.share
    }

    /// The block that a used bin belongs to.
    pub fn block_of(&self, bin: usize) -> usize {
        self.edges.partition_point(|&edge| edge <= bin) - 1
    }

    /// The used bins of a block.
    pub(super) fn bins(&self, block: usize) -> std::ops::Range<usize> {
        self.edges[block]..self.edges[block + 1]
    }

    /// Expected information on the ranges, 1/m², where it is known how late each clock is.
    pub fn with_clocks_known(&self) -> DMatrix<f64> {
        let sensors = self.share.nrows();
        let mut information = DMatrix::zeros(sensors, sensors);
        for (block, edge) in self.edges.windows(2).enumerate() {
            let k2: f64 = self.wavenumber_rad_m[edge[0]..edge[1]].iter().map(|k| k * k).sum();
            let snr = self.snr(block);
            for (row, &(m, n)) in self.coherence.pairs.iter().enumerate() {
                let weight = k2 * snr[m] * snr[n] * self.count(row, block, &snr);
                information[(m, n)] -= weight;
                information[(n, m)] -= weight;
                information[(m, m)] += weight;
                information[(n, n)] += weight;
            }
        }
        information
    }

    /// The parts by cross-spectra of the same pairs of the likelihood and of its gradient, block by block.
    pub(super) fn scores_by(&self, coherence: &Coherence, ranges_m: &DVector<f64>) -> Vec<BlockScore> {
        let sensors = ranges_m.len();
        (0..self.edges.len() - 1)
            .into_par_iter()
            .map(|block| {
                let bins = self.bins(block);
                let steering = self.steering(ranges_m, bins.clone());
                let snr = self.snr(block);
                let mut score = BlockScore { value: 0.0, gradient: DVector::zeros(sensors) };
                for (row, &(m, n)) in coherence.pairs.iter().enumerate() {
                    let weight = self.weight(row, block, &snr);
                    if weight == 0.0 {
                        continue;
                    }
                    let (mut value, mut slope) = (0.0, 0.0);
                    for (i, bin) in bins.clone().enumerate() {
                        let turned = wide(coherence.value[[row, bin]]) * steering[m][i] * steering[n][i].conj();
                        value += turned.re;
                        slope -= self.wavenumber_rad_m[bin] * turned.im;
                    }
                    score.value += weight * value;
                    score.gradient[m] += weight * slope;
                    score.gradient[n] -= weight * slope;
                }
                score
            })
            .collect()
    }

    /// Mean real part of the steered coherence; `[pair, block]`.
    fn aligned(&self, ranges_m: &DVector<f64>) -> Array2<f64> {
        let blocks = self.edges.len() - 1;
        let columns: Vec<Vec<f64>> = (0..blocks)
            .into_par_iter()
            .map(|block| {
                let bins = self.bins(block);
                let steering = self.steering(ranges_m, bins.clone());
                let mean = |row: usize, m: usize, n: usize| {
                    let turned = bins.clone().enumerate().map(|(i, bin)| {
                        (wide(self.coherence.value[[row, bin]]) * steering[m][i] * steering[n][i].conj()).re
                    });
                    turned.sum::<f64>() / bins.len() as f64 / self.left[[row, block]].coherence
                };
                self.coherence.pairs.iter().enumerate().map(|(row, &(m, n))| mean(row, m, n)).collect()
            })
            .collect();
        Array2::from_shape_fn((self.coherence.pairs.len(), blocks), |(row, block)| columns[block][row])
    }

    /// `exp(i k r)` for each sensor and bin of a block.
    fn steering(&self, ranges_m: &DVector<f64>, bins: std::ops::Range<usize>) -> Vec<Vec<Complex<f64>>> {
        let k = &self.wavenumber_rad_m[bins];
        ranges_m.iter().map(|r| k.iter().map(|k| Complex::from_polar(1.0, k * r)).collect()).collect()
    }

    pub(super) fn snr(&self, block: usize) -> Vec<f64> {
        self.share.column(block).iter().map(|share| share / (1.0 - share)).collect()
    }

    /// What a bin of a pair's coherence counts in `L`: `2 n A`, for the whole of that coherence.
    pub(super) fn weight(&self, row: usize, block: usize, snr: &[f64]) -> f64 {
        let (m, n) = self.coherence.pairs[row];
        let amplitude = (snr[m] * snr[n] * (1.0 + snr[m]) * (1.0 + snr[n])).sqrt();
        amplitude * self.count(row, block, snr) / self.left[[row, block]].coherence
    }

    /// `2 n / (1 + ΣS)`: twice the independent samples that tell a pair's delay, as the others leave of them.
    pub(super) fn count(&self, row: usize, block: usize, snr: &[f64]) -> f64 {
        let (m, n) = self.coherence.pairs[row];
        2.0 * self.samples_per_bin * self.left[[row, block]].samples / self.total(snr, m, n)
    }

    /// `1 + ΣS` over the sensors that share the time of this pair: those on one clock, or laid over each other. Where they
    /// do so for a part of the time, the harmonic mean.
    pub(super) fn total(&self, snr: &[f64], m: usize, n: usize) -> f64 {
        let sum = |groups: &[usize]| {
            1.0 + snr.iter().zip(groups).filter(|(_, g)| **g == groups[m]).map(|(s, _)| s).sum::<f64>()
        };
        let (together, Clocks { of, shared }) = (sum(&self.coherence.groups), self.clocks);
        if shared == 1.0 {
            return together;
        }
        let alone = if of[m] == of[n] { (1.0 - shared) / sum(of) } else { 0.0 };
        (shared / together + alone).recip()
    }
}

/// What segments leave of each pair at the lag between these ranges, by the group speed in each block; `[pair, block]`.
pub(super) fn left_at(
    coherence: &Coherence,
    wavenumber_rad_m: &[f64],
    edges: &[usize],
    ranges_m: &DVector<f64>,
) -> Array2<Left> {
    let (k, hz) = (wavenumber_rad_m, &coherence.frequency_hz);
    let slowness_s_m: Vec<f64> = edges
        .windows(2)
        .map(|edge| {
            let last = edge[1].min(k.len() - 1);
            let first = edge[0].min(last.saturating_sub(1));
            // One bin alone has no group speed, and no lag that matters.
            ((k[last] - k[first]) / (std::f64::consts::TAU * (hz[last] - hz[first]))).max(0.0)
        })
        .collect();
    Array2::from_shape_fn((coherence.pairs.len(), slowness_s_m.len()), |(row, block)| {
        let (m, n) = coherence.pairs[row];
        coherence.lag_window.at((ranges_m[m] - ranges_m[n]) * slowness_s_m[block])
    })
}

/// Amplitudes `q >= 0` with `q_m q_n ≈ c_mn`, by alternating least squares over the pairs that exist: each amplitude in
/// turn, given the others.
pub(super) fn rank_one(pairs: &[(usize, usize)], sensors: usize, coherence: &[f64]) -> Vec<f64> {
    let mut partners = vec![Vec::new(); sensors];
    for (&(m, n), c) in pairs.iter().zip(coherence) {
        partners[m].push((n, *c));
        partners[n].push((m, *c));
    }
    let mean = coherence.iter().sum::<f64>() / coherence.len().max(1) as f64;
    let mut amplitude = vec![mean.max(1e-12).sqrt(); sensors];
    for _ in 0..100 {
        let mut change: f64 = 0.0;
        for m in 0..sensors {
            let (product, square) = partners[m]
                .iter()
                .fold((0.0, 0.0), |(p, s), &(n, c)| (p + c * amplitude[n], s + amplitude[n] * amplitude[n]));
            let next = if square > 0.0 { (product / square).clamp(0.0, 1.0) } else { 0.0 };
            change = change.max((next - amplitude[m]).abs());
            amplitude[m] = next;
        }
        if change < 1e-8 {
            break;
        }
    }
    amplitude
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cross_spectra::narrow;
    use std::sync::Arc;

    fn coherence_of(ranges: &[f64], q: &[f64], k: &[f64]) -> Coherence {
        let sensors = ranges.len();
        let pairs: Vec<_> = (0..sensors).flat_map(|m| (m + 1..sensors).map(move |n| (m, n))).collect();
        let value = Array2::from_shape_fn((pairs.len(), k.len()), |(row, bin)| {
            let (m, n) = pairs[row];
            narrow(Complex::from_polar(q[m] * q[n], -k[bin] * (ranges[m] - ranges[n])))
        });
        let (frequency_hz, groups) = (vec![0.0; k.len()], vec![0; sensors]);
        Coherence { frequency_hz, pairs, groups, averages: 100.0, lag_window: Arc::default(), value, emphasis: None }
    }

    #[test]
    fn amplitudes_come_back_from_exact_coherence() {
        let (ranges, q) = ([0.3, 1.1, 0.7, 2.0], [0.9, 0.2, 0.5, 0.05]);
        let k: Vec<f64> = (0..500).map(|i| 400.0 + f64::from(i)).collect();
        let coherence = coherence_of(&ranges, &q, &k);
        let likelihood = Likelihood::fit(&coherence, &k, 10.0, &DVector::from_row_slice(&ranges));
        for (m, q) in q.iter().enumerate() {
            assert!((likelihood.share()[[m, 0]].sqrt() - q).abs() < 1e-6, "sensor {m}");
        }
    }

    #[test]
    fn gradient_is_the_slope_and_information_the_expected_bend() {
        let (ranges, q) = ([0.3, 1.1, 0.7, 2.0], [0.6, 0.4, 0.5, 0.3]);
        let k: Vec<f64> = (0..500).map(|i| 400.0 + f64::from(i)).collect();
        let coherence = coherence_of(&ranges, &q, &k);
        let truth = DVector::from_row_slice(&ranges);
        let likelihood = Likelihood::fit(&coherence, &k, 10.0, &truth);
        let value = |r: &DVector<f64>| likelihood.scores(r).iter().map(|s| s.value).sum::<f64>();
        let gradient = |r: &DVector<f64>| likelihood.scores(r).iter().map(|s| &s.gradient).sum::<DVector<f64>>();
        let off = &truth + DVector::from_row_slice(&[1e-4, -2e-4, 5e-5, 0.0]);
        let step = 1e-7;
        for m in 0..4 {
            let mut ahead = off.clone();
            ahead[m] += step;
            let slope = (value(&ahead) - value(&off)) / step;
            let bend = likelihood.information()[(m, m)];
            // A forward difference errs by half a step of the bend.
            assert!((slope - gradient(&off)[m]).abs() < bend * step, "sensor {m}");
        }
        let information = likelihood.information();
        let expected =
            -(gradient(&(&truth + DVector::from_row_slice(&[0.0, 1e-7, 0.0, 0.0]))) - gradient(&truth)) / 1e-7;
        for m in 0..4 {
            let scale = information[(1, 1)];
            // On exact data the observed bend is the expected one up to the rank-one fit.
            assert!(
                (information[(m, 1)] - expected[m]).abs() < 1e-4 * scale,
                "{m}: {} {}",
                information[(m, 1)],
                expected[m]
            );
        }
        assert!((information * DVector::from_element(4, 1.0)).norm() < 1e-6, "a common range must be free");
    }

    #[test]
    fn two_sensors_carry_knapp_and_carters_information() {
        let q = [0.5f64, 0.7];
        let k: Vec<f64> = (0..300).map(|i| 500.0 + f64::from(i)).collect();
        let coherence = coherence_of(&[1.0, 1.5], &q, &k);
        // Two amplitudes cannot be told apart from one product; only the product matters.
        let likelihood = Likelihood::fit(&coherence, &k, 7.0, &DVector::from_row_slice(&[1.0, 1.5]));
        let information = likelihood.information()[(0, 0)];
        let g2 = (q[0] * q[1]).powi(2);
        let knapp_carter = 2.0 * 7.0 * k.iter().map(|k| k * k).sum::<f64>() * g2 / (1.0 - g2);
        assert!((information / knapp_carter - 1.0).abs() < 1e-6, "{information} {knapp_carter}");
    }
}
