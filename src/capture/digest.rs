//! A fingerprint of a file's bytes: which recording was it?

use std::fs::File;
use std::path::Path;

use crate::error::{Error, Result};

/// BLAKE3 of a file, whatever is in it.
///
/// # Errors
/// [`Error::Io`] where it cannot be read.
pub fn digest(path: &Path) -> Result<blake3::Hash> {
    let io = |source| Error::io(path, source);
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path).map_err(io)?).map_err(io)?;
    Ok(hasher.finalize())
}
