//! The strongest place of each view, refined.

use std::sync::Arc;

use super::array::Array;
use super::explain::explained_away;
use super::refine::{Refined, refine};
use super::verdict::Standing;
use super::views::View;
use crate::site::WallPoint;

/// Two places closer than this, metres, are one for the search, plus what sensor positions blur.
const SEPARATION_M: f64 = 0.06;

/// A second place this close to the first in score, and gone with it, is its mirror image to this array.
const MIRROR_SCORE: f32 = 0.98;

/// What search and refinement found.
pub struct Found {
    /// What stands out, one a view.
    pub standings: Vec<Standing>,
    /// The strongest place of the first view refined, where that was possible.
    pub source: Option<Refined>,
    /// Places closer than this count as one, metres.
    pub separation_m: f64,
    /// Whether all views point to one place.
    pub agree: bool,
    /// A second place that explains the same sound as well: the array cannot tell it from the first.
    pub mirror: Option<WallPoint>,
    /// What a reader must know besides.
    pub warnings: Vec<String>,
    /// What was seen on the way.
    pub notes: Vec<String>,
}

/// Searches every view and refines the strongest place of the first.
pub fn find(array: &Array<'_>, looks: &[View], samples_per_bin: f64) -> Found {
    let view = &looks[0];
    let blur_m = view.coherence.pairs.iter().map(|&pair| array.difference_sigma_m(pair)).fold(0.0, f64::max);
    let separation_m = SEPARATION_M + 6.0 * blur_m;
    let standings: Vec<Standing> = looks.iter().map(|look| look.survey(array, separation_m)).collect();
    let top = |s: &Standing| s.places[0].point.position_m;
    let agree = standings.iter().all(|s| (top(s) - top(&standings[0])).norm() <= separation_m);
    let mut found =
        Found { standings, source: None, separation_m, agree, mirror: None, warnings: Vec::new(), notes: Vec::new() };
    for (look, standing) in looks.iter().zip(&found.standings) {
        found.notes.push(format!("{}: the strongest place stands out by z = {:.1}", look.name, standing.z));
    }
    if found.standings.iter().any(|s| !s.places[0].certain) {
        let warning = "the search was cut short: nothing stands out enough to exclude the rest of the wall";
        found.warnings.push(warning.into());
    }
    let strongest = found.standings[0].places[0];
    let Some(first) = refine(array, view.data(samples_per_bin), strongest.point) else { return found };
    let rival = found.standings[0].places.get(1).filter(|rival| rival.value >= MIRROR_SCORE * strongest.value);
    if let Some(rival) = rival {
        // A second leak stays when the first is explained away; a mirror image goes with it.
        let coherence = explained_away(&view.coherence, &view.wavenumber_rad_m, &first.ranges_m);
        let rest = view.at("the rest", array, Arc::new(coherence)).survey(array, separation_m).places[0];
        let stays = (rest.point.position_m - rival.point.position_m).norm() <= separation_m;
        found.mirror = (!stays).then_some(rival.point);
    }
    found.source = Some(first);
    found
}

impl Found {
    /// The strongest place, refined where that was possible.
    pub fn best(&self) -> WallPoint {
        self.source.as_ref().map_or(self.standings[0].places[0].point, |refined| refined.point)
    }
}
