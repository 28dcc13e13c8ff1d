/* dat.h - one data set of the NIST Statistical Reference Datasets (nonlinear regression, one predictor). */
#ifndef DAT_H
#define DAT_H

#include <stddef.h>

typedef struct dat_set {
  char name[32];
  size_t rows;
  double *x, *y;
  double certified_rss; /* residual sum of squares that NIST certifies for the model in the file's header */
} dat_set;

/* Reads a .dat file. Returns 0, or -1 after saying on stderr which line is wrong and why. */
int dat_read(const char *path, dat_set *out);
void dat_free(dat_set *set);

#endif
