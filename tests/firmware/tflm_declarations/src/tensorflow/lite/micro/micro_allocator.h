/* After tensorflow/lite/micro/micro_allocator.h. */
#ifndef FAKE_MICRO_ALLOCATOR_H
#define FAKE_MICRO_ALLOCATOR_H

#include "tensorflow/lite/micro/arena_allocator/single_arena_buffer_allocator.h"
#include "tensorflow/lite/micro/memory_planner/greedy_memory_planner.h"

namespace tflite {

class MicroAllocator {
  public:
    static MicroAllocator *Create(SingleArenaBufferAllocator *memory_allocator,
                                  MicroMemoryPlanner *memory_planner);
    static size_t GetDefaultTailUsage(bool is_memory_planner_given);

    explicit MicroAllocator(SingleArenaBufferAllocator *memory) : memory_(memory) {
    }
    SingleArenaBufferAllocator *memory() {
        return memory_;
    }

  private:
    SingleArenaBufferAllocator *memory_;
};

} /* namespace tflite */

#endif
