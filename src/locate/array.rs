//! The sensors that take part, and how far each is from a place on the wall.

use std::sync::{Arc, OnceLock};

use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;

use super::bounds::Ranges;
use super::cover::Cover;
use crate::error::{Error, Result};
use crate::propagation::{GroupSpeed, Leg, Medium, Way, audible_walls};
use crate::site::{Point3, Site, WallPoint};
use crate::units::counted;

/// The array that listens: used sensors of a site in one medium.
#[derive(Debug, Clone)]
pub struct Array<'a> {
    /// The site.
    pub site: &'a Site,
    /// How sound travels.
    pub medium: Medium,
    /// The analysed band, hertz.
    pub band_hz: [f64; 2],
    /// Indices of the used sensors in the site; all else here counts sensors in this order.
    pub sensors: Vec<usize>,
    /// Indices of the walls on which a leak can be heard.
    pub walls: Vec<usize>,
    ways: Vec<Way>,
    position_sigma_m: Vec<f64>,
    groups: Vec<usize>,
    /// Coarse cells of the walls, made when they are first asked for: they are the same in every medium.
    cover: OnceLock<Arc<Cover>>,
}

/// The refusal where `count` sensors in use fix no place.
pub fn too_few(count: usize) -> Error {
    Error::request(format!(
        "{} in use, and no three share a clock; a place on a wall needs at least three, better six",
        counted(count, "sensor")
    ))
}

impl<'a> Array<'a> {
    /// The array of these sensors of the site, listening in a band.
    ///
    /// # Errors
    /// Those of [`audible_walls`].
    pub fn new(site: &'a Site, medium: Medium, band_hz: [f64; 2], sensors: Vec<usize>) -> Result<Self> {
        let of_site = site.clock_groups();
        Ok(Self {
            walls: audible_walls(site, &sensors)?,
            ways: sensors.par_iter().map(|&i| Way::to(site, i)).collect(),
            position_sigma_m: sensors.iter().map(|&i| site.sensors[i].position_sigma_m).collect(),
            groups: sensors.iter().map(|&i| of_site[i]).collect(),
            site,
            medium,
            band_hz,
            sensors,
            cover: OnceLock::new(),
        })
    }

    /// Some of the sensors, by their numbers in this array.
    pub fn keeping(&self, kept: &[usize]) -> Self {
        Self {
            sensors: kept.iter().map(|&m| self.sensors[m]).collect(),
            ways: kept.iter().map(|&m| self.ways[m].clone()).collect(),
            position_sigma_m: kept.iter().map(|&m| self.position_sigma_m[m]).collect(),
            groups: kept.iter().map(|&m| self.groups[m]).collect(),
            walls: self.walls.clone(),
            medium: self.medium.clone(),
            cover: OnceLock::new(),
            ..*self
        }
    }

    /// The same sensors, grouped by clocks otherwise.
    pub fn on_clocks(&self, groups: &[usize]) -> Self {
        assert_eq!(groups.len(), self.len());
        Self { groups: groups.to_vec(), ..self.clone() }
    }

    /// The same sensors in another medium.
    pub fn in_medium(&self, medium: Medium) -> Self {
        Self { medium, ..self.clone() }
    }

    /// Coarse cells of the walls that the array hears.
    pub fn cover(&self) -> &Cover {
        // Made with many threads, so not inside the lock: a thread that waits there may be given work that asks for it too.
        match self.cover.get() {
            Some(cover) => cover,
            None => {
                let made = Arc::new(Cover::coarse(self));
                self.cover.get_or_init(|| made)
            }
        }
    }

    /// The middle of the band, hertz: phases weigh with the square of frequency.
    pub fn middle_hz(&self) -> f64 {
        let [low, high] = self.band_hz;
        ((low * low + low * high + high * high) / 3.0).sqrt()
    }

    /// Speed of envelopes in the middle of the band: what turns ranges into delays.
    pub fn group_speed(&self) -> GroupSpeed {
        self.medium.group_speed(self.middle_hz())
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

    /// Range from `place` to each sensor, metres, written to `ranges_m`.
    pub fn ranges_into(&self, place: &WallPoint, ranges_m: &mut [f64]) {
        let wall = &self.site.walls[place.wall];
        for (range, way) in ranges_m.iter_mut().zip(&self.ways) {
            *range = way.range_m(wall, place);
        }
    }

    /// Range from the `middle` of each of these cells to each sensor.
    pub fn ranges_of<C: Sync>(&self, cells: &[C], middle: impl Fn(&C) -> WallPoint + Sync) -> Ranges {
        let straight: Option<Vec<Point3>> = self.ways.iter().map(|way| way.straight()).collect();
        match straight {
            Some(sensors_m) => Ranges::straight(cells, &sensors_m, |cell| middle(cell).position_m),
            None => Ranges::of(cells, self.len(), |cell, ranges_m| self.ranges_into(&middle(cell), ranges_m)),
        }
    }

    /// Range from `place` to each sensor, metres.
    pub fn ranges_m(&self, place: &WallPoint) -> DVector<f64> {
        let mut ranges = DVector::zeros(self.len());
        self.ranges_into(place, ranges.as_mut_slice());
        ranges
    }

    /// Derivative of the ranges by arc length along `u` and `v`; `[sensor, 2]`, no unit.
    pub fn range_gradient(&self, place: &WallPoint) -> DMatrix<f64> {
        let wall = &self.site.walls[place.wall];
        let gradients: Vec<[f64; 2]> = self.ways.iter().map(|way| way.shortest(wall, place).gradient).collect();
        DMatrix::from_fn(self.len(), 2, |m, axis| gradients[m][axis])
    }

    /// All ways from `place` to each sensor, shortest first.
    pub fn all_ways(&self, place: &WallPoint) -> Vec<Vec<Leg>> {
        let wall = &self.site.walls[place.wall];
        self.ways.iter().map(|way| way.all(wall, place)).collect()
    }

    /// Straight way from each of these places to each sensor.
    pub fn free_ranges_of(&self, places_m: &[Point3]) -> Ranges {
        let sensors_m: Vec<Point3> = self.sensors.iter().map(|&i| self.site.sensors[i].position_m).collect();
        Ranges::straight(places_m, &sensors_m, |place_m| *place_m)
    }

    /// Straight way from any place to each sensor, metres.
    pub fn free_ranges_m(&self, place: &Point3) -> DVector<f64> {
        let range_m = |&i: &usize| (self.site.sensors[i].position_m - place).norm();
        DVector::from_iterator(self.len(), self.sensors.iter().map(range_m))
    }

    /// Derivative of those by the place's three coordinates; `[sensor, axis]`.
    pub fn free_gradient(&self, place: &Point3) -> DMatrix<f64> {
        DMatrix::from_fn(self.len(), 3, |m, axis| {
            let way = place - self.site.sensors[self.sensors[m]].position_m;
            way[axis] / way.norm().max(f64::MIN_POSITIVE)
        })
    }

    /// So far a place is off the nearest wall, metres, less than nought on the far side of it, and the way from there to where the sensors are.
    pub fn off_wall_m(&self, place: &Point3) -> (f64, Point3) {
        let foot = self.site.nearest(place);
        let [u, v] = self.site.walls[foot.wall].tangents(&foot);
        let normal = u.cross(&v).normalize();
        let towards = |&i: &usize| normal.dot(&(self.site.sensors[i].position_m - foot.position_m));
        let normal = if self.sensors.iter().map(towards).sum::<f64>() < 0.0 { -normal } else { normal };
        let way = place - foot.position_m;
        (way.norm().copysign(normal.dot(&way)), normal)
    }

    /// Two corners of the box about sensors and audible walls, metres; absent where sound does not travel through air.
    pub fn room(&self) -> Option<[Point3; 2]> {
        if self.medium.kind != "air" {
            return None;
        }
        let sensors = self.sensors.iter().map(|&i| self.site.sensors[i].position_m);
        let walls = self.walls.iter().flat_map(|&wall| {
            let extent_m = self.site.walls[wall].area_m2().sqrt() / 8.0;
            let pieces = self.site.walls[wall].pieces(wall, extent_m);
            pieces.into_iter().map(move |piece| piece.centre(&self.site.walls[wall]).position_m)
        });
        let mut places = sensors.chain(walls);
        let first = places.next()?;
        let (low, high) = places.fold((first, first), |(low, high), place| (low.inf(&place), high.sup(&place)));
        Some([low, high])
    }

    /// Variance that stated sensor positions bring to each range, metres².
    pub fn position_variance_m2(&self) -> DVector<f64> {
        DVector::from_iterator(self.len(), self.position_sigma_m.iter().map(|s| s * s))
    }

    /// One standard deviation of the wavenumber in the middle of the band, relative.
    pub fn wavenumber_sigma(&self) -> f64 {
        self.medium.wavenumber_sigma(self.middle_hz())
    }

    /// Error of each range per standard deviation of the wave speed, metres: all ranges scale together.
    pub fn speed_error_m(&self, ranges_m: &DVector<f64>) -> DVector<f64> {
        ranges_m * self.wavenumber_sigma()
    }

    /// Largest range difference that a pair can show, metres: the way between its sensors.
    pub fn largest_difference_m(&self, (m, n): (usize, usize)) -> f64 {
        match (self.ways[m].foot(), self.ways[n].foot()) {
            (Ok(_), Ok(foot)) => self.ways[m].range_m(&self.site.walls[foot.wall], foot),
            (Err(here), Err(there)) => (here - there).norm(),
            // One path for all sensors of a site.
            _ => f64::INFINITY,
        }
    }

    /// Extent of the walls that the array hears, metres: the root of their area.
    pub fn extent_m(&self) -> f64 {
        self.walls.iter().map(|&wall| self.site.walls[wall].area_m2()).sum::<f64>().sqrt()
    }

    /// The longest way between two sensors that share a clock, metres, and which they are.
    pub fn longest_way(&self) -> (f64, (usize, usize)) {
        let pairs = (0..self.len()).flat_map(|m| (m + 1..self.len()).map(move |n| (m, n)));
        let ways = pairs
            .filter(|&(m, n)| self.groups[m] == self.groups[n])
            .map(|pair| (self.largest_difference_m(pair), pair));
        ways.max_by(|x, y| x.0.total_cmp(&y.0)).unwrap_or((0.0, (0, 0)))
    }

    /// Standard deviation of a pair's range difference from what the site leaves uncertain, metres.
    pub fn difference_sigma_m(&self, (m, n): (usize, usize)) -> f64 {
        let places = self.position_sigma_m[m].hypot(self.position_sigma_m[n]);
        places.hypot(self.wavenumber_sigma() * self.largest_difference_m((m, n)))
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
