//! How fast are the wall's waves, and how long, over the band?

use super::axes::Axes;
use super::look::{self, BLUE, GREY, INK, LEAK, TICK_PX};
use super::picture::{Align, Frame, Label, Level, Picture, Rgba, Stroke};
use crate::propagation::Medium;
use crate::report::dispersion::{FINE_ROWS, name, rows};
use crate::report::words::printable;

/// One colour a wave, the first that of the site.
const WAVES: [Rgba; 2] = [BLUE, LEAK];

pub(super) fn draw(site_name: &str, media: &[Medium], band_hz: [f64; 2]) -> Picture {
    let rows = rows(media, band_hz, FINE_ROWS);
    let middle = &rows[rows.len() / 2];
    let [_, group, length_m] = middle.1[0];
    let title = format!(
        "{} travels at {group:.0} m/s at {:.0} kHz, {:.1} mm long",
        name(&media[0]),
        middle.0 * 1e-3,
        length_m * 1e3
    );
    let subtitle = format!(
        "{}. Full lines: group speed, which travel times follow. Dashed: phase speed, which steering follows.",
        printable(site_name)
    );
    let mut picture = look::sheet(&title, &subtitle);
    let x = band_hz.map(|hz| hz * 1e-3);
    let over = |which: usize| {
        let values = rows.iter().flat_map(|(_, waves)| waves.iter().map(move |wave| wave[which]));
        values.fold(0.0, f64::max)
    };
    let speeds = Frame::new(128.0, look::TOP_PX, 1564.0, 590.0);
    let lengths = Frame::new(128.0, 690.0, 1564.0, 920.0);
    let speeds = Axes { frame: speeds, x, y: [0.0, 1.12 * over(0).max(over(1)) * 1e-3] };
    let lengths = Axes { frame: lengths, x, y: [0.0, 1.08 * over(2) * 1e3] };
    for axes in [&speeds, &lengths] {
        axes.grid(&mut picture);
    }
    for (i, medium) in media.iter().enumerate() {
        let colour = WAVES[i % WAVES.len()];
        let line = |which: usize, scale: f64| rows.iter().map(move |(hz, waves)| [hz * 1e-3, waves[i][which] * scale]);
        speeds.curve(&mut picture, line(0, 1e-3), Stroke { dash_px: Some([8.0, 6.0]), ..Stroke::new(colour, 2.0) });
        speeds.curve(&mut picture, line(1, 1e-3), Stroke::new(colour, 3.0));
        lengths.curve(&mut picture, line(2, 1e3), Stroke::new(colour, 3.0));
        // Names stand at the right end, above their group curve.
        let at = speeds.px(x[1], rows[rows.len() - 1].1[i][1] * 1e-3);
        let label = Label::new(name(medium), [at[0] - 14.0, at[1] + 22.0], 1.3 * TICK_PX).bold().colour(colour);
        picture.label(label.align(Align::End, Level::Middle).halo(look::WHITE));
    }
    speeds.scales(&mut picture, "", "speed (km/s)");
    lengths.scales(&mut picture, "frequency (kHz)", "wavelength (mm)");
    for (text, dash_px, y) in [("group speed", None, -50.0), ("phase speed", Some([8.0, 6.0]), -24.0)] {
        let [left, y] = [speeds.frame.right - 180.0, speeds.frame.bottom + y];
        picture.line([[left, y], [left + 46.0, y]], Stroke { dash_px, ..Stroke::new(INK, 2.0) });
        picture.label(Label::new(text, [left + 56.0, y], TICK_PX).align(Align::Start, Level::Middle).colour(GREY));
    }
    picture
}
