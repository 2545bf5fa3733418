//! Marks on maps and views: leak, candidate, sensor, and names that keep out of each other's way.

use super::font;
use super::look::{self, BLUE, GREY, INK, LEAK, WHITE, faded};
use super::picture::{Align, Frame, Label, Level, Picture, Stroke};
use crate::locate::REGIONS;

/// A ring with a hair cross: the eye finds it, the place itself stays visible.
pub(super) fn leak(picture: &mut Picture, [x, y]: [f64; 2], radius_px: f64) {
    for (colour, width) in [(WHITE, 7.5), (LEAK, 4.0)] {
        let stroke = Stroke::new(colour, width);
        picture.disc([x, y], radius_px, None, Some(stroke));
        let (near, far) = (radius_px - 2.0, radius_px * 1.7 + if colour == WHITE { 1.7 } else { 0.0 });
        for (dx, dy) in [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)] {
            picture.line([[x + dx * near, y + dy * near], [x + dx * far, y + dy * far]], stroke);
        }
    }
    picture.disc([x, y], 2.5, Some(LEAK), Some(Stroke::new(WHITE, 1.0)));
}

/// An open diamond.
pub(super) fn candidate(picture: &mut Picture, [x, y]: [f64; 2]) {
    let r = 11.0;
    let corners = [[x - r, y], [x, y - r], [x + r, y], [x, y + r]];
    picture.polygon(corners, None, Some(Stroke::new(WHITE, 5.5)));
    picture.polygon(corners, None, Some(Stroke::new(LEAK, 2.5)));
}

/// The three regions of a leak, small.
fn regions(picture: &mut Picture, [x, y]: [f64; 2]) {
    for (level, share) in REGIONS.into_iter().zip([0.4, 0.72, 1.0]) {
        let around = (0..=32).map(|i| (std::f64::consts::TAU * f64::from(i) / 32.0).sin_cos());
        picture.line(around.map(|(sin, cos)| [x + 14.0 * share * cos, y + 10.0 * share * sin]), look::rim(level));
    }
}

/// A dot; hollow and grey where the sensor took no part, with a heavy rim where it is faulty.
pub(super) fn sensor(picture: &mut Picture, at: [f64; 2], used: bool, faulty: bool) {
    let fill = if used { BLUE } else { faded(GREY, 0.7) };
    picture.disc(at, 6.5, Some(fill), Some(Stroke::new(WHITE, 2.0)));
    if faulty || !used {
        let r = 5.5;
        for slope in [1.0, -1.0] {
            let line = [[at[0] - r, at[1] - r * slope], [at[0] + r, at[1] + r * slope]];
            picture.line(line, Stroke::new(WHITE, 4.0));
            picture.line(line, Stroke::new(INK, 2.0));
        }
    }
}

/// A square crossed out: what sounds there was taken out.
pub(super) fn machine(picture: &mut Picture, [x, y]: [f64; 2]) {
    let r = 7.0;
    let corners = [[x - r, y - r], [x + r, y - r], [x + r, y + r], [x - r, y + r]];
    for (colour, width) in [(WHITE, 5.0), (INK, 2.0)] {
        picture.polygon(corners, None, Some(Stroke::new(colour, width)));
        picture.line([[x - r, y + r], [x + r, y - r]], Stroke::new(colour, width));
    }
}

/// Names beside marks; a name for which there is no free place is left out.
#[derive(Debug)]
pub(super) struct Names {
    room: Frame,
    taken: Vec<Frame>,
    pub left_out: usize,
}

impl Names {
    /// Names may stand within `room`.
    pub fn new(room: Frame) -> Self {
        Self { room, taken: Vec::new(), left_out: 0 }
    }

    /// Keeps names off a mark.
    pub fn keep_clear(&mut self, [x, y]: [f64; 2], radius_px: f64) {
        self.taken.push(Frame::new(x - radius_px, y - radius_px, x + radius_px, y + radius_px));
    }

    /// Writes `label`'s text beside its place, `distance_px` away, on the first free side of eight.
    pub fn put(&mut self, picture: &mut Picture, label: Label, distance_px: f64) {
        const SIDES: [(f64, f64, Align); 8] = [
            (1.0, 0.0, Align::Start),
            (-1.0, 0.0, Align::End),
            (0.0, -1.0, Align::Middle),
            (0.0, 1.0, Align::Middle),
            (0.75, -0.8, Align::Start),
            (0.75, 0.8, Align::Start),
            (-0.75, -0.8, Align::End),
            (-0.75, 0.8, Align::End),
        ];
        let lift = label.size_px * 0.42;
        for reach in [1.0, 1.6] {
            for (dx, dy, align) in SIDES {
                let distance = distance_px * reach;
                let at = [label.at[0] + dx * distance, label.at[1] + dy * (distance + lift)];
                let tried = Label { at, ..label.clone() }.align(align, Level::Middle);
                let frame = tried.frame();
                if self.room.contains(&frame) && !self.taken.iter().any(|t| t.overlaps(&frame)) {
                    self.taken.push(frame);
                    picture.label(tried);
                    return;
                }
            }
        }
        self.left_out += 1;
    }
}

/// A legend: a mark and its meaning a line.
pub(super) fn legend(picture: &mut Picture, [x, y]: [f64; 2], size_px: f64, rows: &[(Key, &str)]) {
    for (i, (key, text)) in rows.iter().enumerate() {
        let at = [x + 16.0, y + i as f64 * 32.0];
        match key {
            Key::Leak => leak(picture, at, 8.0),
            Key::Candidate => candidate(picture, at),
            Key::Regions => regions(picture, at),
            Key::Sensor { used } => sensor(picture, at, *used, false),
        }
        let text = font::cut_to(text, size_px, 300.0, false);
        picture.label(Label::new(text, [x + 40.0, at[1]], size_px).align(Align::Start, Level::Middle));
    }
}

/// What a line of a legend explains.
#[derive(Debug, Clone, Copy)]
pub(super) enum Key {
    Leak,
    Regions,
    Candidate,
    Sensor { used: bool },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_apart_or_away() {
        let mut picture = Picture::new(200, 200);
        let mut names = Names::new(Frame::new(0.0, 0.0, 200.0, 200.0));
        for _ in 0..40 {
            names.put(&mut picture, Label::new("sensor", [100.0, 100.0], 14.0), 10.0);
        }
        assert!(names.left_out > 0 && names.left_out < 40);
        for (i, frame) in names.taken.iter().enumerate() {
            assert!(names.taken[..i].iter().all(|other| !other.overlaps(frame)));
        }
    }
}
