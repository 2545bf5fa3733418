//! A picture before it is ink: marks in pixels, drawn in order, from which PNG and SVG are both made.
//!
//! Plots are drawn once into this list and cannot fail; only the two writers know of files and formats. Coordinates
//! are pixels of the finished picture, x to the right and y down, fractions allowed.

/// Red, green, blue and opacity.
pub(super) type Rgba = [u8; 4];

/// A list of marks and the size of the sheet.
#[derive(Debug, Clone)]
pub(super) struct Picture {
    pub width_px: u32,
    pub height_px: u32,
    /// What the picture says, for those who cannot see it.
    pub title: String,
    pub marks: Vec<Mark>,
}

/// One thing drawn.
#[derive(Debug, Clone)]
pub(super) enum Mark {
    Path { points: Vec<[f64; 2]>, closed: bool, fill: Option<Rgba>, stroke: Option<Stroke> },
    Disc { centre: [f64; 2], radius_px: f64, fill: Option<Rgba>, stroke: Option<Stroke> },
    Label(Label),
    Image { frame: Frame, image: IndexedImage },
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stroke {
    pub colour: Rgba,
    pub width_px: f64,
    /// Length of dashes and of the gaps between them.
    pub dash_px: Option<[f64; 2]>,
}

/// A line of text at a place.
#[derive(Debug, Clone)]
pub(super) struct Label {
    pub text: String,
    pub at: [f64; 2],
    pub size_px: f64,
    pub bold: bool,
    pub colour: Rgba,
    pub align: Align,
    pub level: Level,
    /// Reads upwards.
    pub turned: bool,
    /// Colour of a rim that keeps the text legible on a map.
    pub halo: Option<Rgba>,
}

/// Which end of the text stands at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Start,
    Middle,
    End,
}

/// Which height of the text stands at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Top,
    Middle,
    Baseline,
}

impl Level {
    /// How far below its place the baseline lies.
    pub fn baseline_px(self, size_px: f64) -> f64 {
        // Capitals of DejaVu Sans are 0.73 em high.
        match self {
            Self::Top => 0.73 * size_px,
            Self::Middle => 0.36 * size_px,
            Self::Baseline => 0.0,
        }
    }
}

/// An upright rectangle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Frame {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

/// A picture of palette entries; those at or beyond the palette's end are transparent.
#[derive(Debug, Clone)]
pub(super) struct IndexedImage {
    pub width: usize,
    pub height: usize,
    pub palette: Vec<[u8; 3]>,
    pub index: Vec<u8>,
}

impl Frame {
    pub fn new(left: f64, top: f64, right: f64, bottom: f64) -> Self {
        Self { left, top, right, bottom }
    }

    pub fn width(&self) -> f64 {
        self.right - self.left
    }

    pub fn height(&self) -> f64 {
        self.bottom - self.top
    }

    pub fn corners(&self) -> [[f64; 2]; 4] {
        [[self.left, self.top], [self.right, self.top], [self.right, self.bottom], [self.left, self.bottom]]
    }

    pub fn overlaps(&self, other: &Frame) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }

    pub fn contains(&self, other: &Frame) -> bool {
        self.left <= other.left && other.right <= self.right && self.top <= other.top && other.bottom <= self.bottom
    }
}

impl Stroke {
    pub fn new(colour: Rgba, width_px: f64) -> Self {
        Self { colour, width_px, dash_px: None }
    }

    pub fn dashed(colour: Rgba, width_px: f64) -> Self {
        Self { colour, width_px, dash_px: Some([6.0, 4.0]) }
    }
}

impl Label {
    /// Plain dark text that starts at `at`, on its baseline.
    pub fn new(text: impl Into<String>, at: [f64; 2], size_px: f64) -> Self {
        Self {
            text: text.into(),
            at,
            size_px,
            bold: false,
            colour: super::look::INK,
            align: Align::Start,
            level: Level::Baseline,
            turned: false,
            halo: None,
        }
    }

    pub fn align(mut self, align: Align, level: Level) -> Self {
        (self.align, self.level) = (align, level);
        self
    }

    pub fn colour(mut self, colour: Rgba) -> Self {
        self.colour = colour;
        self
    }

    pub fn bold(mut self) -> Self {
        self.bold = true;
        self
    }

    pub fn turned(mut self) -> Self {
        self.turned = true;
        self
    }

    pub fn halo(mut self, colour: Rgba) -> Self {
        self.halo = Some(colour);
        self
    }

    /// The rectangle that the text covers; for text that is not turned.
    pub fn frame(&self) -> Frame {
        let width = super::font::width_px(&self.text, self.size_px, self.bold);
        let left = self.at[0] - self.align.share() * width;
        let baseline = self.at[1] + self.level.baseline_px(self.size_px);
        Frame::new(left, baseline - 0.78 * self.size_px, left + width, baseline + 0.22 * self.size_px)
    }
}

impl Align {
    /// Share of the text's width that lies before its place.
    pub fn share(self) -> f64 {
        match self {
            Self::Start => 0.0,
            Self::Middle => 0.5,
            Self::End => 1.0,
        }
    }
}

impl Picture {
    pub fn new(width_px: u32, height_px: u32) -> Self {
        Self { width_px, height_px, title: String::new(), marks: Vec::new() }
    }

    pub fn line(&mut self, points: impl IntoIterator<Item = [f64; 2]>, stroke: Stroke) {
        self.path(points, false, None, Some(stroke));
    }

    pub fn polygon(&mut self, points: impl IntoIterator<Item = [f64; 2]>, fill: Option<Rgba>, stroke: Option<Stroke>) {
        self.path(points, true, fill, stroke);
    }

    pub fn rectangle(&mut self, frame: Frame, fill: Option<Rgba>, stroke: Option<Stroke>) {
        self.path(frame.corners(), true, fill, stroke);
    }

    pub fn disc(&mut self, centre: [f64; 2], radius_px: f64, fill: Option<Rgba>, stroke: Option<Stroke>) {
        if centre.iter().all(|c| c.is_finite()) {
            self.marks.push(Mark::Disc { centre, radius_px, fill, stroke });
        }
    }

    pub fn label(&mut self, label: Label) {
        if !label.text.is_empty() && label.at.iter().all(|c| c.is_finite()) {
            self.marks.push(Mark::Label(label));
        }
    }

    pub fn image(&mut self, frame: Frame, image: IndexedImage) {
        if image.width > 0 && image.height > 0 {
            self.marks.push(Mark::Image { frame, image });
        }
    }

    /// Points that are not finite are left out: no writer ever meets one.
    fn path(
        &mut self,
        points: impl IntoIterator<Item = [f64; 2]>,
        closed: bool,
        fill: Option<Rgba>,
        stroke: Option<Stroke>,
    ) {
        let points: Vec<_> = points.into_iter().filter(|p| p[0].is_finite() && p[1].is_finite()).collect();
        // A parallel through the pole, say, shrinks to one place; nothing can be drawn of it.
        let extended = points.iter().any(|p| (p[0] - points[0][0]).hypot(p[1] - points[0][1]) > 1e-3);
        if extended {
            self.marks.push(Mark::Path { points, closed, fill, stroke });
        }
    }
}
