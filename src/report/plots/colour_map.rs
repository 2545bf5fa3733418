//! One perceptually uniform colour map for every map and matrix.

use super::picture::IndexedImage;

/// Entries of the map; the last palette index stays free for "no value".
pub(super) const STEPS: usize = 255;

/// The palette index that is drawn as nothing.
pub(super) const NOTHING: u8 = 255;

/// Viridis at 17 equal steps (S. van der Walt and N. Smith, matplotlib 1.5, CC0): dark blue is least, yellow most.
const ANCHORS: [[u8; 3]; 17] = [
    [68, 1, 84],
    [72, 24, 106],
    [71, 45, 123],
    [66, 64, 134],
    [59, 82, 139],
    [51, 99, 141],
    [44, 114, 142],
    [38, 130, 142],
    [33, 145, 140],
    [31, 160, 136],
    [40, 174, 128],
    [63, 188, 115],
    [94, 201, 98],
    [132, 212, 75],
    [173, 220, 48],
    [216, 226, 25],
    [253, 231, 37],
];

/// How values become colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// From least to most.
    Sequential,
    /// From less, blue, over nothing, white, to more, orange; told apart by all eyes.
    Diverging,
}

/// The ends and the middle of the diverging scale.
const LESS_MORE: [[u8; 3]; 3] = [[0, 80, 150], [247, 247, 247], [190, 60, 0]];

/// The colour of a share of the range, 0 to 1; shares beyond are held at the ends.
pub(super) fn colour(share: f64) -> [u8; 3] {
    let x = share.clamp(0.0, 1.0) * (ANCHORS.len() - 1) as f64;
    let low = (x as usize).min(ANCHORS.len() - 2);
    let t = x - low as f64;
    std::array::from_fn(|c| {
        let [a, b] = [ANCHORS[low][c], ANCHORS[low + 1][c]].map(f64::from);
        (a + (b - a) * t).round() as u8
    })
}

/// The palette index of a share of the range; [`NOTHING`] for a value that is not finite.
pub(super) fn index(share: f64) -> u8 {
    if share.is_nan() { NOTHING } else { (share.clamp(0.0, 1.0) * (STEPS - 1) as f64).round() as u8 }
}

/// The whole map.
pub(super) fn palette() -> Vec<[u8; 3]> {
    (0..STEPS).map(|i| colour(i as f64 / (STEPS - 1) as f64)).collect()
}

fn diverging() -> Vec<[u8; 3]> {
    let colour = |share: f64| {
        let (low, t) = if share < 0.5 { (0, 2.0 * share) } else { (1, 2.0 * share - 1.0) };
        std::array::from_fn(|c| {
            let [a, b] = [LESS_MORE[low][c], LESS_MORE[low + 1][c]].map(f64::from);
            (a + (b - a) * t).round() as u8
        })
    };
    (0..STEPS).map(|i| colour(i as f64 / (STEPS - 1) as f64)).collect()
}

/// As [`image`], in the colours of a scale; `size` is width and height.
pub(super) fn scaled(
    scale: Scale,
    [width, height]: [usize; 2],
    share: impl FnMut(usize, usize) -> f64,
) -> IndexedImage {
    let image = image(width, height, share);
    match scale {
        Scale::Sequential => image,
        Scale::Diverging => IndexedImage { palette: diverging(), ..image },
    }
}

/// An image whose pixels are given as shares of the range, NaN where there is nothing.
pub(super) fn image(width: usize, height: usize, mut share: impl FnMut(usize, usize) -> f64) -> IndexedImage {
    let mut pixels = Vec::with_capacity(width * height);
    for y in 0..height {
        pixels.extend((0..width).map(|x| index(share(x, y))));
    }
    IndexedImage { width, height, palette: palette(), index: pixels }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CIE lightness of an sRGB colour (IEC 61966-2-1).
    fn lightness(colour: [u8; 3]) -> f64 {
        let [r, g, b] = colour.map(|c| {
            let c = f64::from(c) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        });
        116.0 * (0.2126 * r + 0.7152 * g + 0.0722 * b).cbrt() - 16.0
    }

    #[test]
    fn lightness_rises_steadily() {
        let values: Vec<f64> = (0..=32).map(|i| lightness(colour(f64::from(i) / 32.0))).collect();
        let steps: Vec<f64> = values.windows(2).map(|w| w[1] - w[0]).collect();
        let mean = (values[32] - values[0]) / 32.0;
        assert!(steps.iter().all(|s| (s / mean - 1.0).abs() < 0.35), "{steps:?}");
    }

    #[test]
    fn ends_hold_and_gaps_show() {
        assert_eq!(index(-3.0), 0);
        assert_eq!(usize::from(index(7.0)), STEPS - 1);
        assert_eq!(index(f64::NAN), NOTHING);
        assert_eq!(palette().len(), STEPS);
    }
}
