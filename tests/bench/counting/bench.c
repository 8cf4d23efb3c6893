/* The program that is counted: one inference on a fixed input.
 *
 * Sends the deepest stack of the inference (u32, little-endian) and the outputs. Counted is what
 * runs from the entry of tp_engine_invoke to that of bench_stop.
 */
#include "bench.h"

#include "engine.h"

#define PAINT 0xC5

void bench_stop(void);

__attribute__((noinline)) void bench_stop(void) {
    __asm__ volatile("" ::: "memory");
}

/* The input: bytes of a linear congruential generator; float32 inputs are quarters from -32 on.
 * tests/bench/counting computes the same. */
static void write_inputs(void) {
    const uint32_t size = tp_engine_input_size();
    uint32_t state = 1, offset;

    for (offset = 0; offset < size; offset++) {
        uint8_t byte;

        state = state * 1664525u + 1013904223u;
        byte = (uint8_t)(state >> 24);
#ifdef BENCH_FLOAT
        {
            const float value = (float)byte * 0.25f - 32.0f;
            tp_engine_write_input(offset, (const uint8_t *)&value, sizeof value);
            offset += (uint32_t)sizeof value - 1;
        }
#else
        tp_engine_write_input(offset, &byte, 1);
#endif
    }
}

static void paint(void) {
    uint8_t *at, *const top = machine_stack_top() - 64; /* its own frame lies above */

    for (at = machine_stack_bottom(); at < top; at++) {
        *at = PAINT;
    }
}

static uint32_t stack_used(const uint8_t *from) {
    const uint8_t *at = machine_stack_bottom();

    while (at < from && *at == PAINT) {
        at++;
    }
    return (uint32_t)(from - at);
}

static void send(uint32_t stack) {
    uint32_t offset;
    uint8_t byte;

    for (byte = 0; byte < 32; byte = (uint8_t)(byte + 8)) {
        machine_put((uint8_t)(stack >> byte));
    }
    for (offset = 0; offset < tp_engine_output_size(); offset++) {
        tp_engine_read_output(offset, &byte, 1);
        machine_put(byte);
    }
}

int main(void) {
    uint8_t *top;

    tp_engine_init();
    write_inputs();
    paint();
    top = machine_stack_top();
    tp_engine_invoke();
    bench_stop();
    send(stack_used(top));
    machine_end();
    return 0;
}
