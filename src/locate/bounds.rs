//! The most that a response can be in each of many cells: one look-up a pair and cell, in tables pooled by the cells' reach.
//!
//! This is where searches spend their time, so cells go by in blocks: for each pair the places in its table are worked
//! out for the whole block in the machine's registers, then the values are looked up one by one.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::search::Response;
use crate::delay::halved_and_pooled;
use crate::simd::dispatch;

/// Cells that go by together: their ranges, places and sums stay in the first-level cache.
const BLOCK: usize = 256;

/// From here on single precision counts in whole numbers: adding it leaves the nearest one in the lowest bits.
const WHOLE: f32 = 8_388_608.0;

/// The response with every table pooled: one look-up a pair bounds a cell.
#[derive(Debug)]
pub struct Bounds<'b> {
    pairs: &'b [(usize, usize)],
    /// Pooled values a metre.
    density_1_m: f32,
    tables: Vec<Pooled>,
}

/// What is left of one pair's table.
#[derive(Debug)]
struct Pooled {
    /// Index of the value for no range difference, less a half: it is rounded, not cut.
    middle: f32,
    value: Vec<f32>,
}

/// Ranges from the middles of cells to every sensor, metres; `[block][sensor][cell]`.
#[derive(Debug)]
pub struct Ranges {
    sensors: usize,
    value: Vec<f32>,
}

impl<'b> Bounds<'b> {
    /// Of the response within `radius_m` of a place.
    pub fn within(response: &Response<'_, 'b>, radius_m: f64) -> Self {
        let step_m = response.step_m();
        // A step more for interpolation, one for where in its chunk a place is, one for single precision.
        let reach = (2.0 * radius_m / step_m).ceil() as usize + 3;
        // Windows that differ by a sixteenth of their reach share a value: small tables stay in cache.
        let halvings = (reach / 16).max(1).ilog2();
        let chunk = 1 << halvings;
        let density_1_m = (1.0 / (step_m * chunk as f64)) as f32;
        let pool = |(table, first_m): (&[f32], f64)| Pooled {
            middle: -first_m as f32 * density_1_m - 0.5,
            value: halved_and_pooled(table, halvings, reach.div_ceil(chunk)),
        };
        Self { pairs: response.pairs(), density_1_m, tables: response.tables().map(pool).collect() }
    }

    /// The bound about each of these places.
    pub fn over(&self, ranges: &Ranges) -> Vec<f32> {
        let mut bounds = vec![0.0; ranges.value.len() / ranges.sensors];
        let blocks = bounds.par_chunks_mut(BLOCK).zip(ranges.value.par_chunks(BLOCK * ranges.sensors));
        blocks.for_each(|(bounds, ranges)| self.fill(ranges, bounds));
        bounds
    }

    /// The bound about each of `cells`, whose ranges `measured` writes; nothing but a block's ranges is kept.
    pub fn about<C: Sync>(&self, cells: &[C], sensors: usize, measured: impl Fn(&C, &mut [f64]) + Sync) -> Vec<f32> {
        let mut bounds = vec![0.0; cells.len()];
        bounds.par_chunks_mut(BLOCK).zip(cells.par_chunks(BLOCK)).for_each(|(bounds, cells)| {
            self.fill(&Ranges::block(cells, sensors, &measured), bounds);
        });
        bounds
    }

    /// Fills in the bounds of one block; `ranges` is `[sensor][cell]`.
    fn fill(&self, ranges: &[f32], bounds: &mut [f32]) {
        dispatch(LookUp { of: self, ranges, bounds });
    }
}

struct LookUp<'t, 'b> {
    of: &'t Bounds<'b>,
    ranges: &'t [f32],
    bounds: &'t mut [f32],
}

impl WithSimd for LookUp<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { of, ranges, bounds } = self;
        let cells = bounds.len();
        let mut places = [0_u32; BLOCK];
        bounds.fill(0.0);
        for (&(m, n), table) in of.pairs.iter().zip(&of.tables) {
            let last = (table.value.len() - 1) as f32;
            let (first, second) = (&ranges[m * cells..][..cells], &ranges[n * cells..][..cells]);
            for ((place, a), b) in places.iter_mut().zip(first).zip(second) {
                let at = (a - b) * of.density_1_m + table.middle;
                *place = (at.max(0.0).min(last) + WHOLE).to_bits() - WHOLE.to_bits();
            }
            for (bound, place) in bounds.iter_mut().zip(&places) {
                *bound += table.value[*place as usize];
            }
        }
        let share = 1.0 / of.pairs.len() as f32;
        bounds.iter_mut().for_each(|bound| *bound *= share);
    }
}

impl Ranges {
    /// Those of `cells`, as `measured` writes them.
    pub fn of<C: Sync>(cells: &[C], sensors: usize, measured: impl Fn(&C, &mut [f64]) + Sync) -> Self {
        let blocks: Vec<Vec<f32>> =
            cells.par_chunks(BLOCK).map(|cells| Self::block(cells, sensors, &measured)).collect();
        Self { sensors, value: blocks.concat() }
    }

    fn block<C>(cells: &[C], sensors: usize, measured: &impl Fn(&C, &mut [f64])) -> Vec<f32> {
        let mut block = vec![0.0; cells.len() * sensors];
        let mut ranges_m = vec![0.0; sensors];
        for (i, cell) in cells.iter().enumerate() {
            measured(cell, &mut ranges_m);
            for (m, range_m) in ranges_m.iter().enumerate() {
                block[m * cells.len() + i] = *range_m as f32;
            }
        }
        block
    }
}
