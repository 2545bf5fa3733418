//! Two roads to what [`super`] makes: geometry, levels and rates measured back from the samples.

use super::*;
use crate::simulate::{parse_scene, without_truth};
use realfft::RealFftPlanner;
use realfft::num_complex::Complex64;
use std::f64::consts::{PI, TAU};

fn quiet() -> &'static str {
    without_truth(include_str!("../../samples/tunnel_quiet.scene.toml"))
}

fn noisy() -> &'static str {
    without_truth(include_str!("../../samples/tunnel.scene.toml"))
}

fn scene(edits: &[(&str, &str)]) -> Scene {
    let text = edits.iter().fold(quiet().to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    parse_scene(&text, "scene.toml").unwrap()
}

/// The quiet scene with a flat leak of −20 dB and no noise to speak of.
fn silent() -> Scene {
    scene(&[("snr_db = 10", "level_db = -20"), ("\"jet\"", "\"white\""), ("noise_db = -50", "noise_db = -250")])
}

/// Hann-windowed spectrum and its spacing, hertz.
fn spectrum(samples: &[f32]) -> Vec<Complex64> {
    let count = samples.len();
    let mut wave: Vec<f64> =
        samples.iter().enumerate().map(|(i, x)| f64::from(*x) * (PI * i as f64 / count as f64).sin().powi(2)).collect();
    let plan = RealFftPlanner::new().plan_fft_forward(count);
    let mut out = plan.make_output_vec();
    plan.process(&mut wave, &mut out).unwrap();
    out
}

/// Mean square within a band, decibels; the Hann window keeps 3/8 of it.
fn band_db(samples: &[f32], rate_hz: f64, [low_hz, high_hz]: [f64; 2]) -> f64 {
    let count = samples.len() as f64;
    let bin = |hz: f64| (hz * count / rate_hz).round() as usize;
    let power: f64 = spectrum(samples)[bin(low_hz)..bin(high_hz)].iter().map(|x| x.norm_sqr()).sum();
    power_db(2.0 * power / (count * count) / 0.375)
}

#[test]
fn delays_are_the_geometry_to_a_thousandth_of_a_sample() {
    let scene = silent();
    let captures = simulate(&scene).unwrap();
    let spectra: Vec<_> = captures.recordings[0].iter().map(|c| spectrum(c)).collect();
    let range_m = |m: usize| (scene.site.sensors[m].position_m - scene.leaks[0].place.position_m).norm();
    for m in 1..8 {
        let expected = (range_m(m) - range_m(0)) / captures.truth.speed_m_s * 192e3;
        // Slope of the cross spectrum's phase about the expected delay. The two windows see a source that differs
        // by ~1 % of its length: 0.02 rad a bin, 1.5e-4 over 15 000 bins, 1e-4 samples at 50 kHz; five times that.
        let (mut top, mut bottom) = (0.0, 0.0);
        for (k, (x, first)) in spectra[m].iter().zip(&spectra[0]).enumerate().take(19_999).skip(5001) {
            let turn = TAU * k as f64 / 48_000.0;
            let product = x * first.conj() * Complex64::cis(turn * expected);
            top += -product.im * turn;
            bottom += product.norm() * turn * turn;
        }
        let off = top / bottom;
        assert!(off.abs() < 1e-3, "sensor {m}: {off} samples off {expected}");
    }
}

#[test]
fn a_stated_snr_is_what_the_median_channel_has() {
    let with = scene(&[]);
    let mut without = with.clone();
    without.leaks.clear();
    let (loud, bare) = (simulate(&with).unwrap(), simulate(&without).unwrap());
    let band = [20e3, 80e3];
    // 2·60 kHz·0.25 s = 30 000 degrees of freedom, half lost to the window: 1.2 % or 0.05 dB; five times that.
    let tolerance_db = 0.25;
    let mut snrs: Vec<f64> = Vec::new();
    for (a, b) in loud.recordings[0].iter().zip(&bare.recordings[0]) {
        let noise_db = band_db(b, 192e3, band);
        assert!((noise_db + 50.0).abs() < tolerance_db, "{noise_db}");
        // The sensor's own noise is the same draw with and without the leak.
        let leak: Vec<f32> = a.iter().zip(b).map(|(x, y)| x - y).collect();
        snrs.push(band_db(&leak, 192e3, band) + 50.0);
    }
    snrs.sort_by(f64::total_cmp);
    let median = (snrs[3] + snrs[4]) / 2.0;
    assert!((median - 10.0).abs() < tolerance_db, "{snrs:?}");
}

#[test]
fn distance_costs_spreading_and_iso_absorption() {
    let scene = silent();
    let captures = simulate(&scene).unwrap();
    let air = Medium::of(&scene.site);
    let range_m = |m: usize| (scene.site.sensors[m].position_m - scene.leaks[0].place.position_m).norm();
    let (near, far) = (0..8).fold((0, 0), |(near, far), m| {
        (if range_m(m) < range_m(near) { m } else { near }, if range_m(m) > range_m(far) { m } else { far })
    });
    for band in [[22e3, 26e3], [74e3, 78e3]] {
        let level_db = |m: usize| band_db(&captures.recordings[0][m], 192e3, band);
        let loss_db_m = air.absorption_db_m((band[0] + band[1]) / 2.0);
        let expected = 20.0 * (range_m(far) / range_m(near)).log10() + loss_db_m * (range_m(far) - range_m(near));
        // Both hear the same 1000 bins but 3 % of the window's edges: 0.03·√(2/1000) → 0.006 dB, and the
        // absorption bends by 0.01 dB within the band.
        let fall = level_db(near) - level_db(far);
        assert!((fall - expected).abs() < 0.05, "{band:?}: {fall} {expected}");
    }
}

#[test]
fn the_same_scene_gives_the_same_samples_on_any_number_of_threads() {
    let scene = parse_scene(&noisy().replace("duration_s = 0.5", "duration_s = 0.02"), "s").unwrap();
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| simulate(&scene).unwrap())
    };
    assert_eq!(on(1), on(4));
    let mut other = scene.clone();
    other.capture.seed += 1;
    assert_ne!(simulate(&other).unwrap().recordings, on(1).recordings);
}

#[test]
fn one_more_fan_leaves_leak_and_noise_as_they_were() {
    let mut scene = scene(&[]);
    let before = simulate(&scene).unwrap();
    let position_m = Point3::new(0.2, 0.1, 1.0);
    scene.fans.push(Fan { position_m, tones_hz: vec![30e3], tone_db: -40.0, jitter_hz: 0.0, hiss_db: None });
    let after = simulate(&scene).unwrap();
    let speed_m_s = after.truth.speed_m_s;
    let loss_db_m = Medium::of(&scene.site).absorption_db_m(30e3);
    for (m, (a, b)) in after.recordings[0].iter().zip(&before.recordings[0]).enumerate() {
        let tone: Vec<f64> = a.iter().zip(b).map(|(x, y)| f64::from(x - y)).collect();
        // 30 kHz at 192 kHz: 7500 whole turns, so one bin holds the tone.
        let phasor: Complex64 =
            tone.iter().enumerate().map(|(k, x)| Complex64::cis(-TAU * 30.0 / 192.0 * k as f64) * x).sum();
        let range_m = (scene.site.sensors[m].position_m - position_m).norm();
        let rms = phasor.norm() / 48_000.0 * 2f64.sqrt();
        let expected = amplitude_from_db(-40.0 - loss_db_m * range_m) / range_m;
        // 32-bit floats of order 0.1 leave 1e-8 a sample, 1e-10 in the mean.
        assert!((rms / expected - 1.0).abs() < 1e-6, "{rms} {expected} {speed_m_s}");
    }
}

#[test]
fn a_free_recorder_has_its_own_start_and_rate() {
    let two = |offset: f64, ppm: f64| {
        let (head, tail) = quiet().split_once("[[sensor]]").unwrap();
        let sensors = "[[recorder]]\nid='A'\n[[recorder]]\nid='B'\nsync='free'\n\
            [[sensor]]\nid='a'\nchannel=1\nposition_m=[0.5,0,1]\n\
            [[sensor]]\nid='b'\nchannel=1\nrecorder='B'\nposition_m=[0.5,0,1]\n";
        let tail = tail.split_once("[capture]").unwrap().1.replace("noise_db = -50", "noise_db = -250");
        let tail = tail.replace("snr_db = 10", "level_db = -20");
        let truth = format!("[truth]\nrecorder_offset_s = [0, {offset}]\nrecorder_ppm = [0, {ppm}]\n");
        let scene = parse_scene(&format!("{head}{sensors}{truth}[capture]{tail}"), "s").unwrap();
        let mut captures = simulate(&scene).unwrap().recordings;
        (captures[0].remove(0), captures[1].remove(0))
    };
    let (a, b) = two(100.0 / 192e3, 0.0);
    assert!(a[100..].iter().zip(&b).all(|(x, y)| (x - y).abs() < 1e-6));
    let (a, b) = two(0.0, 1000.0);
    assert!((1..47).all(|i| (b[1001 * i] - a[1000 * i]).abs() < 1e-6));
}

#[test]
fn faults_of_channels_show_as_stated() {
    let text = format!("{}\n[truth]\ndead_channels = ['M3']\nclip_sigma = 1\ngain_db = [0,-18,0,0,0,0,0,0]\n", quiet());
    let captures = simulate(&parse_scene(&text, "s").unwrap()).unwrap();
    let plain = simulate(&scene(&[])).unwrap();
    let level = |c: &Captures, m: usize| band_db(&c.recordings[0][m], 192e3, [20e3, 80e3]);
    assert!((level(&captures, 2) - (-50.0 + DEAD_DB)).abs() < 3.0);
    // Clipping at one sigma takes some level too, from both channels alike.
    let fall = level(&plain, 1) - level(&captures, 1) - (level(&plain, 0) - level(&captures, 0));
    assert!((fall - 18.0).abs() < 0.2, "{fall}");
    let top = captures.recordings[0][0].iter().fold(0f32, |top, x| top.max(x.abs()));
    let at_top = captures.recordings[0][0].iter().filter(|x| x.abs() == top).count();
    // A Gaussian is beyond one sigma 31.7 % of the time.
    assert!((at_top as f64 / 48_000.0 - 0.317).abs() < 0.02, "{at_top}");
}

#[test]
fn what_cannot_be_simulated_is_refused() {
    let mut on_fan = scene(&[]);
    on_fan.deviations.gain_db = vec![1.0];
    assert!(simulate(&on_fan).unwrap_err().to_string().contains("gain_db holds 1 numbers"));
    on_fan.deviations.gain_db.clear();
    let position_m = on_fan.site.sensors[3].position_m;
    on_fan.fans.push(Fan { position_m, tones_hz: vec![], tone_db: 0.0, jitter_hz: 0.0, hiss_db: None });
    assert!(simulate(&on_fan).unwrap_err().to_string().contains("sensor 'M4'"));
    on_fan.fans[0].position_m.x += 1e9;
    assert!(simulate(&on_fan).unwrap_err().to_string().contains("km"));
}
