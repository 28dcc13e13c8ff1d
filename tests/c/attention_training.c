/*
 * attention_training.c - trainings of attention blocks of all three kinds: the same bits again, refusals, progress, cancelling,
 * audit logs, eml-core's reports.
 */
#include "fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static eml_attention_train_result empty_result(void) {
  eml_attention_train_result result;
  memset(&result, 0xee, sizeof result);
  result.struct_size = sizeof result;
  return result;
}

/* The same training gives the same bits; it never makes things worse; another seed gives others. */
static void training(void) {
  for (int k = 0; k < 3; k++) {
    double *first = NULL;
    for (int run = 0; run < 3; run++) {
      eml_attention *attention = new_attention(attention_kinds[k], 4, 2, 2);
      record_sequences(attention, 24, 1);
      eml_attention_train_options options = attention_options(600, k == 2 ? 3000 : 0);
      if (run == 2) options.seed = 5;
      eml_attention_train_result result = empty_result();
      CHECK_OK(eml_attention_train(attention, &options, &result));
      CHECK(result.samples_used == 24 && result.mse_after < result.mse_before && result.accepted > 0);
      CHECK(result.trials > 0 && result.evaluations >= result.trials);
      CHECK(k == 2 || (result.trials == 600 && result.evaluations == 601 * 16 && result.rounds == 1));
      eml_attention_info info = attention_info(attention);
      CHECK(k == 2 || (info.training_rounds == 1 && info.last_accepts == result.accepted));
      CHECK(info.trained == result.converged);
      CHECK(info.event_count == (k == 2 || (k == 0 && result.converged) ? 1u : 0u));
      double loss = 0;
      CHECK_OK(eml_attention_loss(attention, &loss));
      CHECK(k != 2 || loss == result.mse_after);
      double *params = new_doubles(info.param_count);
      CHECK_OK(eml_attention_get_params(attention, params, info.param_count));
      if (run == 0) {
        first = params;
      } else {
        /* A block solves this task whatever the seed. */
        CHECK(same_bits(first, params, info.param_count) == (run == 1) || k == 2);
        CHECK(run == 2 || same_bits(first, params, info.param_count));
        free(params);
      }
      CHECK_OK(eml_attention_free(attention));
    }
    free(first);
  }
}

static void refused_trainings(void) {
  for (int k = 0; k < 3; k++) {
    eml_attention *attention = new_attention(attention_kinds[k], 4, 2, 2);
    record_sequences(attention, 3, 1);
    eml_attention_train_options options = attention_options(10, 0);
    eml_attention_train_result result = empty_result();
    CHECK_STATUS(eml_attention_train(attention, &options, &result), k == 2 ? EML_E_STATE : EML_OK);
    CHECK(k == 2 || (result.mse_before == infinity() && result.mse_after == infinity() && result.converged == 0));
    CHECK(k == 2 || attention_info(attention).training_rounds == 1);
    record_sequences(attention, 3, 1);
    result = empty_result();
    eml_attention_train_result before = result;
#define TRAIN_REFUSED(status, change)                                        \
  do {                                                                       \
    options = attention_options(10, 0);                                      \
    change;                                                                  \
    CHECK_STATUS(eml_attention_train(attention, &options, &result), status); \
    CHECK(memcmp(&result, &before, sizeof result) == 0);                     \
  } while (0)
    TRAIN_REFUSED(EML_E_ARGUMENT, options.reserved = 1);
    TRAIN_REFUSED(EML_E_HANDLE, options.cancel = (const void *)attention);
    if (k == 2) {
      TRAIN_REFUSED(EML_E_ARGUMENT, options.target_loss = -1);
    } else {
      TRAIN_REFUSED(EML_E_ARGUMENT, options.eval_subset = 0);
      TRAIN_REFUSED(EML_E_NONFINITE, options.step_init = nan_value());
      TRAIN_REFUSED(EML_E_UNSUPPORTED, options.max_evaluations = 1);
      TRAIN_REFUSED(EML_E_UNSUPPORTED, options.target_loss = 0.1);
    }
    CHECK(attention_info(attention).training_rounds == (k == 2 ? 0u : 1u));
    CHECK_OK(eml_attention_free(attention));
  }
}

typedef struct {
  eml_attention *attention;
  eml_cancel *cancel;
  int calls, stop_with;
} watcher;

/* Everything that uses the handle is refused while it is at work; other handles are fine. */
static int32_t use_the_handle(const eml_progress *progress, void *user) {
  watcher *w = user;
  CHECK(progress->struct_size == sizeof *progress && progress->step <= progress->total);
  if (w->calls++ > 0) return w->stop_with;
  double x[8] = {0}, y[8];
  eml_attention *copy = POISON;
  eml_attention_info info = {.struct_size = sizeof info};
  CHECK_STATUS(eml_attention_forward(w->attention, x, 1, y, 0), EML_E_BUSY);
  CHECK_STATUS(eml_attention_get_info(w->attention, &info), EML_E_BUSY);
  CHECK_STATUS(eml_attention_record(w->attention, x, x, 1, 0), EML_E_BUSY);
  CHECK_STATUS(eml_attention_train(w->attention, NULL, NULL), EML_E_BUSY);
  CHECK_STATUS(eml_attention_clone(w->attention, &copy), EML_E_BUSY);
  CHECK_STATUS(eml_attention_free(w->attention), EML_E_BUSY);
  eml_attention *other = new_attention(EML_ATTENTION_BASELINE, 4, 2, 2);
  CHECK_OK(eml_attention_forward(other, x, 1, y, 0));
  CHECK_OK(eml_attention_free(other));
  return w->stop_with;
}

static void progress(void) {
  for (int k = 0; k < 3; k++) {
    for (int stop = 0; stop < 2; stop++) {
      watcher w = {new_attention(attention_kinds[k], 4, 2, 2), NULL, 0, stop * 7};
      record_sequences(w.attention, 24, 1);
      eml_attention_train_options options = attention_options(stop ? UINT64_MAX : 3000, stop && k == 2 ? 1u << 30 : 0);
      options.progress = use_the_handle;
      options.user = &w;
      eml_attention_train_result result = empty_result();
      CHECK_STATUS(eml_attention_train(w.attention, &options, &result), stop ? EML_CANCELLED : EML_OK);
      CHECK(w.calls >= 1 && (!stop || w.calls == 1));
      CHECK(!stop || last_error().sub_code == 7);
      CHECK(result.mse_after <= result.mse_before);
      double x[8] = {0}, y[8];
      CHECK_OK(eml_attention_forward(w.attention, x, 1, y, 0));
      CHECK_OK(eml_attention_free(w.attention));
    }
  }
}

static void *set_soon(void *argument) {
  usleep(30000);
  CHECK_OK(eml_cancel_set(argument));
  return NULL;
}

/* A token that another thread sets ends a training that would take for ever. */
static void cancelled_from_outside(void) {
  for (int k = 0; k < 3; k++) {
    eml_attention *attention = new_attention(attention_kinds[k], 8, 4, 4);
    record_sequences(attention, 64, 1);
    eml_cancel *cancel = NULL;
    CHECK_OK(eml_cancel_create(&cancel));
    eml_attention_train_options options = attention_options(UINT64_MAX, k == 2 ? UINT64_MAX : 0);
    options.cancel = cancel;
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, set_soon, cancel) == 0);
    eml_attention_train_result result = empty_result();
    eml_status status = eml_attention_train(attention, &options, &result);
    CHECK(status == EML_CANCELLED || (k == 2 && status == EML_OK)); /* a block may be done before */
    CHECK(result.mse_after <= result.mse_before);
    CHECK(pthread_join(thread, NULL) == 0);
    eml_buffer *json = POISON;
    CHECK_STATUS(eml_attention_benchmark(8, 4, 4, 3, 400, cancel, &json), EML_CANCELLED);
    CHECK(json == NULL);
    options = attention_options(400, 0);
    options.cancel = cancel;
    json = POISON;
    CHECK_STATUS(eml_attention_compare(4, 2, 2, 3, &options, 1, &json), EML_CANCELLED);
    CHECK(json == NULL);
    CHECK_OK(eml_cancel_free(cancel));
    CHECK_OK(eml_attention_free(attention));
  }
}

typedef struct {
  unsigned char bytes[1 << 18];
  uint64_t len;
  int refuse_after;
} audit_log;

static int32_t keep(const void *bytes, uint64_t len, void *user) {
  audit_log *log = user;
  if (log->refuse_after-- == 0) return 28;
  CHECK(log->len + len <= sizeof log->bytes);
  memcpy(log->bytes + log->len, bytes, len);
  log->len += len;
  return 0;
}

static void audit_logs(void) {
  static audit_log log;
  for (int k = 0; k < 3; k++) {
    eml_attention *attention = new_attention(attention_kinds[k], 4, 2, 2), *data = new_attention(attention_kinds[k], 4, 2, 2);
    record_sequences(attention, 12, 1);
    record_sequences(data, 12, 1);
    eml_attention_train_options options = attention_options(300, k == 2 ? 1000 : 0);
    options.audit = keep;
    options.user = &log;
    uint64_t n = attention_info(attention).param_count;
    double *before = new_doubles(n), *after = new_doubles(n);
    CHECK_OK(eml_attention_get_params(attention, before, n));
    log.len = 0;
    log.refuse_after = 1; /* a full disk: the block stays as it was */
    CHECK_STATUS(eml_attention_train(attention, &options, NULL), EML_E_IO);
    CHECK(last_error().sub_code == 28);
    CHECK_OK(eml_attention_get_params(attention, after, n));
    CHECK(same_bits(before, after, n) && attention_info(attention).training_rounds == 0);
    log.len = 0;
    log.refuse_after = -1;
    eml_attention_train_result result = empty_result();
    CHECK_OK(eml_attention_train(attention, &options, &result));
    eml_audit_report report = {.struct_size = sizeof report};
    CHECK_OK(eml_attention_verify_audit(data, log.bytes, log.len, NULL, &report));
    CHECK(report.verdict == EML_AUDIT_OK && report.moves == result.accepted && report.trials == result.trials);
    CHECK(report.loss == result.mse_after && report.cancelled == 0);
    log.bytes[log.len / 2] ^= 1;
    CHECK_STATUS(eml_attention_verify_audit(data, log.bytes, log.len, NULL, &report), EML_E_FORMAT);
    CHECK(report.verdict != EML_AUDIT_OK);
    log.bytes[log.len / 2] ^= 1;
    CHECK_STATUS(eml_attention_verify_audit(data, log.bytes, log.len - 1, NULL, NULL), EML_E_FORMAT);
    CHECK(last_error().sub_code == EML_F_TRUNCATED);
    record_sequences(data, 1, 9);
    CHECK_STATUS(eml_attention_verify_audit(data, log.bytes, log.len, NULL, &report), EML_E_FORMAT);
    CHECK(report.verdict == EML_AUDIT_OTHER_DATA);
    eml_attention *other = new_attention(k == 2 ? EML_ATTENTION_TOY : EML_ATTENTION_BLOCK, 4, 2, 2);
    CHECK_STATUS(eml_attention_verify_audit(other, log.bytes, log.len, NULL, NULL), EML_E_FORMAT);
    CHECK(last_error().sub_code == EML_F_KIND);
    CHECK_OK(eml_attention_free(other));

    char path[] = "/tmp/eml-attention-XXXXXX";
    int file = mkstemp(path);
    CHECK(file >= 0 && close(file) == 0);
    options = attention_options(100, k == 2 ? 500 : 0);
    options.audit_path = path;
    options.audit_path_len = EML_NTS;
    CHECK_OK(eml_attention_train(attention, &options, NULL));
    record_sequences(attention, 0, 1);
    CHECK_OK(eml_attention_verify_audit_file(attention, path, EML_NTS, NULL, &report));
    CHECK(report.verdict == EML_AUDIT_OK);
    CHECK(unlink(path) == 0);
    CHECK_STATUS(eml_attention_verify_audit_file(attention, path, EML_NTS, NULL, &report), EML_E_IO);
    eml_buffer *json = POISON;
    CHECK_STATUS(eml_attention_compare(4, 2, 2, 3, &options, 1, &json), EML_E_UNSUPPORTED);
    CHECK(json == NULL);
    free(before);
    free(after);
    CHECK_OK(eml_attention_free(attention));
    CHECK_OK(eml_attention_free(data));
  }
}

static void expect_report(eml_buffer *json, const char *const *keys) {
  const void *data = NULL;
  uint64_t size = 0;
  CHECK_OK(eml_buffer_data(json, &data, &size));
  CHECK(size == strlen(data) && *(const char *)data == '{');
  for (; *keys != NULL; keys++) CHECK_THAT(contains(data, *keys), "%s lacks %s", (const char *)data, *keys);
  CHECK_OK(eml_buffer_free(json));
}

static int32_t stop_with_nine(const eml_progress *progress, void *user) {
  (void)progress;
  (void)user;
  return 9;
}

static void reports(void) {
  static const char *const benchmark[] = {"{\"d_model\":8,\"seq_len\":4,\"d_k\":4,\"depth\":3,\"param_count\":2904,",
    "\"phase1_serialize_roundtrip\":true,", "\"phase2_training_rounds\":3,", "\"phase4_scaling\":[{\"seq_len\":4,\"d_model\":8,", NULL};
  static const char *const comparison[] = {"{\"shape\":[4,2,2,3],\"trials\":40,\"rounds\":2,\"eml_param_count\":352,",
    "\"baseline_param_count\":148,", "\"baseline_inference_ns_p99\":", NULL};
  eml_buffer *json = NULL;
  CHECK_OK(eml_attention_benchmark(8, 4, 4, 3, 10, NULL, &json));
  expect_report(json, benchmark);
  eml_attention_train_options options = attention_options(40, 0);
  CHECK_OK(eml_attention_compare(4, 2, 2, 3, &options, 2, &json));
  expect_report(json, comparison);
  options.progress = stop_with_nine;
  json = POISON;
  CHECK_STATUS(eml_attention_compare(4, 2, 2, 3, &options, 2, &json), EML_CANCELLED);
  CHECK(json == NULL && last_error().sub_code == 9);
  CHECK_STATUS(eml_attention_benchmark(8, 9, 4, 3, 10, NULL, &json), EML_E_ARGUMENT);
  CHECK(json == NULL);
  CHECK_STATUS(eml_attention_benchmark(8, 4, 4, 3, 10, POISON, &json), EML_E_HANDLE);
  CHECK_STATUS(eml_attention_benchmark(8, 4, 4, 3, 10, NULL, NULL), EML_E_ARGUMENT);
  CHECK_STATUS(eml_attention_compare(8, 4, 4, 3, NULL, 1, NULL), EML_E_ARGUMENT);
}

int main(void) {
  RUN(training);
  RUN(refused_trainings);
  RUN(progress);
  RUN(cancelled_from_outside);
  RUN(audit_logs);
  RUN(reports);
  return test_summary("attention_training");
}
