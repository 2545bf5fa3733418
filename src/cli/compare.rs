//! `pinhole compare`: two results on one scale, and their difference.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use pinhole::atomic::write_atomically;
use pinhole::report::{Comparison, Finding, write_comparison_plot};
use pinhole::{Error, Result};

use super::console::{self, Reasons};

const EXAMPLES: &str = "Example:
  pinhole compare before.pinhole/result.json after.pinhole/result.json

Says which leaks are the same, new or gone, with their significance; writes compare.json and the plot (PNG and SVG)
to --out. Both need the map.json that pinhole locate writes beside result.json.";

/// Flags of `pinhole compare`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The earlier result
    #[arg(value_name = "A/result.json")]
    a: PathBuf,
    /// The later one
    #[arg(value_name = "B/result.json")]
    b: PathBuf,
    /// Folder for compare.json and the plot
    #[arg(long, value_name = "DIR", default_value = "compare.pinhole")]
    out: PathBuf,
    /// Print compare.json and nothing else on stdout
    #[arg(long)]
    json: bool,
    /// Write no plot
    #[arg(long)]
    no_plots: bool,
    /// No word on stderr
    #[arg(long, short)]
    quiet: bool,
}

/// Runs the command.
///
/// # Errors
/// Whatever is wrong with the results, or stops the writing.
pub fn run(arguments: &Arguments, reasons: Reasons) -> Result<ExitCode> {
    console::check_folder(&arguments.out)?;
    let comparison = Comparison::of(read(&arguments.a)?, read(&arguments.b)?)?;
    reasons.say_all(&comparison.notes);
    if !arguments.no_plots {
        write_comparison_plot(&comparison, &arguments.out)?;
    }
    let json = comparison.json();
    write_atomically(arguments.out.join("compare.json"), json.as_bytes())?;
    let told = if arguments.json { json } else { comparison.summary() };
    console::print(&told)?;
    if !arguments.quiet {
        let what = if arguments.no_plots { "compare.json" } else { "compare.json and plot" };
        console::complain(&format!("{what} in {}", arguments.out.display()));
    }
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> Result<Finding> {
    let text = |path: &Path| std::fs::read_to_string(path).map_err(|source| Error::io(path, source));
    let result = text(path)?;
    let map = path.with_file_name("map.json");
    if !map.exists() {
        return Err(Error::request(format!(
            "{} is missing beside {}; locate the capture again with this version",
            map.display(),
            path.display()
        )));
    }
    let folder = path.parent().filter(|folder| folder.file_name().is_some()).unwrap_or(path);
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    Finding::parse(&name, &path.display().to_string(), &result, &text(&map)?)
}
