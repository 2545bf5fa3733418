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
