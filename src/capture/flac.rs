//! A FLAC file: packets decoded by symphonia, in order or from any frame on.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use symphonia_bundle_flac::{FlacDecoder, FlacReader};
use symphonia_core::codecs::CodecParameters;
use symphonia_core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia_core::errors::Error as Refusal;
use symphonia_core::formats::{FormatOptions, FormatReader, SeekMode, SeekTo};
use symphonia_core::io::{MediaSource, MediaSourceStream};
use symphonia_core::units::Timestamp;

use super::container::{KEPT, KEPT_BYTES};
use super::source::{Source, length};
use crate::error::{Error, Result};

/// The first bytes of a FLAC file.
pub(super) const MARK: &[u8; 4] = b"fLaC";

/// An opened FLAC file.
pub(super) struct Flac {
    file: Box<dyn Source>,
    reader: FlacReader<'static>,
    decoder: FlacDecoder,
    pub channels: usize,
    pub sample_rate_hz: u32,
    pub bits: u16,
    /// Frames that can be decoded, and those that the header promises where they are more.
    pub frames: u64,
    pub promised: Option<u64>,
    /// Chunks kept for their words.
    pub chunks: Vec<([u8; 4], Vec<u8>)>,
    /// The decoded packet, interleaved, and its first frame.
    packet: Vec<f32>,
    first: u64,
}

impl fmt::Debug for Flac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flac").field("frames", &self.frames).finish_non_exhaustive()
    }
}

/// A reader at the first packet.
fn reader(bare: Bare) -> std::result::Result<FlacReader<'static>, Refusal> {
    let stream = MediaSourceStream::new(Box::new(bare), Default::default());
    FlacReader::try_new(stream, FormatOptions::default())
}

/// Bytes of the mark, of a block's header, and of the block that says what the stream holds.
const HEAD_BYTES: usize = 4 + 4 + 34;

/// A FLAC file without what its header says beside that: a table for seeking can be wrong, and pictures can be large.
struct Bare {
    file: Box<dyn Source>,
    head: [u8; HEAD_BYTES],
    /// First byte of the packets in the file.
    start: u64,
    length: u64,
    position: u64,
    /// Notes of the recorder, kept from the WAV file that this once was.
    chunks: Vec<([u8; 4], Vec<u8>)>,
}

/// The kind of a block that applications fill, and what says that it holds a chunk of a WAV file.
const APPLICATION: u8 = 2;
const FOREIGN: &[u8; 4] = b"riff";

impl Bare {
    fn of(mut file: Box<dyn Source>) -> std::result::Result<Self, Refusal> {
        const NO_HEAD: Refusal = Refusal::DecodeError("no stream information at its start");
        let end = length(&mut *file)?;
        let mut head = [0; HEAD_BYTES];
        file.read_exact(&mut head)?;
        let [.., kind, a, b, c] = head[..8] else { return Err(NO_HEAD) };
        if kind & 0x7f != 0 || [a, b, c] != [0, 0, 34] {
            return Err(NO_HEAD);
        }
        let (mut start, mut is_last) = (HEAD_BYTES as u64, kind & 0x80 != 0);
        let mut chunks = Vec::new();
        while !is_last && start < end {
            let mut block = [0; 4];
            file.seek(SeekFrom::Start(start))?;
            file.read_exact(&mut block)?;
            is_last = block[0] & 0x80 != 0;
            let size = u64::from(u32::from_be_bytes([0, block[1], block[2], block[3]]));
            if block[0] & 0x7f == APPLICATION && size <= KEPT_BYTES && chunks.len() < KEPT.len() {
                let mut content = Vec::new();
                (&mut file).take(size).read_to_end(&mut content)?;
                chunks.extend(chunk(&content));
            }
            start += 4 + size;
        }
        head[4] = 0x80;
        let length = HEAD_BYTES as u64 + end.saturating_sub(start);
        Ok(Self { file, head, start, length, position: 0, chunks })
    }
}

/// The recorder's note in a block of application data, if one is there.
fn chunk(content: &[u8]) -> Option<([u8; 4], Vec<u8>)> {
    let (name, content) = content.strip_prefix(FOREIGN)?.split_first_chunk::<4>()?;
    let (size, content) = content.split_first_chunk::<4>()?;
    let content = content.get(..u32::from_le_bytes(*size) as usize)?;
    KEPT.contains(name).then(|| (*name, content.to_vec()))
}

impl Read for Bare {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = match self.head.get(self.position as usize..) {
            Some(mut head) if !head.is_empty() => head.read(bytes)?,
            _ => {
                self.file.seek(SeekFrom::Start(self.start + self.position - HEAD_BYTES as u64))?;
                self.file.read(bytes)?
            }
        };
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Bare {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

impl MediaSource for Bare {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.length)
    }
}

impl Flac {
    /// # Errors
    /// [`Error::Broken`] where the header cannot be read.
    pub fn open(path: &Path, file: Box<dyn Source>) -> Result<Self> {
        let broken = |e: Refusal| Error::broken(path, format!("not a FLAC file that can be read ({e})"));
        let mut bare = Bare::of(file.again().map_err(|e| Error::io(path, e))?).map_err(broken)?;
        let chunks = std::mem::take(&mut bare.chunks);
        let reader = reader(bare).map_err(broken)?;
        let nothing = || Error::broken(path, "its header does not say what it holds; not a whole FLAC file");
        let track = reader.tracks().first().ok_or_else(nothing)?;
        let Some(CodecParameters::Audio(parameters)) = &track.codec_params else { return Err(nothing()) };
        let channels = parameters.channels.as_ref().map(|c| c.count()).filter(|c| *c > 0).ok_or_else(nothing)?;
        let sample_rate_hz = parameters.sample_rate.filter(|hz| *hz > 0).ok_or_else(nothing)?;
        let bits = parameters.bits_per_coded_sample.or(parameters.bits_per_sample).unwrap_or(24) as u16;
        let decoder = FlacDecoder::try_new(parameters, &AudioDecoderOptions::default()).map_err(broken)?;
        let promised = track.num_frames.filter(|frames| *frames > 0);
        let (packet, first) = (Vec::new(), 0);
        let mut flac =
            Self { file, reader, decoder, channels, sample_rate_hz, bits, frames: 0, promised, chunks, packet, first };
        // Where the last frame is found, so are all others; a cut file is walked to its end once.
        flac.frames = match promised {
            Some(frames) if flac.seek(frames - 1).is_ok() => frames,
            _ => flac.counted().map_err(broken)?,
        };
        Ok(flac)
    }

    /// Stands before the packet with this frame.
    ///
    /// A reader that has read keeps what it looked ahead at when a seek lands on the start of a packet: only a new one is
    /// sure to stand where it says.
    fn seek(&mut self, frame: u64) -> std::result::Result<(), Refusal> {
        self.reader = reader(Bare::of(self.file.again()?)?)?;
        (self.packet, self.first) = (Vec::new(), 0);
        if frame == 0 {
            return Ok(());
        }
        let ts = Timestamp::new(frame as i64);
        let found = self.reader.seek(SeekMode::Accurate, SeekTo::Timestamp { ts, track_id: 0 })?;
        self.first = found.actual_ts.get() as u64;
        match found.actual_ts <= ts {
            true => Ok(()),
            false => Err(Refusal::DecodeError("frames are missing")),
        }
    }

    /// Decodes the next packet; false at the end.
    fn next(&mut self) -> std::result::Result<bool, Refusal> {
        let due = self.first + (self.packet.len() / self.channels) as u64;
        let packet = match self.reader.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => return Ok(false),
            Err(Refusal::IoError(e)) if e.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(e) => return Err(e),
        };
        if packet.pts.get() as u64 != due {
            return Err(Refusal::DecodeError("frames are missing"));
        }
        let decoded = self.decoder.decode(&packet)?;
        if decoded.num_planes() != self.channels {
            return Err(Refusal::DecodeError("the number of channels changes"));
        }
        self.packet.clear();
        decoded.copy_to_vec_interleaved(&mut self.packet);
        self.first = due;
        Ok(true)
    }

    /// Frames from the first on that can be decoded.
    fn counted(&mut self) -> std::result::Result<u64, Refusal> {
        self.seek(0)?;
        // What is damaged ends the recording here.
        while let Ok(true) = self.next() {}
        Ok(self.first + (self.packet.len() / self.channels) as u64)
    }

    /// As [`super::SoundFile::read`].
    pub fn read(
        &mut self,
        path: &Path,
        frame: u64,
        channels: &[(usize, usize)],
        frames: &mut [f32],
        columns: usize,
    ) -> Result<()> {
        let rate_hz = f64::from(self.sample_rate_hz);
        let broken = |frame: u64, e: Refusal| {
            let what = format!("damaged at {:.3} s ({e}); cut it off with --from and --to", frame as f64 / rate_hz);
            Error::broken(path, what)
        };
        let held = |flac: &Self| (flac.packet.len() / flac.channels) as u64;
        if frame < self.first || frame > self.first + held(self) {
            self.seek(frame).map_err(|e| broken(frame, e))?;
        }
        let mut done = 0;
        let count = frames.len() / columns;
        while done < count {
            let at = frame + done as u64;
            if at >= self.first + held(self) {
                if !self.next().map_err(|e| broken(at, e))? {
                    return Err(broken(at, Refusal::DecodeError("it ends")));
                }
                continue;
            }
            let from = (at - self.first) as usize;
            let some = (held(self) as usize - from).min(count - done);
            let part = &mut frames[done * columns..(done + some) * columns];
            let samples = self.packet[from * self.channels..].chunks_exact(self.channels);
            for (row, samples) in part.chunks_exact_mut(columns).zip(samples) {
                for &(column, channel) in channels {
                    row[column] = samples[channel];
                }
            }
            done += some;
        }
        Ok(())
    }
}
