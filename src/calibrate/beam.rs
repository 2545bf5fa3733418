//! The channels of one clock, steered to a source at a known place: the sound as it left there.

use ndarray::Array2;
use realfft::num_complex::Complex;
use rustfft::FftPlanner;

use super::takes::Heard;
use crate::capture::Captures;
use crate::error::Result;
use crate::locate::{Array, selection};

/// Probability that chance alone lines two beams up.
const CHANCE: f64 = 1e-4;

/// How far about the top of the envelope the highest crest is sought, samples to both sides, and steps of a sample.
const ABOUT: i32 = 2;
const STEPS: i32 = 16;

/// Frames of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The first.
    pub first: u64,
    /// How many.
    pub frames: u64,
}

/// One recorder's channels.
pub struct Beams<'t> {
    captures: Captures,
    array: &'t Array<'t>,
    members: Vec<Member>,
}

/// A channel, and what undoes its way.
struct Member {
    range_m: f64,
    delay_s: f64,
    polarity: f64,
}

/// A beam's spectrum in the band.
pub struct Spectrum {
    length: usize,
    first: usize,
    bins: Vec<Complex<f64>>,
}

impl<'t> Beams<'t> {
    /// Opens the recording of one source for the sensors of one clock.
    ///
    /// # Errors
    /// Those of opening.
    pub fn open(array: &'t Array<'t>, heard: &Heard, clock: usize) -> Result<Self> {
        let members = heard.on_clock(array, clock);
        let ranges_m = heard.source.geometry(array, &members).ranges_m;
        let sensors: Vec<usize> = members.iter().map(|&m| array.sensors[m]).collect();
        let mut captures = Captures::open(&heard.files)?;
        captures.select(selection(array.site, &captures, &sensors)?);
        let member = |(&sensor, &range_m): (&usize, &f64)| {
            let sensor = &array.site.sensors[sensor];
            Member { range_m, delay_s: sensor.delay_s, polarity: sensor.polarity }
        };
        let members = sensors.iter().zip(ranges_m.iter()).map(member).collect();
        Ok(Self { captures, array, members })
    }

    /// Frames that there are.
    pub fn frames(&self) -> u64 {
        self.captures.frames()
    }

    /// Mean way to the sensors, metres.
    pub fn mean_range_m(&self) -> f64 {
        self.members.iter().map(|m| m.range_m).sum::<f64>() / self.members.len() as f64
    }

    /// The beam over a stretch, by a transform of `length` samples.
    ///
    /// # Errors
    /// Those of reading.
    pub fn spectrum(&mut self, stretch: Stretch, length: usize) -> Result<Spectrum> {
        let mut block = Array2::zeros((stretch.frames as usize, self.members.len()));
        self.captures.read(stretch.first, &mut block, 0)?;
        let bin_hz = f64::from(self.captures.sample_rate_hz()) / length as f64;
        let [low_hz, high_hz] = self.array.band_hz;
        let [first, last] = [(low_hz / bin_hz).ceil() as usize, ((high_hz / bin_hz) as usize).min(length / 2)];
        let hz = |bin: usize| (first + bin) as f64 * bin_hz;
        let k: Vec<f64> = (0..=last - first).map(|bin| self.array.medium.wavenumber_rad_m(hz(bin))).collect();
        let mut bins = vec![Complex::default(); k.len()];
        let plan = FftPlanner::new().plan_fft_forward(length);
        let mut padded = vec![Complex::default(); length];
        for (column, member) in block.columns().into_iter().zip(&self.members) {
            padded.fill(Complex::default());
            padded.iter_mut().zip(column).for_each(|(x, sample)| x.re = f64::from(*sample) * member.polarity);
            plan.process(&mut padded);
            for (bin, (sum, k)) in bins.iter_mut().zip(&k).enumerate() {
                let delay = std::f64::consts::TAU * hz(bin) * member.delay_s;
                *sum += padded[first + bin] * Complex::cis(k * member.range_m + delay);
            }
        }
        Ok(Spectrum { length, first, bins })
    }
}

impl Spectrum {
    /// The sample about which the beam is loudest; negative where that is before the stretch.
    pub fn top(&self) -> f64 {
        self.signed(loudest(&self.in_time(&self.bins)).0)
    }

    /// How many samples later the sound is in `other`, each counted from the start of its stretch; absent where chance lines two beams up
    /// as well.
    pub fn lag(&self, other: &Self) -> Option<f64> {
        let product: Vec<Complex<f64>> = self.bins.iter().zip(&other.bins).map(|(a, b)| a.conj() * b).collect();
        let (top, over_mean) = loudest(&self.in_time(&product));
        if over_mean < (self.length as f64 / CHANCE).ln() {
            return None;
        }
        // The highest crest near the top of the envelope, between samples.
        let crest = |step: i32| {
            let lag = top as f64 + f64::from(step) / f64::from(STEPS);
            let turn = std::f64::consts::TAU * lag / self.length as f64;
            product.iter().enumerate().map(|(i, x)| (x * Complex::cis(turn * (self.first + i) as f64)).re).sum::<f64>()
        };
        let values: Vec<f64> = (-ABOUT * STEPS - 1..=ABOUT * STEPS + 1).map(crest).collect();
        let inside = 1..values.len() - 1;
        let best = inside.max_by(|a, b| values[*a].total_cmp(&values[*b])).expect("more than one step");
        let [left, middle, right] = [values[best - 1], values[best], values[best + 1]];
        let bend = left - 2.0 * middle + right;
        let shift = if bend < 0.0 { 0.5 * (left - right) / bend } else { 0.0 };
        Some(self.signed(top) + (best as f64 - 1.0 + shift) / f64::from(STEPS) - f64::from(ABOUT))
    }

    fn in_time(&self, bins: &[Complex<f64>]) -> Vec<Complex<f64>> {
        let mut time = vec![Complex::default(); self.length];
        time[self.first..self.first + bins.len()].copy_from_slice(bins);
        FftPlanner::new().plan_fft_inverse(self.length).process(&mut time);
        time
    }

    /// Samples before the start are at the end of a transform.
    fn signed(&self, sample: usize) -> f64 {
        sample as f64 - if sample > self.length / 2 { self.length as f64 } else { 0.0 }
    }
}

/// The loudest sample, and its power over the mean.
fn loudest(time: &[Complex<f64>]) -> (usize, f64) {
    let mean = time.iter().map(|x| x.norm_sqr()).sum::<f64>() / time.len() as f64;
    let top = (0..time.len()).max_by(|a, b| time[*a].norm_sqr().total_cmp(&time[*b].norm_sqr())).unwrap_or(0);
    (top, time[top].norm_sqr() / mean.max(f64::MIN_POSITIVE))
}
