//! `pinhole._native`: what the Python package needs of the library, one function or class for each thing it does.
//!
//! Nothing is decided here. Arguments become the library's own types, work runs without the interpreter's lock, and what
//! comes back is `result.json` or arrays; the package makes dataclasses of them.

mod analysis;
mod errors;
mod plan;
mod site;
mod sound;
mod spectra;
mod synthetic;
mod work;

/// The extension module.
#[pyo3::pymodule]
mod _native {
    #[pymodule_export]
    use super::analysis::{Outcome, locate};
    #[pymodule_export]
    use super::plan::{Planned, plan};
    #[pymodule_export]
    use super::site::Site;
    #[pymodule_export]
    use super::sound::sound_info;
    #[pymodule_export]
    use super::spectra::{Spectra, cross_spectra, is_spectra};
    #[pymodule_export]
    use super::synthetic::simulate;

    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");
}
