//! `pinhole listen`: ultrasound moved down to where ears hear it.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use pinhole::capture::Captures;
use pinhole::filter::{Measure, Raised, Slice, Steering, listen};
use pinhole::locate::{Steered, selection};
use pinhole::site::{Point3, Site, read_site};
use pinhole::{Error, Result};
use realfft::num_complex::Complex;
use serde_json::Value;

use super::analysis::is_of;
use super::console::{self, Progress, Reasons};
use super::filter::not_over;
use super::quantity;

const EXAMPLES: &str = "Examples:
  pinhole listen prk.wav -o heard.wav
  pinhole listen prk.wav --centre 55kHz --channel 3 -o fan.wav
  pinhole listen prk.wav --steer 0.98,-0.19,1.54 -o hatch.wav
  pinhole listen prk.wav --leak 1 -o leak.wav

Ten kilohertz about --centre are moved down to 0.5..10.5 kHz, one sideband only, so that nothing folds in.
--steer and --leak add up all sensors of one clock as they hear that place. --leak reads the place from
result.json, which pinhole locate wrote. The sound is raised to a comfortable level unless --gain says how much.";

/// Where leaks are heard best where nobody asks otherwise, hertz, and the most of its sample rate that a recorder allows.
const USUAL_HZ: f64 = 40e3;
const OF_RATE: f64 = 0.3;

/// Flags of `pinhole listen`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Captures, one a recorder
    #[arg(required = true, value_name = "CAPTURE.wav")]
    captures: Vec<PathBuf>,
    /// Middle of the slice that is heard, with unit [default: 40kHz, lower for slow recorders]
    #[arg(long, value_name = "HZ", value_parser = quantity::frequency_hz)]
    centre: Option<f64>,
    /// Channel to listen to, counted from 1
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    channel: u16,
    /// Listen to this place, metres in the module frame, with all sensors
    #[arg(long, value_name = "X,Y,Z", value_parser = quantity::place_m, allow_hyphen_values = true, conflicts_with_all = ["channel", "leak"])]
    steer: Option<Point3>,
    /// Listen to this leak of result.json, counted from 1, with all sensors
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), conflicts_with = "channel")]
    leak: Option<u16>,
    /// Where --leak reads [default: result.json in the capture's .pinhole folder in the current one]
    #[arg(long, value_name = "result.json", requires = "leak")]
    result: Option<PathBuf>,
    /// Sensors and walls, for --steer and --leak [default: site.toml beside the first capture]
    #[arg(long, value_name = "SITE.toml")]
    site: Option<PathBuf>,
    /// Raise the sound by so much, as 30dB [default: to a comfortable level]
    #[arg(long, value_name = "DB", value_parser = quantity::gain_db, allow_hyphen_values = true)]
    gain: Option<f64>,
    /// The file to write: mono, 16 bits
    #[arg(long, short, value_name = "OUT.wav")]
    out: PathBuf,
    /// No progress and no word on stderr
    #[arg(long, short)]
    quiet: bool,
}

/// Runs the command.
///
/// # Errors
/// Those of reading and writing, and of a site that does not fit.
pub fn run(arguments: &Arguments, reasons: Reasons) -> Result<ExitCode> {
    let Arguments { out, quiet, .. } = arguments;
    arguments.captures.iter().try_for_each(|capture| not_over(out, capture))?;
    let mut captures = Captures::open(&arguments.captures)?;
    let rate_hz = captures.sample_rate_hz();
    let centre_hz = centre_hz(arguments, rate_hz, reasons);
    let slice = Slice::about(centre_hz, rate_hz)?;
    reasons.say(format!("written at {} of {rate_hz} Hz: enough for ears, and for players", slice.rate_hz));
    let steered = place(arguments, reasons)?.map(|place| -> Result<Steered> {
        let site = site(arguments)?;
        let steered = Steered::to(&site, &place)?;
        let [x, y, z]: [f64; 3] = place.into();
        let sensors = steered.sensors.len();
        reasons
            .say(format!("{sensors} sensors, all of the first clock, added up as they hear {x:.3}, {y:.3}, {z:.3} m"));
        captures.select(selection(&site, &captures, &steered.sensors)?);
        Ok(steered)
    });
    let steered = steered.transpose()?;
    let band_hz = [slice.band.low_hz(), slice.band.high_hz()];
    let progress = Progress::new(*quiet);
    let show = |share| progress.show("listening", share);
    let done = match &steered {
        Some(steered) => {
            let steering = Steering { weight: &|c, hz| steered.weight(c, hz), most_s: steered.most_s(band_hz) };
            listen(&mut captures, &slice, &steering, arguments.gain, out, &show)
        }
        None => {
            let all: Vec<(usize, usize)> = (captures.files().iter().enumerate())
                .flat_map(|(f, file)| (0..file.channels()).map(move |c| (f, c)))
                .collect();
            let channel = usize::from(arguments.channel);
            let one = all.get(channel - 1).ok_or_else(|| {
                let file = arguments.captures[0].display();
                Error::request(format!("{file}: {} channels; --channel {channel} is none of them", all.len()))
            })?;
            captures.select(vec![*one]);
            reasons.say(format!("channel {channel} alone: neither --steer nor --leak names a place to listen to"));
            let steering = Steering { weight: &|_, _| Complex::new(1.0, 0.0), most_s: 0.0 };
            listen(&mut captures, &slice, &steering, arguments.gain, out, &show)
        }
    };
    progress.finish();
    let Raised { gain_db, by } = done?;
    reasons.say(match by {
        Measure::Asked => format!("gain {gain_db:.1} dB as asked"),
        Measure::Silence => "no gain: the slice is silent".to_owned(),
        Measure::Rms([from, to]) => {
            format!("gain {gain_db:.1} dB: from {from:.1} to {to:.1} dB re full scale, root mean square")
        }
        Measure::Peak([from, to]) => {
            format!(
                "gain {gain_db:.1} dB: the highest peak from {from:.1} to {to:.1} dB re full scale, more would clip"
            )
        }
    });
    if !quiet {
        captures.warnings().for_each(console::complain);
        console::complain(&format!(
            "{:.1} to {:.1} kHz moved down by {:.1} kHz and raised by {gain_db:.1} dB, in {}",
            band_hz[0] / 1e3,
            band_hz[1] / 1e3,
            slice.shift_hz / 1e3,
            out.display()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// The middle of the slice that is heard.
fn centre_hz(arguments: &Arguments, rate_hz: u32, reasons: Reasons) -> f64 {
    let highest_hz = OF_RATE * f64::from(rate_hz);
    let (centre_hz, why) = match arguments.centre {
        Some(centre_hz) => (centre_hz, "as asked"),
        None if USUAL_HZ <= highest_hz => {
            (USUAL_HZ, "in the middle, by octaves, of the 20 to 80 kHz that leaks are heard in")
        }
        None => (highest_hz, "at three tenths of the sample rate: so slow a recorder carries too little above"),
    };
    reasons.say(format!("centre {:.1} kHz {why}", centre_hz / 1e3));
    centre_hz
}

fn site(arguments: &Arguments) -> Result<Site> {
    read_site(&arguments.site.clone().unwrap_or_else(|| arguments.captures[0].with_file_name("site.toml")))
}

/// The place to listen to, where one is asked for.
fn place(arguments: &Arguments, reasons: Reasons) -> Result<Option<Point3>> {
    let Some(number) = arguments.leak else { return Ok(arguments.steer) };
    let beside = || {
        let mut name = arguments.captures[0].file_stem().unwrap_or_default().to_os_string();
        name.push(".pinhole");
        PathBuf::from(name).join("result.json")
    };
    let path = arguments.result.clone().unwrap_or_else(beside);
    reasons.say(format!("the place of leak {number} in {}", path.display()));
    if !path.exists() {
        let what = "is not there; locate the capture first, or name another with --result";
        return Err(Error::io(&path, io::Error::new(io::ErrorKind::NotFound, what)));
    }
    let text = std::fs::read_to_string(&path).map_err(|e| Error::io(&path, e))?;
    let broken = |what: &str| Error::broken(&path, format!("{what}; write it with pinhole locate"));
    let result: Value = serde_json::from_str(&text).map_err(|e| broken(&format!("not a result.json ({e})")))?;
    if arguments.result.is_none() && !is_of(&result, &arguments.captures) {
        return Err(Error::request(format!(
            "{} is of {}, not of {}; locate that first, or name its result with --result",
            path.display(),
            result["capture"]["files"][0].as_str().unwrap_or("other sound"),
            arguments.captures[0].display()
        )));
    }
    let leaks = result["leaks"].as_array().ok_or_else(|| broken("no leaks in it"))?;
    let leak = leaks.get(usize::from(number) - 1).ok_or_else(|| {
        Error::request(format!("{}: {} leaks, and --leak {number} is none of them", path.display(), leaks.len()))
    })?;
    let at: Option<Vec<f64>> = leak["position_m"].as_array().map(|p| p.iter().filter_map(Value::as_f64).collect());
    match at.as_deref() {
        Some([x, y, z]) => Ok(Some(Point3::new(*x, *y, *z))),
        _ => Err(broken(&format!("leak {number} has no position_m"))),
    }
}
