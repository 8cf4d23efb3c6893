; Requantization that rounds twice: tp_requantize.h says what, src/tp_requantize_twice.c is the
; definition. About 150 cycles.

#define ZERO    r2

        .section .text.tp_requantize_twice, "ax", @progbits
        .global tp_requantize_twice
tp_requantize_twice:
        push    r2
        push    r3
        push    r4
        push    r5
        push    r16
        rcall   tp_requantize_twice_inner
        pop     r16
        pop     r5
        pop     r4
        pop     r3
        pop     r2
        clr     r1
        ret

; The same; clobbers r0-r5, r16, r18-r21, r26, r27, r30, r31, and leaves r1 as it is, r2 as 0.
        .global tp_requantize_twice_inner
tp_requantize_twice_inner:
        cpi     r16, 1
        brge    9f
1:      rcall   tp_multiply
        ; (product + 2^30) >> 31. Subtracting -2^30 leaves the carry inverted, and so does each of
        ; the next; 255 makes up for it.
        subi    r31, 0xC0
        sbci    r22, 0xFF
        sbci    r23, 0xFF
        sbci    r24, 0xFF
        sbci    r25, 0xFF
        lsl     r31
        rol     r22
        rol     r23
        rol     r24
        rol     r25
        neg     r16
        brne    2f
        ret
        ; Halves go away from zero: one less for negative values, then halves go up.
2:      mov     r0, r25
        lsl     r0
        sbc     r22, ZERO
        sbc     r23, ZERO
        sbc     r24, ZERO
        sbc     r25, ZERO
        jmp     tp_shift_right

9:      lsl     r22
        rol     r23
        rol     r24
        rol     r25
        dec     r16
        brne    9b
        rjmp    1b
