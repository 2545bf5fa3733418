//! The most that a response can be in each of many cells: one look-up a pair and cell, in tables pooled by the cells' reach.
//!
//! This is where searches spend their time, so cells go by in blocks: for each pair the places in its table are worked
//! out for the whole block in the machine's registers, then the values are looked up one by one.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::search::Response;
use crate::delay::halved_and_pooled;
use crate::simd::dispatch;
use crate::site::Point3;

/// Cells that go by together: their ranges, places and sums stay in the first-level cache.
pub const BLOCK: usize = 256;

/// From here on single precision counts in whole numbers: adding it leaves the nearest one in the lowest bits.
const WHOLE: f32 = 8_388_608.0;

/// Up to so many cells it pays to see first which stretch of each table they ask for, and to pool no more than that.
pub const FEW: usize = 1 << 14;

/// The response with every table pooled: one look-up a pair bounds a cell.
#[derive(Debug)]
struct Bounds<'b> {
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
    /// Index of the first value kept.
    first: usize,
    value: Vec<f32>,
}

/// Ranges from the middles of cells to every sensor, metres; `[block][sensor][cell]`.
#[derive(Debug)]
pub struct Ranges {
    sensors: usize,
    value: Vec<f32>,
}

/// The most that the response can be within `radius_m` of each place with these ranges.
pub fn bounds(response: &Response<'_, '_>, radius_m: f64, ranges: &Ranges) -> Vec<f32> {
    let mut bounds = vec![0.0; ranges.cells()];
    if bounds.is_empty() {
        return bounds;
    }
    let pooled = Bounds::within(response, radius_m, ranges);
    let blocks = bounds.par_chunks_mut(BLOCK).zip(ranges.value.par_chunks(BLOCK * ranges.sensors));
    blocks.for_each(|(bounds, ranges)| dispatch(LookUp { of: &pooled, ranges, bounds }));
    bounds
}

impl<'b> Bounds<'b> {
    fn within(response: &Response<'_, 'b>, radius_m: f64, ranges: &Ranges) -> Self {
        let step_m = response.step_m();
        // A step more for interpolation, one for where in its chunk a place is, one for single precision.
        let reach = (2.0 * radius_m / step_m).ceil() as usize + 3;
        // Windows that differ by a sixteenth of their reach share a value: small tables stay in cache.
        let halvings = (reach / 16).max(1).ilog2();
        let chunk = 1 << halvings;
        let half_width = reach.div_ceil(chunk);
        let density_1_m = (1.0 / (step_m * chunk as f64)) as f32;
        let pool = |((table, first_m), pair): ((&[f32], f64), &(usize, usize))| {
            let middle = -first_m as f32 * density_1_m - 0.5;
            let whole = table.len().div_ceil(chunk);
            let index = |difference_m: f32| ((difference_m * density_1_m + middle).max(0.0) as usize).min(whole - 1);
            // Rounding takes a place to one neighbour or the other; windows reach over the ends of the stretch.
            let asked = ranges.differences_m(*pair).map_or(0..whole, |[least_m, most_m]| {
                index(least_m).saturating_sub(half_width + 1)..(index(most_m) + half_width + 2).min(whole)
            });
            let values = &table[asked.start * chunk..(asked.end * chunk).min(table.len())];
            Pooled { middle, first: asked.start, value: halved_and_pooled(values, halvings, half_width) }
        };
        let tables: Vec<(&[f32], f64)> = response.tables().collect();
        let tables = tables.into_par_iter().zip(response.pairs()).map(pool).collect();
        Self { pairs: response.pairs(), density_1_m, tables }
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
            let (first_kept, last_kept) = (table.first as f32, (table.first + table.value.len() - 1) as f32);
            let first_bits = (first_kept + WHOLE).to_bits();
            let (first, second) = (&ranges[m * cells..][..cells], &ranges[n * cells..][..cells]);
            for ((place, a), b) in places.iter_mut().zip(first).zip(second) {
                let at = (a - b) * of.density_1_m + table.middle;
                *place = (at.max(first_kept).min(last_kept) + WHOLE).to_bits() - first_bits;
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
        let block = |(cells, block): (&[C], &mut [f32])| {
            let mut ranges_m = vec![0.0; sensors];
            for (i, cell) in cells.iter().enumerate() {
                measured(cell, &mut ranges_m);
                for (m, range_m) in ranges_m.iter().enumerate() {
                    block[m * cells.len() + i] = *range_m as f32;
                }
            }
        };
        Self::by_blocks(cells, sensors, block)
    }

    /// Straight ones, from each cell's `middle` to these places.
    pub fn straight<C: Sync>(cells: &[C], to_m: &[Point3], middle: impl Fn(&C) -> Point3 + Sync) -> Self {
        let block = |(cells, block): (&[C], &mut [f32])| {
            let mut middles_m = [[0.0; BLOCK]; 3];
            for (i, cell) in cells.iter().enumerate() {
                let middle_m = middle(cell);
                (0..3).for_each(|axis| middles_m[axis][i] = middle_m[axis]);
            }
            for (ranges_m, to_m) in block.chunks_mut(cells.len()).zip(to_m) {
                dispatch(Distances { from_m: &middles_m, to_m, ranges_m });
            }
        };
        Self::by_blocks(cells, to_m.len(), block)
    }

    fn by_blocks<C: Sync>(cells: &[C], sensors: usize, block: impl Fn((&[C], &mut [f32])) + Sync) -> Self {
        let mut value = vec![0.0; cells.len() * sensors];
        if sensors > 0 {
            cells.par_chunks(BLOCK).zip(value.par_chunks_mut(BLOCK * sensors)).for_each(&block);
        }
        Self { sensors, value }
    }

    fn cells(&self) -> usize {
        self.value.len() / self.sensors.max(1)
    }

    /// The least and the largest range difference of a pair, metres; absent where there are too many cells to ask, or none
    /// that sound reaches.
    fn differences_m(&self, (m, n): (usize, usize)) -> Option<[f32; 2]> {
        if self.cells() > FEW {
            return None;
        }
        let of_block = |block: &[f32]| {
            let cells = block.len() / self.sensors;
            dispatch(Extent { first: &block[m * cells..][..cells], second: &block[n * cells..][..cells] })
        };
        let of_blocks = self.value.chunks(BLOCK * self.sensors).map(of_block);
        let extent =
            of_blocks.fold([f32::MAX, f32::MIN], |[low, high], [least, most]| [low.min(least), high.max(most)]);
        Some(extent).filter(|[least, most]| least <= most)
    }
}

/// Distances from each of many places, told by axes, to one.
struct Distances<'t> {
    from_m: &'t [[f64; BLOCK]; 3],
    to_m: &'t Point3,
    ranges_m: &'t mut [f32],
}

impl WithSimd for Distances<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { from_m: [x, y, z], to_m, ranges_m } = self;
        for (((range_m, x), y), z) in ranges_m.iter_mut().zip(x).zip(y).zip(z) {
            let (dx, dy, dz) = (x - to_m.x, y - to_m.y, z - to_m.z);
            *range_m = (dx * dx + dy * dy + dz * dz).sqrt() as f32;
        }
    }
}

/// The least and the largest difference of two lists.
struct Extent<'t> {
    first: &'t [f32],
    second: &'t [f32],
}

impl WithSimd for Extent<'_> {
    type Output = [f32; 2];

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> [f32; 2] {
        // Sixteen at a time, so that comparisons do not wait for each other.
        let (mut least, mut most) = ([f32::MAX; 16], [f32::MIN; 16]);
        for (a, b) in self.first.chunks(16).zip(self.second.chunks(16)) {
            for (((low, high), a), b) in least.iter_mut().zip(&mut most).zip(a).zip(b) {
                let difference = a - b;
                *low = if difference < *low { difference } else { *low };
                *high = if difference > *high { difference } else { *high };
            }
        }
        [least.into_iter().fold(f32::MAX, f32::min), most.into_iter().fold(f32::MIN, f32::max)]
    }
}

#[cfg(test)]
mod tests {
    use super::super::array::Array;
    use super::*;
    use crate::delay::RealTable;
    use crate::propagation::Medium;
    use crate::site::parse_site;

    #[test]
    fn a_bound_is_one_and_rests_on_its_own_cell_alone() {
        let site = parse_site(include_str!("../../samples/tunnel/site.toml"), "site.toml").unwrap();
        let sensors: Vec<usize> = (0..site.sensors.len()).collect();
        let array = Array::new(&site, Medium::of(&site), [20e3, 60e3], sensors).unwrap();
        let pairs: Vec<_> = (0..array.len()).flat_map(|m| (m + 1..array.len()).map(move |n| (m, n))).collect();
        let step_m = 1e-3;
        let table = |&pair: &(usize, usize)| {
            let kept = (array.largest_difference_m(pair) / step_m) as usize + 50;
            let value = |i: usize| ((i * 7919 + 13 * pair.0 + 101 * pair.1) % 1009) as f32 - 500.0;
            RealTable { first_m: -(kept as f64) * step_m, step_m, value: (0..=2 * kept).map(value).collect() }
        };
        let response = Response::new(&array, &pairs, pairs.iter().map(table).collect());
        let places = array.cover().spread(&array, FEW + 1);
        let radius_m = 0.016;
        let of = |places: &[_]| bounds(&response, radius_m, &array.ranges_of(places, |place| *place));
        let (whole, few) = (of(&places), of(&places[..FEW]));
        assert_eq!(whole[..FEW], few);
        for (i, place) in places.iter().enumerate().step_by(997) {
            assert_eq!(of(&[*place])[0], whole[i]);
            for (du_m, dv_m) in [(0.0, 0.0), (0.0159, 0.0), (-0.007, 0.014), (0.011, -0.011)] {
                let near = array.site.moved(place, du_m, dv_m);
                assert!(response.at(&near) <= whole[i], "at {near:?}");
            }
        }
        let values = response.at_all(&places[..300]);
        assert!(places.iter().zip(values).all(|(place, value)| response.at(place) == value));
    }

    #[test]
    fn straight_ranges_are_those_of_the_array() {
        let site = parse_site(include_str!("../../samples/tunnel/site.toml"), "site.toml").unwrap();
        let array = Array::new(&site, Medium::of(&site), [20e3, 60e3], (0..3).collect()).unwrap();
        let places = array.cover().spread(&array, BLOCK + 7);
        let [fast, slow] = [
            array.ranges_of(&places, |place| *place),
            Ranges::of(&places, array.len(), |place, ranges_m| array.ranges_into(place, ranges_m)),
        ];
        assert_eq!(fast.value.len(), 3 * places.len());
        // Rounded to single precision from double, summed in another order at most.
        let worst = fast.value.iter().zip(&slow.value).map(|(x, y)| (x / y - 1.0).abs()).fold(0.0, f32::max);
        assert!(worst <= f32::EPSILON, "{worst:e}");
    }
}
