//! The path of a site file: air, or guided waves along the wall.

use std::path::Path;

use super::table::{Table, read_text};
use super::{AirPath, Mode, PathKind, PlatePath, PlateWave, Solid, SpeedSigma};
use crate::error::{Error, Result};

/// A thermometer good to 0.6 K.
const ASSUMED_AIR_SIGMA: f64 = 0.001;
/// A recorder's own thermometer, good to 2.4 K, somewhere in the room.
const RECORDER_SIGMA: f64 = 0.004;
/// No thermometer at all: 6 K either way.
const UNKNOWN_CLIMATE_SIGMA: f64 = 0.01;
/// Rolled sheet of a known alloy: thickness within 2 %, which is half of that in the speed of A0.
const ASSUMED_PLATE_SIGMA: f64 = 0.01;

/// Keys that only one kind of path has.
const OF_AIR: [&str; 3] = ["temperature_c", "pressure_kpa", "humidity_pct"];
const OF_PLATE: [&str; 9] = [
    "mode",
    "thickness_mm",
    "thickness_sigma_mm",
    "material",
    "density_kg_m3",
    "longitudinal_m_s",
    "shear_m_s",
    "dispersion",
    "absorption_db_m",
];

/// What a recorder noted of the air around it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Climate {
    /// Temperature, degrees Celsius.
    pub temperature_c: Option<f64>,
    /// Relative humidity, per cent.
    pub humidity_pct: Option<f64>,
}

pub(super) fn read_path(mut table: Table, climate: &Climate, assumptions: &mut Vec<String>) -> Result<PathKind> {
    let kind = table.choice("kind", &["air", "plate"])?;
    let (foreign, other): (&[&str], _) = if kind == "air" { (&OF_PLATE, "plate") } else { (&OF_AIR, "air") };
    if let Some(key) = foreign.iter().find(|key| table.has(key)) {
        return Err(table.error_of(key, format!("'{key}' belongs to a path of kind '{other}', and this is '{kind}'")));
    }
    let path = match kind {
        "air" => PathKind::Air(read_air(&mut table, climate, assumptions)?),
        _ => PathKind::Plate(read_plate(&mut table, assumptions)?),
    };
    table.finish()?;
    Ok(path)
}

fn read_air(table: &mut Table, climate: &Climate, assumptions: &mut Vec<String>) -> Result<AirPath> {
    let temperature_c = table.opt_f64("temperature_c", -60.0..=80.0)?;
    let pressure_kpa = table.opt_f64("pressure_kpa", 1.0..=1000.0)?;
    let humidity_pct = table.opt_f64("humidity_pct", 0.0..=100.0)?;
    let speed_m_s = table.opt_f64("speed_m_s", 50.0..=20_000.0)?;
    if speed_m_s.is_none() {
        assume(assumptions, temperature_c, "temperature", "20", climate.temperature_c, "°C");
        assume(assumptions, pressure_kpa, "pressure", "101.325", None, "kPa");
        assume(assumptions, humidity_pct, "humidity", "50", climate.humidity_pct, "%");
    }
    let assumed = match (speed_m_s.or(temperature_c), climate.temperature_c) {
        (Some(_), _) => ASSUMED_AIR_SIGMA,
        (None, Some(_)) => RECORDER_SIGMA,
        (None, None) => UNKNOWN_CLIMATE_SIGMA,
    };
    Ok(AirPath {
        temperature_c: temperature_c.or(climate.temperature_c).unwrap_or(20.0),
        pressure_kpa: pressure_kpa.unwrap_or(101.325),
        humidity_pct: humidity_pct.or(climate.humidity_pct).unwrap_or(50.0),
        speed_m_s,
        speed_sigma: read_sigma(table, assumptions, Some(assumed))?,
    })
}

fn assume(assumptions: &mut Vec<String>, given: Option<f64>, what: &str, usual: &str, noted: Option<f64>, unit: &str) {
    match (given, noted) {
        (Some(_), _) => {}
        (None, Some(noted)) => {
            assumptions.push(format!("the site gives no {what}; {noted} {unit} is taken from the recorder's notes"));
        }
        (None, None) => assumptions.push(format!("the site gives no {what}; {usual} {unit} is assumed")),
    }
}

/// How sure the speed is; `assumed` where the site does not say, which is told.
fn read_sigma(table: &mut Table, assumptions: &mut Vec<String>, assumed: Option<f64>) -> Result<SpeedSigma> {
    let sigma_m_s = table.opt_f64("speed_sigma_m_s", 0.0..=1000.0)?;
    let sigma_pct = table.opt_f64("speed_sigma_pct", 0.0..=50.0)?;
    match (sigma_m_s, sigma_pct) {
        (Some(_), Some(_)) => {
            Err(table.error_of("speed_sigma_pct", "'speed_sigma_m_s' and 'speed_sigma_pct' both; keep one"))
        }
        (Some(sigma_m_s), None) => Ok(SpeedSigma::Absolute(sigma_m_s)),
        (None, Some(sigma_pct)) => Ok(SpeedSigma::Relative(sigma_pct / 100.0)),
        (None, None) => {
            if let Some(fraction) = assumed {
                assumptions.push(format!(
                    "the site does not say how sure the speed of sound is; {} % (1 sigma) is assumed",
                    fraction * 100.0
                ));
            }
            Ok(SpeedSigma::Relative(assumed.unwrap_or(0.0)))
        }
    }
}

fn read_plate(table: &mut Table, assumptions: &mut Vec<String>) -> Result<PlatePath> {
    let mode = table.opt_choice("mode", &[Mode::A0.name(), Mode::S0.name()])?;
    let mode = mode.and_then(|name| Mode::ALL.into_iter().find(|mode| mode.name() == name));
    let wave = read_wave(table)?;
    let known = matches!(wave, PlateWave::Lamb { thickness_sigma_m: Some(_), .. });
    Ok(PlatePath {
        mode,
        wave,
        speed_sigma: read_sigma(table, assumptions, (!known).then_some(ASSUMED_PLATE_SIGMA))?,
        absorption_db_m: table.opt_f64("absorption_db_m", 0.0..=1000.0)?.unwrap_or(0.0),
    })
}

/// One of three: a speed, a measured curve, or thickness and elasticity.
fn read_wave(table: &mut Table) -> Result<PlateWave> {
    const OTHERS: [&str; 7] = [
        "dispersion",
        "thickness_mm",
        "thickness_sigma_mm",
        "material",
        "density_kg_m3",
        "longitudinal_m_s",
        "shear_m_s",
    ];
    let instead = |table: &Table, key: &str, others: &[&'static str]| match others.iter().find(|other| table.has(other))
    {
        Some(other) => Err(table.error_of(other, format!("'{key}' and '{other}' both give the speed; keep one"))),
        None => Ok(()),
    };
    if table.has("speed_m_s") {
        instead(table, "speed_m_s", &OTHERS)?;
        return Ok(PlateWave::Fixed(table.f64("speed_m_s", 50.0..=20_000.0)?));
    }
    if table.has("dispersion") {
        instead(table, "dispersion", &OTHERS[1..])?;
        let file = table.string("dispersion")?;
        let path = table.beside(file);
        let rows = read_curve(&path).map_err(|e| table.error_of("dispersion", e))?;
        return Ok(PlateWave::Measured(rows));
    }
    let Some(thickness_mm) = table.opt_f64("thickness_mm", 0.01..=200.0)? else {
        return Err(table.error(
            "nothing that the speed of a guided wave follows from; needed: thickness_mm and material (or longitudinal_m_s \
             and shear_m_s), or speed_m_s, or dispersion = \"curve.csv\"",
        ));
    };
    let thickness_sigma_mm = table.opt_f64("thickness_sigma_mm", 0.0..=200.0)?;
    if thickness_sigma_mm.is_some_and(|sigma| sigma > 0.5 * thickness_mm) {
        let what = format!("'thickness_sigma_mm' is more than half of thickness_mm = {thickness_mm}; measure the wall");
        return Err(table.error_of("thickness_sigma_mm", what));
    }
    Ok(PlateWave::Lamb {
        solid: read_solid(table)?,
        thickness_m: thickness_mm * 1e-3,
        thickness_sigma_m: thickness_sigma_mm.map(|mm| mm * 1e-3),
    })
}

fn read_solid(table: &mut Table) -> Result<Solid> {
    if table.has("material") {
        let name = table.choice("material", &Solid::NAMES)?;
        if let Some(key) = ["density_kg_m3", "longitudinal_m_s", "shear_m_s"].iter().find(|key| table.has(key)) {
            return Err(table.error_of(key, format!("'material' and '{key}' both; keep one")));
        }
        return Ok(Solid::named(name).expect("the choice was among the names"));
    }
    let longitudinal_m_s = table.f64("longitudinal_m_s", 500.0..=20_000.0)?;
    let shear_m_s = table.f64("shear_m_s", 200.0..=15_000.0)?;
    // Poisson's ratio lies above 0 for every metal: c_T/c_L < √½.
    if shear_m_s >= longitudinal_m_s * std::f64::consts::FRAC_1_SQRT_2 {
        let what =
            format!("'shear_m_s' is {shear_m_s}; needed: less than 0.707 of longitudinal_m_s = {longitudinal_m_s}");
        return Err(table.error_of("shear_m_s", what));
    }
    let density_kg_m3 = table.opt_f64("density_kg_m3", 100.0..=25_000.0)?.unwrap_or(0.0);
    Ok(Solid { density_kg_m3, longitudinal_m_s, shear_m_s })
}

/// A row of a measured dispersion curve.
#[derive(serde::Deserialize)]
struct CurveRow {
    frequency_hz: f64,
    phase_speed_m_s: f64,
}

/// Rows of frequency and phase speed from a CSV file with those two columns; lines that begin with `#` are skipped.
fn read_curve(path: &Path) -> Result<Vec<[f64; 2]>> {
    let text = read_text(path)?;
    let name = path.display();
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).trim(csv::Trim::All).from_reader(text.as_bytes());
    let mut rows: Vec<[f64; 2]> = Vec::new();
    for row in reader.deserialize() {
        let CurveRow { frequency_hz, phase_speed_m_s } =
            row.map_err(|e| Error::request(format!("{name}: {e}; needed: columns frequency_hz,phase_speed_m_s")))?;
        let positive = |x: f64| x.is_finite() && x > 0.0;
        let [last_hz, last_m_s] = rows.last().copied().unwrap_or([0.0, 1.0]);
        let grows = frequency_hz > last_hz && frequency_hz / phase_speed_m_s > last_hz / last_m_s;
        if !(positive(frequency_hz) && positive(phase_speed_m_s) && grows) {
            return Err(Error::request(format!(
                "{name}: row {frequency_hz},{phase_speed_m_s}; needed: positive numbers, with frequency and frequency over \
                 speed growing from row to row"
            )));
        }
        rows.push([frequency_hz, phase_speed_m_s]);
    }
    if rows.len() < 2 {
        return Err(Error::request(format!("{name}: {} rows of a curve; needed: at least two", rows.len())));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::parse_site;

    const REST: &str = "[[wall]]\nid='w'\nshape='plate'\norigin_m=[0,0,0]\nu_axis=[1,0,0]\nv_axis=[0,1,0]\nsize_m=[1,1]\n\
                        [[sensor]]\nid='M1'\nchannel=1\nposition_m=[0.5,0.5,0]\n";

    fn plate(keys: &str, file: &str) -> Result<PlatePath> {
        let site = parse_site(&format!("[path]\nkind='plate'\n{keys}\n{REST}"), file)?;
        let PathKind::Plate(path) = site.path else { panic!("not a plate") };
        Ok(path)
    }

    #[test]
    fn a_wave_follows_from_an_alloy_a_speed_or_a_curve() {
        let lamb = plate("mode='S0'\nthickness_mm=3\nmaterial='AMg6'\nthickness_sigma_mm=0.1", "s").unwrap();
        assert_eq!(lamb.mode, Some(Mode::S0));
        let PlateWave::Lamb { solid, thickness_m, thickness_sigma_m } = lamb.wave else { panic!() };
        assert_eq!((thickness_m, thickness_sigma_m, solid.density_kg_m3), (3e-3, Some(1e-4), 2640.0));
        let fixed = plate("speed_m_s=5000\nspeed_sigma_pct=0.2", "s").unwrap();
        assert_eq!((fixed.mode, fixed.wave), (None, PlateWave::Fixed(5000.0)));
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("c.csv"), "# measured\nphase_speed_m_s, frequency_hz\n1500,50e3\n2200,2e5\n")
            .unwrap();
        let site = dir.path().join("site.toml").display().to_string();
        let curve = plate("dispersion='c.csv'", &site).unwrap();
        assert_eq!(curve.wave, PlateWave::Measured(vec![[50e3, 1500.0], [2e5, 2200.0]]));
    }

    #[test]
    fn contradictions_and_gaps_are_refused_with_the_way_out() {
        let dir = tempfile::tempdir().unwrap();
        let site = dir.path().join("site.toml").display().to_string();
        for (file, text) in [("falls.csv", "frequency_hz,phase_speed_m_s\n2,1\n1,1\n"), ("bare.csv", "1,2\n3,4\n")] {
            std::fs::write(dir.path().join(file), text).unwrap();
        }
        let table = [
            ("", "nothing that the speed of a guided wave follows from"),
            ("speed_m_s=5000\nthickness_mm=3", "'speed_m_s' and 'thickness_mm' both give the speed"),
            ("dispersion='c.csv'\nmaterial='AMg6'", "'dispersion' and 'material' both give the speed"),
            ("speed_m_s=5000\ndispersion='c.csv'", "'speed_m_s' and 'dispersion' both give the speed"),
            ("thickness_mm=3\nmaterial='AMG6'", "did you mean 'AMg6'?"),
            ("thickness_mm=3\nmaterial='AMg6'\nshear_m_s=3000", "'material' and 'shear_m_s' both"),
            ("thickness_mm=3\nlongitudinal_m_s=6000\nshear_m_s=5000", "less than 0.707 of longitudinal_m_s"),
            ("thickness_mm=3\nlongitudinal_m_s=6000", "'shear_m_s' is missing"),
            ("thickness_mm=3\nmaterial='AMg6'\ntemperature_c=20", "'temperature_c' belongs to a path of kind 'air'"),
            ("dispersion='none.csv'", "none.csv"),
            ("dispersion='falls.csv'", "growing from row to row"),
            ("dispersion='bare.csv'", "needed: columns frequency_hz,phase_speed_m_s"),
            ("mode='A1'\nspeed_m_s=5000", "known: A0, S0"),
        ];
        for (keys, told) in table {
            let message = plate(keys, &site).expect_err(keys).to_string();
            assert!(message.contains(told), "{keys}: {message}");
        }
    }

    #[test]
    fn a_contact_sensor_stands_on_the_wall() {
        let site = |place: &str| {
            let text = format!("[path]\nkind='plate'\nspeed_m_s=5000\n{REST}").replace("[0.5,0.5,0]", place);
            parse_site(&text, "s")
        };
        let foot = site("[0.5,0.25,0.001]").unwrap().sensors[0].foot.unwrap();
        assert_eq!((foot.a, foot.v_m), (0.5, 0.25));
        let message = site("[0.5,0.5,0.3]").unwrap_err().to_string();
        assert!(message.contains("'M1' is 300 mm off the nearest wall, 'w'"), "{message}");
    }
}
