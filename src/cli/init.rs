//! `pinhole init`: a commented site file to begin with.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use pinhole::atomic::write_atomically;
use pinhole::site::{Sensors, Shape, draft};
use pinhole::{Error, Result};

use super::ask::{self, Dialogue};
use super::console::{self, Reasons};
use super::quantity;

const EXAMPLES: &str = "Examples:
  pinhole init -o site.toml
  pinhole init --shape tunnel --size 2m,2.35m --sensors 8 -o prk.toml
  pinhole init --shape plate --size 1.2m,0.8m --contacts 3mm --sensors 6 -o panel.toml
  pinhole init --shape box --size 4m,3m,2.2m -o cabin.toml

At a terminal it asks for what no flag says, unless --no-questions is there; elsewhere it never asks. Every key is explained in the
file; lines marked MEASURE hold guesses. Then: pinhole locate CAPTURE.wav --site site.toml";

/// Flags of `pinhole init`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// What the walls are like [default: tunnel]
    #[arg(long, value_enum)]
    shape: Option<ShapeName>,
    /// Tunnel: diameter,length; plate: width,height; box: along x,y,z; each with its unit [default: 2m,2.35m; 1m,1m; 4m,3m,2.2m]
    #[arg(long, value_name = "SIZE", value_parser = quantity::lengths_m)]
    size: Option<quantity::Lengths>,
    /// Name shown on plots [default: my module]
    #[arg(long)]
    name: Option<String>,
    /// Number of sensors, one a channel [default: 8]
    #[arg(long, value_name = "N", value_parser = count)]
    sensors: Option<u16>,
    /// Contact sensors on a sheet of this thickness, as 3mm [default: microphones in air]
    #[arg(long, value_name = "THICKNESS", value_parser = quantity::length_m)]
    contacts: Option<f64>,
    /// How well the sensors' places are known (1 sigma), as 5mm [default: 2mm; contact sensors 1mm]
    #[arg(long, value_name = "LENGTH", value_parser = sigma_m)]
    sigma: Option<f64>,
    /// The file to write
    #[arg(long, short, value_name = "SITE.toml")]
    out: PathBuf,
    /// Ask nothing, at a terminal either
    #[arg(long)]
    no_questions: bool,
    /// Write over a file that is there
    #[arg(long)]
    force: bool,
    /// No word on stderr, and no questions
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ShapeName {
    /// A barrel between two end rings with hatches
    Tunnel,
    /// One flat wall
    Plate,
    /// Six flat walls
    Box,
}

/// All that a draft needs.
struct Answers {
    shape: Shape,
    name: String,
    sensors: Sensors,
    count: u16,
    sigma_m: f64,
    /// Where each came from.
    notes: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// [`Error::Request`] where the size does not fit the shape or the file is there already, and those of writing.
pub fn run(arguments: &Arguments, reasons: Reasons) -> Result<ExitCode> {
    let Arguments { out, .. } = arguments;
    if out.exists() && !arguments.force {
        return Err(Error::request(format!("{} is there already; name another file, or add --force", out.display())));
    }
    let asks = ask::somebody_is_there() && !arguments.quiet && !arguments.no_questions;
    // Where nobody is asked, every answer is the usual one.
    let Answers { shape, name, sensors, count, sigma_m, notes } = match asks {
        true => answers(arguments, |question, usual, read| {
            Dialogue::new(io::stdin().lock(), io::stderr()).ask(question, usual, read)
        }),
        false => answers(arguments, |_, usual, read| read(usual).map_err(Error::request)),
    }?;
    reasons.say(match asks {
        true => "asked what no flag says: somebody is at the terminal",
        false if arguments.quiet => "asked nothing: --quiet is there",
        false if arguments.no_questions => "asked nothing: --no-questions is there",
        false => "asked nothing: nobody is at a terminal",
    });
    reasons.say_all(notes);
    let text = draft(&name, shape, sensors, usize::from(count), sigma_m);
    write_atomically(out, text.as_bytes())?;
    if !arguments.quiet {
        console::complain(&format!("{} written; replace what is marked MEASURE", out.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads an answer; what it gives is kept by the one who asks.
type Reader<'t> = &'t mut dyn FnMut(&str) -> std::result::Result<(), String>;

/// What flags say, and for the rest what `ask` is answered to a question with a usual answer.
fn answers(arguments: &Arguments, ask: impl FnMut(&str, &str, Reader<'_>) -> Result<()>) -> Result<Answers> {
    let mut asking = Asking { ask, notes: Vec::new() };
    let shape = asking.told(arguments.shape, "--shape", "Walls: tunnel, plate or box?", "tunnel", |text| {
        ShapeName::from_str(text, true).map_err(|_| format!("'{text}' is none of tunnel, plate and box"))
    })?;
    let (question, usual) = size_question(shape);
    let size = arguments.size.as_ref().map(|size| sized(shape, &size.0)).transpose().map_err(Error::request)?;
    let shape = asking.told(size, "--size", question, usual, |text| sized(shape, &quantity::lengths_m(text)?.0))?;
    let contacts = arguments.contacts.map(sheet).transpose().map_err(Error::request)?;
    let question = "Thickness of the sheet, for contact sensors; air for microphones?";
    let contacts = asking.told(contacts.map(Some), "--contacts", question, "air", |text| {
        if text.eq_ignore_ascii_case("air") { Ok(None) } else { sheet(quantity::length_m(text)?).map(Some) }
    })?;
    let sensors =
        contacts.map_or(Sensors::Microphones, |thickness_m| Sensors::Contacts { thickness_mm: thickness_m * 1e3 });
    let count = asking.told(arguments.sensors, "--sensors", "How many sensors?", "8", count)?;
    let usual = if contacts.is_some() { "1mm" } else { "2mm" };
    let question = "How well are their places known (1 sigma)?";
    let sigma_m = asking.told(arguments.sigma, "--sigma", question, usual, sigma_m)?;
    let name = arguments.name.clone();
    let name = asking.told(name, "--name", "Name shown on plots?", "my module", |text| Ok(text.to_owned()))?;
    Ok(Answers { shape, name, sensors, count, sigma_m, notes: asking.notes })
}

/// Who asks, and where each answer came from.
struct Asking<A> {
    ask: A,
    notes: Vec<String>,
}

impl<A: FnMut(&str, &str, Reader<'_>) -> Result<()>> Asking<A> {
    /// The flag's word, or the answer to a question.
    fn told<T>(
        &mut self,
        word: Option<T>,
        flag: &str,
        question: &str,
        usual: &str,
        read: impl Fn(&str) -> std::result::Result<T, String>,
    ) -> Result<T> {
        if let Some(word) = word {
            self.notes.push(format!("{flag} as it was given"));
            return Ok(word);
        }
        let mut answer = None;
        (self.ask)(question, usual, &mut |text| {
            let why = if text == usual { "the usual one" } else { "as answered" };
            answer = Some((read(text)?, format!("{flag} {text}: {why}")));
            Ok(())
        })?;
        let (value, note) = answer.expect("no question ends without an answer");
        self.notes.push(note);
        Ok(value)
    }
}

fn size_question(shape: ShapeName) -> (&'static str, &'static str) {
    match shape {
        ShapeName::Tunnel => ("Diameter and length?", "2m,2.35m"),
        ShapeName::Plate => ("Width and height?", "1m,1m"),
        ShapeName::Box => ("Size along x, y and z?", "4m,3m,2.2m"),
    }
}

fn sized(shape: ShapeName, size_m: &[f64]) -> std::result::Result<Shape, String> {
    match (shape, size_m) {
        (ShapeName::Tunnel, &[diameter_m, length_m]) => {
            Ok(Shape::Tunnel { radius_m: diameter_m / 2.0, length_m, hatch_m: 0.2 * diameter_m })
        }
        (ShapeName::Plate, &[u, v]) => Ok(Shape::Plate { size_m: [u, v] }),
        (ShapeName::Box, &[x, y, z]) => Ok(Shape::Room { size_m: [x, y, z] }),
        (ShapeName::Tunnel, _) => Err("a tunnel's --size is diameter and length, like 2m,2.35m".into()),
        (ShapeName::Plate, _) => Err("a plate's --size is width and height, like 1.2m,0.8m".into()),
        (ShapeName::Box, _) => Err("a box's --size is along x, y and z, like 4m,3m,2.2m".into()),
    }
}

fn sheet(thickness_m: f64) -> std::result::Result<f64, String> {
    match (1e-5..=0.2).contains(&thickness_m) {
        true => Ok(thickness_m),
        false => Err(format!("{} mm is no sheet for contact sensors; 0.01 to 200 mm are", thickness_m * 1e3)),
    }
}

fn count(text: &str) -> std::result::Result<u16, String> {
    let number = text.parse().ok().filter(|n| (3..=128).contains(n));
    number.ok_or_else(|| format!("'{text}' is not a number from 3 to 128"))
}

fn sigma_m(text: &str) -> std::result::Result<f64, String> {
    let length_m = quantity::length_m(text)?;
    match (0.0..=0.1).contains(&length_m) {
        true => Ok(length_m),
        false => Err(format!("'{text}': places are known to 0 to 100 mm")),
    }
}
