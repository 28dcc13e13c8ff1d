//! Parameters that the caller may change through a plain slice, and their copy inside the library.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Parameter values that count how often they were open to change.
#[derive(Clone)]
pub(crate) struct Params {
    values: Vec<f64>,
    version: u64,
}

impl Params {
    pub(crate) fn new(values: Vec<f64>) -> Self {
        Params { values, version: 0 }
    }

    /// Takes values that the library has already.
    pub(crate) fn replace_with_uploaded(&mut self, values: Vec<f64>) {
        self.values = values;
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }
}

impl Deref for Params {
    type Target = [f64];

    fn deref(&self) -> &[f64] {
        &self.values
    }
}

impl DerefMut for Params {
    fn deref_mut(&mut self) -> &mut [f64] {
        self.version += 1;
        &mut self.values
    }
}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.values.fmt(f)
    }
}

/// Which state of the caller's values the library has.
///
/// The caller's values change through `&mut` only. So if they are newer than the library's, no thread is using the
/// library's object yet; of those that come now with `&`, one uploads while the others wait at the lock.
pub(crate) struct Uploaded {
    state: AtomicU64,
    uploading: Mutex<()>,
}

impl Uploaded {
    pub(crate) fn new(state: u64) -> Self {
        Uploaded { state: AtomicU64::new(state), uploading: Mutex::new(()) }
    }

    /// Runs `upload` if the library does not have `wanted` yet.
    #[inline]
    pub(crate) fn bring_to(&self, wanted: u64, upload: impl FnOnce()) {
        if self.state.load(Ordering::Acquire) != wanted {
            self.bring_to_slowly(wanted, upload);
        }
    }

    #[cold]
    fn bring_to_slowly(&self, wanted: u64, upload: impl FnOnce()) {
        let _guard = self.uploading.lock().unwrap_or_else(PoisonError::into_inner);
        if self.state.load(Ordering::Acquire) != wanted {
            upload();
            self.state.store(wanted, Ordering::Release);
        }
    }
}
