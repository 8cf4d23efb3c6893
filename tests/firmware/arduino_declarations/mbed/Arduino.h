/* ArduinoCore-mbed 4.5. */
#ifndef TP_TEST_ARDUINO_H
#define TP_TEST_ARDUINO_H

#include <stddef.h>
#include <stdint.h>

extern "C" {
/* ArduinoCore-API, api/Common.h */
void setup(void);
void loop(void);

/* CMSIS: system_CHIP.h, core_cmX.h */
extern uint32_t SystemCoreClock;
void NVIC_SystemReset(void) __attribute__((noreturn));
}

/* cores/arduino/USB/PluggableUSBSerial.h */
namespace arduino {
class USBSerial {
  public:
    void begin(unsigned long);
    int available(void);
    int read(void);
    size_t write(const uint8_t *buf, size_t size);
    void flush(void);
};
} // namespace arduino
extern arduino::USBSerial _SerialUSB;

/* cores/arduino/Serial.h, for boards with SERIAL_CDC */
#define SerialUSB _SerialUSB
#define Serial    SerialUSB

#endif
