//! `pinhole calibrate`: what sources at known places tell of a site file.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use pinhole::atomic::write_atomically;
use pinhole::calibrate::{Asked, Heard, Options, calibrate, hear};
use pinhole::report::{calibration_json, calibration_text, write_calibration_plot};
use pinhole::site::{Point3, read_site, restated};
use pinhole::{Error, Result};

use super::console::{self, Progress, Reasons};
use super::quantity::{self, BandHz};

const EXAMPLES: &str = "Examples:
  pinhole calibrate taps.wav --site prk.toml --at 1,0,0.3 --at 0,1,0.9 --at -1,0,1.6 --at 0,-1,2.1 -o prk2.toml
  pinhole calibrate a.wav b.wav c.wav --site prk.toml --at 1,0,0.3 --at 0,1,0.9 --at -1,0,1.6 --fit delay,gain -o prk2.toml

A site of several recorders needs a file of each: all files of a capture, in the order of its recorders, then the next.
A source at a known place is a tap on the wall, a lead break, or anything hand-held that hisses. Give one capture a
place, or one capture with a tap at each place in turn, the places in the same order. The new site file keeps the
comments of the old one; calibration.json and the residuals' plot go to <SITE2>.calibration.";

/// Flags of `pinhole calibrate`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// One capture a place, or one with a tap at each place in turn
    #[arg(required = true, value_name = "CAPTURE.wav")]
    captures: Vec<PathBuf>,
    /// Walls, sensors and path as they are thought to be
    #[arg(long, value_name = "SITE.toml")]
    site: PathBuf,
    /// Where a source was, metres; once a source, in the order of the recordings
    #[arg(long = "at", required = true, value_name = "X,Y,Z", value_parser = quantity::place_m, allow_hyphen_values = true)]
    places: Vec<Point3>,
    /// The new site file
    #[arg(long = "output", short, value_name = "SITE2.toml")]
    output: PathBuf,
    /// What to find out, parted by commas [default: delay,gain,polarity, positions that the site leaves open, and speed and clocks where they are told]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WHAT")]
    fit: Vec<Fit>,
    /// Frequency band with unit, as 20..60kHz [default: the band that leaks are heard in]
    #[arg(long, value_name = "LO..HI", value_parser = quantity::band)]
    band: Option<BandHz>,
    /// How well the places are known (1 sigma), as 0.5mm [default: told by the residuals]
    #[arg(long, value_name = "LENGTH", value_parser = quantity::length_m)]
    at_sigma: Option<f64>,
    /// How large delays may be (1 sigma), with unit
    #[arg(long, value_name = "S", value_parser = quantity::time_s, default_value = "100us")]
    delay_sigma: f64,
    /// calibration.json on stdout and nothing else
    #[arg(long)]
    json: bool,
    /// No plot
    #[arg(long)]
    no_plots: bool,
    /// Write over a site file that is there
    #[arg(long)]
    force: bool,
    /// No progress and no warnings on stderr
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Fit {
    /// Delay of each channel
    Delay,
    /// Gain of each channel
    Gain,
    /// Polarity of each channel
    Polarity,
    /// Place of each sensor, within position_sigma_m
    Position,
    /// Speed of sound, or the wall's thickness
    Speed,
    /// How clocks of free recorders stand and drift
    Clock,
}

/// Runs the command.
///
/// # Errors
/// Whatever is wrong with captures, site and places, or stops the writing.
pub fn run(arguments: &Arguments, reasons: Reasons) -> Result<ExitCode> {
    let Arguments { output, .. } = arguments;
    if output.exists() && !arguments.force {
        return Err(Error::request(format!(
            "{} is there already; name another file, or add --force",
            output.display()
        )));
    }
    if !(arguments.delay_sigma > 0.0 && arguments.delay_sigma <= 0.1) {
        return Err(Error::request("--delay-sigma is to be above nothing and at most 100ms"));
    }
    let site = read_site(&arguments.site)?;
    let asked = |fit: Fit| arguments.fit.contains(&fit);
    let options = Options {
        band_hz: arguments.band.map(|BandHz(low_hz, high_hz)| (low_hz, high_hz)),
        asked: (!arguments.fit.is_empty()).then(|| Asked {
            delay: asked(Fit::Delay),
            gain: asked(Fit::Gain),
            polarity: asked(Fit::Polarity),
            position: asked(Fit::Position),
            speed: asked(Fit::Speed),
            clock: asked(Fit::Clock),
        }),
        at_sigma_m: arguments.at_sigma,
        delay_sigma_s: arguments.delay_sigma,
    };
    let progress = Progress::new(arguments.quiet);
    let shown = |stage: &'static str, share: f64| progress.show(stage, share);
    let heard = hear(&site, &arguments.captures, &arguments.places, options.band_hz, &shown);
    let heard = heard.inspect_err(|_| progress.finish())?;
    progress.aside(|| reasons.say_all(heard.iter().map(Heard::road)));
    let found = calibrate(&site, heard, &options, &shown);
    progress.finish();
    let found = found?;
    reasons.say_all(&found.notes);
    let text = std::fs::read_to_string(&arguments.site).map_err(|e| Error::io(&arguments.site, e))?;
    let text = restated(&text, &site, &found.site, output)?;
    let mut folder = output.file_stem().unwrap_or_default().to_os_string();
    folder.push(".calibration");
    let folder = output.with_file_name(folder);
    if !arguments.no_plots {
        write_calibration_plot(&site, &found, &folder)?;
    }
    let json = calibration_json(&site, &found);
    write_atomically(folder.join("calibration.json"), json.as_bytes())?;
    write_atomically(output, text.as_bytes())?;
    console::print(&if arguments.json { json } else { calibration_text(&site, &found) })?;
    if !arguments.quiet {
        found.warnings.iter().for_each(|warning| console::complain(warning));
        console::complain(&format!("{} written; residuals in {}", output.display(), folder.display()));
    }
    Ok(ExitCode::SUCCESS)
}
