//! Cross-spectra to correlation over range difference, one table a pair.
//!
//! With `x_m ~ s·exp(-i k(f) d_m)` the cross-spectrum of a pair is `|G|·exp(-i k(f)(d_m − d_n))`, so its correlation over
//! *range difference in metres* is `C(D) = Σ_f W(f) G(f) exp(+i k(f) D)`. Air and metal differ only in the wavenumber
//! handed in; every map value afterwards is a look-up.

mod onset;
mod pool;
mod table;

pub use onset::{Onset, onset};
pub use pool::{halved_and_pooled, pooled};
pub use table::{Density, RangePlan, RangeTable, RealTable};
