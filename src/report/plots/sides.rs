//! The map of walls that cannot be laid flat: the module from four sides about its long axis.

use std::f64::consts::FRAC_PI_2;

use nalgebra::Vector3;

use super::look::{AXIS_PX, GREY, LEAK, SMALL_PX, WHITE, faded};
use super::markers::{self, Names};
use super::module::Camera;
use super::picture::{Align, Frame, Label, Level, Picture};
use super::solid::{Solid, triangles};
use crate::locate::Outcome;
use crate::report::words::shortened;
use crate::site::{Point3, Site, WallPoint};

/// A point this little behind the wall that is in sight counts as on it, as a share of the module's size.
const SLACK: f64 = 0.004;

/// Draws the walls in colour with leaks, candidates and sensors, each on the sides from which it is seen.
pub(super) fn draw(picture: &mut Picture, site: &Site, outcome: &Outcome, range_db: [f64; 2], area: Frame) {
    let map = |wall: usize| outcome.evidence.maps.iter().find(|m| m.wall == wall);
    let painted: Vec<_> =
        site.walls.iter().enumerate().flat_map(|(i, wall)| triangles(wall, map(i), range_db)).collect();
    let corners: Vec<Point3> = painted.iter().flat_map(|(corners, _)| *corners).collect();
    let size_m = Camera::extent(&corners).norm();
    let long = Camera::extent(&corners).imax();
    let guess: Vec<&WallPoint> = match outcome.leaks.is_empty() {
        true => outcome.candidates.first().map(|c| &c.point).into_iter().collect(),
        false => Vec::new(),
    };
    for (quarter, frame) in quarters(area).into_iter().enumerate() {
        let (towards, name) = direction(long, quarter);
        let camera = Camera::towards(&corners, towards, frame, [0.0, 0.0]);
        let mut solid = Solid::new(frame);
        painted.iter().for_each(|(corners, share)| solid.paint(&camera, corners, *share));
        let (place, image) = solid.image();
        picture.image(place, image);
        let above = [(frame.left + frame.right) / 2.0, frame.top - 8.0];
        picture.label(Label::new(name, above, SMALL_PX).align(Align::Middle, Level::Baseline).colour(GREY));
        let seen = |place: &Point3| solid.shows(&camera, place, SLACK * size_m).then(|| camera.px(place));
        let mut names = Names::new(frame);
        let leaks: Vec<_> =
            outcome.leaks.iter().enumerate().filter_map(|(i, l)| Some((i, seen(&l.point.position_m)?))).collect();
        leaks.iter().for_each(|(_, at)| names.keep_clear(*at, 30.0));
        for at in guess.iter().filter_map(|point| seen(&point.position_m)) {
            markers::candidate(picture, at);
            names.keep_clear(at, 13.0);
        }
        for (i, sensor) in site.sensors.iter().enumerate() {
            let Some(at) = seen(&site.nearest(&sensor.position_m).position_m) else { continue };
            let report = outcome.sensors.get(i);
            let (used, faulty) = report.map_or((true, false), |r| (r.used, !r.faults.is_empty()));
            markers::sensor(picture, at, used, faulty);
            names.keep_clear(at, 7.0);
            let label = Label::new(shortened(&sensor.id, 14), at, SMALL_PX).halo(faded(WHITE, 0.85));
            names.put(picture, label, 10.0);
        }
        for (i, at) in leaks {
            markers::leak(picture, at, 16.0);
            let text = if outcome.leaks.len() > 1 { format!("Leak {}", i + 1) } else { "Leak".to_owned() };
            names.put(picture, Label::new(text, at, AXIS_PX).bold().colour(LEAK).halo(WHITE), 33.0);
        }
    }
}

fn quarters(area: Frame) -> [Frame; 4] {
    const GAP: f64 = 34.0;
    let (x, y) = ((area.left + area.right) / 2.0, (area.top + area.bottom) / 2.0);
    let [left, right] = [[area.left, x - GAP], [x + GAP, area.right]];
    let [top, bottom] = [[area.top, y - GAP / 2.0], [y + GAP / 2.0, area.bottom]];
    [[left, top], [right, top], [left, bottom], [right, bottom]].map(|[x, y]| Frame::new(x[0], y[0], x[1], y[1]))
}

/// The side that faces the reader, a quarter turn about the long axis each, and its name.
fn direction(long: usize, quarter: usize) -> (Vector3<f64>, String) {
    let (sin, cos) = (quarter as f64 * FRAC_PI_2).sin_cos();
    let (first, second) = ((long + 1) % 3, (long + 2) % 3);
    let mut towards = Vector3::zeros();
    (towards[first], towards[second]) = (cos.round(), sin.round());
    let axis = towards.iamax();
    let sign = if towards[axis] > 0.0 { '+' } else { '−' };
    (towards, format!("seen from {sign}{}", ["x", "y", "z"][axis]))
}
