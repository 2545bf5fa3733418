//! Captures as Python has them: paths, file objects, arrays.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use numpy::{Element, PyArray2, PyArrayMethods};
use pinhole::capture::{Captures, InMemory, Notes, Samples, SoundFile, Source};
use pinhole::site::Climate;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::{exception, request};

/// Where a capture is.
pub enum Place {
    Path(PathBuf),
    /// Anything with `read` and `seek`, and its name.
    File(Py<PyAny>, String),
    Array(Arc<dyn InMemory>),
}

/// What a capture is called where it is an array.
const ARRAY: &str = "array";

/// One capture for each recorder, from a list that the package made: paths as strings, others as they are.
pub fn places(captures: &[Bound<'_, PyAny>]) -> PyResult<Vec<Place>> {
    captures.iter().map(place).collect()
}

fn place(capture: &Bound<'_, PyAny>) -> PyResult<Place> {
    if let Ok(path) = capture.extract::<PathBuf>() {
        return Ok(Place::Path(path));
    }
    if capture.hasattr("read")? && capture.hasattr("seek")? {
        let name = capture.getattr("name").and_then(|name| name.str()).map(|name| name.to_string());
        return Ok(Place::File(capture.clone().unbind(), name.unwrap_or_else(|_| "file object".to_owned())));
    }
    let array = None
        .or_else(|| lent::<i16>(capture))
        .or_else(|| lent::<f32>(capture))
        .or_else(|| lent::<i32>(capture))
        .or_else(|| lent::<f64>(capture))
        .or_else(|| lent::<u8>(capture));
    array.map(Place::Array).ok_or_else(|| {
        let is = match (capture.getattr("dtype"), capture.getattr("shape")) {
            (Ok(dtype), Ok(shape)) => format!("an array of {dtype} and shape {shape}"),
            _ => capture.get_type().to_string(),
        };
        request(format!(
            "{is} is no capture; give a path, a file object, or an array of frames × channels of int16, int32, float32, \
             float64 or uint8"
        ))
    })
}

fn lent<T: Element>(capture: &Bound<'_, PyAny>) -> Option<Arc<dyn InMemory>>
where
    Lent<T>: InMemory + 'static,
{
    Some(Arc::new(Lent(capture.cast::<PyArray2<T>>().ok()?.clone().unbind())))
}

/// An array of Python's, which is looked at without being copied.
struct Lent<T: Element>(Py<PyArray2<T>>);

impl<T: Element> fmt::Debug for Lent<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of Python's")
    }
}

impl<T: Element + Sync> InMemory for Lent<T>
where
    for<'t> Samples<'t>: From<numpy::ndarray::ArrayView2<'t, T>>,
{
    fn show(&self, look: &mut (dyn FnMut(Samples<'_>) + Send)) {
        Python::attach(|py| {
            let lent = self.0.bind(py).readonly();
            let samples = Samples::from(lent.as_array());
            py.detach(|| look(samples));
        });
    }
}

/// A file object of Python's.
struct Remote {
    file: Py<PyAny>,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a file object of Python's")
    }
}

impl Read for Remote {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        Python::attach(|py| {
            let read = self.file.bind(py).call_method1("read", (bytes.len(),))?;
            let read = read.cast::<PyBytes>()?.as_bytes();
            bytes[..read.len()].copy_from_slice(read);
            PyResult::Ok(read.len())
        })
        .map_err(io::Error::other)
    }
}

impl Seek for Remote {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (by, whence) = match to {
            SeekFrom::Start(at) => (at as i64, 0),
            SeekFrom::Current(by) => (by, 1),
            SeekFrom::End(by) => (by, 2),
        };
        Python::attach(|py| {
            let file = self.file.bind(py);
            file.call_method1("seek", (by, whence))?;
            file.call_method0("tell")?.extract()
        })
        .map_err(io::Error::other)
    }
}

impl Source for Remote {
    fn again(&self) -> io::Result<Box<dyn Source>> {
        Ok(Box::new(Self { file: Python::attach(|py| self.file.clone_ref(py)) }))
    }
}

/// Opens captures; arrays are sampled at `sample_rate_hz`.
///
/// # Errors
/// Those of opening, and a refusal where the rate is missing or told twice.
pub fn open(places: Vec<Place>, sample_rate_hz: Option<u32>) -> pinhole::Result<Captures> {
    let file = |place: Place| match place {
        Place::Path(path) => SoundFile::open(path),
        Place::File(file, name) => SoundFile::from_source(name, Box::new(Remote { file })),
        Place::Array(samples) => match sample_rate_hz {
            Some(rate_hz) => SoundFile::from_memory(ARRAY, rate_hz, samples),
            None => Err(pinhole::Error::request("an array does not say how fast it was sampled; give sample_rate_hz")),
        },
    };
    Captures::of(places.into_iter().map(file).collect::<pinhole::Result<_>>()?)
}

/// What the recorders noted of the air.
pub fn climate(captures: &Captures) -> Climate {
    let noted = |of: fn(&Notes) -> Option<f64>| captures.files().iter().find_map(|file| of(file.notes()));
    Climate { temperature_c: noted(|n| n.temperature_c), humidity_pct: noted(|n| n.humidity_pct) }
}

/// Frames, sample rate and channels of a capture, by its header.
#[pyfunction]
#[pyo3(signature = (capture, sample_rate_hz=None))]
pub fn sound_info(capture: Bound<'_, PyAny>, sample_rate_hz: Option<u32>) -> PyResult<(u64, u32, usize)> {
    let place = place(&capture)?;
    let captures = capture.py().detach(|| open(vec![place], sample_rate_hz)).map_err(exception)?;
    Ok((captures.frames(), captures.sample_rate_hz(), captures.channels()))
}
