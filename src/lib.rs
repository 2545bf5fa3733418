//! pinhole finds a leak in a module's wall from multi-channel ultrasonic recordings.
//!
//! The pipeline, in order: [`capture`] → [`channelise`] → [`cross_spectra`] → [`delay`] → [`locate`] → [`report`],
//! with [`site`] and [`propagation`] beside it for what is there and how sound travels.

pub mod aligned;
pub mod archive;
pub mod atomic;
pub mod batch;
pub mod calibrate;
pub mod capture;
pub mod channelise;
pub mod cross_spectra;
pub mod delay;
pub mod error;
pub mod filter;
pub mod inspect;
pub mod locate;
pub mod plan;
pub mod propagation;
pub mod report;
pub mod simd;
pub mod simulate;
pub mod site;
pub mod speed;
pub mod units;

pub use error::{Error, Result};
