/* The wire protocol's numbers, for the firmware. Generated from host/tinyproof/protocol.py by
 * `python -m tinyproof.codegen.protocol_header`; do not edit. docs/protocol.md explains them. */
#ifndef TP_PROTOCOL_H
#define TP_PROTOCOL_H

#define TP_PROTOCOL_VERSION 1
#define TP_MODEL_FORMAT     1
#define TP_ANSWER           0x80
#define TP_PART             0x40
#define TP_BUILD_ID_BYTES   16

/* Bits 0 to 5 of a frame's type byte. */
typedef enum {
    TP_MESSAGE_HELLO = 1,
    TP_MESSAGE_INFER = 2,
    TP_MESSAGE_PROFILE = 3,
    TP_MESSAGE_TRACE = 4,
    TP_MESSAGE_TICKS = 5,
    TP_MESSAGE_STATUS = 6,
    TP_MESSAGE_POISON = 7,
    TP_MESSAGE_RESET = 8,
    TP_MESSAGE_STARTED = 62,
    TP_MESSAGE_ERROR = 63,
} tp_message_t;

/* First byte of an inference's answer. */
typedef enum {
    TP_STATUS_OK = 0,
    TP_STATUS_MORE = 1,
} tp_status_t;

/* Bits of POISON's first byte. */
typedef enum {
    TP_POISON_ARENA = 1,
    TP_POISON_STACK = 2,
} tp_poison_t;

/* Why the board started. */
typedef enum {
    TP_START_UNKNOWN = 0,
    TP_START_POWER_ON = 1,
    TP_START_EXTERNAL = 2,
    TP_START_WATCHDOG = 3,
    TP_START_BROWN_OUT = 4,
    TP_START_SOFTWARE = 5,
    TP_START_PANIC = 6,
} tp_start_cause_t;

/* Codes of ERROR answers; functions return them negated. */
typedef enum {
    TP_ERROR_UNKNOWN_TYPE = 1,
    TP_ERROR_BAD_LENGTH = 2,
    TP_ERROR_PART_ORDER = 3,
    TP_ERROR_BAD_LAYER = 4,
    TP_ERROR_ENGINE = 5,
    TP_ERROR_ARENA = 6,
    TP_ERROR_NO_MODEL = 7,
    TP_ERROR_BAD_VALUE = 8,
} tp_error_t;

/* X(code, sentence) for each error, codes ascending from 1 without a gap. */
#define TP_ERROR_SENTENCES(X)                                                                      \
    X(1, "This message type is unknown.")                                                          \
    X(2, "The payload has the wrong length.")                                                      \
    X(3, "A part is missing.")                                                                     \
    X(4, "There is no such layer.")                                                                \
    X(5, "The inference failed.")                                                                  \
    X(6, "The arena is too small.")                                                                \
    X(7, "The engine did not start.")                                                              \
    X(8, "A field has a value that is not allowed.")

#endif
