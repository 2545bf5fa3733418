//! How the clocks of free recorders stand: the sound of a source at a known place, as it left there, on each recorder's own clock.
//!
//! A recorder's channels, steered to the source, give one beam. Where the beams of two recorders line up is one point of a straight
//! line: its offset is how much later the one began, its slope how much faster it runs. What is left open of places and speed moves
//! all points together, and is carried into both.

use nalgebra::{Cholesky, DMatrix, DVector};

use super::beam::{Beams, Stretch};
use super::model::{Model, Scatter, Solution};
use super::takes::Heard;
use crate::error::Result;
use crate::locate::Array;
use crate::site::Site;

/// Clocks agree to this before anything is heard, one standard deviation: crystals of recorders are sold as good to it.
const CRYSTALS: f64 = 1e-4;

/// A drift is told where at most this share of that stays open.
const TOLD: f64 = 0.5;

/// A delay is read to this share of a sample at best.
const READ: f64 = 0.02;

/// Standard deviations by which recordings may differ in the offset and still share it.
const ALIKE: f64 = 5.0;

/// Blocks of a hiss that are lined up.
const BLOCKS: u64 = 16;

/// Waves that a block spans: a clock 100 ppm off drifts by a fifth of a wave within it.
const BLOCK_WAVES: f64 = 2000.0;

/// How the clock of a recorder stands to that of the first one.
#[derive(Debug, Clone, PartialEq)]
pub struct Clock {
    /// The recorder, as a number in the site.
    pub recorder: usize,
    /// Its first sample was taken so much later, seconds, and one standard deviation; absent where recordings differ in it.
    pub offset_s: Option<(f64, f64)>,
    /// It runs so much faster, parts per million, and one standard deviation; absent where the sources do not tell.
    pub drift_ppm: Option<(f64, f64)>,
    /// Sources that were heard by both.
    pub sources: usize,
    /// What is not told, and what would tell it; nothing where all is told.
    pub open: Option<String>,
}

/// A sound on two clocks.
struct Point {
    /// The source and the recording, counted from 0 in the order of the captures.
    source: usize,
    recording: usize,
    /// When it was there by the first clock, and how much later by the other, seconds.
    at_s: f64,
    delay_s: f64,
}

/// What the clocks are judged with.
pub(super) struct Scene<'t> {
    /// The site as it is known by now.
    pub site: &'t Site,
    pub array: &'t Array<'t>,
    pub heard: &'t [Heard],
    pub model: &'t Model,
    pub solution: &'t Solution,
    pub scatter: Scatter,
}

impl Scene<'_> {
    /// The clock of every recorder that runs free of the first.
    ///
    /// # Errors
    /// Those of reading.
    pub fn clocks(&self) -> Result<Vec<Clock>> {
        let mut groups = self.model.groups.clone();
        groups.sort_unstable();
        groups.dedup();
        let others = groups.iter().copied().filter(|group| *group != 0 && groups[0] == 0);
        others.map(|group| self.clock(group)).collect()
    }

    fn clock(&self, group: usize) -> Result<Clock> {
        let mut points = Vec::new();
        for source in 0..=self.heard.iter().map(|h| h.number).max().unwrap_or(0) {
            points.extend(self.points(source, group)?);
        }
        let heard = |source: usize| points.iter().any(|p| p.source == source);
        let sources = (0..=points.iter().map(|p| p.source).max().unwrap_or(0)).filter(|s| heard(*s)).count();
        let id = &self.site.recorders[group].id;
        let untold =
            |open: String| Clock { recorder: group, offset_s: None, drift_ppm: None, sources, open: Some(open) };
        if points.is_empty() {
            let what = "no source is heard by both it and the first recorder; make them louder, or begin both before the first";
            return Ok(untold(format!("the clock of recorder '{id}': {what}")));
        }
        // Recordings in which no source is on both clocks have no start of their own.
        let mut shared: Vec<usize> = points.iter().map(|p| p.recording).collect();
        shared.sort_unstable();
        shared.dedup();
        points.iter_mut().for_each(|p| p.recording = shared.partition_point(|recording| *recording < p.recording));
        let apart = self.line(&points, group, shared.len());
        let quarter_s = 0.25 / self.array.middle_hz();
        if apart.left_s > quarter_s {
            return Ok(untold(format!(
                "the clock of recorder '{id}' jumps: {:.1} µs are left of its delays; are the places right, and no samples lost?",
                1e6 * apart.left_s
            )));
        }
        let one = if apart.alike() { self.line(&points, group, 1) } else { apart };
        let drift_ppm = (one.drift_sigma() < TOLD * CRYSTALS).then(|| (1e6 * one.drift(), 1e6 * one.drift_sigma()));
        let offset_s = (one.starts() == 1).then(|| one.offset_s());
        let open = match (offset_s, drift_ppm) {
            (None, _) => Some(format!(
                "recorder '{id}' began anew in each capture, and an offset is that of one recording; tap at all places within one, or let \
                 one trigger begin all recorders"
            )),
            (_, None) => Some(format!(
                "the drift of recorder '{id}' stays open, ± {:.0} ppm of ± {:.0} ppm; sources {:.1} s apart would tell it",
                1e6 * one.drift_sigma(),
                1e6 * CRYSTALS,
                2.0 * one.offset_s().1.max(READ / self.rate_hz()) / (TOLD * CRYSTALS)
            )),
            _ => None,
        };
        Ok(Clock { recorder: group, offset_s, drift_ppm, sources, open })
    }

    fn rate_hz(&self) -> f64 {
        self.heard[0].rate_hz
    }

    /// Where one source is on both clocks.
    fn points(&self, source: usize, group: usize) -> Result<Vec<Point>> {
        let Some([first, other]) = self.both(source, group) else { return Ok(Vec::new()) };
        let (mut here, mut there) = (Beams::open(self.array, first, 0)?, Beams::open(self.array, other, group)?);
        let rate_hz = self.rate_hz();
        let late_s = there.mean_range_m() / self.model.slopes.metres_per_second;
        let early_s = here.mean_range_m() / self.model.slopes.metres_per_second;
        let point = |at: f64, delay: f64| Point {
            source,
            recording: first.recording,
            // The other clock counts the way to its sensors, too.
            at_s: at / rate_hz + late_s,
            delay_s: delay / rate_hz,
        };
        if let (Some(tap), Some(same)) = (first.window, other.window) {
            let length = (tap.frames + same.frames).next_power_of_two() as usize;
            let (a, b) = (here.spectrum(tap, length)?, there.spectrum(same, length)?);
            let at = tap.first as f64 + a.top();
            let lag = a.lag(&b);
            return Ok(lag.map(|lag| point(at, same.first as f64 + lag - tap.first as f64)).into_iter().collect());
        }
        let frames = here.frames();
        let block = ((BLOCK_WAVES * rate_hz / self.array.middle_hz()) as u64).min(frames / 4).max(64);
        let count = (frames / block).min(BLOCKS);
        let mut points = Vec::new();
        let mut known: Option<f64> = None;
        for i in 0..count {
            let from = Stretch { first: (frames - block) * i / (count - 1).max(1), frames: block };
            let to = match known {
                // Where the block before was, and half a block to both sides.
                Some(delay) => {
                    let first = (from.first as f64 + delay - block as f64 / 2.0).max(0.0) as u64;
                    Stretch { first, frames: (2 * block).min(frames.saturating_sub(first)) }
                }
                None => Stretch { first: 0, frames },
            };
            if to.frames < block {
                continue;
            }
            let length = (from.frames + to.frames).next_power_of_two() as usize;
            let Some(lag) = here.spectrum(from, length)?.lag(&there.spectrum(to, length)?) else { continue };
            let delay = to.first as f64 + lag - from.first as f64;
            known = Some(delay);
            points.push(point(from.first as f64 + block as f64 / 2.0 - early_s * rate_hz, delay));
        }
        Ok(points)
    }

    /// A source as the first recorder's clock has it, and as another.
    fn both(&self, source: usize, group: usize) -> Option<[&Heard; 2]> {
        let on = |clock: usize| {
            let has = |h: &&Heard| h.take.sensors.iter().any(|s| self.array.site.clock_groups()[*s] == clock);
            self.heard.iter().filter(|h| h.number == source).find(has)
        };
        Some([on(0)?, on(group)?])
    }

    /// The straight line through all points, each recording with its own start or all with one.
    fn line(&self, points: &[Point], group: usize, starts: usize) -> Line {
        let geometry = self.open_s2(points, group);
        let read_s = READ / self.rate_hz();
        let covariance = DMatrix::from_fn(points.len(), points.len(), |p, q| {
            geometry[(points[p].source, points[q].source)] + if p == q { read_s * read_s } else { 0.0 }
        });
        let design = DMatrix::from_fn(points.len(), starts + 1, |p, i| {
            if i == starts { points[p].at_s } else { f64::from(u8::from(i == points[p].recording.min(starts - 1))) }
        });
        let delays = DVector::from_iterator(points.len(), points.iter().map(|p| p.delay_s));
        let factor = Cholesky::new(covariance).expect("a sum of positive matrices is positive");
        let mut normal = design.transpose() * factor.solve(&design);
        normal[(starts, starts)] += CRYSTALS.powi(-2);
        let unknowns = Cholesky::new(normal).expect("every start has a point").inverse();
        let solution = &unknowns * design.transpose() * factor.solve(&delays);
        let left = &delays - &design * &solution;
        let freedom = points.len().saturating_sub(starts + 1).max(1) as f64;
        // Points that scatter more than they should make all of it less sure.
        let worse = (left.dot(&factor.solve(&left)) / freedom).max(1.0);
        Line { solution, covariance: unknowns * worse, left_s: left.norm() / (points.len() as f64).sqrt() }
    }

    /// What places and speed leave open of the delay of each source, seconds²; `[source, source]`.
    fn open_s2(&self, points: &[Point], group: usize) -> DMatrix<f64> {
        let count = points.iter().map(|p| p.source).max().map_or(0, |last| last + 1);
        let mut rows = DMatrix::zeros(count, self.model.prior.len());
        let mut alone = DVector::zeros(count);
        for source in 0..count {
            let Some(both) = self.both(source, group) else { continue };
            for (heard, clock, sign) in [(both[0], 0, -1.0), (both[1], group, 1.0)] {
                let members = heard.on_clock(self.array, clock);
                let geometry = heard.source.geometry(self.array, &members);
                let share = sign / members.len() as f64;
                let mean = self.model.jacobian(&geometry, &members, self.model.slopes).row_sum() * share;
                rows.set_row(source, &(rows.row(source) + mean));
                let of_place = geometry.by_source.row_sum() * share;
                alone[source] += of_place.norm_squared() * self.scatter.place_m.powi(2)
                    + self.scatter.range_m.powi(2) / members.len() as f64;
            }
        }
        // Delays of channels have no mean over a clock: that is its offset.
        rows.columns_mut(0, self.model.sensors).fill(0.0);
        let shared = &rows * &self.solution.covariance * rows.transpose();
        (shared + DMatrix::from_diagonal(&alone)) / self.model.slopes.metres_per_second.powi(2)
    }
}

/// A straight line with one or several starts.
struct Line {
    /// The starts, then the slope.
    solution: DVector<f64>,
    covariance: DMatrix<f64>,
    /// Root mean square of what is left, seconds.
    left_s: f64,
}

impl Line {
    fn starts(&self) -> usize {
        self.solution.len() - 1
    }

    fn drift(&self) -> f64 {
        self.solution[self.starts()]
    }

    fn drift_sigma(&self) -> f64 {
        self.covariance[(self.starts(), self.starts())].sqrt()
    }

    /// How much later the other recorder began, and one standard deviation.
    fn offset_s(&self) -> (f64, f64) {
        (-self.solution[0] / (1.0 + self.drift()), self.covariance[(0, 0)].sqrt())
    }

    /// Whether all recordings began with the same offset.
    fn alike(&self) -> bool {
        let starts = self.solution.rows(0, self.starts());
        let apart = |i: usize, j: usize| {
            let variance = self.covariance[(i, i)] + self.covariance[(j, j)] - 2.0 * self.covariance[(i, j)];
            (starts[i] - starts[j]).abs() / variance.max(f64::MIN_POSITIVE).sqrt()
        };
        (1..self.starts()).all(|i| apart(0, i) < ALIKE)
    }
}
