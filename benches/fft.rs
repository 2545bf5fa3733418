//! The FFT core against its rivals: windowed real segments, in samples per second, over lengths.
//!
//! The core transforms sixteen channels of 16-bit integers at once, decoding, window and the telling apart of channels included; its rivals one channel, bare.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pinhole::aligned::Aligned;
use pinhole::channelise::{Group, PIECE_BINS, Segmentation, Stft, Taper, Weave};
use pinhole::simd::Sample;
use realfft::RealFftPlanner;
use rustfft::FftPlanner;
use rustfft::num_complex::Complex;

/// Channels that are transformed together.
const CHANNELS: usize = 16;

fn lengths(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fft");
    for n in [1024usize, 4096, 8192, 10_000, 16_384, 65_536] {
        group.throughput(Throughput::Elements(n as u64));
        let signal: Vec<f32> = (0..n).map(|t| ((t * t) as f32 * 1e-3).sin()).collect();
        let mut spectrum = vec![Complex::default(); n / 2 + 1];

        let cut = Segmentation { segment_samples: n, hop_samples: n / 2, fft_samples: n, taper: Taper::Hann };
        let stft = Stft::new(cut, 192e3);
        let mut scratch = stft.scratch();
        group.bench_with_input(BenchmarkId::new("one channel, window included", n), &n, |bencher, _| {
            bencher.iter(|| stft.transform(black_box(&signal), &mut scratch, &mut spectrum));
        });

        // Half the bins are kept, as in a band of 20 to 60 kHz at 192 kHz.
        let weave = Weave::new(&stft, CHANNELS, i16::UNIT);
        let samples = (0..(n + (weave.segments - 1) * n / 2) * CHANNELS).map(|i| ((i * i) as f32 * 1e-3).sin());
        let frames: Vec<i16> = samples.map(|x| (x * 32_767.0) as i16).collect();
        let bins = n / 8..3 * n / 8;
        let mut spectra = Aligned::zeros(bins.len().div_ceil(PIECE_BINS) * weave.piece_len());
        let mut pieces: Vec<&mut [f32]> = spectra.chunks_exact_mut(weave.piece_len()).collect();
        let mut scratch = weave.scratch(&stft);
        group.throughput(Throughput::Elements((n * CHANNELS * weave.segments) as u64));
        group.bench_with_input(BenchmarkId::new("across 16 channels, window included", n), &n, |bencher, _| {
            bencher.iter(|| {
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
            });
        });
        group.throughput(Throughput::Elements(n as u64));

        let plan = RealFftPlanner::<f32>::new().plan_fft_forward(n);
        let (mut input, mut work) = (plan.make_input_vec(), plan.make_scratch_vec());
        group.bench_with_input(BenchmarkId::new("realfft, bare", n), &n, |bencher, _| {
            bencher.iter(|| {
                input.copy_from_slice(black_box(&signal));
                plan.process_with_scratch(&mut input, &mut spectrum, &mut work).expect("lengths are the plan's");
            });
        });

        let plan = FftPlanner::<f32>::new().plan_fft_forward(n);
        let mut buffer = vec![Complex::default(); n];
        let mut work = vec![Complex::default(); plan.get_inplace_scratch_len()];
        group.bench_with_input(BenchmarkId::new("rustfft, complex", n), &n, |bencher, _| {
            bencher.iter(|| {
                buffer.iter_mut().zip(black_box(&signal)).for_each(|(b, s)| *b = Complex::new(*s, 0.0));
                plan.process_with_scratch(&mut buffer, &mut work);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, lengths);
criterion_main!(benches);
