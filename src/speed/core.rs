//! The FFT core over lengths, beside what else could do its work.

use std::hint::black_box;

use realfft::RealFftPlanner;
use realfft::num_complex::Complex;
use rustfft::FftPlanner;

use super::clock::thread_seconds;
use super::{ROUNDS, Spread};
use crate::aligned::Aligned;
use crate::channelise::{Group, PIECE_BINS, Segmentation, Stft, Taper, Weave};
use crate::simd::Sample;

/// Lengths that are measured: powers of two, and one that is only smooth.
const LENGTHS: [usize; 8] = [1024, 2048, 4096, 8192, 10_000, 16_384, 32_768, 65_536];

/// Channels that are transformed together.
const CHANNELS: usize = 16;

/// Samples that each candidate transforms in a round, a channel's transforms taken together: four calls of the core at the greatest length.
const SAMPLES: usize = 1 << 22;

/// One length: seconds a transform of one real channel.
#[derive(Debug, Clone, Copy)]
pub struct CoreRow {
    /// Points.
    pub length: usize,
    /// Sixteen channels of 16-bit integers at once: window, transform and telling the channels apart in half of the bins.
    pub across_channels: Spread,
    /// realfft, one channel, bare.
    pub realfft: Spread,
    /// rustfft, one channel as complex numbers, bare.
    pub complex: Spread,
    /// rustfft, two channels as the parts of complex numbers: packing, and telling them apart in half of the bins.
    pub two_in_one: Spread,
}

/// Measures all lengths; `progress` is told the share done.
pub fn core(progress: &dyn Fn(f64)) -> Vec<CoreRow> {
    let row = |(i, &length): (usize, &usize)| {
        progress(i as f64 / LENGTHS.len() as f64);
        measured(length)
    };
    LENGTHS.iter().enumerate().map(row).collect()
}

/// Numbers without a pattern that matters.
pub(super) fn noise(count: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 7919 + i * i % 1013) % 997) as f32 / 500.0 - 1.0).collect()
}

fn measured(length: usize) -> CoreRow {
    let cut =
        Segmentation { segment_samples: length, hop_samples: length / 2, fft_samples: length, taper: Taper::Hann };
    let stft = Stft::new(cut, 192e3);
    let bins = length / 8..3 * length / 8;

    let weave = Weave::new(&stft, CHANNELS, i16::UNIT);
    let samples = noise((length + (weave.segments - 1) * cut.hop_samples) * CHANNELS);
    let frames: Vec<i16> = samples.iter().map(|x| (x * 32_767.0) as i16).collect();
    let mut spectra = Aligned::zeros(bins.len().div_ceil(PIECE_BINS) * weave.piece_len());
    let mut pieces: Vec<&mut [f32]> = spectra.chunks_exact_mut(weave.piece_len()).collect();
    let mut scratch = weave.scratch(&stft);
    let mut across = || {
        let group = Group {
            frames: black_box(&frames),
            stride: CHANNELS,
            channels: 0..CHANNELS,
            segments: weave.segments,
            bins: bins.clone(),
            spectra: &mut pieces,
            powers: None,
        };
        weave.transform(&stft, group, &mut scratch);
    };

    let signal = noise(2 * length);
    let (first, second) = signal.split_at(length);
    let plan = RealFftPlanner::<f32>::new().plan_fft_forward(length);
    let (mut input, mut output, mut work) = (plan.make_input_vec(), plan.make_output_vec(), plan.make_scratch_vec());
    let mut real = || {
        input.copy_from_slice(black_box(first));
        plan.process_with_scratch(&mut input, &mut output, &mut work).expect("lengths are the plan's");
        black_box(&output);
    };

    let plan = FftPlanner::<f32>::new().plan_fft_forward(length);
    let mut buffer = vec![Complex::default(); length];
    let mut work = vec![Complex::default(); plan.get_inplace_scratch_len()];
    let mut complex = || {
        buffer.iter_mut().zip(black_box(first)).for_each(|(z, x)| *z = Complex::new(*x, 0.0));
        plan.process_with_scratch(&mut buffer, &mut work);
        black_box(&buffer);
    };

    let mut packed = vec![Complex::default(); length];
    let mut work = vec![Complex::default(); plan.get_inplace_scratch_len()];
    let mut apart = vec![[Complex::<f32>::default(); 2]; bins.len()];
    let mut two = || {
        let pairs = black_box(first).iter().zip(black_box(second));
        packed.iter_mut().zip(pairs).for_each(|(z, (a, b))| *z = Complex::new(*a, *b));
        plan.process_with_scratch(&mut packed, &mut work);
        for (apart, bin) in apart.iter_mut().zip(bins.clone()) {
            let (z, mirror) = (packed[bin], packed[length - bin].conj());
            let difference = z - mirror;
            *apart = [(z + mirror) * 0.5, Complex::new(difference.im, -difference.re) * 0.5];
        }
        black_box(&apart);
    };

    let at_once = CHANNELS * weave.segments;
    let repeats = |channels: usize| (SAMPLES / (length * channels)).max(1);
    let mut rounds: [Vec<f64>; 4] = Default::default();
    for round in 0..=ROUNDS {
        let candidates: [(&mut dyn FnMut(), usize); 4] =
            [(&mut across, at_once), (&mut real, 1), (&mut complex, 1), (&mut two, 2)];
        for ((candidate, channels), rounds) in candidates.into_iter().zip(&mut rounds) {
            let count = repeats(channels);
            // One call more brings back what the others drove out of the caches: the core's megabytes would else be fetched within one
            // call in four, and a rival's within one in sixty-four.
            candidate();
            let taken = thread_seconds(|| (0..count).for_each(|_| candidate())) / (count * channels) as f64;
            // The first round warms caches and clocks.
            if round > 0 {
                rounds.push(taken);
            }
        }
    }
    let [across_channels, realfft, complex, two_in_one] = rounds.map(Spread::of);
    CoreRow { length, across_channels, realfft, complex, two_in_one }
}
