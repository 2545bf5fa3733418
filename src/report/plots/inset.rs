//! A close look at a leak: its ellipses in millimetres, in the wall's tangent plane, and those of its neighbours.

use std::f64::consts::TAU;

use super::axes::Axes;
use super::look::{self, AXIS_PX, GREY, INK, LEAK, SMALL_PX, WHITE, faded};
use super::picture::{Align, Frame, Label, Level, Picture, Stroke};
use crate::locate::{Ellipse, Leak, REGIONS};
use crate::report::words::millimetres;
use crate::site::{Point3, Site};

/// Others are drawn beside a leak while its own ellipse keeps this share of half the frame: the marks of a whole wall lie on top of
/// each other there.
const LEAST_SHARE: f64 = 0.05;

/// A leak in the tangent plane of the first, millimetres along its `u` and `v`.
struct Seen<'t> {
    number: usize,
    at_mm: [f64; 2],
    leak: &'t Leak,
    /// What a millimetre along the leak's own `u` and `v` is there.
    turn: [[f64; 2]; 2],
}

/// Draws the 50, 90 and 95 % ellipses of the first leak in a square `frame`, and those of others close to it on its wall; `v_down` where
/// the map beside it shows `v` growing downwards.
pub(super) fn draw(picture: &mut Picture, frame: Frame, site: &Site, leaks: &[Leak], v_down: bool) {
    let Some(first) = leaks.first() else { return };
    let ellipse = first.ellipse_95;
    let major_mm = ellipse.semi_major_m * 1e3;
    let least_mm = if major_mm.is_finite() && major_mm > 0.0 { 1.5 * major_mm } else { 1.0 };
    let mut half = round_up(least_mm);
    let mut seen = vec![Seen { number: 1, at_mm: [0.0; 2], leak: first, turn: [[1.0, 0.0], [0.0, 1.0]] }];
    for other in beside(site, leaks) {
        let reach_mm = other.at_mm[0].abs().max(other.at_mm[1].abs()) + 1e3 * other.leak.ellipse_95.semi_major_m;
        let wider = round_up(least_mm.max(1.2 * reach_mm));
        if major_mm >= LEAST_SHARE * wider {
            half = half.max(wider);
            seen.push(other);
        }
    }
    let y = if v_down { [half, -half] } else { [-half, half] };
    let axes = Axes { frame, x: [-half, half], y };
    axes.grid(picture);
    seen.iter().rev().for_each(|seen| draw_regions(picture, &axes, seen));
    for Seen { number, at_mm: [u, v], .. } in seen.iter().filter(|_| seen.len() > 1) {
        let [x, y] = axes.px(*u, *v);
        let label = Label::new(number.to_string(), [x + 12.0, y - 12.0], AXIS_PX).bold().colour(LEAK).halo(WHITE);
        picture.label(label.align(Align::Start, Level::Middle));
    }
    let heading = if leaks.len() > 1 { "Leak 1: 95 % sure within" } else { "95 % sure to lie within" };
    picture.label(Label::new(heading, [frame.left, frame.top - 32.0], AXIS_PX).bold());
    let [longer, shorter] = [ellipse.semi_major_m, ellipse.semi_minor_m].map(millimetres);
    let size = format!("±{} × {shorter}; dashed 90, inner 50 %", longer.trim_end_matches(" mm"));
    let size = Label::new(size, [frame.left, frame.top - 22.0], SMALL_PX).align(Align::Start, Level::Top);
    picture.label(size.colour(GREY));
    axes.scales(picture, "along u (mm)", "along v (mm)");
}

/// The other leaks on the first one's wall, nearest first.
fn beside<'t>(site: &Site, leaks: &'t [Leak]) -> Vec<Seen<'t>> {
    let first = &leaks[0].point;
    let Some(wall) = site.walls.get(first.wall) else { return Vec::new() };
    let plane = wall.tangents(first);
    let on_plane = |way: &Point3| plane.map(|tangent| tangent.dot(way));
    let seen = |(i, leak): (usize, &'t Leak)| Seen {
        number: i + 1,
        at_mm: on_plane(&(leak.point.position_m - first.position_m)).map(|metres| metres * 1e3),
        leak,
        turn: wall.tangents(&leak.point).map(|tangent| on_plane(&tangent)),
    };
    let others = leaks.iter().enumerate().skip(1).filter(|(_, leak)| leak.point.wall == first.wall);
    let off_m = |seen: &Seen<'_>| (seen.leak.point.position_m - first.position_m).norm();
    let mut others: Vec<Seen<'t>> = others.map(seen).collect();
    others.sort_by(|x, y| off_m(x).total_cmp(&off_m(y)));
    others
}

/// The ellipses of a leak, and a cross in their middle.
fn draw_regions(picture: &mut Picture, axes: &Axes, seen: &Seen<'_>) {
    let Seen { at_mm: [u_mm, v_mm], leak: Leak { ellipse_95: ellipse, .. }, turn: [along_u, along_v], .. } = seen;
    for level in REGIONS.into_iter().rev() {
        // A Gaussian's regions are its 95 % ellipse, larger or smaller.
        let scale_mm = 1e3 * ((1.0 - level).ln() / 0.05f64.ln()).sqrt();
        let place = |[du, dv]: [f64; 2]| {
            let way = |axis: usize| (du * along_u[axis] + dv * along_v[axis]) * scale_mm;
            axes.px(u_mm + way(0), v_mm + way(1))
        };
        let rim: Vec<_> = around(ellipse).map(place).collect();
        picture.polygon(rim.clone(), Some(faded(LEAK, 0.10)), None);
        picture.line(rim.iter().chain(rim.first()).copied(), look::rim(level));
    }
    let centre = axes.px(*u_mm, *v_mm);
    let wide_px = axes.px(u_mm + 1e3 * ellipse.semi_major_m, *v_mm)[0] - centre[0];
    let r = if wide_px.is_finite() { wide_px.clamp(3.0, 9.0) } else { 9.0 };
    picture.line([[centre[0] - r, centre[1]], [centre[0] + r, centre[1]]], Stroke::new(INK, 2.0));
    picture.line([[centre[0], centre[1] - r], [centre[0], centre[1] + r]], Stroke::new(INK, 2.0));
}

/// Points of an ellipse about its centre, metres along `u` and `v`.
pub(super) fn around(ellipse: &Ellipse) -> impl Iterator<Item = [f64; 2]> + use<> {
    const COUNT: u32 = 72;
    let Ellipse { semi_major_m, semi_minor_m, angle_deg } = *ellipse;
    let (sin, cos) = angle_deg.to_radians().sin_cos();
    (0..COUNT).map(move |i| {
        let (y, x) = (TAU * f64::from(i) / f64::from(COUNT)).sin_cos();
        let (x, y) = (x * semi_major_m, y * semi_minor_m);
        [x * cos - y * sin, x * sin + y * cos]
    })
}

/// The next of 1, 1.5, 2, 3, 4, 5, 6, 8, 10, … at or above.
fn round_up(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0]
        .map(|m| m * power)
        .into_iter()
        .find(|s| *s >= value * 0.999)
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ellipse_leans_from_u_towards_v() {
        let ellipse = Ellipse { semi_major_m: 0.003, semi_minor_m: 0.001, angle_deg: 90.0 };
        let [du, dv] = around(&ellipse).next().unwrap();
        assert!(du.abs() < 1e-12 && (dv - 0.003).abs() < 1e-12);
    }

    #[test]
    fn scales_are_round() {
        assert!((round_up(4.65) - 5.0).abs() < 1e-12);
        assert!((round_up(0.16) - 0.2).abs() < 1e-12);
        assert!((round_up(10.0) - 10.0).abs() < 1e-12);
    }
}
