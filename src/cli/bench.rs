//! `pinhole bench`: how fast this machine is, and how fast it could be.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use pinhole::locate::Options;
use pinhole::report::{Speed, speed_json, speed_text, write_speed_plots};
use pinhole::simd::{lanes, registers};
use pinhole::simulate::{parse_scene, simulate, write};
use pinhole::site::{Site, read_site};
use pinhole::speed::{Extent, ROUNDS, core, floor, job, roof};
use pinhole::{Error, Result};

use super::analysis::{First, start_threads};
use super::console::{self, Progress, Reasons};
use super::quantity::{self, BandHz};

const EXAMPLES: &str = "Examples:
  pinhole bench
  pinhole bench --roof --out speed
  pinhole bench prk.wav --site prk.toml --band 20..60kHz --json > speed.json

Candidates take turns, so that a busy machine is busy for all; figures are medians of nine rounds. --roof measures how
fast this machine moves bytes and computes, works out from that the least that each stage can take, and tells how near
to it each one comes, on one thread. The FFT core and --roof count the time for which their thread has a core; stages
and the whole job go by the clock on the wall.";

/// The job that is timed where no capture is given: sixteen microphones, a panel, ten seconds.
const SCENE: &str = include_str!("../../benches/reference.scene.toml");

/// The band that goes with it, hertz.
const SCENE_BAND_HZ: (f64, f64) = (20e3, 60e3);

/// Flags of `pinhole bench`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Captures to measure the stages on [default: ten synthetic seconds of sixteen channels]
    #[arg(value_name = "CAPTURE.wav")]
    captures: Vec<PathBuf>,
    /// What they are of, for the whole job [default: site.toml beside the first capture, where there is one]
    #[arg(long, value_name = "SITE.toml", requires = "captures")]
    site: Option<PathBuf>,
    /// Frequency band with unit, as 20kHz..60kHz [default: chosen from the sample rate]
    #[arg(long, value_name = "LO..HI", value_parser = quantity::band)]
    band: Option<BandHz>,
    /// This part alone
    #[arg(long, value_name = "PART", value_enum)]
    only: Option<Part>,
    /// The limits of this machine, the least that each stage can take, and how near to it each comes
    #[arg(long, conflicts_with = "only")]
    roof: bool,
    /// Folder for plots [default: none are written]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print JSON and nothing else on stdout
    #[arg(long)]
    json: bool,
    /// No progress on stderr
    #[arg(long, short)]
    quiet: bool,
}

/// Parts that can be measured alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The FFT core over lengths
    Core,
    /// Reading captures
    Read,
    /// The stages and the whole job
    Job,
}

/// Runs the command.
///
/// # Errors
/// Those of reading and locating.
pub fn run(arguments: &Arguments, reasons: Reasons) -> Result<ExitCode> {
    let Arguments { only, out, quiet, .. } = arguments;
    out.iter().try_for_each(|out| console::check_folder(out))?;
    start_threads(None, First::Works)?;
    let wanted = |part: Part| only.is_none_or(|only| only == part);
    reasons.say(format!(
        "{ROUNDS} rounds in which candidates take turns: a busy machine is busy for all; figures are medians"
    ));
    reasons.say(format!(
        "{} threads for the job, one for the core; registers: {} ({} lanes), the widest of this machine",
        rayon::current_num_threads(),
        registers(),
        lanes()
    ));
    let progress = Progress::new(*quiet);
    let mut speed = Speed { synthetic: arguments.captures.is_empty(), ..Speed::default() };
    if wanted(Part::Read) || wanted(Part::Job) {
        let measured = measure(arguments, &progress, &mut speed, reasons);
        measured.inspect_err(|_| progress.finish())?;
    }
    if wanted(Part::Core) {
        speed.core = core(&|share| progress.show("the FFT core", share));
    }
    progress.finish();
    if let Some(out) = out {
        write_speed_plots(&speed, out)?;
    }
    console::print(&if arguments.json { speed_json(&speed) } else { speed_text(&speed) })?;
    if let Some(out) = out.as_ref().filter(|_| !quiet) {
        console::complain(&format!("plots in {}", out.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// What needs a capture: the stages, the job and the roof.
fn measure(arguments: &Arguments, progress: &Progress, speed: &mut Speed, reasons: Reasons) -> Result<()> {
    let folder = tempfile::tempdir().map_err(|e| Error::io(std::env::temp_dir(), e))?;
    let mut options = Options { band_hz: arguments.band.map(|BandHz(low, high)| (low, high)), ..Options::default() };
    let (paths, site) = match arguments.captures.first() {
        None => {
            reasons.say("a synthetic capture of ten seconds and sixteen channels is measured: none was given");
            progress.show("simulating", 0.0);
            let (capture, site) = synthetic(folder.path())?;
            options.band_hz = options.band_hz.or(Some(SCENE_BAND_HZ));
            (vec![capture], Some(site))
        }
        Some(first) => {
            let beside = Some(first.with_file_name("site.toml")).filter(|path| path.exists());
            let site = arguments.site.clone().or(beside);
            reasons.say(match &site {
                _ if arguments.only == Some(Part::Read) => "reading alone is measured, as asked".to_owned(),
                Some(path) => format!("the whole job is measured too, with the site {}", path.display()),
                None => {
                    "the stages alone are measured: --site names none, and none stands beside the capture".to_owned()
                }
            });
            let site = site.map(|path| read_site(&path)).transpose()?;
            (arguments.captures.clone(), site)
        }
    };
    let (site, options) = (site.as_ref(), &options);
    let extent = if arguments.only == Some(Part::Read) { Extent::Reading } else { Extent::Whole { site, options } };
    speed.job = Some(job(&paths, extent, &|share| progress.show("the job", share))?);
    if arguments.roof {
        let open = || File::open(&paths[0]).map(|file| Box::new(file) as Box<dyn Read>);
        let roof = roof(&open, &|share| progress.show("the roof", share)).map_err(|e| Error::io(&paths[0], e))?;
        let floor = floor(&paths, site, options, &roof, &|share| progress.show("the floor", share))?;
        speed.roof = Some((roof, floor));
    }
    Ok(())
}

/// A synthetic capture and its site, written to `folder`.
fn synthetic(folder: &Path) -> Result<(PathBuf, Site)> {
    let scene = parse_scene(SCENE, "the scene of the benchmark")?;
    write(&scene, &simulate(&scene)?, folder)?;
    Ok((folder.join("capture.wav"), scene.site))
}
