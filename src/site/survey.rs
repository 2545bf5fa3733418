//! A roving survey: one wall, listened to from several stands one after the other.
//!
//! The leak hisses on while the sensors are moved, but no two stands hear the same stretch of it. So a stand is to the
//! others what a free-running recorder is: no pair is formed across, and what each says of the wall adds up. A survey is
//! one site with the sensors of all stands.

use std::path::{Path, PathBuf};

use super::read_sensor::Ids;
use super::table::{Document, Table, read_text};
use super::{Recorder, Sensor, Site, read_site};
use crate::error::{Error, Result};

/// Several stands as one site, and what was recorded there.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// Recorders and sensors are called after their stand: `fore/M1`.
    pub site: Site,
    /// One file a recorder, in the order of the site's recorders.
    pub captures: Vec<PathBuf>,
    /// Background captures, alike; empty where there are none.
    pub backgrounds: Vec<PathBuf>,
    /// The site file of the first stand.
    pub first_site: PathBuf,
}

struct Stand {
    id: String,
    site_path: PathBuf,
    site: Site,
    captures: Vec<PathBuf>,
    backgrounds: Vec<PathBuf>,
}

/// Reads the survey at `path` and the sites that it names.
///
/// # Errors
/// [`Io`](Error::Io) where a file cannot be read, [`Request`](Error::Request) with file, line and repair for everything in
/// them, and where stands are not of one wall.
pub fn read_survey(path: &Path) -> Result<Survey> {
    let (text, file) = (read_text(path)?, path.display().to_string());
    let document = Document::parse(&text, &file)?;
    let mut root = document.root();
    let name = match root.opt_table("survey")? {
        Some(mut table) => {
            let name = table.opt_string("name")?.unwrap_or("survey").to_owned();
            table.finish()?;
            name
        }
        None => "survey".to_owned(),
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut ids = Ids::default();
    let mut stands: Vec<Stand> = Vec::new();
    for table in root.tables("stand")? {
        stands.push(read_stand(table, folder, &mut ids, stands.first())?);
    }
    let Some(first) = stands.first() else {
        return Err(root.error("no [[stand]]; needed: one for each place from which the wall was listened to"));
    };
    root.finish()?;
    let mut site = Site { name, recorders: Vec::new(), sensors: Vec::new(), ..first.site.clone() };
    for (number, stand) in stands.iter().enumerate() {
        let before = site.recorders.len();
        let called = |id: &str| format!("{}/{id}", stand.id);
        let recorder = |recorder: &Recorder| Recorder {
            id: if stand.site.recorders.len() == 1 { stand.id.clone() } else { called(&recorder.id) },
            clock: before + recorder.clock,
            offset_s: None,
            drift_ppm: None,
            stand: number,
        };
        site.recorders.extend(stand.site.recorders.iter().map(recorder));
        site.sensors.extend(stand.site.sensors.iter().map(|sensor| Sensor {
            id: called(&sensor.id),
            recorder: before + sensor.recorder,
            ..sensor.clone()
        }));
        site.assumptions.extend(stand.site.assumptions.iter().cloned());
    }
    site.assumptions.sort();
    site.assumptions.dedup();
    let first_site = first.site_path.clone();
    let (captures, backgrounds): (Vec<_>, Vec<_>) =
        stands.into_iter().map(|stand| (stand.captures, stand.backgrounds)).unzip();
    Ok(Survey { site, captures: captures.concat(), backgrounds: backgrounds.concat(), first_site })
}

fn read_stand(mut table: Table, folder: &Path, ids: &mut Ids, first: Option<&Stand>) -> Result<Stand> {
    let id = ids.take(&mut table)?;
    let files = |names: Vec<&str>| names.into_iter().map(|name| folder.join(name)).collect::<Vec<_>>();
    let captures = files(table.strings("captures")?);
    if captures.is_empty() {
        return Err(table.error("no 'captures'; needed: one file a recorder, as captures = [\"fore/capture.wav\"]"));
    }
    let backgrounds = files(table.strings("backgrounds")?);
    let site_path = match table.opt_string("site")? {
        Some(site) => folder.join(site),
        None => captures[0].parent().unwrap_or(folder).join("site.toml"),
    };
    let site = read_site(&site_path)?;
    let recorders = site.recorders.len();
    if captures.len() != recorders {
        let what =
            format!("'captures' names {}, and {} has recorders: {recorders}", captures.len(), site_path.display());
        return Err(table.error_of("captures", what + "; needed: one file a recorder"));
    }
    let like_the_first = first.is_none_or(|first| first.backgrounds.is_empty() == backgrounds.is_empty());
    if ![0, recorders].contains(&backgrounds.len()) || !like_the_first {
        let what = "needed: 'backgrounds' with one file a recorder at every stand, or at none";
        return Err(table.error_of("backgrounds", what));
    }
    if let Some(first) = first {
        let same = (site.walls == first.site.walls, site.path == first.site.path);
        let what = match same {
            (true, true) => None,
            (false, _) => Some("[[wall]]"),
            (true, false) => Some("[path]"),
        };
        if let Some(what) = what {
            return Err(Error::request(format!(
                "{}: its {what} is not that of {}; the stands of a survey are of one wall in one state: write the same in both, \
                 with a sigma that covers the change",
                site_path.display(),
                first.site_path.display()
            )));
        }
    }
    table.finish()?;
    Ok(Stand { id, site_path, site, captures, backgrounds })
}
