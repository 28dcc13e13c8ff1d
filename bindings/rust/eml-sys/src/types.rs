//! The types and constants of `include/eml.h`, in its order.

use std::os::raw::{c_char, c_void};

// version

pub const EML_VERSION_MAJOR: u32 = 0;
pub const EML_VERSION_MINOR: u32 = 1;
pub const EML_VERSION_PATCH: u32 = 0;
pub const EML_VERSION_STRING: &str = "0.1.0";
pub const EML_ABI_VERSION: u32 = 1;

/// The length of a NUL-terminated string argument.
pub const EML_NTS: u64 = u64::MAX;

// status, errors

/// What a fallible function returns.
pub type eml_status = i32;

pub const EML_OK: eml_status = 0;
pub const EML_DONE: eml_status = 1;
pub const EML_OUT_OF_FUEL: eml_status = 2;
pub const EML_CANCELLED: eml_status = 3;
pub const EML_TRAPPED: eml_status = 4;
pub const EML_EXITED: eml_status = 5;
pub const EML_E_ARGUMENT: eml_status = -1;
pub const EML_E_HANDLE: eml_status = -2;
pub const EML_E_BUSY: eml_status = -3;
pub const EML_E_SHAPE: eml_status = -4;
pub const EML_E_NONFINITE: eml_status = -5;
pub const EML_E_BUFFER: eml_status = -6;
pub const EML_E_STATE: eml_status = -7;
pub const EML_E_FORMAT: eml_status = -8;
pub const EML_E_IO: eml_status = -9;
pub const EML_E_LIMIT: eml_status = -10;
pub const EML_E_MEMORY: eml_status = -11;
pub const EML_E_VERSION: eml_status = -12;
pub const EML_E_UNSUPPORTED: eml_status = -13;
pub const EML_E_INTERNAL: eml_status = -99;

// Sub-codes of EML_E_FORMAT.
pub const EML_F_NONE: i32 = 0;
pub const EML_F_TRUNCATED: i32 = 1;
pub const EML_F_HEADER_TOO_LARGE: i32 = 2;
pub const EML_F_JSON: i32 = 3;
pub const EML_F_DUPLICATE_KEY: i32 = 4;
pub const EML_F_BAD_METADATA: i32 = 5;
pub const EML_F_MISSING_FIELD: i32 = 6;
pub const EML_F_UNKNOWN_FIELD: i32 = 7;
pub const EML_F_BAD_DTYPE: i32 = 8;
pub const EML_F_BAD_NUMBER: i32 = 9;
pub const EML_F_BAD_OFFSET: i32 = 10;
pub const EML_F_SIZE_MISMATCH: i32 = 11;
pub const EML_F_OVERFLOW: i32 = 12;
pub const EML_F_SUBBYTE: i32 = 13;
pub const EML_F_COVERAGE: i32 = 14;
pub const EML_F_LIMIT: i32 = 15;
pub const EML_F_PROTOBUF: i32 = 16;
pub const EML_F_KIND: i32 = 17;
pub const EML_F_VALUE: i32 = 18;
pub const EML_F_UNKNOWN: i32 = 19;

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_error {
    pub struct_size: u32,
    pub code: eml_status,
    pub sub_code: i32,
    pub reserved: u32,
    pub byte_offset: u64,
    pub message: *const c_char,
    pub message_len: u64,
}

pub type eml_log_fn = Option<unsafe extern "C" fn(level: i32, text: *const c_char, user: *mut c_void) -> i32>;

// handles: never dereferenced, only passed on

#[repr(C)]
#[derive(Debug)]
pub struct eml_model {
    _private: [u8; 0],
}

#[repr(C)]
#[derive(Debug)]
pub struct eml_safetree {
    _private: [u8; 0],
}

#[repr(C)]
#[derive(Debug)]
pub struct eml_attention {
    _private: [u8; 0],
}

#[repr(C)]
#[derive(Debug)]
pub struct eml_cancel {
    _private: [u8; 0],
}

#[repr(C)]
#[derive(Debug)]
pub struct eml_buffer {
    _private: [u8; 0],
}

// profiles, flags, formats

pub const EML_PROFILE_EML_CORE_0_1: i32 = 1;
pub const EML_PROFILE_DEFAULT: i32 = 2;
pub const EML_ALLOW_NONFINITE: u32 = 1;
pub const EML_FORMAT_AUTO: i32 = 0;
pub const EML_FORMAT_JSON: i32 = 1;
pub const EML_FORMAT_BROWSER: i32 = 2;
pub const EML_FORMAT_SAFETENSORS: i32 = 3;
pub const EML_FORMAT_PROTOBUF: i32 = 4;
pub const EML_FORMAT_NPZ: i32 = 5;
pub const EML_FORMAT_TIKTOKEN: i32 = 6;
pub const EML_EXPRESSION_TEXT: i32 = 1;
pub const EML_EXPRESSION_LATEX: i32 = 2;
pub const EML_EXPRESSION_C: i32 = 3;
pub const EML_EXPRESSION_RUST: i32 = 4;
pub const EML_EXPRESSION_PYTHON: i32 = 5;
pub const EML_WITHIN_SAMPLES: u32 = 1;

// SafeTree

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_safetree_info {
    pub struct_size: u32,
    pub depth: u32,
    pub inputs: u64,
    pub heads: u64,
    pub param_count: u64,
}

// EmlModel

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_model_options {
    pub struct_size: u32,
    pub depth: u32,
    pub inputs: u64,
    pub heads: u64,
    pub profile: i32,
    pub reserved: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_model_info {
    pub struct_size: u32,
    pub depth: u32,
    pub inputs: u64,
    pub heads: u64,
    pub param_count: u64,
    pub sample_count: u64,
    pub event_count: u64,
    pub profile: i32,
    pub trained: i32,
    pub scaled: i32,
    pub reserved: u32,
}

pub const EML_PHASE_RESTART: i32 = 1;
pub const EML_PHASE_DESCENT: i32 = 2;
pub const EML_PHASE_SNAP: i32 = 3;

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_progress {
    pub struct_size: u32,
    pub phase: i32,
    pub step: u64,
    pub total: u64,
    pub loss: f64,
    pub evaluations: u64,
    pub accepted: u64,
}

pub type eml_progress_fn = Option<unsafe extern "C" fn(progress: *const eml_progress, user: *mut c_void) -> i32>;

pub type eml_write_fn = Option<unsafe extern "C" fn(bytes: *const c_void, len: u64, user: *mut c_void) -> i32>;

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_train_options {
    pub struct_size: u32,
    pub max_sweeps: u32,
    pub seed: u64,
    pub target_loss: f64,
    pub cancel: *const eml_cancel,
    pub progress: eml_progress_fn,
    pub user: *mut c_void,
    pub audit_path: *const c_char,
    pub audit_path_len: u64,
    pub audit: eml_write_fn,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_train_result {
    pub struct_size: u32,
    pub converged: i32,
    pub samples_used: u64,
    pub loss_before: f64,
    pub loss_after: f64,
    pub evaluations: u64,
    pub accepted: u64,
    pub sweeps: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_snap_options {
    pub struct_size: u32,
    pub reserved: u32,
    pub tolerance: f64,
    pub max_loss_increase: f64,
    pub max_loss: f64,
    pub cancel: *const eml_cancel,
    pub progress: eml_progress_fn,
    pub user: *mut c_void,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_snap_result {
    pub struct_size: u32,
    pub unscaled: i32,
    pub snapped: u64,
    pub loss_before: f64,
    pub loss_after: f64,
    pub loss_allowed: f64,
    pub evaluations: u64,
}

pub const EML_AUDIT_OK: i32 = 0;
pub const EML_AUDIT_TRUNCATED: i32 = 1;
pub const EML_AUDIT_MALFORMED: i32 = 2;
pub const EML_AUDIT_CHANGED: i32 = 3;
pub const EML_AUDIT_MISSING: i32 = 4;
pub const EML_AUDIT_DOUBLED: i32 = 5;
pub const EML_AUDIT_REORDERED: i32 = 6;
pub const EML_AUDIT_OTHER_DATA: i32 = 7;
pub const EML_AUDIT_DIFFERS: i32 = 8;
pub const EML_AUDIT_STOPPED: i32 = 9;

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_audit_report {
    pub struct_size: u32,
    pub verdict: i32,
    pub record: u64,
    pub byte_offset: u64,
    pub records: u64,
    pub moves: u64,
    pub trials: u64,
    pub loss: f64,
    pub cancelled: i32,
    pub reserved: u32,
}

// attention blocks

pub const EML_ATTENTION_TOY: i32 = 1;
pub const EML_ATTENTION_BASELINE: i32 = 2;
pub const EML_ATTENTION_BLOCK: i32 = 3;

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_attention_options {
    pub struct_size: u32,
    pub kind: i32,
    pub d_model: u32,
    pub d_k: u32,
    pub seq_len: u32,
    pub depth: u32,
    pub heads: u32,
    pub nodes: u32,
    pub positional: i32,
    pub residual: i32,
    pub chunk: u32,
    pub reserved: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_attention_info {
    pub struct_size: u32,
    pub kind: i32,
    pub d_model: u32,
    pub d_k: u32,
    pub seq_len: u32,
    pub depth: u32,
    pub heads: u32,
    pub nodes: u32,
    pub positional: i32,
    pub residual: i32,
    pub chunk: u32,
    pub trained: i32,
    pub param_count: u64,
    pub sample_count: u64,
    pub event_count: u64,
    pub training_rounds: u64,
    pub last_accepts: u64,
    pub scale: f64,
}

pub const EML_PHASE_ALIGNMENT: i32 = 1;
pub const EML_PHASE_REFINEMENT: i32 = 2;

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_attention_train_options {
    pub struct_size: u32,
    pub reserved: u32,
    pub seed: u64,
    pub trials: u64,
    pub step_init: f64,
    pub step_final: f64,
    pub max_samples: u64,
    pub eval_subset: u64,
    pub convergence_mse: f64,
    pub max_evaluations: u64,
    pub target_loss: f64,
    pub cancel: *const eml_cancel,
    pub progress: eml_progress_fn,
    pub user: *mut c_void,
    pub audit_path: *const c_char,
    pub audit_path_len: u64,
    pub audit: eml_write_fn,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_attention_train_result {
    pub struct_size: u32,
    pub converged: i32,
    pub samples_used: u64,
    pub mse_before: f64,
    pub mse_after: f64,
    pub cross_loss: f64,
    pub evaluations: u64,
    pub trials: u64,
    pub accepted: u64,
    pub rounds: u64,
}

// events

pub const EML_EVENT_TRAINED: i32 = 1;
pub const EML_EVENT_PREDICTION: i32 = 2;
pub const EML_EVENT_DRIFT: i32 = 3;
pub const EML_EVENT_SAVED: i32 = 4;
pub const EML_EVENT_LOADED: i32 = 5;
pub const EML_EVENT_RESET: i32 = 6;

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_event {
    pub struct_size: u32,
    pub r#type: i32,
    pub model_name: *const c_char,
    pub model_name_len: u64,
    pub text: *const c_char,
    pub text_len: u64,
    pub output: *const f64,
    pub output_len: u64,
    pub value0: f64,
    pub value1: f64,
    pub value2: f64,
    pub count0: u64,
    pub count1: u64,
    pub flag: i32,
    pub reserved: u32,
}

pub type eml_event_fn = Option<unsafe extern "C" fn(event: *const eml_event, user: *mut c_void) -> i32>;

// compact machines

#[repr(C)]
#[derive(Debug)]
pub struct eml_machine {
    _private: [u8; 0],
}

pub const EML_OP_CONST: i32 = 0x00;
pub const EML_OP_ADD: i32 = 0x01;
pub const EML_OP_LOOP: i32 = 0x03;
pub const EML_OP_END_LOOP: i32 = 0x0B;
pub const EML_OP_BR_IF: i32 = 0x0D;
pub const EML_OP_LOCAL_GET: i32 = 0x20;
pub const EML_OP_LOCAL_SET: i32 = 0x21;
pub const EML_OP_LOCAL_TEE: i32 = 0x22;
pub const EML_OP_LOAD: i32 = 0x28;
pub const EML_OP_STORE: i32 = 0x36;
pub const EML_OP_EQ: i32 = 0x46;
pub const EML_OP_NE: i32 = 0x47;
pub const EML_OP_LT_S: i32 = 0x48;
pub const EML_OP_GT_S: i32 = 0x4A;
pub const EML_OP_LE_S: i32 = 0x4C;
pub const EML_OP_GE_S: i32 = 0x4E;
pub const EML_OP_SUB: i32 = 0x6B;
pub const EML_OP_MUL: i32 = 0x6C;
pub const EML_OP_AND: i32 = 0x71;
pub const EML_OP_OR: i32 = 0x72;
pub const EML_OP_OUTPUT: i32 = 0xF0;
pub const EML_OP_FD_OPEN: i32 = 0xF1;
pub const EML_OP_FD_READ: i32 = 0xF2;
pub const EML_OP_FD_WRITE: i32 = 0xF3;
pub const EML_OP_FD_CLOSE: i32 = 0xF4;
pub const EML_OP_HALT: i32 = 0xFF;
pub const EML_NO_OPERAND: i32 = -1;

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct eml_instruction {
    pub opcode: i32,
    pub operand: i32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_machine_options {
    pub struct_size: u32,
    pub dense: i32,
    pub keep_trace: i32,
    pub probe: i32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_machine_event {
    pub struct_size: u32,
    pub row: u32,
    pub step: u64,
    pub opcode: i32,
    pub operand: i32,
    pub token: i32,
    pub is_output: i32,
    pub layers: u32,
    pub heads: u32,
    pub d_model: u32,
    pub d_ffn: u32,
    pub stream: *const f64,
    pub units: *const f64,
    pub winners: *const i64,
    pub values: *const f64,
}

pub type eml_machine_event_fn = Option<unsafe extern "C" fn(event: *const eml_machine_event, user: *mut c_void) -> i32>;

pub const EML_MACHINE_EMPTY: i32 = 0;
pub const EML_MACHINE_READY: i32 = 1;
pub const EML_MACHINE_HALTED: i32 = 2;
pub const EML_MACHINE_FAILED: i32 = 3;

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_machine_info {
    pub struct_size: u32,
    pub state: i32,
    pub instructions: u64,
    pub steps: u64,
    pub output_size: u64,
    pub state_bytes: u64,
}

// WebAssembly machines

#[repr(C)]
#[derive(Debug)]
pub struct eml_wasm {
    _private: [u8; 0],
}

pub const EML_WASM_I32: i32 = 0x7F;
pub const EML_WASM_I64: i32 = 0x7E;

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_wasm_call {
    pub struct_size: u32,
    pub reserved: u32,
    pub module: *const c_char,
    pub module_len: u64,
    pub name: *const c_char,
    pub name_len: u64,
    pub args: *const u64,
    pub params: *const u8,
    pub nargs: u64,
    pub results: *mut u64,
    pub result_types: *const u8,
    pub nresults: u64,
}

pub type eml_wasm_import_fn = Option<unsafe extern "C" fn(call: *const eml_wasm_call, user: *mut c_void) -> i32>;
pub type eml_wasm_token_fn =
    Option<unsafe extern "C" fn(numbers: *const f64, count: u64, token: u64, user: *mut c_void) -> i32>;

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_wasm_import {
    pub module: *const c_char,
    pub module_len: u64,
    pub name: *const c_char,
    pub name_len: u64,
    pub function: eml_wasm_import_fn,
    pub user: *mut c_void,
    pub value: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_wasm_text {
    pub text: *const c_char,
    pub len: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_wasm_transfer {
    pub struct_size: u32,
    pub stream: i32,
    pub bytes: *mut c_void,
    pub size: u64,
    pub given: u64,
}

pub type eml_wasm_transfer_fn =
    Option<unsafe extern "C" fn(transfer: *mut eml_wasm_transfer, user: *mut c_void) -> i32>;

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_wasm_wasi {
    pub struct_size: u32,
    pub fixed_clock: i32,
    pub clock_ns: u64,
    pub seed: u64,
    pub args: *const eml_wasm_text,
    pub arg_count: u64,
    pub env: *const eml_wasm_text,
    pub env_count: u64,
    pub input: *const c_void,
    pub input_size: u64,
    pub read: eml_wasm_transfer_fn,
    pub write: eml_wasm_transfer_fn,
    pub user: *mut c_void,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_wasm_options {
    pub struct_size: u32,
    pub dense: i32,
    pub imports: *const eml_wasm_import,
    pub import_count: u64,
    pub token: eml_wasm_token_fn,
    pub user: *mut c_void,
    pub wasi: *const eml_wasm_wasi,
}

pub const EML_WASM_IDLE: i32 = 0;
pub const EML_WASM_SUSPENDED: i32 = 1;

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_wasm_info {
    pub struct_size: u32,
    pub state: i32,
    pub instructions: u64,
    pub tokens: u64,
    pub prompt_tokens: u64,
    pub pages: u64,
    pub state_bytes: u64,
    pub functions: u64,
    pub parameters: u64,
    pub layers: u32,
    pub d_model: u32,
    pub has_exited: i32,
    pub exit_code: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_wasm_function {
    pub struct_size: u32,
    pub number: u32,
    pub name: *const c_char,
    pub name_len: u64,
    pub params: *const u8,
    pub nparams: u64,
    pub results: *const u8,
    pub nresults: u64,
}

// tokenizers, language models

#[repr(C)]
#[derive(Debug)]
pub struct eml_tokenizer {
    _private: [u8; 0],
}

#[repr(C)]
#[derive(Debug)]
pub struct eml_token_stream {
    _private: [u8; 0],
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_text {
    pub text: *const c_char,
    pub len: u64,
}

pub const EML_TOKENIZER_SPECIAL: u32 = 1;

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_tokenizer_info {
    pub struct_size: u32,
    pub vocab_size: u32,
    pub rank_count: u32,
    pub bos_id: i32,
}

pub const EML_BYTES_RAW: i32 = 0;
pub const EML_BYTES_REFERENCE: i32 = 1;

#[repr(C)]
#[derive(Debug)]
pub struct eml_lm {
    _private: [u8; 0],
}

#[repr(C)]
#[derive(Debug)]
pub struct eml_lm_session {
    _private: [u8; 0],
}

#[repr(C)]
#[derive(Debug)]
pub struct eml_lm_batch {
    _private: [u8; 0],
}

pub const EML_WEIGHT_F32: i32 = 1;
pub const EML_WEIGHT_BF16: i32 = 2;
pub const EML_WEIGHT_I8: i32 = 3;
pub const EML_ACTIVATION_EML: i32 = 1;
pub const EML_ACTIVATION_RELU2: i32 = 2;

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_lm_options {
    pub struct_size: u32,
    pub mapped: i32,
    pub config: *const c_char,
    pub config_len: u64,
    pub tokenizer: *const eml_tokenizer,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_lm_info {
    pub struct_size: u32,
    pub vocab_size: u32,
    pub n_layer: u32,
    pub n_embd: u32,
    pub n_head: u32,
    pub n_kv_head: u32,
    pub head_dim: u32,
    pub hidden_dim: u32,
    pub sequence_len: u32,
    pub weight_type: i32,
    pub activation: i32,
    pub has_tokenizer: i32,
    pub parameters: u64,
    pub bytes: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_lm_parity {
    pub struct_size: u32,
    pub is_right: i32,
    pub largest_deviation: f64,
    pub differing_index: u64,
    pub differing_token: i32,
    pub reserved: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_lm_session_info {
    pub struct_size: u32,
    pub threads: u32,
    pub position: u64,
    pub bytes: u64,
}

pub type eml_lm_layer_fn = Option<
    unsafe extern "C" fn(part: *const c_char, rows: *const f32, count: u64, n_embd: u64, user: *mut c_void) -> i32,
>;

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_lm_token {
    pub struct_size: u32,
    pub id: i32,
    pub text: *const c_char,
    pub text_len: u64,
    pub log_probability: f64,
    pub index: u64,
}

pub type eml_lm_token_fn = Option<unsafe extern "C" fn(token: *const eml_lm_token, user: *mut c_void) -> i32>;

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_lm_generate_options {
    pub struct_size: u32,
    pub max_tokens: u32,
    pub temperature: f64,
    pub top_p: f64,
    pub min_p: f64,
    pub repetition_penalty: f64,
    pub top_k: u32,
    pub special: i32,
    pub seed: u64,
    pub stop_tokens: *const i32,
    pub stop_token_count: u64,
    pub stop_texts: *const eml_text,
    pub stop_text_count: u64,
    pub cancel: *const eml_cancel,
    pub token: eml_lm_token_fn,
    pub user: *mut c_void,
}

pub const EML_LM_END_LENGTH: i32 = 0;
pub const EML_LM_END_STOP_TOKEN: i32 = 1;
pub const EML_LM_END_STOP_TEXT: i32 = 2;
pub const EML_LM_END_CANCELLED: i32 = 3;
pub const EML_LM_END_CALLBACK: i32 = 4;

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_lm_generation {
    pub struct_size: u32,
    pub end: i32,
    pub tokens: u64,
    pub text_len: u64,
    pub log_probability: f64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_lm_score {
    pub struct_size: u32,
    pub reserved: u32,
    pub bits_per_byte: f64,
    pub mean_loss: f64,
    pub nats: f64,
    pub bytes: u64,
    pub tokens: u64,
}

#[repr(C)]
#[derive(Debug)]
pub struct eml_lm_trainer {
    _private: [u8; 0],
}

pub const EML_OPTIMIZER_ADAMW: i32 = 1;
pub const EML_OPTIMIZER_MUON: i32 = 2;
pub const EML_K_CLAMP: i32 = 1;
pub const EML_K_SOFTPLUS: i32 = 2;

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_lm_trainer_options {
    pub struct_size: u32,
    pub sequence_len: u32,
    pub group_tokens: u32,
    pub threads: u32,
    pub optimizer: i32,
    pub k_parameter: i32,
    pub weight_type: i32,
    pub reserved: u32,
    pub rate: f64,
    pub largest_k: f64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_lm_trainer_info {
    pub struct_size: u32,
    pub sequence_len: u32,
    pub steps: u64,
    pub parameters: u64,
    pub bytes: u64,
    pub seconds: f64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_lm_training_step {
    pub struct_size: u32,
    pub epoch: u32,
    pub step: u64,
    pub tokens: u64,
    pub loss: f64,
    pub multiplier: f64,
    pub seconds: f64,
    pub tokens_per_second: f64,
    pub progress: f64,
    pub bits_per_byte: f64,
}

pub type eml_lm_training_fn = Option<unsafe extern "C" fn(step: *const eml_lm_training_step, user: *mut c_void) -> i32>;

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_lm_training_plan {
    pub struct_size: u32,
    pub batch_tokens: u32,
    pub steps: u64,
    pub seconds: f64,
    pub warmup: f64,
    pub warmdown: f64,
    pub final_rate: f64,
    pub validation_every: u32,
    pub validation_tokens: u32,
    pub cancel: *const eml_cancel,
    pub step: eml_lm_training_fn,
    pub user: *mut c_void,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct eml_lm_training_result {
    pub struct_size: u32,
    pub done: i32,
    pub steps: u64,
    pub seconds: f64,
    pub bits_per_byte: f64,
}
