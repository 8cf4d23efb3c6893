/* The Arduino of Arduino.h, and main(). */
#include "Arduino.h"

#include <stdio.h>
#include <stdlib.h>

MockSerial Serial;

void MockSerial::begin(unsigned long baud) {
    if (baud != 9600) {
        abort();
    }
}
void MockSerial::print(char character) {
    putchar(character);
}
void MockSerial::print(const char *text) {
    fputs(text, stdout);
}
void MockSerial::print(int number) {
    printf("%d", number);
}
void MockSerial::print(double number, int decimals) {
    printf("%.*f", decimals, number);
}
void MockSerial::println(const char *text) {
    printf("%s\r\n", text);
}
void MockSerial::println(int number) {
    printf("%d\r\n", number);
}
void delay(unsigned long) {
    exit(0);
}

void setup();
void loop();
int main() {
    setup();
    loop();
    return 1;
}
