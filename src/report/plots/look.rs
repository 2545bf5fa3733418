//! The look that all pictures share: sizes, colours, title, colour bar.

use super::axes::{decimals, ticks};
use super::colour_map::{self, Scale};
use super::font;
use super::picture::{Align, Frame, Label, Level, Picture, Rgba, Stroke};

pub(super) const WIDTH_PX: u32 = 1600;
pub(super) const HEIGHT_PX: u32 = 1000;
/// Blank rim of the sheet.
pub(super) const MARGIN_PX: f64 = 36.0;
/// Where the title ends and the plot may begin.
pub(super) const TOP_PX: f64 = 112.0;

pub(super) const TITLE_PX: f64 = 32.0;
pub(super) const SUBTITLE_PX: f64 = 19.0;
pub(super) const AXIS_PX: f64 = 18.0;
pub(super) const TICK_PX: f64 = 16.0;
pub(super) const SMALL_PX: f64 = 14.0;

pub(super) const INK: Rgba = [34, 34, 40, 255];
pub(super) const GREY: Rgba = [105, 108, 116, 255];
pub(super) const PALE: Rgba = [222, 224, 229, 255];
pub(super) const WHITE: Rgba = [255, 255, 255, 255];
/// What must be seen first: the leak (Okabe–Ito vermillion, a little deeper).
pub(super) const LEAK: Rgba = [213, 70, 0, 255];
/// Dropped or doubtful.
pub(super) const DOUBT: Rgba = [204, 121, 167, 255];
pub(super) const BLUE: Rgba = [0, 114, 178, 255];
pub(super) const SKY: Rgba = [86, 180, 233, 255];

/// Colours for curves, told apart by every kind of eye (Okabe and Ito 2008), darkest first; yellow is too pale for lines.
pub(super) const CURVES: [Rgba; 7] =
    [BLUE, [213, 94, 0, 255], [0, 158, 115, 255], DOUBT, SKY, [230, 159, 0, 255], [40, 40, 40, 255]];

/// The rim of a region by how probable it is that it holds the leak: the more, the wider the line, 90 % dashed.
pub(super) fn rim(level: f64) -> Stroke {
    match level {
        level if level > 0.94 => Stroke::new(LEAK, 2.5),
        level if level > 0.8 => Stroke::dashed(LEAK, 1.8),
        _ => Stroke::new(LEAK, 1.5),
    }
}

/// The same colour at another opacity, 0 to 1.
pub(super) fn faded([r, g, b, _]: Rgba, opacity: f64) -> Rgba {
    [r, g, b, (opacity.clamp(0.0, 1.0) * 255.0).round() as u8]
}

/// An empty sheet under its title (what to conclude) and subtitle (what is shown).
pub(super) fn sheet(title: &str, subtitle: &str) -> Picture {
    let mut picture = Picture::new(WIDTH_PX, HEIGHT_PX);
    let room = f64::from(WIDTH_PX) - 2.0 * MARGIN_PX;
    let size = font::fitting_size_px(title, TITLE_PX, 20.0, room, true);
    let title = font::cut_to(title, size, room, true);
    picture.label(Label::new(title.clone(), [MARGIN_PX, 54.0], size).bold());
    let size = font::fitting_size_px(subtitle, SUBTITLE_PX, 14.0, room, false);
    let subtitle = font::cut_to(subtitle, size, room, false);
    picture.label(Label::new(subtitle, [MARGIN_PX, 86.0], size).colour(GREY));
    picture.title = title;
    picture
}

/// The picture of what could not be drawn: a note where the plot would be.
pub(super) fn note(title: &str, what: &str) -> Picture {
    let mut picture = sheet(title, "");
    let middle = [f64::from(WIDTH_PX) / 2.0, f64::from(HEIGHT_PX) / 2.0];
    picture.label(Label::new(what, middle, 24.0).colour(GREY).align(Align::Middle, Level::Middle));
    picture
}

/// An upright colour bar with its scale on the right and its quantity above.
pub(super) fn colour_bar(picture: &mut Picture, frame: Frame, range: [f64; 2], quantity: &str) {
    let rows = colour_map::STEPS;
    picture.image(frame, colour_map::image(1, rows, |_, y| 1.0 - y as f64 / (rows - 1) as f64));
    picture.rectangle(frame, None, Some(Stroke::new(INK, 1.0)));
    let marks = ticks(range, (frame.height() / 45.0) as usize);
    let places = decimals(&marks);
    for value in &marks {
        let y = frame.bottom - (value - range[0]) / (range[1] - range[0]) * frame.height();
        picture.line([[frame.right, y], [frame.right + 5.0, y]], Stroke::new(INK, 1.0));
        let text = format!("{:.places$}", value + 0.0).replace('-', "−");
        picture.label(Label::new(text, [frame.right + 10.0, y], TICK_PX).align(Align::Start, Level::Middle));
    }
    picture.label(Label::new(quantity, [frame.left, frame.top - 16.0], TICK_PX));
}

/// A lying colour bar with its scale below and its quantity above.
pub(super) fn flat_colour_bar(picture: &mut Picture, frame: Frame, range: [f64; 2], quantity: &str, scale: Scale) {
    let columns = colour_map::STEPS;
    picture.image(frame, colour_map::scaled(scale, [columns, 1], |x, _| x as f64 / (columns - 1) as f64));
    picture.rectangle(frame, None, Some(Stroke::new(INK, 1.0)));
    let marks = ticks(range, (frame.width() / 70.0) as usize);
    let places = decimals(&marks);
    for value in &marks {
        let x = frame.left + (value - range[0]) / (range[1] - range[0]) * frame.width();
        picture.line([[x, frame.bottom], [x, frame.bottom + 5.0]], Stroke::new(INK, 1.0));
        let text = format!("{:.places$}", value + 0.0).replace('-', "−");
        picture.label(Label::new(text, [x, frame.bottom + 9.0], SMALL_PX).align(Align::Middle, Level::Top));
    }
    picture.label(Label::new(quantity, [frame.left, frame.top - 10.0], TICK_PX));
}
