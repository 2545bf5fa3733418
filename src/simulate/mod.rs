//! Captures with a known truth: what sensors would record of leaks and fans in a cabin.
//!
//! Sound is linear, sources are points, the air is still. Every path is exact in delay (a phase per frequency, no
//! interpolation), spreads as 1/distance and loses what ISO 9613-1 says. What is not modelled: directivity, diffraction,
//! shadowing by equipment, flow, and the focusing of echoes by curved walls (see [`Room`]).
//!
//! Every random draw comes from the scene's seed and a stream of its own purpose and number, so that the same scene gives
//! the same samples on any number of threads and one more fan leaves the leak's noise as it was.

mod air;
mod files;
mod noise;
mod paths;
mod scene;
mod sources;

pub use air::{Captures, Recording, Truth, simulate};
pub use files::write;
pub use paths::{Path, Reflection, Room};
pub use scene::{CaptureSettings, Deviations, Fan, Format, Leak, Loudness, Scene, Spectrum, parse_scene, read_scene};

/// A shipped scene without its deviations, for tests that bring their own.
#[cfg(test)]
fn without_truth(scene: &str) -> &str {
    scene.split("\n[truth]").next().unwrap_or(scene)
}
