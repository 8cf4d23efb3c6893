; 32-bit products for requantization. Private to this folder; not a function of C.
;
; In:  value r22-r25, signed; multiplier r18-r21, signed; faster if it is not negative.
; Out: bits 24 to 63 of the 64-bit product, exact: r31 (lowest), r22, r23, r24, r25; r2 is 0.
; Clobbers r0-r5, r26, r27, r30. 78 cycles when the value fits 24 bits, else 93 to 98, call included.

#define ZERO    r2
#define TOP     r24 /* of the three lower bytes of the value, the last to be read */

; Adds two neighbouring 16-bit products to four bytes, and the carry to a fifth.
; Rows are one byte of the value times the four of the multiplier; m0 and m2 make the first such
; number, m1 and m3, one byte further, the second, which cannot carry: the row fits its five bytes.
.macro  row     value, b0, b1, b2, b3, b4
        mul     \value, r18
        movw    r4, r0
        mul     \value, r20
        clr     \b4
        add     \b0, r4
        adc     \b1, r5
        adc     \b2, r0
        adc     \b3, r1
        adc     \b4, ZERO
        mul     \value, r19
        movw    r4, r0
        mul     \value, r21
        add     \b1, r4
        adc     \b2, r5
        adc     \b3, r0
        adc     \b4, r1
.endm

        .section .text.tp_multiply, "ax", @progbits
        .global tp_multiply
tp_multiply:
        sbrc    r21, 7
        rjmp    negative
positive:
        clr     ZERO
        ; Row 0. Byte 0 of the product is never carried from.
        mul     r22, r18
        mov     r3, r1
        mul     r22, r20
        movw    r30, r0
        mul     r22, r19
        add     r3, r0
        adc     r30, r1
        adc     r31, ZERO
        mul     r22, r21
        clr     r22
        add     r31, r0
        adc     r22, r1
        ; From here on bytes 1 to 6 are in r3, r30, r31, r22, r26, r27.
        row     r23, r3, r30, r31, r22, r26
        row     r24, r30, r31, r22, r26, r27
        mov     r0, TOP
        lsl     r0
        sbc     r0, r0
        cp      r0, r25
        brne    4f
        ; The value fits 24 bits: taken as unsigned, its negatives are too large by 2^24.
        tst     r25
        brpl    1f
        sub     r31, r18
        sbc     r22, r19
        sbc     r26, r20
        sbc     r27, r21
1:      movw    r24, r26
        mov     r23, r24
        mov     r24, r25
        lsl     r25
        sbc     r25, r25
        ret
4:      row     r25, r31, r22, r26, r27, r24
        tst     r25
        brpl    5f
        sub     r22, r18
        sbc     r26, r19
        sbc     r27, r20
        sbc     r24, r21
5:      mov     r25, r24
        mov     r23, r26
        mov     r24, r27
        ret

; Taken as unsigned, negative multipliers are too large by 2^32.
negative:
        push    r22
        push    r23
        push    r24
        push    r25
        rcall   positive
        pop     r3
        pop     r1
        pop     r0
        pop     r30
        sub     r22, r30
        sbc     r23, r0
        sbc     r24, r1
        sbc     r25, r3
        ret
