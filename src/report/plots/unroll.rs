//! A wall laid flat: from chart coordinates to metres on paper and back.
//!
//! Plates, discs, cylinders and cones are laid flat without stretching anything: a cone is a sector of a ring, a
//! cylinder the limit of a very tall one, a disc the cone that is flat already. A sphere cannot be: it is drawn as
//! the sinusoidal map, true to area and true along every parallel.
//!
//! Round walls are drawn as they look from outside: with `u` to the right and the axis up, `u × v` points at the
//! reader, and `u × v` is the outward normal. Seen from inside, `u` runs to the left.

use std::f64::consts::TAU;

use nalgebra::Vector3;

use crate::locate::WallMap;
use crate::site::{Chart, Site, Wall};

/// One wall laid flat.
#[derive(Debug, Clone)]
pub(super) struct Unrolled {
    form: Form,
    chart: Chart,
}

#[derive(Debug, Clone)]
enum Form {
    /// `x = a · per_a`, `y = v`.
    Straight { per_a_m: f64 },
    /// A ring or a part of it, centred on the reader's right-handed polar axis: the disc as it is.
    Disc,
    /// The sector that a cone unrolls to, its middle upright; radius from the apex is `r(v) / |slope|`.
    Sector { slope: f64, r0_m: f64, middle: f64 },
    /// `x = (a − middle) · r(v)`, `y = −v`: the pole that `v` counts from is at the top.
    Zone { wall: Box<Wall>, middle: f64 },
}

impl Unrolled {
    /// Nothing for a mesh, which cannot be laid flat.
    pub fn new(wall: &Wall) -> Option<Self> {
        let chart = wall.chart()?;
        let [v0, v1] = chart.v_m;
        let middle = (chart.a[0] + chart.a[1]) / 2.0;
        let slope = (wall.metres_per_a(v1) - wall.metres_per_a(v0)) / (v1 - v0);
        let form = match wall.kind {
            "disc" => Form::Disc,
            "sphere" => Form::Zone { wall: Box::new(wall.clone()), middle },
            "cone" if slope.abs() > 1e-6 => Form::Sector { slope, r0_m: wall.metres_per_a(v0) - v0 * slope, middle },
            _ => Form::Straight { per_a_m: wall.metres_per_a(v0) },
        };
        Some(Self { form, chart })
    }

    pub fn chart(&self) -> Chart {
        self.chart
    }

    /// Whether `u_m` can be read off a straight scale below the picture; metres of `u` per unit of `a` then.
    pub fn straight_m_per_a(&self) -> Option<f64> {
        match self.form {
            Form::Straight { per_a_m } => Some(per_a_m),
            _ => None,
        }
    }

    /// Whether the point `v = 0` is the middle of the picture.
    pub fn is_disc(&self) -> bool {
        matches!(self.form, Form::Disc)
    }

    /// Place on paper, metres, x to the right and y up.
    pub fn xy(&self, a: f64, v_m: f64) -> [f64; 2] {
        match &self.form {
            Form::Straight { per_a_m } => [a * per_a_m, v_m],
            Form::Disc => [v_m * a.cos(), v_m * a.sin()],
            Form::Sector { slope, r0_m, middle } => {
                let (sin, cos) = ((a - middle) * slope.abs()).sin_cos();
                let from_apex = (r0_m + slope * v_m) / slope.abs();
                [from_apex * sin, slope.signum() * from_apex * cos]
            }
            Form::Zone { wall, middle } => [(a - middle) * wall.metres_per_a(v_m), -v_m],
        }
    }

    /// Chart coordinates of a place on paper; nothing beyond the wall's edge.
    pub fn chart_at(&self, [x, y]: [f64; 2]) -> Option<(f64, f64)> {
        let [a0, a1] = self.chart.a;
        let (a, v_m) = match &self.form {
            Form::Straight { per_a_m } => (x / per_a_m, y),
            Form::Disc => (a0 + (y.atan2(x) - a0).rem_euclid(TAU), x.hypot(y)),
            Form::Sector { slope, r0_m, middle } => {
                let turned = x.atan2(y * slope.signum());
                (middle + turned / slope.abs(), (x.hypot(y) * slope.abs() - r0_m) / slope)
            }
            Form::Zone { wall, middle } => (middle + x / wall.metres_per_a(-y).max(1e-12), -y),
        };
        let [v0, v1] = self.chart.v_m;
        ((a0..=a1).contains(&a) && (v0..=v1).contains(&v_m)).then_some((a, v_m))
    }

    /// The edge as one closed line on paper; the cut of a full disc is no edge.
    pub fn outlines(&self) -> Vec<Vec<[f64; 2]>> {
        let Chart { a: [a0, a1], v_m: [v0, v1], closed } = self.chart;
        let along_a = |v: f64| steps([a0, a1]).map(move |a| (a, v));
        if self.is_disc() && closed {
            let rings = [v1, v0].into_iter().filter(|v| *v > 0.0);
            return rings.map(|v| along_a(v).map(|(a, v)| self.xy(a, v)).collect()).collect();
        }
        let right = steps([v0, v1]).map(|v| (a1, v));
        let left = steps([v1, v0]).map(|v| (a0, v));
        let back: Vec<_> = along_a(v1).collect();
        let round = along_a(v0).chain(right).chain(back.into_iter().rev()).chain(left);
        vec![round.map(|(a, v)| self.xy(a, v)).collect()]
    }

    /// Ranges of x and y on paper, metres.
    pub fn bounds(&self) -> [[f64; 2]; 2] {
        let mut bounds = [[f64::INFINITY, f64::NEG_INFINITY]; 2];
        for point in self.outlines().into_iter().flatten() {
            for (range, value) in bounds.iter_mut().zip(point) {
                *range = [range[0].min(value), range[1].max(value)];
            }
        }
        bounds
    }
}

/// Evenly spaced values from one end to the other, both included.
pub(super) fn steps([from, to]: [f64; 2]) -> impl Iterator<Item = f64> {
    const COUNT: u32 = 96;
    (0..=COUNT).map(move |i| from + (to - from) * f64::from(i) / f64::from(COUNT))
}

/// Response at a place of the chart, interpolated between cells; NaN where the map is empty.
pub(super) fn sampled(map: &WallMap, chart: &Chart, a: f64, v_m: f64) -> f64 {
    let (rows, columns) = map.response_db.dim();
    if rows == 0 || columns == 0 {
        return f64::NAN;
    }
    let share = |x: f64, [low, high]: [f64; 2], cells: usize| (x - low) / (high - low) * cells as f64 - 0.5;
    let (y, x) = (share(v_m, chart.v_m, rows), share(a, chart.a, columns));
    let (y0, x0) = (y.floor(), x.floor());
    let row = |i: f64| (i.max(0.0) as usize).min(rows - 1);
    let column = |i: f64| {
        if chart.closed {
            (i as i64).rem_euclid(columns as i64) as usize
        } else {
            (i.max(0.0) as usize).min(columns - 1)
        }
    };
    let at = |i: f64, j: f64| f64::from(map.response_db[[row(i), column(j)]]);
    let (ty, tx) = (y - y0, x - x0);
    let low = at(y0, x0) * (1.0 - tx) + at(y0, x0 + 1.0) * tx;
    let high = at(y0 + 1.0, x0) * (1.0 - tx) + at(y0 + 1.0, x0 + 1.0) * tx;
    low * (1.0 - ty) + high * ty
}

/// From which side the picture shows this wall.
pub(super) fn side(site: &Site, wall: &Wall) -> &'static str {
    if !matches!(wall.kind, "plate" | "disc") {
        return "seen from outside";
    }
    let Some(Chart { a, v_m, .. }) = wall.chart() else { return "seen from outside" };
    let middle = wall.at(0, (a[0] + a[1]) / 2.0, (v_m[0] + v_m[1]) / 2.0);
    let [along_u, along_v] = wall.tangents(&middle);
    // A disc is drawn with u anticlockwise, thus from the tip of its normal, where u × v points away.
    let towards_reader = along_u.cross(&along_v) * if wall.kind == "disc" { -1.0 } else { 1.0 };
    let sum: Vector3<f64> = site.sensors.iter().map(|s| s.position_m - middle.position_m).sum();
    let height_m = sum.dot(&towards_reader) / site.sensors.len().max(1) as f64;
    match height_m {
        h if h > 1e-3 => "seen from the sensors’ side",
        h if h < -1e-3 => "seen from behind the wall",
        _ if wall.kind == "disc" => "seen from the tip of its normal",
        _ => "seen with u × v towards you",
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic;
    use super::*;
    use crate::site::Point3;
    use ndarray::arr2;
    use std::f64::consts::PI;

    fn walls() -> Vec<Wall> {
        let (x, z, o) = (Point3::x(), Point3::z(), Point3::zeros());
        vec![
            Wall::plate("plate", o, x, z, [2.0, 1.5]),
            Wall::disc("disc", o, z, x, [0.2, 1.0], [0.0, TAU]),
            Wall::disc("slice", o, z, x, [0.0, 1.0], [-0.5, 2.0]),
            Wall::cylinder("cylinder", o, z, x, [1.0, 2.35], [0.0, TAU]),
            Wall::cone("narrowing", o, z, x, [1.0, 0.3, 1.45], [0.0, TAU]),
            Wall::cone("widening", o, z, x, [0.3, 1.0, 1.45], [0.5, 4.0]),
            Wall::sphere("sphere", o, z, x, 1.1, [0.2, 2.8], [0.0, TAU]),
        ]
    }

    #[test]
    fn paper_and_chart_invert_each_other() {
        for wall in walls() {
            let flat = Unrolled::new(&wall).unwrap();
            let Chart { a: [a0, a1], v_m: [v0, v1], .. } = wall.chart().unwrap();
            for i in 1..10 {
                for j in 1..10 {
                    let a = a0 + (a1 - a0) * f64::from(i) / 10.0;
                    let v = v0 + (v1 - v0) * f64::from(j) / 10.0;
                    let (back_a, back_v) = flat.chart_at(flat.xy(a, v)).unwrap();
                    assert!((back_a - a).abs() < 1e-9 && (back_v - v).abs() < 1e-9, "{}", wall.id);
                }
            }
            let [[left, _], [_, top]] = flat.bounds();
            assert!(flat.chart_at([left - 1.0, top + 1.0]).is_none(), "{}", wall.id);
        }
    }

    #[test]
    fn nothing_is_stretched_but_the_sphere() {
        let step = 1e-6;
        for wall in walls().iter().filter(|w| w.kind != "sphere") {
            let flat = Unrolled::new(wall).unwrap();
            let Chart { a: [a0, a1], v_m: [v0, v1], .. } = wall.chart().unwrap();
            let (a, v) = (a0 + 0.3 * (a1 - a0), v0 + 0.7 * (v1 - v0));
            let (here, up, right) = (flat.xy(a, v), flat.xy(a, v + step), flat.xy(a + step, v));
            let distance = |p: [f64; 2]| (p[0] - here[0]).hypot(p[1] - here[1]) / step;
            // One-sided differences err by the step times the curvature.
            assert!((distance(up) - 1.0).abs() < 1e-4, "{}", wall.id);
            assert!((distance(right) - wall.metres_per_a(v)).abs() < 1e-4, "{}", wall.id);
        }
    }

    /// The reader's right times the reader's up is what points at the reader: outwards for round walls.
    #[test]
    fn round_walls_are_seen_from_outside() {
        let step = 1e-6;
        for wall in walls().iter().filter(|w| matches!(w.kind, "cylinder" | "cone" | "sphere")) {
            let flat = Unrolled::new(wall).unwrap();
            let Chart { a: [a0, a1], v_m: [v0, v1], .. } = wall.chart().unwrap();
            let (a, v) = ((a0 + a1) / 2.0, v0 + 0.4 * (v1 - v0));
            let (here, up, right) = (flat.xy(a, v), flat.xy(a, v + step), flat.xy(a + step, v));
            let handed = (right[0] - here[0]) * (up[1] - here[1]) - (right[1] - here[1]) * (up[0] - here[0]);
            let [along_u, along_v] = wall.tangents(&wall.at(0, a, v));
            let towards_reader = along_u.cross(&along_v) * handed.signum();
            let outward = wall.at(0, a, v).position_m.component_mul(&Point3::new(1.0, 1.0, 0.0));
            assert!(towards_reader.dot(&outward) > 0.0, "{}", wall.id);
        }
    }

    #[test]
    fn a_sensor_above_a_place_lands_on_it() {
        let (site, _) = synthetic::tunnel();
        let wall = &site.walls[0];
        let place = wall.at(0, 1.2, 0.7);
        let inwards = Point3::new(-1.2f64.cos(), -1.2f64.sin(), 0.0);
        let foot = site.nearest(&(place.position_m + inwards * 0.1));
        let flat = Unrolled::new(wall).unwrap();
        let [x, y] = flat.xy(foot.a, foot.v_m);
        assert!((x - place.u_m).abs() < 1e-12 && (y - 0.7).abs() < 1e-12);
    }

    #[test]
    fn samples_join_across_the_seam() {
        let map = WallMap { wall: 0, response_db: arr2(&[[0.0f32, -4.0, -8.0, -2.0]]) };
        let chart = Chart { a: [0.0, TAU], v_m: [0.0, 1.0], closed: true };
        assert!((sampled(&map, &chart, 0.0, 0.5) + 1.0).abs() < 1e-6);
        assert!((sampled(&map, &chart, TAU, 0.5) + 1.0).abs() < 1e-6);
        assert!((sampled(&map, &chart, PI, 0.5) + 6.0).abs() < 1e-6);
        let open = Chart { closed: false, ..chart };
        assert_eq!(sampled(&map, &open, 0.0, 0.0), 0.0);
    }
}
