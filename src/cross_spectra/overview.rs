//! Levels over the whole range of frequencies, for people.

use std::ops::Range;

use ndarray::Array2;
use pulp::{Simd, WithSimd};

use crate::channelise::Weave;
use crate::simd::dispatch;

/// Size of the spectrogram.
const PICTURE: [usize; 2] = [192, 320];

/// Segments that an overview of a long capture rests on, about: one a column.
const SEGMENTS: u64 = PICTURE[1] as u64;

/// Levels over the whole range of frequencies.
#[derive(Debug, Clone)]
pub struct Overview {
    /// Spacing of bins, hertz; the first is at zero.
    pub spacing_hz: f64,
    /// One-sided power spectral density, full scale²/Hz; `[channel, bin]`.
    pub density: Array2<f64>,
    /// Mean density over channels; `[frequency, time]`, the axes cut evenly.
    pub spectrogram: Array2<f32>,
    /// Segments that it stands for.
    pub segments: u64,
}

impl Overview {
    /// Adds what came after, heard with the same settings.
    pub fn append(&mut self, later: &Self) {
        let (mine, theirs) = (self.segments as f64, later.segments as f64);
        let whole = (mine + theirs).max(1.0);
        self.density = (&self.density * mine + &later.density * theirs) / whole;
        let [here, there] = [self.spectrogram.ncols(), later.spectrogram.ncols()];
        let columns = PICTURE[1].min(here + there);
        let rows = self.spectrogram.nrows().min(later.spectrogram.nrows());
        let joined = Array2::from_shape_fn((rows, columns), |(row, column)| {
            let at = (column as f64 + 0.5) / columns as f64 * whole;
            let of = |picture: &Array2<f32>, share: f64| {
                let column = (share * picture.ncols() as f64) as usize;
                picture[[row, column.min(picture.ncols() - 1)]]
            };
            if at < mine { of(&self.spectrogram, at / mine) } else { of(&later.spectrogram, (at - mine) / theirs) }
        });
        (self.spectrogram, self.segments) = (joined, self.segments + later.segments);
    }
}

/// An overview in the making.
#[derive(Debug)]
pub(super) struct Sketch {
    every: u64,
    segments: u64,
    whole: u64,
    added: u64,
    bins: usize,
    chunks: Vec<Range<usize>>,
    /// `[chunk][bin][lane]`.
    density: Vec<f64>,
    picture: Array2<f32>,
    columns: Vec<f32>,
}

impl Sketch {
    /// For a capture whose segments come in `groups` of so many.
    pub fn new(weave: &Weave, bins: usize, groups: impl Iterator<Item = usize> + Clone) -> Self {
        let whole = groups.clone().map(|held| held as u64).sum::<u64>();
        let every = (whole / SEGMENTS).max(1);
        let segments = groups.step_by(every as usize).map(|held| held as u64).sum();
        let picture = Array2::zeros([PICTURE[0].min(bins), PICTURE[1].min(segments as usize)]);
        let columns = vec![0.0; picture.ncols()];
        let density = vec![0.0; weave.chunks.len() * bins * weave.padded];
        Self { every, segments, whole, added: 0, bins, chunks: weave.chunks.clone(), density, picture, columns }
    }

    /// Whether a group of segments, counted from the start of the capture, is part of the overview.
    pub fn wants(&self, group: u64) -> bool {
        group.is_multiple_of(self.every)
    }

    /// Adds the powers of a group of so many segments, `[chunk][bin][lane]`, a lane being `segment · chunk + channel`.
    pub fn add(&mut self, powers: &[f32], segments: usize) {
        let first = self.added;
        let column = |segment: u64| ((first + segment) * self.picture.ncols() as u64 / self.segments) as usize;
        let columns: Vec<usize> = (0..segments as u64).map(column).collect();
        columns.iter().for_each(|&column| self.columns[column] += 1.0);
        self.added += segments as u64;
        dispatch(Added { sketch: self, powers, columns: &columns });
    }

    /// The overview.
    pub fn finish(mut self, spacing_hz: f64) -> Overview {
        let channels = self.chunks.last().map_or(1, |last| last.end) as f32;
        for row in 0..self.picture.nrows() {
            let bins = bins_of(row, self.picture.nrows(), self.bins).len() as f32;
            for (power, count) in self.picture.row_mut(row).iter_mut().zip(&self.columns) {
                *power /= bins * count.max(1.0) * channels;
            }
        }
        let chunk = self.chunks.first().map_or(1, Range::len);
        let width = self.density.len() / self.bins / self.chunks.len().max(1);
        let density = |(channel, bin): (usize, usize)| {
            let lanes = &self.density[(channel / chunk * self.bins + bin) * width..][..width];
            lanes.iter().skip(channel % chunk).step_by(chunk).sum::<f64>() / self.added.max(1) as f64
        };
        Overview {
            spacing_hz,
            density: Array2::from_shape_fn((channels as usize, self.bins), density),
            spectrogram: self.picture,
            segments: self.whole,
        }
    }
}

/// Powers of one group, whose segments are in these columns of the picture, into the sums.
struct Added<'t> {
    sketch: &'t mut Sketch,
    powers: &'t [f32],
    columns: &'t [usize],
}

impl WithSimd for Added<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { sketch, powers, columns } = self;
        let bins = sketch.bins;
        let (powers, _) = S::as_simd_f32s(powers);
        let chunk = sketch.chunks[0].len();
        for (i, powers) in powers.chunks_exact(bins).enumerate() {
            let density = &mut sketch.density[i * bins * S::F32_LANES..][..bins * S::F32_LANES];
            for row in 0..sketch.picture.nrows() {
                let of_row = bins_of(row, sketch.picture.nrows(), bins);
                let mut sums = simd.splat_f32s(0.0);
                for bin in of_row {
                    sums = simd.add_f32s(sums, powers[bin]);
                    widen::<S>(powers[bin], &mut density[bin * S::F32_LANES..]);
                }
                let sums: &[f32] = pulp::bytemuck::cast_slice(std::slice::from_ref(&sums));
                for (&column, sums) in columns.iter().zip(sums.chunks(chunk)) {
                    sketch.picture[[row, column]] += sums[..sketch.chunks[i].len()].iter().sum::<f32>();
                }
            }
        }
    }
}

/// The bins of a row of a picture of so many.
fn bins_of(row: usize, rows: usize, bins: usize) -> Range<usize> {
    (row * bins).div_ceil(rows)..((row + 1) * bins).div_ceil(rows)
}

/// Adds all lanes.
#[inline(always)]
fn widen<S: Simd>(register: S::f32s, sums: &mut [f64]) {
    let lanes: &[f32] = pulp::bytemuck::cast_slice(std::slice::from_ref(&register));
    for (sum, x) in sums[..S::F32_LANES].iter_mut().zip(&lanes[..S::F32_LANES]) {
        *sum += f64::from(*x);
    }
}
