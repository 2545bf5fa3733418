//! Which channels take part: a dead one must not reach a denominator, a clipped one keeps its phase and stays.

use super::SensorReport;
use super::prepare::Preparation;
use crate::cross_spectra::Heard;
use crate::site::Site;
use crate::units::power_db;

/// A channel this far below the median of all is dead: what it shows is its own electronics. A channel recorded with too
/// little gain, or in the shadow of a rack, is 20 dB down and still knows when the sound arrives.
const DEAD_DB: f64 = -30.0;

/// What became of the channels.
#[derive(Debug)]
pub struct Channels {
    /// Channels of the matrix that take part, in growing order.
    pub kept: Vec<usize>,
    /// One report a sensor of the site.
    pub reports: Vec<SensorReport>,
    /// What was left out or is odd, in sentences.
    pub warnings: Vec<String>,
}

/// Judges every channel by its in-band level, corrected by the gain the site states, and by its rails.
pub fn judge(site: &Site, preparation: &Preparation, resolutions: &[f32], heard: &Heard) -> Channels {
    let spacing_hz = preparation.layout.spacing_hz();
    let power: Vec<f64> = heard.spectra.powers().rows().into_iter().map(|row| row.sum() * spacing_hz).collect();
    let mut alive: Vec<f64> = power.iter().copied().filter(|p| *p > 0.0).collect();
    alive.sort_by(f64::total_cmp);
    let median = alive.get(alive.len() / 2).copied().unwrap_or(0.0);
    let mut channels = Channels { kept: Vec::new(), reports: Vec::new(), warnings: Vec::new() };
    let mut clipped = Vec::new();
    for (index, sensor) in site.sensors.iter().enumerate() {
        let row = preparation.array.sensors.iter().position(|&i| i == index);
        let mut report = SensorReport {
            id: sensor.id.clone(),
            channel: sensor.channel,
            used: false,
            faults: Vec::new(),
            level_db: f64::NEG_INFINITY,
            snr_db: None,
            range_residual: None,
        };
        if let Some(row) = row {
            let health = &heard.health[row];
            let resolution = resolutions[row];
            // The gain is undone in the matrix; the recorder's own level is what a person reads off it.
            report.level_db = power_db(power[row]) + sensor.gain_db;
            let below_db = power_db(power[row] / median);
            if health.is_constant() || below_db.is_nan() || below_db <= DEAD_DB {
                report.faults.push("dead");
                let how = if health.is_constant() {
                    "shows no signal at all".into()
                } else {
                    format!("is {:.0} dB below the others", -below_db)
                };
                channels.warnings.push(format!(
                    "sensor '{}' (channel {}) {how}: left out; check its cable and amplifier",
                    sensor.id, sensor.channel
                ));
            } else {
                report.used = true;
                channels.kept.push(row);
                if health.is_clipped(resolution) {
                    report.faults.push("clipped");
                    clipped.push((format!("'{}'", sensor.id), 100.0 * health.fraction_at_peak()));
                }
            }
        }
        channels.reports.push(report);
    }
    if let Some(worst) = clipped.iter().map(|(_, share)| *share).reduce(f64::max) {
        let names: Vec<_> = clipped.iter().map(|(name, _)| name.as_str()).collect();
        channels.warnings.push(format!(
            "sensors {} clip, up to {worst:.2} % of their samples: kept, since delays survive clipping; turn their gain down",
            names.join(", ")
        ));
    }
    channels
}
