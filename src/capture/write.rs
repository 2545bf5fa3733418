//! Writes sound as it comes: WAV, or RF64 where it is longer than WAV can say; whole under its name, or not at all.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::encoding::Encoding;
use super::sound_file::SoundFile;
use crate::atomic::AtomicFile;
use crate::error::{Error, Result};

/// What a sound file is to be.
#[derive(Debug, Clone)]
pub struct SoundSpec {
    /// How samples lie.
    pub encoding: Encoding,
    /// Bits that carry sound.
    pub valid_bits: u16,
    /// Number of channels.
    pub channels: usize,
    /// Samples per second, as the header tells it.
    pub sample_rate_hz: u32,
    /// Samples per channel.
    pub frames: u64,
    /// Chunks with notes, written before the samples.
    pub chunks: Vec<([u8; 4], Vec<u8>)>,
}

impl SoundSpec {
    /// The format of `file`, with its recorder's notes.
    pub fn like(file: &SoundFile) -> Self {
        Self {
            encoding: file.encoding(),
            valid_bits: file.valid_bits(),
            channels: file.channels(),
            sample_rate_hz: file.header_rate_hz(),
            frames: file.frames(),
            chunks: file.chunks().to_vec(),
        }
    }

    fn data_bytes(&self) -> u64 {
        self.frames * (self.encoding.bytes() * self.channels) as u64
    }

    /// Everything before the first sample.
    fn header(&self) -> Vec<u8> {
        let mut chunks = Vec::new();
        let mut chunk = |name: &[u8; 4], content: &[u8]| {
            chunks.extend(name);
            chunks.extend((content.len() as u32).to_le_bytes());
            chunks.extend(content);
            chunks.resize(chunks.len().next_multiple_of(2), 0);
        };
        chunk(b"fmt ", &self.format());
        if self.encoding.is_float() {
            chunk(b"fact", &u32::try_from(self.frames).unwrap_or(u32::MAX).to_le_bytes());
        }
        self.chunks.iter().for_each(|(name, content)| chunk(name, content));
        let data = self.data_bytes();
        let size = 4 + chunks.len() as u64 + 8 + data.next_multiple_of(2);
        let mut header = Vec::new();
        let short = u32::try_from(size).ok();
        if let Some(size) = short {
            header.extend(b"RIFF");
            header.extend(size.to_le_bytes());
            header.extend(b"WAVE");
        } else {
            header.extend(b"RF64\xff\xff\xff\xffWAVEds64");
            header.extend(28u32.to_le_bytes());
            [size + 36, data, self.frames].iter().for_each(|size| header.extend(size.to_le_bytes()));
            header.extend(0u32.to_le_bytes());
        }
        header.extend(chunks);
        header.extend(b"data");
        header.extend(short.map_or(u32::MAX, |_| data as u32).to_le_bytes());
        header
    }

    /// Content of the `fmt ` chunk; extensible where the plain form is not defined.
    fn format(&self) -> Vec<u8> {
        let bytes = self.encoding.bytes() as u16;
        let tag: u16 = if self.encoding.is_float() { 3 } else { 1 };
        let plain = self.channels <= 2 && bytes <= 2;
        let block = bytes * self.channels as u16;
        let mut format = if plain { tag } else { 0xfffe }.to_le_bytes().to_vec();
        format.extend((self.channels as u16).to_le_bytes());
        format.extend(self.sample_rate_hz.to_le_bytes());
        format.extend((self.sample_rate_hz.wrapping_mul(u32::from(block))).to_le_bytes());
        format.extend(block.to_le_bytes());
        format.extend((8 * bytes).to_le_bytes());
        if !plain {
            format.extend(22u16.to_le_bytes());
            format.extend(self.valid_bits.to_le_bytes());
            format.extend(0u32.to_le_bytes());
            format.extend(tag.to_le_bytes());
            format.extend(super::container::SUBFORMAT_TAIL);
        }
        format
    }
}

/// A sound file in the making.
#[derive(Debug)]
pub struct SoundWriter {
    file: BufWriter<AtomicFile>,
    path: PathBuf,
    encoding: Encoding,
    bytes: Vec<u8>,
    /// Samples that are still to come.
    left: u64,
    /// Whether a byte must fill up the last chunk.
    odd: bool,
    held: u64,
}

impl SoundWriter {
    /// Begins a file that will be `path`.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be written.
    pub fn create(path: impl AsRef<Path>, spec: &SoundSpec) -> Result<Self> {
        let path = path.as_ref().to_path_buf();
        let mut file = BufWriter::with_capacity(1 << 18, AtomicFile::create(&path)?);
        file.write_all(&spec.header()).map_err(|e| Error::io(&path, e))?;
        let left = spec.frames * spec.channels as u64;
        let odd = !spec.data_bytes().is_multiple_of(2);
        Ok(Self { file, path, encoding: spec.encoding, bytes: Vec::new(), left, odd, held: 0 })
    }

    /// Appends interleaved samples, full scale 1.
    ///
    /// # Errors
    /// [`Error::Io`] where they cannot be written.
    ///
    /// # Panics
    /// Where there are more of them than was said.
    pub fn write(&mut self, samples: &[f32]) -> Result<()> {
        self.left = self.left.checked_sub(samples.len() as u64).expect("no more samples than announced");
        self.bytes.clear();
        for x in samples {
            self.held += u64::from(self.encoding.push(*x, &mut self.bytes));
        }
        self.file.write_all(&self.bytes).map_err(|e| Error::io(&self.path, e))
    }

    /// Gives the file its name; tells how many samples were beyond full scale and were held there.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be written.
    ///
    /// # Panics
    /// Where samples are missing.
    pub fn finish(mut self) -> Result<u64> {
        assert_eq!(self.left, 0, "every sample announced is written");
        if self.odd {
            self.file.write_all(&[0]).map_err(|e| Error::io(&self.path, e))?;
        }
        let file = self.file.into_inner().map_err(|e| Error::io(&self.path, e.into_error()))?;
        file.finish()?;
        Ok(self.held)
    }
}
