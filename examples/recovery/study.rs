//! Simulate, locate, compare with the truth: one setting over many seeds.

use std::path::Path;

use nalgebra::{Matrix2, Vector2};
use pinhole::capture::Captures;
use pinhole::locate::{Array, Foreseen, Options, Outcome, Verdict, Wanted, locate};
use pinhole::propagation::Medium;
use pinhole::simulate::{Loudness, Reflection, Room, Scene, Spectrum, parse_scene, simulate, write};
use pinhole::site::{PathKind, PlateWave, Point3, Sensor, Site, SpeedSigma, WallPoint};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// Beyond this error a place is wrong rather than inexact.
pub const GROSS_M: f64 = 0.02;

/// Credible regions whose coverage is counted.
pub const REGIONS: [f64; 3] = [0.5, 0.9, 0.95];

/// One row of the study.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// What is special about it.
    pub name: &'static str,
    /// Where.
    pub stage: Stage,
    /// In-band direct sound over sensor noise at the median sensor.
    pub snr_db: f64,
    /// Sensors stand this far from where the site says, per axis; the site says so.
    pub position_sigma_m: f64,
    /// The speed of sound is this uncertain; the site says so.
    pub speed_sigma_pct: f64,
    /// Amplitude that walls reflect, or their edges.
    pub reflection: f64,
    /// The wall is so much thicker than the site says, per cent; the site grants a fifth of it as a standard deviation.
    pub thickness_error_pct: f64,
    /// Level of S0 beside A0, decibels.
    pub s0_db: Option<f64>,
    /// The analysis knows one group speed only, that of the band's middle.
    pub fixed_speed: bool,
    /// How long the cabin is listened to, seconds.
    pub cabin_s: f64,
}

/// A module and its sensors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stage {
    /// The tunnel of the samples heard by 8 or 16 microphones.
    Cabin(usize),
    /// A plate of 1.2 m by 0.8 m with six contact sensors, 0.04 s.
    Plate,
    /// The tunnel's shell with eight contact sensors, 0.1 s.
    Shell,
}

/// The exact site at −12 dB: what settings depart from.
pub const EXACT: Setting = Setting {
    name: "exact site",
    stage: Stage::Cabin(8),
    snr_db: -12.0,
    position_sigma_m: 0.0,
    speed_sigma_pct: 0.0,
    reflection: 0.0,
    thickness_error_pct: 0.0,
    s0_db: None,
    fixed_speed: false,
    cabin_s: 0.25,
};

/// What one seed gave.
#[derive(Debug, Clone, Copy)]
pub struct Trial {
    /// Distance of the answer from the truth.
    pub error_m: f64,
    /// Squared error in units of the Cramér–Rao bound, per coordinate.
    pub over_bound: f64,
    /// The same in units of what `pinhole plan` expects with the errors that the site states.
    pub over_plan: f64,
    /// Probability of the smallest ellipse of the told covariance that holds the truth; 1 where no leak is told.
    pub level: f64,
    /// Whether the verdict was `leak`.
    pub found: bool,
}

/// Runs a setting over seeds `1..=seeds`, a leak anywhere on the wall each time.
pub fn run(setting: Setting, seeds: u64) -> Vec<Trial> {
    (1..=seeds).into_par_iter().map(|seed| trial(setting, seed)).collect()
}

fn trial(setting: Setting, seed: u64) -> Trial {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let scene = scene(setting, seed, &mut rng);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let recorded = simulate(&scene).expect("a valid scene");
    write(&scene, &recorded, folder.path()).expect("space for a capture");
    let outcome = located(&known(setting, &scene), &folder.path().join("capture.wav"), scene.band_hz());
    let truth = &scene.leaks[0].place;
    let place = outcome.candidates[0].point;
    let off = off(&scene, &place);
    let [bound, expected] = bounds(&scene, setting.snr_db);
    let mahalanobis = |covariance: Matrix2<f64>| {
        covariance.try_inverse().map_or(f64::INFINITY, |inverse| (off.transpose() * inverse * off)[0])
    };
    let level = outcome.leaks.first().map_or(1.0, |leak| {
        let [[a, b], [c, d]] = leak.covariance_uv_m2;
        // Chi-square with two degrees of freedom.
        1.0 - (-0.5 * mahalanobis(Matrix2::new(a, b, c, d))).exp()
    });
    Trial {
        error_m: (place.position_m - truth.position_m).norm(),
        over_bound: mahalanobis(bound) / 2.0,
        over_plan: mahalanobis(expected) / 2.0,
        level,
        found: outcome.verdict == Verdict::Leak,
    }
}

/// From the scene's first leak to a place, metres along `u` and `v` there.
pub fn off(scene: &Scene, place: &WallPoint) -> Vector2<f64> {
    let offset = place.position_m - scene.leaks[0].place.position_m;
    let tangents = scene.site.walls[place.wall].tangents(place);
    Vector2::new(offset.dot(&tangents[0]), offset.dot(&tangents[1]))
}

/// The site as the analysis knows it.
fn known(setting: Setting, scene: &Scene) -> Site {
    let mut site = scene.site.clone();
    if let PathKind::Plate(path) = &mut site.path
        && setting.fixed_speed
    {
        let [low_hz, high_hz] = scene.band_hz();
        path.wave = PlateWave::Fixed(Medium::of(&scene.site).group_speed((low_hz + high_hz) / 2.0).0);
    }
    site
}

fn located(site: &Site, capture: &Path, band_hz: [f64; 2]) -> Outcome {
    let captures = Captures::open(&[capture.to_path_buf()]).expect("a capture just written");
    let options = Options { band_hz: Some(band_hz.into()), leaks: Wanted::AtMost(1), ..Options::default() };
    locate(site, captures, None, &options, &|_, _| ()).expect("a site that fits its capture")
}

/// The stage of this setting with a leak at a random place.
pub fn scene(setting: Setting, seed: u64, rng: &mut ChaCha8Rng) -> Scene {
    let text = match setting.stage {
        Stage::Cabin(_) => include_str!("../../samples/tunnel_quiet.scene.toml"),
        Stage::Plate => include_str!("plate.scene.toml"),
        Stage::Shell => include_str!("../../samples/tunnel_wall.scene.toml"),
    };
    let mut scene = parse_scene(text, "scene.toml").expect("the shipped scene is valid");
    if let Stage::Cabin(microphones) = setting.stage {
        let first = scene.site.sensors[0].clone();
        for i in scene.site.sensors.len()..microphones {
            // The second ring of eight stands between the first, at other heights.
            let angle = (i as f64 + 0.5) * std::f64::consts::FRAC_PI_4 + 0.1 * (i as f64).sin();
            let position_m = Point3::new(0.85 * angle.cos(), 0.85 * angle.sin(), if i % 2 == 0 { 1.2 } else { 0.9 });
            scene.site.sensors.push(Sensor { id: format!("M{}", i + 1), channel: i + 1, position_m, ..first.clone() });
        }
        scene.capture.duration_s = setting.cabin_s;
    }
    for sensor in &mut scene.site.sensors {
        sensor.position_sigma_m = setting.position_sigma_m;
    }
    let speed_sigma = SpeedSigma::Relative(setting.speed_sigma_pct / 100.0);
    match &mut scene.site.path {
        PathKind::Air(air) => air.speed_sigma = speed_sigma,
        PathKind::Plate(path) => {
            path.speed_sigma = speed_sigma;
            if let PlateWave::Lamb { thickness_m, thickness_sigma_m, .. } = &mut path.wave {
                *thickness_sigma_m = Some(*thickness_m * setting.thickness_error_pct.abs() / 100.0 / 5.0);
            }
        }
    }
    scene.capture.seed = seed;
    scene.capture.format = pinhole::simulate::Format::Float32;
    scene.deviations.position_error_m = setting.position_sigma_m;
    let speed_error_pct = setting.speed_sigma_pct * standard_normal(rng);
    if matches!(setting.stage, Stage::Cabin(_)) {
        scene.deviations.speed_error_pct = speed_error_pct;
    }
    scene.deviations.thickness_error_pct = setting.thickness_error_pct;
    let (order, room) = match setting.stage {
        Stage::Cabin(_) => {
            (5, Room::Tunnel { base_m: Point3::zeros(), axis: Point3::z(), radius_m: 1.0, length_m: 2.35 })
        }
        Stage::Plate | Stage::Shell => (3, Room::Edges),
    };
    let coefficient = setting.reflection;
    scene.reflection = (coefficient > 0.0).then_some(Reflection { coefficient, order, room });
    let leak = &mut scene.leaks[0];
    leak.place = anywhere(&scene.site, rng);
    leak.loudness = Loudness::Snr(setting.snr_db);
    leak.spectrum = Spectrum::White;
    leak.other_mode_db = setting.s0_db;
    scene
}

fn standard_normal(rng: &mut ChaCha8Rng) -> f64 {
    let (radius, angle): (f64, f64) = (rng.random(), rng.random());
    (-2.0 * (1.0 - radius).ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

/// A place drawn evenly over the area of all walls.
fn anywhere(site: &Site, rng: &mut ChaCha8Rng) -> WallPoint {
    let total: f64 = site.walls.iter().map(|w| w.area_m2()).sum();
    let mut draw = rng.random::<f64>() * total;
    let index = site.walls.iter().position(|w| {
        draw -= w.area_m2();
        draw < 0.0
    });
    let index = index.unwrap_or(site.walls.len() - 1);
    let wall = &site.walls[index];
    let chart = wall.chart().expect("walls of the shipped scenes have coordinates");
    loop {
        let a = chart.a[0] + rng.random::<f64>() * (chart.a[1] - chart.a[0]);
        let v_m = chart.v_m[0] + rng.random::<f64>() * (chart.v_m[1] - chart.v_m[0]);
        // Where the wall narrows, fewer draws are kept.
        if rng.random::<f64>() * wall.widest(chart.v_m) <= wall.metres_per_a(v_m) {
            return wall.at(index, a, v_m);
        }
    }
}

/// The Cramér–Rao bound on the place for exact geometry, and what is expected with the errors that the site states.
fn bounds(scene: &Scene, snr_db: f64) -> [Matrix2<f64>; 2] {
    let place = &scene.leaks[0].place;
    let sensors = (0..scene.site.sensors.len()).collect();
    let array = Array::new(&scene.site, Medium::of(&scene.site), scene.band_hz(), sensors)
        .expect("every wall is heard through air");
    let foreseen = Foreseen::new(&array, scene.capture.duration_s);
    let level = 10f64.powf(snr_db / 10.0) / foreseen.at_median_sensor(place);
    let seen = "the array sees two coordinates";
    [foreseen.bound_m2(place, level).expect(seen), foreseen.expected(place, level).expect(seen).covariance_m2]
}

/// A row's figures.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    /// Median error, metres.
    pub median_m: f64,
    /// 90th percentile of the error, metres.
    pub p90_m: f64,
    /// Share of gross errors.
    pub gross: f64,
    /// Root mean square error over the Cramér–Rao bound, gross errors apart.
    pub over_bound: f64,
    /// The same over what `pinhole plan` expects.
    pub over_plan: f64,
    /// Share of truths inside each of the [`REGIONS`].
    pub coverage: [f64; 3],
    /// Share of verdicts `leak`.
    pub found: f64,
}

/// Sums up the trials of a row.
pub fn figures(trials: &[Trial]) -> Figures {
    let n = trials.len() as f64;
    let mut errors: Vec<f64> = trials.iter().map(|t| t.error_m).collect();
    errors.sort_by(f64::total_cmp);
    let quantile = |q: f64| errors[((q * n).ceil() as usize).clamp(1, trials.len()) - 1];
    let fine: Vec<&Trial> = trials.iter().filter(|t| t.error_m <= GROSS_M).collect();
    let over = |square: &dyn Fn(&Trial) -> f64| {
        (fine.iter().map(|t| square(t)).sum::<f64>() / fine.len().max(1) as f64).sqrt()
    };
    Figures {
        median_m: quantile(0.5),
        p90_m: quantile(0.9),
        gross: 1.0 - fine.len() as f64 / n,
        over_bound: over(&|t| t.over_bound),
        over_plan: over(&|t| t.over_plan),
        coverage: REGIONS.map(|region| trials.iter().filter(|t| t.level < region).count() as f64 / n),
        found: trials.iter().filter(|t| t.found).count() as f64 / n,
    }
}
