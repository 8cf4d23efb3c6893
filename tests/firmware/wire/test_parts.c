/* Tests of samples that travel in parts. */
#include "conversation.h"
#include <string.h>

static void a_sample_in_parts_of_every_size_is_taken(void) {
    const size_t largest = TP_MAX_RAW - 12 < 100 ? TP_MAX_RAW - 12 : 100;
    size_t piece;

    fresh();
    fake_engine.input_size = 500;
    for (piece = 1; piece <= largest; piece++) {
        const uint16_t count = (uint16_t)((500 + piece - 1) / piece);
        for (uint16_t index = 0; index < count; index++) {
            const size_t at = index * piece;
            ask_part(index, count, sample + at, at + piece > 500 ? 500 - at : piece);
            CHECK(index + 1 == count || wants(TP_MESSAGE_INFER, (uint16_t)(index + 1)));
        }
        CHECK(whole_answer(TP_MESSAGE_INFER, got) == 15 && outputs_are_right(got + 5));
    }
}

static void a_trace_in_parts_of_one_byte_is_taken(void) {
    uint8_t payload[66] = {1, 0};

    fresh();
    memcpy(payload + 2, sample, 64);
    for (uint16_t index = 0; index < 66; index++) {
        ask_part_as(TP_MESSAGE_TRACE, 9, index, 66, payload + index, 1);
        CHECK(index == 65 || wants(TP_MESSAGE_TRACE, (uint16_t)(index + 1)));
    }
    CHECK(whole_answer(TP_MESSAGE_TRACE, got) == 75 && u16(got + 1) == 1);
    CHECK(got[3] == (uint8_t)(sample[0] + 2));
}

static void a_part_that_was_taken_is_acknowledged_and_ignored(void) {
    const uint8_t other[20] = {0};

    fresh();
    ask_part(0, 4, sample, 20);
    ask_part(1, 4, sample + 20, 20);
    CHECK(wants(TP_MESSAGE_INFER, 2));
    ask_part(1, 4, other, 20);
    CHECK(wants(TP_MESSAGE_INFER, 2));
    ask_part(2, 4, sample + 40, 20);
    ask_part(3, 4, sample + 60, 4);
    CHECK(whole_answer(TP_MESSAGE_INFER, got) == 15 && outputs_are_right(got + 5));
}

static void a_missing_part_is_asked_for_and_the_rest_still_taken(void) {
    fresh();
    ask_part(0, 3, sample, 20);
    ask_part(2, 3, sample + 40, 24);
    CHECK(is_error(TP_MESSAGE_INFER, TP_ERROR_PART_ORDER, 1));
    ask_part(1, 3, sample + 20, 20);
    CHECK(wants(TP_MESSAGE_INFER, 2));
    ask_part(2, 3, sample + 40, 24);
    CHECK(whole_answer(TP_MESSAGE_INFER, got) == 15 && outputs_are_right(got + 5));
}

static void part_0_starts_over(void) {
    const uint8_t other[20] = {0};

    fresh();
    ask_part(0, 2, other, 20);
    ask_part(0, 2, sample, 32);
    CHECK(wants(TP_MESSAGE_INFER, 1));
    ask_part(1, 2, sample + 32, 32);
    CHECK(whole_answer(TP_MESSAGE_INFER, got) == 15 && outputs_are_right(got + 5));
}

static void a_later_part_of_something_else_is_out_of_order(void) {
    fresh();
    ask_part(1, 2, sample, 32);
    CHECK(is_error(TP_MESSAGE_INFER, TP_ERROR_PART_ORDER, 0));
    ask_part(0, 3, sample, 20);
    ask_part_as(TP_MESSAGE_INFER, 0x0101, 1, 3, sample, 20);
    CHECK(is_error(TP_MESSAGE_INFER, TP_ERROR_PART_ORDER, 0));
    ask_part_as(TP_MESSAGE_PROFILE, 0x0100, 1, 3, sample, 20);
    CHECK(is_error(TP_MESSAGE_PROFILE, TP_ERROR_PART_ORDER, 0));
    ask_part(1, 4, sample, 20);
    CHECK(is_error(TP_MESSAGE_INFER, TP_ERROR_PART_ORDER, 0));
    ask_part(1, 3, sample + 20, 20);
    CHECK(wants(TP_MESSAGE_INFER, 2));
}

static void parts_that_were_carried_out_are_forgotten(void) {
    fresh();
    ask_part(0, 2, sample, 32);
    ask_part(1, 2, sample + 32, 32);
    ask_part(1, 2, sample + 32, 32);
    CHECK(is_error(TP_MESSAGE_INFER, TP_ERROR_PART_ORDER, 0));
    CHECK(fake_engine.invocations == 1);
}

static void a_whole_sample_and_hello_forget_parts(void) {
    const uint8_t nonce[4] = {0x78, 0x56, 0x34, 0x12};

    fresh();
    ask_part(0, 2, sample, 32);
    ask_as(TP_PROTOCOL_VERSION, TP_MESSAGE_INFER, 5, NONCE, sample, 64);
    ask_part(1, 2, sample + 32, 32);
    CHECK(is_error(TP_MESSAGE_INFER, TP_ERROR_PART_ORDER, 0));
    ask_part(0, 2, sample, 32);
    ask_as(TP_PROTOCOL_VERSION, TP_MESSAGE_HELLO, 0, 0, nonce, sizeof nonce);
    ask_part(1, 2, sample + 32, 32);
    CHECK(is_error(TP_MESSAGE_INFER, TP_ERROR_PART_ORDER, 0));
    ask_part(0, 2, sample, 32);
    ask(TP_MESSAGE_INFER, sample, 3);
    ask_part(1, 2, sample + 32, 32);
    CHECK(is_error(TP_MESSAGE_INFER, TP_ERROR_PART_ORDER, 0));
}

static void other_messages_may_come_between_parts(void) {
    fresh();
    ask_part(0, 2, sample, 32);
    ask(TP_MESSAGE_TICKS, NULL, 0);
    ask(TP_MESSAGE_STATUS, NULL, 0);
    ask(0x30, NULL, 0);
    ask_part(1, 2, sample + 32, 32);
    CHECK(whole_answer(TP_MESSAGE_INFER, got) == 15 && outputs_are_right(got + 5));
}

static void parts_of_wrong_lengths_are_refused(void) {
    const struct {
        uint16_t index, count;
        size_t size;
    } wrong[] = {{0, 1, 63}, {0, 2, 0}, {1, 3, 0}, {1, 2, 31}, {1, 2, 33}, {1, 3, 33}};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        fresh();
        fake_engine.input_size = 40;
        if (wrong[i].index == 1) {
            ask_part(0, wrong[i].count, sample, 8);
        }
        ask_part(wrong[i].index, wrong[i].count, sample, wrong[i].size % 45);
        CHECK(is_error(TP_MESSAGE_INFER, TP_ERROR_BAD_LENGTH, 40));
        ask_part(1, wrong[i].count, sample, 8);
        CHECK(fake_engine.invocations == 0);
    }
}

static void a_part_without_a_full_header_is_refused(void) {
    fresh();
    for (size_t size = 0; size < 4; size++) {
        ask(TP_MESSAGE_INFER | TP_PART, "\0\0\1", size);
        CHECK(is_error(TP_MESSAGE_INFER, TP_ERROR_BAD_LENGTH, 64));
    }
}

static void an_index_beyond_the_count_is_a_bad_value(void) {
    fresh();
    ask_part(0, 0, sample, 4);
    CHECK(is_error(TP_MESSAGE_INFER, TP_ERROR_BAD_VALUE, 0));
    ask_part(2, 2, sample, 4);
    CHECK(is_error(TP_MESSAGE_INFER, TP_ERROR_BAD_VALUE, 0));
    ask_part(0xFFFF, 0xFFFF, sample, 4);
    CHECK(is_error(TP_MESSAGE_INFER, TP_ERROR_BAD_VALUE, 0));
}

static void all(void) {
    RUN(a_sample_in_parts_of_every_size_is_taken);
    RUN(a_trace_in_parts_of_one_byte_is_taken);
    RUN(a_part_that_was_taken_is_acknowledged_and_ignored);
    RUN(a_missing_part_is_asked_for_and_the_rest_still_taken);
    RUN(part_0_starts_over);
    RUN(a_later_part_of_something_else_is_out_of_order);
    RUN(parts_that_were_carried_out_are_forgotten);
    RUN(a_whole_sample_and_hello_forget_parts);
    RUN(other_messages_may_come_between_parts);
    RUN(parts_of_wrong_lengths_are_refused);
    RUN(a_part_without_a_full_header_is_refused);
    RUN(an_index_beyond_the_count_is_a_bad_value);
}

int main(void) {
    all();
    return EXIT_SUCCESS;
}
