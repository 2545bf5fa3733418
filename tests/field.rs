//! Measured recordings and independent simulations that nobody here made. They live outside the project, in the folder
//! that `PINHOLE_SHARED` names; where it is missing these tests pass with a word, unless `PINHOLE_REQUIRE_SHARED` is set.

use std::path::{Path, PathBuf};

use pinhole::capture::Captures;
use pinhole::locate::{Options, Outcome, Verdict, Wanted, locate, locate_transients};
use pinhole::site::{Point3, read_site};
use serde_json::Value;

fn shared(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("PINHOLE_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let root = if root.is_absolute() { root } else { Path::new(env!("CARGO_MANIFEST_DIR")).join(root) };
    let path = root.join(folder);
    if path.is_dir() {
        return Some(path);
    }
    assert!(std::env::var_os("PINHOLE_REQUIRE_SHARED").is_none(), "{} is missing", path.display());
    eprintln!("skipped: {} is not there", path.display());
    None
}

fn located(folder: &Path, site: &str, captures: &[&str], background: Option<&str>, options: &Options) -> Outcome {
    let open = |names: &[&str]| {
        Captures::open(&names.iter().map(|name| folder.join(name)).collect::<Vec<_>>()).expect("a readable capture")
    };
    let site = read_site(&folder.join(site)).expect("a valid site");
    let background = background.map(|name| open(&[name]));
    locate(&site, open(captures), background.map(Into::into), options, &|_, _| ()).expect("an analysis")
}

fn csv(path: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).expect("a readable table");
    text.lines().skip(1).map(|line| line.split(',').map(String::from).collect()).collect()
}

fn point(values: &[f64]) -> Point3 {
    Point3::new(values[0], values[1], values[2])
}

#[test]
fn every_case_is_located_as_well_as_by_the_reference_solver() {
    let Some(cases) = shared("cases") else { return };
    let mut folders: Vec<_> = std::fs::read_dir(cases).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let mut checked = 0;
    for folder in folders.iter().filter(|f| f.join("truth.json").is_file()) {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let truth: Value = serde_json::from_slice(&std::fs::read(folder.join("truth.json")).unwrap()).unwrap();
        let captures: Vec<&str> = truth["captures"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
        let leaks: Vec<Point3> = truth["leaks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|l| point(&serde_json::from_value::<Vec<f64>>(l["position_m"].clone()).unwrap()))
            .collect();
        let options = Options { leaks: Wanted::AtMost(leaks.len().max(1)), ..Options::default() };
        let outcome = located(folder, "site.toml", &captures, truth["background"].as_str(), &options);
        if leaks.is_empty() {
            assert_ne!(outcome.verdict, Verdict::Leak, "{name}: nothing leaks");
        } else {
            assert_eq!(outcome.verdict, Verdict::Leak, "{name}");
            assert_eq!(outcome.leaks.len(), leaks.len(), "{name}");
        }
        let allowed_m = 5e-3f64.max(1.5e-3 * truth["reference_error_mm"].as_f64().unwrap_or(0.0));
        for leak in &leaks {
            let error_m =
                outcome.leaks.iter().map(|l| (l.point.position_m - leak).norm()).fold(f64::INFINITY, f64::min);
            assert!(error_m <= allowed_m, "{name}: {:.2} mm off", error_m * 1e3);
        }
        for dead in truth["dead_channels"].as_array().unwrap() {
            let sensor = outcome.sensors.iter().find(|s| s.id == dead.as_str().unwrap()).unwrap();
            assert!(sensor.faults.contains(&"dead") && !sensor.used, "{name}: {} is dead", sensor.id);
        }
        checked += 1;
    }
    assert!(checked >= 16, "only {checked} cases found");
}

#[test]
fn a_chirp_in_a_cave_is_found_within_ten_centimetres() {
    let Some(folder) = shared("field/bat_chirp_cave") else { return };
    for row in csv(&folder.join("truth.csv")) {
        let number = |i: usize| row[i].parse::<f64>().unwrap();
        let options = Options {
            band_hz: Some((15e3, 85e3)),
            from_s: Some(number(2)),
            to_s: Some(number(3)),
            leaks: Wanted::AtMost(1),
            ..Options::default()
        };
        let outcome = located(&folder, &row[1], &["cave.wav"], None, &options);
        let truth = Point3::new(number(4), number(5), number(6));
        let error_m = (outcome.candidates[0].point.position_m - truth).norm();
        // Microphones placed to 1 cm and bearings over 5 m: the ellipse, 10 cm, is also the folder's target.
        assert!(error_m <= 0.1, "chirp {}: {:.1} cm off", row[0], error_m * 1e2);
    }
}

#[test]
fn both_trailing_edge_corners_of_an_airfoil_are_found() {
    let Some(folder) = shared("field/airfoil_56ch") else { return };
    let corners: Vec<Point3> = csv(&folder.join("truth.csv"))
        .iter()
        .map(|row| Point3::new(row[0].parse().unwrap(), row[1].parse().unwrap(), row[2].parse().unwrap()))
        .collect();
    let bands = [None, Some((2e3, 22e3)), Some((10e3, 22e3)), Some((8e3, 16e3)), Some((4e3, 8e3)), Some((2e3, 4e3))];
    for band_hz in bands {
        let options = Options { band_hz, leaks: Wanted::AtMost(2), ..Options::default() };
        let outcome = located(&folder, "site.toml", &["airfoil.wav"], None, &options);
        let mut found: Vec<Point3> = outcome.leaks.iter().map(|l| l.point.position_m).collect();
        if found.is_empty() {
            // In a narrow band the beam fills the plane and nothing stands out from it; the places are told all the same.
            found = outcome.candidates.iter().take(2).map(|c| c.point.position_m).collect();
        }
        for corner in &corners {
            let error_m = found.iter().map(|p| (p - corner).norm()).fold(f64::INFINITY, f64::min);
            assert!(error_m <= 0.02, "{band_hz:?}: {:.1} mm off {corner:?}: {found:?}", error_m * 1e3);
        }
    }
}

#[test]
fn a_lead_break_on_a_steel_plate_is_found_within_a_centimetre() {
    let Some(folder) = shared("field/steel_plate_lead_break") else { return };
    let site = read_site(&folder.join("site.toml")).unwrap();
    let captures = Captures::open(&[folder.join("plb1.wav")]).unwrap();
    let outcome =
        locate_transients(&site, captures, &Options { leaks: Wanted::AtMost(1), ..Options::default() }, &|_, _| ())
            .unwrap();
    let row: Vec<f64> = csv(&folder.join("truth.csv"))[0].iter().take(3).map(|x| x.parse().unwrap()).collect();
    assert_eq!(outcome.events.len(), 1);
    assert_eq!(outcome.verdict, Verdict::Leak);
    let error_m = (outcome.leaks[0].point.position_m - point(&row)).norm();
    assert!(error_m <= 0.01, "{:.1} mm off", error_m * 1e3);
}
