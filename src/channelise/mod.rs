//! Samples to spectra in a band: how long a transform, which window, which bins, and the planned FFT that does it.

mod plan;
mod stft;

pub use plan::{Band, Segmentation, Taper};
pub use stft::{Scratch, Stft};
