//! What a model keeps beside its parameters: name, metadata, scaling, samples, events.

use std::ptr;

use eml_sys as sys;

use super::bytes::{two_calls, two_calls_text};
use super::error::{check, must, Error, ErrorCode};
use super::event::{self, Sink};
use super::{expect_length, rows_of, Format, Model};
use crate::events::EmlEvent;

/// One column's way from the user's units to the model's: (x - offset) · factor.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Affine {
    /// What is subtracted.
    pub offset: f64,
    /// What is multiplied with; not 0.
    pub factor: f64,
}

/// The scaling of every input and every head.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaling {
    /// One for each input.
    pub inputs: Vec<Affine>,
    /// One for each head.
    pub targets: Vec<Affine>,
}

impl Model {
    /// The name that events carry; empty at first.
    pub fn name(&self) -> String {
        // SAFETY: const handle; the buffer is as large as is said.
        must(two_calls_text(|buf, cap, need| unsafe { sys::eml_model_get_name(self.handle, buf, cap, need) }))
    }

    /// Sets the name that events carry.
    pub fn set_name(&mut self, name: &str) -> Result<(), Error> {
        // SAFETY: sole user of the handle; the text is copied.
        check(unsafe { sys::eml_model_set_name(self.handle, name.as_ptr().cast(), name.len() as u64) })?;
        Ok(())
    }

    /// Free text that travels with the model in every format.
    ///
    /// ```
    /// use eml_native::native::{Format, Model};
    ///
    /// # fn main() -> Result<(), eml_native::native::Error> {
    /// let mut model = Model::builder().inputs(2).build()?;
    /// model.set_metadata("unit", Some("millimetres"))?;
    /// let same = Model::import(&model.export(Format::Protobuf)?, Format::Auto)?;
    /// assert_eq!(same.metadata("unit")?.as_deref(), Some("millimetres"));
    /// assert_eq!(same.metadata("author")?, None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn metadata(&self, key: &str) -> Result<Option<String>, Error> {
        // SAFETY: const handle; the key is read during the call only, the buffer is as large as is said.
        let value = two_calls_text(|buf, cap, need| unsafe {
            sys::eml_model_get_metadata(self.handle, key.as_ptr().cast(), key.len() as u64, buf, cap, need)
        });
        match value {
            Err(error) if error.code == ErrorCode::State => Ok(None),
            other => other.map(Some),
        }
    }

    /// The keys of the texts that travel with the model, in ordinal order.
    pub fn metadata_keys(&self) -> Vec<String> {
        let mut count = 0;
        // SAFETY: const handle; the count is written during the call only.
        must(check(unsafe { sys::eml_model_get_metadata_count(self.handle, &mut count) }));
        let key = |index| {
            // SAFETY: const handle; the buffer is as large as is said.
            must(two_calls_text(|buf, cap, need| unsafe {
                sys::eml_model_get_metadata_key(self.handle, index, buf, cap, need)
            }))
        };
        (0..count).map(key).collect()
    }

    /// Sets or, with `None`, removes a text that travels with the model.
    pub fn set_metadata(&mut self, key: &str, value: Option<&str>) -> Result<(), Error> {
        let (text, len) = value.map_or((ptr::null(), 0), |value| (value.as_ptr().cast(), value.len() as u64));
        // SAFETY: sole user of the handle; the texts are copied.
        check(unsafe { sys::eml_model_set_metadata(self.handle, key.as_ptr().cast(), key.len() as u64, text, len) })?;
        Ok(())
    }

    /// The scaling, if one is set.
    pub fn scaling(&self) -> Option<Scaling> {
        if !self.info().scaled {
            return None;
        }
        let none = Affine { offset: 0.0, factor: 1.0 };
        let mut scaling = Scaling { inputs: vec![none; self.inputs], targets: vec![none; self.heads] };
        // SAFETY: const handle; an `Affine` is a pair of doubles, and there is one for each column.
        must(check(unsafe {
            let (inputs, targets) = (scaling.inputs.as_mut_ptr().cast(), scaling.targets.as_mut_ptr().cast());
            sys::eml_model_get_scaling(self.handle, inputs, targets)
        }));
        Some(scaling)
    }

    /// Sets or removes the scaling. Once set, `record`, `forward` and `distill` speak the user's units.
    pub fn set_scaling(&mut self, scaling: Option<&Scaling>) -> Result<(), Error> {
        let (mut inputs, mut targets) = (ptr::null(), ptr::null());
        if let Some(scaling) = scaling {
            expect_length("scaling.inputs", scaling.inputs.len(), self.inputs)?;
            expect_length("scaling.targets", scaling.targets.len(), self.heads)?;
            inputs = scaling.inputs.as_ptr().cast();
            targets = scaling.targets.as_ptr().cast();
        }
        // SAFETY: sole user of the handle; an `Affine` is a pair of doubles, and there is one for each column.
        check(unsafe { sys::eml_model_set_scaling(self.handle, inputs, targets) })?;
        Ok(())
    }

    /// Sets the scaling that maps the recorded samples to [0, 1] in every column.
    pub fn fit_scaling(&mut self) -> Result<(), Error> {
        // SAFETY: sole user of the handle.
        check(unsafe { sys::eml_model_fit_scaling(self.handle) })?;
        Ok(())
    }

    /// Records rows of `inputs` numbers with their targets, rows of `heads` numbers.
    pub fn record(&mut self, x: &[f64], targets: &[f64]) -> Result<(), Error> {
        let rows = self.sample_rows(x, targets.len())?;
        // SAFETY: sole user of the handle; the arrays have the lengths that follow from the shape.
        check(unsafe {
            sys::eml_model_record(self.handle, x.as_ptr(), targets.as_ptr(), ptr::null(), rows as u64, self.flags)
        })?;
        Ok(())
    }

    /// The same where some targets are unknown.
    pub fn record_partial(&mut self, x: &[f64], targets: &[Option<f64>]) -> Result<(), Error> {
        let rows = self.sample_rows(x, targets.len())?;
        let values: Vec<f64> = targets.iter().map(|target| target.unwrap_or(0.0)).collect();
        let present: Vec<u8> = targets.iter().map(|target| u8::from(target.is_some())).collect();
        let (values, present) = (values.as_ptr(), present.as_ptr());
        // SAFETY: sole user of the handle; the arrays have the lengths that follow from the shape.
        check(unsafe { sys::eml_model_record(self.handle, x.as_ptr(), values, present, rows as u64, self.flags) })?;
        Ok(())
    }

    fn sample_rows(&self, x: &[f64], targets: usize) -> Result<usize, Error> {
        // Without inputs only the targets tell how many rows there are.
        if self.inputs == 0 && x.is_empty() {
            return rows_of("targets", targets, self.heads);
        }
        let rows = rows_of("x", x.len(), self.inputs)?;
        expect_length("targets", targets, rows * self.heads)?;
        Ok(rows)
    }

    /// Forgets the recorded samples.
    pub fn clear_samples(&mut self) {
        // SAFETY: sole user of the handle.
        must(check(unsafe { sys::eml_model_clear_samples(self.handle) }));
    }

    /// Takes the oldest event out of the log.
    pub fn next_event(&mut self) -> Option<EmlEvent> {
        // SAFETY: sole user of the handle; events live until the next call with it.
        unsafe { event::next(|out| sys::eml_model_next_event(self.handle, out)) }
    }

    /// Takes all events out of the log.
    pub fn drain_events(&mut self) -> Vec<EmlEvent> {
        std::iter::from_fn(|| self.next_event()).collect()
    }

    /// The same as bytes: [`Format::Json`] as eml-core prints it, or [`Format::Protobuf`].
    pub fn drain_events_as(&mut self, format: Format) -> Result<Vec<u8>, Error> {
        // SAFETY: sole user of the handle; the buffer is as large as is said.
        let mut bytes = two_calls(|buf, cap, need| unsafe {
            sys::eml_model_drain_events(self.handle, format.to_raw(), buf, cap, need)
        })?;
        if format == Format::Json {
            bytes.pop(); // the closing NUL
        }
        Ok(bytes)
    }

    /// Appends an event of the caller's to the log.
    pub fn push_event(&mut self, event: &EmlEvent) -> Result<(), Error> {
        let raw = event::to_raw(event);
        // SAFETY: sole user of the handle; `raw` points into `event`.
        let status = unsafe { sys::eml_model_push_event(self.handle, &raw) };
        self.finish(status)?;
        Ok(())
    }

    /// Calls the closure with every new event from now on. A panic of the closure continues when the method that
    /// caused the event is done.
    pub fn set_event_sink(&mut self, closure: impl Fn(&EmlEvent) + Send + Sync + 'static) {
        let sink = Sink::new(closure);
        let user = (&*sink as *const Sink as *mut Sink).cast();
        // SAFETY: sole user of the handle; `self` keeps the sink alive until it is replaced or the handle is freed.
        must(check(unsafe { sys::eml_model_set_event_sink(self.handle, Some(Sink::call), user) }));
        self.sink = Some(sink);
    }

    /// Ends [`Model::set_event_sink`].
    pub fn clear_event_sink(&mut self) {
        // SAFETY: sole user of the handle.
        must(check(unsafe { sys::eml_model_set_event_sink(self.handle, None, ptr::null_mut()) }));
        self.sink = None;
    }
}
