//! What a calibration decided, and why.

use super::model::Scatter;
use super::open::{Open, What};
use super::{Asked, Calibration, Options};
use crate::propagation::Medium;
use crate::site::Site;

/// How the fit went.
pub(super) struct Course<'t> {
    /// Rounds on envelopes, and then on crests.
    pub rounds: [usize; 2],
    /// What the sources leave open.
    pub open: &'t [Open],
    /// What makes ranges scatter.
    pub scatter: Scatter,
    /// A wave in the middle of the band, metres.
    pub wavelength_m: f64,
}

/// What was found out and what was held, in sentences.
pub(super) fn notes(site: &Site, options: &Options, told: &Calibration, course: &Course<'_>) -> Vec<String> {
    let [low, high] = told.band_hz.map(|hz| hz / 1e3);
    let why_band = if options.band_hz.is_some() { "as asked" } else { Medium::of(site).why_usual() };
    let mut notes = vec![format!("band {low:.1}..{high:.1} kHz: {why_band}")];
    let why = if options.asked.is_some() { "as asked" } else { "what the site leaves open and the sources tell" };
    notes.push(format!("found out: {}: {why}", found(told.asked).join(", ")));
    notes.extend(held(options, told.asked, course.open));
    let [envelopes, crests] = course.rounds;
    notes
        .push(format!("fitted to envelopes in {envelopes} rounds, which know no polarity, then to crests in {crests}"));
    let counts = || told.fits.iter().flat_map(|fit| &fit.counts);
    let (all, kept) = (counts().count(), counts().filter(|counts| **counts).count());
    notes.push(match all - kept {
        0 => format!("all {all} ranges count: none is off by a third of a wave of {:.2} mm", course.wavelength_m * 1e3),
        out => format!(
            "{out} of {all} ranges do not count: off by more than a third of a wave of {:.2} mm, or two ways at once",
            course.wavelength_m * 1e3
        ),
    });
    notes.push(format!(
        "weighed as if places of sources were known to {:.2} mm{} and single ranges to {:.2} mm: under that the ranges are most probable",
        course.scatter.place_m * 1e3,
        if options.at_sigma_m.is_some() { " (as asked)" } else { "" },
        course.scatter.range_m * 1e3
    ));
    notes
}

fn found(asked: Asked) -> Vec<&'static str> {
    let Asked { delay, gain, polarity, position, speed, clock } = asked;
    let all = [
        (delay, "delays"),
        (gain, "gains"),
        (polarity, "polarities"),
        (position, "places"),
        (speed, "speed"),
        (clock, "clocks"),
    ];
    all.into_iter().filter_map(|(is, what)| is.then_some(what)).collect()
}

/// What was not found out, and why.
fn held(options: &Options, asked: Asked, open: &[Open]) -> Vec<String> {
    if options.asked.is_some() {
        let Asked { delay, gain, polarity, position, speed, clock } = asked;
        let others = Asked {
            delay: !delay,
            gain: !gain,
            polarity: !polarity,
            position: !position,
            speed: !speed,
            clock: !clock,
        };
        let others = found(others);
        let note = || format!("held, since --fit does not name it: {}", others.join(", "));
        return if others.is_empty() { Vec::new() } else { vec![note()] };
    }
    let speed = match open.iter().find(|o| o.what == What::Speed).map(|o| o.sigma) {
        Some([after, before]) if after < before => {
            format!("the sources leave ± {:.3} % of ± {:.3} %", 100.0 * after, 100.0 * before)
        }
        _ => "the site says that it is known".to_owned(),
    };
    let held = [
        (asked.position, "places of sensors", "position_sigma_m is nought for all of them"),
        (asked.speed, "speed", &speed),
        (asked.clock, "clocks", "no recorder has one of its own"),
    ];
    held.into_iter().filter(|(found, ..)| !found).map(|(_, what, why)| format!("held: {what}: {why}")).collect()
}
