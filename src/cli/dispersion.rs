//! `pinhole dispersion`: how fast the wall's waves are.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use pinhole::atomic::write_atomically;
use pinhole::propagation::{Dispersion, Medium};
use pinhole::report::{dispersion_csv, dispersion_table, write_dispersion_plot};
use pinhole::site::read_site;
use pinhole::{Error, Result};

use super::console::{self, Reasons};
use super::quantity::{self, BandHz};

const EXAMPLES: &str = "Example:
  pinhole dispersion --site samples/tunnel_wall/site.toml --band 50..400kHz

Prints phase speed, group speed and wavelength; writes dispersion.csv and the plot (PNG and SVG) to --out.
For a plate both guided waves are told, the site's first.";

/// Flags of `pinhole dispersion`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Walls, sensors and path
    #[arg(long, value_name = "SITE.toml")]
    site: PathBuf,
    /// Frequency band with unit, as 50..400kHz [default: the band that leaks are heard in]
    #[arg(long, value_name = "LO..HI", value_parser = quantity::band)]
    band: Option<BandHz>,
    /// Folder for the CSV and the plot [default: <site>.pinhole in the current folder]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// No word on stderr
    #[arg(long, short)]
    quiet: bool,
}

/// Runs the command.
///
/// # Errors
/// Whatever is wrong with the site or the band, or stops the writing.
pub fn run(arguments: &Arguments, reasons: Reasons) -> Result<ExitCode> {
    let site = read_site(&arguments.site)?;
    let first = Medium::of(&site);
    let band_hz = arguments.band.map_or(first.usual_band_hz(), |BandHz(low_hz, high_hz)| [low_hz, high_hz]);
    let [known_low_hz, known_high_hz] = first.known_hz();
    if band_hz[0] <= 0.0 || band_hz[0] < known_low_hz || band_hz[1] > known_high_hz {
        return Err(Error::request(format!(
            "band {:.1}..{:.1} kHz, but the waves of {} are known from {:.1} to {:.1} kHz",
            band_hz[0] / 1e3,
            band_hz[1] / 1e3,
            arguments.site.display(),
            known_low_hz / 1e3,
            known_high_hz / 1e3
        )));
    }
    let [low, high] = band_hz.map(|hz| hz / 1e3);
    reasons.say(match arguments.band {
        Some(_) => format!("band {low:.1}..{high:.1} kHz as asked"),
        None => format!("band {low:.1}..{high:.1} kHz: {}", first.why_usual()),
    });
    reasons.say(match &first.dispersion {
        Dispersion::Lamb { thickness_m, .. } => {
            format!("waves known at every frequency: Lamb's equations for {:.3} mm of this metal", thickness_m * 1e3)
        }
        Dispersion::Measured(_) => format!(
            "waves known from {:.1} to {:.1} kHz: the first and the last row of the site's curve",
            known_low_hz / 1e3,
            known_high_hz / 1e3
        ),
        Dispersion::None(speed_m_s) => format!("waves known at every frequency: one speed, {speed_m_s:.2} m/s"),
    });
    let other = first.other_mode();
    if let Some(mode) = other.as_ref().and_then(|other| other.mode) {
        reasons.say(format!("{} as well: the same wall carries it", mode.name()));
    }
    let media: Vec<Medium> = std::iter::once(first).chain(other).collect();
    let out = arguments.out.clone().unwrap_or_else(|| {
        let mut name = arguments.site.file_stem().unwrap_or_default().to_os_string();
        name.push(".pinhole");
        PathBuf::from(name)
    });
    write_dispersion_plot(&site, &media, band_hz, &out)?;
    write_atomically(out.join("dispersion.csv"), dispersion_csv(&media, band_hz).as_bytes())?;
    console::print(&dispersion_table(&media, band_hz))?;
    if !arguments.quiet {
        console::complain(&format!("dispersion.csv and plot in {}", out.display()));
    }
    Ok(ExitCode::SUCCESS)
}
