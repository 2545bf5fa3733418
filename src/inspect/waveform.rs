//! What a channel's samples show before any spectrum: level, offset, rails, gaps, bits.

/// Runs of equal samples this long are gaps, where a sound of more than a few steps should be.
const GAP: u64 = 32;
/// A channel must be so many steps strong, root mean square, for equal samples to mean a gap.
const GAP_STEPS: f64 = 4.0;
/// Samples so close to the extreme count as at the rail: rails are seldom symmetric to the last bit.
const AT_RAIL: f32 = 1.0 - 1e-4;
/// Stretches nearer to each other than this are told as one, seconds.
const APART_S: f64 = 0.01;
/// Stretches that are kept.
const MOST: usize = 1000;

/// A stretch of time, seconds from the start of the capture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stretch {
    /// Its first sample.
    pub from_s: f64,
    /// The sample after its last.
    pub to_s: f64,
}

/// Statistics of one channel's samples; full scale is 1.
#[derive(Debug, Clone)]
pub struct Waveform {
    /// The smallest step of the format, 0 where it has none.
    resolution: f32,
    rate_hz: f64,
    samples: u64,
    sum: f64,
    sum_of_squares: f64,
    least: f32,
    most: f32,
    rail: f32,
    at_rail: u64,
    rails: Vec<Stretch>,
    last: f32,
    equal: u64,
    gaps: Vec<Stretch>,
    /// Bits that were ever one, and ever zero, of samples as whole steps.
    ones: u32,
    zeros: u32,
}

impl Waveform {
    /// Nothing heard yet.
    pub fn new(resolution: f32, rate_hz: f64) -> Self {
        Self {
            resolution,
            rate_hz,
            samples: 0,
            sum: 0.0,
            sum_of_squares: 0.0,
            least: f32::INFINITY,
            most: f32::NEG_INFINITY,
            rail: 0.0,
            at_rail: 0,
            rails: Vec::new(),
            last: f32::NAN,
            equal: 0,
            gaps: Vec::new(),
            ones: 0,
            zeros: 0,
        }
    }

    /// Adds samples, each once, in order.
    pub fn add(&mut self, samples: impl Iterator<Item = f32>) {
        let steps = if self.resolution > 0.0 { 1.0 / self.resolution } else { 0.0 };
        for x in samples {
            self.sum += f64::from(x);
            self.sum_of_squares += f64::from(x) * f64::from(x);
            (self.least, self.most) = (self.least.min(x), self.most.max(x));
            let bits = (x * steps) as i32 as u32;
            self.ones |= bits;
            self.zeros |= !bits;
            if x.abs() > self.rail {
                self.rail = x.abs();
                (self.at_rail, self.rails) = (0, Vec::new());
            }
            if x.abs() >= self.rail * AT_RAIL {
                self.at_rail += 1;
                let at = self.samples;
                self.extend_rails(at);
            }
            if x == self.last {
                self.equal += 1;
            } else {
                self.end_of_run();
                (self.last, self.equal) = (x, 1);
            }
            self.samples += 1;
        }
    }

    fn extend_rails(&mut self, at: u64) {
        let stretch = Stretch { from_s: at as f64 / self.rate_hz, to_s: (at + 1) as f64 / self.rate_hz };
        extend(&mut self.rails, stretch);
    }

    fn end_of_run(&mut self) {
        if self.equal >= GAP {
            let [from_s, to_s] = [self.samples - self.equal, self.samples].map(|at| at as f64 / self.rate_hz);
            extend(&mut self.gaps, Stretch { from_s, to_s });
        }
    }

    /// Largest magnitude.
    pub fn peak(&self) -> f64 {
        f64::from(self.rail)
    }

    /// Mean of all samples.
    pub fn offset(&self) -> f64 {
        self.sum / self.samples.max(1) as f64
    }

    /// Root mean square about the mean.
    pub fn rms(&self) -> f64 {
        (self.sum_of_squares / self.samples.max(1) as f64 - self.offset().powi(2)).max(0.0).sqrt()
    }

    /// Share of samples at the channel's extreme.
    pub fn share_at_rail(&self) -> f64 {
        self.at_rail as f64 / self.samples.max(1) as f64
    }

    /// Where the channel is at its extreme; the first thousand stretches.
    pub fn rails(&self) -> &[Stretch] {
        &self.rails
    }

    /// Where a channel that sounds stands still; the first thousand stretches.
    pub fn gaps(mut self) -> Vec<Stretch> {
        self.end_of_run();
        let steps = if self.resolution > 0.0 { self.rms() / f64::from(self.resolution) } else { f64::INFINITY };
        // A silent channel is no gap from end to end.
        if steps < GAP_STEPS || self.most <= self.least { Vec::new() } else { self.gaps }
    }

    /// Bits at the low end that never change, of a format of `bits`: what a converter does not deliver.
    pub fn idle_bits(&self, bits: u16) -> u32 {
        match self.resolution > 0.0 && self.most > self.least {
            true => (self.ones & self.zeros).trailing_zeros().min(u32::from(bits)),
            false => 0,
        }
    }
}

/// Adds a stretch at the end of the list, or to its last.
fn extend(list: &mut Vec<Stretch>, stretch: Stretch) {
    let room = list.len() < MOST;
    match list.last_mut() {
        Some(last) if stretch.from_s - last.to_s < APART_S => last.to_s = stretch.to_s,
        _ if room => list.push(stretch),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(samples: impl Iterator<Item = f32>) -> Waveform {
        let mut waveform = Waveform::new(1.0 / 32_768.0, 1000.0);
        waveform.add(samples);
        waveform
    }

    /// Whole steps of 16 bits, in no order.
    fn noise(i: u64) -> f32 {
        let hash = i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
        (hash as f32 - 32_768.0) / 65_536.0
    }

    #[test]
    fn levels_are_those_of_a_sine_on_an_offset() {
        let wave = heard((0..1000).map(|i| 0.1 + 0.5 * (std::f32::consts::TAU * i as f32 / 100.0).sin()));
        assert!((wave.rms() - 0.5 / 2f64.sqrt()).abs() < 1e-4 && (wave.offset() - 0.1).abs() < 1e-6);
        assert!((wave.peak() - 0.6).abs() < 1e-6);
    }

    #[test]
    fn rails_and_gaps_are_told_with_their_times() {
        let wave = heard((0..10_000).map(|i| match i {
            2000..2500 => 0.0,
            7000..7003 | 7005..7009 | 8000 => -0.75,
            i => noise(i),
        }));
        let rails: Vec<[f64; 2]> = wave.rails().iter().map(|s| [s.from_s, s.to_s]).collect();
        assert_eq!(rails, [[7.0, 7.009], [8.0, 8.001]]);
        assert!((wave.share_at_rail() - 8e-4).abs() < 1e-9);
        assert_eq!(wave.gaps(), [Stretch { from_s: 2.0, to_s: 2.5 }]);
        assert!(heard((0..500).map(|_| 0.25)).gaps().is_empty(), "a channel that stands still has no gap");
    }

    #[test]
    fn bits_that_never_change_are_counted() {
        let of = |mask: i32| heard((0..5000).map(|i| (((noise(i) * 32_768.0) as i32) & mask) as f32 / 32_768.0));
        assert_eq!((of(-1).idle_bits(16), of(!7).idle_bits(16)), (0, 3));
    }
}
