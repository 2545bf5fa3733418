//! The wave speed as an unknown: thickness of a plate, or a scale of all wavenumbers, chosen so that the sound adds up.
//!
//! A plate 5 % thicker than stated moves its leak by a centimetre, and the correlations say so: steered with the right
//! thickness the peak is higher. A scan finds the hill, and the refinement, which carries the speed as a nuisance, walks
//! to its top; what it knows of the speed then is the estimate's standard deviation. Where the data cannot tell, the
//! stated speed stays and its uncertainty with it.

use std::sync::Arc;

use rayon::prelude::*;

use super::array::Array;
use super::find::{Found, find};
use super::outcome::Stretch;
use super::views::View;
use crate::cross_spectra::Coherence;

/// Sensors below which place and speed cannot both be told: two coordinates, one speed, one common range, one to check.
const MIN_SENSORS: usize = 5;

/// Farthest that a scan goes, relative thickness or speed.
const FARTHEST: f64 = 0.15;

/// Cells held while one step of a scan looks for its peak: hills stand out, or there is nothing to focus on.
const SCAN_CELLS: usize = 4000;

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
}

/// Searches in the array's medium, its speed included where the site leaves room and the data tell.
pub fn answer<'a>(
    array: &Array<'a>,
    coherences: &[(&'static str, Arc<Coherence>)],
    samples_per_bin: f64,
    leaks: usize,
) -> Answer<'a> {
    let mut by = scan(array, &coherences[0].1, samples_per_bin).unwrap_or(0.0);
    let mut best = at_stretch(array, by, coherences, samples_per_bin, leaks);
    if !may_focus(array) {
        return best;
    }
    let gain = array.medium.dispersion.stretch_gain(array.middle_hz());
    for _ in 0..ROUNDS {
        let Some((scale, sigma)) = best.found.sources.first().map(|source| source.scale) else { return best };
        // The data must know the speed better than the site does.
        if sigma > 0.5 * array.wavenumber_sigma() {
            break;
        }
        best.stretch = Some(Stretch { by: by + scale / gain, sigma: sigma / gain.abs() });
        if scale.abs() < 0.1 * sigma || (by + scale / gain).abs() > FARTHEST {
            break;
        }
        by += scale / gain;
        best = at_stretch(array, by, coherences, samples_per_bin, leaks);
    }
    best
}

fn at_stretch<'a>(
    array: &Array<'a>,
    by: f64,
    coherences: &[(&'static str, Arc<Coherence>)],
    samples_per_bin: f64,
    leaks: usize,
) -> Answer<'a> {
    let array = array.in_medium(array.medium.stretched(by));
    let looks: Vec<View> =
        coherences.iter().map(|(name, coherence)| View::new(name, &array, Arc::clone(coherence))).collect();
    let found = find(&array, &looks, samples_per_bin, leaks);
    let support = support(&looks[0], found.standings[0].places[0].value, samples_per_bin);
    Answer { array, looks, found, stretch: None, support }
}

/// Log likelihood, in nats, of one source that all pairs hear alike over none, where steering reaches the mean
/// correlation `value`: the sum of `2 n Re γ` over pairs and bins, squared, over twice its variance.
fn support(view: &View, value: f32, samples_per_bin: f64) -> f64 {
    let products = view.coherence.pairs.len() as f64 * view.wavenumber_rad_m.len() as f64;
    samples_per_bin * products * f64::from(value.max(0.0)).powi(2)
}

fn may_focus(array: &Array<'_>) -> bool {
    let widest = array.largest_range_m();
    let wavelength_m = std::f64::consts::TAU / array.medium.wavenumber_rad_m(array.middle_hz());
    // In air the refinement carries a speed error of less than a wavelength along the array without help.
    let matters = array.medium.kind != "air" || array.wavenumber_sigma() * widest > wavelength_m;
    matters && array.wavenumber_sigma() > 0.0 && array.len() >= MIN_SENSORS
}

/// The stretch at which the steered response, weighed with what the site says, is highest.
fn scan(array: &Array<'_>, coherence: &Arc<Coherence>, samples_per_bin: f64) -> Option<f64> {
    if !may_focus(array) {
        return None;
    }
    let gain = array.medium.dispersion.stretch_gain(array.middle_hz()).abs();
    let sigma = array.wavenumber_sigma() / gain;
    // One radian either way between the nearest and the farthest sensor: a third of a hill's half width.
    let step = 2.0 / (gain * array.medium.wavenumber_rad_m(array.middle_hz()) * array.largest_range_m());
    // While the speed is scanned it blurs nothing.
    let mut sharp = array.medium.clone();
    (sharp.speed_sigma, sharp.thickness_sigma) = (0.5 * step * gain, 0.0);
    let sharp = array.in_medium(sharp);
    let height = |i: i64| {
        let by = i as f64 * step;
        let tried = sharp.in_medium(sharp.medium.stretched(by));
        let view = View::new("a scan", &tried, Arc::clone(coherence));
        let response = view.response(&tried);
        let value = response.strongest(&response.coarse(), SCAN_CELLS).value;
        support(&view, value, samples_per_bin) - 0.5 * (by / sigma).powi(2)
    };
    // Hills beside the right one reach two thirds of it, so the whole range is scanned however sure the site is.
    let farthest = (FARTHEST / step) as i64;
    let heights: Vec<(i64, f64)> = (-farthest..=farthest).into_par_iter().map(|i| (i, height(i))).collect();
    heights.into_iter().max_by(|x, y| x.1.total_cmp(&y.1)).map(|(i, _)| i as f64 * step)
}
