//! Meshes: what is read, what is refused, nearest places and straight walks.

use super::super::mesh_shapes::{cylinder, plate, sphere};
use super::*;

fn written(name: &str, bytes: &[u8]) -> Result<Mesh> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    Mesh::read(&path, 1.0)
}

/// A unit square in every format: four vertices, two triangles.
fn squares() -> Vec<(&'static str, Vec<u8>)> {
    let facet = |places: [[f32; 3]; 3]| {
        let lines: String = places.iter().map(|[x, y, z]| format!("vertex {x} {y} {z}\n")).collect();
        format!("facet normal 0 0 1\nouter loop\n{lines}endloop\nendfacet\n")
    };
    let [a, b, c, d] = [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0f32]];
    let ascii = format!("solid s\n{}{}endsolid s\n", facet([a, b, c]), facet([a, c, d]));
    let mut binary = vec![0; 80];
    binary.extend(2u32.to_le_bytes());
    for triangle in [[a, b, c], [a, c, d]] {
        binary.extend([0; 12]);
        binary.extend(triangle.iter().flatten().flat_map(|x| x.to_le_bytes()));
        binary.extend([0; 2]);
    }
    let obj = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nf 1 2 3 4\n";
    let header = |format: &str| {
        format!(
            "ply\nformat {format} 1.0\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\n\
             element face 1\nproperty list uchar int vertex_indices\nend_header\n"
        )
    };
    let ply = header("ascii") + "0 0 0\n1 0 0\n1 1 0\n0 1 0\n4 0 1 2 3\n";
    let mut ply_binary = header("binary_little_endian").into_bytes();
    ply_binary.extend([a, b, c, d].iter().flatten().flat_map(|x| x.to_le_bytes()));
    ply_binary.push(4);
    ply_binary.extend((0..4i32).flat_map(i32::to_le_bytes));
    vec![
        ("a.stl", ascii.into_bytes()),
        ("b.STL", binary),
        ("c.obj", obj.into()),
        ("d.ply", ply.into_bytes()),
        ("e.ply", ply_binary),
    ]
}

#[test]
fn every_format_gives_the_same_square() {
    for (name, bytes) in squares() {
        let mesh = written(name, &bytes).unwrap();
        assert_eq!((mesh.vertices().len(), mesh.triangles().len()), (4, 2), "{name}");
        assert!((mesh.area_m2() - 1.0).abs() < 1e-12, "{name}");
    }
}

#[test]
fn cut_and_garbled_files_are_refused_without_harm() {
    for (name, bytes) in squares() {
        for end in (0..bytes.len()).step_by(7) {
            // A cut may leave a whole, smaller mesh; what it must not do is panic.
            let _ = written(name, &bytes[..end]);
        }
        let mut garbled = bytes.clone();
        for i in (0..garbled.len()).step_by(5) {
            garbled[i] ^= 0x5a;
        }
        assert!(written(name, &garbled).is_err(), "{name}");
    }
    assert!(written("a.step", b"ISO-10303-21;").unwrap_err().to_string().contains(".stl, .obj or .ply"));
}

#[test]
fn what_is_no_wall_is_refused_with_what_to_mend() {
    let [a, b, c, d] = [Point3::zeros(), Point3::x(), Point3::y(), Point3::z()];
    let refused = |vertices: &[Point3], triangles: &[[u32; 3]]| {
        Mesh::new(vertices.to_vec(), triangles.to_vec()).expect_err("no wall")
    };
    let book = refused(&[a, b, c, d, -c], &[[0, 1, 2], [0, 1, 3], [0, 1, 4]]);
    assert!(book.contains("more than two triangles"), "{book}");
    let far = [a, b, c, a * 1.0 + Point3::repeat(5.0), b + Point3::repeat(5.0), c + Point3::repeat(5.0)];
    assert!(refused(&far, &[[0, 1, 2], [3, 4, 5]]).contains("2 pieces"));
    let millimetres = [a, b * 2350.0, c * 1000.0];
    assert!(refused(&millimetres, &[[0, 1, 2]]).contains("scale_m = 0.001"));
    assert!(refused(&[a, b, c * f64::NAN], &[[0, 1, 2]]).contains("not at a finite place"));
    assert!(refused(&[a, b, c], &[[0, 1, 7]]).contains("asks for vertex 7"));
    assert!(refused(&[], &[]).contains("no triangle"));
}

#[test]
fn the_nearest_place_is_that_of_a_plain_search() {
    let mesh = sphere(1.1, [24, 12]);
    for i in 0..200 {
        let wild = |k: i32| f64::from((i * 7919 + k * 104_729) % 2003) / 1000.0 - 1.0;
        let place = Point3::new(wild(1), wild(2), wild(3)) * 1.5;
        let (triangle, found) = mesh.nearest(&place);
        let plain = (0..mesh.triangles().len())
            .map(|t| (nearest_on(mesh.corners(t), &place) - place).norm())
            .fold(f64::INFINITY, f64::min);
        assert!(((found - place).norm() - plain).abs() < 1e-12);
        assert!((nearest_on(mesh.corners(triangle), &found) - found).norm() < 1e-12);
    }
}

#[test]
fn a_walk_is_straight_and_ends_at_the_rim() {
    let mesh = plate([1.0, 1.0], [9, 9]);
    let start = mesh.nearest(&Point3::new(0.31, 0.42, 0.0));
    let (triangle, end) = mesh.walk(start, Point3::new(0.5, -0.3, 0.0));
    assert!((end - Point3::new(0.81, 0.12, 0.0)).norm() < 1e-12, "{end}");
    assert!((nearest_on(mesh.corners(triangle), &end) - end).norm() < 1e-12);
    let (_, rim) = mesh.walk(start, Point3::new(2.0, 0.0, 0.0));
    assert!((rim - Point3::new(1.0, 0.42, 0.0)).norm() < 1e-12, "{rim}");
}

#[test]
fn a_walk_round_a_cylinder_comes_back() {
    let columns = 48;
    let mesh = cylinder(1.0, 2.0, [columns, 20]);
    let start = mesh.nearest(&Point3::new(1.0, 0.0, 1.03));
    let round_m = columns as f64 * 2.0 * (std::f64::consts::PI / columns as f64).sin();
    let along = mesh.tangents(start.0).map(|t| t * t.dot(&Point3::y())).iter().sum::<Point3>().normalize();
    let (_, end) = mesh.walk(start, along * round_m);
    assert!((end - start.1).norm() < 1e-9, "{end} {}", start.1);
}
