//! When a transient begins in one channel.
//!
//! A record of noise with an arrival in it is best told as two stretches, each of one variance: the split that minimises
//! Akaike's criterion is the onset (Maeda 1985, Zisin 38:365; Kurz et al. 2005, Ultrasonics 43:538).

/// Noise that a sample must exceed to count as the arrival having begun: once in ten thousand records of a thousand samples.
const RISE: f32 = 5.3;

/// Samples of quiet that make a noise level.
const LEAST_NOISE: usize = 32;

/// Samples after an edge of exact zeros that are still the recorder's trigger, not the wall.
const TRIGGER_SAMPLES: usize = 16;

/// An onset, in samples from the start of what was searched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Onset {
    /// Where.
    pub sample: f64,
    /// One standard deviation.
    pub sigma: f64,
}

/// The first arrival in `samples`, of which the first `quiet` hold no sound from the event; `period` is that of a typical
/// oscillation, in samples.
///
/// `None` where nothing rises above the noise. Leading samples that are exactly zero are a recorder that had not begun:
/// their end is no arrival.
pub fn onset(samples: &[f32], quiet: usize, period: f64) -> Option<Onset> {
    let zeros = samples.iter().take_while(|x| **x == 0.0).count();
    let begun = if zeros > 0 { zeros + TRIGGER_SAMPLES } else { 0 };
    let noise = samples.get(begun..quiet.max(begun)).unwrap_or_default();
    let mean = if noise.len() >= LEAST_NOISE { mean_of(noise) } else { 0.0 };
    // A recorder that began with the event shows no noise: a hundredth of its peak stands for it.
    let peak = samples.iter().fold(0f32, |peak, x| peak.max((x - mean).abs()));
    let rms = noise.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / noise.len().max(1) as f32;
    let rms = if noise.len() >= LEAST_NOISE && rms > 0.0 { rms.sqrt() } else { 0.01 * peak };
    let risen = (begun..samples.len()).find(|&i| (samples[i] - mean).abs() > RISE * rms)?;
    // The window ends with the arrival's first oscillations: a later, louder wave would draw the split to itself.
    let before = ((20.0 * period) as usize).max(64);
    let window = risen.saturating_sub(before).max(begun)..samples.len().min(risen + (1.5 * period).ceil() as usize + 2);
    let start = window.start;
    let criterion = akaike(&samples[window], mean);
    let (best, least) =
        criterion.iter().copied().enumerate().filter(|(_, x)| x.is_finite()).min_by(|x, y| x.1.total_cmp(&y.1))?;
    // Akaike's weights; neighbouring samples of an oscillation are not independent, which an eighth of it stands for.
    let (mut total, mut spread) = (0.0, 0.0);
    for (i, x) in criterion.iter().enumerate().filter(|(_, x)| x.is_finite()) {
        let weight = (-0.5 * (x - least)).exp();
        total += weight;
        spread += weight * (i as f64 - best as f64).powi(2);
    }
    Some(Onset { sample: (start + best) as f64, sigma: (spread / total).sqrt().hypot(period / 8.0) })
}

fn mean_of(samples: &[f32]) -> f32 {
    samples.iter().sum::<f32>() / samples.len().max(1) as f32
}

/// Akaike's criterion of a split before each sample: `k ln σ²(left) + (n − k) ln σ²(right)`.
fn akaike(samples: &[f32], mean: f32) -> Vec<f64> {
    let squares: Vec<f64> = samples.iter().map(|x| f64::from(x - mean).powi(2)).collect();
    let total: f64 = squares.iter().sum();
    let n = squares.len() as f64;
    let mut left = 0.0;
    squares
        .iter()
        .enumerate()
        .map(|(k, square)| {
            let (here, k) = (left, k as f64);
            left += square;
            // Four samples a side make a variance.
            if k < 4.0 || n - k < 4.0 || here <= 0.0 || total <= here {
                return f64::INFINITY;
            }
            k * (here / k).ln() + (n - k) * ((total - here) / (n - k)).ln()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_distr::{Distribution, StandardNormal};

    fn record(zeros: usize, arrival: usize, amplitude: f32) -> Vec<f32> {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(5);
        (0..1500)
            .map(|i| {
                let noise: f32 = StandardNormal.sample(&mut rng);
                let since = i as f32 - arrival as f32;
                let wave = if since >= 0.0 { amplitude * (since / 20.0 * std::f32::consts::TAU).sin() } else { 0.0 };
                // A second wave, ten times louder, follows 300 samples later.
                let late = if since >= 300.0 { 10.0 * amplitude * (since / 25.0).sin() } else { 0.0 };
                if i < zeros { 0.0 } else { noise + wave + late }
            })
            .collect()
    }

    #[test]
    fn a_faint_arrival_is_found_before_a_loud_one() {
        for amplitude in [15.0, 100.0] {
            let found = onset(&record(0, 700, amplitude), 500, 20.0).unwrap();
            // A sine rises out of unit noise within asin(2/15) of its 20 samples; twice that, and a sample.
            assert!((found.sample - 700.0).abs() < 3.0, "{amplitude}: {found:?}");
            assert!(found.sigma >= 2.5 && found.sigma < 6.0, "{found:?}");
        }
    }

    #[test]
    fn the_edge_of_a_recorder_that_had_not_begun_is_no_arrival() {
        let found = onset(&record(217, 700, 30.0), 500, 20.0).unwrap();
        assert!((found.sample - 700.0).abs() < 3.0, "{found:?}");
    }

    #[test]
    fn noise_alone_has_no_onset() {
        assert_eq!(onset(&record(0, 5000, 30.0), 500, 20.0), None);
        assert_eq!(onset(&[0.0; 400], 100, 20.0), None);
        assert_eq!(onset(&[], 0, 20.0), None);
    }
}
