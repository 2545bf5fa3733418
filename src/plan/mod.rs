//! Before anything is recorded: how well this layout will locate, what it will miss, and where more sensors help most.
//!
//! The error is the Cramér–Rao bound with what the site says of its own errors ([`crate::locate::Foreseen`]), mapped over the
//! walls; so is the weakest leak that will be found. Mirror images and side lobes are looked for as the locator would.

mod add;
mod feasible;

use ndarray::Array2;
use rayon::prelude::*;

pub use add::Added;

use crate::error::Result;
use crate::locate::{Array, Cover, Foreseen, too_few};
use crate::propagation::Medium;
use crate::site::{Point3, Site, WallPoint};
use crate::units::{power_db, power_from_db};

/// Cells of the maps, all walls together.
const MAP_CELLS: f64 = 12e3;

/// Places at which a second explanation is looked for.
const ASKED_PLACES: usize = 48;

/// Score from which a second place is a mirror image to this array, and from which it is a side lobe worth telling.
const MIRROR: f64 = 0.98;
const SIDE_LOBE: f64 = 0.8;

/// Places closer than this are one, metres, beside what the site leaves uncertain.
const SEPARATION_M: f64 = 0.06;

/// What is planned.
#[derive(Debug, Clone)]
pub struct Options {
    /// The band, hertz; the usual one of the medium below the recorder's limit where nothing is said.
    pub band_hz: Option<[f64; 2]>,
    /// The recorder's sample rate, hertz.
    pub sample_rate_hz: f64,
    /// How long is recorded, seconds.
    pub duration_s: f64,
    /// Signal-to-noise ratio in the band at the median sensor of a leak at the median place, decibels.
    pub snr_db: f64,
    /// Probability of a false alarm.
    pub alarm: f64,
    /// Sensors to add.
    pub add: usize,
    /// Where they may stand; on the walls where nothing is said.
    pub rail: Vec<Point3>,
}

/// How well a layout will do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The band, hertz.
    pub band_hz: [f64; 2],
    /// Area of the walls, m².
    pub area_m2: f64,
    /// Sensors that take part.
    pub sensors: usize,
    /// The error over the walls.
    pub error: Spread,
    /// Shares of noise, sensor positions and wave speed in the mean variance.
    pub shares: [f64; 3],
    /// Signal-to-noise ratio, at the median sensor, of the weakest leak that is found, decibels.
    pub weakest_snr_db: Spread,
    /// The same as the level at 1 m over the noise in one sensor.
    pub weakest_level_db: Spread,
    /// Second places that explain a leak nearly as well, best first.
    pub ambiguities: Vec<Ambiguity>,
    /// Share of the places asked that have a mirror image.
    pub mirrored: f64,
    /// Each wall's index; error, metres; and level of the weakest leak, decibels; `[v, a]` as [`crate::site::Wall::picture`]
    /// has it.
    pub maps: Vec<PlanMap>,
    /// Where more sensors help most.
    pub added: Vec<Added>,
    /// What is hard to do as planned.
    pub warnings: Vec<String>,
    /// What was decided and why.
    pub notes: Vec<String>,
}

/// Maps over one wall.
#[derive(Debug, Clone)]
pub struct PlanMap {
    /// Index of the wall.
    pub wall: usize,
    /// Middles of the cells, in the order of the maps.
    pub places: Vec<WallPoint>,
    /// One standard deviation along the worst direction, metres; NaN where no place is fixed.
    pub error_m: Array2<f32>,
    /// Level at 1 m of the weakest leak that is found, decibels over the noise in one sensor.
    pub weakest_db: Array2<f32>,
}

/// A figure over the walls.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Half the wall is better.
    pub median: f64,
    /// Nine tenths of the wall are better.
    pub nine_in_ten: f64,
    /// The worst.
    pub worst: f64,
    /// Where that is.
    pub worst_at: WallPoint,
}

/// A place and another that explains its sound nearly as well.
#[derive(Debug, Clone, Copy)]
pub struct Ambiguity {
    /// Where the leak is.
    pub place: WallPoint,
    /// Where it may seem to be.
    pub other: WallPoint,
    /// Steered response there over that at the leak.
    pub score: f64,
}

impl Ambiguity {
    /// Whether no loudness tells the two apart.
    pub fn is_mirror(&self) -> bool {
        self.score >= MIRROR
    }
}

/// Plans a recording.
///
/// # Errors
/// [`crate::Error::Request`] where the site, the band and the recorder do not fit, or too few sensors share a clock.
pub fn plan(site: &Site, options: &Options, progress: &(dyn Fn(&'static str, f64) + Sync)) -> Result<Plan> {
    let medium = Medium::of(site);
    let band_hz = feasible::band(&medium, options)?;
    let sensors: Vec<usize> = (0..site.sensors.len()).filter(|&i| !site.sensors[i].disabled).collect();
    let array = Array::new(site, medium, band_hz, sensors)?;
    if array.observable_basis().ncols() < 2 {
        return Err(too_few(array.len()));
    }
    let mut notes = vec![
        feasible::why(&array.medium, band_hz, options),
        format!(
            "noise: alike in all sensors, and so loud that a leak at the median place is {:.1} dB over it at the median sensor",
            options.snr_db
        ),
        format!(
            "{:.3} s are recorded, and found is what chance makes in at most {} % of recordings",
            options.duration_s,
            100.0 * options.alarm
        ),
    ];
    progress("mapping", 0.0);
    let foreseen = Foreseen::new(&array, options.duration_s);
    let level = level_for(&foreseen, &Cover::coarse(&array).spread(&array, 64), options.snr_db);
    let cell_m = (array.extent_m().powi(2) / MAP_CELLS).sqrt();
    let mut told: Vec<Told> = Vec::new();
    let maps: Vec<PlanMap> = array
        .walls
        .iter()
        .map(|&index| {
            let wall = &site.walls[index];
            let (shape, pieces) = wall.picture(index, cell_m);
            let of_wall: Vec<Told> =
                pieces.par_iter().map(|piece| Told::of(&foreseen, piece.centre(wall), level, options.alarm)).collect();
            let map = |value: &dyn Fn(&Told) -> f64| {
                let values = of_wall.iter().map(|t| value(t) as f32).collect();
                Array2::from_shape_vec(shape, values).expect("one value a cell")
            };
            let (error_m, weakest_db) = (map(&|t| t.error_m()), map(&|t| t.weakest_db));
            let places = of_wall.iter().map(|t| t.place).collect();
            // Cells are of equal size on the chart; where a wall narrows they count for less.
            told.extend(of_wall.into_iter().map(|t| Told { area: wall.metres_per_a(t.place.v_m), ..t }));
            PlanMap { wall: index, places, error_m, weakest_db }
        })
        .collect();
    notes.push(format!(
        "{} cells of {:.1} mm: all walls that can be heard are cut into some {MAP_CELLS:.0}",
        told.len(),
        cell_m * 1e3
    ));
    progress("looking for mirror images", 0.3);
    let separation_m = SEPARATION_M + 6.0 * array.position_variance_m2().max().sqrt();
    notes.push(format!(
        "second places: looked for from {ASKED_PLACES} places, {:.1} mm off and farther; nearer ones are one to these sensors",
        separation_m * 1e3
    ));
    let asked = Cover::coarse(&array).spread(&array, ASKED_PLACES);
    let rivals: Vec<Option<Ambiguity>> = asked
        .par_iter()
        .map(|place| {
            foreseen.rival(place, separation_m).map(|(other, score)| Ambiguity { place: *place, other, score })
        })
        .collect();
    let mut ambiguities: Vec<Ambiguity> = rivals.into_iter().flatten().filter(|a| a.score >= SIDE_LOBE).collect();
    ambiguities.sort_by(|x, y| y.score.total_cmp(&x.score));
    let mirrored = ambiguities.iter().filter(|a| a.is_mirror()).count() as f64 / ASKED_PLACES as f64;
    progress("placing more sensors", 0.6);
    let added = add::added(&array, options, level)?;
    let variances = told.iter().filter_map(|t| t.parts);
    let total = variances.fold([0.0; 3], |sum, parts| [0, 1, 2].map(|i| sum[i] + parts[i]));
    Ok(Plan {
        band_hz,
        area_m2: array.extent_m().powi(2),
        sensors: array.len(),
        error: Spread::of(&told, |t| t.error_m()),
        shares: total.map(|part| part / total.iter().sum::<f64>().max(f64::MIN_POSITIVE)),
        weakest_snr_db: Spread::of(&told, |t| t.weakest_db + t.median_share_db),
        weakest_level_db: Spread::of(&told, |t| t.weakest_db),
        warnings: feasible::warnings(&array, options, mirrored),
        notes,
        ambiguities,
        mirrored,
        maps,
        added,
    })
}

/// The level at 1 m, over the noise in one sensor, of a leak with this signal-to-noise ratio at the median of places.
fn level_for(foreseen: &Foreseen<'_, '_>, places: &[WallPoint], snr_db: f64) -> f64 {
    let mut shares: Vec<f64> = places.iter().map(|place| foreseen.at_median_sensor(place)).collect();
    shares.sort_by(f64::total_cmp);
    power_from_db(snr_db) / shares[shares.len() / 2].max(f64::MIN_POSITIVE)
}

/// What is told of one place.
#[derive(Debug, Clone, Copy)]
struct Told {
    place: WallPoint,
    /// Weight of its cell.
    area: f64,
    sigma_m: Option<f64>,
    /// Variance by noise, positions and speed, m².
    parts: Option<[f64; 3]>,
    weakest_db: f64,
    median_share_db: f64,
}

impl Told {
    fn of(foreseen: &Foreseen<'_, '_>, place: WallPoint, level: f64, alarm: f64) -> Self {
        let expected = foreseen.expected(&place, level);
        Self {
            place,
            area: 1.0,
            sigma_m: expected.map(|e| e.sigma_m()),
            parts: expected.map(|e| e.parts_m2.map(|part| part.trace())),
            weakest_db: power_db(foreseen.weakest(&place, alarm)),
            median_share_db: power_db(foreseen.at_median_sensor(&place)),
        }
    }

    fn error_m(&self) -> f64 {
        self.sigma_m.unwrap_or(f64::NAN)
    }
}

impl Spread {
    fn of(told: &[Told], value: impl Fn(&Told) -> f64) -> Self {
        // What no place is fixed for is the worst.
        let number = |t: &Told| if value(t).is_nan() { f64::INFINITY } else { value(t) };
        let mut sorted: Vec<&Told> = told.iter().collect();
        sorted.sort_by(|x, y| number(x).total_cmp(&number(y)));
        let all: f64 = told.iter().map(|t| t.area).sum();
        let quantile = |share: f64| {
            let mut below = 0.0;
            let reached = |t: &&&Told| {
                below += t.area;
                below >= share * all
            };
            number(sorted.iter().find(reached).unwrap_or(&sorted[sorted.len() - 1]))
        };
        let worst = sorted[sorted.len() - 1];
        Self { median: quantile(0.5), nine_in_ten: quantile(0.9), worst: number(worst), worst_at: worst.place }
    }
}
