//! Credible regions: the parts of the walls that hold a leak with 50, 90 and 95 % probability, the smallest there are.
//!
//! The probability of a place is laid out over each wall's chart on a grid that is fine where it is concentrated. A region is where
//! its density exceeds a level, the level being such that the cells above it hold what is asked for. A wall that is closed is cut at its
//! seam, and so is a region that lies across it.

use std::f64::consts::{PI, TAU};

use ndarray::Array2;

use super::contour::{self, Part};
use crate::locate::{Leak, Outcome, Patch, REGIONS, Spot, Spread, Verdict};
use crate::site::{Chart, Meridian, Site, Wall, WallPoint};

/// Standard deviations about a place beyond which nothing is laid out: 1e-4 of a Gaussian.
const REACH: f64 = 4.3;

/// Grid steps over the smaller standard deviation of a place, and most steps over all places: beyond, a very long region gets ragged.
const STEPS_A_SIGMA: f64 = 8.0;
const MOST_STEPS: f64 = 480.0;

/// A place with less of the probability than this is no part of any region.
const LEAST_WEIGHT: f64 = 1e-3;

/// A part of one wall that holds a leak with a stated probability.
#[derive(Debug, Clone)]
pub(super) struct Region {
    /// Rank of the leak, from 1; absent where none is told, and it is that of one that may be there.
    pub leak: Option<usize>,
    /// The probability, of all walls' parts together.
    pub level: f64,
    /// Index of the wall in the site.
    pub wall: usize,
    /// In the wall's chart, `(a, v)`.
    pub parts: Vec<Part>,
}

impl Region {
    /// The rims of all parts, open where they run along the seam of a closed wall: there the wall was cut, and the region goes on.
    pub fn rims(&self, chart: &Chart) -> impl Iterator<Item = &[[f64; 2]]> {
        let (ends, closed) = (chart.a, chart.closed);
        let along_seam = move |p: &[f64; 2], q: &[f64; 2]| {
            closed && ends.iter().any(|end| (p[0] - end).abs() < 1e-9 && (q[0] - end).abs() < 1e-9)
        };
        let runs = self.parts.iter().flatten().flat_map(move |rim| rim.chunk_by(move |p, q| !along_seam(p, q)));
        runs.filter(|run| run.len() > 1)
    }
}

/// Regions in more parts than this are no answer but a speckle: noise.
const PARTS_MOST: usize = 40;

/// The regions that a picture shows: none without any evidence of a leak, or where they are speckles.
pub(super) fn shown(site: &Site, outcome: &Outcome) -> Vec<Region> {
    if outcome.verdict == Verdict::NoLeak {
        return Vec::new();
    }
    let regions = regions(site, outcome);
    let speckled = |leak| regions.iter().any(|region| region.leak == leak && region.parts.len() > PARTS_MOST);
    let kept: Vec<bool> = regions.iter().map(|region| !speckled(region.leak)).collect();
    regions.into_iter().zip(kept).filter_map(|(region, kept)| kept.then_some(region)).collect()
}

/// The regions of every leak, or of the one that may be there, for each of [`REGIONS`]; none on a mesh, which has no chart.
pub(super) fn regions(site: &Site, outcome: &Outcome) -> Vec<Region> {
    let mut regions = Vec::new();
    for (i, spread) in outcome.spread.iter().enumerate() {
        let fields: Vec<Field<'_>> = match spread {
            Spread::Places(spots) => {
                site.walls.iter().enumerate().filter_map(|(i, wall)| Field::of_places(wall, i, spots)).collect()
            }
            Spread::Everywhere(cells) => {
                site.walls.iter().enumerate().filter_map(|(i, wall)| Field::of_cells(wall, i, cells)).collect()
            }
        };
        let leak = (!outcome.leaks.is_empty()).then_some(i + 1);
        for (level, density) in REGIONS.into_iter().zip(densities(&fields)) {
            let of_field = |field: &Field<'_>| Region { leak, level, wall: field.index, parts: field.above(density) };
            regions.extend(fields.iter().map(of_field).filter(|region| !region.parts.is_empty()));
        }
    }
    regions
}

/// The ellipse that holds `leak` with this probability by its covariance alone, cut at the seam of a closed wall and at the wall's edges; nothing on
/// a mesh.
pub(super) fn ellipse(site: &Site, leak: &Leak, level: f64) -> Option<Vec<Part>> {
    let spot = Spot { point: leak.point, covariance_uv_m2: leak.covariance_uv_m2, weight: 1.0 };
    let field = Field::of_places(site.walls.get(leak.point.wall)?, leak.point.wall, &[spot])?;
    let peak = Gaussian::of(&spot)?.peak;
    Some(field.above(peak * (1.0 - level)))
}

/// The density at the rim of each of the [`REGIONS`]: what lies above it holds so much of all there is.
fn densities(fields: &[Field<'_>]) -> [f64; 3] {
    let mut cells: Vec<[f64; 2]> = fields.iter().flat_map(Field::masses).filter(|[_, mass]| *mass > 0.0).collect();
    cells.sort_by(|p, q| q[0].total_cmp(&p[0]));
    let total: f64 = cells.iter().map(|[_, mass]| mass).sum();
    REGIONS.map(|level| {
        let mut held = 0.0;
        let last = cells.iter().position(|[_, mass]| {
            held += mass;
            held >= level * total
        });
        let Some(last) = last else { return f64::INFINITY };
        // Between two nodes' densities, so that no rim runs through a node.
        let next = cells[last..].iter().map(|[density, _]| *density).find(|density| *density < cells[last][0]);
        (cells[last][0] * next.unwrap_or(0.0)).sqrt().max(f64::MIN_POSITIVE)
    })
}

/// Probability per area over the chart of one wall, at the nodes of a grid.
struct Field<'t> {
    wall: &'t Wall,
    index: usize,
    a: Vec<f64>,
    v_m: Vec<f64>,
    /// `[v, a]`, per square metre, up to a factor that all walls share.
    density: Array2<f64>,
}

impl<'t> Field<'t> {
    fn of_places(wall: &'t Wall, index: usize, spots: &[Spot]) -> Option<Self> {
        let chart = wall.chart()?;
        let here: Vec<(&Spot, Gaussian)> = spots
            .iter()
            .filter(|spot| spot.point.wall == index && spot.weight >= LEAST_WEIGHT)
            .filter_map(|spot| Some((spot, Gaussian::of(spot)?)))
            .collect();
        if here.is_empty() {
            return None;
        }
        let (mut a, mut v_m) = (chart.a.to_vec(), chart.v_m.to_vec());
        for (spot, gaussian) in &here {
            let [along_a, along_v] = gaussian.nodes(wall, &chart, spot, MOST_STEPS / here.len() as f64);
            a.extend(along_a);
            v_m.extend(along_v);
        }
        let [a, v_m] = [(a, chart.a), (v_m, chart.v_m)].map(|(axis, ends)| in_order(axis, ends));
        let density = Array2::from_shape_fn((v_m.len(), a.len()), |(row, column)| {
            let at = |(spot, gaussian): &(&Spot, Gaussian)| {
                spot.weight * gaussian.at(apart(wall, &chart, &spot.point, [a[column], v_m[row]]))
            };
            here.iter().map(at).sum()
        });
        Some(Self { wall, index, a, v_m, density })
    }

    /// Of cells that cover a wall, in rows of equal height, each of as many equal cells as it is wide.
    fn of_cells(wall: &'t Wall, index: usize, cells: &[Patch]) -> Option<Self> {
        let chart = wall.chart()?;
        let here: Vec<&Patch> = cells.iter().filter(|cell| cell.point.wall == index).collect();
        let rows: Vec<&[&Patch]> = here.chunk_by(|p, q| p.point.v_m == q.point.v_m).collect();
        let columns = rows.iter().map(|row| row.len()).max()?;
        let axis = |[from, to]: [f64; 2], count: usize| {
            let middle = |i: usize| from + (to - from) * (i as f64 + 0.5) / count as f64;
            std::iter::once(from).chain((0..count).map(middle)).chain([to]).collect::<Vec<f64>>()
        };
        // At the edges the outermost cells go on, and across a seam they meet.
        let inner = |i: usize, count: usize| i.clamp(1, count) - 1;
        let density = Array2::from_shape_fn((rows.len() + 2, columns + 2), |(row, column)| {
            let row = rows[inner(row, rows.len())];
            let at = |column: usize| {
                let cell = row[column * row.len() / columns];
                cell.probability / (cell.size_m[0] * cell.size_m[1])
            };
            let at_seam = chart.closed && (column == 0 || column == columns + 1);
            if at_seam { (at(0) + at(columns - 1)) / 2.0 } else { at(inner(column, columns)) }
        });
        Some(Self { wall, index, a: axis(chart.a, columns), v_m: axis(chart.v_m, rows.len()), density })
    }

    /// Density at each node, and the probability of what lies nearest to it.
    fn masses(&self) -> impl Iterator<Item = [f64; 2]> {
        let width = |axis: &[f64], i: usize| (axis[(i + 1).min(axis.len() - 1)] - axis[i.saturating_sub(1)]) / 2.0;
        self.density.indexed_iter().map(move |((row, column), density)| {
            let area_m2 = width(&self.a, column) * width(&self.v_m, row) * self.wall.metres_per_a(self.v_m[row]);
            [*density, density * area_m2]
        })
    }

    fn above(&self, density: f64) -> Vec<Part> {
        // Between nodes the logarithm of a Gaussian is the straighter of the two.
        contour::above(&self.a, &self.v_m, &self.density.mapv(f64::ln), density.ln())
    }
}

/// Ascending, between the ends, no two alike.
fn in_order(mut axis: Vec<f64>, [from, to]: [f64; 2]) -> Vec<f64> {
    axis.retain(|x| (from..=to).contains(x));
    axis.sort_by(f64::total_cmp);
    let least = 1e-12 * (to - from);
    axis.dedup_by(|later, earlier| *later - *earlier < least);
    axis
}

/// A Gaussian in the tangent plane of a wall.
struct Gaussian {
    /// Inverse of the covariance, per square metre.
    inverse: [[f64; 2]; 2],
    /// Standard deviations along `u` and `v`, metres.
    along_m: [f64; 2],
    /// Those along the longer and the shorter axis, metres.
    axes_m: [f64; 2],
    peak: f64,
}

impl Gaussian {
    /// Nothing where a covariance is none.
    fn of(spot: &Spot) -> Option<Self> {
        let [[uu, uv], [_, vv]] = spot.covariance_uv_m2;
        let determinant = uu * vv - uv * uv;
        let [middle, half] = [(uu + vv) / 2.0, ((uu - vv) / 2.0).hypot(uv)];
        let least = middle - half;
        let usable = determinant.is_finite() && determinant > 0.0 && least > 0.0 && spot.point.triangle.is_none();
        usable.then(|| Self {
            inverse: [[vv / determinant, -uv / determinant], [-uv / determinant, uu / determinant]],
            along_m: [uu.sqrt(), vv.sqrt()],
            axes_m: [(middle + half).sqrt(), least.sqrt()],
            peak: 1.0 / (TAU * determinant.sqrt()),
        })
    }

    fn at(&self, [du, dv]: [f64; 2]) -> f64 {
        let [[a, b], [_, d]] = self.inverse;
        let square = a * du * du + 2.0 * b * du * dv + d * dv * dv;
        if square < REACH * REACH { self.peak * (-square / 2.0).exp() } else { 0.0 }
    }

    /// Values of `a` and of `v` that lay it out, at most so many each; those beyond the seam of a closed wall at its other side.
    fn nodes(&self, wall: &Wall, chart: &Chart, spot: &Spot, most: f64) -> [Vec<f64>; 2] {
        let [longer, least] = self.axes_m;
        let sigmas = match wall.meridian() {
            // Where parallels bend, what lies along u lies along v as well; on a sphere arcs are longer than the chords told.
            Some(Meridian::Circle { .. }) => [longer * PI / 2.0; 2],
            Some(meridian) if !is_straight(&meridian) => [longer; 2],
            _ => self.along_m,
        };
        // A little more than its reach, so that it is nothing at the outermost.
        let [reach_u, reach_v] = sigmas.map(|sigma_m| 1.01 * REACH * sigma_m);
        let WallPoint { a, v_m, .. } = spot.point;
        let even = |middle: f64, half: f64, metres: f64| {
            let steps = (2.0 * metres * STEPS_A_SIGMA / least).ceil().min(most);
            (0..=steps as usize).map(move |i| middle + half * (2.0 * i as f64 / steps - 1.0))
        };
        let radii_m =
            [v_m - reach_v, v_m, v_m + reach_v].map(|v| wall.metres_per_a(v.clamp(chart.v_m[0], chart.v_m[1])));
        // Where it reaches about a pole, or round the wall, every angle is within reach.
        let narrowest_m = radii_m.into_iter().fold(f64::INFINITY, f64::min);
        let half = match wall.meridian() {
            None => reach_u,
            Some(_) => (reach_u / narrowest_m).min(if chart.closed { PI } else { TAU }),
        };
        let widest_m = radii_m.into_iter().fold(0.0, f64::max);
        let folded = |a: f64| if chart.closed { chart.a[0] + (a - chart.a[0]).rem_euclid(TAU) } else { a };
        [even(a, half, half * widest_m).map(folded).collect(), even(v_m, reach_v, reach_v).collect()]
    }
}

/// Whether a surface is a cylinder.
fn is_straight(meridian: &Meridian) -> bool {
    matches!(meridian, Meridian::Line { slope, .. } if slope.abs() < 1e-9)
}

/// How far a place of the chart is from a point, along `u` and `v` there, metres: as on the wall laid flat; on a sphere as on Lambert's map
/// about the point, which keeps areas.
fn apart(wall: &Wall, chart: &Chart, from: &WallPoint, [a, v_m]: [f64; 2]) -> [f64; 2] {
    let turn = a - from.a;
    let turn = if chart.closed { (turn + PI).rem_euclid(TAU) - PI } else { turn };
    match wall.meridian() {
        None => [turn, v_m - from.v_m],
        Some(meridian) if is_straight(&meridian) => [turn * wall.metres_per_a(from.v_m), v_m - from.v_m],
        Some(Meridian::Line { slope, .. }) => {
            // A cone unrolls to a sector, a disc is one: distances from its tip, angles shrunk by the slope.
            let [here_m, there_m] = [from.v_m, v_m].map(|v| wall.metres_per_a(v) / slope.abs());
            let (sin, cos) = (turn * slope.abs()).sin_cos();
            [there_m * sin, slope.signum() * (there_m * cos - here_m)]
        }
        Some(Meridian::Circle { .. }) => {
            let chord = wall.at(from.wall, a, v_m).position_m - from.position_m;
            let [du, dv] = wall.tangents(from).map(|along| chord.dot(&along));
            let flat = du.hypot(dv);
            let stretch = if flat > 0.0 { chord.norm() / flat } else { 1.0 };
            [du * stretch, dv * stretch]
        }
    }
}

#[cfg(test)]
#[path = "regions_tests.rs"]
mod tests;
