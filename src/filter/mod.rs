//! Sound out of sound: a capture filtered to a band, or a slice of it moved down to where ears hear.

mod listen;

use std::path::Path;

use rayon::prelude::*;

pub use listen::{Measure, Raised, Slice, Steering, listen};

use crate::capture::{Captures, Overlapping, SoundSpec, SoundWriter};
use crate::channelise::{BandFilter, BandResponse};
use crate::error::Result;

/// Samples that are filtered at once, all channels together.
const AT_ONCE: usize = 1 << 21;

/// Writes `captures`, one file, filtered by `response` as `path`: same channels, rate and format, the recorder's notes carried over,
/// every sound at its old time. Tells how many samples were beyond full scale and were held there.
///
/// `progress` is told the share done, from 0 to 1.
///
/// # Errors
/// Those of reading and writing; no file is left then.
pub fn filter(captures: &mut Captures, response: &BandResponse, path: &Path, progress: &dyn Fn(f64)) -> Result<u64> {
    let spec = SoundSpec::like(&captures.files()[0]);
    let filter = BandFilter::new(response);
    let overlap = filter.overlap();
    let step = overlap.step();
    let count = (AT_ONCE / (step * spec.channels)).max(1);
    let frames = captures.frames();
    let mut writer = SoundWriter::create(path, &spec)?;
    let mut stretches = Overlapping::new(captures, count * step, overlap.reach);
    let mut done = 0;
    while let Some((block, kept)) = stretches.advance()? {
        let tasks: Vec<(usize, usize)> = (0..count.min(kept.div_ceil(step)))
            .flat_map(|part| (0..spec.channels).map(move |channel| (part, channel)))
            .collect();
        let filtered: Vec<Vec<f32>> = tasks
            .par_iter()
            .map(|&(part, channel)| {
                let rows = part * step..part * step + overlap.fft_samples;
                filter.apply(&mut rows.map(|row| block[[row, channel]]).collect::<Vec<_>>())
            })
            .collect();
        let sample = |i: usize| {
            let (frame, channel) = (i / spec.channels, i % spec.channels);
            filtered[frame / step * spec.channels + channel][frame % step]
        };
        writer.write(&(0..kept * spec.channels).map(sample).collect::<Vec<_>>())?;
        done += kept as u64;
        progress(done as f64 / frames as f64);
    }
    writer.finish()
}
