/*
 * libmshim.c - a libm that is one bit off, for LD_PRELOAD: see interpose.c.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static double one_bit_off(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  bits ^= 1;
  memcpy(&value, &bits, sizeof bits);
  return value;
}

/* The function that the program would have had without this library. */
static void find(void *function, const char *name) {
  void *next = dlsym(RTLD_NEXT, name);
  if (next == NULL) abort();
  memcpy(function, &next, sizeof next);
}

double exp(double x);
double exp(double x) {
  double (*next)(double);
  find(&next, "exp");
  return one_bit_off(next(x));
}

double log(double x);
double log(double x) {
  double (*next)(double);
  find(&next, "log");
  return one_bit_off(next(x));
}

double pow(double x, double y);
double pow(double x, double y) {
  double (*next)(double, double);
  find(&next, "pow");
  return one_bit_off(next(x, y));
}

double fma(double x, double y, double z);
double fma(double x, double y, double z) {
  double (*next)(double, double, double);
  find(&next, "fma");
  return one_bit_off(next(x, y, z));
}
