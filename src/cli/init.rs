//! `pinhole init`: a commented site file to begin with.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use pinhole::atomic::write_atomically;
use pinhole::site::{Sensors, Shape, draft};
use pinhole::{Error, Result};

use super::console;
use super::quantity;

const EXAMPLES: &str = "Examples:
  pinhole init -o site.toml
  pinhole init --shape tunnel --size 2m,2.35m --sensors 8 -o prk.toml
  pinhole init --shape plate --size 1.2m,0.8m --contacts 3mm --sensors 6 -o panel.toml
  pinhole init --shape box --size 4m,3m,2.2m -o cabin.toml

Every key is explained in the file; lines marked MEASURE hold guesses. Then: pinhole locate CAPTURE.wav --site site.toml";

/// Flags of `pinhole init`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// What the walls are like
    #[arg(long, value_enum, default_value_t = ShapeName::Tunnel)]
    shape: ShapeName,
    /// Tunnel: diameter,length; plate: width,height; box: along x,y,z; each with its unit [default: 2m,2.35m; 1m,1m; 4m,3m,2.2m]
    #[arg(long, value_name = "SIZE", value_parser = quantity::lengths_m)]
    size: Option<quantity::Lengths>,
    /// Name shown on plots
    #[arg(long, default_value = "my module")]
    name: String,
    /// Number of sensors, one a channel
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(3..=128))]
    sensors: u16,
    /// Contact sensors on a sheet of this thickness, as 3mm [default: microphones in air]
    #[arg(long, value_name = "THICKNESS", value_parser = quantity::length_m)]
    contacts: Option<f64>,
    /// The file to write
    #[arg(long, short, value_name = "SITE.toml")]
    out: PathBuf,
    /// Write over a file that is there
    #[arg(long)]
    force: bool,
    /// No word on stderr
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ShapeName {
    /// A barrel between two end rings with hatches
    Tunnel,
    /// One flat wall
    Plate,
    /// Six flat walls
    Box,
}

/// Runs the command.
///
/// # Errors
/// [`Error::Request`] where the size does not fit the shape or the file is there already, and those of writing.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let Arguments { out, .. } = arguments;
    if out.exists() && !arguments.force {
        return Err(Error::request(format!("{} is there already; name another file, or add --force", out.display())));
    }
    let sensors = match arguments.contacts {
        None => Sensors::Microphones,
        Some(thickness_m) if (1e-5..=0.2).contains(&thickness_m) => {
            Sensors::Contacts { thickness_mm: thickness_m * 1e3 }
        }
        Some(thickness_m) => {
            return Err(Error::request(format!("--contacts {} mm is no sheet; 0.01 to 200 mm are", thickness_m * 1e3)));
        }
    };
    let text = draft(&arguments.name, shape(arguments)?, sensors, usize::from(arguments.sensors));
    write_atomically(out, text.as_bytes())?;
    if !arguments.quiet {
        console::complain(&format!("{} written; replace what is marked MEASURE", out.display()));
    }
    Ok(ExitCode::SUCCESS)
}

fn shape(arguments: &Arguments) -> Result<Shape> {
    let size = arguments.size.as_ref().map(|size| size.0.as_slice());
    let wrong = |usual: &str| Err(Error::request(format!("--size does not fit the shape; write it like {usual}")));
    match (arguments.shape, size) {
        (ShapeName::Tunnel, None) => Ok(tunnel(2.0, 2.35)),
        (ShapeName::Tunnel, Some(&[diameter_m, length_m])) => Ok(tunnel(diameter_m, length_m)),
        (ShapeName::Tunnel, _) => wrong("2m,2.35m (diameter, length)"),
        (ShapeName::Plate, None) => Ok(Shape::Plate { size_m: [1.0, 1.0] }),
        (ShapeName::Plate, Some(&[u, v])) => Ok(Shape::Plate { size_m: [u, v] }),
        (ShapeName::Plate, _) => wrong("1.2m,0.8m (width, height)"),
        (ShapeName::Box, None) => Ok(Shape::Room { size_m: [4.0, 3.0, 2.2] }),
        (ShapeName::Box, Some(&[x, y, z])) => Ok(Shape::Room { size_m: [x, y, z] }),
        (ShapeName::Box, _) => wrong("4m,3m,2.2m (along x, y, z)"),
    }
}

fn tunnel(diameter_m: f64, length_m: f64) -> Shape {
    Shape::Tunnel { radius_m: diameter_m / 2.0, length_m, hatch_m: 0.2 * diameter_m }
}
