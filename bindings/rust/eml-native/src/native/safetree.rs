//! Saturation-safe layers.

use std::path::Path;
use std::{fmt, ptr};

use eml_sys as sys;

use super::bytes::two_calls;
use super::error::{check, must, Error};
use super::{expect_length, rows_of, utf8, Format};

/// A saturation-safe layer: per head, v = bias + weights · x, then `depth` times v ← eml_safe(v c₀ + c₁, |v| + c₂ + 1).
/// Parameters: weights (heads, inputs), biases (heads), constants (heads, depth, 3).
///
/// ```
/// use eml_native::native::{Format, SafeTree};
///
/// # fn main() -> Result<(), eml_native::native::Error> {
/// let mut tree = SafeTree::new(0, 2, 1)?; // depth 0: only the affine part
/// tree.set_params(&[2.0, 3.0, 1.0])?;
/// assert_eq!(tree.forward(&[10.0, 100.0])?, [321.0]);
/// let same = SafeTree::import(&tree.export(Format::Browser)?, Format::Browser)?;
/// assert_eq!(same.params(), tree.params());
/// # Ok(())
/// # }
/// ```
pub struct SafeTree {
    handle: *mut sys::eml_safetree,
    depth: u32,
    inputs: usize,
    heads: usize,
    param_count: usize,
    flags: u32,
}

// SAFETY: the library takes a handle on any thread. Methods that take `&self` use only functions with a const handle
// parameter, which may run at the same time; the others take `&mut self`.
unsafe impl Send for SafeTree {}
unsafe impl Sync for SafeTree {}

impl SafeTree {
    /// A new layer with parameters of zero.
    pub fn new(depth: u32, inputs: usize, heads: usize) -> Result<Self, Error> {
        let mut handle = ptr::null_mut();
        // SAFETY: valid place for the result.
        check(unsafe { sys::eml_safetree_create(depth, inputs as u64, heads as u64, &mut handle) })?;
        Ok(SafeTree::from_handle(handle))
    }

    /// Takes over a handle that the library handed out.
    fn from_handle(handle: *mut sys::eml_safetree) -> Self {
        let mut raw = sys::eml_safetree_info {
            struct_size: std::mem::size_of::<sys::eml_safetree_info>() as u32,
            depth: 0,
            inputs: 0,
            heads: 0,
            param_count: 0,
        };
        // SAFETY: const handle; the struct's size is set.
        must(check(unsafe { sys::eml_safetree_get_info(handle, &mut raw) }));
        SafeTree {
            handle,
            depth: raw.depth,
            inputs: raw.inputs as usize,
            heads: raw.heads as usize,
            param_count: raw.param_count as usize,
            flags: 0,
        }
    }

    /// A copy.
    pub fn try_clone(&self) -> Result<Self, Error> {
        let mut handle = ptr::null_mut();
        // SAFETY: const handle, valid place for the result.
        check(unsafe { sys::eml_safetree_clone(self.handle, &mut handle) })?;
        let mut copy = SafeTree::from_handle(handle);
        copy.flags = self.flags;
        Ok(copy)
    }

    pub(super) fn handle(&self) -> *const sys::eml_safetree {
        self.handle
    }

    /// Levels after the affine part.
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// Numbers that go in.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Numbers that come out.
    pub fn heads(&self) -> usize {
        self.heads
    }

    /// Number of parameters.
    pub fn param_count(&self) -> usize {
        self.param_count
    }

    /// Whether `forward` and `set_params` shall take NaN and infinities.
    pub fn allow_nonfinite(&mut self, allow: bool) {
        self.flags = if allow { sys::EML_ALLOW_NONFINITE } else { 0 };
    }

    /// The parameters.
    pub fn params(&self) -> Vec<f64> {
        let mut params = vec![0.0; self.param_count];
        // SAFETY: const handle; the array has the length that is given.
        must(check(unsafe { sys::eml_safetree_get_params(self.handle, params.as_mut_ptr(), params.len() as u64) }));
        params
    }

    /// Replaces the parameters; there must be `param_count()` of them.
    pub fn set_params(&mut self, params: &[f64]) -> Result<(), Error> {
        // SAFETY: sole user of the handle.
        unsafe { self.set_params_shared(params) }
    }

    /// # Safety
    /// No other thread uses the layer meanwhile.
    pub(crate) unsafe fn set_params_shared(&self, params: &[f64]) -> Result<(), Error> {
        check(sys::eml_safetree_set_params(self.handle, params.as_ptr(), params.len() as u64, self.flags))?;
        Ok(())
    }

    /// Evaluates rows of `inputs` numbers; returns rows of `heads` numbers.
    pub fn forward(&self, x: &[f64]) -> Result<Vec<f64>, Error> {
        let rows = rows_of("x", x.len(), self.inputs)?;
        let mut y = vec![0.0; rows * self.heads];
        self.forward_into(x, &mut y)?;
        Ok(y)
    }

    /// The same into memory of the caller's.
    pub fn forward_into(&self, x: &[f64], y: &mut [f64]) -> Result<(), Error> {
        let rows = rows_of("x", x.len(), self.inputs)?;
        expect_length("y", y.len(), rows * self.heads)?;
        // SAFETY: const handle; both arrays have the lengths that follow from the shape.
        check(unsafe { sys::eml_safetree_forward(self.handle, x.as_ptr(), rows as u64, y.as_mut_ptr(), self.flags) })?;
        Ok(())
    }

    /// The layer as bytes.
    pub fn export(&self, format: Format) -> Result<Vec<u8>, Error> {
        // SAFETY: const handle; the buffer is as large as is said.
        two_calls(|buf, cap, need| unsafe { sys::eml_safetree_export(self.handle, format.to_raw(), buf, cap, need) })
    }

    /// A layer from bytes; everything is checked.
    pub fn import(bytes: &[u8], format: Format) -> Result<Self, Error> {
        let mut handle = ptr::null_mut();
        // SAFETY: the bytes are read during the call only.
        check(unsafe {
            sys::eml_safetree_import(bytes.as_ptr().cast(), bytes.len() as u64, format.to_raw(), &mut handle)
        })?;
        Ok(SafeTree::from_handle(handle))
    }

    /// Writes a file; at any instant the path is the old file or the new one.
    pub fn save(&self, path: impl AsRef<Path>, format: Format) -> Result<(), Error> {
        let path = utf8(path.as_ref())?;
        // SAFETY: const handle; the path is read during the call only.
        check(unsafe {
            sys::eml_safetree_save(self.handle, path.as_ptr().cast(), path.len() as u64, format.to_raw())
        })?;
        Ok(())
    }

    /// Reads a file that [`SafeTree::save`], eml-core or the browser trainer wrote.
    pub fn load(path: impl AsRef<Path>, format: Format) -> Result<Self, Error> {
        let path = utf8(path.as_ref())?;
        let mut handle = ptr::null_mut();
        // SAFETY: the path is read during the call only.
        check(unsafe {
            sys::eml_safetree_load(path.as_ptr().cast(), path.len() as u64, format.to_raw(), &mut handle)
        })?;
        Ok(SafeTree::from_handle(handle))
    }
}

impl fmt::Debug for SafeTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SafeTree")
            .field("depth", &self.depth)
            .field("inputs", &self.inputs)
            .field("heads", &self.heads)
            .finish_non_exhaustive()
    }
}

impl Drop for SafeTree {
    fn drop(&mut self) {
        // SAFETY: freed once, by its owner.
        unsafe { sys::eml_safetree_free(self.handle) };
    }
}
