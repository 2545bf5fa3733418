//! Quantities as people write them, and the few conversions the crate needs.
//!
//! Inside the crate every number is SI and carries its unit in its name; text with units is met only here.

use crate::error::{Error, Result};

/// Decibels of a power ratio.
pub fn power_db(ratio: f64) -> f64 {
    10.0 * ratio.log10()
}

/// Amplitude ratio of `level_db`.
pub fn amplitude_from_db(level_db: f64) -> f64 {
    10f64.powf(level_db / 20.0)
}

/// Power ratio of `level_db`.
pub fn power_from_db(level_db: f64) -> f64 {
    10f64.powf(level_db / 10.0)
}

/// `1 channel`, `2 channels`.
pub fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

const FREQUENCY: &[(&str, f64)] = &[("mhz", 1e6), ("khz", 1e3), ("hz", 1.0)];
const LENGTH: &[(&str, f64)] = &[("mm", 1e-3), ("cm", 1e-2), ("km", 1e3), ("m", 1.0)];
const TIME: &[(&str, f64)] = &[("ms", 1e-3), ("us", 1e-6), ("µs", 1e-6), ("min", 60.0), ("s", 1.0), ("h", 3600.0)];

/// A frequency with its unit, in hertz: `20kHz`, `0.1MHz`, `800 Hz`.
///
/// # Errors
/// [`Error::Request`] for a bare number, an unknown unit or anything not finite.
pub fn frequency_hz(text: &str) -> Result<f64> {
    quantity(text, FREQUENCY, "kHz")
}

/// A time with its unit, in seconds: `1.5s`, `250ms`, `2min`.
///
/// # Errors
/// As [`frequency_hz`].
pub fn time_s(text: &str) -> Result<f64> {
    quantity(text, TIME, "s")
}

/// A length with its unit, in metres: `3mm`, `2.35m`.
///
/// # Errors
/// As [`frequency_hz`].
pub fn length_m(text: &str) -> Result<f64> {
    quantity(text, LENGTH, "m")
}

/// A frequency range `LO..HI` in hertz; the lower end may borrow the unit of the upper: `20..60kHz`.
///
/// # Errors
/// [`Error::Request`] where a unit is missing, or the range is empty or reversed.
///
/// # Examples
/// ```
/// assert_eq!(pinhole::units::band_hz("20..60kHz").unwrap(), (20e3, 60e3));
/// assert!(pinhole::units::band_hz("20..60").is_err());
/// ```
pub fn band_hz(text: &str) -> Result<(f64, f64)> {
    let (low, high) = text
        .split_once("..")
        .ok_or_else(|| Error::request(format!("band '{text}' is not LO..HI; write it as 20kHz..60kHz")))?;
    let high_hz = frequency_hz(high)?;
    let low_hz = if low.trim().parse::<f64>().is_ok() {
        let unit = high.trim().trim_start_matches(|c: char| !c.is_alphabetic());
        frequency_hz(&format!("{}{unit}", low.trim()))?
    } else {
        frequency_hz(low)?
    };
    if low_hz < 0.0 || low_hz >= high_hz {
        return Err(Error::request(format!("band '{text}' runs from high to low; write the lower end first")));
    }
    Ok((low_hz, high_hz))
}

fn quantity(text: &str, units: &[(&str, f64)], usual: &str) -> Result<f64> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_alphabetic() || c.is_whitespace());
    let unit = text[digits.len()..].trim().to_lowercase();
    let value: f64 = digits
        .parse()
        .ok()
        .filter(|v: &f64| v.is_finite())
        .ok_or_else(|| Error::request(format!("'{text}' is not a quantity; write it like 20{usual}")))?;
    if unit.is_empty() {
        return Err(Error::request(format!("'{text}' has no unit; write {text}{usual}")));
    }
    let (_, scale) = units.iter().find(|(name, _)| *name == unit).ok_or_else(|| {
        let known: Vec<_> = units.iter().map(|(name, _)| *name).collect();
        Error::request(format!("'{text}' has the unit '{unit}'; known here: {}", known.join(", ")))
    })?;
    Ok(value * scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_need_their_unit() {
        assert_eq!(frequency_hz("20kHz").unwrap(), 20e3);
        assert_eq!(frequency_hz("1.5 MHz").unwrap(), 1.5e6);
        assert_eq!(time_s("250ms").unwrap(), 0.25);
        let bare = frequency_hz("20").unwrap_err().to_string();
        assert!(bare.contains("write 20kHz"), "{bare}");
        assert!(time_s("3kHz").is_err());
        assert!(time_s("infs").is_err() && time_s("s").is_err());
    }

    #[test]
    fn bands_share_a_unit_and_run_upwards() {
        assert_eq!(band_hz("20kHz..60kHz").unwrap(), (20e3, 60e3));
        assert_eq!(band_hz("800Hz..2kHz").unwrap(), (800.0, 2e3));
        assert!(band_hz("60..20kHz").is_err());
        assert!(band_hz("20kHz").is_err());
    }
}
