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

#[test]
fn every_command_has_a_manual_page_with_an_example_and_completes() {
    let folder = tempfile::tempdir().unwrap();
    let help = say(folder.path(), "--help").done().stdout;
    let (_, commands) = help.split_once("Commands:").unwrap();
    let (commands, _) = commands.split_once("Options:").unwrap();
    let names: Vec<&str> = commands.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let names: Vec<&str> = names.into_iter().filter(|name| *name != "help").collect();
    assert!(names.contains(&"locate") && names.contains(&"calibrate") && names.contains(&"spectra"), "{names:?}");
    say(folder.path(), "man --out pages").done();
    for shell in ["bash", "zsh", "fish"] {
        let script = say(folder.path(), &format!("completions {shell}")).done().stdout;
        for name in &names {
            assert!(script.contains(name), "{shell} does not know {name}");
        }
    }
    for name in &names {
        let help = say(folder.path(), &format!("{name} --help")).done().stdout;
        assert!(help.contains("Example") && help.contains(&format!("\n  pinhole {name} ")), "{name}: {help}");
        let page = std::fs::read_to_string(folder.path().join(format!("pages/pinhole-{name}.1"))).unwrap();
        assert!(page.contains(".SH NAME") && page.contains("Example"), "{name}");
    }
}
