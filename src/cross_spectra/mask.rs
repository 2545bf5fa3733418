//! Which bins carry hiss and which carry machines: lines stay coherent under every test for noise, so they go first.

use realfft::num_complex::Complex;

use super::matrix::Layout;
use super::means::{Means, wide};
use super::weighting::unbiased_coherence2;

/// What becomes of a bin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinFate {
    /// Kept.
    Used,
    /// Left out: a line in the power spectrum of some channel, or its skirt.
    Line,
    /// Left out: coherent between channels beyond its surroundings, though not louder.
    CoherentLine,
}

/// A line stands so far above the running median of its surroundings, as a power ratio (6 dB).
const LINE_RATIO: f64 = 4.0;
/// A line's skirt reaches down to this ratio (1.5 dB).
const SKIRT_RATIO: f64 = 1.41;
/// The skirt of a line with phase noise goes on below the noise floor, coherent everywhere and falling by the square of
/// the distance. Where it sinks into the floor its power is still 0.4 of the noise; two of its visible widths further,
/// at five times the distance, 0.016. The second choice, for bands full of lines, leaves 0.1.
const SKIRT_GROWTH: [f64; 2] = [2.0, 0.5];
/// Growing skirts must leave this share of the band.
const MIN_SHARE_LEFT: f64 = 0.25;
/// Width of the surroundings.
const SURROUNDINGS_HZ: f64 = 8e3;
/// Widths over which coherence is smoothed, bins: the skirts of phase noise are wide and flat.
const SMOOTHING: [usize; 3] = [3, 9, 27];
/// Excess over the running median that counts as coherent, in robust standard deviations.
const COHERENT_SIGMAS: f64 = 2.5;
/// With fewer averages than this, coherence between any two channels is chance, and power is its own surroundings.
const MIN_AVERAGES: f64 = 4.0;

/// Sorts the bins of a matrix; `averages` is its equivalent number of independent averages.
///
/// Both tests compare a bin with its surroundings of 8 kHz, so a hiss of any strength passes while a machine's lines,
/// and the skirts that phase noise spreads under the noise floor, do not.
pub fn bin_fates(mean: &Means, layout: &Layout, averages: f64) -> Vec<BinFate> {
    let mut fates = vec![BinFate::Used; layout.bins];
    if !tells_lines(layout, averages) {
        return fates;
    }
    let reach = reach(layout);
    // A mean of K exponential variables scatters by 1/sqrt(K): few averages need a higher threshold, five deviations.
    let line_ratio = LINE_RATIO.max(1.0 + 5.0 / averages.sqrt());
    let skirt_ratio = SKIRT_RATIO.max(1.0 + 2.0 / averages.sqrt());
    for row in mean.auto.rows() {
        let power: Vec<f64> = row.to_vec();
        let floor = running_median(&power, reach);
        let ratio = |k: usize| if floor[k] > 0.0 { power[k] / floor[k] } else { 0.0 };
        for peak in (0..layout.bins).filter(|&k| ratio(k) > line_ratio) {
            let below = (0..peak).rev().take_while(|&k| ratio(k) > skirt_ratio);
            let above = (peak + 1..layout.bins).take_while(|&k| ratio(k) > skirt_ratio);
            for k in below.chain(above).chain([peak]) {
                fates[k] = BinFate::Line;
            }
        }
    }
    for growth in SKIRT_GROWTH {
        let grown = with_skirts(&fates, growth);
        let left = grown.iter().filter(|f| **f == BinFate::Used).count();
        if left as f64 >= MIN_SHARE_LEFT * layout.bins as f64 {
            fates = grown;
            break;
        }
    }
    let coherence2 = raw_coherence2(mean, layout);
    for width in SMOOTHING {
        let smooth = smoothed(&coherence2, width, &fates);
        let middle = running_median(&smooth, reach);
        let deviation: Vec<f64> = smooth.iter().zip(&middle).map(|(x, m)| (x - m).abs()).collect();
        let spread = running_median(&deviation, reach);
        for k in 0..layout.bins {
            if fates[k] == BinFate::Used && smooth[k] - middle[k] > COHERENT_SIGMAS * 1.4826 * spread[k] {
                fates[k] = BinFate::CoherentLine;
            }
        }
    }
    fates
}

/// Whether a matrix with so many equivalent averages tells a machine's lines from hiss.
pub fn tells_lines(layout: &Layout, averages: f64) -> bool {
    averages >= MIN_AVERAGES && layout.bins >= 2 * reach(layout) / 3
}

/// Bins to each side that are a bin's surroundings.
fn reach(layout: &Layout) -> usize {
    ((SURROUNDINGS_HZ / layout.spacing_hz() / 2.0) as usize).max(16)
}

/// The fates with each run of line bins widened by `growth` times its own width to each side.
fn with_skirts(fates: &[BinFate], growth: f64) -> Vec<BinFate> {
    let line = |k: &usize| fates[*k] == BinFate::Line;
    let mut grown = fates.to_vec();
    let mut start = 0;
    while let Some(first) = (start..fates.len()).find(line) {
        let end = (first..fates.len()).find(|k| !line(k)).unwrap_or(fates.len());
        let more = ((end - first) as f64 * growth).round() as usize;
        grown[first.saturating_sub(more)..(end + more).min(fates.len())].fill(BinFate::Line);
        start = end;
    }
    grown
}

/// Squared coherence of each bin, mean over pairs, without the bias of `averages` independent averages.
pub fn mean_coherence2(mean: &Means, layout: &Layout, averages: f64) -> Vec<f64> {
    raw_coherence2(mean, layout).into_iter().map(|x| unbiased_coherence2(x, averages)).collect()
}

fn raw_coherence2(mean: &Means, layout: &Layout) -> Vec<f64> {
    let pairs = layout.pairs.len().max(1) as f64;
    let squared = |row: usize, k: usize, g: &Complex<f32>| {
        let (m, n) = layout.pairs[row];
        let power = mean.auto[[m, k]] * mean.auto[[n, k]];
        if power > 0.0 { wide(*g).norm_sqr() / power } else { 0.0 }
    };
    let mut coherence2 = vec![0.0; layout.bins];
    for ((row, k), g) in mean.cross.indexed_iter() {
        coherence2[k] += squared(row, k, g) / pairs;
    }
    coherence2
}

/// Mean over `width` bins about each bin, lines left out; where all are lines, the bin's own value.
fn smoothed(values: &[f64], width: usize, fates: &[BinFate]) -> Vec<f64> {
    let half = width / 2;
    (0..values.len())
        .map(|k| {
            let near = k.saturating_sub(half)..(k + half + 1).min(values.len());
            let (sum, count) = near
                .filter(|&i| fates[i] != BinFate::Line)
                .fold((0.0, 0usize), |(sum, count), i| (sum + values[i], count + 1));
            if count > 0 { sum / count as f64 } else { values[k] }
        })
        .collect()
}

/// Median over `reach` values to each side, fewer at the ends.
///
/// The window is kept sorted while it slides, one removal and one insertion a step.
fn running_median(values: &[f64], reach: usize) -> Vec<f64> {
    let mut window: Vec<f64> = values[..reach.min(values.len())].to_vec();
    window.sort_by(f64::total_cmp);
    let place = |window: &[f64], x: f64| window.partition_point(|y| y.total_cmp(&x).is_lt());
    (0..values.len())
        .map(|k| {
            if let Some(&entering) = values.get(k + reach) {
                window.insert(place(&window, entering), entering);
            }
            if k > reach {
                window.remove(place(&window, values[k - reach - 1]));
            }
            let middle = window.len() / 2;
            if window.len() % 2 == 1 { window[middle] } else { (window[middle - 1] + window[middle]) / 2.0 }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_median_is_the_median_of_each_window() {
        let values: Vec<f64> = (0..101).map(|i| f64::from((i * 37) % 101)).collect();
        for (k, median) in running_median(&values, 7).iter().enumerate() {
            let mut window = values[k.saturating_sub(7)..(k + 8).min(101)].to_vec();
            window.sort_by(f64::total_cmp);
            let n = window.len();
            assert_eq!(*median, (window[(n - 1) / 2] + window[n / 2]) / 2.0, "at {k}");
        }
    }
}
