/* The walk of a convolution over its input, written once for all element types.
 *
 * Included by one source per element type, which defines TP_ELEMENT, TP_CONV (the function),
 * TP_CONV_T (its parameters) and TP_MATVEC. For each output position the patches beneath it are
 * gathered, with padding where they reach beyond the input, and multiplied with all filters.
 */
#include "tp_conv_2d.h"

static TP_ELEMENT *tp_fill(TP_ELEMENT *patch, size_t count, TP_ELEMENT value) {
    while (count-- != 0) {
        *patch++ = value;
    }
    return patch;
}

/* Appends one row of taps to `patch`: from column `left` of the input row `x` on. */
static TP_ELEMENT *tp_gather_row(const TP_FLASH TP_CONV_T *conv, const TP_ELEMENT *x, int left,
                                 TP_ELEMENT *patch) {
    const int run = conv->shape.run;
    const int width = conv->shape.input_w;
    const size_t channels = (size_t)conv->shape.group_channels;
    int tap;

    for (tap = 0; tap < conv->shape.filter_w; tap += run) {
        int before = left < 0 ? -left : 0;
        int end = left + run > width ? width - left : run;

        if (before > run) {
            before = run;
        }
        if (end < before) {
            end = before;
        }
        patch = tp_fill(patch, (size_t)before * channels, conv->padding);
        if (end > before) {
            const TP_ELEMENT *from =
                x + (size_t)(left + before) * (size_t)conv->shape.input_channels;
            const size_t count = (size_t)(end - before) * channels;

            __builtin_memcpy(patch, from, count * sizeof *patch);
            patch += count;
        }
        patch = tp_fill(patch, (size_t)(run - end) * channels, conv->padding);
        left += conv->shape.dilation_w;
    }
    return patch;
}

/* Appends the patch whose first tap is at (top, left) of the image `x`. */
static TP_ELEMENT *tp_gather(const TP_FLASH TP_CONV_T *conv, const TP_ELEMENT *x, int top, int left,
                             TP_ELEMENT *patch) {
    const size_t row = (size_t)conv->shape.filter_w * (size_t)conv->shape.group_channels;
    const size_t pitch = (size_t)conv->shape.input_w * (size_t)conv->shape.input_channels;
    int tap;

    for (tap = 0; tap < conv->shape.filter_h; tap++) {
        if (top < 0 || top >= conv->shape.input_h) {
            patch = tp_fill(patch, row, conv->padding);
        } else {
            patch = tp_gather_row(conv, x + (size_t)top * pitch, left, patch);
        }
        top += conv->shape.dilation_h;
    }
    return patch;
}

/* Gathers the patches that output (row, column) pools; returns how many. */
static uint16_t tp_gather_pool(const TP_FLASH TP_CONV_T *conv, const TP_ELEMENT *x, int row,
                               int column, TP_ELEMENT *patches) {
    const int top = row * conv->shape.pool_stride_h - conv->shape.pool_pad_h;
    const int left = column * conv->shape.pool_stride_w - conv->shape.pool_pad_w;
    uint16_t count = 0;
    int h, w;

    for (h = top; h < top + conv->shape.pool_h; h++) {
        for (w = left; w < left + conv->shape.pool_w; w++) {
            if (h >= 0 && h < conv->shape.conv_h && w >= 0 && w < conv->shape.conv_w) {
                patches = tp_gather(conv, x, h * conv->shape.stride_h - conv->shape.pad_h,
                                    w * conv->shape.stride_w - conv->shape.pad_w, patches);
                count++;
            }
        }
    }
    return count;
}

void TP_CONV(const TP_FLASH TP_CONV_T *conv, const TP_ELEMENT *x, TP_ELEMENT *y,
             TP_ELEMENT *patches) {
    const size_t image = (size_t)conv->shape.input_h * (size_t)conv->shape.input_w *
                         (size_t)conv->shape.input_channels;
    uint16_t batch, group;
    int row, column;

    for (batch = 0; batch < conv->shape.batch; batch++) {
        for (row = 0; row < conv->shape.output_h; row++) {
            for (column = 0; column < conv->shape.output_w; column++) {
                const TP_ELEMENT *channels = x;

                for (group = 0; group < conv->shape.groups; group++) {
                    uint16_t count = tp_gather_pool(conv, channels, row, column, patches);

                    TP_MATVEC(&conv->matvec, group, patches, count, y);
                    y += conv->matvec.channels;
                    channels += conv->shape.group_channels;
                }
            }
        }
        x += image;
    }
}
