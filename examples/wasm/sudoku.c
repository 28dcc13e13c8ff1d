/* Solves the sudoku in the input: 81 cells, row by row, '.' or 0 for an empty one; other characters are skipped. Backtracking on the
 * cell with the fewest candidates. */
#include "wasi.h"

static u8 cells[81];
static u32 rows[9], columns[9], boxes[9]; /* bit d: the digit d is used */
static u32 tried;

static i32 box(i32 cell) { return cell / 27 * 3 + cell % 9 / 3; }

static void toggle(i32 cell, i32 digit) {
  rows[cell / 9] ^= 1u << digit;
  columns[cell % 9] ^= 1u << digit;
  boxes[box(cell)] ^= 1u << digit;
}

static u32 candidates(i32 cell) { return ~(rows[cell / 9] | columns[cell % 9] | boxes[box(cell)]) & 0x3FE; }

static i32 solve(void) {
  i32 best = -1, fewest = 10;
  for (i32 cell = 0; cell < 81 && fewest > 1; cell++) {
    if (cells[cell] != 0) continue;
    i32 count = __builtin_popcount(candidates(cell));
    if (count < fewest) {
      best = cell;
      fewest = count;
    }
  }
  if (best < 0) return 1;
  for (u32 open = candidates(best); open != 0; open &= open - 1) {
    i32 digit = __builtin_ctz(open);
    cells[best] = (u8)digit;
    tried++;
    toggle(best, digit);
    if (solve()) return 1;
    toggle(best, digit);
  }
  cells[best] = 0;
  return 0;
}

void _start(void) {
  for (i32 cell = 0; cell < 81;) {
    i32 c = get_char();
    if (c == END_OF_INPUT) fail("81 cells are needed");
    if (c != '.' && (c < '0' || c > '9')) continue;
    i32 digit = c == '.' ? 0 : c - '0';
    if (digit != 0) {
      if ((candidates(cell) >> digit & 1) == 0) fail("a digit stands twice in a row, column or box");
      toggle(cell, digit);
    }
    cells[cell++] = (u8)digit;
  }
  if (!solve()) fail("no solution");
  for (i32 cell = 0; cell < 81; cell++) {
    put_char('0' + cells[cell]);
    put_char(cell % 9 == 8 ? '\n' : ' ');
  }
  put_number(tried);
  put_text(" digits tried\n");
  flush();
}
