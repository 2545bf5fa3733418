//! Takes a located leak out of the cross-spectra, with everything coherent with it, so that the next can be heard.
//!
//! CLEAN-SC (Sijtsma 2007, Int. J. Aeroacoustics 6:357): what a beam at the leak hears is correlated with every channel,
//! and that correlation, echoes included, is subtracted. The beam is steered with the measured ranges: a sensor a few
//! millimetres off its place would leave half of the leak behind.

use nalgebra::{Complex, DVector};
use ndarray::{Array2, ArrayView1, ArrayViewMut2, Axis};
use rayon::prelude::*;

use super::signature::Signature;
use crate::cross_spectra::{Coherence, narrow, wide};

/// Rounds of the fixed-point iteration for the source's signature, at most, and the change of its power at which it has
/// settled; it halves its error each time and more.
const ROUNDS: usize = 12;
const SETTLED: f64 = 1e-6;

/// Bins that are explained by one thread at a time.
const RUN: usize = 64;

/// The coherence that is left when the source with these ranges is explained away, bin by bin and clock by clock, whatever
/// its spectrum: what is coherent with it by chance goes too, and of every other source as much as the beam hears.
///
/// Powers stay those of the capture, so that what is left is bounded by what was there.
pub fn explained_away(coherence: &Coherence, wavenumber_rad_m: &[f64], ranges_m: &DVector<f64>) -> Coherence {
    let mut groups = coherence.groups.clone();
    groups.sort_unstable();
    groups.dedup();
    let mut left = coherence.clone();
    for group in groups {
        let members: Vec<usize> = (0..coherence.groups.len()).filter(|&m| coherence.groups[m] == group).collect();
        let rows: Vec<(usize, usize, usize)> = coherence
            .pairs
            .iter()
            .enumerate()
            .filter(|(_, (m, _))| coherence.groups[*m] == group)
            .filter_map(|(row, (m, n))| Some((row, members.binary_search(m).ok()?, members.binary_search(n).ok()?)))
            .collect();
        let explain = |(mut bins, k): (ArrayViewMut2<'_, Complex<f32>>, &[f64])| {
            for (mut column, k) in bins.columns_mut().into_iter().zip(k) {
                let steering =
                    DVector::from_iterator(members.len(), members.iter().map(|&m| Complex::cis(-k * ranges_m[m])));
                let source = signature(&rows, column.view(), &steering);
                rows.iter().for_each(|&(row, i, j)| column[row] -= narrow(source[i] * source[j].conj()));
            }
        };
        let runs: Vec<_> = left.value.axis_chunks_iter_mut(Axis(1), RUN).zip(wavenumber_rad_m.chunks(RUN)).collect();
        runs.into_par_iter().for_each(explain);
    }
    left
}

/// The coherence that is left without the leak at these ranges: only as much of it goes as chance does not explain, so that
/// what is left can be judged.
pub fn without_leak(coherence: &Coherence, wavenumber_rad_m: &[f64], ranges_m: &DVector<f64>) -> Coherence {
    let signature = Signature::of(coherence, wavenumber_rad_m, ranges_m);
    let mut left = coherence.clone();
    let rows: Vec<_> = left.value.rows_mut().into_iter().zip(&coherence.pairs).enumerate().collect();
    rows.into_par_iter().for_each(|(row, (mut value, pair))| {
        value.iter_mut().zip(signature.of_pair(row, *pair)).for_each(|(g, explained)| *g -= narrow(explained));
    });
    left
}

/// Amplitudes and phases with which the source at the beam's focus reaches each channel; zero where the beam hears
/// nothing. `rows` are those of `coherence` and the channels of each; the diagonal of their matrix is empty.
fn signature(
    rows: &[(usize, usize, usize)],
    coherence: ArrayView1<'_, Complex<f32>>,
    steering: &DVector<Complex<f64>>,
) -> DVector<Complex<f64>> {
    let weight = steering / Complex::from(steering.len() as f64);
    let mut heard = DVector::zeros(steering.len());
    for &(row, i, j) in rows {
        let g = wide(coherence[row]);
        heard[i] += g * weight[j];
        heard[j] += g.conj() * weight[i];
    }
    let (beam, each) = (weight.dotc(&heard).re, 1.0 / (steering.len() * steering.len()) as f64);
    let mut source = steering.clone();
    let mut power = 0.0;
    for _ in 0..ROUNDS {
        // The empty diagonal lacks the source's own power, |h|² on each channel; it is put back as it becomes known.
        let (own, before) = (each * source.norm_squared(), power);
        power = beam / (1.0 - own).max(0.1);
        if power <= 0.0 {
            return DVector::zeros(steering.len());
        }
        source.zip_zip_apply(&heard, &weight, |h, heard, w| *h = heard / power + w * h.norm_sqr());
        let norm = weight.dotc(&source);
        source.apply(|h| *h /= norm);
        // What is still to come is less than what the last round changed.
        if (power - before).abs() < SETTLED * power {
            break;
        }
    }
    source * Complex::from(power.sqrt())
}

/// What a wave turns by on its way over these ranges; `[sensor, bin]`.
pub fn turns(wavenumber_rad_m: &[f64], ranges_m: &DVector<f64>) -> Array2<Complex<f64>> {
    Array2::from_shape_fn((ranges_m.len(), wavenumber_rad_m.len()), |(m, bin)| {
        Complex::cis(wavenumber_rad_m[bin] * ranges_m[m])
    })
}

/// Mean over pairs and bins of the correlation that a place's measured ranges line up.
pub fn mean_correlation(coherence: &Coherence, wavenumber_rad_m: &[f64], ranges_m: &DVector<f64>) -> f64 {
    let turn = turns(wavenumber_rad_m, ranges_m);
    let of_pair = |(row, &(m, n)): (usize, &(usize, usize))| -> f64 {
        let turns = turn.row(m).into_iter().zip(turn.row(n));
        coherence
            .value
            .row(row)
            .iter()
            .zip(turns)
            .map(|(g, (first, second))| (wide(*g) * (first * second.conj())).re)
            .sum()
    };
    coherence.pairs.iter().enumerate().map(of_pair).sum::<f64>() / coherence.value.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn one_source_with_its_echo_leaves_nothing_and_a_second_source_stays() {
        let k = [900.0];
        let ranges = DVector::from_row_slice(&[0.31, 0.87, 0.55, 1.2, 0.72, 0.44]);
        let pairs: Vec<_> = (0..6).flat_map(|m| (m + 1..6).map(move |n| (m, n))).collect();
        // Amplitudes differ and an echo turns the phases: CLEAN-SC takes the source as it is heard, not as it is steered.
        let first: Vec<Complex<f64>> = (0..6)
            .map(|m| {
                Complex::cis(-900.0 * ranges[m]) * Complex::from_polar(0.4 + 0.05 * m as f64, 0.2 * (m as f64).sin())
            })
            .collect();
        let second: Vec<Complex<f64>> = (0..6).map(|m| Complex::from_polar(0.1, 2.1 * (m * m) as f64)).collect();
        let product = |h: &[Complex<f64>], (m, n): (usize, usize)| h[m] * h[n].conj();
        let coherence = |with_second: bool| Coherence {
            frequency_hz: vec![0.0],
            pairs: pairs.clone(),
            groups: vec![0; 6],
            averages: f64::INFINITY,
            lag_window: Arc::default(),
            emphasis: None,
            value: Array2::from_shape_fn((15, 1), |(row, _)| {
                let other = if with_second { product(&second, pairs[row]) } else { Complex::default() };
                narrow(product(&first, pairs[row]) + other)
            }),
        };
        let alone = explained_away(&coherence(false), &k, &ranges);
        let worst = alone.value.iter().map(|g| g.norm()).fold(0.0, f32::max);
        assert!(worst < 1e-3 * 0.4 * 0.4, "{worst}");
        let both = explained_away(&coherence(true), &k, &ranges);
        let kept: f64 =
            both.value.iter().zip(&pairs).map(|(g, &pair)| (wide(*g) * product(&second, pair).conj()).re).sum();
        let there: f64 = pairs.iter().map(|&pair| product(&second, pair).norm_sqr()).sum();
        // What of the second source the beam hears at the first, a few per cent of its power, goes with it.
        assert!(kept > 0.5 * there, "{kept} of {there}");
    }
}
