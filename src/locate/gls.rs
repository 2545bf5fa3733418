//! Generalised least squares: from ranges, with all that makes them uncertain, to a step on the wall.
//!
//! Measured ranges are `r = d(p) + c + ε`: geometry, a common range per clock group that nobody knows, and errors with
//! covariance `C = F⁻¹ + Σ_positions + Σ_speed`. Working in the basis that is orthogonal to the common ranges removes
//! them exactly and leaves no singular matrix.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn, Matrix2, Matrix3, Vector2};

use super::array::Array;
use crate::site::{Point3, WallPoint};

/// A range is known to ten metres before anything is measured: keeps a sensor without information from being singular.
const PRIOR_INFORMATION_PER_M2: f64 = 1e-2;

/// Everything about the errors of the ranges at one place, in the observable basis.
pub struct RangeError {
    /// `[sensor, observable]`.
    pub basis: DMatrix<f64>,
    /// Derivative of the observables by `(u, v)`.
    pub gradient: DMatrix<f64>,
    /// Noise alone, metres².
    pub noise: DMatrix<f64>,
    /// Stated sensor positions, metres².
    pub positions: DMatrix<f64>,
    /// Stated wave speed, metres: the error of each observable per standard deviation.
    pub speed: DVector<f64>,
}

/// What the ranges say of the place.
pub struct Solution {
    /// Step from the place of linearisation along `u` and `v`, metres.
    pub step_m: Vector2<f64>,
    /// Covariance of the place, metres².
    pub covariance_m2: Matrix2<f64>,
    /// The part of it that noise, positions and speed bring (their sum is the covariance).
    pub parts_m2: [Matrix2<f64>; 3],
    /// `C⁻¹ (e − J step)` by sensor, 1/m: times the stated covariance it is the sensors' most probable errors.
    pub pull_per_m: DVector<f64>,
    /// Most probable speed error, in standard deviations of what the site says of it, and the share of its variance that
    /// the ranges do not explain.
    pub speed: (f64, f64),
    /// Chi-square of the ranges about the place.
    pub chi2: f64,
    /// Its degrees of freedom.
    pub dof: usize,
    /// Residual of each observable's sensor over its expected scatter; the largest names the worst sensor.
    pub standardised: DVector<f64>,
}

impl RangeError {
    /// The errors at `point`, whose ranges are `ranges_m`, given the information on ranges (1/m²) from the data;
    /// `excess` multiplies the noise's variance where the data scatter more than their model.
    pub fn of(
        array: &Array<'_>,
        point: &WallPoint,
        ranges_m: &DVector<f64>,
        information: &DMatrix<f64>,
        excess: f64,
    ) -> Self {
        let basis = array.observable_basis();
        let observables = basis.ncols();
        let seen = |matrix: &DMatrix<f64>| basis.transpose() * matrix * &basis;
        let known = seen(information) + DMatrix::identity(observables, observables) * PRIOR_INFORMATION_PER_M2;
        let noise = inverse(&known) * excess;
        let positions = DMatrix::from_diagonal(&array.position_variance_m2());
        Self {
            gradient: basis.transpose() * array.range_gradient(point),
            noise,
            positions: seen(&positions),
            speed: basis.transpose() * array.speed_error_m(ranges_m),
            basis,
        }
    }

    fn total(&self) -> DMatrix<f64> {
        &self.noise + &self.positions + &self.speed * self.speed.transpose()
    }
}

/// The place that explains `offsets_m` (range measured less range at the place of linearisation, by sensor).
///
/// `None` where the array cannot fix two coordinates: too few sensors on one clock, or all in one direction; and where
/// the data are so broken that the errors are no numbers.
pub fn solve_place(error: &RangeError, offsets_m: &DVector<f64>) -> Option<Solution> {
    solve_observed(error, &(error.basis.transpose() * offsets_m))
}

/// As [`solve_place`], for offsets already in the observable basis.
pub fn solve_observed(error: &RangeError, observed_m: &DVector<f64>) -> Option<Solution> {
    let observables = error.basis.ncols();
    if observables < 2 {
        return None;
    }
    let total = factorised(error.total())?;
    let weighted_gradient = total.solve(&error.gradient);
    let normal = error.gradient.transpose() * &weighted_gradient;
    let covariance = Matrix2::new(normal[(0, 0)], normal[(0, 1)], normal[(1, 0)], normal[(1, 1)]).try_inverse()?;
    if !covariance.iter().all(|x| x.is_finite()) || covariance.trace() <= 0.0 {
        return None;
    }
    let estimator = covariance * weighted_gradient.transpose();
    let step = &estimator * observed_m;
    let residual = observed_m - &error.gradient * step;
    let pull = total.solve(&residual);
    let chi2 = residual.dot(&pull);
    let explained = total.solve(&(&error.speed - &error.gradient * (&estimator * &error.speed)));
    let part = |matrix: &DMatrix<f64>| {
        let part = &estimator * matrix * estimator.transpose();
        Matrix2::new(part[(0, 0)], part[(0, 1)], part[(1, 0)], part[(1, 1)])
    };
    // Residuals by sensor against what is expected of them: C minus what the fitted place takes up.
    let left = error.total() - &error.gradient * covariance * error.gradient.transpose();
    let by_sensor = &error.basis * &residual;
    let expected = &error.basis * left * error.basis.transpose();
    let standardised = DVector::from_fn(by_sensor.len(), |m, _| by_sensor[m] / expected[(m, m)].max(1e-24).sqrt());
    Some(Solution {
        step_m: Vector2::new(step[0], step[1]),
        covariance_m2: covariance,
        parts_m2: [part(&error.noise), part(&error.positions), part(&(&error.speed * error.speed.transpose()))],
        speed: (error.speed.dot(&pull), 1.0 - error.speed.dot(&explained)),
        pull_per_m: &error.basis * pull,
        chi2,
        dof: observables - 2,
        standardised,
    })
}

/// A place in space rather than on a wall.
#[derive(Debug, Clone, Copy)]
pub struct FreePlace {
    /// Where, metres.
    pub position_m: Point3,
    /// Its covariance, metres².
    pub covariance_m2: Matrix3<f64>,
    /// Chi-square of the ranges about it, of one degree of freedom less than about a place on a wall.
    pub chi2: f64,
}

/// The place in space from which straight ways have these ranges, `observed_m` in the observable basis, by Gauss–Newton from `start`.
pub fn solve_free(
    array: &Array<'_>,
    error: &RangeError,
    observed_m: &DVector<f64>,
    start: Point3,
) -> Option<FreePlace> {
    const STEPS: usize = 20;
    let total = factorised(error.total())?;
    let mut place = FreePlace { position_m: start, covariance_m2: Matrix3::zeros(), chi2: f64::INFINITY };
    for _ in 0..STEPS {
        let gradient = error.basis.transpose() * array.free_gradient(&place.position_m);
        let left = observed_m - error.basis.transpose() * array.free_ranges_m(&place.position_m);
        let weighted = total.solve(&gradient);
        let covariance = (gradient.transpose() * &weighted).fixed_view::<3, 3>(0, 0).try_inverse()?;
        let step = covariance * (weighted.transpose() * &left).fixed_rows::<3>(0);
        place.chi2 = left.dot(&total.solve(&left));
        place.covariance_m2 = covariance;
        if step.norm() < 1e-6 {
            return Some(place);
        }
        place.position_m += step;
    }
    None
}

/// Covariance of the place and of further unknowns, metres², by which ranges change as the columns of `more` say,
/// `[sensor, unknown]`: place along `u` and `v` first.
pub fn covariance_with(error: &RangeError, more: &DMatrix<f64>) -> Option<DMatrix<f64>> {
    let seen = error.basis.transpose() * more;
    let all = DMatrix::from_fn(seen.nrows(), 2 + seen.ncols(), |row, column| match column {
        0 | 1 => error.gradient[(row, column)],
        _ => seen[(row, column - 2)],
    });
    (all.transpose() * factorised(error.total())?.solve(&all)).try_inverse()
}

/// Covariance of what is known; where that is no number, of the prior alone.
fn inverse(known: &DMatrix<f64>) -> DMatrix<f64> {
    let n = known.nrows();
    factorised(known.clone()).map_or_else(|| DMatrix::identity(n, n) / PRIOR_INFORMATION_PER_M2, |f| f.inverse())
}

fn factorised(matrix: DMatrix<f64>) -> Option<Cholesky<f64, Dyn>> {
    // A covariance with finite entries and the prior inside is positive; rounding may take the last digit of it.
    let ridge = matrix.trace() * 1e-15;
    let n = matrix.nrows();
    Cholesky::new(matrix + DMatrix::identity(n, n) * ridge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_are_no_numbers_give_no_place() {
        let square = |x: f64| DMatrix::from_diagonal_element(3, 3, x);
        let error = |noise: f64| RangeError {
            basis: square(1.0),
            gradient: DMatrix::from_row_slice(3, 2, &[1.0, 0.0, 0.0, 1.0, 0.6, -0.8]),
            noise: square(noise),
            positions: square(1e-6),
            speed: DVector::zeros(3),
        };
        let offsets = DVector::zeros(3);
        assert!(solve_observed(&error(1e-6), &offsets).is_some());
        assert!(solve_observed(&error(f64::NAN), &offsets).is_none());
        assert!(solve_observed(&error(f64::INFINITY), &offsets).is_none());
        assert_eq!(inverse(&square(f64::NAN)), square(1.0 / PRIOR_INFORMATION_PER_M2));
    }
}
