//! Wall patches of a site file, and places given in a wall's own coordinates.

use std::ops::RangeInclusive;

use super::table::{Table, nearest};
use super::{Chart, Mesh, Point3, Wall, WallPoint};
use crate::error::Result;

/// Coordinates accepted anywhere, metres: far beyond any module, and small enough to keep 1e-9 m of precision.
pub(crate) const COORDINATE_M: RangeInclusive<f64> = -1e5..=1e5;
/// Lengths accepted, metres.
const SIZE_M: RangeInclusive<f64> = 1e-6..=1e5;
/// How far plate axes may be from unit length and from a right angle: what seven printed digits leave.
const AXIS_TOLERANCE: f64 = 1e-6;
/// A place so little beyond the edge of a wall, metres, is on the edge.
const EDGE_M: f64 = 1e-6;

/// The wall of one `[[wall]]` table whose id is taken already.
pub(super) fn read_wall(mut table: Table, id: &str) -> Result<Wall> {
    let t = &mut table;
    let wall = match t.choice("shape", &["plate", "disc", "cylinder", "cone", "sphere", "mesh"])? {
        "plate" => {
            let origin_m = point(t, "origin_m")?;
            let (u_axis, v_axis) = plate_axes(t)?;
            Wall::plate(id, origin_m, u_axis, v_axis, t.array("size_m", SIZE_M)?)
        }
        "disc" => {
            let centre_m = point(t, "centre_m")?;
            let (normal, seam) = frame(t, "normal")?;
            let radius_m = t.f64("radius_m", SIZE_M)?;
            let inner_m = t.opt_f64("inner_radius_m", 0.0..=*SIZE_M.end())?.unwrap_or(0.0);
            if inner_m >= radius_m {
                let what = format!("'inner_radius_m' is {inner_m}; needed: less than radius_m = {radius_m}");
                return Err(t.error_of("inner_radius_m", what));
            }
            Wall::disc(id, centre_m, normal, seam, [inner_m, radius_m], arc_rad(t)?)
        }
        "cylinder" => {
            let base_m = point(t, "base_m")?;
            let (axis, seam) = frame(t, "axis")?;
            let size_m = [t.f64("radius_m", SIZE_M)?, t.f64("length_m", SIZE_M)?];
            Wall::cylinder(id, base_m, axis, seam, size_m, arc_rad(t)?)
        }
        "cone" => {
            let base_m = point(t, "base_m")?;
            let (axis, seam) = frame(t, "axis")?;
            let [r_base_m, r_top_m] = t.array("radius_m", 0.0..=*SIZE_M.end())?;
            if r_base_m.max(r_top_m) < *SIZE_M.start() {
                return Err(t.error_of("radius_m", "'radius_m' is zero at both ends; needed: [r_base, r_top]"));
            }
            let length_m = t.f64("length_m", SIZE_M)?;
            Wall::cone(id, base_m, axis, seam, [r_base_m, r_top_m, length_m], arc_rad(t)?)
        }
        "sphere" => {
            let centre_m = point(t, "centre_m")?;
            let (axis, seam) = frame(t, "axis")?;
            let radius_m = t.f64("radius_m", SIZE_M)?;
            let polar_rad = angles(t, "polar_deg", [0.0, 180.0], 0.0..=180.0)?;
            Wall::sphere(id, centre_m, axis, seam, radius_m, polar_rad, arc_rad(t)?)
        }
        _ => {
            let scale_m = t.opt_f64("scale_m", 1e-9..=1e6)?.unwrap_or(1.0);
            let file = t.string("file")?;
            let path = t.beside(file);
            let mesh = Mesh::read(&path, scale_m).map_err(|e| t.error_of("file", e))?;
            Wall::from_mesh(id, mesh)
        }
    };
    table.finish()?;
    Ok(wall)
}

fn point(table: &mut Table, key: &'static str) -> Result<Point3> {
    Ok(Point3::from(table.array::<3>(key, COORDINATE_M)?))
}

fn direction(table: &mut Table, key: &'static str) -> Result<Point3> {
    let given = point(table, key)?;
    // Below this length the coordinates are all but zero, and the direction is rounding.
    if given.norm() < 1e-9 {
        return Err(table.error_of(key, format!("'{key}' has no direction; needed: three numbers not all zero")));
    }
    Ok(given.normalize())
}

/// An axis and the direction of the seam, which must differ.
fn frame(table: &mut Table, axis_key: &'static str) -> Result<(Point3, Point3)> {
    let axis = direction(table, axis_key)?;
    let seam = direction(table, "seam")?;
    if axis.cross(&seam).norm() < AXIS_TOLERANCE {
        let what = format!("'seam' is parallel to '{axis_key}'; needed: a direction away from it, towards u = 0");
        return Err(table.error_of("seam", what));
    }
    Ok((axis, seam))
}

/// The two axes of a plate; unlike the others they are stated to be unit vectors, so a slip in them is a slip in size.
fn plate_axes(table: &mut Table) -> Result<(Point3, Point3)> {
    let mut axes = [Point3::zeros(); 2];
    for (axis, key) in axes.iter_mut().zip(["u_axis", "v_axis"]) {
        *axis = point(table, key)?;
        let length = axis.norm();
        if (length - 1.0).abs() > AXIS_TOLERANCE {
            return Err(table.error_of(key, format!("'{key}' is {length} long; needed: a unit vector")));
        }
    }
    let [u_axis, v_axis] = axes;
    let cosine = u_axis.dot(&v_axis);
    if cosine.abs() > AXIS_TOLERANCE {
        let angle_deg = cosine.clamp(-1.0, 1.0).acos().to_degrees();
        let what = format!("'u_axis' and 'v_axis' are {angle_deg} degrees apart; needed: a right angle");
        return Err(table.error_of("v_axis", what));
    }
    let u_axis = u_axis.normalize();
    Ok((u_axis, (v_axis - u_axis * u_axis.dot(&v_axis)).normalize()))
}

fn arc_rad(table: &mut Table) -> Result<[f64; 2]> {
    angles(table, "arc_deg", [0.0, 360.0], -720.0..=720.0)
}

fn angles(
    table: &mut Table,
    key: &'static str,
    default_deg: [f64; 2],
    range_deg: RangeInclusive<f64>,
) -> Result<[f64; 2]> {
    let [from, to] = table.opt_array(key, range_deg)?.unwrap_or(default_deg);
    if from >= to || to - from > 360.0 {
        let what = format!("'{key}' runs from {from} to {to}; needed: [from, to], upwards and at most 360 apart");
        return Err(table.error_of(key, what));
    }
    Ok([from.to_radians(), to.to_radians()])
}

/// Index of the thing called `name`, of which `key` speaks.
pub(super) fn by_id<'i>(
    table: &Table,
    key: &'static str,
    name: &str,
    ids: impl Iterator<Item = &'i str> + Clone,
) -> Result<usize> {
    ids.clone().position(|id| id == name).ok_or_else(|| {
        let hint = nearest(name, ids.clone()).map_or(String::new(), |n| format!("did you mean '{n}'? "));
        let known: Vec<_> = ids.collect();
        table.error_of(key, format!("no {key} is called '{name}'; {hint}known: {}", known.join(", ")))
    })
}

/// The place that `wall`, `u_m` and `v_m` give, if `wall` stands in the table.
pub(crate) fn place_on_wall(table: &mut Table, walls: &[Wall]) -> Result<Option<WallPoint>> {
    let (u_m, v_m) = (table.opt_f64("u_m", COORDINATE_M)?, table.opt_f64("v_m", COORDINATE_M)?);
    let Some(name) = table.opt_string("wall")? else {
        return match u_m.or(v_m) {
            Some(_) => Err(table.error("'u_m' and 'v_m' are measured along a wall; needed: wall = its id")),
            None => Ok(None),
        };
    };
    let index = by_id(table, "wall", name, walls.iter().map(|w| w.id.as_str()))?;
    let (Some(u_m), Some(v_m)) = (u_m, v_m) else {
        return Err(table.error_of("wall", format!("a place on wall '{name}' needs both u_m and v_m")));
    };
    let wall = &walls[index];
    let Some(Chart { a, v_m: [v_low, v_high], .. }) = wall.chart() else {
        return Err(table.error_of("wall", format!("wall '{}' is a mesh and has no u and v; give position_m", wall.id)));
    };
    if v_m < v_low - EDGE_M || v_m > v_high + EDGE_M {
        let what = format!("'v_m' is {v_m}, off wall '{name}'; needed: {v_low:.6}..{v_high:.6}");
        return Err(table.error_of("v_m", what));
    }
    let v_m = v_m.clamp(v_low, v_high);
    let scale_m = wall.metres_per_a(v_m);
    let [u_low, u_high] = a.map(|a| a * scale_m);
    if u_m < u_low - EDGE_M || u_m > u_high + EDGE_M {
        let what = format!("'u_m' is {u_m}, off wall '{name}'; needed: {u_low:.6}..{u_high:.6} where v_m is {v_m:.6}");
        return Err(table.error_of("u_m", what));
    }
    // At a pole or an apex every angle is the same place.
    let angle = if scale_m > 0.0 { (u_m / scale_m).clamp(a[0], a[1]) } else { a[0] };
    Ok(Some(wall.at(index, angle, v_m)))
}
