/*
 * eml.h - the C interface of libeml.
 *
 * libeml computes and trains learned functions: trees of eml(x, y) = exp(x) - ln(y), trained without gradients,
 * with the same bits on every machine, thread count and vector width.
 *
 * RULES (they hold for every function below; a declaration repeats only what differs)
 *
 *  Handles     `eml_model *` and the like are encoded slot numbers (kind, generation, index), never addresses: do not
 *              dereference, do arithmetic on, or invent them. Freeing NULL does nothing. A handle that was freed, belongs
 *              to another kind or was never issued gives EML_E_HANDLE; NULL gives EML_E_ARGUMENT. Objects keep what they
 *              need alive: the order in which handles are freed never matters.
 *  Status      0 is EML_OK; positive values are information (the call did its work); negative values are failures.
 *              The values are fixed for ever; new ones are appended.
 *  Errors      Every failure sets the calling thread's last error (code, sub-code, byte offset, message that names
 *              what, where, the limit and the remedy); success leaves it alone.
 *  Outputs     Written only if the call returns EML_OK or a positive status. A `T **out` receives NULL on failure.
 *  Pointers    Must not be NULL unless the declaration says "may be NULL". Arrays of zero elements may be NULL.
 *  Strings     UTF-8, given as pointer and length in bytes; EML_NTS as the length means NUL-terminated. Results come
 *              by the two-call form (buf, cap, &need): `need` is always set (for text it includes the closing NUL);
 *              with cap < need nothing is written and the call returns EML_E_BUFFER; buf may be NULL when cap is 0.
 *              Inputs are copied before the call returns.
 *  Numbers     IEEE 754 doubles; matrices are row-major, shapes are given as (rows, columns).
 *  Options     A struct whose first field is `uint32_t struct_size`. Fill it with its `_init` function and the size you
 *              compiled with. A shorter struct means defaults for the fields it lacks; a longer one must be zero past
 *              what the library knows, else EML_E_VERSION.
 *  Callbacks   Called on the thread that made the call, before it returns, never later. Return 0 to go on; any other
 *              value stops the work: the call returns EML_CANCELLED and hands the value back as the sub-code of
 *              eml_last_error. A callback must not use the handle that is at work (EML_E_BUSY); other handles are fine.
 *              A callback must return normally (no longjmp, no exception).
 *  Cancel      An eml_cancel may be set from any thread; work polls it at least every 10 ms. The object that was at
 *              work stays usable and holds the best state reached.
 *  Threads     A `const` handle parameter may be used by any number of threads at once. A non-const one means one thread
 *              at a time (any thread). A second user is told EML_E_BUSY, never undefined behaviour.
 *  Process     The first call starts the .NET runtime: about 7 ms, one thread, handlers for SIGFPE, SIGSEGV and
 *              SIGRTMIN, SIGPIPE ignored. Never dlclose the library (it is linked nodelete). fork only before the first
 *              call, or followed by exec. The library prints nothing, reads no environment variable, writes no file that
 *              it was not told to write.
 *
 * Every function is declared "since: 0.1" unless it says otherwise. Licence: MIT OR Apache-2.0.
 */
#ifndef EML_H
#define EML_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EML_VERSION_MAJOR 0
#define EML_VERSION_MINOR 1
#define EML_VERSION_PATCH 0
#define EML_VERSION_STRING "0.1.0"
/* The SONAME's number. A program compiled for one ABI version runs with every library of the same ABI version. */
#define EML_ABI_VERSION 1

#if defined(_WIN32)
#define EML_API __declspec(dllimport)
#else
#define EML_API
#endif

#if defined(__GNUC__) || defined(__clang__)
#define EML_MUST_CHECK __attribute__((warn_unused_result))
#else
#define EML_MUST_CHECK
#endif

/* Length of a NUL-terminated string argument. */
#define EML_NTS UINT64_MAX

/* ------------------------------------------------------------------------------------------------ status, errors */

/* What a fallible function returns: one of the constants below. */
typedef int32_t eml_status;

#define EML_OK 0            /* done */
#define EML_DONE 1          /* nothing was left to do (an empty event log, say) */
#define EML_OUT_OF_FUEL 2   /* the step budget is used up; the object can go on */
#define EML_CANCELLED 3     /* stopped by a cancel token or a callback; the object holds the best state so far */
#define EML_TRAPPED 4       /* a WebAssembly function trapped */
#define EML_EXITED 5        /* a WebAssembly program ended itself; its exit code is in eml_wasm_info */

#define EML_E_ARGUMENT (-1)    /* a NULL pointer, or a value outside its range */
#define EML_E_HANDLE (-2)      /* a stale or foreign handle, or one of another kind */
#define EML_E_BUSY (-3)        /* the handle is at work on another thread or in a callback */
#define EML_E_SHAPE (-4)       /* an array's length does not fit the object */
#define EML_E_NONFINITE (-5)   /* NaN or an infinity where a finite number is needed */
#define EML_E_BUFFER (-6)      /* the buffer is too small; `need` says how large it must be */
#define EML_E_STATE (-7)       /* the object is not in a state that allows this (too few samples, say) */
#define EML_E_FORMAT (-8)      /* bytes that are not what they should be; sub-code EML_F_..., with a byte offset */
#define EML_E_IO (-9)          /* the operating system refused a file operation; sub-code: errno where known */
#define EML_E_LIMIT (-10)      /* larger than a documented limit */
#define EML_E_MEMORY (-11)     /* not enough memory */
#define EML_E_VERSION (-12)    /* a struct or file from a version that this library does not know */
#define EML_E_UNSUPPORTED (-13) /* valid, but not offered by this object or build */
#define EML_E_INTERNAL (-99)   /* a defect in libeml; please report the message */

/* Sub-codes of EML_E_FORMAT: fixed, append-only. */
#define EML_F_NONE 0
#define EML_F_TRUNCATED 1        /* the data ends too early */
#define EML_F_HEADER_TOO_LARGE 2 /* a safetensors header over 100,000,000 bytes */
#define EML_F_JSON 3             /* not strict JSON (RFC 8259), not UTF-8, or nested too deeply */
#define EML_F_DUPLICATE_KEY 4
#define EML_F_BAD_METADATA 5
#define EML_F_MISSING_FIELD 6
#define EML_F_UNKNOWN_FIELD 7
#define EML_F_BAD_DTYPE 8
#define EML_F_BAD_NUMBER 9
#define EML_F_BAD_OFFSET 10
#define EML_F_SIZE_MISMATCH 11
#define EML_F_OVERFLOW 12
#define EML_F_SUBBYTE 13
#define EML_F_COVERAGE 14   /* bytes that belong to no tensor, or a tensor past the end */
#define EML_F_LIMIT 15      /* rank over 64, a NUL in a name */
#define EML_F_PROTOBUF 16   /* not a protobuf message of the expected type */
#define EML_F_KIND 17       /* a well-formed file of another kind of object */
#define EML_F_VALUE 18      /* a field whose value contradicts another or its range */
#define EML_F_UNKNOWN 19    /* the format could not be recognised from the bytes */

/* The thread's last failure. Strings belong to the library and live until the thread's next failure. */
typedef struct eml_error {
  uint32_t struct_size; /* in: sizeof(eml_error) */
  eml_status code;      /* EML_OK if no call failed on this thread yet */
  int32_t sub_code;     /* EML_F_... for EML_E_FORMAT, errno for EML_E_IO, a callback's value for EML_CANCELLED, the index of
                           the instruction for a compact machine's program, else 0 */
  uint32_t reserved;
  uint64_t byte_offset; /* where in the input; UINT64_MAX if that has no meaning */
  const char *message;  /* NUL-terminated UTF-8, never NULL */
  uint64_t message_len; /* bytes without the NUL */
} eml_error;

/* Copies the calling thread's last failure into *out. Errors: EML_E_ARGUMENT (out NULL), EML_E_VERSION. */
EML_API eml_status eml_last_error(eml_error *out);
/* The last failure's message into the caller's buffer (two-call form, need includes the NUL). Does not change it. */
EML_API eml_status eml_last_error_message(char *buf, uint64_t cap, uint64_t *need);
/* "EML_E_HANDLE" for -2 and so on; "EML_STATUS_UNKNOWN" for others. Static string. */
EML_API const char *eml_status_name(eml_status status);

/* ------------------------------------------------------------------------------------------------ version, build */

/* "0.1.0". Static string. */
EML_API const char *eml_version(void);
/* EML_ABI_VERSION of the library that is loaded. */
EML_API uint32_t eml_abi_version(void);
/* JSON object, static string: version, commit, rid ("linux-x64"), isa ("x86-64", "x86-64-v3", "x86-64-v4", "arm64"),
 * vector_bits (width of the numeric kernels in use), runtime. */
EML_API const char *eml_build_info(void);

/* Log sink. level: 1 error, 2 info. The text is NUL-terminated UTF-8 and lives during the call. The return value
 * is ignored. */
typedef int32_t (*eml_log_fn)(int32_t level, const char *text, void *user);
/* Sets the sink of the *calling thread* (fn may be NULL: off, which is the default). Failures are logged at level 1,
 * trainings, loads and saves at level 2. */
EML_API eml_status eml_log_set(eml_log_fn fn, void *user);

/* ------------------------------------------------------------------------------------------------ handles */

typedef struct eml_model eml_model;         /* a learned function, inputs -> heads */
typedef struct eml_safetree eml_safetree;   /* a saturation-safe composable layer */
typedef struct eml_attention eml_attention; /* an attention block, sequence -> sequence */
typedef struct eml_cancel eml_cancel;       /* a token that stops work */
typedef struct eml_buffer eml_buffer;       /* bytes that the library made */

/* ------------------------------------------------------------------------------------------------ cancel tokens */

EML_API EML_MUST_CHECK eml_status eml_cancel_create(eml_cancel **out);
/* Asks the work that uses the token to stop. Any thread, any number of times; async-signal-safe it is not. */
EML_API eml_status eml_cancel_set(const eml_cancel *cancel);
/* Makes the token usable again. */
EML_API eml_status eml_cancel_reset(const eml_cancel *cancel);
/* *out = 1 if set, else 0. */
EML_API eml_status eml_cancel_is_set(const eml_cancel *cancel, int32_t *out);
EML_API eml_status eml_cancel_free(eml_cancel *cancel);

/* ------------------------------------------------------------------------------------------------ buffers */

/* Bytes of a buffer: *data is aligned to 64 bytes and followed by a NUL that *size does not count; it lives until
 * eml_buffer_free. An empty buffer has a valid *data and *size 0. */
EML_API eml_status eml_buffer_data(const eml_buffer *buffer, const void **data, uint64_t *size);
EML_API eml_status eml_buffer_free(eml_buffer *buffer);

/* ------------------------------------------------------------------------------------------------ mathematics */

/* exp, ln and pow with the bits of glibc >= 2.28 with FMA, on every machine; C99's special cases. No errno, no error. */
EML_API double eml_math_exp(double x);
EML_API double eml_math_ln(double x);
EML_API double eml_math_pow(double x, double y);
/* The same over n values: y[i] = f(x[i]). x and y may be the same array, else must not overlap. */
EML_API eml_status eml_math_exp_batch(const double *x, uint64_t n, double *y);
EML_API eml_status eml_math_ln_batch(const double *x, uint64_t n, double *y);
/* z[i] = pow(x[i], y[i]). */
EML_API eml_status eml_math_pow_batch(const double *x, const double *y, uint64_t n, double *z);

/* exp(x) - ln(y) (Odrzywolek, arXiv:2603.21852). */
EML_API double eml_operator_eml(double x, double y);
/* exp(clamp(x, -20, 20)) - ln(y > 0 ? y : 2.2250738585072014e-308). NaN in y counts as 0. */
EML_API double eml_operator_eml_safe(double x, double y);
/* out[0..2] = softmax of (a, b, c). */
EML_API eml_status eml_operator_softmax3(double a, double b, double c, double out[3]);
/* n restart values of eml-core's 64-bit generator; *state is read and updated. */
EML_API eml_status eml_random_restart(uint64_t *state, double *out, uint64_t n);

/* ------------------------------------------------------------------------------------------------ profiles, flags */

/* Bit for bit the Rust crate eml-core 0.1.0, its quirks included. */
#define EML_PROFILE_EML_CORE_0_1 1
/* Ours: signed outputs, every input and every parameter in use, a sound generator, exact linear read-out. */
#define EML_PROFILE_DEFAULT 2

/* Accept NaN and infinities and compute with them as the profile does (default: EML_E_NONFINITE). */
#define EML_ALLOW_NONFINITE 1u

/* File formats. */
#define EML_FORMAT_AUTO 0        /* reading: from the bytes; writing a file: from its extension */
#define EML_FORMAT_JSON 1        /* eml-core's JSON, compact, as serde_json 1.0.149 prints it            .json */
#define EML_FORMAT_BROWSER 2     /* the browser trainer's export (SafeTree only), 2-space indented  .browser.json */
#define EML_FORMAT_SAFETENSORS 3 /*                                                                   .safetensors */
#define EML_FORMAT_PROTOBUF 4    /* eml.v1.Model of proto/eml/v1/model.proto                                   .pb */
#define EML_FORMAT_NPZ 5         /* arrays of NumPy (language models only)                                    .npz */
#define EML_FORMAT_TIKTOKEN 6    /* a token and its rank a line (tokenizers only)                        .tiktoken */

/* How a function is written out, by eml_model_expression, eml_attention_expression and the like. The source code gives
 * the bits of forward for finite inputs for which no intermediate result overflows, where the language's exp and log are
 * those of glibc >= 2.28 on a CPU with FMA; C code also with -DEML_EXP=eml_math_exp -DEML_LN=eml_math_ln and this
 * library, anywhere. */
#define EML_EXPRESSION_TEXT 1   /* lines of plain text, simplified */
#define EML_EXPRESSION_LATEX 2  /* LaTeX (amsmath), simplified */
#define EML_EXPRESSION_C 3      /* C99: void forward(const double *x, double *y), renamed by -DEML_FUNCTION=name */
#define EML_EXPRESSION_RUST 4   /* pub fn forward(x: &[f64; INPUTS]) -> [f64; HEADS] */
#define EML_EXPRESSION_PYTHON 5 /* def forward(x), a list */
/* Text and LaTeX of a model or an attention block: also leave out the limits that no input within the recorded samples'
 * ranges meets. */
#define EML_WITHIN_SAMPLES 1u

/* ------------------------------------------------------------------------------------------------ EmlTree */

/* Number of parameters of an EmlTree. depth 2..5; inputs >= 1. Errors: EML_E_ARGUMENT. */
EML_API eml_status eml_tree_param_count(uint32_t depth, uint64_t inputs, uint64_t *out);
/* Evaluates an EmlTree for `rows` rows: x (rows, inputs) -> y (rows). params has param_count values.
 * flags: 0 or EML_ALLOW_NONFINITE. Errors: EML_E_ARGUMENT, EML_E_SHAPE, EML_E_NONFINITE. */
EML_API eml_status eml_tree_evaluate(uint32_t depth, uint64_t inputs, const double *params, uint64_t param_count,
                                     const double *x, uint64_t rows, double *y, uint32_t flags);
/* The tree with these parameters written out (two-call form, need includes the NUL). format: EML_EXPRESSION_...
 * Errors: EML_E_ARGUMENT, EML_E_SHAPE, EML_E_NONFINITE, EML_E_BUFFER. */
EML_API eml_status eml_tree_expression(uint32_t depth, uint64_t inputs, const double *params, uint64_t param_count,
                                       int32_t format, char *buf, uint64_t cap, uint64_t *need);

/* ------------------------------------------------------------------------------------------------ SafeTree */

/* A SafeTree: per head, v = bias + weight . x, then `depth` times v <- eml_safe(v c0 + c1, |v| + c2 + 1).
 * Parameters: weights (heads, inputs), biases (heads), constants (heads, depth, 3); all zero at first.
 * Limits: depth <= 1024, parameters <= 2^27. Errors: EML_E_LIMIT, EML_E_MEMORY. */
EML_API EML_MUST_CHECK eml_status eml_safetree_create(uint32_t depth, uint64_t inputs, uint64_t heads,
                                                      eml_safetree **out);
EML_API eml_status eml_safetree_free(eml_safetree *tree);
EML_API EML_MUST_CHECK eml_status eml_safetree_clone(const eml_safetree *tree, eml_safetree **out);

typedef struct eml_safetree_info {
  uint32_t struct_size; /* in */
  uint32_t depth;
  uint64_t inputs;
  uint64_t heads;
  uint64_t param_count;
} eml_safetree_info;
EML_API eml_status eml_safetree_get_info(const eml_safetree *tree, eml_safetree_info *out);
EML_API eml_status eml_safetree_get_params(const eml_safetree *tree, double *out, uint64_t n);
/* flags: 0 or EML_ALLOW_NONFINITE. Errors: EML_E_SHAPE, EML_E_NONFINITE, EML_E_BUSY. */
EML_API eml_status eml_safetree_set_params(eml_safetree *tree, const double *params, uint64_t n, uint32_t flags);
/* x (rows, inputs) -> y (rows, heads). flags: 0 or EML_ALLOW_NONFINITE. Errors: EML_E_NONFINITE, EML_E_BUSY. */
EML_API eml_status eml_safetree_forward(const eml_safetree *tree, const double *x, uint64_t rows, double *y,
                                        uint32_t flags);
/* Written out (two-call form, need includes the NUL). format: EML_EXPRESSION_... Limit: 2^20 parameters.
 * Errors: EML_E_ARGUMENT, EML_E_LIMIT, EML_E_BUFFER. */
EML_API eml_status eml_safetree_expression(const eml_safetree *tree, int32_t format, char *buf, uint64_t cap,
                                           uint64_t *need);
/* Export, import, save, load: as for eml_model below; all four formats. Of these only EML_FORMAT_JSON takes parameters
 * that are not finite, and writes them as null; the others give EML_E_NONFINITE. */
EML_API eml_status eml_safetree_export(const eml_safetree *tree, int32_t format, void *buf, uint64_t cap,
                                       uint64_t *need);
EML_API EML_MUST_CHECK eml_status eml_safetree_import(const void *bytes, uint64_t len, int32_t format,
                                                      eml_safetree **out);
EML_API eml_status eml_safetree_save(const eml_safetree *tree, const char *path, uint64_t path_len, int32_t format);
EML_API EML_MUST_CHECK eml_status eml_safetree_load(const char *path, uint64_t path_len, int32_t format,
                                                    eml_safetree **out);

/* ------------------------------------------------------------------------------------------------ EmlModel */

typedef struct eml_model_options {
  uint32_t struct_size;
  uint32_t depth;      /* 2..5; default 4 */
  uint64_t inputs;     /* >= 1 (profile eml-core-0.1 also takes 0, as the crate does, but cannot evaluate); default 1 */
  uint64_t heads;      /* >= 1; default 1 */
  int32_t profile;     /* EML_PROFILE_...; default EML_PROFILE_DEFAULT */
  uint32_t reserved;   /* 0 */
} eml_model_options;
EML_API eml_status eml_model_options_init(eml_model_options *options, uint32_t struct_size);

/* A new, untrained model. options may be NULL (all defaults).
 * Limits: inputs and heads <= 2^20, parameters <= 2^27. Errors: EML_E_ARGUMENT, EML_E_LIMIT, EML_E_MEMORY. */
EML_API EML_MUST_CHECK eml_status eml_model_create(const eml_model_options *options, eml_model **out);
EML_API eml_status eml_model_free(eml_model *model);
/* A copy with the parameters, name, metadata, scaling, samples and pending events of the original. */
EML_API EML_MUST_CHECK eml_status eml_model_clone(const eml_model *model, eml_model **out);

typedef struct eml_model_info {
  uint32_t struct_size; /* in */
  uint32_t depth;
  uint64_t inputs;
  uint64_t heads;
  uint64_t param_count;
  uint64_t sample_count; /* recorded rows */
  uint64_t event_count;  /* pending events */
  int32_t profile;
  int32_t trained; /* 0 or 1 */
  int32_t scaled;  /* 1 if a scaling is set */
  uint32_t reserved;
} eml_model_info;
EML_API eml_status eml_model_get_info(const eml_model *model, eml_model_info *out);

/* Parameters: n must be param_count. set: flags 0 or EML_ALLOW_NONFINITE. Errors: EML_E_SHAPE, EML_E_NONFINITE,
 * EML_E_BUSY. */
EML_API eml_status eml_model_get_params(const eml_model *model, double *out, uint64_t n);
EML_API eml_status eml_model_set_params(eml_model *model, const double *params, uint64_t n, uint32_t flags);
EML_API eml_status eml_model_set_trained(eml_model *model, int32_t trained);
/* The name that events carry; "" at first (events then say eml_d{depth}x{inputs}x{heads}). */
EML_API eml_status eml_model_set_name(eml_model *model, const char *name, uint64_t len);
EML_API eml_status eml_model_get_name(const eml_model *model, char *buf, uint64_t cap, uint64_t *need);
/* Free text that travels with the model in every format. value may be NULL: the key is removed.
 * get: EML_E_STATE if there is no such key. Limits: 256 keys, key <= 256 bytes, value <= 1 MiB. */
EML_API eml_status eml_model_set_metadata(eml_model *model, const char *key, uint64_t key_len, const char *value,
                                          uint64_t value_len);
EML_API eml_status eml_model_get_metadata(const eml_model *model, const char *key, uint64_t key_len, char *buf,
                                          uint64_t cap, uint64_t *need);
/* The keys: *out is how many there are; get_metadata_key copies number `index` of them (two-call form, so the text is the
 * caller's; need includes the NUL). They are in ordinal order (of UTF-16 code units; of ASCII keys that is byte order),
 * so that an index means another key once one is added or removed. Errors: EML_E_ARGUMENT (index >= count), EML_E_BUFFER. */
EML_API eml_status eml_model_get_metadata_count(const eml_model *model, uint64_t *out);
EML_API eml_status eml_model_get_metadata_key(const eml_model *model, uint64_t index, char *buf, uint64_t cap,
                                              uint64_t *need);

/* Scaling between the user's units and the range that the model likes: the model sees (x - offset) * factor and answers
 * offset + y / factor. inputs: (inputs, 2) of (offset, factor), targets: (heads, 2); factors finite and not 0.
 * Both NULL: no scaling. Once set, record, forward and distill speak the user's units; losses are in the model's. */
EML_API eml_status eml_model_set_scaling(eml_model *model, const double *inputs, const double *targets);
/* Sets the scaling that maps the recorded samples to [0, 1] per column. Errors: EML_E_STATE without samples. */
EML_API eml_status eml_model_fit_scaling(eml_model *model);
/* Writes the scaling ((1, 0, 1 ...) pairs (0, 1) where none is set). Either pointer may be NULL. */
EML_API eml_status eml_model_get_scaling(const eml_model *model, double *inputs, double *targets);

/* Records `rows` samples: x (rows, inputs), targets (rows, heads). present (rows, heads) of 0/1 says which targets
 * are known; NULL: all. flags: 0 or EML_ALLOW_NONFINITE. Nothing is recorded on failure. Limit: 2^27 numbers.
 * Errors: EML_E_NONFINITE (names row and column), EML_E_LIMIT, EML_E_BUSY. */
EML_API eml_status eml_model_record(eml_model *model, const double *x, const double *targets, const uint8_t *present,
                                    uint64_t rows, uint32_t flags);
EML_API eml_status eml_model_clear_samples(eml_model *model);

/* x (rows, inputs) -> y (rows, heads). flags: 0 or EML_ALLOW_NONFINITE. No allocation.
 * Errors: EML_E_NONFINITE, EML_E_STATE (no inputs), EML_E_BUSY (being trained). */
EML_API eml_status eml_model_forward(const eml_model *model, const double *x, uint64_t rows, double *y,
                                     uint32_t flags);

#define EML_PHASE_RESTART 1 /* random restarts */
#define EML_PHASE_DESCENT 2 /* coordinate descent */
#define EML_PHASE_SNAP 3    /* eml_model_snap, eml_attention_snap; step and total count trials of a round */
typedef struct eml_progress {
  uint32_t struct_size;
  int32_t phase;        /* EML_PHASE_... */
  uint64_t step;        /* restarts or sweeps done */
  uint64_t total;       /* most there can be */
  double loss;          /* best so far; the largest double until the first one is known */
  uint64_t evaluations; /* of the loss, so far */
  uint64_t accepted;    /* moves kept so far */
} eml_progress;
typedef int32_t (*eml_progress_fn)(const eml_progress *progress, void *user);

/* Takes the next bytes of an audit log: a whole record, with its length. A value other than 0 says that they could not be
 * kept: the work fails with EML_E_IO, which has that value as its sub-code, and the model stays as it was. */
typedef int32_t (*eml_write_fn)(const void *bytes, uint64_t len, void *user);

typedef struct eml_train_options {
  uint32_t struct_size;
  uint32_t max_sweeps;      /* of coordinate descent; 0: the profile's own (1000 / 400) */
  uint64_t seed;            /* default profile only; 0 in eml-core-0.1 (its seed is fixed) */
  double target_loss;       /* default profile: stop when reached; 0: never. eml-core-0.1: must be 0 */
  const eml_cancel *cancel; /* may be NULL */
  eml_progress_fn progress; /* may be NULL; called at most every 10 ms of work and at every phase's end */
  void *user;               /* for both callbacks */
  const char *audit_path;   /* may be NULL; the file that gets the audit log, see eml_model_verify_audit. It is emptied */
  uint64_t audit_path_len;
  eml_write_fn audit;       /* may be NULL; gets the same bytes */
} eml_train_options;
EML_API eml_status eml_train_options_init(eml_train_options *options, uint32_t struct_size);

typedef struct eml_train_result {
  uint32_t struct_size; /* in */
  int32_t converged;    /* 1: loss < 0.01 */
  uint64_t samples_used;
  double loss_before; /* weighted mean squared error, in the model's (scaled) units */
  double loss_after;
  uint64_t evaluations;
  uint64_t accepted;
  uint64_t sweeps;
} eml_train_result;
/* Trains on the recorded samples by random restarts and coordinate descent; logs a Trained event. options and result may
 * be NULL. Returns EML_OK (also if not converged), EML_CANCELLED (best parameters so far kept, event logged, audit log
 * whole). Cancelled before the first loss is known, the model stays as it was and both losses are the largest double;
 * cancelled later, the default profile gives loss_after on the rows that it searched on (all, or at most 4096 spread
 * evenly).
 * Errors: EML_E_STATE (profile eml-core-0.1: fewer than 50 samples; default: fewer than 2), EML_E_ARGUMENT, EML_E_LIMIT
 * (default: 1 + inputs + 2^(depth - 1) - 1 over 16384), EML_E_BUSY, EML_E_IO (the audit log cannot be written; the model
 * stays as it was). */
EML_API eml_status eml_model_train(eml_model *model, const eml_train_options *options, eml_train_result *result);

/* What the check of an audit log found. */
#define EML_AUDIT_OK 0         /* the log is whole, and training again gives every record of it */
#define EML_AUDIT_TRUNCATED 1  /* it ends too early (a training that was killed); every whole record is right */
#define EML_AUDIT_MALFORMED 2  /* bytes that are no record, or a record that cannot stand where it stands */
#define EML_AUDIT_CHANGED 3    /* a record is not what was written */
#define EML_AUDIT_MISSING 4    /* in front of this record others are missing */
#define EML_AUDIT_DOUBLED 5    /* a record stands twice */
#define EML_AUDIT_REORDERED 6  /* a record stands in another's place */
#define EML_AUDIT_OTHER_DATA 7 /* the samples are not those of the training */
#define EML_AUDIT_DIFFERS 8    /* the log agrees with itself, but training again gives another record (another seed) */
#define EML_AUDIT_STOPPED 9    /* the check was stopped before it was done */
typedef struct eml_audit_report {
  uint32_t struct_size; /* in */
  int32_t verdict;      /* EML_AUDIT_... */
  uint64_t record;      /* number, from 0, of the first wrong record; as many as there are if none is wrong */
  uint64_t byte_offset; /* where it begins */
  uint64_t records;     /* whole records in the log */
  uint64_t moves;       /* changes that the training kept, up to the first fault */
  uint64_t trials;      /* of the end record, like the next two; 0 if there is none */
  double loss;
  int32_t cancelled; /* 1: the training was stopped; the log is shorter for that, but whole */
  uint32_t reserved;
} eml_audit_report;
/* Checks an audit log (proto/eml/v1/audit.proto) by training again from what it begins with, on the samples that `model`
 * has recorded; nothing else of the model matters. The last 32 bytes of a whole log are its final hash (SHA-256), which
 * covers all of it: keep it elsewhere to be sure that nobody wrote another log of another training. Of the options, which
 * may be NULL, cancel, progress and user count. out may be NULL.
 * Errors: EML_E_FORMAT if the log does not hold (sub-code EML_F_TRUNCATED or EML_F_VALUE, and the byte offset of the
 * record); *out is written then, too. EML_E_FORMAT with EML_F_KIND: the log of another kind of object. EML_E_BUSY. */
EML_API EML_MUST_CHECK eml_status eml_model_verify_audit(const eml_model *model, const void *log, uint64_t len,
                                                         const eml_train_options *options, eml_audit_report *out);
/* The same for a file. Errors: also EML_E_IO. */
EML_API EML_MUST_CHECK eml_status eml_model_verify_audit_file(const eml_model *model, const char *path,
                                                              uint64_t path_len, const eml_train_options *options,
                                                              eml_audit_report *out);
/* The loss of the current parameters on the recorded samples (the largest double if there is nothing to compare). */
EML_API eml_status eml_model_loss(const eml_model *model, double *out);

typedef struct eml_snap_options {
  uint32_t struct_size;
  uint32_t reserved;        /* 0 */
  double tolerance;         /* how far a parameter may be from its constant; default 0.05 */
  double max_loss_increase; /* by what share of itself the loss may grow altogether; default 0.05 */
  double max_loss;          /* a loss that is always good enough; 0 (default): 1e-9 of the targets' mean square */
  const eml_cancel *cancel; /* may be NULL */
  eml_progress_fn progress; /* may be NULL; as in eml_train_options, with EML_PHASE_SNAP */
  void *user;
} eml_snap_options;
EML_API eml_status eml_snap_options_init(eml_snap_options *options, uint32_t struct_size);

typedef struct eml_snap_result {
  uint32_t struct_size; /* in */
  int32_t unscaled;     /* 1: the scaling became part of the parameters, which are in the user's units now */
  uint64_t snapped;     /* constants set, one for each entry of the list */
  double loss_before;   /* in the units of eml_train_result, also after an unscaling */
  double loss_after;
  double loss_allowed; /* the bound that follows from the options */
  uint64_t evaluations;
} eml_snap_result;
/* Replaces parameters by 0 or +-p/q with p, q <= 12 where the loss on the recorded samples allows it; simplest first, the
 * smallest loss first. Profile eml-core-0.1: mixtures become one component, two of them, or shares with denominators up
 * to 4. Default: a scaling becomes part of the parameters; nodes that the other terms can stand in for get the weight 0;
 * the free weights of the heads are solved again after every change. snapped may be NULL if cap is 0; it receives the
 * indices of the first `cap` parameters that were set to constants, in the order in which that happened. options and
 * result may be NULL. Returns EML_OK, EML_CANCELLED (what was snapped so far is kept).
 * Errors: EML_E_STATE (no sample with a known target), EML_E_ARGUMENT, EML_E_BUSY. */
EML_API eml_status eml_model_snap(eml_model *model, const eml_snap_options *options, uint64_t *snapped, uint64_t cap,
                                  eml_snap_result *result);
/* The function between the user's units written out (two-call form, need includes the NUL). format: EML_EXPRESSION_...
 * flags: 0 or EML_WITHIN_SAMPLES. Limit: 2^20 parameters.
 * Errors: EML_E_ARGUMENT, EML_E_STATE (no inputs; no samples), EML_E_LIMIT, EML_E_BUFFER. */
EML_API eml_status eml_model_expression(const eml_model *model, int32_t format, uint32_t flags, char *buf,
                                        uint64_t cap, uint64_t *need);

/* Trains a shallower student of the same profile on `samples` (at least 50) random inputs in [0, 1).
 * depth < the model's. options may be NULL. EML_CANCELLED: *out holds the student as far as it came (perhaps with fewer
 * samples and untrained). */
EML_API EML_MUST_CHECK eml_status eml_model_distill(const eml_model *model, uint32_t depth, uint64_t samples,
                                                    const eml_train_options *options, eml_model **out);
/* Back to untrained zero parameters; samples, name, scaling stay. Logs a Reset event with the reason. */
EML_API eml_status eml_model_reset(eml_model *model, const char *reason, uint64_t len);

/* The model as bytes (two-call form; no NUL is added). format: EML_FORMAT_JSON, _SAFETENSORS or _PROTOBUF.
 * Samples and events are not part of it. Errors: EML_E_BUFFER, EML_E_UNSUPPORTED (format), EML_E_NONFINITE (parameters
 * that are not finite; only eml-core's JSON writes them, as null). */
EML_API eml_status eml_model_export(const eml_model *model, int32_t format, void *buf, uint64_t cap, uint64_t *need);
/* The same in one call. */
EML_API EML_MUST_CHECK eml_status eml_model_export_buffer(const eml_model *model, int32_t format, eml_buffer **out);
/* A model from bytes. Everything is checked: shapes, lengths, finite parameters. Errors: EML_E_FORMAT with sub-code
 * and byte offset, EML_E_NONFINITE, EML_E_LIMIT, EML_E_VERSION. */
EML_API EML_MUST_CHECK eml_status eml_model_import(const void *bytes, uint64_t len, int32_t format, eml_model **out);
/* Writes path by way of a temporary file in the same folder, flushed and renamed: at any instant path is the old file or
 * the new one. Logs a Saved event. Errors: EML_E_IO, EML_E_ARGUMENT (extension), EML_E_NONFINITE (as for export),
 * EML_E_BUSY. */
EML_API eml_status eml_model_save(eml_model *model, const char *path, uint64_t path_len, int32_t format);
/* Reads a file that eml_model_save or eml-core wrote. The new model has one Loaded event. */
EML_API EML_MUST_CHECK eml_status eml_model_load(const char *path, uint64_t path_len, int32_t format,
                                                 eml_model **out);

/* ------------------------------------------------------------------------------------------------ attention blocks */

/* A function of a whole sequence: seq_len tokens of d_model numbers in, the same shape out. softmax(Q K' / sqrt(d_k)) V
 * between maps that are learned without gradients. Three kinds: */
#define EML_ATTENTION_TOY 1      /* eml-core's ToyEmlAttention, bit for bit: five SafeTrees (q, k, v, softmax, out) */
#define EML_ATTENTION_BASELINE 2 /* eml-core's BaselineAttention, bit for bit: four affine maps */
#define EML_ATTENTION_BLOCK 3    /* ours: up to four heads between affine maps and EML nodes, each token by itself */

typedef struct eml_attention_options {
  uint32_t struct_size;
  int32_t kind;       /* EML_ATTENTION_...; default EML_ATTENTION_BLOCK */
  uint32_t d_model;   /* numbers in a token: 1..32, BLOCK 1..128; default 8 */
  uint32_t d_k;       /* numbers in a query or key: 1..d_model; default 8 */
  uint32_t seq_len;   /* tokens in a sequence: 1..8, BLOCK 1..64; default 4 */
  uint32_t depth;     /* TOY: levels of the trees, 3..5; default 3. The other kinds have none and ignore it */
  uint32_t heads;     /* BLOCK: 1..4; default 1, which is all that the other kinds take */
  uint32_t nodes;     /* BLOCK: EML nodes before and behind the attention, 0..64 (0: affine); default 8. Others ignore it */
  int32_t positional; /* BLOCK: 1: learned encodings of the positions; default 0 */
  int32_t residual;   /* BLOCK: 1: the answer also reads the token at its own position; default 1. Others ignore it */
  uint32_t chunk;     /* BLOCK: keys looked at together, a multiple of 8; 0, the default: all. The answers are the same */
  uint32_t reserved;  /* 0 */
} eml_attention_options;
EML_API eml_status eml_attention_options_init(eml_attention_options *options, uint32_t struct_size);

/* A new block: TOY and BASELINE with eml-core's small parameters, BLOCK answers 0. options may be NULL (all defaults).
 * Errors: EML_E_ARGUMENT, EML_E_LIMIT, EML_E_UNSUPPORTED (a choice that the kind does not have), EML_E_MEMORY. */
EML_API EML_MUST_CHECK eml_status eml_attention_create(const eml_attention_options *options, eml_attention **out);
EML_API eml_status eml_attention_free(eml_attention *attention);
/* A copy with the parameters, name, state, samples and pending events of the original. */
EML_API EML_MUST_CHECK eml_status eml_attention_clone(const eml_attention *attention, eml_attention **out);

typedef struct eml_attention_info {
  uint32_t struct_size; /* in */
  int32_t kind;         /* EML_ATTENTION_... */
  uint32_t d_model;
  uint32_t d_k;
  uint32_t seq_len;
  uint32_t depth; /* 0 but for TOY */
  uint32_t heads;
  uint32_t nodes;
  int32_t positional;
  int32_t residual;
  uint32_t chunk;
  int32_t trained; /* 0 or 1 */
  uint64_t param_count;
  uint64_t sample_count;    /* recorded samples that are kept */
  uint64_t event_count;     /* pending events */
  uint64_t training_rounds; /* TOY, BASELINE: trainings so far; BLOCK: 0 */
  uint64_t last_accepts;    /* TOY, BASELINE: moves that the last training kept; BLOCK: 0 */
  double scale;             /* what scores are multiplied by: 1 / sqrt(d_k), or what a file said */
} eml_attention_info;
EML_API eml_status eml_attention_get_info(const eml_attention *attention, eml_attention_info *out);

/* Parameters: n must be param_count. TOY, BASELINE: part after part (q, k, v, softmax, out), each as in a SafeTree; BLOCK: as
 * proto/eml/v1/attention.proto says. set: flags 0 or, but for BLOCK, EML_ALLOW_NONFINITE. Errors: EML_E_SHAPE,
 * EML_E_NONFINITE, EML_E_UNSUPPORTED (flags), EML_E_BUSY. */
EML_API eml_status eml_attention_get_params(const eml_attention *attention, double *out, uint64_t n);
EML_API eml_status eml_attention_set_params(eml_attention *attention, const double *params, uint64_t n, uint32_t flags);
/* TOY: once trained, the softmax tree takes the softmax's place. */
EML_API eml_status eml_attention_set_trained(eml_attention *attention, int32_t trained);
/* The name that events and files carry; "" at first. Limit: 1 MiB. */
EML_API eml_status eml_attention_set_name(eml_attention *attention, const char *name, uint64_t len);
EML_API eml_status eml_attention_get_name(const eml_attention *attention, char *buf, uint64_t cap, uint64_t *need);

/* Records `rows` samples: x and targets (rows, seq_len, d_model). The last 256 are kept, of BLOCK the last 1024. Nothing is
 * recorded on failure. flags as for set_params. Errors: EML_E_NONFINITE (names row and column), EML_E_BUSY. */
EML_API eml_status eml_attention_record(eml_attention *attention, const double *x, const double *targets, uint64_t rows,
                                        uint32_t flags);
EML_API eml_status eml_attention_clear_samples(eml_attention *attention);

/* x (rows, seq_len, d_model) -> y (rows, seq_len, d_model). flags as for set_params. No allocation after the first call.
 * Errors: EML_E_NONFINITE, EML_E_BUSY (being trained). */
EML_API eml_status eml_attention_forward(const eml_attention *attention, const double *x, uint64_t rows, double *y,
                                         uint32_t flags);
/* The mean squared error over all recorded samples (the largest double if there are none). */
EML_API eml_status eml_attention_loss(const eml_attention *attention, double *out);

#define EML_PHASE_ALIGNMENT 1  /* BLOCK: heads are aligned; its steps are evaluations */
#define EML_PHASE_REFINEMENT 2 /* BLOCK: everything is refined. TOY, BASELINE: the phase is the number of the training */

typedef struct eml_attention_train_options {
  uint32_t struct_size;
  uint32_t reserved;        /* 0 */
  uint64_t seed;            /* of the search's random numbers; default 0xDEADBEEF */
  uint64_t trials;          /* TOY, BASELINE, down to convergence_mse: moves that are tried; default 2000 */
  double step_init;         /* largest move at the beginning; default 0.5 */
  double step_final;        /* largest move at the end; default 0.02 */
  uint64_t max_samples;     /* samples used, from the oldest on; default 96 */
  uint64_t eval_subset;     /* samples of these that a move is measured on, >= 1; default 16 */
  double convergence_mse;   /* the block counts as trained below this error; default 0.01 */
  uint64_t max_evaluations; /* BLOCK: most forward evaluations of a sample; 0, the default: 240,000 */
  double target_loss;       /* BLOCK: stop at this cross-validated error; 0, the default: at that of rounding */
  const eml_cancel *cancel; /* this and what follows: as in eml_train_options */
  eml_progress_fn progress;
  void *user;
  const char *audit_path;
  uint64_t audit_path_len;
  eml_write_fn audit;
} eml_attention_train_options;
EML_API eml_status eml_attention_train_options_init(eml_attention_train_options *options, uint32_t struct_size);

typedef struct eml_attention_train_result {
  uint32_t struct_size; /* in */
  int32_t converged;    /* 1: mse_after < convergence_mse (BLOCK: 0.01) */
  uint64_t samples_used;
  double mse_before; /* TOY, BASELINE: on the subset that moves are measured on; BLOCK: on all samples */
  double mse_after;
  double cross_loss;    /* BLOCK: the cross-validated error, which is what is compared; else mse_after */
  uint64_t evaluations; /* forward evaluations of a sample */
  uint64_t trials;
  uint64_t accepted; /* changes kept */
  uint64_t rounds;   /* BLOCK: of alignment and refinement; else trainings so far, this one included */
} eml_attention_train_result;
/* Trains on the recorded samples; if it converges (BLOCK: always), logs a Trained event, but for BASELINE. options and result
 * may be NULL. Returns EML_OK (also if not converged) or EML_CANCELLED (best parameters so far kept). With fewer than 4
 * samples TOY and BASELINE count the training and leave it at that, as the crate does: both errors are infinite.
 * Errors: EML_E_STATE (BLOCK: fewer than 4 samples), EML_E_ARGUMENT, EML_E_NONFINITE, EML_E_UNSUPPORTED (an option that the
 * kind does not have), EML_E_BUSY, EML_E_IO (the audit log cannot be written; the block stays as it was). */
EML_API eml_status eml_attention_train(eml_attention *attention, const eml_attention_train_options *options,
                                       eml_attention_train_result *result);

/* Replaces parameters by 0 or +-p/q with p, q <= 12 where the mean squared error on the recorded samples allows it: what can
 * be 0 first, then simplest first, the smallest error first. snapped, cap, options and result as for eml_model_snap; `unscaled`
 * is 0. Returns EML_OK, EML_CANCELLED (what was snapped so far is kept). Errors: EML_E_STATE (no samples), EML_E_ARGUMENT,
 * EML_E_BUSY. */
EML_API eml_status eml_attention_snap(eml_attention *attention, const eml_snap_options *options, uint64_t *snapped,
                                      uint64_t cap, eml_snap_result *result);
/* The function written out, from the seq_len * d_model numbers of a sequence, token after token, to as many of the answer; of
 * TOY with the softmax that forward uses now. format, flags and the rest as for eml_model_expression. Limit: 2^20 parameters,
 * of BLOCK, which has each of them at every position, 2^20 products.
 * Errors: EML_E_ARGUMENT, EML_E_STATE (no samples), EML_E_LIMIT, EML_E_BUFFER. */
EML_API eml_status eml_attention_expression(const eml_attention *attention, int32_t format, uint32_t flags, char *buf,
                                            uint64_t cap, uint64_t *need);

/* Checks an audit log as eml_model_verify_audit does, on the samples that `attention` has recorded; it must be eml-core's
 * (TOY or BASELINE) or BLOCK as the log's is, else EML_E_FORMAT with EML_F_KIND. */
EML_API EML_MUST_CHECK eml_status eml_attention_verify_audit(const eml_attention *attention, const void *log, uint64_t len,
                                                             const eml_attention_train_options *options,
                                                             eml_audit_report *out);
/* The same for a file. Errors: also EML_E_IO. */
EML_API EML_MUST_CHECK eml_status eml_attention_verify_audit_file(const eml_attention *attention, const char *path,
                                                                  uint64_t path_len,
                                                                  const eml_attention_train_options *options,
                                                                  eml_audit_report *out);

/* Export, import, save, load: as for eml_model above. Import and load take a block of any kind: eml_attention_get_info says
 * which it is. */
EML_API eml_status eml_attention_export(const eml_attention *attention, int32_t format, void *buf, uint64_t cap,
                                        uint64_t *need);
EML_API EML_MUST_CHECK eml_status eml_attention_export_buffer(const eml_attention *attention, int32_t format,
                                                              eml_buffer **out);
EML_API EML_MUST_CHECK eml_status eml_attention_import(const void *bytes, uint64_t len, int32_t format,
                                                       eml_attention **out);
EML_API eml_status eml_attention_save(eml_attention *attention, const char *path, uint64_t path_len, int32_t format);
EML_API EML_MUST_CHECK eml_status eml_attention_load(const char *path, uint64_t path_len, int32_t format,
                                                     eml_attention **out);

/* eml-core's benchmark of a TOY block on the task "each row's mean" (run_benchmark_with_trials; run_benchmark has 400 trials),
 * as its JSON object: *json is text, its closing NUL is not counted. cancel may be NULL. EML_CANCELLED: *json is NULL. */
EML_API EML_MUST_CHECK eml_status eml_attention_benchmark(uint32_t d_model, uint32_t d_k, uint32_t seq_len, uint32_t depth,
                                                          uint64_t trials, const eml_cancel *cancel, eml_buffer **json);
/* eml-core's compare_eml_vs_baseline: a TOY and a BASELINE block on the same samples, trained `rounds` times each. options,
 * which may be NULL, are those of each training, without an audit log. EML_CANCELLED: *json is NULL. */
EML_API EML_MUST_CHECK eml_status eml_attention_compare(uint32_t d_model, uint32_t d_k, uint32_t seq_len, uint32_t depth,
                                                        const eml_attention_train_options *options, uint64_t rounds,
                                                        eml_buffer **json);

/* ------------------------------------------------------------------------------------------------ events */

#define EML_EVENT_TRAINED 1
#define EML_EVENT_PREDICTION 2
#define EML_EVENT_DRIFT 3
#define EML_EVENT_SAVED 4
#define EML_EVENT_LOADED 5
#define EML_EVENT_RESET 6

/* One event; fields that a type does not name are 0. All strings are NUL-terminated UTF-8.
 *   TRAINED     count0 samples_used, count1 param_count, value0 mse_before, value1 mse_after, flag converged
 *   PREDICTION  text inputs_hash, output the predicted values
 *   DRIFT       value0 predicted, value1 actual, value2 drift_pct
 *   SAVED       text path, count1 param_count
 *   LOADED      text path, count0 samples, flag trained
 *   RESET       text reason */
typedef struct eml_event {
  uint32_t struct_size;
  int32_t type; /* EML_EVENT_... */
  const char *model_name;
  uint64_t model_name_len; /* in: EML_NTS allowed */
  const char *text;
  uint64_t text_len; /* in: EML_NTS allowed */
  const double *output;
  uint64_t output_len;
  double value0, value1, value2;
  uint64_t count0, count1;
  int32_t flag;
  uint32_t reserved;
} eml_event;

/* "eml.trained" and so on; "eml.unknown" for others. Static string. */
EML_API const char *eml_event_type_name(int32_t type);
/* Appends an event of the caller's. Limit: 2^20 pending events. Errors: EML_E_ARGUMENT, EML_E_LIMIT, EML_E_BUSY. */
EML_API eml_status eml_model_push_event(eml_model *model, const eml_event *event);
/* Takes the oldest event out of the log. Pointers in *out live until the next call with this handle. EML_DONE and an
 * untouched *out (but for struct_size) if the log is empty. */
EML_API eml_status eml_model_next_event(eml_model *model, eml_event *out);
/* All pending events: a JSON array as eml-core prints it (EML_FORMAT_JSON; need counts a closing NUL) or an
 * eml.v1.EventLog message (EML_FORMAT_PROTOBUF). The log is emptied only if the bytes were written. */
EML_API eml_status eml_model_drain_events(eml_model *model, int32_t format, void *buf, uint64_t cap, uint64_t *need);
/* Event sink: called with every new event, on the thread whose call caused it; a non-zero return is ignored. NULL: off. */
typedef int32_t (*eml_event_fn)(const eml_event *event, void *user);
EML_API eml_status eml_model_set_event_sink(eml_model *model, eml_event_fn fn, void *user);
/* The same for attention blocks. */
EML_API eml_status eml_attention_push_event(eml_attention *attention, const eml_event *event);
EML_API eml_status eml_attention_next_event(eml_attention *attention, eml_event *out);
EML_API eml_status eml_attention_drain_events(eml_attention *attention, int32_t format, void *buf, uint64_t cap,
                                              uint64_t *need);
EML_API eml_status eml_attention_set_event_sink(eml_attention *attention, eml_event_fn fn, void *user);

/* ------------------------------------------------------------------------------------------------ compact machines */

/* A transformer (8 layers, d_model 100, d_ffn 100, 30 heads of width 2, 260 tokens) whose weights were compiled, not
 * trained: each forward pass executes one instruction of a program, exactly, and generates one token, its value. A
 * subset of WebAssembly over bytes: values are 0..255, arithmetic is modulo 256 and comparisons are of these numbers;
 * 256 locals; memory addresses 0..510; four files of at most 32 bytes. The weights are compiled once per process
 * (when the first machine is created) and shared; a machine is a program at work with them. */
typedef struct eml_machine eml_machine;

/* Operands: n a value, i the number of a local, o an offset added to the address, d a file (0..3), l how many loops further
 * out (0: the innermost). o and l may be left out (0). "a b" are the values taken from the stack, b being its top. */
#define EML_OP_CONST 0x00     /* n: pushes n */
#define EML_OP_ADD 0x01       /* a b: pushes a + b */
#define EML_OP_LOOP 0x03      /* begins a loop; its body runs once, and again each time a br_if goes back */
#define EML_OP_END_LOOP 0x0B  /* ends the innermost loop */
#define EML_OP_BR_IF 0x0D     /* l; a: goes back to the start of the loop if a is not 0 */
#define EML_OP_LOCAL_GET 0x20 /* i: pushes the local, 0 if it was never set */
#define EML_OP_LOCAL_SET 0x21 /* i; a: the local becomes a */
#define EML_OP_LOCAL_TEE 0x22 /* i; a: the same, and a stays on the stack */
#define EML_OP_LOAD 0x28      /* o; a: pushes the byte at a + o, 0 if nothing was stored there */
#define EML_OP_STORE 0x36     /* o; a b: stores b at a + o */
#define EML_OP_EQ 0x46        /* a b: pushes 1 if a = b, else 0; so do the next five */
#define EML_OP_NE 0x47
#define EML_OP_LT_S 0x48
#define EML_OP_GT_S 0x4A
#define EML_OP_LE_S 0x4C
#define EML_OP_GE_S 0x4E
#define EML_OP_SUB 0x6B      /* a b: pushes a - b */
#define EML_OP_MUL 0x6C      /* a b: pushes a b */
#define EML_OP_AND 0x71      /* a b: pushes the bitwise and */
#define EML_OP_OR 0x72       /* a b: pushes the bitwise or */
#define EML_OP_OUTPUT 0xF0   /* a: appends a to the output */
#define EML_OP_FD_OPEN 0xF1  /* d: opens the file at its beginning, pushes d */
#define EML_OP_FD_READ 0xF2  /* a: pushes the next byte of file a, 0 past its end */
#define EML_OP_FD_WRITE 0xF3 /* a b: writes b as the next byte of file a */
#define EML_OP_FD_CLOSE 0xF4 /* a: closes file a */
#define EML_OP_HALT 0xFF     /* ends the program */

/* The operand of an instruction without one. */
#define EML_NO_OPERAND (-1)
typedef struct eml_instruction {
  int32_t opcode;  /* EML_OP_... */
  int32_t operand; /* 0..255 or EML_NO_OPERAND */
} eml_instruction;

typedef struct eml_machine_options {
  uint32_t struct_size;
  int32_t dense;      /* 1: plain matrix products and scans of the whole sequence, the reference: the same tokens, but a
                         step costs what the sequence is long, in time and memory; default 0 */
  int32_t keep_trace; /* 1: keep every generated token for eml_machine_trace; default 0, memory does not grow with steps */
  int32_t probe;      /* 1: the callback of eml_machine_run also sees what the layers computed, which costs time; default 0 */
} eml_machine_options;
EML_API eml_status eml_machine_options_init(eml_machine_options *options, uint32_t struct_size);

/* A machine without a program. options may be NULL (all defaults). Errors: EML_E_ARGUMENT, EML_E_MEMORY. */
EML_API EML_MUST_CHECK eml_status eml_machine_create(const eml_machine_options *options, eml_machine **out);
EML_API eml_status eml_machine_free(eml_machine *machine);

/* Checks a program and puts it at its start, with empty files; what was loaded before is gone, but if the program is refused it
 * stays. A program is refused if it is not certain that it runs without a fault: the message says which instruction and
 * why, the sub-code is that instruction's index. Limits: 1..4096 instructions, the last is halt; 256 values on the stack,
 * which a br_if must leave as deep as its loop found it; 64 loops inside each other; files are opened before use.
 * Errors: EML_E_ARGUMENT, EML_E_LIMIT, EML_E_BUSY. */
EML_API EML_MUST_CHECK eml_status eml_machine_load(eml_machine *machine, const eml_instruction *program, uint64_t count);
/* The same for program text of text_len UTF-8 bytes (EML_NTS: up to its NUL): the opcodes' names as eml_machine_describe has
 * them, or their codes as 0x01, each with its operand behind it on the same line; ";;" or "#" begins a comment. Messages, also
 * those of a run that fails later, begin with "line 3, column 5:".
 * Errors: as eml_machine_load, and EML_E_FORMAT (EML_F_VALUE, byte_offset: not such text). */
EML_API EML_MUST_CHECK eml_status eml_machine_load_text(eml_machine *machine, const char *text, uint64_t text_len);
/* Sets what file 0..3 holds at the program's start: after loading it, before the first instruction. At most 32 bytes.
 * Errors: EML_E_STATE (no program, or it has begun), EML_E_ARGUMENT, EML_E_LIMIT, EML_E_BUSY. */
EML_API eml_status eml_machine_set_file(eml_machine *machine, int32_t descriptor, const void *bytes, uint64_t size);

/* One executed instruction. The layer data is NULL, and its shape 0, where it was not asked for; what its parts are for is said
 * by eml_machine_describe. It lives until the next call that is not const with this machine, in a callback as long as that. */
typedef struct eml_machine_event {
  uint32_t struct_size;
  uint32_t row;      /* index of the instruction in the program */
  uint64_t step;     /* instructions executed before this one */
  int32_t opcode;    /* EML_OP_... */
  int32_t operand;   /* or EML_NO_OPERAND; 0 where it was left out */
  int32_t token;     /* what was generated: a value 0..255; 256 if the instruction has none, 257 for halt */
  int32_t is_output; /* 1: the value was appended to the output */
  uint32_t layers;
  uint32_t heads; /* of all layers together */
  uint32_t d_model;
  uint32_t d_ffn;
  const double *stream;   /* (2 layers + 1, d_model): after the embedding, after the heads of layer 0, after its units, ... */
  const double *units;    /* (layers, d_ffn): max(0, g . x) (v . x) of every unit */
  const int64_t *winners; /* (heads), layer after layer: the position that each head read; 2i + 1 is instruction i, 2i + 2 its
                             operand, 2n + 1 + s step s of a program of n; of a file's head the number of the byte; -1
                             for a head that sums and for an empty file */
  const double *values;   /* (heads, 2): what it read */
} eml_machine_event;
/* Called after every instruction; the rules of callbacks hold. */
typedef int32_t (*eml_machine_event_fn)(const eml_machine_event *event, void *user);

/* Executes at most `fuel` instructions (0: no limit). fn, user and cancel may be NULL; cancel is polled before every
 * instruction. Returns
 *   EML_OK           the program has halted with this call
 *   EML_DONE         it had halted before
 *   EML_OUT_OF_FUEL  `fuel` instructions were executed; the next call goes on
 *   EML_CANCELLED    stopped by the token (sub-code 0) or by fn's value (sub-code); the next call goes on
 * Errors: EML_E_STATE (no program), EML_E_LIMIT (a loop's body ran more than 256 times, or a file is full; sub-code: the
 * instruction's index. The program cannot go on; what it put out stays readable), EML_E_BUSY, EML_E_HANDLE (cancel). */
EML_API EML_MUST_CHECK eml_status eml_machine_run(eml_machine *machine, uint64_t fuel, eml_machine_event_fn fn, void *user,
                                                  const eml_cancel *cancel);
/* Executes one instruction and tells all about it, layer data included, whatever the options say. EML_DONE and an untouched
 * *out if the program has halted. Errors: as for eml_machine_run. */
EML_API EML_MUST_CHECK eml_status eml_machine_step(eml_machine *machine, eml_machine_event *out);

#define EML_MACHINE_EMPTY 0  /* no program */
#define EML_MACHINE_READY 1  /* can begin or go on */
#define EML_MACHINE_HALTED 2 /* halt was executed */
#define EML_MACHINE_FAILED 3 /* ended by EML_E_LIMIT */
typedef struct eml_machine_info {
  uint32_t struct_size;  /* in */
  int32_t state;         /* EML_MACHINE_... */
  uint64_t instructions; /* of the program */
  uint64_t steps;        /* instructions executed, which is the number of generated tokens */
  uint64_t output_size;  /* bytes put out */
  uint64_t state_bytes;  /* memory that the sequence takes: what the heads can still read */
} eml_machine_info;
EML_API eml_status eml_machine_get_info(const eml_machine *machine, eml_machine_info *out);

/* What the program put out so far (two-call form, bytes without a NUL). Errors: EML_E_BUFFER, EML_E_BUSY. */
EML_API eml_status eml_machine_output(const eml_machine *machine, void *buf, uint64_t cap, uint64_t *need);
/* What file 0..3 holds (two-call form, bytes without a NUL). Errors: EML_E_STATE (no program), EML_E_ARGUMENT, EML_E_BUFFER,
 * EML_E_BUSY. */
EML_API eml_status eml_machine_file(const eml_machine *machine, int32_t descriptor, void *buf, uint64_t cap, uint64_t *need);
/* The generated tokens from number `first` (0..steps) on (two-call form; cap and need count tokens).
 * Errors: EML_E_UNSUPPORTED (created without keep_trace), EML_E_ARGUMENT (first > steps), EML_E_BUFFER, EML_E_BUSY. */
EML_API eml_status eml_machine_trace(const eml_machine *machine, uint64_t first, int32_t *tokens, uint64_t cap, uint64_t *need);
/* The transformer and its parts as a JSON object, the same for every machine (two-call form, need includes the NUL):
 * parameters, their number; instructions, a list of {opcode, name, operand: what it means, pops, pushes}; config, which is
 * config.json of eml_machine_export: d_model, d_head, d_ffn, vocabulary; rules, how to compute; layers, a list of {heads: a list
 * of {name, mode: "hard_max", "sum" or "cross", store: the file that a cross head reads, else null}, units: their names};
 * channels, a list of {channel, name, from, to}: what lives where in the stream, from what time to what time (the embedding
 * is -1, the heads of layer L 2L, its units 2L + 1). Errors: EML_E_BUFFER, EML_E_BUSY. */
EML_API eml_status eml_machine_describe(const eml_machine *machine, char *buf, uint64_t cap, uint64_t *need);
/* Writes the transformer into a folder, made if it is not there, from which any program can run it: model.safetensors (the
 * matrices in F64), config.json, tokens.json (what the tokens mean) and, if a program is loaded, prompt.json: that program at
 * its start with the files that it was given. A file that is there is replaced, as a whole or not at all.
 * Errors: EML_E_ARGUMENT (path), EML_E_IO, EML_E_BUSY. */
EML_API eml_status eml_machine_export(const eml_machine *machine, const char *path, uint64_t path_len);

/* ------------------------------------------------------------------------------------------------ WebAssembly machines */

/* A transformer whose weights were compiled, not trained, and which executes WebAssembly 1.0 without floating point (and with
 * sign extension and multiple results): the module is the prompt, each forward pass executes one instruction, exactly, for
 * all 2^32 and 2^64 values. The weights are compiled once per process (when the first module is loaded) and shared. */
typedef struct eml_wasm eml_wasm;

/* Types of values, numbered as in the binary format. A value is given as 64 bits: of an i32 the lower 32, the upper ones
 * are ignored where it is given, and 0 where it is handed out. */
#define EML_WASM_I32 0x7F
#define EML_WASM_I64 0x7E

/* A module's call of an imported function. All pointers live during the callback. */
typedef struct eml_wasm_call {
  uint32_t struct_size;
  uint32_t reserved;
  const char *module; /* the two names of the import, each followed by a NUL */
  uint64_t module_len;
  const char *name;
  uint64_t name_len;
  const uint64_t *args;
  const uint8_t *params; /* (nargs) EML_WASM_I32 or EML_WASM_I64 */
  uint64_t nargs;
  uint64_t *results; /* (nresults) to be written; 0 before */
  const uint8_t *result_types;
  uint64_t nresults;
} eml_wasm_call;
/* An imported function. The rules of callbacks hold: a value other than 0 ends the module's call with EML_CANCELLED. It may
 * use eml_wasm_read_memory and eml_wasm_write_memory with the machine that calls it, nothing else. */
typedef int32_t (*eml_wasm_import_fn)(const eml_wasm_call *call, void *user);
/* Called with the numbers of every generated token and its number, counted from 0; the rules of callbacks hold. The numbers live
 * during the callback. */
typedef int32_t (*eml_wasm_token_fn)(const double *numbers, uint64_t count, uint64_t token, void *user);

/* What the host gives a module under two names: a function, or the value of a global (with function NULL). */
typedef struct eml_wasm_import {
  const char *module;
  uint64_t module_len; /* EML_NTS allowed, here and for the name */
  const char *name;
  uint64_t name_len;
  eml_wasm_import_fn function;
  void *user;
  uint64_t value;
} eml_wasm_import;

/* A text of an array of texts. */
typedef struct eml_wasm_text {
  const char *text;
  uint64_t len; /* EML_NTS allowed */
} eml_wasm_text;

/* Bytes between a program and its host. They live during the callback. */
typedef struct eml_wasm_transfer {
  uint32_t struct_size;
  int32_t stream; /* 0 standard input, 1 standard output, 2 standard error */
  void *bytes;    /* (size) what the program puts out; of standard input the room for what the host gives it */
  uint64_t size;
  uint64_t given; /* of standard input: to be set to the number of bytes given, at most size; 0 before, which is the end of the input */
} eml_wasm_transfer;
/* Takes bytes that the program puts out, or gives bytes that it reads. The rules of callbacks hold: a value other than 0 ends the
 * module's call with EML_CANCELLED. */
typedef int32_t (*eml_wasm_transfer_fn)(eml_wasm_transfer *transfer, void *user);

/* What a program sees through WASI preview 1 (the functions of wasi_snapshot_preview1): arguments, environment, standard streams, clock
 * and random numbers. It has no files and no sockets; fd_write, fd_read, fd_close, fd_seek, fd_tell, fd_fdstat_get, fd_prestat_get,
 * fd_prestat_dir_name, args_*, environ_*, clock_time_get, clock_res_get, random_get, sched_yield and proc_exit do their work, the
 * other functions that a module imports are there and answer ENOSYS (52). All is copied by eml_wasm_load, but for the functions. */
typedef struct eml_wasm_wasi {
  uint32_t struct_size;
  int32_t fixed_clock;       /* 0: the clock is the system's; 1: it stands still at clock_ns, so that all runs are the same */
  uint64_t clock_ns;         /* nanoseconds since 1970 */
  uint64_t seed;             /* of random_get: the same seed gives the same numbers */
  const eml_wasm_text *args; /* the program's name first; texts without NUL, here and in env */
  uint64_t arg_count;
  const eml_wasm_text *env;  /* NAME=VALUE */
  uint64_t env_count;
  const void *input;         /* bytes of standard input, if read is NULL */
  uint64_t input_size;
  eml_wasm_transfer_fn read;  /* may be NULL */
  eml_wasm_transfer_fn write; /* may be NULL: then eml_wasm_output has what the program puts out, at most 2,147,483,591 bytes a stream */
  void *user;                /* of read and write */
} eml_wasm_wasi;
/* Nothing: no arguments, no environment, no input; the system's clock, seed 0. */
EML_API eml_status eml_wasm_wasi_init(eml_wasm_wasi *wasi, uint32_t struct_size);

typedef struct eml_wasm_options {
  uint32_t struct_size;
  int32_t dense;                  /* 1: plain matrix products and scans of the whole sequence, the reference: the same tokens, but a
                                     step costs what the sequence is long, in time and memory; default 0 */
  const eml_wasm_import *imports; /* copied by eml_wasm_load; the functions must live as long as the machine */
  uint64_t import_count;          /* entries that the module does not import are ignored; of equal ones the last counts */
  eml_wasm_token_fn token;        /* may be NULL */
  void *user;                     /* of token */
  const eml_wasm_wasi *wasi;      /* may be NULL: the module gets nothing of WASI. What stands in imports goes before it */
} eml_wasm_options;
EML_API eml_status eml_wasm_options_init(eml_wasm_options *options, uint32_t struct_size);

/* Decodes and validates a binary module, or reads what `eml wasm specialize` made of one (safetensors: the machine with the program in
 * its weights), and puts it at its start: memory, table and globals are filled, its start function runs
 * at the beginning of the first eml_wasm_invoke. options may be NULL (fast, no imports). A memory or table that the module
 * imports is made for it alone.
 * Errors: EML_E_FORMAT (not a valid module or file; byte_offset), EML_E_UNSUPPORTED (floating point, vectors and the like: the message
 * has the instruction, the function and the byte, and so has byte_offset), EML_E_ARGUMENT (an import that is not given, a segment that
 * does not fit, fixed_clock, both input and read, a NUL in args or env),
 * EML_E_LIMIT, EML_E_MEMORY. */
EML_API EML_MUST_CHECK eml_status eml_wasm_load(const void *bytes, uint64_t size, const eml_wasm_options *options, eml_wasm **out);
EML_API eml_status eml_wasm_free(eml_wasm *machine);

/* Calls an exported function. At most `fuel` tokens are generated (0: no limit); a token is one executed instruction, but for a few
 * that take several. cancel may be NULL. *nresults, the number of results of the function, is set before anything runs; with
 * cap < *nresults nothing runs and the call returns EML_E_BUFFER. results may be NULL when cap is 0. Returns
 *   EML_OK           the function returned: results[0..*nresults)
 *   EML_OUT_OF_FUEL  `fuel` tokens were generated; eml_wasm_resume goes on
 *   EML_CANCELLED    stopped by the cancel token (sub-code 0) or by the token callback's value (sub-code); eml_wasm_resume goes
 *                    on. Or by an imported function's value (sub-code): then the call is over
 *   EML_TRAPPED      it trapped, which eml_wasm_trap and the last error's message name; the call is over
 *   EML_EXITED       the program called WASI's proc_exit, with 0 or another code: eml_wasm_info has it; the call is over and has no
 *                    results
 * A call that has not ended is given up by the next invoke; memory and globals stay as they are.
 * Errors: EML_E_ARGUMENT (no such function, another number of arguments), EML_E_BUFFER, EML_E_BUSY, EML_E_HANDLE (cancel). */
EML_API EML_MUST_CHECK eml_status eml_wasm_invoke(eml_wasm *machine, const char *name, uint64_t name_len, const uint64_t *args,
                                                  uint64_t nargs, uint64_t fuel, const eml_cancel *cancel, uint64_t *results,
                                                  uint64_t cap, uint64_t *nresults);
/* Goes on with a call that ended by EML_OUT_OF_FUEL or EML_CANCELLED. Errors: as above, and EML_E_STATE (no such call). */
EML_API EML_MUST_CHECK eml_status eml_wasm_resume(eml_wasm *machine, uint64_t fuel, const eml_cancel *cancel, uint64_t *results,
                                                  uint64_t cap, uint64_t *nresults);
/* Why the last call trapped, in the specification's words ("integer divide by zero"); empty if it did not (two-call form, need
 * includes the NUL). Errors: EML_E_BUFFER, EML_E_BUSY. */
EML_API eml_status eml_wasm_trap(const eml_wasm *machine, char *buf, uint64_t cap, uint64_t *need);

/* What the program has put out since eml_wasm_load (two-call form, bytes without a NUL): stream 1 standard output, 2 standard error.
 * Errors: EML_E_ARGUMENT (another stream), EML_E_STATE (loaded without options.wasi), EML_E_BUFFER, EML_E_BUSY. Empty if a write
 * callback was given. */
EML_API eml_status eml_wasm_output(const eml_wasm *machine, int32_t stream, void *buf, uint64_t cap, uint64_t *need);

#define EML_WASM_IDLE 0      /* no call to go on with */
#define EML_WASM_SUSPENDED 1 /* eml_wasm_resume goes on with a call */
typedef struct eml_wasm_info {
  uint32_t struct_size;   /* in */
  int32_t state;          /* EML_WASM_... */
  uint64_t instructions;  /* executed so far; block, loop, else, end and nop are not counted */
  uint64_t tokens;        /* generated so far, which is the number of forward passes for them */
  uint64_t prompt_tokens; /* given so far: the module, arguments, what imported functions returned, what was written to memory */
  uint64_t pages;         /* size of the memory in pages of 65,536 bytes */
  uint64_t state_bytes;   /* memory that the sequence takes: what the heads can still read */
  uint64_t functions;     /* number of exported functions */
  uint64_t parameters;    /* of the transformer; the same for every module, as are its layers and width */
  uint32_t layers;
  uint32_t d_model;
  int32_t has_exited;     /* 1 if the last call ended by WASI's proc_exit */
  uint32_t exit_code;     /* the code that it was given, all 32 bits of it; 0 if it was not called */
} eml_wasm_info;
EML_API eml_status eml_wasm_get_info(const eml_wasm *machine, eml_wasm_info *out);

/* An exported function. The pointers live until eml_wasm_free. */
typedef struct eml_wasm_function {
  uint32_t struct_size; /* in */
  uint32_t number;      /* the function's number in the module */
  const char *name;     /* followed by a NUL */
  uint64_t name_len;
  const uint8_t *params; /* (nparams) EML_WASM_I32 or EML_WASM_I64 */
  uint64_t nparams;
  const uint8_t *results;
  uint64_t nresults;
} eml_wasm_function;
/* Exported function `index` (0..functions - 1), in the module's order. Errors: EML_E_ARGUMENT, EML_E_BUSY. */
EML_API eml_status eml_wasm_get_function(const eml_wasm *machine, uint64_t index, eml_wasm_function *out);

/* Reads and writes the linear memory, also while a call is suspended: the machine executes loads, and what is written enters as
 * tokens. Errors: EML_E_ARGUMENT (beyond its end), EML_E_BUSY. */
EML_API eml_status eml_wasm_read_memory(eml_wasm *machine, uint32_t address, void *buf, uint64_t size);
EML_API eml_status eml_wasm_write_memory(eml_wasm *machine, uint32_t address, const void *bytes, uint64_t size);

/* Writes the transformer into a folder, made if it is not there, from which any program can run it: model.safetensors (the matrices
 * in F64), config.json, tokens.json, and prompt.json: the module at its start, whatever it has done since, and the call of an exported
 * function, as tokens, with what to feed and when to stop. A file that is there is replaced, as a whole or not at all. Imported
 * functions do not travel: who runs the prompt must answer their calls, or run functions that make none.
 * Errors: EML_E_ARGUMENT (path, no such function, another number of arguments), EML_E_UNSUPPORTED (a start function, a specialised machine),
 * EML_E_IO, EML_E_BUSY. */
EML_API eml_status eml_wasm_export(const eml_wasm *machine, const char *name, uint64_t name_len, const uint64_t *args, uint64_t nargs,
                                   const char *path, uint64_t path_len);

/* ------------------------------------------------------------------------------------------------ tokenizers */

/* Byte-level byte pair encoding, id for id as tiktoken does it. Immutable: any number of threads may use one. */
typedef struct eml_tokenizer eml_tokenizer;
/* Decodes tokens one by one without ever cutting a character in two. */
typedef struct eml_token_stream eml_token_stream;

/* A text of an array of texts. */
typedef struct eml_text {
  const char *text;
  uint64_t len; /* EML_NTS allowed */
} eml_text;

/* Names of special tokens in a text stand for these tokens (default: they are ordinary text). */
#define EML_TOKENIZER_SPECIAL 1u

/* A tokenizer from the bytes of a tokenizer.json or .tiktoken file; the bytes tell which.
 * Limits: 2^26 bytes, 2^20 tokens, 2^23 bytes of all tokens, 1024 special tokens, 1024 bytes a token.
 * Errors: EML_E_FORMAT, EML_E_ARGUMENT (bytes that are no tokens of their own, special ids with a gap), EML_E_LIMIT,
 * EML_E_UNSUPPORTED (another split pattern). */
EML_API EML_MUST_CHECK eml_status eml_tokenizer_import(const void *bytes, uint64_t len, eml_tokenizer **out);
/* The same for a file. Errors: also EML_E_IO. */
EML_API EML_MUST_CHECK eml_status eml_tokenizer_load(const char *path, uint64_t path_len, eml_tokenizer **out);
/* Trains a tokenizer on `count` documents, UTF-8 each: the 256 bytes, then at most `merges` merges of the most frequent pair of
 * neighbours, of equally frequent pairs the smallest; then the special tokens by name, the first of which begins documents.
 * cancel may be NULL. EML_CANCELLED: *out has the merges found so far. Limit: merges <= 2^20 - 256.
 * Errors: EML_E_ARGUMENT (not UTF-8; a name twice), EML_E_LIMIT. */
EML_API EML_MUST_CHECK eml_status eml_tokenizer_train(const eml_text *documents, uint64_t count, uint64_t merges,
                                                      const eml_text *special, uint64_t special_count,
                                                      const eml_cancel *cancel, eml_tokenizer **out);
/* Streams, models and sessions that use the tokenizer go on. */
EML_API eml_status eml_tokenizer_free(eml_tokenizer *tokenizer);
/* The tokenizer as bytes (two-call form; no NUL is added). format: EML_FORMAT_JSON (tokenizer.json) or EML_FORMAT_TIKTOKEN, which
 * has no name and only the four special tokens that its readers assume. Errors: EML_E_ARGUMENT, EML_E_UNSUPPORTED, EML_E_BUFFER. */
EML_API eml_status eml_tokenizer_export(const eml_tokenizer *tokenizer, int32_t format, void *buf, uint64_t cap, uint64_t *need);
/* Writes a file, whole or not at all. format: as above, or EML_FORMAT_AUTO: from the extension .json or .tiktoken.
 * Errors: EML_E_ARGUMENT, EML_E_UNSUPPORTED, EML_E_IO. */
EML_API eml_status eml_tokenizer_save(const eml_tokenizer *tokenizer, const char *path, uint64_t path_len, int32_t format);

typedef struct eml_tokenizer_info {
  uint32_t struct_size;    /* in */
  uint32_t vocab_size;     /* ids are 0..vocab_size - 1 */
  uint32_t rank_count;     /* ids from here on are special tokens */
  int32_t bos_id;          /* the token that begins a document; -1 if there is none */
} eml_tokenizer_info;
EML_API eml_status eml_tokenizer_get_info(const eml_tokenizer *tokenizer, eml_tokenizer_info *out);

/* The ids of a text (two-call form; cap and need count ids). There are never more ids than bytes: room for len of them makes one
 * call enough. flags: 0 or EML_TOKENIZER_SPECIAL. Limit: 2^30 bytes. Errors: EML_E_ARGUMENT (not UTF-8), EML_E_LIMIT, EML_E_BUFFER. */
EML_API eml_status eml_tokenizer_encode(const eml_tokenizer *tokenizer, const char *text, uint64_t len, uint32_t flags, int32_t *ids,
                                        uint64_t cap, uint64_t *need);
/* The same in one call: the buffer holds int32_t ids. */
EML_API EML_MUST_CHECK eml_status eml_tokenizer_encode_buffer(const eml_tokenizer *tokenizer, const char *text, uint64_t len,
                                                              uint32_t flags, eml_buffer **out);
/* The text of n ids (two-call form, need includes the NUL). What is no valid UTF-8 becomes U+FFFD, one for each maximal part of a
 * character. Limit: 2^30 bytes. Errors: EML_E_ARGUMENT (no such id; names its place), EML_E_LIMIT, EML_E_BUFFER. */
EML_API eml_status eml_tokenizer_decode(const eml_tokenizer *tokenizer, const int32_t *ids, uint64_t n, char *buf, uint64_t cap,
                                        uint64_t *need);
/* The bytes of n ids, whatever they are (two-call form; no NUL is added). Those of a special token are its name. Errors: as above. */
EML_API eml_status eml_tokenizer_decode_bytes(const eml_tokenizer *tokenizer, const int32_t *ids, uint64_t n, void *buf, uint64_t cap,
                                              uint64_t *need);
/* *out: the id of a special token; -1 if there is none of this name. Errors: EML_E_ARGUMENT (not UTF-8). */
EML_API eml_status eml_tokenizer_special(const eml_tokenizer *tokenizer, const char *name, uint64_t len, int32_t *out);

#define EML_BYTES_RAW 0       /* the bytes of each token */
#define EML_BYTES_REFERENCE 1 /* as autoresearch counts them: each token decoded for itself, what is no UTF-8 as U+FFFD, 3 bytes */
/* How many bytes of text each token counts when bits per byte are measured, 0 for special tokens: out (vocab_size), n must be
 * vocab_size. counting: EML_BYTES_... Errors: EML_E_SHAPE, EML_E_ARGUMENT. */
EML_API eml_status eml_tokenizer_byte_lengths(const eml_tokenizer *tokenizer, int32_t counting, int32_t *out, uint64_t n);

EML_API EML_MUST_CHECK eml_status eml_token_stream_create(const eml_tokenizer *tokenizer, eml_token_stream **out);
EML_API eml_status eml_token_stream_free(eml_token_stream *stream);
/* The text that this token completes: whole characters, perhaps none. All answers joined, the last of eml_token_stream_flush, are
 * what eml_tokenizer_decode gives. *text is followed by a NUL and lives until the stream's next call.
 * Errors: EML_E_ARGUMENT (no such id), EML_E_BUSY. */
EML_API eml_status eml_token_stream_push(eml_token_stream *stream, int32_t id, const char **text, uint64_t *len);
/* What is left of a character that lacks bytes, as U+FFFD; the stream begins anew. Errors: EML_E_BUSY. */
EML_API eml_status eml_token_stream_flush(eml_token_stream *stream, const char **text, uint64_t *len);

/* ------------------------------------------------------------------------------------------------ language models */

/* A small GPT whose activation is eml(z, eml(z, k)): weights and, if it has one, its tokenizer. Immutable: any number of threads,
 * sessions and batches share one, and keep the weights alive when the handle is freed. Logits and embeddings are binary32. The
 * same weights give the same bits on every machine, for every number of threads, and whether tokens come alone or together. */
typedef struct eml_lm eml_lm;
/* One sequence of tokens that a model reads: a cache, a sampler, threads. For one thread at a time, like everything non-const. */
typedef struct eml_lm_session eml_lm_session;
/* Several sequences that go on together; each forward pass reads the weights once for all of them. */
typedef struct eml_lm_batch eml_lm_batch;

#define EML_WEIGHT_F32 1  /* binary32 */
#define EML_WEIGHT_BF16 2 /* the upper half of a binary32 */
#define EML_WEIGHT_I8 3   /* bytes with a binary32 scale per row */

#define EML_ACTIVATION_EML 1   /* eml(z, eml(z, k)), k a number per layer */
#define EML_ACTIVATION_RELU2 2 /* max(0, z)^2 */

typedef struct eml_lm_options {
  uint32_t struct_size;
  int32_t mapped;                 /* 1: the file is mapped, not read; it must not change while the model is in use. Default 0 */
  const char *config;             /* may be NULL. JSON (vocab_size, n_layer, n_embd, n_head, n_kv_head, head_dim, hidden_dim,
                                     sequence_len, window_pattern, activation) for a file that has no config of its own; what it
                                     leaves out is recognised from the tensors */
  uint64_t config_len;            /* EML_NTS allowed */
  const eml_tokenizer *tokenizer; /* may be NULL: the file's own, if it has one */
} eml_lm_options;
EML_API eml_status eml_lm_options_init(eml_lm_options *options, uint32_t struct_size);

/* A model from bytes in any of the formats below, which the bytes tell, with the tokenizer that they hold. options may be NULL; mapped
 * does not matter here.
 * Errors: EML_E_FORMAT, EML_E_SHAPE (a tensor is missing, not the model's, or of another shape), EML_E_NONFINITE, EML_E_ARGUMENT (a
 * tokenizer with more tokens than the model), EML_E_VERSION, EML_E_LIMIT, EML_E_MEMORY. */
EML_API EML_MUST_CHECK eml_status eml_lm_import(const void *bytes, uint64_t len, const eml_lm_options *options, eml_lm **out);
/* The same for a file. Errors: also EML_E_IO. */
EML_API EML_MUST_CHECK eml_status eml_lm_load(const char *path, uint64_t path_len, const eml_lm_options *options, eml_lm **out);
/* Sessions and batches of the model go on. */
EML_API eml_status eml_lm_free(eml_lm *lm);

typedef struct eml_lm_info {
  uint32_t struct_size; /* in */
  uint32_t vocab_size;
  uint32_t n_layer;
  uint32_t n_embd;       /* width of the residual stream */
  uint32_t n_head;       /* query heads */
  uint32_t n_kv_head;    /* key and value heads */
  uint32_t head_dim;
  uint32_t hidden_dim;   /* width of the feed-forward part */
  uint32_t sequence_len; /* tokens that it was trained to see; longer sequences are legal */
  int32_t weight_type;   /* EML_WEIGHT_..., of most weights */
  int32_t activation;    /* EML_ACTIVATION_... */
  int32_t has_tokenizer; /* 0 or 1 */
  uint64_t parameters;
  uint64_t bytes;        /* of all weights */
} eml_lm_info;
EML_API eml_status eml_lm_get_info(const eml_lm *lm, eml_lm_info *out);
/* The shape as JSON, as eml_lm_options.config takes it (two-call form, need includes the NUL). Errors: EML_E_BUFFER. */
EML_API eml_status eml_lm_config(const eml_lm *lm, char *buf, uint64_t cap, uint64_t *need);
/* k of each layer's activation: out (n_layer), n must be n_layer. Errors: EML_E_SHAPE, EML_E_STATE (another activation). */
EML_API eml_status eml_lm_activation_parameters(const eml_lm *lm, float *out, uint64_t n);
/* A handle of the model's tokenizer, to be freed by the caller. Errors: EML_E_STATE (it has none). */
EML_API EML_MUST_CHECK eml_status eml_lm_get_tokenizer(const eml_lm *lm, eml_tokenizer **out);
/* A model whose matrices are of another type; vectors stay binary32. weight_type: EML_WEIGHT_... BF16: to nearest, ties to even. I8:
 * scale = max |w| / 127 of a row, w / scale to nearest, ties to even. Errors: EML_E_ARGUMENT, EML_E_NONFINITE, EML_E_MEMORY. */
EML_API EML_MUST_CHECK eml_status eml_lm_quantize(const eml_lm *lm, int32_t weight_type, eml_lm **out);
/* The model with its tokenizer as bytes. format: EML_FORMAT_JSON (F32 and I8 only; BF16 becomes F32), EML_FORMAT_SAFETENSORS,
 * EML_FORMAT_PROTOBUF (eml.v1.LanguageModelHeader of proto/eml/v1/language.proto, then the tensors) or EML_FORMAT_NPZ (F32 only).
 * Limit: 2^31 - 1 bytes; files may be larger. Errors: EML_E_ARGUMENT, EML_E_UNSUPPORTED (format), EML_E_LIMIT, EML_E_MEMORY. */
EML_API EML_MUST_CHECK eml_status eml_lm_export_buffer(const eml_lm *lm, int32_t format, eml_buffer **out);
/* Writes a file, whole or not at all. format: as above, or EML_FORMAT_AUTO: from the extension. Errors: also EML_E_IO. */
EML_API eml_status eml_lm_save(const eml_lm *lm, const char *path, uint64_t path_len, int32_t format);

typedef struct eml_lm_parity {
  uint32_t struct_size;     /* in */
  int32_t is_right;         /* 1: all tokens are right and no logit deviates by more than the sidecar's tolerance */
  double largest_deviation; /* of a logit */
  uint64_t differing_index; /* of the first token behind the prompt that is another; UINT64_MAX if there is none */
  int32_t differing_token;  /* the token that the model gives there; -1 if there is none */
  uint32_t reserved;
} eml_lm_parity;
/* Compares the model's answer with a parity sidecar, a JSON object: version (1), tokens (the prompt), greedy (the tokens that follow,
 * each the first of the largest logits), logits (of the prompt's last token, or of all) and tolerance (default 1e-4). EML_OK also if it
 * differs. Errors: EML_E_FORMAT, EML_E_VERSION, EML_E_ARGUMENT (no such token), EML_E_SHAPE (logits for another number of tokens). */
EML_API EML_MUST_CHECK eml_status eml_lm_check_parity(const eml_lm *lm, const void *sidecar, uint64_t len, eml_lm_parity *out);

/* ln softmax(logits)[token]: logits (n). Errors: EML_E_ARGUMENT (no such token). */
EML_API eml_status eml_lm_log_probability(const float *logits, uint64_t n, int32_t token, double *out);

/* An empty sequence. threads: 1..256, which compute each token together. Errors: EML_E_ARGUMENT, EML_E_MEMORY. */
EML_API EML_MUST_CHECK eml_status eml_lm_session_create(const eml_lm *lm, uint32_t threads, eml_lm_session **out);
EML_API eml_status eml_lm_session_free(eml_lm_session *session);
/* Begins a new sequence. Errors: EML_E_BUSY. */
EML_API eml_status eml_lm_session_reset(eml_lm_session *session);

typedef struct eml_lm_session_info {
  uint32_t struct_size; /* in */
  uint32_t threads;
  uint64_t position;    /* tokens read so far */
  uint64_t bytes;       /* of the cache when full and of the activations; the windows bound it, not the position */
} eml_lm_session_info;
EML_API eml_status eml_lm_session_get_info(const eml_lm_session *session, eml_lm_session_info *out);

/* Reads n >= 1 tokens; logits (vocab_size) receives those of the last, or is NULL. cancel may be NULL. EML_CANCELLED: `position` says
 * how many tokens were read; those may be followed by others. Errors: EML_E_ARGUMENT (no such token; names its place), EML_E_BUSY. */
EML_API EML_MUST_CHECK eml_status eml_lm_session_read(eml_lm_session *session, const int32_t *tokens, uint64_t n, float *logits,
                                                      const eml_cancel *cancel);
/* The same with the logits of each token: logits (n, vocab_size). */
EML_API EML_MUST_CHECK eml_status eml_lm_session_read_all(eml_lm_session *session, const int32_t *tokens, uint64_t n, float *logits,
                                                          const eml_cancel *cancel);
/* Reads n >= 1 tokens; out (n, n_embd) receives what the model makes of each, normed, before the unembedding. */
EML_API EML_MUST_CHECK eml_status eml_lm_session_embed(eml_lm_session *session, const int32_t *tokens, uint64_t n, float *out,
                                                       const eml_cancel *cancel);

/* The residual stream after a part of the model: rows (count, n_embd) of `count` tokens that are read together. part is embed_norm,
 * blocks.I.after_attn, blocks.I.after_mlp or final_norm, followed by a NUL. All pointers live during the callback. */
typedef int32_t (*eml_lm_layer_fn)(const char *part, const float *rows, uint64_t count, uint64_t n_embd, void *user);
/* Sets what sees every part of every token that the session reads from now on; fn may be NULL: nothing. Errors: EML_E_BUSY. */
EML_API eml_status eml_lm_session_set_listener(eml_lm_session *session, eml_lm_layer_fn fn, void *user);

/* A generated token. The pointers live during the callback. */
typedef struct eml_lm_token {
  uint32_t struct_size;
  int32_t id;
  const char *text;       /* what can be shown now: whole characters, and nothing that may yet become a stop text; NUL behind it */
  uint64_t text_len;
  double log_probability; /* ln of its probability before sampling options */
  uint64_t index;         /* from 0 */
} eml_lm_token;
typedef int32_t (*eml_lm_token_fn)(const eml_lm_token *token, void *user);

typedef struct eml_lm_generate_options {
  uint32_t struct_size;
  uint32_t max_tokens;        /* default 256 */
  double temperature;         /* 0..100; 0: the most probable token, of equals the first. Default 1. Computed in binary32, like all here */
  double top_p;               /* only the most probable tokens that together have this probability, above 0..1; default 1: all */
  double min_p;               /* only tokens at least this many times as probable as the most probable, 0..1; default 0: all */
  double repetition_penalty;  /* logits of tokens of the prompt and of generated ones are divided by it if positive, else multiplied; above
                                 0..100; default 1: none */
  uint32_t top_k;             /* only so many most probable tokens; default 0: all */
  int32_t special;            /* 1: names of special tokens in a prompt's text stand for them; default 0 */
  uint64_t seed;              /* the same seed, the same tokens; default 0 */
  const int32_t *stop_tokens; /* tokens that end the text and are not part of it */
  uint64_t stop_token_count;
  const eml_text *stop_texts; /* strings that end the text and are not part of it; the model must have a tokenizer */
  uint64_t stop_text_count;
  const eml_cancel *cancel;   /* may be NULL */
  eml_lm_token_fn token;      /* may be NULL */
  void *user;
} eml_lm_generate_options;
EML_API eml_status eml_lm_generate_options_init(eml_lm_generate_options *options, uint32_t struct_size);

#define EML_LM_END_LENGTH 0     /* as many tokens as were asked for */
#define EML_LM_END_STOP_TOKEN 1
#define EML_LM_END_STOP_TEXT 2
#define EML_LM_END_CANCELLED 3
#define EML_LM_END_CALLBACK 4
typedef struct eml_lm_generation {
  uint32_t struct_size;   /* in */
  int32_t end;            /* EML_LM_END_... */
  uint64_t tokens;        /* generated; a stop token is not counted */
  uint64_t text_len;      /* bytes of their text up to a stop, without a NUL; 0 without a tokenizer */
  double log_probability; /* ln of the probability of all tokens */
} eml_lm_generation;
/* Reads a prompt of n >= 1 tokens after what the session has read, and generates tokens, the last of which the session has not read
 * yet. options and out may be NULL. EML_CANCELLED by the cancel token or the callback; what was generated until then is there.
 * Errors: EML_E_ARGUMENT (no such token, an option without meaning), EML_E_BUSY. */
EML_API EML_MUST_CHECK eml_status eml_lm_session_generate(eml_lm_session *session, const int32_t *prompt, uint64_t n,
                                                          const eml_lm_generate_options *options, eml_lm_generation *out);
/* The same for a text. The token that begins a document goes before it if nothing has been read yet and the tokenizer has one.
 * Errors: also EML_E_STATE (the model has no tokenizer). */
EML_API EML_MUST_CHECK eml_status eml_lm_session_generate_text(eml_lm_session *session, const char *prompt, uint64_t len,
                                                               const eml_lm_generate_options *options, eml_lm_generation *out);
/* The tokens of the last generation (two-call form; cap and need count tokens). None before the first. Errors: EML_E_BUFFER, EML_E_BUSY. */
EML_API eml_status eml_lm_session_tokens(const eml_lm_session *session, int32_t *tokens, uint64_t cap, uint64_t *need);
/* The text of the last generation (two-call form, need includes the NUL): what the callback was given, and what was held back as a stop
 * text's beginning or as half a character. Errors: EML_E_BUFFER, EML_E_BUSY. */
EML_API eml_status eml_lm_session_text(const eml_lm_session *session, char *buf, uint64_t cap, uint64_t *need);

typedef struct eml_lm_score {
  uint32_t struct_size;  /* in */
  uint32_t reserved;
  double bits_per_byte;  /* infinite if no byte counts */
  double mean_loss;      /* mean of -ln p over all tokens */
  double nats;           /* sum of -ln p over the tokens that count bytes */
  uint64_t bytes;
  uint64_t tokens;
} eml_lm_score;
/* How well the model predicts n tokens: cut into pieces of sequence_len, each read anew behind the token bos. byte_lengths (vocab_size)
 * says how many bytes of text a token counts, or is NULL: one each. cancel may be NULL; EML_CANCELLED: the score of what was done.
 * The sequence of the session is lost. Errors: EML_E_ARGUMENT (no such token; a negative length), EML_E_BUSY. */
EML_API EML_MUST_CHECK eml_status eml_lm_session_evaluate(eml_lm_session *session, const int32_t *tokens, uint64_t n, int32_t bos,
                                                          const int32_t *byte_lengths, const eml_cancel *cancel, eml_lm_score *out);
/* The same for a text, with the model's tokenizer and its bytes. counting: EML_BYTES_... Errors: also EML_E_STATE (no tokenizer, or one
 * without a token that begins documents). */
EML_API EML_MUST_CHECK eml_status eml_lm_session_evaluate_text(eml_lm_session *session, const char *text, uint64_t len, int32_t counting,
                                                               const eml_cancel *cancel, eml_lm_score *out);

/* Empty sequences: 1..64 of them. threads as for a session. Errors: EML_E_ARGUMENT, EML_E_MEMORY. */
EML_API EML_MUST_CHECK eml_status eml_lm_batch_create(const eml_lm *lm, uint32_t sequences, uint32_t threads, eml_lm_batch **out);
EML_API eml_status eml_lm_batch_free(eml_lm_batch *batch);
/* Begins a sequence (0..sequences - 1) anew. Errors: EML_E_ARGUMENT, EML_E_BUSY. */
EML_API eml_status eml_lm_batch_reset(eml_lm_batch *batch, uint32_t sequence);
/* *out: tokens that a sequence has read. Errors: EML_E_ARGUMENT, EML_E_BUSY. */
EML_API eml_status eml_lm_batch_position(const eml_lm_batch *batch, uint32_t sequence, uint64_t *out);
/* One sequence reads n >= 1 tokens, as by eml_lm_session_read: logits (vocab_size) or NULL. */
EML_API EML_MUST_CHECK eml_status eml_lm_batch_read(eml_lm_batch *batch, uint32_t sequence, const int32_t *tokens, uint64_t n,
                                                    float *logits, const eml_cancel *cancel);
/* Each sequence reads one token: tokens (n), n must be the number of sequences; logits (sequences, vocab_size). EML_CANCELLED: none has
 * read its token. Errors: EML_E_SHAPE, EML_E_ARGUMENT (no such token), EML_E_BUSY. */
EML_API EML_MUST_CHECK eml_status eml_lm_batch_step(eml_lm_batch *batch, const int32_t *tokens, uint64_t n, float *logits,
                                                    const eml_cancel *cancel);

/* ------------------------------------------------------------------------------------------- training language models */

/* A model with the weights that a training begins with (as nanochat's), the same bits for a seed everywhere. config as in
 * eml_lm_options, but whole: nothing can be recognised here. tokenizer may be NULL: the model then has none.
 * Errors: EML_E_FORMAT, EML_E_ARGUMENT, EML_E_MEMORY. */
EML_API EML_MUST_CHECK eml_status eml_lm_create(const char *config, uint64_t config_len, const eml_tokenizer *tokenizer, uint64_t seed, eml_lm **out);

/* Gradients of all weights, and an optimizer. The same weights and tokens give the same bits on every machine and for every number of
 * threads. For one thread at a time. */
typedef struct eml_lm_trainer eml_lm_trainer;

#define EML_OPTIMIZER_ADAMW 1 /* Loshchilov and Hutter 2019, with the rates of autoresearch for each kind of tensor */
#define EML_OPTIMIZER_MUON 2  /* Jordan et al. 2024 for the matrices of the layers, AdamW for the others */

#define EML_K_CLAMP 1    /* k = max(k, 1e-6) after each step: a k that has reached the floor stays there */
#define EML_K_SOFTPLUS 2 /* k = 1e-6 + ln(1 + exp(raw)), and raw is trained */

typedef struct eml_lm_trainer_options {
  uint32_t struct_size;
  uint32_t sequence_len; /* tokens of a row, 2..65536; default 0: the model's */
  uint32_t group_tokens; /* tokens whose activations are held at a time, at least a row; memory grows with it. Default 2048 */
  uint32_t threads;      /* 1..256; default 1 */
  int32_t optimizer;     /* EML_OPTIMIZER_...; default EML_OPTIMIZER_ADAMW */
  int32_t k_parameter;   /* EML_K_...; default EML_K_CLAMP */
  int32_t weight_type;   /* EML_WEIGHT_F32, or EML_WEIGHT_BF16: matrices are rounded to it after each step. Default EML_WEIGHT_F32 */
  uint32_t reserved;
  double rate;           /* factor of all learning rates, above 0..100; default 1 */
  double largest_k;      /* k never becomes larger: above 1 training is ill-conditioned. Default 0: no limit */
} eml_lm_trainer_options;
EML_API eml_status eml_lm_trainer_options_init(eml_lm_trainer_options *options, uint32_t struct_size);

/* A trainer that goes on from a model, which stays as it is. options may be NULL.
 * Errors: EML_E_UNSUPPORTED (weights that are not EML_WEIGHT_F32: see eml_lm_quantize), EML_E_ARGUMENT, EML_E_MEMORY. */
EML_API EML_MUST_CHECK eml_status eml_lm_trainer_create(const eml_lm *lm, const eml_lm_trainer_options *options, eml_lm_trainer **out);
EML_API eml_status eml_lm_trainer_free(eml_lm_trainer *trainer);

typedef struct eml_lm_trainer_info {
  uint32_t struct_size;  /* in */
  uint32_t sequence_len;
  uint64_t steps;        /* done */
  uint64_t parameters;
  uint64_t bytes;        /* of weights, gradients, moments and activations */
  double seconds;        /* of training by eml_lm_trainer_run */
} eml_lm_trainer_info;
EML_API eml_status eml_lm_trainer_get_info(const eml_lm_trainer *trainer, eml_lm_trainer_info *out);
/* k of each layer: out (n_layer), n must be n_layer. Errors: EML_E_STATE (another activation), EML_E_SHAPE, EML_E_BUSY. */
EML_API eml_status eml_lm_trainer_activation_parameters(const eml_lm_trainer *trainer, float *out, uint64_t n);
/* The model as it is now, with the tokenizer of the model that it began with. Errors: EML_E_BUSY, EML_E_MEMORY. */
EML_API EML_MUST_CHECK eml_status eml_lm_trainer_get_lm(const eml_lm_trainer *trainer, eml_lm **out);

/* One step: gradients of the mean loss of all rows, then an update. inputs and targets (rows, sequence_len); a target of -1 counts
 * nothing. multiplier: of the learning rates, from a schedule, 0 or more. *loss: mean loss before the step, nats; may be NULL. cancel may be
 * NULL, and is looked at between groups of rows. EML_CANCELLED: nothing has changed.
 * Errors: EML_E_ARGUMENT (no such token), EML_E_SHAPE, EML_E_NONFINITE (loss or gradients are no numbers; the weights are those before the
 * step), EML_E_BUSY. */
EML_API EML_MUST_CHECK eml_status eml_lm_trainer_step(eml_lm_trainer *trainer, const int32_t *inputs, const int32_t *targets, uint64_t rows,
                                                      double multiplier, const eml_cancel *cancel, double *loss);
/* Loss of each token in nats, 0 for targets of -1, without a step: out (rows, sequence_len). Errors: as eml_lm_trainer_step. */
EML_API EML_MUST_CHECK eml_status eml_lm_trainer_losses(eml_lm_trainer *trainer, const int32_t *inputs, const int32_t *targets, uint64_t rows,
                                                        double *out);

/* What a step was. */
typedef struct eml_lm_training_step {
  uint32_t struct_size;
  uint32_t epoch;           /* how often the text was begun */
  uint64_t step;            /* from 1 */
  uint64_t tokens;          /* so far */
  double loss;              /* mean loss of its tokens before it, nats */
  double multiplier;        /* of the learning rates */
  double seconds;           /* of training so far, validation not included */
  double tokens_per_second; /* of this step */
  double progress;          /* share of the budget, 0..1 */
  double bits_per_byte;     /* on the validation text; NaN if it was not looked at after this step */
} eml_lm_training_step;
/* Anything but 0 stops the training after this step: eml_lm_trainer_run returns EML_CANCELLED. */
typedef int32_t (*eml_lm_training_fn)(const eml_lm_training_step *step, void *user);

typedef struct eml_lm_training_plan {
  uint32_t struct_size;
  uint32_t batch_tokens;       /* of a step, rounded down to whole rows; default 16384 */
  uint64_t steps;              /* in all, of all runs together; 0: seconds count. One of them must be given */
  double seconds;              /* in all. A run by time does not give the same bits twice */
  double warmup;               /* share of the run in which the learning rates rise from 0; default 0 */
  double warmdown;             /* share in which they fall; default 0.2 */
  double final_rate;           /* what they fall to, as a share; default 0 */
  uint32_t validation_every;   /* steps; 0: at the end alone. Default 100 */
  uint32_t validation_tokens;  /* that are predicted; default 65536 */
  const eml_cancel *cancel;    /* may be NULL */
  eml_lm_training_fn step;     /* may be NULL */
  void *user;
} eml_lm_training_plan;
EML_API eml_status eml_lm_training_plan_init(eml_lm_training_plan *plan, uint32_t struct_size);

typedef struct eml_lm_training_result {
  uint32_t struct_size; /* in */
  int32_t done;         /* 1: the budget is used up */
  uint64_t steps;
  double seconds;
  double bits_per_byte; /* of the last validation; NaN if there was none */
} eml_lm_training_result;
/* Trains on a folder that `eml lm prepare` wrote, until the plan's budget is used up; rows are packed as autoresearch packs them. A trainer
 * that has been stopped, or loaded, goes on where it was: to the bits of a run that never stopped. result may be NULL. EML_CANCELLED: by
 * the callback or the plan's cancel; what was trained stays.
 * Errors: EML_E_IO, EML_E_FORMAT, EML_E_STATE (begun on another folder), EML_E_ARGUMENT (a plan without meaning; a tokenizer with more tokens
 * than the model), EML_E_NONFINITE (the weights are those of the last good step), EML_E_BUSY. */
EML_API EML_MUST_CHECK eml_status eml_lm_trainer_run(eml_lm_trainer *trainer, const char *folder, uint64_t folder_len,
                                                     const eml_lm_training_plan *plan, eml_lm_training_result *result);

/* Writes all that the training needs to go on exactly, as a whole or not at all. Errors: EML_E_IO, EML_E_BUSY. */
EML_API EML_MUST_CHECK eml_status eml_lm_trainer_save(const eml_lm_trainer *trainer, const char *path, uint64_t path_len);
/* Goes on from such a file; options are those that the trainer was made with. The state.safetensors of `eml lm train` will do.
 * Errors: EML_E_IO, EML_E_FORMAT, EML_E_SHAPE (of another model, or other options), EML_E_BUSY. */
EML_API EML_MUST_CHECK eml_status eml_lm_trainer_load(eml_lm_trainer *trainer, const char *path, uint64_t path_len);

#ifdef __cplusplus
}
#endif
#endif /* EML_H */
