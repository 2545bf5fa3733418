//! The ways that sound takes to a sensor: straight through air, or along the wall.
//!
//! On a plate, cylinder, cone or disc the wall is unrolled and a geodesic is a straight line; a closed wall is met again
//! after every turn about its axis, which gives further ways. A cone's unrolled wall ends at its small rim (a disc's at
//! its inner edge): a line that would cross it follows it instead. On a sphere geodesics are great circles.

use std::f64::consts::{PI, TAU};
use std::sync::Arc;

use super::SurfaceDistance;
use crate::site::{Meridian, Point3, Site, Wall, WallPoint};

/// How sound reaches one sensor.
#[derive(Debug, Clone)]
pub enum Way {
    /// Through air, to a sensor at this place.
    Straight(Point3),
    /// Along the wall, to a sensor at this point of it.
    Along(WallPoint),
    /// Along a mesh, to a sensor at this point of it.
    OverMesh(WallPoint, Arc<SurfaceDistance>),
}

/// One way from a sensor to a place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Leg {
    /// Length, metres.
    pub length_m: f64,
    /// Its derivative where the place moves along `u` and along `v`, by arc length.
    pub gradient: [f64; 2],
}

/// Turns about the axis, either way, after which further ways are no longer told: their sound has gone ten radii.
const TURNS: i32 = 2;

/// Half the step, metres, over which ranges along a mesh are differenced: rounding over it is 1e-10.
const GRADIENT_STEP_M: f64 = 1e-5;

impl Way {
    /// The way to a sensor of a site; the distances of a whole mesh are computed here, which takes a while.
    pub fn to(site: &Site, sensor: usize) -> Self {
        let sensor = &site.sensors[sensor];
        sensor.foot.map_or(Self::Straight(sensor.position_m), |foot| Self::along(site, foot))
    }

    /// The way along the wall to a point of it; as [`Self::to`], for a place without a sensor.
    pub fn along(site: &Site, foot: WallPoint) -> Self {
        match (site.walls[foot.wall].mesh(), foot.triangle) {
            (Some(mesh), Some(triangle)) => {
                Self::OverMesh(foot, Arc::new(SurfaceDistance::from(mesh, triangle, foot.position_m)))
            }
            _ => Self::Along(foot),
        }
    }

    /// Where the sensor is: its foot on the wall, or its place in the air.
    pub fn foot(&self) -> std::result::Result<&WallPoint, &Point3> {
        match self {
            Self::Straight(place) => Err(place),
            Self::Along(foot) | Self::OverMesh(foot, _) => Ok(foot),
        }
    }

    /// Where the sensor is, if sound reaches it straight.
    pub fn straight(&self) -> Option<Point3> {
        match self {
            Self::Straight(place) => Some(*place),
            Self::Along(_) | Self::OverMesh(..) => None,
        }
    }

    /// The shortest way to `place`, which lies on `wall`.
    pub fn shortest(&self, wall: &Wall, place: &WallPoint) -> Leg {
        match self {
            Self::Straight(from) => {
                let ray = place.position_m - from;
                let length_m = ray.norm();
                let direction = ray / length_m.max(f64::MIN_POSITIVE);
                Leg { length_m, gradient: wall.tangents(place).map(|t| direction.dot(&t)) }
            }
            Self::Along(from) => shortest_along(wall, from, place),
            Self::OverMesh(..) => Leg { length_m: self.range_m(wall, place), gradient: self.slopes(wall, place) },
        }
    }

    /// Length of the shortest way to `place`, metres.
    pub fn range_m(&self, wall: &Wall, place: &WallPoint) -> f64 {
        match self {
            Self::Straight(from) => (place.position_m - from).norm(),
            Self::Along(from) => shortest_along(wall, from, place).length_m,
            Self::OverMesh(_, distance) => match (wall.mesh(), place.triangle) {
                (Some(mesh), Some(triangle)) => distance.distance(mesh, triangle, &place.position_m),
                _ => f64::INFINITY,
            },
        }
    }

    /// Slopes of the range along a mesh, by differences over a step along the surface either way.
    fn slopes(&self, wall: &Wall, place: &WallPoint) -> [f64; 2] {
        let (Some(mesh), Some(triangle)) = (wall.mesh(), place.triangle) else { return [0.0; 2] };
        let range = |step: Point3| {
            let (triangle, there) = mesh.walk((triangle, place.position_m), step);
            (
                self.range_m(wall, &WallPoint::on_triangle(place.wall, triangle, there)),
                (there - place.position_m).norm(),
            )
        };
        wall.tangents(place).map(|tangent| {
            let [(ahead, far), (behind, near)] = [GRADIENT_STEP_M, -GRADIENT_STEP_M].map(|step| range(tangent * step));
            (ahead - behind) / (far + near).max(f64::MIN_POSITIVE)
        })
    }

    /// All ways to `place` that are known, shortest first: several round a closed wall, otherwise one.
    pub fn all(&self, wall: &Wall, place: &WallPoint) -> Vec<Leg> {
        match self {
            Self::Straight(_) | Self::OverMesh(..) => vec![self.shortest(wall, place)],
            Self::Along(from) => all_along(wall, from, place),
        }
    }
}

fn shortest_along(wall: &Wall, from: &WallPoint, place: &WallPoint) -> Leg {
    let turn = if wall.closed() { nearest_turn(place.a - from.a) } else { 0.0 };
    leg(wall, from, place, turn)
}

fn all_along(wall: &Wall, from: &WallPoint, place: &WallPoint) -> Vec<Leg> {
    let mut legs = match wall.meridian() {
        Some(Meridian::Circle { radius_m }) if wall.closed() => {
            let there = leg(wall, from, place, 0.0);
            let back = Leg { length_m: TAU * radius_m - there.length_m, gradient: there.gradient.map(|g| -g) };
            vec![there, back]
        }
        Some(_) if wall.closed() => {
            let nearest = nearest_turn(place.a - from.a);
            (-TURNS..=TURNS).map(|n| leg(wall, from, place, nearest + TAU * f64::from(n))).collect()
        }
        _ => vec![leg(wall, from, place, 0.0)],
    };
    legs.sort_by(|x, y| x.length_m.total_cmp(&y.length_m));
    legs
}

/// Whole turns, radians, that bring an angle into −π..π.
fn nearest_turn(angle: f64) -> f64 {
    -TAU * (angle / TAU).round()
}

/// The geodesic that reaches `place` after `turn` more radians about the axis.
fn leg(wall: &Wall, from: &WallPoint, place: &WallPoint, turn: f64) -> Leg {
    let da = place.a - from.a + turn;
    match wall.meridian() {
        None => flat(da, place.v_m - from.v_m),
        Some(Meridian::Line { r0_m, slope: 0.0, .. }) => flat(r0_m * da, place.v_m - from.v_m),
        Some(Meridian::Line { r0_m, slope, .. }) => {
            let slant = |v_m: f64| (v_m + r0_m / slope).abs();
            let ends = wall.chart().map_or([0.0; 2], |chart| chart.v_m).map(slant);
            let (length_m, by_slant, by_arc) =
                around_apex(slant(from.v_m), slant(place.v_m), da.abs() * slope.abs(), ends[0].min(ends[1]));
            Leg { length_m, gradient: [by_arc.copysign(da), by_slant * slope.signum()] }
        }
        Some(Meridian::Circle { radius_m }) => {
            let ((sin0, cos0), (sin1, cos1)) = ((from.v_m / radius_m).sin_cos(), (place.v_m / radius_m).sin_cos());
            let (sin_a, cos_a) = da.sin_cos();
            // Components of the great circle's direction at the place, times the sine of its angle (Vincenty 1975):
            // precise near both poles of it, where the arc cosine loses half the digits.
            let east = sin0 * sin_a;
            let south = sin1 * cos0 - cos1 * sin0 * cos_a;
            let sin = east.hypot(south);
            let angle = sin.atan2(cos0 * cos1 + sin0 * sin1 * cos_a);
            let sin = sin.max(f64::MIN_POSITIVE);
            Leg { length_m: radius_m * angle, gradient: [east / sin, south / sin] }
        }
    }
}

fn flat(du_m: f64, dv_m: f64) -> Leg {
    let length_m = du_m.hypot(dv_m);
    let unit = length_m.max(f64::MIN_POSITIVE);
    Leg { length_m, gradient: [du_m / unit, dv_m / unit] }
}

/// Geodesic of an unrolled cone between slants `s0` and `s1` (distances from the apex) that are `angle` apart, over a wall
/// that begins at the slant `rim`: its length, and the derivatives of it by `s1` and by arc length at the end.
fn around_apex(s0: f64, s1: f64, angle: f64, rim: f64) -> (f64, f64, f64) {
    if angle < PI {
        let (sin, cos) = angle.sin_cos();
        let length = (s1 - s0).hypot(2.0 * (s0 * s1).sqrt() * (angle / 2.0).sin());
        let unit = length.max(f64::MIN_POSITIVE);
        let (ahead, back) = (s1 - s0 * cos, s0 - s1 * cos);
        let passes_rim = ahead > 0.0 && back > 0.0 && s0 * s1 * sin < rim * length;
        if !passes_rim {
            return (length, ahead / unit, s0 * sin / unit);
        }
    }
    // Tangent to the rim, along it, and off it by the other tangent; a rim of radius nothing is the apex itself.
    let tangent = |s: f64| ((s - rim) * (s + rim)).max(0.0).sqrt();
    let unseen = angle - (rim / s0).min(1.0).acos() - (rim / s1).min(1.0).acos();
    (tangent(s0) + tangent(s1) + rim * unseen.max(0.0), tangent(s1) / s1, rim / s1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn along(wall: &Wall, from: [f64; 2], to: [f64; 2]) -> Vec<Leg> {
        Way::Along(wall.at(0, from[0], from[1])).all(wall, &wall.at(0, to[0], to[1]))
    }

    fn full_cylinder() -> Wall {
        Wall::cylinder("c", Point3::zeros(), Point3::z(), Point3::x(), [1.0, 2.35], [0.0, TAU])
    }

    /// Half-angle 25°, slant from the apex `from..to` metres.
    fn cone(from: f64, to: f64) -> Wall {
        let (sin, cos) = 25f64.to_radians().sin_cos();
        let size = [from * sin, to * sin, (to - from) * cos];
        Wall::cone("k", Point3::zeros(), Point3::z(), Point3::x(), size, [0.0, TAU])
    }

    fn sphere() -> Wall {
        Wall::sphere("s", Point3::zeros(), Point3::z(), Point3::x(), 1.1, [0.0, PI], [0.0, TAU])
    }

    #[test]
    fn lengths_agree_with_the_tables() {
        let (cylinder, cone, sphere) = (full_cylinder(), cone(0.0, 3.0), sphere());
        // Sphere: u azimuth, v polar angle.
        let on_sphere = |[a, v]: [f64; 2]| [a, 1.1 * v];
        let table = [
            (&cylinder, [0.1, 0.2], [0.1, 2.2], vec![2.0, 6.593816619, 6.593816619]),
            (&cylinder, [0.05, 1.0], [6.2, 1.4], vec![0.421590235, 6.162994402, 6.428826632]),
            (&cylinder, [0.0, 0.3], [PI, 2.0], vec![3.572058846, 3.572058846, 9.576870032]),
            (&cylinder, [1.0, 0.5], [4.5, 1.9], vec![3.115464725, 3.769615365, 9.173825599]),
            (&cone, [0.0, 1.0], [0.0, 2.0], vec![1.0, 2.921720785, 2.921720785]),
            (&cone, [0.1, 1.0], [6.2, 2.2], vec![1.205478757, 3.091833500, 3.142842226]),
            (&cone, [0.0, 0.9], [PI, 0.9], vec![1.109072836, 1.109072836, 1.8]),
            (&cone, [0.5, 1.2], [3.2, 2.1], vec![1.936548942, 2.359132959, 3.3]),
            (&sphere, on_sphere([0.0, 1.0]), on_sphere([0.0, 2.0]), vec![1.1, 5.811503838]),
            (&sphere, on_sphere([0.1, 0.5]), on_sphere([6.2, 2.2]), vec![1.877196996, 5.034306842]),
            (&sphere, on_sphere([0.0, PI / 2.0]), on_sphere([PI, PI / 2.0]), vec![3.455751919, 3.455751919]),
            (&sphere, on_sphere([1.0, 0.001]), on_sphere([2.0, 3.0]), vec![3.299402946, 3.612100892]),
        ];
        for (wall, from, to, expected) in table {
            let found = along(wall, from, to);
            for (leg, expected) in found.iter().zip(expected) {
                assert!((leg.length_m - expected).abs() <= 0.5e-9 + 1e-12, "{} {from:?} {to:?}: {found:?}", wall.id);
            }
        }
    }

    #[test]
    fn gradients_are_the_slopes_of_the_lengths() {
        let disc = Wall::disc("d", Point3::zeros(), Point3::z(), Point3::x(), [0.4, 1.0], [0.0, TAU]);
        let narrowing = Wall::cone("n", Point3::zeros(), Point3::z(), Point3::x(), [1.0, 0.5, 0.7], [0.0, TAU]);
        let plate = Wall::plate("p", Point3::zeros(), Point3::x(), Point3::y(), [1.0, 2.0]);
        for wall in [full_cylinder(), cone(0.3, 2.0), sphere(), disc, narrowing, plate] {
            let chart = wall.chart().unwrap();
            let place = |s: f64, t: f64| {
                let at = |[low, high]: [f64; 2], share: f64| low + share * (high - low);
                wall.at(0, at(chart.a, s), at(chart.v_m, t))
            };
            for (s, t) in [(0.21, 0.83), (0.43, 0.12), (0.55, 0.5), (0.9, 0.4)] {
                let way = Way::Along(place(0.08, 0.37));
                let here = place(s, t);
                let legs = way.all(&wall, &here).len().min(2);
                for which in 0..legs {
                    let length = |da: f64, dv: f64| {
                        let moved = wall.at(0, here.a + da / wall.metres_per_a(here.v_m), here.v_m + dv);
                        way.all(&wall, &moved)[which].length_m
                    };
                    let h = 1e-6;
                    let slopes = [
                        (length(h, 0.0) - length(-h, 0.0)) / (2.0 * h),
                        (length(0.0, h) - length(0.0, -h)) / (2.0 * h),
                    ];
                    let gradient = way.all(&wall, &here)[which].gradient;
                    for (slope, expected) in slopes.iter().zip(gradient) {
                        // Rounding over the step, 1e-16/1e-6, and step² of a curvature of at most a hundred.
                        assert!((slope - expected).abs() < 1e-8, "{} {s} {t}: {slopes:?} {gradient:?}", wall.id);
                    }
                    assert!((gradient[0].hypot(gradient[1]) - 1.0).abs() < 1e-12, "{}: {gradient:?}", wall.id);
                }
            }
        }
    }

    #[test]
    fn a_way_past_a_rim_goes_along_it() {
        // Opposite points of a ring: two tangents and the arc between them.
        let ring = Wall::disc("d", Point3::zeros(), Point3::z(), Point3::x(), [0.5, 1.0], [0.0, TAU]);
        let expected = 2.0 * 0.75f64.sqrt() + 0.5 * (PI - 2.0 * 0.5f64.acos());
        assert!((along(&ring, [0.0, 1.0], [PI, 1.0])[0].length_m - expected).abs() < 1e-15);
        // Without a hole it is the diameter.
        let disc = Wall::disc("d", Point3::zeros(), Point3::z(), Point3::x(), [0.0, 1.0], [0.0, TAU]);
        assert!((along(&disc, [0.0, 1.0], [PI, 1.0])[0].length_m - 2.0).abs() < 1e-15);
    }

    #[test]
    fn an_open_wall_is_not_passed_through_its_gap() {
        let half = Wall::cylinder("c", Point3::zeros(), Point3::z(), Point3::x(), [1.0, 1.0], [0.0, 1.5 * PI]);
        let legs = along(&half, [0.0, 0.5], [1.5 * PI, 0.5]);
        assert_eq!(legs.len(), 1);
        assert!((legs[0].length_m - 1.5 * PI).abs() < 1e-12);
    }
}
