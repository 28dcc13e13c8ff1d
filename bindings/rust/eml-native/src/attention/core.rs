//! What eml-core's two attention blocks share.

use super::config::EndToEndTrainConfig;
use super::error::{check_shape, AttentionError};
use crate::native::{self, must, AttentionKind, Format};

/// A block inside the library, with what never changes of it.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) name: String,
    pub(crate) d_model: usize,
    pub(crate) d_k: usize,
    pub(crate) seq_len: usize,
    pub(crate) handle: native::Attention,
}

impl Core {
    /// With a depth: a ToyEmlAttention; without: a BaselineAttention.
    pub(crate) fn new(
        name: String,
        d_model: usize,
        d_k: usize,
        seq_len: usize,
        depth: Option<usize>,
    ) -> Result<Self, AttentionError> {
        check_shape(d_model, d_k, seq_len, depth)?;
        let kind = if depth.is_some() { AttentionKind::Toy } else { AttentionKind::Baseline };
        let shape = native::Attention::builder().d_model(d_model as u32).d_k(d_k as u32).seq_len(seq_len as u32);
        let mut handle = must(shape.kind(kind).depth(depth.unwrap_or(0) as u32).build());
        must(handle.set_name(&name));
        Ok(Core::from_native(handle))
    }

    fn from_native(mut handle: native::Attention) -> Self {
        handle.allow_nonfinite(true);
        let info = handle.info();
        Core { name: handle.name(), d_model: info.d_model, d_k: info.d_k, seq_len: info.seq_len, handle }
    }

    pub(crate) fn from_json(json: &str, kind: AttentionKind) -> Result<Self, String> {
        let handle = native::Attention::import(json.as_bytes(), Format::Json).map_err(|error| error.message)?;
        let found = handle.info().kind;
        if found != kind {
            return Err(format!("this is the JSON of another attention block ({found:?})"));
        }
        Ok(Core::from_native(handle))
    }

    pub(crate) fn to_json(&self) -> String {
        let bytes = must(self.handle.export(Format::Json));
        String::from_utf8(bytes.to_vec()).expect("the library writes UTF-8")
    }

    pub(crate) fn forward(&self, x: &[f64]) -> Result<Vec<f64>, AttentionError> {
        self.expect_length(x)?;
        Ok(must(self.handle.forward(x)))
    }

    pub(crate) fn record(&mut self, input: &[f64], target: &[f64]) -> Result<(), AttentionError> {
        self.expect_length(input)?;
        self.expect_length(target)?;
        must(self.handle.record(input, target));
        Ok(())
    }

    pub(crate) fn train(&mut self, config: &EndToEndTrainConfig) -> f64 {
        let options = config.options(self.handle.info().sample_count);
        must(self.handle.train(options)).mse_after
    }

    fn expect_length(&self, values: &[f64]) -> Result<(), AttentionError> {
        let expected = self.seq_len * self.d_model;
        if values.len() == expected {
            Ok(())
        } else {
            Err(AttentionError::ShapeMismatch { expected, got: values.len() })
        }
    }
}

impl Clone for Core {
    fn clone(&self) -> Self {
        Core { name: self.name.clone(), handle: must(self.handle.try_clone()), ..*self }
    }
}

/// The methods that both blocks have, of their `core`.
macro_rules! core_methods {
    () => {
        /// Numbers in a token.
        pub fn d_model(&self) -> usize {
            self.core.d_model
        }

        /// Numbers in a query, key or value.
        pub fn d_k(&self) -> usize {
            self.core.d_k
        }

        /// Tokens in a sequence.
        pub fn seq_len(&self) -> usize {
            self.core.seq_len
        }

        /// Trainings so far.
        pub fn training_rounds(&self) -> u64 {
            self.core.handle.info().training_rounds
        }

        /// Moves that the last training kept.
        pub fn last_accepts(&self) -> u32 {
            self.core.handle.info().last_accepts as u32
        }

        /// Recorded samples, at most 256: a further one takes the oldest one's place.
        pub fn buffer_len(&self) -> usize {
            self.core.handle.info().sample_count
        }

        /// The answer to a sequence of `seq_len · d_model` numbers, which has as many.
        pub fn forward(&self, x: &[f64]) -> Result<Vec<f64>, AttentionError> {
            self.core.forward(x)
        }

        /// Records a sequence and what it shall become.
        pub fn record(&mut self, input: Vec<f64>, target: Vec<f64>) -> Result<(), AttentionError> {
            self.core.record(&input, &target)
        }
    };
}

pub(crate) use core_methods;

#[cfg(feature = "serde")]
pub(crate) mod stored {
    use std::fmt::Write;

    use super::Core;
    use serde::{Deserialize, Serialize};

    /// One map of a block; a tree has a depth.
    #[derive(Serialize, Deserialize)]
    pub(crate) struct Tree<P> {
        pub(crate) depth: usize,
        pub(crate) inputs: usize,
        pub(crate) heads: usize,
        pub(crate) params: P,
    }

    /// An affine map of a block.
    #[derive(Serialize, Deserialize)]
    pub(crate) struct Affine<P> {
        pub(crate) inputs: usize,
        pub(crate) heads: usize,
        pub(crate) params: P,
    }

    /// Takes the parameters of a block apart, map after map.
    pub(crate) struct Parts {
        params: Vec<f64>,
        at: usize,
    }

    impl Parts {
        pub(crate) fn of(core: &Core) -> Self {
            Parts { params: core.handle.params(), at: 0 }
        }

        fn take(&mut self, count: usize) -> Vec<f64> {
            self.at += count;
            self.params[self.at - count..self.at].to_vec()
        }

        pub(crate) fn tree(&mut self, depth: usize, inputs: usize, heads: usize) -> Tree<Vec<f64>> {
            Tree { depth, inputs, heads, params: self.take(heads * (inputs + 1 + 3 * depth)) }
        }

        pub(crate) fn affine(&mut self, inputs: usize, heads: usize) -> Affine<Vec<f64>> {
            Affine { inputs, heads, params: self.take(heads * (inputs + 1)) }
        }
    }

    /// eml-core's JSON text, put together member by member for the library to read, so that there is one place that checks.
    pub(crate) struct Text(String);

    impl Text {
        pub(crate) fn new(name: &str, d_model: usize, d_k: usize, seq_len: usize) -> Self {
            let mut text = String::from("{\"name\":\"");
            for c in name.chars() {
                match c {
                    '"' | '\\' => text.extend(['\\', c]),
                    '\0'..='\x1f' => write!(text, "\\u{:04x}", c as u32).expect("a String takes everything"),
                    _ => text.push(c),
                }
            }
            text.push('"');
            Text(text).number("d_model", d_model).number("d_k", d_k).number("seq_len", seq_len)
        }

        /// What Debug prints for numbers and truth values is what JSON has for them.
        pub(crate) fn number(mut self, key: &str, value: impl std::fmt::Debug) -> Self {
            write!(self.0, ",\"{key}\":{value:?}").expect("a String takes everything");
            self
        }

        pub(crate) fn tree(mut self, key: &str, tree: &Tree<Vec<f64>>) -> Self {
            let Tree { depth, inputs, heads, params } = tree;
            let text =
                format!(",\"{key}\":{{\"depth\":{depth},\"inputs\":{inputs},\"heads\":{heads},\"params\":{params:?}}}");
            self.0.push_str(&text);
            self
        }

        pub(crate) fn affine(mut self, key: &str, affine: &Affine<Vec<f64>>) -> Self {
            let Affine { inputs, heads, params } = affine;
            let text = format!(",\"{key}\":{{\"inputs\":{inputs},\"heads\":{heads},\"params\":{params:?}}}");
            self.0.push_str(&text);
            self
        }

        pub(crate) fn finish(mut self) -> String {
            self.0.push('}');
            self.0
        }
    }
}
