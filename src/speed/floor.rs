//! The least that the job can take on this machine: what each stage must move and compute, against what the machine can do.
//!
//! Counted is what the answer needs, however it is programmed: each sample once out of the file; a transform by the split radix, in the
//! two trips through the second-level cache that a length of some thousand points takes; each pair and power of each bin once; a map of
//! 200 × 200 points, looked up once. What is measured beside it does more: health and overview of every channel, the verdict against
//! chance, the uncertainty, the evidence.

use std::ops::Range;
use std::path::PathBuf;

use rayon::ThreadPoolBuilder;

use super::clock::thread_seconds;
use super::job::{SPREAD_SAMPLES, bins, located, pass, read};
use super::roof::Roof;
use super::{ROUNDS, Spread};
use crate::aligned::Aligned;
use crate::capture::{Captures, SoundFile};
use crate::channelise::{Group, PIECE_BINS, Segmentation, Stft, Weave};
use crate::error::Result;
use crate::locate::Options;
use crate::site::Site;

/// Points of the map.
const MAP_POINTS: f64 = 40_000.0;

/// Points of a correlation table for each sample of a segment: an eighth of the shortest period apart at the top of the band.
const TABLE_FINENESS: f64 = 4.0;

/// Segments of the stretch on which the transform is timed alone.
const STRETCH: usize = 16;

/// One stage on one core.
#[derive(Debug, Clone)]
pub struct FloorRow {
    /// What is done.
    pub name: &'static str,
    /// Bytes that are moved, and whence.
    pub bytes: f64,
    /// Where they are.
    pub level: &'static str,
    /// Floating-point operations.
    pub operations: f64,
    /// Seconds that bytes or operations take at least, whichever is more.
    pub floor_s: f64,
    /// Seconds that the stage took.
    pub measured: Spread,
}

/// How a capture is worked on, as far as the work goes by it.
#[derive(Debug, Clone, Copy)]
struct Size {
    file_bytes: f64,
    channels: f64,
    segments: f64,
    fft_samples: f64,
    bins: f64,
}

/// Measures the stages on one thread and sets the floor beside them; the last stage only where there is a `site`.
///
/// # Errors
/// Those of reading and locating.
pub fn floor(
    paths: &[PathBuf],
    site: Option<&Site>,
    options: &Options,
    roof: &Roof,
    progress: &(dyn Fn(f64) + Sync),
) -> Result<Vec<FloorRow>> {
    let alone = ThreadPoolBuilder::new().num_threads(1).build().expect("one more thread can be had");
    alone.install(|| measured(paths, site, options, roof, progress))
}

fn measured(
    paths: &[PathBuf],
    site: Option<&Site>,
    options: &Options,
    roof: &Roof,
    progress: &(dyn Fn(f64) + Sync),
) -> Result<Vec<FloorRow>> {
    let captures = Captures::open(paths)?;
    // As the site has it cut, for the stages alone too.
    let spread_samples = match site {
        Some(site) => located(paths, site, options)?.capture.segment_samples as f64 / 4.0,
        None => SPREAD_SAMPLES,
    };
    let cut = Segmentation::suited_to(captures.frames(), spread_samples);
    let stft = Stft::new(cut, f64::from(captures.sample_rate_hz()));
    let bins = bins(options, &stft)?;
    let sample_bytes = |file: &SoundFile| (file.encoding().bytes() * file.channels()) as f64;
    let size = Size {
        file_bytes: captures.files().iter().map(sample_bytes).sum::<f64>() * captures.frames() as f64,
        channels: captures.channels() as f64,
        segments: cut.segments_in(captures.frames()) as f64,
        fft_samples: cut.fft_samples as f64,
        bins: bins.len() as f64,
    };
    let mut rounds: [Vec<f64>; 4] = Default::default();
    for round in 0..ROUNDS {
        progress(round as f64 / ROUNDS as f64);
        let mut done = Ok(());
        let reading_s = thread_seconds(|| done = read(paths));
        done?;
        let transforming_s = transforming_s(&stft, bins.clone(), captures.channels(), size.segments);
        let mut done = Ok(());
        let pass_s = thread_seconds(|| done = pass(paths, &stft, bins.clone()));
        done?;
        let rest_s = (pass_s - reading_s - transforming_s).max(0.0);
        rounds[0].push(reading_s);
        rounds[1].push(transforming_s);
        rounds[2].push(rest_s);
        if let Some(site) = site {
            let mut done = Ok(());
            let whole_s = thread_seconds(|| done = located(paths, site, options).map(drop));
            done?;
            rounds[3].push((whole_s - pass_s).max(0.0));
        }
    }
    let rows = size.rows(roof).into_iter().zip(rounds).filter(|(_, seconds)| !seconds.is_empty());
    Ok(rows.map(|(row, seconds)| FloorRow { measured: Spread::of(seconds), ..row }).collect())
}

impl Size {
    /// What each stage needs, and what that takes.
    fn rows(&self, roof: &Roof) -> [FloorRow; 4] {
        let Self { file_bytes, channels, segments, fft_samples, bins } = *self;
        let (near, in_place, fused) = (roof.second_level.one, roof.in_place.one, roof.fused.one);
        let row = |name, (bytes, level, bytes_s): (f64, _, f64), operations: f64, operations_s: f64| FloorRow {
            name,
            bytes,
            level,
            operations,
            floor_s: (bytes / bytes_s).max(operations / operations_s),
            measured: Spread::of(vec![0.0]),
        };
        // Two trips, each there and back; few butterflies can fuse a multiplication with an addition.
        let trips = segments * channels * fft_samples * 4.0 * 4.0;
        let transform = segments * channels * (fft_samples + split_radix(fft_samples / 2.0) + 12.0 * bins);
        let entries = channels * (channels + 1.0) / 2.0;
        let spectra = segments * channels * bins * 8.0;
        let pairs = channels * (channels - 1.0) / 2.0;
        // A table is a transform of half as many complex points; a look-up reads the two ranges and an entry.
        let tables = pairs * split_radix(fft_samples * TABLE_FINENESS / 2.0);
        let look_ups = MAP_POINTS * pairs;
        [
            row("read and decode", (file_bytes, "page cache", roof.page_cache.one), 0.0, fused),
            row("window and transform", (trips, "second level", in_place), transform, fused / 2.0),
            row("products, health, overview", (spectra, "second level", near), 8.0 * segments * bins * entries, fused),
            row(
                "tables, map, verdict, uncertainty",
                (look_ups * 12.0, "second level", near),
                tables + 2.0 * look_ups,
                fused / 2.0,
            ),
        ]
    }
}

/// Operations of a complex transform of so many points (Yavne 1968).
fn split_radix(points: f64) -> f64 {
    4.0 * points * points.log2() - 6.0 * points + 8.0
}

/// Seconds that so many segments of all channels take through the transform, told from a few.
fn transforming_s(stft: &Stft, bins: Range<usize>, channels: usize, segments: f64) -> f64 {
    let weave = Weave::new(stft, channels, 1.0);
    let cut = stft.segmentation();
    let frames: Vec<f32> = super::core::noise((weave.segments * cut.hop_samples + cut.segment_samples) * channels);
    let mut spectra = Aligned::zeros(bins.len().div_ceil(PIECE_BINS) * weave.piece_len());
    let mut pieces: Vec<&mut [f32]> = spectra.chunks_exact_mut(weave.piece_len()).collect();
    let mut scratch = weave.scratch(stft);
    let groups = STRETCH.div_ceil(weave.segments);
    let taken_s = thread_seconds(|| {
        for chunk in (0..groups).flat_map(|_| &weave.chunks) {
            let group = Group {
                frames: &frames,
                stride: channels,
                channels: chunk.clone(),
                segments: weave.segments,
                bins: bins.clone(),
                spectra: &mut pieces,
                powers: None,
            };
            weave.transform(stft, group, &mut scratch);
        }
    });
    taken_s * segments / (groups * weave.segments) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speed::Limit;

    /// The reference job on a machine of round numbers, worked out by hand.
    #[test]
    fn the_floor_of_the_reference_job_is_what_a_hand_finds() {
        let limit = |one: f64| Limit { one, all: 2.0 * one };
        let roof = Roof {
            threads: 2,
            first_level: limit(200e9),
            second_level: limit(100e9),
            in_place: limit(100e9),
            memory: limit(10e9),
            page_cache: limit(10e9),
            fused: limit(200e9),
        };
        let frames = 60.0 * 192e3;
        let size =
            Size { file_bytes: frames * 32.0, channels: 16.0, segments: 2811.0, fft_samples: 8192.0, bins: 1707.0 };
        let [read, transform, products, map] = size.rows(&roof);
        // 369 MB at 10 GB/s; 44 976 transforms of 200 700 operations at 100 G/s; 136 entries of 4.8 M bins and segments, 8 each;
        // 120 tables of 16 384 complex points, 819 000 operations each, and two for each of 4.8 M look-ups, at 100 G/s.
        for (row, by_hand_s) in [(read, 0.0369), (transform, 0.0903), (products, 0.0261), (map, 0.00108)] {
            assert!((row.floor_s / by_hand_s - 1.0).abs() < 0.02, "{}: {}", row.name, row.floor_s);
        }
        assert_eq!(split_radix(4.0), 16.0);
    }
}
