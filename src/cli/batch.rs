//! `pinhole batch`: many captures of one site, resumable.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Duration;

use clap::Args;
use pinhole::batch::{Batch, Finished, Input, Row, Settling, Status, inputs};
use pinhole::locate::{Options, Wanted};
use pinhole::report::write_batch_plot;
use pinhole::site::{Site, read_site};
use pinhole::{Error, Result};

use super::analysis::{First, Settings, start_threads};
use super::console::{self, Counter, Reasons};
use super::quantity;

const EXAMPLES: &str = "Examples:
  pinhole batch recordings --site prk.toml --out results
  pinhole batch day1/*.wav day2/*.flac --site prk.toml --out results --no-plots
  pinhole batch /mnt/recorder --site prk.toml --out results --watch

Each capture's result goes to a folder of its own in --out; results.csv and results.jsonl have a row a capture, also
for those that could not be analysed, and leaks.png shows all leaks on the wall and over time. Started again, a batch goes on where
it was, whatever ended it: finished captures are known by their content and the settings, not by name.";

/// What one capture at work takes, bytes: buffers and tables, and more for every sensor.
const JOB_BYTES: u64 = 60 << 20;
const SENSOR_BYTES: u64 = 6 << 20;
/// How often a watched folder is looked at.
const LOOK: Duration = Duration::from_millis(500);

const HELD: &str = "nothing panics while it is held";

/// Flags of `pinhole batch`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Captures, and folders of them; a site of several recorders needs a folder a capture
    #[arg(required = true, value_name = "DIR|CAPTURE.wav")]
    paths: Vec<PathBuf>,
    /// Walls, sensors and air of all of them
    #[arg(long, value_name = "SITE.toml")]
    site: PathBuf,
    /// Folder for the results
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Find taps, impacts and lead breaks and locate each
    #[arg(long, conflicts_with_all = ["leaks", "prove"])]
    transient: bool,
    #[command(flatten)]
    settings: Settings,
    /// Write no plots
    #[arg(long)]
    no_plots: bool,
    /// Keep following the folders: a capture is taken when its recorder has finished it
    #[arg(long)]
    watch: bool,
    /// Captures that are worked on at once stay within this, as 2GB
    #[arg(long, value_name = "BYTES", default_value = "1GB", value_parser = quantity::memory_bytes)]
    memory: u64,
    /// Print results.jsonl and nothing else on stdout
    #[arg(long)]
    json: bool,
    /// No progress on stderr
    #[arg(long, short)]
    quiet: bool,
    /// Threads to use [default: all]
    #[arg(long, value_name = "N", value_parser = quantity::threads)]
    threads: Option<u16>,
}

/// Runs the command.
///
/// # Errors
/// What is wrong with the site or the folder for results; a capture that fails is a row, not an error.
pub fn run(arguments: &Arguments, reasons: Reasons) -> Result<ExitCode> {
    let Arguments { paths, out, settings, json, quiet, .. } = arguments;
    start_threads(arguments.threads, First::Waits)?;
    console::check_folder(out)?;
    let site = read_site(&arguments.site)?;
    let site_text = std::fs::read_to_string(&arguments.site).map_err(|e| Error::io(&arguments.site, e))?;
    let mut all = inputs(paths, site.recorders.len(), out)?;
    if all.is_empty() && !arguments.watch {
        let what = "no WAV or FLAC file there; name captures, or a folder that holds them";
        return Err(Error::request(format!("{}: {what}", paths[0].display())));
    }
    let options = settings.options(arguments.transient);
    reasons.say(passed_on(&options));
    let batch = Batch::open(&site, &site_text, options, !arguments.no_plots, out)?;
    let each_bytes = JOB_BYTES + SENSOR_BYTES * site.sensors.len() as u64;
    let threads = rayon::current_num_threads();
    let at_once = (arguments.memory / each_bytes).clamp(1, threads as u64) as usize;
    let go = |all: &[Input]| -> Result<Vec<Row>> {
        reasons.say(format!(
            "captures: {}; at most {at_once} at once: {threads} threads, and {:.2} of {:.2} GB for each",
            all.len(),
            each_bytes as f64 / 1e9,
            arguments.memory as f64 / 1e9
        ));
        let counter = Counter::new(*quiet, all.len());
        let skipped = Mutex::new(BTreeSet::new());
        let told = |finished: Finished<'_>| {
            counter.tell(&line(&finished));
            skipped.lock().expect(HELD).extend(why_skipped(&finished));
        };
        let rows = batch.run(all, at_once, &told);
        counter.finish();
        reasons.say_all(skipped.into_inner().expect(HELD));
        let rows = rows?;
        write_batch_plot(&site, &marks(&rows), out)?;
        Ok(rows)
    };
    if arguments.watch {
        return watch(arguments, &site, &go);
    }
    all.sort();
    let rows = go(&all)?;
    console::print(&if *json { pinhole::batch::jsonl(&rows) } else { summary(&rows, arguments) })?;
    Ok(ExitCode::SUCCESS)
}

/// Locates in what is complete, again and again; an interrupt ends it.
fn watch(arguments: &Arguments, site: &Site, go: &dyn Fn(&[Input]) -> Result<Vec<Row>>) -> Result<ExitCode> {
    if !arguments.quiet {
        console::complain("watching; Ctrl-C ends it, and nothing is lost");
    }
    let (mut taken, mut settling) = (BTreeSet::new(), Settling::default());
    loop {
        // A folder of which one recorder's file is still missing is no error here.
        let there = match inputs(&arguments.paths, site.recorders.len(), &arguments.out) {
            Ok(there) => there,
            Err(Error::Request(_)) => Vec::new(),
            Err(error) => return Err(error),
        };
        let fresh: Vec<Input> =
            there.into_iter().filter(|input| !taken.contains(input) && settling.is_settled(input)).collect();
        if !fresh.is_empty() {
            taken.extend(fresh);
            go(&taken.iter().cloned().collect::<Vec<_>>())?;
        }
        std::thread::sleep(LOOK);
    }
}

/// What is asked of every capture.
fn passed_on(options: &Options) -> String {
    let band = match options.band_hz {
        Some((low_hz, high_hz)) => format!("band {:.1}..{:.1} kHz as asked", low_hz / 1e3, high_hz / 1e3),
        None => "the usual band of its site and rate".to_owned(),
    };
    let what = match (options.transient, options.leaks) {
        (true, _) => "taps and impacts".to_owned(),
        (false, Wanted::Auto) => "as many leaks as stand out".to_owned(),
        (false, Wanted::AtMost(most)) => format!("at most {most} leaks"),
    };
    format!("in every capture: {what}, {band}, false alarms in at most {} %", 100.0 * options.alarm)
}

/// Why a capture was not located.
fn why_skipped(finished: &Finished<'_>) -> Option<String> {
    let Row { captures, folder, .. } = finished.row;
    let name = captures.join(" ");
    match (finished.known, folder) {
        (true, Some(folder)) => {
            Some(format!("{name}: skipped, since the same bytes, site and settings are finished in {folder}"))
        }
        _ => None,
    }
}

fn line(finished: &Finished<'_>) -> String {
    let row = finished.row;
    let name = row.captures.join(" ");
    let known = if finished.known { " (known)" } else { "" };
    match (&row.error, row.leaks.first()) {
        (Some(error), _) => format!("{name}: {error}"),
        (None, Some(leak)) => {
            let [x, y, z] = leak.position_m;
            format!("{name}: leak on {} at x {x:.3} m, y {y:.3} m, z {z:.3} m{known}", leak.wall)
        }
        (None, None) => format!("{name}: {}{known}", row.verdict.as_deref().unwrap_or("nothing")),
    }
}

/// Which capture each leak is of, from 0, and where.
fn marks(rows: &[Row]) -> Vec<(usize, [f64; 3], Option<f64>)> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    // In time where every recorder told it; all write it alike within a campaign.
    if rows.iter().all(|row| row.started.is_some()) {
        order.sort_by(|a, b| rows[*a].started.cmp(&rows[*b].started));
    }
    let of = |(at, row): (usize, &usize)| rows[*row].leaks.iter().map(move |leak| (at, leak.position_m, leak.level_db));
    order.iter().enumerate().flat_map(of).collect()
}

fn summary(rows: &[Row], arguments: &Arguments) -> String {
    let count = |what: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| what(row)).count();
    let verdict = |word: &str| count(&|row| row.verdict.as_deref() == Some(word));
    let mut lines = vec![format!(
        "{} captures: {} with a leak, {} without, {} inconclusive, {} failed",
        rows.len(),
        verdict("leak"),
        verdict("no-leak"),
        verdict("inconclusive"),
        count(&|row| row.status == Status::Failed)
    )];
    let failed = rows.iter().filter_map(|row| row.error.as_ref());
    lines.extend(failed.map(|error| format!("  failed: {error}")));
    lines.push(format!("  rows in {}, a folder a capture beside it", arguments.out.join("results.csv").display()));
    lines.push(String::new());
    lines.join("\n")
}
