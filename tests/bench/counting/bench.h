/* What the counted program needs of a machine; machine_*.c fill it. */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>

void machine_put(uint8_t byte);
void machine_end(void); /* does not return */

/* The memory between the static data and the stack pointer: [bottom, top). */
uint8_t *machine_stack_bottom(void);
uint8_t *machine_stack_top(void);

#endif
