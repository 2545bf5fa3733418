//! What one sensor says of its own range to a source, by its correlations with all the others.
//!
//! Each correlation is shifted by the other sensor's range; where the sensor truly is, they add up.

use nalgebra::DVector;
use realfft::num_complex::Complex;

use super::array::Array;
use super::views::View;

/// Sweeps over the sensors in which ranges settle.
const SWEEPS: usize = 3;

/// Correlation of one sensor with others over its own range, metres from the stated one.
#[derive(Debug)]
pub struct Sum {
    first_m: f64,
    step_m: f64,
    value: Vec<Complex<f32>>,
    /// Root mean square of the real part of noise in it.
    pub noise: f64,
}

impl Sum {
    /// Of sensor `m` with the `others` at these ranges; magnitudes only where ranges are not known to a fraction of a wave.
    pub fn of(view: &View, m: usize, others: &[usize], ranges_m: &DVector<f64>, reach_m: f64, coherent: bool) -> Self {
        let step_m = view.tables.first().map_or(1e-3, |t| t.step_m);
        let count = (reach_m / step_m).ceil() as i64;
        let first_m = -(count as f64) * step_m;
        let mut value = vec![Complex::default(); 2 * count as usize + 1];
        let mut noise2 = 0.0;
        for (&(a, b), table) in view.coherence.pairs.iter().zip(&view.tables) {
            let Some(n) = [(a, b), (b, a)].into_iter().find_map(|(x, y)| (x == m && others.contains(&y)).then_some(y))
            else {
                continue;
            };
            let middle_m = ranges_m[m] - ranges_m[n];
            noise2 += table.noise().powi(2);
            let heard = |c: Complex<f32>| if coherent { c } else { c.norm_sqr().sqrt().into() };
            if a == m {
                table.add_stretch(middle_m + first_m, &mut value, heard);
            } else {
                // The other way round: conjugate, and from the far end on.
                let mut turned = vec![Complex::default(); value.len()];
                table.add_stretch(-middle_m + first_m, &mut turned, |c| heard(c.conj()));
                value.iter_mut().zip(turned.iter().rev()).for_each(|(value, turned)| *value += turned);
            }
        }
        Self { first_m, step_m, value, noise: noise2.sqrt() }
    }

    /// The highest value by `height` within `reach_m` of the stated range: where, metres from it, and how high.
    pub fn top(&self, reach_m: f64, height: impl Fn(&Complex<f32>) -> f32) -> (f64, f64) {
        let middle = self.value.len() / 2;
        let reach = ((reach_m / self.step_m) as usize).min(middle);
        let within = middle - reach..middle + reach + 1;
        let best = within.map(|i| (i, height(&self.value[i]))).max_by(|x, y| x.1.total_cmp(&y.1));
        best.map_or((0.0, 0.0), |(i, height)| (self.first_m + i as f64 * self.step_m, height.into()))
    }
}

/// The ranges at which the sound of a source adds up, each sought within `reach_m` of a first guess.
pub fn lined_up(array: &Array<'_>, view: &View, guess_m: &DVector<f64>, reach_m: f64) -> DVector<f64> {
    let mut ranges = guess_m.clone();
    for _ in 0..SWEEPS {
        for m in 0..array.len() {
            let others: Vec<usize> = companions(array, m).collect();
            let from = |ranges: &DVector<f64>| {
                let mut from = ranges.clone();
                from[m] = guess_m[m];
                from
            };
            let (at_m, height) = Sum::of(view, m, &others, &from(&ranges), reach_m, true).top(reach_m, |c| c.re);
            if height > 0.0 {
                ranges[m] = guess_m[m] + at_m;
            }
        }
    }
    ranges
}

/// The other sensors on the clock of sensor `m`.
pub fn companions<'t>(array: &'t Array<'_>, m: usize) -> impl Iterator<Item = usize> + 't {
    (0..array.len()).filter(move |&n| n != m && array.groups()[n] == array.groups()[m])
}
