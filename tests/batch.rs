//! A batch: every capture a row, nothing lost and nothing twice, whatever ends it.

mod common;

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::{PANEL, Ran, json, names, program, say};
use pinhole::simulate::{parse_scene, simulate, write};
use serde_json::Value;

/// A folder with `in/`, captures of the panel of different seeds, and `site.toml`.
fn recordings(count: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("in")).unwrap();
    for i in 0..count {
        let seed = PANEL.lines().find(|line| line.starts_with("seed")).unwrap();
        let scene = parse_scene(&PANEL.replace(seed, &format!("seed = {}", 100 + i)), "scene.toml").unwrap();
        let made = tempfile::tempdir().unwrap();
        write(&scene, &simulate(&scene).unwrap(), made.path()).unwrap();
        std::fs::copy(made.path().join("capture.wav"), folder.path().join(format!("in/c{i:02}.wav"))).unwrap();
        std::fs::copy(made.path().join("site.toml"), folder.path().join("site.toml")).unwrap();
    }
    folder
}

const COMMAND: &str = "batch in --site site.toml --no-plots";

fn batch(folder: &Path, more: &str) -> Ran {
    say(folder, &format!("{COMMAND} {more}"))
}

fn rows(folder: &Path, out: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join(out).join("results.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Every result of a batch without its timing, by the name of its folder.
fn results(folder: &Path) -> Vec<(String, String)> {
    let folders = names(folder).into_iter().filter(|name| folder.join(name).is_dir());
    folders.map(|name| (name.clone(), common::timeless(json(folder.join(name).join("result.json"))))).collect()
}

#[test]
fn every_capture_is_a_row_and_one_bad_file_stops_nothing() {
    let folder = recordings(3);
    std::fs::write(folder.path().join("in/bad.wav"), b"no wav at all").unwrap();
    std::fs::write(folder.path().join("in/notes.txt"), b"not a recording").unwrap();
    let ran = batch(folder.path(), "--out out").done();
    assert!(ran.stdout.starts_with("4 captures: 3 with a leak, 0 without, 0 inconclusive, 1 failed"), "{ran:?}");
    assert!(ran.stderr.contains("4/4"), "{ran:?}");
    let rows = rows(folder.path(), "out");
    let told: Vec<(&str, &str)> =
        rows.iter().map(|row| (row["captures"][0].as_str().unwrap(), row["status"].as_str().unwrap())).collect();
    assert_eq!(
        told,
        [("in/bad.wav", "failed"), ("in/c00.wav", "done"), ("in/c01.wav", "done"), ("in/c02.wav", "done")]
    );
    assert!(rows[0]["error"].as_str().unwrap().contains("in/bad.wav"));
    let result = json(folder.path().join("out").join(rows[1]["folder"].as_str().unwrap()).join("result.json"));
    assert_eq!(result["leaks"][0]["position_m"], rows[1]["leaks"][0]["position_m"]);
    let table = std::fs::read_to_string(folder.path().join("out/results.csv")).unwrap();
    assert_eq!(table.lines().count(), 5);
    assert!(folder.path().join("out/leaks.png").is_file() && folder.path().join("out/leaks.svg").is_file());
    let ran = batch(folder.path(), "--out json --json --quiet").done();
    assert_eq!(ran.stdout, std::fs::read_to_string(folder.path().join("json/results.jsonl")).unwrap());
    assert_eq!(ran.stderr, "");
}

#[test]
fn finished_captures_are_known_by_content_and_settings_not_by_name() {
    let folder = recordings(2);
    batch(folder.path(), "--out out --quiet").done();
    let before = results(&folder.path().join("out"));
    std::fs::rename(folder.path().join("in/c00.wav"), folder.path().join("in/renamed.wav")).unwrap();
    let ran = batch(folder.path(), "--out out").done();
    assert_eq!(ran.stderr.matches("(known)").count(), 2, "{ran:?}");
    assert_eq!(results(&folder.path().join("out")), before);
    assert_eq!(rows(folder.path(), "out")[1]["captures"][0], "in/renamed.wav");
    let ran = batch(folder.path(), "--out out --band 25..60kHz").done();
    assert!(!ran.stderr.contains("(known)") && names(&folder.path().join("out")).len() >= 8, "{ran:?}");
}

#[cfg(unix)]
#[test]
fn a_killed_batch_goes_on_where_it_was() {
    let folder = recordings(8);
    batch(folder.path(), "--out whole --quiet").done();
    for round in 0..6u64 {
        let mut child = program(folder.path())
            .args(COMMAND.split(' ').chain(["--out", "killed", "--quiet"]))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Moments that fall into reading, locating and writing.
        std::thread::sleep(Duration::from_millis(30 + 61 * round));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    batch(folder.path(), "--out killed --quiet").done();
    let [whole, killed] = ["whole", "killed"].map(|out| folder.path().join(out));
    for table in ["results.csv", "results.jsonl"] {
        let [whole, killed] = [&whole, &killed].map(|out| std::fs::read_to_string(out.join(table)).unwrap());
        assert!(whole == killed, "{whole}\n{killed}");
    }
    assert_eq!(names(&whole), names(&killed), "nothing half-written stays, nothing is there twice");
    assert_eq!(results(&whole), results(&killed));
}

#[cfg(unix)]
#[test]
fn a_watched_folder_is_followed_until_an_interrupt() {
    let folder = recordings(2);
    let second = std::fs::read(folder.path().join("in/c01.wav")).unwrap();
    std::fs::remove_file(folder.path().join("in/c01.wav")).unwrap();
    // Half a file, as a recorder that is still at work leaves it.
    std::fs::write(folder.path().join("in/late.wav"), &second[..second.len() / 2]).unwrap();
    let mut child = program(folder.path())
        .args(COMMAND.split(' ').chain(["--out", "out", "--watch", "--quiet"]))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let table = folder.path().join("out/results.jsonl");
    let wait_for = |count: usize| {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(60) {
            if std::fs::read_to_string(&table).is_ok_and(|text| text.lines().count() == count) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{count} rows never came");
    };
    wait_for(1);
    assert_eq!(rows(folder.path(), "out")[0]["captures"][0], "in/c00.wav");
    std::fs::write(folder.path().join("in/late.wav"), &second).unwrap();
    wait_for(2);
    assert_eq!(rows(folder.path(), "out")[1]["status"], "done");
    let start = Instant::now();
    let interrupted = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(start.elapsed() < Duration::from_secs(1));
    assert!(
        names(&folder.path().join("out")).iter().all(|name| !name.starts_with(".pinhole-") || name == ".pinhole-batch")
    );
}

#[test]
fn what_cannot_be_a_batch_is_refused() {
    let folder = recordings(1);
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    say(folder.path(), "batch empty --site site.toml --out out").refused(2, &["empty", "no WAV or FLAC file"]);
    say(folder.path(), "batch absent --site site.toml --out out").refused(1, &["absent"]);
    say(folder.path(), "batch in --site absent.toml --out out").refused(1, &["absent.toml"]);
    say(folder.path(), "batch in --site site.toml --out site.toml").refused(1, &["site.toml"]);
    say(folder.path(), "batch in --site site.toml --out out --memory 3").refused(2, &["2GB"]);
}
