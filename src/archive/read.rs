//! An archive into a matrix, or a refusal that names the file.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek};
use std::path::Path;

use ndarray::{Array2, Array3, Axis};
use npyz::{Deserialize, NpyFile, Order};
use realfft::num_complex::Complex;
use zip::ZipArchive;

use super::meta::{FORMAT, Meta, VERSION};
use crate::capture::Health;
use crate::channelise::{Segmentation, Taper};
use crate::cross_spectra::{Channel, CrossSpectra, Heard, Layout, Overview, Piece, Recorded, Sums, narrow};
use crate::error::{Error, Result};

/// Largest `meta.json`, bytes: a station of a year has a megabyte of pieces.
const META_MOST: u64 = 1 << 28;

/// Most channels, and most values of one array: 64 GB of them.
const CHANNELS_MOST: usize = 4096;
const VALUES_MOST: u64 = 1 << 32;

/// Reads what was recorded; every byte is checked.
///
/// # Errors
/// [`Error::Io`] where the file cannot be opened, [`Error::Broken`] where it is cut off, damaged or inconsistent,
/// [`Error::Unsupported`] where it is of another version.
pub fn read_spectra(path: &Path) -> Result<Recorded> {
    let file = File::open(path).map_err(|source| Error::io(path, source))?;
    read_from(BufReader::new(file), path)
}

/// As [`read_spectra`], from the bytes of a file that errors call `name`.
///
/// # Errors
/// As [`read_spectra`].
pub fn spectra_from_bytes(bytes: &[u8], name: &Path) -> Result<Recorded> {
    read_from(Cursor::new(bytes), name)
}

fn read_from<R: Read + Seek>(file: R, path: &Path) -> Result<Recorded> {
    let broken = |what: String| Error::broken(path, format!("{what}; write it anew with pinhole spectra"));
    let archive = ZipArchive::new(file).map_err(|e| broken(format!("not an archive of spectra, or cut off ({e})")))?;
    Reader { archive, path }.read()
}

struct Reader<'t, R> {
    archive: ZipArchive<R>,
    path: &'t Path,
}

impl<R: Read + Seek> Reader<'_, R> {
    fn broken(&self, what: impl std::fmt::Display) -> Error {
        Error::broken(self.path, format!("{what}; write it anew with pinhole spectra"))
    }

    fn read(mut self) -> Result<Recorded> {
        let meta = self.meta()?;
        let layout = self.layout(&meta)?;
        let (channels, pairs, bins) = (layout.groups.len(), layout.pairs.len(), layout.bins);
        let segments: Vec<u64> = self.array("segments", &[2])?;
        let named: Vec<u64> = self.array("pairs", &[pairs, 2])?;
        let told: Vec<u64> = layout.pairs.iter().flat_map(|&(m, n)| [m as u64, n as u64]).collect();
        if named != told {
            return Err(self.broken("the pairs are not those of its channels and clocks"));
        }
        let auto: Vec<f64> = self.array("auto", &[2, channels, bins])?;
        let auto = Array3::from_shape_vec([2, channels, bins], auto);
        let cross: Vec<Complex<f64>> = self.array("cross", &[2, pairs, bins])?;
        let cross = Array3::from_shape_vec([2, pairs, bins], cross);
        let (Ok(auto), Ok(cross)) = (auto, cross) else { return Err(self.broken("arrays that do not fit each other")) };
        if !auto.iter().all(|x| x.is_finite() && *x >= 0.0) || !cross.iter().all(|g| narrow(*g).is_finite()) {
            return Err(self.broken("powers that are no numbers"));
        }
        let half = |h: usize| Sums {
            segments: segments[h],
            auto: auto.index_axis(Axis(0), h).to_owned(),
            cross: cross.index_axis(Axis(0), h).to_owned(),
        };
        let spectra = CrossSpectra::new(layout, vec![half(0), half(1)]);
        let overview = self.overview(&meta, channels)?;
        let health = meta.channels.iter().map(|c| {
            let or = |x: Option<f32>, none: f32| x.unwrap_or(none);
            Health::from_counted((c.samples, or(c.least, f32::INFINITY), or(c.most, f32::NEG_INFINITY), c.at_peak))
        });
        let health = health.collect();
        let name = |c: &super::meta::ChannelMeta| Channel {
            sensor: c.sensor.clone(),
            recorder: c.recorder - 1,
            channel: c.channel - 1,
            resolution: c.resolution,
        };
        Ok(Recorded {
            channels: meta.channels.iter().map(name).collect(),
            heard: Heard { spectra, health, overview },
            band_hz: meta.band_hz,
            file_channels: meta.file_channels,
            pieces: meta
                .pieces
                .into_iter()
                .map(|piece| Piece {
                    files: piece.files,
                    digests: piece.blake3,
                    first_frame: piece.first_frame,
                    frames: piece.frames,
                })
                .collect(),
            warnings: meta.warnings,
            notes: Vec::new(),
        })
    }

    fn meta(&mut self) -> Result<Meta> {
        let bytes = self.member("meta.json", META_MOST)?;
        let value: serde_json::Value =
            serde_json::from_slice(&bytes).map_err(|e| self.broken(format!("meta.json: {e}")))?;
        if value["format"] != FORMAT {
            return Err(self.broken("an archive, but not of pinhole's spectra"));
        }
        if value["version"] != VERSION {
            return Err(Error::unsupported(
                self.path,
                format!("version {} of the format; this pinhole reads version {VERSION}", value["version"]),
            ));
        }
        serde_json::from_value(value).map_err(|e| self.broken(format!("meta.json: {e}")))
    }

    fn layout(&self, meta: &Meta) -> Result<Layout> {
        let taper = match meta.taper.as_str() {
            "hann" => Taper::Hann,
            "tukey" => Taper::Tukey,
            other => return Err(self.broken(format!("a window called '{other}'"))),
        };
        let sound = meta.sample_rate_hz.is_finite()
            && meta.sample_rate_hz > 0.0
            && (1..=meta.segment_samples).contains(&meta.hop_samples)
            && (meta.segment_samples..=1 << 30).contains(&meta.fft_samples)
            && meta.first_bin.checked_add(meta.bins).is_some_and(|end| end <= meta.fft_samples / 2 + 1)
            && meta.bins > 0
            && (1..=CHANNELS_MOST).contains(&meta.channels.len())
            && meta.channels.iter().all(|c| c.recorder > 0 && c.channel > 0)
            && meta.pieces.iter().try_fold(0u64, |sum, piece| sum.checked_add(piece.frames)).is_some();
        if !sound {
            return Err(self.broken("settings in meta.json that no recording has"));
        }
        let segmentation = Segmentation {
            segment_samples: meta.segment_samples,
            hop_samples: meta.hop_samples,
            fft_samples: meta.fft_samples,
            taper,
        };
        let bins = meta.first_bin..meta.first_bin + meta.bins;
        Ok(Layout::new(segmentation, meta.sample_rate_hz, bins, meta.channels.iter().map(|c| c.clock).collect()))
    }

    fn overview(&mut self, meta: &Meta, channels: usize) -> Result<Overview> {
        let all = meta.fft_samples / 2 + 1;
        let density = Array2::from_shape_vec([channels, all], self.array("density", &[channels, all])?);
        let (rows, columns, picture) = self.picture()?;
        let spectrogram = Array2::from_shape_vec([rows, columns], picture);
        let (Ok(density), Ok(spectrogram)) = (density, spectrogram) else {
            return Err(self.broken("an overview that does not fit its channels"));
        };
        Ok(Overview { spacing_hz: meta.overview_spacing_hz, density, spectrogram, segments: meta.overview_segments })
    }

    fn picture(&mut self) -> Result<(usize, usize, Vec<f32>)> {
        let bytes = self.member("spectrogram.npy", 1 << 24)?;
        let file = NpyFile::new(&bytes[..]).map_err(|e| self.broken(format!("spectrogram: {e}")))?;
        let shape: Vec<u64> = file.shape().to_vec();
        let &[rows, columns] = &shape[..] else { return Err(self.broken("a spectrogram that is no picture")) };
        if rows == 0 || columns == 0 || rows.checked_mul(columns).is_none_or(|n| n > bytes.len() as u64) {
            return Err(self.broken("a spectrogram that is no picture"));
        }
        let values = values(file).map_err(|e| self.broken(format!("spectrogram: {e}")))?;
        Ok((rows as usize, columns as usize, values))
    }

    /// The values of an array of this shape.
    fn array<T: Deserialize>(&mut self, name: &str, shape: &[usize]) -> Result<Vec<T>> {
        let count = shape.iter().try_fold(1u64, |n, &side| n.checked_mul(side as u64)).filter(|n| *n <= VALUES_MOST);
        let Some(count) = count else {
            return Err(self.broken(format!("'{name}' is larger than any recording makes it")));
        };
        let member = npyz::npz::file_name_from_array_name(name);
        let bytes = self.member(&member, count * size_of::<T>() as u64 + 1024)?;
        let file = NpyFile::new(&bytes[..]).map_err(|e| self.broken(format!("{member}: {e}")))?;
        let wanted: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
        if file.shape() != wanted || (shape.len() > 1 && file.order() != Order::C) {
            return Err(self.broken(format!("'{name}' is {:?} where {wanted:?} is told", file.shape())));
        }
        values(file).map_err(|e| self.broken(format!("{member}: {e}")))
    }

    /// All bytes of a member, which are checked against its checksum on the way.
    fn member(&mut self, name: &str, most: u64) -> Result<Vec<u8>> {
        let path = self.path;
        let broken = |what: String| Error::broken(path, format!("{what}; write it anew with pinhole spectra"));
        let member = self.archive.by_name(name).map_err(|e| broken(format!("no '{name}' in it ({e})")))?;
        if member.size() > most {
            return Err(broken(format!("'{name}' has {} bytes where at most {most} are told", member.size())));
        }
        let mut bytes = Vec::new();
        member.take(most + 1).read_to_end(&mut bytes).map_err(|e| broken(format!("'{name}' is damaged ({e})")))?;
        Ok(bytes)
    }
}

fn values<T: Deserialize, R: Read>(file: NpyFile<R>) -> std::io::Result<Vec<T>> {
    file.into_vec()
}
