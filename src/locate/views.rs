//! The ways to look at a capture: as it is, or as what is new over a background, by subtraction and by whitening.

use super::array::Array;
use super::explain::turns;
use super::machine::Machine;
use super::refine::Data;
use super::search::{Blurred, Response};
use super::verdict::{Standing, survey};
use crate::cross_spectra::{BinFate, Coherence, CrossSpectra, Means, Weighting, excess, narrow, whitened};
use crate::delay::{Density, RangePlan, RangeTable, RealTable};
use nalgebra::DVector;
use ndarray::Array2;
use rayon::prelude::*;
use realfft::num_complex::Complex;
use std::sync::Arc;

/// One way to look: weighted cross-spectra, their correlation over range difference, and what stands out on the wall.
#[derive(Debug)]
pub struct View {
    /// In words.
    pub name: &'static str,
    /// Weighted cross-spectra of the used bins.
    pub coherence: Arc<Coherence>,
    /// Wavenumber of each used bin, rad/m.
    pub wavenumber_rad_m: Vec<f64>,
    /// Correlation of each pair.
    pub tables: Vec<RangeTable>,
    /// What each adds to the steered response.
    blurred: Blurred,
    /// How tables are made.
    plan: Arc<Plan>,
}

/// How an array turns the cross-spectra of some bins into correlation over range difference.
#[derive(Debug)]
struct Plan {
    /// Half the length of each pair's table, metres.
    reach_m: Vec<f64>,
    tables: RangePlan,
    /// Of half the density: maxima over whole cells lose 2 % of a crest by it, in what is drawn and what is real alike.
    glances: RangePlan,
}

/// Correlation of each pair without its envelope: all that a map of the wall needs, for captures that are drawn by the dozen.
#[derive(Debug)]
pub struct Glance<'t> {
    pairs: &'t [(usize, usize)],
    tables: Vec<RealTable>,
}

/// What is looked at: a capture, and perhaps a background of the same place.
#[derive(Debug, Clone, Copy)]
pub struct Material<'t> {
    /// The capture's matrix.
    pub spectra: &'t CrossSpectra,
    /// Its mean over segments.
    pub mean: &'t Means,
    /// That of its background.
    pub background: Option<&'t CrossSpectra>,
    /// What counts how much.
    pub weighting: Weighting,
    /// What becomes of each bin.
    pub fates: &'t [BinFate],
    /// Sources that are explained away before anything is looked for.
    pub machines: &'t [Machine],
}

/// Weighted cross-spectra, each with its name.
pub type Looks = Vec<(&'static str, Arc<Coherence>)>;

impl Material<'_> {
    /// The same, weighed by the powers of both channels.
    pub fn weighed_by_powers(self) -> Self {
        Self { weighting: Weighting::Scot, ..self }
    }

    /// The weighted cross-spectra that the captures allow: one, or two with a background. The first has undistorted phases
    /// and is the one that is refined.
    pub fn looks(&self) -> Looks {
        self.looks_of(self.mean)
    }

    /// The same where the capture's means are these.
    pub fn looks_of(&self, mean: &Means) -> Looks {
        let layout = self.spectra.layout();
        let weighted = |name, numerator: &Means, powers: &Means| {
            (name, Arc::new(self.weighting.apply(numerator, powers, layout, self.fates)))
        };
        let without_machines = |(name, whole): (&'static str, Arc<Coherence>)| {
            (name, self.machines.iter().fold(whole, |rest, machine| Arc::new(machine.explained_away(&rest))))
        };
        match self.background {
            None => vec![without_machines(weighted("the capture", mean, mean))],
            Some(background) => {
                let new = whitened(mean, background);
                vec![
                    without_machines(weighted(
                        "the capture less the background",
                        &excess(mean, &background.mean()),
                        mean,
                    )),
                    weighted("the capture whitened by the background", &new, &new),
                ]
            }
        }
    }
}

impl View {
    /// The same look at other cross-spectra of the same pairs and bins.
    pub fn at(&self, name: &'static str, array: &Array<'_>, coherence: Arc<Coherence>) -> Self {
        Self::by(Arc::clone(&self.plan), name, array, coherence, self.wavenumber_rad_m.clone())
    }

    /// Prepares the correlation tables of weighted cross-spectra.
    pub fn new(name: &'static str, array: &Array<'_>, coherence: Arc<Coherence>) -> Self {
        let wavenumber_rad_m: Vec<f64> =
            coherence.frequency_hz.iter().map(|f| array.medium.wavenumber_rad_m(*f)).collect();
        let longest_m = std::f64::consts::TAU / wavenumber_rad_m.iter().copied().fold(f64::MAX, f64::min);
        // Beyond the largest possible difference only as much as blurred look-ups and crest searches may touch.
        let reach = |pair: &(usize, usize)| {
            array.largest_difference_m(*pair) + 6.0 * array.difference_sigma_m(*pair) + 3.0 * longest_m
        };
        let reach_m: Vec<f64> = coherence.pairs.iter().map(reach).collect();
        let furthest_m = reach_m.iter().copied().fold(0.0, f64::max);
        let plan = |density| RangePlan::new(&wavenumber_rad_m, furthest_m, density);
        let plan = Plan { tables: plan(Density::Full), glances: plan(Density::Half), reach_m };
        Self::by(Arc::new(plan), name, array, coherence, wavenumber_rad_m)
    }

    fn by(
        plan: Arc<Plan>,
        name: &'static str,
        array: &Array<'_>,
        coherence: Arc<Coherence>,
        wavenumber_rad_m: Vec<f64>,
    ) -> Self {
        let tables = plan.tables(&coherence);
        let real = tables.iter().map(RealTable::from).collect();
        let blurred = Blurred::new(array, &coherence.pairs, real);
        Self { name, tables, blurred, coherence, wavenumber_rad_m, plan }
    }

    /// What a map of bounds needs of other cross-spectra of the same pairs and bins.
    pub fn glance_at(&self, coherence: &Coherence) -> Glance<'_> {
        self.glance_by(&self.plan.glances, coherence)
    }

    /// The same at full density, for single places.
    pub fn stare_at(&self, coherence: &Coherence) -> Glance<'_> {
        self.glance_by(&self.plan.tables, coherence)
    }

    fn glance_by(&self, plan: &RangePlan, coherence: &Coherence) -> Glance<'_> {
        let reach_m = &self.plan.reach_m;
        let table = |(row, &reach_m): (usize, &f64)| plan.real_table(coherence.emphasised(row), reach_m);
        let tables = reach_m.par_iter().enumerate().map(table).collect();
        Glance { pairs: &self.coherence.pairs, tables }
    }

    /// The steered response of this view.
    pub fn response<'a, 'b>(&'b self, array: &'b Array<'a>) -> Response<'a, 'b> {
        Response::of(array, &self.coherence.pairs, &self.blurred)
    }

    /// What the refinement needs of this view.
    pub fn data(&self, samples_per_bin: f64) -> Data<'_> {
        let Self { coherence, wavenumber_rad_m, tables, .. } = self;
        Data { coherence, wavenumber_rad_m, samples_per_bin, tables, clocks: None }
    }

    /// What stands out on the wall; places closer than `separation_m` count as one.
    pub fn survey(&self, array: &Array<'_>, separation_m: f64) -> Standing {
        survey(&self.response(array), array.cover(), separation_m)
    }
}

impl Plan {
    fn tables(&self, coherence: &Coherence) -> Vec<RangeTable> {
        let table = |(row, &reach_m): (usize, &f64)| self.tables.table(coherence.emphasised(row), reach_m);
        self.reach_m.par_iter().enumerate().map(table).collect()
    }
}

impl<'t> Glance<'t> {
    /// The steered response of these correlations.
    pub fn response<'a, 'b>(self, array: &'b Array<'a>) -> Response<'a, 'b>
    where
        't: 'b,
    {
        Response::new(array, self.pairs, self.tables)
    }

    /// The highest correlation of each pair over the root mean square of its table.
    pub fn pair_z(&self) -> Vec<f64> {
        let z = |table: &RealTable| {
            let power_of = |part: &[f32]| f64::from(part.iter().map(|c| c * c).sum::<f32>());
            let power: f64 = table.value.chunks(16).map(power_of).sum();
            let top = table.value.iter().copied().fold(f32::MIN, f32::max);
            f64::from(top) / (power / table.value.len() as f64).sqrt()
        };
        self.tables.iter().map(z).collect()
    }
}

/// How correlation is tabulated no further than the surroundings of a place.
#[derive(Debug)]
pub struct Nearby {
    plan: RangePlan,
    reach_m: f64,
    /// Ranges of the place, metres.
    ranges_m: DVector<f64>,
    /// What a wave turns by on its way from there; `[sensor, used bin]`.
    turn: Array2<Complex<f64>>,
}

impl Nearby {
    /// About the place with these ranges, as far as range differences change by `within_m`, for coherences like this one.
    pub fn new(
        array: &Array<'_>,
        coherence: &Coherence,
        ranges_m: DVector<f64>,
        within_m: f64,
        density: Density,
    ) -> Self {
        let k: Vec<f64> = coherence.frequency_hz.iter().map(|f| array.medium.wavenumber_rad_m(*f)).collect();
        let blur_m = coherence.pairs.iter().map(|&pair| array.difference_sigma_m(pair)).fold(0.0, f64::max);
        // Cells reach over the rim by half as much again.
        let reach_m = 1.5 * within_m + 4.0 * blur_m;
        Self { plan: RangePlan::new(&k, reach_m, density), reach_m, turn: turns(&k, &ranges_m), ranges_m }
    }

    /// The table of each pair.
    pub fn tables(&self, coherence: &Coherence) -> Vec<RealTable> {
        let table = |(row, &(m, n)): (usize, &(usize, usize))| {
            let turns = self.turn.row(m).into_iter().zip(self.turn.row(n));
            let turned =
                coherence.emphasised(row).zip(turns).map(|(g, (first, second))| g * narrow(first * second.conj()));
            let mut table = self.plan.real_table(turned, self.reach_m);
            table.first_m += self.ranges_m[m] - self.ranges_m[n];
            table
        };
        coherence.pairs.iter().enumerate().map(table).collect()
    }
}
