//! Marks onto plotters' backends, which place everything on whole coordinates: shapes, lines, text and images.
//!
//! Glyphs are drawn from the outlines that the layout measured ([`font`]); the vector backend writes text as text.

use std::ops::Range;

use plotters::prelude::DrawingBackend;
use plotters_backend::text_anchor::{HPos, Pos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingErrorKind, FontFamily, FontStyle, FontTransform,
};

use super::font;
use super::picture::{Align, Frame, IndexedImage, Label, Mark, Rgba, Stroke};

/// The vector backend takes line heights for sizes and writes sizes per em; this is its ratio.
const LINE_PER_EM: f64 = 1.24;

/// Where the vector backend puts the baseline of text that hangs from its place, em.
const HANGING_EM: f64 = 0.76;

/// Eight directions about a circle: a halo is the text in another colour, shifted by each.
const AROUND: [[f64; 2]; 8] = {
    const D: f64 = std::f64::consts::FRAC_1_SQRT_2;
    [[1.0, 0.0], [D, D], [0.0, 1.0], [-D, D], [-1.0, 0.0], [-D, -D], [0.0, -1.0], [D, -D]]
};

/// A backend and how its coordinates count.
pub(super) struct Ink<B> {
    pub backend: B,
    /// Its units in one pixel of the finished picture.
    pub scale: f64,
    /// Whether it writes shapes and text rather than pixels.
    pub vector: bool,
    /// The stretch of the picture that it holds, pixels from the top; what lies outside is left out.
    pub rows: Range<f64>,
}

pub(super) type Inked<B> = Result<(), DrawingErrorKind<<B as DrawingBackend>::ErrorType>>;

impl<B: DrawingBackend> Ink<B> {
    pub fn draw(&mut self, mark: &Mark) -> Inked<B> {
        match mark {
            Mark::Path { points, closed, fill, stroke } => {
                if let Some(colour) = fill {
                    self.fill(points, *colour)?;
                }
                stroke.map_or(Ok(()), |stroke| self.stroke(points, *closed, stroke))
            }
            Mark::Disc { centre, radius_px, fill, stroke } => {
                let round = circle(*centre, *radius_px);
                self.draw(&Mark::Path { points: round, closed: true, fill: *fill, stroke: *stroke })
            }
            Mark::Label(label) => self.label(label),
            Mark::Image { frame, image } => self.image(frame, image),
        }
    }

    fn at(&self, [x, y]: [f64; 2]) -> BackendCoord {
        ((x * self.scale).round() as i32, ((y - self.rows.start) * self.scale).round() as i32)
    }

    /// Whether nothing between two heights is held.
    fn misses(&self, top: f64, bottom: f64) -> bool {
        bottom < self.rows.start || top > self.rows.end
    }

    pub fn fill(&mut self, points: &[[f64; 2]], colour: Rgba) -> Inked<B> {
        let (top, bottom) = points.iter().fold((f64::MAX, f64::MIN), |(top, low), p| (p[1].min(top), p[1].max(low)));
        if self.misses(top, bottom) {
            return Ok(());
        }
        let outline: Vec<_> = points.iter().map(|point| self.at(*point)).collect();
        self.backend.fill_polygon(outline, &backend_colour(colour))
    }

    fn stroke(&mut self, points: &[[f64; 2]], closed: bool, stroke: Stroke) -> Inked<B> {
        let mut line = points.to_vec();
        if closed {
            line.extend(points.first());
        }
        let runs = match stroke.dash_px {
            Some(dash_px) => dashes(&line, dash_px),
            None => vec![line],
        };
        for run in runs {
            if self.vector {
                let path: Vec<_> = run.iter().map(|point| self.at(*point)).collect();
                let width = (stroke.width_px * self.scale).round().max(1.0) as u32;
                self.backend.draw_path(path, &Pen { colour: stroke.colour, width })?;
            } else {
                self.stroke_pixels(&run, stroke)?;
            }
        }
        Ok(())
    }

    /// A line as one quadrangle a piece, and discs where pieces meet: the backend's own wide lines leave holes where they
    /// cross themselves.
    fn stroke_pixels(&mut self, run: &[[f64; 2]], stroke: Stroke) -> Inked<B> {
        let half = stroke.width_px / 2.0;
        // Where translucent pieces overlap the colour deepens; wide opaque lines alone need round joints.
        let joints = half * self.scale > 1.5 && stroke.colour[3] == 255;
        for pair in run.windows(2) {
            let ([x0, y0], [x1, y1]) = (pair[0], pair[1]);
            let length = (x1 - x0).hypot(y1 - y0);
            if length < 1e-9 {
                continue;
            }
            let [nx, ny] = [-(y1 - y0) / length * half, (x1 - x0) / length * half];
            let quadrangle = [[x0 + nx, y0 + ny], [x1 + nx, y1 + ny], [x1 - nx, y1 - ny], [x0 - nx, y0 - ny]];
            self.fill(&quadrangle, stroke.colour)?;
        }
        if joints && run.len() > 2 {
            for point in &run[1..run.len() - 1] {
                self.fill(&circle(*point, half), stroke.colour)?;
            }
        }
        Ok(())
    }

    fn label(&mut self, label: &Label) -> Inked<B> {
        let reach =
            label.size_px + if label.turned { font::width_px(&label.text, label.size_px, label.bold) } else { 0.0 };
        if self.misses(label.at[1] - reach, label.at[1] + reach) {
            return Ok(());
        }
        if let Some(colour) = label.halo {
            let reach = 0.12 * label.size_px;
            for [x, y] in AROUND {
                self.text(label, colour, [x * reach, y * reach])?;
            }
        }
        self.text(label, label.colour, [0.0, 0.0])
    }

    /// The label in one colour, shifted.
    fn text(&mut self, label: &Label, colour: Rgba, shift: [f64; 2]) -> Inked<B> {
        let baseline = label.level.baseline_px(label.size_px);
        // Along the text and down from its line, in its own directions.
        let along = if self.vector {
            0.0
        } else {
            -label.align.share() * font::width_px(&label.text, label.size_px, label.bold)
        };
        let down = if self.vector { baseline - HANGING_EM * label.size_px } else { baseline };
        let [dx, dy] = if label.turned { [down, -along] } else { [along, down] };
        let place = self.at([label.at[0] + shift[0] + dx, label.at[1] + shift[1] + dy]);
        let lettering = Lettering { label, colour, size: label.size_px * self.scale };
        self.backend.draw_text(&printable(&label.text), &lettering, place)
    }

    /// The image, each pixel that of the nearest palette entry, transparent ones left out.
    fn image(&mut self, frame: &Frame, image: &IndexedImage) -> Inked<B> {
        if self.misses(frame.top, frame.bottom) {
            return Ok(());
        }
        let ((left, top), (right, bottom)) = (self.at([frame.left, frame.top]), self.at([frame.right, frame.bottom]));
        let (wide, high) = ((right - left).max(1) as usize, (bottom - top).max(1) as usize);
        let mut run: Vec<u8> = Vec::with_capacity(3 * wide);
        let held =
            (-top).max(0) as usize..high.min(((self.rows.end - frame.top) * self.scale).ceil().max(0.0) as usize);
        for y in held {
            let row = &image.index[(y * image.height / high) * image.width..][..image.width];
            let mut start = 0;
            for x in 0..=wide {
                let entry = (x < wide).then(|| image.palette.get(usize::from(row[x * image.width / wide]))).flatten();
                match entry {
                    Some(colour) => run.extend(colour),
                    None => {
                        if !run.is_empty() {
                            let place = (left + start as i32, top + y as i32);
                            self.backend.blit_bitmap(place, ((run.len() / 3) as u32, 1), &run)?;
                            run.clear();
                        }
                        start = x + 1;
                    }
                }
            }
        }
        Ok(())
    }
}

/// A regular polygon that no eye tells from a circle.
fn circle([x, y]: [f64; 2], radius: f64) -> Vec<[f64; 2]> {
    let corners = (8.0 + 4.0 * radius.abs()).min(180.0) as usize;
    (0..corners)
        .map(|i| (i as f64 / corners as f64 * std::f64::consts::TAU).sin_cos())
        .map(|(sin, cos)| [x + radius * cos, y + radius * sin])
        .collect()
}

/// The dashes of a line, each a line of its own.
fn dashes(line: &[[f64; 2]], [dash, gap]: [f64; 2]) -> Vec<Vec<[f64; 2]>> {
    let mut found = Vec::new();
    let mut run: Vec<[f64; 2]> = line.first().into_iter().copied().collect();
    let (mut inked, mut left) = (true, dash);
    for pair in line.windows(2) {
        let ([x0, y0], [x1, y1]) = (pair[0], pair[1]);
        let length = (x1 - x0).hypot(y1 - y0);
        let mut gone = 0.0;
        while length - gone > left {
            gone += left;
            let here = [x0 + (x1 - x0) * gone / length, y0 + (y1 - y0) * gone / length];
            if inked {
                run.push(here);
                found.push(std::mem::take(&mut run));
            } else {
                run = vec![here];
            }
            inked = !inked;
            left = if inked { dash } else { gap };
        }
        left -= length - gone;
        if inked {
            run.push([x1, y1]);
        }
    }
    if inked && run.len() > 1 {
        found.push(run);
    }
    found
}

fn backend_colour([r, g, b, a]: Rgba) -> BackendColor {
    BackendColor { alpha: f64::from(a) / 255.0, rgb: (r, g, b) }
}

/// Control characters have no glyph and no place in a document.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '·' } else { c }).collect()
}

struct Pen {
    colour: Rgba,
    width: u32,
}

impl BackendStyle for Pen {
    fn color(&self) -> BackendColor {
        backend_colour(self.colour)
    }

    fn stroke_width(&self) -> u32 {
        self.width
    }
}

/// A label as the backends ask about it.
struct Lettering<'a> {
    label: &'a Label,
    colour: Rgba,
    /// Units of the backend per em.
    size: f64,
}

impl BackendTextStyle for Lettering<'_> {
    type FontError = std::convert::Infallible;

    fn color(&self) -> BackendColor {
        backend_colour(self.colour)
    }

    fn size(&self) -> f64 {
        self.size * LINE_PER_EM
    }

    fn transform(&self) -> FontTransform {
        if self.label.turned { FontTransform::Rotate270 } else { FontTransform::None }
    }

    fn style(&self) -> FontStyle {
        if self.label.bold { FontStyle::Bold } else { FontStyle::Normal }
    }

    fn anchor(&self) -> Pos {
        let along = match self.label.align {
            Align::Start => HPos::Left,
            Align::Middle => HPos::Center,
            Align::End => HPos::Right,
        };
        Pos::new(along, VPos::Top)
    }

    fn family(&self) -> FontFamily<'_> {
        FontFamily::Name(font::FAMILY)
    }

    /// No extent: the place is that of the text's start already.
    fn layout_box(&self, _: &str) -> Result<((i32, i32), (i32, i32)), Self::FontError> {
        Ok(((0, 0), (0, 0)))
    }

    fn draw<E, DrawFunc: FnMut(i32, i32, BackendColor) -> Result<(), E>>(
        &self,
        text: &str,
        (x, y): BackendCoord,
        mut draw: DrawFunc,
    ) -> Result<Result<(), E>, Self::FontError> {
        let colour = backend_colour(self.colour);
        Ok(font::covered(text, self.size, self.label.bold, |dx, dy, share| {
            draw(x + dx, y + dy, colour.mix(f64::from(share)))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_cover_their_share_of_a_bent_line() {
        let line = [[0.0, 0.0], [7.0, 0.0], [7.0, 13.0]];
        let found = dashes(&line, [6.0, 4.0]);
        let length =
            |run: &Vec<[f64; 2]>| run.windows(2).map(|p| (p[1][0] - p[0][0]).hypot(p[1][1] - p[0][1])).sum::<f64>();
        assert_eq!(found.iter().map(length).collect::<Vec<_>>(), [6.0, 6.0]);
        assert_eq!(found[1], [[7.0, 3.0], [7.0, 9.0]]);
    }
}
