//! What a calibration found, for people and for programs.

use std::fmt::Write;

use serde::Serialize;

use super::planning::length;
use super::words::printable;
use crate::calibrate::{Calibration, Change, Clock};
use crate::site::{Point3, Site};

/// The conclusion in one line.
pub(super) fn headline(calibration: &Calibration) -> String {
    let [before, after] = calibration.rms_m();
    format!("What is left of the ranges: {} → {} (root mean square)", length(before), length(after))
}

/// What a terminal shows.
pub fn calibration_text(site: &Site, calibration: &Calibration) -> String {
    let mut out = String::new();
    let name = if site.name.is_empty() { String::new() } else { format!("{}: ", printable(&site.name)) };
    let mut line = |text: String| writeln!(out, "{text}").expect("a string grows");
    let [low, high] = calibration.band_hz.map(|hz| hz / 1e3);
    let [place_m, range_m] = calibration.scatter;
    line(format!(
        "{name}{} sensors, {} {}, {low:.1} to {high:.1} kHz",
        calibration.sensors.len(),
        calibration.fits.len(),
        if calibration.fits.len() == 1 { "source" } else { "sources" }
    ));
    line(headline(calibration));
    // Of a few sources the residuals say little.
    if calibration.fits.len() > 3 {
        line(format!(
            "  sources are where they are said to be to ± {}, a range by itself is known to ± {}",
            length(place_m),
            length(range_m)
        ));
    }
    let speed = calibration.speed_m_s;
    match (calibration.wavenumber, calibration.thickness_m) {
        (None, _) => {
            line(format!("  speed      {:.1} m/s as the site says; these sources do not tell it better", speed.before))
        }
        (Some(_), Some(t)) => {
            line(format!("  thickness  {:.3} mm → {:.3} ± {:.3} mm", t.before * 1e3, t.after * 1e3, t.sigma * 1e3))
        }
        (Some(_), None) => {
            line(format!("  speed      {:.2} m/s → {:.2} ± {:.2} m/s", speed.before, speed.after, speed.sigma));
        }
    }
    for clock in &calibration.clocks {
        let id = |recorder: usize| printable(&site.recorders[recorder].id);
        let told = [
            clock.offset_s.map(|(offset_s, sigma_s)| {
                let when = if offset_s < 0.0 { "before" } else { "after" };
                format!("started {:.8} s {when} {}, ± {:.2} µs", offset_s.abs(), id(0), 1e6 * sigma_s)
            }),
            clock.drift_ppm.map(|(ppm, sigma)| {
                let runs = if ppm < 0.0 { "slow" } else { "fast" };
                format!("runs {:.2} ± {sigma:.2} ppm {runs}", ppm.abs())
            }),
        ];
        let told: Vec<String> = told.into_iter().flatten().collect();
        if !told.is_empty() {
            line(format!("  clock      {} {}", id(clock.recorder), told.join(", ")));
        }
    }
    for found in &calibration.sensors {
        let id = printable(&site.sensors[found.sensor].id);
        let mut parts = Vec::new();
        if let Some(Change { before, after, sigma }) = found.delay_s {
            parts.push(format!("delay {:+.2} → {:+.2} ± {:.2} µs", before * 1e6, after * 1e6, sigma * 1e6));
        }
        if let Some(Change { before, after, sigma }) = found.position_m {
            parts.push(format!("moved {} (± {})", length((after - before).norm()), length(sigma)));
        }
        if let Some(Change { before, after, sigma }) = found.gain_db {
            parts.push(format!("gain {before:+.1} → {after:+.1} ± {sigma:.1} dB"));
        }
        if let Some(change) = found.polarity.filter(|p| p.before != p.after) {
            parts.push(format!("polarity {:+} → {:+}", change.before, change.after));
        }
        line(format!("  {id:<10} {}", parts.join(", ")));
    }
    out
}

#[derive(Serialize)]
struct CalibrationRecord<'a> {
    format: &'static str,
    version: u32,
    site: &'a str,
    band_hz: [f64; 2],
    rms_residual_before_m: f64,
    rms_residual_m: f64,
    source_sigma_m: f64,
    range_sigma_m: f64,
    speed_m_s: ChangeRecord<f64>,
    speed_is_told: bool,
    thickness_m: Option<ChangeRecord<f64>>,
    clocks: Vec<ClockRecord<'a>>,
    sensors: Vec<SensorRecord<'a>>,
    sources: Vec<SourceRecord<'a>>,
    warnings: &'a [String],
}

#[derive(Serialize)]
struct ChangeRecord<T> {
    before: T,
    after: T,
    sigma: f64,
}

#[derive(Serialize)]
struct ClockRecord<'a> {
    recorder: &'a str,
    reference: &'a str,
    offset_s: Option<f64>,
    offset_sigma_s: Option<f64>,
    drift_ppm: Option<f64>,
    drift_sigma_ppm: Option<f64>,
    sources: usize,
}

#[derive(Serialize)]
struct SensorRecord<'a> {
    id: &'a str,
    delay_s: Option<ChangeRecord<f64>>,
    gain_db: Option<ChangeRecord<f64>>,
    polarity: Option<ChangeRecord<f64>>,
    position_m: Option<ChangeRecord<[f64; 3]>>,
    range_sigma_m: f64,
}

#[derive(Serialize)]
struct SourceRecord<'a> {
    position_m: [f64; 3],
    ranges: Vec<RangeRecord<'a>>,
}

#[derive(Serialize)]
struct RangeRecord<'a> {
    sensor: &'a str,
    residual_before_m: f64,
    residual_m: f64,
    used: bool,
}

impl From<Change<f64>> for ChangeRecord<f64> {
    fn from(change: Change<f64>) -> Self {
        Self { before: change.before, after: change.after, sigma: change.sigma }
    }
}

impl From<Change<Point3>> for ChangeRecord<[f64; 3]> {
    fn from(change: Change<Point3>) -> Self {
        Self { before: change.before.into(), after: change.after.into(), sigma: change.sigma }
    }
}

/// `calibration.json`.
pub fn calibration_json(site: &Site, calibration: &Calibration) -> String {
    let id = |sensor: usize| site.sensors[sensor].id.as_str();
    let [rms_residual_before_m, rms_residual_m] = calibration.rms_m();
    let [source_sigma_m, range_sigma_m] = calibration.scatter;
    let sensors = calibration.sensors.iter().map(|found| SensorRecord {
        id: id(found.sensor),
        delay_s: found.delay_s.map(Into::into),
        gain_db: found.gain_db.map(Into::into),
        polarity: found.polarity.map(Into::into),
        position_m: found.position_m.map(Into::into),
        range_sigma_m: found.range_sigma_m,
    });
    let sources = calibration.fits.iter().map(|fit| SourceRecord {
        position_m: fit.place_m.into(),
        ranges: fit
            .sensors
            .iter()
            .zip(&fit.residual_m)
            .zip(&fit.counts)
            .map(|((&sensor, &[residual_before_m, residual_m]), &used)| RangeRecord {
                sensor: id(sensor),
                residual_before_m,
                residual_m,
                used,
            })
            .collect(),
    });
    let clock = |clock: &Clock| ClockRecord {
        recorder: &site.recorders[clock.recorder].id,
        reference: &site.recorders[0].id,
        offset_s: clock.offset_s.map(|o| o.0),
        offset_sigma_s: clock.offset_s.map(|o| o.1),
        drift_ppm: clock.drift_ppm.map(|d| d.0),
        drift_sigma_ppm: clock.drift_ppm.map(|d| d.1),
        sources: clock.sources,
    };
    let record = CalibrationRecord {
        format: "pinhole-calibration",
        version: 1,
        site: &site.name,
        band_hz: calibration.band_hz,
        rms_residual_before_m,
        rms_residual_m,
        source_sigma_m,
        range_sigma_m,
        speed_m_s: calibration.speed_m_s.into(),
        speed_is_told: calibration.wavenumber.is_some(),
        thickness_m: calibration.thickness_m.map(Into::into),
        clocks: calibration.clocks.iter().map(clock).collect(),
        sensors: sensors.collect(),
        sources: sources.collect(),
        warnings: &calibration.warnings,
    };
    serde_json::to_string_pretty(&record).expect("numbers and strings") + "\n"
}
