//! One group a stage: reading, spectra, range tables.

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ndarray::Array2;
use pinhole::capture::Captures;
use pinhole::channelise::{Band, Segmentation, Stft};
use pinhole::cross_spectra::{Kept, Layout, Span, listen};
use pinhole::delay::{Density, RangePlan, pooled};
use rustfft::num_complex::Complex;

fn sample() -> Captures {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/tunnel/capture.wav");
    Captures::open(&[path]).expect("the shipped sample")
}

fn read(criterion: &mut Criterion) {
    let mut captures = sample();
    let frames = captures.frames();
    let mut block = Array2::zeros((frames as usize, captures.channels()));
    let mut group = criterion.benchmark_group("read");
    group.throughput(Throughput::Elements(frames * captures.channels() as u64));
    group.bench_function("int16 to interleaved f32", |bencher| {
        bencher.iter(|| captures.read(0, black_box(&mut block), 0).expect("a readable sample"));
    });
    group.finish();
}

fn spectra(criterion: &mut Criterion) {
    let mut captures = sample();
    let span = Span { first_frame: 0, frames: captures.frames() };
    let rate_hz = f64::from(captures.sample_rate_hz());
    let segmentation = Segmentation::suited_to(span.frames, 1200.0);
    let stft = Stft::new(segmentation, rate_hz);
    let bins = Band::usual([20e3, 80e3], rate_hz).expect("a rate that carries it").bins(stft.spacing_hz());
    let layout = Layout::new(segmentation, rate_hz, bins, vec![0; captures.channels()]);
    let mut group = criterion.benchmark_group("spectra");
    group.throughput(Throughput::Elements(span.frames * captures.channels() as u64));
    group.bench_function("read, transform and accumulate, 8 channels", |bencher| {
        bencher
            .iter(|| listen(&mut captures, span, (&stft, &layout), Kept::Whole, &|_| ()).expect("a readable sample"));
    });
    group.finish();
}

fn delays(criterion: &mut Criterion) {
    let wavenumber_rad_m: Vec<f64> = (427..1707).map(|k| 0.8536 * f64::from(k)).collect();
    let spectrum: Vec<_> = wavenumber_rad_m.iter().map(|k| Complex::from_polar(0.1, (-k * 0.7) as f32)).collect();
    let plan = RangePlan::new(&wavenumber_rad_m, 2.4, Density::Full);
    let mut group = criterion.benchmark_group("delays");
    group.bench_function("range table of one pair, ±2.4 m", |bencher| {
        bencher.iter(|| plan.table(black_box(&spectrum).iter().copied(), 2.4));
    });
    let values: Vec<f32> = plan.table(spectrum.iter().copied(), 2.4).value.iter().map(|c| c.re).collect();
    group.throughput(Throughput::Elements(values.len() as u64));
    group.bench_function("pooling that table over ±45 mm", |bencher| {
        bencher.iter(|| pooled(black_box(&values), 126));
    });
    group.finish();
}

criterion_group!(benches, read, spectra, delays);
criterion_main!(benches);
