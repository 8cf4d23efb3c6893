/* Mbed OS 6, rtos/include/rtos/Kernel.h */
#ifndef TP_TEST_KERNEL_H
#define TP_TEST_KERNEL_H

namespace rtos {
namespace Kernel {
void attach_idle_hook(void (*fptr)(void));
}
} // namespace rtos

#endif
