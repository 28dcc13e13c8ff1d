/*
 * firstcall.c - the library's first calls from several threads at once, in many fresh processes: classes that are
 * initialised on their first use must not deadlock or abort, whichever thread comes first.
 *
 *   firstcall [PROCESSES]     (default 150)
 */
#include "test.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 5

static pthread_barrier_t barrier;
static int failures[THREADS];

/* Each kind of first call parses numbers and fails somewhere else, so that they initialise different things; the last, without a
 * document, makes a machine, whose weights are compiled then. */
static const char *const DOCUMENTS[THREADS] = {
    "{\"depth\":2,\"input_count\":1,\"head_count\":1,\"params\":[0.0,1.5],\"trained\":false,\"training_data\":[]}",
    "{\"depth\":99,\"input_count\":1}",
    "{\"kind\":\"safetensors\"",
    "[1.25e300, -0.0]",
    NULL,
};

static int machine_works(void) {
  eml_machine *machine = NULL;
  unsigned char byte = 0;
  uint64_t need = 0;
  return eml_machine_create(NULL, &machine) == EML_OK &&
         eml_machine_load_text(machine, "i32.const 6 i32.const 7 i32.mul output halt", EML_NTS) == EML_OK &&
         eml_machine_run(machine, 0, NULL, NULL, NULL) == EML_OK && eml_machine_output(machine, &byte, 1, &need) == EML_OK &&
         need == 1 && byte == 42 && eml_machine_free(machine) == EML_OK;
}

static void *work(void *argument) {
  int number = *(const int *)argument;
  pthread_barrier_wait(&barrier);
  if (DOCUMENTS[number] == NULL) {
    failures[number] = !machine_works();
    return NULL;
  }
  eml_model *model = NULL;
  eml_status status =
      eml_model_import(DOCUMENTS[number], strlen(DOCUMENTS[number]), number == 3 ? EML_FORMAT_AUTO : EML_FORMAT_JSON, &model);
  failures[number] = status != EML_E_FORMAT || model != NULL;
  return NULL;
}

static int child(void) {
  pthread_t threads[THREADS];
  int numbers[THREADS];
  if (pthread_barrier_init(&barrier, NULL, THREADS) != 0) abort();
  for (int i = 0; i < THREADS; i++) {
    numbers[i] = i;
    if (pthread_create(&threads[i], NULL, work, &numbers[i]) != 0) abort();
  }
  int failed = 0;
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    failed |= failures[i] << i;
  }
  return failed;
}

static int processes = 150;

static void first_calls_in_fresh_processes(void) {
  for (int i = 0; i < processes; i++) {
    pid_t pid = fork();
    if (pid < 0) abort();
    if (pid == 0) {
      alarm(60); /* a deadlock ends the child by SIGALRM */
      _exit(child());
    }
    int status = 0;
    if (waitpid(pid, &status, 0) != pid) abort();
    CHECK_THAT(status == 0, "process %d of %d ended with wait status 0x%x", i + 1, processes, (unsigned)status);
  }
}

int main(int argc, char **argv) {
  if (argc == 2) processes = atoi(argv[1]);
  RUN(first_calls_in_fresh_processes);
  return test_summary("firstcall");
}
