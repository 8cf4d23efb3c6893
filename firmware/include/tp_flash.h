/* Where constants live: TP_FLASH qualifies tables and weights that must stay out of RAM.
 *
 * Processors with one address space need nothing. AVR loads constants into RAM unless they are in
 * the named address space __flash, which reaches the first 64 KiB, and only from C. Plain loads
 * through pointers to TP_FLASH work on all; memcpy does not. Build with -DTP_FLASH_FAR for
 * constants beyond 64 KiB: __memx reaches all of flash, with 24-bit pointers that C reads several
 * times slower.
 */
#ifndef TP_FLASH_H
#define TP_FLASH_H

#ifndef TP_FLASH
#if defined(__AVR__) && !defined(__cplusplus)
#ifdef TP_FLASH_FAR
#define TP_FLASH __memx
#else
#define TP_FLASH __flash
#endif
#else
#define TP_FLASH
#endif
#endif

/* TP_ANY qualifies what may lie in flash or in RAM, such as an operand that is constant in one
 * model and computed in another: AVR's __memx pointers tell both apart, at a cost. */
#ifndef TP_ANY
#if defined(__AVR__) && !defined(__cplusplus)
#define TP_ANY __memx
#else
#define TP_ANY
#endif
#endif

/* TP_LARGE_S8(name, count, values...) defines an array of int8_t constants of any size: avr-gcc
 * takes no object of 32 KiB or more, the assembler does. */
#if defined(__AVR__)
#define TP_LARGE_S8(name, count, ...)                                                              \
    __asm__(".pushsection .progmemx.data,\"a\",@progbits\n.global " #name "\n" #name               \
            ":\n.byte " #__VA_ARGS__ "\n.popsection");                                             \
    extern const TP_FLASH int8_t name[]
#else
#define TP_LARGE_S8(name, count, ...) static const TP_FLASH int8_t name[count] = {__VA_ARGS__}
#endif

#endif
