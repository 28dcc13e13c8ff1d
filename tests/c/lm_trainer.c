/*
 * lm_trainer.c - training of language models: golden losses of AdamW, folders of tokens, stopping and going on, threads, cancelling,
 * refusals. Golden data: tests/data/lm/tiny-b.*; tests/data/lm/tokens is what `eml lm prepare` makes of tests/data/lm/prepare.
 */
#include "language.h"

#include <math.h>
#include <unistd.h>

static const char *data_folder;
static char scratch[4096];

static const char *in(const char *folder, const char *name) {
  static char path[8][4200];
  static int which;
  char *p = path[which++ % 8];
  snprintf(p, sizeof path[0], "%s/%s", folder, name);
  return p;
}

static eml_lm *load_tiny(const char *variant) {
  eml_lm_options options;
  CHECK_OK(eml_lm_options_init(&options, sizeof options));
  options.config = TINY_CONFIG;
  options.config_len = EML_NTS;
  eml_lm *lm = NULL;
  char name[64];
  snprintf(name, sizeof name, "tiny-b.%s.safetensors", variant);
  CHECK_OK(eml_lm_load(in(data_folder, name), EML_NTS, &options, &lm));
  return lm;
}

/* A model for the tokens of tests/data/lm/tokens. */
static eml_lm *new_start(uint64_t seed) {
  static const char config[] = "{\"vocab_size\":300,\"n_layer\":2,\"n_embd\":32,\"n_head\":1,\"n_kv_head\":1,\"head_dim\":32,\"hidden_dim\":64,"
                               "\"sequence_len\":16,\"window_pattern\":\"SL\",\"activation\":\"eml\"}";
  eml_lm *lm = NULL;
  CHECK_OK(eml_lm_create(config, EML_NTS, NULL, seed, &lm));
  return lm;
}

static eml_lm_trainer *new_trainer(const eml_lm *lm, uint32_t threads, int32_t optimizer) {
  eml_lm_trainer_options options;
  CHECK_OK(eml_lm_trainer_options_init(&options, sizeof options));
  CHECK(options.group_tokens == 2048 && options.threads == 1 && options.optimizer == EML_OPTIMIZER_ADAMW && options.rate == 1.0);
  options.threads = threads;
  options.optimizer = optimizer;
  eml_lm_trainer *trainer = NULL;
  CHECK_OK(eml_lm_trainer_create(lm, &options, &trainer));
  return trainer;
}

static eml_lm_trainer_info info_of(const eml_lm_trainer *trainer) {
  eml_lm_trainer_info info;
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  CHECK_OK(eml_lm_trainer_get_info(trainer, &info));
  return info;
}

/* The weights as a file; free() the result. */
static unsigned char *weights_of(const eml_lm_trainer *trainer, uint64_t *size) {
  eml_lm *lm = NULL;
  eml_buffer *buffer = NULL;
  const void *data = NULL;
  CHECK_OK(eml_lm_trainer_get_lm(trainer, &lm));
  CHECK_OK(eml_lm_export_buffer(lm, EML_FORMAT_SAFETENSORS, &buffer));
  CHECK_OK(eml_buffer_data(buffer, &data, size));
  unsigned char *copy = malloc((size_t)*size);
  if (copy == NULL) abort();
  memcpy(copy, data, (size_t)*size);
  CHECK_OK(eml_buffer_free(buffer));
  CHECK_OK(eml_lm_free(lm));
  return copy;
}

static int same_weights(const eml_lm_trainer *a, const eml_lm_trainer *b) {
  uint64_t n = 0, m = 0;
  unsigned char *x = weights_of(a, &n), *y = weights_of(b, &m);
  int same = n == m && memcmp(x, y, (size_t)n) == 0;
  free(x);
  free(y);
  return same;
}

/* tiny-b.json, train: inputs, targets, and the losses of its runs asis. */
static const int32_t inputs[] = {148, 62, 203, 144, 146, 148, 237, 190, 20, 44, 69, 117, 280, 172, 160, 52,
                                 67, 119, 95, 265, 174, 115, 292, 112, 189, 154, 96, 210, 82, 6, 13, 294};
static const int32_t targets[] = {62, 203, 144, -1, 148, 237, 190, 20, 44, 69, 117, 280, 172, 160, 52, 228,
                                  119, 95, 265, 174, 115, 292, 112, 189, 154, 96, 210, 82, 6, 13, 294, -1};

static double distance(double a, double b) { return a > b ? a - b : b - a; }

static void golden(void) {
  static const double multipliers[] = {1.0, 0.1};
  static const double losses[][6] = {
      {8.938678058900171, 5.117370780912759, 3.2275503014368634, 1.6624025161960831, 0.509103707620064, 0.26278448230470913},
      {8.938678058900171, 3.6691794874760273, 1.1525063351468923, 0.4117050816887739, 0.21147063849738623, 0.12222535671005333}};
  eml_lm *lm = load_tiny("f32");
  for (int run = 0; run < 2; run++) {
    eml_lm_trainer *one = new_trainer(lm, 1, EML_OPTIMIZER_ADAMW), *two = new_trainer(lm, 2, EML_OPTIMIZER_ADAMW);
    for (int step = 0; step < 6; step++) {
      double loss = 0, other = 0, each[32], sum = 0;
      CHECK_OK(eml_lm_trainer_losses(one, inputs, targets, 2, each));
      for (int i = 0; i < 32; i++) sum += each[i];
      CHECK(each[3] == 0 && each[31] == 0);
      CHECK_OK(eml_lm_trainer_step(one, inputs, targets, 2, multipliers[run], NULL, &loss));
      CHECK_OK(eml_lm_trainer_step(two, inputs, targets, 2, multipliers[run], NULL, &other));
      CHECK_THAT(distance(loss, losses[run][step]) <= 2e-4, "step %d: %.9g, not %.9g", step, loss, losses[run][step]);
      CHECK(loss == other && distance(sum / 30, loss) < 1e-6);
    }
    CHECK(same_weights(one, two));
    eml_lm_trainer_info info = info_of(one);
    CHECK(info.steps == 6 && info.sequence_len == 16 && info.parameters > 100000 && info.bytes > 16 * info.parameters && info.seconds == 0);
    float k[3];
    CHECK_OK(eml_lm_trainer_activation_parameters(one, k, 3));
    CHECK(k[0] > 0.9f && k[0] < 1.0f);
    CHECK_STATUS(eml_lm_trainer_activation_parameters(one, k, 2), EML_E_SHAPE);
    CHECK_OK(eml_lm_trainer_free(one));
    CHECK_OK(eml_lm_trainer_free(two));
  }
  CHECK_OK(eml_lm_free(lm));
}

/* The model of a trainer is a model like any other, and the one that it began with stays as it was. */
static void trained_model(void) {
  eml_lm *lm = load_tiny("f32"), *trained = NULL;
  eml_lm_trainer *trainer = new_trainer(lm, 1, EML_OPTIMIZER_MUON);
  uint64_t n = 0, m = 0;
  unsigned char *before = weights_of(trainer, &n);
  CHECK_OK(eml_lm_trainer_step(trainer, inputs, targets, 2, 1.0, NULL, NULL));
  CHECK_OK(eml_lm_trainer_get_lm(trainer, &trained));
  CHECK_OK(eml_lm_trainer_free(trainer));
  float logits[LM_VOCAB];
  eml_lm_session *session = new_session(trained, 1);
  CHECK_OK(eml_lm_session_read(session, inputs, 16, logits, NULL));
  CHECK_OK(eml_lm_session_free(session));
  trainer = new_trainer(lm, 1, EML_OPTIMIZER_MUON);
  unsigned char *again = weights_of(trainer, &m);
  CHECK(n == m && memcmp(before, again, (size_t)n) == 0);
  free(before);
  free(again);
  CHECK_OK(eml_lm_trainer_free(trainer));
  CHECK_OK(eml_lm_free(trained));
  CHECK_OK(eml_lm_free(lm));
}

typedef struct {
  uint64_t steps, stop_at;
  double last_bits, first_loss, last_loss;
} seen;

static int32_t see(const eml_lm_training_step *step, void *user) {
  seen *s = user;
  if (step->struct_size != sizeof *step || step->step == 0) return -7;
  s->steps++;
  if (s->steps == 1) s->first_loss = step->loss;
  s->last_loss = step->loss;
  if (!isnan(step->bits_per_byte)) s->last_bits = step->bits_per_byte;
  return step->step == s->stop_at ? 42 : 0;
}

static eml_lm_training_plan new_plan(uint64_t steps, seen *user) {
  eml_lm_training_plan plan;
  CHECK_OK(eml_lm_training_plan_init(&plan, sizeof plan));
  CHECK(plan.batch_tokens == 16384 && plan.warmdown == 0.2 && plan.validation_every == 100);
  plan.steps = steps;
  plan.batch_tokens = 64;
  plan.validation_every = 4;
  plan.validation_tokens = 64;
  plan.step = see;
  plan.user = user;
  return plan;
}

/* A run that is stopped, written, and goes on in another trainer with other threads has the bits of one that is not. */
static void stop_and_go_on(void) {
  const char *folder = in(data_folder, "tokens");
  static const int32_t optimizers[] = {EML_OPTIMIZER_ADAMW, EML_OPTIMIZER_MUON};
  for (int i = 0; i < 2; i++) {
    eml_lm *lm = new_start(3), *other = new_start(4);
    eml_lm_trainer *whole = new_trainer(lm, 1, optimizers[i]), *first = new_trainer(lm, 2, optimizers[i]), *second = new_trainer(other, 2, optimizers[i]);
    seen all = {0, 0, 0, 0, 0}, part = {0, 5, 0, 0, 0}, rest = {0, 0, 0, 0, 0};
    eml_lm_training_plan plan = new_plan(12, &all);
    eml_lm_training_result result;
    memset(&result, 0, sizeof result);
    result.struct_size = sizeof result;
    CHECK_OK(eml_lm_trainer_run(whole, folder, EML_NTS, &plan, &result));
    CHECK(result.done == 1 && result.steps == 12 && result.seconds > 0 && result.bits_per_byte == all.last_bits && all.steps == 12);
    CHECK_THAT(all.last_loss < all.first_loss, "%g to %g", all.first_loss, all.last_loss);
    plan = new_plan(12, &part);
    CHECK_STATUS(eml_lm_trainer_run(first, folder, EML_NTS, &plan, &result), EML_CANCELLED);
    CHECK(result.done == 0 && result.steps == 5 && part.steps == 5);
    const char *state = in(scratch, "state.safetensors");
    CHECK_OK(eml_lm_trainer_save(first, state, EML_NTS));
    CHECK_OK(eml_lm_trainer_load(second, state, EML_NTS));
    CHECK(info_of(second).steps == 5 && same_weights(first, second));
    plan = new_plan(12, &rest);
    CHECK_OK(eml_lm_trainer_run(second, folder, EML_NTS, &plan, NULL));
    CHECK(rest.steps == 7 && same_weights(whole, second));
    plan = new_plan(12, &rest);
    CHECK_OK(eml_lm_trainer_run(second, folder, EML_NTS, &plan, &result)); /* nothing is left to do */
    CHECK(result.done == 1 && rest.steps == 7);
    eml_lm *wider = load_tiny("f32");
    eml_lm_trainer *another = new_trainer(wider, 1, optimizers[i]);
    CHECK_STATUS(eml_lm_trainer_load(another, state, EML_NTS), EML_E_SHAPE);
    CHECK_OK(eml_lm_trainer_free(another));
    CHECK_OK(eml_lm_free(wider));
    unlink(state);
    CHECK_OK(eml_lm_trainer_free(whole));
    CHECK_OK(eml_lm_trainer_free(first));
    CHECK_OK(eml_lm_trainer_free(second));
    CHECK_OK(eml_lm_free(lm));
    CHECK_OK(eml_lm_free(other));
  }
}

static void cancelling(void) {
  eml_lm *lm = new_start(3);
  eml_lm_trainer *trainer = new_trainer(lm, 2, EML_OPTIMIZER_ADAMW), *still = new_trainer(lm, 1, EML_OPTIMIZER_ADAMW);
  eml_cancel *cancel = NULL;
  CHECK_OK(eml_cancel_create(&cancel));
  CHECK_OK(eml_cancel_set(cancel));
  double loss = -1;
  CHECK_STATUS(eml_lm_trainer_step(trainer, inputs, targets, 2, 1.0, cancel, &loss), EML_CANCELLED);
  CHECK(loss == -1);
  eml_lm_training_plan plan = new_plan(5, &(seen){0, 0, 0, 0, 0});
  plan.cancel = cancel;
  CHECK_STATUS(eml_lm_trainer_run(trainer, in(data_folder, "tokens"), EML_NTS, &plan, NULL), EML_CANCELLED);
  CHECK(info_of(trainer).steps == 0 && same_weights(trainer, still));
  CHECK_OK(eml_cancel_free(cancel));
  CHECK_OK(eml_lm_trainer_free(trainer));
  CHECK_OK(eml_lm_trainer_free(still));
  CHECK_OK(eml_lm_free(lm));
}

static void refusals(void) {
  eml_lm *lm = new_start(3), *small = NULL, *made = NULL;
  eml_lm_trainer *trainer = NULL;
  eml_lm_trainer_options options;
  struct {
    uint32_t length, threads;
    int32_t optimizer, k, type;
    double rate;
  } bad[] = {{1, 1, 1, 1, 1, 1}, {16, 0, 1, 1, 1, 1}, {16, 1, 3, 1, 1, 1}, {16, 1, 1, 0, 1, 1}, {16, 1, 1, 1, 3, 1}, {16, 1, 1, 1, 1, 0}, {16, 1, 1, 1, 1, NAN}};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    CHECK_OK(eml_lm_trainer_options_init(&options, sizeof options));
    options.sequence_len = bad[i].length;
    options.threads = bad[i].threads;
    options.optimizer = bad[i].optimizer;
    options.k_parameter = bad[i].k;
    options.weight_type = bad[i].type;
    options.rate = bad[i].rate;
    CHECK_STATUS(eml_lm_trainer_create(lm, &options, &trainer), EML_E_ARGUMENT);
    CHECK(trainer == NULL);
  }
  CHECK_OK(eml_lm_quantize(lm, EML_WEIGHT_I8, &small));
  CHECK_STATUS(eml_lm_trainer_create(small, NULL, &trainer), EML_E_UNSUPPORTED);
  CHECK_OK(eml_lm_free(small));
  CHECK_STATUS(eml_lm_create("{", EML_NTS, NULL, 1, &made), EML_E_FORMAT);
  CHECK_STATUS(eml_lm_create(NULL, 0, NULL, 1, &made), EML_E_FORMAT);
  CHECK(made == NULL);
  CHECK_OK(eml_lm_trainer_create(lm, NULL, &trainer));
  int32_t rows[16] = {0};
  double out[16];
  CHECK_STATUS(eml_lm_trainer_step(trainer, rows, rows, 0, 1.0, NULL, NULL), EML_E_SHAPE);
  CHECK_STATUS(eml_lm_trainer_step(trainer, NULL, rows, 1, 1.0, NULL, NULL), EML_E_ARGUMENT);
  CHECK_STATUS(eml_lm_trainer_step(trainer, rows, NULL, 1, 1.0, NULL, NULL), EML_E_ARGUMENT);
  CHECK_STATUS(eml_lm_trainer_step(trainer, rows, rows, 1, -1.0, NULL, NULL), EML_E_ARGUMENT);
  CHECK_STATUS(eml_lm_trainer_step(trainer, rows, rows, 1, NAN, NULL, NULL), EML_E_ARGUMENT);
  CHECK_STATUS(eml_lm_trainer_losses(trainer, rows, rows, 1, NULL), EML_E_ARGUMENT);
  rows[3] = 300;
  CHECK_STATUS(eml_lm_trainer_step(trainer, rows, rows, 1, 1.0, NULL, NULL), EML_E_ARGUMENT);
  CHECK_STATUS(eml_lm_trainer_losses(trainer, rows, rows, 1, out), EML_E_ARGUMENT);
  rows[3] = -1;
  CHECK_STATUS(eml_lm_trainer_step(trainer, rows, rows, 1, 1.0, NULL, NULL), EML_E_ARGUMENT);
  CHECK(info_of(trainer).steps == 0);
  eml_lm_training_plan plan = new_plan(1, &(seen){0, 0, 0, 0, 0});
  const char *folder = in(data_folder, "tokens");
  CHECK_STATUS(eml_lm_trainer_run(trainer, in(data_folder, "nowhere"), EML_NTS, &plan, NULL), EML_E_IO);
  CHECK_STATUS(eml_lm_trainer_run(trainer, folder, EML_NTS, NULL, NULL), EML_E_ARGUMENT); /* neither steps nor seconds */
  plan.batch_tokens = 8;
  CHECK_STATUS(eml_lm_trainer_run(trainer, folder, EML_NTS, &plan, NULL), EML_E_ARGUMENT);
  plan.batch_tokens = 64;
  plan.warmdown = 2;
  CHECK_STATUS(eml_lm_trainer_run(trainer, folder, EML_NTS, &plan, NULL), EML_E_ARGUMENT);
  CHECK_STATUS(eml_lm_trainer_load(trainer, in(folder, "val.tok"), EML_NTS), EML_E_FORMAT);
  CHECK_STATUS(eml_lm_trainer_load(trainer, in(folder, "nothing"), EML_NTS), EML_E_IO);
  CHECK_STATUS(eml_lm_trainer_save(trainer, in(scratch, "no/folder"), EML_NTS), EML_E_IO);
  CHECK_OK(eml_lm_trainer_free(trainer));
  CHECK_OK(eml_lm_free(lm));
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: lm_trainer FOLDER\n");
    return 2;
  }
  data_folder = argv[1];
  snprintf(scratch, sizeof scratch, "%s/eml-XXXXXX", getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
  if (mkdtemp(scratch) == NULL) abort();
  RUN(golden);
  RUN(trained_model);
  RUN(stop_and_go_on);
  RUN(cancelling);
  RUN(refusals);
  rmdir(scratch);
  return test_summary("lm_trainer");
}
