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

/// Nobody writes to the pipe: whoever opened it would wait for ever.
#[cfg(unix)]
#[test]
fn a_pipe_is_refused_before_it_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let made = std::process::Command::new("mkfifo").arg(folder.path().join("pipe.wav")).status().unwrap();
    assert!(made.success());
    say(folder.path(), "init -o site.toml").done();
    for verb in
        ["locate pipe.wav --site site.toml", "spectra pipe.wav --site site.toml -o x.spectra", "inspect pipe.wav"]
    {
        say(folder.path(), verb).refused(1, &["pipe.wav", "is a pipe or a device", "to a file"]);
    }
    say(folder.path(), "inspect /dev/zero").refused(1, &["/dev/zero", "is a pipe or a device"]);
}

#[cfg(unix)]
#[test]
fn at_a_terminal_it_asks_for_what_no_flag_says() {
    let folder = tempfile::tempdir().unwrap();
    let at_terminal = |flags: &str, answers: &[(&str, &str)]| {
        let mut command = common::program(folder.path());
        // The terminal's, not the empty one that tests have otherwise.
        command.stdin(std::process::Stdio::inherit()).args(format!("init {flags}").split_whitespace());
        let mut terminal = rexpect::session::spawn_command(command, Some(20_000)).unwrap();
        for (question, answer) in answers {
            terminal.exp_string(question).unwrap_or_else(|e| panic!("{question}: {e}"));
            terminal.send_line(answer).unwrap();
        }
        terminal.exp_eof().unwrap()
    };
    let questions = [("tunnel, plate or box? [tunnel]: ", "barn"), ("'barn' is none of tunnel, plate and box", "")];
    let rest = [
        ("Diameter and length? [2m,2.35m]: ", "1.5m"),
        ("like 2m,2.35m", ""),
        ("[air]: ", ""),
        ("How many sensors? [8]: ", "6"),
        ("known (1 sigma)? [2mm]: ", "5mm"),
        ("plots? [my module]: ", "PrK"),
    ];
    let said = at_terminal("-o asked.toml", &[&questions[..], &rest[..]].concat());
    assert!(said.contains("asked.toml written"), "{said}");
    say(folder.path(), "init --name PrK --sensors 6 --sigma 5mm -o told.toml").done();
    let text = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(text("asked.toml"), text("told.toml"));
    // What flags say is not asked.
    let said = at_terminal(
        "--shape plate --size 1.2m,0.8m --contacts 3mm --sigma 1mm -o panel.toml",
        &[("How many sensors? [8]: ", ""), ("plots? [my module]: ", "")],
    );
    assert!(said.contains("panel.toml written"), "{said}");
    let said = at_terminal("--no-questions -o silent.toml", &[]);
    assert!(said.contains("silent.toml written") && !said.contains('['), "{said}");
}
