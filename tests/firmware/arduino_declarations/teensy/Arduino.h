/* Teensyduino 1.62, teensy4. */
#ifndef TP_TEST_ARDUINO_H
#define TP_TEST_ARDUINO_H

#include <stddef.h>
#include <stdint.h>

/* imxrt.h: at its address */
#define SRC_SRSR (*(volatile uint32_t *)0x400F8008u)

extern "C" {
/* core_pins.h */
extern volatile uint32_t F_CPU_ACTUAL;
void delay(uint32_t msec);
/* main.cpp declares them so; WProgram.h */
void setup(void);
void loop(void);
}

/* usb_serial.h */
class usb_serial_class {
  public:
    void begin(long baud);
    int available();
    int read();
    size_t write(const uint8_t *buffer, size_t size);
    void flush();
};
extern usb_serial_class Serial;

#endif
