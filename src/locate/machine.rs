//! Machines in the cabin: sounds that come from a place off every wall.
//!
//! The skirts of a fan's lines reach far below the noise and over the whole band; what is left of them when the lines are
//! masked is a source like any other, and some place of the wall always fits it better than chance. So the room is
//! searched as well as its walls: what fits a place in the air clearly better than any place on a wall is a machine. It
//! is explained away, and the walls are judged by what is left.

use nalgebra::DVector;
use rayon::prelude::*;

use super::alarm::Null;
use super::array::Array;
use super::bounds::Bounds;
use super::explain::explained_away;
use super::focus::support;
use super::own_range::lined_up;
use super::search::Response;
use super::views::{Material, View};
use crate::cross_spectra::Coherence;
use crate::propagation::Medium;
use crate::site::Point3;

/// Cells of the room in the first round, and those that are split in each further one.
const CELLS: f64 = 40e3;
const KEPT: usize = 400;

/// A machine's response over that of the best place on a wall.
pub const OVER_WALL: f32 = 1.05;

/// How improbable the response at one place must be for a machine, in nats: chance brings 20 somewhere among the millions of
/// places of a room.
const LEAST_NATS: f64 = 30.0;

/// Nearer to a wall than this, metres, or than six standard deviations of what the site leaves open, a source is on it.
const OFF_WALL_M: f64 = 0.06;

/// Machines at most.
const MOST: usize = 4;

/// A source in the air of the room.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Where, metres.
    pub position_m: Point3,
    /// From there to each sensor of the array, metres.
    pub ranges_m: DVector<f64>,
    /// How sound travels.
    pub medium: Medium,
    /// Its steered response, when it was found.
    pub response: f32,
}

impl Machine {
    /// Whether it is none of the `known` ones, and there are not too many of them.
    pub fn is_new(&self, known: &[Self], separation_m: f64) -> bool {
        known.len() < MOST && known.iter().all(|other| (other.position_m - self.position_m).norm() > separation_m)
    }

    /// The coherence without it.
    pub fn explained_away(&self, coherence: &Coherence) -> Coherence {
        let k: Vec<f64> = coherence.frequency_hz.iter().map(|hz| self.medium.wavenumber_rad_m(*hz)).collect();
        explained_away(coherence, &k, &self.ranges_m)
    }
}

/// The loudest source of this view of `material`, where that is a machine: `wall` is the response of the best place on a
/// wall.
pub fn loudest(
    array: &Array<'_>,
    view: &View,
    wall: f32,
    material: Material<'_>,
    separation_m: f64,
) -> Option<Machine> {
    let corners = array.room()?;
    let response = view.response(array);
    let (position_m, value) = strongest(array, &response, corners, OVER_WALL * wall)?;
    let off_m = (array.site.nearest(&position_m).position_m - position_m).norm();
    let is_machine = off_m > OFF_WALL_M.max(separation_m)
        // Log likelihood of a source; where positions are open, tables are pooled and chance reaches farther.
        && support(&view.coherence, value.into(), material.spectra.samples_per_bin()) > LEAST_NATS
        && {
            let drawn = Null::of(Material { machines: &[], ..material }).looks(0);
            Chance::of(&view.glance_at(&drawn[0].1).response(array)).nats(value.into()) > LEAST_NATS
        };
    is_machine.then(|| {
        // Microphones a few millimetres off their places would leave half of it behind.
        let blur_m = view.coherence.pairs.iter().map(|&pair| array.difference_sigma_m(pair)).fold(0.0, f64::max);
        let wave_m =
            std::f64::consts::TAU * view.wavenumber_rad_m.len() as f64 / view.wavenumber_rad_m.iter().sum::<f64>();
        let ranges_m = lined_up(array, view, &array.free_ranges_m(&position_m), 2.0 * blur_m + 0.25 * wave_m);
        Machine { position_m, ranges_m, medium: array.medium.clone(), response: value }
    })
}

/// What chance makes of the response at one place: a sum over pairs, by its first three moments.
#[derive(Debug, Clone, Copy)]
struct Chance {
    mean: f64,
    sigma: f64,
    skewness: f64,
}

impl Chance {
    /// Of the response to a capture that holds nothing but chance: each table shows at thousands of range differences what
    /// its pair may do at one.
    fn of(response: &Response<'_, '_>) -> Self {
        let moments = |(table, _): (&[f32], f64)| {
            let mean_of =
                |f: &dyn Fn(f64) -> f64| table.iter().map(|x| f((*x).into())).sum::<f64>() / table.len() as f64;
            let mean = mean_of(&|x| x);
            [mean, mean_of(&|x| (x - mean).powi(2)), mean_of(&|x| (x - mean).powi(3))]
        };
        let of_pairs: Vec<[f64; 3]> = response.tables().map(moments).collect();
        let sum = |i: usize| of_pairs.iter().map(|moments| moments[i]).sum::<f64>();
        let (pairs, sigma) = (of_pairs.len() as f64, sum(1).sqrt());
        Self { mean: sum(0) / pairs, sigma: sigma / pairs, skewness: sum(2) / sigma.powi(3) }
    }

    /// How improbable a value is, in nats: Chernoff's bound for the gamma law with these moments.
    fn nats(self, value: f64) -> f64 {
        let z = ((value - self.mean) / self.sigma).max(0.0);
        if self.skewness < 1e-3 {
            return 0.5 * z * z;
        }
        let (shape, a) = (4.0 / self.skewness.powi(2), 0.5 * self.skewness * z);
        shape * (a - a.ln_1p())
    }
}

/// Uphill from a place in halving steps.
fn climbed(mut best: (Point3, f32), mut stride_m: f64, heard: &dyn Fn(Point3) -> (Point3, f32)) -> (Point3, f32) {
    let least_m = 0.1 * stride_m;
    while stride_m > least_m {
        let around = (0..6).map(|i| {
            let mut place = best.0;
            place[i / 2] += if i % 2 == 0 { stride_m } else { -stride_m };
            heard(place)
        });
        match around.max_by(|x, y| x.1.total_cmp(&y.1)) {
            Some(next) if next.1 > best.1 => best = next,
            _ => stride_m /= 2.0,
        }
    }
    best
}

/// The strongest place of a box, found from coarse to fine by bounds; absent where none reaches `floor`.
fn strongest(
    array: &Array<'_>,
    response: &Response<'_, '_>,
    [low, high]: [Point3; 2],
    floor: f32,
) -> Option<(Point3, f32)> {
    let size = high - low;
    let mut side_m = (size.product().max(1e-6) / CELLS).cbrt().max(0.02);
    let counts = size.map(|extent| (extent / side_m).ceil().max(1.0) as usize);
    let mut cells: Vec<Point3> = (0..counts.product())
        .map(|i| {
            let index = [i % counts.x, i / counts.x % counts.y, i / counts.x / counts.y];
            low + Point3::from_fn(|axis, _| (index[axis] as f64 + 0.5) * side_m)
        })
        .collect();
    let finest_m = response.step_m();
    loop {
        let measured = |cell: &Point3, ranges: &mut [f64]| array.free_ranges_into(cell, ranges);
        let bounds = Bounds::within(response, 0.87 * side_m).about(&cells, array.len(), measured);
        let bounded = cells.iter().copied().zip(bounds);
        let mut bounded: Vec<(Point3, f32)> = bounded.filter(|(_, bound)| *bound > floor).collect();
        if bounded.len() > KEPT {
            bounded.select_nth_unstable_by(KEPT, |x, y| y.1.total_cmp(&x.1));
            bounded.truncate(KEPT);
        }
        if side_m < finest_m {
            // Bounds are what chance makes at its best within each cell; a machine must be heard at one place.
            let heard = |place: Point3| (place, response.at_ranges(array.free_ranges_m(&place).as_slice()));
            let tried = bounded.par_iter().map(|(cell, _)| heard(*cell));
            let best = tried.reduce_with(|x, y| if y.1 > x.1 { y } else { x })?;
            return Some(climbed(best, 0.5 * side_m, &heard));
        }
        side_m /= 2.0;
        let offsets = [-0.5, 0.5];
        let split = |cell: &Point3| {
            let cell = *cell;
            (0..8).map(move |i| cell + Point3::new(offsets[i & 1], offsets[i >> 1 & 1], offsets[i >> 2]) * side_m)
        };
        cells = bounded.iter().flat_map(|(cell, _)| split(cell)).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_of_a_gamma_law_is_bounded_by_chernoff() {
        // Normal: z²/2. Exponential, of skewness 2: P(X > x) = e^(−x), and the bound is x − 1 − ln x.
        assert!((Chance { mean: 1.0, sigma: 0.5, skewness: 0.0 }.nats(4.0) - 18.0).abs() < 1e-12);
        let exponential = Chance { mean: 1.0, sigma: 1.0, skewness: 2.0 };
        assert!((exponential.nats(30.0) - (29.0 - 30.0_f64.ln())).abs() < 1e-12);
    }
}
