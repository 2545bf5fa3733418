//! A picture as SVG: text stays text, maps are embedded images.

use std::fmt::{Display, Write};

use super::font;
use super::picture::{Align, Frame, IndexedImage, Label, Mark, Picture, Rgba, Stroke};
use super::raster::{halo_width_px, indexed_png};

/// The picture as an SVG document.
///
/// # Errors
/// As [`super::raster::png`].
pub(super) fn svg(picture: &Picture) -> std::io::Result<String> {
    let (width, height) = (picture.width_px, picture.height_px);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"{}\" stroke-linejoin=\"round\">\n<title>{}</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n",
        font::FAMILY,
        Escaped(&picture.title),
    );
    for mark in &picture.marks {
        match mark {
            Mark::Path { points, closed, fill, stroke } => {
                out.push_str("<path d=\"");
                for (i, [x, y]) in points.iter().enumerate() {
                    let command = if i == 0 { 'M' } else { 'L' };
                    put(&mut out, format_args!("{command}{} {}", Px(*x), Px(*y)));
                }
                out.push_str(if *closed { "Z\"" } else { "\"" });
                put_paint(&mut out, *fill, *stroke);
                out.push_str("/>\n");
            }
            Mark::Disc { centre: [x, y], radius_px, fill, stroke } => {
                put(&mut out, format_args!("<circle cx=\"{}\" cy=\"{}\" r=\"{}\"", Px(*x), Px(*y), Px(*radius_px)));
                put_paint(&mut out, *fill, *stroke);
                out.push_str("/>\n");
            }
            Mark::Label(label) => put_label(&mut out, label),
            Mark::Image { frame, image } => put_image(&mut out, frame, image)?,
        }
    }
    out.push_str("</svg>\n");
    Ok(out)
}

fn put(out: &mut String, text: impl Display) {
    write!(out, "{text}").expect("a string takes all that fits in memory");
}

/// A length to hundredths of a pixel, without trailing zeros.
struct Px(f64);

impl Display for Px {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Adding zero turns -0 into 0.
        write!(f, "{}", (self.0 * 100.0).round() / 100.0 + 0.0)
    }
}

struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '&' => f.write_str("&amp;"),
            '"' => f.write_str("&quot;"),
            // XML knows no control characters, not even escaped ones.
            c if c.is_control() => f.write_char('·'),
            c => f.write_char(c),
        })
    }
}

fn put_colour(out: &mut String, property: &str, [r, g, b, a]: Rgba) {
    put(out, format_args!(" {property}=\"#{r:02x}{g:02x}{b:02x}\""));
    if a < 255 {
        put(out, format_args!(" {property}-opacity=\"{:.3}\"", f64::from(a) / 255.0));
    }
}

fn put_paint(out: &mut String, fill: Option<Rgba>, stroke: Option<Stroke>) {
    match fill {
        Some(colour) => put_colour(out, "fill", colour),
        None => out.push_str(" fill=\"none\""),
    }
    if let Some(stroke) = stroke {
        put_colour(out, "stroke", stroke.colour);
        put(out, format_args!(" stroke-width=\"{}\"", Px(stroke.width_px)));
        if let Some([dash, gap]) = stroke.dash_px {
            put(out, format_args!(" stroke-dasharray=\"{} {}\"", Px(dash), Px(gap)));
        }
    }
}

fn put_label(out: &mut String, label: &Label) {
    let [x, y] = label.at;
    let baseline = label.level.baseline_px(label.size_px);
    let (x, y) = if label.turned { (x + baseline, y) } else { (x, y + baseline) };
    put(out, format_args!("<text x=\"{}\" y=\"{}\" font-size=\"{}\"", Px(x), Px(y), Px(label.size_px)));
    match label.align {
        Align::Start => {}
        Align::Middle => out.push_str(" text-anchor=\"middle\""),
        Align::End => out.push_str(" text-anchor=\"end\""),
    }
    if label.bold {
        out.push_str(" font-weight=\"bold\"");
    }
    if label.turned {
        put(out, format_args!(" transform=\"rotate(-90 {} {})\"", Px(x), Px(y)));
    }
    put_colour(out, "fill", label.colour);
    if let Some(halo) = label.halo {
        put_colour(out, "stroke", halo);
        let width = Px(halo_width_px(label.size_px));
        put(out, format_args!(" stroke-width=\"{width}\" paint-order=\"stroke\""));
    }
    put(out, format_args!(">{}</text>\n", Escaped(&label.text)));
}

fn put_image(out: &mut String, frame: &Frame, image: &IndexedImage) -> std::io::Result<()> {
    put(
        out,
        format_args!(
            "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" \
             href=\"data:image/png;base64,",
            Px(frame.left),
            Px(frame.top),
            Px(frame.width()),
            Px(frame.height()),
        ),
    );
    put_base64(out, &indexed_png(image)?);
    out.push_str("\"/>\n");
    Ok(())
}

/// RFC 4648, section 4.
fn put_base64(out: &mut String, bytes: &[u8]) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    out.reserve(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().chain([0; 2].iter()).take(3).fold(0, |sum, b| sum << 8 | usize::from(*b));
        for i in 0..4 {
            let sextet = group >> (18 - 6 * i) & 63;
            out.push(if i <= chunk.len() { char::from(ALPHABET[sextet]) } else { '=' });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_agrees_with_rfc_4648_section_10() {
        let vectors = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")];
        for (plain, expected) in vectors.into_iter().chain([("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy")]) {
            let mut out = String::new();
            put_base64(&mut out, plain.as_bytes());
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn names_cannot_break_out_of_the_document() {
        let mut picture = Picture::new(10, 10);
        picture.label(Label::new("<script>\u{1b}&\"", [1.0, 2.0], 3.0));
        let text = svg(&picture).unwrap();
        assert!(text.contains("&lt;script&gt;·&amp;&quot;") && !text.contains("<script>"), "{text}");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(Px(1.0 / 3.0).to_string(), "0.33");
        assert_eq!(Px(-0.001).to_string(), "0");
        assert_eq!(Px(12.0).to_string(), "12");
    }
}
