/* After tensorflow/lite/schema/schema_generated.h. */
#ifndef FAKE_SCHEMA_GENERATED_H
#define FAKE_SCHEMA_GENERATED_H

namespace tflite {

struct Model;

inline const Model *GetModel(const void *buf) {
    return static_cast<const Model *>(buf);
}

} /* namespace tflite */

#endif
