// LSTM with peepholes, and with its input and forget gates coupled. Equations: cells/gated.py.
#pragma once

#include "functions.h"
#include "loop.h"

// Gates side by side: input, forget (unless coupled), candidate, output. Peepholes: input,
// forget (unless coupled), output.
template <class T, bool coupled>
struct GatedForward {
    const int64_t hidden;
    Steps<const T> inputs;
    Steps<T> gates, memory, states;
    Before<T> memory_before, states_before;
    Matrix<T> recurrent;
    const T* peephole;

    GatedForward(const int64_t* sizes, const Array* a)
        : hidden(sizes[OWN]), inputs(a[0]), gates(a[1]), memory(a[2]), states(a[3]),
          memory_before(memory, hidden), states_before(states, hidden),
          recurrent(values<T>(a[4]), (coupled ? 3 : 4) * hidden, hidden, hidden, 1),
          peephole(values<T>(a[5])) {}

    void step(Part part, int64_t t) {
        recurrent.product(
            states_before.rows(part, t), inputs.rows(part, t), gates.rows(part, t), part.count());
        const T *to_input = peephole, *to_forget = peephole + hidden;
        const T* to_output = peephole + (coupled ? 1 : 2) * hidden;
        for (int64_t r = part.begin; r < part.end; ++r) {
            const T* c_before = memory_before.at(r, t);
            T *c = memory.at(r, t), *h = states.at(r, t), *input = gates.at(r, t);
            T* forget = input + hidden;
            T *candidate = input + (coupled ? 1 : 2) * hidden, *output = candidate + hidden;
            EACH for (int64_t j = 0; j < hidden; ++j) {
                const T i = sigmoid(input[j] + to_input[j] * c_before[j]);
                const T f = coupled ? 1 - i : sigmoid(forget[j] + to_forget[j] * c_before[j]);
                const T z = tangent(candidate[j]);
                const T now = f * c_before[j] + i * z;
                const T o = sigmoid(output[j] + to_output[j] * now);
                input[j] = i;
                if (!coupled) forget[j] = f;
                candidate[j] = z;
                output[j] = o;
                c[j] = now;
                h[j] = o * tangent(now);
            }
        }
    }
};

template <class T, bool coupled>
struct GatedBackward {
    const int64_t hidden;
    Steps<const T> gates, d_states;
    Steps<T> memory, d_gates;
    Before<T> memory_before;
    Matrix<T> recurrent;
    const T* peephole;
    Steps<T> d_peephole;  // (threads, peepholes)
    Carry<T> d_hidden, d_memory;

    GatedBackward(const int64_t* sizes, const Array* a)
        : hidden(sizes[OWN]), gates(a[0]), d_states(a[1]), memory(a[2]), d_gates(a[3]),
          memory_before(memory, hidden),
          recurrent(values<T>(a[4]), hidden, (coupled ? 3 : 4) * hidden, 1, hidden),
          peephole(values<T>(a[5])), d_peephole(a[6]),
          d_hidden(sizes[BATCH], hidden), d_memory(sizes[BATCH], hidden) {}

    void step(Part part, int64_t t) {
        constexpr int last = coupled ? 1 : 2;
        const T *to_input = peephole, *to_forget = peephole + hidden;
        const T* to_output = peephole + last * hidden;
        T* d_to_input = d_peephole.at(part.thread, 0);
        T *d_to_forget = d_to_input + hidden, *d_to_output = d_to_input + last * hidden;
        for (int64_t r = part.begin; r < part.end; ++r) {
            const T *c_before = memory_before.at(r, t), *c = memory.at(r, t);
            const T *input = gates.at(r, t), *forget = input + hidden;
            const T *candidate = input + last * hidden, *output = candidate + hidden;
            T *d_input = d_gates.at(r, t), *d_forget = d_input + hidden;
            T *d_candidate = d_input + last * hidden, *d_output = d_candidate + hidden;
            const T* d_state = d_states.at(r, t);
            T *d_h = d_hidden.at(r), *d_c = d_memory.at(r);
            EACH for (int64_t j = 0; j < hidden; ++j) {
                const T i = input[j], z = candidate[j], o = output[j];
                const T f = coupled ? 1 - i : forget[j];
                const T squashed = tangent(c[j]), dh = d_h[j] + d_state[j];
                const T d_o = dh * squashed * o * (1 - o);
                const T dc = d_c[j] + dh * o * (1 - squashed * squashed) + to_output[j] * d_o;
                const T through_input = coupled ? z - c_before[j] : z;
                const T d_i = dc * through_input * i * (1 - i);
                const T d_f = coupled ? T(0) : dc * c_before[j] * f * (1 - f);
                d_input[j] = d_i;
                d_candidate[j] = dc * i * (1 - z * z);
                d_output[j] = d_o;
                d_c[j] = dc * f + to_input[j] * d_i;
                d_to_input[j] += d_i * c_before[j];
                d_to_output[j] += d_o * c[j];
                if (!coupled) {
                    d_forget[j] = d_f;
                    d_c[j] += to_forget[j] * d_f;
                    d_to_forget[j] += d_f * c_before[j];
                }
            }
        }
        recurrent.product(
            constant(d_gates.rows(part, t)), {nullptr, 0}, d_hidden.rows(part), part.count());
    }
};

template <class T> using PeepholeForward = GatedForward<T, false>;
template <class T> using PeepholeBackward = GatedBackward<T, false>;
template <class T> using CoupledForward = GatedForward<T, true>;
template <class T> using CoupledBackward = GatedBackward<T, true>;

EXPORT(peephole, PeepholeForward, PeepholeBackward)
EXPORT(coupled, CoupledForward, CoupledBackward)
