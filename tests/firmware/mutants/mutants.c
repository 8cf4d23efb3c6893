/* Engine aot, broken on purpose in the one way that a switch names; without a switch it is whole.
 *
 * The real engine is included under other names and called from here. What is not the engine's is
 * broken by the linker's --wrap: calls of tp_port_ticks, for one, come to __wrap_tp_port_ticks.
 * Some mutants need a doctored model.h as well; the test makes it.
 */
#define tp_engine_weights_crc32   whole_weights_crc32
#define tp_engine_descriptor      whole_descriptor
#define tp_engine_output_size     whole_output_size
#define tp_engine_invoke          whole_invoke
#define tp_engine_poison          whole_poison
#define tp_engine_invoke_observed whole_invoke_observed
#include "engine_aot.c"
#undef tp_engine_weights_crc32
#undef tp_engine_descriptor
#undef tp_engine_output_size
#undef tp_engine_invoke
#undef tp_engine_poison
#undef tp_engine_invoke_observed

#include "port.h"

static uint32_t inferences; /* finished so far */

static void __attribute__((unused)) change_output(uint32_t offset, int by) {
    uint16_t size = 1;
    uint8_t *byte = tp_locate(tp_outputs, offset, &size);

    *byte = (uint8_t)(*byte + by);
}

/* -- What hello says ----------------------------------------------------------------------------
 */

uint32_t tp_engine_weights_crc32(void) {
#ifdef MUTANT_CHECKSUM_LIES
    return TP_MODEL_WEIGHTS_CRC32;
#else
    return whole_weights_crc32();
#endif
}

uint16_t tp_engine_descriptor(uint16_t offset, uint8_t *dst, uint16_t size) {
    const uint16_t copied = whole_descriptor(offset, dst, size);
#ifdef MUTANT_WRONG_HASH
    const uint16_t place = 2; /* of the model's SHA-256 */

    if (offset <= place && offset + copied > place) {
        dst[place - offset] ^= 1;
    }
#endif
    return copied;
}

uint32_t tp_engine_output_size(void) {
#ifdef MUTANT_TRUNCATED
    return whole_output_size() - 1;
#else
    return whole_output_size();
#endif
}

void tp_engine_poison(uint8_t pattern) {
    whole_poison(pattern);
#ifdef MUTANT_UNWRITTEN_MEMORY
    tp_memory.neighbour = pattern;
#endif
}

/* -- What an inference does ---------------------------------------------------------------------
 */

static int run_model(void) {
#ifdef MUTANT_LAST_LAYER_SKIPPED
    uint16_t layer;

    for (layer = 0; layer + 1 < TP_MODEL_LAYERS; layer++) {
        tp_steps[layer].run();
    }
    return 0;
#else
    return whole_invoke();
#endif
}

int tp_engine_invoke_observed(const tp_layer_observer_t *observer) {
#ifdef MUTANT_LAST_LAYER_SKIPPED
    uint16_t layer;
    int result = 0;

    for (layer = 0; layer != TP_MODEL_LAYERS && result == 0; layer++) {
        const tp_step_t *step = &tp_steps[layer];

        observer->before(observer->context, layer);
        if (layer + 1 < TP_MODEL_LAYERS) {
            step->run();
        }
        result =
            observer->after(observer->context, layer,
                            (const uint8_t *)tp_arena.s8 + step->output.offset, step->output.size);
    }
    return result;
#else
    return whole_invoke_observed(observer);
#endif
}

#if defined(MUTANT_SWAPPED_BYTES)

static void spoil(void) {
    uint8_t first[2];

    tp_engine_read_output(0, first, 2);
    change_output(0, first[1] - first[0]);
    change_output(1, first[0] - first[1]);
}

#elif defined(MUTANT_READS_PAST_ARENA)

/* The doctored model.h puts a neighbour behind the arena. */
static void spoil(void) {
    const volatile uint8_t *arena = (const volatile uint8_t *)&tp_memory;

    tp_memory.neighbour = (uint8_t)inferences;
    change_output(0, arena[sizeof tp_memory.arena]);
}

#elif defined(MUTANT_UNWRITTEN_MEMORY)

/* The doctored model.h makes the arena a byte longer; zero unless somebody poisons it. */
static void spoil(void) {
    change_output(0, tp_memory.neighbour);
}

#elif defined(MUTANT_UNWRITTEN_STACK)

/* Scratch memory that it forgot to clear; zero unless somebody was that deep before. */
static void __attribute__((noinline)) spoil(void) {
    volatile uint8_t scratch[32768];

    change_output(0, scratch[0]);
}

#elif defined(MUTANT_PREVIOUS_ANSWER)

static void spoil(void) {
    static uint8_t previous[TP_MODEL_OUTPUT_BYTES];
    uint32_t offset;

    for (offset = 0; offset != TP_MODEL_OUTPUT_BYTES; offset++) {
        uint8_t now;
        tp_engine_read_output(offset, &now, 1);
        change_output(offset, previous[offset] - now);
        previous[offset] = now;
    }
}

#elif defined(MUTANT_CACHED_ANSWERS)

/* By position in the stream, not by content. */
static void spoil(void) {
    enum { PLACES = 64 };
    static uint8_t cache[PLACES][TP_MODEL_OUTPUT_BYTES];
    uint8_t *place = cache[inferences % PLACES];
    uint32_t offset;

    for (offset = 0; offset != TP_MODEL_OUTPUT_BYTES; offset++) {
        uint8_t now;
        tp_engine_read_output(offset, &now, 1);
        if (inferences < PLACES) {
            place[offset] = now;
        }
        change_output(offset, place[offset] - now);
    }
}

#elif defined(MUTANT_DRIFTING)

static void spoil(void) {
    change_output(0, (int)(inferences / 100));
}

#elif defined(MUTANT_TIRES)

/* More inferences than a run makes, fewer than a bench. */
static void spoil(void) {
    change_output(0, inferences > 700);
}

#elif defined(MUTANT_ERRS_AFTERWARDS)

/* Once, in the first inference behind the 359 samples, which is there to be timed. */
static void spoil(void) {
    change_output(0, inferences == 359);
}

#elif defined(MUTANT_ONE_LSB_OFF)

static void spoil(void) {
    uint8_t value;

    tp_engine_read_output(3, &value, 1);
    change_output(3, value == 127 ? -1 : 1);
}

#elif defined(MUTANT_STACK_SMASHED)

static void __attribute__((noinline)) write_to(volatile uint8_t *place, int size) {
    while (size-- != 0) {
        *place++ = 0xA5;
    }
}

static void __attribute__((noinline)) spoil(void) {
    volatile uint8_t local[8] = {0};

    write_to(local, inferences < 100 ? 8 : 512);
}

#else

static void spoil(void) {
}

#endif

int tp_engine_invoke(void) {
    const int result = run_model();

    spoil();
    inferences++;
    return result;
}

/* -- Around the engine --------------------------------------------------------------------------
 */

uint32_t __real_tp_port_ticks(void);
uint32_t __wrap_tp_port_ticks(void);
uint16_t __real_tp_port_read(uint8_t *dst, uint16_t size);
uint16_t __wrap_tp_port_read(uint8_t *dst, uint16_t size);
int32_t __real_tp_requantize_twice(int32_t value, int32_t multiplier, int8_t shift);
int32_t __wrap_tp_requantize_twice(int32_t value, int32_t multiplier, int8_t shift);

uint32_t __wrap_tp_port_ticks(void) {
#ifdef MUTANT_CLOCK_FAST
    static uint64_t twentieths;
    static uint32_t last;
    const uint32_t now = __real_tp_port_ticks();

    twentieths += (uint64_t)(uint32_t)(now - last) * 21;
    last = now;
    return (uint32_t)(twentieths / 20);
#else
    return __real_tp_port_ticks();
#endif
}

uint16_t __wrap_tp_port_read(uint8_t *dst, uint16_t size) {
    const uint16_t count = __real_tp_port_read(dst, size);
#ifdef MUTANT_DEAF
    return inferences < 100 ? count : 0;
#else
    return count;
#endif
}

/* Of the convolution: the output's zero point is -128. */
int32_t __wrap_tp_requantize_twice(int32_t value, int32_t multiplier, int8_t shift) {
    const int32_t scaled = __real_tp_requantize_twice(value, multiplier, shift);
#ifdef MUTANT_WRAPS
    return (int8_t)(scaled - 128) + 128; /* where it should saturate */
#else
    return scaled;
#endif
}
