/* As much of Arduino as a sketch of ours uses, on this machine: Serial is standard output. */
#ifndef ARDUINO_H
#define ARDUINO_H

#include <math.h>
#include <stdint.h>

#define PROGMEM
#define F(text) (text)

static inline uint8_t pgm_read_byte(const void *from) {
    return *(const uint8_t *)from;
}
static inline uint32_t pgm_read_dword(const void *from) {
    return *(const uint32_t *)from;
}
static inline float pgm_read_float(const void *from) {
    return *(const float *)from;
}

struct MockSerial {
    void begin(unsigned long baud);
    void print(char character);
    void print(const char *text);
    void print(int number);
    void print(double number, int decimals);
    void println(const char *text);
    void println(int number);
};
extern MockSerial Serial;

/* Ends the program: one turn of loop() is enough. */
void delay(unsigned long ms);

#endif
