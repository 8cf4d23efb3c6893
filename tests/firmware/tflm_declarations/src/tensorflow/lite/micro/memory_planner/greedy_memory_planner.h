/* After tensorflow/lite/micro/memory_planner/greedy_memory_planner.h and micro_memory_planner.h. */
#ifndef FAKE_GREEDY_MEMORY_PLANNER_H
#define FAKE_GREEDY_MEMORY_PLANNER_H

namespace tflite {

class MicroMemoryPlanner {
  public:
    virtual ~MicroMemoryPlanner() {
    }

  private:
    static void operator delete(void *) {
    }
};

class GreedyMemoryPlanner : public MicroMemoryPlanner {
  public:
    GreedyMemoryPlanner() {
    }

  private:
    static void operator delete(void *) {
    }
};

} /* namespace tflite */

#endif
