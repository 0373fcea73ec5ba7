;; The two inner loops of a channel, over the memory that its I/O goes through. WebAssembly SIMD (128 bit).
;;
;; `node build/kernels.mjs` assembles this file to kernels.generated.ts; build/kernels.test.mjs proves that the two agree,
;; kernels.test.ts that both loops agree with their twins in plain TypeScript.
(module
  (import "env" "memory" (memory 1))

  ;; 1 when one of the $size bytes at $page is not zero, else 0. $size is a multiple of 256.
  (func $holdsData (param $page i32) (param $size i32) (result i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $page) (local.get $size)))
    ;; Most pages in use show it at their first bytes, in their middle or at their last bytes.
    (if (v128.any_true
          (v128.or
            (v128.load align=1 (local.get $page))
            (v128.or
              (v128.load align=1 (i32.add (local.get $page) (i32.shr_u (local.get $size) (i32.const 1))))
              (v128.load align=1 (i32.sub (local.get $end) (i32.const 16))))))
      (then (return (i32.const 1))))
    (loop $step
      (if (v128.any_true
            (v128.or
              (v128.or
                (v128.or
                  (v128.or (v128.load offset=0 align=1 (local.get $page)) (v128.load offset=16 align=1 (local.get $page)))
                  (v128.or (v128.load offset=32 align=1 (local.get $page)) (v128.load offset=48 align=1 (local.get $page))))
                (v128.or
                  (v128.or (v128.load offset=64 align=1 (local.get $page)) (v128.load offset=80 align=1 (local.get $page)))
                  (v128.or (v128.load offset=96 align=1 (local.get $page)) (v128.load offset=112 align=1 (local.get $page)))))
              (v128.or
                (v128.or
                  (v128.or (v128.load offset=128 align=1 (local.get $page)) (v128.load offset=144 align=1 (local.get $page)))
                  (v128.or (v128.load offset=160 align=1 (local.get $page)) (v128.load offset=176 align=1 (local.get $page))))
                (v128.or
                  (v128.or (v128.load offset=192 align=1 (local.get $page)) (v128.load offset=208 align=1 (local.get $page)))
                  (v128.or (v128.load offset=224 align=1 (local.get $page)) (v128.load offset=240 align=1 (local.get $page)))))))
        (then (return (i32.const 1))))
      (local.set $page (i32.add (local.get $page) (i32.const 256)))
      (br_if $step (i32.lt_u (local.get $page) (local.get $end))))
    (i32.const 0))

  ;; Which of the $count pages of $size bytes at $page hold data: bit n of byte n >> 3 at $bits, counted from its lowest bit.
  ;; Bits past the last page are 0. Returns how many do.
  (func (export "pagesWithData")
    (param $page i32) (param $size i32) (param $count i32) (param $bits i32) (result i32)
    (local $found i32) (local $byte i32) (local $bit i32) (local $one i32)
    (block $done
      (br_if $done (i32.eqz (local.get $count)))
      (loop $next
        (local.set $one (call $holdsData (local.get $page) (local.get $size)))
        (local.set $found (i32.add (local.get $found) (local.get $one)))
        (local.set $byte (i32.or (local.get $byte) (i32.shl (local.get $one) (local.get $bit))))
        (local.set $bit (i32.add (local.get $bit) (i32.const 1)))
        (local.set $page (i32.add (local.get $page) (local.get $size)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (if (i32.or (i32.eq (local.get $bit) (i32.const 8)) (i32.eqz (local.get $count)))
          (then
            (i32.store8 (local.get $bits) (local.get $byte))
            (local.set $bits (i32.add (local.get $bits) (i32.const 1)))
            (local.set $byte (i32.const 0))
            (local.set $bit (i32.const 0))))
        (br_if $next (local.get $count))))
    (local.get $found))

  ;; The upper and the lower half of the 128-bit product, xor'ed.
  (func $fold (param $a i64) (param $b i64) (result i64)
    (local $aLow i64) (local $aHigh i64) (local $bLow i64) (local $bHigh i64)
    (local $low i64) (local $cross i64) (local $carry i64)
    (local.set $aLow (i64.and (local.get $a) (i64.const 0xffffffff)))
    (local.set $aHigh (i64.shr_u (local.get $a) (i64.const 32)))
    (local.set $bLow (i64.and (local.get $b) (i64.const 0xffffffff)))
    (local.set $bHigh (i64.shr_u (local.get $b) (i64.const 32)))
    (local.set $low (i64.mul (local.get $aLow) (local.get $bLow)))
    (local.set $cross (i64.mul (local.get $aHigh) (local.get $bLow)))
    (local.set $carry
      (i64.add
        (i64.add (i64.shr_u (local.get $low) (i64.const 32)) (i64.and (local.get $cross) (i64.const 0xffffffff)))
        (i64.mul (local.get $aLow) (local.get $bHigh))))
    (i64.xor
      (i64.or (i64.shl (local.get $carry) (i64.const 32)) (i64.and (local.get $low) (i64.const 0xffffffff)))
      (i64.add
        (i64.add (i64.shr_u (local.get $cross) (i64.const 32)) (i64.shr_u (local.get $carry) (i64.const 32)))
        (i64.mul (local.get $aHigh) (local.get $bHigh)))))

  ;; $fold of one accumulator with 16 bytes of the secret.
  (func $merge (param $acc v128) (param $secret i32) (result i64)
    (call $fold
      (i64.xor (i64x2.extract_lane 0 (local.get $acc)) (i64.load offset=0 align=1 (local.get $secret)))
      (i64.xor (i64x2.extract_lane 1 (local.get $acc)) (i64.load offset=8 align=1 (local.get $secret)))))

  ;; What every accumulator goes through behind 16 stripes. The multiplier is PRIME32_1.
  (func $scramble (param $acc v128) (param $secret i32) (result v128)
    (i64x2.mul
      (v128.xor
        (v128.xor (local.get $acc) (i64x2.shr_u (local.get $acc) (i32.const 47)))
        (v128.load align=1 (local.get $secret)))
      (v128.const i64x2 0x9e3779b1 0x9e3779b1)))

  ;; XXH3-64 with seed 0 of the $length bytes at $at, $length > 240 (the long form of XXH3 alone); $secret points at its 192
  ;; default bytes. Stores the digest as 8 little-endian bytes at $out.
  ;; After https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
  (func (export "xxh3") (param $at i32) (param $length i32) (param $secret i32) (param $out i32)
    (local $a0 v128) (local $a1 v128) (local $a2 v128) (local $a3 v128)
    (local $d0 v128) (local $d1 v128) (local $d2 v128) (local $d3 v128)
    (local $k0 v128) (local $k1 v128) (local $k2 v128) (local $k3 v128)
    (local $low v128) (local $high v128)
    (local $key i32) (local $stop i32) (local $lastWhole i32) (local $lastStripe i32) (local $hash i64)
    ;; PRIME32_3 PRIME64_1, PRIME64_2 PRIME64_3, PRIME64_4 PRIME32_2, PRIME64_5 PRIME32_1
    (local.set $a0 (v128.const i64x2 0x00000000c2b2ae3d 0x9e3779b185ebca87))
    (local.set $a1 (v128.const i64x2 0xc2b2ae3d27d4eb4f 0x165667b19e3779f9))
    (local.set $a2 (v128.const i64x2 0x85ebca77c2b2ae63 0x0000000085ebca77))
    (local.set $a3 (v128.const i64x2 0x27d4eb2f165667c5 0x000000009e3779b1))
    ;; Stripes of 64 bytes, the last of which ends where the input does and may overlap the one before it.
    (local.set $lastStripe (i32.sub (i32.add (local.get $at) (local.get $length)) (i32.const 64)))
    (local.set $lastWhole
      (i32.add (local.get $at) (i32.and (i32.sub (local.get $length) (i32.const 1)) (i32.const -64))))
    (local.set $key (local.get $secret))
    (local.set $stop (i32.add (local.get $at) (i32.const 1024)))
    (if (i32.lt_u (local.get $lastWhole) (local.get $stop)) (then (local.set $stop (local.get $lastWhole))))
    (loop $stripe
      (local.set $d0 (v128.load offset=0 align=1 (local.get $at)))
      (local.set $d1 (v128.load offset=16 align=1 (local.get $at)))
      (local.set $d2 (v128.load offset=32 align=1 (local.get $at)))
      (local.set $d3 (v128.load offset=48 align=1 (local.get $at)))
      (local.set $k0 (v128.xor (local.get $d0) (v128.load offset=0 align=1 (local.get $key))))
      (local.set $k1 (v128.xor (local.get $d1) (v128.load offset=16 align=1 (local.get $key))))
      (local.set $k2 (v128.xor (local.get $d2) (v128.load offset=32 align=1 (local.get $key))))
      (local.set $k3 (v128.xor (local.get $d3) (v128.load offset=48 align=1 (local.get $key))))
      ;; Each 64-bit lane takes in its neighbour's input, and the product of the halves of its own keyed input. Two vectors
      ;; at a time, so that low and high halves stand together for the widening multiplications.
      (local.set $low (i8x16.shuffle 0 1 2 3 8 9 10 11 16 17 18 19 24 25 26 27 (local.get $k0) (local.get $k1)))
      (local.set $high (i8x16.shuffle 4 5 6 7 12 13 14 15 20 21 22 23 28 29 30 31 (local.get $k0) (local.get $k1)))
      (local.set $a0 (i64x2.add
        (i64x2.add
          (local.get $a0)
          (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $d0) (local.get $d0)))
        (i64x2.extmul_low_i32x4_u (local.get $low) (local.get $high))))
      (local.set $a1 (i64x2.add
        (i64x2.add
          (local.get $a1)
          (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $d1) (local.get $d1)))
        (i64x2.extmul_high_i32x4_u (local.get $low) (local.get $high))))
      (local.set $low (i8x16.shuffle 0 1 2 3 8 9 10 11 16 17 18 19 24 25 26 27 (local.get $k2) (local.get $k3)))
      (local.set $high (i8x16.shuffle 4 5 6 7 12 13 14 15 20 21 22 23 28 29 30 31 (local.get $k2) (local.get $k3)))
      (local.set $a2 (i64x2.add
        (i64x2.add
          (local.get $a2)
          (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $d2) (local.get $d2)))
        (i64x2.extmul_low_i32x4_u (local.get $low) (local.get $high))))
      (local.set $a3 (i64x2.add
        (i64x2.add
          (local.get $a3)
          (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $d3) (local.get $d3)))
        (i64x2.extmul_high_i32x4_u (local.get $low) (local.get $high))))
      (local.set $at (i32.add (local.get $at) (i32.const 64)))
      (local.set $key (i32.add (local.get $key) (i32.const 8)))
      (br_if $stripe (i32.ne (local.get $at) (local.get $stop)))
      ;; Behind a block of 16 stripes.
      (if (i32.eq (local.get $key) (i32.add (local.get $secret) (i32.const 128)))
        (then
          (local.set $a0 (call $scramble (local.get $a0) (i32.add (local.get $secret) (i32.const 128))))
          (local.set $a1 (call $scramble (local.get $a1) (i32.add (local.get $secret) (i32.const 144))))
          (local.set $a2 (call $scramble (local.get $a2) (i32.add (local.get $secret) (i32.const 160))))
          (local.set $a3 (call $scramble (local.get $a3) (i32.add (local.get $secret) (i32.const 176))))
          (local.set $key (local.get $secret))))
      (if (i32.ne (local.get $at) (local.get $lastWhole))
        (then
          (local.set $stop (i32.add (local.get $at) (i32.const 1024)))
          (if (i32.lt_u (local.get $lastWhole) (local.get $stop)) (then (local.set $stop (local.get $lastWhole))))
          (br $stripe)))
      ;; The last stripe has a place of its own in the secret. Behind it nothing is left.
      (if (local.get $lastStripe)
        (then
          (local.set $at (local.get $lastStripe))
          (local.set $lastStripe (i32.const 0))
          (local.set $lastWhole (i32.add (local.get $at) (i32.const 64)))
          (local.set $stop (local.get $lastWhole))
          (local.set $key (i32.add (local.get $secret) (i32.const 121)))
          (br $stripe))))
    (local.set $hash (i64.mul (i64.extend_i32_u (local.get $length)) (i64.const 0x9e3779b185ebca87)))
    (local.set $hash (i64.add (local.get $hash) (call $merge (local.get $a0) (i32.add (local.get $secret) (i32.const 11)))))
    (local.set $hash (i64.add (local.get $hash) (call $merge (local.get $a1) (i32.add (local.get $secret) (i32.const 27)))))
    (local.set $hash (i64.add (local.get $hash) (call $merge (local.get $a2) (i32.add (local.get $secret) (i32.const 43)))))
    (local.set $hash (i64.add (local.get $hash) (call $merge (local.get $a3) (i32.add (local.get $secret) (i32.const 59)))))
    (local.set $hash (i64.xor (local.get $hash) (i64.shr_u (local.get $hash) (i64.const 37))))
    (local.set $hash (i64.mul (local.get $hash) (i64.const 0x165667919e3779f9)))
    (i64.store align=1
      (local.get $out)
      (i64.xor (local.get $hash) (i64.shr_u (local.get $hash) (i64.const 32))))))
