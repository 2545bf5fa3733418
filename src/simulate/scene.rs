//! A scene: the site as its file will state it, what sounds in it, and where the truth departs from the statement.

use std::ops::RangeInclusive;
use std::path::Path;

use super::deviations::{Deviations, read_truth};
use super::paths::{Reflection, Room};
use crate::error::Result;
use crate::site::{
    COORDINATE_M, Climate, Document, Point3, Site, Table, Wall, WallPoint, place_on_wall, read_text, take_site,
};

/// Most samples of all channels held at once: 1 GiB of 32-bit floats.
const MAX_SAMPLES: f64 = (1u64 << 28) as f64;
/// How far off its wall a leak's stated place may be, metres.
const SNAP_M: f64 = 1e-3;
const LEVEL_DB: RangeInclusive<f64> = -300.0..=100.0;
const FREQUENCY_HZ: RangeInclusive<f64> = 1.0..=1e7;

/// Everything a simulation depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// What the scene is about, in a sentence.
    pub description: String,
    /// The site as its file states it.
    pub site: Site,
    /// Text of that file.
    pub site_toml: String,
    /// How it is recorded.
    pub capture: CaptureSettings,
    /// The leaks; may be none.
    pub leaks: Vec<Leak>,
    /// The fans; may be none.
    pub fans: Vec<Fan>,
    /// Mirrors, if any.
    pub reflection: Option<Reflection>,
    /// Where the truth departs from the site file.
    pub deviations: Deviations,
}

/// How a scene is recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct CaptureSettings {
    /// Samples per second and channel.
    pub sample_rate_hz: u32,
    /// Length, seconds.
    pub duration_s: f64,
    /// Seed of every random draw.
    pub seed: u64,
    /// Kind of samples in the files.
    pub format: Format,
    /// Sensor noise: white, this RMS within [`Scene::band_hz`], decibels re full scale.
    pub noise_db: f64,
    /// Length of a second capture with everything but the leaks, seconds.
    pub background_duration_s: Option<f64>,
}

/// Kind of samples in a capture file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// 16-bit integers.
    Int16,
    /// 24-bit integers.
    Int24,
    /// 32-bit floats.
    Float32,
}

/// One leak.
#[derive(Debug, Clone, PartialEq)]
pub struct Leak {
    /// Where it is.
    pub place: WallPoint,
    /// How loud it is.
    pub loudness: Loudness,
    /// It sounds within this band only, hertz.
    pub band_hz: [f64; 2],
    /// Shape within the band.
    pub spectrum: Spectrum,
    /// It is a single tap at this time, seconds, rather than a hiss; its loudness is then that of the peak.
    pub tap_s: Option<f64>,
    /// How much louder than the site's guided wave the other one is at 1 m, decibels; absent where it is not driven.
    pub other_mode_db: Option<f64>,
}

/// How loud a leak is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Loudness {
    /// RMS at 1 m before absorption, decibels re full scale.
    Level(f64),
    /// Straight sound over sensor noise in the leak's band, decibels, at the median sensor.
    Snr(f64),
}

/// Shape of a leak's power density within its band.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Spectrum {
    /// Flat.
    White,
    /// A broad hump about `peak_hz`.
    Jet {
        /// Frequency of greatest density, hertz.
        peak_hz: f64,
    },
}

/// A fan or inverter: lines, and perhaps hiss.
#[derive(Debug, Clone, PartialEq)]
pub struct Fan {
    /// Place, metres.
    pub position_m: Point3,
    /// Its lines, hertz.
    pub tones_hz: Vec<f64>,
    /// RMS of each line at 1 m before absorption, decibels re full scale.
    pub tone_db: f64,
    /// Width of each line at half its power, hertz: the phase walks at random.
    pub jitter_hz: f64,
    /// RMS of white noise within [`Scene::band_hz`] at 1 m before absorption, decibels re full scale.
    pub hiss_db: Option<f64>,
}

impl Scene {
    /// The band of noise levels, hertz: that of the first leak, else 20..80 kHz, within what can be recorded.
    pub fn band_hz(&self) -> [f64; 2] {
        let nyquist_hz = f64::from(self.capture.sample_rate_hz) / 2.0;
        self.leaks.first().map_or([20e3f64.min(nyquist_hz / 2.0), 80e3f64.min(nyquist_hz)], |leak| leak.band_hz)
    }
}

/// Reads the scene file at `path`.
///
/// # Errors
/// [`Io`](crate::Error::Io) where it cannot be read, [`Request`](crate::Error::Request) for everything in it.
pub fn read_scene(path: &Path) -> Result<Scene> {
    parse_scene(&read_text(path)?, &path.display().to_string())
}

/// Reads a scene from `text`; `file` is the name that errors give.
///
/// # Errors
/// [`Request`](crate::Error::Request) with file, line and repair.
pub fn parse_scene(text: &str, file: &str) -> Result<Scene> {
    let document = Document::parse(text, file)?;
    let mut root = document.root();
    let site = take_site(&mut root, &Climate::default())?;
    let description = root.opt_string("description")?.unwrap_or(&site.name).to_owned();
    let mut deviations = Deviations::default();
    let mut background_duration_s = None;
    if let Some(table) = root.opt_table("truth")? {
        (deviations, background_duration_s) = read_truth(table, &site)?;
    }
    let capture = read_capture(root.table("capture")?, &site, background_duration_s)?;
    let nyquist_hz = f64::from(capture.sample_rate_hz) / 2.0;
    let leaks =
        root.tables("leak")?.into_iter().map(|t| read_leak(t, &site.walls, nyquist_hz)).collect::<Result<_>>()?;
    let fans = root.tables("fan")?.into_iter().map(|t| read_fan(t, nyquist_hz)).collect::<Result<_>>()?;
    let reflection = root.opt_table("reflection")?.map(read_reflection).transpose()?;
    root.finish()?;
    let site_toml = site_text(text);
    Ok(Scene { description, site, site_toml, capture, leaks, fans, reflection, deviations })
}

/// The site's tables of a scene file, as a file of their own.
fn site_text(text: &str) -> String {
    let mut all: toml::Table = text.parse().expect("parsed before");
    let mut out = String::new();
    for key in ["site", "path", "wall", "recorder", "sensor"] {
        if let Some((key, value)) = all.remove_entry(key) {
            let table = toml::Table::from_iter([(key, value)]);
            out += &toml::to_string(&table).expect("a parsed value can be written");
            out.push('\n');
        }
    }
    out
}

fn read_capture(mut table: Table, site: &Site, background_duration_s: Option<f64>) -> Result<CaptureSettings> {
    let sample_rate_hz = table.whole("sample_rate_hz", 1000..=10_000_000)? as u32;
    let duration_s = table.f64("duration_s", 1e-3..=86_400.0)?;
    let longest_s = duration_s.max(background_duration_s.unwrap_or(0.0));
    let last_channel = |r| site.sensors.iter().filter(|s| s.recorder == r).map(|s| s.channel).max().unwrap_or(0);
    let channels: usize = (0..site.recorders.len()).map(last_channel).sum();
    let samples = longest_s * f64::from(sample_rate_hz) * channels as f64;
    if samples > MAX_SAMPLES {
        let what = format!("{samples:.0} samples over all channels; needed: at most {MAX_SAMPLES:.0}");
        return Err(table.error_of("duration_s", what));
    }
    let format = match table.opt_choice("format", &["int16", "int24", "float32"])? {
        Some("int16") | None => Format::Int16,
        Some("int24") => Format::Int24,
        _ => Format::Float32,
    };
    let seed = table.opt_whole("seed", 0..=u64::MAX)?.unwrap_or(1);
    let noise_db = table.f64("noise_db", LEVEL_DB)?;
    table.finish()?;
    Ok(CaptureSettings { sample_rate_hz, duration_s, seed, format, noise_db, background_duration_s })
}

fn read_leak(mut table: Table, walls: &[Wall], nyquist_hz: f64) -> Result<Leak> {
    let position = table.opt_array::<3>("position_m", COORDINATE_M)?.map(Point3::from);
    let place = match (place_on_wall(&mut table, walls)?, position) {
        (Some(place), None) => place,
        (None, Some(position)) => snapped(&table, walls, &position)?,
        _ => return Err(table.error("a leak is at position_m = [x, y, z], or at wall, u_m and v_m; give one of both")),
    };
    let level_db = table.opt_f64("level_db", LEVEL_DB)?;
    let loudness = match (level_db, table.opt_f64("snr_db", -100.0..=150.0)?) {
        (Some(level_db), None) => Loudness::Level(level_db),
        (None, Some(snr_db)) => Loudness::Snr(snr_db),
        _ => return Err(table.error("a leak is as loud as level_db or snr_db says; give one of both")),
    };
    let band_hz = table.opt_array("band_hz", FREQUENCY_HZ)?.unwrap_or([20e3, 80e3]);
    if band_hz[0] >= band_hz[1] || band_hz[1] > nyquist_hz {
        let [low, high] = band_hz;
        let what = format!("'band_hz' is {low}..{high}; needed: upwards, and at most half the rate, {nyquist_hz} Hz");
        return Err(table.error_of("band_hz", what));
    }
    let peak_hz = table.opt_f64("peak_hz", FREQUENCY_HZ)?.unwrap_or(40e3);
    let spectrum = match table.opt_choice("spectrum", &["jet", "white"])? {
        Some("white") => Spectrum::White,
        _ => Spectrum::Jet { peak_hz },
    };
    let tap_s = table.opt_f64("tap_s", 0.0..=86_400.0)?;
    let other_mode_db = table.opt_f64("other_mode_db", -100.0..=40.0)?;
    table.finish()?;
    Ok(Leak { place, loudness, band_hz, spectrum, tap_s, other_mode_db })
}

fn snapped(table: &Table, walls: &[Wall], position: &Point3) -> Result<WallPoint> {
    let off = |point: &WallPoint| (point.position_m - position).norm();
    let nearest = walls.iter().enumerate().map(|(i, wall)| wall.nearest(i, position));
    let nearest = nearest.min_by(|a, b| off(a).total_cmp(&off(b))).expect("a site has at least one wall");
    if off(&nearest) > SNAP_M {
        let (id, mm) = (&walls[nearest.wall].id, off(&nearest) * 1e3);
        let what = format!("'position_m' is {mm:.1} mm off the nearest wall, '{id}'; needed: at most 1 mm");
        return Err(table.error_of("position_m", what));
    }
    Ok(nearest)
}

fn read_fan(mut table: Table, nyquist_hz: f64) -> Result<Fan> {
    let fan = Fan {
        position_m: Point3::from(table.array::<3>("position_m", COORDINATE_M)?),
        tones_hz: table.opt_list("tones_hz", 1.0..=nyquist_hz)?.unwrap_or_default(),
        tone_db: table.opt_f64("tone_db", LEVEL_DB)?.unwrap_or(-40.0),
        jitter_hz: table.opt_f64("jitter_hz", 0.0..=nyquist_hz)?.unwrap_or(0.0),
        hiss_db: table.opt_f64("hiss_db", LEVEL_DB)?,
    };
    table.finish()?;
    Ok(fan)
}

fn read_reflection(mut table: Table) -> Result<Reflection> {
    let coefficient = table.opt_f64("coefficient", 0.0..=1.0)?.unwrap_or(0.9);
    let order = table.opt_whole("order", 0..=12)?.unwrap_or(1) as u32;
    let corners = table.opt_corners("box_m", -1e3..=1e3)?;
    let room = match (corners, table.opt_table("tunnel")?, table.flag("edges")?) {
        (None, None, true) => Room::Edges,
        (Some([low, high]), None, false) => {
            if (0..3).any(|i| low[i] >= high[i]) {
                let what = "'box_m' is empty; needed: the corner of least, then that of greatest coordinates";
                return Err(table.error_of("box_m", what));
            }
            Room::Box { low_m: Point3::from(low), high_m: Point3::from(high) }
        }
        (None, Some(mut tunnel), false) => {
            let base_m = Point3::from(tunnel.array::<3>("base_m", -1e3..=1e3)?);
            let axis = Point3::from(tunnel.array::<3>("axis", COORDINATE_M)?);
            if axis.norm() < 1e-9 {
                return Err(tunnel.error_of("axis", "'axis' has no direction; needed: three numbers not all zero"));
            }
            let (radius_m, length_m) = (tunnel.f64("radius_m", 1e-3..=1e3)?, tunnel.f64("length_m", 1e-3..=1e3)?);
            tunnel.finish()?;
            Room::Tunnel { base_m, axis: axis.normalize(), radius_m, length_m }
        }
        _ => {
            let what = "needed: one of box_m = [[x, y, z], [x, y, z]], tunnel = {base_m, axis, radius_m, length_m}, and edges = true";
            return Err(table.error(what));
        }
    };
    table.finish()?;
    Ok(Reflection { coefficient, order, room })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::without_truth;
    use crate::site::parse_site;

    const GOOD: &str = include_str!("../../samples/tunnel.scene.toml");

    #[test]
    fn the_shipped_scene_is_read_and_its_site_stands_alone() {
        let scene = parse_scene(GOOD, "scene.toml").unwrap();
        assert_eq!((scene.site.walls.len(), scene.site.sensors.len(), scene.leaks.len()), (3, 8, 1));
        assert_eq!(parse_site(&scene.site_toml, "site.toml").unwrap(), scene.site);
        assert!(!scene.site_toml.contains("leak"));
    }

    #[test]
    fn bad_scenes_are_refused_with_place_and_repair() {
        let table: &[(&str, &str, &str)] = &[
            ("snr_db = -10", "snr_db = -10\nlevel_db = -20", "give one of both"),
            ("snr_db = -10", "snr = -10", "give one of both"),
            ("[capture]", "[captur]", "'capture' is missing ('captur' stands there)"),
            ("duration_s = 0.5", "duration_s = 80000", "samples over all channels"),
            ("order = ", "odrer = 1\norder = ", "unknown key 'odrer'; did you mean 'order'?"),
            ("[[leak]]\n", "[[leak]]\nposition_m = [0, 0, 0]\n", "give one of both"),
            ("[[leak]]\n", "[[leak]]\nband_hz = [20000, 100000]\n", "at most half the rate, 96000 Hz"),
            ("[[leak]]\n", "[truth]\ngain_db = [1]\n[[leak]]\n", "'gain_db' holds 1 numbers; needed: 8"),
            ("[[leak]]\n", "[truth]\ndead_channels = ['M99']\n[[leak]]\n", "no sensor is called 'M99'"),
            ("[[leak]]\n", "[truth]\nrecorder_ppm = [5]\n[[leak]]\n", "shares the first one's clock"),
        ];
        for (from, to, told) in table {
            assert!(GOOD.contains(from), "{from}");
            let message =
                parse_scene(&without_truth(GOOD).replacen(from, to, 1), "scene.toml").expect_err(to).to_string();
            assert!(message.starts_with("scene.toml") && message.contains(told), "{message}\n lacks {told}");
        }
    }

    #[test]
    fn a_leak_off_its_wall_is_refused_with_the_distance() {
        let (head, _) = without_truth(GOOD).split_once("[[leak]]").unwrap();
        let at = |x: f64| parse_scene(&format!("{head}[[leak]]\nposition_m = [{x}, 0, 1]\nlevel_db = -30\n"), "s");
        assert!((at(0.9995).unwrap().leaks[0].place.position_m.x - 1.0).abs() < 1e-12);
        assert!(at(0.98).unwrap_err().to_string().contains("20.0 mm off the nearest wall, 'barrel'"));
    }
}
