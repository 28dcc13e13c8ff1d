/*
 * write.c - `write FOLDER`: models and SafeTrees in every format, as the other languages shall read them, and beside each
 * file FILE.predictions: one value per line as the 16 hex digits of its bits; and audit.log, the log of a training.
 */
#include "../fixture.h"

enum { ROWS = 25 };

/* The same numbers in every language: small integers divided by 50. */
static void fill_inputs(double *x, uint64_t n) {
  for (uint64_t i = 0; i < n; i++) x[i] = (double)(i * 37 % 101) / 50.0 - 1.0;
}

static void write_predictions(const char *path, const double *y, uint64_t n) {
  char name[600];
  snprintf(name, sizeof name, "%s.predictions", path);
  FILE *file = fopen(name, "w");
  if (file == NULL) abort();
  for (uint64_t i = 0; i < n; i++) fprintf(file, "%016" PRIx64 "\n", bits_of(y[i]));
  if (fclose(file) != 0) abort();
}

/* A trained model with everything that travels. */
static eml_model *trained_model(int32_t profile, uint32_t depth, uint64_t inputs, uint64_t heads) {
  static const double in[8] = {0.5, 2, -1, 0.25, 0, 1, 3, -1.5}, out[4] = {10, 0.125, -3, 0.3};
  eml_train_options options;
  eml_model *model = new_model(profile, depth, inputs, heads);
  record_samples(model, 60, depth);
  CHECK_OK(eml_train_options_init(&options, sizeof options));
  options.max_sweeps = 2;
  CHECK_OK(eml_model_train(model, &options, NULL));
  CHECK_OK(eml_model_set_scaling(model, in, out));
  CHECK_OK(eml_model_set_name(model, "cross \"language\" \xce\xb8\n", EML_NTS));
  CHECK_OK(eml_model_set_metadata(model, "unit", EML_NTS, "\xc2\xb5m / \xe2\x84\x83", EML_NTS));
  CHECK_OK(eml_model_set_metadata(model, "a key", EML_NTS, "", EML_NTS));
  return model;
}

static void write_model(const char *folder, const char *name, eml_model *model) {
  static const char *const extensions[] = {"json", "safetensors", "pb"};
  eml_model_info info = model_info(model);
  double *x = new_doubles(ROWS * info.inputs), *y = new_doubles(ROWS * info.heads);
  fill_inputs(x, ROWS * info.inputs);
  CHECK_OK(eml_model_forward(model, x, ROWS, y, 0));
  for (int i = 0; i < 3; i++) {
    char path[512];
    snprintf(path, sizeof path, "%s/model-%s.%s", folder, name, extensions[i]);
    CHECK_OK(eml_model_save(model, path, EML_NTS, EML_FORMAT_AUTO));
    write_predictions(path, y, ROWS * info.heads);
  }
  free(x);
  free(y);
  CHECK_OK(eml_model_free(model));
}

static void write_tree(const char *folder, const char *name, uint32_t depth, uint64_t inputs, uint64_t heads) {
  static const char *const extensions[] = {"json", "browser.json", "safetensors", "pb"};
  eml_safetree *tree = NULL;
  uint64_t n = heads * (inputs + 1 + 3 * depth);
  double *params = new_doubles(n), *x = new_doubles(ROWS * inputs), *y = new_doubles(ROWS * heads);
  CHECK_OK(eml_safetree_create(depth, inputs, heads, &tree));
  fill_uniform(params, n, 17, -1, 1);
  params[0] = -0.0;
  params[1] = 0x1p-1074;
  params[n - 1] = 0.1;
  CHECK_OK(eml_safetree_set_params(tree, params, n, 0));
  fill_inputs(x, ROWS * inputs);
  CHECK_OK(eml_safetree_forward(tree, x, ROWS, y, 0));
  for (int i = 0; i < 4; i++) {
    char path[512];
    snprintf(path, sizeof path, "%s/tree-%s.%s", folder, name, extensions[i]);
    CHECK_OK(eml_safetree_save(tree, path, EML_NTS, EML_FORMAT_AUTO));
    write_predictions(path, y, ROWS * heads);
  }
  free(params);
  free(x);
  free(y);
  CHECK_OK(eml_safetree_free(tree));
}

/* The audit log of a training on x = i / 60, y = x * x + 1. */
static void write_log(const char *folder) {
  eml_model *model = new_model(EML_PROFILE_DEFAULT, 3, 1, 1);
  double x[60], y[60];
  char path[512];
  for (int i = 0; i < 60; i++) {
    x[i] = (double)i / 60;
    y[i] = x[i] * x[i] + 1;
  }
  CHECK_OK(eml_model_record(model, x, y, NULL, 60, 0));
  snprintf(path, sizeof path, "%s/audit.log", folder);
  eml_train_options options;
  CHECK_OK(eml_train_options_init(&options, sizeof options));
  options.max_sweeps = 3;
  options.seed = 5;
  options.audit_path = path;
  options.audit_path_len = EML_NTS;
  CHECK_OK(eml_model_train(model, &options, NULL));
  CHECK_OK(eml_model_free(model));
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: write FOLDER\n");
    return 2;
  }
  for (uint32_t depth = 2; depth <= 5; depth += 3) {
    for (int p = 0; p < 2; p++) {
      char name[32];
      snprintf(name, sizeof name, "%s-%u", both_profiles[p] == EML_PROFILE_DEFAULT ? "default" : "core", depth);
      write_model(argv[1], name, trained_model(both_profiles[p], depth, 3, 2));
    }
  }
  write_model(argv[1], "plain-core-3", random_model(EML_PROFILE_EML_CORE_0_1, 3, 1, 1)); /* eml-core's own JSON */
  write_model(argv[1], "plain-default-3", random_model(EML_PROFILE_DEFAULT, 3, 1, 1));
  write_tree(argv[1], "3", 3, 4, 2);
  write_tree(argv[1], "0", 0, 2, 1);
  write_log(argv[1]);
  return test_bad_checks == 0 ? 0 : 1;
}
