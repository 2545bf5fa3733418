//! `pinhole bench`: what it tells, alone and together.

mod common;

use common::{run, sample};

#[test]
fn bench_tells_the_core_the_stages_and_the_roof_of_a_capture() {
    let folder = tempfile::tempdir().unwrap();
    let capture = sample("tunnel_quiet/capture.wav").display().to_string();
    let ran = run(folder.path(), ["bench", capture.as_str(), "--roof", "--out", "speed", "--json", "--quiet"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    let told: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(told["format"], "pinhole-speed");
    let in_order = |time: &serde_json::Value| {
        let of = |key: &str| time[key].as_f64().unwrap();
        assert!(0.0 <= of("least_s") && of("least_s") <= of("median_s") && of("median_s") <= of("most_s"), "{time}");
    };
    assert!(told["fft"].as_array().unwrap().iter().any(|row| row["length"] == 8192));
    for row in told["fft"].as_array().unwrap() {
        ["across_channels", "realfft", "rustfft_complex", "two_in_one"].iter().for_each(|name| in_order(&row[name]));
    }
    let stages: Vec<&str> =
        told["job"]["stages"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert!(["read", "locate: spectra", "locate: all"].iter().all(|stage| stages.contains(stage)), "{stages:?}");
    let roof = &told["roof"];
    // One core cannot do what all do, nor does the second level feed it as fast as the first; a half is left for others' work.
    for limit in ["first_level_bytes_s", "page_cache_bytes_s", "fused_operations_s"] {
        let of = |threads: &str| roof[limit][threads].as_f64().unwrap();
        assert!(of("one_thread") > 1e8 && of("all_threads") > 0.5 * of("one_thread"), "{roof}");
    }
    let rows = roof["stages"].as_array().unwrap();
    rows.iter().for_each(|row| in_order(&row["time"]));
    let least_s: f64 = rows.iter().map(|row| row["floor_s"].as_f64().unwrap()).sum();
    assert!((roof["floor_s"].as_f64().unwrap() / least_s - 1.0).abs() < 1e-9, "{roof}");
    assert_eq!(rows[0]["bytes"].as_f64(), Some(2.0 * 8.0 * 48_000.0), "8 channels, a quarter of a second, two bytes");
    for plot in ["fft.png", "fft.svg", "roof.png", "roof.svg"] {
        assert!(folder.path().join("speed").join(plot).is_file(), "{plot}");
    }
}

#[test]
fn bench_measures_one_part_alone() {
    let folder = tempfile::tempdir().unwrap();
    let capture = sample("tunnel_quiet/capture.wav").display().to_string();
    let ran = run(folder.path(), ["bench", capture.as_str(), "--only", "read", "--json", "--quiet"]);
    let told: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let stages = told["job"]["stages"].as_array().unwrap();
    let names: Vec<&str> = stages.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["read", "read by hound's iterator"]);
    assert!(told["fft"].as_array().unwrap().is_empty() && told["roof"].is_null());
    run(folder.path(), ["bench", "--only", "core", "--roof"]).refused(2, &["--roof", "--only"]);
    run(folder.path(), ["bench", "nothing.wav"]).refused(1, &["nothing.wav"]);
    // What hound cannot read to its end can be read: its row is left out, and bench goes on.
    let cut = std::fs::read(capture).unwrap();
    std::fs::write(folder.path().join("cut.wav"), &cut[..cut.len() / 3]).unwrap();
    let out = run(folder.path(), ["bench", "--only", "read", "--quiet", "cut.wav"]).done().stdout;
    assert!(out.contains("  read  ") && !out.contains("hound"), "{out}");
}
