//! How fast this machine is at what pinhole does: the FFT core beside its rivals, each stage, the whole job, and how fast it could be.
//!
//! Figures of one run stand beside each other: candidates take turns, so that a machine that is busy is busy for all of
//! them. Every figure is a median with its extremes.

mod clock;
mod core;
mod floor;
mod job;
mod roof;

pub use core::{CoreRow, core};
pub use floor::{FloorRow, floor};
pub use job::{Extent, Job, JobRow, job};
pub use roof::{Limit, Open, Roof, roof};

/// Rounds in which candidates take turns.
pub const ROUNDS: usize = 9;

/// Seconds of several rounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Median.
    pub median_s: f64,
    /// Least.
    pub least_s: f64,
    /// Most.
    pub most_s: f64,
}

impl Spread {
    /// Of these seconds.
    ///
    /// # Panics
    /// Where there are none.
    pub fn of(mut seconds: Vec<f64>) -> Self {
        seconds.sort_by(f64::total_cmp);
        let last = seconds.len() - 1;
        Self { median_s: seconds[seconds.len() / 2], least_s: seconds[0], most_s: seconds[last] }
    }

    /// The same for a part of the work.
    pub fn over(self, parts: f64) -> Self {
        Self { median_s: self.median_s / parts, least_s: self.least_s / parts, most_s: self.most_s / parts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_median_and_extremes() {
        let spread = Spread::of(vec![3.0, 1.0, 2.0, 9.0, 2.5]).over(2.0);
        assert_eq!(spread, Spread { median_s: 1.25, least_s: 0.5, most_s: 4.5 });
    }
}
