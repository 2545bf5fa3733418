//! The waves of a site's path over frequency: a table for people, a CSV for programs.

use std::fmt::Write;

use crate::propagation::Medium;

/// Rows of the table for people.
const TABLE_ROWS: usize = 15;

/// Rows of the CSV, and points of the plot.
pub(super) const FINE_ROWS: usize = 400;

/// A frequency of the band, and what each wave does there: phase speed, group speed (m/s) and wavelength (m).
pub(super) fn rows(media: &[Medium], [low_hz, high_hz]: [f64; 2], count: usize) -> Vec<(f64, Vec<[f64; 3]>)> {
    (0..count)
        .map(|i| {
            let hz = low_hz + (high_hz - low_hz) * i as f64 / (count - 1) as f64;
            let of = |medium: &Medium| {
                let phase_m_s = medium.phase_speed(hz).0;
                [phase_m_s, medium.group_speed(hz).0, phase_m_s / hz]
            };
            (hz, media.iter().map(of).collect())
        })
        .collect()
}

/// The name of a wave.
pub(super) fn name(medium: &Medium) -> &'static str {
    medium.mode.map_or(medium.kind, crate::site::Mode::name)
}

/// Phase and group speed and wavelength of each wave over a band, a dozen lines for a terminal.
pub fn dispersion_table(media: &[Medium], band_hz: [f64; 2]) -> String {
    let mut out = String::from("frequency");
    for medium in media {
        write!(out, "   {:>2}: phase    group  wavelength", name(medium)).expect("a string grows");
    }
    out += "\n      kHz";
    for _ in media {
        out += "         m/s      m/s          mm";
    }
    for (hz, waves) in rows(media, band_hz, TABLE_ROWS) {
        write!(out, "\n{:>9.1}", hz * 1e-3).expect("a string grows");
        for [phase, group, length_m] in waves {
            write!(out, "   {phase:>9.1}  {group:>7.1}  {:>10.2}", length_m * 1e3).expect("a string grows");
        }
    }
    out + "\n"
}

/// The same as CSV with one row a frequency, columns named with their units.
pub fn dispersion_csv(media: &[Medium], band_hz: [f64; 2]) -> String {
    let mut out = String::from("frequency_hz");
    for medium in media {
        let name = name(medium).to_lowercase();
        write!(out, ",{name}_phase_speed_m_s,{name}_group_speed_m_s,{name}_wavelength_m").expect("a string grows");
    }
    for (hz, waves) in rows(media, band_hz, FINE_ROWS) {
        write!(out, "\n{hz:.3}").expect("a string grows");
        for [phase, group, length_m] in waves {
            write!(out, ",{phase:.6},{group:.6},{length_m:.9}").expect("a string grows");
        }
    }
    out + "\n"
}
