;; Factorials modulo 256: puts out 1!, 2!, … 7! (120 is 5!; 6! is 720 = 208 mod 256, 7! is 5040 = 176 mod 256).
i32.const 1
local.set 0                                       ;; the factorial so far
loop
  local.get 1  i32.const 1  i32.add  local.set 1  ;; n = n + 1
  local.get 0  local.get 1  i32.mul  local.tee 0  ;; n! = (n - 1)! * n
  output
  local.get 1  i32.const 7  i32.lt_s  br_if 0
end_loop
halt
