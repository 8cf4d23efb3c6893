/* Tests of the conversation's frame: boot, hello, what is dropped, the small messages. */
#include "conversation.h"
#include <string.h>

static const uint8_t nonce_bytes[4] = {0x78, 0x56, 0x34, 0x12};

static uint32_t dropped(void) {
    peer_frame_t frame;

    ask(TP_MESSAGE_STATUS, NULL, 0);
    CHECK(answer(&frame) && frame.type == (TP_MESSAGE_STATUS | TP_ANSWER) && frame.size == 16);
    return u32(frame.payload + 8);
}

static void boot_tells_that_it_started_and_why(void) {
    peer_frame_t frame;

    fake_all();
    tp_wire_init(&wire, TP_START_WATCHDOG);
    CHECK(fake_output_bytes[0] == 0); /* ends what a bootloader may have printed */
    CHECK(peer_decode(&frame, fake_output_bytes, fake_port.output_size, 0, &(size_t){0}));
    CHECK(frame.version == TP_PROTOCOL_VERSION && frame.sequence == 0);
    CHECK(frame.type == (TP_MESSAGE_STARTED | TP_ANSWER));
    CHECK(frame.size == 1 && frame.payload[0] == TP_START_WATCHDOG);
    CHECK(fake_port.flushes == 1);
}

static void before_hello_nothing_is_answered(void) {
    fake_all();
    boot();
    ask(TP_MESSAGE_TICKS, NULL, 0);
    CHECK(is_silent());
    ask_as(TP_PROTOCOL_VERSION, TP_MESSAGE_TICKS, 0, 0, NULL, 0);
    CHECK(is_silent());
}

static void hello_tells_what_the_board_is(void) {
    uint8_t got[2000];
    const size_t name = strlen(TP_TARGET_NAME);
    size_t i;

    fake_all();
    boot();
    ask_as(TP_PROTOCOL_VERSION, TP_MESSAGE_HELLO, 7, 0, nonce_bytes, 4);
    CHECK(whole_answer(TP_MESSAGE_HELLO, got) == (long)(44 + name + 90));
    CHECK(got[0] == TP_PROTOCOL_VERSION);
    for (i = 0; i < TP_BUILD_ID_BYTES; i++) {
        CHECK(got[1 + i] == 0);
    }
    CHECK(u32(got + 17) == 0xDEADBEEF);
    CHECK(u32(got + 21) == 1000000);
    CHECK(u32(got + 25) == 368);
    CHECK(u32(got + 29) == FAKE_ARENA);
    CHECK(u32(got + 33) == 1234);
    CHECK(u16(got + 37) == TP_MAX_FRAME);
    CHECK(u32(got + 39) == TP_RX_WINDOW);
    CHECK(got[43] == name && memcmp(got + 44, TP_TARGET_NAME, name) == 0);
    for (i = 0; i < 90; i++) {
        CHECK(got[44 + name + i] == fake_descriptor((uint16_t)i));
    }
    CHECK(is_silent());
}

static void a_descriptor_of_any_size_is_told(void) {
    uint16_t size;

    for (size = 0; size < 700; size++) {
        uint8_t got[2000];
        fake_all();
        fake_engine.descriptor_size = size;
        boot();
        ask_as(TP_PROTOCOL_VERSION, TP_MESSAGE_HELLO, 7, 0, nonce_bytes, 4);
        CHECK(whole_answer(TP_MESSAGE_HELLO, got) == (long)(44 + strlen(TP_TARGET_NAME) + size));
        CHECK(size == 0 ||
              got[43 + strlen(TP_TARGET_NAME) + size] == fake_descriptor((uint16_t)(size - 1)));
    }
}

static void hello_of_another_version_is_answered(void) {
    const uint8_t longer[] = {0x78, 0x56, 0x34, 0x12, 9, 9, 9};
    uint8_t got[2000];

    fake_all();
    boot();
    ask_as(2, TP_MESSAGE_HELLO, 7, 0, longer, sizeof longer);
    CHECK(whole_answer(TP_MESSAGE_HELLO, got) > 0);
    CHECK(got[0] == TP_PROTOCOL_VERSION);
}

static void other_requests_of_another_version_are_dropped(void) {
    fake_all();
    open_session();
    ask_as(2, TP_MESSAGE_TICKS, 7, NONCE, NULL, 0);
    CHECK(is_silent());
    CHECK(dropped() == 1);
}

static void a_refused_hello_is_answered_with_seed_0(void) {
    const uint8_t zeros[5] = {0};
    size_t size;

    for (size = 0; size <= 5; size++) {
        peer_frame_t frame;
        fake_all();
        boot();
        ask_as(TP_PROTOCOL_VERSION, TP_MESSAGE_HELLO, 7, 0, zeros, size);
        CHECK(answer_as(&frame, 0) && frame.type == (TP_MESSAGE_ERROR | TP_ANSWER));
        CHECK(frame.sequence == 7 && frame.payload[0] == TP_MESSAGE_HELLO);
        CHECK(frame.payload[1] == (size == 4 ? TP_ERROR_BAD_VALUE : TP_ERROR_BAD_LENGTH));
        CHECK(u32(frame.payload + 2) == (size == 4 ? 0 : 4));
        ask_as(TP_PROTOCOL_VERSION, TP_MESSAGE_TICKS, 7, 0, NULL, 0);
        CHECK(is_silent());
    }
}

static void a_refused_hello_leaves_the_session_as_it_is(void) {
    peer_frame_t frame;

    fake_all();
    open_session();
    ask_as(TP_PROTOCOL_VERSION, TP_MESSAGE_HELLO, 7, 0, NULL, 0);
    ask(TP_MESSAGE_TICKS, NULL, 0);
    CHECK(answer(&frame));
}

static void an_earlier_session_is_not_answered(void) {
    const uint8_t other[4] = {1, 2, 3, 4};

    fake_all();
    open_session();
    ask_as(TP_PROTOCOL_VERSION, TP_MESSAGE_HELLO, 0, 0, other, sizeof other);
    ask(TP_MESSAGE_TICKS, NULL, 0);
    CHECK(is_silent());
}

static void hello_in_a_session_needs_no_seed(void) {
    uint8_t got[2000];

    fake_all();
    open_session();
    ask_as(TP_PROTOCOL_VERSION, TP_MESSAGE_HELLO, 0, NONCE, nonce_bytes, 4);
    CHECK(is_silent());
    ask_as(TP_PROTOCOL_VERSION, TP_MESSAGE_HELLO, 0, 0, nonce_bytes, 4);
    CHECK(whole_answer(TP_MESSAGE_HELLO, got) > 0);
}

static void an_answer_repeats_its_request_number(void) {
    const uint16_t numbers[] = {0, 1, 0x1234, 0xFFFF};
    size_t i;

    fake_all();
    open_session();
    for (i = 0; i < 4; i++) {
        peer_frame_t frame;
        ask_as(TP_PROTOCOL_VERSION, TP_MESSAGE_TICKS, numbers[i], NONCE, NULL, 0);
        CHECK(answer(&frame) && frame.sequence == numbers[i]);
        CHECK(frame.type == (TP_MESSAGE_TICKS | TP_ANSWER));
    }
}

static void ticks_are_the_clock(void) {
    peer_frame_t frame;

    fake_all();
    open_session();
    fake_port.ticks = 0xFFFFFFFE;
    ask(TP_MESSAGE_TICKS, NULL, 0);
    CHECK(answer(&frame) && frame.size == 4 && u32(frame.payload) == 0xFFFFFFFE);
}

static void status_counts(void) {
    peer_frame_t frame;
    uint8_t sample[64] = {0};

    fake_all();
    open_session();
    push((const uint8_t *)"noise\0more\0", 11);
    ask(TP_MESSAGE_INFER, sample, sizeof sample);
    ask(TP_MESSAGE_STATUS, NULL, 0);
    CHECK(answer(&frame) && frame.size == 16);
    CHECK(u32(frame.payload) == 1234 && u32(frame.payload + 4) == 567);
    CHECK(u32(frame.payload + 8) == 2 && u32(frame.payload + 12) == 1);
}

static void every_unknown_type_is_an_error_and_every_answer_dropped(void) {
    unsigned type;

    fake_all();
    open_session();
    for (type = 0; type < 256; type++) {
        const unsigned base = type & 0x3F;
        if (type & TP_ANSWER) {
            ask((uint8_t)type, NULL, 0);
            CHECK(is_silent());
        } else if (base == 0 || base > TP_MESSAGE_RESET ||
                   (type & TP_PART && (base < TP_MESSAGE_INFER || base > TP_MESSAGE_TRACE))) {
            ask((uint8_t)type, NULL, 0);
            CHECK(is_error((uint8_t)base, TP_ERROR_UNKNOWN_TYPE, type));
        }
    }
}

static void a_wrong_length_is_an_error_that_tells_the_right_one(void) {
    const struct {
        uint8_t type;
        uint8_t size;
    } fixed[] = {{TP_MESSAGE_TICKS, 0},
                 {TP_MESSAGE_STATUS, 0},
                 {TP_MESSAGE_POISON, 2},
                 {TP_MESSAGE_RESET, 0}};
    const uint8_t payload[54] = {0};
    size_t i;
    size_t size;

    fake_all();
    open_session();
    for (i = 0; i < 4; i++) {
        for (size = 0; size < 40; size++) {
            if (size != fixed[i].size) {
                ask(fixed[i].type, payload, size);
                CHECK(is_error(fixed[i].type, TP_ERROR_BAD_LENGTH, fixed[i].size));
            }
        }
    }
    CHECK(fake_port.resets == 0);
}

static void errors_carry_their_sentence(void) {
    static const char *const wanted[] = {
#define TEXT(code, sentence) [code] = sentence,
        TP_ERROR_SENTENCES(TEXT)};
    peer_frame_t frame;

    fake_all();
    open_session();
    ask(0x3E, NULL, 0);
    CHECK(answer(&frame) && frame.size == 6 + strlen(wanted[TP_ERROR_UNKNOWN_TYPE]));
    CHECK(memcmp(frame.payload + 6, wanted[TP_ERROR_UNKNOWN_TYPE], frame.size - 6) == 0);
    ask(TP_MESSAGE_POISON, "\4\0", 2);
    CHECK(answer(&frame) && frame.size == 6 + strlen(wanted[TP_ERROR_BAD_VALUE]));
    CHECK(memcmp(frame.payload + 6, wanted[TP_ERROR_BAD_VALUE], frame.size - 6) == 0);
}

static void reset_answers_first_and_ends_the_session(void) {
    peer_frame_t frame;

    fake_all();
    open_session();
    ask(TP_MESSAGE_RESET, NULL, 0);
    CHECK(answer(&frame) && frame.type == (TP_MESSAGE_RESET | TP_ANSWER) && frame.size == 0);
    CHECK(fake_port.resets == 1);
    ask(TP_MESSAGE_TICKS, NULL, 0);
    CHECK(is_silent());
}

static void every_flipped_bit_is_dropped(void) {
    uint8_t encoded[200];
    const uint8_t payload[2] = {1, 0xA5};
    const size_t size = peer_encode(encoded, 1, TP_MESSAGE_POISON, 1, NONCE, payload, 2);
    size_t bit;

    fake_all();
    open_session();
    for (bit = 0; bit < 8 * size; bit++) {
        fake_port.output_size = 0;
        encoded[bit / 8] ^= (uint8_t)(1 << bit % 8);
        push(encoded, size);
        push((const uint8_t *)"", 1);
        encoded[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK(fake_port.output_size == 0);
    }
    push(encoded, size);
    CHECK(fake_port.output_size != 0);
}

static void every_truncation_is_dropped_and_the_next_frame_answered(void) {
    uint8_t encoded[200];
    const uint8_t payload[2] = {1, 0xA5};
    const size_t size = peer_encode(encoded, 1, TP_MESSAGE_POISON, 1, NONCE, payload, 2);
    size_t kept;

    fake_all();
    open_session();
    for (kept = 1; kept < size - 1; kept++) {
        fake_port.output_size = 0;
        push(encoded, kept);
        push((const uint8_t *)"", 1);
        CHECK(fake_port.output_size == 0);
        push(encoded, size);
        CHECK(fake_port.output_size != 0);
    }
    CHECK(dropped() == size - 2);
}

static void empty_frames_are_not_counted(void) {
    const uint8_t zeros[5] = {0};

    fake_all();
    open_session();
    push(zeros, sizeof zeros);
    CHECK(dropped() == 0);
}

static void a_frame_that_is_too_long_is_dropped_once_and_the_next_answered(void) {
    static uint8_t noise[3 * TP_MAX_FRAME + 1];

    fake_all();
    open_session();
    memset(noise, 0xFF, sizeof noise - 1);
    push(noise, sizeof noise);
    CHECK(dropped() == 1);
}

static void a_frame_of_the_largest_size_is_taken(void) {
    static uint8_t payload[TP_MAX_RAW];
    static uint8_t encoded[2 * TP_MAX_FRAME];
    size_t size = TP_MAX_RAW - 8;

    fake_all();
    fake_engine.input_size = (uint32_t)size < FAKE_ARENA ? (uint32_t)size : FAKE_ARENA;
    open_session();
    memset(payload, 1, sizeof payload);
    ask(TP_MESSAGE_INFER, payload, size);
    CHECK(!is_silent());
    size = peer_encode(encoded, 1, TP_MESSAGE_INFER, 0x101, NONCE, payload, size);
    CHECK(size <= TP_MAX_FRAME && size + 2 > TP_MAX_FRAME);
}

static void the_loop_reads_answers_and_feeds_the_watchdog(void) {
    uint8_t encoded[2][100];
    size_t sizes[2];
    uint8_t both[200];
    peer_frame_t frame;

    fake_all();
    open_session();
    sizes[0] = peer_encode(encoded[0], 1, TP_MESSAGE_TICKS, 1, NONCE, NULL, 0);
    sizes[1] = peer_encode(encoded[1], 1, TP_MESSAGE_STATUS, 2, NONCE, NULL, 0);
    memcpy(both, encoded[0], sizes[0]);
    memcpy(both + sizes[0], encoded[1], sizes[1]);
    fake_port.input = both;
    fake_port.input_size = sizes[0] + sizes[1];
    fake_port.alive = 0;
    tp_wire_poll(&wire);
    CHECK(answer(&frame) && frame.sequence == 1);
    CHECK(answer(&frame) && frame.sequence == 2);
    CHECK(fake_port.alive == 3);
}

static void all(void) {
    RUN(boot_tells_that_it_started_and_why);
    RUN(before_hello_nothing_is_answered);
    RUN(hello_tells_what_the_board_is);
    RUN(a_descriptor_of_any_size_is_told);
    RUN(hello_of_another_version_is_answered);
    RUN(other_requests_of_another_version_are_dropped);
    RUN(a_refused_hello_is_answered_with_seed_0);
    RUN(a_refused_hello_leaves_the_session_as_it_is);
    RUN(an_earlier_session_is_not_answered);
    RUN(hello_in_a_session_needs_no_seed);
    RUN(an_answer_repeats_its_request_number);
    RUN(ticks_are_the_clock);
    RUN(status_counts);
    RUN(every_unknown_type_is_an_error_and_every_answer_dropped);
    RUN(a_wrong_length_is_an_error_that_tells_the_right_one);
    RUN(errors_carry_their_sentence);
    RUN(reset_answers_first_and_ends_the_session);
    RUN(every_flipped_bit_is_dropped);
    RUN(every_truncation_is_dropped_and_the_next_frame_answered);
    RUN(empty_frames_are_not_counted);
    RUN(a_frame_that_is_too_long_is_dropped_once_and_the_next_answered);
    RUN(a_frame_of_the_largest_size_is_taken);
    RUN(the_loop_reads_answers_and_feeds_the_watchdog);
}

int main(void) {
    const uint16_t chunks[] = {0, 1, 2, 7};

    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        chunk = chunks[i];
        all();
    }
    return EXIT_SUCCESS;
}
