//! Sensors that lie: one fault put into each capture, what it is called, and what it does to the place.

use pinhole::capture::Captures;
use pinhole::locate::{Options, Outcome, Wanted, locate};
use pinhole::simulate::{Recording, Scene, simulate, write};
use pinhole::site::{Point3, WallPoint};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use crate::study::{EXACT, Setting, Stage, scene};

/// A fault of channel `a`, or between `a` and `b`.
type Wound = fn(&mut Scene, &mut Recording, usize, usize, &mut ChaCha8Rng);

/// Name, the word expected in `faults`, whether both channels bear it, and the wound.
const FAULTS: &[(&str, Option<&str>, bool, Wound)] = &[
    ("none", None, false, |_, _, _, _, _| ()),
    ("dead", Some("dead"), false, |_, channels, a, _, _| channels[a].iter_mut().for_each(|x| *x *= 1e-4)),
    ("clipped at 1 sigma", Some("clipped"), false, |_, channels, a, _, _| clip(&mut channels[a])),
    ("20 dB noisier", Some("noisy"), false, |_, channels, a, _, rng| hiss(&mut channels[a], 10.0, rng)),
    ("copy of another", Some("duplicate"), false, |_, channels, a, b, _| channels[a] = channels[b].clone()),
    ("crosstalk -6 dB", Some("crosstalk"), true, |_, channels, a, b, _| leak_into(channels, a, b, 0.5)),
    ("polarity", Some("polarity"), false, |_, channels, a, _, _| channels[a].iter_mut().for_each(|x| *x = -*x)),
    ("swapped", Some("swapped"), true, |_, channels, a, b, _| channels.swap(a, b)),
    ("60 mm off its place", Some("misplaced"), false, |scene, _, a, _, rng| displace(scene, a, 0.06, rng)),
];

const SETTINGS: &[(&str, Setting)] = &[
    ("cabin", Setting { snr_db: 0.0, ..EXACT }),
    ("cabin, -10 dB, 2 mm off", Setting { snr_db: -10.0, position_sigma_m: 0.002, speed_sigma_pct: 0.1, ..EXACT }),
    ("shell", Setting { stage: Stage::Shell, snr_db: 0.0, position_sigma_m: 0.0005, ..EXACT }),
];

/// Echoes, in captures where no sensor lies.
const CLEAN: &[(&str, Setting)] = &[
    ("cabin, walls reflect 0.9, 10 dB", Setting { snr_db: 10.0, reflection: 0.9, ..EXACT }),
    ("cabin, walls reflect 0.9, -10 dB", Setting { snr_db: -10.0, reflection: 0.9, ..EXACT }),
    ("plate, edges reflect 0.7, -10 dB", Setting { stage: Stage::Plate, snr_db: -10.0, reflection: 0.7, ..EXACT }),
    ("shell, ends reflect 0.5, -5 dB", Setting { stage: Stage::Shell, snr_db: -5.0, reflection: 0.5, ..EXACT }),
];

/// Prints the table.
pub fn print(seeds: u64, only: Option<u64>) {
    println!("|   | where | fault | named | others accused | median mm | p90 mm |");
    println!("| - | --- | --- | --- | --- | --- | --- |");
    let rows = SETTINGS.iter().flat_map(|setting| FAULTS.iter().map(move |fault| (setting, fault)));
    let rows = rows.chain(CLEAN.iter().map(|setting| (setting, &FAULTS[0])));
    for (number, ((place, setting), fault)) in (1..).zip(rows).filter(|(number, _)| only.is_none_or(|o| o == *number)) {
        let trials: Vec<Trial> = (1..=seeds).into_par_iter().map(|seed| trial(*setting, fault, seed)).collect();
        let missed: Vec<u64> = (1..).zip(&trials).filter(|(_, t)| !t.named || t.others).map(|(seed, _)| seed).collect();
        if !missed.is_empty() {
            eprintln!("row {number}: not as it should be with seeds {missed:?}");
        }
        let share = |holds: &dyn Fn(&Trial) -> bool| {
            100.0 * trials.iter().filter(|t| holds(t)).count() as f64 / trials.len() as f64
        };
        let mut errors: Vec<f64> = trials.iter().map(|t| t.error_m * 1e3).collect();
        errors.sort_by(f64::total_cmp);
        println!(
            "| {number} | {place} | {} | {:.1} % | {:.1} % | {:.2} | {:.2} |",
            fault.0,
            share(&|t| t.named),
            share(&|t| t.others),
            errors[errors.len() / 2],
            errors[errors.len() * 9 / 10]
        );
    }
}

struct Trial {
    named: bool,
    others: bool,
    error_m: f64,
}

fn trial(setting: Setting, (_, word, both, wound): &(&str, Option<&str>, bool, Wound), seed: u64) -> Trial {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut scene = scene(setting, seed, &mut rng);
    let sensors = scene.site.sensors.len();
    let a = rng.random_range(0..sensors);
    let b = (a + rng.random_range(1..sensors)) % sensors;
    let recorded = simulate(&scene).expect("a valid scene");
    let mut wounded = recorded.clone();
    wound(&mut scene, &mut wounded.recordings[0], a, b, &mut rng);
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(&scene, &wounded, folder.path()).expect("space for a capture");
    let captures = Captures::open(&[folder.path().join("capture.wav")]).expect("a capture just written");
    let options = Options { band_hz: Some(scene.band_hz().into()), leaks: Wanted::AtMost(1), ..Options::default() };
    let outcome: Outcome =
        locate(&scene.site, captures, None, &options, &|_, _| ()).expect("a site that fits its capture");
    let bears = |i: usize| word.is_some_and(|word| outcome.sensors[i].faults.contains(&word));
    let concerned = |i: usize| i == a || ((*both || *word == Some("duplicate")) && i == b);
    Trial {
        named: match word {
            None => outcome.sensors.iter().all(|s| s.faults.is_empty()),
            Some("duplicate") => bears(a) || bears(b),
            Some(_) => bears(a) && (!both || bears(b)),
        },
        others: (0..sensors).any(|i| !concerned(i) && !outcome.sensors[i].faults.is_empty()),
        error_m: (outcome.candidates[0].point.position_m - scene.leaks[0].place.position_m).norm(),
    }
}

fn clip(channel: &mut [f32]) {
    let rms = (channel.iter().map(|x| x * x).sum::<f32>() / channel.len() as f32).sqrt();
    channel.iter_mut().for_each(|x| *x = x.clamp(-rms, rms));
}

fn hiss(channel: &mut [f32], over: f32, rng: &mut ChaCha8Rng) {
    let rms = (channel.iter().map(|x| x * x).sum::<f32>() / channel.len() as f32).sqrt();
    for x in channel {
        let normal: f32 = StandardNormal.sample(rng);
        *x += over * rms * normal;
    }
}

fn leak_into(channels: &mut Recording, a: usize, b: usize, share: f32) {
    let other = channels[b].clone();
    channels[a].iter_mut().zip(other).for_each(|(x, y)| *x += share * y);
}

/// States a place for sensor `a` that is off the true one.
fn displace(scene: &mut Scene, a: usize, by_m: f64, rng: &mut ChaCha8Rng) {
    let leak = scene.leaks[0].place;
    let foot = scene.site.sensors[a].foot;
    // Along the line to the leak, in either direction: across it the leak cannot tell.
    let sign = if rng.random::<bool>() { 1.0 } else { -1.0 };
    match foot {
        None => {
            let sensor = &mut scene.site.sensors[a];
            let away: Point3 = (sensor.position_m - leak.position_m).normalize();
            sensor.position_m += away * sign * by_m;
        }
        Some(foot) => {
            let off = (0..16)
                .map(|direction| (std::f64::consts::TAU * f64::from(direction) / 16.0).sin_cos())
                .map(|(sin, cos)| scene.site.moved(&foot, cos * by_m, sin * by_m))
                .max_by(|x, y| {
                    let farther = |p: &WallPoint| sign * (p.position_m - leak.position_m).norm();
                    farther(x).total_cmp(&farther(y))
                })
                .expect("sixteen directions");
            scene.site.sensors[a].foot = Some(off);
            scene.site.sensors[a].position_m = off.position_m;
        }
    }
}
