//! A matrix that stands for its recordings: what was heard, on which channels, in which stretches. It adds.

use super::matrix::Layout;
use super::stream::Heard;
use crate::error::{Error, Result};

/// A channel of a matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    /// The sensor, as the site called it.
    pub sensor: String,
    /// Its recorder, counted from 0 in the order of the site.
    pub recorder: usize,
    /// The channel of that recorder's file, counted from 0.
    pub channel: usize,
    /// The smallest step of the file's format; full scale is 1.
    pub resolution: f32,
}

/// A stretch that was heard.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// The files, as they were called.
    pub files: Vec<String>,
    /// BLAKE3 digests of their bytes, hexadecimal.
    pub digests: Vec<String>,
    /// First sample.
    pub first_frame: u64,
    /// Number of samples.
    pub frames: u64,
}

/// Everything that locating needs of recordings.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// What was heard; gains, delays and polarities as recorded.
    pub heard: Heard,
    /// One a row of the matrix.
    pub channels: Vec<Channel>,
    /// The band, hertz.
    pub band_hz: [f64; 2],
    /// Channels of all files, those without a sensor too.
    pub file_channels: usize,
    /// The stretches, in the order in which they were added.
    pub pieces: Vec<Piece>,
    /// What is odd about the files.
    pub warnings: Vec<String>,
    /// What was decided and why, by whoever recorded it; a file does not keep it.
    pub notes: Vec<String>,
}

impl Recorded {
    /// Adds what another matrix stands for.
    ///
    /// # Errors
    /// [`Error::Request`] where settings or channels differ, naming what does, or where a stretch is in both.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        self.check(other)?;
        self.heard.spectra.merge(&other.heard.spectra)?;
        self.heard.health.iter_mut().zip(&other.heard.health).for_each(|(mine, theirs)| mine.merge(theirs));
        self.heard.overview.append(&other.heard.overview);
        self.pieces.extend(other.pieces.iter().cloned());
        for warning in &other.warnings {
            if !self.warnings.contains(warning) {
                self.warnings.push(warning.clone());
            }
        }
        Ok(())
    }

    /// Samples that it stands for.
    pub fn frames(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.frames).sum()
    }

    /// Names of the files, each once.
    pub fn files(&self) -> Vec<String> {
        let mut files: Vec<String> = Vec::new();
        for file in self.pieces.iter().flat_map(|piece| &piece.files) {
            if !files.contains(file) {
                files.push(file.clone());
            }
        }
        files
    }

    /// What these rows of the matrix heard.
    pub fn selected(mut self, rows: &[usize]) -> Heard {
        let heard = &mut self.heard;
        heard.spectra.keep(rows);
        heard.health = rows.iter().map(|&row| heard.health[row].clone()).collect();
        heard.overview.density = heard.overview.density.select(ndarray::Axis(0), rows);
        self.heard
    }

    fn check(&self, other: &Self) -> Result<()> {
        let (mine, theirs): (&Layout, &Layout) = (self.heard.spectra.layout(), other.heard.spectra.layout());
        let khz = |band: [f64; 2]| format!("{:.3}..{:.3} kHz", band[0] / 1e3, band[1] / 1e3);
        let channels =
            |of: &Self| -> Vec<(usize, usize)> { of.channels.iter().map(|c| (c.recorder, c.channel)).collect() };
        let differs = if mine.sample_rate_hz != theirs.sample_rate_hz {
            Some(("sampled at", format!("{} Hz", mine.sample_rate_hz), format!("{} Hz", theirs.sample_rate_hz)))
        } else if mine.segmentation != theirs.segmentation {
            let cut = |of: &Layout| format!("{} samples", of.segmentation.segment_samples);
            Some(("cut into segments of", cut(mine), cut(theirs)))
        } else if (mine.first_bin, mine.bins) != (theirs.first_bin, theirs.bins) {
            Some(("heard in", khz(self.band_hz), khz(other.band_hz)))
        } else if channels(self) != channels(other) || mine.groups != theirs.groups {
            let of = |r: &Self| format!("{} channels of sensors {}", r.channels.len(), sensors(r));
            Some(("made of", of(self), of(other)))
        } else {
            None
        };
        if let Some((what, first, second)) = differs {
            return Err(Error::request(format!(
                "does not add: the first is {what} {first}, this one {second}; record both alike, with one site, --band and stretch"
            )));
        }
        let overlap = |a: &Piece, b: &Piece| {
            a.digests == b.digests
                && a.first_frame < b.first_frame + b.frames
                && b.first_frame < a.first_frame + a.frames
        };
        match other.pieces.iter().find(|piece| self.pieces.iter().any(|own| overlap(own, piece))) {
            Some(twice) => Err(Error::request(format!(
                "holds samples {} to {} of {} once more; sound that counts twice looks surer than it is",
                twice.first_frame,
                twice.first_frame + twice.frames,
                twice.files.join(", ")
            ))),
            None => Ok(()),
        }
    }
}

fn sensors(recorded: &Recorded) -> String {
    let ids: Vec<&str> = recorded.channels.iter().map(|c| c.sensor.as_str()).collect();
    if ids.len() > 6 { format!("{}, …, {}", ids[..4].join(", "), ids[ids.len() - 1]) } else { ids.join(", ") }
}
