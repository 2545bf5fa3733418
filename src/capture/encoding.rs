//! How a sample lies in a file, and how it becomes a number between -1 and 1, and back.

use pulp::{Simd, WithSimd};

/// Largest float taken for sound, full scale being 1: integers of 32 bits stored unscaled stay below it. The power of
/// more, summed over a long transform, leaves single precision and poisons the whole matrix.
const MAX_FLOAT: f32 = 1e10;

/// How a sample lies in the file, little-endian; fewer valid bits stand at the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// 8 bits about 128.
    Unsigned8,
    /// 16-bit integers.
    Int16,
    /// 24-bit integers in three bytes.
    Int24,
    /// 32-bit integers, and 24 bits in four bytes.
    Int32,
    /// Single precision.
    Float32,
    /// Double precision.
    Float64,
}

impl Encoding {
    /// Bytes of a sample.
    pub fn bytes(self) -> usize {
        match self {
            Self::Unsigned8 => 1,
            Self::Int16 => 2,
            Self::Int24 => 3,
            Self::Int32 | Self::Float32 => 4,
            Self::Float64 => 8,
        }
    }

    /// Whether samples are floating-point numbers.
    pub fn is_float(self) -> bool {
        matches!(self, Self::Float32 | Self::Float64)
    }

    /// Appends a sample, rounded, held at the rails; tells whether it had to be held.
    pub(super) fn push(self, x: f32, bytes: &mut Vec<u8>) -> bool {
        let mut held = false;
        let mut rounded = |bits| {
            let (value, beyond) = rounded(x, bits);
            held = beyond;
            value
        };
        match self {
            Self::Unsigned8 => bytes.push((rounded(8) + 128) as u8),
            Self::Int16 => bytes.extend(&rounded(16).to_le_bytes()[..2]),
            Self::Int24 => bytes.extend(&rounded(24).to_le_bytes()[..3]),
            Self::Int32 => bytes.extend(rounded(32).to_le_bytes()),
            Self::Float32 => bytes.extend(x.to_le_bytes()),
            Self::Float64 => bytes.extend(f64::from(x).to_le_bytes()),
        }
        held
    }
}

/// A sample as an integer of so many bits, held at the rails, and whether it had to be.
pub(super) fn rounded(x: f32, bits: u16) -> (i32, bool) {
    let full_scale = (f64::from(bits) - 1.0).exp2();
    let scaled = (f64::from(x) * full_scale).round();
    let held = scaled.clamp(-full_scale, full_scale - 1.0);
    (held as i32, scaled != held)
}

/// Whether a value may be a sample of sound.
pub(super) fn is_sound(x: f32) -> bool {
    x.abs() <= MAX_FLOAT
}

/// Whether all of these may be samples of sound.
pub(super) struct Sound<'t>(pub &'t [f32]);

impl WithSimd for Sound<'_> {
    type Output = bool;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> bool {
        all_sound(self.0)
    }
}

#[inline(always)]
fn all_sound(samples: &[f32]) -> bool {
    samples.iter().fold(true, |sound, x| sound & is_sound(*x))
}

/// Whether columns are all channels of a file of so many, in their order.
pub(super) fn is_whole(channels: &[(usize, usize)], columns: usize, of: usize) -> bool {
    of == columns && channels.iter().enumerate().all(|(i, pair)| *pair == (i, i))
}

/// Bytes of whole frames to samples; tells whether all of them are finite and no larger than sound.
pub(super) struct Decode<'t> {
    pub encoding: Encoding,
    pub bytes: &'t [u8],
    /// Channels of the file.
    pub of: usize,
    /// Column of `part` and channel of the file.
    pub channels: &'t [(usize, usize)],
    pub part: &'t mut [f32],
    pub columns: usize,
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
            Encoding::Int32 => self.samples(|bytes| i32::from_le_bytes(bytes) as f32 / 2_147_483_648.0),
            Encoding::Float32 => self.floats(f32::from_le_bytes),
            Encoding::Float64 => self.floats(|bytes| f64::from_le_bytes(bytes) as f32),
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
    fn floats<const N: usize>(self, decode: impl Fn([u8; N]) -> f32) -> bool {
        let (all, columns, channels) = (self.channels.len() == self.columns, self.columns, self.channels);
        let part = self.samples_of(decode);
        if all {
            return all_sound(part);
        }
        part.chunks_exact(columns).all(|frame| channels.iter().all(|(column, _)| is_sound(frame[*column])))
    }

    #[inline(always)]
    fn samples_of<const N: usize>(self, decode: impl Fn([u8; N]) -> f32) -> &'t [f32] {
        let Self { bytes, of, channels, part, columns, .. } = self;
        gather(bytes.as_chunks::<N>().0, of, channels, part, columns, decode);
        part
    }
}

/// Interleaved samples of `of` channels into columns of `part`; `channels` lists column and channel.
#[inline(always)]
pub(super) fn gather<T: Copy>(
    samples: &[T],
    of: usize,
    channels: &[(usize, usize)],
    part: &mut [f32],
    columns: usize,
    decode: impl Fn(T) -> f32,
) {
    if is_whole(channels, columns, of) {
        for (x, sample) in part.iter_mut().zip(samples) {
            *x = decode(*sample);
        }
        return;
    }
    for (frame, samples) in part.chunks_exact_mut(columns).zip(samples.chunks_exact(of)) {
        for &(column, channel) in channels {
            frame[column] = decode(samples[channel]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::dispatch;

    #[test]
    fn what_is_pushed_is_decoded_again_to_its_last_bit() {
        use Encoding::*;
        for (encoding, bits) in [(Unsigned8, 8), (Int16, 16), (Int24, 24), (Int32, 24), (Float32, 24), (Float64, 24)] {
            let step = (1.0 - bits as f32).exp2();
            let values = [0.0, step, -step, 0.5, -1.0, 1.0 - step, -0.25 + step];
            let mut bytes = Vec::new();
            assert!(values.iter().all(|x| !encoding.push(*x, &mut bytes)), "{encoding:?}");
            let mut part = [9.0; 7];
            let work = Decode { encoding, bytes: &bytes, of: 1, channels: &[(0, 0)], part: &mut part, columns: 1 };
            assert!(dispatch(work));
            assert_eq!(part, values, "{encoding:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_held_and_told() {
        let mut bytes = Vec::new();
        assert!(Encoding::Int16.push(1.5, &mut bytes) && Encoding::Int16.push(-1.5, &mut bytes));
        assert_eq!(bytes, [0xff, 0x7f, 0x00, 0x80]);
        assert!(!Encoding::Float32.push(1.5, &mut bytes));
    }
}
