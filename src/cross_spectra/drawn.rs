//! Spectra of captures that were never made, and their products.

use nalgebra::{Complex, DMatrix};
use ndarray::Axis;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::matrix::Layout;
use super::means::Means;
use crate::simd::dispatch;

/// Values of drawn spectra that are held before their products are added: pairs go through memory once for all of them.
const HELD: usize = 1 << 20;

/// Spectra of some segments whose products are to be added, real and imaginary parts apart; `[segment][channel][bin]`.
pub struct Spectra {
    channels: usize,
    bins: usize,
    re: Vec<f32>,
    im: Vec<f32>,
}

impl Spectra {
    /// Nothing heard yet.
    pub fn new(channels: usize, bins: usize) -> Self {
        Self { channels, bins, re: Vec::new(), im: Vec::new() }
    }

    /// Appends a segment of what `white` makes of each channel, and of what channels have in common by the lower factor of each bin.
    pub fn hear(&mut self, white: &mut dyn FnMut(&mut [Complex<f64>]), factors: Option<&[DMatrix<Complex<f32>>]>) {
        let first = self.re.len();
        let mut spectrum = vec![Complex::default(); self.bins];
        for _ in 0..self.channels {
            white(&mut spectrum);
            self.re.extend(spectrum.iter().map(|x| x.re as f32));
            self.im.extend(spectrum.iter().map(|x| x.im as f32));
        }
        if let Some(factors) = factors {
            mix(&mut self.re[first..], &mut self.im[first..], factors);
        }
    }

    /// Whether it is time to add products.
    pub fn is_full(&self) -> bool {
        self.re.len() >= HELD
    }

    /// Adds the products of all segments, which are then forgotten.
    pub fn add_to(&mut self, means: &mut Means, layout: &Layout) {
        if self.re.is_empty() {
            return;
        }
        let Self { channels, bins, re, im } = &*self;
        let of = |channel: usize| OneChannel {
            re: &re[channel * bins..],
            im: &im[channel * bins..],
            stride: channels * bins,
        };
        let products = |m: usize, n: usize| dispatch(Crossed { first: of(m), second: of(n), bins: *bins });
        for (m, mut power) in means.auto.rows_mut().into_iter().enumerate() {
            power.iter_mut().zip(products(m, m).0).for_each(|(power, more)| *power += f64::from(more));
        }
        let rows: Vec<_> = means.cross.axis_iter_mut(Axis(0)).zip(&layout.pairs).collect();
        rows.into_par_iter().for_each(|(mut row, &(m, n))| {
            let (re, im) = products(m, n);
            row.iter_mut().zip(re.iter().zip(im)).for_each(|(g, (re, im))| *g += Complex::new(*re, im));
        });
        self.re.clear();
        self.im.clear();
    }
}

/// Gives channels what they have in common: each bin times its lower factor.
fn mix(re: &mut [f32], im: &mut [f32], factors: &[DMatrix<Complex<f32>>]) {
    let bins = factors.len();
    let channels = re.len() / bins.max(1);
    let mut column = vec![Complex::default(); channels];
    for (bin, factor) in factors.iter().enumerate() {
        column.fill(Complex::default());
        // Down the columns of the factor, as they lie in memory.
        for n in 0..channels {
            let x = Complex::new(re[n * bins + bin], im[n * bins + bin]);
            let of_factor = factor.column(n);
            (n..channels).for_each(|m| column[m] += of_factor[m] * x);
        }
        for (m, x) in column.iter().enumerate() {
            (re[m * bins + bin], im[m * bins + bin]) = (x.re, x.im);
        }
    }
}

/// The spectra of one channel, one segment after the other.
#[derive(Clone, Copy)]
struct OneChannel<'t> {
    re: &'t [f32],
    im: &'t [f32],
    /// From one segment to the next.
    stride: usize,
}

/// Sums over segments of what one channel is times the conjugate of what another is, real and imaginary parts.
struct Crossed<'t> {
    first: OneChannel<'t>,
    second: OneChannel<'t>,
    bins: usize,
}

impl WithSimd for Crossed<'_> {
    type Output = (Vec<f32>, Vec<f32>);

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Self::Output {
        let Self { first, second, bins } = self;
        let (mut re, mut im) = (vec![0.0; bins], vec![0.0; bins]);
        let parts = first.re.chunks(first.stride).zip(first.im.chunks(first.stride));
        let others = second.re.chunks(second.stride).zip(second.im.chunks(second.stride));
        for ((a, b), (c, d)) in parts.zip(others) {
            let (a, b, c, d) = (&a[..bins], &b[..bins], &c[..bins], &d[..bins]);
            for bin in 0..bins {
                re[bin] += a[bin] * c[bin] + b[bin] * d[bin];
                im[bin] += b[bin] * c[bin] - a[bin] * d[bin];
            }
        }
        (re, im)
    }
}
