//! A matrix into an archive.

use std::io::{self, BufWriter, Cursor, Seek, Write};
use std::path::Path;

use ndarray::{ArrayBase, Axis, Data, Dimension, stack};
use npyz::{AutoSerialize, WriterBuilder};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::meta::{ChannelMeta, FORMAT, Meta, PieceMeta, Software, VERSION};
use crate::atomic::AtomicFile;
use crate::channelise::Taper;
use crate::cross_spectra::{Recorded, Sums};
use crate::error::{Error, Result};

/// Bytes of an array from which on sizes need 64 bits.
const LARGE: usize = 1 << 31;

/// Writes what was recorded to `path`, whole or not at all; the same bytes for the same matrix.
///
/// # Errors
/// [`Error::Io`] where it cannot be written.
pub fn write_spectra(path: &Path, recorded: &Recorded) -> Result<()> {
    let file = AtomicFile::create(path)?;
    let io = |source| Error::io(path, source);
    let mut archive = ZipWriter::new(BufWriter::new(file.handle().map_err(io)?));
    put(&mut archive, recorded).map_err(io)?;
    let mut rest = archive.finish().map_err(|e| io(e.into()))?;
    rest.flush().map_err(io)?;
    drop(rest);
    file.finish()
}

/// The bytes that [`write_spectra`] writes.
pub fn spectra_to_bytes(recorded: &Recorded) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    put(&mut archive, recorded).expect("a vector grows");
    archive.finish().expect("a vector grows").into_inner()
}

fn put<W: Write + Seek>(archive: &mut ZipWriter<W>, recorded: &Recorded) -> io::Result<()> {
    let spectra = &recorded.heard.spectra;
    let layout = spectra.layout();
    // What was kept whole is one half, and the other is empty.
    let empty = Sums::zero(layout);
    let halves = [&spectra.parts()[0], spectra.parts().get(1).unwrap_or(&empty)];
    begin(archive, "meta.json", 0)?;
    serde_json::to_writer_pretty(&mut *archive, &meta(recorded))?;
    array(archive, "frequency_hz", &ndarray::Array1::from(layout.frequencies_hz()))?;
    array(archive, "segments", &ndarray::arr1(&[halves[0].segments, halves[1].segments]))?;
    let pairs = ndarray::Array2::from_shape_fn((layout.pairs.len(), 2), |(row, i)| {
        let (m, n) = layout.pairs[row];
        [m, n][i] as u64
    });
    array(archive, "pairs", &pairs)?;
    let both = |views: [ndarray::ArrayView2<'_, _>; 2]| stack(Axis(0), &views).expect("halves are alike");
    array(archive, "auto", &both([halves[0].auto.view(), halves[1].auto.view()]))?;
    let cross = stack(Axis(0), &[halves[0].cross.view(), halves[1].cross.view()]).expect("halves are alike");
    array(archive, "cross", &cross)?;
    array(archive, "density", &recorded.heard.overview.density)?;
    array(archive, "spectrogram", &recorded.heard.overview.spectrogram)
}

fn begin<W: Write + Seek>(archive: &mut ZipWriter<W>, name: &str, bytes: usize) -> io::Result<()> {
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(bytes >= LARGE);
    archive.start_file(name, stored).map_err(io::Error::from)
}

fn array<W, S, D>(archive: &mut ZipWriter<W>, name: &str, array: &ArrayBase<S, D>) -> io::Result<()>
where
    W: Write + Seek,
    S: Data,
    S::Elem: AutoSerialize + Copy,
    D: Dimension,
{
    begin(archive, &npyz::npz::file_name_from_array_name(name), array.len() * size_of::<S::Elem>())?;
    let shape: Vec<u64> = array.shape().iter().map(|n| *n as u64).collect();
    let mut writer = npyz::WriteOptions::new().default_dtype().shape(&shape).writer(archive).begin_nd()?;
    writer.extend(array.iter().copied())?;
    writer.finish()
}

fn meta(recorded: &Recorded) -> Meta {
    let layout = recorded.heard.spectra.layout();
    let cut = layout.segmentation;
    let channels = recorded.channels.iter().zip(&recorded.heard.health).zip(&layout.groups);
    let finite = |x: f32| x.is_finite().then_some(x);
    Meta {
        format: FORMAT.to_owned(),
        version: VERSION,
        software: Software { name: "pinhole".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
        sample_rate_hz: layout.sample_rate_hz,
        segment_samples: cut.segment_samples,
        hop_samples: cut.hop_samples,
        fft_samples: cut.fft_samples,
        taper: match cut.taper {
            Taper::Hann => "hann".to_owned(),
            Taper::Tukey => "tukey".to_owned(),
        },
        first_bin: layout.first_bin,
        bins: layout.bins,
        band_hz: recorded.band_hz,
        file_channels: recorded.file_channels,
        channels: channels
            .map(|((channel, health), clock)| {
                let (samples, least, most, at_peak) = health.counted();
                ChannelMeta {
                    sensor: channel.sensor.clone(),
                    recorder: channel.recorder + 1,
                    channel: channel.channel + 1,
                    clock: *clock,
                    resolution: channel.resolution,
                    samples,
                    least: finite(least),
                    most: finite(most),
                    at_peak,
                }
            })
            .collect(),
        pieces: recorded
            .pieces
            .iter()
            .map(|piece| PieceMeta {
                files: piece.files.clone(),
                blake3: piece.digests.clone(),
                first_frame: piece.first_frame,
                frames: piece.frames,
            })
            .collect(),
        warnings: recorded.warnings.clone(),
        overview_spacing_hz: recorded.heard.overview.spacing_hz,
        overview_segments: recorded.heard.overview.segments,
    }
}
