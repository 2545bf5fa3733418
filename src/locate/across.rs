//! Cross-spectra between recorders whose clocks run free, once it is known how they lie to each other.
//!
//! Each segment of the first recorder is compared with the stretch of every other in which the same sound lies: whole
//! samples are skipped, and the fraction that is left turns phases. What the clocks have over what was told of them stays in
//! the phases, as one delay and one drift a recorder; whoever uses such pairs must hold both for unknown.

use ndarray::Array2;
use rayon::prelude::*;
use realfft::num_complex::Complex;

use crate::capture::Captures;
use crate::channelise::{Segmentation, Stft};
use crate::cross_spectra::{Layout, Sums};
use crate::error::Result;

/// Segments that are read at once.
const BLOCK: usize = 32;

/// Blocks at most, evenly along the capture: what so many do not tell, sensor positions hide.
const BLOCKS: usize = 128;

/// One recorder's channels, and how its clock lies to that of the first.
#[derive(Debug, Clone)]
pub struct Laid {
    /// File and channel of each.
    pub selection: Vec<(usize, usize)>,
    /// Rows of the matrix that they are.
    pub channels: Vec<usize>,
    /// What is at frame `t` of the first recorder is so many frames later in this one: at frame 0, and more for each.
    pub behind: [f64; 2],
}

/// Sums over the segments that all recorders hold.
#[derive(Debug)]
pub struct Across {
    /// Pairs across recorders; those within one are zero.
    pub sums: Sums,
    /// The same, each segment times the time from the middle of all, seconds.
    pub tilted: Sums,
    /// Mean time of the segments by the clock of the first recorder, seconds, and the variance about it, seconds².
    pub time_s: (f64, f64),
    /// Share of the capture's segments that were used.
    pub shared: f64,
}

/// Listens across recorders; `None` where there is no segment that all of them hold.
///
/// `layout` has one group for all of them; `segments` is how many the capture has, from `first_frame` on.
///
/// # Errors
/// Those of reading.
pub fn across(
    captures: &mut Captures,
    stft: &Stft,
    layout: &Layout,
    (first_frame, segments): (u64, u64),
    recorders: &[Laid],
) -> Result<Option<Across>> {
    let cut = layout.segmentation;
    let frames = captures.frames() as f64;
    let start = |segment: u64| (first_frame + segment * cut.hop_samples as u64) as f64;
    let is_held = |segment: &u64| {
        let lies =
            |laid: &Laid| (0.0..=frames - cut.segment_samples as f64).contains(&laid.at(start(*segment), &cut).0);
        recorders.iter().all(lies)
    };
    let held: Vec<u64> = (0..segments).filter(is_held).collect();
    let every = held.len().div_ceil(BLOCK).div_ceil(BLOCKS).max(1);
    let blocks: Vec<&[u64]> = held.chunks(BLOCK).step_by(every).collect();
    let count = blocks.iter().map(|block| block.len()).sum::<usize>();
    if count < 2 {
        return Ok(None);
    }
    let middle = |segment: &u64| (start(*segment) + cut.segment_samples as f64 / 2.0) / layout.sample_rate_hz;
    let mean =
        |value: &dyn Fn(&u64) -> f64| blocks.iter().flat_map(|b| b.iter()).map(value).sum::<f64>() / count as f64;
    let mean_s = mean(&middle);
    let variance_s2 = mean(&|segment| (middle(segment) - mean_s).powi(2));
    let (mut sums, mut tilted) = (Sums::zero(layout), Sums::zero(layout));
    for block in blocks {
        let starts: Vec<f64> = block.iter().map(|segment| start(*segment)).collect();
        let mut spectra = Array2::from_elem((layout.groups.len(), starts.len() * layout.bins), Complex::default());
        for laid in recorders {
            laid.listen(captures, stft, layout, &starts, &mut spectra)?;
        }
        let apart =
            |&(m, n): &(usize, usize)| recorders.iter().all(|r| !(r.channels.contains(&m) && r.channels.contains(&n)));
        let rows = sums.cross.outer_iter_mut().zip(tilted.cross.outer_iter_mut()).zip(&layout.pairs);
        let rows: Vec<_> = rows.filter(|(_, pair)| apart(pair)).collect();
        rows.into_par_iter().for_each(|((mut sum, mut tilt), &(m, n))| {
            let of = |channel: usize| spectra.row(channel).to_slice().expect("rows are contiguous");
            let (x, y) = (of(m).chunks_exact(layout.bins), of(n).chunks_exact(layout.bins));
            for ((segment, x), y) in block.iter().zip(x).zip(y) {
                let from_middle_s = middle(segment) - mean_s;
                for ((sum, tilt), (x, y)) in sum.iter_mut().zip(&mut tilt).zip(x.iter().zip(y)) {
                    let product = x * y.conj();
                    let product = Complex::new(f64::from(product.re), f64::from(product.im));
                    *sum += product;
                    *tilt += product * from_middle_s;
                }
            }
        });
    }
    sums.segments = count as u64;
    tilted.segments = count as u64;
    let shared = count as f64 / segments as f64;
    Ok(Some(Across { sums, tilted, time_s: (mean_s, variance_s2), shared }))
}

impl Laid {
    /// First whole frame of the segment in which the sound of the one at `start` lies, and what of a frame is left.
    fn at(&self, start: f64, cut: &Segmentation) -> (f64, f64) {
        let behind = self.behind[0] + self.behind[1] * (start + cut.segment_samples as f64 / 2.0);
        let whole = (start + behind).round();
        (whole, start + behind - whole)
    }

    /// Spectra of its channels; `spectra` is `[channel, segment and bin]`.
    fn listen(
        &self,
        captures: &mut Captures,
        stft: &Stft,
        layout: &Layout,
        starts: &[f64],
        spectra: &mut Array2<Complex<f32>>,
    ) -> Result<()> {
        let cut = layout.segmentation;
        let places: Vec<(f64, f64)> = starts.iter().map(|start| self.at(*start, &cut)).collect();
        let from = places.iter().map(|place| place.0).fold(f64::MAX, f64::min);
        let to = places.iter().map(|place| place.0).fold(0.0, f64::max) + cut.segment_samples as f64;
        let mut frames = Array2::zeros(((to - from) as usize, self.selection.len()));
        captures.select(self.selection.clone());
        captures.read(from as u64, &mut frames, 0)?;
        for (&channel, column) in self.channels.iter().zip(frames.columns()) {
            let samples = column.to_vec();
            let mut row = spectra.row_mut(channel);
            let of_segments = row.as_slice_mut().expect("rows are contiguous").par_chunks_mut(layout.bins).zip(&places);
            let begin = || (stft.scratch(), vec![Complex::default(); stft.bins()]);
            of_segments.for_each_init(begin, |(scratch, whole), (kept, (frame, fraction))| {
                let first = (frame - from) as usize;
                stft.transform(&samples[first..first + cut.segment_samples], scratch, whole);
                for (i, x) in kept.iter_mut().enumerate() {
                    let bin = layout.first_bin + i;
                    let turn = std::f64::consts::TAU * bin as f64 / cut.fft_samples as f64 * fraction;
                    *x = whole[bin] * Complex::new(turn.cos() as f32, turn.sin() as f32);
                }
            });
        }
        Ok(())
    }
}
