//! What is left of the ranges, and what is odd about it.

use nalgebra::DVector;

use super::channels::centred;
use super::model::{Block, Model, Solution};
use super::takes::Heard;
use super::{Asked, CERTAIN, Fit};
use crate::site::Site;

/// Sensors whose range in a take is off by a crest: their word does not count in it as long as that is so.
pub fn mistaken(block: &Block, wavelength_m: f64) -> Vec<usize> {
    let residual = block.residual_m();
    let off: Vec<usize> = (0..residual.len()).filter(|&i| residual[i].abs() > wavelength_m / 3.0).collect();
    if residual.len() - off.len() < 3 { Vec::new() } else { off }
}

/// Root mean square of what is left of the ranges that count, metres.
pub fn left_m(blocks: &[Block]) -> f64 {
    let squares = blocks.iter().flat_map(|block| {
        let residual = block.residual_m();
        block.kept.iter().map(move |&i| residual[i] * residual[i]).collect::<Vec<_>>()
    });
    let (sum, count) = squares.fold((0.0, 0.0f64), |(s, c), x| (s + x, c + 1.0));
    (sum / count.max(1.0)).sqrt()
}

/// Residuals before and after.
pub fn fits(model: &Model, heard: &[Heard], blocks: &[Block], solution: &Solution, x: &DVector<f64>) -> Vec<Fit> {
    let of_take = |(take, block): (&Heard, &Block)| {
        let groups: Vec<usize> = block.members.iter().map(|&m| model.groups[m]).collect();
        // What the stated site would have left: the excess now, and what the corrections up to now took away.
        let before: DVector<f64> = &block.excess_m + &block.jacobian * x;
        let after: DVector<f64> = &block.excess_m - &block.jacobian * (&solution.x - x);
        let [before, after] = [before, after].map(|r| centred(r.as_slice(), &groups));
        Fit {
            place_m: take.source.place_m(),
            sensors: take.take.sensors.clone(),
            residual_m: before.into_iter().zip(after).map(|(b, a)| [b, a]).collect(),
            counts: (0..block.members.len()).map(|i| block.kept.contains(&i)).collect(),
        }
    };
    // A tap that clocks of their own heard was taken once for each.
    let same = |a: &(&Heard, &Block), b: &(&Heard, &Block)| a.0.number == b.0.number;
    let takes: Vec<(&Heard, &Block)> = heard.iter().zip(blocks).collect();
    let joined = |mut whole: Fit, part: Fit| {
        whole.sensors.extend(part.sensors);
        whole.residual_m.extend(part.residual_m);
        whole.counts.extend(part.counts);
        whole
    };
    takes.chunk_by(same).filter_map(|takes| takes.iter().copied().map(of_take).reduce(joined)).collect()
}

/// What remains odd, in sentences.
pub fn doubts(site: &Site, sensors: &[usize], fits: &[Fit], certainty: &[f64], asked: Asked) -> Vec<String> {
    let id = |sensor: usize| &site.sensors[sensor].id;
    let mut told = Vec::new();
    if asked.polarity {
        let unsure = sensors.iter().zip(certainty).filter(|(_, c)| c.abs() < CERTAIN);
        let unsure: Vec<String> = unsure.map(|(s, _)| format!("'{}'", id(*s))).collect();
        if !unsure.is_empty() {
            told.push(format!(
                "the polarity of {} is not clear and stays: a wider --band tells it better",
                unsure.join(", ")
            ));
        }
    }
    let inverted = sensors.iter().zip(certainty).filter(|(_, c)| !asked.polarity && **c < -CERTAIN);
    let inverted: Vec<String> = inverted.map(|(s, _)| format!("'{}'", id(*s))).collect();
    if !inverted.is_empty() {
        told.push(format!(
            "{} sounds wired the other way round than the others, which moves its delay: add polarity to --fit",
            inverted.join(", ")
        ));
    }
    for (take, fit) in fits.iter().enumerate() {
        let mistaken = fit.sensors.iter().zip(&fit.counts).filter(|(_, c)| !**c);
        let mistaken: Vec<String> = mistaken.map(|(s, _)| format!("'{}'", id(*s))).collect();
        if !mistaken.is_empty() {
            let [x, y, z]: [f64; 3] = fit.place_m.into();
            told.push(format!(
                "source {} at {x:.3}, {y:.3}, {z:.3} m: what {} heard fits nothing and is left out; an echo, or the place is wrong",
                take + 1,
                mistaken.join(", ")
            ));
        }
    }
    told
}
