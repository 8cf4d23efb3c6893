/* Arena, interpreter and profiler of engine tflm. */
#include "tp_tflm.h"

namespace tinyproof {

Arena::Arena(uint8_t *buffer, size_t size)
    : tflite::SingleArenaBufferAllocator(buffer, size), lacking(), preparing(false), needed_(0) {
}

/* Notes what an arena must have for `size` more bytes beside the `used` ones. */
void Arena::lack(size_t used, size_t size, size_t alignment) {
    const size_t wanted = used + size + alignment - 1;

    if (wanted > needed_) {
        needed_ = wanted;
    }
}

/* Returns what was `found`; does not return if that is nothing while TFLM prepares. */
uint8_t *Arena::checked(uint8_t *found, size_t size, size_t alignment) {
    if (found == nullptr && preparing) {
        lack(GetUsedBytes(), size, alignment);
        longjmp(lacking, 1);
    }
    return found;
}

uint8_t *Arena::AllocatePersistentBuffer(size_t size, size_t alignment) {
    return checked(tflite::SingleArenaBufferAllocator::AllocatePersistentBuffer(size, alignment),
                   size, alignment);
}

uint8_t *Arena::AllocateTemp(size_t size, size_t alignment) {
    return checked(tflite::SingleArenaBufferAllocator::AllocateTemp(size, alignment), size,
                   alignment);
}

TfLiteStatus Arena::ResizeBuffer(uint8_t *buffer, size_t size, size_t alignment) {
    const TfLiteStatus status =
        tflite::SingleArenaBufferAllocator::ResizeBuffer(buffer, size, alignment);

    if (status != kTfLiteOk) {
        lack(GetPersistentUsedBytes(), size, alignment);
    }
    return status;
}

TfLiteStatus Arena::ReserveNonPersistentOverlayMemory(size_t size, size_t alignment) {
    const TfLiteStatus status =
        tflite::SingleArenaBufferAllocator::ReserveNonPersistentOverlayMemory(size, alignment);

    if (status != kTfLiteOk) {
        lack(GetPersistentUsedBytes(), size, alignment);
    }
    return status;
}

const uint8_t *Interpreter::values(int index) const {
    return context().GetEvalTensor(&context(), index)->data.uint8;
}

Profiler::Profiler(const Interpreter &interpreter, const Layer *layers, uint16_t count)
    : interpreter_(interpreter), layers_(layers), observer_(nullptr), result_(0), count_(count),
      layer_(0), depth_(0) {
}

void Profiler::observe(const tp_layer_observer_t *observer) {
    observer_ = observer;
    result_ = 0;
    layer_ = 0;
    depth_ = 0;
}

uint32_t Profiler::BeginEvent(const char *tag) {
    (void)tag;
    if (depth_++ == 0 && observer_ != nullptr && result_ == 0) {
        observer_->before(observer_->context, layer_);
    }
    return 0;
}

void Profiler::EndEvent(uint32_t handle) {
    (void)handle;
    if (--depth_ != 0 || observer_ == nullptr || result_ != 0 || layer_ >= count_) {
        return;
    }
    const Layer &layer = layers_[layer_];
    const uint8_t *const output = layer.tensor < 0 ? nullptr : interpreter_.values(layer.tensor);
    result_ = observer_->after(observer_->context, layer_, output, output ? layer.size : 0);
    layer_++;
}

} /* namespace tinyproof */
