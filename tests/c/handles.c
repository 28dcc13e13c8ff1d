/*
 * handles.c - what a wrong handle does, for every function that takes one: NULL, freed, of another kind, invented.
 * run.sh checks that every such function of eml.h is in the table below.
 */
#include "language.h"

typedef enum { MODEL, SAFETREE, ATTENTION, CANCEL, BUFFER, MACHINE, WASM, TOKENIZER, STREAM, LM, SESSION, BATCH, TRAINER, KINDS } handle_kind;

/* Valid values for all other arguments, so that only the handle can be at fault. */
static double numbers[4096];
static char text[4096];
static uint64_t need, size;
static int32_t flag;
static const void *data;
static eml_model *out_model;
static eml_safetree *out_safetree;
static eml_attention *out_attention;
static eml_buffer *out_buffer;
static eml_safetree_info safetree_info;
static eml_model_info info;
static eml_attention_info attention;
static eml_event event;
static eml_machine_event machine_event;
static eml_machine_info machine;
static int32_t tokens[4];
static eml_wasm_info wasm;
static eml_wasm_function wasm_function;
static uint64_t results[4];
static eml_tokenizer *out_tokenizer;
static eml_token_stream *out_stream;
static eml_lm *out_lm;
static eml_lm_session *out_session;
static eml_lm_batch *out_batch;
static eml_lm_trainer *out_trainer;
static eml_lm_trainer_info trainer;
static eml_tokenizer_info tokenizer;
static eml_lm_info lm;
static eml_lm_session_info session;
static eml_lm_generate_options generate;
static eml_lm_score score;
static eml_lm_parity parity;
static const char *words;
static int32_t lengths[LM_VOCAB];
static float floats[LM_VOCAB];
static const unsigned char empty_module[] = {0, 'a', 's', 'm', 1, 0, 0, 0};
static const eml_instruction program[] = {{EML_OP_HALT, EML_NO_OPERAND}};

static int32_t ignore_event(const eml_event *e, void *user) {
  (void)e;
  (void)user;
  return 0;
}

#define ON(type, function, arguments)                \
  static eml_status on_##function(void *handle) {    \
    type *h = handle;                                \
    return function arguments;                       \
  }

ON(const eml_cancel, eml_cancel_set, (h))
ON(const eml_cancel, eml_cancel_reset, (h))
ON(const eml_cancel, eml_cancel_is_set, (h, &flag))
ON(eml_cancel, eml_cancel_free, (h))
ON(const eml_buffer, eml_buffer_data, (h, &data, &size))
ON(eml_buffer, eml_buffer_free, (h))
ON(eml_safetree, eml_safetree_free, (h))
ON(const eml_safetree, eml_safetree_clone, (h, &out_safetree))
ON(const eml_safetree, eml_safetree_get_info, (h, &safetree_info))
ON(const eml_safetree, eml_safetree_get_params, (h, numbers, 13))
ON(eml_safetree, eml_safetree_set_params, (h, numbers, 13, 0))
ON(const eml_safetree, eml_safetree_forward, (h, numbers, 1, numbers + 100, 0))
ON(const eml_safetree, eml_safetree_export, (h, EML_FORMAT_JSON, text, sizeof text, &need))
ON(const eml_safetree, eml_safetree_expression, (h, EML_EXPRESSION_TEXT, text, sizeof text, &need))
ON(const eml_safetree, eml_safetree_save, (h, "/nonexistent/a.json", EML_NTS, EML_FORMAT_AUTO))
ON(eml_model, eml_model_free, (h))
ON(const eml_model, eml_model_clone, (h, &out_model))
ON(const eml_model, eml_model_get_info, (h, &info))
ON(const eml_model, eml_model_get_params, (h, numbers, 28))
ON(eml_model, eml_model_set_params, (h, numbers, 28, 0))
ON(eml_model, eml_model_set_trained, (h, 1))
ON(eml_model, eml_model_set_name, (h, "name", EML_NTS))
ON(const eml_model, eml_model_get_name, (h, text, sizeof text, &need))
ON(eml_model, eml_model_set_metadata, (h, "key", EML_NTS, "value", EML_NTS))
ON(const eml_model, eml_model_get_metadata, (h, "key", EML_NTS, text, sizeof text, &need))
ON(const eml_model, eml_model_get_metadata_count, (h, &need))
ON(const eml_model, eml_model_get_metadata_key, (h, 0, text, sizeof text, &need))
ON(eml_model, eml_model_set_scaling, (h, NULL, NULL))
ON(eml_model, eml_model_fit_scaling, (h))
ON(const eml_model, eml_model_get_scaling, (h, numbers, numbers + 100))
ON(eml_model, eml_model_record, (h, numbers, numbers + 100, NULL, 1, 0))
ON(eml_model, eml_model_clear_samples, (h))
ON(const eml_model, eml_model_forward, (h, numbers, 1, numbers + 100, 0))
ON(eml_model, eml_model_train, (h, NULL, NULL))
ON(const eml_model, eml_model_verify_audit, (h, text, 40, NULL, NULL))
ON(const eml_model, eml_model_verify_audit_file, (h, "/nonexistent/a.log", EML_NTS, NULL, NULL))
ON(const eml_model, eml_model_loss, (h, numbers))
ON(eml_model, eml_model_snap, (h, NULL, NULL, 0, NULL))
ON(const eml_model, eml_model_expression, (h, EML_EXPRESSION_TEXT, 0, text, sizeof text, &need))
ON(const eml_model, eml_model_distill, (h, 2, 50, NULL, &out_model))
ON(eml_model, eml_model_reset, (h, "reason", EML_NTS))
ON(const eml_model, eml_model_export, (h, EML_FORMAT_JSON, text, sizeof text, &need))
ON(const eml_model, eml_model_export_buffer, (h, EML_FORMAT_JSON, &out_buffer))
ON(eml_model, eml_model_save, (h, "/nonexistent/a.json", EML_NTS, EML_FORMAT_AUTO))
ON(eml_model, eml_model_push_event, (h, &event))
ON(eml_model, eml_model_next_event, (h, &event))
ON(eml_model, eml_model_drain_events, (h, EML_FORMAT_JSON, text, sizeof text, &need))
ON(eml_model, eml_model_set_event_sink, (h, ignore_event, NULL))
enum { ATTENTION_PARAMS = 28 }; /* baseline, d_model 2, d_k 1, seq_len 2 */
ON(eml_attention, eml_attention_free, (h))
ON(const eml_attention, eml_attention_clone, (h, &out_attention))
ON(const eml_attention, eml_attention_get_info, (h, &attention))
ON(const eml_attention, eml_attention_get_params, (h, numbers, ATTENTION_PARAMS))
ON(eml_attention, eml_attention_set_params, (h, numbers, ATTENTION_PARAMS, 0))
ON(eml_attention, eml_attention_set_trained, (h, 1))
ON(eml_attention, eml_attention_set_name, (h, "name", EML_NTS))
ON(const eml_attention, eml_attention_get_name, (h, text, sizeof text, &need))
ON(eml_attention, eml_attention_record, (h, numbers, numbers + 100, 1, 0))
ON(eml_attention, eml_attention_clear_samples, (h))
ON(const eml_attention, eml_attention_forward, (h, numbers, 1, numbers + 100, 0))
ON(const eml_attention, eml_attention_loss, (h, numbers))
ON(eml_attention, eml_attention_train, (h, NULL, NULL))
ON(eml_attention, eml_attention_snap, (h, NULL, NULL, 0, NULL))
ON(const eml_attention, eml_attention_expression, (h, EML_EXPRESSION_TEXT, 0, text, sizeof text, &need))
ON(const eml_attention, eml_attention_verify_audit, (h, text, 40, NULL, NULL))
ON(const eml_attention, eml_attention_verify_audit_file, (h, "/nonexistent/a.log", EML_NTS, NULL, NULL))
ON(const eml_attention, eml_attention_export, (h, EML_FORMAT_JSON, text, sizeof text, &need))
ON(const eml_attention, eml_attention_export_buffer, (h, EML_FORMAT_JSON, &out_buffer))
ON(eml_attention, eml_attention_save, (h, "/nonexistent/a.json", EML_NTS, EML_FORMAT_AUTO))
ON(eml_attention, eml_attention_push_event, (h, &event))
ON(eml_attention, eml_attention_next_event, (h, &event))
ON(eml_attention, eml_attention_drain_events, (h, EML_FORMAT_JSON, text, sizeof text, &need))
ON(eml_attention, eml_attention_set_event_sink, (h, ignore_event, NULL))
ON(eml_machine, eml_machine_free, (h))
ON(eml_machine, eml_machine_load, (h, program, 1))
ON(eml_machine, eml_machine_load_text, (h, "halt", EML_NTS))
ON(eml_machine, eml_machine_set_file, (h, 0, "a", 1))
ON(eml_machine, eml_machine_run, (h, 0, NULL, NULL, NULL))
ON(eml_machine, eml_machine_step, (h, &machine_event))
ON(const eml_machine, eml_machine_get_info, (h, &machine))
ON(const eml_machine, eml_machine_output, (h, text, sizeof text, &need))
ON(const eml_machine, eml_machine_file, (h, 0, text, sizeof text, &need))
ON(const eml_machine, eml_machine_trace, (h, 0, tokens, 4, &need))
ON(const eml_machine, eml_machine_describe, (h, text, sizeof text, &need))
ON(const eml_machine, eml_machine_export, (h, "/dev/null/machine", EML_NTS))
ON(eml_wasm, eml_wasm_free, (h))
ON(eml_wasm, eml_wasm_invoke, (h, "f", EML_NTS, results, 1, 0, NULL, results, 4, &need))
ON(eml_wasm, eml_wasm_resume, (h, 0, NULL, results, 4, &need))
ON(const eml_wasm, eml_wasm_trap, (h, text, sizeof text, &need))
ON(const eml_wasm, eml_wasm_output, (h, 1, text, sizeof text, &need))
ON(const eml_wasm, eml_wasm_get_info, (h, &wasm))
ON(const eml_wasm, eml_wasm_get_function, (h, 0, &wasm_function))
ON(eml_wasm, eml_wasm_read_memory, (h, 0, text, 0))
ON(eml_wasm, eml_wasm_write_memory, (h, 0, text, 0))
ON(const eml_wasm, eml_wasm_export, (h, "f", EML_NTS, results, 0, "/dev/null/machine", EML_NTS))
ON(eml_tokenizer, eml_tokenizer_free, (h))
ON(const eml_tokenizer, eml_tokenizer_export, (h, EML_FORMAT_TIKTOKEN, text, sizeof text, &need))
ON(const eml_tokenizer, eml_tokenizer_save, (h, "/nonexistent/a.json", EML_NTS, EML_FORMAT_AUTO))
ON(const eml_tokenizer, eml_tokenizer_get_info, (h, &tokenizer))
ON(const eml_tokenizer, eml_tokenizer_encode, (h, "a", 1, 0, tokens, 4, &need))
ON(const eml_tokenizer, eml_tokenizer_encode_buffer, (h, "a", 1, 0, &out_buffer))
ON(const eml_tokenizer, eml_tokenizer_decode, (h, tokens, 1, text, sizeof text, &need))
ON(const eml_tokenizer, eml_tokenizer_decode_bytes, (h, tokens, 1, text, sizeof text, &need))
ON(const eml_tokenizer, eml_tokenizer_special, (h, "a", 1, &flag))
ON(const eml_tokenizer, eml_tokenizer_byte_lengths, (h, EML_BYTES_RAW, lengths, LM_VOCAB))
ON(const eml_tokenizer, eml_token_stream_create, (h, &out_stream))
ON(eml_token_stream, eml_token_stream_free, (h))
ON(eml_token_stream, eml_token_stream_push, (h, 97, &words, &size))
ON(eml_token_stream, eml_token_stream_flush, (h, &words, &size))
ON(eml_lm, eml_lm_free, (h))
ON(const eml_lm, eml_lm_get_info, (h, &lm))
ON(const eml_lm, eml_lm_config, (h, text, sizeof text, &need))
ON(const eml_lm, eml_lm_activation_parameters, (h, floats, LM_LAYERS))
ON(const eml_lm, eml_lm_get_tokenizer, (h, &out_tokenizer))
ON(const eml_lm, eml_lm_quantize, (h, EML_WEIGHT_BF16, &out_lm))
ON(const eml_lm, eml_lm_export_buffer, (h, EML_FORMAT_SAFETENSORS, &out_buffer))
ON(const eml_lm, eml_lm_save, (h, "/nonexistent/a.safetensors", EML_NTS, EML_FORMAT_AUTO))
ON(const eml_lm, eml_lm_check_parity, (h, "{\"tokens\":[1]}", 14, &parity))
ON(const eml_lm, eml_lm_session_create, (h, 1, &out_session))
ON(eml_lm_session, eml_lm_session_free, (h))
ON(eml_lm_session, eml_lm_session_reset, (h))
ON(const eml_lm_session, eml_lm_session_get_info, (h, &session))
ON(eml_lm_session, eml_lm_session_read, (h, tokens, 1, floats, NULL))
ON(eml_lm_session, eml_lm_session_read_all, (h, tokens, 1, floats, NULL))
ON(eml_lm_session, eml_lm_session_embed, (h, tokens, 1, floats, NULL))
ON(eml_lm_session, eml_lm_session_set_listener, (h, NULL, NULL))
ON(eml_lm_session, eml_lm_session_generate, (h, tokens, 1, &generate, NULL))
ON(eml_lm_session, eml_lm_session_generate_text, (h, "a", 1, &generate, NULL))
ON(const eml_lm_session, eml_lm_session_tokens, (h, tokens, 4, &need))
ON(const eml_lm_session, eml_lm_session_text, (h, text, sizeof text, &need))
ON(eml_lm_session, eml_lm_session_evaluate, (h, tokens, 1, 0, NULL, NULL, &score))
ON(eml_lm_session, eml_lm_session_evaluate_text, (h, "a", 1, EML_BYTES_RAW, NULL, &score))
ON(const eml_lm, eml_lm_batch_create, (h, 1, 1, &out_batch))
ON(eml_lm_batch, eml_lm_batch_free, (h))
ON(eml_lm_batch, eml_lm_batch_reset, (h, 0))
ON(const eml_lm_batch, eml_lm_batch_position, (h, 0, &need))
ON(eml_lm_batch, eml_lm_batch_read, (h, 0, tokens, 1, floats, NULL))
ON(eml_lm_batch, eml_lm_batch_step, (h, tokens, 1, floats, NULL))
ON(const eml_lm, eml_lm_trainer_create, (h, NULL, &out_trainer))
ON(eml_lm_trainer, eml_lm_trainer_free, (h))
ON(const eml_lm_trainer, eml_lm_trainer_get_info, (h, &trainer))
ON(const eml_lm_trainer, eml_lm_trainer_activation_parameters, (h, floats, LM_LAYERS))
ON(const eml_lm_trainer, eml_lm_trainer_get_lm, (h, &out_lm))
ON(eml_lm_trainer, eml_lm_trainer_step, (h, lengths, lengths, 1, 1.0, NULL, NULL))
ON(eml_lm_trainer, eml_lm_trainer_losses, (h, lengths, lengths, 1, numbers))
ON(eml_lm_trainer, eml_lm_trainer_run, (h, "/nonexistent", EML_NTS, NULL, NULL))
ON(const eml_lm_trainer, eml_lm_trainer_save, (h, "/nonexistent/file", EML_NTS))
ON(eml_lm_trainer, eml_lm_trainer_load, (h, "/nonexistent/file", EML_NTS))

typedef struct {
  const char *name;
  handle_kind kind;
  int frees; /* frees its handle: NULL is fine */
  eml_status (*call)(void *handle);
} handle_function;

#define ENTRY(kind, function) {#function, kind, 0, on_##function}
#define FREES(kind, function) {#function, kind, 1, on_##function}
static const handle_function table[] = {
    ENTRY(CANCEL, eml_cancel_set),
    ENTRY(CANCEL, eml_cancel_reset),
    ENTRY(CANCEL, eml_cancel_is_set),
    FREES(CANCEL, eml_cancel_free),
    ENTRY(BUFFER, eml_buffer_data),
    FREES(BUFFER, eml_buffer_free),
    FREES(SAFETREE, eml_safetree_free),
    ENTRY(SAFETREE, eml_safetree_clone),
    ENTRY(SAFETREE, eml_safetree_get_info),
    ENTRY(SAFETREE, eml_safetree_get_params),
    ENTRY(SAFETREE, eml_safetree_set_params),
    ENTRY(SAFETREE, eml_safetree_forward),
    ENTRY(SAFETREE, eml_safetree_export),
    ENTRY(SAFETREE, eml_safetree_expression),
    ENTRY(SAFETREE, eml_safetree_save),
    FREES(MODEL, eml_model_free),
    ENTRY(MODEL, eml_model_clone),
    ENTRY(MODEL, eml_model_get_info),
    ENTRY(MODEL, eml_model_get_params),
    ENTRY(MODEL, eml_model_set_params),
    ENTRY(MODEL, eml_model_set_trained),
    ENTRY(MODEL, eml_model_set_name),
    ENTRY(MODEL, eml_model_get_name),
    ENTRY(MODEL, eml_model_set_metadata),
    ENTRY(MODEL, eml_model_get_metadata),
    ENTRY(MODEL, eml_model_get_metadata_count),
    ENTRY(MODEL, eml_model_get_metadata_key),
    ENTRY(MODEL, eml_model_set_scaling),
    ENTRY(MODEL, eml_model_fit_scaling),
    ENTRY(MODEL, eml_model_get_scaling),
    ENTRY(MODEL, eml_model_record),
    ENTRY(MODEL, eml_model_clear_samples),
    ENTRY(MODEL, eml_model_forward),
    ENTRY(MODEL, eml_model_train),
    ENTRY(MODEL, eml_model_verify_audit),
    ENTRY(MODEL, eml_model_verify_audit_file),
    ENTRY(MODEL, eml_model_loss),
    ENTRY(MODEL, eml_model_snap),
    ENTRY(MODEL, eml_model_expression),
    ENTRY(MODEL, eml_model_distill),
    ENTRY(MODEL, eml_model_reset),
    ENTRY(MODEL, eml_model_export),
    ENTRY(MODEL, eml_model_export_buffer),
    ENTRY(MODEL, eml_model_save),
    ENTRY(MODEL, eml_model_push_event),
    ENTRY(MODEL, eml_model_next_event),
    ENTRY(MODEL, eml_model_drain_events),
    ENTRY(MODEL, eml_model_set_event_sink),
    FREES(ATTENTION, eml_attention_free),
    ENTRY(ATTENTION, eml_attention_clone),
    ENTRY(ATTENTION, eml_attention_get_info),
    ENTRY(ATTENTION, eml_attention_get_params),
    ENTRY(ATTENTION, eml_attention_set_params),
    ENTRY(ATTENTION, eml_attention_set_trained),
    ENTRY(ATTENTION, eml_attention_set_name),
    ENTRY(ATTENTION, eml_attention_get_name),
    ENTRY(ATTENTION, eml_attention_record),
    ENTRY(ATTENTION, eml_attention_clear_samples),
    ENTRY(ATTENTION, eml_attention_forward),
    ENTRY(ATTENTION, eml_attention_loss),
    ENTRY(ATTENTION, eml_attention_train),
    ENTRY(ATTENTION, eml_attention_snap),
    ENTRY(ATTENTION, eml_attention_expression),
    ENTRY(ATTENTION, eml_attention_verify_audit),
    ENTRY(ATTENTION, eml_attention_verify_audit_file),
    ENTRY(ATTENTION, eml_attention_export),
    ENTRY(ATTENTION, eml_attention_export_buffer),
    ENTRY(ATTENTION, eml_attention_save),
    ENTRY(ATTENTION, eml_attention_push_event),
    ENTRY(ATTENTION, eml_attention_next_event),
    ENTRY(ATTENTION, eml_attention_drain_events),
    ENTRY(ATTENTION, eml_attention_set_event_sink),
    FREES(MACHINE, eml_machine_free),
    ENTRY(MACHINE, eml_machine_load),
    ENTRY(MACHINE, eml_machine_load_text),
    ENTRY(MACHINE, eml_machine_set_file),
    ENTRY(MACHINE, eml_machine_run),
    ENTRY(MACHINE, eml_machine_step),
    ENTRY(MACHINE, eml_machine_get_info),
    ENTRY(MACHINE, eml_machine_output),
    ENTRY(MACHINE, eml_machine_file),
    ENTRY(MACHINE, eml_machine_trace),
    ENTRY(MACHINE, eml_machine_describe),
    ENTRY(MACHINE, eml_machine_export),
    FREES(WASM, eml_wasm_free),
    ENTRY(WASM, eml_wasm_invoke),
    ENTRY(WASM, eml_wasm_resume),
    ENTRY(WASM, eml_wasm_trap),
    ENTRY(WASM, eml_wasm_output),
    ENTRY(WASM, eml_wasm_get_info),
    ENTRY(WASM, eml_wasm_get_function),
    ENTRY(WASM, eml_wasm_read_memory),
    ENTRY(WASM, eml_wasm_write_memory),
    ENTRY(WASM, eml_wasm_export),
    FREES(TOKENIZER, eml_tokenizer_free),
    ENTRY(TOKENIZER, eml_tokenizer_export),
    ENTRY(TOKENIZER, eml_tokenizer_save),
    ENTRY(TOKENIZER, eml_tokenizer_get_info),
    ENTRY(TOKENIZER, eml_tokenizer_encode),
    ENTRY(TOKENIZER, eml_tokenizer_encode_buffer),
    ENTRY(TOKENIZER, eml_tokenizer_decode),
    ENTRY(TOKENIZER, eml_tokenizer_decode_bytes),
    ENTRY(TOKENIZER, eml_tokenizer_special),
    ENTRY(TOKENIZER, eml_tokenizer_byte_lengths),
    ENTRY(TOKENIZER, eml_token_stream_create),
    FREES(STREAM, eml_token_stream_free),
    ENTRY(STREAM, eml_token_stream_push),
    ENTRY(STREAM, eml_token_stream_flush),
    FREES(LM, eml_lm_free),
    ENTRY(LM, eml_lm_get_info),
    ENTRY(LM, eml_lm_config),
    ENTRY(LM, eml_lm_activation_parameters),
    ENTRY(LM, eml_lm_get_tokenizer),
    ENTRY(LM, eml_lm_quantize),
    ENTRY(LM, eml_lm_export_buffer),
    ENTRY(LM, eml_lm_save),
    ENTRY(LM, eml_lm_check_parity),
    ENTRY(LM, eml_lm_session_create),
    FREES(SESSION, eml_lm_session_free),
    ENTRY(SESSION, eml_lm_session_reset),
    ENTRY(SESSION, eml_lm_session_get_info),
    ENTRY(SESSION, eml_lm_session_read),
    ENTRY(SESSION, eml_lm_session_read_all),
    ENTRY(SESSION, eml_lm_session_embed),
    ENTRY(SESSION, eml_lm_session_set_listener),
    ENTRY(SESSION, eml_lm_session_generate),
    ENTRY(SESSION, eml_lm_session_generate_text),
    ENTRY(SESSION, eml_lm_session_tokens),
    ENTRY(SESSION, eml_lm_session_text),
    ENTRY(SESSION, eml_lm_session_evaluate),
    ENTRY(SESSION, eml_lm_session_evaluate_text),
    ENTRY(LM, eml_lm_batch_create),
    FREES(BATCH, eml_lm_batch_free),
    ENTRY(BATCH, eml_lm_batch_reset),
    ENTRY(BATCH, eml_lm_batch_position),
    ENTRY(BATCH, eml_lm_batch_read),
    ENTRY(BATCH, eml_lm_batch_step),
    ENTRY(LM, eml_lm_trainer_create),
    FREES(TRAINER, eml_lm_trainer_free),
    ENTRY(TRAINER, eml_lm_trainer_get_info),
    ENTRY(TRAINER, eml_lm_trainer_activation_parameters),
    ENTRY(TRAINER, eml_lm_trainer_get_lm),
    ENTRY(TRAINER, eml_lm_trainer_step),
    ENTRY(TRAINER, eml_lm_trainer_losses),
    ENTRY(TRAINER, eml_lm_trainer_run),
    ENTRY(TRAINER, eml_lm_trainer_save),
    ENTRY(TRAINER, eml_lm_trainer_load),
};
#define TABLE_SIZE (sizeof table / sizeof table[0])

/* What streams, sessions and batches are made from. */
static eml_tokenizer *shared_tokenizer;
static eml_lm *shared_lm;

static void *create(handle_kind kind) {
  eml_model *model = NULL;
  eml_safetree *safetree = NULL;
  eml_cancel *cancel = NULL;
  eml_buffer *buffer = NULL;
  eml_machine *machine_handle = NULL;
  eml_wasm *wasm_handle = NULL;
  eml_token_stream *stream = NULL;
  eml_lm_batch *batch = NULL;
  eml_lm_trainer *made = NULL;
  switch (kind) {
    case MODEL: return new_model(EML_PROFILE_DEFAULT, 2, 2, 2);
    case SAFETREE: CHECK_OK(eml_safetree_create(1, 2, 2, &safetree)); return safetree;
    case ATTENTION: return new_attention(EML_ATTENTION_BASELINE, 2, 1, 2);
    case CANCEL: CHECK_OK(eml_cancel_create(&cancel)); return cancel;
    case MACHINE: CHECK_OK(eml_machine_create(NULL, &machine_handle)); return machine_handle;
    case WASM: CHECK_OK(eml_wasm_load(empty_module, sizeof empty_module, NULL, &wasm_handle)); return wasm_handle;
    case TOKENIZER: return new_tokenizer();
    case STREAM: CHECK_OK(eml_token_stream_create(shared_tokenizer, &stream)); return stream;
    case LM: return new_lm(small_shape, 1);
    case SESSION: return new_session(shared_lm, 1);
    case BATCH: CHECK_OK(eml_lm_batch_create(shared_lm, 1, 1, &batch)); return batch;
    case TRAINER: CHECK_OK(eml_lm_trainer_create(shared_lm, NULL, &made)); return made;
    default:
      model = new_model(EML_PROFILE_DEFAULT, 2, 1, 1);
      CHECK_OK(eml_model_export_buffer(model, EML_FORMAT_JSON, &buffer));
      CHECK_OK(eml_model_free(model));
      return buffer;
  }
}

static eml_status destroy(handle_kind kind, void *handle) {
  switch (kind) {
    case MODEL: return eml_model_free(handle);
    case SAFETREE: return eml_safetree_free(handle);
    case ATTENTION: return eml_attention_free(handle);
    case CANCEL: return eml_cancel_free(handle);
    case MACHINE: return eml_machine_free(handle);
    case WASM: return eml_wasm_free(handle);
    case TOKENIZER: return eml_tokenizer_free(handle);
    case STREAM: return eml_token_stream_free(handle);
    case LM: return eml_lm_free(handle);
    case SESSION: return eml_lm_session_free(handle);
    case BATCH: return eml_lm_batch_free(handle);
    case TRAINER: return eml_lm_trainer_free(handle);
    default: return eml_buffer_free(handle);
  }
}

static void prepare_arguments(void) {
  memset(&event, 0, sizeof event);
  event.struct_size = sizeof event;
  event.type = EML_EVENT_RESET;
  info.struct_size = sizeof info;
  safetree_info.struct_size = sizeof safetree_info;
  attention.struct_size = sizeof attention;
  machine_event.struct_size = sizeof machine_event;
  machine.struct_size = sizeof machine;
  wasm.struct_size = sizeof wasm;
  tokenizer.struct_size = sizeof tokenizer;
  lm.struct_size = sizeof lm;
  session.struct_size = sizeof session;
  score.struct_size = sizeof score;
  parity.struct_size = sizeof parity;
  CHECK_OK(eml_lm_generate_options_init(&generate, sizeof generate));
  generate.max_tokens = 2;
  wasm_function.struct_size = sizeof wasm_function;
}

/* Calls the function with a handle it must refuse and checks everything a refusal promises. */
static void expect_refusal(const handle_function *f, void *handle, eml_status want, const char *what) {
  prepare_arguments();
  out_model = POISON;
  out_safetree = POISON;
  out_attention = POISON;
  out_buffer = POISON;
  eml_status got = f->call(handle);
  CHECK_THAT(got == want, "%s(%s) gave %s, expected %s", f->name, what, eml_status_name(got), eml_status_name(want));
  if (got >= 0) return;
  eml_error error = last_error();
  CHECK_THAT(error.code == got, "%s(%s): last error is %s", f->name, what, eml_status_name(error.code));
  CHECK_THAT(error.message[0] != 0, "%s(%s): empty message", f->name, what);
  int is_clone = f->call == on_eml_model_clone || f->call == on_eml_model_distill;
  CHECK_THAT(!is_clone || out_model == NULL, "%s(%s) left *out", f->name, what);
  CHECK_THAT(f->call != on_eml_safetree_clone || out_safetree == NULL, "%s(%s) left *out", f->name, what);
  CHECK_THAT(f->call != on_eml_attention_clone || out_attention == NULL, "%s(%s) left *out", f->name, what);
  int is_export = f->call == on_eml_model_export_buffer || f->call == on_eml_attention_export_buffer;
  CHECK_THAT(!is_export || out_buffer == NULL, "%s(%s) left *out", f->name, what);
}

static void null_handles(void) {
  for (size_t i = 0; i < TABLE_SIZE; i++) {
    if (table[i].frees) {
      CHECK_THAT(table[i].call(NULL) == EML_OK, "%s(NULL) is not EML_OK", table[i].name);
    } else {
      expect_refusal(&table[i], NULL, EML_E_ARGUMENT, "NULL");
    }
  }
}

static void stale_handles(void) {
  for (size_t i = 0; i < TABLE_SIZE; i++) {
    void *handle = create(table[i].kind);
    CHECK_OK(destroy(table[i].kind, handle));
    expect_refusal(&table[i], handle, EML_E_HANDLE, "freed");
    /* Another object may take the slot over: the old handle must not reach it. */
    void *heir = create(table[i].kind);
    CHECK_THAT(heir != handle, "%s: a handle value was issued twice", table[i].name);
    expect_refusal(&table[i], handle, EML_E_HANDLE, "freed, slot taken over");
    CHECK_OK(destroy(table[i].kind, heir));
  }
}

static void foreign_kinds(void) {
  void *handles[KINDS];
  for (int kind = 0; kind < KINDS; kind++) handles[kind] = create((handle_kind)kind);
  for (size_t i = 0; i < TABLE_SIZE; i++) {
    for (int kind = 0; kind < KINDS; kind++) {
      if (kind != (int)table[i].kind) expect_refusal(&table[i], handles[kind], EML_E_HANDLE, "another kind");
    }
  }
  /* None of it freed anything. */
  for (int kind = 0; kind < KINDS; kind++) CHECK_OK(destroy((handle_kind)kind, handles[kind]));
}

static void invented_handles(void) {
  static int here;
  uint64_t seed = 1;
  for (size_t i = 0; i < TABLE_SIZE; i++) {
    for (int k = 0; k < 50; k++) {
      expect_refusal(&table[i], (void *)(uintptr_t)(next_random(&seed) | 1), EML_E_HANDLE, "a random number");
    }
    expect_refusal(&table[i], &here, EML_E_HANDLE, "an address");
    expect_refusal(&table[i], (void *)UINTPTR_MAX, EML_E_HANDLE, "all bits set");
  }
  for (uintptr_t k = 1; k < 5000; k++) {
    CHECK_STATUS(eml_model_free((eml_model *)k), EML_E_HANDLE);
    CHECK_STATUS(eml_cancel_free((eml_cancel *)k), EML_E_HANDLE);
  }
}

/* One wrong bit anywhere in a live handle is noticed. */
static void bent_handles(void) {
  for (int kind = 0; kind < KINDS; kind++) {
    void *handle = create((handle_kind)kind);
    for (int bit = 0; bit < (int)(8 * sizeof handle); bit++) {
      void *bent = (void *)((uintptr_t)handle ^ ((uintptr_t)1 << bit));
      CHECK_THAT(destroy((handle_kind)kind, bent) == EML_E_HANDLE, "kind %d with bit %d flipped was accepted", kind, bit);
    }
    CHECK_OK(destroy((handle_kind)kind, handle));
  }
}

static void double_free(void) {
  for (int kind = 0; kind < KINDS; kind++) {
    void *handle = create((handle_kind)kind);
    CHECK_OK(destroy((handle_kind)kind, handle));
    CHECK_STATUS(destroy((handle_kind)kind, handle), EML_E_HANDLE);
    CHECK_STATUS(destroy((handle_kind)kind, handle), EML_E_HANDLE);
  }
}

/* Many handles at once are all different and all answer; slots are reused without mixing objects up. */
static void many_handles(void) {
  enum { COUNT = 3000 };
  static eml_cancel *tokens[COUNT];
  for (int i = 0; i < COUNT; i++) CHECK_OK(eml_cancel_create(&tokens[i]));
  for (int i = 0; i < COUNT; i += 2) CHECK_OK(eml_cancel_set(tokens[i]));
  for (int i = 0; i < COUNT; i += 3) {
    eml_cancel *old = tokens[i];
    CHECK_OK(eml_cancel_free(old));
    CHECK_OK(eml_cancel_create(&tokens[i]));
    CHECK_STATUS(eml_cancel_set(old), EML_E_HANDLE);
  }
  for (int i = 0; i < COUNT; i++) {
    int32_t is_set = -1;
    CHECK_OK(eml_cancel_is_set(tokens[i], &is_set));
    CHECK_THAT(is_set == (i % 2 == 0 && i % 3 != 0), "token %d", i);
  }
  for (int i = 0; i < COUNT; i++) CHECK_OK(eml_cancel_free(tokens[i]));
}

/* The generation of a slot must not wrap round after a few thousand uses. */
static void slot_reuse(void) {
  eml_cancel *first = NULL, *token = NULL;
  CHECK_OK(eml_cancel_create(&first));
  CHECK_OK(eml_cancel_free(first));
  for (int i = 0; i < 100000; i++) {
    CHECK_OK(eml_cancel_create(&token));
    CHECK_THAT(token != first, "the handle came back after %d uses", i);
    CHECK_OK(eml_cancel_free(token));
  }
  CHECK_STATUS(eml_cancel_set(first), EML_E_HANDLE);
}

/* Handles inside options are checked like arguments. */
static void cancel_in_options(void) {
  eml_model *model = new_model(EML_PROFILE_DEFAULT, 3, 1, 1), *student = POISON;
  record_samples(model, 60, 1);
  eml_train_options options;
  CHECK_OK(eml_train_options_init(&options, sizeof options));
  eml_cancel *token = NULL;
  CHECK_OK(eml_cancel_create(&token));
  CHECK_OK(eml_cancel_free(token));
  options.max_sweeps = 1;
  const void *wrong[] = {token, model, POISON};
  for (int i = 0; i < 3; i++) {
    options.cancel = wrong[i];
    eml_train_result result;
    memset(&result, 0xee, sizeof result);
    result.struct_size = sizeof result;
    eml_train_result before = result;
    CHECK_STATUS(eml_model_train(model, &options, &result), EML_E_HANDLE);
    CHECK(memcmp(&result, &before, sizeof result) == 0);
    student = POISON;
    CHECK_STATUS(eml_model_distill(model, 2, 50, &options, &student), EML_E_HANDLE);
    CHECK(student == NULL);
  }
  CHECK(model_info(model).event_count == 0);
  CHECK_OK(eml_model_free(model));
}

/* Objects keep what they need: the order of frees never matters. */
static void free_order(void) {
  eml_model *model = random_model(EML_PROFILE_DEFAULT, 3, 2, 1), *copy = NULL;
  eml_buffer *buffer = NULL;
  CHECK_OK(eml_model_clone(model, &copy));
  CHECK_OK(eml_model_export_buffer(model, EML_FORMAT_JSON, &buffer));
  double x[2] = {0.25, 0.5}, before = 0, after = 1;
  CHECK_OK(eml_model_forward(model, x, 1, &before, 0));
  const void *start = NULL;
  uint64_t length = 0;
  CHECK_OK(eml_buffer_data(buffer, &start, &length));
  CHECK_OK(eml_model_free(model));
  CHECK_OK(eml_model_forward(copy, x, 1, &after, 0));
  CHECK(same_bits(&before, &after, 1));
  CHECK(length > 0 && ((const char *)start)[0] == '{' && ((const char *)start)[length] == 0);
  CHECK_OK(eml_model_free(copy));
  CHECK_OK(eml_buffer_free(buffer));
}

int main(void) {
  shared_tokenizer = new_tokenizer();
  shared_lm = new_lm(small_shape, 1);
  RUN(null_handles);
  RUN(stale_handles);
  RUN(foreign_kinds);
  RUN(invented_handles);
  RUN(bent_handles);
  RUN(double_free);
  RUN(many_handles);
  RUN(slot_reuse);
  RUN(cancel_in_options);
  RUN(free_order);
  CHECK_OK(eml_lm_free(shared_lm));
  CHECK_OK(eml_tokenizer_free(shared_tokenizer));
  return test_summary("handles");
}
