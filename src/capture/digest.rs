//! A fingerprint of a file's bytes: which recording was it?

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::error::{Error, Result};

/// Bytes that are digested at once: enough to share between threads, and little enough to stay in the caches.
pub(super) const DIGEST_BYTES: usize = 1 << 20;

/// BLAKE3 of a file, whatever is in it.
///
/// # Errors
/// [`Error::Io`] where it cannot be read.
pub fn digest(path: &Path) -> Result<blake3::Hash> {
    let io = |source| Error::io(path, source);
    let mut file = File::open(path).map_err(io)?;
    digest_of(&mut file).map_err(io)
}

/// BLAKE3 of all that is left to read, by as many threads as there are.
pub(super) fn digest_of(source: &mut dyn Read) -> io::Result<blake3::Hash> {
    let (mut hasher, mut bytes) = (blake3::Hasher::new(), Vec::with_capacity(DIGEST_BYTES));
    while source.take(DIGEST_BYTES as u64).read_to_end(&mut bytes)? > 0 {
        hasher.update_rayon(&bytes);
        bytes.clear();
    }
    Ok(hasher.finalize())
}
