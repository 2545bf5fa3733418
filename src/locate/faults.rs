//! Sensors that lie: found by what they hear of a leak that the others agree on.
//!
//! Where the leak is known, the correlations of one sensor with all others, each shifted by the other's range, add up at
//! this sensor's true range. A sensor whose sum peaks elsewhere is not where the site says; two whose sums peak at each
//! other's ranges are swapped; one whose sum is a trough where a crest should be has its polarity inverted.

use std::sync::Arc;

use nalgebra::DVector;

use super::array::Array;
use super::electrical::zero_lag;
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

/// Least distance, in middle wavelengths, that counts as misplaced: less is what echoes and neighbouring sources do.
const MISPLACED_WAVES: f64 = 1.0;

/// A sensor is accused by what it hears of the leak; it hears it where its sum is this share of the sensors' median.
const HEARD: f64 = 0.5;

/// A trough must beat every crest by this factor to be one. Side fringes reach 0.7 of their crest in two octaves of air,
/// 0.9 in a plate, and more where the sensor itself has pulled the place.
const INVERTED: f64 = 1.25;
/// The same for a sensor that had no part in the place.
const INVERTED_OUTSIDE: f64 = 1.05;

/// Trough over crest from which a sensor is asked again without its vote.
const DOUBTFUL: f64 = 0.95;

/// Coherence without delay between sensors at different ranges from which it came through a wire.
const SHARED: f64 = 0.2;

/// Sensors that must be left to agree on a place: two coordinates, a common range, and one to check.
pub const LEAST_AGREED: usize = 4;

/// What is wrong with a sensor; sensors are numbered as in the array.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// Its wires are crossed.
    Polarity(usize),
    /// Each of two shows what the other's place should hear, whose ranges to the leak differ by so much, metres.
    Swapped(usize, usize, f64),
    /// It is nearer to or farther from the leak than the site says, metres.
    Misplaced(usize, f64),
    /// Two channels show the same; one of them may be right.
    Copy {
        /// The one whose place fits.
        kept: usize,
        /// The other.
        dropped: usize,
    },
    /// Each of two shows some of the other, without delay.
    Crosstalk(usize, usize),
    /// It is so many decibels louder than the others, and shares nothing with them.
    Noisy(usize, f64),
}

impl Fault {
    /// The word for it in a report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Polarity(_) => "polarity",
            Self::Swapped(..) => "swapped",
            Self::Misplaced(..) => "misplaced",
            Self::Copy { .. } => "duplicate",
            Self::Crosstalk(..) => "crosstalk",
            Self::Noisy(..) => "noisy",
        }
    }

    /// The sensors that it concerns.
    pub fn sensors(self) -> Vec<usize> {
        match self {
            Self::Polarity(m) | Self::Misplaced(m, _) | Self::Noisy(m, _) => vec![m],
            Self::Swapped(m, n, _) | Self::Crosstalk(m, n) => vec![m, n],
            Self::Copy { dropped, .. } => vec![dropped],
        }
    }

    /// The sensor that is left out for it.
    pub fn left_out(self) -> Option<usize> {
        match self {
            Self::Misplaced(m, _) | Self::Noisy(m, _) | Self::Copy { dropped: m, .. } => Some(m),
            Self::Polarity(_) | Self::Swapped(..) | Self::Crosstalk(..) => None,
        }
    }

    /// In a sentence; `after_s` is the root mean square delay residual when it is mended.
    pub fn told(self, array: &Array<'_>, after_s: f64) -> String {
        let sensor = |m: usize| {
            let sensor = &array.site.sensors[array.sensors[m]];
            format!("sensor '{}' (channel {})", sensor.id, sensor.channel)
        };
        let channel = |m: usize| array.site.sensors[array.sensors[m]].channel;
        // So many sensors are off by so much: as a root mean square over all.
        let fell = |sensors: f64, by_m: f64| {
            let before_s = array.group_speed().time_s(by_m.abs() * (sensors / array.len() as f64).sqrt());
            format!("residual {:.1} → {:.1} µs", before_s * 1e6, after_s * 1e6)
        };
        match self {
            Self::Polarity(m) => {
                format!("{} has its polarity inverted: turned back here, mend its wiring", sensor(m))
            }
            Self::Swapped(m, n, by_m) => format!(
                "channels {} and {} look swapped: {}; taken as swapped here, mend the site or the cables",
                channel(m.min(n)),
                channel(m.max(n)),
                fell(2.0, by_m)
            ),
            Self::Misplaced(m, by_m) => format!(
                "{} is {:.0} mm {} the leak than the site says: left out, {}; measure its place again",
                sensor(m),
                by_m.abs() * 1e3,
                if by_m > 0.0 { "farther from" } else { "nearer to" },
                fell(1.0, by_m)
            ),
            Self::Copy { kept, dropped } => format!(
                "{} shows the same as {}: left out; check the recorder's routing",
                sensor(dropped),
                sensor(kept)
            ),
            Self::Crosstalk(m, n) => format!(
                "{} and {} share a signal without delay, through their cables: taken out; part the cables",
                sensor(m),
                sensor(n)
            ),
            Self::Noisy(m, by_db) => format!(
                "{} is {by_db:.0} dB louder than the others and shares nothing with them: left out; check its amplifier",
                sensor(m)
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
    let speed = refined.map_or(array.wavenumber_sigma() * reach_m(array), |r| r.scale.1 * array.ranges_m(place)[m]);
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

/// What each sensor hears of a leak that `agreed` ones put at `refined`.
struct Hearing<'t, 'a> {
    array: &'t Array<'a>,
    view: &'t View,
    agreed: &'t [usize],
    refined: &'t Refined,
    /// What the sound says of the agreed ones, and the site of the others.
    ranges_m: DVector<f64>,
}

/// The highest crest and the deepest trough of a sensor's sum: metres from the stated range, and how high or deep.
struct Extremes {
    crest: (f64, f64),
    trough: (f64, f64),
    noise: f64,
}

impl Hearing<'_, '_> {
    /// `None` where too few others agree.
    fn extremes(&self, m: usize) -> Option<Extremes> {
        let others: Vec<usize> = companions(self.array, m).filter(|n| self.agreed.contains(n)).collect();
        if others.len() + 1 < LEAST_AGREED {
            return None;
        }
        let mut from = self.ranges_m.clone();
        from[m] = self.array.ranges_m(&self.refined.point)[m];
        let sum = Sum::of(self.view, m, &others, &from, reach_m(self.array), true);
        let (crest, trough) = (sum.top(f64::INFINITY, |c| c.re), sum.top(f64::INFINITY, |c| -c.re));
        Some(Extremes { crest, trough, noise: sum.noise })
    }

    /// The sensor that most looks inverted, where one does.
    fn most_inverted(&self) -> Option<usize> {
        let ratio = |m: usize| self.extremes(m).map(|x| (m, x.trough.1 / x.crest.1.max(f64::MIN_POSITIVE)));
        let ratios = (0..self.array.len()).filter_map(ratio);
        ratios.filter(|(_, ratio)| *ratio > DOUBTFUL).max_by(|x, y| x.1.total_cmp(&y.1)).map(|(m, _)| m)
    }

    /// What is wrong with each sensor.
    fn faults(&self) -> Vec<Fault> {
        let Self { array, view, agreed, refined, ranges_m } = self;
        let stated = array.ranges_m(&refined.point);
        let wave_m = wavelength_m(view);
        let mut faults = Vec::new();
        let mut off: Vec<(usize, f64)> = Vec::new();
        let extremes: Vec<_> = (0..array.len()).filter_map(|m| self.extremes(m).map(|x| (m, x))).collect();
        let mut heights: Vec<f64> = extremes.iter().map(|(_, x)| x.crest.1.max(x.trough.1)).collect();
        heights.sort_by(f64::total_cmp);
        let heard = heights.get(heights.len() / 2).map_or(0.0, |median| HEARD * median);
        for (m, Extremes { crest, trough, noise }) in extremes {
            let sigma_m = sigma_m(array, m, &refined.point, Some(refined));
            let allowed_m = (MISPLACED_SIGMAS * sigma_m).max(MISPLACED_WAVES * wave_m);
            let factor = if agreed.contains(&m) { INVERTED } else { INVERTED_OUTSIDE };
            let inverted = trough.1 > factor * crest.1;
            let (at_m, height) = if inverted { trough } else { crest };
            if height < heard.max(SIGNIFICANT * noise) {
                continue;
            }
            if at_m.abs() > allowed_m {
                off.push((m, at_m));
            } else if inverted && trough.1 - crest.1 > 3.0 * noise {
                faults.push(Fault::Polarity(m));
            }
        }
        for (row, &(m, n)) in view.coherence.pairs.iter().enumerate() {
            let (shared, direct) =
                (zero_lag(view, row), f64::from(view.tables[row].at(ranges_m[m] - ranges_m[n]).norm()));
            // A leak as far from one as from the other arrives at no delay by itself.
            let told_apart = (stated[m] - stated[n]).abs() > 2.0 * wave_m + 3.0 * array.difference_sigma_m((m, n));
            let stands =
                shared.abs() > SHARED.max(0.25 * direct) && shared.abs() > SIGNIFICANT * view.tables[row].noise();
            if told_apart && stands {
                faults.push(Fault::Crosstalk(m, n));
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
                    faults.push(Fault::Swapped(n, m, stated[n] - stated[m]));
                }
                None => faults.push(Fault::Misplaced(m, at_m)),
            }
        }
        faults
    }
}

/// What is wrong with the sensors of this array, by what they hear of the leak found in `material`.
///
/// Sensors that disagree with the leak are left out, the leak is located by the others, and every sensor is asked again.
/// Empty where too few would be left.
pub fn examined(array: &Array<'_>, view: &View, found: &Found, material: Material<'_>) -> Vec<Fault> {
    let everyone: Vec<usize> = (0..array.len()).collect();
    let mut doubtful = suspects(array, view, &found.standings[0].places[0].point);
    if doubtful.is_empty() {
        let Some(refined) = &found.source else { return Vec::new() };
        let hearing = Hearing { array, view, agreed: &everyone, refined, ranges_m: refined.ranges_m.clone() };
        match hearing.most_inverted() {
            Some(m) => doubtful.push(m),
            None => return hearing.faults(),
        }
    }
    let agreed: Vec<usize> = everyone.into_iter().filter(|m| !doubtful.contains(m)).collect();
    let groups: Vec<usize> = agreed.iter().map(|&m| array.groups()[m]).collect();
    if !groups.iter().any(|group| groups.iter().filter(|other| *other == group).count() >= LEAST_AGREED) {
        return Vec::new();
    }
    let (spectra, background) = (material.spectra.keeping(&agreed), material.background.map(|b| b.keeping(&agreed)));
    let material = Material { spectra: &spectra, background: background.as_ref(), machines: &[], ..material };
    let again = answer(&array.keeping(&agreed), &material.looks(), spectra.samples_per_bin());
    let (array, Some(refined)) = (&array.in_medium(again.array.medium.clone()), &again.found.source) else {
        return Vec::new();
    };
    let mut ranges_m = array.ranges_m(&refined.point);
    for (i, &m) in agreed.iter().enumerate() {
        ranges_m[m] = refined.ranges_m[i];
    }
    // In the medium that the others hear, correlations are others too.
    let view = View::new(view.name, array, Arc::clone(&view.coherence));
    Hearing { array, view: &view, agreed: &agreed, refined, ranges_m }.faults()
}
