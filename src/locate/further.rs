//! Further leaks: the strongest is explained away, and what is left is judged by the same test as the whole was.
//!
//! The null hypothesis grows with what is found: captures are drawn that hold the leaks found so far, as every channel
//! hears them, and chance. What explaining away leaves of *them* is what a single leak may leave, echoes and the limits
//! of the method included; a further leak must stand out of that.

use std::sync::Arc;

use nalgebra::DVector;

use super::alarm::{Extremes, Null, Shown, shown};
use super::array::Array;
use super::explain::{mean_correlation, without_leak};
use super::judge::BESIDE_MACHINES;
use super::machine::{self, Machine};
use super::refine::{Refined, refine};
use super::views::{Looks, View};
use crate::cross_spectra::{Coherence, Weighting};
use crate::site::WallPoint;

/// What is left must reach this share of the first leak's response. Of one leak only, up to 0.030 was left in one
/// capture of twenty, while a second leak 12 dB below the first showed 0.040.
const LEAST_SHARE: f64 = 0.035;

/// So near to a leak, in units of the resolution, what a slightly wrong range leaves of it counts from this share on.
const BESIDE: f64 = 8.0;
const SHARE_BESIDE: f64 = 0.1;

/// The null hypothesis knows the leaks found so far as well as the capture tells them, not better: a lesser leak is told at
/// this share of the allowed probability.
const STRICTER: f64 = 0.1;

/// Leaks closer to each other than this, metres, are refined again without each other.
const NEIGHBOURS_M: f64 = 0.05;

/// Where pairs correlate beyond what the leaks and chance explain, with less than this probability, there are echoes: they
/// line up somewhere on a wall as well.
const ECHOES: f64 = 0.1;

/// What stands out by so much is no echo. Measured with walls that reflect 0.9: what they leave stood out by z up to 11, leaks
/// 10 dB below the first by 17 and more.
pub const BEYOND_ECHOES_Z: f64 = 12.0;

/// From this share of the first leak's response on, what is left is neither an echo nor badly explained away: it need not
/// stand out of a map that its own side lobes fill, only be louder than chance.
const EQUAL: f64 = 0.3;

/// Nearer to a leak than this share of the resolution is not another one but what is left of it.
const SAME: f64 = 0.25;

/// How often what is left of leaks is explained away once more.
const AGAIN: usize = 3;

/// Cells held while what is left is searched: where nothing stands out of it, no cell can be excluded, and nothing is told. Of many pairs
/// fewer do, as many as 256 pairs may look up: bounds are means over pairs, and of noise they scatter the less.
const REST_CELLS: [usize; 2] = [1 << 9, 1 << 12];
const REST_LOOK_UPS: usize = 1 << 20;

/// Directions in which resolution is asked for.
const DIRECTIONS: usize = 12;

/// Frequencies for which it is worked out.
const FREQUENCIES: usize = 128;

/// The leaks of a capture.
pub struct Leaks {
    /// In the order in which they were found.
    pub sources: Vec<Refined>,
    /// Probability of each by chance.
    pub probabilities: Vec<f64>,
    /// Machines heard beside them.
    pub machines: Vec<Machine>,
    /// What is left without all these.
    pub rest: Arc<Coherence>,
    /// What a reader must know.
    pub warnings: Vec<String>,
    /// What was seen on the way.
    pub notes: Vec<String>,
    /// What was taken out of the capture to leave the rest, in order.
    taken: Vec<Taken>,
}

/// Something that was taken out of a capture. Of the next less is left the louder it is, so captures that are drawn lose the same in the
/// same order.
enum Taken {
    /// A leak, by its ranges, metres.
    Leak(DVector<f64>),
    Machine(Machine),
}

impl Taken {
    fn out_of(&self, coherence: &Coherence, wavenumber_rad_m: &[f64]) -> Coherence {
        match self {
            Self::Leak(ranges_m) => without_leak(coherence, wavenumber_rad_m, ranges_m),
            Self::Machine(machine) => machine.explained_away(coherence),
        }
    }
}

/// What is listened to.
pub struct Scene<'t, 'a> {
    /// The array.
    pub array: &'t Array<'a>,
    /// What chance alone is.
    pub null: &'t Null<'t>,
    /// The `z` that it reaches with the allowed probability.
    pub needed_z: f64,
}

/// Looks for leaks beside the first until nothing stands out with the `allowed` probability, or there are `most`.
///
/// What is left is always weighed by the powers of the capture (SCOT): phase alone would raise what is next to nothing.
pub fn further(
    scene: &Scene<'_, '_>,
    view: &View,
    separation_m: f64,
    first: (Refined, f64),
    (most, allowed): (usize, f64),
    chance_in_room: &mut machine::Chance,
) -> Leaks {
    let Scene { array, null, .. } = scene;
    let samples_per_bin = null.material.spectra.samples_per_bin();
    let k = &view.wavenumber_rad_m;
    let whole = match null.material.weighting {
        Weighting::Scot => Arc::clone(&view.coherence),
        _ => Arc::clone(&null.material.weighed_by_powers().looks()[0].1),
    };
    let strongest = mean_correlation(&whole, k, &first.0.ranges_m);
    let mut leaks = Leaks {
        rest: Arc::new(without_leak(&whole, k, &first.0.ranges_m)),
        sources: vec![first.0],
        probabilities: vec![first.1],
        machines: Vec::new(),
        warnings: Vec::new(),
        notes: Vec::new(),
        taken: Vec::new(),
    };
    leaks.taken.push(Taken::Leak(leaks.sources[0].ranges_m.clone()));
    if null.material.spectra.segments() < 2 {
        leaks.notes.push("one segment of sound does not tell a second leak from chance".into());
        return leaks;
    }
    while leaks.sources.len() < most {
        let response = view.stare_at(&leaks.rest).response(array);
        let count = leaks.sources.len();
        // What is too faint to be a leak hides none either: whether it is a machine need not be told from chance.
        let least = (LEAST_SHARE * strongest) as f32;
        let keep = (REST_LOOK_UPS / view.coherence.pairs.len()).clamp(REST_CELLS[0], REST_CELLS[1]);
        let place = response.strongest_above(least, response.over(array.cover()), keep);
        let rest = || view.at("the rest", array, Arc::clone(&leaks.rest));
        let heard = (&response, place.map_or(least, |place| place.value));
        if let Some(louder) = machine::loudest(array, view, heard, null.material, separation_m, chance_in_room) {
            let machine = Machine::at(array, &rest(), louder);
            if machine.is_new(&[null.material.machines, &leaks.machines].concat(), separation_m) {
                leaks.machines.push(machine.clone());
                leaks.take(Taken::Machine(machine), k);
                continue;
            }
        }
        let Some(place) = place else {
            leaks
                .notes
                .push(format!("after {count} leak(s), the strongest rest is less than {LEAST_SHARE} of the first"));
            break;
        };
        let share = f64::from(place.value) / strongest;
        // Sensors that are off move the map's peak, but not what is refined.
        let Some(source) = refine(array, rest().data(samples_per_bin), place.point) else { break };
        let resolution_m = resolution_m(array, view, &source.point);
        let same = leaks.sources.iter().find(|leak| distance_m(&leak.point, &source.point) < SAME * resolution_m);
        if let Some(leak) = same {
            let again = leaks.taken.iter().filter(|taken| matches!(taken, Taken::Leak(_))).count();
            if again >= leaks.sources.len() + AGAIN {
                leaks
                    .notes
                    .push(format!("{share:.3} of the first stays where a leak is, however often it is explained away"));
                break;
            }
            let leak = Taken::Leak(leak.ranges_m.clone());
            leaks.take(leak, k);
            continue;
        }
        let shows = |coherence: &Coherence| -> Shown {
            let glance = view.glance_at(coherence);
            if share < EQUAL {
                return shown(array, vec![glance]);
            }
            let pair_z = Extremes::of_each(glance.pair_z());
            let bounds = glance.response(array).bounds(array.cover());
            Shown { map_z: vec![Extremes::of_map(&bounds, f64::from)], pair_z }
        };
        let left = |looks: Looks| -> Shown {
            let drawn = Arc::clone(&looks[0].1);
            let left = leaks.taken.iter().fold(drawn, |rest, taken| Arc::new(taken.out_of(&rest, k)));
            shows(&left)
        };
        let seen = shows(&leaks.rest);
        let stands_out = seen.map_z[0].top();
        let found = format!("after {count} leak(s), the strongest rest is {share:.3} of the first");
        let at = || {
            let [x, y, z]: [f64; 3] = place.point.position_m.into();
            format!("{found}, at x {x:.3} m, y {y:.3} m, z {z:.3} m, and stands out by z = {stands_out:.1}")
        };
        let lesser = share < EQUAL;
        if lesser && stands_out < scene.needed_z {
            leaks.notes.push(format!("{}: chance does as much, up to {:.1}", at(), scene.needed_z));
            break;
        }
        let allowed = if lesser { STRICTER * allowed } else { allowed };
        let tried = if leaks.machines.is_empty() && null.material.machines.is_empty() { 1 } else { BESIDE_MACHINES };
        let alarm = null.holding(&whole, &leaks.rest).judge(&seen, tried, allowed, &left);
        // The map tells whether this leak is one; pairs, what is left when it is granted too.
        let echoes = || alarm.echoes(view, &without_leak(&leaks.rest, k, &source.ranges_m));
        if lesser && stands_out < BEYOND_ECHOES_Z && echoes() < ECHOES {
            leaks.notes.push(format!("{}: echoes are heard, which do as much, up to {BEYOND_ECHOES_Z}", at()));
            break;
        }
        leaks.notes.push(format!("{found}, chance {:.1e}", alarm.probability));
        if alarm.probability > allowed {
            break;
        }
        let near = leaks.sources.iter().map(|other| distance_m(&other.point, &source.point)).fold(f64::MAX, f64::min);
        if near < BESIDE * resolution_m && share < SHARE_BESIDE {
            break;
        }
        let parted = leaks.sources.iter().cloned().chain([source.clone()]).collect();
        let parted =
            if near < NEIGHBOURS_M { leaks.parted(array, view, &whole, parted, samples_per_bin) } else { parted };
        let near = near.min(nearest_m(&parted));
        if near < resolution_m {
            leaks.warnings.push(format!(
                "one of the leaks may be two, {:.1} mm apart: this array tells leaks apart from {:.1} mm on",
                near * 1e3,
                resolution_m * 1e3
            ));
            break;
        }
        leaks.sources = parted;
        leaks.probabilities.push(alarm.probability);
        if near < NEIGHBOURS_M {
            leaks.take_anew(&whole, k);
        } else {
            leaks.take(Taken::Leak(source.ranges_m), k);
        }
    }
    leaks
}

impl Leaks {
    /// Takes something more out of the rest.
    fn take(&mut self, taken: Taken, wavenumber_rad_m: &[f64]) {
        self.rest = Arc::new(taken.out_of(&self.rest, wavenumber_rad_m));
        self.taken.push(taken);
    }

    /// Takes the leaks as they are now, and then the machines, out of the `whole`.
    fn take_anew(&mut self, whole: &Arc<Coherence>, wavenumber_rad_m: &[f64]) {
        self.rest = Arc::clone(whole);
        self.taken.clear();
        let leaks = self.sources.iter().map(|leak| Taken::Leak(leak.ranges_m.clone()));
        let all: Vec<Taken> = leaks.chain(self.machines.iter().cloned().map(Taken::Machine)).collect();
        all.into_iter().for_each(|taken| self.take(taken, wavenumber_rad_m));
    }

    /// Leaks close to each other pull at each other: each of these is refined again without the others, and without machines.
    fn parted(
        &self,
        array: &Array<'_>,
        view: &View,
        whole: &Arc<Coherence>,
        mut sources: Vec<Refined>,
        samples_per_bin: f64,
    ) -> Vec<Refined> {
        let k = &view.wavenumber_rad_m;
        let near = |i: usize, j: usize| i != j && distance_m(&sources[i].point, &sources[j].point) < NEIGHBOURS_M;
        let count = sources.len();
        let crowded: Vec<usize> = (0..count).filter(|&i| (0..count).any(|j| near(i, j))).collect();
        for &i in &crowded {
            let others = sources.iter().enumerate().filter(|(j, _)| *j != i);
            let without =
                others.fold(Arc::clone(whole), |rest, (_, leak)| Arc::new(without_leak(&rest, k, &leak.ranges_m)));
            let alone = self.machines.iter().fold(without, |rest, m| Arc::new(m.explained_away(&rest)));
            let alone = view.at("one of several", array, alone);
            if let Some(again) = refine(array, alone.data(samples_per_bin), sources[i].point) {
                sources[i] = again;
            }
        }
        sources
    }
}

/// The distance of those two that are nearest to each other, metres.
fn nearest_m(sources: &[Refined]) -> f64 {
    let others = |i: usize| sources[..i].iter().map(move |other| distance_m(&other.point, &sources[i].point));
    (0..sources.len()).flat_map(others).fold(f64::INFINITY, f64::min)
}

fn distance_m(x: &WallPoint, y: &WallPoint) -> f64 {
    (x.position_m - y.position_m).norm()
}

/// Distance at which the response of a source at `place` has fallen to half, in the direction where it falls slowest,
/// metres: sources closer to each other than that are one to this array in this band.
pub fn resolution_m(array: &Array<'_>, view: &View, place: &WallPoint) -> f64 {
    let gradient = array.range_gradient(place);
    // A few dozen frequencies tell the band's mean of a cosine that turns by less than a radian from one to the next.
    let every = view.wavenumber_rad_m.len().div_ceil(FREQUENCIES);
    let k: Vec<f64> = view.wavenumber_rad_m.iter().step_by(every).copied().collect();
    let falls = |direction: usize| -> f64 {
        let (sin, cos) = (std::f64::consts::PI * direction as f64 / DIRECTIONS as f64).sin_cos();
        let along: Vec<f64> = (0..array.len()).map(|m| gradient[(m, 0)] * cos + gradient[(m, 1)] * sin).collect();
        let slopes: Vec<f64> = view.coherence.pairs.iter().map(|&(m, n)| along[m] - along[n]).collect();
        let wavelength_m = std::f64::consts::TAU * k.len() as f64 / k.iter().sum::<f64>();
        let stride_m = 0.02 * wavelength_m;
        let strides: Vec<f64> =
            slopes.iter().flat_map(|slope| k.iter().map(move |k| (k * slope * stride_m).cos())).collect();
        // cos (i + 1)x = 2 cos x cos ix − cos (i − 1)x.
        let mut cosines = [strides.clone(), vec![1.0; strides.len()]];
        for i in 1..400 {
            if cosines[0].iter().sum::<f64>() < 0.5 * strides.len() as f64 {
                return stride_m * f64::from(i);
            }
            let [now, before] = &mut cosines;
            before.iter_mut().zip(now.iter()).zip(&strides).for_each(|((b, n), stride)| *b = 2.0 * stride * n - *b);
            cosines.swap(0, 1);
        }
        f64::INFINITY
    };
    (0..DIRECTIONS).map(falls).fold(0.0, f64::max)
}
