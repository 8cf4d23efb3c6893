/* After tensorflow/lite/core/c/common.h: status, tensors, context. */
#ifndef FAKE_COMMON_H
#define FAKE_COMMON_H

#include <stddef.h>
#include <stdint.h>

typedef enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 } TfLiteStatus;

typedef union TfLitePtrUnion {
    uint8_t *uint8;
    char *raw;
} TfLitePtrUnion;

/* With TF_LITE_STATIC_MEMORY, as on every board. */
typedef struct TfLiteTensor {
    TfLitePtrUnion data;
    size_t bytes;
} TfLiteTensor;

typedef struct TfLiteEvalTensor {
    TfLitePtrUnion data;
} TfLiteEvalTensor;

typedef struct TfLiteContext {
    TfLiteEvalTensor *(*GetEvalTensor)(const struct TfLiteContext *context, int tensor_idx);
} TfLiteContext;

#endif
