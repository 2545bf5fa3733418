//! Samples to spectra in a band: how long a transform, which window, which bins, and the planned FFT that does it.

mod fir;
mod group;
mod lag_window;
mod lane_fft;
mod radix;
mod segmentation;
mod stft;

pub use fir::{BandFilter, BandResponse, Beam, Overlap, STOP_DB};
pub use group::{Group, GroupScratch, PIECE_BINS, Weave};
pub use lag_window::{LagWindow, Left};
pub use lane_fft::LaneFft;
pub use segmentation::{Band, Segmentation, Taper};
pub use stft::{Scratch, Stft};
