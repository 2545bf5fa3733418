//! What is planned, for people, for programs, and cell by cell.

use std::fmt::Write;

use serde::Serialize;

use super::records::WallRecord;
use super::words::{millimetres, place, printable};
use crate::plan::{Options, Plan, Spread};
use crate::site::{Site, WallPoint};

/// The conclusion in one line.
pub(super) fn headline(plan: &Plan, options: &Options) -> String {
    format!(
        "A leak at {:.0} dB: placed to {} on half the wall, {} on nine tenths",
        options.snr_db,
        length(plan.error.median),
        length(plan.error.nine_in_ten)
    )
    .replace('-', "−")
}

/// A length for people.
pub(super) fn length(metres: f64) -> String {
    match metres {
        m if !m.is_finite() => "nowhere".to_owned(),
        m if m < 0.095e-3 => format!("{:.0} µm", m * 1e6),
        m if m < 0.1 => millimetres(m),
        m => format!("{m:.2} m"),
    }
}

/// What a terminal shows.
pub fn plan_text(site: &Site, plan: &Plan, options: &Options) -> String {
    let mut out = String::new();
    let name = if site.name.is_empty() { String::new() } else { format!("{}: ", printable(&site.name)) };
    let mut line = |text: String| writeln!(out, "{text}").expect("a string grows");
    line(format!(
        "{name}{} sensors, {:.1} m² of wall, {:.1} to {:.1} kHz, {:.3} s, leaks at {:.0} dB",
        plan.sensors,
        plan.area_m2,
        plan.band_hz[0] / 1e3,
        plan.band_hz[1] / 1e3,
        options.duration_s,
        options.snr_db
    ));
    let spread = |spread: &Spread, show: &dyn Fn(f64) -> String| {
        format!(
            "{} on half the wall, {} on nine tenths, {} at worst ({})",
            show(spread.median),
            show(spread.nine_in_ten),
            show(spread.worst),
            place(site, &spread.worst_at)
        )
    };
    line(format!("  error (1 sigma)  {}", spread(&plan.error, &length)));
    let [noise, positions, speed] = plan.shares.map(|share| 100.0 * share);
    line(format!(
        "                   of that noise {noise:.0} %, sensor positions {positions:.0} %, wave speed {speed:.0} %"
    ));
    let db = |db: f64| format!("{db:.1} dB");
    line(format!("  weakest leak     {}", spread(&plan.weakest_snr_db, &db)));
    line(format!(
        "                   signal to noise at the median sensor, found nine times in ten at a false alarm of {:.2} %",
        100.0 * options.alarm
    ));
    match plan.ambiguities.first() {
        None => line("  second places    none explains a leak nearly as well".to_owned()),
        Some(worst) if worst.is_mirror() => line(format!(
            "  second places    mirror images on {:.0} % of the wall: a leak on {} looks like one on {}",
            100.0 * plan.mirrored,
            place(site, &worst.place),
            place(site, &worst.other)
        )),
        Some(worst) => line(format!(
            "  second places    side lobes up to {:.2} of the leak: one on {} shows on {}",
            worst.score,
            place(site, &worst.place),
            place(site, &worst.other)
        )),
    }
    for (i, added) in plan.added.iter().enumerate() {
        let [x, y, z]: [f64; 3] = added.position_m.into();
        let ([after, before], [now_db, before_db]) = (added.rms_m, added.weakest_db);
        line(format!(
            "  sensor {}         at {x:.3}, {y:.3}, {z:.3} m: error {} → {} (root mean square), weakest leak {:.1} dB lower",
            i + 1,
            length(before),
            length(after),
            before_db - now_db
        ));
    }
    out
}

#[derive(Serialize)]
struct PlanRecord<'a> {
    format: &'static str,
    version: u32,
    site: &'a str,
    sensors: usize,
    area_m2: f64,
    band_hz: [f64; 2],
    duration_s: f64,
    snr_db: f64,
    false_alarm_probability: f64,
    error_m: SpreadRecord,
    error_shares: Shares,
    weakest_snr_db: SpreadRecord,
    weakest_level_over_noise_db: SpreadRecord,
    mirrored_share: f64,
    ambiguities: Vec<AmbiguityRecord>,
    added: Vec<AddedRecord>,
    warnings: &'a [String],
}

#[derive(Serialize)]
struct Shares {
    noise: f64,
    sensor_positions: f64,
    wave_speed: f64,
}

#[derive(Serialize)]
struct SpreadRecord {
    median: Option<f64>,
    nine_in_ten: Option<f64>,
    worst: Option<f64>,
    worst_at: PlaceRecord,
}

#[derive(Serialize)]
struct PlaceRecord {
    position_m: [f64; 3],
    wall: WallRecord,
}

#[derive(Serialize)]
struct AmbiguityRecord {
    place: PlaceRecord,
    other: PlaceRecord,
    score: f64,
    mirror: bool,
}

#[derive(Serialize)]
struct AddedRecord {
    position_m: [f64; 3],
    nearest: PlaceRecord,
    rms_error_m: f64,
    rms_error_before_m: f64,
    weakest_level_over_noise_db: f64,
    weakest_level_over_noise_before_db: f64,
}

/// `plan.json`.
pub fn plan_json(site: &Site, plan: &Plan, options: &Options) -> String {
    let at =
        |point: &WallPoint| PlaceRecord { position_m: point.position_m.into(), wall: WallRecord::new(site, point) };
    let finite = |x: f64| x.is_finite().then_some(x);
    let spread = |s: &Spread| SpreadRecord {
        median: finite(s.median),
        nine_in_ten: finite(s.nine_in_ten),
        worst: finite(s.worst),
        worst_at: at(&s.worst_at),
    };
    let [noise, sensor_positions, wave_speed] = plan.shares;
    let record = PlanRecord {
        format: "pinhole-plan",
        version: 1,
        site: &site.name,
        sensors: plan.sensors,
        area_m2: plan.area_m2,
        band_hz: plan.band_hz,
        duration_s: options.duration_s,
        snr_db: options.snr_db,
        false_alarm_probability: options.alarm,
        error_m: spread(&plan.error),
        error_shares: Shares { noise, sensor_positions, wave_speed },
        weakest_snr_db: spread(&plan.weakest_snr_db),
        weakest_level_over_noise_db: spread(&plan.weakest_level_db),
        mirrored_share: plan.mirrored,
        ambiguities: plan
            .ambiguities
            .iter()
            .map(|a| AmbiguityRecord {
                place: at(&a.place),
                other: at(&a.other),
                score: a.score,
                mirror: a.is_mirror(),
            })
            .collect(),
        added: plan
            .added
            .iter()
            .map(|a| AddedRecord {
                position_m: a.position_m.into(),
                nearest: at(&a.foot),
                rms_error_m: a.rms_m[0],
                rms_error_before_m: a.rms_m[1],
                weakest_level_over_noise_db: a.weakest_db[0],
                weakest_level_over_noise_before_db: a.weakest_db[1],
            })
            .collect(),
        warnings: &plan.warnings,
    };
    serde_json::to_string_pretty(&record).expect("numbers and strings") + "\n"
}

/// The maps cell by cell: wall, place, error and weakest leak.
pub fn plan_csv(site: &Site, plan: &Plan) -> Vec<u8> {
    let mut out = csv::Writer::from_writer(Vec::new());
    let header = ["wall", "u_m", "v_m", "x_m", "y_m", "z_m", "error_m", "weakest_level_over_noise_db"];
    out.write_record(header).expect("a vector grows");
    let number = |x: f64| if x.is_finite() { format!("{x:.6}") } else { String::new() };
    for map in &plan.maps {
        let id = site.walls[map.wall].id.clone();
        for ((at, error), weakest) in map.places.iter().zip(&map.error_m).zip(&map.weakest_db) {
            let [x, y, z]: [f64; 3] = at.position_m.into();
            let cells = [at.u_m, at.v_m, x, y, z, f64::from(*error), f64::from(*weakest)].map(number);
            out.write_record(std::iter::once(&id).chain(&cells)).expect("a vector grows");
        }
    }
    out.into_inner().expect("a vector grows")
}
