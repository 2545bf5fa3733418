//! A roving survey: what no stand can tell alone, all of them tell together.

mod common;

use std::path::Path;

use common::{root, say};
use pinhole::site::Point3;

/// Where five microphones hang at the first stand, metres; the others are turned about the axis.
const MICROPHONES_M: [[f64; 3]; 5] = [
    [0.8119, 0.1726, 0.47],
    [0.4557, 0.7293, 1.88],
    [-0.1960, 0.7859, 0.53],
    [-0.7213, 0.4865, 1.82],
    [-0.8371, -0.1476, 0.51],
];

/// The quiet tunnel with five microphones at a stand, and a leak that each of them alone misses.
fn stand(number: usize) -> String {
    let scene = std::fs::read_to_string(root().join("samples/tunnel_quiet.scene.toml")).unwrap();
    let (head, _) = scene.split_once("[[sensor]]").unwrap();
    let (_, tail) = scene.split_once("[capture]").unwrap();
    let (sin, cos) = (70f64 * number as f64).to_radians().sin_cos();
    let sensors: String = MICROPHONES_M
        .iter()
        .enumerate()
        .map(|(i, [x, y, z])| {
            let (x, y) = (x * cos - y * sin, x * sin + y * cos);
            let id = i + 1;
            format!("[[sensor]]\nid='M{id}'\nchannel={id}\nposition_m=[{x:.4},{y:.4},{z}]\nposition_sigma_m=0.001\n")
        })
        .collect();
    let tail =
        tail.replace("snr_db = 10", "level_db = -66").replace("seed = 2019", &format!("seed = {}", 300 + number));
    format!("{head}{sensors}[capture]{tail}")
}

/// A folder with three stands and a survey of them.
fn three_stands(folder: &Path) {
    let mut survey = "[survey]\nname = 'tunnel'\n".to_owned();
    for number in 0..3 {
        std::fs::write(folder.join("scene.toml"), stand(number)).unwrap();
        assert_eq!(say(folder, &format!("simulate scene.toml --out stand{number}")).code, 0);
        survey += &format!("[[stand]]\nid = 'stand{number}'\ncaptures = ['stand{number}/capture.wav']\n");
    }
    std::fs::write(folder.join("survey.toml"), survey).unwrap();
}

#[test]
fn stands_that_tell_nothing_alone_locate_the_leak_together() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    three_stands(folder);
    for number in 0..3 {
        let alone = say(folder, &format!("locate stand{number}/capture.wav --no-plots --exit-code --out alone"));
        assert_ne!(alone.code, 10, "stand {number}: {}", alone.stdout);
    }
    let together = say(folder, "survey survey.toml --no-plots --exit-code --json");
    assert_eq!(together.code, 10, "{}", together.stdout);
    let result: serde_json::Value = serde_json::from_str(&together.stdout).unwrap();
    assert_eq!(result["leaks"].as_array().unwrap().len(), 1);
    let truth: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("stand0/truth.json")).unwrap()).unwrap();
    let place = |at: &serde_json::Value| {
        let of = |i: usize| at["leaks"][0]["position_m"][i].as_f64().unwrap();
        Point3::new(of(0), of(1), of(2))
    };
    let promised_m = result["leaks"][0]["ellipse_95"]["semi_major_m"].as_f64().unwrap();
    // The seeds are settled; twice the 95 % ellipse is five standard deviations.
    assert!((place(&result) - place(&truth)).norm() < 2.0 * promised_m);
    let ids: Vec<&str> = result["sensors"].as_array().unwrap().iter().map(|s| s["id"].as_str().unwrap()).collect();
    assert_eq!((ids.len(), ids[0], ids[14]), (15, "stand0/M1", "stand2/M5"));
    // Ten pairs a stand, none across, and no clock to be told between captures of different times.
    assert_eq!(result["pairs"].as_array().unwrap().len(), 30);
    assert_eq!(result["clocks"].as_array().unwrap().len(), 0);
    assert!(folder.join("survey.pinhole/result.json").exists());
}

#[test]
fn stands_that_do_not_fit_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    three_stands(folder);
    let survey = std::fs::read_to_string(folder.join("survey.toml")).unwrap();
    let refused = |from: &str, to: &str, parts: &[&str]| {
        assert!(survey.contains(from));
        std::fs::write(folder.join("bad.toml"), survey.replacen(from, to, 1)).unwrap();
        say(folder, "survey bad.toml --no-plots").refused(2, parts);
    };
    refused("id = 'stand1'", "id = 'stand0'", &["bad.toml:", "a second one with id 'stand0'"]);
    refused("captures = ['stand1/capture.wav']", "captures = []", &["bad.toml:", "no 'captures'"]);
    refused(
        "captures = ['stand1/capture.wav']",
        "captures = ['a', 'b']\nsite='stand1/site.toml'",
        &["bad.toml:", "names 2"],
    );
    let backgrounds = "captures = ['stand1/capture.wav']\nbackgrounds = ['stand1/capture.wav']";
    refused("captures = ['stand1/capture.wav']", backgrounds, &["bad.toml:", "at every stand, or at none"]);
    refused("[[stand]]", "[[stnad]]", &["bad.toml:", "stnad"]);
    let once_more = "captures = ['stand0/capture.wav']\nsite='stand1/site.toml'";
    refused("captures = ['stand1/capture.wav']", once_more, &["'stand0/M1'", "'stand1/M1'", "given for both"]);
    let site = folder.join("stand1/site.toml");
    let walls = std::fs::read_to_string(&site).unwrap().replace("2.35", "2.36");
    std::fs::write(&site, walls).unwrap();
    say(folder, "survey survey.toml --no-plots").refused(2, &["stand1/site.toml", "[[wall]]", "stand0/site.toml"]);
    std::fs::write(folder.join("none.toml"), "").unwrap();
    say(folder, "survey none.toml").refused(2, &["none.toml", "no [[stand]]"]);
}
