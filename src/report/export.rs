//! The map for other programs: every cell of the walls as a row of CSV, or as a polygon of a VTK file (ParaView and others).

use std::collections::BTreeMap;

use crate::locate::{Outcome, WallMap};
use crate::site::{Chart, Mesh, Point3, Site, Wall};

/// The cells of one wall's map, with the corners that they share.
struct Cells {
    wall: usize,
    corners: Vec<Point3>,
    cells: Vec<Cell>,
}

/// A cell of a map.
struct Cell {
    /// Its middle along the wall: `u`, `v`, metres, and the angle, degrees, where they are told.
    along: [Option<f64>; 3],
    middle: Point3,
    /// Numbers of its corners, in turn.
    corners: Vec<usize>,
    response_db: f32,
    probability: f64,
}

/// Probability that a leak is in each cell of a map, as far as the patches to be searched tell; `[row, column]`.
pub(super) fn probabilities(map: &WallMap, outcome: &Outcome, chart: Chart) -> BTreeMap<[usize; 2], f64> {
    let [rows, columns] = [map.response_db.nrows(), map.response_db.ncols()];
    let cell = |[from, to]: [f64; 2], at: f64, count: usize| {
        (((at - from) / (to - from) * count as f64).max(0.0) as usize).min(count - 1)
    };
    let mut sums = BTreeMap::new();
    for patch in outcome.search.iter().filter(|patch| patch.point.wall == map.wall) {
        *sums.entry([cell(chart.v_m, patch.point.v_m, rows), cell(chart.a, patch.point.a, columns)]).or_default() +=
            patch.probability;
    }
    sums
}

fn cells(site: &Site, outcome: &Outcome) -> Vec<Cells> {
    let of_map = |map: &WallMap| -> Option<Cells> {
        let wall = site.walls.get(map.wall)?;
        match (wall.chart(), wall.mesh()) {
            (Some(chart), None) => Some(of_chart(wall, chart, map, outcome)),
            (_, Some(mesh)) => Some(of_mesh(mesh, map, outcome)),
            _ => None,
        }
    };
    outcome.evidence.maps.iter().filter_map(of_map).collect()
}

fn of_chart(wall: &Wall, chart: Chart, map: &WallMap, outcome: &Outcome) -> Cells {
    let [rows, columns] = [map.response_db.nrows(), map.response_db.ncols()];
    let probability = probabilities(map, outcome, chart);
    let share = |[from, to]: [f64; 2], at: f64, count: usize| from + (to - from) * at / count as f64;
    let place = |row: f64, column: f64| wall.at(map.wall, share(chart.a, column, columns), share(chart.v_m, row, rows));
    let corner = |row: usize, column: usize| row * (columns + 1) + column;
    let cell = |((row, column), response_db): ((usize, usize), &f32)| {
        let middle = place(row as f64 + 0.5, column as f64 + 0.5);
        Cell {
            along: [Some(middle.u_m), Some(middle.v_m), wall.angle_deg(middle.a)],
            middle: middle.position_m,
            corners: [(row, column), (row, column + 1), (row + 1, column + 1), (row + 1, column)]
                .map(|(row, column)| corner(row, column))
                .to_vec(),
            response_db: *response_db,
            probability: probability.get(&[row, column]).copied().unwrap_or(0.0),
        }
    };
    let rim = (0..=rows).flat_map(|row| (0..=columns).map(move |column| (row, column)));
    Cells {
        wall: map.wall,
        corners: rim.map(|(row, column)| place(row as f64, column as f64).position_m).collect(),
        cells: map.response_db.indexed_iter().map(cell).collect(),
    }
}

fn of_mesh(mesh: &Mesh, map: &WallMap, outcome: &Outcome) -> Cells {
    let mut probability: BTreeMap<usize, f64> = BTreeMap::new();
    for patch in outcome.search.iter().filter(|patch| patch.point.wall == map.wall) {
        if let Some(triangle) = patch.point.triangle {
            *probability.entry(triangle).or_default() += patch.probability;
        }
    }
    let cell = |(triangle, response_db): (usize, &f32)| Cell {
        along: [None; 3],
        middle: mesh.corners(triangle).iter().sum::<Point3>() / 3.0,
        corners: mesh.triangles()[triangle].map(|corner| corner as usize).to_vec(),
        response_db: *response_db,
        probability: probability.get(&triangle).copied().unwrap_or(0.0),
    };
    let cells = map.response_db.iter().take(mesh.triangles().len()).enumerate().map(cell).collect();
    Cells { wall: map.wall, corners: mesh.vertices().to_vec(), cells }
}

/// The map as CSV: wall, place along it and in space (of the cell's middle), response, probability.
pub fn map_csv(site: &Site, outcome: &Outcome) -> Vec<u8> {
    let mut out = csv::Writer::from_writer(Vec::new());
    let header = ["wall", "u_m", "v_m", "angle_deg", "x_m", "y_m", "z_m", "response_db", "probability"];
    out.write_record(header).expect("a vector grows");
    for Cells { wall, cells, .. } in cells(site, outcome) {
        for cell in cells {
            let along = cell.along.map(|x| x.map_or(String::new(), |x| format!("{x:.5}")));
            let place: [f64; 3] = cell.middle.into();
            let told = [format!("{:.2}", cell.response_db), format!("{:.3e}", cell.probability)];
            let row = std::iter::once(site.walls[wall].id.clone()).chain(along);
            out.write_record(row.chain(place.map(|x| format!("{x:.5}"))).chain(told)).expect("a vector grows");
        }
    }
    out.into_inner().expect("a vector grows")
}

/// The map as a VTK XML file of polygons (`.vtp`, as text, a piece a wall), with the response and the probability of each cell;
/// metres.
///
/// # References
/// VTK File Formats, PolyData, of the VTK User's Guide.
pub fn map_vtp(site: &Site, outcome: &Outcome) -> String {
    let array = |head: &str, values: &mut dyn Iterator<Item = String>| {
        let values: Vec<String> = values.collect();
        format!("<DataArray {head} format=\"ascii\">\n{}\n</DataArray>\n", values.join(" "))
    };
    let piece = |Cells { wall, corners, cells }: Cells| {
        let place = |p: &Point3| format!("{:.5} {:.5} {:.5}", p.x, p.y, p.z);
        let ends = cells.iter().scan(0, |end, cell| {
            *end += cell.corners.len();
            Some(end.to_string())
        });
        let points = array("type=\"Float64\" NumberOfComponents=\"3\"", &mut corners.iter().map(place));
        let polygons = [
            array(
                "type=\"Int64\" Name=\"connectivity\"",
                &mut cells.iter().flat_map(|c| &c.corners).map(usize::to_string),
            ),
            array("type=\"Int64\" Name=\"offsets\"", &mut ends.into_iter()),
        ];
        let data = [
            array("type=\"Float32\" Name=\"response_db\"", &mut cells.iter().map(|c| format!("{:.2}", c.response_db))),
            array("type=\"Float64\" Name=\"probability\"", &mut cells.iter().map(|c| format!("{:.3e}", c.probability))),
            array("type=\"Int32\" Name=\"wall\"", &mut cells.iter().map(|_| wall.to_string())),
        ];
        format!(
            "<Piece NumberOfPoints=\"{}\" NumberOfVerts=\"0\" NumberOfLines=\"0\" NumberOfStrips=\"0\" NumberOfPolys=\"{}\">\n\
             <Points>\n{points}</Points>\n<Polys>\n{}</Polys>\n<CellData Scalars=\"response_db\">\n{}</CellData>\n</Piece>\n",
            corners.len(),
            cells.len(),
            polygons.concat(),
            data.concat()
        )
    };
    let pieces: String = cells(site, outcome).into_iter().map(piece).collect();
    format!(
        "<?xml version=\"1.0\"?>\n<VTKFile type=\"PolyData\" version=\"1.0\" byte_order=\"LittleEndian\">\n\
         <PolyData>\n{pieces}</PolyData>\n</VTKFile>\n"
    )
}
