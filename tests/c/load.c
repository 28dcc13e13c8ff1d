/*
 * load.c - the library as a guest in a process: loaded with dlopen, first used from several threads at once, side
 * effects no larger than eml.h states, silent, and fit for fork + exec.
 *
 *   load PATH_OF_libeml.so
 *
 * This program is not linked with libeml.
 */
#include "test.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* test.h's CHECK_STATUS uses these two; here they come from dlsym. */
static eml_status (*load_last_error)(eml_error *);
static const char *(*load_status_name)(eml_status);
eml_status eml_last_error(eml_error *out) { return load_last_error(out); }
const char *eml_status_name(eml_status status) { return load_status_name(status); }

static const char *path;
static void *library;

static void *symbol(const char *name) {
  void *address = dlsym(library, name);
  if (address == NULL) {
    printf("  no symbol %s: %s\n", name, dlerror());
    exit(1);
  }
  return address;
}

/* memcpy: ISO C has no cast from void * to a function pointer. */
#define FUNCTION(pointer, name)       \
  do {                                \
    void *address = symbol(name);     \
    memcpy(&(pointer), &address, sizeof address); \
  } while (0)

static int count_threads(void) {
  int count = -2; /* "." and ".." */
  DIR *dir = opendir("/proc/self/task");
  if (dir == NULL) abort();
  while (readdir(dir) != NULL) count++;
  closedir(dir);
  return count;
}

static int is_default(int signal_number) {
  struct sigaction action;
  if (sigaction(signal_number, NULL, &action) != 0) abort();
  return action.sa_handler == SIG_DFL;
}

static int is_ignored(int signal_number) {
  struct sigaction action;
  if (sigaction(signal_number, NULL, &action) != 0) abort();
  return action.sa_handler == SIG_IGN;
}

/* ------------------------------------------------------------------------------------------------ first call */

static pthread_barrier_t barrier;

static void *first_call(void *ignored) {
  double (*math_exp)(double);
  eml_status (*create)(eml_cancel **);
  eml_status (*destroy)(eml_cancel *);
  FUNCTION(math_exp, "eml_math_exp");
  FUNCTION(create, "eml_cancel_create");
  FUNCTION(destroy, "eml_cancel_free");
  pthread_barrier_wait(&barrier);
  CHECK(math_exp(0) == 1);
  eml_cancel *token = NULL;
  CHECK_OK(create(&token));
  CHECK_OK(destroy(token));
  CHECK_STATUS(destroy(token), EML_E_HANDLE);
  return ignored;
}

static void first_call_from_threads(void) {
  enum { THREADS = 4 };
  CHECK(is_default(SIGPIPE) && is_default(SIGSEGV) && is_default(SIGINT) && is_default(SIGCHLD));
  int before = count_threads();
  library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  CHECK_THAT(library != NULL, "dlopen: %s", dlerror());
  if (library == NULL) exit(1);
  FUNCTION(load_last_error, "eml_last_error");
  FUNCTION(load_status_name, "eml_status_name");
  CHECK(count_threads() == before && is_default(SIGPIPE)); /* nothing happens before the first call */
  pthread_t threads[THREADS];
  pthread_barrier_init(&barrier, NULL, THREADS);
  for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, first_call, NULL) == 0);
  for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  CHECK_THAT(count_threads() - before <= 1, "%d new threads", count_threads() - before);
}

static void side_effects_as_stated(void) {
  CHECK(is_ignored(SIGPIPE));
  CHECK(!is_default(SIGSEGV) && !is_default(SIGFPE) && !is_default(SIGRTMIN));
  static const int others[] = {SIGINT, SIGTERM, SIGQUIT, SIGCHLD, SIGCONT, SIGHUP, SIGALRM, SIGUSR1, SIGUSR2, SIGWINCH, SIGTTOU};
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) CHECK_THAT(is_default(others[i]), "signal %d", others[i]);
}

/* ------------------------------------------------------------------------------------------------ dlclose */

static void dlclose_is_harmless(void) {
  const char *(*version)(void);
  double (*ln)(double);
  FUNCTION(version, "eml_version");
  FUNCTION(ln, "eml_math_ln");
  CHECK(strcmp(version(), EML_VERSION_STRING) == 0);
  CHECK(dlclose(library) == 0);
  CHECK(strcmp(version(), EML_VERSION_STRING) == 0); /* still mapped: nodelete */
  CHECK(ln(1) == 0);
  void *again = dlopen(path, RTLD_NOW);
  CHECK(again == library);
  library = again;
  CHECK(strcmp(version(), EML_VERSION_STRING) == 0);
}

/* ------------------------------------------------------------------------------------------------ fork and exec */

/* `load --child PATH`: a fresh process that uses the library. */
static int child(void) {
  double (*math_exp)(double);
  library = dlopen(path, RTLD_NOW);
  if (library == NULL) return 2;
  FUNCTION(math_exp, "eml_math_exp");
  return math_exp(0) == 1 ? 42 : 1;
}

static void fork_then_exec(void) {
  pid_t pid = fork();
  if (pid == 0) {
    execl("/proc/self/exe", "load", "--child", path, (char *)NULL);
    _exit(3);
  }
  int status = 0;
  CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
  CHECK_THAT(WIFEXITED(status) && WEXITSTATUS(status) == 42, "the child ended with %#x", (unsigned)status);
  CHECK(system("exit 7") == 7 << 8);
  double (*math_exp)(double);
  FUNCTION(math_exp, "eml_math_exp");
  CHECK(math_exp(0) == 1);
}

/* ------------------------------------------------------------------------------------------------ silence */

static eml_status (*model_create)(const eml_model_options *, eml_model **);
static eml_status (*model_free)(eml_model *);
static eml_status (*model_import)(const void *, uint64_t, int32_t, eml_model **);
static eml_status (*model_load)(const char *, uint64_t, int32_t, eml_model **);
static eml_status (*model_forward)(const eml_model *, const double *, uint64_t, double *, uint32_t);
static eml_status (*model_train)(eml_model *, const eml_train_options *, eml_train_result *);
static eml_status (*safetree_create)(uint32_t, uint64_t, uint64_t, eml_safetree **);

static void fail_in_many_ways(void) {
  eml_model *model = NULL, *none = NULL;
  eml_safetree *tree = NULL;
  const uint64_t nan_bits = 0x7ff8000000000000u;
  double x, y;
  memcpy(&x, &nan_bits, sizeof x);
  CHECK_OK(model_create(NULL, &model));
  CHECK_STATUS(model_forward(model, &x, 1, &y, 0), EML_E_NONFINITE);
  CHECK_STATUS(model_forward(NULL, &x, 1, &y, 0), EML_E_ARGUMENT);
  CHECK_STATUS(model_train(model, NULL, NULL), EML_E_STATE);
  CHECK_STATUS(model_import("{", 1, EML_FORMAT_JSON, &none), EML_E_FORMAT);
  CHECK_STATUS(model_import("\xff\xff\xff", 3, EML_FORMAT_PROTOBUF, &none), EML_E_FORMAT);
  CHECK_STATUS(model_load("/nonexistent.pb", EML_NTS, EML_FORMAT_AUTO, &none), EML_E_IO);
  CHECK_STATUS(safetree_create(1, UINT64_MAX, UINT64_MAX, &tree), EML_E_LIMIT);
  CHECK_OK(model_free(model));
  CHECK_STATUS(model_free(model), EML_E_HANDLE);
}

static void the_library_prints_nothing(void) {
  FUNCTION(model_create, "eml_model_create");
  FUNCTION(model_free, "eml_model_free");
  FUNCTION(model_import, "eml_model_import");
  FUNCTION(model_load, "eml_model_load");
  FUNCTION(model_forward, "eml_model_forward");
  FUNCTION(model_train, "eml_model_train");
  FUNCTION(safetree_create, "eml_safetree_create");
  char name[] = "/tmp/eml-silence-XXXXXX";
  int sink = mkstemp(name), out = dup(1), err = dup(2);
  if (sink < 0 || out < 0 || err < 0) abort();
  fflush(stdout);
  dup2(sink, 1);
  dup2(sink, 2);
  fail_in_many_ways();
  int bad = test_bad_checks;
  off_t printed = lseek(sink, 0, SEEK_END); /* the descriptors share their position */
  fflush(stdout);
  dup2(out, 1);
  dup2(err, 2);
  close(out);
  close(err);
  close(sink);
  unlink(name);
  CHECK_THAT(bad == 0, "%d calls did not fail as expected", bad);
  CHECK_THAT(bad > 0 || printed == 0, "the library printed %ld bytes", (long)printed);
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "--child") == 0) {
    path = argv[2];
    return child();
  }
  if (argc != 2) {
    fprintf(stderr, "usage: load PATH_OF_libeml.so\n");
    return 2;
  }
  path = argv[1];
  RUN(first_call_from_threads);
  RUN(side_effects_as_stated);
  RUN(dlclose_is_harmless);
  RUN(fork_then_exec);
  RUN(the_library_prints_nothing);
  return test_summary("load");
}
