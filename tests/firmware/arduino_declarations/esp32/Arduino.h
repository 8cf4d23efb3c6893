/* arduino-esp32, cores 2.0.17 and 3.x, and the parts of ESP-IDF 4.4 and 5.5 that it brings along.
 */
#ifndef TP_TEST_ARDUINO_H
#define TP_TEST_ARDUINO_H

#include <stddef.h>
#include <stdint.h>

/* sdkconfig.h: 1 on chips with one core (C3, C6), not defined on others. */
#if defined(__riscv)
#define CONFIG_FREERTOS_UNICORE 1
#endif

/* freertos/portmacro.h, freertos/task.h */
typedef unsigned int UBaseType_t;
typedef uint32_t TickType_t;
typedef struct tskTaskControlBlock *TaskHandle_t;

extern "C" {
/* freertos/task.h: in ESP-IDF bytes, not words */
UBaseType_t uxTaskGetStackHighWaterMark(TaskHandle_t task);
void vTaskDelay(const TickType_t ticks);
/* freertos/task.h (ESP-IDF 4.4), freertos/idf_additions.h (5.x) */
uint8_t *pxTaskGetStackStart(TaskHandle_t task);

/* cores/esp32/esp32-hal.h: unsigned long; esp32-hal-cpu.h: MHz */
unsigned long millis();
uint32_t getCpuFrequencyMhz();
}

/* cores/esp32/Arduino.h */
void setup(void);
void loop(void);
size_t getArduinoLoopTaskStackSize(void);

/* cores/esp32/HardwareSerial.h */
class HardwareSerial {
  public:
    void begin(unsigned long baud);
    int available(void);
    int read(void);
    size_t read(uint8_t *buffer, size_t size);
    size_t write(const uint8_t *buffer, size_t size);
    void flush(void);
    size_t setRxBufferSize(size_t new_size);
    size_t setTxBufferSize(size_t new_size);
};
extern HardwareSerial Serial;

/* cores/esp32/Esp.h */
class EspClass {
  public:
    uint32_t getMinFreeHeap();
    uint32_t getCycleCount();
};
extern EspClass ESP;

#endif
