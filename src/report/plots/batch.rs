//! All leaks of many captures on one wall, and over time.

use super::axes::Axes;
use super::colour_map;
use super::layout::{Patch, laid_out};
use super::look::{self, AXIS_PX, GREY, INK, SMALL_PX, WHITE};
use super::patch;
use super::picture::{Align, Frame, Label, Level, Picture, Rgba, Stroke};
use super::unroll::Unrolled;
use crate::site::{Point3, Site};

/// A leak of a batch: the number of its capture from 0, its place, and its level.
pub(in crate::report) type Found = (usize, [f64; 3], Option<f64>);

pub(super) fn draw(site: &Site, found: &[Found]) -> Picture {
    let captures = found.iter().map(|(capture, ..)| capture + 1).max().unwrap_or(0);
    let with = {
        let mut numbers: Vec<usize> = found.iter().map(|(capture, ..)| *capture).collect();
        numbers.dedup();
        numbers.len()
    };
    let title = match (found.len(), with) {
        (0, _) => "No leak in any capture".to_owned(),
        (1, _) => "One leak in one capture".to_owned(),
        (n, 1) => format!("{n} leaks in one capture"),
        (n, m) => format!("{n} leaks in {m} captures"),
    };
    let mut picture =
        look::sheet(&title, "Every leak found, coloured by the order of the captures, first dark, last bright.");
    let colour = |capture: usize| {
        let [r, g, b] = colour_map::colour(capture as f64 / captures.saturating_sub(1).max(1) as f64);
        [r, g, b, 255]
    };
    let flats: Option<Vec<Unrolled>> = site.walls.iter().map(Unrolled::new).collect();
    match flats {
        Some(flats) => {
            let patches = laid_out(flats, Frame::new(24.0, look::TOP_PX, 1000.0, 984.0));
            for one in &patches {
                patch::draw(&mut picture, site, one, None, [0.0, 1.0], colour_map::Scale::Sequential);
            }
            for (capture, position_m, _) in found {
                mark(&mut picture, site, &patches, *position_m, colour(*capture));
            }
        }
        None => {
            let label =
                Label::new("a mesh cannot be laid flat: see results.csv for the places", [60.0, 500.0], AXIS_PX);
            picture.label(label.colour(GREY));
        }
    }
    over_time(&mut picture, found, captures, &colour);
    picture
}

fn mark(picture: &mut Picture, site: &Site, patches: &[Patch], position_m: [f64; 3], colour: Rgba) {
    let point = site.nearest(&Point3::from(position_m));
    if let Some(patch) = patches.iter().find(|patch| patch.wall == point.wall) {
        let at = patch.px(point.a, point.v_m);
        picture.disc(at, 6.5, Some(colour), Some(Stroke::new(WHITE, 1.2)));
    }
}

/// How loud the leaks are, capture after capture.
fn over_time(picture: &mut Picture, found: &[Found], captures: usize, colour: &dyn Fn(usize) -> Rgba) {
    let levels: Vec<(usize, f64)> = found.iter().filter_map(|(c, _, level)| Some((*c, (*level)?))).collect();
    if levels.is_empty() {
        return;
    }
    let (low, high) = levels.iter().fold((f64::MAX, f64::MIN), |(low, high), (_, x)| (low.min(*x), high.max(*x)));
    let margin = 0.1 * (high - low).max(10.0);
    let frame = Frame::new(1110.0, 330.0, 1560.0, 780.0);
    let axes = Axes { frame, x: [0.0, captures as f64 + 1.0], y: [low - margin, high + margin] };
    axes.grid(picture);
    for (capture, level_db) in levels {
        let at = axes.px(capture as f64 + 1.0, level_db);
        picture.disc(at, 6.0, Some(colour(capture)), Some(Stroke::new(INK, 0.8)));
    }
    axes.scales(picture, "capture, in the order of time or of names", "level at 1 m (dB re full scale)");
    let heading = Label::new("how loud they are", [frame.left, frame.top - 18.0], SMALL_PX + 4.0).bold();
    picture.label(heading.align(Align::Start, Level::Baseline));
}
