//! Taps, impacts and pencil-lead breaks: each event located by steering and, as a second road, by its first arrivals.
//!
//! Steering uses the whole wave and needs to know it well; first arrivals need only the fastest speed, but a pick each.
//! Where the two agree both are believed; where they do not, the result says so and which was taken.

use nalgebra::{DMatrix, DVector, Matrix2};
use ndarray::Array2;

use super::array::Array;
use super::gls::{RangeError, solve_place};
use super::outcome::{Candidate, Event, Leak, Outcome, Pick, Road, Verdict};
use super::posterior::{Spot, Spread};
use super::prepare::{prepare, selection};
use super::tell::{self, ellipse_95, shares_told};
use super::{Options, Progress, Wanted, locate};
use crate::capture::{Captures, events};
use crate::delay::onset;
use crate::error::{Error, Result};
use crate::propagation::{Dispersion, GroupSpeed, Medium};
use crate::site::{Site, WallPoint};
use crate::units::{amplitude_from_db, power_db};

/// Cells of the wall over which first arrivals are searched; the hill is as wide as the array.
const CELLS: f64 = 20e3;

/// Steps from the best cell to the least squares.
const STEPS: usize = 20;

/// Chi-square per degree of freedom up to which first arrivals are one event's.
const CONSISTENT: f64 = 4.0;

/// Standard deviations within which two roads agree.
const AGREE: f64 = 3.0;

/// A place by first arrivals.
struct FirstArrivals {
    point: WallPoint,
    covariance_m2: Matrix2<f64>,
    shares: [f64; 3],
    chi2_per_dof: Option<f64>,
    picks: Vec<Pick>,
}

/// Locates every event of the captures; the outcome is that of the strongest, with one leak an event.
///
/// # Errors
/// Those of [`locate`], and [`Error::Request`] where no event is found.
pub fn locate_transients(
    site: &Site,
    mut captures: Captures,
    options: &Options,
    progress: Progress<'_>,
) -> Result<Outcome> {
    let again = captures.again()?;
    let options = Options { transient: true, leaks: Wanted::AtMost(1), ..options.clone() };
    if let Some(free) = site.recorders.iter().find(|recorder| recorder.clock != 0) {
        return Err(Error::request(format!(
            "recorder '{}' runs free of the first; transients are found on one clock: give its captures a site of their own",
            free.id
        )));
    }
    let preparation = prepare(site, &mut captures, &options)?;
    let rate_hz = preparation.layout.sample_rate_hz;
    let array = &preparation.array;
    let transit_s =
        preparation.media.iter().map(|m| m.slowest(array.band_hz).time_s(array.longest_way().0)).fold(0.0, f64::max);
    let transit = (transit_s * rate_hz).ceil() as u64;
    let span = [preparation.span.first_frame, preparation.span.first_frame + preparation.span.frames];
    let starts = events(&mut captures, span, 3 * transit, &|share| progress("finding events", share))?;
    if starts.is_empty() {
        return Err(Error::request(format!(
            "{}: no transient stands out of the noise between {:.6} s and {:.6} s; without --transient a steady sound is located",
            again.files()[0].path().display(),
            span[0] as f64 / rate_hz,
            span[1] as f64 / rate_hz
        )));
    }
    let mut located = Vec::new();
    let mut refusals = Vec::new();
    for (i, &start) in starts.iter().enumerate() {
        progress("locating events", i as f64 / starts.len() as f64);
        // Half a transit of quiet before the first arrival; after the last, as long again for the wave itself.
        let window = [start.saturating_sub(transit / 2 + 64).max(span[0]), (start + 2 * transit + 256).min(span[1])];
        let samples = read(site, &mut captures, array, window)?;
        let arrivals = first_arrivals(array, &preparation.media, &samples, (start - window[0]) as usize, rate_hz);
        let of_event = Options {
            from_s: Some(window[0] as f64 / rate_hz),
            to_s: Some(window[1] as f64 / rate_hz),
            ..options.clone()
        };
        match locate(site, again.again()?, None, &of_event, &|_, _| ()) {
            Ok(outcome) => located.push(judged(
                array,
                outcome,
                arrivals,
                (start as f64 / rate_hz, window[0] as f64 / rate_hz),
                &samples,
            )),
            Err(refusal @ Error::Request(_)) => refusals.push(refusal),
            Err(error) => return Err(error),
        }
    }
    // Strongest first.
    located.sort_by(|x, y| y.1.level_db.total_cmp(&x.1.level_db));
    let leaks: Vec<Leak> =
        located.iter().filter_map(|(_, event, leak)| leak.clone().filter(|_| event.road.is_some())).collect();
    let told: Vec<Event> = located.iter().map(|(_, event, _)| event.clone()).collect();
    if located.is_empty() {
        return Err(refusals.into_iter().next().expect("an event was located or refused"));
    }
    // Maps, pairs and candidates are those of the first leak that is told.
    let shown = located.iter().position(|(_, event, leak)| event.road.is_some() && leak.is_some()).unwrap_or(0);
    let (mut outcome, ..) = located.swap_remove(shown);
    for warning in located.into_iter().flat_map(|(other, ..)| other.warnings) {
        if !outcome.warnings.contains(&warning) {
            outcome.warnings.push(warning);
        }
    }
    outcome.warnings.extend(refusals.iter().map(|refusal| format!("an event was left out: {refusal}")));
    outcome.verdict = if leaks.is_empty() { Verdict::Inconclusive } else { Verdict::Leak };
    if outcome.verdict == Verdict::Leak {
        outcome.reasons.clear();
    }
    if !leaks.is_empty() {
        let spot = |leak: &Leak| Spot { point: leak.point, covariance_uv_m2: leak.covariance_uv_m2, weight: 1.0 };
        outcome.spread = leaks.iter().map(|leak| Spread::Places(vec![spot(leak)])).collect();
    }
    outcome.leaks = leaks;
    outcome.events = told;
    Ok(outcome)
}

/// The samples of the array's channels within a window, with what the site says of gain and polarity undone.
fn read(site: &Site, captures: &mut Captures, array: &Array<'_>, [first, end]: [u64; 2]) -> Result<Array2<f32>> {
    captures.select(selection(site, captures, &array.sensors)?);
    let mut frames = Array2::zeros(((end - first) as usize, array.len()));
    captures.read(first, &mut frames, 0)?;
    let mut samples = frames.t().as_standard_layout().into_owned();
    for (mut row, &sensor) in samples.rows_mut().into_iter().zip(&array.sensors) {
        let sensor = &site.sensors[sensor];
        let gain = (amplitude_from_db(sensor.gain_db) * sensor.polarity) as f32;
        let mean = row.mean().unwrap_or(0.0);
        row.map_inplace(|x| *x = (*x - mean) / gain);
    }
    Ok(samples)
}

/// Weighs the two roads of one event.
fn judged(
    array: &Array<'_>,
    mut outcome: Outcome,
    arrivals: Option<FirstArrivals>,
    (time_s, window_s): (f64, f64),
    samples: &Array2<f32>,
) -> (Outcome, Event, Option<Leak>) {
    let steered = outcome.leaks.first().cloned();
    let by_steering = outcome.candidates.first().map(|candidate| candidate.point);
    let consistent = arrivals.as_ref().filter(|a| {
        let reach_m = ellipse_95(&a.covariance_m2).semi_major_m;
        a.chi2_per_dof.is_some_and(|x| x <= CONSISTENT) && reach_m <= tell::MAX_ELLIPSE_SHARE * array.extent_m()
    });
    let apart_m = arrivals.as_ref().zip(by_steering).map(|(a, best)| (a.point.position_m - best.position_m).norm());
    let reach = |covariance: &Matrix2<f64>| covariance.trace().sqrt();
    let agree = match (&steered, &arrivals, apart_m) {
        (Some(steered), Some(arrivals), Some(apart_m)) => {
            let [[a, b], [c, d]] = steered.covariance_uv_m2;
            apart_m <= AGREE * reach(&Matrix2::new(a, b, c, d)).hypot(reach(&arrivals.covariance_m2))
        }
        _ => false,
    };
    // One speed for every frequency is that of the first arrival, which says little of the wave that follows.
    let dispersive = !matches!(array.medium.dispersion, Dispersion::None(_)) || array.medium.kind == "air";
    let road = match (&steered, consistent) {
        (Some(_), Some(_)) if agree || dispersive => Some(Road::Steered),
        (_, Some(_)) => Some(Road::FirstArrivals),
        (Some(_), None) => Some(Road::Steered),
        (None, None) => None,
    };
    if let (Some(apart_m), false, Some(_), Some(_)) = (apart_m, agree, &steered, consistent) {
        outcome.warnings.push(format!(
            "the event at {time_s:.6} s: steering and first arrivals differ by {:.0} mm; {} is reported",
            apart_m * 1e3,
            if road == Some(Road::Steered) { "steering" } else { "the place by first arrivals" }
        ));
    }
    let power: Vec<f64> = samples
        .rows()
        .into_iter()
        .map(|row| row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / row.len() as f64)
        .collect();
    let loudest = power.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let leak = match (road, arrivals.as_ref()) {
        (Some(Road::FirstArrivals), Some(arrivals)) => {
            let covariance = arrivals.covariance_m2;
            let ranges = array.ranges_m(&arrivals.point);
            let mut levels: Vec<f64> =
                power.iter().zip(ranges.iter()).map(|(p, r)| power_db(p / array.medium.spreading(*r))).collect();
            levels.sort_by(f64::total_cmp);
            outcome.candidates = vec![Candidate { point: arrivals.point, score: 1.0, weight: 1.0, explained_by: None }];
            Some(Leak {
                resolution_m: None,
                point: arrivals.point,
                covariance_uv_m2: [[covariance[(0, 0)], covariance[(0, 1)]], [covariance[(1, 0)], covariance[(1, 1)]]],
                ellipse_95: ellipse_95(&covariance),
                shares: shares_told(arrivals.shares),
                false_alarm_probability: None,
                snr_db: steered.as_ref().map_or(f64::NAN, |leak| leak.snr_db),
                level_db: levels[levels.len() / 2],
            })
        }
        _ => steered,
    };
    let picks = arrivals.as_ref().map(|a| a.picks.iter().map(|p| Pick { time_s: p.time_s + window_s, ..*p }).collect());
    let event = Event {
        time_s,
        level_db: power_db(loudest),
        road,
        steered: by_steering,
        first_arrivals: arrivals.as_ref().map(|a| a.point),
        apart_m,
        chi2_per_dof: arrivals.as_ref().and_then(|a| a.chi2_per_dof),
        picks: picks.unwrap_or_default(),
    };
    (outcome, event, leak)
}

/// The place that explains the first arrivals best, over the waves that may have come first.
fn first_arrivals(
    array: &Array<'_>,
    media: &[Medium],
    samples: &Array2<f32>,
    quiet: usize,
    rate_hz: f64,
) -> Option<FirstArrivals> {
    let period = rate_hz / array.middle_hz();
    let (mut picks, mut picked) = (Vec::new(), Vec::new());
    for (m, row) in samples.rows().into_iter().enumerate() {
        let Some(found) = onset(row.as_slice()?, quiet.saturating_sub(64), period) else { continue };
        picked.push(m);
        let sensor = array.sensors[m];
        let delay_s = array.site.sensors[sensor].delay_s;
        picks.push(Pick {
            sensor,
            time_s: found.sample / rate_hz - delay_s,
            sigma_s: found.sigma / rate_hz,
            residual_s: 0.0,
        });
    }
    // Whatever wave the site names, the faster one may have come first.
    let first_waves = media.iter().take(1).flat_map(|medium| [Some(medium.clone()), medium.other_mode()]).flatten();
    let fits = first_waves.filter_map(|medium| {
        fitted(&array.keeping(&picked).in_medium(medium.clone()), &picks, medium.fastest(array.band_hz))
    });
    fits.min_by(|x, y| x.0.total_cmp(&y.0)).map(|(_, fit)| fit)
}

/// Least squares of arrival times over the wall: chi-square and the fit.
fn fitted(array: &Array<'_>, picks: &[Pick], speed: GroupSpeed) -> Option<(f64, FirstArrivals)> {
    let measured = DVector::from_iterator(picks.len(), picks.iter().map(|p| p.time_s * speed.0));
    let weights: Vec<f64> = picks.iter().map(|p| (p.sigma_s * speed.0).powi(-2)).collect();
    let information = laplacian(array.groups(), &weights);
    let cost = |point: &WallPoint| {
        let off = &measured - array.ranges_m(point);
        off.dot(&(&information * &off))
    };
    let mut point = cells(array).min_by(|x, y| cost(x).total_cmp(&cost(y)))?;
    let mut last = None;
    for _ in 0..STEPS {
        let stated = array.ranges_m(&point);
        let error = RangeError::of(array, &point, &stated, &information, 1.0);
        let solution = solve_place(&error, &(&measured - &stated))?;
        let step = solution.step_m;
        point = array.site.moved(&point, step[0], step[1]);
        last = Some(solution);
        if step.norm() < 1e-6 {
            break;
        }
    }
    let solution = last?;
    let chi2_per_dof = (solution.dof > 0).then(|| solution.chi2 / solution.dof as f64);
    let ranges = array.ranges_m(&point);
    // The common time of each clock is what its weighted mean says.
    let off = &measured - ranges;
    let groups = array.groups();
    let common = |m: usize| {
        let of_group = (0..picks.len()).filter(|&n| groups[n] == groups[m]);
        let (sum, weight) = of_group.fold((0.0, 0.0), |(s, w), n| (s + weights[n] * off[n], w + weights[n]));
        sum / weight
    };
    let picks =
        picks.iter().enumerate().map(|(m, p)| Pick { residual_s: (off[m] - common(m)) / speed.0, ..*p }).collect();
    let covariance_m2 = solution.covariance_m2 * chi2_per_dof.unwrap_or(1.0).max(1.0);
    let shares = solution.parts_m2.map(|part| part.trace() / solution.covariance_m2.trace());
    Some((solution.chi2, FirstArrivals { point, covariance_m2, shares, chi2_per_dof, picks }))
}

/// Information on ranges when the time of the event is unknown in every clock group.
fn laplacian(groups: &[usize], weights: &[f64]) -> DMatrix<f64> {
    DMatrix::from_fn(weights.len(), weights.len(), |m, n| {
        let total: f64 = weights.iter().zip(groups).filter(|(_, g)| **g == groups[m]).map(|(w, _)| w).sum();
        let shared = if groups[m] == groups[n] { weights[m] * weights[n] / total } else { 0.0 };
        if m == n { weights[m] - shared } else { -shared }
    })
}

/// Points all over the walls that the array hears.
fn cells<'b>(array: &'b Array<'_>) -> impl Iterator<Item = WallPoint> + 'b {
    let walls = || array.walls.iter().map(|&index| (index, &array.site.walls[index]));
    let size_m = (walls().map(|(_, wall)| wall.area_m2()).sum::<f64>() / CELLS).sqrt();
    walls().flat_map(move |(index, wall)| wall.pieces(index, size_m).into_iter().map(|piece| piece.centre(wall)))
}
