//! `meta.json`: what the arrays of an archive are of.

use serde::{Deserialize, Serialize};

/// The format's name.
pub const FORMAT: &str = "pinhole-spectra";

/// Its version; a reader refuses others.
pub const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
pub struct Meta {
    pub format: String,
    pub version: u32,
    pub software: Software,
    pub sample_rate_hz: f64,
    pub segment_samples: usize,
    pub hop_samples: usize,
    pub fft_samples: usize,
    /// `hann` or `tukey`.
    pub taper: String,
    pub first_bin: usize,
    pub bins: usize,
    pub band_hz: [f64; 2],
    pub file_channels: usize,
    pub channels: Vec<ChannelMeta>,
    pub pieces: Vec<PieceMeta>,
    pub warnings: Vec<String>,
    pub overview_spacing_hz: f64,
    pub overview_segments: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Software {
    pub name: String,
    pub version: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct ChannelMeta {
    pub sensor: String,
    /// Counted from 1, as the site's order has it.
    pub recorder: usize,
    /// Counted from 1.
    pub channel: usize,
    /// Channels with the same number share a clock.
    pub clock: usize,
    pub resolution: f32,
    pub samples: u64,
    /// Absent where nothing was heard.
    pub least: Option<f32>,
    pub most: Option<f32>,
    pub at_peak: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct PieceMeta {
    pub files: Vec<String>,
    pub blake3: Vec<String>,
    pub first_frame: u64,
    pub frames: u64,
}
