//! The one typeface, its widths and its outlines.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, ScaleFont, point};

use crate::report::words::shortened;

/// Family names for viewers of SVG, widest last: text measured in the first fits in the others.
pub(super) const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

static REGULAR: LazyLock<FontRef<'static>> = LazyLock::new(|| parsed(dejavu::sans::regular()));
static BOLD: LazyLock<FontRef<'static>> = LazyLock::new(|| parsed(dejavu::sans::bold()));

fn parsed(bytes: &'static [u8]) -> FontRef<'static> {
    FontRef::try_from_slice(bytes).expect("the font that is compiled in is sound")
}

fn font(bold: bool) -> &'static FontRef<'static> {
    if bold { &BOLD } else { &REGULAR }
}

/// Pixels per em to the scale that ab_glyph counts in, which is the height of a line.
fn scale(font: &FontRef, size_px: f64) -> f32 {
    let per_em = font.units_per_em().unwrap_or(2048.0);
    size_px as f32 * font.height_unscaled() / per_em
}

/// Width of a line of text, pixels.
pub(super) fn width_px(text: &str, size_px: f64, bold: bool) -> f64 {
    let font = font(bold);
    let font = font.as_scaled(scale(font, size_px));
    text.chars().map(|c| f64::from(font.h_advance(font.glyph_id(c)))).sum()
}

/// The largest size up to `size_px` at which the text is no wider than `room_px`, but at least `least_px`.
pub(super) fn fitting_size_px(text: &str, size_px: f64, least_px: f64, room_px: f64, bold: bool) -> f64 {
    let width = width_px(text, size_px, bold);
    if width <= room_px { size_px } else { (size_px * room_px / width).max(least_px) }
}

/// The text itself, or its beginning and an ellipsis where it is wider than `room_px`.
pub(super) fn cut_to(text: &str, size_px: f64, room_px: f64, bold: bool) -> String {
    if width_px(text, size_px, bold) <= room_px {
        return text.to_owned();
    }
    let mut cut: Vec<char> = text.chars().collect();
    while !cut.is_empty() {
        cut.pop();
        let shorter: String = cut.iter().chain(['…'].iter()).collect();
        if width_px(&shorter, size_px, bold) <= room_px {
            return shorter;
        }
    }
    String::new()
}

/// A name, its middle left out where it is wider than `room_px`: names tend to differ at their ends.
pub(super) fn name_within(name: &str, size_px: f64, room_px: f64, bold: bool) -> String {
    let fits = |text: &String| width_px(text, size_px, bold) <= room_px;
    (1..=name.chars().count().min(60)).rev().map(|most| shortened(name, most)).find(fits).unwrap_or_default()
}

/// The pixels that a line of text covers, and how far, from the start of its baseline; y runs down.
///
/// # Errors
/// The first that `paint` gives.
pub(super) fn covered<E>(
    text: &str,
    size_px: f64,
    bold: bool,
    mut paint: impl FnMut(i32, i32, f32) -> Result<(), E>,
) -> Result<(), E> {
    let font = font(bold);
    let scaled = font.as_scaled(scale(font, size_px));
    let mut start_px = 0.0;
    for c in text.chars() {
        let glyph = font.glyph_id(c);
        let placed = glyph.with_scale_and_position(scaled.scale(), point(start_px, 0.0));
        if let Some(outline) = font.outline_glyph(placed) {
            let corner = outline.px_bounds().min;
            let mut painted = Ok(());
            outline.draw(|x, y, share| {
                if painted.is_ok() && share > 0.0 {
                    painted = paint(corner.x as i32 + x as i32, corner.y as i32 + y as i32, share.min(1.0));
                }
            });
            painted?;
        }
        start_px += scaled.h_advance(glyph);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn width_grows_with_size_and_text() {
        let one = width_px("leak", 10.0, false);
        assert!((width_px("leak", 20.0, false) / one - 2.0).abs() < 1e-3);
        assert!((width_px("leakleak", 10.0, false) / one - 2.0).abs() < 1e-3);
        // DejaVu Sans: every digit is 0.636 em wide.
        assert!((width_px("0", 100.0, false) - 63.6).abs() < 0.1);
    }

    #[test]
    fn cut_text_fits() {
        let cut = cut_to("a very long name of a microphone", 16.0, 100.0, false);
        assert!(cut.ends_with('…') && width_px(&cut, 16.0, false) <= 100.0, "{cut}");
        assert_eq!(cut_to("M1", 16.0, 100.0, false), "M1");
        let name = name_within("ultrasonic microphone 17", 16.0, 100.0, false);
        assert!(name.ends_with("17") && width_px(&name, 16.0, false) <= 100.0, "{name}");
    }
}
