;; Comparing pages of two files in one memory. WebAssembly SIMD (128 bit).
;;
;; `npm run kernels` assembles this file to kernels.generated.ts; build/kernels.test.mjs proves that the two agree,
;; diff.test.ts that it sees every byte.
(module
  (import "env" "memory" (memory 1))

  ;; 1 when the $size bytes at $a and at $b differ, else 0. $size is a multiple of 128.
  (func $differ (param $a i32) (param $b i32) (param $size i32) (result i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $a) (local.get $size)))
    (loop $step
      (if (v128.any_true
            (v128.or
              (v128.or
                (v128.or
                  (v128.xor (v128.load offset=0 align=1 (local.get $a)) (v128.load offset=0 align=1 (local.get $b)))
                  (v128.xor (v128.load offset=16 align=1 (local.get $a)) (v128.load offset=16 align=1 (local.get $b))))
                (v128.or
                  (v128.xor (v128.load offset=32 align=1 (local.get $a)) (v128.load offset=32 align=1 (local.get $b)))
                  (v128.xor (v128.load offset=48 align=1 (local.get $a)) (v128.load offset=48 align=1 (local.get $b)))))
              (v128.or
                (v128.or
                  (v128.xor (v128.load offset=64 align=1 (local.get $a)) (v128.load offset=64 align=1 (local.get $b)))
                  (v128.xor (v128.load offset=80 align=1 (local.get $a)) (v128.load offset=80 align=1 (local.get $b))))
                (v128.or
                  (v128.xor (v128.load offset=96 align=1 (local.get $a)) (v128.load offset=96 align=1 (local.get $b)))
                  (v128.xor (v128.load offset=112 align=1 (local.get $a)) (v128.load offset=112 align=1 (local.get $b)))))))
        (then (return (i32.const 1))))
      (local.set $a (i32.add (local.get $a) (i32.const 128)))
      (local.set $b (i32.add (local.get $b) (i32.const 128)))
      (br_if $step (i32.lt_u (local.get $a) (local.get $end))))
    (i32.const 0))

  ;; Which of the $count pages of $size bytes at $a and at $b differ: a byte each at $flags, 1 or 0. Returns how many do.
  (func (export "differing")
    (param $a i32) (param $b i32) (param $size i32) (param $count i32) (param $flags i32) (result i32)
    (local $found i32) (local $one i32)
    (block $done
      (br_if $done (i32.eqz (local.get $count)))
      (loop $next
        (local.set $one (call $differ (local.get $a) (local.get $b) (local.get $size)))
        (local.set $found (i32.add (local.get $found) (local.get $one)))
        (i32.store8 (local.get $flags) (local.get $one))
        (local.set $a (i32.add (local.get $a) (local.get $size)))
        (local.set $b (i32.add (local.get $b) (local.get $size)))
        (local.set $flags (i32.add (local.get $flags) (i32.const 1)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br_if $next (local.get $count))))
    (local.get $found)))
