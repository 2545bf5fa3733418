//! How delays, places and speed move the ranges of all takes, and what the ranges say of them: linear least squares with what
//! the site knows as prior.
//!
//! With `y` the excess of a take's ranges in the basis that no clock can hide, `y = A x + e`, `x ~ N(0, P)` and
//! `e ~ N(0, F⁻¹ + σ_r² + σ_s² G Gᵀ)`: what noise leaves, an error of each range by itself, and one of the source's place.
//! The two scatters are those under which the ranges of all takes are most probable (the marginal likelihood).

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

use super::{Asked, Geometry};
use crate::locate::{Array, Arrivals, Slopes};

/// What is taken for known is known to this, metres: priors must not be singular.
pub const KNOWN_M: f64 = 1e-9;

/// A range is known to ten metres before anything is measured: keeps a sensor without information from being singular.
const PRIOR_INFORMATION_PER_M2: f64 = 1e-2;

/// Scatters that are tried, metres.
const SCATTERS_M: [f64; 12] = [1e-5, 3e-5, 1e-4, 2e-4, 3e-4, 5e-4, 1e-3, 2e-3, 3e-3, 5e-3, 1e-2, 2e-2];

/// The unknowns: first each sensor's delay as the way of an envelope, metres; then its place; last the relative wavenumber.
#[derive(Debug, Clone)]
pub struct Model {
    /// Number of sensors.
    pub sensors: usize,
    /// Coordinates in which a sensor may move.
    pub coordinates: usize,
    /// Clock group of each sensor.
    pub groups: Vec<usize>,
    /// What moves envelopes in the middle of the band.
    pub slopes: Slopes,
    /// One standard deviation of each unknown before anything is heard.
    pub prior: DVector<f64>,
}

/// What makes ranges scatter besides noise, metres, one standard deviation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scatter {
    /// Of the sources' places along each axis.
    pub place_m: f64,
    /// Of each range by itself: echoes, and sources that are no points.
    pub range_m: f64,
}

/// One take, linearised.
#[derive(Debug, Clone)]
pub struct Block {
    /// Its sensors in the model.
    pub members: Vec<usize>,
    /// Those whose word counts, as numbers in `members`.
    pub kept: Vec<usize>,
    /// Excess of each range, metres.
    pub excess_m: DVector<f64>,
    /// Its derivative by the unknowns; `[member, unknown]`.
    pub jacobian: DMatrix<f64>,
    /// How far each two members agree in polarity.
    pub agreement: DMatrix<f64>,
    /// Word on each gain, decibels.
    pub gain_db: Vec<f64>,
    /// What moves the ranges.
    pub slopes: Slopes,
    groups: Vec<usize>,
    observed: DVector<f64>,
    by_unknown: DMatrix<f64>,
    by_place: DMatrix<f64>,
    noise_m2: DMatrix<f64>,
}

/// What the takes say.
#[derive(Debug, Clone)]
pub struct Solution {
    /// The unknowns.
    pub x: DVector<f64>,
    /// Their covariance.
    pub covariance: DMatrix<f64>,
}

impl Model {
    pub fn new(array: &Array<'_>, asked: Asked, delay_sigma_s: f64) -> Self {
        let slopes = Slopes::of_envelopes(&array.medium, array.middle_hz());
        let sensors = array.len();
        let coordinates = if array.medium.kind == "air" { 3 } else { 2 };
        let places = array.position_variance_m2();
        let delay = if asked.delay { delay_sigma_s * slopes.metres_per_second } else { 0.0 };
        let prior = DVector::from_fn(sensors * (1 + coordinates) + 1, |i, _| {
            let sigma = match i {
                i if i < sensors => delay,
                i if i < sensors * (1 + coordinates) => places[(i - sensors) / coordinates].sqrt(),
                _ => array.wavenumber_sigma(),
            };
            sigma.max(KNOWN_M)
        });
        Self { sensors, coordinates, groups: array.groups().to_vec(), slopes, prior }
    }

    /// The unknowns of one sensor's place.
    pub fn place_of(&self, sensor: usize) -> std::ops::Range<usize> {
        let first = self.sensors + sensor * self.coordinates;
        first..first + self.coordinates
    }

    /// The unknown of the wavenumber.
    pub fn wavenumber(&self) -> usize {
        self.prior.len() - 1
    }

    /// Derivative of ranges by the unknowns; `[member, unknown]`.
    pub fn jacobian(&self, geometry: &Geometry, members: &[usize], slopes: Slopes) -> DMatrix<f64> {
        let mut jacobian = DMatrix::zeros(members.len(), self.prior.len());
        for (row, &m) in members.iter().enumerate() {
            jacobian[(row, m)] = slopes.metres_per_second / self.slopes.metres_per_second;
            for (axis, column) in self.place_of(m).enumerate() {
                jacobian[(row, column)] = geometry.by_sensor[(row, axis)];
            }
            jacobian[(row, self.wavenumber())] = geometry.ranges_m[row] * slopes.per_wavenumber;
        }
        jacobian
    }

    /// How far each range may be off, metres, given what was found out so far.
    pub fn open_m(&self, geometry: &Geometry, members: &[usize], solution: Option<&Solution>) -> Vec<f64> {
        // What all of a group have in common no clock shows.
        let groups: Vec<usize> = members.iter().map(|&m| self.groups[m]).collect();
        let jacobian = centring(&groups) * self.jacobian(geometry, members, self.slopes);
        let covariance = match solution {
            Some(solution) => &jacobian * &solution.covariance * jacobian.transpose(),
            None => &jacobian * DMatrix::from_diagonal(&self.prior.map(|s| s * s)) * jacobian.transpose(),
        };
        covariance.diagonal().iter().map(|v| v.max(0.0).sqrt()).collect()
    }

    /// The most probable unknowns; takes were linearised at `at`.
    pub fn solve(&self, blocks: &[Block], at: &DVector<f64>, scatter: Scatter) -> Solution {
        let (normal, right, _) = self.normal(blocks, at, scatter);
        let covariance = normal.inverse();
        Solution { x: &covariance * right, covariance }
    }

    /// The scatters that make the takes most probable; that of the places where it is not given.
    pub fn scatter(&self, blocks: &[Block], at: &DVector<f64>, place_m: Option<f64>) -> Scatter {
        let mut best = Scatter { place_m: place_m.unwrap_or(SCATTERS_M[4]), range_m: SCATTERS_M[2] };
        let mut height = self.evidence(blocks, at, best);
        for _ in 0..3 {
            let places = SCATTERS_M.iter().filter(|_| place_m.is_none()).map(|&s| Scatter { place_m: s, ..best });
            let tried: Vec<Scatter> =
                places.chain(SCATTERS_M.iter().map(|&s| Scatter { range_m: s, ..best })).collect();
            let from = best;
            for scatter in tried {
                let value = self.evidence(blocks, at, scatter);
                if value > height {
                    (best, height) = (scatter, value);
                }
            }
            if from == best {
                break;
            }
        }
        best
    }

    /// Logarithm of the probability of the takes, up to a constant.
    fn evidence(&self, blocks: &[Block], at: &DVector<f64>, scatter: Scatter) -> f64 {
        let (normal, right, alone) = self.normal(blocks, at, scatter);
        let prior: f64 = self.prior.iter().map(|s| 2.0 * s.ln()).sum();
        alone + 0.5 * right.dot(&normal.solve(&right)) - 0.5 * (ln_determinant(&normal) + prior)
    }

    /// `Σ Aᵀ C⁻¹ A + P⁻¹`, `Σ Aᵀ C⁻¹ z`, and `−½ Σ (zᵀ C⁻¹ z + ln det C)`.
    fn normal(&self, blocks: &[Block], at: &DVector<f64>, scatter: Scatter) -> (Cholesky<f64, Dyn>, DVector<f64>, f64) {
        let mut normal = DMatrix::from_diagonal(&self.prior.map(|s| s.powi(-2)));
        let mut right = DVector::zeros(self.prior.len());
        let mut alone = 0.0;
        for block in blocks {
            let z = &block.observed + &block.by_unknown * at;
            let factor = block.factor(scatter);
            let weighted = factor.solve(&block.by_unknown);
            normal += block.by_unknown.transpose() * &weighted;
            right += weighted.transpose() * &z;
            alone -= 0.5 * (z.dot(&factor.solve(&z)) + ln_determinant(&factor));
        }
        (Cholesky::new(normal).expect("a prior makes it positive"), right, alone)
    }

    /// One standard deviation of each delay as a range, metres, the mean over a clock group apart.
    pub fn delay_sigma_m(&self, solution: &Solution) -> Vec<f64> {
        let centre = self.centring();
        let delays = solution.covariance.view((0, 0), (self.sensors, self.sensors));
        let covariance = &centre * delays * centre.transpose();
        covariance.diagonal().iter().map(|v| v.max(0.0).sqrt()).collect()
    }

    /// One standard deviation of a sensor's place along an axis, metres.
    pub fn place_sigma_m(&self, solution: &Solution, sensor: usize) -> f64 {
        let variance: f64 = self.place_of(sensor).map(|i| solution.covariance[(i, i)]).sum();
        (variance / self.coordinates as f64).sqrt()
    }

    /// Takes the mean over each clock group away.
    pub fn centring(&self) -> DMatrix<f64> {
        centring(&self.groups)
    }
}

impl Block {
    pub fn new(
        model: &Model,
        members: Vec<usize>,
        groups: &[usize],
        geometry: Geometry,
        arrivals: Arrivals,
        left_out: &[usize],
    ) -> Self {
        let jacobian = model.jacobian(&geometry, &members, arrivals.slopes);
        let kept: Vec<usize> = (0..members.len()).filter(|i| !left_out.contains(i)).collect();
        let out: Vec<usize> = (0..members.len()).filter(|i| left_out.contains(i)).collect();
        let basis = observable(&kept.iter().map(|&i| groups[i]).collect::<Vec<_>>());
        let rows = |matrix: &DMatrix<f64>| basis.transpose() * matrix.select_rows(&kept);
        let information = basis.transpose() * without(&arrivals.information_per_m2, &kept, &out) * &basis;
        let information = information + DMatrix::identity(basis.ncols(), basis.ncols()) * PRIOR_INFORMATION_PER_M2;
        let noise_m2 = Cholesky::new(information)
            .map_or_else(|| DMatrix::identity(basis.ncols(), basis.ncols()), |known| known.inverse());
        Self {
            observed: basis.transpose() * arrivals.excess_m.select_rows(&kept),
            by_unknown: rows(&jacobian),
            by_place: rows(&geometry.by_source),
            noise_m2,
            groups: groups.to_vec(),
            members,
            kept,
            excess_m: arrivals.excess_m,
            jacobian,
            agreement: arrivals.agreement,
            gain_db: arrivals.gain_db,
            slopes: arrivals.slopes,
        }
    }

    /// A take that is yet to be recorded, heard by all sensors as well as this one is on average.
    pub fn foreseen(&self, model: &Model, geometry: Geometry, groups: &[usize]) -> Self {
        let count = model.sensors;
        let variance = self.noise_m2.trace() / self.noise_m2.nrows().max(1) as f64;
        let arrivals = Arrivals {
            excess_m: DVector::zeros(count),
            information_per_m2: centring(groups) / variance,
            agreement: DMatrix::zeros(count, count),
            gain_db: vec![0.0; count],
            slopes: self.slopes,
        };
        Self::new(model, (0..count).collect(), groups, geometry, arrivals, &[])
    }

    /// What this take takes away from a covariance: `Σ Aᵀ (A Σ Aᵀ + C)⁻¹ A Σ`.
    pub fn taken_away(&self, covariance: &DMatrix<f64>, scatter: Scatter) -> DMatrix<f64> {
        let gain = &self.by_unknown * covariance;
        let innovation = &gain * self.by_unknown.transpose() + self.covariance(scatter);
        Cholesky::new(innovation).map_or_else(|| covariance * 0.0, |factor| gain.transpose() * factor.solve(&gain))
    }

    /// Range heard less range told, metres, for the members; the median over each clock group apart.
    pub fn residual_m(&self) -> Vec<f64> {
        let median = |group: usize| {
            let of_group = self.excess_m.iter().zip(&self.groups).filter(|(_, g)| **g == group);
            let mut values: Vec<f64> = of_group.map(|(r, _)| *r).collect();
            let middle = values.len() / 2;
            *values.select_nth_unstable_by(middle, f64::total_cmp).1
        };
        self.excess_m.iter().zip(&self.groups).map(|(r, group)| r - median(*group)).collect()
    }

    fn covariance(&self, scatter: Scatter) -> DMatrix<f64> {
        let n = self.noise_m2.nrows();
        &self.noise_m2
            + DMatrix::identity(n, n) * scatter.range_m.powi(2)
            + &self.by_place * self.by_place.transpose() * scatter.place_m.powi(2)
    }

    fn factor(&self, scatter: Scatter) -> Cholesky<f64, Dyn> {
        let covariance = self.covariance(scatter);
        let n = covariance.nrows();
        let ridge = 1e-14 * covariance.trace() + KNOWN_M * KNOWN_M;
        Cholesky::new(covariance + DMatrix::identity(n, n) * ridge).expect("a sum of positive matrices is positive")
    }
}

/// Takes the mean over each group away.
fn centring(groups: &[usize]) -> DMatrix<f64> {
    let count = |group: usize| groups.iter().filter(|g| **g == group).count() as f64;
    DMatrix::from_fn(groups.len(), groups.len(), |m, n| {
        let own = if m == n { 1.0 } else { 0.0 };
        own - if groups[m] == groups[n] { 1.0 / count(groups[m]) } else { 0.0 }
    })
}

/// Orthonormal patterns of ranges that no clock can hide: Helmert's, over each group.
fn observable(groups: &[usize]) -> DMatrix<f64> {
    let mut called: Vec<usize> = groups.to_vec();
    called.sort_unstable();
    called.dedup();
    let mut columns = Vec::new();
    for group in called {
        let members: Vec<usize> = (0..groups.len()).filter(|&m| groups[m] == group).collect();
        for j in 1..members.len() {
            let scale = 1.0 / ((j * (j + 1)) as f64).sqrt();
            let mut column = DVector::zeros(groups.len());
            members[..j].iter().for_each(|&m| column[m] = scale);
            column[members[j]] = -(j as f64) * scale;
            columns.push(column);
        }
    }
    if columns.is_empty() { DMatrix::zeros(groups.len(), 0) } else { DMatrix::from_columns(&columns) }
}

/// Information on some ranges when the others are free.
fn without(information: &DMatrix<f64>, kept: &[usize], out: &[usize]) -> DMatrix<f64> {
    let part = |rows: &[usize], columns: &[usize]| {
        DMatrix::from_fn(rows.len(), columns.len(), |i, j| information[(rows[i], columns[j])])
    };
    let own = part(kept, kept);
    match part(out, out).try_inverse() {
        Some(free) if !out.is_empty() => own - part(kept, out) * free * part(out, kept),
        _ => own,
    }
}

fn ln_determinant(factor: &Cholesky<f64, Dyn>) -> f64 {
    2.0 * factor.l_dirty().diagonal().iter().map(|x| x.ln()).sum::<f64>()
}
