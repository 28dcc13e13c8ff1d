/*
 * attention.c - attention blocks of all three kinds: what they refuse, parameters, names, samples, several threads, files,
 * events.
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

int main(void) {
  RUN(shapes);
  RUN(refused_shapes);
  RUN(refused_arguments);
  RUN(state);
  RUN(the_oldest_samples_make_room);
  RUN(two_threads);
  RUN(files);
  RUN(events);
  return test_summary("attention");
}
