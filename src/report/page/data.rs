//! What the page's figures show, as JSON: walls with their maps, sensors, leaks, pairs, channels.

use serde_json::{Value, json};

use crate::locate::{Leak, Outcome, PairCorrelation, REGIONS, WallMap};
use crate::report::export::probabilities;
use crate::report::plots::range_db;
use crate::report::regions::{self, Region};
use crate::report::words::{self, place, printable, shortened};
use crate::site::{Chart, Site, Wall, WallPoint};
use crate::units::power_db;

/// Cells of the three-dimensional view along either side of a wall: its graphics card is a laptop's.
const SIDE_3D: usize = 56;

/// Pairs that are kept: the most coherent.
const PAIRS_MOST: usize = 60;

/// Frequencies of a channel's spectrum.
const FREQUENCIES_MOST: usize = 600;

/// Half the window about the implied delay, in units of one over the bandwidth.
const WINDOW_WIDTHS: f64 = 16.0;

/// Every so many of a correlation's values: they come twelve to the shortest wave.
const EVERY: usize = 2;

/// Points of a region's rim.
const RIM: usize = 73;

pub fn data(site: &Site, outcome: &Outcome) -> Value {
    let maps = &outcome.evidence.maps;
    let walls = maps.iter().filter_map(|map| Some(wall(site.walls.get(map.wall)?, map, outcome))).collect::<Vec<_>>();
    // Walls are called by their number among those that are shown.
    let shown = |point: &WallPoint| maps.iter().position(|map| map.wall == point.wall);
    let [low, high] = outcome.band_hz.map(|hz| hz / 1e3);
    let frequencies = &outcome.evidence.frequency_hz;
    let every = frequencies.len().div_ceil(FREQUENCIES_MOST).max(1);
    json!({
        "range_db": range_db(maps),
        "walls": walls,
        "feet": site.sensors.iter().filter_map(|s| mark(&site.nearest(&s.position_m), shown, &s.id)).collect::<Vec<_>>(),
        "sensors": site.sensors.iter().zip(&outcome.sensors).map(|(s, report)| {
            let used = if report.used { "" } else { ", left out" };
            json!({"position_m": rounded(s.position_m.as_slice(), 4), "name": html(&shortened(&s.id, 14)), "text": format!("{}{used}", html(&s.id))})
        }).collect::<Vec<_>>(),
        "rivals": words::rivals(outcome).take(5).filter_map(|c| {
            mark(&c.point, shown, &format!("{} of the best: {}", number(c.score, 2), place(site, &c.point)))
        }).collect::<Vec<_>>(),
        "regions": regions::shown(site, outcome).iter().filter_map(|region| {
            let wall = maps.iter().position(|map| map.wall == region.wall)?;
            Some(region_of(region, wall, &site.walls[region.wall].chart()?))
        }).collect::<Vec<_>>(),
        "leaks": outcome.leaks.iter().filter_map(|leak| Some(leak_of(site, leak, shown(&leak.point)?))).collect::<Vec<_>>(),
        "pairs": pairs(site, outcome),
        "band_khz": [low, high],
        "frequency_khz": frequencies.chunks(every).map(|c| number(c[c.len() / 2] / 1e3, 3)).collect::<Vec<_>>(),
        "channels": outcome.evidence.level_sensors.iter().zip(outcome.evidence.levels.rows()).map(|(&sensor, levels)| {
            let levels = levels.to_vec();
            let db: Vec<Value> = levels.chunks(every).map(|c| number(power_db(c.iter().sum::<f64>() / c.len() as f64), 1)).collect();
            let sensor = &site.sensors[sensor];
            json!({"name": format!("{} (channel {})", html(&sensor.id), sensor.channel), "db": db})
        }).collect::<Vec<_>>(),
    })
}

fn wall(wall: &Wall, map: &WallMap, outcome: &Outcome) -> Value {
    let db: Vec<Vec<Value>> =
        map.response_db.rows().into_iter().map(|row| row.iter().map(|x| number(f64::from(*x), 1)).collect()).collect();
    let (Some(chart), None) = (wall.chart(), wall.mesh()) else {
        return json!({"id": html(&wall.id), "kind": wall.kind, "db": db, "mesh": mesh(wall)});
    };
    let [rows, columns] = [map.response_db.nrows(), map.response_db.ncols()];
    let centre = |[from, to]: [f64; 2], i: usize, count: usize| from + (to - from) * (i as f64 + 0.5) / count as f64;
    let a: Vec<f64> = (0..columns).map(|i| centre(chart.a, i, columns)).collect();
    let v: Vec<f64> = (0..rows).map(|i| centre(chart.v_m, i, rows)).collect();
    let per_a = v.iter().map(|v| wall.metres_per_a(*v)).collect::<Vec<_>>();
    let probability: serde_json::Map<String, Value> = probabilities(map, outcome, chart)
        .into_iter()
        .filter(|(_, p)| *p >= 1e-3)
        .map(|([row, column], p)| (format!("{row},{column}"), number(p, 4)))
        .collect();
    json!({
        "id": html(&wall.id),
        "kind": wall.kind,
        "a": chart.a,
        "v_m": chart.v_m,
        "width_per_a": wall.widest(chart.v_m),
        "cells": {"a": rounded(&a, 5), "v": rounded(&v, 4), "metres_per_a": rounded(&per_a, 5)},
        "db": db,
        "probability": probability,
        "surface": surface(wall, map, (chart.a, chart.v_m)),
    })
}

/// The wall in space, at most so many cells a side.
fn surface(wall: &Wall, map: &WallMap, (a, v): ([f64; 2], [f64; 2])) -> Value {
    let [rows, columns] = [map.response_db.nrows(), map.response_db.ncols()];
    let [m, n] = [rows.min(SIDE_3D), columns.min(SIDE_3D)];
    let place = |i: usize, j: usize| {
        let share = |[from, to]: [f64; 2], i: usize, count: usize| from + (to - from) * i as f64 / count as f64;
        wall.at(0, share(a, j, n), share(v, i, m)).position_m
    };
    let grid = |of: &dyn Fn(usize, usize) -> Value| -> Vec<Vec<Value>> {
        (0..=m).map(|i| (0..=n).map(|j| of(i, j)).collect()).collect()
    };
    let coordinate = |axis: usize| grid(&|i, j| number(place(i, j)[axis], 3));
    json!({"x": coordinate(0), "y": coordinate(1), "z": coordinate(2)})
}

fn mesh(wall: &Wall) -> Option<Value> {
    let mesh = wall.mesh()?;
    let axis = |axis: usize| mesh.vertices().iter().map(|p| number(p[axis], 3)).collect::<Vec<_>>();
    let corner = |corner: usize| mesh.triangles().iter().map(|t| t[corner]).collect::<Vec<_>>();
    Some(json!({"x": axis(0), "y": axis(1), "z": axis(2), "i": corner(0), "j": corner(1), "k": corner(2)}))
}

fn mark(point: &WallPoint, shown: impl Fn(&WallPoint) -> Option<usize>, text: &str) -> Option<Value> {
    let wall = shown(point)?;
    point
        .a
        .is_finite()
        .then(|| json!({"wall": wall, "a": number(point.a, 6), "v": number(point.v_m, 5), "text": html(text)}))
}

fn leak_of(site: &Site, leak: &Leak, wall: usize) -> Value {
    let ellipse = leak.ellipse_95;
    let (sin, cos) = ellipse.angle_deg.to_radians().sin_cos();
    // Rim of the region of this probability, along u and v: the 95 % ellipse scaled as a normal's regions are.
    let rim = |level: f64| -> Vec<[f64; 2]> {
        let scale = ((1.0 - level).ln() / (1.0 - 0.95f64).ln()).sqrt();
        let turn = |i: usize| std::f64::consts::TAU * i as f64 / (RIM - 1) as f64;
        let at =
            |i: usize| [scale * ellipse.semi_major_m * turn(i).cos(), scale * ellipse.semi_minor_m * turn(i).sin()];
        (0..RIM).map(at).map(|[x, y]| [cos * x - sin * y, sin * x + cos * y]).collect()
    };
    let rims = REGIONS.map(|level| {
        let rim = rim(level);
        let along = |axis: usize| rim.iter().map(|p| number(p[axis] * 1e3, 4)).collect::<Vec<_>>();
        json!({"level": level, "u_mm": along(0), "v_mm": along(1)})
    });
    let in_space = rim(0.95).into_iter().map(|[du, dv]| site.moved(&leak.point, du, dv).position_m);
    json!({
        "wall": wall,
        "a": number(leak.point.a, 6),
        "v": number(leak.point.v_m, 5),
        "position_m": rounded(leak.point.position_m.as_slice(), 5),
        "text": html(&format!("leak on {}, {}", place(site, &leak.point), words::plus_minus(&ellipse))),
        "rims": rims,
        "rim_m": in_space.map(|p| rounded(p.as_slice(), 5)).collect::<Vec<_>>(),
    })
}

/// A region's rims in the chart of its wall, as one line with gaps.
fn region_of(region: &Region, wall: usize, chart: &Chart) -> Value {
    let gap = [f64::NAN; 2];
    let line: Vec<[f64; 2]> = region.rims(chart).flat_map(|rim| rim.iter().copied().chain([gap])).collect();
    let along = |axis: usize| line.iter().map(|p| number(p[axis], 6)).collect::<Vec<_>>();
    json!({"wall": wall, "level": region.level, "a": along(0), "v": along(1)})
}

fn pairs(site: &Site, outcome: &Outcome) -> Vec<Value> {
    let mut order: Vec<usize> = (0..outcome.pairs.len().min(outcome.evidence.correlations.len())).collect();
    order.sort_by(|a, b| outcome.pairs[*b].coherence.total_cmp(&outcome.pairs[*a].coherence));
    order.truncate(PAIRS_MOST);
    let window_s = WINDOW_WIDTHS / (outcome.band_hz[1] - outcome.band_hz[0]).max(1.0);
    let of_pair = |i: usize| {
        let (report, correlation) = (&outcome.pairs[i], &outcome.evidence.correlations[i]);
        let PairCorrelation { first_s, step_s, implied_s, .. } = *correlation;
        let count = correlation.value.len();
        let index = |at_s: f64| (((at_s - first_s) / step_s).max(0.0) as usize).min(count);
        let [from, to] = [index(implied_s - window_s), index(implied_s + window_s)];
        let cut = |values: &[f32]| {
            values[from..to].iter().step_by(EVERY).map(|x| number(f64::from(*x), 3)).collect::<Vec<_>>()
        };
        let id = |sensor: usize| html(&site.sensors[sensor].id);
        json!({
            "name": format!("{}–{}, coherence {:.2}", id(report.a), id(report.b), report.coherence),
            "first_ms": number((first_s + from as f64 * step_s) * 1e3, 6),
            "step_ms": number(step_s * EVERY as f64 * 1e3, 9),
            "implied_ms": number(implied_s * 1e3, 5),
            "value": cut(&correlation.value),
            "envelope": cut(&correlation.envelope),
        })
    };
    order.into_iter().map(of_pair).collect()
}

/// So many decimals; null for what is no number.
fn number(value: f64, decimals: usize) -> Value {
    let text = format!("{value:.decimals$}");
    text.parse::<f64>().ok().filter(|x| x.is_finite()).map_or(Value::Null, |x| json!(x + 0.0))
}

fn rounded(values: &[f64], decimals: usize) -> Vec<Value> {
    values.iter().map(|x| number(*x, decimals)).collect()
}

/// Text for plotly's labels, which know some HTML.
fn html(text: &str) -> String {
    printable(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
