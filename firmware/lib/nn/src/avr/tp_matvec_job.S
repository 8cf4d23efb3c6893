; The rows of an int8 matrix times vectors, requantized: tp_matvec_job.h says what.
;
; void tp_matvec_job(tp_matvec_job_t *job)
;
; A column of four rows takes 41 cycles, a quarter of that for each multiply-accumulate: MULS leaves
; the product's sign in the carry, which extends it to the third byte for one cycle. Sums of up to
; 255 products fit 24 bits; longer vectors take two cycles more for each.

#include "tp_matvec_job.h"

#define LEFT    r16 /* and r17: vectors to come */
#define ZERO    r18
#define LANES   r19 /* rows computed together: 4 or 1 */
#define VALUE   r20
#define WEIGHT  r21
#define DEPTH   r22 /* and r23 */
#define END     r24 /* and r25: address after the vector */

; Sums of the lanes: r2-r4, r5-r7, r8-r10, r11-r13; of 32 bits: r2-r5, r6-r9, r10-r13, r14-r17.

#ifdef __AVR_HAVE_ELPM__ /* flash of more than 64 KiB: RAMPZ holds the uppermost byte */
#define RAMPZ 0x3B
.macro  load    to
        elpm    \to, Z+
.endm
.macro  point   offset ; Z to an address in the job
        ldd     r30, Y+\offset+2
        out     RAMPZ, r30
        ldd     r30, Y+\offset
        ldd     r31, Y+\offset+1
.endm
.macro  keep    offset ; the other way round
        std     Y+\offset, r30
        std     Y+\offset+1, r31
        in      r30, RAMPZ
        std     Y+\offset+2, r30
.endm
#else
.macro  load    to
        lpm     \to, Z+
.endm
.macro  point   offset
        ldd     r30, Y+\offset
        ldd     r31, Y+\offset+1
.endm
.macro  keep    offset
        std     Y+\offset, r30
        std     Y+\offset+1, r31
.endm
#endif

; sum += VALUE x the next weight
.macro  accumulate low, middle, high
        load    WEIGHT
        muls    WEIGHT, VALUE
        sbc     \high, ZERO
        add     \low, r0
        adc     \middle, r1
        adc     \high, ZERO
.endm

.macro  accumulate_long b0, b1, b2, b3
        load    WEIGHT
        muls    WEIGHT, VALUE
        sbc     \b2, ZERO
        sbc     \b3, ZERO
        add     \b0, r0
        adc     \b1, r1
        adc     \b2, ZERO
        adc     \b3, ZERO
.endm

; The lane's largest sum so far (24 bits in memory) = max(itself, sum)
.macro  compare offset, low, middle, high
        ldd     r20, Y+\offset
        ldd     r21, Y+\offset+1
        ldd     r0, Y+\offset+2
        cp      r20, \low
        cpc     r21, \middle
        cpc     r0, \high
        brge    1f
        std     Y+\offset, \low
        std     Y+\offset+1, \middle
        std     Y+\offset+2, \high
1:
.endm

.macro  compare_long offset, b0, b1, b2, b3
        ldd     r0, Y+\offset
        cp      r0, \b0
        ldd     r0, Y+\offset+1
        cpc     r0, \b1
        ldd     r0, Y+\offset+2
        cpc     r0, \b2
        ldd     r0, Y+\offset+3
        cpc     r0, \b3
        brge    1f
        std     Y+\offset, \b0
        std     Y+\offset+1, \b1
        std     Y+\offset+2, \b2
        std     Y+\offset+3, \b3
1:
.endm

.macro  extend  offset ; 24 bits in memory to 32
        ldd     r0, Y+\offset+2
        lsl     r0
        sbc     r0, r0
        std     Y+\offset+3, r0
.endm

        .section .text.tp_matvec_job, "ax", @progbits
        .global tp_matvec_job
tp_matvec_job:
        push    r2
        push    r3
        push    r4
        push    r5
        push    r6
        push    r7
        push    r8
        push    r9
        push    r10
        push    r11
        push    r12
        push    r13
        push    r14
        push    r15
        push    r16
        push    r17
        push    r28
        push    r29
        movw    r28, r24

rows:   ldi     LANES, 4
        ldd     r24, Y+TP_JOB_ROWS
        ldd     r25, Y+TP_JOB_ROWS+1
        sbiw    r24, 4
        brsh    1f
        ldi     LANES, 1
        adiw    r24, 3
1:      std     Y+TP_JOB_ROWS, r24
        std     Y+TP_JOB_ROWS+1, r25
        rcall   products
        rcall   finish
        ldd     r24, Y+TP_JOB_ROWS
        ldd     r25, Y+TP_JOB_ROWS+1
        or      r24, r25
        brne    rows

        clr     r1
        pop     r29
        pop     r28
        pop     r17
        pop     r16
        pop     r15
        pop     r14
        pop     r13
        pop     r12
        pop     r11
        pop     r10
        pop     r9
        pop     r8
        pop     r7
        pop     r6
        pop     r5
        pop     r4
        pop     r3
        pop     r2
        ret

; Leaves the lanes' largest sums in `best`, and `weights` behind their rows.
products:
        clr     ZERO
        ldi     r20, 0x80 ; less than any sum, in 24 bits and in 32
        std     Y+TP_JOB_BEST+0, ZERO
        std     Y+TP_JOB_BEST+1, ZERO
        std     Y+TP_JOB_BEST+2, r20
        std     Y+TP_JOB_BEST+3, r20
        std     Y+TP_JOB_BEST+4, ZERO
        std     Y+TP_JOB_BEST+5, ZERO
        std     Y+TP_JOB_BEST+6, r20
        std     Y+TP_JOB_BEST+7, r20
        std     Y+TP_JOB_BEST+8, ZERO
        std     Y+TP_JOB_BEST+9, ZERO
        std     Y+TP_JOB_BEST+10, r20
        std     Y+TP_JOB_BEST+11, r20
        std     Y+TP_JOB_BEST+12, ZERO
        std     Y+TP_JOB_BEST+13, ZERO
        std     Y+TP_JOB_BEST+14, r20
        std     Y+TP_JOB_BEST+15, r20
        ldd     r26, Y+TP_JOB_X
        ldd     r27, Y+TP_JOB_X+1
        ldd     LEFT, Y+TP_JOB_COUNT
        ldd     r17, Y+TP_JOB_COUNT+1
        ldd     DEPTH, Y+TP_JOB_DEPTH
        ldd     r23, Y+TP_JOB_DEPTH+1
        cpse    r23, ZERO
        rjmp    long_vector

vector: point   TP_JOB_WEIGHTS
        mov     END, r26
        add     END, DEPTH
        clr     r2
        clr     r3
        clr     r4
        sbrs    LANES, 2
        rjmp    5f
        clr     r5
        movw    r6, r2
        movw    r8, r2
        movw    r10, r2
        movw    r12, r2
4:      ld      VALUE, X+
        accumulate r2, r3, r4
        accumulate r5, r6, r7
        accumulate r8, r9, r10
        accumulate r11, r12, r13
        cp      r26, END
        brne    4b
        compare TP_JOB_BEST+12, r11, r12, r13
        compare TP_JOB_BEST+8, r8, r9, r10
        compare TP_JOB_BEST+4, r5, r6, r7
6:      compare TP_JOB_BEST, r2, r3, r4
        subi    LEFT, 1
        sbci    r17, 0
        breq    7f
        rjmp    vector
7:      keep    TP_JOB_WEIGHTS
        extend  TP_JOB_BEST
        extend  TP_JOB_BEST+4
        extend  TP_JOB_BEST+8
        extend  TP_JOB_BEST+12
        ret
5:      ld      VALUE, X+
        accumulate r2, r3, r4
        cp      r26, END
        brne    5b
        rjmp    6b

; The same for vectors of more than 255 elements.
long_vector:
        point   TP_JOB_WEIGHTS
        push    LEFT
        push    r17
        movw    END, r26
        add     END, DEPTH
        adc     r25, r23
        clr     r2
        clr     r3
        movw    r4, r2
        sbrs    LANES, 2
        rjmp    5f
        movw    r6, r2
        movw    r8, r2
        movw    r10, r2
        movw    r12, r2
        movw    r14, r2
        movw    r16, r2
4:      ld      VALUE, X+
        accumulate_long r2, r3, r4, r5
        accumulate_long r6, r7, r8, r9
        accumulate_long r10, r11, r12, r13
        accumulate_long r14, r15, r16, r17
        cp      r26, END
        cpc     r27, r25
        brne    4b
        compare_long TP_JOB_BEST+12, r14, r15, r16, r17
        compare_long TP_JOB_BEST+8, r10, r11, r12, r13
        compare_long TP_JOB_BEST+4, r6, r7, r8, r9
6:      compare_long TP_JOB_BEST, r2, r3, r4, r5
        pop     r17
        pop     LEFT
        subi    LEFT, 1
        sbci    r17, 0
        breq    7f
        rjmp    long_vector
7:      keep    TP_JOB_WEIGHTS
        ret
5:      ld      VALUE, X+
        accumulate_long r2, r3, r4, r5
        cp      r26, END
        cpc     r27, r25
        brne    5b
        rjmp    6b

; Requantizes the lanes' sums and writes them. The rounding rules use r0-r5, r16, r18-r27, r30, r31.
finish: mov     r17, LANES
        movw    r14, r28 ; `best` comes first
        ldd     r12, Y+TP_JOB_Y
        ldd     r13, Y+TP_JOB_Y+1
        ldd     r10, Y+TP_JOB_REQUANTIZE
        ldd     r11, Y+TP_JOB_REQUANTIZE+1
        ldd     r0, Y+TP_JOB_SCALES
        bst     r0, 0
1:      movw    r26, r14
        ld      r22, X+
        ld      r23, X+
        ld      r24, X+
        ld      r25, X+
        movw    r14, r26
        point   TP_JOB_BIAS
        load    r18
        load    r19
        load    r20
        load    r21
        add     r22, r18
        adc     r23, r19
        adc     r24, r20
        adc     r25, r21
        keep    TP_JOB_BIAS
        point   TP_JOB_SHIFT
        load    r16
        brtc    2f
        keep    TP_JOB_SHIFT
2:      point   TP_JOB_MULTIPLIER
        load    r18
        load    r19
        load    r20
        load    r21
        brtc    3f
        keep    TP_JOB_MULTIPLIER
3:      movw    r30, r10
        icall
        ; Adds the zero point in 32 bits, as LiteRT does.
        ldd     r18, Y+TP_JOB_ZERO
        mov     r19, r18
        lsl     r19
        sbc     r19, r19
        add     r22, r18
        adc     r23, r19
        adc     r24, r19
        adc     r25, r19
        ldd     r18, Y+TP_JOB_LOW
        ldd     r19, Y+TP_JOB_HIGH
        ; Does it fit 8 bits? Then the three bytes above extend its sign.
        mov     r0, r22
        lsl     r0
        sbc     r0, r0
        cp      r23, r0
        cpc     r24, r0
        cpc     r25, r0
        brne    5f
        cp      r22, r18
        brlt    4f
        cp      r19, r22
        brge    7f
        rjmp    6f
5:      sbrs    r25, 7
        rjmp    6f
4:      mov     r19, r18
6:      mov     r22, r19
7:      movw    r26, r12
        st      X+, r22
        movw    r12, r26
        dec     r17
        breq    8f
        rjmp    1b
8:      std     Y+TP_JOB_Y, r12
        std     Y+TP_JOB_Y+1, r13
        ret
