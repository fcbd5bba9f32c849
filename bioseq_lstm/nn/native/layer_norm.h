// LSTM with layer normalisation of its gates and its memory. Equations: cells/layer_norm.py.
#pragma once

#include "functions.h"
#include "loop.h"

// What takes a row to mean 0 and variance 1: (x - mean) * scale.
template <class T>
struct Moments {
    T mean, scale;

    INLINE T of(T x) const { return (x - mean) * scale; }
};

template <class T>
inline Moments<T> moments(const T* x, int64_t count) {
    const T mean = total<T>(count, [=](int64_t i) { return x[i]; }) / count;
    const T squares = total<T>(count, [=](int64_t i) { return (x[i] - mean) * (x[i] - mean); });
    return {mean, 1 / std::sqrt(squares / count + T(1e-5))};
}

template <class T>
struct LayerNormForward {
    const int64_t hidden;
    Steps<const T> inputs;
    Steps<T> recurrent, memory, scales, states;
    Before<T> memory_before, states_before;
    Matrix<T> weight;
    const T *gain, *gain_memory, *bias_memory;

    LayerNormForward(const int64_t* sizes, const Array* a)
        : hidden(sizes[OWN]), inputs(a[0]), recurrent(a[1]), memory(a[2]), scales(a[3]),
          states(a[4]), memory_before(memory, hidden), states_before(states, hidden),
          weight(values<T>(a[5]), 4 * hidden, hidden, hidden, 1), gain(values<T>(a[6])),
          gain_memory(values<T>(a[7])), bias_memory(values<T>(a[8])) {}

    void step(Part part, int64_t t) {
        weight.product(
            states_before.rows(part, t), {nullptr, 0}, recurrent.rows(part, t), part.count());
        for (int64_t r = part.begin; r < part.end; ++r) {
            const T *from_input = inputs.at(r, t), *from_hidden = recurrent.at(r, t);
            const T* c_before = memory_before.at(r, t);
            T *c = memory.at(r, t), *h = states.at(r, t);
            const Moments<T> gates = moments(from_hidden, 4 * hidden);
            auto gate = [=](int64_t j) {
                return from_input[j] + gates.of(from_hidden[j]) * gain[j];
            };
            EACH for (int64_t j = 0; j < hidden; ++j) {
                const T i = sigmoid(gate(j)), f = sigmoid(gate(hidden + j));
                c[j] = f * c_before[j] + i * tangent(gate(2 * hidden + j));
            }
            const Moments<T> kept = moments(c, hidden);
            EACH for (int64_t j = 0; j < hidden; ++j) {
                const T seen = kept.of(c[j]) * gain_memory[j] + bias_memory[j];
                h[j] = sigmoid(gate(3 * hidden + j)) * tangent(seen);
            }
            T* scale = scales.at(r, t);
            scale[0] = gates.mean, scale[1] = gates.scale;
            scale[2] = kept.mean, scale[3] = kept.scale;
        }
    }
};

// The gradient of a row from that of (x - mean) * scale, in place.
template <class T>
inline void through_moments(T* d, const T* x, Moments<T> moments, int64_t count) {
    const T mean = total<T>(count, [=](int64_t i) { return d[i]; }) / count;
    const T along = total<T>(count, [=](int64_t i) { return d[i] * moments.of(x[i]); }) / count;
    EACH for (int64_t i = 0; i < count; ++i)
        d[i] = moments.scale * (d[i] - mean - moments.of(x[i]) * along);
}

// Gates are computed again: that costs less than to write them down and read them back.
template <class T>
struct LayerNormBackward {
    const int64_t hidden;
    Steps<const T> inputs, recurrent;
    Steps<T> memory;
    Steps<const T> scales, d_states;
    Steps<T> d_inputs, d_recurrent;
    Before<T> memory_before;
    Matrix<T> weight;
    const T *gain, *gain_memory, *bias_memory;
    Steps<T> d_gain, d_gain_memory, d_bias_memory;  // (threads, features)
    Carry<T> d_hidden, d_memory;

    LayerNormBackward(const int64_t* sizes, const Array* a)
        : hidden(sizes[OWN]), inputs(a[0]), recurrent(a[1]), memory(a[2]), scales(a[3]),
          d_states(a[4]), d_inputs(a[5]), d_recurrent(a[6]), memory_before(memory, hidden),
          weight(values<T>(a[7]), hidden, 4 * hidden, 1, hidden), gain(values<T>(a[8])),
          gain_memory(values<T>(a[9])), bias_memory(values<T>(a[10])), d_gain(a[11]),
          d_gain_memory(a[12]), d_bias_memory(a[13]), d_hidden(sizes[BATCH], hidden),
          d_memory(sizes[BATCH], hidden) {}

    void step(Part part, int64_t t) {
        for (int64_t r = part.begin; r < part.end; ++r) {
            const T* scale = scales.at(r, t);
            const Moments<T> gates{scale[0], scale[1]}, kept{scale[2], scale[3]};
            T *d_gate = d_inputs.at(r, t), *d_sum = d_recurrent.at(r, t);
            through_output(part.thread, r, t, gates, kept, d_gate + 3 * hidden, d_sum);
            through_gates(r, t, gates, d_sum, d_gate);
            const T* sum = recurrent.at(r, t);
            T* d_gains = d_gain.at(part.thread, 0);
            EACH for (int64_t j = 0; j < 4 * hidden; ++j) {
                d_gains[j] += d_gate[j] * gates.of(sum[j]);
                d_sum[j] = d_gate[j] * gain[j];
            }
            through_moments(d_sum, sum, gates, 4 * hidden);
        }
        weight.product(
            constant(d_recurrent.rows(part, t)), {nullptr, 0}, d_hidden.rows(part), part.count());
    }

   private:
    // h = o * tanh(LN(c)): gradients of the output gate's sum, and of c along this way.
    void through_output(
        int64_t thread, int64_t r, int64_t t, Moments<T> gates, Moments<T> kept, T* d_output,
        T* d_c) {
        const T *from_input = inputs.at(r, t) + 3 * hidden, *c = memory.at(r, t);
        const T *from_hidden = recurrent.at(r, t) + 3 * hidden, *to_output = gain + 3 * hidden;
        const T *d_h = d_hidden.at(r), *d_state = d_states.at(r, t);
        T *d_gains = d_gain_memory.at(thread, 0), *d_biases = d_bias_memory.at(thread, 0);
        EACH for (int64_t j = 0; j < hidden; ++j) {
            const T o = sigmoid(from_input[j] + gates.of(from_hidden[j]) * to_output[j]);
            const T normal = kept.of(c[j]), dh = d_h[j] + d_state[j];
            const T squashed = tangent(normal * gain_memory[j] + bias_memory[j]);
            const T d_seen = dh * o * (1 - squashed * squashed);
            d_output[j] = dh * squashed * o * (1 - o);
            d_gains[j] += d_seen * normal;
            d_biases[j] += d_seen;
            d_c[j] = d_seen * gain_memory[j];
        }
        through_moments(d_c, c, kept, hidden);
    }

    // c = f * c' + i * z: gradients of the other gates' sums.
    void through_gates(int64_t r, int64_t t, Moments<T> gates, const T* d_c, T* d_gate) {
        const T *from_input = inputs.at(r, t), *from_hidden = recurrent.at(r, t);
        const T* c_before = memory_before.at(r, t);
        T* d_carried = d_memory.at(r);
        auto gate = [=](int64_t j) { return from_input[j] + gates.of(from_hidden[j]) * gain[j]; };
        EACH for (int64_t j = 0; j < hidden; ++j) {
            const T i = sigmoid(gate(j)), f = sigmoid(gate(hidden + j));
            const T z = tangent(gate(2 * hidden + j)), dc = d_carried[j] + d_c[j];
            d_gate[j] = dc * z * i * (1 - i);
            d_gate[hidden + j] = dc * c_before[j] * f * (1 - f);
            d_gate[2 * hidden + j] = dc * i * (1 - z * z);
            d_carried[j] = dc * f;
        }
    }
};

EXPORT(layer_norm, LayerNormForward, LayerNormBackward)
