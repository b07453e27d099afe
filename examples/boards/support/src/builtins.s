@ What the compiler calls by itself, for Armv7-M: copies and fills by words, at any address, which this architecture
@ loads and stores as well as aligned ones ("ARMv7-M Architecture Reference Manual", DDI 0403E.e, A3.2.1), four at once
@ where both places are aligned; and a division that takes the processor's own where 32 bits are enough. They take the
@ place of compiler-builtins' functions of the same names, which are weak: 1.5 KB of flash less, and a third of the
@ instructions. Names and arguments are those of the "Run-time ABI for the Arm Architecture", IHI 0043, 4.2 and 4.3.4.

    .syntax unified
    .thumb

    .macro function name
    .global \name
    .type \name, %function
    .thumb_func
\name:
    .endm

@ memcpy4(to, from, bytes): both are multiples of 4.
    .section .text.undersock_memcpy, "ax", %progbits
function __aeabi_memcpy8
function __aeabi_memcpy4
    push    {r4, r5, r6}
    subs    r2, #16
    blo     2f
1:  ldmia   r1!, {r3, r4, r5, r6}
    stmia   r0!, {r3, r4, r5, r6}
    subs    r2, #16
    bhs     1b
2:  pop     {r4, r5, r6}
    mov     r12, r0
    b       4f
@ memcpy(to, from, bytes): gives `to` back. From the lowest address up, so `to` may be a part of `from` below it.
function __aeabi_memcpy
function memcpy
    mov     r12, r0
    subs    r2, #16
    blo     4f
1:  ldr     r3, [r1], #4
    str     r3, [r12], #4
    ldr     r3, [r1], #4
    str     r3, [r12], #4
    ldr     r3, [r1], #4
    str     r3, [r12], #4
    ldr     r3, [r1], #4
    str     r3, [r12], #4
    subs    r2, #16
    bhs     1b
@ The lowest four bits are those of what is left: eight and four bytes by carry and sign, then two and one.
4:  lsls    r2, #29
    itttt   cs
    ldrcs   r3, [r1], #4
    strcs   r3, [r12], #4
    ldrcs   r3, [r1], #4
    strcs   r3, [r12], #4
    itt     mi
    ldrmi   r3, [r1], #4
    strmi   r3, [r12], #4
    lsls    r2, #2
    itt     cs
    ldrhcs  r3, [r1], #2
    strhcs  r3, [r12], #2
    itt     mi
    ldrbmi  r3, [r1]
    strbmi  r3, [r12]
    bx      lr

@ memmove(to, from, bytes): upwards if that is right, else downwards.
    .section .text.undersock_memmove, "ax", %progbits
function __aeabi_memmove8
function __aeabi_memmove4
function __aeabi_memmove
function memmove
    subs    r3, r0, r1
    cmp     r3, r2
    bhs     memcpy
    add     r12, r0, r2
    add     r1, r2
    subs    r2, #4
    blo     2f
1:  ldr     r3, [r1, #-4]!
    str     r3, [r12, #-4]!
    subs    r2, #4
    bhs     1b
2:  adds    r2, #4
    beq     4f
3:  ldrb    r3, [r1, #-1]!
    strb    r3, [r12, #-1]!
    subs    r2, #1
    bne     3b
4:  bx      lr

@ memclr(at, bytes); __aeabi_memset(at, bytes, byte); memset(at, byte, bytes), which gives `at` back.
    .section .text.undersock_memset, "ax", %progbits
function __aeabi_memclr8
function __aeabi_memclr4
function __aeabi_memclr
    movs    r2, #0
function __aeabi_memset8
function __aeabi_memset4
function __aeabi_memset
    mov     r3, r1
    mov     r1, r2
    mov     r2, r3
function memset
    mov     r12, r0
    uxtb    r1, r1
    orr     r1, r1, r1, lsl #8
    orr     r1, r1, r1, lsl #16
    subs    r2, #8
    blo     2f
1:  str     r1, [r12], #4
    str     r1, [r12], #4
    subs    r2, #8
    bhs     1b
2:  lsls    r2, #30
    it      cs
    strcs   r1, [r12], #4
    it      mi
    strhmi  r1, [r12], #2
    lsls    r2, #2
    it      cs
    strbcs  r1, [r12]
    bx      lr

@ uldivmod(numerator, denominator): gives quotient and remainder, 64 bits each. A denominator of 0 is nobody's.
    .section .text.undersock_uldivmod, "ax", %progbits
function __aeabi_uldivmod
    orrs    r12, r1, r3
    bne     1f
    mov     r12, r0
    udiv    r0, r12, r2
    mls     r2, r0, r2, r12
    bx      lr
@ Bit by bit: what comes out of the numerator goes into the remainder, and bits of the quotient take its place.
1:  push    {r4, r5, r6, lr}
    movs    r4, #0
    movs    r5, #0
    movs    r6, #64
2:  adds    r0, r0
    adcs    r1, r1
    adcs    r4, r4
    adcs    r5, r5
    bcs     3f
    cmp     r5, r3
    it      eq
    cmpeq   r4, r2
    blo     4f
3:  subs    r4, r2
    sbcs    r5, r3
    adds    r0, #1
4:  subs    r6, #1
    bne     2b
    mov     r2, r4
    mov     r3, r5
    pop     {r4, r5, r6, pc}
