"""The C interface of libeml as ctypes declarations: a line-by-line mirror of include/eml.h.

Everything here is data: constants, structs and one table of functions. tests/test_header.py compares it with the header
in both directions, so that a change there which is not made here fails.
"""
from ctypes import (CFUNCTYPE, POINTER, Structure, c_char, c_char_p, c_double, c_float, c_int32, c_int64, c_uint8, c_uint32,
                    c_uint64, c_void_p)

# ------------------------------------------------------------------------------------------------ constants

EML_VERSION_MAJOR = 0
EML_VERSION_MINOR = 1
EML_VERSION_PATCH = 0
EML_VERSION_STRING = "0.1.0"
EML_ABI_VERSION = 1
EML_NTS = 2**64 - 1

EML_OK = 0
EML_DONE = 1
EML_OUT_OF_FUEL = 2
EML_CANCELLED = 3
EML_TRAPPED = 4
EML_EXITED = 5

EML_E_ARGUMENT = -1
EML_E_HANDLE = -2
EML_E_BUSY = -3
EML_E_SHAPE = -4
EML_E_NONFINITE = -5
EML_E_BUFFER = -6
EML_E_STATE = -7
EML_E_FORMAT = -8
EML_E_IO = -9
EML_E_LIMIT = -10
EML_E_MEMORY = -11
EML_E_VERSION = -12
EML_E_UNSUPPORTED = -13
EML_E_INTERNAL = -99

EML_F_NONE = 0
EML_F_TRUNCATED = 1
EML_F_HEADER_TOO_LARGE = 2
EML_F_JSON = 3
EML_F_DUPLICATE_KEY = 4
EML_F_BAD_METADATA = 5
EML_F_MISSING_FIELD = 6
EML_F_UNKNOWN_FIELD = 7
EML_F_BAD_DTYPE = 8
EML_F_BAD_NUMBER = 9
EML_F_BAD_OFFSET = 10
EML_F_SIZE_MISMATCH = 11
EML_F_OVERFLOW = 12
EML_F_SUBBYTE = 13
EML_F_COVERAGE = 14
EML_F_LIMIT = 15
EML_F_PROTOBUF = 16
EML_F_KIND = 17
EML_F_VALUE = 18
EML_F_UNKNOWN = 19

EML_PROFILE_EML_CORE_0_1 = 1
EML_PROFILE_DEFAULT = 2

EML_ALLOW_NONFINITE = 1

EML_FORMAT_AUTO = 0
EML_FORMAT_JSON = 1
EML_FORMAT_BROWSER = 2
EML_FORMAT_SAFETENSORS = 3
EML_FORMAT_PROTOBUF = 4
EML_FORMAT_NPZ = 5
EML_FORMAT_TIKTOKEN = 6

EML_EXPRESSION_TEXT = 1
EML_EXPRESSION_LATEX = 2
EML_EXPRESSION_C = 3
EML_EXPRESSION_RUST = 4
EML_EXPRESSION_PYTHON = 5
EML_WITHIN_SAMPLES = 1

EML_PHASE_RESTART = 1
EML_PHASE_DESCENT = 2
EML_PHASE_SNAP = 3
EML_PHASE_ALIGNMENT = 1
EML_PHASE_REFINEMENT = 2

EML_AUDIT_OK = 0
EML_AUDIT_TRUNCATED = 1
EML_AUDIT_MALFORMED = 2
EML_AUDIT_CHANGED = 3
EML_AUDIT_MISSING = 4
EML_AUDIT_DOUBLED = 5
EML_AUDIT_REORDERED = 6
EML_AUDIT_OTHER_DATA = 7
EML_AUDIT_DIFFERS = 8
EML_AUDIT_STOPPED = 9

EML_ATTENTION_TOY = 1
EML_ATTENTION_BASELINE = 2
EML_ATTENTION_BLOCK = 3

EML_EVENT_TRAINED = 1
EML_EVENT_PREDICTION = 2
EML_EVENT_DRIFT = 3
EML_EVENT_SAVED = 4
EML_EVENT_LOADED = 5
EML_EVENT_RESET = 6

EML_OP_CONST = 0x00
EML_OP_ADD = 0x01
EML_OP_LOOP = 0x03
EML_OP_END_LOOP = 0x0B
EML_OP_BR_IF = 0x0D
EML_OP_LOCAL_GET = 0x20
EML_OP_LOCAL_SET = 0x21
EML_OP_LOCAL_TEE = 0x22
EML_OP_LOAD = 0x28
EML_OP_STORE = 0x36
EML_OP_EQ = 0x46
EML_OP_NE = 0x47
EML_OP_LT_S = 0x48
EML_OP_GT_S = 0x4A
EML_OP_LE_S = 0x4C
EML_OP_GE_S = 0x4E
EML_OP_SUB = 0x6B
EML_OP_MUL = 0x6C
EML_OP_AND = 0x71
EML_OP_OR = 0x72
EML_OP_OUTPUT = 0xF0
EML_OP_FD_OPEN = 0xF1
EML_OP_FD_READ = 0xF2
EML_OP_FD_WRITE = 0xF3
EML_OP_FD_CLOSE = 0xF4
EML_OP_HALT = 0xFF
EML_NO_OPERAND = -1

EML_MACHINE_EMPTY = 0
EML_MACHINE_READY = 1
EML_MACHINE_HALTED = 2
EML_MACHINE_FAILED = 3

EML_WASM_I32 = 0x7F
EML_WASM_I64 = 0x7E

EML_WASM_IDLE = 0
EML_WASM_SUSPENDED = 1

EML_TOKENIZER_SPECIAL = 1

EML_BYTES_RAW = 0
EML_BYTES_REFERENCE = 1

EML_WEIGHT_F32 = 1
EML_WEIGHT_BF16 = 2
EML_WEIGHT_I8 = 3

EML_ACTIVATION_EML = 1
EML_ACTIVATION_RELU2 = 2

EML_OPTIMIZER_ADAMW = 1
EML_OPTIMIZER_MUON = 2

EML_K_CLAMP = 1
EML_K_SOFTPLUS = 2

EML_LM_END_LENGTH = 0
EML_LM_END_STOP_TOKEN = 1
EML_LM_END_STOP_TEXT = 2
EML_LM_END_CANCELLED = 3
EML_LM_END_CALLBACK = 4

# ------------------------------------------------------------------------------------------------ types

eml_status = c_int32


# Handles are pointers to opaque structs that nobody dereferences: ctypes then refuses a handle of another kind.
class eml_model(Structure):
    pass


class eml_safetree(Structure):
    pass


class eml_attention(Structure):
    pass


class eml_cancel(Structure):
    pass


class eml_buffer(Structure):
    pass


class eml_error(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("code", eml_status),
        ("sub_code", c_int32),
        ("reserved", c_uint32),
        ("byte_offset", c_uint64),
        ("message", POINTER(c_char)),
        ("message_len", c_uint64),
    ]


class eml_safetree_info(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("depth", c_uint32),
        ("inputs", c_uint64),
        ("heads", c_uint64),
        ("param_count", c_uint64),
    ]


class eml_model_options(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("depth", c_uint32),
        ("inputs", c_uint64),
        ("heads", c_uint64),
        ("profile", c_int32),
        ("reserved", c_uint32),
    ]


class eml_model_info(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("depth", c_uint32),
        ("inputs", c_uint64),
        ("heads", c_uint64),
        ("param_count", c_uint64),
        ("sample_count", c_uint64),
        ("event_count", c_uint64),
        ("profile", c_int32),
        ("trained", c_int32),
        ("scaled", c_int32),
        ("reserved", c_uint32),
    ]


class eml_progress(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("phase", c_int32),
        ("step", c_uint64),
        ("total", c_uint64),
        ("loss", c_double),
        ("evaluations", c_uint64),
        ("accepted", c_uint64),
    ]


eml_progress_fn = CFUNCTYPE(c_int32, POINTER(eml_progress), c_void_p)
eml_write_fn = CFUNCTYPE(c_int32, c_void_p, c_uint64, c_void_p)


class eml_train_options(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("max_sweeps", c_uint32),
        ("seed", c_uint64),
        ("target_loss", c_double),
        ("cancel", POINTER(eml_cancel)),
        ("progress", eml_progress_fn),
        ("user", c_void_p),
        ("audit_path", POINTER(c_char)),
        ("audit_path_len", c_uint64),
        ("audit", eml_write_fn),
    ]


class eml_train_result(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("converged", c_int32),
        ("samples_used", c_uint64),
        ("loss_before", c_double),
        ("loss_after", c_double),
        ("evaluations", c_uint64),
        ("accepted", c_uint64),
        ("sweeps", c_uint64),
    ]


class eml_snap_options(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("reserved", c_uint32),
        ("tolerance", c_double),
        ("max_loss_increase", c_double),
        ("max_loss", c_double),
        ("cancel", POINTER(eml_cancel)),
        ("progress", eml_progress_fn),
        ("user", c_void_p),
    ]


class eml_snap_result(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("unscaled", c_int32),
        ("snapped", c_uint64),
        ("loss_before", c_double),
        ("loss_after", c_double),
        ("loss_allowed", c_double),
        ("evaluations", c_uint64),
    ]


class eml_audit_report(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("verdict", c_int32),
        ("record", c_uint64),
        ("byte_offset", c_uint64),
        ("records", c_uint64),
        ("moves", c_uint64),
        ("trials", c_uint64),
        ("loss", c_double),
        ("cancelled", c_int32),
        ("reserved", c_uint32),
    ]


class eml_attention_options(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("kind", c_int32),
        ("d_model", c_uint32),
        ("d_k", c_uint32),
        ("seq_len", c_uint32),
        ("depth", c_uint32),
        ("heads", c_uint32),
        ("nodes", c_uint32),
        ("positional", c_int32),
        ("residual", c_int32),
        ("chunk", c_uint32),
        ("reserved", c_uint32),
    ]


class eml_attention_info(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("kind", c_int32),
        ("d_model", c_uint32),
        ("d_k", c_uint32),
        ("seq_len", c_uint32),
        ("depth", c_uint32),
        ("heads", c_uint32),
        ("nodes", c_uint32),
        ("positional", c_int32),
        ("residual", c_int32),
        ("chunk", c_uint32),
        ("trained", c_int32),
        ("param_count", c_uint64),
        ("sample_count", c_uint64),
        ("event_count", c_uint64),
        ("training_rounds", c_uint64),
        ("last_accepts", c_uint64),
        ("scale", c_double),
    ]


class eml_attention_train_options(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("reserved", c_uint32),
        ("seed", c_uint64),
        ("trials", c_uint64),
        ("step_init", c_double),
        ("step_final", c_double),
        ("max_samples", c_uint64),
        ("eval_subset", c_uint64),
        ("convergence_mse", c_double),
        ("max_evaluations", c_uint64),
        ("target_loss", c_double),
        ("cancel", POINTER(eml_cancel)),
        ("progress", eml_progress_fn),
        ("user", c_void_p),
        ("audit_path", POINTER(c_char)),
        ("audit_path_len", c_uint64),
        ("audit", eml_write_fn),
    ]


class eml_attention_train_result(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("converged", c_int32),
        ("samples_used", c_uint64),
        ("mse_before", c_double),
        ("mse_after", c_double),
        ("cross_loss", c_double),
        ("evaluations", c_uint64),
        ("trials", c_uint64),
        ("accepted", c_uint64),
        ("rounds", c_uint64),
    ]


class eml_event(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("type", c_int32),
        ("model_name", POINTER(c_char)),
        ("model_name_len", c_uint64),
        ("text", POINTER(c_char)),
        ("text_len", c_uint64),
        ("output", POINTER(c_double)),
        ("output_len", c_uint64),
        ("value0", c_double),
        ("value1", c_double),
        ("value2", c_double),
        ("count0", c_uint64),
        ("count1", c_uint64),
        ("flag", c_int32),
        ("reserved", c_uint32),
    ]


eml_log_fn = CFUNCTYPE(c_int32, c_int32, c_char_p, c_void_p)
eml_event_fn = CFUNCTYPE(c_int32, POINTER(eml_event), c_void_p)


class eml_machine(Structure):
    pass


class eml_instruction(Structure):
    _fields_ = [
        ("opcode", c_int32),
        ("operand", c_int32),
    ]


class eml_machine_options(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("dense", c_int32),
        ("keep_trace", c_int32),
        ("probe", c_int32),
    ]


class eml_machine_event(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("row", c_uint32),
        ("step", c_uint64),
        ("opcode", c_int32),
        ("operand", c_int32),
        ("token", c_int32),
        ("is_output", c_int32),
        ("layers", c_uint32),
        ("heads", c_uint32),
        ("d_model", c_uint32),
        ("d_ffn", c_uint32),
        ("stream", POINTER(c_double)),
        ("units", POINTER(c_double)),
        ("winners", POINTER(c_int64)),
        ("values", POINTER(c_double)),
    ]


eml_machine_event_fn = CFUNCTYPE(c_int32, POINTER(eml_machine_event), c_void_p)


class eml_machine_info(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("state", c_int32),
        ("instructions", c_uint64),
        ("steps", c_uint64),
        ("output_size", c_uint64),
        ("state_bytes", c_uint64),
    ]


class eml_wasm(Structure):
    pass


class eml_wasm_call(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("reserved", c_uint32),
        ("module", POINTER(c_char)),
        ("module_len", c_uint64),
        ("name", POINTER(c_char)),
        ("name_len", c_uint64),
        ("args", POINTER(c_uint64)),
        ("params", POINTER(c_uint8)),
        ("nargs", c_uint64),
        ("results", POINTER(c_uint64)),
        ("result_types", POINTER(c_uint8)),
        ("nresults", c_uint64),
    ]


eml_wasm_import_fn = CFUNCTYPE(c_int32, POINTER(eml_wasm_call), c_void_p)
eml_wasm_token_fn = CFUNCTYPE(c_int32, POINTER(c_double), c_uint64, c_uint64, c_void_p)


class eml_wasm_import(Structure):
    _fields_ = [
        ("module", POINTER(c_char)),
        ("module_len", c_uint64),
        ("name", POINTER(c_char)),
        ("name_len", c_uint64),
        ("function", eml_wasm_import_fn),
        ("user", c_void_p),
        ("value", c_uint64),
    ]


class eml_wasm_text(Structure):
    _fields_ = [
        ("text", POINTER(c_char)),
        ("len", c_uint64),
    ]


class eml_wasm_transfer(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("stream", c_int32),
        ("bytes", c_void_p),
        ("size", c_uint64),
        ("given", c_uint64),
    ]


eml_wasm_transfer_fn = CFUNCTYPE(c_int32, POINTER(eml_wasm_transfer), c_void_p)


class eml_wasm_wasi(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("fixed_clock", c_int32),
        ("clock_ns", c_uint64),
        ("seed", c_uint64),
        ("args", POINTER(eml_wasm_text)),
        ("arg_count", c_uint64),
        ("env", POINTER(eml_wasm_text)),
        ("env_count", c_uint64),
        ("input", c_void_p),
        ("input_size", c_uint64),
        ("read", eml_wasm_transfer_fn),
        ("write", eml_wasm_transfer_fn),
        ("user", c_void_p),
    ]


class eml_wasm_options(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("dense", c_int32),
        ("imports", POINTER(eml_wasm_import)),
        ("import_count", c_uint64),
        ("token", eml_wasm_token_fn),
        ("user", c_void_p),
        ("wasi", POINTER(eml_wasm_wasi)),
    ]


class eml_wasm_info(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("state", c_int32),
        ("instructions", c_uint64),
        ("tokens", c_uint64),
        ("prompt_tokens", c_uint64),
        ("pages", c_uint64),
        ("state_bytes", c_uint64),
        ("functions", c_uint64),
        ("parameters", c_uint64),
        ("layers", c_uint32),
        ("d_model", c_uint32),
        ("has_exited", c_int32),
        ("exit_code", c_uint32),
    ]


class eml_wasm_function(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("number", c_uint32),
        ("name", POINTER(c_char)),
        ("name_len", c_uint64),
        ("params", POINTER(c_uint8)),
        ("nparams", c_uint64),
        ("results", POINTER(c_uint8)),
        ("nresults", c_uint64),
    ]

class eml_tokenizer(Structure):
    pass


class eml_token_stream(Structure):
    pass


class eml_text(Structure):
    _fields_ = [
        ("text", POINTER(c_char)),
        ("len", c_uint64),
    ]


class eml_tokenizer_info(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("vocab_size", c_uint32),
        ("rank_count", c_uint32),
        ("bos_id", c_int32),
    ]


class eml_lm(Structure):
    pass


class eml_lm_session(Structure):
    pass


class eml_lm_batch(Structure):
    pass


class eml_lm_trainer(Structure):
    pass


class eml_lm_options(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("mapped", c_int32),
        ("config", POINTER(c_char)),
        ("config_len", c_uint64),
        ("tokenizer", POINTER(eml_tokenizer)),
    ]


class eml_lm_info(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("vocab_size", c_uint32),
        ("n_layer", c_uint32),
        ("n_embd", c_uint32),
        ("n_head", c_uint32),
        ("n_kv_head", c_uint32),
        ("head_dim", c_uint32),
        ("hidden_dim", c_uint32),
        ("sequence_len", c_uint32),
        ("weight_type", c_int32),
        ("activation", c_int32),
        ("has_tokenizer", c_int32),
        ("parameters", c_uint64),
        ("bytes", c_uint64),
    ]


class eml_lm_parity(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("is_right", c_int32),
        ("largest_deviation", c_double),
        ("differing_index", c_uint64),
        ("differing_token", c_int32),
        ("reserved", c_uint32),
    ]


class eml_lm_session_info(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("threads", c_uint32),
        ("position", c_uint64),
        ("bytes", c_uint64),
    ]


eml_lm_layer_fn = CFUNCTYPE(c_int32, c_char_p, POINTER(c_float), c_uint64, c_uint64, c_void_p)


class eml_lm_token(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("id", c_int32),
        ("text", POINTER(c_char)),
        ("text_len", c_uint64),
        ("log_probability", c_double),
        ("index", c_uint64),
    ]


eml_lm_token_fn = CFUNCTYPE(c_int32, POINTER(eml_lm_token), c_void_p)


class eml_lm_generate_options(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("max_tokens", c_uint32),
        ("temperature", c_double),
        ("top_p", c_double),
        ("min_p", c_double),
        ("repetition_penalty", c_double),
        ("top_k", c_uint32),
        ("special", c_int32),
        ("seed", c_uint64),
        ("stop_tokens", POINTER(c_int32)),
        ("stop_token_count", c_uint64),
        ("stop_texts", POINTER(eml_text)),
        ("stop_text_count", c_uint64),
        ("cancel", POINTER(eml_cancel)),
        ("token", eml_lm_token_fn),
        ("user", c_void_p),
    ]


class eml_lm_generation(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("end", c_int32),
        ("tokens", c_uint64),
        ("text_len", c_uint64),
        ("log_probability", c_double),
    ]


class eml_lm_score(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("reserved", c_uint32),
        ("bits_per_byte", c_double),
        ("mean_loss", c_double),
        ("nats", c_double),
        ("bytes", c_uint64),
        ("tokens", c_uint64),
    ]


class eml_lm_trainer_options(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("sequence_len", c_uint32),
        ("group_tokens", c_uint32),
        ("threads", c_uint32),
        ("optimizer", c_int32),
        ("k_parameter", c_int32),
        ("weight_type", c_int32),
        ("reserved", c_uint32),
        ("rate", c_double),
        ("largest_k", c_double),
    ]


class eml_lm_trainer_info(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("sequence_len", c_uint32),
        ("steps", c_uint64),
        ("parameters", c_uint64),
        ("bytes", c_uint64),
        ("seconds", c_double),
    ]


class eml_lm_training_step(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("epoch", c_uint32),
        ("step", c_uint64),
        ("tokens", c_uint64),
        ("loss", c_double),
        ("multiplier", c_double),
        ("seconds", c_double),
        ("tokens_per_second", c_double),
        ("progress", c_double),
        ("bits_per_byte", c_double),
    ]


eml_lm_training_fn = CFUNCTYPE(c_int32, POINTER(eml_lm_training_step), c_void_p)


class eml_lm_training_plan(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("batch_tokens", c_uint32),
        ("steps", c_uint64),
        ("seconds", c_double),
        ("warmup", c_double),
        ("warmdown", c_double),
        ("final_rate", c_double),
        ("validation_every", c_uint32),
        ("validation_tokens", c_uint32),
        ("cancel", POINTER(eml_cancel)),
        ("step", eml_lm_training_fn),
        ("user", c_void_p),
    ]


class eml_lm_training_result(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("done", c_int32),
        ("steps", c_uint64),
        ("seconds", c_double),
        ("bits_per_byte", c_double),
    ]


# ------------------------------------------------------------------------------------------------ functions

_DOUBLES = POINTER(c_double)
_SIZE = POINTER(c_uint64)
_TEXT = POINTER(c_char)
_MODEL = POINTER(eml_model)
_SAFETREE = POINTER(eml_safetree)
_ATTENTION = POINTER(eml_attention)
_CANCEL = POINTER(eml_cancel)
_BUFFER = POINTER(eml_buffer)
_MACHINE = POINTER(eml_machine)
_WASM = POINTER(eml_wasm)
_TOKENIZER = POINTER(eml_tokenizer)
_STREAM = POINTER(eml_token_stream)
_LM = POINTER(eml_lm)
_SESSION = POINTER(eml_lm_session)
_BATCH = POINTER(eml_lm_batch)
_TRAINER = POINTER(eml_lm_trainer)

# name: (restype, argtypes...), in the header's order.
FUNCTIONS = {
    "eml_last_error": (eml_status, POINTER(eml_error)),
    "eml_last_error_message": (eml_status, _TEXT, c_uint64, _SIZE),
    "eml_status_name": (c_char_p, eml_status),
    "eml_version": (c_char_p,),
    "eml_abi_version": (c_uint32,),
    "eml_build_info": (c_char_p,),
    "eml_log_set": (eml_status, eml_log_fn, c_void_p),

    "eml_cancel_create": (eml_status, POINTER(_CANCEL)),
    "eml_cancel_set": (eml_status, _CANCEL),
    "eml_cancel_reset": (eml_status, _CANCEL),
    "eml_cancel_is_set": (eml_status, _CANCEL, POINTER(c_int32)),
    "eml_cancel_free": (eml_status, _CANCEL),

    "eml_buffer_data": (eml_status, _BUFFER, POINTER(c_void_p), _SIZE),
    "eml_buffer_free": (eml_status, _BUFFER),

    "eml_math_exp": (c_double, c_double),
    "eml_math_ln": (c_double, c_double),
    "eml_math_pow": (c_double, c_double, c_double),
    "eml_math_exp_batch": (eml_status, _DOUBLES, c_uint64, _DOUBLES),
    "eml_math_ln_batch": (eml_status, _DOUBLES, c_uint64, _DOUBLES),
    "eml_math_pow_batch": (eml_status, _DOUBLES, _DOUBLES, c_uint64, _DOUBLES),
    "eml_operator_eml": (c_double, c_double, c_double),
    "eml_operator_eml_safe": (c_double, c_double, c_double),
    "eml_operator_softmax3": (eml_status, c_double, c_double, c_double, _DOUBLES),
    "eml_random_restart": (eml_status, _SIZE, _DOUBLES, c_uint64),

    "eml_tree_param_count": (eml_status, c_uint32, c_uint64, _SIZE),
    "eml_tree_evaluate": (eml_status, c_uint32, c_uint64, _DOUBLES, c_uint64, _DOUBLES, c_uint64, _DOUBLES, c_uint32),
    "eml_tree_expression": (eml_status, c_uint32, c_uint64, _DOUBLES, c_uint64, c_int32, _TEXT, c_uint64, _SIZE),

    "eml_safetree_create": (eml_status, c_uint32, c_uint64, c_uint64, POINTER(_SAFETREE)),
    "eml_safetree_free": (eml_status, _SAFETREE),
    "eml_safetree_clone": (eml_status, _SAFETREE, POINTER(_SAFETREE)),
    "eml_safetree_get_info": (eml_status, _SAFETREE, POINTER(eml_safetree_info)),
    "eml_safetree_get_params": (eml_status, _SAFETREE, _DOUBLES, c_uint64),
    "eml_safetree_set_params": (eml_status, _SAFETREE, _DOUBLES, c_uint64, c_uint32),
    "eml_safetree_forward": (eml_status, _SAFETREE, _DOUBLES, c_uint64, _DOUBLES, c_uint32),
    "eml_safetree_expression": (eml_status, _SAFETREE, c_int32, _TEXT, c_uint64, _SIZE),
    "eml_safetree_export": (eml_status, _SAFETREE, c_int32, c_void_p, c_uint64, _SIZE),
    "eml_safetree_import": (eml_status, c_void_p, c_uint64, c_int32, POINTER(_SAFETREE)),
    "eml_safetree_save": (eml_status, _SAFETREE, c_char_p, c_uint64, c_int32),
    "eml_safetree_load": (eml_status, c_char_p, c_uint64, c_int32, POINTER(_SAFETREE)),

    "eml_model_options_init": (eml_status, POINTER(eml_model_options), c_uint32),
    "eml_model_create": (eml_status, POINTER(eml_model_options), POINTER(_MODEL)),
    "eml_model_free": (eml_status, _MODEL),
    "eml_model_clone": (eml_status, _MODEL, POINTER(_MODEL)),
    "eml_model_get_info": (eml_status, _MODEL, POINTER(eml_model_info)),
    "eml_model_get_params": (eml_status, _MODEL, _DOUBLES, c_uint64),
    "eml_model_set_params": (eml_status, _MODEL, _DOUBLES, c_uint64, c_uint32),
    "eml_model_set_trained": (eml_status, _MODEL, c_int32),
    "eml_model_set_name": (eml_status, _MODEL, c_char_p, c_uint64),
    "eml_model_get_name": (eml_status, _MODEL, _TEXT, c_uint64, _SIZE),
    "eml_model_set_metadata": (eml_status, _MODEL, c_char_p, c_uint64, c_char_p, c_uint64),
    "eml_model_get_metadata": (eml_status, _MODEL, c_char_p, c_uint64, _TEXT, c_uint64, _SIZE),
    "eml_model_get_metadata_count": (eml_status, _MODEL, _SIZE),
    "eml_model_get_metadata_key": (eml_status, _MODEL, c_uint64, _TEXT, c_uint64, _SIZE),
    "eml_model_set_scaling": (eml_status, _MODEL, _DOUBLES, _DOUBLES),
    "eml_model_fit_scaling": (eml_status, _MODEL),
    "eml_model_get_scaling": (eml_status, _MODEL, _DOUBLES, _DOUBLES),
    "eml_model_record": (eml_status, _MODEL, _DOUBLES, _DOUBLES, POINTER(c_uint8), c_uint64, c_uint32),
    "eml_model_clear_samples": (eml_status, _MODEL),
    "eml_model_forward": (eml_status, _MODEL, _DOUBLES, c_uint64, _DOUBLES, c_uint32),
    "eml_train_options_init": (eml_status, POINTER(eml_train_options), c_uint32),
    "eml_model_train": (eml_status, _MODEL, POINTER(eml_train_options), POINTER(eml_train_result)),
    "eml_model_verify_audit": (eml_status, _MODEL, c_void_p, c_uint64, POINTER(eml_train_options),
                               POINTER(eml_audit_report)),
    "eml_model_verify_audit_file": (eml_status, _MODEL, c_char_p, c_uint64, POINTER(eml_train_options),
                                    POINTER(eml_audit_report)),
    "eml_model_loss": (eml_status, _MODEL, _DOUBLES),
    "eml_snap_options_init": (eml_status, POINTER(eml_snap_options), c_uint32),
    "eml_model_snap": (eml_status, _MODEL, POINTER(eml_snap_options), POINTER(c_uint64), c_uint64,
                       POINTER(eml_snap_result)),
    "eml_model_expression": (eml_status, _MODEL, c_int32, c_uint32, _TEXT, c_uint64, _SIZE),
    "eml_model_distill": (eml_status, _MODEL, c_uint32, c_uint64, POINTER(eml_train_options), POINTER(_MODEL)),
    "eml_model_reset": (eml_status, _MODEL, c_char_p, c_uint64),
    "eml_model_export": (eml_status, _MODEL, c_int32, c_void_p, c_uint64, _SIZE),
    "eml_model_export_buffer": (eml_status, _MODEL, c_int32, POINTER(_BUFFER)),
    "eml_model_import": (eml_status, c_void_p, c_uint64, c_int32, POINTER(_MODEL)),
    "eml_model_save": (eml_status, _MODEL, c_char_p, c_uint64, c_int32),
    "eml_model_load": (eml_status, c_char_p, c_uint64, c_int32, POINTER(_MODEL)),

    "eml_attention_options_init": (eml_status, POINTER(eml_attention_options), c_uint32),
    "eml_attention_create": (eml_status, POINTER(eml_attention_options), POINTER(_ATTENTION)),
    "eml_attention_free": (eml_status, _ATTENTION),
    "eml_attention_clone": (eml_status, _ATTENTION, POINTER(_ATTENTION)),
    "eml_attention_get_info": (eml_status, _ATTENTION, POINTER(eml_attention_info)),
    "eml_attention_get_params": (eml_status, _ATTENTION, _DOUBLES, c_uint64),
    "eml_attention_set_params": (eml_status, _ATTENTION, _DOUBLES, c_uint64, c_uint32),
    "eml_attention_set_trained": (eml_status, _ATTENTION, c_int32),
    "eml_attention_set_name": (eml_status, _ATTENTION, c_char_p, c_uint64),
    "eml_attention_get_name": (eml_status, _ATTENTION, _TEXT, c_uint64, _SIZE),
    "eml_attention_record": (eml_status, _ATTENTION, _DOUBLES, _DOUBLES, c_uint64, c_uint32),
    "eml_attention_clear_samples": (eml_status, _ATTENTION),
    "eml_attention_forward": (eml_status, _ATTENTION, _DOUBLES, c_uint64, _DOUBLES, c_uint32),
    "eml_attention_loss": (eml_status, _ATTENTION, _DOUBLES),
    "eml_attention_train_options_init": (eml_status, POINTER(eml_attention_train_options), c_uint32),
    "eml_attention_train": (eml_status, _ATTENTION, POINTER(eml_attention_train_options),
                            POINTER(eml_attention_train_result)),
    "eml_attention_snap": (eml_status, _ATTENTION, POINTER(eml_snap_options), POINTER(c_uint64), c_uint64,
                           POINTER(eml_snap_result)),
    "eml_attention_expression": (eml_status, _ATTENTION, c_int32, c_uint32, _TEXT, c_uint64, _SIZE),
    "eml_attention_verify_audit": (eml_status, _ATTENTION, c_void_p, c_uint64, POINTER(eml_attention_train_options),
                                   POINTER(eml_audit_report)),
    "eml_attention_verify_audit_file": (eml_status, _ATTENTION, c_char_p, c_uint64, POINTER(eml_attention_train_options),
                                        POINTER(eml_audit_report)),
    "eml_attention_export": (eml_status, _ATTENTION, c_int32, c_void_p, c_uint64, _SIZE),
    "eml_attention_export_buffer": (eml_status, _ATTENTION, c_int32, POINTER(_BUFFER)),
    "eml_attention_import": (eml_status, c_void_p, c_uint64, c_int32, POINTER(_ATTENTION)),
    "eml_attention_save": (eml_status, _ATTENTION, c_char_p, c_uint64, c_int32),
    "eml_attention_load": (eml_status, c_char_p, c_uint64, c_int32, POINTER(_ATTENTION)),
    "eml_attention_benchmark": (eml_status, c_uint32, c_uint32, c_uint32, c_uint32, c_uint64, _CANCEL,
                                POINTER(_BUFFER)),
    "eml_attention_compare": (eml_status, c_uint32, c_uint32, c_uint32, c_uint32, POINTER(eml_attention_train_options),
                              c_uint64, POINTER(_BUFFER)),

    "eml_event_type_name": (c_char_p, c_int32),
    "eml_model_push_event": (eml_status, _MODEL, POINTER(eml_event)),
    "eml_model_next_event": (eml_status, _MODEL, POINTER(eml_event)),
    "eml_model_drain_events": (eml_status, _MODEL, c_int32, c_void_p, c_uint64, _SIZE),
    "eml_model_set_event_sink": (eml_status, _MODEL, eml_event_fn, c_void_p),
    "eml_attention_push_event": (eml_status, _ATTENTION, POINTER(eml_event)),
    "eml_attention_next_event": (eml_status, _ATTENTION, POINTER(eml_event)),
    "eml_attention_drain_events": (eml_status, _ATTENTION, c_int32, c_void_p, c_uint64, _SIZE),
    "eml_attention_set_event_sink": (eml_status, _ATTENTION, eml_event_fn, c_void_p),

    "eml_machine_options_init": (eml_status, POINTER(eml_machine_options), c_uint32),
    "eml_machine_create": (eml_status, POINTER(eml_machine_options), POINTER(_MACHINE)),
    "eml_machine_free": (eml_status, _MACHINE),
    "eml_machine_load": (eml_status, _MACHINE, POINTER(eml_instruction), c_uint64),
    "eml_machine_load_text": (eml_status, _MACHINE, c_char_p, c_uint64),
    "eml_machine_set_file": (eml_status, _MACHINE, c_int32, c_void_p, c_uint64),
    "eml_machine_run": (eml_status, _MACHINE, c_uint64, eml_machine_event_fn, c_void_p, _CANCEL),
    "eml_machine_step": (eml_status, _MACHINE, POINTER(eml_machine_event)),
    "eml_machine_get_info": (eml_status, _MACHINE, POINTER(eml_machine_info)),
    "eml_machine_output": (eml_status, _MACHINE, c_void_p, c_uint64, _SIZE),
    "eml_machine_file": (eml_status, _MACHINE, c_int32, c_void_p, c_uint64, _SIZE),
    "eml_machine_trace": (eml_status, _MACHINE, c_uint64, POINTER(c_int32), c_uint64, _SIZE),
    "eml_machine_describe": (eml_status, _MACHINE, _TEXT, c_uint64, _SIZE),
    "eml_machine_export": (eml_status, _MACHINE, c_char_p, c_uint64),

    "eml_wasm_wasi_init": (eml_status, POINTER(eml_wasm_wasi), c_uint32),
    "eml_wasm_options_init": (eml_status, POINTER(eml_wasm_options), c_uint32),
    "eml_wasm_load": (eml_status, c_void_p, c_uint64, POINTER(eml_wasm_options), POINTER(_WASM)),
    "eml_wasm_free": (eml_status, _WASM),
    "eml_wasm_invoke": (eml_status, _WASM, c_char_p, c_uint64, POINTER(c_uint64), c_uint64, c_uint64, _CANCEL, POINTER(c_uint64), c_uint64,
                        _SIZE),
    "eml_wasm_resume": (eml_status, _WASM, c_uint64, _CANCEL, POINTER(c_uint64), c_uint64, _SIZE),
    "eml_wasm_trap": (eml_status, _WASM, _TEXT, c_uint64, _SIZE),
    "eml_wasm_output": (eml_status, _WASM, c_int32, c_void_p, c_uint64, _SIZE),
    "eml_wasm_get_info": (eml_status, _WASM, POINTER(eml_wasm_info)),
    "eml_wasm_get_function": (eml_status, _WASM, c_uint64, POINTER(eml_wasm_function)),
    "eml_wasm_read_memory": (eml_status, _WASM, c_uint32, c_void_p, c_uint64),
    "eml_wasm_write_memory": (eml_status, _WASM, c_uint32, c_void_p, c_uint64),
    "eml_wasm_export": (eml_status, _WASM, c_char_p, c_uint64, POINTER(c_uint64), c_uint64, c_char_p, c_uint64),

    "eml_tokenizer_import": (eml_status, c_void_p, c_uint64, POINTER(_TOKENIZER)),
    "eml_tokenizer_load": (eml_status, c_char_p, c_uint64, POINTER(_TOKENIZER)),
    "eml_tokenizer_train": (eml_status, POINTER(eml_text), c_uint64, c_uint64, POINTER(eml_text), c_uint64, _CANCEL,
                            POINTER(_TOKENIZER)),
    "eml_tokenizer_free": (eml_status, _TOKENIZER),
    "eml_tokenizer_export": (eml_status, _TOKENIZER, c_int32, c_void_p, c_uint64, _SIZE),
    "eml_tokenizer_save": (eml_status, _TOKENIZER, c_char_p, c_uint64, c_int32),
    "eml_tokenizer_get_info": (eml_status, _TOKENIZER, POINTER(eml_tokenizer_info)),
    "eml_tokenizer_encode": (eml_status, _TOKENIZER, c_char_p, c_uint64, c_uint32, POINTER(c_int32), c_uint64, _SIZE),
    "eml_tokenizer_encode_buffer": (eml_status, _TOKENIZER, c_char_p, c_uint64, c_uint32, POINTER(_BUFFER)),
    "eml_tokenizer_decode": (eml_status, _TOKENIZER, POINTER(c_int32), c_uint64, _TEXT, c_uint64, _SIZE),
    "eml_tokenizer_decode_bytes": (eml_status, _TOKENIZER, POINTER(c_int32), c_uint64, c_void_p, c_uint64, _SIZE),
    "eml_tokenizer_special": (eml_status, _TOKENIZER, c_char_p, c_uint64, POINTER(c_int32)),
    "eml_tokenizer_byte_lengths": (eml_status, _TOKENIZER, c_int32, POINTER(c_int32), c_uint64),
    "eml_token_stream_create": (eml_status, _TOKENIZER, POINTER(_STREAM)),
    "eml_token_stream_free": (eml_status, _STREAM),
    "eml_token_stream_push": (eml_status, _STREAM, c_int32, POINTER(c_char_p), _SIZE),
    "eml_token_stream_flush": (eml_status, _STREAM, POINTER(c_char_p), _SIZE),

    "eml_lm_options_init": (eml_status, POINTER(eml_lm_options), c_uint32),
    "eml_lm_import": (eml_status, c_void_p, c_uint64, POINTER(eml_lm_options), POINTER(_LM)),
    "eml_lm_load": (eml_status, c_char_p, c_uint64, POINTER(eml_lm_options), POINTER(_LM)),
    "eml_lm_free": (eml_status, _LM),
    "eml_lm_get_info": (eml_status, _LM, POINTER(eml_lm_info)),
    "eml_lm_config": (eml_status, _LM, _TEXT, c_uint64, _SIZE),
    "eml_lm_activation_parameters": (eml_status, _LM, POINTER(c_float), c_uint64),
    "eml_lm_get_tokenizer": (eml_status, _LM, POINTER(_TOKENIZER)),
    "eml_lm_quantize": (eml_status, _LM, c_int32, POINTER(_LM)),
    "eml_lm_export_buffer": (eml_status, _LM, c_int32, POINTER(_BUFFER)),
    "eml_lm_save": (eml_status, _LM, c_char_p, c_uint64, c_int32),
    "eml_lm_check_parity": (eml_status, _LM, c_void_p, c_uint64, POINTER(eml_lm_parity)),
    "eml_lm_log_probability": (eml_status, POINTER(c_float), c_uint64, c_int32, _DOUBLES),
    "eml_lm_session_create": (eml_status, _LM, c_uint32, POINTER(_SESSION)),
    "eml_lm_session_free": (eml_status, _SESSION),
    "eml_lm_session_reset": (eml_status, _SESSION),
    "eml_lm_session_get_info": (eml_status, _SESSION, POINTER(eml_lm_session_info)),
    "eml_lm_session_read": (eml_status, _SESSION, POINTER(c_int32), c_uint64, POINTER(c_float), _CANCEL),
    "eml_lm_session_read_all": (eml_status, _SESSION, POINTER(c_int32), c_uint64, POINTER(c_float), _CANCEL),
    "eml_lm_session_embed": (eml_status, _SESSION, POINTER(c_int32), c_uint64, POINTER(c_float), _CANCEL),
    "eml_lm_session_set_listener": (eml_status, _SESSION, eml_lm_layer_fn, c_void_p),
    "eml_lm_generate_options_init": (eml_status, POINTER(eml_lm_generate_options), c_uint32),
    "eml_lm_session_generate": (eml_status, _SESSION, POINTER(c_int32), c_uint64, POINTER(eml_lm_generate_options),
                                POINTER(eml_lm_generation)),
    "eml_lm_session_generate_text": (eml_status, _SESSION, c_char_p, c_uint64, POINTER(eml_lm_generate_options),
                                     POINTER(eml_lm_generation)),
    "eml_lm_session_tokens": (eml_status, _SESSION, POINTER(c_int32), c_uint64, _SIZE),
    "eml_lm_session_text": (eml_status, _SESSION, _TEXT, c_uint64, _SIZE),
    "eml_lm_session_evaluate": (eml_status, _SESSION, POINTER(c_int32), c_uint64, c_int32, POINTER(c_int32), _CANCEL,
                                POINTER(eml_lm_score)),
    "eml_lm_session_evaluate_text": (eml_status, _SESSION, c_char_p, c_uint64, c_int32, _CANCEL, POINTER(eml_lm_score)),
    "eml_lm_batch_create": (eml_status, _LM, c_uint32, c_uint32, POINTER(_BATCH)),
    "eml_lm_batch_free": (eml_status, _BATCH),
    "eml_lm_batch_reset": (eml_status, _BATCH, c_uint32),
    "eml_lm_batch_position": (eml_status, _BATCH, c_uint32, _SIZE),
    "eml_lm_batch_read": (eml_status, _BATCH, c_uint32, POINTER(c_int32), c_uint64, POINTER(c_float), _CANCEL),
    "eml_lm_batch_step": (eml_status, _BATCH, POINTER(c_int32), c_uint64, POINTER(c_float), _CANCEL),

    "eml_lm_create": (eml_status, c_char_p, c_uint64, _TOKENIZER, c_uint64, POINTER(_LM)),
    "eml_lm_trainer_options_init": (eml_status, POINTER(eml_lm_trainer_options), c_uint32),
    "eml_lm_trainer_create": (eml_status, _LM, POINTER(eml_lm_trainer_options), POINTER(_TRAINER)),
    "eml_lm_trainer_free": (eml_status, _TRAINER),
    "eml_lm_trainer_get_info": (eml_status, _TRAINER, POINTER(eml_lm_trainer_info)),
    "eml_lm_trainer_activation_parameters": (eml_status, _TRAINER, POINTER(c_float), c_uint64),
    "eml_lm_trainer_get_lm": (eml_status, _TRAINER, POINTER(_LM)),
    "eml_lm_trainer_step": (eml_status, _TRAINER, POINTER(c_int32), POINTER(c_int32), c_uint64, c_double, _CANCEL, _DOUBLES),
    "eml_lm_trainer_losses": (eml_status, _TRAINER, POINTER(c_int32), POINTER(c_int32), c_uint64, _DOUBLES),
    "eml_lm_training_plan_init": (eml_status, POINTER(eml_lm_training_plan), c_uint32),
    "eml_lm_trainer_run": (eml_status, _TRAINER, c_char_p, c_uint64, POINTER(eml_lm_training_plan), POINTER(eml_lm_training_result)),
    "eml_lm_trainer_save": (eml_status, _TRAINER, c_char_p, c_uint64),
    "eml_lm_trainer_load": (eml_status, _TRAINER, c_char_p, c_uint64),
}


def declare(library):
    """Gives every function of the table its types. AttributeError if the library lacks one."""
    for name, (restype, *argtypes) in FUNCTIONS.items():
        function = getattr(library, name)
        function.restype = restype
        function.argtypes = argtypes
