//! A site file with some of its numbers changed, and everything else, comments too, as it was.

use std::path::Path;

use toml_edit::{Array, DocumentMut, Item, TableLike, Value};

use super::read::parse_site;
use super::{PathKind, PlateWave, Point3, Site, SpeedSigma};
use crate::error::{Error, Result};

/// Digits that are kept: a hundredth of a millimetre, a nanosecond, a hundredth of a decibel, and of a drift a hundred-thousandth of a part in a million.
const PLACE: i32 = 5;
const DELAY: i32 = 9;
const GAIN: i32 = 2;
const DRIFT: i32 = 5;

/// The text of a site file that says `now` where `text` says `before`; it is read again to be sure.
///
/// # Errors
/// [`Error::Request`] where the new file would not be read at `path`: files that it names are sought beside it.
pub fn restated(text: &str, before: &Site, now: &Site, path: &Path) -> Result<String> {
    let broken = |what: String| Error::request(format!("{}: {what}", path.display()));
    let mut document: DocumentMut = text.parse().map_err(|e: toml_edit::TomlError| broken(e.to_string()))?;
    if before.path != now.path
        && let Some(table) = document.get_mut("path").and_then(Item::as_table_like_mut)
    {
        restate_path(table, &before.path, &now.path);
    }
    let recorders = tables(document.get_mut("recorder"));
    for (table, (old, new)) in recorders.into_iter().zip(before.recorders.iter().zip(&now.recorders)) {
        let measured = [
            (["offset_s", "offset_sigma_s"], old.offset_s, new.offset_s, DELAY),
            (["drift_ppm", "drift_sigma_ppm"], old.drift_ppm, new.drift_ppm, DRIFT),
        ];
        for ([key, sigma_key], old, new, digits) in measured {
            if let Some((value, sigma)) = new.filter(|_| old != new) {
                set(table, key, rounded(value, digits).into());
                set(table, sigma_key, rounded(sigma, digits).into());
            }
        }
    }
    let sensors = tables(document.get_mut("sensor"));
    for (table, (old, new)) in sensors.into_iter().zip(before.sensors.iter().zip(&now.sensors)) {
        if old.position_m != new.position_m {
            match &new.foot.filter(|_| table.contains_key("wall")) {
                Some(foot) => {
                    set(table, "u_m", rounded(foot.u_m, PLACE).into());
                    set(table, "v_m", rounded(foot.v_m, PLACE).into());
                }
                None => set(table, "position_m", Value::Array(place(&new.position_m))),
            }
        }
        let numbers = [
            ("position_sigma_m", old.position_sigma_m, new.position_sigma_m, PLACE + 1),
            ("gain_db", old.gain_db, new.gain_db, GAIN),
            ("delay_s", old.delay_s, new.delay_s, DELAY),
        ];
        for (key, old, new, digits) in numbers {
            if old != new {
                set(table, key, rounded(new, digits).into());
            }
        }
        if old.polarity != new.polarity {
            set(table, "polarity", (new.polarity as i64).into());
        }
    }
    let text = document.to_string();
    parse_site(&text, &path.display().to_string())?;
    Ok(text)
}

/// The tables of a list, however it is written.
fn tables(list: Option<&mut Item>) -> Vec<&mut dyn TableLike> {
    match list {
        Some(Item::ArrayOfTables(tables)) => tables.iter_mut().map(|t| t as &mut dyn TableLike).collect(),
        Some(Item::Value(Value::Array(values))) => {
            values.iter_mut().filter_map(|v| v.as_inline_table_mut().map(|t| t as &mut dyn TableLike)).collect()
        }
        _ => Vec::new(),
    }
}

fn restate_path(table: &mut dyn TableLike, before: &PathKind, now: &PathKind) {
    match now {
        PathKind::Air(air) => {
            if let Some(speed_m_s) = air.speed_m_s {
                set(table, "speed_m_s", rounded(speed_m_s, 4).into());
            }
        }
        PathKind::Plate(plate) => match &plate.wave {
            PlateWave::Lamb { thickness_m, thickness_sigma_m, .. } => {
                set(table, "thickness_mm", rounded(thickness_m * 1e3, 5).into());
                if let Some(sigma_m) = thickness_sigma_m {
                    set(table, "thickness_sigma_mm", rounded(sigma_m * 1e3, 6).into());
                }
            }
            PlateWave::Fixed(speed_m_s) => set(table, "speed_m_s", rounded(*speed_m_s, 4).into()),
            PlateWave::Measured(_) => {}
        },
    }
    let sigma = |path: &PathKind| match path {
        PathKind::Air(air) => air.speed_sigma,
        PathKind::Plate(plate) => plate.speed_sigma,
    };
    if sigma(before) != sigma(now) {
        match sigma(now) {
            SpeedSigma::Absolute(m_s) => set(table, "speed_sigma_m_s", rounded(m_s, 4).into()),
            SpeedSigma::Relative(share) => set(table, "speed_sigma_pct", rounded(100.0 * share, 4).into()),
        }
    }
}

/// Gives a key a value; what is written beside the old one stays.
fn set(table: &mut dyn TableLike, key: &str, mut value: Value) {
    if let Some(old) = table.get(key).and_then(Item::as_value) {
        *value.decor_mut() = old.decor().clone();
    }
    table.insert(key, Item::Value(value));
}

fn place(position_m: &Point3) -> Array {
    position_m.iter().map(|x| rounded(*x, PLACE)).collect()
}

/// To so many decimal places, and never a negative zero.
fn rounded(value: f64, digits: i32) -> f64 {
    let text = format!("{value:.*}", digits.max(0) as usize);
    text.parse::<f64>().expect("digits that were just written") + 0.0
}
