//! How sound gets from a place to a sensor: how far, how fast, how much is lost.

use std::f64::consts::TAU;

use crate::site::{PathKind, Point3, Site, SpeedSigma};

mod air;

pub use air::{Air, OUTDOOR_CO2};

/// What lies between leak and sensors, reduced to what steering needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Medium {
    /// The path's word in the site file.
    pub kind: &'static str,
    /// Speed of sound, metres per second.
    pub speed_m_s: f64,
    /// One standard deviation of the speed, metres per second.
    pub speed_sigma_m_s: f64,
    /// What absorbs on the way.
    pub air: Air,
}

impl Medium {
    /// The medium of a site: its stated speed, else the speed that its climate implies.
    pub fn of(site: &Site) -> Self {
        let PathKind::Air(path) = &site.path;
        let speed_m_s = path.speed_m_s.unwrap_or_else(|| air_of(site).speed_of_sound_m_s(OUTDOOR_CO2));
        let speed_sigma_m_s = match path.speed_sigma {
            SpeedSigma::Absolute(sigma_m_s) => sigma_m_s,
            SpeedSigma::Relative(fraction) => fraction * speed_m_s,
        };
        Self { kind: "air", speed_m_s, speed_sigma_m_s, air: air_of(site) }
    }

    /// Phase turned per metre, radians, at `frequency_hz`.
    pub fn wavenumber_rad_m(&self, frequency_hz: f64) -> f64 {
        TAU * frequency_hz / self.speed_m_s
    }

    /// Loss on the way besides spreading, decibels a metre.
    pub fn absorption_db_m(&self, frequency_hz: f64) -> f64 {
        self.air.absorption_db_m(frequency_hz)
    }

    /// Length of the way from `place` to `sensor`, metres.
    pub fn range_m(&self, sensor: &Point3, place: &Point3) -> f64 {
        (place - sensor).norm()
    }
}

/// The cabin air of a site.
pub fn air_of(site: &Site) -> Air {
    let PathKind::Air(path) = &site.path;
    Air { temperature_c: path.temperature_c, pressure_kpa: path.pressure_kpa, humidity_pct: path.humidity_pct }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::parse_site;

    fn site(path: &str) -> Site {
        let rest = "[[wall]]\nid='w'\nshape='plate'\norigin_m=[0,0,0]\nu_axis=[1,0,0]\nv_axis=[0,1,0]\nsize_m=[1,1]\n\
                    [[sensor]]\nid='M1'\nchannel=1\nposition_m=[0,0,1]\n";
        parse_site(&format!("[path]\nkind='air'\n{path}\n{rest}"), "site.toml").unwrap()
    }

    #[test]
    fn a_stated_speed_wins_over_the_climate() {
        let stated = Medium::of(&site("speed_m_s=340\nspeed_sigma_m_s=0.5\ntemperature_c=50"));
        assert_eq!((stated.speed_m_s, stated.speed_sigma_m_s), (340.0, 0.5));
        let implied = Medium::of(&site("temperature_c=20\npressure_kpa=101.325\nhumidity_pct=50\nspeed_sigma_pct=0.2"));
        assert!((implied.speed_m_s - 343.986887).abs() < 1e-6);
        assert!((implied.speed_sigma_m_s - 0.002 * implied.speed_m_s).abs() < 1e-12);
    }

    #[test]
    fn one_wavelength_turns_the_phase_once() {
        let medium = Medium {
            kind: "air",
            speed_m_s: 340.0,
            speed_sigma_m_s: 0.0,
            air: Air { temperature_c: 20.0, pressure_kpa: 101.325, humidity_pct: 50.0 },
        };
        let wavelength_m = 340.0 / 40e3;
        assert!((medium.wavenumber_rad_m(40e3) * wavelength_m - TAU).abs() < 1e-12);
        assert!((medium.range_m(&Point3::zeros(), &Point3::new(3.0, 4.0, 0.0)) - 5.0).abs() < 1e-15);
    }
}
