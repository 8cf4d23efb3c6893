/* After tensorflow/lite/micro/arena_allocator/single_arena_buffer_allocator.h and
 * ibuffer_allocator.h: planned memory grows from the head, persistent memory from the tail. */
#ifndef FAKE_SINGLE_ARENA_BUFFER_ALLOCATOR_H
#define FAKE_SINGLE_ARENA_BUFFER_ALLOCATOR_H

#include "tensorflow/lite/c/common.h"

namespace tflite {

class SingleArenaBufferAllocator {
  public:
    SingleArenaBufferAllocator(uint8_t *buffer, size_t buffer_size);
    virtual ~SingleArenaBufferAllocator();

    virtual TfLiteStatus ResizeBuffer(uint8_t *resizable_buf, size_t size, size_t alignment);
    virtual TfLiteStatus ReserveNonPersistentOverlayMemory(size_t size, size_t alignment);
    virtual uint8_t *AllocatePersistentBuffer(size_t size, size_t alignment);
    virtual uint8_t *AllocateTemp(size_t size, size_t alignment);
    uint8_t *GetOverlayMemoryAddress() const;
    size_t GetPersistentUsedBytes() const;
    size_t GetUsedBytes() const;

  private:
    uint8_t *head_;
    uint8_t *planned_;
    uint8_t *tail_;
    uint8_t *end_;

    static void operator delete(void *) {
    }
};

} /* namespace tflite */

#endif
