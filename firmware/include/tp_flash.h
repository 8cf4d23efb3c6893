/* Where constants live: TP_FLASH qualifies tables and weights that must stay out of RAM.
 *
 * Processors with one address space need nothing. AVR loads constants into RAM unless they are in
 * the named address space __flash, which reaches the first 64 KiB, and only from C. Plain loads
 * through pointers to TP_FLASH work on all; memcpy does not. Build with -DTP_FLASH=__memx for
 * constants beyond 64 KiB (24-bit pointers, slower).
 */
#ifndef TP_FLASH_H
#define TP_FLASH_H

#ifndef TP_FLASH
#if defined(__AVR__) && !defined(__cplusplus)
#define TP_FLASH __flash
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

#endif
