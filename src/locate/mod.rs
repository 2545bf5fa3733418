//! Where on the wall the leak is, how sure that is, and whether there is one: the two columns meet here.

mod align;
mod array;
mod channels;
mod evidence;
mod gls;
mod likelihood;
mod outcome;
mod prepare;
mod refine;
mod search;
mod tell;
mod verdict;
mod views;

use std::time::Instant;

pub use array::Array;
pub use outcome::*;
pub use verdict::LEAK_Z;

use crate::capture::Captures;
use crate::cross_spectra::{BinFate, CrossSpectra, Heard, Weighting, bin_fates, listen, mean_coherence2};
use crate::error::{Error, Result};
use crate::site::Site;
use prepare::{Preparation, prepare, selection};
use refine::{Data, Refined, refine};
use verdict::Standing;
use views::{View, views};

/// What a user may ask for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The band, hertz; absent means automatic.
    pub band_hz: Option<(f64, f64)>,
    /// How cross-spectra are scaled.
    pub weighting: Weighting,
    /// Start of the stretch to analyse, seconds.
    pub from_s: Option<f64>,
    /// Its end, seconds.
    pub to_s: Option<f64>,
    /// How many leaks to look for.
    pub leaks: usize,
}

/// Progress: the stage's name and the share of it done.
pub type Progress<'a> = &'a (dyn Fn(&'static str, f64) + Sync);

/// Two places closer than this, metres, are one for the search, plus what sensor positions blur.
const SEPARATION_M: f64 = 0.06;

/// Locates a leak: captures in, all that was found out.
///
/// # Errors
/// Those of reading the captures, and [`Error::Request`] where captures, site and options do not fit.
pub fn locate(
    site: &Site,
    mut captures: Captures,
    background: Option<Captures>,
    options: &Options,
    progress: Progress<'_>,
) -> Result<Outcome> {
    let mut watch = Stopwatch::start();
    let preparation = prepare(site, &mut captures, options)?;
    watch.lap("read");
    let mut heard = hear(&mut captures, &preparation, "listening", progress)?;
    let quiet = match background {
        Some(captures) => Some(hear_background(site, captures, &preparation, progress)?),
        None => None,
    };
    watch.lap("spectra");
    heard.spectra.correct(&preparation.corrections);
    let channels = channels::judge(site, &preparation, &captures, &heard);
    let array = Array::new(
        site,
        preparation.medium.clone(),
        channels.kept.iter().map(|&row| preparation.sensors[row]).collect(),
    );
    if array.observable_basis().ncols() < 2 {
        return Err(Error::request(format!(
            "{}: only {} channels carry a signal; a place on a wall needs three that share a clock ({})",
            captures.paths().next().map(|p| p.display().to_string()).unwrap_or_default(),
            channels.kept.len(),
            channels.warnings.join("; ")
        )));
    }
    let spectra = heard.spectra.keeping(&channels.kept);
    let background = quiet.map(|b| b.keeping(&channels.kept));
    let mean = spectra.mean();
    let averages = spectra.averages();
    let fates = bin_fates(&mean, spectra.layout(), averages);
    if fates.iter().filter(|f| **f == BinFate::Used).count() < 8 {
        return Err(Error::request("nearly every bin of the band is a machine's line; give another --band"));
    }
    progress("correlating", 0.0);
    let looks = views(&array, &spectra, background.as_ref(), options.weighting, &fates);
    watch.lap("delays");
    progress("searching", 0.0);
    let found = search_and_refine(&array, &spectra, &looks);
    watch.lap("locate");

    let view = &looks[0];
    let samples_per_bin = spectra.samples_per_bin();
    let best = found.refined.as_ref();
    let fit = best.and_then(|r| tell::fit(&array, r));
    let (verdict, reasons) = tell::verdict(&array, &found.standings, best, found.agree, fit);
    let mut sensors = channels.reports;
    let mut leaks = Vec::new();
    if let Some(refined) = best {
        let (leak, snr_db) = tell::leak(&array, refined, view, &mean, spectra.layout());
        for (m, &index) in array.sensors.iter().enumerate() {
            sensors[index].snr_db = Some(snr_db[m]);
            sensors[index].range_residual = Some(refined.residuals[m]);
        }
        leaks.push(leak);
    }
    let candidates = found.candidates();
    let place = candidates[0].point.position_m;
    let coherence2 = mean_coherence2(&mean, spectra.layout(), averages);
    let peak = found.standings[0].places[0].value;
    let evidence = evidence::gather(
        evidence::Scene { array: &array, preparation: &preparation, view, kept: &channels.kept, fates: &fates },
        heard.overview,
        coherence2,
        &place,
        peak,
    );
    let mut notes = preparation.notes.clone();
    notes.extend(evidence.dropped.iter().cloned());
    notes.extend(found.notes.iter().cloned());
    let warnings = captures
        .warnings()
        .map(String::from)
        .chain(channels.warnings)
        .chain(site.assumptions.iter().cloned())
        .chain(reasons)
        .chain(found.warnings.clone())
        .collect();
    if verdict != Verdict::Leak {
        leaks.clear();
    }
    watch.lap("evidence");
    Ok(Outcome {
        verdict,
        leaks,
        candidates,
        band_hz: [preparation.band.low_hz(), preparation.band.high_hz()],
        path: PathUsed {
            kind: array.medium.kind,
            speed_m_s: array.medium.speed_m_s,
            speed_sigma_m_s: array.medium.speed_sigma_m_s,
        },
        capture: CaptureSpan {
            files: captures.paths().map(|p| p.display().to_string()).collect(),
            sample_rate_hz: captures.sample_rate_hz(),
            channels: captures.channels(),
            from_s: preparation.span.first_frame as f64 / f64::from(captures.sample_rate_hz()),
            duration_s: preparation.span.frames as f64 / f64::from(captures.sample_rate_hz()),
            segment_samples: preparation.layout.segmentation.segment_samples,
            averages,
        },
        sensors,
        pairs: tell::pairs(&array, view, averages, samples_per_bin, best),
        fit,
        map_z: found.standings.iter().map(|s| s.z).fold(f64::MAX, f64::min),
        warnings,
        notes,
        timing_s: watch.laps,
        evidence,
    })
}

fn hear(
    captures: &mut Captures,
    preparation: &Preparation,
    stage: &'static str,
    progress: Progress<'_>,
) -> Result<Heard> {
    listen(captures, preparation.span, &preparation.stft, &preparation.layout, &|share| progress(stage, share))
}

/// The background's matrix, cut and corrected like the capture's.
fn hear_background(
    site: &Site,
    mut captures: Captures,
    preparation: &Preparation,
    progress: Progress<'_>,
) -> Result<CrossSpectra> {
    captures.select(selection(site, &captures, &preparation.sensors)?);
    let name = captures.paths().next().map(|p| p.display().to_string()).unwrap_or_default();
    if f64::from(captures.sample_rate_hz()) != preparation.layout.sample_rate_hz {
        return Err(Error::request(format!(
            "{name}: background sampled at {} Hz, the capture at {} Hz; record both alike",
            captures.sample_rate_hz(),
            preparation.layout.sample_rate_hz
        )));
    }
    let span = crate::cross_spectra::Span { first_frame: 0, frames: captures.frames() };
    if preparation.layout.segmentation.segments_in(span.frames) < 32 {
        return Err(Error::request(format!(
            "{name}: {:.3} s of background are too few; whitening needs at least {:.3} s",
            span.frames as f64 / preparation.layout.sample_rate_hz,
            (33 * preparation.layout.segmentation.hop_samples) as f64 / preparation.layout.sample_rate_hz
        )));
    }
    let stage = "background";
    let mut heard =
        listen(&mut captures, span, &preparation.stft, &preparation.layout, &|share| progress(stage, share))?;
    heard.spectra.correct(&preparation.corrections);
    Ok(heard.spectra)
}

/// What search and refinement found.
struct Found {
    /// One a view.
    standings: Vec<Standing>,
    /// The strongest place, refined.
    refined: Option<Refined>,
    /// Whether all views point to one place.
    agree: bool,
    warnings: Vec<String>,
    notes: Vec<String>,
}

fn search_and_refine(array: &Array<'_>, spectra: &CrossSpectra, looks: &[View]) -> Found {
    let view = &looks[0];
    let blur_m = view.coherence.pairs.iter().map(|&pair| array.difference_sigma_m(pair)).fold(0.0, f64::max);
    let separation_m = SEPARATION_M + 6.0 * blur_m;
    let standings: Vec<Standing> = looks.iter().map(|look| look.survey(array, separation_m)).collect();
    let top = |s: &Standing| s.places[0].point.position_m;
    let agree = standings.iter().all(|s| (top(s) - top(&standings[0])).norm() <= separation_m);
    let places = &standings[0].places;
    let data = Data {
        coherence: &view.coherence,
        wavenumber_rad_m: &view.wavenumber_rad_m,
        samples_per_bin: spectra.samples_per_bin(),
        tables: &view.tables,
    };
    let refined = refine(array, data, places[0].point);
    let mut warnings = Vec::new();
    let notes: Vec<String> = looks
        .iter()
        .zip(&standings)
        .map(|(look, s)| format!("{}: strongest place stands out by z = {:.1}", look.name, s.z))
        .collect();
    if standings.iter().any(|s| !s.places[0].certain) {
        warnings.push("the search was cut short: nothing stands out enough to exclude the rest of the wall".into());
    }
    Found { standings, refined, agree, warnings, notes }
}

impl Found {
    /// The separate places of the map; the first where refinement moved it.
    fn candidates(&self) -> Vec<Candidate> {
        let places = &self.standings[0].places;
        let score = |value: f32| f64::from((value / places[0].value).clamp(0.0, 1.0));
        let mut candidates: Vec<Candidate> =
            places.iter().map(|p| Candidate { point: p.point, score: score(p.value) }).collect();
        if let Some(refined) = &self.refined {
            candidates[0].point = refined.point;
        }
        candidates
    }
}

/// Seconds per stage.
struct Stopwatch {
    last: Instant,
    laps: Vec<(&'static str, f64)>,
}

impl Stopwatch {
    fn start() -> Self {
        Self { last: Instant::now(), laps: Vec::new() }
    }

    fn lap(&mut self, stage: &'static str) {
        let now = Instant::now();
        self.laps.push((stage, (now - self.last).as_secs_f64()));
        self.last = now;
    }
}
