/* dat.c - reads the .dat layout of NIST: the header says on which lines the data stand, y before x. */
#include "dat.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int only_space(const char *text) {
  while (isspace((unsigned char)*text)) text++;
  return *text == '\0';
}

/* "  80.574E0   -3.067E0": exactly two finite numbers. */
static int two_numbers(const char *text, double *y, double *x) {
  char *end;
  *y = strtod(text, &end);
  if (end == text) return 0;
  text = end;
  *x = strtod(text, &end);
  return end != text && only_space(end) && isfinite(*y) && isfinite(*x);
}

/* Fills *set; returns NULL, or what is wrong with line *line. */
static const char *parse(FILE *file, dat_set *set, long *line) {
  char text[512];
  long first = 0, last = 0, observations = -1;

  for (*line = 1; fgets(text, sizeof text, file) != NULL; ++*line) {
    if (strchr(text, '\n') == NULL && !feof(file)) return "line too long";
    if (first == 0 || *line < first) { /* header */
      long a, b;
      if (first == 0 && sscanf(text, " Data (lines %ld to %ld", &a, &b) == 2) {
        if (a <= *line || b < a || b - a >= 1000000) return "impossible line numbers";
        first = a;
        last = b;
        set->x = malloc((size_t)(b - a + 1) * sizeof *set->x);
        set->y = malloc((size_t)(b - a + 1) * sizeof *set->y);
        if (set->x == NULL || set->y == NULL) return "out of memory";
      }
      sscanf(text, " Dataset Name: %31s", set->name);
      sscanf(text, " Residual Sum of Squares: %lf", &set->certified_rss);
      sscanf(text, " Number of Observations: %ld", &observations);
    } else if (*line <= last) {
      if (!two_numbers(text, &set->y[set->rows], &set->x[set->rows])) return "expected two numbers, y and x";
      set->rows++;
    } else if (!only_space(text)) {
      return "text after the last line of data";
    }
  }
  if (ferror(file)) return "cannot be read";
  if (first == 0) return "no \"Data (lines a to b)\" in the header";
  if (*line <= last) return "the file ends before the last line of data";
  if (observations != (long)set->rows) return "\"Number of Observations\" is not the number of data lines";
  if (set->name[0] == '\0') return "no \"Dataset Name:\" in the header";
  if (!isfinite(set->certified_rss)) return "no \"Residual Sum of Squares:\" in the header";
  return NULL;
}

int dat_read(const char *path, dat_set *out) {
  dat_set set = {{0}, 0, NULL, NULL, NAN};
  long line = 0;

  FILE *file = fopen(path, "r");
  if (file == NULL) {
    perror(path);
    return -1;
  }
  const char *wrong = parse(file, &set, &line);
  fclose(file);
  if (wrong != NULL) {
    fprintf(stderr, "%s:%ld: %s\n", path, line, wrong);
    dat_free(&set);
    return -1;
  }
  *out = set;
  return 0;
}

void dat_free(dat_set *set) {
  free(set->x);
  free(set->y);
  set->x = set->y = NULL;
  set->rows = 0;
}
