//! A site file, read or refused: the whole. Its path is read in [`super::read_path`], walls in [`super::read_wall`],
//! recorders and sensors in [`super::read_sensor`].

use std::path::Path;

use super::read_path::{Climate, read_path};
use super::read_sensor::{Ids, read_recorders, read_sensors};
use super::read_wall::read_wall;
use super::table::{Document, Table, read_text};
use super::{Site, Wall};
use crate::error::Result;

/// Reads the site file at `path`.
///
/// # Errors
/// [`Io`](crate::Error::Io) where it cannot be read, [`Request`](crate::Error::Request) with file, line and repair for everything in it.
pub fn read_site(path: &Path) -> Result<Site> {
    read_site_in(path, &Climate::default())
}

/// As [`read_site`], with what a recorder noted of the air where the site says nothing of it.
///
/// # Errors
/// As [`read_site`].
pub fn read_site_in(path: &Path, climate: &Climate) -> Result<Site> {
    site_of(&read_text(path)?, &path.display().to_string(), climate)
}

/// Reads a site from `text`; `file` is the name that errors give.
///
/// # Errors
/// [`Request`](crate::Error::Request) with file, line and repair.
pub fn parse_site(text: &str, file: &str) -> Result<Site> {
    parse_site_in(text, file, &Climate::default())
}

/// As [`parse_site`], with what a recorder noted of the air where the site says nothing of it.
///
/// # Errors
/// As [`parse_site`].
pub fn parse_site_in(text: &str, file: &str, climate: &Climate) -> Result<Site> {
    site_of(text, file, climate)
}

fn site_of(text: &str, file: &str, climate: &Climate) -> Result<Site> {
    let document = Document::parse(text, file)?;
    let mut root = document.root();
    let site = take_site(&mut root, climate)?;
    root.finish()?;
    Ok(site)
}

/// The tables of a site, taken from a file that may hold others too.
pub(crate) fn take_site(root: &mut Table, climate: &Climate) -> Result<Site> {
    let mut assumptions = Vec::new();
    let name = match root.opt_table("site")? {
        Some(mut table) => {
            let name = table.opt_string("name")?.unwrap_or("site").to_owned();
            table.finish()?;
            name
        }
        None => "site".to_owned(),
    };
    let path = read_path(root.table("path")?, climate, &mut assumptions)?;
    let walls = read_walls(root)?;
    let recorders = read_recorders(root)?;
    let sensors = read_sensors(root, &walls, &recorders, &path, &mut assumptions)?;
    Ok(Site { name, path, walls, recorders, sensors, assumptions })
}

fn read_walls(root: &mut Table) -> Result<Vec<Wall>> {
    let tables = root.tables("wall")?;
    if tables.is_empty() {
        return Err(root.error("no [[wall]]; needed: at least one patch on which the leak may lie"));
    }
    let mut ids = Ids::default();
    tables
        .into_iter()
        .map(|mut table| {
            let id = ids.take(&mut table)?;
            read_wall(table, &id)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::{PathKind, Point3, SpeedSigma};

    const GOOD: &str = r#"[site]
name = "PrK"
[path]
kind = "air"
temperature_c = 22
[[wall]]
id = "barrel"
shape = "cylinder"
base_m = [0, 0, 0]
axis = [0, 0, 2]
seam = [1, 0, 1]
radius_m = 1.0
length_m = 2.35
[[wall]]
id = "panel"
shape = "plate"
origin_m = [0, 0, 0]
u_axis = [1, 0, 0]
v_axis = [0, 1, 0]
size_m = [2.0, 1.5]
[[recorder]]
id = "A"
[[recorder]]
id = "B"
sync = "free"
[[sensor]]
id = "M1"
channel = 1
position_m = [0.7, 0, 0.2]
[[sensor]]
id = "M2"
channel = 1
recorder = "B"
wall = "barrel"
u_m = 1.5707963267948966
v_m = 0.5
position_sigma_m = 0.002
polarity = -1
"#;

    #[test]
    fn a_good_site_is_read_and_says_what_it_assumed() {
        let site = parse_site(GOOD, "site.toml").unwrap();
        assert_eq!(site.name, "PrK");
        assert_eq!(site.clock_groups(), [0, 1]);
        let [first, second] = &site.sensors[..] else { panic!() };
        assert_eq!((first.position_m, first.position_sigma_m), (Point3::new(0.7, 0.0, 0.2), 0.001));
        assert!((second.position_m - Point3::new(0.0, 1.0, 0.5)).norm() < 1e-15, "{}", second.position_m);
        assert_eq!((second.channel, second.recorder, second.polarity), (1, 1, -1.0));
        let PathKind::Air(air) = &site.path else { panic!() };
        assert_eq!(air.speed_sigma, SpeedSigma::Relative(0.001));
        assert_eq!(site.assumptions.len(), 4, "{:?}", site.assumptions);
        assert!(site.assumptions[3].contains("place of M1 is; 1 mm"), "{}", site.assumptions[3]);
    }

    /// Replaces `from` by `to` in the good file: the refusal must hold each of `told`.
    #[test]
    fn bad_files_are_refused_with_place_and_repair() {
        let table: &[(&str, &str, &[&str])] = &[
            (
                "id = \"M1\"",
                "id = \"M1\"\npositon_sigma_m = 1",
                &["site.toml:28: [[sensor]]: unknown key 'positon_sigma_m'; did you mean 'position_sigma_m'?"],
            ),
            ("[site]", "[sight]", &["site.toml:1: the file: unknown key 'sight'; did you mean 'site'?"]),
            (
                "channel = 1\nposition_m",
                "position_m",
                &["site.toml:26: [[sensor]]: 'channel' is missing; needed: a whole number"],
            ),
            ("channel = 1\nposition_m", "chanel = 1\nposition_m", &["'channel' is missing ('chanel' stands there)"]),
            (
                "channel = 1\nposition_m",
                "channel = 0\nposition_m",
                &["site.toml:28:", "'channel' is 0; needed: a whole number within 1..4096"],
            ),
            (
                "channel = 1\nposition_m",
                "channel = 1.5\nposition_m",
                &["'channel' is a TOML float; needed: a whole number"],
            ),
            ("recorder = \"B\"\n", "", &["site.toml:32:", "'M1' and 'M2' both stand on channel 1 of recorder 'A'"]),
            ("recorder = \"B\"", "recorder = \"b2\"", &["no recorder is called 'b2'", "known: A, B"]),
            ("id = \"M2\"", "id = \"M1\"", &["site.toml:31:", "a second one with id 'M1'"]),
            ("\"air\"", "\"plate\"", &["site.toml:5: [path]: 'temperature_c' belongs to a path of kind 'air'"]),
            ("\"air\"", "\"airr\"", &["site.toml:4:", "did you mean 'air'?"]),
            ("\"plate\"", "\"mesh\"", &["site.toml:14: [[wall]]: 'file' is missing"]),
            ("\"cylinder\"", "\"cilinder\"", &["site.toml:8:", "did you mean 'cylinder'?"]),
            (
                "temperature_c = 22",
                "temperature_c = 220",
                &["site.toml:5: [path]: 'temperature_c' is 220; needed: a number within -60..80"],
            ),
            ("temperature_c = 22", "temperature_c = nan", &["site.toml:5:", "not finite"]),
            ("temperature_c = 22", "temperature_c = \"22\"", &["site.toml:5:", "is a TOML string; needed: a number"]),
            (
                "temperature_c = 22",
                "speed_m_s = 340\nspeed_sigma_m_s = 1\nspeed_sigma_pct = 1",
                &["site.toml:7:", "both; keep one"],
            ),
            ("temperature_c = 22", "temperature_c = ", &["site.toml:5: not valid TOML"]),
            ("temperature_c = 22", "kind = 'air'", &["site.toml:5: not valid TOML: duplicate key"]),
            ("axis = [0, 0, 2]", "axis = [0, 0, 0]", &["site.toml:10: [[wall]]: 'axis' has no direction"]),
            ("seam = [1, 0, 1]", "seam = [0, 0, -3]", &["site.toml:11: [[wall]]: 'seam' is parallel to 'axis'"]),
            (
                "radius_m = 1.0",
                "radius_m = -1.0",
                &["site.toml:12:", "'radius_m' is -1; needed: a number within 0.000001..100000"],
            ),
            (
                "radius_m = 1.0",
                "radius_m = 1.0\narc_deg = [10, 371]",
                &["site.toml:13:", "'arc_deg' runs from 10 to 371"],
            ),
            (
                "u_axis = [1, 0, 0]",
                "u_axis = [1.1, 0, 0]",
                &["site.toml:18:", "'u_axis' is 1.1 long; needed: a unit vector"],
            ),
            ("v_axis = [0, 1, 0]", "v_axis = [0.6, 0.8, 0]", &["site.toml:19:", "53.13", "needed: a right angle"]),
            (
                "size_m = [2.0, 1.5]",
                "size_m = [2.0]",
                &["site.toml:20:", "'size_m' holds 1 numbers; needed: 2 numbers"],
            ),
            ("id = \"A\"", "id = \"A\"\nsync = \"free\"", &["site.toml:23:", "cannot be 'free'"]),
            ("sync = \"free\"", "sync = \"locked\"", &["site.toml:25:", "known: shared, free"]),
            ("v_m = 0.5", "v_m = 2.5", &["site.toml:36:", "off wall 'barrel'; needed: 0.000000..2.350000"]),
            ("u_m = 1.57", "u_m = 7.57", &["site.toml:35:", "off wall 'barrel'; needed: 0.000000..6.283185"]),
            ("wall = \"barrel\"\n", "", &["measured along a wall; needed: wall = its id"]),
            ("wall = \"barrel\"", "wall = \"barel\"", &["no wall is called 'barel'; did you mean 'barrel'?"]),
            ("polarity = -1", "polarity = 0.5", &["site.toml:38:", "'polarity' is 0.5; needed: 1 or -1"]),
            ("position_m = [0.7, 0, 0.2]\n", "", &["no place; needed: position_m"]),
            ("\"PrK\"", "\"\"", &["site.toml:2: [site]: 'name' is empty"]),
            ("[path]", "[[path]]", &["site.toml:3:", "'path' is a TOML array; needed: a table, [path]"]),
        ];
        for (from, to, told) in table {
            assert!(GOOD.contains(from), "{from}");
            let error = parse_site(&GOOD.replacen(from, to, 1), "site.toml").expect_err(to);
            let message = error.to_string();
            assert_eq!(error.exit_code(), 2, "{message}");
            assert!(message.lines().count() <= 3, "{message}");
            for part in *told {
                assert!(message.contains(part), "{message}\n  lacks: {part}");
            }
        }
    }

    #[test]
    fn what_the_site_must_hold_is_named() {
        let refusal = |text: &str| parse_site(text, "site.toml").unwrap_err().to_string();
        assert!(refusal("").contains("site.toml: 'path' is missing"));
        assert!(refusal("[path]\nkind='air'").contains("site.toml: no [[wall]]"));
        let without_sensors = GOOD.split("[[sensor]]").next().unwrap();
        assert!(refusal(without_sensors).contains("site.toml: no [[sensor]] in use"));
        assert!(refusal("wall = 3\n[path]\nkind='air'").contains("site.toml:1: the file: 'wall' is a TOML integer"));
    }

    #[test]
    fn two_sensors_at_one_place_are_refused_unless_one_is_a_spare() {
        let third = "[[sensor]]\nid = \"M3\"\nchannel = 2\nposition_m = [0.7, 0, 0.2005]\n";
        let error = parse_site(&format!("{GOOD}\n{third}"), "site.toml").unwrap_err().to_string();
        assert!(error.contains("'M1' and 'M3' stand at the same place; measure both again"), "{error}");
        parse_site(&format!("{GOOD}\n{third}disabled = true\n"), "site.toml").unwrap();
    }

    #[test]
    fn places_that_are_hardly_meant_are_told() {
        let told = |from: &str, to: &str| parse_site(&GOOD.replace(from, to), "s").unwrap().assumptions;
        let far = told("position_m = [0.7, 0, 0.2]", "position_m = [70, 0, 0.2]");
        assert!(far.iter().any(|told| told.contains("from every wall: M1;")), "{far:?}");
        let near = told("position_m = [0.7, 0, 0.2]", "position_m = [2.5, 0, 0.2]");
        assert!(!near.iter().any(|told| told.contains("from every wall")), "{near:?}");
        let unsure = told("position_sigma_m = 0.002", "position_sigma_m = 2");
        assert!(unsure.iter().any(|told| told.contains("position_sigma_m of M2 is more than")), "{unsure:?}");
    }

    #[test]
    fn no_thermometer_widens_the_speed_unless_it_is_stated() {
        let site = parse_site(&GOOD.replace("temperature_c = 22", ""), "s").unwrap();
        let PathKind::Air(air) = site.path else { panic!() };
        assert_eq!(air.speed_sigma, SpeedSigma::Relative(0.01));
        let site = parse_site(&GOOD.replace("temperature_c = 22", "speed_sigma_m_s = 2"), "s").unwrap();
        let PathKind::Air(air) = site.path else { panic!() };
        assert_eq!(air.speed_sigma, SpeedSigma::Absolute(2.0));
    }

    #[test]
    fn every_shape_is_read_with_its_arcs() {
        let shapes = [
            ("disc", "centre_m=[0,0,0]\nnormal=[0,0,3]\nradius_m=1\ninner_radius_m=0.4", 0.84),
            ("cone", "base_m=[0,0,0]\naxis=[0,0,1]\nradius_m=[0,1]\nlength_m=1", 2f64.sqrt()),
            ("sphere", "centre_m=[0,0,0]\naxis=[0,0,1]\nradius_m=1\npolar_deg=[0,90]", 2.0),
        ];
        for (shape, keys, full_area_over_pi) in shapes {
            let wall = format!("[[wall]]\nid='w'\nshape='{shape}'\nseam=[1,0,0]\narc_deg=[-90,90]\n{keys}\n");
            let rest = "[path]\nkind='air'\n[[sensor]]\nid='M'\nchannel=1\nposition_m=[0,0,0]\n";
            let site = parse_site(&(wall + rest), "site.toml").unwrap();
            let area = site.walls[0].area_m2();
            assert!((area - full_area_over_pi * std::f64::consts::FRAC_PI_2).abs() < 1e-12, "{shape} {area}");
        }
    }

    #[test]
    fn absurd_input_is_refused_without_harm() {
        let refusal = |text: &str| parse_site(text, "s").unwrap_err().to_string();
        assert!(refusal(&format!("a = {}", "[".repeat(200_000))).contains("not valid TOML"));
        assert!(refusal(&format!("{}a = 1", "a.".repeat(200_000))).contains("s:1: not valid TOML"));
        assert!(refusal(&"#".repeat(5 << 20)).contains("at most"));
        assert!(refusal(&format!("[path]\nkind='air'\n{}", "[[wall]]\n".repeat(5000))).contains("5000 of [[wall]]"));
        for cut in (0..GOOD.len()).filter(|i| GOOD.is_char_boundary(*i)) {
            let _ = parse_site(&GOOD[..cut], "site.toml");
        }
    }
}
