//! From refined places to the records people read: leak, pairs, verdict and the sentences that go with them.

use nalgebra::Matrix2;

use super::alarm::Alarm;
use super::array::Array;
use super::find::Found;
use super::further::{BEYOND_ECHOES_Z, resolution_m};
use super::judge::Judged;
use super::outcome::{Behaviour, Chance, Ellipse, Leak, PairReport, PathUsed, Stretch, Verdict};
use super::refine::Refined;
use super::views::View;
use crate::cross_spectra::{Layout, Means};
use crate::propagation::{Dispersion, Medium};
use crate::site::{Mode, Point3};
use crate::units::{power_db, power_from_db};

/// 95 % point of a chi-square with two degrees of freedom: `−2 ln 0.05`.
pub const CHI2_95: f64 = 5.991_464_547_107_98;

/// The record of a refined place. `powers` are the capture's spectra of the array's channels, `probability` that of chance.
pub fn leak(
    array: &Array<'_>,
    refined: &Refined,
    view: &View,
    (powers, layout): (&Means, &Layout),
    probability: f64,
) -> (Leak, Vec<f64>) {
    let distance_m = array.ranges_m(&refined.point);
    let heard: Vec<Heard> =
        (0..array.len()).map(|m| Heard::of(array, refined, view, powers, layout, (m, distance_m[m]))).collect();
    let snr_db: Vec<f64> = heard.iter().map(|h| power_db(h.leak / h.rest.max(f64::MIN_POSITIVE))).collect();
    let levels: Vec<f64> = heard.iter().map(|h| power_db(h.leak_at_1_m)).collect();
    let covariance = refined.covariance_m2;
    let leak = Leak {
        point: refined.point,
        covariance_uv_m2: [[covariance[(0, 0)], covariance[(0, 1)]], [covariance[(1, 0)], covariance[(1, 1)]]],
        ellipse_95: ellipse_95(&covariance),
        shares: shares_told(refined.shares),
        false_alarm_probability: Some(probability),
        snr_db: median(snr_db.clone()),
        level_db: median(levels),
        resolution_m: Some(resolution_m(array, view, &refined.point)).filter(|metres| metres.is_finite()),
    };
    (leak, snr_db)
}

/// Shares of a covariance with the names of what they come from.
pub fn shares_told([noise, positions, speed]: [f64; 3]) -> [(&'static str, f64); 3] {
    [("noise", noise), ("sensor positions", positions), ("wave speed", speed)]
}

/// Power in the band at one sensor, full scale²; bins left out count as the mean of the others.
struct Heard {
    leak: f64,
    rest: f64,
    /// The leak's at 1 m, with all absorption undone.
    leak_at_1_m: f64,
}

impl Heard {
    fn of(
        array: &Array<'_>,
        refined: &Refined,
        view: &View,
        powers: &Means,
        layout: &Layout,
        (m, distance_m): (usize, f64),
    ) -> Self {
        let frequency_hz = &view.coherence.frequency_hz;
        let first_hz = layout.first_bin as f64 * layout.spacing_hz();
        let width_hz = layout.bins as f64 * layout.spacing_hz() / frequency_hz.len() as f64;
        let mut heard = Self { leak: 0.0, rest: 0.0, leak_at_1_m: 0.0 };
        for (bin, f) in frequency_hz.iter().enumerate() {
            let k = ((f - first_hz) / layout.spacing_hz()).round() as usize;
            let power = powers.auto[[m, k]] * width_hz;
            let leak = power * refined.leak_share[m][bin];
            let absorbed_db = array.medium.absorption_db_m(*f) * distance_m;
            heard.leak += leak;
            heard.rest += power - leak;
            heard.leak_at_1_m += leak / array.medium.spreading(distance_m) * power_from_db(absorbed_db);
        }
        heard
    }
}

/// Level of the median sensor in the band by its used bins, decibels re full scale; bins left out count as their mean.
pub fn level_db(view: &View, powers: &Means, layout: &Layout) -> f64 {
    let frequency_hz = &view.coherence.frequency_hz;
    let first_hz = layout.first_bin as f64 * layout.spacing_hz();
    let width_hz = layout.bins as f64 * layout.spacing_hz() / frequency_hz.len() as f64;
    let bin = |hz: &f64| ((hz - first_hz) / layout.spacing_hz()).round() as usize;
    let power = |row: ndarray::ArrayView1<'_, f64>| frequency_hz.iter().map(|hz| row[bin(hz)] * width_hz).sum();
    median(powers.auto.rows().into_iter().map(|row| power_db(power(row))).collect())
}

/// The middle one, of an even number the higher of two.
///
/// # Panics
/// Where there is none.
pub fn median(mut values: Vec<f64>) -> f64 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// The 95 % ellipse of a covariance.
pub fn ellipse_95(covariance: &Matrix2<f64>) -> Ellipse {
    let (a, b, d) = (covariance[(0, 0)], covariance[(0, 1)], covariance[(1, 1)]);
    let middle = (a + d) / 2.0;
    let radius = ((a - d) / 2.0).hypot(b);
    let angle = 0.5 * (2.0 * b).atan2(a - d);
    Ellipse {
        semi_major_m: (CHI2_95 * (middle + radius)).max(0.0).sqrt(),
        semi_minor_m: (CHI2_95 * (middle - radius)).max(0.0).sqrt(),
        angle_deg: angle.to_degrees(),
    }
}

/// Delays of all pairs beside what the reported place implies; people check a location by its delays.
pub fn pairs(
    array: &Array<'_>,
    view: &View,
    averages: f64,
    samples_per_bin: f64,
    refined: Option<&Refined>,
) -> Vec<PairReport> {
    let speed = array.group_speed();
    let k = &view.wavenumber_rad_m;
    let wavelength_m = std::f64::consts::TAU / (k.iter().map(|k| k * k).sum::<f64>() / k.len() as f64).sqrt();
    let implied = refined.map(|r| array.ranges_m(&r.point));
    let of_pair = |(row, &(m, n)): (usize, &(usize, usize))| {
        let coherence = view.coherence.pair_magnitude(row, averages);
        let mut report = PairReport {
            a: array.sensors[m],
            b: array.sensors[n],
            tdoa_s: None,
            sigma_s: None,
            residual_s: None,
            coherence,
            used: refined.is_some(),
        };
        let (Some(refined), Some(implied)) = (refined, &implied) else { return report };
        let near = refined.ranges_m[m] - refined.ranges_m[n];
        if let Some((measured_m, _)) = view.tables[row].crest(near, 0.75 * wavelength_m) {
            let samples = samples_per_bin * view.coherence.left(near, array.group_speed().0).samples;
            // Knapp & Carter (1976): information on range difference 2 n Σ k² g²/(1−g²).
            let information: f64 = k
                .iter()
                .enumerate()
                .map(|(bin, k)| {
                    let g2 = (refined.leak_share[m][bin] * refined.leak_share[n][bin]).min(0.98);
                    2.0 * samples * k * k * g2 / (1.0 - g2)
                })
                .sum();
            report.tdoa_s = Some(speed.time_s(measured_m));
            report.sigma_s = (information > 0.0).then(|| speed.time_s(information.sqrt().recip()));
            report.residual_s = Some(speed.time_s(measured_m - (implied[m] - implied[n])));
        }
        report
    };
    view.coherence.pairs.iter().enumerate().map(of_pair).collect()
}

/// How sound travelled: `array` in the medium that explains the data, `stated` the site's, `rival` the other guided wave.
pub fn path(
    array: &Array<'_>,
    stated: &Medium,
    stretch: Option<Stretch>,
    rival: Option<(Option<Mode>, f64)>,
) -> PathUsed {
    let middle_hz = array.middle_hz();
    let behaves = stretch.map(|Stretch { by, sigma }| {
        let prior = stated.wavenumber_sigma(middle_hz) / stated.dispersion.stretch_gain(middle_hz).abs();
        match stated.dispersion {
            Dispersion::Lamb { thickness_m, .. } => Behaviour {
                of_thickness: true,
                stated: [thickness_m, thickness_m * prior],
                heard: [thickness_m * (1.0 + by), thickness_m * sigma],
            },
            _ => {
                let speed_m_s = stated.group_speed(middle_hz).0;
                let heard_m_s = speed_m_s / (1.0 + by);
                let of_thickness = false;
                Behaviour {
                    of_thickness,
                    stated: [speed_m_s, speed_m_s * prior],
                    heard: [heard_m_s, heard_m_s * sigma],
                }
            }
        }
    });
    PathUsed {
        kind: array.medium.kind,
        speed_m_s: array.group_speed().0,
        speed_sigma_m_s: array.wavenumber_sigma() * array.group_speed().0,
        phase_speed_m_s: array.medium.phase_speed(middle_hz).0,
        mode: array.medium.mode,
        other_mode: rival.and_then(|(mode, nats)| Some((mode?, nats))),
        behaves,
    }
}

/// Why a place is not believed that an echo of a machine may make: `echoes` is the probability by which chance makes what pairs hear
/// beyond both.
pub fn may_be_echo(found: &Found, echoes: Option<f64>, allowed: f64, has_background: bool) -> Option<String> {
    let is_heard = echoes.is_some_and(|probability| probability < OF_A_PAIR * allowed);
    is_heard.then(|| format!(
        "echoes of a machine are heard, or another leak: beside them a place is believed from z = {BEYOND_ECHOES_Z} on, and this one stands \
         out by z = {:.1}; switch the machine off{}",
        found.standings[0].z,
        if has_background { "" } else { ", or record a --background with it" }
    ))
}

/// A place less certain than this share of the wall's extent (the root of its area) is no place.
pub const MAX_ELLIPSE_SHARE: f64 = 0.25;

/// Whether a place was refined that deserves the name.
pub fn is_a_place(array: &Array<'_>, source: Option<&Refined>) -> bool {
    let reach_m = source.map(|r| ellipse_95(&r.covariance_m2).semi_major_m);
    reach_m.is_some_and(|reach_m| reach_m <= MAX_ELLIPSE_SHARE * array.extent_m())
}

/// Between the allowed probability and this multiple of it, or so much at least, nothing is found and nothing ruled out.
const DOUBTFUL: f64 = 5.0;
const DOUBTFUL_FROM: f64 = 0.05;

/// Share of the allowed probability at which a pair that no place explains counts: there are many pairs.
const OF_A_PAIR: f64 = 0.1;

/// What chance says, for a reader.
pub fn chance(alarm: &Alarm, needed_z: &[f64], allowed: f64) -> Chance {
    Chance {
        probability: alarm.probability,
        allowed,
        needed_z: needed_z.iter().copied().fold(0.0, f64::max),
        draws: alarm.draws,
    }
}

/// The verdict, and the reasons where it is neither `leak` nor `no-leak`.
pub fn verdict(
    array: &Array<'_>,
    found: &Found,
    doubts: Vec<String>,
    alarm: &Alarm,
    allowed: f64,
) -> (Verdict, Vec<String>) {
    if alarm.probability > allowed {
        return nothing_found(alarm, allowed);
    }
    let mut reasons = doubts;
    if !found.agree {
        reasons.push(
            "subtracting the background and whitening by it point to different places: the background has changed since"
                .into(),
        );
    }
    if let Some(mirror) = found.mirror {
        let wall = &array.site.walls[mirror.wall].id;
        let [x, y, z]: [f64; 3] = mirror.position_m.into();
        reasons.push(format!(
            "two places explain the sound alike, the other on {wall} at x {x:.3} m, y {y:.3} m, z {z:.3} m: the sensors lie in \
             one plane or line; move one out of it",
        ));
    }
    let shares = |source: &Refined| median(source.leak_share.iter().map(|bins| bins.iter().sum()).collect());
    if found.source.as_ref().is_some_and(|source| shares(source) <= 0.0) {
        reasons.push("most sensors hear nothing from there: what stands out are a few pairs; record for longer".into());
    }
    let extent_m = array.extent_m();
    match found.source.as_ref().map(|r| ellipse_95(&r.covariance_m2).semi_major_m) {
        None => reasons
            .push("the sensors do not fix a place: all lie in one direction from it, or hear nothing in common".into()),
        Some(reach_m) if reach_m > MAX_ELLIPSE_SHARE * extent_m => reasons.push(format!(
            "the place is known to ±{reach_m:.1} m only: add sensors, or state their positions more exactly"
        )),
        Some(_) => {}
    }
    (if reasons.is_empty() { Verdict::Leak } else { Verdict::Inconclusive }, reasons)
}

/// Root mean square of what the sensors' delays leave over about the place, seconds.
pub fn residual_s(judged: &Judged<'_>) -> f64 {
    let Some(source) = &judged.found.source else { return f64::NAN };
    let count = source.residuals.len() as f64;
    let mean_square = source.residuals.iter().map(|(range_m, _)| range_m * range_m).sum::<f64>() / count;
    judged.array.group_speed().time_s(mean_square.sqrt())
}

/// A warning where a machine was explained away.
pub fn machine(place: &Point3) -> String {
    let [x, y, z]: [f64; 3] = (*place).into();
    format!(
        "a machine sounds off the walls, near x {x:.2} m, y {y:.2} m, z {z:.2} m: explained away before the walls were judged"
    )
}

/// The verdict where no place stands out: chance explains all that is heard, or it does not.
fn nothing_found(alarm: &Alarm, allowed: f64) -> (Verdict, Vec<String>) {
    let mut reasons = Vec::new();
    if alarm.probability < (DOUBTFUL * allowed).clamp(DOUBTFUL_FROM, 0.5) {
        reasons.push(format!(
            "something stands out that chance makes in {:.1} of 100 captures, and {:.2} are allowed: a longer capture will tell",
            100.0 * alarm.probability,
            100.0 * allowed
        ));
    }
    if alarm.pair_probability < OF_A_PAIR * allowed {
        reasons.push(
            "sensors hear a sound in common that comes from no place on the wall as the site has it: a machine's hiss, which \
             a --background would take out, or sensors that are not where the site says"
                .into(),
        );
    }
    (if reasons.is_empty() { Verdict::NoLeak } else { Verdict::Inconclusive }, reasons)
}
