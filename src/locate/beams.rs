//! Beams: the channels of one recorder, steered to a leak, and where in another recorder the same sound lies.

use std::sync::Arc;

use nalgebra::{DVector, Vector2};
use ndarray::Array2;
use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};
use rustfft::FftPlanner;

use super::array::Array;
use super::clocks::Clock;
use super::listening::Listened;
use super::prepare::selection;
use super::refine::Refined;
use super::together::Told;
use crate::capture::Captures;
use crate::cross_spectra::{BinFate, Span};
use crate::error::Result;
use crate::propagation::Medium;

/// Waves that a block spans: a clock 100 ppm off drifts by a fifth of a wave within it.
const BLOCK_WAVES: f64 = 2000.0;

/// Samples in which two recorders are first looked for in each other.
const STRETCH_SAMPLES: u64 = 1 << 20;

/// Blocks whose correlations are added until the recorders are found in each other.
const FIRST_BLOCKS: usize = 8;

/// Blocks along the capture.
const BLOCKS: usize = 64;

/// Probability that chance alone lines two beams up.
const CHANCE: f64 = 1e-4;

/// Points a sample of the fine correlation: a crest then spans twenty of them and more.
const FINE: usize = 8;

/// The channels of one clock, steered to the leak.
pub struct Beam<'t> {
    /// The recorder, as a number in the site.
    pub recorder: usize,
    /// The stand at which it was.
    pub stand: usize,
    /// Sensors of the array.
    pub channels: Vec<usize>,
    /// File and channel of each.
    selection: Vec<(usize, usize)>,
    members: Vec<Member>,
    medium: &'t Medium,
    /// Variance of the time at which its sound left the wall, seconds², positions of its sensors alone.
    pub variance_s2: f64,
    /// Mean of its ranges, metres.
    pub mean_range_m: f64,
    /// Mean derivative of its ranges by the place along `u` and `v`.
    pub gradient: Vector2<f64>,
}

struct Member {
    range_m: f64,
    delay_s: f64,
    /// Amplitude that makes its spectrum that of the leak, one a bin of the matrix; zero in bins that are not used.
    weight: Vec<f32>,
}

/// A beam's spectrum in the band.
struct Spectrum {
    /// Number of its first bin in the transform.
    first: usize,
    bins: Vec<Complex<f32>>,
}

/// What correlates beams.
pub struct Correlator<'t> {
    captures: &'t mut Captures,
    span: Span,
    band_hz: [f64; 2],
    first_bin: usize,
    spacing_hz: f64,
    rate_hz: f64,
    block: usize,
    forward: RealFftPlanner<f32>,
    backward: FftPlanner<f32>,
}

impl<'t> Beam<'t> {
    /// The beam of one group's channels at the leak, whose ranges as the geometry has them are `ranges_m`.
    ///
    /// # Errors
    /// Those of [`selection`].
    pub fn of(
        (heard, captures): (&Listened<'_>, &Captures),
        array: &'t Array<'_>,
        (leak, ranges_m): (&Refined, &DVector<f64>),
        group: usize,
    ) -> Result<Self> {
        let members: Vec<usize> = (0..array.len()).filter(|&m| array.groups()[m] == group).collect();
        let count = members.len() as f64;
        let sensors: Vec<usize> = members.iter().map(|&m| array.sensors[m]).collect();
        let fates = heard.fates.iter();
        let used: Vec<usize> = fates.enumerate().filter(|(_, f)| **f == BinFate::Used).map(|(bin, _)| bin).collect();
        let weight = |m: usize| {
            let mut weight = vec![0.0; heard.mean.auto.ncols()];
            for (&bin, share) in used.iter().zip(&leak.leak_share[m]) {
                weight[bin] = (share / heard.mean.auto[[m, bin]].max(f64::MIN_POSITIVE)).sqrt() as f32;
            }
            weight
        };
        let member = |&m: &usize| Member {
            range_m: ranges_m[m],
            delay_s: heard.preparation.corrections[heard.channels.kept[m]].delay_s,
            weight: weight(m),
        };
        let gradients = array.range_gradient(&leak.point);
        let gradient =
            members.iter().map(|&m| Vector2::new(gradients[(m, 0)], gradients[(m, 1)])).sum::<Vector2<f64>>();
        let position_m2 = array.position_variance_m2();
        let variance_m2 = members.iter().map(|&m| position_m2[m]).sum::<f64>() / (count * count);
        Ok(Self {
            recorder: array.site.sensors[sensors[0]].recorder,
            stand: array.site.recorders[array.site.sensors[sensors[0]].recorder].stand,
            selection: selection(array.site, captures, &sensors)?,
            channels: members.clone(),
            members: members.iter().map(member).collect(),
            medium: &array.medium,
            variance_s2: variance_m2 / array.group_speed().0.powi(2),
            mean_range_m: members.iter().map(|&m| ranges_m[m]).sum::<f64>() / count,
            gradient: gradient / count,
        })
    }

    /// The recorder as the joint solve knows it: how it lies to the first, and what is told of its clock.
    pub fn told(&self, behind: [f64; 2], clock: Option<Clock>) -> Told {
        let (members, selection) = (self.channels.clone(), self.selection.clone());
        Told { stand: self.stand, members, selection, behind, clock }
    }
}

impl<'t> Correlator<'t> {
    /// For the stretch that was heard.
    pub fn new(heard: &Listened<'_>, array: &Array<'_>, captures: &'t mut Captures) -> Self {
        let layout = &heard.preparation.layout;
        let wave_samples = layout.sample_rate_hz / array.middle_hz();
        let span = heard.preparation.span;
        let block = (BLOCK_WAVES * wave_samples).min(span.frames as f64 / 4.0) as usize;
        Self {
            span,
            band_hz: array.band_hz,
            first_bin: layout.first_bin,
            spacing_hz: layout.spacing_hz(),
            rate_hz: layout.sample_rate_hz,
            block: block.max(64).next_power_of_two() / 2,
            captures,
            forward: RealFftPlanner::new(),
            backward: FftPlanner::new(),
        }
    }

    /// Time at which a sound is in `other` less that in `reference`, seconds, at times of `reference`: one a block that
    /// lines up. Empty where the two are not found in each other.
    ///
    /// # Errors
    /// Those of reading.
    pub fn delays(&mut self, reference: &Beam<'_>, other: &Beam<'_>) -> Result<Vec<Vector2<f64>>> {
        let Some((about, mut delay)) = self.found(reference, other)? else { return Ok(Vec::new()) };
        let Span { first_frame, frames } = self.span;
        let last = first_frame as f64 + frames as f64 - self.block as f64;
        let mut starts: Vec<f64> = (0..BLOCKS)
            .map(|i| first_frame as f64 + (last - first_frame as f64) * i as f64 / (BLOCKS - 1) as f64)
            .collect();
        starts.dedup_by(|x, y| (*x - *y).abs() < self.block as f64 / 2.0);
        // From where the recorders were found outwards, forwards first; a block is sought where its neighbours are.
        let (after, before): (Vec<f64>, Vec<f64>) = starts.into_iter().partition(|start| *start >= about);
        let mut points = Vec::new();
        let from = delay;
        for way in [after, before.into_iter().rev().collect()] {
            delay = from;
            for start in way {
                if let Some(next) = self.delay_at(reference, other, start as u64, delay)? {
                    delay = next;
                    points.push(Vector2::new((start + self.block as f64 / 2.0) / self.rate_hz, delay / self.rate_hz));
                }
            }
        }
        Ok(points)
    }

    /// First sample of a block of `reference`, and how many samples later it is in `other`.
    fn found(&mut self, reference: &Beam<'_>, other: &Beam<'_>) -> Result<Option<(f64, f64)>> {
        let Span { first_frame, frames } = self.span;
        let stretch = frames.min(STRETCH_SAMPLES);
        let there = first_frame + (frames - stretch) / 2;
        let length = (2 * stretch as usize).next_power_of_two();
        let other = self.spectrum(other, there, stretch as usize, length)?;
        let lags = stretch as usize - self.block + 1;
        let mut power = vec![[0.0f64; 2]; length];
        for i in 0..FIRST_BLOCKS {
            // To both sides of the middle in turn.
            let away = (i as i64 + 1) / 2 * if i % 2 == 0 { 1 } else { -1 } * self.block as i64;
            let here = (first_frame + (frames - self.block as u64) / 2) as i64 + away;
            if here < first_frame as i64 || here + self.block as i64 > (first_frame + frames) as i64 {
                continue;
            }
            let block = self.spectrum(reference, here as u64, self.block, length)?;
            let correlation = self.correlation(&block, &other, length);
            let mean = correlation[..lags].iter().map(|c| f64::from(c.norm_sqr())).sum::<f64>() / lags as f64;
            for (lag, c) in correlation[..lags].iter().enumerate() {
                let delay = (lag as i64 + there as i64 - here).rem_euclid(length as i64) as usize;
                power[delay][0] += f64::from(c.norm_sqr()) / mean.max(f64::MIN_POSITIVE);
                power[delay][1] += 1.0;
            }
            // Chernoff's bound on a sum of exponential variables.
            let exponent = |&[sum, count]: &[f64; 2]| {
                let over = sum / count;
                if over > 1.0 { count * (over - 1.0 - over.ln()) } else { 0.0 }
            };
            let best = power.iter().map(exponent).enumerate().max_by(|x, y| x.1.total_cmp(&y.1));
            if let Some((delay, exponent)) = best
                && exponent > (length as f64 / CHANCE).ln()
            {
                let delay = delay as f64 - if delay > length / 2 { length as f64 } else { 0.0 };
                return Ok(Some((here as f64, delay)));
            }
        }
        Ok(None)
    }

    /// How many samples later the block of `reference` from `here` on is in `other`, sought about a first guess; absent
    /// where they do not line up.
    fn delay_at(&mut self, reference: &Beam<'_>, other: &Beam<'_>, here: u64, about: f64) -> Result<Option<f64>> {
        let Span { first_frame, frames } = self.span;
        let there = here as f64 + about.round();
        if there < first_frame as f64 || there + self.block as f64 > (first_frame + frames) as f64 {
            return Ok(None);
        }
        let length = 2 * self.block;
        let reference = self.spectrum(reference, here, self.block, length)?;
        let other = self.spectrum(other, there as u64, self.block, length)?;
        let correlation = self.correlation(&reference, &other, FINE * length);
        let reach = FINE * self.block / 4;
        let at = |lag: i64| correlation[lag.rem_euclid(correlation.len() as i64) as usize];
        let lags = -(reach as i64)..=reach as i64;
        let mean = lags.clone().map(|lag| f64::from(at(lag).norm_sqr())).sum::<f64>() / (2 * reach + 1) as f64;
        let top = lags.max_by(|x, y| at(*x).re.total_cmp(&at(*y).re)).expect("more than one lag");
        if f64::from(at(top).norm_sqr()) < mean * (length as f64 / CHANCE).ln() {
            return Ok(None);
        }
        let [left, middle, right] = [top - 1, top, top + 1].map(|lag| f64::from(at(lag).re));
        let bend = left - 2.0 * middle + right;
        let shift = if bend < 0.0 { 0.5 * (left - right) / bend } else { 0.0 };
        Ok(Some(there - here as f64 + (top as f64 + shift) / FINE as f64))
    }

    /// The beam's spectrum over a stretch, padded to `length` samples.
    fn spectrum(&mut self, beam: &Beam<'_>, frame: u64, samples: usize, length: usize) -> Result<Spectrum> {
        let plan: Arc<dyn RealToComplex<f32>> = self.forward.plan_fft_forward(length);
        self.captures.select(beam.selection.clone());
        let mut block = Array2::zeros((samples, beam.selection.len()));
        self.captures.read(frame, &mut block, 0)?;
        let bin_hz = f64::from(self.captures.sample_rate_hz()) / length as f64;
        let [first, last] = [(self.band_hz[0] / bin_hz).ceil() as usize, (self.band_hz[1] / bin_hz).floor() as usize];
        let mut spectrum = Spectrum { first, bins: vec![Complex::default(); last + 1 - first] };
        let (mut padded, mut heard) = (plan.make_input_vec(), plan.make_output_vec());
        for (row, member) in block.columns().into_iter().zip(&beam.members) {
            padded.fill(0.0);
            padded.iter_mut().zip(row).for_each(|(x, sample)| *x = *sample);
            plan.process(&mut padded, &mut heard).expect("lengths are those of the plan");
            for (i, (sum, x)) in spectrum.bins.iter_mut().zip(&heard[first..]).enumerate() {
                let hz = (first + i) as f64 * bin_hz;
                let of_matrix = ((hz / self.spacing_hz).round() as usize).saturating_sub(self.first_bin);
                let weight = member.weight[of_matrix.min(member.weight.len() - 1)];
                if weight > 0.0 {
                    let delay = std::f64::consts::TAU * hz * member.delay_s;
                    let (sin, cos) = (beam.medium.wavenumber_rad_m(hz) * member.range_m + delay).sin_cos();
                    *sum += x * Complex::new(cos as f32, sin as f32) * weight;
                }
            }
        }
        Ok(spectrum)
    }

    /// The complex correlation of two beams by lag of the second behind the first, in `length` points: more than the
    /// spectra were made with for lags between samples.
    fn correlation(&mut self, here: &Spectrum, there: &Spectrum, length: usize) -> Vec<Complex<f32>> {
        let mut grid = vec![Complex::default(); length];
        for ((point, a), b) in grid[here.first..].iter_mut().zip(&here.bins).zip(&there.bins) {
            *point = a.conj() * b;
        }
        self.backward.plan_fft_inverse(length).process(&mut grid);
        grid
    }
}
