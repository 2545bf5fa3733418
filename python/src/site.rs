//! A site: read from a file or a text, and carried to other processes with the files that it names.

use pinhole::site::{self, Climate};
use pyo3::prelude::*;

use crate::errors::exception;

/// A site and the text that it was read from.
#[pyclass(frozen, module = "pinhole._native")]
pub struct Site {
    /// What the text says.
    pub site: site::Site,
    text: String,
    file: String,
}

impl Site {
    /// The site, with what recorders noted of the air where its text says nothing of it.
    pub fn with(&self, climate: &Climate) -> pinhole::Result<site::Site> {
        if *climate == Climate::default() {
            return Ok(self.site.clone());
        }
        site::parse_site_in(&self.text, &self.file, climate)
    }

    /// The text of the site file.
    pub fn text(&self) -> &str {
        &self.text
    }
}

#[pymethods]
impl Site {
    /// A site from `text`; other files that it names are sought beside `file`.
    #[new]
    fn new(text: String, file: String) -> PyResult<Self> {
        Ok(Self { site: site::parse_site(&text, &file).map_err(exception)?, text, file })
    }

    #[getter(text)]
    fn own_text(&self) -> &str {
        &self.text
    }

    #[getter]
    fn file(&self) -> &str {
        &self.file
    }

    #[getter]
    fn name(&self) -> &str {
        &self.site.name
    }

    /// Id and shape of each wall.
    #[getter]
    fn walls(&self) -> Vec<(String, &'static str)> {
        self.site.walls.iter().map(|wall| (wall.id.clone(), wall.kind)).collect()
    }

    /// Ids of the recorders, in the order in which captures are given.
    #[getter]
    fn recorders(&self) -> Vec<String> {
        self.site.recorders.iter().map(|recorder| recorder.id.clone()).collect()
    }

    /// Id, recorder, channel, place, its standard deviation, and whether it takes part, of each sensor.
    #[getter]
    fn sensors(&self) -> Vec<(String, String, usize, [f64; 3], f64, bool)> {
        let of = |sensor: &site::Sensor| {
            let recorder = self.site.recorders[sensor.recorder].id.clone();
            let place: [f64; 3] = sensor.position_m.into();
            (sensor.id.clone(), recorder, sensor.channel, place, sensor.position_sigma_m, !sensor.disabled)
        };
        self.site.sensors.iter().map(of).collect()
    }

    /// What the site leaves open and what was assumed in its place.
    #[getter]
    fn assumptions(&self) -> Vec<String> {
        self.site.assumptions.clone()
    }
}
