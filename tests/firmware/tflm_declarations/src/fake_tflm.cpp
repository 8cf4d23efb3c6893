/* TFLM's part in a conversation about the int8 digits model, without its arithmetic. */
#include <new>
#include <string.h>

#include "tensorflow/lite/micro/micro_interpreter.h"

namespace tflite {

enum {
    OPERATORS = 4,
    INPUT = 64,
    OUTPUT = 10,
    LAYER = 288, /* the largest layer's output; every layer is written there */
    ALIGNMENT = 16,
    PERSISTENT = 400, /* of one operator: TFLM's kernels keep their parameters */
};

/* The only interpreter's: a context has no other way to them. */
static TfLiteEvalTensor layer_output;

static uint8_t *down(uint8_t *place, size_t alignment) {
    return place - (uintptr_t)place % alignment;
}

SingleArenaBufferAllocator::SingleArenaBufferAllocator(uint8_t *buffer, size_t buffer_size)
    : head_(buffer), planned_(buffer), tail_(buffer + buffer_size), end_(buffer + buffer_size) {
}

SingleArenaBufferAllocator::~SingleArenaBufferAllocator() {
}

TfLiteStatus SingleArenaBufferAllocator::ResizeBuffer(uint8_t *resizable_buf, size_t size,
                                                      size_t alignment) {
    (void)resizable_buf;
    return ReserveNonPersistentOverlayMemory(size, alignment);
}

TfLiteStatus SingleArenaBufferAllocator::ReserveNonPersistentOverlayMemory(size_t size,
                                                                           size_t alignment) {
    (void)alignment;
    if (size > (size_t)(tail_ - head_)) {
        return kTfLiteError;
    }
    planned_ = head_ + size;
    return kTfLiteOk;
}

uint8_t *SingleArenaBufferAllocator::AllocatePersistentBuffer(size_t size, size_t alignment) {
    if (size + alignment > (size_t)(tail_ - planned_)) {
        return nullptr;
    }
    tail_ = down(tail_ - size, alignment);
    return tail_;
}

uint8_t *SingleArenaBufferAllocator::AllocateTemp(size_t size, size_t alignment) {
    return size + alignment > (size_t)(tail_ - planned_) ? nullptr : planned_;
}

uint8_t *SingleArenaBufferAllocator::GetOverlayMemoryAddress() const {
    return head_;
}

size_t SingleArenaBufferAllocator::GetPersistentUsedBytes() const {
    return (size_t)(end_ - tail_);
}

size_t SingleArenaBufferAllocator::GetUsedBytes() const {
    return GetPersistentUsedBytes() + (size_t)(planned_ - head_);
}

MicroAllocator *MicroAllocator::Create(SingleArenaBufferAllocator *memory_allocator,
                                       MicroMemoryPlanner *memory_planner) {
    (void)memory_planner;
    uint8_t *const place =
        memory_allocator->AllocatePersistentBuffer(sizeof(MicroAllocator), ALIGNMENT);
    return new (place) MicroAllocator(memory_allocator);
}

size_t MicroAllocator::GetDefaultTailUsage(bool is_memory_planner_given) {
    return is_memory_planner_given ? 128 : 256;
}

static TfLiteEvalTensor *eval_tensor(const TfLiteContext *context, int tensor_idx) {
    (void)context;
    (void)tensor_idx;
    return &layer_output;
}

MicroInterpreter::MicroInterpreter(const Model *model, const MicroOpResolver &op_resolver,
                                   MicroAllocator *allocator,
                                   MicroResourceVariables *resource_variables,
                                   MicroProfilerInterface *profiler)
    : context_(), resolver_(op_resolver), allocator_(allocator), profiler_(profiler),
      input_(nullptr), output_(nullptr) {
    (void)model;
    (void)resource_variables;
    context_.GetEvalTensor = eval_tensor;
}

static TfLiteTensor *make_tensor(SingleArenaBufferAllocator *memory, size_t offset, size_t bytes) {
    uint8_t *const place = memory->AllocatePersistentBuffer(sizeof(TfLiteTensor), ALIGNMENT);
    TfLiteTensor *const tensor = new (place) TfLiteTensor;

    tensor->data.uint8 = memory->GetOverlayMemoryAddress() + offset;
    tensor->bytes = bytes;
    return tensor;
}

TfLiteStatus MicroInterpreter::AllocateTensors() {
    SingleArenaBufferAllocator *const memory = allocator_->memory();

    if (resolver_.operators() != OPERATORS) {
        return kTfLiteError;
    }
    for (int i = 0; i != OPERATORS; i++) {
        /* As TFLM's kernels do: nobody looks whether there was memory. */
        memset(memory->AllocatePersistentBuffer(PERSISTENT, ALIGNMENT), 0, PERSISTENT);
    }
    if (memory->ReserveNonPersistentOverlayMemory(INPUT + LAYER, ALIGNMENT) != kTfLiteOk) {
        return kTfLiteError;
    }
    layer_output.data.uint8 = memory->GetOverlayMemoryAddress() + INPUT;
    input_ = make_tensor(memory, 0, INPUT);
    output_ = make_tensor(memory, INPUT, OUTPUT);
    return kTfLiteOk;
}

TfLiteStatus MicroInterpreter::Invoke() {
    for (int i = 0; i != OPERATORS; i++) {
        const uint32_t event = profiler_->BeginEvent("layer");

        for (int j = 0; j != LAYER; j++) {
            layer_output.data.uint8[j] = (uint8_t)(input_->data.uint8[j % INPUT] + j + 3 - i);
        }
        profiler_->EndEvent(event);
    }
    return kTfLiteOk;
}

TfLiteTensor *MicroInterpreter::input(size_t index) {
    return index == 0 ? input_ : nullptr;
}

TfLiteTensor *MicroInterpreter::output(size_t index) {
    return index == 0 ? output_ : nullptr;
}

} /* namespace tflite */
