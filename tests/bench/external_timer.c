/* Times each inference from outside: linked with -Wl,--wrap=tp_engine_invoke around any native
 * firmware, it reads a clock of its own before and after the engine runs.
 *
 * The nanoseconds of each inference, uint32, go to the file that TP_TIMES names, which must have
 * room for TP_TIMES_COUNT of them; it is mapped, so that nothing but two clock readings is added.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

enum { TP_TIMES_COUNT = 4096 };

int __real_tp_engine_invoke(void);
int __wrap_tp_engine_invoke(void);

static uint32_t *times(void) {
    static uint32_t *mapped;

    if (!mapped) {
        const int file = open(getenv("TP_TIMES"), O_RDWR | O_CLOEXEC);

        mapped = mmap(NULL, TP_TIMES_COUNT * sizeof *mapped, PROT_READ | PROT_WRITE, MAP_SHARED,
                      file, 0);
        if (mapped == MAP_FAILED) {
            abort();
        }
    }
    return mapped;
}

static uint64_t now_ns(void) {
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC_RAW, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int __wrap_tp_engine_invoke(void) {
    static uint32_t count;
    uint32_t *const slot = times() + count++ % TP_TIMES_COUNT;
    const uint64_t start = now_ns();
    const int result = __real_tp_engine_invoke();

    *slot = (uint32_t)(now_ns() - start);
    return result;
}
