// An Arduino sketch: answers each line with its length and the time since the reset, in
// milliseconds.
#include <Arduino.h>

void setup() {
    Serial.begin(115200);
    Serial.println(F("sketch"));
}

void loop() {
    if (Serial.available()) {
        const String line = Serial.readStringUntil('\n');
        Serial.print(line.length());
        Serial.print(' ');
        Serial.println(millis() < 60000 ? F("soon") : F("late"));
    }
}
