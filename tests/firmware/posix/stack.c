/* What the POSIX port makes of the stack: its mark against the address of the deepest byte written,
 * and its poison. Prints numbers, a line for each question. */
#include "port_posix.c"
#include "posix_stack.c"

enum { SIGNAL = SIGUSR1 };

static uint32_t mark(void) {
    tp_memory_t marks;

    tp_port_memory(&marks);
    return marks.stack_used;
}

/* Writes `size` bytes of stack, sends a signal from there, 0 for none, and returns how far below
 * serve()'s frame the deepest byte lies. */
static __attribute__((noinline)) uint32_t spend(size_t size, int number) {
    volatile uint8_t *const frame = __builtin_alloca(size);
    size_t i;

    for (i = 0; i != size; i++) {
        frame[i] = 1;
    }
    if (number) {
        (void)kill(getpid(), number);
    }
    return (uint32_t)(port.stack.high - (const uint8_t *)frame);
}

static uint32_t count(uint8_t pattern) {
    const volatile uint8_t *byte;
    uint32_t found = 0;

    for (byte = port.stack.low; byte != port.stack.high; byte++) {
        found += *byte == pattern;
    }
    return found;
}

void tp_firmware_init(void) {
    (void)tp_port_init();
}

void tp_firmware_poll(void) {
    static const uint8_t patterns[] = {0x5A, PAINT};
    static const size_t sizes[] = {3000, 1, 20000, 7000, 60000};
    const uint32_t rest = mark();
    uint32_t canary;
    size_t i;

    (void)printf("rest %u\n", rest);
    if (!rest) {
        exit(EXIT_SUCCESS);
    }
    for (i = 0; i != sizeof sizes / sizeof *sizes; i++) {
        canary = spend(sizes[i], 0);
        (void)printf("spend %u %u\n", canary, mark());
    }
    for (i = 0; i != sizeof patterns; i++) {
        tp_port_poison_stack(patterns[i]);
        canary = mark();
        (void)printf("poison %u %u\n", count(patterns[i]), canary);
    }
    canary = spend(61000, SIGNAL);
    (void)printf("signal %u %u\n", canary, mark());
    (void)spend(70000, 0);
    (void)printf("beyond %u\n", mark());
    exit(EXIT_SUCCESS);
}
