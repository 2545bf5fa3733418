//! Does anything stand out, and where else might it be.

use super::cover::Cover;
use super::search::{Response, Strongest};
use crate::site::Point3;

/// Candidates told at most.
const CANDIDATES: usize = 8;

/// Summits climbed for them: many lead to one that is known.
const CANDIDATE_TRIALS: usize = 2 * CANDIDATES;

/// Cells held while a lesser candidate is sharpened: as many as that many look-ups bound, one a pair.
const CANDIDATE_CELLS: [usize; 2] = [128, 2000];
const CANDIDATE_LOOK_UPS: usize = 1 << 18;

/// What the map of one response says.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Separate places, strongest first; the first is the maximum of the whole wall.
    pub places: Vec<Strongest>,
    /// How far the strongest cell stands out: `(max − median)/(1.4826 MAD)` over cells.
    pub z: f64,
}

/// Searches the whole wall. Places closer than `separation_m` count as one.
pub fn survey(response: &Response<'_, '_>, cover: &Cover, separation_m: f64) -> Standing {
    let bounds = response.bounds(cover);
    let z = robust_z(&bounds);
    let cell = |i: usize| cover.cell(i, bounds[i]);
    let mut open: Vec<usize> = (0..bounds.len()).collect();
    let mut places = vec![response.strongest(open.iter().map(|&i| cell(i)).collect(), response.many_cells())];
    let mut taken = places[0].point.position_m;
    let few_cells = (CANDIDATE_LOOK_UPS / response.pairs().len().max(1)).clamp(CANDIDATE_CELLS[0], CANDIDATE_CELLS[1]);
    let near = |i: usize, place: &Point3| (cover.centre_m(i) - place).norm() <= separation_m;
    for _ in 0..CANDIDATE_TRIALS {
        if places.len() == CANDIDATES {
            break;
        }
        open.retain(|&i| !near(i, &taken));
        let Some(&top) = open.iter().max_by(|&&x, &&y| bounds[x].total_cmp(&bounds[y])) else { break };
        taken = cover.centre_m(top);
        // Only the surroundings of the best remaining cell are searched: the lesser places need no proof.
        let about = open.iter().filter(|&&i| near(i, &taken)).map(|&i| cell(i)).collect();
        let place = response.strongest(about, few_cells);
        // What climbs back to a place already found was its slope.
        if places.iter().all(|p| (p.point.position_m - place.point.position_m).norm() > separation_m) {
            places.push(place);
        }
    }
    places[1..].sort_by(|x, y| y.value.total_cmp(&x.value));
    Standing { places, z }
}

/// `(max − median)/(1.4826 MAD)` over the bounds of cells.
pub fn robust_z(bounds: &[f32]) -> f64 {
    let ([middle, scatter], top) = (robust(bounds), bounds.iter().copied().fold(f32::MIN, f32::max));
    if scatter > 0.0 { (f64::from(top) - middle) / scatter } else { 0.0 }
}

/// Median of the bounds, and their scatter: 1.4826 times the median deviation from it.
pub fn robust(bounds: &[f32]) -> [f64; 2] {
    let mut values = bounds.to_vec();
    let middle = median(&mut values);
    values.iter_mut().for_each(|x| *x = (*x - middle).abs());
    [middle.into(), 1.4826 * f64::from(median(&mut values))]
}

fn median(values: &mut [f32]) -> f32 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}
