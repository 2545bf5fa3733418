//! What in a scene cannot be simulated, told before anything is.

use super::paths::Room;
use super::scene::{Leak, Scene};
use crate::error::{Error, Result};
use crate::propagation::audible_walls;

/// Independent frequencies that a leak's band must hold to be noise at all.
const MIN_BINS: f64 = 8.0;

/// Refuses a scene whose lists do not fit its site, and sources that the capture, the band or the path has no room for.
pub(super) fn check(scene: &Scene) -> Result<()> {
    let truth = &scene.deviations;
    let (sensors, recorders) = (scene.site.sensors.len(), scene.site.recorders.len());
    for (what, count, expected) in [
        ("gain_db", truth.gain_db.len(), sensors),
        ("delay_s", truth.delay_s.len(), sensors),
        ("polarity", truth.polarity.len(), sensors),
        ("recorder_offset_s", truth.recorder_offset_s.len(), recorders),
        ("recorder_ppm", truth.recorder_ppm.len(), recorders),
    ] {
        if count != 0 && count != expected {
            return Err(Error::request(format!(
                "the scene's {what} holds {count} numbers; needed: none or {expected}"
            )));
        }
    }
    check_edges(scene)?;
    let nyquist_hz = f64::from(scene.capture.sample_rate_hz) / 2.0;
    for Leak { band_hz: [low, high], tap_s, .. } in &scene.leaks {
        if tap_s.is_some_and(|tap_s| tap_s >= scene.capture.duration_s) {
            return Err(Error::request(format!(
                "a leak's tap_s lies beyond the capture, which is {} s long",
                scene.capture.duration_s
            )));
        }
        if !(low < high && *high <= nyquist_hz) {
            return Err(Error::request(format!(
                "a leak's band is {low}..{high} Hz; needed: upwards, and at most half the sample rate, {nyquist_hz} Hz"
            )));
        }
        if (high - low) * scene.capture.duration_s < MIN_BINS {
            let needed_hz = MIN_BINS / scene.capture.duration_s;
            return Err(Error::request(format!(
                "a leak's band is {low}..{high} Hz; needed: {needed_hz} Hz or more for a capture this short"
            )));
        }
    }
    Ok(())
}

/// Refuses mirrors that do not fit the path, and leaks where no sensor can hear them.
fn check_edges(scene: &Scene) -> Result<()> {
    let along = scene.site.sensors.iter().any(|s| s.foot.is_some());
    let edges = scene.reflection.as_ref().map(|r| r.room == Room::Edges);
    if edges.is_some_and(|edges| edges != along) {
        let what = if along { "edges = true along a wall" } else { "box_m or tunnel in air" };
        return Err(Error::request(format!("the scene's reflection does not fit its path; needed: {what}")));
    }
    let walls = audible_walls(&scene.site, &(0..scene.site.sensors.len()).collect::<Vec<_>>())?;
    let wall = &scene.site.walls[walls[0]];
    if along && wall.mesh().is_some() {
        return Err(Error::request("waves along a mesh are not simulated; give the wall by its shape"));
    }
    if along && edges.is_some() && !matches!(wall.kind, "plate" | "cylinder") {
        return Err(Error::request(format!(
            "edges of a {} are not simulated; needed: a plate or a cylinder",
            wall.kind
        )));
    }
    match scene.leaks.iter().find(|leak| !walls.contains(&leak.place.wall)) {
        Some(leak) => Err(Error::request(format!(
            "a leak is on wall '{}', and the sensors hear wall '{}' only",
            scene.site.walls[leak.place.wall].id, wall.id
        ))),
        None => Ok(()),
    }
}
