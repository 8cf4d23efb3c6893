/* ArduinoCore-renesas 1.5. */
#ifndef TP_TEST_ARDUINO_H
#define TP_TEST_ARDUINO_H

#include <stddef.h>
#include <stdint.h>

extern "C" {
/* ArduinoCore-API, api/Common.h */
void setup(void);
void loop(void);
void delay(unsigned long ms);
unsigned long micros(void);

/* CMSIS: ra/fsp/src/bsp/cmsis/Device/RENESAS/Include/system.h */
extern uint32_t SystemCoreClock;
}

/* cores/arduino/usb/SerialUSB.h; ArduinoCore-API, api/HardwareSerial.h */
class _SerialUSB {
  public:
    void begin(unsigned long baud = 115200);
    int available();
    int read();
    size_t write(const uint8_t *p, size_t len);
    void flush();
};
extern _SerialUSB SerialUSB;

/* cores/arduino/Serial.h, for boards whose first port is USB */
#define Serial SerialUSB

#endif
