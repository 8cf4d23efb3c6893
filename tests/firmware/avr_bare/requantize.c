/* Requantizes numbers from stdin, with the functions of this processor and with the portable ones.
 *
 * Input: for each case a byte 1, value i32, multiplier i32, shift i8; a byte 0 ends. Output: twice,
 * portable twice, once, portable once, each i32.
 */
#include "bare.h"
#include "tp_requantize.h"

int32_t portable_twice(int32_t value, int32_t multiplier, int8_t shift);
int32_t portable_once(int32_t value, int32_t multiplier, int8_t shift);

typedef struct {
    int32_t value, multiplier;
    int8_t shift;
} __attribute__((packed)) case_t;

enum {
    BEGIN = 1,
    END = 2,
};

int main(void) {
    static const tp_requantize_t functions[] = {tp_requantize_twice, portable_twice,
                                                tp_requantize_once, portable_once};

    while (bare_get() != 0) {
        case_t numbers;
        uint8_t i;

        bare_get_all(&numbers, sizeof numbers);
        for (i = 0; i < 4; i++) {
            int32_t result;

            BARE_MARK(BEGIN);
            result = functions[i](numbers.value, numbers.multiplier, numbers.shift);
            BARE_MARK(END);
            bare_put_all(&result, sizeof result);
        }
    }
    bare_end();
}
