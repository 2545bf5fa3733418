//! A capture in stretches that overlap, with silence before its beginning and after its end.

use ndarray::{Array2, Axis, Slice};

use super::Captures;
use crate::error::Result;

/// A capture in stretches that overlap.
#[derive(Debug)]
pub struct Overlapping<'t> {
    captures: &'t mut Captures,
    /// `[frame, channel]`.
    block: Array2<f32>,
    reach: usize,
    /// First frame that is new in the next stretch.
    next: u64,
}

impl<'t> Overlapping<'t> {
    /// Stretches of `step` frames with `reach` more before and after them, from the first frame on.
    pub fn new(captures: &'t mut Captures, step: usize, reach: usize) -> Self {
        let block = Array2::zeros((step + 2 * reach, captures.selected()));
        Self { captures, block, reach, next: 0 }
    }

    /// The next stretch, and how many of its `step` frames are in the capture; nothing after the last.
    ///
    /// # Errors
    /// Those of [`Captures::read`].
    pub fn advance(&mut self) -> Result<Option<(&Array2<f32>, usize)>> {
        let frames = self.captures.frames();
        let rows = self.block.nrows();
        let step = rows - 2 * self.reach;
        // The stretch's own first frame lags by what the first stretch reads ahead.
        let (known, own) =
            if self.next == 0 { (self.reach, 0) } else { (2 * self.reach, self.next - self.reach as u64) };
        if own >= frames {
            return Ok(None);
        }
        if self.next > 0 {
            let tail = self.block.slice_axis(Axis(0), Slice::from(rows - known..)).to_owned();
            self.block.slice_axis_mut(Axis(0), Slice::from(..known)).assign(&tail);
        }
        let left = frames.saturating_sub(self.next).min((rows - known) as u64) as usize;
        let columns = self.block.ncols();
        self.block.slice_axis_mut(Axis(0), Slice::from(known + left..)).fill(0.0);
        if left > 0 {
            let mut fresh = Array2::zeros((left, columns));
            self.captures.read(self.next, &mut fresh, 0)?;
            self.block.slice_axis_mut(Axis(0), Slice::from(known..known + left)).assign(&fresh);
        }
        self.next += (rows - known) as u64;
        Ok(Some((&self.block, (frames - own).min(step as u64) as usize)))
    }
}
