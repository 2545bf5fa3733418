//! Sensors that lie: found by what they hear of a leak that the others agree on.
//!
//! Where the leak is known, the correlations of one sensor with all others, each shifted by the other's range, add up at
//! this sensor's true range. A sensor whose sum peaks elsewhere is not where the site says; two whose sums peak at each
//! other's ranges are swapped; one whose sum is a trough where a crest should be has its polarity inverted. Echoes may be
//! louder than the straight way, but are later, and what is straight is heard as well. Two sensors that share a sound without
//! delay, where others share nothing with any other delay, have it through a wire.

use std::sync::Arc;

use nalgebra::DVector;
use rayon::prelude::*;

use super::array::Array;
use super::electrical::zero_lag;
use super::explain::mean_correlation;
use super::fault::Fault;
use super::find::Found;
use super::focus::{answer, support};
use super::misfit::CONTRADICTION;
use super::own_range::{Sum, companions};
use super::refine::Refined;
use super::tell::median;
use super::views::{Material, View};
use crate::cross_spectra::CrossSpectra;
use crate::delay::RangeTable;
use crate::site::WallPoint;

/// How far the largest of the thousands of values of a sum must stand over its noise to be a peak.
const SIGNIFICANT: f64 = 6.5;

/// Standard deviations beyond which a sensor is not where the site says. Of eight sensors, one in 2000 captures by chance.
const MISPLACED_SIGMAS: f64 = 4.5;

/// Least distance, in middle wavelengths, that counts as misplaced: less is what echoes and neighbouring sources do.
const MISPLACED_WAVES: f64 = 1.0;

/// A sensor is accused by what it hears of the leak; it hears it where its sum is this share of the sensors' median.
const HEARD: f64 = 0.25;

/// A trough must beat every crest by this factor to be one. Side fringes reach 0.7 of their crest in two octaves of air,
/// 0.9 in a plate, and more where the sensor itself has pulled the place.
const INVERTED: f64 = 1.25;

/// A crest off its place must beat what is in place by this factor: neighbouring fringes reach 0.7 of each other.
const BESIDE_FRINGES: f64 = 1.25;

/// A sensor that hears the leak in place by this share of its crest hears an echo there, or another leak, so many middle wavelengths
/// and more beyond what the site leaves open: one that is misplaced hears nothing in place, or a fringe of its crest.
const IN_PLACE: f64 = 0.4;
const FAR_OFF_WAVES: f64 = 2.0;

/// Trough over crest from which a sensor may be inverted.
const DOUBTFUL: f64 = 0.95;

/// Of so few sensors one can pull the place towards itself: each is left out in turn when one looks odd.
const FEW: usize = 12;

/// Turning a sensor must explain the sound better by this factor. In a plate, where neighbouring fringes reach 0.9 of each
/// other, the right one of eight gains 6 %, a wrong one loses as much.
const TURNED: f64 = 1.01;

/// Nearest surroundings of a stated range that are looked at, middle wavelengths: speed and place have errors of their own.
const NEAREST_WAVES: f64 = 0.1;

/// Coherence without delay, beside what the leak explains, from which it came through a wire (-16 dB), and from which it did (-26 dB)
/// where it stands alone.
const SHARED: f64 = 0.15;
const SHARED_ALONE: f64 = 0.05;

/// It must be so many times what half of the pairs of other sensors share with any other delay, as echoes and other sources are; alone it
/// stands where that is so of its own pair too. In 800 captures from rooms, plates and shells that reflect up to 0.9 no pair shared more
/// than 1.3 times as much without delay as with another. Of fewer other pairs nothing is asked.
const ALONE: f64 = 1.5;
const LEAST_PAIRS: usize = 3;

/// Middle wavelengths about the leak's delay and none that are left out of what a pair shares otherwise: by the first rule, where another
/// leak may be as near, and by the second, which asks only pairs that hear the leak with a delay of so many.
const CREST_WAVES: [f64; 2] = [1.0, 3.0];
const FAR_WAVES: f64 = 12.0;

/// Sensors that must be left to agree on a place: two coordinates, a common range, and one to check.
pub const LEAST_AGREED: usize = 4;

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
    (0..array.len()).into_par_iter().filter(|&m| disagrees(m)).collect()
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
    /// The highest crest within what the site leaves open, half a wave from the highest at all.
    in_place: f64,
    /// The deepest trough over the highest crest, as near to the stated range as it is known.
    turned: f64,
    /// What the site leaves open, metres.
    allowed_m: f64,
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
        let sigma_m = sigma_m(self.array, m, &self.refined.point, Some(self.refined));
        let wave_m = wavelength_m(self.view);
        let allowed_m = (MISPLACED_SIGMAS * sigma_m).max(MISPLACED_WAVES * wave_m);
        let in_place = sum.top(allowed_m.min(crest.0.abs() - 0.5 * wave_m), |c| c.re).1;
        let near_m = (MISPLACED_SIGMAS * sigma_m).clamp(NEAREST_WAVES * wave_m, wave_m);
        let (rises, falls) = (sum.top(near_m, |c| c.re).1, sum.top(near_m, |c| -c.re).1);
        let turned = falls / rises.max(0.01 * falls).max(f64::MIN_POSITIVE);
        Some(Extremes { crest, trough, in_place, turned, allowed_m, noise: sum.noise })
    }

    /// Of each sensor that enough others agree with.
    fn all_extremes(&self) -> Vec<(usize, Extremes)> {
        (0..self.array.len()).into_par_iter().filter_map(|m| self.extremes(m).map(|x| (m, x))).collect()
    }

    /// Whether one of few sensors may have pulled the place: one looks inverted, or the ranges fit no place.
    fn is_doubtful(&self, extremes: &[(usize, Extremes)]) -> bool {
        let (chi2, dof) = self.refined.chi2;
        let inverted = |(_, x): &(usize, Extremes)| x.turned.max(x.trough.1 / x.crest.1) > DOUBTFUL;
        self.array.len() <= FEW && (chi2 > CONTRADICTION * dof as f64 || extremes.iter().any(inverted))
    }

    /// What a pair shares of the leak without delay: much, where it is as far from one as from the other.
    fn of_leak(&self, m: usize, n: usize) -> f64 {
        let share = |m: usize| self.agreed.iter().position(|a| *a == m).map(|i| &self.refined.leak_share[i]);
        let (Some(x), Some(y)) = (share(m), share(n)) else { return 0.0 };
        let apart_m = self.ranges_m[m] - self.ranges_m[n];
        let k = &self.view.wavenumber_rad_m;
        let of_bin = |((x, y), k): ((&f64, &f64), &f64)| (x * y).sqrt() * (k * apart_m).cos();
        let left = self.view.coherence.left(apart_m, self.array.group_speed().0).coherence;
        left * x.iter().zip(y).zip(k).map(of_bin).sum::<f64>() / k.len() as f64
    }

    /// Pairs that share a sound without delay, and with it no place.
    fn through_wires(&self) -> Vec<(usize, usize)> {
        let Self { view, ranges_m, .. } = self;
        let wave_m = wavelength_m(view);
        let pairs = &view.coherence.pairs;
        let leak_m = |(m, n): (usize, usize)| ranges_m[m] - ranges_m[n];
        let elsewhere = CREST_WAVES.map(|waves| -> Vec<f64> {
            let of_pair =
                |(pair, table): (&(usize, usize), &RangeTable)| table.highest_but([0.0, leak_m(*pair)], waves * wave_m);
            pairs.par_iter().zip(&view.tables).map(of_pair).collect()
        });
        // What a wire carries is in all pairs of its sensors.
        let others = |(m, n): (usize, usize), elsewhere: &[f64]| {
            let apart = |(a, b): &(usize, usize)| ![m, n].contains(a) && ![m, n].contains(b);
            let others: Vec<f64> =
                pairs.iter().zip(elsewhere).filter(|(pair, _)| apart(pair)).map(|(_, x)| *x).collect();
            if others.len() < LEAST_PAIRS { 0.0 } else { median(others) }
        };
        let through_wire = |(row, &pair): (usize, &(usize, usize))| {
            let table = &view.tables[row];
            let shared = (zero_lag(&view.coherence, row) - self.of_leak(pair.0, pair.1)).abs();
            if shared < SHARED_ALONE {
                return None;
            }
            let direct = f64::from(table.at(leak_m(pair)).norm());
            let is_strong = shared > SHARED.max(0.25 * direct).max(SIGNIFICANT * table.noise())
                && shared > ALONE * others(pair, &elsewhere[0]);
            let is_alone = leak_m(pair).abs() > FAR_WAVES * wave_m
                && shared > ALONE * elsewhere[1][row].max(others(pair, &elsewhere[1]));
            (is_strong || is_alone).then_some(pair)
        };
        pairs.iter().enumerate().filter_map(through_wire).collect()
    }

    /// What is wrong with each sensor.
    fn faults(&self, extremes: Vec<(usize, Extremes)>) -> Vec<Fault> {
        let Self { array, view, refined, .. } = self;
        let stated = array.ranges_m(&refined.point);
        let wave_m = wavelength_m(view);
        let mut faults = Vec::new();
        let mut off: Vec<(usize, f64)> = Vec::new();
        let mut at_both: Vec<usize> = Vec::new();
        let mut heights: Vec<f64> = extremes.iter().map(|(_, x)| x.crest.1.max(x.trough.1)).collect();
        heights.sort_by(f64::total_cmp);
        let heard = heights.get(heights.len() / 2).map_or(0.0, |median| HEARD * median);
        for (m, Extremes { crest, trough, in_place, turned, allowed_m, noise }) in extremes {
            let inverted = turned > INVERTED && trough.1 > INVERTED * crest.1;
            let (at_m, height) = if inverted { trough } else { crest };
            if height < heard.max(SIGNIFICANT * noise) {
                continue;
            }
            if at_m.abs() <= allowed_m {
                if inverted {
                    faults.push(Fault::Polarity(m));
                }
                continue;
            }
            let hears_in_place = in_place > SIGNIFICANT * noise;
            let far_off = at_m.abs() > allowed_m + FAR_OFF_WAVES * wave_m;
            let is_another = hears_in_place && far_off && in_place > IN_PLACE * height;
            if height > BESIDE_FRINGES * in_place && !is_another {
                off.push((m, at_m));
                at_both.extend(hears_in_place.then_some(m));
            }
        }
        for (m, n) in self.through_wires() {
            // What stands elsewhere may hear the leak when the other does; it does not hear it in place as well.
            let elsewhere = off.iter().any(|(other, _)| [m, n].contains(other) && !at_both.contains(other));
            if !elsewhere {
                faults.push(Fault::Crosstalk(m, n));
                let through_wire = |&(c, at_m): &(usize, f64)| {
                    let other = if c == m { n } else { m };
                    [m, n].contains(&c) && (at_m - (stated[other] - stated[c])).abs() < 2.0 * wave_m
                };
                off.retain(|heard| !through_wire(heard));
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
    let without =
        |left_out: &[usize]| -> Vec<usize> { everyone.iter().copied().filter(|m| !left_out.contains(m)).collect() };
    let doubtful = suspects(array, view, &found.standings[0].places[0].point);
    if !doubtful.is_empty() {
        return located_by(array, material, &without(&doubtful))
            .map_or_else(Vec::new, |heard| heard.faults(array, view));
    }
    let Some(refined) = found.source.clone() else { return Vec::new() };
    let whole = Located { agreed: everyone.clone(), array: array.clone(), refined, support: f64::NAN };
    let hearing = whole.hearing(array, view);
    let extremes = hearing.all_extremes();
    if !hearing.is_doubtful(&extremes) {
        return hearing.faults(extremes);
    }
    let turned = everyone.iter().filter_map(|&m| {
        let spectra = inverted(material.spectra, m);
        let background = material.background.map(|background| inverted(background, m));
        let mean = spectra.mean();
        let material = Material { spectra: &spectra, mean: &mean, background: background.as_ref(), ..material };
        let located = located_by(array, material, &everyone)?;
        let (chi2, dof) = located.refined.chi2;
        // Only what makes everything fit is accused.
        (chi2 < CONTRADICTION * dof as f64).then_some((m, located.support))
    });
    // Not from `found`: there, wave speeds and machines have been tried as well.
    let Some(whole) = located_by(array, material, &everyone) else { return Vec::new() };
    if let Some((m, support)) = turned.max_by(|x, y| x.1.total_cmp(&y.1))
        && support > TURNED * whole.support
    {
        return vec![Fault::Polarity(m)];
    }
    let misfit = |located: &Located<'_>| located.refined.chi2.0 / located.refined.chi2.1.max(1) as f64;
    let others = everyone.iter().filter_map(|&m| located_by(array, material, &without(&[m])));
    others.min_by(|x, y| misfit(x).total_cmp(&misfit(y))).unwrap_or(whole).faults(array, view)
}

fn inverted(spectra: &CrossSpectra, m: usize) -> CrossSpectra {
    let mut spectra = spectra.clone();
    spectra.invert(m);
    spectra
}

/// A leak located by some of the sensors.
struct Located<'a> {
    agreed: Vec<usize>,
    /// These sensors, in the medium that they hear.
    array: Array<'a>,
    refined: Refined,
    /// How well it explains what they hear and the site, nats.
    support: f64,
}

/// `None` where they are too few, or find no place.
fn located_by<'a>(array: &Array<'a>, material: Material<'_>, agreed: &[usize]) -> Option<Located<'a>> {
    let groups: Vec<usize> = agreed.iter().map(|&m| array.groups()[m]).collect();
    let count = |group: &usize| groups.iter().filter(|other| *other == group).count();
    if !groups.iter().any(|group| count(group) >= LEAST_AGREED) {
        return None;
    }
    let (spectra, background) = (material.spectra.keeping(agreed), material.background.map(|b| b.keeping(agreed)));
    let mean = spectra.mean();
    let material =
        Material { spectra: &spectra, mean: &mean, background: background.as_ref(), machines: &[], ..material };
    let samples_per_bin = spectra.samples_per_bin();
    let answer = answer(&array.keeping(agreed), &material.looks(), samples_per_bin);
    let refined = answer.found.source?;
    let View { coherence, wavenumber_rad_m, .. } = &answer.looks[0];
    let aligned = mean_correlation(coherence, wavenumber_rad_m, &refined.ranges_m);
    let support = support(coherence, aligned, samples_per_bin) - 0.5 * refined.chi2.0;
    Some(Located { agreed: agreed.to_vec(), array: answer.array, refined, support })
}

impl Located<'_> {
    /// What all sensors of `array` hear of it.
    fn faults(&self, array: &Array<'_>, view: &View) -> Vec<Fault> {
        let array = &array.in_medium(self.array.medium.clone());
        // In the medium that these hear, correlations are others too.
        let view = &View::new(view.name, array, Arc::clone(&view.coherence));
        let hearing = self.hearing(array, view);
        hearing.faults(hearing.all_extremes())
    }

    fn hearing<'t, 'b>(&'t self, array: &'t Array<'b>, view: &'t View) -> Hearing<'t, 'b> {
        let mut ranges_m = array.ranges_m(&self.refined.point);
        for (i, &m) in self.agreed.iter().enumerate() {
            ranges_m[m] = self.refined.ranges_m[i];
        }
        Hearing { array, view, agreed: &self.agreed, refined: &self.refined, ranges_m }
    }
}
