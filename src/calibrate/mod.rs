//! From sources at known places to what a site file gets wrong: each channel's delay, gain and polarity, where the sensors really
//! are, and how fast sound is.
//!
//! Each take gives one range a sensor ([`crate::locate::Arrivals`]). Delays, places and speed move these ranges in ways that
//! differ from place to place: `model` weighs them against what the site claims to know. What stays unknown is refused, with
//! the place of a source that would tell it (`further`).

mod beam;
mod channels;
mod clocks;
mod further;
mod left;
mod model;
mod notes;
mod open;
mod state;
mod takes;

use nalgebra::{DMatrix, DVector};

pub use clocks::Clock;
pub use further::Proposal;
pub use takes::{Heard, Source, hear};

use crate::cross_spectra::ChannelCorrection;
use crate::error::{Error, Result};
use crate::locate::{Array, Mark, Progress};
use crate::propagation::Medium;
use crate::site::{Point3, Site};
use channels::{gains, polarity};
use left::{doubts, fits, left_m, mistaken};
use model::{Block, Model, Scatter, Solution};
use open::{What, still_open};
use state::State;

/// Rounds of listening and solving; corrected channels are listened to anew.
const ROUNDS: usize = 10;

/// Unknowns that move ranges by less than this, metres, have settled.
const SETTLED_M: f64 = 1e-6;

/// What is asked is told where at most this share of what was open before stays open.
const TOLD: f64 = 0.5;

/// A take's word on a polarity counts from here.
const CERTAIN: f64 = 0.3;

/// What is to be found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Delay of each channel.
    pub delay: bool,
    /// Gain of each channel.
    pub gain: bool,
    /// Polarity of each channel.
    pub polarity: bool,
    /// Place of each sensor, within what the site says of it.
    pub position: bool,
    /// Speed of sound, or the wall's thickness.
    pub speed: bool,
    /// Clocks of recorders that run free.
    pub clock: bool,
}

/// What a user may say.
#[derive(Debug, Clone)]
pub struct Options {
    /// The band, hertz; absent means the one that leaks are heard in.
    pub band_hz: Option<(f64, f64)>,
    /// What is to be found out; absent means all that the site leaves open, speed only as far as it is told.
    pub asked: Option<Asked>,
    /// One standard deviation of the sources' places, metres; absent means that the residuals tell it.
    pub at_sigma_m: Option<f64>,
    /// Delays are of this size, seconds.
    pub delay_sigma_s: f64,
}

/// A value before and after, and one standard deviation of it after.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change<T> {
    /// As the site says.
    pub before: T,
    /// As the sources say.
    pub after: T,
    /// One standard deviation of the latter.
    pub sigma: f64,
}

/// What became of one sensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibrated {
    /// Its number in the site.
    pub sensor: usize,
    /// Seconds; only differences within a clock group mean anything, and their mean stays.
    pub delay_s: Option<Change<f64>>,
    /// Decibels; likewise.
    pub gain_db: Option<Change<f64>>,
    /// 1 or −1, and how surely: the sigma is 1 less the mean agreement of takes.
    pub polarity: Option<Change<f64>>,
    /// Metres; the sigma is that of one axis.
    pub position_m: Option<Change<Point3>>,
    /// What is left of the range to it, metres: the place and the delay together, over the walls.
    pub range_sigma_m: f64,
}

/// What a take heard against what the site said, and against what it says now.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// Where the source was, metres.
    pub place_m: Point3,
    /// The sensors, as numbers in the site.
    pub sensors: Vec<usize>,
    /// Range heard less range told, metres, the mean over a clock group apart: before and after.
    pub residual_m: Vec<[f64; 2]>,
    /// Whether each sensor's word counts; crests that were mistaken do not.
    pub counts: Vec<bool>,
}

/// All that sources at known places tell.
#[derive(Debug, Clone)]
pub struct Calibration {
    /// What was found out.
    pub asked: Asked,
    /// One a sensor that was heard.
    pub sensors: Vec<Calibrated>,
    /// Relative change of all wavenumbers in the middle of the band.
    pub wavenumber: Option<Change<f64>>,
    /// Speed of sound, or of envelopes in the middle of the band, metres per second.
    pub speed_m_s: Change<f64>,
    /// The wall's thickness, metres, where it sets the speed.
    pub thickness_m: Option<Change<f64>>,
    /// One standard deviation of the sources' places and of a single range, metres, as the residuals tell them.
    pub scatter: [f64; 2],
    /// One a source.
    pub fits: Vec<Fit>,
    /// One a recorder whose clock is not the first one's.
    pub clocks: Vec<Clock>,
    /// The site with all of it.
    pub site: Site,
    /// The band, hertz.
    pub band_hz: [f64; 2],
    /// Metres of range that a second of delay looks like.
    pub metres_per_second: f64,
    /// What is odd.
    pub warnings: Vec<String>,
    /// What was decided and why.
    pub notes: Vec<String>,
}

impl Calibration {
    fn take_clocks(&mut self, clocks: Vec<Clock>) {
        self.warnings.extend(clocks.iter().filter_map(|clock| clock.open.clone()));
        for clock in &clocks {
            let recorder = &mut self.site.recorders[clock.recorder];
            recorder.offset_s = clock.offset_s.or(recorder.offset_s);
            recorder.drift_ppm = clock.drift_ppm.or(recorder.drift_ppm);
        }
        self.clocks = clocks;
    }

    /// Root mean square residual of the ranges, metres: before and after.
    pub fn rms_m(&self) -> [f64; 2] {
        let counted = || self.fits.iter().flat_map(|f| f.residual_m.iter().zip(&f.counts).filter(|(_, c)| **c));
        let count = counted().count().max(1) as f64;
        [0, 1].map(|i| (counted().map(|(r, _)| r[i] * r[i]).sum::<f64>() / count).sqrt())
    }
}

/// Calibrates a site by takes of sources at known places.
///
/// # Errors
/// [`Error::Request`] where what is asked is not told by these places, or no take is heard by enough sensors.
pub fn calibrate(site: &Site, heard: Vec<Heard>, options: &Options, progress: Progress<'_>) -> Result<Calibration> {
    let Some(first) = heard.first() else { return Err(Error::request("no source; give --at X,Y,Z for each")) };
    let (medium, band_hz) = (Medium::of(site), first.take.band_hz);
    let sensors: Vec<usize> =
        (0..site.sensors.len()).filter(|i| heard.iter().any(|h| h.take.sensors.contains(i))).collect();
    let stated = Array::new(site, medium.clone(), band_hz, sensors.clone())?;
    let asked = options.asked.unwrap_or(Asked {
        delay: true,
        gain: true,
        polarity: true,
        position: site.sensors.iter().any(|s| s.position_sigma_m > 0.0),
        speed: false,
        clock: site.recorders.iter().any(|recorder| recorder.clock != 0),
    });
    if asked.clock && site.recorders.iter().all(|recorder| recorder.clock == 0) {
        return Err(Error::request(
            "the site has no clock but the first recorder's; one of its own is sync = \"free\"",
        ));
    }
    let model = Model::new(&stated, asked, options.delay_sigma_s);
    let mut fitting = Fitting {
        left_out: vec![Vec::new(); heard.len()],
        state: State::new(&model, &stated, &medium),
        model: &model,
        solution: None,
        heard,
    };
    let wavelength_m = std::f64::consts::TAU / medium.wavenumber_rad_m(stated.middle_hz());
    // The tops of envelopes are known to an eighth of a wave; crests take over from there.
    let blurred = Scatter { place_m: 0.0, range_m: wavelength_m / 8.0 };
    let mut rounds = [0; 2];
    for round in 0..ROUNDS {
        progress("fitting envelopes", round as f64 / ROUNDS as f64);
        rounds[0] += 1;
        let blocks = fitting.listen(Mark::Envelopes)?;
        if fitting.solve(&blocks, blurred).1 < wavelength_m / 32.0 {
            break;
        }
    }
    let mut certainty = fitting.listen(Mark::Envelopes).map(|blocks| polarity(&blocks, &model.groups))?;
    if asked.polarity {
        fitting.state.wire(&certainty);
    }
    let (mut scatter, mut last) = (blurred, None);
    for round in 0..ROUNDS {
        progress("fitting crests", round as f64 / ROUNDS as f64);
        rounds[1] += 1;
        let blocks = fitting.listen(Mark::Crests)?;
        certainty = polarity(&blocks, &model.groups);
        if asked.polarity {
            fitting.state.wire(&certainty);
        }
        scatter = model.scatter(&blocks, &fitting.state.x, options.at_sigma_m);
        if round > 1 {
            fitting.left_out = blocks.iter().map(|block| mistaken(block, wavelength_m)).collect();
        }
        let (before, moved) = fitting.solve(&blocks, scatter);
        last = Some((blocks, before));
        if round > 2 && moved < SETTLED_M {
            break;
        }
    }
    let Fitting { state, solution, heard, .. } = fitting;
    let (Some(solution), Some((blocks, x))) = (solution, last) else { unreachable!("there are rounds") };
    let left_m = left_m(&blocks);
    if left_m > wavelength_m / 8.0 {
        return Err(Error::request(format!(
            "the sources do not fit together: {:.1} mm are left of the ranges, an eighth of a wave is {:.1} mm\n  are the places \
             right and in the order of the recordings? is --band where the source is loud? are positions better than \
             position_sigma_m says?",
            left_m * 1e3,
            wavelength_m / 8.0 * 1e3
        )));
    }
    let open = still_open(&model, &solution, TOLD);
    if let Some(worst) = open.iter().find(|o| o.is_asked(asked)) {
        let proposals = further::proposals(&model, &state, &blocks, (&solution, scatter), asked, TOLD)?;
        let sources = heard.iter().map(|h| h.number).max().map_or(0, |last| last + 1);
        return Err(Error::request(worst.refusal(site, sources, &proposals)));
    }
    let speed_is_told = !open.iter().any(|o| o.what == What::Speed);
    let asked = Asked { speed: asked.speed || (options.asked.is_none() && speed_is_told), ..asked };
    let fits = fits(&model, &heard, &blocks, &solution, &x);
    let mut warnings: Vec<String> = Vec::new();
    for warning in heard.iter().flat_map(|h| &h.take.warnings) {
        if !warnings.contains(warning) {
            warnings.push(warning.clone());
        }
    }
    warnings.extend(doubts(site, &sensors, &fits, &certainty, asked));
    let mut told = state.told(state::Told {
        asked,
        solution: &solution,
        stated: &stated,
        certainty: &certainty,
        gains: &gains(&blocks, stated.groups()),
        scatter: [scatter.place_m, scatter.range_m],
        fits,
        warnings,
    });
    told.notes = notes::notes(site, options, &told, &notes::Course { rounds, open: &open, scatter, wavelength_m });
    if asked.clock {
        progress("comparing clocks", 0.0);
        let array = Array::new(&told.site, Medium::of(&told.site), band_hz, sensors)?;
        let scene = clocks::Scene {
            site: &told.site,
            array: &array,
            heard: &heard,
            model: &model,
            solution: &solution,
            scatter,
        };
        let clocks = scene.clocks()?;
        // What was asked for by name is told or nothing is written.
        let untold = clocks.iter().find(|c| c.offset_s.is_none()).and_then(|c| c.open.clone());
        if let Some(open) = untold.filter(|_| options.asked.is_some()) {
            return Err(Error::request(open));
        }
        told.take_clocks(clocks);
    }
    Ok(told)
}

/// A calibration under way.
struct Fitting<'t> {
    model: &'t Model,
    state: State<'t>,
    heard: Vec<Heard>,
    /// Sensors of each take whose word does not count.
    left_out: Vec<Vec<usize>>,
    solution: Option<Solution>,
}

impl Fitting<'_> {
    /// What the takes tell with all undone that is believed so far.
    fn listen(&mut self, mark: Mark) -> Result<Vec<Block>> {
        let told = self.state.site();
        let sensors = self.state.sensors();
        let number = |sensor: usize| sensors.binary_search(&sensor).expect("a sensor that a take heard");
        let array = Array::new(&told, self.state.medium(), self.state.band_hz(), sensors.to_vec())?;
        let mut blocks = Vec::new();
        for (heard, out) in self.heard.iter_mut().zip(&self.left_out) {
            let members: Vec<usize> = heard.take.sensors.iter().map(|&s| number(s)).collect();
            heard.correct(|sensor| self.state.correction(number(sensor)));
            let geometry = heard.source.geometry(&array, &members);
            let open_m = self.model.open_m(&geometry, &members, self.solution.as_ref());
            let arrivals = heard.take.arrivals(&array.medium, &geometry.ranges_m, &open_m, mark);
            let arrivals =
                arrivals.filter(|a| a.excess_m.iter().all(|x| x.is_finite())).ok_or_else(|| heard.unheard())?;
            // Two ways that a pulse cannot tell apart are heard as one that is neither.
            let [low_hz, high_hz] = heard.take.band_hz;
            let pulse_m = self.model.slopes.metres_per_second / (high_hz - low_hz);
            let blurred = (0..members.len()).filter(|&i| geometry.clear_m[i] < 2.0 * pulse_m);
            let out: Vec<usize> = blurred.chain(out.iter().copied()).collect();
            blocks.push(Block::new(self.model, members, heard.take.groups(), geometry, arrivals, &out));
        }
        Ok(blocks)
    }

    /// Believes what the takes say; gives what was believed before, and by how much a range changed at most, metres.
    fn solve(&mut self, blocks: &[Block], scatter: Scatter) -> (DVector<f64>, f64) {
        let solved = self.model.solve(blocks, &self.state.x, scatter);
        let before = std::mem::replace(&mut self.state.x, solved.x.clone());
        let moved = (&solved.x - &before).amax();
        self.solution = Some(solved);
        (before, moved)
    }
}

/// What undoes a state in a take that has had another one undone already.
fn since(now: ChannelCorrection, before: ChannelCorrection) -> ChannelCorrection {
    ChannelCorrection { gain: now.gain / before.gain, delay_s: now.delay_s - before.delay_s }
}

/// Where a source is against the sensors that hear it.
#[derive(Debug, Clone)]
pub struct Geometry {
    /// Range of each sensor, metres.
    pub ranges_m: DVector<f64>,
    /// Derivative of each range where its sensor moves; `[sensor, coordinate]`.
    pub by_sensor: DMatrix<f64>,
    /// Derivative of each range where the source moves; `[sensor, coordinate]`.
    pub by_source: DMatrix<f64>,
    /// How much further the sound is that comes to each sensor by a second way, metres.
    pub clear_m: Vec<f64>,
}
