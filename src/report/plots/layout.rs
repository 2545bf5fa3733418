//! Several walls on one sheet, all at the same scale, as large as fits.

use super::picture::Frame;
use super::unroll::Unrolled;

/// A wall and where it is drawn.
#[derive(Debug, Clone)]
pub(super) struct Patch {
    /// Index of the wall in the site.
    pub wall: usize,
    pub flat: Unrolled,
    /// The wall's bounding box, without the room for its scales.
    pub frame: Frame,
    pub px_per_m: f64,
    origin_m: [f64; 2],
}

/// Room around a wall for its scales and its name, pixels.
pub(super) const ROOM: Frame = Frame { left: 80.0, top: 74.0, right: 40.0, bottom: 72.0 };

/// The same in sum, horizontally and vertically.
const ROOM_PX: [f64; 2] = [ROOM.left + ROOM.right, ROOM.top + ROOM.bottom];

impl Patch {
    /// Place on the sheet of a point of the wall.
    pub fn px(&self, a: f64, v_m: f64) -> [f64; 2] {
        let [x, y] = self.flat.xy(a, v_m);
        [
            self.frame.left + (x - self.origin_m[0]) * self.px_per_m,
            self.frame.bottom - (y - self.origin_m[1]) * self.px_per_m,
        ]
    }

    /// Chart coordinates of a place on the sheet; nothing beyond the wall's edge.
    pub fn chart_at(&self, [x, y]: [f64; 2]) -> Option<(f64, f64)> {
        self.flat.chart_at([
            self.origin_m[0] + (x - self.frame.left) / self.px_per_m,
            self.origin_m[1] + (self.frame.bottom - y) / self.px_per_m,
        ])
    }
}

/// Lays the walls out within `area`, the largest first, in rows or in columns, whichever makes them larger.
pub(super) fn laid_out(flats: Vec<Unrolled>, area: Frame) -> Vec<Patch> {
    let mut walls: Vec<(usize, Unrolled, [f64; 2])> = flats
        .into_iter()
        .enumerate()
        .map(|(i, flat)| {
            let size = flat.bounds().map(|[low, high]| (high - low).max(1e-6));
            (i, flat, size)
        })
        .collect();
    walls.sort_by(|a, b| (b.2[0] * b.2[1]).total_cmp(&(a.2[0] * a.2[1])));
    let sizes: Vec<[f64; 2]> = walls.iter().map(|w| w.2).collect();
    let Arrangement { along, lanes, px_per_m } = best_arrangement(&sizes, &area);
    let across = 1 - along;
    let area_start = [area.left, area.top];
    let area_px = [area.width(), area.height()];
    let cell = |size: &[f64; 2], axis: usize| size[axis] * px_per_m + ROOM_PX[axis];
    let lane_px: Vec<f64> = lanes
        .chunk_by(|a, b| a == b)
        .scan(0, |start, lane| {
            let members = &sizes[*start..*start + lane.len()];
            *start += lane.len();
            Some(members.iter().map(|s| cell(s, across)).fold(0.0, f64::max))
        })
        .collect();
    let between_lanes = spare(area_px[across] - lane_px.iter().sum::<f64>(), lane_px.len());
    let block_px = lane_px.iter().sum::<f64>() + between_lanes * lane_px.len().saturating_sub(1) as f64;
    let mut walls = walls.into_iter();
    let mut patches = Vec::new();
    let mut corner = area_start;
    corner[across] += ((area_px[across] - block_px) / 2.0).max(0.0);
    for (lane, lane_px) in lanes.chunk_by(|a, b| a == b).zip(lane_px) {
        let members: Vec<_> = walls.by_ref().take(lane.len()).collect();
        let used_px: f64 = members.iter().map(|w| cell(&w.2, along)).sum();
        let between = spare(area_px[along] - used_px, members.len());
        let run_px = used_px + between * (members.len() - 1) as f64;
        corner[along] = area_start[along] + ((area_px[along] - run_px) / 2.0).max(0.0);
        for (wall, flat, size) in members {
            let [[x0, _], [y0, _]] = flat.bounds();
            let left = corner[0] + ROOM.left;
            let top = corner[1] + ROOM.top;
            let frame = Frame::new(left, top, left + size[0] * px_per_m, top + size[1] * px_per_m);
            corner[along] += cell(&size, along) + between;
            patches.push(Patch { wall, flat, frame, px_per_m, origin_m: [x0, y0] });
        }
        corner[across] += lane_px + between_lanes;
    }
    patches
}

/// Pixels to leave between neighbours where `free_px` are left over: some air, but no gulf.
fn spare(free_px: f64, count: usize) -> f64 {
    (free_px / count.max(1) as f64).clamp(0.0, 50.0)
}

/// Walls in lanes: rows (along x) or columns (along y).
#[derive(Debug, Clone)]
struct Arrangement {
    /// 0 where walls stand side by side in rows, 1 where they stand on each other in columns.
    along: usize,
    /// The lane of each wall, ascending.
    lanes: Vec<usize>,
    px_per_m: f64,
}

/// The arrangement with the largest scale; all are tried for up to ten walls.
fn best_arrangement(sizes: &[[f64; 2]], area: &Frame) -> Arrangement {
    let count = sizes.len();
    let broken = |breaks: usize| {
        (0..count).map(|i| (1..=i).filter(|j| breaks >> (j - 1) & 1 == 1).count()).collect::<Vec<usize>>()
    };
    let even = |per_lane: usize| (0..count).map(|i| i / per_lane).collect::<Vec<usize>>();
    let candidates: Vec<Vec<usize>> = if count <= 10 {
        (0..1usize << count.saturating_sub(1)).map(broken).collect()
    } else {
        (1..=count).map(even).collect()
    };
    let scored = [0, 1].into_iter().flat_map(|along| {
        candidates.iter().map(move |lanes| {
            // Where the room for scales alone overflows the sheet, a small positive scale still draws something.
            let px_per_m = scale(along, lanes, sizes, area).max(4.0);
            Arrangement { along, lanes: lanes.clone(), px_per_m }
        })
    });
    let nothing = Arrangement { along: 0, lanes: Vec::new(), px_per_m: 1.0 };
    scored.max_by(|a, b| a.px_per_m.total_cmp(&b.px_per_m)).unwrap_or(nothing)
}

/// Pixels per metre at which the lanes just fit.
fn scale(along: usize, lanes: &[usize], sizes: &[[f64; 2]], area: &Frame) -> f64 {
    let across = 1 - along;
    let area_px = [area.width(), area.height()];
    let (mut lanes_m, mut lanes_px) = (0.0, area_px[across]);
    let mut scale = f64::INFINITY;
    let mut start = 0;
    for lane in lanes.chunk_by(|a, b| a == b) {
        let members = &sizes[start..start + lane.len()];
        start += lane.len();
        lanes_m += members.iter().map(|s| s[across]).fold(0.0, f64::max);
        lanes_px -= ROOM_PX[across];
        let length_m: f64 = members.iter().map(|s| s[along]).sum();
        scale = scale.min((area_px[along] - members.len() as f64 * ROOM_PX[along]) / length_m);
    }
    scale.min(lanes_px / lanes_m)
}

#[cfg(test)]
mod tests {
    use super::super::synthetic;
    use super::*;

    #[test]
    fn walls_stay_on_the_sheet_and_apart() {
        let area = Frame::new(20.0, 110.0, 1180.0, 980.0);
        for (site, _) in [synthetic::tunnel(), synthetic::plate(), synthetic::sphere(), synthetic::many_walls()] {
            let patches = laid_out(site.walls.iter().filter_map(Unrolled::new).collect(), area);
            assert_eq!(patches.len(), site.walls.len());
            for (i, patch) in patches.iter().enumerate() {
                assert!(area.contains(&patch.frame), "{:?}", patch.frame);
                assert!(patches[..i].iter().all(|other| !other.frame.overlaps(&patch.frame)));
            }
        }
    }

    #[test]
    fn sheet_and_chart_invert_each_other() {
        let (site, _) = synthetic::tunnel();
        let patches =
            laid_out(site.walls.iter().filter_map(Unrolled::new).collect(), Frame::new(0.0, 0.0, 900.0, 900.0));
        for patch in patches {
            let (a, v) = patch.chart_at(patch.px(2.0, 0.31)).unwrap();
            assert!((a - 2.0).abs() < 1e-9 && (v - 0.31).abs() < 1e-9);
        }
    }
}
