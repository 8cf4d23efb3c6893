/* Prints the payload of a fake board's HELLO answer in hex. */
#include "conversation.h"

int main(void) {
    static uint8_t got[2000];
    const uint8_t nonce[4] = {0x78, 0x56, 0x34, 0x12};
    long size;

    fake_all();
    boot();
    ask_as(TP_PROTOCOL_VERSION, TP_MESSAGE_HELLO, 0, 0, nonce, sizeof nonce);
    size = whole_answer(TP_MESSAGE_HELLO, got);
    for (long i = 0; i < size; i++) {
        (void)printf("%02x", got[i]);
    }
    return EXIT_SUCCESS;
}
