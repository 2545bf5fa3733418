//! Work on as many threads as are asked for, without the interpreter's lock, telling how far it is.

use pinhole::Error;
use pyo3::prelude::*;

use crate::errors::exception;

/// How work is to be run.
pub struct Run {
    /// Threads; all of the process where nothing is said.
    pub threads: Option<usize>,
    /// Called with a stage's name and the share of it that is done.
    pub progress: Option<Py<PyAny>>,
}

impl Run {
    /// Runs `work`, which is handed a way to tell how far it is.
    ///
    /// An exception of the callback is raised when the work is done: it cannot be stopped half-way.
    pub fn run<T: Send>(
        self,
        py: Python<'_>,
        work: impl FnOnce(&(dyn Fn(&'static str, f64) + Sync)) -> pinhole::Result<T> + Send,
    ) -> PyResult<T> {
        let Self { threads, progress } = self;
        let raised = std::sync::Mutex::new(None);
        let show = |stage: &'static str, share: f64| {
            let Some(progress) = &progress else { return };
            let told = Python::attach(|py| progress.call1(py, (stage, share)));
            if let Err(error) = told {
                raised.lock().expect("nothing panics while it is held").get_or_insert(error);
            }
        };
        let done = py.detach(|| match threads {
            None => work(&show),
            Some(threads) => {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                let pool = pool.map_err(|e| Error::request(format!("threads = {threads}: {e}")))?;
                pool.install(|| work(&show))
            }
        });
        match raised.into_inner().expect("nothing panics while it is held") {
            Some(error) => Err(error),
            None => done.map_err(exception),
        }
    }
}
