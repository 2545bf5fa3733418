//! Matrices of captures that were never made: what chance would show if only what a model holds were there.
//!
//! A matrix accumulated from Gaussian sound is complex-Wishart about its mean (Goodman 1963), with neighbouring bins
//! correlated by the window. That is all a null hypothesis needs: no samples are kept, and a matrix merged from many
//! captures is tested like one. Time-shifted partners of the capture itself would cost a matrix each while listening.

use nalgebra::{Cholesky, Complex, DMatrix};
use ndarray::{Array2, Axis};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use super::drawn::Spectra;
use super::matrix::{CrossSpectra, Layout};
use super::means::{Means, narrow, wide};

/// Products that the two halves of one draw sum over all bins, at least: the third moment of a steered sum, which falls with their root,
/// is then under 0.03 of a standard deviation.
const MIN_PRODUCTS: usize = 4096;

/// Draws a channel where the matrix is to be inverted.
const DRAWS_A_CHANNEL: usize = 4;

/// How much of a power's scatter is that of its products, re the squared coherence that is held: what is more than the scatter of chance stays
/// under an eighth of it, and coherence that is no more than chance, of less than a tenth, does not make powers know all.
const KNOWN: f64 = 10.0;

/// Amplitude of the window's transform, re its middle, below which bins count as independent.
const NEGLIGIBLE: f64 = 0.02;

/// What is held to be there: powers, and coherence between channels or none.
#[derive(Debug, Clone)]
pub struct Model {
    layout: Layout,
    /// `[channel, bin]`, full scale²/Hz.
    auto: Array2<f64>,
    /// Lower factor of the coherence matrix of each bin; absent where channels have nothing in common.
    factors: Option<Vec<DMatrix<Complex<f32>>>>,
    /// The coherence that they stand for; `[pair, bin]`.
    held: Option<Array2<Complex<f32>>>,
    /// Amplitudes with which a bin takes up independent ones about it.
    leakage: Vec<f64>,
    /// Draws that make one half of a matrix, at most.
    enough: usize,
}

impl Model {
    /// Channels of these powers that have nothing in common.
    pub fn noise(layout: &Layout, powers: &Means) -> Self {
        let enough = MIN_PRODUCTS.div_ceil(2 * layout.bins).max(2);
        let (auto, leakage) = (powers.auto.clone(), leakage(layout));
        Self { layout: layout.clone(), auto, factors: None, held: None, leakage, enough }
    }

    /// Channels of these powers and this coherence; `[pair, bin]`.
    pub fn coherent(layout: &Layout, powers: &Means, coherence: &Array2<Complex<f32>>) -> Self {
        let channels = layout.groups.len();
        let factor = |bin: usize| {
            let mut matrix = DMatrix::identity(channels, channels);
            for (row, &(m, n)) in layout.pairs.iter().enumerate() {
                matrix[(m, n)] = wide(coherence[[row, bin]]);
                matrix[(n, m)] = wide(coherence[[row, bin]]).conj();
            }
            positive_factor(&matrix).map(narrow)
        };
        let factors: Vec<DMatrix<Complex<f32>>> = (0..layout.bins).into_par_iter().map(factor).collect();
        let held = |(row, bin)| {
            let (m, n): (usize, usize) = layout.pairs[row];
            narrow(product(&factors[bin], m, n))
        };
        let held = Array2::from_shape_fn(coherence.dim(), held);
        Self { held: Some(held), factors: Some(factors), ..Self::noise(layout, powers) }
    }

    /// What a recording of something else, of the same layout, holds.
    pub fn of(recording: &CrossSpectra) -> Self {
        let (layout, mean) = (recording.layout(), recording.mean());
        // A background is inverted when a capture is whitened by it.
        let model = Self::coherent(layout, &mean, &mean.coherence(layout));
        Self { enough: model.enough.max(DRAWS_A_CHANNEL * layout.groups.len()), ..model }
    }

    /// One matrix that a capture of so many segments may give; the same for the same seed.
    pub fn draw(&self, segments: u64, seed: u64) -> CrossSpectra {
        let halves = halves(segments, seed).map(|half| self.means(&[half], self.own(segments)).into_sums());
        CrossSpectra::new(self.layout.clone(), halves.into())
    }

    /// The mean over segments of such a matrix, without its halves.
    pub fn mean(&self, segments: u64, seed: u64) -> Means {
        self.means(&halves(segments, seed), self.own(segments))
    }

    /// How much of a power's scatter is that of its products, where nothing is shared, in a capture of so many segments.
    ///
    /// Of `n` averages a power knows the squares of its products by 1/n; of fewer draws it would know more, and coherence would
    /// come out smaller than chance makes it. The rest of its scatter is that of another part of the band.
    fn own(&self, segments: u64) -> f64 {
        let averages = self.layout.segmentation.averages(segments.div_ceil(2));
        if averages.round() as usize > self.enough { (self.enough as f64 / averages).sqrt() } else { 1.0 }
    }

    /// The means over some halves together, each told by its segments and its seed; powers have this share of their own scatter.
    fn means(&self, halves: &[(u64, u64)], own: f64) -> Means {
        let Layout { bins, groups, .. } = &self.layout;
        let segments: u64 = halves.iter().map(|half| half.0).sum();
        let mut means = Means { segments, ..Means::zero(&self.layout) };
        let mut heard = Spectra::new(groups.len(), *bins);
        let mut drawn = 0.0;
        for &(of_half, seed) in halves.iter().filter(|half| half.0 > 0) {
            let averages = self.layout.segmentation.averages(of_half);
            let draws = (averages.round() as usize).clamp(1, self.enough);
            // Fewer draws than averages scatter more; the scatter is brought to what the averages leave.
            let scatter = (draws as f64 / averages).sqrt();
            let share = of_half as f64 / segments as f64 * scatter;
            let amplitude = (share / draws as f64).sqrt();
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            for _ in 0..draws {
                let mut white = |spectrum: &mut [Complex<f64>]| self.white(&mut rng, amplitude, spectrum);
                heard.hear(&mut white, self.factors.as_deref());
                if heard.is_full() {
                    heard.add_to(&mut means, &self.layout);
                }
            }
            drawn += share;
        }
        heard.add_to(&mut means, &self.layout);
        self.give_powers(&mut means, drawn, own);
        means
    }

    /// From products of channels of unit power, of which a share was `drawn`, to those of channels of the model's powers.
    fn give_powers(&self, means: &mut Means, drawn: f64, own: f64) {
        let bins = self.layout.bins;
        for (channel, (mut row, held)) in means.auto.rows_mut().into_iter().zip(self.auto.rows()).enumerate() {
            let excess: Vec<f64> = row.iter().map(|power| power - drawn).collect();
            // What a channel shares with others, its power must know: coherence would scatter by 1 + 4γ²(1 − own)/(1 − γ²)² of chance, nearly
            // twice as much at γ = 0.5 if it knew no more than a half.
            let mut own = vec![own; bins];
            if let Some(held) = &self.held {
                let pairs = self.layout.pairs.iter().enumerate().filter(|(_, (m, n))| *m == channel || *n == channel);
                for (index, _) in pairs {
                    own.iter_mut()
                        .zip(held.row(index))
                        .for_each(|(own, g)| *own = own.max(KNOWN * f64::from(g.norm_sqr())).min(1.0));
                }
            }
            for (bin, power) in row.iter_mut().enumerate() {
                let other = (1.0 - own[bin] * own[bin]).sqrt();
                let elsewhere = excess[(bin + bins / 2) % bins];
                *power = held[bin] * (1.0 + own[bin] * excess[bin] + other * elsewhere).max(0.0);
            }
        }
        let amplitude = self.auto.mapv(f64::sqrt);
        let rows = means.cross.axis_iter_mut(Axis(0)).zip(&self.layout.pairs).enumerate();
        rows.collect::<Vec<_>>().into_par_iter().for_each(|(index, (mut row, &(m, n)))| {
            let scales = amplitude.row(m).into_iter().zip(amplitude.row(n)).map(|(a, b)| a * b);
            match &self.held {
                None => row.iter_mut().zip(scales).for_each(|(g, scale)| *g = narrow(wide(*g) * scale)),
                Some(held) => {
                    let of_bin = |((g, scale), held): ((&mut Complex<f32>, f64), &Complex<f32>)| {
                        *g = narrow((wide(*held) * (1.0 - drawn) + wide(*g)) * scale);
                    };
                    row.iter_mut().zip(scales).zip(held.row(index)).for_each(of_bin);
                }
            }
        });
    }

    /// A spectrum of white noise under the window, of this amplitude.
    fn white(&self, rng: &mut ChaCha8Rng, amplitude: f64, spectrum: &mut [Complex<f64>]) {
        let mut normal = || -> f64 { StandardNormal.sample(rng) };
        let half = amplitude * std::f64::consts::FRAC_1_SQRT_2;
        let free: Vec<Complex<f64>> = (0..spectrum.len() + self.leakage.len() - 1)
            .map(|_| Complex::new(half * normal(), half * normal()))
            .collect();
        for (bin, x) in spectrum.iter_mut().enumerate() {
            *x = self.leakage.iter().zip(&free[bin..]).map(|(a, z)| z * a).sum();
        }
    }
}

/// Segments and seeds of the two halves of a capture.
fn halves(segments: u64, seed: u64) -> [(u64, u64); 2] {
    [(segments.div_ceil(2), seed << 1), (segments / 2, seed << 1 | 1)]
}

/// `(L Lᴴ)` at one place.
fn product(factor: &DMatrix<Complex<f32>>, m: usize, n: usize) -> Complex<f64> {
    (0..=m.min(n)).map(|i| wide(factor[(m, i)]) * wide(factor[(n, i)]).conj()).sum()
}

/// A lower factor of the matrix, coherence lowered until it has one: estimates of few averages may not be positive.
fn positive_factor(matrix: &DMatrix<Complex<f64>>) -> DMatrix<Complex<f64>> {
    let channels = matrix.nrows();
    let unit = DMatrix::identity(channels, channels);
    for share in [0.999, 0.98, 0.9, 0.7, 0.4] {
        let lowered = matrix * Complex::from(share) + &unit * Complex::from(1.0 - share);
        if let Some(factor) = Cholesky::new(lowered) {
            let factor = factor.unpack();
            // For complex numbers a square root of a negative diagonal exists, and is no factor.
            if factor.diagonal().iter().all(|d| d.re > 0.0 && d.im.abs() < 1e-9) {
                return factor;
            }
        }
    }
    unit
}

/// The window's transform about a bin, of unit energy: what of its neighbours a bin takes up.
fn leakage(layout: &Layout) -> Vec<f64> {
    let window = layout.segmentation.window();
    let middle = (window.len() - 1) as f64 / 2.0;
    let turn = std::f64::consts::TAU / layout.segmentation.fft_samples as f64;
    let amplitude = |bin: usize| -> f64 {
        window.iter().enumerate().map(|(t, w)| w * (turn * bin as f64 * (t as f64 - middle)).cos()).sum()
    };
    let side: Vec<f64> =
        (0..).map(amplitude).take_while(|a| a.abs() > NEGLIGIBLE * window.iter().sum::<f64>()).collect();
    let energy = side[0].powi(2) + 2.0 * side[1..].iter().map(|a| a * a).sum::<f64>();
    side.iter().skip(1).rev().chain(&side).map(|a| a / energy.sqrt()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channelise::{Segmentation, Taper};

    fn layout(channels: usize) -> Layout {
        let cut = Segmentation { segment_samples: 256, hop_samples: 128, fft_samples: 256, taper: Taper::Hann };
        Layout::new(cut, 1000.0, 10..110, vec![0; channels])
    }

    fn powers(layout: &Layout) -> Means {
        Means { auto: Array2::from_elem((layout.groups.len(), layout.bins), 3.0), ..Means::zero(layout) }
    }

    #[test]
    fn noise_has_the_coherence_of_chance_and_neighbours_share_it() {
        let layout = layout(4);
        let model = Model::noise(&layout, &powers(&layout));
        let (segments, draws) = (40, 60);
        let averages = layout.segmentation.averages(20) * 2.0;
        let (mut coherence2, mut neighbours) = (0.0, 0.0);
        for seed in 0..draws {
            let mean = model.draw(segments, seed).mean();
            for row in mean.cross.rows() {
                coherence2 += row.iter().map(|g| f64::from(g.norm_sqr())).sum::<f64>() / 9.0;
                let together = |k: usize| f64::from((row[k] * row[k - 1].conj()).re);
                neighbours += (1..row.len()).map(together).sum::<f64>() / 9.0;
            }
        }
        let count = (draws as usize * 6 * layout.bins) as f64;
        // Means of `count` exponential values, 1.5 of which go together: five standard deviations.
        let tolerance = 5.0 * (1.5 / count).sqrt();
        assert!((coherence2 / count * averages - 1.0).abs() < tolerance, "{}", coherence2 / count * averages);
        // Hann's amplitudes -1/4, 1/2, -1/4 overlap by 2/3; a product of two channels by its square.
        let expected = 4.0 / 9.0 * 99.0 / 100.0;
        assert!((neighbours / count * averages - expected).abs() < tolerance, "{}", neighbours / count * averages);
    }

    #[test]
    fn coherence_is_that_of_all_averages_also_where_few_are_drawn() {
        let cut = Segmentation { segment_samples: 4096, hop_samples: 2048, fft_samples: 4096, taper: Taper::Hann };
        let layout = Layout::new(cut, 1000.0, 0..2000, vec![0; 6]);
        let model = Model::noise(&layout, &powers(&layout));
        let averages = 2.0 * layout.segmentation.averages(25);
        assert!((model.enough as f64) < averages / 8.0, "{} draws", model.enough);
        let seeds = 6;
        let mut coherence2 = 0.0;
        for seed in 0..seeds {
            let mean = model.draw(50, seed).mean();
            for (row, &(m, n)) in mean.cross.rows().into_iter().zip(&layout.pairs) {
                let of_bin = |(bin, g): (usize, &Complex<f32>)| {
                    f64::from(g.norm_sqr()) / (mean.auto[[m, bin]] * mean.auto[[n, bin]])
                };
                coherence2 += row.iter().enumerate().map(of_bin).sum::<f64>();
            }
        }
        let count = (seeds as usize * layout.pairs.len() * layout.bins) as f64;
        // As for many draws, but products of two scatter by half as much again; terms of the second order are under a hundredth.
        let tolerance = 5.0 * (1.5 * 1.5 / count).sqrt() + 0.01;
        assert!((coherence2 / count * averages - 1.0).abs() < tolerance, "{}", coherence2 / count * averages);
    }

    #[test]
    fn coherence_that_is_held_scatters_as_chance_has_it() {
        let cut = Segmentation { segment_samples: 4096, hop_samples: 2048, fft_samples: 4096, taper: Taper::Hann };
        let layout = Layout::new(cut, 1000.0, 0..2000, vec![0; 6]);
        let averages = 2.0 * layout.segmentation.averages(25);
        for held in [0.1f32, 0.3, 0.5, 0.7, 0.9] {
            let coherence = Array2::from_elem((layout.pairs.len(), layout.bins), Complex::from(held));
            let model = Model::coherent(&layout, &powers(&layout), &coherence);
            assert!((model.enough as f64) < averages / 8.0, "{} draws", model.enough);
            let mean = model.mean(50, 5);
            let mut found = Vec::new();
            for (row, &(m, n)) in mean.cross.rows().into_iter().zip(&layout.pairs) {
                let of_bin = |(bin, g): (usize, &Complex<f32>)| {
                    f64::from(g.norm()) / (mean.auto[[m, bin]] * mean.auto[[n, bin]]).sqrt()
                };
                found.extend(row.iter().enumerate().map(of_bin));
            }
            let middle = found.iter().sum::<f64>() / found.len() as f64;
            let scatter = found.iter().map(|g| (g - middle).powi(2)).sum::<f64>() / found.len() as f64;
            // Of a magnitude well above chance (Carter 1987); near chance, less. A factor of a thousandth less than is held is no matter.
            let of_chance = (1.0 - f64::from(held).powi(2)).powi(2) / (2.0 * averages);
            let ratio = scatter / of_chance;
            // What powers do not know, by KNOWN, and five standard deviations of a variance of products of few draws.
            let known = f64::from(held) * f64::from(held) * KNOWN;
            let more = 4.0 * f64::from(held).powi(2) * (1.0 - known).max(0.0) / (1.0 - f64::from(held).powi(2)).powi(2);
            let tolerance = 5.0 * (2.0 * 1.5 * 3.0 / (layout.bins * layout.groups.len()) as f64).sqrt();
            assert!(ratio < 1.0 + more + tolerance, "{held}: {ratio}");
            assert!(held < 0.2 || ratio > 1.0 - tolerance, "{held}: {ratio}");
            assert!(found.iter().all(|g| *g < 1.0), "{held}");
        }
    }

    #[test]
    fn what_the_model_holds_comes_back() {
        let layout = layout(3);
        let held = Complex::new(0.3, -0.4);
        let coherence = Array2::from_elem((3, layout.bins), narrow(held));
        let model = Model::coherent(&layout, &powers(&layout), &coherence);
        let mean = model.draw(4000, 7).mean();
        let middle = mean.cross.row(0).iter().map(|g| wide(*g)).sum::<Complex<f64>>() / layout.bins as f64;
        // 4000 segments of 100 bins scatter by 3/sqrt(4000·100·0.6); the factor takes off a thousandth.
        assert!((middle / 3.0 - held).norm() < 5.0 / (2.4e5f64).sqrt() + 1e-3, "{middle}");
        let power = mean.auto.row(1).mean().unwrap();
        assert!((power / 3.0 - 1.0).abs() < 5.0 / (2.4e5f64).sqrt(), "{power}");
        assert_eq!(model.draw(50, 3).mean(), model.draw(50, 3).mean());
        let (at_once, by_halves) = (model.mean(51, 3), model.draw(51, 3).mean());
        let off = (&at_once.cross - &by_halves.cross).iter().map(|g| g.norm()).fold(0.0, f32::max);
        // 42 products are added in two orders; amplitudes, means and scales are four roundings more. Magnitudes sum to no more than the powers
        // drawn (Cauchy and Schwarz), which are under twice the three that are held.
        let rounding = 6.0 * (42.0 + 4.0) * f32::EPSILON / 2.0;
        assert!(off < rounding && (&at_once.auto - &by_halves.auto).iter().all(|p| p.abs() < rounding.into()), "{off}");
        assert_ne!(model.draw(50, 3).mean(), model.draw(50, 4).mean());
    }
}
