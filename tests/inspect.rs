//! What `pinhole inspect` says of channels with one fault each, and of none.

mod common;

use std::path::Path;

use common::{names, run, sample, say};
use pinhole::capture::{Encoding, SoundSpec, SoundWriter};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

const RATE_HZ: u32 = 192_000;
const FRAMES: usize = 96_000;

/// Ten channels: two sound, eight with something wrong; a tone at 35 kHz in all that hear.
fn faulty(path: &Path) {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    // The mean of four uniform values: nearly Gaussian, of variance scale²/12.
    let mut noise = |scale: f32| -> Vec<f32> {
        (0..FRAMES).map(|_| (0..4).map(|_| 0.25 * scale * rng.random_range(-1.0f32..1.0)).sum()).collect()
    };
    let tone = |i: usize| 0.005 * (std::f32::consts::TAU * 35e3 * i as f32 / RATE_HZ as f32).sin();
    let hears =
        |sound: Vec<f32>| -> Vec<f32> { sound.iter().enumerate().map(|(i, x)| x + tone(i % 192_000)).collect() };
    let sound = hears(noise(0.05));
    let other = hears(noise(0.05));
    let clipped = hears(noise(0.05))
        .into_iter()
        .enumerate()
        .map(|(i, x)| if (19_200..38_400).contains(&i) { (8.0 * x).clamp(-0.25, 0.25) } else { x });
    let gap =
        hears(noise(0.05)).into_iter().enumerate().map(|(i, x)| if (48_000..48_960).contains(&i) { 0.0 } else { x });
    let cross: Vec<f32> = noise(0.05).iter().zip(&other).map(|(x, y)| x + 0.4 * y).collect();
    let channels: Vec<Vec<f32>> = vec![
        sound.clone(),
        other,
        sound.clone(),
        sound.iter().map(|x| -x).collect(),
        vec![0.0; FRAMES],
        clipped.collect(),
        noise(0.9),
        gap.collect(),
        hears(noise(0.05)).iter().map(|x| ((x + 0.05) * 1024.0).round() / 1024.0).collect(),
        cross,
    ];
    let spec = SoundSpec {
        encoding: Encoding::Int16,
        valid_bits: 16,
        channels: channels.len(),
        sample_rate_hz: RATE_HZ,
        frames: FRAMES as u64,
        chunks: vec![(*b"guan", b"GUANO|Version: 1.0\nMake: Acme\nTemperature Ext: 21.0\n".to_vec())],
    };
    let mut writer = SoundWriter::create(path, &spec).unwrap();
    for i in 0..FRAMES {
        writer.write(&channels.iter().map(|channel| channel[i]).collect::<Vec<_>>()).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn each_fault_is_named_on_its_channel_and_on_no_other() {
    let folder = tempfile::tempdir().unwrap();
    faulty(&folder.path().join("odd.wav"));
    let ran = say(folder.path(), "inspect odd.wav --json --quiet").done();
    assert_eq!(ran.stderr, "");
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    let faults: Vec<Vec<&str>> = (told["channels"].as_array().unwrap().iter())
        .map(|c| c["faults"].as_array().unwrap().iter().map(|f| f.as_str().unwrap()).collect())
        .collect();
    let none: Vec<&str> = Vec::new();
    let expected = [
        none.clone(),
        none.clone(),
        none.clone(),
        none.clone(),
        vec!["dead"],
        vec!["clipped"],
        vec!["noisy"],
        vec!["gaps"],
        vec!["offset", "idle-bits"],
        none,
    ];
    assert_eq!(faults, expected);
    let clipped = &told["channels"][5];
    let edges = [&clipped["clipped"][0]["from_s"], &clipped["clipped"][0]["to_s"]].map(|t| t.as_f64().unwrap());
    assert!((edges[0] - 0.1).abs() < 1e-3 && (edges[1] - 0.2).abs() < 1e-3, "{edges:?}");
    let gap = &told["channels"][7]["gaps"][0];
    assert!(
        (gap["from_s"].as_f64().unwrap() - 0.25).abs() < 1e-5 && (gap["to_s"].as_f64().unwrap() - 0.255).abs() < 1e-5
    );
    let related: Vec<[&str; 3]> = (told["relations"].as_array().unwrap().iter())
        .map(|r| ["a", "b", "kind"].map(|key| r[key].as_str().unwrap()))
        .collect();
    let expected = [
        ["1", "3", "duplicate"],
        ["1", "4", "inverted-duplicate"],
        ["2", "10", "crosstalk"],
        ["3", "4", "inverted-duplicate"],
    ];
    assert_eq!(related, expected);
    let tone = told["tones"][0]["frequency_hz"].as_f64().unwrap();
    assert!((tone - 35e3).abs() < 50.0, "{tone}");
    assert_eq!(told["suggestion"]["band_hz"][0].as_f64().unwrap().round(), 20_000.0);
    // The tone adds half its amplitude's square.
    let rms_db = told["channels"][0]["rms_db"].as_f64().unwrap();
    assert!((rms_db - 10.0 * (0.0025f64 / 12.0 + 0.000_012_5).log10()).abs() < 0.1, "{rms_db}");
    assert_eq!(told["files"][0]["notes"]["temperature_c"], 21.0);
}

#[test]
fn words_say_the_same_and_plots_are_written_where_asked() {
    let folder = tempfile::tempdir().unwrap();
    faulty(&folder.path().join("odd.wav"));
    let ran = say(folder.path(), "inspect odd.wav --out look").done();
    for part in ["5 of 10 channels are not in order", "by Acme, 21 °C", "1 and 3: duplicate", "35.0", "0.2500–0.2550 s"]
    {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    let expected = ["coherence.png", "coherence.svg", "levels.png", "levels.svg", "spectrogram.png", "spectrogram.svg"];
    assert_eq!(names(&folder.path().join("look")), expected);
    let ran = run(folder.path(), ["inspect".as_ref(), sample("tunnel/capture.wav").as_os_str()]).done();
    assert!(ran.stdout.contains("All 8 channels are alive") && ran.stdout.contains("M8"), "{}", ran.stdout);
    assert_eq!(names(folder.path()), ["look", "odd.wav"], "nothing is written unasked");
    let site = std::fs::read_to_string(sample("tunnel/site.toml")).unwrap().replace("channel = 8", "channel = 11");
    std::fs::write(folder.path().join("other.toml"), site).unwrap();
    say(folder.path(), "inspect odd.wav --site other.toml").refused(2, &["10 channels", "channel 11"]);
    say(folder.path(), "inspect absent.wav").refused(1, &["absent.wav"]);
}
