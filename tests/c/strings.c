/*
 * strings.c - text and bytes across the boundary: explicit lengths and EML_NTS, UTF-8, and the two-call form of every
 * function that has it.
 */
#include "fixture.h"

/* ------------------------------------------------------------------------------------------------ strings in */

static void expect_name(const eml_model *model, const char *want) {
  char name[256];
  uint64_t need = 0;
  CHECK_OK(eml_model_get_name(model, name, sizeof name, &need));
  CHECK_THAT(strcmp(name, want) == 0, "the name is '%s', expected '%s'", name, want);
  CHECK(need == strlen(want) + 1);
}

static void expect_metadata(const eml_model *model, const char *key, const char *want) {
  char value[256];
  uint64_t need = 0;
  CHECK_OK(eml_model_get_metadata(model, key, EML_NTS, value, sizeof value, &need));
  CHECK_THAT(strcmp(value, want) == 0, "%s is '%s', expected '%s'", key, value, want);
  CHECK(need == strlen(want) + 1);
}

static void explicit_length_or_nts(void) {
  eml_model *model = new_model(EML_PROFILE_DEFAULT, 2, 1, 1);
  expect_name(model, "");
  CHECK_OK(eml_model_set_name(model, "whole name", EML_NTS));
  expect_name(model, "whole name");
  CHECK_OK(eml_model_set_name(model, "partial name", 4));
  expect_name(model, "part");
  CHECK_OK(eml_model_set_name(model, "", EML_NTS));
  expect_name(model, "");
  CHECK_OK(eml_model_set_name(model, "gone", 4));
  CHECK_OK(eml_model_set_name(model, NULL, 0));
  expect_name(model, "");

  CHECK_OK(eml_model_set_metadata(model, "unit", EML_NTS, "metre per second", EML_NTS));
  CHECK_OK(eml_model_set_metadata(model, "colour of", 6, "green grass", 5));
  CHECK_OK(eml_model_set_metadata(model, "empty", EML_NTS, "", 0));
  expect_metadata(model, "unit", "metre per second");
  expect_metadata(model, "colour", "green");
  expect_metadata(model, "empty", "");
  char value[64];
  uint64_t need = 0;
  CHECK_OK(eml_model_get_metadata(model, "units", 4, value, sizeof value, &need));
  CHECK(strcmp(value, "metre per second") == 0);

  CHECK_OK(eml_model_reset(model, "because of it", 7));
  eml_event event;
  event.struct_size = sizeof event;
  CHECK_OK(eml_model_next_event(model, &event));
  CHECK(event.text_len == 7 && strcmp(event.text, "because") == 0);
  CHECK_OK(eml_model_free(model));
}

static void metadata_keys_are_listed(void) {
  static const char *const given[4] = {"b", "", "\xc3\xbc", "B"}, *const ordered[4] = {"", "B", "b", "\xc3\xbc"};
  eml_model *model = new_model(EML_PROFILE_DEFAULT, 2, 1, 1);
  uint64_t count = 9, need = 0;
  char key[8];
  CHECK_OK(eml_model_get_metadata_count(model, &count));
  CHECK(count == 0);
  for (int i = 0; i < 4; i++) CHECK_OK(eml_model_set_metadata(model, given[i], EML_NTS, "v", 1));
  CHECK_OK(eml_model_get_metadata_count(model, &count));
  CHECK(count == 4);
  for (uint64_t i = 0; i < count; i++) {
    CHECK_STATUS(eml_model_get_metadata_key(model, i, NULL, 0, &need), EML_E_BUFFER);
    CHECK(need == strlen(ordered[i]) + 1);
    CHECK_OK(eml_model_get_metadata_key(model, i, key, need, &need));
    CHECK_THAT(strcmp(key, ordered[i]) == 0, "key %d is %s", (int)i, key);
  }
  CHECK_STATUS(eml_model_get_metadata_key(model, 4, key, sizeof key, &need), EML_E_ARGUMENT);
  CHECK_THAT(contains(last_error().message, "4 metadata keys"), "%s", last_error().message);
  CHECK_STATUS(eml_model_get_metadata_key(model, UINT64_MAX, key, sizeof key, &need), EML_E_ARGUMENT);
  CHECK_OK(eml_model_set_metadata(model, "", EML_NTS, NULL, 0));
  CHECK_OK(eml_model_get_metadata_key(model, 0, key, sizeof key, &need));
  CHECK(strcmp(key, "B") == 0);
  CHECK_OK(eml_model_free(model));
}

static void inputs_are_copied(void) {
  eml_model *model = new_model(EML_PROFILE_DEFAULT, 2, 1, 1);
  char name[] = "alpha", key[] = "k", value[] = "v1";
  CHECK_OK(eml_model_set_name(model, name, EML_NTS));
  CHECK_OK(eml_model_set_metadata(model, key, EML_NTS, value, EML_NTS));
  memset(name, '#', 5);
  key[0] = '#';
  value[0] = '#';
  expect_name(model, "alpha");
  expect_metadata(model, "k", "v1");

  double out = 0.5;
  char text[] = "path";
  eml_event event, back;
  memset(&event, 0, sizeof event);
  event.struct_size = back.struct_size = sizeof event;
  event.type = EML_EVENT_PREDICTION;
  event.text = text;
  event.text_len = EML_NTS;
  event.output = &out;
  event.output_len = 1;
  CHECK_OK(eml_model_push_event(model, &event));
  memset(text, '#', 4);
  out = -1;
  CHECK_OK(eml_model_next_event(model, &back));
  CHECK(strcmp(back.text, "path") == 0 && back.output_len == 1 && back.output[0] == 0.5);
  CHECK_OK(eml_model_free(model));
}

static void utf8(void) {
  eml_model *model = new_model(EML_PROFILE_DEFAULT, 2, 1, 1);
  const char *wide = "\xce\xb8 = \xe2\x88\xab \xf0\x9d\x9b\xbc"; /* two, three and four bytes long characters */
  CHECK_OK(eml_model_set_name(model, wide, EML_NTS));
  expect_name(model, wide);
  CHECK_OK(eml_model_set_metadata(model, wide, EML_NTS, wide, EML_NTS));
  expect_metadata(model, wide, wide);
  static const char *const broken[] = {
      "\x80",             /* continuation byte alone */
      "a\xc3",            /* cut short */
      "\xc0\xaf",         /* overlong */
      "\xed\xa0\x80",     /* surrogate */
      "\xf4\x90\x80\x80", /* past U+10FFFF */
      "\xff",
  };
  for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
    CHECK_STATUS(eml_model_set_name(model, broken[i], EML_NTS), EML_E_ARGUMENT);
    CHECK_STATUS(eml_model_set_metadata(model, "key", 3, broken[i], EML_NTS), EML_E_ARGUMENT);
    CHECK_STATUS(eml_model_set_metadata(model, broken[i], EML_NTS, "value", 5), EML_E_ARGUMENT);
    CHECK_STATUS(eml_model_reset(model, broken[i], EML_NTS), EML_E_ARGUMENT);
  }
  expect_name(model, wide);
  uint64_t need = 0;
  char text[8];
  CHECK_STATUS(eml_model_get_metadata(model, "key", 3, text, sizeof text, &need), EML_E_STATE);
  CHECK(model_info(model).event_count == 0);
  CHECK_OK(eml_model_free(model));
}

static void metadata_limits(void) {
  eml_model *model = new_model(EML_PROFILE_DEFAULT, 2, 1, 1);
  enum { MIB = 1 << 20 };
  char *big = malloc(MIB + 2), *back = malloc(MIB + 2);
  if (big == NULL || back == NULL) abort();
  memset(big, 'v', MIB + 1);
  big[MIB + 1] = 0;
  uint64_t need = 0;
  CHECK_OK(eml_model_set_metadata(model, "k", 1, big, MIB));
  CHECK_OK(eml_model_get_metadata(model, "k", 1, back, MIB + 2, &need));
  CHECK(need == MIB + 1 && memcmp(big, back, MIB) == 0);
  CHECK_STATUS(eml_model_set_metadata(model, "k", 1, big, MIB + 1), EML_E_LIMIT);
  CHECK_STATUS(eml_model_set_metadata(model, "k", 1, big, EML_NTS), EML_E_LIMIT);
  CHECK_OK(eml_model_get_metadata(model, "k", 1, back, MIB + 2, &need)); /* the old value is still there */
  CHECK(need == MIB + 1);
  CHECK_OK(eml_model_set_metadata(model, "k", 1, NULL, 0));
  CHECK_STATUS(eml_model_get_metadata(model, "k", 1, back, MIB, &need), EML_E_STATE);
  CHECK_OK(eml_model_set_metadata(model, "k", 1, NULL, 0)); /* removing what is not there is fine */
  CHECK_OK(eml_model_set_metadata(model, big, 256, "v", 1));
  CHECK_STATUS(eml_model_set_metadata(model, big, 257, "v", 1), EML_E_LIMIT);
  CHECK_OK(eml_model_set_metadata(model, big, 256, NULL, 0));
  char key[16];
  for (int i = 0; i < 256; i++) {
    snprintf(key, sizeof key, "key %d", i);
    CHECK_OK(eml_model_set_metadata(model, key, EML_NTS, key, EML_NTS));
  }
  CHECK_STATUS(eml_model_set_metadata(model, "one more", EML_NTS, "v", 1), EML_E_LIMIT);
  CHECK_THAT(contains(last_error().message, "256"), "%s", last_error().message);
  CHECK_OK(eml_model_set_metadata(model, "key 7", EML_NTS, "new value", EML_NTS)); /* replacing adds none */
  expect_metadata(model, "key 7", "new value");
  expect_metadata(model, "key 255", "key 255");
  CHECK_OK(eml_model_set_metadata(model, "key 8", EML_NTS, NULL, 0));
  CHECK_OK(eml_model_set_metadata(model, "one more", EML_NTS, "v", 1));
  free(big);
  free(back);
  CHECK_OK(eml_model_free(model));
}

/* ------------------------------------------------------------------------------------------------ two-call form */

static eml_model *subject;
static eml_safetree *tree_subject;

static eml_status two_call_error(void *b, uint64_t c, uint64_t *n) { return eml_last_error_message(b, c, n); }
static eml_status two_call_name(void *b, uint64_t c, uint64_t *n) { return eml_model_get_name(subject, b, c, n); }
static eml_status two_call_metadata(void *b, uint64_t c, uint64_t *n) {
  return eml_model_get_metadata(subject, "key", EML_NTS, b, c, n);
}
static eml_status two_call_json(void *b, uint64_t c, uint64_t *n) {
  return eml_model_export(subject, EML_FORMAT_JSON, b, c, n);
}
static eml_status two_call_safetensors(void *b, uint64_t c, uint64_t *n) {
  return eml_model_export(subject, EML_FORMAT_SAFETENSORS, b, c, n);
}
static eml_status two_call_protobuf(void *b, uint64_t c, uint64_t *n) {
  return eml_model_export(subject, EML_FORMAT_PROTOBUF, b, c, n);
}
static eml_status two_call_tree_json(void *b, uint64_t c, uint64_t *n) {
  return eml_safetree_export(tree_subject, EML_FORMAT_JSON, b, c, n);
}
static eml_status two_call_tree_browser(void *b, uint64_t c, uint64_t *n) {
  return eml_safetree_export(tree_subject, EML_FORMAT_BROWSER, b, c, n);
}
static eml_status two_call_tree_safetensors(void *b, uint64_t c, uint64_t *n) {
  return eml_safetree_export(tree_subject, EML_FORMAT_SAFETENSORS, b, c, n);
}
static eml_status two_call_tree_protobuf(void *b, uint64_t c, uint64_t *n) {
  return eml_safetree_export(tree_subject, EML_FORMAT_PROTOBUF, b, c, n);
}
static eml_status two_call_events_json(void *b, uint64_t c, uint64_t *n) {
  return eml_model_drain_events(subject, EML_FORMAT_JSON, b, c, n);
}
static eml_status two_call_events_protobuf(void *b, uint64_t c, uint64_t *n) {
  return eml_model_drain_events(subject, EML_FORMAT_PROTOBUF, b, c, n);
}

static const struct {
  const char *name;
  int text;   /* need counts a closing NUL */
  int drains; /* success empties the log */
  eml_status (*call)(void *buf, uint64_t cap, uint64_t *need);
} two_calls[] = {
    {"last_error_message", 1, 0, two_call_error},
    {"get_name", 1, 0, two_call_name},
    {"get_metadata", 1, 0, two_call_metadata},
    {"export JSON", 0, 0, two_call_json},
    {"export safetensors", 0, 0, two_call_safetensors},
    {"export protobuf", 0, 0, two_call_protobuf},
    {"safetree export JSON", 0, 0, two_call_tree_json},
    {"safetree export browser", 0, 0, two_call_tree_browser},
    {"safetree export safetensors", 0, 0, two_call_tree_safetensors},
    {"safetree export protobuf", 0, 0, two_call_tree_protobuf},
    {"drain events JSON", 1, 1, two_call_events_json},
    {"drain events protobuf", 0, 1, two_call_events_protobuf},
};

static int all_are(const unsigned char *bytes, uint64_t n, unsigned char value) {
  for (uint64_t i = 0; i < n; i++) {
    if (bytes[i] != value) return 0;
  }
  return 1;
}

static void two_call_form(void) {
  subject = random_model(EML_PROFILE_DEFAULT, 3, 2, 2);
  CHECK_OK(eml_model_set_name(subject, "two calls", EML_NTS));
  CHECK_OK(eml_model_set_metadata(subject, "key", EML_NTS, "some value", EML_NTS));
  CHECK_OK(eml_safetree_create(2, 2, 3, &tree_subject));
  enum { SLACK = 16 };
  for (size_t i = 0; i < sizeof two_calls / sizeof two_calls[0]; i++) {
    const char *name = two_calls[i].name;
    CHECK_STATUS(eml_cancel_set(POISON), EML_E_HANDLE); /* a message for last_error_message */
    if (two_calls[i].drains) CHECK_OK(eml_model_reset(subject, "log this", EML_NTS));
    uint64_t need = 0, again = 0;
    eml_status status = two_calls[i].call(NULL, 0, &need);
    CHECK_THAT(status == EML_E_BUFFER, "%s, no buffer: %s", name, eml_status_name(status));
    CHECK_THAT(need > 1, "%s: need is %" PRIu64, name, need);
    unsigned char *buf = malloc((size_t)need + SLACK);
    if (buf == NULL) abort();
    static const uint64_t short_by[] = {1, 2, UINT64_MAX};
    for (int k = 0; k < 3; k++) {
      uint64_t cap = short_by[k] > need ? 1 : need - short_by[k];
      memset(buf, 0xee, (size_t)need + SLACK);
      again = 0;
      status = two_calls[i].call(buf, cap, &again);
      CHECK_THAT(status == EML_E_BUFFER && again == need, "%s, cap %" PRIu64 ": %s", name, cap, eml_status_name(status));
      CHECK_THAT(all_are(buf, need + SLACK, 0xee), "%s wrote into a buffer that is too small", name);
    }
    if (two_calls[i].drains) CHECK_THAT(model_info(subject).event_count == 1, "%s lost an event", name);
    again = 0;
    status = two_calls[i].call(buf, need, &again);
    CHECK_THAT(status == EML_OK && again == need, "%s, exact fit: %s", name, eml_status_name(status));
    CHECK_THAT(all_are(buf + need, SLACK, 0xee), "%s wrote past its need", name);
    if (two_calls[i].text) CHECK_THAT(strlen((char *)buf) + 1 == need, "%s: need and text differ", name);
    if (two_calls[i].drains) {
      CHECK_THAT(model_info(subject).event_count == 0, "%s did not empty the log", name);
      CHECK_OK(eml_model_reset(subject, "log this", EML_NTS));
    }
    memset(buf, 0xee, (size_t)need + SLACK);
    status = two_calls[i].call(buf, need + SLACK, &again);
    CHECK_THAT(status == EML_OK && again == need, "%s, room to spare: %s", name, eml_status_name(status));
    CHECK_THAT(all_are(buf + need, SLACK, 0xee), "%s wrote past its need", name);
    free(buf);
  }
  CHECK_OK(eml_model_free(subject));
  CHECK_OK(eml_safetree_free(tree_subject));
}

/* The closing NUL of an empty text needs room too. */
static void empty_texts(void) {
  eml_model *model = new_model(EML_PROFILE_DEFAULT, 2, 1, 1);
  uint64_t need = 0;
  char text[4] = "zzz";
  CHECK_STATUS(eml_model_get_name(model, NULL, 0, &need), EML_E_BUFFER);
  CHECK(need == 1);
  CHECK_OK(eml_model_get_name(model, text, 1, &need));
  CHECK(text[0] == 0 && text[1] == 'z');
  CHECK_STATUS(eml_model_drain_events(model, EML_FORMAT_JSON, NULL, 0, &need), EML_E_BUFFER);
  CHECK(need == 3);
  CHECK_OK(eml_model_drain_events(model, EML_FORMAT_JSON, text, 4, &need));
  CHECK(strcmp(text, "[]") == 0);
  /* An empty EventLog message has no bytes at all. */
  CHECK_OK(eml_model_drain_events(model, EML_FORMAT_PROTOBUF, NULL, 0, &need));
  CHECK(need == 0);
  CHECK_OK(eml_model_free(model));
}

int main(void) {
  RUN(explicit_length_or_nts);
  RUN(metadata_keys_are_listed);
  RUN(inputs_are_copied);
  RUN(utf8);
  RUN(metadata_limits);
  RUN(two_call_form);
  RUN(empty_texts);
  return test_summary("strings");
}
