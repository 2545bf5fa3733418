//! Transients in a capture: taps, impacts and pencil-lead breaks, found while it streams by.

use std::collections::VecDeque;

use ndarray::{Array2, ArrayView1, Axis, Slice};

use super::Captures;
use crate::error::Result;

/// Samples whose mean square is one step of the search.
const STEP: usize = 64;

/// Steps read at once.
const BLOCK_STEPS: usize = 1024;

/// Power over the quietest step that is no noise: of a million steps the quietest has a third of the mean, the loudest twice.
const OVER_QUIETEST: f32 = 16.0;

/// Power over everything recent that is a new arrival, not the tail of the last: reverberation does not rise by 7 dB.
const OVER_RECENT: f32 = 5.0;

/// Events told at most; more are a steady sound.
const MOST: usize = 1000;

/// One channel's recent past.
#[derive(Default)]
struct Past {
    quietest: Option<f32>,
    /// Powers that no later one exceeds, with their steps: the first is the loudest of the recent ones.
    recent: VecDeque<(usize, f32)>,
    step: usize,
    was_zero: bool,
}

/// Frames at which events begin in the selected channels between two frames: the first step of any channel that rises out
/// of its noise and out of all that the last `memory` frames held.
///
/// `progress` is told the share done.
///
/// # Errors
/// Those of [`Captures::read`].
pub fn events(
    captures: &mut Captures,
    [first, end]: [u64; 2],
    memory: u64,
    progress: &(dyn Fn(f64) + Sync),
) -> Result<Vec<u64>> {
    let mut past: Vec<Past> = (0..captures.selected()).map(|_| Past::default()).collect();
    let memory_steps = (memory as usize).div_ceil(STEP).max(2);
    let mut found: Vec<u64> = Vec::new();
    let mut at = first;
    while at + (STEP as u64) <= end && found.len() < MOST {
        let steps = (((end - at) / STEP as u64) as usize).min(BLOCK_STEPS);
        let mut block = Array2::zeros((steps * STEP, past.len()));
        captures.read(at, &mut block, 0)?;
        for step in 0..steps {
            let frame = at + (step * STEP) as u64;
            let mut risen = false;
            for (channel, past) in block.columns().into_iter().zip(&mut past) {
                let samples = channel.slice_axis(Axis(0), Slice::from(step * STEP..(step + 1) * STEP));
                risen |= past.rises(power(samples), memory_steps);
            }
            // All sensors hear one event within the memory.
            if risen && found.len() < MOST && found.last().is_none_or(|last| frame - last > memory) {
                found.push(frame);
            }
        }
        at += (steps * STEP) as u64;
        progress((at - first) as f64 / (end - first) as f64);
    }
    Ok(found)
}

fn power(samples: ArrayView1<'_, f32>) -> f32 {
    let mean = samples.iter().sum::<f32>() / samples.len() as f32;
    samples.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / samples.len() as f32
}

impl Past {
    fn rises(&mut self, power: f32, memory_steps: usize) -> bool {
        self.step += 1;
        // Exact zeros are a recorder that has not begun, and the step after them is cut.
        let begun = !std::mem::replace(&mut self.was_zero, power == 0.0) && power > 0.0;
        if !begun {
            return false;
        }
        let loudest = self.recent.front().map_or(0.0, |(_, loudest)| *loudest);
        let risen = self.quietest.is_some_and(|q| power > OVER_QUIETEST * q && power > OVER_RECENT * loudest);
        self.quietest = Some(self.quietest.map_or(power, |q| q.min(power)));
        while self.recent.back().is_some_and(|(_, last)| *last <= power) {
            self.recent.pop_back();
        }
        self.recent.push_back((self.step, power));
        while self.recent.front().is_some_and(|(step, _)| step + memory_steps <= self.step) {
            self.recent.pop_front();
        }
        risen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(powers: &[f32]) -> Vec<usize> {
        let mut past = Past::default();
        (0..powers.len()).filter(|&i| past.rises(powers[i], 10)).collect()
    }

    #[test]
    fn an_event_is_a_rise_and_its_tail_is_none() {
        let mut powers = vec![0.0, 0.0, 1.0, 0.8, 1.2, 0.9, 1.0];
        powers.push(1000.0);
        powers.extend((0..30).map(|i| 800.0 * 0.8f32.powi(i) * if i % 3 == 0 { 3.0 } else { 0.7 }));
        assert_eq!(steps(&powers)[0], 7);
        assert_eq!(steps(&powers).len(), 1, "{:?}", steps(&powers));
        powers.extend([1.0; 12]);
        powers.push(300.0);
        assert_eq!(steps(&powers), [7, powers.len() - 1]);
    }

    #[test]
    fn the_start_of_recording_is_no_event() {
        assert!(steps(&[0.0, 0.0, 0.01, 1.0, 1.1, 0.9]).is_empty());
        assert!(steps(&[5.0, 6.0, 4.0, 5.5]).is_empty());
    }
}
