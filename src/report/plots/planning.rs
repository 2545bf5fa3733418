//! How well a layout will locate, and how weak a leak it will find: both over the walls laid flat.

use ndarray::Array2;

use super::colour_map::Scale;
use super::layout::laid_out;
use super::look::{self, AXIS_PX, SMALL_PX};
use super::markers::{self, Key};
use super::patch;
use super::picture::{Align, Frame, Label, Level, Picture};
use super::unroll::Unrolled;
use crate::locate::WallMap;
use crate::plan::{Options, Plan, PlanMap};
use crate::report::planning::headline;
use crate::report::words::printable;
use crate::site::{Point3, Site};

/// Room at the bottom for colour bars and legend.
const BARS_PX: f64 = 150.0;

/// Share of the cells that the error's colours reach: single corners would darken the rest.
const COLOURED: f64 = 0.98;

/// Heading, quantity, and what of a map is shown.
type Panel<'t> = (&'t str, &'t str, &'t dyn Fn(&PlanMap) -> Array2<f32>);

pub(super) fn draw(site: &Site, plan: &Plan, options: &Options) -> Picture {
    let [low, high] = plan.band_hz.map(|hz| hz / 1e3);
    let name = if site.name.is_empty() { String::new() } else { format!("{}: ", printable(&site.name)) };
    let subtitle = format!(
        "{name}{} sensors, {low:.1} to {high:.1} kHz, {:.2} s; 1 sigma; signal to noise at the median sensor. Dark is good. Round walls as seen from outside.",
        plan.sensors, options.duration_s
    );
    let title = headline(plan, options);
    let flats: Option<Vec<Unrolled>> = site.walls.iter().map(Unrolled::new).collect();
    let Some(flats) = flats else {
        return look::note(&title, "a mesh cannot be laid flat: see plan.csv for its cells");
    };
    let mut picture = look::sheet(&title, &subtitle);
    let width = (f64::from(look::WIDTH_PX) - 2.0 * look::MARGIN_PX) / 2.0;
    let error_mm = |map: &PlanMap| map.error_m.mapv(|x| x * 1e3);
    let weakest_db = |map: &PlanMap| map.weakest_db.clone();
    let panels: [Panel<'_>; 2] = [
        ("error of the place", "1 sigma along the worst direction (mm)", &error_mm),
        ("weakest leak found", "level at 1 m over the noise in one sensor (dB)", &weakest_db),
    ];
    for (column, (heading, quantity, values)) in panels.into_iter().enumerate() {
        let left = look::MARGIN_PX + column as f64 * width;
        let area =
            Frame::new(left - 10.0, look::TOP_PX + 24.0, left + width - 30.0, f64::from(look::HEIGHT_PX) - BARS_PX);
        let middle = (area.left + area.right) / 2.0 + 20.0;
        let label = Label::new(heading, [middle, look::TOP_PX + 18.0], AXIS_PX).bold();
        picture.label(label.align(Align::Middle, Level::Baseline));
        let maps: Vec<WallMap> =
            plan.maps.iter().map(|map| WallMap { wall: map.wall, response_db: values(map) }).collect();
        let range = range(&maps);
        for one in &laid_out(flats.clone(), area) {
            let map = maps.iter().find(|map| map.wall == one.wall);
            patch::draw(&mut picture, site, one, map, range, Scale::Sequential);
            let on_patch = |position_m: &Point3| {
                let foot = site.nearest(position_m);
                (foot.wall == one.wall).then(|| one.px(foot.a, foot.v_m))
            };
            for sensor in &site.sensors {
                if let Some(at) = on_patch(&sensor.position_m) {
                    markers::sensor(&mut picture, at, !sensor.disabled, false);
                }
            }
            for at in plan.added.iter().filter_map(|added| on_patch(&added.position_m)) {
                markers::candidate(&mut picture, at);
            }
        }
        let top = f64::from(look::HEIGHT_PX) - 88.0;
        let bar = Frame::new(left + 40.0, top, left + width - 80.0, top + 22.0);
        look::flat_colour_bar(&mut picture, bar, range, quantity, Scale::Sequential);
    }
    let mut rows = vec![(Key::Sensor { used: true }, "sensor, at its nearest wall point")];
    if !plan.added.is_empty() {
        rows.push((Key::Candidate, "sensor to add"));
    }
    for (i, row) in rows.into_iter().enumerate() {
        let at = [look::MARGIN_PX + 40.0 + 280.0 * i as f64, f64::from(look::HEIGHT_PX) - 18.0];
        markers::legend(&mut picture, at, SMALL_PX, &[row]);
    }
    picture
}

/// From the best cell to the worst but a few.
fn range(maps: &[WallMap]) -> [f64; 2] {
    let mut values: Vec<f64> = maps.iter().flat_map(|m| m.response_db.iter()).map(|x| f64::from(*x)).collect();
    values.retain(|x| x.is_finite());
    values.sort_by(f64::total_cmp);
    let Some(last) = values.len().checked_sub(1) else { return [0.0, 1.0] };
    let low = values[0];
    let high = values[(last as f64 * COLOURED) as usize];
    [low, high.max(low + 1e-3 * low.abs().max(1e-3))]
}
