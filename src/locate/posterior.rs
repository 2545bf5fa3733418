//! Where to look first: how probable each place is that might be the leak's, and each patch of wall.
//!
//! Given that there is a leak on the walls, each separate place of the map carries the weight `exp(nats)` of its likelihood
//! times the area that it leaves open (Laplace's approximation); a patch of wall carries the integral of those Gaussians
//! over it. Where nothing stands out of chance, a likelihood that takes the noise to be white would still be sure of the
//! strongest place. There every cell of the walls is weighed by how fast chance itself falls with `z`.

use nalgebra::Matrix2;

use super::alarm::Gumbel;
use super::array::Array;
use super::explain::{explained_away, mean_correlation};
use super::find::Found;
use super::focus::support;
use super::outcome::{Candidate, Patch};
use super::refine::{Refined, refine};
use super::search::{Response, Strongest};
use super::tell::{CHI2_95, ellipse_95};
use super::verdict::robust;
use super::views::View;
use crate::site::{Site, WallPoint};

/// Patches told at most, and the probability at which they end.
const PATCHES: usize = 100;
const ENOUGH: f64 = 0.99;

/// Side of a patch in standard deviations, and how many lie either side of the middle.
const SIDE: f64 = 0.7;
const EITHER_SIDE: i32 = 5;

/// A place with this share of the strongest response is refined before it is weighed.
const RIVAL: f64 = 0.8;

/// What falls to this share when a leak is explained away was that leak's.
const EXPLAINED: f64 = 0.5;

/// What is looked at.
pub struct Scene<'t, 'a> {
    /// The array.
    pub array: &'t Array<'a>,
    /// The view that is refined.
    pub view: &'t View,
    /// What stands out.
    pub found: &'t Found,
    /// Independent averages of a bin.
    pub samples_per_bin: f64,
    /// How `z` is distributed by chance, where what stands out is no more than that.
    pub chance: Option<Gumbel>,
}

/// How the probability of one leak's place lies over the walls, given that there is a leak on them.
#[derive(Debug, Clone, PartialEq)]
pub enum Spread {
    /// A Gaussian about each place that may be the leak's.
    Places(Vec<Spot>),
    /// Over every coarse cell of the walls, since nothing stands out of chance; row by row of each wall, `a` growing along the row.
    Everywhere(Vec<Patch>),
}

/// A place that may be a leak's, and how sure it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spot {
    /// Where.
    pub point: WallPoint,
    /// Covariance in the tangent plane, first axis along `u`, second along `v`, square metres.
    pub covariance_uv_m2: [[f64; 2]; 2],
    /// Probability of this place among all.
    pub weight: f64,
}

impl Spot {
    fn of(refined: &Refined, weight: f64) -> Self {
        let covariance = &refined.covariance_m2;
        let [uu, uv, vu, vv] = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|index| covariance[index]);
        Self { point: refined.point, covariance_uv_m2: [[uu, uv], [vu, vv]], weight }
    }
}

/// A place that might be the leak's, and what refining it gave.
pub struct Rival {
    point: WallPoint,
    refined: Option<Refined>,
    weight: f64,
}

impl Scene<'_, '_> {
    /// The separate places of the map with their weights, and which of the `leaks` explains each.
    pub fn candidates(&self, rivals: &[Rival], leaks: &[Refined]) -> Vec<Candidate> {
        let places = &self.found.standings[0].places;
        let scores = places.iter().map(|place| f64::from((place.value / places[0].value).clamp(0.0, 1.0)));
        let whole = self.view.response(self.array);
        let without: Vec<Response<'_, '_>> = leaks
            .iter()
            .map(|leak| explained_away(&self.view.coherence, &self.view.wavenumber_rad_m, &leak.ranges_m))
            .map(|rest| self.view.stare_at(&rest).response(self.array))
            .collect();
        let explained_by = |point: &WallPoint| {
            let is_gone = |rest: &Response<'_, '_>| rest.at(point) < EXPLAINED as f32 * whole.at(point);
            without.iter().position(is_gone).map(|leak| leak + 1)
        };
        rivals
            .iter()
            .zip(places)
            .zip(scores)
            .map(|((rival, place), score)| Candidate {
                point: rival.point,
                score,
                weight: rival.weight,
                explained_by: explained_by(&place.point),
            })
            .collect()
    }

    /// Where each of these leaks may be, the strongest with all that might be it instead; or where there may be one, without any.
    pub fn spread(&self, rivals: &[Rival], leaks: &[Refined]) -> Vec<Spread> {
        if let Some(law) = self.chance {
            return vec![Spread::Everywhere(self.everywhere(law))];
        }
        let of_rival = |(i, rival): (usize, &Rival)| {
            let refined = leaks.first().filter(|_| i == 0).or(rival.refined.as_ref())?;
            Some(Spot::of(refined, rival.weight))
        };
        let strongest = rivals.iter().enumerate().filter_map(of_rival).collect();
        let others = leaks.iter().skip(1).map(|leak| vec![Spot::of(leak, 1.0)]);
        std::iter::once(strongest).chain(others).map(Spread::Places).collect()
    }

    /// Patches in the order of probability per area.
    pub fn search(&self, spreads: &[Spread]) -> Vec<Patch> {
        let share = 1.0 / spreads.len() as f64;
        let patches = spreads.iter().flat_map(|spread| match spread {
            Spread::Everywhere(patches) => patches.clone(),
            Spread::Places(spots) => {
                spots.iter().flat_map(|spot| about(self.array.site, spot, share * spot.weight)).collect()
            }
        });
        told(patches.collect())
    }

    fn everywhere(&self, law: Gumbel) -> Vec<Patch> {
        let response = self.view.response(self.array);
        let cells = response.over(self.array.cover());
        let [_, scatter] = robust(&cells.iter().map(|cell| cell.bound).collect::<Vec<_>>());
        let most = cells.iter().map(|cell| cell.bound).fold(f32::MIN, f32::max);
        let mut patches: Vec<Patch> = cells
            .iter()
            .map(|cell| {
                let side_m = response.side_m(cell);
                let likelihood = law.nats(f64::from(cell.bound - most) / scatter).exp();
                let point = response.centre(cell);
                let probability = likelihood * side_m * side_m;
                Patch { point, size_m: [side_m; 2], angle_deg: 0.0, probability, cumulative: 0.0 }
            })
            .collect();
        let total: f64 = patches.iter().map(|patch| patch.probability).sum();
        patches.iter_mut().for_each(|patch| patch.probability /= total);
        patches
    }

    fn support(&self, value: f64) -> f64 {
        support(&self.view.coherence, value, self.samples_per_bin)
    }

    /// The separate places of the map, weighed.
    pub fn rivals(&self) -> Vec<Rival> {
        let places = &self.found.standings[0].places;
        let weighed: Vec<(Rival, f64)> = match self.chance {
            None => places.iter().enumerate().map(|(i, place)| self.refined(i, place)).collect(),
            Some(law) => {
                let [_, scatter] = robust(&self.view.response(self.array).bounds(self.array.cover()));
                let nats = |place: &Strongest| law.nats(f64::from(place.value) / scatter);
                let rival = |place: &Strongest| Rival { point: place.point, refined: None, weight: 1.0 };
                places.iter().map(|place| (rival(place), nats(place))).collect()
            }
        };
        let most = weighed.iter().map(|(_, nats)| *nats).fold(f64::MIN, f64::max);
        let mut rivals: Vec<Rival> = weighed
            .into_iter()
            .map(|(rival, nats)| Rival { weight: rival.weight * (nats - most).exp(), ..rival })
            .collect();
        if let Some(source) = &self.found.source {
            rivals[0].point = source.point;
        }
        let total: f64 = rivals.iter().map(|rival| rival.weight).sum();
        rivals.iter_mut().for_each(|rival| rival.weight /= total);
        rivals
    }

    /// A place with the area that it leaves open, and how well it explains the view, nats.
    fn refined(&self, rank: usize, place: &Strongest) -> (Rival, f64) {
        let places = &self.found.standings[0].places;
        let refined = match rank {
            0 => self.found.source.clone(),
            _ if f64::from(place.value) > RIVAL * f64::from(places[0].value) => {
                refine(self.array, self.view.data(self.samples_per_bin), place.point)
            }
            _ => None,
        };
        // What sound and geometry contradict each other by, evidence is discounted by.
        let discount = self.found.source.as_ref().map_or(1.0, |s| (s.chi2.0 / s.chi2.1.max(1) as f64).max(1.0));
        let Some(refined) = refined else {
            let area_m2 = self.found.separation_m.powi(2);
            let nats = self.support(place.value.into()) / discount;
            return (Rival { point: place.point, refined: None, weight: area_m2 }, nats);
        };
        let aligned = mean_correlation(&self.view.coherence, &self.view.wavenumber_rad_m, &refined.ranges_m);
        let nats = (self.support(aligned) - 0.5 * refined.chi2.0) / discount;
        let weight = std::f64::consts::TAU * refined.covariance_m2.determinant().max(0.0).sqrt();
        (Rival { point: refined.point, refined: Some(refined), weight }, nats)
    }
}

/// A Gaussian in patches along its axes, `weight` in all.
fn about(site: &Site, spot: &Spot, weight: f64) -> impl Iterator<Item = Patch> {
    let [[uu, uv], [vu, vv]] = spot.covariance_uv_m2;
    let ellipse = ellipse_95(&Matrix2::new(uu, uv, vu, vv));
    let sigmas = [ellipse.semi_major_m, ellipse.semi_minor_m].map(|semi| semi / CHI2_95.sqrt());
    let (sin, cos) = ellipse.angle_deg.to_radians().sin_cos();
    let below = |x: f64| 0.5 * libm::erfc(-x / std::f64::consts::SQRT_2);
    let within = move |i: i32| below(f64::from(i + 1) * SIDE) - below(f64::from(i) * SIDE);
    let all = || -EITHER_SIDE..EITHER_SIDE;
    all().flat_map(move |i| all().map(move |j| (i, j))).map(move |(i, j)| {
        let [along, across] = [(i, sigmas[0]), (j, sigmas[1])].map(|(n, sigma)| (f64::from(n) + 0.5) * SIDE * sigma);
        Patch {
            point: site.moved(&spot.point, along * cos - across * sin, along * sin + across * cos),
            size_m: sigmas.map(|sigma| SIDE * sigma),
            angle_deg: ellipse.angle_deg,
            probability: weight * within(i) * within(j),
            cumulative: 0.0,
        }
    })
}

/// The most probable per area first, until enough of the probability is told.
fn told(mut patches: Vec<Patch>) -> Vec<Patch> {
    let density = |patch: &Patch| patch.probability / (patch.size_m[0] * patch.size_m[1]).max(f64::MIN_POSITIVE);
    patches.sort_by(|x, y| density(y).total_cmp(&density(x)));
    let mut before = 0.0;
    patches.truncate(PATCHES);
    for patch in &mut patches {
        patch.cumulative = before + patch.probability;
        before = patch.cumulative;
    }
    let enough = patches.iter().position(|patch| patch.cumulative >= ENOUGH).map_or(patches.len(), |last| last + 1);
    patches.truncate(enough);
    patches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(probability: f64, side_m: f64) -> Patch {
        let point = WallPoint { wall: 0, a: 0.0, v_m: 0.0, u_m: 0.0, triangle: None, position_m: Default::default() };
        Patch { point, size_m: [side_m; 2], angle_deg: 0.0, probability, cumulative: 0.0 }
    }

    #[test]
    fn patches_go_by_probability_per_area_and_add_up() {
        let told = told(vec![patch(0.5, 1.0), patch(0.3, 0.1), patch(0.195, 2.0), patch(0.005, 3.0)]);
        let order: Vec<f64> = told.iter().map(|p| p.probability).collect();
        assert_eq!(order, [0.3, 0.5, 0.195], "the last is beyond 99 %");
        assert!((told[2].cumulative - 0.995).abs() < 1e-12);
    }
}
