/* A small Lisp: reads expressions from the input to its end and prints the value of each that has one. Integers of 64 bits, symbols,
 * lists, closures with lexical scope, calls in tail position without a new frame. Memory grows by pages as cells are needed and is never given back.
 *   (quote x) 'x  (if c a b)  (define name x)  (define (name . parameters) body...)  (lambda parameters body...)
 *   (let ((name x) ...) body...)  (begin x ...)  (cond (c x ...) ... (else x ...))
 *   + - * quotient remainder = < > cons car cdr list null? pair? eq? not display newline */
#include "wasi.h"

typedef enum { NIL, NUMBER, SYMBOL, PAIR, BUILTIN, CLOSURE } kind;

typedef struct cell cell;
struct cell {
  kind kind;
  union {
    i64 number;                        /* NUMBER; for BUILTIN, which one */
    struct { cell *first, *rest; };    /* PAIR; for CLOSURE, (parameters . body) and scope */
    struct { char *name; cell *next; }; /* SYMBOL: all symbols are a list */
  };
};

static cell nil = { NIL, { 0 } };
static cell *symbols, *globals = &nil, *truth, *quote_symbol;
static cell *if_symbol, *define_symbol, *lambda_symbol, *let_symbol, *begin_symbol, *cond_symbol, *else_symbol;

/* ---------------------------------------------------------------- memory */
extern u8 __heap_base;
static u32 heap_next, heap_end;

static void *allocate(u32 size) {
  if (heap_next == 0) {
    heap_next = ((u32)&__heap_base + 7) & ~7u;
    heap_end = (u32)__builtin_wasm_memory_size(0) * 65536;
  }
  size = (size + 7) & ~7u;
  if (heap_end - heap_next < size) {
    if (__builtin_wasm_memory_grow(0, 1) == (u32)-1) fail("out of memory");
    heap_end += 65536;
  }
  heap_next += size;
  return (void *)(heap_next - size);
}

static cell *make(kind kind, cell *first, cell *rest) {
  cell *c = allocate(sizeof(cell));
  c->kind = kind;
  c->first = first;
  c->rest = rest;
  return c;
}

static cell *pair(cell *first, cell *rest) { return make(PAIR, first, rest); }

static cell *number(i64 n) {
  cell *c = allocate(sizeof(cell));
  c->kind = NUMBER;
  c->number = n;
  return c;
}

static i32 is_same(const char *a, const char *b) {
  while (*a != 0 && *a == *b) a++, b++;
  return *a == *b;
}

static cell *symbol(const char *name) {
  for (cell *s = symbols; s != 0; s = s->next) {
    if (is_same(s->name, name)) return s;
  }
  u32 length = 0;
  while (name[length] != 0) length++;
  cell *s = allocate(sizeof(cell));
  s->kind = SYMBOL;
  s->name = allocate(length + 1);
  for (u32 i = 0; i <= length; i++) s->name[i] = name[i];
  s->next = symbols;
  return symbols = s;
}

/* ---------------------------------------------------------------- reading */
static i32 ahead = ' ';

static void skip(void) {
  while (ahead != END_OF_INPUT && (ahead <= ' ' || ahead == ';')) {
    if (ahead == ';') {
      while (ahead != END_OF_INPUT && ahead != '\n') ahead = get_char();
    } else {
      ahead = get_char();
    }
  }
}

static cell *read(void);

static cell *read_rest(void) {
  cell *list = &nil, **end = &list;
  for (;;) {
    skip();
    if (ahead == END_OF_INPUT) fail("error: ) is missing");
    if (ahead == ')') {
      ahead = get_char();
      return list;
    }
    cell *item = read();
    if (item->kind == SYMBOL && is_same(item->name, ".")) {
      *end = read();
      continue;
    }
    *end = pair(item, &nil);
    end = &(*end)->rest;
  }
}

static cell *atom(void) {
  char text[64];
  u32 length = 0;
  while (ahead > ' ' && ahead != '(' && ahead != ')' && ahead != ';') {
    if (length + 1 < sizeof text) text[length++] = (char)ahead;
    ahead = get_char();
  }
  text[length] = 0;
  u32 at = text[0] == '-' && length > 1;
  i64 n = 0;
  for (u32 i = at; i < length; i++) {
    if (text[i] < '0' || text[i] > '9') return symbol(text);
    n = n * 10 + (text[i] - '0');
  }
  return number(at ? -n : n);
}

static cell *read(void) {
  skip();
  switch (ahead) {
    case '(':
      ahead = get_char();
      return read_rest();
    case ')':
      fail("error: ) without (");
    case '\'':
      ahead = get_char();
      return pair(quote_symbol, pair(read(), &nil));
    default:
      return atom();
  }
}

/* ---------------------------------------------------------------- printing */
static void print(const cell *c) {
  switch (c->kind) {
    case NIL:
      put_text("()");
      break;
    case NUMBER:
      put_number(c->number);
      break;
    case SYMBOL:
      put_text(c->name);
      break;
    case PAIR:
      put_char('(');
      print(c->first);
      for (c = c->rest; c->kind == PAIR; c = c->rest) {
        put_char(' ');
        print(c->first);
      }
      if (c->kind != NIL) {
        put_text(" . ");
        print(c);
      }
      put_char(')');
      break;
    default:
      put_text("<function>");
  }
}

static _Noreturn void wrong(const char *what, const cell *c) {
  put_text("error: ");
  put_text(what);
  put_text(": ");
  print(c);
  put_char('\n');
  flush();
  proc_exit(1);
}

/* ---------------------------------------------------------------- built-in functions */
static cell *first(const cell *c) { return c->kind == PAIR ? c->first : (wrong("not a pair", c), &nil); }
static cell *rest(const cell *c) { return c->kind == PAIR ? c->rest : (wrong("not a pair", c), &nil); }
static i64 value(const cell *c) { return c->kind == NUMBER ? c->number : (wrong("not a number", c), 0); }
static cell *boolean(i32 is_true) { return is_true ? truth : &nil; }
static cell *second(const cell *c) { return first(rest(c)); }

static i64 divisor(const cell *c) {
  i64 n = value(c);
  if (n == 0) wrong("division by zero", c);
  return n;
}

static cell *add(cell *a) {
  i64 sum = 0;
  for (; a->kind == PAIR; a = a->rest) sum += value(a->first);
  return number(sum);
}

static cell *multiply(cell *a) {
  i64 product = 1;
  for (; a->kind == PAIR; a = a->rest) product *= value(a->first);
  return number(product);
}

static cell *subtract(cell *a) {
  i64 left = value(first(a));
  if (a->rest->kind == NIL) return number(-left);
  for (a = a->rest; a->kind == PAIR; a = a->rest) left -= value(a->first);
  return number(left);
}

static cell *quotient(cell *a) {
  i64 by = divisor(second(a)), n = value(first(a));
  return number(by == -1 ? (i64)(0 - (u64)n) : n / by);
}

static cell *remainder(cell *a) { return number(value(first(a)) % divisor(second(a))); }
static cell *equal(cell *a) { return boolean(value(first(a)) == value(second(a))); }
static cell *less(cell *a) { return boolean(value(first(a)) < value(second(a))); }
static cell *greater(cell *a) { return boolean(value(first(a)) > value(second(a))); }
static cell *cons(cell *a) { return pair(first(a), second(a)); }
static cell *car(cell *a) { return first(first(a)); }
static cell *cdr(cell *a) { return rest(first(a)); }
static cell *list(cell *a) { return a; }
static cell *is_null(cell *a) { return boolean(first(a)->kind == NIL); }
static cell *is_pair(cell *a) { return boolean(first(a)->kind == PAIR); }
static cell *is_eq(cell *a) { return boolean(first(a) == second(a)); }

static cell *display(cell *a) {
  for (; a->kind == PAIR; a = a->rest) print(a->first);
  return 0;
}

static cell *newline(cell *a) {
  (void)a;
  put_char('\n');
  return 0;
}

static const struct { const char *name; cell *(*run)(cell *arguments); } builtins[] = {
  { "+", add }, { "-", subtract }, { "*", multiply }, { "quotient", quotient }, { "remainder", remainder },
  { "=", equal }, { "<", less }, { ">", greater }, { "cons", cons }, { "car", car }, { "cdr", cdr }, { "list", list },
  { "null?", is_null }, { "not", is_null }, { "pair?", is_pair }, { "eq?", is_eq }, { "display", display }, { "newline", newline },
};

/* ---------------------------------------------------------------- evaluation: 0 is no value */
static cell *find(cell *name, cell *scope) {
  for (; scope->kind == PAIR; scope = scope->rest) {
    if (scope->first->first == name) return scope->first;
  }
  for (cell *g = globals; g->kind == PAIR; g = g->rest) {
    if (g->first->first == name) return g->first;
  }
  return 0;
}

static cell *evaluate(cell *x, cell *scope);

static cell *evaluate_all(cell *list, cell *scope) {
  cell *values = &nil, **end = &values;
  for (; list->kind == PAIR; list = list->rest) {
    cell *v = evaluate(list->first, scope);
    *end = pair(v != 0 ? v : &nil, &nil);
    end = &(*end)->rest;
  }
  return values;
}

static cell *bind(cell *names, cell *values, cell *scope) {
  for (; names->kind == PAIR; names = names->rest) {
    scope = pair(pair(names->first, first(values)), scope);
    values = values->rest;
  }
  return names->kind == SYMBOL ? pair(pair(names, values), scope) : scope;
}

static void define(cell *name, cell *x, cell *scope) {
  if (name->kind == PAIR) {
    x = make(CLOSURE, pair(name->rest, x), scope);
    name = name->first;
  } else {
    x = evaluate(first(x), scope);
  }
  cell *old = find(name, &nil);
  if (old != 0) {
    old->rest = x;
  } else {
    globals = pair(pair(name, x), globals);
  }
}

/* All but the last of a body; the last is for the caller. */
static cell *last_of(cell *body, cell *scope) {
  for (; rest(body)->kind == PAIR; body = body->rest) evaluate(body->first, scope);
  return body->first;
}

static i32 is_true(cell *c) { return c == 0 || c->kind != NIL; }

static cell *evaluate(cell *x, cell *scope) {
  for (;;) {
    if (x->kind == SYMBOL) {
      cell *found = find(x, scope);
      return found != 0 ? found->rest : (wrong("unknown name", x), &nil);
    }
    if (x->kind != PAIR) return x;
    cell *head = x->first, *tail = x->rest;
    if (head == quote_symbol) return first(tail);
    if (head == if_symbol) {
      tail = is_true(evaluate(first(tail), scope)) ? rest(tail) : rest(rest(tail));
      if (tail->kind == NIL) return tail;
      x = tail->first;
    } else if (head == define_symbol) {
      define(first(tail), rest(tail), scope);
      return 0;
    } else if (head == lambda_symbol) {
      return make(CLOSURE, tail, scope);
    } else if (head == begin_symbol) {
      x = last_of(tail, scope);
    } else if (head == let_symbol) {
      cell *inner = scope;
      for (cell *l = first(tail); l->kind == PAIR; l = l->rest) {
        inner = pair(pair(first(l->first), evaluate(second(l->first), scope)), inner);
      }
      x = last_of(rest(tail), inner);
      scope = inner;
    } else if (head == cond_symbol) {
      while (tail->kind == PAIR && first(tail->first) != else_symbol && !is_true(evaluate(tail->first->first, scope))) tail = tail->rest;
      if (tail->kind == NIL) return tail;
      x = last_of(tail->first->rest, scope);
    } else {
      cell *function = evaluate(head, scope), *arguments = evaluate_all(tail, scope);
      if (function == 0) wrong("not a function", head);
      if (function->kind == BUILTIN) return builtins[function->number].run(arguments);
      if (function->kind != CLOSURE) wrong("not a function", function);
      scope = bind(function->first->first, arguments, function->rest);
      x = last_of(function->first->rest, scope);
    }
  }
}

void _start(void) {
  quote_symbol = symbol("quote");
  if_symbol = symbol("if");
  define_symbol = symbol("define");
  lambda_symbol = symbol("lambda");
  let_symbol = symbol("let");
  begin_symbol = symbol("begin");
  cond_symbol = symbol("cond");
  else_symbol = symbol("else");
  truth = symbol("#t");
  globals = pair(pair(truth, truth), globals);
  for (u32 i = 0; i < sizeof builtins / sizeof *builtins; i++) {
    cell *b = number(i);
    b->kind = BUILTIN;
    globals = pair(pair(symbol(builtins[i].name), b), globals);
  }
  for (skip(); ahead != END_OF_INPUT; skip()) {
    cell *v = evaluate(read(), &nil);
    if (v != 0) {
      print(v);
      put_char('\n');
    }
  }
  flush();
}
