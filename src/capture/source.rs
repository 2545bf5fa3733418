//! Where sound is: bytes that can be read from any place, or samples that are in memory already.

use std::fmt::Debug;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::RwLock;

use ndarray::{Array2, ArrayView2, Axis, Slice};
use pulp::bytemuck::{Pod, cast_slice};
use pulp::{Simd, WithSimd};

use super::digest::DIGEST_BYTES;
use super::encoding::{Encoding, gather, is_sound, is_whole};
use crate::simd::dispatch;

/// The bytes of a sound file: a file, or what can be read like one.
///
/// Whoever reads seeks first, so several readers may share one position.
pub trait Source: Read + Seek + Send + Sync + Debug {
    /// The same bytes for one more reader.
    ///
    /// # Errors
    /// What the system says.
    fn again(&self) -> io::Result<Box<dyn Source>>;

    /// Fills `bytes` from byte `at` on and leaves the position to others; `None` where whoever reads has to seek.
    fn read_at(&self, _bytes: &mut [u8], _at: u64) -> Option<io::Result<()>> {
        None
    }
}

impl Source for File {
    fn again(&self) -> io::Result<Box<dyn Source>> {
        Ok(Box::new(self.try_clone()?))
    }

    #[cfg(unix)]
    fn read_at(&self, bytes: &mut [u8], at: u64) -> Option<io::Result<()>> {
        Some(std::os::unix::fs::FileExt::read_exact_at(self, bytes, at))
    }
}

/// Why a lock can be had: nothing panics while it is held.
pub(super) const UNHARMED: &str = "no reader panics";

/// Fills `bytes` from byte `at` on, together with other readers where the source allows it.
pub(super) fn read_exact_at(source: &RwLock<Box<dyn Source>>, bytes: &mut [u8], at: u64) -> io::Result<()> {
    if let Some(read) = source.read().expect(UNHARMED).read_at(bytes, at) {
        return read;
    }
    let mut source = source.write().expect(UNHARMED);
    source.seek(SeekFrom::Start(at))?;
    source.read_exact(bytes)
}

/// Bytes from the first to the last.
pub(super) fn length(source: &mut dyn Source) -> io::Result<u64> {
    let length = source.seek(SeekFrom::End(0))?;
    source.rewind()?;
    Ok(length)
}

/// Samples in memory, lent for as long as somebody looks at them: whoever owns them need not be of this crate.
pub trait InMemory: Send + Sync + Debug {
    /// Shows the samples.
    fn show(&self, look: &mut (dyn FnMut(Samples<'_>) + Send));
}

/// Samples as they lie, `[frame, channel]`, with any strides; integers fill their range, floats have full scale 1.
#[derive(Debug, Clone, Copy)]
pub enum Samples<'t> {
    /// 8 bits about 128.
    Unsigned8(ArrayView2<'t, u8>),
    /// 16-bit integers.
    Int16(ArrayView2<'t, i16>),
    /// 32-bit integers, and 24 bits at their top.
    Int32(ArrayView2<'t, i32>),
    /// Single precision.
    Float32(ArrayView2<'t, f32>),
    /// Double precision.
    Float64(ArrayView2<'t, f64>),
}

macro_rules! kinds {
    ($($kind:ident $type:ty),*) => {
        $(
            impl<'t> From<ArrayView2<'t, $type>> for Samples<'t> {
                fn from(view: ArrayView2<'t, $type>) -> Self {
                    Self::$kind(view)
                }
            }

            impl InMemory for Array2<$type> {
                fn show(&self, look: &mut (dyn FnMut(Samples<'_>) + Send)) {
                    look(self.view().into());
                }
            }
        )*
    };
}
kinds!(Unsigned8 u8, Int16 i16, Int32 i32, Float32 f32, Float64 f64);

impl Samples<'_> {
    /// How they would lie in a file.
    pub fn encoding(&self) -> Encoding {
        match self {
            Self::Unsigned8(_) => Encoding::Unsigned8,
            Self::Int16(_) => Encoding::Int16,
            Self::Int32(_) => Encoding::Int32,
            Self::Float32(_) => Encoding::Float32,
            Self::Float64(_) => Encoding::Float64,
        }
    }

    /// Frames and channels.
    pub fn dim(&self) -> (usize, usize) {
        match self {
            Self::Unsigned8(view) => view.dim(),
            Self::Int16(view) => view.dim(),
            Self::Int32(view) => view.dim(),
            Self::Float32(view) => view.dim(),
            Self::Float64(view) => view.dim(),
        }
    }

    /// As [`super::SoundFile::read`]; tells whether all of them are sound.
    pub(super) fn read(self, from: usize, channels: &[(usize, usize)], part: &mut [f32], columns: usize) -> bool {
        let what = What { from, channels, columns };
        // The same arithmetic as for bytes of a file, so that the same bits come out.
        match self {
            Self::Unsigned8(view) => dispatch(Taken { view, what, part, take: |x: u8| (f32::from(x) - 128.0) / 128.0 }),
            Self::Int16(view) => dispatch(Taken { view, what, part, take: |x: i16| f32::from(x) / 32_768.0 }),
            Self::Int32(view) => dispatch(Taken { view, what, part, take: |x: i32| x as f32 / 2_147_483_648.0 }),
            Self::Float32(view) => dispatch(Taken { view, what, part, take: |x: f32| x }),
            Self::Float64(view) => dispatch(Taken { view, what, part, take: |x: f64| x as f32 }),
        }
    }

    /// As [`super::SoundFile::read_integers`].
    ///
    /// # Panics
    /// Where these are none.
    pub(super) fn read_integers(self, from: usize, channels: &[(usize, usize)], part: &mut [i16], columns: usize) {
        let Self::Int16(view) = self else { panic!("no 16-bit integers") };
        let of = view.ncols();
        match view.as_slice() {
            Some(samples) if is_whole(channels, columns, of) => {
                part.copy_from_slice(&samples[from * of..][..part.len()]);
            }
            _ => {
                let view = view.slice_axis(Axis(0), Slice::from(from..));
                for (frame, samples) in part.chunks_exact_mut(columns).zip(view.rows()) {
                    channels.iter().for_each(|&(column, channel)| frame[column] = samples[channel]);
                }
            }
        }
    }

    /// Adds every sample, as a file would hold it, to a digest.
    pub(super) fn digest(self, hasher: &mut blake3::Hasher) {
        match self {
            Self::Unsigned8(view) => bytes_of(view, hasher, u8::to_le_bytes),
            Self::Int16(view) => bytes_of(view, hasher, i16::to_le_bytes),
            Self::Int32(view) => bytes_of(view, hasher, i32::to_le_bytes),
            Self::Float32(view) => bytes_of(view, hasher, f32::to_le_bytes),
            Self::Float64(view) => bytes_of(view, hasher, f64::to_le_bytes),
        }
    }
}

fn bytes_of<T: Pod, const N: usize>(view: ArrayView2<'_, T>, hasher: &mut blake3::Hasher, bytes: fn(T) -> [u8; N]) {
    // Samples of this machine's byte order that lie as in a file are its bytes already.
    if let Some(samples) = view.as_slice().filter(|_| cfg!(target_endian = "little")) {
        hasher.update_rayon(cast_slice(samples));
        return;
    }
    let mut held: Vec<[u8; N]> = Vec::with_capacity(DIGEST_BYTES / N);
    let mut add = |held: &mut Vec<[u8; N]>| {
        hasher.update_rayon(held.as_flattened());
        held.clear();
    };
    for x in view {
        held.push(bytes(*x));
        if held.len() == DIGEST_BYTES / N {
            add(&mut held);
        }
    }
    add(&mut held);
}

/// Which samples are read.
#[derive(Clone, Copy)]
struct What<'t> {
    /// First frame.
    from: usize,
    /// Column and channel.
    channels: &'t [(usize, usize)],
    columns: usize,
}

struct Taken<'t, T, F> {
    view: ArrayView2<'t, T>,
    what: What<'t>,
    part: &'t mut [f32],
    take: F,
}

impl<T: Copy, F: Fn(T) -> f32 + Copy> WithSimd for Taken<'_, T, F> {
    type Output = bool;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> bool {
        let Self { view, what: What { from, channels, columns }, part, take } = self;
        let of = view.ncols();
        match view.as_slice() {
            Some(samples) => {
                gather(&samples[from * of..][..part.len() / columns * of], of, channels, part, columns, take)
            }
            // Channel after channel, as such arrays mostly lie.
            None => {
                for &(column, channel) in channels {
                    let samples = view.column(channel);
                    let samples = samples.iter().skip(from);
                    for (x, sample) in part.iter_mut().skip(column).step_by(columns).zip(samples) {
                        *x = take(*sample);
                    }
                }
            }
        }
        if channels.len() == columns {
            return part.iter().fold(true, |sound, x| sound & is_sound(*x));
        }
        part.chunks_exact(columns).all(|frame| channels.iter().all(|(column, _)| is_sound(frame[*column])))
    }
}
