//! `pinhole plan`: how well a layout can locate, before anything is recorded.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use pinhole::atomic::write_atomically;
use pinhole::plan::{Options, plan};
use pinhole::report::{plan_csv, plan_json, plan_text, write_plan_plot};
use pinhole::site::{Point3, read_site};
use pinhole::{Error, Result};

use super::console::{self, Progress, Reasons};
use super::quantity::{self, BandHz};

const EXAMPLES: &str = "Examples:
  pinhole plan --site samples/tunnel/site.toml
  pinhole plan --site prk.toml --duration 10s --snr=-20dB --add 2
  pinhole plan --site prk.toml --add 1 --at 0.9,0,1.2 --at 0,0.9,1.2

Tells the 1-sigma error over the wall (Cramér–Rao bound with the site's own uncertainties), the weakest leak
that will be found, and places that cannot be told apart; writes plan.json, plan.csv (every cell of the wall)
and the plot (PNG and SVG) to --out. --add proposes where more sensors help most.";

/// Flags of `pinhole plan`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Walls, sensors and path
    #[arg(long, value_name = "SITE.toml")]
    site: PathBuf,
    /// Frequency band with unit, as 20..60kHz [default: the band that leaks are heard in]
    #[arg(long, value_name = "LO..HI", value_parser = quantity::band)]
    band: Option<BandHz>,
    /// The recorder's sample rate, with its unit
    #[arg(long, value_name = "HZ", value_parser = quantity::frequency_hz, default_value = "192kHz")]
    rate: f64,
    /// How long is recorded, with its unit
    #[arg(long, value_name = "S", value_parser = quantity::time_s, default_value = "1s")]
    duration: f64,
    /// How loud the leak is over the noise, in the band, at the median sensor of the median place
    #[arg(long, value_name = "DB", value_parser = quantity::gain_db, default_value = "-10dB", allow_hyphen_values = true)]
    snr: f64,
    /// Probability of a false alarm that is allowed
    #[arg(long, value_name = "P", value_parser = quantity::probability, default_value = "1%")]
    alarm: f64,
    /// Propose places for so many more sensors
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=16))]
    add: u8,
    /// A place where one may stand, metres; may be repeated [default: anywhere along the walls]
    #[arg(long = "at", value_name = "X,Y,Z", value_parser = quantity::place_m, allow_hyphen_values = true)]
    rail: Vec<Point3>,
    /// Folder for the results [default: <site>.plan in the current folder]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// plan.json on stdout and nothing else
    #[arg(long)]
    json: bool,
    /// No plot
    #[arg(long)]
    no_plots: bool,
    /// No progress and no warnings on stderr
    #[arg(long, short)]
    quiet: bool,
}

/// Runs the command.
///
/// # Errors
/// Whatever is wrong with the site or the plan, or stops the writing.
pub fn run(arguments: &Arguments, reasons: Reasons) -> Result<ExitCode> {
    if !arguments.rail.is_empty() && arguments.add == 0 {
        return Err(Error::request("--at names places for more sensors; say how many with --add N"));
    }
    if arguments.duration <= 0.0 {
        return Err(Error::request("--duration must be longer than nothing"));
    }
    let site = read_site(&arguments.site)?;
    let options = Options {
        band_hz: arguments.band.map(|BandHz(low_hz, high_hz)| [low_hz, high_hz]),
        sample_rate_hz: arguments.rate,
        duration_s: arguments.duration,
        snr_db: arguments.snr,
        alarm: arguments.alarm,
        add: usize::from(arguments.add),
        rail: arguments.rail.clone(),
    };
    let progress = Progress::new(arguments.quiet);
    let planned = plan(&site, &options, &|stage, share| progress.show(stage, share));
    progress.finish();
    let planned = planned?;
    reasons.say_all(&planned.notes);
    let out = arguments.out.clone().unwrap_or_else(|| {
        let mut name = arguments.site.file_stem().unwrap_or_default().to_os_string();
        name.push(".plan");
        PathBuf::from(name)
    });
    if !arguments.no_plots {
        write_plan_plot(&site, &planned, &options, &out)?;
    }
    let json = plan_json(&site, &planned, &options);
    write_atomically(out.join("plan.csv"), &plan_csv(&site, &planned))?;
    write_atomically(out.join("plan.json"), json.as_bytes())?;
    console::print(&if arguments.json { json } else { plan_text(&site, &planned, &options) })?;
    if !arguments.quiet {
        planned.warnings.iter().for_each(|warning| console::complain(warning));
        console::complain(&format!("plan.json, plan.csv and plot in {}", out.display()));
    }
    Ok(ExitCode::SUCCESS)
}
