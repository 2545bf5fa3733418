//! Answers to stdout, everything else to stderr; colour and progress only where a person is looking.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use pinhole::{Error, Result};

/// Prints to stdout. A reader that has gone away is no error: it has what it wanted.
///
/// # Errors
/// [`Error::Io`] where stdout cannot be written.
pub fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(Error::io("standard output", e)),
        _ => Ok(()),
    }
}

/// Says what went wrong, on stderr.
pub fn complain(what: &str) {
    // Nobody is left to be told when stderr itself is gone.
    let _ = writeln!(io::stderr(), "pinhole: {what}");
}

/// What a command decided and why, said on stderr where `-v` asks for it.
///
/// `--quiet` silences what nobody asked for, progress and warnings; whoever adds `-v` asked for this, and gets it alone.
#[derive(Debug, Clone, Copy)]
pub struct Reasons {
    asked: bool,
}

impl Reasons {
    /// Said where they are `asked` for.
    pub fn new(asked: bool) -> Self {
        Self { asked }
    }

    /// Says one.
    pub fn say(self, why: impl AsRef<str>) {
        if self.asked {
            complain(why.as_ref());
        }
    }

    /// Says several.
    pub fn say_all(self, reasons: impl IntoIterator<Item = impl AsRef<str>>) {
        reasons.into_iter().for_each(|why| self.say(why));
    }
}

/// Whether answers may be coloured.
pub fn colour() -> bool {
    io::stdout().is_terminal() && no_colour_is_unset()
}

fn no_colour_is_unset() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A usage error in at most three lines: what is wrong, what may be meant, where to read on. `verb` is the command that was asked
/// for, where it is one.
pub fn usage_error(error: &clap::Error, verb: Option<&str>) -> String {
    use clap::error::ErrorKind::{DisplayHelpOnMissingArgumentOrSubcommand, MissingSubcommand};
    if matches!(error.kind(), DisplayHelpOnMissingArgumentOrSubcommand | MissingSubcommand) {
        return "no command; begin with 'pinhole locate CAPTURE.wav'\n  see 'pinhole --help' for the others".to_owned();
    }
    let rendered = error.render().to_string();
    let mut lines = rendered.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or("the command is not understood");
    // The standard library's words for what is no number say nothing of what would be one.
    let mut what = first.trim_start_matches("error: ").replace("invalid digit found in string", "write a whole number");
    let mut hint = None;
    for line in lines {
        if line.starts_with('<') || line.starts_with("--") || line.starts_with('-') {
            what.push(' ');
            what.push_str(line);
        } else if let Some(tip) = line.strip_prefix("tip: ") {
            // Whoever mistypes a flag does not mean a value that begins with a dash.
            hint = Some(tip).filter(|tip| !tip.starts_with("to pass ")).map(str::to_string);
        } else if line.starts_with("[possible") || line.starts_with("[subcommands") {
            hint = Some(line.trim_matches(['[', ']']).to_string());
        }
    }
    if error.kind() == clap::error::ErrorKind::ArgumentConflict {
        hint = Some("leave one of them out".to_owned());
    }
    let hint = hint.map(|h| format!("\n  {h}")).unwrap_or_default();
    let verb = verb.map(|verb| format!("{verb} ")).unwrap_or_default();
    format!("{what}{hint}\n  see 'pinhole {verb}--help'")
}

/// A progress bar on stderr, hidden where nobody looks.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar, unless `quiet` or stderr is not a terminal.
    pub fn new(quiet: bool) -> Self {
        let bar = if quiet || !io::stderr().is_terminal() { ProgressBar::hidden() } else { ProgressBar::new(1000) };
        let style = if no_colour_is_unset() {
            "{msg:12} {wide_bar:.cyan} {percent:>3} % {eta}"
        } else {
            "{msg:12} {wide_bar} {percent:>3} % {eta}"
        };
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        Self { bar }
    }

    /// Shows the stage and the share of it done.
    pub fn show(&self, stage: &'static str, share: f64) {
        self.bar.set_message(stage);
        self.bar.set_position((share * 1000.0) as u64);
    }

    /// Lets something be said while the bar is out of the way.
    pub fn aside(&self, say: impl FnOnce()) {
        self.bar.suspend(say);
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// A count of captures on stderr: a bar where somebody looks, else a line for each.
pub struct Counter {
    bar: ProgressBar,
    quiet: bool,
}

impl Counter {
    /// Of so many captures.
    pub fn new(quiet: bool, captures: usize) -> Self {
        let shown = !quiet && io::stderr().is_terminal();
        let bar = if shown { ProgressBar::new(captures as u64) } else { ProgressBar::hidden() };
        bar.set_length(captures as u64);
        if let Ok(style) = ProgressStyle::with_template("{pos}/{len} captures {wide_bar} {percent:>3} % {eta}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(std::time::Duration::from_millis(200));
        Self { bar, quiet }
    }

    /// One more is finished, and this is what became of it.
    pub fn tell(&self, what: &str) {
        self.bar.inc(1);
        let (done, all) = (self.bar.position(), self.bar.length().unwrap_or(0));
        match (self.quiet, self.bar.is_hidden()) {
            (true, _) => {}
            (false, true) => complain(&format!("{done}/{all} {what}")),
            (false, false) => self.bar.println(format!("{done}/{all} {what}")),
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Refuses a folder for results that cannot be one, before anything is computed.
///
/// # Errors
/// [`Error::Io`] where the nearest thing that exists on the way to it is no folder.
pub fn check_folder(folder: &Path) -> Result<()> {
    match folder.ancestors().find(|above| above.exists()) {
        Some(above) if !above.is_dir() => {
            let it = if above == folder { String::new() } else { format!("{} ", above.display()) };
            let what = format!("{it}is a file; name a folder, there or to be made");
            Err(Error::io(folder, io::Error::new(io::ErrorKind::NotADirectory, what)))
        }
        _ => Ok(()),
    }
}
