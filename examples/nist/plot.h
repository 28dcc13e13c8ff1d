/* plot.h - points against a curve, drawn with characters. */
#ifndef PLOT_H
#define PLOT_H

#include <stddef.h>

/* Draws n points (x, y) as 'o' and behind them a curve of m points (cx ascending, cy), on stdout: in braille dots if
 * the locale is UTF-8, else in ASCII. Returns 0, or -1 if memory is short. */
int plot_draw(const char *title, const double *x, const double *y, size_t n, const double *cx, const double *cy,
              size_t m);

#endif
