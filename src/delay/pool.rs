//! Maxima of a table over windows: an upper bound of everything inside a cell, in one look-up.

/// Each value replaced by the maximum of those up to `half_width` to each side.
///
/// Two running maxima over blocks of the window's width, one from each side, meet in every window (van Herk 1992):
/// three comparisons a value, whatever the width.
pub fn pooled(values: &[f32], half_width: usize) -> Vec<f32> {
    if half_width == 0 || values.is_empty() {
        return values.to_vec();
    }
    let width = 2 * half_width + 1;
    let padded = values.len() + 2 * half_width;
    let at =
        |i: usize| if i < half_width || i - half_width >= values.len() { f32::MIN } else { values[i - half_width] };
    let mut forward = vec![f32::MIN; padded];
    let mut backward = vec![f32::MIN; padded];
    for i in 0..padded {
        forward[i] = if i % width == 0 { at(i) } else { forward[i - 1].max(at(i)) };
        let j = padded - 1 - i;
        backward[j] = if j + 1 == padded || (j + 1).is_multiple_of(width) { at(j) } else { backward[j + 1].max(at(j)) };
    }
    (0..values.len()).map(|i| backward[i].max(forward[i + width - 1])).collect()
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
