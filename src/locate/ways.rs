//! Sound that reaches a sensor by more than one way: round a closed wall, or as the other guided wave.
//!
//! With `h_m = e^{−ikd_m}·g_m(f)`, `g_m = 1 + Σ_w a_w·√(d_m/d_w)·e^{−i(k_w d_w − k d_m)}`, the further ways only turn and weigh
//! what the direct one brings. Where they explain more of the coherence than the direct way alone, their turn is taken out,
//! and what is left is a direct sound again; where they do not, nothing is changed. One way leaves `g = 1`.

use realfft::num_complex::Complex;

use super::array::Array;
use crate::cross_spectra::{Coherence, narrow, wide};
use crate::site::WallPoint;
use crate::units::amplitude_from_db;

/// Levels of the other guided wave over the first that are tried, decibels, with either sign.
const OTHER_MODE_DB: [f64; 7] = [-24.0, -18.0, -12.0, -8.0, -4.0, 0.0, 4.0];

/// Further ways must raise the steered response by this share to be believed.
const GAIN: f64 = 1.005;

/// One sensor's `g` over the used bins.
type Turns = Vec<Complex<f64>>;

/// Wavenumbers of the other guided wave in the used bins, rad/m, where there is one.
pub fn other_wavenumbers(array: &Array<'_>, coherence: &Coherence) -> Option<Vec<f64>> {
    let medium = array.medium.other_mode()?;
    Some(coherence.frequency_hz.iter().map(|hz| medium.wavenumber_rad_m(*hz)).collect())
}

/// The coherence as it were if sound came by the direct way alone, for a source at `place`; `None` where no further way
/// is known or none explains more. `other_k` are the wavenumbers of the other guided wave.
pub fn straightened(
    array: &Array<'_>,
    coherence: &Coherence,
    wavenumber_rad_m: &[f64],
    other_k: Option<&[f64]>,
    place: &WallPoint,
) -> Option<Coherence> {
    let legs = array.all_ways(place);
    if other_k.is_none() && legs.iter().all(|legs| legs.len() < 2) {
        return None;
    }
    let ranges_m: Vec<f64> = legs.iter().map(|legs| legs[0].length_m).collect();
    let turns = |k: &dyn Fn(usize) -> f64| -> Vec<Turns> {
        let of_bins = |range_m: &f64| (0..wavenumber_rad_m.len()).map(|bin| Complex::cis(-k(bin) * range_m)).collect();
        ranges_m.iter().map(of_bins).collect()
    };
    let direct = turns(&|bin| wavenumber_rad_m[bin]);
    let beside = other_k.map(|other_k| turns(&|bin| other_k[bin] - wavenumber_rad_m[bin]));
    let round: Vec<Turns> = (0..array.len()).map(|m| round(array, &legs[m], coherence, wavenumber_rad_m)).collect();
    let alone = vec![vec![Complex::ONE; wavenumber_rad_m.len()]; array.len()];
    let levels = OTHER_MODE_DB.iter().flat_map(|db| [amplitude_from_db(*db), -amplitude_from_db(*db)]);
    let levels: Vec<f64> = std::iter::once(0.0).chain(levels.filter(|_| beside.is_some())).collect();
    let value = |turns: &[Turns]| response(coherence, &direct, turns);
    let bar = GAIN * value(&alone);
    let tried = [&alone, &round].into_iter().flat_map(|first| levels.iter().map(move |level| (first, *level)));
    let (height, turns) = tried
        .map(|(first, level)| {
            let turns = beside.as_ref().map_or_else(|| first.clone(), |beside| with_other(first, beside, level));
            (value(&turns), turns)
        })
        .max_by(|x, y| x.0.total_cmp(&y.0))?;
    (height > bar).then(|| turned_back(coherence, &turns))
}

/// `g` of the ways round.
fn round(array: &Array<'_>, legs: &[crate::propagation::Leg], coherence: &Coherence, k: &[f64]) -> Turns {
    let direct_m = legs[0].length_m;
    let medium = &array.medium;
    let amplitude = |length_m: f64, hz: f64| {
        let lost_db = medium.absorption_db_m(hz) * (length_m - direct_m);
        (medium.spreading(length_m) / medium.spreading(direct_m.max(1e-3))).sqrt() * amplitude_from_db(-lost_db)
    };
    k.iter()
        .zip(&coherence.frequency_hz)
        .map(|(k, hz)| {
            let further = legs[1..]
                .iter()
                .map(|leg| Complex::from_polar(amplitude(leg.length_m, *hz), -k * (leg.length_m - direct_m)));
            further.sum::<Complex<f64>>() + 1.0
        })
        .collect()
}

/// `g` with the other guided wave added at `level` times the first's amplitude at 1 m, on the direct way, `beside` which it turns so.
fn with_other(first: &[Turns], beside: &[Turns], level: f64) -> Vec<Turns> {
    let add = |(turns, beside): (&Turns, &Turns)| turns.iter().zip(beside).map(|(g, turn)| g + turn * level).collect();
    first.iter().zip(beside).map(add).collect()
}

/// Steered response of a source whose sound arrives as `g` says, as a share of what it would be without noise; `direct` is
/// what the direct way turns it by.
fn response(coherence: &Coherence, direct: &[Turns], turns: &[Turns]) -> f64 {
    let steer = |(turns, direct): (&Turns, &Turns)| turns.iter().zip(direct).map(|(g, turn)| unit(*g) * turn).collect();
    let steered: Vec<Turns> = turns.iter().zip(direct).map(steer).collect();
    let of_pair = |(row, &(m, n)): (usize, &(usize, usize))| -> f64 {
        let products = steered[m].iter().zip(&steered[n]).zip(coherence.value.row(row));
        products.map(|((h_m, h_n), g)| (wide(*g) * h_m.conj() * h_n).re).sum()
    };
    coherence.pairs.iter().enumerate().map(of_pair).sum::<f64>() / coherence.value.len() as f64
}

/// The coherence with the phases of `g` taken out.
fn turned_back(coherence: &Coherence, turns: &[Turns]) -> Coherence {
    let mut straight = coherence.clone();
    for (row, &(m, n)) in coherence.pairs.iter().enumerate() {
        for (value, (g_m, g_n)) in straight.value.row_mut(row).iter_mut().zip(turns[m].iter().zip(&turns[n])) {
            *value *= narrow(unit(*g_m).conj() * unit(*g_n));
        }
    }
    straight
}

/// The same direction with length 1.
fn unit(g: Complex<f64>) -> Complex<f64> {
    let length = g.norm_sqr().sqrt();
    if length > 0.0 { g / length } else { Complex::ONE }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::propagation::Medium;
    use crate::site::{Site, parse_site};
    use ndarray::Array2;
    use std::sync::Arc;

    fn site() -> Site {
        let head = "[path]\nkind='plate'\nmode='A0'\nthickness_mm=3\nmaterial='AMg6'\nspeed_sigma_pct=0\n[[wall]]\nid='w'\n\
                    shape='cylinder'\nbase_m=[0,0,0]\naxis=[0,0,1]\nseam=[1,0,0]\nradius_m=0.3\nlength_m=1.0\n";
        let sensor = |i: usize| {
            let (u, v) = ((0.37 * i as f64) % 1.88, 0.1 + 0.15 * i as f64);
            format!("[[sensor]]\nid='C{i}'\nchannel={}\nwall='w'\nu_m={u}\nv_m={v}\nposition_sigma_m=0\n", i + 1)
        };
        parse_site(&(head.to_owned() + &(0..5).map(sensor).collect::<String>()), "site.toml").unwrap()
    }

    /// Coherence of a source at `place` that arrives as `g` says, without noise.
    fn heard(array: &Array<'_>, k: &[f64], frequency_hz: &[f64], place: &WallPoint, g: &[Turns]) -> Coherence {
        let ranges = array.ranges_m(place);
        let pairs: Vec<_> = (0..array.len()).flat_map(|m| (m + 1..array.len()).map(move |n| (m, n))).collect();
        let h = |m: usize, bin: usize| unit(g[m][bin]) * Complex::cis(-k[bin] * ranges[m]);
        let value = Array2::from_shape_fn((pairs.len(), k.len()), |(row, bin)| {
            let (m, n) = pairs[row];
            narrow(h(m, bin) * h(n, bin).conj())
        });
        let (frequency_hz, groups) = (frequency_hz.to_vec(), vec![0; array.len()]);
        Coherence { frequency_hz, pairs, groups, averages: 100.0, lag_window: Arc::default(), value, emphasis: None }
    }

    #[test]
    fn sound_round_the_wall_and_in_the_other_wave_becomes_direct_sound() {
        let site = site();
        let array = Array::new(&site, Medium::of(&site), [60e3, 180e3], (0..5).collect()).unwrap();
        let frequency_hz: Vec<f64> = (0..400).map(|i| 60e3 + 300.0 * f64::from(i)).collect();
        let k: Vec<f64> = frequency_hz.iter().map(|f| array.medium.wavenumber_rad_m(*f)).collect();
        let place = site.walls[0].at(0, 2.0, 0.55);
        let ranges: Vec<f64> = array.ranges_m(&place).iter().copied().collect();
        let ones = vec![vec![Complex::from(1.0); k.len()]; 5];
        let direct = heard(&array, &k, &frequency_hz, &place, &ones);
        let other = array.medium.other_mode().unwrap();
        let other_k = other_wavenumbers(&array, &direct).unwrap();
        assert_eq!(other_k[7], other.wavenumber_rad_m(frequency_hz[7]));
        let straightened = |coherence: &Coherence| straightened(&array, coherence, &k, Some(&other_k), &place);
        assert!(straightened(&direct).is_none(), "direct sound is left alone");
        let legs = array.all_ways(&place);
        let round: Vec<Turns> = (0..5).map(|m| round(&array, &legs[m], &direct, &k)).collect();
        let turns = |k: &dyn Fn(usize) -> f64| -> Vec<Turns> {
            ranges.iter().map(|range| (0..400).map(|bin| Complex::cis(-k(bin) * range)).collect()).collect()
        };
        let (first, beside) = (turns(&|bin| k[bin]), turns(&|bin| other_k[bin] - k[bin]));
        let both = with_other(&round, &beside, amplitude_from_db(-8.0));
        for g in [&round, &both] {
            let mixed = heard(&array, &k, &frequency_hz, &place, g);
            assert!(response(&mixed, &first, &ones) < 0.9);
            let straight = straightened(&mixed).unwrap();
            let worst = straight.value.iter().zip(&direct.value).map(|(x, y)| (x - y).norm()).fold(0.0, f32::max);
            // The coherence, what turns it, their product, and what is compared with: a rounding each, of two parts.
            assert!(worst < 4.0 * f32::EPSILON, "{worst:e}");
        }
    }
}
