//! Which crest belongs to the direct sound at each sensor, when the stated geometry is too coarse to tell.
//!
//! A sensor misplaced by half a wavelength turns a crest into a trough: steering with the stated ranges then prefers a
//! wrong place where fringes happen to agree. So each pair first takes the envelope's word within what the site leaves
//! uncertain, climbs to the nearest crest, and the pairs vote on one range a sensor, robustly; the place follows from
//! the ranges by generalised least squares, and the pairs are asked again from there.

use nalgebra::{DMatrix, DVector};

use super::array::Array;
use super::gls::{RangeError, solve_place};
use crate::delay::RangeTable;
use crate::site::WallPoint;

/// An envelope maximum must stand so far above the correlation's noise to be believed: the largest of the few dozen
/// independent values in a window reaches 3 by chance.
const SIGNIFICANT: f64 = 4.5;

/// Rounds of picking and locating; the place settles in three.
const ROUNDS: usize = 5;

/// A crest picked for one pair: range difference less the predicted one, and its weight 1/σ².
pub(super) struct Pick {
    pub pair: (usize, usize),
    pub excess_m: f64,
    pub weight_per_m2: f64,
}

/// The place and the ranges, metres, that line up the crests, starting at `start`.
///
/// `wavelength_m` is that of the band's middle; `gain` converts mean correlation to nats of likelihood.
pub fn line_up(
    array: &Array<'_>,
    pairs: &[(usize, usize)],
    tables: &[RangeTable],
    start: WallPoint,
    wavelength_m: f64,
    gain: f64,
) -> (WallPoint, DVector<f64>) {
    let mut point = start;
    let mut ranges = array.ranges_m(&point);
    // Where the site is exact to a fraction of the middle wavelength, the stated ranges line up the crests already.
    let uncertain = pairs.iter().any(|&pair| array.difference_sigma_m(pair) > wavelength_m / 9.0);
    if !uncertain {
        return (point, ranges);
    }
    for round in 0..ROUNDS {
        let predicted = array.ranges_m(&point);
        let widen = if round == 0 { 3.0 } else { 2.5 };
        let picks: Vec<Pick> = pairs
            .iter()
            .zip(tables)
            .filter_map(|(&pair, table)| {
                let reach_m = widen * array.difference_sigma_m(pair) + 0.5 * wavelength_m;
                pick(table, pair, predicted[pair.0] - predicted[pair.1], reach_m, wavelength_m)
            })
            .collect();
        if picks.len() < array.len() - 1 {
            return (point, array.ranges_m(&point));
        }
        let (offsets, weights) = vote(&array.position_variance_m2(), &picks, wavelength_m);
        ranges = &predicted + &offsets;
        let error = RangeError::of(array, &point, &predicted, &weights, 1.0);
        let Some(solution) = solve_place(&error, &offsets) else { break };
        let step = solution.step_m;
        point = array.site.moved(&point, step[0], step[1]);
        if step.norm() < 1e-6 {
            break;
        }
    }
    settle_crests(array, pairs, tables, &point, &mut ranges, wavelength_m, gain);
    (point, ranges)
}

/// The crest nearest to the envelope's top within `reach_m` of the expected range difference; `None` where nothing stands out.
fn pick(table: &RangeTable, pair: (usize, usize), expected: f64, reach_m: f64, wavelength_m: f64) -> Option<Pick> {
    let top_m = envelope_top(table, expected, reach_m)?;
    let noise = table.noise();
    let (crest_m, value) = table.crest(top_m, 0.5 * wavelength_m)?;
    // The curvature of a crest of height h in noise s gives its place to s/(k·h); a twentieth of a wavelength is
    // added for what neighbours and echoes do to it.
    let sigma = (noise * wavelength_m / std::f64::consts::TAU / value.max(noise)).hypot(wavelength_m / 20.0);
    Some(Pick { pair, excess_m: crest_m - expected, weight_per_m2: sigma.powi(-2) })
}

/// Where the envelope is highest within `reach_m` of the expected range difference; `None` where it does not stand out.
pub(super) fn envelope_top(table: &RangeTable, expected: f64, reach_m: f64) -> Option<f64> {
    let (first, last) = (table.index(expected - reach_m), table.index(expected + reach_m));
    let height = |i: usize| f64::from(table.value[i].norm_sqr());
    let top = (first..=last).max_by(|&x, &y| height(x).total_cmp(&height(y)))?;
    if height(top).sqrt() < SIGNIFICANT * table.noise() {
        return None;
    }
    let beside = (top > 0 && top + 1 < table.value.len()).then(|| [top - 1, top, top + 1].map(height));
    let shift = beside.map_or(0.0, |[left, middle, right]| {
        let bend = left - 2.0 * middle + right;
        if bend < 0.0 { (0.5 * (left - right) / bend).clamp(-1.0, 1.0) } else { 0.0 }
    });
    Some(table.range_m(top) + shift * table.step_m)
}

/// One range offset a sensor from the picks of all pairs, by iteratively reweighted least squares with Cauchy weights,
/// and the Laplacian of the final weights, 1/m². `variance_m2` is what the site leaves open of each range.
pub(super) fn vote(variance_m2: &DVector<f64>, picks: &[Pick], wavelength_m: f64) -> (DVector<f64>, DMatrix<f64>) {
    let sensors = variance_m2.len();
    // A range common to the group is free, and a sensor without picks stays where the site says: a weak pull to zero.
    let pull = variance_m2.map(|v| 1.0 / (9.0 * v + wavelength_m * wavelength_m));
    let mut offsets: DVector<f64> = DVector::zeros(sensors);
    let mut laplacian = DMatrix::zeros(sensors, sensors);
    for round in 0..12 {
        let misfit = |pick: &Pick| pick.excess_m - (offsets[pick.pair.0] - offsets[pick.pair.1]);
        let mut magnitudes: Vec<f64> = picks.iter().map(|p| misfit(p).abs()).collect();
        magnitudes.sort_by(f64::total_cmp);
        let scale = (1.4826 * magnitudes[magnitudes.len() / 2]).max(wavelength_m / 20.0);
        laplacian.fill(0.0);
        let mut right = DVector::zeros(sensors);
        for pick in picks {
            let (m, n) = pick.pair;
            let trust = if round == 0 { 1.0 } else { 1.0 / (1.0 + (misfit(pick) / scale).powi(2)) };
            let weight = pick.weight_per_m2 * trust;
            laplacian[(m, m)] += weight;
            laplacian[(n, n)] += weight;
            laplacian[(m, n)] -= weight;
            laplacian[(n, m)] -= weight;
            right[m] += weight * pick.excess_m;
            right[n] -= weight * pick.excess_m;
        }
        let system = &laplacian + DMatrix::from_diagonal(&pull);
        match system.cholesky() {
            Some(solved) => offsets = solved.solve(&right),
            None => break,
        }
    }
    // Pairs share sensors, so their picks count as independent only up to the number of ranges: M − 1 of M(M − 1)/2.
    (offsets, laplacian * (2.0 / sensors as f64))
}

/// Moves each range to the crest that all other sensors together prefer, within two wavelengths.
fn settle_crests(
    array: &Array<'_>,
    pairs: &[(usize, usize)],
    tables: &[RangeTable],
    point: &WallPoint,
    ranges: &mut DVector<f64>,
    wavelength_m: f64,
    gain: f64,
) {
    let stated = array.ranges_m(point);
    let variance = array.position_variance_m2() + array.speed_error_m(&stated).map(|e| e * e);
    let step = tables[0].step_m;
    let reach = (2.0 * wavelength_m / step) as i64;
    for _ in 0..3 {
        let mut moved = false;
        // Groups have a common range of their own; the prior speaks of what is left.
        let common = common_offset(array, ranges, &stated);
        for m in 0..array.len() {
            let mine: Vec<_> = pairs.iter().zip(tables).filter(|(pair, _)| pair.0 == m || pair.1 == m).collect();
            let score = |x: f64, ranges: &DVector<f64>| {
                let together: f64 = mine
                    .iter()
                    .map(|(pair, table)| {
                        let difference = if pair.0 == m { x - ranges[pair.1] } else { ranges[pair.0] - x };
                        f64::from(table.at(difference).re)
                    })
                    .sum();
                gain * together - 0.5 * (x - stated[m] - common[m]).powi(2) / variance[m].max(1e-12)
            };
            let here = ranges[m];
            let best = (-reach..=reach)
                .map(|i| here + i as f64 * step)
                .map(|x| (x, score(x, ranges)))
                .max_by(|x, y| x.1.total_cmp(&y.1))
                .map_or(here, |(x, _)| x);
            if (best - here).abs() > 0.5 * step {
                ranges[m] = best;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
}

fn common_offset(array: &Array<'_>, ranges: &DVector<f64>, stated: &DVector<f64>) -> DVector<f64> {
    let groups = array.groups();
    DVector::from_fn(array.len(), |m, _| {
        let members: Vec<usize> = (0..array.len()).filter(|&n| groups[n] == groups[m]).collect();
        members.iter().map(|&n| ranges[n] - stated[n]).sum::<f64>() / members.len() as f64
    })
}
