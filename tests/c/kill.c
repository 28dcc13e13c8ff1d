/*
 * kill.c - a process killed while it saves leaves the old file or the new one, never a part.
 *
 * The program starts itself as "kill --save PATH", which saves two models of different size to PATH in turn, and kills
 * it again and again at no particular instant.
 */
#include "fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int save_for_ever(const char *path) {
  eml_model *models[2] = {random_model(EML_PROFILE_DEFAULT, 2, 1, 1), random_model(EML_PROFILE_DEFAULT, 5, 8, 3000)};
  for (int i = 0;; i++) {
    if (eml_model_save(models[i % 2], path, EML_NTS, EML_FORMAT_AUTO) != EML_OK) return 1;
    eml_event event;
    event.struct_size = sizeof event;
    if (eml_model_next_event(models[i % 2], &event) != EML_OK) return 1;
  }
}

static const char *folder;

static void killed_at_any_instant(void) {
  static const char *const extensions[] = {"json", "safetensors", "pb"};
  uint64_t seed = 5;
  int depths = 0;
  const int both = (1 << 2) | (1 << 5);
  for (int round = 0; round < 30 || (depths != both && round < 300); round++) {
    char path[256];
    snprintf(path, sizeof path, "%s/m.%s", folder, extensions[round % 3]);
    pid_t pid = fork(); /* this process has not used the library when it forks first; later the child execs at once */
    if (pid == 0) {
      execl("/proc/self/exe", "kill", "--save", path, (char *)NULL);
      _exit(3);
    }
    while (access(path, R_OK) != 0 && waitpid(pid, NULL, WNOHANG) == 0) nanosleep(&(struct timespec){0, 1000000}, NULL);
    nanosleep(&(struct timespec){0, (long)(next_random(&seed) % 40000000)}, NULL);
    int status = 0;
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    CHECK_THAT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "the saving process ended by itself: %#x", (unsigned)status);
    eml_model *model = NULL;
    CHECK_OK(eml_model_load(path, EML_NTS, EML_FORMAT_AUTO, &model));
    if (model == NULL) continue;
    uint32_t depth = model_info(model).depth;
    CHECK(depth == 2 || depth == 5);
    depths |= 1 << depth;
    CHECK_OK(eml_model_free(model));
  }
  CHECK_THAT(depths == both, "one of the two models was never met: the instants are not spread");
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "--save") == 0) return save_for_ever(argv[2]);
  char name[] = "/tmp/eml-kill-XXXXXX", command[300];
  folder = mkdtemp(name);
  if (folder == NULL) abort();
  RUN(killed_at_any_instant);
  snprintf(command, sizeof command, "rm -r '%s'", folder);
  if (system(command) != 0) abort();
  return test_summary("kill");
}
