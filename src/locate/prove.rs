//! Injection and recovery: a leak of the found level, put back at the found place, located again.
//!
//! Captures are drawn that hold the leak as the geometry says it reaches every sensor, and what the real capture holds
//! besides: its background where there is one, else what is left of it when the leak is explained away. Sensor positions
//! and wave speed err anew in each as far as the site admits. The errors of the places found then stand beside the ellipse,
//! measured with this array, this band and this noise.

use nalgebra::Vector2;
use ndarray::Array2;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use realfft::num_complex::Complex;

use super::alarm::Null;
use super::array::Array;
use super::find::find;
use super::outcome::{Proof, REGIONS};
use super::refine::Refined;
use super::views::View;
use crate::cross_spectra::{Coherence, narrow, wide};

/// Seeds of these captures, apart from those of the test for chance.
const FIRST_SEED: u64 = 1 << 32;

/// What is put where.
pub struct Scene<'t, 'a> {
    /// The array.
    pub array: &'t Array<'a>,
    /// What chance alone is, and how captures are looked at.
    pub null: &'t Null<'t>,
    /// The leak.
    pub leak: &'t Refined,
    /// Weighted by powers: the capture, and what is left of it without all leaks.
    pub parts: [&'t Coherence; 2],
    /// The `z` that a leak must show in each view.
    pub needed_z: &'t [f64],
}

/// One capture drawn: distance of the place from the truth, metres, its level in the place's own ellipses, and whether
/// a leak would have been told.
struct Trial {
    error_m: f64,
    level: f64,
    told: bool,
}

impl Scene<'_, '_> {
    /// Puts the leak back into so many captures; `told` is called after each with the share done.
    pub fn prove(&self, captures: usize, told: &(dyn Fn(f64) + Sync)) -> Proof {
        let done = std::sync::atomic::AtomicUsize::new(0);
        let trials: Vec<Trial> = (0..captures as u64)
            .into_par_iter()
            .map(|i| {
                let trial = self.trial(FIRST_SEED + i);
                let before = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                told((before + 1) as f64 / captures as f64);
                trial
            })
            .collect();
        let count = captures as f64;
        let mut errors: Vec<f64> = trials.iter().map(|trial| trial.error_m).collect();
        errors.sort_by(f64::total_cmp);
        let quantile = |q: f64| errors[((q * count).ceil() as usize).clamp(1, captures) - 1];
        Proof {
            captures,
            told: trials.iter().filter(|trial| trial.told).count() as f64 / count,
            median_error_m: quantile(0.5),
            p90_error_m: quantile(0.9),
            expected_median_m: expected_median_m(self.leak),
            coverage: REGIONS.map(|region| trials.iter().filter(|trial| trial.level < region).count() as f64 / count),
        }
    }

    fn trial(&self, seed: u64) -> Trial {
        let array = self.array;
        let looks = self.null.with(&self.held(seed)).looks(seed);
        let views: Vec<View> = looks.into_iter().map(|(name, drawn)| View::new(name, array, drawn)).collect();
        let found = find(array, &views, self.null.material.spectra.samples_per_bin());
        let stands = found.standings.iter().zip(self.needed_z).all(|(standing, needed)| standing.z >= *needed);
        let place = found.best();
        let offset = self.leak.point.position_m - place.position_m;
        let level = found.source.as_ref().and_then(|source| {
            let tangents = array.site.walls[place.wall].tangents(&place);
            let off = Vector2::new(offset.dot(&tangents[0]), offset.dot(&tangents[1]));
            let squared = (off.transpose() * source.covariance_m2.try_inverse()? * off)[0];
            // Chi-square with two degrees of freedom.
            Some(1.0 - (-0.5 * squared).exp())
        });
        Trial { error_m: offset.norm(), level: level.unwrap_or(1.0), told: stands && found.agree && level.is_some() }
    }

    /// Coherence that a capture with the leak holds besides its background; `[pair, used bin]`.
    fn held(&self, seed: u64) -> Array2<Complex<f32>> {
        let [whole, rest] = self.parts;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
        let stretch = 1.0 + self.array.wavenumber_sigma() * normal();
        let sigma_m = self.array.position_variance_m2().map(f64::sqrt);
        let ranges_m = self.array.ranges_m(&self.leak.point).zip_map(&sigma_m, |range, sigma| range + sigma * normal());
        let has_background = self.null.material.background.is_some();
        let noise = 1.0 / self.null.material.spectra.averages();
        let speed_m_s = self.array.group_speed().0;
        let left = |&(m, n): &(usize, usize)| whole.left(ranges_m[m] - ranges_m[n], speed_m_s).coherence;
        let left_of: Vec<f64> = whole.pairs.iter().map(left).collect();
        Array2::from_shape_fn(whole.value.dim(), |(row, bin)| {
            let (m, n) = whole.pairs[row];
            let share = left_of[row] * (self.leak.leak_share[m][bin] * self.leak.leak_share[n][bin]).sqrt();
            let k = stretch * self.array.medium.wavenumber_rad_m(whole.frequency_hz[bin]);
            let leak = Complex::cis(-k * (ranges_m[m] - ranges_m[n])) * share;
            // What is left holds chance as well, which is drawn anew: only what stands over it is kept.
            let left = wide(rest.value[[row, bin]]);
            let kept =
                if has_background { 0.0 } else { (1.0 - noise / left.norm_sqr().max(f64::MIN_POSITIVE)).max(0.0) };
            narrow(leak + left * kept)
        })
    }
}

/// Median distance that the covariance of a place promises, metres, to a hundredth.
fn expected_median_m(leak: &Refined) -> f64 {
    let values = leak.covariance_m2.symmetric_eigenvalues();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
    let mut distances: Vec<f64> = (0..20_000)
        .map(|_| (values[0].max(0.0) * normal().powi(2) + values[1].max(0.0) * normal().powi(2)).sqrt())
        .collect();
    *distances.select_nth_unstable_by(10_000, f64::total_cmp).1
}
