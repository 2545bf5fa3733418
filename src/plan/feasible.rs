//! Does the plan fit the recorder, the medium and the site?

use super::Options;
use crate::error::{Error, Result};
use crate::locate::Array;
use crate::propagation::Medium;

/// Highest frequency that a recorder keeps, re its sample rate.
const OF_RATE: f64 = 0.45;

/// Position errors from which sound no longer adds up coherently, in middle wavelengths.
const BLURRED_WAVES: f64 = 0.5;

/// The band to plan with.
///
/// # Errors
/// [`Error::Request`] where there is none.
pub fn band(medium: &Medium, options: &Options) -> Result<[f64; 2]> {
    let highest_hz = OF_RATE * options.sample_rate_hz;
    let [known_low_hz, known_high_hz] = medium.known_hz();
    let [usual_low_hz, usual_high_hz] = medium.usual_band_hz();
    let band_hz = options.band_hz.unwrap_or([usual_low_hz, usual_high_hz.min(highest_hz)]);
    let in_khz = |hz: [f64; 2]| format!("{:.1}..{:.1} kHz", hz[0] / 1e3, hz[1] / 1e3);
    if band_hz[1] > 0.5 * options.sample_rate_hz || band_hz[0] >= band_hz[1] {
        return Err(Error::request(format!(
            "band {} does not fit a recorder of {:.1} kHz, which keeps what is below {:.1} kHz; give another --band or --rate",
            in_khz(band_hz),
            options.sample_rate_hz / 1e3,
            highest_hz / 1e3
        )));
    }
    if band_hz[0] < known_low_hz || band_hz[1] > known_high_hz {
        return Err(Error::request(format!(
            "band {}, but the site's waves are known in {}",
            in_khz(band_hz),
            in_khz([known_low_hz, known_high_hz])
        )));
    }
    Ok(band_hz)
}

/// Why that band.
pub fn why(medium: &Medium, band_hz: [f64; 2], options: &Options) -> String {
    let [low, high] = band_hz.map(|hz| hz / 1e3);
    let why = match options.band_hz {
        Some(_) => "as asked".to_owned(),
        None if band_hz == medium.usual_band_hz() => medium.why_usual().to_owned(),
        None => format!(
            "{}; cut off where a recorder of {:.1} kHz rolls off",
            medium.why_usual(),
            options.sample_rate_hz / 1e3
        ),
    };
    format!("band {low:.1}..{high:.1} kHz: {why}")
}

/// What is hard to do as planned.
pub fn warnings(array: &Array<'_>, options: &Options, mirrored: f64) -> Vec<String> {
    let mut warnings = Vec::new();
    let wave_m = std::f64::consts::TAU / array.medium.wavenumber_rad_m(array.middle_hz());
    let (longest_m, _) = array.longest_way();
    let blur_m = array.position_variance_m2().max().sqrt();
    if blur_m > BLURRED_WAVES * wave_m {
        warnings.push(format!(
            "sensor positions are known to {:.1} mm, {:.1} wavelengths of {:.1} mm: sound adds up by its envelope only; measure the \
             positions better or take a lower band",
            blur_m * 1e3,
            blur_m / wave_m,
            wave_m * 1e3
        ));
    }
    let [low_hz, high_hz] = array.band_hz;
    if high_hz < 1.5 * low_hz {
        warnings.push(format!(
            "{:.1} to {:.1} kHz is a narrow band for sensors {longest_m:.2} m apart: neighbouring waves look alike; an octave or more \
             keeps them apart",
            low_hz / 1e3,
            high_hz / 1e3
        ));
    }
    if options.sample_rate_hz * OF_RATE < high_hz {
        warnings.push(format!(
            "{:.1} kHz is above what a recorder of {:.1} kHz passes without loss ({:.1} kHz)",
            high_hz / 1e3,
            options.sample_rate_hz / 1e3,
            OF_RATE * options.sample_rate_hz / 1e3
        ));
    }
    let travel_s = array.group_speed().time_s(longest_m);
    if options.duration_s < 20.0 * travel_s {
        warnings.push(format!(
            "{:.3} s is short: sound takes {:.1} ms from one end to the other; record {:.2} s or more",
            options.duration_s,
            travel_s * 1e3,
            20.0 * travel_s
        ));
    }
    if mirrored > 0.0 {
        warnings.push(format!(
            "{:.0} % of the wall has a mirror image: the sensors lie in one plane or line, or on one side; move one out of it",
            100.0 * mirrored
        ));
    }
    warnings
}
