//! The outcome for a person at a terminal: the answer first, then what it rests on, then what was wrong.

use crate::locate::{Leak, Outcome, Verdict};
use crate::report::words::{self, millimetres, place, printable, shortened};
use crate::site::Site;

/// The outcome in one to two dozen lines, ending in a newline; with ANSI colour where `colour` is set.
pub fn summary(site: &Site, outcome: &Outcome, colour: bool) -> String {
    let paint = Paint { on: colour };
    let mut lines = vec![paint.verdict(outcome.verdict, &words::headline(site, outcome))];
    for (i, leak) in outcome.leaks.iter().enumerate() {
        if outcome.leaks.len() > 1 {
            let what = if outcome.events.is_empty() { "leak" } else { "event" };
            lines.push(paint.bold(&format!("{what} {}: {}", i + 1, place(site, &leak.point))));
        }
        lines.extend(leak_lines(leak));
    }
    if outcome.verdict == Verdict::Inconclusive {
        lines.extend(thin_evidence(site, outcome));
    }
    if outcome.verdict != Verdict::Leak {
        lines.push(row(
            "chance",
            &format!(
                "makes a place stand out like the strongest with {} probability, {} allowed",
                words::probability(outcome.chance.probability),
                words::probability(outcome.chance.allowed)
            ),
        ));
        lines.extend(outcome.detectable.map(|d| row("would show", &words::detectable(d))));
    }
    lines.extend(outcome.events.iter().map(|event| row("heard", &words::event(site, event))));
    if outcome.verdict != Verdict::NoLeak {
        lines.extend(rival(site, outcome));
    }
    lines.extend(outcome.proof.as_ref().map(|proof| row("proved", &words::proof(proof))));
    lines.extend(outcome.clocks.iter().map(|clock| row("clock", &words::clock(site, clock))));
    lines.extend(basis(site, outcome));
    lines.extend(sensor_faults(outcome, &paint));
    lines.extend(outcome.warnings.iter().map(|w| paint.warning(&format!("  warning: {}", printable(w)))));
    lines.push(String::new());
    lines.join("\n")
}

/// A labelled line; labels share a column so that the eye finds them.
fn row(label: &str, text: &str) -> String {
    format!("  {label:<11} {text}")
}

fn leak_lines(leak: &Leak) -> Vec<String> {
    let [x, y, z] = leak.point.position_m.into();
    let ellipse = leak.ellipse_95;
    let mut lines = vec![
        row("position", &format!("x {x:.4} m, y {y:.4} m, z {z:.4} m")),
        row(
            "95 % within",
            &format!(
                "± {} × {}, long axis {:.0}° from u towards v",
                millimetres(ellipse.semi_major_m),
                millimetres(ellipse.semi_minor_m),
                ellipse.angle_deg
            ),
        ),
    ];
    if let Some((source, percent)) = words::dominant(leak) {
        lines.push(row("error from", &format!("mostly {source} ({percent:.0} %)")));
    }
    let alarm =
        leak.false_alarm_probability.map_or(String::new(), |p| format!(", false alarm {}", words::probability(p)));
    lines.push(row("loudness", &format!("SNR {}, {} re full scale at 1 m{alarm}", db(leak.snr_db), db(leak.level_db))));
    let apart = leak.resolution_m.map(|m| format!("leaks nearer to it than {} would be told as one", millimetres(m)));
    lines.extend(apart.map(|apart| row("resolution", &apart)));
    lines
}

fn db(level_db: f64) -> String {
    if level_db.is_finite() { format!("{level_db:.1} dB") } else { "unknown".to_owned() }
}

fn thin_evidence(site: &Site, outcome: &Outcome) -> Vec<String> {
    let mut lines: Vec<String> = outcome.reasons.iter().map(|why| row("why", &printable(why))).collect();
    if let Some(best) = outcome.candidates.first() {
        lines.push(row("best guess", &format!("{} (not to be relied on)", place(site, &best.point))));
    }
    lines.extend(look_first(site, outcome));
    lines.extend(words::advice(site, outcome).iter().map(|next| row("next", next)));
    lines
}

/// Where a leak would be, if there were one.
fn look_first(site: &Site, outcome: &Outcome) -> Option<String> {
    let (first, last) = outcome.search.first().zip(outcome.search.last())?;
    let count = outcome.search.len();
    let side_mm = 1e3 * first.size_m.iter().product::<f64>().sqrt();
    let patches = if count == 1 { "1 patch".into() } else { format!("{count} patches") };
    Some(row(
        "look first",
        &format!(
            "{}; {patches} of {side_mm:.0} mm hold {:.0} % of it (result.json, search)",
            place(site, &first.point),
            100.0 * last.cumulative
        ),
    ))
}

fn rival(site: &Site, outcome: &Outcome) -> Option<String> {
    let rival = words::rivals(outcome).next()?;
    let why = match rival.explained_by {
        Some(rank) => format!(", an echo or side lobe of leak {rank}"),
        None if outcome.leaks.is_empty() => format!(", {:.0} % to be the place if there is one", 100.0 * rival.weight),
        None => String::new(),
    };
    Some(row("runner-up", &format!("{}, score {:.2} of 1{why}", place(site, &rival.point), rival.score)))
}

/// What the answer rests on: band, path, capture, agreement with the geometry.
fn basis(site: &Site, outcome: &Outcome) -> Vec<String> {
    let used = outcome.sensors.iter().filter(|s| s.used).count();
    let pairs = outcome.pairs.iter().filter(|p| p.used).count();
    let bins = outcome.evidence.bin_used.len();
    let kept = outcome.evidence.bin_used.iter().filter(|used| **used).count();
    let [low, high] = outcome.band_hz.map(|hz| hz * 1e-3);
    let bins = if bins == 0 { String::new() } else { format!(", {kept} of {bins} bins used") };
    let capture = &outcome.capture;
    let mut lines = vec![
        row("band", &format!("{low:.1} to {high:.1} kHz{bins}")),
        row("path", &words::path(&outcome.path)),
        row(
            "evidence",
            &format!(
                "{used} of {} sensors, {pairs} {}, {:.2} s from {:.2} s on",
                outcome.sensors.len(),
                if pairs == 1 { "pair" } else { "pairs" },
                capture.duration_s,
                capture.from_s
            ),
        ),
    ];
    if let Some(fit) = outcome.fit.filter(|_| outcome.verdict != Verdict::NoLeak) {
        let mut text = format!("chi2/dof {:.2} ({} dof)", fit.chi2_per_dof, fit.dof);
        if fit.chi2_per_dof > 2.0 && fit.in_front.is_none() {
            let worst = site.sensors.get(fit.worst_sensor).map_or("", |s| &s.id);
            text += &format!(", {} fits worst", printable(worst));
        }
        lines.push(row("fit", &text));
    }
    lines
}

/// Faulty sensors and those left out, in two lines at most.
fn sensor_faults(outcome: &Outcome, paint: &Paint) -> Vec<String> {
    const MOST: usize = 6;
    let listed = |items: Vec<String>| match items.len() {
        n if n > MOST => format!("{} and {} more", items[..MOST].join(", "), n - MOST),
        _ => items.join(", "),
    };
    let faulty = outcome.sensors.iter().filter(|s| !s.faults.is_empty());
    let faulty: Vec<String> = faulty
        .map(|s| format!("{} (channel {}) {}", shortened(&s.id, 24), s.channel, s.faults.join(" and ")))
        .collect();
    let left_out = outcome.sensors.iter().filter(|s| !s.used);
    let left_out: Vec<String> = left_out.map(|s| shortened(&s.id, 24)).collect();
    let mut lines = Vec::new();
    if !faulty.is_empty() {
        lines.push(paint.warning(&row("faults", &listed(faulty))));
    }
    if !left_out.is_empty() {
        lines.push(row("left out", &listed(left_out)));
    }
    lines
}

/// ANSI escape codes, or none.
struct Paint {
    on: bool,
}

impl Paint {
    fn wrap(&self, code: &str, text: &str) -> String {
        if self.on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn bold(&self, text: &str) -> String {
        self.wrap("1", text)
    }

    fn warning(&self, text: &str) -> String {
        self.wrap("33", text)
    }

    fn verdict(&self, verdict: Verdict, text: &str) -> String {
        self.wrap(
            match verdict {
                Verdict::Leak => "1;31",
                Verdict::NoLeak => "1;32",
                Verdict::Inconclusive => "1;33",
            },
            text,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::plots::synthetic;

    #[test]
    fn a_leak_is_told_in_the_first_line() {
        let (site, outcome) = synthetic::tunnel();
        let text = summary(&site, &outcome, false);
        let first = text.lines().next().unwrap();
        assert!(first.starts_with("Leak on barrel at u 0.923 m, v 0.920 m (70.5°), ±3.1 mm"), "{first}");
        for part in ["95 % within", "mostly noise", "SNR -4.2 dB", "24.0 to 58.0 kHz", "chi2/dof", "runner-up", "dead"]
        {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        assert!((10..=24).contains(&text.lines().count()), "{text}");
        assert!(!text.contains('\x1b'));
        assert!(summary(&site, &outcome, true).starts_with("\x1b[1;31m"));
    }

    #[test]
    fn inconclusive_says_why_and_what_next() {
        let (site, outcome) = synthetic::inconclusive();
        let text = summary(&site, &outcome, false);
        for part in ["Inconclusive", "why", "nothing stands out", "next", "record longer", "not to be relied on"] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }

    #[test]
    fn no_leak_names_the_band() {
        let (site, mut outcome) = synthetic::inconclusive();
        outcome.verdict = Verdict::NoLeak;
        let text = summary(&site, &outcome, false);
        assert!(text.starts_with("No leak heard between 24.0 and 58.0 kHz\n"), "{text}");
        assert!(!text.contains("next"));
    }

    #[test]
    fn warnings_come_last() {
        let (site, mut outcome) = synthetic::tunnel();
        outcome.warnings = vec!["clock of B drifts\x07".into()];
        let text = summary(&site, &outcome, false);
        assert!(text.ends_with("  warning: clock of B drifts·\n"), "{text}");
    }
}
