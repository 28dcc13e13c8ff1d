;; The primes below 50, by trial division: n is prime if no d of 2 … n - 1 divides it. Division is repeated subtraction.
i32.const 2  local.set 0                          ;; n
loop
  i32.const 0  local.set 3                        ;; how many divisors were found
  i32.const 1  local.set 1                        ;; d
  loop
    local.get 1  i32.const 1  i32.add  local.set 1
    local.get 0  local.set 2                      ;; the remainder, once it is below d
    loop
      local.get 2  local.get 1
      local.get 2  local.get 1  i32.ge_s          ;; 1 if d still fits
      i32.mul                                     ;; so d or 0
      i32.sub  local.tee 2
      local.get 1  i32.ge_s  br_if 0
    end_loop
    local.get 2  i32.const 0  i32.eq              ;; d divides n
    local.get 1  local.get 0  i32.lt_s            ;; and is smaller
    i32.and
    local.get 3  i32.add  local.set 3
    local.get 1  local.get 0  i32.lt_s  br_if 0
  end_loop
  ;; There is no way forward but through: a prime goes into memory at the next place, another number is overwritten there.
  local.get 4  local.get 0  i32.store
  local.get 4  local.get 3  i32.const 0  i32.eq  i32.add  local.set 4
  local.get 0  i32.const 1  i32.add  local.tee 0
  i32.const 50  i32.lt_s  br_if 0
end_loop
i32.const 0  local.set 0
loop
  local.get 0  i32.load  output
  local.get 0  i32.const 1  i32.add  local.tee 0
  local.get 4  i32.lt_s  br_if 0
end_loop
halt
