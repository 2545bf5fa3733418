//! The accumulated cross-spectral matrix, and adding two of them.

use std::sync::Arc;

use ndarray::{Array2, Zip};
use realfft::num_complex::Complex;

use super::means::{Means, mean_powers};
use crate::channelise::{LagWindow, Segmentation};
use crate::error::{Error, Result};

/// What a matrix is made of; only matrices of one layout add.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// How recordings are cut.
    pub segmentation: Segmentation,
    /// Samples per second.
    pub sample_rate_hz: f64,
    /// First bin kept, as a bin of the transform.
    pub first_bin: usize,
    /// Number of bins kept.
    pub bins: usize,
    /// Clock group of each channel.
    pub groups: Vec<usize>,
    /// Channels `(m, n)`, `m < n`, of equal clock group: a pair across clocks is never formed.
    pub pairs: Vec<(usize, usize)>,
    /// What segments leave of a coherence.
    pub lag_window: Arc<LagWindow>,
}

/// Sums over segments.
#[derive(Debug, Clone, PartialEq)]
pub struct Sums {
    /// Segments added.
    pub segments: u64,
    /// Σ|X_m|²; `[channel, bin]`, full scale²/Hz.
    pub auto: Array2<f64>,
    /// Σ X_m conj(X_n); `[pair, bin]`.
    pub cross: Array2<Complex<f64>>,
}

/// Accumulated cross-spectra, whole or in two halves of alternating blocks: their difference is noise, their sum the matrix.
#[derive(Debug, Clone)]
pub struct CrossSpectra {
    layout: Layout,
    parts: Vec<Sums>,
}

/// How a matrix is accumulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// As one sum: all that a capture is asked for.
    Whole,
    /// In two halves of alternating blocks, as a background must be, in twice the memory.
    Halves,
}

/// How a channel's recording differs from the sound at its sensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChannelCorrection {
    /// The recording is so much larger, a ratio; negative where the polarity is inverted.
    pub gain: f64,
    /// The recording is so much later, seconds.
    pub delay_s: f64,
}

/// Channels of equal clock group, two by two.
fn pairs_within(groups: &[usize]) -> Vec<(usize, usize)> {
    let channels = groups.len();
    let pairs = (0..channels).flat_map(|m| (m + 1..channels).map(move |n| (m, n)));
    pairs.filter(|&(m, n)| groups[m] == groups[n]).collect()
}

impl Layout {
    /// The layout for channels of these clock groups.
    pub fn new(
        segmentation: Segmentation,
        sample_rate_hz: f64,
        bins: std::ops::Range<usize>,
        groups: Vec<usize>,
    ) -> Self {
        let pairs = pairs_within(&groups);
        let lag_window = Arc::new(LagWindow::new(&segmentation, sample_rate_hz));
        Self { segmentation, sample_rate_hz, first_bin: bins.start, bins: bins.len(), groups, pairs, lag_window }
    }

    /// Frequency of each kept bin, hertz.
    pub fn frequencies_hz(&self) -> Vec<f64> {
        let spacing_hz = self.spacing_hz();
        (0..self.bins).map(|k| (self.first_bin + k) as f64 * spacing_hz).collect()
    }

    /// Spacing of bins, hertz.
    pub fn spacing_hz(&self) -> f64 {
        self.sample_rate_hz / self.segmentation.fft_samples as f64
    }
}

impl Sums {
    /// Nothing added yet.
    pub fn zero(layout: &Layout) -> Self {
        Self {
            segments: 0,
            auto: Array2::zeros((layout.groups.len(), layout.bins)),
            cross: Array2::zeros((layout.pairs.len(), layout.bins)),
        }
    }

    fn add(&mut self, other: &Self) {
        self.segments += other.segments;
        self.auto += &other.auto;
        Zip::from(&mut self.cross).and(&other.cross).for_each(|a, b| *a += b);
    }
}

impl Kept {
    /// How many sums there are.
    pub(super) fn parts(self) -> usize {
        match self {
            Self::Whole => 1,
            Self::Halves => 2,
        }
    }
}

impl CrossSpectra {
    /// Wraps one sum, or those over alternate blocks.
    ///
    /// # Panics
    /// Where the sums are not of this layout, or there are more than two.
    pub fn new(layout: Layout, parts: Vec<Sums>) -> Self {
        assert!((1..=2).contains(&parts.len()));
        for part in &parts {
            assert_eq!(part.auto.dim(), (layout.groups.len(), layout.bins));
            assert_eq!(part.cross.dim(), (layout.pairs.len(), layout.bins));
        }
        Self { layout, parts }
    }

    /// What the matrix is made of.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// As one sum, whatever it was: what a capture is judged by does not depend on the road that it came.
    pub fn into_whole(mut self) -> Self {
        let more = self.parts.split_off(1);
        more.iter().for_each(|more| self.parts[0].add(more));
        self
    }

    /// The sum, or those over either half.
    pub fn parts(&self) -> &[Sums] {
        &self.parts
    }

    /// Segments added.
    pub fn segments(&self) -> u64 {
        self.parts.iter().map(|part| part.segments).sum()
    }

    /// Adds another recording's matrix.
    ///
    /// # Errors
    /// [`Error::Request`] where the layouts differ, or one is whole and the other is not.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if self.parts.len() != other.parts.len() {
            return Err(Error::request("cross-spectra kept whole do not add to those kept in halves; keep both alike"));
        }
        if self.layout != other.layout {
            return Err(Error::request(
                "cross-spectra of different settings do not add; use one rate, band, segment length and channel order",
            ));
        }
        for (mine, theirs) in self.parts.iter_mut().zip(&other.parts) {
            mine.add(theirs);
        }
        Ok(())
    }

    /// Mean over all segments: autos are densities in full scale²/Hz.
    pub fn mean(&self) -> Means {
        Means::of(&self.parts, &self.layout)
    }

    /// Mean cross-spectra alone, in double precision as they were added; `[pair, bin]`.
    pub fn mean_products(&self) -> Array2<Complex<f64>> {
        let mut products = self.parts[0].cross.clone();
        self.parts[1..].iter().for_each(|more| Zip::from(&mut products).and(&more.cross).for_each(|a, b| *a += b));
        let scale = 1.0 / self.segments().max(1) as f64;
        products.mapv_into(|g| g * scale)
    }

    /// Mean power densities alone, full scale²/Hz; `[channel, bin]`.
    pub fn powers(&self) -> Array2<f64> {
        mean_powers(&self.parts)
    }

    /// Means over each of the two halves of alternating blocks.
    ///
    /// # Panics
    /// Where the matrix was kept whole.
    pub fn half_means(&self) -> [Means; 2] {
        [0, 1].map(|half| Means::of(&self.parts[half..=half], &self.layout))
    }

    /// Equivalent number of independent averages in one bin.
    pub fn averages(&self) -> f64 {
        self.layout.segmentation.averages(self.segments())
    }

    /// Independent samples that one bin stands for, `T_eff · df`; summed over bins it is the time-bandwidth product.
    pub fn samples_per_bin(&self) -> f64 {
        let cut = &self.layout.segmentation;
        cut.equivalent_samples(self.segments()) / cut.fft_samples as f64
    }

    /// Undoes known gains, delays and polarities, one correction a channel.
    ///
    /// # Panics
    /// Where there is not one correction a channel.
    pub fn correct(&mut self, corrections: &[ChannelCorrection]) {
        assert_eq!(corrections.len(), self.layout.groups.len());
        let frequency_hz = self.layout.frequencies_hz();
        for part in &mut self.parts {
            for (mut row, c) in part.auto.rows_mut().into_iter().zip(corrections) {
                row /= c.gain * c.gain;
            }
            for (mut row, &(m, n)) in part.cross.rows_mut().into_iter().zip(&self.layout.pairs) {
                let (a, b) = (corrections[m], corrections[n]);
                let scale = 1.0 / (a.gain * b.gain);
                for (g, f) in row.iter_mut().zip(&frequency_hz) {
                    let phase = std::f64::consts::TAU * f * (a.delay_s - b.delay_s);
                    *g *= Complex::from_polar(scale, phase);
                }
            }
        }
    }

    /// Exchanges two channels of one clock group.
    ///
    /// # Panics
    /// Where they are of different groups.
    pub fn swap(&mut self, a: usize, b: usize) {
        assert_eq!(self.layout.groups[a], self.layout.groups[b]);
        let other = |c: usize| {
            if c == a {
                b
            } else if c == b {
                a
            } else {
                c
            }
        };
        let Layout { pairs, .. } = &self.layout;
        let from: Vec<(usize, bool)> = pairs
            .iter()
            .map(|&(m, n)| {
                let (m, n) = (other(m), other(n));
                let place = |pair: (usize, usize)| pairs.iter().position(|p| *p == pair);
                place((m, n)).map(|row| (row, false)).or_else(|| place((n, m)).map(|row| (row, true)))
            })
            .map(|found| found.expect("channels of one clock are paired"))
            .collect();
        for part in &mut self.parts {
            let order: Vec<usize> = (0..self.layout.groups.len()).map(other).collect();
            part.auto = part.auto.select(ndarray::Axis(0), &order);
            let rows: Vec<usize> = from.iter().map(|(row, _)| *row).collect();
            part.cross = part.cross.select(ndarray::Axis(0), &rows);
            for (mut row, (_, turned)) in part.cross.rows_mut().into_iter().zip(&from) {
                if *turned {
                    row.mapv_inplace(|g| g.conj());
                }
            }
        }
    }

    /// Takes out what two channels share without delay: the mean in-phase coherence over all bins.
    pub fn take_out_zero_lag(&mut self, a: usize, b: usize) {
        let Some(row) = self.layout.pairs.iter().position(|pair| *pair == (a.min(b), a.max(b))) else { return };
        let mean = self.mean();
        let power = |k: usize| (mean.auto[[a, k]] * mean.auto[[b, k]]).sqrt();
        let shares =
            (0..self.layout.bins).filter(|&k| power(k) > 0.0).map(|k| f64::from(mean.cross[[row, k]].re) / power(k));
        let shared = shares.sum::<f64>() / self.layout.bins as f64;
        for part in &mut self.parts {
            for k in 0..self.layout.bins {
                part.cross[[row, k]] -= shared * power(k) * part.segments as f64;
            }
        }
    }

    /// Exchanges the sign of one channel.
    pub fn invert(&mut self, channel: usize) {
        let unit = ChannelCorrection { gain: 1.0, delay_s: 0.0 };
        let mut corrections = vec![unit; self.layout.groups.len()];
        corrections[channel].gain = -1.0;
        self.correct(&corrections);
    }

    /// Forgets channels: `keep` lists those that stay, in growing order.
    pub fn keep(&mut self, keep: &[usize]) {
        if keep.len() < self.layout.groups.len() {
            *self = self.keeping(keep);
        }
    }

    /// The same matrix without some channels: `keep` lists those that stay, in growing order.
    pub fn keeping(&self, keep: &[usize]) -> Self {
        let old = &self.layout;
        let groups: Vec<usize> = keep.iter().map(|&c| old.groups[c]).collect();
        let layout = Layout { pairs: pairs_within(&groups), groups, ..old.clone() };
        let rows: Vec<usize> = layout
            .pairs
            .iter()
            .map(|&(m, n)| {
                let wanted = (keep[m], keep[n]);
                old.pairs.iter().position(|&pair| pair == wanted).expect("kept channels keep their clock")
            })
            .collect();
        let kept = |part: &Sums| Sums {
            segments: part.segments,
            auto: part.auto.select(ndarray::Axis(0), keep),
            cross: part.cross.select(ndarray::Axis(0), &rows),
        };
        Self { layout, parts: self.parts.iter().map(kept).collect() }
    }
}
