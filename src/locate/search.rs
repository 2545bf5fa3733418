//! The strongest place on the wall, found without missing a narrow peak between grid points.
//!
//! The steered response at `p` is the mean over pairs of `T(d_m(p) − d_n(p))`. Between two points at distance `h` a range
//! difference changes by at most `2h` (two unit gradients), so the mean of `T` pooled by `2h` bounds the response inside
//! a cell of radius `h`. Cells whose bound stays under a value already reached cannot hold the maximum and are dropped;
//! the rest is split until cells are smaller than the finest fringe. The result is the maximum, not a likely one,
//! unless more cells are left than one search may hold: [`Strongest::certain`] tells.

use rayon::prelude::*;

use super::array::Array;
use crate::delay::{RangeTable, pooled};
use crate::site::{Chart, WallPoint};

/// A rectangle in the chart of one wall.
#[derive(Debug, Clone, Copy)]
pub struct Cell {
    wall: usize,
    a: f64,
    v_m: f64,
    half_a: f64,
    half_v_m: f64,
    /// Not less than the response anywhere in the cell.
    pub bound: f32,
}

/// The steered response of an array.
#[derive(Debug)]
pub struct Response<'a, 'b> {
    array: &'b Array<'a>,
    pairs: &'b [(usize, usize)],
    step_m: f64,
    first_m: Vec<f64>,
    /// What each pair adds at each range difference.
    tables: Vec<Vec<f32>>,
}

/// The response with every table pooled: one look-up a pair bounds a cell.
struct Bounds<'a, 'b, 'c> {
    response: &'c Response<'a, 'b>,
    pooled: Vec<Vec<f32>>,
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

/// Cells that one search may hold at once; beyond, the weakest are dropped and the result is not certain.
pub const MANY_CELLS: usize = 1 << 18;

/// Coarse cells are about this large; the detector's statistic was measured with 30 mm cells.
const COARSE_M: f64 = 0.032;

/// Bounds on the number of coarse cells: enough for a median, not more than a second's work.
const COARSE_CELLS: [f64; 2] = [3e3, 2e5];

impl<'a, 'b> Response<'a, 'b> {
    /// The response made of these tables, one a pair.
    ///
    /// What the site leaves uncertain about a pair's range difference, `sigma`, blurs its table: a crest counts within
    /// `±2 sigma`. For an exact site this is the plain correlation; where `sigma` exceeds a wavelength it becomes the
    /// envelope, and no fringe can be preferred that the geometry cannot tell from its neighbours. The mean with a pool
    /// of half the width gives the plateau a middle.
    pub fn new(array: &'b Array<'a>, pairs: &'b [(usize, usize)], tables: &[RangeTable]) -> Self {
        let step_m = tables.first().map_or(1.0, |t| t.step_m);
        let blurred = |(table, &pair): (&RangeTable, &(usize, usize))| {
            let reach = (2.0 * array.difference_sigma_m(pair) / step_m).round() as usize;
            let value: Vec<f32> = table.value.iter().map(|c| c.re).collect();
            let (wide, narrow) = (pooled(&value, reach), pooled(&value, reach / 2));
            wide.iter().zip(&narrow).map(|(w, n)| 0.5 * (w + n)).collect()
        };
        let tables_blurred = tables.par_iter().zip(pairs).map(blurred).collect();
        Self { array, pairs, step_m, first_m: tables.iter().map(|t| t.first_m).collect(), tables: tables_blurred }
    }

    /// The response at a place, tables interpolated linearly.
    fn at_with(&self, place: &WallPoint, ranges: &mut [f64]) -> f32 {
        self.array.ranges_into(place, ranges);
        let mut sum = 0.0;
        for ((&(m, n), table), first_m) in self.pairs.iter().zip(&self.tables).zip(&self.first_m) {
            let place = ((ranges[m] - ranges[n] - first_m) / self.step_m).clamp(0.0, (table.len() - 1) as f64);
            let index = (place as usize).min(table.len() - 2);
            let share = (place - index as f64) as f32;
            sum += table[index] + share * (table[index + 1] - table[index]);
        }
        sum / self.pairs.len() as f32
    }

    fn bounds(&self, radius_m: f64) -> Bounds<'a, 'b, '_> {
        // One step more for the nearest-value look-up.
        let reach = (2.0 * radius_m / self.step_m).ceil() as usize + 1;
        Bounds { response: self, pooled: self.tables.par_iter().map(|t| pooled(t, reach)).collect() }
    }

    /// Covers the whole wall with cells of about the coarse size, bounds filled in.
    pub fn coarse(&self) -> Vec<Cell> {
        let walls = || self.array.walls.iter().map(|&index| (index, &self.array.site.walls[index]));
        let area: f64 = walls().map(|(_, wall)| wall.area_m2()).sum();
        let size = COARSE_M.min((area / COARSE_CELLS[0]).sqrt()).max((area / COARSE_CELLS[1]).sqrt());
        let mut cells = Vec::new();
        for (index, wall) in walls() {
            let Chart { a, v_m, .. } = wall.chart();
            let rows = ((v_m[1] - v_m[0]) / size).ceil().max(1.0);
            let half_v_m = (v_m[1] - v_m[0]) / rows / 2.0;
            for row in 0..rows as usize {
                let v = v_m[0] + (2 * row + 1) as f64 * half_v_m;
                let width = (a[1] - a[0]) * wall.widest([v - half_v_m, v + half_v_m]);
                let columns = (width / size).ceil().max(1.0);
                let half_a = (a[1] - a[0]) / columns / 2.0;
                for column in 0..columns as usize {
                    let a = a[0] + (2 * column + 1) as f64 * half_a;
                    cells.push(Cell { wall: index, a, v_m: v, half_a, half_v_m, bound: 0.0 });
                }
            }
        }
        self.fill_bounds(&mut cells);
        cells
    }

    /// Bounds of all cells, with tables pooled for the largest of them.
    fn fill_bounds(&self, cells: &mut [Cell]) {
        let radius = cells.par_iter().map(|c| self.radius_m(c)).reduce(|| 0.0, f64::max);
        let bounds = self.bounds(radius);
        cells.par_chunks_mut(256).for_each(|part| {
            let mut ranges = vec![0.0; self.array.len()];
            for cell in part {
                cell.bound = bounds.at(&self.centre(cell), &mut ranges);
            }
        });
    }

    /// Distance, along the wall or shorter, that no point of the cell exceeds from its centre.
    fn radius_m(&self, cell: &Cell) -> f64 {
        let widest = self.array.site.walls[cell.wall].widest([cell.v_m - cell.half_v_m, cell.v_m + cell.half_v_m]);
        (cell.half_a * widest).hypot(cell.half_v_m)
    }

    /// The point at the middle of a cell.
    pub fn centre(&self, cell: &Cell) -> WallPoint {
        self.array.site.walls[cell.wall].at(cell.wall, cell.a, cell.v_m)
    }

    /// The strongest place inside `cells`, holding at most `keep` cells at a time.
    ///
    /// # Panics
    /// Where there is no cell.
    pub fn strongest(&self, cells: &[Cell], keep: usize) -> Strongest {
        // A fringe of the highest frequency spans half a wavelength of range difference, 6 steps, hence at least 3 steps
        // of path; cells of 3 steps see every fringe from their centre.
        let finest_m = 3.0 * self.step_m;
        let mut cells = cells.to_vec();
        let mut best = Strongest { point: self.centre(&cells[0]), value: f32::MIN, certain: true };
        loop {
            cells.sort_by(|x, y| y.bound.total_cmp(&x.bound));
            if cells.len() > keep {
                cells.truncate(keep);
                best.certain = false;
            }
            // The centres of the most promising cells raise the bar before any cell is split.
            let size = cells.iter().map(|c| self.radius_m(c)).fold(0.0, f64::max);
            let fine = size * std::f64::consts::SQRT_2 <= finest_m;
            let tried = if fine { cells.len() } else { cells.len().min(64) };
            let reached = self.best_centre(&cells[..tried]);
            if reached.1 > best.value {
                (best.point, best.value) = reached;
            }
            if fine {
                return self.climb(best);
            }
            let floor = best.value;
            let mut finer: Vec<Cell> = cells.iter().filter(|c| c.bound > floor).flat_map(|c| self.split(c)).collect();
            if finer.is_empty() {
                return self.climb(best);
            }
            self.fill_bounds(&mut finer);
            finer.retain(|c| c.bound > floor);
            if finer.is_empty() {
                return self.climb(best);
            }
            cells = finer;
        }
    }

    fn best_centre(&self, cells: &[Cell]) -> (WallPoint, f32) {
        let of_part = |part: &[Cell]| {
            let mut ranges = vec![0.0; self.array.len()];
            let value = |cell: &Cell, ranges: &mut [f64]| {
                let point = self.centre(cell);
                (point, self.at_with(&point, ranges))
            };
            let first = value(&part[0], &mut ranges);
            part[1..].iter().fold(first, |best, cell| stronger(best, value(cell, &mut ranges)))
        };
        let parts: Vec<_> = cells.par_chunks(256).map(of_part).collect();
        parts.into_iter().reduce(stronger).expect("at least one cell")
    }

    /// Two or four parts of a cell, split along what is longer than half the other side.
    fn split(&self, cell: &Cell) -> Vec<Cell> {
        let across =
            cell.half_a * self.array.site.walls[cell.wall].widest([cell.v_m - cell.half_v_m, cell.v_m + cell.half_v_m]);
        let split_a: &[f64] = if across > 0.5 * cell.half_v_m { &[-0.5, 0.5] } else { &[0.0] };
        let split_v: &[f64] = if cell.half_v_m > 0.5 * across { &[-0.5, 0.5] } else { &[0.0] };
        let (half_a, half_v_m) = (cell.half_a / split_a.len() as f64, cell.half_v_m / split_v.len() as f64);
        let mut parts = Vec::with_capacity(4);
        for i in split_a {
            for j in split_v {
                let (a, v_m) = (cell.a + i * cell.half_a, cell.v_m + j * cell.half_v_m);
                parts.push(Cell { a, v_m, half_a, half_v_m, ..*cell });
            }
        }
        parts
    }

    /// Walks uphill from a place in halving steps, from the finest cell down to a twentieth of it.
    fn climb(&self, mut best: Strongest) -> Strongest {
        let mut ranges = vec![0.0; self.array.len()];
        let mut stride_m = 1.5 * self.step_m;
        while stride_m > 0.1 * self.step_m {
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

    /// The response over a regular grid of one wall's chart, each value the bound of its cell: `[v][a]`, row by row.
    pub fn grid(&self, wall: usize, rows: usize, columns: usize) -> Vec<f32> {
        let Chart { a, v_m, .. } = self.array.site.walls[wall].chart();
        let half_a = (a[1] - a[0]) / columns as f64 / 2.0;
        let half_v_m = (v_m[1] - v_m[0]) / rows as f64 / 2.0;
        let mut cells: Vec<Cell> = (0..rows * columns)
            .map(|i| {
                let (row, column) = (i / columns, i % columns);
                let (a, v_m) = (a[0] + (2 * column + 1) as f64 * half_a, v_m[0] + (2 * row + 1) as f64 * half_v_m);
                Cell { wall, a, v_m, half_a, half_v_m, bound: 0.0 }
            })
            .collect();
        self.fill_bounds(&mut cells);
        cells.iter().map(|c| c.bound).collect()
    }
}

impl Bounds<'_, '_, '_> {
    fn at(&self, place: &WallPoint, ranges: &mut [f64]) -> f32 {
        let response = self.response;
        response.array.ranges_into(place, ranges);
        let inverse_step = 1.0 / response.step_m;
        let mut sum = 0.0;
        for ((&(m, n), table), first_m) in response.pairs.iter().zip(&self.pooled).zip(&response.first_m) {
            let index = ((ranges[m] - ranges[n] - first_m) * inverse_step + 0.5).max(0.0) as usize;
            sum += table[index.min(table.len() - 1)];
        }
        sum / response.pairs.len() as f32
    }
}

fn stronger(x: (WallPoint, f32), y: (WallPoint, f32)) -> (WallPoint, f32) {
    if y.1 > x.1 { y } else { x }
}
