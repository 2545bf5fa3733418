//! A capture by itself: levels over frequency, over time, and what the channels share.

use super::coherence;
use super::levels::{self, Levels};
use super::look;
use super::picture::Picture;
use super::spectrogram;
use crate::locate::Spectrogram;
use crate::report::inspection::Inspected;
use crate::report::words::{printable, shortened};
use crate::units::counted;

/// Each picture and the stem of its name.
pub(super) fn draw(subject: &Inspected<'_>) -> [(&'static str, Picture); 3] {
    let inspection = subject.inspection;
    let overview = &inspection.overview;
    let bins = overview.density.ncols();
    let last_hz = (bins - 1) as f64 * overview.spacing_hz;
    let band_hz = inspection.suggestion.as_ref().map_or([0.0, last_hz], |s| s.band_hz);
    let levels = levels::of(&Levels {
        title: title(subject),
        subtitle: format!(
            "Power spectral density of {} of {}. Blue: where to look for a leak.",
            counted(inspection.channels.len(), "channel"),
            printable(&subject.files().join(", "))
        ),
        names: subject.names.to_vec(),
        frequency_hz: (0..bins).map(|k| k as f64 * overview.spacing_hz).collect(),
        density: &overview.density,
        band_hz,
        used: (&[], &[]),
    });
    let spectrogram = spectrogram::of(
        &Spectrogram {
            time_s: [0.0, inspection.duration_s],
            frequency_hz: [0.0, last_hz],
            power: overview.spectrogram.clone(),
        },
        band_hz,
        "all channels",
        "suggested",
    );
    [("levels", levels), ("spectrogram", spectrogram), ("coherence", shared(subject, band_hz))]
}

fn title(subject: &Inspected<'_>) -> String {
    let faulty: Vec<String> = (subject.inspection.channels.iter().zip(subject.names))
        .filter(|(channel, _)| !channel.faults.is_empty())
        .map(|(channel, name)| format!("{} {}", shortened(name, 16), channel.faults.join(" and ")))
        .collect();
    match faulty.len() {
        0 if subject.names.len() == 1 => "The channel is alive and in order".into(),
        0 => format!("All {} channels are alive and in order", subject.names.len()),
        1..=3 => format!("Levels: {}", faulty.join(", ")),
        n => format!("Levels: {n} of {} channels faulty", subject.names.len()),
    }
}

fn shared(subject: &Inspected<'_>, band_hz: [f64; 2]) -> Picture {
    let inspection = subject.inspection;
    let mut values: Vec<f64> = inspection.coherence.iter().copied().filter(|c| c.is_finite()).collect();
    if values.is_empty() {
        return look::note("Coherence: nothing to show", "no two channels share a clock");
    }
    values.sort_by(f64::total_cmp);
    let related = inspection.relations.len();
    let title = match (related, values[values.len() / 2]) {
        (0, m) if m < 0.1 => format!("The channels share little sound: median pair coherence {m:.2}"),
        (0, m) => format!("The channels share sound: median pair coherence {m:.2}"),
        (1, _) => "One pair of channels is not two".to_owned(),
        (n, _) => format!("{n} pairs of channels share a wire"),
    };
    let [low, high] = band_hz.map(|hz| hz / 1e3);
    let subtitle = format!(
        "Coherence of every pair of channels at {low:.1} to {high:.1} kHz, less what chance gives; tones of machines count."
    );
    let mut picture = look::sheet(&title, &subtitle);
    let names: Vec<&str> = subject.names.iter().map(String::as_str).collect();
    coherence::matrix(&mut picture, &names, &inspection.coherence, 330.0);
    picture
}
