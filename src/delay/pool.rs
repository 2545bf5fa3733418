//! Maxima of a table over windows: an upper bound of everything inside a cell, in one look-up.

use pulp::{Simd, WithSimd};

use crate::simd::dispatch;

/// Each value replaced by the maximum of those up to `half_width` to each side.
pub fn pooled(values: &[f32], half_width: usize) -> Vec<f32> {
    dispatch(Pool { values, halvings: 0, half_width })
}

/// As [`pooled`], of a table that is halved as often before: of each two neighbours the larger one is kept.
pub fn halved_and_pooled(values: &[f32], halvings: u32, half_width: usize) -> Vec<f32> {
    dispatch(Pool { values, halvings, half_width })
}

struct Pool<'t> {
    values: &'t [f32],
    halvings: u32,
    half_width: usize,
}

impl WithSimd for Pool<'_> {
    type Output = Vec<f32>;

    /// Windows grow by doubling, and two of the last power of two make one of any width: passes over the whole table that
    /// compare several values at once.
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<f32> {
        let Self { values, halvings, half_width } = self;
        let mut halved: Vec<f32> = Vec::new();
        for round in 0..halvings {
            let whole = if round == 0 { values } else { &halved };
            let mut half = vec![0.0; whole.len().div_ceil(2)];
            for (one, two) in half.iter_mut().zip(whole.chunks_exact(2)) {
                *one = larger(two[0], two[1]);
            }
            // What has no neighbour stays.
            if let (Some(one), [rest]) = (half.last_mut(), whole.chunks_exact(2).remainder()) {
                *one = *rest;
            }
            halved = half;
        }
        let kept = if halvings == 0 { values } else { &halved };
        if half_width == 0 || kept.is_empty() {
            return kept.to_vec();
        }
        let width = 2 * half_width + 1;
        let mut maxima = vec![0.0; kept.len() + 2 * half_width];
        maxima[..half_width].fill(f32::MIN);
        maxima[half_width..][..kept.len()].copy_from_slice(kept);
        maxima[half_width + kept.len()..].fill(f32::MIN);
        let mut wider = vec![0.0; maxima.len()];
        let mut covered = 1;
        while covered < width {
            let ahead = covered.min(width - covered);
            let left = maxima.len() - ahead;
            for ((wide, here), there) in wider.iter_mut().zip(&maxima).zip(&maxima[ahead..]) {
                *wide = larger(*here, *there);
            }
            maxima.truncate(left);
            wider.truncate(left);
            std::mem::swap(&mut maxima, &mut wider);
            covered += ahead;
        }
        maxima
    }
}

#[inline(always)]
fn larger(x: f32, y: f32) -> f32 {
    if y > x { y } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 7919 + 13) % 1009) as f32 - 500.0).collect()
    }

    fn slowly(values: &[f32], half: usize) -> Vec<f32> {
        let window = |i: usize| i.saturating_sub(half)..(i + half + 1).min(values.len());
        (0..values.len()).map(|i| values[window(i)].iter().copied().fold(f32::MIN, f32::max)).collect()
    }

    #[test]
    fn pooled_is_the_maximum_of_every_window() {
        for (count, half) in [(1, 3), (2, 1), (50, 0), (101, 4), (97, 60), (64, 32)] {
            let values = values(count);
            assert_eq!(pooled(&values, half), slowly(&values, half), "{count} values, half width {half}");
        }
    }

    #[test]
    fn halving_keeps_the_largest_of_each_stretch() {
        for (count, halvings, half) in [(1, 2, 0), (97, 1, 3), (64, 3, 2), (131, 3, 1)] {
            let values = values(count);
            let stretches: Vec<f32> =
                values.chunks(1 << halvings).map(|part| part.iter().copied().fold(f32::MIN, f32::max)).collect();
            let expected = slowly(&stretches, half);
            assert_eq!(halved_and_pooled(&values, halvings, half), expected, "{count} values, {halvings}, {half}");
        }
    }
}
