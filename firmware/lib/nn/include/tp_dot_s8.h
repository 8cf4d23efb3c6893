/* Sums of int8 products, the innermost loops; a faster version for one processor goes here. */
#ifndef TP_DOT_S8_H
#define TP_DOT_S8_H

#include <stddef.h>
#include <stdint.h>

#include "tp_flash.h"

/* Writes to sum[0..3] the products of x[count] with four rows, interleaved: rows[count][4].
 * `count` from 1 to 131071, so 32 bits hold each sum. */
static inline void tp_dot4_s8(const int8_t *x, const TP_FLASH int8_t *rows, size_t count,
                              int32_t *sum) {
    const int8_t *end = x + count;
    int32_t a = 0, b = 0, c = 0, d = 0;

    do {
        int value = *x++;
        a += value * rows[0];
        b += value * rows[1];
        c += value * rows[2];
        d += value * rows[3];
        rows += 4;
    } while (x != end);
    sum[0] = a;
    sum[1] = b;
    sum[2] = c;
    sum[3] = d;
}

/* Returns the product of x[count] with one row[count]; `count` as above. */
static inline int32_t tp_dot1_s8(const int8_t *x, const TP_FLASH int8_t *row, size_t count) {
    const int8_t *end = x + count;
    int32_t sum = 0;

    do {
        int value = *x++;
        sum += value * *row++;
    } while (x != end);
    return sum;
}

#endif
