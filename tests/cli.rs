//! Facts about the program: flags, exit codes, what goes to stdout and what to stderr.

mod common;

use std::io::Read;
use std::path::Path;
use std::process::Stdio;

use common::{PANEL, names, off_m, panel, program, recorded, run, sample, say, timeless};
use serde_json::Value;

/// A folder with a recorded panel in `there/`, to be used as the current folder.
fn workplace() -> tempfile::TempDir {
    let work = tempfile::tempdir().unwrap();
    std::fs::rename(recorded(&panel(&[])).keep(), work.path().join("there")).unwrap();
    work
}

/// Replaces `from` by `to` in a text file.
fn mend(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from}");
    std::fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn the_main_command_finds_the_leak_of_the_sample_within_5_mm() {
    let work = tempfile::tempdir().unwrap();
    let capture = sample("tunnel/capture.wav");
    let ran = run(work.path(), ["locate".as_ref(), capture.as_os_str()]).done();
    let result = common::json(work.path().join("capture.pinhole/result.json"));
    let truth = common::json(sample("tunnel/truth.json"));
    let off_m = off_m(&result, &truth["leaks"][0]["position_m"]);
    assert!(off_m < 0.005, "{off_m}");
    assert!(ran.stdout.starts_with("Leak on barrel at u 2.1"), "{}", ran.stdout);
    assert!(ran.stderr.contains("result.json, plots and report.html in capture.pinhole"), "{}", ran.stderr);
    let found = names(&work.path().join("capture.pinhole"));
    for stem in ["map", "module", "correlations", "coherence", "levels", "spectrogram"] {
        for ending in ["png", "svg"] {
            assert!(found.contains(&format!("{stem}.{ending}")), "{found:?}");
        }
    }
    assert_eq!(found.len(), 15, "{found:?}");
}

#[test]
fn json_puts_exactly_the_file_on_stdout() {
    let work = workplace();
    let ran = say(work.path(), "locate there/capture.wav --json --no-plots").done();
    let file = std::fs::read_to_string(work.path().join("capture.pinhole/result.json")).unwrap();
    assert_eq!(ran.stdout, file);
    let result: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(result["format"], "pinhole-result");
    assert_eq!(result["version"], 1);
    for key in ["verdict", "leaks", "candidates", "band_hz", "path", "capture", "sensors", "pairs"] {
        assert!(!result[key].is_null(), "{key}");
    }
    for key in ["warnings", "timing_s", "software"] {
        assert!(result.get(key).is_some(), "{key}");
    }
    assert_eq!(result["capture"]["files"][0], "there/capture.wav");
}

#[test]
fn quiet_is_silent_on_stderr_and_still_answers() {
    let work = workplace();
    let ran = say(work.path(), "locate there/capture.wav --quiet").done();
    assert_eq!(ran.stderr, "");
    assert!(ran.stdout.starts_with("Leak on panel"), "{}", ran.stdout);
    let ran = say(work.path(), "simulate absent.toml -o x --quiet");
    ran.refused(1, &["absent.toml"]);
}

#[test]
fn no_plots_leaves_the_result_and_its_map_alone_in_the_folder() {
    let work = workplace();
    // Pictures of the same capture stay; those of another go.
    say(work.path(), "locate there/capture.wav --quiet --out deep/er").done();
    say(work.path(), "locate there/capture.wav --quiet --no-plots --out deep/er").done();
    assert_eq!(names(&work.path().join("deep/er")).len(), 15);
    std::fs::rename(work.path().join("there/capture.wav"), work.path().join("there/other.wav")).unwrap();
    let ran = say(work.path(), "locate there/other.wav --no-plots --out deep/er").done();
    assert_eq!(names(&work.path().join("deep/er")), ["map.json", "result.json"]);
    assert!(!ran.stderr.contains("plots"), "{}", ran.stderr);
    assert_eq!(names(work.path()), ["deep", "there"]);
}

#[test]
fn the_default_folder_is_the_captures_stem_in_the_current_one() {
    let work = workplace();
    std::fs::rename(work.path().join("there/capture.wav"), work.path().join("there/night.two.wav")).unwrap();
    say(work.path(), "locate there/night.two.wav --no-plots").done();
    assert_eq!(names(work.path()), ["night.two.pinhole", "there"]);
    assert_eq!(names(&work.path().join("there")), ["night.two.wav", "site.toml", "truth.json"]);
}

#[test]
fn two_results_are_compared_in_words_file_and_plot() {
    let work = workplace();
    let quiet = recorded(&panel(&[("snr_db = 10", "snr_db = -60")]));
    std::fs::copy(quiet.path().join("capture.wav"), work.path().join("there/quiet.wav")).unwrap();
    say(work.path(), "locate there/capture.wav --no-plots --out a").done();
    say(work.path(), "locate there/quiet.wav --no-plots --out b").done();
    let ran = say(work.path(), "compare a/result.json b/result.json --out ab").done();
    assert!(ran.stdout.starts_with("1 leak gone in B") && ran.stdout.contains("would have shown it even"), "{ran:?}");
    assert_eq!(names(&work.path().join("ab")), ["compare.json", "compare.png", "compare.svg"]);
    let ran = say(work.path(), "compare b/result.json a/result.json --json --no-plots --out ba").done();
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(told["changes"][0]["what"], "only-b", "{told}");
    let ran = say(work.path(), "compare a/result.json a/result.json --json --no-plots --out aa").done();
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (&told["changes"][0]["what"], &told["changes"][0]["apart_m"]),
        (&Value::from("same"), &Value::from(0.0))
    );
    std::fs::remove_file(work.path().join("a/map.json")).unwrap();
    say(work.path(), "compare a/result.json b/result.json").refused(2, &["map.json", "locate"]);
    say(work.path(), "compare there/site.toml b/result.json").refused(2, &["map.json"]);
}

#[test]
fn the_verdict_becomes_the_exit_status_only_where_asked() {
    let work = workplace();
    let ran = say(work.path(), "locate there/capture.wav --no-plots --exit-code");
    assert_eq!(ran.code, 10, "{ran:?}");
    let silent = recorded(&panel(&[("snr_db = 10", "snr_db = -60")]));
    let ran = say(silent.path(), "locate capture.wav --no-plots --exit-code --json");
    let verdict = serde_json::from_str::<Value>(&ran.stdout).unwrap()["verdict"].clone();
    assert_eq!((ran.code, &verdict), (11, &Value::from("no-leak")), "{}", ran.stderr);
    say(silent.path(), "locate capture.wav --no-plots").done();
    let ran = say(work.path(), "locate absent.wav --exit-code --site there/site.toml");
    ran.refused(1, &["absent.wav"]);
}

#[test]
fn a_bare_number_is_refused_with_the_repair() {
    let work = workplace();
    say(work.path(), "locate there/capture.wav --band 20..60").refused(2, &["--band", "60kHz"]);
    say(work.path(), "locate there/capture.wav --from 1.5").refused(2, &["--from", "no unit", "1.5s"]);
    say(work.path(), "locate there/capture.wav --to 2").refused(2, &["--to", "2s"]);
    say(work.path(), "locate there/capture.wav --band 60..20kHz").refused(2, &["lower end first"]);
    say(work.path(), "locate there/capture.wav --band 20kHz").refused(2, &["20kHz..60kHz"]);
    say(work.path(), "locate there/capture.wav --from 2parsec").refused(2, &["parsec", "ms"]);
    assert_eq!(names(work.path()), ["there"]);
}

#[test]
fn unknown_flags_and_words_are_refused_with_the_nearest() {
    let work = workplace();
    say(work.path(), "locate there/capture.wav --treads 2").refused(2, &["--treads", "--threads"]);
    say(work.path(), "lokate there/capture.wav").refused(2, &["lokate", "locate"]);
    say(work.path(), "locate").refused(2, &["CAPTURE.wav"]);
    say(work.path(), "simulate there/scene.toml").refused(2, &["--out"]);
    say(work.path(), "locate there/capture.wav --leaks 0").refused(2, &["--leaks", "auto"]);
    say(work.path(), "locate there/capture.wav --threads 0").refused(2, &["--threads"]);
    say(work.path(), "locate there/capture.wav --weighting shot").refused(2, &["'shot'", "'scot'"]);
    run(work.path(), [] as [&str; 0]).refused(2, &["pinhole"]);
}

#[test]
fn what_is_missing_is_named() {
    let work = workplace();
    say(work.path(), "locate there/absent.wav").refused(1, &["there/absent.wav"]);
    say(work.path(), "locate there/capture.wav --site nowhere.toml").refused(1, &["nowhere.toml"]);
    say(work.path(), "locate there/capture.wav --background gone.wav").refused(1, &["gone.wav"]);
    say(work.path(), "locate there --site there/site.toml").refused(1, &["there"]);
    std::fs::remove_file(work.path().join("there/site.toml")).unwrap();
    say(work.path(), "locate there/capture.wav").refused(2, &["there/site.toml", "--site"]);
    assert_eq!(names(work.path()), ["there"]);
}

#[test]
fn a_site_that_does_not_fit_its_capture_is_refused_naming_both() {
    let work = workplace();
    mend(&work.path().join("there/site.toml"), "channel = 5", "channel = 6");
    let ran = say(work.path(), "locate there/capture.wav");
    ran.refused(2, &["there/capture.wav", "5 channels", "'M5'", "channel 6"]);
    assert_eq!(names(work.path()), ["there"]);
}

#[test]
fn two_captures_for_one_recorder_are_refused() {
    let work = workplace();
    let ran = say(work.path(), "locate there/capture.wav there/capture.wav");
    ran.refused(2, &["2 capture files", "1 recorder", "A"]);
}

#[test]
fn from_and_to_cut_the_stretch() {
    let work = workplace();
    let ran = say(work.path(), "locate there/capture.wav --from 20ms --to 0.08s --json --no-plots").done();
    let capture = &serde_json::from_str::<Value>(&ran.stdout).unwrap()["capture"];
    assert_eq!(capture["from_s"], 0.02);
    // 0.06 s at 192 kHz are 11520 samples exactly.
    assert_eq!(capture["duration_s"], 11520.0 / 192_000.0);
    for (words, part) in [("--from 3s", "0.100000 s long"), ("--to 1h", "--to"), ("--from 60ms --to 20ms", "--from")] {
        say(work.path(), &format!("locate there/capture.wav {words}")).refused(2, &[part]);
    }
    say(work.path(), "locate there/capture.wav --from 50ms --to 50.1ms").refused(2, &["longer stretch"]);
    say(work.path(), "locate there/capture.wav --from=-1s").refused(2, &["--from"]);
}

#[test]
fn no_escape_codes_reach_a_pipe() {
    let work = workplace();
    for no_colour in [None, Some("1")] {
        let mut command = program(work.path());
        command.args(["locate", "there/capture.wav", "-v"]);
        no_colour.map(|value| command.env("NO_COLOR", value));
        let output = command.output().unwrap();
        assert!(output.status.success());
        assert!(!output.stdout.contains(&0x1b) && !output.stderr.contains(&0x1b), "{output:?}");
        assert!(!output.stderr.contains(&b'\r'), "{output:?}");
    }
    let help = say(work.path(), "--help").done();
    assert!(!help.stdout.contains('\x1b'));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let work = workplace();
    for arguments in [&["locate", "there/capture.wav", "--json", "--no-plots", "--quiet"][..], &["locate", "--help"]] {
        let mut child =
            program(work.path()).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{said}");
        assert_eq!(said, "");
    }
    assert_eq!(names(&work.path().join("capture.pinhole")), ["map.json", "result.json"]);
}

#[test]
fn the_same_bytes_come_out_on_any_number_of_threads() {
    let work = tempfile::tempdir().unwrap();
    let capture = sample("tunnel_quiet/capture.wav");
    let result = |threads: &str| {
        let words = ["--threads", threads, "--json", "--no-plots", "--quiet"];
        let ran = run(work.path(), ["locate".as_ref(), capture.as_os_str()].into_iter().chain(words.map(str::as_ref)));
        timeless(serde_json::from_str(&ran.done().stdout).unwrap())
    };
    let one = result("1");
    assert_eq!(one, result("2"));
    assert_eq!(one, result("8"));
}

#[test]
fn a_background_removes_what_was_there_before() {
    let hissing = "[[fan]]\nposition_m = [0.8, 0.2, 0.05]\nhiss_db = -28\n[truth]\nbackground_duration_s = 0.2\n";
    let scene = format!("{PANEL}{hissing}").replace("snr_db = 10", "snr_db = 0");
    let work = tempfile::tempdir().unwrap();
    std::fs::write(work.path().join("scene.toml"), scene).unwrap();
    let ran = say(work.path(), "simulate scene.toml -o .").done();
    assert_eq!(ran.stdout, "");
    assert_eq!(names(work.path()), ["background.wav", "capture.wav", "scene.toml", "site.toml", "truth.json"]);
    let place = |words: &str| -> Vec<f64> {
        let ran = say(work.path(), &format!("locate capture.wav --json --no-plots {words}")).done();
        let result: Value = serde_json::from_str(&ran.stdout).unwrap();
        serde_json::from_value(result["candidates"][0]["position_m"].clone()).unwrap()
    };
    let off = |place: &[f64], x: f64, y: f64| (place[0] - x).hypot(place[1] - y);
    // Without the background the fan, 16 dB above the leak, is what is heard; it hangs 5 cm before the panel.
    let fooled = place("");
    assert!(off(&fooled, 0.37, 0.52) > 0.1, "{fooled:?}");
    let found = place("--background background.wav");
    assert!(off(&found, 0.37, 0.52) < 0.01, "{found:?}");
    let ran = say(work.path(), "locate capture.wav --background capture.wav background.wav");
    ran.refused(2, &["2 capture files"]);
    std::fs::copy(work.path().join("background.wav"), work.path().join("again.wav")).unwrap();
    let ran = say(work.path(), "locate background.wav --background again.wav");
    ran.refused(2, &["background.wav and its background again.wav hold the same"]);
}

#[test]
fn the_leak_of_another_capture_is_not_listened_to() {
    let work = workplace();
    say(work.path(), "locate there/capture.wav --no-plots").done();
    std::fs::create_dir(work.path().join("other")).unwrap();
    for file in ["capture.wav", "site.toml"] {
        std::fs::copy(work.path().join("there").join(file), work.path().join("other").join(file)).unwrap();
    }
    let ran = say(work.path(), "listen other/capture.wav --leak 1 -o x.wav");
    ran.refused(2, &["capture.pinhole/result.json is of there/capture.wav, not of other/capture.wav", "--result"]);
    say(work.path(), "listen other/capture.wav --leak 1 --result capture.pinhole/result.json -o x.wav").done();
    say(work.path(), "listen there/capture.wav --leak 1 -o x.wav").done();
}

#[test]
fn simulate_writes_the_same_bytes_twice() {
    let work = tempfile::tempdir().unwrap();
    std::fs::write(work.path().join("scene.toml"), PANEL).unwrap();
    let ran = say(work.path(), "simulate scene.toml -o one").done();
    assert!(ran.stderr.contains("truth.json in one"), "{}", ran.stderr);
    let ran = say(work.path(), "simulate scene.toml -o two --quiet").done();
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    for name in names(&work.path().join("one")) {
        let read = |folder: &str| std::fs::read(work.path().join(folder).join(&name)).unwrap();
        assert!(read("one") == read("two"), "{name}");
    }
    assert_eq!(names(&work.path().join("one")), ["capture.wav", "site.toml", "truth.json"]);
}

#[test]
fn help_has_an_example_and_goes_to_stdout() {
    let here = common::root();
    for command in ["locate", "simulate"] {
        let ran = say(here, &format!("{command} --help")).done();
        assert!(
            ran.stdout.contains("Example") && ran.stdout.contains(&format!("pinhole {command} ")),
            "{}",
            ran.stdout
        );
        assert_eq!(ran.stderr, "");
    }
    let all = say(here, "--help").done();
    assert!(all.stdout.contains("locate") && all.stdout.contains("simulate"), "{}", all.stdout);
    let version = say(here, "--version").done();
    assert_eq!(version.stdout, format!("pinhole {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn verbose_says_what_was_decided_and_changes_nothing_on_stdout() {
    let work = workplace();
    let plain = say(work.path(), "locate there/capture.wav --no-plots").done();
    let told = say(work.path(), "locate there/capture.wav --no-plots -v").done();
    assert_eq!(plain.stdout, told.stdout);
    for part in ["band 20.0..80.0 kHz", "segments of", "stands out by z", "spectra: "] {
        assert!(told.stderr.contains(part) && !plain.stderr.contains(part), "{part}: {}", told.stderr);
    }
    let asked = say(work.path(), "locate there/capture.wav --no-plots -v --band 30..70kHz").done();
    assert!(asked.stderr.contains("band 30.0..70.0 kHz as asked"), "{}", asked.stderr);
}

#[test]
fn the_walls_waves_are_told_and_drawn() {
    let work = tempfile::tempdir().unwrap();
    let site = sample("tunnel_wall/site.toml");
    let words = ["dispersion", "--band", "50..400kHz", "--out", "d", "--site"].map(std::ffi::OsString::from);
    let ran = run(work.path(), words.into_iter().chain([site.into_os_string()])).done();
    // AMg6 of 3 mm at 200 kHz, 0.6 MHz·mm, from the reference table.
    let row = ran.stdout.lines().find(|line| line.trim_start().starts_with("200.0")).unwrap();
    for speed in ["2024.3", "3041.0", "5466.3", "5409.4"] {
        assert!(row.contains(speed), "{row}");
    }
    assert_eq!(names(&work.path().join("d")), ["dispersion.csv", "dispersion.png", "dispersion.svg"]);
    let csv = std::fs::read_to_string(work.path().join("d/dispersion.csv")).unwrap();
    assert!(csv.starts_with("frequency_hz,a0_phase_speed_m_s,a0_group_speed_m_s,a0_wavelength_m,s0_"), "{csv:.200}");
}

#[test]
fn contact_sensors_find_the_leak_in_the_tunnels_wall_and_its_thickness() {
    let work = tempfile::tempdir().unwrap();
    let capture = sample("tunnel_wall/capture.wav");
    run(work.path(), ["locate".as_ref(), capture.as_os_str(), "--no-plots".as_ref()]).done();
    let result = common::json(work.path().join("capture.pinhole/result.json"));
    let truth = common::json(sample("tunnel_wall/truth.json"));
    let off_m = off_m(&result, &truth["leaks"][0]["position_m"]);
    assert!(off_m < 0.002, "{off_m}");
    let told = &result["path"]["behaves"];
    let [heard, sigma] = ["thickness_m", "thickness_sigma_m"].map(|key| told[key].as_f64().unwrap());
    assert!((heard - truth["thickness_m"].as_f64().unwrap()).abs() < 4.0 * sigma, "{told}");
}

#[test]
fn taps_are_found_located_and_told_as_events() {
    let work = tempfile::tempdir().unwrap();
    let scene =
        include_str!("../examples/recovery/plate.scene.toml").replace("snr_db = 0", "snr_db = 40\ntap_s = 0.011");
    let second =
        "[[leak]]\nwall = 'plate'\nu_m = 0.9\nv_m = 0.5\nsnr_db = 34\ntap_s = 0.027\nband_hz = [100000, 400000]\n";
    std::fs::write(work.path().join("taps.toml"), scene + second).unwrap();
    say(work.path(), "simulate taps.toml -o taps").done();
    let ran = say(work.path(), "locate taps/capture.wav --transient --no-plots --out found").done();
    assert!(ran.stdout.starts_with("2 events, the strongest on plate at u 0.4"), "{}", ran.stdout);
    let result = common::json(work.path().join("found/result.json"));
    for (leak, place) in result["leaks"].as_array().unwrap().iter().zip([[0.4, 0.3], [0.9, 0.5]]) {
        let at = |i: usize| leak["position_m"][i].as_f64().unwrap();
        assert!((at(0) - place[0]).hypot(at(1) - place[1]) < 1e-3, "{leak}");
    }
    let event = &result["events"][0];
    // The wave needs 0.1 ms to the nearest sensor; a step of the search is 64 samples.
    assert!((event["time_s"].as_f64().unwrap() - 0.0111).abs() < 2e-4, "{event}");
    assert_eq!(event["picks"].as_array().unwrap().len(), 6);
    say(work.path(), "locate taps/capture.wav --transient --to 0.009s").refused(2, &["no transient stands out"]);
}
