//! Sums of cross-products: every channel with every other, one bin after the other.
//!
//! The matrix of a bin is cut into tiles of a few rows by one register of columns. The rows' values are broadcast, the sums of
//! a few segments stay in registers in single precision, and go to double precision then. Tiles that hold no pair are left out: those
//! below the diagonal, and those between clocks.

use std::ops::Range;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use realfft::num_complex::Complex;

use super::matrix::{Layout, Sums};
use crate::channelise::Weave;
use crate::simd::{Aligned, dispatch, lanes};

/// Rows of a tile: their sums, two registers each, fit the registers there are.
const MOST_ROWS: usize = 8;
const FEW_ROWS: usize = 4;

/// Bins of one task: their spectra are brought together from all groups of segments, into the second-level cache.
const TASK_BINS: usize = 32;

/// Segments that are summed in single precision. The error of their sum is at most so many half units of the last place, 2e-6, of the
/// sum of magnitudes, and by chance about its root, 3e-7.
const SINGLE: usize = 32;

/// Sums over segments in double precision.
#[derive(Debug, Clone)]
pub(super) struct Products {
    tiles: Vec<Tile>,
    rows: usize,
    bins: usize,
    segments: u64,
    /// `[bin][tile][row][re, im][column from `skipped` on]`.
    sums: Aligned<f64>,
}

/// Some rows of a chunk by all columns of a chunk.
#[derive(Debug, Clone, Copy)]
struct Tile {
    /// Chunk, and channel within it.
    rows: (usize, usize),
    /// Chunk.
    columns: usize,
    /// Columns below the diagonal in every row.
    skipped: usize,
    /// Where its sums begin among those of a bin.
    first: usize,
}

impl Products {
    /// Nothing added yet.
    pub fn new(layout: &Layout, weave: &Weave) -> Self {
        let width = lanes();
        let rows = if width == 16 { MOST_ROWS } else { FEW_ROWS };
        let chunks = 0..weave.chunks.len();
        let all_rows = chunks.clone().flat_map(|chunk| (0..width).step_by(rows).map(move |first| (chunk, first)));
        let holds_pairs = |(chunk, first): (usize, usize), columns: usize| {
            let whole = &weave.chunks[chunk];
            let mut channels = (whole.start + first).min(whole.end)..(whole.start + first + rows).min(whole.end);
            let shares = |m: usize, n: usize| m <= n && layout.groups[m] == layout.groups[n];
            channels.any(|m| weave.chunks[columns].clone().any(|n| shares(m, n)))
        };
        let (mut tiles, mut per_bin) = (Vec::new(), 0);
        for (rows_of, columns) in all_rows.flat_map(|rows| chunks.clone().map(move |columns| (rows, columns))) {
            if holds_pairs(rows_of, columns) {
                let skipped = if rows_of.0 == columns { rows_of.1 } else { 0 };
                tiles.push(Tile { rows: rows_of, columns, skipped, first: per_bin });
                per_bin += rows * 2 * (width - skipped);
            }
        }
        Self { rows, bins: layout.bins, segments: 0, sums: Aligned::zeros(layout.bins * per_bin), tiles }
    }

    fn per_bin(&self) -> usize {
        self.sums.len() / self.bins.max(1)
    }

    /// Adds the products of so many segments, the last of them in a group that may not be full; `spectra` is `[group]`, in each
    /// `[chunk]`, and in that as [`Weave::transform`] leaves them.
    pub fn add(&mut self, spectra: &[&[f32]], segments: usize, weave: &Weave) {
        self.segments += segments as u64;
        let (per_bin, tiles, rows, bins) = (self.per_bin(), &self.tiles, self.rows, self.bins);
        let block = Block { spectra, segments, size: weave.spectra_len(1), chunks: weave.chunks.len(), bins };
        let room = || Aligned::zeros(TASK_BINS * block.chunks * block.of_chunk());
        self.sums.par_chunks_mut(TASK_BINS * per_bin).enumerate().for_each_init(room, |near, (task, sums)| {
            let first = task * TASK_BINS;
            block.bring(first..(first + TASK_BINS).min(bins), near);
            if rows == MOST_ROWS {
                dispatch(Task::<MOST_ROWS> { block, near, tiles, sums, per_bin });
            } else {
                dispatch(Task::<FEW_ROWS> { block, near, tiles, sums, per_bin });
            }
        });
    }

    /// The sums, channel by channel and pair by pair.
    pub fn into_sums(self, layout: &Layout, weave: &Weave) -> Sums {
        let (width, per_bin) = (lanes(), self.per_bin());
        let chunk = weave.chunks[0].len().max(1);
        let place = |m: usize, n: usize| {
            let (row, column) = ((m / chunk, m % chunk), (n / chunk, n % chunk));
            let holds = |tile: &&Tile| tile.rows == (row.0, row.1 / self.rows * self.rows) && tile.columns == column.0;
            let tile = self.tiles.iter().find(holds).expect("every pair has a tile");
            let columns = width - tile.skipped;
            (tile.first + row.1 % self.rows * 2 * columns + column.1 - tile.skipped, columns)
        };
        let autos: Vec<usize> = (0..layout.groups.len()).map(|m| place(m, m).0).collect();
        let pairs: Vec<(usize, usize)> = layout.pairs.iter().map(|&(m, n)| place(m, n)).collect();
        let mut sums = Sums::zero(layout);
        sums.segments = self.segments;
        // A few bins at a time, whose sums a cache holds.
        for first in (0..self.bins).step_by(TASK_BINS) {
            let bins = first..(first + TASK_BINS).min(self.bins);
            for (mut auto, place) in sums.auto.rows_mut().into_iter().zip(&autos) {
                bins.clone().for_each(|bin| auto[bin] = self.sums[bin * per_bin + place]);
            }
            for (mut cross, (re, columns)) in sums.cross.rows_mut().into_iter().zip(&pairs) {
                for bin in bins.clone() {
                    let at = bin * per_bin + re;
                    cross[bin] = Complex::new(self.sums[at], self.sums[at + columns]);
                }
            }
        }
        sums
    }
}

/// The spectra of one block.
#[derive(Debug, Clone, Copy)]
struct Block<'t> {
    spectra: &'t [&'t [f32]],
    segments: usize,
    /// Values of one bin in a chunk of a group: `[segment][re, im][padded]`.
    size: usize,
    chunks: usize,
    bins: usize,
}

impl Block<'_> {
    /// Values of one bin in a chunk of all groups.
    fn of_chunk(&self) -> usize {
        self.size * self.spectra.len()
    }

    /// Copies the spectra of some bins: `[bin][chunk][group][segment][re, im][padded]`.
    fn bring(&self, bins: Range<usize>, near: &mut [f32]) {
        let size = self.size;
        for (group, spectra) in self.spectra.iter().enumerate() {
            for (chunk, spectra) in spectra.chunks_exact(self.bins * size).enumerate() {
                for (i, values) in spectra[bins.start * size..bins.end * size].chunks_exact(size).enumerate() {
                    near[((i * self.chunks + chunk) * self.spectra.len() + group) * size..][..size]
                        .copy_from_slice(values);
                }
            }
        }
    }
}

/// The products of some bins.
struct Task<'t, const ROWS: usize> {
    block: Block<'t>,
    /// Their spectra, as [`Block::bring`] leaves them.
    near: &'t [f32],
    tiles: &'t [Tile],
    sums: &'t mut [f64],
    per_bin: usize,
}

impl<const ROWS: usize> WithSimd for Task<'_, ROWS> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { block, near, tiles, sums, per_bin } = self;
        let of_chunk = block.of_chunk();
        let bins = near.chunks_exact(of_chunk * block.chunks);
        for (near, sums) in bins.zip(sums.chunks_exact_mut(per_bin)) {
            for tile in tiles {
                let sums = &mut sums[tile.first..][..ROWS * 2 * (S::F32_LANES - tile.skipped)];
                let (x, y) =
                    (&near[tile.rows.0 * of_chunk..][..of_chunk], &near[tile.columns * of_chunk..][..of_chunk]);
                let x = x[tile.rows.1..].chunks(2 * S::F32_LANES).take(block.segments);
                let y = y.chunks(2 * S::F32_LANES).take(block.segments);
                let mut segments = x.zip(y);
                for _ in (0..block.segments).step_by(SINGLE) {
                    let held: [_; ROWS] = products(simd, segments.by_ref().take(SINGLE));
                    widen::<S, ROWS>(held.as_flattened(), tile.skipped, sums);
                }
            }
        }
    }
}

/// Adds the registers' lanes beyond the skipped ones.
#[inline(always)]
fn widen<S: Simd, const ROWS: usize>(held: &[S::f32s], skipped: usize, sums: &mut [f64]) {
    for (sums, held) in sums.chunks_exact_mut(S::F32_LANES - skipped).zip(held) {
        let held: &[f32] = pulp::bytemuck::cast_slice(std::slice::from_ref(held));
        // In parts of known length.
        let (sums, held) = (sums.as_chunks_mut::<ROWS>().0, held[skipped..].as_chunks::<ROWS>().0);
        for (sum, x) in sums.as_flattened_mut().iter_mut().zip(held.as_flattened()) {
            *sum += f64::from(*x);
        }
    }
}

/// `Σ x_m · conj(x_n)`, real and imaginary parts, over segments: their slices begin at the tile, in the real parts.
#[inline(always)]
fn products<'t, S: Simd, const ROWS: usize>(
    simd: S,
    segments: impl Iterator<Item = (&'t [f32], &'t [f32])>,
) -> [[S::f32s; 2]; ROWS] {
    let mut sums = [[simd.splat_f32s(0.0); 2]; ROWS];
    for (x, y) in segments {
        let (y_re, y_im) = y[..2 * S::F32_LANES].split_at(S::F32_LANES);
        let (y_re, y_im) = (S::as_simd_f32s(y_re).0[0], S::as_simd_f32s(y_im).0[0]);
        let (x_re, x_im) = (&x[..ROWS], &x[S::F32_LANES..][..ROWS]);
        for row in 0..ROWS {
            let (re, im) = (simd.splat_f32s(x_re[row]), simd.splat_f32s(x_im[row]));
            sums[row] = [
                simd.mul_add_f32s(im, y_im, simd.mul_add_f32s(re, y_re, sums[row][0])),
                simd.negate_mul_add_f32s(re, y_im, simd.mul_add_f32s(im, y_re, sums[row][1])),
            ];
        }
    }
    // What the loop works on must not be what its caller takes the address of: it would go to memory with every segment.
    let mut done = [[simd.splat_f32s(0.0); 2]; ROWS];
    done.copy_from_slice(&sums);
    done
}
