//! Ultrasound moved down to where ears hear it: one sideband only, so that nothing folds in, from one channel or from
//! several that are steered to a place.

use std::path::Path;

use rayon::prelude::*;
use realfft::num_complex::Complex;

use crate::capture::{Captures, Encoding, Overlapping, SoundSpec, SoundWriter};
use crate::channelise::{Band, BandResponse, Beam};
use crate::error::{Error, Result};

/// Where the lower edge of the slice is heard, hertz: ears, and loudspeakers, hear little below.
const HEARD_FROM_HZ: f64 = 500.0;
/// Width of the slice where the recording carries it.
const WIDTH_HZ: f64 = 10e3;
/// Players want this rate at least.
const LEAST_RATE_HZ: u32 = 32_000;
/// What the sound is raised to, root mean square re full scale: loud, with room for its peaks.
const LOUD: f64 = 0.1;
/// Its highest peak.
const HIGHEST: f64 = 0.97;
/// Farthest that a sound is moved, samples: 29 m of air at 192 kHz. Positions in millimetres are the usual cause of more.
const MOST_MOVED: f64 = 16_384.0;
/// Samples of one channel that are worked on at once.
const AT_ONCE: usize = 1 << 20;

/// A slice of the spectrum and how it is heard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slice {
    /// What is moved down.
    pub band: Band,
    /// How far, hertz.
    pub shift_hz: f64,
    /// Samples per second of what is heard.
    pub rate_hz: u32,
    /// Every so many samples of the recording are kept.
    every: usize,
}

impl Slice {
    /// The slice about `centre_hz` of a recording.
    ///
    /// # Errors
    /// [`Error::Request`] where the recording does not carry it.
    pub fn about(centre_hz: f64, sample_rate_hz: u32) -> Result<Self> {
        let nyquist_hz = f64::from(sample_rate_hz) / 2.0;
        let half_hz = (WIDTH_HZ / 2.0).min(0.9 * (nyquist_hz - centre_hz)).min(0.9 * centre_hz);
        if half_hz.is_nan() || half_hz < 100.0 {
            return Err(Error::request(format!(
                "--centre {:.1} kHz, but a capture at {:.1} kHz carries nothing around it; take less than {:.1} kHz",
                centre_hz / 1e3,
                f64::from(sample_rate_hz) / 1e3,
                nyquist_hz / 1e3
            )));
        }
        let band = Band::new(centre_hz - half_hz, centre_hz + half_hz, f64::from(sample_rate_hz))?;
        let every = (1..=sample_rate_hz / LEAST_RATE_HZ).rev().find(|d| sample_rate_hz.is_multiple_of(*d)).unwrap_or(1);
        // Sound that is low already stays where it is.
        let shift_hz = (band.low_hz() - HEARD_FROM_HZ).max(0.0);
        Ok(Self { band, shift_hz, rate_hz: sample_rate_hz / every, every: every as usize })
    }
}

/// How the selected channels add up.
pub struct Steering<'t> {
    /// Weight of a channel at a frequency; its phase undoes the way from the place to the sensor.
    pub weight: &'t (dyn Fn(usize, f64) -> Complex<f64> + Sync),
    /// How far that moves a sound at most, seconds.
    pub most_s: f64,
}

/// How far a sound was raised, and why so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Raised {
    /// The gain, decibels.
    pub gain_db: f64,
    /// What it follows from.
    pub by: Measure,
}

/// What a gain follows from; levels are decibels re full scale, before and after.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measure {
    /// It was asked for.
    Asked,
    /// Nothing is there that could be raised.
    Silence,
    /// The root mean square is brought to a comfortable level.
    Rms([f64; 2]),
    /// The highest peak is kept below full scale.
    Peak([f64; 2]),
}

impl Raised {
    /// To a comfortable level from a root mean square and a highest peak, full scale 1.
    fn to_comfort(rms: f64, peak: f64) -> Self {
        let db = |ratio: f64| 20.0 * ratio.log10();
        if rms <= 0.0 {
            return Self { gain_db: 0.0, by: Measure::Silence };
        }
        let by_rms = LOUD / rms <= HIGHEST / peak;
        let [from, to] = if by_rms { [rms, LOUD] } else { [peak, HIGHEST] };
        let levels_db = [db(from), db(to)];
        Self { gain_db: db(to / from), by: if by_rms { Measure::Rms(levels_db) } else { Measure::Peak(levels_db) } }
    }
}

/// Writes what is heard in the slice of the selected channels as `path`, mono, 16 bits; tells how far it was raised.
///
/// Without `gain_db` the sound is raised to a comfortable level, which takes a second pass.
///
/// # Errors
/// [`Error::Request`] where channels would have to be moved too far; those of reading and writing; no file is left then.
pub fn listen(
    captures: &mut Captures,
    slice: &Slice,
    steering: &Steering<'_>,
    gain_db: Option<f64>,
    path: &Path,
    progress: &dyn Fn(f64),
) -> Result<Raised> {
    let rate_hz = f64::from(captures.sample_rate_hz());
    if steering.most_s * rate_hz > MOST_MOVED {
        return Err(Error::request(format!(
            "sound would have to be moved by {:.3} s to add up; at {rate_hz} Hz at most {:.3} s are; are all places in metres, and \
             is every delay_s in seconds?",
            steering.most_s,
            MOST_MOVED / rate_hz
        )));
    }
    let response = BandResponse::new(&slice.band, rate_hz);
    let more = (steering.most_s * rate_hz).ceil() as usize + 32;
    let beam = Beam::new(&response, captures.selected(), rate_hz, more, steering.weight);
    let frames = captures.frames();
    let spec = SoundSpec {
        encoding: Encoding::Int16,
        valid_bits: 16,
        channels: 1,
        sample_rate_hz: slice.rate_hz,
        frames: frames.div_ceil(slice.every as u64),
        chunks: Vec::new(),
    };
    let raised = match gain_db {
        Some(gain_db) => Raised { gain_db, by: Measure::Asked },
        None => {
            let (mut squares, mut peak) = (0.0, 0.0f64);
            hear(captures, slice, &beam, &|share| progress(0.5 * share), &mut |heard| {
                squares += heard.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
                peak = heard.iter().fold(peak, |peak, x| peak.max(f64::from(x.abs())));
                Ok(())
            })?;
            let rms = (squares / spec.frames.max(1) as f64).sqrt();
            Raised::to_comfort(rms, peak)
        }
    };
    let gain = crate::units::amplitude_from_db(raised.gain_db) as f32;
    let mut writer = SoundWriter::create(path, &spec)?;
    hear(captures, slice, &beam, &|share| progress(0.5 + 0.5 * share), &mut |heard| {
        writer.write(&heard.iter().map(|x| gain * x).collect::<Vec<_>>())
    })?;
    writer.finish()?;
    Ok(raised)
}

/// Gives what is heard, stretch after stretch.
fn hear(
    captures: &mut Captures,
    slice: &Slice,
    beam: &Beam,
    progress: &dyn Fn(f64),
    take: &mut dyn FnMut(&[f32]) -> Result<()>,
) -> Result<()> {
    let overlap = beam.overlap();
    let (step, channels) = (overlap.step(), captures.selected());
    let (rate_hz, frames) = (f64::from(captures.sample_rate_hz()), captures.frames());
    let count = (AT_ONCE / step).max(1);
    let mut stretches = Overlapping::new(captures, count * step, overlap.reach);
    let mut first = 0u64;
    while let Some((block, kept)) = stretches.advance()? {
        let parts: Vec<Vec<Complex<f32>>> = (0..count.min(kept.div_ceil(step)))
            .into_par_iter()
            .map(|part| {
                let rows = part * step..part * step + overlap.fft_samples;
                beam.apply((0..channels).map(|channel| rows.clone().map(|row| block[[row, channel]]).collect()))
            })
            .collect();
        let skipped = first.next_multiple_of(slice.every as u64) - first;
        let heard: Vec<f32> = (skipped as usize..kept)
            .step_by(slice.every)
            .map(|i| {
                // Whole turns are taken off before the sine, which would lose them after hours.
                let turns = (slice.shift_hz * ((first + i as u64) as f64 / rate_hz)).fract();
                let z = parts[i / step][i % step];
                let turn = Complex::from_polar(1.0, -std::f64::consts::TAU * turns);
                (f64::from(z.re) * turn.re - f64::from(z.im) * turn.im) as f32
            })
            .collect();
        take(&heard)?;
        first += kept as u64;
        progress(first as f64 / frames as f64);
    }
    Ok(())
}
