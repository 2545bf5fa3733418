//! What cutting into segments leaves of a correlation: a lag window.
//!
//! Sound that reaches two sensors `τ` apart lies in one segment of both for only part of it, so the mean of `X_m conj(X_n)`
//! over segments shows `R(τ) = Σ w(t)w(t+τ) / Σ w²` of their coherence (Blackman & Tukey 1958; Carter 1987 calls it
//! misalignment loss). Little is lost by it, for the noise at that lag is scaled alike; what counts is how
//! evenly overlapping segments use the recording there, `(Σv)² / Σv²` with `v(t) = Σ_k w(t − k·hop) w(t + τ − k·hop)`, and
//! that a transform of length `N` cannot tell `τ` from `N − τ`, whose noise comes on top.

use realfft::num_complex::Complex;

use super::segmentation::Segmentation;

/// Lags at which the window is tabulated, over one segment; it is linear in between, to 1e-3 of its top.
const LAGS: usize = 64;

/// Where less of the coherence is left, it is not raised further, and counts for nothing.
const LEAST: f64 = 0.05;

/// Bins whose products share less are independent.
const UNSHARED: f64 = 1e-3;

/// What is left of a coherence, and of the samples that tell it, over the lag between two channels.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LagWindow {
    /// Seconds between the values.
    step_s: f64,
    left: Vec<Left>,
    /// Correlation of a product of two channels with that of the next bin, of the one after, and so on.
    neighbours: Vec<f64>,
}

/// What is left at one lag.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Left {
    /// Of the coherence.
    pub coherence: f64,
    /// Of the independent samples.
    pub samples: f64,
}

impl LagWindow {
    /// Of recordings cut like this. A single segment is one event, whole in every channel: nothing of it is lost.
    pub fn new(cut: &Segmentation, sample_rate_hz: f64) -> Self {
        let window = cut.window();
        let neighbours = neighbours(&window, cut.fft_samples);
        if cut.hop_samples >= cut.segment_samples {
            return Self { neighbours, ..Self::default() };
        }
        let step = cut.segment_samples.div_ceil(LAGS);
        let at = |lag: usize| {
            let products = window.iter().skip(lag).zip(&window).map(|(a, b)| a * b);
            let mut overlapped = vec![0.0; cut.hop_samples];
            products.enumerate().for_each(|(t, x)| overlapped[t % cut.hop_samples] += x);
            (overlapped.iter().sum::<f64>(), overlapped.iter().map(|v| v * v).sum::<f64>())
        };
        let whole = at(0);
        let left = (0..=LAGS).map(|i| i * step).map(|lag| {
            let ((sum, squares), (_, alias)) = (at(lag), at(cut.fft_samples.abs_diff(lag)));
            let coherence = sum / whole.0;
            let samples = coherence.powi(2) * whole.1 / (squares + if lag > 0 { alias } else { 0.0 });
            if coherence > LEAST { Left { coherence, samples } } else { Left { coherence: LEAST, samples: 0.0 } }
        });
        Self { step_s: step as f64 / sample_rate_hz, left: left.collect(), neighbours }
    }

    /// Variance of the sum of so many bins' products of independent channels, over that of as many independent ones.
    pub fn crowding(&self, bins: usize) -> f64 {
        let apart = |(before, shared): (usize, &f64)| (bins as f64 - (before + 1) as f64).max(0.0) * shared;
        1.0 + 2.0 * self.neighbours.iter().enumerate().map(apart).sum::<f64>() / bins as f64
    }

    /// What is left at a lag, seconds.
    pub fn at(&self, lag_s: f64) -> Left {
        let Some(last) = self.left.last() else { return Left { coherence: 1.0, samples: 1.0 } };
        let place = (lag_s / self.step_s).abs();
        let index = place as usize;
        let Some(next) = self.left.get(index + 1) else { return *last };
        let (this, share) = (self.left[index], place - index as f64);
        let between = |a: f64, b: f64| a + share * (b - a);
        Left { coherence: between(this.coherence, next.coherence), samples: between(this.samples, next.samples) }
    }
}

/// Correlation of a product of two channels with that of the next bin, of the one after, and so on.
fn neighbours(window: &[f64], fft_samples: usize) -> Vec<f64> {
    let whole: f64 = window.iter().map(|w| w * w).sum();
    let turn = std::f64::consts::TAU / fft_samples as f64;
    let shared = |bins: usize| -> f64 {
        let of_sample = |(t, w): (usize, &f64)| Complex::from_polar(w * w / whole, turn * (bins * t) as f64);
        window.iter().enumerate().map(of_sample).sum::<Complex<f64>>().norm_sqr()
    };
    (1..=fft_samples / 2).map(shared).take_while(|shared| *shared > UNSHARED).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Taper;
    use super::*;

    const CUT: Segmentation =
        Segmentation { segment_samples: 1024, hop_samples: 512, fft_samples: 1024, taper: Taper::Hann };

    #[test]
    fn hann_leaves_its_autocorrelation() {
        let window = LagWindow::new(&CUT, 1e3);
        // ∫ cos²(πx) cos²(π(x + s)) over what overlaps, over its value at s = 0:
        // (1 − s)(2 + cos 2πs)/3 + sin(2πs)/(2π).
        for s in [0.0, 0.1, 0.25, 0.5] {
            let tau = std::f64::consts::TAU;
            let exact = (1.0 - s) * (2.0 + (tau * s).cos()) / 3.0 + (tau * s).sin() / tau;
            let left = window.at(s * 1.024).coherence;
            assert!((left - exact).abs() < 1e-3, "{s}: {left}, {exact}");
        }
        assert_eq!(window.at(0.75 * 1.024), Left { coherence: LEAST, samples: 0.0 });
        assert_eq!(window.at(7.0).samples, 0.0);
    }

    #[test]
    fn samples_are_lost_where_segments_overlap_unevenly() {
        let window = LagWindow::new(&CUT, 1e3);
        assert!((window.at(0.0).samples - 1.0).abs() < 1e-12);
        // Half a segment apart v is sin² of twice the phase: (1/2)² / (3/8) of the record, 18/19 at no lag; and as much noise
        // comes from half a segment the other way.
        assert!((window.at(0.512).samples - 0.5 * 2.0 / 3.0 / (18.0 / 19.0)).abs() < 1e-3, "{:?}", window.at(0.512));
        let quarter = LagWindow::new(&Segmentation { fft_samples: 2048, ..CUT }, 1e3).at(0.256).samples;
        assert!((window.at(0.256).samples / quarter - 1.0).abs() < 0.02, "a quarter hardly hears the other way");
        assert_eq!(window.at(-0.3), window.at(0.3));
    }

    #[test]
    fn bins_under_a_window_are_crowded() {
        let window = LagWindow::new(&CUT, 1e3);
        // Hann's amplitudes -1/4, 1/2, -1/4 overlap by 2/3 and 1/6 of their energy.
        assert!((window.crowding(1) - 1.0).abs() < 1e-12);
        assert!((window.crowding(2) - (1.0 + 4.0 / 9.0)).abs() < 1e-9);
        let of_four = 1.0 + 2.0 * (0.75 * 4.0 / 9.0 + 0.5 / 36.0);
        assert!((window.crowding(4) - of_four).abs() < 1e-9, "{}", window.crowding(4));
    }

    #[test]
    fn one_segment_holds_its_event_whole() {
        let whole = Segmentation { hop_samples: 1024, ..CUT };
        let window = LagWindow::new(&whole, 1e3);
        assert_eq!(window.at(0.2), Left { coherence: 1.0, samples: 1.0 });
        // Its bins are as crowded as those of any other, and more where the transform is longer.
        let longer = LagWindow::new(&Segmentation { fft_samples: 2048, ..whole }, 1e3);
        assert!(window.crowding(9) > 1.5 && longer.crowding(9) > 1.5 * window.crowding(9));
        // A single sample shares all bins with each other; that ends with the last.
        assert_eq!(neighbours(&[1.0], 8), [1.0; 4]);
    }
}
