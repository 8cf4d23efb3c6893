/* The engine, as the firmware sees it: one model, ready to run. Filled by lib/engine_aot or
 * lib/engine_tflm. No function allocates; the engine owns its arena. Functions that can fail return
 * 0 or a negative tp_error_t (tp_protocol.h).
 *
 * A "layer" is one step of the engine's plan; several operators fused into one count as one.
 */
#ifndef TP_ENGINE_H
#define TP_ENGINE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Readies the model. Called once at boot. Without its success only the descriptor, the weights'
 * CRC, the sizes and the arena's figures may be asked for; after -TP_ERROR_ARENA
 * tp_engine_arena_used() is what the model needs. */
int tp_engine_init(void);

/* CRC-32 (as zlib.crc32, seed 0) over the weights as linked, computed from the memory they lie in.
 */
uint32_t tp_engine_weights_crc32(void);

/* The model's descriptor, as docs/protocol.md lays it out: hash, engine, tensors. Copies up to
 * `size` bytes from `offset` on to `dst`; returns how many, 0 past the end. */
uint16_t tp_engine_descriptor(uint16_t offset, uint8_t *dst, uint16_t size);

/* Bytes of all inputs (outputs) together, in the model's order, without gaps. */
uint32_t tp_engine_input_size(void);
uint32_t tp_engine_output_size(void);

/* Writes `size` bytes of the concatenated inputs from `offset` on; offset + size must not pass
 * tp_engine_input_size(). An inference may overwrite the inputs: write them before each one. */
void tp_engine_write_input(uint32_t offset, const uint8_t *src, uint16_t size);

/* Reads from the concatenated outputs of the last inference; the same bounds. */
void tp_engine_read_output(uint32_t offset, uint8_t *dst, uint16_t size);

/* Runs the model once, undisturbed: this is what latency means. */
int tp_engine_invoke(void);

uint16_t tp_engine_layer_count(void);

/* Told before and after each layer. `output` are the layer's concatenated outputs, valid until the
 * call returns; 0 where an engine cannot show them. A non-zero return of `after` ends the
 * inference, which then returns that value. */
typedef struct {
    void (*before)(void *context, uint16_t layer);
    int (*after)(void *context, uint16_t layer, const uint8_t *output, uint32_t size);
    void *context;
} tp_layer_observer_t;

/* Runs the model once, telling `observer` of each layer. */
int tp_engine_invoke_observed(const tp_layer_observer_t *observer);

uint32_t tp_engine_arena_used(void);
uint32_t tp_engine_arena_reserved(void);

/* Fills the whole arena, inputs included, with `pattern`; where an engine keeps more in its arena
 * than tensors and scratch memory, all but that. */
void tp_engine_poison(uint8_t pattern);

#ifdef __cplusplus
}
#endif

#endif
