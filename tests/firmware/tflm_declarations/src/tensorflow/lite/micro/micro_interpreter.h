/* After tensorflow/lite/micro/micro_interpreter.h. */
#ifndef FAKE_MICRO_INTERPRETER_H
#define FAKE_MICRO_INTERPRETER_H

#include "tensorflow/lite/micro/micro_allocator.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/micro/micro_profiler_interface.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace tflite {

class MicroResourceVariables;

class MicroInterpreter {
  public:
    MicroInterpreter(const Model *model, const MicroOpResolver &op_resolver,
                     MicroAllocator *allocator,
                     MicroResourceVariables *resource_variables = nullptr,
                     MicroProfilerInterface *profiler = nullptr);

    TfLiteStatus AllocateTensors();
    TfLiteStatus Invoke();
    TfLiteTensor *input(size_t index);
    size_t inputs_size() const {
        return 1;
    }
    TfLiteTensor *output(size_t index);
    size_t outputs_size() const {
        return 1;
    }

  protected:
    const TfLiteContext &context() const {
        return context_;
    }

  private:
    TfLiteContext context_;
    const MicroOpResolver &resolver_;
    MicroAllocator *allocator_;
    MicroProfilerInterface *profiler_;
    TfLiteTensor *input_;
    TfLiteTensor *output_;
};

} /* namespace tflite */

#endif
