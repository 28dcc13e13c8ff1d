/*
 * rules.c - the rules of eml.h that hold for every function: status names, last error, outputs, NULL pointers.
 * Handles have handles.c, strings and two-call results strings.c, structs with struct_size options.c, callbacks callbacks.c.
 */
#include "fixture.h"

#include <pthread.h>

/* ------------------------------------------------------------------------------------------------ status, version */

static void status_names(void) {
  static const struct {
    eml_status status;
    const char *name;
    int value;
  } all[] = {
      {EML_OK, "EML_OK", 0},
      {EML_DONE, "EML_DONE", 1},
      {EML_OUT_OF_FUEL, "EML_OUT_OF_FUEL", 2},
      {EML_CANCELLED, "EML_CANCELLED", 3},
      {EML_TRAPPED, "EML_TRAPPED", 4},
      {EML_EXITED, "EML_EXITED", 5},
      {EML_E_ARGUMENT, "EML_E_ARGUMENT", -1},
      {EML_E_HANDLE, "EML_E_HANDLE", -2},
      {EML_E_BUSY, "EML_E_BUSY", -3},
      {EML_E_SHAPE, "EML_E_SHAPE", -4},
      {EML_E_NONFINITE, "EML_E_NONFINITE", -5},
      {EML_E_BUFFER, "EML_E_BUFFER", -6},
      {EML_E_STATE, "EML_E_STATE", -7},
      {EML_E_FORMAT, "EML_E_FORMAT", -8},
      {EML_E_IO, "EML_E_IO", -9},
      {EML_E_LIMIT, "EML_E_LIMIT", -10},
      {EML_E_MEMORY, "EML_E_MEMORY", -11},
      {EML_E_VERSION, "EML_E_VERSION", -12},
      {EML_E_UNSUPPORTED, "EML_E_UNSUPPORTED", -13},
      {EML_E_INTERNAL, "EML_E_INTERNAL", -99},
  };
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    CHECK_THAT(all[i].status == all[i].value, "%s changed its value", all[i].name);
    CHECK_THAT(strcmp(eml_status_name(all[i].status), all[i].name) == 0, "%d is called %s", all[i].status,
               eml_status_name(all[i].status));
    CHECK(eml_status_name(all[i].status) == eml_status_name(all[i].status));
  }
  static const eml_status unknown[] = {6, 1000, INT32_MAX, -14, -98, -100, INT32_MIN};
  for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
    CHECK_THAT(strcmp(eml_status_name(unknown[i]), "EML_STATUS_UNKNOWN") == 0, "%d", unknown[i]);
  }
}

static void versions(void) {
  CHECK(strcmp(eml_version(), EML_VERSION_STRING) == 0);
  CHECK(eml_version() == eml_version());
  CHECK(eml_abi_version() == EML_ABI_VERSION);
  const char *info = eml_build_info();
  CHECK(info == eml_build_info());
  CHECK(info[0] == '{' && info[strlen(info) - 1] == '}');
  static const char *keys[] = {"version", "commit", "rid", "isa", "vector_bits", "runtime"};
  for (int i = 0; i < 6; i++) {
    char key[32];
    snprintf(key, sizeof key, "\"%s\":", keys[i]);
    CHECK_THAT(contains(info, key), "no %s in %s", key, info);
  }
  CHECK(contains(info, "\"" EML_VERSION_STRING "\""));
  CHECK(strcmp(eml_event_type_name(99), "eml.unknown") == 0);
}

/* ------------------------------------------------------------------------------------------------ last error */

static void fail_with_argument(void) { CHECK_STATUS(eml_tree_param_count(9, 1, &(uint64_t){0}), EML_E_ARGUMENT); }

static void last_error_fields(void) {
  fail_with_argument();
  eml_error error = last_error();
  CHECK(error.code == EML_E_ARGUMENT);
  CHECK(error.sub_code == 0);
  CHECK(error.byte_offset == UINT64_MAX);
  CHECK(error.message_len == strlen(error.message) && error.message_len > 0);
  CHECK_THAT(contains(error.message, "9") && contains(error.message, "2") && contains(error.message, "5"),
             "value or limits missing: %s", error.message);
}

static void success_leaves_it(void) {
  fail_with_argument();
  char before[512];
  snprintf(before, sizeof before, "%s", last_error().message);
  uint64_t count = 0;
  CHECK_OK(eml_tree_param_count(3, 2, &count));
  eml_model *model = random_model(EML_PROFILE_DEFAULT, 2, 1, 1);
  double x = 0.5, y = 0;
  CHECK_OK(eml_model_forward(model, &x, 1, &y, 0));
  eml_event event;
  event.struct_size = sizeof event;
  CHECK_STATUS(eml_model_next_event(model, &event), EML_DONE);
  CHECK_OK(eml_model_free(model));
  CHECK(last_error().code == EML_E_ARGUMENT);
  CHECK(strcmp(last_error().message, before) == 0);
}

static void messages_name_values(void) {
  eml_model *model = NULL;
  eml_model_options options;
  CHECK_OK(eml_model_options_init(&options, sizeof options));
  options.heads = 1048577;
  CHECK_STATUS(eml_model_create(&options, &model), EML_E_LIMIT);
  CHECK_THAT(contains(last_error().message, "1048577") || contains(last_error().message, "1,048,577"), "%s",
             last_error().message);
  CHECK_THAT(contains(last_error().message, "1048576") || contains(last_error().message, "1,048,576"), "%s",
             last_error().message);
  model = random_model(EML_PROFILE_DEFAULT, 2, 4, 1);
  double params[3] = {0, 0, 0};
  CHECK_STATUS(eml_model_set_params(model, params, 3, 0), EML_E_SHAPE);
  char count[32];
  snprintf(count, sizeof count, "%" PRIu64, model_info(model).param_count);
  CHECK_THAT(contains(last_error().message, "3") && contains(last_error().message, count), "%s", last_error().message);
  CHECK_OK(eml_model_free(model));
}

static void sub_code_and_offset(void) {
  eml_model *model = POISON;
  CHECK_STATUS(eml_model_import("{\"depth\":2,,", 12, EML_FORMAT_JSON, &model), EML_E_FORMAT);
  CHECK(model == NULL);
  eml_error error = last_error();
  CHECK(error.code == EML_E_FORMAT && error.sub_code == EML_F_JSON);
  CHECK_THAT(error.byte_offset == 11, "offset %" PRIu64, error.byte_offset);
  CHECK_STATUS(eml_model_load("/nonexistent/m.json", EML_NTS, EML_FORMAT_AUTO, &model), EML_E_IO);
  CHECK(last_error().sub_code == 2 /* ENOENT */);
  CHECK_THAT(contains(last_error().message, "/nonexistent/m.json"), "%s", last_error().message);
  /* The next failure replaces all fields. */
  fail_with_argument();
  CHECK(last_error().sub_code == 0 && last_error().byte_offset == UINT64_MAX);
}

static void *fresh_thread(void *ignored) {
  eml_error error = last_error();
  CHECK(error.code == EML_OK && error.sub_code == 0);
  CHECK(error.message != NULL && error.message_len == strlen(error.message));
  uint64_t need = 0;
  char text[256];
  CHECK_OK(eml_last_error_message(text, sizeof text, &need));
  CHECK(need == error.message_len + 1 && strcmp(text, error.message) == 0);
  CHECK_STATUS(eml_cancel_set(POISON), EML_E_HANDLE);
  CHECK(last_error().code == EML_E_HANDLE);
  return ignored;
}

static void thread_local_errors(void) {
  fail_with_argument();
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, fresh_thread, NULL) == 0);
  for (int i = 0; i < 2; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  CHECK(last_error().code == EML_E_ARGUMENT);
}

static void last_error_message_two_calls(void) {
  fail_with_argument();
  uint64_t want = last_error().message_len + 1, need = 0;
  char text[1024];
  CHECK_STATUS(eml_last_error_message(NULL, 0, &need), EML_E_BUFFER);
  CHECK(need == want);
  memset(text, 'z', sizeof text);
  need = 0;
  CHECK_STATUS(eml_last_error_message(text, want - 1, &need), EML_E_BUFFER);
  CHECK(need == want && text[0] == 'z');
  CHECK(last_error().code == EML_E_ARGUMENT); /* it "does not change it" */
  CHECK_OK(eml_last_error_message(text, want, &need));
  CHECK(need == want && text[want - 1] == 0 && text[want] == 'z');
  CHECK(strcmp(text, last_error().message) == 0);
  CHECK_STATUS(eml_last_error(NULL), EML_E_ARGUMENT);
}

/* ------------------------------------------------------------------------------------------------ outputs */

static void failures_leave_outputs(void) {
  double y[6], params[64], scale[8];
  memset(y, 0xee, sizeof y);
  const double poison = y[0];
  eml_model *model = random_model(EML_PROFILE_DEFAULT, 2, 2, 2);
  double x[6] = {0.1, 0.2, 0.3, 0.4, 0.5, nan_value()};
  CHECK_STATUS(eml_model_forward(model, x, 3, y, 0), EML_E_NONFINITE); /* the last row is wrong: none is written */
  for (int i = 0; i < 6; i++) CHECK(same_bits(&y[i], &poison, 1));
  eml_safetree *tree = NULL;
  CHECK_OK(eml_safetree_create(1, 2, 2, &tree));
  CHECK_STATUS(eml_safetree_forward(tree, x, 3, y, 0), EML_E_NONFINITE);
  for (int i = 0; i < 6; i++) CHECK(same_bits(&y[i], &poison, 1));
  uint64_t tree_params = 0;
  CHECK_OK(eml_tree_param_count(2, 2, &tree_params));
  double *zeros = new_doubles(tree_params);
  CHECK_STATUS(eml_tree_evaluate(2, 2, zeros, tree_params, x, 3, y, 0), EML_E_NONFINITE);
  for (int i = 0; i < 6; i++) CHECK(same_bits(&y[i], &poison, 1));
  free(zeros);
  uint64_t count = 77;
  CHECK_STATUS(eml_tree_param_count(1, 2, &count), EML_E_ARGUMENT);
  CHECK(count == 77);
  memset(params, 0xee, sizeof params);
  CHECK_STATUS(eml_model_get_params(model, params, 5), EML_E_SHAPE);
  CHECK_STATUS(eml_safetree_get_params(tree, params, 5), EML_E_SHAPE);
  for (int i = 0; i < 64; i++) CHECK(same_bits(&params[i], &poison, 1));
  memset(scale, 0xee, sizeof scale);
  CHECK_STATUS(eml_model_get_scaling(POISON, scale, scale + 4), EML_E_HANDLE);
  for (int i = 0; i < 8; i++) CHECK(same_bits(&scale[i], &poison, 1));
  eml_train_result result, untouched;
  memset(&result, 0xee, sizeof result);
  result.struct_size = sizeof result;
  untouched = result;
  CHECK_STATUS(eml_model_train(model, NULL, &result), EML_E_STATE); /* no samples */
  CHECK(memcmp(&result, &untouched, sizeof result) == 0);
  eml_model_info info, same;
  memset(&info, 0xee, sizeof info);
  info.struct_size = sizeof info;
  same = info;
  CHECK_STATUS(eml_model_get_info(POISON, &info), EML_E_HANDLE);
  CHECK(memcmp(&info, &same, sizeof info) == 0);
  const void *data = &info;
  uint64_t size = 5;
  CHECK_STATUS(eml_buffer_data(POISON, &data, &size), EML_E_HANDLE);
  CHECK(data == &info && size == 5);
  int32_t flag = 9;
  CHECK_STATUS(eml_cancel_is_set(POISON, &flag), EML_E_HANDLE);
  CHECK(flag == 9);
  uint64_t state = 3;
  CHECK_STATUS(eml_random_restart(NULL, y, 3), EML_E_ARGUMENT);
  CHECK_STATUS(eml_random_restart(&state, NULL, 3), EML_E_ARGUMENT);
  CHECK(state == 3 && same_bits(&y[0], &poison, 1));
  CHECK_STATUS(eml_math_exp_batch(NULL, 2, y), EML_E_ARGUMENT);
  CHECK_STATUS(eml_math_pow_batch(x, NULL, 2, y), EML_E_ARGUMENT);
  CHECK(same_bits(&y[0], &poison, 1));
  CHECK_OK(eml_model_free(model));
  CHECK_OK(eml_safetree_free(tree));
}

static void out_handles_become_null(void) {
  eml_model *model = random_model(EML_PROFILE_DEFAULT, 3, 1, 1), *out = POISON;
  eml_safetree *tree = POISON;
  eml_buffer *buffer = POISON;
  eml_model_options options;
  CHECK_OK(eml_model_options_init(&options, sizeof options));
  options.depth = 7;
  CHECK_STATUS(eml_model_create(&options, &out), EML_E_ARGUMENT);
  CHECK(out == NULL);
  out = POISON;
  CHECK_STATUS(eml_model_distill(model, 3, 50, NULL, &out), EML_E_ARGUMENT); /* not shallower */
  CHECK(out == NULL);
  out = POISON;
  CHECK_STATUS(eml_model_import("", 0, EML_FORMAT_JSON, &out), EML_E_FORMAT);
  CHECK(out == NULL);
  out = POISON;
  CHECK_STATUS(eml_model_load("/nonexistent.json", EML_NTS, EML_FORMAT_JSON, &out), EML_E_IO);
  CHECK(out == NULL);
  CHECK(eml_model_export_buffer(model, 99, &buffer) < 0);
  CHECK(buffer == NULL);
  CHECK_STATUS(eml_safetree_create(1025, 1, 1, &tree), EML_E_LIMIT);
  CHECK(tree == NULL);
  tree = POISON;
  CHECK_STATUS(eml_safetree_import("", 0, EML_FORMAT_JSON, &tree), EML_E_FORMAT);
  CHECK(tree == NULL);
  tree = POISON;
  CHECK_STATUS(eml_safetree_load("/nonexistent.json", EML_NTS, EML_FORMAT_JSON, &tree), EML_E_IO);
  CHECK(tree == NULL);
  CHECK_OK(eml_model_free(model));
}

/* Pointers that may not be NULL. */
static void null_pointers(void) {
  eml_model *model = random_model(EML_PROFILE_DEFAULT, 3, 1, 1);
  eml_safetree *tree = NULL;
  CHECK_OK(eml_safetree_create(1, 1, 1, &tree));
  double v[16] = {0};
  char text[8];
  uint64_t need;
  eml_status refused[] = {
      eml_cancel_create(NULL),
      eml_math_exp_batch(v, 1, NULL),
      eml_math_ln_batch(NULL, 1, v),
      eml_math_pow_batch(v, v, 1, NULL),
      eml_operator_softmax3(1, 2, 3, NULL),
      eml_tree_param_count(2, 1, NULL),
      eml_tree_evaluate(2, 1, NULL, 8, v, 1, v, 0),
      eml_safetree_create(1, 1, 1, NULL),
      eml_safetree_clone(tree, NULL),
      eml_safetree_get_info(tree, NULL),
      eml_safetree_get_params(tree, NULL, 5),
      eml_safetree_set_params(tree, NULL, 5, 0),
      eml_safetree_forward(tree, NULL, 1, v, 0),
      eml_safetree_forward(tree, v, 1, NULL, 0),
      eml_safetree_export(tree, EML_FORMAT_JSON, text, sizeof text, NULL),
      eml_safetree_import("{}", 2, EML_FORMAT_JSON, NULL),
      eml_safetree_save(tree, NULL, EML_NTS, EML_FORMAT_JSON),
      eml_model_options_init(NULL, 32),
      eml_train_options_init(NULL, 48),
      eml_model_create(NULL, NULL),
      eml_model_clone(model, NULL),
      eml_model_get_info(model, NULL),
      eml_model_set_name(model, NULL, EML_NTS),
      eml_model_set_name(model, NULL, 3),
      eml_model_get_name(model, text, sizeof text, NULL),
      eml_model_get_name(model, NULL, 8, &need),
      eml_model_set_metadata(model, NULL, EML_NTS, "v", EML_NTS),
      eml_model_get_metadata(model, NULL, EML_NTS, text, sizeof text, &need),
      eml_model_get_metadata_count(model, NULL),
      eml_model_get_metadata_key(model, 0, text, sizeof text, &need), /* there is none */
      eml_model_record(model, NULL, v, NULL, 1, 0),
      eml_model_record(model, v, NULL, NULL, 1, 0),
      eml_model_forward(model, NULL, 1, v, 0),
      eml_model_forward(model, v, 1, NULL, 0),
      eml_model_loss(model, NULL),
      eml_model_distill(model, 2, 50, NULL, NULL),
      eml_model_reset(model, NULL, EML_NTS),
      eml_model_export(model, EML_FORMAT_JSON, text, sizeof text, NULL),
      eml_model_export(model, EML_FORMAT_JSON, NULL, 1 << 20, &need),
      eml_model_export_buffer(model, EML_FORMAT_JSON, NULL),
      eml_model_import(NULL, 4, EML_FORMAT_JSON, &(eml_model *){0}),
      eml_model_import("{}", 2, EML_FORMAT_JSON, NULL),
      eml_model_save(model, NULL, EML_NTS, EML_FORMAT_JSON),
      eml_model_load(NULL, EML_NTS, EML_FORMAT_JSON, &(eml_model *){0}),
      eml_model_load("x.json", EML_NTS, EML_FORMAT_JSON, NULL),
      eml_model_push_event(model, NULL),
      eml_model_next_event(model, NULL),
      eml_model_drain_events(model, EML_FORMAT_JSON, text, sizeof text, NULL),
      eml_machine_create(NULL, NULL),
      eml_machine_options_init(NULL, 16),
      eml_last_error(NULL),
      eml_last_error_message(text, sizeof text, NULL),
      eml_last_error_message(NULL, 1 << 20, &need),
  };
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
    CHECK_THAT(refused[i] == EML_E_ARGUMENT, "call %zu gave %s", i, eml_status_name(refused[i]));
  }
  /* Arrays of no elements may be NULL. */
  CHECK_OK(eml_math_exp_batch(NULL, 0, NULL));
  CHECK_OK(eml_math_pow_batch(NULL, NULL, 0, NULL));
  CHECK_OK(eml_model_forward(model, NULL, 0, NULL, 0));
  CHECK_OK(eml_model_record(model, NULL, NULL, NULL, 0, 0));
  CHECK_OK(eml_safetree_forward(tree, NULL, 0, NULL, 0));
  CHECK_OK(eml_model_set_name(model, NULL, 0));
  uint64_t state = 1;
  CHECK_OK(eml_random_restart(&state, NULL, 0));
  CHECK(state == 1);
  CHECK_OK(eml_model_free(model));
  CHECK_OK(eml_safetree_free(tree));
}

int main(void) {
  RUN(status_names);
  RUN(versions);
  RUN(last_error_fields);
  RUN(success_leaves_it);
  RUN(messages_name_values);
  RUN(sub_code_and_offset);
  RUN(thread_local_errors);
  RUN(last_error_message_two_calls);
  RUN(failures_leave_outputs);
  RUN(out_handles_become_null);
  RUN(null_pointers);
  return test_summary("rules");
}
