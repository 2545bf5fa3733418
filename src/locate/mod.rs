//! Where on the wall the leak is, how sure that is, and whether there is one: the two columns meet here.

mod alarm;
mod align;
mod array;
mod channels;
mod detect;
mod evidence;
mod explain;
mod find;
mod focus;
mod gls;
mod likelihood;
mod listening;
mod outcome;
mod prepare;
mod refine;
mod search;
mod tell;
mod transient;
mod verdict;
mod views;
mod ways;

use std::time::Instant;

pub use array::Array;
pub use outcome::*;
pub use transient::locate_transients;

use crate::capture::Captures;
use crate::cross_spectra::{Weighting, mean_coherence2};
use crate::error::Result;
use crate::propagation::Medium;
use crate::site::Site;
use alarm::Null;
use focus::{Answer, answer};
use listening::listen_in;
use search::Cover;
use views::coherences;

/// What a user may ask for.
#[derive(Debug, Clone)]
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
    /// Probability of a false alarm that is allowed.
    pub alarm: f64,
    /// The stretch holds one short event rather than a steady sound.
    pub transient: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            band_hz: None,
            weighting: Weighting::default(),
            from_s: None,
            to_s: None,
            leaks: 1,
            alarm: 0.01,
            transient: false,
        }
    }
}

/// Progress: the stage's name and the share of it done.
pub type Progress<'a> = &'a (dyn Fn(&'static str, f64) + Sync);

/// Locates a leak: captures in, all that was found out.
///
/// # Errors
/// Those of reading the captures, and [`crate::Error::Request`] where captures, site and options do not fit.
pub fn locate(
    site: &Site,
    captures: Captures,
    background: Option<Captures>,
    options: &Options,
    progress: Progress<'_>,
) -> Result<Outcome> {
    let mut watch = Stopwatch::start();
    let heard = listen_in(site, captures, background, options, progress, &mut watch)?;
    watch.lap("spectra");
    progress("searching", 0.0);
    let layout = heard.spectra.layout();
    let samples_per_bin = heard.spectra.samples_per_bin();
    let looks = coherences(&heard.spectra, heard.background.as_ref(), options.weighting, &heard.fates);
    let media = heard.preparation.media.iter().map(|medium| heard.array.in_medium(medium.clone()));
    let answers: Vec<_> = media.map(|array| answer(&array, &looks, samples_per_bin, options.leaks)).collect();
    let modes = answers.len();
    let (Answer { array, looks, found, stretch, tried, .. }, rival) = focus::best_supported(answers, site.path_mode());
    let misnamed = tell::misnamed(site, &array, rival);
    let array = &array;
    watch.lap("locate");
    progress("weighing chance", 0.0);
    let (tried, allowed) = (tried * modes, options.alarm);
    let (capture, background) = (&heard.spectra, heard.background.as_ref());
    let cover = Cover::coarse(array);
    let seen = alarm::shown(array, &cover, &looks);
    let null = Null::of(capture, background, options.weighting, &heard.fates);
    let alarm = null.judge(array, &cover, &seen, tried, allowed);
    let needed_z = alarm.needed_z(allowed, tried);
    watch.lap("chance");

    let (view, averages) = (&looks[0], heard.spectra.averages());
    let best = found.sources.first();
    let fit = best.and_then(|r| tell::fit(array, r));
    let (verdict, reasons) = tell::verdict(array, &found, misnamed, &alarm, allowed);
    progress("what would show", 0.0);
    let detectable = (alarm.probability > allowed)
        .then(|| {
            let capture = detect::Capture { spectra: capture, background, weighting: options.weighting, fates: &heard.fates };
            detect::weakest(array, &cover, capture, &alarm, &needed_z)
        })
        .flatten();
    let contradiction = tell::contradiction(array, fit.filter(|_| verdict == Verdict::Leak));
    let told: Vec<_> =
        found.sources.iter().map(|r| tell::leak(array, r, view, (&heard.mean, layout), alarm.probability)).collect();
    let mut sensors = heard.channels.reports;
    if let (Some(refined), Some((_, snr_db))) = (best, told.first()) {
        for (m, &index) in array.sensors.iter().enumerate() {
            sensors[index].snr_db = Some(snr_db[m]);
            sensors[index].range_residual = Some(refined.residuals[m]);
        }
    }
    let leaks = if verdict == Verdict::Leak { told.into_iter().map(|(leak, _)| leak).collect() } else { Vec::new() };
    let candidates = found.candidates();
    let scene = evidence::Scene {
        array,
        preparation: &heard.preparation,
        view,
        kept: &heard.channels.kept,
        fates: &heard.fates,
    };
    let coherence2 = mean_coherence2(&heard.mean, layout, averages);
    let peak = found.standings[0].places[0].value;
    let evidence = evidence::gather(scene, heard.overview, coherence2, &candidates[0].point, peak);
    let pairs = tell::pairs(array, view, averages, samples_per_bin, best);
    watch.lap("evidence");
    let notes = heard.preparation.notes.iter().chain(&evidence.dropped).chain(&found.notes).cloned().collect();
    let of_mode = |medium: &&Medium| medium.mode == array.medium.mode;
    let stated = heard.preparation.media.iter().find(of_mode).unwrap_or(&heard.array.medium);
    let path = tell::path(array, stated, stretch, rival);
    let mut warnings = [heard.warnings, heard.channels.warnings, site.assumptions.clone(), found.warnings].concat();
    warnings.extend(contradiction);
    warnings.extend(tell::misstated(&path));
    Ok(Outcome {
        verdict,
        reasons,
        leaks,
        candidates,
        band_hz: [heard.preparation.band.low_hz(), heard.preparation.band.high_hz()],
        path,
        capture: heard.capture,
        sensors,
        pairs,
        events: Vec::new(),
        fit,
        map_z: found.standings.iter().map(|s| s.z).fold(f64::MAX, f64::min),
        chance: tell::chance(&alarm, &needed_z, allowed),
        detectable,
        warnings,
        notes,
        timing_s: watch.laps,
        evidence,
    })
}

/// Seconds per stage. Samples are read while they are transformed: `read` is headers and planning, `spectra` the pass.
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
