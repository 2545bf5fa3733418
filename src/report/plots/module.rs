//! The module in three dimensions, cut open towards the reader: sensors within, the leak on the far wall.

use nalgebra::Vector3;

use super::axes::{decimals, number, ticks};
use super::colour_map;
use super::look::{self, AXIS_PX, GREY, INK, LEAK, PALE, SMALL_PX, WHITE, faded};
use super::markers::{self, Names};
use super::patch;
use super::picture::{Align, Frame, Label, Level, Picture, Rgba, Stroke};
use super::solid::{Solid, triangles};
use super::unroll::sampled;
use crate::locate::{Outcome, WallMap};
use crate::report::words::{headline, printable, shortened};
use crate::site::{Chart, Point3, Site, Wall};

/// Facets over all walls together: fine enough to look smooth, few enough for an SVG viewer.
const FACETS: f64 = 8000.0;

pub(super) fn draw(site: &Site, outcome: &Outcome) -> Picture {
    let name = if site.name.is_empty() { String::new() } else { format!("{}: ", printable(&site.name)) };
    // Waves in the wall do not take the straight way.
    let straight = outcome.path.kind == "air" && !outcome.leaks.is_empty();
    let lines = if !straight { "" } else { " Lines: straight paths to the sensors used." };
    let subtitle =
        format!("{name}parallel projection; walls that face you are cut away, the rest is seen from inside.{lines}");
    let mut picture = look::sheet(&headline(site, outcome), &subtitle);
    let target = outcome.leaks.first().map(|l| l.point).or(outcome.candidates.first().map(|c| c.point));
    let view = View::new(site, target.map(|p| p.position_m), Frame::new(90.0, look::TOP_PX, 1510.0, 960.0));
    let camera = &view.camera;
    view.draw_box(&mut picture);
    draw_walls(&mut picture, site, outcome, &view);
    if let Some(target) = target.filter(|_| straight) {
        let from = camera.px(&target.position_m);
        let used = site.sensors.iter().zip(&outcome.sensors).filter(|(_, report)| report.used);
        // Many paths together would hide the wall.
        let opacity = if site.sensors.len() > 16 { 0.3 } else { 0.85 };
        for (sensor, _) in used {
            picture.line([from, camera.px(&sensor.position_m)], Stroke::new(faded(LEAK, opacity), 1.4));
        }
    }
    draw_marks(&mut picture, site, outcome, camera);
    picture
}

/// A parallel projection: two axes on the sheet and one towards the reader.
pub(super) struct Camera {
    right: Point3,
    up: Point3,
    towards_reader: Point3,
    centre: Point3,
    px_per_m: f64,
    sheet_centre: [f64; 2],
}

/// The module as a camera sees it, with its bounding box and where its inside is.
struct View {
    camera: Camera,
    box_m: [Point3; 2],
    inside: Point3,
}

impl Camera {
    /// Looks along `-towards_reader` at places that fill `frame` but for `room` pixels across and up.
    pub fn towards(points: &[Point3], towards_reader: Vector3<f64>, frame: Frame, room: [f64; 2]) -> Self {
        let box_m = bounds(points);
        let centre = (box_m[0] + box_m[1]) / 2.0;
        // Up is as near to z as can be; looking along z, it is y.
        let upright = if towards_reader.x.hypot(towards_reader.y) > 1e-6 { Vector3::z() } else { Vector3::y() };
        let right = upright.cross(&towards_reader).normalize();
        let up = towards_reader.cross(&right);
        let corners = corners(&box_m);
        let extent = |axis: &Point3| {
            let along = corners.iter().map(|c| (c - centre).dot(axis).abs());
            along.fold(1e-6, f64::max)
        };
        let (width, height) = (frame.width() - room[0], frame.height() - room[1]);
        let px_per_m = (width / 2.0 / extent(&right)).min(height / 2.0 / extent(&up));
        let sheet_centre = [(frame.left + frame.right) / 2.0, (frame.top + frame.bottom) / 2.0];
        Self { right, up, towards_reader, centre, px_per_m, sheet_centre }
    }

    /// Size of the bounding box of some places.
    pub fn extent(points: &[Point3]) -> Point3 {
        let [low, high] = bounds(points);
        high - low
    }

    pub fn px(&self, point: &Point3) -> [f64; 2] {
        let offset = (point - self.centre) * self.px_per_m;
        [self.sheet_centre[0] + offset.dot(&self.right), self.sheet_centre[1] - offset.dot(&self.up)]
    }

    pub fn depth(&self, point: &Point3) -> f64 {
        (point - self.centre).dot(&self.towards_reader)
    }
}

impl View {
    /// Whether a piece of wall shows its outer side to the reader. A wall with the sensors in it has no inside; its one
    /// face is always shown.
    fn cut_away(&self, middle: &Point3, normal: &Point3) -> bool {
        let inward = normal.dot(&(self.inside - middle));
        inward.abs() > 1e-6 * normal.norm() && inward.signum() * normal.dot(&self.camera.towards_reader) < 0.0
    }

    /// Looks past the sensors at `target`, a little from the side and above, all walls and sensors within `frame`.
    fn new(site: &Site, target: Option<Point3>, frame: Frame) -> Self {
        let points: Vec<Point3> =
            site.walls.iter().flat_map(lattice).chain(site.sensors.iter().map(|s| s.position_m)).collect();
        let box_m = bounds(&points);
        let middle = (box_m[0] + box_m[1]) / 2.0;
        let count = site.sensors.len().max(1) as f64;
        let inside = if site.sensors.is_empty() {
            middle
        } else {
            site.sensors.iter().map(|s| s.position_m).sum::<Point3>() / count
        };
        let towards = target.map_or(Point3::zeros(), |t| inside - t);
        let towards = towards.try_normalize(1e-3).unwrap_or(Vector3::new(0.7, -0.7, 0.3));
        let flat = towards.x.hypot(towards.y);
        let azimuth = if flat > 0.2 { towards.y.atan2(towards.x) } else { -1.1 } + 0.45;
        let elevation = (0.65 * towards.z.clamp(-1.0, 1.0).asin() + 0.26).clamp(-0.6, 0.95);
        let (sin_a, cos_a) = azimuth.sin_cos();
        let (sin_e, cos_e) = elevation.sin_cos();
        let towards_reader = Vector3::new(cos_e * cos_a, cos_e * sin_a, sin_e);
        // Room for the numbers on the box's edges.
        let mut camera = Camera::towards(&points, towards_reader, frame, [160.0, 110.0]);
        camera.sheet_centre[1] -= 18.0;
        Self { camera, box_m, inside }
    }

    /// The edges of the bounding box that carry scales, with metres.
    fn draw_box(&self, picture: &mut Picture) {
        let [low, high] = self.box_m;
        let pick = |axis: usize, near: bool| {
            if (self.camera.towards_reader[axis] > 0.0) == near { high[axis] } else { low[axis] }
        };
        let seen_from_above = self.camera.towards_reader.z >= 0.0;
        let (x, y) = (pick(0, seen_from_above), pick(1, seen_from_above));
        let corner = Vector3::new(x, y, low.z);
        let floor = [[low.x, low.y], [high.x, low.y], [high.x, high.y], [low.x, high.y]];
        let floor = floor.map(|[x, y]| self.camera.px(&Vector3::new(x, y, low.z)));
        picture.polygon(floor, Some(faded(PALE, 0.35)), Some(Stroke::new(PALE, 1.5)));
        let outward = |axis: usize| {
            let other = 1 - axis;
            let mut away = Vector3::zeros();
            away[other] = if corner[other] == high[other] { 1.0 } else { -1.0 };
            away
        };
        for axis in 0..2 {
            self.scale(picture, axis, corner, outward(axis), ["x (m)", "y (m)"][axis]);
        }
        // The upright edge that is leftmost on the sheet has nothing behind its numbers.
        let uprights = [[low.x, low.y], [high.x, low.y], [high.x, high.y], [low.x, high.y]];
        let uprights = uprights.map(|[x, y]| Vector3::new(x, y, low.z));
        let leftmost = uprights.into_iter().min_by(|a, b| self.camera.px(a)[0].total_cmp(&self.camera.px(b)[0]));
        self.scale(picture, 2, leftmost.unwrap_or(corner), -self.camera.right, "z (m)");
    }

    /// Numbers along one edge of the box, set off from it along `away`.
    fn scale(&self, picture: &mut Picture, axis: usize, start: Point3, away: Point3, name: &str) {
        let [low, high] = [self.box_m[0][axis], self.box_m[1][axis]];
        let at = |value: f64| {
            let mut place = start;
            place[axis] = value;
            self.camera.px(&place)
        };
        let (first, last) = (at(low), at(high));
        let length_px = (last[0] - first[0]).hypot(last[1] - first[1]);
        if length_px < 40.0 {
            return;
        }
        let step = [away.dot(&self.camera.right), -away.dot(&self.camera.up)];
        let size = step[0].hypot(step[1]).max(1e-6);
        let [dx, dy] = step.map(|s| s / size);
        picture.line([first, last], Stroke::new(GREY, 1.2));
        let marks = ticks([low, high], (length_px / 70.0).max(2.0) as usize);
        let places = decimals(&marks);
        // At the foot of the upright edge stands a number of another scale already.
        let foot = if axis == 2 { low + 0.03 * (high - low) } else { f64::NEG_INFINITY };
        for mark in marks.iter().filter(|mark| **mark >= foot) {
            let [x, y] = at(*mark);
            picture.line([[x, y], [x + 6.0 * dx, y + 6.0 * dy]], Stroke::new(GREY, 1.2));
            let label = Label::new(number(*mark, places), [x + 22.0 * dx, y + 20.0 * dy], SMALL_PX);
            picture.label(label.align(Align::Middle, Level::Middle).colour(GREY));
        }
        let middle = at((low + high) / 2.0);
        let label = Label::new(name, [middle[0] + 74.0 * dx, middle[1] + 50.0 * dy], AXIS_PX);
        picture.label(label.align(Align::Middle, Level::Middle).colour(INK));
    }
}

fn bounds(points: &[Point3]) -> [Point3; 2] {
    let start = points.first().copied().unwrap_or_default();
    points.iter().fold([start; 2], |[low, high], p| [low.inf(p), high.sup(p)])
}

fn corners([low, high]: &[Point3; 2]) -> Vec<Point3> {
    let ends = |axis: usize| [low[axis], high[axis]];
    let mut corners = Vec::with_capacity(8);
    for x in ends(0) {
        for y in ends(1) {
            corners.extend(ends(2).map(|z| Vector3::new(x, y, z)));
        }
    }
    corners
}

/// Points all over a wall, its edges included.
fn lattice(wall: &Wall) -> Vec<Point3> {
    let Some(Chart { a, v_m, .. }) = wall.chart() else {
        return wall.mesh().map_or(Vec::new(), |mesh| mesh.vertices().to_vec());
    };
    let share = |[low, high]: [f64; 2], i: u32| low + (high - low) * f64::from(i) / 24.0;
    (0..=24).flat_map(|i| (0..=24).map(move |j| wall.at(0, share(a, i), share(v_m, j)).position_m)).collect()
}

/// A piece of wall, to be drawn from far to near.
struct Facet {
    corners: [Point3; 4],
    depth: f64,
    fill: Rgba,
    open: bool,
}

fn draw_walls(picture: &mut Picture, site: &Site, outcome: &Outcome, view: &View) {
    let camera = &view.camera;
    let range_db = patch::range_db(&outcome.evidence.maps);
    let area_m2: f64 = site.walls.iter().map(Wall::area_m2).sum();
    let facet_m = (area_m2 / FACETS).sqrt().max(1e-6);
    let mut facets: Vec<Facet> = Vec::new();
    for (index, wall) in site.walls.iter().enumerate() {
        let map = outcome.evidence.maps.iter().find(|m| m.wall == index);
        let Some(chart) = wall.chart() else {
            draw_mesh(picture, wall, map, range_db, view);
            continue;
        };
        let share =
            |a: f64, v: f64| map.map(|m| (sampled(m, &chart, a, v) - range_db[0]) / (range_db[1] - range_db[0]));
        facets.extend(facets_of(wall, &chart, facet_m, view, share));
    }
    facets.sort_by(|a, b| a.depth.total_cmp(&b.depth));
    for facet in facets.iter().filter(|f| !f.open) {
        let outline = facet.corners.map(|c| camera.px(&c));
        // Neighbours meet in a hairline of paper unless each laps over its edge.
        picture.polygon(outline, Some(facet.fill), Some(Stroke::new(facet.fill, 0.8)));
    }
    for wall in &site.walls {
        draw_edges(picture, wall, camera);
    }
}

/// The part of a mesh whose inner side faces the reader.
fn draw_mesh(picture: &mut Picture, wall: &Wall, map: Option<&WallMap>, range_db: [f64; 2], view: &View) {
    let mut solid = Solid::new(Frame::new(0.0, look::TOP_PX, f64::from(look::WIDTH_PX), f64::from(look::HEIGHT_PX)));
    for (corners, share) in triangles(wall, map, range_db) {
        let [a, b, c] = corners;
        if !view.cut_away(&((a + b + c) / 3.0), &(b - a).cross(&(c - a))) {
            solid.paint(&view.camera, &corners, share);
        }
    }
    let (frame, image) = solid.image();
    picture.image(frame, image);
}

fn facets_of(
    wall: &Wall,
    chart: &Chart,
    facet_m: f64,
    view: &View,
    share: impl Fn(f64, f64) -> Option<f64>,
) -> Vec<Facet> {
    let Chart { a: [a0, a1], v_m: [v0, v1], .. } = *chart;
    let sides_m = [(a1 - a0) * wall.widest([v0, v1]), v1 - v0];
    let [columns, rows] = sides_m.map(|side| (side / facet_m).ceil().clamp(6.0, FACETS.sqrt() * 3.0) as u32);
    let at = |i: u32, j: u32| {
        let (a, v) = (f64::from(i) / f64::from(columns), f64::from(j) / f64::from(rows));
        wall.at(0, a0 + (a1 - a0) * a, v0 + (v1 - v0) * v)
    };
    let mut facets = Vec::with_capacity((columns * rows) as usize);
    for i in 0..columns {
        for j in 0..rows {
            let corners = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)].map(|(i, j)| at(i, j));
            let middle_a = (corners[0].a + corners[2].a) / 2.0;
            let middle_v = (corners[0].v_m + corners[2].v_m) / 2.0;
            let middle = wall.at(0, middle_a, middle_v);
            let [along_u, along_v] = wall.tangents(&middle);
            let middle = middle.position_m;
            let open = view.cut_away(&middle, &along_u.cross(&along_v));
            let colour = match share(middle_a, middle_v) {
                Some(share) if !share.is_nan() => colour_map::colour(share).map(|c| mixed_with_white(c, 0.12)),
                _ => [PALE[0], PALE[1], PALE[2]],
            };
            let fill = [colour[0], colour[1], colour[2], 255];
            let depth = view.camera.depth(&middle);
            facets.push(Facet { corners: corners.map(|p| p.position_m), depth, fill, open });
        }
    }
    facets
}

fn mixed_with_white(channel: u8, share: f64) -> u8 {
    (f64::from(channel) * (1.0 - share) + 255.0 * share).round() as u8
}

/// Rims of a wall and a few generators, so that what is cut away can still be imagined.
fn draw_edges(picture: &mut Picture, wall: &Wall, camera: &Camera) {
    let Some(Chart { a: [a0, a1], v_m: [v0, v1], closed }) = wall.chart() else { return };
    let line = |from: (f64, f64), to: (f64, f64)| {
        let share = |i: u32| f64::from(i) / 64.0;
        let at = move |t: f64| wall.at(0, from.0 + (to.0 - from.0) * t, from.1 + (to.1 - from.1) * t).position_m;
        (0..=64).map(|i| camera.px(&at(share(i)))).collect::<Vec<_>>()
    };
    for v in [v0, v1] {
        picture.line(line((a0, v), (a1, v)), Stroke::new(faded(INK, 0.75), 1.6));
    }
    let flat = matches!(wall.kind, "plate" | "disc");
    let generators = if flat { 1 } else { 8 };
    for i in 0..=generators {
        let a = a0 + (a1 - a0) * f64::from(i) / f64::from(generators);
        let edge = !closed && (i == 0 || i == generators);
        let stroke = if edge { Stroke::new(faded(INK, 0.75), 1.6) } else { Stroke::new(faded(GREY, 0.3), 1.0) };
        if edge || !flat {
            picture.line(line((a, v0), (a, v1)), stroke);
        }
    }
}

fn draw_marks(picture: &mut Picture, site: &Site, outcome: &Outcome, camera: &Camera) {
    let mut names = Names::new(Frame::new(10.0, look::TOP_PX, 1590.0, 990.0));
    let leaks: Vec<[f64; 2]> = outcome.leaks.iter().map(|l| camera.px(&l.point.position_m)).collect();
    for at in &leaks {
        names.keep_clear(*at, 30.0);
    }
    for (i, sensor) in site.sensors.iter().enumerate() {
        let report = outcome.sensors.get(i);
        let (used, faulty) = report.map_or((true, false), |r| (r.used, !r.faults.is_empty()));
        let at = camera.px(&sensor.position_m);
        markers::sensor(picture, at, used, faulty);
        names.keep_clear(at, 7.0);
    }
    let machines: Vec<[f64; 2]> = outcome.machines.iter().map(|place| camera.px(place)).collect();
    for at in &machines {
        markers::machine(picture, *at);
        names.keep_clear(*at, 9.0);
    }
    if let Some(best) = outcome.candidates.first().filter(|_| outcome.leaks.is_empty()) {
        let at = camera.px(&best.point.position_m);
        markers::candidate(picture, at);
        names.keep_clear(at, 13.0);
        names.put(picture, Label::new("best candidate, not proven", at, AXIS_PX).colour(LEAK).halo(WHITE), 18.0);
    }
    for (i, at) in leaks.iter().enumerate() {
        markers::leak(picture, *at, 16.0);
        let text = if leaks.len() > 1 { format!("Leak {}", i + 1) } else { "Leak".to_owned() };
        names.put(picture, Label::new(text, *at, 22.0).bold().colour(LEAK).halo(WHITE), 33.0);
    }
    for at in machines {
        names.put(picture, Label::new("machine, taken out", at, SMALL_PX + 1.0).halo(faded(WHITE, 0.9)), 12.0);
    }
    for sensor in &site.sensors {
        let at = camera.px(&sensor.position_m);
        let label = Label::new(shortened(&sensor.id, 22), at, SMALL_PX + 1.0).halo(faded(WHITE, 0.9));
        names.put(picture, label, 10.0);
    }
}
