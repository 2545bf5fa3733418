//! Where on the wall the leak is, how sure that is, and whether there is one: the two columns meet here.

mod across;
mod alarm;
mod align;
mod array;
mod arrivals;
mod beams;
mod bounds;
mod channels;
mod clocks;
mod cover;
mod detect;
mod electrical;
mod evidence;
mod explain;
mod fault;
mod faults;
mod find;
mod focus;
mod foreseen;
mod further;
mod gls;
mod judge;
mod lateness;
mod likelihood;
mod listening;
mod machine;
mod mending;
mod misfit;
mod outcome;
mod own_range;
mod posterior;
mod prepare;
mod prove;
mod rates;
mod refine;
mod search;
mod signature;
mod steer;
mod tell;
mod together;
mod transient;
mod verdict;
mod views;
mod ways;

use std::time::Instant;

pub use array::{Array, too_few};
pub use arrivals::{Arrivals, Mark, Slopes, Take};
pub use clocks::Clock;
pub use cover::Cover;
pub use foreseen::{Expected, Foreseen};
pub use listening::{Recording, record};
pub use outcome::*;
pub use posterior::{Spot, Spread};
pub use prepare::selection;
pub use steer::Steered;
pub use transient::locate_transients;

use crate::cross_spectra::{Weighting, mean_coherence2};
use crate::error::Result;
use crate::propagation::Medium;
use crate::site::Site;
use alarm::Null;
use judge::Judged;
use listening::listen_in;
use views::Material;

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
    pub leaks: Wanted,
    /// Probability of a false alarm that is allowed.
    pub alarm: f64,
    /// Captures into which the strongest leak is put back, to be located again; 0 for none.
    pub prove: usize,
    /// The stretch holds one short event rather than a steady sound.
    pub transient: bool,
}

/// How many leaks to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// As many as stand out, up to eight.
    Auto,
    /// At most so many.
    AtMost(usize),
}

impl Wanted {
    fn most(self) -> usize {
        match self {
            Self::Auto => 8,
            Self::AtMost(most) => most,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            band_hz: None,
            weighting: Weighting::default(),
            from_s: None,
            to_s: None,
            leaks: Wanted::Auto,
            alarm: 0.01,
            prove: 0,
            transient: false,
        }
    }
}

/// Progress: the stage's name and the share of it done.
pub type Progress<'a> = &'a (dyn Fn(&'static str, f64) + Sync);

/// Locates a leak: captures in, or spectra that stand for them, all that was found out.
///
/// # Errors
/// Those of reading the captures, and [`crate::Error::Request`] where captures, site and options do not fit.
pub fn locate(
    site: &Site,
    recording: impl Into<Recording>,
    background: Option<Recording>,
    options: &Options,
    progress: Progress<'_>,
) -> Result<Outcome> {
    let mut watch = Stopwatch::start();
    let mut heard = listen_in(site, recording.into(), background, options, progress, &mut watch)?;
    watch.lap("spectra");
    progress("searching", 0.0);
    let allowed = options.alarm;
    let (judged, disagreeing) = mending::judged(&mut heard, options, progress);
    let samples_per_bin = heard.spectra.samples_per_bin();
    let Judged { array, looks, found, stretch, rival, machines, mut chance_in_room, alarm, needed_z, echoes } = judged;
    let material = heard.material(options);
    let material = Material { machines: &machines, ..material };
    let echo = tell::may_be_echo(&found, echoes, allowed, heard.background.is_some());
    let off_wall = misfit::in_front(found.source.as_ref().and_then(|source| misfit::fit(&array, source)));
    let doubts = misfit::misnamed(site, &array, rival).into_iter().chain(disagreeing).chain(echo).chain(off_wall);
    let (array, view, mut found) = (&array, &looks[0], found);
    let (verdict, reasons) = tell::verdict(array, &found, doubts.collect(), &alarm, allowed);
    let beside_machines = echoes.map(|p| {
        format!("beyond machines and the strongest place, pairs hear what chance makes with probability {p:.1e}")
    });
    watch.lap("locate");

    let mut leaks_found = found.source.as_ref().filter(|_| verdict == Verdict::Leak).map(|first| {
        progress("further leaks", 0.0);
        let null = Null::of(material);
        let scene = further::Scene { array, null: &null, needed_z: needed_z[0] };
        let first = (first.clone(), alarm.probability);
        let wanted = (options.leaks.most(), allowed);
        further::further(&scene, view, found.separation_m, first, wanted, &mut chance_in_room)
    });
    let detectable = (alarm.probability > allowed).then(|| {
        progress("what would show", 0.0);
        detect::weakest(array, &looks, material, &alarm, &needed_z)
    });
    let detectable = detectable.flatten();
    watch.lap("leaks");

    let proof = leaks_found.as_ref().filter(|_| options.prove > 0).map(|leaks| {
        let null = Null::of(material);
        let whole = &material.weighed_by_powers().looks()[0].1;
        let scene = prove::Scene {
            array,
            null: &null,
            leak: &leaks.sources[0],
            parts: [whole, &leaks.rest],
            needed_z: &needed_z,
        };
        scene.prove(options.prove, &|share| progress("putting the leak back", share))
    });
    if options.prove > 0 {
        watch.lap("prove");
    }

    let heeded = match leaks_found.as_mut() {
        Some(leaks) => {
            progress("clocks", 0.0);
            // Others beside it may have moved it.
            found.source = Some(leaks.sources[0].clone());
            let alone = heard.why_alone(array, options, leaks.sources.len(), machines.len() + leaks.machines.len());
            let (leak, further) = (&leaks.sources[0], leaks.sources.len() > 1);
            let heeded = clocks::clocks(&mut heard, (array, view, leak), alone, further)?;
            if let Some(leak) = heeded.together.as_ref().or(heeded.alone.as_ref()) {
                leaks.sources[0] = leak.clone();
                found.source = Some(leak.clone());
            }
            heeded
        }
        None => Default::default(),
    };
    let best = found.source.as_ref();

    let layout = heard.spectra.layout();
    let averages = heard.spectra.averages();
    let fit = best.and_then(|r| misfit::fit(array, r));
    let contradiction = misfit::contradiction(array, fit.filter(|_| verdict == Verdict::Leak));
    let one = best.map(|r| (r, alarm.probability));
    let sources: Vec<_> = match &leaks_found {
        Some(leaks) => leaks.sources.iter().zip(leaks.probabilities.iter().copied()).collect(),
        None => one.into_iter().collect(),
    };
    let told: Vec<_> = sources.iter().map(|(r, p)| tell::leak(array, r, view, (&heard.mean, layout), *p)).collect();
    let mut sensors = heard.channels.reports;
    if let (Some(refined), Some((_, snr_db))) = (best, told.first()) {
        for (m, &index) in array.sensors.iter().enumerate() {
            sensors[index].snr_db = Some(snr_db[m]);
            sensors[index].range_residual = Some(refined.residuals[m]);
        }
    }
    let further = leaks_found.as_ref().map_or((&[][..], &[][..]), |leaks| (&leaks.notes[..], &leaks.warnings[..]));
    let leaks = if verdict == Verdict::Leak { told.into_iter().map(|(leak, _)| leak).collect() } else { Vec::new() };
    let is_located = alarm.probability <= allowed && tell::is_a_place(array, best);
    let chance = (!is_located).then_some(alarm.laws[0]);
    let posterior = posterior::Scene { array, view, found: &found, samples_per_bin, chance };
    let located = leaks_found.as_ref().map_or(&[][..], |leaks| &leaks.sources);
    let rivals = posterior.rivals();
    let candidates = posterior.candidates(&rivals, located);
    let spread = posterior.spread(&rivals, located);
    let search = posterior.search(&spread);
    let scene = evidence::Scene {
        array,
        preparation: &heard.preparation,
        view,
        kept: &heard.channels.kept,
        fates: &heard.fates,
    };
    let coherence2 = mean_coherence2(&heard.mean, layout, averages);
    let peak = found.standings[0].places[0].value;
    let level_db = tell::level_db(view, &heard.mean, layout);
    let evidence = evidence::gather(scene, heard.overview, coherence2, &candidates[0].point, peak, level_db);
    let pairs = tell::pairs(array, view, averages, samples_per_bin, best);
    watch.lap("evidence");
    let notes = heard
        .preparation
        .notes
        .iter()
        .chain(&evidence.dropped)
        .chain(&found.notes)
        .chain(&beside_machines)
        .chain(further.0)
        .chain(&heeded.notes)
        .cloned()
        .collect();
    let of_mode = |medium: &&Medium| medium.mode == array.medium.mode;
    let stated = heard.preparation.media.iter().find(of_mode).unwrap_or(&heard.array.medium);
    let path = tell::path(array, stated, stretch, rival);
    let mut warnings = [heard.warnings, heard.channels.warnings, site.assumptions.clone(), found.warnings].concat();
    let others = leaks_found.iter().flat_map(|leaks| &leaks.machines);
    let machines: Vec<_> = machines.iter().chain(others).map(|machine| machine.position_m).collect();
    warnings.extend(machines.iter().map(tell::machine));
    warnings.extend(further.1.iter().cloned());
    warnings.extend(contradiction);
    warnings.extend(misfit::misstated(&path));
    Ok(Outcome {
        verdict,
        reasons,
        leaks,
        candidates,
        spread,
        search,
        band_hz: [heard.preparation.band.low_hz(), heard.preparation.band.high_hz()],
        path,
        capture: heard.capture,
        machines,
        sensors,
        pairs,
        events: Vec::new(),
        fit,
        map_z: found.standings.iter().map(|s| s.z).fold(f64::MAX, f64::min),
        chance: tell::chance(&alarm, &needed_z, allowed),
        detectable,
        proof,
        clocks: heeded.clocks,
        alone: heeded.together.and(heeded.alone).map(|leak| (leak.point, leak.covariance_m2.transpose().into())),
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
