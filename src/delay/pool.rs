//! Maxima of a table over windows: an upper bound of everything inside a cell, in one look-up.

/// Each value replaced by the maximum of those up to `half_width` to each side.
///
/// Windows grow by doubling, and two of the last power of two make one of any width: passes over the whole table that
/// compare several values at once.
pub fn pooled(values: &[f32], half_width: usize) -> Vec<f32> {
    if half_width == 0 || values.is_empty() {
        return values.to_vec();
    }
    let width = 2 * half_width + 1;
    let padded = values.len() + 2 * half_width;
    let mut maxima = vec![f32::MIN; padded];
    maxima[half_width..half_width + values.len()].copy_from_slice(values);
    let mut covered = 1;
    while covered < width {
        let ahead = covered.min(width - covered);
        maxima = maxima.iter().zip(&maxima[ahead..]).map(|(&here, &there)| larger(here, there)).collect();
        covered += ahead;
    }
    maxima
}

fn larger(x: f32, y: f32) -> f32 {
    if y > x { y } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 7919 + 13) % 1009) as f32 - 500.0).collect()
    }

    #[test]
    fn pooled_is_the_maximum_of_every_window() {
        for (count, half) in [(1, 3), (2, 1), (50, 0), (101, 4), (97, 60), (64, 32)] {
            let values = values(count);
            let expected: Vec<f32> = (0..count)
                .map(|i| {
                    values[i.saturating_sub(half)..(i + half + 1).min(count)].iter().copied().fold(f32::MIN, f32::max)
                })
                .collect();
            assert_eq!(pooled(&values, half), expected, "{count} values, half width {half}");
        }
    }
}
