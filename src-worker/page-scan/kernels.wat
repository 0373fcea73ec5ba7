;; What a page's bytes are like: how often each value stands in it, and what its words look like. WebAssembly SIMD (128 bit).
;;
;; `node build/kernels.mjs` assembles this file to kernels.generated.ts; build/kernels.test.mjs proves that the two agree,
;; kernels.test.ts that it agrees with its twin in plain TypeScript. docs/page-classes.md tells what the counts are for.
(module
  (import "env" "memory" (memory 1))

  ;; 1 for a 64-bit word that can be an address of Linux: the kernel's half of the address space, or where programs, libraries
  ;; and stacks are on x86-64 (0x55…, 0x56…, 0x7f…) and AArch64 (0xaa…, 0xffff…).
  (func $isAddress (param $word i64) (result i32)
    (local $top i32) (local $upper i32)
    (local.set $upper (i32.wrap_i64 (i64.shr_u (local.get $word) (i64.const 32))))
    (local.set $top (i32.shr_u (local.get $upper) (i32.const 16)))
    (if (i32.eq (local.get $top) (i32.const 0xffff))
      (then
        ;; Small negative numbers, and a 32-bit -1 behind a positive number, are none.
        (return
          (i32.and
            (i64.lt_s (local.get $word) (i64.const -4096))
            (i32.or
              (i32.ne (local.get $upper) (i32.const -1))
              (i32.lt_s (i32.wrap_i64 (local.get $word)) (i32.const 0)))))))
    (if (local.get $top) (then (return (i32.const 0))))
    (local.set $top (i32.shr_u (local.get $upper) (i32.const 8)))
    (i32.or
      (i32.or (i32.eq (local.get $top) (i32.const 0x7f)) (i32.eq (local.get $top) (i32.const 0xaa)))
      (i32.or
        (i32.eq (local.get $top) (i32.const 0x55))
        (i32.or
          (i32.eq (local.get $top) (i32.const 0x56))
          (i32.eq (local.get $upper) (i32.const 0xffff))))))

  ;; 1 for a 64-bit word that can be an entry of a page table that was used: present and accessed, of a physical address below
  ;; 2^44 that is not 0, on x86-64 (bits 0 and 5; 63 is NX) or AArch64 (bits 0, 1 and 10; 51 … 57 are attributes).
  (func $isEntry (param $word i64) (result i32)
    (i32.and
      (i64.ne (i64.and (local.get $word) (i64.const 0x00000ffffffff000)) (i64.const 0))
      (i32.or
        (i64.eq (i64.and (local.get $word) (i64.const 0x7ffff00000000021)) (i64.const 0x21))
        (i64.eq (i64.and (local.get $word) (i64.const 0xfc07f00000000403)) (i64.const 0x403)))))

  ;; A mask of the bytes of $first that are REX.W prefixes (0x48 … 0x4f) and have one of the commonest opcodes behind them in
  ;; $second: mov, lea, test, add and cmp with a byte, mov with a number, cmp, add, and the 0x0f of the two-byte ones.
  (func $rex (param $first v128) (param $second v128) (result i32)
    (i8x16.bitmask
      (v128.and
        (i8x16.eq
          (v128.and (local.get $first) (i8x16.splat (i32.const 0xf8)))
          (i8x16.splat (i32.const 0x48)))
        (v128.or
          (v128.or
            (v128.or
              (i8x16.eq
                (v128.and (local.get $second) (i8x16.splat (i32.const 0xfd)))
                (i8x16.splat (i32.const 0x89)))
              (i8x16.eq (local.get $second) (i8x16.splat (i32.const 0x8d))))
            (v128.or
              (i8x16.eq (local.get $second) (i8x16.splat (i32.const 0x85)))
              (i8x16.eq (local.get $second) (i8x16.splat (i32.const 0x83)))))
          (v128.or
            (v128.or
              (i8x16.eq (local.get $second) (i8x16.splat (i32.const 0xc7)))
              (i8x16.eq (local.get $second) (i8x16.splat (i32.const 0x39))))
            (v128.or
              (i8x16.eq (local.get $second) (i8x16.splat (i32.const 0x01)))
              (i8x16.eq (local.get $second) (i8x16.splat (i32.const 0x0f)))))))))

  ;; Looks at the $size bytes at $at, a multiple of 16. At $out it leaves, in 32-bit counts: 4 × 256 of the values of the bytes
  ;; at places that leave 0, 1, 2, 3 when divided by 4; 256 of all bytes; then the 64-bit words that are not zero, those that
  ;; can be addresses, those that can be entries of page tables, and the pairs of $rex.
  (func (export "features") (param $at i32) (param $size i32) (param $out i32)
    (local $p i32) (local $end i32) (local $cell i32) (local $low i32) (local $high i32) (local $word i64)
    (local $words i32) (local $addresses i32) (local $entries i32) (local $pairs i32) (local $zeros i32) (local $bytes v128)
    (memory.fill (local.get $out) (i32.const 0) (i32.const 4096))
    (local.set $p (local.get $at))
    (local.set $end (i32.add (local.get $at) (local.get $size)))
    (loop $each
      (local.set $word (i64.load align=1 (local.get $p)))
      (if (i64.eqz (local.get $word))
        (then (local.set $zeros (i32.add (local.get $zeros) (i32.const 2))))
        (else
          (local.set $words (i32.add (local.get $words) (i32.const 1)))
          (local.set $low (i32.wrap_i64 (local.get $word)))
          (local.set $high (i32.wrap_i64 (i64.shr_u (local.get $word) (i64.const 32))))
          ;; Only what can be one is looked at closely: an address has an upper quarter of zeros or ones, an entry no bit of 44 … 50.
          (if (i32.le_u (i32.add (i32.shr_s (local.get $high) (i32.const 16)) (i32.const 1)) (i32.const 1))
            (then (local.set $addresses (i32.add (local.get $addresses) (call $isAddress (local.get $word))))))
          (if (i32.eqz (i32.and (local.get $high) (i32.const 0x7f000)))
            (then (local.set $entries (i32.add (local.get $entries) (call $isEntry (local.get $word))))))
          (local.set $cell (i32.add (local.get $out) (i32.and (i32.shl (local.get $low) (i32.const 2)) (i32.const 0x3fc))))
          (i32.store (local.get $cell) (i32.add (i32.load (local.get $cell)) (i32.const 1)))
          (local.set $cell (i32.add (local.get $out) (i32.and (i32.shr_u (local.get $low) (i32.const 6)) (i32.const 0x3fc))))
          (i32.store offset=1024 (local.get $cell) (i32.add (i32.load offset=1024 (local.get $cell)) (i32.const 1)))
          (local.set $cell (i32.add (local.get $out) (i32.and (i32.shr_u (local.get $low) (i32.const 14)) (i32.const 0x3fc))))
          (i32.store offset=2048 (local.get $cell) (i32.add (i32.load offset=2048 (local.get $cell)) (i32.const 1)))
          (local.set $cell (i32.add (local.get $out) (i32.and (i32.shr_u (local.get $low) (i32.const 22)) (i32.const 0x3fc))))
          (i32.store offset=3072 (local.get $cell) (i32.add (i32.load offset=3072 (local.get $cell)) (i32.const 1)))
          (local.set $cell (i32.add (local.get $out) (i32.and (i32.shl (local.get $high) (i32.const 2)) (i32.const 0x3fc))))
          (i32.store (local.get $cell) (i32.add (i32.load (local.get $cell)) (i32.const 1)))
          (local.set $cell (i32.add (local.get $out) (i32.and (i32.shr_u (local.get $high) (i32.const 6)) (i32.const 0x3fc))))
          (i32.store offset=1024 (local.get $cell) (i32.add (i32.load offset=1024 (local.get $cell)) (i32.const 1)))
          (local.set $cell (i32.add (local.get $out) (i32.and (i32.shr_u (local.get $high) (i32.const 14)) (i32.const 0x3fc))))
          (i32.store offset=2048 (local.get $cell) (i32.add (i32.load offset=2048 (local.get $cell)) (i32.const 1)))
          (local.set $cell (i32.add (local.get $out) (i32.and (i32.shr_u (local.get $high) (i32.const 22)) (i32.const 0x3fc))))
          (i32.store offset=3072 (local.get $cell) (i32.add (i32.load offset=3072 (local.get $cell)) (i32.const 1)))))
      (local.set $p (i32.add (local.get $p) (i32.const 8)))
      (br_if $each (i32.lt_u (local.get $p) (local.get $end))))
    ;; The zeros of words that are all zero: two in each of the four rows.
    (i32.store (local.get $out) (i32.add (i32.load (local.get $out)) (local.get $zeros)))
    (i32.store offset=1024 (local.get $out) (i32.add (i32.load offset=1024 (local.get $out)) (local.get $zeros)))
    (i32.store offset=2048 (local.get $out) (i32.add (i32.load offset=2048 (local.get $out)) (local.get $zeros)))
    (i32.store offset=3072 (local.get $out) (i32.add (i32.load offset=3072 (local.get $out)) (local.get $zeros)))
    (local.set $p (local.get $out))
    (local.set $cell (i32.add (local.get $out) (i32.const 1024)))
    (loop $sum
      (v128.store offset=4096 (local.get $p)
        (i32x4.add
          (i32x4.add (v128.load (local.get $p)) (v128.load offset=1024 (local.get $p)))
          (i32x4.add (v128.load offset=2048 (local.get $p)) (v128.load offset=3072 (local.get $p)))))
      (local.set $p (i32.add (local.get $p) (i32.const 16)))
      (br_if $sum (i32.lt_u (local.get $p) (local.get $cell))))
    ;; The last 16 bytes have nothing behind them.
    (local.set $p (local.get $at))
    (local.set $end (i32.sub (local.get $end) (i32.const 16)))
    (block $last
      (loop $each
        (br_if $last (i32.ge_u (local.get $p) (local.get $end)))
        (local.set $pairs
          (i32.add
            (local.get $pairs)
            (i32.popcnt
              (call $rex (v128.load align=1 (local.get $p)) (v128.load offset=1 align=1 (local.get $p))))))
        (local.set $p (i32.add (local.get $p) (i32.const 16)))
        (br $each)))
    (local.set $bytes (v128.load align=1 (local.get $p)))
    (local.set $pairs
      (i32.add
        (local.get $pairs)
        (i32.popcnt
          (call $rex
            (local.get $bytes)
            (i8x16.shuffle 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 (local.get $bytes) (v128.const i64x2 0 0))))))
    (i32.store offset=5120 (local.get $out) (local.get $words))
    (i32.store offset=5124 (local.get $out) (local.get $addresses))
    (i32.store offset=5128 (local.get $out) (local.get $entries))
    (i32.store offset=5132 (local.get $out) (local.get $pairs))))
