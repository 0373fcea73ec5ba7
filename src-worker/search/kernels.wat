;; The inner loops of searching RAM, over the memory that pages are read into. WebAssembly SIMD (128 bit).
;;
;; `npm run kernels` assembles this file to kernels.generated.ts; build/kernels.test.mjs proves that the two agree,
;; search.test.ts that what they find is what plain loops and V8 find.
;;
;; All of them may read up to 128 bytes past the end that they are given, and take no notice of what stands there.
(module
  (import "env" "memory" (memory 1))

  ;; 1 when the $length bytes at $at are those of the needle where its mask has bits, else 0.
  (func $fits (param $at i32) (param $needle i32) (param $mask i32) (param $length i32) (result i32)
    (local $index i32)
    (loop $next
      (if (i32.ne
            (i32.and
              (i32.load8_u (i32.add (local.get $at) (local.get $index)))
              (i32.load8_u (i32.add (local.get $mask) (local.get $index))))
            (i32.load8_u (i32.add (local.get $needle) (local.get $index))))
        (then (return (i32.const 0))))
      (local.set $index (i32.add (local.get $index) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $index) (local.get $length))))
    (i32.const 1))

  ;; Four vectors of lanes that are all ones or all zeros as one bit each, the first lane lowest.
  (func $bits64 (param $a v128) (param $b v128) (param $c v128) (param $d v128) (result i64)
    (i64.or
      (i64.or
        (i64.extend_i32_u (i8x16.bitmask (local.get $a)))
        (i64.shl (i64.extend_i32_u (i8x16.bitmask (local.get $b))) (i64.const 16)))
      (i64.or
        (i64.shl (i64.extend_i32_u (i8x16.bitmask (local.get $c))) (i64.const 32))
        (i64.shl (i64.extend_i32_u (i8x16.bitmask (local.get $d))) (i64.const 48)))))

  ;; Every place from $at to before $end where the needle of $length bytes stands, at most $most: stored at $out, 4 bytes
  ;; each; returns how many. The needle's bytes have no bits that its mask has not. $one and $two are the places of the two
  ;; bytes of it that are compared first, in 64 places at a time.
  (func (export "literal")
    (param $at i32) (param $end i32) (param $needle i32) (param $mask i32) (param $length i32)
    (param $one i32) (param $two i32) (param $out i32) (param $most i32) (result i32)
    (local $a i32) (local $b i32) (local $found i32) (local $bits i64) (local $place i32)
    (local $byteA v128) (local $byteB v128) (local $maskA v128) (local $maskB v128)
    (local $r0 v128) (local $r1 v128) (local $r2 v128) (local $r3 v128)
    (local.set $byteA (v128.load8_splat (i32.add (local.get $needle) (local.get $one))))
    (local.set $byteB (v128.load8_splat (i32.add (local.get $needle) (local.get $two))))
    (local.set $maskA (v128.load8_splat (i32.add (local.get $mask) (local.get $one))))
    (local.set $maskB (v128.load8_splat (i32.add (local.get $mask) (local.get $two))))
    (block $done
      (loop $step
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $a (i32.add (local.get $at) (local.get $one)))
        (local.set $b (i32.add (local.get $at) (local.get $two)))
        (local.set $r0
          (v128.and
            (i8x16.eq (v128.and (v128.load offset=0 align=1 (local.get $a)) (local.get $maskA)) (local.get $byteA))
            (i8x16.eq (v128.and (v128.load offset=0 align=1 (local.get $b)) (local.get $maskB)) (local.get $byteB))))
        (local.set $r1
          (v128.and
            (i8x16.eq (v128.and (v128.load offset=16 align=1 (local.get $a)) (local.get $maskA)) (local.get $byteA))
            (i8x16.eq (v128.and (v128.load offset=16 align=1 (local.get $b)) (local.get $maskB)) (local.get $byteB))))
        (local.set $r2
          (v128.and
            (i8x16.eq (v128.and (v128.load offset=32 align=1 (local.get $a)) (local.get $maskA)) (local.get $byteA))
            (i8x16.eq (v128.and (v128.load offset=32 align=1 (local.get $b)) (local.get $maskB)) (local.get $byteB))))
        (local.set $r3
          (v128.and
            (i8x16.eq (v128.and (v128.load offset=48 align=1 (local.get $a)) (local.get $maskA)) (local.get $byteA))
            (i8x16.eq (v128.and (v128.load offset=48 align=1 (local.get $b)) (local.get $maskB)) (local.get $byteB))))
        (if (v128.any_true
              (v128.or
                (v128.or (local.get $r0) (local.get $r1))
                (v128.or (local.get $r2) (local.get $r3))))
          (then
            (local.set $bits
              (call $bits64 (local.get $r0) (local.get $r1) (local.get $r2) (local.get $r3)))
            (loop $candidate
              (local.set $place (i32.add (local.get $at) (i32.wrap_i64 (i64.ctz (local.get $bits)))))
              (br_if $done (i32.ge_u (local.get $place) (local.get $end)))
              (if (call $fits (local.get $place) (local.get $needle) (local.get $mask) (local.get $length))
                (then
                  (i32.store (i32.add (local.get $out) (i32.shl (local.get $found) (i32.const 2))) (local.get $place))
                  (local.set $found (i32.add (local.get $found) (i32.const 1)))
                  (br_if $done (i32.eq (local.get $found) (local.get $most)))))
              (local.set $bits (i64.and (local.get $bits) (i64.sub (local.get $bits) (i64.const 1))))
              (br_if $candidate (i32.eqz (i64.eqz (local.get $bits)))))))
        (local.set $at (i32.add (local.get $at) (i32.const 64)))
        (br $step)))
    (local.get $found))

  ;; The first place from $at to before $end where two bytes of an anchor stand; $end when there is none. $pair: 16 times the
  ;; mask of the first, 16 times its value, the same of the second, and 4 bytes each of their distances from the anchor's place.
  (func $seekPair (param $at i32) (param $end i32) (param $pair i32) (result i32)
    (local $a i32) (local $b i32) (local $one i32) (local $two i32) (local $place i32)
    (local $byteA v128) (local $byteB v128) (local $maskA v128) (local $maskB v128)
    (local $r0 v128) (local $r1 v128) (local $r2 v128) (local $r3 v128)
    (local.set $maskA (v128.load offset=0 (local.get $pair)))
    (local.set $byteA (v128.load offset=16 (local.get $pair)))
    (local.set $maskB (v128.load offset=32 (local.get $pair)))
    (local.set $byteB (v128.load offset=48 (local.get $pair)))
    (local.set $one (i32.load offset=64 (local.get $pair)))
    (local.set $two (i32.load offset=68 (local.get $pair)))
    (block $done
      (loop $step
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $a (i32.add (local.get $at) (local.get $one)))
        (local.set $b (i32.add (local.get $at) (local.get $two)))
        (local.set $r0
          (v128.and
            (i8x16.eq (v128.and (v128.load offset=0 align=1 (local.get $a)) (local.get $maskA)) (local.get $byteA))
            (i8x16.eq (v128.and (v128.load offset=0 align=1 (local.get $b)) (local.get $maskB)) (local.get $byteB))))
        (local.set $r1
          (v128.and
            (i8x16.eq (v128.and (v128.load offset=16 align=1 (local.get $a)) (local.get $maskA)) (local.get $byteA))
            (i8x16.eq (v128.and (v128.load offset=16 align=1 (local.get $b)) (local.get $maskB)) (local.get $byteB))))
        (local.set $r2
          (v128.and
            (i8x16.eq (v128.and (v128.load offset=32 align=1 (local.get $a)) (local.get $maskA)) (local.get $byteA))
            (i8x16.eq (v128.and (v128.load offset=32 align=1 (local.get $b)) (local.get $maskB)) (local.get $byteB))))
        (local.set $r3
          (v128.and
            (i8x16.eq (v128.and (v128.load offset=48 align=1 (local.get $a)) (local.get $maskA)) (local.get $byteA))
            (i8x16.eq (v128.and (v128.load offset=48 align=1 (local.get $b)) (local.get $maskB)) (local.get $byteB))))
        (if (v128.any_true
              (v128.or
                (v128.or (local.get $r0) (local.get $r1))
                (v128.or (local.get $r2) (local.get $r3))))
          (then
            (local.set $place
              (i32.add
                (local.get $at)
                (i32.wrap_i64
                  (i64.ctz (call $bits64 (local.get $r0) (local.get $r1) (local.get $r2) (local.get $r3))))))
            (br_if $done (i32.ge_u (local.get $place) (local.get $end)))
            (return (local.get $place))))
        (local.set $at (i32.add (local.get $at) (i32.const 64)))
        (br $step)))
    (local.get $end))

  ;; The first place from $at to before $end at which three bytes stand, each within its range; $end when there is none.
  ;; $ranges: for each of them 16 times its mask, 16 times the lowest value, 16 times highest − lowest.
  (func $seekRanges (param $at i32) (param $end i32) (param $ranges i32) (result i32)
    (local $m0 v128) (local $l0 v128) (local $s0 v128)
    (local $m1 v128) (local $l1 v128) (local $s1 v128)
    (local $m2 v128) (local $l2 v128) (local $s2 v128)
    (local $r0 v128) (local $r1 v128) (local $r2 v128) (local $r3 v128) (local $from v128) (local $place i32)
    (local.set $m0 (v128.load offset=0 (local.get $ranges)))
    (local.set $l0 (v128.load offset=16 (local.get $ranges)))
    (local.set $s0 (v128.load offset=32 (local.get $ranges)))
    (local.set $m1 (v128.load offset=48 (local.get $ranges)))
    (local.set $l1 (v128.load offset=64 (local.get $ranges)))
    (local.set $s1 (v128.load offset=80 (local.get $ranges)))
    (local.set $m2 (v128.load offset=96 (local.get $ranges)))
    (local.set $l2 (v128.load offset=112 (local.get $ranges)))
    (local.set $s2 (v128.load offset=128 (local.get $ranges)))
    (block $done
      (loop $step
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        ;; Masked, and counted from the lowest value, a byte of the range is at most highest − lowest.
        (local.set $from
          (i8x16.sub
            (v128.and (v128.load offset=0 align=1 (local.get $at)) (local.get $m0))
            (local.get $l0)))
        (local.set $r0 (i8x16.eq (i8x16.min_u (local.get $from) (local.get $s0)) (local.get $from)))
        (local.set $from
          (i8x16.sub
            (v128.and (v128.load offset=1 align=1 (local.get $at)) (local.get $m1))
            (local.get $l1)))
        (local.set $r0
          (v128.and (local.get $r0) (i8x16.eq (i8x16.min_u (local.get $from) (local.get $s1)) (local.get $from))))
        (local.set $from
          (i8x16.sub
            (v128.and (v128.load offset=2 align=1 (local.get $at)) (local.get $m2))
            (local.get $l2)))
        (local.set $r0
          (v128.and (local.get $r0) (i8x16.eq (i8x16.min_u (local.get $from) (local.get $s2)) (local.get $from))))
        (local.set $from
          (i8x16.sub
            (v128.and (v128.load offset=16 align=1 (local.get $at)) (local.get $m0))
            (local.get $l0)))
        (local.set $r1 (i8x16.eq (i8x16.min_u (local.get $from) (local.get $s0)) (local.get $from)))
        (local.set $from
          (i8x16.sub
            (v128.and (v128.load offset=17 align=1 (local.get $at)) (local.get $m1))
            (local.get $l1)))
        (local.set $r1
          (v128.and (local.get $r1) (i8x16.eq (i8x16.min_u (local.get $from) (local.get $s1)) (local.get $from))))
        (local.set $from
          (i8x16.sub
            (v128.and (v128.load offset=18 align=1 (local.get $at)) (local.get $m2))
            (local.get $l2)))
        (local.set $r1
          (v128.and (local.get $r1) (i8x16.eq (i8x16.min_u (local.get $from) (local.get $s2)) (local.get $from))))
        (local.set $from
          (i8x16.sub
            (v128.and (v128.load offset=32 align=1 (local.get $at)) (local.get $m0))
            (local.get $l0)))
        (local.set $r2 (i8x16.eq (i8x16.min_u (local.get $from) (local.get $s0)) (local.get $from)))
        (local.set $from
          (i8x16.sub
            (v128.and (v128.load offset=33 align=1 (local.get $at)) (local.get $m1))
            (local.get $l1)))
        (local.set $r2
          (v128.and (local.get $r2) (i8x16.eq (i8x16.min_u (local.get $from) (local.get $s1)) (local.get $from))))
        (local.set $from
          (i8x16.sub
            (v128.and (v128.load offset=34 align=1 (local.get $at)) (local.get $m2))
            (local.get $l2)))
        (local.set $r2
          (v128.and (local.get $r2) (i8x16.eq (i8x16.min_u (local.get $from) (local.get $s2)) (local.get $from))))
        (local.set $from
          (i8x16.sub
            (v128.and (v128.load offset=48 align=1 (local.get $at)) (local.get $m0))
            (local.get $l0)))
        (local.set $r3 (i8x16.eq (i8x16.min_u (local.get $from) (local.get $s0)) (local.get $from)))
        (local.set $from
          (i8x16.sub
            (v128.and (v128.load offset=49 align=1 (local.get $at)) (local.get $m1))
            (local.get $l1)))
        (local.set $r3
          (v128.and (local.get $r3) (i8x16.eq (i8x16.min_u (local.get $from) (local.get $s1)) (local.get $from))))
        (local.set $from
          (i8x16.sub
            (v128.and (v128.load offset=50 align=1 (local.get $at)) (local.get $m2))
            (local.get $l2)))
        (local.set $r3
          (v128.and (local.get $r3) (i8x16.eq (i8x16.min_u (local.get $from) (local.get $s2)) (local.get $from))))
        (if (v128.any_true
              (v128.or
                (v128.or (local.get $r0) (local.get $r1))
                (v128.or (local.get $r2) (local.get $r3))))
          (then
            (local.set $place
              (i32.add
                (local.get $at)
                (i32.wrap_i64
                  (i64.ctz (call $bits64 (local.get $r0) (local.get $r1) (local.get $r2) (local.get $r3))))))
            (br_if $done (i32.ge_u (local.get $place) (local.get $end)))
            (return (local.get $place))))
        (local.set $at (i32.add (local.get $at) (i32.const 64)))
        (br $step)))
    (local.get $end))

  ;; The first place from $at to before $end at which three bytes stand that one of up to eight rows allows (and perhaps a
  ;; few more); $end when there is none. $tables: for each of the three, 16 bytes of rows by a byte's low half and 16 by its
  ;; high half. After Hyperscan's Teddy.
  (func $seekRows (param $at i32) (param $end i32) (param $tables i32) (result i32)
    (local $low0 v128) (local $high0 v128) (local $low1 v128) (local $high1 v128) (local $low2 v128) (local $high2 v128)
    (local $r0 v128) (local $r1 v128) (local $bytes v128) (local $half v128) (local $place i32)
    (local.set $half (v128.const i32x4 0x0f0f0f0f 0x0f0f0f0f 0x0f0f0f0f 0x0f0f0f0f))
    (local.set $low0 (v128.load offset=0 (local.get $tables)))
    (local.set $high0 (v128.load offset=16 (local.get $tables)))
    (local.set $low1 (v128.load offset=32 (local.get $tables)))
    (local.set $high1 (v128.load offset=48 (local.get $tables)))
    (local.set $low2 (v128.load offset=64 (local.get $tables)))
    (local.set $high2 (v128.load offset=80 (local.get $tables)))
    (block $done
      (loop $step
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        ;; Each byte's rows: those of its low half that are also rows of its high half.
        (local.set $bytes (v128.load offset=0 align=1 (local.get $at)))
        (local.set $r0
          (v128.and
            (i8x16.swizzle (local.get $low0) (v128.and (local.get $bytes) (local.get $half)))
            (i8x16.swizzle
              (local.get $high0)
              (v128.and (i16x8.shr_u (local.get $bytes) (i32.const 4)) (local.get $half)))))
        (local.set $bytes (v128.load offset=1 align=1 (local.get $at)))
        (local.set $r0
          (v128.and (local.get $r0) (v128.and
            (i8x16.swizzle (local.get $low1) (v128.and (local.get $bytes) (local.get $half)))
            (i8x16.swizzle
              (local.get $high1)
              (v128.and (i16x8.shr_u (local.get $bytes) (i32.const 4)) (local.get $half))))))
        (local.set $bytes (v128.load offset=2 align=1 (local.get $at)))
        (local.set $r0
          (v128.and (local.get $r0) (v128.and
            (i8x16.swizzle (local.get $low2) (v128.and (local.get $bytes) (local.get $half)))
            (i8x16.swizzle
              (local.get $high2)
              (v128.and (i16x8.shr_u (local.get $bytes) (i32.const 4)) (local.get $half))))))
        (local.set $bytes (v128.load offset=16 align=1 (local.get $at)))
        (local.set $r1
          (v128.and
            (i8x16.swizzle (local.get $low0) (v128.and (local.get $bytes) (local.get $half)))
            (i8x16.swizzle
              (local.get $high0)
              (v128.and (i16x8.shr_u (local.get $bytes) (i32.const 4)) (local.get $half)))))
        (local.set $bytes (v128.load offset=17 align=1 (local.get $at)))
        (local.set $r1
          (v128.and (local.get $r1) (v128.and
            (i8x16.swizzle (local.get $low1) (v128.and (local.get $bytes) (local.get $half)))
            (i8x16.swizzle
              (local.get $high1)
              (v128.and (i16x8.shr_u (local.get $bytes) (i32.const 4)) (local.get $half))))))
        (local.set $bytes (v128.load offset=18 align=1 (local.get $at)))
        (local.set $r1
          (v128.and (local.get $r1) (v128.and
            (i8x16.swizzle (local.get $low2) (v128.and (local.get $bytes) (local.get $half)))
            (i8x16.swizzle
              (local.get $high2)
              (v128.and (i16x8.shr_u (local.get $bytes) (i32.const 4)) (local.get $half))))))
        (if (v128.any_true (v128.or (local.get $r0) (local.get $r1)))
          (then
            (local.set $place
              (i32.add
                (local.get $at)
                (i32.ctz
                  (i32.or
                    (i8x16.bitmask (i8x16.ne (local.get $r0) (v128.const i32x4 0 0 0 0)))
                    (i32.shl (i8x16.bitmask (i8x16.ne (local.get $r1) (v128.const i32x4 0 0 0 0))) (i32.const 16))))))
            (br_if $done (i32.ge_u (local.get $place) (local.get $end)))
            (return (local.get $place))))
        (local.set $at (i32.add (local.get $at) (i32.const 32)))
        (br $step)))
    (local.get $end))

  ;; How far before $at bytes stand, one after another, that $flags (a byte for each value) has; not before $least.
  (func $lead (param $at i32) (param $least i32) (param $flags i32) (result i32)
    (block $done
      (loop $back
        (br_if $done (i32.le_s (local.get $at) (local.get $least)))
        (br_if $done
          (i32.eqz
            (i32.load8_u
              (i32.add (local.get $flags) (i32.load8_u (i32.sub (local.get $at) (i32.const 1)))))))
        (local.set $at (i32.sub (local.get $at) (i32.const 1)))
        (br $back)))
    (local.get $at))

  ;; By a pair, by ranges or by rows: 1, 2 or 3.
  (func $seek (param $how i32) (param $at i32) (param $end i32) (param $tables i32) (result i32)
    (if (i32.eq (local.get $how) (i32.const 1))
      (then (return (call $seekPair (local.get $at) (local.get $end) (local.get $tables)))))
    (if (i32.eq (local.get $how) (i32.const 2))
      (then (return (call $seekRanges (local.get $at) (local.get $end) (local.get $tables)))))
    (call $seekRows (local.get $at) (local.get $end) (local.get $tables)))

  (func $max (param $a i32) (param $b i32) (result i32)
    (select (local.get $a) (local.get $b) (i32.gt_s (local.get $a) (local.get $b))))

  ;; Runs the automaton over the bytes from $at to before $end, beginning in the row of the transition table that $state
  ;; names; skips, while no match is under way, to where one can begin. $state, 4 bytes each:
  ;;   0 place (out)  4 row (in, out)  8 one past the last byte of the last match (in, out; untouched without one)
  ;;   12 transition table  16 column of each byte  20 start row
  ;;   24 how to skip: 0 not, 1 by a pair, 2 by ranges, 3 by rows  28 its tables  32 bytes of an anchor, 1 … 3
  ;;   36 fewest and 40 most bytes of a match before them  44 which bytes those can be
  ;; Returns 0 at the end, 1 when no match can follow, 2 at a transition that is not in the table yet.
  (func (export "scan") (param $at i32) (param $end i32) (param $state i32) (result i32)
    (local $row i32) (local $table i32) (local $columns i32) (local $start i32) (local $to i32)
    (local $how i32) (local $anchor i32) (local $last i32) (local $guard i32)
    (local.set $row (i32.load offset=4 (local.get $state)))
    (local.set $table (i32.load offset=12 (local.get $state)))
    (local.set $columns (i32.load offset=16 (local.get $state)))
    (local.set $how (i32.load offset=24 (local.get $state)))
    ;; No row has this number, so that without skipping the inner loop never leaves for it.
    (local.set $start (select (i32.load offset=20 (local.get $state)) (i32.const -1) (local.get $how)))
    (loop $outer
      (local.set $guard (i32.const 0))
      (if (i32.eq (local.get $row) (local.get $start))
        (then
          ;; Behind the last place where all bytes of an anchor lie before the end.
          (local.set $last
            (i32.sub (i32.add (local.get $end) (i32.const 1)) (i32.load offset=32 (local.get $state))))
          (local.set $anchor (i32.add (local.get $at) (i32.load offset=36 (local.get $state))))
          (local.set $anchor
            (call $seek
              (local.get $how)
              (local.get $anchor)
              (local.get $last)
              (i32.load offset=28 (local.get $state))))
          ;; With no anchor here, one may still follow that a match before the end belongs to.
          (local.set $guard
            (select (local.get $anchor) (local.get $end) (i32.lt_s (local.get $anchor) (local.get $last))))
          (local.set $anchor
            (select
              (local.get $anchor)
              (call $max (local.get $at) (local.get $last))
              (i32.lt_s (local.get $anchor) (local.get $last))))
          (local.set $at
            (call $lead
              (local.get $anchor)
              (call $max (local.get $at) (i32.sub (local.get $anchor) (i32.load offset=40 (local.get $state))))
              (i32.load offset=44 (local.get $state))))))
      (loop $byte
        (if (i32.ge_u (local.get $at) (local.get $end))
          (then
            (i32.store offset=0 (local.get $state) (local.get $at))
            (i32.store offset=4 (local.get $state) (local.get $row))
            (return (i32.const 0))))
        (local.set $to
          (i32.load
            (i32.add
              (i32.add (local.get $table) (local.get $row))
              (i32.load
                (i32.add (local.get $columns) (i32.shl (i32.load8_u (local.get $at)) (i32.const 2)))))))
        (if (i32.and (local.get $to) (i32.const 3))
          (then
            (if (i32.eq (local.get $to) (i32.const 6))
              (then
                (i32.store offset=0 (local.get $state) (local.get $at))
                (i32.store offset=4 (local.get $state) (local.get $row))
                (return (i32.const 2))))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (if (i32.and (local.get $to) (i32.const 1))
              (then (i32.store offset=8 (local.get $state) (local.get $at))))
            (if (i32.and (local.get $to) (i32.const 2))
              (then
                (i32.store offset=0 (local.get $state) (local.get $at))
                (return (i32.const 1))))
            (local.set $row (i32.sub (local.get $to) (i32.const 1)))
            (br $byte)))
        (local.set $row (local.get $to))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br_if $byte (i32.ne (local.get $row) (local.get $start)))
        (br_if $byte (i32.le_u (local.get $at) (local.get $guard)))
        (br $outer)))
    (unreachable))

  ;; Runs the automaton backwards over the bytes before $at, down to $least. $state as above, without skipping; a match's
  ;; place is that of its first byte.
  (func (export "back") (param $at i32) (param $least i32) (param $state i32) (result i32)
    (local $row i32) (local $table i32) (local $columns i32) (local $to i32)
    (local.set $row (i32.load offset=4 (local.get $state)))
    (local.set $table (i32.load offset=12 (local.get $state)))
    (local.set $columns (i32.load offset=16 (local.get $state)))
    (loop $byte
      (if (i32.le_u (local.get $at) (local.get $least))
        (then
          (i32.store offset=0 (local.get $state) (local.get $at))
          (i32.store offset=4 (local.get $state) (local.get $row))
          (return (i32.const 0))))
      (local.set $to
        (i32.load
          (i32.add
            (i32.add (local.get $table) (local.get $row))
            (i32.load
              (i32.add
                (local.get $columns)
                (i32.shl (i32.load8_u (i32.sub (local.get $at) (i32.const 1))) (i32.const 2)))))))
      (if (i32.eq (local.get $to) (i32.const 6))
        (then
          (i32.store offset=0 (local.get $state) (local.get $at))
          (i32.store offset=4 (local.get $state) (local.get $row))
          (return (i32.const 2))))
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (if (i32.and (local.get $to) (i32.const 1))
        (then (i32.store offset=8 (local.get $state) (local.get $at))))
      (if (i32.and (local.get $to) (i32.const 2))
        (then
          (i32.store offset=0 (local.get $state) (local.get $at))
          (return (i32.const 1))))
      (local.set $row (i32.and (local.get $to) (i32.const -2)))
      (br $byte))
    (unreachable)))
