//! How late free clocks are, where pairs were formed across them: unknowns over which the likelihood is the largest.
//!
//! Recorders that run free can be laid over each other ([`Clocks`]). Then pairs across them are there, but how late each
//! clock is stays unknown: wherever the likelihood is asked for, it is the largest over that, its gradient stays and its
//! information is what is left of it. With `C` the columns of sensors on one clock, `F − FC(CᵀFC)⁻¹CᵀF`.

use nalgebra::{DMatrix, DVector};
use ndarray::{Array2, Axis};
use realfft::num_complex::Complex;

use super::likelihood::{BlockScore, Likelihood, MAX_SHARE};
use crate::cross_spectra::{Coherence, wide};

/// Steps at most to how late a clock is, and when it is known, metres: steps shrink to less than a tenth each.
const CLOCK_STEPS: usize = 8;
const CLOCK_SETTLED_M: f64 = 1e-9;

/// Clocks between which pairs were formed though nobody knows how late each is.
#[derive(Debug, Clone, Copy)]
pub struct Clocks<'a> {
    /// The clock of each sensor.
    pub of: &'a [usize],
    /// Share of the time in which all were heard: pairs across them are means over that.
    pub shared: f64,
}

/// Two sets of sensors on different clocks, seen as one pair.
pub struct Joint {
    /// Products by bin: their part of `L` is `Σ Re{z exp(i k x)}` where one set is `x` later still.
    pub products: Vec<Complex<f64>>,
    /// What that is on average where `x` is right, and its standard deviation by noise.
    pub expected: (f64, f64),
}

impl Clocks<'_> {
    /// One column a clock that stands free of the one after which its group is called: 1 for its sensors, else 0.
    pub fn free(&self, groups: &[usize]) -> DMatrix<f64> {
        let mut free: Vec<usize> = self.of.iter().zip(groups).filter(|(c, g)| c != g).map(|(c, _)| *c).collect();
        free.sort_unstable();
        free.dedup();
        DMatrix::from_fn(self.of.len(), free.len(), |m, column| f64::from(u8::from(self.of[m] == free[column])))
    }
}

impl<'a> Likelihood<'a> {
    /// As [`Likelihood::fit`], where pairs were formed across clocks; at first each clock is taken to be late by nothing.
    pub fn on_clocks(
        coherence: &'a Coherence,
        clocks: Clocks<'a>,
        wavenumber_rad_m: &'a [f64],
        samples_per_bin: f64,
        ranges_m: &DVector<f64>,
    ) -> Self {
        let fit = |ranges_m: &DVector<f64>| Self::at(coherence, clocks, wavenumber_rad_m, samples_per_bin, ranges_m);
        let fitted = fit(ranges_m);
        if fitted.free.ncols() == 0 { fitted } else { fit(&(ranges_m + fitted.late_m(ranges_m))) }
    }

    /// The same where the leak is this share of each channel's power, `[sensor][used bin]`, as far as its amplitude is one
    /// spectrum that each sensor hears by a factor of its own: noise in shares, squared, would be taken for signal.
    pub fn sharing(mut self, leak_share: &[Vec<f64>]) -> Self {
        let (sensors, blocks) = self.share.dim();
        let amplitude =
            Array2::from_shape_fn((sensors, blocks), |(m, block)| leak_share[m][self.bins(block).start].sqrt());
        let [of_sensor, of_block] = [Axis(1), Axis(0)].map(|axis| amplitude.mean_axis(axis).expect("sensors and bins"));
        let mean = of_sensor.mean().unwrap_or_default().max(f64::MIN_POSITIVE);
        let share = |(m, block): (usize, usize)| (of_sensor[m] * of_block[block] / mean).powi(2).min(MAX_SHARE);
        self.share = Array2::from_shape_fn((sensors, blocks), share);
        self
    }

    /// Expected information on the ranges, 1/m²; a graph Laplacian over each clock group.
    pub fn information(&self) -> DMatrix<f64> {
        let whole = self.with_clocks_known();
        match self.taken_up(&whole) {
            Some(taken_up) => &whole - taken_up * (&whole * &self.free).transpose(),
            None => whole,
        }
    }

    /// The parts of the likelihood and of its gradient, block by block, each clock as late as makes it largest.
    pub fn scores(&self, ranges_m: &DVector<f64>) -> Vec<BlockScore> {
        if self.free.ncols() == 0 {
            return self.scores_by(self.coherence, ranges_m);
        }
        let mut scores = self.scores_by(self.coherence, &(ranges_m + self.late_m(ranges_m)));
        if let Some(taken_up) = self.taken_up(&self.with_clocks_known()) {
            scores.iter_mut().for_each(|s| s.gradient -= &taken_up * (self.free.transpose() * &s.gradient));
        }
        scores
    }

    /// How late the clock of each sensor is, metres of sound, where these are the ranges.
    pub fn late_m(&self, ranges_m: &DVector<f64>) -> DVector<f64> {
        let mut late = DVector::zeros(ranges_m.len());
        for _ in 0..CLOCK_STEPS {
            let Some((step, _)) = self.clocks_by(self.coherence, &(ranges_m + &late)) else { break };
            late += &self.free * &step;
            if step.amax() < CLOCK_SETTLED_M {
                break;
            }
        }
        late
    }

    /// What other cross-spectra of the same pairs say of how late clocks are, metres, and its covariance, by free clock.
    pub fn clocks_by(&self, other: &Coherence, ranges_m: &DVector<f64>) -> Option<(DVector<f64>, DMatrix<f64>)> {
        let gradient: DVector<f64> = self.scores_by(other, ranges_m).iter().map(|s| &s.gradient).sum();
        let seen = self.free.transpose() * self.with_clocks_known() * &self.free;
        let covariance = Some(seen).filter(|seen| seen.ncols() > 0)?.try_inverse()?;
        Some((&covariance * (self.free.transpose() * gradient), covariance))
    }

    /// The pairs between sensors that are `later` and those `before`.
    pub fn joint(&self, later: &[usize], before: &[usize], ranges_m: &DVector<f64>) -> Joint {
        let mut products = vec![Complex::default(); self.wavenumber_rad_m.len()];
        let (mut expected, mut variance) = (0.0, 0.0);
        for (row, &(m, n)) in self.coherence.pairs.iter().enumerate() {
            let is_later = later.contains(&m) && before.contains(&n);
            if !(is_later || later.contains(&n) && before.contains(&m)) {
                continue;
            }
            let apart_m = ranges_m[m] - ranges_m[n];
            for block in 0..self.share().ncols() {
                let snr = self.snr(block);
                let (weight, count) = (self.weight(row, block, &snr), self.count(row, block, &snr));
                for bin in self.bins(block) {
                    let turned =
                        wide(self.coherence.value[[row, bin]]) * Complex::cis(self.wavenumber_rad_m[bin] * apart_m);
                    products[bin] += if is_later { turned } else { turned.conj() } * weight;
                }
                let sum = self.bins(block).len() as f64 * count * snr[m] * snr[n];
                expected += sum;
                variance += sum * (1.0 + snr[m]) * (1.0 + snr[n]) / self.total(&snr, m, n);
            }
        }
        Joint { products, expected: (expected, variance.sqrt()) }
    }

    /// `FC(CᵀFC)⁻¹`: what a change of ranges says of clocks and the other way round; `None` where all clocks are known.
    fn taken_up(&self, whole: &DMatrix<f64>) -> Option<DMatrix<f64>> {
        if self.free.ncols() == 0 {
            return None;
        }
        let seen = whole * &self.free;
        (self.free.transpose() * &seen).try_inverse().map(|inverse| seen * inverse)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::cross_spectra::narrow;

    const Q: f64 = 0.4;

    /// Six sensors on two clocks, the second late by so much; every pair was formed.
    fn heard(ranges_m: &[f64], late_m: f64, k: &[f64]) -> Coherence {
        let pairs: Vec<_> = (0..6).flat_map(|m| (m + 1..6).map(move |n| (m, n))).collect();
        let way = |m: usize| ranges_m[m] + if m >= 3 { late_m } else { 0.0 };
        let value = Array2::from_shape_fn((pairs.len(), k.len()), |(row, bin)| {
            let (m, n) = pairs[row];
            narrow(Complex::from_polar(Q * Q, -k[bin] * (way(m) - way(n))))
        });
        let (frequency_hz, groups) = (vec![0.0; k.len()], vec![0; 6]);
        Coherence { frequency_hz, pairs, groups, averages: 100.0, lag_window: Arc::default(), value, emphasis: None }
    }

    #[test]
    fn a_late_clock_is_told_and_moves_nothing_else() {
        let (ranges, late_m) = ([0.3, 1.1, 0.7, 2.0, 0.9, 1.6], 8e-4);
        let k: Vec<f64> = (0..500).map(|i| 400.0 + f64::from(i)).collect();
        let coherence = heard(&ranges, late_m, &k);
        let clocks = Clocks { of: &[0, 0, 0, 1, 1, 1], shared: 1.0 };
        let ranges = DVector::from_row_slice(&ranges);
        let likelihood = Likelihood::on_clocks(&coherence, clocks, &k, 10.0, &ranges);
        let late = likelihood.late_m(&ranges);
        assert!((0..6).all(|m| (late[m] - if m < 3 { 0.0 } else { late_m }).abs() < CLOCK_SETTLED_M), "{late}");
        let information = likelihood.information();
        let gradient: DVector<f64> = likelihood.scores(&ranges).iter().map(|s| &s.gradient).sum();
        // A gradient that asks for a nanometre is none.
        assert!(gradient.amax() < information[(0, 0)] * CLOCK_SETTLED_M, "{gradient}");
        for column in [&likelihood.free, &DMatrix::from_element(6, 1, 1.0)] {
            assert!((&information * column).amax() < 1e-9 * information[(0, 0)], "a late clock is no way");
        }
    }

    #[test]
    fn an_open_clock_leaves_what_theory_says() {
        let ranges = [0.3, 1.1, 0.7, 2.0, 0.9, 1.6];
        let k: Vec<f64> = (0..500).map(|i| 400.0 + f64::from(i)).collect();
        let coherence = heard(&ranges, 0.0, &k);
        let apart = DVector::from_row_slice(&[1.0, -1.0, 0.0, 0.0, 0.0, 0.0]);
        let known = |of: &[usize], shared: f64| {
            let likelihood =
                Likelihood::on_clocks(&coherence, Clocks { of, shared }, &k, 10.0, &DVector::from_row_slice(&ranges));
            let of_apart = &likelihood.information() * &apart;
            apart.dot(&of_apart)
        };
        // Of two sensors on one clock, `S Σ / (1 + Σ)` where `Σ` is the sum over all that are heard with them.
        let snr = Q * Q / (1.0 - Q * Q);
        let of_sum = |sum: f64| 2.0 * 2.0 * 10.0 * k.iter().map(|k| k * k).sum::<f64>() * snr * sum / (1.0 + sum);
        let clocks = [0, 0, 0, 1, 1, 1];
        assert!((known(&clocks, 1.0) / of_sum(6.0 * snr) - 1.0).abs() < 1e-6);
        // Where the others were there for none of the time, each recorder is alone.
        assert!((known(&clocks, 1e-9) / of_sum(3.0 * snr) - 1.0).abs() < 1e-6);
    }
}
