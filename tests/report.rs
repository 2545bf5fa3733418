//! `report.html`: what can be said of it without a browser; `tests/page/check.py` opens it in one.

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
