//! Triangles from STL, OBJ and PLY files, as the file has them, or why it has none.
//!
//! The formats are read by `stl_io`, `tobj` and `ply-rs-bw`. A file is bounded before it is read, and what its header
//! claims before that is allotted; a reader that panics over a broken file makes an error like any other.

use std::io::Cursor;
use std::panic::catch_unwind;
use std::path::Path;

use ply_rs_bw::parser::{Parser, Reader};
use ply_rs_bw::ply::{Property, PropertyAccess, PropertyAccessResult};

use super::wall::Point3;
use crate::error::{Error, Result};

/// Most triangles, or rows of any other kind, that a file may have.
const MOST_TRIANGLES: usize = 250_000;

/// Largest file, bytes.
const LARGEST_FILE: u64 = 512 << 20;

/// Vertices and triangles as a file gives them.
#[derive(Debug, Default)]
pub(super) struct Soup {
    pub(super) vertices: Vec<Point3>,
    pub(super) triangles: Vec<[u32; 3]>,
}

/// What a reader makes of a file's bytes; an error is a sentence without its subject.
type Read = std::result::Result<Soup, String>;

/// Reads the triangles of a file, its format told by its extension.
pub(super) fn read_soup(path: &Path) -> Result<Soup> {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    let read = match extension.as_str() {
        "stl" => read_stl,
        "obj" => read_obj,
        "ply" => read_ply,
        _ => return Err(Error::unsupported(path, "is not called .stl, .obj or .ply: export the wall as one of these")),
    };
    let size = std::fs::metadata(path).map_err(|error| Error::io(path, error))?.len();
    if size > LARGEST_FILE {
        let [size, most] = [size, LARGEST_FILE].map(|bytes| bytes >> 20);
        return Err(Error::unsupported(path, format!("has {size} MB, more than {most}: export a coarser mesh")));
    }
    let bytes = std::fs::read(path).map_err(|error| Error::io(path, error))?;
    let soup = catch_unwind(|| read(bytes)).unwrap_or_else(|_| Err("is garbled beyond reading".into()));
    let soup = soup.map_err(|what| Error::broken(path, format!("{what}: export the mesh anew")))?;
    check_count(soup.triangles.len()).map_err(|what| Error::unsupported(path, what))?;
    Ok(soup)
}

fn check_count(count: usize) -> std::result::Result<(), String> {
    if count <= MOST_TRIANGLES {
        return Ok(());
    }
    Err(format!("claims {count} triangles or vertices, more than {MOST_TRIANGLES}: export a coarser mesh"))
}

/// STL, ASCII or binary.
fn read_stl(mut bytes: Vec<u8>) -> Read {
    let broken = |error: std::io::Error| format!("is not a whole STL file ({error})");
    if is_binary_stl(&bytes) {
        // Some exporters begin binary files with "solid", too, which the reader would take for text.
        bytes[..80].fill(0);
    } else if bytes.starts_with(b"solid\n") {
        // And some leave out the blank by which the reader knows text.
        bytes.insert(5, b' ');
    }
    let mut cursor = Cursor::new(bytes);
    let mut reader = stl_io::create_stl_reader(&mut cursor).map_err(broken)?;
    check_count(reader.size_hint().0)?;
    let mesh = reader.as_indexed_triangles().map_err(broken)?;
    Ok(Soup {
        vertices: mesh.vertices.iter().map(|vertex| Point3::from(vertex.0.map(f64::from))).collect(),
        triangles: mesh.faces.iter().map(|face| face.vertices.map(|at| at as u32)).collect(),
    })
}

/// Whether the file is as long as the number of triangles at byte 80 has it.
fn is_binary_stl(bytes: &[u8]) -> bool {
    let count = bytes.get(80..84).and_then(|count| count.try_into().ok()).map(u32::from_le_bytes);
    count.is_some_and(|count| bytes.len() as u64 == 84 + 50 * u64::from(count))
}

/// OBJ: the faces of all its objects together; materials, lines and points are passed over.
fn read_obj(bytes: Vec<u8>) -> Read {
    let options =
        tobj::LoadOptions { triangulate: true, ignore_points: true, ignore_lines: true, ..Default::default() };
    let (models, _) = tobj::load_obj_buf(&mut bytes.as_slice(), &options, |_| Ok(Default::default()))
        .map_err(|error| format!("is not a whole OBJ file ({error})"))?;
    let mut soup = Soup::default();
    for tobj::Model { mesh, .. } in models {
        let first = soup.vertices.len() as u32;
        soup.vertices.extend(mesh.positions.as_chunks().0.iter().map(|&place| Point3::from(place)));
        soup.triangles.extend(mesh.indices.as_chunks().0.iter().map(|triangle| triangle.map(|at| first + at)));
    }
    Ok(soup)
}

/// PLY, ASCII or binary: its elements `vertex` and `face`.
fn read_ply(bytes: Vec<u8>) -> Read {
    let broken = |error| format!("is not a whole PLY file ({error})");
    let mut reader = Reader::new(bytes.as_slice());
    let parser = Parser::<Row>::new();
    let header = parser.read_header(&mut reader).map_err(broken)?;
    let mut soup = Soup::default();
    for element in header.elements.values() {
        check_count(element.count)?;
        let rows = parser.read_payload_for_element(&mut reader, element, &header).map_err(broken)?;
        match element.name.as_str() {
            "vertex" => soup.vertices = rows.iter().map(|row| row.place).collect(),
            "face" => soup.triangles = rows.iter().flat_map(|row| fan(&row.corners)).collect(),
            _ => {}
        }
    }
    Ok(soup)
}

/// A polygon as triangles about its first corner.
fn fan(corners: &[u32]) -> impl Iterator<Item = [u32; 3]> {
    corners.windows(2).skip(1).map(|pair| [corners[0], pair[0], pair[1]])
}

/// One row of a PLY file, whatever it describes: where it is, if a vertex, and its corners, if a face.
#[derive(Default)]
struct Row {
    place: Point3,
    corners: Vec<u32>,
}

impl PropertyAccess for Row {
    fn new() -> Self {
        Self::default()
    }

    fn set_property(&mut self, name: &str, property: Property) -> PropertyAccessResult {
        let axis = ["x", "y", "z"].iter().position(|axis| *axis == name);
        match (name, axis, property) {
            (_, Some(axis), Property::Double(value)) => self.place[axis] = value,
            (_, Some(axis), value) => self.place[axis] = f64::from(value.to_f32_lossy().unwrap_or(f32::NAN)),
            ("vertex_indices" | "vertex_index", _, list) => match list.to_u32_list() {
                Some(corners) => self.corners = corners,
                None => return PropertyAccessResult::UnsupportedType,
            },
            _ => return PropertyAccessResult::Ignored,
        }
        PropertyAccessResult::Set
    }
}
