//! Recorders and sensors of a site file.

use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;

use super::read_wall::{COORDINATE_M, by_id, place_on_wall};
use super::table::Table;
use super::{PathKind, Point3, Recorder, Sensor, Wall, WallPoint, nearest_on};
use crate::error::Result;

/// What a tape measure in a cabin gives.
const ASSUMED_POSITION_SIGMA_M: f64 = 0.001;

/// A contact sensor's stated place may be its middle rather than its foot, and the wall a little out of round.
const CONTACT_M: f64 = 0.03;

/// Sensors of one clock nearer to each other than that are one sensor, entered twice.
const APART_M: f64 = 0.001;

/// Nobody can say of an ultrasonic leak where it is by sensors known no better than that, metres.
const UNSURE_M: f64 = 0.1;

/// Farther than this, metres, from every wall, and than the walls are wide, a microphone hangs in another room, or a point slipped.
const FAR_M: f64 = 3.0;

/// How recorders' clocks may stand to each other: a day, and a thousandth.
const OFFSET_S: RangeInclusive<f64> = -86_400.0..=86_400.0;
const DRIFT_PPM: RangeInclusive<f64> = -1000.0..=1000.0;

/// The ids of one kind of table, each given once.
#[derive(Default)]
pub(super) struct Ids(HashSet<String>);

impl Ids {
    /// Takes the table's id.
    pub(super) fn take(&mut self, table: &mut Table) -> Result<String> {
        let id = table.string("id")?.to_owned();
        if id.is_empty() || id.chars().count() > 64 || id.chars().any(char::is_control) {
            return Err(table.error_of("id", "'id' is no name; needed: 1 to 64 characters that can be printed"));
        }
        if !self.0.insert(id.clone()) {
            return Err(table.error_of("id", format!("a second one with id '{id}'; give each its own")));
        }
        Ok(id)
    }
}

/// The recorders, in the order of the file; one called A where there is none.
pub(super) fn read_recorders(root: &mut Table) -> Result<Vec<Recorder>> {
    let mut ids = Ids::default();
    let mut recorders = Vec::new();
    for mut table in root.tables("recorder")? {
        let id = ids.take(&mut table)?;
        let locked = table.opt_choice("sync", &["shared", "free"])? != Some("free");
        if recorders.is_empty() && !locked {
            let what = "the first recorder is the clock of the others and cannot be 'free'; needed: sync = \"shared\"";
            return Err(table.error_of("sync", what));
        }
        let offset_s = measured(&mut table, ["offset_s", "offset_sigma_s"], OFFSET_S, locked)?;
        let drift_ppm = measured(&mut table, ["drift_ppm", "drift_sigma_ppm"], DRIFT_PPM, locked)?;
        table.finish()?;
        recorders.push(Recorder { id, clock: if locked { 0 } else { recorders.len() }, stand: 0, offset_s, drift_ppm });
    }
    if recorders.is_empty() {
        recorders.push(Recorder { id: "A".into(), ..Recorder::default() });
    }
    Ok(recorders)
}

/// What a site says of a clock, and how sure it is of it.
fn measured(
    table: &mut Table,
    [key, sigma_key]: [&'static str; 2],
    range: RangeInclusive<f64>,
    locked: bool,
) -> Result<Option<(f64, f64)>> {
    let sigmas = 0.0..=*range.end();
    match (table.opt_f64(key, range)?, table.opt_f64(sigma_key, sigmas)?) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) if locked => Err(table.error_of(
            key,
            format!("'{key}' of a recorder that shares the first one's clock; needed: sync = \"free\""),
        )),
        (Some(value), Some(sigma)) => Ok(Some((value, sigma))),
        _ => Err(table.error(format!("'{key}' and '{sigma_key}' belong together; needed: both, or neither"))),
    }
}

/// What is taken at its word of the sensors' places, though it is hardly meant.
fn doubtful(sensors: &[Sensor], walls: &[Wall], path: &PathKind) -> Vec<String> {
    let named = |is_so: &dyn Fn(&Sensor) -> bool| -> Option<String> {
        let ids = sensors.iter().filter(|sensor| !sensor.disabled && is_so(sensor)).map(|sensor| sensor.id.as_str());
        Some(ids.collect::<Vec<_>>().join(", ")).filter(|ids| !ids.is_empty())
    };
    let unsure = named(&|sensor| sensor.position_sigma_m > UNSURE_M).map(|ids| {
        format!("position_sigma_m of {ids} is more than {UNSURE_M} m: too much to locate anything by; is it in metres?")
    });
    let extent_m = walls.iter().map(Wall::area_m2).sum::<f64>().sqrt();
    let off_m = |place: &Point3| (nearest_on(walls, place).position_m - place).norm();
    let far = |sensor: &Sensor| matches!(path, PathKind::Air(_)) && off_m(&sensor.position_m) > extent_m.max(FAR_M);
    let far = named(&far)
        .map(|ids| format!("farther than {:.1} m from every wall: {ids}; check position_m", extent_m.max(FAR_M)));
    unsure.into_iter().chain(far).collect()
}

/// The sensors, in the order of the file.
pub(super) fn read_sensors(
    root: &mut Table,
    walls: &[Wall],
    recorders: &[Recorder],
    path: &PathKind,
    assumptions: &mut Vec<String>,
) -> Result<Vec<Sensor>> {
    let mut ids = Ids::default();
    let mut on_channel: HashMap<(usize, usize), String> = HashMap::new();
    let mut unsure = Vec::new();
    let mut sensors: Vec<Sensor> = Vec::new();
    for mut table in root.tables("sensor")? {
        let id = ids.take(&mut table)?;
        let recorder = match table.opt_string("recorder")? {
            Some(name) => by_id(&table, "recorder", name, recorders.iter().map(|r| r.id.as_str()))?,
            None => 0,
        };
        let channel = table.whole("channel", 1..=4096)? as usize;
        if let Some(other) = on_channel.insert((recorder, channel), id.clone()) {
            let on = &recorders[recorder].id;
            let what = format!("'{other}' and '{id}' both stand on channel {channel} of recorder '{on}'; move one");
            return Err(table.error_of("channel", what));
        }
        let (position_m, on_wall) = read_place(&mut table, walls)?;
        let position_sigma_m = table.opt_f64("position_sigma_m", 0.0..=100.0)?.unwrap_or_else(|| {
            unsure.push(id.clone());
            ASSUMED_POSITION_SIGMA_M
        });
        let foot = match path {
            PathKind::Air(_) => None,
            PathKind::Plate(_) => Some(foot(&table, walls, (position_m, position_sigma_m), on_wall, &id)?),
        };
        let disabled = table.flag("disabled")?;
        let at_it = |other: &&Sensor| {
            !other.disabled
                && recorders[other.recorder].clock == recorders[recorder].clock
                && (other.position_m - position_m).norm() < APART_M
        };
        if let Some(other) = sensors.iter().find(at_it).filter(|_| !disabled) {
            let what = format!("'{}' and '{id}' stand at the same place; measure both again", other.id);
            return Err(table.error(what));
        }
        sensors.push(Sensor {
            id,
            recorder,
            channel,
            position_m,
            foot,
            position_sigma_m,
            gain_db: table.opt_f64("gain_db", -200.0..=200.0)?.unwrap_or(0.0),
            delay_s: table.opt_f64("delay_s", -10.0..=10.0)?.unwrap_or(0.0),
            polarity: read_polarity(&mut table)?,
            disabled,
        });
        table.finish()?;
    }
    if sensors.iter().all(|s| s.disabled) {
        return Err(root.error("no [[sensor]] in use; needed: at least one that is not disabled"));
    }
    if !unsure.is_empty() {
        let who = if unsure.len() == sensors.len() { "any sensor".to_owned() } else { unsure.join(", ") };
        assumptions.push(format!(
            "the site does not say how sure the place of {who} is; {} mm (1 sigma) is assumed",
            ASSUMED_POSITION_SIGMA_M * 1e3
        ));
    }
    assumptions.extend(doubtful(&sensors, walls, path));
    Ok(sensors)
}

fn read_polarity(table: &mut Table) -> Result<f64> {
    let polarity = table.opt_f64("polarity", -1e3..=1e3)?.unwrap_or(1.0);
    if polarity.abs() == 1.0 {
        return Ok(polarity);
    }
    Err(table.error_of("polarity", format!("'polarity' is {polarity}; needed: 1 or -1")))
}

/// A sensor's place: three coordinates, or two on a wall.
fn read_place(table: &mut Table, walls: &[Wall]) -> Result<(Point3, Option<WallPoint>)> {
    let position = table.opt_array::<3>("position_m", COORDINATE_M)?;
    let on_wall = place_on_wall(table, walls)?;
    match (position, on_wall) {
        (Some(place), None) => Ok((Point3::from(place), None)),
        (None, Some(point)) => Ok((point.position_m, Some(point))),
        (Some(_), Some(_)) => Err(table.error_of("wall", "'position_m' and 'wall' both; keep one")),
        (None, None) => Err(table.error("no place; needed: position_m = [x, y, z], or wall, u_m and v_m")),
    }
}

/// The point of the wall that a contact sensor stands on.
fn foot(
    table: &Table,
    walls: &[Wall],
    (place, sigma_m): (Point3, f64),
    on_wall: Option<WallPoint>,
    id: &str,
) -> Result<WallPoint> {
    let foot = on_wall.unwrap_or_else(|| nearest_on(walls, &place));
    let off_m = (foot.position_m - place).norm();
    if off_m <= CONTACT_M + 5.0 * sigma_m {
        return Ok(foot);
    }
    Err(table.error_of(
        "position_m",
        format!(
            "'{id}' is {:.0} mm off the nearest wall, '{}'; guided waves need sensors on the wall: give wall, u_m and v_m, or \
             mend position_m",
            off_m * 1e3,
            walls[foot.wall].id
        ),
    ))
}
