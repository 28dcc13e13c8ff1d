/*
 * layout.c - sizes and offsets of the structs of eml.h on 64-bit machines: they are part of the ABI. Every field follows
 * the one before without a gap, so that no compiler or binding has padding to guess. Prints the table.
 */
#include "test.h"

#include <stddef.h>

#if UINTPTR_MAX == UINT64_MAX

#define CONCAT2(a, b) a##b
#define CONCAT(a, b) CONCAT2(a, b)
#define STATIC_CHECK(condition) typedef char CONCAT(check_, __LINE__)[(condition) ? 1 : -1]

/* F(struct, field, offset): checked when compiled. */
#define FIELDS(F)                                                                                           \
  F(eml_error, struct_size, 0) F(eml_error, code, 4) F(eml_error, sub_code, 8) F(eml_error, reserved, 12)   \
  F(eml_error, byte_offset, 16) F(eml_error, message, 24) F(eml_error, message_len, 32)                     \
  F(eml_safetree_info, struct_size, 0) F(eml_safetree_info, depth, 4) F(eml_safetree_info, inputs, 8)       \
  F(eml_safetree_info, heads, 16) F(eml_safetree_info, param_count, 24)                                     \
  F(eml_model_options, struct_size, 0) F(eml_model_options, depth, 4) F(eml_model_options, inputs, 8)       \
  F(eml_model_options, heads, 16) F(eml_model_options, profile, 24) F(eml_model_options, reserved, 28)      \
  F(eml_model_info, struct_size, 0) F(eml_model_info, depth, 4) F(eml_model_info, inputs, 8)                \
  F(eml_model_info, heads, 16) F(eml_model_info, param_count, 24) F(eml_model_info, sample_count, 32)       \
  F(eml_model_info, event_count, 40) F(eml_model_info, profile, 48) F(eml_model_info, trained, 52)          \
  F(eml_model_info, scaled, 56) F(eml_model_info, reserved, 60)                                             \
  F(eml_progress, struct_size, 0) F(eml_progress, phase, 4) F(eml_progress, step, 8)                        \
  F(eml_progress, total, 16) F(eml_progress, loss, 24) F(eml_progress, evaluations, 32)                     \
  F(eml_progress, accepted, 40)                                                                             \
  F(eml_train_options, struct_size, 0) F(eml_train_options, max_sweeps, 4) F(eml_train_options, seed, 8)    \
  F(eml_train_options, target_loss, 16) F(eml_train_options, cancel, 24) F(eml_train_options, progress, 32) \
  F(eml_train_options, user, 40) F(eml_train_options, audit_path, 48)                                       \
  F(eml_train_options, audit_path_len, 56) F(eml_train_options, audit, 64)                                  \
  F(eml_audit_report, struct_size, 0) F(eml_audit_report, verdict, 4) F(eml_audit_report, record, 8)        \
  F(eml_audit_report, byte_offset, 16) F(eml_audit_report, records, 24) F(eml_audit_report, moves, 32)      \
  F(eml_audit_report, trials, 40) F(eml_audit_report, loss, 48) F(eml_audit_report, cancelled, 56)          \
  F(eml_audit_report, reserved, 60)                                                                         \
  F(eml_train_result, struct_size, 0) F(eml_train_result, converged, 4) F(eml_train_result, samples_used, 8) \
  F(eml_train_result, loss_before, 16) F(eml_train_result, loss_after, 24)                                  \
  F(eml_train_result, evaluations, 32) F(eml_train_result, accepted, 40) F(eml_train_result, sweeps, 48)    \
  F(eml_snap_options, struct_size, 0) F(eml_snap_options, reserved, 4) F(eml_snap_options, tolerance, 8)    \
  F(eml_snap_options, max_loss_increase, 16) F(eml_snap_options, max_loss, 24)                              \
  F(eml_snap_options, cancel, 32) F(eml_snap_options, progress, 40) F(eml_snap_options, user, 48)           \
  F(eml_snap_result, struct_size, 0) F(eml_snap_result, unscaled, 4) F(eml_snap_result, snapped, 8)         \
  F(eml_snap_result, loss_before, 16) F(eml_snap_result, loss_after, 24)                                    \
  F(eml_snap_result, loss_allowed, 32) F(eml_snap_result, evaluations, 40)                                  \
  F(eml_attention_options, struct_size, 0) F(eml_attention_options, kind, 4) F(eml_attention_options, d_model, 8) \
  F(eml_attention_options, d_k, 12) F(eml_attention_options, seq_len, 16) F(eml_attention_options, depth, 20) \
  F(eml_attention_options, heads, 24) F(eml_attention_options, nodes, 28) F(eml_attention_options, positional, 32) \
  F(eml_attention_options, residual, 36) F(eml_attention_options, chunk, 40) F(eml_attention_options, reserved, 44) \
  F(eml_attention_info, struct_size, 0) F(eml_attention_info, kind, 4) F(eml_attention_info, d_model, 8) \
  F(eml_attention_info, d_k, 12) F(eml_attention_info, seq_len, 16) F(eml_attention_info, depth, 20) \
  F(eml_attention_info, heads, 24) F(eml_attention_info, nodes, 28) F(eml_attention_info, positional, 32) \
  F(eml_attention_info, residual, 36) F(eml_attention_info, chunk, 40) F(eml_attention_info, trained, 44) \
  F(eml_attention_info, param_count, 48) F(eml_attention_info, sample_count, 56) \
  F(eml_attention_info, event_count, 64) F(eml_attention_info, training_rounds, 72) \
  F(eml_attention_info, last_accepts, 80) F(eml_attention_info, scale, 88) \
  F(eml_attention_train_options, struct_size, 0) F(eml_attention_train_options, reserved, 4) \
  F(eml_attention_train_options, seed, 8) F(eml_attention_train_options, trials, 16) \
  F(eml_attention_train_options, step_init, 24) F(eml_attention_train_options, step_final, 32) \
  F(eml_attention_train_options, max_samples, 40) F(eml_attention_train_options, eval_subset, 48) \
  F(eml_attention_train_options, convergence_mse, 56) F(eml_attention_train_options, max_evaluations, 64) \
  F(eml_attention_train_options, target_loss, 72) F(eml_attention_train_options, cancel, 80) \
  F(eml_attention_train_options, progress, 88) F(eml_attention_train_options, user, 96) \
  F(eml_attention_train_options, audit_path, 104) F(eml_attention_train_options, audit_path_len, 112) \
  F(eml_attention_train_options, audit, 120) F(eml_attention_train_result, struct_size, 0) \
  F(eml_attention_train_result, converged, 4) F(eml_attention_train_result, samples_used, 8) \
  F(eml_attention_train_result, mse_before, 16) F(eml_attention_train_result, mse_after, 24) \
  F(eml_attention_train_result, cross_loss, 32) F(eml_attention_train_result, evaluations, 40) \
  F(eml_attention_train_result, trials, 48) F(eml_attention_train_result, accepted, 56) \
  F(eml_attention_train_result, rounds, 64) \
  F(eml_event, struct_size, 0) F(eml_event, type, 4) F(eml_event, model_name, 8)                            \
  F(eml_event, model_name_len, 16) F(eml_event, text, 24) F(eml_event, text_len, 32)                        \
  F(eml_event, output, 40) F(eml_event, output_len, 48) F(eml_event, value0, 56) F(eml_event, value1, 64)   \
  F(eml_event, value2, 72) F(eml_event, count0, 80) F(eml_event, count1, 88) F(eml_event, flag, 96)         \
  F(eml_event, reserved, 100)                                                                               \
  F(eml_instruction, opcode, 0) F(eml_instruction, operand, 4)                                              \
  F(eml_machine_options, struct_size, 0) F(eml_machine_options, dense, 4)                                   \
  F(eml_machine_options, keep_trace, 8) F(eml_machine_options, probe, 12)                                   \
  F(eml_machine_event, struct_size, 0) F(eml_machine_event, row, 4) F(eml_machine_event, step, 8)           \
  F(eml_machine_event, opcode, 16) F(eml_machine_event, operand, 20) F(eml_machine_event, token, 24)        \
  F(eml_machine_event, is_output, 28) F(eml_machine_event, layers, 32) F(eml_machine_event, heads, 36)      \
  F(eml_machine_event, d_model, 40) F(eml_machine_event, d_ffn, 44) F(eml_machine_event, stream, 48)        \
  F(eml_machine_event, units, 56) F(eml_machine_event, winners, 64) F(eml_machine_event, values, 72)        \
  F(eml_machine_info, struct_size, 0) F(eml_machine_info, state, 4) F(eml_machine_info, instructions, 8)    \
  F(eml_machine_info, steps, 16) F(eml_machine_info, output_size, 24) F(eml_machine_info, state_bytes, 32) \
  F(eml_wasm_call, struct_size, 0) F(eml_wasm_call, reserved, 4) F(eml_wasm_call, module, 8) \
  F(eml_wasm_call, module_len, 16) F(eml_wasm_call, name, 24) F(eml_wasm_call, name_len, 32) \
  F(eml_wasm_call, args, 40) F(eml_wasm_call, params, 48) F(eml_wasm_call, nargs, 56) \
  F(eml_wasm_call, results, 64) F(eml_wasm_call, result_types, 72) F(eml_wasm_call, nresults, 80) \
  F(eml_wasm_import, module, 0) F(eml_wasm_import, module_len, 8) F(eml_wasm_import, name, 16) \
  F(eml_wasm_import, name_len, 24) F(eml_wasm_import, function, 32) F(eml_wasm_import, user, 40) \
  F(eml_wasm_import, value, 48) F(eml_wasm_options, struct_size, 0) F(eml_wasm_options, dense, 4) \
  F(eml_wasm_options, imports, 8) F(eml_wasm_options, import_count, 16) F(eml_wasm_options, token, 24) \
  F(eml_wasm_options, user, 32) F(eml_wasm_options, wasi, 40) \
  F(eml_wasm_text, text, 0) F(eml_wasm_text, len, 8) F(eml_wasm_transfer, struct_size, 0) \
  F(eml_wasm_transfer, stream, 4) F(eml_wasm_transfer, bytes, 8) F(eml_wasm_transfer, size, 16) \
  F(eml_wasm_transfer, given, 24) F(eml_wasm_wasi, struct_size, 0) \
  F(eml_wasm_wasi, fixed_clock, 4) F(eml_wasm_wasi, clock_ns, 8) F(eml_wasm_wasi, seed, 16) \
  F(eml_wasm_wasi, args, 24) F(eml_wasm_wasi, arg_count, 32) F(eml_wasm_wasi, env, 40) \
  F(eml_wasm_wasi, env_count, 48) F(eml_wasm_wasi, input, 56) F(eml_wasm_wasi, input_size, 64) \
  F(eml_wasm_wasi, read, 72) F(eml_wasm_wasi, write, 80) F(eml_wasm_wasi, user, 88) F(eml_wasm_info, struct_size, 0) F(eml_wasm_info, state, 4) \
  F(eml_wasm_info, instructions, 8) F(eml_wasm_info, tokens, 16) F(eml_wasm_info, prompt_tokens, 24) \
  F(eml_wasm_info, pages, 32) F(eml_wasm_info, state_bytes, 40) F(eml_wasm_info, functions, 48) \
  F(eml_wasm_info, parameters, 56) F(eml_wasm_info, layers, 64) F(eml_wasm_info, d_model, 68) \
  F(eml_wasm_info, has_exited, 72) F(eml_wasm_info, exit_code, 76) \
  F(eml_wasm_function, struct_size, 0) F(eml_wasm_function, number, 4) F(eml_wasm_function, name, 8) \
  F(eml_wasm_function, name_len, 16) F(eml_wasm_function, params, 24) F(eml_wasm_function, nparams, 32) \
  F(eml_wasm_function, results, 40) F(eml_wasm_function, nresults, 48) \
  F(eml_text, text, 0) F(eml_text, len, 8) F(eml_tokenizer_info, struct_size, 0) F(eml_tokenizer_info, vocab_size, 4) \
  F(eml_tokenizer_info, rank_count, 8) F(eml_tokenizer_info, bos_id, 12) F(eml_lm_options, struct_size, 0) \
  F(eml_lm_options, mapped, 4) F(eml_lm_options, config, 8) F(eml_lm_options, config_len, 16) \
  F(eml_lm_options, tokenizer, 24) F(eml_lm_info, struct_size, 0) F(eml_lm_info, vocab_size, 4) \
  F(eml_lm_info, n_layer, 8) F(eml_lm_info, n_embd, 12) F(eml_lm_info, n_head, 16) F(eml_lm_info, n_kv_head, 20) \
  F(eml_lm_info, head_dim, 24) F(eml_lm_info, hidden_dim, 28) F(eml_lm_info, sequence_len, 32) \
  F(eml_lm_info, weight_type, 36) F(eml_lm_info, activation, 40) F(eml_lm_info, has_tokenizer, 44) \
  F(eml_lm_info, parameters, 48) F(eml_lm_info, bytes, 56) F(eml_lm_parity, struct_size, 0) F(eml_lm_parity, is_right, 4) F(eml_lm_parity, largest_deviation, 8) \
  F(eml_lm_parity, differing_index, 16) F(eml_lm_parity, differing_token, 24) F(eml_lm_parity, reserved, 28) \
  F(eml_lm_session_info, struct_size, 0) \
  F(eml_lm_session_info, threads, 4) F(eml_lm_session_info, position, 8) F(eml_lm_session_info, bytes, 16) \
  F(eml_lm_token, struct_size, 0) F(eml_lm_token, id, 4) F(eml_lm_token, text, 8) F(eml_lm_token, text_len, 16) \
  F(eml_lm_token, log_probability, 24) F(eml_lm_token, index, 32) F(eml_lm_generate_options, struct_size, 0) \
  F(eml_lm_generate_options, max_tokens, 4) F(eml_lm_generate_options, temperature, 8) \
  F(eml_lm_generate_options, top_p, 16) F(eml_lm_generate_options, min_p, 24) \
  F(eml_lm_generate_options, repetition_penalty, 32) F(eml_lm_generate_options, top_k, 40) \
  F(eml_lm_generate_options, special, 44) F(eml_lm_generate_options, seed, 48) \
  F(eml_lm_generate_options, stop_tokens, 56) F(eml_lm_generate_options, stop_token_count, 64) \
  F(eml_lm_generate_options, stop_texts, 72) F(eml_lm_generate_options, stop_text_count, 80) \
  F(eml_lm_generate_options, cancel, 88) F(eml_lm_generate_options, token, 96) F(eml_lm_generate_options, user, 104) \
  F(eml_lm_generation, struct_size, 0) F(eml_lm_generation, end, 4) F(eml_lm_generation, tokens, 8) \
  F(eml_lm_generation, text_len, 16) F(eml_lm_generation, log_probability, 24) F(eml_lm_score, struct_size, 0) \
  F(eml_lm_score, reserved, 4) F(eml_lm_score, bits_per_byte, 8) F(eml_lm_score, mean_loss, 16) \
  F(eml_lm_score, nats, 24) F(eml_lm_score, bytes, 32) F(eml_lm_score, tokens, 40) \
  F(eml_lm_trainer_options, struct_size, 0) F(eml_lm_trainer_options, sequence_len, 4) F(eml_lm_trainer_options, group_tokens, 8) \
  F(eml_lm_trainer_options, threads, 12) F(eml_lm_trainer_options, optimizer, 16) F(eml_lm_trainer_options, k_parameter, 20) \
  F(eml_lm_trainer_options, weight_type, 24) F(eml_lm_trainer_options, reserved, 28) F(eml_lm_trainer_options, rate, 32) \
  F(eml_lm_trainer_options, largest_k, 40) \
  F(eml_lm_trainer_info, struct_size, 0) F(eml_lm_trainer_info, sequence_len, 4) F(eml_lm_trainer_info, steps, 8) \
  F(eml_lm_trainer_info, parameters, 16) F(eml_lm_trainer_info, bytes, 24) F(eml_lm_trainer_info, seconds, 32) \
  F(eml_lm_training_step, struct_size, 0) F(eml_lm_training_step, epoch, 4) F(eml_lm_training_step, step, 8) \
  F(eml_lm_training_step, tokens, 16) F(eml_lm_training_step, loss, 24) F(eml_lm_training_step, multiplier, 32) \
  F(eml_lm_training_step, seconds, 40) F(eml_lm_training_step, tokens_per_second, 48) F(eml_lm_training_step, progress, 56) \
  F(eml_lm_training_step, bits_per_byte, 64) \
  F(eml_lm_training_plan, struct_size, 0) F(eml_lm_training_plan, batch_tokens, 4) F(eml_lm_training_plan, steps, 8) \
  F(eml_lm_training_plan, seconds, 16) F(eml_lm_training_plan, warmup, 24) F(eml_lm_training_plan, warmdown, 32) \
  F(eml_lm_training_plan, final_rate, 40) F(eml_lm_training_plan, validation_every, 48) F(eml_lm_training_plan, validation_tokens, 52) \
  F(eml_lm_training_plan, cancel, 56) F(eml_lm_training_plan, step, 64) F(eml_lm_training_plan, user, 72) \
  F(eml_lm_training_result, struct_size, 0) F(eml_lm_training_result, done, 4) F(eml_lm_training_result, steps, 8) \
  F(eml_lm_training_result, seconds, 16) F(eml_lm_training_result, bits_per_byte, 24)

typedef struct {
  const char *owner, *name;
  size_t offset, size, expected;
} field;

#define ROW(owner, name, expected) {#owner, #name, offsetof(owner, name), sizeof(((owner *)0)->name), expected},
static const field fields[] = {FIELDS(ROW)};
#define FIELD_COUNT (sizeof fields / sizeof fields[0])

STATIC_CHECK(sizeof(eml_error) == 40);
STATIC_CHECK(sizeof(eml_safetree_info) == 32);
STATIC_CHECK(sizeof(eml_model_options) == 32);
STATIC_CHECK(sizeof(eml_model_info) == 64);
STATIC_CHECK(sizeof(eml_progress) == 48);
STATIC_CHECK(sizeof(eml_train_options) == 72);
STATIC_CHECK(sizeof(eml_audit_report) == 64);
STATIC_CHECK(sizeof(eml_train_result) == 56);
STATIC_CHECK(sizeof(eml_snap_options) == 56);
STATIC_CHECK(sizeof(eml_snap_result) == 48);
STATIC_CHECK(sizeof(eml_attention_options) == 48);
STATIC_CHECK(sizeof(eml_attention_info) == 96);
STATIC_CHECK(sizeof(eml_attention_train_options) == 128);
STATIC_CHECK(sizeof(eml_attention_train_result) == 72);
STATIC_CHECK(sizeof(eml_event) == 104);
STATIC_CHECK(sizeof(eml_instruction) == 8);
STATIC_CHECK(sizeof(eml_machine_options) == 16);
STATIC_CHECK(sizeof(eml_machine_event) == 80);
STATIC_CHECK(sizeof(eml_machine_info) == 40);
STATIC_CHECK(sizeof(eml_wasm_call) == 88);
STATIC_CHECK(sizeof(eml_wasm_import) == 56);
STATIC_CHECK(sizeof(eml_wasm_options) == 48);
STATIC_CHECK(sizeof(eml_wasm_text) == 16);
STATIC_CHECK(sizeof(eml_wasm_transfer) == 32);
STATIC_CHECK(sizeof(eml_wasm_wasi) == 96);
STATIC_CHECK(sizeof(eml_wasm_info) == 80);
STATIC_CHECK(sizeof(eml_wasm_function) == 56);
STATIC_CHECK(sizeof(eml_text) == 16);
STATIC_CHECK(sizeof(eml_tokenizer_info) == 16);
STATIC_CHECK(sizeof(eml_lm_options) == 32);
STATIC_CHECK(sizeof(eml_lm_info) == 64);
STATIC_CHECK(sizeof(eml_lm_parity) == 32);
STATIC_CHECK(sizeof(eml_lm_session_info) == 24);
STATIC_CHECK(sizeof(eml_lm_token) == 40);
STATIC_CHECK(sizeof(eml_lm_generate_options) == 112);
STATIC_CHECK(sizeof(eml_lm_generation) == 32);
STATIC_CHECK(sizeof(eml_lm_score) == 48);
STATIC_CHECK(sizeof(eml_lm_trainer_options) == 48);
STATIC_CHECK(sizeof(eml_lm_trainer_info) == 40);
STATIC_CHECK(sizeof(eml_lm_training_step) == 72);
STATIC_CHECK(sizeof(eml_lm_training_plan) == 80);
STATIC_CHECK(sizeof(eml_lm_training_result) == 32);
STATIC_CHECK(sizeof(eml_status) == 4);
STATIC_CHECK(EML_NTS == UINT64_MAX);

static size_t size_of(const char *owner) {
#define SIZE(type) \
  if (strcmp(owner, #type) == 0) return sizeof(type)
  SIZE(eml_error);
  SIZE(eml_safetree_info);
  SIZE(eml_model_options);
  SIZE(eml_model_info);
  SIZE(eml_progress);
  SIZE(eml_train_options);
  SIZE(eml_train_result);
  SIZE(eml_snap_options);
  SIZE(eml_snap_result);
  SIZE(eml_audit_report);
  SIZE(eml_attention_options);
  SIZE(eml_attention_info);
  SIZE(eml_attention_train_options);
  SIZE(eml_attention_train_result);
  SIZE(eml_event);
  SIZE(eml_instruction);
  SIZE(eml_machine_options);
  SIZE(eml_machine_event);
  SIZE(eml_machine_info);
  SIZE(eml_wasm_call);
  SIZE(eml_wasm_import);
  SIZE(eml_wasm_options);
  SIZE(eml_wasm_text);
  SIZE(eml_wasm_transfer);
  SIZE(eml_wasm_wasi);
  SIZE(eml_wasm_info);
  SIZE(eml_wasm_function);
  SIZE(eml_text);
  SIZE(eml_tokenizer_info);
  SIZE(eml_lm_options);
  SIZE(eml_lm_info);
  SIZE(eml_lm_parity);
  SIZE(eml_lm_session_info);
  SIZE(eml_lm_token);
  SIZE(eml_lm_generate_options);
  SIZE(eml_lm_generation);
  SIZE(eml_lm_score);
  SIZE(eml_lm_trainer_options);
  SIZE(eml_lm_trainer_info);
  SIZE(eml_lm_training_step);
  SIZE(eml_lm_training_plan);
  SIZE(eml_lm_training_result);
  return 0;
}

static void offsets(void) {
  for (size_t i = 0; i < FIELD_COUNT; i++) {
    const field *f = &fields[i];
    int last = i + 1 == FIELD_COUNT || strcmp(f->owner, fields[i + 1].owner) != 0;
    size_t end = last ? size_of(f->owner) : fields[i + 1].offset;
    printf("  %-27s %-15s %3zu %2zu\n", f->owner, f->name, f->offset, f->size);
    CHECK_THAT(f->offset == f->expected, "%s.%s is at %zu, expected %zu", f->owner, f->name, f->offset, f->expected);
    CHECK_THAT(f->offset + f->size == end, "padding after %s.%s", f->owner, f->name);
  }
}

int main(void) {
  RUN(offsets);
  return test_summary("layout");
}

#else
#error "the offsets of eml.h are written down for 64-bit machines"
#endif
