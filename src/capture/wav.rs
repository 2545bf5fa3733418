//! One WAV file: header by hound, samples decoded in bulk.
//!
//! hound's sample iterator is an order of magnitude slower than the disk cache, so only its header parser is used;
//! it leaves the reader at the first sample, and everything after that is plain arithmetic on bytes.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use hound::{SampleFormat, WavReader};
use pulp::{Simd, WithSimd};

use crate::error::{Error, Result};
use crate::simd::dispatch;

/// Samples are decoded through a buffer of this size; it stays in the second-level cache.
const BUFFER_BYTES: usize = 256 * 1024;

/// Limits of what is taken for a recording rather than for a damaged header.
const MAX_CHANNELS: u16 = 128;
const MAX_RATE_HZ: u32 = 50_000_000;

/// Largest float taken for sound, full scale being 1: integers of 32 bits stored unscaled stay below it. The power of
/// more, summed over a long transform, leaves single precision and poisons the whole matrix.
const MAX_FLOAT: f32 = 1e10;

/// An opened WAV file.
#[derive(Debug)]
pub struct WavFile {
    path: PathBuf,
    file: File,
    encoding: Encoding,
    channels: usize,
    sample_rate_hz: u32,
    frames: u64,
    data_start: u64,
    warnings: Vec<String>,
    bytes: Vec<u8>,
}

/// How a sample lies in the file, little-endian.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Encoding {
    Unsigned8,
    Int16,
    Int24,
    /// 24 valid bits at the top of 32.
    Int24In32,
    Int32,
    Float32,
}

impl WavFile {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// [`Error::Io`] where the file cannot be read, [`Error::Broken`] where it is not a WAV file, and
    /// [`Error::Unsupported`] for a format that is not read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_path_buf();
        let file = File::open(&path).map_err(|e| Error::io(&path, e))?;
        let length = file.metadata().map_err(|e| Error::io(&path, e))?.len();
        let reader = WavReader::new(BufReader::new(file)).map_err(|e| refused(&path, e))?;
        let (spec, samples) = (reader.spec(), u64::from(reader.len()));
        let mut buffered = reader.into_inner();
        let data_start = buffered.stream_position().map_err(|e| Error::io(&path, e))?;
        let declared_bytes = declared_data_bytes(&mut buffered, data_start).map_err(|e| Error::io(&path, e))?;
        let file = buffered.into_inner();

        if spec.channels == 0 || spec.channels > MAX_CHANNELS {
            return Err(Error::broken(&path, format!("{} channels; 1 to {MAX_CHANNELS} can be read", spec.channels)));
        }
        if spec.sample_rate == 0 || spec.sample_rate > MAX_RATE_HZ {
            let what = format!("sample rate {} Hz; up to {MAX_RATE_HZ} Hz can be read", spec.sample_rate);
            return Err(Error::broken(&path, what));
        }
        let container_bytes = declared_bytes.checked_div(samples).unwrap_or(u64::from(spec.bits_per_sample / 8));
        let encoding = match (spec.sample_format, spec.bits_per_sample, container_bytes) {
            (SampleFormat::Int, 8, 1) => Encoding::Unsigned8,
            (SampleFormat::Int, 16, 2) => Encoding::Int16,
            (SampleFormat::Int, 24, 3) => Encoding::Int24,
            (SampleFormat::Int, 24, 4) => Encoding::Int24In32,
            (SampleFormat::Int, 32, 4) => Encoding::Int32,
            (SampleFormat::Float, 32, 4) => Encoding::Float32,
            (format, bits, bytes) => {
                let kind = if format == SampleFormat::Float { "float" } else { "integer" };
                let what = format!(
                    "{bits}-bit {kind} samples in {bytes} bytes; 8, 16, 24 and 32-bit integers and 32-bit floats can be read"
                );
                return Err(Error::unsupported(&path, what));
            }
        };
        let channels = usize::from(spec.channels);
        let frame_bytes = (encoding.bytes() * channels) as u64;
        let declared_frames = declared_bytes / frame_bytes;
        let frames = declared_frames.min(length.saturating_sub(data_start) / frame_bytes);
        let rate = f64::from(spec.sample_rate);
        let mut warnings = Vec::new();
        if frames < declared_frames {
            warnings.push(format!(
                "{}: the header promises {:.3} s but the file ends after {:.3} s; what is there is used",
                path.display(),
                declared_frames as f64 / rate,
                frames as f64 / rate
            ));
        }
        if frames == 0 {
            return Err(Error::broken(&path, "no samples; record again, or give another file"));
        }
        let sample_rate_hz = spec.sample_rate;
        Ok(Self { path, file, encoding, channels, sample_rate_hz, frames, data_start, warnings, bytes: Vec::new() })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Samples per second and channel.
    pub fn sample_rate_hz(&self) -> u32 {
        self.sample_rate_hz
    }

    /// Samples per channel that are really in the file.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// The smallest step of the format; full scale is 1. Floats have none worth naming.
    pub fn resolution(&self) -> f32 {
        match self.encoding {
            Encoding::Unsigned8 => 1.0 / 128.0,
            Encoding::Int16 => 1.0 / 32_768.0,
            Encoding::Int24 | Encoding::Int24In32 => 1.0 / 8_388_608.0,
            Encoding::Int32 | Encoding::Float32 => 0.0,
        }
    }

    /// What is odd about the file but no obstacle.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Fills columns of `frames`, `[frame][column]`, with the samples from `frame` on: `channels` lists column and channel,
    /// both from 0.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Broken`] at the first sample that is not a finite number or far too large.
    pub fn read(&mut self, frame: u64, channels: &[(usize, usize)], frames: &mut [f32], columns: usize) -> Result<()> {
        let frame_bytes = self.encoding.bytes() * self.channels;
        let frames_per_read = (BUFFER_BYTES / frame_bytes).max(1);
        let start = self.data_start + frame * frame_bytes as u64;
        self.file.seek(SeekFrom::Start(start)).map_err(|e| Error::io(&self.path, e))?;
        let mut first = frame;
        for part in frames.chunks_mut(frames_per_read * columns) {
            let count = part.len() / columns;
            self.bytes.resize(count * frame_bytes, 0);
            self.file.read_exact(&mut self.bytes).map_err(|e| Error::io(&self.path, e))?;
            let work =
                Decode { encoding: self.encoding, bytes: &self.bytes, of: self.channels, channels, part, columns };
            if !dispatch(work) {
                return Err(self.no_sound(first, channels, part, columns));
            }
            first += count as u64;
        }
        Ok(())
    }

    /// The error that names the first of these samples that no sound can be.
    fn no_sound(&self, first: u64, channels: &[(usize, usize)], part: &[f32], columns: usize) -> Error {
        let found = part.chunks_exact(columns).enumerate().find_map(|(i, frame)| {
            let odd = channels.iter().find(|(column, _)| !is_sound(frame[*column]));
            odd.map(|&(column, channel)| (i, channel, frame[column]))
        });
        let (i, channel, value) = found.unwrap_or((0, 0, f32::NAN));
        let time_s = (first + i as u64) as f64 / f64::from(self.sample_rate_hz);
        let is =
            if value.is_finite() { format!("{value:e}, where full scale is 1") } else { "not a finite number".into() };
        let what = format!("channel {}: sample at {time_s:.6} s is {is}; cut it off with --from and --to", channel + 1);
        Error::broken(&self.path, what)
    }
}

fn is_sound(x: f32) -> bool {
    x.abs() <= MAX_FLOAT
}

/// Bytes of whole frames to samples; tells whether all of them are finite and no larger than sound.
struct Decode<'t> {
    encoding: Encoding,
    bytes: &'t [u8],
    /// Channels of the file.
    of: usize,
    channels: &'t [(usize, usize)],
    part: &'t mut [f32],
    columns: usize,
}

impl WithSimd for Decode<'_> {
    type Output = bool;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> bool {
        match self.encoding {
            Encoding::Unsigned8 => self.samples(|[byte]| (f32::from(byte) - 128.0) / 128.0),
            Encoding::Int16 => self.samples(|bytes| f32::from(i16::from_le_bytes(bytes)) / 32_768.0),
            // The three bytes become the top of an i32, which sign-extends them; the scale undoes the shift.
            Encoding::Int24 => self.samples(|[a, b, c]| i32::from_le_bytes([0, a, b, c]) as f32 / 2_147_483_648.0),
            Encoding::Int24In32 | Encoding::Int32 => {
                self.samples(|bytes| i32::from_le_bytes(bytes) as f32 / 2_147_483_648.0)
            }
            Encoding::Float32 => {
                let (all, columns, channels) = (self.channels.len() == self.columns, self.columns, self.channels);
                let part = self.samples_of(f32::from_le_bytes);
                if all {
                    return part.iter().fold(true, |sound, x| sound & is_sound(*x));
                }
                part.chunks_exact(columns).all(|frame| channels.iter().all(|(column, _)| is_sound(frame[*column])))
            }
        }
    }
}

impl<'t> Decode<'t> {
    #[inline(always)]
    fn samples<const N: usize>(self, decode: impl Fn([u8; N]) -> f32) -> bool {
        self.samples_of(decode);
        true
    }

    #[inline(always)]
    fn samples_of<const N: usize>(self, decode: impl Fn([u8; N]) -> f32) -> &'t [f32] {
        let Self { bytes, of, channels, part, columns, .. } = self;
        let (samples, _) = bytes.as_chunks::<N>();
        if of == columns && channels.iter().enumerate().all(|(i, pair)| *pair == (i, i)) {
            for (x, sample) in part.iter_mut().zip(samples) {
                *x = decode(*sample);
            }
        } else {
            for (frame, samples) in part.chunks_exact_mut(columns).zip(samples.chunks_exact(of)) {
                for &(column, channel) in channels {
                    frame[column] = decode(samples[channel]);
                }
            }
        }
        part
    }
}

impl Encoding {
    fn bytes(self) -> usize {
        match self {
            Self::Unsigned8 => 1,
            Self::Int16 => 2,
            Self::Int24 => 3,
            Self::Int24In32 | Self::Int32 | Self::Float32 => 4,
        }
    }
}

/// Size of the data chunk as its header tells it: the four bytes before the first sample.
fn declared_data_bytes(reader: &mut (impl Read + Seek), data_start: u64) -> std::io::Result<u64> {
    let mut size = [0; 4];
    reader.seek(SeekFrom::Start(data_start - 4))?;
    reader.read_exact(&mut size)?;
    Ok(u64::from(u32::from_le_bytes(size)))
}

fn refused(path: &Path, error: hound::Error) -> Error {
    match error {
        // hound reports a short read as an I/O error of its own, without a code from the system.
        hound::Error::IoError(e) if e.raw_os_error().is_none() => {
            Error::broken(path, "ends inside its header; not a whole WAV file")
        }
        hound::Error::IoError(e) => Error::io(path, e),
        hound::Error::Unsupported => {
            Error::unsupported(path, "a WAV of a kind that is not read; convert it to PCM or 32-bit float")
        }
        other => Error::broken(path, format!("not a WAV file that can be read ({other})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hound::{WavSpec, WavWriter};
    use ndarray::Array2;

    fn written(
        bits: u16,
        format: SampleFormat,
        write: impl Fn(&mut WavWriter<std::io::BufWriter<File>>),
    ) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.wav");
        let spec = WavSpec { channels: 2, sample_rate: 192_000, bits_per_sample: bits, sample_format: format };
        let mut writer = WavWriter::create(&path, spec).unwrap();
        write(&mut writer);
        writer.finalize().unwrap();
        (dir, path)
    }

    fn all(path: &Path) -> Array2<f32> {
        let mut file = WavFile::open(path).unwrap();
        let mut block = Array2::zeros((file.frames() as usize, 2));
        file.read(0, &[(0, 0), (1, 1)], block.as_slice_mut().unwrap(), 2).unwrap();
        let mut turned = Array2::zeros((file.frames() as usize, 2));
        file.read(0, &[(0, 1), (1, 0)], turned.as_slice_mut().unwrap(), 2).unwrap();
        assert!(block.rows().into_iter().zip(turned.rows()).all(|(a, b)| a[0] == b[1] && a[1] == b[0]));
        block
    }

    #[test]
    fn every_integer_width_decodes_to_full_scale_one() {
        for bits in [8u16, 16, 24, 32] {
            let top = (1i64 << (bits - 1)) as f64;
            let values: Vec<i32> = vec![0, 1, -1, (top as i64 - 1) as i32, (-top) as i64 as i32, (top / 2.0) as i32];
            let (_dir, path) = written(bits, SampleFormat::Int, |w| {
                for &v in &values {
                    w.write_sample(v).unwrap();
                }
            });
            let block = all(&path);
            for (i, &v) in values.iter().enumerate() {
                assert_eq!(block[[i / 2, i % 2]], (f64::from(v) / top) as f32, "{bits} bits, value {v}");
            }
        }
    }

    #[test]
    fn floats_come_through_and_nan_is_refused_with_channel_and_time() {
        let (_dir, path) = written(32, SampleFormat::Float, |w| {
            for v in [0.5f32, -0.25, f32::NAN, 1.0] {
                w.write_sample(v).unwrap();
            }
        });
        let mut file = WavFile::open(&path).unwrap();
        let mut block = Array2::zeros((1, 1));
        let block = block.as_slice_mut().unwrap();
        file.read(0, &[(0, 0)], block, 1).unwrap();
        assert_eq!(block[0], 0.5);
        let error = file.read(1, &[(0, 0)], block, 1).unwrap_err().to_string();
        assert!(error.contains("channel 1: sample at 0.000005 s is not a finite number"), "{error}");
    }

    #[test]
    fn a_float_that_no_sound_can_be_is_refused_with_its_value() {
        let (_dir, path) = written(32, SampleFormat::Float, |w| {
            for v in [2.0f32.powi(31), -3e38] {
                w.write_sample(v).unwrap();
            }
        });
        let mut file = WavFile::open(&path).unwrap();
        let mut block = [0.0];
        file.read(0, &[(0, 0)], &mut block, 1).unwrap();
        let error = file.read(0, &[(0, 1)], &mut block, 1).unwrap_err().to_string();
        assert!(error.contains("channel 2: sample at 0.000000 s is -3e38, where full scale is 1"), "{error}");
    }

    #[test]
    fn a_cut_file_gives_what_is_there_and_says_so() {
        let (_dir, path) =
            written(16, SampleFormat::Int, |w| (0..2000).for_each(|i| w.write_sample(i as i16).unwrap()));
        let file = File::options().write(true).open(&path).unwrap();
        file.set_len(44 + 401).unwrap();
        let file = WavFile::open(&path).unwrap();
        assert_eq!(file.frames(), 100);
        assert!(file.warnings()[0].contains("ends after 0.001 s"), "{:?}", file.warnings());
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notes.wav");
        std::fs::write(&path, b"not a wav file at all, only words").unwrap();
        let error = WavFile::open(&path).unwrap_err();
        assert!(matches!(error, Error::Broken { .. }), "{error}");
        std::fs::write(&path, b"RIFF").unwrap();
        assert!(matches!(WavFile::open(&path).unwrap_err(), Error::Broken { .. }));
        assert_eq!(WavFile::open(dir.path().join("absent.wav")).unwrap_err().exit_code(), 1);
    }
}
