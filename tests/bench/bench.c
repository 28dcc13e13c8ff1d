/* Measures libeml through its C interface and prints one JSON object. The library is opened at run time, so that its load is
 * measured too. compare.py sets eml-core's figures beside these. */
#define _GNU_SOURCE
#include "eml.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

enum { ROWS = 4096, INPUTS = 7, VALUES = 4096, SAMPLES = 100, SEQUENCES = 16, FORWARDS = 20000 };

/* d_model, d_k, seq_len, depth: those that tests/bench/eml-core measures. */
static const uint32_t attention_shapes[4][4] = {{4, 2, 2, 3}, {8, 4, 4, 3}, {16, 8, 8, 3}, {32, 16, 8, 5}};

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

#define BEST(result, repeats, count, code)                \
  do {                                                    \
    (result) = 1e300;                                     \
    for (int repeat_ = 0; repeat_ < (repeats); repeat_++) { \
      double begin_ = now_ns();                           \
      code;                                               \
      double each_ = (now_ns() - begin_) / (count);       \
      if (each_ < (result)) (result) = each_;             \
    }                                                     \
  } while (0)

static void *library;
static void *symbol(const char *name) {
  void *address = dlsym(library, name);
  if (address == NULL) {
    fprintf(stderr, "bench: %s\n", dlerror());
    exit(1);
  }
  return address;
}
#define IMPORT(name) __typeof__(name) *name##_ = (__typeof__(name) *)symbol(#name)

static void check(eml_status status, const char *what) {
  if (status != EML_OK) {
    fprintf(stderr, "bench: %s gave %d\n", what, (int)status);
    exit(1);
  }
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* One block: minimum and 99th percentile of a forward pass, and a trial of the joint training on 16 samples. */
static void attention(const char *name, int32_t kind, const uint32_t shape[4]) {
  IMPORT(eml_attention_options_init); IMPORT(eml_attention_create); IMPORT(eml_attention_free); IMPORT(eml_attention_forward);
  IMPORT(eml_attention_record); IMPORT(eml_attention_train_options_init); IMPORT(eml_attention_train); IMPORT(eml_random_restart);
  uint32_t d = shape[0], s = shape[2], width = d * s;
  eml_attention_options options;
  check(eml_attention_options_init_(&options, sizeof options), "options");
  options.kind = kind, options.d_model = d, options.d_k = shape[1], options.seq_len = s, options.depth = shape[3];
  eml_attention *block;
  check(eml_attention_create_(&options, &block), "create");
  static double x[SEQUENCES * 256], t[SEQUENCES * 256], y[256], each[FORWARDS];
  uint64_t seed = 7;
  check(eml_random_restart_(&seed, x, SEQUENCES * width), "x");
  for (uint32_t token = 0; token < SEQUENCES * s; token++) {
    double sum = 0;
    for (uint32_t i = 0; i < d; i++) sum += x[token * d + i];
    for (uint32_t i = 0; i < d; i++) t[token * d + i] = sum / d;
  }
  double best, trial;
  BEST(best, 200, 100, for (int i = 0; i < 100; i++) eml_attention_forward_(block, x, 1, y, 0));
  for (int i = 0; i < FORWARDS; i++) {
    double begin = now_ns();
    eml_attention_forward_(block, x + i % SEQUENCES * width, 1, y, 0);
    each[i] = now_ns() - begin;
  }
  qsort(each, FORWARDS, sizeof *each, ascending);
  check(eml_attention_record_(block, x, t, SEQUENCES, 0), "record");
  eml_attention_train_options training;
  check(eml_attention_train_options_init_(&training, sizeof training), "options");
  training.trials = d <= 8 ? 20000 : 1000;
  BEST(trial, 5, (double)training.trials, check(eml_attention_train_(block, &training, NULL), "train"));
  printf("\"%s\":{\"forward_ns\":%.1f,\"forward_p99_ns\":%.0f,\"trial_us\":%.3f}", name, best, each[FORWARDS * 99 / 100], trial / 1e3);
  eml_attention_free_(block);
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  struct stat file;
  double begin = now_ns();
  library = dlopen(argv[1], RTLD_NOW);
  if (library == NULL || stat(argv[1], &file) != 0) {
    fprintf(stderr, "bench: %s\n", dlerror());
    return 1;
  }
  IMPORT(eml_build_info);
  const char *info = eml_build_info_();
  double load_ms = (now_ns() - begin) / 1e6;
  IMPORT(eml_model_options_init); IMPORT(eml_model_create); IMPORT(eml_model_free); IMPORT(eml_model_get_info);
  IMPORT(eml_model_set_params); IMPORT(eml_model_forward); IMPORT(eml_model_record); IMPORT(eml_model_train);
  IMPORT(eml_random_restart); IMPORT(eml_math_exp); IMPORT(eml_math_ln); IMPORT(eml_math_pow);
  IMPORT(eml_math_exp_batch); IMPORT(eml_math_ln_batch); IMPORT(eml_math_pow_batch);

  printf("{\"build\":%s,\"library_bytes\":%lld,\"load_and_first_call_ms\":%.2f", info, (long long)file.st_size, load_ms);

  static double x[ROWS * INPUTS], y[ROWS], z[VALUES];
  uint64_t seed = 1;
  check(eml_random_restart_(&seed, x, ROWS * INPUTS), "eml_random_restart");
  for (int i = 0; i < ROWS * INPUTS; i++) x[i] += 1;
  double ns, batch;
  for (int i = 0; i < VALUES; i++) y[i] = 40 * x[i] - 20, z[i] = 1e-3 + 50 * x[i + VALUES];
  static double r[VALUES];
  printf(",\"math_ns\":{");
  BEST(batch, 200, VALUES, check(eml_math_exp_batch_(y, VALUES, r), "exp"));
  BEST(ns, 50, VALUES, for (int i = 0; i < VALUES; i++) r[i] = eml_math_exp_(y[i]));
  printf("\"exp_batch\":%.2f,\"exp_call\":%.2f", batch, ns);
  BEST(batch, 200, VALUES, check(eml_math_ln_batch_(z, VALUES, r), "ln"));
  BEST(ns, 50, VALUES, for (int i = 0; i < VALUES; i++) r[i] = eml_math_ln_(z[i]));
  printf(",\"ln_batch\":%.2f,\"ln_call\":%.2f", batch, ns);
  BEST(batch, 200, VALUES, check(eml_math_pow_batch_(z, y, VALUES, r), "pow"));
  BEST(ns, 50, VALUES, for (int i = 0; i < VALUES; i++) r[i] = eml_math_pow_(z[i], y[i]));
  printf(",\"pow_batch\":%.2f,\"pow_call\":%.2f}", batch, ns);

  printf(",\"predict\":[");
  for (uint32_t depth = 2; depth <= 5; depth++) {
    eml_model_options options;
    check(eml_model_options_init_(&options, sizeof options), "options");
    options.depth = depth, options.inputs = INPUTS, options.profile = EML_PROFILE_EML_CORE_0_1;
    eml_model *model;
    check(eml_model_create_(&options, &model), "create");
    eml_model_info shape = {.struct_size = sizeof shape};
    check(eml_model_get_info_(model, &shape), "info");
    double params[128];
    seed = 42;
    check(eml_random_restart_(&seed, params, shape.param_count), "params");
    check(eml_model_set_params_(model, params, shape.param_count, 0), "params");
    BEST(ns, 100, 1000, for (int i = 0; i < 1000; i++) eml_model_forward_(model, x + INPUTS * i, 1, y, 0));
    BEST(batch, 100, ROWS, check(eml_model_forward_(model, x, ROWS, y, 0), "forward"));
    printf("%s{\"depth\":%u,\"row_ns\":%.1f,\"batch_row_ns\":%.2f}", depth == 2 ? "" : ",", depth, ns, batch);
    eml_model_free_(model);
  }

  printf("],\"train\":[");
  for (uint32_t depth = 2; depth <= 4; depth++) {
    eml_model_options options;
    check(eml_model_options_init_(&options, sizeof options), "options");
    options.depth = depth, options.inputs = 2, options.profile = EML_PROFILE_EML_CORE_0_1;
    double best = 1e300;
    eml_train_result result = {.struct_size = sizeof result};
    for (int repeat = 0; repeat < (depth == 4 ? 20 : 3); repeat++) {
      eml_model *model;
      check(eml_model_create_(&options, &model), "create");
      for (int i = 0; i < SAMPLES; i++) {
        double in[2] = {i % 10 / 10.0, i / 10 / 10.0}, out = 3 + 0.3 * in[0] + in[0] * in[1];
        check(eml_model_record_(model, in, &out, NULL, 1, 0), "record");
      }
      double start = now_ns();
      check(eml_model_train_(model, NULL, &result), "train");
      if (now_ns() - start < best) best = now_ns() - start;
      eml_model_free_(model);
    }
    printf("%s{\"depth\":%u,\"samples\":%d,\"ms\":%.2f,\"evaluations\":%llu}",
           depth == 2 ? "" : ",", depth, SAMPLES, best / 1e6, (unsigned long long)result.evaluations);
  }
  printf("],\"attention\":[");
  for (int i = 0; i < 4; i++) {
    const uint32_t *shape = attention_shapes[i];
    printf("%s{\"d_model\":%u,\"d_k\":%u,\"seq\":%u,\"depth\":%u,", i == 0 ? "" : ",", shape[0], shape[1], shape[2], shape[3]);
    attention("toy", EML_ATTENTION_TOY, shape);
    printf(",");
    attention("baseline", EML_ATTENTION_BASELINE, shape);
    printf("}");
  }
  printf("]}\n");
  return 0;
}
