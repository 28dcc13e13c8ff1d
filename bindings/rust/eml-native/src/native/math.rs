//! The library's mathematics: the same bits on every machine.

use eml_sys as sys;

use super::error::{check, must, Error, ErrorCode};

/// eˣ.
///
/// ```
/// assert_eq!(eml_native::native::math::exp(0.0), 1.0);
/// ```
pub fn exp(x: f64) -> f64 {
    // SAFETY: no pointers.
    unsafe { sys::eml_math_exp(x) }
}

/// The natural logarithm.
pub fn ln(x: f64) -> f64 {
    // SAFETY: no pointers.
    unsafe { sys::eml_math_ln(x) }
}

/// xʸ.
pub fn pow(x: f64, y: f64) -> f64 {
    // SAFETY: no pointers.
    unsafe { sys::eml_math_pow(x, y) }
}

/// `y[i] = exp(x[i])`.
pub fn exp_batch(x: &[f64], y: &mut [f64]) -> Result<(), Error> {
    same_length(x, y)?;
    // SAFETY: both arrays have `x.len()` elements.
    check(unsafe { sys::eml_math_exp_batch(x.as_ptr(), x.len() as u64, y.as_mut_ptr()) })?;
    Ok(())
}

/// `y[i] = ln(x[i])`.
pub fn ln_batch(x: &[f64], y: &mut [f64]) -> Result<(), Error> {
    same_length(x, y)?;
    // SAFETY: both arrays have `x.len()` elements.
    check(unsafe { sys::eml_math_ln_batch(x.as_ptr(), x.len() as u64, y.as_mut_ptr()) })?;
    Ok(())
}

/// `z[i] = pow(x[i], y[i])`.
pub fn pow_batch(x: &[f64], y: &[f64], z: &mut [f64]) -> Result<(), Error> {
    same_length(x, y)?;
    same_length(x, z)?;
    // SAFETY: all arrays have `x.len()` elements.
    check(unsafe { sys::eml_math_pow_batch(x.as_ptr(), y.as_ptr(), x.len() as u64, z.as_mut_ptr()) })?;
    Ok(())
}

/// The next `n` restart values of eml-core's 64-bit generator, whose state is `state`.
pub fn random_restart(state: &mut u64, n: usize) -> Vec<f64> {
    let mut out = vec![0.0; n];
    // SAFETY: `out` has `n` elements.
    must(check(unsafe { sys::eml_random_restart(state, out.as_mut_ptr(), n as u64) }));
    out
}

fn same_length(a: &[f64], b: &[f64]) -> Result<(), Error> {
    if a.len() == b.len() {
        return Ok(());
    }
    let message = format!("the arrays have {} and {} elements; give arrays of one length", a.len(), b.len());
    Err(Error::refused(ErrorCode::Shape, message))
}
