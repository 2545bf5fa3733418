//! What a clock that runs fast does to what its own recorder hears.
//!
//! Seconds of a clock that runs faster by `d` are shorter, so a bin that it calls `f` lies at `f (1 + d)` and sound turns by
//! `k(f (1 + d)) r` on its way: in air all ranges are longer by `d`, 30 µm a metre at 30 parts per million. Next to the
//! 0.1 % of a speed of sound that is nothing, but one recorder's ranges against another's are known better than that.
//! Between two clocks it is the mean of both: segments whose middles are laid over each other share, of a sound that is `τ`
//! later in the second, a stretch whose middle is `τ/2` later than theirs.

use nalgebra::DVector;
use realfft::num_complex::Complex;

use crate::cross_spectra::{Coherence, narrow};
use crate::propagation::Medium;

/// Cross-spectra as if all clocks ran alike: `drift` is how much faster that of each sensor runs, as a ratio.
pub fn at_one_rate(heard: &Coherence, medium: &Medium, drift: &DVector<f64>, ranges_m: &DVector<f64>) -> Coherence {
    let mut coherence = heard.clone();
    for (mut row, &(m, n)) in coherence.value.rows_mut().into_iter().zip(&heard.pairs) {
        let (faster, apart_m) = (1.0 + 0.5 * (drift[m] + drift[n]), ranges_m[m] - ranges_m[n]);
        if faster == 1.0 {
            continue;
        }
        for (value, hz) in row.iter_mut().zip(&heard.frequency_hz) {
            let turn = medium.wavenumber_rad_m(hz * faster) - medium.wavenumber_rad_m(*hz);
            *value *= narrow(Complex::cis(turn * apart_m));
        }
    }
    coherence
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;
    use std::sync::Arc;

    use ndarray::Array2;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::cross_spectra::wide;
    use crate::site::parse_site;

    const RATE_HZ: f64 = 192e3;
    const SEGMENT: usize = 256;

    /// What a clock that runs faster by `drift` hears of tones a quarter of a segment late, window and all; `[segment][bin]`.
    fn spectra(
        tones: &[(f64, f64)],
        middles_s: &[f64],
        drift: f64,
        late_s: f64,
        bins: &[usize],
    ) -> Vec<Vec<Complex<f64>>> {
        let of_segment = |middle_s: &f64| {
            let sample = |i: usize| {
                let from_middle_s = (i as f64 - SEGMENT as f64 / 2.0) / RATE_HZ / (1.0 + drift);
                let t_s = middle_s + from_middle_s - late_s;
                let heard: f64 = tones.iter().map(|(hz, phase)| (TAU * hz * t_s + phase).cos()).sum();
                heard * (std::f64::consts::PI * i as f64 / SEGMENT as f64).sin().powi(2)
            };
            let samples: Vec<f64> = (0..SEGMENT).map(sample).collect();
            let of_bin = |&bin: &usize| {
                let turn = |i: usize| Complex::cis(-TAU * (bin * i % SEGMENT) as f64 / SEGMENT as f64);
                samples.iter().enumerate().map(|(i, x)| turn(i) * x).sum()
            };
            bins.iter().map(of_bin).collect()
        };
        middles_s.iter().map(of_segment).collect()
    }

    #[test]
    fn clocks_that_run_apart_tell_the_ranges_that_one_clock_tells() {
        let medium = Medium::of(&parse_site(include_str!("../../samples/tunnel/site.toml"), "site.toml").unwrap());
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let tones: Vec<(f64, f64)> =
            (0..300).map(|_| (15e3 + 70e3 * rng.random::<f64>(), TAU * rng.random::<f64>())).collect();
        let bins: Vec<usize> = (27..107).collect();
        let frequency_hz: Vec<f64> = bins.iter().map(|&bin| bin as f64 * RATE_HZ / SEGMENT as f64).collect();
        let middles_s: Vec<f64> = (0..64).map(|i| i as f64 * SEGMENT as f64 / 2.0 / RATE_HZ).collect();
        // A quarter of a segment apart, clocks a hundred times worse than crystals: half of that is a sixth of a sample.
        let (late_s, drift) = (SEGMENT as f64 / 4.0 / RATE_HZ, 5e-3);
        let speed_m_s = medium.group_speed(50e3).0;
        for drift in [[0.0, drift], [drift, drift]] {
            let first = spectra(&tones, &middles_s, drift[0], 0.0, &bins);
            let second = spectra(&tones, &middles_s, drift[1], late_s, &bins);
            let product =
                |bin: usize| first.iter().zip(&second).map(|(x, y)| x[bin] * y[bin].conj()).sum::<Complex<f64>>();
            let heard = Coherence {
                frequency_hz: frequency_hz.clone(),
                pairs: vec![(0, 1)],
                groups: vec![0, 0],
                averages: 100.0,
                lag_window: Arc::default(),
                value: Array2::from_shape_fn((1, bins.len()), |(_, bin)| narrow(product(bin))),
                emphasis: None,
            };
            let ranges_m = DVector::from_row_slice(&[1.0, 1.0 + late_s * speed_m_s]);
            let at_one = at_one_rate(&heard, &medium, &DVector::from_row_slice(&drift), &ranges_m);
            let steered = |coherence: &Coherence| {
                let turns = frequency_hz.iter().map(|hz| Complex::cis(-TAU * hz * late_s));
                coherence.value.iter().zip(turns).map(|(g, turn)| wide(*g) * turn).sum::<Complex<f64>>()
            };
            // Two thirds of a coherence in 2000 independent products: a hundredth of a sample; four of those.
            let off = |coherence: &Coherence| steered(coherence).arg() / TAU / 50e3 * RATE_HZ;
            assert!(off(&at_one).abs() < 0.04, "{drift:?}: {} samples", off(&at_one));
            assert!(off(&heard).abs() > 0.12, "{drift:?}: {} samples", off(&heard));
        }
    }
}
