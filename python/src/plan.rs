//! How well a layout can locate, before anything is recorded.

use std::path::PathBuf;

use numpy::{IntoPyArray, PyArray1};
use pinhole::atomic::write_atomically;
use pinhole::plan::{self as planning, Options};
use pinhole::report::{plan_csv, plan_json, plan_text, write_plan_plot};
use pyo3::prelude::*;

use crate::errors::{exception, request};
use crate::site::Site;
use crate::work::Run;

/// A planned layout.
#[pyclass(frozen, module = "pinhole._native")]
pub struct Planned {
    site: pinhole::site::Site,
    options: Options,
    plan: planning::Plan,
}

/// Id of the wall; `u_m`, `v_m`; places; error; weakest leak: a value a cell.
type Cells<'py> = (String, [Bound<'py, PyArray1<f64>>; 5], [Bound<'py, PyArray1<f32>>; 2]);

#[pymethods]
impl Planned {
    /// `plan.json`.
    fn json(&self) -> String {
        plan_json(&self.site, &self.plan, &self.options)
    }

    /// What the program prints.
    fn summary(&self) -> String {
        plan_text(&self.site, &self.plan, &self.options)
    }

    /// Writes what `pinhole plan` writes.
    fn write(&self, py: Python<'_>, out: PathBuf, plots: bool) -> PyResult<()> {
        py.detach(|| {
            if plots {
                write_plan_plot(&self.site, &self.plan, &self.options, &out)?;
            }
            write_atomically(out.join("plan.csv"), &plan_csv(&self.site, &self.plan))?;
            write_atomically(out.join("plan.json"), self.json().as_bytes())
        })
        .map_err(exception)
    }

    /// The cells of each wall.
    fn cells<'py>(&self, py: Python<'py>) -> Vec<Cells<'py>> {
        let of = |map: &planning::PlanMap| {
            let values = |of: &dyn Fn(&pinhole::site::WallPoint) -> f64| {
                map.places.iter().map(of).collect::<Vec<f64>>().into_pyarray(py)
            };
            let axis = |axis: usize| values(&|at| at.position_m[axis]);
            let single = |of: &numpy::ndarray::Array2<f32>| of.iter().copied().collect::<Vec<f32>>().into_pyarray(py);
            let places = [values(&|at| at.u_m), values(&|at| at.v_m), axis(0), axis(1), axis(2)];
            (self.site.walls[map.wall].id.clone(), places, [single(&map.error_m), single(&map.weakest_db)])
        };
        self.plan.maps.iter().map(of).collect()
    }
}

/// Plans a recording.
#[pyfunction]
#[pyo3(signature = (site, *, band_hz, sample_rate_hz, duration_s, snr_db, alarm, add, rail_m, threads, progress))]
#[expect(clippy::too_many_arguments, reason = "the package names each of them")]
pub fn plan(
    py: Python<'_>,
    site: Bound<'_, Site>,
    band_hz: Option<[f64; 2]>,
    sample_rate_hz: f64,
    duration_s: f64,
    snr_db: f64,
    alarm: f64,
    add: usize,
    rail_m: Vec<[f64; 3]>,
    threads: Option<usize>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Planned> {
    if !(duration_s > 0.0 && duration_s.is_finite()) {
        return Err(request("duration_s must be longer than nothing"));
    }
    if !(sample_rate_hz > 0.0 && sample_rate_hz.is_finite()) {
        return Err(request(format!("sample_rate_hz is {sample_rate_hz}; no recorder has that")));
    }
    if !(alarm > 0.0 && alarm < 1.0) {
        return Err(request(format!("alarm is {alarm}; a probability is between 0 and 1, as 0.01")));
    }
    if add > 16 {
        return Err(request(format!("add is {add}; at most 16 sensors are proposed")));
    }
    if !rail_m.is_empty() && add == 0 {
        return Err(request("rail_m names places for more sensors; say how many with add"));
    }
    let rail = rail_m.into_iter().map(Into::into).collect();
    let options = Options { band_hz, sample_rate_hz, duration_s, snr_db, alarm, add, rail };
    let site = site.get().site.clone();
    let plan = Run { threads, progress }.run(py, |show| planning::plan(&site, &options, show))?;
    Ok(Planned { site, options, plan })
}
