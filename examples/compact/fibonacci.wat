;; The Fibonacci numbers that a byte holds: 1 1 2 3 … 233.
i32.const 1
local.set 1                                       ;; a = 0 (never set), b = 1
loop
  local.get 1  output
  local.get 0  local.get 1  i32.add  local.set 2  ;; a + b
  local.get 1  local.set 0
  local.get 2  local.tee 1
  local.get 0  i32.ge_s                           ;; below the one before: it was 256 or more
  br_if 0
end_loop
halt
