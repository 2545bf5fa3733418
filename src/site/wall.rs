//! Where on a wall: patches with coordinates in metres, and the points on them.
//!
//! Two kinds of surface are enough for five shapes; a mesh is the third, for any other, and has no coordinates. A plate is flat with straight axes; disc, cylinder, cone and sphere
//! are surfaces of revolution, told apart only by their meridian. Each has an orthogonal chart `(a, v)`: `v` is arc
//! length along the generator in metres; `a` is metres on a plate and the angle about the axis, in radians, elsewhere.
//! `u_m = a · metres_per_a(v)` is the arc length that people read.

use std::f64::consts::{PI, TAU};
use std::sync::Arc;

use nalgebra::Vector3;

use super::{Meridian, Mesh};

/// A point or direction in the module frame, metres.
pub type Point3 = Vector3<f64>;

/// One patch of the wall.
#[derive(Debug, Clone, PartialEq)]
pub struct Wall {
    /// Name in the site file.
    pub id: String,
    /// The shape's word in the site file: plate, disc, cylinder, cone, sphere or mesh.
    pub kind: &'static str,
    surface: Surface,
}

/// Extent of a patch in its chart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chart {
    /// Range of `a`: metres on a plate, radians elsewhere.
    pub a: [f64; 2],
    /// Range of `v`, metres.
    pub v_m: [f64; 2],
    /// Whether `a` runs the full circle, so that its two ends are one line.
    pub closed: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Surface {
    Plate { origin: Point3, u_axis: Point3, v_axis: Point3, chart: Chart },
    Revolution { centre: Point3, axis: Point3, seam: Point3, meridian: Meridian, chart: Chart },
    Mesh(Arc<Mesh>),
}

/// A point on a wall; its `position_m` is on the surface to rounding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WallPoint {
    /// Index of the wall in the site.
    pub wall: usize,
    /// Chart coordinate along the wall: metres on a plate, radians elsewhere; no number on a mesh.
    pub a: f64,
    /// Chart coordinate along the generator, metres; no number on a mesh.
    pub v_m: f64,
    /// Arc length from the seam at this height, metres; no number on a mesh.
    pub u_m: f64,
    /// Triangle of the mesh, counted from 0, where the wall is one.
    pub triangle: Option<usize>,
    /// Place in the module frame, metres.
    pub position_m: Point3,
}

impl Wall {
    /// A flat rectangle. The axes are unit vectors at right angles; `size_m` is its extent along them.
    pub fn plate(id: &str, origin_m: Point3, u_axis: Point3, v_axis: Point3, size_m: [f64; 2]) -> Self {
        Self {
            id: id.into(),
            kind: "plate",
            surface: Surface::Plate {
                origin: origin_m,
                u_axis,
                v_axis,
                chart: Chart { a: [0.0, size_m[0]], v_m: [0.0, size_m[1]], closed: false },
            },
        }
    }

    /// A flat ring (or full disc) about `axis`; `v` is the radius.
    pub fn disc(id: &str, centre_m: Point3, axis: Point3, seam: Point3, radii_m: [f64; 2], arc_rad: [f64; 2]) -> Self {
        let meridian = Meridian::Line { r0_m: 0.0, slope: 1.0, rise: 0.0 };
        Self::revolution(id, "disc", centre_m, axis, seam, meridian, radii_m, arc_rad)
    }

    /// A cylinder of `length_m` about `axis`, `base_m` the centre of its v = 0 end.
    pub fn cylinder(
        id: &str,
        base_m: Point3,
        axis: Point3,
        seam: Point3,
        [radius_m, length_m]: [f64; 2],
        arc_rad: [f64; 2],
    ) -> Self {
        let meridian = Meridian::Line { r0_m: radius_m, slope: 0.0, rise: 1.0 };
        Self::revolution(id, "cylinder", base_m, axis, seam, meridian, [0.0, length_m], arc_rad)
    }

    /// A cone frustum of axial `length_m` with the radii of its two ends; `v` runs along the slant.
    pub fn cone(
        id: &str,
        base_m: Point3,
        axis: Point3,
        seam: Point3,
        [r_base_m, r_top_m, length_m]: [f64; 3],
        arc_rad: [f64; 2],
    ) -> Self {
        let slant_m = (r_top_m - r_base_m).hypot(length_m);
        let meridian =
            Meridian::Line { r0_m: r_base_m, slope: (r_top_m - r_base_m) / slant_m, rise: length_m / slant_m };
        Self::revolution(id, "cone", base_m, axis, seam, meridian, [0.0, slant_m], arc_rad)
    }

    /// A zone of a sphere between two polar angles measured from `axis`; `v` is arc length from that pole.
    pub fn sphere(
        id: &str,
        centre_m: Point3,
        axis: Point3,
        seam: Point3,
        radius_m: f64,
        polar_rad: [f64; 2],
        arc_rad: [f64; 2],
    ) -> Self {
        let meridian = Meridian::Circle { radius_m };
        let v_m = [polar_rad[0] * radius_m, polar_rad[1] * radius_m];
        Self::revolution(id, "sphere", centre_m, axis, seam, meridian, v_m, arc_rad)
    }

    #[expect(clippy::too_many_arguments, reason = "private: the five public constructors name each of them")]
    fn revolution(
        id: &str,
        kind: &'static str,
        centre: Point3,
        axis: Point3,
        seam: Point3,
        meridian: Meridian,
        v_m: [f64; 2],
        arc_rad: [f64; 2],
    ) -> Self {
        let closed = arc_rad[1] - arc_rad[0] >= TAU - 1e-9;
        let seam = (seam - axis * axis.dot(&seam)).normalize();
        let chart = Chart { a: arc_rad, v_m, closed };
        Self { id: id.into(), kind, surface: Surface::Revolution { centre, axis, seam, meridian, chart } }
    }

    /// Any surface of triangles.
    pub fn from_mesh(id: &str, mesh: Mesh) -> Self {
        Self { id: id.into(), kind: "mesh", surface: Surface::Mesh(Arc::new(mesh)) }
    }

    /// Extent of the patch in its chart; a mesh has none.
    pub fn chart(&self) -> Option<Chart> {
        match &self.surface {
            Surface::Plate { chart, .. } | Surface::Revolution { chart, .. } => Some(*chart),
            Surface::Mesh(_) => None,
        }
    }

    /// Whether the wall runs the full circle about its axis.
    pub fn closed(&self) -> bool {
        self.chart().is_some_and(|chart| chart.closed)
    }

    /// The triangles, where the wall is a mesh.
    pub fn mesh(&self) -> Option<&Arc<Mesh>> {
        match &self.surface {
            Surface::Mesh(mesh) => Some(mesh),
            _ => None,
        }
    }

    /// The generator of a surface of revolution; plates and meshes have none.
    pub fn meridian(&self) -> Option<Meridian> {
        match &self.surface {
            Surface::Revolution { meridian, .. } => Some(*meridian),
            _ => None,
        }
    }

    /// Where the patch stands: a plate's corner and the directions of its `u` and `v`; of a surface of revolution the centre,
    /// the axis and the direction from it to `a = 0`. A mesh stands where its corners are.
    pub fn frame(&self) -> Option<[Point3; 3]> {
        match self.surface {
            Surface::Plate { origin, u_axis, v_axis, .. } => Some([origin, u_axis, v_axis]),
            Surface::Revolution { centre, axis, seam, .. } => Some([centre, axis, seam]),
            Surface::Mesh(_) => None,
        }
    }

    /// Metres of arc per unit of `a` at height `v_m`: 1 on a plate, the distance from the axis elsewhere.
    pub fn metres_per_a(&self, v_m: f64) -> f64 {
        match &self.surface {
            Surface::Revolution { meridian, .. } => meridian.radius_height(v_m).0,
            _ => 1.0,
        }
    }

    /// The point at chart coordinates `(a, v_m)`. `index` is the wall's number in its site.
    ///
    /// # Panics
    /// On a mesh, which has no chart.
    pub fn at(&self, index: usize, a: f64, v_m: f64) -> WallPoint {
        let u_m = a * self.metres_per_a(v_m);
        WallPoint { wall: index, a, v_m, u_m, triangle: None, position_m: self.position(a, v_m) }
    }

    fn position(&self, a: f64, v_m: f64) -> Point3 {
        match &self.surface {
            Surface::Plate { origin, u_axis, v_axis, .. } => origin + u_axis * a + v_axis * v_m,
            Surface::Revolution { centre, axis, seam, meridian, .. } => {
                let (radius, height) = meridian.radius_height(v_m);
                let side = axis.cross(seam);
                centre + (seam * a.cos() + side * a.sin()) * radius + axis * height
            }
            Surface::Mesh(_) => panic!("a mesh has no chart"),
        }
    }

    /// Unit vectors along growing `u` and growing `v` at a point; on a mesh along the first edge of the triangle, and
    /// from that edge inwards.
    pub fn tangents(&self, point: &WallPoint) -> [Point3; 2] {
        let WallPoint { a, v_m, .. } = *point;
        match &self.surface {
            Surface::Mesh(mesh) => mesh.tangents(point.triangle.unwrap_or(0)),
            Surface::Plate { u_axis, v_axis, .. } => [*u_axis, *v_axis],
            Surface::Revolution { axis, seam, meridian, .. } => {
                let side = axis.cross(seam);
                let outward = seam * a.cos() + side * a.sin();
                let (slope, rise) = meridian.direction(v_m);
                [side * a.cos() - seam * a.sin(), outward * slope + axis * rise]
            }
        }
    }

    /// The point of this patch nearest to `place`.
    pub fn nearest(&self, index: usize, place: &Point3) -> WallPoint {
        let (a, v_m, chart) = match &self.surface {
            Surface::Plate { origin, u_axis, v_axis, chart } => {
                let offset = place - origin;
                (offset.dot(u_axis), offset.dot(v_axis), chart)
            }
            Surface::Revolution { centre, axis, seam, meridian, chart } => {
                let offset = place - centre;
                let (x, y) = (offset.dot(seam), offset.dot(&axis.cross(seam)));
                (y.atan2(x), meridian.nearest_v(x.hypot(y), offset.dot(axis)), chart)
            }
            Surface::Mesh(mesh) => {
                let (triangle, position_m) = mesh.nearest(place);
                return WallPoint::on_triangle(index, triangle, position_m);
            }
        };
        self.at(index, self.clamp_a(a, chart), v_m.clamp(chart.v_m[0], chart.v_m[1]))
    }

    fn clamp_a(&self, a: f64, chart: &Chart) -> f64 {
        let [low, high] = chart.a;
        if matches!(self.surface, Surface::Plate { .. }) {
            return a.clamp(low, high);
        }
        // The representative of the angle at or above the arc's start; beyond its end, whichever end is nearer.
        let turned = low + (a - low).rem_euclid(TAU);
        if turned <= high || chart.closed {
            turned
        } else if turned - high < low + TAU - turned {
            high
        } else {
            low
        }
    }

    /// Angle about the axis in degrees, where the shape has an axis.
    pub fn angle_deg(&self, a: f64) -> Option<f64> {
        match self.surface {
            Surface::Revolution { .. } => Some(a.to_degrees()),
            _ => None,
        }
    }

    /// Area of the patch, square metres.
    pub fn area_m2(&self) -> f64 {
        match &self.surface {
            Surface::Plate { chart: Chart { a, v_m, .. }, .. } => (a[1] - a[0]) * (v_m[1] - v_m[0]),
            Surface::Revolution { meridian, chart: Chart { a, v_m, .. }, .. } => (a[1] - a[0]) * meridian.moment(*v_m),
            Surface::Mesh(mesh) => mesh.area_m2(),
        }
    }

    /// Largest `metres_per_a` for `v` in the given range.
    pub fn widest(&self, v_m: [f64; 2]) -> f64 {
        let ends = self.metres_per_a(v_m[0]).max(self.metres_per_a(v_m[1]));
        match &self.surface {
            Surface::Revolution { meridian: Meridian::Circle { radius_m }, .. } => {
                let equator = radius_m * PI / 2.0;
                if v_m[0] <= equator && equator <= v_m[1] { *radius_m } else { ends }
            }
            _ => ends,
        }
    }
}

impl WallPoint {
    /// A point of a mesh's triangle.
    pub fn on_triangle(wall: usize, triangle: usize, position_m: Point3) -> Self {
        Self { wall, a: f64::NAN, v_m: f64::NAN, u_m: f64::NAN, triangle: Some(triangle), position_m }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walls() -> Vec<Wall> {
        let axis = Point3::new(0.0, 0.6, 0.8);
        let seam = Point3::x();
        let base = Point3::new(0.3, -0.2, 1.0);
        let full = [0.0, TAU];
        vec![
            Wall::plate("plate", base, seam, axis, [2.0, 1.5]),
            Wall::disc("disc", base, axis, seam, [0.2, 1.0], full),
            Wall::cylinder("cylinder", base, axis, seam, [1.0, 2.35], full),
            Wall::cone("cone", base, axis, seam, [0.3, 1.0, 1.45], [0.5, 4.0]),
            Wall::sphere("sphere", base, axis, seam, 1.1, [0.0, PI], full),
        ]
    }

    #[test]
    fn nearest_inverts_at_on_every_shape() {
        for wall in walls() {
            let Chart { a, v_m, .. } = wall.chart().unwrap();
            for i in 1..20 {
                for j in 1..20 {
                    let point = wall.at(
                        0,
                        a[0] + (a[1] - a[0]) * f64::from(i) / 20.0,
                        v_m[0] + (v_m[1] - v_m[0]) * f64::from(j) / 20.0,
                    );
                    let back = wall.nearest(0, &point.position_m);
                    assert!((back.position_m - point.position_m).norm() < 1e-14 * 8.0, "{}", wall.id);
                    assert!((back.a - point.a).abs() < 1e-12 && (back.v_m - point.v_m).abs() < 1e-12, "{}", wall.id);
                }
            }
        }
    }

    #[test]
    fn tangents_are_unit_and_follow_the_coordinates() {
        let step = 1e-6;
        for wall in walls() {
            let Chart { a, v_m, .. } = wall.chart().unwrap();
            let (a, v) = (a[0] + 0.37 * (a[1] - a[0]), v_m[0] + 0.61 * (v_m[1] - v_m[0]));
            let [along_u, along_v] = wall.tangents(&wall.at(0, a, v));
            let du = (wall.position(a + step, v) - wall.position(a - step, v)) / (2.0 * step * wall.metres_per_a(v));
            let dv = (wall.position(a, v + step) - wall.position(a, v - step)) / (2.0 * step);
            // Central differences err by step² plus rounding over the step, 1e-16/1e-6.
            assert!((du - along_u).norm() < 1e-9 && (dv - along_v).norm() < 1e-9, "{}", wall.id);
        }
    }

    #[test]
    fn areas_agree_with_closed_forms() {
        let areas: Vec<f64> = walls().iter().map(Wall::area_m2).collect();
        let slant = 0.7f64.hypot(1.45);
        let expected = [3.0, PI * 0.96, TAU * 2.35, 3.5 * slant * 0.65, 4.0 * PI * 1.21];
        for (area, expected) in areas.iter().zip(expected) {
            assert!((area - expected).abs() < 1e-12, "{area} {expected}");
        }
    }

    #[test]
    fn places_beyond_an_arc_go_to_its_nearer_end() {
        let wall = Wall::cylinder("c", Point3::zeros(), Point3::z(), Point3::x(), [1.0, 1.0], [0.0, PI / 2.0]);
        let past_end = wall.nearest(0, &Point3::new(-1.0, 0.5, 0.5));
        assert!((past_end.a - PI / 2.0).abs() < 1e-12);
        let before_start = wall.nearest(0, &Point3::new(0.5, -1.0, 0.5));
        assert!(before_start.a.abs() < 1e-12);
    }

    #[test]
    fn widest_sees_the_equator_inside_a_range() {
        let sphere = &walls()[4];
        assert_eq!(sphere.widest([1.0, 2.5]), 1.1);
        assert!((sphere.widest([0.1, 0.4]) - 1.1 * (0.4f64 / 1.1).sin()).abs() < 1e-15);
    }
}
