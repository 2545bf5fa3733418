//! The wave speed as an unknown: thickness of a plate, or a scale of all wavenumbers, chosen so that the sound adds up.
//!
//! A plate 5 % thicker than stated moves its leak by a centimetre, and the correlations say so: steered with the right
//! thickness the peak is higher. A scan finds the hill, and the refinement, which carries the speed as a nuisance, walks
//! to its top; what it knows of the speed then is the estimate's standard deviation. Where the data cannot tell, the
//! stated speed stays and its uncertainty with it.

use std::sync::Arc;

use nalgebra::DVector;
use rayon::prelude::*;

use super::array::Array;
use super::cover::Cover;
use super::find::{Found, find};
use super::misfit::CONTRADICTION;
use super::outcome::Stretch;
use super::search::Response;
use super::views::{Looks, Nearby, View};
use crate::cross_spectra::Coherence;
use crate::delay::Density;
use crate::site::{Mode, WallPoint};

/// Sensors below which place and speed cannot both be told: two coordinates, one speed, one common range, one to check.
const MIN_SENSORS: usize = 5;

/// What is granted to a thickness of which the site is sure and the sound is not: 2 %, rolled sheet.
const DOUBT: f64 = 0.02;

/// Relative change of the wavenumber per relative change of thickness below which thickness is not asked for.
const LEAST_GAIN: f64 = 0.1;

/// Farthest that a scan goes, relative thickness or speed.
const FARTHEST: f64 = 0.15;

/// Cells held while one step of a scan looks for its peak: hills stand out, or there is nothing to focus on.
const SCAN_CELLS: usize = 4000;

/// A wrong speed moves a peak by less than this, metres.
const NEAR_M: f64 = 0.08;

/// Places about which a scan looks: the best at the stated speed, and others nearly as good.
const MOST_PLACES: usize = 3;
const RIVAL: f32 = 0.8;

/// Rounds of walking to the top; the error squares each time.
const ROUNDS: usize = 4;

/// What was found in one medium.
pub struct Answer<'a> {
    /// The array in the medium that explains the data best.
    pub array: Array<'a>,
    /// The views of the capture.
    pub looks: Vec<View>,
    /// What search and refinement found.
    pub found: Found,
    /// How the wall or the air behaves against what the site says; absent where the data do not tell.
    pub stretch: Option<Stretch>,
    /// How well the strongest place explains the first view, nats.
    pub support: f64,
    /// Wave speeds that were tried within what the site allows.
    pub tried: usize,
}

/// The answer that explains the data best, and the wave of the next best with the nats by which it is worse.
///
/// A source may drive both guided waves: where the wave that the site names points to the same place as a better one, the
/// site's word stands, and the nats of the other are negative.
pub fn best_supported(mut answers: Vec<Answer<'_>>, named: Option<Mode>) -> (Answer<'_>, Option<(Option<Mode>, f64)>) {
    answers.sort_by(|x, y| y.support.total_cmp(&x.support));
    let place = |answer: &Answer<'_>| answer.found.best().position_m;
    let stands = |answer: &Answer<'_>| {
        named.is_some()
            && answer.array.medium.mode == named
            && (place(answer) - place(&answers[0])).norm() <= answer.found.separation_m
    };
    let chosen = answers.iter().position(stands).unwrap_or(0);
    let best = answers.swap_remove(chosen);
    let rivals = answers.iter().max_by(|x, y| x.support.total_cmp(&y.support));
    let rival = rivals.map(|other| (other.array.medium.mode, best.support - other.support));
    (best, rival)
}

/// Searches in the array's medium, its speed included where the site leaves room and the data tell.
pub fn answer<'a>(array: &Array<'a>, coherences: &Looks, samples_per_bin: f64) -> Answer<'a> {
    let (mut by, tried) = scan(array, &coherences[0].1, samples_per_bin).unwrap_or((0.0, 1));
    let at_stretch = |by: f64| Answer { tried, ..at_stretch(array, by, coherences, samples_per_bin) };
    let mut best = at_stretch(by);
    if !may_focus(array) {
        return doubted(array, best, coherences, samples_per_bin);
    }
    let gain = array.medium.dispersion.stretch_gain(array.middle_hz());
    for _ in 0..ROUNDS {
        let told = best.found.source.as_ref().map(|source| source.scale);
        // The data must know the speed better than the site does; else the stated one stays.
        let Some((scale, sigma)) = told.filter(|(_, sigma)| *sigma <= 0.5 * array.wavenumber_sigma()) else {
            let moved = by != 0.0;
            return if moved { at_stretch(0.0) } else { best };
        };
        let next = by + scale / gain;
        if next.abs() > FARTHEST {
            break;
        }
        best.stretch = Some(Stretch { by: next, sigma: sigma / gain.abs() });
        if scale.abs() < 0.1 * sigma {
            break;
        }
        by = next;
        best = at_stretch(by);
    }
    best
}

/// Where sound and geometry contradict each other and the site is sure of its plate, the plate may be what is wrong.
fn doubted<'a>(array: &Array<'a>, best: Answer<'a>, coherences: &Looks, samples_per_bin: f64) -> Answer<'a> {
    let per_dof = |answer: &Answer<'_>| answer.found.source.as_ref().map_or(0.0, |s| s.chi2.0 / s.chi2.1.max(1) as f64);
    let mut medium = array.medium.clone();
    medium.thickness_sigma = DOUBT;
    let doubtful = array.in_medium(medium);
    if array.medium.kind == "air" || per_dof(&best) < CONTRADICTION || !may_focus(&doubtful) {
        return best;
    }
    let other = answer(&doubtful, coherences, samples_per_bin);
    if other.stretch.is_some() && per_dof(&other) < 0.5 * per_dof(&best) { other } else { best }
}

fn at_stretch<'a>(array: &Array<'a>, by: f64, coherences: &Looks, samples_per_bin: f64) -> Answer<'a> {
    let array = array.in_medium(array.medium.stretched(by));
    let looks: Vec<View> =
        coherences.iter().map(|(name, coherence)| View::new(name, &array, Arc::clone(coherence))).collect();
    let found = find(&array, &looks, samples_per_bin);
    let support = support(&looks[0].coherence, found.standings[0].places[0].value.into(), samples_per_bin);
    Answer { array, looks, found, stretch: None, support, tried: 1 }
}

/// Log likelihood, in nats, of one source that all pairs hear alike over none, where steering reaches the mean
/// correlation `value`: the sum of `2 n Re γ` over pairs and bins, squared, over twice its variance.
pub fn support(coherence: &Coherence, value: f64, samples_per_bin: f64) -> f64 {
    let products = (coherence.pairs.len() * coherence.frequency_hz.len()) as f64;
    samples_per_bin * products * value.max(0.0).powi(2)
}

fn may_focus(array: &Array<'_>) -> bool {
    let widest = array.longest_way().0;
    let wavelength_m = std::f64::consts::TAU / array.medium.wavenumber_rad_m(array.middle_hz());
    // In air the refinement carries a speed error of less than a wavelength along the array without help.
    // Where thickness hardly changes the speed (S0, a thick plate) it cannot be told from it.
    let sets_speed = array.medium.dispersion.stretch_gain(array.middle_hz()).abs() > LEAST_GAIN;
    let matters = array.medium.kind != "air" || array.wavenumber_sigma() * widest > wavelength_m;
    sets_speed && matters && array.wavenumber_sigma() > 0.0 && array.len() >= MIN_SENSORS
}

/// The stretch at which the steered response, weighed with what the site says, is highest, and how many were tried.
///
/// A wrong speed blurs a peak and moves it by centimetres, so the scan looks only about the best places at the stated one.
fn scan(array: &Array<'_>, coherence: &Arc<Coherence>, samples_per_bin: f64) -> Option<(f64, usize)> {
    if !may_focus(array) {
        return None;
    }
    let gain = array.medium.dispersion.stretch_gain(array.middle_hz()).abs();
    let sigma = array.wavenumber_sigma() / gain;
    // One radian either way between the nearest and the farthest sensor: a third of a hill's half width.
    let step = 2.0 / (gain * array.medium.wavenumber_rad_m(array.middle_hz()) * array.longest_way().0);
    let stated = View::new("as stated", array, Arc::clone(coherence)).survey(array, NEAR_M);
    let places = &stated.places;
    let rivals = places.iter().take(MOST_PLACES).filter(|p| p.value > RIVAL * places[0].value);
    let spots: Vec<Spot> = rivals.map(|place| Spot::about(array, place.point)).collect();
    // While the speed is scanned it blurs nothing but one step.
    let mut sharp = array.medium.clone();
    (sharp.speed_sigma, sharp.thickness_sigma) = (0.5 * step * gain, 0.0);
    let sharp = array.in_medium(sharp);
    let height = |i: i64| {
        let by = i as f64 * step;
        let tried = sharp.in_medium(sharp.medium.stretched(by));
        let value = spots.iter().map(|spot| spot.value(&tried, coherence)).fold(0.0, f32::max);
        support(coherence, value.into(), samples_per_bin) - 0.5 * (by / sigma).powi(2)
    };
    // Hills beside the right one reach two thirds of it, so the whole range is scanned however sure the site is.
    let farthest = (FARTHEST / step) as i64;
    let heights: Vec<(i64, f64)> = (-farthest..=farthest).into_par_iter().map(|i| (i, height(i))).collect();
    // What lies further off than the site allows can win only by evidence that no chance makes.
    let tried = 1 + 2 * ((3.0 * sigma).min(FARTHEST) / step) as usize;
    heights.into_iter().max_by(|x, y| x.1.total_cmp(&y.1)).map(|(i, _)| (i as f64 * step, tried))
}

/// The surroundings of a place, where a scan looks.
struct Spot {
    cover: Cover,
    /// Ranges of the place, metres.
    ranges_m: DVector<f64>,
}

impl Spot {
    fn about(array: &Array<'_>, place: WallPoint) -> Self {
        Self { cover: Cover::near(array, &place, NEAR_M), ranges_m: array.ranges_m(&place) }
    }

    /// The highest response in the surroundings, from tables that reach no further than them.
    fn value(&self, array: &Array<'_>, coherence: &Coherence) -> f32 {
        let nearby = Nearby::new(array, coherence, self.ranges_m.clone(), 2.0 * NEAR_M, Density::Full);
        let tables = nearby.tables(coherence);
        let response = Response::new(array, &coherence.pairs, tables);
        response.strongest(response.over(&self.cover), SCAN_CELLS).value
    }
}
