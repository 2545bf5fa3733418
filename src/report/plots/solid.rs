//! Walls as solids seen from a side, hidden parts hidden: for walls that cannot be laid flat.

use super::colour_map;
use super::module::Camera;
use super::picture::{Frame, IndexedImage};
use super::unroll::sampled;
use crate::locate::WallMap;
use crate::site::{Point3, Wall};

/// Quads along each side of a wall that is laid out by coordinates.
const QUADS: usize = 96;

/// A picture with the depth of every pixel.
pub(super) struct Solid {
    frame: Frame,
    width: usize,
    height: usize,
    /// Depth towards the reader, metres; −∞ where nothing is.
    depth: Vec<f64>,
    /// Place on the colour scale, 0 to 1; NaN where nothing is or nothing is known.
    share: Vec<f64>,
}

impl Solid {
    pub fn new(frame: Frame) -> Self {
        let (width, height) = (frame.width().ceil() as usize, frame.height().ceil() as usize);
        let pixels = width * height;
        Self { frame, width, height, depth: vec![f64::NEG_INFINITY; pixels], share: vec![f64::NAN; pixels] }
    }

    /// Paints a triangle where it is nearer to the reader than what is there.
    pub fn paint(&mut self, camera: &Camera, corners: &[Point3; 3], share: f64) {
        let [a, b, c] = corners.map(|p| {
            let [x, y] = camera.px(&p);
            [x - self.frame.left, y - self.frame.top, camera.depth(&p)]
        });
        let area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1]);
        if area.abs() < 1e-12 {
            return;
        }
        let range = |axis: usize, size: usize| {
            let (low, high) = (a[axis].min(b[axis]).min(c[axis]), a[axis].max(b[axis]).max(c[axis]));
            (low - 0.5).ceil().max(0.0) as usize..((high - 0.5).floor() + 1.0).clamp(0.0, size as f64) as usize
        };
        for y in range(1, self.height) {
            for x in range(0, self.width) {
                let (px, py) = (x as f64 + 0.5, y as f64 + 0.5);
                let side =
                    |p: [f64; 3], q: [f64; 3]| ((q[0] - p[0]) * (py - p[1]) - (px - p[0]) * (q[1] - p[1])) / area;
                let [of_a, of_b, of_c] = [side(b, c), side(c, a), side(a, b)];
                // A hair beyond the edge, so that neighbours leave no gap.
                if of_a < -1e-9 || of_b < -1e-9 || of_c < -1e-9 {
                    continue;
                }
                let depth = of_a * a[2] + of_b * b[2] + of_c * c[2];
                let at = y * self.width + x;
                if depth > self.depth[at] {
                    (self.depth[at], self.share[at]) = (depth, share);
                }
            }
        }
    }

    /// Whether a place is in sight, or no more than `slack_m` behind what is.
    pub fn shows(&self, camera: &Camera, place: &Point3, slack_m: f64) -> bool {
        let [x, y] = camera.px(place);
        let (x, y) = ((x - self.frame.left).floor(), (y - self.frame.top).floor());
        let inside = x >= 0.0 && y >= 0.0 && x < self.width as f64 && y < self.height as f64;
        inside && camera.depth(place) + slack_m >= self.depth[y as usize * self.width + x as usize]
    }

    /// What was painted.
    pub fn image(&self) -> (Frame, IndexedImage) {
        let Frame { left, top, .. } = self.frame;
        let frame = Frame::new(left, top, left + self.width as f64, top + self.height as f64);
        (frame, colour_map::image(self.width, self.height, |x, y| self.share[y * self.width + x]))
    }
}

/// The wall as triangles, each with its place on a colour scale over `range_db`; 0 where nothing is known of it.
pub(super) fn triangles(wall: &Wall, map: Option<&WallMap>, range_db: [f64; 2]) -> Vec<([Point3; 3], f64)> {
    let share =
        |db: f64| if db.is_finite() { ((db - range_db[0]) / (range_db[1] - range_db[0])).clamp(0.0, 1.0) } else { 0.0 };
    if let Some(mesh) = wall.mesh() {
        let value = |t: usize| map.and_then(|m| m.response_db.get([0, t])).map_or(f64::NAN, |db| f64::from(*db));
        return (0..mesh.triangles().len()).map(|t| (mesh.corners(t), share(value(t)))).collect();
    }
    let Some(chart) = wall.chart() else { return Vec::new() };
    let at = |[low, high]: [f64; 2], i: usize| low + (high - low) * i as f64 / QUADS as f64;
    let corner = |i: usize, j: usize| wall.at(0, at(chart.a, i), at(chart.v_m, j)).position_m;
    let mut found = Vec::with_capacity(2 * QUADS * QUADS);
    for i in 0..QUADS {
        for j in 0..QUADS {
            let middle = (at(chart.a, 2 * i + 1) + chart.a[0]) / 2.0;
            let middle_v = (at(chart.v_m, 2 * j + 1) + chart.v_m[0]) / 2.0;
            let share = share(map.map_or(f64::NAN, |m| sampled(m, &chart, middle, middle_v)));
            let [p, q, r, s] = [corner(i, j), corner(i + 1, j), corner(i + 1, j + 1), corner(i, j + 1)];
            found.extend([([p, q, r], share), ([p, r, s], share)]);
        }
    }
    found
}
