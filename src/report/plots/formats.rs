//! A picture as PNG and as SVG, through plotters' backends.
//!
//! plotters counts in whole coordinates and does not smooth what it fills. So the bitmap is drawn three times too large
//! and reduced, and the vector document counts tenths of a pixel and is shown at a tenth of its size.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use plotters::prelude::{BitMapBackend, DrawingBackend, SVGBackend};

use super::ink::{Ink, printable};
use super::picture::{Frame, IndexedImage, Mark, Picture, Rgba};

/// Pixels of the drawn bitmap along each side of one of the finished picture.
const OVERSAMPLING: usize = 3;

/// Rows of the finished picture that are drawn at a time: the whole at once would take 43 MB.
const STRIP_PX: usize = 125;

/// Units of the vector document in one pixel of the finished picture.
const TENTHS: f64 = 10.0;

/// The picture as the bytes of a PNG file.
///
/// # Errors
/// What the encoder says; in practice only where memory runs out.
pub(super) fn png(picture: &Picture) -> std::io::Result<Vec<u8>> {
    let (width, height) = (picture.width_px as usize, picture.height_px as usize);
    let mut reduced_rows = Vec::with_capacity(3 * width * height);
    for top in (0..height).step_by(STRIP_PX) {
        let rows = STRIP_PX.min(height - top);
        let mut drawn = vec![255; 3 * width * rows * OVERSAMPLING * OVERSAMPLING];
        let backend =
            BitMapBackend::with_buffer(&mut drawn, ((width * OVERSAMPLING) as u32, (rows * OVERSAMPLING) as u32));
        let held = top as f64..(top + rows) as f64;
        let mut ink = Ink { backend, scale: OVERSAMPLING as f64, vector: false, rows: held };
        picture.marks.iter().try_for_each(|mark| ink.draw(mark)).map_err(|e| std::io::Error::other(e.to_string()))?;
        drop(ink);
        reduced_rows.extend(reduced(&drawn, width, rows));
    }
    encoded(picture.width_px, picture.height_px, png::ColorType::Rgb, None, &reduced_rows)
}

/// The picture as an SVG document.
///
/// # Errors
/// As [`png()`].
pub(super) fn svg(picture: &Picture) -> std::io::Result<String> {
    let size = [picture.width_px, picture.height_px].map(|px| px * TENTHS as u32);
    let mut text = String::new();
    let mut ink = Ink {
        backend: SVGBackend::with_string(&mut text, size.into()),
        scale: TENTHS,
        vector: true,
        rows: 0.0..picture.height_px.into(),
    };
    let other = |e: &dyn std::fmt::Display| std::io::Error::other(e.to_string());
    let paper = Frame::new(0.0, 0.0, picture.width_px.into(), picture.height_px.into());
    ink.fill(&paper.corners(), [255; 4]).map_err(|e| other(&e))?;
    let mut images = Vec::new();
    for mark in &picture.marks {
        match mark {
            // The backend cannot scale an image: a rectangle holds its place.
            Mark::Image { frame, image } => {
                ink.fill(&frame.corners(), place_holder(images.len())).map_err(|e| other(&e))?;
                images.push((frame, image));
            }
            mark => ink.draw(mark).map_err(|e| other(&e))?,
        }
    }
    ink.backend.present().map_err(|e| other(&e))?;
    drop(ink);
    let root = format!(
        "<svg width=\"{}\" height=\"{}\" viewBox=\"0 0 {} {}\" xmlns=\"http://www.w3.org/2000/svg\" \
         stroke-linejoin=\"round\">\n<title>{}</title>",
        picture.width_px,
        picture.height_px,
        size[0],
        size[1],
        printable_xml(&picture.title)
    );
    let (_, body) = text.split_once(">\n").unwrap_or(("", &text));
    let mut text = format!("{root}\n{body}");
    for (i, (frame, image)) in images.into_iter().enumerate() {
        let colour = place_holder(i);
        let mark = format!("fill=\"#{:02X}{:02X}{:02X}\"", colour[0], colour[1], colour[2]);
        let Some(at) = text.find(&mark) else { continue };
        let start = text[..at].rfind('<').unwrap_or(at);
        let end = text[at..].find("/>").map_or(at, |length| at + length + 2);
        text.replace_range(start..end, &image_element(frame, image)?);
    }
    Ok(text)
}

/// A colour that no mark has, one an image.
fn place_holder(image: usize) -> Rgba {
    [1, 2, 3 + (image % 250) as u8, 255]
}

/// The palette's image, embedded as PNG.
fn image_element(frame: &Frame, image: &IndexedImage) -> std::io::Result<String> {
    let mut palette = image.palette.clone();
    palette.resize(256, [255; 3]);
    let opacity: Vec<u8> = (0..256).map(|i| if i < image.palette.len() { 255 } else { 0 }).collect();
    let colours = Some((palette.concat(), opacity));
    let size = [image.width, image.height].map(|side| side as u32);
    let bytes = encoded(size[0], size[1], png::ColorType::Indexed, colours, &image.index)?;
    let [x, y, width, height] = [frame.left, frame.top, frame.width(), frame.height()].map(|v| (v * TENTHS).round());
    Ok(format!(
        "<image x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" preserveAspectRatio=\"none\" \
         image-rendering=\"pixelated\" href=\"data:image/png;base64,{}\"/>",
        BASE64_STANDARD.encode(bytes)
    ))
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

/// The mean of each square of drawn pixels.
fn reduced(drawn: &[u8], width: usize, height: usize) -> Vec<u8> {
    let row = 3 * width * OVERSAMPLING;
    let mut out = Vec::with_capacity(3 * width * height);
    let mut sums = vec![0u32; 3 * width];
    for rows in drawn.chunks_exact(row * OVERSAMPLING) {
        sums.fill((OVERSAMPLING * OVERSAMPLING / 2) as u32);
        for row in rows.chunks_exact(row) {
            for (sum, square) in sums.chunks_exact_mut(3).zip(row.chunks_exact(3 * OVERSAMPLING)) {
                for pixel in square.chunks_exact(3) {
                    sum.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += u32::from(*value));
                }
            }
        }
        out.extend(sums.iter().map(|sum| (sum / (OVERSAMPLING * OVERSAMPLING) as u32) as u8));
    }
    out
}

fn printable_xml(text: &str) -> String {
    printable(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::font;
    use super::super::picture::Label;
    use super::*;

    #[test]
    fn names_cannot_break_out_of_the_document() {
        let mut picture = Picture::new(100, 10);
        picture.title = "a<b".into();
        picture.label(Label::new("<script>\u{1b}&\"", [1.0, 2.0], 3.0));
        let text = svg(&picture).unwrap();
        assert!(text.contains("&lt;script&gt;·&amp;&quot;") && !text.contains("<script>"), "{text}");
        assert!(text.contains("<title>a&lt;b</title>") && text.contains("viewBox=\"0 0 1000 100\""), "{text}");
    }

    #[test]
    fn text_is_as_wide_as_the_layout_measured() {
        let label = Label::new("Leak on barrel", [20.0, 50.0], 32.0).bold();
        let measured = font::width_px(&label.text, 32.0, true);
        let mut picture = Picture::new(400, 100);
        picture.label(label);
        let decoder = png::Decoder::new(std::io::Cursor::new(png(&picture).unwrap()));
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        let dark = |x: &usize| (0..100).any(|y| pixels[(y * 400 + x) * 3] < 128);
        let (first, last) = ((0..400).find(dark).unwrap() as f64, (0..400).rfind(dark).unwrap() as f64);
        // Side bearings of the first and last letter, under a tenth of an em each, and a pixel.
        assert!((first - 20.0).abs() < 4.2 && (last - 20.0 - measured).abs() < 4.2, "{first} {last} {measured}");
    }
}
