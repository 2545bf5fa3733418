//! Is a channel alive, and did it hit its rails?

/// Running statistics of one channel's raw samples; full scale is 1.
#[derive(Debug, Clone, Default)]
pub struct Health {
    samples: u64,
    sum: f64,
    sum_of_squares: f64,
    peak: f32,
    at_peak: u64,
}

/// A Gaussian channel touches its own peak a handful of times; one that hits a rail does so thousands of times. One
/// sample in ten thousand lies far from both: a third of the samples clip at one sigma, 6e-5 of them at four.
const CLIPPED_FRACTION: f64 = 1e-4;

impl Health {
    /// Adds samples, each once.
    pub fn add(&mut self, samples: &[f32]) {
        let (mut sum, mut squares, mut peak) = (0.0f64, 0.0f64, 0.0f32);
        for &x in samples {
            sum += f64::from(x);
            squares += f64::from(x) * f64::from(x);
            peak = peak.max(x.abs());
        }
        self.samples += samples.len() as u64;
        self.sum += sum;
        self.sum_of_squares += squares;
        if peak > self.peak {
            self.peak = peak;
            self.at_peak = 0;
        }
        // Rails are seldom symmetric to the last bit (-32768, 32767): the same value within 1e-4 counts as the rail.
        let rail = self.peak * (1.0 - 1e-4);
        if rail > 0.0 {
            self.at_peak += samples.iter().filter(|x| x.abs() >= rail).count() as u64;
        }
    }

    /// Largest magnitude.
    pub fn peak(&self) -> f32 {
        self.peak
    }

    /// Root mean square about the mean.
    pub fn rms(&self) -> f64 {
        let n = self.samples.max(1) as f64;
        (self.sum_of_squares / n - (self.sum / n).powi(2)).max(0.0).sqrt()
    }

    /// Share of samples at the channel's own extreme.
    pub fn fraction_at_peak(&self) -> f64 {
        self.at_peak as f64 / self.samples.max(1) as f64
    }

    /// Whether the channel hits a rail. `resolution` is the smallest step of its format: a signal of a few steps
    /// meets its peak often without any rail.
    pub fn is_clipped(&self, resolution: f32) -> bool {
        self.at_peak >= 8 && self.fraction_at_peak() > CLIPPED_FRACTION && self.peak > 64.0 * resolution
    }

    /// Whether every sample is the same.
    pub fn is_constant(&self) -> bool {
        self.samples > 0 && self.rms() <= 1e-9
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rail_is_told_from_a_peak() {
        let wave: Vec<f32> = (0..100_000).map(|i| (i as f32 * 0.731).sin() * (i as f32 * 0.0137).cos()).collect();
        let mut clean = Health::default();
        clean.add(&wave);
        assert!(!clean.is_clipped(3e-5), "{}", clean.fraction_at_peak());
        let mut railed = Health::default();
        for part in wave.chunks(999) {
            railed.add(&part.iter().map(|x| x.clamp(-0.7, 0.7)).collect::<Vec<_>>());
        }
        assert!(railed.is_clipped(3e-5));
    }

    #[test]
    fn a_constant_offset_is_no_signal() {
        let mut health = Health::default();
        health.add(&[0.25; 1000]);
        assert!(health.is_constant() && health.rms() < 1e-9);
    }
}
