//! How sound gets from a place to a sensor: how far, how fast, how much is lost.

use crate::error::{Error, Result};
use crate::site::{Mode, PathKind, PlateWave, Site, SpeedSigma};

mod air;
mod dispersion;
mod geodesic;
mod lamb;
mod way;

pub use air::{Air, OUTDOOR_CO2};
pub use dispersion::{Curve, Dispersion, GroupSpeed, PhaseSpeed};
pub use geodesic::SurfaceDistance;
pub use way::{Leg, Way};

/// Frequency times thickness, hertz metres, that guided waves are listened to in: below, waves are too long to tell places
/// apart and machines loud; above, S0 bends steeply and higher modes are near.
const WALL_BAND_HZ_M: [f64; 2] = [150.0, 1200.0];

/// What lies between leak and sensors, reduced to what steering needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Medium {
    /// The path's word in the site file.
    pub kind: &'static str,
    /// The wave, where there is a choice of them.
    pub mode: Option<Mode>,
    /// How wavenumber follows frequency.
    pub dispersion: Dispersion,
    /// One standard deviation of the speed at every frequency alike, relative.
    pub speed_sigma: f64,
    /// One standard deviation of the wall's thickness, relative, where thickness sets the speed.
    pub thickness_sigma: f64,
    loss: Loss,
}

/// What is lost on the way besides spreading.
#[derive(Debug, Clone, PartialEq)]
enum Loss {
    Air(Air),
    /// Decibels a metre at every frequency.
    Wall(f64),
}

impl Medium {
    /// The medium of a site: where the site leaves the wave open, that of A0.
    pub fn of(site: &Site) -> Self {
        let mode = site.path_mode().unwrap_or(Mode::A0);

        match &site.path {
            PathKind::Air(path) => {
                let air = Air {
                    temperature_c: path.temperature_c,
                    pressure_kpa: path.pressure_kpa,
                    humidity_pct: path.humidity_pct,
                };
                let speed_m_s = path.speed_m_s.unwrap_or_else(|| air.speed_of_sound_m_s(OUTDOOR_CO2));
                Self {
                    kind: "air",
                    mode: None,
                    dispersion: Dispersion::None(speed_m_s),
                    speed_sigma: relative(path.speed_sigma, speed_m_s),
                    thickness_sigma: 0.0,
                    loss: Loss::Air(air),
                }
            }
            PathKind::Plate(path) => {
                let (dispersion, thickness_sigma, mode) = match &path.wave {
                    PlateWave::Lamb { solid, thickness_m, thickness_sigma_m } => {
                        let lamb = Dispersion::Lamb { solid: *solid, thickness_m: *thickness_m, mode };
                        (lamb, thickness_sigma_m.unwrap_or(0.0) / thickness_m, Some(mode))
                    }
                    PlateWave::Fixed(speed_m_s) => (Dispersion::None(*speed_m_s), 0.0, path.mode),
                    PlateWave::Measured(rows) => (Dispersion::Measured(Curve::new(rows)), 0.0, path.mode),
                };
                let loss = Loss::Wall(path.absorption_db_m);
                let medium = Self { kind: "plate", mode, dispersion, speed_sigma: 0.0, thickness_sigma, loss };
                // A sigma in metres per second speaks of the speed in the middle of the usual band.
                let [low_hz, high_hz] = medium.usual_band_hz();
                let typical = medium.group_speed((low_hz + high_hz) / 2.0);
                Self { speed_sigma: relative(path.speed_sigma, typical.0), ..medium }
            }
        }
    }

    /// The media that may explain what was heard, the site's first: of a plate with its thickness there are two, even where
    /// the site names the wave, since a wrong name must not go unnoticed.
    pub fn possible(site: &Site) -> Vec<Self> {
        let first = Self::of(site);
        let second = first.other_mode();
        std::iter::once(first).chain(second).collect()
    }

    /// The other guided wave of the same wall.
    pub fn other_mode(&self) -> Option<Self> {
        let Dispersion::Lamb { solid, thickness_m, mode } = self.dispersion else { return None };
        let mode = if mode == Mode::A0 { Mode::S0 } else { Mode::A0 };
        let dispersion = Dispersion::Lamb { solid, thickness_m, mode };
        Some(Self { mode: Some(mode), dispersion, ..self.clone() })
    }

    /// Phase turned per metre, radians, at `frequency_hz`.
    pub fn wavenumber_rad_m(&self, frequency_hz: f64) -> f64 {
        self.dispersion.at(frequency_hz).0
    }

    /// Speed of crests at `frequency_hz`.
    pub fn phase_speed(&self, frequency_hz: f64) -> PhaseSpeed {
        PhaseSpeed(std::f64::consts::TAU * frequency_hz / self.wavenumber_rad_m(frequency_hz))
    }

    /// Speed of envelopes at `frequency_hz`.
    pub fn group_speed(&self, frequency_hz: f64) -> GroupSpeed {
        self.dispersion.at(frequency_hz).1
    }

    /// The slowest envelope in a band, hertz.
    pub fn slowest(&self, band_hz: [f64; 2]) -> GroupSpeed {
        self.group_speeds(band_hz).reduce(|x, y| if y < x { y } else { x }).expect("several frequencies")
    }

    /// The fastest envelope in a band, hertz.
    pub fn fastest(&self, band_hz: [f64; 2]) -> GroupSpeed {
        self.group_speeds(band_hz).reduce(|x, y| if y > x { y } else { x }).expect("several frequencies")
    }

    fn group_speeds(&self, [low_hz, high_hz]: [f64; 2]) -> impl Iterator<Item = GroupSpeed> {
        let steps = 32;
        (0..=steps).map(move |i| self.group_speed(low_hz + (high_hz - low_hz) * f64::from(i) / f64::from(steps)))
    }

    /// One standard deviation of the wavenumber about `frequency_hz` from speed and thickness, relative.
    pub fn wavenumber_sigma(&self, frequency_hz: f64) -> f64 {
        self.speed_sigma.hypot(self.thickness_sigma * self.dispersion.stretch_gain(frequency_hz))
    }

    /// The same medium with another dispersion.
    pub fn stretched(&self, by: f64) -> Self {
        Self { dispersion: self.dispersion.stretched(by), ..self.clone() }
    }

    /// Loss on the way besides spreading, decibels a metre.
    pub fn absorption_db_m(&self, frequency_hz: f64) -> f64 {
        match &self.loss {
            Loss::Air(air) => air.absorption_db_m(frequency_hz),
            Loss::Wall(db_m) => *db_m,
        }
    }

    /// Power that is left of a source at 1 m after `range_m`, as a factor: spherical in air, circular along a wall.
    pub fn spreading(&self, range_m: f64) -> f64 {
        match self.loss {
            Loss::Air(_) => 1.0 / (range_m * range_m),
            Loss::Wall(_) => 1.0 / range_m,
        }
    }

    /// The band, hertz, in which leaks are usually heard through this medium.
    pub fn usual_band_hz(&self) -> [f64; 2] {
        match &self.dispersion {
            // Below machines are louder; above air absorbs 2.7 dB/m and microphones end.
            _ if self.kind == "air" => [20e3, 80e3],
            Dispersion::Lamb { thickness_m, .. } => WALL_BAND_HZ_M.map(|product| product / thickness_m),
            // A wall of 3 mm is as good a guess as any.
            Dispersion::None(_) => WALL_BAND_HZ_M.map(|product| product / 3e-3),
            Dispersion::Measured(curve) => curve.span_hz(),
        }
    }

    /// Why leaks are usually heard in that band.
    pub fn why_usual(&self) -> &'static str {
        match &self.dispersion {
            _ if self.kind == "air" => "below it machines are louder than leaks, above it air absorbs",
            Dispersion::Measured(_) => "below and above it the site's curve ends",
            _ => "below it machines are louder than leaks, above it the wall carries other waves",
        }
    }

    /// The frequencies, hertz, for which the dispersion is known.
    pub fn known_hz(&self) -> [f64; 2] {
        match &self.dispersion {
            Dispersion::Measured(curve) => curve.span_hz(),
            _ => [0.0, f64::INFINITY],
        }
    }
}

fn relative(sigma: SpeedSigma, speed_m_s: f64) -> f64 {
    match sigma {
        SpeedSigma::Absolute(sigma_m_s) => sigma_m_s / speed_m_s,
        SpeedSigma::Relative(fraction) => fraction,
    }
}

/// The walls on which a leak can be heard by `sensors` (indices in the site): all of them through air, along the wall
/// the one that the sensors stand on.
///
/// # Errors
/// [`Error::Request`] where contact sensors stand on several walls.
pub fn audible_walls(site: &Site, sensors: &[usize]) -> Result<Vec<usize>> {
    let mut feet = sensors.iter().filter_map(|&i| Some((&site.sensors[i], site.sensors[i].foot?.wall)));
    let Some((first, wall)) = feet.next() else { return Ok((0..site.walls.len()).collect()) };
    match feet.find(|(_, other)| *other != wall) {
        None => Ok(vec![wall]),
        Some((sensor, other)) => Err(Error::request(format!(
            "sensor '{}' stands on wall '{}', sensor '{}' on '{}'; guided waves are followed along one wall: disable the \
             sensors of the others, or give the walls joined as one mesh",
            first.id, site.walls[wall].id, sensor.id, site.walls[other].id
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::{Point3, parse_site};
    use std::f64::consts::TAU;

    fn site(path: &str) -> Site {
        let rest = "[[wall]]\nid='w'\nshape='plate'\norigin_m=[0,0,0]\nu_axis=[1,0,0]\nv_axis=[0,1,0]\nsize_m=[1,1]\n\
                    [[sensor]]\nid='M1'\nchannel=1\nposition_m=[0,0,0]\n";
        parse_site(&format!("[path]\n{path}\n{rest}"), "site.toml").unwrap()
    }

    #[test]
    fn a_stated_speed_wins_over_the_climate() {
        let stated = Medium::of(&site("kind='air'\nspeed_m_s=340\nspeed_sigma_m_s=0.5\ntemperature_c=50"));
        assert_eq!((stated.group_speed(40e3).0, stated.speed_sigma), (340.0, 0.5 / 340.0));
        let climate = "kind='air'\ntemperature_c=20\npressure_kpa=101.325\nhumidity_pct=50\nspeed_sigma_pct=0.2";
        let implied = Medium::of(&site(climate));
        assert!((implied.group_speed(40e3).0 - 343.986887).abs() < 1e-6);
        assert_eq!(implied.speed_sigma, 0.002);
    }

    #[test]
    fn one_wavelength_turns_the_phase_once() {
        let site = site("kind='air'\nspeed_m_s=340");
        let medium = Medium::of(&site);
        assert!((medium.wavenumber_rad_m(40e3) * 340.0 / 40e3 - TAU).abs() < 1e-12);
        let place = site.walls[0].nearest(0, &Point3::new(0.6, 0.8, 0.0));
        assert!((Way::to(&site, 0).range_m(&site.walls[0], &place) - 1.0).abs() < 1e-15);
    }

    #[test]
    fn a_plate_carries_two_waves_and_the_sites_comes_first() {
        let lamb = "kind='plate'\nthickness_mm=3\nmaterial='AMg6'\nthickness_sigma_mm=0.06";
        let media = Medium::possible(&site(lamb));
        assert_eq!(media.iter().map(|m| m.mode.unwrap().name()).collect::<Vec<_>>(), ["A0", "S0"]);
        // Phase and group speed are those of the table at 0.6 MHz mm.
        assert!((media[0].phase_speed(200e3).0 - 2024.261431).abs() < 1e-5);
        assert!((media[1].group_speed(200e3).0 - 5409.417925).abs() < 1e-5);
        // 2 % of thickness are c_p/c_g − 1 = −0.334 times that of wavenumber.
        assert!((media[0].wavenumber_sigma(200e3) - 0.02 * (1.0 - 2024.261431 / 3041.033084)).abs() < 1e-9);
        let named = Medium::possible(&site(&format!("{lamb}\nmode='S0'")));
        assert_eq!(named.iter().map(|m| m.mode.unwrap().name()).collect::<Vec<_>>(), ["S0", "A0"]);
    }
}
