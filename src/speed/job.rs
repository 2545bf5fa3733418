//! The stages of an analysis, and the whole of it, on a capture.

use std::ops::Range;
use std::path::PathBuf;

use hound::{SampleFormat, WavReader};
use ndarray::Array2;

use super::clock::seconds;
use super::{ROUNDS, Spread};
use crate::capture::Captures;
use crate::channelise::{Band, Segmentation, Stft};
use crate::cross_spectra::{Kept, Layout, Span, listen};
use crate::error::Result;
use crate::locate::{Options, Outcome, locate};
use crate::site::Site;

/// Farthest that sound is taken to differ between sensors where no site tells, samples.
pub(super) const SPREAD_SAMPLES: f64 = 1200.0;

/// Frames read at a time.
const BLOCK: usize = 1 << 16;

/// One stage.
#[derive(Debug, Clone)]
pub struct JobRow {
    /// What is done.
    pub name: String,
    /// Seconds for the whole capture.
    pub time: Spread,
    /// Samples of all channels that went through; absent for stages that see none.
    pub samples: Option<f64>,
}

/// What was measured on a capture.
#[derive(Debug, Clone)]
pub struct Job {
    /// Files.
    pub files: Vec<PathBuf>,
    /// Channels of all files.
    pub channels: usize,
    /// Length, seconds.
    pub duration_s: f64,
    /// Samples per second and channel.
    pub sample_rate_hz: u32,
    /// Stages in pipeline order.
    pub stages: Vec<JobRow>,
}

/// How much of the work is measured.
#[derive(Debug, Clone, Copy)]
pub enum Extent<'t> {
    /// Reading alone.
    Reading,
    /// The pass too, and the whole job where a site says what the captures are of.
    Whole {
        /// What they are of.
        site: Option<&'t Site>,
        /// How they are located.
        options: &'t Options,
    },
}

/// Measures the stages on captures.
///
/// # Errors
/// Those of reading and locating.
pub fn job(paths: &[PathBuf], extent: Extent<'_>, progress: &dyn Fn(f64)) -> Result<Job> {
    let captures = Captures::open(paths)?;
    let (frames, channels) = (captures.frames(), captures.channels());
    let sample_rate_hz = captures.sample_rate_hz();
    let samples = frames as f64 * channels as f64;
    let mut rounds: Vec<(String, Vec<f64>)> = Vec::new();
    let mut note = |name: &str, taken: f64| match rounds.iter_mut().find(|(known, _)| known == name) {
        Some((_, seconds)) => seconds.push(taken),
        None => rounds.push((name.to_owned(), vec![taken])),
    };
    for round in 0..ROUNDS {
        progress(round as f64 / ROUNDS as f64);
        let mut done = Ok(());
        note("read", seconds(|| done = read(paths)));
        done?;
        // hound does not read every file that can be read, nor to its end one that was cut short.
        let mut done = Ok(());
        let taken = seconds(|| done = iterated(paths));
        if done.is_ok() {
            note("read by hound's iterator", taken);
        }
        let Extent::Whole { site, options } = extent else { continue };
        let mut done = Ok(());
        note("spectra: read, transform, multiply", seconds(|| done = spectra(paths, options)));
        done?;
        if let Some(site) = site {
            let mut done = Ok(Vec::new());
            let whole = seconds(|| done = located(paths, site, options).map(|outcome| outcome.timing_s));
            for (stage, taken) in done? {
                note(&format!("locate: {stage}"), taken);
            }
            note("locate: all", whole);
        }
    }
    let of_samples = |name: &str| {
        ["read", "spectra", "locate: spectra", "locate: all"]
            .iter()
            .any(|s| name.starts_with(s) && name != "locate: read")
    };
    let row = |(name, seconds): (String, Vec<f64>)| JobRow {
        samples: of_samples(&name).then_some(samples),
        name,
        time: Spread::of(seconds),
    };
    let duration_s = frames as f64 / f64::from(sample_rate_hz);
    Ok(Job {
        files: paths.to_vec(),
        channels,
        duration_s,
        sample_rate_hz,
        stages: rounds.into_iter().map(row).collect(),
    })
}

pub(super) fn read(paths: &[PathBuf]) -> Result<()> {
    let mut captures = Captures::open(paths)?;
    let mut block = Array2::zeros((BLOCK, captures.channels()));
    let mut frame = 0;
    while frame < captures.frames() {
        let left = (captures.frames() - frame) as usize;
        if left < BLOCK {
            block = Array2::zeros((left, captures.channels()));
        }
        captures.read(frame, &mut block, 0)?;
        frame += block.nrows() as u64;
    }
    Ok(())
}

/// What a program that takes samples one by one does.
fn iterated(paths: &[PathBuf]) -> hound::Result<()> {
    for path in paths {
        let mut reader = WavReader::open(path)?;
        let mut sum = 0.0f32;
        match reader.spec().sample_format {
            SampleFormat::Int => {
                for sample in reader.samples::<i32>() {
                    sum += sample? as f32;
                }
            }
            SampleFormat::Float => {
                for sample in reader.samples::<f32>() {
                    sum += sample?;
                }
            }
        }
        std::hint::black_box(sum);
    }
    Ok(())
}

fn spectra(paths: &[PathBuf], options: &Options) -> Result<()> {
    let captures = Captures::open(paths)?;
    let segmentation = Segmentation::suited_to(captures.frames(), SPREAD_SAMPLES);
    let stft = Stft::new(segmentation, f64::from(captures.sample_rate_hz()));
    pass(paths, &stft, bins(options, &stft)?)
}

/// The bins of the band that is asked for.
pub(super) fn bins(options: &Options, stft: &Stft) -> Result<Range<usize>> {
    let rate_hz = stft.sample_rate_hz();
    let band = match options.band_hz {
        Some((low_hz, high_hz)) => Band::new(low_hz, high_hz, rate_hz),
        None => Band::usual([20e3, 80e3], rate_hz),
    };
    Ok(band?.bins(stft.spacing_hz()))
}

/// The pass over captures alone.
pub(super) fn pass(paths: &[PathBuf], stft: &Stft, bins: Range<usize>) -> Result<()> {
    let mut captures = Captures::open(paths)?;
    let span = Span { first_frame: 0, frames: captures.frames() };
    let layout = Layout::new(*stft.segmentation(), stft.sample_rate_hz(), bins, vec![0; captures.channels()]);
    listen(&mut captures, span, (stft, &layout), Kept::Whole, &|_| ()).map(drop)
}

/// The whole job.
pub(super) fn located(paths: &[PathBuf], site: &Site, options: &Options) -> Result<Outcome> {
    locate(site, Captures::open(paths)?, None, options, &|_, _| ())
}
