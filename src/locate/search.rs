//! The strongest place on the wall, found without missing a narrow peak between grid points.
//!
//! The steered response at `p` is the mean over pairs of `T(d_m(p) − d_n(p))`. Between two points at distance `h` a range
//! difference changes by at most `2h` (two unit gradients), so the mean of `T` pooled by `2h` bounds the response inside
//! a cell of radius `h`. Cells whose bound stays under a value already reached cannot hold the maximum and are dropped;
//! the rest is split until cells are smaller than the finest fringe. The result is the maximum, not a likely one,
//! unless more cells are left than one search may hold: [`Strongest::certain`] tells.

use std::borrow::Cow;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::array::Array;
use super::bounds::{BLOCK, bounds};
use super::cover::Cover;
use crate::delay::{RealTable, pooled};
use crate::simd::dispatch;
use crate::site::{Piece, Wall, WallPoint};

/// A piece of wall and the most that the response can be there.
#[derive(Debug, Clone, Copy)]
pub struct Cell {
    /// Where.
    pub piece: Piece,
    /// Not less than the response anywhere in the cell.
    pub bound: f32,
}

/// What each pair adds to a response at each range difference.
#[derive(Debug, Clone)]
pub struct Blurred {
    step_m: f64,
    first_m: Vec<f64>,
    tables: Vec<Vec<f32>>,
}

/// The steered response of an array.
#[derive(Debug)]
pub struct Response<'a, 'b> {
    array: &'b Array<'a>,
    pairs: &'b [(usize, usize)],
    /// What each pair adds.
    by_pair: Cow<'b, Blurred>,
}

/// What [`Response::strongest`] found.
#[derive(Debug, Clone, Copy)]
pub struct Strongest {
    /// Where.
    pub point: WallPoint,
    /// Response there.
    pub value: f32,
    /// Whether every other place was excluded.
    pub certain: bool,
}

/// Cells that one search may hold at once; beyond, the weakest are dropped and the result is not certain. With many pairs
/// each cell costs more and bounds exclude less, so there are fewer: as many as 128 pairs may look up.
const MANY_CELLS: [usize; 2] = [1 << 14, 1 << 17];
const MANY_LOOK_UPS: usize = 1 << 24;

/// Cells whose centres are tried before the others are split.
const MOST_PROMISING: usize = 64;

impl Blurred {
    /// Of these tables, one a pair.
    ///
    /// What the site leaves uncertain about a pair's range difference, `sigma`, blurs its table: a crest counts within
    /// `±2 sigma`. For an exact site this is the plain correlation; where `sigma` exceeds a wavelength it becomes the
    /// envelope, and no fringe can be preferred that the geometry cannot tell from its neighbours. The mean with a pool
    /// of half the width gives the plateau a middle.
    pub fn new(array: &Array<'_>, pairs: &[(usize, usize)], tables: Vec<RealTable>) -> Self {
        let step_m = tables.first().map_or(1.0, |t| t.step_m);
        let first_m = tables.iter().map(|t| t.first_m).collect();
        let blurred = |(table, &pair): (RealTable, &(usize, usize))| {
            let reach = (2.0 * array.difference_sigma_m(pair) / step_m).round() as usize;
            if reach == 0 {
                return table.value;
            }
            let (wide, narrow) = (pooled(&table.value, reach), pooled(&table.value, reach / 2));
            wide.iter().zip(&narrow).map(|(w, n)| 0.5 * (w + n)).collect()
        };
        Self { step_m, first_m, tables: tables.into_par_iter().zip(pairs).map(blurred).collect() }
    }
}

impl<'a, 'b> Response<'a, 'b> {
    /// The response made of these tables, one a pair.
    pub fn new(array: &'b Array<'a>, pairs: &'b [(usize, usize)], tables: Vec<RealTable>) -> Self {
        Self { array, pairs, by_pair: Cow::Owned(Blurred::new(array, pairs, tables)) }
    }

    /// The same, of tables that are blurred already.
    pub fn of(array: &'b Array<'a>, pairs: &'b [(usize, usize)], by_pair: &'b Blurred) -> Self {
        Self { array, pairs, by_pair: Cow::Borrowed(by_pair) }
    }

    /// The response at a place, tables interpolated linearly.
    fn at_with(&self, place: &WallPoint, ranges: &mut [f64]) -> f32 {
        self.array.ranges_into(place, ranges);
        self.at_ranges(ranges)
    }

    /// The response of a source at these ranges.
    pub fn at_ranges(&self, ranges: &[f64]) -> f32 {
        let mut sum = 0.0;
        let Blurred { step_m, first_m, tables } = &*self.by_pair;
        for ((&(m, n), table), first_m) in self.pairs.iter().zip(tables).zip(first_m) {
            let place = ((ranges[m] - ranges[n] - first_m) / step_m).clamp(0.0, (table.len() - 1) as f64);
            let index = (place as usize).min(table.len() - 2);
            let share = (place - index as f64) as f32;
            sum += table[index] + share * (table[index + 1] - table[index]);
        }
        sum / self.pairs.len() as f32
    }

    /// The response at a place.
    pub fn at(&self, place: &WallPoint) -> f32 {
        self.at_with(place, &mut vec![0.0; self.array.len()])
    }

    /// Spacing of the tables, metres.
    pub fn step_m(&self) -> f64 {
        self.by_pair.step_m
    }

    /// The pairs whose tables add up.
    pub fn pairs(&self) -> &'b [(usize, usize)] {
        self.pairs
    }

    /// The table of each pair and the range difference of its first value, metres.
    pub fn tables(&self) -> impl Iterator<Item = (&[f32], f64)> {
        self.by_pair.tables.iter().map(Vec::as_slice).zip(self.by_pair.first_m.iter().copied())
    }

    /// The pieces with the bound of each.
    pub fn over(&self, cover: &Cover) -> Vec<Cell> {
        self.bounds(cover).into_iter().enumerate().map(|(i, bound)| cover.cell(i, bound)).collect()
    }

    /// The bound of each piece.
    pub fn bounds(&self, cover: &Cover) -> Vec<f32> {
        bounds(self, cover.radius_m(), cover.ranges())
    }

    /// Bounds of all cells, with tables pooled for the largest of them.
    fn fill_bounds(&self, cells: &mut [Cell]) {
        let radius_m = cells.iter().map(|c| self.radius_m(c)).fold(0.0, f64::max);
        let bounds = bounds(self, radius_m, &self.array.ranges_of(cells, |cell| self.centre(cell)));
        cells.iter_mut().zip(bounds).for_each(|(cell, bound)| cell.bound = bound);
    }

    fn wall(&self, cell: &Cell) -> &Wall {
        &self.array.site.walls[cell.piece.wall]
    }

    fn radius_m(&self, cell: &Cell) -> f64 {
        cell.piece.radius_m(self.wall(cell))
    }

    /// The point at the middle of a cell.
    pub fn centre(&self, cell: &Cell) -> WallPoint {
        cell.piece.centre(self.wall(cell))
    }

    /// Side of a square as large as the cell, metres.
    pub fn side_m(&self, cell: &Cell) -> f64 {
        self.radius_m(cell) * std::f64::consts::SQRT_2
    }

    /// Cells that a search of everything may hold.
    pub fn many_cells(&self) -> usize {
        (MANY_LOOK_UPS / self.pairs.len().max(1)).clamp(MANY_CELLS[0], MANY_CELLS[1])
    }

    /// The strongest place inside `cells`, holding at most `keep` cells at a time.
    ///
    /// # Panics
    /// Where there is no cell.
    pub fn strongest(&self, cells: Vec<Cell>, keep: usize) -> Strongest {
        self.strongest_above(f32::NEG_INFINITY, cells, keep).expect("every response is more than that")
    }

    /// The same where the response there is above `floor`: what cannot reach it is dropped like what cannot be the strongest.
    ///
    /// # Panics
    /// Where there is no cell.
    pub fn strongest_above(&self, floor: f32, mut cells: Vec<Cell>, keep: usize) -> Option<Strongest> {
        let climbed = |best: Strongest| Some(self.climb(best)).filter(|best| best.value > floor);
        // A fringe of the highest frequency spans half a wavelength of range difference, 6 steps, hence at least 3 steps
        // of path; cells of 3 steps see every fringe from their centre.
        let finest_m = 3.0 * self.step_m();
        let mut best = Strongest { point: self.centre(&cells[0]), value: f32::MIN, certain: true };
        loop {
            if cells.len() > keep {
                promising_first(&mut cells, keep);
                cells.truncate(keep);
                best.certain = false;
            }
            promising_first(&mut cells, MOST_PROMISING);
            // The centres of the most promising cells raise the bar before any cell is split.
            let size = cells.iter().map(|c| self.radius_m(c)).fold(0.0, f64::max);
            let fine = size * std::f64::consts::SQRT_2 <= finest_m;
            let tried = if fine { cells.len() } else { cells.len().min(MOST_PROMISING) };
            let reached = self.best_centre(&cells[..tried]);
            if reached.1 > best.value {
                (best.point, best.value) = reached;
            }
            if fine {
                return climbed(best);
            }
            let bar = best.value.max(floor);
            let parts = |c: &Cell| c.piece.split(self.wall(c)).map(|piece| Cell { piece, bound: bar });
            let mut finer: Vec<Cell> = cells.iter().filter(|c| c.bound > bar).flat_map(parts).collect();
            if finer.is_empty() {
                return climbed(best);
            }
            self.fill_bounds(&mut finer);
            finer.retain(|c| c.bound > bar);
            if finer.is_empty() {
                return climbed(best);
            }
            cells = finer;
        }
    }

    fn best_centre(&self, cells: &[Cell]) -> (WallPoint, f32) {
        let of_part = |part: &[Cell]| {
            let points: Vec<WallPoint> = part.iter().map(|cell| self.centre(cell)).collect();
            let values = self.at_all(&points);
            points.into_iter().zip(values).reduce(stronger)
        };
        let parts: Vec<_> = cells.par_chunks(BLOCK).filter_map(of_part).collect();
        parts.into_iter().reduce(stronger).expect("at least one cell")
    }

    /// The response at each of a block of places.
    pub fn at_all(&self, places: &[WallPoint]) -> Vec<f32> {
        let count = places.len();
        let (mut ranges, mut of_place) = (vec![0.0; count * self.array.len()], vec![0.0; self.array.len()]);
        for (i, place) in places.iter().enumerate() {
            self.array.ranges_into(place, &mut of_place);
            of_place.iter().enumerate().for_each(|(m, range_m)| ranges[m * count + i] = *range_m);
        }
        dispatch(Interpolated { of: &self.by_pair, pairs: self.pairs, ranges: &ranges, count })
    }

    /// Walks uphill from a place in halving steps, from the finest cell down to a twentieth of it.
    fn climb(&self, mut best: Strongest) -> Strongest {
        let mut ranges = vec![0.0; self.array.len()];
        let mut stride_m = 1.5 * self.step_m();
        while stride_m > 0.1 * self.step_m() {
            let around = [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)];
            let next = around
                .iter()
                .map(|(i, j)| self.array.site.moved(&best.point, i * stride_m, j * stride_m))
                .map(|point| (point, self.at_with(&point, &mut ranges)))
                .reduce(stronger)
                .expect("four neighbours");
            if next.1 > best.value {
                (best.point, best.value) = next;
            } else {
                stride_m /= 2.0;
            }
        }
        best
    }
}

/// Responses at `count` places, tables interpolated linearly: places in the tables are worked out in registers.
struct Interpolated<'t> {
    of: &'t Blurred,
    pairs: &'t [(usize, usize)],
    /// Metres; `[sensor][place]`.
    ranges: &'t [f64],
    count: usize,
}

/// From here on double precision counts in whole numbers: a whole number added is found in the lowest bits.
const WHOLE: f64 = 4_503_599_627_370_496.0;

impl WithSimd for Interpolated<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<f32> {
        let Self { of: Blurred { step_m, first_m, tables }, pairs, ranges, count } = self;
        let (mut sums, mut places) = (vec![0.0; count], vec![(0_u32, 0.0_f32); count]);
        for ((&(m, n), table), first_m) in pairs.iter().zip(tables).zip(first_m) {
            let (first, second) = (&ranges[m * count..][..count], &ranges[n * count..][..count]);
            let (last, last_pair) = ((table.len() - 1) as f64, (table.len() - 2) as f64);
            for ((to, a), b) in places.iter_mut().zip(first).zip(second) {
                let place = ((a - b - first_m) / step_m).max(0.0).min(last);
                let index = place.floor().min(last_pair);
                *to = ((index + WHOLE).to_bits() as u32, (place - index) as f32);
            }
            for (sum, &(index, share)) in sums.iter_mut().zip(&places) {
                let [here, next] = [0, 1].map(|i| table[index as usize + i]);
                *sum += here + share * (next - here);
            }
        }
        let pairs = pairs.len() as f32;
        sums.iter_mut().for_each(|sum| *sum /= pairs);
        sums
    }
}

/// The `count` cells of highest bounds to the front, in no order.
fn promising_first(cells: &mut [Cell], count: usize) {
    if count < cells.len() {
        cells.select_nth_unstable_by(count, |x, y| y.bound.total_cmp(&x.bound));
    }
}

fn stronger(x: (WallPoint, f32), y: (WallPoint, f32)) -> (WallPoint, f32) {
    if y.1 > x.1 { y } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::propagation::Medium;
    use crate::site::parse_site;

    #[test]
    fn a_floor_takes_away_nothing_that_stands_over_it() {
        let site = parse_site(include_str!("../../samples/tunnel/site.toml"), "site.toml").unwrap();
        let sensors: Vec<usize> = (0..site.sensors.len()).collect();
        let array = Array::new(&site, Medium::of(&site), [20e3, 60e3], sensors).unwrap();
        let pairs: Vec<_> = (0..array.len()).flat_map(|m| (m + 1..array.len()).map(move |n| (m, n))).collect();
        let place = array.cover().spread(&array, 7)[3];
        let ranges_m = array.ranges_m(&place);
        let table = |&(m, n): &(usize, usize)| {
            let (step_m, reach_m) = (1e-3, array.largest_difference_m((m, n)) + 0.05);
            let at = |i: usize| (-reach_m + i as f64 * step_m - ranges_m[m] + ranges_m[n]) / 3e-3;
            let value = (0..=(2.0 * reach_m / step_m) as usize).map(|i| (-at(i).powi(2)).exp() as f32).collect();
            RealTable { first_m: -reach_m, step_m, value }
        };
        let response = Response::new(&array, &pairs, pairs.iter().map(table).collect());
        let cells = || response.over(array.cover());
        let strongest = response.strongest(cells(), response.many_cells());
        assert!((strongest.point.position_m - place.position_m).norm() < 3e-3 && strongest.value > 0.8);
        let above = |share: f32| response.strongest_above(share * strongest.value, cells(), response.many_cells());
        for share in [0.0, 0.5, 0.999] {
            let found = above(share).unwrap();
            assert_eq!((found.point, found.value), (strongest.point, strongest.value), "{share}");
        }
        assert!(above(1.0).is_none() && above(1.2).is_none());
    }
}
