//! What changed between two captures: both maps on one scale, and their difference.

use ndarray::Zip;

use super::colour_map::Scale;
use super::layout::{Patch, laid_out};
use super::look::{self, AXIS_PX, GREY, SMALL_PX};
use super::markers::{self, Key};
use super::patch;
use super::picture::{Align, Frame, Label, Level, Picture};
use super::unroll::Unrolled;
use crate::locate::WallMap;
use crate::report::comparison::{Comparison, Finding};
use crate::report::words::shortened;
use crate::site::WallPoint;

/// The scale reaches this far below the loudest place of either, decibels, at most.
const REACH_DB: f64 = 30.0;

/// The difference's scale reaches at least this far to either side, decibels.
const LEAST_DB: f64 = 3.0;

/// Room at the bottom for colour bars.
const BARS_PX: f64 = 150.0;

pub(super) fn draw(comparison: &Comparison) -> Picture {
    let Comparison { a, b, .. } = comparison;
    let subtitle = "steered response on the wall, A and B on one scale, and how many decibels louder B is";
    let mut picture = look::sheet(&comparison.headline(), subtitle);
    let flats: Option<Vec<Unrolled>> = a.site.walls.iter().map(Unrolled::new).collect();
    let Some(flats) = flats else {
        return look::note(&comparison.headline(), "a mesh cannot be laid flat: see compare.json for what changed");
    };
    let difference: Vec<WallMap> = a.maps.iter().filter_map(|map| less(b, map)).collect();
    let (range, spread) = (common_range(a, b), [-1.0, 1.0].map(|sign| sign * largest(&difference)));
    let width = (f64::from(look::WIDTH_PX) - 2.0 * look::MARGIN_PX) / 3.0;
    let panel = |column: usize| {
        let left = look::MARGIN_PX + column as f64 * width;
        Frame::new(left - 20.0, look::TOP_PX + 20.0, left + width - 20.0, f64::from(look::HEIGHT_PX) - BARS_PX)
    };
    let places = |finding: &Finding| finding.places().copied().collect::<Vec<_>>();
    let panels = [
        (format!("A  {}", shortened(&a.name, 36)), &a.maps, range, Scale::Sequential, places(a), vec![]),
        (format!("B  {}", shortened(&b.name, 36)), &b.maps, range, Scale::Sequential, places(b), vec![]),
        ("B less A".to_owned(), &difference, spread, Scale::Diverging, places(b), places(a)),
    ];
    for (column, (heading, maps, range_db, scale, leaks, before)) in panels.into_iter().enumerate() {
        let area = panel(column);
        let middle = (area.left + area.right) / 2.0 + 20.0;
        let label = Label::new(heading, [middle, look::TOP_PX + 18.0], AXIS_PX).bold();
        picture.label(label.align(Align::Middle, Level::Baseline));
        for one in &laid_out(flats.clone(), area) {
            let map = maps.iter().find(|map| map.wall == one.wall);
            patch::draw(&mut picture, &a.site, one, map, range_db, scale);
            mark(&mut picture, one, &before, markers::candidate);
            mark(&mut picture, one, &leaks, |picture, at| markers::leak(picture, at, 11.0));
        }
    }
    bars(&mut picture, range, spread, width);
    picture
}

fn bars(picture: &mut Picture, range: [f64; 2], spread: [f64; 2], width: f64) {
    let top = f64::from(look::HEIGHT_PX) - 82.0;
    let bar = |left: f64, width: f64| Frame::new(left, top, left + width, top + 22.0);
    let left = look::MARGIN_PX + 60.0;
    look::flat_colour_bar(
        picture,
        bar(left, 2.0 * width - 160.0),
        range,
        "steered power (dB re full scale)",
        Scale::Sequential,
    );
    let left = look::MARGIN_PX + 2.0 * width + 30.0;
    look::flat_colour_bar(picture, bar(left, width - 90.0), spread, "B less A (dB)", Scale::Diverging);
    let rows = [(Key::Leak, "leak"), (Key::Candidate, "leak of A, on B less A")];
    for (i, row) in rows.into_iter().enumerate() {
        markers::legend(
            picture,
            [look::MARGIN_PX + 60.0 + 120.0 * i as f64, f64::from(look::HEIGHT_PX) - 18.0],
            SMALL_PX,
            &[row],
        );
    }
    let text = "A difference on a quiet wall is chance; the words beside this plot say what is significant.";
    let at = [f64::from(look::WIDTH_PX) - look::MARGIN_PX, f64::from(look::HEIGHT_PX) - 13.0];
    picture.label(Label::new(text, at, SMALL_PX).colour(GREY).align(Align::End, Level::Baseline));
}

fn mark(picture: &mut Picture, patch: &Patch, places: &[WallPoint], draw: impl Fn(&mut Picture, [f64; 2])) {
    for place in places.iter().filter(|place| place.wall == patch.wall) {
        draw(picture, patch.px(place.a, place.v_m));
    }
}

/// What B has more than A on a wall; nothing where B has no map of it, or one of other cells.
fn less(b: &Finding, a: &WallMap) -> Option<WallMap> {
    let b = b.maps.iter().find(|map| map.wall == a.wall && map.response_db.dim() == a.response_db.dim())?;
    Some(WallMap { wall: a.wall, response_db: Zip::from(&b.response_db).and(&a.response_db).map_collect(|b, a| b - a) })
}

fn common_range(a: &Finding, b: &Finding) -> [f64; 2] {
    let ranges: Vec<[f64; 2]> = [a, b].iter().map(|finding| patch::range_db(&finding.maps)).collect();
    let top = ranges[0][1].max(ranges[1][1]);
    [ranges[0][0].min(ranges[1][0]).max(top - REACH_DB), top]
}

/// The largest difference that is not one of the last hundredth, decibels, rounded up.
fn largest(difference: &[WallMap]) -> f64 {
    let mut values: Vec<f64> =
        difference.iter().flat_map(|map| map.response_db.iter()).map(|db| f64::from(db.abs())).collect();
    values.retain(|db| db.is_finite());
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1) * 999 / 1000;
    values.get(last).map_or(LEAST_DB, |db| db.ceil().clamp(LEAST_DB, REACH_DB))
}
