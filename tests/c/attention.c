/*
 * attention.c - attention blocks of all three kinds: what they refuse, samples, training, progress, cancelling, events, files,
 * audit logs, several threads, eml-core's reports.
 */
#include "fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static eml_status create_as(const eml_attention_options *options) {
  eml_attention *attention = POISON;
  eml_status status = eml_attention_create(options, &attention);
  if (status != EML_OK) {
    CHECK(attention == NULL);
  } else {
    CHECK_OK(eml_attention_free(attention));
  }
  return status;
}

static void shapes(void) {
  for (int k = 0; k < 3; k++) {
    eml_attention *attention = new_attention(attention_kinds[k], 8, 4, 4);
    eml_attention_info info = attention_info(attention);
    int block = k == 2;
    CHECK(info.kind == attention_kinds[k] && info.d_model == 8 && info.d_k == 4 && info.seq_len == 4);
    CHECK(info.depth == (k == 0 ? 3u : 0u) && info.heads == (block ? 2u : 1u) && info.nodes == (block ? 3u : 0u));
    CHECK(info.positional == block && info.residual == block && info.trained == 0 && info.scale == 0.5);
    CHECK(info.sample_count == 0 && info.event_count == 0 && info.training_rounds == 0 && info.last_accepts == 0);
    CHECK(k != 0 || info.param_count == 2904);
    CHECK_OK(eml_attention_free(attention));
  }
}

static void refused_shapes(void) {
  eml_attention_options good, bad;
  CHECK_OK(eml_attention_options_init(&good, sizeof good));
#define REFUSED(k, status, change)       \
  do {                                   \
    bad = good;                          \
    bad.kind = k;                        \
    change;                              \
    CHECK_STATUS(create_as(&bad), status); \
  } while (0)
  for (int k = 0; k < 3; k++) REFUSED(attention_kinds[k], EML_OK, (void)0);
  REFUSED(0, EML_E_ARGUMENT, (void)0);
  REFUSED(4, EML_E_ARGUMENT, (void)0);
  for (int k = 0; k < 3; k++) {
    REFUSED(attention_kinds[k], EML_E_ARGUMENT, bad.d_model = 0);
    REFUSED(attention_kinds[k], EML_E_ARGUMENT, bad.d_k = 0);
    REFUSED(attention_kinds[k], EML_E_ARGUMENT, bad.d_k = 9);
    REFUSED(attention_kinds[k], EML_E_ARGUMENT, bad.seq_len = 0);
    REFUSED(attention_kinds[k], EML_E_ARGUMENT, bad.reserved = 1);
  }
  REFUSED(EML_ATTENTION_TOY, EML_E_ARGUMENT, bad.depth = 2);
  REFUSED(EML_ATTENTION_TOY, EML_E_ARGUMENT, bad.depth = 6);
  REFUSED(EML_ATTENTION_BLOCK, EML_E_LIMIT, bad.d_model = 129);
  REFUSED(EML_ATTENTION_BLOCK, EML_E_LIMIT, bad.seq_len = UINT32_MAX);
  REFUSED(EML_ATTENTION_BLOCK, EML_E_LIMIT, bad.heads = 5);
  REFUSED(EML_ATTENTION_BLOCK, EML_E_ARGUMENT, bad.chunk = 3);
  REFUSED(EML_ATTENTION_BLOCK, EML_E_ARGUMENT, bad.positional = 2);
  REFUSED(EML_ATTENTION_TOY, EML_E_UNSUPPORTED, bad.heads = 2);
  REFUSED(EML_ATTENTION_BASELINE, EML_E_UNSUPPORTED, bad.positional = 1);
  bad = good;
  bad.kind = EML_ATTENTION_TOY;
  bad.seq_len = 9;
  CHECK(create_as(&bad) < 0 && contains(last_error().message, "seq_len must be in 1..=8, got 9"));
  CHECK_STATUS(eml_attention_create(&good, NULL), EML_E_ARGUMENT);
}

static void refused_arguments(void) {
  for (int k = 0; k < 3; k++) {
    eml_attention *attention = new_attention(attention_kinds[k], 4, 2, 2);
    uint64_t n = attention_info(attention).param_count;
    double *params = new_doubles(n), x[8], y[8], before[8];
    fill_uniform(x, 8, 1, 0, 1);
    CHECK_OK(eml_attention_forward(attention, x, 1, before, 0));
    CHECK_STATUS(eml_attention_get_params(attention, params, n - 1), EML_E_SHAPE);
    CHECK_STATUS(eml_attention_set_params(attention, params, n + 1, 0), EML_E_SHAPE);
    CHECK_STATUS(eml_attention_set_params(attention, NULL, n, 0), EML_E_ARGUMENT);
    CHECK_STATUS(eml_attention_set_params(attention, params, n, 2), EML_E_ARGUMENT);
    CHECK_STATUS(eml_attention_forward(attention, NULL, 1, y, 0), EML_E_ARGUMENT);
    CHECK_STATUS(eml_attention_forward(attention, x, 1, NULL, 0), EML_E_ARGUMENT);
    CHECK_STATUS(eml_attention_forward(attention, x, UINT64_MAX / 4, y, 0), EML_E_LIMIT);
    CHECK_STATUS(eml_attention_forward(attention, x, 1, y, 4), EML_E_ARGUMENT);
    CHECK_OK(eml_attention_forward(attention, NULL, 0, NULL, 0));
    CHECK_STATUS(eml_attention_record(attention, x, NULL, 1, 0), EML_E_ARGUMENT);
    CHECK_STATUS(eml_attention_loss(attention, NULL), EML_E_ARGUMENT);
    CHECK_STATUS(eml_attention_get_name(attention, NULL, 0, NULL), EML_E_ARGUMENT);
    CHECK_STATUS(eml_attention_export(attention, EML_FORMAT_BROWSER, NULL, 0, &n), EML_E_UNSUPPORTED);
    CHECK_STATUS(eml_attention_export(attention, 9, NULL, 0, &n), EML_E_ARGUMENT);

    x[5] = nan_value();
    CHECK_STATUS(eml_attention_forward(attention, x, 1, y, 0), EML_E_NONFINITE);
    CHECK_STATUS(eml_attention_record(attention, before, x, 1, 0), EML_E_NONFINITE);
    CHECK(attention_info(attention).sample_count == 0);
    eml_status want = k == 2 ? EML_E_UNSUPPORTED : EML_OK;
    CHECK_STATUS(eml_attention_forward(attention, x, 1, y, EML_ALLOW_NONFINITE), want);
    CHECK_STATUS(eml_attention_record(attention, x, before, 1, EML_ALLOW_NONFINITE), want);
    x[5] = 0.5;
    free(params);
    CHECK_OK(eml_attention_free(attention));
  }
}

/* Parameters, names, clones: what is changed is seen at once, and a clone shares nothing. */
static void state(void) {
  for (int k = 0; k < 3; k++) {
    eml_attention *attention = new_attention(attention_kinds[k], 4, 2, 2), *copy = NULL;
    uint64_t n = attention_info(attention).param_count, need = 0;
    double *params = new_doubles(n), *back = new_doubles(n), x[8], y[8], z[8];
    fill_uniform(x, 8, 1, -1, 1);
    fill_uniform(params, n, 2, -0.5, 0.5);
    CHECK_OK(eml_attention_forward(attention, x, 1, y, 0));
    CHECK_OK(eml_attention_set_params(attention, params, n, 0));
    CHECK_OK(eml_attention_forward(attention, x, 1, z, 0));
    CHECK(!same_bits(y, z, 8));
    CHECK_OK(eml_attention_set_name(attention, "Block \xc3\xa4", EML_NTS));
    CHECK_STATUS(eml_attention_set_name(attention, "\xff", 1), EML_E_ARGUMENT);
    char name[16];
    CHECK_STATUS(eml_attention_get_name(attention, name, 3, &need), EML_E_BUFFER);
    CHECK_OK(eml_attention_get_name(attention, name, sizeof name, &need));
    CHECK(strcmp(name, "Block \xc3\xa4") == 0 && need == strlen(name) + 1);
    record_sequences(attention, 6, 3);
    CHECK_OK(eml_attention_set_trained(attention, 7));
    eml_event event = {.struct_size = sizeof event, .type = EML_EVENT_RESET};
    CHECK_OK(eml_attention_push_event(attention, &event));
    CHECK_OK(eml_attention_clone(attention, &copy));
    CHECK(attention_info(copy).trained == 1 && attention_info(copy).sample_count == 6);
    CHECK(attention_info(copy).event_count == 1);
    CHECK_OK(eml_attention_get_name(copy, name, sizeof name, &need));
    CHECK(strcmp(name, "Block \xc3\xa4") == 0);
    CHECK_OK(eml_attention_get_params(copy, back, n));
    CHECK(same_bits(params, back, n));
    double loss = 0, loss_of_copy = 1;
    CHECK_OK(eml_attention_loss(attention, &loss));
    CHECK_OK(eml_attention_loss(copy, &loss_of_copy));
    CHECK(loss == loss_of_copy && loss > 0);
    CHECK_OK(eml_attention_clear_samples(attention));
    CHECK(attention_info(attention).sample_count == 0 && attention_info(copy).sample_count == 6);
    CHECK_OK(eml_attention_loss(attention, &loss));
    CHECK(loss > 1e308);
    CHECK_OK(eml_attention_free(attention));
    CHECK_OK(eml_attention_forward(copy, x, 1, z, 0));
    CHECK_OK(eml_attention_free(copy));
    free(params);
    free(back);
  }
}

static void the_oldest_samples_make_room(void) {
  static const uint64_t limits[3] = {256, 256, 1024};
  for (int k = 0; k < 3; k++) {
    eml_attention *attention = new_attention(attention_kinds[k], 2, 1, 1);
    record_sequences(attention, limits[k] - 1, 1);
    CHECK(attention_info(attention).sample_count == limits[k] - 1);
    record_sequences(attention, 5, 2);
    CHECK(attention_info(attention).sample_count == limits[k]);
    CHECK_OK(eml_attention_free(attention));
  }
}

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
  eml_attention *attention;
  const double *x, *want[2], *params[2];
  uint64_t n;
  volatile int stop;
} shared;

static void *read_many(void *argument) {
  shared *s = argument;
  for (int i = 0; i < 3000; i++) {
    double y[24];
    eml_status status = eml_attention_forward(s->attention, s->x, 3, y, 0);
    CHECK(status == EML_OK || status == EML_E_BUSY);
    if (status == EML_OK) CHECK(same_bits(y, s->want[0], 24) || same_bits(y, s->want[1], 24));
  }
  s->stop = 1;
  return NULL;
}

static void *write_many(void *argument) {
  shared *s = argument;
  for (int i = 0; !s->stop; i++) {
    eml_status status = eml_attention_set_params(s->attention, s->params[i % 2], s->n, 0);
    CHECK(status == EML_OK || status == EML_E_BUSY);
  }
  return NULL;
}

/* A reader beside a writer gets the answer of one set of parameters or of the other, or is told EML_E_BUSY. */
static void two_threads(void) {
  for (int k = 0; k < 3; k++) {
    eml_attention *attention = new_attention(attention_kinds[k], 4, 2, 2);
    uint64_t n = attention_info(attention).param_count;
    double *params = new_doubles(2 * n), x[24], want[48];
    fill_uniform(params, 2 * n, 3, -0.5, 0.5);
    fill_uniform(x, 24, 4, -1, 1);
    for (int i = 1; i >= 0; i--) {
      CHECK_OK(eml_attention_set_params(attention, params + i * n, n, 0));
      CHECK_OK(eml_attention_forward(attention, x, 3, want + 24 * i, 0));
    }
    shared s = {attention, x, {want, want + 24}, {params, params + n}, n, 0};
    pthread_t reader, writer;
    CHECK(pthread_create(&reader, NULL, read_many, &s) == 0);
    CHECK(pthread_create(&writer, NULL, write_many, &s) == 0);
    CHECK(pthread_join(reader, NULL) == 0 && pthread_join(writer, NULL) == 0);
    double y[24];
    CHECK_OK(eml_attention_set_params(attention, params, n, 0));
    CHECK_OK(eml_attention_forward(attention, x, 3, y, 0));
    CHECK(same_bits(y, want, 24)); /* nothing stale is left */
    CHECK_OK(eml_attention_free(attention));
    free(params);
  }
}

static void files(void) {
  static const char *const names[] = {"a.json", "a.safetensors", "a.pb"};
  char folder[] = "/tmp/eml-attention-XXXXXX", path[64];
  CHECK(mkdtemp(folder) != NULL);
  for (int k = 0; k < 3; k++) {
    eml_attention *attention = new_attention(attention_kinds[k], 4, 2, 2), *same = NULL;
    CHECK_OK(eml_attention_set_name(attention, "kept", EML_NTS));
    record_sequences(attention, 8, 1);
    eml_attention_train_options options = attention_options(50, k == 2 ? 500 : 0);
    CHECK_OK(eml_attention_train(attention, &options, NULL));
    eml_event event = {.struct_size = sizeof event};
    while (eml_attention_next_event(attention, &event) == EML_OK) continue;
    double x[8], y[8], z[8];
    fill_uniform(x, 8, 1, -1, 1);
    CHECK_OK(eml_attention_forward(attention, x, 1, y, 0));
    for (int f = 0; f < 3; f++) {
      snprintf(path, sizeof path, "%s/%s", folder, names[f]);
      CHECK_OK(eml_attention_save(attention, path, EML_NTS, EML_FORMAT_AUTO));
      CHECK_OK(eml_attention_next_event(attention, &event));
      CHECK(event.type == EML_EVENT_SAVED && strcmp(event.text, path) == 0 && strcmp(event.model_name, "kept") == 0);
      CHECK_OK(eml_attention_load(path, EML_NTS, EML_FORMAT_AUTO, &same));
      eml_attention_info info = attention_info(same), first = attention_info(attention);
      CHECK(info.kind == attention_kinds[k] && info.event_count == 1 && info.param_count == first.param_count);
      CHECK(info.training_rounds == first.training_rounds && info.scale == first.scale);
      CHECK_OK(eml_attention_next_event(same, &event));
      CHECK(event.type == EML_EVENT_LOADED && strcmp(event.text, path) == 0);
      CHECK_OK(eml_attention_forward(same, x, 1, z, 0));
      CHECK(same_bits(y, z, 8));
      /* A model is no attention block, nor the other way round. */
      eml_model *model = POISON;
      CHECK_STATUS(eml_model_load(path, EML_NTS, EML_FORMAT_AUTO, &model), EML_E_FORMAT);
      CHECK(model == NULL && last_error().sub_code == EML_F_KIND);
      CHECK_OK(eml_attention_free(same));
      uint64_t need = 0;
      CHECK_STATUS(eml_attention_export(attention, model_formats[f], NULL, 0, &need), EML_E_BUFFER);
      eml_buffer *buffer = NULL;
      const void *data = NULL;
      uint64_t size = 0;
      CHECK_OK(eml_attention_export_buffer(attention, model_formats[f], &buffer));
      CHECK_OK(eml_buffer_data(buffer, &data, &size));
      CHECK(size == need);
      for (uint64_t cut = 0; cut < size; cut += 1 + size / 40) {
        same = POISON;
        eml_status status = eml_attention_import(data, cut, model_formats[f], &same);
        CHECK_THAT(status == EML_E_FORMAT && same == NULL, "%s cut to %d bytes: %s", names[f], (int)cut, eml_status_name(status));
      }
      CHECK_OK(eml_buffer_free(buffer));
      CHECK(unlink(path) == 0);
    }
    CHECK_STATUS(eml_attention_save(attention, "a.txt", EML_NTS, EML_FORMAT_AUTO), EML_E_ARGUMENT);
    CHECK_OK(eml_attention_free(attention));
  }
  eml_model *model = new_model(EML_PROFILE_DEFAULT, 2, 1, 1);
  for (int f = 0; f < 3; f++) {
    uint64_t len = 0;
    unsigned char *bytes = exported(model, model_formats[f], &len);
    eml_attention *attention = POISON;
    CHECK_STATUS(eml_attention_import(bytes, len, model_formats[f], &attention), EML_E_FORMAT);
    CHECK(attention == NULL && last_error().sub_code == EML_F_KIND);
    free(bytes);
  }
  CHECK_OK(eml_model_free(model));
  CHECK(rmdir(folder) == 0);
}

static int32_t count_event(const eml_event *event, void *user) {
  CHECK(event->model_name_len == strlen(event->model_name));
  *(int *)user += event->type;
  return 0;
}

static void events(void) {
  for (int k = 0; k < 3; k++) {
    eml_attention *attention = new_attention(attention_kinds[k], 4, 2, 2);
    int sum = 0;
    CHECK_OK(eml_attention_set_event_sink(attention, count_event, &sum));
    eml_event event = {.struct_size = sizeof event, .type = EML_EVENT_DRIFT, .model_name = "n", .model_name_len = EML_NTS, .value0 = 2};
    CHECK_OK(eml_attention_push_event(attention, &event));
    CHECK(sum == EML_EVENT_DRIFT);
    record_sequences(attention, 8, 1);
    eml_attention_train_options options = attention_options(20, k == 2 ? 500 : 0);
    options.convergence_mse = 1e9;
    CHECK_OK(eml_attention_train(attention, &options, NULL));
    int trained = k == 1 ? 0 : 1; /* eml-core's baseline logs no trainings */
    CHECK(sum == EML_EVENT_DRIFT + trained * EML_EVENT_TRAINED);
    CHECK(attention_info(attention).trained == 1 || k == 2);
    char text[1024];
    uint64_t need = 0;
    CHECK_STATUS(eml_attention_drain_events(attention, EML_FORMAT_JSON, text, 3, &need), EML_E_BUFFER);
    CHECK_OK(eml_attention_drain_events(attention, EML_FORMAT_JSON, text, sizeof text, &need));
    CHECK(contains(text, "{\"Drift\":{\"model_name\":\"n\"") && contains(text, "\"Trained\"") == trained);
    CHECK_STATUS(eml_attention_next_event(attention, &event), EML_DONE);
    event.type = 99;
    CHECK_STATUS(eml_attention_push_event(attention, &event), EML_E_ARGUMENT);
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
  RUN(shapes);
  RUN(refused_shapes);
  RUN(refused_arguments);
  RUN(state);
  RUN(the_oldest_samples_make_room);
  RUN(training);
  RUN(refused_trainings);
  RUN(progress);
  RUN(cancelled_from_outside);
  RUN(two_threads);
  RUN(files);
  RUN(events);
  RUN(audit_logs);
  RUN(reports);
  return test_summary("attention");
}
