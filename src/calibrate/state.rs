//! The site as it is believed to be so far, and what becomes of it in the end.

use nalgebra::DVector;

use super::model::{Model, Solution};
use super::{Asked, CERTAIN, Calibrated, Calibration, Change, Fit, Geometry};
use crate::cross_spectra::ChannelCorrection;
use crate::locate::Array;
use crate::propagation::{Dispersion, Medium};
use crate::site::{PathKind, PlateWave, Point3, Site, SpeedSigma, WallPoint};

/// Places of the walls over which what is left of a range is averaged.
const PLACES: f64 = 100.0;

/// The least that a site may claim to know of a place, metres.
const LEAST_SIGMA_M: f64 = 1e-5;

/// Unknowns, and what they mean for a site.
#[derive(Debug)]
pub struct State<'a> {
    /// The unknowns, in the order of the [`Model`].
    pub x: DVector<f64>,
    model: &'a Model,
    stated: &'a Site,
    stated_medium: &'a Medium,
    sensors: Vec<usize>,
    signs: Vec<f64>,
    band_hz: [f64; 2],
}

/// What [`State::told`] needs besides the unknowns.
pub struct Told<'t, 'a> {
    pub asked: Asked,
    pub solution: &'t Solution,
    pub stated: &'t Array<'a>,
    pub certainty: &'t [f64],
    pub gains: &'t [(f64, f64)],
    pub scatter: [f64; 2],
    pub fits: Vec<Fit>,
    pub warnings: Vec<String>,
}

impl<'a> State<'a> {
    pub fn new(model: &'a Model, stated: &'a Array<'_>, medium: &'a Medium) -> Self {
        Self {
            x: DVector::zeros(model.prior.len()),
            model,
            stated: stated.site,
            stated_medium: medium,
            sensors: stated.sensors.clone(),
            signs: vec![1.0; model.sensors],
            band_hz: stated.band_hz,
        }
    }

    /// Numbers in the site of the sensors.
    pub fn sensors(&self) -> &[usize] {
        &self.sensors
    }

    pub fn band_hz(&self) -> [f64; 2] {
        self.band_hz
    }

    /// Turns the sensors round that takes agree are wired the other way.
    pub fn wire(&mut self, certainty: &[f64]) {
        for (sign, certainty) in self.signs.iter_mut().zip(certainty) {
            if *certainty < -CERTAIN {
                *sign = -*sign;
            }
        }
    }

    /// What to undo of a sensor (its number in the model) beyond the site's own word.
    pub fn correction(&self, m: usize) -> ChannelCorrection {
        ChannelCorrection { gain: self.signs[m], delay_s: self.x[m] / self.model.slopes.metres_per_second }
    }

    /// The site with its sensors moved.
    pub fn site(&self) -> Site {
        let mut site = self.stated.clone();
        for (m, &index) in self.sensors.iter().enumerate() {
            let (position_m, foot) = self.place(m);
            (site.sensors[index].position_m, site.sensors[index].foot) = (position_m, foot);
        }
        site
    }

    /// The medium with its wavenumbers changed.
    pub fn medium(&self) -> Medium {
        self.stated_medium.stretched(self.stretch(self.x[self.model.wavenumber()]))
    }

    /// What [`Medium::stretched`] needs to change the wavenumber in the middle of the band by `relative`.
    fn stretch(&self, relative: f64) -> f64 {
        relative / self.stated_medium.dispersion.stretch_gain(self.middle_hz())
    }

    fn middle_hz(&self) -> f64 {
        let [low, high] = self.band_hz;
        ((low * low + low * high + high * high) / 3.0).sqrt()
    }

    fn place(&self, m: usize) -> (Point3, Option<WallPoint>) {
        let sensor = &self.stated.sensors[self.sensors[m]];
        let moved: Vec<f64> = self.model.place_of(m).map(|i| self.x[i]).collect();
        match (&sensor.foot, &moved[..]) {
            (Some(foot), &[du_m, dv_m]) => {
                let there = self.stated.moved(foot, du_m, dv_m);
                (sensor.position_m + there.position_m - foot.position_m, Some(there))
            }
            (_, &[dx, dy, dz]) => (sensor.position_m + Point3::new(dx, dy, dz), None),
            _ => (sensor.position_m, sensor.foot),
        }
    }

    /// All that was found out.
    pub fn told(self, with: Told<'_, '_>) -> Calibration {
        let Told { asked, solution, stated, certainty, gains, scatter, fits, warnings } = with;
        let left = self.range_sigma_m(solution, stated);
        let delays = self.model.centring() * solution.x.rows(0, self.model.sensors);
        let delay_sigma_m = self.model.delay_sigma_m(solution);
        let mut site = self.stated.clone();
        let mut sensors = Vec::new();
        for (m, &index) in self.sensors.iter().enumerate() {
            let before = &self.stated.sensors[index];
            let after = &mut site.sensors[index];
            let delay_s = asked.delay.then(|| Change {
                before: before.delay_s,
                after: before.delay_s + delays[m] / self.model.slopes.metres_per_second,
                sigma: delay_sigma_m[m] / self.model.slopes.metres_per_second,
            });
            let gain_db = asked.gain.then(|| Change {
                before: before.gain_db,
                after: before.gain_db + gains[m].0,
                sigma: gains[m].1,
            });
            let polarity = asked.polarity.then(|| Change {
                before: before.polarity,
                after: before.polarity * self.signs[m],
                sigma: 1.0 - certainty[m].abs().min(1.0),
            });
            let (place_m, foot) = self.place(m);
            let position_m = asked.position.then(|| Change {
                before: before.position_m,
                after: place_m,
                sigma: self.model.place_sigma_m(solution, m),
            });
            after.delay_s = delay_s.map_or(before.delay_s, |c| c.after);
            after.gain_db = gain_db.map_or(before.gain_db, |c| c.after);
            after.polarity = polarity.map_or(before.polarity, |c| c.after);
            if asked.position {
                (after.position_m, after.foot) = (place_m, foot);
                after.position_sigma_m = left[m].max(LEAST_SIGMA_M);
            }
            sensors.push(Calibrated { sensor: index, delay_s, gain_db, polarity, position_m, range_sigma_m: left[m] });
        }
        let last = self.model.wavenumber();
        let sigma = solution.covariance[(last, last)].sqrt();
        let wavenumber = asked.speed.then(|| Change { before: 0.0, after: solution.x[last], sigma });
        let middle_hz = self.middle_hz();
        let medium = if asked.speed { self.medium() } else { self.stated_medium.clone() };
        let sigma_of_speed = if asked.speed { sigma } else { self.stated_medium.wavenumber_sigma(middle_hz) };
        let speed = [self.stated_medium.group_speed(middle_hz).0, medium.group_speed(middle_hz).0];
        let speed_m_s = Change { before: speed[0], after: speed[1], sigma: speed[1] * sigma_of_speed };
        let thickness = |medium: &Medium| match medium.dispersion {
            Dispersion::Lamb { thickness_m, .. } => Some(thickness_m),
            _ => None,
        };
        let gain = self.stated_medium.dispersion.stretch_gain(middle_hz).abs();
        let thickness_m = thickness(self.stated_medium).zip(thickness(&medium)).map(|(before, after)| Change {
            before,
            after,
            sigma: after * sigma_of_speed / gain,
        });
        if asked.speed {
            restate(&mut site.path, speed_m_s, thickness_m);
        }
        Calibration {
            asked,
            sensors,
            wavenumber,
            speed_m_s,
            thickness_m,
            scatter,
            fits,
            clocks: Vec::new(),
            site,
            band_hz: self.band_hz,
            metres_per_second: self.model.slopes.metres_per_second,
            warnings,
            notes: Vec::new(),
        }
    }

    /// What is left of each sensor's range, metres: over the walls, the mean over its clock group apart.
    fn range_sigma_m(&self, solution: &Solution, stated: &Array<'_>) -> Vec<f64> {
        let walls = || stated.walls.iter().map(|&index| (index, &stated.site.walls[index]));
        let size_m = (walls().map(|(_, wall)| wall.area_m2()).sum::<f64>() / PLACES).sqrt();
        let places =
            walls().flat_map(|(index, wall)| wall.pieces(index, size_m).into_iter().map(|piece| piece.centre(wall)));
        let centre = self.model.centring();
        let everyone: Vec<usize> = (0..self.model.sensors).collect();
        let mut sums = DVector::zeros(self.model.sensors);
        let mut count = 0.0;
        for place in places {
            let mut jacobian = self.model.jacobian(&Geometry::of_place(stated, &place), &everyone, self.model.slopes);
            jacobian.column_mut(self.model.wavenumber()).fill(0.0);
            let seen = &centre * jacobian;
            sums += (&seen * &solution.covariance * seen.transpose()).diagonal();
            count += 1.0;
        }
        sums.iter().map(|v| (v.max(0.0) / f64::max(count, 1.0)).sqrt()).collect()
    }
}

/// The site's word on the speed of sound or on the wall's thickness; a measured curve keeps its own.
///
/// How sure that is is said as the site said it before: in metres per second, or relative.
fn restate(path: &mut PathKind, speed_m_s: Change<f64>, thickness_m: Option<Change<f64>>) {
    let alike = |before: SpeedSigma| match before {
        SpeedSigma::Absolute(_) => SpeedSigma::Absolute(speed_m_s.sigma),
        SpeedSigma::Relative(_) => SpeedSigma::Relative(speed_m_s.sigma / speed_m_s.after),
    };
    match path {
        PathKind::Air(air) => {
            air.speed_m_s = Some(speed_m_s.after);
            air.speed_sigma = alike(air.speed_sigma);
        }
        PathKind::Plate(plate) => match (&mut plate.wave, thickness_m) {
            (PlateWave::Lamb { thickness_m, thickness_sigma_m, .. }, Some(change)) => {
                *thickness_m = change.after;
                *thickness_sigma_m = Some(change.sigma);
                plate.speed_sigma = SpeedSigma::Relative(0.0);
            }
            (PlateWave::Fixed(speed), _) => {
                *speed = speed_m_s.after;
                plate.speed_sigma = alike(plate.speed_sigma);
            }
            _ => {}
        },
    }
}
