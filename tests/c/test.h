/*
 * test.h - the whole test framework: CHECK macros, one RUN per test function, one summary line per program.
 * A test function passes if none of its CHECKs failed. CHECKs may be used from any thread.
 */
#ifndef TEST_H
#define TEST_H

#include "eml.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int test_bad_checks, test_passed, test_failed;
static const char *test_name = "";

static inline void test_fail(const char *file, int line, const char *format, ...) {
  /* One printf per failed check would bury the first ones when a loop goes wrong. */
  if (__sync_add_and_fetch(&test_bad_checks, 1) > 20) return;
  char text[1024];
  va_list list;
  va_start(list, format);
  vsnprintf(text, sizeof text, format, list);
  va_end(list);
  printf("  %s:%d: %s: %s\n", file, line, test_name, text);
  fflush(stdout);
}

static inline void test_check_status(const char *file, int line, const char *call, eml_status got, eml_status want) {
  if (got == want) return;
  eml_error error;
  memset(&error, 0, sizeof error);
  error.struct_size = sizeof error;
  if (eml_last_error(&error) != EML_OK || error.message == NULL) error.message = "?";
  test_fail(file, line, "%s gave %s (%" PRId32 "), expected %s; last error: %s", call, eml_status_name(got), got,
            eml_status_name(want), error.message);
}

#define CHECK(condition) ((condition) ? (void)0 : test_fail(__FILE__, __LINE__, "%s", #condition))
/* CHECK with a message of its own, for checks inside loops and tables. */
#define CHECK_THAT(condition, ...) ((condition) ? (void)0 : test_fail(__FILE__, __LINE__, __VA_ARGS__))
#define CHECK_STATUS(call, want) test_check_status(__FILE__, __LINE__, #call, (call), (want))
#define CHECK_OK(call) CHECK_STATUS(call, EML_OK)

#define RUN(function)                                                       \
  do {                                                                      \
    test_name = #function;                                                  \
    test_bad_checks = 0;                                                    \
    function();                                                             \
    if (test_bad_checks == 0) {                                             \
      test_passed++;                                                        \
    } else {                                                                \
      test_failed++;                                                        \
      printf("  FAIL %s (%d checks)\n", #function, test_bad_checks);        \
    }                                                                       \
    fflush(stdout);                                                         \
  } while (0)

/* Prints the program's summary and returns its exit code. */
static inline int test_summary(const char *program) {
  printf("%s: %d passed, %d failed\n", program, test_passed, test_failed);
  return test_failed == 0 ? 0 : 1;
}

#endif
