//! Meshes of known shapes for tests.

use std::f64::consts::TAU;

use super::mesh::Mesh;
use super::wall::Point3;

/// A grid of `columns × rows` cells, each two triangles, with the places that `at` gives to the grid's corners.
///
/// The diagonals alternate, so that no direction is favoured; what coincides, such as a seam or a pole, is welded.
pub(crate) fn grid([columns, rows]: [usize; 2], at: impl Fn(usize, usize) -> Point3) -> Mesh {
    patchwork([columns, rows], at, |_, _| true)
}

/// As [`grid`], of those cells only that `keep` lets be.
pub(crate) fn patchwork(
    [columns, rows]: [usize; 2],
    at: impl Fn(usize, usize) -> Point3,
    keep: impl Fn(usize, usize) -> bool,
) -> Mesh {
    let vertices = (0..=rows).flat_map(|j| (0..=columns).map(move |i| (i, j))).map(|(i, j)| at(i, j)).collect();
    let mut triangles = Vec::new();
    for (i, j) in (0..rows).flat_map(|j| (0..columns).map(move |i| (i, j))).filter(|&(i, j)| keep(i, j)) {
        let [a, b] = [j, j + 1].map(|row| (row * (columns + 1) + i) as u32);
        match (i + j) % 2 {
            0 => triangles.extend([[a, a + 1, b + 1], [a, b + 1, b]]),
            _ => triangles.extend([[a, a + 1, b], [a + 1, b + 1, b]]),
        }
    }
    Mesh::new(vertices, triangles).unwrap()
}

/// A cylinder about z from z = 0, open at both ends, in `columns × rows` cells; its vertices lie on the true surface.
pub(crate) fn cylinder(radius: f64, length: f64, cells: [usize; 2]) -> Mesh {
    grid(cells, |i, j| {
        let (sin, cos) = (TAU * (i % cells[0]) as f64 / cells[0] as f64).sin_cos();
        Point3::new(radius * cos, radius * sin, length * j as f64 / cells[1] as f64)
    })
}

/// A closed sphere about the origin by longitude and latitude; its vertices lie on the true surface.
pub(crate) fn sphere(radius: f64, cells: [usize; 2]) -> Mesh {
    grid(cells, |i, j| {
        let (sin_a, cos_a) = (TAU * (i % cells[0]) as f64 / cells[0] as f64).sin_cos();
        let (sin_b, cos_b) = (TAU / 2.0 * j as f64 / cells[1] as f64).sin_cos();
        let sin_b = if j % cells[1] == 0 { 0.0 } else { sin_b };
        Point3::new(sin_b * cos_a, sin_b * sin_a, cos_b) * radius
    })
}

/// A flat rectangle in z = 0 from the origin, its inner vertices shaken off the grid by up to a third of a cell.
pub(crate) fn plate(size: [f64; 2], cells: [usize; 2]) -> Mesh {
    grid(cells, |i, j| {
        let inner = i % cells[0] != 0 && j % cells[1] != 0;
        let shake = |seed: usize| if inner { ((seed * 7919 + 13) % 101) as f64 / 150.0 - 1.0 / 3.0 } else { 0.0 };
        let [x, y] = [i as f64 + shake(31 * i + 17 * j), j as f64 + shake(5 * i + 71 * j)];
        Point3::new(size[0] * x / cells[0] as f64, size[1] * y / cells[1] as f64, 0.0)
    })
}

/// The surface of the unit cube, two triangles to a face.
pub(crate) fn cube() -> Mesh {
    let vertices =
        (0..8).map(|bits| Point3::new((bits & 1) as f64, (bits >> 1 & 1) as f64, (bits >> 2) as f64)).collect();
    let faces = [[0, 1, 3, 2], [4, 5, 7, 6], [0, 1, 5, 4], [2, 3, 7, 6], [0, 2, 6, 4], [1, 3, 7, 5]];
    Mesh::new(vertices, faces.iter().flat_map(|[a, b, c, d]| [[*a, *b, *c], [*a, *c, *d]]).collect()).unwrap()
}
