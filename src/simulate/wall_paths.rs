//! The ways of a guided wave from a source to a sensor: along geodesics, round a closed wall, and back from edges.

use std::f64::consts::TAU;

use super::paths::{Path, Reflection, mirrored};
use crate::site::{Meridian, Wall, WallPoint};

/// Turns about the axis either way that sound takes along a closed wall.
const TURNS: i32 = 2;

/// Nearest that a path counts, metres: closer, a circular wave's amplitude has no meaning.
const LEAST_M: f64 = 1e-3;

/// Every path along `wall`, the direct one first. Edges reflect by mirror images of the unrolled wall, which is exact for
/// straight edges; only a plate's four and a cylinder's two ends do.
pub(super) fn wall_paths(wall: &Wall, source: &WallPoint, sensor: &WallPoint, edges: Option<&Reflection>) -> Vec<Path> {
    let path = |length_m: f64, left: f64| Path { length_m, amplitude: left / length_m.max(LEAST_M).sqrt(), wave: 0 };
    let (coefficient, order) = edges.map_or((0.0, 0), |r| (r.coefficient, r.order));
    let round = || {
        let legs = crate::propagation::Way::Along(*sensor).all(wall, source);
        legs.into_iter().map(|leg| path(leg.length_m, 1.0)).collect()
    };
    let Some(chart) = wall.chart() else { return round() };
    let images = |x: f64, [low, high]: [f64; 2]| -> Vec<(f64, u32)> {
        mirrored(x - low, high - low, order).into_iter().map(|(image, count)| (low + image, count)).collect()
    };
    let across: Vec<(f64, u32)> = match wall.meridian() {
        None => images(source.a, chart.a).into_iter().map(|(a, count)| (a - sensor.a, count)).collect(),
        Some(Meridian::Line { r0_m, slope: 0.0, .. }) if chart.closed => {
            let nearest = source.a - sensor.a - TAU * ((source.a - sensor.a) / TAU).round();
            (-TURNS..=TURNS).map(|n| (r0_m * (nearest + TAU * f64::from(n)), 0)).collect()
        }
        Some(Meridian::Line { r0_m, slope: 0.0, .. }) => vec![(r0_m * (source.a - sensor.a), 0)],
        Some(_) => return round(),
    };
    let mut found: Vec<Path> = images(source.v_m, chart.v_m)
        .into_iter()
        .flat_map(|(v_m, by_ends)| {
            across.iter().map(move |&(across_m, by_sides)| (across_m.hypot(v_m - sensor.v_m), by_ends + by_sides))
        })
        .filter(|(_, count)| *count <= order)
        .map(|(length_m, count)| path(length_m, coefficient.powi(count as i32)))
        .collect();
    found.sort_by(|x, y| x.length_m.total_cmp(&y.length_m));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::Room;
    use crate::site::Point3;

    #[test]
    fn a_plates_edges_are_mirrors() {
        let plate = Wall::plate("p", Point3::zeros(), Point3::x(), Point3::y(), [1.2, 0.8]);
        let (source, sensor) = (plate.at(0, 0.3, 0.2), plate.at(0, 0.9, 0.5));
        let edges = Reflection { coefficient: 0.5, order: 1, room: Room::Edges };
        let found = wall_paths(&plate, &source, &sensor, Some(&edges));
        let mut expected =
            [(0.6, 0.3), (-1.2, 0.3), (1.2, 0.3), (0.6, -0.7), (0.6, 0.9)].map(|(u, v): (f64, f64)| u.hypot(v));
        expected.sort_by(f64::total_cmp);
        for (path, expected) in found.iter().zip(expected) {
            assert!((path.length_m - expected).abs() < 1e-15, "{found:?}");
        }
        assert_eq!(found.len(), 5);
        assert!((found[1].amplitude * found[1].length_m.sqrt() - 0.5).abs() < 1e-15);
    }

    #[test]
    fn a_cylinder_is_met_on_helices_and_from_its_ends() {
        let wall = Wall::cylinder("c", Point3::zeros(), Point3::z(), Point3::x(), [1.0, 2.0], [0.0, TAU]);
        let (source, sensor) = (wall.at(0, 0.2, 0.5), wall.at(0, 1.2, 1.0));
        assert_eq!(wall_paths(&wall, &source, &sensor, None).len(), 5);
        let edges = Reflection { coefficient: 0.5, order: 1, room: Room::Edges };
        let found = wall_paths(&wall, &source, &sensor, Some(&edges));
        assert_eq!(found.len(), 15);
        assert!((found[0].length_m - 1f64.hypot(0.5)).abs() < 1e-15);
    }
}
