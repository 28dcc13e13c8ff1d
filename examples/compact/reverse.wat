;; Writes the bytes of file 0 into file 1, last byte first. A byte of 0 ends file 0, as does its end; it must not be empty.
fd_open 0  local.set 9                            ;; the descriptor lies on the stack; it is not needed there
loop
  local.get 0
  i32.const 0  fd_read  local.tee 1
  i32.store                                       ;; memory[n] = byte
  local.get 0  i32.const 1  i32.add  local.set 0
  local.get 1  i32.const 0  i32.ne  br_if 0
end_loop
i32.const 0  fd_close
local.get 0  i32.const 1  i32.sub  local.set 0    ;; without the 0
fd_open 1  local.set 9
loop
  i32.const 1
  local.get 0  i32.const 1  i32.sub  local.tee 0
  i32.load
  fd_write
  local.get 0  i32.const 0  i32.ne  br_if 0
end_loop
i32.const 1  fd_close
halt
