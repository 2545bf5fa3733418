//! `pinhole spectra`: what locating needs of captures, as a file that adds.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use pinhole::archive::{is_spectra, read_all, write_spectra};
use pinhole::capture::Captures;
use pinhole::cross_spectra::{Part, Recorded};
use pinhole::locate::{Options, record};
use pinhole::site::read_site;
use pinhole::{Error, Result};

use super::analysis::{First, start_threads};
use super::console::{self, Progress, Reasons};
use super::locate::site_path;
use super::quantity::{self, BandHz};

const EXAMPLES: &str = "Examples:
  pinhole spectra samples/tunnel/capture.wav -o monday.spectra
  pinhole spectra prk.wav --site prk.toml --band 20..60kHz -o prk.spectra
  pinhole spectra night.wav --slice 3/12 -o night_03.spectra
  pinhole spectra night_*.spectra -o night.spectra

Then: pinhole locate night_*.spectra --site prk.toml. Spectra of the same settings add: slices of a capture to
what the whole would give, captures to one long one. NumPy opens the file (an NPZ archive with meta.json).";

/// Flags of `pinhole spectra`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// One a recorder, in the order of the site file's recorders; or spectra, to be added into one file
    #[arg(required = true, value_name = "CAPTURE.wav")]
    captures: Vec<PathBuf>,
    /// Walls, sensors and path [default: site.toml beside the first capture]
    #[arg(long, value_name = "SITE.toml")]
    site: Option<PathBuf>,
    /// Frequency band with unit, as 20..60kHz [default: the band that leaks are heard in]
    #[arg(long, value_name = "LO..HI", value_parser = quantity::band)]
    band: Option<BandHz>,
    /// Start of the stretch, with unit
    #[arg(long, value_name = "S", value_parser = quantity::time_s)]
    from: Option<f64>,
    /// Its end
    #[arg(long, value_name = "S", value_parser = quantity::time_s)]
    to: Option<f64>,
    /// Only part K of N parts of about equal length, cut where no sound is lost or counted twice
    #[arg(long, value_name = "K/N", value_parser = slice)]
    slice: Option<Part>,
    /// The file to write
    #[arg(long = "output", short, value_name = "X.spectra")]
    output: PathBuf,
    /// Threads to use [default: all]
    #[arg(long, value_name = "N", value_parser = quantity::threads)]
    threads: Option<u16>,
    /// No progress and no warnings on stderr
    #[arg(long, short)]
    quiet: bool,
}

/// Runs the command.
///
/// # Errors
/// Whatever is wrong with captures and site, or stops the writing.
pub fn run(arguments: &Arguments, reasons: Reasons) -> Result<ExitCode> {
    let Arguments { captures, output, .. } = arguments;
    start_threads(arguments.threads, First::Works)?;
    let progress = Progress::new(arguments.quiet);
    let recorded =
        if captures.iter().any(|path| is_spectra(path)) { sum(arguments) } else { hear(arguments, &progress, reasons) };
    progress.finish();
    let recorded = recorded?;
    reasons.say_all(reasons_of(&recorded, arguments.slice));
    write_spectra(output, &recorded)?;
    let layout = recorded.heard.spectra.layout();
    let [low, high] = recorded.band_hz.map(|hz| hz / 1e3);
    console::print(&format!(
        "{}: {} channels, {} pairs, {} bins from {low:.1} to {high:.1} kHz, {} segments of {} samples, {:.3} s\n",
        output.display(),
        layout.groups.len(),
        layout.pairs.len(),
        layout.bins,
        recorded.heard.spectra.segments(),
        layout.segmentation.segment_samples,
        recorded.frames() as f64 / layout.sample_rate_hz
    ))?;
    if !arguments.quiet {
        recorded.warnings.iter().for_each(|warning| console::complain(warning));
    }
    Ok(ExitCode::SUCCESS)
}

/// How it came to be: band and segments, stretches and what they are known by.
fn reasons_of(recorded: &Recorded, slice: Option<Part>) -> Vec<String> {
    let spectra = &recorded.heard.spectra;
    let mut told = recorded.notes.clone();
    if told.is_empty() {
        let pieces = recorded.pieces.len();
        told.push(format!("stretches added: {pieces}, cut alike, on the same channels, none twice"));
    }
    told.push(format!(
        "{} segments count as {:.0} averages: neighbours overlap",
        spectra.segments(),
        spectra.averages()
    ));
    for piece in recorded.pieces.iter().filter(|_| !recorded.notes.is_empty()) {
        let end = piece.first_frame + piece.frames;
        let part = slice.map_or(String::new(), |part| format!(", part {} of {}", part.index + 1, part.of));
        told.push(format!("{}: samples {} to {end}{part}", piece.files.join(", "), piece.first_frame));
        for (file, digest) in piece.files.iter().zip(&piece.digests) {
            told.push(format!(
                "{file}: known by {:.16}…, the BLAKE3 of its bytes, so that no sound is added twice",
                digest
            ));
        }
    }
    told
}

/// Adds spectra that were written before.
fn sum(arguments: &Arguments) -> Result<Recorded> {
    let Arguments { captures, band, from, to, slice, .. } = arguments;
    if !captures.iter().all(|path| is_spectra(path)) {
        return Err(Error::request("captures and spectra in one; write spectra of the captures first, then add them"));
    }
    if band.is_some() || from.is_some() || to.is_some() || slice.is_some() {
        return Err(Error::request(
            "--band, --from, --to and --slice need the captures; spectra are added as they are",
        ));
    }
    read_all(captures)
}

fn hear(arguments: &Arguments, progress: &Progress, reasons: Reasons) -> Result<Recorded> {
    let Arguments { captures, .. } = arguments;
    let site = read_site(&site_path(arguments.site.as_deref(), &captures[0], reasons)?)?;
    let options = Options {
        band_hz: arguments.band.map(|BandHz(low, high)| (low, high)),
        from_s: arguments.from,
        to_s: arguments.to,
        ..Options::default()
    };
    let mut captures = Captures::open(captures)?;
    let digests = captures.digests()?;
    let part = arguments.slice.unwrap_or(Part::WHOLE);
    record(&site, captures, digests, &options, part, &|stage, share| progress.show(stage, share))
}

/// Parses `3/12`.
fn slice(text: &str) -> std::result::Result<Part, String> {
    let parts = text.split_once('/').and_then(|(k, n)| Some((k.parse::<u64>().ok()?, n.parse::<u64>().ok()?)));
    match parts {
        Some((k, n)) if (1..=n).contains(&k) && n <= 1_000_000 => Ok(Part { index: k - 1, of: n }),
        _ => Err("write the number of the part and how many there are, as 3/12".into()),
    }
}
