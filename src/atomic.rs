//! Files that are either complete or not there.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use tempfile::NamedTempFile;

use crate::error::{Error, Result};

/// What the names of files in the making begin with.
pub const PREFIX: &str = ".pinhole-";

/// Files in the making, of the whole process: what an interrupt must take away.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    // A list of names cannot be half changed in a way that matters.
    UNFINISHED.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Removes every file in the making, for a process that is about to end without unwinding.
pub fn abandon() {
    for path in unfinished().drain(..) {
        // Nobody is left to be told.
        let _ = std::fs::remove_file(path);
    }
}

/// A file that gets its name when it is finished.
///
/// The bytes go to a temporary file in the same folder, onto the disk, and only then under their name. An existing file
/// is replaced, missing parent folders are made, a symbolic link stays one. Dropped unfinished, it leaves nothing.
#[derive(Debug)]
pub struct AtomicFile {
    /// There until the file is finished.
    file: Option<NamedTempFile>,
    temporary: PathBuf,
    path: PathBuf,
}

impl AtomicFile {
    /// Begins a file that will be `path`.
    ///
    /// # Errors
    /// [`Error::Io`] where the folder or the file cannot be written, or what stands under the name is no file: a device or a pipe
    /// would be replaced by one.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let path = if path.is_symlink() { path.canonicalize().map_err(|e| Error::io(path, e))? } else { path.into() };
        if path.exists() && !path.is_file() {
            let what = "is a folder, a pipe or a device; name a file";
            return Err(Error::io(&path, io::Error::new(io::ErrorKind::AlreadyExists, what)));
        }
        // A bare file name has the parent "", which no system call accepts for the current folder.
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(|source| Error::io(folder, source))?;
        let mut builder = tempfile::Builder::new();
        // Temporary files are private by default; a result is as readable as any file its owner makes.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.prefix(PREFIX).tempfile_in(folder).map_err(|source| Error::io(&path, source))?;
        let temporary = file.path().to_path_buf();
        unfinished().push(temporary.clone());
        Ok(Self { file: Some(file), temporary, path })
    }

    /// A second handle of the file, for a writer that goes back to what it wrote.
    ///
    /// # Errors
    /// That of the system.
    pub fn handle(&self) -> io::Result<File> {
        self.file.as_ref().expect("not finished").as_file().try_clone()
    }

    /// Puts the bytes onto the disk and the file under its name.
    ///
    /// # Errors
    /// [`Error::Io`] where that fails; what stood under the name before still does then.
    pub fn finish(mut self) -> Result<()> {
        let io = |source| Error::io(&self.path, source);
        let file = self.file.take().expect("finished once");
        file.as_file().sync_all().map_err(io)?;
        file.persist(&self.path).map(drop).map_err(|e| io(e.error))
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_mut().expect("not finished").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().expect("not finished").flush()
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        unfinished().retain(|other| *other != self.temporary);
    }
}

/// Writes `bytes` to `path` as an [`AtomicFile`].
///
/// # Errors
/// [`Error::Io`] where the folder or the file cannot be written; what stood under `path` before still does then.
pub fn write_atomically(path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
    let mut file = AtomicFile::create(&path)?;
    file.write_all(bytes).map_err(|source| Error::io(&path, source))?;
    file.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_made_and_files_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/result.json");
        write_atomically(&path, b"first, and longer").unwrap();
        write_atomically(&path, b"second").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temporary file stays behind");
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_and_what_is_no_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        std::fs::write(&real, b"before").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write_atomically(&link, b"after").unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read(&real).unwrap(), b"after");
        let socket = folder.path().join("socket");
        let _held = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let error = write_atomically(&socket, b"bytes").unwrap_err();
        assert!(error.to_string().contains("name a file"), "{error}");
        assert!(socket.exists() && !socket.is_file());
    }

    #[test]
    fn a_failure_names_the_file_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("taken");
        std::fs::create_dir(&taken).unwrap();
        std::fs::write(taken.join("x"), b"x").unwrap();
        let error = write_atomically(&taken, b"bytes").unwrap_err();
        assert!(error.to_string().contains("taken") && error.exit_code() == 1, "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
