//! The reference job as it is usually written in Rust: samples from a memory map to one row a channel, realfft row by row, a
//! complex matrix product a bin by the gemm crate, and a map looked up in tables of correlation over range.
//!
//! `planar FOLDER THREADS`, where FOLDER holds `capture.wav` (16-bit) and `array.json`.

use std::error::Error;
use std::fs::{File, read_to_string};
use std::io::Cursor;
use std::ops::Range;
use std::path::Path;

use gemm::Parallelism;
use memmap2::Mmap;
use realfft::RealFftPlanner;
use realfft::num_complex::Complex32;
use serde_json::{Value, json};

const SEGMENT: usize = 8192;
const HOP: usize = SEGMENT / 2;
const BAND_HZ: [f64; 2] = [20e3, 60e3];
/// Segments whose products are made together. Not 32: places of neighbouring bins would be 4096 bytes apart, in one set of the cache.
const BLOCK: usize = 31;
/// Points of the correlation tables a sample.
const FINER: usize = 16;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, threads] = &arguments[..] else { return Err("planar FOLDER THREADS".into()) };
    let (folder, threads) = (Path::new(folder), threads.parse::<usize>()?.max(1));
    let array: Value = serde_json::from_str(&read_to_string(folder.join("array.json"))?)?;
    // SAFETY: nobody writes to the capture meanwhile.
    let map = unsafe { Mmap::map(&File::open(folder.join("capture.wav"))?)? };
    let reader = hound::WavReader::new(Cursor::new(&map[..]))?;
    let (spec, frames) = (reader.spec(), reader.duration() as usize);
    if (spec.bits_per_sample, spec.sample_format) != (16, hound::SampleFormat::Int) {
        return Err("only 16-bit integers are read".into());
    }
    let start = reader.into_inner().position() as usize;
    let channels = usize::from(spec.channels);
    let bytes = &map[start..start + frames * channels * 2];

    let spacing_hz = f64::from(spec.sample_rate) / SEGMENT as f64;
    let bins = (BAND_HZ[0] / spacing_hz).ceil() as usize..(BAND_HZ[1] / spacing_hz) as usize + 1;
    let segments = (frames - SEGMENT) / HOP + 1;
    let share = |thread: usize| segments * thread / threads..segments * (thread + 1) / threads;
    let matrices: Vec<Vec<Complex32>> = std::thread::scope(|scope| {
        let work = |thread| {
            let bins = bins.clone();
            scope.spawn(move || cross_spectra(bytes, channels, share(thread), bins))
        };
        let running: Vec<_> = (0..threads).map(work).collect();
        running.into_iter().map(|thread| thread.join().expect("no thread panics")).collect()
    });
    let mut sum = matrices[0].clone();
    for matrix in &matrices[1..] {
        sum.iter_mut().zip(matrix).for_each(|(a, b)| *a += b);
    }
    println!("{}", json!({ "place_m": place(&sum, channels, &bins, &array) }));
    Ok(())
}

/// `[bin][n][m]`, summed over segments.
fn cross_spectra(bytes: &[u8], channels: usize, segments: Range<usize>, bins: Range<usize>) -> Vec<Complex32> {
    let plan = RealFftPlanner::<f32>::new().plan_fft_forward(SEGMENT);
    let (mut input, mut work) = (plan.make_input_vec(), plan.make_scratch_vec());
    let mut outputs = vec![plan.make_output_vec(); channels];
    let turn = std::f32::consts::TAU / SEGMENT as f32;
    let window: Vec<f32> = (0..SEGMENT).map(|t| (0.5 - 0.5 * (turn * t as f32).cos()) / 32_768.0).collect();
    // A stride that is no power of two: rows must not fall into one set of the cache.
    let stride = (BLOCK - 1) * HOP + SEGMENT + 16;
    let mut rows = vec![0.0f32; channels * stride];
    let mut spectra = vec![Complex32::default(); bins.len() * BLOCK * channels];
    let mut matrix = vec![Complex32::default(); bins.len() * channels * channels];
    for first in segments.clone().step_by(BLOCK) {
        let count = BLOCK.min(segments.end - first);
        let frames = (count - 1) * HOP + SEGMENT;
        let block = &bytes[first * HOP * channels * 2..][..frames * channels * 2];
        // A few frames at a time, so that their cache lines serve all channels.
        for (chunk, block) in block.chunks(256 * channels * 2).enumerate() {
            for (channel, row) in rows.chunks_exact_mut(stride).enumerate() {
                let samples = block.chunks_exact(channels * 2).map(|frame| &frame[2 * channel..2 * channel + 2]);
                for (x, sample) in row[chunk * 256..].iter_mut().zip(samples) {
                    *x = f32::from(i16::from_le_bytes([sample[0], sample[1]]));
                }
            }
        }
        for segment in 0..count {
            for (row, output) in rows.chunks_exact(stride).zip(&mut outputs) {
                let samples = &row[segment * HOP..][..SEGMENT];
                input.iter_mut().zip(samples.iter().zip(&window)).for_each(|(x, (s, w))| *x = s * w);
                plan.process_with_scratch(&mut input, output, &mut work).expect("lengths are the plan's");
            }
            // A few bins at a time, whose places stay in the first-level cache until all channels are there.
            for tile in bins.clone().step_by(32) {
                for (channel, output) in outputs.iter().enumerate() {
                    let places = spectra[((tile - bins.start) * BLOCK + segment) * channels + channel..].iter_mut();
                    let places = places.step_by(BLOCK * channels);
                    places.zip(&output[tile..bins.end.min(tile + 32)]).for_each(|(place, x)| *place = *x);
                }
            }
        }
        for (x, sums) in spectra.chunks_exact(BLOCK * channels).zip(matrix.chunks_exact_mut(channels * channels)) {
            rank_update(x, channels, count, sums);
        }
    }
    matrix
}

/// `sums += x xᴴ` of one bin; `x` is `[segment][channel]`.
fn rank_update(x: &[Complex32], channels: usize, count: usize, sums: &mut [Complex32]) {
    let (one, stride) = (Complex32::new(1.0, 0.0), channels as isize);
    assert!(x.len() == channels * BLOCK && sums.len() == channels * channels && count <= BLOCK);
    let (to, x) = (sums.as_mut_ptr(), x.as_ptr());
    // SAFETY: sizes and strides are those that the assertion holds.
    unsafe {
        gemm::gemm(
            channels, channels, count, to, stride, 1, true, x, stride, 1, x, 1, stride, one, one, false, false, true,
            Parallelism::None,
        );
    }
}

/// The point of the wall with the greatest steered response, PHAT.
fn place(matrix: &[Complex32], channels: usize, bins: &Range<usize>, array: &Value) -> [f32; 3] {
    let numbers = |value: &Value| -> Vec<f32> {
        value.as_array().into_iter().flatten().filter_map(Value::as_f64).map(|x| x as f32).collect()
    };
    let grid = numbers(&array["grid_m"]);
    let microphones: Vec<Vec<f32>> = array["microphones_m"].as_array().into_iter().flatten().map(numbers).collect();
    let number = |key: &str| array[key].as_f64().unwrap_or_default() as f32;
    let per_m = FINER as f32 * number("rate_hz") / number("speed_m_s");
    let range = |mic: &[f32], x: f32, y: f32| ((mic[0] - x).powi(2) + (mic[1] - y).powi(2) + mic[2].powi(2)).sqrt();
    let over_wall = |mic: &Vec<f32>| -> Vec<f32> {
        grid.iter().flat_map(|&x| grid.iter().map(move |&y| per_m * range(mic, x, y))).collect()
    };
    let ranges: Vec<Vec<f32>> = microphones.iter().map(over_wall).collect();
    let plan = RealFftPlanner::<f32>::new().plan_fft_inverse(FINER * SEGMENT);
    let (mut phases, mut table) = (plan.make_input_vec(), plan.make_output_vec());
    let mut response = vec![0.0f32; grid.len() * grid.len()];
    for n in 0..channels {
        for m in 0..n {
            phases.fill(Complex32::default());
            for (phase, sums) in phases[bins.clone()].iter_mut().zip(matrix.chunks_exact(channels * channels)) {
                let cross = sums[n * channels + m];
                *phase = cross / cross.norm();
            }
            plan.process(&mut phases, &mut table).expect("lengths are the plan's");
            let mask = table.len() - 1;
            for ((sum, a), b) in response.iter_mut().zip(&ranges[m]).zip(&ranges[n]) {
                *sum += table[((a - b).round_ties_even() as i32 as usize) & mask];
            }
        }
    }
    let best = (0..response.len()).max_by(|a, b| response[*a].total_cmp(&response[*b])).unwrap_or_default();
    [grid[best / grid.len()], grid[best % grid.len()], 0.0]
}
