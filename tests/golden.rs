//! Text and JSON of the shipped samples, against what they were when somebody last looked at them.
//!
//!     PINHOLE_BLESS=1 cargo test --release --test golden      takes what comes out now as right
//!
//! The text must agree word for word, and its numbers within one of the last printed digit. Numbers of the JSON may
//! differ by 1e-5 of the largest number under the same key: spectra are summed in single precision (6e-8 a step, some
//! 4 · 16 steps a block), and which vector instructions the FFT finds decides how that rounds; whole numbers, words and
//! the order of keys must agree.

mod common;

use std::collections::HashMap;
use std::path::PathBuf;

use common::text::{same_text, tokens};
use common::{root, say};
use serde_json::Value;

/// What two roundings of one number may differ by, of the largest under its key.
const TOLERANCE: f64 = 1e-5;

fn blessed(name: &str) -> PathBuf {
    root().join("tests/golden").join(name)
}

/// What stands in the golden file; today's text instead, and stored, where somebody blesses it.
fn golden(name: &str, today: &str) -> String {
    let path = blessed(name);
    if std::env::var_os("PINHOLE_BLESS").is_some_and(|value| value == "1") {
        std::fs::write(&path, today).unwrap();
    }
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}; make it with PINHOLE_BLESS=1", path.display()))
}

fn check(sample: &str) {
    let out = tempfile::tempdir().unwrap();
    let command = format!("locate samples/{sample}/capture.wav --no-plots --quiet --out {}", out.path().display());
    let text = say(root(), &command).done().stdout;
    let wanted = golden(&format!("{sample}.txt"), &text);
    if let Err(difference) = same_text(&wanted, &text, 1.0, 0.0) {
        panic!("{sample}.txt: {difference}\n--- blessed\n{wanted}\n--- now\n{text}");
    }
    let mut result = common::json(out.path().join("result.json"));
    let object = result.as_object_mut().unwrap();
    object.remove("timing_s");
    object["software"].as_object_mut().unwrap().remove("version");
    let today = serde_json::to_string_pretty(&result).unwrap() + "\n";
    let wanted: Value = serde_json::from_str(&golden(&format!("{sample}.json"), &today)).unwrap();
    let mut largest = HashMap::new();
    measure(&wanted, "", &mut largest);
    if let Err(difference) = same_json(&wanted, &result, "", &largest) {
        panic!("{sample}.json: {difference}");
    }
}

/// Largest magnitude under each key, places in lists not told apart.
fn measure(value: &Value, key: &str, largest: &mut HashMap<String, f64>) {
    match value {
        Value::Object(entries) => entries.iter().for_each(|(k, v)| measure(v, &format!("{key}.{k}"), largest)),
        Value::Array(items) => items.iter().for_each(|v| measure(v, key, largest)),
        Value::Number(number) => {
            let most = largest.entry(key.to_owned()).or_insert(0.0);
            *most = most.max(number.as_f64().unwrap_or(0.0).abs());
        }
        _ => {}
    }
}

fn same_json(a: &Value, b: &Value, key: &str, largest: &HashMap<String, f64>) -> Result<(), String> {
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            let (names_x, names_y): (Vec<_>, Vec<_>) = (x.keys().collect(), y.keys().collect());
            if names_x != names_y {
                return Err(format!("{key}: keys {names_x:?} became {names_y:?}"));
            }
            x.iter().zip(y).try_for_each(|((k, v), (_, w))| same_json(v, w, &format!("{key}.{k}"), largest))
        }
        (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
            x.iter().zip(y).try_for_each(|(v, w)| same_json(v, w, key, largest))
        }
        (Value::Number(x), Value::Number(y)) if x.is_f64() && y.is_f64() => {
            let (x, y) = (x.as_f64().unwrap(), y.as_f64().unwrap());
            let limit = TOLERANCE * largest.get(key).copied().unwrap_or(0.0);
            if (x - y).abs() <= limit { Ok(()) } else { Err(format!("{key}: {x} became {y}, more than {limit:e} off")) }
        }
        (Value::String(x), Value::String(y)) => same_text(x, y, 1.0, TOLERANCE).map_err(|e| format!("{key}: {e}")),
        (x, y) if x == y => Ok(()),
        (x, y) => Err(format!("{key}: {x} became {y}")),
    }
}

#[test]
fn the_tunnel_is_told_as_blessed() {
    check("tunnel");
}

#[test]
fn the_quiet_tunnel_is_told_as_blessed() {
    check("tunnel_quiet");
}

#[test]
fn a_changed_word_digit_or_key_is_noticed() {
    assert!(same_text("u 2.138 m", "u 2.139 m", 1.0, 0.0).is_ok());
    assert!(same_text("u 2.138 m", "u 2.140 m", 1.0, 0.0).is_err());
    assert!(same_text("28 pairs", "27 pairs", 1.0, 0.0).is_err());
    assert!(same_text("Leak on barrel", "Leak on aft", 1.0, 0.0).is_err());
    assert_eq!(tokens("20.0..80 kHz."), ["20.0", ".", ".", "80", " ", "kHz", "."]);
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let (a, mut largest) = (json(r#"{"x_m": [1.0, 1e-9], "n": 3}"#), HashMap::new());
    measure(&a, "", &mut largest);
    let same = |text: &str| same_json(&a, &json(text), "", &largest).is_ok();
    assert!(same(r#"{"x_m": [1.000009, 2e-9], "n": 3}"#));
    assert!(!same(r#"{"x_m": [1.00002, 1e-9], "n": 3}"#));
    assert!(!same(r#"{"x_m": [1.0, 1e-9], "n": 4}"#));
    assert!(!same(r#"{"x_m": [1.0], "n": 3}"#));
    assert!(!same(r#"{"y_m": [1.0, 1e-9], "n": 3}"#));
}
