//! What sources at known places left unexplained before and after a calibration: one dot a source and sensor.

use super::axes::{Axes, decimals, number, ticks};
use super::look::{self, AXIS_PX, BLUE, GREY, INK, LEAK, PALE, SMALL_PX, TICK_PX, faded};
use super::picture::{Align, Frame, Label, Level, Picture, Stroke};
use crate::calibrate::Calibration;
use crate::report::calibration::headline;
use crate::report::words::printable;
use crate::site::Site;

/// Sensors whose names fit below the plot.
const NAMES_MOST: usize = 24;

pub(super) fn draw(site: &Site, calibration: &Calibration) -> Picture {
    let name = if site.name.is_empty() { String::new() } else { format!("{}: ", printable(&site.name)) };
    let subtitle = format!(
        "{name}{} sources at known places. Range heard less range told, one dot a source; the mean of each source apart.",
        calibration.fits.len()
    );
    let mut picture = look::sheet(&headline(calibration), &subtitle);
    let (left, right) = (look::MARGIN_PX + 90.0, f64::from(look::WIDTH_PX) - look::MARGIN_PX - 80.0);
    let (top, bottom) = (look::TOP_PX + 40.0, f64::from(look::HEIGHT_PX) - 90.0);
    let middle = (top + bottom) / 2.0;
    let panels = [
        ("before: as the site said", 0, LEAK, Frame::new(left, top, right, middle - 60.0)),
        ("after", 1, BLUE, Frame::new(left, middle + 20.0, right, bottom)),
    ];
    let sensors: Vec<usize> = calibration.sensors.iter().map(|s| s.sensor).collect();
    for (heading, which, colour, frame) in panels {
        let all = calibration.fits.iter().flat_map(|f| f.residual_m.iter().zip(&f.counts).filter(|(_, c)| **c));
        let most_mm = all.map(|(r, _)| r[which].abs() * 1e3).fold(1e-3, f64::max) * 1.15;
        let axes = Axes { frame, x: [0.0, sensors.len() as f64], y: [-most_mm, most_mm] };
        for y in ticks(axes.y, 6) {
            let line = [[frame.left, axes.y_px(y)], [frame.right, axes.y_px(y)]];
            picture.line(line, Stroke::new(if y == 0.0 { GREY } else { PALE }, 1.0));
        }
        let count = calibration.fits.len() as f64;
        for (take, fit) in calibration.fits.iter().enumerate() {
            // Dots of one sensor stand beside each other in the order of the sources.
            let beside = 0.15 + 0.7 * (take as f64 + 0.5) / count;
            for ((sensor, residual), counts) in fit.sensors.iter().zip(&fit.residual_m).zip(&fit.counts) {
                let Ok(column) = sensors.binary_search(sensor) else { continue };
                if *counts {
                    let at = axes.px(column as f64 + beside, residual[which] * 1e3);
                    picture.disc(at, 5.0, Some(faded(colour, 0.75)), None);
                }
            }
        }
        scales(&mut picture, &axes, site, &sensors);
        let label = Label::new(heading, [frame.left, frame.top - 12.0], AXIS_PX).bold();
        picture.label(label.align(Align::Start, Level::Baseline));
        // The right-hand scale says the same as time.
        let us = |mm: f64| mm * 1e-3 / calibration.metres_per_second * 1e6;
        for y in ticks([us(-most_mm), us(most_mm)], 6) {
            let y_px = axes.y_px(y / us(1.0));
            picture.line([[frame.right, y_px], [frame.right + 6.0, y_px]], Stroke::new(INK, 1.2));
            let places = decimals(&ticks([us(-most_mm), us(most_mm)], 6));
            let text = Label::new(number(y, places), [frame.right + 11.0, y_px], TICK_PX);
            picture.label(text.align(Align::Start, Level::Middle));
        }
        let beside = [frame.right + 74.0, (frame.top + frame.bottom) / 2.0];
        picture.label(
            Label::new("residual (µs)", beside, AXIS_PX).align(Align::Middle, Level::Baseline).turned().colour(GREY),
        );
    }
    picture
}

/// Frame, names of the sensors, numbers of the left-hand scale.
fn scales(picture: &mut Picture, axes: &Axes, site: &Site, sensors: &[usize]) {
    let frame = axes.frame;
    picture.rectangle(frame, None, Some(Stroke::new(INK, 1.2)));
    let marks = ticks(axes.y, 6);
    let places = decimals(&marks);
    for y in marks {
        let y_px = axes.y_px(y);
        picture.line([[frame.left - 6.0, y_px], [frame.left, y_px]], Stroke::new(INK, 1.2));
        let text = Label::new(number(y, places), [frame.left - 11.0, y_px], TICK_PX);
        picture.label(text.align(Align::End, Level::Middle));
    }
    let beside = [frame.left - 80.0, (frame.top + frame.bottom) / 2.0];
    let name = Label::new("residual (mm)", beside, AXIS_PX).align(Align::Middle, Level::Baseline);
    picture.label(name.turned().colour(GREY));
    let every = sensors.len().div_ceil(NAMES_MOST);
    for (column, &sensor) in sensors.iter().enumerate() {
        let edge = axes.x_px(column as f64);
        picture.line([[edge, frame.top], [edge, frame.bottom]], Stroke::new(PALE, 1.0));
        if column % every == 0 {
            let at = [axes.x_px(column as f64 + 0.5), frame.bottom + 11.0];
            let id: String = printable(&site.sensors[sensor].id).chars().take(10).collect();
            picture.label(Label::new(id, at, SMALL_PX).align(Align::Middle, Level::Top));
        }
    }
}
