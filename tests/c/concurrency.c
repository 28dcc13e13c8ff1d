/*
 * concurrency.c - several threads: readers side by side, a second user told EML_E_BUSY, cancelling from outside, freeing
 * what others use. Nothing here depends on how long anything takes.
 */
#include "fixture.h"

#include <float.h>
#include <pthread.h>
#include <time.h>

/* ------------------------------------------------------------------------------------------------ readers */

enum { INPUTS = 3, HEADS = 2, ROWS = 19, READERS = 2 };

typedef struct {
  const eml_model *model;
  const double *x, *want;
} reader;

static void *read_many(void *argument) {
  reader *r = argument;
  double y[ROWS * HEADS];
  for (int i = 0; i < 10000; i++) {
    eml_status status = eml_model_forward(r->model, r->x, ROWS, y, 0);
    CHECK_THAT(status == EML_OK && same_bits(y, r->want, ROWS * HEADS), "round %d: %s", i, eml_status_name(status));
    status = eml_model_forward(r->model, r->x + INPUTS * (i % ROWS), 1, y, 0);
    CHECK_THAT(status == EML_OK && same_bits(y, r->want + HEADS * (i % ROWS), HEADS), "row %d: %s", i % ROWS,
               eml_status_name(status));
  }
  return NULL;
}

static void readers_side_by_side(void) {
  for (int p = 0; p < 2; p++) {
    eml_model *model = random_model(both_profiles[p], 4, INPUTS, HEADS);
    double x[ROWS * INPUTS], want[ROWS * HEADS];
    fill_uniform(x, ROWS * INPUTS, 1, -1, 1);
    CHECK_OK(eml_model_forward(model, x, ROWS, want, 0));
    reader r = {model, x, want};
    pthread_t threads[READERS];
    for (int i = 0; i < READERS; i++) CHECK(pthread_create(&threads[i], NULL, read_many, &r) == 0);
    for (int i = 0; i < READERS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK_OK(eml_model_free(model));
  }
}

typedef struct {
  eml_model *model;
  const double *params[2];
  uint64_t n;
  volatile int stop;
} writer;

static void *write_many(void *argument) {
  writer *w = argument;
  for (int i = 0; !w->stop; i++) {
    eml_status status = eml_model_set_params(w->model, w->params[i % 2], w->n, 0);
    CHECK_THAT(status == EML_OK || status == EML_E_BUSY, "%s", eml_status_name(status));
  }
  return NULL;
}

/* A reader beside a writer sees one parameter set or the other or EML_E_BUSY, never a mixture. */
static void reader_beside_writer(void) {
  for (int p = 0; p < 2; p++) {
    eml_model *model = random_model(both_profiles[p], 5, INPUTS, HEADS);
    uint64_t n = model_info(model).param_count;
    double x[INPUTS] = {0.1, 0.7, 0.4}, want[2][HEADS], y[HEADS];
    double *params[2] = {new_doubles(n), new_doubles(n)}, *got = new_doubles(n);
    for (int i = 0; i < 2; i++) {
      fill_uniform(params[i], n, 100 + i, -1, 1);
      CHECK_OK(eml_model_set_params(model, params[i], n, 0));
      CHECK_OK(eml_model_forward(model, x, 1, want[i], 0));
    }
    writer w = {model, {params[0], params[1]}, n, 0};
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, write_many, &w) == 0);
    int answers = 0;
    for (int i = 0; i < 50000 || answers == 0; i++) {
      eml_status status = eml_model_forward(model, x, 1, y, 0);
      if (status == EML_OK) {
        answers++;
        CHECK(same_bits(y, want[0], HEADS) || same_bits(y, want[1], HEADS));
      } else {
        CHECK_THAT(status == EML_E_BUSY, "%s", eml_status_name(status));
      }
      status = eml_model_get_params(model, got, n);
      CHECK_THAT(status == EML_E_BUSY || same_bits(got, params[0], n) || same_bits(got, params[1], n), "mixed parameters");
    }
    w.stop = 1;
    CHECK(pthread_join(thread, NULL) == 0);
    free(params[0]);
    free(params[1]);
    free(got);
    CHECK_OK(eml_model_free(model));
  }
}

/* ------------------------------------------------------------------------------------------------ a training at work */

/* Holds a training in its progress callback until the other thread has done what it wants. */
typedef struct {
  eml_model *model, *student;
  eml_cancel *token;
  uint32_t distill_to; /* 0: train */
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  int entered, released;
  eml_status status;
  eml_train_result result;
} gate;

static int32_t wait_in_gate(const eml_progress *progress, void *user) {
  gate *g = user;
  (void)progress;
  pthread_mutex_lock(&g->mutex);
  g->entered = 1;
  pthread_cond_broadcast(&g->changed);
  while (!g->released) pthread_cond_wait(&g->changed, &g->mutex);
  pthread_mutex_unlock(&g->mutex);
  return 0;
}

static void *work_at_gate(void *argument) {
  gate *g = argument;
  eml_train_options options;
  CHECK_OK(eml_train_options_init(&options, sizeof options));
  options.cancel = g->token;
  options.progress = wait_in_gate;
  options.user = g;
  if (g->token == NULL) options.max_sweeps = 2;
  g->status = g->distill_to != 0 ? eml_model_distill(g->model, g->distill_to, 200, &options, &g->student)
                                 : eml_model_train(g->model, &options, &g->result);
  return NULL;
}

static gate new_gate(eml_model *model, eml_cancel *token, uint32_t distill_to) {
  gate g;
  memset(&g, 0, sizeof g);
  g.model = model;
  g.token = token;
  g.distill_to = distill_to;
  g.result.struct_size = sizeof g.result;
  pthread_mutex_init(&g.mutex, NULL);
  pthread_cond_init(&g.changed, NULL);
  return g;
}

static void wait_until_entered(gate *g) {
  pthread_mutex_lock(&g->mutex);
  while (!g->entered) pthread_cond_wait(&g->changed, &g->mutex);
  pthread_mutex_unlock(&g->mutex);
}

static void release(gate *g) {
  pthread_mutex_lock(&g->mutex);
  g->released = 1;
  pthread_cond_broadcast(&g->changed);
  pthread_mutex_unlock(&g->mutex);
}

static void second_user_is_told_busy(void) {
  for (int p = 0; p < 2; p++) {
    eml_model *model = new_model(both_profiles[p], 3, 2, 1), *copy = POISON;
    record_samples(model, 60, 1);
    uint64_t n = model_info(model).param_count;
    double *params = new_doubles(n), v[2] = {0}, y = 0;
    gate g = new_gate(model, NULL, 0);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, work_at_gate, &g) == 0);
    wait_until_entered(&g);
    eml_event event;
    memset(&event, 0, sizeof event);
    event.struct_size = sizeof event;
    event.type = EML_EVENT_RESET;
    CHECK_STATUS(eml_model_train(model, NULL, NULL), EML_E_BUSY);
    CHECK_STATUS(eml_model_forward(model, v, 1, &y, 0), EML_E_BUSY);
    CHECK_STATUS(eml_model_record(model, v, v, NULL, 1, 0), EML_E_BUSY);
    CHECK_STATUS(eml_model_clear_samples(model), EML_E_BUSY);
    CHECK_STATUS(eml_model_set_params(model, params, n, 0), EML_E_BUSY);
    CHECK_STATUS(eml_model_set_trained(model, 1), EML_E_BUSY);
    CHECK_STATUS(eml_model_set_name(model, "x", 1), EML_E_BUSY);
    CHECK_STATUS(eml_model_set_metadata(model, "k", 1, "v", 1), EML_E_BUSY);
    CHECK_STATUS(eml_model_set_scaling(model, NULL, NULL), EML_E_BUSY);
    CHECK_STATUS(eml_model_fit_scaling(model), EML_E_BUSY);
    CHECK_STATUS(eml_model_reset(model, "x", 1), EML_E_BUSY);
    CHECK_STATUS(eml_model_push_event(model, &event), EML_E_BUSY);
    CHECK_STATUS(eml_model_next_event(model, &event), EML_E_BUSY);
    CHECK_STATUS(eml_model_set_event_sink(model, NULL, NULL), EML_E_BUSY);
    CHECK_STATUS(eml_model_save(model, "/nonexistent/x.json", EML_NTS, 0), EML_E_BUSY);
    CHECK_STATUS(eml_model_clone(model, &copy), EML_E_BUSY);
    CHECK(copy == NULL);
    CHECK_STATUS(eml_model_free(model), EML_E_BUSY);
    CHECK(last_error().code == EML_E_BUSY && last_error().message_len > 0);
    release(&g);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK_STATUS(g.status, EML_OK); /* the training noticed nothing */
    CHECK(g.result.samples_used == 60 && model_info(model).sample_count == 60 && model_info(model).event_count == 1);
    free(params);
    CHECK_OK(eml_model_free(model));
  }
}

/* Distilling only reads its teacher: others may read it too, but not change or free it. */
static void teacher_is_shared(void) {
  eml_model *teacher = random_model(EML_PROFILE_DEFAULT, 4, 2, 1);
  double x[2] = {0.2, 0.4}, before = 0, y = 1;
  CHECK_OK(eml_model_forward(teacher, x, 1, &before, 0));
  gate g = new_gate(teacher, NULL, 3);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, work_at_gate, &g) == 0);
  wait_until_entered(&g);
  CHECK_OK(eml_model_forward(teacher, x, 1, &y, 0));
  CHECK(same_bits(&before, &y, 1));
  CHECK_STATUS(eml_model_set_trained(teacher, 1), EML_E_BUSY);
  CHECK_STATUS(eml_model_free(teacher), EML_E_BUSY);
  release(&g);
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK_STATUS(g.status, EML_OK);
  CHECK_OK(eml_model_free(g.student));
  CHECK_OK(eml_model_free(teacher));
}

static void cancelled_from_another_thread(void) {
  for (int p = 0; p < 2; p++) {
    eml_model *model = new_model(both_profiles[p], 5, 4, 2);
    record_samples(model, 3000, 1); /* much more work than there is time for */
    eml_cancel *token = NULL;
    CHECK_OK(eml_cancel_create(&token));
    gate g = new_gate(model, token, 0);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, work_at_gate, &g) == 0);
    wait_until_entered(&g);
    CHECK_OK(eml_cancel_set(token));
    CHECK_OK(eml_cancel_free(token)); /* the work keeps it alive */
    release(&g);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK_STATUS(g.status, EML_CANCELLED);
    CHECK(g.result.loss_after <= g.result.loss_before && g.result.samples_used == 3000);
    double loss = -1, x[4] = {0.1, 0.2, 0.3, 0.4}, y[2];
    CHECK_OK(eml_model_loss(model, &loss));
    /* On a machine so slow that the first loss was not known yet, both are the largest double. */
    CHECK(loss == g.result.loss_after || (g.result.loss_before == DBL_MAX && g.result.loss_after == DBL_MAX));
    CHECK_OK(eml_model_forward(model, x, 1, y, 0));
    CHECK(model_info(model).event_count == 1);
    CHECK_OK(eml_model_free(model));
  }
}

static void *train_own(void *argument) {
  eml_model *model = argument;
  eml_train_options options;
  CHECK_OK(eml_train_options_init(&options, sizeof options));
  options.max_sweeps = 3;
  CHECK_OK(eml_model_train(model, &options, NULL));
  return NULL;
}

/* Trainings of different models share nothing: the bits are those of one after the other. */
static void trainings_side_by_side(void) {
  eml_model *models[4];
  for (int i = 0; i < 4; i++) {
    models[i] = new_model(both_profiles[i % 2], 4, 3, 1);
    record_samples(models[i], 150, 9);
  }
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, train_own, models[i]) == 0);
  for (int i = 0; i < 2; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  for (int i = 2; i < 4; i++) train_own(models[i]);
  for (int i = 0; i < 2; i++) {
    double *a = model_params(models[i]), *b = model_params(models[i + 2]);
    CHECK(same_bits(a, b, model_info(models[i]).param_count));
    free(a);
    free(b);
  }
  for (int i = 0; i < 4; i++) CHECK_OK(eml_model_free(models[i]));
}

/* ------------------------------------------------------------------------------------------------ freed under use */

typedef struct {
  eml_model *volatile handles[2]; /* [0] has 1 head, [1] has 4; changed and freed all the time */
  double want[2][4];
  volatile int stop;
  volatile uint64_t answers;
} churn;

static void *use_stale_handles(void *argument) {
  churn *c = argument;
  static const int heads[2] = {1, 4};
  const double x = 0.375;
  uint64_t answers = 0;
  for (unsigned i = 0; !c->stop; i++) {
    int k = (int)(i % 2);
    eml_model *model = c->handles[k];
    if (model == NULL) continue;
    double y[4] = {-99, -99, -99, -99};
    eml_status status = eml_model_forward(model, &x, 1, y, 0);
    CHECK_THAT(status == EML_OK || status == EML_E_HANDLE || status == EML_E_BUSY, "forward: %s", eml_status_name(status));
    if (status == EML_OK) {
      answers++;
      CHECK_THAT(same_bits(y, c->want[k], (uint64_t)heads[k]), "another model answered");
    }
    for (int h = status == EML_OK ? heads[k] : 0; h < 4; h++) CHECK_THAT(y[h] == -99, "wrote past the %d heads", heads[k]);
    if (i % 5 == 0) {
      double t[4] = {0};
      status = eml_model_record(model, &x, t, NULL, 1, 0);
      CHECK_THAT(status == EML_OK || status == EML_E_HANDLE || status == EML_E_BUSY, "record: %s", eml_status_name(status));
    }
    if (i % 7 == 0) {
      status = eml_model_free(model); /* a double free in the making */
      CHECK_THAT(status == EML_OK || status == EML_E_HANDLE || status == EML_E_BUSY, "free: %s", eml_status_name(status));
    }
  }
  __sync_fetch_and_add(&c->answers, answers);
  return NULL;
}

static eml_model *churn_model(int k) { return random_model(EML_PROFILE_DEFAULT, k == 0 ? 2 : 3, 1, k == 0 ? 1 : 4); }

static void free_while_others_use(void) {
  churn c;
  memset((void *)&c, 0, sizeof c);
  const double x = 0.375;
  for (int k = 0; k < 2; k++) {
    eml_model *model = churn_model(k);
    CHECK_OK(eml_model_forward(model, &x, 1, c.want[k], 0));
    CHECK_OK(eml_model_free(model));
  }
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, use_stale_handles, &c) == 0);
  time_t end = time(NULL) + 2;
  while (time(NULL) < end) {
    for (int k = 0; k < 2; k++) {
      eml_model *model = churn_model(k);
      c.handles[k] = model;
      eml_status status;
      do { /* the others are told that it is gone, or they keep it busy for a moment */
        status = eml_model_free(model);
      } while (status == EML_E_BUSY);
      CHECK_THAT(status == EML_OK || status == EML_E_HANDLE, "free: %s", eml_status_name(status));
    }
  }
  c.stop = 1;
  for (int i = 0; i < 2; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  CHECK_THAT(c.answers > 0, "no call met a live model: the test tests nothing");
}

/* A slot is used again at once; whoever still holds the old handle is refused and disturbs nobody. */
typedef struct {
  eml_model *volatile handle;
  volatile int stop;
} shared_handle;

static void *use_stale(void *argument) {
  shared_handle *shared = argument;
  while (!shared->stop) {
    eml_model *model = shared->handle;
    for (int i = 0; i < 4; i++) {
      double params[64];
      eml_status status = i % 2 == 0 ? eml_model_set_trained(model, 1) : eml_model_get_params(model, params, 1);
      CHECK_THAT(status == EML_E_HANDLE || status == EML_E_ARGUMENT, "%s", eml_status_name(status));
    }
  }
  return NULL;
}

static void stale_handles_disturb_nobody(void) {
  shared_handle shared = {NULL, 0};
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, use_stale, &shared) == 0);
  for (int i = 0; i < 20000; i++) {
    eml_model *model = new_model(EML_PROFILE_DEFAULT, 2, 1, 1);
    CHECK_OK(eml_model_set_trained(model, 0));
    CHECK_OK(eml_model_free(model)); /* told EML_E_BUSY if a stale handle counted */
    shared.handle = model;
  }
  shared.stop = 1;
  CHECK(pthread_join(thread, NULL) == 0);
}

/* ------------------------------------------------------------------------------------------------ machines */

typedef struct {
  const eml_machine *machine;
  volatile int stop;
  uint64_t seen;
} machine_reader;

static void *read_machine(void *argument) {
  machine_reader *r = argument;
  while (!r->stop) {
    unsigned char bytes[64];
    uint64_t need = 0;
    eml_machine_info info;
    info.struct_size = sizeof info;
    eml_status status = eml_machine_get_info(r->machine, &info);
    CHECK_THAT(status == EML_OK || status == EML_E_BUSY, "%s", eml_status_name(status));
    if (status == EML_OK) CHECK(info.steps >= r->seen && (r->seen = info.steps, 1));
    status = eml_machine_output(r->machine, bytes, sizeof bytes, &need);
    CHECK_THAT(status == EML_OK || status == EML_E_BUSY, "%s", eml_status_name(status));
  }
  return NULL;
}

/* Two threads look at a machine that a third one runs in small pieces: each call is whole or EML_E_BUSY. */
static void machine_readers_beside_a_runner(void) {
  static const eml_instruction program[] = {
      {EML_OP_CONST, 255}, {EML_OP_LOCAL_SET, 0}, {EML_OP_LOOP, EML_NO_OPERAND}, {EML_OP_LOCAL_GET, 0}, {EML_OP_CONST, 1},
      {EML_OP_SUB, EML_NO_OPERAND}, {EML_OP_LOCAL_TEE, 0}, {EML_OP_BR_IF, 0}, {EML_OP_END_LOOP, EML_NO_OPERAND},
      {EML_OP_CONST, 42}, {EML_OP_OUTPUT, EML_NO_OPERAND}, {EML_OP_HALT, EML_NO_OPERAND}};
  eml_machine *machine = NULL;
  CHECK_OK(eml_machine_create(NULL, &machine));
  CHECK_STATUS(eml_machine_load(machine, program, 12), EML_OK);
  machine_reader readers[2] = {{machine, 0, 0}, {machine, 0, 0}};
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, read_machine, &readers[i]) == 0);
  eml_status status;
  do {
    status = eml_machine_run(machine, 3, NULL, NULL, NULL);
    CHECK_THAT(status == EML_OUT_OF_FUEL || status == EML_OK || status == EML_E_BUSY, "%s", eml_status_name(status));
  } while (status != EML_OK);
  for (int i = 0; i < 2; i++) readers[i].stop = 1;
  for (int i = 0; i < 2; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  unsigned char byte = 0;
  uint64_t need = 0;
  CHECK_OK(eml_machine_output(machine, &byte, 1, &need));
  CHECK(need == 1 && byte == 42);
  CHECK_OK(eml_machine_free(machine));
}

/* Machines share their weights and nothing else. */
static void *run_machines(void *argument) {
  static const eml_instruction program[] = {{EML_OP_CONST, 200}, {EML_OP_CONST, 100}, {EML_OP_ADD, EML_NO_OPERAND},
                                            {EML_OP_OUTPUT, EML_NO_OPERAND}, {EML_OP_HALT, EML_NO_OPERAND}};
  for (int i = 0; i < 50; i++) {
    eml_machine *machine = NULL;
    unsigned char byte = 0;
    uint64_t need = 0;
    CHECK_OK(eml_machine_create(NULL, &machine));
    CHECK_OK(eml_machine_load(machine, program, 5));
    CHECK_OK(eml_machine_run(machine, 0, NULL, NULL, NULL));
    CHECK_OK(eml_machine_output(machine, &byte, 1, &need));
    CHECK(byte == 44);
    CHECK_OK(eml_machine_free(machine));
  }
  return argument;
}

static void machines_side_by_side(void) {
  pthread_t threads[3];
  for (int i = 0; i < 3; i++) CHECK(pthread_create(&threads[i], NULL, run_machines, NULL) == 0);
  for (int i = 0; i < 3; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

int main(void) {
  RUN(readers_side_by_side);
  RUN(reader_beside_writer);
  RUN(second_user_is_told_busy);
  RUN(teacher_is_shared);
  RUN(cancelled_from_another_thread);
  RUN(trainings_side_by_side);
  RUN(free_while_others_use);
  RUN(stale_handles_disturb_nobody);
  RUN(machines_side_by_side);
  RUN(machine_readers_beside_a_runner);
  return test_summary("concurrency");
}
