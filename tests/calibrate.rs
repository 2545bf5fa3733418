//! `pinhole calibrate`: errors put into a simulation come back out, with the sigmas that are told.

mod common;

use std::f64::consts::TAU;
use std::fmt::Write;
use std::path::Path;

use common::{Ran, json, run};
use pinhole::capture::Captures;
use pinhole::locate::{Options, locate};
use pinhole::simulate::{parse_scene, simulate, write};
use pinhole::site::read_site;
use serde_json::Value;
use tempfile::TempDir;

const DELAYS_S: [f64; 8] = [20e-6, -13e-6, 25e-6, -31e-6, 8e-6, -19e-6, 27e-6, -17e-6];
const GAINS_DB: [f64; 8] = [1.0, -2.0, 0.5, 3.0, -1.5, 0.0, -2.5, 1.5];
const POLARITIES: [f64; 8] = [1.0, 1.0, -1.0, 1.0, 1.0, 1.0, -1.0, 1.0];

const AIR: &str = "[path]   # measured on the way in\nkind = 'air'\ntemperature_c = 22.0\npressure_kpa = 101.3\nhumidity_pct = 45.0\n\
                   speed_sigma_pct = 0.1 # thermometer\n";
const PLATE: &str = "[path]\nkind = 'plate'\nmode = 'A0'\nthickness_mm = 3.0 # as ordered\nmaterial = 'AMg6'\nthickness_sigma_mm = 0.06\n";

/// A tunnel with eight sensors, said to be known to 5 mm.
fn site_text(path: &str) -> String {
    let mut text = format!(
        "# the tunnel\n[site]\nname = 'tunnel'\n{path}[[wall]]\nid = 'barrel'\nshape = 'cylinder'\nbase_m = [0, 0, 0]\n\
         axis = [0, 0, 1]\nseam = [1, 0, 0]\nradius_m = 1.0\nlength_m = 2.35\n"
    );
    for i in 0..8 {
        let (angle, z) = (TAU * f64::from(i) / 8.0 + 0.3, 0.4 + 1.5 * f64::from(i % 2) + 0.05 * f64::from(i));
        let place = match path.contains("'air'") {
            true => format!("position_m = [{:.4}, {:.4}, {z:.4}]", 0.85 * angle.cos(), 0.85 * angle.sin()),
            false => format!("wall = 'barrel'\nu_m = {angle:.4}\nv_m = {z:.4}"),
        };
        let id = i + 1;
        writeln!(
            text,
            "[[sensor]]\nid = 'S{id}' # socket {id}\nchannel = {id}\n{place} # by tape\nposition_sigma_m = 0.005"
        )
        .unwrap();
    }
    text
}

/// Eight places on the wall, `(u, v)`.
fn places() -> Vec<[f64; 2]> {
    (0..8).map(|k| [TAU * f64::from(k) / 8.0, [0.25, 1.2, 2.1][k as usize % 3]]).collect()
}

/// What the site does not know: the same in every recording, since the seed is.
fn truth(path: &str) -> String {
    let wave = if path.contains("'air'") { "speed_error_pct = 0.1" } else { "thickness_error_pct = 2.0" };
    format!(
        "[truth]\nposition_error_m = 0.005\ndelay_s = {DELAYS_S:?}\ngain_db = {GAINS_DB:?}\npolarity = {POLARITIES:?}\n{wave}\n"
    )
}

/// Records a scene of this site into a folder and puts the commented site beside it.
fn recorded(path: &str, sounds: &str, duration_s: f64) -> TempDir {
    recorded_at(site_text(path), sounds, duration_s, &truth(path))
}

fn recorded_at(text: String, sounds: &str, duration_s: f64, truth: &str) -> TempDir {
    let capture = format!(
        "[capture]\nsample_rate_hz = 192000\nduration_s = {duration_s}\nseed = 11\nformat = 'int24'\nnoise_db = -60\n"
    );
    let scene = parse_scene(&format!("{text}{sounds}{capture}{truth}"), "scene.toml").unwrap();
    let folder = tempfile::tempdir().unwrap();
    write(&scene, &simulate(&scene).unwrap(), folder.path()).unwrap();
    std::fs::write(folder.path().join("site.toml"), text).unwrap();
    folder
}

/// One tap at each place in turn.
fn taps(path: &str) -> TempDir {
    let band_hz = if path.contains("'air'") { "[20000, 80000]" } else { "[50000, 90000]" };
    let mut sounds = String::new();
    for (k, [u_m, v_m]) in places().into_iter().enumerate() {
        writeln!(
            sounds,
            "[[leak]]\nwall = 'barrel'\nu_m = {u_m}\nv_m = {v_m}\nlevel_db = -6\nspectrum = 'white'\nband_hz = {band_hz}\ntap_s = {}",
            0.05 + 0.1 * k as f64
        )
        .unwrap();
    }
    recorded(path, &sounds, 0.9)
}

fn at(places: &[[f64; 2]]) -> Vec<String> {
    let place = |[u_m, v_m]: &[f64; 2]| format!("{},{},{v_m}", u_m.cos(), u_m.sin());
    places.iter().flat_map(|p| ["--at".to_owned(), place(p)]).collect()
}

/// Runs the command in a folder.
fn calibrated(folder: &Path, captures: &[&str], more: &[String]) -> Ran {
    let fixed = ["--site", "site.toml", "-o", "new.toml"];
    let arguments = captures.iter().chain(&fixed).map(|word| (*word).to_owned()).chain(more.iter().cloned());
    run(folder, std::iter::once("calibrate".to_owned()).chain(arguments))
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn centred(values: &[f64]) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|x| x - mean).collect()
}

/// Errors of delays (s) and places (m) against the truth, each with its sigma.
fn errors(folder: &Path) -> Vec<[(f64, f64); 2]> {
    let (found, truth) = (json(folder.join("new.calibration/calibration.json")), json(folder.join("truth.json")));
    let delays = centred(&DELAYS_S);
    found["sensors"]
        .as_array()
        .unwrap()
        .iter()
        .zip(delays)
        .map(|(sensor, delay_s)| {
            let told = &sensor["delay_s"];
            let place = numbers(&sensor["position_m"]["after"]);
            let id = sensor["id"].as_str().unwrap();
            let off: f64 =
                place.iter().zip(numbers(&truth["sensor_positions_m"][id])).map(|(a, b)| (a - b).powi(2)).sum();
            [
                (told["after"].as_f64().unwrap() - delay_s, told["sigma"].as_f64().unwrap()),
                (off.sqrt(), sensor["position_m"]["sigma"].as_f64().unwrap()),
            ]
        })
        .collect()
}

/// Five millimetres and twenty microseconds are to come under one of each; what is told of the errors must be true: beyond
/// five of its sigmas (of a place: of three axes) is one in a million.
fn check(folder: &Path) {
    for (i, [(delay_s, delay_sigma_s), (place_m, place_sigma_m)]) in errors(folder).into_iter().enumerate() {
        assert!(
            delay_s.abs() < 1e-6 && delay_s.abs() < 5.0 * delay_sigma_s,
            "S{}: {delay_s:e} {delay_sigma_s:e}",
            i + 1
        );
        assert!(place_m < 1e-3 && place_m < 5.0 * 1.8 * place_sigma_m, "S{}: {place_m} {place_sigma_m}", i + 1);
    }
    let found = json(folder.join("new.calibration/calibration.json"));
    for ((sensor, polarity), gain_db) in
        found["sensors"].as_array().unwrap().iter().zip(POLARITIES).zip(centred(&GAINS_DB))
    {
        assert_eq!(sensor["polarity"]["after"], polarity);
        // Echo-free, but a sensor nearer to some taps than to others hears another mix of frequencies: half a decibel.
        assert!((sensor["gain_db"]["after"].as_f64().unwrap() - gain_db).abs() < 0.5, "{sensor}");
    }
}

#[test]
fn eight_taps_bring_places_delays_and_polarities_back_and_the_leak_with_them() {
    let folder = taps(AIR);
    let ran = calibrated(folder.path(), &["capture.wav"], &at(&places()));
    let out = ran.done().stdout;
    assert!(out.contains("What is left of the ranges") && out.contains("polarity +1 → -1"), "{out}");
    check(folder.path());
    let text = std::fs::read_to_string(folder.path().join("new.toml")).unwrap();
    for kept in ["# the tunnel", "# measured on the way in", "# thermometer", "# socket 3", "# by tape"] {
        assert!(text.contains(kept), "{kept}:\n{text}");
    }
    for plot in ["residuals.png", "residuals.svg"] {
        assert!(folder.path().join("new.calibration").join(plot).exists());
    }
    // A leak recorded by the same array, as the old site and as the new one place it.
    let leak = "[[leak]]\nwall = 'barrel'\nu_m = 2.1\nv_m = 1.3\nsnr_db = -5\n";
    let recording = recorded(AIR, leak, 0.25);
    let options = Options { band_hz: Some((20e3, 80e3)), ..Options::default() };
    let error_m = |site: &Path| {
        let site = read_site(site).unwrap();
        let captures = Captures::open(&[recording.path().join("capture.wav")]).unwrap();
        let outcome = locate(&site, captures, None, &options, &|_, _| ()).unwrap();
        let place = site.walls[0].at(0, 2.1, 1.3).position_m;
        (outcome.candidates[0].point.position_m - place).norm()
    };
    let [before, after] = ["site.toml", "new.toml"].map(|name| error_m(&folder.path().join(name)));
    assert!(after < 0.5e-3 && after < before / 4.0, "{before} → {after}");
}

#[test]
fn contact_sensors_and_the_walls_thickness_are_told_by_taps_too() {
    let folder = taps(PLATE);
    let ran = calibrated(folder.path(), &["capture.wav"], &at(&places()));
    ran.done();
    check(folder.path());
    let thickness = &json(folder.path().join("new.calibration/calibration.json"))["thickness_m"];
    let (after, sigma) = (thickness["after"].as_f64().unwrap(), thickness["sigma"].as_f64().unwrap());
    assert!((after - 3.06e-3).abs() < 5.0 * sigma && sigma < 2e-6, "{thickness}");
    let text = std::fs::read_to_string(folder.path().join("new.toml")).unwrap();
    assert!(text.contains("thickness_mm = 3.0") && text.contains("# as ordered"), "{text}");
}

#[test]
fn a_source_in_the_hand_does_as_well_one_capture_a_place() {
    let folder = tempfile::tempdir().unwrap();
    let mut names = Vec::new();
    for (k, [u_m, v_m]) in places().into_iter().enumerate() {
        let hiss = format!("[[leak]]\nwall = 'barrel'\nu_m = {u_m}\nv_m = {v_m}\nsnr_db = 10\nspectrum = 'white'\n");
        let take = recorded(AIR, &hiss, 0.1);
        names.push(format!("take{k}.wav"));
        std::fs::copy(take.path().join("capture.wav"), folder.path().join(&names[k])).unwrap();
        for name in ["site.toml", "truth.json"] {
            std::fs::copy(take.path().join(name), folder.path().join(name)).unwrap();
        }
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let ran = calibrated(folder.path(), &names, &at(&places()));
    ran.done();
    check(folder.path());
}

#[test]
fn what_the_places_do_not_tell_is_refused_with_places_that_would() {
    let folder = taps(AIR);
    let few: Vec<[f64; 2]> = places().into_iter().take(2).collect();
    let ran = calibrated(folder.path(), &["capture.wav"], &at(&few));
    ran.refused(2, &["8 taps stand out", "there are 2 places"]);

    // Two taps and no more.
    let two = "[[leak]]\nwall = 'barrel'\nu_m = 0\nv_m = 0.25\nlevel_db = -6\nspectrum = 'white'\ntap_s = 0.05\n\
               [[leak]]\nwall = 'barrel'\nu_m = 0.8\nv_m = 1.2\nlevel_db = -6\nspectrum = 'white'\ntap_s = 0.15\n";
    let folder = recorded(AIR, two, 0.3);
    let places = at(&[[0.0, 0.25], [0.8, 1.2]]);
    let ran = calibrated(folder.path(), &["capture.wav"], &places);
    ran.refused(2, &["2 sources leave open the place of 'S", "would tell it", "--fit delay,gain,polarity"]);
    assert!(!folder.path().join("new.toml").exists());
    // Less is told.
    let less = [&places[..], &["--fit".to_owned(), "polarity,gain".to_owned()]].concat();
    let ran = calibrated(folder.path(), &["capture.wav"], &less);
    ran.done();
    let found = json(folder.path().join("new.calibration/calibration.json"));
    assert!(found["sensors"][0]["delay_s"].is_null() && !found["sensors"][0]["gain_db"].is_null());
}

#[test]
fn wrong_places_are_no_calibration() {
    let folder = taps(AIR);
    let mut turned = places();
    turned.rotate_left(1);
    let ran = calibrated(folder.path(), &["capture.wav"], &at(&turned));
    ran.refused(2, &[]);
    assert!(!folder.path().join("new.toml").exists());
    let far = ["--at", "1e300,0,1", "--fit", "gain"].map(str::to_owned);
    calibrated(folder.path(), &["capture.wav"], &far).refused(2, &["--at", "metres"]);
    // One place of eight is 10 cm off.
    let mut one_off = places();
    one_off[3][1] += 0.1;
    let ran = calibrated(folder.path(), &["capture.wav"], &at(&one_off));
    ran.refused(2, &[]);
}

/// Sensors five to eight on a recorder of its own clock, which began so much later, and how fast it runs.
fn on_two_clocks(sounds: &str, duration_s: f64, offset_s: f64, drift_ppm: f64) -> TempDir {
    let clocks = "[[recorder]]\nid = 'A'\nsync = 'shared'\n[[recorder]]\nid = 'B'\nsync = 'free'\n[[sensor]]";
    let mut text = site_text(AIR).replacen("[[sensor]]", clocks, 1);
    for channel in 5..=8 {
        let there = format!("channel = {}\nrecorder = 'B'\n", channel - 4);
        text = text.replacen(&format!("channel = {channel}\n"), &there, 1);
    }
    let truth = format!(
        "[truth]\nposition_error_m = 0.005\nspeed_error_pct = 0.1\nrecorder_offset_s = [0, {offset_s}]\nrecorder_ppm = [0, {drift_ppm}]\n"
    );
    recorded_at(text, sounds, duration_s, &truth)
}

/// Taps at all places, so many seconds apart.
fn taps_apart(apart_s: f64) -> String {
    let tap = |(k, [u_m, v_m]): (usize, [f64; 2])| {
        let at_s = 0.1 + apart_s * k as f64;
        format!(
            "[[leak]]\nwall = 'barrel'\nu_m = {u_m}\nv_m = {v_m}\nlevel_db = -6\nspectrum = 'white'\nband_hz = [20000, 80000]\ntap_s = {at_s}\n"
        )
    };
    places().into_iter().enumerate().map(tap).collect()
}

/// A hiss at each place, a capture of both recorders each; the second began so much later.
fn hisses(offsets_s: [f64; 8]) -> (TempDir, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let mut names = Vec::new();
    for (k, ([u_m, v_m], offset_s)) in places().into_iter().zip(offsets_s).enumerate() {
        let hiss = format!("[[leak]]\nwall = 'barrel'\nu_m = {u_m}\nv_m = {v_m}\nsnr_db = 10\nspectrum = 'white'\n");
        let take = on_two_clocks(&hiss, 0.3, offset_s, 12.5);
        for recorder in ["A", "B"] {
            names.push(format!("{k}{recorder}.wav"));
            std::fs::copy(
                take.path().join(format!("capture_{recorder}.wav")),
                folder.path().join(names.last().unwrap()),
            )
            .unwrap();
        }
        std::fs::copy(take.path().join("site.toml"), folder.path().join("site.toml")).unwrap();
    }
    (folder, names)
}

fn clock(folder: &Path) -> Value {
    json(folder.join("new.calibration/calibration.json"))["clocks"][0].clone()
}

/// A told value lies within five of its standard deviations of the truth, and these are small.
fn is_told(clock: &Value, name: &str, unit: &str, truth: f64, most: f64) {
    let [value, sigma] = [format!("{name}_{unit}"), format!("{name}_sigma_{unit}")].map(|k| clock[k].as_f64().unwrap());
    assert!((value - truth).abs() < 5.0 * sigma && sigma < most, "{name} {truth}: {clock}");
}

#[test]
fn taps_tell_how_a_clock_of_its_own_stands_and_drifts() {
    for (offset_s, drift_ppm) in [(0.0371, 12.5), (-0.003342, -34.758)] {
        let folder = on_two_clocks(&taps_apart(0.15), 1.4, offset_s, drift_ppm);
        let ran = calibrated(folder.path(), &["capture_A.wav", "capture_B.wav"], &at(&places()));
        assert!(ran.done().stdout.contains("clock      B started"));
        let clock = clock(folder.path());
        // A fiftieth of a sample over a second, and what eight places leave open of both beams.
        is_told(&clock, "offset", "s", offset_s, 0.5e-6);
        is_told(&clock, "drift", "ppm", drift_ppm, 0.5);
        let text = std::fs::read_to_string(folder.path().join("new.toml")).unwrap();
        for key in ["offset_s", "offset_sigma_s", "drift_ppm", "drift_sigma_ppm"] {
            assert!(text.contains(key), "{key}:\n{text}");
        }
        read_site(&folder.path().join("new.toml")).unwrap();
    }
}

#[test]
fn a_hiss_a_capture_tells_the_clock_as_far_as_recordings_share_it() {
    let run = |offsets_s: [f64; 8], more: &[String]| {
        let (folder, names) = hisses(offsets_s);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let ran = calibrated(folder.path(), &names, &[&at(&places())[..], more].concat());
        (folder, ran)
    };
    // One trigger.
    let (folder, ran) = run([0.037; 8], &[]);
    ran.done();
    is_told(&clock(folder.path()), "offset", "s", 0.037, 0.5e-6);
    is_told(&clock(folder.path()), "drift", "ppm", 12.5, 0.5);
    // Begun anew each time: the crystals are the same, the offsets are not.
    let (folder, ran) = run(std::array::from_fn(|k| 0.01 * k as f64), &[]);
    assert!(ran.done().stderr.contains("began anew in each capture"));
    assert!(clock(folder.path())["offset_s"].is_null());
    is_told(&clock(folder.path()), "drift", "ppm", 12.5, 0.5);
    // A first recording with nothing on both clocks was a panic: it had a start of its own, and no point.
    let late: [f64; 8] = std::array::from_fn(|k| if k == 0 { 0.35 } else { 0.037 });
    let (folder, ran) = run(late, &[]);
    ran.done();
    assert_eq!(clock(folder.path())["sources"], 7);
    is_told(&clock(folder.path()), "offset", "s", 0.037, 0.5e-6);
    // Nothing in common.
    let fit = ["--fit", "clock"].map(str::to_owned);
    let (folder, ran) = run([0.5; 8], &fit);
    ran.refused(2, &["recorder 'B'", "no source is heard by both"]);
    assert!(!folder.path().join("new.toml").exists());
}
