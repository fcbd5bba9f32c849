// LSTM whose input and state gate each other before every step. Equations: cells/dynamic.py.
#pragma once

#include "loop.h"
#include "lstm.h"

// Where the rounds' results stand side by side: block 0 is the state before the step, block i
// what round i made, of the input if i is odd, else of the state. The LSTM takes the last two,
// which lie next to each other; without rounds it takes block 0, and `features` is 0.
struct DynamicLayout {
    const int64_t hidden, features, rounds;

    explicit DynamicLayout(const int64_t* sizes)
        : hidden(sizes[OWN]), features(sizes[OWN + 1]), rounds(sizes[OWN + 2]) {}

    int64_t size(int64_t i) const { return i % 2 ? features : hidden; }
    int64_t at(int64_t i) const { return (i + 1) / 2 * hidden + i / 2 * features; }
    int64_t opening(int64_t i) const { return at(i) - hidden; }  // only rounds have one
    int64_t last() const { return at(rounds ? rounds - 1 : 0); }
};

template <class T>
struct DynamicForward {
    const DynamicLayout layout;
    Steps<const T> inputs, offsets;
    Steps<T> gates, memory, states, made, openings;
    Before<T> memory_before, states_before;
    Matrix<T> weight;
    std::vector<Matrix<T>> gating;

    DynamicForward(const int64_t* sizes, const Array* a)
        : layout(sizes), inputs(a[0]), offsets(a[1]), gates(a[2]), memory(a[3]), states(a[4]),
          made(a[5]), openings(a[6]), memory_before(memory, layout.hidden),
          states_before(states, layout.hidden),
          weight(values<T>(a[7]), 4 * layout.hidden, layout.hidden + layout.features,
                 layout.hidden + layout.features, 1) {
        for (int64_t i = 1; i <= layout.rounds; ++i) {
            const int64_t from = layout.size(i - 1);
            gating.emplace_back(values<T>(a[7 + i]), layout.size(i), from, from, 1);
        }
    }

    void step(Part part, int64_t t) {
        const int64_t hidden = layout.hidden;
        const Rows<T> results = made.rows(part, t);
        for (int64_t r = part.begin; r < part.end; ++r)
            std::copy_n(states_before.at(r, t), hidden, made.at(r, t));
        for (int64_t i = 1; i <= layout.rounds; ++i) open(part, t, i);
        weight.product(
            constant(results.columns(layout.last())), offsets.rows(part, t), gates.rows(part, t),
            part.count());
        for (int64_t r = part.begin; r < part.end; ++r)
            lstm_forward(
                hidden, gates.at(r, t), memory_before.at(r, t), memory.at(r, t), states.at(r, t));
    }

   private:
    // Round i: what round i - 1 made says how much of what round i - 2 made goes on.
    void open(Part part, int64_t t, int64_t i) {
        const int64_t size = layout.size(i);
        gating[i - 1].product(
            constant(made.rows(part, t).columns(layout.at(i - 1))), {nullptr, 0},
            openings.rows(part, t).columns(layout.opening(i)), part.count());
        for (int64_t r = part.begin; r < part.end; ++r) {
            T* value = made.at(r, t);
            const T* old = i == 1 ? inputs.at(r, t) : value + layout.at(i - 2);
            T *opening = openings.at(r, t) + layout.opening(i), *now = value + layout.at(i);
            EACH for (int64_t j = 0; j < size; ++j) {
                opening[j] = sigmoid(opening[j]);
                now[j] = 2 * opening[j] * old[j];
            }
        }
    }
};

template <class T>
struct DynamicBackward {
    const DynamicLayout layout;
    Steps<const T> inputs, gates, d_states;
    Steps<T> memory;
    Steps<const T> made, openings;
    Steps<T> d_gates, d_openings, d_inputs;
    Before<T> memory_before;
    Matrix<T> to_state, to_input;
    std::vector<Matrix<T>> gating;
    Carry<T> d_hidden, d_memory;

    DynamicBackward(const int64_t* sizes, const Array* a)
        : layout(sizes), inputs(a[0]), gates(a[1]), d_states(a[2]), memory(a[3]), made(a[4]),
          openings(a[5]), d_gates(a[6]), d_openings(a[7]), d_inputs(a[8]),
          memory_before(memory, layout.hidden),
          d_hidden(sizes[BATCH], layout.hidden), d_memory(sizes[BATCH], layout.hidden) {
        const int64_t hidden = layout.hidden, features = layout.features;
        const bool state_first = layout.rounds % 2 || !layout.rounds;
        const T* both = values<T>(a[9]);
        to_state = Matrix<T>(
            both + (state_first ? 0 : features), hidden, 4 * hidden, 1, hidden + features);
        to_input = Matrix<T>(
            both + (state_first ? hidden : 0), features, 4 * hidden, 1, hidden + features);
        for (int64_t i = 1; i <= layout.rounds; ++i) {
            const int64_t from = layout.size(i - 1);
            gating.emplace_back(values<T>(a[9 + i]), from, layout.size(i), 1, from);
        }
    }

    void step(Part part, int64_t t) {
        for (int64_t r = part.begin; r < part.end; ++r)
            lstm_backward(
                layout.hidden, gates.at(r, t), memory_before.at(r, t), memory.at(r, t),
                d_states.at(r, t), d_hidden.at(r), d_memory.at(r), d_gates.at(r, t));
        const Rows<const T> from = constant(d_gates.rows(part, t));
        to_state.product(from, {nullptr, 0}, d_hidden.rows(part), part.count());
        to_input.product(from, {nullptr, 0}, d_inputs.rows(part, t), part.count());
        for (int64_t i = layout.rounds; i > 0; --i) open(part, t, i);
    }

   private:
    // d_inputs and d_hidden hold the gradients of what rounds i and i - 1 made; after it, those
    // of what rounds i - 1 and i - 2 made.
    void open(Part part, int64_t t, int64_t i) {
        const int64_t size = layout.size(i);
        const Rows<T> of_input = d_inputs.rows(part, t), of_state = d_hidden.rows(part);
        const Rows<T> gated = i % 2 ? of_input : of_state, other = i % 2 ? of_state : of_input;
        for (int64_t r = part.begin; r < part.end; ++r) {
            const T* old = i == 1 ? inputs.at(r, t) : made.at(r, t) + layout.at(i - 2);
            const T* opening = openings.at(r, t) + layout.opening(i);
            T *d_opening = d_openings.at(r, t) + layout.opening(i), *d = gated[r - part.begin];
            EACH for (int64_t j = 0; j < size; ++j) {
                const T doubled = 2 * opening[j] * d[j];
                d_opening[j] = doubled * old[j] * (1 - opening[j]);
                d[j] = doubled;
            }
        }
        gating[i - 1].product(
            constant(d_openings.rows(part, t).columns(layout.opening(i))), constant(other), other,
            part.count());
    }
};

EXPORT(dynamic, DynamicForward, DynamicBackward)
