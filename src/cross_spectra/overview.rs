//! Levels over the whole range of frequencies, for people.

use ndarray::Array2;

/// Size of the spectrogram.
const PICTURE: [usize; 2] = [192, 320];

/// Segments that an overview of a long capture rests on, about.
const SEGMENTS: u64 = 640;

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
    /// `[bin, channel]`.
    density: Array2<f64>,
    picture: Array2<f32>,
    rows: Vec<f32>,
    columns: Vec<f32>,
}

impl Sketch {
    /// For a capture whose segments come in `groups` of so many.
    pub fn new(channels: usize, bins: usize, groups: impl Iterator<Item = usize> + Clone) -> Self {
        let whole = groups.clone().map(|held| held as u64).sum::<u64>();
        let every = (whole / SEGMENTS).max(1);
        let segments = groups.step_by(every as usize).map(|held| held as u64).sum();
        let picture = Array2::zeros([PICTURE[0].min(bins), PICTURE[1].min(segments as usize)]);
        let mut rows = vec![0.0; picture.nrows()];
        (0..bins).for_each(|bin| rows[bin * picture.nrows() / bins] += 1.0);
        let columns = vec![0.0; picture.ncols()];
        Self { every, segments, whole, added: 0, density: Array2::zeros((bins, channels)), picture, rows, columns }
    }

    /// Whether a group of segments, counted from the start of the capture, is part of the overview.
    pub fn wants(&self, group: u64) -> bool {
        group.is_multiple_of(self.every)
    }

    /// Adds the powers of a group, `[segment][bin][channel]`, of some channels; the `last` of a group's chunks says so.
    pub fn add(&mut self, powers: &[f32], first_channel: usize, channels: usize, last: bool) {
        let bins = self.density.nrows();
        let segments = powers.chunks_exact(bins * channels);
        let count = segments.len() as u64;
        for (segment, powers) in segments.enumerate() {
            let column = ((self.added + segment as u64) * self.picture.ncols() as u64 / self.segments) as usize;
            for (bin, powers) in powers.chunks_exact(channels).enumerate() {
                let mut density = self.density.row_mut(bin);
                let density = density.as_slice_mut().expect("rows are contiguous");
                let density = &mut density[first_channel..first_channel + channels];
                density.iter_mut().zip(powers).for_each(|(sum, power)| *sum += f64::from(*power));
                self.picture[[bin * self.rows.len() / bins, column]] += powers.iter().sum::<f32>();
            }
            if last {
                self.columns[column] += 1.0;
            }
        }
        if last {
            self.added += count;
        }
    }

    /// The overview.
    pub fn finish(mut self, spacing_hz: f64) -> Overview {
        let channels = self.density.ncols().max(1) as f32;
        for ((row, column), power) in self.picture.indexed_iter_mut() {
            *power /= self.rows[row] * self.columns[column].max(1.0) * channels;
        }
        let density = self.density.t().mapv(|sum| sum / self.added.max(1) as f64);
        Overview {
            spacing_hz,
            density: density.as_standard_layout().into_owned(),
            spectrogram: self.picture,
            segments: self.whole,
        }
    }
}
