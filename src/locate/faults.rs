//! Sensors that lie: found by what they hear of a leak that the others agree on.
//!
//! Where the leak is known, the correlations of one sensor with all others, each shifted by the other's range, add up at
//! this sensor's true range. A sensor whose sum peaks elsewhere is not where the site says; two whose sums peak at each
//! other's ranges are swapped; one whose sum is a trough where a crest should be has its polarity inverted.

use nalgebra::DVector;

use super::array::Array;
use super::find::Found;
use super::focus::answer;
use super::own_range::{Sum, companions};
use super::refine::Refined;
use super::views::{Material, View};
use crate::site::WallPoint;

/// How far the largest of the thousands of values of a sum must stand over its noise to be a peak.
const SIGNIFICANT: f64 = 6.5;

/// Standard deviations beyond which a sensor is not where the site says. Of eight sensors, one in 2000 captures by chance.
const MISPLACED_SIGMAS: f64 = 4.5;

/// Least distance, in middle wavelengths, that counts as misplaced: less is what echoes do.
const MISPLACED_WAVES: f64 = 0.5;

/// A trough must beat every crest by this factor to be one: side fringes of an octave reach 0.7 of their crest.
const INVERTED: f64 = 1.25;

/// Sensors that must be left to agree on a place: two coordinates, a common range, and one to check.
pub const LEAST_AGREED: usize = 4;

/// What is wrong with a sensor; sensors are numbered as in the array.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// Its wires are crossed.
    Polarity(usize),
    /// Each of two shows what the other's place should hear.
    Swapped(usize, usize),
    /// It is nearer to or farther from the leak than the site says, metres.
    Misplaced(usize, f64),
}

impl Fault {
    /// The word for it in a report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Polarity(_) => "polarity",
            Self::Swapped(..) => "swapped",
            Self::Misplaced(..) => "misplaced",
        }
    }

    /// In a sentence; `residuals_s` are the root mean square delay residuals before and after it was mended.
    pub fn told(self, array: &Array<'_>, residuals_s: [f64; 2]) -> String {
        let channel = |m: usize| array.site.sensors[array.sensors[m]].channel;
        let id = |m: usize| &array.site.sensors[array.sensors[m]].id;
        let [before, after] = residuals_s.map(|s| s * 1e6);
        let fell = format!("residual {before:.1} → {after:.1} µs");
        match self {
            Self::Polarity(m) => {
                format!("channel {} ('{}') has its polarity inverted: {fell}; turned back here, mend its wiring", channel(m), id(m))
            }
            Self::Swapped(m, n) => format!(
                "channels {} and {} look swapped: {fell}; taken as swapped here, mend the site or the cables",
                channel(m),
                channel(n)
            ),
            Self::Misplaced(m, by_m) => format!(
                "sensor '{}' (channel {}) is {:.0} mm {} the leak than the site says: left out, {fell}; measure its place again",
                id(m),
                channel(m),
                by_m.abs() * 1e3,
                if by_m > 0.0 { "farther from" } else { "nearer to" }
            ),
        }
    }
}

/// Longest way between sensors that share a clock, and half as much again: how far off a range may be.
fn reach_m(array: &Array<'_>) -> f64 {
    1.5 * array.longest_way().0
}

/// One standard deviation of a sensor's range about the stated one, metres, with the leak's own uncertainty.
fn sigma_m(array: &Array<'_>, m: usize, place: &WallPoint, refined: Option<&Refined>) -> f64 {
    let own = array.position_variance_m2();
    let mean = own.sum() / own.len() as f64;
    let gradient = array.range_gradient(place).row(m).transpose();
    let of_place = refined.map_or(0.0, |r| (gradient.transpose() * r.covariance_m2 * &gradient)[0]);
    let speed = array.wavenumber_sigma() * reach_m(array);
    (own[m] + mean / array.len() as f64 + of_place + speed * speed).sqrt()
}

fn wavelength_m(view: &View) -> f64 {
    std::f64::consts::TAU * view.wavenumber_rad_m.len() as f64 / view.wavenumber_rad_m.iter().sum::<f64>()
}

/// Sensors that disagree with `place`, by envelopes alone: those whose sound adds up at another range.
pub fn suspects(array: &Array<'_>, view: &View, place: &WallPoint) -> Vec<usize> {
    let ranges = array.ranges_m(place);
    let disagrees = |m: usize| {
        let others: Vec<usize> = companions(array, m).collect();
        let sum = Sum::of(view, m, &others, &ranges, reach_m(array), false);
        // Magnitudes of noise have a mean of 1.25 and scatter by 0.66 of the real part's root mean square.
        let floor = 1.25 * (others.len() as f64).sqrt() * sum.noise;
        let (at_m, height) = sum.top(f64::INFINITY, |c| c.re);
        let allowed_m = 3.0 * std::f64::consts::SQRT_2 * sigma_m(array, m, place, None) + wavelength_m(view);
        let (_, there) = sum.top(allowed_m, |c| c.re);
        let stands = height - floor > SIGNIFICANT * 0.66 * sum.noise;
        stands && at_m.abs() > allowed_m && height - floor > 2.0 * (there - floor)
    };
    (0..array.len()).filter(|&m| disagrees(m)).collect()
}

/// What is wrong with each sensor, where `agreed` ones put the leak at `refined`; `ranges_m` are what the sound says of
/// the agreed ones and what the site says of the others.
pub fn named(array: &Array<'_>, view: &View, agreed: &[usize], refined: &Refined, ranges_m: &DVector<f64>) -> Vec<Fault> {
    let stated = array.ranges_m(&refined.point);
    let wave_m = wavelength_m(view);
    let mut faults = Vec::new();
    let mut off: Vec<(usize, f64)> = Vec::new();
    for m in 0..array.len() {
        let others: Vec<usize> = companions(array, m).filter(|n| agreed.contains(n)).collect();
        if others.len() + 1 < LEAST_AGREED {
            continue;
        }
        let mut from = ranges_m.clone();
        from[m] = stated[m];
        let sum = Sum::of(view, m, &others, &from, reach_m(array), true);
        let allowed_m = (MISPLACED_SIGMAS * sigma_m(array, m, &refined.point, Some(refined))).max(MISPLACED_WAVES * wave_m);
        let crest = sum.top(f64::INFINITY, |c| c.re);
        let trough = sum.top(f64::INFINITY, |c| -c.re);
        let inverted = trough.1 > INVERTED * crest.1;
        let (at_m, height) = if inverted { trough } else { crest };
        if height < SIGNIFICANT * sum.noise {
            continue;
        }
        if at_m.abs() > allowed_m {
            off.push((m, at_m));
        } else if inverted && trough.1 - crest.1 > 3.0 * sum.noise {
            faults.push(Fault::Polarity(m));
        }
    }
    // Two that hear at each other's ranges are swapped.
    while let Some((m, at_m)) = off.pop() {
        let partner = off.iter().position(|&(n, at_n_m)| {
            let apart_m = stated[n] - stated[m];
            let tolerance_m = 2.0 * wave_m + 3.0 * sigma_m(array, m, &refined.point, Some(refined));
            (at_m - apart_m).abs() < tolerance_m && (at_n_m + apart_m).abs() < tolerance_m
        });
        match partner {
            Some(i) => {
                let (n, _) = off.remove(i);
                faults.push(Fault::Swapped(n, m));
            }
            None => faults.push(Fault::Misplaced(m, at_m)),
        }
    }
    faults
}

/// What is wrong with the sensors of this array, by what they hear of the leak found in `material`.
///
/// Sensors that disagree with the leak by their envelopes are left out, the leak is located by the others, and every sensor
/// is asked again. Empty where too few would be left.
pub fn examined(array: &Array<'_>, view: &View, found: &Found, material: Material<'_>) -> Vec<Fault> {
    let place = found.standings[0].places[0].point;
    let doubtful = suspects(array, view, &place);
    let agreed: Vec<usize> = (0..array.len()).filter(|m| !doubtful.contains(m)).collect();
    if doubtful.is_empty() {
        return found.source.as_ref().map_or(Vec::new(), |refined| named(array, view, &agreed, refined, &refined.ranges_m));
    }
    let groups: Vec<usize> = agreed.iter().map(|&m| array.groups()[m]).collect();
    if !groups.iter().any(|group| groups.iter().filter(|other| *other == group).count() >= LEAST_AGREED) {
        return Vec::new();
    }
    let (spectra, background) = (material.spectra.keeping(&agreed), material.background.map(|b| b.keeping(&agreed)));
    let material = Material { spectra: &spectra, background: background.as_ref(), machines: &[], ..material };
    let few = array.keeping(&agreed);
    let again = answer(&few, &material.looks(), spectra.samples_per_bin());
    let Some(refined) = again.found.source else { return Vec::new() };
    let mut ranges_m = array.ranges_m(&refined.point);
    for (i, &m) in agreed.iter().enumerate() {
        ranges_m[m] = refined.ranges_m[i];
    }
    named(array, view, &agreed, &refined, &ranges_m)
}
