//! `pinhole locate`: the main job.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use pinhole::archive::is_spectra;
use pinhole::capture::{Captures, Notes};
use pinhole::site::{Climate, read_site_in};
use pinhole::{Error, Result};

use super::analysis::{Analysis, Job};
use super::console::Reasons;

const EXAMPLES: &str = "Examples:
  pinhole locate samples/tunnel/capture.wav
  pinhole locate prk.wav --site prk.toml --background fans_only.wav --band 20..60kHz
  pinhole locate night_*.spectra --site prk.toml
  pinhole locate prk.wav --export geojson --export csv
  pinhole locate prk.wav --from 1.5s --to 3s --out monday --json > monday.json

Writes result.json, plots (PNG and SVG) and report.html to --out. Exit status 0 whatever was found,
1 where it could not be done, 2 where the request is wrong.";

/// Flags of `pinhole locate`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// WAV captures, one a recorder, in the order of the site file's recorders; or spectra, which are added
    #[arg(required = true, value_name = "CAPTURE.wav")]
    captures: Vec<PathBuf>,
    /// Walls, sensors and air [default: site.toml beside the first capture]
    #[arg(long, value_name = "SITE.toml")]
    site: Option<PathBuf>,
    /// Captures of the same place without the leak; what is new over them is located
    #[arg(long, value_name = "BG.wav", num_args = 1..)]
    background: Vec<PathBuf>,
    /// Find taps, impacts and lead breaks in the capture and locate each
    #[arg(long, conflicts_with_all = ["background", "leaks", "prove"])]
    transient: bool,
    #[command(flatten)]
    analysis: Analysis,
}

/// Runs the command.
///
/// # Errors
/// Whatever stops the analysis or the writing of its results.
pub fn run(arguments: &Arguments, reasons: Reasons) -> Result<ExitCode> {
    let Arguments { captures, background, transient, analysis, .. } = arguments;
    analysis.prepare(&captures[0])?;
    let site_path = site_path(arguments.site.as_deref(), &captures[0], reasons)?;
    let site = read_site_in(&site_path, &climate(captures)?)?;
    analysis.run(&Job { site, input: &captures[0], site_path, captures, background, transient: *transient }, reasons)
}

/// What the recorders noted of the air.
fn climate(captures: &[PathBuf]) -> Result<Climate> {
    if captures.iter().any(|path| is_spectra(path)) {
        return Ok(Climate::default());
    }
    let captures = Captures::open(captures)?;
    let noted = |of: fn(&Notes) -> Option<f64>| captures.files().iter().find_map(|file| of(file.notes()));
    Ok(Climate { temperature_c: noted(|n| n.temperature_c), humidity_pct: noted(|n| n.humidity_pct) })
}

/// The site file that was named, or the one beside the capture.
///
/// # Errors
/// [`Error::Request`] where there is none, [`Error::Io`] where there is no capture.
pub fn site_path(named: Option<&Path>, capture: &Path, reasons: Reasons) -> Result<PathBuf> {
    if let Some(path) = named {
        reasons.say(format!("site {} as asked", path.display()));
        return Ok(path.to_path_buf());
    }
    // A capture that is not there has no site beside it either, and is what must be told.
    if capture.is_dir() {
        let folder = capture.display();
        return Err(Error::request(format!(
            "{folder}: is a folder; name captures in it, or take pinhole batch for all of them"
        )));
    }
    capture.metadata().map_err(|e| Error::io(capture, e))?;
    let beside = capture.parent().unwrap_or(Path::new("")).join("site.toml");
    if beside.exists() {
        reasons
            .say(format!("site {}: it stands beside the first capture, and --site names no other", beside.display()));
        return Ok(beside);
    }
    Err(Error::request(format!("no site file: {} does not exist; name one with --site SITE.toml", beside.display())))
}
