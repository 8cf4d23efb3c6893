/* What engine tflm makes of TensorFlow Lite Micro: an arena that tells what it lacks, a profiler
 * that tells of layers, an interpreter that shows its tensors. Written against the API as
 * documented in tensorflow/lite/micro of https://github.com/tensorflow/tflite-micro (2024 to 2026).
 */
#ifndef TP_TFLM_H
#define TP_TFLM_H

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include "engine.h"

/* These headers are not ours: what a compiler finds in them stops no build. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wfloat-conversion"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#include "tensorflow/lite/micro/arena_allocator/single_arena_buffer_allocator.h"
#include "tensorflow/lite/micro/memory_planner/greedy_memory_planner.h"
#include "tensorflow/lite/micro/micro_allocator.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/micro/micro_profiler_interface.h"
#include "tensorflow/lite/schema/schema_generated.h"
#pragma GCC diagnostic pop

namespace tinyproof {

/* The arena's allocator: TFLM's own, which remembers the bytes it would have needed.
 *
 * Many kernels of TFLM use memory without asking whether they got it: a null pointer would end in a
 * crash instead of an error. So while `preparing` an allocation that fails leaves the whole of
 * AllocateTensors() by longjmp to `lacking`, which the caller has set; nothing between the two has
 * a destructor.
 */
class Arena : public tflite::SingleArenaBufferAllocator {
  public:
    Arena(uint8_t *buffer, size_t size);

    uint8_t *AllocatePersistentBuffer(size_t size, size_t alignment) override;
    uint8_t *AllocateTemp(size_t size, size_t alignment) override;
    TfLiteStatus ResizeBuffer(uint8_t *buffer, size_t size, size_t alignment) override;
    TfLiteStatus ReserveNonPersistentOverlayMemory(size_t size, size_t alignment) override;

    /* Bytes of an arena in which the failed allocation would have succeeded, at least; 0 while
     * none has failed. */
    size_t needed() const {
        return needed_;
    }

    jmp_buf lacking;
    bool preparing; /* whether `lacking` is set */

  private:
    void lack(size_t used, size_t size, size_t alignment);
    uint8_t *checked(uint8_t *found, size_t size, size_t alignment);

    size_t needed_;

    /* Nothing is ever deleted; without this the virtual destructor would link the heap. */
    static void operator delete(void *) {
    }
};

/* The interpreter, showing any tensor of the operator that has just run. */
class Interpreter : public tflite::MicroInterpreter {
  public:
    using tflite::MicroInterpreter::MicroInterpreter;

    /* Values of tensor `index`; valid until the next operator runs. */
    const uint8_t *values(int index) const;
};

/* Where a layer's output is: its tensor, or -1 if it has none or several. */
struct Layer {
    int16_t tensor;
    uint32_t size; /* bytes */
};

/* Tells the observer of each operator; an operator that another one runs counts as its part. */
class Profiler : public tflite::MicroProfilerInterface {
  public:
    Profiler(const Interpreter &interpreter, const Layer *layers, uint16_t count);

    /* Calls `observer` from now on, or nobody if it is null. */
    void observe(const tp_layer_observer_t *observer);

    /* The first value other than 0 that the observer returned; it is told of nothing after that. */
    int result() const {
        return result_;
    }

    /* Operators that have run to their end. */
    uint16_t finished() const {
        return layer_;
    }

    uint32_t BeginEvent(const char *tag) override;
    void EndEvent(uint32_t handle) override;

  private:
    const Interpreter &interpreter_;
    const Layer *layers_;
    const tp_layer_observer_t *observer_;
    int result_;
    uint16_t count_;
    uint16_t layer_;
    uint16_t depth_;

    /* Nothing is ever deleted; without this the virtual destructor would link the heap. */
    static void operator delete(void *) {
    }
};

} /* namespace tinyproof */

#endif
