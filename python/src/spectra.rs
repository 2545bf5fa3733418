//! The accumulated cross-spectra, and adding them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use numpy::ndarray::{Array2, Axis};
use numpy::{Complex64, IntoPyArray, PyArray1, PyArray2};
use pinhole::archive::{self, read_spectra, spectra_from_bytes, spectra_to_bytes, write_spectra};
use pinhole::cross_spectra::{Part, Recorded};
use pinhole::locate::{Options, record};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::{exception, request};
use crate::site::Site;
use crate::sound;
use crate::work::Run;

/// What locating needs of captures.
#[pyclass(frozen, module = "pinhole._native")]
pub struct Spectra {
    pub recorded: Arc<Recorded>,
}

impl From<Recorded> for Spectra {
    fn from(recorded: Recorded) -> Self {
        Self { recorded: Arc::new(recorded) }
    }
}

#[pymethods]
impl Spectra {
    #[staticmethod]
    fn read(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        Ok(py.detach(|| read_spectra(&path)).map_err(exception)?.into())
    }

    #[staticmethod]
    fn from_bytes(py: Python<'_>, bytes: &[u8], name: &str) -> PyResult<Self> {
        Ok(py.detach(|| spectra_from_bytes(bytes, Path::new(name))).map_err(exception)?.into())
    }

    /// The sum, in the order given.
    #[staticmethod]
    fn sum(py: Python<'_>, spectra: Vec<Bound<'_, Self>>) -> PyResult<Self> {
        let parts: Vec<Arc<Recorded>> = spectra.iter().map(|one| Arc::clone(&one.get().recorded)).collect();
        let sum = py.detach(|| {
            let (first, others) = parts.split_first().ok_or_else(|| request("no spectra; give at least one"))?;
            let mut sum = Recorded::clone(first);
            for other in others {
                let names = |of: &Recorded| of.files().into_iter().next().unwrap_or_default();
                let both = |error| request(format!("{} (with {}) {error}", names(other), names(first)));
                sum.merge(other).map_err(both)?;
            }
            PyResult::Ok(sum)
        });
        Ok(sum?.into())
    }

    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &py.detach(|| spectra_to_bytes(&self.recorded)))
    }

    fn write(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        py.detach(|| write_spectra(&path, &self.recorded)).map_err(exception)
    }

    /// Mean cross-spectra, `[pair, bin]`.
    fn cross<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<Complex64>> {
        py.detach(|| self.recorded.heard.spectra.mean_products()).into_pyarray(py)
    }

    /// Mean power densities, `[channel, bin]`.
    fn auto<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> {
        py.detach(|| self.recorded.heard.spectra.powers()).into_pyarray(py)
    }

    fn frequency_hz<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.recorded.heard.spectra.layout().frequencies_hz().into_pyarray(py)
    }

    /// Channels of each pair, `[pair, 2]`, from 0.
    fn pairs<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<i64>> {
        let pairs = &self.recorded.heard.spectra.layout().pairs;
        let ends = |(row, end): (usize, usize)| [pairs[row].0, pairs[row].1][end] as i64;
        Array2::from_shape_fn((pairs.len(), 2), ends).into_pyarray(py)
    }

    #[getter]
    fn segments(&self) -> u64 {
        self.recorded.heard.spectra.segments()
    }

    #[getter]
    fn sample_rate_hz(&self) -> f64 {
        self.recorded.heard.spectra.layout().sample_rate_hz
    }

    #[getter]
    fn segment_samples(&self) -> usize {
        self.recorded.heard.spectra.layout().segmentation.segment_samples
    }

    #[getter]
    fn band_hz(&self) -> [f64; 2] {
        self.recorded.band_hz
    }

    #[getter]
    fn frames(&self) -> u64 {
        self.recorded.frames()
    }

    /// The sensor of each channel of the matrix.
    #[getter]
    fn sensors(&self) -> Vec<String> {
        self.recorded.channels.iter().map(|channel| channel.sensor.clone()).collect()
    }

    #[getter]
    fn files(&self) -> Vec<String> {
        self.recorded.files()
    }

    /// Files, first frame and frames of each stretch.
    #[getter]
    fn pieces(&self) -> Vec<(Vec<String>, u64, u64)> {
        self.recorded.pieces.iter().map(|piece| (piece.files.clone(), piece.first_frame, piece.frames)).collect()
    }

    #[getter]
    fn warnings(&self) -> Vec<String> {
        self.recorded.warnings.clone()
    }

    /// Bytes of the two halves of the matrix.
    #[getter]
    fn nbytes(&self) -> usize {
        let halves = self.recorded.heard.spectra.parts();
        halves
            .iter()
            .map(|half| 8 * half.auto.len() + 16 * half.cross.len_of(Axis(0)) * half.cross.len_of(Axis(1)))
            .sum()
    }
}

/// Listens to captures, or to one part of them.
#[pyfunction]
#[pyo3(signature = (captures, site, *, sample_rate_hz, band_hz, from_s, to_s, part, identity, threads, progress))]
#[expect(clippy::too_many_arguments, reason = "the package names each of them")]
pub fn cross_spectra(
    py: Python<'_>,
    captures: Vec<Bound<'_, PyAny>>,
    site: Bound<'_, Site>,
    sample_rate_hz: Option<u32>,
    band_hz: Option<(f64, f64)>,
    from_s: Option<f64>,
    to_s: Option<f64>,
    part: Option<(u64, u64)>,
    identity: Option<Vec<String>>,
    threads: Option<usize>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Spectra> {
    let places = sound::places(&captures)?;
    let part = match part {
        None => Part::WHOLE,
        Some((k, n)) if (1..=n).contains(&k) && n <= 1_000_000 => Part { index: k - 1, of: n },
        Some((k, n)) => return Err(request(format!("part ({k}, {n}) is none; the third of twelve is (3, 12)"))),
    };
    let options = Options { band_hz, from_s, to_s, ..Options::default() };
    let site = site.get();
    let recorded = Run { threads, progress }.run(py, |show| {
        let mut captures = sound::open(places, sample_rate_hz)?;
        let digests = match identity {
            Some(words) => words.iter().map(|word| blake3::hash(word.as_bytes()).to_hex().to_string()).collect(),
            None => captures.digests()?,
        };
        record(&site.site, captures, digests, &options, part, show)
    })?;
    Ok(recorded.into())
}

/// Whether a file holds spectra.
#[pyfunction]
pub fn is_spectra(path: PathBuf) -> bool {
    archive::is_spectra(&path)
}
