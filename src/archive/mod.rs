//! Matrices as files: `X.spectra`, an NPZ archive, which NumPy opens as it is.
//!
//! `meta.json` says what the arrays are of; each array is a member of its own: `frequency_hz` (bins), `segments` (2 halves),
//! `pairs` (pairs × 2), `auto` (halves × channels × bins, full scale²/Hz times segments), `cross` (halves × pairs × bins, complex,
//! likewise), `density` (channels × all bins) and `spectrogram` for people. Members carry a CRC-32, and the archive's directory
//! stands at its end: half of a file, or a changed byte, does not pass for one.

mod meta;
mod read;
mod write;

use std::path::{Path, PathBuf};

pub use read::{read_spectra, spectra_from_bytes};
pub use write::{spectra_to_bytes, write_spectra};

use crate::cross_spectra::Recorded;
use crate::error::{Error, Result};

/// The first bytes of an archive.
const MAGIC: &[u8] = b"PK\x03\x04";

/// Whether a file looks like an archive of spectra rather than like sound; a file that cannot be read does not.
pub fn is_spectra(path: &Path) -> bool {
    use std::io::Read;
    let mut head = [0; 4];
    // To open a pipe is to wait for whoever writes to it.
    path.is_file() && std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == MAGIC
}

/// The sum of the matrices of several files.
///
/// # Errors
/// Those of [`read_spectra`]; [`Error::Request`] where they do not add, naming two files and what differs.
pub fn read_all(paths: &[PathBuf]) -> Result<Recorded> {
    let Some((first, others)) = paths.split_first() else {
        return Err(Error::request("no spectra; give at least one file"));
    };
    let mut sum = read_spectra(first)?;
    for path in others {
        let more = read_spectra(path)?;
        sum.merge(&more)
            .map_err(|error| Error::request(format!("{} (with {}) {error}", path.display(), first.display())))?;
    }
    Ok(sum)
}
