//! Sums of cross-products: every channel with every other, one bin after the other.
//!
//! Chunks of channels meet in tiles of a few rows, whose values are broadcast, by one register of columns. Where registers are wide, a chunk
//! meets itself by turning its lanes: each channel with itself, with the next, with the one after that, up to half way round, where pairs
//! begin to come again with their channels exchanged; half of what tiles hold lies below the diagonal. What holds no pair, as between
//! clocks, is left out. The sums of a block stay in registers in single precision, and go to double precision then.

use std::hint::black_box;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use realfft::num_complex::Complex;

use super::matrix::{Layout, Sums};
use crate::aligned::Aligned;
use crate::channelise::{PIECE_BINS, Weave};
use crate::simd::{dispatch, lanes};

/// Turns of a tile: with their sums, three registers each, the registers turned and not turned fit the registers there are.
const TURNS: usize = 3;

/// Rows of a tile of rows by columns, likewise.
const MOST_ROWS: usize = 8;
const FEW_ROWS: usize = 4;

/// Segments that are summed one after the other; the sums of such runs are added. With two terms a segment the sum of a block of 64 is off by
/// 65 half units of the last place, 4e-6, of the sum of magnitudes at most, and by chance by some 3e-7.
const RUN: usize = 32;

/// Single-precision values of a cache line, and lines fetched side by side.
const LINE: usize = 16;
const FETCHED: usize = 8;

/// Sums over segments in double precision.
#[derive(Debug, Clone)]
pub(super) struct Products {
    tiles: Vec<Tile>,
    how: How,
    bins: usize,
    segments: u64,
    /// Values of one bin.
    per_bin: usize,
    /// `[bin][tile][row or turn][re, im][lane]`.
    sums: Aligned<f64>,
}

/// Pairs whose products one task sums together.
#[derive(Debug, Clone, Copy)]
struct Tile {
    pairs: Pairs,
    /// Where its sums begin among those of a bin.
    first: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Pairs {
    /// Every channel of a chunk with those `turn` and more lanes further on.
    Turned { chunk: usize, turn: usize },
    /// The channels of a chunk from `row` on with all of the same or a later one.
    Crossed { chunks: (usize, usize), row: usize },
}

/// What suits the registers.
#[derive(Debug, Clone, Copy)]
struct How {
    /// Whether lanes are turned: with AVX-512 that is one instruction, with AVX2 half a dozen.
    turns: bool,
    /// Rows of a tile.
    rows: usize,
}

impl How {
    fn suits(width: usize) -> Self {
        if width == 16 { Self { turns: true, rows: MOST_ROWS } } else { Self { turns: false, rows: FEW_ROWS } }
    }
}

impl Products {
    /// Nothing added yet.
    pub fn new(layout: &Layout, weave: &Weave) -> Self {
        let (width, how) = (lanes(), How::suits(lanes()));
        let (mut tiles, mut per_bin) = (Vec::new(), 0);
        let mut add = |pairs: Pairs, height: usize, holds: &dyn Fn(usize, usize) -> bool| {
            let mut places = (0..height).flat_map(|row| (0..width).map(move |lane| (row, lane)));
            if places.any(|(row, lane)| holds(row, lane)) {
                tiles.push(Tile { pairs, first: per_bin });
                per_bin += height * 2 * width;
            }
        };
        let share = |m: usize, n: usize| layout.groups[m] == layout.groups[n];
        for (a, one) in weave.chunks.iter().enumerate() {
            for turn in (0..=width / 2).step_by(TURNS).filter(|_| how.turns) {
                add(Pairs::Turned { chunk: a, turn }, TURNS, &|row, lane| {
                    let other = (lane + turn + row) % width;
                    turn + row <= width / 2 && lane.max(other) < one.len() && share(one.start + lane, one.start + other)
                });
            }
            for (b, other) in weave.chunks.iter().enumerate().skip(if how.turns { a + 1 } else { a }) {
                for row in (0..width).step_by(how.rows) {
                    add(Pairs::Crossed { chunks: (a, b), row }, how.rows, &|i, lane| {
                        let (m, n) = (one.start + row + i, other.start + lane);
                        m <= n && m < one.end && n < other.end && share(m, n)
                    });
                }
            }
        }
        Self { how, bins: layout.bins, segments: 0, per_bin, sums: Aligned::zeros(layout.bins * per_bin), tiles }
    }

    /// Adds the products of so many segments; `spectra` is `[piece]`, in each `[segment][chunk][bin][re, im][lane]`.
    pub fn add(&mut self, spectra: &[f32], segments: usize, weave: &Weave) {
        self.segments += segments as u64;
        let (per_bin, tiles, rows) = (self.per_bin, &self.tiles[..], self.how.rows);
        let (chunks, size) = (weave.chunks.len(), spectra.len() / self.bins.div_ceil(PIECE_BINS).max(1));
        let sums = self.sums.par_chunks_mut((PIECE_BINS * per_bin).max(1));
        sums.zip(spectra.par_chunks_exact(size.max(1))).for_each(|(sums, spectra)| {
            if rows == MOST_ROWS {
                dispatch(Task::<MOST_ROWS> { spectra, segments, chunks, tiles, sums, per_bin });
            } else {
                dispatch(Task::<FEW_ROWS> { spectra, segments, chunks, tiles, sums, per_bin });
            }
        });
    }

    /// The sums, channel by channel and pair by pair.
    pub fn into_sums(self, layout: &Layout, weave: &Weave) -> Sums {
        let autos: Vec<Place> = (0..layout.groups.len()).map(|m| self.place(m, m, weave)).collect();
        let pairs: Vec<Place> = layout.pairs.iter().map(|&(m, n)| self.place(m, n, weave)).collect();
        let mut sums = Sums::zero(layout);
        sums.segments = self.segments;
        // A few bins at a time, whose sums a cache holds.
        for (piece, held) in self.sums.chunks(PIECE_BINS * self.per_bin).enumerate() {
            let bins = (piece * PIECE_BINS..self.bins).take(PIECE_BINS);
            let bins = || bins.clone().zip(held.chunks_exact(self.per_bin));
            for (mut auto, place) in sums.auto.rows_mut().into_iter().zip(&autos) {
                bins().for_each(|(bin, held)| auto[bin] = held[place.re]);
            }
            for (mut cross, place) in sums.cross.rows_mut().into_iter().zip(&pairs) {
                let of = |held: &[f64]| Complex::new(held[place.re], place.sign * held[place.re + lanes()]);
                bins().for_each(|(bin, held)| cross[bin] = of(held));
            }
        }
        sums
    }

    /// Where the product of channels `m <= n` is among the sums of a bin.
    fn place(&self, m: usize, n: usize, weave: &Weave) -> Place {
        let (width, chunk) = (lanes(), weave.chunks[0].len().max(1));
        let (a, b) = ((m / chunk, m % chunk), (n / chunk, n % chunk));
        let ahead = (b.1 + width - a.1) % width;
        let (pairs, row, lane, sign) = if a.0 == b.0 && self.how.turns {
            // More than half way round the other is the nearer one: the pair with its channels exchanged.
            let (turns, lane, sign) = if ahead <= width / 2 { (ahead, a.1, 1.0) } else { (width - ahead, b.1, -1.0) };
            (Pairs::Turned { chunk: a.0, turn: turns / TURNS * TURNS }, turns % TURNS, lane, sign)
        } else {
            let row = a.1 / self.how.rows * self.how.rows;
            (Pairs::Crossed { chunks: (a.0, b.0), row }, a.1 - row, b.1, 1.0)
        };
        let tile = self.tiles.iter().find(|tile| tile.pairs == pairs).expect("every pair has a tile");
        Place { re: tile.first + row * 2 * width + lane, sign }
    }
}

/// Where the sum of a pair is.
struct Place {
    /// Its real part among the sums of a bin; the imaginary part is a register further.
    re: usize,
    /// Of its imaginary part.
    sign: f64,
}

/// The products of the bins of a piece.
struct Task<'t, const ROWS: usize> {
    spectra: &'t [f32],
    segments: usize,
    chunks: usize,
    tiles: &'t [Tile],
    sums: &'t mut [f64],
    per_bin: usize,
}

impl<const ROWS: usize> WithSimd for Task<'_, ROWS> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { spectra, segments, chunks, tiles, sums, per_bin } = self;
        fetch(spectra);
        let spectra = S::as_simd_f32s(spectra).0.as_chunks::<2>().0;
        let stride = chunks * PIECE_BINS;
        for (bin, sums) in sums.chunks_exact_mut(per_bin).enumerate() {
            let of_chunk = |chunk: usize| &spectra[chunk * PIECE_BINS + bin..];
            for tile in tiles {
                let sums = &mut sums[tile.first..];
                match tile.pairs {
                    Pairs::Turned { chunk, turn } => {
                        let pairing = Turned::<S> { x: of_chunk(chunk), stride, turn };
                        sum::<S, _, TURNS>(simd, pairing, segments, sums);
                    }
                    Pairs::Crossed { chunks: (a, b), row } => {
                        let pairing = Crossed::<S> { x: of_chunk(a), y: of_chunk(b), stride, row };
                        sum::<S, _, ROWS>(simd, pairing, segments, sums);
                    }
                }
            }
        }
    }
}

/// Brings a piece into the second-level cache, line after line as it lies in memory: that is foreseen, while the segments of a bin lie so far
/// apart that each would be waited for.
#[inline(always)]
fn fetch(spectra: &[f32]) {
    let mut of_lines = [0.0; FETCHED];
    for lines in spectra.chunks_exact(FETCHED * LINE) {
        of_lines.iter_mut().zip(lines.iter().step_by(LINE)).for_each(|(sum, x)| *sum += x);
    }
    black_box(of_lines);
}

/// Adds the products of so many segments, real and imaginary parts.
#[inline(always)]
fn sum<S: Simd, P: Pairing<S, N>, const N: usize>(simd: S, pairing: P, segments: usize, sums: &mut [f64]) {
    let mut held = pairing.products(simd, 0, RUN.min(segments));
    for first in (RUN..segments).step_by(RUN) {
        let more = pairing.products(simd, first, RUN.min(segments - first));
        for (held, more) in held.as_flattened_mut().iter_mut().zip(more.as_flattened()) {
            *held = simd.add_f32s(*held, *more);
        }
    }
    let held: &[f32] = pulp::bytemuck::cast_slice(held.as_flattened());
    for (sum, x) in sums[..N * 2 * S::F32_LANES].iter_mut().zip(held) {
        *sum += f64::from(*x);
    }
}

/// Which channels meet which.
trait Pairing<S: Simd, const N: usize> {
    /// `Σ x_m · conj(x_n)`, real and imaginary parts, over so many segments.
    fn products(&self, simd: S, first: usize, count: usize) -> [[S::f32s; 2]; N];
}

/// The channels of a chunk with those some lanes on.
struct Turned<'t, S: Simd> {
    x: &'t [[S::f32s; 2]],
    stride: usize,
    turn: usize,
}

impl<S: Simd> Pairing<S, TURNS> for Turned<'_, S> {
    #[inline(always)]
    fn products(&self, simd: S, first: usize, count: usize) -> [[S::f32s; 2]; TURNS] {
        let mut sums = Sum::<S, TURNS>::zero(simd);
        for x in self.x[first * self.stride..].iter().step_by(self.stride).take(count) {
            for i in 0..TURNS {
                let by = self.turn + i;
                let y = [simd.rotate_left_f32s(x[0], by), simd.rotate_left_f32s(x[1], by)];
                sums.add(simd, i, *x, y);
            }
        }
        sums.done(simd)
    }
}

/// Channels of one chunk, from `row` on, with all of another.
struct Crossed<'t, S: Simd> {
    x: &'t [[S::f32s; 2]],
    y: &'t [[S::f32s; 2]],
    stride: usize,
    row: usize,
}

impl<S: Simd, const N: usize> Pairing<S, N> for Crossed<'_, S> {
    #[inline(always)]
    fn products(&self, simd: S, first: usize, count: usize) -> [[S::f32s; 2]; N] {
        let mut sums = Sum::<S, N>::zero(simd);
        let from = first * self.stride;
        let (x, y) = (self.x[from..].iter().step_by(self.stride), self.y[from..].iter().step_by(self.stride));
        for (x, y) in x.zip(y).take(count) {
            let x: &[f32] = pulp::bytemuck::cast_slice(x);
            let (x_re, x_im) = (&x[self.row..][..N], &x[S::F32_LANES + self.row..][..N]);
            for i in 0..N {
                sums.add(simd, i, [simd.splat_f32s(x_re[i]), simd.splat_f32s(x_im[i])], *y);
            }
        }
        sums.done(simd)
    }
}

/// Sums of products in the making. Both products of an imaginary part have a sum of their own: whichever channel comes first, and whatever the
/// lanes, the same bits come out.
struct Sum<S: Simd, const N: usize> {
    re: [S::f32s; N],
    plus: [S::f32s; N],
    minus: [S::f32s; N],
}

impl<S: Simd, const N: usize> Sum<S, N> {
    #[inline(always)]
    fn zero(simd: S) -> Self {
        let zero = [simd.splat_f32s(0.0); N];
        Self { re: zero, plus: zero, minus: zero }
    }

    #[inline(always)]
    fn add(&mut self, simd: S, i: usize, x: [S::f32s; 2], y: [S::f32s; 2]) {
        self.re[i] = simd.mul_add_f32s(x[1], y[1], simd.mul_add_f32s(x[0], y[0], self.re[i]));
        self.plus[i] = simd.mul_add_f32s(x[1], y[0], self.plus[i]);
        self.minus[i] = simd.mul_add_f32s(x[0], y[1], self.minus[i]);
    }

    #[inline(always)]
    fn done(&self, simd: S) -> [[S::f32s; 2]; N] {
        let mut done = [[simd.splat_f32s(0.0); 2]; N];
        for (i, done) in done.iter_mut().enumerate() {
            *done = [self.re[i], simd.sub_f32s(self.plus[i], self.minus[i])];
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channelise::{Segmentation, Stft, Taper};

    #[test]
    fn every_pair_of_a_clock_has_the_sum_of_its_products() {
        let cut = Segmentation { segment_samples: 64, hop_samples: 32, fft_samples: 64, taper: Taper::Hann };
        let (stft, bins, segments) = (Stft::new(cut, 1000.0), 3..24, 70);
        for (channels, clocks) in [(1, 1), (2, 2), (5, 1), (8, 1), (16, 1), (16, 4), (23, 3), (37, 1)] {
            let groups = (0..channels).map(|channel| channel * clocks / channels).collect();
            let layout = Layout::new(cut, 1000.0, bins.clone(), groups);
            let weave = Weave::new(&stft, channels, 1.0);
            let (chunk, width) = (weave.chunks[0].len(), lanes());
            let mut spectra = Aligned::zeros(
                bins.len().div_ceil(PIECE_BINS) * segments * weave.chunks.len() * PIECE_BINS * 2 * width,
            );
            let at = |segment: usize, channel: usize, bin: usize| {
                let row = (bin / PIECE_BINS * segments + segment) * weave.chunks.len() + channel / chunk;
                (row * PIECE_BINS + bin % PIECE_BINS) * 2 * width + channel % chunk
            };
            let mut state = 1u64;
            for (segment, channel) in (0..segments).flat_map(|s| (0..channels).map(move |c| (s, c))) {
                for (bin, part) in (0..bins.len()).flat_map(|bin| [(bin, 0), (bin, width)]) {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    spectra[at(segment, channel, bin) + part] = (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0;
                }
            }
            let mut products = Products::new(&layout, &weave);
            (0..2).for_each(|_| products.add(&spectra, segments, &weave));
            let sums = products.into_sums(&layout, &weave);
            assert_eq!(sums.segments, 140);
            let value = |segment, channel, bin| {
                let at = at(segment, channel, bin);
                Complex::new(f64::from(spectra[at]), f64::from(spectra[at + width]))
            };
            let autos = sums.auto.rows().into_iter().enumerate().map(|(m, row)| ((m, m), row.mapv(Complex::from)));
            let cross = layout.pairs.iter().copied().zip(sums.cross.rows().into_iter().map(|row| row.to_owned()));
            for ((m, n), row) in autos.chain(cross) {
                for (bin, sum) in row.iter().enumerate() {
                    let terms = || (0..segments).map(|s| (value(s, m, bin), value(s, n, bin)));
                    let exact: Complex<f64> = terms().map(|(x, y)| 2.0 * x * y.conj()).sum();
                    let magnitudes: f64 = terms().map(|(x, y)| 2.0 * x.norm() * y.norm()).sum();
                    // Two terms a segment in each sum, and the sums of three runs.
                    let bound = (2 * RUN + 3) as f64 * f64::from(f32::EPSILON / 2.0) * magnitudes;
                    assert!((sum - exact).norm() <= bound, "{channels} {m} {n} {bin}: {sum} {exact}");
                }
            }
        }
    }
}
