//! The answer for programs that draw maps: walls, sensors, leaks, their regions and the patches to be searched, as GeoJSON in the walls' own metres.
//!
//! GeoJSON's coordinates are longitude and latitude, and it knows no others since 2016. These are `u` and `v` on the wall that a
//! feature names, and a member of the collection that GeoJSON leaves to its users says so, with what leads from them into the module.
//!
//! # References
//! RFC 7946: 3.1.6 for the turn of rings, 3.1.9 for what lies across a seam, 4 for the reference system, 6.1 for members of one's own.

use std::f64::consts::TAU;

use geojson::feature::Id;
use geojson::{Feature, Geometry, GeometryValue, JsonObject, Position};
use serde_json::{Value, json};

use super::contour::{self, Part};
use super::json::word;
use super::records::LeakRecord;
use super::regions::{self, Region};
use crate::locate::{Leak, Outcome, Patch, REGIONS};
use crate::site::{Meridian, Point3, Site, Wall, WallPoint};

/// Decimals of a length in metres: the smallest ellipses are some micrometres wide.
const DECIMALS: i32 = 8;

/// Points of a curved edge.
const EDGE: usize = 48;

/// The answer as a GeoJSON feature collection, the same bytes for the same outcome.
pub fn map_geojson(site: &Site, outcome: &Outcome) -> String {
    let walls = site.walls.iter().enumerate().map(|(i, wall)| wall_feature(i, wall));
    let sensors = (0..site.sensors.len()).map(|i| sensor_feature(site, outcome, i));
    let leaks = outcome.leaks.iter().enumerate().flat_map(|(i, leak)| leak_features(site, outcome, i + 1, leak));
    let of_regions = regions::regions(site, outcome);
    let of_regions = of_regions.iter().map(|region| region_feature(site, region));
    let patches = outcome.search.iter().enumerate().map(|(i, patch)| patch_feature(site, i + 1, patch));
    let features = walls.chain(sensors).chain(leaks).chain(of_regions).chain(patches);
    let members = json!({
        "format": "pinhole-geojson",
        "version": 1,
        "verdict": word(outcome.verdict),
        "reasons": outcome.reasons,
        "coordinate_reference": reference(site),
        "software": {"name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")},
    });
    let members = object(members).into_iter().map(|(key, value)| format!("\"{key}\": {value},\n"));
    // A line a feature: people look into such files, and programs compare them.
    let features: Vec<String> = features.map(|feature| feature.to_string()).collect();
    format!(
        "{{\n\"type\": \"FeatureCollection\",\n{}\"features\": [\n{}\n]\n}}\n",
        members.collect::<String>(),
        features.join(",\n")
    )
}

/// What the coordinates are, and how they lead into the module.
fn reference(site: &Site) -> Value {
    json!({
        "kind": "local",
        "words": "not longitude and latitude: coordinates are [u, v] in metres along the wall that a feature's property 'wall' names, each wall \
                  unrolled to a plane of its own, so that planes of different walls lie over each other; position_m is x, y, z in the module's frame",
        "axes": ["u_m", "v_m"],
        "units": "m",
        "walls": site.walls.iter().map(wall_reference).collect::<Vec<_>>(),
    })
}

fn wall_reference(wall: &Wall) -> Value {
    let vector = |v: Point3| v.iter().map(|x| rounded(*x, 9)).collect::<Vec<_>>();
    let mut told = json!({"id": wall.id, "shape": wall.kind});
    let (Some([origin, first, second]), Some(chart)) = (wall.frame(), wall.chart()) else {
        told["position_m"] = json!("a mesh has no u and v: geometries are null, and position_m tells the place");
        return told;
    };
    let Some(meridian) = wall.meridian() else {
        told["origin_m"] = json!(vector(origin));
        told["u_axis"] = json!(vector(first));
        told["v_axis"] = json!(vector(second));
        told["size_m"] = json!([chart.a[1], chart.v_m[1]]);
        told["position_m"] = json!("origin_m + u u_axis + v v_axis");
        return told;
    };
    told["centre_m"] = json!(vector(origin));
    told["axis"] = json!(vector(first));
    told["seam"] = json!(vector(second));
    told["arc_deg"] = json!(chart.a.map(f64::to_degrees));
    told["v_m"] = json!(chart.v_m);
    told["closed"] = json!(chart.closed);
    told["position_m"] = json!("centre_m + r (cos(u/r) seam + sin(u/r) (axis × seam)) + h axis, with the r and h of v");
    let [r, h] = match meridian {
        Meridian::Line { r0_m, slope, rise } => {
            told["r0_m"] = json!(r0_m);
            told["slope"] = json!(slope);
            told["rise"] = json!(rise);
            ["r0_m + slope v", "rise v"]
        }
        Meridian::Circle { radius_m } => {
            told["radius_m"] = json!(radius_m);
            ["radius_m sin(v/radius_m)", "radius_m cos(v/radius_m)"]
        }
    };
    told["r"] = json!(r);
    told["h"] = json!(h);
    told
}

fn wall_feature(index: usize, wall: &Wall) -> Feature {
    let outline = wall.chart().map(|chart| {
        let steps = |[from, to]: [f64; 2]| {
            // Only a sphere's edges are curved here.
            let count = if matches!(wall.meridian(), Some(Meridian::Circle { .. })) { EDGE } else { 1 };
            (0..=count).map(move |i| from + (to - from) * i as f64 / count as f64)
        };
        let ([a0, a1], [v0, v1]) = (chart.a, chart.v_m);
        let ring =
            [[a0, v0]].into_iter().chain(steps([v0, v1]).map(|v| [a1, v])).chain(steps([v1, v0]).map(|v| [a0, v]));
        vec![ring.collect::<Vec<_>>()]
    });
    let geometry = outline.and_then(|outline| areas(wall, &[outline]));
    feature(
        &format!("wall-{}", wall.id),
        geometry,
        json!({"kind": "wall", "wall": wall.id, "shape": wall.kind, "index": index, "area_m2": wall.area_m2()}),
    )
}

/// At the wall point nearest to it, where plots mark it too.
fn sensor_feature(site: &Site, outcome: &Outcome, index: usize) -> Feature {
    let sensor = &site.sensors[index];
    let foot = site.nearest(&sensor.position_m);
    let report = outcome.sensors.get(index);
    let properties = json!({
        "kind": "sensor",
        "sensor": sensor.id,
        "channel": sensor.channel,
        "wall": site.walls[foot.wall].id,
        "off_wall_m": rounded((sensor.position_m - foot.position_m).norm(), DECIMALS),
        "position_m": place(&sensor.position_m),
        "used": report.map(|report| report.used),
        "faults": report.map(|report| report.faults.clone()),
    });
    feature(&format!("sensor-{}", sensor.id), point(&foot), properties)
}

/// The place, and its ellipses.
fn leak_features(site: &Site, outcome: &Outcome, rank: usize, leak: &Leak) -> Vec<Feature> {
    let mut properties = json!(LeakRecord::new(site, rank, leak));
    flatten_wall(&mut properties);
    // That is a feature of its own.
    properties.as_object_mut().and_then(|properties| properties.remove("ellipse_95"));
    let [[uu, _], [_, vv]] = leak.covariance_uv_m2;
    properties["kind"] = json!("leak");
    properties["verdict"] = json!(word(outcome.verdict));
    properties["sigma_u_m"] = json!(uu.sqrt());
    properties["sigma_v_m"] = json!(vv.sqrt());
    let mut features = vec![feature(&format!("leak-{rank}"), point(&leak.point), properties)];
    features.extend(REGIONS.map(|level| {
        // The regions of a Gaussian are its 95 % ellipse, larger or smaller.
        let scale = ((1.0 - level).ln() / 0.05f64.ln()).sqrt();
        let geometry =
            regions::ellipse(site, leak, level).and_then(|parts| areas(&site.walls[leak.point.wall], &parts));
        let properties = json!({
            "kind": "ellipse",
            "leak": rank,
            "probability": level,
            "wall": site.walls[leak.point.wall].id,
            "position_m": place(&leak.point.position_m),
            "semi_major_m": scale * leak.ellipse_95.semi_major_m,
            "semi_minor_m": scale * leak.ellipse_95.semi_minor_m,
            "angle_deg": leak.ellipse_95.angle_deg,
        });
        feature(&format!("ellipse-{rank}-{:.0}", 100.0 * level), geometry, properties)
    }));
    features
}

fn region_feature(site: &Site, region: &Region) -> Feature {
    let wall = &site.walls[region.wall];
    let polygons = polygons(wall, &region.parts);
    let area_m2: f64 = polygons.iter().flatten().map(|ring| contour::area(ring)).sum();
    let coordinates = polygons.iter().map(positions).collect();
    let properties = json!({
        "kind": "region",
        "leak": region.leak,
        "probability": region.level,
        "wall": wall.id,
        "area_m2": area_m2,
    });
    let id = region.leak.map_or("any".to_owned(), |leak| leak.to_string());
    feature(
        &format!("region-{id}-{:.0}-{}", 100.0 * region.level, wall.id),
        Some(GeometryValue::MultiPolygon { coordinates }),
        properties,
    )
}

/// A rectangle; a point where it lies about a pole, where no rectangle is one in `u` and `v`.
fn patch_feature(site: &Site, order: usize, patch: &Patch) -> Feature {
    let wall = &site.walls[patch.point.wall];
    let geometry = corners(site, patch).and_then(|corners| areas(wall, &at_the_seam(wall, &corners)));
    let properties = json!({
        "kind": "patch",
        "order": order,
        "wall": wall.id,
        "position_m": place(&patch.point.position_m),
        "triangle": patch.point.triangle,
        "size_m": patch.size_m,
        "angle_deg": patch.angle_deg,
        "probability": patch.probability,
        "cumulative": patch.cumulative,
    });
    feature(&format!("patch-{order}"), geometry.or_else(|| point(&patch.point)), properties)
}

/// Corners of a patch in the wall's chart, in turn, on the same side of the seam as its middle.
fn corners(site: &Site, patch: &Patch) -> Option<Vec<[f64; 2]>> {
    let wall = &site.walls[patch.point.wall];
    let chart = wall.chart()?;
    let [half_u, half_v] = patch.size_m.map(|side_m| side_m / 2.0);
    let about_pole = wall.meridian().is_some() && wall.metres_per_a(patch.point.v_m) < 2.0 * half_u.hypot(half_v);
    if about_pole {
        return None;
    }
    let (sin, cos) = patch.angle_deg.to_radians().sin_cos();
    let corner = |[along, across]: [f64; 2]| {
        let WallPoint { a, v_m, .. } = site.moved(&patch.point, along * cos - across * sin, along * sin + across * cos);
        let turns = if chart.closed { ((a - patch.point.a) / TAU).round() } else { 0.0 };
        [a - turns * TAU, v_m]
    };
    Some([[-half_u, -half_v], [half_u, -half_v], [half_u, half_v], [-half_u, half_v]].map(corner).to_vec())
}

/// A convex area of a chart cut where it crosses the seam of a closed wall, what is beyond put at the other side.
fn at_the_seam(wall: &Wall, ring: &[[f64; 2]]) -> Vec<Part> {
    let Some(chart) = wall.chart().filter(|chart| chart.closed) else { return vec![vec![ring.to_vec()]] };
    let shifted = [-1.0, 0.0, 1.0].map(|turns| ring.iter().map(|[a, v]| [a + turns * TAU, *v]).collect::<Vec<_>>());
    let within = |ring: Vec<[f64; 2]>| cut(&cut(&ring, chart.a[0], 1.0), chart.a[1], -1.0);
    shifted.map(within).into_iter().filter(|ring| ring.len() > 2).map(|ring| vec![ring]).collect()
}

/// What of a convex area lies on one side of a line of equal `a`: `side` 1 for larger ones (Sutherland and Hodgman 1974).
fn cut(ring: &[[f64; 2]], at: f64, side: f64) -> Vec<[f64; 2]> {
    let beyond = |p: &[f64; 2]| side * (p[0] - at);
    let mut kept = Vec::new();
    for (i, p) in ring.iter().enumerate() {
        let q = &ring[(i + 1) % ring.len()];
        if beyond(p) >= 0.0 {
            kept.push(*p);
        }
        if (beyond(p) > 0.0 && beyond(q) < 0.0) || (beyond(p) < 0.0 && beyond(q) > 0.0) {
            kept.push([at, p[1] + (at - p[0]) / (q[0] - p[0]) * (q[1] - p[1])]);
        }
    }
    kept
}

/// Areas of a chart as a polygon, or as several where there are several.
fn areas(wall: &Wall, parts: &[Part]) -> Option<GeometryValue> {
    let polygons = polygons(wall, parts);
    match &polygons[..] {
        [] => None,
        [one] => Some(GeometryValue::Polygon { coordinates: positions(one) }),
        _ => Some(GeometryValue::MultiPolygon { coordinates: polygons.iter().map(positions).collect() }),
    }
}

/// Areas of a chart in metres, `[u, v]`: rings that are closed, without points that have become one, and of those only what has an area left.
fn polygons(wall: &Wall, parts: &[Part]) -> Vec<Part> {
    let in_metres = |ring: &Vec<[f64; 2]>| {
        let metres = |[a, v]: &[f64; 2]| [a * wall.metres_per_a(*v), *v].map(|x| rounded(x, DECIMALS));
        contour::closed(ring.iter().map(metres).collect())
    };
    parts
        .iter()
        .filter_map(|part| {
            let outer = in_metres(part.first()?)?;
            Some(std::iter::once(outer).chain(part[1..].iter().filter_map(in_metres)).collect())
        })
        .collect()
}

fn positions(polygon: &Part) -> Vec<Vec<Position>> {
    polygon.iter().map(|ring| ring.iter().map(|p| Position::from(*p)).collect()).collect()
}

/// Nothing on a mesh.
fn point(point: &WallPoint) -> Option<GeometryValue> {
    let coordinates = [point.u_m, point.v_m].map(|x| rounded(x, DECIMALS));
    point.triangle.is_none().then(|| GeometryValue::Point { coordinates: coordinates.into() })
}

fn feature(id: &str, geometry: Option<GeometryValue>, properties: Value) -> Feature {
    Feature {
        bbox: None,
        geometry: geometry.map(Geometry::new),
        id: Some(Id::String(id.to_owned())),
        properties: Some(object(properties)),
        foreign_members: None,
    }
}

/// The record of a wall point beside everything else, since map programs know no objects within objects.
fn flatten_wall(properties: &mut Value) {
    let Value::Object(wall) = properties["wall"].take() else { return };
    for (key, value) in wall {
        let key = if key == "id" { "wall".to_owned() } else { key };
        properties[key] = value;
    }
}

fn object(value: Value) -> JsonObject {
    match value {
        Value::Object(object) => object,
        _ => JsonObject::new(),
    }
}

fn place(point: &Point3) -> [f64; 3] {
    let at: [f64; 3] = (*point).into();
    at.map(|x| rounded(x, DECIMALS))
}

fn rounded(value: f64, decimals: i32) -> f64 {
    let scale = 10f64.powi(decimals);
    // No minus before a zero.
    (value * scale).round() / scale + 0.0
}

#[cfg(test)]
#[path = "geojson_tests.rs"]
mod tests;
