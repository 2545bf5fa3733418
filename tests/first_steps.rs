//! The first steps of a newcomer: a site file drafted, and accepted by the commands that need one.

mod common;

use common::{run, sample, say};

#[test]
fn a_drafted_site_is_accepted_and_never_written_over_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let ran = say(folder.path(), "init -o site.toml").done();
    assert!(ran.stdout.is_empty() && ran.stderr.contains("MEASURE"), "{ran:?}");
    let capture = sample("tunnel/capture.wav");
    let capture = capture.to_str().unwrap();
    run(folder.path(), ["locate", capture, "--site", "site.toml", "--no-plots", "--out", "out"]).done();
    say(folder.path(), "init -o site.toml").refused(2, &["site.toml is there already", "--force"]);
    say(folder.path(), "init --shape plate --size 1.2m,0.8m --contacts 3mm --sensors 6 -o site.toml --force").done();
    say(folder.path(), "dispersion --site site.toml").done();
    say(folder.path(), "init --shape box --size 4m,3m,2.2m -o cabin.toml").done();
    say(folder.path(), "init --shape box --size 4m,3m -o x.toml").refused(2, &["4m,3m,2.2m"]);
    say(folder.path(), "init --size 2,3 -o x.toml").refused(2, &["no unit"]);
    say(folder.path(), "init --contacts 3m -o x.toml").refused(2, &["3000 mm"]);
    assert!(!folder.path().join("x.toml").exists());
}
