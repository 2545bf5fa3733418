//! `pinhole simulate`: captures with a known truth.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use pinhole::Result;
use pinhole::simulate::{read_scene, simulate, write};

use super::console;

const EXAMPLES: &str = "Example:
  pinhole simulate samples/tunnel.scene.toml -o tunnel

Writes the captures, site.toml (what pinhole may know) and truth.json (what it may not).
A scene is a site file with [capture], [[leak]], [[fan]], [reflection] and [truth] tables;
samples/tunnel.scene.toml shows them.";

/// Flags of `pinhole simulate`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The scene
    #[arg(value_name = "SCENE.toml")]
    scene: PathBuf,
    /// Folder for the captures
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
    /// No word on stderr
    #[arg(long, short)]
    quiet: bool,
}

/// Runs the command.
///
/// # Errors
/// Whatever is wrong with the scene, or stops the writing.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let scene = read_scene(&arguments.scene)?;
    let captures = simulate(&scene)?;
    write(&scene, &captures, &arguments.out)?;
    if !arguments.quiet {
        console::complain(&format!("captures, site.toml and truth.json in {}", arguments.out.display()));
    }
    Ok(ExitCode::SUCCESS)
}
