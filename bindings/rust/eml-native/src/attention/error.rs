//! What attention blocks refuse.

use std::fmt;

/// The most tokens in a sequence.
pub const MAX_TOY_SEQ_LEN: usize = 8;

/// The most numbers in a token.
pub const MAX_TOY_D_MODEL: usize = 32;

/// A shape that no attention block has, or an array of another shape than the block's.
#[derive(Debug, Clone, PartialEq)]
pub enum AttentionError {
    /// Levels that the trees cannot have.
    InvalidDepth(usize),
    /// No tokens, or too many.
    SeqLenOutOfRange(usize),
    /// No numbers in a token, or too many.
    DModelOutOfRange(usize),
    /// No numbers in a key, or more than in a token.
    DKOutOfRange(usize),
    /// An array of the wrong length.
    ShapeMismatch {
        /// The right length.
        expected: usize,
        /// The length that was given.
        got: usize,
    },
}

impl fmt::Display for AttentionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            AttentionError::InvalidDepth(depth) => write!(f, "EmlModel depth must be in 3..=5, got {depth}"),
            AttentionError::SeqLenOutOfRange(tokens) => {
                write!(f, "seq_len must be in 1..={MAX_TOY_SEQ_LEN}, got {tokens}")
            }
            AttentionError::DModelOutOfRange(numbers) => {
                write!(f, "d_model must be in 1..={MAX_TOY_D_MODEL}, got {numbers}")
            }
            AttentionError::DKOutOfRange(numbers) => write!(f, "d_k must be in 1..=d_model, got {numbers}"),
            AttentionError::ShapeMismatch { expected, got } => {
                write!(f, "shape mismatch: expected {expected}, got {got}")
            }
        }
    }
}

impl std::error::Error for AttentionError {}

/// Refuses what eml-core refuses, in its order. Without a depth: the baseline's shape.
pub(crate) fn check_shape(
    d_model: usize,
    d_k: usize,
    seq_len: usize,
    depth: Option<usize>,
) -> Result<(), AttentionError> {
    if let Some(depth) = depth.filter(|depth| !(3..=5).contains(depth)) {
        return Err(AttentionError::InvalidDepth(depth));
    }
    if !(1..=MAX_TOY_SEQ_LEN).contains(&seq_len) {
        return Err(AttentionError::SeqLenOutOfRange(seq_len));
    }
    if !(1..=MAX_TOY_D_MODEL).contains(&d_model) {
        return Err(AttentionError::DModelOutOfRange(d_model));
    }
    if !(1..=d_model).contains(&d_k) {
        return Err(AttentionError::DKOutOfRange(d_k));
    }
    Ok(())
}
