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

// The gradient of a row from that of (x - mean) * scale, in place.
template <class T>
inline void through_moments(T* d, const T* x, Moments<T> moments, int64_t count) {
    const T mean = total<T>(count, [=](int64_t i) { return d[i]; }) / count;
    const T along = total<T>(count, [=](int64_t i) { return d[i] * moments.of(x[i]); }) / count;
    EACH for (int64_t i = 0; i < count; ++i)
        d[i] = moments.scale * (d[i] - mean - moments.of(x[i]) * along);
}

// Asks for a row before it is read or written: those of a batch lie too far apart for a processor
// to guess the next.
template <bool written, class T>
INLINE void prefetch(const T* x, int64_t count) {
    for (int64_t i = 0; i < count; i += 64 / sizeof(T)) __builtin_prefetch(x + i, written, 2);
}

// What all rows and steps share.
template <class T>
struct Affine {
    const T *gain_input, *gain_hidden, *bias, *gain_memory, *bias_memory;

    explicit Affine(const Array* a)
        : gain_input(values<T>(a[0])), gain_hidden(values<T>(a[1])), bias(values<T>(a[2])),
          gain_memory(values<T>(a[3])), bias_memory(values<T>(a[4])) {}
};

// A row's products with W and with R.
template <class T>
struct Sums {
    const T *input, *hidden;
    Moments<T> of_input, of_hidden;

    // Their gates. One nonlinearity a loop: with several, its numbers do not fit into registers.
    void open(Affine<T> by, T* gates, int64_t size) const {
        const Sums sums = *this;
        auto sum = [=](int64_t j) {
            return sums.of_input.of(sums.input[j]) * by.gain_input[j] +
                   sums.of_hidden.of(sums.hidden[j]) * by.gain_hidden[j] + by.bias[j];
        };
        EACH for (int64_t j = 0; j < 2 * size; ++j) gates[j] = sigmoid(sum(j));
        EACH for (int64_t j = 2 * size; j < 3 * size; ++j) gates[j] = tangent(sum(j));
        EACH for (int64_t j = 3 * size; j < 4 * size; ++j) gates[j] = sigmoid(sum(j));
    }
};

template <class T>
struct LayerNormForward {
    const int64_t hidden;
    Steps<const T> inputs;
    Steps<T> recurrent, memory, scales, states;
    Before<T> memory_before, states_before;
    Matrix<T> weight;
    Affine<T> affine;
    Carry<T> opened;  // by thread

    LayerNormForward(const int64_t* sizes, const Array* a)
        : hidden(sizes[OWN]), inputs(a[0]), recurrent(a[1]), memory(a[2]), scales(a[3]),
          states(a[4]), memory_before(memory, hidden), states_before(states, hidden),
          weight(values<T>(a[5]), 4 * hidden, hidden, hidden, 1), affine(a + 6),
          opened(sizes[THREADS], 4 * hidden) {}

    void step(Part part, int64_t t) {
        weight.product(
            states_before.rows(part, t), {nullptr, 0}, recurrent.rows(part, t), part.count());
        for (int64_t r = part.begin; r < part.end; ++r) {
            prefetch<false>(inputs.at(std::min(r + 1, part.end - 1), t), 4 * hidden);
            const T *x = inputs.at(r, t), *y = recurrent.at(r, t);
            const Sums<T> sums{x, y, moments(x, 4 * hidden), moments(y, 4 * hidden)};
            T* gates = opened.at(part.thread);
            sums.open(affine, gates, hidden);
            const Moments<T> kept = remember(r, t, gates);
            T* scale = scales.at(r, t);
            for (const Moments<T>& found : {sums.of_input, sums.of_hidden, kept}) {
                *scale++ = found.mean;
                *scale++ = found.scale;
            }
        }
    }

   private:
    Moments<T> remember(int64_t r, int64_t t, const T* gates) {
        const T *input = gates, *forget = input + hidden, *candidate = forget + hidden;
        const T *output = candidate + hidden, *c_before = memory_before.at(r, t);
        T *c = memory.at(r, t), *h = states.at(r, t);
        EACH for (int64_t j = 0; j < hidden; ++j)
            c[j] = forget[j] * c_before[j] + input[j] * candidate[j];
        const Moments<T> kept = moments(c, hidden);
        const Affine<T> by = affine;
        EACH for (int64_t j = 0; j < hidden; ++j)
            h[j] = output[j] * tangent(kept.of(c[j]) * by.gain_memory[j] + by.bias_memory[j]);
        return kept;
    }
};

// Gates are computed again: that takes less time than to write them down and read them back.
template <class T>
struct LayerNormBackward {
    const int64_t hidden;
    Steps<const T> inputs, recurrent;
    Steps<T> memory;
    Steps<const T> scales, d_states;
    Steps<T> d_inputs, d_recurrent;
    Before<T> memory_before;
    Matrix<T> weight;
    Affine<T> affine;
    Steps<T> d_gain_input, d_gain_hidden, d_bias, d_gain_memory, d_bias_memory;  // by thread
    Carry<T> d_hidden, d_memory;

    LayerNormBackward(const int64_t* sizes, const Array* a)
        : hidden(sizes[OWN]), inputs(a[0]), recurrent(a[1]), memory(a[2]), scales(a[3]),
          d_states(a[4]), d_inputs(a[5]), d_recurrent(a[6]), memory_before(memory, hidden),
          weight(values<T>(a[7]), hidden, 4 * hidden, 1, hidden), affine(a + 8),
          d_gain_input(a[13]), d_gain_hidden(a[14]), d_bias(a[15]), d_gain_memory(a[16]),
          d_bias_memory(a[17]), d_hidden(sizes[BATCH], hidden), d_memory(sizes[BATCH], hidden) {}

    void step(Part part, int64_t t) {
        for (int64_t r = part.begin; r < part.end; ++r) {
            const int64_t next = std::min(r + 1, part.end - 1);
            const T* scale = scales.at(r, t);
            const Sums<T> sums{
                inputs.at(r, t), recurrent.at(r, t), {scale[0], scale[1]}, {scale[2], scale[3]}};
            // In place, gates become their gradients, and these the gradients of the products.
            T *gates = d_inputs.at(r, t), *d_c = d_recurrent.at(r, t);
            prefetch<false>(inputs.at(next, t), 4 * hidden);
            sums.open(affine, gates, hidden);
            prefetch<false>(recurrent.at(next, t), 4 * hidden);
            prefetch<false>(d_states.at(next, t), hidden);
            prefetch<false>(memory_before.at(next, t), hidden);
            through_output(part.thread, r, t, {scale[4], scale[5]}, gates + 3 * hidden, d_c);
            prefetch<true>(d_inputs.at(next, t), 4 * hidden);
            through_memory(r, t, d_c, gates);
            prefetch<true>(d_recurrent.at(next, t), 4 * hidden);
            through_sums(part.thread, sums, gates, d_recurrent.at(r, t));
        }
        weight.product(
            constant(d_recurrent.rows(part, t)), {nullptr, 0}, d_hidden.rows(part), part.count());
    }

   private:
    // h = o * tanh(LN(c)): gradients of the output gate, and of c along this way.
    void through_output(
        int64_t thread, int64_t r, int64_t t, Moments<T> kept, T* output, T* d_c) {
        const T *c = memory.at(r, t), *d_h = d_hidden.at(r), *d_state = d_states.at(r, t);
        T *d_gain = d_gain_memory.at(thread, 0), *d_shift = d_bias_memory.at(thread, 0);
        const Affine<T> by = affine;
        EACH for (int64_t j = 0; j < hidden; ++j) {
            const T o = output[j], dh = d_h[j] + d_state[j], normal = kept.of(c[j]);
            const T squashed = tangent(normal * by.gain_memory[j] + by.bias_memory[j]);
            const T d_seen = dh * o * (1 - squashed * squashed);
            output[j] = dh * squashed * o * (1 - o);
            d_gain[j] += d_seen * normal;
            d_shift[j] += d_seen;
            d_c[j] = d_seen * by.gain_memory[j];
        }
        through_moments(d_c, c, kept, hidden);
    }

    // c = f * c' + i * z: gradients of the other gates.
    void through_memory(int64_t r, int64_t t, const T* d_seen, T* gates) {
        const T* c_before = memory_before.at(r, t);
        T *input = gates, *forget = input + hidden, *candidate = forget + hidden;
        T* d_c = d_memory.at(r);
        EACH for (int64_t j = 0; j < hidden; ++j) {
            const T i = input[j], f = forget[j], z = candidate[j], dc = d_c[j] + d_seen[j];
            input[j] = dc * z * i * (1 - i);
            forget[j] = dc * c_before[j] * f * (1 - f);
            candidate[j] = dc * i * (1 - z * z);
            d_c[j] = dc * f;
        }
    }

    // sum = LN(x) * g_x + LN(y) * g_y + b: gradients of both products, d_x in place of the gates'.
    void through_sums(int64_t thread, const Sums<T>& of, T* d_x, T* d_y) {
        T *d_gain_x = d_gain_input.at(thread, 0), *d_gain_y = d_gain_hidden.at(thread, 0);
        T* d_b = d_bias.at(thread, 0);
        const Sums<T> sums = of;
        const Affine<T> by = affine;
        EACH for (int64_t j = 0; j < 4 * hidden; ++j) {
            const T d = d_x[j];
            d_gain_x[j] += d * sums.of_input.of(sums.input[j]);
            d_gain_y[j] += d * sums.of_hidden.of(sums.hidden[j]);
            d_b[j] += d;
            d_x[j] = d * by.gain_input[j];
            d_y[j] = d * by.gain_hidden[j];
        }
        through_moments(d_x, sums.input, sums.of_input, 4 * hidden);
        through_moments(d_y, sums.hidden, sums.of_hidden, 4 * hidden);
    }
};

EXPORT(layer_norm, LayerNormForward, LayerNormBackward)
