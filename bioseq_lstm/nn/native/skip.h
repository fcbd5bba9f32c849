// LSTM that updates its state or copies it. Equations: cells/skip.py.
#pragma once

#include <algorithm>

#include "loop.h"
#include "lstm.h"

// What decides at a step: the gate before it is rounded, and how much the state adds to it.
enum Chance { NOW, MORE, CHANCES };

template <class T>
inline bool updates(const T* chance) {
    return chance[NOW] > T(.5);
}

// The rows that one step computes, out of all; each thread has its own share of both lists.
template <class T>
struct Chosen {
    Carry<T> packed;           // what stands in these rows, side by side
    std::vector<int64_t> row;  // where they come from

    Chosen(int64_t batch, int64_t features) : packed(batch, features), row(batch) {}

    void add(int64_t place, int64_t r, const T* values) {
        std::copy_n(values, packed.features, packed.at(place));
        row[place] = r;
    }
};

template <class T>
struct SkipForward {
    const int64_t hidden;
    const bool keep;
    Steps<const T> inputs;
    Steps<T> gates, memory, chances, states, update;
    Before<T> memory_before, states_before;
    Matrix<T> recurrent;
    const T *weight, *bias;
    Carry<T> c_candidate, h_candidate;
    Chosen<T> chosen;

    SkipForward(const int64_t* sizes, const Array* a)
        : hidden(sizes[OWN]), keep(sizes[OWN + 1]), inputs(a[0]), gates(a[1]), memory(a[2]),
          chances(a[3]), states(a[4]), update(a[5]), memory_before(memory, hidden),
          states_before(states, hidden), recurrent(values<T>(a[6]), 4 * hidden, hidden, hidden, 1),
          weight(values<T>(a[7])), bias(values<T>(a[8])), c_candidate(sizes[BATCH], hidden),
          h_candidate(sizes[BATCH], hidden), chosen(sizes[BATCH], hidden) {}

    // Without a gradient, rows that skip need no gates: only the others are computed, side by side.
    void step(Part part, int64_t t) {
        int64_t end = part.begin;
        for (int64_t r = part.begin; r < part.end; ++r) {
            decide(r, t);
            if (!updates(chances.at(r, t))) {
                std::copy_n(memory_before.at(r, t), hidden, memory.at(r, t));
                std::copy_n(states_before.at(r, t), hidden, states.at(r, t));
            }
            if (keep || updates(chances.at(r, t))) chosen.add(end++, r, states_before.at(r, t));
        }
        recurrent.product(
            constant(chosen.packed.rows(part)), {nullptr, 0}, gates.rows(part, t),
            end - part.begin);
        for (int64_t place = part.begin; place < end; ++place)
            advance(gates.at(place, t), chosen.row[place], t);
    }

    void decide(int64_t r, int64_t t) {
        T* chance = chances.at(r, t);
        if (t == 0) {
            chance[NOW] = 1;
        } else {
            const T* before = chances.at(r, t - 1);
            const T now = before[NOW], more = before[MORE];
            chance[NOW] = updates(before) ? more : now + std::min(more, 1 - now);
            chance[MORE] = more;  // as long as the state is the same
        }
        *update.at(r, t) = updates(chance);
    }

    void advance(T* gate, int64_t r, int64_t t) {
        const T* input = inputs.at(r, t);
        EACH for (int64_t j = 0; j < 4 * hidden; ++j) gate[j] += input[j];
        T* chance = chances.at(r, t);
        const bool now = updates(chance);
        T* c = now ? memory.at(r, t) : c_candidate.at(r);
        lstm_forward(
            hidden, gate, memory_before.at(r, t), c, now ? states.at(r, t) : h_candidate.at(r));
        if (!now) return;
        const T sum = total<T>(hidden, [&](int64_t j) { return weight[j] * c[j]; });
        chance[MORE] = sigmoid(*bias + sum);
    }
};

template <class T>
struct SkipBackward {
    const int64_t hidden;
    Steps<const T> gates, chances, d_states, d_update;
    Steps<T> memory, states, d_gates, d_more;
    Before<T> memory_before, states_before;
    Matrix<T> recurrent;
    const T* weight;
    Carry<T> d_hidden, d_memory, d_chance, c_candidate, h_candidate, found;
    Chosen<T> chosen;

    SkipBackward(const int64_t* sizes, const Array* a)
        : hidden(sizes[OWN]), gates(a[0]), chances(a[1]), d_states(a[2]), d_update(a[3]),
          memory(a[4]), states(a[5]), d_gates(a[6]), d_more(a[7]), memory_before(memory, hidden),
          states_before(states, hidden), recurrent(values<T>(a[8]), hidden, 4 * hidden, 1, hidden),
          weight(values<T>(a[9])), d_hidden(sizes[BATCH], hidden), d_memory(sizes[BATCH], hidden),
          d_chance(sizes[BATCH], 1), c_candidate(sizes[BATCH], hidden),
          h_candidate(sizes[BATCH], hidden), found(sizes[BATCH], hidden),
          chosen(sizes[BATCH], 4 * hidden) {}

    void step(Part part, int64_t t) {
        int64_t end = part.begin;
        for (int64_t r = part.begin; r < part.end; ++r) {
            through_gate(r, t);
            const T* d_state = d_states.at(r, t);
            T *d_h = d_hidden.at(r), *d_gate = d_gates.at(r, t);
            if (updates(chances.at(r, t))) {
                lstm_backward(
                    hidden, gates.at(r, t), memory_before.at(r, t), memory.at(r, t), d_state, d_h,
                    d_memory.at(r), d_gate);
                chosen.add(end++, r, d_gate);
            } else {
                std::fill_n(d_gate, 4 * hidden, T(0));
                EACH for (int64_t j = 0; j < hidden; ++j) d_h[j] += d_state[j];
            }
        }
        recurrent.product(
            constant(chosen.packed.rows(part)), {nullptr, 0}, found.rows(part), end - part.begin);
        for (int64_t place = part.begin; place < end; ++place)
            std::copy_n(found.at(place), hidden, d_hidden.at(chosen.row[place]));
    }

    // From the gradient of the next gate to that of this one, by way of the state as well.
    void through_gate(int64_t r, int64_t t) {
        const T* chance = chances.at(r, t);
        const T now = chance[NOW], more = chance[MORE], d_next = *d_chance.at(r);
        const bool update = updates(chance), room = more < 1 - now;
        const T d_sum = update || room ? d_next * more * (1 - more) : T(0);
        *d_more.at(r, t) = d_sum;
        T* d_c = d_memory.at(r);
        EACH for (int64_t j = 0; j < hidden; ++j) d_c[j] += d_sum * weight[j];

        const T waited = now + std::min(more, 1 - now);
        const T d_binary = *d_update.at(r, t) + d_next * (more - waited) + state_change(r, t);
        *d_chance.at(r) = d_binary + (!update && room ? d_next : T(0));
    }

    // How much the loss would change if the state became its candidate rather than stayed.
    T state_change(int64_t r, int64_t t) {
        const T *c_before = memory_before.at(r, t), *h_before = states_before.at(r, t);
        const T *c = memory.at(r, t), *h = states.at(r, t);
        if (!updates(chances.at(r, t))) {
            const T *i = gates.at(r, t), *f = i + hidden, *z = f + hidden, *o = z + hidden;
            T *c_now = c_candidate.at(r), *h_now = h_candidate.at(r);
            EACH for (int64_t j = 0; j < hidden; ++j) {
                c_now[j] = f[j] * c_before[j] + i[j] * z[j];
                h_now[j] = o[j] * tangent(c_now[j]);
            }
            c = c_now;
            h = h_now;
        }
        const T *d_c = d_memory.at(r), *d_h = d_hidden.at(r), *d_state = d_states.at(r, t);
        return total<T>(hidden, [&](int64_t j) {
            return d_c[j] * (c[j] - c_before[j]) + (d_h[j] + d_state[j]) * (h[j] - h_before[j]);
        });
    }
};

EXPORT(skip, SkipForward, SkipBackward)
