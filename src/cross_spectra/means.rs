//! Means over segments, and the coherence that they hold.

use ndarray::{Array2, Zip};
use realfft::num_complex::Complex;

use super::matrix::{Layout, Sums};

/// Means over segments. Cross-spectra are in single precision, as the products are that they are made of: what rounding them once
/// more does is a fifth of what they are off by already.
#[derive(Debug, Clone, PartialEq)]
pub struct Means {
    /// Segments that they are of.
    pub segments: u64,
    /// Mean of |X_m|²; `[channel, bin]`, full scale²/Hz.
    pub auto: Array2<f64>,
    /// Mean of X_m conj(X_n); `[pair, bin]`.
    pub cross: Array2<Complex<f32>>,
}

impl Means {
    /// Of silence.
    pub fn zero(layout: &Layout) -> Self {
        Self {
            segments: 0,
            auto: Array2::zeros((layout.groups.len(), layout.bins)),
            cross: Array2::zeros((layout.pairs.len(), layout.bins)),
        }
    }

    /// Of all the segments of these sums.
    pub(super) fn of(sums: &[Sums], layout: &Layout) -> Self {
        let segments = sums.iter().map(|sums| sums.segments).sum();
        let scale = 1.0 / u64::max(segments, 1) as f64;
        let mut means = Self { segments, auto: mean_powers(sums), ..Self::zero(layout) };
        for (row, mut mean) in means.cross.rows_mut().into_iter().enumerate() {
            let rows: Vec<_> = sums.iter().map(|sums| sums.cross.row(row)).collect();
            let of_bin = |(bin, mean): (usize, &mut Complex<f32>)| {
                *mean = narrow(rows.iter().map(|row| row[bin]).sum::<Complex<f64>>() * scale)
            };
            mean.iter_mut().enumerate().for_each(of_bin);
        }
        means
    }

    /// Coherence of each pair where its channels have any power; `[pair, bin]`.
    pub fn coherence(&self, layout: &Layout) -> Array2<Complex<f32>> {
        let mut coherence = self.cross.clone();
        for ((row, bin), g) in coherence.indexed_iter_mut() {
            let (m, n) = layout.pairs[row];
            *g = narrow(wide(*g) / (self.auto[[m, bin]] * self.auto[[n, bin]]).sqrt().max(f64::MIN_POSITIVE));
        }
        coherence
    }

    /// What was added up to make them.
    pub(super) fn into_sums(self) -> Sums {
        let count = self.segments as f64;
        Sums { segments: self.segments, auto: self.auto * count, cross: self.cross.mapv(|g| wide(g) * count) }
    }

    /// These means with a source that arrives at each channel with `gain` times this amplitude, `[channel, bin]`, in full
    /// scale/√Hz; `pairs` are the rows, and what segments leave of the coherence of each.
    ///
    /// # Panics
    /// Where there is not one amplitude a channel and bin.
    pub fn with_source(&self, pairs: &[((usize, usize), f64)], amplitude: &Array2<Complex<f64>>, gain: f64) -> Self {
        let (mut more, power) = (self.clone(), gain.powi(2));
        Zip::from(&mut more.auto).and(amplitude).for_each(|auto, h| *auto += power * h.norm_sqr());
        for (mut row, &((m, n), left)) in more.cross.rows_mut().into_iter().zip(pairs) {
            let (first, second) = (amplitude.row(m), amplitude.row(n));
            Zip::from(&mut row).and(first).and(second).for_each(|g, x, y| *g += narrow(x * y.conj() * (left * power)));
        }
        more
    }
}

/// Powers of channels, mean over the segments of all these sums; `[channel, bin]`.
pub(super) fn mean_powers(sums: &[Sums]) -> Array2<f64> {
    let segments: u64 = sums.iter().map(|sums| sums.segments).sum();
    let mut powers = sums[0].auto.clone();
    sums[1..].iter().for_each(|more| powers += &more.auto);
    powers / segments.max(1) as f64
}

/// A value of a matrix in double precision: what is turned, scaled or squared is so first.
pub fn wide(value: Complex<f32>) -> Complex<f64> {
    Complex::new(value.re.into(), value.im.into())
}

/// A value in single precision, as matrices and coherences hold it.
pub fn narrow(value: Complex<f64>) -> Complex<f32> {
    Complex::new(value.re as f32, value.im as f32)
}
