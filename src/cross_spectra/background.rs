//! What is new in a capture over a background capture of the same place: by subtraction, and by whitening.
//!
//! Subtraction is perfect while the machines keep their level and fails when it moves by a decibel; whitening turns
//! each beam away from what the background holds, whatever its level, but loses leaks that lie in its direction. They
//! fail differently, so both are made and compared.

use nalgebra::{Complex, DMatrix};
use rayon::prelude::*;

use super::matrix::{CrossSpectra, Layout};
use super::means::{Means, narrow, wide};

/// Regularisation of the background's inverse, in units of the mean channel power.
const DIAGONAL_LOADING: f64 = 0.03;

/// Capture minus background, densities; autos are those of the capture, so that weighting by them stays bounded.
pub fn excess(capture: &Means, background: &Means) -> Means {
    let segments = segments_of_difference(capture, background);
    Means { segments, auto: capture.auto.clone(), cross: &capture.cross - &background.cross }
}

/// A difference of two means scatters like the mean of so many segments.
fn segments_of_difference(one: &Means, other: &Means) -> u64 {
    (one.segments * other.segments / (one.segments + other.segments).max(1)).max(1)
}

/// Capture minus background, both seen through the inverse of the background: `D = B₁⁻¹ (G − B₂) B₁⁻¹`.
///
/// `B₁` and `B₂` come from alternate blocks of the background: the same data in both would leave a ghost at the fan
/// (inverse-Wishart bias). Channels of different clock groups are treated apart. The autos are those of the capture
/// seen the same way, so that SCOT on the result is bounded.
pub fn whitened(capture: &Means, background: &CrossSpectra) -> Means {
    let layout = background.layout();
    let [first, second] = background.half_means();
    let channels = layout.groups.len();
    let mut groups: Vec<usize> = layout.groups.clone();
    groups.sort_unstable();
    groups.dedup();
    let members: Vec<Vec<usize>> =
        groups.iter().map(|g| (0..channels).filter(|&c| layout.groups[c] == *g).collect()).collect();
    let columns: Vec<_> = (0..layout.bins)
        .into_par_iter()
        .map(|k| {
            let mut auto = vec![0.0; channels];
            let mut cross = vec![Complex::default(); layout.pairs.len()];
            for group in &members {
                let scale: Vec<f64> =
                    group.iter().map(|&c| capture.auto[[c, k]].max(f64::MIN_POSITIVE).sqrt()).collect();
                let matrix = |means: &Means| coherence_matrix(means, layout, group, &scale, k);
                let (heard, b1, b2) = (matrix(capture), matrix(&first), matrix(&second));
                let loading = Complex::from(DIAGONAL_LOADING * b1.trace().re / group.len() as f64 + 1e-12);
                let Some(inverse) = (b1 + DMatrix::identity(group.len(), group.len()) * loading).try_inverse() else {
                    continue;
                };
                let through = &inverse * &heard * &inverse;
                let new = &inverse * (&heard - b2) * &inverse;
                for (i, &c) in group.iter().enumerate() {
                    auto[c] = through[(i, i)].re;
                }
                for (row, &(m, n)) in layout.pairs.iter().enumerate() {
                    let place = |c: usize| group.iter().position(|&member| member == c);
                    if let (Some(i), Some(j)) = (place(m), place(n)) {
                        cross[row] = narrow(new[(i, j)]);
                    }
                }
            }
            (auto, cross)
        })
        .collect();
    let mut result = Means::zero(layout);
    result.segments = segments_of_difference(capture, &second);
    for (k, (auto, cross)) in columns.into_iter().enumerate() {
        result.auto.column_mut(k).iter_mut().zip(auto).for_each(|(to, x)| *to = x);
        result.cross.column_mut(k).iter_mut().zip(cross).for_each(|(to, x)| *to = x);
    }
    result
}

/// The matrix of one bin and clock group, each channel divided by `scale`.
fn coherence_matrix(means: &Means, layout: &Layout, group: &[usize], scale: &[f64], k: usize) -> DMatrix<Complex<f64>> {
    let mut matrix = DMatrix::zeros(group.len(), group.len());
    for (i, &c) in group.iter().enumerate() {
        matrix[(i, i)] = Complex::from(means.auto[[c, k]] / (scale[i] * scale[i]));
    }
    for (row, &(m, n)) in layout.pairs.iter().enumerate() {
        let place = |c: usize| group.iter().position(|&member| member == c);
        if let (Some(i), Some(j)) = (place(m), place(n)) {
            let g = wide(means.cross[[row, k]]) / (scale[i] * scale[j]);
            matrix[(i, j)] = g;
            matrix[(j, i)] = g.conj();
        }
    }
    matrix
}
