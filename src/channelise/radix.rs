//! The small transforms of which a long one is made: 2, 3, 4, 5 or 8 points, all of them in registers.
//!
//! They split a *node*. A node of angle `a`, in turns, is a signal modulo `X^n − exp(−i2πa)`; the whole transform is one of angle
//! zero, and a node of one point is the bin at its angle. `R` parts of a node make `R` nodes of angles `(a + d)/R`:
//! `y_d = Σ_q x_q exp(−i2π q(a + d)/R)`. So the twiddles stand before the small transform, and are one set for all points of a node.
//!
//! Two, four and eight points are levels of `x ± w·y`. With `w = c(1 − it)`, `t` the tangent, that is six fused multiply-adds and
//! nothing else (Linzer & Feig 1993). Twiddles are handed on by reference: a copied pair of them goes to its registers by way of a general one.

use std::f64::consts::{FRAC_1_SQRT_2, TAU};

use pulp::Simd;

/// Real and imaginary parts of a point in all lanes.
pub(super) type Complex<S> = (<S as Simd>::f32s, <S as Simd>::f32s);

/// A small transform of `R` points with `W` twiddles a node. A trait rather than a function handed over, and loops rather than
/// closures in what calls it: only what is inlined is compiled for the registers.
pub(super) trait Radix<const R: usize, const W: usize> {
    /// The twiddles of a node.
    fn twiddles(angle: f64) -> [[f32; 2]; W];

    /// Splits the node of angle zero.
    fn whole<S: Simd>(simd: S, points: [Complex<S>; R]) -> [Complex<S>; R];

    /// Splits a node.
    fn split<S: Simd>(simd: S, points: [Complex<S>; R], twiddles: &[[f32; 2]; W]) -> [Complex<S>; R];
}

/// Cosine and tangent of a turn by `angle`. No cosine is quite zero: off by a hundredth of single precision, it leaves a tangent
/// that is a number, and the product of both is the sine.
fn turn(angle: f64) -> [f32; 2] {
    let (sin, cos) = (TAU * angle).sin_cos();
    let cos = if cos.abs() < 1e-9 { 1e-9 } else { cos };
    [cos as f32, (sin / cos) as f32]
}

/// `a ± w b`, both.
#[inline(always)]
fn pair<S: Simd>(simd: S, a: Complex<S>, b: Complex<S>, w: &[f32; 2]) -> [Complex<S>; 2] {
    let (c, t) = (simd.splat_f32s(w[0]), simd.splat_f32s(w[1]));
    let (u, v) = (simd.mul_add_f32s(t, b.1, b.0), simd.negate_mul_add_f32s(t, b.0, b.1));
    [
        (simd.mul_add_f32s(c, u, a.0), simd.mul_add_f32s(c, v, a.1)),
        (simd.negate_mul_add_f32s(c, u, a.0), simd.negate_mul_add_f32s(c, v, a.1)),
    ]
}

/// `a ± (−i) w b`, both.
#[inline(always)]
fn back_pair<S: Simd>(simd: S, a: Complex<S>, b: Complex<S>, w: &[f32; 2]) -> [Complex<S>; 2] {
    let (c, t) = (simd.splat_f32s(w[0]), simd.splat_f32s(w[1]));
    let (u, v) = (simd.mul_add_f32s(t, b.1, b.0), simd.negate_mul_add_f32s(t, b.0, b.1));
    [
        (simd.mul_add_f32s(c, v, a.0), simd.negate_mul_add_f32s(c, u, a.1)),
        (simd.negate_mul_add_f32s(c, v, a.0), simd.mul_add_f32s(c, u, a.1)),
    ]
}

#[inline(always)]
fn add<S: Simd>(simd: S, a: Complex<S>, b: Complex<S>) -> Complex<S> {
    (simd.add_f32s(a.0, b.0), simd.add_f32s(a.1, b.1))
}

#[inline(always)]
fn sub<S: Simd>(simd: S, a: Complex<S>, b: Complex<S>) -> Complex<S> {
    (simd.sub_f32s(a.0, b.0), simd.sub_f32s(a.1, b.1))
}

/// `a ± b`, both.
#[inline(always)]
fn plain_pair<S: Simd>(simd: S, a: Complex<S>, b: Complex<S>) -> [Complex<S>; 2] {
    [add(simd, a, b), sub(simd, a, b)]
}

#[inline(always)]
fn scaled<S: Simd>(simd: S, a: Complex<S>, by: f64) -> Complex<S> {
    let by = simd.splat_f32s(by as f32);
    (simd.mul_f32s(a.0, by), simd.mul_f32s(a.1, by))
}

/// `a + b·by`.
#[inline(always)]
fn fused<S: Simd>(simd: S, a: Complex<S>, b: Complex<S>, by: f64) -> Complex<S> {
    let by = simd.splat_f32s(by as f32);
    (simd.mul_add_f32s(b.0, by, a.0), simd.mul_add_f32s(b.1, by, a.1))
}

/// Times `-i`.
#[inline(always)]
fn turned_back<S: Simd>(simd: S, a: Complex<S>) -> Complex<S> {
    (a.1, simd.neg_f32s(a.0))
}

/// Times `cos − i sin`.
#[inline(always)]
fn turned<S: Simd>(simd: S, a: Complex<S>, w: &[f32; 2]) -> Complex<S> {
    let (cos, sin) = (simd.splat_f32s(w[0]), simd.splat_f32s(w[1]));
    let re = simd.mul_add_f32s(a.1, sin, simd.mul_f32s(a.0, cos));
    (re, simd.negate_mul_add_f32s(a.0, sin, simd.mul_f32s(a.1, cos)))
}

/// Cosine and sine of `q·angle/R` for `q = 1..R`.
fn powers<const W: usize>(angle: f64) -> [[f32; 2]; W] {
    std::array::from_fn(|q| {
        let (sin, cos) = (TAU * angle * (q + 1) as f64 / (W + 1) as f64).sin_cos();
        [cos as f32, sin as f32]
    })
}

pub(super) struct Two;

impl Radix<2, 1> for Two {
    fn twiddles(angle: f64) -> [[f32; 2]; 1] {
        [turn(angle / 2.0)]
    }

    #[inline(always)]
    fn whole<S: Simd>(simd: S, [a, b]: [Complex<S>; 2]) -> [Complex<S>; 2] {
        plain_pair(simd, a, b)
    }

    #[inline(always)]
    fn split<S: Simd>(simd: S, [a, b]: [Complex<S>; 2], [half]: &[[f32; 2]; 1]) -> [Complex<S>; 2] {
        pair(simd, a, b, half)
    }
}

pub(super) struct Four;

impl Radix<4, 2> for Four {
    fn twiddles(angle: f64) -> [[f32; 2]; 2] {
        [turn(angle / 2.0), turn(angle / 4.0)]
    }

    #[inline(always)]
    fn whole<S: Simd>(simd: S, [a, b, c, d]: [Complex<S>; 4]) -> [Complex<S>; 4] {
        let [[even, odd], [sum, side]] = [plain_pair(simd, a, c), plain_pair(simd, b, d)];
        let side = turned_back(simd, side);
        let [[first, third], [second, fourth]] = [plain_pair(simd, even, sum), plain_pair(simd, odd, side)];
        [first, second, third, fourth]
    }

    #[inline(always)]
    fn split<S: Simd>(simd: S, [a, b, c, d]: [Complex<S>; 4], [half, quarter]: &[[f32; 2]; 2]) -> [Complex<S>; 4] {
        let [[even, odd], [sum, side]] = [pair(simd, a, c, half), pair(simd, b, d, half)];
        // The second half's angle is half a turn more, a quarter of it when halved.
        let [[first, third], [second, fourth]] = [pair(simd, even, sum, quarter), back_pair(simd, odd, side, quarter)];
        [first, second, third, fourth]
    }
}

pub(super) struct Eight;

impl Radix<8, 5> for Eight {
    fn twiddles(angle: f64) -> [[f32; 2]; 5] {
        let [[a, b], [c, d]] = [Four::twiddles(angle / 2.0), Four::twiddles((angle + 1.0) / 2.0)];
        [turn(angle / 2.0), a, b, c, d]
    }

    #[inline(always)]
    fn whole<S: Simd>(simd: S, [a, b, c, d, e, f, g, h]: [Complex<S>; 8]) -> [Complex<S>; 8] {
        let [[a, e], [b, f]] = [plain_pair(simd, a, e), plain_pair(simd, b, f)];
        let [[c, g], [d, h]] = [plain_pair(simd, c, g), plain_pair(simd, d, h)];
        let even = Four::whole(simd, [a, b, c, d]);
        let (g, h) = (turned_back(simd, g), turned_back(simd, h));
        let [[e, g], [f, h]] = [plain_pair(simd, e, g), plain_pair(simd, f, h)];
        let eighth = [FRAC_1_SQRT_2 as f32, 1.0];
        let [[first, fifth], [third, seventh]] = [pair(simd, e, f, &eighth), back_pair(simd, g, h, &eighth)];
        [even[0], first, even[1], third, even[2], fifth, even[3], seventh]
    }

    #[inline(always)]
    fn split<S: Simd>(simd: S, points: [Complex<S>; 8], twiddles: &[[f32; 2]; 5]) -> [Complex<S>; 8] {
        let [a, b, c, d, e, f, g, h] = points;
        let ([half, of_even @ .., _, _], [_, _, _, of_odd @ ..]) = (twiddles, twiddles);
        let [[a, e], [b, f]] = [pair(simd, a, e, half), pair(simd, b, f, half)];
        let [[c, g], [d, h]] = [pair(simd, c, g, half), pair(simd, d, h, half)];
        let even = Four::split(simd, [a, b, c, d], of_even);
        let odd = Four::split(simd, [e, f, g, h], of_odd);
        [even[0], odd[0], even[1], odd[1], even[2], odd[2], even[3], odd[3]]
    }
}

pub(super) struct Three;

impl Radix<3, 2> for Three {
    fn twiddles(angle: f64) -> [[f32; 2]; 2] {
        powers(angle)
    }

    #[inline(always)]
    fn whole<S: Simd>(simd: S, [a, b, c]: [Complex<S>; 3]) -> [Complex<S>; 3] {
        let sum = add(simd, b, c);
        let middle = fused(simd, a, sum, -0.5);
        let side = scaled(simd, turned_back(simd, sub(simd, b, c)), 0.75f64.sqrt());
        [add(simd, a, sum), add(simd, middle, side), sub(simd, middle, side)]
    }

    #[inline(always)]
    fn split<S: Simd>(simd: S, [a, b, c]: [Complex<S>; 3], w: &[[f32; 2]; 2]) -> [Complex<S>; 3] {
        Self::whole(simd, [a, turned(simd, b, &w[0]), turned(simd, c, &w[1])])
    }
}

pub(super) struct Five;

impl Radix<5, 4> for Five {
    fn twiddles(angle: f64) -> [[f32; 2]; 4] {
        powers(angle)
    }

    #[inline(always)]
    fn whole<S: Simd>(simd: S, [a, b, c, d, e]: [Complex<S>; 5]) -> [Complex<S>; 5] {
        let (c1, c2) = ((TAU / 5.0).cos(), (2.0 * TAU / 5.0).cos());
        let (s1, s2) = ((TAU / 5.0).sin(), (2.0 * TAU / 5.0).sin());
        let (p, q) = (add(simd, b, e), add(simd, c, d));
        let (r, t) = (turned_back(simd, sub(simd, b, e)), turned_back(simd, sub(simd, c, d)));
        let first = fused(simd, fused(simd, a, p, c1), q, c2);
        let second = fused(simd, fused(simd, a, p, c2), q, c1);
        let (u, v) = (fused(simd, scaled(simd, r, s1), t, s2), fused(simd, scaled(simd, r, s2), t, -s1));
        [
            add(simd, add(simd, a, p), q),
            add(simd, first, u),
            add(simd, second, v),
            sub(simd, second, v),
            sub(simd, first, u),
        ]
    }

    #[inline(always)]
    fn split<S: Simd>(simd: S, [a, b, c, d, e]: [Complex<S>; 5], w: &[[f32; 2]; 4]) -> [Complex<S>; 5] {
        let (b, c) = (turned(simd, b, &w[0]), turned(simd, c, &w[1]));
        Self::whole(simd, [a, b, c, turned(simd, d, &w[2]), turned(simd, e, &w[3])])
    }
}
