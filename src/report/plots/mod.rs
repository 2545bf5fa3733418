//! Pictures of the evidence, each as PNG and as SVG.
//!
//! A plot draws once into a [`Picture`], a list of marks; `ink` puts them onto plotters' backends, and
//! `formats` makes PNG and SVG of it.
//! One file a plot: [`map`] and [`module`] say where, the rest says why that can be believed.

mod axes;
mod batch;
mod calibration;
mod coherence;
mod colour_map;
mod comparison;
mod correlations;
mod dispersion;
mod font;
mod formats;
mod ink;
mod inset;
mod inspection;
mod layout;
mod levels;
mod look;
mod map;
mod markers;
mod module;
mod patch;
mod picture;
mod planning;
mod sides;
mod solid;
mod spectrogram;
mod speed;
#[cfg(test)]
pub(in crate::report) mod synthetic;
mod unroll;

use std::path::{Path, PathBuf};

use base64::prelude::{BASE64_STANDARD, Engine};
use rayon::prelude::*;

use crate::atomic::write_atomically;
use crate::calibrate::Calibration;
use crate::error::{Error, Result};
use crate::locate::{Outcome, WallMap};
use crate::plan::{Options as PlanOptions, Plan};
use crate::propagation::Medium;
use crate::report::comparison::Comparison;
use crate::report::inspection::Inspected;
use crate::report::speed::Speed;
use crate::site::Site;
use picture::Picture;

/// The plots that [`write_plots`] makes, in the order in which a reader wants them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plots {
    /// The walls laid flat with the steered response and the answer.
    Map,
    /// The module in three dimensions.
    Module,
    /// Correlation of each pair around the expected delay.
    Correlations,
    /// Coherence over frequency and by pair.
    Coherence,
    /// Power spectral density of each channel.
    Levels,
    /// Power over time and frequency.
    Spectrogram,
}

impl Plots {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Map, Self::Module, Self::Correlations, Self::Coherence, Self::Levels, Self::Spectrogram];

    /// The file name without its ending.
    pub fn stem(self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::Module => "module",
            Self::Correlations => "correlations",
            Self::Coherence => "coherence",
            Self::Levels => "levels",
            Self::Spectrogram => "spectrogram",
        }
    }

    fn draw(self, site: &Site, outcome: &Outcome) -> Picture {
        match self {
            Self::Map => map::draw(site, outcome),
            Self::Module => module::draw(site, outcome),
            Self::Correlations => correlations::draw(site, outcome),
            Self::Coherence => coherence::draw(site, outcome),
            Self::Levels => levels::draw(site, outcome),
            Self::Spectrogram => spectrogram::draw(outcome),
        }
    }
}

/// Writes every plot to `dir` as `<stem>.png` and `<stem>.svg`; gives the paths written, in the order of [`Plots::ALL`].
///
/// Evidence that an outcome lacks gives a picture that says so.
///
/// # Errors
/// [`Error::Io`] where a file cannot be written; files written before it stay, each complete.
pub fn write_plots(site: &Site, outcome: &Outcome, dir: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
    let dir = dir.as_ref();
    let written: Result<Vec<[PathBuf; 2]>> =
        Plots::ALL.into_par_iter().map(|plot| write_picture(&plot.draw(site, outcome), dir, plot.stem())).collect();
    Ok(written?.into_iter().flatten().collect())
}

/// A plot as the bytes of a PNG file, for whoever shows it without a file.
///
/// # Errors
/// [`Error::Io`] where it cannot be encoded, which is where memory runs out.
pub fn plot_png(plot: Plots, site: &Site, outcome: &Outcome) -> Result<Vec<u8>> {
    formats::png(&plot.draw(site, outcome)).map_err(|source| Error::io(plot.stem(), source))
}

/// A plot as an SVG element.
pub(super) fn svg(plot: Plots, site: &Site, outcome: &Outcome) -> String {
    formats::svg(&plot.draw(site, outcome)).unwrap_or_default()
}

/// A plot as an image element: smaller than SVG where there are thousands of facets.
pub(super) fn image(plot: Plots, site: &Site, outcome: &Outcome) -> String {
    let picture = plot.draw(site, outcome);
    let Ok(bytes) = formats::png(&picture) else { return String::new() };
    format!("<img alt=\"\" src=\"data:image/png;base64,{}\">", BASE64_STANDARD.encode(bytes))
}

/// The range of colours of the walls' maps, decibels.
pub(super) fn range_db(maps: &[WallMap]) -> [f64; 2] {
    patch::range_db(maps)
}

/// Writes the dispersion of a site's waves over a band to `dir` as `dispersion.png` and `dispersion.svg`.
///
/// # Errors
/// As [`write_plots`].
pub fn write_dispersion_plot(
    site: &Site,
    media: &[Medium],
    band_hz: [f64; 2],
    dir: impl AsRef<Path>,
) -> Result<[PathBuf; 2]> {
    write_picture(&dispersion::draw(&site.name, media, band_hz), dir.as_ref(), "dispersion")
}

/// Writes two results on one scale, and their difference, to `dir` as `compare.png` and `compare.svg`.
///
/// # Errors
/// As [`write_plots`].
pub fn write_comparison_plot(comparison: &Comparison, dir: impl AsRef<Path>) -> Result<[PathBuf; 2]> {
    write_picture(&comparison::draw(comparison), dir.as_ref(), "compare")
}

/// Writes how well a layout will do to `dir` as `plan.png` and `plan.svg`.
///
/// # Errors
/// As [`write_plots`].
pub fn write_plan_plot(site: &Site, plan: &Plan, options: &PlanOptions, dir: impl AsRef<Path>) -> Result<[PathBuf; 2]> {
    write_picture(&planning::draw(site, plan, options), dir.as_ref(), "plan")
}

/// Writes what a calibration left unexplained to `dir` as `residuals.png` and `residuals.svg`.
///
/// # Errors
/// As [`write_plots`].
pub fn write_calibration_plot(site: &Site, calibration: &Calibration, dir: impl AsRef<Path>) -> Result<[PathBuf; 2]> {
    write_picture(&calibration::draw(site, calibration), dir.as_ref(), "residuals")
}

/// Writes all leaks of many captures to `dir` as `leaks.png` and `leaks.svg`: of each the number of its capture in the order
/// of time, from 0, its place in metres, and its level in decibels.
///
/// # Errors
/// As [`write_plots`].
pub fn write_batch_plot(
    site: &Site,
    found: &[(usize, [f64; 3], Option<f64>)],
    dir: impl AsRef<Path>,
) -> Result<[PathBuf; 2]> {
    write_picture(&batch::draw(site, found), dir.as_ref(), "leaks")
}

/// Writes what was heard in a capture to `dir` as `levels`, `spectrogram` and `coherence`, each `.png` and `.svg`.
///
/// # Errors
/// As [`write_plots`].
pub fn write_inspection_plots(subject: &Inspected<'_>, dir: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
    let dir = dir.as_ref();
    let written: Result<Vec<[PathBuf; 2]>> =
        inspection::draw(subject).par_iter().map(|(stem, picture)| write_picture(picture, dir, stem)).collect();
    Ok(written?.into_iter().flatten().collect())
}

/// Writes the FFT core over lengths to `dir` as `fft.png` and `fft.svg`, and the stages beside what the machine allows as `roof`, each where
/// it was measured.
///
/// # Errors
/// As [`write_plots`].
pub fn write_speed_plots(speed: &Speed, dir: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
    let dir = dir.as_ref();
    let fft = (!speed.core.is_empty()).then(|| write_picture(&speed::draw_core(&speed.core), dir, "fft"));
    let roof = speed.roof.as_ref().map(|(_, floor)| write_picture(&speed::draw_floor(floor), dir, "roof"));
    let written: Result<Vec<[PathBuf; 2]>> = fft.into_iter().chain(roof).collect();
    Ok(written?.into_iter().flatten().collect())
}

fn write_picture(picture: &Picture, dir: &Path, stem: &str) -> Result<[PathBuf; 2]> {
    let [png, svg] = ["png", "svg"].map(|ending| dir.join(stem).with_extension(ending));
    let (png_bytes, svg_text) = rayon::join(|| formats::png(picture), || formats::svg(picture));
    write_atomically(&png, &png_bytes.map_err(|source| Error::io(&png, source))?)?;
    write_atomically(&svg, svg_text.map_err(|source| Error::io(&svg, source))?.as_bytes())?;
    Ok([png, svg])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_panic(site: &Site, outcome: &Outcome) {
        for plot in Plots::ALL {
            let picture = plot.draw(site, outcome);
            assert!(!picture.title.is_empty(), "{plot:?}");
            assert!(formats::png(&picture).unwrap().starts_with(b"\x89PNG"), "{plot:?}");
            let text = formats::svg(&picture).unwrap();
            assert!(text.starts_with("<svg") && text.ends_with("</svg>\n"), "{plot:?}");
            // Embedded images may spell anything, but have no spaces.
            assert!(!text.contains("NaN ") && !text.contains(" NaN"), "{plot:?}");
        }
    }

    #[test]
    fn odd_cases_are_drawn_too() {
        for (_, (site, outcome)) in synthetic::all() {
            no_panic(&site, &outcome);
        }
    }

    #[test]
    fn missing_and_broken_evidence_is_survived() {
        let (site, mut outcome) = synthetic::tunnel();
        outcome.evidence.correlations.iter_mut().for_each(|c| c.value.fill(f32::NAN));
        outcome.evidence.levels.fill(0.0);
        outcome.evidence.maps[0].response_db.fill(f32::NEG_INFINITY);
        outcome.evidence.spectrogram.power.fill(f32::NAN);
        outcome.leaks[0].ellipse_95.semi_major_m = f64::NAN;
        no_panic(&site, &outcome);
        outcome.evidence = crate::locate::Evidence::default();
        outcome.pairs.clear();
        outcome.sensors.clear();
        outcome.candidates.clear();
        no_panic(&site, &outcome);
    }

    #[test]
    fn both_forms_of_every_plot_arrive() {
        let folder = tempfile::tempdir().unwrap();
        let (site, outcome) = synthetic::plate();
        let paths = write_plots(&site, &outcome, folder.path().join("out")).unwrap();
        assert_eq!(paths.len(), 12);
        assert!(paths[0].ends_with("map.png") && paths.iter().all(|p| p.is_file()));
    }

    /// `cargo test --release pictures -- --ignored --nocapture`, then look at target/pictures.
    #[test]
    #[ignore = "writes pictures for the eye"]
    fn pictures() {
        for (name, (site, outcome)) in synthetic::all() {
            let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pictures").join(name);
            let start = std::time::Instant::now();
            write_plots(&site, &outcome, &dir).unwrap();
            println!("{name}: {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
        }
    }
}
