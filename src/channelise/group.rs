//! A group of segments and channels through one transform: interleaved frames in, spectra of the band out.
//!
//! Two channels share a complex lane, one as its real and one as its imaginary part, and segments fill what channels leave:
//! with registers of 16 lanes, two segments of 16 channels or four of 8 are one transform. Decoding order is lane order, so
//! frames are woven in with the window and nothing is shuffled. Spectra of both channels of a lane are told apart by symmetry,
//! `X = (Z(k) ± conj Z(N−k))/2`, in the band only.

use std::ops::Range;

use pulp::{Simd, WithSimd};
use realfft::num_complex::Complex;

use super::lane_fft::LaneFft;
use super::stft::{Scratch, Stft};
use crate::simd::{dispatch, lanes};

/// Longest transform across channels: beyond, its points leave every cache, and one channel after the other is as fast.
const LONGEST: usize = 1 << 16;

/// How the channels and segments of a block are cut into transforms.
#[derive(Debug, Clone)]
pub struct Weave {
    /// Channels of each chunk.
    pub chunks: Vec<Range<usize>>,
    /// Segments that one transform holds.
    pub segments: usize,
    /// Channels of a chunk rounded up to whole registers: the stride of its spectra.
    pub padded: usize,
    plan: Option<LaneFft>,
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
        let chunk = (2 * width).min(channels.next_multiple_of(2));
        let starts = (0..channels).step_by(chunk);
        let chunks: Vec<Range<usize>> = starts.map(|first| first..(first + chunk).min(channels)).collect();
        let length = stft.segmentation().fft_samples;
        let plan = if channels > 1 && length <= LONGEST { LaneFft::new(length) } else { None };
        let segments = if plan.is_some() { width / (chunk / 2) } else { 1 };
        Self { chunks, segments, padded: chunk.next_multiple_of(width), plan }
    }

    /// Single-precision values that the spectra of one transform take.
    pub fn spectra_len(&self, bins: usize) -> usize {
        bins * self.segments * 2 * self.padded
    }

    /// Work space for one transform at a time.
    pub fn scratch(&self, stft: &Stft) -> GroupScratch {
        let points = self.plan.as_ref().map_or(0, |plan| 2 * plan.length() * lanes());
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
        let Some(plan) = &self.plan else { return self.channel_by_channel(stft, &mut group, scratch) };
        let half = self.chunks[0].len().div_ceil(2);
        dispatch(Interleave { group: &group, half, stft, points: &mut scratch.points });
        plan.forward(&mut scratch.points);
        dispatch(Untangle {
            group: &mut group,
            half,
            padded: self.padded,
            held: self.segments,
            plan,
            points: &scratch.points,
        });
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
    half: usize,
    stft: &'t Stft,
    points: &'t mut [f32],
}

impl WithSimd for Interleave<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        // Known widths become plain register moves.
        match (self.half, self.group.channels.len()) {
            (16, 32) => self.weave::<S>(16, 16),
            (8, 16) => self.weave::<S>(8, 8),
            (4, 8) => self.weave::<S>(4, 4),
            (half, channels) => self.weave::<S>(half, channels.saturating_sub(half)),
        }
    }
}

impl Interleave<'_, '_> {
    /// `half` channels as real parts, `other` as imaginary parts.
    #[inline(always)]
    fn weave<S: Simd>(self, half: usize, other: usize) {
        let Self { group, stft, points, .. } = self;
        let width = S::F32_LANES;
        let cut = stft.segmentation();
        let half = half.min(group.channels.len());
        let rows = points.chunks_exact_mut(2 * width).zip(stft.half_window());
        for (t, (point, w)) in rows.enumerate() {
            let (re, im) = point.split_at_mut(width);
            for segment in 0..group.segments {
                let at = (segment * cut.hop_samples + t) * group.stride + group.channels.start;
                let frame = &group.frames[at..at + half + other];
                let lane = segment * self.half;
                for (x, sample) in re[lane..lane + half].iter_mut().zip(&frame[..half]) {
                    *x = sample * w;
                }
                for (x, sample) in im[lane..lane + other].iter_mut().zip(&frame[half..]) {
                    *x = sample * w;
                }
                im[lane + other..lane + self.half].fill(0.0);
            }
        }
        // The transform leaves what it worked on in the padding.
        points[2 * width * cut.segment_samples..].fill(0.0);
    }
}

/// Lanes to the spectra of their channels.
struct Untangle<'t, 'g> {
    group: &'t mut Group<'g>,
    half: usize,
    padded: usize,
    /// Segments for which there is room.
    held: usize,
    plan: &'t LaneFft,
    points: &'t [f32],
}

impl WithSimd for Untangle<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        match self.half {
            16 => self.part::<S>(16),
            8 => self.part::<S>(8),
            4 => self.part::<S>(4),
            half => self.part::<S>(half),
        }
    }
}

impl Untangle<'_, '_> {
    #[inline(always)]
    fn part<S: Simd>(self, half: usize) {
        let Self { group, padded, held, plan, points, .. } = self;
        let width = S::F32_LANES;
        let length = plan.length();
        let pair = |bin: usize| {
            let point = |bin: usize| &points[2 * width * plan.position(bin)..][..2 * width];
            (point(bin), point((length - bin) % length))
        };
        let channels = group.channels.len();
        // The last chunk may have fewer channels than lanes.
        let (first, second) = (half.min(channels), channels.saturating_sub(half).min(half));
        let rows = group.spectra.chunks_exact_mut(held * 2 * padded);
        for (row, bin) in rows.zip(group.bins.clone()) {
            let (z, mirror) = pair(bin);
            for (segment, x) in row.chunks_exact_mut(2 * padded).take(group.segments).enumerate() {
                let lane = segment * half;
                let (re, im) = x.split_at_mut(padded);
                let (z_re, z_im) = (&z[lane..lane + half], &z[width + lane..][..half]);
                let (m_re, m_im) = (&mirror[lane..lane + half], &mirror[width + lane..][..half]);
                for i in 0..first {
                    re[i] = z_re[i] + m_re[i];
                    im[i] = z_im[i] - m_im[i];
                }
                for i in 0..second {
                    re[half + i] = z_im[i] + m_im[i];
                    im[half + i] = m_re[i] - z_re[i];
                }
            }
        }
        let Some(powers) = &mut group.powers else { return };
        let bins = length / 2 + 1;
        for (row, powers) in powers.chunks_exact_mut(channels).take(bins * group.segments).enumerate() {
            let (lane, (z, mirror)) = (row / bins * half, pair(row % bins));
            for (i, power) in powers.iter_mut().enumerate() {
                let l = lane + i % half;
                let (re, im) = (z[l], z[width + l]);
                let (m_re, m_im) = (mirror[l], mirror[width + l]);
                let x = if i < half { (re + m_re, im - m_im) } else { (im + m_im, m_re - re) };
                *power = x.0 * x.0 + x.1 * x.1;
            }
        }
    }
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
