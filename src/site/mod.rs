//! What is there: wall patches, sensors, recorders and how sound travels, read from a TOML file or refused.

mod boxes;
mod draft;
mod meridian;
mod mesh;
#[cfg(test)]
pub(crate) mod mesh_shapes;
mod piece;
mod plate;
mod read;
mod read_mesh;
mod read_path;
mod read_sensor;
mod read_wall;
mod restate;
mod survey;
mod table;
mod wall;

pub use draft::{Sensors, Shape, draft};
pub use meridian::Meridian;
pub use mesh::Mesh;
pub use piece::Piece;
pub use plate::{Mode, PlatePath, PlateWave, Solid};
pub(crate) use read::take_site;
pub use read::{parse_site, parse_site_in, read_site, read_site_in};
pub use read_path::Climate;
pub(crate) use read_wall::{COORDINATE_M, place_on_wall};
pub use restate::restated;
pub use survey::{Survey, read_survey};
pub(crate) use table::{Document, Table, read_text};
pub use wall::{Chart, Point3, Wall, WallPoint};

/// A valid site: every sensor stands on a known recorder and channel, every wall has an area.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// Free text, shown on plots.
    pub name: String,
    /// How sound gets from the leak to a sensor.
    pub path: PathKind,
    /// The patches the leak may lie on; at least one.
    pub walls: Vec<Wall>,
    /// The recorders, in the order in which captures are given; at least one.
    pub recorders: Vec<Recorder>,
    /// The sensors in the order of the file, disabled ones included.
    pub sensors: Vec<Sensor>,
    /// What the site leaves open and what was assumed in its place, in words.
    pub assumptions: Vec<String>,
}

/// How sound gets from the leak to a sensor.
#[derive(Debug, Clone, PartialEq)]
pub enum PathKind {
    /// Straight lines through the cabin air.
    Air(AirPath),
    /// Guided waves along the wall that the sensors stand on.
    Plate(PlatePath),
}

/// Air between leak and sensors.
#[derive(Debug, Clone, PartialEq)]
pub struct AirPath {
    /// Temperature, degrees Celsius.
    pub temperature_c: f64,
    /// Static pressure, kilopascals.
    pub pressure_kpa: f64,
    /// Relative humidity, per cent.
    pub humidity_pct: f64,
    /// The speed of sound where the site gives it; otherwise it follows from the three above.
    pub speed_m_s: Option<f64>,
    /// How sure the speed is.
    pub speed_sigma: SpeedSigma,
}

/// One standard deviation of a speed of sound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SpeedSigma {
    /// In metres per second.
    Absolute(f64),
    /// As a fraction of the speed.
    Relative(f64),
}

/// One recorder: one capture file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recorder {
    /// Name in the site file.
    pub id: String,
    /// Index of the recorder to whose samples its own are locked; its own index where its clock is free.
    pub clock: usize,
    /// The stand of a roving survey that it belongs to, from 0: stands were not recorded at the same time.
    pub stand: usize,
    /// Its first sample was taken so much later than that of the first recorder, seconds, and one standard deviation: the site's
    /// word, for the recordings that share it.
    pub offset_s: Option<(f64, f64)>,
    /// Its clock runs so much faster than that of the first recorder, parts per million, and one standard deviation.
    pub drift_ppm: Option<(f64, f64)>,
}

/// One sensor and the channel it is recorded on.
#[derive(Debug, Clone, PartialEq)]
pub struct Sensor {
    /// Name in the site file.
    pub id: String,
    /// Index of its recorder.
    pub recorder: usize,
    /// Channel of the recorder's file, counted from 1.
    pub channel: usize,
    /// Place in the module frame, metres.
    pub position_m: Point3,
    /// The point of the wall it is fixed to, where sound comes along the wall.
    pub foot: Option<WallPoint>,
    /// One standard deviation of the place along each axis, metres.
    pub position_sigma_m: f64,
    /// Gain of this channel over the others, decibels: the recording is so much louder than the sound.
    pub gain_db: f64,
    /// This channel shows a sound so much later than it arrived, seconds.
    pub delay_s: f64,
    /// -1 where the channel is wired the wrong way round, else 1.
    pub polarity: f64,
    /// Left out on the site's word.
    pub disabled: bool,
}

impl Site {
    /// Clock group of each sensor, in the order of `sensors`: sensors in one group share a clock.
    ///
    /// A group is called by the first of its recorders; each free one is a group of its own.
    pub fn clock_groups(&self) -> Vec<usize> {
        self.sensors.iter().map(|sensor| self.recorders[sensor.recorder].clock).collect()
    }

    /// Channels of each recorder, as far as the site counts them.
    pub fn channels(&self) -> Vec<usize> {
        let of = |recorder| self.sensors.iter().filter(move |sensor| sensor.recorder == recorder);
        (0..self.recorders.len()).map(|r| of(r).map(|sensor| sensor.channel).max().unwrap_or(0)).collect()
    }

    /// The guided wave that the site names.
    pub fn path_mode(&self) -> Option<Mode> {
        match &self.path {
            PathKind::Air(_) => None,
            PathKind::Plate(path) => path.mode,
        }
    }

    /// The point of the whole wall nearest to `place`.
    pub fn nearest(&self, place: &Point3) -> WallPoint {
        nearest_on(&self.walls, place)
    }

    /// The place of a wall point, metres, after moving it by `(du_m, dv_m)` in its tangent plane and back to its wall.
    pub fn moved(&self, from: &WallPoint, du_m: f64, dv_m: f64) -> WallPoint {
        let wall = &self.walls[from.wall];
        let [along_u, along_v] = wall.tangents(from);
        if let (Some(mesh), Some(triangle)) = (wall.mesh(), from.triangle) {
            let (triangle, place) = mesh.walk((triangle, from.position_m), along_u * du_m + along_v * dv_m);
            return WallPoint::on_triangle(from.wall, triangle, place);
        }
        wall.nearest(from.wall, &(from.position_m + along_u * du_m + along_v * dv_m))
    }
}

/// The point of these walls nearest to `place`.
fn nearest_on(walls: &[Wall], place: &Point3) -> WallPoint {
    let distance = |p: &WallPoint| (p.position_m - place).norm();
    walls
        .iter()
        .enumerate()
        .map(|(i, wall)| wall.nearest(i, place))
        .min_by(|a, b| distance(a).total_cmp(&distance(b)))
        .expect("a site has at least one wall")
}
