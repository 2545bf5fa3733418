//! What plots are made from: maps, correlations, levels.

use ndarray::Array2;
use rayon::prelude::*;

use super::array::Array;
use super::cover::Cover;
use super::outcome::{Evidence, PairCorrelation, Spectrogram, WallMap};
use super::prepare::Preparation;
use super::views::View;
use crate::cross_spectra::{BinFate, Overview};
use crate::site::{Wall, WallPoint};
use crate::units::power_db;

/// Cells of all maps together: more than a page shows.
const MAP_CELLS: f64 = 60e3;

/// The maps' floor: cells at or below nothing.
const FLOOR_DB: f64 = -40.0;

/// Correlations are kept this many wavelengths to each side of the implied delay.
const CORRELATION_WAVES: f64 = 40.0;

/// What the evidence is taken from.
#[derive(Clone, Copy)]
pub struct Scene<'a, 'b> {
    /// The array.
    pub array: &'b Array<'a>,
    /// What was settled at the start.
    pub preparation: &'b Preparation<'a>,
    /// The view that was refined.
    pub view: &'b View,
    /// Channels that took part.
    pub kept: &'b [usize],
    /// What became of each bin.
    pub fates: &'b [BinFate],
}

/// Gathers the evidence. `place` is the reported place; `peak` the response there, `level_db` the median
/// sensor's level in the band.
pub fn gather(
    scene: Scene<'_, '_>,
    overview: Overview,
    coherence2: Vec<f64>,
    place: &WallPoint,
    peak: f32,
    level_db: f64,
) -> Evidence {
    let Scene { array, preparation, view, kept, fates } = scene;
    let mut levels = Array2::zeros((kept.len(), overview.density.ncols()));
    for (mut to, &row) in levels.rows_mut().into_iter().zip(kept) {
        to.assign(&overview.density.row(row));
    }
    let rate_hz = preparation.layout.sample_rate_hz;
    let from_s = preparation.span.first_frame as f64 / rate_hz;
    let to_s = from_s + preparation.span.frames as f64 / rate_hz;
    let highest_hz = overview.spacing_hz * (overview.density.ncols().max(1) - 1) as f64;
    let (maps, strongest) = maps(array, view, peak);
    Evidence {
        maps,
        map_level_db: power_db(f64::from(strongest).max(f64::MIN_POSITIVE)) + level_db,
        correlations: correlations(array, view, place),
        frequency_hz: (0..overview.density.ncols()).map(|k| k as f64 * overview.spacing_hz).collect(),
        levels,
        level_sensors: array.sensors.clone(),
        band_frequency_hz: preparation.layout.frequencies_hz(),
        coherence2,
        bin_used: fates.iter().map(|f| *f == BinFate::Used).collect(),
        dropped: dropped(fates, &preparation.layout.frequencies_hz()),
        spectrogram: Spectrogram {
            time_s: [from_s, to_s],
            frequency_hz: [0.0, highest_hz],
            power: overview.spectrogram,
        },
    }
}

/// The maps, and the response that they count from: that of the strongest cell, or `peak` where no cell has as much. A cell stands for all
/// that is in it, so in noise, where nothing stands out, most have more than any one place.
fn maps(array: &Array<'_>, view: &View, peak: f32) -> (Vec<WallMap>, f32) {
    let response = view.response(array);
    let walls = || array.walls.iter().map(|&index| (index, &array.site.walls[index]));
    let cell_m = (walls().map(|(_, wall)| wall.area_m2()).sum::<f64>() / MAP_CELLS).sqrt();
    let of_wall = |(index, wall): (usize, &Wall)| {
        let (shape, pieces) = wall.picture(index, cell_m);
        (index, shape, Cover::runs(array, &pieces).flat_map(|run| response.bounds(&run)).collect())
    };
    let cells: Vec<(usize, [usize; 2], Vec<f32>)> = walls().map(of_wall).collect();
    let strongest = cells.iter().flat_map(|(.., cells)| cells).copied().fold(peak, f32::max);
    let db = |bound: f32| power_db(f64::from(bound / strongest)).max(FLOOR_DB) as f32;
    let of_cells = |(wall, shape, cells): (usize, [usize; 2], Vec<f32>)| {
        let values = cells.iter().map(|&bound| if bound > 0.0 { db(bound) } else { FLOOR_DB as f32 });
        let response_db = Array2::from_shape_vec(shape, values.collect()).expect("one value a cell");
        WallMap { wall, response_db }
    };
    (cells.into_iter().map(of_cells).collect(), strongest)
}

fn correlations(array: &Array<'_>, view: &View, place: &WallPoint) -> Vec<PairCorrelation> {
    let ranges = array.ranges_m(place);
    let speed = array.group_speed();
    let k = &view.wavenumber_rad_m;
    let wavelength_m = std::f64::consts::TAU * k.len() as f64 / k.iter().sum::<f64>();
    view.coherence
        .pairs
        .par_iter()
        .zip(&view.tables)
        .map(|(&(m, n), table)| {
            let implied_m = ranges[m] - ranges[n];
            let reach = CORRELATION_WAVES * wavelength_m;
            let kept = table.index(implied_m - reach)..=table.index(implied_m + reach);
            PairCorrelation {
                first_s: speed.time_s(table.range_m(*kept.start())),
                step_s: speed.time_s(table.step_m),
                value: table.value[kept.clone()].iter().map(|c| c.re).collect(),
                envelope: table.value[kept].iter().map(|c| c.norm_sqr().sqrt()).collect(),
                implied_s: speed.time_s(implied_m),
            }
        })
        .collect()
}

/// Dropped bins in words, a sentence a reason.
pub fn dropped(fates: &[BinFate], frequency_hz: &[f64]) -> Vec<String> {
    [(BinFate::Line, "lines in the power spectrum"), (BinFate::CoherentLine, "coherence beyond their surroundings")]
        .into_iter()
        .filter_map(|(fate, why)| {
            let bins: Vec<usize> = (0..fates.len()).filter(|&k| fates[k] == fate).collect();
            let mut runs: Vec<(usize, usize)> = Vec::new();
            for &k in &bins {
                match runs.last_mut() {
                    Some(run) if run.1 + 1 == k => run.1 = k,
                    _ => runs.push((k, k)),
                }
            }
            runs.sort_by_key(|run| run.0.wrapping_sub(run.1 + 1));
            let mut widest: Vec<_> = runs.iter().take(6).copied().collect();
            widest.sort_unstable();
            let places: Vec<String> =
                widest.iter().map(|run| format!("{:.1}", (frequency_hz[run.0] + frequency_hz[run.1]) / 2e3)).collect();
            (!bins.is_empty()).then(|| {
                format!(
                    "{} of {} bins left out for {why}, most about {} kHz",
                    bins.len(),
                    fates.len(),
                    places.join(", ")
                )
            })
        })
        .collect()
}
