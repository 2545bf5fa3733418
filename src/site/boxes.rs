//! A tree of boxes about triangles, which finds the nearest triangle by looking at few.

use super::mesh::bounds;
use super::wall::Point3;

/// Triangles in a leaf.
const LEAF: usize = 4;

/// Boxes in boxes: each node halves its triangles by the middles of their boxes along its longest side.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Boxes {
    nodes: Vec<Node>,
    order: Vec<u32>,
}

#[derive(Debug, Clone, PartialEq)]
struct Node {
    low: Point3,
    high: Point3,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    /// Triangles `order[from..to]`.
    Leaf { from: u32, to: u32 },
    /// The next node, and this one.
    Fork { second: u32 },
}

impl Boxes {
    /// The tree about triangles given by their corners; at least one.
    pub(super) fn new(corners: &[[Point3; 3]]) -> Self {
        let mut tree = Self { nodes: Vec::new(), order: (0..corners.len() as u32).collect() };
        tree.split(corners, 0, corners.len());
        tree
    }

    fn split(&mut self, corners: &[[Point3; 3]], from: usize, to: usize) {
        let (low, high) = bounds(self.order[from..to].iter().flat_map(|&triangle| &corners[triangle as usize]));
        let at = self.nodes.len();
        self.nodes.push(Node { low, high, kind: Kind::Leaf { from: from as u32, to: to as u32 } });
        if to - from > LEAF {
            let axis = (high - low).imax();
            let middle = |&triangle: &u32| corners[triangle as usize].iter().map(|corner| corner[axis]).sum::<f64>();
            let half = (to - from) / 2;
            self.order[from..to].select_nth_unstable_by(half, |a, b| middle(a).total_cmp(&middle(b)));
            self.split(corners, from, from + half);
            self.nodes[at].kind = Kind::Fork { second: self.nodes.len() as u32 };
            self.split(corners, from + half, to);
        }
    }

    /// The triangle whose point, as told by `point_on`, is nearest to `place`, and that point.
    pub(super) fn nearest(&self, place: &Point3, point_on: impl Fn(usize) -> Point3) -> (usize, Point3) {
        let mut best = (f64::INFINITY, 0, *place);
        let mut stack = vec![(0, 0.0)];
        while let Some((at, gap)) = stack.pop() {
            if gap >= best.0 {
                continue;
            }
            match self.nodes[at].kind {
                Kind::Leaf { from, to } => {
                    for &triangle in &self.order[from as usize..to as usize] {
                        let point = point_on(triangle as usize);
                        let gap = (point - place).norm_squared();
                        if gap < best.0 {
                            best = (gap, triangle as usize, point);
                        }
                    }
                }
                Kind::Fork { second } => {
                    let mut forks = [at + 1, second as usize].map(|node| (node, self.nodes[node].gap(place)));
                    forks.sort_by(|a, b| b.1.total_cmp(&a.1));
                    stack.extend(forks);
                }
            }
        }
        (best.1, best.2)
    }
}

impl Node {
    /// Square of the distance from the box to `place`.
    fn gap(&self, place: &Point3) -> f64 {
        (place - place.sup(&self.low).inf(&self.high)).norm_squared()
    }
}
