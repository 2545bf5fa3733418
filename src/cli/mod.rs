//! Flags in, text and exit status out. Nothing here computes.

mod analysis;
mod ask;
mod batch;
mod bench;
mod calibrate;
mod compare;
mod console;
mod dispersion;
mod filter;
mod init;
mod inspect;
mod listen;
mod locate;
mod plan;
mod quantity;
mod shell;
mod simulate;
mod spectra;
mod survey;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use console::Reasons;
use pinhole::Result;

/// Finds a leak in a module's wall from multi-channel ultrasonic recordings.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100, propagate_version = true)]
struct Arguments {
    /// Say on stderr what was decided and why, with --quiet too
    #[arg(long, short, global = true)]
    verbose: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Where on the wall the leak is, how sure that is, with plots
    Locate(locate::Arguments),
    /// Many captures of one site; goes on where it was ended
    Batch(batch::Arguments),
    /// What is in a capture, and what is wrong with it
    Inspect(inspect::Arguments),
    /// A capture filtered to a band, every sound at its old time
    Filter(filter::Arguments),
    /// Ultrasound moved down to where ears hear it
    Listen(listen::Arguments),
    /// What locating needs of captures, as a file that adds
    Spectra(spectra::Arguments),
    /// The same from several stands, one after the other
    Survey(survey::Arguments),
    /// How well a layout of sensors can locate, before anything is recorded
    Plan(plan::Arguments),
    /// Delays, gains, places and speed from sources at known places
    Calibrate(calibrate::Arguments),
    /// Two results on one scale: what is new, what is gone
    Compare(compare::Arguments),
    /// Phase and group speed of the wall's waves over a band
    Dispersion(dispersion::Arguments),
    /// A commented site file to begin with
    Init(init::Arguments),
    /// Captures with a known truth, from a scene
    Simulate(simulate::Arguments),
    /// Completions for a shell, to stdout
    Completions(shell::Completions),
    /// Manual pages, one a command
    Man(shell::Man),
    /// Speed of the FFT core, of each stage, of the whole job
    Bench(bench::Arguments),
}

impl Command {
    fn run(&self, reasons: Reasons) -> Result<ExitCode> {
        match self {
            Self::Locate(arguments) => locate::run(arguments, reasons),
            Self::Batch(arguments) => batch::run(arguments, reasons),
            Self::Inspect(arguments) => inspect::run(arguments, reasons),
            Self::Filter(arguments) => filter::run(arguments, reasons),
            Self::Listen(arguments) => listen::run(arguments, reasons),
            Self::Spectra(arguments) => spectra::run(arguments, reasons),
            Self::Survey(arguments) => survey::run(arguments, reasons),
            Self::Plan(arguments) => plan::run(arguments, reasons),
            Self::Calibrate(arguments) => calibrate::run(arguments, reasons),
            Self::Compare(arguments) => compare::run(arguments, reasons),
            Self::Dispersion(arguments) => dispersion::run(arguments, reasons),
            Self::Init(arguments) => init::run(arguments, reasons),
            Self::Simulate(arguments) => simulate::run(arguments, reasons),
            Self::Completions(arguments) => shell::complete(arguments, Arguments::command(), reasons),
            Self::Man(arguments) => shell::man(arguments, Arguments::command(), reasons),
            Self::Bench(arguments) => bench::run(arguments, reasons),
        }
    }
}

/// Exit status after Ctrl-C, as shells have it.
const INTERRUPTED: i32 = 130;

/// Runs the program and gives its exit status.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    // Without a handler an interrupt still ends the program, only less tidily.
    let _ = ctrlc::set_handler(|| {
        pinhole::atomic::abandon();
        std::process::exit(INTERRUPTED);
    });
    let words: Vec<OsString> = arguments.into_iter().collect();
    let parsed = Arguments::command().try_get_matches_from(&words).and_then(|m| Arguments::from_arg_matches(&m));
    let done = match parsed {
        Ok(Arguments { verbose, command }) => command.run(Reasons::new(verbose)),
        Err(error) if error.use_stderr() => {
            let verbs = Arguments::command();
            let first = words.iter().skip(1).find(|word| !word.as_encoded_bytes().starts_with(b"-"));
            let asked = first.and_then(|word| verbs.find_subcommand(word));
            console::complain(&console::usage_error(&error, asked.map(|verb| verb.get_name())));
            return ExitCode::from(2);
        }
        Err(help) => console::print(&help.render().to_string()).map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| {
        console::complain(&error.to_string());
        ExitCode::from(error.exit_code())
    })
}
