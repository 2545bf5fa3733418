//! What is made for others to open: `report.html` (in a browser: `tests/page/check.py`), the map as CSV and VTK.

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
