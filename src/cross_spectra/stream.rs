//! One pass over a capture: every block through the FFT of every channel and into the matrix; nothing longer is kept.
//!
//! While one block is transformed, the next is read. Each sum is made by one task in the order of time, and tasks are
//! cut by channel and bin, never by thread: the same bytes come out on any number of threads.

use std::ops::Range;
use std::sync::Mutex;

use ndarray::{Array2, Axis, Slice};
use rayon::prelude::*;

use super::matrix::{CrossSpectra, Layout};
use super::overview::{Overview, Sketch};
use super::products::{Block, Products};
use crate::capture::{Captures, Health};
use crate::channelise::{Group, GroupScratch, Segmentation, Stft, Weave};
use crate::error::{Error, Result};

/// Segments and channels of a block: what is transformed together. A block's products are summed in single precision, which
/// costs a few 1e-7 of a sum, and the sums go to double: the more segments, the less often that is paid in memory traffic.
const BLOCK: usize = 512;

/// Segments of a block, whatever the channels.
const BLOCK_SEGMENTS: std::ops::RangeInclusive<usize> = 8..=64;

/// Segments of a block, where there are so many channels and segments: blocks go to either half of the matrix in turn, and
/// both halves of a short recording must hold as much.
fn block_segments(channels: usize, segments: u64) -> usize {
    let most = (BLOCK / channels.max(1)).clamp(*BLOCK_SEGMENTS.start(), *BLOCK_SEGMENTS.end()) as u64;
    segments.div_ceil(2 * segments.div_ceil(2 * most)) as usize
}

/// A stretch of a recording.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// First sample.
    pub first_frame: u64,
    /// Number of samples.
    pub frames: u64,
}

/// Which of so many about equal parts of a span, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Its number.
    pub index: u64,
    /// How many there are.
    pub of: u64,
}

impl Part {
    /// All of it.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// The samples of a span that are in this part: every sample is in one. `None` where there are not so many segments.
    pub fn of_span(self, span: Span, cut: &Segmentation, channels: usize) -> Option<Span> {
        let segments = cut.segments_in(span.frames);
        let own = self.blocks(segments, channels)?.segments;
        let frame = |segment: u64| if segment == segments { span.frames } else { segment * cut.hop_samples as u64 };
        let frames = frame(own.end) - frame(own.start);
        Some(Span { first_frame: span.first_frame + frame(own.start), frames })
    }

    /// Parts of a long recording are cut between its blocks, so that the same sums are made; those of a short one between segments.
    fn blocks(self, segments: u64, channels: usize) -> Option<Blocks> {
        let block = block_segments(channels, segments.max(1)) as u64;
        let blocks = segments.div_ceil(block);
        if blocks >= self.of {
            let first = |index: u64| (block * (blocks * index / self.of)).min(segments);
            let own = first(self.index)..first(self.index + 1);
            return Some(Blocks { first: own.start / block, segments: own, block });
        }
        let own = segments * self.index / self.of..segments * (self.index + 1) / self.of;
        let count = own.end - own.start;
        // Halves take turns from part to part, too, where each has a single block.
        (count > 0).then(|| Blocks { block: block_segments(channels, count) as u64, first: self.index, segments: own })
    }
}

/// How the segments of a part come in blocks.
#[derive(Debug, Clone)]
struct Blocks {
    segments: Range<u64>,
    /// Segments of a block.
    block: u64,
    /// Number of the first block: even ones go to one half of the matrix, odd ones to the other.
    first: u64,
}

/// All that one pass gathers.
#[derive(Debug, Clone)]
pub struct Heard {
    /// The matrix.
    pub spectra: CrossSpectra,
    /// Rails and levels of each channel's raw samples.
    pub health: Vec<Health>,
    /// The whole frequency range, for people.
    pub overview: Overview,
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
    listen_to(captures, span, Part::WHOLE, stft, layout, progress)
}

/// As [`listen`], one part of the span: parts are cut between blocks, so that their matrices add up to that of the whole.
///
/// # Errors
/// As [`listen`], and [`Error::Request`] where there are fewer parts than that.
pub fn listen_to(
    captures: &mut Captures,
    span: Span,
    part: Part,
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
    let Some(own) = part.blocks(segments, channels) else {
        return Err(Error::request(format!(
            "{segments} segments of sound are too few for {} parts; take fewer",
            part.of
        )));
    };
    let block_frames = |block: u64| -> (u64, usize, usize) {
        let first_segment = own.segments.start + block * own.block;
        let count = (own.segments.end - first_segment).min(own.block) as usize;
        let first_frame = span.first_frame + first_segment * cut.hop_samples as u64;
        (first_frame, count, (count - 1) * cut.hop_samples + cut.segment_samples)
    };
    let blocks = (own.segments.end - own.segments.start).div_ceil(own.block);
    let overlap = cut.segment_samples - cut.hop_samples;
    let mut listener = Listener::new(stft, layout, own.clone());
    let mut samples = Array2::zeros((block_frames(0).2, channels));
    captures.read(block_frames(0).0, &mut samples, 0)?;
    let mut next = Array2::zeros((0, channels));
    for block in 0..blocks {
        let (_, count, frames) = block_frames(block);
        let read_next = || -> Result<()> {
            if block + 1 == blocks {
                return Ok(());
            }
            let (first_frame, _, next_frames) = block_frames(block + 1);
            if next.nrows() != next_frames {
                next = Array2::zeros((next_frames, channels));
            }
            next.slice_axis_mut(Axis(0), Slice::from(..overlap))
                .assign(&samples.slice_axis(Axis(0), Slice::from(frames - overlap..)));
            captures.read(first_frame + overlap as u64, &mut next, overlap)
        };
        // What the last block, or the part before, has had is known.
        let known = if block == 0 && own.segments.start == 0 { 0 } else { overlap };
        let listen = || listener.add(block, &samples, count, known);
        let (read, ()) = rayon::join(read_next, listen);
        read?;
        std::mem::swap(&mut samples, &mut next);
        progress((block + 1) as f64 / blocks as f64);
    }
    Ok(listener.finish())
}

/// What is kept between blocks.
struct Listener<'t> {
    stft: &'t Stft,
    layout: &'t Layout,
    weave: Weave,
    /// Spectra of the block, `[chunk][group of segments]`.
    spectra: Vec<Vec<Vec<f32>>>,
    /// Work space for as many transforms as run at once.
    scratch: Mutex<Vec<GroupScratch>>,
    halves: [Products; 2],
    blocks: Blocks,
    sketch: Sketch,
    health: Vec<Health>,
}

impl<'t> Listener<'t> {
    fn new(stft: &'t Stft, layout: &'t Layout, blocks: Blocks) -> Self {
        let channels = layout.groups.len();
        let weave = Weave::new(stft, channels);
        let held = weave.segments;
        let block = blocks.block as usize;
        let own = blocks.segments.clone();
        let groups = block.div_ceil(held);
        let sizes = |count: usize| (0..count).step_by(held).map(move |first| held.min(count - first));
        let counts = own.clone().step_by(block).map(move |first| (own.end - first).min(block as u64));
        let of_chunk = vec![vec![0.0; weave.spectra_len(layout.bins)]; groups];
        Self {
            spectra: vec![of_chunk; weave.chunks.len()],
            scratch: Mutex::new(Vec::new()),
            halves: [Products::new(layout, &weave), Products::new(layout, &weave)],
            blocks,
            sketch: Sketch::new(channels, stft.bins(), counts.flat_map(|count| sizes(count as usize))),
            health: vec![Health::default(); channels],
            stft,
            layout,
            weave,
        }
    }

    /// Adds block `block` of `count` segments; its first `known` frames were in the block before.
    fn add(&mut self, block: u64, samples: &Array2<f32>, count: usize, known: usize) {
        let (stft, layout, weave, scratch) = (self.stft, self.layout, &self.weave, &self.scratch);
        let sketch = &self.sketch;
        let frames = samples.as_slice().expect("blocks are contiguous");
        let channels = layout.groups.len();
        Health::add_all(&mut self.health, &frames[known * channels..]);
        let hop = stft.segmentation().hop_samples;
        let held = weave.segments;
        let groups_a_block = self.spectra[0].len() as u64;
        let number = |group: usize| block * groups_a_block + group as u64;
        let tasks = self.spectra.iter_mut().zip(&weave.chunks).flat_map(|(of_chunk, chunk)| {
            let groups = of_chunk.iter_mut().take(count.div_ceil(held)).enumerate();
            groups.map(move |(group, spectra)| (chunk, group, spectra))
        });
        let tasks: Vec<_> = tasks.collect();
        let transformed = tasks.into_par_iter().map(|(chunk, group, spectra)| {
            let segments = held.min(count - group * held);
            let powers = sketch.wants(number(group));
            let mut powers = powers.then(|| vec![0.0; segments * stft.bins() * chunk.len()]);
            let work = Group {
                frames: &frames[group * held * hop * channels..],
                stride: channels,
                channels: chunk.clone(),
                segments,
                bins: layout.first_bin..layout.first_bin + layout.bins,
                spectra,
                powers: powers.as_deref_mut(),
            };
            let free = || scratch.lock().expect("nothing panics while it is held").pop();
            let mut own = free().unwrap_or_else(|| weave.scratch(stft));
            weave.transform(stft, work, &mut own);
            scratch.lock().expect("nothing panics while it is held").push(own);
            (group, chunk, powers)
        });
        let mut powers: Vec<_> = transformed.collect();
        powers.sort_by_key(|(group, chunk, _)| (*group, chunk.start));
        for (_, chunk, powers) in powers {
            if let Some(powers) = powers {
                self.sketch.add(&powers, chunk.start, chunk.len(), chunk.end == channels);
            }
        }
        self.halves[((self.blocks.first + block) % 2) as usize].add(Block {
            spectra: &self.spectra,
            segments: count,
            weave: &self.weave,
        });
    }

    fn finish(self) -> Heard {
        let Self { layout, weave, halves, sketch, health, stft, .. } = self;
        let halves = halves.map(|half| half.into_sums(layout, &weave));
        Heard { spectra: CrossSpectra::new(layout.clone(), halves), overview: sketch.finish(stft.spacing_hz()), health }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_halves_of_a_recording_hold_as_much_to_a_block() {
        for (channels, segments) in [1, 8, 16, 128].into_iter().flat_map(|c| (2..500).map(move |s| (c, s))) {
            let block = block_segments(channels, segments) as u64;
            let held = |block_number: u64| (segments - block_number * block).min(block);
            let half = |first: u64| (first..segments.div_ceil(block)).step_by(2).map(held).sum::<u64>();
            let apart = half(0) - half(1);
            assert!(half(1) > 0 && apart <= block && (segments > 128 || apart <= 8), "{channels} {segments}: {apart}");
        }
    }
}
