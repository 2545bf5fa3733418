//! `pinhole completions` and `pinhole man`: what makes the program at home in a shell.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::Shell;
use pinhole::atomic::write_atomically;
use pinhole::{Error, Result};

use super::console::{self, Reasons};

const COMPLETIONS: &str = "Examples:
  pinhole completions bash > ~/.local/share/bash-completion/completions/pinhole
  pinhole completions zsh > ~/.zfunc/_pinhole
  pinhole completions fish > ~/.config/fish/completions/pinhole.fish";

const MAN: &str = "Examples:
  pinhole man --out ~/.local/share/man/man1
  man pinhole-locate";

/// Flags of `pinhole completions`.
#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Flags of `pinhole man`.
#[derive(Debug, Args)]
#[command(after_help = MAN)]
pub struct Man {
    /// Folder for the pages, one a command
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
}

/// Prints the completions of `program` for a shell.
///
/// # Errors
/// Those of printing.
pub fn complete(arguments: &Completions, mut program: Command, reasons: Reasons) -> Result<ExitCode> {
    let mut text = Vec::new();
    reasons.say(format!(
        "{} as asked, for {} commands: their flags are written out, so that a new version needs new completions",
        arguments.shell,
        program.get_subcommands().count()
    ));
    clap_complete::generate(arguments.shell, &mut program, "pinhole", &mut text);
    console::print(&String::from_utf8_lossy(&text))?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the manual of `program`, one page a command.
///
/// # Errors
/// Those of writing.
pub fn man(arguments: &Man, program: Command, reasons: Reasons) -> Result<ExitCode> {
    let mut program = program.disable_help_subcommand(true);
    program.build();
    let page = |command: &Command, name: &str| -> Result<()> {
        let path = arguments.out.join(format!("{name}.1"));
        let mut text = Vec::new();
        let page = clap_mangen::Man::new(command.clone()).title(name.to_owned());
        page.render(&mut text).map_err(|source| Error::io(&path, source))?;
        write_atomically(&path, &text)
    };
    page(&program, "pinhole")?;
    for command in program.get_subcommands() {
        page(command, &format!("pinhole-{}", command.get_name()))?;
    }
    reasons
        .say(format!("{} as asked; man finds pages there where its parent is on the manpath", arguments.out.display()));
    console::complain(&format!("{} pages in {}", program.get_subcommands().count() + 1, arguments.out.display()));
    Ok(ExitCode::SUCCESS)
}
