/* quickstart.c - learn a function from points, save it, load it again, ask it. */
#include <eml.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void check(eml_status status) {
  char message[512];
  uint64_t need;
  if (status >= 0) return;
  if (eml_last_error_message(message, sizeof message, &need) >= 0) fprintf(stderr, "%s\n", message);
  exit(1);
}

int main(void) {
  static const char PATH[] = "quickstart.safetensors";
  double x[60], y[60], question = 2.05, answer, again;
  for (int i = 0; i < 60; i++) {
    x[i] = 0.1 * i;
    y[i] = sqrt(1 + x[i]);
  }

  eml_model *model, *loaded;
  check(eml_model_create(NULL, &model)); /* depth 4, one input, one output, default profile */
  check(eml_model_record(model, x, y, NULL, 60, 0));
  check(eml_model_fit_scaling(model)); /* the model likes 0..1; the scaling travels with it */
  check(eml_model_train(model, NULL, NULL));
  check(eml_model_forward(model, &question, 1, &answer, 0));

  check(eml_model_save(model, PATH, EML_NTS, EML_FORMAT_AUTO));
  check(eml_model_load(PATH, EML_NTS, EML_FORMAT_AUTO, &loaded));
  check(eml_model_forward(loaded, &question, 1, &again, 0));
  printf("learned %.3f, exact %.3f, reloaded %s\n", answer, sqrt(1 + question), answer == again ? "same" : "DIFFERENT");

  check(eml_model_free(loaded));
  check(eml_model_free(model));
  return answer == again ? 0 : 1;
}
