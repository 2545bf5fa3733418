//! Machines in the cabin: sounds that come from a place off every wall.
//!
//! The skirts of a fan's lines reach far below the noise and over the whole band; what is left of them when the lines are
//! masked is a source like any other, and some place of the wall always fits it better than chance. So the room is
//! searched as well as its walls: what fits a place in the air clearly better than any place on a wall is a machine. It
//! is explained away, and the walls are judged by what is left.

use std::cell::LazyCell;

use nalgebra::DVector;
use rayon::prelude::*;

use super::alarm::{Extremes, Gumbel, Null};
use super::array::Array;
use super::bounds::bounds;
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

/// Log likelihood, in nats, that a machine must bring: chance brings 20 somewhere among the millions of places of a room.
const LEAST_NATS: f64 = 30.0;

/// Probability by chance up to which a machine is one, and the captures drawn to tell: where a site leaves
/// positions open, tables are pooled, and chance reaches farther.
const CHANCE: f64 = 1e-3;
const DRAWS: usize = 8;

/// Draws from which on a value far beyond all of them is a machine's, and the most that the scale of chance is of its mode: a sum of many
/// is normal at each place, the highest of `N` places then scatters by `1/(2 ln N)` of itself, and a room has 10⁴ at least.
const FEW_DRAWS: usize = 3;
const WIDEST: f64 = 0.054;

/// Log likelihood a pair, in nats, that chance never brings however much a table is pooled: 3.2 standard deviations in each.
const SURE_NATS: f64 = 5.0;

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

/// Responses of the strongest places of the room in captures of nothing but chance, as many as were asked for yet: they stay
/// what they are while one machine after the other is explained away.
#[derive(Debug, Default)]
pub struct Chance(Vec<f64>);

impl Machine {
    /// The one at this place of the room, heard in `view` with this response.
    pub fn at(array: &Array<'_>, view: &View, (position_m, response): (Point3, f32)) -> Self {
        // Microphones a few millimetres off their places would leave half of it behind.
        let blur_m = view.coherence.pairs.iter().map(|&pair| array.difference_sigma_m(pair)).fold(0.0, f64::max);
        let wave_m =
            std::f64::consts::TAU * view.wavenumber_rad_m.len() as f64 / view.wavenumber_rad_m.iter().sum::<f64>();
        let ranges_m = lined_up(array, view, &array.free_ranges_m(&position_m), 2.0 * blur_m + 0.25 * wave_m);
        Self { position_m, ranges_m, medium: array.medium.clone(), response }
    }

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

/// Where the loudest source of `heard` is, and its response there, where that is a machine: `wall` is the response of the
/// best place on a wall. `view` is one of `material`, and `chance` what chance makes in the room, as far as it is known.
pub fn loudest(
    array: &Array<'_>,
    view: &View,
    (heard, wall): (&Response<'_, '_>, f32),
    material: Material<'_>,
    separation_m: f64,
    chance: &mut Chance,
) -> Option<(Point3, f32)> {
    let corners = array.room()?;
    let (position_m, value) = strongest(array, heard, corners, OVER_WALL * wall)?;
    let nats = support(&view.coherence, value.into(), material.spectra.samples_per_bin());
    let off_m = (array.site.nearest(&position_m).position_m - position_m).norm();
    let is_machine = nats > LEAST_NATS
        && off_m > OFF_WALL_M.max(separation_m)
        && (nats > SURE_NATS * view.coherence.pairs.len() as f64
            || chance.is_exceeded(value.into(), array, view, material, corners));
    is_machine.then_some((position_m, value))
}

impl Chance {
    /// Whether captures of nothing but chance, searched as the real one was, say that this `value` is none.
    ///
    /// One that reaches as far settles it: so far from rare is no machine. In noise that ends the draws early, and so does a value that is
    /// beyond any scale that chance can have.
    fn is_exceeded(
        &mut self,
        value: f64,
        array: &Array<'_>,
        view: &View,
        material: Material<'_>,
        corners: [Point3; 2],
    ) -> bool {
        let Self(drawn) = self;
        let loudest = |coherence: &Coherence| {
            let response = view.stare_at(coherence).response(array);
            strongest(array, &response, corners, f32::MIN).map_or(0.0, |(_, value)| f64::from(value))
        };
        let null = LazyCell::new(|| Null::of(Material { machines: &[], ..material }));
        loop {
            if drawn.iter().any(|chance| *chance >= value) {
                return false;
            }
            if drawn.len() == DRAWS {
                let drawn: Vec<Extremes> = drawn.iter().map(|value| Extremes::of_each(vec![*value])).collect();
                return Gumbel::of_parts(drawn.iter()).exceeding(value) < CHANCE;
            }
            if drawn.len() >= FEW_DRAWS && value > beyond_chance(drawn) {
                return true;
            }
            // The first few go side by side where they are small; in noise the first of a large one may settle it.
            let more = FEW_DRAWS.saturating_sub(drawn.len()).min(null.at_once()).max(1);
            let seeds = drawn.len() as u64..(drawn.len() + more) as u64;
            drawn.extend(null.drawn(seeds, &|looks| loudest(&looks[0].1)));
        }
    }
}

/// What chance does not reach, whatever its scale, with the allowed probability: the mean of `n` draws scatters by π/√(6n) scales, of which
/// two are granted.
fn beyond_chance(drawn: &[f64]) -> f64 {
    let count = drawn.len() as f64;
    let mean = drawn.iter().sum::<f64>() / count;
    let off = 2.0 * std::f64::consts::PI / (6.0 * count).sqrt();
    mean * (1.0 + WIDEST * (off - CHANCE.ln()))
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
        let bounds = bounds(response, 0.87 * side_m, &array.free_ranges_of(&cells));
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
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, StandardNormal};

    use super::*;

    #[test]
    fn a_few_draws_tell_what_chance_does_not_reach() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        // Of the highest of so many normal values; few are the hardest.
        for places in [10_000, 100_000] {
            let mut highest =
                || (0..places).map(|_| StandardNormal.sample(&mut rng)).fold(f64::MIN, |top: f64, x: f64| top.max(x));
            let reached = |bar: f64| 1.0 - (1.0 - 0.5 * libm::erfc(bar / std::f64::consts::SQRT_2)).powi(places);
            let trials = 40;
            let by_chance = |_| reached(beyond_chance(&(0..FEW_DRAWS).map(|_| highest()).collect::<Vec<_>>()));
            let mean = (0..trials).map(by_chance).sum::<f64>() / f64::from(trials);
            assert!(mean < CHANCE, "{places}: {mean:e}");
            // What no chance reaches is none of it: half as high again.
            let drawn: Vec<f64> = (0..FEW_DRAWS).map(|_| highest()).collect();
            assert!(beyond_chance(&drawn) < 1.5 * drawn.iter().copied().fold(0.0, f64::max));
        }
    }
}
