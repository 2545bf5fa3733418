//! A site file to begin with: a tunnel, a plate or a box, every key explained, sensors where they would do well.

use std::f64::consts::{PI, TAU};
use std::fmt::Write;

/// What a site is like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// A barrel between two end rings with hatches.
    Tunnel {
        /// Radius, metres.
        radius_m: f64,
        /// Length, metres.
        length_m: f64,
        /// Radius of the hatches, metres.
        hatch_m: f64,
    },
    /// One flat wall.
    Plate {
        /// Width and height, metres.
        size_m: [f64; 2],
    },
    /// Six flat walls.
    Room {
        /// Along x, y and z, metres.
        size_m: [f64; 3],
    },
}

/// How sound gets to the sensors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sensors {
    /// Microphones in the cabin.
    Microphones,
    /// Contact sensors on the first wall, with the thickness of its sheet.
    Contacts {
        /// Thickness, millimetres.
        thickness_mm: f64,
    },
}

/// A commented site file for `count` sensors whose places are known to `sigma_m`; what must be measured is marked.
pub fn draft(name: &str, shape: Shape, sensors: Sensors, count: usize, sigma_m: f64) -> String {
    let mut text = format!(
        "# A site for pinhole: walls, sensors, and how sound travels. Lengths are metres in one right-handed module frame.\n\
         # Lines marked MEASURE hold guesses: replace them, and say how sure you are.\n\n[site]\nname = {}\n",
        toml::Value::String(name.to_owned())
    );
    text += match sensors {
        Sensors::Microphones => {
            "\n[path]\nkind = \"air\"                # straight lines through the cabin\n\
             temperature_c = 22.0          # MEASURE: one degree is 0.17 % of the speed of sound\n\
             pressure_kpa = 101.3\nhumidity_pct = 45.0\n\
             speed_sigma_pct = 0.1         # how sure of the speed (1 sigma); 0.1 % is a thermometer good to 0.6 degrees\n"
                .to_owned()
        }
        Sensors::Contacts { thickness_mm } => format!(
            "\n[path]\nkind = \"plate\"              # guided waves along the wall\n\
             # mode = \"A0\"                 # left out: both A0 and S0 are tried\n\
             material = \"AMg6\"             # or longitudinal_m_s, shear_m_s and density_kg_m3\n\
             thickness_mm = {thickness_mm:?}            # MEASURE\nthickness_sigma_mm = {:?}\n",
            (thickness_mm * 20.0).round() / 1e3
        ),
    }
    .as_str();
    text += &walls(shape);
    text += "\n# Sensors: channel counts from 1, as the recorder's panel does. position_sigma_m is how sure you are of a place along\n\
             # each axis (1 sigma). The places below would do well for this shape; MEASURE where yours really are.\n";
    for i in 0..count {
        let place = match sensors {
            Sensors::Microphones => {
                let [x, y, z] = in_air(shape, i, count);
                format!("position_m = [{x:.3}, {y:.3}, {z:.3}]\nposition_sigma_m = {sigma_m:?}\n")
            }
            Sensors::Contacts { .. } => {
                let (wall, u, v) = on_wall(shape, i, count);
                format!("wall = \"{wall}\"\nu_m = {u:.3}\nv_m = {v:.3}\nposition_sigma_m = {sigma_m:?}\n")
            }
        };
        let kind = if sensors == Sensors::Microphones { "M" } else { "C" };
        write!(text, "\n[[sensor]]\nid = \"{kind}{0}\"\nchannel = {0}\n{place}", i + 1).expect("a string grows");
    }
    text
}

fn walls(shape: Shape) -> String {
    match shape {
        Shape::Tunnel { radius_m, length_m, hatch_m } => {
            let ring = |id: &str, z: f64| {
                format!(
                    "\n[[wall]]\nid = \"{id}\"\nshape = \"disc\"\ncentre_m = [0, 0, {z:?}]\nnormal = [0, 0, 1]\nseam = [1, 0, 0]\n\
                     radius_m = {radius_m:?}\ninner_radius_m = {hatch_m:?}          # the hatch\n"
                )
            };
            format!(
                "\n# The leak lies on one of the walls. u runs around from the seam, v along the axis from the base.\n[[wall]]\n\
                 id = \"barrel\"\nshape = \"cylinder\"\nbase_m = [0, 0, 0]            # centre of the end where v = 0\naxis = [0, 0, 1]\n\
                 seam = [1, 0, 0]              # from the axis to u = 0\nradius_m = {radius_m:?}                # MEASURE\n\
                 length_m = {length_m:?}               # MEASURE\n{}{}",
                ring("aft", 0.0),
                ring("forward", length_m)
            )
        }
        Shape::Plate { size_m: [u, v] } => format!(
            "\n# The leak lies on this wall. u runs along u_axis, v along v_axis, both from origin_m.\n{}",
            plate("wall", [0.0; 3], [1, 0, 0], [0, 1, 0], [u, v])
        ),
        Shape::Room { size_m: [x, y, z] } => {
            let walls = [
                plate("floor", [0.0; 3], [1, 0, 0], [0, 1, 0], [x, y]),
                plate("ceiling", [0.0, 0.0, z], [1, 0, 0], [0, 1, 0], [x, y]),
                plate("south", [0.0; 3], [1, 0, 0], [0, 0, 1], [x, z]),
                plate("north", [0.0, y, 0.0], [1, 0, 0], [0, 0, 1], [x, z]),
                plate("west", [0.0; 3], [0, 1, 0], [0, 0, 1], [y, z]),
                plate("east", [x, 0.0, 0.0], [0, 1, 0], [0, 0, 1], [y, z]),
            ];
            format!(
                "\n# The leak lies on one of the walls. u runs along u_axis, v along v_axis, both from origin_m.\n{}",
                walls.concat()
            )
        }
    }
}

fn plate(id: &str, origin: [f64; 3], u: [i32; 3], v: [i32; 3], size_m: [f64; 2]) -> String {
    format!(
        "\n[[wall]]\nid = \"{id}\"\nshape = \"plate\"\norigin_m = {origin:?}\nu_axis = {u:?}\nv_axis = {v:?}\nsize_m = {size_m:?}           # MEASURE\n"
    )
}

/// A microphone's place: spread over the module and off every symmetry, so that no mirror place fits as well.
fn in_air(shape: Shape, i: usize, count: usize) -> [f64; 3] {
    let share = |i: usize, by: f64| (0.5 + (i as f64 + 1.0) * by).fract();
    // Steps of an additive recurrence that fills a square and a cube evenly (Roberts 2018).
    let [a, b, c] = [share(i, 0.819_172_513), share(i, 0.671_043_607), share(i, 0.549_700_478)];
    match shape {
        Shape::Tunnel { radius_m, length_m, .. } => {
            let angle = TAU * (i as f64 + 0.12) / count as f64;
            let radius = radius_m * (0.8 + 0.08 * (a - 0.5));
            [
                radius * angle.cos(),
                radius * angle.sin(),
                length_m * (if i.is_multiple_of(2) { 0.2 } else { 0.8 } + 0.06 * (b - 0.5)),
            ]
        }
        Shape::Plate { size_m: [u, v] } => [u * (0.05 + 0.9 * a), v * (0.05 + 0.9 * b), 0.3 * u.max(v) * (0.5 + c)],
        Shape::Room { size_m: [x, y, z] } => [x * (0.1 + 0.8 * a), y * (0.1 + 0.8 * b), z * (0.1 + 0.8 * c)],
    }
}

/// A contact sensor's wall and place: round the rim of a plate, in two staggered rows around a barrel.
fn on_wall(shape: Shape, i: usize, count: usize) -> (&'static str, f64, f64) {
    let share = (i as f64 + 0.12) / count as f64;
    let rim = |[u, v]: [f64; 2]| {
        let angle = TAU * share;
        (u * (0.5 + 0.42 * angle.cos()), v * (0.5 + 0.42 * angle.sin()))
    };
    match shape {
        Shape::Tunnel { radius_m, length_m, .. } => {
            ("barrel", 2.0 * PI * radius_m * share, length_m * if i.is_multiple_of(2) { 0.15 } else { 0.85 })
        }
        Shape::Plate { size_m } => {
            let (u, v) = rim(size_m);
            ("wall", u, v)
        }
        Shape::Room { size_m: [x, y, _] } => {
            let (u, v) = rim([x, y]);
            ("floor", u, v)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::parse_site;

    #[test]
    fn every_draft_is_a_valid_site_of_its_shape() {
        let shapes = [
            (Shape::Tunnel { radius_m: 1.0, length_m: 2.35, hatch_m: 0.4 }, 3),
            (Shape::Plate { size_m: [1.2, 0.8] }, 1),
            (Shape::Room { size_m: [4.0, 3.0, 2.2] }, 6),
        ];
        for (shape, walls) in shapes {
            for sensors in [Sensors::Microphones, Sensors::Contacts { thickness_mm: 3.0 }] {
                for count in [4, 8, 32] {
                    let text = draft("Pr\"K", shape, sensors, count, 0.002);
                    let site = parse_site(&text, "site.toml").unwrap_or_else(|e| panic!("{e}\n{text}"));
                    assert_eq!((site.walls.len(), site.sensors.len(), site.name.as_str()), (walls, count, "Pr\"K"));
                    assert!(text.contains("MEASURE") && site.assumptions.is_empty(), "{:?}", site.assumptions);
                }
            }
        }
    }
}
