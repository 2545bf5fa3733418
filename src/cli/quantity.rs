//! Quantities on the command line, each with its unit.

use pinhole::site::Point3;
use pinhole::units;

/// A frequency range.
#[derive(Debug, Clone, Copy)]
pub struct BandHz(pub f64, pub f64);

/// Parses `LO..HI` with units.
pub fn band(text: &str) -> Result<BandHz, String> {
    units::band_hz(text).map(|(low, high)| BandHz(low, high)).map_err(|e| e.to_string())
}

/// Parses a time with its unit.
pub fn time_s(text: &str) -> Result<f64, String> {
    units::time_s(text).map_err(|e| e.to_string())
}

/// Parses a probability, `1%` or `0.01`, that an alarm may have.
pub fn probability(text: &str) -> Result<f64, String> {
    let (number, scale) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 0.01));
    let value = number.trim().parse::<f64>().ok().map(|x| x * scale);
    value
        .filter(|p| (1e-9..=0.5).contains(p))
        .ok_or_else(|| "write a probability from 0.0000001% to 50%, such as 1%".into())
}

/// Parses a number of threads.
pub fn threads(text: &str) -> Result<u16, String> {
    text.parse().ok().filter(|n| (1..=1024).contains(n)).ok_or_else(|| "write a number from 1 to 1024".into())
}

/// Parses a frequency with its unit.
pub fn frequency_hz(text: &str) -> Result<f64, String> {
    units::frequency_hz(text).map_err(|e| e.to_string())
}

/// Parses an amount of memory with its unit, in bytes.
pub fn memory_bytes(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, f64); 3] = [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
    let number = UNITS.iter().find_map(|(unit, scale)| {
        let number = text.trim().strip_suffix(unit)?.trim().parse::<f64>().ok()?;
        (number * scale >= 1.0 && number.is_finite()).then_some((number * scale) as u64)
    });
    number.ok_or_else(|| format!("'{text}' is not an amount of memory; write it like 2GB"))
}

/// Parses a gain with its unit.
pub fn gain_db(text: &str) -> Result<f64, String> {
    let number = text.trim().strip_suffix("dB").or(text.trim().strip_suffix("db"));
    let value = number.and_then(|number| number.trim().parse::<f64>().ok());
    value.filter(|db| db.abs() <= 300.0).ok_or_else(|| format!("'{text}' is not a gain; write it like 30dB"))
}

/// Parses a place, `X,Y,Z` in metres.
pub fn place_m(text: &str) -> Result<Point3, String> {
    let parts: Vec<f64> =
        text.split(',').filter_map(|part| part.trim().trim_end_matches('m').trim().parse().ok()).collect();
    match parts[..] {
        [x, y, z] if text.split(',').count() == 3 && parts.iter().all(|v| v.is_finite()) => Ok(Point3::new(x, y, z)),
        _ => Err(format!("'{text}' is not a place; write three metres, as 0.98,-0.19,1.54")),
    }
}

/// Several lengths, metres.
#[derive(Debug, Clone)]
pub struct Lengths(pub Vec<f64>);

/// Parses a length with its unit, in metres.
pub fn length_m(text: &str) -> Result<f64, String> {
    units::length_m(text).map_err(|e| e.to_string())
}

/// Parses lengths parted by commas, each with its unit.
pub fn lengths_m(text: &str) -> Result<Lengths, String> {
    let lengths: Vec<f64> = text.split(',').map(length_m).collect::<Result<_, _>>()?;
    match lengths.iter().all(|m| (0.01..=1000.0).contains(m)) {
        true => Ok(Lengths(lengths)),
        false => Err(format!("'{text}': lengths from 1 cm to 1 km make a module")),
    }
}
