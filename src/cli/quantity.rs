//! Quantities on the command line, each with its unit.

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
