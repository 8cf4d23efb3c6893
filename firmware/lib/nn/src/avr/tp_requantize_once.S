; Requantization that rounds once: tp_requantize.h says what, src/tp_requantize_once.c is the
; definition. About 140 cycles.

#define ZERO    r2

        .section .text.tp_requantize_once, "ax", @progbits
        .global tp_requantize_once
tp_requantize_once:
        push    r2
        push    r3
        push    r4
        push    r5
        push    r16
        rcall   tp_requantize_once_inner
        pop     r16
        pop     r5
        pop     r4
        pop     r3
        pop     r2
        clr     r1
        ret

; The same; clobbers r0-r5, r16, r18-r21, r26, r27, r30, r31, and leaves r1 as it is, r2 as 0.
        .global tp_requantize_once_inner
tp_requantize_once_inner:
        cpi     r16, 1
        brge    5f
1:      rcall   tp_multiply
        lsl     r31 ; product >> 31
        rol     r22
        rol     r23
        rol     r24
        rol     r25
        neg     r16
        breq    2f
        jmp     tp_shift_right
2:      lsl     r31 ; no shift: the bit below decides
3:      adc     r22, ZERO
        adc     r23, ZERO
        adc     r24, ZERO
        adc     r25, ZERO
        ret

; Left shift: of the value, as long as it fits 32 bits.
5:      lsl     r22
        rol     r23
        rol     r24
        rol     r25
        brvs    6f
        dec     r16
        brne    5b
        rjmp    1b
; Now it has 33 bits, the topmost in the carry. More cannot come back into 32, as multipliers are
; at least 2^30 (or 0); exactly so many can: shift the product instead.
6:      ror     r25
        ror     r24
        ror     r23
        ror     r22
        dec     r16
        mov     r16, r25 ; its sign
        brne    8f
        call    tp_multiply
        lsl     r31
        rol     r22
        rol     r23
        rol     r24
        rol     r25
        lsl     r31
        rol     r22
        rol     r23
        rol     r24
        rol     r25
        brvs    9f
        lsl     r31
        adc     r22, ZERO
        adc     r23, ZERO
        adc     r24, ZERO
        adc     r25, ZERO
        brvs    9f
        ret
; Saturates; to 0 if the multiplier is 0.
8:      clr     ZERO
        or      r18, r19
        or      r18, r20
        or      r18, r21
        brne    9f
        clr     r22
        clr     r23
        movw    r24, r22
        ret
9:      ldi     r22, 0xFF
        ldi     r23, 0xFF
        ldi     r24, 0xFF
        ldi     r25, 0x7F
        sbrs    r16, 7
        ret
        com     r22
        com     r23
        com     r24
        com     r25
        ret
