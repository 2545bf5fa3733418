//! Rules of the house that the compiler does not hold: which module may use which, who touches files, how long a file
//! may be.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What each module of the library may use besides itself; `error` holds the crate's `Error` and `Result` as well.
/// Lines lead down only: nothing here stands above what it uses; nobody uses `simulate`, and `report` is used by `batch`
/// alone, which runs the whole of it many times.
const MAY_USE: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("units", &["error"]),
    ("atomic", &["error"]),
    ("simd", &[]),
    ("aligned", &[]),
    ("capture", &["atomic", "error", "units", "simd"]),
    ("channelise", &["error", "units", "simd", "aligned"]),
    ("cross_spectra", &["capture", "channelise", "error", "units", "simd", "aligned"]),
    ("filter", &["capture", "channelise", "error", "units"]),
    ("inspect", &["capture", "channelise", "cross_spectra", "error", "units"]),
    ("delay", &["cross_spectra", "error", "units", "simd"]),
    ("site", &["error", "units"]),
    ("propagation", &["site", "error", "units"]),
    ("locate", &["capture", "channelise", "cross_spectra", "delay", "site", "propagation", "error", "units", "simd"]),
    ("archive", &["cross_spectra", "channelise", "capture", "atomic", "error"]),
    ("plan", &["locate", "site", "propagation", "error", "units"]),
    ("calibrate", &["locate", "capture", "cross_spectra", "site", "propagation", "error", "units"]),
    ("simulate", &["site", "propagation", "capture", "atomic", "error", "units"]),
    ("speed", &["capture", "channelise", "cross_spectra", "locate", "site", "simd", "aligned", "error"]),
    ("batch", &["report", "locate", "capture", "site", "atomic", "error"]),
    (
        "report",
        &[
            "locate",
            "plan",
            "calibrate",
            "inspect",
            "speed",
            "capture",
            "site",
            "propagation",
            "simd",
            "atomic",
            "error",
            "units",
        ],
    ),
];

/// Files and folders that may touch the file system; tests may everywhere.
const TOUCHES_FILES: &[&str] = &[
    "archive/",
    "atomic.rs",
    "batch/",
    "capture/",
    "site/",
    "cli/",
    "simulate/files.rs",
    "simulate/scene.rs",
    "simulate/mod.rs",
];

/// Longest file, lines.
const LONGEST: usize = 400;

/// Folders of Rust code; `python/src` is a crate of its own, which meets the library as `pinhole::`.
const FOLDERS: [&str; 5] = ["src", "tests", "examples", "benches", "python/src"];

fn source_files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            source_files(&path, ending, found);
        } else if path.extension().is_some_and(|e| e == ending) {
            found.push(path);
        }
    }
    found.sort();
}

/// Every Rust file below `folder` of the crate: its path from there, with `/`, and its text.
fn sources(folder: &str) -> Vec<(String, String)> {
    files_of(folder, "rs")
}

fn files_of(folder: &str, ending: &str) -> Vec<(String, String)> {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = Vec::new();
    if base.exists() {
        source_files(&base, ending, &mut found);
    }
    let name = |path: &Path| path.strip_prefix(&base).unwrap().to_str().unwrap().replace('\\', "/");
    found.iter().map(|path| (name(path), std::fs::read_to_string(path).unwrap())).collect()
}

/// Code without notes and without what stands in quotes; line ends stay.
fn bare(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let raw_guard = rest.strip_prefix('r').map(|r| r.len() - r.trim_start_matches('#').len());
        let inside_a_word = code.ends_with(|p: char| p.is_alphanumeric() || p == '_');
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(guard) = raw_guard.filter(|g| rest[1 + g..].starts_with('"') && !inside_a_word) {
            let close = format!("\"{}", "#".repeat(guard));
            rest[guard + 2..].find(&close).map_or(rest.len(), |end| guard + 2 + end + close.len())
        } else if c == '"' {
            quoted(rest, '"')
        } else if c == '\'' && (rest[1..].starts_with('\\') || rest.chars().nth(2) == Some('\'')) {
            quoted(rest, '\'')
        } else {
            code.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        code.extend(rest[..skipped].chars().filter(|c| *c == '\n'));
        code.push(' ');
        rest = &rest[skipped..];
    }
    code
}

/// Length of a quotation that starts `text`, its marks included.
fn quoted(text: &str, mark: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == mark {
            return at + 1;
        }
    }
    text.len()
}

/// First names of the paths that start at `root::`, those in braces too.
fn first_names(code: &str, root: &str) -> BTreeSet<String> {
    let start = format!("{root}::");
    let word = |text: &str| text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices(&start) {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let after = code[at + start.len()..].trim_start();
        let Some(list) = after.strip_prefix('{') else {
            names.insert(if after.starts_with('*') { "*".into() } else { word(after) });
            continue;
        };
        let (mut depth, mut item) = (0, String::new());
        for c in list.chars() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    names.insert(word(&item));
                    item.clear();
                    continue;
                }
                _ => {}
            }
            item.push(c);
        }
        names.insert(word(&item));
    }
    names.remove("");
    names
}

/// The module of the library that a file under `src/` belongs to.
fn module_of(file: &str) -> &str {
    file.split('/').next().unwrap().trim_end_matches(".rs")
}

/// What is wrong with the imports of one file under `src/`.
fn wrong_imports(file: &str, source: &str) -> Vec<String> {
    let code = bare(source);
    let module = module_of(file);
    let mut wrong = Vec::new();
    if ["main", "cli"].contains(&module) {
        // Its own crate: `crate::` is the program there, and the library is met as `pinhole::`, which is public.
        let own = first_names(&code, "crate");
        wrong.extend(own.iter().filter(|n| *n != "cli").map(|n| format!("{file}: crate::{n} inside the program")));
        return wrong;
    }
    if module == "lib" {
        return wrong;
    }
    let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == module) else {
        return vec![format!("{file}: module '{module}' is not in the table of tests/house.rs; give it a line there")];
    };
    let modules: Vec<&str> = MAY_USE.iter().map(|(name, _)| *name).collect();
    // A module's own folder has no file named like another module, so `super::name` can only mean the crate's.
    let above = first_names(&code, "super").into_iter().filter(|name| modules.contains(&name.as_str()));
    for name in first_names(&code, "crate").into_iter().chain(above).chain(first_names(&code, "pinhole")) {
        let target = if ["Error", "Result"].contains(&name.as_str()) { "error" } else { &name };
        if target != module && !allowed.contains(&target) {
            wrong.push(format!("{file}: '{module}' uses '{target}'; it may use {allowed:?}"));
        }
    }
    wrong
}

/// The code before a file's tests.
fn without_tests(code: &str) -> &str {
    &code[..code.find("#[cfg(test)]\nmod tests").unwrap_or(code.len())]
}

fn touches_files(source: &str) -> bool {
    let code = bare(source);
    let code = without_tests(&code);
    ["std::fs", "fs::", "File::", "tempfile::", "OpenOptions"].iter().any(|word| code.contains(word))
}

#[test]
fn every_import_leads_down() {
    let wrong: Vec<String> = sources("src").iter().flat_map(|(file, text)| wrong_imports(file, text)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_itself_has_no_circle_and_names_every_module() {
    let mut settled: BTreeSet<&str> = BTreeSet::new();
    while settled.len() < MAY_USE.len() {
        let ready = MAY_USE.iter().filter(|(_, uses)| uses.iter().all(|u| settled.contains(u)));
        let next: BTreeSet<&str> = ready.map(|(name, _)| *name).chain(settled.iter().copied()).collect();
        assert!(next.len() > settled.len(), "a circle among what is not in {settled:?}");
        settled = next;
    }
    let lib = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let declared: BTreeSet<&str> = lib.lines().filter_map(|l| l.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert_eq!(declared, settled);
    for (name, uses) in MAY_USE {
        assert!(*name == "batch" || !uses.contains(&"report"), "{name}");
        assert!(!uses.contains(&"simulate") && !uses.contains(&"batch"), "{name}");
    }
}

#[test]
fn the_two_columns_do_not_know_each_other() {
    let heard = ["capture", "channelise", "cross_spectra", "delay"];
    let there = ["site", "propagation"];
    for (name, uses) in MAY_USE {
        let forbidden: &[&str] = match *name {
            n if heard.contains(&n) => &there,
            n if there.contains(&n) => &heard,
            _ => &[],
        };
        assert!(uses.iter().all(|u| !forbidden.contains(u)), "{name}");
    }
}

#[test]
fn only_the_edges_touch_files() {
    for (file, text) in sources("src") {
        let allowed = TOUCHES_FILES.iter().any(|edge| file.starts_with(edge)) || file.ends_with("_tests.rs");
        assert!(allowed || !touches_files(&text), "{file} touches the file system");
    }
}

#[test]
fn no_file_is_longer_than_400_lines() {
    for folder in FOLDERS {
        for (file, text) in sources(folder) {
            let lines = text.lines().count();
            assert!(lines <= LONGEST, "{folder}/{file}: {lines} lines; two questions, two files");
        }
    }
}

#[test]
fn every_file_opens_with_its_question() {
    for folder in FOLDERS {
        for (file, text) in sources(folder) {
            assert!(text.starts_with("//! "), "{folder}/{file} does not open with a line of //!");
        }
    }
}

#[test]
fn python_files_open_with_their_question_and_are_no_longer_either() {
    let files = files_of("python", "py");
    assert!(files.len() > 10, "{}", files.len());
    for (file, text) in files {
        assert!(text.starts_with("\"\"\""), "python/{file} does not open with a docstring");
        assert!(text.lines().count() <= LONGEST, "python/{file} is longer than {LONGEST} lines");
    }
}

#[test]
fn lints_are_expected_with_a_reason_never_allowed() {
    for folder in FOLDERS {
        for (file, text) in sources(folder) {
            let code = bare(&text);
            assert!(!code.contains("#[allow(") && !code.contains("#![allow("), "{folder}/{file}: a bare allow");
            for (at, _) in code.match_indices("[expect(") {
                let end = at + code[at..].find(']').unwrap_or(0);
                assert!(code[at..end].contains("reason"), "{folder}/{file}: an expect without a reason");
            }
        }
    }
}

#[test]
fn a_wrong_import_is_caught_however_it_is_written() {
    let caught = |file: &str, source: &str| !wrong_imports(file, source).is_empty();
    assert!(caught("propagation/air.rs", "use crate::capture::Captures;"));
    assert!(caught("delay/table.rs", "fn f(site: &crate::site::Site) {}"));
    assert!(caught("site/mod.rs", "use crate::{error::Result, cross_spectra::{Sums, Layout}};"));
    assert!(caught("site/mod.rs", "use crate::{\n    error::{Error, Result},\n    locate,\n};"));
    assert!(caught("units.rs", "use super::site::Site;"));
    assert!(caught("locate/mod.rs", "use crate::report;"));
    assert!(caught("locate/search.rs", "use crate::simulate::Scene;"));
    assert!(caught("capture/wav.rs", "use crate::*;"));
    assert!(caught("capture/wav.rs", "let text = \"crate::error\"; use crate::site::Wall;"));
    assert!(caught("cli/locate.rs", "use crate::locate::Options;"));
    assert!(caught("predict/mod.rs", "//! A module that nobody put into the table."));
    assert!(!caught("site/mod.rs", "//! See [`crate::capture`].\nuse crate::Error; // not crate::locate"));
    assert!(!caught(
        "site/mod.rs",
        "const S: &str = r#\"use crate::locate;\"#; const C: char = '\"'; /* crate::delay */"
    ));
    assert!(!caught(
        "report/text.rs",
        "use crate::report::words; use crate::locate::Outcome; pub(in crate::report) fn f() {}"
    ));
    assert!(!caught("cli/mod.rs", "use pinhole::locate::Options; use super::console; use crate::cli::quantity;"));
}

#[test]
fn a_touched_file_and_a_stripped_note_are_told_apart() {
    assert!(touches_files("fn f() { std::fs::read(\"x\"); }"));
    assert!(touches_files("use std::{fs, io};\nfn f() { fs::read(\"x\"); }"));
    assert!(!touches_files("//! No std::fs here.\n#[cfg(test)]\nmod tests { use std::fs; }"));
    assert_eq!(bare("a // b\nc /* d */ 'x' \"e\\\"f\" &'g h").split_whitespace().collect::<String>(), "ac&'gh");
}
