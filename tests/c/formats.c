/*
 * formats.c - models as bytes and files: every format and profile gives the same bits back, damaged bytes are refused,
 * files are replaced as a whole.
 */
#include "fixture.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/eml-formats-XXXXXX";

static const char *in_folder(const char *name) {
  static char paths[4][256];
  static int next;
  char *path = paths[next = (next + 1) % 4];
  snprintf(path, sizeof paths[0], "%s/%s", folder, name);
  return path;
}

static int files_in_folder(void) {
  int count = 0;
  DIR *dir = opendir(folder);
  if (dir == NULL) abort();
  while (readdir(dir) != NULL) count++;
  closedir(dir);
  return count - 2; /* "." and ".." */
}

/* A model that has everything that travels: odd parameters, a name, metadata, scaling, the trained flag. */
static eml_model *rich_model(int32_t profile, uint32_t depth) {
  eml_model *model = random_model(profile, depth, 3, 2);
  uint64_t n = model_info(model).param_count;
  double *params = model_params(model);
  params[0] = -0.0;
  params[1] = 0x1p-1074;
  params[2] = 0x1.fffffffffffffp1023;
  params[3] = 0.1;
  params[4] = 1e16;
  params[5] = 1e-5;
  CHECK_OK(eml_model_set_params(model, params, n, 0));
  free(params);
  CHECK_OK(eml_model_set_name(model, "line\n\"quote\" \xce\xb8 \\", EML_NTS));
  CHECK_OK(eml_model_set_metadata(model, "unit", EML_NTS, "\t\xe2\x88\xab \"x\"", EML_NTS));
  CHECK_OK(eml_model_set_metadata(model, "empty", EML_NTS, "", EML_NTS));
  static const double in[6] = {1, 0.1, -2, 3, 0.3, -7}, out[4] = {100, 0.5, 0.1, 0.7};
  CHECK_OK(eml_model_set_scaling(model, in, out));
  CHECK_OK(eml_model_set_trained(model, 1));
  return model;
}

static void expect_text(const eml_model *a, const eml_model *b, const char *key) {
  char one[256], two[256];
  uint64_t need = 0;
  if (key == NULL) {
    CHECK_OK(eml_model_get_name(a, one, sizeof one, &need));
    CHECK_OK(eml_model_get_name(b, two, sizeof two, &need));
  } else {
    CHECK_OK(eml_model_get_metadata(a, key, EML_NTS, one, sizeof one, &need));
    CHECK_OK(eml_model_get_metadata(b, key, EML_NTS, two, sizeof two, &need));
  }
  CHECK_THAT(strcmp(one, two) == 0, "%s: '%s' became '%s'", key == NULL ? "name" : key, one, two);
}

static void expect_same_model(const eml_model *a, const eml_model *b) {
  eml_model_info i = model_info(a), j = model_info(b);
  CHECK(i.depth == j.depth && i.inputs == j.inputs && i.heads == j.heads && i.profile == j.profile);
  CHECK(i.trained == j.trained && i.scaled == j.scaled && i.param_count == j.param_count);
  CHECK(j.sample_count == 0);
  double *p = model_params(a), *q = model_params(b);
  CHECK(same_bits(p, q, i.param_count));
  free(p);
  free(q);
  double in[2][6], out[2][4], x[15], y[2][10];
  CHECK_OK(eml_model_get_scaling(a, in[0], out[0]));
  CHECK_OK(eml_model_get_scaling(b, in[1], out[1]));
  CHECK(same_bits(in[0], in[1], 6) && same_bits(out[0], out[1], 4));
  fill_uniform(x, 15, 3, -1, 1);
  CHECK_OK(eml_model_forward(a, x, 5, y[0], 0));
  CHECK_OK(eml_model_forward(b, x, 5, y[1], 0));
  CHECK(same_bits(y[0], y[1], 10));
}

static void bytes_round_trip(void) {
  for (int p = 0; p < 2; p++) {
    for (uint32_t depth = 2; depth <= 5; depth++) {
      eml_model *model = rich_model(both_profiles[p], depth);
      for (int f = 0; f < 3; f++) {
        uint64_t len = 0, len2 = 0;
        unsigned char *bytes = exported(model, model_formats[f], &len);
        for (int automatic = 0; automatic < 2; automatic++) {
          eml_model *back = NULL;
          CHECK_OK(eml_model_import(bytes, len, automatic ? EML_FORMAT_AUTO : model_formats[f], &back));
          if (back == NULL) continue;
          expect_same_model(model, back);
          expect_text(model, back, NULL);
          expect_text(model, back, "unit");
          expect_text(model, back, "empty");
          CHECK(model_info(back).event_count == 0);
          unsigned char *again = exported(back, model_formats[f], &len2);
          CHECK(len == len2 && memcmp(bytes, again, (size_t)len) == 0);
          free(again);
          CHECK_OK(eml_model_free(back));
        }
        eml_buffer *buffer = NULL;
        CHECK_OK(eml_model_export_buffer(model, model_formats[f], &buffer));
        const void *data = NULL;
        CHECK_OK(eml_buffer_data(buffer, &data, &len2));
        CHECK(len2 == len && memcmp(data, bytes, (size_t)len) == 0);
        CHECK((uintptr_t)data % 64 == 0 && ((const char *)data)[len] == 0);
        CHECK_OK(eml_buffer_free(buffer));
        free(bytes);
      }
      CHECK_OK(eml_model_free(model));
    }
  }
}

/* A plain eml-core model exports eml-core's own JSON, keys in its order, compact. */
static void core_json_text(void) {
  eml_model *model = new_model(EML_PROFILE_EML_CORE_0_1, 2, 2, 1);
  uint64_t len = 0;
  unsigned char *bytes = exported(model, EML_FORMAT_JSON, &len);
  char want[512] = "{\"depth\":2,\"input_count\":2,\"head_count\":1,\"params\":[0.0";
  for (int i = 1; i < 26; i++) strcat(want, ",0.0");
  strcat(want, "],\"trained\":false}");
  CHECK_THAT(len == strlen(want) && memcmp(bytes, want, (size_t)len) == 0, "%.*s", (int)len, (char *)bytes);
  free(bytes);
  CHECK_OK(eml_model_free(model));
}

static void refused_formats(void) {
  eml_model *model = random_model(EML_PROFILE_DEFAULT, 2, 1, 1), *out = POISON;
  uint64_t need = 0;
  CHECK_STATUS(eml_model_export(model, EML_FORMAT_BROWSER, NULL, 0, &need), EML_E_UNSUPPORTED);
  CHECK(eml_model_export(model, EML_FORMAT_AUTO, NULL, 0, &need) < 0);
  CHECK(eml_model_export(model, 5, NULL, 0, &need) < 0);
  CHECK(eml_model_export(model, -1, NULL, 0, &need) < 0);
  CHECK(eml_model_import("{}", 2, 5, &out) < 0);
  CHECK_STATUS(eml_model_import("neither fish nor fowl", 21, EML_FORMAT_AUTO, &out), EML_E_FORMAT);
  CHECK(last_error().sub_code == EML_F_UNKNOWN && out == NULL);
  CHECK_STATUS(eml_model_import("{}", 2, EML_FORMAT_JSON, &out), EML_E_FORMAT);
  CHECK_THAT(last_error().sub_code == EML_F_MISSING_FIELD, "sub-code %d", last_error().sub_code);
  CHECK_OK(eml_model_free(model));
}

static void kinds_are_told_apart(void) {
  eml_model *model = random_model(EML_PROFILE_DEFAULT, 2, 1, 1), *no_model = POISON;
  eml_safetree *tree = NULL, *no_tree = POISON;
  CHECK_OK(eml_safetree_create(1, 2, 1, &tree));
  for (int f = 0; f < 3; f++) {
    uint64_t len = 0, need = 0;
    unsigned char *bytes = exported(model, model_formats[f], &len);
    CHECK_STATUS(eml_safetree_import(bytes, len, model_formats[f], &no_tree), EML_E_FORMAT);
    CHECK(no_tree == NULL);
    if (f > 0) CHECK_THAT(last_error().sub_code == EML_F_KIND, "format %d: sub-code %d", model_formats[f], last_error().sub_code);
    free(bytes);
    CHECK_STATUS(eml_safetree_export(tree, model_formats[f], NULL, 0, &need), EML_E_BUFFER);
    bytes = malloc((size_t)need);
    CHECK_OK(eml_safetree_export(tree, model_formats[f], bytes, need, &need));
    CHECK_STATUS(eml_model_import(bytes, need, model_formats[f], &no_model), EML_E_FORMAT);
    CHECK(no_model == NULL);
    if (f > 0) CHECK_THAT(last_error().sub_code == EML_F_KIND, "format %d: sub-code %d", model_formats[f], last_error().sub_code);
    free(bytes);
  }
  CHECK_OK(eml_model_free(model));
  CHECK_OK(eml_safetree_free(tree));
}

static int is_refusal_of_bytes(eml_status status) {
  return status == EML_E_FORMAT || status == EML_E_NONFINITE || status == EML_E_LIMIT || status == EML_E_VERSION;
}

static void truncated_bytes(void) {
  for (int p = 0; p < 2; p++) {
    eml_model *model = rich_model(both_profiles[p], 2);
    for (int f = 0; f < 3; f++) {
      uint64_t len = 0;
      unsigned char *bytes = exported(model, model_formats[f], &len);
      for (uint64_t cut = 0; cut < len; cut++) {
        eml_model *out = POISON;
        unsigned char *exact = malloc((size_t)cut + 1); /* so that a checker can see reads past the end */
        memcpy(exact, bytes, (size_t)cut);
        eml_status status = eml_model_import(exact, cut, model_formats[f], &out);
        free(exact);
        /* A protobuf message may lawfully end between two fields. */
        if (status == EML_OK && model_formats[f] == EML_FORMAT_PROTOBUF) {
          CHECK_OK(eml_model_free(out));
          continue;
        }
        CHECK_THAT(is_refusal_of_bytes(status) && out == NULL, "format %d cut at %" PRIu64 ": %s", model_formats[f], cut,
                   eml_status_name(status));
        CHECK(last_error().byte_offset <= len || last_error().byte_offset == UINT64_MAX);
      }
      free(bytes);
    }
    CHECK_OK(eml_model_free(model));
  }
}

static void damaged_bytes(void) {
  uint64_t seed = 20;
  for (int p = 0; p < 2; p++) {
    eml_model *model = rich_model(both_profiles[p], 2);
    for (int f = 0; f < 3; f++) {
      uint64_t len = 0;
      unsigned char *bytes = exported(model, model_formats[f], &len);
      for (int k = 0; k < 3000; k++) {
        uint64_t at = next_random(&seed) % len;
        unsigned char old = bytes[at];
        bytes[at] = (unsigned char)next_random(&seed);
        eml_model *out = POISON;
        eml_status status = eml_model_import(bytes, len, k % 2 ? model_formats[f] : EML_FORMAT_AUTO, &out);
        if (status == EML_OK) { /* the damage hit a value: the model works */
          double x[3] = {0.1, 0.2, 0.3}, *y = new_doubles(model_info(out).heads);
          if (model_info(out).inputs == 3) CHECK_OK(eml_model_forward(out, x, 1, y, 0));
          free(y);
          CHECK_OK(eml_model_free(out));
        } else {
          CHECK_THAT(is_refusal_of_bytes(status) && out == NULL, "format %d, byte %" PRIu64 " = %02x: %s: %s",
                     model_formats[f], at, bytes[at], eml_status_name(status), last_error().message);
        }
        bytes[at] = old;
      }
      free(bytes);
    }
    CHECK_OK(eml_model_free(model));
  }
}

static void nonfinite_params_in_bytes(void) {
  eml_model *model = random_model(EML_PROFILE_EML_CORE_0_1, 2, 1, 1), *out = POISON;
  uint64_t n = model_info(model).param_count;
  double *params = model_params(model);
  params[3] = nan_value();
  CHECK_OK(eml_model_set_params(model, params, n, EML_ALLOW_NONFINITE));
  free(params);
  for (int f = 0; f < 3; f++) {
    uint64_t need = 0, len = 0;
    eml_status status = eml_model_export(model, model_formats[f], NULL, 0, &need);
    if (model_formats[f] != EML_FORMAT_JSON) {
      CHECK_STATUS(status, EML_E_NONFINITE);
      CHECK_STATUS(eml_model_save(model, in_folder("nan"), EML_NTS, model_formats[f]), EML_E_NONFINITE);
      continue;
    }
    CHECK_STATUS(status, EML_E_BUFFER);
    unsigned char *bytes = exported(model, model_formats[f], &len);
    status = eml_model_import(bytes, len, model_formats[f], &out);
    CHECK_THAT((status == EML_E_NONFINITE || status == EML_E_FORMAT) && out == NULL, "format %d: %s", model_formats[f],
               eml_status_name(status));
    free(bytes);
  }
  CHECK_OK(eml_model_free(model));
}

/* ------------------------------------------------------------------------------------------------ files */

static void file_round_trip(void) {
  static const char *const names[3] = {"m.json", "m.safetensors", "m.pb"};
  for (int p = 0; p < 2; p++) {
    eml_model *model = rich_model(both_profiles[p], 3);
    for (int f = 0; f < 3; f++) {
      const char *path = in_folder(names[f]);
      CHECK_OK(eml_model_save(model, path, EML_NTS, EML_FORMAT_AUTO));
      eml_model *back = NULL;
      CHECK_OK(eml_model_load(path, EML_NTS, EML_FORMAT_AUTO, &back));
      expect_same_model(model, back);
      expect_text(model, back, "unit");
      eml_event event;
      event.struct_size = sizeof event;
      CHECK_OK(eml_model_next_event(model, &event));
      CHECK(event.type == EML_EVENT_SAVED && strcmp(event.text, path) == 0);
      CHECK(event.count1 == model_info(model).param_count);
      CHECK(model_info(back).event_count == 1);
      CHECK_OK(eml_model_next_event(back, &event));
      CHECK(event.type == EML_EVENT_LOADED && strcmp(event.text, path) == 0 && event.flag == 1);
      CHECK_OK(eml_model_free(back));
      /* The file holds what export gives. */
      uint64_t len = 0;
      unsigned char *bytes = exported(model, model_formats[f], &len), *read = malloc((size_t)len + 1);
      FILE *file = fopen(path, "rb");
      CHECK(file != NULL && fread(read, 1, (size_t)len + 1, file) == len && memcmp(bytes, read, (size_t)len) == 0);
      if (file != NULL) fclose(file);
      free(bytes);
      free(read);
    }
    CHECK_OK(eml_model_free(model));
  }
  CHECK_THAT(files_in_folder() == 3, "%d files: a temporary one was left", files_in_folder());
}

static void paths(void) {
  eml_model *model = random_model(EML_PROFILE_DEFAULT, 2, 1, 1), *back = POISON;
  /* An explicit format beats the extension; an unknown extension needs one. */
  CHECK_STATUS(eml_model_save(model, in_folder("m.dat"), EML_NTS, EML_FORMAT_AUTO), EML_E_ARGUMENT);
  CHECK_OK(eml_model_save(model, in_folder("m.dat"), EML_NTS, EML_FORMAT_PROTOBUF));
  CHECK_OK(eml_model_load(in_folder("m.dat"), EML_NTS, EML_FORMAT_AUTO, &back)); /* from the bytes */
  CHECK_OK(eml_model_free(back));
  CHECK_STATUS(eml_model_load(in_folder("m.dat"), EML_NTS, EML_FORMAT_JSON, &back), EML_E_FORMAT);
  CHECK_STATUS(eml_model_save(model, in_folder("m.browser.json"), EML_NTS, EML_FORMAT_AUTO), EML_E_UNSUPPORTED);
  /* An explicit length cuts the path. */
  char path[256];
  snprintf(path, sizeof path, "%s/cut.json-and-more", folder);
  CHECK_OK(eml_model_save(model, path, strlen(path) - strlen("-and-more"), EML_FORMAT_AUTO));
  CHECK(access(in_folder("cut.json"), R_OK) == 0);
  CHECK_OK(eml_model_load(path, strlen(path) - strlen("-and-more"), EML_FORMAT_AUTO, &back));
  CHECK_OK(eml_model_free(back));
  CHECK(eml_model_load("", 0, EML_FORMAT_AUTO, &back) < 0);
  CHECK(eml_model_save(model, "", 0, EML_FORMAT_JSON) < 0);
  CHECK_OK(eml_model_free(model));
}

static void io_failures(void) {
  eml_model *model = random_model(EML_PROFILE_DEFAULT, 2, 1, 1), *back = POISON;
  CHECK_STATUS(eml_model_load(in_folder("none.json"), EML_NTS, EML_FORMAT_AUTO, &back), EML_E_IO);
  CHECK(last_error().sub_code == ENOENT && back == NULL);
  CHECK_STATUS(eml_model_save(model, in_folder("no/such/folder.json"), EML_NTS, EML_FORMAT_AUTO), EML_E_IO);
  CHECK_THAT(last_error().sub_code == ENOENT, "errno %d", last_error().sub_code);
  CHECK(mkdir(in_folder("folder.json"), 0700) == 0);
  CHECK_STATUS(eml_model_save(model, in_folder("folder.json"), EML_NTS, EML_FORMAT_AUTO), EML_E_IO);
  CHECK_STATUS(eml_model_load(in_folder("folder.json"), EML_NTS, EML_FORMAT_AUTO, &back), EML_E_IO);
  CHECK(model_info(model).event_count == 0);
  /* A full device: the target is not touched. */
  CHECK_STATUS(eml_model_save(model, "/dev/full/x.json", EML_NTS, EML_FORMAT_AUTO), EML_E_IO);
  CHECK_OK(eml_model_free(model));
}

/* Replacing a file: its reader never sees a part of it, and a failed save leaves it alone. */
static void replaced_as_a_whole(void) {
  const char *path = in_folder("replaced.json");
  eml_model *small = random_model(EML_PROFILE_DEFAULT, 2, 1, 1), *large = random_model(EML_PROFILE_DEFAULT, 5, 9, 40);
  CHECK_OK(eml_model_save(large, path, EML_NTS, EML_FORMAT_AUTO));
  FILE *reader = fopen(path, "rb"); /* keeps the old file: the new one is another inode */
  CHECK(reader != NULL);
  CHECK_OK(eml_model_save(small, path, EML_NTS, EML_FORMAT_AUTO));
  uint64_t len = 0;
  unsigned char *want = exported(large, EML_FORMAT_JSON, &len), *got = malloc((size_t)len + 1);
  CHECK(reader != NULL && fread(got, 1, (size_t)len + 1, reader) == len && memcmp(want, got, (size_t)len) == 0);
  if (reader != NULL) fclose(reader);
  free(want);
  free(got);
  eml_model *back = NULL;
  CHECK_OK(eml_model_load(path, EML_NTS, EML_FORMAT_AUTO, &back));
  CHECK(model_info(back).depth == 2);
  CHECK_OK(eml_model_free(back));
  CHECK_OK(eml_model_free(small));
  CHECK_OK(eml_model_free(large));
}

int main(void) {
  if (mkdtemp(folder) == NULL) abort();
  RUN(bytes_round_trip);
  RUN(core_json_text);
  RUN(refused_formats);
  RUN(kinds_are_told_apart);
  RUN(truncated_bytes);
  RUN(damaged_bytes);
  RUN(nonfinite_params_in_bytes);
  RUN(file_round_trip);
  RUN(paths);
  RUN(io_failures);
  RUN(replaced_as_a_whole);
  char command[300];
  snprintf(command, sizeof command, "rm -r '%s'", folder);
  if (system(command) != 0) abort();
  return test_summary("formats");
}
