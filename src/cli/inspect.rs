//! `pinhole inspect`: what is in a capture, and what is wrong with it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use pinhole::capture::Captures;
use pinhole::inspect::inspect;
use pinhole::locate::selection;
use pinhole::report::{Inspected, inspection_json, inspection_text, write_inspection_plots};
use pinhole::site::{Site, read_site};
use pinhole::{Error, Result};

use super::console::{self, Progress, Reasons};

const EXAMPLES: &str = "Examples:
  pinhole inspect samples/tunnel/capture.wav
  pinhole inspect prk.wav --site prk.toml --out look
  pinhole inspect 2026-11-23.flac --json > inspection.json

Needs no site; with one, channels are called by their sensors, and files that do not fit it are refused.";

/// Flags of `pinhole inspect`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Captures that were recorded together: WAV, RF64, Wave64 or FLAC
    #[arg(required = true, value_name = "CAPTURE.wav")]
    captures: Vec<PathBuf>,
    /// What they are of [default: site.toml beside the first capture, where there is one that fits]
    #[arg(long, value_name = "SITE.toml")]
    site: Option<PathBuf>,
    /// Folder for plots: levels, spectrogram, coherence [default: none are written]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
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
/// Those of reading, and of a site that does not fit.
pub fn run(arguments: &Arguments, reasons: Reasons) -> Result<ExitCode> {
    let Arguments { out, json, quiet, .. } = arguments;
    out.iter().try_for_each(|out| console::check_folder(out))?;
    let mut captures = Captures::open(&arguments.captures)?;
    let (names, groups) = named(arguments, &captures, reasons)?;
    let progress = Progress::new(*quiet);
    let inspection = inspect(&mut captures, &groups, &|share| progress.show("listening", share));
    progress.finish();
    let inspection = inspection?;
    reasons.say_all(&inspection.notes);
    let warnings: Vec<String> = captures.warnings().map(str::to_owned).collect();
    let subject = Inspected { inspection: &inspection, captures: &captures, names: &names, warnings: &warnings };
    if let Some(out) = out {
        write_inspection_plots(&subject, out)?;
    }
    console::print(&if *json { inspection_json(&subject) } else { inspection_text(&subject) })?;
    if let Some(out) = out.as_ref().filter(|_| !quiet) {
        console::complain(&format!("plots in {}", out.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Name and clock of each channel, file after file: by the site where there is one, else by the recorder's notes.
fn named(arguments: &Arguments, captures: &Captures, reasons: Reasons) -> Result<(Vec<String>, Vec<usize>)> {
    let files = captures.files();
    let firsts: Vec<usize> =
        files.iter().scan(0, |next, file| Some(std::mem::replace(next, *next + file.channels()))).collect();
    let several = files.len() > 1;
    let by_notes = |(f, file): (usize, &pinhole::capture::SoundFile)| {
        let of = |channel: usize| {
            let track = file.notes().track_names.iter().find(|(index, _)| *index == channel);
            let place = if several { format!("{}:{channel}", f + 1) } else { channel.to_string() };
            track.map_or(place.clone(), |(_, name)| format!("{place} {name}"))
        };
        (1..=file.channels()).map(of).collect::<Vec<_>>()
    };
    let mut names: Vec<String> = files.iter().enumerate().flat_map(by_notes).collect();
    // Mono files come from one recorder, others from one each.
    let mono = files.iter().all(|file| file.channels() == 1);
    let mut groups: Vec<usize> =
        files.iter().enumerate().flat_map(|(f, file)| vec![if mono { 0 } else { f }; file.channels()]).collect();
    if let Some(site) = site(arguments, captures, reasons)? {
        let sensors: Vec<usize> = (0..site.sensors.len()).collect();
        let clocks = site.clock_groups();
        for (sensor, (file, channel)) in selection(&site, captures, &sensors)?.into_iter().enumerate() {
            let at = firsts[file] + channel;
            names[at] = site.sensors[sensor].id.clone();
            groups[at] = clocks[sensor];
        }
    } else {
        let noted: usize = files.iter().map(|file| file.notes().track_names.len()).sum();
        reasons.say(match noted {
            0 => "channels are numbered: the recorder noted no names".to_owned(),
            _ => format!("names of {noted} of {} channels are the recorder's notes", names.len()),
        });
    }
    Ok((names, groups))
}

fn site(arguments: &Arguments, captures: &Captures, reasons: Reasons) -> Result<Option<Site>> {
    if let Some(path) = &arguments.site {
        reasons.say(format!("names and clocks of the site {}, as asked", path.display()));
        return read_site(path).map(Some);
    }
    let beside = arguments.captures[0].parent().unwrap_or(Path::new("")).join("site.toml");
    let site = match read_site(&beside) {
        Ok(site) => site,
        Err(Error::Io { .. }) => {
            let what = if beside.exists() { "cannot be read" } else { "is not there" };
            reasons.say(format!("no site: {} {what}, and --site names no other", beside.display()));
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    // Nobody asked for this one: it helps where it fits.
    let sensors: Vec<usize> = (0..site.sensors.len()).collect();
    match selection(&site, captures, &sensors) {
        Ok(_) => {
            reasons.say(format!(
                "names and clocks of the site {}: it stands beside the capture and fits it",
                beside.display()
            ));
            Ok(Some(site))
        }
        Err(why) => {
            reasons.say(format!("no site: {} stands beside the capture, but {why}", beside.display()));
            Ok(None)
        }
    }
}
