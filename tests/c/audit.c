/*
 * audit.c - the audit log of a training: by callback and by file the same bytes, checked by training again; cut, changed,
 * with other data, cancelled, refused.
 *
 * "audit train PATH" trains for long, to be killed.
 */
#include "fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct {
  unsigned char *bytes;
  uint64_t len;
  int calls, stop_at; /* the call that returns 77; 0: none */
} buffer;

static int32_t append(const void *bytes, uint64_t len, void *user) {
  buffer *log = user;
  if (++log->calls == log->stop_at) return 77;
  log->bytes = realloc(log->bytes, (size_t)(log->len + len));
  if (log->bytes == NULL) abort();
  memcpy(log->bytes + log->len, bytes, (size_t)len);
  log->len += len;
  return 0;
}

static eml_train_options options_with(buffer *log, const char *path) {
  eml_train_options options;
  CHECK_OK(eml_train_options_init(&options, sizeof options));
  options.max_sweeps = 3;
  if (log != NULL) {
    options.audit = append;
    options.user = log;
  }
  if (path != NULL) {
    options.audit_path = path;
    options.audit_path_len = EML_NTS;
  }
  return options;
}

static eml_audit_report empty_report(void) {
  eml_audit_report report;
  memset(&report, 0, sizeof report);
  report.struct_size = sizeof report;
  report.verdict = -1;
  return report;
}

static char folder[] = "/tmp/eml-audit-XXXXXX";
static char path[300];

static void written_and_checked(void) {
  for (int p = 0; p < 2; p++) {
    eml_model *model = new_model(both_profiles[p], 4, 2, 2), *plain = NULL;
    record_samples(model, 80, 3);
    CHECK_OK(eml_model_clone(model, &plain));
    buffer log = {0};
    eml_train_options options = options_with(&log, path);
    eml_train_result result;
    result.struct_size = sizeof result;
    CHECK_OK(eml_model_train(model, &options, &result));
    options = options_with(NULL, NULL);
    CHECK_OK(eml_model_train(plain, &options, NULL));
    uint64_t n = model_info(model).param_count;
    double *with = model_params(model), *without = model_params(plain);
    CHECK(same_bits(with, without, n));
    free(with);
    free(without);

    eml_audit_report report = empty_report();
    CHECK_OK(eml_model_verify_audit(plain, log.bytes, log.len, NULL, &report));
    CHECK(report.verdict == EML_AUDIT_OK && report.record == report.records && report.byte_offset == log.len);
    CHECK(report.moves >= result.accepted && report.records == report.moves + 3);
    CHECK(report.trials == result.evaluations && !report.cancelled);
    CHECK(same_bits(&report.loss, &result.loss_after, 1));
    CHECK(log.calls == (int)report.records);
    CHECK_OK(eml_model_verify_audit_file(plain, path, EML_NTS, NULL, NULL));

    FILE *file = fopen(path, "rb");
    if (file == NULL) abort();
    unsigned char *copy = malloc((size_t)log.len + 1);
    if (copy == NULL) abort();
    CHECK(fread(copy, 1, (size_t)log.len + 1, file) == log.len && memcmp(copy, log.bytes, (size_t)log.len) == 0);
    fclose(file);
    free(copy);

    for (uint64_t at = 0; at < log.len; at += 1 + log.len / 40) {
      log.bytes[at] ^= 4;
      CHECK_STATUS(eml_model_verify_audit(plain, log.bytes, log.len, NULL, &report), EML_E_FORMAT);
      CHECK(report.verdict == EML_AUDIT_CHANGED || report.verdict == EML_AUDIT_MALFORMED ||
            report.verdict == EML_AUDIT_TRUNCATED);
      CHECK(report.byte_offset <= at && last_error().byte_offset == report.byte_offset);
      CHECK(contains(last_error().message, "record"));
      log.bytes[at] ^= 4;
      CHECK_STATUS(eml_model_verify_audit(plain, log.bytes, at, NULL, &report), EML_E_FORMAT);
      CHECK(report.verdict == EML_AUDIT_TRUNCATED && last_error().sub_code == EML_F_TRUNCATED);
    }

    record_samples(plain, 1, 4);
    CHECK_STATUS(eml_model_verify_audit(plain, log.bytes, log.len, NULL, &report), EML_E_FORMAT);
    CHECK(report.verdict == EML_AUDIT_OTHER_DATA && report.record == 0);
    free(log.bytes);
    CHECK_OK(eml_model_free(model));
    CHECK_OK(eml_model_free(plain));
  }
}

static void refusals(void) {
  eml_model *model = new_model(EML_PROFILE_DEFAULT, 2, 1, 1);
  buffer log = {0};
  eml_train_options options = options_with(&log, "/nonexistent/a.log");
  CHECK_STATUS(eml_model_train(model, &options, NULL), EML_E_STATE); /* too few samples: no log is begun */
  CHECK(log.calls == 0);
  record_samples(model, 20, 1);
  CHECK_STATUS(eml_model_train(model, &options, NULL), EML_E_IO);
  options.audit_path = "/dev/full";
  CHECK_STATUS(eml_model_train(model, &options, NULL), EML_E_IO);
  double *params = model_params(model);
  for (uint64_t i = 0; i < model_info(model).param_count; i++) CHECK(params[i] == 0);
  free(params);
  free(log.bytes);
  for (int stop = 1; stop <= 4; stop++) {
    buffer refusing = {0};
    refusing.stop_at = stop;
    options = options_with(&refusing, NULL);
    CHECK_STATUS(eml_model_train(model, &options, NULL), EML_E_IO);
    CHECK(last_error().sub_code == 77 && refusing.calls == stop);
    CHECK(model_info(model).event_count == 0);
    free(refusing.bytes);
  }
  CHECK_STATUS(eml_model_verify_audit(model, NULL, 5, NULL, NULL), EML_E_ARGUMENT);
  CHECK_STATUS(eml_model_verify_audit(model, NULL, 0, NULL, NULL), EML_E_FORMAT);
  CHECK_STATUS(eml_model_verify_audit_file(model, "/nonexistent/a.log", EML_NTS, NULL, NULL), EML_E_IO);
  CHECK_OK(eml_model_free(model));
}

static int32_t stop_now(const eml_progress *progress, void *user) {
  (void)progress;
  (void)user;
  return 9;
}

static void cancelled(void) {
  eml_model *model = new_model(EML_PROFILE_EML_CORE_0_1, 5, 3, 2);
  record_samples(model, 5000, 2);
  buffer log = {0};
  eml_train_options options = options_with(&log, NULL);
  options.progress = stop_now;
  CHECK_STATUS(eml_model_train(model, &options, NULL), EML_CANCELLED);
  eml_audit_report report = empty_report();
  CHECK_OK(eml_model_verify_audit(model, log.bytes, log.len, NULL, &report));
  CHECK(report.verdict == EML_AUDIT_OK && report.cancelled);
  free(log.bytes);

  /* A student has its own samples, and its log. */
  buffer second = {0};
  options = options_with(&second, NULL);
  eml_model *student = NULL;
  CHECK_OK(eml_model_distill(model, 3, 60, &options, &student));
  CHECK_OK(eml_model_verify_audit(student, second.bytes, second.len, NULL, &report));
  options = options_with(NULL, NULL);
  options.progress = stop_now;
  CHECK_STATUS(eml_model_verify_audit(student, second.bytes, second.len, &options, &report), EML_CANCELLED);
  CHECK(report.verdict == EML_AUDIT_STOPPED && last_error().sub_code == 9);
  free(second.bytes);
  CHECK_OK(eml_model_free(student));
  CHECK_OK(eml_model_free(model));
}

static eml_model *long_model(void) {
  eml_model *model = new_model(EML_PROFILE_EML_CORE_0_1, 5, 3, 3);
  record_samples(model, 40000, 6);
  return model;
}

static int train_long(void) {
  eml_model *model = long_model();
  eml_train_options options = options_with(NULL, path);
  options.max_sweeps = 0;
  return eml_model_train(model, &options, NULL) == EML_OK ? 0 : 1;
}

static void killed_at_any_instant(void) {
  uint64_t seed = 5, most = 0;
  eml_model *model = long_model();
  /* Where the processor is slow, the first change may take longer: more rounds, and longer ones. */
  for (int round = 0; round < 8 || (most == 0 && round < 20); round++) {
    unlink(path);
    pid_t pid = fork();
    if (pid == 0) {
      execl("/proc/self/exe", "audit", "train", path, (char *)NULL);
      _exit(3);
    }
    while (access(path, R_OK) != 0 && waitpid(pid, NULL, WNOHANG) == 0) nanosleep(&(struct timespec){0, 1000000}, NULL);
    uint64_t wait_ns = next_random(&seed) % 150000000 * (uint64_t)(round < 8 ? 1 : round);
    nanosleep(&(struct timespec){(time_t)(wait_ns / 1000000000), (long)(wait_ns % 1000000000)}, NULL);
    int status = 0;
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    CHECK_THAT(WIFSIGNALED(status), "the training ended by itself: %#x", (unsigned)status);
    eml_audit_report report = empty_report();
    CHECK_STATUS(eml_model_verify_audit_file(model, path, EML_NTS, NULL, &report), EML_E_FORMAT);
    CHECK_THAT(report.verdict == EML_AUDIT_TRUNCATED, "%s", last_error().message);
    if (report.moves > most) most = report.moves;
  }
  CHECK_THAT(most > 0, "no training was killed after its first change");
  CHECK_OK(eml_model_free(model));
}

int main(int argc, char **argv) {
  if (argc == 3) {
    snprintf(path, sizeof path, "%s", argv[2]);
    return train_long();
  }
  if (mkdtemp(folder) == NULL) abort();
  snprintf(path, sizeof path, "%s/a.log", folder);
  RUN(killed_at_any_instant); /* first: it forks */
  RUN(written_and_checked);
  RUN(refusals);
  RUN(cancelled);
  unlink(path);
  rmdir(folder);
  return test_summary("audit");
}
