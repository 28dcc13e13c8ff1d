/*
 * fixture.h - models, data and comparisons that several test programs use.
 */
#ifndef FIXTURE_H
#define FIXTURE_H

#include "test.h"

#include <stdlib.h>

static const int32_t both_profiles[2] = {EML_PROFILE_EML_CORE_0_1, EML_PROFILE_DEFAULT};
static const int32_t model_formats[3] = {EML_FORMAT_JSON, EML_FORMAT_SAFETENSORS, EML_FORMAT_PROTOBUF};

/* A pointer that no call of the library hands out; shows whether an out-handle was written. */
#define POISON ((void *)(uintptr_t)0x5a5a5a5aU)

/* splitmix64 */
static inline uint64_t next_random(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static inline double uniform(uint64_t *state, double low, double high) {
  return low + (high - low) * ((double)(next_random(state) >> 11) * 0x1p-53);
}

static inline void fill_uniform(double *out, uint64_t n, uint64_t seed, double low, double high) {
  for (uint64_t i = 0; i < n; i++) out[i] = uniform(&seed, low, high);
}

static inline uint64_t bits_of(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static inline double from_bits(uint64_t bits) {
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* Without <math.h>: the tests that use libm do so on purpose. */
static inline double nan_value(void) { return from_bits(0x7ff8000000000000u); }
static inline double infinity(void) { return from_bits(0x7ff0000000000000u); }

static inline int same_bits(const double *a, const double *b, uint64_t n) {
  return memcmp(a, b, (size_t)n * sizeof *a) == 0;
}

static inline double *new_doubles(uint64_t n) {
  double *out = calloc((size_t)(n == 0 ? 1 : n), sizeof *out);
  if (out == NULL) abort();
  return out;
}

static inline eml_error last_error(void) {
  eml_error error;
  memset(&error, 0, sizeof error);
  error.struct_size = sizeof error;
  CHECK(eml_last_error(&error) == EML_OK);
  if (error.message == NULL) error.message = "";
  return error;
}

static inline eml_model_info model_info(const eml_model *model) {
  eml_model_info info;
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  CHECK_OK(eml_model_get_info(model, &info));
  return info;
}

/* An untrained model. */
static inline eml_model *new_model(int32_t profile, uint32_t depth, uint64_t inputs, uint64_t heads) {
  eml_model_options options;
  eml_model *model = NULL;
  CHECK_OK(eml_model_options_init(&options, sizeof options));
  options.profile = profile;
  options.depth = depth;
  options.inputs = inputs;
  options.heads = heads;
  CHECK_OK(eml_model_create(&options, &model));
  return model;
}

static inline double *model_params(const eml_model *model) {
  uint64_t n = model_info(model).param_count;
  double *params = new_doubles(n);
  CHECK_OK(eml_model_get_params(model, params, n));
  return params;
}

static inline void randomise(eml_model *model, uint64_t seed) {
  uint64_t n = model_info(model).param_count;
  double *params = new_doubles(n);
  fill_uniform(params, n, seed, -1.0, 1.0);
  CHECK_OK(eml_model_set_params(model, params, n, 0));
  free(params);
}

/* A model with random parameters. */
static inline eml_model *random_model(int32_t profile, uint32_t depth, uint64_t inputs, uint64_t heads) {
  eml_model *model = new_model(profile, depth, inputs, heads);
  randomise(model, 42 + depth + 10 * inputs + 100 * heads);
  return model;
}

/* Records `rows` samples of a smooth positive function of all inputs. */
static inline void record_samples(eml_model *model, uint64_t rows, uint64_t seed) {
  eml_model_info info = model_info(model);
  double *x = new_doubles(rows * info.inputs);
  double *t = new_doubles(rows * info.heads);
  fill_uniform(x, rows * info.inputs, seed, 0.0, 1.0);
  for (uint64_t r = 0; r < rows; r++) {
    for (uint64_t h = 0; h < info.heads; h++) {
      double sum = 0.25;
      for (uint64_t i = 0; i < info.inputs; i++) {
        double v = x[r * info.inputs + i];
        sum += v * v * (double)(1 + (i + h) % 3) * 0.5;
      }
      t[r * info.heads + h] = sum;
    }
  }
  CHECK_OK(eml_model_record(model, x, t, NULL, rows, 0));
  free(x);
  free(t);
}

/* All bytes of a model in one format; free() the result. */
static inline unsigned char *exported(const eml_model *model, int32_t format, uint64_t *len) {
  uint64_t need = 0;
  CHECK_STATUS(eml_model_export(model, format, NULL, 0, &need), EML_E_BUFFER);
  unsigned char *bytes = malloc((size_t)(need == 0 ? 1 : need));
  if (bytes == NULL) abort();
  CHECK_OK(eml_model_export(model, format, bytes, need, len));
  CHECK(*len == need);
  return bytes;
}

static const int32_t attention_kinds[3] = {EML_ATTENTION_TOY, EML_ATTENTION_BASELINE, EML_ATTENTION_BLOCK};

static inline eml_attention_info attention_info(const eml_attention *attention) {
  eml_attention_info info;
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  CHECK_OK(eml_attention_get_info(attention, &info));
  return info;
}

/* A fresh block; depth 3 or, of the default profile, two heads and three nodes. */
static inline eml_attention *new_attention(int32_t kind, uint32_t d_model, uint32_t d_k, uint32_t seq_len) {
  eml_attention_options options;
  eml_attention *attention = NULL;
  CHECK_OK(eml_attention_options_init(&options, sizeof options));
  options.kind = kind;
  options.d_model = d_model;
  options.d_k = d_k;
  options.seq_len = seq_len;
  if (kind == EML_ATTENTION_BLOCK) options.heads = 2, options.nodes = 3, options.positional = 1;
  CHECK_OK(eml_attention_create(&options, &attention));
  return attention;
}

/* Records sequences with the mean of each token as the target. */
static inline void record_sequences(eml_attention *attention, uint64_t rows, uint64_t seed) {
  eml_attention_info info = attention_info(attention);
  uint64_t tokens = rows * info.seq_len, n = tokens * info.d_model;
  double *x = new_doubles(n), *t = new_doubles(n);
  fill_uniform(x, n, seed, -1.0, 1.0);
  for (uint64_t token = 0; token < tokens; token++) {
    double sum = 0;
    for (uint64_t i = 0; i < info.d_model; i++) sum += x[token * info.d_model + i];
    for (uint64_t i = 0; i < info.d_model; i++) t[token * info.d_model + i] = sum / info.d_model;
  }
  CHECK_OK(eml_attention_record(attention, x, t, rows, 0));
  free(x);
  free(t);
}

static inline eml_attention_train_options attention_options(uint64_t trials, uint64_t max_evaluations) {
  eml_attention_train_options options;
  CHECK_OK(eml_attention_train_options_init(&options, sizeof options));
  options.trials = trials;
  options.max_evaluations = max_evaluations;
  return options;
}

static inline int contains(const char *text, const char *part) { return strstr(text, part) != NULL; }

#endif
