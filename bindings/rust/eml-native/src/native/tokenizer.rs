//! Tokenizers: text to tokens and back.

use std::os::raw::c_char;
use std::path::Path;
use std::{fmt, ptr, slice};

use eml_sys as sys;

use super::bytes::{two_calls, two_calls_text, Buffer};
use super::cancel::Cancel;
use super::error::{check, must, Error, ErrorCode};
use super::utf8;

/// How a tokenizer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenizerFormat {
    /// `tokenizer.json`.
    Json,
    /// `.tiktoken`, which has no name and only the four special tokens that its readers assume.
    Tiktoken,
}

/// How the bytes of a token are counted when bits per byte are measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ByteCounting {
    /// The bytes of each token.
    #[default]
    Raw,
    /// As autoresearch counts them: each token decoded for itself, what is no valid UTF-8 as U+FFFD.
    Reference,
}

impl ByteCounting {
    pub(crate) fn to_raw(self) -> i32 {
        match self {
            ByteCounting::Raw => sys::EML_BYTES_RAW,
            ByteCounting::Reference => sys::EML_BYTES_REFERENCE,
        }
    }
}

/// Byte-level byte pair encoding, id for id as tiktoken does it. Immutable: any number of threads may use one.
///
/// ```
/// use eml_native::native::Tokenizer;
///
/// # fn main() -> Result<(), eml_native::native::Error> {
/// let tokenizer = Tokenizer::train(&["the cat sat on the mat"], 10, &["<|bos|>"], None)?;
/// let ids = tokenizer.encode("the hat")?;
/// assert_eq!(tokenizer.decode(&ids)?, "the hat");
/// assert_eq!(tokenizer.bos_id(), tokenizer.special("<|bos|>"));
/// # Ok(())
/// # }
/// ```
pub struct Tokenizer {
    handle: *mut sys::eml_tokenizer,
}

// SAFETY: a tokenizer never changes, and the library allows any thread to free the handle.
unsafe impl Send for Tokenizer {}
unsafe impl Sync for Tokenizer {}

impl Tokenizer {
    pub(crate) fn from_handle(handle: *mut sys::eml_tokenizer) -> Self {
        Tokenizer { handle }
    }

    pub(crate) fn handle(&self) -> *const sys::eml_tokenizer {
        self.handle
    }

    /// Reads a `tokenizer.json` or `.tiktoken` file; its bytes tell which.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = utf8(path.as_ref())?;
        let mut handle = ptr::null_mut();
        // SAFETY: the text lives during the call; `handle` is a valid place for the result.
        check(unsafe { sys::eml_tokenizer_load(path.as_ptr().cast(), path.len() as u64, &mut handle) })?;
        Ok(Tokenizer { handle })
    }

    /// A tokenizer from a file's bytes.
    pub fn import(bytes: &[u8]) -> Result<Self, Error> {
        let mut handle = ptr::null_mut();
        // SAFETY: as above.
        check(unsafe { sys::eml_tokenizer_import(bytes.as_ptr().cast(), bytes.len() as u64, &mut handle) })?;
        Ok(Tokenizer { handle })
    }

    /// A tokenizer of the 256 bytes, at most `merges` merges of the most frequent pairs, and special tokens, the first of which begins
    /// documents. `cancel` stops the search; the merges found so far are kept.
    pub fn train(
        documents: &[impl AsRef<str>],
        merges: usize,
        special: &[&str],
        cancel: Option<&Cancel>,
    ) -> Result<Self, Error> {
        let documents = texts(documents);
        let special = texts(special);
        let mut handle = ptr::null_mut();
        // SAFETY: the texts live during the call.
        check(unsafe {
            sys::eml_tokenizer_train(
                documents.as_ptr(),
                documents.len() as u64,
                merges as u64,
                special.as_ptr(),
                special.len() as u64,
                cancel.map_or(ptr::null(), Cancel::handle),
                &mut handle,
            )
        })?;
        Ok(Tokenizer { handle })
    }

    /// The file's bytes.
    pub fn export(&self, format: TokenizerFormat) -> Result<Vec<u8>, Error> {
        let format = match format {
            TokenizerFormat::Json => sys::EML_FORMAT_JSON,
            TokenizerFormat::Tiktoken => sys::EML_FORMAT_TIKTOKEN,
        };
        // SAFETY: const handle; the buffer is as large as is said.
        two_calls(|buf, cap, need| unsafe { sys::eml_tokenizer_export(self.handle, format, buf, cap, need) })
    }

    /// Writes a file, whole or not at all; the extension `.json` or `.tiktoken` decides.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = utf8(path.as_ref())?;
        // SAFETY: const handle; the text lives during the call.
        check(unsafe {
            sys::eml_tokenizer_save(self.handle, path.as_ptr().cast(), path.len() as u64, sys::EML_FORMAT_AUTO)
        })?;
        Ok(())
    }

    /// The ids of a text; names of special tokens are ordinary text.
    pub fn encode(&self, text: &str) -> Result<Vec<i32>, Error> {
        self.encode_flags(text, 0)
    }

    /// The same, but names of special tokens stand for these tokens.
    pub fn encode_special(&self, text: &str) -> Result<Vec<i32>, Error> {
        self.encode_flags(text, sys::EML_TOKENIZER_SPECIAL)
    }

    fn encode_flags(&self, text: &str, flags: u32) -> Result<Vec<i32>, Error> {
        let mut buffer = ptr::null_mut();
        // SAFETY: const handle; the text lives during the call.
        check(unsafe {
            sys::eml_tokenizer_encode_buffer(self.handle, text.as_ptr().cast(), text.len() as u64, flags, &mut buffer)
        })?;
        let bytes = Buffer::from_handle(buffer);
        Ok(bytes.chunks_exact(4).map(|id| i32::from_ne_bytes([id[0], id[1], id[2], id[3]])).collect())
    }

    /// The text of tokens; what is no valid UTF-8 becomes U+FFFD.
    pub fn decode(&self, ids: &[i32]) -> Result<String, Error> {
        // SAFETY: const handle; the buffers are as large as is said.
        two_calls_text(|buf, cap, need| unsafe {
            sys::eml_tokenizer_decode(self.handle, ids.as_ptr(), ids.len() as u64, buf, cap, need)
        })
    }

    /// The bytes of tokens, whatever they are; those of a special token are its name.
    pub fn decode_bytes(&self, ids: &[i32]) -> Result<Vec<u8>, Error> {
        // SAFETY: as above.
        two_calls(|buf, cap, need| unsafe {
            sys::eml_tokenizer_decode_bytes(self.handle, ids.as_ptr(), ids.len() as u64, buf, cap, need)
        })
    }

    /// The id of a special token, if there is one of this name.
    pub fn special(&self, name: &str) -> Option<i32> {
        let mut id = -1;
        // SAFETY: const handle; the text lives during the call.
        must(check(unsafe {
            sys::eml_tokenizer_special(self.handle, name.as_ptr().cast(), name.len() as u64, &mut id)
        }));
        Some(id).filter(|&id| id >= 0)
    }

    /// How many bytes of text each token counts, 0 for special tokens.
    pub fn byte_lengths(&self, counting: ByteCounting) -> Vec<i32> {
        let mut lengths = vec![0; self.vocab_size()];
        // SAFETY: const handle; the array is as long as is said.
        must(check(unsafe {
            sys::eml_tokenizer_byte_lengths(self.handle, counting.to_raw(), lengths.as_mut_ptr(), lengths.len() as u64)
        }));
        lengths
    }

    /// Decodes tokens one by one.
    pub fn stream(&self) -> TokenStream {
        let mut handle = ptr::null_mut();
        // SAFETY: const handle.
        must(check(unsafe { sys::eml_token_stream_create(self.handle, &mut handle) }));
        TokenStream { handle }
    }

    /// How many ids there are, special tokens included.
    pub fn vocab_size(&self) -> usize {
        self.info().vocab_size as usize
    }

    /// Ids from here on are special tokens.
    pub fn rank_count(&self) -> usize {
        self.info().rank_count as usize
    }

    /// The token that begins a document, if there is one.
    pub fn bos_id(&self) -> Option<i32> {
        Some(self.info().bos_id).filter(|&id| id >= 0)
    }

    fn info(&self) -> sys::eml_tokenizer_info {
        let size = std::mem::size_of::<sys::eml_tokenizer_info>() as u32;
        let mut info = sys::eml_tokenizer_info { struct_size: size, vocab_size: 0, rank_count: 0, bos_id: 0 };
        // SAFETY: const handle; the struct's size is set.
        must(check(unsafe { sys::eml_tokenizer_get_info(self.handle, &mut info) }));
        info
    }
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokenizer").field("vocab_size", &self.vocab_size()).finish()
    }
}

impl Drop for Tokenizer {
    fn drop(&mut self) {
        // SAFETY: freed once, by its owner.
        unsafe { sys::eml_tokenizer_free(self.handle) };
    }
}

/// Decodes tokens one by one without ever cutting a character in two: all answers joined, the last of [`TokenStream::flush`], are what
/// [`Tokenizer::decode`] gives.
pub struct TokenStream {
    handle: *mut sys::eml_token_stream,
}

// SAFETY: methods that change anything take `&mut self`, and the library allows any thread.
unsafe impl Send for TokenStream {}
unsafe impl Sync for TokenStream {}

impl TokenStream {
    /// The text that this token completes; empty while a character lacks bytes.
    pub fn push(&mut self, id: i32) -> Result<String, Error> {
        let (mut text, mut len) = (ptr::null(), 0);
        // SAFETY: the text lives until the next call, and is copied before.
        unsafe {
            check(sys::eml_token_stream_push(self.handle, id, &mut text, &mut len))?;
            Ok(copied(text, len))
        }
    }

    /// What is left of a character that lacks bytes, as U+FFFD; the stream begins anew.
    pub fn flush(&mut self) -> String {
        let (mut text, mut len) = (ptr::null(), 0);
        // SAFETY: as above.
        unsafe {
            must(check(sys::eml_token_stream_flush(self.handle, &mut text, &mut len)));
            copied(text, len)
        }
    }
}

impl fmt::Debug for TokenStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenStream").finish_non_exhaustive()
    }
}

impl Drop for TokenStream {
    fn drop(&mut self) {
        // SAFETY: freed once, by its owner.
        unsafe { sys::eml_token_stream_free(self.handle) };
    }
}

/// A copy of `len` bytes of UTF-8 of the library's.
pub(crate) unsafe fn copied(text: *const c_char, len: u64) -> String {
    String::from_utf8_lossy(slice::from_raw_parts(text.cast(), len as usize)).into_owned()
}

/// Texts as the library takes them; they must outlive the array.
pub(crate) fn texts(from: &[impl AsRef<str>]) -> Vec<sys::eml_text> {
    from.iter()
        .map(|text| sys::eml_text { text: text.as_ref().as_ptr().cast(), len: text.as_ref().len() as u64 })
        .collect()
}

/// Refuses an empty list of tokens, whose pointer means nothing.
pub(crate) fn some(tokens: &[i32]) -> Result<(), Error> {
    if tokens.is_empty() {
        let message = "there are no tokens to read; give at least one".to_owned();
        return Err(Error::refused(ErrorCode::Argument, message));
    }
    Ok(())
}
