//! Which band, and how a recording is cut into segments.

use std::ops::Range;

use crate::error::{Error, Result};

/// A frequency range that lies inside what a sample rate can carry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    low_hz: f64,
    high_hz: f64,
}

/// Recorders roll off before half the sample rate; above this share of the rate nothing is trusted by default.
const USABLE_SHARE_OF_RATE: f64 = 0.45;

impl Band {
    /// The band `low_hz..high_hz` of a recording at `sample_rate_hz`.
    ///
    /// # Errors
    /// [`Error::Request`] where the band reaches beyond half the sample rate or is empty.
    pub fn new(low_hz: f64, high_hz: f64, sample_rate_hz: f64) -> Result<Self> {
        let nyquist_hz = sample_rate_hz / 2.0;
        if high_hz > nyquist_hz {
            return Err(Error::request(format!(
                "band {}..{} kHz, but a capture at {} kHz carries nothing above {} kHz; take a lower band",
                low_hz / 1e3,
                high_hz / 1e3,
                sample_rate_hz / 1e3,
                nyquist_hz / 1e3
            )));
        }
        if !(low_hz >= 0.0 && low_hz < high_hz) {
            return Err(Error::request(format!("band {low_hz}..{high_hz} Hz is empty; write the lower end first")));
        }
        Ok(Self { low_hz, high_hz })
    }

    /// The band `low_hz..high_hz` that is usual, lowered for slow recorders, at least two octaves wide there.
    ///
    /// Two octaves keep the side fringes of the correlation well under its peak.
    ///
    /// # Errors
    /// As [`Band::new`].
    pub fn usual([low_hz, high_hz]: [f64; 2], sample_rate_hz: f64) -> Result<Self> {
        let high_hz = (sample_rate_hz * USABLE_SHARE_OF_RATE).min(high_hz);
        Self::new((high_hz / 4.0).min(low_hz), high_hz, sample_rate_hz)
    }

    /// Lower edge, hertz.
    pub fn low_hz(&self) -> f64 {
        self.low_hz
    }

    /// Upper edge, hertz.
    pub fn high_hz(&self) -> f64 {
        self.high_hz
    }

    /// The bins of a transform with this spacing that lie inside the band.
    pub fn bins(&self, spacing_hz: f64) -> Range<usize> {
        let first = (self.low_hz / spacing_hz).ceil() as usize;
        let last = (self.high_hz / spacing_hz).floor() as usize;
        // Bin 0 is the mean, no sound.
        first.max(1)..(last + 1).max(first.max(1))
    }
}

/// The window's shape.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Taper {
    /// Hann, periodic: for segments that overlap by half.
    Hann,
    /// Flat with a cosine over 5 % at each end: for one segment that is the whole recording.
    Tukey,
}

/// How a recording is cut: segments of `segment_samples`, one every `hop_samples`, transformed at `fft_samples`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Segmentation {
    /// Samples under the window.
    pub segment_samples: usize,
    /// From one segment to the next.
    pub hop_samples: usize,
    /// Length of the transform; longer than the segment where it is padded with zeros.
    pub fft_samples: usize,
    /// The window.
    pub taper: Taper,
}

impl Segmentation {
    /// For `samples` of recording in which the same sound reaches two sensors up to `spread_samples` apart.
    ///
    /// A segment must be long against the spread, or part of the sound falls off its end: 4 × it by preference, 2 ×
    /// where that gains averages, since fewer than 16 of them leave chance coherence. A recording shorter than four
    /// such segments is one event rather than a steady sound, and is taken whole: cut up, an event would lie in
    /// different segments at different sensors.
    pub fn suited_to(samples: u64, spread_samples: f64) -> Self {
        let wished = (4.0 * spread_samples).clamp(256.0, 1e9) as usize;
        let mut segment_samples = wished.next_power_of_two();
        if samples < 4 * segment_samples as u64 {
            let segment_samples = samples as usize;
            let fft_samples = (segment_samples + spread_samples.ceil() as usize).next_power_of_two();
            return Self { segment_samples, hop_samples: segment_samples, fft_samples, taper: Taper::Tukey };
        }
        while samples < 16 * segment_samples as u64 && segment_samples as f64 >= 4.0 * spread_samples.max(64.0) {
            segment_samples /= 2;
        }
        let hop_samples = segment_samples / 2;
        Self { segment_samples, hop_samples, fft_samples: segment_samples, taper: Taper::Hann }
    }

    /// Segments that fit into `samples`.
    pub fn segments_in(&self, samples: u64) -> u64 {
        if samples < self.segment_samples as u64 {
            0
        } else {
            (samples - self.segment_samples as u64) / self.hop_samples as u64 + 1
        }
    }

    /// The window, unscaled, one value a sample.
    pub fn window(&self) -> Vec<f64> {
        let n = self.segment_samples;
        let raised_cosine = |phase: f64| 0.5 - 0.5 * (std::f64::consts::TAU * phase).cos();
        match self.taper {
            Taper::Hann => (0..n).map(|t| raised_cosine(t as f64 / n as f64)).collect(),
            Taper::Tukey => {
                let ramp = (n as f64 * 0.05).max(1.0);
                let edge = |t: usize| (t as f64 + 0.5).min(n as f64 - t as f64 - 0.5);
                (0..n).map(|t| if edge(t) < ramp { raised_cosine(edge(t) / ramp / 2.0) } else { 1.0 }).collect()
            }
        }
    }

    /// Equivalent length of `segments` overlapping segments, in samples: the record length, free of overlap and
    /// window, that would give the same variance.
    ///
    /// `T_eff = (Σv)² / Σv²` with `v(t) = Σ_k w²(t − k·hop)`. (Welch 1967; 0.947 of the record for many Hann segments
    /// at half overlap.)
    pub fn equivalent_samples(&self, segments: u64) -> f64 {
        let squared: Vec<f64> = self.window().iter().map(|w| w * w).collect();
        let overlap_product =
            |lag: usize| -> f64 { squared.iter().skip(lag).zip(&squared).map(|(a, b)| a * b).sum::<f64>() };
        let n = segments as f64;
        let mut energy = n * overlap_product(0);
        let mut lag = 1;
        while lag * self.hop_samples < self.segment_samples && (lag as u64) < segments {
            energy += 2.0 * (n - lag as f64) * overlap_product(lag * self.hop_samples);
            lag += 1;
        }
        let total: f64 = n * squared.iter().sum::<f64>();
        if energy > 0.0 { total * total / energy } else { 0.0 }
    }

    /// Equivalent number of independent averages in one bin of `segments` overlapping segments: what the scatter of a
    /// power, and the chance coherence `1/K`, say.
    ///
    /// `K = n² / Σ_kl ρ²(k − l)` with `ρ` the overlap correlation of the window (Welch 1967). It exceeds the equivalent
    /// length over the segment's, since neighbouring bins under a window are not independent.
    pub fn averages(&self, segments: u64) -> f64 {
        let window = self.window();
        let correlation = |lag: usize| -> f64 { window.iter().skip(lag).zip(&window).map(|(a, b)| a * b).sum::<f64>() };
        let n = segments as f64;
        let mut total = n;
        let mut lag = 1;
        while lag * self.hop_samples < self.segment_samples && (lag as u64) < segments {
            total += 2.0 * (n - lag as f64) * (correlation(lag * self.hop_samples) / correlation(0)).powi(2);
            lag += 1;
        }
        if total > 0.0 { n * n / total } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hann_bin_has_0_947_averages_a_segment() {
        let cut = Segmentation { segment_samples: 256, hop_samples: 128, fft_samples: 256, taper: Taper::Hann };
        // Half-overlapping Hann windows correlate by 1/6: K = n/(1 + 2/36).
        assert!((cut.averages(100_000) / 100_000.0 - 18.0 / 19.0).abs() < 1e-4);
        assert_eq!(cut.averages(1), 1.0);
    }

    #[test]
    fn long_records_get_long_segments_and_short_ones_stay_whole() {
        let spread = 1170.0;
        assert_eq!(Segmentation::suited_to(48_000, spread).segment_samples, 4096);
        assert_eq!(Segmentation::suited_to(1_920_000, spread).segment_samples, 8192);
        let whole = Segmentation::suited_to(6_528, spread);
        assert_eq!((whole.segment_samples, whole.fft_samples, whole.taper), (6_528, 8192, Taper::Tukey));
        assert_eq!(whole.segments_in(6_528), 1);
    }

    #[test]
    fn equivalent_length_is_0_947_of_a_long_hann_record() {
        let cut = Segmentation { segment_samples: 256, hop_samples: 128, fft_samples: 256, taper: Taper::Hann };
        let samples = 1_000_000;
        let share = cut.equivalent_samples(cut.segments_in(samples)) / samples as f64;
        // (Σv)²/Σv² for v = w²(t) + w²(t - L/2) with Hann is 18/19; the ends cost one hop in a million samples.
        assert!((share - 18.0 / 19.0).abs() < 5e-4, "{share}");
    }

    #[test]
    fn band_bins_lie_inside_the_band() {
        let band = Band::new(20e3, 60e3, 192e3).unwrap();
        let spacing_hz = 192e3 / 8192.0;
        let bins = band.bins(spacing_hz);
        assert!(bins.start as f64 * spacing_hz >= 20e3 && (bins.end - 1) as f64 * spacing_hz <= 60e3);
        assert!(Band::new(20e3, 100e3, 192e3).is_err());
        let slow = Band::usual([20e3, 80e3], 51_200.0).unwrap();
        assert_eq!([slow.low_hz(), slow.high_hz()], [5_760.0, 23_040.0]);
    }
}
