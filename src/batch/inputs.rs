//! Which captures are there: files that were named, and those in folders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crate::capture::SoundFile;
use crate::error::{Error, Result};

/// What sound files are called.
const ENDINGS: [&str; 6] = ["wav", "wave", "bwf", "rf64", "w64", "flac"];
/// Folders within folders that are looked into.
const DEPTH: usize = 16;
/// A file that does not change for so long is complete where its header agrees ...
const SETTLED: Duration = Duration::from_secs(2);
/// ... and after so long whatever its header says: its recorder lost power.
const ABANDONED: Duration = Duration::from_secs(60);

/// One capture: a file a recorder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Input {
    /// In the order of the site's recorders.
    pub files: Vec<PathBuf>,
}

impl Input {
    /// What the capture is called: its first file, without ending, or the folder where there are several files.
    pub fn name(&self) -> String {
        let first = &self.files[0];
        let named = if self.files.len() == 1 { first.file_stem() } else { first.parent().and_then(Path::file_name) };
        named.unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// All captures among `paths`, files and folders, in order; `recorders` is how many files make one capture, and `out` is
/// where results go, which is not looked into.
///
/// # Errors
/// [`Error::Io`] where a named path cannot be read, [`Error::Request`] where the files of a folder do not make whole captures.
pub fn inputs(paths: &[PathBuf], recorders: usize, out: &Path) -> Result<Vec<Input>> {
    let out = out.canonicalize().unwrap_or_else(|_| out.to_path_buf());
    let mut files = Vec::new();
    for path in paths {
        let is_folder = std::fs::metadata(path).map_err(|e| Error::io(path, e))?.is_dir();
        if is_folder {
            collect(path, &out, DEPTH, &mut files).map_err(|e| Error::io(path, e))?;
        } else {
            files.push(path.clone());
        }
    }
    if recorders == 1 {
        files.sort();
        files.dedup();
        return Ok(files.into_iter().map(|file| Input { files: vec![file] }).collect());
    }
    let mut by_folder: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for file in files {
        by_folder.entry(file.parent().unwrap_or(Path::new("")).to_path_buf()).or_default().push(file);
    }
    let whole = |(folder, mut files): (PathBuf, Vec<PathBuf>)| {
        files.sort();
        files.dedup();
        match files.len() == recorders {
            true => Ok(Input { files }),
            false => Err(Error::request(format!(
                "{}: {} files, but the site has {recorders} recorders; keep the files of each capture in a folder of its own, \
                 named in the order of the recorders",
                folder.display(),
                files.len()
            ))),
        }
    };
    by_folder.into_iter().map(whole).collect()
}

fn collect(folder: &Path, out: &Path, depth: usize, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let is_hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
        // What goes away while it is looked at was no capture.
        let Ok(told) = std::fs::metadata(&path) else { continue };
        if is_hidden {
            continue;
        } else if told.is_dir() {
            let is_out = path.canonicalize().is_ok_and(|path| path == out);
            if depth > 0 && !is_out {
                collect(&path, out, depth - 1, files)?;
            }
        } else if path.extension().is_some_and(|e| ENDINGS.iter().any(|known| e.eq_ignore_ascii_case(known))) {
            files.push(path);
        }
    }
    Ok(())
}

/// Watches files until their recorder has finished with them, by the watcher's own clock: recorders' are often wrong.
#[derive(Debug, Default)]
pub struct Settling {
    /// Length and time of change of each file, and since when they have been so.
    seen: BTreeMap<PathBuf, (u64, Option<SystemTime>, Instant)>,
}

impl Settling {
    /// Whether a recorder has finished with a capture, as far as one can tell; to be asked again and again.
    pub fn is_settled(&mut self, input: &Input) -> bool {
        // Every file is looked at, so that all of their times run.
        input.files.iter().filter(|path| !self.one(path)).count() == 0
    }

    fn one(&mut self, path: &Path) -> bool {
        let Ok(told) = std::fs::metadata(path) else { return false };
        let (length, changed) = (told.len(), told.modified().ok());
        let entry = self.seen.entry(path.to_path_buf()).or_insert((length, changed, Instant::now()));
        if (entry.0, entry.1) != (length, changed) {
            *entry = (length, changed, Instant::now());
        }
        let still = entry.2.elapsed();
        still >= ABANDONED || (still >= SETTLED && SoundFile::open(path).is_ok_and(|file| file.is_complete()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_looked_into_but_for_results_and_hidden_files() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.WAV", "a.flac", "notes.txt", ".hidden.wav", "day/c.w64", "out/d.wav"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        let all = inputs(&[folder.path().to_path_buf()], 1, &folder.path().join("out")).unwrap();
        let names: Vec<String> = all.iter().map(Input::name).collect();
        assert_eq!(names, ["a", "b", "c"]);
        let error = inputs(&[folder.path().to_path_buf()], 2, &folder.path().join("out")).unwrap_err().to_string();
        assert!(error.contains("1 files, but the site has 2 recorders"), "{error}");
        assert!(inputs(&[folder.path().join("absent")], 1, folder.path()).is_err());
    }
}
