//! The batch at work: threads take captures, finished ones are recognised, rows and tables are written.

use std::collections::BTreeMap;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::inputs::Input;
use super::key::key;
use super::row::{Row, Status};
use super::tables::{csv, jsonl};
use crate::atomic::{PREFIX, write_atomically};
use crate::capture::Captures;
use crate::error::{Error, Result};
use crate::locate::{Options, locate, locate_transients};
use crate::report::{map_json, result_json, write_plots};
use crate::site::Site;

/// Name of the row in each capture's folder: where it is, the capture is finished.
const ROW: &str = "row.json";
/// Held while a batch writes.
const LOCK: &str = ".pinhole-batch";
/// Tables are made anew while captures are located, but not more often than this.
const EVERY: Duration = Duration::from_secs(2);

/// What all captures have in common.
#[derive(Debug)]
pub struct Batch<'t> {
    site: &'t Site,
    /// The site file's own text.
    site_text: &'t str,
    options: Options,
    plots: bool,
    out: PathBuf,
    settings: String,
    /// Rows of finished captures, by their key.
    finished: Mutex<BTreeMap<String, Row>>,
    _lock: File,
}

/// A capture that was taken from the list.
#[derive(Debug)]
pub struct Finished<'t> {
    /// Its row.
    pub row: &'t Row,
    /// Whether it was finished before.
    pub known: bool,
}

impl<'t> Batch<'t> {
    /// Opens the folder for results, and finds what is finished in it.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be made or read, [`Error::Request`] where another batch is writing there.
    pub fn open(site: &'t Site, site_text: &'t str, options: Options, plots: bool, out: &Path) -> Result<Self> {
        std::fs::create_dir_all(out).map_err(|e| Error::io(out, e))?;
        let lock_path = out.join(LOCK);
        let lock = File::create(&lock_path).map_err(|e| Error::io(&lock_path, e))?;
        lock.try_lock().map_err(|_| {
            Error::request(format!("another batch is writing to {}; wait for it, or give another --out", out.display()))
        })?;
        // The site as it was understood: what a mesh file holds counts, a comment does not.
        let understood = blake3::hash(format!("{site:?}").as_bytes());
        let settings = format!("{options:?}\0{plots}\0{understood}");
        let finished = Mutex::new(finished_in(out).map_err(|e| Error::io(out, e))?);
        Ok(Self { site, site_text, options, plots, out: out.to_path_buf(), settings, finished, _lock: lock })
    }

    /// Locates in every capture, `at_once` of them at a time; gives one row a capture, in order.
    ///
    /// `told` hears of every capture as it is finished. A capture that fails stops nothing.
    ///
    /// # Errors
    /// [`Error::Io`] where results cannot be written: then so will be all others.
    pub fn run(&self, inputs: &[Input], at_once: usize, told: &(dyn Fn(Finished<'_>) + Sync)) -> Result<Vec<Row>> {
        let (next, rows) = (AtomicUsize::new(0), Mutex::new(vec![None; inputs.len()]));
        let (stop, written) = (Mutex::new(None), Mutex::new(Instant::now()));
        let work = || {
            while stop.lock().expect(HELD).is_none() {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(input) = inputs.get(at) else { return };
                match self.one(input) {
                    Ok((row, known)) => {
                        told(Finished { row: &row, known });
                        rows.lock().expect(HELD)[at] = Some(row);
                    }
                    Err(error) => *stop.lock().expect(HELD) = Some(error),
                }
                let mut written = written.lock().expect(HELD);
                if written.elapsed() >= EVERY {
                    let rows: Vec<Row> = rows.lock().expect(HELD).iter().flatten().cloned().collect();
                    if let Err(error) = self.write_tables(&rows) {
                        *stop.lock().expect(HELD) = Some(error);
                    }
                    *written = Instant::now();
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..at_once.clamp(1, inputs.len().max(1)) {
                scope.spawn(work);
            }
        });
        if let Some(error) = stop.into_inner().expect(HELD) {
            return Err(error);
        }
        let rows: Vec<Row> = rows.into_inner().expect(HELD).into_iter().flatten().collect();
        self.write_tables(&rows)?;
        Ok(rows)
    }

    fn write_tables(&self, rows: &[Row]) -> Result<()> {
        write_atomically(self.out.join("results.jsonl"), jsonl(rows).as_bytes())?;
        write_atomically(self.out.join("results.csv"), &csv(rows))
    }

    /// The row of a capture, and whether it was known.
    ///
    /// # Errors
    /// [`Error::Io`] of the folder for results alone.
    fn one(&self, input: &Input) -> Result<(Row, bool)> {
        let captures: Vec<String> = input.files.iter().map(|path| path.display().to_string()).collect();
        let key = match key(input, &self.settings) {
            Ok(key) => key,
            Err(error) => return Ok((Row { captures, ..Row::failed(Some(error.to_string())) }, false)),
        };
        if let Some(row) = self.finished.lock().expect(HELD).get(&key) {
            return Ok((Row { captures, ..row.clone() }, true));
        }
        // A fault of ours in one capture is no reason to lose the others.
        let located = catch_unwind(AssertUnwindSafe(|| self.located(input)));
        let failed =
            |error: String| Row { captures: captures.clone(), key: Some(key.clone()), ..Row::failed(Some(error)) };
        let (outcome, row) = match located {
            Ok(Ok(located)) => located,
            Ok(Err(error)) => return Ok((failed(error.to_string()), false)),
            Err(_) => return Ok((failed("a fault of pinhole; please report it with this capture".into()), false)),
        };
        let folder = format!("{}-{}", plain(&input.name()), &key[..8]);
        let path = self.out.join(&folder);
        if self.plots {
            write_plots(self.site, &outcome, &path)?;
        }
        write_atomically(path.join("result.json"), result_json(self.site, &outcome).as_bytes())?;
        write_atomically(path.join("map.json"), map_json(self.site_text, &outcome).as_bytes())?;
        let row = Row { captures, folder: Some(folder), key: Some(key.clone()), ..row };
        let text = serde_json::to_string_pretty(&row).expect("only string keys are used") + "\n";
        write_atomically(path.join(ROW), text.as_bytes())?;
        self.finished.lock().expect(HELD).insert(key, row.clone());
        Ok((row, false))
    }

    fn located(&self, input: &Input) -> Result<(crate::locate::Outcome, Row)> {
        let captures = Captures::open(&input.files)?;
        let notes = captures.files()[0].notes().clone();
        let outcome = match self.options.transient {
            true => locate_transients(self.site, captures, &self.options, &|_, _| ())?,
            false => locate(self.site, captures, None, &self.options, &|_, _| ())?,
        };
        let row = Row::done(self.site, &outcome, &notes);
        Ok((outcome, row))
    }
}

const HELD: &str = "nothing panics while it is held";

/// A name without what file systems dislike.
fn plain(name: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    name.chars().map(plain).take(60).collect()
}

/// Rows of the finished captures in a folder; what was left half-written is taken away.
fn finished_in(out: &Path) -> std::io::Result<BTreeMap<String, Row>> {
    let mut finished = BTreeMap::new();
    remove_unfinished(out)?;
    for entry in std::fs::read_dir(out)? {
        let path = entry?.path();
        if !path.is_dir() {
            continue;
        }
        remove_unfinished(&path)?;
        let row = std::fs::read(path.join(ROW)).ok().and_then(|bytes| serde_json::from_slice::<Row>(&bytes).ok());
        if let Some(row) = row.filter(|row| row.status == Status::Done && path.join("result.json").is_file())
            && let Some(key) = &row.key
        {
            finished.insert(key.clone(), row);
        }
    }
    Ok(finished)
}

/// Files in the making that a killed process left; the lock shows that no other is at work.
fn remove_unfinished(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(PREFIX) && name != LOCK && entry.file_type()?.is_file() {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
