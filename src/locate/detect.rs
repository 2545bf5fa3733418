//! The weakest leak that this capture would have shown: leaks are put into it, weaker and weaker, all over the wall.

use ndarray::Array2;
use rayon::prelude::*;
use realfft::num_complex::Complex;

use super::alarm::Alarm;
use super::array::Array;
use super::outcome::Detectable;
use super::search::Response;
use super::verdict::robust;
use super::views::{Material, Nearby, View};
use crate::cross_spectra::{BinFate, CrossSpectra, Means};
use crate::delay::Density;
use crate::site::WallPoint;
use crate::units::{power_db, power_from_db};

/// Places on the wall that are tried; the share of them that is told is nine in ten.
const PLACES: usize = 20;
const SHARE: f64 = 0.9;

/// Signal-to-noise ratios at the median sensor between which the weakest is sought, decibels, and halvings of that.
const RANGE_DB: [f64; 2] = [-40.0, 20.0];
const HALVINGS: usize = 7;

/// The level from which a leak anywhere on the wall, noise of the same spectrum as the channel's own, would have raised
/// the alarm with 90 % probability. `None` where a leak 20 dB over the noise would not.
///
/// `looks` are those of the material.
pub fn weakest(
    array: &Array<'_>,
    looks: &[View],
    material: Material<'_>,
    alarm: &Alarm,
    needed_z: &[f64],
) -> Option<Detectable> {
    assert_eq!(alarm.laws.len(), needed_z.len());
    let (spectra, cover) = (material.spectra, array.cover());
    let spread = |view: &View| robust(&view.glance_at(&view.coherence).response(array).bounds(cover));
    let quiet: Vec<(&View, [f64; 2])> = looks.iter().map(|view| (view, spread(view))).collect();
    let (mean, noise) = (material.mean, median_density(material.mean));
    let least = |place: &WallPoint| {
        let about = cover.about(array, place, 1.5 * cover.radius_m());
        let amplitude = arriving(array, spectra, &noise, place);
        let ranges_m = array.ranges_m(place);
        let left = |&(m, n): &(usize, usize)| {
            ((m, n), quiet[0].0.coherence.left(ranges_m[m] - ranges_m[n], array.group_speed().0).coherence)
        };
        let pairs: Vec<((usize, usize), f64)> = spectra.layout().pairs.iter().map(left).collect();
        let (reach_m, density) = (8.0 * cover.radius_m(), Density::Half);
        let near = |view: &View| Nearby::new(array, &view.coherence, ranges_m.clone(), reach_m, density);
        let nearby: Vec<Nearby> = quiet.iter().map(|(view, _)| near(view)).collect();
        let shows = |snr_db: f64| {
            let louder = mean.with_source(&pairs, &amplitude, power_from_db(0.5 * snr_db));
            let looks = material.looks_of(&louder);
            looks.iter().zip(&nearby).zip(&quiet).zip(needed_z).all(|(((look, nearby), (_, [middle, scatter])), z)| {
                let tables = nearby.tables(&look.1);
                let bounds = Response::new(array, &look.1.pairs, tables).bounds(&about);
                let top = bounds.into_iter().fold(f32::MIN, f32::max);
                f64::from(top) - middle > z * scatter
            })
        };
        let [mut low, mut high] = RANGE_DB;
        if !shows(high) {
            return f64::INFINITY;
        }
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            if shows(middle) { high = middle } else { low = middle }
        }
        high
    };
    let mut levels: Vec<(f64, f64)> = cover
        .spread(array, PLACES)
        .par_iter()
        .map(|place| {
            let snr_db = least(place);
            (snr_db, snr_db + over_noise_db(array, material, &noise, place))
        })
        .collect();
    let told = (SHARE * PLACES as f64).ceil() as usize - 1;
    levels.sort_by(|x, y| x.0.total_cmp(&y.0));
    let snr_db = levels[told].0;
    levels.sort_by(|x, y| x.1.total_cmp(&y.1));
    snr_db.is_finite().then_some(Detectable { snr_db, level_db: levels[told].1 })
}

/// Share of a source's power at 1 m that arrives at each sensor, over that at the median sensor.
fn shares(array: &Array<'_>, place: &WallPoint) -> (Vec<f64>, f64) {
    let middle_hz = array.middle_hz();
    let arrives = |range_m: &f64| {
        array.medium.spreading(*range_m) * power_from_db(-array.medium.absorption_db_m(middle_hz) * range_m)
    };
    let shares: Vec<f64> = array.ranges_m(place).iter().map(arrives).collect();
    let mut sorted = shares.clone();
    sorted.sort_by(f64::total_cmp);
    let median = sorted[sorted.len() / 2];
    (shares.iter().map(|share| share / median).collect(), median)
}

/// Amplitudes of a source that is as loud as the median sensor's `noise` in every bin; `[channel, bin]`.
fn arriving(array: &Array<'_>, spectra: &CrossSpectra, noise: &[f64], place: &WallPoint) -> Array2<Complex<f64>> {
    let ranges_m = array.ranges_m(place);
    let k: Vec<f64> = spectra.layout().frequencies_hz().iter().map(|hz| array.medium.wavenumber_rad_m(*hz)).collect();
    let (shares, _) = shares(array, place);
    Array2::from_shape_fn((array.len(), k.len()), |(m, bin)| {
        Complex::from_polar((shares[m] * noise[bin]).sqrt(), -k[bin] * ranges_m[m])
    })
}

/// Level at 1 m of a source at `place` that arrives at the median sensor as loud as its noise, decibels re full scale; where
/// machines have lines, the noise is that of the other bins.
fn over_noise_db(array: &Array<'_>, material: Material<'_>, density: &[f64], place: &WallPoint) -> f64 {
    let layout = material.spectra.layout();
    let used = density.iter().zip(material.fates).filter(|(_, fate)| **fate == BinFate::Used);
    let (sum, count) = used.fold((0.0, 0.0), |(sum, count), (density, _)| (sum + density, count + 1.0));
    let power = sum / count * density.len() as f64 * layout.spacing_hz();
    power_db(power / shares(array, place).1)
}

/// Power density of the median channel, bin by bin.
fn median_density(mean: &Means) -> Vec<f64> {
    let of_bin = |column: ndarray::ArrayView1<'_, f64>| {
        let mut powers = column.to_vec();
        powers.sort_by(f64::total_cmp);
        powers[powers.len() / 2]
    };
    mean.auto.columns().into_iter().map(of_bin).collect()
}
