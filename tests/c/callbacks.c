/*
 * callbacks.c - progress and log callbacks on the calling thread: what they are told, stopping by their value, calls
 * back into the library. The event sink has events.c.
 */
#include "fixture.h"

#include <pthread.h>

static eml_train_options train_options(eml_progress_fn progress, void *user) {
  eml_train_options options;
  CHECK_OK(eml_train_options_init(&options, sizeof options));
  options.progress = progress;
  options.user = user;
  return options;
}

static eml_train_result empty_result(void) {
  eml_train_result result;
  memset(&result, 0, sizeof result);
  result.struct_size = sizeof result;
  return result;
}

/* ------------------------------------------------------------------------------------------------ progress */

typedef struct {
  int calls, stop_after;
  int32_t value; /* returned after stop_after calls */
  pthread_t thread;
  eml_progress first, last;
} progress_log;

static int32_t log_progress(const eml_progress *progress, void *user) {
  progress_log *log = user;
  CHECK(progress->struct_size == sizeof *progress);
  CHECK(progress->phase == EML_PHASE_RESTART || progress->phase == EML_PHASE_DESCENT);
  CHECK(progress->step <= progress->total && progress->accepted <= progress->evaluations);
  CHECK(pthread_equal(pthread_self(), log->thread));
  if (log->calls == 0) {
    log->first = *progress;
  } else {
    CHECK(progress->phase >= log->last.phase && progress->evaluations >= log->last.evaluations);
    CHECK(progress->loss <= log->last.loss && progress->accepted >= log->last.accepted);
  }
  log->last = *progress;
  log->calls++;
  return log->stop_after != 0 && log->calls >= log->stop_after ? log->value : 0;
}

static progress_log new_log(int stop_after, int32_t value) {
  progress_log log;
  memset(&log, 0, sizeof log);
  log.thread = pthread_self();
  log.stop_after = stop_after;
  log.value = value;
  return log;
}

static void progress_is_told(void) {
  for (int p = 0; p < 2; p++) {
    eml_model *model = new_model(both_profiles[p], 3, 2, 1);
    record_samples(model, 100, 1);
    progress_log log = new_log(0, 0);
    eml_train_options options = train_options(log_progress, &log);
    options.max_sweeps = 5;
    eml_train_result result = empty_result();
    CHECK_OK(eml_model_train(model, &options, &result));
    CHECK_THAT(log.calls >= 2, "profile %d: %d calls, there are two phases", both_profiles[p], log.calls);
    CHECK(log.first.phase == EML_PHASE_RESTART && log.last.phase == EML_PHASE_DESCENT);
    CHECK(log.last.evaluations == result.evaluations);
    CHECK(result.loss_after <= log.last.loss); /* the default profile fits its read-out once more at the end */
    int calls = log.calls;
    double x[2] = {0.1, 0.2}, y;
    CHECK_OK(eml_model_forward(model, x, 1, &y, 0));
    CHECK(log.calls == calls); /* never later */
    CHECK_OK(eml_model_free(model));
  }
}

/* Whatever value stops the work comes back as the sub-code; the model keeps the best state and goes on working. */
static void callback_value_comes_back(void) {
  static const int32_t values[] = {1, -1, 4711, INT32_MIN, INT32_MAX};
  for (int p = 0; p < 2; p++) {
    for (int i = 0; i < 5; i++) {
      eml_model *model = new_model(both_profiles[p], 4, 2, 1);
      record_samples(model, 200, 1);
      progress_log log = new_log(1, values[i]);
      eml_train_options options = train_options(log_progress, &log);
      eml_train_result result = empty_result();
      CHECK_STATUS(eml_model_train(model, &options, &result), EML_CANCELLED);
      CHECK_THAT(log.calls == 1, "called again after it asked to stop: %d calls", log.calls);
      CHECK(last_error().code == EML_CANCELLED);
      CHECK_THAT(last_error().sub_code == values[i], "sub-code %d, expected %d", last_error().sub_code, values[i]);
      double loss = -1;
      CHECK_OK(eml_model_loss(model, &loss));
      CHECK(loss == result.loss_after && result.loss_after <= result.loss_before && result.samples_used == 200);
      eml_event event;
      event.struct_size = sizeof event;
      CHECK_OK(eml_model_next_event(model, &event));
      CHECK(event.type == EML_EVENT_TRAINED && event.value1 == result.loss_after);
      options = train_options(NULL, NULL);
      options.max_sweeps = 1;
      CHECK_OK(eml_model_train(model, &options, &result)); /* and it trains on */
      CHECK(result.loss_before == loss);
      CHECK_OK(eml_model_free(model));
    }
  }
}

static void cancelled_distillation(void) {
  for (int p = 0; p < 2; p++) {
    eml_model *teacher = random_model(both_profiles[p], 5, 2, 1), *student = POISON;
    progress_log log = new_log(1, 33);
    eml_train_options options = train_options(log_progress, &log);
    CHECK_STATUS(eml_model_distill(teacher, 4, 500, &options, &student), EML_CANCELLED);
    CHECK(last_error().sub_code == 33);
    CHECK(student != NULL && student != POISON);
    CHECK(model_info(student).depth == 4);
    CHECK_OK(eml_model_free(student));
    eml_cancel *token = NULL;
    CHECK_OK(eml_cancel_create(&token));
    CHECK_OK(eml_cancel_set(token));
    options = train_options(NULL, NULL);
    options.cancel = token;
    student = POISON;
    CHECK_STATUS(eml_model_distill(teacher, 4, 500, &options, &student), EML_CANCELLED);
    CHECK(student != NULL && student != POISON);
    CHECK_OK(eml_model_free(student));
    CHECK_OK(eml_cancel_free(token));
    CHECK_OK(eml_model_free(teacher));
  }
}

/* ------------------------------------------------------------------------------------------------ re-entry */

typedef struct {
  eml_model *at_work;
  eml_model *other;
  int done;
} reentry;

/* Every call on the handle at work is refused; everything else works. */
static int32_t call_back(const eml_progress *progress, void *user) {
  reentry *r = user;
  (void)progress;
  if (r->done) return 0;
  r->done = 1;
  eml_model *m = r->at_work, *copy = POISON;
  double v[8] = {0}, y[8];
  uint64_t n = model_info(r->other).param_count; /* of the same shape */
  double *params = new_doubles(n);
  CHECK_STATUS(eml_model_train(m, NULL, NULL), EML_E_BUSY);
  CHECK_STATUS(eml_model_record(m, v, v, NULL, 1, 0), EML_E_BUSY);
  CHECK_STATUS(eml_model_forward(m, v, 1, y, 0), EML_E_BUSY);
  CHECK_STATUS(eml_model_free(m), EML_E_BUSY);
  CHECK_STATUS(eml_model_set_params(m, params, n, 0), EML_E_BUSY);
  CHECK_STATUS(eml_model_get_params(m, params, n), EML_E_BUSY);
  CHECK_STATUS(eml_model_clone(m, &copy), EML_E_BUSY);
  CHECK(copy == NULL);
  CHECK_STATUS(eml_model_clear_samples(m), EML_E_BUSY);
  CHECK_STATUS(eml_model_fit_scaling(m), EML_E_BUSY);
  CHECK_STATUS(eml_model_set_name(m, "x", 1), EML_E_BUSY);
  CHECK_STATUS(eml_model_reset(m, "x", 1), EML_E_BUSY);
  CHECK_STATUS(eml_model_set_trained(m, 1), EML_E_BUSY);
  CHECK_STATUS(eml_model_set_event_sink(m, NULL, NULL), EML_E_BUSY);
  CHECK_STATUS(eml_model_save(m, "/nonexistent/x.json", EML_NTS, 0), EML_E_BUSY);
  CHECK(last_error().code == EML_E_BUSY && last_error().message_len > 0);
  free(params);

  CHECK_OK(eml_model_forward(r->other, v, 1, y, 0));
  record_samples(r->other, 60, 1);
  eml_train_options options;
  CHECK_OK(eml_train_options_init(&options, sizeof options));
  options.max_sweeps = 1;
  CHECK_OK(eml_model_train(r->other, &options, NULL)); /* a training inside a training */
  CHECK_OK(eml_model_clone(r->other, &copy));
  CHECK_OK(eml_model_free(copy));
  eml_cancel *token = NULL;
  CHECK_OK(eml_cancel_create(&token));
  CHECK_OK(eml_cancel_free(token));
  return 0;
}

static void handle_at_work_is_busy(void) {
  for (int p = 0; p < 2; p++) {
    reentry r = {new_model(both_profiles[p], 3, 2, 1), new_model(both_profiles[p], 3, 2, 1), 0};
    record_samples(r.at_work, 60, 1);
    eml_train_options options = train_options(call_back, &r);
    options.max_sweeps = 2;
    CHECK_OK(eml_model_train(r.at_work, &options, NULL));
    CHECK(r.done);
    /* The same training undisturbed ends with the same bits. */
    eml_model *calm = new_model(both_profiles[p], 3, 2, 1);
    record_samples(calm, 60, 1);
    options = train_options(NULL, NULL);
    options.max_sweeps = 2;
    CHECK_OK(eml_model_train(calm, &options, NULL));
    double *a = model_params(r.at_work), *b = model_params(calm);
    CHECK(same_bits(a, b, model_info(calm).param_count));
    CHECK(model_info(r.at_work).sample_count == 60);
    free(a);
    free(b);
    CHECK_OK(eml_model_free(calm));
    CHECK_OK(eml_model_free(r.at_work));
    CHECK_OK(eml_model_free(r.other));
  }
}

static int32_t free_the_token(const eml_progress *progress, void *user) {
  (void)progress;
  eml_cancel **token = user;
  if (*token != NULL) {
    CHECK_OK(eml_cancel_free(*token));
    CHECK_STATUS(eml_cancel_set(*token), EML_E_HANDLE);
    *token = NULL;
  }
  return 0;
}

/* The training keeps the token alive that it was given. */
static void token_freed_in_use(void) {
  eml_model *model = new_model(EML_PROFILE_DEFAULT, 3, 2, 1);
  record_samples(model, 100, 1);
  eml_cancel *token = NULL;
  CHECK_OK(eml_cancel_create(&token));
  eml_train_options options = train_options(free_the_token, &token);
  options.cancel = token;
  options.max_sweeps = 3;
  CHECK_OK(eml_model_train(model, &options, NULL));
  CHECK(token == NULL);
  CHECK_OK(eml_model_free(model));
}

static int32_t set_the_token(const eml_progress *progress, void *user) {
  (void)progress;
  CHECK_OK(eml_cancel_set(user));
  return 0;
}

static void token_set_in_callback(void) {
  for (int p = 0; p < 2; p++) {
    eml_model *model = new_model(both_profiles[p], 5, 2, 1);
    record_samples(model, 500, 1);
    eml_cancel *token = NULL;
    int32_t is_set = -1;
    CHECK_OK(eml_cancel_create(&token));
    CHECK_OK(eml_cancel_is_set(token, &is_set));
    CHECK(is_set == 0);
    eml_train_options options = train_options(set_the_token, token);
    options.cancel = token;
    CHECK_STATUS(eml_model_train(model, &options, NULL), EML_CANCELLED);
    CHECK_OK(eml_cancel_is_set(token, &is_set));
    CHECK(is_set == 1);
    CHECK_STATUS(eml_model_train(model, &options, NULL), EML_CANCELLED); /* still set */
    CHECK_OK(eml_cancel_reset(token));
    options.progress = NULL;
    options.max_sweeps = 1;
    CHECK_OK(eml_model_train(model, &options, NULL));
    CHECK_OK(eml_cancel_free(token));
    CHECK_OK(eml_model_free(model));
  }
}

/* ------------------------------------------------------------------------------------------------ log */

typedef struct {
  int errors, infos, depth, deepest;
  int fail_inside;
  char last[256];
} log_book;

static int32_t write_log(int32_t level, const char *text, void *user) {
  log_book *book = user;
  CHECK(level == 1 || level == 2);
  if (level == 1) book->errors++; else book->infos++;
  snprintf(book->last, sizeof book->last, "%s", text);
  if (++book->depth > book->deepest) book->deepest = book->depth;
  /* A failing call inside the sink must not call the sink for ever. */
  if (book->fail_inside && book->depth < 1000) CHECK_STATUS(eml_cancel_set((const eml_cancel *)POISON), EML_E_HANDLE);
  book->depth--;
  return 1; /* ignored */
}

static void *fail_elsewhere(void *ignored) {
  CHECK_STATUS(eml_cancel_set(POISON), EML_E_HANDLE);
  return ignored;
}

static void logging(void) {
  log_book book;
  memset(&book, 0, sizeof book);
  CHECK_OK(eml_log_set(write_log, &book));
  uint64_t count;
  CHECK_STATUS(eml_tree_param_count(9, 1, &count), EML_E_ARGUMENT);
  CHECK(book.errors == 1 && book.last[0] != 0);
  CHECK_THAT(contains(book.last, last_error().message), "logged '%s', the error is '%s'", book.last, last_error().message);
  pthread_t thread; /* the sink belongs to this thread only */
  CHECK(pthread_create(&thread, NULL, fail_elsewhere, NULL) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK(book.errors == 1);
  eml_model *model = new_model(EML_PROFILE_DEFAULT, 2, 1, 1);
  record_samples(model, 60, 1);
  eml_train_options options = train_options(NULL, NULL);
  options.max_sweeps = 1;
  int infos = book.infos;
  CHECK_OK(eml_model_train(model, &options, NULL));
  CHECK_THAT(book.infos > infos && book.errors == 1, "a training is logged: %d", book.infos - infos);
  CHECK_OK(eml_log_set(NULL, NULL));
  CHECK_STATUS(eml_cancel_set(POISON), EML_E_HANDLE);
  CHECK(book.errors == 1);
  CHECK_OK(eml_model_free(model));
}

/* The outer failure is the one that the caller sees, and the recursion is bounded. */
static void failing_inside_the_log(void) {
  log_book book;
  memset(&book, 0, sizeof book);
  book.fail_inside = 1;
  CHECK_OK(eml_log_set(write_log, &book));
  uint64_t count;
  CHECK_STATUS(eml_tree_param_count(9, 1, &count), EML_E_ARGUMENT);
  CHECK_THAT(book.deepest < 100, "the sink was entered %d times within itself", book.deepest);
  CHECK_OK(eml_log_set(NULL, NULL));
  CHECK_THAT(last_error().code == EML_E_ARGUMENT, "last error is %s", eml_status_name(last_error().code));
}

int main(void) {
  RUN(progress_is_told);
  RUN(callback_value_comes_back);
  RUN(cancelled_distillation);
  RUN(handle_at_work_is_busy);
  RUN(token_freed_in_use);
  RUN(token_set_in_callback);
  RUN(logging);
  RUN(failing_inside_the_log);
  return test_summary("callbacks");
}
