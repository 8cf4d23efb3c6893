/* CONV_2D, int8, on AVR: as tp_conv_2d_walk.h, with all parameters read from flash once. */
#include "tp_conv_2d.h"
#include "tp_matvec_job.h"

int8_t *tp_copy_rows(int8_t *to, const int8_t *from, uint8_t rows, uint16_t size, uint16_t skip);

typedef struct {
    tp_conv_2d_shape_t shape;
    int8_t padding;
    uint16_t pitch;          /* from one row of x to the next */
    uint16_t step_h, step_w; /* in x, from one tap to the next */
    uint16_t row;            /* elements of a row of taps */
    int last_top, last_left; /* where the last patch begins that is inside of x */
} walk_t;

/* Where the last of `taps` that lie wholly within `size` begin; below 0: nowhere. */
static int last_inside(int size, int taps, int dilation) {
    return size - 1 - (taps - 1) * dilation;
}

static void prepare(walk_t *walk, const TP_FLASH tp_conv_2d_s8_t *conv) {
    const tp_conv_2d_shape_t *shape = &walk->shape;

    walk->shape = conv->shape;
    walk->padding = conv->padding;
    walk->pitch = (uint16_t)shape->input_w * (uint16_t)shape->input_channels;
    walk->step_h = walk->pitch * (uint16_t)shape->dilation_h;
    walk->step_w = (uint16_t)shape->input_channels * (uint16_t)shape->dilation_w;
    walk->row = (uint16_t)shape->filter_w * (uint16_t)shape->group_channels;
    walk->last_top = last_inside(shape->input_h, shape->filter_h, shape->dilation_h);
    walk->last_left = last_inside(shape->input_w, shape->filter_w, shape->dilation_w);
    if (shape->run != shape->filter_w || shape->filter_h > UINT8_MAX) {
        walk->last_top = -1; /* not to be copied row by row */
    }
}

/* Appends a patch tap by tap: `from` is where its first one would be in x, (top, left). */
static int8_t *gather(const walk_t *walk, const int8_t *from, int top, int left, int8_t *patch) {
    const uint16_t channels = (uint16_t)walk->shape.group_channels;
    int h, w;

    for (h = walk->shape.filter_h; h != 0; h--) {
        const int8_t *tap = from;
        int column = left;

        for (w = walk->shape.filter_w; w != 0; w--) {
            uint16_t channel = 0;

            if (top >= 0 && top < walk->shape.input_h && column >= 0 &&
                column < walk->shape.input_w) {
                for (; channel != channels; channel++) {
                    *patch++ = tap[channel];
                }
            } else {
                for (; channel != channels; channel++) {
                    *patch++ = walk->padding;
                }
            }
            tap += walk->step_w;
            column += walk->shape.dilation_w;
        }
        from += walk->step_h;
        top += walk->shape.dilation_h;
    }
    return patch;
}

/* Gathers the patches of the window whose first position is (row, column); returns how many. */
static uint16_t gather_pool(const walk_t *walk, const int8_t *x, int row, int column,
                            int8_t *patches) {
    const tp_conv_2d_shape_t *const shape = &walk->shape;
    const uint16_t step = (uint16_t)shape->stride_w * (uint16_t)shape->input_channels;
    const int start = column * shape->stride_w - shape->pad_w;
    uint16_t count = 0;
    int h, w;

    for (h = row; h < row + shape->pool_h; h++) {
        const int top = h * shape->stride_h - shape->pad_h;
        const int8_t *from =
            x + (uint16_t)top * walk->pitch + (uint16_t)start * (uint16_t)shape->input_channels;
        int left = start;

        if (h < 0 || h >= shape->conv_h) {
            continue;
        }
        for (w = column; w < column + shape->pool_w; w++) {
            if (w >= 0 && w < shape->conv_w) {
                if (top >= 0 && top <= walk->last_top && left >= 0 && left <= walk->last_left) {
                    patches = tp_copy_rows(patches, from, (uint8_t)shape->filter_h, walk->row,
                                           walk->step_h - walk->row);
                } else {
                    patches = gather(walk, from, top, left, patches);
                }
                count++;
            }
            left += shape->stride_w;
            from += step;
        }
    }
    return count;
}

void tp_conv_2d_s8(const TP_FLASH tp_conv_2d_s8_t *conv, const int8_t *x, int8_t *y,
                   int8_t *patches) {
    tp_matvec_job_t first, job;
    walk_t walk;
    uint16_t batch, group;
    int row, column;

    prepare(&walk, conv);
    tp_matvec_prepare(&first, &conv->matvec);
    first.x = patches;
    first.y = y;
    job = first;
    for (batch = walk.shape.batch; batch != 0; batch--) {
        int h = -walk.shape.pool_pad_h;

        for (row = walk.shape.output_h; row != 0; row--) {
            int w = -walk.shape.pool_pad_w;

            for (column = walk.shape.output_w; column != 0; column--) {
                const int8_t *channels = x;

                job.weights = first.weights;
                job.bias = first.bias;
                job.multiplier = first.multiplier;
                job.shift = first.shift;
                for (group = walk.shape.groups; group != 0; group--) {
                    job.rows = first.rows;
                    job.count = gather_pool(&walk, channels, h, w, patches);
                    tp_matvec_job(&job);
                    channels += walk.shape.group_channels;
                }
                w += walk.shape.pool_stride_w;
            }
            h += walk.shape.pool_stride_h;
        }
        x += walk.pitch * (uint16_t)walk.shape.input_h;
    }
}
