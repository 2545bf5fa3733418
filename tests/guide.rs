//! The guide in `docs/`: every page is in its table of contents, every link leads somewhere, every command that it shows is run,
//! and what it shows below a command is what that prints.
//!
//!     PINHOLE_BLESS=1 cargo test --release --test guide      takes what comes out now as right
//!
//! Each page is a folder of its own with `samples/` in it, and its blocks marked `sh` are run there in turn, as a reader would
//! type them; what a reader would have anyway, such as a recording of his own, is made by `sh` inside a comment of the page. The block marked `text`
//! after a command is what a terminal shows; a line `…` in it stands for any lines.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use common::text::same_text;
use common::{names, program, root, say};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// Pages outside the guide whose links and commands are held to the same.
const BESIDE: [&str; 3] = ["README.md", "ARCHITECTURE.md", "samples/README.md"];

/// What a page says to a machine.
#[derive(Default)]
struct Page {
    /// Fenced blocks: what they are marked with, and their text.
    blocks: Vec<(String, Range<usize>)>,
    /// Commands in comments, which readers do not see.
    hidden: Vec<Range<usize>>,
    /// Where its links and pictures lead.
    links: Vec<String>,
    /// What its headings are called in an address.
    anchors: BTreeSet<String>,
    /// Code within sentences.
    spans: Vec<String>,
}

impl Page {
    fn of(text: &str) -> Self {
        let mut page = Self::default();
        let (mut heading, mut inside): (Option<String>, Option<Range<usize>>) = (None, None);
        let mut block: Option<String> = None;
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            match event {
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(mark))) => block = Some(mark.to_string()),
                Event::Text(_) if block.is_some() => {
                    inside = Some(inside.map_or(range.start, |r| r.start)..range.end);
                }
                Event::End(TagEnd::CodeBlock) => page.blocks.extend(block.take().zip(inside.take())),
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => page.anchors.extend(heading.take().map(|h| anchor(&h))),
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(dest_url.to_string());
                }
                Event::Start(Tag::HtmlBlock) if text[range.clone()].starts_with("<!-- sh") => page.hidden.push(range),
                Event::Code(code) => {
                    page.spans.push(code.to_string());
                    heading.iter_mut().for_each(|h| h.push_str(&code));
                }
                Event::Text(words) => heading.iter_mut().for_each(|h| h.push_str(&words)),
                _ => {}
            }
        }
        page
    }
}

/// What GitHub and mdBook call a heading in an address.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || "_- ".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).flat_map(char::to_lowercase).collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Pages of the guide in the order of its table of contents.
fn in_order() -> Vec<PathBuf> {
    let contents = Page::of(&read(&root().join("docs/SUMMARY.md")));
    contents.links.iter().map(|name| root().join("docs").join(name)).collect()
}

/// Pages of the guide, and those beside it.
fn all_pages() -> impl Iterator<Item = PathBuf> {
    in_order().into_iter().chain(BESIDE.map(|name| root().join(name)))
}

#[test]
fn the_contents_name_every_page_once() {
    let listed: Vec<PathBuf> = in_order();
    let mut there: Vec<PathBuf> =
        names(&root().join("docs")).iter().map(|name| root().join("docs").join(name)).collect();
    there.retain(|path| path.extension().is_some_and(|e| e == "md") && !path.ends_with("SUMMARY.md"));
    let mut sorted = listed.clone();
    sorted.sort();
    assert_eq!(sorted, there, "docs/SUMMARY.md on the left, docs/ on the right");
}

#[test]
fn every_link_leads_somewhere() {
    let mut wrong = Vec::new();
    for from in all_pages() {
        let of_guide = from.starts_with(root().join("docs"));
        for link in Page::of(&read(&from)).links.iter().filter(|link| !link.contains("://")) {
            let (file, heading) = link.split_once('#').map_or((link.as_str(), None), |(f, h)| (f, Some(h)));
            let to = if file.is_empty() { from.clone() } else { from.parent().expect("a folder").join(file) };
            let there = match heading {
                None => to.exists(),
                Some(heading) => to.is_file() && Page::of(&read(&to)).anchors.contains(heading),
            };
            // The book holds what is in its folder and nothing else.
            if !there || (of_guide && link.starts_with("..")) {
                wrong.push(format!("{}: {link}", from.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "lead nowhere:\n{}", wrong.join("\n"));
}

#[test]
fn every_command_and_flag_that_is_named_exists() {
    let help = |verb: &str| say(root(), &format!("{verb} --help")).done().stdout;
    let (_, verbs) = help("").split_once("Commands:").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let verbs: BTreeMap<String, String> = verbs
        .lines()
        .map_while(|line| line.strip_prefix("  ").or(line.is_empty().then_some("")))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|verb| *verb != "help" && !verb.starts_with('-'))
        .map(|verb| (verb.to_owned(), help(verb)))
        .collect();
    assert!(verbs.len() > 10, "{verbs:?}");
    let mut wrong = Vec::new();
    for path in all_pages() {
        let text = read(&path);
        let page = Page::of(&text);
        let blocks =
            page.blocks.iter().filter(|(mark, _)| mark == "sh").map(|(_, range)| text[range.clone()].to_owned());
        let lines = blocks.flat_map(|block| block.replace("\\\n", " ").lines().map(str::to_owned).collect::<Vec<_>>());
        for command in page.spans.into_iter().chain(lines) {
            // Further commands of a line stand behind marks that begin a command.
            for part in command.split(['|', ';', '&']) {
                let Some(words) = part.trim_start().strip_prefix("pinhole ") else { continue };
                let words = words.split(" #").next().unwrap_or_default();
                let mut words = words.split_whitespace();
                let verb = words.next().unwrap_or_default();
                let Some(help) = verbs.get(verb).or_else(|| verb.starts_with('-').then_some(&verbs["locate"])) else {
                    wrong.push(format!("{}: `{command}`", path.display()));
                    continue;
                };
                for flag in words.filter(|word| word.starts_with("--") && *word != "--help") {
                    let flag = flag.split(['=', ']', ')', ',', '.']).next().unwrap_or_default();
                    if !help.split_whitespace().any(|word| word.trim_end_matches(',') == flag) {
                        wrong.push(format!("{}: `{command}`: pinhole {verb} knows no {flag}", path.display()));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "no such command:\n{}", wrong.join("\n"));
}

/// Keys of objects, however deep.
fn keys(value: &serde_json::Value, found: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(entries) => entries.iter().for_each(|(key, value)| {
            found.insert(key.clone());
            keys(value, found);
        }),
        serde_json::Value::Array(values) => values.iter().for_each(|value| keys(value, found)),
        _ => {}
    }
}

/// Keys that a source file asks tables for.
fn asked_for(source: &str) -> BTreeSet<String> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let asking =
        ["f64", "whole", "array", "array::<3>", "list", "choice", "corners", "table", "tables", "string", "strings"];
    let asks = |before: &str| {
        let name = before.rsplit(['.', ' ', '(']).next().unwrap_or_default();
        asking.contains(&name.trim_start_matches("opt_")) || name == "flag"
    };
    let called = code.match_indices("(\"").filter(|(at, _)| asks(&code[..*at])).map(|(at, _)| at + 2);
    let handed = code.match_indices("(&mut table, \"").map(|(at, mark)| at + mark.len());
    called.chain(handed).filter_map(|at| code[at..].split('"').next()).map(str::to_owned).collect()
}

#[test]
fn every_key_of_a_file_is_explained() {
    let source = |name: &str| asked_for(&read(&root().join("src").join(name)));
    let mut result = BTreeSet::new();
    for name in ["tunnel", "tunnel_quiet"] {
        keys(&common::json(root().join(format!("tests/golden/{name}.json"))), &mut result);
    }
    let of_site = ["read.rs", "read_path.rs", "read_sensor.rs", "read_wall.rs", "survey.rs"];
    let pages = [
        ("result.md", result),
        (
            "scene.md",
            ["scene.rs", "deviations.rs"].iter().flat_map(|name| source(&format!("simulate/{name}"))).collect(),
        ),
        ("site.md", of_site.iter().flat_map(|name| source(&format!("site/{name}"))).collect()),
    ];
    for (name, keys) in pages {
        assert!(keys.len() > 20, "{name}: {keys:?}");
        let text = read(&root().join("docs").join(name));
        let page = Page::of(&text);
        let shown = page.blocks.iter().filter(|(mark, _)| mark == "toml").map(|(_, range)| &text[range.clone()]);
        let word = |c: char| !c.is_alphanumeric() && c != '_';
        let told: BTreeSet<&str> =
            page.spans.iter().map(String::as_str).chain(shown).flat_map(|span| span.split(word)).collect();
        let missing: Vec<&String> = keys.iter().filter(|key| !told.contains(key.as_str())).collect();
        assert!(missing.is_empty(), "docs/{name} does not explain {missing:?}");
    }
}

#[cfg(unix)]
#[test]
fn every_command_is_run_and_prints_what_the_guide_shows() {
    let bless = std::env::var_os("PINHOLE_BLESS").is_some_and(|value| value == "1");
    let mut wrong = Vec::new();
    let mut run = 0;
    for path in in_order() {
        let text = read(&path);
        let page = Page::of(&text);
        if !page.blocks.iter().any(|(mark, _)| mark == "sh") {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        copy(&root().join("samples"), &folder.path().join("samples"));
        let (mut blessed, mut printed) = (Vec::new(), None);
        let hidden = page.hidden.iter().map(|range| ("hidden", range.clone()));
        let mut steps: Vec<(&str, Range<usize>)> =
            page.blocks.iter().map(|(mark, range)| (mark.as_str(), range.clone())).chain(hidden).collect();
        steps.sort_by_key(|(_, range)| range.start);
        for (mark, range) in steps {
            let block = &text[range.clone()];
            match mark {
                "hidden" => {
                    let script = block.trim().trim_start_matches("<!-- sh").trim_end_matches("-->");
                    typed(folder.path(), script);
                }
                "sh" => {
                    printed = Some(typed(folder.path(), block));
                    run += 1;
                }
                "text" => {
                    let Some(now) = printed.take() else { continue };
                    if let Err(difference) = shown(block, &now) {
                        wrong.push(format!("{}: {difference}\n--- shown\n{block}--- printed\n{now}", path.display()));
                        if !block.lines().any(|line| line == "…") {
                            blessed.push((range, now));
                        }
                    }
                }
                _ => {}
            }
        }
        if bless {
            let mut text = text.clone();
            blessed.into_iter().rev().for_each(|(range, now)| text.replace_range(range, &now));
            std::fs::write(&path, text).unwrap();
        }
    }
    assert!(run > 10, "{run} blocks of commands are few for a guide");
    assert!(wrong.is_empty() || bless, "{}", wrong.join("\n\n"));
}

/// What a reader of README.md has that it does not make: recordings of his own, with the leak's side shut and before and after, and results of them.
#[cfg(unix)]
const HIS_OWN: &str = r"
cp samples/tunnel/capture.wav prk.wav
cp samples/tunnel/site.toml prk.toml
sed -e '/^\[\[leak\]\]/,/^$/d' -e 's/^seed = .*/seed = 7/' samples/tunnel.scene.toml > quiet.scene.toml
pinhole simulate quiet.scene.toml -o quiet --quiet
cp quiet/capture.wav fans_only.wav
cp prk.wav night.wav
mkdir recordings && cp prk.wav recordings/
pinhole locate samples/tunnel_quiet/capture.wav --no-plots --quiet --out before.pinhole
pinhole locate prk.wav --site prk.toml --no-plots --quiet --out after.pinhole
pinhole locate prk.wav --site prk.toml --no-plots --quiet
";

/// Commands of README.md that are run elsewhere, and where.
const ELSEWHERE: [(&str, &str); 2] = [
    // With taps that fit.
    ("pinhole calibrate taps.wav", "docs/walk.md"),
    ("pinhole survey survey.toml", "tests/survey.rs"),
];

#[cfg(unix)]
#[test]
fn every_command_of_the_readme_is_run_and_its_first_prints_what_it_shows() {
    let text = read(&root().join("README.md"));
    let page = Page::of(&text);
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("samples"), &folder.path().join("samples"));
    typed(folder.path(), HIS_OWN);
    let blocks = page.blocks.iter().filter(|(mark, _)| mark == "sh").map(|(_, range)| text[range.clone()].to_owned());
    let lines: Vec<String> = blocks.flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    let (mut run, mut answers) = (0, Vec::new());
    // The blocks come first: they are what is copied; then what stands in sentences, in its order.
    for command in lines.iter().chain(&page.spans) {
        let command = command.replace("cargo run --release -- ", "pinhole ");
        let is_a_command =
            command.strip_prefix("pinhole ").is_some_and(|rest| rest.contains(' ') && !rest.ends_with(" --help"));
        if !is_a_command || ELSEWHERE.iter().any(|(begins, _)| command.starts_with(begins)) {
            continue;
        }
        if command.contains("night") {
            // The site that a reader has made by now is not that of the recording he is told to take.
            typed(folder.path(), "cp prk.toml site.toml");
        }
        answers.push(typed(folder.path(), &command));
        run += 1;
    }
    assert!(run >= 12, "{run} commands are few for README.md");
    let first = page.blocks.iter().find(|(mark, _)| mark == "text").map(|(_, range)| &text[range.clone()]);
    let printed: String =
        answers[0].lines().filter(|line| !line.starts_with("pinhole: ")).map(|line| format!("{line}\n")).collect();
    shown(first.expect("what it prints"), &printed).unwrap();
}

/// Runs commands in `folder` and gives what a terminal would show: answers and words aside, in their order.
#[cfg(unix)]
fn typed(folder: &Path, commands: &str) -> String {
    use std::process::{Command, Stdio};
    let program = program(folder).get_program().to_owned();
    let beside = Path::new(&program).parent().expect("a folder");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::env::join_paths(std::iter::once(beside.to_owned()).chain(std::env::split_paths(&path))).unwrap();
    let ran = Command::new("sh")
        .args(["-euc", &format!("exec 2>&1\n{commands}")])
        .current_dir(folder)
        .env("PATH", paths)
        .env_remove("NO_COLOR")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let printed = String::from_utf8(ran.stdout).unwrap();
    assert!(ran.status.success(), "{commands}\n{printed}");
    printed
}

/// Whether a block shows what was printed, `…` standing for any lines; numbers may differ by one in the last digit, since
/// spectra are summed in single precision.
fn shown(block: &str, printed: &str) -> Result<(), String> {
    let mut lines = printed.lines();
    let mut skips = false;
    for wanted in block.lines() {
        if wanted == "…" {
            skips = true;
            continue;
        }
        let same = |line: &&str| same_text(wanted, line, 1.0, 0.0).is_ok();
        let found = if skips { lines.by_ref().find(same) } else { lines.next().filter(same) };
        if found.is_none() {
            return Err(format!("'{wanted}' is not what was printed"));
        }
        skips = false;
    }
    match lines.next() {
        Some(more) if !skips => Err(format!("'{more}' was printed as well")),
        _ => Ok(()),
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for name in names(from) {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() { copy(&from, &to) } else { std::fs::copy(&from, &to).map(|_| ()).unwrap() }
    }
}

#[test]
fn a_page_is_understood_and_a_changed_answer_noticed() {
    let text = "# A `b`, c: d-e\n<!-- sh\ncp a b\n-->\n\n```sh\npinhole x\n```\n\nIt says\n\n```text\na 1.00\n```\n[l](x.md#y) `pinhole z`\n";
    let page = Page::of(text);
    assert_eq!(page.anchors.iter().next().unwrap(), "a-b-c-d-e");
    let blocks: Vec<(&str, &str)> = page.blocks.iter().map(|(mark, r)| (mark.as_str(), &text[r.clone()])).collect();
    assert_eq!(blocks, [("sh", "pinhole x\n"), ("text", "a 1.00\n")]);
    assert_eq!((page.links[0].as_str(), page.spans[1].as_str()), ("x.md#y", "pinhole z"));
    assert_eq!(&text[page.hidden[0].clone()], "<!-- sh\ncp a b\n-->\n");
    assert!(shown("a 1.00\n", "a 1.01\n").is_ok() && shown("a 1.00\n", "a 1.03\n").is_err());
    assert!(shown("a\n", "a\nb\n").is_err() && shown("a\nb\n", "a\n").is_err());
    assert!(shown("a\n…\nd\n…\n", "a\nb\nc\nd\ne\n").is_ok() && shown("…\nx\n", "a\nb\n").is_err());
}
