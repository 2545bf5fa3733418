//! The sensors that take part, and how far each is from a place on the wall.

use nalgebra::{DMatrix, DVector};

use crate::propagation::Medium;
use crate::site::{Point3, Site, WallPoint};

/// The array that listens: used sensors of a site in one medium.
#[derive(Debug, Clone)]
pub struct Array<'a> {
    /// The site.
    pub site: &'a Site,
    /// How sound travels.
    pub medium: Medium,
    /// Indices of the used sensors in the site; all else here counts sensors in this order.
    pub sensors: Vec<usize>,
    positions: Vec<Point3>,
    position_sigma_m: Vec<f64>,
    groups: Vec<usize>,
}

impl<'a> Array<'a> {
    /// The array of these sensors of the site.
    pub fn new(site: &'a Site, medium: Medium, sensors: Vec<usize>) -> Self {
        let of_site = site.clock_groups();
        let positions = sensors.iter().map(|&i| site.sensors[i].position_m).collect();
        let position_sigma_m = sensors.iter().map(|&i| site.sensors[i].position_sigma_m).collect();
        let groups = sensors.iter().map(|&i| of_site[i]).collect();
        Self { site, medium, sensors, positions, position_sigma_m, groups }
    }

    /// Number of sensors.
    pub fn len(&self) -> usize {
        self.sensors.len()
    }

    /// Whether there is no sensor.
    pub fn is_empty(&self) -> bool {
        self.sensors.is_empty()
    }

    /// Clock group of each sensor.
    pub fn groups(&self) -> &[usize] {
        &self.groups
    }

    /// Travel range from `place` to each sensor, metres, written to `ranges_m`.
    pub fn ranges_into(&self, place: &Point3, ranges_m: &mut [f64]) {
        for (range, position) in ranges_m.iter_mut().zip(&self.positions) {
            *range = self.medium.range_m(position, place);
        }
    }

    /// Travel range from `place` to each sensor, metres.
    pub fn ranges_m(&self, place: &Point3) -> DVector<f64> {
        let mut ranges = DVector::zeros(self.len());
        self.ranges_into(place, ranges.as_mut_slice());
        ranges
    }

    /// Derivative of the ranges by arc length along `u` and `v`; `[sensor, 2]`, no unit.
    pub fn range_gradient(&self, point: &WallPoint) -> DMatrix<f64> {
        let tangents = self.site.walls[point.wall].tangents(point.a, point.v_m);
        DMatrix::from_fn(self.len(), 2, |m, axis| {
            let ray = point.position_m - self.positions[m];
            ray.dot(&tangents[axis]) / ray.norm().max(f64::MIN_POSITIVE)
        })
    }

    /// Variance that stated sensor positions bring to each range, metres².
    pub fn position_variance_m2(&self) -> DVector<f64> {
        DVector::from_iterator(self.len(), self.position_sigma_m.iter().map(|s| s * s))
    }

    /// Error of each range per standard deviation of the wave speed, metres: all ranges scale together.
    pub fn speed_error_m(&self, ranges_m: &DVector<f64>) -> DVector<f64> {
        ranges_m * (self.medium.speed_sigma_m_s / self.medium.speed_m_s)
    }

    /// Largest range difference that a pair can show, metres: the distance between its sensors.
    pub fn largest_difference_m(&self, (m, n): (usize, usize)) -> f64 {
        self.medium.range_m(&self.positions[m], &self.positions[n])
    }

    /// Standard deviation of a pair's range difference from what the site leaves uncertain, metres.
    pub fn difference_sigma_m(&self, (m, n): (usize, usize)) -> f64 {
        let places = self.position_sigma_m[m].hypot(self.position_sigma_m[n]);
        let speed = self.medium.speed_sigma_m_s / self.medium.speed_m_s * self.largest_difference_m((m, n));
        places.hypot(speed)
    }

    /// Orthonormal basis of range patterns that a clock cannot hide: `[sensor, sensors − groups]`.
    ///
    /// Only differences inside a clock group are measured; each column (Helmert's) sums to zero over its group.
    pub fn observable_basis(&self) -> DMatrix<f64> {
        let mut columns = Vec::new();
        let mut groups = self.groups.clone();
        groups.sort_unstable();
        groups.dedup();
        for group in groups {
            let members: Vec<usize> = (0..self.len()).filter(|&m| self.groups[m] == group).collect();
            for j in 1..members.len() {
                let scale = 1.0 / ((j * (j + 1)) as f64).sqrt();
                let mut column = DVector::zeros(self.len());
                members[..j].iter().for_each(|&m| column[m] = scale);
                column[members[j]] = -(j as f64) * scale;
                columns.push(column);
            }
        }
        if columns.is_empty() { DMatrix::zeros(self.len(), 0) } else { DMatrix::from_columns(&columns) }
    }
}
