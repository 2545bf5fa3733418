//! Distances on meshes against closed forms.

use super::*;
use crate::site::mesh_shapes::{cube, cylinder, grid, patchwork, plate, sphere};

/// The field from the point of the mesh nearest to `place`, and that point.
fn field(mesh: &Mesh, place: Point3) -> (SurfaceDistance, Point3) {
    let (triangle, source) = mesh.nearest(&place);
    (SurfaceDistance::from(mesh, triangle, source), source)
}

/// Every triangle's corners and three places inside it.
fn places(mesh: &Mesh) -> impl Iterator<Item = (usize, Point3)> + '_ {
    (0..mesh.triangles().len()).flat_map(|t| {
        let [a, b, c] = mesh.corners(t);
        let inside = [(a + b) / 2.0, (a + b + c) / 3.0, a * 0.1 + b * 0.2 + c * 0.7];
        [a, b, c].into_iter().chain(inside).map(move |place| (t, place))
    })
}

/// Largest and smallest difference to what should be, metres.
fn errors(mesh: &Mesh, from: Point3, expected: impl Fn(&Point3, &Point3) -> f64) -> [f64; 2] {
    let (field, source) = field(mesh, from);
    places(mesh).fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], (t, place)| {
        let error = field.distance(mesh, t, &place) - expected(&source, &place);
        [low.min(error), high.max(error)]
    })
}

#[test]
fn on_a_flat_plate_ways_are_straight() {
    let mesh = plate([1.3, 0.9], [40, 30]);
    for from in [Point3::new(0.31, 0.42, 0.0), mesh.vertices()[700], Point3::zeros(), Point3::new(1.3, 0.31, 0.0)] {
        let [low, high] = errors(&mesh, from, |s, p| (p - s).norm());
        // Unfolding over some seventy edges gathers rounding of 1e-16 each.
        assert!(low > -1e-13 && high < 1e-13, "{low:e} {high:e}");
    }
}

#[test]
fn on_a_cube_ways_are_its_known_unfoldings() {
    let mesh = cube();
    let corner = field(&mesh, Point3::zeros()).0;
    let (t, far) = mesh.nearest(&Point3::new(1.0, 1.0, 1.0));
    assert!((corner.distance(&mesh, t, &far) - 5f64.sqrt()).abs() < 1e-14);
    let middle = field(&mesh, Point3::new(0.5, 0.5, 0.0)).0;
    let (t, far) = mesh.nearest(&Point3::new(0.5, 0.5, 1.0));
    assert!((middle.distance(&mesh, t, &far) - 2.0).abs() < 1e-14);
}

#[test]
fn a_cylinder_of_triangles_is_a_cylinder_but_for_its_chords() {
    let columns = 120;
    let mesh = cylinder(1.0, 2.35, [columns, 60]);
    let around = |s: &Point3, p: &Point3| {
        let turn = (p.y.atan2(p.x) - s.y.atan2(s.x)).abs();
        turn.min(TAU - turn).hypot(p.z - s.z)
    };
    for from in [Point3::new(0.9, 0.5, 1.1), Point3::new(-1.0, 0.01, 0.0)] {
        let [low, high] = errors(&mesh, from, around);
        // A chord is shorter than its arc by the share edge²/24, over at most half the way round; places inside a chord
        // are told apart by their angle, which the chord moves by edge³/(9√3·8) at most.
        let edge = TAU / columns as f64;
        let least = -std::f64::consts::PI * edge * edge / 24.0 - edge.powi(3) / 60.0;
        assert!(low > least && high < edge.powi(3) / 60.0, "{low:e} {high:e} {least:e}");
    }
}

#[test]
fn a_sphere_of_triangles_is_a_sphere_but_for_its_chords() {
    let mesh = sphere(1.1, [120, 60]);
    let along = |s: &Point3, p: &Point3| 1.1 * s.cross(p).norm().atan2(s.dot(p));
    let [low, high] = errors(&mesh, Point3::new(0.9, 0.5, 0.3), along);
    // Chords both ways: edge²/(24 R²) of half a turn is 1.3 mm at 58 mm edges; a zigzag over facets may add as much.
    assert!(low > -1.4e-3 && high < 1.4e-3, "{low:e} {high:e}");
}

#[test]
fn ways_bend_round_a_notch() {
    // A square with its upper right quarter cut out; the way round the inner corner is two straight lines.
    let mesh = patchwork([20, 20], |i, j| Point3::new(i as f64, j as f64, 0.0) / 20.0, |i, j| i < 10 || j < 10);
    let (field, source) = field(&mesh, Point3::new(0.3, 0.9, 0.0));
    let corner = Point3::new(0.5, 0.5, 0.0);
    let (t, place) = mesh.nearest(&Point3::new(0.9, 0.3, 0.0));
    let expected = (source - corner).norm() + (place - corner).norm();
    assert!((field.distance(&mesh, t, &place) - expected).abs() < 1e-13);
}

#[test]
fn distances_are_a_metric_on_a_bumpy_sheet() {
    let mesh = grid([40, 40], |i, j| {
        let (x, y) = (i as f64 * 0.05, j as f64 * 0.05);
        Point3::new(x, y, 0.2 * (6.0 * x).sin() * (5.0 * y).cos())
    });
    let from = [[0.31, 0.42], [1.7, 0.2], [1.1, 1.6], [0.9, 0.93]].map(|[x, y]| field(&mesh, Point3::new(x, y, 0.0)));
    let between = |i: usize, j: usize| {
        let (t, place) = mesh.nearest(&from[j].1);
        from[i].0.distance(&mesh, t, &place)
    };
    for i in 0..4 {
        for j in 0..4 {
            // The same way unfolded from either end: rounding over some sixty edges.
            assert!((between(i, j) - between(j, i)).abs() < 1e-12, "{i} {j}");
            assert!(between(i, j) >= (from[i].1 - from[j].1).norm() - 1e-12);
            for k in 0..4 {
                assert!(between(i, j) <= between(i, k) + between(k, j) + 1e-12, "{i} {j} {k}");
            }
        }
    }
}
