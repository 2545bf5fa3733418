//! Sound out of sound: `pinhole filter` and `pinhole listen` on tones whose place in time and frequency is known.

mod common;

use std::path::Path;

use common::{names, run, sample, say};
use pinhole::capture::{Encoding, SoundFile, SoundSpec, SoundWriter};

const RATE_HZ: u32 = 192_000;

/// A capture of tones: `(amplitude, frequency)` of each channel's, over `frames`.
fn tones(path: &Path, encoding: Encoding, frames: usize, channels: &[&[(f64, f64)]]) {
    let spec = SoundSpec {
        encoding,
        valid_bits: 8 * encoding.bytes() as u16,
        channels: channels.len(),
        sample_rate_hz: RATE_HZ,
        frames: frames as u64,
        chunks: vec![(*b"guan", b"GUANO|Version: 1.0\nHumidity: 40\n".to_vec())],
    };
    let mut writer = SoundWriter::create(path, &spec).unwrap();
    for i in 0..frames {
        let at = |(a, hz): &(f64, f64)| a * (std::f64::consts::TAU * hz * i as f64 / f64::from(RATE_HZ)).cos();
        let frame: Vec<f32> = channels.iter().map(|tones| tones.iter().map(at).sum::<f64>() as f32).collect();
        writer.write(&frame).unwrap();
    }
    writer.finish().unwrap();
}

fn channel(path: &Path, channel: usize) -> (Vec<f32>, u32) {
    let file = SoundFile::open(path).unwrap();
    let mut sound = vec![0.0; file.frames() as usize];
    file.read(0, &[(0, channel)], &mut sound, 1).unwrap();
    (sound, file.sample_rate_hz())
}

/// Amplitude and phase of a tone, by its correlation with one, over a whole number of periods of 100 Hz.
fn tone(sound: &[f32], rate_hz: u32, hz: f64) -> (f64, f64) {
    let whole = sound.len() / (rate_hz as usize / 100) * (rate_hz as usize / 100);
    let (mut re, mut im) = (0.0, 0.0);
    for (i, x) in sound[..whole].iter().enumerate() {
        let phase = std::f64::consts::TAU * hz * i as f64 / f64::from(rate_hz);
        re += f64::from(*x) * phase.cos();
        im -= f64::from(*x) * phase.sin();
    }
    (2.0 * re.hypot(im) / whole as f64, im.atan2(re))
}

fn rms(sound: &[f32]) -> f64 {
    (sound.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / sound.len() as f64).sqrt()
}

#[test]
fn a_filter_keeps_time_level_and_format_inside_the_band_and_nothing_outside() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("in.wav"), folder.path().join("out.wav"));
    // 1.3 million frames of three channels: more than one stretch of what is filtered at once.
    let inside = (0.2, 40_000.0);
    for (encoding, frames) in [(Encoding::Int24, 1_300_000), (Encoding::Float32, 3_001)] {
        tones(&input, encoding, frames, &[&[inside, (0.4, 5_000.0)], &[inside, (0.4, 75_000.0)], &[(0.4, 5_000.0)]]);
        say(folder.path(), "filter in.wav --band 20..60kHz -o out.wav").done();
        let (old, new) = (SoundFile::open(&input).unwrap(), SoundFile::open(&output).unwrap());
        assert_eq!((new.encoding(), new.channels(), new.frames()), (encoding, 3, frames as u64));
        assert_eq!((new.sample_rate_hz(), new.chunks()), (RATE_HZ, old.chunks()));
        // The ends are filtered with silence beyond them; half a response of 240 samples is left out on each side.
        let edge = 960;
        for c in 0..2 {
            let (sound, _) = channel(&output, c);
            let middle = &sound[edge..frames - edge];
            for (i, x) in middle.iter().enumerate().step_by(1009) {
                let t = (edge + i) as f64 / f64::from(RATE_HZ);
                let expected = 0.2 * (std::f64::consts::TAU * 40e3 * t).cos();
                // Ripple and leakage of 80 dB of 0.6, and half a step of 24 bits.
                assert!((f64::from(*x) - expected).abs() < 8e-5, "channel {c} at {t}: {x} {expected}");
            }
        }
        let (silent, _) = channel(&output, 2);
        assert!(rms(&silent[edge..frames - edge]) < 0.4 * 1e-4, "{}", rms(&silent[edge..frames - edge]));
    }
    assert_eq!(names(folder.path()), ["in.wav", "out.wav"]);
}

#[test]
fn a_filter_refuses_what_it_cannot_do_and_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    tones(&folder.path().join("in.wav"), Encoding::Int16, 2000, &[&[(0.9, 30e3)]]);
    say(folder.path(), "filter in.wav --band 20..60kHz -o in.wav").refused(2, &["would replace the recording"]);
    say(folder.path(), "filter in.wav --band 20..120kHz -o out.wav").refused(2, &["carries nothing above 96"]);
    say(folder.path(), "filter in.wav --band 20..60 -o out.wav").refused(2, &["write"]);
    say(folder.path(), "filter in.wav --band 20..60kHz -o in.wav/out.wav").refused(1, &["in.wav"]);
    say(folder.path(), "filter absent.wav --band 20..60kHz -o out.wav").refused(1, &["absent.wav"]);
    assert_eq!(names(folder.path()), ["in.wav"]);
}

#[test]
fn ultrasound_is_heard_at_its_distance_from_the_slice_and_nothing_folds_in() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in.wav");
    tones(
        &input,
        Encoding::Float32,
        960_000,
        &[&[(0.5, 10e3)], &[(0.01, 38_000.0), (0.02, 42_000.0), (0.3, 32_000.0), (0.3, 48_000.0)]],
    );
    let ran = say(folder.path(), "listen in.wav --channel 2 --gain 20dB -o heard.wav").done();
    assert!(ran.stderr.contains("moved down by 34.5 kHz") && ran.stdout.is_empty(), "{ran:?}");
    let (heard, rate_hz) = channel(&folder.path().join("heard.wav"), 0);
    assert_eq!((rate_hz, heard.len()), (32_000, 160_000));
    // 38 kHz stays 3 kHz above the slice's edge of 35 kHz, which is heard at 500 Hz.
    for (hz, amplitude) in [(3_500.0, 0.1), (7_500.0, 0.2)] {
        let (found, phase) = tone(&heard, rate_hz, hz);
        assert!((found - amplitude).abs() < 2e-3 * amplitude + 3e-5, "{hz}: {found}");
        assert!(phase.abs() < 0.02, "{hz}: {phase}");
    }
    // Mirror images of the tones about the shift, and what lies beside the slice.
    for hz in [2_500.0, 13_500.0, 500.0, 1_500.0] {
        assert!(tone(&heard, rate_hz, hz).0 < 4e-4, "{hz}: {}", tone(&heard, rate_hz, hz).0);
    }
    // Without a gain the sound is as loud as is comfortable: a tenth of full scale, root mean square.
    say(folder.path(), "listen in.wav --channel 2 -o loud.wav").done();
    assert!((rms(&channel(&folder.path().join("loud.wav"), 0).0) - 0.1).abs() < 1e-3);
    say(folder.path(), "listen in.wav --channel 3 -o x.wav").refused(2, &["2 channels"]);
    say(folder.path(), "listen in.wav --centre 40 -o x.wav").refused(2, &["40kHz"]);
    say(folder.path(), "listen in.wav --centre 95.99kHz -o x.wav").refused(2, &["carries nothing around it"]);
}

#[test]
fn sensors_steered_to_the_leak_hear_it_and_elsewhere_only_noise() {
    let folder = tempfile::tempdir().unwrap();
    let capture = sample("tunnel_quiet/capture.wav");
    let capture = capture.to_str().unwrap();
    run(folder.path(), ["locate", capture, "--no-plots", "--quiet", "--out", "found"]).done();
    let level = |more: &[&str]| {
        let arguments = [&["listen", capture, "--gain", "40dB", "-o", "x.wav"], more].concat();
        run(folder.path(), arguments).done();
        rms(&channel(&folder.path().join("x.wav"), 0).0)
    };
    let leak = level(&["--leak", "1", "--result", "found/result.json"]);
    let away = level(&["--steer", "-0.9,0.4,0.3"]);
    // Ten decibels over the noise in each of eight channels: elsewhere the sum falls by about the root of eight.
    assert!(leak > 2.0 * away, "{leak} {away}");
    run(folder.path(), ["listen", capture, "--leak", "7", "--result", "found/result.json", "-o", "y.wav"])
        .refused(2, &["1 leaks", "--leak 7"]);
    run(folder.path(), ["listen", capture, "--leak", "1", "-o", "y.wav"]).refused(1, &["capture.pinhole"]);
    run(folder.path(), ["listen", capture, "--steer", "1,2", "-o", "y.wav"]).refused(2, &["three metres"]);
    // A delay of seconds, once a transform of gigabytes.
    let site = std::fs::read_to_string(sample("tunnel_quiet/site.toml")).unwrap();
    let site = site.replacen("channel = 2", "channel = 2\ndelay_s = 9.9", 1);
    std::fs::write(folder.path().join("late.toml"), site).unwrap();
    run(folder.path(), ["listen", capture, "--steer", "0,0,0", "--site", "late.toml", "-o", "y.wav"])
        .refused(2, &["moved by", "delay_s"]);
}
