; int8_t *tp_copy_rows(int8_t *to, const int8_t *from, uint8_t rows, uint16_t size, uint16_t skip)
;
; Copies `rows` rows of `size` bytes, with `skip` bytes left out in `from` between two of them.
; Neither rows nor size is 0. Returns the end of what it wrote. 8 cycles a byte, 6 a row.

        .section .text.tp_copy_rows, "ax", @progbits
        .global tp_copy_rows
tp_copy_rows:
        movw    r30, r24
        movw    r26, r22
1:      movw    r24, r18
2:      ld      r0, X+
        st      Z+, r0
        sbiw    r24, 1
        brne    2b
        add     r26, r16
        adc     r27, r17
        dec     r20
        brne    1b
        movw    r24, r30
        ret
