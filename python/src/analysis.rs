//! Locating: captures or spectra to what was found, with its pictures.

use std::path::PathBuf;
use std::sync::Mutex;

use numpy::ndarray::{Array2, Array3};
use numpy::{IntoPyArray, PyArray2, PyArray3};
use pinhole::atomic::write_atomically;
use pinhole::cross_spectra::{Recorded, Weighting};
use pinhole::locate::{self as locating, Options, Recording, WallMap, Wanted, locate_transients};
use pinhole::report::{
    Plots, map_csv, map_geojson, map_json, map_vtp, plot_png, report_html, result_json, summary, write_plots,
};
use pinhole::site::{self, Point3};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::{exception, request};
use crate::site::Site;
use crate::sound::{self, Place};
use crate::spectra::Spectra;
use crate::work::Run;

/// What was found, all of it.
#[pyclass(frozen, module = "pinhole._native")]
pub struct Outcome {
    site: site::Site,
    site_text: String,
    outcome: Mutex<locating::Outcome>,
}

/// Id of the wall; response, `[v, a]`; where, `[v, a, 3]`; `u_m` there and `v_m`, where the wall has them.
type WallArrays<'py> =
    (String, Bound<'py, PyArray2<f32>>, Bound<'py, PyArray3<f64>>, Option<(Bound<'py, PyArray2<f64>>, Vec<f64>)>);

#[pymethods]
impl Outcome {
    /// `result.json`.
    fn json(&self) -> String {
        result_json(&self.site, &self.outcome())
    }

    /// What the program prints.
    fn summary(&self) -> String {
        summary(&self.site, &self.outcome(), false)
    }

    /// A plot, by its name, as the bytes of a PNG file.
    fn plot_png<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyBytes>> {
        let Some(plot) = Plots::ALL.into_iter().find(|plot| plot.stem() == name) else {
            let known: Vec<&str> = Plots::ALL.iter().map(|plot| plot.stem()).collect();
            return Err(request(format!("no plot is called '{name}'; known: {}", known.join(", "))));
        };
        let bytes = py.detach(|| plot_png(plot, &self.site, &self.outcome())).map_err(exception)?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// The map of each wall.
    fn maps<'py>(&self, py: Python<'py>) -> Vec<WallArrays<'py>> {
        let maps = py.detach(|| self.outcome().evidence.maps.clone());
        maps.into_iter().map(|map| self.arrays(py, map)).collect()
    }

    /// Writes what `pinhole locate` writes.
    fn write(&self, py: Python<'_>, out: PathBuf, plots: bool, export: Vec<String>) -> PyResult<()> {
        if let Some(other) = export.iter().find(|name| !["csv", "vtp", "geojson"].contains(&name.as_str())) {
            return Err(request(format!("'{other}' is no format of the map; known: csv, vtp, geojson")));
        }
        py.detach(|| {
            let (site, mut outcome) = (&self.site, self.outcome());
            if plots {
                let start = std::time::Instant::now();
                write_plots(site, &outcome, &out)?;
                write_atomically(out.join("report.html"), report_html(site, &outcome).as_bytes())?;
                outcome.timing_s.retain(|(stage, _)| *stage != "plots");
                outcome.timing_s.push(("plots", start.elapsed().as_secs_f64()));
            }
            for format in &export {
                match format.as_str() {
                    "csv" => write_atomically(out.join("map.csv"), &map_csv(site, &outcome))?,
                    "geojson" => write_atomically(out.join("map.geojson"), map_geojson(site, &outcome).as_bytes())?,
                    _ => write_atomically(out.join("map.vtp"), map_vtp(site, &outcome).as_bytes())?,
                }
            }
            write_atomically(out.join("result.json"), result_json(site, &outcome).as_bytes())?;
            write_atomically(out.join("map.json"), map_json(&self.site_text, &outcome).as_bytes())
        })
        .map_err(exception)
    }
}

impl Outcome {
    fn outcome(&self) -> std::sync::MutexGuard<'_, locating::Outcome> {
        self.outcome.lock().expect("nothing panics while it is held")
    }

    fn arrays<'py>(&self, py: Python<'py>, map: WallMap) -> WallArrays<'py> {
        let wall = &self.site.walls[map.wall];
        let (rows, columns) = map.response_db.dim();
        let middle = |[from, to]: [f64; 2], at: usize, of: usize| from + (to - from) * (at as f64 + 0.5) / of as f64;
        let spread = |at: &dyn Fn(usize, usize) -> Point3| {
            Array3::from_shape_fn((rows, columns, 3), |(row, column, axis)| at(row, column)[axis]).into_pyarray(py)
        };
        let (places, along) = match (wall.chart(), wall.mesh()) {
            (Some(chart), _) => {
                let v_m: Vec<f64> = (0..rows).map(|row| middle(chart.v_m, row, rows)).collect();
                let at = |row: usize, column: usize| wall.at(map.wall, middle(chart.a, column, columns), v_m[row]);
                let u_m = Array2::from_shape_fn((rows, columns), |(row, column)| at(row, column).u_m);
                (spread(&|row, column| at(row, column).position_m), Some((u_m.into_pyarray(py), v_m.clone())))
            }
            (None, Some(mesh)) => (spread(&|_, triangle| mesh.corners(triangle).iter().sum::<Point3>() / 3.0), None),
            (None, None) => (spread(&|_, _| Point3::zeros()), None),
        };
        (wall.id.clone(), map.response_db.into_pyarray(py), places, along)
    }
}

/// Captures, or spectra that stand for them.
enum Heard {
    Places(Vec<Place>),
    Spectra(Box<Recorded>),
}

impl Heard {
    fn of(what: &[Bound<'_, PyAny>]) -> PyResult<Self> {
        let spectra: Vec<_> = what.iter().filter_map(|one| one.cast::<Spectra>().ok()).collect();
        match spectra[..] {
            [] => Ok(Self::Places(sound::places(what)?)),
            [one] if what.len() == 1 => Ok(Self::Spectra(Box::new(Recorded::clone(&one.get().recorded)))),
            _ => Err(request("captures and spectra in one; make spectra of the captures first, and merge them")),
        }
    }

    fn recording(self, sample_rate_hz: Option<u32>) -> pinhole::Result<Recording> {
        Ok(match self {
            Self::Places(places) => sound::open(places, sample_rate_hz)?.into(),
            Self::Spectra(recorded) => Recording::Spectra(recorded),
        })
    }
}

/// Locates; `what` and `background` are captures, one a recorder, or one matrix.
#[pyfunction]
#[pyo3(signature = (what, site, *, background, sample_rate_hz, band_hz, from_s, to_s, leaks, weighting, alarm, prove,
    transient, threads, progress))]
#[expect(clippy::too_many_arguments, reason = "the package names each of them")]
pub fn locate(
    py: Python<'_>,
    what: Vec<Bound<'_, PyAny>>,
    site: Bound<'_, Site>,
    background: Option<Vec<Bound<'_, PyAny>>>,
    sample_rate_hz: Option<u32>,
    band_hz: Option<(f64, f64)>,
    from_s: Option<f64>,
    to_s: Option<f64>,
    leaks: Option<usize>,
    weighting: &str,
    alarm: f64,
    prove: usize,
    transient: bool,
    threads: Option<usize>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Outcome> {
    let weighting = match weighting {
        "scot" => Weighting::Scot,
        "phat" => Weighting::Phat,
        "plain" => Weighting::Plain,
        other => return Err(request(format!("no weighting is called '{other}'; known: scot, phat, plain"))),
    };
    let leaks = match leaks {
        None => Wanted::Auto,
        Some(most @ 1..=16) => Wanted::AtMost(most),
        Some(_) => return Err(request("leaks is \"auto\", or a number from 1 to 16")),
    };
    if !(alarm > 0.0 && alarm < 1.0) {
        return Err(request(format!("alarm is {alarm}; a probability is between 0 and 1, as 0.01")));
    }
    let options = Options { band_hz, weighting, from_s, to_s, leaks, alarm, prove, transient };
    let (heard, background) = (Heard::of(&what)?, background.as_deref().map(Heard::of).transpose()?);
    let of_text = site.get();
    let (site, outcome) = Run { threads, progress }.run(py, |show| {
        let recording = heard.recording(sample_rate_hz)?;
        let site = match &recording {
            Recording::Captures(captures) => of_text.with(&sound::climate(captures))?,
            Recording::Spectra(_) => of_text.site.clone(),
        };
        let outcome = match (transient, recording, background) {
            (true, _, Some(_)) => {
                Err(pinhole::Error::request("transients are located without a background; leave one out"))
            }
            (true, Recording::Captures(captures), None) => locate_transients(&site, captures, &options, show),
            (_, recording, background) => {
                let background = background.map(|heard| heard.recording(sample_rate_hz)).transpose()?;
                locating::locate(&site, recording, background, &options, show)
            }
        };
        Ok((site, outcome?))
    })?;
    Ok(Outcome { site, site_text: of_text.text().to_owned(), outcome: Mutex::new(outcome) })
}
