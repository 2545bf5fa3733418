//! `pinhole survey`: one wall, listened to from several stands.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use pinhole::Result;
use pinhole::site::read_survey;

use super::analysis::{Analysis, Job};
use super::console::Reasons;

const EXAMPLES: &str = "Examples:
  pinhole survey survey.toml
  pinhole survey survey.toml --band 20..60kHz --out three_stands

A survey names the stands; each has a site file of the same walls and its captures:
  [[stand]]
  id = \"fore\"
  site = \"fore/site.toml\"          # default: site.toml beside the first capture
  captures = [\"fore/capture.wav\"]  # one a recorder
  backgrounds = []                   # at every stand or at none

What all stands heard adds up to one answer. All captures are cut to the shortest.";

/// Flags of `pinhole survey`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The stands: site files and captures
    #[arg(value_name = "SURVEY.toml")]
    survey: PathBuf,
    #[command(flatten)]
    analysis: Analysis,
}

/// Runs the command.
///
/// # Errors
/// Whatever stops the analysis or the writing of its results.
pub fn run(arguments: &Arguments, reasons: Reasons) -> Result<ExitCode> {
    arguments.analysis.prepare(&arguments.survey)?;
    let survey = read_survey(&arguments.survey)?;
    let stands = survey.site.recorders.iter().map(|recorder| recorder.stand + 1).max().unwrap_or(0);
    reasons.say(format!(
        "stands: {stands}, sensors: {}, as one site: no pair is formed from stand to stand, since none heard what another did",
        survey.site.sensors.len()
    ));
    reasons.say(format!("walls and path of {}: it is the first stand's", survey.first_site.display()));
    let job = Job {
        site: survey.site,
        input: &arguments.survey,
        site_path: survey.first_site,
        captures: &survey.captures,
        background: &survey.backgrounds,
        transient: false,
    };
    arguments.analysis.run(&job, reasons)
}
