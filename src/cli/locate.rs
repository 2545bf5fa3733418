//! `pinhole locate`: the main job.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Args, ValueEnum};
use pinhole::atomic::write_atomically;
use pinhole::capture::Captures;
use pinhole::cross_spectra::Weighting;
use pinhole::locate::{Options, Outcome, Verdict, Wanted, locate, locate_transients};
use pinhole::report::{map_json, result_json, summary, write_plots};
use pinhole::site::{Site, read_site};
use pinhole::{Error, Result};

use super::console::{self, Progress};
use super::quantity::{self, BandHz};

const EXAMPLES: &str = "Examples:
  pinhole locate samples/tunnel/capture.wav
  pinhole locate prk.wav --site prk.toml --background fans_only.wav --band 20..60kHz
  pinhole locate prk.wav --from 1.5s --to 3s --out monday --json > monday.json

Writes result.json and plots (PNG and SVG) to --out. Exit status 0 whatever was found,
1 where it could not be done, 2 where the request is wrong.";

/// Flags of `pinhole locate`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// WAV captures, one a recorder, in the order of the site file's recorders
    #[arg(required = true, value_name = "CAPTURE.wav")]
    captures: Vec<PathBuf>,
    /// Walls, sensors and air [default: site.toml beside the first capture]
    #[arg(long, value_name = "SITE.toml")]
    site: Option<PathBuf>,
    /// Captures of the same place without the leak; what is new over them is located
    #[arg(long, value_name = "BG.wav", num_args = 1..)]
    background: Vec<PathBuf>,
    /// Frequency band with unit, as 20kHz..60kHz [default: chosen from the sample rate]
    #[arg(long, value_name = "LO..HI", value_parser = quantity::band)]
    band: Option<BandHz>,
    /// How many leaks to look for; auto means as many as stand out
    #[arg(long, value_name = "auto|N", default_value = "auto", value_parser = leaks)]
    leaks: Wanted,
    /// Start of the stretch to analyse, with unit, as 1.5s
    #[arg(long, value_name = "S", value_parser = quantity::time_s)]
    from: Option<f64>,
    /// End of the stretch to analyse, with unit
    #[arg(long, value_name = "S", value_parser = quantity::time_s)]
    to: Option<f64>,
    /// Find taps, impacts and lead breaks in the capture and locate each
    #[arg(long, conflicts_with_all = ["background", "leaks", "prove"])]
    transient: bool,
    /// How cross-spectra are scaled
    #[arg(long, value_enum, default_value_t = WeightingName::Scot)]
    weighting: WeightingName,
    /// Folder for result.json and plots [default: <capture>.pinhole in the current folder]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Probability of a false alarm that is allowed: 1% or 0.01
    #[arg(long, value_name = "P", default_value = "1%", value_parser = quantity::probability)]
    alarm: f64,
    /// Put the leak back into N captures like this one, locate it again, and tell the error beside the ellipse
    #[arg(long, value_name = "N", value_parser = captures)]
    prove: Option<usize>,
    /// Write no plots
    #[arg(long)]
    no_plots: bool,
    /// Print result.json and nothing else on stdout
    #[arg(long)]
    json: bool,
    /// No progress and no warnings on stderr
    #[arg(long, short)]
    quiet: bool,
    /// Say what was decided and why, on stderr
    #[arg(long, short)]
    verbose: bool,
    /// Exit status tells the verdict: 10 leak, 11 no leak, 12 inconclusive
    #[arg(long)]
    exit_code: bool,
    /// Threads to use [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum WeightingName {
    /// By the powers of both channels, bin by bin
    Scot,
    /// Phase alone
    Phat,
    /// By the band's mean powers
    Plain,
}

/// Runs the command.
///
/// # Errors
/// Whatever stops the analysis or the writing of its results.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    if let Some(threads) = arguments.threads {
        // The pool exists already only where something ran before, which nothing has.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(usize::from(threads)).build_global();
        pool.map_err(|e| Error::request(format!("--threads {threads}: {e}")))?;
    }
    console::check_folder(&out_dir(arguments))?;
    let site = read_site(&site_path(arguments)?)?;
    let captures = Captures::open(&arguments.captures)?;
    let background = match arguments.background.as_slice() {
        [] => None,
        paths => Some(Captures::open(paths)?),
    };
    let options = Options {
        band_hz: arguments.band.map(|BandHz(low, high)| (low, high)),
        weighting: match arguments.weighting {
            WeightingName::Scot => Weighting::Scot,
            WeightingName::Phat => Weighting::Phat,
            WeightingName::Plain => Weighting::Plain,
        },
        from_s: arguments.from,
        to_s: arguments.to,
        leaks: arguments.leaks,
        alarm: arguments.alarm,
        prove: arguments.prove.unwrap_or(0),
        transient: arguments.transient,
    };
    let progress = Progress::new(arguments.quiet);
    let show = |stage: &'static str, share: f64| progress.show(stage, share);
    let outcome = match arguments.transient {
        true => locate_transients(&site, captures, &options, &show),
        false => locate(&site, captures, background, &options, &show),
    };
    let outcome = outcome.inspect_err(|_| progress.finish())?;
    let told = tell(arguments, &site, outcome, &progress);
    progress.finish();
    told
}

fn tell(arguments: &Arguments, site: &Site, mut outcome: Outcome, progress: &Progress) -> Result<ExitCode> {
    let out = out_dir(arguments);
    if !arguments.no_plots {
        progress.show("plotting", 0.0);
        let start = Instant::now();
        write_plots(site, &outcome, &out)?;
        outcome.timing_s.push(("plots", start.elapsed().as_secs_f64()));
    }
    let json = result_json(site, &outcome);
    write_atomically(out.join("result.json"), json.as_bytes())?;
    let site_text = std::fs::read_to_string(site_path(arguments)?).unwrap_or_default();
    write_atomically(out.join("map.json"), map_json(&site_text, &outcome).as_bytes())?;
    progress.finish();
    if arguments.json {
        console::print(&json)?;
    } else {
        console::print(&summary(site, &outcome, console::colour()))?;
    }
    if arguments.verbose {
        for note in &outcome.notes {
            console::complain(note);
        }
        for (stage, seconds) in &outcome.timing_s {
            console::complain(&format!("{stage}: {:.0} ms", seconds * 1e3));
        }
    }
    if !arguments.quiet {
        if arguments.json {
            for warning in &outcome.warnings {
                console::complain(warning);
            }
        }
        let what = if arguments.no_plots { "result.json" } else { "result.json and plots" };
        console::complain(&format!("{what} in {}", out.display()));
    }
    Ok(match (arguments.exit_code, outcome.verdict) {
        (false, _) => ExitCode::SUCCESS,
        (true, Verdict::Leak) => ExitCode::from(10),
        (true, Verdict::NoLeak) => ExitCode::from(11),
        (true, Verdict::Inconclusive) => ExitCode::from(12),
    })
}

fn site_path(arguments: &Arguments) -> Result<PathBuf> {
    if let Some(path) = &arguments.site {
        return Ok(path.clone());
    }
    let capture = &arguments.captures[0];
    let beside = capture.parent().unwrap_or(Path::new("")).join("site.toml");
    if beside.exists() {
        return Ok(beside);
    }
    Err(Error::request(format!("no site file: {} does not exist; name one with --site SITE.toml", beside.display())))
}

fn out_dir(arguments: &Arguments) -> PathBuf {
    arguments.out.clone().unwrap_or_else(|| {
        let mut name = arguments.captures[0].file_stem().unwrap_or_default().to_os_string();
        name.push(".pinhole");
        PathBuf::from(name)
    })
}

fn leaks(text: &str) -> std::result::Result<Wanted, String> {
    match text {
        "auto" => Ok(Wanted::Auto),
        _ => text
            .parse()
            .ok()
            .filter(|n| (1..=16).contains(n))
            .map(Wanted::AtMost)
            .ok_or_else(|| "write auto, or a number from 1 to 16".into()),
    }
}

fn captures(text: &str) -> std::result::Result<usize, String> {
    text.parse().ok().filter(|n| (1..=100_000).contains(n)).ok_or_else(|| "write a number from 1 to 100000".into())
}
