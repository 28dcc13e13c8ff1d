//! The operators that everything is made of.

use eml_sys as sys;

/// exp(x) - ln(y).
///
/// ```
/// assert_eq!(eml_native::eml(0.0, 1.0), 1.0);
/// ```
#[inline]
pub fn eml(x: f64, y: f64) -> f64 {
    // SAFETY: no pointers.
    unsafe { sys::eml_operator_eml(x, y) }
}

/// [`eml`] of any arguments without an overflow: `x` is clamped to [-20, 20], and a `y` that is not positive counts as
/// the smallest normal number.
#[inline]
pub fn eml_safe(x: f64, y: f64) -> f64 {
    // SAFETY: no pointers.
    unsafe { sys::eml_operator_eml_safe(x, y) }
}

/// Three weights in the proportions exp(a) : exp(b) : exp(c) with the sum 1.
#[inline]
pub fn softmax3(a: f64, b: f64, c: f64) -> (f64, f64, f64) {
    let mut out = [0.0; 3];
    // SAFETY: `out` has the three elements that are written. The only refusal there is concerns NULL.
    unsafe { sys::eml_operator_softmax3(a, b, c, out.as_mut_ptr()) };
    (out[0], out[1], out[2])
}

/// Where eml-core has its generator. Outside this crate it is [`crate::native::math::random_restart`].
#[doc(hidden)]
pub fn random_params(state: &mut u64, count: usize) -> Vec<f64> {
    crate::native::math::random_restart(state, count)
}
