//! Two leaks told apart, and one not taken for two: the tunnel of the samples, 8 microphones.

use pinhole::capture::Captures;
use pinhole::locate::{Options, Outcome, Verdict, locate};
use pinhole::simulate::{Loudness, simulate, write};
use pinhole::site::{Point3, Site, WallPoint};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::study::{EXACT, Setting, scene};

/// A second leak: how far from the first, metres, and how much louder, decibels.
type Second = Option<(f64, f64)>;

const NEAR: Setting = Setting { snr_db: 10.0, ..EXACT };
const ROWS: &[(Setting, Second)] = &[
    (NEAR, None),
    (Setting { snr_db: -10.0, ..NEAR }, None),
    (Setting { reflection: 0.5, ..NEAR }, None),
    (Setting { reflection: 0.9, ..NEAR }, None),
    (Setting { reflection: 0.9, snr_db: -10.0, ..NEAR }, None),
    (Setting { position_sigma_m: 0.002, ..NEAR }, None),
    (Setting { position_sigma_m: 0.005, ..NEAR }, None),
    (NEAR, Some((0.03, 0.0))),
    (NEAR, Some((0.03, -10.0))),
    (NEAR, Some((0.3, 0.0))),
    (NEAR, Some((0.3, -10.0))),
    (Setting { snr_db: -10.0, ..NEAR }, Some((0.03, 0.0))),
    (Setting { snr_db: -10.0, ..NEAR }, Some((0.3, 0.0))),
    (Setting { position_sigma_m: 0.002, ..NEAR }, Some((0.3, -10.0))),
    (Setting { position_sigma_m: 0.005, ..NEAR }, Some((0.3, -10.0))),
    (Setting { position_sigma_m: 0.002, ..NEAR }, Some((0.03, 0.0))),
    (Setting { position_sigma_m: 0.005, ..NEAR }, Some((0.03, 0.0))),
    (Setting { snr_db: -10.0, ..NEAR }, Some((0.03, -10.0))),
    (Setting { snr_db: -10.0, ..NEAR }, Some((0.3, -10.0))),
    (Setting { snr_db: -10.0, position_sigma_m: 0.002, ..NEAR }, Some((0.3, 0.0))),
    (Setting { snr_db: -10.0, position_sigma_m: 0.005, ..NEAR }, Some((0.3, 0.0))),
    (Setting { snr_db: -10.0, position_sigma_m: 0.002, ..NEAR }, Some((0.03, 0.0))),
    (Setting { snr_db: 0.0, ..NEAR }, Some((0.3, -10.0))),
    (Setting { snr_db: -5.0, ..NEAR }, Some((0.3, -10.0))),
    (Setting { snr_db: -20.0, ..NEAR }, None),
    (Setting { snr_db: -10.0, cabin_s: 1.0, ..NEAR }, Some((0.03, -10.0))),
    (Setting { snr_db: -10.0, cabin_s: 1.0, ..NEAR }, Some((0.3, -10.0))),
    (Setting { snr_db: -10.0, cabin_s: 4.0, ..NEAR }, Some((0.03, -10.0))),
];

/// Prints the table.
pub fn print(seeds: u64, only: Option<u64>) {
    println!(
        "|   | sensors off mm | reflection | SNR dB | s | second leak | told: 1 | 2 | more | all found | median mm | p90 mm |"
    );
    println!("| - | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for (number, (setting, second)) in (1..).zip(ROWS).filter(|(number, _)| only.is_none_or(|o| o == *number)) {
        let trials: Vec<(usize, f64)> =
            (1..=seeds).into_par_iter().map(|seed| trial(*setting, *second, seed)).collect();
        let share = |holds: &dyn Fn(&(usize, f64)) -> bool| {
            100.0 * trials.iter().filter(|t| holds(t)).count() as f64 / trials.len() as f64
        };
        // Sensors that are off move every place: what they may, the ellipse tells, is not held against the count.
        let limit_m = if setting.position_sigma_m > 0.0 { 3.0 * setting.position_sigma_m + 0.002 } else { 0.002 };
        let mut errors: Vec<f64> = trials.iter().map(|t| t.1).collect();
        errors.sort_by(f64::total_cmp);
        let quantile = |q: f64| errors[((q * errors.len() as f64) as usize).min(errors.len() - 1)] * 1e3;
        println!(
            "| {number} | {:.0} | {:.1} | {:.0} | {} | {} | {:.1} % | {:.1} % | {:.1} % | {:.1} % | {:.2} | {:.2} |",
            setting.position_sigma_m * 1e3,
            setting.reflection,
            setting.snr_db,
            setting.cabin_s,
            second.map_or("none".into(), |(m, db)| format!("{:.0} mm, {db:.0} dB", m * 1e3)),
            share(&|t| t.0 == 1),
            share(&|t| t.0 == 2),
            share(&|t| t.0 > 2),
            share(&|t| t.1 <= limit_m),
            quantile(0.5),
            quantile(0.9),
        );
    }
}

/// How many leaks were told, and how far the worst of the true ones is from the nearest that was.
fn trial(setting: Setting, second: Second, seed: u64) -> (usize, f64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut scene = scene(setting, seed, &mut rng);
    if let Some((apart_m, louder_db)) = second {
        let mut other = scene.leaks[0].clone();
        other.place = beside(&scene.site, &scene.leaks[0].place, apart_m, &mut rng);
        other.loudness = Loudness::Snr(setting.snr_db + louder_db);
        scene.leaks.push(other);
    }
    let recorded = simulate(&scene).expect("a valid scene");
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(&scene, &recorded, folder.path()).expect("space for a capture");
    let captures = Captures::open(&[folder.path().join("capture.wav")]).expect("a capture just written");
    let options = Options { band_hz: Some(scene.band_hz().into()), ..Options::default() };
    let outcome: Outcome =
        locate(&scene.site, captures, None, &options, &|_, _| ()).expect("a site that fits its capture");
    let told: Vec<Point3> = outcome.leaks.iter().map(|leak| leak.point.position_m).collect();
    let missed = |truth: &WallPoint| told.iter().map(|p| (p - truth.position_m).norm()).fold(f64::INFINITY, f64::min);
    let worst_m = scene.leaks.iter().map(|leak| missed(&leak.place)).fold(0.0, f64::max);
    let told = if outcome.verdict == Verdict::Leak { told.len() } else { 0 };
    if told != scene.leaks.len() {
        eprintln!("seed {seed}: {told} told, {}", outcome.notes.join("; "));
    }
    (told, worst_m)
}

/// A place on the same wall in any direction.
fn beside(site: &Site, place: &WallPoint, apart_m: f64, rng: &mut ChaCha8Rng) -> WallPoint {
    loop {
        let angle = rng.random_range(0.0..std::f64::consts::TAU);
        let other = site.moved(place, apart_m * angle.cos(), apart_m * angle.sin());
        // Beyond the wall's edge a place is moved back to it.
        if (other.position_m - place.position_m).norm() > 0.8 * apart_m {
            return other;
        }
    }
}
