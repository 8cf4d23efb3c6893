/* ESP32 and its successors, Xtensa and RISC-V: the core's cycle counter, FreeRTOS's stack marks.
 *
 * Works with cores 2.0.17 and 3.x. Stack sizes are bytes, as everywhere in ESP-IDF's FreeRTOS.
 */
#if defined(ARDUINO_ARCH_ESP32)
#include "tp_core.h"
#include "tp_family.h"
#include "tp_protocol.h"
#include "tp_stack.h"
#include <esp_system.h>
#if __has_include(<freertos/idf_additions.h>) /* ESP-IDF 5: pxTaskGetStackStart() moved there */
#include <freertos/idf_additions.h>
#endif

enum {
    /* The task watchdog strikes after 5 s without the idle task. */
    YIELD_MS = 2000,
};

/* All state of the family. */
static struct {
    uint32_t yielded_ms; /* when the idle task last had its turn */
} family;

/* The stack of the task that runs setup() and loop(). FreeRTOS has painted it. */
static tp_stack_t loop_stack(void) {
    uint8_t *low = (uint8_t *)pxTaskGetStackStart(nullptr);

    return {low, low + getArduinoLoopTaskStackSize()};
}

uint8_t tp_family_init(void) {
    switch (esp_reset_reason()) {
    case ESP_RST_POWERON:
        return TP_START_POWER_ON;
    case ESP_RST_EXT:
        return TP_START_EXTERNAL;
    case ESP_RST_SW:
        return TP_START_SOFTWARE;
    case ESP_RST_PANIC:
        return TP_START_PANIC;
    case ESP_RST_INT_WDT:
    case ESP_RST_TASK_WDT:
    case ESP_RST_WDT:
        return TP_START_WATCHDOG;
    case ESP_RST_BROWNOUT:
        return TP_START_BROWN_OUT;
    default:
        return TP_START_UNKNOWN;
    }
}

uint32_t tp_family_ticks(void) {
    return ESP.getCycleCount();
}

uint32_t tp_family_tick_hz(void) {
    return getCpuFrequencyMhz() * 1000000u;
}

/* All stacks are taken from the heap: what it has left is what is free. */
void tp_family_memory(tp_memory_t *marks) {
    const tp_stack_t stack = loop_stack();

    marks->free_ram = ESP.getMinFreeHeap();
    marks->stack_used = (uint32_t)(stack.high - stack.low) - uxTaskGetStackHighWaterMark(nullptr);
}

void tp_family_poison_stack(uint8_t pattern) {
    const tp_stack_t stack = loop_stack();

    tp_stack_poison(&stack, pattern);
}

/* With one core, a long inference keeps the idle task from its turn, and the watchdog waits for it.
 * With two, loop() has the one whose idle task nobody watches. */
void tp_family_alive(void) {
#if CONFIG_FREERTOS_UNICORE
    const uint32_t now = (uint32_t)millis();

    if (now - family.yielded_ms >= YIELD_MS) {
        family.yielded_ms = now;
        vTaskDelay(1);
    }
#else
    (void)family;
#endif
}

void tp_family_reset(void) {
    esp_restart();
}
#endif
