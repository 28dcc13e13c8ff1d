//! Events as the library passes them, and as the type that eml-core has for them.

use std::any::Any;
use std::os::raw::{c_char, c_void};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, PoisonError};
use std::{ptr, slice};

use eml_sys as sys;

use super::error::{check, must};
use crate::events::EmlEvent;

pub(crate) fn empty() -> sys::eml_event {
    sys::eml_event {
        struct_size: std::mem::size_of::<sys::eml_event>() as u32,
        r#type: 0,
        model_name: ptr::null(),
        model_name_len: 0,
        text: ptr::null(),
        text_len: 0,
        output: ptr::null(),
        output_len: 0,
        value0: 0.0,
        value1: 0.0,
        value2: 0.0,
        count0: 0,
        count1: 0,
        flag: 0,
        reserved: 0,
    }
}

/// An event of the library's as a Rust value; `None` for a type that this crate does not know yet.
///
/// # Safety
/// The pointers in `raw` are valid for the lengths beside them.
pub(crate) unsafe fn to_rust(raw: &sys::eml_event) -> Option<EmlEvent> {
    let model_name = string(raw.model_name, raw.model_name_len);
    let text = || string(raw.text, raw.text_len);
    Some(match raw.r#type {
        sys::EML_EVENT_TRAINED => EmlEvent::Trained {
            model_name,
            samples_used: raw.count0 as usize,
            mse_before: raw.value0,
            mse_after: raw.value1,
            converged: raw.flag != 0,
            param_count: raw.count1 as usize,
        },
        sys::EML_EVENT_PREDICTION => {
            EmlEvent::Prediction { model_name, inputs_hash: text(), output: numbers(raw.output, raw.output_len) }
        }
        sys::EML_EVENT_DRIFT => {
            EmlEvent::Drift { model_name, predicted: raw.value0, actual: raw.value1, drift_pct: raw.value2 }
        }
        sys::EML_EVENT_SAVED => EmlEvent::Saved { model_name, path: text(), param_count: raw.count1 as usize },
        sys::EML_EVENT_LOADED => {
            EmlEvent::Loaded { model_name, path: text(), trained: raw.flag != 0, samples: raw.count0 as usize }
        }
        sys::EML_EVENT_RESET => EmlEvent::Reset { model_name, reason: text() },
        _ => return None,
    })
}

/// The library's form of an event. It points into `event` and must not outlive it.
pub(crate) fn to_raw(event: &EmlEvent) -> sys::eml_event {
    let mut raw = empty();
    let name = event.model_name();
    raw.model_name = name.as_ptr().cast();
    raw.model_name_len = name.len() as u64;
    let mut set_text = |text: &str| {
        raw.text = text.as_ptr().cast();
        raw.text_len = text.len() as u64;
    };
    match event {
        EmlEvent::Trained { samples_used, mse_before, mse_after, converged, param_count, .. } => {
            raw.r#type = sys::EML_EVENT_TRAINED;
            raw.count0 = *samples_used as u64;
            raw.count1 = *param_count as u64;
            raw.value0 = *mse_before;
            raw.value1 = *mse_after;
            raw.flag = i32::from(*converged);
        }
        EmlEvent::Prediction { inputs_hash, output, .. } => {
            set_text(inputs_hash);
            raw.r#type = sys::EML_EVENT_PREDICTION;
            raw.output = output.as_ptr();
            raw.output_len = output.len() as u64;
        }
        EmlEvent::Drift { predicted, actual, drift_pct, .. } => {
            raw.r#type = sys::EML_EVENT_DRIFT;
            raw.value0 = *predicted;
            raw.value1 = *actual;
            raw.value2 = *drift_pct;
        }
        EmlEvent::Saved { path, param_count, .. } => {
            set_text(path);
            raw.r#type = sys::EML_EVENT_SAVED;
            raw.count1 = *param_count as u64;
        }
        EmlEvent::Loaded { path, trained, samples, .. } => {
            set_text(path);
            raw.r#type = sys::EML_EVENT_LOADED;
            raw.count0 = *samples as u64;
            raw.flag = i32::from(*trained);
        }
        EmlEvent::Reset { reason, .. } => {
            set_text(reason);
            raw.r#type = sys::EML_EVENT_RESET;
        }
    }
    raw
}

/// Takes the oldest event out of a log. Types that are newer than this crate are passed over.
///
/// # Safety
/// `call` is the library's function for that; the pointers it writes live until it is called again.
pub(crate) unsafe fn next(mut call: impl FnMut(*mut sys::eml_event) -> sys::eml_status) -> Option<EmlEvent> {
    loop {
        let mut raw = empty();
        if must(check(call(&mut raw))) == sys::EML_DONE {
            return None;
        }
        if let Some(event) = to_rust(&raw) {
            return Some(event);
        }
    }
}

type EventClosure = Box<dyn Fn(&EmlEvent) + Send + Sync>;

/// A closure that sees every new event, and the panic it ended with, which must not unwind through the library.
pub(crate) struct Sink {
    closure: AssertUnwindSafe<EventClosure>,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Sink {
    pub(crate) fn new(closure: impl Fn(&EmlEvent) + Send + Sync + 'static) -> Box<Self> {
        Box::new(Sink { closure: AssertUnwindSafe(Box::new(closure)), panic: Mutex::new(None) })
    }

    /// Lets a panic of the closure continue, after the call during which it happened.
    pub(crate) fn resume_panic(&self) {
        let payload = self.panic.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(payload) = payload {
            panic::resume_unwind(payload);
        }
    }

    /// What the library calls; `user` is the sink.
    ///
    /// # Safety
    /// `event` is an event of the library's, `user` a pointer to a living `Sink`.
    pub(crate) unsafe extern "C" fn call(event: *const sys::eml_event, user: *mut c_void) -> i32 {
        let sink = &*user.cast::<Sink>();
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
            if let Some(event) = to_rust(&*event) {
                (sink.closure)(&event);
            }
        }));
        if let Err(payload) = outcome {
            *sink.panic.lock().unwrap_or_else(PoisonError::into_inner) = Some(payload);
        }
        0
    }
}

unsafe fn string(text: *const c_char, len: u64) -> String {
    if len == 0 {
        return String::new();
    }
    String::from_utf8_lossy(slice::from_raw_parts(text.cast(), len as usize)).into_owned()
}

unsafe fn numbers(values: *const f64, len: u64) -> Vec<f64> {
    if len == 0 {
        return Vec::new();
    }
    slice::from_raw_parts(values, len as usize).to_vec()
}
