//! Does anything stand out, and where else might it be.

use super::search::{Cell, MANY_CELLS, Response, Strongest};
use crate::site::Point3;

/// Candidates told at most.
const CANDIDATES: usize = 8;

/// Cells held while a lesser candidate is sharpened.
const CANDIDATE_CELLS: usize = 2000;

/// What the map of one response says.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Separate places, strongest first; the first is the maximum of the whole wall.
    pub places: Vec<Strongest>,
    /// How far the strongest cell stands out: `(max − median)/(1.4826 MAD)` over cells.
    pub z: f64,
}

/// Searches the whole wall. Places closer than `separation_m` count as one.
pub fn survey(response: &Response<'_, '_>, separation_m: f64) -> Standing {
    let mut cells = response.coarse();
    let z = robust_z(&cells);
    let mut places = vec![response.strongest(&cells, MANY_CELLS)];
    let mut taken = places[0].point.position_m;
    let distance = |cell: &Cell, place: &Point3| (response.centre(cell).position_m - place).norm();
    while places.len() < CANDIDATES {
        cells.retain(|cell| distance(cell, &taken) > separation_m);
        let Some(top) = cells.iter().copied().max_by(|x, y| x.bound.total_cmp(&y.bound)) else { break };
        taken = response.centre(&top).position_m;
        // Only the surroundings of the best remaining cell are searched: the lesser places need no proof.
        let near: Vec<Cell> = cells.iter().copied().filter(|cell| distance(cell, &taken) <= separation_m).collect();
        let place = response.strongest(&near, CANDIDATE_CELLS);
        // What climbs back to a place already found was its slope.
        if places.iter().all(|p| (p.point.position_m - place.point.position_m).norm() > separation_m) {
            places.push(place);
        }
    }
    places[1..].sort_by(|x, y| y.value.total_cmp(&x.value));
    Standing { places, z }
}

/// `(max − median)/(1.4826 MAD)` over the bounds of cells.
pub fn robust_z(cells: &[Cell]) -> f64 {
    let ([middle, spread], top) = (spread(cells), cells.iter().map(|c| f64::from(c.bound)).fold(f64::MIN, f64::max));
    if spread > 0.0 { (top - middle) / spread } else { 0.0 }
}

/// Median of the bounds, and their scatter: 1.4826 times the median deviation from it.
pub fn spread(cells: &[Cell]) -> [f64; 2] {
    let mut values: Vec<f64> = cells.iter().map(|c| f64::from(c.bound)).collect();
    let middle = median(&mut values);
    values.iter_mut().for_each(|x| *x = (*x - middle).abs());
    [middle, 1.4826 * median(&mut values)]
}

fn median(values: &mut [f64]) -> f64 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}
