//! Tokens that stop work from another thread.

use std::fmt;
use std::ptr;
use std::sync::Arc;

use eml_sys as sys;

use super::error::{check, must};

/// A token that stops the work it was given to, from any thread. Clones are the same token.
///
/// ```
/// use eml_native::native::Cancel;
///
/// let cancel = Cancel::new();
/// let other = cancel.clone();
/// std::thread::spawn(move || other.set()).join().unwrap();
/// assert!(cancel.is_set());
/// cancel.reset();
/// assert!(!cancel.is_set());
/// ```
#[derive(Clone)]
pub struct Cancel(Arc<Token>);

struct Token(*mut sys::eml_cancel);

// SAFETY: every function of a token but `free` takes a const handle, and `free` is called by the last owner.
unsafe impl Send for Token {}
unsafe impl Sync for Token {}

impl Cancel {
    /// A token that is not set.
    pub fn new() -> Self {
        let mut handle = ptr::null_mut();
        // SAFETY: `handle` is a valid place for the result.
        must(check(unsafe { sys::eml_cancel_create(&mut handle) }));
        Cancel(Arc::new(Token(handle)))
    }

    /// Asks the work that uses the token to stop, at once or when it starts.
    pub fn set(&self) {
        // SAFETY: the handle is valid as long as `self`.
        must(check(unsafe { sys::eml_cancel_set(self.0 .0) }));
    }

    /// Makes the token usable again.
    pub fn reset(&self) {
        // SAFETY: as above.
        must(check(unsafe { sys::eml_cancel_reset(self.0 .0) }));
    }

    /// Whether the token has been set.
    pub fn is_set(&self) -> bool {
        let mut out = 0;
        // SAFETY: as above.
        must(check(unsafe { sys::eml_cancel_is_set(self.0 .0, &mut out) }));
        out != 0
    }

    pub(crate) fn handle(&self) -> *const sys::eml_cancel {
        self.0 .0
    }
}

impl Default for Cancel {
    fn default() -> Self {
        Cancel::new()
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancel").field("is_set", &self.is_set()).finish()
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        // SAFETY: freed once, by its last owner.
        unsafe { sys::eml_cancel_free(self.0) };
    }
}
