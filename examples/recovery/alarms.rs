//! How often an alarm is false, and how often a leak is missed: the tunnel of the samples, 8 microphones, 0.25 s.

use pinhole::capture::Captures;
use pinhole::locate::{Options, Outcome, Verdict, locate};
use pinhole::simulate::{Fan, Scene, simulate, write};
use pinhole::site::Point3;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::study::{EXACT, Setting, Stage, scene};

/// What is in the room.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Room {
    Noise,
    Coloured,
    Fans,
    HarshFans,
    Hiss,
    Contacts,
}

const ROWS: &[(&str, Room, Option<f64>)] = &[
    ("noise only", Room::Noise, None),
    ("coloured noise, each channel its own", Room::Coloured, None),
    ("two fans, four lines of 6 Hz at +20 dB", Room::Fans, None),
    ("two fans, six lines of 20 Hz at +20 dB", Room::HarshFans, None),
    ("hiss +12 dB, also in the background", Room::Hiss, None),
    ("noise only, contacts on the shell", Room::Contacts, None),
    ("leak", Room::Noise, Some(-15.0)),
    ("leak", Room::Noise, Some(-18.0)),
    ("leak", Room::Noise, Some(-20.0)),
    ("leak under two fans", Room::Fans, Some(-15.0)),
    ("leak under hiss +12 dB", Room::Hiss, Some(-5.0)),
];

/// Prints the table.
pub fn print(seeds: u64, only: Option<u64>) {
    println!(
        "|   | in the room | leak SNR dB | `leak` | `inconclusive` | `no-leak` | p < 1 % | p < 10 % | detectable dB |"
    );
    println!("| - | --- | --- | --- | --- | --- | --- | --- | --- |");
    for (number, (name, room, snr_db)) in (1..).zip(ROWS).filter(|(number, _)| only.is_none_or(|o| o == *number)) {
        let outcomes: Vec<Outcome> = (1..=seeds).into_par_iter().map(|seed| outcome(*room, *snr_db, seed)).collect();
        for (seed, odd) in (1..).zip(&outcomes).filter(|(_, o)| (o.verdict == Verdict::Leak) != snr_db.is_some()) {
            let faults = odd.sensors.iter().flat_map(|s| s.faults.iter().map(|fault| format!("{} {fault}", s.id)));
            eprintln!(
                "row {number}, seed {seed}: p {:.2e}, faults {:?}, {}",
                odd.chance.probability,
                faults.collect::<Vec<_>>(),
                odd.warnings.join("; ")
            );
        }
        let share = |holds: &dyn Fn(&Outcome) -> bool| {
            100.0 * outcomes.iter().filter(|o| holds(o)).count() as f64 / outcomes.len() as f64
        };
        let mut told: Vec<f64> = outcomes.iter().filter_map(|o| o.detectable.map(|d| d.snr_db)).collect();
        told.sort_by(f64::total_cmp);
        println!(
            "| {number} | {name} | {} | {:.1} % | {:.1} % | {:.1} % | {:.1} % | {:.1} % | {} |",
            snr_db.map_or("–".into(), |db| format!("{db:.0}")),
            share(&|o| o.verdict == Verdict::Leak),
            share(&|o| o.verdict == Verdict::Inconclusive),
            share(&|o| o.verdict == Verdict::NoLeak),
            share(&|o| o.chance.probability < 0.01),
            share(&|o| o.chance.probability < 0.1),
            told.get(told.len() / 2).map_or("–".into(), |db| format!("{db:.1}")),
        );
    }
}

fn outcome(room: Room, snr_db: Option<f64>, seed: u64) -> Outcome {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let stage = if room == Room::Contacts { Stage::Shell } else { Stage::Cabin(8) };
    let setting = Setting { stage, snr_db: snr_db.unwrap_or(0.0), ..EXACT };
    let mut scene = scene(setting, seed, &mut rng);
    if snr_db.is_none() {
        scene.leaks.clear();
    }
    furnish(&mut scene, room, &mut rng);
    let mut recorded = simulate(&scene).expect("a valid scene");
    if room == Room::Coloured {
        for channel in recorded.recordings.iter_mut().flatten() {
            colour(channel, rng.random_range(-0.6..0.9));
        }
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(&scene, &recorded, folder.path()).expect("space for a capture");
    let open = |name: &str| Captures::open(&[folder.path().join(name)]).expect("a capture just written");
    let background = scene.capture.background_duration_s.map(|_| open("background.wav"));
    let options = Options { band_hz: Some(scene.band_hz().into()), ..Options::default() };
    locate(&scene.site, open("capture.wav"), background.map(Into::into), &options, &|_, _| ())
        .expect("a site that fits its capture")
}

fn furnish(scene: &mut Scene, room: Room, rng: &mut ChaCha8Rng) {
    // The level at 1 m that arrives as loud as the noise at a microphone 1.2 m away.
    let as_noise_db = scene.capture.noise_db + 1.6;
    let mut fan = |tones: usize, jitter_hz: f64, hiss_db: Option<f64>| Fan {
        position_m: Point3::new(rng.random_range(-0.5..0.5), rng.random_range(-0.5..0.5), rng.random_range(0.2..2.1)),
        tones_hz: (0..tones).map(|_| rng.random_range(21e3..79e3)).collect(),
        tone_db: as_noise_db + 20.0,
        jitter_hz,
        hiss_db: hiss_db.map(|db| as_noise_db + db),
    };
    match room {
        Room::Noise | Room::Coloured | Room::Contacts => {}
        Room::Fans => scene.fans = vec![fan(2, 6.0, None), fan(2, 6.0, None)],
        Room::HarshFans => scene.fans = vec![fan(3, 20.0, None), fan(3, 20.0, None)],
        Room::Hiss => {
            scene.fans = vec![fan(0, 0.0, Some(12.0))];
            scene.capture.background_duration_s = Some(0.5);
        }
    }
}

/// First-order colour: falls or rises towards high frequencies.
fn colour(samples: &mut [f32], share: f32) {
    let mut last = 0.0;
    for x in samples {
        last = share * last + (1.0 - share.abs()) * *x;
        *x = last;
    }
}
