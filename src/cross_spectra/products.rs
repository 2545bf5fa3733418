//! Sums of cross-products: every channel with every other, one bin after the other.
//!
//! The matrix of a bin is cut into tiles of a few rows by one register of columns. The rows' values are broadcast, the sums of
//! one block stay in registers, and go to double precision when the block is done. Tiles that hold no pair are left out: those
//! below the diagonal, and those between clocks.

use ndarray::Array2;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use realfft::num_complex::Complex;

use super::matrix::{Layout, Sums};
use crate::channelise::Weave;
use crate::simd::{dispatch, lanes};

/// Rows of a tile: their sums, two registers each, fit the registers there are.
const MOST_ROWS: usize = 8;
const FEW_ROWS: usize = 4;

/// Bins of one task: their spectra are brought together from all groups of segments, into the second-level cache.
const TASK_BINS: usize = 16;

/// Sums over segments in double precision.
#[derive(Debug, Clone)]
pub(super) struct Products {
    tiles: Vec<Tile>,
    rows: usize,
    segments: u64,
    /// `[bin][tile][row][re, im][column]`.
    sums: Vec<f64>,
}

/// Rows and columns by chunk, and channel within it.
#[derive(Debug, Clone, Copy)]
struct Tile {
    rows: (usize, usize),
    columns: (usize, usize),
}

/// The spectra of one block, as [`Weave::transform`] leaves them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block<'t> {
    /// `[chunk][group of segments]`.
    pub spectra: &'t [Vec<Vec<f32>>],
    /// Segments of the block.
    pub segments: usize,
    pub weave: &'t Weave,
}

impl Products {
    /// Nothing added yet.
    pub fn new(layout: &Layout, weave: &Weave) -> Self {
        let width = lanes();
        let rows = if width == 16 { MOST_ROWS } else { FEW_ROWS };
        let blocks = |size: usize| {
            let of_chunk = move |chunk: usize| (0..weave.padded).step_by(size).map(move |first| (chunk, first));
            (0..weave.chunks.len()).flat_map(of_chunk).collect::<Vec<_>>()
        };
        let channels = |(chunk, first): (usize, usize), size: usize| {
            let whole = &weave.chunks[chunk];
            (whole.start + first).min(whole.end)..(whole.start + first + size).min(whole.end)
        };
        let columns = blocks(width);
        let tile =
            |rows: (usize, usize)| columns.iter().map(move |&columns| Tile { rows, columns }).collect::<Vec<_>>();
        let holds_pairs = |tile: &Tile| {
            let columns = channels(tile.columns, width);
            let shares = |m: usize, n: usize| m <= n && layout.groups[m] == layout.groups[n];
            channels(tile.rows, rows).any(|m| columns.clone().any(|n| shares(m, n)))
        };
        let tiles: Vec<Tile> = blocks(rows).into_iter().flat_map(tile).filter(holds_pairs).collect();
        Self { rows, segments: 0, sums: vec![0.0; layout.bins * tiles.len() * rows * 2 * width], tiles }
    }

    fn per_bin(&self) -> usize {
        self.tiles.len() * self.rows * 2 * lanes()
    }

    /// Adds the products of a block.
    pub fn add(&mut self, block: Block<'_>) {
        self.segments += block.segments as u64;
        let (per_bin, tiles, rows) = (self.per_bin(), &self.tiles, self.rows);
        let bins = block.spectra[0][0].len() / block.weave.spectra_len(1);
        let values = block.weave.spectra_len(1) * block.spectra[0].len() * block.spectra.len() * TASK_BINS;
        self.sums.par_chunks_mut(TASK_BINS * per_bin).enumerate().for_each_init(
            || vec![0.0; values],
            |near, (task, sums)| {
                let first = task * TASK_BINS;
                let here = first..(first + TASK_BINS).min(bins);
                block.bring(here, near);
                if rows == MOST_ROWS {
                    dispatch(Task::<MOST_ROWS> { block, near, tiles, sums });
                } else {
                    dispatch(Task::<FEW_ROWS> { block, near, tiles, sums });
                }
            },
        );
    }

    /// The sums, channel by channel and pair by pair.
    pub fn into_sums(self, layout: &Layout, weave: &Weave) -> Sums {
        let (width, per_bin) = (lanes(), self.per_bin());
        let chunk = weave.chunks[0].len().max(1);
        let place = |m: usize, n: usize| {
            let (row, column) = ((m / chunk, m % chunk), (n / chunk, n % chunk));
            let holds = |tile: &Tile| {
                tile.rows == (row.0, row.1 / self.rows * self.rows)
                    && tile.columns == (column.0, column.1 / width * width)
            };
            let tile = self.tiles.iter().position(holds).expect("every pair has a tile");
            (tile * self.rows + row.1 % self.rows) * 2 * width + column.1 % width
        };
        let autos: Vec<usize> = (0..layout.groups.len()).map(|m| place(m, m)).collect();
        let pairs: Vec<usize> = layout.pairs.iter().map(|&(m, n)| place(m, n)).collect();
        let at = |bin: usize, place: usize| self.sums[bin * per_bin + place];
        Sums {
            segments: self.segments,
            auto: Array2::from_shape_fn((autos.len(), layout.bins), |(m, bin)| at(bin, autos[m])),
            cross: Array2::from_shape_fn((pairs.len(), layout.bins), |(row, bin)| {
                Complex::new(at(bin, pairs[row]), at(bin, pairs[row] + width))
            }),
        }
    }
}

impl Block<'_> {
    /// Copies the spectra of some bins: `[bin][chunk][group][segment][re, im][padded]`.
    fn bring(&self, bins: std::ops::Range<usize>, near: &mut [f32]) {
        let size = self.weave.spectra_len(1);
        let groups = self.spectra[0].len();
        for (chunk, of_chunk) in self.spectra.iter().enumerate() {
            for (group, spectra) in of_chunk.iter().enumerate().take(self.segments.div_ceil(self.weave.segments)) {
                for (i, values) in spectra[bins.start * size..bins.end * size].chunks_exact(size).enumerate() {
                    near[((i * self.spectra.len() + chunk) * groups + group) * size..][..size].copy_from_slice(values);
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
}

impl<const ROWS: usize> WithSimd for Task<'_, ROWS> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { block: Block { spectra, segments, weave }, near, tiles, sums } = self;
        let size = ROWS * 2 * S::F32_LANES;
        let padded = weave.padded;
        let of_chunk = weave.spectra_len(1) * spectra[0].len();
        let bins = near.chunks_exact(of_chunk * spectra.len());
        for (near, sums) in bins.zip(sums.chunks_exact_mut(tiles.len() * size)) {
            for (tile, sums) in tiles.iter().zip(sums.chunks_exact_mut(size)) {
                let mut held_sums = [[simd.splat_f32s(0.0); 2]; ROWS];
                let (x, y) = (&near[tile.rows.0 * of_chunk..], &near[tile.columns.0 * of_chunk..]);
                // Segments of a group that is not full are the last ones.
                for (x, y) in x.chunks_exact(2 * padded).zip(y.chunks_exact(2 * padded)).take(segments) {
                    add_products(simd, &mut held_sums, (x, tile.rows.1), (y, tile.columns.1), padded);
                }
                for (sums, held) in sums.chunks_exact_mut(S::F32_LANES).zip(held_sums.as_flattened()) {
                    let held: &[f32] = pulp::bytemuck::cast_slice(std::slice::from_ref(held));
                    for (sum, x) in sums.iter_mut().zip(held) {
                        *sum += f64::from(*x);
                    }
                }
            }
        }
    }
}

/// `x_m · conj(x_n)` of one segment.
#[inline(always)]
fn add_products<S: Simd, const ROWS: usize>(
    simd: S,
    sums: &mut [[S::f32s; 2]; ROWS],
    (x, row): (&[f32], usize),
    (y, column): (&[f32], usize),
    padded: usize,
) {
    let (y_re, _) = S::as_simd_f32s(&y[column..column + S::F32_LANES]);
    let (y_im, _) = S::as_simd_f32s(&y[padded + column..][..S::F32_LANES]);
    let (y_re, y_im) = (y_re[0], y_im[0]);
    let against = simd.neg_f32s(y_im);
    let (x_re, x_im) = (&x[row..row + ROWS], &x[padded + row..padded + row + ROWS]);
    for ((sum, re), im) in sums.iter_mut().zip(x_re).zip(x_im) {
        let (re, im) = (simd.splat_f32s(*re), simd.splat_f32s(*im));
        sum[0] = simd.mul_add_f32s(im, y_im, simd.mul_add_f32s(re, y_re, sum[0]));
        sum[1] = simd.mul_add_f32s(re, against, simd.mul_add_f32s(im, y_re, sum[1]));
    }
}
