//! Writes FLAC: samples encoded by flac-codec, the recorder's notes kept as the reference encoder keeps them
//! (`--keep-foreign-metadata`: each chunk of the WAV file that this would be is a block of application data).

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use flac_codec::encode::{FlacSampleWriter, Options};
use flac_codec::metadata::Application;

use super::encoding::rounded;
use super::write::SoundSpec;
use crate::atomic::AtomicFile;
use crate::error::{Error, Result};

/// What FLAC can hold.
const MAX_CHANNELS: usize = 8;
const MAX_RATE_HZ: u32 = (1 << 20) - 1;

/// A FLAC file in the making.
pub(super) struct FlacSink {
    encoder: FlacSampleWriter<BufWriter<File>>,
    /// Dropped after the encoder, whose last words go into it.
    file: AtomicFile,
    bits: u16,
    integers: Vec<i32>,
}

impl fmt::Debug for FlacSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlacSink").field("file", &self.file).finish_non_exhaustive()
    }
}

fn failed(path: &Path, e: flac_codec::Error) -> Error {
    match e {
        flac_codec::Error::Io(e) => Error::io(path, e),
        other => Error::io(path, io::Error::other(other.to_string())),
    }
}

impl FlacSink {
    /// # Errors
    /// [`Error::Request`] where FLAC cannot hold such sound, [`Error::Io`] where the file cannot be written.
    pub fn create(path: &Path, spec: &SoundSpec) -> Result<Self> {
        let refused = match () {
            () if spec.encoding.is_float() => Some("these samples are floats".to_owned()),
            () if spec.channels > MAX_CHANNELS => Some(format!("these are {} channels", spec.channels)),
            () if spec.sample_rate_hz > MAX_RATE_HZ => Some(format!("this is {} Hz", spec.sample_rate_hz)),
            () => None,
        };
        if let Some(why) = refused {
            let holds = format!("FLAC holds integers, {MAX_CHANNELS} channels and {MAX_RATE_HZ} Hz at most");
            return Err(Error::request(format!("{}: {holds}, and {why}; call it .wav", path.display())));
        }
        let mut options = Options::default().no_padding();
        if !spec.chunks.is_empty() {
            let blocks = spec.riff().into_iter().map(|data| Application { id: Application::RIFF, data });
            options.add_blocks(blocks);
        }
        let file = AtomicFile::create(path)?;
        let writer = BufWriter::with_capacity(1 << 18, file.handle().map_err(|e| Error::io(path, e))?);
        let samples = Some(spec.frames * spec.channels as u64);
        let bits = spec.valid_bits;
        let encoder =
            FlacSampleWriter::new(writer, options, spec.sample_rate_hz, bits.into(), spec.channels as u8, samples)
                .map_err(|e| failed(path, e))?;
        Ok(Self { encoder, file, bits, integers: Vec::new() })
    }

    /// Appends interleaved samples; tells how many had to be held at full scale.
    ///
    /// # Errors
    /// [`Error::Io`] where they cannot be written.
    pub fn write(&mut self, path: &Path, samples: &[f32]) -> Result<u64> {
        self.integers.clear();
        let mut held = 0;
        for x in samples {
            let (value, beyond) = rounded(*x, self.bits);
            self.integers.push(value);
            held += u64::from(beyond);
        }
        self.encoder.write(&self.integers).map_err(|e| failed(path, e))?;
        Ok(held)
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be written.
    pub fn finish(self, path: &Path) -> Result<()> {
        self.encoder.finalize().map_err(|e| failed(path, e))?;
        self.file.finish()
    }
}
