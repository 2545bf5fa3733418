//! What can go wrong, told to the engineer at the wall: where, what is, what is needed, the way out.

use std::path::{Path, PathBuf};

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Everything that can stop an analysis.
///
/// The kinds differ in whose move is next: the machine's (`Io`), the file's (`Broken`, `Unsupported`) or the
/// asker's (`Request`). [`Error::exit_code`] follows that split.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The world refused: a missing file, a full disk, a vanished drive.
    #[error("{}: {}", path.display(), refused(source))]
    Io {
        /// The file or folder concerned.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not what it claims to be.
    #[error("{}: {what}", path.display())]
    Broken {
        /// The file concerned.
        path: PathBuf,
        /// What is wrong and what would be right.
        what: String,
    },
    /// A file is valid but of a kind that pinhole does not read.
    #[error("{}: {what}", path.display())]
    Unsupported {
        /// The file concerned.
        path: PathBuf,
        /// What it is, and what can be read instead.
        what: String,
    },
    /// The request is wrong: a flag, a site file, or a capture that does not fit the site.
    #[error("{0}")]
    Request(String),
}

/// What the system said, in words, with the way out where there is one for whatever was asked.
fn refused(source: &std::io::Error) -> String {
    use std::io::{Error, ErrorKind};
    // A file in the making is wrapped with a name of its own, which nobody asked about.
    let wrapped = || source.get_ref()?.source()?.downcast_ref::<Error>()?.raw_os_error();
    let Some(code) = source.raw_os_error().or_else(wrapped) else {
        // Words of our own, which know more.
        return source.to_string();
    };
    let source = Error::from_raw_os_error(code);
    match source.kind() {
        ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
            "a file is where a folder would have to be; name another place".into()
        }
        ErrorKind::NotFound => "no such file or folder; check the name, and the folder that this was started in".into(),
        ErrorKind::PermissionDenied => "no permission; check who owns it, or name another place".into(),
        ErrorKind::StorageFull => "the disk is full; make room, or name another place".into(),
        ErrorKind::IsADirectory => "is a folder; name a file in it".into(),
        ErrorKind::ReadOnlyFilesystem => "cannot be written there; name another place".into(),
        _ => source.to_string(),
    }
}

impl Error {
    /// An [`Error::Io`] about `path`.
    pub fn io(path: impl AsRef<Path>, source: std::io::Error) -> Self {
        Self::Io { path: path.as_ref().to_path_buf(), source }
    }

    /// An [`Error::Broken`] about `path`.
    pub fn broken(path: impl AsRef<Path>, what: impl Into<String>) -> Self {
        Self::Broken { path: path.as_ref().to_path_buf(), what: what.into() }
    }

    /// An [`Error::Unsupported`] about `path`.
    pub fn unsupported(path: impl AsRef<Path>, what: impl Into<String>) -> Self {
        Self::Unsupported { path: path.as_ref().to_path_buf(), what: what.into() }
    }

    /// An [`Error::Request`].
    pub fn request(what: impl Into<String>) -> Self {
        Self::Request(what.into())
    }

    /// Exit status of a process that stops with this error: 2 where the request is wrong, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Request(_) => 2,
            _ => 1,
        }
    }
}
