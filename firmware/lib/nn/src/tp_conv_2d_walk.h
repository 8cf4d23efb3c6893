/* The walk of a convolution over its input, written once for all element types.
 *
 * Included by one source per element type, which defines TP_ELEMENT, TP_CONV (the function),
 * TP_CONV_T (its parameters) and TP_MATVEC. For each output position the patches beneath it are
 * gathered, with padding where they reach beyond the input, and multiplied with all filters.
 */
#include "tp_conv_2d.h"

/* What gathering a patch needs, read from flash once. Sizes are in elements. */
typedef struct {
    int height, width; /* of the input */
    int filter_h, filter_w;
    int dilation_h, dilation_w;
    int run;         /* taps of one filter row that are contiguous in x */
    int reach;       /* columns from the first tap to behind the last */
    size_t channels; /* of one tap */
    size_t chunk;    /* of one run */
    size_t pixel;    /* from one column of x to the next */
    size_t step;     /* from one run in x to the next */
    size_t pitch;    /* from one row of x to the next */
    TP_ELEMENT padding;
} tp_window_t;

static tp_window_t tp_window(const TP_FLASH TP_CONV_T *conv) {
    tp_window_t window;

    window.height = conv->shape.input_h;
    window.width = conv->shape.input_w;
    window.filter_h = conv->shape.filter_h;
    window.filter_w = conv->shape.filter_w;
    window.dilation_h = conv->shape.dilation_h;
    window.dilation_w = conv->shape.dilation_w;
    window.run = conv->shape.run;
    window.reach = (window.filter_w - 1) * window.dilation_w + 1;
    window.channels = (size_t)conv->shape.group_channels;
    window.chunk = window.channels * (size_t)window.run;
    window.pixel = (size_t)conv->shape.input_channels;
    window.step = window.pixel * (size_t)window.dilation_w;
    window.pitch = window.pixel * (size_t)window.width;
    window.padding = conv->padding;
    return window;
}

/* Out of line, as only edges need it. */
__attribute__((noinline)) static TP_ELEMENT *tp_fill(TP_ELEMENT *patch, size_t count,
                                                     TP_ELEMENT value) {
    TP_ELEMENT *const end = patch + count;

    while (patch != end) {
        *patch++ = value;
        __asm__ volatile(""); /* or compilers make it a call of memset, which has to be linked */
    }
    return end;
}

/* Copies what is long enough with memcpy; a call costs more than the few bytes of a short run. */
static TP_ELEMENT *tp_copy(TP_ELEMENT *patch, const TP_ELEMENT *from, size_t count) {
    TP_ELEMENT *const end = patch + count;

    if (count * sizeof *patch > 16) {
        __builtin_memcpy(patch, from, count * sizeof *patch);
        return end;
    }
    while (patch != end) {
        *patch++ = *from++;
        __asm__ volatile(""); /* as above */
    }
    return end;
}

/* Appends one row of taps, all of them inside of x: from element `from` on. */
static TP_ELEMENT *tp_gather_inside(const tp_window_t *window, const TP_ELEMENT *from,
                                    TP_ELEMENT *patch) {
    int taps = window->filter_w;

    do {
        patch = tp_copy(patch, from, window->chunk);
        from += window->step;
        taps -= window->run;
    } while (taps != 0);
    return patch;
}

/* Appends one row of taps from column `left` of the input row `x` on, tap by tap. */
static TP_ELEMENT *tp_gather_edge(const tp_window_t *window, const TP_ELEMENT *x, int left,
                                  TP_ELEMENT *patch) {
    int tap;

    for (tap = 0; tap < window->filter_w; tap++) {
        if (left < 0 || left >= window->width) {
            patch = tp_fill(patch, window->channels, window->padding);
        } else {
            patch = tp_copy(patch, x + (size_t)left * window->pixel, window->channels);
        }
        left += window->dilation_w;
    }
    return patch;
}

/* Appends the patch whose first tap is at (top, left) of the image `x`. */
static TP_ELEMENT *tp_gather(const tp_window_t *window, const TP_ELEMENT *x, int top, int left,
                             TP_ELEMENT *patch) {
    const int inside = left >= 0 && left + window->reach <= window->width;
    int tap;

    for (tap = 0; tap < window->filter_h; tap++) {
        if (top < 0 || top >= window->height) {
            patch = tp_fill(patch, (size_t)window->filter_w * window->channels, window->padding);
        } else {
            const TP_ELEMENT *const row = x + (size_t)top * window->pitch;

            patch = inside ? tp_gather_inside(window, row + (size_t)left * window->pixel, patch)
                           : tp_gather_edge(window, row, left, patch);
        }
        top += window->dilation_h;
    }
    return patch;
}

/* Gathers the patches that output (row, column) pools; returns how many. */
static uint16_t tp_gather_pool(const TP_FLASH TP_CONV_T *conv, const tp_window_t *window,
                               const TP_ELEMENT *x, int row, int column, TP_ELEMENT *patches) {
    const int top = row * conv->shape.pool_stride_h - conv->shape.pool_pad_h;
    const int left = column * conv->shape.pool_stride_w - conv->shape.pool_pad_w;
    uint16_t count = 0;
    int h, w;

    for (h = top; h < top + conv->shape.pool_h; h++) {
        for (w = left; w < left + conv->shape.pool_w; w++) {
            if (h >= 0 && h < conv->shape.conv_h && w >= 0 && w < conv->shape.conv_w) {
                patches = tp_gather(window, x, h * conv->shape.stride_h - conv->shape.pad_h,
                                    w * conv->shape.stride_w - conv->shape.pad_w, patches);
                count++;
            }
        }
    }
    return count;
}

void TP_CONV(const TP_FLASH TP_CONV_T *conv, const TP_ELEMENT *x, TP_ELEMENT *y,
             TP_ELEMENT *patches) {
    const tp_window_t window = tp_window(conv);
    uint16_t batch, group;
    int row, column;

    for (batch = 0; batch < conv->shape.batch; batch++) {
        for (row = 0; row < conv->shape.output_h; row++) {
            for (column = 0; column < conv->shape.output_w; column++) {
                const TP_ELEMENT *channels = x;

                for (group = 0; group < conv->shape.groups; group++) {
                    uint16_t count = tp_gather_pool(conv, &window, channels, row, column, patches);

                    TP_MATVEC(&conv->matvec, group, patches, count, y);
                    y += conv->matvec.channels;
                    channels += window.channels;
                }
            }
        }
        x += window.pitch * (size_t)window.height;
    }
}
