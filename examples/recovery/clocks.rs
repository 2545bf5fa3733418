//! Two recorders that run free of each other: what the place gains where it is solved for together with their clocks.

use nalgebra::{DMatrix, DVector, Matrix2};
use pinhole::capture::Captures;
use pinhole::locate::{Array, Foreseen, Options, Wanted, locate};
use pinhole::propagation::Medium;
use pinhole::simulate::{Scene, simulate, write};
use pinhole::site::{Recorder, WallPoint};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::study::{EXACT, REGIONS, Setting, off, scene};

const SECOND: Setting = Setting { cabin_s: 1.0, ..EXACT };
const ROWS: &[Setting] = &[
    Setting { snr_db: -5.0, ..SECOND },
    Setting { snr_db: -10.0, ..SECOND },
    Setting { snr_db: -15.0, ..SECOND },
    Setting { snr_db: -10.0, ..EXACT },
    Setting { name: "microphones 2 mm off", snr_db: -10.0, position_sigma_m: 0.002, speed_sigma_pct: 0.1, ..SECOND },
    Setting { name: "walls reflect 0.9", snr_db: -5.0, reflection: 0.9, ..SECOND },
];

/// Clocks lie within this of each other, seconds, and drift within so many parts per million.
const OFFSET_S: f64 = 0.05;
const DRIFT_PPM: f64 = 30.0;

/// One capture in which a leak was told.
struct Trial {
    /// The place by the delays of each recorder alone.
    alone: Located,
    /// By all together, where that was done.
    together: Option<Located>,
    /// Errors of offset and drift, each over its standard deviation, where told.
    clock: Option<[f64; 2]>,
    /// Variance of the place by noise, clocks open, over that by each recorder alone.
    foreseen: f64,
    note: String,
}

#[derive(Clone, Copy)]
struct Located {
    error_m: f64,
    /// Probability of the smallest ellipse of the told covariance that holds the truth.
    level: f64,
    /// Squared error, and told variance, over the variance told for each recorder alone; of each of two directions.
    over_alone: [f64; 2],
}

/// Prints the table.
pub fn print(seeds: u64, only: Option<u64>) {
    println!(
        "σ and errors over those of each recorder alone: told and foreseen as the median, errors root mean square.\n"
    );
    println!(
        "|   | setting | SNR dB | s | leak told | together | median mm alone → together | σ told | foreseen | RMS error \
         | in 50 / 90 / 95 %: alone | together | offset, drift RMS over σ |"
    );
    println!("| - | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for (number, setting) in (1..).zip(ROWS).filter(|(number, _)| only.is_none_or(|o| o == *number)) {
        let of_row = |seed: u64| trial(*setting, 1000 * number + seed);
        let trials: Vec<Option<Trial>> = (1..=seeds).into_par_iter().map(of_row).collect();
        let told: Vec<&Trial> = trials.iter().flatten().collect();
        let both: Vec<(&Trial, Located)> = told.iter().filter_map(|t| Some((*t, t.together?))).collect();
        let [alone, together] =
            [told.iter().map(|t| t.alone).collect(), both.iter().map(|b| b.1).collect()].map(inside);
        let mean = |value: &dyn Fn(&(&Trial, Located)) -> f64| both.iter().map(value).sum::<f64>() / both.len() as f64;
        let errors = mean(&|b| b.1.over_alone[0]) / mean(&|b| b.0.alone.over_alone[0]);
        let clocks: Vec<[f64; 2]> = both.iter().filter_map(|b| b.0.clock).collect();
        let clock = |i: usize| (clocks.iter().map(|c| c[i].powi(2)).sum::<f64>() / clocks.len() as f64).sqrt();
        println!(
            "| {number} | {} | {:.0} | {} | {:.0} % | {:.0} % | {:.4} → {:.4} | {:.2} | {:.2} | {:.2} | {alone} | {together} | \
             {:.2}, {:.2} |",
            setting.name,
            setting.snr_db,
            setting.cabin_s,
            100.0 * told.len() as f64 / seeds as f64,
            100.0 * both.len() as f64 / told.len() as f64,
            1e3 * median(both.iter().map(|b| b.0.alone.error_m).collect()),
            1e3 * median(both.iter().map(|b| b.1.error_m).collect()),
            median(both.iter().map(|b| b.1.over_alone[1].sqrt()).collect()),
            median(both.iter().map(|b| b.0.foreseen.sqrt()).collect()),
            errors.sqrt(),
            clock(0),
            clock(1)
        );
        for trial in told.iter().filter(|t| t.together.is_none()) {
            eprintln!("row {number}: {}", trial.note);
        }
    }
}

fn inside(located: Vec<Located>) -> String {
    let share = |r: f64| 100.0 * located.iter().filter(|l| l.level < r).count() as f64 / located.len() as f64;
    REGIONS.map(|r| format!("{:.0}", share(r))).join(" / ")
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What one seed gave; nothing where no leak was told.
fn trial(setting: Setting, seed: u64) -> Option<Trial> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut scene = scene(setting, seed, &mut rng);
    let recorder = |id: &str, clock| Recorder { id: id.into(), clock, ..Recorder::default() };
    scene.site.recorders = vec![recorder("A", 0), recorder("B", 1)];
    // Every other microphone, so that either recorder sees all round.
    for (i, sensor) in scene.site.sensors.iter_mut().enumerate() {
        (sensor.recorder, sensor.channel) = (i % 2, i / 2 + 1);
    }
    let drawn = |rng: &mut ChaCha8Rng, most: f64| most * (2.0 * rng.random::<f64>() - 1.0);
    let (offset_s, ppm) = (drawn(&mut rng, OFFSET_S), drawn(&mut rng, DRIFT_PPM));
    scene.deviations.recorder_offset_s = vec![0.0, offset_s];
    scene.deviations.recorder_ppm = vec![0.0, ppm];
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(&scene, &simulate(&scene).expect("a valid scene"), folder.path()).expect("space for a capture");
    let paths = ["A", "B"].map(|id| folder.path().join(format!("capture_{id}.wav")));
    let captures = Captures::open(&paths).expect("captures just written");
    let options = Options { band_hz: Some(scene.band_hz().into()), leaks: Wanted::AtMost(1), ..Options::default() };
    let told = locate(&scene.site, captures, None, &options, &|_, _| ()).expect("a site that fits its capture");
    let leak = told.leaks.first()?;
    let matrix = |[[a, b], [c, d]]: [[f64; 2]; 2]| Matrix2::new(a, b, c, d);
    let best = (leak.point, matrix(leak.covariance_uv_m2));
    let alone = told.alone.map_or(best, |(point, covariance)| (point, matrix(covariance)));
    let clock = told.clocks.first().and_then(|clock| {
        let ((offset, offset_sigma), (drift, drift_sigma)) = (clock.offset_s, clock.drift_ppm?);
        Some([(offset - offset_s) / offset_sigma, (drift - ppm) / drift_sigma])
    });
    Some(Trial {
        alone: located(&scene, alone, alone.1),
        together: told.alone.map(|_| located(&scene, best, alone.1)),
        clock,
        foreseen: foreseen(&scene, setting.snr_db),
        note: told.notes.iter().filter(|note| note.contains("recorder")).cloned().collect::<Vec<_>>().join("; "),
    })
}

fn located(scene: &Scene, (point, covariance): (WallPoint, Matrix2<f64>), alone: Matrix2<f64>) -> Located {
    let way = off(scene, &point);
    let square = |covariance: Matrix2<f64>| {
        covariance.try_inverse().map_or(f64::INFINITY, |inverse| (way.transpose() * inverse * way)[0])
    };
    Located {
        error_m: (point.position_m - scene.leaks[0].place.position_m).norm(),
        level: 1.0 - (-0.5 * square(covariance)).exp(),
        over_alone: [square(alone) / 2.0, share_of(covariance, alone)],
    }
}

/// Mean over the directions of the wall of one variance over another.
fn share_of(covariance: Matrix2<f64>, of: Matrix2<f64>) -> f64 {
    of.try_inverse().map_or(f64::NAN, |inverse| (inverse * covariance).trace() / 2.0)
}

/// What noise leaves unknown of the place of the scene's leak with clocks open, over what it does to each recorder alone.
fn foreseen(scene: &Scene, snr_db: f64) -> f64 {
    let place = &scene.leaks[0].place;
    let sensors = (0..scene.site.sensors.len()).collect();
    let alone = Array::new(&scene.site, Medium::of(&scene.site), scene.band_hz(), sensors).expect("walls are heard");
    let by = Foreseen::new(&alone, scene.capture.duration_s);
    let level = 10f64.powf(snr_db / 10.0) / by.at_median_sensor(place);
    let ranges = |array: &Array<'_>| Foreseen::new(array, scene.capture.duration_s).information(place, level);
    let together = ranges(&alone.on_clocks(&vec![0; alone.len()]));
    let late = DVector::from_fn(alone.len(), |m, _| f64::from(u8::from(alone.groups()[m] == 1)));
    let seen = &together * &late;
    let open = &together - &seen * seen.transpose() / late.dot(&seen);
    let slopes = alone.range_gradient(place);
    let bound = |information: &DMatrix<f64>| {
        let normal = slopes.transpose() * information * &slopes;
        Matrix2::new(normal[(0, 0)], normal[(0, 1)], normal[(1, 0)], normal[(1, 1)]).try_inverse()
    };
    let seen = "the array sees two coordinates";
    share_of(bound(&open).expect(seen), bound(&ranges(&alone)).expect(seen))
}
