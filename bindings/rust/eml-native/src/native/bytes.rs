//! Bytes and texts that come out of the library.

use std::ops::Deref;
use std::os::raw::{c_char, c_void};
use std::{fmt, ptr, slice};

use eml_sys as sys;

use super::error::{check, must, Error};

/// Bytes that the library made, without a copy. Dereferences to `[u8]`.
pub struct Buffer {
    handle: *mut sys::eml_buffer,
    data: *const u8,
    size: usize,
}

// SAFETY: the bytes never change, and the library allows any thread to free the handle.
unsafe impl Send for Buffer {}
unsafe impl Sync for Buffer {}

impl Buffer {
    /// Takes over a handle that the library handed out.
    pub(crate) fn from_handle(handle: *mut sys::eml_buffer) -> Self {
        let mut data = ptr::null::<c_void>();
        let mut size = 0;
        // SAFETY: the handle is fresh; the pointer lives until it is freed in `drop`.
        must(check(unsafe { sys::eml_buffer_data(handle, &mut data, &mut size) }));
        Buffer { handle, data: data.cast(), size: size as usize }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: `data` is valid for `size` bytes as long as the handle is.
        unsafe { slice::from_raw_parts(self.data, self.size) }
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer").field("size", &self.size).finish()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: freed once, by its owner.
        unsafe { sys::eml_buffer_free(self.handle) };
    }
}

/// Runs a two-call function: once for the size, once for the bytes.
pub(crate) fn two_calls(mut call: impl FnMut(*mut c_void, u64, *mut u64) -> sys::eml_status) -> Result<Vec<u8>, Error> {
    let mut need = 0;
    let status = call(ptr::null_mut(), 0, &mut need);
    if status != sys::EML_E_BUFFER {
        check(status)?;
        return Ok(Vec::new());
    }
    let mut bytes = vec![0u8; need as usize];
    check(call(bytes.as_mut_ptr().cast(), need, &mut need))?;
    bytes.truncate(need as usize);
    Ok(bytes)
}

/// The same for texts, whose size counts the closing NUL.
pub(crate) fn two_calls_text(
    mut call: impl FnMut(*mut c_char, u64, *mut u64) -> sys::eml_status,
) -> Result<String, Error> {
    let mut bytes = two_calls(|buf, cap, need| call(buf.cast(), cap, need))?;
    bytes.pop();
    Ok(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}
