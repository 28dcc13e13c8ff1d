//! Failures of the library as Rust values.

use std::ffi::CStr;
use std::fmt;

use eml_sys as sys;

/// What kind of failure an [`Error`] is. The names follow `EML_E_…` of `eml.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// A value outside its range.
    Argument,
    /// A handle that the library does not know; a defect in this crate.
    Handle,
    /// The object is at work elsewhere.
    Busy,
    /// An array's length does not fit the object.
    Shape,
    /// NaN or an infinity where a finite number is needed.
    NonFinite,
    /// A buffer was too small; a defect in this crate.
    Buffer,
    /// The object is not in a state that allows the call (too few samples, say).
    State,
    /// Bytes that are not what they should be; see [`Error::sub_code`] and [`Error::offset`].
    Format,
    /// The operating system refused a file operation.
    Io,
    /// Larger than a documented limit.
    Limit,
    /// Not enough memory.
    Memory,
    /// A file from a version that this library does not know.
    Version,
    /// Valid, but not offered by this object.
    Unsupported,
    /// A defect in libeml.
    Internal,
    /// A status that this crate does not know.
    Other(i32),
}

impl ErrorCode {
    pub(crate) fn from_status(status: i32) -> Self {
        match status {
            sys::EML_E_ARGUMENT => ErrorCode::Argument,
            sys::EML_E_HANDLE => ErrorCode::Handle,
            sys::EML_E_BUSY => ErrorCode::Busy,
            sys::EML_E_SHAPE => ErrorCode::Shape,
            sys::EML_E_NONFINITE => ErrorCode::NonFinite,
            sys::EML_E_BUFFER => ErrorCode::Buffer,
            sys::EML_E_STATE => ErrorCode::State,
            sys::EML_E_FORMAT => ErrorCode::Format,
            sys::EML_E_IO => ErrorCode::Io,
            sys::EML_E_LIMIT => ErrorCode::Limit,
            sys::EML_E_MEMORY => ErrorCode::Memory,
            sys::EML_E_VERSION => ErrorCode::Version,
            sys::EML_E_UNSUPPORTED => ErrorCode::Unsupported,
            sys::EML_E_INTERNAL => ErrorCode::Internal,
            other => ErrorCode::Other(other),
        }
    }
}

/// A refused call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The kind of failure.
    pub code: ErrorCode,
    /// `EML_F_…` of `eml.h` for [`ErrorCode::Format`], `errno` for [`ErrorCode::Io`], else 0.
    pub sub_code: i32,
    /// Where in the input, if that has a meaning.
    pub offset: Option<u64>,
    /// What, where, the limit and the remedy.
    pub message: String,
}

impl Error {
    /// The calling thread's last failure, which `status` reported just now.
    fn last(status: sys::eml_status) -> Self {
        let mut raw = sys::eml_error {
            struct_size: std::mem::size_of::<sys::eml_error>() as u32,
            code: 0,
            sub_code: 0,
            reserved: 0,
            byte_offset: u64::MAX,
            message: std::ptr::null(),
            message_len: 0,
        };
        // SAFETY: the struct's size is set; the message lives until this thread's next failure.
        let message = unsafe {
            if sys::eml_last_error(&mut raw) == sys::EML_OK && raw.code == status {
                CStr::from_ptr(raw.message)
            } else {
                CStr::from_ptr(sys::eml_status_name(status))
            }
        };
        Error {
            code: ErrorCode::from_status(status),
            sub_code: raw.sub_code,
            offset: Some(raw.byte_offset).filter(|&offset| offset != u64::MAX),
            message: message.to_string_lossy().into_owned(),
        }
    }

    /// A refusal that this crate makes itself, because the C interface has no place for the mistake.
    pub(crate) fn refused(code: ErrorCode, message: String) -> Self {
        Error { code, sub_code: 0, offset: None, message }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// A failure as an error; success and information (`EML_DONE`, `EML_CANCELLED`, …) as the status.
pub(crate) fn check(status: sys::eml_status) -> Result<sys::eml_status, Error> {
    if status < 0 {
        Err(Error::last(status))
    } else {
        Ok(status)
    }
}

/// For calls that fail only through exhausted memory or a defect. The library's message becomes the panic's.
#[track_caller]
pub(crate) fn must<T>(result: Result<T, Error>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("libeml: {error}"),
    }
}
