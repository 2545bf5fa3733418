//! One wall laid flat: its response in colour, its edge, its scales in metres and degrees.

use super::axes::{decimals, number, ticks};
use super::colour_map::{self, Scale};
use super::font;
use super::layout::{Patch, ROOM};
use super::look::{self, AXIS_PX, GREY, INK, PALE, SMALL_PX, TICK_PX, WHITE, faded};
use super::picture::{Align, Frame, Label, Level, Picture, Stroke};
use super::unroll::{sampled, side, steps};
use crate::locate::WallMap;
use crate::report::words::shortened;
use crate::site::{Chart, Site};

/// Draws the wall with the response between `range_db`, or plain grey where there is no map of it.
pub(super) fn draw(
    picture: &mut Picture,
    site: &Site,
    patch: &Patch,
    map: Option<&WallMap>,
    range_db: [f64; 2],
    scale: Scale,
) {
    let chart = patch.flat.chart();
    match map {
        Some(map) => {
            let Frame { left, top, .. } = patch.frame;
            let (width, height) = (patch.frame.width().ceil().max(1.0), patch.frame.height().ceil().max(1.0));
            let image = colour_map::scaled(scale, [width as usize, height as usize], |x, y| {
                match patch.chart_at([left + x as f64 + 0.5, top + y as f64 + 0.5]) {
                    Some((a, v)) => (sampled(map, &chart, a, v) - range_db[0]) / (range_db[1] - range_db[0]),
                    None => f64::NAN,
                }
            });
            picture.image(Frame::new(left, top, left + width, top + height), image);
        }
        None => {
            for outline in edges(patch) {
                picture.polygon(outline, Some(PALE), None);
            }
        }
    }
    graticule(picture, site, patch);
    for outline in edges(patch) {
        // The line also hides the steps of the image at slanting edges.
        picture.polygon(outline, None, Some(Stroke::new(INK, 1.8)));
    }
    heading(picture, site, patch);
}

fn edges(patch: &Patch) -> Vec<Vec<[f64; 2]>> {
    let [[x0, _], [y0, _]] = patch.flat.bounds();
    let to_sheet = |[x, y]: [f64; 2]| {
        [patch.frame.left + (x - x0) * patch.px_per_m, patch.frame.bottom - (y - y0) * patch.px_per_m]
    };
    patch.flat.outlines().into_iter().map(|line| line.into_iter().map(to_sheet).collect()).collect()
}

/// Name and side, above the scales.
fn heading(picture: &mut Picture, site: &Site, patch: &Patch) {
    let wall = &site.walls[patch.wall];
    let room = patch.frame.width().max(150.0) + 30.0;
    let middle = (patch.frame.left + patch.frame.right) / 2.0;
    let left = patch.frame.left.min(middle - 90.0);
    let top = patch.frame.top - ROOM.top;
    let id = font::cut_to(&shortened(&wall.id, 60), AXIS_PX, room, true);
    let beside = left + font::width_px(&id, AXIS_PX, true) + 10.0;
    picture.label(Label::new(id, [left, top + 16.0], AXIS_PX).bold());
    let text = side(site, wall);
    let fits = beside + font::width_px(text, SMALL_PX, false) < left + room;
    let at = if fits { [beside, top + 16.0] } else { [left, top + 35.0] };
    let text = font::cut_to(text, SMALL_PX, room + 20.0, false);
    picture.label(Label::new(text, at, SMALL_PX).colour(GREY));
}

/// Lines of equal angle and equal `v`, faint, with their values at the edge.
fn graticule(picture: &mut Picture, site: &Site, patch: &Patch) {
    let chart = patch.flat.chart();
    let faint = Stroke::new(faded(WHITE, 0.28), 1.0);
    for v in v_ticks(patch, &chart) {
        picture.line(steps(chart.a).map(|a| patch.px(a, v)), faint);
    }
    let angles = angle_ticks(site, patch, &chart);
    // A plate has no angles, but straight metres along u.
    let across = if site.walls[patch.wall].kind == "plate" { u_ticks(patch, &chart, 1.0) } else { angles };
    for a in across {
        picture.line(steps(chart.v_m).map(|v| patch.px(a, v)), faint);
    }
    scale_v(picture, patch, &chart);
    scale_angle(picture, site, patch, &chart);
    if let Some(m_per_a) = patch.flat.straight_m_per_a() {
        scale_u(picture, patch, &chart, m_per_a);
    }
}

fn v_ticks(patch: &Patch, chart: &Chart) -> Vec<f64> {
    let length_px = (chart.v_m[1] - chart.v_m[0]) * patch.px_per_m;
    ticks(chart.v_m, (length_px / 40.0).max(1.0) as usize)
}

/// Angles, radians, at round degrees far enough apart; none on a plate.
fn angle_ticks(site: &Site, patch: &Patch, chart: &Chart) -> Vec<f64> {
    let wall = &site.walls[patch.wall];
    if wall.angle_deg(0.0).is_none() {
        return Vec::new();
    }
    let px_per_deg = wall.widest(chart.v_m) * patch.px_per_m * 1f64.to_radians();
    let step = [10, 15, 30, 45, 90].into_iter().find(|s| f64::from(*s) * px_per_deg >= 52.0).unwrap_or(90);
    let [low, high] = chart.a.map(|a| a.to_degrees());
    let (first, last) = ((low - 1e-6).div_euclid(f64::from(step)) as i32 + 1, (high + 1e-6) as i32);
    // A full ring would show its seam twice, at one place.
    let seam_again = |deg: i32| patch.flat.is_disc() && chart.closed && f64::from(deg) > low + 359.9;
    (first..)
        .map(|i| i * step)
        .take_while(|deg| *deg <= last)
        .filter(|deg| !seam_again(*deg))
        .map(|deg| f64::from(deg).to_radians())
        .collect()
}

/// Degrees: above a cylinder, around a disc, along a cone's wider end, along a sphere's widest parallel.
fn scale_angle(picture: &mut Picture, site: &Site, patch: &Patch, chart: &Chart) {
    let wall = &site.walls[patch.wall];
    let [v0, v1] = chart.v_m;
    let straight = patch.flat.straight_m_per_a().is_some();
    let wider_end = if wall.metres_per_a(v1) >= wall.metres_per_a(v0) || straight { v1 } else { v0 };
    let sphere = wall.kind == "sphere";
    let at_v = if sphere { widest_parallel(wall, [v0, v1]) } else { wider_end };
    for a in angle_ticks(site, patch, chart) {
        // A sphere's ends are sharp: a number there would hang half over the edge.
        if sphere && chart.a.iter().any(|end| (a - end).abs() < 1e-6) {
            continue;
        }
        let text = format!("{:.0}°", a.to_degrees());
        let here = patch.px(a, at_v);
        if sphere {
            let label = Label::new(text, [here[0], here[1] - 6.0], SMALL_PX).halo(faded(INK, 0.55)).colour(WHITE);
            picture.label(label.align(Align::Middle, Level::Baseline));
            continue;
        }
        let inner = patch.px(a, if at_v == v1 { v1 - 1e-3 } else { v0 + 1e-3 });
        let [dx, dy] = direction(inner, here);
        picture.line([here, [here[0] + 5.0 * dx, here[1] + 5.0 * dy]], Stroke::new(INK, 1.2));
        // The label's middle is pushed out by its own half extent along the way.
        let half = font::width_px(&text, SMALL_PX, false) / 2.0;
        let reach = 10.0 + half * dx.abs() + 6.0 * dy.abs();
        let at = [here[0] + reach * dx, here[1] + reach * dy];
        picture.label(Label::new(text, at, SMALL_PX).align(Align::Middle, Level::Middle).colour(GREY));
    }
}

fn widest_parallel(wall: &crate::site::Wall, v_m: [f64; 2]) -> f64 {
    let width = |v: &f64| wall.metres_per_a(*v);
    steps(v_m).max_by(|a, b| width(a).total_cmp(&width(b))).unwrap_or(v_m[0])
}

/// Metres of `v`: along the left edge, or along the bottom from a full disc's middle.
fn scale_v(picture: &mut Picture, patch: &Patch, chart: &Chart) {
    let marks = v_ticks(patch, chart);
    let places = decimals(&marks);
    if patch.flat.is_disc() {
        let y = patch.frame.bottom + 38.0;
        let x_px = |v: f64| patch.px(0.0, v)[0];
        picture.line([[x_px(0.0), y], [x_px(chart.v_m[1]), y]], Stroke::new(INK, 1.2));
        for v in &marks {
            picture.line([[x_px(*v), y], [x_px(*v), y + 5.0]], Stroke::new(INK, 1.2));
            let label = Label::new(number(*v, places), [x_px(*v), y + 9.0], SMALL_PX);
            picture.label(label.align(Align::Middle, Level::Top));
        }
        let name = Label::new("v (m)", [x_px(0.0) - 18.0, y], SMALL_PX);
        picture.label(name.align(Align::End, Level::Middle).colour(GREY));
        return;
    }
    let mut widest = 0.0f64;
    for v in &marks {
        let here = patch.px(chart.a[0], *v);
        let [dx, dy] = direction(patch.px(chart.a[0] + 1e-3, *v), here);
        // At a pole all directions are one point.
        let [dx, dy] = if dx.hypot(dy) > 0.5 { [dx, dy] } else { [-1.0, 0.0] };
        picture.line([here, [here[0] + 6.0 * dx, here[1] + 6.0 * dy]], Stroke::new(INK, 1.2));
        let text = number(*v, places);
        widest = widest.max(font::width_px(&text, TICK_PX, false));
        let at = [here[0] + 11.0 * dx, here[1] + 11.0 * dy];
        let align = if dx < -0.3 { Align::End } else { Align::Middle };
        picture.label(Label::new(text, at, TICK_PX).align(align, Level::Middle));
    }
    let x = patch.frame.left - 22.0 - widest;
    let y = (patch.frame.top + patch.frame.bottom) / 2.0;
    picture.label(Label::new("v (m)", [x, y], AXIS_PX).align(Align::Middle, Level::Baseline).turned().colour(GREY));
}

fn u_ticks(patch: &Patch, chart: &Chart, m_per_a: f64) -> Vec<f64> {
    ticks(chart.a.map(|a| a * m_per_a), (patch.frame.width() / 70.0).max(1.0) as usize)
}

/// Metres of `u` along the bottom.
fn scale_u(picture: &mut Picture, patch: &Patch, chart: &Chart, m_per_a: f64) {
    let marks = u_ticks(patch, chart, m_per_a);
    let places = decimals(&marks);
    let y = patch.frame.bottom;
    for u in &marks {
        let x = patch.px(u / m_per_a, chart.v_m[0])[0];
        picture.line([[x, y], [x, y + 6.0]], Stroke::new(INK, 1.2));
        picture.label(Label::new(number(*u, places), [x, y + 11.0], TICK_PX).align(Align::Middle, Level::Top));
    }
    let middle = [(patch.frame.left + patch.frame.right) / 2.0, y + 34.0];
    picture.label(Label::new("u (m)", middle, AXIS_PX).align(Align::Middle, Level::Top).colour(GREY));
}

fn direction(from: [f64; 2], to: [f64; 2]) -> [f64; 2] {
    let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
    let length = dx.hypot(dy);
    if length > 1e-9 { [dx / length, dy / length] } else { [0.0, 0.0] }
}

/// The response's range: from its quiet level to the peak, 1 to 12 dB, the lower end on a half decibel.
pub(super) fn range_db(maps: &[WallMap]) -> [f64; 2] {
    let mut values: Vec<f64> =
        maps.iter().flat_map(|m| m.response_db.iter()).map(|v| f64::from(*v)).filter(|v| v.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    let Some(top) = values.last() else { return [-12.0, 0.0] };
    let low = values[values.len() / 20].clamp(top - 12.0, top - 1.0);
    [(low * 2.0).floor() / 2.0, *top]
}

/// The colour bar for maps.
pub(super) fn colour_bar(picture: &mut Picture, frame: Frame, range_db: [f64; 2]) {
    look::colour_bar(picture, frame, range_db, "steered response (dB re peak)");
}
