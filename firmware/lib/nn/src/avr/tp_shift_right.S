; Right shift that rounds halves up. Private to this folder; not a function of C.
;
; In:  value r22-r25, signed; r16: by how many bits, 1 to 31; r2: 0. Out: r22-r25.
; Clobbers r0, r16. 24 bits are shifted faster than 32.

#define ZERO    r2

        .section .text.tp_shift_right, "ax", @progbits
        .global tp_shift_right
tp_shift_right:
        cpi     r16, 9
        brlo    2f
1:      mov     r22, r23
        mov     r23, r24
        mov     r24, r25
        lsl     r25
        sbc     r25, r25
        subi    r16, 8
        cpi     r16, 9
        brsh    1b
2:      mov     r0, r24
        lsl     r0
        sbc     r0, r0
        cp      r0, r25
        brne    4f
3:      asr     r24
        ror     r23
        ror     r22
        dec     r16
        brne    3b
        adc     r22, ZERO ; the last bit that fell out
        adc     r23, ZERO
        adc     r24, ZERO
        adc     r25, ZERO
        ret
4:      asr     r25
        ror     r24
        ror     r23
        ror     r22
        dec     r16
        brne    4b
        adc     r22, ZERO
        adc     r23, ZERO
        adc     r24, ZERO
        adc     r25, ZERO
        ret
