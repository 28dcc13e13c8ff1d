//! Checks of audit logs, which trainings write.

use std::path::Path;

use eml_sys as sys;

use super::attention::Attention;
use super::attention_training::AttentionTrainOptions;
use super::error::{check, Error};
use super::model::Model;
use super::train::TrainOptions;
use super::utf8;

/// What is wrong with an audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Nothing: the log is whole, and training again gives every record of it.
    Ok,
    /// It ends too early; every whole record is right.
    Truncated,
    /// Bytes that are no record, or a record that cannot stand where it stands.
    Malformed,
    /// A record is not what was written.
    Changed,
    /// In front of this record others are missing.
    Missing,
    /// A record stands twice.
    Doubled,
    /// A record stands in another's place.
    Reordered,
    /// The samples are not those of the training.
    OtherData,
    /// The log agrees with itself, but training again gives another record.
    Differs,
    /// The check was stopped before it was done.
    Stopped,
    /// A verdict that this crate does not know.
    Other(i32),
}

/// What the check of an audit log found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AuditReport {
    /// What is wrong, if anything is.
    pub verdict: Verdict,
    /// Number, from 0, of the first wrong record; as many as there are if none is wrong.
    pub record: u64,
    /// Where it begins.
    pub byte_offset: u64,
    /// What is wrong, in words; empty if nothing is.
    pub message: String,
    /// Whole records.
    pub records: u64,
    /// Changes that the training kept, up to the first fault.
    pub moves: u64,
    /// Trials of the training; 0 if the log has no end, like the next two.
    pub trials: u64,
    /// The loss at the end.
    pub loss: f64,
    /// Whether the training was stopped; the log is whole all the same.
    pub cancelled: bool,
}

impl AuditReport {
    /// Whether the log holds.
    pub fn is_ok(&self) -> bool {
        self.verdict == Verdict::Ok
    }
}

impl Model {
    /// Checks an audit log by training again on the samples that are recorded here; nothing else of this model matters.
    /// Of the options, the token and the progress closure count. A log that does not hold is no error.
    pub fn verify_audit(&self, log: &[u8], options: TrainOptions<'_>) -> Result<AuditReport, Error> {
        // SAFETY: const handle; log, options and report are valid during the call.
        verify(|report| {
            options.run(|raw| unsafe {
                sys::eml_model_verify_audit(self.handle, log.as_ptr().cast(), log.len() as u64, raw, report)
            })
        })
    }

    /// The same for a file.
    pub fn verify_audit_file(&self, path: impl AsRef<Path>, options: TrainOptions<'_>) -> Result<AuditReport, Error> {
        let path = utf8(path.as_ref())?;
        // SAFETY: const handle; path, options and report are valid during the call.
        verify(|report| {
            options.run(|raw| unsafe {
                sys::eml_model_verify_audit_file(self.handle, path.as_ptr().cast(), path.len() as u64, raw, report)
            })
        })
    }
}

impl Attention {
    /// Checks an audit log as [`Model::verify_audit`] does, on the samples that are recorded here.
    pub fn verify_audit(&self, log: &[u8], options: AttentionTrainOptions<'_>) -> Result<AuditReport, Error> {
        // SAFETY: const handle; log, options and report are valid during the call.
        verify(|report| {
            options.run(self.kind, |raw| unsafe {
                sys::eml_attention_verify_audit(self.handle, log.as_ptr().cast(), log.len() as u64, raw, report)
            })
        })
    }

    /// The same for a file.
    pub fn verify_audit_file(
        &self,
        path: impl AsRef<Path>,
        options: AttentionTrainOptions<'_>,
    ) -> Result<AuditReport, Error> {
        let path = utf8(path.as_ref())?;
        // SAFETY: const handle; path, options and report are valid during the call.
        verify(|report| {
            options.run(self.kind, |raw| unsafe {
                sys::eml_attention_verify_audit_file(self.handle, path.as_ptr().cast(), path.len() as u64, raw, report)
            })
        })
    }
}

fn verify(call: impl FnOnce(*mut sys::eml_audit_report) -> sys::eml_status) -> Result<AuditReport, Error> {
    let mut raw = sys::eml_audit_report {
        struct_size: std::mem::size_of::<sys::eml_audit_report>() as u32,
        verdict: 0,
        record: 0,
        byte_offset: 0,
        records: 0,
        moves: 0,
        trials: 0,
        loss: 0.0,
        cancelled: 0,
        reserved: 0,
    };
    let message = match check(call(&mut raw)) {
        Ok(_) => String::new(),
        // The report was written: this is what was asked for.
        Err(error) if raw.verdict != sys::EML_AUDIT_OK => error.message,
        Err(error) => return Err(error),
    };
    Ok(AuditReport {
        verdict: match raw.verdict {
            sys::EML_AUDIT_OK => Verdict::Ok,
            sys::EML_AUDIT_TRUNCATED => Verdict::Truncated,
            sys::EML_AUDIT_MALFORMED => Verdict::Malformed,
            sys::EML_AUDIT_CHANGED => Verdict::Changed,
            sys::EML_AUDIT_MISSING => Verdict::Missing,
            sys::EML_AUDIT_DOUBLED => Verdict::Doubled,
            sys::EML_AUDIT_REORDERED => Verdict::Reordered,
            sys::EML_AUDIT_OTHER_DATA => Verdict::OtherData,
            sys::EML_AUDIT_DIFFERS => Verdict::Differs,
            sys::EML_AUDIT_STOPPED => Verdict::Stopped,
            other => Verdict::Other(other),
        },
        record: raw.record,
        byte_offset: raw.byte_offset,
        message,
        records: raw.records,
        moves: raw.moves,
        trials: raw.trials,
        loss: raw.loss,
        cancelled: raw.cancelled != 0,
    })
}
