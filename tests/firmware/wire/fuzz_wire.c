/* libFuzzer: any bytes into the parser and, through valid frames, any request into the dispatcher.
 *
 * The input's first byte chooses the engine and the chunking. Then follow records: a byte below
 * 0x80 takes that many raw bytes for the line; one from 0x80 on takes a type, a size byte and that
 * much payload, and makes a frame with a right CRC of them. After any input the wire must still
 * answer.
 */
#include "conversation.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void choose(uint8_t choice) {
    static const uint32_t inputs[] = {0, 1, 64, 300};
    static const uint32_t outputs[] = {0, 10, 100, 3000};

    fake_all();
    chunk = choice & 1 ? 1 : 0;
    fake_engine.input_size = inputs[choice >> 1 & 3];
    fake_engine.output_size = outputs[choice >> 3 & 3];
    fake_engine.layer_size = outputs[choice >> 4 & 3];
    fake_engine.layers = choice & 0x40 ? 200 : 3;
    fake_engine.layers_told = fake_engine.layers;
    fake_engine.init_result = (choice & 0xA0) == 0xA0 ? -1 : 0;
    fake_engine.invoke_result = (choice & 0xA0) == 0x80 ? -9 : 0;
}

static size_t take_record(const uint8_t *data, size_t size) {
    const size_t head = data[0] < 0x80 ? 1 : 3;
    size_t count;

    if (size < head) {
        return size;
    }
    count = data[0] < 0x80 ? data[0] : data[2];
    if (count > size - head) {
        count = size - head;
    }
    if (head == 1) {
        push(data + 1, count);
    } else {
        const uint8_t type = data[1];
        ask_as(data[0] == 0xFF ? 2 : 1, type, data[0] & 3, type == TP_MESSAGE_HELLO ? 0 : NONCE,
               data + 3, count);
    }
    return head + count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t nonce[4] = {0x78, 0x56, 0x34, 0x12};
    peer_frame_t frame;

    if (size == 0) {
        return 0;
    }
    choose(*data);
    open_session();
    for (data++, size--; size != 0;) {
        const size_t used = take_record(data, size);
        data += used;
        size -= used;
    }
    push((const uint8_t *)"", 1);
    ask_as(1, TP_MESSAGE_HELLO, 1, 0, nonce, sizeof nonce);
    ask(TP_MESSAGE_TICKS, NULL, 0);
    CHECK(answer(&frame) && frame.type == (TP_MESSAGE_TICKS | TP_ANSWER));
    return 0;
}
