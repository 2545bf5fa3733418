//! `pinhole spectra`: matrices as files that add to what the captures give, and that are refused where they are not whole.

mod common;

use std::path::Path;

use pinhole::archive::{read_spectra, spectra_from_bytes, spectra_to_bytes};
use pinhole::cross_spectra::{CrossSpectra, Recorded};

use common::{PANEL, names, panel, recorded, root, run, say, timeless};
use serde_json::Value;

/// A panel's capture of some seconds in a folder, with its site.
fn long(duration_s: f64) -> tempfile::TempDir {
    assert!(PANEL.contains("duration_s = 0.1"));
    recorded(&panel(&[("duration_s = 0.1", &format!("duration_s = {duration_s}")), ("snr_db = 10", "snr_db = -10")]))
}

/// `result.json` of a location, without timings and file names.
fn located(folder: &Path, what: &str) -> Value {
    let ran = say(folder, &format!("locate {what} --site site.toml --no-plots --json --quiet --out located"));
    let mut result: Value = serde_json::from_str(&ran.done().stdout).unwrap();
    result["capture"]["files"] = Value::Null;
    serde_json::from_str(&timeless(result)).unwrap()
}

#[test]
fn a_capture_and_its_spectra_give_the_same_result() {
    let folder = long(0.3);
    say(folder.path(), "spectra capture.wav -o x.spectra").done();
    assert_eq!(located(folder.path(), "x.spectra"), located(folder.path(), "capture.wav"));
    // Corrections are made of sums, which both roads must have in the same shape.
    let site = std::fs::read_to_string(folder.path().join("site.toml")).unwrap();
    let corrected = site.replace("position_sigma_m", "gain_db = 3.7\ndelay_s = 1.3e-5\nposition_sigma_m");
    assert_ne!(corrected, site);
    std::fs::write(folder.path().join("site.toml"), corrected).unwrap();
    assert_eq!(located(folder.path(), "x.spectra"), located(folder.path(), "capture.wav"));
    std::fs::write(folder.path().join("site.toml"), site).unwrap();
    // The same bytes whenever it is written.
    say(folder.path(), "spectra capture.wav -o y.spectra --threads 1").done();
    let bytes = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert!(bytes("x.spectra") == bytes("y.spectra"));
}

#[test]
fn twelve_slices_add_to_the_whole() {
    let folder = long(9.0);
    let slices: Vec<String> = (1..=12).map(|k| format!("n{k:02}.spectra")).collect();
    for (k, name) in slices.iter().enumerate() {
        say(folder.path(), &format!("spectra capture.wav --slice {}/12 -o {name}", k + 1)).done();
    }
    assert_eq!(located(folder.path(), &slices.join(" ")), located(folder.path(), "capture.wav"));
}

#[test]
fn a_short_capture_is_cut_too_and_the_sums_agree_to_rounding() {
    let folder = long(0.3);
    for k in 1..=3 {
        say(folder.path(), &format!("spectra capture.wav --slice {k}/3 -o n{k}.spectra")).done();
    }
    let (whole, sum) =
        (located(folder.path(), "capture.wav"), located(folder.path(), "n1.spectra n2.spectra n3.spectra"));
    for key in ["duration_s", "from_s"] {
        assert_eq!(whole["capture"][key], sum["capture"][key]);
    }
    let place = |result: &Value| -> Vec<f64> {
        result["leaks"][0]["position_m"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
    };
    let sigma_m = whole["leaks"][0]["ellipse_95"]["semi_major_m"].as_f64().unwrap() / 2.45;
    // Single precision within a block: 1e-6 of the coherence, of which the ellipse is some tenths.
    for (a, b) in place(&whole).iter().zip(place(&sum)) {
        assert!((a - b).abs() < 1e-3 * sigma_m, "{a} {b} {sigma_m}");
    }
    say(folder.path(), "spectra capture.wav --slice 1/5000 -o no.spectra").refused(2, &["too few for 5000 parts"]);
    say(folder.path(), "spectra capture.wav --slice 4/3 -o no.spectra").refused(2, &["3/12"]);
    assert!(!names(folder.path()).contains(&"no.spectra".to_owned()));
}

#[test]
fn what_does_not_add_is_refused_with_both_named() {
    let folder = long(0.3);
    say(folder.path(), "spectra capture.wav -o a.spectra").done();
    say(folder.path(), "spectra capture.wav --band 25..70kHz -o b.spectra").done();
    let locate = |what: &str| say(folder.path(), &format!("locate {what} --site site.toml --no-plots"));
    locate("a.spectra b.spectra").refused(2, &["b.spectra", "a.spectra", "heard in", "25.000..70.000 kHz"]);
    locate("a.spectra a.spectra").refused(2, &["a.spectra", "once more", "capture.wav"]);
    locate("a.spectra capture.wav").refused(2, &["captures and spectra"]);
    locate("a.spectra --band 30..40kHz").refused(2, &["20.000..80.000 kHz", "leave --band out"]);
    locate("a.spectra --from 0.1s").refused(2, &["--from"]);
    locate("a.spectra --transient").refused(2, &["--transient"]);
    // A site with a sensor that was not recorded, and one with fewer.
    let site = std::fs::read_to_string(folder.path().join("site.toml")).unwrap();
    let more = format!("{site}\n[[sensor]]\nid = 'M9'\nchannel = 9\nposition_m = [0.5, 0.5, 0.5]\n");
    std::fs::write(folder.path().join("more.toml"), more).unwrap();
    say(folder.path(), "locate a.spectra --site more.toml").refused(2, &["channel 9", "'M9'"]);
    let fewer = site.replacen("position_sigma_m", "disabled = true\nposition_sigma_m", 1);
    std::fs::write(folder.path().join("fewer.toml"), fewer).unwrap();
    say(folder.path(), "locate a.spectra --site fewer.toml --no-plots").done();
}

#[test]
fn no_half_of_a_file_and_no_changed_byte_passes_for_the_whole() {
    let folder = long(0.1);
    say(folder.path(), "spectra capture.wav -o x.spectra").done();
    let bytes = std::fs::read(folder.path().join("x.spectra")).unwrap();
    let expected = located(folder.path(), "x.spectra");
    let bad = folder.path().join("bad.spectra");
    let arguments = ["locate", "bad.spectra", "--site", "site.toml", "--no-plots", "--json", "--out", "located"];
    for share in [0.001, 0.1, 0.5, 0.9, 0.999_99] {
        std::fs::write(&bad, &bytes[..(bytes.len() as f64 * share) as usize]).unwrap();
        run(folder.path(), arguments).refused(1, &["bad.spectra"]);
    }
    let mut damaged = 0;
    for i in 0..60 {
        let mut other = bytes.clone();
        let at = (4 + i * (bytes.len() - 5) / 60).min(bytes.len() - 1);
        other[at] ^= 1 << (i % 8);
        std::fs::write(&bad, &other).unwrap();
        let ran = run(folder.path(), arguments);
        if ran.code == 0 {
            // A byte that means nothing, as the time at which a member was written.
            let mut result: Value = serde_json::from_str(&ran.stdout).unwrap();
            result["capture"]["files"] = Value::Null;
            let result: Value = serde_json::from_str(&timeless(result)).unwrap();
            assert_eq!(result, expected, "byte {at}");
        } else {
            ran.refused(1, &["bad.spectra"]);
            damaged += 1;
        }
    }
    assert!(damaged >= 55, "{damaged}");
    // An archive of something else.
    std::fs::write(&bad, [b"PK\x05\x06".as_slice(), &[0; 18]].concat()).unwrap();
    assert_ne!(run(folder.path(), arguments).code, 0);
    assert!(root().exists());
}

#[test]
fn powers_that_single_precision_cannot_hold_are_refused() {
    let folder = long(0.1);
    say(folder.path(), "spectra capture.wav -o x.spectra").done();
    let mut recorded = read_spectra(&folder.path().join("x.spectra")).unwrap();
    let with = |recorded: &mut Recorded, value: f64| {
        let spectra = &recorded.heard.spectra;
        let mut parts = spectra.parts().to_vec();
        parts[0].cross[[0, 0]].re = value;
        recorded.heard.spectra = CrossSpectra::new(spectra.layout().clone(), parts);
        spectra_from_bytes(&spectra_to_bytes(recorded), Path::new("made.spectra"))
    };
    assert!(with(&mut recorded, 1e30).is_ok());
    for value in [1e39, f64::INFINITY, f64::NAN] {
        let error = with(&mut recorded, value).unwrap_err().to_string();
        assert!(error.contains("made.spectra") && error.contains("no numbers"), "{error}");
    }
    // What was kept whole is a file, too, and reads back as what it was.
    let folder = long(0.1);
    say(folder.path(), "spectra capture.wav -o x.spectra").done();
    let mut recorded = read_spectra(&folder.path().join("x.spectra")).unwrap();
    recorded.heard.spectra = recorded.heard.spectra.into_whole();
    let again = spectra_from_bytes(&spectra_to_bytes(&recorded), Path::new("whole.spectra")).unwrap();
    assert_eq!(again.heard.spectra.mean(), recorded.heard.spectra.mean());
}

#[test]
fn spectra_are_added_into_one_file() {
    let folder = long(0.3);
    for k in 1..=2 {
        say(folder.path(), &format!("spectra capture.wav --slice {k}/2 -o n{k}.spectra")).done();
    }
    say(folder.path(), "spectra n1.spectra n2.spectra -o sum.spectra").done();
    assert_eq!(located(folder.path(), "sum.spectra"), located(folder.path(), "n1.spectra n2.spectra"));
    say(folder.path(), "spectra n1.spectra n2.spectra --band 30..40kHz -o no.spectra").refused(2, &["--band"]);
    say(folder.path(), "spectra n1.spectra capture.wav -o no.spectra").refused(2, &["captures and spectra"]);
    say(folder.path(), "spectra sum.spectra n1.spectra -o no.spectra").refused(2, &["once more"]);
}
