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

use super::lane_fft::LaneFft;
use super::stft::{Scratch, Stft};
use crate::simd::{dispatch, lanes};

/// Lanes of the widest registers.
const MOST_LANES: usize = 16;

/// Longest transform across channels: beyond, its points leave every cache, and one channel after the other is as fast.
const LONGEST: usize = 1 << 17;

/// How the channels and segments of a block are cut into transforms.
#[derive(Debug, Clone)]
pub struct Weave {
    /// Channels of each chunk.
    pub chunks: Vec<Range<usize>>,
    /// Segments that one transform holds.
    pub segments: usize,
    /// Channels of a chunk rounded up to a whole register: the stride of its spectra.
    pub padded: usize,
    across: Option<Across>,
}

/// What a transform across channels needs.
#[derive(Debug, Clone)]
struct Across {
    plan: LaneFft,
    /// `−i exp(−2πik/N)` for every bin.
    turns: Vec<[f32; 2]>,
}

/// Work space of one transform.
#[derive(Debug)]
pub struct GroupScratch {
    points: Vec<f32>,
    column: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
    channelwise: Scratch,
}

/// One transform's frames, and where its spectra go.
#[derive(Debug)]
pub struct Group<'t> {
    /// From the first frame of the first segment on, `[frame][channel]`.
    pub frames: &'t [f32],
    /// Channels of a frame.
    pub stride: usize,
    /// The channels that are transformed.
    pub channels: Range<usize>,
    /// Segments, at most [`Weave::segments`].
    pub segments: usize,
    /// Bins that are kept.
    pub bins: Range<usize>,
    /// `[bin][segment][re, im][padded]`, room for [`Weave::segments`] segments.
    pub spectra: &'t mut [f32],
    /// Power of every bin where that is wanted, full scale²/Hz; `[segment][bin][channel]`.
    pub powers: Option<&'t mut [f32]>,
}

impl Weave {
    /// Cuts blocks of `channels` channels.
    pub fn new(stft: &Stft, channels: usize) -> Self {
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
        let across = plan.map(|plan| Across { plan, turns: (0..=length / 2).map(turn).collect() });
        Self { chunks, segments: if across.is_some() { width / chunk } else { 1 }, padded: width, across }
    }

    /// Single-precision values that the spectra of one transform take.
    pub fn spectra_len(&self, bins: usize) -> usize {
        bins * self.segments * 2 * self.padded
    }

    /// Work space for one transform at a time.
    pub fn scratch(&self, stft: &Stft) -> GroupScratch {
        let points = self.across.as_ref().map_or(0, |across| 2 * across.plan.length() * lanes());
        GroupScratch {
            points: vec![0.0; points],
            column: vec![0.0; stft.segmentation().segment_samples],
            spectrum: vec![Complex::default(); stft.bins()],
            channelwise: stft.scratch(),
        }
    }

    /// Transforms one group.
    ///
    /// # Panics
    /// Where a slice is shorter than its doc says.
    pub fn transform(&self, stft: &Stft, mut group: Group<'_>, scratch: &mut GroupScratch) {
        let Some(across) = &self.across else { return self.channel_by_channel(stft, &mut group, scratch) };
        dispatch(Interleave { group: &group, chunk: self.chunks[0].len(), stft, points: &mut scratch.points });
        across.plan.forward(&mut scratch.points);
        dispatch(Untangle { group: &mut group, weave: self, across, points: &scratch.points });
    }

    /// The plain road, for one channel and for transforms that no cache holds.
    fn channel_by_channel(&self, stft: &Stft, group: &mut Group<'_>, scratch: &mut GroupScratch) {
        let cut = stft.segmentation();
        for channel in 0..group.channels.len() {
            let frames = group.frames.chunks_exact(group.stride);
            let column = frames.map(|frame| frame[group.channels.start + channel]);
            scratch.column.iter_mut().zip(column).for_each(|(x, sample)| *x = sample);
            stft.transform(&scratch.column[..cut.segment_samples], &mut scratch.channelwise, &mut scratch.spectrum);
            for (spectra, x) in
                group.spectra.chunks_exact_mut(2 * self.padded).zip(&scratch.spectrum[group.bins.clone()])
            {
                (spectra[channel], spectra[self.padded + channel]) = (x.re, x.im);
            }
            if let Some(powers) = &mut group.powers {
                let rows = powers.chunks_exact_mut(group.channels.len());
                rows.zip(&scratch.spectrum).for_each(|(row, x)| row[channel] = x.norm_sqr());
            }
        }
    }
}

/// Frames times window into lanes.
struct Interleave<'t, 'g> {
    group: &'t Group<'g>,
    /// Lanes of a segment.
    chunk: usize,
    stft: &'t Stft,
    points: &'t mut [f32],
}

impl WithSimd for Interleave<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // Widths that are known become plain register moves.
        match self.group.channels.len() {
            count if count == S::F32_LANES => self.weave(simd, S::F32_LANES),
            8 => self.weave(simd, 8),
            4 => self.weave(simd, 4),
            count => self.weave(simd, count),
        }
    }
}

impl Interleave<'_, '_> {
    #[inline(always)]
    fn weave<S: Simd>(self, simd: S, count: usize) {
        let Self { group, chunk, stft, points } = self;
        let (registers, _) = S::as_mut_simd_f32s(points);
        let window = stft.half_window();
        let (filled, padding) = registers.split_at_mut(window.len());
        let hop = stft.segmentation().hop_samples * group.stride;
        let mut lanes = [0.0; MOST_LANES];
        for (t, (point, w)) in filled.iter_mut().zip(window).enumerate() {
            let at = t * group.stride + group.channels.start;
            let samples = if count == S::F32_LANES {
                &group.frames[at..at + count]
            } else {
                for segment in 0..group.segments {
                    let frame = &group.frames[at + segment * hop..][..count];
                    lanes[segment * chunk..segment * chunk + count].copy_from_slice(frame);
                }
                &lanes[..S::F32_LANES]
            };
            *point = simd.mul_f32s(S::as_simd_f32s(samples).0[0], simd.splat_f32s(*w));
        }
        // The transform leaves what it worked on in the padding.
        padding.fill(simd.splat_f32s(0.0));
    }
}

/// Lanes to the spectra of their channels.
struct Untangle<'t, 'g> {
    group: &'t mut Group<'g>,
    weave: &'t Weave,
    across: &'t Across,
    points: &'t [f32],
}

impl WithSimd for Untangle<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { group, weave, across, points } = self;
        let (width, chunk, count) = (S::F32_LANES, weave.chunks[0].len(), group.channels.len());
        let rows = group.spectra.chunks_exact_mut(weave.segments * 2 * width);
        for (row, bin) in rows.zip(group.bins.clone()) {
            let x = spectrum(simd, across, points, bin);
            let (re, im): (&[f32], &[f32]) = (register(&x.0), register(&x.1));
            for (segment, x) in row.chunks_exact_mut(2 * width).take(group.segments).enumerate() {
                let (to_re, to_im) = x.split_at_mut(width);
                if chunk == width {
                    to_re.copy_from_slice(re);
                    to_im.copy_from_slice(im);
                } else {
                    to_re[..chunk].copy_from_slice(&re[segment * chunk..][..chunk]);
                    to_im[..chunk].copy_from_slice(&im[segment * chunk..][..chunk]);
                }
            }
        }
        let Some(powers) = &mut group.powers else { return };
        let bins = across.plan.length() + 1;
        for bin in 0..bins {
            let (re, im) = spectrum(simd, across, points, bin);
            let power = simd.mul_add_f32s(re, re, simd.mul_f32s(im, im));
            let power: &[f32] = register(&power);
            for segment in 0..group.segments {
                let to = &mut powers[(segment * bins + bin) * count..][..count];
                to.copy_from_slice(&power[segment * chunk..][..count]);
            }
        }
    }
}

/// The lanes of a register.
#[inline(always)]
fn register<R: pulp::bytemuck::NoUninit>(register: &R) -> &[f32] {
    pulp::bytemuck::cast_slice(std::slice::from_ref(register))
}

/// One bin of the spectra of all lanes, real and imaginary parts.
#[inline(always)]
fn spectrum<S: Simd>(simd: S, across: &Across, points: &[f32], bin: usize) -> (S::f32s, S::f32s) {
    let Across { plan, turns } = across;
    let size = 2 * S::F32_LANES;
    let length = plan.length();
    let (here, mirror) = (if bin == length { 0 } else { bin }, if bin == 0 { 0 } else { length - bin });
    let (z, _) = S::as_simd_f32s(&points[size * plan.position(here)..][..size]);
    let (m, _) = S::as_simd_f32s(&points[size * plan.position(mirror)..][..size]);
    let (even_re, even_im) = (simd.add_f32s(z[0], m[0]), simd.sub_f32s(z[1], m[1]));
    let (odd_re, odd_im) = (simd.sub_f32s(z[0], m[0]), simd.add_f32s(z[1], m[1]));
    let [re, im] = turns[bin];
    let (turn_re, turn_im) = (simd.splat_f32s(re), simd.splat_f32s(im));
    (
        simd.mul_add_f32s(turn_re, odd_re, simd.mul_add_f32s(simd.neg_f32s(turn_im), odd_im, even_re)),
        simd.mul_add_f32s(turn_re, odd_im, simd.mul_add_f32s(turn_im, odd_re, even_im)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channelise::{Segmentation, Taper};

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
            let weave = Weave::new(&stft, channels);
            let frames_count = weave.segments * cut.hop_samples + segment_samples;
            let frames: Vec<f32> =
                (0..frames_count * channels).map(|i| ((i * 7919 + i * i % 1013) % 997) as f32 / 500.0 - 1.0).collect();
            let bins = 2..stft.bins() - 1;
            let mut scratch = weave.scratch(&stft);
            for chunk in &weave.chunks {
                let mut spectra = vec![f32::NAN; weave.spectra_len(bins.len())];
                let mut powers = vec![f32::NAN; weave.segments * stft.bins() * chunk.len()];
                let group = Group {
                    frames: &frames,
                    stride: channels,
                    channels: chunk.clone(),
                    segments: weave.segments,
                    bins: bins.clone(),
                    spectra: &mut spectra,
                    powers: Some(&mut powers),
                };
                weave.transform(&stft, group, &mut scratch);
                for segment in 0..weave.segments {
                    for (i, channel) in chunk.clone().enumerate() {
                        let samples: Vec<f32> = (0..segment_samples)
                            .map(|t| frames[(segment * cut.hop_samples + t) * channels + channel])
                            .collect();
                        let mut plain = vec![Complex::default(); stft.bins()];
                        stft.transform(&samples, &mut stft.scratch(), &mut plain);
                        let scale = (plain.iter().map(|x| x.norm_sqr()).sum::<f32>() / plain.len() as f32).sqrt();
                        for (row, bin) in bins.clone().enumerate() {
                            let at = (row * weave.segments + segment) * 2 * weave.padded + i;
                            let x = Complex::new(spectra[at], spectra[at + weave.padded]);
                            // Roundings of two transforms of log2 N stages, and of a partner as loud.
                            assert!((x - plain[bin]).norm() < 4e-6 * scale, "{channels} {bin} {x} {}", plain[bin]);
                        }
                        for bin in 0..stft.bins() {
                            let power = powers[(segment * stft.bins() + bin) * chunk.len() + i];
                            assert!((power - plain[bin].norm_sqr()).abs() < 1e-5 * scale * scale, "{power}");
                        }
                    }
                }
            }
        }
    }
}
