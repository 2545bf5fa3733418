//! Where a source would tell what the takes leave open.

use nalgebra::DMatrix;

use super::model::{Block, Model, Scatter, Solution};
use super::open::still_open;
use super::state::State;
use super::{Asked, Geometry};
use crate::error::Result;
use crate::locate::Array;
use crate::site::Point3;

/// Places of the walls that are tried.
const PLACES: f64 = 150.0;

/// Sources proposed at most.
const MOST: usize = 8;

/// A place for one more source, metres.
pub type Proposal = Point3;

/// Places for further sources, the most telling first, until all that is asked would be told; scatter is that of the takes.
///
/// # Errors
/// Those of [`Array::new`].
pub fn proposals(
    model: &Model,
    state: &State<'_>,
    blocks: &[Block],
    (solution, scatter): (&Solution, Scatter),
    asked: Asked,
    told: f64,
) -> Result<Vec<Proposal>> {
    let site = state.site();
    let array = Array::new(&site, state.medium(), state.band_hz(), state.sensors().to_vec())?;
    let typical = &blocks[blocks.len() / 2];
    let walls = || array.walls.iter().map(|&index| (index, &array.site.walls[index]));
    let size_m = (walls().map(|(_, wall)| wall.area_m2()).sum::<f64>() / PLACES).sqrt();
    let cells: Vec<(Point3, Block)> = walls()
        .flat_map(|(index, wall)| wall.pieces(index, size_m).into_iter().map(|piece| piece.centre(wall)))
        .map(|place| {
            let geometry = Geometry::of_place(&array, &place);
            (place.position_m, typical.foreseen(model, geometry, array.groups()))
        })
        .collect();
    let is_open = |covariance: &DMatrix<f64>| {
        let solution = Solution { x: state.x.clone(), covariance: covariance.clone() };
        still_open(model, &solution, told).iter().any(|open| open.is_asked(asked))
    };
    // How much of what was open stays open, over all unknowns.
    let left = |covariance: &DMatrix<f64>| -> f64 {
        (0..model.prior.len()).map(|i| covariance[(i, i)].max(0.0).sqrt() / model.prior[i]).sum()
    };
    let mut covariance = solution.covariance.clone();
    let mut proposed = Vec::new();
    while proposed.len() < MOST && is_open(&covariance) {
        let after = cells.iter().map(|(place, block)| (place, &covariance - block.taken_away(&covariance, scatter)));
        let best = after.min_by(|a, b| left(&a.1).total_cmp(&left(&b.1)));
        let Some((place, next)) = best.filter(|(_, next)| left(next) < 0.999 * left(&covariance)) else {
            return Ok(Vec::new());
        };
        proposed.push(*place);
        covariance = next;
    }
    // Where even the most are too few, the first is still the best to begin with.
    Ok(proposed)
}
