//! `pinhole bench`: how fast this machine is.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use pinhole::simd::lanes;
use pinhole::simulate::{parse_scene, simulate, write};
use pinhole::site::{Site, read_site};
use pinhole::speed::{CoreRow, Job, Spread, core, job};
use pinhole::{Error, Result};
use serde_json::{Value, json};

use super::console::{self, Progress};

const EXAMPLES: &str = "Examples:
  pinhole bench
  pinhole bench prk.wav --site prk.toml --json > speed.json

Candidates take turns, so that a busy machine is busy for all; figures are medians of nine rounds.";

/// The scene of the shipped sample: eight microphones, a leak, machines.
const SCENE: &str = include_str!("../../samples/tunnel.scene.toml");

/// Length of the synthetic capture, seconds.
const SYNTHETIC_S: f64 = 5.0;

/// Flags of `pinhole bench`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Captures to measure the stages on [default: five synthetic seconds of eight channels]
    #[arg(value_name = "CAPTURE.wav")]
    captures: Vec<PathBuf>,
    /// What they are of, for the whole job [default: site.toml beside the first capture, where there is one]
    #[arg(long, value_name = "SITE.toml", requires = "captures")]
    site: Option<PathBuf>,
    /// Print JSON and nothing else on stdout
    #[arg(long)]
    json: bool,
    /// No progress on stderr
    #[arg(long, short)]
    quiet: bool,
}

/// Runs the command.
///
/// # Errors
/// Those of reading and locating.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let folder = tempfile::tempdir().map_err(|e| Error::io(std::env::temp_dir(), e))?;
    let (paths, site) = match arguments.captures.first() {
        None => {
            let (capture, site) = synthetic(folder.path())?;
            (vec![capture], Some(site))
        }
        Some(first) => {
            let beside = Some(first.with_file_name("site.toml")).filter(|path| path.exists());
            let site = arguments.site.clone().or(beside).map(|path| read_site(&path)).transpose()?;
            (arguments.captures.clone(), site)
        }
    };
    let progress = Progress::new(arguments.quiet);
    let job = job(&paths, site.as_ref(), &|share| progress.show("the job", share));
    let job = job.inspect_err(|_| progress.finish())?;
    let core = core(&|share| progress.show("the FFT core", share));
    progress.finish();
    if arguments.json {
        let text = serde_json::to_string_pretty(&document(&core, &job)).expect("only string keys are used");
        console::print(&(text + "\n"))?;
    } else {
        console::print(&table(&core, &job, arguments.captures.is_empty()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A synthetic capture and its site, written to `folder`.
fn synthetic(folder: &Path) -> Result<(PathBuf, Site)> {
    let scene = SCENE.replace("duration_s = 0.5", &format!("duration_s = {SYNTHETIC_S}"));
    let scene = parse_scene(&scene, "the scene of the shipped sample")?;
    write(&scene, &simulate(&scene)?, folder)?;
    Ok((folder.join("capture.wav"), scene.site))
}

fn document(core: &[CoreRow], job: &Job) -> Value {
    let spread = |s: &Spread| json!({"median_s": s.median_s, "least_s": s.least_s, "most_s": s.most_s});
    let row = |row: &CoreRow| {
        json!({
            "length": row.length,
            "across_channels": spread(&row.across_channels),
            "realfft": spread(&row.realfft),
            "rustfft_complex": spread(&row.complex),
            "two_in_one": spread(&row.two_in_one),
        })
    };
    let stage = |row: &pinhole::speed::JobRow| {
        let per_s = row.samples.map(|samples| samples / row.time.median_s);
        json!({"name": row.name, "time": spread(&row.time), "samples_per_s": per_s})
    };
    json!({
        "format": "pinhole-speed",
        "version": 1,
        "lanes": lanes(),
        "threads": rayon::current_num_threads(),
        "fft": core.iter().map(row).collect::<Vec<_>>(),
        "job": {
            "files": job.files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>(),
            "channels": job.channels,
            "duration_s": job.duration_s,
            "sample_rate_hz": job.sample_rate_hz,
            "stages": job.stages.iter().map(stage).collect::<Vec<_>>(),
        },
    })
}

fn table(core: &[CoreRow], job: &Job, is_synthetic: bool) -> String {
    let mut lines = vec![
        format!("FFT core, one thread, registers of {} lanes: µs a channel, median", lanes()),
        "  length   16 channels at once   realfft   rustfft, complex   two in one   of realfft".into(),
    ];
    for row in core {
        let us = |spread: &Spread| spread.median_s * 1e6;
        lines.push(format!(
            "  {:>6} {:>21.2} {:>9.2} {:>18.2} {:>12.2} {:>10.0} %",
            row.length,
            us(&row.across_channels),
            us(&row.realfft),
            us(&row.complex),
            us(&row.two_in_one),
            100.0 * row.across_channels.median_s / row.realfft.median_s
        ));
    }
    lines.push("  (at once: window and telling channels apart included; realfft and complex bare)".into());
    let what = if is_synthetic { "a synthetic capture".into() } else { job.files[0].display().to_string() };
    lines.push(String::new());
    lines.push(format!(
        "Stages on {what}: {} channels, {:.2} s at {} Hz, {} threads",
        job.channels,
        job.duration_s,
        job.sample_rate_hz,
        rayon::current_num_threads()
    ));
    lines.push("                                           ms   least    most   Msamples/s".into());
    for row in &job.stages {
        let ms = |seconds: f64| seconds * 1e3;
        let rate = row.samples.map(|samples| format!("{:>13.0}", samples / row.time.median_s / 1e6));
        lines.push(format!(
            "  {:<36} {:>8.2} {:>7.2} {:>7.2}{}",
            row.name,
            ms(row.time.median_s),
            ms(row.time.least_s),
            ms(row.time.most_s),
            rate.unwrap_or_default()
        ));
    }
    lines.push(String::new());
    lines.join("\n")
}
