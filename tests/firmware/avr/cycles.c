/* Counts the cycles of instructions with Timer1, which runs at the processor's clock. */
#include <avr/interrupt.h>

#include "serial.h"

/* Two reads of TCNT1 around `code` lie 4 cycles apart without it. r18-r27 and Z are free for it. */
#define COUNT(name, code)                                                                          \
    do {                                                                                           \
        uint16_t before, after;                                                                    \
        asm volatile("lds %A0, %2 \n lds %B0, %2+1 \n" code "\n lds %A1, %2 \n lds %B1, %2+1 \n"   \
                     : "=&d"(before), "=&d"(after)                                                 \
                     : "n"(_SFR_MEM_ADDR(TCNT1))                                                   \
                     : "r0", "r24", "r25", "r26", "r27", "r30", "r31", "memory");                  \
        report(name, after - before - 4);                                                          \
    } while (0)

static volatile uint8_t cell;

ISR(TIMER2_COMPA_vect, ISR_NAKED) {
    asm volatile("reti");
}

static void report(const char *name, uint16_t cycles) {
    asm volatile("clr r1");
    serial_text(name);
    serial_put(' ');
    serial_number(cycles);
    serial_put('\n');
}

static void count_arithmetic(void) {
    COUNT("nothing", "");
    COUNT("nop", "nop");
    COUNT("add", "add r24, r25");
    COUNT("movw", "movw r24, r26");
    COUNT("adiw", "adiw r24, 1");
    COUNT("mul", "mul r24, r25 \n clr r1");
    COUNT("muls", "movw r0, r24 \n muls r24, r25 \n clr r1");
}

static void count_memory(void) {
    COUNT("ld_x", "ldi r26, lo8(cell) \n ldi r27, hi8(cell) \n ld r24, X");
    COUNT("ld_x_plus", "ldi r26, lo8(cell) \n ldi r27, hi8(cell) \n ld r24, X+");
    COUNT("ldd_z", "ldi r30, lo8(cell) \n ldi r31, hi8(cell) \n ldd r24, Z+1");
    COUNT("st_x_plus", "ldi r26, lo8(cell) \n ldi r27, hi8(cell) \n st X+, r24");
    COUNT("std_z", "ldi r30, lo8(cell) \n ldi r31, hi8(cell) \n std Z+0, r24");
    COUNT("lds", "lds r24, cell");
    COUNT("sts", "sts cell, r24");
    COUNT("push_pop", "push r24 \n pop r24");
    COUNT("lpm", "ldi r30, 0 \n ldi r31, 0 \n lpm r24, Z");
    COUNT("lpm_plus", "ldi r30, 0 \n ldi r31, 0 \n lpm r24, Z+");
#ifdef RAMPZ
    COUNT("elpm_plus", "ldi r30, 0 \n ldi r31, 0 \n elpm r24, Z+");
#endif
    COUNT("in", "in r24, 0x3f");
    COUNT("out", "out 0x1e, r24");
    COUNT("sbi", "sbi 0x1e, 0");
}

static void count_branches(void) {
    COUNT("rjmp", "rjmp 1f \n 1:");
    COUNT("jmp", "jmp 1f \n 1:");
    COUNT("branch_taken", "sez \n breq 1f \n 1:");
    COUNT("branch_not_taken", "clz \n breq 1f \n 1:");
    COUNT("skip_none", "ldi r24, 1 \n sbrc r24, 0 \n nop");
    COUNT("skip_short", "ldi r24, 1 \n sbrs r24, 0 \n nop");
    COUNT("skip_long", "ldi r24, 1 \n sbrs r24, 0 \n sts cell, r24");
    COUNT("rcall_ret", "rcall 1f \n rjmp 2f \n 1: ret \n 2:");
    COUNT("call_ret", "call 1f \n rjmp 2f \n 1: ret \n 2:");
    COUNT("icall_ret", "ldi r30, lo8(gs(1f)) \n ldi r31, hi8(gs(1f)) \n icall \n rjmp 2f \n"
                       "1: ret \n 2:");
    COUNT("loop", "ldi r24, lo8(10000) \n ldi r25, hi8(10000) \n 1: sbiw r24, 1 \n brne 1b");
}

/* An interrupt that waits: `sei` lets one more instruction pass, then entry, `jmp` and `reti`. */
static void count_interrupt(void) {
    TIMSK2 = 1 << OCIE2A;
    OCR2A = 3;
    TCCR2B = 1 << CS20;
    while (!(TIFR2 & (1 << OCF2A))) {
    }
    TCCR2B = 0;
    COUNT("interrupt", "sei \n nop \n nop \n nop \n nop \n cli");
}

int main(void) {
    serial_begin();
    TCCR1B = 1 << CS10;
    count_arithmetic();
    count_memory();
    count_branches();
    count_interrupt();
    serial_text("end\n");
    for (;;) {
    }
}
