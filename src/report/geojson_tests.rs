//! Is the GeoJSON valid, and does it say where things are?

use geojson::FeatureCollection;

use super::*;
use crate::report::plots::synthetic;
use crate::site::mesh_shapes;

fn told((site, outcome): &synthetic::Case) -> (FeatureCollection, Value) {
    let text = map_geojson(site, outcome);
    (text.parse().unwrap(), serde_json::from_str(&text).unwrap())
}

fn rings(geometry: &GeometryValue) -> Vec<&[Vec<Position>]> {
    match geometry {
        GeometryValue::Polygon { coordinates } => vec![coordinates],
        GeometryValue::MultiPolygon { coordinates } => coordinates.iter().map(Vec::as_slice).collect(),
        _ => Vec::new(),
    }
}

/// RFC 7946, 3.1.6.
#[test]
fn rings_are_closed_and_turn_as_the_standard_says() {
    for (name, case) in synthetic::all() {
        let (collection, _) = told(&case);
        for feature in &collection.features {
            let Some(geometry) = &feature.geometry else { panic!("{name}: {:?} has no place", feature.id) };
            for polygon in rings(&geometry.value) {
                for (i, ring) in polygon.iter().enumerate() {
                    let ring: Vec<[f64; 2]> = ring.iter().map(|p| [p[0], p[1]]).collect();
                    assert!(ring.len() > 3 && ring.first() == ring.last(), "{name}: {:?}", feature.id);
                    assert!((contour::area(&ring) > 0.0) == (i == 0), "{name}: {:?}", feature.id);
                }
            }
        }
    }
}

#[test]
fn features_have_names_of_their_own_and_properties_without_depth() {
    for (name, case) in synthetic::all() {
        let (_, json) = told(&case);
        let features = json["features"].as_array().unwrap();
        let ids: std::collections::BTreeSet<&str> = features.iter().map(|f| f["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), features.len(), "{name}");
        for feature in features {
            let properties = feature["properties"].as_object().unwrap();
            assert!(properties["wall"].is_string(), "{name}: {feature}");
            // Shares are a list of names and numbers, as in result.json.
            assert!(properties.values().all(|value| !value.is_object()), "{name}: {feature}");
        }
    }
}

/// The formula in the file, from what the file says of a wall.
fn position(wall: &Value, [u, v]: [f64; 2]) -> Point3 {
    let vector = |key: &str| Point3::from_fn(|i, _| wall[key][i].as_f64().unwrap());
    let number = |key: &str| wall[key].as_f64().unwrap();
    if wall["shape"] == "plate" {
        return vector("origin_m") + vector("u_axis") * u + vector("v_axis") * v;
    }
    let (r, h) = match wall["r"].as_str().unwrap() {
        "r0_m + slope v" => (number("r0_m") + number("slope") * v, number("rise") * v),
        "radius_m sin(v/radius_m)" => {
            let radius_m = number("radius_m");
            (radius_m * (v / radius_m).sin(), radius_m * (v / radius_m).cos())
        }
        other => panic!("{other}"),
    };
    let (axis, seam) = (vector("axis"), vector("seam"));
    vector("centre_m") + (seam * (u / r).cos() + axis.cross(&seam) * (u / r).sin()) * r + axis * h
}

#[test]
fn the_reference_leads_from_u_and_v_into_the_module() {
    for (name, (site, outcome)) in synthetic::all() {
        let (_, json) = told(&(site.clone(), outcome));
        for (i, wall) in site.walls.iter().enumerate() {
            let chart = wall.chart().unwrap();
            let at = wall.at(i, 0.3 * chart.a[0] + 0.7 * chart.a[1], 0.4 * chart.v_m[0] + 0.6 * chart.v_m[1]);
            let told = position(&json["coordinate_reference"]["walls"][i], [at.u_m, at.v_m]);
            // Directions are told to nine decimals.
            assert!((told - at.position_m).norm() < 1e-8, "{name}: {}", wall.id);
        }
    }
}

#[test]
fn what_lies_across_the_seam_is_cut_at_it_and_loses_nothing() {
    let (site, outcome) = synthetic::two_leaks();
    let (collection, _) = told(&(site.clone(), outcome));
    let ellipse = collection.features.iter().find(|f| f.id == Some(Id::String("ellipse-2-95".into()))).unwrap();
    let polygons = rings(&ellipse.geometry.as_ref().unwrap().value);
    assert_eq!(polygons.len(), 2);
    let u: Vec<f64> = polygons.iter().flat_map(|polygon| polygon[0].iter().map(|p| p[0])).collect();
    let round_m = TAU * 0.75;
    assert!(u.iter().all(|u| (0.0..=round_m + 1e-6).contains(u)));
    let area_m2: f64 =
        polygons.iter().map(|p| contour::area(&p[0].iter().map(|p| [p[0], p[1]]).collect::<Vec<_>>())).sum();
    // Twenty steps over the shorter half axis: chords and what is straight between nodes lose 7/3 · 2/8 · (1/19.6)² at most.
    assert!((area_m2 / (std::f64::consts::PI * 0.3 * 0.12) - 1.0).abs() < 0.0016, "{area_m2}");
}

#[test]
fn patches_across_the_seam_become_two_and_about_a_pole_a_point() {
    let (site, mut outcome) = synthetic::tunnel();
    let patch = |point| Patch { point, size_m: [0.1, 0.06], angle_deg: 20.0, probability: 0.1, cumulative: 0.1 };
    outcome.search = vec![patch(site.walls[0].at(0, 0.01, 0.9)), patch(site.walls[1].at(1, 1.0, 0.03))];
    let (collection, _) = told(&(site, outcome));
    let of = |id: &str| {
        let feature = collection.features.iter().find(|f| f.id == Some(Id::String(id.into()))).unwrap();
        feature.geometry.clone().unwrap().value
    };
    let area = |p: &[Vec<Position>]| contour::area(&p[0].iter().map(|p| [p[0], p[1]]).collect::<Vec<_>>());
    let (cut, pole) = (of("patch-1"), of("patch-2"));
    assert_eq!(rings(&cut).len(), 2);
    // A corner's step in the tangent plane is atan(x) on the wall: 0.058³/3 of it, with 0.75 m of radius.
    let area_m2: f64 = rings(&cut).into_iter().map(area).sum();
    assert!((area_m2 / 0.006 - 1.0).abs() < 0.004, "{area_m2}");
    assert!(matches!(pole, GeometryValue::Point { .. }));
}

#[test]
fn on_a_mesh_geometries_are_null_and_places_stay() {
    let (mut site, mut outcome) = synthetic::plate();
    let mesh = mesh_shapes::plate([2.0, 1.6], [8, 8]);
    site.walls = vec![Wall::from_mesh("hull", mesh)];
    let point = site.nearest(&Point3::new(1.0, 0.7, 0.0));
    outcome.leaks[0].point = point;
    outcome.search[0].point = point;
    outcome.spread.clear();
    outcome.evidence.maps.clear();
    let (collection, json) = told(&(site, outcome));
    assert!(collection.features.iter().all(|feature| feature.geometry.is_none()));
    assert_eq!(json["features"][1]["properties"]["wall"], "hull");
    let leak = json["features"].as_array().unwrap().iter().find(|f| f["id"] == "leak-1").unwrap();
    assert!(leak["properties"]["triangle"].is_u64() && leak["properties"]["position_m"][0].is_f64());
}
