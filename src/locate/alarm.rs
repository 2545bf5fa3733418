//! Is what stands out more than chance makes, for this capture, array, band and wall?
//!
//! Captures that hold nothing of the kind are drawn ([`Model`]) and searched as the real one was. How far the strongest
//! cell of a map stands out of it is an extreme value, so a Gumbel distribution fitted to the draws carries the
//! probability far beyond their number. A handful of draws is enough, because each is many: the strongest cells of the
//! parts of a wall scatter as the strongest of the whole does. Since `z` is measured against the map's own median and
//! spread, the answer does not depend on the noise being exactly as loud or as steady as the model says.

use std::ops::Range;

use ndarray::Array2;
use rayon::prelude::*;
use realfft::num_complex::Complex;

use super::array::Array;
use super::verdict::robust;
use super::views::{Glance, Looks, Material, View};
use crate::cross_spectra::{BinFate, Coherence, CrossSpectra, Means, Model};

/// Draws of the first round, doubled until the probability is clear of the one that is allowed, and at most.
const DRAWS: usize = 4;
const MOST_DRAWS: usize = 64;

/// Cross-spectra of captures that are drawn side by side, at most: some 20 MB with their correlations, and what is drawn of them beside.
const SIDE_BY_SIDE: usize = 1 << 19;

/// Parts that a map is divided into: large against the resolution, so that chance fills them one by one.
const PARTS: usize = 16;

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
    /// Degrees of freedom by which the scale is known.
    dof: f64,
}

/// What chance says of a capture.
#[derive(Debug, Clone, PartialEq)]
pub struct Alarm {
    /// Probability that chance alone makes something of the wall stand out like this, every place counted.
    pub probability: f64,
    /// Probability that chance alone makes any pair's correlation rise like this, wherever its delay points to.
    pub pair_probability: f64,
    /// How the highest correlation of all pairs is distributed by chance.
    pub pair_law: Gumbel,
    /// How `z` is distributed by chance, one law a view.
    pub laws: Vec<Gumbel>,
    /// Captures drawn.
    pub draws: usize,
}

/// What one capture shows.
#[derive(Debug, Clone)]
pub struct Shown {
    /// `z` over the map of each view.
    pub map_z: Vec<Extremes>,
    /// The highest correlation of each pair over its noise, in the first view.
    pub pair_z: Extremes,
}

/// The highest value of each of several parts, which chance fills much alike.
#[derive(Debug, Clone)]
pub struct Extremes(Vec<f64>);

impl Extremes {
    /// Of parts that are told one by one.
    pub fn of_each(values: Vec<f64>) -> Self {
        Self(values)
    }

    /// Of stretches of a map.
    pub fn of_map(values: &[f32], scale: impl Fn(f32) -> f64) -> Self {
        let top = |part: &[f32]| scale(part.iter().copied().fold(f32::MIN, f32::max));
        Self(values.chunks(values.len().div_ceil(PARTS).max(1)).map(top).collect())
    }

    /// The highest of all.
    pub fn top(&self) -> f64 {
        self.0.iter().copied().fold(f64::MIN, f64::max)
    }
}

impl<'t> Null<'t> {
    /// Nothing but machines and what the background holds; without either, channels that have nothing in common.
    pub fn of(material: Material<'t>) -> Self {
        let background = material.background.map(Model::of);
        let noise = || Model::noise(material.spectra.layout(), material.mean);
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
    pub fn with(&self, more: &Array2<Complex<f32>>) -> Self {
        let material = self.material.weighed_by_powers();
        let layout = material.spectra.layout();
        let powers = material.mean;
        let mut held = match material.background {
            Some(background) => Means { auto: powers.auto.clone(), ..background.mean() }.coherence(layout),
            None => Array2::zeros((layout.pairs.len(), layout.bins)),
        };
        let used = (0..layout.bins).filter(|&bin| material.fates[bin] == BinFate::Used);
        for (column, bin) in used.enumerate() {
            for row in 0..layout.pairs.len() {
                held[[row, bin]] += more[[row, column]];
            }
        }
        let capture = Model::coherent(layout, powers, &held);
        Self { material, capture, background: self.background.clone() }
    }

    /// The weighted cross-spectra of one capture drawn.
    pub fn looks(&self, seed: u64) -> Looks {
        let segments = |recording: &CrossSpectra| recording.segments();
        let capture = self.capture.mean(segments(self.material.spectra), 2 * seed);
        let background = self.background.as_ref().zip(self.material.background);
        let background = background.map(|(model, real)| model.draw(segments(real), 2 * seed + 1));
        Material { background: background.as_ref(), ..self.material }.looks_of(&capture)
    }

    /// How many captures may be drawn side by side: of many channels one is large, and its pairs are work for all threads.
    pub fn at_once(&self) -> usize {
        let layout = self.material.spectra.layout();
        (SIDE_BY_SIDE / (layout.pairs.len() * layout.bins).max(1)).max(1)
    }

    /// What captures drawn with these seeds show.
    pub fn drawn<T: Send>(&self, seeds: Range<u64>, show: &(dyn Fn(Looks) -> T + Sync)) -> Vec<T> {
        let seeds: Vec<u64> = seeds.collect();
        let of = |seeds: &[u64]| seeds.par_iter().map(|&seed| show(self.looks(seed))).collect::<Vec<T>>();
        seeds.chunks(self.at_once()).flat_map(of).collect()
    }

    /// What chance says of what was `seen`, where `tried` wave speeds or modes were; `show` tells what a capture that was
    /// drawn shows.
    ///
    /// Draws go on until the probability is clearly on one side of `allowed`.
    pub fn judge(&self, seen: &Shown, tried: usize, allowed: f64, show: &(dyn Fn(Looks) -> Shown + Sync)) -> Alarm {
        let mut drawn: Vec<Shown> = Vec::new();
        loop {
            let round = drawn.len() as u64..(2 * drawn.len()).max(DRAWS) as u64;
            drawn.extend(self.drawn(round, show));
            let laws: Vec<Gumbel> = (0..seen.map_z.len())
                .map(|view| Gumbel::of_parts(drawn.iter().map(|shown| &shown.map_z[view])))
                .collect();
            // Views fail differently: what is there stands out in every one.
            let exceeding =
                laws.iter().zip(&seen.map_z).map(|(law, z)| law.ln_exceeding(z.top())).fold(f64::MIN, f64::max);
            let ln = exceeding + (tried as f64).ln();
            let probability = ln.exp().clamp(LEAST, 1.0);
            // The mean of n tops scatters by 1.28/√n scales, the scale by 1.05/√dof of itself.
            let dof = laws.iter().map(|law| law.dof).fold(f64::MAX, f64::min);
            let scatter = (1.64 / drawn.len() as f64 + 1.1 * ln.powi(2) / dof).sqrt();
            if (ln - allowed.ln()).abs() > 3.0 * scatter || drawn.len() >= MOST_DRAWS {
                let pair_law = Gumbel::of_parts(drawn.iter().map(|shown| &shown.pair_z));
                let pair_probability = pair_law.exceeding(seen.pair_z.top());
                return Alarm { probability, pair_probability, pair_law, laws, draws: drawn.len() };
            }
        }
    }
}

impl Alarm {
    /// The `z` that each view's map must show for this probability.
    pub fn needed_z(&self, probability: f64, tried: usize) -> Vec<f64> {
        self.laws.iter().map(|law| law.level(probability / tried as f64)).collect()
    }

    /// Probability that chance alone makes any pair's correlation rise as in these cross-spectra, which `view` looks at: what is
    /// left of it where all that is known of was taken out are echoes.
    pub fn echoes(&self, view: &View, left: &Coherence) -> f64 {
        self.pair_law.exceeding(Extremes::of_each(view.glance_at(left).pair_z()).top())
    }
}

/// What these glances show, one a view.
pub fn shown(array: &Array<'_>, glances: Vec<Glance<'_>>) -> Shown {
    let pair_z = Extremes::of_each(glances[0].pair_z());
    let map_z = |glance: Glance<'_>| {
        let bounds = glance.response(array).bounds(array.cover());
        let [middle, scatter] = robust(&bounds);
        let z = |bound: f32| if scatter > 0.0 { (f64::from(bound) - middle) / scatter } else { 0.0 };
        Extremes::of_map(&bounds, z)
    };
    Shown { map_z: glances.into_iter().map(map_z).collect(), pair_z }
}

impl Gumbel {
    /// The law of the highest of all parts, from several draws of them.
    ///
    /// Its place is that of the highest values. Its scale is that of the parts, each about its own mean over the draws, so
    /// that a part which a machine fills may stand higher than others; where one part holds the highest value more often
    /// than not, chance is what scatters there, and it alone counts. The tail of a sum of many falls like that of a
    /// normal, the faster the higher: the scale shrinks from the mean of the parts that are highest to the highest.
    ///
    /// # Panics
    /// With fewer than two draws.
    pub fn of_parts<'t>(draws: impl Iterator<Item = &'t Extremes>) -> Self {
        let draws: Vec<&[f64]> = draws.map(|Extremes(values)| values.as_slice()).collect();
        assert!(draws.len() > 1);
        let (count, parts) = (draws.len() as f64, draws[0].len());
        let means: Vec<f64> = (0..parts).map(|part| draws.iter().map(|d| d[part]).sum::<f64>() / count).collect();
        let highest = |draw: &&[f64]| (0..parts).max_by(|&x, &y| draw[x].total_cmp(&draw[y]));
        let highest: Vec<usize> = draws.iter().filter_map(highest).collect();
        let tops: f64 = draws.iter().zip(&highest).map(|(draw, &part)| draw[part]).sum();
        let levels: f64 = highest.iter().map(|&part| means[part]).sum();
        let held = |part: &usize| highest.iter().filter(|h| *h == part).count();
        let counting = match (0..parts).find(|part| 2 * held(part) > highest.len()) {
            Some(part) => part..part + 1,
            None => 0..parts,
        };
        let square = |part: usize| draws.iter().map(|draw| (draw[part] - means[part]).powi(2)).sum::<f64>();
        let variance = counting.clone().map(square).sum::<f64>() / (counting.len() as f64 * (count - 1.0));
        let scale = (6.0 * variance).sqrt() / std::f64::consts::PI;
        let scale = (scale * (levels / tops).clamp(0.0, 1.0)).max(1e-9);
        // Neighbouring parts share what lies across their border, so that half of them count.
        let dof = (0.5 * counting.len() as f64).max(1.0) * (count - 1.0);
        Self { mode: tops / count - EULER * scale, scale, dof }
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
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, StandardNormal};

    #[test]
    fn a_gumbel_law_is_recovered_from_its_quantiles() {
        let law = Gumbel { mode: 3.5, scale: 0.25, dof: 1.0 };
        let count = 20_000;
        let values: Vec<f64> = (0..count).map(|i| law.level((f64::from(i) + 0.5) / f64::from(count))).collect();
        let draws: Vec<Extremes> = values.into_iter().map(|value| Extremes::of_each(vec![value])).collect();
        let fitted = Gumbel::of_parts(draws.iter());
        // Evenly spaced quantiles miss a little of the tail: 1e-3 of the scale.
        assert!((fitted.mode - 3.5).abs() < 1e-3 && (fitted.scale - 0.25).abs() < 1e-3, "{fitted:?}");
        assert!((law.exceeding(law.level(1e-9)) / 1e-9 - 1.0).abs() < 1e-6);
        assert!((law.exceeding(law.level(0.3)) - 0.3).abs() < 1e-12);
    }

    /// Maps of `cells` normal values in parts, one part `higher` by what a machine might leave there.
    fn normal_maps(maps: usize, cells: usize, higher: f32) -> Vec<Extremes> {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut map = || -> Vec<f32> { (0..cells).map(|_| StandardNormal.sample(&mut rng)).collect() };
        let raised = |(i, x): (usize, f32)| if i < cells / PARTS { x + higher } else { x };
        (0..maps)
            .map(|_| Extremes::of_map(&map().into_iter().enumerate().map(raised).collect::<Vec<_>>(), f64::from))
            .collect()
    }

    #[test]
    fn a_few_maps_tell_the_law_of_the_highest_of_many_cells() {
        // Of 4096 normal values the highest exceeds z with probability 4096 Q(z).
        let exact = |probability: f64| {
            let exceeding = |z: f64| 2048.0 * libm::erfc(z / std::f64::consts::SQRT_2);
            (0..10_000).map(|i| 1e-3 * f64::from(i)).find(|z| exceeding(*z) < -(-probability).ln_1p()).unwrap()
        };
        let laws: Vec<Gumbel> =
            normal_maps(400, 4096, 0.0).chunks(4).map(|draws| Gumbel::of_parts(draws.iter())).collect();
        for probability in [1e-2, 1e-4] {
            let exact = exact(probability);
            let levels: Vec<f64> = laws.iter().map(|law| law.level(probability)).collect();
            let mean = levels.iter().sum::<f64>() / levels.len() as f64;
            // Gumbel's tail falls more slowly than a normal's: what is told errs on the safe side, by less than a tenth.
            assert!(mean > exact && mean < 1.1 * exact, "{probability}: {mean}, {exact} is true");
            // The mean top scatters by 1.28/√4 scales, the scale by 1.05/√48 of itself at most: parts of 256 normal
            // values have lighter tails than Gumbel's.
            let scatter = (levels.iter().map(|level| (level - mean).powi(2)).sum::<f64>() / levels.len() as f64).sqrt();
            let most = laws[0].scale.max(0.27) * (1.64 / 4.0 + 1.1 * probability.ln().powi(2) / 48.0).sqrt();
            assert!(scatter < most && scatter > 0.5 * most, "{probability}: {scatter}, {most} at most");
        }
    }

    #[test]
    fn a_part_that_stands_higher_moves_the_law_but_does_not_widen_it() {
        let law = |higher| Gumbel::of_parts(normal_maps(64, 4096, higher).iter());
        let (even, raised) = (law(0.0), law(3.0));
        // The highest of the 256 cells of that part, 2.83 ± 0.37 of normal values, are all that counts now.
        assert!((raised.level(0.43) - (2.83 + 3.0)).abs() < 5.0 * 0.37 / 8.0, "{raised:?}");
        // Their scale is 1.28 times that of the highest of all: √6/π of 0.37, and of 0.29.
        assert!(raised.scale > even.scale && raised.scale < 1.5 * even.scale, "{raised:?}, {even:?}");
    }

    #[test]
    fn a_part_that_scatters_more_and_stands_highest_is_what_chance_is() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut normal = |mean: f64, sigma: f64| mean + sigma * Distribution::<f64>::sample(&StandardNormal, &mut rng);
        let mut draw =
            || Extremes((0..PARTS).map(|i| if i == 5 { normal(12.0, 1.5) } else { normal(4.0, 0.37) }).collect());
        let draws: Vec<Extremes> = (0..64).map(|_| draw()).collect();
        let law = Gumbel::of_parts(draws.iter());
        // √6/π of 1.5, known to 1/√(2·63); pooled it would be 0.4.
        assert!((law.scale / (1.5 * 6f64.sqrt() / std::f64::consts::PI) - 1.0).abs() < 3.0 / 126f64.sqrt(), "{law:?}");
    }
}
