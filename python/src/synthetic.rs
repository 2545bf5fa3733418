//! Simulated captures as arrays and as files.

use std::path::PathBuf;

use numpy::ndarray::Array2;
use numpy::{IntoPyArray, PyArrayMethods};
use pinhole::simulate::{
    self as simulation, Format, Recording, Scene, held, parse_scene, read_scene, truth_json, write,
};
use pyo3::prelude::*;

use crate::work::Run;

/// Captures, backgrounds, sample rate, site file and truth; arrays are `[frame, channel]`, one a recorder.
type Simulated<'py> = (Vec<Bound<'py, PyAny>>, Vec<Bound<'py, PyAny>>, u32, String, String);

/// What a recorder would keep.
enum Kept {
    Int16(Array2<i16>),
    Float32(Array2<f32>),
}

/// Simulates a scene, from its file or its text, and writes it where a folder is given.
#[pyfunction]
#[pyo3(signature = (path, text, out, threads))]
pub fn simulate(
    py: Python<'_>,
    path: PathBuf,
    text: Option<String>,
    out: Option<PathBuf>,
    threads: Option<usize>,
) -> PyResult<Simulated<'_>> {
    let made = Run { threads, progress: None }.run(py, |_| {
        let scene = match text {
            Some(text) => parse_scene(&text, &path.display().to_string())?,
            None => read_scene(&path)?,
        };
        let captures = simulation::simulate(&scene)?;
        if let Some(out) = &out {
            write(&scene, &captures, out)?;
        }
        let truth = truth_json(&scene, &captures)?;
        let kept = |recordings: &[Recording]| recordings.iter().map(|one| kept(&scene, one)).collect::<Vec<_>>();
        let (recordings, background) =
            (kept(&captures.recordings), kept(captures.background.as_deref().unwrap_or(&[])));
        Ok((recordings, background, captures.sample_rate_hz, scene.site_toml.clone(), truth))
    });
    let (recordings, background, rate_hz, site, truth) = made?;
    let arrays = |kept: Vec<Kept>| kept.into_iter().map(|one| one.array(py)).collect();
    Ok((arrays(recordings), arrays(background), rate_hz, site, truth))
}

/// A recording as the scene's recorder keeps it: interleaved, to its last bit.
fn kept(scene: &Scene, recording: &Recording) -> Kept {
    let dim = (recording.first().map_or(0, Vec::len), recording.len());
    let step = |bits: u16| (1.0 - f32::from(bits)).exp2();
    match scene.capture.format {
        Format::Int16 => {
            Kept::Int16(Array2::from_shape_fn(dim, |(frame, channel)| held(recording[channel][frame], 16) as i16))
        }
        Format::Int24 => Kept::Float32(Array2::from_shape_fn(dim, |(frame, channel)| {
            held(recording[channel][frame], 24) as f32 * step(24)
        })),
        Format::Float32 => Kept::Float32(Array2::from_shape_fn(dim, |(frame, channel)| recording[channel][frame])),
    }
}

impl Kept {
    fn array(self, py: Python<'_>) -> Bound<'_, PyAny> {
        match self {
            Self::Int16(samples) => samples.into_pyarray(py).as_untyped().clone().into_any(),
            Self::Float32(samples) => samples.into_pyarray(py).as_untyped().clone().into_any(),
        }
    }
}
