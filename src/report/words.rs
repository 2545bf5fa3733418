//! Phrases that text and pictures share, so that both say the same thing the same way.

use crate::locate::{
    Behaviour, Candidate, Clock, Detectable, Ellipse, Event, Leak, Outcome, PathUsed, Proof, Road, Verdict,
};
use crate::site::{Site, WallPoint};

/// Candidates above this share of the best one are worth a reader's glance.
const RIVAL_SCORE: f64 = 0.8;

/// The conclusion in one line.
pub(super) fn headline(site: &Site, outcome: &Outcome) -> String {
    match (outcome.verdict, outcome.leaks.first()) {
        (Verdict::Leak, Some(leak)) => {
            let new = if outcome.capture.background_files.is_empty() { "" } else { "New over the background: " };
            let place = format!("{}, {}", place(site, &leak.point), plus_minus(&leak.ellipse_95));
            let (one, many) = if outcome.events.is_empty() { ("Leak", "leaks") } else { ("Event", "events") };
            match outcome.leaks.len() {
                1 if new.is_empty() => format!("{one} on {place}"),
                1 => format!("{new}{} on {place}", one.to_lowercase()),
                n => format!("{new}{n} {many}, the strongest on {place}"),
            }
        }
        (Verdict::Leak, None) => "Leak heard, but not located".to_owned(),
        (Verdict::NoLeak, _) if outcome.capture.background_files.is_empty() => {
            format!("No leak heard between {}", band(outcome.band_hz))
        }
        (Verdict::NoLeak, _) => format!("Nothing new over the background between {}", band(outcome.band_hz)),
        (Verdict::Inconclusive, _) => "Inconclusive: a leak is neither found nor ruled out".to_owned(),
    }
}

/// A place as it is found with a tape measure: `barrel at u 1.230 m, v 0.920 m (70.5°)`.
pub(super) fn place(site: &Site, point: &WallPoint) -> String {
    let (id, angle) = site.walls.get(point.wall).map_or((String::from("wall"), None), |wall| {
        (printable(&wall.id), wall.angle_deg(point.a).map(|deg| format!(" ({deg:.1}°)")))
    });
    if let Some(triangle) = point.triangle {
        let [x, y, z] = point.position_m.into();
        return format!("{id} at x {x:.3} m, y {y:.3} m, z {z:.3} m (triangle {triangle})");
    }
    format!("{id} at u {:.3} m, v {:.3} m{}", point.u_m, point.v_m, angle.unwrap_or_default())
}

/// The larger half axis of a 95 % ellipse: `±3.1 mm`.
pub(super) fn plus_minus(ellipse: &Ellipse) -> String {
    format!("±{}", millimetres(ellipse.semi_major_m))
}

/// A small length in millimetres, to two or three significant figures.
pub(super) fn millimetres(length_m: f64) -> String {
    let mm = length_m * 1e3;
    match mm.abs() {
        x if !x.is_finite() => "unknown".to_owned(),
        x if x < 1.0 => format!("{mm:.2} mm"),
        x if x < 10.0 => format!("{mm:.1} mm"),
        _ => format!("{mm:.0} mm"),
    }
}

/// A band without its brackets: `24.0 and 58.0 kHz`.
pub(super) fn band([low, high]: [f64; 2]) -> String {
    format!("{:.1} and {:.1} kHz", low * 1e-3, high * 1e-3)
}

/// The error term with the largest share of the covariance, and its share in per cent.
pub(super) fn dominant(leak: &Leak) -> Option<(&'static str, f64)> {
    let total: f64 = leak.shares.iter().map(|s| s.1).sum();
    let (name, share) = leak.shares.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    (total > 0.0 && total.is_finite()).then(|| (*name, 100.0 * share / total))
}

/// Candidates other than the answer that are nearly as good as it, strongest first.
///
/// The answer is the leaks or, without any, the first candidate.
pub(super) fn rivals(outcome: &Outcome) -> impl Iterator<Item = &Candidate> {
    // Search and refinement end millimetres apart at the same place.
    const SAME_PLACE_M: f64 = 0.02;
    let answered = |c: &Candidate| {
        outcome.leaks.iter().any(|leak| {
            let same_m = SAME_PLACE_M.max(2.0 * leak.ellipse_95.semi_major_m);
            (leak.point.position_m - c.point.position_m).norm() < same_m
        })
    };
    let skipped = usize::from(outcome.leaks.is_empty());
    outcome.candidates.iter().skip(skipped).filter(move |c| c.score > RIVAL_SCORE && !answered(c))
}

/// The leak put back and located again.
pub(super) fn proof(proof: &Proof) -> String {
    let [_, _, in_95] = proof.coverage.map(|share| 100.0 * share);
    let mm = |metres: f64| format!("{:.2} mm", metres * 1e3);
    format!(
        "put back {} times, told in {:.0} %: median error {} ({} expected), 90 % within {}; in {in_95:.0} % the 95 % ellipse \
         holds it",
        proof.captures,
        100.0 * proof.told,
        mm(proof.median_error_m),
        mm(proof.expected_median_m),
        mm(proof.p90_error_m)
    )
}

/// How a recorder's clock stands.
pub(super) fn clock(site: &Site, clock: &Clock) -> String {
    let id = |recorder: usize| printable(&site.recorders[recorder].id);
    let (offset_s, sigma_s) = clock.offset_s;
    let when = if offset_s < 0.0 { "before" } else { "after" };
    let drift = clock.drift_ppm.map(|(ppm, sigma)| {
        let runs = if ppm < 0.0 { "slow" } else { "fast" };
        format!(", runs {:.2} ± {sigma:.2} ppm {runs}", ppm.abs())
    });
    format!(
        "recorder {} started {:.4} ms {when} {}, ± {:.1} µs{}",
        id(clock.recorder),
        1e3 * offset_s.abs(),
        id(clock.reference),
        1e6 * sigma_s,
        drift.unwrap_or_default()
    )
}

/// Text from a site file made safe for a terminal and for XML: no control characters.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '·' } else { c }).collect()
}

/// A name cut to at most `most` characters, with an ellipsis for its middle: names tend to differ at their ends.
pub(super) fn shortened(text: &str, most: usize) -> String {
    let text = printable(text);
    let count = text.chars().count();
    if count <= most {
        return text;
    }
    let head = most.saturating_sub(1) / 2;
    let tail = most.saturating_sub(1) - head;
    text.chars().take(head).chain(['…']).chain(text.chars().skip(count - tail)).collect()
}

/// What to record next where the evidence was too thin, most helpful first.
pub(super) fn advice(site: &Site, outcome: &Outcome) -> Vec<String> {
    let mut advice = Vec::new();
    let used = outcome.sensors.iter().filter(|s| s.used).count();
    if used < 4 {
        advice.push(format!("add sensors: {used} took part, 4 or more around the suspect wall pin a place down"));
    }
    if outcome.pairs.is_empty() && used > 1 {
        advice.push("put all sensors on one clock: no two of them share one".to_owned());
    }
    let (z, needed_z) = (outcome.map_z, outcome.chance.needed_z);
    if z > 1.0 && z < needed_z {
        // Correlation noise falls with the square root of time, so z grows with it.
        let needed_s = outcome.capture.duration_s * (1.2 * needed_z / z).powi(2);
        if needed_s < 3600.0 {
            advice.push(format!(
                "record longer: {} at one spot would show what hides here, if anything does",
                rounded_up_time(needed_s)
            ));
        }
    }
    let best_snr_db = outcome.sensors.iter().filter_map(|s| s.snr_db).fold(f64::NEG_INFINITY, f64::max);
    if best_snr_db < -10.0 {
        advice.push(if best_snr_db.is_finite() {
            format!("move closer or quieten fans: whatever leaks is below {best_snr_db:.0} dB SNR at every sensor")
        } else {
            "move the sensors closer to the suspect wall, and quieten fans and pumps".to_owned()
        });
    }
    if outcome.sensors.iter().any(|s| !s.used && !s.faults.is_empty()) {
        advice.push("put the sensors that were left out right first: every lost channel costs evidence".to_owned());
    }
    if advice.is_empty() {
        let walls = if site.walls.len() > 1 { "one wall at a time" } else { "closer to the wall" };
        advice.push(format!("record again with the sensors {walls}, and a background with the leak's side shut"));
    }
    advice
}

/// What a capture without a leak rules out.
pub(super) fn detectable(Detectable { snr_db, level_db }: Detectable) -> String {
    format!(
        "a leak {snr_db:.0} dB re noise at the median sensor, or {level_db:.0} dB re full scale at 1 m, in 9 of 10 places"
    )
}

/// A probability for people: `0.4 %`, `3e-9`.
pub(super) fn probability(p: f64) -> String {
    match p {
        p if p <= 1e-12 => "below 1e-12".to_owned(),
        p if p < 1e-4 => format!("{p:.0e}"),
        p if p < 0.1 => format!("{:.2} %", 100.0 * p),
        _ => format!("{:.0} %", 100.0 * p),
    }
}

/// A time that a person would set a recorder to, not shorter than `time_s`.
fn rounded_up_time(time_s: f64) -> String {
    const USUAL_S: [f64; 10] = [1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0];
    match USUAL_S.iter().find(|usual| **usual >= time_s) {
        Some(s) if *s < 60.0 => format!("{s} s"),
        Some(s) => format!("{} min", s / 60.0),
        None => format!("{:.0} min", (time_s / 60.0).ceil()),
    }
}

/// A transient: when, and what its two roads say.
pub(super) fn event(site: &Site, event: &Event) -> String {
    let mut said = format!("at {:.6} s, {:.1} dB re full scale", event.time_s, event.level_db);
    said += &match (event.road, event.steered, event.first_arrivals) {
        (Some(Road::Steered), Some(point), _) => format!("; by steering {}", place(site, &point)),
        (Some(Road::FirstArrivals), _, Some(point)) => format!("; by first arrivals {}", place(site, &point)),
        _ => "; no place".to_owned(),
    };
    if let Some(apart_m) = event.apart_m {
        said += &match event.road {
            Some(Road::Steered) => format!(", first arrivals {} beside", millimetres(apart_m)),
            _ => format!(", steering {} beside", millimetres(apart_m)),
        };
    }
    said
}

/// How sound travelled, and how wall or air behave against what the site says.
pub(super) fn path(path: &PathUsed) -> String {
    let mut said = match path.mode {
        Some(mode) => format!(
            "{}, {} at {:.0} m/s (crests {:.0} m/s)",
            path.kind,
            mode.name(),
            path.speed_m_s,
            path.phase_speed_m_s
        ),
        None => format!("{}, {:.1} m/s", path.kind, path.speed_m_s),
    };
    if let Some((other, nats)) = path.other_mode {
        said += &match nats {
            nats if nats >= 0.0 => format!("; {} explains the sound worse by {nats:.0} nats", other.name()),
            nats => format!("; {} comes from the same place, better by {:.0} nats", other.name(), -nats),
        };
    }
    if let Some(Behaviour { of_thickness, stated, heard }) = path.behaves {
        said += &if of_thickness {
            format!(
                "; behaves as {:.3} ± {:.3} mm, the site says {:.3}",
                heard[0] * 1e3,
                heard[1] * 1e3,
                stated[0] * 1e3
            )
        } else {
            format!("; behaves as {:.2} ± {:.2} m/s, the site says {:.2}", heard[0], heard[1], stated[0])
        };
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_keep_what_can_be_read_off_a_ruler() {
        assert_eq!(millimetres(0.0001), "0.10 mm");
        assert_eq!(millimetres(0.0031), "3.1 mm");
        assert_eq!(millimetres(0.3), "300 mm");
        assert_eq!(millimetres(f64::NAN), "unknown");
    }

    #[test]
    fn names_cannot_drive_a_terminal() {
        assert_eq!(printable("M1\u{1b}[31m\n"), "M1·[31m·");
        assert_eq!(shortened("microphone-17", 6), "mi…-17");
        assert_eq!(shortened("M1", 6), "M1");
    }

    #[test]
    fn times_are_those_on_a_recorder() {
        assert_eq!(rounded_up_time(3.2), "5 s");
        assert_eq!(rounded_up_time(45.0), "1 min");
        assert_eq!(rounded_up_time(1801.0), "31 min");
    }
}
