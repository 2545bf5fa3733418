//! Captures of sources at known places: one capture a place, or one capture with a tap at each place in turn.

use std::path::PathBuf;

use nalgebra::DMatrix;

use super::beam::Stretch;
use super::{Geometry, since};
use crate::capture::{Captures, events};
use crate::cross_spectra::ChannelCorrection;
use crate::error::{Error, Result};
use crate::locate::{Array, Options as LocateOptions, Progress, Take, selection};
use crate::propagation::{Leg, Medium, Way};
use crate::site::{PathKind, Point3, Site, WallPoint};
use crate::units::counted;

/// How far off the wall a source of guided waves may be said to be, metres.
const OFF_WALL_M: f64 = 0.01;

/// Farthest coordinate of a source, metres.
const FARTHEST_M: f64 = 1e3;

/// A source at a known place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Source {
    /// In the air.
    Free(Point3),
    /// On the wall that carries its sound.
    OnWall(WallPoint),
}

/// One source as the sensors heard it.
#[derive(Debug)]
pub struct Heard {
    /// Where it was.
    pub source: Source,
    /// What was heard.
    pub take: Take,
    /// The source's number, and the recording's, from 0: taps of one recording share a start of all clocks.
    pub(super) number: usize,
    pub(super) recording: usize,
    /// The recording, where in it the tap is that was cut out, and its rate.
    pub(super) files: Vec<PathBuf>,
    pub(super) window: Option<Stretch>,
    pub(super) rate_hz: f64,
    /// In words, for errors.
    name: String,
    /// What was undone in the take beyond the site's own word.
    undone: Vec<ChannelCorrection>,
}

impl Source {
    fn new(site: &Site, place_m: Point3) -> Result<Self> {
        if place_m.amax() > FARTHEST_M {
            return Err(Error::request(format!(
                "--at {:e} m is no place in a module; are these metres?",
                place_m.amax()
            )));
        }
        if matches!(site.path, PathKind::Air(_)) {
            return Ok(Self::Free(place_m));
        }
        let point = site.nearest(&place_m);
        let off_m = (point.position_m - place_m).norm();
        if off_m > OFF_WALL_M {
            let [x, y, z]: [f64; 3] = place_m.into();
            return Err(Error::request(format!(
                "--at {x},{y},{z} is {:.0} mm off the nearest wall, '{}'; guided waves need a source on the wall",
                off_m * 1e3,
                site.walls[point.wall].id
            )));
        }
        Ok(Self::OnWall(point))
    }

    /// Where it is, metres.
    pub fn place_m(&self) -> Point3 {
        match self {
            Self::Free(place_m) => *place_m,
            Self::OnWall(point) => point.position_m,
        }
    }

    /// Ranges and their slopes for some of an array's sensors.
    pub(super) fn geometry(&self, array: &Array<'_>, members: &[usize]) -> Geometry {
        let count = members.len();
        let kept = array.keeping(members);
        match self {
            Self::Free(place_m) => {
                let rays = kept.sensors.iter().map(|&i| array.site.sensors[i].position_m - place_m);
                let directions: Vec<Point3> = rays.map(|ray| ray / ray.norm().max(f64::MIN_POSITIVE)).collect();
                let by_sensor = DMatrix::from_fn(count, 3, |m, axis| directions[m][axis]);
                Geometry {
                    ranges_m: kept.free_ranges_m(place_m),
                    by_source: -&by_sensor,
                    by_sensor,
                    clear_m: vec![f64::INFINITY; count],
                }
            }
            Self::OnWall(point) => {
                let way = Way::along(array.site, *point);
                let wall = &array.site.walls[point.wall];
                let slope = |&i: &usize| {
                    let foot = array.site.sensors[i].foot.expect("sensors of a wall stand on it");
                    way.shortest(wall, &foot).gradient
                };
                let slopes: Vec<[f64; 2]> = kept.sensors.iter().map(slope).collect();
                Geometry {
                    ranges_m: kept.ranges_m(point),
                    by_sensor: DMatrix::from_fn(count, 2, |m, axis| slopes[m][axis]),
                    by_source: kept.range_gradient(point),
                    clear_m: kept.all_ways(point).iter().map(|legs| clear_m(legs)).collect(),
                }
            }
        }
    }
}

/// How much further the second way to a sensor is than the first, metres.
fn clear_m(legs: &[Leg]) -> f64 {
    legs.get(1).map_or(f64::INFINITY, |second| second.length_m - legs[0].length_m)
}

impl Heard {
    /// Listens to one source, or to the tap in a stretch, seconds; `numbers` are those of source and recording.
    fn new(
        site: &Site,
        (source, numbers): (Source, [usize; 2]),
        files: &[PathBuf],
        window_s: Option<[f64; 2]>,
        options: &LocateOptions,
    ) -> Result<Self> {
        let captures = Captures::open(files)?;
        let rate_hz = f64::from(captures.sample_rate_hz());
        let stretch = |[from_s, to_s]: [f64; 2]| {
            let [first, end] = [from_s, to_s].map(|s| (s * rate_hz).round() as u64);
            Stretch { first, frames: end - first }
        };
        let of_tap = window_s.map_or_else(|| options.clone(), |window| within(options, window));
        let take = Take::hear(site, captures, &of_tap, &|_, _| ())?;
        Ok(Self {
            source,
            number: numbers[0],
            recording: numbers[1],
            files: files.to_vec(),
            window: window_s.map(stretch),
            rate_hz,
            name: match window_s {
                Some(_) if numbers != [numbers[0]; 2] => format!("{}, tap {}", name(files), numbers[0] + 1),
                _ => name(files),
            },
            undone: vec![ChannelCorrection { gain: 1.0, delay_s: 0.0 }; take.sensors.len()],
            take,
        })
    }

    /// What of the recording was listened to, and why.
    pub fn road(&self) -> String {
        let what = format!(
            "source {} in {}",
            self.number + 1,
            self.files.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().join(", ")
        );
        match self.window {
            Some(Stretch { first, frames }) => {
                let [from_s, to_s] = [first, first + frames].map(|frame| frame as f64 / self.rate_hz);
                format!("{what}: the tap from {from_s:.4} to {to_s:.4} s, which stands out of the noise")
            }
            None => format!("{what}: all of it as a steady sound, since no single tap stands out on one clock for all"),
        }
    }

    /// Those of its sensors that a clock has, as numbers in an array.
    pub(super) fn on_clock(&self, array: &Array<'_>, clock: usize) -> Vec<usize> {
        let is = |m: &usize| array.groups()[*m] == clock && self.take.sensors.contains(&array.sensors[*m]);
        (0..array.len()).filter(is).collect()
    }

    /// Undoes what a state says of each sensor, by its number in the site, and no more than that.
    pub(super) fn correct(&mut self, of: impl Fn(usize) -> ChannelCorrection) {
        let now: Vec<ChannelCorrection> = self.take.sensors.iter().map(|&sensor| of(sensor)).collect();
        let steps: Vec<_> = now.iter().zip(&self.undone).map(|(now, before)| since(*now, *before)).collect();
        self.take.correct(&steps);
        self.undone = now;
    }

    pub(super) fn unheard(&self) -> Error {
        let [x, y, z]: [f64; 3] = self.source.place_m().into();
        Error::request(format!(
            "{}: no sound that the sensors have in common where one from {x:.3}, {y:.3}, {z:.3} m would be; make it louder, \
             give the --band that holds it, or mend the place",
            self.name
        ))
    }
}

/// Listens to sources at `places_m`: `files` are one capture a place, or one capture with a tap at each place in turn. A capture
/// is one file a recorder, or mono files one a channel.
///
/// # Errors
/// [`Error::Request`] where files, places and taps differ in number, and those of listening.
pub fn hear(
    site: &Site,
    files: &[PathBuf],
    places_m: &[Point3],
    band_hz: Option<(f64, f64)>,
    progress: Progress<'_>,
) -> Result<Vec<Heard>> {
    let sources: Vec<Source> = places_m.iter().map(|&place| Source::new(site, place)).collect::<Result<_>>()?;
    let options = LocateOptions { band_hz, ..LocateOptions::default() };
    let channels: usize = site.channels().iter().sum();
    let of_capture = [site.recorders.len(), channels];
    let count = of_capture.into_iter().find(|per| files.len() == per * sources.len());
    if let Some(per) = count
        && (sources.len() > 1 || per == files.len())
    {
        let take = |(i, (source, files)): (usize, (Source, &[PathBuf]))| {
            progress("listening", i as f64 / sources.len() as f64);
            one_capture(site, (source, [i, i]), files, &options)
        };
        return sources.iter().copied().zip(files.chunks(per)).enumerate().map(take).collect();
    }
    if of_capture.contains(&files.len()) {
        return taps(site, files, &sources, &options, progress);
    }
    Err(Error::request(format!(
        "{} and {}; needed: a capture a place ({}), or one capture with a tap at each place in turn",
        counted(files.len(), "file"),
        counted(sources.len(), "place"),
        counted(site.recorders.len() * sources.len(), "file")
    )))
}

fn name(files: &[PathBuf]) -> String {
    files.first().map(|f| f.display().to_string()).unwrap_or_default()
}

/// One capture of one source: the tap in it where there is one, else all of it.
fn one_capture(site: &Site, source: (Source, [usize; 2]), files: &[PathBuf], options: &LocateOptions) -> Result<Heard> {
    // By clocks of their own one tap is at several times.
    let window_s = match clocks(site)[..] {
        [clock] => match windows(&of_clock(site, clock), files, options)?[..] {
            [window_s] => Some(window_s),
            _ => None,
        },
        _ => None,
    };
    Heard::new(site, source, files, window_s, options)
}

/// Clocks of the sensors that are used.
fn clocks(site: &Site) -> Vec<usize> {
    let used = site.clock_groups().into_iter().zip(&site.sensors).filter(|(_, sensor)| !sensor.disabled);
    let mut clocks: Vec<usize> = used.map(|(clock, _)| clock).collect();
    clocks.sort_unstable();
    clocks.dedup();
    clocks
}

/// The site as far as one clock hears it.
fn of_clock(site: &Site, clock: usize) -> Site {
    let mut site = site.clone();
    let groups = site.clock_groups();
    site.sensors.iter_mut().zip(groups).for_each(|(sensor, group)| sensor.disabled |= group != clock);
    site
}

/// One capture with a tap at each place in turn, each taken once for every clock.
fn taps(
    site: &Site,
    files: &[PathBuf],
    sources: &[Source],
    options: &LocateOptions,
    progress: Progress<'_>,
) -> Result<Vec<Heard>> {
    let mut heard = Vec::new();
    let all = clocks(site);
    for (done, &clock) in all.iter().enumerate() {
        let part = of_clock(site, clock);
        let found = windows(&part, files, options)?;
        if found.len() != sources.len() {
            let times: Vec<String> = found.iter().take(12).map(|w| format!("{:.3}", w[0])).collect();
            let at = if times.is_empty() { String::new() } else { format!(", at {} s", times.join(", ")) };
            let recorder = &site.recorders[clock].id;
            let on = if all.len() == 1 { String::new() } else { format!(", recorder '{recorder}'") };
            return Err(Error::request(format!(
                "{}{on}: {} stand out of the noise{at}, and there are {}; give the places in the order of the taps, one each",
                name(files),
                counted(found.len(), "tap"),
                counted(sources.len(), "place"),
            )));
        }
        for (i, (source, window_s)) in sources.iter().zip(found).enumerate() {
            progress("listening", (done + i) as f64 / (sources.len() * all.len()) as f64);
            heard.push(Heard::new(&part, (*source, [i, 0]), files, Some(window_s), options)?);
        }
    }
    heard.sort_by_key(|h| h.number);
    Ok(heard)
}

fn within(options: &LocateOptions, [from_s, to_s]: [f64; 2]) -> LocateOptions {
    LocateOptions { from_s: Some(from_s), to_s: Some(to_s), transient: true, ..options.clone() }
}

/// Stretches, seconds, that hold one tap each, by a single clock.
fn windows(site: &Site, files: &[PathBuf], options: &LocateOptions) -> Result<Vec<[f64; 2]>> {
    let mut captures = Captures::open(files)?;
    let sensors: Vec<usize> = (0..site.sensors.len()).filter(|&i| !site.sensors[i].disabled).collect();
    captures.select(selection(site, &captures, &sensors)?);
    let medium = Medium::of(site);
    let rate_hz = f64::from(captures.sample_rate_hz());
    let band_hz = options.band_hz.map_or_else(|| medium.usual_band_hz(), |(low, high)| [low, high]);
    let array = Array::new(site, medium, band_hz, sensors)?;
    let transit_s = array.medium.slowest(band_hz).time_s(array.longest_way().0);
    let transit = (transit_s * rate_hz).ceil() as u64;
    let end = captures.frames();
    let starts = events(&mut captures, [0, end], 3 * transit, &|_| ())?;
    // As taps are cut out to be located: half a transit of quiet before, two with the sound.
    let window = |&start: &u64| {
        let [from, to] = [start.saturating_sub(transit / 2 + 64), (start + 2 * transit + 256).min(end)];
        [from as f64 / rate_hz, to as f64 / rate_hz]
    };
    Ok(starts.iter().map(window).collect())
}

impl Geometry {
    /// As [`Source::geometry`] for any place of the walls.
    pub(super) fn of_place(array: &Array<'_>, place: &WallPoint) -> Self {
        let source = match array.medium.kind {
            "air" => Source::Free(place.position_m),
            _ => Source::OnWall(*place),
        };
        source.geometry(array, &(0..array.len()).collect::<Vec<_>>())
    }
}
