/* How many ways there are to place n queens on a board of n by n so that none attacks another, and the first of them; n is in the
 * input. Columns and diagonals are bits. */
#include "wasi.h"

static i32 size, places[16], first[16];
static u32 solutions;

static void place(i32 row, u32 columns, u32 left, u32 right) {
  if (row == size) {
    if (solutions++ == 0) {
      for (i32 i = 0; i < size; i++) first[i] = places[i];
    }
    return;
  }
  for (u32 open = ~(columns | left | right) & ((1u << size) - 1); open != 0; open &= open - 1) {
    u32 bit = open & -open;
    places[row] = __builtin_ctz(bit);
    place(row + 1, columns | bit, (left | bit) << 1, (right | bit) >> 1);
  }
}

void _start(void) {
  size = get_number();
  if (size < 1 || size > 16) fail("a size from 1 to 16 is needed");
  place(0, 0, 0, 0);
  put_number(solutions);
  put_text(" solutions\n");
  for (i32 row = 0; row < size && solutions > 0; row++) {
    for (i32 column = 0; column < size; column++) {
      put_char(first[row] == column ? 'Q' : '.');
    }
    put_char('\n');
  }
  flush();
}
