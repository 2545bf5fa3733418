//! From files to the matrix of the channels that take part, and which of its bins are hiss.

use super::array::Array;
use super::channels::{Channels, judge};
use super::fault::Fault;
use super::outcome::CaptureSpan;
use super::prepare::{Preparation, prepare, selection};
use super::views::Material;
use super::{Options, Progress, Stopwatch};
use crate::capture::Captures;
use crate::cross_spectra::{BinFate, CrossSpectra, Overview, Span, Sums, bin_fates, listen};
use crate::error::{Error, Result};
use crate::site::Site;
use crate::units::power_db;

/// Bins that must be left when machine lines are taken out.
const MIN_BINS: usize = 8;

/// A capture as one matrix, and what became of its channels and bins.
pub struct Listened<'a> {
    /// What was settled before.
    pub preparation: Preparation<'a>,
    /// The files.
    pub captures: Captures,
    /// What was analysed.
    pub capture: CaptureSpan,
    /// The sensors that take part.
    pub array: Array<'a>,
    /// What became of every channel.
    pub channels: Channels,
    /// The matrix of the channels that take part.
    pub spectra: CrossSpectra,
    /// Its mean over segments.
    pub mean: Sums,
    /// The background's matrix, alike.
    pub background: Option<CrossSpectra>,
    /// What became of every bin.
    pub fates: Vec<BinFate>,
    /// The whole frequency range.
    pub overview: Overview,
    /// What is odd about the files.
    pub warnings: Vec<String>,
}

impl Listened<'_> {
    /// What is looked at.
    pub fn material(&self, options: &Options) -> Material<'_> {
        Material {
            spectra: &self.spectra,
            background: self.background.as_ref(),
            weighting: options.weighting,
            fates: &self.fates,
            machines: &[],
        }
    }

    /// The matrix as it would be without these faults; sensors that are not where the site says are left out.
    pub fn mend(&mut self, faults: &[Fault]) {
        if faults.is_empty() {
            return;
        }
        for matrix in std::iter::once(&mut self.spectra).chain(&mut self.background) {
            faults.iter().for_each(|fault| fault.undo(matrix));
        }
        for fault in faults {
            for m in fault.sensors() {
                let report = &mut self.channels.reports[self.array.sensors[m]];
                if !report.faults.contains(&fault.name()) {
                    report.faults.push(fault.name());
                }
            }
        }
        let left_out: Vec<usize> = faults.iter().filter_map(|fault| fault.left_out()).collect();
        let kept: Vec<usize> = (0..self.array.len()).filter(|m| !left_out.contains(m)).collect();
        if self.array.keeping(&kept).observable_basis().ncols() < 2 {
            return;
        }
        for &m in &left_out {
            self.channels.reports[self.array.sensors[m]].used = false;
        }
        self.spectra = self.spectra.keeping(&kept);
        self.background = self.background.as_ref().map(|background| background.keeping(&kept));
        self.mean = self.spectra.mean();
        self.array = self.array.keeping(&kept);
        self.channels.kept = kept.iter().map(|&m| self.channels.kept[m]).collect();
    }
}

/// Listens to the captures.
///
/// # Errors
/// Those of reading, and [`Error::Request`] where captures, background, site and options do not fit.
pub fn listen_in<'a>(
    site: &'a Site,
    mut captures: Captures,
    background: Option<Captures>,
    options: &Options,
    progress: Progress<'_>,
    watch: &mut Stopwatch,
) -> Result<Listened<'a>> {
    let preparation = prepare(site, &mut captures, options)?;
    watch.lap("read");
    let told = |share| progress("listening", share);
    let mut heard = listen(&mut captures, preparation.span, &preparation.stft, &preparation.layout, &told)?;
    heard.spectra.correct(&preparation.corrections);
    let channels = judge(site, &preparation, &captures, &heard);
    let array = preparation.array.keeping(&channels.kept);
    if array.observable_basis().ncols() < 2 {
        return Err(Error::request(format!(
            "{}: only {} channels carry a signal; a place on a wall needs three that share a clock ({})",
            captures.paths().next().map(|p| p.display().to_string()).unwrap_or_default(),
            channels.kept.len(),
            channels.warnings.join("; ")
        )));
    }
    let spectra = heard.spectra.keeping(&channels.kept);
    let names = |captures: &Captures| captures.paths().map(|p| p.display().to_string()).collect::<Vec<_>>();
    let background_files = background.as_ref().map(names).unwrap_or_default();
    let background = background
        .map(|captures| hear_background(site, captures, &preparation, progress))
        .transpose()?
        .map(|background| background.keeping(&channels.kept));
    let mean = spectra.mean();
    let fates = bin_fates(&mean, spectra.layout(), spectra.averages());
    if fates.iter().filter(|f| **f == BinFate::Used).count() < MIN_BINS {
        return Err(Error::request("nearly every bin of the band is a machine's line; give another --band"));
    }
    let rate_hz = f64::from(captures.sample_rate_hz());
    let capture = CaptureSpan {
        files: names(&captures),
        background_files,
        sample_rate_hz: captures.sample_rate_hz(),
        channels: captures.channels(),
        from_s: preparation.span.first_frame as f64 / rate_hz,
        duration_s: preparation.span.frames as f64 / rate_hz,
        segment_samples: preparation.layout.segmentation.segment_samples,
        averages: spectra.averages(),
    };
    let mut warnings: Vec<String> = captures.warnings().map(String::from).collect();
    warnings.extend(background.as_ref().and_then(|background| unlike(&mean, &background.mean())));
    Ok(Listened {
        preparation,
        captures,
        capture,
        array,
        channels,
        spectra,
        mean,
        background,
        fates,
        overview: heard.overview,
        warnings,
    })
}

/// A background this much louder or quieter than the capture, decibels, is not of the same machines at the same gain.
const UNLIKE_DB: f64 = 10.0;

/// A warning where a background cannot be that of this capture.
fn unlike(capture: &Sums, background: &Sums) -> Option<String> {
    let ratio = |m: usize| background.auto.row(m).sum() / capture.auto.row(m).sum().max(f64::MIN_POSITIVE);
    let mut ratios: Vec<f64> = (0..capture.auto.nrows()).map(|m| power_db(ratio(m))).collect();
    ratios.sort_by(f64::total_cmp);
    let typical_db = ratios[ratios.len() / 2];
    (typical_db.abs() > UNLIKE_DB).then(|| {
        let how = if typical_db > 0.0 { "louder" } else { "quieter" };
        format!(
            "the background is {:.0} dB {how} than the capture: it tells little unless machines and gain were the same",
            typical_db.abs().min(200.0)
        )
    })
}

/// The background's matrix, cut and corrected like the capture's.
fn hear_background(
    site: &Site,
    mut captures: Captures,
    preparation: &Preparation<'_>,
    progress: Progress<'_>,
) -> Result<CrossSpectra> {
    captures.select(selection(site, &captures, &preparation.array.sensors)?);
    let name = captures.paths().next().map(|p| p.display().to_string()).unwrap_or_default();
    if f64::from(captures.sample_rate_hz()) != preparation.layout.sample_rate_hz {
        return Err(Error::request(format!(
            "{name}: background sampled at {} Hz, the capture at {} Hz; record both alike",
            captures.sample_rate_hz(),
            preparation.layout.sample_rate_hz
        )));
    }
    let span = Span { first_frame: 0, frames: captures.frames() };
    if preparation.layout.segmentation.segments_in(span.frames) < 32 {
        return Err(Error::request(format!(
            "{name}: {:.3} s of background are too few; whitening needs at least {:.3} s",
            span.frames as f64 / preparation.layout.sample_rate_hz,
            (33 * preparation.layout.segmentation.hop_samples) as f64 / preparation.layout.sample_rate_hz
        )));
    }
    let told = |share| progress("background", share);
    let mut heard = listen(&mut captures, span, &preparation.stft, &preparation.layout, &told)?;
    heard.spectra.correct(&preparation.corrections);
    Ok(heard.spectra)
}
