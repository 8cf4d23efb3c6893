/* Tests of the requests that carry a sample, in one frame each. */
#include "conversation.h"
#include <string.h>

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
}

int main(void) {
    all();
    return EXIT_SUCCESS;
}
