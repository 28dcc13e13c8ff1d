/* plot.c - a character cell holds 2 x 4 dots (Unicode braille), or one dot where the locale is not UTF-8. */
#define _POSIX_C_SOURCE 200809L
#include "plot.h"

#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 84, LINES = 11, POINT = 0x100 }; /* POINT: the cell holds a data point, whatever its dots */

/* The bit of each dot in U+2800..U+28FF, by line and column within the cell. */
static const int DOT[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};

typedef struct axis {
  double low, high;
} axis;

static void widen(axis *a, const double *v, size_t n) {
  for (size_t i = 0; i < n; i++) {
    a->low = fmin(a->low, v[i]);
    a->high = fmax(a->high, v[i]);
  }
}

/* 0 .. steps-1 along the axis. */
static int position(const axis *a, double v, int steps) {
  return a->high > a->low ? (int)lround((v - a->low) / (a->high - a->low) * (steps - 1)) : 0;
}

static int is_utf8(void) {
  setlocale(LC_CTYPE, "");
  return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static void put_cell(int cell, int utf8) {
  if (cell & POINT) putchar('o');
  else if (cell == 0) putchar(' ');
  else if (!utf8) putchar('.');
  else printf("\xe2%c%c", 0xa0 | cell >> 6, 0x80 | (cell & 0x3f)); /* U+2800 + cell */
}

int plot_draw(const char *title, const double *x, const double *y, size_t n, const double *cx, const double *cy,
              size_t m) {
  int utf8 = is_utf8(), wide = utf8 ? 2 : 1, high = utf8 ? 4 : 1;
  axis ax = {INFINITY, -INFINITY}, ay = {INFINITY, -INFINITY};
  widen(&ax, x, n);
  widen(&ax, cx, m);
  widen(&ay, y, n);
  widen(&ay, cy, m);

  int *cells = calloc(COLUMNS * LINES, sizeof *cells);
  if (cells == NULL) return -1;
  for (size_t i = 0; i < m; i++) {
    int c = position(&ax, cx[i], COLUMNS * wide), l = LINES * high - 1 - position(&ay, cy[i], LINES * high);
    cells[l / high * COLUMNS + c / wide] |= DOT[l % high][c % wide];
  }
  for (size_t i = 0; i < n; i++)
    cells[(LINES - 1 - position(&ay, y[i], LINES)) * COLUMNS + position(&ax, x[i], COLUMNS)] = POINT;

  printf("%s\n", title);
  for (int l = 0; l < LINES; l++) {
    if (l == 0) printf("%9.4g |", ay.high);
    else if (l == LINES - 1) printf("%9.4g |", ay.low);
    else printf("%9s |", "");
    for (int c = 0; c < COLUMNS; c++) put_cell(cells[l * COLUMNS + c], utf8);
    putchar('\n');
  }
  printf("%10s %-*.4g%.4g\n", "", COLUMNS - 4, ax.low, ax.high);
  free(cells);
  return 0;
}
