//! Single-output trees whose parameters live with the caller.

use eml_sys as sys;

use crate::native::{check, must};

/// The shape of an EML tree from `input_count` numbers to one. It holds no parameters: they are given with every
/// evaluation.
#[derive(Debug, Clone)]
pub struct EmlTree {
    depth: usize,
    input_count: usize,
    param_count: usize,
}

impl EmlTree {
    /// A tree of that depth for that many inputs.
    ///
    /// # Panics
    /// If the depth is not 2, 3, 4 or 5.
    pub fn new(depth: usize, input_count: usize) -> Self {
        assert!((2..=5).contains(&depth), "EmlTree depth must be 2, 3, 4, or 5, got {depth}");
        // The number of parameters does not depend on the inputs, and a tree without inputs may exist.
        let inputs = input_count.max(1) as u64;
        let mut param_count = 0;
        // SAFETY: valid place for the result.
        must(check(unsafe { sys::eml_tree_param_count(depth as u32, inputs, &mut param_count) }));
        EmlTree { depth, input_count, param_count: param_count as usize }
    }

    /// How many parameters an evaluation takes.
    pub fn param_count(&self) -> usize {
        self.param_count
    }

    /// The depth.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// How many inputs an evaluation takes.
    pub fn input_count(&self) -> usize {
        self.input_count
    }

    /// The tree's value, which is never negative.
    ///
    /// ```
    /// let tree = eml_native::EmlTree::new(3, 2);
    /// let params = vec![0.25; tree.param_count()];
    /// assert!(tree.evaluate(&params, &[0.5, 1.0]) >= 0.0);
    /// ```
    ///
    /// # Panics
    /// If there are not `param_count()` parameters or not `input_count()` inputs, or if the tree has no inputs.
    pub fn evaluate(&self, params: &[f64], inputs: &[f64]) -> f64 {
        assert_eq!(params.len(), self.param_count, "expected {} params, got {}", self.param_count, params.len());
        assert_eq!(inputs.len(), self.input_count, "expected {} inputs, got {}", self.input_count, inputs.len());
        assert_inputs(self.input_count);
        let mut value = 0.0;
        // SAFETY: both arrays have the lengths that follow from the shape; one row, one result.
        must(check(unsafe {
            sys::eml_tree_evaluate(
                self.depth as u32,
                self.input_count as u64,
                params.as_ptr(),
                params.len() as u64,
                inputs.as_ptr(),
                1,
                &mut value,
                sys::EML_ALLOW_NONFINITE,
            )
        }));
        value
    }
}

/// eml-core computes "remainder by the number of inputs"; without inputs it panics with the words of the language,
/// and so do we.
#[track_caller]
pub(crate) fn assert_inputs(count: usize) {
    assert!(count != 0, "attempt to calculate the remainder with a divisor of zero");
}
