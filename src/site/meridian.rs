//! Generators of surfaces of revolution: straight for cylinder, cone and disc, round for the sphere.

/// Generator of a surface of revolution, by arc length `v`: distance from the axis and height along it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Meridian {
    /// `radius = r0 + v·slope`, `height = v·rise`, with `slope² + rise² = 1`.
    Line {
        /// Distance from the axis at `v = 0`, metres.
        r0_m: f64,
        /// Growth of that distance along `v`: 0 for a cylinder, 1 for a disc.
        slope: f64,
        /// Growth of the height along `v`.
        rise: f64,
    },
    /// Great circle from the pole on the axis: `radius = R sin(v/R)`, `height = R cos(v/R)`.
    Circle {
        /// The sphere's radius, metres.
        radius_m: f64,
    },
}

impl Meridian {
    pub(super) fn radius_height(&self, v_m: f64) -> (f64, f64) {
        match *self {
            Self::Line { r0_m, slope, rise } => (r0_m + v_m * slope, v_m * rise),
            Self::Circle { radius_m } => {
                let (sin, cos) = (v_m / radius_m).sin_cos();
                (radius_m * sin, radius_m * cos)
            }
        }
    }

    /// Unit tangent `(d radius/dv, d height/dv)`.
    pub(super) fn direction(&self, v_m: f64) -> (f64, f64) {
        match *self {
            Self::Line { slope, rise, .. } => (slope, rise),
            Self::Circle { radius_m } => {
                let (sin, cos) = (v_m / radius_m).sin_cos();
                (cos, -sin)
            }
        }
    }

    pub(super) fn nearest_v(&self, radius: f64, height: f64) -> f64 {
        match *self {
            Self::Line { r0_m, slope, rise } => (radius - r0_m) * slope + height * rise,
            // atan2 keeps full precision at both poles, where acos loses half the digits.
            Self::Circle { radius_m } => radius_m * radius.atan2(height),
        }
    }

    /// Integral of the radius over `v`.
    pub(super) fn moment(&self, [from, to]: [f64; 2]) -> f64 {
        match *self {
            Self::Line { r0_m, slope, .. } => (to - from) * (r0_m + slope * (from + to) / 2.0),
            Self::Circle { radius_m } => radius_m * radius_m * ((from / radius_m).cos() - (to / radius_m).cos()),
        }
    }
}
