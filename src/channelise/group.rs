//! A group of segments and channels through one transform: interleaved frames in, spectra of the band out.
//!
//! A lane is a channel of a segment; with registers of 16 lanes, a segment of 16 channels or two of 8 are one transform. A real
//! signal of `N` samples is a complex one of `N/2`: even samples are the real parts, odd ones the imaginary parts, so frames
//! go into lanes as the recorder wrote them, times the window, and nothing is shuffled. The spectrum comes back by
//! symmetry, `X(k) = E(k) − i exp(−2πik/N) D(k)` with `E, D = (Z(k) ± conj Z(N/2−k))/2`, in the band only.

use std::f64::consts::TAU;
use std::ops::Range;

use pulp::{Simd, WithSimd};
use realfft::num_complex::Complex;

use super::lane_fft::{LaneFft, Source};
use super::radix;
use super::segmentation::Segmentation;
use super::stft::{Scratch, Stft};
use crate::aligned::Aligned;
use crate::simd::{Sample, dispatch, lanes};

/// Longest transform across channels: beyond, its points leave every cache, and one channel after the other is as fast.
const LONGEST: usize = 1 << 17;

/// Bins whose spectra lie together: what reads them from all segments of a block finds them in one stretch. An odd number, for else those
/// of one bin would share a few sets of a cache.
pub const PIECE_BINS: usize = 15;

/// How the channels and segments of a block are cut into transforms.
#[derive(Debug, Clone)]
pub struct Weave {
    /// Channels of each chunk.
    pub chunks: Vec<Range<usize>>,
    /// Segments that one transform holds.
    pub segments: usize,
    /// Channels of a chunk rounded up to a whole register: the stride of its spectra.
    pub padded: usize,
    unit: f32,
    across: Option<Across>,
}

/// What a transform across channels needs.
#[derive(Debug, Clone)]
struct Across {
    plan: LaneFft,
    /// `−i exp(−2πik/N)` for every bin.
    turns: Vec<[f32; 2]>,
    /// Half the window of even and odd samples, to the end of the transform: spectra are sums of two points.
    window: Vec<[f32; 2]>,
}

/// Work space of one transform.
#[derive(Debug)]
pub struct GroupScratch {
    points: Aligned<f32>,
    /// Frames of a transform that fill its lanes only in part, or not to its end.
    gathered: Aligned<f32>,
    column: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
    channelwise: Scratch,
}

/// One transform's frames, and where its spectra go.
#[derive(Debug)]
pub struct Group<'t, 'p, T> {
    /// From the first frame of the first segment on, `[frame][channel]`.
    pub frames: &'t [T],
    /// Channels of a frame.
    pub stride: usize,
    /// The channels that are transformed.
    pub channels: Range<usize>,
    /// Segments, at most [`Weave::segments`].
    pub segments: usize,
    /// Bins that are kept.
    pub bins: Range<usize>,
    /// Pieces of [`PIECE_BINS`] bins each; in a piece `[segment][bin][re, im][padded]`, room for [`Weave::segments`] segments.
    pub spectra: &'t mut [&'p mut [f32]],
    /// Power of every bin where that is wanted, full scale²/Hz; `[bin][lane]`, a lane being `segment · chunk + channel`.
    pub powers: Option<&'t mut [f32]>,
}

impl Weave {
    /// Cuts blocks of `channels` channels, where one sample is so much of full scale.
    pub fn new(stft: &Stft, channels: usize, unit: f32) -> Self {
        let width = lanes();
        let chunk = width.min(channels.max(1));
        let chunks = (0..channels).step_by(chunk).map(|first| first..(first + chunk).min(channels)).collect();
        let length = stft.segmentation().fft_samples;
        let suits = channels > 1 && length <= LONGEST && length.is_multiple_of(2);
        let plan = if suits { LaneFft::new(length / 2) } else { None };
        let turn = |bin: usize| {
            let (sin, cos) = (TAU * bin as f64 / length as f64).sin_cos();
            [-sin as f32, -cos as f32]
        };
        let half = |t: usize| stft.window().get(t).map_or(0.0, |w| 0.5 * unit * w);
        let across = plan.map(|plan| Across {
            plan,
            turns: (0..=length / 2).map(turn).collect(),
            window: (0..length / 2).map(|t| [half(2 * t), half(2 * t + 1)]).collect(),
        });
        Self { chunks, segments: if across.is_some() { width / chunk } else { 1 }, padded: width, unit, across }
    }

    /// Single-precision values that a piece of the spectra of one transform takes.
    pub fn piece_len(&self) -> usize {
        PIECE_BINS * self.segments * 2 * self.padded
    }

    /// Work space for one transform at a time.
    pub fn scratch(&self, stft: &Stft) -> GroupScratch {
        let fft_samples = stft.segmentation().fft_samples;
        let values = self.across.as_ref().map_or(0, |_| fft_samples * lanes());
        GroupScratch {
            points: Aligned::zeros(values),
            gathered: Aligned::zeros(values),
            column: vec![0.0; stft.segmentation().segment_samples],
            spectrum: vec![Complex::default(); stft.bins()],
            channelwise: stft.scratch(),
        }
    }

    /// Transforms one group.
    ///
    /// # Panics
    /// Where a slice is shorter than its doc says.
    pub fn transform<T: Sample>(&self, stft: &Stft, mut group: Group<'_, '_, T>, scratch: &mut GroupScratch) {
        let Some(across) = &self.across else { return self.channel_by_channel(stft, &mut group, scratch) };
        let cut = stft.segmentation();
        let (chunk, width) = (self.chunks[0].len(), lanes());
        let whole = group.channels.len() == width && cut.segment_samples == cut.fft_samples;
        let points = &mut scratch.points;
        if whole {
            let samples = &group.frames[group.channels.start..];
            across.plan.forward(Windowed { samples, stride: group.stride, window: &across.window }, points);
        } else {
            gather(&group, chunk, cut, &mut scratch.gathered);
            let samples = &scratch.gathered[..];
            across.plan.forward(Windowed { samples, stride: width, window: &across.window }, points);
        }
        let Group { segments, bins, spectra, powers, .. } = group;
        dispatch(Untangle { weave: self, across, points, segments, bins, spectra, powers });
    }

    /// The plain road, for one channel and for transforms that no cache holds.
    fn channel_by_channel<T: Sample>(&self, stft: &Stft, group: &mut Group<'_, '_, T>, scratch: &mut GroupScratch) {
        let cut = stft.segmentation();
        for channel in 0..group.channels.len() {
            let frames = group.frames.chunks_exact(group.stride);
            let column = frames.map(|frame| self.unit * frame[group.channels.start + channel].number());
            scratch.column.iter_mut().zip(column).for_each(|(x, sample)| *x = sample);
            stft.transform(&scratch.column[..cut.segment_samples], &mut scratch.channelwise, &mut scratch.spectrum);
            let rows = group.spectra.iter_mut().flat_map(|piece| piece.chunks_exact_mut(2 * self.padded));
            for (row, x) in rows.zip(&scratch.spectrum[group.bins.clone()]) {
                (row[channel], row[self.padded + channel]) = (x.re, x.im);
            }
            if let Some(powers) = &mut group.powers {
                let rows = powers.chunks_exact_mut(self.padded);
                rows.zip(&scratch.spectrum).for_each(|(row, x)| row[channel] = x.norm_sqr());
            }
        }
    }
}

/// Brings a group's frames together, `[frame][lane]`; what is beyond the segment stays zero, and so do segments that are not there.
fn gather<T: Sample>(group: &Group<'_, '_, T>, chunk: usize, cut: &Segmentation, gathered: &mut [f32]) {
    let hop = cut.hop_samples * group.stride;
    if (group.segments + 1) * chunk <= lanes() {
        gathered.fill(0.0);
    }
    for (t, lanes) in gathered.chunks_exact_mut(lanes()).take(cut.segment_samples).enumerate() {
        let at = t * group.stride + group.channels.start;
        for (segment, lanes) in lanes.chunks_mut(chunk).take(group.segments).enumerate() {
            let frame = &group.frames[at + segment * hop..][..group.channels.len()];
            lanes.iter_mut().zip(frame).for_each(|(x, sample)| *x = sample.number());
        }
    }
}

/// Frames times window: the even ones are real parts, the odd ones imaginary parts.
#[derive(Clone, Copy)]
struct Windowed<'t, T> {
    /// From the first lane of the first frame on.
    samples: &'t [T],
    /// Samples of a frame.
    stride: usize,
    window: &'t [[f32; 2]],
}

impl<T: Sample> Source for Windowed<'_, T> {
    #[inline(always)]
    fn part<S: Simd>(self, first: usize, count: usize) -> Self {
        let Self { samples, stride, window } = self;
        // Parts are of one length, and one look at it serves all.
        let samples = &samples[2 * first * stride..][..(2 * count - 1) * stride + S::F32_LANES];
        Self { samples, stride, window: &window[first..][..count] }
    }

    #[inline(always)]
    fn point<S: Simd>(self, simd: S, t: usize) -> radix::Complex<S> {
        let (window, at) = (&self.window[t], 2 * t * self.stride);
        let (even, odd) = (T::load(simd, &self.samples[at..]), T::load(simd, &self.samples[at + self.stride..]));
        (simd.mul_f32s(even, simd.splat_f32s(window[0])), simd.mul_f32s(odd, simd.splat_f32s(window[1])))
    }
}

/// Lanes to the spectra of their channels.
struct Untangle<'t, 'p> {
    weave: &'t Weave,
    across: &'t Across,
    points: &'t [f32],
    segments: usize,
    bins: Range<usize>,
    spectra: &'t mut [&'p mut [f32]],
    powers: Option<&'t mut [f32]>,
}

impl WithSimd for Untangle<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { weave, across, points, segments, bins, spectra, powers } = self;
        let (first, chunk) = (bins.start, weave.chunks[0].len());
        if weave.segments == 1 {
            across.untangle(simd, points, bins, &mut OneSegment { pieces: spectra, first });
        } else {
            across.untangle(simd, points, bins, &mut Segments { pieces: spectra, first, chunk, segments });
        }
        let Some(powers) = powers else { return };
        let (powers, _) = S::as_mut_simd_f32s(powers);
        across.untangle(simd, points, 0..across.plan.length() + 1, &mut Powers::<S> { powers });
    }
}

/// What takes the bins of a group, all lanes at once.
trait Sink<S: Simd> {
    fn take(&mut self, simd: S, bin: usize, x: radix::Complex<S>);
}

/// Pieces from bin `first` on: lanes are channels.
struct OneSegment<'t, 'p> {
    pieces: &'t mut [&'p mut [f32]],
    first: usize,
}

impl<S: Simd> Sink<S> for OneSegment<'_, '_> {
    #[inline(always)]
    fn take(&mut self, _: S, bin: usize, (re, im): radix::Complex<S>) {
        let row = bin - self.first;
        let piece = S::as_mut_simd_f32s(self.pieces[row / PIECE_BINS]).0;
        piece.as_chunks_mut().0[row % PIECE_BINS] = [re, im];
    }
}

/// Pieces from bin `first` on, of the segments that share a register.
struct Segments<'t, 'p> {
    pieces: &'t mut [&'p mut [f32]],
    first: usize,
    chunk: usize,
    segments: usize,
}

impl<S: Simd> Sink<S> for Segments<'_, '_> {
    #[inline(always)]
    fn take(&mut self, _: S, bin: usize, (re, im): radix::Complex<S>) {
        let row = bin - self.first;
        let (re, im): (&[f32], &[f32]) = (register(&re), register(&im));
        let bins = self.pieces[row / PIECE_BINS].chunks_exact_mut(2 * S::F32_LANES);
        let segments = bins.skip(row % PIECE_BINS).step_by(PIECE_BINS).take(self.segments);
        for (segment, x) in segments.enumerate() {
            let (to_re, to_im) = x.split_at_mut(S::F32_LANES);
            to_re[..self.chunk].copy_from_slice(&re[segment * self.chunk..][..self.chunk]);
            to_im[..self.chunk].copy_from_slice(&im[segment * self.chunk..][..self.chunk]);
        }
    }
}

/// `[bin]`, squared magnitudes.
struct Powers<'t, S: Simd> {
    powers: &'t mut [S::f32s],
}

impl<S: Simd> Sink<S> for Powers<'_, S> {
    #[inline(always)]
    fn take(&mut self, simd: S, bin: usize, (re, im): radix::Complex<S>) {
        self.powers[bin] = simd.mul_add_f32s(re, re, simd.mul_f32s(im, im));
    }
}

impl Across {
    /// Hands over some bins: runs of the transform with the runs that hold their mirrors, in the order in which they lie.
    #[inline(always)]
    fn untangle<S: Simd>(&self, simd: S, points: &[f32], bins: Range<usize>, sink: &mut impl Sink<S>) {
        let (points, _) = S::as_simd_f32s(points);
        let (points, _) = points.as_chunks::<2>();
        let (run, length) = (self.plan.run(), self.plan.length());
        let step = length / run;
        for first in 0..=step / 2 {
            let here = &points[self.plan.position(first)..][..run];
            let there = &points[self.plan.position(if first == 0 { 0 } else { step - first })..][..run];
            for (d, &z) in here.iter().enumerate() {
                // Bin 0 is its own mirror, and stands for bin `length` as well. The first run is its own mirror, too, and the middle
                // one: their bins come twice.
                let m = there[if first > 0 { run - 1 - d } else { (run - d) % run }];
                let bin = first + d * step;
                let mirror = length - bin;
                if bins.contains(&bin) {
                    sink.take(simd, bin, apart(simd, z, m, &self.turns[bin]));
                }
                if bins.contains(&mirror) {
                    sink.take(simd, mirror, apart(simd, m, z, &self.turns[mirror]));
                }
            }
        }
    }
}

/// The lanes of a register.
#[inline(always)]
fn register<R: pulp::bytemuck::NoUninit>(register: &R) -> &[f32] {
    pulp::bytemuck::cast_slice(std::slice::from_ref(register))
}

/// One bin of the spectra of all lanes, of its point and its mirror's.
#[inline(always)]
fn apart<S: Simd>(simd: S, z: [S::f32s; 2], m: [S::f32s; 2], turn: &[f32; 2]) -> radix::Complex<S> {
    let (even_re, even_im) = (simd.add_f32s(z[0], m[0]), simd.sub_f32s(z[1], m[1]));
    let (odd_re, odd_im) = (simd.sub_f32s(z[0], m[0]), simd.add_f32s(z[1], m[1]));
    let (turn_re, turn_im) = (simd.splat_f32s(turn[0]), simd.splat_f32s(turn[1]));
    (
        simd.mul_add_f32s(turn_re, odd_re, simd.negate_mul_add_f32s(turn_im, odd_im, even_re)),
        simd.mul_add_f32s(turn_re, odd_im, simd.mul_add_f32s(turn_im, odd_re, even_im)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channelise::Taper;

    #[test]
    fn every_road_gives_the_transform_of_each_channel() {
        for (channels, fft_samples, taper) in [
            (1, 64, Taper::Hann),
            (2, 64, Taper::Hann),
            (5, 60, Taper::Tukey),
            (8, 128, Taper::Hann),
            (16, 64, Taper::Hann),
            (37, 64, Taper::Hann),
            (3, 22, Taper::Hann),
        ] {
            let segment_samples = if taper == Taper::Tukey { fft_samples - 11 } else { fft_samples };
            let cut = Segmentation { segment_samples, hop_samples: segment_samples / 2, fft_samples, taper };
            let stft = Stft::new(cut, 1000.0);
            let weave = Weave::new(&stft, channels, i16::UNIT);
            let frames_count = weave.segments * cut.hop_samples + segment_samples;
            let noise = |i: usize| ((i * 7919 + i * i % 1013) % 997) as i16 * 64 - 31_900;
            let frames: Vec<i16> = (0..frames_count * channels).map(noise).collect();
            let bins = 2..stft.bins() - 1;
            let mut scratch = weave.scratch(&stft);
            for chunk in &weave.chunks {
                let mut spectra = vec![f32::NAN; bins.len().div_ceil(PIECE_BINS) * weave.piece_len()];
                let mut pieces: Vec<&mut [f32]> = spectra.chunks_mut(weave.piece_len()).collect();
                let mut powers = vec![f32::NAN; stft.bins() * weave.padded];
                let group = Group {
                    frames: &frames,
                    stride: channels,
                    channels: chunk.clone(),
                    segments: weave.segments,
                    bins: bins.clone(),
                    spectra: &mut pieces,
                    powers: Some(&mut powers),
                };
                weave.transform(&stft, group, &mut scratch);
                for segment in 0..weave.segments {
                    for (i, channel) in chunk.clone().enumerate() {
                        let samples: Vec<f32> = (0..segment_samples)
                            .map(|t| i16::UNIT * frames[(segment * cut.hop_samples + t) * channels + channel].number())
                            .collect();
                        let mut plain = vec![Complex::default(); stft.bins()];
                        stft.transform(&samples, &mut stft.scratch(), &mut plain);
                        let scale = (plain.iter().map(|x| x.norm_sqr()).sum::<f32>() / plain.len() as f32).sqrt();
                        for (row, bin) in bins.clone().enumerate() {
                            let [piece, row] = [row / PIECE_BINS, row % PIECE_BINS];
                            let at = ((piece * weave.segments + segment) * PIECE_BINS + row) * 2 * weave.padded + i;
                            let x = Complex::new(spectra[at], spectra[at + weave.padded]);
                            // Roundings of two transforms of log2 N stages, and of a partner as loud.
                            assert!((x - plain[bin]).norm() < 4e-6 * scale, "{channels} {bin} {x} {}", plain[bin]);
                        }
                        for bin in 0..stft.bins() {
                            let power = powers[bin * weave.padded + segment * weave.chunks[0].len() + i];
                            assert!((power - plain[bin].norm_sqr()).abs() < 1e-5 * scale * scale, "{power}");
                        }
                    }
                }
            }
        }
    }
}
