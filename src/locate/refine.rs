//! From a rough place to the most probable one, with its covariance.
//!
//! The unknowns are the place and what the site leaves open: each sensor's own range error and the wave speed. Their
//! joint posterior is climbed by Gauss–Newton: the likelihood's gradient and expected information turn the data into
//! virtual ranges, and generalised least squares splits those between place and site. Where the site is exact this is
//! plain maximum likelihood; where it is not, the same steps carry its uncertainty into the answer.

use std::borrow::Cow;

use nalgebra::{DMatrix, DVector, Matrix2};

use super::align::line_up;
use super::array::Array;
use super::gls::{RangeError, solve_free, solve_observed};
use super::lateness::Clocks;
use super::likelihood::{BlockScore, Likelihood};
use super::outcome::InFront;
use super::ways::{other_wavenumbers, straightened};
use crate::cross_spectra::Coherence;
use crate::delay::RangeTable;
use crate::site::WallPoint;

/// Rounds of fitting signal-to-noise ratios and climbing.
const ROUNDS: usize = 3;

/// Rounds at most where further ways are taken out, which follow the place: each takes the rest down to about a third.
const MOST_ROUNDS: usize = 12;

/// A place that moves less in a round, metres, has settled.
const SETTLED_M: f64 = 1e-6;

/// Gauss–Newton steps of one round at most.
const STEPS: usize = 20;

/// Variance of the pull that echoes exert on all frequencies alike, per variance of the pull that scatters between them.
///
/// Measured, not derived: with walls that reflect 0.9 the scatter alone left one truth in five outside the 95 % ellipse,
/// most of them leaks within 30 cm of a corner, where a mirror image stands beside the leak.
const UNSEEN_PULL: f64 = 1.0;

/// Degrees of freedom beyond which one more unknown is asked for: with fewer, one sensor that is off its place looks like it.
const FREE: usize = 2;

/// What the data look like to the refinement.
#[derive(Debug, Clone, Copy)]
pub struct Data<'a> {
    /// Weighted cross-spectra of the used bins.
    pub coherence: &'a Coherence,
    /// Wavenumber of each used bin, rad/m.
    pub wavenumber_rad_m: &'a [f64],
    /// Independent samples a bin.
    pub samples_per_bin: f64,
    /// Correlation of each pair over range difference.
    pub tables: &'a [RangeTable],
    /// Clocks, where pairs were formed across free ones.
    pub clocks: Option<Clocks<'a>>,
}

/// A refined place.
#[derive(Debug, Clone)]
pub struct Refined {
    /// Where.
    pub point: WallPoint,
    /// Range to each sensor as the sound tells it, up to a common range per clock group, metres.
    pub ranges_m: DVector<f64>,
    /// Covariance of the place, metres².
    pub covariance_m2: Matrix2<f64>,
    /// Factors in it: on the variance of noise, for what scatters more, and on all, where ranges and geometry disagree.
    pub widened: (f64, f64),
    /// Shares of its trace: noise, positions, speed.
    pub shares: [f64; 3],
    /// Relative error of all wavenumbers against the medium's, and one standard deviation of it.
    pub scale: (f64, f64),
    /// Chi-square of the ranges about the place, and its degrees of freedom.
    pub chi2: (f64, usize),
    /// How far off the wall a source would fit best; absent where sound keeps to the wall, and where few sensors could tell.
    pub in_front: Option<InFront>,
    /// Residual of each range, metres, and over its expected scatter.
    pub residuals: Vec<(f64, f64)>,
    /// Share of each used bin's power that is the leak; `[sensor][bin]`.
    pub leak_share: Vec<Vec<f64>>,
}

struct State {
    point: WallPoint,
    /// Site errors are `stated · pull`.
    pull_per_m: DVector<f64>,
}

/// Refines `start`.
///
/// `None` where the array cannot fix a place, or where nothing at `start` is coherent.
pub fn refine(array: &Array<'_>, data: Data<'_>, start: WallPoint) -> Option<Refined> {
    let k = data.wavenumber_rad_m;
    let middle = (k.iter().map(|k| k * k).sum::<f64>() / k.len() as f64).sqrt();
    let wavelength_m = std::f64::consts::TAU / middle;
    let stated = array.ranges_m(&start);
    let pairs = &data.coherence.pairs;
    let typical = pairs
        .iter()
        .zip(data.tables)
        .map(|(&(m, n), table)| f64::from(table.at(stated[m] - stated[n]).norm()))
        .sum::<f64>()
        / pairs.len() as f64;
    let gain = 2.0 * data.samples_per_bin * k.len() as f64 * typical.min(0.5);
    let (point, ranges) = line_up(array, pairs, data.tables, start, wavelength_m, gain);

    refine_along(array, data, point, ranges)
}

/// Refines a place from which these ranges line up the crests.
pub fn refine_along(array: &Array<'_>, data: Data<'_>, point: WallPoint, ranges_m: DVector<f64>) -> Option<Refined> {
    let (k, mut ranges) = (data.wavenumber_rad_m, ranges_m);
    let stated = array.ranges_m(&point);
    let mut state = {
        let likelihood = data.likelihood(data.coherence, &ranges);
        // The lined-up ranges become the starting point of the climb: the site errors that explain them best.
        let error = RangeError::of(array, &point, &stated, &likelihood.information(), 1.0);
        let solution = solve_observed(&error, &(error.basis.transpose() * (&ranges - &stated)))?;
        State { point, pull_per_m: solution.pull_per_m }
    };
    let other_k = other_wavenumbers(array, data.coherence);
    let mut heard = Cow::Borrowed(data.coherence);
    for round in 1..=MOST_ROUNDS {
        let likelihood = data.likelihood(&heard, &ranges);
        let from_m = state.point.position_m;
        climb(array, &likelihood, &mut state)?;
        ranges = ranges_of(array, &state);
        let settled = round >= ROUNDS && (state.point.position_m - from_m).norm() < SETTLED_M;
        match straightened(array, data.coherence, k, other_k.as_deref(), &state.point) {
            Some(straight) if !settled => heard = Cow::Owned(straight),
            None if round < ROUNDS => {}
            _ => break,
        }
    }
    let likelihood = data.likelihood(&heard, &ranges);
    finish(array, data, &likelihood, &state)
}

impl<'a> Data<'a> {
    /// The likelihood of ranges by cross-spectra of the same pairs and bins, fitted at some ranges.
    pub fn likelihood<'t>(&self, coherence: &'t Coherence, ranges_m: &DVector<f64>) -> Likelihood<'t>
    where
        'a: 't,
    {
        let (k, count) = (self.wavenumber_rad_m, self.samples_per_bin);
        match self.clocks {
            Some(clocks) => Likelihood::on_clocks(coherence, clocks, k, count, ranges_m),
            None => Likelihood::fit(coherence, k, count, ranges_m),
        }
    }
}

fn ranges_of(array: &Array<'_>, state: &State) -> DVector<f64> {
    let stated = array.ranges_m(&state.point);
    let speed = array.speed_error_m(&stated);
    let own = array.position_variance_m2().component_mul(&state.pull_per_m);
    let common = speed.dot(&state.pull_per_m);
    stated + own + speed * common
}

/// Log posterior up to a constant.
fn objective(array: &Array<'_>, likelihood: &Likelihood<'_>, state: &State) -> f64 {
    let value: f64 = likelihood.scores(&ranges_of(array, state)).iter().map(|s| s.value).sum();
    value - 0.5 * site_cost(array, state)
}

/// What the site errors cost: `pullᵀ stated pull`.
fn site_cost(array: &Array<'_>, state: &State) -> f64 {
    let speed = array.speed_error_m(&array.ranges_m(&state.point));
    let variance = array.position_variance_m2();
    let own: f64 = state.pull_per_m.iter().zip(variance.iter()).map(|(w, v)| w * w * v).sum();
    own + speed.dot(&state.pull_per_m).powi(2)
}

fn climb(array: &Array<'_>, likelihood: &Likelihood<'_>, state: &mut State) -> Option<()> {
    let information = likelihood.information();
    let mut height = objective(array, likelihood, state);
    for _ in 0..STEPS {
        let (error, observed) = linearised(array, likelihood, &information, state, 1.0);
        let solution = solve_observed(&error, &observed)?;
        let mut taken = None;
        for share in [1.0, 0.5, 0.25, 0.1, 0.03] {
            let next = State {
                point: array.site.moved(&state.point, share * solution.step_m[0], share * solution.step_m[1]),
                pull_per_m: &state.pull_per_m * (1.0 - share) + &solution.pull_per_m * share,
            };
            let reached = objective(array, likelihood, &next);
            if reached > height {
                taken = Some((next, reached));
                break;
            }
        }
        let Some((next, reached)) = taken else { break };
        let moved = (next.point.position_m - state.point.position_m).norm();
        let gained = reached - height;
        (*state, height) = (next, reached);
        // 1e-4 nats are a seventieth of a standard deviation; quadratic convergence does the rest.
        if moved < 1e-7 || gained < 1e-4 {
            break;
        }
    }
    Some(())
}

/// The least-squares problem that the likelihood looks like from here: errors, and what is observed.
fn linearised(
    array: &Array<'_>,
    likelihood: &Likelihood<'_>,
    information: &DMatrix<f64>,
    state: &State,
    excess: f64,
) -> (RangeError, DVector<f64>) {
    let stated = array.ranges_m(&state.point);
    let ranges = ranges_of(array, state);
    let gradient: DVector<f64> = likelihood.scores(&ranges).iter().map(|s| &s.gradient).sum();
    let error = RangeError::of(array, &state.point, &stated, information, excess);
    let newton = (&error.noise / excess) * (error.basis.transpose() * gradient);
    let observed = error.basis.transpose() * (ranges - stated) + newton;
    (error, observed)
}

fn finish(array: &Array<'_>, data: Data<'_>, likelihood: &Likelihood<'_>, state: &State) -> Option<Refined> {
    let ranges = ranges_of(array, state);
    let information = likelihood.information();
    let scores = likelihood.scores(&ranges);
    let (model, _) = linearised(array, likelihood, &information, state, 1.0);
    let excess = scatter_excess(&model, &scores);
    let (error, observed) = linearised(array, likelihood, &information, state, excess);
    let solution = solve_observed(&error, &observed)?;
    let inflation = disagreement(solution.chi2, solution.dof);
    let in_front = (solution.dof > FREE && array.medium.kind == "air")
        .then(|| {
            let observed = error.basis.transpose() * array.ranges_m(&state.point) + &observed;
            let free = solve_free(array, &error, &observed, state.point.position_m)?;
            let (distance_m, normal) = array.off_wall_m(&free.position_m);
            let chi2_per_dof = free.chi2 / (solution.dof - 1) as f64;
            let variance_m2 = normal.dot(&(free.covariance_m2 * normal)) * chi2_per_dof.max(1.0);
            Some(InFront { distance_m: (distance_m, variance_m2.sqrt()), chi2_per_dof })
        })
        .flatten();
    let covariance = solution.covariance_m2 * inflation;
    let stated_scale = array.wavenumber_sigma();
    let trace = solution.covariance_m2.trace();
    let shares = solution.parts_m2.map(|part| part.trace() / trace);

    let own = &error.basis * (error.basis.transpose() * (&ranges - array.ranges_m(&state.point)));
    let residuals = own.iter().zip(solution.standardised.iter()).map(|(r, s)| (*r, *s)).collect();
    let share = likelihood.share();
    let leak_share = (0..array.len())
        .map(|m| (0..data.wavenumber_rad_m.len()).map(|bin| share[[m, likelihood.block_of(bin)]]).collect())
        .collect();
    Some(Refined {
        point: state.point,
        ranges_m: ranges,
        covariance_m2: covariance,
        widened: (excess, inflation),
        shares,
        scale: (stated_scale * solution.speed.0, stated_scale * (solution.speed.1.max(0.0) * inflation).sqrt()),
        chi2: (solution.chi2, solution.dof),
        in_front,
        residuals,
        leak_share,
    })
}

/// How much more the data scatter about the place than the model says, as a factor on the variance, not below 1.
///
/// Echoes and other leaks are coherent but not in the model. An echo whose path is longer by `δ` turns once in `c/δ` of
/// frequency, so its scores scatter from block to block, or drift together over blocks narrower than that: the trace of
/// the sandwich is taken over blocks of several widths, and the largest that is significant counts.
fn scatter_excess(model: &RangeError, scores: &[BlockScore]) -> f64 {
    let Some(known) = model.noise.clone().try_inverse() else { return 1.0 };
    let normal = model.gradient.transpose() * known * &model.gradient;
    let Some(bread) = normal.try_inverse() else { return 1.0 };
    // The step of the place that each block's score asks for, metres.
    let step = |s: &BlockScore| &bread * (model.gradient.transpose() * (model.basis.transpose() * &s.gradient));
    let steps: Vec<DVector<f64>> = scores.iter().map(step).collect();
    let mean = steps.iter().sum::<DVector<f64>>() / steps.len() as f64;
    let mut excess: f64 = 1.0;
    for width in [1, 2, 4, 8] {
        let blocks: Vec<f64> = steps
            .chunks_exact(width)
            .map(|chunk| (chunk.iter().sum::<DVector<f64>>() - &mean * width as f64).norm_squared())
            .collect();
        let count = blocks.len() as f64;
        if blocks.len() < 6 {
            break;
        }
        let ratio = blocks.iter().sum::<f64>() * count / (count - 1.0) / bread.trace();
        // A variance from n values scatters by sqrt(2/n).
        if ratio > 1.0 + 2.0 * (2.0 / count).sqrt() {
            excess = excess.max(ratio);
        }
    }
    // What scatters is seen; an early echo also pulls all frequencies one way, which no scatter shows.
    1.0 + (1.0 + UNSEEN_PULL) * (excess - 1.0)
}

/// Factor on the covariance when the ranges disagree with the geometry beyond chance: chi-square per degree of freedom
/// where it exceeds its 99 % point, else 1.
///
/// Every capture widened for nothing makes ellipses hold more than they say: beyond the 95 % point, 2 % more in the middle.
fn disagreement(chi2: f64, dof: usize) -> f64 {
    if dof > 0 && chi2 > chi2_point(dof, 2.326) { chi2 / dof as f64 } else { 1.0 }
}

/// The point of a chi-square that it exceeds as often as a normal variable does so many standard deviations.
pub fn chi2_point(dof: usize, deviations: f64) -> f64 {
    let n = dof as f64;
    // Wilson & Hilferty (1931): a chi-square's cube root is nearly normal.
    n * (1.0 - 2.0 / (9.0 * n) + deviations * (2.0 / (9.0 * n)).sqrt()).powi(3)
}
