//! `pinhole filter`: a capture filtered to a band, every sound at its old time.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use pinhole::capture::Captures;
use pinhole::channelise::{Band, BandResponse, STOP_DB};
use pinhole::filter::filter;
use pinhole::{Error, Result};

use super::console::{self, Progress, Reasons};
use super::quantity::{self, BandHz};

const EXAMPLES: &str = "Examples:
  pinhole filter prk.wav --band 20..60kHz -o prk_20_60.wav
  pinhole filter night.flac --band 300Hz..5kHz -o rumble.flac

Zero phase: nothing is delayed. The edges are a tenth of the lower frequency wide, and what lies
beyond them is 80 dB down. Same channels, rate, bits and recorder's notes. The name says which
container: .flac, .w64 (Wave64), otherwise WAV, which becomes RF64 beyond 4 GB.";

/// Flags of `pinhole filter`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The capture: WAV, RF64, Wave64 or FLAC
    #[arg(value_name = "CAPTURE.wav")]
    capture: PathBuf,
    /// What stays, with unit, as 20kHz..60kHz
    #[arg(long, value_name = "LO..HI", value_parser = quantity::band)]
    band: BandHz,
    /// The file to write
    #[arg(long, short, value_name = "OUT.wav")]
    out: PathBuf,
    /// No progress and no warnings on stderr
    #[arg(long, short)]
    quiet: bool,
}

/// Runs the command.
///
/// # Errors
/// Those of reading and writing.
pub fn run(arguments: &Arguments, reasons: Reasons) -> Result<ExitCode> {
    let Arguments { capture, band: BandHz(low_hz, high_hz), out, quiet } = arguments;
    not_over(out, capture)?;
    let mut captures = Captures::open(std::slice::from_ref(capture))?;
    let band = Band::new(*low_hz, *high_hz, f64::from(captures.sample_rate_hz()))?;
    let response = BandResponse::new(&band, f64::from(captures.sample_rate_hz()));
    reasons.say_all(reasons_of(&response, &band, captures.sample_rate_hz()));
    let progress = Progress::new(*quiet);
    let held = filter(&mut captures, &response, out, &|share| progress.show("filtering", share));
    progress.finish();
    let held = held?;
    let beyond = format!("{}: {held} samples were beyond full scale and were held there", out.display());
    match held {
        0 => reasons.say("no sample was beyond full scale, so none had to be held there"),
        _ if *quiet => reasons.say(beyond),
        _ => console::complain(&beyond),
    }
    if !quiet {
        captures.warnings().for_each(console::complain);
        console::complain(&format!("{:.1} to {:.1} kHz in {}", low_hz / 1e3, high_hz / 1e3, out.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// How the filter was made.
fn reasons_of(response: &BandResponse, band: &Band, rate_hz: u32) -> [String; 2] {
    let samples = 2 * response.reach() + 1;
    let why = match (band.low_hz(), band.high_hz() - band.low_hz()) {
        _ if response.is_longest() => "a longer response, with narrower ones, is not made",
        (0.0, _) => "a tenth of the upper frequency",
        (low_hz, width_hz) if low_hz <= width_hz => "a tenth of the lower frequency",
        _ => "a tenth of the band, which is narrow",
    };
    [
        format!(
            "{samples} samples of response ({:.2} ms), alike before and after: nothing is delayed",
            samples as f64 / f64::from(rate_hz) * 1e3
        ),
        format!("edges {:.3} kHz wide, {STOP_DB:.0} dB down beyond: {why}", response.edge_hz / 1e3),
    ]
}

/// Endings of sound that is written.
const ENDINGS: [&str; 6] = ["wav", "wave", "rf64", "bw64", "w64", "flac"];

/// Refuses to write over what is read, or under a name that promises another format.
///
/// # Errors
/// [`Error::Request`] for either.
pub fn not_over(out: &Path, capture: &Path) -> Result<()> {
    if let Some(other) = out.extension().filter(|e| !ENDINGS.iter().any(|known| e.eq_ignore_ascii_case(known))) {
        let other = other.display();
        return Err(Error::request(format!("{}: .{other} is not written; call it .wav, .w64 or .flac", out.display())));
    }
    let real = |path: &Path| path.canonicalize().ok();
    match (real(out), real(capture)) {
        (Some(a), Some(b)) if a == b => {
            Err(Error::request(format!("-o {} would replace the recording itself; name another file", out.display())))
        }
        _ => Ok(()),
    }
}
