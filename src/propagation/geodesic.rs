//! How far it is along a wall: shortest ways on a triangle mesh from one source to every place, without approximation.
//!
//! A shortest way on a polyhedron is straight once the triangles that it crosses are laid flat, and it bends only at
//! saddle and boundary vertices. The source, seen through an edge, is therefore a point in the plane: a *window* is
//! such a point with the stretch of the edge that it is seen through. Windows are carried from edge to edge, nearest
//! first, split at the vertices that they meet, and dropped once a way by a vertex is shorter than any through them.
//! This is the continuous Dijkstra method of Mitchell, Mount & Papadimitriou (SIAM J. Comput. 16, 1987) in the form
//! of Chen & Han with the filter of Xin & Wang (ACM Trans. Graph. 28, 2009), with two changes. Windows wait by edge,
//! so that those which turn out to show the same source side by side become one: on a plate or cylinder few are left.
//! And a place just outside a window is reached by the window's end, a detour but a way, so that rounding at a window's
//! end costs its square and never leaves a place unreached.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::f64::consts::{PI, TAU};

use crate::site::{Mesh, Point3};

/// Windows and places closer than this fraction of an edge are one; far above rounding, far below any use.
const CLOSE: f64 = 1e-12;

/// A window goes only if the way by a vertex is shorter by this fraction; else rounding might drop both of two equals.
const SURELY_SHORTER: f64 = 1e-12;

/// A source closer to an edge than this fraction of it is on the edge.
const ON_EDGE: f64 = 1e-9;

/// Angle by which a vertex must exceed a flat one before ways bend there, radians.
const SADDLE_RAD: f64 = 1e-9;

/// Distance along the surface of a mesh from one source to anywhere on it.
#[derive(Debug, Clone, PartialEq)]
pub struct SurfaceDistance {
    /// The source.
    source: Point3,
    /// The triangles that the source is in: one, both at an edge, all about a vertex.
    homes: Vec<usize>,
    /// To each vertex, metres.
    vertices: Vec<f64>,
    /// Windows into edge `e`'s triangle are `windows[first[e]..first[e + 1]]`.
    first: Vec<u32>,
    windows: Vec<Window>,
}

/// A source as seen through a stretch of an edge.
///
/// In the plane of the triangle ahead, with x along the edge from its first end and y into the triangle; metres.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Window {
    /// The source is at (x, -y).
    x: f64,
    y: f64,
    /// Where along the edge the window begins and ends.
    from: f64,
    to: f64,
    /// Length of the way before the source as seen, which is a vertex then.
    before: f64,
}

impl SurfaceDistance {
    /// The field of distances from `source`, a point of `triangle`.
    pub fn from(mesh: &Mesh, triangle: usize, source: Point3) -> Self {
        let mut front = Front::new(mesh);
        front.start(triangle, &source);
        front.run();
        front.finish(source)
    }

    /// Shortest way along the surface to a point of `triangle`, metres.
    pub fn distance(&self, mesh: &Mesh, triangle: usize, place: &Point3) -> f64 {
        let straight = if self.homes.contains(&triangle) { (place - self.source).norm() } else { f64::INFINITY };
        (3 * triangle..3 * triangle + 3).fold(straight, |best, edge| {
            let [first, second] = mesh.ends(edge);
            let (origin, end) = (mesh.vertices()[first], mesh.vertices()[second]);
            let offset = place - origin;
            let best = best.min(self.vertices[first] + offset.norm());
            let windows = &self.windows[self.first[edge] as usize..self.first[edge + 1] as usize];
            if windows.is_empty() {
                return best;
            }
            let place = in_edge(&[origin, end], place);
            windows.iter().fold(best, |best, window| best.min(window.reach(place)))
        })
    }
}

impl Window {
    /// Length of the way through the window to a place ahead.
    fn reach(&self, [x, y]: [f64; 2]) -> f64 {
        let depth = self.y + y;
        let crossing = if depth > 0.0 { self.x + (x - self.x) * (self.y / depth) } else { x };
        let through = crossing.clamp(self.from, self.to);
        if through == crossing {
            self.before + length(x - self.x, depth)
        } else {
            self.edge_way(through) + length(x - through, y)
        }
    }

    /// Length of the way to a place on the edge.
    fn edge_way(&self, x: f64) -> f64 {
        self.before + length(x - self.x, self.y)
    }

    /// Length of the shortest way through the window.
    fn nearest(&self) -> f64 {
        self.edge_way(self.x.clamp(self.from, self.to))
    }

    /// The same window with x counted from the other end of an edge of `length`.
    fn mirrored(self, length: f64) -> Self {
        Self { x: length - self.x, from: length - self.to, to: length - self.from, ..self }
    }

    /// What is seen through this window and the side from the edge's first end to the `apex` ahead, x from that end.
    fn through_first_side(&self, apex: [f64; 2]) -> Option<Self> {
        let side = length(apex[0], apex[1]);
        let [ux, uy] = apex.map(|value| value / side);
        let split = self.x + (apex[0] - self.x) * (self.y / (self.y + apex[1]));
        // The ray through the edge at x meets the side here.
        let met = |x: f64| if x >= split { side } else { self.y * x / (ux * self.y + uy * (self.x - x)) };
        let [from, to] = [self.from, self.to].map(|x| met(x).clamp(0.0, side));
        let seen = Self { x: ux * self.x - uy * self.y, y: uy * self.x + ux * self.y, from, to, before: self.before };
        (self.from < split && to - from > CLOSE * side && seen.y > 0.0).then_some(seen)
    }

    /// Joins `next`, which begins where this one ends, if both show the same source.
    fn join(&mut self, next: &Self) -> bool {
        let close = CLOSE * (self.x.abs() + self.y + self.before);
        let near = |a: f64, b: f64| (a - b).abs() <= close;
        let same = near(self.x, next.x) && near(self.y, next.y) && near(self.before, next.before);
        let joins = same && next.from <= self.to + close;
        if joins {
            self.to = self.to.max(next.to);
        }
        joins
    }
}

/// Joins windows of one edge that show the same source side by side.
fn join_all(windows: &mut Vec<Window>) {
    windows.sort_unstable_by(|a, b| a.from.total_cmp(&b.from));
    windows.dedup_by(|next, window| window.join(next));
}

fn length(x: f64, y: f64) -> f64 {
    (x * x + y * y).sqrt()
}

/// An edge as its triangle has it, in that triangle's plane: x along the edge, y into the triangle.
struct Side {
    length: f64,
    /// The corner ahead.
    apex: [f64; 2],
    /// The corner behind, with y counted backwards.
    behind: [f64; 2],
    /// Its two ends, the vertex ahead and the vertex behind.
    vertices: [usize; 4],
}

/// The windows under way.
struct Front<'a> {
    mesh: &'a Mesh,
    sides: Vec<Side>,
    homes: Vec<usize>,
    /// Shortest ways to the vertices so far.
    vertices: Vec<f64>,
    /// For vertices where ways bend, the edges opposite; empty for others.
    fans: Vec<Vec<usize>>,
    /// Windows that wait at each edge, and the length of the shortest way through any of them.
    waiting: Vec<Vec<Window>>,
    due: Vec<f64>,
    /// Edges, and from `sides.len()` on vertices, by what is due; lengths by their bits, which sort alike.
    queue: BinaryHeap<Reverse<(u64, u32)>>,
    passed: Vec<(u32, Window)>,
}

impl<'a> Front<'a> {
    fn new(mesh: &'a Mesh) -> Self {
        let edges = 3 * mesh.triangles().len();
        Self {
            mesh,
            sides: (0..edges).map(|edge| Side::new(mesh, edge)).collect(),
            homes: Vec::new(),
            vertices: vec![f64::INFINITY; mesh.vertices().len()],
            fans: fans(mesh),
            waiting: vec![Vec::new(); edges],
            due: vec![f64::INFINITY; edges],
            queue: BinaryHeap::new(),
            passed: Vec::new(),
        }
    }

    /// Sends out the windows of a source in a triangle, and in its neighbours too where it lies on an edge.
    fn start(&mut self, triangle: usize, source: &Point3) {
        let mesh = self.mesh;
        let mut seen = HashSet::from([triangle]);
        let mut next = vec![triangle];
        while let Some(triangle) = next.pop() {
            self.homes.push(triangle);
            for edge in 3 * triangle..3 * triangle + 3 {
                let vertex = mesh.ends(edge)[0];
                self.lower(vertex, (mesh.vertices()[vertex] - source).norm());
                let Some(other) = mesh.across(edge) else { continue };
                let [x, y] = in_edge(&mesh.ends(other).map(|vertex| mesh.vertices()[vertex]), source);
                let to = self.sides[other].length;
                if y > ON_EDGE * to {
                    self.wait(other, Window { x, y, from: 0.0, to, before: 0.0 });
                } else if seen.insert(other / 3) {
                    next.push(other / 3);
                }
            }
        }
    }

    /// Carries the front on until no window is left.
    fn run(&mut self) {
        let mut batch = Vec::new();
        while let Some(Reverse((due, at))) = self.queue.pop() {
            let (due, at) = (f64::from_bits(due), at as usize);
            if let Some(vertex) = at.checked_sub(self.sides.len()) {
                if due == self.vertices[vertex] {
                    self.bend(vertex);
                }
            } else if due == self.due[at] {
                self.due[at] = f64::INFINITY;
                std::mem::swap(&mut batch, &mut self.waiting[at]);
                join_all(&mut batch);
                batch.drain(..).for_each(|window| self.cross(at, window));
            }
        }
    }

    /// Takes a window across its triangle to the two sides ahead.
    fn cross(&mut self, edge: usize, window: Window) {
        if !self.is_useful(edge, &window) {
            return;
        }
        self.passed.push((edge as u32, window));
        let Side { length, apex: [x, y], vertices: [first, second, ahead, _], .. } = self.sides[edge];
        self.lower(ahead, window.reach([x, y]));
        let base = edge - edge % 3;
        self.send(base + (edge + 2) % 3, first, window.through_first_side([x, y]));
        self.send(base + (edge + 1) % 3, second, window.mirrored(length).through_first_side([length - x, y]));
    }

    /// Hands a window, x counted from the vertex `start`, to the triangle on the other side of an edge.
    fn send(&mut self, edge: usize, start: usize, window: Option<Window>) {
        if let (Some(window), Some(other)) = (window, self.mesh.across(edge)) {
            let side = &self.sides[other];
            let window = if side.vertices[0] == start { window } else { window.mirrored(side.length) };
            if self.is_useful(other, &window) {
                self.wait(other, window);
            }
        }
    }

    fn wait(&mut self, edge: usize, window: Window) {
        self.waiting[edge].push(window);
        let due = window.nearest();
        if due < self.due[edge] {
            self.due[edge] = due;
            self.queue.push(Reverse((due.to_bits(), edge as u32)));
        }
    }

    /// Notes a way to a vertex, if it is the shortest so far.
    fn lower(&mut self, vertex: usize, way: f64) {
        if way < self.vertices[vertex] {
            self.vertices[vertex] = way;
            if !self.fans[vertex].is_empty() {
                self.queue.push(Reverse((way.to_bits(), (self.sides.len() + vertex) as u32)));
            }
        }
    }

    /// Makes a vertex where ways bend a source of its own.
    fn bend(&mut self, vertex: usize) {
        let before = self.vertices[vertex];
        for edge in std::mem::take(&mut self.fans[vertex]) {
            let Side { length: to, apex: [x, y], vertices: [first, second, ..], .. } = self.sides[edge];
            self.lower(first, before + length(x, y));
            self.lower(second, before + length(to - x, y));
            self.send(edge, first, Some(Window { x, y, from: 0.0, to, before }));
        }
    }

    /// Whether a shortest way may lead through a window: not if, for all of it, a way by a vertex nearby is shorter.
    ///
    /// The way from a vertex to one end of the window crosses every way through the window (Xin & Wang, theorem 3.2).
    fn is_useful(&self, edge: usize, window: &Window) -> bool {
        let Side { length: end, behind: [x, y], vertices: [first, second, _, behind], .. } = self.sides[edge];
        let Window { from, to, .. } = *window;
        let shorter = |vertex: usize, across: f64, y: f64, x: f64| {
            self.vertices[vertex] + length(across, y) < window.edge_way(x) * (1.0 - SURELY_SHORTER)
        };
        let beyond = |at: f64| (x - at) * window.y - (window.x - at) * y;
        let (low, high) = (beyond(from), beyond(to));
        !(shorter(first, to, 0.0, to)
            || shorter(second, end - from, 0.0, from)
            || low > 0.0 && high > 0.0 && shorter(behind, x - from, y, from)
            || low < 0.0 && high < 0.0 && shorter(behind, x - to, y, to))
    }

    /// What is left of the windows once all ways to vertices are known.
    fn finish(mut self, source: Point3) -> SurfaceDistance {
        let mut passed = std::mem::take(&mut self.passed);
        passed.retain(|(edge, window)| self.is_useful(*edge as usize, window));
        passed.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.from.total_cmp(&b.1.from)));
        passed.dedup_by(|next, window| next.0 == window.0 && window.1.join(&next.1));
        let first = (0..=self.sides.len() as u32).map(|edge| passed.partition_point(|(at, _)| *at < edge) as u32);
        SurfaceDistance {
            source,
            first: first.collect(),
            windows: passed.iter().map(|(_, window)| *window).collect(),
            homes: self.homes,
            vertices: self.vertices,
        }
    }
}

impl Side {
    fn new(mesh: &Mesh, edge: usize) -> Self {
        let ends = mesh.ends(edge);
        let line = ends.map(|vertex| mesh.vertices()[vertex]);
        let opposite = |edge: usize| mesh.ends(edge - edge % 3 + (edge + 2) % 3)[0];
        let ahead = opposite(edge);
        let behind = mesh.across(edge).map_or(ahead, opposite);
        let [apex, back] = [ahead, behind].map(|vertex| in_edge(&line, &mesh.vertices()[vertex]));
        Self { length: (line[1] - line[0]).norm(), apex, behind: back, vertices: [ends[0], ends[1], ahead, behind] }
    }
}

/// A place in the half-plane of an edge: x along it from its first end, y away from it.
fn in_edge(line: &[Point3; 2], place: &Point3) -> [f64; 2] {
    let along = (line[1] - line[0]).normalize();
    let offset = place - line[0];
    let x = offset.dot(&along);
    [x, (offset - along * x).norm()]
}

/// For each vertex where ways bend, the edges opposite: those at which more than a full turn meets, or half a turn at
/// a boundary.
fn fans(mesh: &Mesh) -> Vec<Vec<usize>> {
    let mut fans = vec![Vec::new(); mesh.vertices().len()];
    let mut turns = vec![-TAU; fans.len()];
    for edge in 0..3 * mesh.triangles().len() {
        let corner = mesh.ends(edge - edge % 3 + (edge + 2) % 3)[0];
        let [one, other] = mesh.ends(edge).map(|vertex| mesh.vertices()[vertex] - mesh.vertices()[corner]);
        turns[corner] += one.cross(&other).norm().atan2(one.dot(&other));
        fans[corner].push(edge);
        if mesh.across(edge).is_none() {
            // Each boundary vertex has two such edges, and half a turn less before ways bend.
            mesh.ends(edge).iter().for_each(|&end| turns[end] += PI / 2.0);
        }
    }
    for (fan, turn) in fans.iter_mut().zip(turns) {
        if turn <= SADDLE_RAD {
            fan.clear();
        }
    }
    fans
}

#[cfg(test)]
#[path = "geodesic_tests.rs"]
mod tests;
