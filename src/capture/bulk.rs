//! Samples of a sound file in bulk: from any frame on, some channels of it or all, by as many threads as there are.

use pulp::bytemuck::cast_slice_mut;

use super::encoding::{Decode, Encoding, Sound, is_sound, is_whole};
use super::sound_file::{Body, SoundFile};
use super::source::{UNHARMED, read_exact_at};
use crate::error::{Error, Result};
use crate::simd::dispatch;

/// Samples are read, and looked at or decoded, so much at a time: it stays in the second-level cache, and with half as much the
/// system's calls cost a tenth.
const BUFFER_BYTES: usize = 128 * 1024;

impl SoundFile {
    /// Fills columns of `frames`, `[frame][column]`, with the samples from `frame` on: `channels` lists column and channel,
    /// both from 0.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Broken`] at the first sample that is not a finite number or far too large.
    pub fn read(&self, frame: u64, channels: &[(usize, usize)], frames: &mut [f32], columns: usize) -> Result<()> {
        let (file, mut at) = match &self.body {
            Body::Flac { flac, .. } => {
                let mut flac = flac.lock().expect(UNHARMED);
                return flac.read(&self.path, frame, channels, frames, columns);
            }
            Body::Memory(samples) => {
                let mut sound = true;
                samples.show(&mut |samples| sound = samples.read(frame as usize, channels, frames, columns));
                return if sound { Ok(()) } else { Err(self.no_sound(frame, channels, frames, columns)) };
            }
            Body::Samples { file, start } => (file, start + frame * self.frame_bytes()),
        };
        let (mut bytes, frame_bytes) = (Vec::new(), self.frame_bytes() as usize);
        // Floats of this machine's byte order are samples already.
        let ready = cfg!(target_endian = "little")
            && self.encoding == Encoding::Float32
            && is_whole(channels, columns, self.channels);
        let mut first = frame;
        for part in frames.chunks_mut((BUFFER_BYTES / frame_bytes).max(1) * columns) {
            let count = part.len() / columns;
            let is_sound = if ready {
                read_exact_at(file, cast_slice_mut(part), at).map_err(|e| Error::io(&self.path, e))?;
                dispatch(Sound(part))
            } else {
                bytes.resize(count * frame_bytes, 0);
                read_exact_at(file, &mut bytes, at).map_err(|e| Error::io(&self.path, e))?;
                let (encoding, of) = (self.encoding, self.channels);
                dispatch(Decode { encoding, bytes: &bytes, of, channels, part, columns })
            };
            if !is_sound {
                return Err(self.no_sound(first, channels, part, columns));
            }
            first += count as u64;
            at += (count * frame_bytes) as u64;
        }
        Ok(())
    }

    /// As [`Self::read`], 16-bit integers as they lie in the file.
    ///
    /// # Errors
    /// [`Error::Io`].
    ///
    /// # Panics
    /// Where the file holds none.
    pub fn read_integers(
        &self,
        frame: u64,
        channels: &[(usize, usize)],
        frames: &mut [i16],
        columns: usize,
    ) -> Result<()> {
        assert_eq!(self.encoding, Encoding::Int16);
        let (file, start) = match &self.body {
            Body::Flac { .. } => panic!("{} is a stream", self.path.display()),
            Body::Memory(samples) => {
                samples.show(&mut |samples| samples.read_integers(frame as usize, channels, frames, columns));
                return Ok(());
            }
            Body::Samples { file, start } => (file, start),
        };
        let (whole, at) = (is_whole(channels, columns, self.channels), start + frame * self.frame_bytes());
        let mut other = Vec::new();
        let integers = if whole {
            &mut *frames
        } else {
            other.resize(frames.len() / columns * self.channels, 0);
            &mut other
        };
        read_exact_at(file, cast_slice_mut(integers), at).map_err(|e| Error::io(&self.path, e))?;
        integers.iter_mut().for_each(|x| *x = i16::from_le(*x));
        for (frame, samples) in frames.chunks_exact_mut(columns).zip(other.chunks_exact(self.channels)) {
            channels.iter().for_each(|&(column, channel)| frame[column] = samples[channel]);
        }
        Ok(())
    }

    /// Whether [`Self::read_integers`] reads it.
    pub fn holds_integers(&self) -> bool {
        !matches!(self.body, Body::Flac { .. }) && self.encoding == Encoding::Int16
    }

    /// Whether several threads can read it at once, here and there, as fast as one from start to end.
    pub fn is_read_at_once(&self) -> bool {
        match &self.body {
            Body::Samples { file, .. } => file.read().expect(UNHARMED).read_at(&mut [], 0).is_some(),
            Body::Flac { .. } => false,
            Body::Memory(_) => true,
        }
    }

    fn frame_bytes(&self) -> u64 {
        (self.encoding.bytes() * self.channels) as u64
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
        let what = format!(
            "channel {}: sample at {time_s:.6} s is {is}; cut it off with --from and --to, or leave its sensor out with disabled = true",
            channel + 1
        );
        Error::broken(&self.path, what)
    }
}
