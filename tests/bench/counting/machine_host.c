/* This machine: answers go to stdout. The stack is not measured: callgrind minds painting it. */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

static uint8_t nowhere[64];

void machine_put(uint8_t byte) {
    putchar(byte);
}

void machine_end(void) {
    exit(0);
}

uint8_t *machine_stack_bottom(void) {
    return nowhere + sizeof nowhere;
}

uint8_t *machine_stack_top(void) {
    return nowhere + sizeof nowhere;
}
