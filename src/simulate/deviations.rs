//! Where a scene's truth departs from what its site file states.

use std::ops::RangeInclusive;

use crate::error::Result;
use crate::site::{Site, Table};

/// Where the truth departs from the site file. Lists are empty or have one entry a sensor (or recorder).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Deviations {
    /// One standard deviation of the sensors' true places about the stated ones along each axis, metres.
    pub position_error_m: f64,
    /// The true speed of sound is so much higher than stated, per cent.
    pub speed_error_pct: f64,
    /// The wall is so much thicker than stated, per cent.
    pub thickness_error_pct: f64,
    /// Indices of sensors that hear nothing.
    pub dead_sensors: Vec<usize>,
    /// Gain of each sensor beyond its stated one, decibels.
    pub gain_db: Vec<f64>,
    /// Delay of each sensor beyond its stated one, seconds.
    pub delay_s: Vec<f64>,
    /// Polarity of each sensor's channel beyond its stated one, 1 or −1.
    pub polarity: Vec<f64>,
    /// Channels clip at this multiple of their own RMS.
    pub clip_sigma: Option<f64>,
    /// Each recorder starts so much later than the first, seconds.
    pub recorder_offset_s: Vec<f64>,
    /// Each recorder's clock is so much faster than the first, parts per million.
    pub recorder_ppm: Vec<f64>,
}

/// Reads the table; gives the length of a background capture, too, seconds.
pub(super) fn read_truth(mut table: Table, site: &Site) -> Result<(Deviations, Option<f64>)> {
    let mut dead_sensors = Vec::new();
    for id in table.strings("dead_channels")? {
        let index = site.sensors.iter().position(|s| s.id == id);
        let what = || table.error_of("dead_channels", format!("no sensor is called '{id}'; give sensor ids"));
        dead_sensors.push(index.ok_or_else(what)?);
    }
    let sensors = site.sensors.len();
    let deviations = Deviations {
        position_error_m: table.opt_f64("position_error_m", 0.0..=10.0)?.unwrap_or(0.0),
        speed_error_pct: table.opt_f64("speed_error_pct", -50.0..=50.0)?.unwrap_or(0.0),
        thickness_error_pct: table.opt_f64("thickness_error_pct", -90.0..=90.0)?.unwrap_or(0.0),
        dead_sensors,
        gain_db: list(&mut table, "gain_db", -200.0..=200.0, sensors)?,
        delay_s: list(&mut table, "delay_s", -1.0..=1.0, sensors)?,
        polarity: list(&mut table, "polarity", -1.0..=1.0, sensors)?,
        clip_sigma: table.opt_f64("clip_sigma", 1e-3..=100.0)?,
        recorder_offset_s: list(&mut table, "recorder_offset_s", -60.0..=60.0, site.recorders.len())?,
        recorder_ppm: list(&mut table, "recorder_ppm", -1000.0..=1000.0, site.recorders.len())?,
    };
    if let Some(odd) = deviations.polarity.iter().find(|p| p.abs() != 1.0) {
        return Err(table.error_of("polarity", format!("'polarity' holds {odd}; needed: 1 or -1 for each sensor")));
    }
    for (key, values) in
        [("recorder_offset_s", &deviations.recorder_offset_s), ("recorder_ppm", &deviations.recorder_ppm)]
    {
        if site.recorders.iter().zip(values).any(|(recorder, value)| recorder.clock == 0 && *value != 0.0) {
            let what = format!("'{key}' moves a recorder that shares the first one's clock; needed: 0 there");
            return Err(table.error_of(key, what));
        }
    }
    let background_duration_s = table.opt_f64("background_duration_s", 1e-3..=86_400.0)?;
    table.finish()?;
    Ok((deviations, background_duration_s))
}

fn list(table: &mut Table, key: &'static str, range: RangeInclusive<f64>, count: usize) -> Result<Vec<f64>> {
    let values = table.opt_list(key, range)?.unwrap_or_default();
    if values.is_empty() || values.len() == count {
        return Ok(values);
    }
    Err(table
        .error_of(key, format!("'{key}' holds {} numbers; needed: {count}, in the order of the file", values.len())))
}
