//! What is made for others to open: `report.html` (in a browser: `tests/page/check.py`), the map as CSV, VTK and GeoJSON.

mod common;

use common::{run, sample};

#[test]
fn the_report_is_one_file_that_asks_nothing_of_a_network() {
    let folder = tempfile::tempdir().unwrap();
    let ran =
        run(folder.path(), ["locate", sample("tunnel_quiet").join("capture.wav").to_str().unwrap(), "--out", "out"]);
    let ran = ran.done();
    let headline = ran.stdout.lines().next().unwrap().to_owned();
    let page = std::fs::read_to_string(folder.path().join("out/report.html")).unwrap();
    assert!(page.len() < 6_000_000 && page.contains(&format!("<h1>{headline}</h1>")), "{}", page.len());
    let (_, data) = page.split_once("id=\"data\">").unwrap();
    let (data, rest) = data.split_once("</script>").unwrap();
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!((data["walls"].as_array().unwrap().len(), data["leaks"].as_array().unwrap().len()), (3, 1));
    assert_eq!(data["pairs"].as_array().unwrap().len(), 28);
    let (_, tail) = rest.rsplit_once("<script>").unwrap();
    let (head, _) = page.split_once("<script").unwrap();
    // Nothing of ours is loaded from elsewhere, and all marks of the template are filled.
    for own in [head, tail] {
        for odd in ["src=\"http", "src=\"//", "href=\"http", "@import", "{{"] {
            assert!(!own.contains(odd), "{odd}");
        }
    }
}

#[test]
fn the_map_goes_to_other_programs_cell_by_cell() {
    let folder = tempfile::tempdir().unwrap();
    let capture = sample("tunnel_quiet").join("capture.wav");
    let arguments =
        ["locate", capture.to_str().unwrap(), "--out", "out", "--no-plots", "--export", "csv", "--export", "vtp"];
    run(folder.path(), arguments).done();
    let leak = common::json(folder.path().join("out/result.json"))["leaks"][0]["wall"].clone();
    let mut reader = csv::Reader::from_path(folder.path().join("out/map.csv")).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.unwrap()).collect();
    let number = |row: &csv::StringRecord, column: usize| row[column].parse::<f64>().unwrap();
    let loudest = rows.iter().max_by(|a, b| number(a, 7).total_cmp(&number(b, 7))).unwrap();
    // Cells are some 18 mm wide, the leak is in the loudest or beside it.
    assert_eq!(loudest[0], leak["id"]);
    for (column, key) in [(1, "u_m"), (2, "v_m")] {
        assert!((number(loudest, column) - leak[key].as_f64().unwrap()).abs() < 0.02, "{loudest:?} {leak}");
    }
    let total: f64 = rows.iter().map(|row| number(row, 8)).sum();
    assert!((0.9..=1.0 + 1e-6).contains(&total), "{total}");

    let text = std::fs::read_to_string(folder.path().join("out/map.vtp")).unwrap();
    let document = roxmltree::Document::parse(&text).unwrap();
    let pieces: Vec<_> = document.descendants().filter(|node| node.has_tag_name("Piece")).collect();
    let told = |node: &roxmltree::Node<'_, '_>, key: &str| node.attribute(key).unwrap().parse::<usize>().unwrap();
    assert_eq!(pieces.len(), 3);
    assert_eq!(pieces.iter().map(|piece| told(piece, "NumberOfPolys")).sum::<usize>(), rows.len());
    for piece in pieces {
        let values = |name: &str| -> Vec<f64> {
            let array = piece.descendants().find(|node| node.attribute("Name") == Some(name)).unwrap();
            array.text().unwrap().split_whitespace().map(|x| x.parse().unwrap()).collect()
        };
        let (polys, points) = (told(&piece, "NumberOfPolys"), told(&piece, "NumberOfPoints"));
        assert_eq!((values("response_db").len(), values("offsets").len()), (polys, polys));
        assert_eq!(values("offsets").last(), Some(&(4.0 * polys as f64)));
        assert!(values("connectivity").iter().all(|corner| (*corner as usize) < points));
    }
}

#[test]
fn map_programs_find_the_leak_where_the_result_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let capture = sample("tunnel_quiet").join("capture.wav");
    let arguments = ["locate", capture.to_str().unwrap(), "--out", "out", "--no-plots", "--export", "geojson"];
    run(folder.path(), arguments).done();
    let result = common::json(folder.path().join("out/result.json"));
    let text = std::fs::read_to_string(folder.path().join("out/map.geojson")).unwrap();
    let told: geojson::FeatureCollection = text.parse().unwrap();
    let of_kind = |kind: &str| told.features.iter().filter(|f| f.property("kind").unwrap() == kind).collect::<Vec<_>>();
    let counts = ["wall", "sensor", "leak", "ellipse", "region", "patch"].map(|kind| of_kind(kind).len());
    assert_eq!(counts, [3, 8, 1, 3, 3, result["search"].as_array().unwrap().len()]);
    let leak = &result["leaks"][0];
    let [u_m, v_m] = ["u_m", "v_m"].map(|key| leak["wall"][key].as_f64().unwrap());
    let found = of_kind("leak")[0];
    let Some(geojson::GeometryValue::Point { coordinates }) = found.geometry.as_ref().map(|g| &g.value) else {
        panic!("{found:?}")
    };
    assert!((coordinates[0] - u_m).abs() < 1e-8 && (coordinates[1] - v_m).abs() < 1e-8);
    for key in ["false_alarm_probability", "level_db", "snr_db", "position_m", "covariance_uv_m2"] {
        assert_eq!(found.property(key), Some(&leak[key]), "{key}");
    }
    // On a wall without an edge nearby the region is the ellipse, and both have its area.
    let semi = |key: &str| leak["ellipse_95"][key].as_f64().unwrap();
    let area_m2 = std::f64::consts::PI * semi("semi_major_m") * semi("semi_minor_m");
    let region = of_kind("region").into_iter().find(|f| f.property("probability").unwrap() == 0.95).unwrap();
    let told_m2 = region.property("area_m2").unwrap().as_f64().unwrap();
    // 0.3 % of the mass, as the unit test of regions derives, is 6 % of the density at the rim, so 1 % of its square radius.
    assert!((told_m2 / area_m2 - 1.0).abs() < 0.01, "{told_m2} {area_m2}");
    let reference = &told.foreign_members.unwrap()["coordinate_reference"];
    assert_eq!((&reference["kind"], &reference["units"]), (&"local".into(), &"m".into()));
    assert_eq!(reference["walls"].as_array().unwrap().len(), 3);
}
