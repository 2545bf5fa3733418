//! Where on a grid does a quantity stay above a level? Rims of those parts, by marching squares.

use std::collections::BTreeMap;

use ndarray::Array2;

/// One connected part above a level: its outer rim, counter-clockwise, then those of its holes, clockwise; the last point of a rim is
/// its first.
pub(super) type Part = Vec<Vec<[f64; 2]>>;

/// A crossing lies on the grid's edge that starts at this node, `[row, column]`, and goes along a row or up a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Edge {
    node: [usize; 2],
    up: bool,
}

/// The parts of a grid where `value` exceeds `level`, with `x` growing along its columns and `y` along its rows, both in any steps. What
/// lies beyond the grid is below, so parts that reach its border are closed along it.
pub(super) fn above(x: &[f64], y: &[f64], value: &Array2<f64>, level: f64) -> Vec<Part> {
    let grid = Rimmed { x, y, value, level };
    let mut next: BTreeMap<Edge, Edge> = BTreeMap::new();
    for row in 0..=y.len() {
        for column in 0..=x.len() {
            next.extend(grid.segments([row, column]));
        }
    }
    let mut rings = Vec::new();
    while let Some((start, mut at)) = next.pop_first() {
        let mut ring = vec![grid.crossing(start)];
        while at != start {
            ring.push(grid.crossing(at));
            at = next.remove(&at).expect("each crossing is left as it is reached");
        }
        rings.push(ring);
    }
    parts(rings.into_iter().filter_map(closed).collect())
}

/// The grid with a row or column more at each side, at the place of the outermost but below every level.
struct Rimmed<'t> {
    x: &'t [f64],
    y: &'t [f64],
    value: &'t Array2<f64>,
    level: f64,
}

impl Rimmed<'_> {
    fn at(&self, [row, column]: [usize; 2]) -> Option<f64> {
        let inside = (1..=self.y.len()).contains(&row) && (1..=self.x.len()).contains(&column);
        inside.then(|| self.value[[row - 1, column - 1]]).filter(|value| value.is_finite())
    }

    fn is_above(&self, node: [usize; 2]) -> bool {
        self.at(node).is_some_and(|value| value > self.level)
    }

    fn place(&self, [row, column]: [usize; 2]) -> [f64; 2] {
        let of = |axis: &[f64], index: usize| axis[index.clamp(1, axis.len()) - 1];
        [of(self.x, column), of(self.y, row)]
    }

    /// Where the level is crossed on an edge; at the node above it where the other one is beyond the grid.
    fn crossing(&self, Edge { node, up }: Edge) -> [f64; 2] {
        let far = if up { [node[0] + 1, node[1]] } else { [node[0], node[1] + 1] };
        let [from, to] = [self.place(node), self.place(far)];
        let share = match (self.at(node), self.at(far)) {
            (Some(near), Some(far)) => (self.level - near) / (far - near),
            (near, _) => f64::from(u8::from(near.is_none())),
        };
        [0, 1].map(|axis| from[axis] + share * (to[axis] - from[axis]))
    }

    /// The way of the rim through a cell, called by its lower left node: from crossing to crossing, what is above to the left.
    fn segments(&self, [row, column]: [usize; 2]) -> Vec<(Edge, Edge)> {
        let corners = [[row, column], [row, column + 1], [row + 1, column + 1], [row + 1, column]];
        let above = corners.map(|corner| self.is_above(corner));
        let edges = [
            Edge { node: corners[0], up: false },
            Edge { node: corners[1], up: true },
            Edge { node: corners[3], up: false },
            Edge { node: corners[0], up: true },
        ];
        // Counter-clockwise about the cell, side `i` leads from corner `i` to the next. The rim enters where that goes below, and
        // leaves where it goes above.
        let enters: Vec<usize> = (0..4).filter(|&i| above[i] && !above[(i + 1) % 4]).collect();
        let leaves: Vec<usize> = (0..4).filter(|&i| !above[i] && above[(i + 1) % 4]).collect();
        let joined = match enters.len() {
            2 => {
                let middle =
                    corners.iter().map(|corner| self.at(*corner).unwrap_or(f64::NEG_INFINITY)).sum::<f64>() / 4.0;
                // Where the middle is above, the two corners above are one part, and the rim cuts off those below.
                let turn = if middle > self.level { 1 } else { 3 };
                enters.into_iter().map(|side| (side, (side + turn) % 4)).collect()
            }
            _ => enters.into_iter().zip(leaves).collect::<Vec<_>>(),
        };
        joined.into_iter().map(|(from, to)| (edges[from], edges[to])).collect()
    }
}

/// A ring without points that repeat, the first again at its end; nothing without an area.
pub(super) fn closed(mut ring: Vec<[f64; 2]>) -> Option<Vec<[f64; 2]>> {
    ring.dedup();
    while ring.len() > 1 && ring.first() == ring.last() {
        ring.pop();
    }
    ring.extend(ring.first().copied());
    (ring.len() > 3 && area(&ring) != 0.0).then_some(ring)
}

/// Area within a closed ring, positive where it runs counter-clockwise.
pub(super) fn area(ring: &[[f64; 2]]) -> f64 {
    let [x0, y0] = ring[0];
    ring.windows(2).map(|p| (p[0][0] - x0) * (p[1][1] - y0) - (p[1][0] - x0) * (p[0][1] - y0)).sum::<f64>() / 2.0
}

/// Outer rims with the holes in them.
fn parts(rings: Vec<Vec<[f64; 2]>>) -> Vec<Part> {
    let (mut outer, holes): (Vec<_>, Vec<_>) = rings.into_iter().partition(|ring| area(ring) > 0.0);
    // Of nested parts the smallest that holds a hole is the one it is in.
    outer.sort_by(|p, q| area(p).total_cmp(&area(q)));
    let mut parts: Vec<Part> = outer.into_iter().map(|ring| vec![ring]).collect();
    for hole in holes {
        if let Some(part) = parts.iter_mut().find(|part| holds(&part[0], hole[0])) {
            part.push(hole);
        }
    }
    parts.reverse();
    parts
}

/// Whether a point is in a part: within its outer rim and in none of its holes.
#[cfg(test)]
pub(super) fn holds_part(part: &Part, point: [f64; 2]) -> bool {
    holds(&part[0], point) && !part[1..].iter().any(|hole| holds(hole, point))
}

/// Whether a point is inside a closed ring.
fn holds(ring: &[[f64; 2]], [x, y]: [f64; 2]) -> bool {
    let crosses = |p: &[[f64; 2]]| {
        let [[x0, y0], [x1, y1]] = [p[0], p[1]];
        (y0 > y) != (y1 > y) && x < x0 + (y - y0) / (y1 - y0) * (x1 - x0)
    };
    ring.windows(2).filter(|p| crosses(p)).count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(count: usize, of: impl Fn(f64, f64) -> f64) -> (Vec<f64>, Array2<f64>) {
        let axis: Vec<f64> = (0..=count).map(|i| 2.0 * i as f64 / count as f64 - 1.0).collect();
        let value = Array2::from_shape_fn((count + 1, count + 1), |(row, column)| of(axis[column], axis[row]));
        (axis, value)
    }

    #[test]
    fn a_circle_has_its_area_and_runs_counter_clockwise() {
        let (axis, value) = grid(80, |x, y| -(x * x + y * y));
        let parts = above(&axis, &axis, &value, -0.36);
        assert_eq!((parts.len(), parts[0].len()), (1, 1));
        // Between nodes h apart a crossing is h²/8r within the circle; a chord, at most √2 h long, 2/3 of its sagitta, 2h²/8r, in the mean.
        let off = 2.0 * std::f64::consts::PI * (2.0f64 / 80.0).powi(2) / 8.0 * (1.0 + 4.0 / 3.0);
        assert!((area(&parts[0][0]) - std::f64::consts::PI * 0.36).abs() < off);
        assert_eq!(parts[0][0].first(), parts[0][0].last());
    }

    #[test]
    fn a_ring_has_a_hole_and_an_island_in_it_is_a_part_of_its_own() {
        let (axis, value) = grid(100, |x, y| (9.0 * x.hypot(y)).cos());
        let parts = above(&axis, &axis, &value, 0.5);
        let holes: Vec<usize> = parts.iter().map(|part| part.len() - 1).collect();
        assert_eq!(holes.iter().filter(|n| **n == 1).count(), 1, "{holes:?}");
        assert_eq!(holes.len(), 6, "the ring, the island, and a third ring's beginning in each corner: {holes:?}");
        for part in &parts {
            assert!(area(&part[0]) > 0.0 && part[1..].iter().all(|hole| area(hole) < 0.0));
        }
    }

    #[test]
    fn what_reaches_the_border_is_closed_along_it() {
        let (axis, value) = grid(10, |x, _| x);
        let parts = above(&axis, &axis, &value, 0.0001);
        assert_eq!(parts.len(), 1);
        assert!((area(&parts[0][0]) - 2.0 * (1.0 - 0.0001)).abs() < 1e-12);
        let whole = above(&axis, &axis, &value, -2.0);
        assert!((area(&whole[0][0]) - 4.0).abs() < 1e-12);
        assert!(above(&axis, &axis, &value, 2.0).is_empty());
    }

    #[test]
    fn a_saddle_joins_what_its_middle_says() {
        let axis = [0.0, 1.0];
        let value = |low: f64| ndarray::arr2(&[[1.0, low], [low, 1.0]]);
        assert_eq!(above(&axis, &axis, &value(0.2), 0.5).len(), 1, "the mean is above");
        assert_eq!(above(&axis, &axis, &value(-0.2), 0.5).len(), 2, "the mean is below");
    }

    #[test]
    fn gaps_are_below() {
        let (axis, mut value) = grid(10, |_, _| 1.0);
        value[[5, 5]] = f64::NAN;
        let parts = above(&axis, &axis, &value, 0.5);
        assert_eq!((parts.len(), parts[0].len()), (1, 2));
    }
}
