/* Deepens the stack by a known size: linked with -Wl,--wrap=tp_engine_invoke around any native
 * firmware, it writes as many bytes of stack as TP_CANARY says before the engine runs below them.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int __real_tp_engine_invoke(void);
int __wrap_tp_engine_invoke(void);

int __wrap_tp_engine_invoke(void) {
    const size_t size = (size_t)atoi(getenv("TP_CANARY"));
    volatile uint8_t *const canary = __builtin_alloca(size);
    size_t i;

    for (i = 0; i != size; i++) {
        canary[i] = 1;
    }
    return __real_tp_engine_invoke();
}
