//! Pieces of a wall: what a search covers it with, bounds and splits.

use super::{Chart, Point3, Wall, WallPoint};

/// A piece of one wall.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Piece {
    /// Index of the wall in its site.
    pub wall: usize,
    outline: Outline,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Outline {
    /// A rectangle in the wall's chart, by its middle and half its sides.
    Rectangle { a: f64, v_m: f64, half_a: f64, half_v_m: f64 },
    /// A part of one triangle of a mesh: it is halved at its longest side `depth` times, each time one of the halves is
    /// taken, a bit of `path` a time, the last lowest. Corners would take four times the room of a whole piece.
    Triangle { triangle: u32, depth: u32, path: u64 },
}

impl Wall {
    /// Pieces of about `size_m` or less that cover the wall, which is number `index` of its site.
    pub fn pieces(&self, index: usize, size_m: f64) -> Vec<Piece> {
        let Some(Chart { a, v_m, .. }) = self.chart() else {
            let mut pieces = self.whole_triangles(index);
            while pieces.iter().any(|piece| piece.radius_m(self) > size_m) {
                let parts = |piece: &Piece| {
                    if piece.radius_m(self) > size_m { piece.split(self).collect() } else { vec![*piece] }
                };
                pieces = pieces.iter().flat_map(parts).collect();
            }
            return pieces;
        };
        let rows = ((v_m[1] - v_m[0]) / size_m).ceil().max(1.0);
        let half_v_m = (v_m[1] - v_m[0]) / rows / 2.0;
        let mut pieces = Vec::new();
        for row in 0..rows as usize {
            let v = v_m[0] + (2 * row + 1) as f64 * half_v_m;
            let width = (a[1] - a[0]) * self.widest([v - half_v_m, v + half_v_m]);
            let columns = (width / size_m).ceil().max(1.0);
            let half_a = (a[1] - a[0]) / columns / 2.0;
            for column in 0..columns as usize {
                let a = a[0] + (2 * column + 1) as f64 * half_a;
                pieces.push(Piece { wall: index, outline: Outline::Rectangle { a, v_m: v, half_a, half_v_m } });
            }
        }
        pieces
    }

    /// Pieces that a picture of the wall is made of, and how many rows and columns they form: about `size_m` each, in
    /// rows of equal `v` from the chart's first corner on; one row of all its triangles for a mesh.
    pub fn picture(&self, index: usize, size_m: f64) -> ([usize; 2], Vec<Piece>) {
        let Some(Chart { a, v_m, .. }) = self.chart() else {
            let pieces = self.whole_triangles(index);
            return ([1, pieces.len()], pieces);
        };
        let count = |length_m: f64| ((length_m / size_m).ceil() as usize).clamp(2, 1000);
        let (rows, columns) = (count(v_m[1] - v_m[0]), count((a[1] - a[0]) * self.widest(v_m)));
        let half_a = (a[1] - a[0]) / columns as f64 / 2.0;
        let half_v_m = (v_m[1] - v_m[0]) / rows as f64 / 2.0;
        let piece = |i: usize| {
            let (row, column) = (i / columns, i % columns);
            let (a, v_m) = (a[0] + (2 * column + 1) as f64 * half_a, v_m[0] + (2 * row + 1) as f64 * half_v_m);
            Piece { wall: index, outline: Outline::Rectangle { a, v_m, half_a, half_v_m } }
        };
        ([rows, columns], (0..rows * columns).map(piece).collect())
    }

    fn whole_triangles(&self, index: usize) -> Vec<Piece> {
        let Some(mesh) = self.mesh() else { return Vec::new() };
        let piece = |triangle| Piece { wall: index, outline: Outline::Triangle { triangle, depth: 0, path: 0 } };
        (0..mesh.triangles().len() as u32).map(piece).collect()
    }
}

impl Piece {
    /// The point at its middle.
    pub fn centre(&self, wall: &Wall) -> WallPoint {
        match self.outline {
            Outline::Rectangle { a, v_m, .. } => wall.at(self.wall, a, v_m),
            Outline::Triangle { triangle, .. } => {
                let middle = self.corners(wall).iter().sum::<Point3>() / 3.0;
                WallPoint::on_triangle(self.wall, triangle as usize, middle)
            }
        }
    }

    /// Distance along the wall that no point of the piece exceeds from its middle, metres.
    pub fn radius_m(&self, wall: &Wall) -> f64 {
        match self.outline {
            Outline::Rectangle { v_m, half_a, half_v_m, .. } => {
                let half_u_m = half_a * wall.widest([v_m - half_v_m, v_m + half_v_m]);
                (half_u_m * half_u_m + half_v_m * half_v_m).sqrt()
            }
            Outline::Triangle { .. } => {
                let corners = self.corners(wall);
                let middle = corners.iter().sum::<Point3>() / 3.0;
                corners.iter().map(|corner| (corner - middle).norm()).fold(0.0, f64::max)
            }
        }
    }

    /// Two or four parts, split along what is longer than half the other side; of a triangle two, by its longest side.
    pub fn split(&self, wall: &Wall) -> impl Iterator<Item = Self> + use<> {
        let parts = match self.outline {
            Outline::Rectangle { a, v_m, half_a, half_v_m } => {
                let across = half_a * wall.widest([v_m - half_v_m, v_m + half_v_m]);
                let halves = |is_split| if is_split { [Some(-0.5), Some(0.5)] } else { [Some(0.0), None] };
                let (split_a, split_v) = (across > 0.5 * half_v_m, half_v_m > 0.5 * across);
                let halved = |half: f64, is_split| if is_split { 0.5 * half } else { half };
                let part = |i: Option<f64>, j: Option<f64>| {
                    Some(Outline::Rectangle {
                        a: a + i? * half_a,
                        v_m: v_m + j? * half_v_m,
                        half_a: halved(half_a, split_a),
                        half_v_m: halved(half_v_m, split_v),
                    })
                };
                let ([a, b], [c, d]) = (halves(split_a), halves(split_v));
                [part(a, c), part(a, d), part(b, c), part(b, d)]
            }
            Outline::Triangle { triangle, depth, path } => {
                let half = |half| Some(Outline::Triangle { triangle, depth: depth + 1, path: path << 1 | half });
                [half(0), half(1), None, None]
            }
        };
        let wall = self.wall;
        parts.into_iter().flatten().map(move |outline| Self { wall, outline })
    }

    /// The corners of a part of a triangle, metres; none of a rectangle.
    fn corners(&self, wall: &Wall) -> [Point3; 3] {
        let (Outline::Triangle { triangle, depth, path }, Some(mesh)) = (self.outline, wall.mesh()) else {
            return [Point3::zeros(); 3];
        };
        (0..depth).rev().fold(mesh.corners(triangle as usize), |[a, b, c], level| {
            let sides = [(b - c).norm_squared(), (c - a).norm_squared(), (a - b).norm_squared()];
            // The corner opposite the longest side first, so that it is the side between the other two that is halved.
            let [a, b, c] = match sides {
                [x, y, z] if x >= y && x >= z => [a, b, c],
                [_, y, z] if y >= z => [b, c, a],
                _ => [c, a, b],
            };
            let middle = (b + c) / 2.0;
            if path >> level & 1 == 0 { [a, b, middle] } else { [a, middle, c] }
        })
    }
}
