;; Two check sums of file 0, modulo 256: the sum of its bytes, and the sum of each byte times its number, counted from 1. A file has
;; 32 bytes at most, and past its end fd_read gives 0, which adds nothing. Written with parentheses.
(local.set 4 (fd_open 0))                         ;; the descriptor lies on the stack; it is not needed there
(loop
  (local.set 0 (fd_read (i32.const 0)))
  (local.set 1 (i32.add (local.get 1) (local.get 0)))
  (local.set 3 (i32.add (local.get 3) (i32.const 1)))
  (local.set 2 (i32.add (local.get 2) (i32.mul (local.get 0) (local.get 3))))
  (br_if 0 (i32.lt_s (local.get 3) (i32.const 32))))
(output (local.get 1))
(output (local.get 2))
(fd_close (i32.const 0))
halt
