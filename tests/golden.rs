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

/// Compares word by word; numbers may differ by `digits` of the last printed digit, or by `share` of themselves.
fn same_text(a: &str, b: &str, digits: f64, share: f64) -> Result<(), String> {
    let (x, y): (Vec<_>, Vec<_>) = (tokens(a), tokens(b));
    if x.len() != y.len() {
        return Err(format!("{} words became {}", x.len(), y.len()));
    }
    for (v, w) in x.iter().zip(&y) {
        let close = match (v.parse::<f64>(), w.parse::<f64>()) {
            (Ok(p), Ok(q)) => {
                let decimals = v.split_once('.').map_or(0, |(_, d)| d.len() as i32);
                // Half a digit more, for the rounding of the decimal numbers themselves.
                (p - q).abs() <= (1.5 * digits * 10f64.powi(-decimals)).max(share * p.abs())
                    && (decimals > 0 || p == q || p.abs() >= 100.0)
            }
            _ => v == w,
        };
        if !close {
            return Err(format!("'{v}' became '{w}'"));
        }
    }
    Ok(())
}

/// Words, numbers and marks of a text.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let number = |c: char| c.is_ascii_digit() || c == '.';
        let word = |c: char| c.is_alphabetic();
        let length = if first.is_ascii_digit() {
            // A full stop that ends a sentence is no part of the number before it.
            let run = &rest[..rest.find(|c| !number(c)).unwrap_or(rest.len())];
            run.split("..").next().map_or(run.len(), |lone| lone.trim_end_matches('.').len())
        } else if word(first) {
            rest.find(|c| !word(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        tokens.push(&rest[..length]);
        rest = &rest[length..];
    }
    tokens
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
