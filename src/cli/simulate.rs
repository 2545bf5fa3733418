//! `pinhole simulate`: captures with a known truth.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use pinhole::Result;
use pinhole::simulate::{Captures, Loudness, Recording, Reflection, Scene, read_scene, simulate, write};

use super::console::{self, Reasons};

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
pub fn run(arguments: &Arguments, reasons: Reasons) -> Result<ExitCode> {
    let scene = read_scene(&arguments.scene)?;
    let captures = simulate(&scene)?;
    reasons.say_all(reasons_of(&scene, &captures));
    write(&scene, &captures, &arguments.out)?;
    if !arguments.quiet {
        console::complain(&format!("captures, site.toml and truth.json in {}", arguments.out.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// What the samples follow from.
fn reasons_of(scene: &Scene, captures: &Captures) -> Vec<String> {
    let (capture, site, truth) = (&scene.capture, &scene.site, &captures.truth);
    let frames = |recordings: &[Recording]| recordings.iter().flatten().map(Vec::len).max().unwrap_or(0);
    let background = match &captures.background {
        Some(background) => format!(", and {} without leaks as background", frames(background)),
        None => String::new(),
    };
    let ways = match &scene.reflection {
        Some(Reflection { coefficient, order, .. }) => {
            format!("direct, and by mirrors up to order {order}, each of which leaves {coefficient} of the amplitude")
        }
        None => "no echoes, since the scene has no [reflection]".to_owned(),
    };
    let mut told = vec![
        format!("seed {}: every random draw follows from it, on any number of threads", capture.seed),
        format!(
            "{} samples a channel: {} s at {} Hz{background}",
            frames(&captures.recordings),
            capture.duration_s,
            capture.sample_rate_hz
        ),
        format!(
            "{} ways of sound from leaks ({}) and fans ({}) to {} sensors: {ways}",
            captures.ways,
            scene.leaks.len(),
            scene.fans.len(),
            site.sensors.len()
        ),
    ];
    told.extend(scene.leaks.iter().zip(&truth.leak_levels_db).enumerate().map(|(i, (leak, level_db))| {
        let why = match leak.loudness {
            Loudness::Level(_) => "as level_db says".to_owned(),
            Loudness::Snr(snr_db) => format!("snr_db puts it {snr_db} dB over noise in its band at the median sensor"),
        };
        format!("leak {}: {level_db:.1} dB re full scale at 1 m: {why}", i + 1)
    }));
    told
}
