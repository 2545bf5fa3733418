//! What each channel must be turned by so that all of them say what one place says.

use realfft::num_complex::Complex;

use crate::error::{Error, Result};
use crate::propagation::{Medium, Way};
use crate::site::{Point3, Site};
use crate::units::amplitude_from_db;

/// Sensors of one clock, steered to a place.
#[derive(Debug, Clone)]
pub struct Steered {
    /// Indices into the site's sensors.
    pub sensors: Vec<usize>,
    medium: Medium,
    /// Range of each sensor, metres, less their mean.
    excess_m: Vec<f64>,
    /// What the site says each channel is too loud, signed, and too late, seconds.
    corrections: Vec<(f64, f64)>,
}

impl Steered {
    /// The sensors of the first clock that are not disabled, steered to `place`; sound along a wall comes from the point
    /// of the wall nearest to it.
    ///
    /// # Errors
    /// [`Error::Request`] where no sensor is left.
    pub fn to(site: &Site, place: &Point3) -> Result<Self> {
        let clocks = site.clock_groups();
        let sensors: Vec<usize> =
            (0..site.sensors.len()).filter(|&i| !site.sensors[i].disabled && clocks[i] == clocks[0]).collect();
        if sensors.is_empty() {
            return Err(Error::request(
                "every sensor of the site's first recorder is disabled; nothing can be steered",
            ));
        }
        let foot = site.nearest(place);
        let range_m = |&i: &usize| match Way::to(site, i) {
            Way::Straight(from) => (place - from).norm(),
            way => way.range_m(&site.walls[foot.wall], &foot),
        };
        let ranges_m: Vec<f64> = sensors.iter().map(range_m).collect();
        let mean_m = ranges_m.iter().sum::<f64>() / ranges_m.len() as f64;
        if !mean_m.is_finite() {
            return Err(Error::request(
                "no sound travels along the wall from that place to every sensor; name another",
            ));
        }
        let correction = |&i: &usize| {
            let sensor = &site.sensors[i];
            (sensor.polarity * amplitude_from_db(sensor.gain_db), sensor.delay_s)
        };
        Ok(Self {
            excess_m: ranges_m.iter().map(|range_m| range_m - mean_m).collect(),
            corrections: sensors.iter().map(correction).collect(),
            medium: Medium::of(site),
            sensors,
        })
    }

    /// Weight of a channel: what undoes its way, its delay, its gain; all weights have one over the number of channels.
    pub fn weight(&self, channel: usize, frequency_hz: f64) -> Complex<f64> {
        let (gain, delay_s) = self.corrections[channel];
        let way_rad = self.medium.wavenumber_rad_m(frequency_hz) * self.excess_m[channel];
        let phase_rad = way_rad + std::f64::consts::TAU * frequency_hz * delay_s;
        Complex::from_polar(1.0 / (gain.abs() * self.sensors.len() as f64), phase_rad) * gain.signum()
    }

    /// How far a sound of this band is moved at most, seconds.
    pub fn most_s(&self, band_hz: [f64; 2]) -> f64 {
        let slowest = self.medium.slowest(band_hz);
        let moved = |(excess_m, (_, delay_s)): (&f64, &(f64, f64))| slowest.time_s(excess_m.abs()) + delay_s.abs();
        self.excess_m.iter().zip(&self.corrections).map(moved).fold(0.0, f64::max)
    }
}
