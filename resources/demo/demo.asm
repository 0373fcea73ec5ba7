; Stillframe's demo guest: one boot sector.
;
; It counts, draws a moving pattern on the VGA text screen and dirties guest memory at a known rate, so that there is
; something to save, to restore and to look for in the file. It takes no interrupt but the timer's and writes no disk.
;
;   nasm -f bin -o demo.img demo.asm
;
; Guest-physical addresses (src-main/machines/demo.ts has the same numbers; a test compares the two):
;
;   0x100000  u64  counter: pages written since the start
;   0x100008  u32  pass: how often the whole window was written
;   0x10000c  u32  page: the page of the window that is written next
;   0x100010  u32  ticks: rounds of the main loop
;   0x100020  u32  parameter: pages in the window              } QEMU puts them there at every reset,
;   0x100024  u32  parameter: MiB to dirty per second, 0 = as  } -device loader,addr=…,data=…,data-len=4;
;                  fast as the CPU goes                        } without: 64 MiB at 64 MiB/s, ∞
;   0x100028  u32  parameter: MiB of memory, for the title     }
;   0x100800       64 bytes that the guest never touches: for a tester's nonce
;   0x200000       the window: page p starts with the u64 that the counter was when p was last written
;
; So at any instant counter = pass × window pages + page; pages below `page` hold values of this pass, the others those
; of the pass before, give or take the one page being written. A save that loses a write breaks this.

STATE           equ 0x100000
COUNTER         equ 0x00                ; from here on offsets from STATE, which ebp holds
PASS            equ 0x08
PAGE            equ 0x0c
TICKS           equ 0x10
COLOURS         equ 0x14                ; of the text being drawn
WINDOW_PAGES    equ 0x20
RATE_MIB        equ 0x24
MEMORY_MIB      equ 0x28
STACK           equ 0x7c                ; grows down, by 48 bytes at most
WAVE            equ 0x400               ; 256 bytes: one period of a rounded wave, 0 … 84
WINDOW          equ 0x200000

PAGES_PER_TICK  equ 14                  ; 256 pages are 1 MiB, and the timer ticks 18.2065 times a second: 0.4 % less
TIGHT_PAGES     equ 0x4000              ; pages between two pictures when the rate is 0

SCREEN          equ 0xb8000
BAR             equ 0x70                ; black on grey
LABEL           equ 0x08                ; dark grey on black
VALUE           equ 0x0f                ; white on black
PATTERN_ROW     equ 8
PATTERN_COL     equ 4
PATTERN_ROWS    equ 15
PATTERN_COLS    equ 72

                bits 16
                org 0x7c00

start:          mov ax, 0x0003          ; 80 × 25 text, cleared
                int 0x10
                mov ah, 0x01            ; no cursor
                mov ch, 0x20
                int 0x10
                cli
                lgdt [cs:gdt]
                lidt [cs:idt_register]
                mov eax, cr0
                inc ax                  ; protected mode: the lowest bit was clear
                mov cr0, eax
                jmp 8:protected

                bits 32
protected:      mov al, 16              ; the upper bits of eax do not matter here
                mov ds, eax
                mov es, eax
                mov ss, eax
                mov ebp, STATE
                lea esp, [ebp + STACK]
                mov al, 0xfe            ; every interrupt but the timer's is masked
                out 0x21, al

                xor eax, eax            ; counter (two), pass, page, ticks
                mov edi, ebp
                stosd
                stosd
                stosd
                stosd
                stosd
                cmp [ebp + WINDOW_PAGES], eax
                jne .bar
                mov byte [ebp + WINDOW_PAGES + 1], 64 * 256 >> 8
                mov byte [ebp + RATE_MIB], 64

.bar:           mov edi, SCREEN
                mov ax, BAR << 8 | ' '
                push 80
                pop ecx
                rep stosw

; The wave: a parabola up for half a period, its mirror image down for the other.
                mov ebx, STATE + WAVE
                cdq                     ; edx = 0 … 127
                mov cl, 97              ; 64 × 64 / 97 = 42
.sample:        mov al, 128
                sub al, dl
                mul dl
                div cl
                mov ah, 42
                sub ah, al
                mov [ebx + edx + 128], ah
                add al, 42
                mov [ebx + edx], al
                inc dl
                jns .sample
                sti

; One round a tick. First its share of the pages …
main:           imul ecx, [ebp + RATE_MIB], PAGES_PER_TICK
                jecxz .tight
                hlt
                jmp .write
.tight:         mov ch, TIGHT_PAGES >> 8
.write:         mov edi, [ebp + PAGE]
                shl edi, 12
                add edi, WINDOW
                mov esi, ebp
                movsd
                movsd
                add dword [ebp + COUNTER], 1
                adc dword [ebp + COUNTER + 4], 0
                inc dword [ebp + PAGE]
                mov eax, [ebp + PAGE]
                cmp eax, [ebp + WINDOW_PAGES]
                jb .next
                sub [ebp + PAGE], eax   ; that is 0
                inc dword [ebp + PASS]
.next:          loop .write
                inc dword [ebp + TICKS]

; … then the text, from a script of bytes …
                mov esi, script
.step:          xor eax, eax
                lodsb
                cmp al, 0x20
                jb .move
                test al, al
                js .number
.letter:        mov ah, [ebp + COLOURS]
                stosw
                jmp .step

.move:          imul edi, eax, 16 * 2   ; in steps of 16 columns, five to a row
                add edi, SCREEN + PATTERN_COL * 2
                lodsb
                mov [ebp + COLOURS], al
                test al, al
                jnz .step
                jmp .pattern

.number:        push 10
                pop ebx
                cmp al, 0x80 + WINDOW_PAGES
                mov eax, [ebp + eax - 0x80]
                jae .decimal
                mov bl, 16
                jmp .digit
.decimal:       test eax, eax
                jnz .digit
                mov al, 0xec            ; no rate: the sign for infinity
                jmp .letter
.digit:         xor edx, edx
                div ebx
                push edx
                inc ecx
                test eax, eax
                jnz .digit
                cmp bl, 10
                je .unstack
                cmp cl, 8               ; hexadecimal numbers keep their zeros
                jb .digit
.unstack:       pop eax
                cmp al, 10              ; 0 … 15 to '0' … '9', 'A' … 'F'
                sbb al, 0x69
                das
                mov ah, [ebp + COLOURS]
                stosw
                cmp cl, 5               ; a gap between the fours
                jne .nogap
                inc edi
                inc edi
.nogap:         loop .unstack
                jmp .step

; … and the pattern: three waves of different lengths that move against each other.
.pattern:       mov edi, SCREEN + (PATTERN_ROW * 80 + PATTERN_COL) * 2
                mov edx, [ebp + TICKS]
                mov ch, PATTERN_ROWS
.row:           mov cl, PATTERN_COLS
.cell:          mov ebx, STATE + WAVE
                lea eax, [ecx + ecx * 4]
                add al, dl
                xlatb
                mov dh, al
                mov al, ch
                shl al, 4
                sub al, dl
                xlatb
                add dh, al
                mov al, ch
                add al, al
                add al, cl
                sub al, dl
                add al, al
                xlatb
                add al, dh              ; 0 … 252
                shr al, 4
                aam 4                   ; ah: which two colours, al: how much of the brighter one
                mov ebx, shades
                xlatb
                xchg al, ah
                add bl, 4
                xlatb
                xchg al, ah
                stosw
                dec cl
                jnz .cell
                add edi, (80 - PATTERN_COLS) * 2
                dec ch
                jnz .row
                jmp main

timer:          push eax
                mov al, 0x20            ; end of interrupt
                out 0x20, al
                pop eax
                iret

; 0 … 31 and a byte: go to that step, draw in these colours (none: the end). From 0x80: the number there. Else a letter.
%define AT(row, step) (row) * 5 + (step)
%define NUMBER(offset) 0x80 + (offset)

script:         db AT(0, 0), BAR, 'STILLFRAME DEMO GUEST'
                db AT(0, 3), BAR, '   ', NUMBER(MEMORY_MIB), ' MiB   ', NUMBER(RATE_MIB), ' MiB/s'
                db AT(3, 0), LABEL, 'counter'
                db AT(3, 2), LABEL, 'pass'
                db AT(3, 3), LABEL, 'page'
                db AT(4, 0), VALUE, NUMBER(COUNTER + 4), ' ', NUMBER(COUNTER)
                db AT(4, 2), VALUE, NUMBER(PASS)
                db AT(4, 3), VALUE, NUMBER(PAGE)
                db 0, 0

shades:         db 0xb0, 0xb1, 0xb2, 0xdb
                db 0x00, 0x01, 0x13, 0x3b

gdt:            dw 23                   ; the first descriptor is never used, so it holds what lgdt loads
                dd gdt
                dw 0
                dq 0x00cf9a000000ffff   ; 8: code, flat, 32 bits
                dq 0x00cf92000000ffff   ; 16: data, flat

idt_register:   dw 9 * 8 - 1
                dd timer_gate - 8 * 8
timer_gate:     dw timer                ; vector 8 is where the BIOS leaves the timer
                dw 8
                dw 0x8e00
                dw 0

                times 510 - ($ - $$) db 0
                dw 0xaa55
