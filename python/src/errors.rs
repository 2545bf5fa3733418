//! The library's errors as the package's exceptions: the same words, a class for each kind.

use pinhole::Error;
use pyo3::prelude::*;
use pyo3::types::PyType;

/// The exception for an error; its text is what the program would print.
pub fn exception(error: Error) -> PyErr {
    let class = match error {
        Error::Io { .. } => "FileError",
        Error::Broken { .. } => "BrokenFileError",
        Error::Unsupported { .. } => "UnsupportedFileError",
        Error::Request(_) => "RequestError",
    };
    named(class, error.to_string())
}

/// A refusal of what was asked.
pub fn request(what: impl Into<String>) -> PyErr {
    exception(Error::request(what))
}

fn named(class: &str, what: String) -> PyErr {
    Python::attach(|py| {
        let class = py.import("pinhole.errors").and_then(|module| module.getattr(class));
        match class.and_then(|class| Ok(class.cast_into::<PyType>()?)) {
            Ok(class) => PyErr::from_type(class, what),
            Err(error) => error,
        }
    })
}
