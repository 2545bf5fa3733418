//! Made-up outcomes for tests and for the eye: plausible shapes, no physics.

use std::f64::consts::{PI, TAU};

use ndarray::Array2;

use crate::locate::*;
use crate::site::*;

/// A site and an outcome that fits it.
pub(in crate::report) type Case = (Site, Outcome);

/// Every case, named.
pub(in crate::report) fn all() -> Vec<(&'static str, Case)> {
    vec![
        ("tunnel", tunnel()),
        ("plate", plate()),
        ("sphere", sphere()),
        ("array", array()),
        ("cones", many_walls()),
        ("two_leaks", two_leaks()),
        ("inconclusive", inconclusive()),
        ("pair", two_sensors()),
    ]
}

/// A cylinder with two discs, eight sensors inside, one of them dead, and a runner-up.
pub(in crate::report) fn tunnel() -> Case {
    let (x, z) = (Point3::x(), Point3::z());
    let walls = vec![
        Wall::cylinder("barrel", Point3::zeros(), z, x, [0.75, 1.8], [0.0, TAU]),
        Wall::disc("hatch", Point3::zeros(), z, x, [0.0, 0.75], [0.0, TAU]),
        Wall::disc("bulkhead", z * 1.8, z, x, [0.2, 0.75], [0.0, TAU]),
    ];
    let sensors = (0..8).map(|i| {
        let angle = f64::from(i) * TAU / 8.0 + 0.2;
        (format!("M{}", i + 1), Point3::new(0.7 * angle.cos(), 0.7 * angle.sin(), [0.4, 1.4][i as usize % 2]))
    });
    let site = site("PrK", walls, sensors.collect());
    let leak = site.walls[0].at(0, 70.5f64.to_radians(), 0.92);
    let mut outcome = outcome(&site, leak, 0.0031);
    outcome.candidates.push(Candidate {
        point: site.walls[0].at(0, 4.0, 0.5),
        score: 0.84,
        weight: 0.0,
        explained_by: Some(1),
    });
    outcome.sensors[4].faults = vec!["dead"];
    outcome.sensors[4].used = false;
    (site, outcome)
}

/// Two leaks on the tunnel, one near the seam with a large ellipse.
pub(in crate::report) fn two_leaks() -> Case {
    let (site, mut outcome) = tunnel();
    let mut second = outcome.leaks[0].clone();
    second.point = site.walls[0].at(0, 0.1, 1.2);
    second.ellipse_95 = Ellipse { semi_major_m: 0.3, semi_minor_m: 0.12, angle_deg: 25.0 };
    second.covariance_uv_m2 = covariance(&second.ellipse_95);
    outcome.spread.push(about(&second));
    outcome.leaks.push(second);
    (site, outcome)
}

/// One plate, four sensors above it with long names, a very small ellipse.
pub(in crate::report) fn plate() -> Case {
    let walls = vec![Wall::plate("floor panel 12", Point3::zeros(), Point3::x(), Point3::y(), [2.0, 1.6])];
    let places = [(0.3, 0.3), (1.7, 0.3), (1.7, 1.3), (0.3, 1.3)];
    let sensors = places.iter().enumerate();
    let sensors = sensors.map(|(i, (x, y))| (format!("ultrasonic microphone {i}"), Point3::new(*x, *y, 0.5)));
    let site = site("box <A&B>", walls, sensors.collect());
    let leak = site.walls[0].at(0, 1.23, 0.456);
    let outcome = outcome(&site, leak, 0.0001);
    (site, outcome)
}

/// A sphere with eight sensors.
pub(in crate::report) fn sphere() -> Case {
    let walls = vec![Wall::sphere("shell", Point3::zeros(), Point3::z(), Point3::x(), 1.1, [0.0, PI], [0.0, TAU])];
    let sensors = (0..8).map(|i| {
        let signs = [1.0, -1.0];
        let place = Point3::new(signs[i & 1], signs[i >> 1 & 1], signs[i >> 2]) * 0.5;
        (format!("s{i}"), place)
    });
    let site = site("sphere", walls, sensors.collect());
    let leak = site.walls[0].at(0, 4.4, 1.2);
    let outcome = outcome(&site, leak, 0.012);
    (site, outcome)
}

/// 56 sensors in a spiral before a plate.
pub(in crate::report) fn array() -> Case {
    let origin = Point3::new(-0.6, -0.3, -0.68);
    let walls = vec![Wall::plate("wall", origin, Point3::x(), Point3::y(), [0.6, 0.6])];
    let sensors = (0..56).map(|i| {
        let (r, angle) = (0.5 * (f64::from(i) / 56.0).sqrt(), f64::from(i) * 2.4);
        (format!("M{}", i + 1), Point3::new(-0.3 + r * angle.cos(), r * angle.sin(), 0.0))
    });
    let site = site("airfoil trailing edge", walls, sensors.collect());
    let leak = site.walls[0].at(0, 0.42, 0.31);
    let outcome = outcome(&site, leak, 0.03);
    (site, outcome)
}

/// Cones of both kinds, part of a cylinder, a slice of a disc and a cap: every form at once.
pub(in crate::report) fn many_walls() -> Case {
    let (x, z) = (Point3::x(), Point3::z());
    let walls = vec![
        Wall::cone("aft cone", Point3::zeros(), z, x, [0.5, 1.0, 0.8], [0.0, TAU]),
        Wall::cylinder("ring", z * 0.8, z, x, [1.0, 0.6], [0.3, 4.0]),
        Wall::cone("forward cone", z * 1.4, z, x, [1.0, 0.6, 0.9], [0.0, PI]),
        Wall::sphere("cap", z * 2.0, z, x, 0.7, [0.0, 1.2], [0.0, TAU]),
        Wall::disc("slice", Point3::zeros(), z, x, [0.1, 0.5], [0.0, 2.0]),
    ];
    let sensors = (0..6).map(|i| {
        let angle = f64::from(i) * TAU / 6.0;
        (format!("C{}", i + 1), Point3::new(0.5 * angle.cos(), 0.5 * angle.sin(), 0.3 + 0.3 * f64::from(i)))
    });
    let site = site("stage", walls, sensors.collect());
    let leak = site.walls[0].at(0, 2.0, 0.5);
    let outcome = outcome(&site, leak, 0.045);
    (site, outcome)
}

/// The tunnel with too little evidence.
pub(in crate::report) fn inconclusive() -> Case {
    let (site, mut outcome) = tunnel();
    outcome.verdict = Verdict::Inconclusive;
    outcome.leaks.clear();
    outcome.map_z = 3.4;
    outcome.chance.probability = 0.4;
    outcome.reasons = vec!["nothing stands out".into()];
    outcome.fit = None;
    outcome.sensors.iter_mut().for_each(|s| s.snr_db = Some(-24.0));
    outcome.warnings = vec!["the capture is short".into()];
    (site, outcome)
}

/// Two sensors on a plate.
pub(in crate::report) fn two_sensors() -> Case {
    let walls = vec![Wall::plate("wall", Point3::zeros(), Point3::x(), Point3::z(), [1.2, 0.4])];
    let sensors = vec![("L".to_owned(), Point3::new(0.2, 0.0, 0.2)), ("R".to_owned(), Point3::new(1.0, 0.0, 0.2))];
    let site = site("", walls, sensors);
    let mut outcome = outcome(&site, site.walls[0].at(0, 0.5, 0.2), 0.2);
    outcome.verdict = Verdict::Inconclusive;
    outcome.leaks.clear();
    (site, outcome)
}

fn site(name: &str, walls: Vec<Wall>, sensors: Vec<(String, Point3)>) -> Site {
    let sensor = |(i, (id, position_m)): (usize, (String, Point3))| Sensor {
        id,
        recorder: 0,
        channel: i + 1,
        position_m,
        foot: None,
        position_sigma_m: 5e-4,
        gain_db: 0.0,
        delay_s: 0.0,
        polarity: 1.0,
        disabled: false,
    };
    Site {
        name: name.into(),
        path: PathKind::Air(AirPath {
            temperature_c: 22.0,
            pressure_kpa: 101.3,
            humidity_pct: 45.0,
            speed_m_s: None,
            speed_sigma: SpeedSigma::Relative(1e-3),
        }),
        walls,
        recorders: vec![Recorder { id: "A".into(), ..Recorder::default() }],
        sensors: sensors.into_iter().enumerate().map(sensor).collect(),
        assumptions: Vec::new(),
    }
}

/// Reproducible noise in [-1, 1], without a generator to seed.
fn noise(i: usize) -> f64 {
    let x = (i as u64).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    ((x ^ (x >> 32)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

const SPEED_M_S: f64 = 344.4;

fn outcome(site: &Site, point: WallPoint, semi_major_m: f64) -> Outcome {
    let count = site.sensors.len();
    let range_m = |i: usize| (site.sensors[i].position_m - point.position_m).norm();
    let mut pairs = Vec::new();
    let mut correlations = Vec::new();
    for a in 0..count {
        for b in a + 1..count {
            let implied_s = (range_m(a) - range_m(b)) / SPEED_M_S;
            let coherence = 0.45 + 0.25 * noise(a * 131 + b * 7);
            pairs.push(PairReport {
                a,
                b,
                tdoa_s: Some(implied_s + 2e-7),
                sigma_s: Some(3e-7),
                residual_s: Some(2e-7),
                coherence,
                used: (a + b) % 9 != 5,
            });
            correlations.push(correlation(implied_s, coherence, a * 97 + b));
        }
    }
    let sensors = site.sensors.iter().enumerate().map(|(i, s)| SensorReport {
        id: s.id.clone(),
        channel: s.channel,
        used: true,
        faults: Vec::new(),
        level_db: -60.0 + 3.0 * noise(i),
        snr_db: Some(-4.0 + 2.0 * noise(i)),
        range_residual: Some((1e-4, 0.3)),
    });
    let ellipse_95 = Ellipse { semi_major_m, semi_minor_m: 0.58 * semi_major_m, angle_deg: 12.0 };
    let leak = Leak {
        point,
        covariance_uv_m2: covariance(&ellipse_95),
        ellipse_95,
        shares: [("noise", 0.7), ("sensor positions", 0.2), ("speed of sound", 0.1)],
        false_alarm_probability: Some(1e-9),
        resolution_m: Some(0.004),
        snr_db: -4.2,
        level_db: -31.0,
    };
    Outcome {
        verdict: Verdict::Leak,
        reasons: Vec::new(),
        candidates: vec![Candidate { point, score: 1.0, weight: 1.0, explained_by: Some(1) }],
        spread: vec![about(&leak)],
        search: vec![Patch { point, size_m: [0.002; 2], angle_deg: 0.0, probability: 0.9, cumulative: 0.9 }],
        leaks: vec![leak],
        band_hz: [24e3, 58e3],
        path: PathUsed {
            kind: "air",
            speed_m_s: SPEED_M_S,
            speed_sigma_m_s: 0.34,
            phase_speed_m_s: SPEED_M_S,
            mode: None,
            other_mode: None,
            behaves: None,
        },
        capture: CaptureSpan {
            files: vec!["prk.wav".into()],
            background_files: Vec::new(),
            sample_rate_hz: 192_000,
            channels: count,
            from_s: 0.0,
            duration_s: 2.0,
            segment_samples: 4096,
            averages: 180.0,
        },
        sensors: sensors.collect(),
        pairs,
        events: Vec::new(),
        fit: Some(Fit { chi2_per_dof: 1.1, dof: count.saturating_sub(3), worst_sensor: 0, in_front: None }),
        map_z: 14.0,
        chance: Chance { probability: 1e-9, allowed: 0.01, needed_z: 4.6, draws: 24 },
        detectable: None,
        proof: None,
        clocks: Vec::new(),
        alone: None,
        machines: Vec::new(),
        warnings: Vec::new(),
        notes: vec!["band chosen by coherence".into()],
        timing_s: vec![("read", 0.1), ("spectra", 0.3), ("delays", 0.02), ("locate", 0.1)],
        evidence: evidence(site, &point, correlations),
    }
}

/// The covariance with this 95 % ellipse.
fn covariance(ellipse: &Ellipse) -> [[f64; 2]; 2] {
    let [major, minor] = [ellipse.semi_major_m, ellipse.semi_minor_m].map(|semi_m| semi_m * semi_m / 5.991_464_547);
    let (sin, cos) = ellipse.angle_deg.to_radians().sin_cos();
    let across = (major - minor) * sin * cos;
    [[major * cos * cos + minor * sin * sin, across], [across, major * sin * sin + minor * cos * cos]]
}

/// A leak that may be nowhere else.
fn about(leak: &Leak) -> Spread {
    Spread::Places(vec![Spot { point: leak.point, covariance_uv_m2: leak.covariance_uv_m2, weight: 1.0 }])
}

fn correlation(implied_s: f64, coherence: f64, seed: usize) -> PairCorrelation {
    let step_s = 1.3e-6;
    let first_s = -4e-3;
    let samples = 6200;
    let shape = |i: usize| {
        let t = first_s + i as f64 * step_s - implied_s;
        coherence * (-(t * 34e3).powi(2)).exp()
    };
    let wave = |i: usize| (TAU * 41e3 * (first_s + i as f64 * step_s - implied_s)).cos();
    let ripple = |i: usize| 0.06 * noise(seed * 10_007 + i / 9);
    PairCorrelation {
        first_s,
        step_s,
        value: (0..samples).map(|i| (shape(i) * wave(i) + ripple(i) * wave(i)) as f32).collect(),
        envelope: (0..samples).map(|i| (shape(i) + ripple(i).abs()) as f32).collect(),
        implied_s,
    }
}

fn evidence(site: &Site, point: &WallPoint, correlations: Vec<PairCorrelation>) -> Evidence {
    let maps = site.walls.iter().enumerate().map(|(index, wall)| {
        let Chart { a, v_m, .. } = wall.chart().unwrap();
        let (rows, columns) = (60, 150);
        let response_db = Array2::from_shape_fn((rows, columns), |(i, j)| {
            let a = a[0] + (a[1] - a[0]) * (j as f64 + 0.5) / columns as f64;
            let v = v_m[0] + (v_m[1] - v_m[0]) * (i as f64 + 0.5) / rows as f64;
            let away_m = (wall.at(index, a, v).position_m - point.position_m).norm();
            let share = 0.25 + 0.05 * (away_m * 17.0).sin() + 0.75 * (-(away_m / 0.12).powi(2)).exp();
            (10.0 * (share / 0.999).log10().min(0.0)) as f32
        });
        WallMap { wall: index, response_db }
    });
    let bins = 2049;
    let frequency_hz: Vec<f64> = (0..bins).map(|k| k as f64 * 96e3 / (bins - 1) as f64).collect();
    let levels = Array2::from_shape_fn((site.sensors.len(), bins), |(m, k)| {
        let khz = frequency_hz[k] * 1e-3;
        let hiss = -118.0 - khz / 4.0 + 12.0 * (-((khz - 38.0) / 14.0).powi(2)).exp() + 2.5 * noise(m);
        let line = if k % 311 == 40 { 22.0 } else { 0.0 };
        10f64.powf((hiss + line + 1.5 * noise(m * 5000 + k)) / 10.0)
    });
    let band: Vec<usize> = (0..bins).filter(|k| (24e3..=58e3).contains(&frequency_hz[*k])).collect();
    let bin_used: Vec<bool> = band.iter().map(|k| !(350..356).contains(&(k % 622)) && k % 311 != 40).collect();
    let (rows, columns) = (512, 400);
    Evidence {
        maps: maps.collect(),
        map_level_db: -50.0,
        correlations,
        levels,
        level_sensors: (0..site.sensors.len()).collect(),
        band_frequency_hz: band.iter().map(|k| frequency_hz[*k]).collect(),
        coherence2: band.iter().map(|k| (0.3 + 0.06 * noise(*k)) * (*k as f64 / 400.0).sin().abs()).collect(),
        bin_used,
        dropped: vec!["9 bins are tones (31.4 kHz, 46.0 kHz)".into()],
        spectrogram: Spectrogram {
            time_s: [0.0, 2.0],
            frequency_hz: [0.0, 96e3],
            power: Array2::from_shape_fn((rows, columns), |(f, t)| {
                let khz = f as f64 * 96.0 / rows as f64;
                let hiss = -118.0 - khz / 4.0 + 12.0 * (-((khz - 38.0) / 14.0).powi(2)).exp();
                let tone = if f % 90 == 30 { 20.0 } else { 0.0 };
                10f64.powf((hiss + tone + 2.0 * noise(f * 401 + t)) / 10.0) as f32
            }),
        },
        frequency_hz,
    }
}
