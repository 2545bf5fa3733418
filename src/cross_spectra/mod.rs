//! Spectra to the cross-spectral matrix: the sufficient statistic for everything after it.
//!
//! A recording of any length becomes one matrix; matrices of the same settings add. From here on, nothing knows how
//! long the recording was except through the number of averages.

mod background;
mod drawn;
mod mask;
mod matrix;
mod means;
mod overview;
mod products;
mod recorded;
mod stream;
mod surrogate;
mod weighting;

pub use background::{excess, whitened};
pub use mask::{BinFate, bin_fates, mean_coherence2, tells_lines};
pub use matrix::{ChannelCorrection, CrossSpectra, Kept, Layout, Sums};
pub use means::{Means, narrow, wide};
pub use overview::Overview;
pub use recorded::{Channel, Piece, Recorded};
pub use stream::{Heard, Part, Span, listen, listen_to};
pub use surrogate::Model;
pub use weighting::{Coherence, Weighting};
