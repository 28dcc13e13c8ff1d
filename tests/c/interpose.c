/*
 * interpose.c - libeml's results do not come from the host's libm: with exp, log, pow and fma replaced by versions that
 * are one bit off, not a bit of any result changes.
 *
 *   interpose PATH_OF_libmshim.so
 *
 * runs itself ("interpose --hash") with and without the shim and compares what it prints.
 */
#include "fixture.h"

#include <math.h>
#include <unistd.h>

/* ------------------------------------------------------------------------------------------------ the hashed work */

static uint64_t hash = 14695981039346656037u; /* FNV-1a */

static void add(const void *bytes, uint64_t n) {
  for (uint64_t i = 0; i < n; i++) hash = (hash ^ ((const unsigned char *)bytes)[i]) * 1099511628211u;
}

static void add_model(eml_model *model) {
  double x[50 * 2], y[50];
  fill_uniform(x, 100, 3, -1, 1);
  CHECK_OK(eml_model_forward(model, x, 50, y, 0));
  add(y, sizeof y);
  for (int f = 0; f < 3; f++) {
    uint64_t len = 0;
    unsigned char *bytes = exported(model, model_formats[f], &len);
    add(bytes, len);
    free(bytes);
  }
}

static void add_everything(void) {
  enum { N = 20000 };
  static double x[N], y[N], z[N];
  fill_uniform(x, N, 1, 0.01, 20);
  fill_uniform(y, N, 2, -20, 20);
  CHECK_OK(eml_math_exp_batch(y, N, z));
  add(z, sizeof z);
  CHECK_OK(eml_math_ln_batch(x, N, z));
  add(z, sizeof z);
  CHECK_OK(eml_math_pow_batch(x, y, N, z));
  add(z, sizeof z);
  for (int i = 0; i < N; i++) {
    double scalar[5] = {eml_math_exp(y[i]), eml_math_ln(x[i]), eml_math_pow(x[i], y[i]), eml_operator_eml(y[i], x[i]),
                        eml_operator_eml_safe(y[i], x[i])};
    add(scalar, sizeof scalar);
  }
  for (int p = 0; p < 2; p++) {
    eml_train_options options;
    CHECK_OK(eml_train_options_init(&options, sizeof options));
    options.max_sweeps = 5;
    eml_model *model = new_model(both_profiles[p], 4, 2, 1), *student = NULL;
    record_samples(model, 80, 4);
    CHECK_OK(eml_model_train(model, &options, NULL));
    add_model(model);
    CHECK_OK(eml_model_distill(model, 3, 60, &options, &student));
    add_model(student);
    CHECK_OK(eml_model_free(model));
    CHECK_OK(eml_model_free(student));
  }
  eml_safetree *tree = NULL;
  double params[14], out[N / 2];
  fill_uniform(params, 14, 5, -1, 1);
  CHECK_OK(eml_safetree_create(3, 2, 1, &tree));
  CHECK_OK(eml_safetree_set_params(tree, params, 12, 0));
  CHECK_OK(eml_safetree_forward(tree, x, N / 2, out, 0));
  add(out, sizeof out);
  CHECK_OK(eml_safetree_free(tree));
}

static int print_hash(void) {
  volatile double half = 0.5; /* the compiler must not compute these */
  add_everything();
  printf("%016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %016" PRIx64 "\n", bits_of(exp(half)), bits_of(log(half)),
         bits_of(pow(half, half)), hash);
  return test_bad_checks == 0 ? 0 : 1;
}

/* ------------------------------------------------------------------------------------------------ the comparison */

static const char *program, *shim;

/* exp, log, pow of the C library and the hash, as the child printed them. */
static int run_child(const char *preload, uint64_t out[4]) {
  char command[2048];
  snprintf(command, sizeof command, "LD_PRELOAD='%s' '%s' --hash", preload, program);
  FILE *pipe = popen(command, "r");
  if (pipe == NULL) return 0;
  int found = fscanf(pipe, "%" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64, &out[0], &out[1], &out[2], &out[3]);
  return pclose(pipe) == 0 && found == 4;
}

static void no_result_comes_from_libm(void) {
  uint64_t plain[4] = {0}, shimmed[4] = {0};
  CHECK(access(shim, R_OK) == 0);
  CHECK(run_child("", plain));
  CHECK(run_child(shim, shimmed));
  for (int i = 0; i < 3; i++) CHECK_THAT((plain[i] ^ shimmed[i]) == 1, "the shim has no effect on function %d", i);
  CHECK_THAT(plain[3] == shimmed[3], "results depend on the host's libm: hash %016" PRIx64 " became %016" PRIx64, plain[3],
             shimmed[3]);
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: interpose PATH_OF_libmshim.so\n");
    return 2;
  }
  if (strcmp(argv[1], "--hash") == 0) return print_hash();
  program = argv[0];
  shim = argv[1];
  RUN(no_result_comes_from_libm);
  return test_summary("interpose");
}
