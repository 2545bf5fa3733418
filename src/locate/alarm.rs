//! Is what stands out more than chance makes, for this capture, array, band and wall?
//!
//! Captures that hold nothing of the kind are drawn ([`Model`]) and searched as the real one was. How far the strongest
//! cell of a map stands out of it is an extreme value, so a Gumbel distribution fitted to the draws carries the
//! probability far beyond their number. Since `z` is measured against the map's own median and spread, the answer does
//! not depend on the noise being exactly as loud or as steady as the model says.

use ndarray::Array2;
use rayon::prelude::*;
use realfft::num_complex::Complex;

use super::array::Array;
use super::search::Cover;
use super::verdict::robust_z;
use super::views::{Glance, Looks, Material};
use crate::cross_spectra::{BinFate, Coherence, CrossSpectra, Model};

/// Draws of one round, and of the last: more where the probability is near the one that is allowed.
const DRAWS: usize = 16;
const MOST_DRAWS: usize = 144;

/// Probabilities are not told below this: so few draws do not carry further.
const LEAST: f64 = 1e-12;

/// Euler's constant.
const EULER: f64 = 0.577_215_664_901_532_9;

/// What captures hold by hypothesis, and how they are looked at.
#[derive(Debug)]
pub struct Null<'t> {
    /// The real capture and background: drawn ones have as many segments and are looked at in the same way.
    pub material: Material<'t>,
    /// What a capture holds.
    pub capture: Model,
    /// What its background holds.
    pub background: Option<Model>,
}

/// How chance is distributed: Gumbel's law of the largest of many.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gumbel {
    mode: f64,
    scale: f64,
}

/// What chance says of a capture.
#[derive(Debug, Clone, PartialEq)]
pub struct Alarm {
    /// Probability that chance alone makes something of the wall stand out like this, every place counted.
    pub probability: f64,
    /// Probability that chance alone makes any pair's correlation rise like this, wherever its delay points to.
    pub pair_probability: f64,
    /// How `z` is distributed by chance, one law a view.
    pub laws: Vec<Gumbel>,
    /// Captures drawn.
    pub draws: usize,
}

/// What one capture shows: `z` of the map of each view, and the highest correlation of any pair over its noise.
#[derive(Debug, Clone)]
pub struct Shown {
    /// One a view.
    pub map_z: Vec<f64>,
    /// Of the first view.
    pub pair_z: f64,
}

impl<'t> Null<'t> {
    /// Nothing but machines and what the background holds; without either, channels that have nothing in common.
    pub fn of(material: Material<'t>) -> Self {
        let background = material.background.map(Model::of);
        let noise = || Model::noise(material.spectra.layout(), &material.spectra.mean());
        let null = Self { capture: background.clone().unwrap_or_else(noise), background, material };
        if material.machines.is_empty() {
            return null;
        }
        let whole = Material { machines: &[], ..material }.weighed_by_powers().looks();
        Self { material, ..null.holding(&whole[0].1, &material.weighed_by_powers().looks()[0].1) }
    }

    /// This null hypothesis with what was taken out of `whole` to leave `rest` put into it.
    pub fn holding(&self, whole: &Coherence, rest: &Coherence) -> Self {
        self.with(&(&whole.value - &rest.value))
    }

    /// This null hypothesis with more coherence between channels; `[pair, used bin]`.
    pub fn with(&self, more: &Array2<Complex<f64>>) -> Self {
        let material = self.material.weighed_by_powers();
        let layout = material.spectra.layout();
        let powers = material.spectra.mean();
        let mut held: Array2<Complex<f64>> = match material.background {
            Some(background) => background.mean().cross,
            None => Array2::zeros((layout.pairs.len(), layout.bins)),
        };
        for ((row, bin), g) in held.indexed_iter_mut() {
            let (m, n) = layout.pairs[row];
            *g /= (powers.auto[[m, bin]] * powers.auto[[n, bin]]).sqrt().max(f64::MIN_POSITIVE);
        }
        let used = (0..layout.bins).filter(|&bin| material.fates[bin] == BinFate::Used);
        for (column, bin) in used.enumerate() {
            for row in 0..layout.pairs.len() {
                held[[row, bin]] += more[[row, column]];
            }
        }
        let capture = Model::coherent(layout, &powers, &held);
        Self { material, capture, background: self.background.clone() }
    }

    /// The weighted cross-spectra of one capture drawn.
    pub fn looks(&self, seed: u64) -> Looks {
        let segments = |recording: &CrossSpectra| recording.segments();
        let capture = self.capture.draw(segments(self.material.spectra), 2 * seed);
        let background = self.background.as_ref().zip(self.material.background);
        let background = background.map(|(model, real)| model.draw(segments(real), 2 * seed + 1));
        Material { spectra: &capture, background: background.as_ref(), ..self.material }.looks()
    }

    /// What chance says of what was `seen`, where `tried` wave speeds or modes were; `show` tells what a capture that was
    /// drawn shows.
    ///
    /// Draws go on until the probability is clearly on one side of `allowed`.
    pub fn judge(&self, seen: &Shown, tried: usize, allowed: f64, show: &(dyn Fn(Looks) -> Shown + Sync)) -> Alarm {
        let mut drawn: Vec<Shown> = Vec::new();
        loop {
            let round = drawn.len() as u64..(drawn.len() + DRAWS) as u64;
            drawn.par_extend(round.into_par_iter().map(|seed| show(self.looks(seed))));
            let law = |value: &dyn Fn(&Shown) -> f64| Gumbel::of(&drawn.iter().map(value).collect::<Vec<_>>());
            let laws: Vec<Gumbel> = (0..seen.map_z.len()).map(|view| law(&|shown| shown.map_z[view])).collect();
            // Views fail differently: what is there stands out in every one.
            let exceeding = laws.iter().zip(&seen.map_z).map(|(law, z)| law.ln_exceeding(*z)).fold(f64::MIN, f64::max);
            let ln = exceeding + (tried as f64).ln();
            let probability = ln.exp().clamp(LEAST, 1.0);
            // By moments of n draws the mode scatters by 1.08/√n scales and the scale by 1.05/√n of itself.
            let distance = (ln - allowed.ln()).abs();
            let scatter = ((1.17 + 1.1 * ln.powi(2)) / drawn.len() as f64).sqrt();
            if distance > 3.0 * scatter || drawn.len() >= MOST_DRAWS {
                let pair_probability = law(&|shown| shown.pair_z).exceeding(seen.pair_z);
                return Alarm { probability, pair_probability, laws, draws: drawn.len() };
            }
        }
    }
}

impl Alarm {
    /// The `z` that each view's map must show for this probability.
    pub fn needed_z(&self, probability: f64, tried: usize) -> Vec<f64> {
        self.laws.iter().map(|law| law.level(probability / tried as f64)).collect()
    }
}

/// What these glances show, one a view.
pub fn shown(array: &Array<'_>, cover: &Cover, glances: &[Glance<'_>]) -> Shown {
    Shown {
        map_z: glances.iter().map(|glance| robust_z(&glance.response(array).over(cover))).collect(),
        pair_z: glances[0].pair_z(),
    }
}

impl Gumbel {
    /// The law with the mean and scatter of these values.
    pub fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (count - 1.0);
        let scale = (variance * 6.0).sqrt() / std::f64::consts::PI;
        Self { mode: mean - EULER * scale, scale: scale.max(1e-9) }
    }

    /// Probability of at least `value`.
    pub fn exceeding(&self, value: f64) -> f64 {
        -(-(-(value - self.mode) / self.scale).exp()).exp_m1()
    }

    /// Its logarithm, also where the probability itself is too small for a number.
    pub fn ln_exceeding(&self, value: f64) -> f64 {
        let scales = (value - self.mode) / self.scale;
        if scales > 30.0 { -scales } else { self.exceeding(value).ln() }
    }

    /// Log likelihood, in nats, by which `difference` in `z` favours a place: the tail of chance falls so fast.
    pub fn nats(&self, difference: f64) -> f64 {
        difference / self.scale
    }

    /// The value that is exceeded with this probability.
    pub fn level(&self, probability: f64) -> f64 {
        self.mode - self.scale * (-(-probability).ln_1p()).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gumbel_law_is_recovered_from_its_quantiles() {
        let law = Gumbel { mode: 3.5, scale: 0.25 };
        let count = 20_000;
        let values: Vec<f64> = (0..count).map(|i| law.level((f64::from(i) + 0.5) / f64::from(count))).collect();
        let fitted = Gumbel::of(&values);
        // Evenly spaced quantiles miss a little of the tail: 1e-3 of the scale.
        assert!((fitted.mode - 3.5).abs() < 1e-3 && (fitted.scale - 0.25).abs() < 1e-3, "{fitted:?}");
        assert!((law.exceeding(law.level(1e-9)) / 1e-9 - 1.0).abs() < 1e-6);
        assert!((law.exceeding(law.level(0.3)) - 0.3).abs() < 1e-12);
    }
}
