/* After tensorflow/lite/micro/micro_mutable_op_resolver.h and micro_op_resolver.h: the operators of
 * the digits model only, each of which takes one place. */
#ifndef FAKE_MICRO_MUTABLE_OP_RESOLVER_H
#define FAKE_MICRO_MUTABLE_OP_RESOLVER_H

#include "tensorflow/lite/c/common.h"

namespace tflite {

class MicroOpResolver {
  public:
    virtual ~MicroOpResolver() {
    }
    virtual unsigned int operators() const = 0;
};

template <unsigned int tOpCount> class MicroMutableOpResolver : public MicroOpResolver {
  public:
    TfLiteStatus AddConv2D() {
        return add();
    }
    TfLiteStatus AddFullyConnected() {
        return add();
    }
    TfLiteStatus AddMaxPool2D() {
        return add();
    }
    TfLiteStatus AddReshape() {
        return add();
    }
    unsigned int operators() const override {
        return used_;
    }

  private:
    TfLiteStatus add() {
        if (used_ == tOpCount) {
            return kTfLiteError;
        }
        used_++;
        return kTfLiteOk;
    }

    unsigned int used_ = 0;

    static void operator delete(void *) {
    }
};

} /* namespace tflite */

#endif
