//! One pass over a capture: every block through the FFT of every channel and into the matrix; nothing longer is kept.
//!
//! While one block is transformed, the next is read. Each sum is made by one task in the order of time, and tasks are
//! cut by channel and bin, never by thread: the same bytes come out on any number of threads.

use ndarray::{Array2, Axis, Slice};
use rayon::prelude::*;
use realfft::num_complex::Complex;

use super::matrix::{CrossSpectra, Layout, Sums};
use crate::capture::{Captures, Health};
use crate::channelise::{Scratch, Stft};
use crate::error::{Error, Result};

/// Segments transformed together. Their spectra are summed in single precision, which costs 1e-7 · 4 of a sum, and
/// the sums go to double.
const BLOCK_SEGMENTS: usize = 16;

/// Bins of one task: the spectra of 16 channels fit the second-level cache.
const TASK_BINS: usize = 256;

/// Size of the overview picture.
const PICTURE: [usize; 2] = [192, 320];

/// A stretch of a recording.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// First sample.
    pub first_frame: u64,
    /// Number of samples.
    pub frames: u64,
}

/// All that one pass gathers.
#[derive(Debug)]
pub struct Heard {
    /// The matrix.
    pub spectra: CrossSpectra,
    /// Rails and levels of each channel's raw samples.
    pub health: Vec<Health>,
    /// The whole frequency range, for people.
    pub overview: Overview,
}

/// Levels over the whole range of frequencies.
#[derive(Debug, Clone)]
pub struct Overview {
    /// Spacing of bins, hertz; the first is at zero.
    pub spacing_hz: f64,
    /// One-sided power spectral density, full scale²/Hz; `[channel, bin]`.
    pub density: Array2<f64>,
    /// Mean density over channels; `[frequency, time]`, the axes cut evenly.
    pub spectrogram: Array2<f32>,
}

/// What one channel keeps between blocks.
struct Channel {
    /// Spectra of the block, `[segment][bin]`, all bins.
    spectra: Vec<Complex<f32>>,
    scratch: Scratch,
    density: Vec<f64>,
    picture: Array2<f32>,
    health: Health,
}

/// Accumulates the cross-spectra of `span` of the selected channels.
///
/// `progress` is told the share done, from 0 to 1, after each block.
///
/// # Errors
/// Those of [`Captures::read`], and [`Error::Request`] where the span is shorter than one segment.
pub fn listen(
    captures: &mut Captures,
    span: Span,
    stft: &Stft,
    layout: &Layout,
    progress: &(dyn Fn(f64) + Sync),
) -> Result<Heard> {
    let cut = *stft.segmentation();
    let segments = cut.segments_in(span.frames);
    if segments == 0 {
        return Err(Error::request(format!(
            "{} samples are too few: one segment has {}; take a longer stretch",
            span.frames, cut.segment_samples
        )));
    }
    let channels = layout.groups.len();
    let picture = [PICTURE[0].min(stft.bins()), PICTURE[1].min(segments as usize)];
    let mut state: Vec<Channel> = (0..channels)
        .map(|_| Channel {
            spectra: vec![Complex::default(); BLOCK_SEGMENTS * stft.bins()],
            scratch: stft.scratch(),
            density: vec![0.0; stft.bins()],
            picture: Array2::zeros(picture),
            health: Health::default(),
        })
        .collect();
    let mut halves = [Sums::zero(layout), Sums::zero(layout)];

    let block_frames = |block: u64| -> (u64, usize, usize) {
        let first_segment = block * BLOCK_SEGMENTS as u64;
        let count = (segments - first_segment).min(BLOCK_SEGMENTS as u64) as usize;
        let first_frame = span.first_frame + first_segment * cut.hop_samples as u64;
        (first_frame, count, (count - 1) * cut.hop_samples + cut.segment_samples)
    };
    let blocks = segments.div_ceil(BLOCK_SEGMENTS as u64);
    let mut ahead = Array2::zeros((channels, block_frames(0).2));
    captures.read(block_frames(0).0, &mut ahead, 0)?;
    for block in 0..blocks {
        let (_, count, frames) = block_frames(block);
        let samples = ahead;
        let overlap = cut.segment_samples - cut.hop_samples;
        let read_next = || -> Result<Array2<f32>> {
            if block + 1 == blocks {
                return Ok(Array2::zeros((channels, 0)));
            }
            let (first_frame, _, next_frames) = block_frames(block + 1);
            let mut next = Array2::zeros((channels, next_frames));
            next.slice_axis_mut(Axis(1), Slice::from(..overlap))
                .assign(&samples.slice_axis(Axis(1), Slice::from(frames - overlap..)));
            captures.read(first_frame + overlap as u64, &mut next, overlap)?;
            Ok(next)
        };
        let transform = || {
            state.par_iter_mut().enumerate().for_each(|(c, channel)| {
                let row = samples.row(c);
                let row = row.as_slice().expect("rows are contiguous");
                channel.health.add(if block == 0 { row } else { &row[overlap..] });
                let first = block * BLOCK_SEGMENTS as u64;
                for l in 0..count {
                    let column = ((first + l as u64) * picture[1] as u64 / segments) as usize;
                    channel.transform(stft, row, l, column);
                }
            });
            accumulate(&mut halves[(block % 2) as usize], &state, count, layout, stft.bins());
        };
        let (next, ()) = rayon::join(read_next, transform);
        ahead = next?;
        progress((block + 1) as f64 / blocks as f64);
    }
    Ok(Heard {
        spectra: CrossSpectra::new(layout.clone(), halves),
        overview: overview(&state, stft, segments, picture),
        health: state.into_iter().map(|channel| channel.health).collect(),
    })
}

impl Channel {
    fn transform(&mut self, stft: &Stft, row: &[f32], l: usize, column: usize) {
        let cut = stft.segmentation();
        let bins = stft.bins();
        let segment = &row[l * cut.hop_samples..][..cut.segment_samples];
        let spectrum = &mut self.spectra[l * bins..][..bins];
        stft.transform(segment, &mut self.scratch, spectrum);
        let picture_rows = self.picture.nrows();
        for (k, (x, density)) in spectrum.iter().zip(&mut self.density).enumerate() {
            let power = x.norm_sqr();
            *density += f64::from(power);
            self.picture[[k * picture_rows / bins, column]] += power;
        }
    }
}

/// Adds the block's products to the sums, one task a range of bins.
fn accumulate(sums: &mut Sums, state: &[Channel], count: usize, layout: &Layout, stride: usize) {
    sums.segments += count as u64;
    let auto_parts = sums.auto.axis_chunks_iter_mut(Axis(1), TASK_BINS);
    let cross_parts = sums.cross.axis_chunks_iter_mut(Axis(1), TASK_BINS);
    let tasks: Vec<_> = auto_parts.zip(cross_parts).enumerate().collect();
    tasks.into_par_iter().for_each(|(task, (mut auto, mut cross))| {
        let width = auto.ncols();
        let first = layout.first_bin + task * TASK_BINS;
        let part = |channel: usize, l: usize| &state[channel].spectra[l * stride + first..][..width];
        let mut sum_re = [0.0f32; TASK_BINS];
        let mut sum_im = [0.0f32; TASK_BINS];
        for (channel, mut row) in auto.rows_mut().into_iter().enumerate() {
            sum_re[..width].fill(0.0);
            for l in 0..count {
                for (s, x) in sum_re.iter_mut().zip(part(channel, l)) {
                    *s += x.norm_sqr();
                }
            }
            row.iter_mut().zip(&sum_re).for_each(|(total, s)| *total += f64::from(*s));
        }
        for (&(m, n), mut row) in layout.pairs.iter().zip(cross.rows_mut()) {
            sum_re[..width].fill(0.0);
            sum_im[..width].fill(0.0);
            for l in 0..count {
                let products = part(m, l).iter().zip(part(n, l));
                for ((re, im), (x, y)) in sum_re.iter_mut().zip(&mut sum_im).zip(products) {
                    *re += x.re * y.re + x.im * y.im;
                    *im += x.im * y.re - x.re * y.im;
                }
            }
            for (total, (re, im)) in row.iter_mut().zip(sum_re.iter().zip(&sum_im)) {
                *total += Complex::new(f64::from(*re), f64::from(*im));
            }
        }
    });
}

fn overview(state: &[Channel], stft: &Stft, segments: u64, picture: [usize; 2]) -> Overview {
    let bins = stft.bins();
    let mut density = Array2::zeros((state.len(), bins));
    for (channel, mut row) in state.iter().zip(density.rows_mut()) {
        row.iter_mut().zip(&channel.density).for_each(|(d, sum)| *d = sum / segments as f64);
    }
    let mut spectrogram = Array2::zeros(picture);
    for channel in state {
        spectrogram += &channel.picture;
    }
    let share = |parts: usize, total: u64| -> Vec<f32> {
        let mut counts = vec![0.0; parts];
        (0..total).for_each(|i| counts[(i * parts as u64 / total) as usize] += 1.0);
        counts
    };
    let (rows, columns) = (share(picture[0], bins as u64), share(picture[1], segments));
    for ((row, column), power) in spectrogram.indexed_iter_mut() {
        *power /= rows[row] * columns[column] * state.len().max(1) as f32;
    }
    Overview { spacing_hz: stft.spacing_hz(), density, spectrogram }
}
