/* The tables that the generator fills in model.h for engine aot. */
#ifndef TP_PLAN_H
#define TP_PLAN_H

#include <stdint.h>

#include "tp_flash.h"

/* Part of the arena: offset and size in bytes. */
typedef struct {
    uint32_t offset;
    uint32_t size;
} tp_span_t;

/* One layer: its call, and where its output lies. */
typedef struct {
    void (*run)(void);
    tp_span_t output;
} tp_step_t;

/* One struct of constants: where it lies, and its bytes without what a compiler may append. */
typedef struct {
    const TP_FLASH void *data;
    uint32_t size;
} tp_block_t;

#endif
