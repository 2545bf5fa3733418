//! A rectangular plot: two linear scales, ticks, grid, curves cut at its edges.

use super::font;
use super::look::{AXIS_PX, GREY, INK, PALE, TICK_PX};
use super::picture::{Align, Frame, Label, Level, Picture, Stroke};

/// Where a plot stands and what its edges mean.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axes {
    pub frame: Frame,
    pub x: [f64; 2],
    pub y: [f64; 2],
}

/// Round values within a range that may run either way, at most about `most` of them, ascending.
pub(super) fn ticks([from, to]: [f64; 2], most: usize) -> Vec<f64> {
    let (low, high) = (from.min(to), from.max(to));
    let span = high - low;
    if !(span.is_finite() && span > 0.0) {
        return Vec::new();
    }
    let rough = span / most.max(1) as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|s| *s >= rough * 0.999).unwrap_or(rough);
    let slack = 1e-9 * span / step;
    let first = (low / step - slack).ceil() as i64;
    let last = (high / step + slack).floor() as i64;
    (first..=last).map(|i| i as f64 * step).collect()
}

/// The fewest decimal places that write every tick exactly.
pub(super) fn decimals(ticks: &[f64]) -> usize {
    let exact = |value: f64, places: i32| {
        let scaled = value * 10f64.powi(places);
        (scaled - scaled.round()).abs() < 1e-6
    };
    (0..9).find(|places| ticks.iter().all(|t| exact(*t, *places))).unwrap_or(9) as usize
}

/// A number as the scales write it.
pub(super) fn number(value: f64, decimals: usize) -> String {
    // Rounding to zero must not leave a sign behind.
    let text = format!("{value:.decimals$}");
    let zero = text.trim_start_matches('-').chars().all(|c| c == '0' || c == '.');
    if zero { text.trim_start_matches('-').to_owned() } else { text.replace('-', "−") }
}

impl Axes {
    pub fn px(&self, x: f64, y: f64) -> [f64; 2] {
        [self.x_px(x), self.y_px(y)]
    }

    pub fn x_px(&self, x: f64) -> f64 {
        self.frame.left + (x - self.x[0]) / (self.x[1] - self.x[0]) * self.frame.width()
    }

    pub fn y_px(&self, y: f64) -> f64 {
        self.frame.bottom - (y - self.y[0]) / (self.y[1] - self.y[0]) * self.frame.height()
    }

    /// Faint lines at the ticks; drawn before the data.
    pub fn grid(&self, picture: &mut Picture) {
        let stroke = Stroke::new(PALE, 1.0);
        for x in self.x_ticks() {
            picture.line([[self.x_px(x), self.frame.top], [self.x_px(x), self.frame.bottom]], stroke);
        }
        for y in self.y_ticks() {
            picture.line([[self.frame.left, self.y_px(y)], [self.frame.right, self.y_px(y)]], stroke);
        }
    }

    /// Frame, ticks, numbers and names of the scales; drawn after the data.
    pub fn scales(&self, picture: &mut Picture, x_name: &str, y_name: &str) {
        let Frame { left, top, right, bottom } = self.frame;
        let stroke = Stroke::new(INK, 1.2);
        picture.rectangle(self.frame, None, Some(stroke));
        let x_ticks = self.x_ticks();
        let places = decimals(&x_ticks);
        for &x in &x_ticks {
            let x_px = self.x_px(x);
            picture.line([[x_px, bottom], [x_px, bottom + 6.0]], stroke);
            let text = Label::new(number(x, places), [x_px, bottom + 11.0], TICK_PX);
            picture.label(text.align(Align::Middle, Level::Top));
        }
        let y_ticks = self.y_ticks();
        let places = decimals(&y_ticks);
        let mut widest = 0.0f64;
        for &y in &y_ticks {
            let y_px = self.y_px(y);
            picture.line([[left - 6.0, y_px], [left, y_px]], stroke);
            let text = number(y, places);
            widest = widest.max(font::width_px(&text, TICK_PX, false));
            picture.label(Label::new(text, [left - 11.0, y_px], TICK_PX).align(Align::End, Level::Middle));
        }
        let below = [(left + right) / 2.0, bottom + 38.0];
        picture.label(Label::new(x_name, below, AXIS_PX).align(Align::Middle, Level::Top).colour(GREY));
        let beside = [left - 22.0 - widest, (top + bottom) / 2.0];
        picture.label(Label::new(y_name, beside, AXIS_PX).align(Align::Middle, Level::Baseline).turned().colour(GREY));
    }

    fn x_ticks(&self) -> Vec<f64> {
        ticks(self.x, (self.frame.width() / 62.0) as usize)
    }

    fn y_ticks(&self) -> Vec<f64> {
        ticks(self.y, (self.frame.height() / 55.0) as usize)
    }

    /// A curve through points of ascending `x`, cut where it leaves the plot and where it is not finite.
    pub fn curve(&self, picture: &mut Picture, points: impl IntoIterator<Item = [f64; 2]>, stroke: Stroke) {
        let mut run: Vec<[f64; 2]> = Vec::new();
        let mut last: Option<[f64; 2]> = None;
        for point in points {
            let finite = point[0].is_finite() && point[1].is_finite();
            let kept = match last {
                Some(from) if finite => self.cut(from, point),
                _ => None,
            };
            match kept {
                Some([a, b]) => {
                    let a = self.px(a[0], a[1]);
                    if run.last().is_none_or(|end| (end[0] - a[0]).hypot(end[1] - a[1]) > 1e-6) {
                        picture.line(std::mem::take(&mut run), stroke);
                        run.push(a);
                    }
                    run.push(self.px(b[0], b[1]));
                }
                None => picture.line(std::mem::take(&mut run), stroke),
            }
            last = finite.then_some(point);
        }
        picture.line(run, stroke);
    }

    /// The part of a line within the plot (Liang and Barsky 1984).
    fn cut(&self, a: [f64; 2], b: [f64; 2]) -> Option<[[f64; 2]; 2]> {
        let (mut enter, mut leave) = (0.0f64, 1.0f64);
        for (axis, [low, high]) in [self.x, self.y].into_iter().enumerate() {
            let (from, step) = (a[axis], b[axis] - a[axis]);
            if step == 0.0 {
                if from < low || from > high {
                    return None;
                }
                continue;
            }
            let (t, s) = ((low - from) / step, (high - from) / step);
            enter = enter.max(t.min(s));
            leave = leave.min(t.max(s));
        }
        let at = |t: f64| [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t];
        (enter <= leave).then(|| [at(enter), at(leave)])
    }
}

#[cfg(test)]
mod tests {
    use super::super::picture::Mark;
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(ticks([0.0, 1.0], 5), [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]);
        assert_eq!(ticks([-12.0, 0.0], 4), [-10.0, -5.0, 0.0]);
        assert!(ticks([1.0, 1.0], 5).is_empty() && ticks([0.0, f64::NAN], 5).is_empty());
        assert_eq!(decimals(&ticks([0.0, 1.0], 5)), 1);
        assert_eq!(decimals(&[0.0, 0.05]), 2);
        assert_eq!(decimals(&[0.5]), 1);
        assert_eq!(ticks([5.0, -5.0], 2), [-5.0, 0.0, 5.0]);
        assert_eq!(number(-0.0001, 2), "0.00");
        assert_eq!(number(-3.0, 0), "−3");
    }

    #[test]
    fn curves_stop_at_the_edge_and_at_gaps() {
        let axes = Axes { frame: Frame::new(0.0, 0.0, 100.0, 100.0), x: [0.0, 10.0], y: [0.0, 10.0] };
        let mut picture = Picture::new(100, 100);
        let points = [[0.0, 5.0], [2.0, 5.0], [4.0, 25.0], [6.0, 5.0], [7.0, f64::NAN], [8.0, 5.0], [9.0, 5.0]];
        axes.curve(&mut picture, points, Stroke::new(INK, 1.0));
        assert_eq!(picture.marks.len(), 3);
        for mark in &picture.marks {
            let Mark::Path { points, .. } = mark else { panic!("only lines are drawn") };
            assert!(points.iter().all(|p| (0.0..=100.0).contains(&p[1])), "{points:?}");
        }
    }
}
