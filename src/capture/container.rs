//! Where the samples are in a WAV, RF64, BW64 or Wave64 file, and what else its chunks say.
//!
//! One walk over the chunks serves all four: they differ in the size of a chunk's header and in where sizes above
//! 4 GB stand. Recorders that lose power leave sizes of zero or all ones; then the rest of the file is taken.

use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::encoding::Encoding;
use super::source::{Source, length};
use crate::error::{Error, Result};

/// Chunks of this kind are kept: the broadcast extension, iXML and GUANO.
pub(super) const KEPT: [[u8; 4]; 3] = [*b"bext", *b"iXML", *b"guan"];
/// Largest chunk that is kept, bytes.
pub(super) const KEPT_BYTES: u64 = 1 << 20;
/// Chunks that are walked over before a file is taken for damaged.
const MAX_CHUNKS: usize = 4096;
/// What sizes of 32 bits hold where the true one stands elsewhere or was never written.
const UNKNOWN: u64 = u32::MAX as u64;

/// The 16 bytes by which Wave64 names its chunks, after the four of the name.
pub(super) const W64_TAIL: [u8; 12] = [0xf3, 0xac, 0xd3, 0x11, 0x8c, 0xd1, 0x00, 0xc0, 0x4f, 0x8e, 0xdb, 0x8a];
pub(super) const W64_RIFF: [u8; 16] =
    [b'r', b'i', b'f', b'f', 0x2e, 0x91, 0xcf, 0x11, 0xa5, 0xd6, 0x28, 0xdb, 0x04, 0xc1, 0x00, 0x00];
/// The tail of the subformats that are plain PCM and float (`KSDATAFORMAT_SUBTYPE`).
pub(super) const SUBFORMAT_TAIL: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];

/// What a file's chunks say.
#[derive(Debug)]
pub(super) struct Container {
    pub kind: Kind,
    pub encoding: Encoding,
    /// Bits that carry sound, at the top of the container.
    pub valid_bits: u16,
    pub channels: u16,
    pub sample_rate_hz: u32,
    pub data_start: u64,
    /// Bytes of samples that are really there.
    pub data_bytes: u64,
    /// Bytes of samples that the header promises; none where it says nothing.
    pub promised_bytes: Option<u64>,
    /// Chunks kept for their words.
    pub chunks: Vec<([u8; 4], Vec<u8>)>,
}

/// The container's family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Riff,
    /// RF64 and BW64.
    Rf64,
    Wave64,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Riff => "WAV",
            Self::Rf64 => "RF64",
            Self::Wave64 => "Wave64",
        }
    }

    /// The next chunk's name and size of content; nothing at the end of the file.
    fn chunk(self, reader: &mut impl Read) -> Option<([u8; 4], u64)> {
        match self {
            Self::Riff | Self::Rf64 => {
                let head: [u8; 8] = read(reader)?;
                let [name, size] = [&head[..4], &head[4..]].map(|part| <[u8; 4]>::try_from(part).expect("four bytes"));
                Some((name, u64::from(u32::from_le_bytes(size))))
            }
            Self::Wave64 => {
                let head: [u8; 24] = read(reader)?;
                let size = u64::from_le_bytes(head[16..].try_into().expect("eight bytes"));
                let name = if head[4..16] == W64_TAIL { head[..4].try_into().expect("four bytes") } else { *b"????" };
                Some((name, size.saturating_sub(24)))
            }
        }
    }

    /// From the start of a chunk's content of `size` bytes to the next chunk.
    fn step(self, size: u64) -> u64 {
        let unit = if self == Self::Wave64 { 8 } else { 2 };
        size.checked_next_multiple_of(unit).unwrap_or(u64::MAX)
    }
}

/// Sizes above 4 GB, from the `ds64` chunk.
#[derive(Debug, Default)]
struct Sizes {
    data: Option<u64>,
    others: Vec<([u8; 4], u64)>,
}

/// Walks over the chunks of a file.
///
/// # Errors
/// [`Error::Io`], [`Error::Broken`] where this is no such file or nothing that can be a recording, and
/// [`Error::Unsupported`] for samples of a kind that is not read.
pub(super) fn walk(path: &Path, file: &mut dyn Source) -> Result<Container> {
    let io = |e| Error::io(path, e);
    let length = length(file).map_err(io)?;
    let mut reader = BufReader::with_capacity(4096, file);
    let kind = kind(&mut reader).ok_or_else(|| {
        let what = if length < 12 { "ends inside its header; not a whole WAV file" } else { NOT_A_WAV };
        Error::broken(path, what)
    })?;
    let (mut format, mut data, mut sizes, mut chunks) = (None, None, Sizes::default(), Vec::new());
    for _ in 0..MAX_CHUNKS {
        let Some((name, declared)) = kind.chunk(&mut reader) else { break };
        let start = reader.stream_position().map_err(io)?;
        let there = length.saturating_sub(start);
        let mut size = match (kind, declared, name) {
            (Kind::Rf64, UNKNOWN, [b'd', b'a', b't', b'a']) => sizes.data.unwrap_or(UNKNOWN),
            (Kind::Rf64, UNKNOWN, name) => {
                sizes.others.iter().find(|(other, _)| *other == name).map_or(UNKNOWN, |(_, size)| *size)
            }
            _ => declared,
        };
        match &name {
            b"fmt " if format.is_none() => {
                let mut bytes = [0; 40];
                let count = size.min(there).min(40) as usize;
                reader.read_exact(&mut bytes[..count]).map_err(io)?;
                format = Some(bytes).filter(|_| count >= 16);
            }
            b"ds64" => sizes = read_sizes(&mut reader, size.min(there)).unwrap_or_default(),
            b"data" if data.is_none() => {
                let promised = promised(kind, size, there, &mut reader).map_err(io)?;
                let bytes = promised.unwrap_or(there).min(there);
                data = Some((start, bytes, promised));
                size = promised.unwrap_or(there);
            }
            name if KEPT.contains(name) && size <= KEPT_BYTES && size <= there => {
                let mut bytes = vec![0; size as usize];
                reader.read_exact(&mut bytes).map_err(io)?;
                chunks.push((*name, bytes));
            }
            _ => {}
        }
        let Some(next) = start.checked_add(kind.step(size)).filter(|next| *next < length) else { break };
        reader.seek(SeekFrom::Start(next)).map_err(io)?;
    }
    let Some(format) = format else {
        return Err(Error::broken(path, "no fmt chunk says how its samples lie; not a whole WAV file"));
    };
    let Some((data_start, data_bytes, promised_bytes)) = data else {
        return Err(Error::broken(path, "ends before its samples; not a whole WAV file"));
    };
    let (encoding, valid_bits, channels, sample_rate_hz) = read_format(path, &format)?;
    let promised_bytes = promised_bytes.filter(|bytes| *bytes > 0);
    Ok(Container {
        kind,
        encoding,
        valid_bits,
        channels,
        sample_rate_hz,
        data_start,
        data_bytes,
        promised_bytes,
        chunks,
    })
}

const NOT_A_WAV: &str = "not a WAV, RF64, Wave64 or FLAC file; name a recording";

fn read<const N: usize>(reader: &mut impl Read) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes).ok().map(|()| bytes)
}

/// The family, by the first bytes; the reader then stands at the first chunk.
fn kind(reader: &mut (impl Read + Seek)) -> Option<Kind> {
    let head: [u8; 12] = read(reader)?;
    match (&head[..4], &head[8..]) {
        (b"RIFF", b"WAVE") => Some(Kind::Riff),
        (b"RF64" | b"BW64", b"WAVE") => Some(Kind::Rf64),
        _ => {
            let rest: [u8; 28] = read(reader)?;
            let head: Vec<u8> = head.into_iter().chain(rest).collect();
            let is_wave = head[24..28] == *b"wave" && head[28..] == W64_TAIL;
            (head[..16] == W64_RIFF && is_wave).then_some(Kind::Wave64)
        }
    }
}

/// The bytes that a data chunk of this size promises; none where its size was never written.
///
/// Some recorders count modulo 4 GB; where what is there fits but for whole turns of the counter, it is all samples.
fn promised(kind: Kind, size: u64, there: u64, reader: &mut (impl Read + Seek)) -> std::io::Result<Option<u64>> {
    if (size == UNKNOWN && kind != Kind::Wave64) || size >= u64::MAX - 24 {
        return Ok(None);
    }
    if size == 0 && there > 0 {
        // Truly empty where another chunk follows.
        let next = kind.chunk(reader);
        let follows =
            next.is_some_and(|(name, size)| name.iter().all(|c| c.is_ascii_graphic() || *c == b' ') && size <= there);
        return Ok(follows.then_some(0));
    }
    const TURN: u64 = 1 << 32;
    let wrapped = kind == Kind::Riff && there >= TURN && there % TURN == size;
    Ok(Some(if wrapped { there } else { size }))
}

fn read_sizes(reader: &mut impl Read, size: u64) -> Option<Sizes> {
    let head: [u8; 28] = if size >= 28 { read(reader)? } else { return None };
    let number = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().expect("eight bytes"));
    let count = u32::from_le_bytes(head[24..].try_into().expect("four bytes"));
    let mut others = Vec::new();
    for _ in 0..u64::from(count).min((size - 28) / 12).min(64) {
        let row: [u8; 12] = read(reader)?;
        let name = row[..4].try_into().expect("four bytes");
        others.push((name, u64::from_le_bytes(row[4..].try_into().expect("eight bytes"))));
    }
    Some(Sizes { data: Some(number(8)), others })
}

/// Encoding, valid bits, channels and sample rate of a `fmt ` chunk.
fn read_format(path: &Path, bytes: &[u8; 40]) -> Result<(Encoding, u16, u16, u32)> {
    let number = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    let (tag, channels, block_bytes, bits) = (number(0), number(2), number(12), number(14));
    let rate_hz = u32::from_le_bytes(bytes[4..8].try_into().expect("four bytes"));
    const EXTENSIBLE: u16 = 0xfffe;
    let (tag, valid_bits) = match tag {
        EXTENSIBLE if bytes[26..40] == SUBFORMAT_TAIL => (number(24), if number(18) == 0 { bits } else { number(18) }),
        tag => (tag, bits),
    };
    // A block that does not tell the bytes of a sample leaves them to the bits.
    let told = block_bytes.checked_div(channels).filter(|_| channels > 0 && block_bytes % channels == 0);
    let sample_bytes = told.filter(|b| *b > 0).unwrap_or(bits.div_ceil(8));
    const INTEGER: u16 = 1;
    const FLOAT: u16 = 3;
    let encoding = match (tag, sample_bytes) {
        (INTEGER, 1) => Encoding::Unsigned8,
        (INTEGER, 2) => Encoding::Int16,
        (INTEGER, 3) => Encoding::Int24,
        (INTEGER, 4) => Encoding::Int32,
        (FLOAT, 4) => Encoding::Float32,
        (FLOAT, 8) => Encoding::Float64,
        (INTEGER | FLOAT, bytes) => {
            let kind = if tag == FLOAT { "float" } else { "integer" };
            let what = format!(
                "{bits}-bit {kind} samples in {bytes} bytes; 8, 16, 24 and 32-bit integers and 32 and 64-bit floats can be read"
            );
            return Err(Error::unsupported(path, what));
        }
        (tag, _) => {
            let what = format!("samples of WAV format {tag:#06x}, which is not read; convert it to PCM, float or FLAC");
            return Err(Error::unsupported(path, what));
        }
    };
    if valid_bits == 0 || usize::from(valid_bits) > 8 * encoding.bytes() {
        let what = format!("{valid_bits} valid bits in samples of {} bytes; the header is damaged", encoding.bytes());
        return Err(Error::broken(path, what));
    }
    Ok((encoding, valid_bits, channels, rate_hz))
}
