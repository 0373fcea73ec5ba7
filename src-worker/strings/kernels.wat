;; Runs of printable characters in memory. WebAssembly SIMD (128 bit).
;;
;; `npm run kernels` assembles this file to kernels.generated.ts; build/kernels.test.mjs proves that the two agree,
;; strings.test.ts that runs are those of a plain loop.
(module
  (import "env" "memory" (memory 1))

  ;; Lanes that hold printable ASCII or a tab: all ones. With $high also bytes of 0x80 and more.
  (func $printable (param $bytes v128) (param $high v128) (result v128)
    (v128.or
      (v128.or
        (i8x16.lt_u
          (i8x16.sub (local.get $bytes) (v128.const i32x4 0x20202020 0x20202020 0x20202020 0x20202020))
          (v128.const i32x4 0x5f5f5f5f 0x5f5f5f5f 0x5f5f5f5f 0x5f5f5f5f))
        (i8x16.eq (local.get $bytes) (v128.const i32x4 0x09090909 0x09090909 0x09090909 0x09090909)))
      (v128.and (local.get $high) (i8x16.lt_s (local.get $bytes) (v128.const i32x4 0 0 0 0)))))

  ;; One bit for each of the 64 bytes at $at: whether a character of the given kind begins there. $kind: 0 ASCII, 1 ASCII and
  ;; bytes of 0x80 and more, 2 ASCII in UTF-16, low byte first.
  (func $characters (param $at i32) (param $kind i32) (result i64)
    (local $bits i64) (local $part i32) (local $lanes v128) (local $high v128) (local $zero v128)
    (if (i32.eq (local.get $kind) (i32.const 1))
      (then (local.set $high (v128.const i32x4 -1 -1 -1 -1))))
    (loop $next
      (local.set $lanes
        (call $printable
          (v128.load align=1 (i32.add (local.get $at) (local.get $part)))
          (local.get $high)))
      (if (i32.eq (local.get $kind) (i32.const 2))
        (then
          (local.set $lanes
            (v128.and
              (local.get $lanes)
              (i8x16.eq
                (v128.load offset=1 align=1 (i32.add (local.get $at) (local.get $part)))
                (local.get $zero))))))
      (local.set $bits
        (i64.or
          (local.get $bits)
          (i64.shl (i64.extend_i32_u (i8x16.bitmask (local.get $lanes))) (i64.extend_i32_u (local.get $part)))))
      (local.set $part (i32.add (local.get $part) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $part) (i32.const 64))))
    (local.get $bits))

  ;; Stores a run at $out, where it has at least $least bytes. Returns where the next one is to be stored.
  (func $store (param $start i32) (param $stop i32) (param $least i32) (param $out i32) (result i32)
    (if (i32.lt_u (i32.sub (local.get $stop) (local.get $start)) (local.get $least))
      (then (return (local.get $out))))
    (i32.store offset=0 (local.get $out) (local.get $start))
    (i32.store offset=4 (local.get $out) (local.get $stop))
    (i32.add (local.get $out) (i32.const 8)))

  ;; Runs of at least $least bytes of characters between $at and $end, stored at $out as two places, 4 bytes each: the first
  ;; byte and one past the last. $kind as above, but 2: characters at even distances from $at, and 3: at odd ones; those runs
  ;; are shown one byte early. A run that reaches $end is stored however short it is. The bytes behind $end are looked at,
  ;; but only the first of them counts, and only in UTF-16. Returns where the last one is stored, or $out without any.
  (func (export "runs")
    (param $at i32) (param $end i32) (param $kind i32) (param $least i32) (param $out i32) (result i32)
    (local $bits i64) (local $seen i64) (local $start i32) (local $inside i32) (local $from i64) (local $left i32)
    (loop $word
      (if (i32.lt_u (local.get $at) (local.get $end))
        (then
          (local.set $bits
            (call $characters
              (local.get $at)
              (select (i32.const 2) (local.get $kind) (i32.eq (local.get $kind) (i32.const 3)))))
          ;; Both bytes of a character belong to its run.
          (if (i32.eq (local.get $kind) (i32.const 2))
            (then
              (local.set $bits (i64.and (local.get $bits) (i64.const 0x5555555555555555)))
              (local.set $bits (i64.or (local.get $bits) (i64.shl (local.get $bits) (i64.const 1))))))
          (if (i32.eq (local.get $kind) (i32.const 3))
            (then
              (local.set $bits (i64.and (local.get $bits) (i64.const 0xaaaaaaaaaaaaaaaa)))
              (local.set $bits (i64.or (local.get $bits) (i64.shr_u (local.get $bits) (i64.const 1))))))
          (local.set $left (i32.sub (local.get $end) (local.get $at)))
          (if (i32.lt_u (local.get $left) (i32.const 64))
            (then
              (local.set $bits
                (i64.and
                  (local.get $bits)
                  (i64.sub (i64.shl (i64.const 1) (i64.extend_i32_u (local.get $left))) (i64.const 1))))))
          ;; From border to border: inside a run it is the bits that are not set that are looked for.
          (local.set $from (i64.const -1))
          (block $next
            (loop $border
              (local.set $seen
                (i64.and
                  (local.get $from)
                  (select
                    (i64.xor (local.get $bits) (i64.const -1))
                    (local.get $bits)
                    (local.get $inside))))
              (br_if $next (i64.eqz (local.get $seen)))
              (local.set $from (i64.shl (i64.const -1) (i64.ctz (local.get $seen))))
              (if (local.get $inside)
                (then
                  (br_if $next (i32.ge_u (i32.wrap_i64 (i64.ctz (local.get $seen))) (local.get $left)))
                  (local.set $out
                    (call $store
                      (local.get $start)
                      (i32.add (local.get $at) (i32.wrap_i64 (i64.ctz (local.get $seen))))
                      (local.get $least)
                      (local.get $out))))
                (else
                  (local.set $start (i32.add (local.get $at) (i32.wrap_i64 (i64.ctz (local.get $seen)))))))
              (local.set $inside (i32.eqz (local.get $inside)))
              (br $border)))
          (local.set $at (i32.add (local.get $at) (i32.const 64)))
          (br $word))))
    (if (local.get $inside)
      (then
        (local.set $out (call $store (local.get $start) (local.get $end) (i32.const 0) (local.get $out)))))
    (local.get $out)))
