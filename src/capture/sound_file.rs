//! One sound file: WAV, RF64, BW64, Wave64 or FLAC, read in bulk from any frame on.
//!
//! hound's sample iterator is an order of magnitude slower than the disk cache, and it reads neither sizes above 4 GB nor what
//! recorders write beside the sound: the chunks are walked in `container`, and everything after that is plain
//! arithmetic on bytes. hound reads what that walk is tested against, and writes the captures of `simulate`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};

use super::container::{self, Kind};
use super::digest::digest_of;
use super::encoding::Encoding;
use super::flac::{self, Flac};
use super::notes::Notes;
use super::source::{InMemory, Source, UNHARMED};
use crate::error::{Error, Result};

/// Limits of what is taken for a recording rather than for a damaged header.
const MAX_CHANNELS: usize = 128;
const MAX_RATE_HZ: u32 = 50_000_000;

/// An opened sound file.
#[derive(Debug)]
pub struct SoundFile {
    pub(super) path: PathBuf,
    pub(super) body: Body,
    pub(super) encoding: Encoding,
    valid_bits: u16,
    container: &'static str,
    pub(super) channels: usize,
    pub(super) sample_rate_hz: u32,
    header_rate_hz: u32,
    frames: u64,
    /// Whether the file ends where its header says.
    complete: bool,
    notes: Notes,
    chunks: Vec<([u8; 4], Vec<u8>)>,
    warnings: Vec<String>,
}

/// Where its samples are.
#[derive(Debug)]
pub(super) enum Body {
    Samples {
        file: RwLock<Box<dyn Source>>,
        start: u64,
    },
    /// A stream remembers where it stands.
    Flac {
        flac: Box<Mutex<Flac>>,
        file: Box<dyn Source>,
    },
    Memory(Arc<dyn InMemory>),
}

impl SoundFile {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// [`Error::Io`] where the file cannot be read, [`Error::Broken`] where it is not a sound file, and
    /// [`Error::Unsupported`] for a format that is not read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let io = |e| Error::io(path, e);
        let kind = path.metadata().map_err(io)?;
        if kind.is_dir() {
            return Err(Error::io(path, std::io::ErrorKind::IsADirectory.into()));
        }
        // Sound is read from several places at once; and to open a pipe is to wait for whoever writes to it.
        if !kind.is_file() {
            return Err(Error::broken(path, "is a pipe or a device; write the sound to a file and name that"));
        }
        Self::from_source(path, Box::new(File::open(path).map_err(io)?))
    }

    /// As [`SoundFile::open`], from bytes that are called `name`.
    ///
    /// # Errors
    /// As [`SoundFile::open`].
    pub fn from_source(name: impl AsRef<Path>, mut source: Box<dyn Source>) -> Result<Self> {
        let path = name.as_ref();
        let io = |e| Error::io(path, e);
        let mut mark = [0; 4];
        source.rewind().map_err(io)?;
        let marked = source.read(&mut mark).map_err(io)?;
        source.rewind().map_err(io)?;
        let is_flac = &mark[..marked] == flac::MARK;
        let opened = if is_flac { Self::of_flac(path, source)? } else { Self::of_chunks(path, source)? };
        opened.checked()
    }

    /// Samples in memory that are called `name`.
    ///
    /// # Errors
    /// [`Error::Broken`] where there are none, or more channels or a higher rate than a recorder has.
    pub fn from_memory(name: impl AsRef<Path>, sample_rate_hz: u32, samples: Arc<dyn InMemory>) -> Result<Self> {
        let (mut encoding, mut dim) = (Encoding::Float32, (0, 0));
        samples.show(&mut |samples| (encoding, dim) = (samples.encoding(), samples.dim()));
        Self {
            path: name.as_ref().to_path_buf(),
            body: Body::Memory(samples),
            encoding,
            valid_bits: 8 * encoding.bytes() as u16,
            container: "memory",
            channels: dim.1,
            sample_rate_hz,
            header_rate_hz: sample_rate_hz,
            frames: dim.0 as u64,
            complete: true,
            notes: Notes::default(),
            chunks: Vec::new(),
            warnings: Vec::new(),
        }
        .checked()
    }

    /// The same sound for one more reader.
    ///
    /// # Errors
    /// As [`SoundFile::open`].
    pub fn again(&self) -> Result<Self> {
        match &self.body {
            Body::Memory(samples) => Self::from_memory(&self.path, self.sample_rate_hz, Arc::clone(samples)),
            Body::Samples { file, .. } => self.other(&**file.read().expect(UNHARMED)),
            Body::Flac { file, .. } => self.other(&**file),
        }
    }

    fn other(&self, file: &dyn Source) -> Result<Self> {
        Self::from_source(&self.path, file.again().map_err(|e| Error::io(&self.path, e))?)
    }

    /// BLAKE3 of its bytes; of samples in memory, as a file would hold them.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be read.
    pub fn digest(&mut self) -> Result<blake3::Hash> {
        let file = match &mut self.body {
            Body::Memory(samples) => {
                let mut hasher = blake3::Hasher::new();
                samples.show(&mut |samples| samples.digest(&mut hasher));
                return Ok(hasher.finalize());
            }
            Body::Samples { file, .. } => file.get_mut().expect(UNHARMED),
            Body::Flac { file, .. } => file,
        };
        file.rewind().and_then(|()| digest_of(file)).map_err(|e| Error::io(&self.path, e))
    }

    fn of_flac(path: &Path, file: Box<dyn Source>) -> Result<Self> {
        let mut flac = Flac::open(path, file.again().map_err(|e| Error::io(path, e))?)?;
        let chunks = std::mem::take(&mut flac.chunks);
        let notes = Notes::read(&chunks);
        let mut warnings = short(path, flac.promised, flac.frames, flac.sample_rate_hz);
        let true_rate_hz = notes.true_rate_hz(flac.sample_rate_hz);
        warnings.extend(true_rate_hz.map(|true_hz| slowed_down(path, flac.sample_rate_hz, true_hz)));
        Ok(Self {
            path: path.to_path_buf(),
            encoding: match flac.bits {
                0..=16 => Encoding::Int16,
                17..=24 => Encoding::Int24,
                _ => Encoding::Int32,
            },
            valid_bits: flac.bits,
            container: "FLAC",
            channels: flac.channels,
            sample_rate_hz: true_rate_hz.unwrap_or(flac.sample_rate_hz),
            header_rate_hz: flac.sample_rate_hz,
            frames: flac.frames,
            complete: flac.promised == Some(flac.frames),
            notes,
            chunks,
            warnings,
            body: Body::Flac { flac: Box::new(Mutex::new(flac)), file },
        })
    }

    fn of_chunks(path: &Path, mut file: Box<dyn Source>) -> Result<Self> {
        let told = container::walk(path, &mut *file)?;
        let notes = Notes::read(&told.chunks);
        let frame_bytes = (told.encoding.bytes() * usize::from(told.channels)).max(1) as u64;
        let frames = told.data_bytes / frame_bytes;
        let promised = told.promised_bytes.map(|bytes| bytes / frame_bytes);
        let mut warnings = short(path, promised, frames, told.sample_rate_hz.max(1));
        if promised.is_none() && frames > 0 {
            warnings.push(format!(
                "{}: the header was never finished, as when a recorder loses power; the {:.3} s that are there are used",
                path.display(),
                frames as f64 / f64::from(told.sample_rate_hz.max(1))
            ));
        }
        if told.kind == Kind::Riff && promised.is_some_and(|frames| frames * frame_bytes > 1 << 32) {
            warnings.push(format!(
                "{}: longer than a WAV header can say (4 GB); all {:.3} s are used",
                path.display(),
                frames as f64 / f64::from(told.sample_rate_hz.max(1))
            ));
        }
        let true_rate_hz = notes.true_rate_hz(told.sample_rate_hz);
        warnings.extend(true_rate_hz.map(|true_hz| slowed_down(path, told.sample_rate_hz, true_hz)));
        Ok(Self {
            path: path.to_path_buf(),
            body: Body::Samples { file: RwLock::new(file), start: told.data_start },
            encoding: told.encoding,
            valid_bits: told.valid_bits,
            container: told.kind.name(),
            channels: usize::from(told.channels),
            sample_rate_hz: true_rate_hz.unwrap_or(told.sample_rate_hz),
            header_rate_hz: told.sample_rate_hz,
            frames,
            complete: promised == Some(frames),
            notes,
            chunks: told.chunks,
            warnings,
        })
    }

    fn checked(self) -> Result<Self> {
        if self.channels == 0 || self.channels > MAX_CHANNELS {
            let what = format!("{} channels; 1 to {MAX_CHANNELS} can be read", self.channels);
            return Err(Error::broken(&self.path, what));
        }
        if self.sample_rate_hz == 0 || self.sample_rate_hz > MAX_RATE_HZ {
            let what = format!("sample rate {} Hz; up to {MAX_RATE_HZ} Hz can be read", self.sample_rate_hz);
            return Err(Error::broken(&self.path, what));
        }
        if self.frames == 0 {
            return Err(Error::broken(&self.path, "no samples; record again, or give another file"));
        }
        Ok(self)
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Samples per second and channel at which the sound was sampled.
    pub fn sample_rate_hz(&self) -> u32 {
        self.sample_rate_hz
    }

    /// The same as the header has it: lower where the file is slowed down for listening.
    pub fn header_rate_hz(&self) -> u32 {
        self.header_rate_hz
    }

    /// Samples per channel that are really in the file.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// How its samples lie; those of FLAC as they would in a WAV file.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Bits of a sample that carry sound.
    pub fn valid_bits(&self) -> u16 {
        self.valid_bits
    }

    /// Name of the container: `WAV`, `RF64`, `Wave64` or `FLAC`; `memory` where there is none.
    pub fn container(&self) -> &'static str {
        self.container
    }

    /// Whether the file is as long as its header says; a recorder that is still writing, or lost power, leaves it shorter.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// What the recorder wrote beside the sound.
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    /// The chunks with the recorder's notes, as they are in the file.
    pub fn chunks(&self) -> &[([u8; 4], Vec<u8>)] {
        &self.chunks
    }

    /// The smallest step of the format; full scale is 1. Floats, and integers finer than single precision, have none
    /// worth naming.
    pub fn resolution(&self) -> f32 {
        match self.encoding.is_float() || self.valid_bits > 24 {
            true => 0.0,
            false => (1.0 - f32::from(self.valid_bits)).exp2(),
        }
    }

    /// What is odd about the file but no obstacle.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// The warning about a file that ends before its header says.
fn short(path: &Path, promised: Option<u64>, frames: u64, rate_hz: u32) -> Vec<String> {
    let Some(promised) = promised.filter(|promised| *promised > frames) else { return Vec::new() };
    vec![format!(
        "{}: the header promises {:.3} s but the file ends after {:.3} s; what is there is used",
        path.display(),
        promised as f64 / f64::from(rate_hz),
        frames as f64 / f64::from(rate_hz)
    )]
}

/// The warning about a file that is slowed down for listening.
fn slowed_down(path: &Path, header_hz: u32, true_hz: u32) -> String {
    format!(
        "{}: slowed down for listening: its header says {header_hz} Hz, its GUANO notes {true_hz} Hz, which is used",
        path.display()
    )
}
