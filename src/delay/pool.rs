//! Maxima of a table over windows: an upper bound of everything inside a cell, in one look-up.

/// Answers "the largest value between two indices" in constant time after `n log n` preparation.
#[derive(Debug, Clone)]
pub struct RangeMax {
    /// `levels[j][i]` is the maximum of `2^j` values from `i` on.
    levels: Vec<Vec<f32>>,
}

impl RangeMax {
    /// Prepares maxima of `values`.
    pub fn new(values: Vec<f32>) -> Self {
        let mut levels = vec![values];
        let mut width = 1;
        while 2 * width <= levels[0].len() {
            let last = &levels[levels.len() - 1];
            let next = (0..=last.len() - 1 - width).map(|i| last[i].max(last[i + width])).collect();
            levels.push(next);
            width *= 2;
        }
        Self { levels }
    }

    /// The largest of the values from `first` to `last`, both included and cut to the table.
    ///
    /// # Panics
    /// Where the table is empty or `first > last`.
    pub fn max(&self, first: usize, last: usize) -> f32 {
        let last = last.min(self.levels[0].len() - 1);
        let first = first.min(last);
        let level = (last - first + 1).ilog2() as usize;
        let row = &self.levels[level];
        row[first].max(row[last + 1 - (1 << level)])
    }
}

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

    #[test]
    fn range_max_is_the_maximum_of_every_range() {
        let values = values(77);
        let table = RangeMax::new(values.clone());
        for first in 0..77 {
            for last in first..80 {
                let expected = values[first..=last.min(76)].iter().copied().fold(f32::MIN, f32::max);
                assert_eq!(table.max(first, last), expected);
            }
        }
    }
}
