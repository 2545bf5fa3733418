//! What was heard: sound files as one array of channels, read in blocks, with the health of every channel.

mod bulk;
mod container;
mod digest;
mod encoding;
mod events;
mod flac;
mod flac_sink;
mod health;
mod notes;
mod overlapping;
mod sound_file;
#[cfg(test)]
mod sound_file_tests;
mod source;
#[cfg(test)]
mod source_tests;
mod write;

use std::path::{Path, PathBuf};

use ndarray::Array2;

pub use digest::digest;
pub use encoding::Encoding;
pub use events::events;
pub use health::Health;
pub use notes::Notes;
pub use overlapping::Overlapping;
pub use sound_file::SoundFile;
pub use source::{InMemory, Samples, Source};
pub use write::{SoundSpec, SoundWriter};

use crate::error::{Error, Result};
use crate::simd::Sample;

/// One or more captures of equal sample rate, read as one array: one file a recorder.
#[derive(Debug)]
pub struct Captures {
    files: Vec<SoundFile>,
    /// What is read of them, in the order of the columns that [`Captures::read`] fills: file index and channel from 0.
    selection: Vec<(usize, usize)>,
}

impl Captures {
    /// Opens every file and reads its header; all channels of all files are selected.
    ///
    /// # Errors
    /// Any error of [`SoundFile::open`]; [`Error::Request`] where sample rates differ.
    pub fn open(paths: &[PathBuf]) -> Result<Self> {
        Self::of(paths.iter().map(SoundFile::open).collect::<Result<_>>()?)
    }

    /// As [`Captures::open`], of sound that is open already.
    ///
    /// # Errors
    /// [`Error::Request`] where there is none, or sample rates differ.
    pub fn of(files: Vec<SoundFile>) -> Result<Self> {
        let first =
            files.first().ok_or_else(|| Error::request("no capture given; name at least one WAV or FLAC file"))?;
        for other in &files[1..] {
            if other.sample_rate_hz() != first.sample_rate_hz() {
                return Err(Error::request(format!(
                    "{} is sampled at {} Hz but {} at {} Hz; captures that are analysed together need one rate",
                    first.path().display(),
                    first.sample_rate_hz(),
                    other.path().display(),
                    other.sample_rate_hz()
                )));
            }
        }
        let selection =
            files.iter().enumerate().flat_map(|(f, file)| (0..file.channels()).map(move |c| (f, c))).collect();
        Ok(Self { files, selection })
    }

    /// The same captures for one more reader, all channels selected.
    ///
    /// # Errors
    /// As [`Captures::open`].
    pub fn again(&self) -> Result<Self> {
        Self::of(self.files.iter().map(SoundFile::again).collect::<Result<_>>()?)
    }

    /// Digests of the files, hexadecimal, in the order given.
    ///
    /// # Errors
    /// As [`SoundFile::digest`].
    pub fn digests(&mut self) -> Result<Vec<String>> {
        self.files.iter_mut().map(|file| Ok(file.digest()?.to_hex().to_string())).collect()
    }

    /// Reads only these channels from now on: file index and channel from 0, one column of each block in this order.
    ///
    /// # Panics
    /// Where a file or channel does not exist.
    pub fn select(&mut self, selection: Vec<(usize, usize)>) {
        assert!(selection.iter().all(|&(file, channel)| channel < self.files[file].channels()));
        self.selection = selection;
    }

    /// Number of selected channels.
    pub fn selected(&self) -> usize {
        self.selection.len()
    }

    /// The smallest step of the format of a selected channel; full scale is 1.
    ///
    /// # Panics
    /// Where `column` is not one of the selected channels.
    pub fn resolution(&self, column: usize) -> f32 {
        self.files[self.selection[column].0].resolution()
    }

    /// The opened files, in the order given.
    pub fn files(&self) -> &[SoundFile] {
        &self.files
    }

    /// Paths of the files, in the order given.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(SoundFile::path)
    }

    /// Samples per second.
    pub fn sample_rate_hz(&self) -> u32 {
        self.files[0].sample_rate_hz()
    }

    /// Channels of all files together, selected or not.
    pub fn channels(&self) -> usize {
        self.files.iter().map(SoundFile::channels).sum()
    }

    /// Samples per channel that every file has.
    pub fn frames(&self) -> u64 {
        self.files.iter().map(SoundFile::frames).min().unwrap_or(0)
    }

    /// What is odd about the files but no obstacle.
    pub fn warnings(&self) -> impl Iterator<Item = &str> {
        self.files.iter().flat_map(|file| file.warnings().iter().map(String::as_str))
    }

    /// Fills `block`, one row a frame and one column a selected channel, from row `row` on with the samples from `frame` on;
    /// full scale is 1.
    ///
    /// # Errors
    /// [`Error::Io`] where a file cannot be read, [`Error::Broken`] where a sample is not a finite number.
    ///
    /// # Panics
    /// Where the block has not one column a selected channel, or reaches past the end of the captures.
    pub fn read(&mut self, frame: u64, block: &mut Array2<f32>, row: usize) -> Result<()> {
        assert_eq!(block.ncols(), self.selection.len());
        let columns = block.ncols();
        self.fill(frame, &mut block.as_slice_mut().expect("blocks are contiguous")[row * columns..])
    }

    /// Whether all that is selected can be had as 16-bit integers, as they lie in the files.
    pub fn holds_integers(&self) -> bool {
        self.selection.iter().all(|&(file, _)| self.files[file].holds_integers())
    }

    /// Whether several threads can read the files at once, here and there, as fast as one from start to end.
    pub fn is_read_at_once(&self) -> bool {
        self.files.iter().all(SoundFile::is_read_at_once)
    }

    /// Fills `frames`, `[frame][selected channel]`, with the samples from `frame` on, in their own unit.
    ///
    /// # Errors
    /// [`Error::Io`] where a file cannot be read, [`Error::Broken`] where a sample is not a finite number.
    ///
    /// # Panics
    /// Where integers are asked for that the files do not hold, or what is asked for reaches past the end of the captures.
    pub fn fill<T: Stored>(&self, frame: u64, frames: &mut [T]) -> Result<()> {
        let columns = self.selection.len();
        assert!(frame + (frames.len() / columns) as u64 <= self.frames());
        for (index, file) in self.files.iter().enumerate() {
            let of_file =
                |(column, &(file, channel)): (usize, &(usize, usize))| (file == index).then_some((column, channel));
            let channels: Vec<(usize, usize)> = self.selection.iter().enumerate().filter_map(of_file).collect();
            if !channels.is_empty() {
                T::read(file, frame, &channels, frames, columns)?;
            }
        }
        Ok(())
    }
}

/// Samples as they can be had from files.
pub trait Stored: Sample {
    /// Fills columns of `frames` as [`SoundFile::read`] does.
    ///
    /// # Errors
    /// Those of [`SoundFile::read`].
    fn read(
        file: &SoundFile,
        frame: u64,
        channels: &[(usize, usize)],
        frames: &mut [Self],
        columns: usize,
    ) -> Result<()>;
}

impl Stored for f32 {
    fn read(
        file: &SoundFile,
        frame: u64,
        channels: &[(usize, usize)],
        frames: &mut [f32],
        columns: usize,
    ) -> Result<()> {
        file.read(frame, channels, frames, columns)
    }
}

impl Stored for i16 {
    fn read(
        file: &SoundFile,
        frame: u64,
        channels: &[(usize, usize)],
        frames: &mut [i16],
        columns: usize,
    ) -> Result<()> {
        file.read_integers(frame, channels, frames, columns)
    }
}
