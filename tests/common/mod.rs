//! What several test files need: the program run and watched, and small simulated captures.
#![expect(dead_code, reason = "each test file uses its own part of these helpers")]

pub mod text;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use pinhole::capture::Captures;
use pinhole::locate::{Options, Outcome, locate};
use pinhole::simulate::{Scene, parse_scene, simulate, write};
use pinhole::site::Site;
use serde_json::Value;
use tempfile::TempDir;

/// A panel of 1 m × 0.8 m under five microphones, 0.1 s: the smallest scene that is located with a verdict.
pub const PANEL: &str = r#"
[site]
name = "panel"
[path]
kind = "air"
temperature_c = 22.0
pressure_kpa = 101.3
humidity_pct = 45.0
speed_sigma_pct = 0.1
[[wall]]
id = "panel"
shape = "plate"
origin_m = [0, 0, 0]
u_axis = [1, 0, 0]
v_axis = [0, 1, 0]
size_m = [1.0, 0.8]
[[sensor]]
id = "M1"
channel = 1
position_m = [0.05, 0.04, 0.31]
position_sigma_m = 0.0005
[[sensor]]
id = "M2"
channel = 2
position_m = [0.93, 0.09, 0.27]
position_sigma_m = 0.0005
[[sensor]]
id = "M3"
channel = 3
position_m = [0.88, 0.75, 0.33]
position_sigma_m = 0.0005
[[sensor]]
id = "M4"
channel = 4
position_m = [0.11, 0.71, 0.25]
position_sigma_m = 0.0005
[[sensor]]
id = "M5"
channel = 5
position_m = [0.47, 0.36, 0.52]
position_sigma_m = 0.0005
[capture]
sample_rate_hz = 192000
duration_s = 0.1
seed = 7
format = "int16"
noise_db = -40
[[leak]]
wall = "panel"
u_m = 0.37
v_m = 0.52
snr_db = 10
spectrum = "white"
"#;

/// Where the leak of [`PANEL`] is, metres.
pub const PANEL_LEAK_M: [f64; 3] = [0.37, 0.52, 0.0];

/// The crate's root, where the samples are.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What a run of the program left behind.
#[derive(Debug)]
pub struct Ran {
    /// Exit status; -1 where a signal ended it.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// The program, to be run in `folder`, nobody at the terminal.
pub fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pinhole"));
    command.current_dir(folder).stdin(Stdio::null()).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    command
}

/// Runs the program in `folder`.
pub fn run<A: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = A>) -> Ran {
    ran(program(folder).args(arguments).output().expect("the program starts"))
}

/// Runs the program in `folder` on words parted by blanks.
pub fn say(folder: &Path, words: &str) -> Ran {
    run(folder, words.split_whitespace())
}

fn ran(output: Output) -> Ran {
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).expect("answers are UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("complaints are UTF-8"),
    }
}

impl Ran {
    /// A refusal as the contract has it: this status, nothing on stdout, one to three lines on stderr that hold `parts`.
    #[track_caller]
    pub fn refused(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, code, "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        assert!((1..=3).contains(&self.stderr.lines().count()), "{self:?}");
        assert!(self.stderr.starts_with("pinhole: "), "{self:?}");
        assert!(!self.stderr.contains("panicked"), "{self:?}");
        for part in parts {
            assert!(self.stderr.contains(part), "{self:?}\n  lacks: {part}");
        }
    }

    /// A success.
    #[track_caller]
    pub fn done(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }
}

/// Names in a folder, hidden ones too, sorted; empty where there is no such folder.
pub fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A scene of [`PANEL`], each `(from, to)` replaced; every `from` must be there.
pub fn panel(changes: &[(&str, &str)]) -> Scene {
    let text = changes.iter().fold(PANEL.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    parse_scene(&text, "panel.scene.toml").expect("a valid scene")
}

/// A folder with the scene's `capture.wav`, `site.toml` and `truth.json`.
pub fn recorded(scene: &Scene) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    write(scene, &simulate(scene).expect("a valid scene"), folder.path()).expect("space for a capture");
    folder
}

/// Locates in one capture file.
pub fn located(site: &Site, capture: &Path, options: &Options) -> pinhole::Result<Outcome> {
    let captures = Captures::open(&[capture.to_path_buf()])?;
    locate(site, captures, None, options, &|_, _| ())
}

/// Locates `capture.wav` of `folder` with the automatic settings.
pub fn located_in(folder: &Path, site: &Site) -> Outcome {
    located(site, &folder.join("capture.wav"), &Options::default()).expect("a capture that fits its site")
}

/// JSON of a file.
pub fn json(path: impl AsRef<Path>) -> Value {
    serde_json::from_slice(&std::fs::read(&path).expect("a file")).expect("JSON")
}

/// Distance of the first leak from a place, metres.
pub fn off_m(result: &Value, truth_m: &Value) -> f64 {
    let coordinate = |place: &Value, i: usize| place[i].as_f64().expect("a number");
    let place = &result["leaks"][0]["position_m"];
    (0..3).map(|i| (coordinate(place, i) - coordinate(truth_m, i)).powi(2)).sum::<f64>().sqrt()
}

/// A result without what may differ between two runs of one version: seconds.
pub fn timeless(mut result: Value) -> String {
    result.as_object_mut().expect("an object").remove("timing_s");
    serde_json::to_string_pretty(&result).expect("JSON")
}

/// `samples/<name>`.
pub fn sample(name: &str) -> PathBuf {
    root().join("samples").join(name)
}
