//! Captures with a known truth: what sensors would record of leaks and fans, in a cabin's air or on its wall.
//!
//! Sound is linear, sources are points, the air is still. Every path is exact in delay (a phase per frequency, no
//! interpolation). In air it spreads as 1/distance and loses what ISO 9613-1 says; along a wall each frequency travels
//! at its own speed and spreads as 1/√distance. What is not modelled: directivity, diffraction, shadowing by equipment,
//! flow, the focusing of echoes by curved walls (see [`Room`]), and the change of one guided wave into another at edges.
//!
//! Every random draw comes from the scene's seed and a stream of its own purpose and number, so that the same scene gives
//! the same samples on any number of threads and one more fan leaves the leak's noise as it was.

mod check;
mod deviations;
mod files;
mod noise;
mod paths;
mod record;
mod scene;
mod sources;
mod wall_paths;

pub use deviations::Deviations;
pub use files::{held, truth_json, write};
pub use paths::{Path, Reflection, Room};
pub use record::{Captures, Recording, Truth, simulate};
pub use scene::{CaptureSettings, Fan, Format, Leak, Loudness, Scene, Spectrum, parse_scene, read_scene};

/// A shipped scene without its deviations, for tests that bring their own.
#[cfg(test)]
fn without_truth(scene: &str) -> &str {
    scene.split("\n[truth]").next().unwrap_or(scene)
}
