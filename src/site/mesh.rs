//! A wall as a triangle mesh: checked once, then asked for nearest places and straight ways along its surface.
//!
//! Edge `3·t + k` runs from corner `k` of triangle `t` to the next corner; [`Mesh::across`] gives the same edge as the
//! neighbouring triangle numbers it. Nothing downstream relies on a consistent orientation, so that one-sided strips
//! are as good as closed shells.

use std::collections::HashMap;
use std::path::Path;

use super::boxes::Boxes;
use super::read_mesh::{Soup, read_soup};
use super::wall::Point3;
use crate::error::{Error, Result};

/// Bounding-box diagonals that a module's wall can have, metres.
const SANE_SPAN_M: [f64; 2] = [0.01, 1000.0];

/// More edges than any straight way crosses; ends a walk that rounding keeps turning about one corner.
const LONGEST_WALK: usize = 100_000;

/// A connected surface of triangles, metres, no edge of which has more than two of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Mesh {
    vertices: Vec<Point3>,
    triangles: Vec<[u32; 3]>,
    across: Vec<Option<u32>>,
    boxes: Boxes,
}

impl Mesh {
    /// Reads STL, OBJ or PLY, told apart by the file's extension; coordinates times `scale_m` are metres.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where the file cannot be read, [`Error::Unsupported`] for another format or too big a file, and
    /// [`Error::Broken`] where it is malformed or not one clean surface; the message says what to mend.
    pub fn read(path: &Path, scale_m: f64) -> Result<Self> {
        let Soup { mut vertices, triangles } = read_soup(path)?;
        vertices.iter_mut().for_each(|vertex| *vertex *= scale_m);
        Self::new(vertices, triangles).map_err(|what| Error::broken(path, what))
    }

    /// A mesh of these vertices, metres, and triangles, or what is wrong with them.
    ///
    /// Vertices closer than one unit in the last place of a single-precision file become one. A triangle two corners
    /// of which become one is dropped: its other two edges fall together, so that no gap opens. A triangle that is
    /// flat with three corners stays, since it may close the gap along a T-junction.
    ///
    /// # Errors
    ///
    /// A sentence on what to mend: a place that is no number, an odd size, an edge of three triangles, loose pieces.
    pub fn new(vertices: Vec<Point3>, triangles: Vec<[u32; 3]>) -> std::result::Result<Self, String> {
        if let Some(odd) = vertices.iter().position(|vertex| !vertex.iter().all(|value| value.is_finite())) {
            return Err(format!("vertex {odd} is not at a finite place: export the mesh anew"));
        }
        if let Some(odd) = triangles.iter().flatten().find(|&&corner| corner as usize >= vertices.len()) {
            return Err(format!("a triangle asks for vertex {odd} of {}: export the mesh anew", vertices.len()));
        }
        let (vertices, mut triangles) = weld(&vertices, &triangles);
        check_span(&vertices)?;
        let mut across = pair_edges(&vertices, &triangles)?;
        check_pieces(&orient(&mut triangles, &mut across))?;
        let corners: Vec<_> = triangles.iter().map(|triangle| triangle.map(|at| vertices[at as usize])).collect();
        Ok(Self { boxes: Boxes::new(&corners), vertices, triangles, across })
    }

    /// The vertices, metres; each belongs to at least one triangle.
    pub fn vertices(&self) -> &[Point3] {
        &self.vertices
    }

    /// The triangles by their vertices, turning the same way on both sides of an edge wherever the surface allows it.
    pub fn triangles(&self) -> &[[u32; 3]] {
        &self.triangles
    }

    /// The three corners of a triangle, metres.
    pub fn corners(&self, triangle: usize) -> [Point3; 3] {
        self.triangles[triangle].map(|vertex| self.vertices[vertex as usize])
    }

    /// The two vertices of an edge, from first to second.
    pub fn ends(&self, edge: usize) -> [usize; 2] {
        let triangle = self.triangles[edge / 3];
        [triangle[edge % 3] as usize, triangle[(edge + 1) % 3] as usize]
    }

    /// The same edge in the triangle on its other side; none at a boundary.
    pub fn across(&self, edge: usize) -> Option<usize> {
        self.across[edge].map(|other| other as usize)
    }

    /// Area of the whole surface, square metres.
    pub fn area_m2(&self) -> f64 {
        (0..self.triangles.len()).map(|triangle| self.area_of_m2(triangle)).sum()
    }

    /// Area of one triangle, square metres.
    pub fn area_of_m2(&self, triangle: usize) -> f64 {
        let [a, b, c] = self.corners(triangle);
        (b - a).cross(&(c - a)).norm() / 2.0
    }

    /// Two unit vectors at right angles in the plane of a triangle: along its first edge, and from that edge inwards.
    pub fn tangents(&self, triangle: usize) -> [Point3; 2] {
        let [a, b, _] = self.corners(triangle);
        [(b - a).normalize(), self.inwards(3 * triangle)]
    }

    /// The unit vector in the plane of an edge's triangle, at right angles to the edge and into the triangle.
    pub fn inwards(&self, edge: usize) -> Point3 {
        let [first, second] = self.ends(edge).map(|vertex| self.vertices[vertex]);
        let opposite = self.corners(edge / 3)[(edge + 2) % 3];
        let (line, slant) = ((second - first).normalize(), opposite - first);
        let inwards = slant - line * line.dot(&slant);
        // A flat triangle has no plane of its own; any through the edge will do.
        inwards.try_normalize(1e-14 * slant.norm()).unwrap_or_else(|| across_line(&line))
    }

    /// The triangle nearest to `place` and the nearest point on it.
    pub fn nearest(&self, place: &Point3) -> (usize, Point3) {
        self.boxes.nearest(place, |triangle| nearest_on(self.corners(triangle), place))
    }

    /// Where one gets from a point of a triangle straight along the surface by the tangent vector `along`, metres.
    ///
    /// The way goes on across an edge at the angle at which it met it; it ends early where it meets a boundary.
    pub fn walk(&self, (mut triangle, mut place): (usize, Point3), along: Point3) -> (usize, Point3) {
        let [u, v] = self.tangents(triangle);
        let mut rest = u * u.dot(&along) + v * v.dot(&along);
        for _ in 0..LONGEST_WALK {
            let Some((edge, share)) = self.way_out(triangle, &place, &rest) else { return (triangle, place + rest) };
            place += rest * share;
            let Some(other) = self.across(edge) else { break };
            // What ran along the edge goes on; what ran out of this triangle runs into the other.
            rest *= 1.0 - share;
            let inwards = self.inwards(edge);
            rest -= (inwards + self.inwards(other)) * rest.dot(&inwards);
            triangle = other / 3;
        }
        (triangle, place)
    }

    /// The edge at which a straight way leaves a triangle, and after what share of it; none if it ends inside.
    fn way_out(&self, triangle: usize, place: &Point3, way: &Point3) -> Option<(usize, f64)> {
        let exit = |edge: usize| {
            let inwards = self.inwards(edge);
            let (speed, room) = (-way.dot(&inwards), (place - self.vertices[self.ends(edge)[0]]).dot(&inwards));
            (speed > 0.0).then(|| (edge, (room / speed).max(0.0)))
        };
        let exits = (3 * triangle..3 * triangle + 3).filter_map(exit);
        exits.min_by(|a, b| a.1.total_cmp(&b.1)).filter(|exit| exit.1 < 1.0)
    }
}

/// Some unit vector at right angles to a unit vector.
fn across_line(line: &Point3) -> Point3 {
    line.cross(&Point3::ith(line.iamin(), 1.0)).normalize()
}

/// The point of a triangle nearest to `place`.
fn nearest_on(corners: [Point3; 3], place: &Point3) -> Point3 {
    let [a, b, c] = corners;
    let normal = (b - a).cross(&(c - a));
    let sides = [(a, b), (b, c), (c, a)];
    if normal != Point3::zeros() && sides.iter().all(|(p, q)| (q - p).cross(&(place - p)).dot(&normal) >= 0.0) {
        return place - normal * (normal.dot(&(place - a)) / normal.norm_squared());
    }
    let on_sides =
        sides.map(|(p, q)| p + (q - p) * ((place - p).dot(&(q - p)) / (q - p).norm_squared()).clamp(0.0, 1.0));
    let gap = |point: &Point3| (point - place).norm_squared();
    on_sides.into_iter().min_by(|p, q| gap(p).total_cmp(&gap(q))).unwrap_or(a)
}

/// Makes one vertex of those that coincide, drops triangles that collapse by it and vertices that nothing uses.
fn weld(vertices: &[Point3], triangles: &[[u32; 3]]) -> (Vec<Point3>, Vec<[u32; 3]>) {
    let largest = vertices.iter().map(|vertex| vertex.amax()).fold(f64::MIN_POSITIVE, f64::max);
    let close = largest * f64::from(f32::EPSILON);
    // Cells so much wider than what is close that a vertex rarely has to look into more than its own.
    let cell = |value: f64| (value / (1024.0 * close)).floor() as i64;
    let mut cells: HashMap<[i64; 3], Vec<u32>> = HashMap::new();
    let (mut kept, mut renamed) = (Vec::new(), vec![None; vertices.len()]);
    let mut rename = |old: u32| {
        *renamed[old as usize].get_or_insert_with(|| {
            let place: Point3 = vertices[old as usize];
            let [low, high] = [-close, close].map(|shift| place.map(|value| cell(value + shift)));
            let near = (low.x..=high.x)
                .flat_map(|x| (low.y..=high.y).flat_map(move |y| (low.z..=high.z).map(move |z| [x, y, z])))
                .find_map(|key| cells.get(&key)?.iter().copied().find(|&at| same(&kept[at as usize], &place, close)));
            near.unwrap_or_else(|| {
                kept.push(place);
                let name = kept.len() as u32 - 1;
                cells.entry(place.map(cell).into()).or_default().push(name);
                name
            })
        })
    };
    let renamed: Vec<[u32; 3]> = triangles.iter().map(|triangle| triangle.map(&mut rename)).collect();
    (kept, renamed.into_iter().filter(|[a, b, c]| a != b && b != c && c != a).collect())
}

fn same(a: &Point3, b: &Point3, close: f64) -> bool {
    (a - b).amax() <= close
}

fn check_span(vertices: &[Point3]) -> std::result::Result<(), String> {
    let (low, high) = bounds(vertices);
    let span_m = (high - low).norm();
    let [smallest, largest] = SANE_SPAN_M;
    if vertices.is_empty() {
        Err("has no triangle with an area: export the wall as triangles".into())
    } else if span_m > largest {
        Err(format!("spans {span_m:.0} m: is it in millimetres? then set scale_m = 0.001"))
    } else if span_m < smallest {
        Err(format!("spans {span_m:.2e} m: in which unit is it? scale_m is the length of that unit in metres"))
    } else {
        Ok(())
    }
}

/// The lowest and the highest coordinates of some places.
pub(super) fn bounds<'a>(places: impl IntoIterator<Item = &'a Point3>) -> (Point3, Point3) {
    let none = (Point3::repeat(f64::INFINITY), Point3::repeat(f64::NEG_INFINITY));
    places.into_iter().fold(none, |(low, high), place| (low.inf(place), high.sup(place)))
}

/// For each edge, the same edge in the neighbouring triangle; an error where more than two triangles meet.
fn pair_edges(vertices: &[Point3], triangles: &[[u32; 3]]) -> std::result::Result<Vec<Option<u32>>, String> {
    let mut edges: Vec<([u32; 2], u32)> = Vec::with_capacity(3 * triangles.len());
    for (triangle, &[a, b, c]) in triangles.iter().enumerate() {
        for (side, (p, q)) in [(a, b), (b, c), (c, a)].into_iter().enumerate() {
            edges.push(([p.min(q), p.max(q)], (3 * triangle + side) as u32));
        }
    }
    edges.sort_unstable();
    let mut across = vec![None; edges.len()];
    let mut crowded = Vec::new();
    for meeting in edges.chunk_by(|a, b| a.0 == b.0) {
        match *meeting {
            [_] => {}
            [(_, one), (_, other)] => {
                across[one as usize] = Some(other);
                across[other as usize] = Some(one);
            }
            _ => crowded.push((meeting[0].0, meeting.len())),
        }
    }
    let Some((ends, count)) = crowded.first() else { return Ok(across) };
    let [p, q] = ends.map(|vertex| vertices[vertex as usize]);
    Err(format!(
        "{} edges have more than two triangles, such as the {count} from ({:.4}, {:.4}, {:.4}) m to ({:.4}, {:.4}, \
         {:.4}) m: delete inner walls, ribs and doubled faces so that one skin is left",
        crowded.len(),
        p.x,
        p.y,
        p.z,
        q.x,
        q.y,
        q.z
    ))
}

/// Turns triangles to agree with their neighbours, and tells how many triangles each connected piece has.
fn orient(triangles: &mut [[u32; 3]], across: &mut [Option<u32>]) -> Vec<usize> {
    let mut seen = vec![false; triangles.len()];
    let mut pieces = Vec::new();
    for seed in 0..triangles.len() {
        if std::mem::replace(&mut seen[seed], true) {
            continue;
        }
        let mut piece = vec![seed];
        let mut next = 0;
        while let Some(&triangle) = piece.get(next) {
            next += 1;
            for edge in 3 * triangle..3 * triangle + 3 {
                let Some(other) = across[edge].map(|other| other as usize) else { continue };
                if !std::mem::replace(&mut seen[other / 3], true) {
                    if triangles[triangle][edge % 3] == triangles[other / 3][other % 3] {
                        turn_over(triangles, across, other / 3);
                    }
                    piece.push(other / 3);
                }
            }
        }
        pieces.push(piece.len());
    }
    pieces
}

/// Swaps two corners of a triangle, and with them its first and last edge.
fn turn_over(triangles: &mut [[u32; 3]], across: &mut [Option<u32>], triangle: usize) {
    triangles[triangle].swap(1, 2);
    across.swap(3 * triangle, 3 * triangle + 2);
    for edge in [3 * triangle, 3 * triangle + 2] {
        if let Some(other) = across[edge] {
            across[other as usize] = Some(edge as u32);
        }
    }
}

fn check_pieces(pieces: &[usize]) -> std::result::Result<(), String> {
    if let [_] = pieces {
        return Ok(());
    }
    let mut sizes = pieces.to_vec();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let shown: Vec<String> = sizes.iter().take(5).map(usize::to_string).collect();
    let more = if sizes.len() > 5 { " ..." } else { "" };
    Err(format!(
        "falls into {} pieces, of {}{more} triangles: keep the one that is the wall, or weld their seams",
        sizes.len(),
        shown.join(", ")
    ))
}

#[cfg(test)]
#[path = "mesh_tests.rs"]
mod tests;
