//! Where more sensors help most: one after the other, each where the mean square error over the walls falls farthest.

use rayon::prelude::*;

use super::Options;
use crate::error::{Error, Result};
use crate::locate::{Array, Cover, Foreseen};
use crate::propagation::Medium;
use crate::site::{PathKind, Point3, Sensor, Site, WallPoint};

/// Places of the walls over which errors are averaged, and places on the walls that are tried.
const JUDGES: usize = 150;
const TRIED: usize = 160;

/// Microphones stand so far off the wall.
const OFF_WALL_M: f64 = 0.1;

/// Errors beyond this share of the walls' extent are as bad as none known at all.
const LOST: f64 = 0.25;

/// A sensor that helps.
#[derive(Debug, Clone)]
pub struct Added {
    /// Where it should stand, metres.
    pub position_m: Point3,
    /// The nearest place of a wall.
    pub foot: WallPoint,
    /// Root mean square error over the walls with it, and before it, metres.
    pub rms_m: [f64; 2],
    /// The weakest leak that is found in nine tenths of the walls, level at 1 m over the noise of one sensor, decibels: with it,
    /// and before it.
    pub weakest_db: [f64; 2],
}

/// Proposes the sensors that are asked for; a leak's power at 1 m is `level` times the noise of one sensor.
///
/// # Errors
/// [`Error::Request`] where the site cannot take more sensors.
pub fn added(array: &Array<'_>, options: &Options, level: f64) -> Result<Vec<Added>> {
    if options.add == 0 {
        return Ok(Vec::new());
    }
    let cover = Cover::coarse(array);
    let judges = cover.spread(array, JUDGES);
    let places = candidates(array.site, options, &cover.spread(array, TRIED));
    let mut site = array.site.clone();
    let mut added: Vec<Added> = Vec::new();
    for _ in 0..options.add {
        let before = worth(&site, array, &judges, options, level)?;
        let free = |place: &&Place| site.sensors.iter().all(|s| (s.position_m - place.position_m).norm() > 1e-3);
        let tried: Vec<(&Place, f64)> = places
            .par_iter()
            .filter(|place| free(place))
            .filter_map(|place| {
                let with = with(&site, place);
                let rms_m = rms(&with, array, &judges, options, level).ok()?;
                Some((place, rms_m))
            })
            .collect();
        let best = tried.into_iter().min_by(|x, y| x.1.total_cmp(&y.1));
        let Some((place, _)) = best else {
            return Err(Error::request("no place is left for another sensor; name more with --at X,Y,Z"));
        };
        site = with(&site, place);
        let after = worth(&site, array, &judges, options, level)?;
        added.push(Added {
            position_m: place.position_m,
            foot: site.nearest(&place.position_m),
            rms_m: [after.0, before.0],
            weakest_db: [after.1, before.1],
        });
    }
    Ok(added)
}

/// Where a sensor may stand.
struct Place {
    position_m: Point3,
    foot: Option<WallPoint>,
}

fn candidates(site: &Site, options: &Options, on_walls: &[WallPoint]) -> Vec<Place> {
    let fixed = matches!(site.path, PathKind::Plate(_));
    if !options.rail.is_empty() {
        let place = |at: &Point3| {
            let foot = site.nearest(at);
            Place { position_m: if fixed { foot.position_m } else { *at }, foot: fixed.then_some(foot) }
        };
        return options.rail.iter().map(place).collect();
    }
    let middle = on_walls.iter().map(|p| p.position_m).sum::<Point3>() / on_walls.len() as f64;
    let place = |foot: &WallPoint| match fixed {
        true => Place { position_m: foot.position_m, foot: Some(*foot) },
        false => {
            let inward = middle - foot.position_m;
            let distance_m = inward.norm().max(1e-9);
            Place { position_m: foot.position_m + inward * (OFF_WALL_M.min(distance_m) / distance_m), foot: None }
        }
    };
    on_walls.iter().map(place).collect()
}

/// The site with one more sensor, on the clock of the first and as well known as the median one.
fn with(site: &Site, place: &Place) -> Site {
    let mut site = site.clone();
    let mut sigmas: Vec<f64> = site.sensors.iter().map(|s| s.position_sigma_m).collect();
    sigmas.sort_by(f64::total_cmp);
    let first = site.sensors[0].clone();
    let channel =
        site.sensors.iter().filter(|s| s.recorder == first.recorder).map(|s| s.channel).max().unwrap_or(0) + 1;
    site.sensors.push(Sensor {
        id: format!("new {channel}"),
        channel,
        position_m: place.position_m,
        foot: place.foot,
        position_sigma_m: sigmas[sigmas.len() / 2],
        disabled: false,
        ..first
    });
    site
}

fn listening<'a>(site: &'a Site, like: &Array<'_>) -> Result<Array<'a>> {
    let sensors = (0..site.sensors.len()).filter(|&i| !site.sensors[i].disabled).collect();
    Array::new(site, Medium::of(site), like.band_hz, sensors)
}

/// Root mean square error over the places, metres.
fn rms(site: &Site, like: &Array<'_>, places: &[WallPoint], options: &Options, level: f64) -> Result<f64> {
    let array = listening(site, like)?;
    let foreseen = Foreseen::new(&array, options.duration_s);
    let lost_m2 = (LOST * array.extent_m()).powi(2);
    let square =
        |place: &WallPoint| foreseen.expected(place, level).map_or(lost_m2, |e| e.covariance_m2.trace().min(lost_m2));
    Ok((places.iter().map(square).sum::<f64>() / places.len() as f64).sqrt())
}

/// That error, and the weakest leak found in nine tenths of the places, decibels.
fn worth(site: &Site, like: &Array<'_>, places: &[WallPoint], options: &Options, level: f64) -> Result<(f64, f64)> {
    let array = listening(site, like)?;
    let foreseen = Foreseen::new(&array, options.duration_s);
    let weakest = |place: &WallPoint| crate::units::power_db(foreseen.weakest(place, options.alarm));
    let mut levels: Vec<f64> = places.par_iter().map(weakest).collect();
    levels.sort_by(f64::total_cmp);
    Ok((rms(site, like, places, options, level)?, levels[levels.len() * 9 / 10]))
}
