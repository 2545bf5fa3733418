//! One pass over a capture: every segment through the FFT of every channel and into the matrix; nothing longer than a block is kept.
//!
//! A block is transformed by runs of groups, a thread a run, which reads its frames just before it needs them; its products are
//! summed by tasks cut by bin. Each sum is made by one task in the order of time, whatever the number of threads: the same bytes come
//! out.

use std::ops::Range;
use std::sync::Mutex;

use rayon::prelude::*;

use super::matrix::{CrossSpectra, Kept, Layout};
use super::overview::{Overview, Sketch};
use super::products::Products;
use crate::aligned::Aligned;
use crate::capture::{Captures, Health, Stored};
use crate::channelise::{Group, GroupScratch, PIECE_BINS, Segmentation, Stft, Weave};
use crate::error::{Error, Result};

/// Segments and channels of a block: what is transformed together. The more, the less often the sums travel through memory.
const BLOCK: usize = 2048;

/// Segments of a block, whatever the channels.
const BLOCK_SEGMENTS: std::ops::RangeInclusive<usize> = 16..=64;

/// Groups whose frames a thread holds at most: they stay in the second-level cache.
const HELD_GROUPS: usize = 2;

/// Segments of a block, where there are so many channels and segments. Where a matrix is kept in halves blocks go to either in turn, and
/// both halves of a short recording must hold as much; the same blocks make one kept whole, so that the same sums come out.
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
    /// Number of the first block: of two halves of the matrix, even ones go to one, odd ones to the other.
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

/// Accumulates the cross-spectra of `span` of the selected channels, cut and laid out `by` these, as one sum or in halves.
///
/// `progress` is told the share done, from 0 to 1, after each block.
///
/// # Errors
/// Those of [`Captures::read`], and [`Error::Request`] where the span is shorter than one segment.
pub fn listen(
    captures: &mut Captures,
    span: Span,
    by: (&Stft, &Layout),
    kept: Kept,
    progress: &(dyn Fn(f64) + Sync),
) -> Result<Heard> {
    listen_to(captures, span, Part::WHOLE, by, kept, progress)
}

/// As [`listen`], one part of the span: parts are cut between blocks, so that their matrices add up to that of the whole.
///
/// # Errors
/// As [`listen`], and [`Error::Request`] where there are fewer parts than that.
pub fn listen_to(
    captures: &mut Captures,
    span: Span,
    part: Part,
    (stft, layout): (&Stft, &Layout),
    kept: Kept,
    progress: &(dyn Fn(f64) + Sync),
) -> Result<Heard> {
    let segments = stft.segmentation().segments_in(span.frames);
    if segments == 0 {
        return Err(Error::request(format!(
            "{} samples are too few: one segment has {}; take a longer stretch",
            span.frames,
            stft.segmentation().segment_samples
        )));
    }
    let Some(blocks) = part.blocks(segments, layout.groups.len()) else {
        return Err(Error::request(format!(
            "{segments} segments of sound are too few for {} parts; take fewer",
            part.of
        )));
    };
    if captures.holds_integers() {
        Listener::<i16>::new(stft, layout, kept, blocks).hear(captures, span, progress)
    } else {
        Listener::<f32>::new(stft, layout, kept, blocks).hear(captures, span, progress)
    }
}

/// What is kept between blocks.
struct Listener<'t, T> {
    stft: &'t Stft,
    layout: &'t Layout,
    weave: Weave,
    slots: Vec<Slot>,
    /// `[piece]`, in each `[slot][chunk]` as [`Weave::transform`] leaves them.
    spectra: Aligned<f32>,
    /// Room for the powers of as many groups as the overview wants of a block.
    powers: Vec<Aligned<f32>>,
    /// Work space for as many runs as there are at once.
    workers: Mutex<Vec<Worker<T>>>,
    /// One, or two that blocks go to in turn.
    parts: Vec<Products>,
    blocks: Blocks,
    sketch: Sketch,
    health: Vec<Health>,
}

/// What comes of one group of segments.
struct Slot {
    segments: Range<u64>,
    /// `[chunk][bin][lane]`, where the overview wants them.
    powers: Option<Aligned<f32>>,
    /// Of the samples that were in no group before.
    health: Vec<Health>,
}

/// What one thread works with.
struct Worker<T> {
    /// The frames of its groups from `first` on, so many `held`.
    frames: Aligned<T>,
    first: u64,
    held: usize,
    scratch: GroupScratch,
}

impl<'t, T: Stored> Listener<'t, T> {
    fn new(stft: &'t Stft, layout: &'t Layout, kept: Kept, blocks: Blocks) -> Self {
        let channels = layout.groups.len();
        let weave = Weave::new(stft, channels, T::UNIT);
        let block = blocks.block as usize;
        let own = blocks.segments.clone();
        let counts = own.clone().step_by(block).map(move |first| (own.end - first).min(block as u64) as usize);
        let held = weave.segments;
        let sizes = counts.flat_map(move |count| (0..count).step_by(held).map(move |first| held.min(count - first)));
        let slot = |_| Slot { segments: 0..0, powers: None, health: Vec::new() };
        let slots: Vec<Slot> = (0..block.div_ceil(held)).map(slot).collect();
        let of_piece = slots.len() * weave.chunks.len() * weave.piece_len();
        Self {
            slots,
            spectra: Aligned::zeros(layout.bins.div_ceil(PIECE_BINS) * of_piece),
            powers: Vec::new(),
            workers: Mutex::new(Vec::new()),
            parts: (0..kept.parts()).map(|_| Products::new(layout, &weave)).collect(),
            sketch: Sketch::new(&weave, stft.bins(), sizes),
            health: vec![Health::default(); channels],
            blocks,
            stft,
            layout,
            weave,
        }
    }

    fn hear(mut self, captures: &Captures, span: Span, progress: &(dyn Fn(f64) + Sync)) -> Result<Heard> {
        let Blocks { segments, block, .. } = self.blocks.clone();
        let count = (segments.end - segments.start).div_ceil(block);
        for number in 0..count {
            let first = segments.start + number * block;
            self.add(captures, span.first_frame, number, first..(first + block).min(segments.end))?;
            progress((number + 1) as f64 / count as f64);
        }
        let Self { stft, layout, weave, spectra, slots, powers, workers, parts, sketch, health, .. } = self;
        // The sums exist twice for a moment: what made them may go.
        drop((spectra, slots, powers, workers));
        let parts = parts.into_iter().map(|part| part.into_sums(layout, &weave)).collect();
        Ok(Heard {
            spectra: CrossSpectra::new(layout.clone(), parts),
            overview: sketch.finish(stft.spacing_hz()),
            health,
        })
    }

    /// Adds a block of segments.
    fn add(&mut self, captures: &Captures, first_frame: u64, block: u64, segments: Range<u64>) -> Result<()> {
        let Self { stft, layout, weave, slots, spectra, powers, workers, parts, blocks, sketch, health } = self;
        let groups_a_block = slots.len() as u64;
        let mut pieces = pieces_of(spectra, slots.len(), weave);
        let slots = &mut slots[..((segments.end - segments.start) as usize).div_ceil(weave.segments)];
        for (i, slot) in slots.iter_mut().enumerate() {
            let first = segments.start + (i * weave.segments) as u64;
            slot.segments = first..(first + weave.segments as u64).min(segments.end);
            let room = || Aligned::zeros(weave.chunks.len() * stft.bins() * weave.padded);
            let wanted = sketch.wants(block * groups_a_block + i as u64);
            slot.health = health.iter().map(Health::onwards).collect();
            slot.powers = wanted.then(|| powers.pop().unwrap_or_else(room));
        }
        let workers = &*workers;
        // Neighbours share half a segment, which each run reads for itself.
        let runs = if captures.is_read_at_once() { 2 * rayon::current_num_threads() } else { 1 };
        let run = slots.len().div_ceil(runs);
        let listened: Vec<Result<()>> = slots
            .par_chunks_mut(run)
            .zip(pieces.par_chunks_mut(run))
            .map(|(run, pieces)| {
                let free = || workers.lock().expect("nothing panics while it is held").pop();
                let mut worker = free().unwrap_or_else(|| Worker::new(stft, weave, captures.selected()));
                let listened = worker.listen(captures, first_frame, (stft, layout, weave), run, pieces);
                workers.lock().expect("nothing panics while it is held").push(worker);
                listened
            })
            .collect();
        listened.into_iter().collect::<Result<()>>()?;
        let turn = (blocks.first + block) as usize % parts.len();
        let part = &mut parts[turn];
        let look = || {
            for slot in slots.iter() {
                health.iter_mut().zip(&slot.health).for_each(|(all, some)| all.merge(some));
                let segments = (slot.segments.end - slot.segments.start) as usize;
                if let Some(powers) = &slot.powers {
                    sketch.add(powers, segments);
                }
            }
        };
        rayon::join(look, || part.add(spectra, (segments.end - segments.start) as usize, weave));
        powers.extend(slots.iter_mut().filter_map(|slot| slot.powers.take()));
        Ok(())
    }
}

/// `[slot][chunk][piece]`: where the spectra of each slot go.
fn pieces_of<'t>(spectra: &'t mut [f32], slots: usize, weave: &Weave) -> Vec<Vec<Vec<&'t mut [f32]>>> {
    let mut pieces: Vec<Vec<Vec<&mut [f32]>>> = vec![];
    pieces.resize_with(slots, || weave.chunks.iter().map(|_| Vec::new()).collect());
    for piece in spectra.chunks_exact_mut(slots * weave.chunks.len() * weave.piece_len()) {
        let parts = piece.chunks_exact_mut(weave.piece_len());
        pieces.iter_mut().flatten().zip(parts).for_each(|(pieces, part)| pieces.push(part));
    }
    pieces
}

impl<T: Stored> Worker<T> {
    fn new(stft: &Stft, weave: &Weave, channels: usize) -> Self {
        let cut = stft.segmentation();
        let frames = (HELD_GROUPS * weave.segments - 1) * cut.hop_samples + cut.segment_samples;
        Self { frames: Aligned::zeros(frames * channels), first: 0, held: 0, scratch: weave.scratch(stft) }
    }

    /// Hears groups that follow each other.
    fn listen(
        &mut self,
        captures: &Captures,
        first_frame: u64,
        (stft, layout, weave): (&Stft, &Layout, &Weave),
        run: &mut [Slot],
        pieces: &mut [Vec<Vec<&mut [f32]>>],
    ) -> Result<()> {
        let (cut, channels) = (stft.segmentation(), captures.selected());
        self.held = 0;
        for (slot, pieces) in run.iter_mut().zip(pieces) {
            let end_of = |segment: u64| first_frame + segment * cut.hop_samples as u64 + cut.segment_samples as u64;
            let (start, end) =
                (end_of(slot.segments.start) - cut.segment_samples as u64, end_of(slot.segments.end - 1));
            let held_end = self.bring(captures, start, end)?;
            // What the group before has had is known, in whatever run it was.
            let known = if slot.segments.start == 0 { start } else { end_of(slot.segments.start - 1).max(start) };
            let frames = |from: u64| &self.frames[(from - self.first) as usize * channels..held_end];
            Health::add_all(&mut slot.health, frames(known));
            let mut powers = slot.powers.as_deref_mut().map(|all| all.chunks_exact_mut(stft.bins() * weave.padded));
            for (chunk, spectra) in weave.chunks.iter().zip(pieces) {
                let group = Group {
                    frames: frames(start),
                    stride: channels,
                    channels: chunk.clone(),
                    segments: (slot.segments.end - slot.segments.start) as usize,
                    bins: layout.first_bin..layout.first_bin + layout.bins,
                    spectra,
                    powers: powers.as_mut().and_then(Iterator::next),
                };
                weave.transform(stft, group, &mut self.scratch);
            }
        }
        Ok(())
    }

    /// Has the frames from `start` to `end`; where they end among its samples.
    fn bring(&mut self, captures: &Captures, start: u64, end: u64) -> Result<usize> {
        let channels = captures.selected();
        if self.held == 0 || (end - self.first) as usize * channels > self.frames.len() {
            let kept = (self.first + self.held as u64).saturating_sub(start).min(self.held as u64) as usize;
            self.frames.copy_within((self.held - kept) * channels..self.held * channels, 0);
            (self.first, self.held) = (start, kept);
        }
        let wanted = (end - self.first) as usize;
        captures.fill(self.first + self.held as u64, &mut self.frames[self.held * channels..wanted * channels])?;
        self.held = wanted;
        Ok(wanted * channels)
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
