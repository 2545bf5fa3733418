//! The ways from a source to a sensor: straight, and by mirrors.

use crate::site::Point3;

/// Two images closer than this, metres, are one: a source on a face coincides with its own mirror image.
const SAME_PLACE_M: f64 = 1e-6;
/// Directions tried around a barrel for its echoes; two stationary points closer than 0.35 degrees count as one or none.
const BARREL_STEPS: usize = 1024;

/// One way from source to sensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Path {
    /// Length, metres.
    pub length_m: f64,
    /// Amplitude that spreading and reflections leave of that at 1 m, a ratio; absorption is not in it.
    pub amplitude: f64,
    /// Which of the scene's waves takes it.
    pub wave: usize,
}

/// Mirrors around the scene.
#[derive(Debug, Clone, PartialEq)]
pub struct Reflection {
    /// Amplitude that one reflection leaves, a ratio; the same at every frequency and angle.
    pub coefficient: f64,
    /// Most reflections on one path.
    pub order: u32,
    /// Where the mirrors are.
    pub room: Room,
}

/// The mirrors of a room, or of a wall.
#[derive(Debug, Clone, PartialEq)]
pub enum Room {
    /// An axis-aligned box: every image source up to the order, exact for plane rigid walls (Allen & Berkley 1979).
    Box {
        /// Corner of least coordinates, metres.
        low_m: Point3,
        /// Corner of greatest coordinates, metres.
        high_m: Point3,
    },
    /// A circular tunnel with flat closed ends.
    ///
    /// The ends are plane mirrors, images up to the order. The barrel is met at most once on a path, at each place
    /// where the way is stationary (Fermat), in any combination with the ends. Such a path has the right delay, and
    /// the amplitude of a plane mirror: curvature would focus or spread it. Paths that meet the barrel twice or more,
    /// whispering-gallery ones among them, are left out, and hatches reflect like the rings around them.
    Tunnel {
        /// Centre of one end, metres.
        base_m: Point3,
        /// Unit vector to the other end.
        axis: Point3,
        /// Radius, metres.
        radius_m: f64,
        /// Length, metres.
        length_m: f64,
    },
    /// The edges of the wall along which sound travels: a plate's four, a cylinder's two ends.
    Edges,
}

/// Every path through air from `source` to `sensor`, the straight one first.
///
/// A source on a face coincides with its mirror image there; the image is left out, because the level of such a
/// source is understood with the face behind it.
pub fn paths(source: &Point3, sensor: &Point3, reflection: Option<&Reflection>) -> Vec<Path> {
    let path = |length_m: f64, left: f64| Path { length_m, amplitude: left / length_m, wave: 0 };
    let mut found = vec![path((source - sensor).norm(), 1.0)];
    let Some(Reflection { coefficient, order, room }) = reflection else { return found };
    let left = |count: u32| coefficient.powi(count as i32);
    match room {
        Room::Box { low_m, high_m } => {
            let along = [0, 1, 2].map(|i| mirrored(source[i] - low_m[i], high_m[i] - low_m[i], *order));
            for &(x, nx) in &along[0] {
                for &(y, ny) in &along[1] {
                    for &(z, nz) in along[2].iter().filter(|(_, nz)| (1..=*order).contains(&(nx + ny + nz))) {
                        let image = low_m + Point3::new(x, y, z);
                        found.push(path((image - sensor).norm(), left(nx + ny + nz)));
                    }
                }
            }
        }
        Room::Tunnel { base_m, axis, radius_m, length_m } => {
            let [from, to] = [source, sensor].map(|place| {
                let offset = place - base_m;
                let height = offset.dot(axis);
                (offset - axis * height, height)
            });
            let by_barrel = if *order > 0 { barrel_ways(&from.0, &to.0, axis, *radius_m) } else { Vec::new() };
            for (height, count) in mirrored(from.1, *length_m, *order) {
                let rise = height - to.1;
                if count > 0 {
                    found.push(path((from.0 - to.0).norm().hypot(rise), left(count)));
                }
                if count < *order {
                    // A barrel keeps the motion along its axis, so the way unrolls: across and along add squared.
                    found.extend(by_barrel.iter().map(|way| path(way.hypot(rise), left(count + 1))));
                }
            }
        }
        // A wall's edges are no mirrors to the air.
        Room::Edges => {}
    }
    found
}

/// Images of coordinate `x` between mirrors at 0 and `length`, each with its number of reflections up to `order`.
pub(super) fn mirrored(x: f64, length: f64, order: u32) -> Vec<(f64, u32)> {
    let reach = i64::from(order) + 1;
    let mut images: Vec<(f64, u32)> = Vec::new();
    for n in -reach..=reach {
        let shift = 2.0 * n as f64 * length;
        // 2nL + x is met after |2n| reflections, 2nL − x after |2n − 1|.
        for (image, count) in [(shift + x, (2 * n).unsigned_abs()), (shift - x, (2 * n - 1).unsigned_abs())] {
            let count = count as u32;
            if count > order {
                continue;
            }
            match images.iter_mut().find(|(other, _)| (other - image).abs() < SAME_PLACE_M) {
                Some((_, fewest)) => *fewest = count.min(*fewest),
                None => images.push((image, count)),
            }
        }
    }
    images
}

/// Lengths across the axis of the ways by one bounce off the barrel, metres: the stationary values over the angle of
/// the bounce (Alhazen's problem, up to four). Both places are given relative to the axis and at right angles to it.
fn barrel_ways(from: &Point3, to: &Point3, axis: &Point3, radius_m: f64) -> Vec<f64> {
    let e1 = axis.cross(&least_aligned(axis)).normalize();
    let e2 = axis.cross(&e1);
    let (from, to) = ([from.dot(&e1), from.dot(&e2)], [to.dot(&e1), to.dot(&e2)]);
    let step = std::f64::consts::TAU / BARREL_STEPS as f64;
    // Half a step off zero: a source exactly on a tried angle would hide the sign change beside it.
    let angle = |i: usize| (i as f64 + 0.5) * step;
    let mut ways = Vec::new();
    for i in 0..BARREL_STEPS {
        let (mut low, mut high) = (angle(i), angle(i + 1));
        let at_low = slope(low, from, to, radius_m);
        if at_low * slope(high, from, to, radius_m) > 0.0 {
            continue;
        }
        // Bisection to rounding: 0.006 rad halves to 1e-16 in 46 steps.
        for _ in 0..50 {
            let middle = (low + high) / 2.0;
            if slope(middle, from, to, radius_m) * at_low > 0.0 { low = middle } else { high = middle }
        }
        let bounce = [radius_m * low.cos(), radius_m * low.sin()];
        let legs = [from, to].map(|place| (bounce[0] - place[0]).hypot(bounce[1] - place[1]));
        // A place on the barrel itself is a kink of the length, not a reflection.
        if legs.iter().all(|leg| *leg > SAME_PLACE_M) {
            ways.push(legs[0] + legs[1]);
        }
    }
    ways
}

/// Derivative by the bounce's angle of the way's length, metres per radian.
fn slope(angle: f64, from: [f64; 2], to: [f64; 2], radius_m: f64) -> f64 {
    let (sin, cos) = angle.sin_cos();
    let along = |[x, y]: [f64; 2]| {
        let leg = (radius_m * cos - x).hypot(radius_m * sin - y);
        radius_m * (x * sin - y * cos) / leg.max(f64::MIN_POSITIVE)
    };
    along(from) + along(to)
}

fn least_aligned(axis: &Point3) -> Point3 {
    [Point3::x(), Point3::y(), Point3::z()]
        .into_iter()
        .min_by(|a, b| axis.dot(a).abs().total_cmp(&axis.dot(b).abs()))
        .expect("three axes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(found: &[Path]) -> Vec<f64> {
        let mut lengths: Vec<f64> = found.iter().map(|p| p.length_m).collect();
        lengths.sort_by(f64::total_cmp);
        lengths
    }

    #[test]
    fn a_box_of_first_order_has_six_mirrors_at_their_closed_form() {
        let size = Point3::new(2.0, 1.6, 2.2);
        let (source, sensor) = (Point3::new(0.5, 0.4, 0.3), Point3::new(1.2, 1.1, 1.9));
        let room = Room::Box { low_m: Point3::zeros(), high_m: size };
        let found = paths(&source, &sensor, Some(&Reflection { coefficient: 0.8, order: 1, room }));
        let mut expected = vec![(source - sensor).norm()];
        for i in 0..3 {
            for mirror in [0.0, size[i]] {
                let mut image = source;
                image[i] = 2.0 * mirror - image[i];
                expected.push((image - sensor).norm());
            }
        }
        expected.sort_by(f64::total_cmp);
        for (a, b) in lengths(&found).iter().zip(&expected) {
            assert!((a - b).abs() < 1e-14, "{a} {b}");
        }
        assert_eq!(found.len(), 7);
        assert!(found[1..].iter().all(|p| (p.amplitude * p.length_m - 0.8).abs() < 1e-15));
    }

    #[test]
    fn images_of_a_box_number_as_a_diamond_of_its_lattice() {
        let room = Room::Box { low_m: Point3::zeros(), high_m: Point3::new(2.0, 1.6, 2.2) };
        let reflection = Reflection { coefficient: 0.8, order: 3, room };
        let found = paths(&Point3::new(0.5, 0.4, 0.3), &Point3::new(1.2, 1.1, 1.9), Some(&reflection));
        // One image per lattice cell within three steps: 1 + 6 + 18 + 38.
        assert_eq!(found.len(), 63);
        let on_floor = paths(&Point3::new(0.5, 0.4, 0.0), &Point3::new(1.2, 1.1, 1.9), Some(&reflection));
        assert!(on_floor.iter().skip(1).all(|p| (p.length_m - on_floor[0].length_m).abs() > 1e-3));
    }

    #[test]
    fn barrel_echoes_obey_the_law_of_reflection() {
        let axis = Point3::z();
        // On a diameter, symmetric: two ways along it and two to the sides, at 90 degrees.
        let ways = barrel_ways(&Point3::new(0.6, 0.0, 0.0), &Point3::new(-0.6, 0.0, 0.0), &axis, 1.0);
        let mut sorted = ways.clone();
        sorted.sort_by(f64::total_cmp);
        let aside = 2.0 * 1f64.hypot(0.6);
        let expected = [2.0, 2.0, aside, aside];
        assert_eq!(sorted.len(), 4, "{sorted:?}");
        for (a, b) in sorted.iter().zip(expected) {
            assert!((a - b).abs() < 1e-12, "{sorted:?}");
        }
        // A source on the barrel: its own place is no bounce. Bounces halve the chord's arc: places at 0 and 120
        // degrees on the circle bounce at 60 (two chords of 1) and at 240 (two of √3).
        let third = std::f64::consts::TAU / 3.0;
        let mut ways = barrel_ways(&Point3::x(), &Point3::new(third.cos(), third.sin(), 0.0), &axis, 1.0);
        ways.sort_by(f64::total_cmp);
        assert_eq!(ways.len(), 2, "{ways:?}");
        assert!((ways[0] - 2.0).abs() < 1e-12 && (ways[1] - 2.0 * 3f64.sqrt()).abs() < 1e-12, "{ways:?}");
    }

    #[test]
    fn tunnel_ends_mirror_along_the_axis_only() {
        let room = Room::Tunnel { base_m: Point3::zeros(), axis: Point3::z(), radius_m: 1.0, length_m: 2.0 };
        let reflection = Reflection { coefficient: 0.9, order: 1, room };
        let found = paths(&Point3::new(0.0, 0.3, 0.5), &Point3::new(0.0, 0.3, 1.0), Some(&reflection));
        let ends: Vec<f64> =
            lengths(&found).into_iter().filter(|l| (l * 2.0 - (l * 2.0).round()).abs() < 1e-12).collect();
        assert!(ends.starts_with(&[0.5, 1.5, 2.5]), "{ends:?}");
    }
}
