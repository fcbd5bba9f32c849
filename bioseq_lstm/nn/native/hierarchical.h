// Hierarchical multiscale LSTM. Equations: cells/hierarchical.py.
#pragma once

#include "functions.h"
#include "some_rows.h"
#include "vectors.h"

// How many levels there are, and what lies side by side for each.
struct Levels {
    const int64_t hidden, count, stride;
    const int64_t width;  // of a level's sums: input, forget, candidate, output, boundary

    explicit Levels(const int64_t* sizes)
        : hidden(sizes[OWN]), count(sizes[OWN + 1]), stride(sizes[OWN + 2]),
          width(4 * hidden + (stride == 0)) {}

    bool top(int64_t level) const { return level == count - 1; }
    bool learned(int64_t level) const { return stride == 0 && !top(level); }
    int64_t sums(int64_t level) const { return 4 * hidden + learned(level); }
    // Whether a boundary stands at step t; segments of a level are strides of those below.
    bool fixed(int64_t level, int64_t t) const {
        int64_t period = stride;
        for (int64_t below = 0; below < level && period <= t + 1; ++below) period *= stride;
        return (t + 1) % period == 0;
    }
};

template <class T>
struct HierarchicalForward : Levels {
    Steps<const T> inputs;
    Steps<T> states, boundaries, gates, memory, computed, derivatives;
    Before<T> states_before, boundaries_before, memory_before;
    std::vector<Matrix<T>> recurrent, down, up;  // down to each level, up to each but the first
    std::vector<const T*> bias;
    T slope;
    const bool keep;
    SomeRows<T> rows;

    HierarchicalForward(const int64_t* sizes, const Array* a)
        : Levels(sizes), inputs(a[0]), states(a[1]), boundaries(a[2]), gates(a[3]), memory(a[4]),
          computed(a[5]), derivatives(a[6]), states_before(states, count * hidden),
          boundaries_before(boundaries, count - 1), memory_before(memory, count * hidden),
          keep(sizes[OWN + 3]), rows(sizes[BATCH], width) {
        const Array* next = a + 7;
        auto take = [&](int64_t level) {
            return Matrix<T>(values<T>(*next++), this->sums(level), hidden, hidden, 1);
        };
        for (int64_t level = 0; level < count; ++level) recurrent.push_back(take(level));
        for (int64_t level = 0; level < count - 1; ++level) down.push_back(take(level));
        for (int64_t level = 1; level < count; ++level) up.push_back(take(level));
        for (int64_t level = 1; level < count; ++level) bias.push_back(values<T>(*next++));
        slope = *values<T>(*next);
    }

    void step(Part part, int64_t t) {
        for (int64_t level = 0; level < count; ++level) {
            auto sums = [&](int64_t r) { return gates.at(r, t) + level * width; };
            auto flush = [&](int64_t r) {
                return top(level) ? T(0) : boundaries_before.at(r, t)[level];
            };
            auto opened = [&](int64_t r) { return level ? boundaries.at(r, t)[level - 1] : T(1); };
            auto is_computed = [&](int64_t r) { return computed.at(r, t)[level] != 0; };
            auto add_to_sums = [&](int64_t r, const T* product) {
                add(product, this->sums(level), sums(r));
            };
            for (int64_t r = part.begin; r < part.end; ++r) {
                computed.at(r, t)[level] = wanted(r, t, level, flush(r), opened(r));
                if (is_computed(r))
                    std::copy_n(
                        level ? bias[level - 1] : inputs.at(r, t), this->sums(level), sums(r));
            }
            rows.product(
                part, recurrent[level], hidden, is_computed,
                [&](int64_t r) { return states_before.at(r, t) + level * hidden; }, add_to_sums);
            if (!top(level))
                rows.product(
                    part, down[level], hidden, flush,
                    [&](int64_t r) { return states_before.at(r, t) + (level + 1) * hidden; },
                    add_to_sums);
            if (level)
                rows.product(
                    part, up[level - 1], hidden, opened,
                    [&](int64_t r) { return states.at(r, t) + (level - 1) * hidden; },
                    add_to_sums);
            for (int64_t r = part.begin; r < part.end; ++r) {
                if (is_computed(r))
                    move(r, t, level, flush(r), opened(r));
                else
                    copy(r, t, level);
                if (!top(level)) end_segment(r, t, level);
            }
        }
    }

    // A level that copies is computed only for its boundary, or for what a gradient asks: what
    // would it have been, had a boundary stood there.
    bool wanted(int64_t r, int64_t t, int64_t level, T flush, T opened) const {
        if (flush != 0 || opened != 0 || learned(level)) return true;
        return derivatives.at(r, t)[level - 1] != 0;
    }

    void move(int64_t r, int64_t t, int64_t level, T flush, T opened) {
        const int64_t at = level * hidden;
        const T *c_before = memory_before.at(r, t) + at, *h_before = states_before.at(r, t) + at;
        T *c = memory.at(r, t) + at, *h = states.at(r, t) + at;
        T *input = gates.at(r, t) + level * width, *forget = input + hidden;
        T *candidate = forget + hidden, *output = candidate + hidden;
        const T copies = (1 - flush) * (1 - opened), updates = (1 - flush) * opened;
        EACH for (int64_t j = 0; j < hidden; ++j) {
            const T i = sigmoid(input[j]), f = sigmoid(forget[j]);
            const T z = tangent(candidate[j]), o = sigmoid(output[j]);
            const T updated = f * c_before[j] + i * z;
            const T now = copies * c_before[j] + updates * updated + flush * i * z;
            input[j] = i;
            forget[j] = f;
            candidate[j] = z;
            output[j] = o;
            c[j] = now;
            h[j] = copies * h_before[j] + (1 - copies) * o * tangent(now);
        }
    }

    void copy(int64_t r, int64_t t, int64_t level) {
        const int64_t at = level * hidden;
        const T *c_before = memory_before.at(r, t) + at, *h_before = states_before.at(r, t) + at;
        T *c = memory.at(r, t) + at, *h = states.at(r, t) + at;
        EACH for (int64_t j = 0; j < hidden; ++j) {
            c[j] = c_before[j];
            h[j] = h_before[j];
        }
    }

    void end_segment(int64_t r, int64_t t, int64_t level) {
        T *boundary = boundaries.at(r, t) + level, *derivative = derivatives.at(r, t) + level;
        *derivative = 0;
        if (learned(level)) {
            const T above = gates.at(r, t)[level * width + 4 * hidden];
            const T soft = (slope * above + 1) / 2;
            *boundary = above > 0;
            if (keep && soft >= 0 && soft <= 1) *derivative = slope / 2;
        } else {
            *boundary = fixed(level, t);
        }
    }
};

template <class T>
struct HierarchicalBackward : Levels {
    Steps<T> states, boundaries, gates, memory, computed, derivatives;
    Steps<const T> d_states, d_boundaries;
    Steps<T> d_sums;  // where a level was computed; elsewhere they stay as they were
    Before<T> states_before, boundaries_before, memory_before, derivatives_before;
    std::vector<Matrix<T>> recurrent, down, up;
    Carry<T> d_hidden, d_memory, d_boundary;
    Carry<T> opening, flushing;  // what a boundary below, or one's own before, would have changed
    SomeRows<T> rows;

    HierarchicalBackward(const int64_t* sizes, const Array* a)
        : Levels(sizes), states(a[0]), boundaries(a[1]), gates(a[2]), memory(a[3]),
          computed(a[4]), derivatives(a[5]), d_states(a[6]), d_boundaries(a[7]), d_sums(a[8]),
          states_before(states, count * hidden), boundaries_before(boundaries, count - 1),
          memory_before(memory, count * hidden), derivatives_before(derivatives, count - 1),
          d_hidden(sizes[BATCH], count * hidden), d_memory(sizes[BATCH], count * hidden),
          d_boundary(sizes[BATCH], count - 1), opening(sizes[BATCH], hidden),
          flushing(sizes[BATCH], hidden), rows(sizes[BATCH], width) {
        const Array* next = a + 9;
        auto take = [&](int64_t level) {
            return Matrix<T>(values<T>(*next++), hidden, this->sums(level), 1, hidden);
        };
        for (int64_t level = 0; level < count; ++level) recurrent.push_back(take(level));
        for (int64_t level = 0; level < count - 1; ++level) down.push_back(take(level));
        for (int64_t level = 1; level < count; ++level) up.push_back(take(level));
    }

    // From the top: a level at step t hands its gradient to the one below at t, to the one above
    // at t - 1. When its turn comes, d_hidden and d_memory of a level are of step t, then of t - 1.
    void step(Part part, int64_t t) {
        for (int64_t r = part.begin; r < part.end; ++r) {
            add(d_states.at(r, t), count * hidden, d_hidden.at(r));
            add(d_boundaries.at(r, t), count - 1, d_boundary.at(r));
        }
        for (int64_t level = count - 1; level >= 0; --level) {
            auto sums = [&](int64_t r) { return d_sums.at(r, t) + level * width; };
            for (int64_t r = part.begin; r < part.end; ++r)
                if (computed.at(r, t)[level] != 0) gradient(r, t, level);
            rows.product(
                part, recurrent[level], this->sums(level),
                [&](int64_t r) { return computed.at(r, t)[level] != 0; }, sums,
                [&](int64_t r, const T* d) { add(d, hidden, d_hidden.at(r) + level * hidden); });
            if (!top(level))
                rows.product(
                    part, down[level], this->sums(level),
                    [&](int64_t r) {
                        return boundaries_before.at(r, t)[level] != 0 ||
                               derivatives_before.at(r, t)[level] != 0;
                    },
                    sums,
                    [&](int64_t r, const T* d) {
                        const int64_t above = (level + 1) * hidden;
                        add(d, hidden, d_hidden.at(r) + above, boundaries_before.at(r, t)[level]);
                        d_boundary.at(r)[level] += dot(d, states_before.at(r, t) + above, hidden);
                    });
            if (level)
                rows.product(
                    part, up[level - 1], this->sums(level),
                    [&](int64_t r) {
                        return boundaries.at(r, t)[level - 1] != 0 ||
                               derivatives.at(r, t)[level - 1] != 0;
                    },
                    sums,
                    [&](int64_t r, const T* d) {
                        const int64_t below = (level - 1) * hidden;
                        add(d, hidden, d_hidden.at(r) + below, boundaries.at(r, t)[level - 1]);
                        d_boundary.at(r)[level - 1] += dot(d, states.at(r, t) + below, hidden);
                    });
        }
    }

    void gradient(int64_t r, int64_t t, int64_t level) {
        const T flush = top(level) ? T(0) : boundaries_before.at(r, t)[level];
        const T opened = level ? boundaries.at(r, t)[level - 1] : T(1);
        const T copies = (1 - flush) * (1 - opened), updates = (1 - flush) * opened;
        const int64_t at = level * hidden;
        const T *c_before = memory_before.at(r, t) + at, *h_before = states_before.at(r, t) + at;
        const T* c = memory.at(r, t) + at;
        const T *input = gates.at(r, t) + level * width, *forget = input + hidden;
        const T *candidate = forget + hidden, *output = candidate + hidden;
        T *d_input = d_sums.at(r, t) + level * width, *d_forget = d_input + hidden;
        T *d_candidate = d_forget + hidden, *d_output = d_candidate + hidden;
        T *d_h = d_hidden.at(r) + at, *d_c = d_memory.at(r) + at;
        T *d_opened = opening.at(r), *d_flush = flushing.at(r);
        EACH for (int64_t j = 0; j < hidden; ++j) {
            const T i = input[j], f = forget[j], z = candidate[j], o = output[j];
            const T flushed = i * z, updated = f * c_before[j] + flushed, squashed = tangent(c[j]);
            const T dh = d_h[j], moved = (1 - copies) * dh;
            const T dc = d_c[j] + moved * o * (1 - squashed * squashed);
            const T would_open = d_c[j] * (updated - c_before[j]) +
                                 dh * (o * tangent(updated) - h_before[j]);
            const T would_flush = d_c[j] * (flushed - c_before[j]) +
                                  dh * (o * tangent(flushed) - h_before[j]);
            d_opened[j] = (1 - flush) * would_open;
            d_flush[j] = would_flush - opened * would_open;
            d_input[j] = (1 - copies) * dc * z * i * (1 - i);
            d_forget[j] = updates * dc * c_before[j] * f * (1 - f);
            d_candidate[j] = (1 - copies) * dc * i * (1 - z * z);
            d_output[j] = moved * squashed * o * (1 - o);
            d_c[j] = dc * (copies + updates * f);
            d_h[j] = copies * dh;
        }
        if (level) d_boundary.at(r)[level - 1] += total(d_opened, hidden);
        if (top(level)) return;
        T* d_ended = d_boundary.at(r) + level;
        if (learned(level)) d_input[4 * hidden] = *d_ended * derivatives.at(r, t)[level];
        *d_ended = total(d_flush, hidden);
    }
};

EXPORT(hierarchical, HierarchicalForward, HierarchicalBackward)
