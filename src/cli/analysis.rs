//! What `locate` and `survey` share: the flags of an analysis, and its run from captures to files and words.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Args, ValueEnum};
use pinhole::archive::{is_spectra, read_all};
use pinhole::atomic::write_atomically;
use pinhole::capture::Captures;
use pinhole::cross_spectra::Weighting;
use pinhole::locate::{Options, Outcome, Recording, Verdict, Wanted, locate, locate_transients};
use pinhole::report::{Plots, map_csv, map_geojson, map_json, map_vtp, report_html, result_json, summary, write_plots};
use pinhole::site::Site;
use pinhole::{Error, Result};
use serde_json::Value;

use super::console::{self, Progress, Reasons};
use super::quantity::{self, BandHz};

/// What is asked of captures.
#[derive(Debug, Args)]
pub struct Settings {
    /// Frequency band with unit, as 20kHz..60kHz [default: chosen from the sample rate]
    #[arg(long, value_name = "LO..HI", value_parser = quantity::band)]
    band: Option<BandHz>,
    /// How many leaks to look for; auto means as many as stand out
    #[arg(long, value_name = "auto|N", default_value = "auto", value_parser = leaks)]
    leaks: Wanted,
    /// Start of the stretch to analyse, with unit, as 1.5s
    #[arg(long, value_name = "S", value_parser = quantity::time_s)]
    from: Option<f64>,
    /// End of the stretch to analyse, with unit
    #[arg(long, value_name = "S", value_parser = quantity::time_s)]
    to: Option<f64>,
    /// How cross-spectra are scaled
    #[arg(long, value_enum, default_value_t = WeightingName::Scot)]
    weighting: WeightingName,
    /// Probability of a false alarm that is allowed: 1% or 0.01
    #[arg(long, value_name = "P", default_value = "1%", value_parser = quantity::probability)]
    alarm: f64,
    /// Put the leak back into N captures like this one, locate it again, and tell the error beside the ellipse
    #[arg(long, value_name = "N", value_parser = captures)]
    prove: Option<usize>,
}

/// Flags of an analysis.
#[derive(Debug, Args)]
pub struct Analysis {
    #[command(flatten)]
    settings: Settings,
    /// Folder for result.json, plots and report.html [default: named after the input, .pinhole, in the current folder]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The map for other programs, beside result.json; may be repeated
    #[arg(long, value_enum, value_name = "FORMAT")]
    export: Vec<Export>,
    /// Write no plots and no report.html; those of another capture in the folder are removed
    #[arg(long)]
    no_plots: bool,
    /// Print result.json and nothing else on stdout
    #[arg(long)]
    json: bool,
    /// No progress and no warnings on stderr
    #[arg(long, short)]
    quiet: bool,
    /// Exit status tells the verdict: 10 leak, 11 no leak, 12 inconclusive
    #[arg(long)]
    exit_code: bool,
    /// Threads to use [default: all]
    #[arg(long, value_name = "N", value_parser = quantity::threads)]
    threads: Option<u16>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum WeightingName {
    /// By the powers of both channels, bin by bin
    Scot,
    /// Phase alone
    Phat,
    /// By the band's mean powers
    Plain,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Export {
    /// map.csv: a row a cell of the walls
    Csv,
    /// map.vtp: polygons for ParaView and others
    Vtp,
    /// map.geojson: walls, sensors, leaks, their regions and where to look first, in metres along each wall
    #[value(name = "geojson")]
    GeoJson,
}

/// What is analysed.
#[derive(Debug)]
pub struct Job<'t> {
    pub site: Site,
    /// What results are called after.
    pub input: &'t Path,
    /// The file with the site's walls.
    pub site_path: PathBuf,
    /// One a recorder.
    pub captures: &'t [PathBuf],
    pub background: &'t [PathBuf],
    pub transient: bool,
}

impl Settings {
    /// The same for the library.
    pub fn options(&self, transient: bool) -> Options {
        Options {
            band_hz: self.band.map(|BandHz(low, high)| (low, high)),
            weighting: match self.weighting {
                WeightingName::Scot => Weighting::Scot,
                WeightingName::Phat => Weighting::Phat,
                WeightingName::Plain => Weighting::Plain,
            },
            from_s: self.from,
            to_s: self.to,
            leaks: self.leaks,
            alarm: self.alarm,
            prove: self.prove.unwrap_or(0),
            transient,
        }
    }
}

/// What the program's first thread does while work is done by many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum First {
    /// Its share: nothing has to be handed over and waited for where there is work for one thread.
    Works,
    /// It waits for threads that share the work out.
    Waits,
}

/// Starts as many threads as are asked for, one a core where none are.
///
/// # Errors
/// [`Error::Request`] where they cannot be had.
pub fn start_threads(threads: Option<u16>, first: First) -> Result<()> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0).into());
    let pool = if first == First::Works { pool.use_current_thread() } else { pool };
    // The pool exists already only where something ran before, which nothing has.
    let asked = threads.map_or(String::new(), |threads| format!("--threads {threads}: "));
    pool.build_global().map_err(|e| Error::request(format!("{asked}{e}")))
}

/// Opens captures, or reads spectra and adds them.
///
/// # Errors
/// Those of opening and reading; [`Error::Request`] where some are spectra and some are not.
fn recording(paths: &[PathBuf]) -> Result<Recording> {
    match paths.iter().filter(|path| is_spectra(path)).count() {
        0 => Ok(Captures::open(paths)?.into()),
        count if count == paths.len() => Ok(read_all(paths)?.into()),
        _ => Err(Error::request(
            "captures and spectra in one; write spectra of the captures first, with pinhole spectra",
        )),
    }
}

impl Analysis {
    /// Starts the threads and makes sure that results can be written; `input` is what they are called after.
    ///
    /// # Errors
    /// [`Error::Request`] where there can be no such threads or folder.
    pub fn prepare(&self, input: &Path) -> Result<()> {
        start_threads(self.threads, First::Works)?;
        console::check_folder(&self.out_dir(input))
    }

    /// Analyses, writes the results and tells them.
    ///
    /// # Errors
    /// Whatever stops the analysis or the writing of its results.
    pub fn run(&self, job: &Job<'_>, reasons: Reasons) -> Result<ExitCode> {
        let Job { site, captures, background, transient, .. } = job;
        let recording = recording(captures)?;
        let background = if background.is_empty() { None } else { Some(self::recording(background)?) };
        let options = self.settings.options(*transient);
        let progress = Progress::new(self.quiet);
        let show = |stage: &'static str, share: f64| progress.show(stage, share);
        let outcome = match transient {
            true => match recording {
                Recording::Captures(captures) => locate_transients(site, captures, &options, &show),
                Recording::Spectra(_) => Err(Error::request("--transient needs the captures; spectra hold no samples")),
            },
            false => locate(site, recording, background, &options, &show),
        };
        let outcome = outcome.inspect_err(|_| progress.finish())?;
        let told = self.tell(job, outcome, &progress, reasons);
        progress.finish();
        told
    }

    fn tell(&self, job: &Job<'_>, mut outcome: Outcome, progress: &Progress, reasons: Reasons) -> Result<ExitCode> {
        let site = &job.site;
        let out = self.out_dir(job.input);
        if self.no_plots {
            remove_those_of_others(&out, &outcome.capture.files)?;
        } else {
            progress.show("plotting", 0.0);
            let start = Instant::now();
            write_plots(site, &outcome, &out)?;
            write_atomically(out.join("report.html"), report_html(site, &outcome).as_bytes())?;
            outcome.timing_s.push(("plots", start.elapsed().as_secs_f64()));
        }
        for export in &self.export {
            match export {
                Export::Csv => write_atomically(out.join("map.csv"), &map_csv(site, &outcome))?,
                Export::Vtp => write_atomically(out.join("map.vtp"), map_vtp(site, &outcome).as_bytes())?,
                Export::GeoJson => write_atomically(out.join("map.geojson"), map_geojson(site, &outcome).as_bytes())?,
            }
        }
        let json = result_json(site, &outcome);
        write_atomically(out.join("result.json"), json.as_bytes())?;
        let site_text = std::fs::read_to_string(&job.site_path).unwrap_or_default();
        write_atomically(out.join("map.json"), map_json(&site_text, &outcome).as_bytes())?;
        progress.finish();
        if self.json {
            console::print(&json)?;
        } else {
            console::print(&summary(site, &outcome, console::colour()))?;
        }
        reasons.say_all(&outcome.notes);
        reasons.say_all(outcome.timing_s.iter().map(|(stage, seconds)| format!("{stage}: {:.0} ms", seconds * 1e3)));
        if !self.quiet {
            if self.json {
                for warning in &outcome.warnings {
                    console::complain(warning);
                }
            }
            let what = if self.no_plots { "result.json" } else { "result.json, plots and report.html" };
            console::complain(&format!("{what} in {}", out.display()));
        }
        Ok(match (self.exit_code, outcome.verdict) {
            (false, _) => ExitCode::SUCCESS,
            (true, Verdict::Leak) => ExitCode::from(10),
            (true, Verdict::NoLeak) => ExitCode::from(11),
            (true, Verdict::Inconclusive) => ExitCode::from(12),
        })
    }

    fn out_dir(&self, input: &Path) -> PathBuf {
        self.out.clone().unwrap_or_else(|| {
            let mut name = input.file_stem().unwrap_or_default().to_os_string();
            name.push(".pinhole");
            PathBuf::from(name)
        })
    }
}

/// Removes plots and page of another capture's result, which would be taken for those of the one that is written now.
fn remove_those_of_others(out: &Path, captures: &[String]) -> Result<()> {
    let earlier =
        std::fs::read_to_string(out.join("result.json")).ok().and_then(|text| serde_json::from_str(&text).ok());
    // A file of somebody else's says nothing of the pictures beside it.
    let stays = |earlier: Value| earlier["format"] != "pinhole-result" || is_of(&earlier, captures);
    if earlier.is_none_or(stays) {
        return Ok(());
    }
    let plots = Plots::ALL.iter().flat_map(|plot| ["png", "svg"].map(|ending| format!("{}.{ending}", plot.stem())));
    let files = plots.chain(["report.html".to_owned()]).map(|file| out.join(file)).filter(|file| file.exists());
    files.into_iter().try_for_each(|file| std::fs::remove_file(&file).map_err(|source| Error::io(file, source)))
}

/// Whether a result is one of these captures; folders are named after files, of which many are called the same. Where a file has gone since,
/// its name must do.
pub fn is_of(result: &Value, captures: &[impl AsRef<Path>]) -> bool {
    let same = |name: &str, capture: &Path| match (Path::new(name).canonicalize(), capture.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => Path::new(name).file_name() == capture.file_name(),
    };
    let named = result["capture"]["files"].as_array().into_iter().flatten().filter_map(Value::as_str);
    named.into_iter().any(|name| captures.iter().any(|capture| same(name, capture.as_ref())))
}

fn leaks(text: &str) -> std::result::Result<Wanted, String> {
    match text {
        "auto" => Ok(Wanted::Auto),
        _ => text
            .parse()
            .ok()
            .filter(|n| (1..=16).contains(n))
            .map(Wanted::AtMost)
            .ok_or_else(|| "write auto, or a number from 1 to 16".into()),
    }
}

fn captures(text: &str) -> std::result::Result<usize, String> {
    text.parse().ok().filter(|n| (1..=100_000).contains(n)).ok_or_else(|| "write a number from 1 to 100000".into())
}
