//! Pieces of wall that a search begins with, or that a map is made of, with their ranges to every sensor.

use rayon::prelude::*;

use super::array::Array;
use super::bounds::{FEW, Ranges};
use super::search::Cell;
use crate::site::{Piece, Point3, WallPoint};

/// Pieces that cover a wall, with the ranges of their middles: the same for every response of one array.
#[derive(Debug)]
pub struct Cover {
    pieces: Vec<Piece>,
    centres_m: Vec<Point3>,
    /// Of the largest piece.
    radius_m: f64,
    ranges: Ranges,
}

/// Coarse cells are about this large; the detector's statistic was measured with 30 mm cells.
const COARSE_M: f64 = 0.032;

/// Bounds on the number of coarse cells: enough for a median, not more than a second's work.
const COARSE_CELLS: [f64; 2] = [3e3, 2e5];

impl Cover {
    /// The walls that the array hears, in cells of about the coarse size.
    pub fn coarse(array: &Array<'_>) -> Self {
        let walls = || array.walls.iter().map(|&index| (index, &array.site.walls[index]));
        let area: f64 = walls().map(|(_, wall)| wall.area_m2()).sum();
        let size = COARSE_M.min((area / COARSE_CELLS[0]).sqrt()).max((area / COARSE_CELLS[1]).sqrt());
        Self::of(array, walls().flat_map(|(index, wall)| wall.pieces(index, size)).collect())
    }

    /// Those of the pieces whose middles lie within `within_m` of a place; bounds stay as wide as they were.
    pub fn about(&self, array: &Array<'_>, place: &WallPoint, within_m: f64) -> Self {
        let near = |i: &usize| (self.centres_m[*i] - place.position_m).norm() <= within_m;
        let pieces = (0..self.pieces.len()).filter(near).map(|i| self.pieces[i]).collect();
        Self { radius_m: self.radius_m, ..Self::of(array, pieces) }
    }

    /// A piece by its number, with the bound of the response in it.
    pub fn cell(&self, number: usize, bound: f32) -> Cell {
        Cell { piece: self.pieces[number], bound }
    }

    /// The middle of a piece, metres.
    pub fn centre_m(&self, number: usize) -> Point3 {
        self.centres_m[number]
    }

    /// Places all over the walls, `count` of them, away from the middles of pieces.
    pub fn spread(&self, array: &Array<'_>, count: usize) -> Vec<WallPoint> {
        let place = |i: usize| {
            let piece = &self.pieces[(2 * i + 1) * self.pieces.len() / (2 * count)];
            let centre = piece.centre(&array.site.walls[piece.wall]);
            // Steps of the golden ratio fill a circle evenly.
            let (turn, out) = ((2.399_963 * i as f64).sin_cos(), (i as f64 / count as f64).sqrt());
            array.site.moved(&centre, 0.7 * self.radius_m * out * turn.0, 0.7 * self.radius_m * out * turn.1)
        };
        (0..count).map(place).collect()
    }

    /// Radius of the largest piece, metres.
    pub fn radius_m(&self) -> f64 {
        self.radius_m
    }

    /// The surroundings of a place, up to `within_m` of it.
    pub fn near(array: &Array<'_>, place: &WallPoint, within_m: f64) -> Self {
        let wall = &array.site.walls[place.wall];
        let near = |piece: &Piece| {
            (piece.centre(wall).position_m - place.position_m).norm() <= within_m + piece.radius_m(wall)
        };
        // From pieces of the whole wall down to small ones, the far ones dropped on the way.
        let mut wide = wall.pieces(place.wall, (wall.area_m2() / COARSE_CELLS[0]).sqrt().max(COARSE_M));
        let mut pieces = Vec::new();
        while let Some(piece) = wide.pop() {
            if near(&piece) {
                if piece.radius_m(wall) > COARSE_M { wide.extend(piece.split(wall)) } else { pieces.push(piece) }
            }
        }
        Self::of(array, pieces)
    }

    /// These pieces.
    pub fn of(array: &Array<'_>, pieces: Vec<Piece>) -> Self {
        let wall = |piece: &Piece| &array.site.walls[piece.wall];
        let radius_m = largest_radius_m(array, &pieces);
        let centres: Vec<WallPoint> = pieces.par_iter().map(|piece| piece.centre(wall(piece))).collect();
        let ranges = array.ranges_of(&centres, |place| *place);
        Self { pieces, centres_m: centres.iter().map(|place| place.position_m).collect(), radius_m, ranges }
    }

    /// Of these pieces, a run at a time, each run as if its cells were as large as the largest of all: ranges take little room.
    pub fn runs<'t>(array: &'t Array<'_>, pieces: &'t [Piece]) -> impl Iterator<Item = Self> + 't {
        let radius_m = largest_radius_m(array, pieces);
        pieces.chunks(FEW).map(move |run| Self { radius_m, ..Self::of(array, run.to_vec()) })
    }

    /// From the middles of pieces to every sensor.
    pub fn ranges(&self) -> &Ranges {
        &self.ranges
    }
}

fn largest_radius_m(array: &Array<'_>, pieces: &[Piece]) -> f64 {
    pieces.iter().map(|piece| piece.radius_m(&array.site.walls[piece.wall])).fold(0.0, f64::max)
}
