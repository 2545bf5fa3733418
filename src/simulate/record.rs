//! What each sensor records: sources rendered once, then carried to every sensor.

use rayon::prelude::*;

use super::check::check;
use super::deviations::Deviations;
use super::noise::{Purpose, normal, stream};
use super::paths::{Path, paths};
use super::scene::{Fan, Leak, Loudness, Scene, Spectrum};
use super::sources::{Broadband, Clock, Line, Reach};
use super::wall_paths::wall_paths;
use crate::error::{Error, Result};
use crate::propagation::{Dispersion, Medium};
use crate::site::{Point3, WallPoint};
use crate::units::{amplitude_from_db, power_db, power_from_db};

/// What a dead channel still shows of its own noise: an open preamplifier input.
const DEAD_DB: f64 = -40.0;

/// Nearest and farthest that a sensor may be from a source, metres.
const MIN_DISTANCE_M: f64 = 1e-3;
const MAX_DISTANCE_M: f64 = 1e3;

/// Samples of one recorder, full scale 1: one vector a channel, silent where no sensor is connected.
pub type Recording = Vec<Vec<f32>>;

/// A simulated capture and what is true of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Captures {
    /// Samples per second and channel.
    pub sample_rate_hz: u32,
    /// One recording a recorder of the site.
    pub recordings: Vec<Recording>,
    /// The same without leaks, where the scene asks for it.
    pub background: Option<Vec<Recording>>,
    /// What the site file does not say.
    pub truth: Truth,
    /// Ways of sound, of all sources to all sensors.
    pub ways: usize,
}

/// What is true of a simulated capture.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    /// True places of the sensors, metres.
    pub sensor_positions_m: Vec<Point3>,
    /// True speed of sound, metres per second; along a wall that of envelopes in the middle of the scene's band.
    pub speed_m_s: f64,
    /// True thickness of the wall, metres, where its waves follow from it.
    pub thickness_m: Option<f64>,
    /// RMS of each leak at 1 m before absorption, decibels re full scale.
    pub leak_levels_db: Vec<f64>,
    /// Straight sound of the first leak over sensor noise in its band at the median sensor, decibels.
    pub snr_db_median_channel: Option<f64>,
}

/// One sensor as the simulation sees it.
struct Ear {
    position_m: Point3,
    foot: Option<WallPoint>,
    delay_s: f64,
    gain: f64,
    clock: Clock,
    dead: bool,
}

/// Simulates the scene.
///
/// # Errors
/// [`Error::Request`] where a list of the scene's deviations does not fit its site, or a leak lies above half the rate.
pub fn simulate(scene: &Scene) -> Result<Captures> {
    check(scene)?;
    let waves = waves(scene)?;
    let ears = ears(scene);
    let stage = Stage { scene, ears: &ears, waves };
    let ways = stage.count_ways()?;
    let (leak_levels_db, snrs_db): (Vec<f64>, Vec<f64>) = scene.leaks.iter().map(|l| stage.levels(l)).unzip();
    let recordings = stage.take(0, scene.capture.duration_s, &leak_levels_db);
    let background = scene.capture.background_duration_s.map(|duration_s| stage.take(1, duration_s, &[]));
    let [low_hz, high_hz] = scene.band_hz();
    let truth = Truth {
        sensor_positions_m: ears.iter().map(|ear| ear.position_m).collect(),
        speed_m_s: stage.waves[0].group_speed((low_hz + high_hz) / 2.0).0,
        thickness_m: match stage.waves[0].dispersion {
            Dispersion::Lamb { thickness_m, .. } => Some(thickness_m),
            _ => None,
        },
        leak_levels_db,
        snr_db_median_channel: snrs_db.first().copied(),
    };
    Ok(Captures { sample_rate_hz: scene.capture.sample_rate_hz, recordings, background, truth, ways })
}

/// The waves that carry sound in this scene as it truly is: the site's, and the other guided one where a leak drives it.
fn waves(scene: &Scene) -> Result<Vec<Medium>> {
    let stated = Medium::of(&scene.site);
    let Deviations { speed_error_pct, thickness_error_pct, .. } = scene.deviations;
    let lamb = matches!(stated.dispersion, Dispersion::Lamb { .. });
    for (key, value, fits) in
        [("speed_error_pct", speed_error_pct, !lamb), ("thickness_error_pct", thickness_error_pct, lamb)]
    {
        if value != 0.0 && !fits {
            return Err(Error::request(format!(
                "the scene's {key} is {value}; needed: thickness_error_pct where thickness sets the speed, elsewhere \
                 speed_error_pct"
            )));
        }
    }
    let stretch = if lamb { thickness_error_pct / 100.0 } else { 1.0 / (1.0 + speed_error_pct / 100.0) - 1.0 };
    let first = stated.stretched(stretch);
    let mut waves = vec![first];
    if scene.leaks.iter().any(|leak| leak.other_mode_db.is_some()) {
        let needs = || Error::request("a leak's other_mode_db needs a path of kind plate with a thickness");
        waves.push(waves[0].other_mode().ok_or_else(needs)?);
    }
    Ok(waves)
}

fn ears(scene: &Scene) -> Vec<Ear> {
    let truth = &scene.deviations;
    let listed = |values: &[f64], i: usize| values.get(i).copied().unwrap_or(0.0);
    let ear = |(i, sensor): (usize, &crate::site::Sensor)| {
        let mut rng = stream(scene.capture.seed, Purpose::Positions, 0, i);
        let error = Point3::from_fn(|_, _| normal(&mut rng)) * truth.position_error_m;
        // A contact sensor may be displaced along the wall, not off it.
        let foot = sensor.foot.map(|foot| scene.site.moved(&foot, error.x, error.y));
        Ear {
            position_m: foot.map_or(sensor.position_m + error, |foot| foot.position_m),
            foot,
            delay_s: sensor.delay_s + listed(&truth.delay_s, i),
            gain: amplitude_from_db(sensor.gain_db + listed(&truth.gain_db, i))
                * sensor.polarity
                * truth.polarity.get(i).copied().unwrap_or(1.0),
            clock: Clock {
                offset_s: listed(&truth.recorder_offset_s, sensor.recorder),
                ppm: listed(&truth.recorder_ppm, sensor.recorder),
            },
            dead: truth.dead_sensors.contains(&i),
        }
    };
    scene.site.sensors.iter().enumerate().map(ear).collect()
}

/// A scene made ready to be played.
struct Stage<'s> {
    scene: &'s Scene,
    ears: &'s [Ear],
    waves: Vec<Medium>,
}

/// One source with its ways to every sensor.
struct Heard<S> {
    source: S,
    /// `ways[sensor]`: every way of sound to it.
    ways: Vec<Vec<Path>>,
}

impl Stage<'_> {
    /// Counts ways; refuses a source on a sensor, where level has no meaning, and one so far off that the delay fills the memory.
    fn count_ways(&self) -> Result<usize> {
        let leaks = self.scene.leaks.iter().map(|leak| ("leak", leak.place.position_m, leak.other_mode_db));
        let mut count = 0;
        for (what, place, other_mode_db) in leaks.chain(self.scene.fans.iter().map(|fan| ("fan", fan.position_m, None)))
        {
            for (paths, sensor) in self.ways(&place, other_mode_db).iter().zip(&self.scene.site.sensors) {
                count += paths.len();
                let distance_m = paths[0].length_m;
                if !(MIN_DISTANCE_M..=MAX_DISTANCE_M).contains(&distance_m) {
                    return Err(Error::request(format!(
                        "a {what} is {distance_m:.4} m from sensor '{}'; needed: between 1 mm and 1 km",
                        sensor.id
                    )));
                }
            }
        }
        Ok(count)
    }

    /// Level at 1 m and signal-to-noise ratio at the median sensor of a leak, both in decibels.
    fn levels(&self, leak: &Leak) -> (f64, f64) {
        let (scene, wave) = (self.scene, &self.waves[0]);
        // The density is smooth, so 256 steps integrate it far below the spread of any measured level.
        let steps = 256;
        let weights: Vec<(f64, f64)> = (0..steps)
            .map(|i| {
                let [low, high] = leak.band_hz;
                let hz = low + (high - low) * (f64::from(i) + 0.5) / f64::from(steps);
                (super::noise::density(leak.spectrum, hz, leak.band_hz), wave.absorption_db_m(hz))
            })
            .collect();
        let total: f64 = weights.iter().map(|w| w.0).sum();
        let mut received_db: Vec<f64> = self
            .ways(&leak.place.position_m, None)
            .iter()
            .map(|paths| {
                let Path { length_m, amplitude, .. } = paths[0];
                let kept: f64 = weights.iter().map(|(w, loss)| w * power_from_db(-loss * length_m)).sum();
                power_db(kept / total * amplitude * amplitude)
            })
            .collect();
        received_db.sort_by(f64::total_cmp);
        let count = received_db.len();
        let median_db = (received_db[(count - 1) / 2] + received_db[count / 2]) / 2.0;
        let width = |[low, high]: [f64; 2]| high - low;
        let noise_db = scene.capture.noise_db + power_db(width(leak.band_hz) / width(scene.band_hz()));
        match leak.loudness {
            Loudness::Level(level_db) => (level_db, level_db + median_db - noise_db),
            Loudness::Snr(snr_db) => (snr_db + noise_db - median_db, snr_db),
        }
    }

    fn take(&self, take: u64, duration_s: f64, leak_levels_db: &[f64]) -> Vec<Recording> {
        let capture = &self.scene.capture;
        let rate_hz = f64::from(capture.sample_rate_hz);
        let frames = (duration_s * rate_hz).round() as usize;
        let leaks = self.scene.leaks.iter().zip(leak_levels_db).enumerate().map(|(i, (leak, level_db))| {
            let ways = self.ways(&leak.place.position_m, leak.other_mode_db);
            self.broadband(frames, (Purpose::Leak, take, i), ways, *level_db, (leak.spectrum, leak.band_hz), leak.tap_s)
        });
        let hisses = self.scene.fans.iter().enumerate().filter_map(|(i, fan)| {
            let shape = (Spectrum::White, self.scene.band_hz());
            let ways = self.ways(&fan.position_m, None);
            Some(self.broadband(frames, (Purpose::Hiss, take, i), ways, fan.hiss_db?, shape, None))
        });
        let broadband: Vec<_> = leaks.chain(hisses).collect();
        let fans = self.scene.fans.iter().enumerate();
        let lines: Vec<_> = fans.map(|(i, fan)| self.lines(frames, take, i, fan)).collect();
        let channels: Vec<Vec<f32>> = (0..self.ears.len())
            .into_par_iter()
            .map(|sensor| self.channel(take, frames, sensor, &broadband, &lines))
            .collect();
        self.connected(channels, frames)
    }

    /// Puts each sensor's samples on its recorder's channel.
    fn connected(&self, channels: Vec<Vec<f32>>, frames: usize) -> Vec<Recording> {
        let sensors = &self.scene.site.sensors;
        let mut recordings: Vec<Recording> = (0..self.scene.site.recorders.len())
            .map(|r| sensors.iter().filter(|s| s.recorder == r).map(|s| s.channel).max().unwrap_or(0))
            .map(|count| vec![Vec::new(); count])
            .collect();
        for (sensor, samples) in sensors.iter().zip(channels) {
            recordings[sensor.recorder][sensor.channel - 1] = samples;
        }
        for channel in recordings.iter_mut().flatten() {
            channel.resize(frames, 0.0);
        }
        recordings
    }

    /// Every way from a place to every sensor; with the other guided wave so much louder than the first.
    fn ways(&self, place: &Point3, other_mode_db: Option<f64>) -> Vec<Vec<Path>> {
        let reflection = self.scene.reflection.as_ref();
        let of_ear = |ear: &Ear| {
            let Some(foot) = ear.foot else { return paths(place, &ear.position_m, reflection) };
            let wall = &self.scene.site.walls[foot.wall];
            let mut found = wall_paths(wall, &wall.nearest(foot.wall, place), &foot, reflection);
            if let Some(louder_db) = other_mode_db {
                let louder = amplitude_from_db(louder_db);
                let other: Vec<_> =
                    found.iter().map(|path| Path { amplitude: path.amplitude * louder, wave: 1, ..*path }).collect();
                found.extend(other);
            }
            found
        };
        self.ears.par_iter().map(of_ear).collect()
    }

    /// What a sensor's channel shows late besides the way of sound, seconds.
    fn delay_s(&self, sensor: usize) -> f64 {
        self.ears[sensor].delay_s - self.ears[sensor].clock.offset_s
    }

    fn reach(&self, frames: usize, ways: &[Vec<Path>], band_hz: [f64; 2]) -> Reach {
        let slowest: Vec<_> = self.waves.iter().map(|wave| wave.slowest(band_hz)).collect();
        let lag_s = |sensor: usize, path: &Path| slowest[path.wave].time_s(path.length_m) + self.delay_s(sensor);
        let lags_s = ways.iter().enumerate().flat_map(|(i, ways)| ways.iter().map(move |path| (i, path)));
        let ppm = self.ears.iter().map(|ear| ear.clock.ppm);
        Reach::new(f64::from(self.scene.capture.sample_rate_hz), frames, lags_s.map(|(i, path)| lag_s(i, path)), ppm)
    }

    fn broadband(
        &self,
        frames: usize,
        (purpose, take, index): (Purpose, u64, usize),
        ways: Vec<Vec<Path>>,
        level_db: f64,
        (spectrum, band_hz): (Spectrum, [f64; 2]),
        tap_s: Option<f64>,
    ) -> Heard<Broadband> {
        let mut rng = stream(self.scene.capture.seed, purpose, take, index);
        let reach = self.reach(frames, &ways, band_hz);
        let source =
            Broadband::new(&mut rng, reach, amplitude_from_db(level_db), (spectrum, band_hz), &self.waves, tap_s);
        Heard { source, ways }
    }

    fn lines(&self, frames: usize, take: u64, index: usize, fan: &Fan) -> Heard<Vec<Line>> {
        let ways = self.ways(&fan.position_m, None);
        let [low_hz, high_hz] = fan.tones_hz.iter().fold([f64::MAX, 0.0], |[low, high], f| [f.min(low), f.max(high)]);
        let reach = self.reach(frames, &ways, [low_hz.min(high_hz), high_hz]);
        let mut rng = stream(self.scene.capture.seed, Purpose::Tones, take, index);
        let amplitude = amplitude_from_db(fan.tone_db);
        let source = fan
            .tones_hz
            .iter()
            .map(|&hz| Line::new(&mut rng, reach, hz, amplitude, fan.jitter_hz, &self.waves))
            .collect();
        Heard { source, ways }
    }

    fn channel(
        &self,
        take: u64,
        frames: usize,
        sensor: usize,
        broadband: &[Heard<Broadband>],
        lines: &[Heard<Vec<Line>>],
    ) -> Vec<f32> {
        let ear = &self.ears[sensor];
        let capture = &self.scene.capture;
        let [low_hz, high_hz] = self.scene.band_hz();
        // White noise: its power in the band is to that of the whole as the widths are.
        let whole = (f64::from(capture.sample_rate_hz) / 2.0 / (high_hz - low_hz)).sqrt();
        let dead = if ear.dead { amplitude_from_db(DEAD_DB) } else { 1.0 };
        let noise_rms = amplitude_from_db(capture.noise_db) * whole * dead;
        let mut rng = stream(capture.seed, Purpose::Sensor, take, sensor);
        let mut samples: Vec<f64> = (0..frames).map(|_| noise_rms * normal(&mut rng)).collect();
        if !ear.dead {
            let delay_s = self.delay_s(sensor);
            for heard in broadband {
                heard.source.add_to(&mut samples, &heard.ways[sensor], delay_s, ear.clock);
            }
            for heard in lines {
                let ways = &heard.ways[sensor];
                heard.source.iter().for_each(|line| line.add_to(&mut samples, ways, delay_s, ear.clock));
            }
        }
        let limit = self.scene.deviations.clip_sigma.map_or(f64::INFINITY, |sigmas| {
            let power = samples.iter().map(|x| x * x).sum::<f64>() / frames.max(1) as f64;
            sigmas * power.sqrt() * ear.gain.abs()
        });
        samples.iter().map(|x| (x * ear.gain).clamp(-limit, limit) as f32).collect()
    }
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
