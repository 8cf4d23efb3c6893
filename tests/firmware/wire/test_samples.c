/* Tests of the requests that carry a sample, whole and in parts. */
#include "conversation.h"
#include <string.h>

static uint8_t sample[FAKE_ARENA + 2];
static uint8_t got[1 << 18];

static void fresh(void) {
    size_t i;

    fake_all();
    for (i = 0; i < sizeof sample; i++) {
        sample[i] = (uint8_t)(i * 31 % 251);
    }
    open_session();
}

static void ask_part_as(uint8_t type, uint16_t sequence, uint16_t index, uint16_t count,
                        const uint8_t *data, size_t size) {
    uint8_t payload[FAKE_ARENA + 4];

    payload[0] = (uint8_t)index;
    payload[1] = (uint8_t)(index >> 8);
    payload[2] = (uint8_t)count;
    payload[3] = (uint8_t)(count >> 8);
    memcpy(payload + 4, data, size);
    ask_as(TP_PROTOCOL_VERSION, type | TP_PART, sequence, NONCE, payload, size + 4);
}

static void ask_part(uint16_t index, uint16_t count, const uint8_t *data, size_t size) {
    ask_part_as(TP_MESSAGE_INFER, 0x0100, index, count, data, size);
}

/* Whether the next answer asks for this part. */
static bool wants(uint8_t type, uint16_t next) {
    peer_frame_t frame;

    return answer(&frame) && frame.type == (type | TP_ANSWER) && frame.size == 3 &&
           frame.payload[0] == TP_STATUS_MORE && u16(frame.payload + 1) == next && is_silent();
}

static bool outputs_are_right(const uint8_t *outputs) {
    for (uint32_t i = 0; i < fake_engine.output_size; i++) {
        if (outputs[i] != (uint8_t)(sample[i % fake_engine.input_size] + i + 1)) {
            return false;
        }
    }
    return true;
}

static void infer_answers_status_ticks_and_outputs(void) {
    fresh();
    fake_port.ticks = 0xFFFFFF00; /* wraps on the way */
    ask(TP_MESSAGE_INFER, sample, 64);
    CHECK(whole_answer(TP_MESSAGE_INFER, got) == 15);
    CHECK(got[0] == TP_STATUS_OK && u32(got + 1) == 3 * 1000);
    CHECK(outputs_are_right(got + 5));
    CHECK(is_silent() && fake_engine.invocations == 1);
}

static void ticks_are_without_what_reading_the_clock_takes(void) {
    fake_all();
    fake_port.ticks_step = 5;
    open_session();
    ask(TP_MESSAGE_INFER, sample, 64);
    CHECK(whole_answer(TP_MESSAGE_INFER, got) == 15 && u32(got + 1) == 3 * 1000);
    ask(TP_MESSAGE_PROFILE, sample, 64);
    CHECK(whole_answer(TP_MESSAGE_PROFILE, got) == 19 && u32(got + 3) == 1000);
    fake_engine.layer_ticks = 0;
    ask(TP_MESSAGE_INFER, sample, 64);
    CHECK(whole_answer(TP_MESSAGE_INFER, got) == 15 && u32(got + 1) == 0);
}

static void infer_of_a_wrong_size_tells_the_right_one(void) {
    size_t size;

    fresh();
    fake_engine.input_size = 30;
    for (size = 0; size < 45; size++) {
        if (size != 30) {
            ask(TP_MESSAGE_INFER, sample, size);
            CHECK(is_error(TP_MESSAGE_INFER, TP_ERROR_BAD_LENGTH, 30));
        }
        if (size != 32) {
            ask(TP_MESSAGE_TRACE, sample, size);
            CHECK(is_error(TP_MESSAGE_TRACE, TP_ERROR_BAD_LENGTH, 32));
        }
    }
    CHECK(fake_engine.invocations == 0);
}

static void a_model_without_inputs_runs(void) {
    fresh();
    fake_engine.input_size = 0;
    ask(TP_MESSAGE_INFER, NULL, 0);
    CHECK(whole_answer(TP_MESSAGE_INFER, got) == 15);
}

static void answers_of_every_size_arrive(void) {
    uint32_t size;

    fresh();
    fake_engine.input_size = 40;
    for (size = 0; size < 3 * TP_MAX_FRAME && size < 1500; size++) {
        fake_engine.output_size = size;
        ask(TP_MESSAGE_INFER, sample, 40);
        CHECK(whole_answer(TP_MESSAGE_INFER, got) == (long)size + 5);
        CHECK(outputs_are_right(got + 5) && is_silent());
    }
}

static void an_answer_of_more_parts_than_numbers_is_refused(void) {
    fresh();
    fake_engine.output_size = UINT32_MAX / 2;
    ask(TP_MESSAGE_INFER, sample, 64);
    CHECK(is_error(TP_MESSAGE_INFER, TP_ERROR_BAD_VALUE, 0));
}

static void profile_tells_each_layer_and_the_whole(void) {
    uint16_t layers;

    fresh();
    fake_engine.input_size = 40;
    for (layers = 0; layers < 300; layers++) {
        uint32_t sum = 0;
        fake_engine.layers = layers;
        fake_engine.layers_told = layers;
        ask(TP_MESSAGE_PROFILE, sample, 40);
        CHECK(whole_answer(TP_MESSAGE_PROFILE, got) == 7 + 4L * layers);
        CHECK(got[0] == TP_STATUS_OK && u16(got + 1) == layers && is_silent());
        for (uint16_t k = 0; k < layers; k++) {
            CHECK(u32(got + 3 + 4 * k) == 1000u + k);
            sum += 1000u + k;
        }
        CHECK(u32(got + 3 + 4 * layers) == sum);
    }
}

static void a_profile_with_other_layers_than_told_is_an_error(void) {
    fresh();
    fake_engine.layers_told = 2;
    ask(TP_MESSAGE_PROFILE, sample, 64);
    CHECK(is_error(TP_MESSAGE_PROFILE, TP_ERROR_ENGINE, TP_ERROR_ENGINE));
    fake_engine.layers_told = 4;
    ask(TP_MESSAGE_PROFILE, sample, 64);
    CHECK(is_error(TP_MESSAGE_PROFILE, TP_ERROR_ENGINE, 0));
}

static void a_profile_that_fails_midway_ends_with_the_error(void) {
    peer_frame_t frame;
    int parts = 0;

    fresh();
    fake_engine.layers = fake_engine.layers_told = 2000;
    fake_engine.invoke_result = -77;
    fake_engine.invoke_result_at = 1900;
    ask(TP_MESSAGE_PROFILE, sample, 64);
    while (answer(&frame) && frame.type == (TP_MESSAGE_PROFILE | TP_ANSWER | TP_PART)) {
        parts++;
    }
    CHECK(parts > 0);
    CHECK(frame.type == (TP_MESSAGE_ERROR | TP_ANSWER) && u32(frame.payload + 2) == 77);
    CHECK(is_silent());
}

static void trace_tells_the_outputs_of_each_layer(void) {
    uint8_t payload[66];

    fresh();
    memcpy(payload + 2, sample, 64);
    for (uint16_t layer = 0; layer < 3; layer++) {
        fake_engine.layer_size = 700u * layer + 1;
        payload[0] = (uint8_t)layer;
        payload[1] = 0;
        ask(TP_MESSAGE_TRACE, payload, sizeof payload);
        CHECK(whole_answer(TP_MESSAGE_TRACE, got) == (long)fake_engine.layer_size + 3);
        CHECK(got[0] == TP_STATUS_OK && u16(got + 1) == layer && is_silent());
        for (uint32_t i = 0; i < fake_engine.layer_size; i++) {
            CHECK(got[3 + i] == (uint8_t)(sample[i % 64] + i + 1 + layer));
        }
    }
}

static void a_layer_that_is_not_there_is_an_error(void) {
    uint8_t payload[66] = {3, 0};

    fresh();
    ask(TP_MESSAGE_TRACE, payload, sizeof payload);
    CHECK(is_error(TP_MESSAGE_TRACE, TP_ERROR_BAD_LAYER, 3));
    payload[0] = 0;
    payload[1] = 1; /* 256 */
    ask(TP_MESSAGE_TRACE, payload, sizeof payload);
    CHECK(is_error(TP_MESSAGE_TRACE, TP_ERROR_BAD_LAYER, 3));
    CHECK(fake_engine.invocations == 0);
}

static void a_traced_layer_that_never_comes_is_an_error(void) {
    const uint8_t payload[66] = {2, 0};

    fresh();
    fake_engine.layers = 1;
    ask(TP_MESSAGE_TRACE, payload, sizeof payload);
    CHECK(is_error(TP_MESSAGE_TRACE, TP_ERROR_ENGINE, 0));
}

static void an_inference_error_ends_that_sample_only(void) {
    fresh();
    fake_engine.invoke_result = -42;
    ask(TP_MESSAGE_INFER, sample, 64);
    CHECK(is_error(TP_MESSAGE_INFER, TP_ERROR_ENGINE, 42));
    fake_engine.invoke_result = 0;
    ask(TP_MESSAGE_INFER, sample, 64);
    CHECK(whole_answer(TP_MESSAGE_INFER, got) == 15);
}

static void without_an_engine_samples_are_refused_and_hello_answered(void) {
    const uint8_t types[] = {TP_MESSAGE_INFER, TP_MESSAGE_PROFILE, TP_MESSAGE_TRACE};

    for (size_t i = 0; i < 3; i++) {
        fake_all();
        fake_engine.init_result = -TP_ERROR_ENGINE;
        open_session();
        ask(types[i], sample, 64);
        CHECK(is_error(types[i], TP_ERROR_NO_MODEL, 0));
        ask_part_as(types[i], 0, 0, 2, sample, 30);
        CHECK(is_error(types[i], TP_ERROR_NO_MODEL, 0));
    }
}

static void an_arena_that_is_too_small_is_told_with_the_bytes_needed(void) {
    fake_all();
    fake_engine.init_result = -TP_ERROR_ARENA;
    fake_engine.arena_used = 9999;
    open_session();
    ask(TP_MESSAGE_INFER, sample, 64);
    CHECK(is_error(TP_MESSAGE_INFER, TP_ERROR_ARENA, 9999));
}

/* -- Poison -------------------------------------------------------------------------------------
 */

static void poison_is_answered_and_comes_before_the_inputs(void) {
    fresh();
    ask(TP_MESSAGE_POISON, "\1\245", 2);
    CHECK(whole_answer(TP_MESSAGE_POISON, got) == 2 && got[0] == 1 && got[1] == 0xA5);
    CHECK(fake_engine.poisonings == 0);
    ask(TP_MESSAGE_INFER, sample, 64);
    CHECK(whole_answer(TP_MESSAGE_INFER, got) == 15 && outputs_are_right(got + 5));
    CHECK(fake_engine.poisonings == 1 && fake_engine.input[64] == 0xA5);
    ask(TP_MESSAGE_POISON, "\0\0", 2);
    ask(TP_MESSAGE_INFER, sample, 64);
    CHECK(fake_engine.poisonings == 1);
}

static void poison_is_of_the_arena_the_stack_or_both(void) {
    static const uint8_t types[] = {TP_MESSAGE_INFER, TP_MESSAGE_PROFILE, TP_MESSAGE_TRACE};
    uint8_t request[66] = {0};
    uint8_t on;
    size_t i;

    for (on = 0; on <= (TP_POISON_ARENA | TP_POISON_STACK); on++) {
        for (i = 0; i < sizeof types; i++) {
            const uint8_t poison[2] = {on, (uint8_t)(0x50 + i)};
            fresh();
            ask(TP_MESSAGE_POISON, poison, 2);
            CHECK(whole_answer(TP_MESSAGE_POISON, got) == 2 && got[0] == on);
            CHECK(fake_port.poisonings == 0);
            ask(types[i], request, types[i] == TP_MESSAGE_TRACE ? 66 : 64);
            CHECK(fake_engine.poisonings == (on & TP_POISON_ARENA));
            CHECK(fake_port.poisonings == on / TP_POISON_STACK);
            CHECK(fake_port.pattern == (on & TP_POISON_STACK ? poison[1] : 0));
        }
    }
}

static void poison_comes_once_before_all_parts(void) {
    fresh();
    ask(TP_MESSAGE_POISON, "\3\245", 2);
    ask_part(0, 2, sample, 32);
    CHECK(fake_engine.poisonings == 1 && fake_port.poisonings == 0);
    ask_part(1, 2, sample + 32, 32);
    CHECK(whole_answer(TP_MESSAGE_INFER, got) == 15 && outputs_are_right(got + 5));
    CHECK(fake_engine.poisonings == 1 && fake_port.poisonings == 1);
}

static void hello_turns_poison_off(void) {
    const uint8_t nonce[4] = {0x78, 0x56, 0x34, 0x12};

    fresh();
    ask(TP_MESSAGE_POISON, "\3\245", 2);
    ask_as(TP_PROTOCOL_VERSION, TP_MESSAGE_HELLO, 0, 0, nonce, sizeof nonce);
    ask(TP_MESSAGE_INFER, sample, 64);
    CHECK(fake_engine.poisonings == 0 && fake_port.poisonings == 0);
}

static void poison_takes_only_0_to_3(void) {
    uint8_t payload[2] = {0, 7};
    unsigned on;

    fresh();
    for (on = 4; on < 256; on++) {
        payload[0] = (uint8_t)on;
        ask(TP_MESSAGE_POISON, payload, 2);
        CHECK(is_error(TP_MESSAGE_POISON, TP_ERROR_BAD_VALUE, 0));
    }
}

/* -- Parts --------------------------------------------------------------------------------------
 */

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
    RUN(infer_answers_status_ticks_and_outputs);
    RUN(ticks_are_without_what_reading_the_clock_takes);
    RUN(infer_of_a_wrong_size_tells_the_right_one);
    RUN(a_model_without_inputs_runs);
    RUN(answers_of_every_size_arrive);
    RUN(an_answer_of_more_parts_than_numbers_is_refused);
    RUN(profile_tells_each_layer_and_the_whole);
    RUN(a_profile_with_other_layers_than_told_is_an_error);
    RUN(a_profile_that_fails_midway_ends_with_the_error);
    RUN(trace_tells_the_outputs_of_each_layer);
    RUN(a_layer_that_is_not_there_is_an_error);
    RUN(a_traced_layer_that_never_comes_is_an_error);
    RUN(an_inference_error_ends_that_sample_only);
    RUN(without_an_engine_samples_are_refused_and_hello_answered);
    RUN(an_arena_that_is_too_small_is_told_with_the_bytes_needed);
    RUN(poison_is_answered_and_comes_before_the_inputs);
    RUN(poison_is_of_the_arena_the_stack_or_both);
    RUN(poison_comes_once_before_all_parts);
    RUN(hello_turns_poison_off);
    RUN(poison_takes_only_0_to_3);
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
