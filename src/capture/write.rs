//! Writes sound as it comes, in the container that the file's name says; whole under its name, or not at all.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::container::{SUBFORMAT_TAIL, W64_RIFF, W64_TAIL};
use super::encoding::Encoding;
use super::flac_sink::FlacSink;
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

    /// Chunks between the file's mark and its samples: name and content.
    fn chunks_before(&self) -> Vec<([u8; 4], Vec<u8>)> {
        let mut chunks = vec![(*b"fmt ", self.format())];
        if self.encoding.is_float() {
            chunks.push((*b"fact", u32::try_from(self.frames).unwrap_or(u32::MAX).to_le_bytes().to_vec()));
        }
        chunks.extend(self.chunks.iter().cloned());
        chunks
    }

    /// Everything before the first sample of a WAV file, chunk by chunk; of RF64 where it is longer than WAV can say.
    pub(super) fn riff(&self) -> Vec<Vec<u8>> {
        let mut pieces = vec![Vec::new()];
        for (name, content) in self.chunks_before() {
            let mut piece = [&name[..], &(content.len() as u32).to_le_bytes(), &content].concat();
            piece.resize(piece.len().next_multiple_of(2), 0);
            pieces.push(piece);
        }
        let data = self.data_bytes();
        let size = 12 + pieces.iter().map(Vec::len).sum::<usize>() as u64 + data.next_multiple_of(2);
        let short = u32::try_from(size).ok();
        if let Some(size) = short {
            pieces[0] = [b"RIFF", &size.to_le_bytes()[..], b"WAVE"].concat();
        } else {
            pieces[0] = b"RF64\xff\xff\xff\xffWAVE".to_vec();
            let sizes = [size + 36, data, self.frames].map(u64::to_le_bytes).concat();
            pieces.insert(1, [b"ds64", &28u32.to_le_bytes()[..], &sizes, &[0; 4]].concat());
        }
        pieces.push([b"data", &short.map_or(u32::MAX, |_| data as u32).to_le_bytes()[..]].concat());
        pieces
    }

    /// Everything before the first sample of a Wave64 file.
    fn wave64(&self) -> Vec<u8> {
        let guid = |name: [u8; 4]| [&name[..], &W64_TAIL].concat();
        let head = |name, bytes: u64| [guid(name), (24 + bytes).to_le_bytes().to_vec()].concat();
        let mut chunks = Vec::new();
        for (name, content) in self.chunks_before() {
            chunks.extend(head(name, content.len() as u64));
            chunks.extend(content);
            chunks.resize(chunks.len().next_multiple_of(8), 0);
        }
        let data = self.data_bytes();
        let size = (40 + chunks.len() + 24) as u64 + data.next_multiple_of(8);
        [&W64_RIFF[..], &size.to_le_bytes(), &guid(*b"wave"), &chunks, &head(*b"data", data)].concat()
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
            format.extend(SUBFORMAT_TAIL);
        }
        format
    }
}

/// A sound file in the making: FLAC or Wave64 where it is called `.flac` or `.w64`, otherwise WAV.
#[derive(Debug)]
pub struct SoundWriter {
    sink: Sink,
    path: PathBuf,
    /// Samples that are still to come.
    left: u64,
    held: u64,
}

#[derive(Debug)]
enum Sink {
    Chunks {
        file: BufWriter<AtomicFile>,
        encoding: Encoding,
        bytes: Vec<u8>,
        /// Bytes that must fill up the last chunk.
        padding: usize,
    },
    Flac(Box<FlacSink>),
}

impl SoundWriter {
    /// Begins a file that will be `path`.
    ///
    /// # Errors
    /// [`Error::Request`] where FLAC cannot hold such sound, [`Error::Io`] where the file cannot be written.
    pub fn create(path: impl AsRef<Path>, spec: &SoundSpec) -> Result<Self> {
        let path = path.as_ref().to_path_buf();
        let called = |name| path.extension().is_some_and(|e| e.eq_ignore_ascii_case(name));
        let sink = if called("flac") {
            Sink::Flac(Box::new(FlacSink::create(&path, spec)?))
        } else {
            let (header, unit) = if called("w64") { (spec.wave64(), 8) } else { (spec.riff().concat(), 2) };
            let mut file = BufWriter::with_capacity(1 << 18, AtomicFile::create(&path)?);
            file.write_all(&header).map_err(|e| Error::io(&path, e))?;
            let data = spec.data_bytes();
            let padding = (data.next_multiple_of(unit) - data) as usize;
            Sink::Chunks { file, encoding: spec.encoding, bytes: Vec::new(), padding }
        };
        Ok(Self { sink, path, left: spec.frames * spec.channels as u64, held: 0 })
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
        match &mut self.sink {
            Sink::Chunks { file, encoding, bytes, .. } => {
                bytes.clear();
                self.held += samples.iter().map(|x| u64::from(encoding.push(*x, bytes))).sum::<u64>();
                file.write_all(bytes).map_err(|e| Error::io(&self.path, e))?;
            }
            Sink::Flac(flac) => self.held += flac.write(&self.path, samples)?,
        }
        Ok(())
    }

    /// Gives the file its name; tells how many samples were beyond full scale and were held there.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be written.
    ///
    /// # Panics
    /// Where samples are missing.
    pub fn finish(self) -> Result<u64> {
        assert_eq!(self.left, 0, "every sample announced is written");
        match self.sink {
            Sink::Chunks { mut file, padding, .. } => {
                file.write_all(&[0; 8][..padding]).map_err(|e| Error::io(&self.path, e))?;
                file.into_inner().map_err(|e| Error::io(&self.path, e.into_error()))?.finish()?;
            }
            Sink::Flac(flac) => flac.finish(&self.path)?,
        }
        Ok(self.held)
    }
}
