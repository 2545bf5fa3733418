//! Is a channel alive, and did it hit its rails?

use pulp::{Simd, WithSimd};

use crate::simd::{Sample, dispatch};

/// Running statistics of one channel's raw samples; full scale is 1.
#[derive(Debug, Clone)]
pub struct Health {
    samples: u64,
    least: f32,
    most: f32,
    at_peak: u64,
}

impl Default for Health {
    fn default() -> Self {
        Self { samples: 0, least: f32::INFINITY, most: f32::NEG_INFINITY, at_peak: 0 }
    }
}

/// A Gaussian channel touches its own peak a handful of times; one that hits a rail does so thousands of times. One
/// sample in ten thousand lies far from both: a third of the samples clip at one sigma, 6e-5 of them at four.
const CLIPPED_FRACTION: f64 = 1e-4;

/// Frames between two looks at the extremes.
const RUN: usize = 1024;

/// Samples that are compared in registers; whole frames of many arrays fill it.
const ROW: usize = 64;

/// Two steps of a 24-bit recorder at full scale are 2.4e-7: what moves less than a hundredth of that does not move.
const STILL: f32 = 2e-9;

impl Health {
    /// Adds interleaved frames, one value a channel in each, each frame once.
    pub fn add_all<T: Sample>(channels: &mut [Self], frames: &[T]) {
        for run in frames.chunks(RUN * channels.len().max(1)) {
            dispatch(Run { channels, run });
        }
    }

    /// Nothing counted yet of what follows this stretch: what does not come up to its peak is at no rail.
    pub fn onwards(&self) -> Self {
        Self { samples: 0, at_peak: 0, ..self.clone() }
    }

    /// From numbers that [`Self::counted`] gave.
    pub fn from_counted((samples, least, most, at_peak): (u64, f32, f32, u64)) -> Self {
        Self { samples, least, most, at_peak }
    }

    /// Samples, the least and the most of them, and how many stood at either.
    pub fn counted(&self) -> (u64, f32, f32, u64) {
        (self.samples, self.least, self.most, self.at_peak)
    }

    /// Adds what another stretch of the channel held.
    pub fn merge(&mut self, other: &Self) {
        let peak = self.peak().max(other.peak());
        // A stretch whose own peak is lower never stood at the common one, up to what two rails may differ by.
        let at_peak = |part: &Self| if part.peak() >= peak * (1.0 - 1e-4) { part.at_peak } else { 0 };
        self.at_peak = at_peak(self) + at_peak(other);
        (self.least, self.most) = (self.least.min(other.least), self.most.max(other.most));
        self.samples += other.samples;
    }

    /// Largest magnitude.
    fn peak(&self) -> f32 {
        if self.least > self.most { 0.0 } else { self.least.abs().max(self.most.abs()) }
    }

    /// Share of samples at the channel's own extreme.
    pub fn fraction_at_peak(&self) -> f64 {
        self.at_peak as f64 / self.samples.max(1) as f64
    }

    /// Whether the channel hits a rail. `resolution` is the smallest step of its format: a signal of a few steps
    /// meets its peak often without any rail.
    pub fn is_clipped(&self, resolution: f32) -> bool {
        self.at_peak >= 8 && self.fraction_at_peak() > CLIPPED_FRACTION && self.peak() > 64.0 * resolution
    }

    /// Whether every sample is the same.
    pub fn is_constant(&self) -> bool {
        self.samples > 0 && self.most - self.least <= STILL
    }
}

struct Run<'t, T> {
    channels: &'t mut [Health],
    run: &'t [T],
}

impl<T: Sample> WithSimd for Run<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { channels, run } = self;
        let count = channels.len();
        let [lowest, highest] = T::RANGE;
        let (mut least, mut most) = (vec![highest; count], vec![lowest; count]);
        let rows = if ROW.is_multiple_of(count) { run.as_chunks::<ROW>().0 } else { &[] };
        let extremes = extremes(rows);
        let of_rows = extremes.as_slice().as_flattened().as_flattened().chunks_exact(count);
        for frame in of_rows.chain(run[rows.len() * ROW..].chunks_exact(count)) {
            widen(&mut least, frame, |a, b| a < b);
            widen(&mut most, frame, |a, b| a > b);
        }
        for (channel, (health, (least, most))) in channels.iter_mut().zip(least.into_iter().zip(most)).enumerate() {
            let [least, most] = [least, most].map(|x| T::UNIT * x.number());
            let before = health.peak();
            health.samples += (run.len() / count) as u64;
            (health.least, health.most) = (health.least.min(least), health.most.max(most));
            let peak = health.peak();
            if peak > before {
                health.at_peak = 0;
            }
            // Rails are seldom symmetric to the last bit (-32768, 32767): the same value within 1e-4 counts as the rail.
            let rail = peak * (1.0 - 1e-4);
            if rail > 0.0 && least.abs().max(most.abs()) >= rail {
                let column = run.iter().skip(channel).step_by(count);
                health.at_peak += column.filter(|x| (T::UNIT * x.number()).abs() >= rail).count() as u64;
            }
        }
    }
}

/// Takes over what lies further out.
#[inline(always)]
fn widen<T: Sample>(extremes: &mut [T], frame: &[T], is_further: impl Fn(T, T) -> bool) {
    for (extreme, x) in extremes.iter_mut().zip(frame) {
        *extreme = if is_further(*x, *extreme) { *x } else { *extreme };
    }
}

/// The least and the most at each place of the rows.
#[inline(always)]
fn extremes<T: Sample>(rows: &[[T; ROW]]) -> Option<[[T; ROW]; 2]> {
    let (first, rows) = rows.split_first()?;
    let [mut least, mut most] = [*first; 2];
    for row in rows {
        widen(&mut least, row, |a, b| a < b);
        widen(&mut most, row, |a, b| a > b);
    }
    Some([least, most])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rail_is_told_from_a_peak() {
        let wave: Vec<f32> = (0..100_000).map(|i| (i as f32 * 0.731).sin() * (i as f32 * 0.0137).cos()).collect();
        let mut clean = Health::default();
        Health::add_all(std::slice::from_mut(&mut clean), &wave);
        assert!(!clean.is_clipped(3e-5), "{}", clean.fraction_at_peak());
        let mut railed = Health::default();
        for part in wave.chunks(999) {
            let part: Vec<f32> = part.iter().map(|x| x.clamp(-0.7, 0.7)).collect();
            Health::add_all(std::slice::from_mut(&mut railed), &part);
        }
        assert!(railed.is_clipped(3e-5));
    }

    #[test]
    fn stretches_counted_apart_add_up() {
        // Three channels fill no row, four do.
        for count in [3, 4] {
            let frames: Vec<i16> =
                (0..count as i32 * 9_000).map(|i| ((i * 7919 + i * i % 1013) % 997) as i16).collect();
            let railed = |x: &i16| (*x).min(700);
            let frames: Vec<i16> = frames.iter().map(railed).collect();
            let mut whole = vec![Health::default(); count];
            Health::add_all(&mut whole, &frames);
            let mut parts = vec![Health::default(); count];
            for stretch in frames.chunks(count * 2_500) {
                let mut more: Vec<Health> = parts.iter().map(Health::onwards).collect();
                Health::add_all(&mut more, stretch);
                parts.iter_mut().zip(&more).for_each(|(all, some)| all.merge(some));
            }
            for (channel, (whole, parts)) in whole.iter().zip(&parts).enumerate() {
                let own = frames.iter().skip(channel).step_by(count).map(|x| f32::from(*x) / 32_768.0);
                let rail = own.clone().filter(|x| *x == 700.0 / 32_768.0).count() as u64;
                let least = own.fold(f32::INFINITY, f32::min);
                assert_eq!(whole.counted(), (9_000, least, 700.0 / 32_768.0, rail));
                assert_eq!(parts.counted(), whole.counted());
            }
        }
    }

    #[test]
    fn a_constant_offset_is_no_signal() {
        let mut two = [Health::default(), Health::default()];
        Health::add_all(&mut two, &[[0.1, 0.1], [0.1, -0.1]].concat().repeat(500));
        assert!(two[0].is_constant() && !two[1].is_constant());
    }
}
