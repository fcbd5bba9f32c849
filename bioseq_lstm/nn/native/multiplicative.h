// Multiplicative LSTM. Equations: cells/multiplicative.py.
#pragma once

#include "loop.h"
#include "lstm.h"

// Inputs side by side: sums of the four gates, factor.
template <class T>
struct MultiplicativeForward {
    const int64_t hidden;
    Steps<const T> inputs;
    Steps<T> gates, memory, states, recurrent, mixed;
    Before<T> memory_before, states_before;
    Matrix<T> from_state, from_mixed;

    MultiplicativeForward(const int64_t* sizes, const Array* a)
        : hidden(sizes[OWN]), inputs(a[0]), gates(a[1]), memory(a[2]), states(a[3]),
          recurrent(a[4]), mixed(a[5]), memory_before(memory, hidden),
          states_before(states, hidden), from_state(values<T>(a[6]), hidden, hidden, hidden, 1),
          from_mixed(values<T>(a[7]), 4 * hidden, hidden, hidden, 1) {}

    void step(Part part, int64_t t) {
        from_state.product(
            states_before.rows(part, t), {nullptr, 0}, recurrent.rows(part, t), part.count());
        for (int64_t r = part.begin; r < part.end; ++r) {
            const T *factor = inputs.at(r, t) + 4 * hidden, *from = recurrent.at(r, t);
            T* m = mixed.at(r, t);
            EACH for (int64_t j = 0; j < hidden; ++j) m[j] = factor[j] * from[j];
        }
        from_mixed.product(
            constant(mixed.rows(part, t)), inputs.rows(part, t), gates.rows(part, t),
            part.count());
        for (int64_t r = part.begin; r < part.end; ++r)
            lstm_forward(
                hidden, gates.at(r, t), memory_before.at(r, t), memory.at(r, t), states.at(r, t));
    }
};

template <class T>
struct MultiplicativeBackward {
    const int64_t hidden;
    Steps<const T> inputs, gates, d_states;
    Steps<T> memory;
    Steps<const T> recurrent;
    Steps<T> d_inputs, d_recurrent;
    Before<T> memory_before;
    Matrix<T> to_state, to_mixed;
    Carry<T> d_hidden, d_memory, d_mixed;

    MultiplicativeBackward(const int64_t* sizes, const Array* a)
        : hidden(sizes[OWN]), inputs(a[0]), gates(a[1]), d_states(a[2]), memory(a[3]),
          recurrent(a[4]), d_inputs(a[5]), d_recurrent(a[6]), memory_before(memory, hidden),
          to_state(values<T>(a[7]), hidden, hidden, 1, hidden),
          to_mixed(values<T>(a[8]), hidden, 4 * hidden, 1, hidden),
          d_hidden(sizes[BATCH], hidden), d_memory(sizes[BATCH], hidden),
          d_mixed(sizes[BATCH], hidden) {}

    void step(Part part, int64_t t) {
        for (int64_t r = part.begin; r < part.end; ++r)
            lstm_backward(
                hidden, gates.at(r, t), memory_before.at(r, t), memory.at(r, t),
                d_states.at(r, t), d_hidden.at(r), d_memory.at(r), d_inputs.at(r, t));
        to_mixed.product(
            constant(d_inputs.rows(part, t)), {nullptr, 0}, d_mixed.rows(part), part.count());
        for (int64_t r = part.begin; r < part.end; ++r) {
            const T *factor = inputs.at(r, t) + 4 * hidden, *from = recurrent.at(r, t);
            const T* dm = d_mixed.at(r);
            T *d_factor = d_inputs.at(r, t) + 4 * hidden, *d_from = d_recurrent.at(r, t);
            EACH for (int64_t j = 0; j < hidden; ++j) {
                d_factor[j] = dm[j] * from[j];
                d_from[j] = dm[j] * factor[j];
            }
        }
        to_state.product(
            constant(d_recurrent.rows(part, t)), {nullptr, 0}, d_hidden.rows(part), part.count());
    }
};

EXPORT(multiplicative, MultiplicativeForward, MultiplicativeBackward)
