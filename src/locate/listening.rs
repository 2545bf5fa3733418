//! From files to the matrix of the channels that take part, and which of its bins are hiss.

use super::array::Array;
use super::channels::{Channels, judge};
use super::fault::Fault;
use super::outcome::CaptureSpan;
use super::prepare::{Preparation, prepare, prepare_recorded, rows, selection};
use super::views::Material;
use super::{Options, Progress, Stopwatch};
use crate::capture::Captures;
use crate::cross_spectra::{
    BinFate, Channel, CrossSpectra, Heard, Kept, Means, Overview, Part, Piece, Recorded, Span, bin_fates, listen,
    listen_to, tells_lines,
};
use crate::error::{Error, Result};
use crate::site::Site;
use crate::units::power_db;

/// Bins that must be left when machine lines are taken out.
const MIN_BINS: usize = 8;

/// A capture as one matrix, and what became of its channels and bins.
pub struct Listened<'a> {
    /// What was settled before.
    pub preparation: Preparation<'a>,
    /// The files, where samples can be asked for.
    pub captures: Option<Captures>,
    /// What was analysed.
    pub capture: CaptureSpan,
    /// The sensors that take part.
    pub array: Array<'a>,
    /// What became of every channel.
    pub channels: Channels,
    /// The matrix of the channels that take part.
    pub spectra: CrossSpectra,
    /// Its mean over segments.
    pub mean: Means,
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
            mean: &self.mean,
            background: self.background.as_ref(),
            weighting: options.weighting,
            fates: &self.fates,
            machines: &[],
        }
    }

    /// Why recorders of clocks that run free must each locate a leak by itself, where they must.
    pub fn why_alone(
        &self,
        array: &Array<'_>,
        options: &Options,
        leaks: usize,
        machines: usize,
    ) -> Option<&'static str> {
        let is_mended = |&i: &usize| {
            let faults = self.channels.reports[i].faults.iter();
            faults.into_iter().any(|fault| ["polarity", "swapped", "crosstalk"].contains(fault))
        };
        [
            (options.transient, "an event is too short to tell how clocks drift"),
            (self.background.is_some(), "a background does not tell what is common to recorders of other clocks"),
            (leaks > 1, "there is more than one leak"),
            (machines > 0, "machines are explained away clock by clock"),
            (array.medium.kind != "air", "in a wall, a late clock and a longer way are not the same"),
            (array.sensors.iter().any(is_mended), "cables were mended in the matrix of each alone"),
        ]
        .into_iter()
        .find_map(|(holds, why)| holds.then_some(why))
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
        std::iter::once(&mut self.spectra).chain(&mut self.background).for_each(|matrix| matrix.keep(&kept));
        self.mean = self.spectra.mean();
        self.array = self.array.keeping(&kept);
        self.channels.kept = kept.iter().map(|&m| self.channels.kept[m]).collect();
    }
}

/// What is to be located: recordings, or the matrix that stands for them.
#[derive(Debug)]
pub enum Recording {
    /// One file a recorder, or mono files.
    Captures(Captures),
    /// What was heard before.
    Spectra(Box<Recorded>),
}

impl From<Captures> for Recording {
    fn from(captures: Captures) -> Self {
        Self::Captures(captures)
    }
}

impl From<Recorded> for Recording {
    fn from(recorded: Recorded) -> Self {
        Self::Spectra(Box::new(recorded))
    }
}

/// Listens to a part of captures and keeps what locating needs of it, for all sensors in use.
///
/// `digests` are those of the files.
///
/// # Errors
/// As [`super::locate`].
pub fn record(
    site: &Site,
    mut captures: Captures,
    digests: Vec<String>,
    options: &Options,
    part: Part,
    progress: Progress<'_>,
) -> Result<Recorded> {
    let preparation = prepare(site, &mut captures, options)?;
    let told = |share| progress("listening", share);
    let Preparation { span, stft, layout, array, .. } = &preparation;
    let heard = listen_to(&mut captures, *span, part, (stft, layout), Kept::Halves, &told)?;
    let own = part.of_span(*span, &layout.segmentation, array.len()).expect("it was listened to");
    Ok(recorded(
        &preparation,
        &captures,
        heard,
        Piece { files: names(&captures), digests, first_frame: own.first_frame, frames: own.frames },
    ))
}

fn recorded(preparation: &Preparation<'_>, captures: &Captures, heard: Heard, piece: Piece) -> Recorded {
    let site = preparation.array.site;
    let channel = |(row, &i): (usize, &usize)| Channel {
        sensor: site.sensors[i].id.clone(),
        recorder: site.sensors[i].recorder,
        channel: site.sensors[i].channel - 1,
        resolution: captures.resolution(row),
    };
    Recorded {
        heard,
        channels: preparation.array.sensors.iter().enumerate().map(channel).collect(),
        band_hz: [preparation.band.low_hz(), preparation.band.high_hz()],
        file_channels: captures.channels(),
        pieces: vec![piece],
        warnings: captures.warnings().map(String::from).collect(),
        notes: preparation.notes.clone(),
    }
}

fn names(captures: &Captures) -> Vec<String> {
    captures.paths().map(|p| p.display().to_string()).collect()
}

/// Listens to the captures, or takes what was heard before.
///
/// # Errors
/// Those of reading, and [`Error::Request`] where captures, background, site and options do not fit.
pub fn listen_in<'a>(
    site: &'a Site,
    recording: Recording,
    background: Option<Recording>,
    options: &Options,
    progress: Progress<'_>,
    watch: &mut Stopwatch,
) -> Result<Listened<'a>> {
    let (preparation, told, captures) = match recording {
        Recording::Captures(mut captures) => {
            let preparation = prepare(site, &mut captures, options)?;
            watch.lap("read");
            let Preparation { span, stft, layout, .. } = &preparation;
            let told = |share| progress("listening", share);
            let heard = listen(&mut captures, *span, (stft, layout), Kept::Whole, &told)?;
            let Span { first_frame, frames } = *span;
            let piece = Piece { files: names(&captures), digests: Vec::new(), first_frame, frames };
            let told = recorded(&preparation, &captures, heard, piece);
            (preparation, told, Some(captures))
        }
        Recording::Spectra(told) => {
            let preparation = prepare_recorded(site, &told, options)?;
            watch.lap("read");
            (preparation, *told, None)
        }
    };
    let rows = rows(site, &told, &preparation.array.sensors)?;
    let resolutions: Vec<f32> = rows.iter().map(|&row| told.channels[row].resolution).collect();
    let (files, file_channels, warnings) = (told.files(), told.file_channels, told.warnings.clone());
    let mut heard = told.selected(&rows);
    heard.spectra = heard.spectra.into_whole();
    given_twice(&preparation.array, &heard.spectra)?;
    heard.spectra.correct(&preparation.corrections);
    let channels = judge(site, &preparation, &resolutions, &heard);
    let array = preparation.array.keeping(&channels.kept);
    if array.observable_basis().ncols() < 2 {
        return Err(Error::request(format!(
            "{}: only {} channels carry a signal; a place on a wall needs three that share a clock ({})",
            files.first().map(String::as_str).unwrap_or_default(),
            channels.kept.len(),
            channels.warnings.join("; ")
        )));
    }
    let mut spectra = heard.spectra;
    spectra.keep(&channels.kept);
    let background_files = background.as_ref().map(Recording::files).unwrap_or_default();
    let mut background =
        background.map(|recording| hear_background(site, recording, &preparation, progress)).transpose()?;
    background.iter_mut().for_each(|background| background.keep(&channels.kept));
    let mean = spectra.mean();
    if background.as_ref().is_some_and(|background| background.mean().auto == mean.auto) {
        let [file, other] = [&files, &background_files].map(|files| files.first().map_or("", String::as_str));
        return Err(Error::request(format!(
            "{file} and its background {other} hold the same, sample for sample; give a capture with the leak shut, or none"
        )));
    }
    let fates = bin_fates(&mean, spectra.layout(), spectra.averages());
    if fates.iter().filter(|f| **f == BinFate::Used).count() < MIN_BINS {
        return Err(Error::request("nearly every bin of the band is a machine's line; give another --band"));
    }
    let rate_hz = preparation.layout.sample_rate_hz;
    let capture = CaptureSpan {
        files,
        background_files,
        sample_rate_hz: rate_hz as u32,
        channels: file_channels,
        from_s: preparation.span.first_frame as f64 / rate_hz,
        duration_s: preparation.span.frames as f64 / rate_hz,
        segment_samples: preparation.layout.segmentation.segment_samples,
        averages: spectra.averages(),
    };
    let mut warnings = warnings;
    warnings.extend(background.as_ref().and_then(|background| unlike(&mean, &background.mean())));
    if !options.transient && !tells_lines(spectra.layout(), spectra.averages()) {
        warnings.push(
            "too short, or of too narrow a band, to tell a machine's lines from hiss: they may hide a leak, or look like one"
                .into(),
        );
    }
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

/// Refuses one recording that stands for recorders of two clocks: it would be two witnesses where there is one.
fn given_twice(array: &Array<'_>, spectra: &CrossSpectra) -> Result<()> {
    let (groups, sensors) = (array.groups(), &array.sensors);
    if groups.iter().all(|group| *group == groups[0]) {
        return Ok(());
    }
    let powers = spectra.powers();
    let pairs = (0..sensors.len()).flat_map(|m| (0..m).map(move |n| (n, m)));
    // No two channels hiss alike to the last digit; silent ones have nothing to tell.
    let same = |&(n, m): &(usize, usize)| {
        groups[n] != groups[m] && powers.row(n) == powers.row(m) && powers.row(n).sum() > 0.0
    };
    let Some((n, m)) = pairs.into_iter().find(same) else { return Ok(()) };
    let named = |m: usize| {
        let site = array.site;
        let sensor = &site.sensors[sensors[m]];
        format!("sensor '{}' of recorder '{}'", sensor.id, site.recorders[sensor.recorder].id)
    };
    Err(Error::request(format!(
        "{} and {} heard the same, sample for sample: one recording was given for both; give each recorder its own",
        named(n),
        named(m)
    )))
}

/// A background this much louder or quieter than the capture, decibels, is not of the same machines at the same gain.
const UNLIKE_DB: f64 = 10.0;

/// A warning where a background cannot be that of this capture.
fn unlike(capture: &Means, background: &Means) -> Option<String> {
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
    mut recording: Recording,
    preparation: &Preparation<'_>,
    progress: Progress<'_>,
) -> Result<CrossSpectra> {
    if let Recording::Captures(captures) = &mut recording {
        captures.select(selection(site, captures, &preparation.array.sensors)?);
    }
    let layout = &preparation.layout;
    let name = recording.files().into_iter().next().unwrap_or_default();
    let rate_hz = recording.sample_rate_hz();
    if rate_hz != layout.sample_rate_hz {
        return Err(Error::request(format!(
            "{name}: background sampled at {rate_hz} Hz, the capture at {} Hz; record both alike",
            layout.sample_rate_hz
        )));
    }
    let frames = recording.frames();
    if layout.segmentation.segments_in(frames) < 32 {
        return Err(Error::request(format!(
            "{name}: {:.3} s of background are too few; whitening needs at least {:.3} s",
            frames as f64 / rate_hz,
            (33 * layout.segmentation.hop_samples) as f64 / rate_hz
        )));
    }
    let mut spectra = match recording {
        Recording::Captures(mut captures) => {
            let told = |share| progress("background", share);
            let span = Span { first_frame: 0, frames };
            listen(&mut captures, span, (&preparation.stft, layout), Kept::Halves, &told)?.spectra
        }
        Recording::Spectra(told) => {
            let rows = rows(site, &told, &preparation.array.sensors)?;
            told.selected(&rows).spectra
        }
    };
    if spectra.layout() != layout {
        return Err(Error::request(format!(
            "{name}: spectra of other settings than the capture's; write them with the same site and --band, of a capture as long"
        )));
    }
    spectra.correct(&preparation.corrections);
    Ok(spectra)
}

impl Recording {
    fn files(&self) -> Vec<String> {
        match self {
            Self::Captures(captures) => names(captures),
            Self::Spectra(recorded) => recorded.files(),
        }
    }

    fn sample_rate_hz(&self) -> f64 {
        match self {
            Self::Captures(captures) => f64::from(captures.sample_rate_hz()),
            Self::Spectra(recorded) => recorded.heard.spectra.layout().sample_rate_hz,
        }
    }

    fn frames(&self) -> u64 {
        match self {
            Self::Captures(captures) => captures.frames(),
            Self::Spectra(recorded) => recorded.frames(),
        }
    }
}
