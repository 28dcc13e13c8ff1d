/*
 * libm.c - eml_math_exp, _ln and _pow against glibc's exp, log and pow, bit for bit.
 *
 *   libm [N [GOLDEN_FOLDER...]]
 *
 * N random arguments per function (default 2,000,000; 1000000000 is the full check), all edge arguments, and every row
 * of exp.csv, log.csv and pow.csv in each folder. A NaN's sign and payload are not compared. The host's libm is a
 * reference only if it is glibc >= 2.28 on a CPU with FMA; elsewhere the golden rows alone are compared.
 */
#include "fixture.h"

#include <gnu/libc-version.h>
#include <math.h>

enum { BLOCK = 4096 };
typedef enum { EXP, LN, POW, FUNCTIONS } function;
static const char *const names[FUNCTIONS] = {"exp", "log", "pow"};

typedef struct {
  double x[BLOCK], y[BLOCK], want[BLOCK], batch[BLOCK];
} block;
static block b;

static uint64_t compared[FUNCTIONS], differing[FUNCTIONS];
static uint64_t random_count = 2000000;

static int equal(double a, double c) { return bits_of(a) == bits_of(c) || (a != a && c != c); }

static void note(function f, const char *how, double x, double y, double got, double want) {
  if (equal(got, want)) return;
  differing[f]++;
  CHECK_THAT(0, "%s of %s(%a, %a) [%016" PRIx64 ", %016" PRIx64 "]: %a, expected %a", how, names[f], x, y, bits_of(x),
             bits_of(y), got, want);
}

/* Compares n values of b.x, b.y with b.want, through the scalar and the batch function. */
static void compare(function f, uint64_t n) {
  eml_status status = f == EXP  ? eml_math_exp_batch(b.x, n, b.batch)
                      : f == LN ? eml_math_ln_batch(b.x, n, b.batch)
                                : eml_math_pow_batch(b.x, b.y, n, b.batch);
  CHECK_OK(status);
  for (uint64_t i = 0; i < n; i++) {
    double scalar = f == EXP ? eml_math_exp(b.x[i]) : f == LN ? eml_math_ln(b.x[i]) : eml_math_pow(b.x[i], b.y[i]);
    note(f, "scalar", b.x[i], b.y[i], scalar, b.want[i]);
    note(f, "batch", b.x[i], b.y[i], b.batch[i], b.want[i]);
  }
  compared[f] += n;
}

static void compare_with_host(function f, uint64_t n) {
  for (uint64_t i = 0; i < n; i++) b.want[i] = f == EXP ? exp(b.x[i]) : f == LN ? log(b.x[i]) : pow(b.x[i], b.y[i]);
  compare(f, n);
}

/* ------------------------------------------------------------------------------------------------ edge arguments */

static double edges[4096];
static int edge_count;

static void edge(double v) {
  edges[edge_count++] = v;
  edges[edge_count++] = -v;
}

/* v and its neighbours up to `reach` units in the last place away. */
static void around(double v, int reach) {
  for (int k = -reach; k <= reach; k++) edge(from_bits(bits_of(v) + (uint64_t)(int64_t)k));
}

static void collect_edges(void) {
  static const double thresholds[] = {
      0x1.62e42fefa39efp+9,  /* exp overflows past here */
      0x1.6232bdd7abcd2p+9,  /* -708.396...: results below are subnormal */
      0x1.74910d52d3051p+9,  /* -745.13...: results below are 0 */
      512, 1024, 0x1p-54, 0x1.62e42fefa39efp-1, 0.5, 0x1.0p-28,
      1 - 0x1p-4, 1 + 0x1.09p-4, /* ends of ln's interval around 1 */
  };
  edge(0);
  for (int k = 1; k <= 4; k++) edge(from_bits((uint64_t)k)); /* the smallest subnormals */
  for (int k = 0; k <= 4; k++) edge(from_bits(0x000fffffffffffffu - (uint64_t)k));
  for (int k = 0; k <= 4; k++) edge(from_bits(0x0010000000000000u + (uint64_t)k));
  for (int k = 0; k <= 4; k++) edge(from_bits(0x7fefffffffffffffu - (uint64_t)k));
  edge(INFINITY);
  edge(from_bits(0x7ff8000000000000u)); /* quiet and signalling NaNs */
  edge(from_bits(0x7ff0000000000001u));
  edge(from_bits(0x7fffffffffffffffu));
  around(1, 8);
  for (size_t i = 0; i < sizeof thresholds / sizeof thresholds[0]; i++) around(thresholds[i], 3);
  for (int k = 2; k <= 9; k++) edge(k); /* odd and even integers, half-integers */
  for (int k = 0; k <= 5; k++) edge(k + 0.5);
  edge(1.0 / 3);
  edge(10);
  edge(1023);
  edge(1074);
  edge(1075);
  for (int k = 51; k <= 54; k++) around(ldexp(1, k), 1); /* where odd integers end */
  edge(0x1p63);
  edge(0x1p64);
  edge(0x1.fffffep127);
}

static void edge_arguments(void) {
  uint64_t n = 0;
  for (function f = EXP; f <= LN; f++) {
    for (int i = 0; i < edge_count; i += BLOCK) {
      for (n = 0; n < BLOCK && i + (int)n < edge_count; n++) b.x[n] = edges[i + (int)n];
      compare_with_host(f, n);
    }
  }
  n = 0; /* pow: all pairs */
  for (int i = 0; i < edge_count; i++) {
    for (int j = 0; j < edge_count; j++) {
      b.x[n] = edges[i];
      b.y[n] = edges[j];
      if (++n == BLOCK || (i == edge_count - 1 && j == edge_count - 1)) {
        compare_with_host(POW, n);
        n = 0;
      }
    }
  }
}

/* Arguments of exp whose results straddle the normal range's ends, at every scale. */
static void dense_thresholds(void) {
  static const double starts[] = {-745.2, -745.13, -708.4, 709.78, -0x1p-53, 511.99, -511.99};
  for (size_t s = 0; s < sizeof starts / sizeof starts[0]; s++) {
    for (int k = 0; k < 16; k++) {
      for (int i = 0; i < BLOCK; i++) {
        b.x[i] = starts[s] + (starts[s] < 0 ? -starts[s] : starts[s]) * 1e-4 * (k * BLOCK + i) / (16 * BLOCK);
        b.y[i] = 0;
      }
      compare_with_host(EXP, BLOCK);
    }
  }
}

/* ------------------------------------------------------------------------------------------------ random arguments */

static uint64_t seed = 20240601;

static double any_bits(void) { return from_bits(next_random(&seed)); }
static double positive_bits(void) { return from_bits(next_random(&seed) >> 1); }
static double sign(void) { return next_random(&seed) & 1 ? 1 : -1; }

static double exp_argument(int distribution) {
  switch (distribution) {
    case 0: return uniform(&seed, -20, 20);
    case 1: return uniform(&seed, -1, 1);
    case 2: return uniform(&seed, -746, 710);
    case 3: return uniform(&seed, -746, -708); /* subnormal results */
    case 4: return sign() * ldexp(uniform(&seed, 1, 2), (int)(next_random(&seed) % 70) - 60);
    case 5: return any_bits();
    case 6: return (double)((int64_t)(next_random(&seed) % 200000) - 100000) * 0x1.62e42fefa39efp-8 + uniform(&seed, -1e-9, 1e-9);
    default: return sign() * uniform(&seed, 500, 710); /* the scale leaves its range */
  }
}

static double ln_argument(int distribution) {
  switch (distribution) {
    case 0: return uniform(&seed, 0, 10);
    case 1: return positive_bits();
    case 2: return 1 + sign() * ldexp(uniform(&seed, 1, 2), -(int)(next_random(&seed) % 53) - 2);
    case 3: return uniform(&seed, 0.9, 1.1);
    case 4: return from_bits(next_random(&seed) >> 12); /* subnormal */
    case 5: return any_bits();
    case 6: return ldexp(uniform(&seed, 1, 2), (int)(next_random(&seed) % 64) - 32);
    default: return uniform(&seed, 1, 1e9);
  }
}

static void pow_arguments(int distribution, double *x, double *y) {
  switch (distribution) {
    case 0: *x = uniform(&seed, 0, 10); *y = uniform(&seed, -10, 10); break;
    case 1: *x = any_bits(); *y = any_bits(); break;
    case 2: /* any base, exponent such that the result is anywhere in the range or just outside */
      *x = positive_bits();
      *y = uniform(&seed, -746, 710) / log(*x);
      break;
    case 3: /* the same with subnormal results */
      *x = positive_bits();
      *y = uniform(&seed, -746, -707) / log(*x);
      break;
    case 4: /* near 1, large exponents */
      *x = 1 + sign() * ldexp(uniform(&seed, 1, 2), -(int)(next_random(&seed) % 50) - 3);
      *y = sign() * ldexp(uniform(&seed, 1, 2), (int)(next_random(&seed) % 60));
      break;
    case 5: /* negative bases, small integers and half-integers */
      *x = -uniform(&seed, 0, 100);
      *y = (double)((int64_t)(next_random(&seed) % 400) - 200) * 0.5;
      break;
    case 6: *x = uniform(&seed, 0, 1); *y = uniform(&seed, 0, 1); break; /* step schedules */
    default: *x = (double)(next_random(&seed) % 1000); *y = (double)((int64_t)(next_random(&seed) % 60) - 30); break;
  }
}

static void random_arguments_of(function f) {
  for (uint64_t done = 0; done < random_count; done += BLOCK) {
    int distribution = (int)(done / BLOCK % 8);
    for (int i = 0; i < BLOCK; i++) {
      if (f == EXP) b.x[i] = exp_argument(distribution);
      if (f == LN) b.x[i] = ln_argument(distribution);
      if (f == POW) pow_arguments(distribution, &b.x[i], &b.y[i]);
    }
    compare_with_host(f, BLOCK);
  }
}

static void random_exp(void) { random_arguments_of(EXP); }
static void random_ln(void) { random_arguments_of(LN); }
static void random_pow(void) { random_arguments_of(POW); }

/* ------------------------------------------------------------------------------------------------ golden rows */

static const char *golden_folder;

static void golden_file(function f) {
  char path[1024], line[256];
  snprintf(path, sizeof path, "%s/%s.csv", golden_folder, names[f]);
  FILE *file = fopen(path, "r");
  CHECK_THAT(file != NULL, "cannot open %s", path);
  if (file == NULL) return;
  uint64_t n = 0, rows = 0;
  CHECK(fgets(line, sizeof line, file) != NULL); /* the header */
  while (fgets(line, sizeof line, file) != NULL) {
    uint64_t v[3] = {0, 0, 0};
    int columns = f == POW ? sscanf(line, "%" SCNx64 ",%" SCNx64 ",%" SCNx64, &v[0], &v[1], &v[2])
                           : sscanf(line, "%" SCNx64 ",%" SCNx64, &v[0], &v[2]);
    CHECK_THAT(columns == (f == POW ? 3 : 2), "%s: odd line %s", path, line);
    b.x[n] = from_bits(v[0]);
    b.y[n] = from_bits(v[1]);
    b.want[n] = from_bits(v[2]);
    rows++;
    if (++n == BLOCK) {
      compare(f, n);
      n = 0;
    }
  }
  if (n > 0) compare(f, n);
  fclose(file);
  CHECK_THAT(rows >= 300, "%s has only %" PRIu64 " rows", path, rows);
}

static void golden_exp(void) { golden_file(EXP); }
static void golden_ln(void) { golden_file(LN); }
static void golden_pow(void) { golden_file(POW); }

/* 1 if the host's exp, log and pow are the reference. */
static int host_is_reference(void) {
  int major = 0, minor = 0;
  if (sscanf(gnu_get_libc_version(), "%d.%d", &major, &minor) != 2 || major * 1000 + minor < 2028) return 0;
#if defined(__x86_64__)
  return __builtin_cpu_supports("fma") && __builtin_cpu_supports("avx2");
#elif defined(__aarch64__)
  return 1;
#else
  return 0;
#endif
}

int main(int argc, char **argv) {
  if (argc > 1) random_count = strtoull(argv[1], NULL, 10);
  if (host_is_reference()) {
    collect_edges();
    RUN(edge_arguments);
    RUN(dense_thresholds);
    RUN(random_exp);
    RUN(random_ln);
    RUN(random_pow);
  } else {
    printf("libm: the host's libm (glibc %s) is no reference (needs glibc >= 2.28 and FMA): golden rows only\n",
           gnu_get_libc_version());
  }
  for (int i = 2; i < argc; i++) {
    golden_folder = argv[i];
    RUN(golden_exp);
    RUN(golden_ln);
    RUN(golden_pow);
  }
  for (int f = 0; f < FUNCTIONS; f++) {
    printf("libm: %s: %" PRIu64 " arguments, %" PRIu64 " differing results\n", names[f], compared[f], differing[f]);
  }
  return test_summary("libm");
}
