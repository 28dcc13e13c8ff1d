/*
 * events.c - the event log of a model: push, take out, drain, limits, sink.
 */
#include "fixture.h"

#include <pthread.h>

static eml_event event_of(int32_t type) {
  eml_event event;
  memset(&event, 0, sizeof event);
  event.struct_size = sizeof event;
  event.type = type;
  return event;
}

static void type_names(void) {
  static const struct {
    int32_t type;
    const char *name;
  } all[] = {
      {EML_EVENT_TRAINED, "eml.trained"}, {EML_EVENT_PREDICTION, "eml.prediction"}, {EML_EVENT_DRIFT, "eml.drift"},
      {EML_EVENT_SAVED, "eml.saved"},     {EML_EVENT_LOADED, "eml.loaded"},         {EML_EVENT_RESET, "eml.reset"},
      {0, "eml.unknown"},                 {7, "eml.unknown"},                       {-1, "eml.unknown"},
  };
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    CHECK_THAT(strcmp(eml_event_type_name(all[i].type), all[i].name) == 0, "%d is %s", all[i].type,
               eml_event_type_name(all[i].type));
  }
}

static void empty_log(void) {
  eml_model *model = new_model(EML_PROFILE_DEFAULT, 2, 1, 1);
  eml_event event, untouched;
  memset(&event, 0xee, sizeof event);
  event.struct_size = sizeof event;
  untouched = event;
  CHECK_STATUS(eml_model_next_event(model, &event), EML_DONE);
  CHECK(memcmp(&event, &untouched, sizeof event) == 0);
  CHECK_OK(eml_model_free(model));
}

/* Every type keeps exactly the fields that are its own, in order of arrival. */
static void fields_of_each_type(void) {
  eml_model *model = new_model(EML_PROFILE_DEFAULT, 4, 7, 3);
  static const double output[3] = {1.5, -0.0, 3};
  for (int32_t type = EML_EVENT_TRAINED; type <= EML_EVENT_RESET; type++) {
    eml_event event = event_of(type);
    event.model_name = "given name and more";
    event.model_name_len = 10;
    event.text = "some text";
    event.text_len = EML_NTS;
    event.output = output;
    event.output_len = 3;
    event.value0 = 1;
    event.value1 = 2;
    event.value2 = 3;
    event.count0 = 4;
    event.count1 = 5;
    event.flag = 1;
    CHECK_OK(eml_model_push_event(model, &event));
  }
  CHECK(model_info(model).event_count == 6);
  for (int32_t type = EML_EVENT_TRAINED; type <= EML_EVENT_RESET; type++) {
    eml_event event = event_of(0);
    CHECK_OK(eml_model_next_event(model, &event));
    CHECK_THAT(event.type == type, "type %d instead of %d", event.type, type);
    CHECK(event.model_name_len == 10 && strcmp(event.model_name, "given name") == 0);
    int trained = type == EML_EVENT_TRAINED, prediction = type == EML_EVENT_PREDICTION, drift = type == EML_EVENT_DRIFT;
    int saved = type == EML_EVENT_SAVED, loaded = type == EML_EVENT_LOADED;
    if (trained || drift) {
      CHECK(event.text_len == 0 && (event.text == NULL || event.text[0] == 0));
    } else {
      CHECK(event.text_len == 9 && strcmp(event.text, "some text") == 0);
    }
    CHECK(event.output_len == (prediction ? 3u : 0u));
    CHECK(!prediction || same_bits(event.output, output, 3));
    CHECK(event.value0 == (trained || drift ? 1 : 0) && event.value1 == (trained || drift ? 2 : 0));
    CHECK(event.value2 == (drift ? 3 : 0));
    CHECK(event.count0 == (trained || loaded ? 4u : 0u) && event.count1 == (trained || saved ? 5u : 0u));
    CHECK(event.flag == (trained || loaded ? 1 : 0));
  }
  CHECK(model_info(model).event_count == 0);
  CHECK_OK(eml_model_free(model));
}

static void refused_events(void) {
  eml_model *model = new_model(EML_PROFILE_DEFAULT, 2, 1, 1);
  static const int32_t types[] = {0, 7, -1, INT32_MAX};
  for (int i = 0; i < 4; i++) {
    eml_event event = event_of(types[i]);
    CHECK_STATUS(eml_model_push_event(model, &event), EML_E_ARGUMENT);
  }
  eml_event event = event_of(EML_EVENT_RESET);
  event.text_len = 4; /* NULL text of four bytes */
  CHECK_STATUS(eml_model_push_event(model, &event), EML_E_ARGUMENT);
  event = event_of(EML_EVENT_RESET);
  event.text = "\xff";
  event.text_len = EML_NTS;
  CHECK_STATUS(eml_model_push_event(model, &event), EML_E_ARGUMENT);
  event = event_of(EML_EVENT_PREDICTION);
  event.output_len = 2; /* NULL output of two values */
  CHECK_STATUS(eml_model_push_event(model, &event), EML_E_ARGUMENT);
  CHECK(model_info(model).event_count == 0);
  CHECK_OK(eml_model_free(model));
}

static void drained_json(void) {
  eml_model *model = new_model(EML_PROFILE_EML_CORE_0_1, 2, 3, 2);
  CHECK_OK(eml_model_reset(model, "say \"why\"", EML_NTS));
  CHECK_OK(eml_model_set_name(model, "alpha", EML_NTS));
  eml_event event = event_of(EML_EVENT_DRIFT);
  event.model_name = "beta";
  event.model_name_len = EML_NTS;
  event.value0 = 0.5;
  event.value1 = 1e16;
  event.value2 = -0.0;
  CHECK_OK(eml_model_push_event(model, &event));
  char text[1024] = "";
  uint64_t need = 0;
  CHECK_OK(eml_model_drain_events(model, EML_FORMAT_JSON, text, sizeof text, &need));
  CHECK(need == strlen(text) + 1 && text[0] == '[' && text[need - 2] == ']');
  static const char *const parts[] = {"\"eml_d2x3x2\"", "\"say \\\"why\\\"\"", "\"beta\"", "0.5", "1e+16", "-0.0"};
  for (int i = 0; i < 6; i++) CHECK_THAT(contains(text, parts[i]), "no %s in %s", parts[i], text);
  CHECK(model_info(model).event_count == 0);
  CHECK(eml_model_drain_events(model, EML_FORMAT_SAFETENSORS, text, sizeof text, &need) < 0);
  CHECK_OK(eml_model_free(model));
}

static void pointers_live_until_the_next_call(void) {
  eml_model *model = new_model(EML_PROFILE_DEFAULT, 2, 1, 1), *other = new_model(EML_PROFILE_DEFAULT, 2, 1, 1);
  CHECK_OK(eml_model_reset(model, "kept", EML_NTS));
  eml_event event = event_of(0);
  CHECK_OK(eml_model_next_event(model, &event));
  for (int i = 0; i < 2000; i++) { /* work on another handle moves nothing, whatever the collector does */
    CHECK_OK(eml_model_reset(other, "some other reason", EML_NTS));
    CHECK_STATUS(eml_cancel_set(POISON), EML_E_HANDLE);
  }
  CHECK(strcmp(event.text, "kept") == 0 && strcmp(event.model_name, "eml_d2x1x1") == 0);
  CHECK_OK(eml_model_free(model));
  CHECK_OK(eml_model_free(other));
}

static void most_pending_events(void) {
  eml_model *model = new_model(EML_PROFILE_DEFAULT, 2, 1, 1);
  eml_event event = event_of(EML_EVENT_DRIFT);
  for (int i = 0; i < 1 << 20; i++) {
    event.value0 = i;
    eml_status status = eml_model_push_event(model, &event);
    if (status != EML_OK) {
      CHECK_THAT(0, "event %d: %s", i, eml_status_name(status));
      break;
    }
  }
  CHECK_STATUS(eml_model_push_event(model, &event), EML_E_LIMIT);
  CHECK(model_info(model).event_count == 1 << 20);
  CHECK_OK(eml_model_next_event(model, &event));
  CHECK(event.value0 == 0);
  event = event_of(EML_EVENT_DRIFT);
  CHECK_OK(eml_model_push_event(model, &event)); /* room again */
  for (int i = 1; i < 1 << 20; i++) { /* one by one, in order: it must not take the square of their number */
    if (eml_model_next_event(model, &event) != EML_OK || event.value0 != i) {
      CHECK_THAT(0, "event %d", i);
      break;
    }
  }
  CHECK(model_info(model).event_count == 1);
  CHECK_OK(eml_model_free(model));
}

/* ------------------------------------------------------------------------------------------------ sink */

typedef struct {
  int count;
  int32_t last_type;
  char last_text[64];
  pthread_t thread;
  eml_model *model;
  eml_status inside;
} sink_log;

static int32_t sink(const eml_event *event, void *user) {
  sink_log *log = user;
  log->count++;
  log->last_type = event->type;
  log->thread = pthread_self();
  snprintf(log->last_text, sizeof log->last_text, "%s", event->text == NULL ? "" : event->text);
  CHECK(event->struct_size == sizeof *event && event->model_name != NULL);
  if (log->model != NULL) log->inside = eml_model_clear_samples(log->model);
  return 1; /* ignored */
}

static void sinks(void) {
  eml_model *model = new_model(EML_PROFILE_DEFAULT, 2, 1, 1);
  sink_log log;
  memset(&log, 0, sizeof log);
  CHECK_OK(eml_model_set_event_sink(model, sink, &log));
  CHECK_OK(eml_model_reset(model, "one", EML_NTS));
  CHECK(log.count == 1 && log.last_type == EML_EVENT_RESET && strcmp(log.last_text, "one") == 0);
  CHECK(pthread_equal(log.thread, pthread_self()));
  CHECK(model_info(model).event_count == 1); /* the log has it as well */
  eml_event event = event_of(EML_EVENT_SAVED);
  event.text = "two";
  event.text_len = 3;
  CHECK_OK(eml_model_push_event(model, &event));
  CHECK(log.count == 2 && strcmp(log.last_text, "two") == 0);
  record_samples(model, 60, 1);
  eml_train_options options;
  CHECK_OK(eml_train_options_init(&options, sizeof options));
  options.max_sweeps = 1;
  CHECK_OK(eml_model_train(model, &options, NULL));
  CHECK(log.count == 3 && log.last_type == EML_EVENT_TRAINED);
  log.model = model; /* the handle is at work while its sink is called */
  CHECK_OK(eml_model_reset(model, "three", EML_NTS));
  CHECK(log.inside == EML_E_BUSY && model_info(model).sample_count == 60);
  CHECK_OK(eml_model_set_event_sink(model, NULL, NULL));
  int count = log.count;
  CHECK_OK(eml_model_reset(model, "four", EML_NTS));
  CHECK(log.count == count);
  CHECK_OK(eml_model_free(model));
}

int main(void) {
  RUN(type_names);
  RUN(empty_log);
  RUN(fields_of_each_type);
  RUN(refused_events);
  RUN(drained_json);
  RUN(pointers_live_until_the_next_call);
  RUN(most_pending_events);
  RUN(sinks);
  return test_summary("events");
}
