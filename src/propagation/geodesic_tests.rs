use std::time::Instant;

use super::*;
use crate::site::mesh_shapes::{cube, cylinder, grid, patchwork, plate, sphere};

fn stats(name: &str, mesh: &Mesh, place: Point3, truth: impl Fn(&Point3) -> f64) {
    let (triangle, source) = mesh.nearest(&place);
    let start = Instant::now();
    let field = SurfaceDistance::from(mesh, triangle, source);
    let took = start.elapsed();
    let start = Instant::now();
    let count = mesh.triangles().len();
    let mut worst = (0.0f64, 0.0f64);
    let mut sum = 0.0;
    for t in 0..count {
        let [a, b, c] = mesh.corners(t);
        sum += field.distance(mesh, t, &(a * 0.2 + b * 0.3 + c * 0.5));
    }
    let each = start.elapsed() / count as u32;
    for t in 0..count {
        let [a, b, c] = mesh.corners(t);
        for place in [a, b, a * 0.5 + b * 0.5, a * 0.2 + b * 0.3 + c * 0.5] {
            let error = field.distance(mesh, t, &place) - truth(&place);
            worst = (worst.0.min(error), worst.1.max(error));
        }
    }
    eprintln!(
        "{name}: {count} triangles, {took:?}, {} windows kept, {each:?} a call, error {worst:?} {sum}",
        field.windows.len()
    );
}

#[test]
fn geodesic_measure() {
    let s = Point3::new(0.31, 0.42, 0.0);
    stats("plate", &plate([1.3, 0.9], [100, 100]), s, |p| (p - s).norm());
    let mesh = cylinder(1.0, 2.35, [100, 100]);
    let s = mesh.nearest(&Point3::new(0.9, 0.5, 1.1)).1;
    stats("cylinder", &mesh, s, |p| {
        let d = (p.y.atan2(p.x) - s.y.atan2(s.x)).abs();
        d.min(TAU - d).hypot(p.z - s.z)
    });
    let mesh = sphere(1.1, [100, 100]);
    let s = mesh.nearest(&Point3::new(0.9, 0.5, 0.3)).1;
    stats("sphere", &mesh, s, |p| 1.1 * p.cross(&s).norm().atan2(p.dot(&s)));
    let mesh = grid([100, 100], |i, j| {
        let f = |v: f64| f64::from(v as f32);
        let (sin, cos) = (TAU * (i % 100) as f64 / 100.0).sin_cos();
        Point3::new(f(cos), f(sin), f(j as f64 * 0.0235))
    });
    let s = mesh.nearest(&Point3::new(0.9, 0.5, 1.1)).1;
    stats("cylinder f32", &mesh, s, |p| {
        let d = (p.y.atan2(p.x) - s.y.atan2(s.x)).abs();
        d.min(TAU - d).hypot(p.z - s.z)
    });
    let mesh = grid([100, 100], |i, j| {
        Point3::new(i as f64 * 0.02, j as f64 * 0.02, 0.1 * (i as f64 * 0.3).sin() * (j as f64 * 0.23).cos())
    });
    stats("bumpy", &mesh, Point3::new(0.9, 0.5, 0.0), |p| 0.0);
}

#[test]
fn geodesic_fraction() {
    for (mesh, s) in [
        (sphere(1.1, [100, 100]), Point3::new(0.9, 0.5, 0.3)),
        (
            grid([100, 100], |i, j| {
                Point3::new(i as f64 * 0.02, j as f64 * 0.02, 0.1 * (i as f64 * 0.3).sin() * (j as f64 * 0.23).cos())
            }),
            Point3::new(0.9, 0.5, 0.0),
        ),
    ] {
        let (t, s) = mesh.nearest(&s);
        let f = SurfaceDistance::from(&mesh, t, s);
        let mut useful = [0; 3];
        for e in 0..3 * mesh.triangles().len() {
            let range = f.first[e] as usize..f.first[e + 1] as usize;
            let [a, b] = mesh.ends(e).map(|v| mesh.vertices()[v]);
            for w in &f.windows[range.clone()] {
                let gap = (1..64)
                    .map(|k| {
                        let x = w.from + (w.to - w.from) * k as f64 / 64.0;
                        w.to_edge(x) - f.distance(&mesh, e / 3, &(a + (b - a).normalize() * x))
                    })
                    .fold(9.0, f64::min);
                useful[0] += 1;
                useful[1] += usize::from(gap < 1e-9);
                useful[2] += usize::from(gap < 1e-7);
            }
        }
        eprintln!("useful {useful:?}");
    }
    let turn = nalgebra::Rotation3::from_euler_angles(0.3, 0.4, 0.5);
    let mesh = grid([100, 100], |i, j| {
        let (sin, cos) = (TAU * (i % 100) as f64 / 100.0).sin_cos();
        (turn * Point3::new(cos, sin, j as f64 * 0.0235)).map(|v| f64::from(v as f32))
    });
    let s = mesh.nearest(&(turn * Point3::new(0.9, 0.5, 1.1))).1;
    stats("noisy cylinder", &mesh, s, |q| {
        let p = turn.inverse() * q;
        let s = turn.inverse() * s;
        let d = (p.y.atan2(p.x) - s.y.atan2(s.x)).abs();
        d.min(TAU - d).hypot(p.z - s.z)
    });
}
