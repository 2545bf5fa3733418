//! The planned real FFT: one window, one plan, shared by all threads; scratch a thread.

use std::fmt;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

use super::segmentation::Segmentation;

/// Transforms windowed segments.
///
/// # Scaling
/// The window carries the scale `sqrt(2 / (fs · Σw²))`, so that `|X|²` is a one-sided power spectral density in full
/// scale² per hertz. Forward sign `exp(-i 2π f t)`, phase relative to the segment's first sample.
#[derive(Clone)]
pub struct Stft {
    plan: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    segmentation: Segmentation,
    sample_rate_hz: f64,
}

/// Work space of one thread.
#[derive(Debug)]
pub struct Scratch {
    input: Vec<f32>,
    work: Vec<Complex<f32>>,
}

impl Stft {
    /// Plans the transform of segments cut as `segmentation` says.
    pub fn new(segmentation: Segmentation, sample_rate_hz: f64) -> Self {
        let window = segmentation.window();
        let energy: f64 = window.iter().map(|w| w * w).sum();
        let scale = (2.0 / (sample_rate_hz * energy)).sqrt();
        Self {
            plan: RealFftPlanner::new().plan_fft_forward(segmentation.fft_samples),
            window: window.iter().map(|w| (w * scale) as f32).collect(),
            segmentation,
            sample_rate_hz,
        }
    }

    /// The window, scale included.
    pub(super) fn window(&self) -> &[f32] {
        &self.window
    }

    /// How recordings are cut.
    pub fn segmentation(&self) -> &Segmentation {
        &self.segmentation
    }

    /// Samples per second of the recordings.
    pub fn sample_rate_hz(&self) -> f64 {
        self.sample_rate_hz
    }

    /// Bins of one transform, from zero to half the sample rate.
    pub fn bins(&self) -> usize {
        self.segmentation.fft_samples / 2 + 1
    }

    /// Spacing of bins, hertz.
    pub fn spacing_hz(&self) -> f64 {
        self.sample_rate_hz / self.segmentation.fft_samples as f64
    }

    /// Work space for one thread.
    pub fn scratch(&self) -> Scratch {
        Scratch { input: self.plan.make_input_vec(), work: self.plan.make_scratch_vec() }
    }

    /// Transforms one segment into all its bins.
    ///
    /// # Panics
    /// Where `segment` is not one segment long or `spectrum` does not hold [`Stft::bins`] values.
    pub fn transform(&self, segment: &[f32], scratch: &mut Scratch, spectrum: &mut [Complex<f32>]) {
        assert_eq!(segment.len(), self.window.len());
        for ((x, s), w) in scratch.input.iter_mut().zip(segment).zip(&self.window) {
            *x = s * w;
        }
        // The transform uses its input as work space, so the padding is not zero any more after the first call.
        scratch.input[self.window.len()..].fill(0.0);
        self.plan
            .process_with_scratch(&mut scratch.input, spectrum, &mut scratch.work)
            .expect("lengths are those of the plan");
    }
}

impl fmt::Debug for Stft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stft").field("segmentation", &self.segmentation).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channelise::Taper;

    #[test]
    fn transform_is_the_windowed_dft() {
        for (segment_samples, fft_samples, taper) in [(64, 64, Taper::Hann), (50, 90, Taper::Tukey)] {
            let cut = Segmentation { segment_samples, hop_samples: 32, fft_samples, taper };
            let stft = Stft::new(cut, 1000.0);
            let segment: Vec<f32> = (0..segment_samples).map(|t| ((t * t) as f32 * 0.37).sin()).collect();
            let mut spectrum = vec![Complex::default(); stft.bins()];
            let mut scratch = stft.scratch();
            for _ in 0..2 {
                stft.transform(&segment, &mut scratch, &mut spectrum);
            }
            let window = cut.window();
            let scale = (2.0 / (1000.0 * window.iter().map(|w| w * w).sum::<f64>())).sqrt();
            for (k, value) in spectrum.iter().enumerate() {
                let expected: Complex<f64> = (0..segment_samples)
                    .map(|t| {
                        let phase = -std::f64::consts::TAU * (k * t) as f64 / fft_samples as f64;
                        Complex::from_polar(f64::from(segment[t]) * window[t] * scale, phase)
                    })
                    .sum();
                let error = (Complex::new(f64::from(value.re), f64::from(value.im)) - expected).norm();
                // Single precision: eps · log2(N) on a sum of magnitude ~ sqrt(N)·scale.
                assert!(error < 6e-8 * 7.0 * 8.0 * scale, "bin {k}: {error:e}");
            }
        }
    }

    #[test]
    fn power_of_white_noise_is_its_density() {
        let cut = Segmentation { segment_samples: 256, hop_samples: 128, fft_samples: 256, taper: Taper::Hann };
        let stft = Stft::new(cut, 192e3);
        let mut state = 1u64;
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
        };
        let (mut power, rounds) = (0.0, 400);
        let mut spectrum = vec![Complex::default(); stft.bins()];
        let mut scratch = stft.scratch();
        for _ in 0..rounds {
            let noise: Vec<f32> = (0..256).map(|_| uniform()).collect();
            stft.transform(&noise, &mut scratch, &mut spectrum);
            power += spectrum[1..128].iter().map(|x| f64::from(x.norm_sqr())).sum::<f64>() * stft.spacing_hz();
        }
        let variance = power / f64::from(rounds) * 128.0 / 127.0;
        // Variance 1/12; about 400 · 127 / 1.5 independent values average it.
        assert!((variance * 12.0 - 1.0).abs() < 4.0 / (400.0f64 * 127.0 / 1.5).sqrt(), "{variance}");
    }
}
