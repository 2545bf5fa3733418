//! A picture as PNG.

use ab_glyph::{OutlineCurve, Point};
use tiny_skia::{
    Color, FillRule, FilterQuality, IntSize, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, PixmapPaint,
    StrokeDash, Transform,
};

use super::font;
use super::picture::{Frame, IndexedImage, Label, Mark, Picture, Rgba, Stroke};

/// The picture as the bytes of a PNG file.
///
/// # Errors
/// What the encoder says; in practice only where memory runs out.
pub(super) fn png(picture: &Picture) -> std::io::Result<Vec<u8>> {
    let (width, height) = (picture.width_px, picture.height_px);
    let mut ink = Pixmap::new(width, height).ok_or(std::io::ErrorKind::InvalidInput)?;
    ink.fill(Color::WHITE);
    for mark in &picture.marks {
        draw(&mut ink, mark);
    }
    // The sheet is opaque, so premultiplied colours are plain ones.
    let rgb: Vec<u8> = ink.data().chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
    encoded(width, height, png::ColorType::Rgb, None, &rgb)
}

/// An image as the bytes of a PNG file, for embedding.
///
/// # Errors
/// As [`png()`].
pub(super) fn indexed_png(image: &IndexedImage) -> std::io::Result<Vec<u8>> {
    let mut palette = image.palette.clone();
    palette.resize(256, [255; 3]);
    let opacity: Vec<u8> = (0..256).map(|i| if i < image.palette.len() { 255 } else { 0 }).collect();
    let colours = Some((palette.concat(), opacity));
    encoded(image.width as u32, image.height as u32, png::ColorType::Indexed, colours, &image.index)
}

fn encoded(
    width: u32,
    height: u32,
    kind: png::ColorType,
    palette: Option<(Vec<u8>, Vec<u8>)>,
    pixels: &[u8],
) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(kind);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    if let Some((colours, opacity)) = palette {
        encoder.set_palette(colours);
        encoder.set_trns(opacity);
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(bytes)
}

fn draw(ink: &mut Pixmap, mark: &Mark) {
    match mark {
        Mark::Path { points, closed, fill, stroke } => {
            let mut builder = PathBuilder::with_capacity(points.len() + 1, points.len() + 1);
            for (i, &[x, y]) in points.iter().enumerate() {
                if i == 0 { builder.move_to(x as f32, y as f32) } else { builder.line_to(x as f32, y as f32) }
            }
            if *closed {
                builder.close();
            }
            draw_path(ink, builder.finish(), *fill, *stroke, Transform::identity());
        }
        Mark::Disc { centre, radius_px, fill, stroke } => {
            let path = PathBuilder::from_circle(centre[0] as f32, centre[1] as f32, *radius_px as f32);
            draw_path(ink, path, *fill, *stroke, Transform::identity());
        }
        Mark::Label(label) => draw_label(ink, label),
        Mark::Image { frame, image } => draw_image(ink, frame, image),
    }
}

fn paint([r, g, b, a]: Rgba) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(r, g, b, a);
    paint
}

fn draw_path(ink: &mut Pixmap, path: Option<Path>, fill: Option<Rgba>, stroke: Option<Stroke>, place: Transform) {
    // No path: fewer than two places, or all of them one.
    let Some(path) = path else { return };
    if let Some(colour) = fill {
        ink.fill_path(&path, &paint(colour), FillRule::Winding, place, None);
    }
    if let Some(stroke) = stroke {
        let pen = tiny_skia::Stroke {
            width: stroke.width_px as f32,
            line_cap: LineCap::Butt,
            line_join: LineJoin::Round,
            dash: stroke.dash_px.and_then(|d| StrokeDash::new(d.map(|px| px as f32).to_vec(), 0.0)),
            ..Default::default()
        };
        ink.stroke_path(&path, &paint(stroke.colour), &pen, place, None);
    }
}

fn draw_label(ink: &mut Pixmap, label: &Label) {
    let mut builder = PathBuilder::new();
    let mut last: Option<Point> = None;
    font::outlines(&label.text, label.size_px, label.bold, |curve| {
        let (from, to) = match &curve {
            OutlineCurve::Line(a, b) => (*a, *b),
            OutlineCurve::Quad(a, _, c) => (*a, *c),
            OutlineCurve::Cubic(a, _, _, d) => (*a, *d),
        };
        if last != Some(from) {
            if last.is_some() {
                builder.close();
            }
            builder.move_to(from.x, from.y);
        }
        match curve {
            OutlineCurve::Line(_, b) => builder.line_to(b.x, b.y),
            OutlineCurve::Quad(_, b, c) => builder.quad_to(b.x, b.y, c.x, c.y),
            OutlineCurve::Cubic(_, b, c, d) => builder.cubic_to(b.x, b.y, c.x, c.y, d.x, d.y),
        }
        last = Some(to);
    });
    builder.close();
    let width = font::width_px(&label.text, label.size_px, label.bold);
    let shift_px = (-label.align.share() * width) as f32;
    let baseline_px = label.level.baseline_px(label.size_px) as f32;
    let at = Transform::from_translate(label.at[0] as f32, label.at[1] as f32);
    let place = if label.turned { at.pre_rotate(-90.0) } else { at }.pre_translate(shift_px, baseline_px);
    let path = builder.finish();
    if let Some(colour) = label.halo {
        draw_path(ink, path.clone(), None, Some(Stroke::new(colour, halo_width_px(label.size_px))), place);
    }
    draw_path(ink, path, Some(label.colour), None, place);
}

/// Width of the line that makes a halo.
pub(super) fn halo_width_px(size_px: f64) -> f64 {
    0.24 * size_px
}

fn draw_image(ink: &mut Pixmap, frame: &Frame, image: &IndexedImage) {
    let colours = image.index.iter().flat_map(|i| match image.palette.get(usize::from(*i)) {
        Some([r, g, b]) => [*r, *g, *b, 255],
        None => [0; 4],
    });
    let size = IntSize::from_wh(image.width as u32, image.height as u32);
    let Some(pixmap) = size.and_then(|size| Pixmap::from_vec(colours.collect(), size)) else { return };
    let place = Transform::from_row(
        (frame.width() / image.width as f64) as f32,
        0.0,
        0.0,
        (frame.height() / image.height as f64) as f32,
        frame.left as f32,
        frame.top as f32,
    );
    let paint = PixmapPaint { quality: FilterQuality::Nearest, ..Default::default() };
    ink.draw_pixmap(0, 0, pixmap.as_ref(), &paint, place, None);
}
