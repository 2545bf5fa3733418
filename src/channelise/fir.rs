//! Band filters without delay, by overlap-save: a finite response about zero, applied as a product of spectra.

use std::fmt;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustfft::{Fft, FftPlanner};

use super::segmentation::Band;

/// Sound outside the band is lowered by this, decibels.
pub const STOP_DB: f64 = 80.0;
/// The edge of a band is so wide, as a share of its lower frequency and of its width.
const EDGE: f64 = 0.1;
/// Longest half of a response, samples: below, edges get wider instead.
const MOST_REACH: usize = 1 << 15;
/// A transform is so many times as long as the response: the longer, the less is computed twice ...
const TIMES: usize = 8;
/// ... but long responses, of which each channel of a beam keeps one, must fit into memory.
const LONG_REACH: usize = 4096;

/// The response of a band filter, symmetric about zero: it delays nothing.
///
/// # References
/// Kaiser 1974: window parameter and length for a given attenuation and width of the edge.
#[derive(Debug, Clone)]
pub struct BandResponse {
    /// From zero on; the other half is its mirror image.
    half: Vec<f64>,
    /// Width of an edge, hertz: it lies with its middle, -6 dB, on the edge of the band.
    pub edge_hz: f64,
}

impl BandResponse {
    /// For `band` of recordings at `rate_hz`.
    pub fn new(band: &Band, rate_hz: f64) -> Self {
        let [low, high] = [band.low_hz(), band.high_hz()].map(|hz| hz / rate_hz);
        // A band from zero has one edge only.
        let wished = EDGE * if low > 0.0 { low.min(high - low) } else { high };
        let length = |edge: f64| ((STOP_DB - 7.95) / (14.36 * edge) / 2.0).ceil() as usize;
        let reach = length(wished).clamp(16, MOST_REACH);
        let beta = 0.1102 * (STOP_DB - 8.7);
        let sinc = |x: f64| if x == 0.0 { 1.0 } else { (std::f64::consts::PI * x).sin() / (std::f64::consts::PI * x) };
        let half = (0..=reach).map(|t| {
            let t = t as f64;
            let ideal = 2.0 * high * sinc(2.0 * high * t) - 2.0 * low * sinc(2.0 * low * t);
            ideal * bessel_i0(beta * (1.0 - (t / reach as f64).powi(2)).max(0.0).sqrt()) / bessel_i0(beta)
        });
        Self { half: half.collect(), edge_hz: (STOP_DB - 7.95) / (14.36 * 2.0 * reach as f64) * rate_hz }
    }

    /// Whether the edges are wider than they were to be, since a longer response is not made.
    pub fn is_longest(&self) -> bool {
        self.reach() == MOST_REACH
    }

    /// Samples to either side of zero over which the response extends.
    pub fn reach(&self) -> usize {
        self.half.len() - 1
    }

    /// Its spectrum at a frequency as a share of the sample rate; real, since the response is symmetric.
    fn spectrum(&self, fft_samples: usize) -> Vec<f64> {
        let mut planner = RealFftPlanner::<f64>::new();
        let plan = planner.plan_fft_forward(fft_samples);
        let mut response = plan.make_input_vec();
        for (t, value) in self.half.iter().enumerate() {
            response[t] = *value;
            response[(fft_samples - t) % fft_samples] = *value;
        }
        let mut spectrum = plan.make_output_vec();
        plan.process(&mut response, &mut spectrum).expect("lengths are those of the plan");
        spectrum.into_iter().map(|value| value.re).collect()
    }
}

/// Modified Bessel function of the first kind and order zero, by its series.
fn bessel_i0(x: f64) -> f64 {
    let (mut sum, mut term, mut k) = (1.0, 1.0, 0.0);
    while term > 1e-17 * sum {
        k += 1.0;
        term *= (x / 2.0 / k).powi(2);
        sum += term;
    }
    sum
}

/// How long stretches are cut and how far they overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overlap {
    /// Length of a transform.
    pub fft_samples: usize,
    /// What a stretch must have before its first and after its last sample of output.
    pub reach: usize,
}

impl Overlap {
    /// For responses that extend `reach` samples to either side.
    pub fn of(reach: usize) -> Self {
        let times = if reach > LONG_REACH { 2 } else { TIMES };
        Self { fft_samples: (times * 2 * reach).next_power_of_two(), reach }
    }

    /// Samples of output of one transform.
    pub fn step(&self) -> usize {
        self.fft_samples - 2 * self.reach
    }
}

/// A band filter, planned: shared by all threads.
pub struct BandFilter {
    overlap: Overlap,
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    /// With the scale of the transforms.
    response: Vec<f32>,
}

impl fmt::Debug for BandFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BandFilter").field("overlap", &self.overlap).finish_non_exhaustive()
    }
}

impl BandFilter {
    /// Plans the filter.
    pub fn new(response: &BandResponse) -> Self {
        let overlap = Overlap::of(response.reach());
        let n = overlap.fft_samples;
        let mut planner = RealFftPlanner::new();
        Self {
            overlap,
            forward: planner.plan_fft_forward(n),
            inverse: planner.plan_fft_inverse(n),
            response: response.spectrum(n).into_iter().map(|h| (h / n as f64) as f32).collect(),
        }
    }

    /// How stretches are to be cut.
    pub fn overlap(&self) -> Overlap {
        self.overlap
    }

    /// Filters a stretch: `input` has the transform's length, what comes back has [`Overlap::step`] samples, the first of
    /// them that of the input at [`Overlap::reach`].
    ///
    /// # Panics
    /// Where the input is not of the transform's length.
    pub fn apply(&self, input: &mut [f32]) -> Vec<f32> {
        let mut spectrum = self.forward.make_output_vec();
        self.forward.process(input, &mut spectrum).expect("stretches have the plan's length");
        spectrum.iter_mut().zip(&self.response).for_each(|(x, h)| *x *= h);
        let mut output = self.inverse.make_output_vec();
        // The imaginary parts at both ends are zero but for signs: the response is real.
        self.inverse.process(&mut spectrum, &mut output).expect("lengths are those of the plan");
        output.drain(..self.overlap.reach);
        output.truncate(self.overlap.step());
        output
    }
}

/// Several channels, each shifted in phase, to one sound of positive frequencies only.
pub struct Beam {
    overlap: Overlap,
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn Fft<f32>>,
    /// `[channel][bin]` up to half the sample rate, with the scale of the transforms.
    responses: Vec<Vec<Complex<f32>>>,
}

impl fmt::Debug for Beam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Beam").field("overlap", &self.overlap).finish_non_exhaustive()
    }
}

impl Beam {
    /// Plans the sum over channels of each one's sound times `weight(channel, frequency)` inside the band; `more` samples are
    /// how far the weights move a sound at most.
    pub fn new(
        response: &BandResponse,
        channels: usize,
        rate_hz: f64,
        more: usize,
        weight: impl Fn(usize, f64) -> Complex<f64>,
    ) -> Self {
        let overlap = Overlap::of(response.reach() + more);
        let n = overlap.fft_samples;
        let band = response.spectrum(n);
        // Twice the positive frequencies: the real part is the sound itself.
        let at = |c: usize, k: usize| weight(c, k as f64 / n as f64 * rate_hz) * (2.0 * band[k] / n as f64);
        let single = |z: Complex<f64>| Complex::new(z.re as f32, z.im as f32);
        Self {
            overlap,
            forward: RealFftPlanner::new().plan_fft_forward(n),
            inverse: FftPlanner::new().plan_fft_inverse(n),
            responses: (0..channels).map(|c| (0..=n / 2).map(|k| single(at(c, k))).collect()).collect(),
        }
    }

    /// How stretches are to be cut.
    pub fn overlap(&self) -> Overlap {
        self.overlap
    }

    /// The analytic sound of a stretch: one input a channel, as [`BandFilter::apply`] takes and gives it.
    ///
    /// # Panics
    /// Where an input is not of the transform's length.
    pub fn apply(&self, inputs: impl Iterator<Item = Vec<f32>>) -> Vec<Complex<f32>> {
        let mut sum = vec![Complex::default(); self.overlap.fft_samples];
        let mut spectrum = self.forward.make_output_vec();
        for (mut input, response) in inputs.zip(&self.responses) {
            self.forward.process(&mut input, &mut spectrum).expect("stretches have the plan's length");
            for ((sum, x), h) in sum.iter_mut().zip(&spectrum).zip(response) {
                *sum += x * h;
            }
        }
        self.inverse.process(&mut sum);
        sum.drain(..self.overlap.reach);
        sum.truncate(self.overlap.step());
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bessel_is_that_of_the_tables() {
        // Abramowitz and Stegun 1972, table 9.8.
        assert!((bessel_i0(1.0) - 1.266_065_877_8).abs() < 1e-9);
        assert!((bessel_i0(5.0) - 27.239_871_823_6).abs() < 1e-8);
    }

    #[test]
    fn the_band_passes_and_the_rest_is_80_db_down() {
        let rate_hz = 192e3;
        for (low_hz, high_hz) in [(20e3, 60e3), (0.0, 5e3), (300.0, 400.0), (1e3, 90e3)] {
            let response = BandResponse::new(&Band::new(low_hz, high_hz, rate_hz).unwrap(), rate_hz);
            let n = 16 * response.half.len().next_power_of_two();
            // Kaiser's length holds the attenuation to about a decibel.
            let stop = 10f64.powf(-(STOP_DB - 1.0) / 20.0);
            for (k, h) in response.spectrum(n).into_iter().enumerate() {
                let hz = k as f64 / n as f64 * rate_hz;
                let half = response.edge_hz / 2.0;
                if (low_hz == 0.0 || hz > low_hz + half) && hz < high_hz - half {
                    assert!((h - 1.0).abs() < stop, "{hz} Hz: {h}");
                } else if hz < low_hz - half || hz > high_hz + half {
                    assert!(h.abs() < stop, "{hz} Hz: {h}");
                }
            }
        }
    }

    #[test]
    fn stretches_put_together_are_the_plain_convolution() {
        let rate_hz = 192e3;
        let response = BandResponse::new(&Band::new(20e3, 60e3, rate_hz).unwrap(), rate_hz);
        let filter = BandFilter::new(&response);
        let Overlap { fft_samples, reach } = filter.overlap();
        let step = filter.overlap().step();
        let sound: Vec<f32> = (0..fft_samples + step).map(|t| ((t * t) as f32 * 0.37).sin()).collect();
        let convolved = |t: usize| -> f64 {
            let r = response.reach() as i64;
            (-r..=r)
                .map(|lag| response.half[lag.unsigned_abs() as usize] * f64::from(sound[(t as i64 - lag) as usize]))
                .sum()
        };
        for part in 0..2 {
            let output = filter.apply(&mut sound[part * step..part * step + fft_samples].to_vec());
            assert_eq!(output.len(), step);
            for t in [0, 1, step / 2, step - 1] {
                let expected = convolved(reach + part * step + t);
                // Single precision: eps · log2(N) of values of about one.
                assert!((f64::from(output[t]) - expected).abs() < 6e-8 * 13.0 * 2.0, "{t}");
            }
        }
    }

    #[test]
    fn a_beam_undoes_delays_and_has_no_negative_frequencies() {
        let rate_hz = 192e3;
        let response = BandResponse::new(&Band::new(30e3, 50e3, rate_hz).unwrap(), rate_hz);
        let delays_s = [0.0, 50.3 / rate_hz];
        let beam = Beam::new(&response, 2, rate_hz, 64, |c, hz| {
            Complex::from_polar(0.5, std::f64::consts::TAU * hz * delays_s[c])
        });
        let n = beam.overlap().fft_samples;
        let tone = |c: usize, t: usize| std::f64::consts::TAU * 40e3 * (t as f64 / rate_hz - delays_s[c]);
        let inputs = (0..2).map(|c| (0..n).map(|t| tone(c, t).cos() as f32).collect());
        let sum = beam.apply(inputs);
        for (t, z) in sum.iter().enumerate().step_by(97) {
            let expected = Complex::from_polar(1.0, tone(0, t + beam.overlap().reach));
            assert!((Complex::new(f64::from(z.re), f64::from(z.im)) - expected).norm() < 2e-4, "{t}: {z} {expected}");
        }
    }
}
