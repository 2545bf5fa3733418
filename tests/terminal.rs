//! What every command shows, whichever it is: no escape codes where nobody looks, no colour where none is wanted, help with an
//! example, and refusals that say what to do next.

mod common;

use std::collections::BTreeSet;

use common::{PANEL, panel, program, recorded, root, say};

/// A folder with a recorded panel in `there/`, to be used as the current folder.
fn workplace() -> tempfile::TempDir {
    let work = tempfile::tempdir().unwrap();
    std::fs::rename(recorded(&panel(&[])).keep(), work.path().join("there")).unwrap();
    std::fs::write(work.path().join("there/scene.toml"), PANEL).unwrap();
    std::fs::rename(recorded(&panel(&[("seed = 7", "seed = 8")])).keep(), work.path().join("aft")).unwrap();
    let stand = |id: &str, capture: &str| format!("[[stand]]\nid = '{id}'\ncaptures = ['{capture}']\n");
    let survey = stand("fore", "capture.wav") + &stand("aft", "../aft/capture.wav");
    std::fs::write(work.path().join("there/survey.toml"), survey).unwrap();
    std::fs::write(work.path().join("there/broken.toml"), "[site]\nname = \"panel\n").unwrap();
    work
}

/// Every command as `--help` lists them.
fn verbs() -> BTreeSet<String> {
    let help = say(root(), "--help").done().stdout;
    let (_, listed) = help.split_once("Commands:\n").unwrap();
    let lines = listed.lines().map_while(|line| line.strip_prefix("  "));
    lines.filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).filter(|verb| verb != "help").collect()
}

/// A use of every command, in this order in one folder, and the exit status that it has.
const USES: [(&str, i32); 16] = [
    ("locate there/capture.wav --out out --export geojson", 0),
    ("compare out/result.json out/result.json", 0),
    ("inspect there/capture.wav", 0),
    ("filter there/capture.wav --band 20..60kHz -o filtered.wav", 0),
    ("listen there/capture.wav -o heard.wav", 0),
    ("spectra there/capture.wav -o there.spectra", 0),
    ("batch there --site there/site.toml --out many", 0),
    ("plan --site there/site.toml", 0),
    ("dispersion --site there/site.toml", 0),
    ("simulate there/scene.toml -o again", 0),
    ("init -o new.toml", 0),
    ("completions bash", 0),
    ("man -o pages", 0),
    ("calibrate there/capture.wav --site there/site.toml --at 0.37,0.52,0 --fit gain,polarity -o mended.toml", 0),
    ("survey there/survey.toml --no-plots", 0),
    // A refusal is output, too, and no two measurements are alike.
    ("bench gone.wav", 1),
];

#[test]
fn no_escape_codes_of_any_command_reach_a_pipe() {
    let used: BTreeSet<String> = USES.iter().map(|(words, _)| words.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(used, verbs(), "a use of every command");
    for no_colour in [None, Some("1")] {
        let work = workplace();
        for (words, status) in USES {
            let mut command = program(work.path());
            command.args(words.split(' ')).arg("-v");
            no_colour.map(|value| command.env("NO_COLOR", value));
            let ran = command.output().unwrap();
            let told = [ran.stdout, ran.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
            assert_eq!(ran.status.code(), Some(status), "{words}: {told:?}");
            assert!(told.iter().all(|text| !text.contains(['\x1b', '\r'])), "{words}: {told:?}");
        }
    }
}

/// Colour is a person's: there on a terminal, and gone where NO_COLOR asks for none. (A progress bar moves the cursor all the same.)
#[cfg(unix)]
#[test]
fn no_colour_is_shown_where_none_is_wanted() {
    let work = workplace();
    let shown = |no_colour: bool| {
        let mut command = program(work.path());
        command.args(["locate", "there/capture.wav", "--no-plots"]).env("TERM", "xterm-256color");
        if no_colour {
            command.env("NO_COLOR", "1");
        }
        let mut session = rexpect::session::spawn_command(command, Some(60_000)).unwrap();
        session.exp_eof().unwrap()
    };
    // The end of a colour's code, ESC [ numbers m.
    let coloured = |text: &str| {
        text.split("\x1b[")
            .skip(1)
            .any(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m'))
    };
    let (plain, colourful) = (shown(true), shown(false));
    assert!(plain.contains("Leak on panel") && colourful.contains("Leak on panel"), "{plain:?} {colourful:?}");
    assert!(!coloured(&plain), "{plain:?}");
    assert!(coloured(&colourful), "{colourful:?}");
}

#[test]
fn every_command_has_help_with_an_example() {
    for verb in verbs() {
        let ran = say(root(), &format!("{verb} --help")).done();
        assert!(ran.stdout.contains("Example"), "{verb}");
        let (_, examples) = ran.stdout.rsplit_once("Example").unwrap();
        assert!(examples.contains(&format!("pinhole {verb} ")), "{verb}: {examples}");
        assert_eq!(ran.stderr, "", "{verb}");
    }
}

/// What each command says with `-v` of a use of [`USES`].
const REASONS: [(&str, &[&str]); 16] = [
    (
        "locate",
        &["site there/site.toml: it stands beside the first capture", "band 20.0..80.0 kHz: ", "stands out by z"],
    ),
    ("compare", &["leak 1 of A: leak 1 of B is the nearest, 0.0 mm apart, as chance sets them in 100 %: the same"]),
    (
        "inspect",
        &["names and clocks of the site there/site.toml", "segments of 1024 samples", "the band that is suggested"],
    ),
    ("filter", &["483 samples of response (2.52 ms)", "edges 1.999 kHz wide, 80 dB down beyond: a tenth of the lower"]),
    (
        "listen",
        &["centre 40.0 kHz in the middle", "written at 32000 of 192000 Hz", "channel 1 alone", "root mean square"],
    ),
    ("spectra", &["sound reaches the sensors up to 3.16 ms apart", "count as", "the BLAKE3 of its bytes"]),
    ("batch", &["as many leaks as stand out", "captures: 1; at most"]),
    (
        "plan",
        &["band 20.0..80.0 kHz: below it machines", "-10.0 dB over it at the median sensor", "1.000 s", "cells of"],
    ),
    ("dispersion", &["band 20.0..80.0 kHz: below it machines", "one speed, 345.17 m/s"]),
    (
        "simulate",
        &["seed 7", "19200 samples a channel", "5 ways of sound", "leak 1: ", "snr_db puts it 10 dB over noise"],
    ),
    ("init", &["asked nothing: ", "--shape tunnel: the usual one"]),
    ("completions", &["bash as asked, for 16 commands"]),
    ("man", &["pages as asked"]),
    (
        "calibrate",
        &["all of it as a steady sound", "found out: gains, polarities: as asked", "held, since --fit", "all 5 ranges"],
    ),
    ("survey", &["stands: 2, sensors: 10, as one site", "walls and path of there/site.toml", "stands out by z"]),
    ("bench", &["9 rounds", "registers: ", "the stages alone are measured"]),
];

/// Answers and warnings stay as they were; what is said besides is said with `--quiet`, too, and then alone.
#[test]
fn verbose_says_what_every_command_decided_and_why_and_changes_no_answer() {
    let works = [(); 3].map(|()| workplace());
    for ((words, status), (verb, reasons)) in USES.into_iter().zip(REASONS) {
        assert!(words.starts_with(verb), "{words}");
        let shell = matches!(verb, "completions" | "man");
        let more = ["", "-v", if shell { "-v" } else { "-v --quiet" }];
        let ran = [0, 1, 2].map(|i| say(works[i].path(), &format!("{words} {}", more[i])));
        assert!(ran.iter().all(|ran| ran.code == status), "{ran:?}");
        assert!(ran.iter().all(|other| other.stdout == ran[0].stdout), "{words}: {ran:?}");
        let [plain, told, alone] = ran.each_ref().map(|ran| ran.stderr.lines().collect::<Vec<_>>());
        assert!(plain.iter().all(|line| told.contains(line)) && told.len() > plain.len(), "{words}: {ran:?}");
        for part in reasons {
            assert!(told.iter().any(|line| line.contains(part)), "{words}: {part}: {ran:?}");
            assert!(alone.iter().any(|line| line.contains(part)), "{words}: {part}: {ran:?}");
            assert!(!plain.iter().any(|line| line.contains(part)), "{words}: {part}: {ran:?}");
        }
        let is_answer = shell || status != 0;
        assert!(is_answer || !plain.iter().any(|line| alone.contains(line)), "{words}: {ran:?}");
    }
}

#[test]
fn a_finished_capture_is_skipped_with_its_reason() {
    let work = workplace();
    let batch = "batch there --site there/site.toml --out many --no-plots -v";
    let [first, again] = [(); 2].map(|()| say(work.path(), batch).done());
    let why = "there/capture.wav: skipped, since the same bytes, site and settings are finished in capture-";
    assert!(!first.stderr.contains(why) && again.stderr.contains(why), "{first:?} {again:?}");
}

#[test]
fn verbose_may_stand_before_the_command() {
    let work = workplace();
    let [before, after] =
        ["-v inspect there/capture.wav", "inspect there/capture.wav -v"].map(|w| say(work.path(), w).done());
    assert_eq!((before.stdout, before.stderr), (after.stdout, after.stderr));
    say(work.path(), "-v inspect --bnad 20kHz").refused(2, &["see 'pinhole inspect --help'"]);
    say(work.path(), "-v").refused(2, &["no command"]);
}

/// What people get wrong, and words of what they are told to do next.
#[test]
fn refusals_say_what_to_do_next() {
    let work = workplace();
    std::fs::create_dir(work.path().join("there/none")).unwrap();
    let refusals = [
        ("locate gone.wav", 1, "check the name"),
        ("locate gone.wav --site there/site.toml", 1, "check the name"),
        ("locate there", 2, "pinhole batch"),
        ("locate there/site.toml", 1, "name a recording"),
        ("locate there/capture.wav --site there/capture.wav", 2, "name a site"),
        ("locate there/capture.wav --site there/broken.toml", 2, "broken.toml:2: not valid TOML"),
        ("locate there/capture.wav --site there/broken.toml", 2, "mend that line, or name another file"),
        ("locate there/capture.wav --band 20..60", 2, "write 60kHz"),
        ("locate there/capture.wav --band 60..20kHz", 2, "write the lower end first"),
        ("locate there/capture.wav --band 100..300kHz", 2, "take a lower band"),
        ("locate there/capture.wav --from 3s", 2, "mend --from"),
        ("locate there/capture.wav --leaks 0", 2, "write auto"),
        ("locate there/capture.wav --alarm 5", 2, "such as 1%"),
        ("locate there/capture.wav --threads 0", 2, "from 1 to 1024"),
        ("locate there/capture.wav --export pdf", 2, "csv, vtp, geojson"),
        ("locate there/capture.wav --out there/site.toml", 1, "name a folder"),
        ("locate there/capture.wav --transient --background there/capture.wav", 2, "leave one of them out"),
        ("locate there/capture.wav there/capture.wav", 2, "give one file a recorder"),
        ("locate", 2, "see 'pinhole locate --help'"),
        ("", 2, "begin with 'pinhole locate"),
        ("plan --site there/site.toml --add x", 2, "write a whole number"),
        ("listen there/capture.wav --leak 1 -o heard.wav", 1, "locate the capture first"),
        ("simulate there/scene.toml -o there/site.toml", 1, "name another place"),
        ("init -o there/site.toml/new.toml", 1, "name another place"),
        ("locat there/capture.wav", 2, "'locate'"),
        ("inspect there/capture.wav --bnad 20..60kHz", 2, "see 'pinhole inspect --help'"),
        ("filter there/capture.wav --band 20..60kHz -o loud.mp3", 2, "call it .wav"),
        ("filter there/capture.wav --band 20..60kHz -o there/capture.wav", 2, "name another file"),
        ("listen there/capture.wav -o heard.wav --centre 500kHz", 2, "take less than"),
        ("calibrate there/capture.wav --site there/site.toml --at 1,2 -o new.toml", 2, "as 0.98"),
        ("calibrate there/capture.wav --site there/site.toml --at 1,2,0 -o there/site.toml", 2, "--force"),
        ("compare there/truth.json there/truth.json", 2, "locate the capture again"),
        ("batch there/none --site there/site.toml --out many", 2, "name captures"),
        ("spectra there/capture.wav --slice 4/3 -o a.spectra", 2, "as 3/12"),
        ("simulate there/site.toml -o again", 2, "needed"),
    ];
    for (words, status, next) in refusals {
        say(work.path(), words).refused(status, &[next]);
    }
    assert_eq!(common::names(work.path()), ["aft", "there"]);
}
