//! Sources of sound and their carriage along a path: band-limited noise by its spectrum, lines by their phase.

use std::f64::consts::{LN_10, SQRT_2, TAU};
use std::sync::LazyLock;

use rand_chacha::ChaCha8Rng;
use realfft::RealFftPlanner;
use realfft::num_complex::Complex64;

use super::noise::{density, normal};
use super::paths::Path;
use super::scene::Spectrum;
use crate::propagation::{Dispersion, Medium};

/// Half the length of the interpolator that a drifting clock needs, samples.
const HALF_TAPS: usize = 32;
/// Its Kaiser window: images below −100 dB for sound up to 0.85 of half the sample rate, better further down.
const KAISER_BETA: f64 = 12.0;
/// Values a sample for which the window is worked out: a straight line between them is off by β/8·(1/8192)², −150 dB.
const WINDOW_STEPS: usize = 256;
/// A turning phasor is set anew this often; between, it gathers rounding of as many multiplications.
const PHASOR_STEPS: usize = 256;

/// One recorder's clock against the first one's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Clock {
    /// Starts so much later, seconds.
    pub(super) offset_s: f64,
    /// Runs so much faster, parts per million.
    pub(super) ppm: f64,
}

impl Clock {
    /// Samples of the first clock in one of this.
    fn stride(self) -> f64 {
        1.0 / (1.0 + self.ppm * 1e-6)
    }
}

/// How much of a source is needed: from its first sample that any sensor hears to its last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach {
    rate_hz: f64,
    /// Samples of the source before time zero.
    before: usize,
    /// Samples in all, a length that transforms quickly.
    length: usize,
}

impl Reach {
    /// Room for `frames` samples at every lag, so that the circular transform never wraps into what is kept.
    pub(super) fn new(
        rate_hz: f64,
        frames: usize,
        lags_s: impl Iterator<Item = f64>,
        ppm: impl Iterator<Item = f64>,
    ) -> Self {
        let (first, last) = lags_s.fold((0f64, 0f64), |(low, high), lag| (low.min(lag), high.max(lag)));
        let stride = ppm.map(|ppm| Clock { offset_s: 0.0, ppm }.stride()).fold(1.0, f64::max);
        let before = (last * rate_hz).ceil() as usize + HALF_TAPS;
        let after = (-first * rate_hz).ceil() as usize + HALF_TAPS + 1;
        let length = before + (frames as f64 * stride).ceil() as usize + after;
        Self { rate_hz, before, length: quick_length(length) }
    }
}

/// The least even number from `least` on without prime factors above 5.
fn quick_length(least: usize) -> usize {
    let smooth = |mut n: usize| {
        for p in [2, 3, 5] {
            while n.is_multiple_of(p) {
                n /= p;
            }
        }
        n == 1
    };
    (least.next_multiple_of(2)..).step_by(2).find(|&n| smooth(n)).expect("powers of two are without end")
}

/// How a wave carries the bins of a source.
struct Carrier {
    wavenumber_rad_m: Vec<f64>,
    /// Absorption, nepers per metre.
    loss_np_m: Vec<f64>,
    /// Whether the wavenumbers are evenly spaced: one phasor then turns from bin to bin.
    even: bool,
}

impl Carrier {
    fn of(wave: &Medium, frequency_hz: &[f64]) -> Self {
        Self {
            wavenumber_rad_m: frequency_hz.iter().map(|hz| wave.wavenumber_rad_m(*hz)).collect(),
            loss_np_m: frequency_hz.iter().map(|hz| wave.absorption_db_m(*hz) * LN_10 / 20.0).collect(),
            even: matches!(wave.dispersion, Dispersion::None(_)),
        }
    }
}

/// Gaussian noise of a given spectrum, or one tap.
pub(super) struct Broadband {
    reach: Reach,
    first_bin: usize,
    /// Spectrum from `first_bin` on.
    bins: Vec<Complex64>,
    /// How each of the scene's waves carries those bins.
    carriers: Vec<Carrier>,
    inverse: std::sync::Arc<dyn realfft::ComplexToReal<f64>>,
}

impl Broadband {
    /// Noise of RMS `amplitude` at 1 m before absorption; or a tap at `tap_s` with that peak.
    pub(super) fn new(
        rng: &mut ChaCha8Rng,
        reach: Reach,
        amplitude: f64,
        (spectrum, band_hz): (Spectrum, [f64; 2]),
        waves: &[Medium],
        tap_s: Option<f64>,
    ) -> Self {
        let spacing_hz = reach.rate_hz / reach.length as f64;
        let first_bin = ((band_hz[0] / spacing_hz).ceil() as usize).max(1);
        // The bin at half the rate is real, not complex, and is left out.
        let end_bin = ((band_hz[1] / spacing_hz).floor() as usize + 1).min(reach.length / 2);
        let densities: Vec<f64> =
            (first_bin..end_bin).map(|k| density(spectrum, k as f64 * spacing_hz, band_hz)).collect();
        let frequency_hz: Vec<f64> = (first_bin..end_bin).map(|k| k as f64 * spacing_hz).collect();
        let total: f64 = densities.iter().sum();
        let total_root: f64 = densities.iter().map(|density| density.sqrt()).sum();
        let bins = densities
            .iter()
            .zip(&frequency_hz)
            .map(|(density, hz)| match tap_s {
                // The inverse transform adds a bin and its conjugate: variance 4 s² for parts of variance s².
                None => {
                    let part = amplitude / 2.0 * (density / total).sqrt();
                    Complex64::new(part * normal(rng), part * normal(rng))
                }
                Some(tap_s) => Complex64::from_polar(
                    amplitude / 2.0 * density.sqrt() / total_root,
                    -TAU * (hz * (tap_s + reach.before as f64 / reach.rate_hz)).fract(),
                ),
            })
            .collect();
        let carriers = waves.iter().map(|wave| Carrier::of(wave, &frequency_hz)).collect();
        let inverse = RealFftPlanner::new().plan_fft_inverse(reach.length);
        Self { reach, first_bin, bins, carriers, inverse }
    }

    /// Adds what arrives along every path, `delay_s` later than it is there.
    pub(super) fn add_to(&self, samples: &mut [f64], paths: &[Path], delay_s: f64, clock: Clock) {
        let mut spectrum = self.inverse.make_input_vec();
        let kept = &mut spectrum[self.first_bin..self.first_bin + self.bins.len()];
        let bin_rad = TAU * self.reach.rate_hz / self.reach.length as f64 * delay_s;
        for path in paths {
            let carrier = &self.carriers[path.wave];
            let turn =
                |i: usize| -(carrier.wavenumber_rad_m[i] * path.length_m + (self.first_bin + i) as f64 * bin_rad);
            for start in (0..self.bins.len()).step_by(PHASOR_STEPS) {
                let block = start..self.bins.len().min(start + PHASOR_STEPS);
                let mut phasor = Complex64::cis(turn(start)) * path.amplitude;
                let step = Complex64::cis(turn(block.end - 1) - turn(block.end.max(2) - 2));
                for i in block {
                    if !carrier.even {
                        phasor = Complex64::cis(turn(i)) * path.amplitude;
                    }
                    kept[i] += self.bins[i] * phasor * (-carrier.loss_np_m[i] * path.length_m).exp();
                    phasor *= step;
                }
            }
        }
        let mut wave = self.inverse.make_output_vec();
        self.inverse.process(&mut spectrum, &mut wave).expect("lengths are the plan's own, the ends are zero");
        let stride = clock.stride();
        if clock.ppm == 0.0 {
            let heard = &wave[self.reach.before..];
            samples.iter_mut().zip(heard).for_each(|(sample, x)| *sample += x);
        } else {
            for (k, sample) in samples.iter_mut().enumerate() {
                *sample += interpolated(&wave, self.reach.before as f64 + k as f64 * stride);
            }
        }
    }
}

/// The interpolator's window over distance from its middle, [`WINDOW_STEPS`] values a sample.
static WINDOW: LazyLock<Vec<f64>> = LazyLock::new(|| {
    let reach = (HALF_TAPS * WINDOW_STEPS) as f64;
    let value = |i: usize| bessel_i0(KAISER_BETA * (1.0 - (i as f64 / reach).powi(2)).max(0.0).sqrt());
    (0..=HALF_TAPS * WINDOW_STEPS + 1).map(|i| value(i) / bessel_i0(KAISER_BETA)).collect()
});

/// Value of a band-limited wave between its samples, by a Kaiser-windowed sinc.
fn interpolated(wave: &[f64], at: f64) -> f64 {
    let base = at.floor();
    let fraction = at - base;
    if fraction == 0.0 {
        return wave[base as usize];
    }
    let first = base as usize + 1 - HALF_TAPS;
    let sin = (std::f64::consts::PI * fraction).sin() / std::f64::consts::PI;
    let window = |distance: f64| {
        let steps = distance.abs() * WINDOW_STEPS as f64;
        let step = steps as usize;
        WINDOW[step] + (steps - step as f64) * (WINDOW[step + 1] - WINDOW[step])
    };
    let taps = wave[first..first + 2 * HALF_TAPS].iter().enumerate();
    taps.map(|(i, x)| {
        // Distance from tap to place; sin(π·distance) is ± sin(π·fraction) for all of them.
        let distance = fraction + (HALF_TAPS - 1) as f64 - i as f64;
        let sign = if (HALF_TAPS - 1 + i).is_multiple_of(2) { 1.0 } else { -1.0 };
        x * sign * sin / distance * window(distance)
    })
    .sum()
}

/// Modified Bessel function of the first kind and order zero, by its series.
fn bessel_i0(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 1..60 {
        term *= quarter / f64::from(k * k);
        sum += term;
        if term < sum * f64::EPSILON {
            break;
        }
    }
    sum
}

/// A line whose phase walks at random.
pub(super) struct Line {
    reach: Reach,
    frequency_hz: f64,
    amplitude: f64,
    waves: Vec<Medium>,
    /// The walk as a phasor, sample by sample; one value where the line is pure.
    walk: Vec<Complex64>,
}

impl Line {
    /// A line of RMS `rms` at 1 m before absorption; `jitter_hz` is its width at half power.
    pub(super) fn new(
        rng: &mut ChaCha8Rng,
        reach: Reach,
        frequency_hz: f64,
        rms: f64,
        jitter_hz: f64,
        waves: &[Medium],
    ) -> Self {
        // A phase that spreads by 2π·width each second gives a Lorentzian line of that full width.
        let step_rad = (TAU * jitter_hz / reach.rate_hz).sqrt();
        let mut phase = TAU * rand::RngExt::random::<f64>(rng);
        let count = if jitter_hz > 0.0 { reach.length } else { 1 };
        let walk = (0..count)
            .map(|_| {
                let phasor = Complex64::cis(phase);
                phase += step_rad * if jitter_hz > 0.0 { normal(rng) } else { 0.0 };
                phasor
            })
            .collect();
        Self { reach, frequency_hz, amplitude: rms * SQRT_2, waves: waves.to_vec(), walk }
    }

    /// Adds what arrives along every path, `delay_s` later than it is there.
    pub(super) fn add_to(&self, samples: &mut [f64], paths: &[Path], delay_s: f64, clock: Clock) {
        let weights: Vec<(Complex64, f64)> = paths
            .iter()
            .map(|path| {
                let wave = &self.waves[path.wave];
                let (k, group) = wave.dispersion.at(self.frequency_hz);
                let loss_np = wave.absorption_db_m(self.frequency_hz) * LN_10 / 20.0 * path.length_m;
                // Whole turns are dropped before they cost precision.
                let turns = k * path.length_m / TAU + self.frequency_hz * delay_s;
                let weight =
                    Complex64::from_polar(self.amplitude * path.amplitude * (-loss_np).exp(), -TAU * turns.fract());
                (weight, group.time_s(path.length_m) + delay_s)
            })
            .collect();
        let pure: Complex64 = weights.iter().map(|(weight, _)| weight).sum::<Complex64>() * self.walk[0];
        for (k, sample) in samples.iter_mut().enumerate() {
            let at = k as f64 * clock.stride();
            let turns = self.frequency_hz / self.reach.rate_hz * at;
            let envelope = if self.walk.len() == 1 {
                pure
            } else {
                weights.iter().map(|(weight, lag_s)| weight * self.walk_at(at - lag_s * self.reach.rate_hz)).sum()
            };
            *sample += (envelope * Complex64::cis(TAU * turns.fract())).re;
        }
    }

    fn walk_at(&self, sample: f64) -> Complex64 {
        let at = self.reach.before as f64 + sample;
        let base = at as usize;
        let fraction = at - base as f64;
        self.walk[base] * (1.0 - fraction) + self.walk[base + 1] * fraction
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quick_lengths_are_even_and_smooth() {
        assert_eq!([1, 7, 1021, 48_301].map(quick_length), [2, 8, 1024, 48_600]);
    }

    #[test]
    fn interpolation_reads_a_sine_between_its_samples() {
        // 80 kHz at 192 kHz, the top of the usual band.
        let turn = TAU * 80.0 / 192.0;
        let wave: Vec<f64> = (0..200).map(|i| (turn * f64::from(i)).sin()).collect();
        for i in 0..50 {
            let at = 80.0 + f64::from(i) * 0.173;
            // −100 dB of images, as the window promises.
            assert!((interpolated(&wave, at) - (turn * at).sin()).abs() < 1e-5, "{at}");
        }
    }
}
